#!/usr/bin/perl

# Ends, reloads, leases and a database that is away, while many requests are
# under way: nothing is lost, nothing is asked or stored twice.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IPC::Open3 qw/ open3 /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::Crowd;
use Wizdata::Ingestion;
use Wizdata::Postgres;

my $pg = Wizdata::Postgres->start();
my $p = Wizdata::Crowd->start();
my ($in, $id, $job, $from, @jobs);

sub service {
    my (%env) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM provider_quota;
        DELETE FROM lake_fresh));
    $p->rules();
    $p->release();
    $p->forget();
    return $in = Wizdata::Ingestion->start($pg, url => $p->url(),
        lake => $in && $in->{lake}, WIZDATA_INGESTION_TIMEOUT => '60s',
        WIZDATA_INGESTION_LEASE => '90s', %env);
}

my $mark = 'A';

sub quotes {
    my ($n) = @_;

    $mark++;
    return split /\n/, $pg->psql("INSERT INTO ingest_job (provider, dataset,
        args) SELECT 'alphavantage', 'quote', jsonb_build_object('symbol',
        '$mark' || g) FROM generate_series(1, $n) g RETURNING id;
        NOTIFY wizdata_ingest");
}

sub count { my ($what) = @_; $pg->psql("SELECT count(*) FROM ingest_job WHERE
    $what") }

sub ends { my ($n) = @_; $in->wait_for(sub { count("status = 'done'") == $n },
    60) }

# Each object of the lake is on the bus once, in order; it is one lake for all
# services of this test.
sub published {
    my @seq = map { $_->{seq} } $in->manifest();
    $in->wait_for(sub { $in->events() == @seq });
    my $n = () = $in->events();
    return join(' ', map { $_->{seq} } $in->events()) eq join ' ', @seq;
}

# SQL that holds its locks until the returned function is called.
sub lock_while {
    my ($sql) = @_;

    my $pid = open3(my $to, my $said, undef, "$pg->{bin}/psql", '-XAtq', '-d',
        $pg->url());
    print $to "BEGIN; $sql; SELECT 'locked';\n";
    $to->flush();
    1 while defined($_ = <$said>) && !/locked/;
    return sub {
        print $to "COMMIT;\n";
        close $to;
        waitpid $pid, 0;
    };
}

# ---- an end while hundreds of requests are under way

service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 500);
$p->rules({ hold => 1 });
@jobs = quotes(520);
ok($p->holds(500), 'five hundred requests are under way');
$from = time;
is($in->down(), 0, 'asked to end: it does');
cmp_ok(time - $from, '<', 5, 'in a few seconds');
is(count("status = 'queued' AND attempts = 0 AND worker IS NULL"), 520,
    'all jobs are given back, without blame');
$p->rules();
$in->up();
ok(ends(520), 'and done by the next process');
ok(published(), 'each is published once');

# ---- an end while answers are about to be worked on

# The fetcher waits for the quota, for a job's second page; the first page of
# another one comes; it is asked to end.
service();
$p->rules({ hold => 1 });
for my $name (qw/ A B C /) {
    $in->run('worldbank', 'indicator', indicator => $name, country => 'all');
}
ok($p->holds(2), 'two first pages are under way');
my $unlock = lock_while(q(SELECT 1 FROM provider_quota
    WHERE provider = 'worldbank' FOR UPDATE));
$p->release(1);
ok($in->wait_for(sub { $pg->psql("SELECT count(*) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock'") >= 1 }), 'one waits for its turn');
$p->release(1);
ok($in->wait_for(sub { $p->held() == 0 }), 'the other is answered');
$from = time;
kill 'TERM', $in->svc->pid;
$in->wait_for(sub { $in->log() =~ /stopping|draining|SIGTERM/ }, 1);
$unlock->();
is($in->down(0), 0, 'it ends with pages in hand');
cmp_ok(time - $from, '<', 6, 'in a few seconds');
is(count("status <> 'queued'"), 0, 'all jobs are given back');
$p->rules();
$in->up();
ok(ends(3), 'and done by the next process');

# ---- an end at any moment

service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 50);
@jobs = quotes(2000);
my $stops = 0;
for my $round (1 .. 12) {
    my $at = count("status = 'done'");
    $in->wait_for(sub { count("status = 'done'") > $at + 20 * rand });
    $from = time;
    $stops++ if $in->down() == 0 && time - $from < 5
        && count("status = 'running'") == 0;
    $in->up();
}
is($stops, 12, 'ended twelve times in the middle of its work');
ok(ends(2000), 'all are done');
is(count('objects + duplicates = 1'), 2000, 'each with one answer');
ok(published(), 'each is published once');

# ---- a reload at any moment

my $file = "$in->{lake}/key";
sub write_file { my ($name, $text) = @_; open my $f, '>', $name or die;
    print $f $text; close $f }
write_file($file, 'key-number-0001');
service(WIZDATA_ALPHAVANTAGE_KEY => '', WIZDATA_ALPHAVANTAGE_KEY_FILE => $file,
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 100);
$p->rules({ hold => 1 });
@jobs = quotes(150);
ok($p->holds(100), 'a hundred requests are under way');
write_file($file, 'key-number-0002,key-number-0001');
kill 'HUP', $in->svc->pid;
ok($in->wait_for(sub { $in->provider('alphavantage')->{quota}{keys} == 2 }),
    'other keys are read');
is($p->held(), 100, 'what is under way stays so');
$p->rules();
$p->release();
ok(ends(150), 'all are done');
is($p->asked(), 150, 'each was asked once');
my %with;
$with{ $_->{key} }++ for $p->requests();
is_deeply(\%with, { 'key-number-0001' => 100, 'key-number-0002' => 50 },
    'what began later was asked with the new first key');
@jobs = quotes(1000);
for my $round (1 .. 20) {
    write_file($file, "key-number-000$round,key-number-0001");
    kill 'HUP', $in->svc->pid;
    sleep 0.05;
}
ok(ends(1150), 'twenty reloads among a thousand jobs: all are done');
is($p->asked(), 1150, 'each was asked once');

# A job of several pages goes on with the new account, nothing of it goes to
# the old address.
my $there = Wizdata::Crowd->start();
my $token = '{"access_token":"token-%s","expires_in":"300",'
    . '"token_type":"Bearer"}';
my $rows = '[{"universe":{"ric":"IBM.N"},"interval":"P1D",'
    . '"summaryTimestampLabel":"endPeriod","defaultPricingField":"TRDPRC_1",'
    . '"headers":[{"name":"DATE","type":"string"}'
    . join('', map { qq(,{"name":"$_","type":"number"}) } qw/ TRDPRC_1 HIGH_1
        LOW_1 ACVOL_UNS OPEN_PRC /) . '],"data":[["%s",71.4,71.7,70.9,3643,'
    . '71.3]]}]';
my $url = "$in->{lake}/url";
write_file($url, $p->url());
service(WIZDATA_LSEG_URL => '', WIZDATA_LSEG_URL_FILE => $url,
    WIZDATA_LSEG_USER => 'machine-0001', WIZDATA_LSEG_SECRET => 'pass-0001');
$p->rules({ match => 'token', body => sprintf $token, 'old' },
    { hold => 1, body => sprintf $rows, '2024-06-03' });
$there->rules({ match => 'token', body => sprintf $token, 'new' },
    { body => sprintf $rows, '2024-06-03' });
$id = $in->run('lseg', 'interday', identifiers => 'IBM.N', start =>
    '2020-01-01');
ok($p->holds(1), 'a first page');
write_file($url, $there->url());
kill 'HUP', $in->svc->pid;
ok($in->wait_for(sub { $in->log() =~ /reloaded/ }), 'another address is read');
$p->release();
is($in->wait_job($id)->{status}, 'done', 'the job goes on');
is(join(' ', map { $_->{auth} } grep { $_->{target} !~ /token/ }
    $there->requests()), 'Bearer token-new',
    'at the new address, with a token of there');
is(scalar(grep { $_->{target} !~ /token/ } $p->requests()), 1,
    'the old one was asked for the first page only');

# ---- leases

service(WIZDATA_INGESTION_TIMEOUT => '8s', WIZDATA_INGESTION_LEASE => '9s');
$p->rules({ hold => 1 });
$id = $in->run('alphavantage', 'quote', symbol => 'LEASE');
ok($p->holds(1), 'a request is under way');
my $lease = $pg->psql("SELECT lease_until FROM ingest_job WHERE id = $id");
ok($in->wait_for(sub { $pg->psql("SELECT lease_until > '$lease' FROM ingest_job
    WHERE id = $id") eq 't' }), 'its lease is renewed');
$p->release();
is($in->wait_job($id)->{attempts}, 1, 'done at the first attempt');

# A job that another process has by now is let go.
service(WIZDATA_INGESTION_TIMEOUT => '8s', WIZDATA_INGESTION_LEASE => '9s');
$p->rules({ match => 'page=1', hold => 1 });
$id = $in->run('worldbank', 'indicator', indicator => 'A', country => 'all');
ok($p->holds(1), 'a first page is under way');
$pg->psql("UPDATE ingest_job SET worker = 'other', lease_until = now() +
    interval '1 hour' WHERE id = $id");
$p->release();
ok($in->wait_for(sub { $in->log() =~ /taken over/ }), 'it is told');
sleep 0.5;
is($p->asked(), 1, 'its other pages are not asked for');
is(count("worker = 'other' AND status = 'running' AND page = 1"), 1,
    'and nothing is written into it');

# Such a one that has not been answered yet is let go, too.
$pg->psql('DELETE FROM ingest_job');
$p->rules({ hold => 1 });
$id = $in->run('alphavantage', 'quote', symbol => 'GONE');
ok($p->holds(1), 'a request is under way');
$pg->psql("UPDATE ingest_job SET worker = 'other', lease_until = now() +
    interval '1 hour' WHERE id = $id");
ok($in->wait_for(sub { $in->provider('alphavantage')->{running} == 0 }),
    'it ends as soon as that is seen');
ok($in->wait_for(sub { $p->held() == 0 }), 'also at the provider');

# ---- the database is away while many answers come

service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 40);
$p->rules({ hold => 1 });
@jobs = quotes(40);
ok($p->holds(40), 'forty requests are under way');
my $n = $in->manifest();
$pg->stop_server();
$p->release();
ok($in->wait_for(sub { $in->manifest() == $n + 40 }),
    'the database is gone: the lake has all answers');
$pg->start_server();
ok(ends(40), 'when it is back, all are done');
is(count('attempts = 1 AND objects = 1'), 40, 'at the first attempt');
is($p->asked(), 40, 'each was asked once');
ok(published(), 'each is published once');

# It ends without a database, too, and the next process stores nothing twice.
service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 40);
$p->rules({ hold => 1 });
@jobs = quotes(40);
$p->holds(40);
$n = $in->manifest();
$pg->stop_server();
$p->release(20);
$in->wait_for(sub { $in->manifest() == $n + 20 });
$from = time;
is($in->down(), 0, 'it ends without a database');
cmp_ok(time - $from, '<', 10, 'in a few seconds');
$pg->start_server();
$p->rules();
is(count("status = 'running'"), 40, 'the jobs are nobody\'s');
$pg->psql('UPDATE ingest_job SET lease_until = now()');
$in->up();
ok(ends(40), 'the next process does them');
is(scalar($in->manifest()), $n + 40, 'and stores each answer once');

# ---- without descriptors: our trouble, not the provider's

service(WIZDATA_ALPHAVANTAGE_CONCURRENCY => 200);
my $pid = $in->svc->pid;
$in->provider('alphavantage');    # connected before there is no descriptor
opendir my $fds, "/proc/$pid/fd";
my $used = () = readdir $fds;
closedir $fds;
sub limit { system('prlimit', '--pid', $pid, '--nofile=' . $_[0]) == 0 or die }
my ($hard) = `prlimit --pid $pid --nofile --output HARD --noheadings` =~ /(\d+)/;
limit($used + 30 . ":$hard");
$p->rules({ hold => 1 });
@jobs = quotes(100);
ok($in->wait_for(sub { $p->held() >= 15 }), 'some requests are under way');
$in->wait_for(sub { count('attempts > 0') >= 15 });
sleep 1;
is($in->provider('alphavantage')->{state}, 'ok',
    'those without a descriptor are no outage');
is($in->provider('alphavantage')->{failed}, 0, 'and nobody\'s failure');
limit("$hard:$hard");
$p->rules();
$p->release();
ok(ends(100), 'with more descriptors all are done');

# ---- one session for all instances

sub session_is {
    my ($state) = @_;

    return $in->wait_for(sub { $in->provider('lseg')->{state} eq $state });
}

service(WIZDATA_LSEG_URL => $p->url(), WIZDATA_LSEG_USER => 'machine-0001',
    WIZDATA_LSEG_SECRET => 'pass-0001');
ok(session_is('ok'), 'it has the session');
my $backend = q(SELECT pid FROM pg_stat_activity WHERE application_name =
    'wizdata-ingestion lseg');
for my $round (1 .. 5) {
    my $pid = open3(my $to, my $said, undef, "$pg->{bin}/psql", '-XAtq', '-d',
        $pg->url());
    print $to "SELECT pg_advisory_lock(hashtext('wizdata session'),
        hashtext('lseg')); SELECT 'mine';\n";
    $to->flush();
    $in->wait_for(sub { $pg->psql("SELECT count(*) FROM pg_stat_activity
        WHERE wait_event = 'advisory'") == 1 });
    $pg->psql("SELECT pg_terminate_backend(pid) FROM ($backend) b");
    1 while defined($_ = <$said>) && !/mine/;
    ok(session_is('standby'), 'another has it after the connection broke')
        or diag $in->log();
    close $to;
    waitpid $pid, 0;
    ok(session_is('ok'), 'and gives it back');
}

unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
