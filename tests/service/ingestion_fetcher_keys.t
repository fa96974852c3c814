#!/usr/bin/perl

# Budgets: of each key of an account for itself, over restarts and reloads, by
# a provider that counts what each key asks.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use List::Util qw/ uniq /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::Crowd;
use Wizdata::Ingestion;
use Wizdata::Postgres;

my $pg = Wizdata::Postgres->start();
my $p = Wizdata::Crowd->start();
my ($in, @jobs);
my $mark = 'A';

sub service {
    my (%env) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM provider_quota));
    $p->rules();
    $p->forget();
    return $in = Wizdata::Ingestion->start($pg, url => $p->url(),
        WIZDATA_INGESTION_TIMEOUT => '20s', WIZDATA_INGESTION_LEASE => '40s',
        %env);
}

sub again {
    my (%env) = @_;

    $in->down();
    $in->{env}{$_} = $env{$_} for keys %env;
    $in->up();
}

sub quotes {
    my ($n) = @_;

    $mark++;
    return split /\n/, $pg->psql("INSERT INTO ingest_job (provider, dataset,
        args) SELECT 'alphavantage', 'quote', jsonb_build_object('symbol',
        '$mark' || g) FROM generate_series(1, $n) g RETURNING id;
        NOTIFY wizdata_ingest");
}

sub count_done {
    return $pg->psql("SELECT count(*) FROM ingest_job WHERE status = 'done'");
}

sub ends { my ($n) = @_; $in->wait_for(sub { count_done() == $n }, 60) }

# "key:calls ..." in the order of the keys.
sub by_key {
    my %n;
    $n{ $_->{key} }++ for $p->requests();
    return join ' ', map { "$_:$n{$_}" } sort keys %n;
}

sub over { scalar grep { $_->{over} } $p->requests() }

sub state_is {
    my ($state) = @_;

    return $in->wait_for(sub {
        $in->provider('alphavantage')->{state} eq $state });
}

sub quota { $in->provider('alphavantage')->{quota} }

my @two = (key => 'key-first-0001,key-other-0002');

# ---- each key has its day, the sum is used

service(@two, WIZDATA_ALPHAVANTAGE_PER_DAY => 5,
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 3);
$p->rules({ budget => { day => 5 } });
quotes(14);
ok(ends(10), 'two keys of five calls a day: ten');
ok(state_is('parked'), 'then parked');
is(by_key(), 'key-first-0001:5 key-other-0002:5', 'five of each');
is(over(), 0, 'the provider refused none');
my $q = quota();
is("$q->{day}{limit} $q->{day}{left} $q->{keys} $q->{keys_refused}",
    '10 0 2 0', 'the status has the sum');

again();
sleep 1.2;
is($p->asked(), 10, 'a restart spends none');
again(WIZDATA_ALPHAVANTAGE_KEY => 'key-other-0002, key-first-0001');
sleep 1.2;
is($p->asked(), 10, 'nor does another order of the keys');

again(WIZDATA_ALPHAVANTAGE_KEY => 'key-other-0002,key-third-0003');
ok(ends(14), 'a new key has a day of its own');
is(by_key(), 'key-first-0001:5 key-other-0002:5 key-third-0003:4',
    'and pays for all');
$q = quota();
is("$q->{day}{limit} $q->{day}{left}", '10 1',
    'a key that is no more counts for nothing');

# ---- what is left of each window is that of all keys

service(@two, WIZDATA_ALPHAVANTAGE_PER_DAY => 100,
    WIZDATA_ALPHAVANTAGE_PER_MINUTE => 50);
quotes(1);
ok(ends(1), 'one call');
$q = quota();
is("$q->{minute}{limit} $q->{minute}{left} $q->{day}{limit} $q->{day}{left}",
    '100 99 200 199', 'the others are left');
like(($in->c->call('sys.metrics', {}))[2], qr/^wizdata_provider_quota_left
    \{[^}]*provider="alphavantage"[^}]*window="day"[^}]*\}\s199$/mx,
    'also in the metrics');

# ---- the same key twice is one key

service(key => 'key-twice-0001,key-twice-0001', WIZDATA_ALPHAVANTAGE_PER_DAY =>
    3);
$p->rules({ budget => { day => 3 } });
quotes(5);
ok(state_is('parked'), 'the same key twice');
is(by_key(), 'key-twice-0001:3', 'has one budget');
$q = quota();
is("$q->{keys} $q->{day}{limit}", '1 3', 'and counts once');

# ---- a refused key leaves the others going

service(key => 'key-wrong-0001,key-right-0002');
my $no = '{"Error Message": "the parameter apikey is invalid or missing."}';
$p->rules({ match => 'key-wrong', body => $no });
quotes(10);
ok(ends(10), 'one key of two is refused: all are done');
like(by_key(), qr/^key-right-0002:10 key-wrong-0001:[1-4]$/,
    'the other is not asked with for long');
$q = quota();
is("$q->{keys_refused}", 1, 'the status tells');
is($in->provider('alphavantage')->{state}, 'ok', 'and that it goes on');
my $wrong = grep { $_->{key} eq 'key-wrong-0001' } $p->requests();
quotes(5);
ok(ends(15), 'more jobs');
is(scalar(grep { $_->{key} eq 'key-wrong-0001' } $p->requests()), $wrong,
    'without the refused key');
$p->rules({ match => 'key-wrong|key-right', body => $no });
quotes(2);
ok(state_is('stopped'), 'both are refused: stopped');

# ---- a key whose day is over leaves the others going

service(@two, WIZDATA_ALPHAVANTAGE_CONCURRENCY => 1);
$p->rules({ match => 'key-first', budget => { day => 2 } });
quotes(8);
ok(ends(8), 'the provider ends one key\'s day: all are done');
is(by_key(), 'key-first-0001:3 key-other-0002:6', 'by the other');
is($pg->psql("SELECT count(*) FROM provider_quota WHERE blocked_by =
    'limit_long' AND blocked_until = date_trunc('day', now() AT TIME ZONE
    'UTC') AT TIME ZONE 'UTC' + interval '1 day'"), 1,
    'the first waits for its next day');
is($in->provider('alphavantage')->{state}, 'ok', 'the provider is well');

# Several requests of a key are under way when its day ends: one end, not two.
service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 4);
$p->rules({ hold => 1, budget => { day => 0 } });
quotes(4);
ok($p->holds(4), 'four requests of one key');
$p->release();
ok(state_is('parked'), 'its day is over');
is($pg->psql("SELECT blocked_until = date_trunc('day', now() AT TIME ZONE
    'UTC') AT TIME ZONE 'UTC' + interval '1 day' FROM provider_quota"), 't',
    'it waits for the next day, not for an hour');
is($p->asked(), 4, 'none is asked again');

# ---- a second is a second for many jobs, and a minute a minute

service(@two, WIZDATA_ALPHAVANTAGE_PER_SECOND => 5,
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 50);
my $from = time;
quotes(50);
ok(ends(50), 'fifty jobs, five a second of each of two keys');
cmp_ok(time - $from, '>=', 4, 'take four seconds at least');
is(by_key(), 'key-first-0001:25 key-other-0002:25', 'by both alike');

service(WIZDATA_ALPHAVANTAGE_PER_MINUTE => 6,
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 20);
quotes(20);
ok(ends(6), 'six a minute: six');
ok(state_is('limited'), 'then limited');
again();
sleep 1.2;
is($p->asked(), 6, 'a restart spends none');
is(quota()->{minute}{left}, 0, 'none is left');

# ---- a short limit is that of its key

service(@two, WIZDATA_ALPHAVANTAGE_CONCURRENCY => 1);
$p->rules({ match => 'key-first', times => 1, status => 429, body => 'slow',
        headers => ['Retry-After: 600'] });
quotes(6);
ok(ends(5), 'one key is told to wait for ten minutes');
is(by_key(), 'key-first-0001:1 key-other-0002:5', 'the other goes on');

# ---- calls that were made without the database are told it at once

service(WIZDATA_WORLDBANK_PER_DAY => 10);
$p->rules({ match => 'page=1', hold => 1 });
my ($id) = $in->run('worldbank', 'indicator', indicator => 'A',
    country => 'all');
ok($p->holds(1), 'the first page is under way');
$pg->stop_server();
$p->release();
ok($in->wait_for(sub { $p->asked() == 2 }), 'the second page is asked for'
    . ' without a database');
$pg->start_server();
is($in->wait_job($id)->{status}, 'done', 'done');
ok($in->wait_for(sub { $pg->psql("SELECT used FROM provider_quota WHERE
    provider = 'worldbank'") == 2 }), 'both calls are counted');

# ---- more keys than there may be are an error, not a silent loss

$in->down();
my $many = Wizdata::Ingestion->can('start');
ok(!eval { $many->('Wizdata::Ingestion', $pg, url => $p->url(),
        key => join ',', map { "key-number-$_" } 1 .. 17); 1 },
    'seventeen keys are refused');
like($@, qr/16 keys/, 'and the message says how many may be');
unlike($@, qr/key-number/, 'without telling one');

unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
