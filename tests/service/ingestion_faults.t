#!/usr/bin/perl

# Providers that fail in every way: what is kept, what is tried again, what
# is told, and that the other provider does not notice.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time sleep /;

use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Provider;

my $pg = Wizdata::Postgres->start();
my $provider = Wizdata::Provider->start();
my ($in, $job, $id, @rows, $p);

# A service whose Alpha Vantage has that manner; the World Bank is well.
sub service {
    my ($manner, %env) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; UPDATE provider_quota SET calls = '{}',
        used = 0, blocked_until = '-infinity', refused = 0));
    return $in = Wizdata::Ingestion->start($pg, url => $provider->url('ok'),
        WIZDATA_ALPHAVANTAGE_URL => $provider->url($manner), %env);
}

sub fetch { $in->wait_job($in->run('alphavantage', 'quote', symbol => 'IBM')) }

sub outcome { join ' ', map { $_ // '-' } @{ $_[0] }{qw/ status class attempts
    objects /} }

sub asked { scalar grep { /^$_[0] / } $provider->requests() }

# ---- an answer without end is cut, kept and not asked for again

service('endless', WIZDATA_INGESTION_MAX_BYTES => '256k');
$job = fetch();
is(outcome($job), 'failed malformed 1 1', 'endless: failed, kept');
like($job->{reason}, qr/longer than 262144 bytes/, 'the reason');
@rows = $in->manifest();
is($rows[0]{size}, 262144, 'what came up to the bound');
is(length $in->object($rows[0]), 262144, 'is in the lake');
$p = $in->provider('alphavantage');
is($p->{last_error}{class}, 'malformed', 'and in the status');
like(($in->c->call('sys.metrics', {}))[2], qr/^external_api_calls_total
    \{[^}]*status="malformed"[^}]*\}\s1$/mx, 'and in the metrics');
is(outcome($in->wait_job($in->run('worldbank', 'indicator',
            indicator => 'A', country => 'all'))), 'done - 1 2',
    'the other provider is well');

# ---- cut in the middle: what came is kept, the rest asked for again

service('cut');
is(outcome($job = fetch()), 'done - 2 2', 'cut: again, then whole');
@rows = $in->manifest();
is($rows[0]{size}, 40, 'the part');
is($rows[1]{size}, length $in->object($rows[1]), 'the whole');

service('reset', WIZDATA_INGESTION_ATTEMPTS => 2);
$job = fetch();
is($job->{status}, 'failed', 'reset: failed');
is($job->{attempts}, 2, 'after the attempts allowed');

# ---- compressed

service('gzip');
is(outcome(fetch()), 'done - 1 1', 'gzip');
is($in->object(($in->manifest())[0]), Wizdata::Provider::body('?symbol=IBM'),
    'is stored unpacked');
service('bad-gzip', WIZDATA_INGESTION_ATTEMPTS => 1);
$job = fetch();
is("$job->{status} $job->{class}", 'failed malformed', 'half a gzip stream');

# ---- slow, silent, absent

service('slow', WIZDATA_INGESTION_ATTEMPTS => 1,
    WIZDATA_INGESTION_TIMEOUT => '1s');
my $from = time;
is(outcome(fetch()), 'failed upstream 1 0', 'a byte a second: failed');
ok(time - $from < 5, 'in time');
service('hang', WIZDATA_INGESTION_ATTEMPTS => 1,
    WIZDATA_INGESTION_TIMEOUT => '500ms');
is(outcome(fetch()), 'failed upstream 1 0', 'no answer: failed');
service('ok', WIZDATA_ALPHAVANTAGE_URL => 'http://127.0.0.1:1',
    WIZDATA_INGESTION_ATTEMPTS => 2);
is(outcome(fetch()), 'failed upstream 2 0', 'nobody there: failed');

# ---- outages and limits that pass

service('flaky');
is(outcome(fetch()), 'done - 3 1', '502 twice: the third time');
service('retry-after');
$from = time;
is(outcome(fetch()), 'done - 2 1', '429: the second time');
ok(time - $from >= 1, 'not before Retry-After');
service('html400');
is(outcome(fetch()), 'done - 2 1', '400 is asked once more');
service('second');
$id = $in->run('alphavantage', 'quote', symbol => 'IBM');
$in->wait_job($id, sub { ($_[0]{class} // '') eq 'limit_short' });
is($in->wait_for(sub { $in->provider('alphavantage')->{state} eq 'limited' }),
    1, 'limit per second: limited');
is(outcome($in->wait_job($id)), 'done - 2 1', 'then done');

# ---- the breaker

# What is seen may be over when the next thing is looked at, on a machine that
# stands for as long as the breaker is open: then once more.
my (@at, $seen, $health);
for (1 .. 5) {
    my $n = $provider->times('down');
    my $opened = sub {
        my ($failures) = @_;
        $in->wait_for(sub { $p = $in->provider('alphavantage');
            $p->{state} eq 'breaker_open'
                && $p->{failures_in_a_row} >= $failures });
        $health = JSON::PP->new->decode(($in->c->call('sys.health', {}))[2]);
        @at = $provider->times('down');
        splice @at, 0, $n;
        return "$p->{failures_in_a_row} of " . @at . " $health->{status}";
    };
    service('down', WIZDATA_INGESTION_ATTEMPTS => 100,
        WIZDATA_INGESTION_BREAKER_FAILURES => 3,
        WIZDATA_INGESTION_BREAKER_OPEN => '700ms');
    $in->run('alphavantage', 'quote', symbol => 'IBM');
    $seen = join ', ', $opened->(1), $opened->(4);
    last if $seen eq '3 of 3 degraded, 4 of 4 degraded';
}
is($seen, '3 of 3 degraded, 4 of 4 degraded', 'the breaker opens after three'
    . ' outages in a row, then after one, and status and health say so');
cmp_ok($at[3] - $at[2], '>=', 0.7, 'between them it was open');
is(outcome($in->wait_job($in->run('worldbank', 'indicator',
            indicator => 'B', country => 'all'))), 'done - 1 2',
    'the other provider is well');

# ---- the day's quota: parked, over a restart too, and the key is not told

service('daily', key => 'S3CRET-KEY-OF-THE-TEST',
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 1);
$id = $in->run('alphavantage', 'quote', symbol => 'IBM');
ok($in->wait_for(sub { $in->provider('alphavantage')->{state} eq 'parked' }),
    'parked');
$job = $in->job($id);
is(outcome($job), 'queued limit_long 0 0', 'the job waits, nothing is kept');
is($job->{not_before}, $pg->psql(q(SELECT to_char(date_trunc('day',
    now() AT TIME ZONE 'UTC') + interval '1 day', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))),
    'until the next day');
unlike($in->everything(), qr/S3CRET/, 'the key shows nowhere');
is(scalar($in->manifest()), 0, 'not even in the lake');
$in->down();
$in->up();
$in->run('alphavantage', 'quote', symbol => 'SPY');
ok($in->wait_for(sub { $in->provider('alphavantage')->{state} eq 'parked' }),
    'parked after a restart');
sleep 1.2;
is(asked('daily'), 1, 'asked once only');
is(outcome($in->wait_job($in->run('worldbank', 'indicator',
            indicator => 'C', country => 'all'))), 'done - 1 2',
    'the other provider is well');

# A day later the first refusal does not cost another day.
$pg->psql(q(UPDATE provider_quota SET blocked_until = '-infinity'
    WHERE provider = 'alphavantage';
    UPDATE ingest_job SET not_before = now(); NOTIFY wizdata_ingest));
ok($in->wait_for(sub { asked('daily') == 2 }), 'asked the next day');
ok($in->wait_for(sub { $pg->psql(q(SELECT blocked_until <= now() + interval
    '1 hour' AND blocked_until > now() FROM provider_quota
    WHERE provider = 'alphavantage')) eq 't' }), 'refused again: an hour');

# ---- a wrong key stops the provider until a reload brings another

my $file = "$in->{lake}/key";
sub write_key { open my $f, '>', $file or die; print $f $_[0]; close $f }
write_key('bad-key-0001');
service('auth', WIZDATA_ALPHAVANTAGE_KEY => '',
    WIZDATA_ALPHAVANTAGE_KEY_FILE => $file);
$id = $in->run('alphavantage', 'quote', symbol => 'IBM');
ok($in->wait_for(sub { $in->provider('alphavantage')->{state} eq 'stopped' }),
    'a refused key: stopped');
is(outcome($in->job($id)), 'queued auth 0 0', 'the job waits');
sleep 0.5;
is(asked('auth'), 1, 'asked once');
write_key('good-key-0002');
kill 'HUP', $in->svc->pid;
is(outcome($in->wait_job($id)), 'done - 1 1', 'after a reload: done');
is($in->provider('alphavantage')->{state}, 'ok', 'ok');
unlike($in->everything(), qr/(bad|good)-key-000/, 'no key anywhere');

# ---- what is no data

service('echo', key => 'S3CRET-KEY-OF-THE-TEST');
is(outcome($job = fetch()), 'failed not_found 1 0',
    'an answer with the key in it is not kept');
unlike($in->everything(), qr/S3CRET/, 'no trace');
service('text');
is(outcome(fetch()), 'failed malformed 1 1', 'text: kept, failed');
service('html');
is(outcome(fetch()), 'failed malformed 1 1', 'HTML: kept, failed');

# ---- quota: no more calls than configured, also over a restart

service('changing', WIZDATA_ALPHAVANTAGE_PER_DAY => 3);
my @ids = map { $in->run('alphavantage', 'quote', symbol => "S$_") } 1 .. 5;
ok($in->wait_for(sub { $in->provider('alphavantage')->{state} eq 'parked' }),
    'three a day: parked');
is(asked('changing'), 3, 'three calls');
is($in->provider('alphavantage')->{quota}{day}{left}, 0, 'none left');
$in->down();
$in->up();
sleep 1.2;
is(asked('changing'), 3, 'and none after a restart');

service('changing', WIZDATA_ALPHAVANTAGE_PER_SECOND => 2);
my $before = asked('changing');
$from = time;
@ids = map { $in->run('alphavantage', 'quote', symbol => "T$_") } 1 .. 5;
$in->wait_job($_) for @ids;
ok(time - $from >= 2, 'five calls at two a second take two seconds');
is(asked('changing') - $before, 5, 'five calls');

# ---- a full disk

service('ok', WIZDATA_INGESTION_MIN_FREE => '100000g');
my $e = $in->c->error('ingest.run',
    { provider => 'alphavantage', dataset => 'quote', symbol => 'IBM' });
is($e->[0], -23, 'disk full: nothing is taken');
is($in->get('ingest.status')->{lake}{disk_full}, JSON::PP::true, 'status');
is(JSON::PP->new->decode(($in->c->call('sys.health', {}))[2])->{status},
    'degraded', 'health');

unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
