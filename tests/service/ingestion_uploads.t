#!/usr/bin/perl

# What becomes of uploads, jobs and events later: those that ended are forgotten in time, with
# their keys and without what they brought; those whose instance was killed have
# failed; what is in progress stays.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Ingestion;
use Wizdata::MessagePack;
use Wizdata::Push;

my $p = Wizdata::Push->start();
my $json = JSON::PP->new->canonical;
my ($status, $a);

sub told { Wizdata::Push::told($_[0]) }
sub wait_for { $p->in->wait_for(@_) }
sub state_of { $p->sql("SELECT state FROM ingest_upload WHERE idem_key = '$_[0]'") }
sub missing { !$p->sql("SELECT count(*) FROM ingest_upload WHERE idem_key = '$_[0]'") }

# Another instance: it sweeps as soon as it is up.
sub instance {
    return Wizdata::Ingestion->start($p->pg, lake => $p->in->{lake},
        url => 'http://127.0.0.1:1', @_);
}

sub bars {
    my ($symbol, @days) = @_;
    return "symbol,time,open,high,low,close\n"
        . join '', map { "$symbol,2024-05-$_,1,2,0.5,1.5\n" } @days;
}

# A body that goes on when it is told to.
sub held {
    my ($key, $text, %args) = @_;

    my $c = $p->in->svc->connect();
    my $id = $c->ask('ingest.push', { dataset => 'bars', wait => 30, %args },
        body => mp_true, type => 'text/csv', idem => $key);
    my $go = sub {
        my ($text, $last) = @_;
        my $window = 262_144;
        while (length $text) {
            my $n = $window < 65536 ? $window : 65536;
            $c->send_frame([ 2, 'rpc.chunk', [ $id, mp_bin(
                substr $text, 0, $n, ''),
                $last && $text eq '' ? mp_true : mp_false ] ]);
            $window -= $n;
            $c->pump(sub { ($window += $c->credited($id)) > 0 }, 20) or die
                if length $text;
        }
    };
    $go->($text, 0);
    wait_for(sub { !missing($key) }) or die "$key is not received\n";
    return ($c, $id, $go);
}

# ---- what there is: one that is done, one that failed behind its first part,
# one that nobody has handled, one that is being received

my $text = bars('DONE', '01', '02') . "DONE,2024-05-03,1,2,3,1.5\n";
($status, $a) = $p->send('bars', csv => $text, key => 'done');
is(told($a), '2 0 1 | 4 ohlc_order', 'done');
my $done = $a->{upload};
$p->send('bars', csv => bars('NEW', '01'), key => 'recent');

my $rows = "symbol,item,period,value\n" . join '', map { "FAIL,a,p$_,1\n" }
    1 .. 150_000;
my ($c, $id) = held('failed', $rows, dataset => 'facts');
wait_for(sub { $p->sql("SELECT cardinality(parts) FROM ingest_upload
    WHERE idem_key = 'failed'") == 1 });
is(state_of('failed'), 'receiving', 'a part is known before the end');
$c->send_frame([ 2, 'rpc.cancel', [ $id ] ]);
wait_for(sub { state_of('failed') eq 'failed' }) or die;
ok($p->pr->drained(), 'its part is handled');

$p->pr->down();
($status) = $p->send('bars', csv => bars('STORED', '01'), key => 'stored',
    wait => 0);
is($status, 202, 'stored, and not handled');
my ($live, $live_id, $go) = held('live', bars('LIVE', '01'));

# ---- a month later

my @kept = map { $p->sql("SELECT count(*) FROM $_") }
    qw/ raw_object reject bar fundamental /;
my $lake = $p->in->manifest();
$p->sql("UPDATE ingest_upload SET created_at = created_at - interval '31 days',
    finished_at = finished_at - interval '31 days'
    WHERE idem_key <> 'recent'");
$p->sql("INSERT INTO ingest_upload (principal, dataset, format, state, worker,
    lease_until, lake_from, finished_at) SELECT 'user:1', 'bars', 'csv',
    'done', 'x', now() - interval '40 days', 0, now() - interval '40 days'
    FROM generate_series(1, 1700)");

$p->sql("INSERT INTO ingest_job (provider, dataset, args, status, finished_at)
    SELECT 'worldbank', 'countries', jsonb_build_object('page', g), s, now() -
    interval '31 days' FROM generate_series(1, 600) g, unnest(ARRAY['done',
    'failed']) s");
$p->sql("INSERT INTO ingest_job (provider, dataset, args, status, created_at,
    not_before, finished_at) SELECT 'worldbank', 'countries', args, status,
    now() - interval '90 days', now() + interval '1 day', finished_at
    FROM (VALUES ('{\"n\":1}'::jsonb, 'done', now() - interval '29 days'),
        ('{\"n\":2}', 'paused', NULL), ('{\"n\":3}', 'queued', NULL))
        v(args, status, finished_at)");
$p->sql("WITH c AS (INSERT INTO collection (name, source, provider, dataset,
        definition, retired_at) VALUES ('gone', 'api', 'worldbank',
        'countries', '{}', now()) RETURNING id),
    i AS (INSERT INTO collection_item (collection, provider, dataset, args,
        instrument) SELECT id, 'worldbank', 'countries', '{}', '' FROM c
        RETURNING id, collection),
    j AS (INSERT INTO ingest_job (provider, dataset, args, status, finished_at)
        VALUES ('worldbank', 'countries', '{\"n\":4}', 'failed', now() -
        interval '31 days') RETURNING id)
    INSERT INTO collection_slice (collection, item, fill, args, slice_from,
        slice_to, job) SELECT i.collection, i.id, false, '{}', '2024-01-01',
        '2024-01-02', j.id FROM i, j");

$p->sql("UPDATE bus_event SET at = at - interval '31 days'");
my $taken = $p->sql("SELECT \"offset\" FROM bus_offset
    WHERE topic = 'raw.object'");
my @two = map { instance() } 1 .. 2;
ok(wait_for(sub { $p->sql('SELECT count(*) FROM ingest_upload') == 3 }),
    'the old ones are gone, in several batches');
ok(wait_for(sub { $p->sql('SELECT count(*) FROM ingest_job') == 4 }),
    'and old jobs');
ok(wait_for(sub { $p->sql("SELECT count(*) FROM bus_event WHERE
    topic <> 'raw.object' OR \"offset\" <= $taken") == 0 }),
    'and events that were taken');
cmp_ok($p->sql("SELECT count(*) FROM bus_event"), '>', 0, 'the others are left');
my ($n, $jobs) = (0, 0);
for my $in (@two) {
    wait_for(sub { $in->svc->connect()->call('sys.health', {}) });
    $in->down();
    $n += $_ for $in->{log} =~ /"uploads swept".*?"forgotten":(\d+)/g;
    $jobs += $_ for $in->{log} =~ /"jobs swept".*?"forgotten":(\d+)/g;
}
is($n, 1702, 'each once, by two instances');
is($jobs, 1200, 'of jobs, too');
is($p->sql("SELECT string_agg(status || (args->>'n'), ' ' ORDER BY args->>'n')
    FROM ingest_job"), 'done1 paused2 queued3 failed4',
    'what is recent, waits, or was not seen by its collection stays');
is(join(' ', map { state_of($_) } qw/ recent stored live /),
    'done stored receiving', 'what is recent, or has not ended, is there');
ok(missing('done') && missing('failed'), 'what ended a month ago is not');
is(join(' ', map { $p->sql("SELECT count(*) FROM $_") }
    qw/ raw_object reject bar fundamental /), "@kept",
    'what they brought stays, and what became of it');
is(scalar $p->in->manifest(), $lake, 'so does the lake');
is($p->in->c->error('ingest.upload', { id => $done + 0 })->[0], -5,
    'they are not known any more');

$go->("LIVE,2024-05-02,1,2,0.5,1.5\n", 1);
$p->pr->up();
is(told($json->decode($live->answer($live_id)->[3][2])), '2 0 0',
    'the one that was being received ends well');
($status, $a) = $p->send('bars', csv => bars('AGAIN', '01'), key => 'done');
is(told($a), '1 0 0', 'an old key may be used for another content');

# ---- nobody asked about it since it was stored

ok($p->pr->drained(), 'what was stored is handled');
my $in = instance();
ok(wait_for(sub { state_of('stored') eq 'done' }), 'and done without being asked');
is($p->sql("SELECT accepted, duplicate, rejected, finished_at IS NOT NULL FROM
    ingest_upload WHERE idem_key = 'stored'"), '1|0|0|t', 'with its counts');
$in->down();

# ---- killed half way

my $kill = "symbol,item,period,value\n" . join '', map { "KILL,a,p$_,1\n" }
    1 .. 150_000;
my @kill = held('kill', $kill, dataset => 'facts');
wait_for(sub { $p->sql("SELECT cardinality(parts) FROM ingest_upload
    WHERE idem_key = 'kill'") == 1 }) or die;
my ($upload) = $p->sql("SELECT id FROM ingest_upload WHERE idem_key = 'kill'");
$p->in->down('KILL');
$p->sql("UPDATE ingest_upload SET lease_until = now() - interval '61 seconds'
    WHERE id = $upload");
$p->in->up();
ok(wait_for(sub { state_of('kill') eq 'failed' }), 'killed: failed');
ok($p->pr->drained(), 'what had arrived is handled');
$a = $p->upload($upload);
is("$a->{state} $a->{parts} " . told($a), 'failed 1 100000 0 0',
    'to be seen, with what had arrived');
is($a->{error}, 'the service ended while it received it', 'and why');
like($a->{finished_at}, qr/^20/, 'and when');
($status, $a) = $p->send('facts', csv => $kill, key => 'kill', wait => 100);
is("$a->{upload} $a->{state} $a->{parts} " . told($a),
    "$upload done 2 150000 0 0", 'its key goes on where it was');
is($a->{error}, undef, 'and nothing is wrong any more');
is($p->sql("SELECT count(*), count(DISTINCT period) FROM fundamental f JOIN
    instrument i ON i.id = instrument_id WHERE symbol = 'KILL'"),
    '150000|150000', 'no row is lost or doubled');
is($p->sql('SELECT count(*) FROM fundamental_history'), 0, 'nor stored twice');

# ---- held for lost, and only slow

($live, $live_id, $go) = held('slow', bars('SLOW', '01'));
$p->sql("UPDATE ingest_upload SET lease_until = now() - interval '61 seconds'
    WHERE idem_key = 'slow'");
$in = instance();
ok(wait_for(sub { state_of('slow') eq 'failed' }), 'a client that pauses');
$in->down();
$go->("SLOW,2024-05-02,1,2,0.5,1.5\n", 1);
$a = $json->decode($live->answer($live_id)->[3][2]);
is("$a->{state} " . told($a), 'done 2 0 0', 'goes on all the same');
is($a->{error}, undef, 'as if nothing had been');


done_testing();
