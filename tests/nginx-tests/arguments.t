#!/usr/bin/perl

# Arguments are checked against the catalogue before any backend is asked: a
# bad one is a 400 that names the parameter and the rule, over a connection
# that stays usable; a good one arrives in its type with defaults filled in.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { '{}' });
$t->backend('ingestion', sub { '{}' });
$t->auth(sub { '{}' });
$t->run();

my $c = client();
my $symbols = join ',', map { "S$_" } 1 .. 51;
my $hundred = join ',', map { "S$_" } 1 .. 101;
my $cursor = 'c' x 513;

# [ path, parameter, rule ]
my @bad = (
    # required
    [ '/v1/bars', 'symbol', qr/required/ ],
    [ '/v1/bars?', 'symbol', qr/required/ ],
    [ '/v1/bars?&&', 'symbol', qr/required/ ],
    [ '/v1/macro', 'indicator', qr/required/ ],

    # integers: range and grammar
    ( map { [ "/v1/bars?symbol=A&limit=$_", 'limit', qr/integer.*1.*50000/ ] }
        0, 50001, -1, '', 'x', '1.5', '1e3', '0x10', '+', '%201', '1%20',
        '99999999999999999999999', '-0', '%00', '1%00' ),

    # numbers
    ( map { [ "/v1/indicators/bbands?symbol=A&nbdevup=$_", 'nbdevup',
        qr/number.*0.*100/ ] }
        -1, 101, 'x', '', 'nan', 'inf', '1e999', '0x1p3', '1,5', '1%00' ),

    # enums
    [ '/v1/bars?symbol=A&timeframe=1D', 'timeframe', qr/1m\|5m\|15m/ ],
    [ '/v1/bars?symbol=A&timeframe=', 'timeframe', qr/one of/ ],
    [ '/v1/bars?symbol=A&order=asc%20', 'order', qr/asc\|desc/ ],
    [ '/v1/bars?symbol=A&order=as', 'order', qr/asc\|desc/ ],
    [ '/v1/bars?symbol=A&order=asc%7Cdesc', 'order', qr/asc\|desc/ ],
    [ '/v1/bars?symbol=A&adjustment=none', 'adjustment', qr/raw\|split\|all/ ],

    # times
    ( map { [ "/v1/bars?symbol=A&from=$_", 'from', qr/date|RFC 3339/ ] }
        '', 'today', '2024', '2024-1-1', '2024-02-30', '2023-02-29',
        '2024-13-01', '2024-00-01', '2024-01-00', '2024-01-01T25:00:00Z',
        '2024-01-01T00:60:00Z', '2024-01-01T00:00:00', '2024-01-01T00:00Z',
        '2024-01-01T00:00:00.1234567891Z', '2024-01-01T00:00:00.Z',
        '2024-01-01T00:00:00%2B24:00', '2024-01-01Z', '1706659200',
        '2024-01-01T00:00:00Zx', '2024-01-01%00' ),
    [ '/v1/bars?symbol=A&from=1600-01-01', 'from', qr/1678.*2261/ ],
    [ '/v1/bars?symbol=A&to=2300-01-01', 'to', qr/1678.*2261/ ],

    # periods
    ( map { [ "/v1/macro?indicator=GDP&from=$_", 'from', qr/year/ ] }
        '', '201', '20011', '2001-13', '2001-00', '2001Q0', '2001Q5', '2001q1',
        '2001-7', '2001-02-30', '2001-01-01T00:00:00Z', '2001M13' ),

    # texts: length, characters
    [ '/v1/instruments?q=', 'q', qr/1 to 64 bytes/ ],
    [ '/v1/instruments?q=' . 'x' x 65, 'q', qr/1 to 64 bytes/ ],
    ( map { [ "/v1/instruments?q=a$_", 'q', qr/UTF-8/ ] }
        '%00', '%01', '%0A', '%0D%0A', '%1F', '%7F', '%FF', '%C0%80',
        '%ED%A0%80', '%F4%90%80%80', '%E2%82' ),
    [ '/v1/instruments?currency=US', 'currency', qr/3 bytes/ ],
    [ '/v1/instruments?currency=USDX', 'currency', qr/3 bytes/ ],
    [ '/v1/instruments?currency=U%20D', 'currency', qr/letters, digits/ ],
    [ '/v1/bars?symbol=A&cursor=a%2Bb', 'cursor', qr/cursor/ ],
    [ "/v1/bars?symbol=A&cursor=$cursor", 'cursor', qr/1 to 512 bytes/ ],

    # symbols and lists
    [ '/v1/bars?symbol=', 'symbol', qr/list of symbols/ ],
    [ '/v1/bars?symbol=A,', 'symbol', qr/list of symbols/ ],
    [ '/v1/bars?symbol=,A', 'symbol', qr/list of symbols/ ],
    [ '/v1/bars?symbol=A,,B', 'symbol', qr/list of symbols/ ],
    [ '/v1/bars?symbol=A%20B', 'symbol', qr/list of symbols/ ],
    [ '/v1/bars?symbol=A%00', 'symbol', qr/list of symbols/ ],
    [ '/v1/bars?symbol=' . 'A' x 33, 'symbol', qr/list of symbols/ ],
    [ "/v1/bars?symbol=$symbols", 'symbol', qr/at most 50/ ],
    [ "/v1/quotes?symbol=$hundred", 'symbol', qr/at most 100/ ],
    [ '/v1/macro?indicator=' . join(',', 1 .. 21), 'indicator',
        qr/at most 20/ ],
    [ '/v1/macro?indicator=' . 'x' x 65, 'indicator', qr/list of/ ],
    [ '/v1/macro?indicator=a%C3%A9', 'indicator', qr/list of/ ],

    # path variables
    [ '/v1/instruments/A%20B', 'symbol', qr/letters, digits/ ],
    [ '/v1/instruments/' . 'A' x 33, 'symbol', qr/1 to 32/ ],
    [ '/v1/indicators/' . 'x' x 25 . '?symbol=A', 'name', qr/1 to 24 bytes/ ],
    [ '/v1/indicators/a%3Fb?symbol=A', 'name', qr/letters, digits/ ],

    # unknown, twice, not encoded
    [ '/v1/bars?symbol=A&nothing=1', 'nothing', qr/not known/ ],
    [ '/v1/bars?symbol=A&Limit=1', 'Limit', qr/not known/ ],
    [ '/v1/bars?symbol=A&limit%00=1', 'limit', qr/not known/ ],
    [ '/v1/instruments/IBM?symbol=X', 'symbol', qr/twice/ ],
    [ '/v1/bars?symbol=A&limit=1&limit=1', 'limit', qr/twice/ ],
    [ '/v1/bars?symbol=A&symbol=B', 'symbol', qr/twice/ ],
    [ '/v1/bars?symbol=A&limit=%', 'limit', qr/percent/ ],
    [ '/v1/bars?symbol=A&limit=%1', 'limit', qr/percent/ ],
    [ '/v1/bars?symbol=A&limit=%G0', 'limit', qr/percent/ ],
    [ '/v1/bars?symbol=A&limit=1%', 'limit', qr/percent/ ],
    [ '/v1/bars?symbol=A&%=1', 'name', qr/percent/ ],
    [ '/v1/bars?symbol=A&%FF=1', 'name', qr/UTF-8/ ],
    [ '/v1/bars?symbol=A&=1', '', qr/not known/ ],
    [ '/v1/bars?symbol=A&' . 'n' x 200 . '=1', 'n' x 32, qr/not known/ ],
);

for my $case (@bad) {
    my ($path, $param, $rule) = @$case;
    my $r = $c->get($path);
    my $name = length $path < 60 ? $path : substr($path, 0, 60) . '...';

    is_problem($r, 400, 'invalid-parameter', $name,
        qr/(?=.*\Q$param\E)(?=.*$rule)/s);
    $c = client() if $r->status == 0;
}

# A whole DELETE path variable, out of the range of exact integers.
is_problem($c->request('DELETE', "/v1/keys/$_"), 400, 'invalid-parameter',
    "key id $_", qr/id.*integer/) for 0, -1, 'x', '9007199254740993', '1.0';

is(scalar($t->backend_requests('analytics')), 0, 'no backend was asked');
is($t->backend_calls('auth', 'keys.revoke'), 0, 'nor auth');
is($c->get('/v1/bars?symbol=IBM')->status, 200,
    'the connection is usable after all of that');

# ---- good ones ----

my $bars = '"adjustment":"raw","limit":1000,"order":"asc"';

# [ path, arguments as the backend sees them ]
for my $case (
    [ '/v1/bars?symbol=ibm',
        "{$bars,\"symbol\":[\"IBM\"],\"timeframe\":\"1d\"}" ],
    [ '/v1/bars?symbol=a,B,a,A,brk.b&&limit=50000&',
        '{"adjustment":"raw","limit":50000,"order":"asc",'
        . '"symbol":["A","B","BRK.B"],"timeframe":"1d"}' ],
    [ '/v1/bars?symbol=JSE:NPN,BTC/USDT,%5EGSPC,EURUSD%3DX',
        "{$bars,\"symbol\":[\"JSE:NPN\",\"BTC/USDT\",\"^GSPC\",\"EURUSD=X\"],"
        . '"timeframe":"1d"}' ],
    [ '/v1/bars?symbol=A&from=2024-01-31&to=2024-01-31',
        '{"adjustment":"raw","from":1706659200000000000,"limit":1000,'
        . '"order":"asc","symbol":["A"],"timeframe":"1d",'
        . '"to":1706745599999999999}' ],
    [ '/v1/bars?symbol=A&as_of=2024-01-31T09:30:00.5%2B01:00',
        '{"adjustment":"raw","as_of":1706689800500000000,"limit":1000,'
        . '"order":"asc","symbol":["A"],"timeframe":"1d"}' ],
    [ '/v1/macro?indicator=NY.GDP.MKTP.CD,SP.POP.TOTL&country=ZA,ke'
        . '&from=2001&to=2001Q3',
        '{"country":["ZA","ke"],"from":978307200000000000,'
        . '"indicator":["NY.GDP.MKTP.CD","SP.POP.TOTL"],"limit":1000,'
        . '"order":"asc","to":1001894399999999999}' ],
    [ '/v1/macro?indicator=X&from=2001-07&to=2001-12-31',
        '{"from":993945600000000000,"indicator":["X"],"limit":1000,'
        . '"order":"asc","to":1009843199999999999}' ],
    [ '/v1/indicators/bbands?symbol=A&nbdevup=2&nbdevdn=1.5&time_period=20',
        '{"adjustment":"raw","limit":1000,"name":"bbands","nbdevdn":1.5,'
        . '"nbdevup":2.0,"order":"asc","series_type":"close","symbol":"A",'
        . '"time_period":20,"timeframe":"1d"}' ],
    [ '/v1/instruments?q=S%C3%A3o+Paulo&type=etf',
        "{\"limit\":100,\"q\":\"S\xc3\xa3o Paulo\",\"type\":\"etf\"}" ])
{
    my ($path, $dump) = @$case;
    my $r = $c->get($path);
    my $call = ($t->backend_requests('analytics'))[-1];
    is($r->status, 200, $path);
    is($call->{dump}, $dump, 'arguments');
}
