#!/usr/bin/perl

# Pushing: every data set becomes rows; what the answer tells, over the borders
# of parts; what is refused; codings and bombs; processing that is away.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Compress::Gzip qw/ gzip /;
use JSON::PP ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::MessagePack;
use Wizdata::Push;

my $p = Wizdata::Push->start();
my $json = JSON::PP->new->canonical;
my ($status, $a, @e, @rows);

sub told { Wizdata::Push::told($_[0]) }

# The answer of a push that succeeds.
sub pushed {
    ($status, $a) = $p->send(@_);
    return told($a);
}

# Code and text of one that does not.
sub refused {
    @e = $p->refused(@_);
    return join ' ', @e[ 0, 1 ];
}

my $BARS = "symbol,time,open,high,low,close,volume\n";

# ---- bars: several symbols and lengths, and what becomes of records

is(pushed('bars', csv => "symbol,timeframe,time,open,high,low,close,volume\r\n"
    . "ibm,1d,2024-05-02,10,11,9,10.5,100\r\n"
    . "IBM,5m,2024-05-02T09:30:00-04:00,10,11,9,10.5,7\r\n\r\n"
    . "SPY,,2024-05-02,500,502,499,501,\r\n"
    . "SPY,1w,2024-05-02,500,502,499,501,1.5\r\n"
    . "IBM,1d,2024-05-03,10,11,12,10.5,100\r\n"
    . "\"IBM\",1d,2024-05-06,\"10\",11,9,NaN,100\r\n"
    . "IBM,1d,2024-05-02,10,11,9,10.5,100\r\n"
    . "IBM,1d,2024-05-02,10,11,9,10.6,100\r\n"
    . "IBM,1h,2024-05-02,10,11,9,10.6,100\r\n"
    . "IBM,1d,2124-05-02,10,11,9,10.6,100"),
    '4 1 5 | 7 ohlc_order | 8 not_a_number | 10 duplicate | 11 bad_time'
    . ' | 12 future_time', 'what becomes of bars');
is($status, 200, 'done');
is_deeply([ sort keys %$a ], [ sort qw/ upload dataset format state created_at
    finished_at error parts handled bytes records accepted duplicate rejected
    rejects more_rejects / ], 'members');
is("$a->{dataset} $a->{format} $a->{state} $a->{records} $a->{parts}"
    . " $a->{handled} $a->{more_rejects}", 'bars csv done 10 1 1 0', 'told');
is($a->{rejects}[0]{detail}, 'high 11 is below low 12', 'with the figures');
is($p->sql("SELECT symbol, timeframe, ts, close, volume, s.name, b.raw_id
    FROM bar b JOIN instrument i ON i.id = instrument_id JOIN source s
    ON s.id = b.source ORDER BY symbol, timeframe"),
    "IBM|2|2024-05-02 13:30:00+00|10.5|7|push|1\n"
    . "IBM|6|2024-05-02 00:00:00+00|10.5|100|push|1\n"
    . "SPY|6|2024-05-02 00:00:00+00|501||push|1\n"
    . "SPY|7|2024-04-29 00:00:00+00|501|1.5|push|1", 'the bars');

@rows = $p->objects();
is(@rows, 1, 'an object');
is("$rows[0]{dataset} $rows[0]{content_type} $rows[0]{http_status} "
    . $json->encode($rows[0]{args}), 'bars text/csv 200 '
    . '{"first_line":2,"part":1,"upload":1}', 'whose it is');
like($p->in->object($rows[0]), qr/^symbol,timeframe.*\r\nibm,1d.*2124.*100$/s,
    'the bytes as they came');
like(join('', map { $json->encode($_) } $p->pr->published('valid.records')),
    qr/"timeframe":"5m"/, 'listeners are told of each length');

# ---- the same again, a correction, its history

is(pushed('bars', csv => $BARS . "IBM,2024-05-02,10,11,9,10.5,100\n"),
    '0 1 0', 'known already');
is($p->sql('SELECT count(*) FROM bar_history'), 0, 'nothing is doubled');
is(pushed('bars', csv => $BARS . "IBM,2024-05-02,10,11,9,10.75,100\n"),
    '1 0 0', 'corrected');
is($p->sql('SELECT close FROM bar_history'), '10.5', 'what it was');

# ---- every data set

my $now = time;
my @t = gmtime($now - 60);
my $minute = sprintf '%04d-%02d-%02dT%02d:%02d:00Z', $t[5] + 1900, $t[4] + 1,
    @t[ 3, 2, 1 ];

is(pushed('quotes', ndjson => qq({"symbol":"IBM","time":"$minute","price":219.3,)
    . qq("bid":219.2,"ask":"219.4"}\n\n{"symbol":"IBM","time":"2024-05-02",)
    . qq("price":"n/a"}\n{"symbol":"IBM","time":"2024-05-02","price":218}\n)
    . qq({"symbol":"IBM","time":"2124-05-02","price":218,"size":1}\n)),
    '2 0 2 | 3 missing_price | 5 unknown_field', 'quotes');
is($p->sql('SELECT price, bid, ask FROM quote ORDER BY ts DESC LIMIT 1'),
    '219.3|219.2|219.4', 'of a moment');

is(pushed('trades', msgpack => mp_encode([
    (map { { symbol => 'IBM', time => '2024-05-02T13:30:00.5Z',
        price => mp_float(219.25), size => $_ } } 100, 100, -1),
    { symbol => 'IBM', time => mp_ext(-1, pack 'N', 1714656600), price => 219,
        size => undef } ])),
    '3 0 1 | 3 negative_volume', 'trades');
is($p->sql('SELECT count(*), min(price), sum(size) FROM trade'), '3|219|200',
    'two alike are two');

is(pushed('observations', json => '[{"indicator":"MY.1","country":"FR",'
    . '"period":"2023","value":68.1,"name":"Mine"},{"indicator":"MY.1",'
    . '"country":"FRA","period":"2024-05","value":null},{"indicator":"MY.1",'
    . '"country":"FRA","period":"20245","value":1},{"indicator":"MY 1",'
    . '"country":"FRA","period":"2024","value":1}]'),
    '2 0 2 | 3 bad_time | 4 bad_value', 'observations');
is($p->sql("SELECT indicator, country, name, frequency, value, ts FROM
    observation JOIN macro_series m ON m.id = series_id ORDER BY ts"),
    "MY.1|FRA|Mine|A|68.1|2023-01-01\nMY.1|FRA|Mine|M||2024-05-01",
    'one series');

is(pushed('actions', csv => "symbol,kind,date,value\nIBM,split,2024-05-10,2\n"
    . "IBM,dividend,2024-05-09,1.67\nIBM,split,2024-05-11,0\n"
    . "IBM,spin-off,2024-05-11,1\n"),
    '2 0 2 | 4 bad_action | 5 bad_value', 'actions');
is($p->sql('SELECT kind, value FROM corporate_action ORDER BY ex_date'),
    "dividend|1.67\nsplit|2", 'the actions');

is(pushed('instruments', json => '{"symbol":"IBM","type":"equity","name":'
    . '"International Business Machines","currency":"USD","timezone":null}'),
    '1 0 0', 'one object is one record');
is($p->sql("SELECT type, name, currency, timezone FROM instrument
    WHERE symbol = 'IBM'"), 'equity|International Business Machines|USD|',
    'described');

is(pushed('facts', csv => "symbol,item,period,value,unit\n"
    . "IBM,rating,,A-,\nIBM,revenue,annual 2023,6.1e10,USD\n"
    . "IBM,rating,,A-,\nIBM,x,,1,\nIBM,x,,2,\nIBM,none,,,\n"),
    '3 1 2 | 5 ambiguous | 6 ambiguous', 'facts');
is($p->sql("SELECT field, period, unit, value FROM fundamental ORDER BY 1"),
    "none|||\nrating|||A-\nrevenue|annual 2023|USD|6.1e10", 'as said');

is(pushed('news', json => '[{"time":"2024-05-02T13:30:00Z","title":"Up",'
    . '"url":"https://x.example/1","symbols":["IBM","SPY"]},{"time":'
    . '"2024-05-02T13:30:00Z","title":"Down","url":"javascript:1"}]'),
    '1 0 1 | 2 bad_url', 'news');
is($p->sql('SELECT title, string_agg(symbol, \' \' ORDER BY symbol) FROM news
    JOIN news_mention ON news_id = id GROUP BY 1'), 'Up|IBM SPY', 'about whom');

# ---- numbers over the borders of parts

sub lines {
    my ($n, @bad) = @_;

    my %bad = map { $_ => 1 } @bad;
    my $i = 0;
    return sub {
        my $out = $i == 0 ? "symbol,item,period,value\n" : '';
        while ($i < $n && length $out < 60000) {
            $i++;
            $out .= $bad{$i} ? "\r\n?,a,p$i,1\n"
                : $i % 50_000 == 7 ? "MANY,\"a\nb\",p$i,1\r\n"
                : "MANY,a,p$i,1\n";
        }
        return $out;
    };
}

# Each bad one has a blank line before it; three have a line end in a cell.
is(pushed('facts', csv => lines(100_010, 1, 100_000, 100_001, 100_010)),
    '100006 0 4 | 3 bad_symbol | 100005 bad_symbol | 100007 bad_symbol'
    . ' | 100018 bad_symbol', 'lines of the body as it was sent');
is("$a->{parts} $a->{records}", '2 100010', 'in two parts');
@rows = ($p->objects())[-2, -1];
is($json->encode($rows[1]{args}), '{"first_line":100007,"part":2,'
    . "\"upload\":$a->{upload}}", 'where the second begins');
like($p->in->object($rows[1]), qr/^symbol,item,period,value\n\?,a,p100001/,
    'with the header');
is($p->sql("SELECT count(*) FROM reject WHERE raw_id = $rows[1]{seq}
    AND record IN (0, 11)"), 2, 'in the database they count from there');

my @items = map { qq({"symbol":"MANY","item":"b","period":"$_","value":1}) }
    1 .. 100_003;
@items[ 5, 100_001 ] = ('null', '{"symbol":"MANY"}');
is(pushed('facts', json => '[' . join(',', @items) . ']'),
    '100001 0 2 | 6 syntax | 100002 missing_field', 'records of JSON');
is($a->{parts}, 2, 'in two parts');
is($a->{rejects}[0]{line}, undef, 'which have no lines');

# ---- many rejects

is(told({ %{ ($p->send('bars', csv => $BARS . "x y,,,,,,\n" x 1500))[1] },
    rejects => [] }), '0 0 1500', 'all rejected');
($status, $a) = $p->send('bars', csv => $BARS . "x y,,,,,,\n" x 1500);
is(@{ $a->{rejects} } . ' ' . $a->{more_rejects}, '1000 500', 'a thousand told');

# ---- rows that are far from each other

my @years = map { sprintf '%04d-%02d-%02dT%02d:%02d:00Z',
    (gmtime(946_684_800 + 60 * $_))[5] + 1900,
    (gmtime(946_684_800 + 60 * $_))[4] + 1,
    (gmtime(946_684_800 + 60 * $_))[ 3, 2, 1 ] } 0 .. 11_999;
sub minutes {
    my ($close, @times) = @_;
    return "symbol,timeframe,time,open,high,low,close\n"
        . join '', map { "FAR,1m,$_,2,3,1,$close\n" } @times;
}
is(pushed('bars', csv => minutes(2, @years)), '12000 0 0', 'many bars');
is(pushed('bars', csv => minutes(2.5, @years[ 0, -1 ])), '2 0 0',
    'two of them corrected');
is(pushed('bars', csv => minutes(2.5, @years[ 0, -1 ])), '0 2 0', 'and known');
my $late = $p->pr->put('push', 'bars', { first_record => 1 },
    '2020-01-01T00:00:00Z', '[' . join(',', map { qq({"symbol":"FAR",)
    . qq("timeframe":"1m","time":"$_","open":2,"high":3,"low":1,"close":)
    . ($_ eq $years[0] ? 2 : 1.5) . '}' } @years[ 0, -1 ]) . ']');
ok($p->pr->drained(), 'what was known earlier comes late');
is($p->sql("SELECT stored, corrected, unchanged FROM raw_object
    WHERE id = $late"), '0|1|1', 'and finds its place');
is($p->sql("SELECT string_agg(close || ' ' || h.raw_id, ', ' ORDER BY
    h.known_at, ts) FROM bar_history h WHERE timeframe = 1"),
    "2 $late, 1.5 $late, 2 " . ($late - 3), 'in the history');

# ---- nothing in it

is(pushed('bars', csv => $BARS), '0 0 0', 'only a header');
is("$status $a->{state} $a->{parts} $a->{records}", '200 done 0 0', 'is done');
is(pushed('bars', json => '[]'), '0 0 0', 'an empty array');

# ---- what is no such body leaves no trace

my $objects = $p->objects();
my $uploads = $p->sql('SELECT count(*) FROM ingest_upload');
is(refused('bars', csv => ''), '-1 the body is empty', 'empty');
like(refused('bars', csv => "symbol,time,open,high,low,close,vol\n1\n"),
    qr/^-1 line 1: "vol" is not known; bars have symbol, timeframe, time, open/,
    'a strange column');
is(refused('bars', csv => "\nsymbol,time,open,high,low\n"),
    '-1 line 2: bars need "close"', 'a missing one');
is(refused('bars', json => '[{"symbol":"A","open":1}]'),
    '-1 record 1: bars need "time"', 'in JSON, too');
is(refused('bars', json => 'symbol,time'),
    '-1 record 1: neither an array nor an object at byte 0', 'no JSON');
like(refused('facts', json => '[{"symbol":"A","item":"a","value":1},'),
    qr/^-1 the body ends too early, at byte 37/, 'cut');
like(refused('bars', msgpack => "\xc1"), qr/^-1 .*no MessagePack at byte 0/,
    'no MessagePack');
like(refused('bars', 'text/html' => 'x'), qr/^-10 .*must be text\/csv/,
    'another type');
like(refused('fish', csv => 'x'), qr/^-2 dataset/, 'no such data set');
is($p->in->c->error('ingest.push', { dataset => 'bars' })->[0], -1,
    'without a body');

# ---- codings

my $text = $BARS . join '', map { "GZ,2024-05-0$_,1,2,0.5,1.5,1\n" } 1 .. 9;
gzip(\$text => \my $gz) or die;
my $zs = zstd($text);
sub zstd {
    my ($bytes) = @_;
    my $f = File::Temp->new();
    print $f $bytes;
    close $f;
    open my $out, '-|', 'zstd', '-qc', "$f" or die "zstd: $!";
    binmode $out;
    local $/;
    return scalar <$out>;
}
is(pushed('bars', csv => $gz, enc => 'gzip'), '9 0 0', 'gzip');
is($a->{bytes}, length $text, 'decompressed bytes');
is(pushed('bars', csv => $zs, enc => 'zstd'), '0 9 0', 'zstd');
is($p->in->object(($p->objects())[-1]), $text, 'in the lake as it is');
$objects = $p->objects();
$uploads += 2;
like(refused('bars', csv => substr($gz, 0, -9), enc => 'gzip'),
    qr/^-1 gzip: the body ends at byte/, 'cut gzip');
like(refused('bars', csv => "${gz}more", enc => 'gzip'),
    qr/^-1 gzip: damaged/, 'something behind it');
like(refused('bars', csv => substr($zs, 0, -3), enc => 'zstd'),
    qr/^-1 zstd: the body ends at byte/, 'cut zstd');
like(refused('bars', csv => $text, enc => 'zstd'), qr/^-1 zstd: damaged/,
    'no zstd');

# ---- bombs: refused at the limit, and no more memory than for a part

# A zero is a long line after a header: the limit is what ends it.
my $bomb = "$p->{in}{lake}/bomb";
system("(printf '%s'; head -c 1100000000 /dev/zero) | zstd -q -1 -o $bomb"
    =~ s/%s/symbol,item,value\\n/r) == 0 or die 'zstd';
open my $f, '<:raw', $bomb or die;
my $bytes = do { local $/; <$f> };
cmp_ok(length $bytes, '<', 200_000, 'a bomb');
is(refused('facts', csv => $bytes, enc => 'zstd', seconds => 120),
    '-9 the body is longer than 1073741824 bytes, decompressed', 'is refused');
gzip(\("\0" x 100_000_000) => \$bytes, -Level => 1) or die;
like(refused('facts', csv => $bytes, enc => 'gzip'), qr/^-1 line 1 is longer/,
    'zeros are no header');
unlink $bomb;

is(scalar $p->objects(), $objects, 'of all that nothing is in the lake');
is($p->sql('SELECT count(*) FROM ingest_upload'), $uploads,
    'nor in the database');
open $f, '<', '/proc/' . $p->in->svc->pid . '/status';
my ($peak) = map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$f>;
SKIP: {
    skip 'sanitizers keep memory', 1
        if Wizdata::Service::has_sanitizer('ingestion');
    cmp_ok($peak, '<', 64 * 1024, "a peak of $peak KiB of memory");
}

# ---- processing is away: the bytes are safe

$p->pr->down();
($status, $a) = $p->send('bars', csv => $BARS . "LATE,2024-05-02,1,2,0.5,1.5,1\n"
    . "LATE,2024-05-03,1,0.4,0.5,1.5,1\n", wait => 1);
is("$status $a->{state} $a->{parts} $a->{handled} " . told($a),
    '202 stored 1 0 0 0 0', 'stored, and nothing known yet');
is(scalar $p->objects(), $objects + 1, 'in the lake');
is($p->upload($a->{upload})->{state}, 'stored', 'it waits');
$p->pr->up();
my $got = $p->in->wait_for(sub { my $u = $p->upload($a->{upload});
    $u->{state} eq 'done' ? $u : 0 });
is(told($got), '1 0 1 | 3 ohlc_order', 'told later');
ok($got->{finished_at} gt $got->{created_at}, 'with its end');
is($p->sql("SELECT count(*) FROM bar JOIN instrument i ON i.id = instrument_id
    WHERE symbol = 'LATE'"), 1, 'stored');

# ---- who may see an upload

is($p->in->c->error('ingest.upload', { id => $a->{upload} }, sub => 'user:1',
    perm => ['ingest:read'])->[0], -5, 'of others there is none');
is($p->upload($a->{upload}, sub => 'user:1', perm => ['ingest:read',
    'ingest:admin'])->{state}, 'done', 'administrators see all');
($status, $a) = $p->send('bars', csv => $BARS, sub => 'user:1',
    perm => ['ingest:write']);
is($p->upload($a->{upload}, sub => 'user:1', perm => ['ingest:read'])->{state},
    'done', 'and everybody their own');
is($p->in->c->error('ingest.upload', { id => 99999 })->[0], -5, 'no such one');

# ---- counted

my $metrics = ($p->in->c->call('sys.metrics', {}))[2];
like($metrics, qr/^wizdata_pushes_total\{[^}]*dataset="news",outcome="done"
    [^}]*\}\ 1$/mx, 'pushes');
like($metrics, qr/^wizdata_pushes_total\{[^}]*outcome="refused"/m, 'refusals');
unlike($p->in->log() . $p->pr->log(), qr/Sanitizer|runtime error/, 'clean');

done_testing();
