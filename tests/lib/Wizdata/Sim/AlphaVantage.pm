package Wizdata::Sim::AlphaVantage;

=encoding utf8

=head1 NAME

Wizdata::Sim::AlphaVantage - a simulator of Alpha Vantage

=head1 SYNOPSIS

    my $sim = Wizdata::Sim::AlphaVantage->start();
    GET $sim->url('/query?function=GLOBAL_QUOTE&symbol=IBM&apikey=free-key')

    $sim->advance(86400);           # another day, another 25 calls
    $sim->set(splits => { MSFT => [ '2024-06-10', 4 ] });

=head1 KEYS

Setting C<keys>: key to tier. There are C<premium-key> (premium), C<free-key>
(free), C<legacy-key> (legacy: 5 a minute and 500 a day, then Note, as from
2018 to 2023; nothing is premium), C<demo> (demo), C<artificial-key>
(artificial: answers with the notice and rows that are none). Any other or no
key: the error about it. C<any_key> (undef; a tier:
unknown keys are of it, as the real service takes many).

Free keys: one call a second (C<free_per_second>), 25 a day (C<free_per_day>),
enforced for each key by the simulator's clock; calls that the limit per
second refused do not count for the day. Days end at midnight UTC
(B<synthetic>). The daily text tells the key (C<echo_key>, 1). Premium keys:
C<premium_per_minute> (1200).

=head1 ANSWERS

B<Documented> and B<recorded>: everything is 200, refusals are JSON even where
CSV was asked; the keys of the refusals and the beginnings of their texts (those
of the sample simulator in F<dev/simulator/errors> are used); names and order of
members; C<{}> or an empty quote for unknown symbols of functions that have no
error; GET, HEAD and OPTIONS; gzip and chunked when accepted; no Retry-After,
no ETag. LISTING_STATUS, EARNINGS_CALENDAR and IPO_CALENDAR are CSV only; CSV
has CR LF.

B<Recorded> figures: daily IBM of 2026-04-17 to 2026-05-15 (set C<today> to
2026-05-16 to see them in the compact answer), its dividends. B<Synthetic>: all
others. C<today> (undef: by the clock), C<first_day> (2010-01-04), C<symbols>
(hash; besides usual ones C<BRK.B>, C<RDS/A>, C<O'R>, C<X%Y>, C<"Q">, C<A B>,
C<Ü.DE>), C<any> (0; 1: every symbol is known), C<label> (start; end: intraday
stamps are those of the end), C<splits> (symbol to day and factor: earlier raw
prices are that much higher, adjusted ones are not).

Functions: the series of equities, FX and digital currencies, GLOBAL_QUOTE,
REALTIME_BULK_QUOTES, SYMBOL_SEARCH, OVERVIEW, ETF_PROFILE, the statements,
EARNINGS, DIVIDENDS, SPLITS, LISTING_STATUS, EARNINGS_CALENDAR, IPO_CALENDAR,
CURRENCY_EXCHANGE_RATE, MARKET_STATUS, TOP_GAINERS_LOSERS, NEWS_SENTIMENT,
economy and commodities, technical indicators. Another function: Invalid API
call.

=cut

use utf8;
use warnings;
use strict;

use File::Basename qw/ dirname /;

use Wizdata::Sim;
use Wizdata::Sim::AlphaVantage::Company;
use Wizdata::Sim::AlphaVantage::Prices;
use Wizdata::Sim::Answer;
use Wizdata::Sim::Json;
use Wizdata::Sim::Series;

use parent -norequire, 'Wizdata::Sim', 'Wizdata::Sim::AlphaVantage::Prices',
    'Wizdata::Sim::AlphaVantage::Company';

my $texts = dirname(__FILE__) . '/../../../../dev/simulator/errors';

sub settings {
    return (
        keys => { 'premium-key' => 'premium', 'free-key' => 'free',
            'legacy-key' => 'legacy', demo => 'demo',
            'artificial-key' => 'artificial' },
        any_key => undef, free_per_day => 25, free_per_second => 1,
        premium_per_minute => 1200, echo_key => 1, today => undef,
        first_day => '2010-01-04', any => 0, label => 'start', splits => {},
        symbols => { map { $_ => 1 } qw/ IBM MSFT AAPL BA SPY QQQ BRK.B 0700.HK
            TSCO.LON RDS\/A O'R X%Y "Q" Ü.DE ^GSPC /, 'A B' });
}

my %PREMIUM = map { $_ => 1 } qw/ TIME_SERIES_DAILY_ADJUSTED FX_INTRADAY
    TIME_SERIES_INTRADAY CRYPTO_INTRADAY REALTIME_BULK_QUOTES VWAP MACD /;

# The text of the sample simulator, as bytes.
sub text_of {
    my ($name) = @_;

    open my $f, '<', "$texts/$name.json" or die "$texts/$name.json: $!";
    local $/;
    return scalar <$f>;
}

sub refused { return packed($_[0], Wizdata::Sim::Answer->json(200, $_[1])) }

sub invalid {
    my ($req) = @_;

    my $function = $req->{query}{function} // '';
    return refused($req, to_json({ 'Error Message' => 'Invalid API call. '
                . 'Please retry or visit the documentation (https://www.'
                . "alphavantage.co/documentation/) for $function." }));
}

sub answer {
    my ($self, $req) = @_;

    return Wizdata::Sim::Answer->html(404, '<h1>Not Found</h1>')
        if $req->{path} !~ m{^/query/?$};
    return Wizdata::Sim::Answer->text(405, '', Allow => 'GET, HEAD, OPTIONS')
        if $req->{method} !~ /^(GET|HEAD|OPTIONS)$/;
    return Wizdata::Sim::Answer->new(200)->header(
        Allow => 'GET, HEAD, OPTIONS') if $req->{method} eq 'OPTIONS';
    my $refusal = $self->refusal($req);
    return refused($req, $refusal) if defined $refusal;
    return $self->function_of($req);
}

# ---- keys and limits

sub refusal {
    my ($self, $req) = @_;

    my $key = $req->{query}{apikey} // '';
    my $tier = $self->{keys}{$key};
    $tier //= $self->{any_key} if length $key;
    return to_json({ 'Error Message' => 'the parameter apikey is invalid or '
                . 'missing. Please claim your free API key on (https://www.'
                . 'alphavantage.co/support/#api-key).' }) if !$tier;
    return text_of('demo') if $tier eq 'demo';
    return text_of('artificial') if $tier eq 'artificial';
    my $over = $self->over_limit($key, $tier);
    return $over if defined $over;
    return if $tier ne 'free';

    my $function = $req->{query}{function} // '';
    return text_of('premium-endpoint')
        if $PREMIUM{$function} && $function ne 'REALTIME_BULK_QUOTES';
    return text_of('premium-outputsize') if $function eq 'TIME_SERIES_DAILY'
        && ($req->{query}{outputsize} // '') eq 'full';
    return;
}

# The calls of a key within so many seconds.
sub within {
    my ($calls, $now, $seconds) = @_;

    return scalar grep { $_ > $now - $seconds } @$calls;
}

sub over_limit {
    my ($self, $key, $tier) = @_;

    my $now = $self->{server}->now();
    my $calls = $self->{calls}{$key} //= [];
    @$calls = grep { $_ > $now - 86400 } @$calls;
    if ($tier eq 'premium') {
        return text_of('per-minute')
            if within($calls, $now, 60) >= $self->{premium_per_minute};
    } elsif ($tier eq 'legacy') {
        return text_of('five-per-minute')
            if within($calls, $now, 60) >= 5 || @$calls >= 500;
    } else {
        my $today = $now - $now % 86400;
        return $self->daily_text($key)
            if (grep { $_ >= $today } @$calls) >= $self->{free_per_day};
        return text_of('per-second') if $self->{free_per_second}
            && within($calls, $now, 1) >= $self->{free_per_second};
    }
    push @$calls, $now;
    return;
}

sub daily_text {
    my ($self, $key) = @_;

    my $limit = $self->{free_per_day};
    my $detected = $self->{echo_key}
        ? "We have detected your API key as $key and our"
        : 'Thank you for using Alpha Vantage! Our';
    return to_json({ Information => "$detected standard API rate limit is "
                . "$limit requests per day. Please subscribe to any of the "
                . 'premium plans at https://www.alphavantage.co/premium/ to '
                . 'instantly remove all daily rate limits.' });
}

# ---- answers

# Compressed and in chunks, as the service is behind its content network.
sub packed {
    my ($req, $answer) = @_;

    $answer->header(Vary => 'Cookie, Origin')->header(Server => 'cloudflare')
        ->header(Allow => 'GET, HEAD, OPTIONS');
    $answer->{compressed} = 1
        if ($req->{headers}{'accept-encoding'} // '') =~ /\bgzip\b/;
    return $answer;
}

my %OF = (
    (map { $_ => 'equity_series' } map { "TIME_SERIES_$_" } qw/ DAILY
        DAILY_ADJUSTED WEEKLY WEEKLY_ADJUSTED MONTHLY MONTHLY_ADJUSTED /),
    TIME_SERIES_INTRADAY => 'intraday', FX_INTRADAY => 'intraday',
    CRYPTO_INTRADAY => 'intraday',
    (map { $_ => 'pair_series' } qw/ FX_DAILY FX_WEEKLY FX_MONTHLY
        DIGITAL_CURRENCY_DAILY DIGITAL_CURRENCY_WEEKLY
        DIGITAL_CURRENCY_MONTHLY /),
    GLOBAL_QUOTE => 'quote', REALTIME_BULK_QUOTES => 'bulk_quotes',
    CURRENCY_EXCHANGE_RATE => 'rate', SYMBOL_SEARCH => 'search',
    (map { $_ => 'statement' } qw/ INCOME_STATEMENT BALANCE_SHEET
        CASH_FLOW /),
    EARNINGS => 'earnings', DIVIDENDS => 'dividends', SPLITS => 'split_list',
    OVERVIEW => 'overview', ETF_PROFILE => 'etf',
    LISTING_STATUS => 'listing', EARNINGS_CALENDAR => 'earnings_calendar',
    IPO_CALENDAR => 'ipo_calendar', MARKET_STATUS => 'market_status',
    TOP_GAINERS_LOSERS => 'movers', NEWS_SENTIMENT => 'news',
);

sub function_of {
    my ($self, $req) = @_;

    my $function = $req->{query}{function} // '';
    my $name = $OF{$function} // $self->kind_of($function)
        // return invalid($req);
    my $table = $self->$name($function, $req->{query}, $req->{rows})
        // return invalid($req);
    my $csv = $table->{csv_only}
        || ($table->{csv} && ($req->{query}{datatype} // '') eq 'csv');
    return packed($req, $csv ? Wizdata::Sim::Answer->of_type(
            'application/x-download', 200, csv($table->{csv}))
        : Wizdata::Sim::Answer->json(200, to_json($table->{json})));
}

sub csv_cell {
    my ($cell) = @_;

    my $text = ref $cell ? $$cell : $cell // '';
    return $text =~ /[",]/ ? '"' . $text =~ s/"/""/gr . '"' : $text;
}

sub csv {
    my ($rows) = @_;

    my $text = join '', map { join(',', map { csv_cell($_) } @$_) . "\r\n" }
        @$rows;
    utf8::encode($text) if utf8::is_utf8($text);
    return $text;
}

sub knows {
    my ($self, $symbol) = @_;

    return length($symbol // '')
        && ($self->{any} || exists $self->{symbols}{$symbol});
}

1;
