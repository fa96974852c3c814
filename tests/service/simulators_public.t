#!/usr/bin/perl

# The simulators of Alpha Vantage, the World Bank and Capital IQ behave as they
# say they do; asked by curl.

use utf8;
use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Sim::AlphaVantage;
use Wizdata::Sim::CapitalIq;
use Wizdata::Sim::Probe;
use Wizdata::Sim::WorldBank;

my ($sim, $r, $m, $meta, @rows);

# ======== World Bank

$sim = Wizdata::Sim::WorldBank->start();

sub wb { return curl($sim->url("/v2/$_[0]")) }

my $gdp = 'country/FRA/indicator/NY.GDP.MKTP.CD?format=json';
($meta, my $rows) = @{ json(wb("$gdp&per_page=100")) };
is_deeply($meta, { page => 1, pages => 1, per_page => 100, total => 64,
        sourceid => '2', lastupdated => '2024-05-30' }, 'the page object');
is(scalar @$rows, 64, 'all years');
is("$rows->[0]{date} " . ($rows->[0]{value} // 'null'), '2023 null',
    'the newest is null');
is($rows->[1]{value}, 2779092236505.85, 'recorded');
my $all = join ' ', map { $_->{date} } @$rows;
my $n = 1;
@rows = ();
while (1) {
    ($meta, $rows) = @{ json(wb("$gdp&per_page=10&page=$n")) };
    push @rows, @$rows;
    last if $n++ >= $meta->{pages};
}
is($n - 1, 7, 'seven pages');
is(join(' ', map { $_->{date} } @rows), $all, 'the same rows');
is_deeply(json(wb("$gdp&per_page=10&page=8"))->[1], undef,
    'no rows past the last');
is_deeply(json(wb("$gdp&date=1900:1950")), [ { page => 0, pages => 0,
            per_page => 0, total => 0, sourceid => undef,
            lastupdated => undef }, undef ], 'no data');
is(join(' ', map { $_->{date} } @{ json(wb("$gdp&date=2000:2002"))->[1] }),
    '2002 2001 2000', 'a range');
is(join(' ', map { $_->{date} } @{ json(wb("$gdp&mrv=2"))->[1] }),
    '2023 2022', 'mrv counts null years');
is(join(' ', map { $_->{date} } @{ json(wb("$gdp&mrnev=2"))->[1] }),
    '2022 2021', 'mrnev does not');
$m = json(wb('country/de;fr/indicator/CPTOTSAXN?format=json&'
    . 'date=2012M01:2012M02'))->[1];
is_deeply([ map { "$_->{country}{id} $_->{date} '$_->{countryiso3code}'" }
        @$m ], [ "DEU 2012M02 ''", "DEU 2012M01 ''", "FRA 2012M02 ''",
        "FRA 2012M01 ''" ], 'months, in source 15');
is(json(wb('country/DE/indicator/NEER?format=json&date=2013Q1:2013Q4'))->[1][0]
    {date}, '2013Q4', 'quarters');
my ($worlds) = grep { $_->{country}{value} eq 'World' } @{ json(wb(
    'country/all/indicator/SP.POP.TOTL?format=json&date=2010'))->[1] };
ok($worlds, 'aggregates are among the countries');
my $two = 'country/DE/indicator/SP.POP.TOTL;EG.FEC.RNEW.ZS?format=json&'
    . 'date=2010';
is(json(wb($two))->[0]{message}[0]{id}, '120', 'two indicators want a source');
is(json(wb("$two&source=75"))->[0]{sourceid}, undef, 'sourceid is null then');
is(json(wb('country/DE/indicator/SP.POP.TOTL?format=json&source=75&mrv=1'))
    ->[1][0]{date}, '2024', 'a source named has a year more');
my $restated = 'country/DE/indicator/SYN.007.ZS?format=json&date=2021';
my $value = json(wb($restated))->[1][0]{value};
$sim->set(edition => 2, lastupdated => '2024-07-01');
$m = json(wb($restated));
isnt($m->[1][0]{value}, $value, 'restated');
is($m->[0]{lastupdated}, '2024-07-01', 'and said so');
is(curl($sim->url('/v2/sources/75/country/DEU/series/SP.POP.TOTL/time/YR2010'
            . '?format=json'))->{status}, 200, 'advanced data');

# XML is what comes unasked.
$r = wb('country/FR/indicator/NY.GDP.MKTP.CD?per_page=2');
like($r->{head}, qr{^Content-Type: text/xml}m, 'XML');
like($r->{body}, qr{^<\?xml[^>]*\?><wb:data page="1" pages="32" },
    'its form');
like($r->{body}, qr{<wb:data><wb:indicator id="NY.GDP.MKTP.CD">GDP}, 'a row');
like($r->{body}, qr{<wb:date>2023</wb:date><wb:value/>}, 'null in XML');
like(wb('country/XXX/indicator/NY.GDP.MKTP.CD')->{body},
    qr{<wb:message id="120"}, 'an error in XML');

# Errors: id and status.
for my $case ([ 'country/XXX/indicator/NY.GDP.MKTP.CD', 120, 200 ],
    [ 'country/FRA/indicator/NO.SUCH', 120, 200 ],
    [ 'country/FRA/indicator/EN.ATM.CO2E.PC', 175, 200 ],
    [ 'country/FRA/indicator/12345', 175, 200 ],
    [ 'nonsense', 140, 400 ], [ '../v3/country', 150, 400 ],
    [ 'xx/country', 150, 400 ], [ 'country?per_page=0', 120, 200 ]) {
    my ($path, $id, $status) = @$case;
    $path .= ($path =~ /\?/ ? '&' : '?') . 'format=json';
    $r = curl($sim->url("/v2/$path" =~ s{/v2/\.\./}{/}r));
    is_deeply([ $r->{status}, json($r) ], [ $status, [ { message => [ { id =>
                            "$id", key => json($r)->[0]{message}[0]{key},
                        value => json($r)->[0]{message}[0]{value} } ] } ] ],
        "$path: $id");
}
like(wb('country?format=yaml')->{body}, qr/id="111"/, 'an unknown format');
is(wb('country/DE/indicator/NEER?footnote=y&format=json')->{status}, 400,
    'footnotes where there are none');
is(wb('country?format=jsonstat')->{status}, 502, 'jsonstat');
is(wb('country/' . 'A' x 4000)->{status}, 414, 'a long URL');

# Lists.
for my $list (qw/ country indicator source topic region incomeLevel
    lendingType /) {
    ($meta, $rows) = @{ json(wb("$list?format=json&per_page=3")) };
    is("$meta->{per_page} " . scalar @$rows, '3 3', "list: $list");
}
like(wb('country?format=json')->{body}, qr/"per_page":"50"/,
    'per_page is a text there');
like(wb('country/USA?format=json')->{body}, qr/"id":"USA"/, 'one of a list');
is(json(wb('fr/source?format=json'))->[0]{total}, 6, 'with a language');

# Traps.
$sim->set(trap => 'pages0');
is_deeply([ @{ json(wb($gdp))->[0] }{qw/ page pages /}, json(wb($gdp))->[1] ],
    [ '1', '0', undef ], 'page 1 of 0');
$sim->set(trap => 'short');
($meta, $rows) = @{ json(wb("$gdp&per_page=40&page=2")) };
is(40 + @$rows, $meta->{total} - 2, 'fewer rows than it says');
$sim->set(trap => 'same');
is(json(wb("$gdp&per_page=10&page=3"))->[1][0]{date}, '2023',
    'every page is the first');
$sim->set(trap => undef);
$sim->fault('rows', values => [ '-', '1e999', 'None' ], duplicate => 1);
$r = wb("$gdp&per_page=100");
like($r->{body}, qr/"value":"-".*"value":1e999.*"value":"None"/s,
    'hostile values');
is(json($r)->[0]{total}, 65, 'a row twice');
$sim->stop();

# ======== Alpha Vantage

$sim = Wizdata::Sim::AlphaVantage->start(today => '2026-05-16');

sub av {
    my ($query, $key, @more) = @_;

    return curl($sim->url("/query?function=$query&apikey="
            . ($key // 'premium-key')), @more);
}

sub refusal {
    my ($r) = @_;

    my $text = $r->{body};
    return $text =~ /1 request per second/ ? 'second'
        : $text =~ /requests per day/ ? 'day'
        : $text =~ /5 calls per minute/ ? 'minute'
        : $text =~ /premium endpoint.*ARTIFICIAL/s ? 'artificial'
        : $text =~ /premium endpoint/ ? 'endpoint'
        : $text =~ /outputsize=full/ ? 'outputsize'
        : $text =~ /\*\*demo\*\*/ ? 'demo'
        : $text =~ /apikey is invalid/ ? 'key'
        : $text =~ /Invalid API call/ ? 'call' : 'none';
}

$m = json(av('TIME_SERIES_DAILY&symbol=IBM'));
is_deeply([ sort keys %$m ], [ 'Meta Data', 'Time Series (Daily)' ],
    'daily');
is(scalar keys %{ $m->{'Time Series (Daily)'} }, 100, 'compact: a hundred');
is_deeply($m->{'Time Series (Daily)'}{'2026-05-15'}, { '1. open' => '218.2000',
        '2. high' => '220.9100', '3. low' => '217.6150', '4. close' =>
            '219.3000', '5. volume' => '6154450' }, 'recorded');
cmp_ok(scalar keys %{ json(av('TIME_SERIES_DAILY&symbol=IBM&outputsize=full'))
    ->{'Time Series (Daily)'} }, '>', 4000, 'full');
$r = av('TIME_SERIES_DAILY&symbol=IBM&datatype=csv');
like($r->{body}, qr/^timestamp,open,high,low,close,volume\r\n
    2026-05-15,218.2000,220.9100,217.6150,219.3000,6154450\r\n/x, 'CSV');
like(av('TIME_SERIES_DAILY&symbol=NOPE&datatype=csv')->{body},
    qr/^\{"Error Message":"Invalid API call/, 'an error is JSON all the same');
is(av('GLOBAL_QUOTE&symbol=NOPE')->{body}, '{"Global Quote":{}}',
    'an empty quote');
is(av('OVERVIEW&symbol=NOPE')->{body}, '{}', 'an empty object');
for my $symbol ('A%20B', 'X%25Y', '%22Q%22', 'RDS%2FA', 'O%27R',
    '%C3%9C.DE') {
    is(refusal(av("TIME_SERIES_DAILY&symbol=$symbol")), 'none', $symbol);
}

# Every function has an answer, in JSON or in CSV.
my %needs = (symbol => 'IBM', from_symbol => 'EUR', to_symbol => 'USD',
    from_currency => 'EUR', to_currency => 'USD', market => 'EUR',
    keywords => 'ibm', time_period => 10, series_type => 'close');
my $needs = join '&', map { "$_=$needs{$_}" } sort keys %needs;
for my $function (qw/ TIME_SERIES_DAILY TIME_SERIES_DAILY_ADJUSTED
    TIME_SERIES_WEEKLY TIME_SERIES_WEEKLY_ADJUSTED TIME_SERIES_MONTHLY
    TIME_SERIES_MONTHLY_ADJUSTED FX_DAILY FX_WEEKLY FX_MONTHLY
    DIGITAL_CURRENCY_DAILY DIGITAL_CURRENCY_WEEKLY DIGITAL_CURRENCY_MONTHLY
    GLOBAL_QUOTE REALTIME_BULK_QUOTES CURRENCY_EXCHANGE_RATE SYMBOL_SEARCH
    INCOME_STATEMENT BALANCE_SHEET CASH_FLOW EARNINGS DIVIDENDS SPLITS OVERVIEW
    ETF_PROFILE MARKET_STATUS TOP_GAINERS_LOSERS NEWS_SENTIMENT REAL_GDP
    TREASURY_YIELD CPI WTI UNEMPLOYMENT ALL_COMMODITIES /) {
    $r = av("$function&$needs");
    ok(refusal($r) eq 'none' && ref json($r) eq 'HASH', $function);
}
for my $function (qw/ TIME_SERIES_INTRADAY FX_INTRADAY CRYPTO_INTRADAY /) {
    $m = json(av("$function&$needs&interval=60min"));
    my ($name) = grep { !/Meta/ } keys %$m;
    like($name, qr/^Time Series .*\(60min\)$/, $function);
}
for my $function (qw/ RSI SMA MACD BBANDS /) {
    ok(json(av("$function&$needs&interval=daily"))
        ->{"Technical Analysis: $function"}, $function);
}
for my $function (qw/ LISTING_STATUS EARNINGS_CALENDAR IPO_CALENDAR /) {
    like(av($function)->{body}, qr/^symbol,name,.*\r\n/, "$function: CSV only");
}
is(refusal(av('NONSENSE')), 'call', 'an unknown function');
sub stories { @{ json(av("NEWS_SENTIMENT&tickers=$_[0]"))->{feed} } }
my @stories = stories('IBM');
is($stories[0]{time_published}, '20260516T235000', 'the newest story');
my %known = map { $_->{url} => 1 } @stories;
is(scalar(grep { $known{ $_->{url} } } stories('AAPL')), 0,
    'others have their own');
$sim->set(today => '2026-05-17');
is(scalar(grep { $known{ $_->{url} } } stories('IBM')), 0,
    'and another day has others');
$sim->set(today => '2026-05-16');
$sim->set(splits => { MSFT => [ '2026-05-13', 4 ] });
$m = json(av('TIME_SERIES_DAILY_ADJUSTED&symbol=MSFT'))
    ->{'Time Series (Daily)'};
is($m->{'2026-05-13'}{'8. split coefficient'}, '4.0', 'a split');
is(sprintf('%.3f', $m->{'2026-05-12'}{'4. close'}
        / $m->{'2026-05-12'}{'5. adjusted close'}), '4.000', 'before it');
is($m->{'2026-05-14'}{'4. close'}, $m->{'2026-05-14'}{'5. adjusted close'},
    'after it');

# As it is sent.
$r = av('SPLITS&symbol=IBM', undef, '-H', 'Accept-Encoding: gzip');
like($r->{head}, qr/^Content-Encoding: gzip\r$/m, 'compressed');
like($r->{head}, qr/^Transfer-Encoding: chunked\r$/m, 'in chunks');
unlike($r->{head}, qr/^(ETag|Retry-After|X-RateLimit)/mi, 'without limits');
is(json(av('SPLITS&symbol=IBM', undef, '--compressed'))->{symbol}, 'IBM',
    'and back');
$sim->fault('replace', this => 'symbol', by => 'changed');
is(json(av('SPLITS&symbol=IBM', undef, '--compressed'))->{changed}, 'IBM',
    'a fault of the body is under the compression');
$sim->clear();
is(av('CPI', undef, '-X', 'DELETE')->{status}, 405, 'GET only');

# Keys.
is(refusal(curl($sim->url('/query?function=CPI'))), 'key', 'no key');
is(refusal(av('CPI', 'somebody')), 'key', 'an unknown key');
is(refusal(av('CPI', 'demo')), 'demo', 'the demo key');
$r = av('TIME_SERIES_DAILY_ADJUSTED&symbol=IBM', 'artificial-key');
is(refusal($r), 'artificial', 'rows that are none');

sub free { $sim->advance(2); return refusal(av($_[0], 'free-key')) }

is(free('CPI'), 'none', 'a free key');
is(refusal(av('CPI', 'free-key')), 'second', 'twice in a second');
is(free('TIME_SERIES_DAILY&symbol=IBM&outputsize=full'), 'outputsize',
    'what is premium');
is(free('TIME_SERIES_DAILY_ADJUSTED&symbol=IBM'), 'endpoint', 'other than '
    . 'that');
is(join(' ', map { free('CPI') } 1 .. 22), join(' ', ('none') x 22),
    '25 calls a day');
$sim->advance(2);
$r = av('CPI', 'free-key');
is(refusal($r), 'day', 'not one more');
like($r->{body}, qr/your API key as free-key/, 'it tells the key');
is(refusal(av('CPI', 'premium-key')), 'none', 'other keys have their own');
$sim->set(echo_key => 0);
unlike(av('CPI', 'free-key')->{body}, qr/free-key/, 'or does not');
$sim->advance(86_400);
is(free('CPI'), 'none', 'another day');
is(join(' ', map { refusal(av('CPI', 'legacy-key')) } 1 .. 6),
    join(' ', ('none') x 5, 'minute'), 'five a minute');
$sim->set(premium_per_minute => 0);
like(av('CPI')->{body}, qr/per minute/, 'the limit of a premium key');
$sim->set(premium_per_minute => 1200);
$sim->fault('rows', duplicate => 1);
$r = av('CPI');
like($r->{body}, qr/"value":"None".*"value":"-".*"value":"\.".*"value":"NaN"
    .*"value":"1e999".*"value":""/xs, 'hostile values, as texts');
$sim->stop();

# ======== Capital IQ

$sim = Wizdata::Sim::CapitalIq->start(today => '2024-06-04');
my $token;
my $service = '/gdsapi/rest/v3/clientservice.json';

sub gds {
    my ($requests, @more) = @_;

    return curl($sim->url($service), '-H', 'Content-Type: application/json',
        '-d', qq({"inputRequests":[$requests]}), @more ? @more
        : ('-H', "Authorization: Bearer $token"));
}

sub entries { return json(gds(@_))->{GDSSDKResponse} }

sub one { return '{"function":"' . $_[0] . '","identifier":"' . $_[1]
        . '","mnemonic":"' . $_[2] . '","properties":{' . ($_[3] // '')
        . '}}' }

my $auth = '/gdsapi/rest/authenticate/api/v1';
my @user = map { ('--data-urlencode', $_) } "username=$sim->{username}",
    "password=$sim->{password}";
is(curl($sim->url("$auth/token"), '-d', 'username=x&password=y')->{status},
    401, 'a wrong password');
$r = curl($sim->url("$auth/token"), @user);
like($r->{body}, qr/"expires_in_seconds":"3600"/, 'a token');
$token = json($r)->{access_token};
my $refresh = json($r)->{refresh_token};
my $rev = one(GDSP => 'IBM:NYSE', 'IQ_TOTAL_REV');
is(entries($rev)->[0]{Rows}[0]{Row}[0], '77147.000000', 'recorded');
is(gds($rev, '-u', "$sim->{username}:$sim->{password}")->{status}, 200,
    'Basic authentication');
is(gds($rev, '-u', 'x:y')->{status}, 401, 'a wrong one');
$sim->advance(3601);
is(gds($rev)->{status}, 401, 'a token past its time');
$r = curl($sim->url("$auth/tokenRefresh"), '-d', "refresh_token=$refresh");
$token = json($r)->{access_token};
is(gds($rev)->{status}, 200, 'refreshed');
is(curl($sim->url("$auth/tokenRefresh"), '-d', "refresh_token=$refresh")
    ->{status}, 401, 'once');
$sim->set(die_after => 2);
is(join(' ', map { gds($rev)->{status} } 1 .. 3), '200 200 401',
    'a token that dies in the middle');
$token = json(curl($sim->url("$auth/token"), @user))->{access_token};
is(gds($rev)->{status}, 200, 'another one');
$sim->set(unauthorized_as_200 => 1);
$r = gds($rev, '-H', 'Authorization: Bearer x');
is("$r->{status} " . scalar keys %{ json($r)->{GDSSDKResponse}[0] }, '200 1',
    'or 200 with an ErrMsg');

my $e = entries(join ',', $rev, one(GDSHE => 'IBM:NYSE', 'IQ_EBITDA',
        '"periodType":"IQ_LTM"'), one(GDST => 'IBM:NYSE', 'IQ_MARKETCAP',
        '"startDate":"01/01/2018","endDate":"06/01/2018",'
            . '"frequency":"Monthly"'), one(GDSP => 'BAD:X', 'IQ_X'),
    one(XXX => 'IBM:NYSE', 'IQ_X'), one(GDSP => 'IBM:NYSE', 'IQ_NA_X'));
is_deeply([ map { $_->{ErrMsg} } @$e ], [ '', '', '', 'InvalidIdentifier',
        'Invalid function XXX', '' ], 'an entry for each, some with errors');
is_deeply($e->[1]{Rows}[1]{Row}, [ '18551.000000', '1/20/2021' ],
    'history: values with dates');
is_deeply([ $e->[2]{Headers}[2], $e->[2]{Rows}[0]{Row}[2],
        scalar @{ $e->[2]{Rows} }, $e->[2]{NumRows} ],
    [ '3/29/2018', '141334.789976', 1, 2 ], 'a time series lies down');
ok(exists $e->[0]{SnapType} && !exists $e->[1]{SnapType}, 'keys come and go');
is($e->[5]{Rows}[0]{Row}[0], 'Data Unavailable', 'words for a figure');
is_deeply($e->[2]{Properties}, { startdate => '01/01/2018', enddate =>
            '06/01/2018', frequency => 'Monthly' }, 'properties');
is(scalar @{ entries(join ',', ($rev) x 500) }, 500, '500 at once');
is(gds(join ',', ($rev) x 501)->{status}, 400, 'not 501');
is(gds('')->{status}, 400, 'none');
$sim->set(daily_limit => 100);
is_deeply(entries(join ',', ($rev) x 60), [ { ErrMsg =>
            'Daily Request Limit of 100 Exceeded' } ],
    'the limit: one entry, whatever was asked');
$sim->advance(86_400);
$token = json(curl($sim->url("$auth/token"), @user))->{access_token};
is(scalar @{ entries(join ',', ($rev) x 60) }, 60, 'another day');
is(scalar @{ entries(join ',', ($rev) x 60) }, 1, 'until it is used up');
$r = gds($rev, '-H', 'Origin: https://x.example', '-u', 'x:y');
is($r->{status}, 403, 'an Origin is refused');
like($r->{body}, qr/^<html>/, 'with a page');
$sim->set(daily_limit => 10_000);
$r = curl($sim->url('/gdssdk/rest/v2/clientservice.json'), '-u',
    "$sim->{username}:$sim->{password}", '--data-urlencode',
    "inputRequests=[$rev]");
is(json($r)->{GDSSDKResponse}[0]{Identifier}, 'IBM:NYSE', 'the older path');
is(curl($sim->url('/gdsapi/rest/v3/usageservice.json'), '-H',
        "Authorization: Bearer $token", '-d', '{}')->{status}, 200, 'usage');
$sim->fault('html');
like(gds($rev)->{body}, qr/^<!DOCTYPE html>/, 'a page instead of JSON');
$sim->clear();
$sim->fault('rows', values => [ 'NaN', '-' ]);
is(join(' ', @{ entries(one(GDST => 'X:Y', 'IQ_Z'))->[0]{Rows}[0]{Row} }
            [ 0, 1 ]), 'NaN -', 'hostile values');

done_testing();
