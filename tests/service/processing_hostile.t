#!/usr/bin/perl

# Hostile values, symbols and orders of rows in payloads of each provider: a
# value costs the figure that it stands for and no other, an odd symbol is
# stored as it is or refused in words, and neither the order of rows nor rows
# that come twice change what is stored.

use utf8;
use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Postgres;
use Wizdata::Processing;

my $json = JSON::PP->new->canonical;
my $pg = Wizdata::Postgres->start();
my $pr = Wizdata::Processing->start($pg);
my $AT = '2024-05-10T00:00:00Z';

# A value as a file has it, where nothing is quoted.
sub bare { return $_[0] =~ s/^"(.*)"$/$1/r }
sub us_date { return $_[0] =~ s/^(\d+)-(\d+)-(\d+)$/$2\/$3\/$1/r }
sub text { return $json->allow_nonref->encode($_[0]) }

# How each gives a figure of days: rows are [day, value as it stands in JSON].
# It is the close of a bar, an observation of a year, or a figure of its own.
my %GIVES = (
    'Alpha Vantage' => { provider => 'alphavantage', dataset => 'daily',
        kind => 'bar', args => sub { (symbol => $_[0]) },
        body => sub { '{"Meta Data":{"2. Symbol":' . text(shift)
            . ',"5. Time Zone":"US/Eastern"},"Time Series (Daily)":{'
            . join(',', map { qq("$_->[0]":{"1. open":"2","2. high":"4",)
                . qq("3. low":"1","4. close":$_->[1]}) } @_) . '}}' } },
    'Alpha Vantage (CSV)' => { provider => 'alphavantage', dataset => 'daily',
        kind => 'bar', flat => 1, args => sub { (symbol => $_[0]) },
        body => sub { my ($who, @rows) = @_;
            return join "\r\n", 'timestamp,open,high,low,close,volume', (map {
                "$_->[0],2,4,1," . ($_->[1] =~ /,/ ? $_->[1] : bare($_->[1]))
                    . ',7' } @rows), '' } },
    'World Bank' => { provider => 'worldbank', dataset => 'indicator',
        kind => 'observation', args => sub { (indicator => $_[0],
                country => 'FR') },
        body => sub { my ($who, @rows) = @_;
            return '[{"page":1,"pages":1,"per_page":50,"total":' . @rows
                . '},[' . join(',', map { '{"indicator":{"id":' . text($who)
                    . ',"value":"x"},"country":{"id":"FR","value":"France"},'
                    . '"countryiso3code":"FRA","date":"20'
                    . substr($_->[0], 8) . qq(","value":$_->[1]}) } @rows)
                . ']]' } },
    'LSEG' => { provider => 'lseg', dataset => 'interday', kind => 'bar',
        args => sub { (identifiers => $_[0], interval => 'daily') },
        body => sub { '[{"universe":{"ric":' . text(shift) . '},"interval":'
            . '"P1D","summaryTimestampLabel":"endPeriod","adjustments":'
            . '["unadjusted"],"headers":[' . join(',', map { qq({"name":"$_"})
                } qw/ DATE OPEN_PRC HIGH_1 LOW_1 TRDPRC_1 /) . '],"data":['
            . join(',', map { qq(["$_->[0]",2,4,1,$_->[1]]) } @_) . ']}]' } },
    'Bloomberg, bridge' => { provider => 'bloomberg',
        dataset => 'bridge_history', kind => 'figure',
        args => sub { (identifiers => $_[0]) },
        body => sub { '{"data":[{"securityData":{"security":' . text(shift)
            . ',"fieldData":[' . join(',', map { qq({"date":"$_->[0]",)
                . qq("PX_BID":$_->[1]}) } @_) . ']}}],"status":0}' } },
    'Bloomberg, file' => { provider => 'bloomberg', dataset => 'history',
        kind => 'figure', flat => 1, args => sub { (identifiers => $_[0]) },
        body => sub { my ($who, @rows) = @_;
            return join "\n", 'START-OF-FILE', 'PROGRAMNAME=gethistory',
                'START-OF-FIELDS', 'PX_BID', 'END-OF-FIELDS', 'START-OF-DATA',
                "START SECURITY|$who|PX_BID|", (map { "$who|"
                    . us_date($_->[0]) . '|' . bare($_->[1]) . '|' } @rows),
                "END SECURITY|$who|PX_BID|0|", 'END-OF-DATA', 'END-OF-FILE',
                '' } },
    'S&P' => { provider => 'spglobal', dataset => 'history', kind => 'figure',
        args => sub { (identifiers => $_[0], fields => 'IQ_X',
                period => 'IQ_FY') },
        body => sub { '{"GDSSDKResponse":[{"ErrMsg":"","Function":"GDSHE",'
            . '"Identifier":' . text(shift) . ',"Mnemonic":"IQ_X","Headers":'
            . '["IQ_X","AsOfDate"],"Rows":[' . join(',', map { '{"Row":['
                . "$_->[1],\"" . us_date($_->[0]) . '"]}' } @_) . ']}]}' } },
);
my @names = sort keys %GIVES;

# Into the lake; the number of the payload.
my @events;
sub store {
    my ($name, $who, @rows) = @_;

    my $g = $GIVES{$name};
    my $body = $g->{body}->($who, @rows);
    my %args = $g->{args}->($who);
    utf8::encode($_) for $body, values %args;
    my $event = $pr->store($g->{provider}, $g->{dataset}, \%args, $AT, $body);
    push @events, $event;
    return $json->decode($event)->{seq};
}

# All that was stored, to the processing.
sub process {
    $pr->publish(splice @events, 0, 50) while @events;
    return ok($pr->drained(120), 'consumed');
}

my %query = (bar => 'SELECT raw_id, substr(ts::text, 1, 10), close FROM bar',
    observation => q(SELECT raw_id, '2024-05-' || substr(ts::text, 3, 2), value
        FROM observation),
    figure => q(SELECT raw_id, substr(period, length(period) - 9), value
        FROM fundamental));

# Of each payload "outcome: day value, ...; reason, ..." in the order of days.
sub results {
    my (%rows, %rejects, %is);

    for my $kind (keys %query) {
        for (split /\n/, $pg->psql($query{$kind} . ' ORDER BY 1, 2')) {
            my ($n, $day, $value) = split /\|/, $_, 3;
            push @{ $rows{$n} }, substr($day, 8) . ' '
                . (length $value ? $value : '-');
        }
    }
    for (split /\n/, $pg->psql('SELECT raw_id, reason FROM reject ORDER BY id')) {
        my ($n, $reason) = split /\|/;
        push @{ $rejects{$n} }, $reason;
    }
    for (split /\n/, $pg->psql('SELECT id, outcome FROM raw_object')) {
        my ($n, $outcome) = split /\|/;
        $is{$n} = join '; ', "$outcome: " . join(', ', @{ $rows{$n} // [] }),
            join(', ', @{ $rejects{$n} // [] }) || ();
    }
    return %is;
}

# ---- values: the rows around one are stored, whatever it is

# What is no number for all is text for those whose figures may be texts.
my %MEANS = (
    (map { ($_ => 'missing') } '"None"', '"none"', '""', '" "', '"-"', '"."',
        '"null"', 'null', '"N/A"', '"n/a"', '"NULL"'),
    (map { ($_ => 'none') } '"NaN"', 'NaN', '"Infinity"', '-Infinity', 'inf',
        '1e999', '"1e999"', '"-1E+400"'),
    (map { ($_ => 'text') } '"0x10"', '"1,234.5"', '"abc"', '"--"', '"#N/A"',
        '"1 000"', '"２"', '"NA"', '"1.2.3"', '"$5"', '"5%"', '"1e"'),
    (map { ($_ => 'bool') } 'true', 'false'),
    (map { ($_ => 'nested') } '[]', '{}', '[1]', '{"a":1}'),
    (map { ($_ => 2.5) } '"2.5"', '2.5', '"+2.5"', '" 2.5 "', '"2.5 "',
        '"2.5e0"', '"2.50"', '25e-1'),
    '".5"' => 0.5, '"5."' => 5, '-2.5' => -2.5, '0' => 0, '"0"' => 0,
    '1e-300' => 1e-300,
);
my @values = sort keys %MEANS;

sub expected {
    my ($name, $value) = @_;

    my $kind = $GIVES{$name}{kind};
    my $means = $MEANS{$value};
    my $bad = 'not_a_number';
    my $is;
    if ($means eq 'missing') {
        $kind eq 'bar' ? ($bad = 'missing_price') : ($is = '-');
    } elsif ($means eq 'text' || $means eq 'bool') {
        $is = bare($value) if $kind eq 'figure';
        # Where there are only texts "false" is one, else it says nothing.
        $bad = 'missing_price' if $value eq 'false'
            && $name eq 'Alpha Vantage';
    } elsif ($means eq 'nested') {
        $bad = 'syntax' if $name eq 'Bloomberg, bridge';
    } elsif ($means ne 'none') {
        $kind eq 'bar' && $means <= 0 ? ($bad = 'price_not_positive')
            : ($is = $kind eq 'figure' ? bare($value) =~ s/^ +| +$//gr
                : $means);
    }
    utf8::encode($is) if defined $is;
    return defined $is ? "stored: 01 3, 02 $is, 03 2"
        : "stored: 01 3, 03 2; $bad";
}

my %number;
for my $k (0 .. $#names) {
    my $name = $names[$k];
    for my $i (0 .. $#values) {
        next if $GIVES{$name}{flat} && $MEANS{ $values[$i] } eq 'nested';
        $number{$name}{ $values[$i] } = store($name, "V$k.$i",
            [ '2024-05-03', '"2"' ], [ '2024-05-02', $values[$i] ],
            [ '2024-05-01', '3' ]);
    }
}
process();
my %is = results();
for my $name (@names) {
    for my $value (grep { $number{$name}{$_} } @values) {
        is($is{ $number{$name}{$value} }, expected($name, $value),
            "$name: " . $value =~ s/([^ -~])/sprintf '\\x{%x}', ord $1/ger);
    }
}

# ---- symbols: stored as they are, in upper case, or refused

my @SYMBOLS = ('BRK.B', 'RDS/A', '^SPX', '.SPX', 'EUR=', '-A', 'A:B', 'a_b.n',
    'NULL', 'None', 'NaN', '0', '1E5', 'A B', 'a  b c', 'x' x 32, 'x' x 33,
    ' ', '', "O'R", '"Q"', 'X%Y', 'A&B', 'A\\B', 'A;B', '<b>', '{A}', '$A',
    'A*', '=1+1', 'A@B', 'A~B', "A\nB", "A\tB", 'A|B', '％', 'Ü',
    "A\x{200b}B", "\x{202e}AB");

sub symbol_of {
    my ($name, $who) = @_;

    my $provider = $GIVES{$name}{provider};
    return $who =~ /^[\w.:-]{1,64}$/a ? $who : undef
        if $provider eq 'worldbank';
    $who =~ s/ +/_/g if $provider =~ /^(bloomberg|spglobal)$/;
    return $who =~ m{^[\w./:^=-]{1,32}$}a && $who =~ /[^_]/ ? uc $who : undef;
}

sub refusal_of {
    my ($name, $who) = @_;

    return qr/missing_field/ if $name eq 'World Bank';
    return qr/^rejected: ; (?:bad_symbol|syntax)/ if $name eq 'Bloomberg, file';
    return qr/bad_symbol|symbol_mismatch|item_mismatch/ if $name eq 'S&P';
    return qr/^rejected: ; bad_symbol$/;
}

my %asked;
for my $name (@names) {
    my @days = $GIVES{$name}{flat} ? qw/ 06 07 / : qw/ 01 02 /;
    $asked{$name}{$_} = store($name, $_, [ "2024-05-$days[1]", '2' ],
        [ "2024-05-$days[0]", '3' ]) for @SYMBOLS;
}
process();
%is = results();
my %whose = map { split /\|/, $_, 2 } split /\n/, $pg->psql('SELECT DISTINCT
    r.raw_id, symbol FROM (SELECT raw_id, instrument_id FROM bar UNION SELECT
    raw_id, instrument_id FROM fundamental UNION SELECT raw_id, NULL FROM
    observation) r LEFT JOIN instrument i ON i.id = instrument_id');
for my $name (@names) {
    for my $who (@SYMBOLS) {
        my $n = $asked{$name}{$who};
        my $symbol = symbol_of($name, $who);
        my $what = "$name: \"" . ($who =~ s/([^ -~])/sprintf '\\x{%x}',
            ord $1/ger) . '"';
        if (defined $symbol) {
            like($is{$n}, qr/^stored: \d\d 3, \d\d 2$/, "$what is stored");
            is($whose{$n}, $name eq 'World Bank' ? '' : $symbol, "as $symbol");
        } else {
            like($is{$n}, refusal_of($name, $who), "$what is refused");
            ok(!exists $whose{$n}, 'and nothing of it is stored');
        }
    }
}
is($pg->psql("SELECT count(*) FROM instrument WHERE symbol !~
    '^[A-Z0-9./:^=_-]{1,32}\$'"), 0, 'no other symbols came to be');

# ---- order and repetition

my @ROWS = ([ '2024-05-13', '2' ], [ '2024-05-14', '2.5' ],
    [ '2024-05-15', '3' ]);
my @ORDERS = (
    [ 'ascending' => '', 0, 1, 2 ],
    [ 'descending' => '', 2, 1, 0 ],
    [ 'in no order' => '', 1, 2, 0 ],
    [ 'twice the same' => '', 1, 0, 1, 2, 1 ],
);
$AT = '2024-05-20T00:00:00Z';
my %order;
for my $k (0 .. $#names) {
    my $name = $names[$k];
    $order{$name}{$_->[0]} = store($name, "O$k", @ROWS[ @$_[2 .. $#$_] ])
        for @ORDERS;
    $order{$name}{differs} = store($name, "D$k", @ROWS[ 2, 1 ],
        [ '2024-05-14', '3.5' ], $ROWS[0]);
}
process();
%is = results();
for my $name (@names) {
    my @stored = map { $pg->psql("SELECT outcome, stored, corrected, unchanged,
        rejected FROM raw_object WHERE id = $order{$name}{$_->[0]}") } @ORDERS;
    is($stored[$_], 'stored|' . ($_ ? '0|0|3' : '3|0|0') . '|0',
        "$name, $ORDERS[$_][0]") for 0 .. $#ORDERS;
    # The first counts; of figures of a period none does.
    is($is{ $order{$name}{differs} }, $name =~ /bridge|S&P/
        ? 'stored: 13 2, 15 3; ambiguous, ambiguous'
        : 'stored: 13 2, 14 2.5, 15 3; duplicate',
        "$name, a day twice that differs");
}

unlike($pr->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
