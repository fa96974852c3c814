#!/usr/bin/perl

# wizdatactl ingest push and upload against the real services: files and
# standard input, what is shown and how it ends, keys, a service that is
# restarted, and a long file in little memory.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw/ tempdir /;
use JSON::PP ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::Ctl;
use Wizdata::MessagePack;
use Wizdata::Push;

my $dir = tempdir('wd-push-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $p = Wizdata::Push->start();
$ENV{WIZDATA_INGESTION_ENDPOINT} = $p->in->svc->endpoint();
my $json = JSON::PP->new->canonical;
my $head = "symbol,time,open,high,low,close\n";
my $r;

sub file {
    my ($name, $text, $through) = @_;

    open my $f, '|-', ($through // 'cat') . " >$dir/$name" or die "$name: $!";
    binmode $f;
    print $f $text;
    close $f or die "$name: $!";
    return "$dir/$name";
}

sub bars { my ($symbol, @days) = @_; return $head . join '',
    map { "$symbol,2024-05-$_,1,2,0.5,1.5\n" } @days }
sub of { my ($doc) = @_; return "$doc->{state} " . Wizdata::Push::told($doc) }

# ---- what is shown, and how it ends

my $good = file('good.csv', bars('IBM', '01' .. '03'));
$r = ctl('ingest', 'push', 'bars', $good);
is($r->{rc}, 0, 'a file') or diag $r->{err};
is($r->{out}, "Upload 1, done: 3 records, 3 accepted, 0 duplicate, 0 rejected\n",
    'what became of it');
is(ctl('ingest', 'push', 'bars', $good)->{out},
    "Upload 2, done: 3 records, 0 accepted, 3 duplicate, 0 rejected\n",
    'once more: known already');

my $bad = file('bad.csv', bars('BAD', '01') . "BAD,2024-05-02,1,2,3,1.5\n"
    . "BAD,2024-05-03,x,2,0.5,1.5\n");
$r = ctl('ingest', 'push', 'bars', $bad);
is($r->{rc}, 1, 'rows that are rejected');
like($r->{out}, qr/^Upload 3, done: 3 records, 1 accepted, 0 duplicate, 2 rejected
LINE +RULE +DETAIL
3 +ohlc_order +high 2 is below low 3
4 +not_a_number +open is "x"
$/, 'are shown with line and rule');
$r = ctl('--json', 'ingest', 'push', 'bars', $bad);
is($r->{rc}, 1, 'as JSON, too');
is(of($r->{json}), 'done 0 1 2 | 3 ohlc_order | 4 not_a_number',
    'the document is the whole answer');

$r = ctl('--json', 'ingest', 'upload', 1);
is("$r->{rc} " . of($r->{json}), '0 done 3 0 0', 'looked up later');
$r = ctl('ingest', 'upload', 3);
is($r->{rc}, 1, 'with the same exit status');
like($r->{out}, qr/^4 +not_a_number/m, 'and the same rows');
is(ctl('--json', 'ingest', 'upload', 4711)->{json}{error}{code}, -5, 'no such');

# ---- formats and codings, by name and by option

my @fact = ({ symbol => 'IBM', item => 'a', value => 1 },
    { symbol => 'IBM', item => 'b' });
for my $how (
    [ 'f.json', $json->encode(\@fact) ],
    [ 'f.ndjson', join '', map { $json->encode($_) . "\n" } @fact ],
    [ 'f.jsonl', join '', map { $json->encode($_) . "\n" } @fact ],
    [ 'f.msgpack', mp_encode(\@fact) ],
    [ 'f.CSV', "symbol,item,value\nIBM,a,1\nIBM,b,\n" ],
    [ 'f.csv.gz', "symbol,item,value\nIBM,a,1\nIBM,b,\n", 'gzip -c' ],
    [ 'f.json.zst', $json->encode(\@fact), 'zstd -qc' ],
    [ 'plain', $json->encode(\@fact), undef, '--format', 'json' ],
    [ 'coded', $json->encode(\@fact), 'gzip -c', '--format', 'json', '--coding',
        'gzip' ],
    [ 'not.csv.gz', "symbol,item,value\nIBM,a,1\nIBM,b,\n", undef, '--coding',
        'none' ],
) {
    my ($name, $text, $through, @options) = @$how;
    my $file = file($name, $text, $through);
    $r = ctl('--json', 'ingest', 'push', 'facts', $file, @options);
    is("$r->{rc} $r->{json}{records} $r->{json}{rejected}", '0 2 0', $name)
        or diag $r->{out};
}
$r = ctl('ingest', 'push', 'facts', file('r.json', '[{"symbol":"IBM"}]'));
like($r->{err}, qr/record 1: facts need "item"/, 'a name that is missing');
$r = ctl('ingest', 'push', 'facts', file('r2.json',
    '[{"symbol":"IBM","item":"a","value":1},{"symbol":"I B","item":"a",'
    . '"value":1}]'));
like($r->{out}, qr/^RECORD +RULE .*\n2 +bad_symbol /m, 'records have numbers');

$r = ctl_in(bars('STDIN', '01'), '--json', 'ingest', 'push', 'bars', '-',
    '--format', 'csv');
is("$r->{rc} " . of($r->{json}), '0 done 1 0 0', 'standard input');

# ---- wrong words

for my $row (
    [ qr/--format csv, json/, 'bars', '-' ],
    [ qr/--format csv, json/, 'bars', "$dir/x.txt" ],
    [ qr/--format must be/, 'bars', $good, '--format', 'xml' ],
    [ qr/--coding must be/, 'bars', $good, '--coding', 'br' ],
    [ qr/--key must be/, 'bars', $good, '--key', "a\tb" ],
    [ qr/--key must be/, 'bars', $good, '--key', '' ],
    [ qr/--wait must be/, 'bars', $good, '--wait', 'long' ],
    [ qr/usage:/, 'bars' ],
) {
    my ($why, @words) = @$row;
    $r = ctl('ingest', 'push', @words);
    is($r->{rc}, 2, "wrong: @words[ 1 .. $#words ]");
    like($r->{err}, $why, 'says why');
}
for my $row (
    [ -5, 'bars', "$dir/none.csv" ], [ -17, 'bars', $dir, '--format', 'csv' ],
    [ -2, 'houses', $good ], [ -1, 'quotes', $good ],
    [ -1, 'bars', $good, '--coding', 'gzip' ],
) {
    my ($code, @words) = @$row;
    $r = ctl('--json', 'ingest', 'push', @words);
    is("$r->{rc} $r->{json}{error}{code}", "1 $code", "fails: $code")
        or diag $r->{out};
}

# ---- keys

$r = ctl('--json', 'ingest', 'push', 'bars', $bad, '--key', 'k 1');
my $again = ctl('--json', 'ingest', 'push', 'bars', $bad, '--key', 'k 1');
is($again->{out}, $r->{out}, 'with a key: the same answer');
$r = ctl('ingest', 'push', 'bars', $good, '--key', 'k 1');
is($r->{rc}, 1, 'another content');
like($r->{err}, qr/used for another content/, 'is refused');

# ---- nobody handles it

$p->pr->down();
$r = ctl('ingest', 'push', 'bars', file('s.csv', bars('STORED', '01')), '--wait',
    '0s');
is($r->{rc}, 0, 'not waited for');
like($r->{out}, qr/^Upload (\d+), stored: 1 records, 0 accepted.*
0 of 1 parts are handled; .*wizdatactl ingest upload \1$/m, 'it is stored');
my ($id) = $r->{out} =~ /^Upload (\d+)/;
is(ctl('ingest', 'upload', $id)->{rc}, 0, 'and so is it later');
is(ctl('ingest', 'upload', $id, '--wait', '1s')->{rc}, 1,
    'waited for in vain is a failure');
my $run = ctl_start('', '--json', 'ingest', 'push', 'bars',
    file('w.csv', bars('WAITS', '01')));
$p->in->wait_for(sub { $p->sql("SELECT count(*) FROM ingest_upload
    WHERE state = 'stored'") == 2 });
$p->pr->up();
$r = ctl_end($run);
is("$r->{rc} " . of($r->{json}), '0 done 1 0 0', 'waited for until it is done');
is(ctl('ingest', 'upload', $id, '--wait', '20s')->{rc}, 0, 'the other one, too');

# ---- a service that is killed half way: the same key goes on

my $pipe = "$dir/pipe.csv";
system('mkfifo', $pipe) == 0 or die;
$run = ctl_start('', '--json', 'ingest', 'push', 'facts', $pipe, '--key', 'cut');
open my $w, '>', $pipe or die;
$w->autoflush(1);
my @text = ("symbol,item,period,value\n", map { my $i = $_; join '', map {
    "CUT,a,p$_,1\n" } 10_000 * $i + 1 .. 10_000 * $i + 10_000 } 0 .. 14);
print $w $_ for @text[ 0 .. 11 ];
$p->in->wait_for(sub { $p->sql("SELECT cardinality(parts) FROM ingest_upload
    WHERE idem_key = 'cut'") == 1 }) or die "no part\n";
$p->in->down('KILL');
$r = ctl_end($run);
close $w;
is("$r->{rc} $r->{json}{error}{code}", '1 -14', 'the service is gone')
    or diag $r->{out};
$p->in->up();
$ENV{WIZDATA_INGESTION_ENDPOINT} = $p->in->svc->endpoint();
$r = ctl('--json', 'ingest', 'push', 'facts', file('cut.csv', join '', @text),
    '--key', 'cut');
is($r->{json}{error}{code}, -8, 'for a moment its key is in use')
    or diag $r->{out};
$p->sql("UPDATE ingest_upload SET lease_until = now() WHERE idem_key = 'cut'");
$r = ctl('--json', 'ingest', 'push', 'facts', "$dir/cut.csv", '--key', 'cut');
is("$r->{rc} " . of($r->{json}), '0 done 150000 0 0', 'then it goes on');
is($p->sql("SELECT count(*), count(DISTINCT period) FROM fundamental f JOIN
    instrument i ON i.id = instrument_id WHERE symbol = 'CUT'"),
    '150000|150000', 'all rows, once');

# ---- a long file

sub peak {
    my ($pid) = @_;
    open my $f, '<', "/proc/$pid/status" or return 0;
    return (map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$f>)[0] // 0;
}

$p->pr->down();                 # nobody waits for the rows
my $MB = $ENV{WIZDATA_PUSH_MB} || 60;
my $n = 0;
open my $f, '>', "$dir/long.csv" or die;
print $f "symbol,item,period,value\n";
while (tell $f < $MB << 20) {
    print $f join '', map { "LONG,item,period $_ of a long text in a line,$_\n" }
        $n + 1 .. $n + 1000;
    $n += 1000;
}
close $f;
my $peak = 0;
my $from = time;
$run = ctl_start('', '--json', 'ingest', 'push', 'facts', "$dir/long.csv",
    '--key', 'long', '--wait', '0s');
until ($p->sql("SELECT count(*) FROM ingest_upload WHERE idem_key = 'long' AND
    state <> 'receiving'")) {
    my $now = peak($run->{pid});
    $peak = $now if $now > $peak;
    sleep 0.01;
}
$r = ctl_end($run);
is("$r->{rc} $r->{json}{records} $r->{json}{bytes}", "0 $n " . -s "$dir/long.csv",
    'a long file');
diag sprintf '%d MiB in %.1f s, wizdatactl %.1f MiB at most', $MB, time - $from,
    $peak / 1024;
cmp_ok($peak, '>', 0, 'its memory was seen');
SKIP: {
    skip 'sanitizers keep memory', 1 if `ldd $ENV{WIZDATA_BUILD}/tools/wizdatactl 2>/dev/null`
        =~ /asan/;
    cmp_ok($peak, '<', 32 * 1024, 'in the memory of a piece');
}

# ---- there is none

$p->in->down();
$r = ctl('--json', 'ingest', 'push', 'bars', $good);
is("$r->{rc} $r->{json}{error}{code}", '1 -14', 'no service');

done_testing();
