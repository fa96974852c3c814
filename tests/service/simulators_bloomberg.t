#!/usr/bin/perl

# The simulators of Bloomberg behave as they say they do: Data License with
# tokens signed by openssl, and the HTTP bridge of BLPAPI; asked by curl.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Digest::SHA qw/ sha256_base64 sha256_hex /;
use MIME::Base64 qw/ encode_base64url /;
use Test::More;

use Wizdata::Sim::Blpapi;
use Wizdata::Sim::Bloomberg;
use Wizdata::Sim::Probe;

my $sim = Wizdata::Sim::Bloomberg->start(today => '2024-06-04',
    page_size => 2, polls => 2);
my ($r, $m, @all);
my $jti = 0;

# A token by openssl: the secret is the bytes that the hexadecimal text says.
sub token {
    my ($method, $path, %o) = @_;

    my $now = int $sim->now();
    my $head = $o{head} // '{"typ":"JWT","alg":"HS256"}';
    my $claims = sprintf '{"iss":"%s","iat":%d,"nbf":%d,"exp":%d,"region":'
        . '"default","path":"%s","method":"%s","host":"%s","jti":"%s"}',
        $o{iss} // $sim->{client_id}, $o{iat} // $now, $o{nbf} // $now,
        $o{exp} // $now + 25, $o{path} // $path, $o{method} // $method,
        $o{host} // '127.0.0.1', $o{jti} // 'jti' . ++$jti;
    my $text = join '.', map { encode_base64url($_) } $head, $claims;
    my $mac = bytes_of('sh', '-c', 'printf %s "$0" | openssl dgst -sha256 '
        . '-mac HMAC -macopt hexkey:"$1" -binary', $text,
        $o{secret} // $sim->{client_secret});
    return "$text." . encode_base64url($mac);
}

sub ask {
    my ($method, $target, %o) = @_;

    my ($path) = split /\?/, $target;
    my $jwt = $o{jwt} // token($method, $path, %{ $o{claims} // {} });
    return curl($sim->url($target), '-X', $method, length $jwt ? ('-H',
            "JWT: $jwt") : (), '-H', 'api-version: ' . ($o{version} // 2),
        defined $o{body} ? ('-H', 'Content-Type: application/json', '-d',
            $o{body}) : (), @{ $o{curl} // [] });
}

sub get { return ask(GET => @_) }
sub post { return ask(POST => $_[0], body => $_[1]) }

# ---- tokens

my $catalogs = '/eap/catalogs/';
is(get($catalogs)->{status}, 200, 'a good token');
is(get($catalogs, jwt => '')->{status}, 401, 'none');
is(get($catalogs, jwt => 'a.b.c')->{status}, 401, 'nonsense');
my %wrong = (
    'another secret' => { secret => 'ff' x 32 },
    'the secret as text' => { secret => unpack 'H*', $sim->{client_secret} },
    'another issuer' => { iss => 'someone' },
    'another path' => { path => '/eap/' },
    'the path with a query' => { path => "$catalogs?page=1" },
    'another method' => { method => 'POST' },
    'another host' => { host => 'api.bloomberg.com' },
    'the host with its port' => { host => '127.0.0.1:' . $sim->port },
    'expired' => { exp => int $sim->now() - 1 },
    'not yet' => { nbf => int $sim->now() + 60 },
    'issued in the future' => { iat => int $sim->now() + 60 },
    'without a jti' => { jti => '' },
    'no algorithm' => { head => '{"alg":"none"}' },
    'another algorithm' => { head => '{"alg":"HS512"}' },
);
for my $name (sort keys %wrong) {
    is(get($catalogs, claims => $wrong{$name})->{status}, 401, $name);
}
my $once = token('GET', $catalogs);
is(join(' ', map { get($catalogs, jwt => $once)->{status} } 1 .. 2),
    '200 401', 'a token is good once');
my $signature = token('GET', $catalogs);
$signature =~ s/\.[^.]*$/./;
is(get($catalogs, jwt => $signature)->{status}, 401, 'no signature');
$r = get($catalogs, jwt => '');
like($r->{head}, qr{^Content-Type: application/vnd\.api\+json\r$}m, 'errors');
is(json($r)->{errors}[0]{status}, '401', 'in their form');
like($r->{head}, qr/^X-Request-ID: sim-\d+\r$/m, 'with an id');
my $early = token('GET', $catalogs);
$sim->advance(7200);
is(get($catalogs, jwt => $early)->{status}, 401,
    'a client whose clock is two hours late');
is(get($catalogs)->{status}, 200, 'in time');
is(get($catalogs, version => 1)->{status}, 400, 'another version');
is(curl($sim->url($catalogs), '-H', 'JWT: ' . token('GET', $catalogs))
    ->{status}, 400, 'no version');
$sim->set(ip_refused => 1);
is(get($catalogs)->{status}, 403, 'an address that is not allowed');
$sim->set(ip_refused => 0, per_minute => 0);
is(get($catalogs)->{status}, 429, 'too many');
$sim->set(per_minute => 1200);
is(curl($sim->url('/ext/api/as/token.oauth2'), '-d', 'grant_type='
        . 'client_credentials', '-u', 'x:y')->{status}, 401,
    'OAuth2: a wrong client');
$r = curl($sim->url('/ext/api/as/token.oauth2'), '-d',
    'grant_type=client_credentials', '-u',
    "$sim->{client_id}:$sim->{client_secret}");
my $bearer = json($r)->{access_token};
is(curl($sim->url($catalogs), '-H', "Authorization: Bearer $bearer", '-H',
        'api-version: 2')->{status}, 200, 'OAuth2: a bearer token');
$sim->advance(7200);
is(curl($sim->url($catalogs), '-H', "Authorization: Bearer $bearer", '-H',
        'api-version: 2')->{status}, 401, 'until its time is over');
is(get($catalogs, jwt => $sim->token('GET', $catalogs))->{status}, 200,
    'tokens of the simulator itself are good');

# ---- lists

$m = json(get($catalogs));
my ($mine) = map { $_->{identifier} }
    grep { $_->{subscriptionType} eq 'scheduled' } @{ $m->{contains} };
is($mine, '12345', 'the catalogue of the account');
my $c = "/eap/catalogs/$mine";
my ($at, $pages) = ('/eap/catalogs/bbg/fields/', 0);
while (1) {
    $m = json(get($at));
    push @all, map { $_->{identifier} } @{ $m->{contains} };
    $pages++;
    my $next = $m->{view}{next} // last;
    $at = "/eap/catalogs/bbg/fields/$next";
}
is($pages, $m->{pageCount}, 'page by page');
is(scalar @all, $m->{totalItems}, 'all fields');
my %seen = map { $_ => 1 } @all;
is(scalar keys %seen, scalar @all, 'each once');
ok($m->{view}{prev} && !$m->{view}{next}, 'the last page has no next');
$m = json(get('/eap/catalogs/bbg/fields/?page=999'));
is_deeply([ $m->{contains}, $m->{view}{next}, $m->{view}{prev} ],
    [ [], undef, undef ], 'past the last one: empty');
is(scalar @{ json(get('/eap/catalogs/bbg/fields/?pageSize=30'))->{contains} },
    30, 'pageSize');
is(get('/eap/catalogs/bbg/fields/?page=0')->{status}, 400, 'page 0');
is(json(get('/eap/catalogs/bbg/fields/pxLast/'))->{Mnemonic}, 'PX_LAST',
    'a field');
is(get('/eap/catalogs/other/')->{status}, 404, 'no such catalogue');

# ---- making things

my $universe = '{"@type":"Universe","identifier":"%s","title":"t","contains":'
    . '[{"@type":"Identifier","identifierType":"TICKER","identifierValue":'
    . '"IBM US Equity"},{"@type":"Identifier","identifierType":"TICKER",'
    . '"identifierValue":"BAD \"Q\", Equity"}]}';
my $fields = '{"@type":"%s","identifier":"%s","title":"t","contains":'
    . '[{"mnemonic":"PX_LAST"},{"cleanName":"name"}]}';
$r = post("$c/universes/", sprintf $universe, 'u1');
is("$r->{status} '$r->{body}'", "201 ''", 'a universe: no body');
is(($r->{head} =~ /^Location: (\S+)\r$/m)[0], "$c/universes/u1/",
    'but where it is');
is(json(get("$c/universes/u1/"))->{contains}[1]{identifierValue},
    'BAD "Q", Equity', 'there it is');
$r = post("$c/universes/", sprintf $universe, 'u1');
is("$r->{status} " . json($r)->{errors}[0]{source}{pointer},
    '409 /identifier', 'a name is taken for ever');
post("$c/fieldLists/", sprintf $fields, 'DataFieldList', 'f1');
post("$c/fieldLists/", sprintf $fields, 'HistoryFieldList', 'f2');
is(post("$c/universes/", '{')->{status}, 400, 'not JSON');
is(post("/eap/catalogs/bbg/universes/", sprintf $universe, 'u2')->{status},
    403, 'the other catalogue is read only');
is(ask(PATCH => "$c/universes/u1/", body => '{"title":"new"}')->{status}, 204,
    'changed');
is(json(get("$c/universes/u1/"))->{title}, 'new', 'indeed');
is(ask(DELETE => "$c/universes/u1/")->{status}, 405, 'not deleted');

sub order {
    my ($name, %o) = @_;

    my $type = $o{type} // 'DataRequest';
    my $list = $type eq 'HistoryRequest' ? 'f2' : 'f1';
    return post("$c/requests/", qq({"\@type":"$type","identifier":"$name",)
        . qq("title":"t","universe":"$c/universes/) . ($o{universe} // 'u1')
        . qq(/","fieldList":"https://api.example$c/fieldLists/$list/",)
        . qq("trigger":"/eap/catalogs/bbg/triggers/submit/",)
        . ($o{more} // '"formatting":{"@type":"MediaType","outputMediaType":'
            . '"text/csv"}') . '}');
}

$r = order('a' x 22);
is("$r->{status} " . json($r)->{errors}[0]{source}{pointer},
    '400 /identifier', 'a name of 22 characters');
$r = order('r1', universe => 'nothing');
is(json($r)->{errors}[0]{source}{pointer}, '/universe', 'no such universe');
is(order('a' x 21)->{status}, 201, 'of 21 characters');
is(order('r1')->{status}, 201, 'a request');
is(order('r1')->{status}, 409, 'once only');

# ---- results come later

my $dataset = json(get("$c/requests/r1/"))->{dataset}{identifier};
my $file = "$c/datasets/$dataset/snapshots/20240604/distributions/r1.csv";
is(join(' ', map { get($file)->{status} } 1 .. 3), '404 404 200',
    'there after two questions');
$r = get($file);
unlike($r->{head}, qr/^Content-Encoding/m, 'as it is');
my @lines = split /\r\n/, $r->{body};
like($lines[0], qr/,IDENTIFIER,RC,PX_LAST,NAME$/, 'CSV: its head');
like($lines[1], qr/,IBM US Equity,0,\d+\.\d\d,"Name, of ""IBM US Equity"""$/,
    'a row');
like($lines[2], qr/,"BAD ""Q"", Equity",10,,$/, 'an unknown security');
is(($r->{head} =~ /^Digest: sha-256=(\S+)\r$/m)[0],
    sha256_base64($r->{body}) . '=', 'its digest');
my $plain = $r->{body};
$r = get($file, curl => [ '-H', 'Accept-Encoding: gzip' ]);
like($r->{head}, qr/^Content-Encoding: gzip\r$/m, 'or compressed');
is(($r->{head} =~ /^Digest: sha-256=(\S+)\r$/m)[0],
    sha256_base64($r->{body}) . '=', 'its digest');
my $packed = $r->{body};
is(get($file, curl => ['--compressed'])->{body}, $plain, 'the same');
$r = get($file, curl => [ '-H', 'Accept-Encoding: gzip', '-r', '10-' ]);
is("$r->{status} " . ($r->{body} eq substr $packed, 10), '206 1', 'in parts');
$sim->set(wrong_digest => 1);
$r = get($file);
isnt(($r->{head} =~ /^Digest: sha-256=(\S+)\r$/m)[0],
    sha256_base64($r->{body}) . '=', 'a digest that is wrong');
$sim->set(wrong_digest => 0);
$r = get("$c/datasets/$dataset/snapshots/latest/distributions/r1.csv");
is("$r->{status} " . ($r->{head} =~ /^Location: (\S+)\r$/m)[0], "302 $file",
    'latest is elsewhere');
is(json(get("$c/datasets/$dataset/snapshots/20240604/distributions/"))
    ->{contains}[0]{identifier}, 'r1.csv', 'listed');
is(get("$c/datasets/$dataset/snapshots/20240603/distributions/r1.csv")
    ->{status}, 404, 'another day');

order('rAgain');
is(join(' ', map { scalar @{ json(get("$c/content/responses/?prefix=rAg"))
            ->{contains} } } 1 .. 3), '0 0 1', 'by the list of responses');
is(get("$c/content/responses/rAgain.csv")->{status}, 200, 'and from there');

order('h1', type => 'HistoryRequest', more => '"runtimeOptions":{"dateRange":'
    . '{"@type":"IntervalDateRange","startDate":"2024-05-30","endDate":'
    . '"2024-06-03"}},"formatting":{"outputMediaType":"application/json"}');
$sim->publish('h1');
$m = json(get("$c/content/responses/h1.json"));
is_deeply([ map { "$_->{RC} " . ($_->{DATE} // '-') } @$m ],
    [ '0 2024-05-30', '0 2024-05-31', '0 2024-06-03', '10 -' ],
    'a history, in JSON');
my $format = '"formatting":{"@type":"DataFormat","outputFormat":'
    . '"variableOutputFormat"}';
order('g1', more => $format);
order('g2', type => 'HistoryRequest', more => $format);
$sim->publish($_) for qw/ g1 g2 /;
$r = get("$c/content/responses/g1.bbg");
like($r->{body}, qr/^START-OF-FILE\n.*\nSTART-OF-DATA\nIBM[ ]US[ ]Equity\|0\|2\|
    [\d.]+\|.*\|\nBAD.*\|10\|2\|[ ]\|[ ]\|\nEND-OF-DATA\n.*\nEND-OF-FILE\n$/sx,
    "Bloomberg's own file");
$r = get("$c/content/responses/g2.bbg");
like($r->{body}, qr{\nSTART SECURITY\|IBM US Equity\|PX_LAST\|\nIBM US Equity\|}
    , 'a history of it');
like($r->{body}, qr{\nEND SECURITY\|BAD [^|]*\|PX_LAST\|10\|\n},
    'with return codes');
$sim->set(truncated => 1);
unlike(get("$c/content/responses/g1.bbg")->{body}, qr/END-OF-FILE/, 'cut');
$sim->set(truncated => 0);
$sim->fault('rows', values => [ 'N.A.', '1e999' ]);
like(get($file)->{body}, qr/,IBM US Equity,0,N\.A\.,/, 'hostile values');
$sim->clear();

# ---- notifications

my $sse = '/eap/notifications/sse';

sub listener {
    my (@headers) = @_;

    my $p = Wizdata::Sim::Probe->connect($sim);
    my $jwt = token('GET', $sse);
    $p->get($sse, "JWT: $jwt", 'api-version: 2', @headers);
    return ($p, $p->head());
}

# What came so far, out of its chunks, up to a text that is waited for.
sub until_text {
    my ($p, $text) = @_;

    while (1) {
        my $heard = join '', $p->{in} =~ /\G[0-9a-f]+\r\n(.*?)\r\n(?=[0-9a-f]+
            \r\n|$)/gsx;
        return $heard if index($heard, $text) >= 0;
        return if ($p->hear(1 + length $p->{in}))[1] ne 'enough';
    }
}

my ($p, $head) = listener();
like($head, qr{^Content-Type: text/event-stream\r$}m, 'notifications');
ok(until_text($p, ": connected\n\n"), 'connected');
$sim->sse('heartbeat');
order('s1');
$sim->publish('s1');
my $heard = until_text($p, '"s1.csv"');
like($heard, qr/\n\n\nid: \d+\ndata: \{/, 'an event with an id, after a '
    . 'heartbeat');
my ($id, $data) = $heard =~ /id: (\d+)\ndata: (.*)\n\n/;
$m = json($data);
is($m->{'@type'}, 'DistributionPublishedActivity', 'its type');
my ($where) = $m->{generated}{'@id'} =~ m{^http://[^/]+(/.*)};
is(get($where)->{status}, 200, 'it says where');
is($m->{generated}{snapshot}{dataset}{catalog}{identifier}, $mine, 'whose');
is($m->{generated}{digest}{digestValue}, sha256_hex(get($where, curl =>
            [ '-H', 'Accept-Encoding: gzip' ])->{body}),
    'the digest of what is downloaded');
$sim->sse('again');
ok(until_text($p, "$data\n\nid: $id\n"), 'the same once more');
$sim->sse('split');
ok(until_text($p, "\r\ndata: \""), 'in several lines');
$sim->sse('other');
$sim->sse('garbage');
ok(until_text($p, '<no JSON>'), 'and nonsense');
my ($second) = listener("Last-Event-ID: $id");
$heard = until_text($second, '<no JSON>');
unlike($heard, qr/s1\.csv/, 'resumed: not what was heard before');
like($heard, qr/OtherActivity/, 'but what came since');
$sim->set(ready_after => 60);
order('s2');
$sim->advance(61);
ok(until_text($p, '"s2.csv"'), 'ready after a time');
$sim->sse('drop');
is(($p->hear())[1], 'eof', 'dropped');
my @many = map { (listener())[0] } 1 .. 16;
is($sim->listeners(), 16, 'sixteen listen');
is(get($sse)->{status}, 429, 'not one more');
$sim->stop();

# ---- BLPAPI

$sim = Wizdata::Sim::Blpapi->start();

sub blp {
    my ($type, $body, $service) = @_;

    $service //= 'refdata';
    my $r = curl($sim->url("/request?ns=blp&service=$service&type=${type}"
            . 'Request'), '-H', 'Content-Type: application/json', '-d', $body);
    return $r->{status} == 200 ? json($r) : $r->{status};
}

$m = blp(HistoricalData => '{"securities":["IBM US Equity","AAPL US Equity"],'
    . '"fields":["PX_LAST","OPEN"],"startDate":"20120101","endDate":'
    . '"20120105","periodicitySelection":"DAILY"}');
is_deeply([ @{$m}{qw/ status message /} ], [ 0, 'OK' ], 'BLPAPI: status');
is(scalar @{ $m->{data} }, 2, 'an element for each security');
is_deeply($m->{data}[0]{securityData}{fieldData}[0], { date =>
        '2012-01-03T00:00:00.000Z', PX_LAST => 186.3, OPEN => 186.73 },
    'recorded');
$m = blp(HistoricalData => '{"securities":["BAD Equity","SPY Equity",'
    . '"MSFT US Equity"],"fields":["PX_LAST","NONSENSE"],"startDate":'
    . '"20240527","endDate":"20240603"}');
my @of = map { $_->{securityData} } @{ $m->{data} };
is("$of[0]{securityError}{code} $of[0]{securityError}{subcategory}",
    '43 INVALID_SECURITY', 'an unknown security');
is_deeply([ $of[1]{securityError}, $of[1]{fieldData} ], [ undef, [] ],
    'one without data or error');
is(scalar @{ $of[2]{fieldData} }, 6, 'one that is good, oldest first');
is($of[2]{fieldData}[0]{date}, '2024-05-27T00:00:00.000Z', 'from the start');
is($of[2]{fieldExceptions}[0]{errorInfo}{code}, 1, 'an unknown field');
my $other = blp(HistoricalData => '{"securities":["BAD"],"fields":["PX_LAST"]'
    . ',"startDate":"20240601"}')->{data}[0]{securityData}{securityError};
isnt($other->{message}, $of[0]{securityError}{message},
    'the node in the text changes');
$m = blp(HistoricalData => '{"securities":["X"],"startDate":"20240101",'
    . '"fields":[' . join(',', map { qq("F$_") } 1 .. 26) . ']}');
is($m->{data}[0]{responseError}{subcategory}, 'TOO_MANY_FIELDS',
    '26 fields');
$m = blp(ReferenceData => '{"securities":["IBM US Equity","BAD"],"fields":'
    . '["PX_LAST","NAME","XYZ"]}');
@of = @{ $m->{data}[0]{securityData} };
is_deeply($of[0]{fieldData}, { PX_LAST => 158.42,
        NAME => 'INTL BUSINESS MACHINES CORP' }, 'reference data, recorded');
is($of[0]{fieldExceptions}[0]{errorInfo}{subcategory},
    'NOT_APPLICABLE_TO_REF_DATA', 'an unknown field');
is($of[1]{securityError}{category}, 'BAD_SEC', 'an unknown security');
$m = blp(ReferenceData => '{"securities":["X"],"fields":["PX_LAST"],'
    . '"overrides":[{"fieldId":"no such","value":1}]}');
is($m->{data}[0]{responseError}{code}, 27, 'a bad override');
is(scalar @{ blp(IntradayBar => '{"security":"IBM US Equity","interval":5,'
            . '"startDateTime":"2024-06-03T14:30:00","endDateTime":'
            . '"2024-06-03T15:00:00"}')->{data}[0]{barData}{barTickData} }, 6,
    'bars');
is(blp(IntradayBar => '{"security":"IBM US Equity","endDateTime":'
        . '"2024-06-03T15:00:00"}')->{data}[0]{responseError}{category},
    'BAD_ARGS', 'without a start: refused');
is(blp(Nonsense => '{}'), 404, 'an unknown type');
is(blp(HistoricalData => '['), 400, 'no JSON');
is(blp(FieldInfo => '{"id":["PX_LAST"]}', 'apiflds')->{data}[0]{fieldData}[0]
    {fieldInfo}{mnemonic}, 'PX_LAST', 'about a field');

$sim->set(single_as_object => 1, dates => 'float', null_every => 2);
$m = blp(HistoricalData => '{"securities":["IBM US Equity"],"fields":'
    . '["PX_LAST","VOLUME"],"startDate":"20240603","endDate":"20240603"}');
is(ref $m->{data}[0]{securityData}{fieldData}, 'HASH',
    'a sequence of one as an object');
is($m->{data}[0]{securityData}{fieldData}{date}, 20240603, 'dates as figures');
$sim->set(single_as_object => 0, dates => 'iso');
$m = blp(HistoricalData => '{"securities":["IBM US Equity"],"fields":'
    . '["PX_LAST","VOLUME"],"startDate":"20240603","endDate":"20240606"}');
is(join(' ', map { scalar keys %$_ } @{ $m->{data}[0]{securityData}
            {fieldData} }), '3 2 3 2', 'a missing value is a missing key');
$sim->set(daily_limit => 3, null_every => 0);
my $two = '{"securities":["X","Y"],"fields":["PX_LAST"],'
    . '"startDate":"20240603","endDate":"20240603"}';
is(join(' ', map { blp(HistoricalData => $two)->{data}[0]{responseError}
            {subcategory} // 'ok' } 1 .. 2), 'ok DAILY_LIMIT_REACHED',
    'the limit of a day');
$sim->advance(86_400);
is(blp(HistoricalData => $two)->{data}[0]{responseError}, undef,
    'another day');
$sim->stop();

SKIP: {
    skip('no IO::Socket::SSL here', 2) if !Wizdata::Sim->has_tls;
    $sim = Wizdata::Sim::Blpapi->start(tls => 'good');
    my $url = $sim->url('/request?ns=blp&service=refdata&type='
        . 'ReferenceDataRequest');
    my @body = ('--cacert', $sim->ca, '-d',
        '{"securities":["X"],"fields":["PX_LAST"]}');
    isnt(curl($url, @body)->{exit}, 0, 'TLS wants a certificate');
    my ($certificate, $key) = $sim->client;
    is(curl($url, @body, '--cert', $certificate, '--key', $key)->{status}, 200,
        'with one');
}

done_testing();
