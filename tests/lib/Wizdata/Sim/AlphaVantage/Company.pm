package Wizdata::Sim::AlphaVantage::Company;

# Companies, listings, markets and news of the simulated Alpha Vantage; see
# Wizdata::Sim::AlphaVantage::Prices for what a function returns.

use warnings;
use strict;

use Wizdata::Sim::Figures;
use Wizdata::Sim::Json;
use Wizdata::Sim::Series;

my %LINES = (
    INCOME_STATEMENT => [qw/ grossProfit totalRevenue costOfRevenue
        operatingIncome netIncome ebitda /],
    BALANCE_SHEET => [qw/ totalAssets totalCurrentAssets totalLiabilities
        totalShareholderEquity commonStockSharesOutstanding /],
    CASH_FLOW => [qw/ operatingCashflow capitalExpenditures
        cashflowFromInvestment cashflowFromFinancing dividendPayout /],
);

# Figures are texts, and "None" is none.
sub report {
    my ($symbol, $function, $end) = @_;

    return obj(fiscalDateEnding => $end, reportedCurrency => 'USD',
        map { my $h = hash_of($symbol, $function, $_, $end);
            $_ => $h % 10 ? $h . '000' : 'None' } @{ $LINES{$function} });
}

# Ends of quarters, newest first.
sub quarters {
    my ($self, $n) = @_;

    my ($year, $month) = split /-/, date($self->day_now());
    my $quarter = int(($month - 1) / 3);
    return map { my $q = $year * 4 + $quarter - $_ - 1;
        sprintf '%04d-%s', int($q / 4), (qw/ 03-31 06-30 09-30 12-31 /)[$q % 4]
    } 0 .. $n - 1;
}

sub statement {
    my ($self, $function, $q) = @_;

    my $symbol = $q->{symbol} // return;
    return { json => {} } if !$self->knows($symbol);
    my @ends = $self->quarters(20);
    return { json => obj(symbol => $symbol,
            annualReports => [ map { report($symbol, $function, $_) }
                    grep { /-12-31$/ } @ends ],
            quarterlyReports => [ map { report($symbol, $function, $_) }
                    @ends ]) };
}

sub earnings {
    my ($self, $function, $q) = @_;

    my $symbol = $q->{symbol} // return;
    return { json => {} } if !$self->knows($symbol);
    my @ends = $self->quarters(12);
    my $eps = sub { sprintf '%.2f', hash_of($symbol, @_) % 500 / 100 };
    return { json => obj(symbol => $symbol,
            annualEarnings => [ map { obj(fiscalDateEnding => $_,
                        reportedEPS => $eps->($_, 'year')) }
                    grep { /-12-31$/ } @ends ],
            quarterlyEarnings => [ map { obj(fiscalDateEnding => $_,
                        reportedDate => date(day($_) + 24),
                        reportedEPS => $eps->($_),
                        estimatedEPS => /-03-/ ? 'None' : $eps->($_, 'e'),
                        surprise => '0.01', surprisePercentage => '0.52',
                        reportTime => 'post-market') } @ends ]) };
}

sub dividends {
    my ($self, $function, $q) = @_;

    my $symbol = $q->{symbol} // return;
    my @names = qw/ ex_dividend_date declaration_date record_date payment_date
        amount /;
    my @rows = $symbol eq 'IBM' ? map { [ @{$_}{@names} ] }
        Wizdata::Sim::Figures::table('alphavantage-dividends-ibm') : ();
    return { json => obj(symbol => $symbol, data => [ map { my $row = $_;
                    obj(map { $names[$_] => $row->[$_] // 'None' }
                            0 .. $#names) } @rows ]),
        csv => [ \@names, @rows ] };
}

sub split_list {
    my ($self, $function, $q) = @_;

    my $symbol = $q->{symbol} // return;
    my ($day, $factor) = @{ $self->{splits}{$symbol} // [] };
    my @rows = defined $day ? [ $day, sprintf '%.4f', $factor ] : ();
    return { json => obj(symbol => $symbol, data => [ map { obj(
                    effective_date => $_->[0], split_factor => $_->[1]) }
                    @rows ]),
        csv => [ [qw/ effective_date split_factor /], @rows ] };
}

sub overview {
    my ($self, $function, $q) = @_;

    my $symbol = $q->{symbol} // return;
    return { json => {} } if !$self->knows($symbol);
    my $h = hash_of($symbol);
    return { json => obj(Symbol => $symbol, AssetType => 'Common Stock',
            Name => "Synthetic $symbol, \"Inc\"", Description => 'None',
            Exchange => 'NYSE', Currency => 'USD', Country => 'USA',
            Sector => 'TECHNOLOGY', FiscalYearEnd => 'December',
            LatestQuarter => ($self->quarters(1))[0],
            MarketCapitalization => $h . '0', EBITDA => 'None', PERatio => '-',
            EPS => sprintf('%.2f', $h % 900 / 100), DividendYield => '0',
            '52WeekHigh' => price($h % 40_000),
            SharesOutstanding => $h . '') };
}

sub etf {
    my ($self, $function, $q) = @_;

    return { json => {} } if ($q->{symbol} // '') !~ /^(QQQ|SPY)$/;
    return { json => obj(net_assets => '440300000000',
            net_expense_ratio => '0.0018', portfolio_turnover => 'n/a',
            dividend_yield => '0.0044', inception_date => '1999-03-10',
            leveraged => 'NO', sectors => [ obj(sector => 'TECHNOLOGY',
                    weight => '1.0') ], holdings => [ obj(symbol => 'MSFT',
                    description => 'SYNTHETIC', weight => '0.5') ]) };
}

sub search {
    my ($self, $function, $q) = @_;

    my $words = lc($q->{keywords} // '');
    return if !length $words;
    my @names = qw/ symbol name type region marketOpen marketClose timezone
        currency matchScore /;
    my @rows = map { [ $_, "Synthetic $_", 'Equity', 'United States', '09:30',
            '16:00', 'UTC-04', 'USD', lc eq $words ? '1.0000' : '0.5000' ] }
        grep { index(lc "$_ synthetic", $words) >= 0 }
        sort keys %{ $self->{symbols} };
    return { json => { bestMatches => [ map { my $row = $_;
                obj(map { $_ + 1 . ". $names[$_]" => $row->[$_] }
                        0 .. $#names) } @rows ] },
        csv => [ \@names, @rows ] };
}

# ---- CSV only

sub listing {
    my ($self, $function, $q) = @_;

    my $gone = ($q->{state} // 'active') eq 'delisted';
    return { csv_only => 1, csv => [ [qw/ symbol name exchange assetType
                ipoDate delistingDate status /],
            map { [ $_, "Synthetic, $_", 'NYSE', 'Stock', '1999-11-18',
                    $gone ? '2019-05-01' : 'null', $gone ? 'Delisted'
                    : 'Active' ] } sort keys %{ $self->{symbols} } ] };
}

sub earnings_calendar {
    my ($self) = @_;

    my $day = date($self->day_now() + 7);
    return { csv_only => 1, csv => [ [qw/ symbol name reportDate
                fiscalDateEnding estimate currency /],
            map { [ $_, "Synthetic $_", $day, ($self->quarters(1))[0], '',
                    'USD' ] } sort keys %{ $self->{symbols} } ] };
}

sub ipo_calendar {
    my ($self) = @_;

    return { csv_only => 1, csv => [ [qw/ symbol name ipoDate priceRangeLow
                priceRangeHigh currency exchange /],
            [ 'SYNT', 'Synthetic', date($self->day_now() + 3), '0', '0', 'USD',
                'NASDAQ' ] ] };
}

# ---- markets and news

sub market_status {
    return { json => obj(endpoint => 'Global Market Open & Close Status',
            markets => [ obj(market_type => 'Equity', region =>
                    'United States', primary_exchanges => 'NASDAQ, NYSE',
                    local_open => '09:30', local_close => '16:15',
                    current_status => 'closed', notes => '') ]) };
}

sub movers {
    my ($self) = @_;

    my @all = map { obj(ticker => $_, price => '1.80', change_amount =>
            '1.79', change_percentage => '17900.0%', volume => '166004') }
        sort keys %{ $self->{symbols} };
    return { json => obj(metadata => 'Top gainers, losers, and most actively'
            . ' traded US tickers', last_updated => date($self->day_now())
            . ' 16:16:00 US/Eastern', top_gainers => \@all,
            top_losers => \@all, most_actively_traded => \@all) };
}

# A story about whom it is asked for each ten minutes, of the last two hours.
use constant { STORY_EVERY => 600, STORIES => 12 };

sub news {
    my ($self, $function, $q) = @_;

    my @tickers = split /,/, $q->{tickers} // 'IBM';
    my $about = join '-', map { s/[^A-Za-z0-9.]//gr } @tickers;
    my $newest = int($self->time_now() / STORY_EVERY);
    my @feed = map { $self->story($_, $about, @tickers) }
        map { $newest - $_ } 0 .. STORIES - 1;
    return { json => obj(items => scalar(@feed) . '', feed => \@feed) };
}

# The last second of `today`, or the clock.
sub time_now {
    my ($self) = @_;

    return defined $self->{today} ? ($self->day_now() + 1) * 86400 - 1
        : $self->{server}->now();
}

sub story {
    my ($self, $n, $about, @tickers) = @_;

    my @t = gmtime $n * STORY_EVERY;
    my $stamp = sprintf '%04d%02d%02dT%02d%02d00', $t[5] + 1900, $t[4] + 1,
        @t[3, 2, 1];
    my $score = hash_of($about, $n, 'story') % 1001 / 1000 - 0.5;
    return obj(title => "Synthetic story $n about $about",
        url => "https://news.example/$about/$n", time_published => $stamp,
        authors => [], summary => 'Made up, & <b>synthetic</b>.',
        source => 'Synthetic', topics => [], overall_sentiment_score =>
            num(sprintf '%.6f', $score), overall_sentiment_label =>
            label($score),
        ticker_sentiment => [ map { obj(ticker => $_,
                    relevance_score => '0.5', ticker_sentiment_score =>
                        sprintf('%.6f', $score), ticker_sentiment_label =>
                        label($score)) } @tickers ]);
}

sub label {
    my ($score) = @_;

    return $score <= -0.35 ? 'Bearish' : $score <= -0.15 ? 'Somewhat-Bearish'
        : $score < 0.15 ? 'Neutral' : $score < 0.35 ? 'Somewhat-Bullish'
        : 'Bullish';
}

1;
