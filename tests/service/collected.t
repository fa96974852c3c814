#!/usr/bin/perl

# All the way: what each data set of each provider answers, as it is asked
# for, becomes rows.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Accounts qw/ account nowhere /;
use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Processing;
use Wizdata::Sim::AlphaVantage;
use Wizdata::Sim::Blpapi;
use Wizdata::Sim::Bloomberg;
use Wizdata::Sim::CapitalIq;
use Wizdata::Sim::Lseg;
use Wizdata::Sim::WorldBank;

my $pg = Wizdata::Postgres->start();
my @sims = (Wizdata::Sim::AlphaVantage->start(today => '2026-05-16'),
    Wizdata::Sim::WorldBank->start(),
    Wizdata::Sim::Bloomberg->start(polls => 1), Wizdata::Sim::Blpapi->start(
        split => { 'IBM US Equity' => [ '2024-01-16', 4 ] }),
    Wizdata::Sim::Lseg->start(any => 1), Wizdata::Sim::CapitalIq->start());
my $in = Wizdata::Ingestion->start($pg, url => nowhere(),
    (map { account($_) } @sims), WIZDATA_WORLDBANK_PER_PAGE => 50);
my $pr = Wizdata::Processing->start($pg, lake => $in->{lake});

# What the objects of a job became: outcome, reasons, which tables grew.
my @TABLES = qw/ bar quote trade corporate_action fundamental observation
    instrument_identifier news macro_country macro_indicator macro_database
    macro_group /;
sub sizes {
    return map { $_ => $pg->psql("SELECT count(*) FROM $_") } @TABLES;
}
sub collected {
    my ($provider, $dataset, %args) = @_;

    my %before = sizes();
    my $seen = $pg->psql('SELECT coalesce(max(id), 0) FROM raw_object');
    my $job = $in->wait_job(scalar $in->run($provider, $dataset, %args));
    my $end = ($in->manifest())[-1]{seq};
    $in->wait_for(sub { $pg->psql("SELECT count(*) FROM raw_object WHERE
        id <= $end") == $end }) or diag('not processed');
    my %after = sizes();
    my $outcomes = $pg->psql("SELECT string_agg(DISTINCT outcome, ' ' ORDER BY
        outcome) FROM raw_object WHERE id > $seen");
    my $why = $pg->psql("SELECT string_agg(DISTINCT reason, ' ' ORDER BY
        reason) FROM reject WHERE raw_id > $seen");
    return join '; ', grep { length } $job->{status}, $outcomes, $why,
        join ' ', grep { $after{$_} > $before{$_} } @TABLES;
}

my %days = (start => '2024-01-02', end => '2024-01-31');
my %month = (start => '2024-01-01', end => '2024-01-31');
my %us = (identifiers => 'IBM US Equity,AAPL US Equity');
my %prices = (fields => 'PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME');
my %gdp = (indicator => 'NY.GDP.MKTP.CD', country => 'FRA');
my %vod = (identifiers => 'VOD.L');
my %ibm = (identifiers => 'IBM:NYSE');
my %msft = (identifiers => 'MSFT:NasdaqGS');
for (
    [ alphavantage => 'daily_adjusted', { symbol => 'IBM' },
        'bar corporate_action' ],
    [ alphavantage => 'news', { symbols => 'IBM' }, 'news' ],
    [ worldbank => 'countries', {}, 'macro_country' ],
    [ worldbank => 'indicators', {}, 'macro_indicator' ],
    [ worldbank => 'sources', {}, 'macro_database' ],
    [ worldbank => 'topics', {}, 'macro_group' ],
    [ worldbank => 'regions', {}, 'macro_group' ],
    [ worldbank => 'income_levels', {}, 'macro_group' ],
    # that of groups has no code
    [ worldbank => 'lending_types', {}, 'bad_symbol; macro_group' ],
    [ worldbank => 'indicator', \%gdp, 'observation' ],
    [ bloomberg => 'history', { %us, %days, %prices }, 'bar' ],
    [ bloomberg => 'reference', { %us, fields => 'NAME,ID_ISIN' },
        'fundamental' ],
    [ bloomberg => 'bridge_history', { %us, %days, %prices }, 'bar' ],
    [ bloomberg => 'bridge_reference', { %us, fields => 'NAME,PX_LAST' },
        'fundamental' ],
    [ lseg => 'interday', { %vod, %days }, 'bar' ],
    # whose ends are those of a month, and not of a week
    [ lseg => 'interday', { %vod, %month, interval => 'weekly' },
        'partial_period; bar' ],
    [ lseg => 'interday', { %vod, %month, interval => 'monthly' }, 'bar' ],
    [ lseg => 'interday', { identifiers => 'GBP=', start => '2022-06-01',
        end => '2022-06-30' }, 'quote' ],
    [ lseg => 'intraday', { %vod, interval => '1min', start => '2024-01-30',
        end => '2024-01-31' }, 'bar' ],
    [ lseg => 'ticks', { %vod, start => '2024-01-30', end => '2024-01-30' },
        'quote trade' ],
    [ lseg => 'esg', { identifiers => 'IBM.N' }, 'fundamental' ],
    [ lseg => 'esg', { identifiers => 'IBM.N', view => 'scores_full' },
        'fundamental' ],
    [ lseg => 'symbology', { identifiers => 'IBM.N,US0378331005' },
        'instrument_identifier' ],
    [ lseg => 'search', { keywords => 'ibm' }, 'instrument_identifier' ],
    [ spglobal => 'values', { %ibm, fields => 'IQ_TOTAL_REV,IQ_EBITDA',
        period => 'IQ_FY' }, 'fundamental' ],
    [ spglobal => 'history', { %msft, fields => 'IQ_EBITDA',
        period => 'IQ_FY' }, 'fundamental' ],
    # says that there are more rows than come
    [ spglobal => 'series', { %msft, %days, fields => 'IQ_MARKETCAP',
        interval => 'weekly' }, 'short_page; fundamental' ],
    [ spglobal => 'esg', { %msft, fields => 'IQ_ESG_SCORE' }, 'fundamental' ],
) {
    my ($provider, $dataset, $args, $want) = @$_;
    is(collected($provider, $dataset, %$args), "done; stored; $want",
        join ' ', $provider, $dataset, map { $args->{$_} // () }
            qw/ interval view /);
    is($pg->psql("SELECT max(close) < 2 * min(close) FROM bar JOIN instrument i
        ON i.id = instrument_id WHERE i.symbol = 'IBM_US_EQUITY'"), 't',
        'as they were traded, and not divided by the split')
        if $dataset eq 'bridge_history';
    # Another way to the same rows must find room for them.
    $pg->psql('DELETE FROM bar; DELETE FROM fundamental');
}
is($pg->psql("SELECT count(*) FROM trade WHERE seq > 0"),
    $pg->psql('SELECT count(*) FROM trade'), 'trades have their numbers');
is($pg->psql('SELECT count(*) FROM trade_history'), '0',
    'pages that overlap correct nothing');

is($in->down(), 0, 'the ingestion ends');
is($pr->down(), 0, 'the processing ends');
$_->stop() for @sims;
done_testing();
