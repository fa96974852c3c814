#!/usr/bin/perl

# S&P Capital IQ: batches of items with an error for each, the day's limit,
# tokens and Basic authentication.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time sleep /;

use Wizdata::Accounts qw/ account outcome nowhere /;
use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Sim::CapitalIq;

my $pg = Wizdata::Postgres->start();
my $json = JSON::PP->new->utf8;
my ($in, $sim, $job, $id, @ids, $n);

sub service {
    my (%o) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM provider_quota));
    return $in = Wizdata::Ingestion->start($pg, url => nowhere(),
        account($sim), WIZDATA_INGESTION_ATTEMPTS => 2, %o);
}

sub simulator {
    my (%o) = @_;

    $sim->stop() if $sim;
    return $sim = Wizdata::Sim::CapitalIq->start(%o);
}

sub ask {
    my ($who, $what, %args) = @_;

    return scalar $in->run('spglobal', 'values', identifiers => $who,
        fields => $what, %args);
}

sub fetch { return $in->wait_job(ask(@_)) }
sub state { return $in->provider('spglobal')->{state} }
sub data { return $sim->count(path => qr/clientservice/) }

sub grants {
    return join ' ', map { (split m{/}, $_->{path})[-1] }
        $sim->log(path => qr/authenticate/);
}

sub last_answer {
    return $json->decode($in->object(($in->manifest())[-1]))->{GDSSDKResponse};
}

# ---- batches

simulator();
service();
my $who = join ',', map { "C$_:N" } 1 .. 50;
my $what = join ',', map { "IQ_F$_" } 1 .. 10;
is(outcome(fetch($who, $what)), 'done - 1 1', 'five hundred items: done');
my ($request) = $sim->log(path => qr/clientservice/);
my $items = $json->decode($request->{body})->{inputRequests};
is(scalar @$items, 500, 'in one request');
is_deeply([ map { "@{$_}{qw/ function identifier mnemonic /}" }
        @$items[0, 499] ], [ 'GDSP C1:N IQ_F1', 'GDSP C50:N IQ_F10' ],
    'all pairs of them');
my $e = $in->c->error('ingest.run', { provider => 'spglobal',
    dataset => 'values', identifiers => "$who,D:N", fields => $what });
like("@{ $e }[0, 1]", qr/500 items/, 'more are refused');
is(data(), 1, 'and not asked for');

is(outcome($job = fetch('IBM:NYSE,BAD1', 'IQ_TOTAL_REV,IQ_NA_X,IQ_SECRET')),
    'done - 1 1', 'items with errors of their own: done');
like($job->{reason}, qr/5 of 6 items have no value/, 'how many');
my @good = grep { !$_->{ErrMsg} && $_->{Rows}[0]{Row}[0] =~ /^\d/ }
    @{ last_answer() };
is(scalar @good, 1, 'the good one is kept');
is(outcome(fetch('BAD1,BAD2', 'IQ_TOTAL_REV')), 'failed not_found 1 1',
    'nobody is known');
is($in->provider('spglobal')->{state}, 'ok', 'no reason to stop');

is(outcome($in->wait_job(scalar $in->run('spglobal', 'history',
            identifiers => 'IBM:NYSE', fields => 'IQ_EBITDA',
            period => 'IQ_FY'))), 'done - 1 1', 'history');
is(outcome($in->wait_job(scalar $in->run('spglobal', 'series',
            identifiers => 'IBM:NYSE', fields => 'IQ_MARKETCAP',
            start => '2018-01-01', end => '2018-02-01',
            interval => 'daily'))), 'done - 1 1', 'series');
is(outcome($in->wait_job(scalar $in->run('spglobal', 'esg',
            identifiers => 'IBM:NYSE', fields => 'IQ_ESG_SCORE'))),
    'done - 1 1', 'ESG');
is(scalar(grep { $_->{headers}{origin} } $sim->log()), 0,
    'no browser\'s headers');
is(grants(), 'token', 'one token for all of it');

# ---- tokens

for my $life ('600', 600) {
    simulator(expires_in_seconds => $life, lifetime => 5000);
    service();
    is(outcome(fetch('A:N', 'IQ_X')), 'done - 1 1', 'a life as text or number');
    is(grants(), 'token', 'one token');
}
simulator();
service();
fetch('A:N', 'IQ_X');
$sim->advance(4000);
is(outcome(fetch('B:N', 'IQ_X')), 'done - 1 1', 'it ended unexpectedly: done');
is(grants(), 'token tokenRefresh', 'refreshed');

simulator(die_after => 3);
service(WIZDATA_SPGLOBAL_CONCURRENCY => 5);
@ids = map { ask("D$_:N", 'IQ_X') } 1 .. 20;
is_deeply([ grep { $_ ne 'done - 1 1' } map { outcome($in->wait_job($_)) }
        @ids ], [], 'all tokens die in the middle: all done, none is blamed');
is(grants(), 'token tokenRefresh', 'one refresh');

simulator(unauthorized_as_200 => 1, die_after => 1);
service(WIZDATA_SPGLOBAL_CONCURRENCY => 1);
@ids = map { ask("E$_:N", 'IQ_X') } 1 .. 3;
is_deeply([ grep { $_ ne 'done - 1 1' } map { outcome($in->wait_job($_)) }
        @ids ], [], 'the same told with 200');

simulator(expires_in_seconds => '2');
service();
$n = 0;
my $end = time + 20;
fetch('F' . $n++ . ':N', 'IQ_X') until grants() =~ /Refresh/ || time > $end;
is($sim->count(path => qr/clientservice/, status => 401), 0,
    'a short life: refreshed in time');
like(grants(), qr/^token tokenRefresh/, 'by its token');

for my $as_200 (0, 1) {
    simulator(unauthorized_as_200 => $as_200);
    service(WIZDATA_SPGLOBAL_SECRET => 'wrong-password-of-the-test');
    $id = ask('A:N', 'IQ_X');
    ok($in->wait_for(sub { state() eq 'stopped' }),
        'a wrong password: stopped') or diag state(), outcome($in->job($id));
    sleep 0.5;
    is(grants(), 'token', 'after one attempt');
    is(data(), 0, 'nothing is asked');
    unlike($in->everything(), qr/wrong-password/, 'it shows nowhere');
}

simulator();
service();
$sim->fault('status', status => 401, path => qr/clientservice/, type =>
        'application/json', body => '{"error":"unauthorized","message":'
        . '"Invalid or expired token"}');
ask('A:N', 'IQ_X');
ok($in->wait_for(sub { state() eq 'stopped' }), '401 for ever: stopped');
sleep 0.5;
cmp_ok(data(), '<=', 2, 'after two attempts');

simulator();
service(WIZDATA_SPGLOBAL_BASIC => 'true');
is(outcome(fetch('A:N', 'IQ_X')), 'done - 1 1', 'Basic');
is(grants(), '', 'without a token');
like(($sim->log())[0]{headers}{authorization}, qr/^Basic /, 'in each request');
service(WIZDATA_SPGLOBAL_BASIC => 'true',
    WIZDATA_SPGLOBAL_SECRET => 'wrong-password-of-the-test');
$sim->forget();
ask('A:N', 'IQ_X');
ok($in->wait_for(sub { state() eq 'stopped' }), 'a wrong one: stopped');
sleep 0.5;
is($sim->count(), 1, 'after one attempt');

# ---- the day's limit

simulator(daily_limit => 3);
service();
fetch('A:N,B:N,C:N', 'IQ_X');
$id = ask('D:N', 'IQ_X');
ok($in->wait_for(sub { state() eq 'parked' }), 'the day\'s limit: parked');
$job = $in->job($id);
is(outcome($job), 'queued limit_long 0 0', 'the job waits, nothing is kept');
is($job->{not_before}, $pg->psql(q(SELECT to_char(date_trunc('day',
    now() AT TIME ZONE 'UTC') + interval '1 day',
    'YYYY-MM-DD"T"HH24:MI:SS"Z"'))), 'until the next day');
$n = data();
ask('E:N', 'IQ_X');
sleep 1.2;
is(data(), $n, 'nothing is asked any more');

simulator();
service();
my @before = $in->manifest();
my %entry = (Function => 'GDSP', Properties => {}, Headers => ['IQ_X'],
    NumRows => 1, NumCols => 1);
$sim->fault('body', path => qr/clientservice/, times => 1, body =>
        $json->encode({ GDSSDKResponse => [
            { %entry, Identifier => 'A:N', Mnemonic => 'IQ_X', ErrMsg => '',
                Rows => [ { Row => ['1.000000'] } ] },
            { ErrMsg => 'Daily Request Limit of 10 Exceeded' } ] }));
$id = ask('A:N,B:N', 'IQ_X');
ok($in->wait_for(sub { state() eq 'parked' }), 'in the middle: parked');
is($in->manifest() - @before, 1, 'the good rows are kept');
is($in->job($id)->{status}, 'queued', 'and the job waits for the others');

# ---- pages instead of data

for my $status (200, 502, 503) {
    simulator();
    service();
    $sim->fault('html', path => qr/clientservice/, status => $status,
        body => '<html><body><h1>Service Unavailable</h1></body></html>');
    $job = fetch('A:N', 'IQ_X');
    is("$job->{status} $job->{class}", $status == 200 ? 'failed malformed'
        : 'failed upstream', "an HTML page with $status");
    $sim->clear();
}
$sim->fault('html', path => qr/token/, times => 1);
service();
is(outcome(fetch('A:N', 'IQ_X')), 'done - 1 1',
    'a page instead of a token: again, without blame');

my $all = $in->everything();
unlike($all, qr/\Q$sim->{password}\E/, 'the password shows nowhere');
unlike($all, qr/(?:access|refresh)-\d+-x{20}/, 'nor does a token');
unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
