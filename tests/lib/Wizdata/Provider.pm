package Wizdata::Provider;

# A data provider that misbehaves: a simulator on loopback whose manner is the
# first part of the path. Providers that speak their own paths are in
# Wizdata::Sim::*; whatever else may be wrong is in Wizdata::Sim::Fault.
#
#     my $p = Wizdata::Provider->start();
#     $env{WIZDATA_ALPHAVANTAGE_URL} = $p->url('endless');
#     my @asked = $p->requests();          # "manner path?query", in order
#     my @at = $p->times('down');          # when, by a clock that nobody sets
#     $p->open_gate();                     # for manner "gate"
#
# Manner "market" has data: daily and 5-minute bars of every weekday of any
# symbol, and a yearly series of any indicator, from a day up to yesterday.
#
#     $p->market(from => '2020-01-01');    # also to, and
#     $p->market(close => { 'IBM 2024-05-02' => 99 });     # other closes
#     $p->market(say => [ [ qr/symbol=BAD/ => $body ] ]);  # other answers
#     $p->hold();                          # nobody is answered until
#     $p->unhold();
#
# Manners: ok, whole, changing, endless, reset, cut, slow, gzip, bad-gzip,
# hang, gate, down, flaky, retry-after, html400, daily, second, auth, echo, text,
# html, market.

use warnings;
use strict;

use POSIX ();

use Wizdata::Sim;
use Wizdata::Sim::Answer;
use Wizdata::Sim::Series qw/ date day week_days /;

use parent -norequire, 'Wizdata::Sim';

sub settings { return (counts => {}, market => {}, held => 0) }

sub url { "http://127.0.0.1:$_[0]{port}/$_[1]" }

sub manner_of { $_[0]{target} =~ m{^/([^/]+)(/.*)$} }

sub requests {
    my ($self) = @_;

    return map { join ' ', manner_of($_) } $self->log(method => 'GET');
}

sub times {
    my ($self, $manner) = @_;

    return map { $_->{at} } $self->log(path => qr{^/\Q$manner\E/});
}

# What manner "market" has. Options stay until they are given again.
sub market {
    my ($self, %o) = @_;

    $self->{known} = { %{ $self->{known} // {} }, %o };
    $self->set(market => { %{ $self->{known} }, say =>
            [ map { [ "$_->[0]", @$_[ 1 .. $#$_ ] ] }
                @{ $self->{known}{say} // [] } ] });
    return;
}

sub hold {
    my ($self) = @_;

    $self->close_gate('market');
    $self->set(held => 1);
    return;
}

sub unhold {
    my ($self) = @_;

    $self->set(held => 0);
    $self->open_gate('market');
    return;
}

# ---- in the server

sub answer {
    my ($self, $req) = @_;

    my ($manner, $rest) = manner_of($req);
    return Wizdata::Sim::Answer->new(0, steps => [['fin']])
        if !defined $rest || $req->{method} ne 'GET';
    $req->{last} = 1; # every request has a connection of its own
    (my $name = $manner) =~ tr/-/_/;
    my $code = $self->can("manner_$name") or return reply(404, 'no');
    return $code->($rest, ++$self->{counts}{$manner}, $self);
}

sub reply {
    my ($status, $body, %o) = @_;

    my $answer = Wizdata::Sim::Answer->json($status, $body,
        Date => 'Thu, 02 May 2024 00:00:00 GMT',
        'Set-Cookie' => 'id=S3SSION', @{ $o{headers} // [] });
    $answer->{also} = $o{also};
    return $answer;
}

# What is right but for one of the faults of Wizdata::Sim::Fault.
sub faulty {
    my ($rest, @fault) = @_;

    return reply(200, body($rest), also => \@fault);
}

# Rows of Alpha Vantage, or two pages of three rows of the World Bank.
sub body {
    my ($rest, $value) = @_;

    $value //= '1.5000';
    if ($rest =~ m{/indicator/}) {
        my ($page) = $rest =~ /[?&]page=(\d+)/;
        my $row = sprintf '{"indicator":{"id":"A"},"country":{"id":"DE"},'
            . '"date":"20%02d","value":%s}', $page, $value;
        return sprintf '[{"page":%d,"pages":2,"per_page":2,"total":3},[%s]]',
            $page, join ',', ($row) x ($page == 1 ? 2 : 1);
    }
    my ($symbol) = $rest =~ /[?&]symbol=([^&]+)/;
    $symbol //= 'EUR';
    return qq({"Meta Data": {"2. Symbol": "$symbol"}, )
        . qq("Time Series (Daily)": {"2024-01-02": {"1. open": "$value"}}});
}

# What is read down to its last figure: three bars, or two pages of three rows.
sub whole {
    my ($rest) = @_;

    if ($rest =~ m{/indicator/([^?]+)}) {
        my $indicator = $1;
        my ($page) = $rest =~ /[?&]page=(\d+)/;
        my @rows = map { qq({"indicator":{"id":"$indicator","value":"Prices"},)
            . '"country":{"id":"DE","value":"Germany"},"countryiso3code":"DEU",'
            . qq("date":"202$_","value":1.$_,"unit":"","obs_status":"",)
            . '"decimal":1}' } $page == 1 ? (1, 2) : 3;
        return sprintf '[{"page":%d,"pages":2,"per_page":2,"total":3},[%s]]',
            $page, join ',', @rows;
    }
    my ($symbol) = $rest =~ /[?&]symbol=([^&]+)/;
    return qq({"Meta Data": {"1. Information": "Daily Prices", "2. Symbol": )
        . qq("$symbol", "3. Last Refreshed": "2024-01-04", "4. Output Size": )
        . '"Compact", "5. Time Zone": "US/Eastern"}, "Time Series (Daily)": {'
        . join(', ', map { qq("2024-01-0$_": {"1. open": "$_.1", "2. high": )
            . qq("$_.9", "3. low": "$_.0", "4. close": "$_.5", "5. volume": )
            . qq("${_}00"}) } 4, 3, 2) . '}}';
}

sub manner_ok { reply(200, body($_[0])) }
sub manner_whole { reply(200, whole($_[0])) }
sub manner_changing { reply(200, body($_[0], "1.500$_[1]")) }
sub manner_endless { faulty($_[0], 'endless') }
sub manner_reset { faulty($_[0], 'reset', at => 40) }
sub manner_slow { faulty($_[0], 'slow', body_only => 1, every => 1) }
sub manner_gzip { faulty($_[0], 'gzip') }
sub manner_bad_gzip { faulty($_[0], 'bad_gzip') }
sub manner_hang { faulty($_[0], 'stall', at => 'start') }
sub manner_gate { faulty($_[0], 'gate') }
sub manner_down { reply(503, '<html>down</html>') }
sub manner_text { reply(200, "come back later\n") }
sub manner_html { reply(200, '<html>maintenance</html>') }

sub manner_cut {
    my ($rest, $count) = @_;

    return $count > 1 ? manner_ok($rest) : faulty($rest, 'fin', at => 40);
}

sub manner_flaky {
    my ($rest, $count) = @_;

    return reply(502, '<html>bad gateway</html>') if $count <= 2;
    return manner_ok($rest);
}

sub manner_retry_after {
    my ($rest, $count) = @_;

    return reply(429, 'slow down', headers => [ 'Retry-After' => 1 ])
        if $count == 1;
    return manner_ok($rest);
}

sub manner_html400 {
    my ($rest, $count) = @_;

    return reply(400, '<html>Bad Request</html>') if $count == 1;
    return manner_ok($rest);
}

sub key_of { $_[0] =~ /[?&]apikey=([^&]+)/ ? $1 : '' }

sub manner_daily {
    my ($rest) = @_;

    return reply(200, '{"Information": "We have detected your API key as '
        . key_of($rest) . ' and our standard API rate limit is 25 requests '
        . 'per day. Please subscribe to any of the premium plans"}');
}

sub manner_second {
    my ($rest, $count) = @_;

    return manner_ok($rest) if $count > 1;
    return reply(200, '{"Information": "Please consider spreading out your '
        . 'free API requests more sparingly (1 request per second). ... (25 '
        . 'requests per day)"}');
}

sub manner_auth {
    my ($rest) = @_;

    return manner_ok($rest) if key_of($rest) =~ /^good/;
    return reply(200,
        '{"Error Message": "the parameter apikey is invalid or missing."}');
}

sub manner_echo {
    my ($rest) = @_;

    return reply(200, '{"Error Message": "Invalid API call for '
        . key_of($rest) . '"}');
}

# ---- manner "market"

sub bars {
    my ($market, $name, $symbol, @times) = @_;

    my $rows = join ',', map {
        my ($day) = /^(\S+)/;
        my $close = $market->{close}{"$symbol $day"} // 10 + day($day) % 7;
        sprintf '"%s":{"1. open":"%s","2. high":"%s","3. low":"%s",'
            . '"4. close":"%s","5. volume":"100"}', $_, ($close) x 4;
    } reverse @times;
    return qq({"Meta Data":{"2. Symbol":"$symbol","5. Time Zone":"US/Eastern"},)
        . qq("Time Series ($name)":{$rows}});
}

sub years {
    my ($market, $rest, %q) = @_;

    my ($country, $indicator) = $rest =~ m{/country/(\w+)/indicator/([^?]+)};
    my ($first, $last) = map { substr $market->{$_}, 0, 4 } qw/ from to /;
    my ($from, $to) = split /:/, $q{date} // "$first:$last";
    $to //= $from;
    $from = $first if $from < $first;
    $to = $last - 2 if $to > $last - 2;
    my @years = reverse $from .. $to;
    my $pages = POSIX::ceil(@years / $q{per_page});
    my $at = ($q{page} - 1) * $q{per_page};
    my $end = $at + $q{per_page} - 1;
    $end = $#years if $end > $#years;
    my @rows = map { sprintf '{"indicator":{"id":"%s","value":"x"},'
            . '"country":{"id":"%s","value":"x"},"countryiso3code":"%s",'
            . '"date":"%s","value":%s,"unit":"","obs_status":"",'
            . '"decimal":0}', $indicator, substr($country, 0, 2), $country, $_,
            $_ / 4 } @years[ $at .. $end ];
    return sprintf '[{"page":%d,"pages":%d,"per_page":%d,"total":%d},%s]',
        $pages ? $q{page} : 0, $pages, $q{per_page}, scalar @years,
        @rows ? '[' . join(',', @rows) . ']' : 'null';
}

sub market_of {
    my ($market, $rest) = @_;

    for my $say (@{ $market->{say} // [] }) {
        return ($say->[2] // 200, $say->[1]) if $rest =~ /$say->[0]/;
    }
    my %q = map { split /=/, $_, 2 } split /&/, $rest =~ s/^[^?]*\?//r;
    return (200, years($market, $rest, %q)) if $rest =~ m{/indicator/};

    my @days = map { date($_) } week_days(day($market->{from}),
        day($market->{to}));
    if ($q{function} eq 'TIME_SERIES_INTRADAY') {
        return (200, '{"Error Message": "Invalid API call. Please retry or '
            . 'visit the documentation"}')
            if $q{month} lt substr($market->{from}, 0, 7)
            || $q{month} gt substr(date(time / 86400), 0, 7);
        return (200, bars($market, '5min', $q{symbol}, map { ("$_ 10:00:00",
                "$_ 10:05:00") } grep { index($_, $q{month}) == 0 } @days));
    }
    @days = @days[ -100 .. -1 ]
        if ($q{outputsize} // '') eq 'compact' && @days > 100;
    return (200, bars($market, 'Daily', $q{symbol}, @days));
}

sub manner_market {
    my ($rest, $count, $self) = @_;

    my $market = { from => '2020-01-01', to => date(time / 86400 - 1),
        %{ $self->{market} } };
    return reply(market_of($market, $rest),
        $self->{held} ? (also => [ 'gate', name => 'market' ]) : ());
}

1;
