package Wizdata::Sim::AlphaVantage::Prices;

# Series, quotes, rates, indicators and economy of the simulated Alpha Vantage.
# A function returns { json, csv }: json as it is written, csv rows with their
# header; nothing for a call that is invalid.

use warnings;
use strict;

use List::Util qw/ min max /;

use Wizdata::Sim::Figures;
use Wizdata::Sim::Json;
use Wizdata::Sim::Series;

use constant { COMPACT => 100 };

sub cell { return $_[0] // '' }

# Members "1. open" and so on.
sub numbered {
    my ($names, $values, $sign) = @_;

    return obj(map { ($_ + 1) . "$sign $names->[$_]" => $values->[$_] }
            0 .. $#$names);
}

# Meta data, a name for the series, and rows [time, values...], newest first.
sub series {
    my ($meta, $name, $columns, $rows, $fault) = @_;

    $rows = spoil($fault, $rows, \&cell);
    my @meta = @$meta;
    my $n = 0;
    return {
        json => obj('Meta Data' => obj(map { ++$n . ". $meta[2 * $_]"
                        => $meta[ 2 * $_ + 1 ] } 0 .. $#meta / 2),
            $name => obj(map { $_->[0] => numbered($columns,
                        [ @$_[ 1 .. $#$_ ] ], '.') } @$rows)),
        csv => [ [ 'timestamp', $name eq 'Time Series (Daily)'
                ? map({ tr/ /_/r } @$columns) : @$columns ], @$rows ],
    };
}

# ---- equities

my %PERIOD = (DAILY => 'P1D', WEEKLY => 'P1W', MONTHLY => 'P1M');

# How much higher raw prices were on that day, and what came on it.
sub split_factor {
    my ($self, $symbol, $day) = @_;

    my ($on, $factor) = @{ $self->{splits}{$symbol} // [] };
    return (1, 1) if !defined $on;
    return ($day < day($on) ? $factor : 1, $day == day($on) ? $factor : 1);
}

sub dividend_on {
    my ($symbol, $date) = @_;

    return '0.0000' if $symbol ne 'IBM';
    my ($row) = grep { $_->{ex_dividend_date} eq $date }
        Wizdata::Sim::Figures::table('alphavantage-dividends-ibm');
    return $row ? sprintf '%.4f', $row->{amount} : '0.0000';
}

sub raw_bar {
    my ($self, $symbol, @days) = @_;

    my $date = date($days[-1]);
    if ($symbol eq 'IBM' && @days == 1) {
        my ($row) = grep { $_->{timestamp} eq $date }
            Wizdata::Sim::Figures::table('alphavantage-daily-ibm');
        return @{$row}{qw/ open high low close volume /} if $row;
    }
    my $bar = bar_of($symbol, @days);
    my ($factor) = $self->split_factor($symbol, $days[-1]);
    return (map({ price($bar->{$_} * $factor, 4) } qw/ open high low close /),
        $bar->{volume});
}

sub equity_series {
    my ($self, $function, $q, $fault) = @_;

    my $symbol = $q->{symbol} // '';
    my ($kind, $adjusted) = $function =~ /^TIME_SERIES_(\w+?)(_ADJUSTED)?$/;
    my $size = $q->{outputsize} // 'compact';
    return if !$self->knows($symbol) || $size !~ /^(compact|full)$/;
    my $last = $self->day_now() - 1;
    my $first = day($self->{first_day});
    $first = max($first, $last - 2 * COMPACT)
        if $kind eq 'DAILY' && $size eq 'compact';
    my @periods = reverse periods($PERIOD{$kind}, $first, $last);
    splice @periods, COMPACT
        if $kind eq 'DAILY' && $size eq 'compact' && @periods > COMPACT;

    my @rows = map { my $days = $_; [ date($days->[-1]), $adjusted
                ? $self->adjusted_row($symbol, $kind, @$days)
                : $self->raw_bar($symbol, @$days) ] } @periods;
    my @columns = $adjusted ? $kind eq 'DAILY'
        ? ('open', 'high', 'low', 'close', 'adjusted close', 'volume',
            'dividend amount', 'split coefficient')
        : ('open', 'high', 'low', 'close', 'adjusted close', 'volume',
            'dividend amount') : qw/ open high low close volume /;
    my $title = ucfirst(lc $kind) . ($adjusted ? ' Adjusted' : '');
    return series([ Information =>
            "$title Prices (open, high, low, close) and Volumes",
            Symbol => $symbol, 'Last Refreshed' => $rows[0][0],
            $kind eq 'DAILY' ? ('Output Size' => ucfirst $size) : (),
            'Time Zone' => 'US/Eastern' ],
        $kind eq 'DAILY' ? 'Time Series (Daily)' : "$title Time Series",
        \@columns, \@rows, $fault);
}

sub adjusted_row {
    my ($self, $symbol, $kind, @days) = @_;

    my ($open, $high, $low, $close, $volume) = $self->raw_bar($symbol, @days);
    my ($factor, $split) = $self->split_factor($symbol, $days[-1]);
    return ($open, $high, $low, $close, sprintf('%.4f', $close / $factor),
        $volume, dividend_on($symbol, date($days[-1])),
        $kind eq 'DAILY' ? sprintf('%.1f', $split) : ());
}

# ---- pairs

my %NAME = (USD => 'United States Dollar', EUR => 'Euro',
    GBP => 'British Pound Sterling', JPY => 'Japanese Yen',
    BTC => 'Bitcoin', ETH => 'Ethereum');

sub pair_of {
    my ($q, @names) = @_;

    my @codes = map { $q->{$_} // '' } @names;
    return if grep { !/^[A-Z]{3,5}$/ } @codes;
    return @codes;
}

sub coin_members {
    my ($coin, $market) = @_;

    return ('Digital Currency Code' => $coin,
        'Digital Currency Name' => $NAME{$coin} // $coin,
        'Market Code' => $market, 'Market Name' => $NAME{$market} // $market);
}

sub pair_series {
    my ($self, $function, $q, $fault) = @_;

    my $fx = $function =~ /^FX_/;
    my ($from, $to) = pair_of($q, $fx ? qw/ from_symbol to_symbol /
        : qw/ symbol market /) or return;
    my ($kind) = $function =~ /(DAILY|WEEKLY|MONTHLY)$/;
    my $size = $q->{outputsize} // 'compact';
    my $last = $self->day_now() - 1;
    my $first = $size eq 'full' || $kind ne 'DAILY' ? day($self->{first_day})
        : $last - 140;
    my @periods = reverse $fx || $kind ne 'DAILY'
        ? periods($PERIOD{$kind}, $first, $last)
        : map { [$_] } $first .. $last; # coins are traded at weekends
    splice @periods, COMPACT if $kind eq 'DAILY' && $size ne 'full'
        && @periods > COMPACT;
    my @rows = map { my $bar = bar_of("$from/$to", @$_);
        [ date($_->[-1]), (map { sprintf $fx ? '%.5f' : '%.8f',
                    $bar->{$_} / 10_000 } qw/ open high low close /),
            $fx ? () : sprintf('%.8f', $bar->{volume} / 7000) ] } @periods;
    my $title = ucfirst lc $kind;
    return series([ Information => "$title Prices", $fx
            ? ('From Symbol' => $from, 'To Symbol' => $to)
            : coin_members($from, $to),
            $fx ? ('Output Size' => ucfirst $size) : (),
            'Last Refreshed' => "$rows[0][0] 00:00:00", 'Time Zone' => 'UTC' ],
        $fx ? "Time Series FX ($title)"
        : "Time Series (Digital Currency $title)",
        [ qw/ open high low close /, $fx ? () : 'volume' ], \@rows, $fault);
}

sub rate {
    my ($self, $function, $q) = @_;

    my ($from, $to) = pair_of($q, qw/ from_currency to_currency /) or return;
    my $bar = day_bar("$from/$to", $self->day_now());
    my $rate = $bar->{close} / 10_000;
    return { json => obj('Realtime Currency Exchange Rate' => obj(
                '1. From_Currency Code' => $from,
                '2. From_Currency Name' => $NAME{$from} // $from,
                '3. To_Currency Code' => $to,
                '4. To_Currency Name' => $NAME{$to} // $to,
                '5. Exchange Rate' => sprintf('%.8f', $rate),
                '6. Last Refreshed' => date($self->day_now()) . ' 00:00:01',
                '7. Time Zone' => 'UTC',
                '8. Bid Price' => sprintf('%.8f', $rate - 0.00001),
                '9. Ask Price' => sprintf('%.8f', $rate + 0.00001))) };
}

# ---- intraday

my %MINUTES = ('1min' => 1, '5min' => 5, '15min' => 15, '30min' => 30,
    '60min' => 60);

sub intraday {
    my ($self, $function, $q, $fault) = @_;

    my $step = $MINUTES{ $q->{interval} // '' } // return;
    my $equity = $function eq 'TIME_SERIES_INTRADAY';
    my @names = $equity ? $q->{symbol} : pair_of($q,
        $function eq 'FX_INTRADAY' ? qw/ from_symbol to_symbol /
        : qw/ symbol market /);
    return if !@names || ($equity && !$self->knows($names[0]));
    my ($first, $last, $most) = $self->days_of_month($q) or return;

    my @rows;
    my @day = $equity ? (570, 960) : (0, 1440); # 09:30 to 16:00 in New York
    for my $day (reverse $equity ? week_days($first, $last)
        : $first .. $last) {
        for (my $m = $day[1] - $step; $m >= $day[0]; $m -= $step) {
            push @rows, $self->minute_row($function, join('/', @names), $day,
                $m, $step);
        }
        last if @rows >= $most;
    }
    return if !@rows;
    splice @rows, $most if @rows > $most;
    my $kind = $equity ? '' : $function eq 'FX_INTRADAY' ? 'FX ' : 'Crypto ';
    return series([ Information => "${kind}Intraday ($q->{interval}) open, "
            . 'high, low, close', $equity ? (Symbol => $names[0])
            : $kind eq 'FX ' ? ('From Symbol' => $names[0],
                'To Symbol' => $names[1]) : coin_members(@names),
            'Last Refreshed' => $rows[0][0], Interval => $q->{interval},
            'Output Size' => ucfirst($q->{outputsize} // 'compact'),
            'Time Zone' => $equity ? 'US/Eastern' : 'UTC' ],
        "Time Series $kind($q->{interval})", [ qw/ open high low close /,
            $kind eq 'FX ' ? () : 'volume' ], \@rows, $fault);
}

sub days_of_month {
    my ($self, $q) = @_;

    my $most = ($q->{outputsize} // 'compact') eq 'full' ? 1e6 : COMPACT;
    my $last = $self->day_now() - 1;
    return ($last - 30, $last, $most) if !defined $q->{month};
    my ($y, $m) = $q->{month} =~ /^(\d{4})-(0[1-9]|1[0-2])$/ or return;
    my $first = day("$y-$m-01");
    my $end = day($m == 12 ? $y + 1 . '-01-01'
        : sprintf '%04d-%02d-01', $y, $m + 1) - 1;
    return if $first > $last;
    return ($first, min($last, $end), $most);
}

# The volume of coins is a number, where that of equities is a text.
sub minute_row {
    my ($self, $function, $symbol, $day, $minute, $step) = @_;

    my $equity = $function eq 'TIME_SERIES_INTRADAY';
    my $bar = minute_bar($symbol, $day * 86400 + $minute * 60);
    my $at = $minute + ($self->{label} eq 'end' ? $step : 0);
    return [ sprintf('%s %02d:%02d:00', date($day), int($at / 60), $at % 60),
        (map { $equity ? price($bar->{$_}, 4)
                : sprintf '%.5f', $bar->{$_} / 10_000 }
            qw/ open high low close /),
        $equity ? $bar->{volume} : $function eq 'CRYPTO_INTRADAY'
        ? num($bar->{volume}) : () ];
}

# ---- quotes

my @QUOTE = ('symbol', 'open', 'high', 'low', 'price', 'volume',
    'latest trading day', 'previous close', 'change', 'change percent');

sub quote {
    my ($self, $function, $q) = @_;

    my $symbol = $q->{symbol} // return;
    return { json => { 'Global Quote' => {} }, csv => [ [
                qw/ symbol open high low price volume latestDay previousClose
                change changePercent / ] ] } if !$self->knows($symbol);
    my @days = reverse week_days($self->day_now() - 7, $self->day_now() - 1);
    my ($open, $high, $low, $close, $volume) = $self->raw_bar($symbol,
        $days[0]);
    my $before = ($self->raw_bar($symbol, $days[1]))[3];
    my @values = ($symbol, $open, $high, $low, $close, $volume,
        date($days[0]), $before, sprintf('%.4f', $close - $before),
        sprintf('%.4f%%', 100 * ($close - $before) / $before));
    return {
        json => { 'Global Quote' => obj(map { sprintf('%02d. %s', $_ + 1,
                        $QUOTE[$_]) => $values[$_] } 0 .. $#QUOTE) },
        csv => [ [ qw/ symbol open high low price volume latestDay
                previousClose change changePercent / ], \@values ],
    };
}

sub bulk_quotes {
    my ($self, $function, $q) = @_;

    my @symbols = split /,/, $q->{symbol} // '';
    return if !@symbols || @symbols > 100;
    my $day = (week_days($self->day_now() - 7, $self->day_now() - 1))[-1];
    return { json => obj(endpoint => 'Realtime Bulk Quotes', data => [ map {
                    my @bar = $self->raw_bar($_, $day);
                    obj(symbol => $_, timestamp => date($day)
                            . ' 19:59:55.291', open => $bar[0],
                        high => $bar[1], low => $bar[2], close => $bar[3],
                        volume => "$bar[4]", previous_close => $bar[0]) }
                grep { $self->knows($_) } @symbols ]) };
}

# ---- economy and indicators

my %ECONOMY = (REAL_GDP => [ 'Real Gross Domestic Product', 'annual',
        'billions of dollars' ],
    REAL_GDP_PER_CAPITA => [ 'Real GDP per Capita', 'quarterly', 'dollars' ],
    TREASURY_YIELD => [ 'Treasury Yield', 'monthly', 'percent' ],
    FEDERAL_FUNDS_RATE => [ 'Effective Federal Funds Rate', 'monthly',
        'percent' ],
    CPI => [ 'Consumer Price Index for all Urban Consumers', 'monthly',
        'index 1982-1984=100' ],
    INFLATION => [ 'Inflation - US Consumer Prices', 'annual', 'percent' ],
    RETAIL_SALES => [ 'Advance Retail Sales', 'monthly',
        'millions of dollars' ],
    DURABLES => [ 'New Orders for Durable Goods', 'monthly',
        'millions of dollars' ],
    UNEMPLOYMENT => [ 'Unemployment Rate', 'monthly', 'percent' ],
    NONFARM_PAYROLL => [ 'Total Nonfarm Payroll', 'monthly',
        'thousands of persons' ],
    map({ $_ => [ "Price of $_", 'monthly', 'dollars' ] } qw/ WTI BRENT
        NATURAL_GAS COPPER ALUMINUM WHEAT CORN COTTON SUGAR COFFEE
        ALL_COMMODITIES /));

my %MONTHS = (monthly => 1, quarterly => 3, semiannual => 6, annual => 12);

# First days of periods, newest first; every day or week counts for itself.
sub period_starts {
    my ($interval, $last) = @_;

    return map { date($last - $_) } 0 .. 119 if $interval eq 'daily';
    return map { date($last - $last % 7 - 7 * $_) } 0 .. 119
        if $interval eq 'weekly';
    my $step = $MONTHS{$interval} // return;
    my ($y, $m) = split /-/, date($last);
    my $month = $y * 12 + $m - 1;
    $month -= $month % $step;
    return map { sprintf '%04d-%02d-01', int($_ / 12), $_ % 12 + 1 }
        map { $month - $_ * $step } 1 .. 120;
}

my %VALUES = (MACD => [qw/ MACD MACD_Signal MACD_Hist /],
    BBANDS => [ 'Real Upper Band', 'Real Middle Band', 'Real Lower Band' ],
    STOCH => [qw/ SlowK SlowD /], AROON => [ 'Aroon Down', 'Aroon Up' ],
    map({ $_ => [$_] } qw/ SMA EMA WMA DEMA TEMA KAMA RSI ADX CCI ATR OBV VWAP
        ROC MOM WILLR TRIX PLUS_DI MINUS_DI MIDPOINT AD MFI NATR /));

sub kind_of {
    my ($self, $function) = @_;

    return $ECONOMY{$function} ? 'economy' : $VALUES{$function} ? 'indicator'
        : undef;
}

# One in eight values is the point that stands for none.
sub economy {
    my ($self, $function, $q, $fault) = @_;

    my ($name, $usual, $unit) = @{ $ECONOMY{$function} };
    my $interval = $q->{interval} // $usual;
    my @starts = period_starts($interval, $self->day_now() - 1) or return;
    my $maturity = $q->{maturity} // '10year';
    my @rows = map { my $h = hash_of($function, $interval, $maturity, $_);
        [ $_, $h % 8 ? sprintf '%.3f', $h % 900_000 / 1000 : '.' ] } @starts;
    my $rows = spoil($fault, \@rows, \&cell);
    return { json => obj(name => $name, interval => $interval, unit => $unit,
            data => [ map { obj(date => $_->[0], value => $_->[1]) } @$rows ]),
        csv => [ [qw/ timestamp value /], @$rows ] };
}

sub indicator {
    my ($self, $function, $q, $fault) = @_;

    my $symbol = $q->{symbol} // '';
    my $interval = $q->{interval} // '';
    return if !$self->knows($symbol)
        || $interval !~ /^(\d+min|daily|weekly|monthly)$/;
    my @names = @{ $VALUES{$function} };
    my $period = $q->{time_period} // 10;
    my @days = reverse week_days($self->day_now() - 200, $self->day_now() - 1);
    my $minutes = $interval =~ /min$/ ? ' 15:45' : ''; # no seconds here
    my $rows = spoil($fault, [ map { my $day = $_; [ date($day) . $minutes,
                map { sprintf '%.4f', hash_of($symbol, $function, $period,
                        $_, $day) % 1_000_000 / 10_000 } @names ] } @days ],
        \&cell);
    return { json => obj('Meta Data' => obj('1: Symbol' => $symbol,
                '2: Indicator' => $function, '3: Last Refreshed' =>
                    $rows->[0][0], '4: Interval' => $interval,
                '5: Time Period' => num($period =~ /^\d+$/ ? $period : 0),
                '6: Series Type' => $q->{series_type} // 'close',
                '7: Time Zone' => 'US/Eastern Time'),
            "Technical Analysis: $function" => obj(map { my @row = @$_;
                    $row[0] => obj(map { $names[$_] => $row[ $_ + 1 ] }
                            0 .. $#names) } @$rows)),
        csv => [ [ 'time', @names ], @$rows ] };
}

1;
