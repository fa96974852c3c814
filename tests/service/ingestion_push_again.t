#!/usr/bin/perl

# Pushes that are sent again: keys, two at once, clients that leave, a service
# that is killed in the middle, a database that is away, no room.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::MessagePack;
use Wizdata::Push;

my $p = Wizdata::Push->start(WIZDATA_INGESTION_PUSHES => 2);
my $json = JSON::PP->new->canonical;
my ($status, $a, $b, @e, @rows);

sub told { Wizdata::Push::told($_[0]) }

sub text {
    my ($symbol, @days) = @_;
    return "symbol,time,open,high,low,close\n"
        . join '', map { "$symbol,2024-05-$_,1,2,0.5,1.5\n" } @days;
}

# ---- a key makes one push of many

my $text = text('KEY', '01' .. '09') . "KEY,2024-05-10,1,2,3,1.5\n";
($status, $a) = $p->send('bars', csv => $text, key => 'a b!');
is(told($a), '9 0 1 | 11 ohlc_order', 'a push');
($status, $b) = $p->send('bars', csv => $text, key => 'a b!');
is($json->encode($b), $json->encode($a), 'again: the same answer');
is($status, 200, 'with the same status');
is(scalar $p->objects(), 1, 'stored once');
($status, $b) = $p->send('bars', csv => $text, key => 'c');
is(told($b), '0 9 1 | 11 ohlc_order', 'with another key it is known');
($status, $b) = $p->send('bars', csv => $text);
isnt($b->{upload}, $a->{upload}, 'without one each is a push');
($status, $b) = $p->send('bars', csv => $text, key => 'a b!', sub => 'user:9');
isnt($b->{upload}, $a->{upload}, 'keys of others are other keys');

my $objects = $p->objects();
like(join(' ', $p->refused('bars', csv => "$text\n", key => 'a b!')),
    qr/^-8 .*used for another content/, 'another content');
like(join(' ', $p->refused('quotes', csv => $text, key => 'a b!')),
    qr/^-8 .*used for another content/, 'another data set');
like(join(' ', $p->refused('bars', csv => '', key => 'a b!')), qr/^-8 /,
    'nothing');
is(scalar $p->objects(), $objects, 'of that nothing is stored');

# ---- a body that is refused does not use its key up

is(($p->refused('bars', csv => 'symbol', key => 'k'))[0], -1, 'no header');
($status, $b) = $p->send('bars', csv => text('K', '01'), key => 'k');
is(told($b), '1 0 0', 'the key is good for a right one');

# ---- two at once

# A body that stops until it is told to go on.
sub held {
    my ($c, $text, %o) = @_;

    my $id = $c->ask('ingest.push', { dataset => 'bars', wait => 30 },
        body => mp_true, type => 'text/csv', %o);
    my $go = sub {
        my ($text, $last) = @_;
        while (length $text) {
            $c->send_frame([ 2, 'rpc.chunk', [ $id, mp_bin(
                substr $text, 0, 65536, ''), $last && $text eq ''
                ? mp_true
                : mp_false ] ]);
        }
    };
    $go->($text, 0);
    return ($id, $go);
}
sub receiving {
    my ($n) = @_;
    $p->in->wait_for(sub { $p->sql("SELECT count(*) FROM ingest_upload
        WHERE state = 'receiving'") == $n }) or die "not received\n";
}

my $one = $p->in->svc->connect();
my ($id, $go) = held($one, text('TWO', '01'), idem => 'two');
receiving(1);
@e = $p->refused('bars', csv => text('TWO', '01'), key => 'two');
is($e[0], -8, 'one key, two at once: a conflict');
like($e[1], qr/being received now/, 'says why');
ok($e[2]{retry} >= 1 && $e[2]{retry} <= 16, 'and when to come again');
my ($upload) = $p->sql("SELECT id FROM ingest_upload WHERE idem_key = 'two'");
is($p->upload($upload)->{state}, 'receiving', 'to be seen meanwhile');
is($p->upload($upload)->{records}, undef, 'not counted yet');

# ---- no room for more

my $two = $p->in->svc->connect();
my ($id2, $go2) = held($two, text('ROOM', '01'));
receiving(2);
@e = $p->refused('bars', csv => text('ROOM', '01'));
is($e[0], -14, 'as many as may: unavailable');
is($e[2]{retry}, 1, 'for a moment');
is($p->in->get('ingest.status')->{queued}, 0, 'others are answered meanwhile');
$go2->("ROOM,2024-05-02,1,2,0.5,1.5\n", 1);
is($two->answer($id2)->[3][0], 200, 'the second ends');
$go->("TWO,2024-05-02,1,2,0.5,1.5\n", 1);
is(told($json->decode($one->answer($id)->[3][2])), '2 0 0', 'the first, too');

# ---- the client leaves: what was whole stays, and it goes on there

# Without an end.
sub feed {
    my ($c, $id, $some) = @_;

    my $window = 262_144;
    while (length $some) {
        my $n = $window < 65536 ? $window : 65536;
        $c->send_frame([ 2, 'rpc.chunk', [ $id, mp_bin(
            substr $some, 0, $n, ''), mp_false ] ]);
        $window -= $n;
        $c->pump(sub { ($window += $c->credited($id)) > 0 }, 20) or die;
    }
}
sub facts { grep { $_->{dataset} eq 'facts' } $p->objects() }

# Parts of 100,000 records.
sub rows { my ($from, $to) = @_; return join '', map {
    "LONG,a,p$_,1\n" } $from .. $to }
my $head = "symbol,item,period,value\n";
my $gone = $p->in->svc->connect();
$id = $gone->ask('ingest.push', { dataset => 'facts' }, idem => 'gone',
    body => mp_true, type => 'text/csv');
feed($gone, $id, $head . rows(1, 250_000));
ok($p->in->wait_for(sub { facts() == 2 }), 'parts arrived');
$gone->send_frame([ 2, 'rpc.cancel', [ $id ] ]);
ok($p->in->wait_for(sub { $p->sql("SELECT state FROM ingest_upload
    WHERE idem_key = 'gone'") eq 'failed' }), 'the client left');
@rows = facts();
is(@rows, 2, 'two whole parts are in the lake');
($upload) = $p->sql("SELECT id FROM ingest_upload WHERE idem_key = 'gone'");
is($p->upload($upload)->{state}, 'failed', 'to be seen');
ok($p->pr->drained(), 'and processed');
is($p->sql('SELECT count(*) FROM fundamental'), 200_000, 'as rows');
($status, $a) = $p->send('facts', csv => $head . rows(1, 250_000),
    key => 'gone', wait => 100);
is("$a->{upload} $a->{parts} " . told($a), "$upload 3 250000 0 0",
    'sent again it goes on');
@rows = facts();
is(join(' ', map { $_->{args}{part} } @rows), '1 2 3',
    'what was there is not stored twice');
is($p->sql('SELECT count(*) FROM fundamental'), 250_000, 'all rows');

# ---- killed in the middle

sub more { my ($from, $to) = @_; return join '', map {
    "KILL,a,p$_,1\n" } $from .. $to }
$gone = $p->in->svc->connect();
$id = $gone->ask('ingest.push', { dataset => 'facts' }, idem => 'kill',
    body => mp_true, type => 'text/csv');
feed($gone, $id, $head . more(1, 150_000));
ok($p->in->wait_for(sub { facts() == 4 }),
    'a part arrived');
$p->in->down('KILL');
$p->in->up();
($upload) = $p->sql("SELECT id FROM ingest_upload WHERE idem_key = 'kill'");
is($p->sql("SELECT state FROM ingest_upload WHERE id = $upload"), 'receiving',
    'nobody could note it');
is(($p->refused('facts', csv => $head, key => 'kill'))[0], -8,
    'for some seconds nobody knows that it is gone');
$p->sql("UPDATE ingest_upload SET lease_until = now() WHERE id = $upload");
is($p->upload($upload)->{state}, 'interrupted', 'then it is seen');
($status, $a) = $p->send('facts', csv => $head . more(1, 150_000),
    key => 'kill', wait => 100);
is("$a->{upload} $a->{parts} " . told($a), "$upload 2 150000 0 0",
    'and it goes on');
@rows = grep { $_->{args}{upload} == $upload } $p->objects();
is(join(' ', map { $_->{args}{part} } @rows), '1 2', 'nothing is stored twice');
is($p->sql("SELECT count(*), count(DISTINCT period) FROM fundamental f JOIN
    instrument i ON i.id = instrument_id WHERE symbol = 'KILL'"),
    '150000|150000', 'nor lost');
is($p->sql('SELECT count(*) FROM fundamental_history'), 0, 'nor doubled');

# Another content behind what is there: only that is new.
$gone = $p->in->svc->connect();
$id = $gone->ask('ingest.push', { dataset => 'facts' }, idem => 'other',
    body => mp_true, type => 'text/csv');
feed($gone, $id, $head . rows(1, 150_000));
$p->in->wait_for(sub { $p->sql("SELECT count(*) FROM ingest_upload WHERE
    idem_key = 'other'") == 1 });
$gone->send_frame([ 2, 'rpc.cancel', [ $id ] ]);
$p->in->wait_for(sub { $p->sql("SELECT state FROM ingest_upload
    WHERE idem_key = 'other'") eq 'failed' });
($status, $a) = $p->send('facts', csv => $head . more(1, 120_000),
    key => 'other', wait => 100);
is("$a->{parts} " . told($a), '2 0 120000 0', 'another content is its own');

# ---- the lease is lost: the late one does not go on

my $slow = $p->in->svc->connect();
($id, $go) = held($slow, text('SLOW', '01'), idem => 'slow');
$p->in->wait_for(sub { $p->sql("SELECT count(*) FROM ingest_upload WHERE
    idem_key = 'slow'") == 1 });
$p->sql("UPDATE ingest_upload SET lease_until = now() WHERE idem_key = 'slow'");
($status, $a) = $p->send('bars', csv => text('SLOW', '01', '02'), key => 'slow');
is(told($a), '2 0 0', 'taken over');
$go->("SLOW,2024-05-02,1,2,0.5,1.5\n", 1);
is($slow->answer($id)->[2][0], -8, 'the late one is told');
is($p->sql("SELECT count(*) FROM bar JOIN instrument i ON i.id = instrument_id
    WHERE symbol = 'SLOW'"), 2, 'all rows');

# ---- the database is away

$p->pg->stop_server();
@e = $p->refused('bars', csv => text('AWAY', '01'), key => 'away');
is($e[0], -29, 'no database');
ok($e[2]{retry}, 'come again');
$p->pg->start_server();
ok($p->in->wait_for(sub { ($status, $a) = $p->send('bars',
    csv => text('AWAY', '01'), key => 'away'); 1 }), 'it is back');
is(told($a), '1 0 0', 'sent again');

# ---- the service ends: nobody waits any longer

$p->pr->down();
my $wait = $p->in->svc->connect();
$id = $wait->ask('ingest.push', { dataset => 'bars', wait => 60 },
    body => mp_true, type => 'text/csv');
$wait->send_frame([ 2, 'rpc.chunk', [ $id, mp_bin(
    text('END', '01')), mp_true ] ]);
ok($p->in->wait_for(sub { $p->sql("SELECT count(*) FROM ingest_upload
    WHERE state = 'stored'") == 1 }), 'stored');
kill 'TERM', $p->in->svc->pid;
is($wait->answer($id)->[3][0], 202, 'answered with what is known');
is($p->in->down(0), 0, 'a clean end');

# ---- all of it from the lake once more

my $count = 'SELECT count(*), count(DISTINCT raw_id), sum(value::int) FROM
    fundamental';
my $was = $p->sql($count);
my $new = Wizdata::Postgres->start();
my $pr = Wizdata::Processing->start($new, lake => $p->in->{lake});
my $in = Wizdata::Ingestion->start($new, lake => $p->in->{lake},
    url => 'http://127.0.0.1:1');
ok($in->wait_for(sub { $new->psql('SELECT seq FROM lake_cursor')
    == $p->in->manifest() }) && $pr->drained(100), 'replayed');
is($new->psql($count), $was, 'the same rows');
is($new->psql('SELECT count(*) FROM bar'), $p->sql('SELECT count(*) FROM bar')
    + 1, 'and the one that nobody had processed');

done_testing();
