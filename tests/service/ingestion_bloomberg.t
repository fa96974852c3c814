#!/usr/bin/perl

# Bloomberg: the steps of Data License with a signature for each, results that
# come late or never, and the bridge of BLPAPI.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use MIME::Base64 qw/ decode_base64url /;
use Test::More;
use Time::HiRes qw/ time sleep /;

use Wizdata::Accounts qw/ account outcome nowhere /;
use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Sim::Blpapi;
use Wizdata::Sim::Bloomberg;

my $pg = Wizdata::Postgres->start();
my $json = JSON::PP->new->utf8;
my ($in, $sim, $bridge, $job, $id, @rows);

sub clean {
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM provider_quota));
}

sub service {
    my (%o) = @_;

    $in->down() if $in;
    clean();
    return $in = Wizdata::Ingestion->start($pg, url => nowhere(),
        account($sim), $bridge ? account($bridge) : (),
        WIZDATA_INGESTION_ATTEMPTS => 3, %o);
}

sub simulator {
    my (%o) = @_;

    $sim->stop() if $sim;
    return $sim = Wizdata::Sim::Bloomberg->start(polls => 1, %o);
}

my %HISTORY = (fields => 'PX_LAST,PX_VOLUME', start => '2024-01-02',
    end => '2024-01-31');

sub history {
    my ($who) = @_;

    return scalar $in->run('bloomberg', 'history', %HISTORY,
        identifiers => $who // 'IBM US Equity');
}

sub fetch { return $in->wait_job(history(@_)) }

sub claims {
    my ($request) = @_;

    my $part = (split /\./, $request->{headers}{jwt})[1];
    return $json->decode(decode_base64url($part));
}

# ---- all steps, each with a signature of its own

simulator();
service();
is(outcome($job = fetch('IBM US Equity,BBG000BLNNH6')), 'done - 1 1',
    'history: done, the file alone is kept');
my @asked = $sim->log();
is(join(' ', map { "$_->{method} " . ($_->{path} =~ s{^/eap/catalogs/12345/}{}r)
            . " $_->{status}" } @asked),
    'POST universes/ 201 POST fieldLists/ 201 POST triggers/ 201'
    . ' POST requests/ 201 GET content/responses/ 200'
    . ' GET content/responses/ 200 GET ' . (split m{/eap/catalogs/12345/},
        $asked[-1]{path})[1] . ' 200', 'the steps, in order');
my %jti = map { claims($_)->{jti} => 1 } @asked;
is(scalar keys %jti, scalar @asked, 'each signature is another');
is_deeply([ grep { claims($_)->{path} =~ /\?/ } @asked ], [],
    'the path in it has no query');
is_deeply([ grep { claims($_)->{exp} - claims($_)->{iat} > 3600 } @asked ], [],
    'it does not live long');
my $request = $json->decode((grep { $_->{path} =~ /requests/ } @asked)[0]{body});
is("$request->{runtimeOptions}{dateRange}{startDate}"
    . " $request->{runtimeOptions}{dateRange}{endDate}",
    '2024-01-02 2024-01-31', 'the range that was asked for');
like($in->object(($in->manifest())[-1]), qr/IBM US Equity.*BBG000BLNNH6/s,
    'both instruments are in the file');

@rows = $in->manifest();
is(outcome($in->wait_job(scalar $in->run('bloomberg', 'reference',
            identifiers => 'US4592001014,BAD1', fields => 'NAME,CRNCY'))),
    'done - 1 1', 'reference, one instrument unknown: kept');
like($in->object(($in->manifest())[-1]), qr/Name, of ""?US4592001014/,
    'with the other');

# ---- the host's clock is hours behind, then ahead

for my $hours (5, -5) {
    simulator();
    $sim->advance(3600 * $hours);
    service();
    is(outcome(fetch()), 'done - 1 1', "$hours hours apart: done, no blame");
    is(join(' ', map { $_->{status} } $sim->log()),
        '401 201 201 201 201 200 200 200', 'one refusal, then its clock');
    is($in->provider('bloomberg')->{state}, 'ok', 'not stopped');
}

# ---- refused for good: once more, not for ever

simulator();
service(WIZDATA_BLOOMBERG_SECRET => 'ab' x 32);
$id = history();
ok($in->wait_for(sub { $in->provider('bloomberg')->{state} eq 'stopped' }),
    'a wrong secret: stopped');
is(outcome($in->job($id)), 'queued auth 0 0', 'the job waits');
sleep 1;
cmp_ok($sim->count(), '<=', 2, 'no more than two attempts');

service(WIZDATA_BLOOMBERG_SECRET => 'no hexadecimal number');
$job = fetch();
is(outcome($job), 'failed bad_request 1 0', 'a secret that is no number');
like($job->{reason}, qr/secret/, 'the reason');
unlike($in->everything(), qr/no hexadecimal number/, 'shows nowhere');

simulator(ip_refused => 1);
service();
$job = fetch();
is(outcome($job), 'failed permission 1 0', 'the address is not allowed');
like($job->{reason}, qr/address is not on the allow list/, 'in its words');
is($sim->count(), 1, 'asked once');

# ---- limits

simulator();
service();
$sim->fault('retry_after', value => '1', nth => 3);
my $from = time;
is(outcome(fetch()), 'done - 2 1', '429: the second time');
cmp_ok(time - $from, '>=', 1, 'not before Retry-After');
is($sim->count(method => 'POST', path => qr/universes/), 1,
    'steps that were done are not asked again');

simulator(per_minute => 3);
service(WIZDATA_INGESTION_ATTEMPTS => 1);
is(outcome(fetch()), 'failed limit_short 1 0', 'its own refusal of too many');

# ---- killed between the steps: what was made is found

for my $step (2, 3, 4, 6) {
    simulator();
    service();
    my $number = $sim->fault('gate', nth => $step);
    $id = history();
    $sim->wait_log($step);
    $in->down('KILL');
    $sim->clear();
    $sim->open_gate();
    $pg->psql("UPDATE ingest_job SET lease_until = now() - interval '1 s'
        WHERE status = 'running'");
    $in->up();
    is(outcome($job = $in->wait_job($id)) =~ s/\d+ 1$/n 1/r, 'done - n 1',
        "killed in step $step: done");
    my $made = grep { $_->{status} == 409 } $sim->log();
    is($made, $step <= 4 ? 1 : 0, 'what that step made was found');
    is($sim->count(path => qr{/requests/}, status => 201), 1,
        'one request was made');
}

# ---- late and never

simulator(polls => undef, ready_after => 2);
service();
is(outcome(fetch()), 'done - 1 1', 'ready after a while');
cmp_ok($sim->count(path => qr/responses/), '<=', 12, 'not asked all the time');

simulator(polls => undef);
service();
$id = history();
$sim->wait_log(2, path => qr{responses/$});
my $created = $pg->psql("SELECT created_at FROM ingest_job WHERE id = $id");
is($in->job($id)->{status}, 'running', 'never ready: it waits');
$sim->forget();
sleep 2;
cmp_ok($sim->count(), '<=', 8, 'with growing waits');

# ---- a file that is cut

simulator();
service();
$sim->fault('cut', path => qr{responses/.+}, nth => 1, keep => 0.5);
$job = fetch();
@rows = $in->manifest();
is("$job->{status} $job->{objects}", 'done 2', 'half a file: kept, then whole')
    or diag outcome($job), " $job->{reason}";

# ---- a file that is not what its digest says

simulator();
service();
$sim->fault('wrong_digest', path => qr{responses/.+}, nth => 1);
$job = fetch();
is(outcome($job), 'done - 2 1', 'a wrong digest: another attempt');
is($sim->count(path => qr{responses/.+}), 2, 'of the file alone');
is($sim->count(method => 'POST'), 4, 'no step before it');
is(scalar(() = $in->manifest()), 1, 'the first one is not kept');

simulator(wrong_digest => 1);
service(WIZDATA_INGESTION_RETRY => '50ms');
$job = fetch();
is(outcome($job), 'failed malformed 3 0', 'wrong each time: failed');
like($job->{reason}, qr/not what its digest says/, 'the reason');
is(scalar(() = $in->manifest()), 0, 'nothing is kept');
is($in->metric('external_api_calls_total', provider => 'bloomberg',
        status => 'malformed'), 3, 'each is counted');

for my $fault ([ 'unheader', name => 'Digest' ],
    [ 'wrong_digest', algorithm => 'crc32c' ]) {
    simulator();
    service();
    $sim->fault(@$fault, path => qr{responses/.+});
    is(outcome(fetch()), 'done - 1 1', "@$fault: taken as it is");
}

simulator();
service();
$sim->fault('status', path => qr{responses/$}, status => 404, times => 2);
is(outcome(fetch()), 'done - 1 1', '404 of the list is not yet');

unlike($in->everything(), qr/00112233445566778899/, 'no secret anywhere');

# ---- a link that leads elsewhere gets no signature

simulator();
service();
my $other = Wizdata::Sim::Bloomberg->start();
$sim->fault('redirect', path => qr{responses/$},
    to => $other->url('/eap/catalogs/'));
$job = fetch();
is($job->{status}, 'failed', 'a redirect elsewhere: failed');
is($other->count(), 0, 'and not followed');
$other->stop();

# ---- the bridge

$bridge = Wizdata::Sim::Blpapi->start();
simulator();
service();

sub over {
    my ($dataset, %args) = @_;

    return $in->wait_job(scalar $in->run('bloomberg', "bridge_$dataset",
        %args));
}

my %YEAR = (start => '2012-01-03', end => '2012-01-05');
is(outcome(over('history', identifiers => 'IBM US Equity,AAPL US Equity',
        fields => 'PX_LAST,OPEN', %YEAR)), 'done - 1 1', 'bridge: history');
is($bridge->count(), 1, 'one request');
my ($asked) = $bridge->log();
is($asked->{target}, '/request?ns=blp&service=refdata'
    . '&type=HistoricalDataRequest', 'as documented');
is_deeply($json->decode($asked->{body}), {
    securities => [ 'IBM US Equity', 'AAPL US Equity' ],
    fields => [ 'PX_LAST', 'OPEN' ], startDate => '20120103',
    endDate => '20120105', periodicityAdjustment => 'CALENDAR',
    map { $_ => JSON::PP::false } qw/ adjustmentFollowDPDF adjustmentNormal
        adjustmentAbnormal adjustmentSplit / }, 'with these elements');
is($asked->{headers}{jwt}, undef, 'the bridge gets no signature');

is(outcome(over('history', identifiers => 'IBM US Equity,BAD',
        fields => 'PX_LAST', %YEAR)), 'done - 1 1',
    'one of two securities is unknown: kept');
is(outcome(over('history', identifiers => 'BAD', fields => 'PX_LAST', %YEAR)),
    'failed not_found 1 1', 'none is known');
is(outcome(over('reference', identifiers => 'IBM US Equity',
        fields => 'PX_LAST,NO_SUCH_FIELD')), 'done - 1 1',
    'a field that is none: the other is kept');
is(outcome(over('history', identifiers => 'SPY Equity', fields => 'PX_LAST',
        %YEAR)), 'done empty 1 1', 'no data and no error');
my $e = $in->c->error('ingest.run', { provider => 'bloomberg',
    dataset => 'bridge_history', identifiers => 'IBM US Equity', %YEAR,
    fields => join ',', map { "F$_" } 1 .. 26 });
like("@{ $e }[0, 1]", qr/25 fields/, 'twenty-six fields are not asked for');

for my $monthly (0, 1) {
    $bridge->stop();
    $bridge = Wizdata::Sim::Blpapi->start(daily_limit => 1,
        monthly => $monthly);
    service();
    my @ids = map { scalar $in->run('bloomberg', 'bridge_reference',
        identifiers => "S$_ US Equity", fields => 'PX_LAST,OPEN') } 1 .. 3;
    ok($in->wait_for(sub { $in->provider('bloomberg')->{state} eq 'parked' }),
        ($monthly ? 'a month' : 'a day') . "'s limit: parked");
    my @states = map { $in->job($_)->{status} } @ids;
    is((grep { $_ eq 'failed' } @states), 0, 'no job failed');
    my $n = $bridge->count();
    sleep 1.2;
    is($bridge->count(), $n, 'nothing is asked any more');
}

SKIP: {
    skip 'no IO::Socket::SSL', 3 unless Wizdata::Sim->has_tls;
    $bridge->stop();
    $bridge = Wizdata::Sim::Blpapi->start(tls => 'good');
    my ($cert, $key) = $bridge->client;
    my %tls = (WIZDATA_INGESTION_CA_FILE => $bridge->ca,
        WIZDATA_INGESTION_ATTEMPTS => 1);
    service(%tls, WIZDATA_BLOOMBERG_BRIDGE_CERT => $cert,
        WIZDATA_BLOOMBERG_BRIDGE_CERT_KEY => $key);
    my @args = ('history', identifiers => 'IBM US Equity',
        fields => 'PX_LAST', %YEAR);
    is(outcome(over(@args)), 'done - 1 1', 'TLS with a certificate');
    service(%tls);
    is(outcome(over(@args)), 'failed upstream 1 0', 'without one: refused');
    ($cert, $key) = $bridge->client('other');
    service(%tls, WIZDATA_BLOOMBERG_BRIDGE_CERT => $cert,
        WIZDATA_BLOOMBERG_BRIDGE_CERT_KEY => $key);
    is(outcome(over(@args)), 'failed upstream 1 0', 'with another: refused');
}

unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
