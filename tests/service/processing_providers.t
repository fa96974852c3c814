#!/usr/bin/perl

# What becomes of payloads of Bloomberg, LSEG, S&P, of the World Bank's lists
# and of news: rows, or a reason. The same again, in another order or in parts
# gives the same rows.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use List::Util qw/ shuffle /;
use Test::More;

use Wizdata::Postgres;
use Wizdata::Processing;

my $json = JSON::PP->new->utf8->canonical;
my $pg = Wizdata::Postgres->start();
my $pr = Wizdata::Processing->start($pg);

sub fixture {
    open my $f, '<', "$FindBin::Bin/fixtures/providers/$_[0]" or die "$_[0]: $!";
    local $/;
    return scalar <$f>;
}

# "outcome|stored|corrected|unchanged|flagged|rejected|reason" of a payload.
sub outcome {
    my ($provider, $dataset, $args, $at, $body) = @_;

    my $n = $pr->put($provider, $dataset, $args, $at, $body);
    ok($pr->drained(), "$provider $dataset of $at consumed");
    return $pg->psql("SELECT outcome, stored, corrected, unchanged, flagged,
        rejected, reason FROM raw_object WHERE id = $n");
}

sub lseg { outcome('lseg', @_) }
sub reasons { $pg->psql("SELECT string_agg(reason || ' ' || record, ', '
    ORDER BY id) FROM reject WHERE raw_id = (SELECT max(id) FROM raw_object)") }

# Rows of a table but for where they came from first.
sub rows_of {
    my ($table, $symbol) = @_;

    return $pg->psql("SELECT (to_jsonb(t) - 'raw_id' - 'known_at' -
        'instrument_id')::text FROM $table t JOIN instrument i ON
        i.id = t.instrument_id WHERE i.symbol = '$symbol' ORDER BY 1");
}

# ---- LSEG: prices as traded, or none

my $daily = fixture('lseg-interday-VOD.L.json');
my $at = '2026-02-27T12:00:00Z';
is(lseg('interday', { identifiers => 'VOD.L', interval => 'daily' }, $at,
    $daily), 'rejected|0|0|0|0|1|adjusted_prices', 'adjusted prices are none');
is($pg->psql('SELECT count(*) FROM bar'), '0', 'and not stored');
(my $raw = $daily) =~ s/"CCH","CRE","RTS","RPO"//;
$raw =~ s/"manualCorrection",/"manualCorrection"/;
is(lseg('interday', { identifiers => 'VOD.L', interval => 'daily',
    adjustments => 'CCH' }, $at, $raw), 'rejected|0|0|0|0|1|adjusted_prices',
    'nor are those that were asked for so');
is(lseg('interday', { identifiers => 'VOD.L', interval => 'daily',
    adjustments => 'unadjusted' }, $at, $raw), 'stored|4|0|0|0|0|',
    'as traded, with corrections at most');
is($pg->psql("SELECT ts, open, high, low, close, volume, timeframe, quality
    FROM bar ORDER BY ts DESC LIMIT 1"),
    '2026-02-26 00:00:00+00|117.2|117.85|114.55|114.6|49169019|6|0',
    "a day of London, closed by the order book's price");
is(lseg('interday', { identifiers => 'VOD.L', interval => 'daily' },
    '2026-02-28T12:00:00Z', $raw), 'stored|0|0|4|0|0|', 'the same again');

my $doc = $json->decode($raw);
$doc->[0]{data} = [ reverse @{ $doc->[0]{data} } ];
is(lseg('interday', { identifiers => 'VOD.L', interval => 'daily' },
    '2026-02-28T13:00:00Z', $json->encode($doc)), 'stored|0|0|4|0|0|',
    'in another order');
is(lseg('interday', { identifiers => 'BT.L', interval => 'daily' }, $at,
    $raw), 'rejected|0|0|0|0|1|symbol_mismatch', 'of another than was asked');
for (qw/ weekly monthly /) {
    is(lseg('interday', { identifiers => 'VOD.L', interval => $_ }, $at,
        $raw), 'rejected|0|0|0|0|1|unknown_interval', "days are no $_ bars");
}
for ([ 'P3M', 'quarterly' ], [ 'P12M', 'annual' ], [ 'P2D', 'daily' ]) {
    my ($said, $asked) = @$_;
    (my $other = $raw) =~ s/"P1D"/"$said"/;
    is(lseg('interday', { identifiers => 'VOD.L', interval => $asked }, $at,
        $other), 'rejected|0|0|0|0|1|unknown_interval', "no bars of $said");
}
(my $weeks = $raw) =~ s/"P1D"/"P1W"/;
$weeks =~ s/"2026-02-25"/"2026-02-20"/;
$weeks =~ s/"2026-02-24"/"2026-02-13"/;
$weeks =~ s/"2026-02-23"/"2026-02-06"/;
is(lseg('interday', { identifiers => 'VOD.L', interval => 'weekly' }, $at,
    $weeks), 'stored|4|0|0|1|0|', 'weeks, one under way');
is($pg->psql("SELECT string_agg(to_char(ts AT TIME ZONE 'UTC', 'Dy DD'), ' '
    ORDER BY ts) FROM bar WHERE timeframe = 7"),
    'Mon 02 Mon 09 Mon 16 Mon 23', 'labelled by their end, from their Mondays');

# ---- LSEG: minutes, in UTC, by the end that the answer says

(my $minutes = fixture('lseg-intraday-AMD.O.json')) =~
    s/"CCH","CRE","RTS","RPO"/"unadjusted"/;
is(lseg('intraday', { identifiers => 'amd.o', interval => '1min' },
    '2022-05-26T00:00:00Z', $minutes), 'stored|4|0|0|0|1|',
    'minutes; one had trades beside the book only');
is(reasons(), 'missing_price 0', 'which is no bar');
is($pg->psql("SELECT ts, close FROM bar WHERE timeframe = 1 ORDER BY ts
    DESC LIMIT 1"), '2022-05-25 20:00:00+00|92.65', 'by their start');
$minutes =~ s/startPeriod/endPeriod/;
$minutes =~ s/AMD\.O/AMD.X/;
is(lseg('intraday', { identifiers => 'AMD.X', interval => '1min' },
    '2022-05-26T00:00:00Z', $minutes), 'stored|4|0|0|0|1|', 'the same');
is($pg->psql("SELECT max(ts) FROM bar b JOIN instrument i ON
    i.id = instrument_id WHERE symbol = 'AMD.X'"), '2022-05-25 19:59:00+00',
    'labelled by their end');
is(lseg('intraday', { identifiers => 'AMD.X', interval => '5min' },
    '2022-05-26T00:00:00Z', $minutes),
    'rejected|0|0|0|0|2|unknown_interval', 'of another length than asked');

# ---- LSEG: quotes of a day, quotes and trades of moments

(my $gbp = fixture('lseg-interday-GBP.json')) =~
    s/"CCH","CRE","RTS","RPO"/"unadjusted"/;
is(lseg('interday', { identifiers => 'GBP=', interval => 'daily' },
    '2022-06-22T18:00:00Z', $gbp), 'stored|3|0|0|1|0|',
    'bids of days, one not over');
is($pg->psql("SELECT ts, seq, price, bid, quality FROM quote ORDER BY ts DESC
    LIMIT 1"), '2022-06-22 00:00:00+00|0||1.2266|4', 'without a price');

my $ticks = fixture('lseg-ticks-VOD.L.json');
$at = '2021-11-26T13:00:00Z';
is(lseg('ticks', { identifiers => 'VOD.L' }, $at, $ticks),
    'stored|12|0|0|0|0|', 'quotes by number');
is($pg->psql("SELECT ts, seq, bid, bid_size, ask, ask_size, quality FROM quote
    WHERE seq > 0 ORDER BY ts DESC, seq DESC LIMIT 1"),
    '2021-11-26 12:35:35.372+00|5464475|111.1|8329|111.14|3000|0',
    'of a moment, both sides and their sizes');

# Trades are of our own making: the recorded events are quotes.
sub trades {
    my ($numbers, @rows) = @_;

    my $doc = $json->decode($ticks);
    $doc->[0]{data} = [ map { my ($time, $price, $size, $n) = @$_;
        [ "2021-11-26T12:00:$time", 'trade', JSON::PP::null,
            $numbers ? "$n" : JSON::PP::null, $price + 0, $size + 0,
            (JSON::PP::null) x 4 ] } @rows ];
    return $json->encode($doc);
}
my @trades = map { [ sprintf('%06.3fZ', 10 + int($_ / 3) / 8),
    111 + $_ % 2, 100 * (1 + $_ % 2), 7000 + $_ ] } 0 .. 29;
for my $numbers (1, 0) {
    my $ric = $numbers ? 'NUM.L' : 'ANON.L';
    my $put = sub {
        my ($when, @rows) = @_;
        (my $body = trades($numbers, @rows)) =~ s/VOD\.L/$ric/;
        return lseg('ticks', { identifiers => $ric }, $when, $body);
    };
    is($put->('2021-11-26T13:00:01Z', reverse @trades[10 .. 29]),
        'stored|20|0|0|0|0|', "$ric: the newest page");
    is($put->('2021-11-26T13:00:02Z', reverse @trades[10 .. 29]),
        'stored|0|0|20|0|0|', 'the same page again');
    is($put->('2021-11-26T13:00:03Z', shuffle @trades[10 .. 29]),
        'stored|0|0|20|0|0|', 'shuffled');
    is($put->('2021-11-26T13:00:04Z', reverse @trades[0 .. 12]),
        'stored|10|0|3|0|0|', 'a page that overlaps by a part of a moment');
    my $rows = rows_of('trade', $ric);
    is(scalar(my @n = split /\n/, $rows), 30, 'each trade once');
    is($put->('2021-11-26T13:00:05Z', @trades), 'stored|0|0|30|0|0|',
        'all in one');
    is(rows_of('trade', $ric), $rows, 'are the same rows');
}
is($pg->psql('SELECT count(*) FROM trade_history'), '0', 'nothing corrected');
is(lseg('ticks', { identifiers => 'NUM.L' }, '2021-11-26T13:00:06Z',
    trades(1, [ '10.000Z', 111.5, 100, 7000 ]) =~ s/VOD\.L/NUM.L/r),
    'stored|0|1|0|0|0|', 'a number that comes with another price');
is($pg->psql('SELECT price, size, superseded_at FROM trade_history'),
    '111|100|2021-11-26 13:00:06+00', 'what it was before');
is(lseg('ticks', { identifiers => 'NUM.L' }, '2021-11-26T11:54:59Z',
    trades(1, [ '10.000Z', 1, 1, 9 ]) =~ s/VOD\.L/NUM.L/r),
    'rejected|0|0|0|0|1|future_time', 'a trade behind its fetch');

# ---- LSEG: scores, names, instruments, errors

is(lseg('esg', { identifiers => 'IBM.N', view => 'basic' }, $at,
    fixture('lseg-esg-IBM.N.json')), 'stored|6|0|0|0|0|', 'scores');
is($pg->psql("SELECT i.symbol, s.name, field, period, value FROM fundamental f
    JOIN instrument i ON i.id = instrument_id JOIN source s ON s.id = f.source
    WHERE field = 'TR.SocialPillarScore'"),
    'IBM.N|lseg|TR.SocialPillarScore|2020-12-31|96.625022435838',
    'of a period end, of their source');
is(lseg('esg', { identifiers => 'IBM.N', view => 'nothing' }, $at,
    fixture('lseg-esg-IBM.N.json')), 'rejected|0|0|0|0|1|unknown_dataset',
    'of no view that is known');

is(lseg('symbology', { identifiers => 'IBM.N,MSFT.O' }, $at,
    fixture('lseg-symbology.json')), 'stored|6|0|0|0|0|', 'names');
sub pair { return { value => $_[0], identifierType => $_[1] } }
is(lseg('symbology', { identifiers => 'US4592001014' }, '2021-11-27T00:00:00Z',
    $json->encode({ data => [
        { input => [ pair('US4592001014', 'ISIN') ], output => [
            pair('IBM.N', 'RIC'), pair('459200101', 'CUSIP') ] },
        { input => [ pair('GB00BH4HKS39', 'ISIN') ], output => [
            pair('VOD.L', 'RIC'), pair('VOD.DE', 'RIC'),
            pair('BH4HKS3', 'SEDOL') ] },
        { input => [ pair('US0378331005', 'ISIN') ], output => [
            pair('037833100', 'CUSIP') ] },
        { input => [ pair('MSFT.O', 'RIC') ], output => [
            pair('US5949181046', 'ISIN') ] } ] })),
    'stored|3|0|1|0|2|', 'looked up by another name than a RIC');
is(reasons(), 'missing_field 2, bad_identifier 3',
    'one without a RIC, one with a wrong check digit');
is($pg->psql("SELECT string_agg(symbol || ' ' || scheme || ' ' || value, ', '
    ORDER BY symbol, scheme) FROM instrument_identifier JOIN instrument i ON
    i.id = instrument_id WHERE symbol NOT LIKE 'MSFT%'"),
    'IBM.N CUSIP 459200101, IBM.N ISIN US4592001014, '
    . 'IBM.N LEI VGRQXHF3J8VDLUA7XE92, IBM.N TICKER IBM, '
    . 'VOD.DE ISIN GB00BH4HKS39, VOD.L ISIN GB00BH4HKS39',
    'each at its RIC');
is(lseg('symbology', { identifiers => 'IBM.N' }, '2021-11-28T00:00:00Z',
    $json->encode({ data => [ { input => [ pair('IBM.N', 'RIC') ],
        output => [ pair('BIG', 'ExchangeTicker') ] } ] })),
    'stored|0|1|0|0|0|', 'a name that changed');
is($pg->psql("SELECT value, superseded_at FROM instrument_identifier_history"),
    'IBM|2021-11-28 00:00:00+00', 'is history');
is(lseg('search', { keywords => 'apple' }, $at, fixture('lseg-search.json')),
    'stored|8|0|0|0|1|', 'instruments with their names');

for ([ '[{"universe":{"ric":"X"},"status":{"code":"TS.Interday.'
        . 'UserRequestError.70005","message":"The universe is not found."}}]',
        'not_found' ],
    [ '{"error":{"code":"401","message":"token expired"}}', 'auth' ],
    [ '<html><body>Bad Gateway</body></html>', 'upstream' ])
{
    my ($body, $class) = @$_;
    is(lseg('interday', { identifiers => 'X', interval => 'daily' }, $at,
        $body), 'rejected|0|0|0|0|1|provider_error', "an error: $class");
    like($pg->psql('SELECT detail FROM reject ORDER BY id DESC LIMIT 1'),
        qr/^$class: /, 'judged as its provider means it');
}

# ---- Bloomberg

sub bloomberg { outcome('bloomberg', @_) }
my $two = { identifiers => 'IBM US Equity,AAPL US Equity' };
is(bloomberg('bridge_history', $two, '2012-01-06T00:00:00Z',
    fixture('bloomberg-bridge_history.json')), 'stored|12|0|0|0|0|',
    'figures of days, of two');
is($pg->psql("SELECT symbol, a.symbol FROM instrument i JOIN instrument_alias a
    ON a.instrument_id = i.id WHERE a.source = 3 ORDER BY id" =~
    s/SELECT symbol/SELECT i.symbol/r),
    "IBM_US_EQUITY|IBM US EQUITY\nAAPL_US_EQUITY|AAPL US EQUITY",
    'whose symbols have no blanks');
my ($event) = grep { $_->{kind} eq 'fundamentals' && $_->{provider} eq
    'bloomberg' } $pr->published('valid.records');
is_deeply([ sort @{ $event->{symbols} } ], [ 'AAPL US EQUITY',
    'IBM US EQUITY' ], 'told of as their provider names them');

my $full = $json->encode({ data => [ map { my $name = $_; { securityData => {
    security => $name, fieldData => [ map { { date => "2012-01-0$_",
        PX_OPEN => 10, PX_HIGH => 12, PX_LOW => 9, PX_LAST => $_ == 5 ? 9 * 2
        / 3 + 4 : 11, PX_VOLUME => 1000, EQY_WEIGHTED_AVG_PX => 10.5 } }
        3 .. 5 ] } } } 'IBM US Equity', 'AAPL US Equity' ], status => 0 });
is(bloomberg('bridge_history', $two, '2012-01-06T00:00:00Z', $full),
    'stored|12|0|0|0|0|', 'bars of two, and what else there is');
is($pg->psql("SELECT count(DISTINCT instrument_id), count(*) FROM bar WHERE
    source = 3"), '2|6', 'each has its own');
is(bloomberg('bridge_history', { %$two, currency => 'EUR' },
    '2012-01-07T00:00:00Z', $full), 'stored|6|0|0|0|1|',
    'in a currency that was asked for: no bars');
is(reasons(), 'converted_prices -1', 'which is said');
is($pg->psql("SELECT string_agg(DISTINCT unit, ',' ORDER BY unit) FROM
    fundamental WHERE field = 'EQY_WEIGHTED_AVG_PX'"), ',EUR',
    'figures have the currency');
is(bloomberg('bridge_history', { %$two, interval => 'weekly' },
    '2012-01-07T00:00:00Z', $full), 'stored|6|0|0|0|1|',
    'of weeks, which may end at any day: no bars');
is(reasons(), 'unknown_interval -1', 'which is said, too');
is($pg->psql("SELECT string_agg(DISTINCT period, ',' ORDER BY period) FROM
    fundamental WHERE field = 'EQY_WEIGHTED_AVG_PX' AND unit = ''"),
    '2012-01-03,2012-01-04,2012-01-05,weekly 2012-01-03,weekly 2012-01-04,'
    . 'weekly 2012-01-05', 'figures say of what they are');
is(bloomberg('bridge_history', { %$two, interval => 'daily' },
    '2012-01-07T00:00:00Z', $full), 'stored|0|0|12|0|0|', 'of days');
is(bloomberg('bridge_history', { identifiers => 'IBM US Equity' },
    '2012-01-08T00:00:00Z', $full), 'stored|0|0|6|0|6|',
    'one that was not asked for');
is(bloomberg('bridge_reference', $two, '2015-01-01T00:00:00Z',
    fixture('bloomberg-bridge_reference.json')), 'stored|6|2|0|0|0|',
    'figures without a day');
is(bloomberg('bridge_reference', $two, '2015-01-01T01:00:00Z',
    $json->encode({ securityData => [ map { { security => $_->[0],
        fieldData => { ID_ISIN => $_->[1], ID_BB_GLOBAL => $_->[2],
        CRNCY => 'USD', EXCH_CODE => 'US', COUNTRY_ISO => 'US',
        ID_SEDOL1 => undef, GICS_SECTOR_NAME => 'IT' } } }
    [ 'IBM US Equity', 'US4592001014', 'BBG000BLNNH6' ],
    [ 'AAPL US Equity', 'US0378331006', 'BBG000B9XRY4' ] ] })),
    'stored|17|2|0|0|1|', 'names and descriptions of two');
is(reasons(), 'bad_identifier 12', 'one of another check digit');
is($pg->psql("SELECT i.symbol, name, currency, exchange, country, sector,
    string_agg(scheme || ' ' || value, ',' ORDER BY scheme) FROM instrument i
    JOIN instrument_identifier d ON d.instrument_id = i.id AND d.source = 3
    GROUP BY i.id ORDER BY i.id"),
    "IBM_US_EQUITY|INTL BUSINESS MACHINES CORP|USD|US|US|IT|"
    . "FIGI BBG000BLNNH6,ISIN US4592001014\n"
    . 'AAPL_US_EQUITY|APPLE INC|USD|US|US|IT|FIGI BBG000B9XRY4',
    'whom they are known to be');
is(bloomberg('bridge_reference', { identifiers => 'IBM US Equity' },
    '2015-01-02T00:00:00Z', $json->encode({ securityData => [ {
        security => 'IBM US Equity', fieldData => { DVD_HIST => [
            { 'Ex-Date' => '2014-11-06', Amount => 1.1 },
            { 'Ex-Date' => '2014-08-06', Amount => 1.1 } ] } } ] })),
    'stored|4|0|0|0|0|', 'a table');
is($pg->psql("SELECT field, period, value FROM fundamental WHERE field LIKE
    'DVD_HIST.%' ORDER BY 1, 2"), "DVD_HIST.Amount|row 1|1.1\n"
    . "DVD_HIST.Amount|row 2|1.1\nDVD_HIST.Ex-Date|row 1|2014-11-06\n"
    . 'DVD_HIST.Ex-Date|row 2|2014-08-06', 'by rows');

my $getdata = fixture('bloomberg-getdata.out');
my %indices = (identifiers => 'IBM US Equity,INDU Index');
is(bloomberg('reference', \%indices, '2015-01-03T00:00:00Z', $getdata),
    'stored|3|1|0|0|0|', 'a file');
open my $gzip, '-|', 'gzip', '-c', "$FindBin::Bin/fixtures/providers/"
    . 'bloomberg-getdata.out' or die $!;
my $packed = do { local $/; binmode $gzip; <$gzip> };
is(bloomberg('reference', \%indices, '2015-01-04T00:00:00Z', $packed),
    'stored|0|0|4|0|0|', 'the same, packed');
is(bloomberg('reference', \%indices, '2015-01-04T01:00:00Z',
    substr $packed, 0, 60), 'rejected|0|0|0|0|1|truncated', 'packed and cut');
is(bloomberg('reference', \%indices, '2015-01-04T02:00:00Z',
    substr $getdata, 0, 200), 'rejected|0|0|0|0|1|truncated',
    'a file without its end');
is(bloomberg('history', { identifiers => 'SPX Index,120421Q FP Equity' },
    '2015-06-05T00:00:00Z', fixture('bloomberg-gethistory.out')),
    'stored|18|0|0|0|0|', 'a history without closes is figures');
my $table = "DL_REQUEST_ID,IDENTIFIER,RC,DATE,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,"
    . "PX_VOLUME\n" . join '', map { "r1,SPX Index,0,2015-06-0$_,1,2,0.5,1.5,7\n"
    . "r1,NOPE Index,10,2015-06-0$_,,,,,\n" } 1 .. 3;
is(bloomberg('history', { identifiers => 'SPX Index,NOPE Index' },
    '2015-06-06T00:00:00Z', $table), 'stored|3|0|0|0|3|',
    'a table; a security that is not known');
is($pg->psql("SELECT count(*) FROM bar b JOIN instrument i ON i.id =
    instrument_id WHERE i.symbol = 'SPX_INDEX'"), '3', 'bars');
is(bloomberg('bridge_history', $two, '2015-06-07T00:00:00Z', $json->encode({
    responseError => { category => 'LIMIT', code => 5, message => 'no more',
        subcategory => 'DAILY_LIMIT_REACHED' } })),
    'rejected|0|0|0|0|1|provider_error', 'a limit');
like($pg->psql('SELECT detail FROM reject ORDER BY id DESC LIMIT 1'),
    qr/^limit_long: /, 'of its own class');

# ---- S&P

sub spglobal { outcome('spglobal', @_) }
my %ibm = (identifiers => 'IBM:NYSE');
is(spglobal('values', { %ibm, fields => 'IQ_TOTAL_REV', period => 'IQ_FY',
    currency => 'USD' }, $at, fixture('spglobal-values.json')),
    'stored|1|0|0|0|0|', 'a value');
is($pg->psql("SELECT i.symbol, field, period, unit, value FROM fundamental f
    JOIN instrument i ON i.id = instrument_id WHERE f.source = 5"),
    'IBM:NYSE|IQ_TOTAL_REV|IQ_FY|USD|77147.000000', 'in its currency');
is(spglobal('series', { %ibm, fields => 'IQ_MARKETCAP', start => '2018-01-01',
    end => '2018-06-01' }, $at, fixture('spglobal-series.json')),
    'stored|5|0|0|0|1|', 'a series');
is(reasons(), 'short_page -1', 'that announces more rows than it has');
is($pg->psql("SELECT period, value FROM fundamental WHERE field =
    'IQ_MARKETCAP' ORDER BY 1 LIMIT 1"), '2018-01-31|151552.048579',
    'by its days, months first');
is(spglobal('history', { %ibm, fields => 'IQ_EBITDA', period => 'IQ_LTM' },
    $at, fixture('spglobal-history.json')), 'rejected|0|0|0|0|5|ambiguous',
    'periods that nothing tells apart');
is(spglobal('values', { %ibm, fields => 'IQ_EBITDA' }, $at,
    fixture('spglobal-values.json')), 'rejected|0|0|0|0|1|item_mismatch',
    'another item than was asked for');
is(spglobal('values', \%ibm, $at, fixture('spglobal-values.json')),
    'rejected|0|0|0|0|1|item_mismatch', 'a request that names none');
is(spglobal('values', { %ibm, fields => 'IQ_TOTAL_REV' }, $at,
    fixture('spglobal-limit.json')), 'rejected|0|0|0|0|1|provider_error',
    'a limit');

# ---- the World Bank's lists

sub worldbank { outcome('worldbank', @_) }
my $countries = fixture('worldbank-countries.json');
is(worldbank('countries', { page => '1', per_page => '400' }, $at,
    $countries), 'stored|4|0|0|0|0|', 'countries');
is($pg->psql('SELECT code, name, iso2, aggregate, region_code, income_level,
    capital, latitude FROM macro_country ORDER BY 1'),
    "AFG|Afghanistan|AF|f|SAS|Low income|Kabul|34.5228\n"
    . "ARB|Arab World|1A|t|NA|Aggregates||\n"
    . "FRA|France|FR|f|ECS|High income|Paris|48.8566\n"
    . 'HIC|High income|XD|t|NA|Aggregates||', 'and groups of them');
is(worldbank('countries', { page => '1' }, '2022-01-01T00:00:00Z',
    $countries =~ s/"Low income"/"Lower middle income"/r),
    'stored|0|1|3|0|0|', 'one rose');
is($pg->psql('SELECT code, income_level, superseded_at FROM
    macro_country_history'), 'AFG|Low income|2022-01-01 00:00:00+00',
    'what it was');
is(worldbank('indicators', {}, $at, '[{"page":1,"pages":1,"per_page":"50",'
    . '"total":1},[{"id":"AG.AGR.TRAC.NO","name":"Tractors","unit":"",'
    . '"source":{"id":"2","value":"Indicators"},"sourceNote":"A note",'
    . '"sourceOrganization":"Somebody","topics":[{"id":"1","value":"Farms"},'
    . '{"id":"11","value":"Poverty"}]}]]'), 'stored|1|0|0|0|0|', 'indicators');
is($pg->psql('SELECT code, name, unit, database_code, topic_codes, topics FROM
    macro_indicator'), 'AG.AGR.TRAC.NO|Tractors||2|1;11|Farms;Poverty',
    'with their topics');
is(worldbank('sources', {}, $at, '[{"page":1,"pages":1,"per_page":"50",'
    . '"total":2},[{"id":"2","lastupdated":"2024-05-30","name":"Indicators",'
    . '"code":"WDI","description":"","url":"","dataavailability":"Y",'
    . '"metadataavailability":"Y","concepts":"3"},{"id":"3","lastupdated":"",'
    . '"name":"Governance","code":"WGI","description":"","url":"",'
    . '"dataavailability":"Y","metadataavailability":"N","concepts":"x"}]]'),
    'stored|2|0|0|0|1|', 'databases');
is($pg->psql('SELECT code, short, updated, concepts FROM macro_database ORDER
    BY 1'), "2|WDI|2024-05-30|3\n3|WGI||", 'and when they changed');
my %group = (topics => '"id":"21","value":"Trade","sourceNote":"A note"',
    regions => '"id":"","code":"AFE","iso2code":"ZH","name":"Africa East"',
    income_levels => '"id":"HIC","iso2code":"XD","value":"High income"',
    lending_types => '"id":"IBD","iso2code":"XF","value":"IBRD"');
for (sort keys %group) {
    is(worldbank($_, {}, $at, '[{"page":"1","pages":"1","per_page":"50",'
        . "\"total\":\"1\"},[{$group{$_}}]]"), 'stored|1|0|0|0|0|', $_);
}
is($pg->psql('SELECT list, code, name, iso2, note FROM macro_group ORDER BY 1'),
    "income_levels|HIC|High income|XD|\nlending_types|IBD|IBRD|XF|\n"
    . "regions|AFE|Africa East|ZH|\ntopics|21|Trade||A note", 'the groups');
is(worldbank('topics', {}, $at, $countries),
    'rejected|0|0|0|0|1|unknown_shape', 'rows of another list');
is((grep { $_->{kind} eq 'lists' } $pr->published('valid.records'))[0]{lists}[0],
    'countries', 'lists are told of by name');

# ---- news

sub item {
    my (%o) = (title => 'One', url => 'https://example.com/1', time =>
        '20260517T110100', tickers => { AAPL => [ 0.8, 0.2 ] }, @_);

    return { title => $o{title}, url => $o{url}, time_published => $o{time},
        summary => "About $o{title}", source => 'Example',
        overall_sentiment_score => $o{score} // 0.1, ticker_sentiment => [ map {
            { ticker => $_, relevance_score => "$o{tickers}{$_}[0]",
                ticker_sentiment_score => "$o{tickers}{$_}[1]" } }
            sort keys %{ $o{tickers} } ] };
}
sub news {
    my ($when, @items) = @_;
    return outcome('alphavantage', 'news', { symbols => 'AAPL' }, $when,
        $json->encode({ items => scalar(@items), feed => \@items }));
}
my @items = (item(), item(title => 'Two', url => 'https://example.com/2',
    tickers => { AAPL => [ 1, -0.5 ], 'CRYPTO:BTC' => [ 0.3, 0 ] }));
is(news('2026-05-17T12:00:00Z', @items), 'stored|2|0|0|0|0|', 'two items');
is(news('2026-05-17T13:00:00Z', reverse @items), 'stored|0|0|2|0|0|',
    'the same in another order');
is($pg->psql('SELECT id, ts, title, publisher, sentiment FROM news ORDER BY 1'),
    "1|2026-05-17 11:01:00+00|One|Example|0.1\n"
    . '2|2026-05-17 11:01:00+00|Two|Example|0.1', 'by their URL');
is($pg->psql('SELECT news_id, symbol, relevance, sentiment FROM news_mention
    ORDER BY 1, 2'), "1|AAPL|0.8|0.2\n2|AAPL|1|-0.5\n2|CRYPTO:BTC|0.3|0",
    'and whom they are about');
is($pg->psql("SELECT count(*) FROM instrument WHERE symbol LIKE 'CRYPTO%'"),
    '0', 'which makes nobody known');
is(news('2026-05-17T14:00:00Z', item(title => 'One, corrected'),
    item(title => 'Three', url => 'https://example.com/3', tickers => {})),
    'stored|1|1|0|0|0|', 'a correction, and one about nobody');
is($pg->psql('SELECT title, superseded_at FROM news_history'),
    'One|2026-05-17 14:00:00+00', 'what was said first');
is(news('2026-05-17T15:00:00Z', item(title => 'One, corrected', tickers =>
    { AAPL => [ 0.8, 0.3 ], IBM => [ 0.1, 0 ] })), 'stored|0|0|1|0|0|',
    'another score');
is((grep { $_->{kind} eq 'news' } $pr->published('valid.records'))[-1]{symbols}[1],
    'IBM', 'is told');
is(news('2026-05-17T11:00:00Z', item(), item(url => 'javascript:x'),
    item(url => 'http://example.com/4', time => '20260517T120001'),
    item(url => 'http://example.com/5', score => 2)),
    'stored|0|0|1|0|3|', 'known earlier; and what is none');
is(reasons(), 'bad_url 1, future_time 2, out_of_scale 3', 'for what reasons');
is((grep { @{ $_->{symbols} } == 0 } grep { $_->{kind} eq 'news' }
    $pr->published('valid.records')) + 0, 0, 'each event names somebody');
is(news('2026-05-17T16:00:00Z', item(title => 'Four', tickers => {},
    url => 'https://example.com/6')), 'stored|1|0|0|0|0|', 'about nobody');
is_deeply((grep { $_->{kind} eq 'news' } $pr->published('valid.records'))[-1]
    {symbols}, [], 'is told of, too');

# ---- damage of all kinds

srand 11;
my $raw_ticks = $ticks =~ s/"quote"/"trade"/gr;
my @kinds = (
    [ 'lseg', 'interday', { identifiers => 'VOD.L' }, $raw ],
    [ 'lseg', 'intraday', { identifiers => 'AMD.X', interval => '1min' },
        $minutes ],
    [ 'lseg', 'ticks', { identifiers => 'VOD.L' }, $ticks ],
    [ 'lseg', 'ticks', {}, $raw_ticks ],
    [ 'lseg', 'esg', {}, fixture('lseg-esg-IBM.N.json') ],
    [ 'lseg', 'symbology', {}, fixture('lseg-symbology.json') ],
    [ 'lseg', 'search', {}, fixture('lseg-search.json') ],
    [ 'bloomberg', 'bridge_history', {}, $full ],
    [ 'bloomberg', 'bridge_reference', {},
        fixture('bloomberg-bridge_reference.json') ],
    [ 'bloomberg', 'reference', {}, $getdata ],
    [ 'bloomberg', 'reference', {}, $packed ],
    [ 'bloomberg', 'history', {}, $table ],
    [ 'spglobal', 'series', { %ibm, fields => 'IQ_MARKETCAP' },
        fixture('spglobal-series.json') ],
    [ 'worldbank', 'countries', {}, $countries ],
    [ 'alphavantage', 'news', {}, $json->encode({ items => 2,
        feed => \@items }) ],
);
my @damaged;
for my $n (0 .. 299) {
    my ($provider, $dataset, $args, $text) = @{ $kinds[$n % @kinds] };
    substr($text, rand length $text, 1) = chr rand 256 for 0 .. rand 4;
    push @damaged, $pr->store($provider, $dataset, $args,
        '2026-08-01T00:00:00Z', $text);
}
$pr->publish(splice @damaged, 0, 100) while @damaged;
ok($pr->drained(60), 'damaged payloads are consumed');
is($pg->psql("SELECT count(*) FROM raw_object WHERE
    fetched_at = '2026-08-01'"), '300', 'each is accounted for');

# ---- all of it again

my @tables = qw/ bar quote trade fundamental instrument_identifier news
    news_mention macro_country macro_indicator macro_database macro_group
    instrument /;
sub digest {
    return join ' ', map { $pg->psql("SELECT count(*) || '/' ||
        coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '')
        FROM $_ t") } @tables, map { "${_}_history" }
        grep { $_ ne 'instrument' } @tables;
}
my $want = digest();
my $told = $pr->published('valid.records');
my @events = $pr->events();
$pr->publish(splice @events, 0, 100) while @events;
ok($pr->drained(60), 'all payloads once more');
is(digest(), $want, 'change nothing');
is(scalar(my @now = $pr->published('valid.records')), $told, 'tell nothing');
is($pg->psql("SELECT count(*) FROM raw_object WHERE outcome = 'error'"), '0',
    'no errors');

unlike($pr->log(), qr/Sanitizer|runtime error/, 'no sanitizer errors');
is($pr->down(), 0, 'a clean end');

done_testing();
