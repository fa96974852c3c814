#!/usr/bin/perl

# Outages: retries that do not multiply them, breakers of a provider and of its
# data sets, and what a provider asks for with Retry-After.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use POSIX qw/ strftime /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::Crowd;
use Wizdata::Ingestion;
use Wizdata::Postgres;

my $pg = Wizdata::Postgres->start();
my $p = Wizdata::Crowd->start();
my ($in, $s, $id, $from);
my $mark = 'A';

sub service {
    my (%env) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM provider_quota;
        DELETE FROM provider_dataset; DELETE FROM provider_state;
        INSERT INTO provider_state (provider) SELECT name FROM source));
    $p->rules();
    $p->forget();
    return $in = Wizdata::Ingestion->start($pg, url => $p->url(),
        WIZDATA_INGESTION_TIMEOUT => '20s', WIZDATA_INGESTION_LEASE => '40s',
        %env);
}

sub jobs {
    my ($n, $dataset, $args) = @_;

    $mark++;
    $args //= "jsonb_build_object('symbol', '$mark' || g)";
    return split /\n/, $pg->psql("INSERT INTO ingest_job (provider, dataset,
        args) SELECT 'alphavantage', '$dataset', $args
        FROM generate_series(1, $n) g RETURNING id; NOTIFY wizdata_ingest");
}

sub quotes { jobs($_[0], 'quote') }

sub dailies {
    my ($n) = @_;

    $mark++;
    return jobs($n, 'daily', "jsonb_build_object('symbol', '$mark' || g,
        'outputsize', 'compact')");
}

sub done {
    my (@ids) = @_;

    my $list = join ',', @ids;
    return $in->wait_for(sub { $pg->psql("SELECT count(*) FROM ingest_job
        WHERE id IN ($list) AND status = 'done'") == @ids }, 60);
}

sub asked { my ($what) = @_; scalar grep { $_->{target} =~ /$what/ }
    $p->requests() }

sub dataset {
    my ($name) = @_;

    my ($d) = grep { $_->{name} eq $name }
        @{ $in->provider('alphavantage')->{datasets} };
    return $d;
}

sub breaker_is {
    my ($dataset, $state) = @_;

    return $in->wait_for(sub { dataset($dataset)->{breaker} eq $state });
}

sub metric { return $in->metric(@_) }

# Seconds from now until a time that the status tells.
sub seconds_to {
    my ($time) = @_;

    return $pg->psql("SELECT extract(epoch FROM timestamptz '$time' - now())");
}

# ---- many jobs in an outage: retries are a budget

service(WIZDATA_INGESTION_BREAKER_FAILURES => 1000,
    WIZDATA_INGESTION_BREAKER_OPEN => '60s', WIZDATA_INGESTION_ATTEMPTS => 100,
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 10);
$p->rules({ status => 503, body => 'down' });
quotes(100);
ok($in->wait_for(sub { $in->provider('alphavantage')->{retries_left} == 0
    && $pg->psql("SELECT count(*) FROM ingest_job WHERE attempts > 0
        AND status = 'queued' AND not_before > now() + interval '20 s'")
    == 100 }), 'a hundred jobs in an outage wait after a while');
is($p->asked(), 120, 'after a call each and twenty retries');
sleep 1.5;
is($p->asked(), 120, 'no more come');

# Answers earn retries.
service(WIZDATA_INGESTION_BREAKER_FAILURES => 1000,
    WIZDATA_INGESTION_BREAKER_OPEN => '60s', WIZDATA_INGESTION_ATTEMPTS => 100);
$p->rules({ match => 'QUOTE', status => 503, body => 'down' });
quotes(40);
ok($in->wait_for(sub { $p->asked() == 60 }), 'a budget that is spent');
ok(done(dailies(50)), 'fifty good answers');
is($in->provider('alphavantage')->{retries_left}, 10, 'earn ten retries');

# A job that is given up takes nothing of it.
service(WIZDATA_INGESTION_BREAKER_FAILURES => 1000,
    WIZDATA_INGESTION_ATTEMPTS => 1);
$p->rules({ status => 503, body => 'down' });
quotes(10);
ok($in->wait_for(sub { $pg->psql("SELECT count(*) FROM ingest_job
    WHERE status = 'failed'") == 10 }), 'jobs without a second attempt');
is($in->provider('alphavantage')->{retries_left}, 20, 'cost no retries');

# ---- the breaker of a data set

service(WIZDATA_INGESTION_BREAKER_FAILURES => 3,
    WIZDATA_INGESTION_BREAKER_OPEN => '60s',
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 4);
$p->rules({ match => 'QUOTE', status => 503, body => 'down' });
quotes(30);
ok(breaker_is(quote => 'open'), 'a data set answers 503: its breaker opens');
my $quotes = asked('QUOTE');
cmp_ok($quotes, '<=', 6, 'after three failures, and what was under way');
ok(done(dailies(60)), 'another data set works on');
is(asked('QUOTE'), $quotes, 'the first is left alone meanwhile');
$s = dataset('quote');
is($s->{breaker} . ' ' . ($s->{failures_in_a_row} >= 3), 'open 1', 'status');
cmp_ok(seconds_to($s->{breaker_until}), '>', 30, 'and when it ends');
is(dataset('daily')->{breaker}, 'closed', 'that of the other');
is($s->{last_error}{class}, 'upstream', 'what went wrong');
is($s->{errors}{upstream}, $quotes, 'how often');
is(dataset('daily')->{succeeded}, 60, 'what went well');
is($in->provider('alphavantage')->{state}, 'ok', 'the provider is well');
is(metric('wizdata_provider_breaker', provider => 'alphavantage',
    dataset => 'quote'), 1, 'metrics: open');
is(metric('wizdata_provider_breaker', provider => 'alphavantage',
    dataset => 'daily'), 0, 'metrics: closed');
is(metric('external_api_calls_total', provider => 'alphavantage',
    endpoint => 'quote', status => 'upstream'), $quotes, 'metrics: errors');
cmp_ok(metric('wizdata_provider_last_success_seconds', provider =>
    'alphavantage', dataset => 'daily'), '>', time - 600,
    'metrics: the last success');
is(metric('wizdata_provider_inflight', provider => 'alphavantage',
    dataset => 'daily'), 0, 'metrics: under way');
is(metric('wizdata_provider_retries_left', provider => 'alphavantage'),
    $in->provider('alphavantage')->{retries_left}, 'metrics: retries left');

# Many failures at once are one outage, not one after the other.
service(WIZDATA_INGESTION_BREAKER_FAILURES => 3,
    WIZDATA_INGESTION_BREAKER_OPEN => '60s',
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 40);
$p->rules({ hold => 1, status => 503, body => 'down' });
quotes(40);
ok($p->holds(40), 'forty requests are under way');
$p->release();
ok($in->wait_for(sub { dataset('quote')->{failures_in_a_row} == 40 }),
    'all fail');
cmp_ok(seconds_to(dataset('quote')->{breaker_until}), '<=', 60,
    'the breaker is open for its first time only');

# ---- half open: one is let through

service(WIZDATA_INGESTION_BREAKER_FAILURES => 3,
    WIZDATA_INGESTION_BREAKER_OPEN => '1s',
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 4, WIZDATA_INGESTION_ATTEMPTS => 100);
$p->rules({ match => 'QUOTE', status => 503, body => 'down' });
quotes(20);
ok(breaker_is(quote => 'open'), 'open');
$p->rules({ hold => 1 });
$p->forget();
my @dailies = dailies(10);
ok($p->holds(4), 'another data set has all places');
ok(breaker_is(quote => 'half_open'), 'half open');
$p->release(1);
ok($in->wait_for(sub { asked('QUOTE') == 1 }), 'the next place is for one of'
    . ' it, whoever else waits');
$p->release(2);
$in->wait_for(sub { asked('DAILY') == 6 });
is(asked('QUOTE'), 1, 'one only');
$p->rules();
$p->release();
ok(breaker_is(quote => 'closed'), 'it is answered: closed');
ok($in->wait_for(sub { $pg->psql("SELECT count(*) FROM ingest_job
    WHERE status = 'done'") == 30 }), 'all are done');

# ---- the host is down: the provider's breaker

service(WIZDATA_INGESTION_BREAKER_FAILURES => 5,
    WIZDATA_INGESTION_BREAKER_OPEN => '60s',
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 300);
$p->rules({ close => 1 });
my @down = (quotes(200), dailies(200));
ok($in->wait_for(sub { $in->provider('alphavantage')->{state}
    eq 'breaker_open' }), 'no answers: the breaker of the provider');
ok($in->wait_for(sub { $in->provider('alphavantage')->{running} == 0 }),
    'nothing is under way');
my $calls = $p->asked();
note "$calls calls";
cmp_ok($calls, '<', 300, 'what had not begun yet was not asked');
cmp_ok(seconds_to($in->provider('alphavantage')->{until}), '<=', 60,
    'it is open for its first time');
sleep 1.2;
is($p->asked(), $calls, 'none is asked');
is(JSON::PP->new->decode(($in->c->call('sys.health', {}))[2])->{status},
    'degraded', 'health says so');
is(metric('wizdata_provider_breaker', provider => 'alphavantage',
    dataset => ''), 1, 'metrics, too');

service(WIZDATA_INGESTION_BREAKER_FAILURES => 3,
    WIZDATA_INGESTION_BREAKER_OPEN => '1s', WIZDATA_INGESTION_ATTEMPTS => 100,
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 4);
$p->rules({ close => 1 });
@down = (quotes(10), dailies(10));
ok($in->wait_for(sub { $in->provider('alphavantage')->{state}
    eq 'breaker_open' }), 'no answers');
$p->rules({ hold => 1 });
$p->forget();
ok($p->holds(1), 'then half open: one of all data sets is let through');
sleep 1.2;
is($p->asked(), 1, 'one only');
$p->rules();
$p->release();
ok(done(@down), 'and then all');

# A bad answer is one: the host is there.
service(WIZDATA_INGESTION_BREAKER_FAILURES => 3,
    WIZDATA_INGESTION_BREAKER_OPEN => '1s', WIZDATA_INGESTION_ATTEMPTS => 100,
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 4);
$p->rules({ close => 1 });
quotes(10);
ok($in->wait_for(sub { $in->provider('alphavantage')->{state}
    eq 'breaker_open' }), 'no answers');
$p->rules({ match => 'QUOTE', status => 503, body => 'down' },
    { match => 'DAILY', hold => 1 });
ok($in->wait_for(sub { asked('QUOTE') && dataset('quote')->{last_error}{text}
    =~ /503/ }), 'a 503 of one data set');
dailies(10);
ok($p->holds(4), 'opens all places for another');
$p->release();

# ---- Retry-After

sub waits {
    my ($rule, %env) = @_;

    service(%env);
    $p->rules({ times => 1, %$rule });
    $id = 0 + (quotes(1))[0];
    my $job = $in->wait_job($id, sub { defined $_[0]{class}
        || $_[0]{status} eq 'done' });
    return $pg->psql("SELECT round(extract(epoch FROM not_before - now()))
        FROM ingest_job WHERE id = $id");
}

sub later { strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + $_[0])) }

my $n = waits({ status => 429, body => 'x', headers => ['Retry-After: 100'] });
cmp_ok($n, '>=', 95, 'seconds are waited for');
cmp_ok($n, '<=', 126, 'not much longer');
$n = waits({ status => 429, body => 'x', headers => ['Retry-After: '
        . later(200)] });
cmp_ok($n, '>=', 190, 'until a date');
cmp_ok($n, '<=', 251, 'not much longer');
$n = waits({ status => 503, body => 'x', headers => ['Retry-After: 100'] });
cmp_ok($n, '>=', 95, 'of an outage, too');
for my $huge ('9223372036854775807', '99999999999',
    'Fri, 31 Dec 9999 23:59:59 GMT', '4294967296') {
    $n = waits({ status => 429, body => 'x',
            headers => ["Retry-After: $huge"] });
    cmp_ok($n, '>=', 86300, "a day is waited at least: $huge");
    cmp_ok($n, '<=', 86400 * 1.25 + 1, 'and not for ever');
}
for my $bad ('', 'soon', '-5', '99999999999999999999999999', '1e9', '0x10',
    later(-5000), "\x01\xff", '10, 20') {
    $n = waits({ status => 429, body => 'x', headers =>
        ["Retry-After: $bad"] });
    cmp_ok($n, '<=', 1, "as if nothing were said: '$bad'")
        or diag $n;
}

# It is the data set that is out of order, not the one job.
service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 1);
$p->rules({ match => 'QUOTE', times => 1, status => 503, body => 'x',
        headers => ['Retry-After: 600'] });
quotes(5);
ok($in->wait_for(sub { $p->asked() }), '503 with Retry-After');
ok(done(dailies(5)), 'others go on');
is(asked('QUOTE'), 1, 'the data set is left alone');
cmp_ok(seconds_to(dataset('quote')->{breaker_until}), '>', 500,
    'for so long');

# ---- the request for a token

service(WIZDATA_LSEG_URL => $p->url(), WIZDATA_LSEG_USER => 'machine-0001',
    WIZDATA_LSEG_SECRET => 'password-0001');
$p->rules({ match => '/auth/', status => 503, body => '{}', headers =>
    ['Retry-After: 9223372036854775807'] });
$in->run('lseg', 'esg', identifiers => 'IBM.N');
ok($in->wait_for(sub { my $l = $in->provider('lseg'); $l->{state} eq 'limited'
    && $l->{until} }), 'no token, for a huge time');
$n = seconds_to($in->provider('lseg')->{until});
cmp_ok($n, '>=', 86300, 'a day at least');
cmp_ok($n, '<=', 86400 * 1.25 + 1, 'and not for ever');

# ---- a clock that tells nonsense

for my $date ('Fri, 31 Dec 9999 23:59:59 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT',
    'Fri, 31 Dec 99999999 23:59:59 GMT', 'now') {
    service(WIZDATA_BLOOMBERG_URL => $p->url() . '/eap',
        WIZDATA_BLOOMBERG_CLIENT => 'client-0001', WIZDATA_BLOOMBERG_SECRET =>
        '00112233445566778899aabbccddeeff', WIZDATA_BLOOMBERG_CATALOG => '1');
    $p->rules({ status => 401, body => '',
            headers => ["Date: $date"] });
    $in->run('bloomberg', 'reference', identifiers => 'IBM US Equity',
        fields => 'PX_LAST');
    ok($in->wait_for(sub { $in->provider('bloomberg')->{state} eq 'stopped' }),
        "refused by a clock of $date");
    cmp_ok($p->asked(), '<=', 2, 'asked twice at most');
}

unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
