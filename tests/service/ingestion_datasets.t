#!/usr/bin/perl

# Alpha Vantage's data sets: what each asks the provider for, with which
# arguments, and which it refuses.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Provider;

my $pg = Wizdata::Postgres->start();
my $av = Wizdata::Provider->start();
my $in = Wizdata::Ingestion->start($pg, url => $av->url('ok'));

my @PAIR = (from_symbol => 'EUR', to_symbol => 'USD');
my @COIN = (symbol => 'BTC', market => 'EUR');

for my $case (
    [ daily => [ symbol => 'IBM' ],
        'TIME_SERIES_DAILY&outputsize=compact&symbol=IBM' ],
    [ daily_adjusted => [ symbol => 'IBM', outputsize => 'full' ],
        'TIME_SERIES_DAILY_ADJUSTED&outputsize=full&symbol=IBM' ],
    [ weekly => [ symbol => 'IBM' ], 'TIME_SERIES_WEEKLY&symbol=IBM' ],
    [ weekly_adjusted => [ symbol => 'IBM' ],
        'TIME_SERIES_WEEKLY_ADJUSTED&symbol=IBM' ],
    [ monthly => [ symbol => 'IBM' ], 'TIME_SERIES_MONTHLY&symbol=IBM' ],
    [ monthly_adjusted => [ symbol => 'brk.b' ],
        'TIME_SERIES_MONTHLY_ADJUSTED&symbol=BRK.B' ],
    [ fx_daily => [@PAIR],
        'FX_DAILY&from_symbol=EUR&outputsize=compact&to_symbol=USD' ],
    [ fx_weekly => [@PAIR], 'FX_WEEKLY&from_symbol=EUR&to_symbol=USD' ],
    [ fx_monthly => [@PAIR], 'FX_MONTHLY&from_symbol=EUR&to_symbol=USD' ],
    [ fx_intraday => [ @PAIR, interval => '5min' ], 'FX_INTRADAY&from_symbol='
        . 'EUR&interval=5min&outputsize=compact&to_symbol=USD' ],
    [ crypto_daily => [@COIN], 'DIGITAL_CURRENCY_DAILY&market=EUR&symbol=BTC' ],
    [ crypto_weekly => [@COIN],
        'DIGITAL_CURRENCY_WEEKLY&market=EUR&symbol=BTC' ],
    [ crypto_monthly => [@COIN],
        'DIGITAL_CURRENCY_MONTHLY&market=EUR&symbol=BTC' ],
    [ crypto_intraday => [ @COIN, interval => '60min' ], 'CRYPTO_INTRADAY'
        . '&interval=60min&market=EUR&outputsize=compact&symbol=BTC' ],
    [ rate => [@PAIR],
        'CURRENCY_EXCHANGE_RATE&from_currency=EUR&to_currency=USD' ],
    [ bulk_quotes => [ symbols => 'msft,IBM' ],
        'REALTIME_BULK_QUOTES&symbol=MSFT%2CIBM' ],
    [ listing => [ state => 'delisted' ], 'LISTING_STATUS&state=delisted', '' ],
    [ listing => [], 'LISTING_STATUS', '' ],
    (map { [ lc $_ => [ symbol => 'IBM' ], "$_&symbol=IBM" ] } qw/
        INCOME_STATEMENT BALANCE_SHEET CASH_FLOW EARNINGS DIVIDENDS SPLITS /),
    [ economy => [ indicator => 'cpi' ], 'CPI' ],
    [ economy => [ indicator => 'REAL_GDP', interval => 'quarterly' ],
        'REAL_GDP&interval=quarterly' ],
    [ economy => [ indicator => 'TREASURY_YIELD', interval => 'daily',
        maturity => '10year' ],
        'TREASURY_YIELD&interval=daily&maturity=10year' ],
) {
    my ($dataset, $args, $query, $type) = @$case;
    my $job = $in->wait_job(scalar $in->run('alphavantage', $dataset, @$args));
    is($job->{status}, 'done', "$dataset is collected");
    $type //= '&datatype=json';
    my ($asked) = ($av->requests())[-1] =~ m{/query\?function=(\S+)&apikey=};
    is($asked, "$query$type", 'asked for');
}

for my $case (
    [ interval => 'intraday', symbol => 'IBM', interval => 'daily' ],
    [ interval => 'fx_intraday', @PAIR, interval => 'monthly' ],
    [ interval => 'crypto_intraday', @COIN ],
    [ market => 'crypto_daily', symbol => 'BTC' ],
    [ market => 'crypto_daily', symbol => 'BTC', market => 'E' ],
    [ to_symbol => 'rate', from_symbol => 'EUR' ],
    [ symbols => 'bulk_quotes' ],
    [ symbols => 'bulk_quotes', symbols => 'A,,B' ],
    [ symbols => 'bulk_quotes', symbols => join ',', ('A') x 101 ],
    [ state => 'listing', state => 'dead' ],
    [ symbol => 'listing', symbol => 'IBM' ],
    [ indicator => 'economy' ],
    [ indicator => 'economy', indicator => 'GDP' ],
    [ interval => 'economy', indicator => 'CPI', interval => 'daily' ],
    [ interval => 'economy', indicator => 'CPI', interval => '5min' ],
    [ maturity => 'economy', indicator => 'CPI', maturity => '10year' ],
    [ maturity => 'economy', indicator => 'TREASURY_YIELD',
        maturity => '1year' ],
    [ outputsize => 'weekly', symbol => 'IBM', outputsize => 'full' ],
) {
    my ($param, $dataset, %args) = @$case;
    my $error = $in->c->error('ingest.run', { provider => 'alphavantage',
        dataset => $dataset, %args });
    is($error->[2]{param}, $param, join ' ', "refused: $dataset", %args)
        or diag(explain($error));
}

$in->down();
done_testing();
