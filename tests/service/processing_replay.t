#!/usr/bin/perl

# A lake replayed into an empty database gives the same database, row by row;
# replayed into the one that it made, it changes nothing; and so when the
# process is killed on the way.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Cwd qw/ abs_path /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::Postgres;
use Wizdata::Processing;

my $market = abs_path("$FindBin::Bin/../../dev/market");
my @tables = qw/ raw_object instrument instrument_alias fundamental
    fundamental_history bar bar_history corporate_action
    corporate_action_history quote quote_history macro_series observation
    observation_history trade trade_history instrument_identifier
    instrument_identifier_history news news_history news_mention
    news_mention_history macro_country macro_country_history macro_indicator
    macro_database macro_group reject /;

sub slurp {
    open my $f, '-|', 'gzip', '-dc', "$market/$_[0]" or die "$_[0]: $!";
    local $/;
    return scalar <$f>;
}

sub fixture {
    open my $f, '<', "$FindBin::Bin/fixtures/providers/$_[0]" or die "$_[0]: $!";
    local $/;
    return scalar <$f>;
}

# Of all rows, in an order of their own.
sub digest {
    my ($pg) = @_;

    return { map { $_ => $pg->psql("SELECT count(*) || ' ' ||
        coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '')
        FROM $_ t") } @tables };
}

my $first = Wizdata::Postgres->start();
my $pr = Wizdata::Processing->start($first);

# ---- a lake: every data set, and the same series as it became known

my $day = 0;
sub at { sprintf '2024-%02d-%02dT21:00:00Z', 1 + $day / 28, 1 + $day++ % 28 }
sub put { $pr->store($_[0], $_[1], $_[2], at(), $_[3]) }

my $ibm = slurp('alphavantage/TIME_SERIES_DAILY/IBM.compact.json.gz');
for my $symbol (qw/ IBM AAPL SPY /) {
    for (qw/ compact full /) {
        my $body = slurp("alphavantage/TIME_SERIES_DAILY/$symbol.$_.json.gz");
        put('alphavantage', 'daily', { symbol => $symbol }, $body);
    }
    put('alphavantage', 'daily_adjusted', { symbol => $symbol },
        slurp("alphavantage/TIME_SERIES_DAILY_ADJUSTED/$symbol.full.json.gz"));
    put('alphavantage', 'quote', { symbol => $symbol },
        slurp("alphavantage/GLOBAL_QUOTE/$symbol.json.gz"));
}
put('alphavantage', 'overview', { symbol => 'IBM' },
    slurp('alphavantage/OVERVIEW/IBM.json.gz'));
put('alphavantage', 'search', { keywords => 'apple' },
    slurp('alphavantage/SYMBOL_SEARCH/apple.json.gz'));
put('alphavantage', 'fx_daily', { from_symbol => 'EUR', to_symbol => 'USD' },
    slurp('alphavantage/FX_DAILY/EURUSD.compact.csv.gz'));
put('alphavantage', 'fx_daily', { from_symbol => 'EUR', to_symbol => 'USD' },
    slurp('alphavantage/FX_DAILY/EURUSD.full.json.gz'));
put('worldbank', 'indicator', { indicator => 'FP.CPI.TOTL.ZG',
    country => 'all' },
    slurp("worldbank/FP.CPI.TOTL.ZG/all/any/1000.$_.json.gz")) for 1 .. 3;
put('alphavantage', 'daily', { symbol => 'IBM' },
    slurp("faults/$_.json.gz")) for qw/ badrows truncated /;

# Closes that change, and change back.
for my $cents (11, 22, 22, 0) {
    (my $body = $ibm) =~ s/("4\. close": "\d+\.\d)\d+"/$1$cents"/g
        if $cents;
    put('alphavantage', 'daily', { symbol => 'IBM' }, $body // $ibm);
}
(my $wb = slurp('worldbank/FP.CPI.TOTL.ZG/all/any/1000.1.json.gz'))
    =~ s/"value":(\d+)\.\d+/"value":$1.5/g;
put('worldbank', 'indicator', { indicator => 'FP.CPI.TOTL.ZG',
    country => 'all' }, $wb);

# Other providers, and what they correct.
my $ticks = fixture('lseg-ticks-VOD.L.json');
(my $trades = $ticks) =~ s/"quote",(\d+),"\d+",null,null,/"trade",$1,null,111.1,$1,/g;
for my $body ($ticks, $trades, $trades =~ s/,61168,null/,1,"5"/r,
    $trades =~ s/,61168,null,111\.1/,1,"5",112/r)
{
    put('lseg', 'ticks', { identifiers => 'VOD.L' }, $body);
}
my $frames = fixture('lseg-stream.ndjson');
put('lseg', 'stream', {}, $_) for $frames, $frames, $frames =~ s/1\.0567/1.0566/gr;
for my $body (fixture('lseg-symbology.json'),
    fixture('lseg-symbology.json') =~ s/"MSFT"/"MICRO"/r)
{
    put('lseg', 'symbology', { identifiers => 'IBM.N,MSFT.O' }, $body);
}
put('bloomberg', 'bridge_history', { identifiers =>
    'IBM US Equity,AAPL US Equity' }, fixture('bloomberg-bridge_history.json'));
put('bloomberg', 'reference', { identifiers => 'IBM US Equity,INDU Index' },
    fixture('bloomberg-getdata.out'));
put('spglobal', 'values', { identifiers => 'IBM:NYSE', fields =>
    'IQ_TOTAL_REV' }, fixture('spglobal-values.json'));
put('worldbank', 'countries', { page => '1' }, $_) for
    fixture('worldbank-countries.json'),
    fixture('worldbank-countries.json') =~ s/Low income/Another income/r;
put('alphavantage', 'news', { symbols => 'AAPL' }, '{"items":"1","feed":[{'
    . '"title":"' . $_ . '","url":"https://example.com/1","time_published":'
    . '"20230517T110100","ticker_sentiment":[{"ticker":"AAPL",'
    . '"relevance_score":"0.5","ticker_sentiment_score":"' . length($_) / 10
    . '"}]}]}') for qw/ One Three /;

my @events = $pr->events();
$pr->publish(@events);
ok($pr->drained(60), scalar(@events) . ' objects processed');
my $want = digest($first);
for (qw/ bar bar_history corporate_action quote fundamental observation
    observation_history trade trade_history instrument_identifier
    instrument_identifier_history news news_history news_mention_history
    macro_country_history reject /) {
    isnt((split / /, $want->{$_})[0], '0', "$_ has rows");
}
is($first->psql("SELECT count(*) FROM raw_object WHERE outcome = 'error'"),
    '0', 'no errors');

# ---- the same again

my $news = $pr->published('valid.records');
$pr->publish(@events);
ok($pr->drained(60), 'replayed into the same database');
is_deeply(digest($first), $want, 'nothing changed');
is(scalar(my @now = $pr->published('valid.records')), $news, 'nothing is told');
is($pr->down(), 0, 'a clean end');

# ---- an empty database

my $second = Wizdata::Postgres->start();
my $again = Wizdata::Processing->start($second, lake => $pr->lake());
$again->publish(@events);
ok($again->drained(60), 'replayed into an empty one');
is_deeply(digest($second), $want, 'the same database');
is($again->down(), 0, 'a clean end');

# ---- killed on the way, again and again

my $third = Wizdata::Postgres->start();
my $shot = Wizdata::Processing->start($third, lake => $pr->lake());
$shot->publish(@events);
for (1 .. 5) {
    my $had = $third->psql('SELECT count(*) FROM raw_object');
    my $end = time + 10;
    sleep 0.01 until time > $end
        || $third->psql('SELECT count(*) FROM raw_object') > $had
        || $shot->drained(0.01);
    $shot->down('KILL');
    $shot->up();
}
ok($shot->drained(60), 'all processed in spite of five kills');
is_deeply(digest($third), $want, 'the same database');

unlike($_->log(), qr/Sanitizer|runtime error/, 'no sanitizer errors')
    for $pr, $again, $shot;
$shot->down();

done_testing();
