#!/usr/bin/perl

# What stops in the middle: the database, the service (killed and asked to
# end), one instance of two. Nothing is lost, nothing is published twice.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw/ time sleep /;

use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Provider;

my $pg = Wizdata::Postgres->start();
my $provider = Wizdata::Provider->start();
# One question at a time: what is on its way is known.
my $in = Wizdata::Ingestion->start($pg, url => $provider->url('gate'),
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 1,
    WIZDATA_INGESTION_TIMEOUT => '20s', WIZDATA_INGESTION_LEASE => '30s');
my ($id, $job, $e);

sub running { $in->wait_job($_[0], sub { $_[0]{status} eq 'running' }) }

sub seqs { join ' ', map { $_->{seq} } $in->events() }

# ---- the database stops while an answer is on its way

$id = $in->run('alphavantage', 'quote', symbol => 'IBM');
my $waiting = $in->run('alphavantage', 'quote', symbol => 'SPY');
running($id);
$in->wait_for(sub { $provider->requests() == 1 });
$pg->stop_server();
$provider->open_gate();
ok($in->wait_for(sub { $in->manifest() == 1 }), 'the lake has the payload');
$e = $in->c->error('ingest.run',
    { provider => 'alphavantage', dataset => 'quote', symbol => 'QQQ' });
is($e->[0], -29, 'ingest.run: database unavailable') or diag explain $e;
ok(!$in->get('ingest.providers')->{shared}, 'ingest.providers answers');
my ($p) = grep { $_->{provider} eq 'alphavantage' }
    @{ $in->get('ingest.providers')->{providers} };
is($p->{succeeded}, 1, 'from its own memory');
like(($in->c->call('sys.health', {}))[2], qr/"status":"unhealthy"/,
    'health tells');
sleep 1;
is(scalar($in->manifest()), 1, 'no job is taken meanwhile');

$pg->start_server();
$job = $in->wait_job($id);
is("$job->{status} $job->{objects} $job->{attempts}", 'done 1 1',
    'the job is done, asked once');
is($in->wait_job($waiting)->{status}, 'done', 'the waiting one, too');
ok($in->wait_for(sub { $in->events() == 2 }), 'both are published');
sleep 1.2;
is(seqs(), '1 2', 'once');

# ---- asked to end while an answer is on its way: the job waits

$provider->close_gate();
$id = $in->run('alphavantage', 'quote', symbol => 'A');
running($id);
$in->wait_for(sub { $provider->requests() == 3 });
my $from = time;
is($in->down(), 0, 'it ends');
ok(time - $from < 5, 'without waiting for the provider');
is($pg->psql("SELECT status, attempts FROM ingest_job WHERE id = $id"),
    'queued|0', 'the job is queued again, without blame');
$provider->open_gate();
$in->up();
is($in->wait_job($id)->{status}, 'done', 'done after the restart');

# ---- killed: the lease gives the job to the next one

# A lease is long: a question at the gate must not end before the test has done
# what is to happen meanwhile. Then its time has passed.
sub lease_over {
    $pg->psql("UPDATE ingest_job SET lease_until = now() - interval '1 s'
        WHERE id = $_[0] AND lease_until > now()");
}

$provider->close_gate();
$id = $in->run('alphavantage', 'quote', symbol => 'B');
running($id);
is($in->down('KILL'), 137, 'killed');
is($pg->psql("SELECT status FROM ingest_job WHERE id = $id"), 'running',
    'the job is nobody\'s');
$provider->open_gate();
$in->up();
sleep 1.2;
is($in->job($id)->{status}, 'running', 'while its lease lasts');
lease_over($id);
$job = $in->wait_job($id);
is($job->{status}, 'done', 'done by the next process');

# ---- killed between the lake and the bus

my $n = $in->manifest();
$provider->close_gate();
my $asked = $provider->requests();
$id = $in->run('alphavantage', 'quote', symbol => 'C');
running($id);
$in->wait_for(sub { $provider->requests() > $asked });
$pg->stop_server();
$provider->open_gate();
ok($in->wait_for(sub { $in->manifest() == $n + 1 }), 'stored');
$in->down('KILL');
$pg->start_server();
lease_over($id);
$in->up();
is($in->wait_job($id)->{status}, 'done', 'the job is done again');
is(scalar($in->manifest()), $n + 1, 'its payload was not stored again');
ok($in->wait_for(sub { $in->events() == $n + 1 }), 'it is published');
sleep 1.2;
is(seqs(), join(' ', 1 .. $n + 1), 'each object once');

# ---- two instances share jobs, quota, lake

my $other = Wizdata::Ingestion->start($pg, url => $provider->url('changing'),
    lake => $in->{lake}, WIZDATA_ALPHAVANTAGE_PER_SECOND => 4);
$in->{env}{WIZDATA_ALPHAVANTAGE_URL} = $provider->url('changing');
$in->{env}{WIZDATA_ALPHAVANTAGE_PER_SECOND} = 4;
$in->down();
$in->up();
$from = time;
my @ids = map { $in->run('alphavantage', 'quote', symbol => "D$_") } 1 .. 12;
is(join(' ', map { $in->wait_job($_)->{status} } @ids), 'done ' x 11 . 'done',
    'twelve jobs are done');
ok(time - $from >= 2, 'together they keep to four calls a second');
is($pg->psql('SELECT count(DISTINCT worker) FROM ingest_job WHERE id IN ('
    . join(',', @ids) . ')'), 2, 'by both');
is((grep { /^changing / } $provider->requests()), 12, 'with one call each');
is(join(' ', map { $_->{seq} } $in->manifest()),
    join(' ', 1 .. $in->manifest()), 'numbers without gaps');
ok($in->wait_for(sub { $in->events() == $in->manifest() }), 'all published');
is(seqs(), join(' ', 1 .. $in->manifest()), 'in order, each once');

# ---- the World Bank goes on at the page where it was

$provider->close_gate();
$id = $in->run('worldbank', 'indicator', indicator => 'A', country => 'all');
$in->wait_job($id, sub { $_[0]{status} eq 'running' });
$pg->psql("UPDATE ingest_job SET status = 'queued', worker = NULL, page = 2,
    rows = 2 WHERE id = $id");
$provider->open_gate();
$job = $in->wait_job($id);
is($job->{status}, 'done', 'done from its second page');
is(($in->manifest())[-1]{args}{page}, 2, 'which is the last');

unlike($in->log() . $other->log(), qr/Sanitizer|runtime error/,
    'no sanitizer findings');

done_testing();
