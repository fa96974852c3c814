#!/usr/bin/perl

# LSEG: tokens and the one session of a machine id, series that are asked for
# backwards page by page, and what the service says instead of data.

use utf8;
use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use HTTP::Tiny;
use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time sleep /;

use Wizdata::Accounts qw/ account outcome nowhere /;
use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Processing;
use Wizdata::Sim::Lseg;

my $pg = Wizdata::Postgres->start();
my $json = JSON::PP->new->utf8->canonical;
my ($in, $sim, $job, $id, @ids, $n);

sub service {
    my (%o) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM provider_quota));
    return $in = Wizdata::Ingestion->start($pg, url => nowhere(),
        account($sim), WIZDATA_INGESTION_ATTEMPTS => 3, %o);
}

sub simulator {
    my (%o) = @_;

    $sim->stop() if $sim;
    return $sim = Wizdata::Sim::Lseg->start(%o);
}

my %JANUARY = (start => '2024-01-02', end => '2024-01-31');

sub ask {
    my ($dataset, %args) = @_;

    return scalar $in->run('lseg', $dataset, %args);
}

sub fetch { return $in->wait_job(ask(@_)) }
sub days { return fetch('interday', identifiers => $_[0], %JANUARY) }
sub data { return $sim->count(path => qr{^/data/}) }
sub state { return $in->provider('lseg')->{state} }

# What was asked for at the token's path: password, refresh_token, ...
sub grants {
    return join ' ', map { $_->{body} =~ /grant_type=(\w+)/ }
        $sim->log(path => qr{/token$});
}

# ---- both versions of accounts, both kinds of lives

for my $life ('600', 600) {
    simulator(expires_in => $life);
    service();
    is(outcome(days('VOD.L')), 'done - 1 1', 'a machine id');
    is(outcome(days('IBM.N')), 'done - 1 1', 'once more');
    is(grants(), 'password', 'with one token');
}
simulator();
service(WIZDATA_LSEG_APP => '', WIZDATA_LSEG_USER => $sim->{service_id},
    WIZDATA_LSEG_SECRET => $sim->{secret});
is(outcome(days('VOD.L')), 'done - 1 1', 'a service account');
is(grants(), 'client_credentials', 'its grant');
$sim->advance(7200);
is(outcome(days('IBM.N')), 'done - 1 1', 'past its life: done');
is(grants(), 'client_credentials client_credentials', 'with another token');

# ---- twenty at once ask for one token

simulator(any => 1);
service(WIZDATA_LSEG_CONCURRENCY => 20);
@ids = map { ask('interday', identifiers => "R$_.N", %JANUARY) } 1 .. 20;
is(join(' ', map { $in->wait_job($_)->{status} } @ids), join(' ',
        ('done') x 20), 'twenty jobs at once');
is(grants(), 'password', 'one request for a token');

# ---- they find it dead: one refresh

$sim->advance(700);
$n = data();
@ids = map { ask('interday', identifiers => "S$_.N", %JANUARY) } 1 .. 20;
is_deeply([ grep { $_ ne 'done - 1 1' } map { outcome($in->wait_job($_)) }
        @ids ], [], 'the token died: all done, none is blamed');
is(grants(), 'password refresh_token', 'one refresh');
cmp_ok(data() - $n, '<=', 40, 'each was asked twice at most');

# ---- refreshed in time

simulator(any => 1, expires_in => '2');
service();
$n = 0;
my $end = time + 20;
days('T' . $n++ . '.N') until grants() =~ /refresh/ || time > $end;
like(grants(), qr/^password refresh_token/, 'a short life: refreshed');
is($sim->count(path => qr{^/data/}, status => 401), 0, 'before it ended');

# ---- the refresh token is refused: the password again

simulator();
service();
days('VOD.L');
$sim->drop_sessions();
is(outcome(days('IBM.N')), 'done - 1 1', 'the session was ended');
is(grants(), 'password refresh_token password',
    'refresh is refused, then the password');
is(state(), 'ok', 'not stopped');

# ---- in the middle of a list of pages

simulator(max_interday => 5);
service();
$sim->fault('gate', path => qr{/VOD\.L}, nth => 3);
$id = ask('interday', identifiers => 'VOD.L', %JANUARY);
$sim->wait_log(3, path => qr{/VOD\.L});
$sim->advance(3600);
$sim->open_gate();
is(outcome($job = $in->wait_job($id)) =~ s/\d+$/n/r, 'done - 1 n',
    'the token ends between two pages: done, no blame');
cmp_ok($job->{objects}, '>=', 4, 'all pages');
is(grants(), 'password refresh_token', 'one refresh');

# ---- a reload

sub reload {
    my $before = () = $in->log() =~ /reloaded/g;

    kill 'HUP', $in->svc->pid;
    return $in->wait_for(sub {
        my $now = () = $in->log() =~ /reloaded/g;
        return $now > $before;
    });
}

my $file = "$pg->{dir}/lseg-secret";
sub secret {
    open my $f, '>', $file or die "$file: $!";
    print {$f} $_[0];
    close $f or die "$file: $!";
}

simulator();
secret($sim->{password});
service(WIZDATA_LSEG_SECRET => '', WIZDATA_LSEG_SECRET_FILE => $file);
is(outcome(days('VOD.L')), 'done - 1 1', 'the password of a file');
ok(reload(), 'a reload');
is(outcome(days('IBM.N')), 'done - 1 1', 'the same account works on');
is(grants(), 'password', 'in its session');
secret('wrong-password-of-the-test');
ok(reload(), 'a reload with another password');
ask('interday', identifiers => 'MSFT.O', %JANUARY);
ok($in->wait_for(sub { state() eq 'stopped' }), 'which is used');
secret($sim->{password});
ok(reload(), 'and with the right one');
like(outcome(days('EUR=')), qr{^done - 1 },
    'the old session was given back and is not in the way');

# ---- what is refused for good

simulator();
service(WIZDATA_LSEG_SECRET => 'wrong-password-of-the-test');
$id = ask('interday', identifiers => 'VOD.L', %JANUARY);
ok($in->wait_for(sub { state() eq 'stopped' }), 'a wrong password: stopped');
sleep 1;
is(grants(), 'password', 'after one attempt');
is($in->job($id)->{status} . $in->job($id)->{attempts}, 'queued0',
    'the job waits without blame');
unlike($in->everything(), qr/wrong-password/, 'it shows nowhere');

simulator();
service();
$sim->fault('status', status => 401, path => qr{^/data/}, type =>
        'application/json', body => '{"error":{"id":"x","code":"401",'
        . '"message":"token expired","status":"Unauthorized"}}');
ask('interday', identifiers => 'VOD.L', %JANUARY);
ok($in->wait_for(sub { state() eq 'stopped' }), '401 for ever: stopped');
sleep 0.5;
cmp_ok(data(), '<=', 2, 'after two attempts');
cmp_ok($sim->count(path => qr{/token$}), '<=', 2, 'with two tokens');

simulator(missing_scopes => ['trapi.data.historical-pricing.read']);
service();
is(outcome(days('VOD.L')), 'failed permission 1 0', 'a scope is missing');

# ---- one session for a machine id

simulator();
my $login = HTTP::Tiny->new->post_form($sim->url('/auth/oauth2/v1/token'), {
    grant_type => 'password', username => $sim->{username},
    password => $sim->{password}, client_id => $sim->{app_key},
    scope => 'trapi' });
is($login->{status}, 200, 'somebody else is logged in');
service();
$id = ask('interday', identifiers => 'VOD.L', %JANUARY);
ok($in->wait_for(sub { ($in->job($id)->{class} // '') eq 'limit_short' }),
    'the session quota is reached: the job waits');
is($in->job($id)->{attempts}, 0, 'without blame');
is(state(), 'limited', 'the provider is limited');
sleep 0.5;
is(data(), 0, 'nothing is asked without a token');
is($sim->count(path => qr{/token$}), 2, 'one attempt to log in');
service(WIZDATA_LSEG_EXCLUSIVE => 'true');
is(outcome(days('VOD.L')), 'done - 1 1', 'exclusive: the session is taken');
is(scalar($sim->sessions()), 1, 'it is the only one');

# ---- two instances with one machine id

simulator();
service();
is(outcome(days('VOD.L')), 'done - 1 1', 'the first has the session');
my $other = Wizdata::Ingestion->start($pg, url => nowhere(), account($sim),
    lake => $in->{lake}, WIZDATA_LSEG_EXCLUSIVE => 'true');
ok($in->wait_for(sub { $other->provider('lseg')->{state} eq 'standby' }),
    'the second stands by');
is(outcome(days('IBM.N')), 'done - 1 1', 'the first works on');
is(grants(), 'password', 'nobody else logged in');
$in->down();
$id = $other->run('lseg', 'interday', identifiers => 'MSFT.O', %JANUARY);
is(outcome($other->wait_job($id)), 'done - 1 1', 'the second takes over');
is(grants(), 'password password', 'with a login of its own');
$other->down();
$in->up();

# ---- pages

# Rows of all objects of the job, as texts, with how often they came.
sub rows_of {
    my ($from) = @_;

    my %n;
    my @m = $in->manifest();
    for my $row (@m[ $from .. $#m ]) {
        my $answer = $json->decode($in->object($row));
        $n{ $json->encode($_) }++ for @{ $answer->[0]{data} };
    }
    return \%n;
}

sub collect {
    my ($settings, @what) = @_;

    simulator(%$settings);
    service();
    my $from = $in->manifest();
    my $job = fetch(@what);
    is("$job->{status} " . ($job->{class} // '-'), 'done -',
        "$what[0] of $what[2]: done") or diag $job->{reason};
    return rows_of($from);
}

# The rows of the days that were asked for; of the last one, too.
sub inside {
    my ($rows, undef, %args) = @_;

    my %day = map { ($json->decode($_)->[0] =~ s/T.*//r) => 1 } keys %$rows;
    ok($day{ $args{end} }, "$args{end} is there");
    return [ sort grep {
            (my $day = $json->decode($_)->[0]) =~ s/T.*//;
            $day ge $args{start} && $day le $args{end} } keys %$rows ];
}

my %few = (max_interday => 5, max_intraday => 70, max_events => 400);
my @series = ([ 'interday', identifiers => 'VOD.L', %JANUARY ],
    [ 'interday', identifiers => 'EUR=', %JANUARY ],
    [ 'intraday', identifiers => 'VOD.L', interval => '5min',
        start => '2024-01-02', end => '2024-01-04' ],
    [ 'ticks', identifiers => 'VOD.L', start => '2024-01-02',
        end => '2024-01-02' ]);
for my $what (@series) {
    my $all = collect({ max_events => 100_000 }, @$what);
    for my $inclusive (1, 0) {
        my $got = collect({ %few, end_inclusive => $inclusive }, @$what);
        my ($want, $has) = map { inside($_, @$what) } $all, $got;
        is_deeply($has, $want, @$want . ' rows, all of them, in '
            . $sim->count(path => qr{^/data/}) . ' answers');
        cmp_ok(keys(%$got) - @$has, '<=', 1, 'of the day after one at most');
        my $twice = grep { $_ > 1 } values %$got;
        cmp_ok($twice, '<=', 2 * $sim->count(path => qr{^/data/}),
            "$twice of them twice: at the borders");
    }
}
my ($first) = $sim->log(path => qr{^/data/});
is($first->{query}{adjustments}, 'exchangeCorrection,manualCorrection',
    'as they were traded, but for errors');
is($first->{query}{start}, '2024-01-02T00:00:00.000000000Z', 'from the day');
is($first->{query}{end}, '2024-01-03T00:00:00.000000000Z', 'to its end');

# ---- ranges side by side, as far as the table: no day is missing or double

simulator();
$in->down();
undef $in;
$pg = Wizdata::Postgres->start();
{
    service();
    my $processing = Wizdata::Processing->start($pg, lake => $in->{lake});
    my @ranges = ([ '2024-01-02', '2024-01-31' ], [ '2024-02-01',
            '2024-02-15' ], [ '2024-02-16', '2024-02-29' ]);
    for my $range (@ranges) {
        is(outcome(fetch('interday', identifiers => 'VOD.L',
                    start => $range->[0], end => $range->[1])), 'done - 1 1',
            "@$range");
    }
    ok($in->wait_for(sub { $pg->psql('SELECT count(*) FROM raw_object
        WHERE outcome IS NOT NULL') == 3 }), 'all are processed');
    is($pg->psql("SELECT count(*) FROM (SELECT extract(isodow FROM day) n
        FROM generate_series(date '2024-01-02', '2024-02-29', '1 day') day) d
        WHERE n < 6"), $pg->psql("SELECT count(*) FROM bar
        WHERE ts < '2024-03-01'"), 'one bar of each weekday');
    is($pg->psql('SELECT sum(corrected), sum(rejected) > 0 FROM
        raw_object'), '0|f', 'none corrected, none rejected');
}

# ---- odd RICs

simulator();
service();
for my $ric ('A/B.N', '100%.L', '^OLD.N', 'S P.X', '"Q".O', 'GBP=', '.SPX') {
    my $answer = eval { ask('interday', identifiers => $ric, %JANUARY) };
    if (!defined $answer) {
        like($@, qr/identifiers/, "$ric is refused in words");
        next;
    }
    $job = $in->wait_job($answer);
    like(outcome($job), qr/^done (-|empty) 1 1$/, "$ric: asked for");
    like(($sim->log(path => qr{^/data/}))[-1]{target},
        qr{^/data/historical-pricing/v1/views/interday-summaries/[^/]+\?},
        'one part of the path');
}
is($sim->count(status => 400), 0, 'no request was a bad one');

# ---- what it says instead of data, and beside it

my @says = (
    [ 'not found', '[{"universe":{"ric":"X"},"status":{"code":'
        . '"TS.Interday.UserRequestError.70005","message":'
        . '"The universe is not found."}}]' => 'failed not_found 1 1' ],
    [ 'no permission', '[{"universe":{"ric":"X"},"status":{"code":'
        . '"TSCC.QS.UserNotPermission.92000","message":'
        . '"User has no permission."}}]' => 'failed permission 1 0' ],
    [ 'error object', '{"error":{"id":"1","code":"400","message":'
        . '"Validation error","status":"Bad Request"}}'
        => 'failed bad_request 1 0' ],
    [ 'error of ESG', '{"error":{"code":412,"description":'
        . '"Unable to resolve all requested identifiers."}}'
        => 'failed not_found 1 1' ],
    [ 'error of OAuth', '{"error":"server_error","error_description":"x"}'
        => 'failed upstream 1 0' ],
    [ 'state', '{"state":{"code":500,"message":"Internal"}}'
        => 'failed upstream 1 0' ],
    [ 'message', '{"message":"API rate limit exceeded"}'
        => 'failed limit_short 1 0' ],
    [ 'nothing', '[]' => 'done empty 1 1' ],
    [ 'other JSON', '{"what":1}' => 'failed malformed 1 1' ],
);
service(WIZDATA_INGESTION_ATTEMPTS => 1, WIZDATA_LSEG_EXCLUSIVE => 'true');
for my $say (@says) {
    my ($name, $body, $expected) = @$say;
    my $fault = $sim->fault('body', path => qr{^/data/}, body => $body);
    $job = days('VOD.L');
    is(outcome($job), $expected, $name) or diag $job->{reason};
    $sim->unfault($fault);
}
is(outcome($job = fetch('interday', identifiers => 'MSFT.O', %JANUARY,
            fields => 'TRDPRC_1,NO_SUCH')), 'done - 1 1',
    'a field that is none (70007): the others are kept');
like($job->{reason}, qr/70007/, 'and it is told');
is(outcome(fetch('interday', identifiers => 'NOSUCH.X', %JANUARY)),
    'failed not_found 1 1', 'an unknown RIC');
is(outcome(days('ASML.AS')), 'failed permission 1 0', 'no permission');

# ---- limits

simulator();
service();
$sim->fault('retry_after', value => '1', path => qr{^/data/}, nth => 1);
my $from = time;
is(outcome(days('VOD.L')), 'done - 2 1', '429: the second time');
cmp_ok(time - $from, '>=', 1, 'not before Retry-After');

# ---- ESG, symbology, search

for my $view (qw/ basic scores_full scores_standard measures_full
        measures_standard /) {
    is(outcome(fetch('esg', identifiers => 'IBM.N', view => $view)),
        'done - 1 1', "ESG: $view");
}
is(outcome(fetch('esg', identifiers => 'NOSUCH.X')), 'failed not_found 1 1',
    'ESG of nobody');
is(outcome(fetch('symbology', identifiers => 'IBM.N,MSFT.O')), 'done - 1 1',
    'symbology');
is(outcome(fetch('symbology', identifiers => 'IBM.N,NOSUCH.X')),
    'done - 1 1', 'one of two is known');
is(outcome(fetch('symbology', identifiers => 'NOSUCH.X')), 'done empty 1 1',
    'none is known');
is(outcome(fetch('search', keywords => 'Vodafone')), 'done - 1 1', 'search');

# ---- the session is given back at the end, and free for the next one

is($in->down(), 0, 'it ends');
is($sim->count(path => '/auth/oauth2/v1/revoke', status => 200), 1,
    'and gives its session back');
$in->up();
is(outcome(days('IBM.N')), 'done - 1 1', 'the next one logs in, and is let in');

my $all = $in->everything();
unlike($all, qr/\Q$sim->{password}\E/, 'the password shows nowhere');
unlike($all, qr/(?:access1|refresh)-x{20}/, 'nor does a token');
unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
