#!/usr/bin/perl

# Many requests at once: as many as are allowed, none twice, none that slows
# down another provider; connections that stay; answers that have not changed.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Path qw/ remove_tree /;
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Crowd;
use Wizdata::Ingestion;
use Wizdata::Postgres;

my $pg = Wizdata::Postgres->start();
my $p = Wizdata::Crowd->start();
my $bank = Wizdata::Crowd->start();
my ($in, $job, @jobs);

# A service on empty tables.
sub service {
    my (%env) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM provider_quota;
        DELETE FROM lake_fresh; DELETE FROM provider_dataset));
    $_->rules() for $p, $bank;
    $_->release() for $p, $bank;
    $_->forget() for $p, $bank;
    return $in = Wizdata::Ingestion->start($pg, url => $p->url(),
        WIZDATA_WORLDBANK_URL => $bank->url(),
        WIZDATA_INGESTION_TIMEOUT => '30s', WIZDATA_INGESTION_LEASE => '60s',
        %env);
}

# Jobs of that many symbols; a mark in front keeps them apart.
sub quotes {
    my ($n, $mark) = @_;

    return split /\n/, $pg->psql("INSERT INTO ingest_job (provider, dataset,
        args) SELECT 'alphavantage', 'quote', jsonb_build_object('symbol',
        '$mark' || g) FROM generate_series(1, $n) g RETURNING id;
        NOTIFY wizdata_ingest");
}

sub done {
    my (@ids) = @_;

    my $list = join ',', @ids;
    return $in->wait_for(sub { $pg->psql("SELECT count(*) FROM ingest_job
        WHERE id IN ($list) AND status = 'done'") == @ids }, 60);
}

# ---- as many at once as the setting says

service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 7);
$p->rules({ hold => 1 });
@jobs = quotes(40, 'A');
ok($p->holds(7), 'seven requests are under way');
is($in->wait_for(sub { $in->provider('alphavantage')->{running} == 7 }), 1,
    'and the status says so');
is($in->provider('alphavantage')->{concurrency}, 7, 'of seven');
is($p->release(3), 4, 'three are answered');
ok($p->holds(7), 'others take their places');
$p->rules();
$p->release();
ok(done(@jobs), 'all are done');
is($p->peak(), 7, 'never more than seven at once');
is($p->asked(), 40, 'each was asked once');

# ---- hundreds, in one process

service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 300);
$p->rules({ hold => 1 });
@jobs = quotes(310, 'B');
ok($p->holds(300), 'three hundred requests are under way');
ok($in->wait_for(sub { $in->provider('alphavantage')->{running} == 300 }),
    'the status says so');
$p->rules();
$p->release();
ok(done(@jobs), 'all are done');
is($p->peak(), 300, 'never more');
my %symbols = map { $_->{target} => 1 } $p->requests();
is(keys %symbols, 310, 'none was asked twice');

# ---- a provider that hangs holds up nobody else

sub bank_seconds {
    my ($mark) = @_;

    my @ids = split /\n/, $pg->psql("INSERT INTO ingest_job (provider, dataset,
        args) SELECT 'worldbank', 'indicator', jsonb_build_object('indicator',
        '$mark.' || g, 'country', 'all') FROM generate_series(1, 50) g
        RETURNING id");
    my $from = time;
    $pg->psql('NOTIFY wizdata_ingest');
    ok(done(@ids), 'fifty jobs of another provider');
    return time - $from;
}

service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 100,
    WIZDATA_INGESTION_TIMEOUT => '600s', WIZDATA_INGESTION_LEASE => '700s');
my $alone = bank_seconds('ALONE');
$p->rules({ hang => 1 });
quotes(200, 'C');
ok($in->wait_for(sub { $p->asked() == 100 }), 'one provider hangs');
my $beside = bank_seconds('BESIDE');
note sprintf 'alone %.2f s, beside the one that hangs %.2f s', $alone, $beside;
cmp_ok($beside, '<', 3 * $alone + 2, 'at their usual speed');
is($p->asked(), 100, 'it hangs still');

# ---- equal jobs, asked for by many at once, are one

service();
$p->rules({ hold => 1 });
my @callers = map { $in->svc->connect() } 1 .. 20;
my @asks = map { $_->ask('ingest.run', { provider => 'alphavantage',
        dataset => 'daily', symbol => 'IBM' }) } @callers;
my %ids;
for my $i (0 .. $#callers) {
    my $frame = $callers[$i]->answer($asks[$i]);
    my ($id) = $frame->[3][2] =~ /"id":(\d+)/;
    $ids{ $id // 'none' }++;
}
is_deeply([ values %ids ], [20], 'twenty callers have the same job');
ok($p->holds(1), 'one request');
$p->release();
ok(done(keys %ids), 'it ends');
is($p->asked(), 1, 'asked once');

# ---- not modified

sub daily { $in->wait_job($in->run('alphavantage', 'daily', symbol => 'IBM')) }

sub fresh {
    return $pg->psql("SELECT seen, etag, modified FROM lake_fresh
        WHERE dataset = 'daily'");
}

service(WIZDATA_INGESTION_ATTEMPTS => 2);
$p->rules({ etag => '"one"',
    headers => ['Last-Modified: Thu, 02 May 2024 00:00:00 GMT'] });
$job = daily();
is("$job->{status} $job->{objects} $job->{duplicates}", 'done 1 0', 'data');
is(($p->requests())[0]{none_match}, undef, 'asked without a condition');
$job = daily();
is("$job->{status} $job->{objects} $job->{duplicates}", 'done 0 1',
    'not modified: a duplicate');
my $asked = ($p->requests())[1];
is("$asked->{status} $asked->{none_match} $asked->{since}",
    '304 "one" Thu, 02 May 2024 00:00:00 GMT', 'asked with both conditions');
is(scalar($in->manifest()), 1, 'nothing is stored');
is(fresh(), '2|"one"|Thu, 02 May 2024 00:00:00 GMT', 'it was seen again');
daily();
is(fresh(), '3|"one"|Thu, 02 May 2024 00:00:00 GMT', 'and again');
my ($quote) = grep { $_->{name} eq 'daily' }
    @{ $in->provider('alphavantage')->{datasets} };
is($quote->{succeeded}, 3, 'each counts as a success');
isnt($quote->{last_success}, $quote->{last_change}, 'none as a change');

$p->rules({ etag => '"two"', body => '{"Meta Data": {"2. Symbol": "IBM"}, '
        . '"Time Series (Daily)": {"2024-01-03": {"1. open": "2"}}}' });
$job = daily();
is("$job->{status} $job->{objects} $job->{duplicates}", 'done 1 0',
    'what has changed is stored');
is(scalar($in->manifest()), 2, 'in the lake');
is(fresh(), '1|"two"|', 'and seen once');
$p->rules({ status => 304 });
is((daily())->{status}, 'done', '304 without repeating the condition');
is(fresh(), '2|"two"|', 'which is kept');
$p->rules({ status => 304 });
$pg->psql('DELETE FROM lake_fresh');
$job = daily();
is($job->{status}, 'failed', '304 to a question without a condition');
is(scalar($in->manifest()), 2, 'is no data');

# A lake that was lost, or came from a backup, gets what it has not.
$p->rules({ etag => '"one"' });
daily();
is((daily())->{duplicates}, 1, 'not modified');
$in->down();
remove_tree("$in->{lake}/raw", "$in->{lake}/manifest.ndjson");
$pg->psql('UPDATE lake_cursor SET seq = 0');
$in->up();
$job = daily();
is("$job->{status} $job->{objects} $job->{duplicates}", 'done 1 0',
    'asked for without a condition');
is(scalar($in->manifest()), 1, 'and there again');
is((daily())->{duplicates}, 1, 'then with one');

# An answer that fails does not become what the next one is compared with.
$p->rules({ etag => '"bad"', body => '<html>' });
is(daily()->{status}, 'failed', 'a bad answer');
$p->rules({ etag => '"bad"' });
is(daily()->{status}, 'done', 'a good one with its name');
is(($p->requests())[-1]{none_match}, undef, 'asked without a condition');

# ---- pages are asked for without conditions

$bank->rules({ etag => '"page"' });
$job = $in->wait_job($in->run('worldbank', 'indicator', indicator => 'A',
        country => 'all')) for 1 .. 2;
is("$job->{status} $job->{duplicates}", 'done 2', 'both pages again');
is(join(' ', map { $_->{none_match} // '-' } $bank->requests()), '- - - -',
    'no page is asked for with a condition');

# ---- connections stay

service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 3);
ok(done(quotes(60, 'K')), 'sixty jobs');
cmp_ok($p->connections(), '<=', 3, 'on three connections');

unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
