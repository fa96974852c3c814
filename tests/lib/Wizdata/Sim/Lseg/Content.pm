package Wizdata::Sim::Lseg::Content;

# ESG views, symbology and search of the simulated LSEG Data Platform; what of
# it is documented, recorded and synthetic is told in Wizdata::Sim::Lseg.

use warnings;
use strict;

use Wizdata::Sim::Answer;
use Wizdata::Sim::Figures;
use Wizdata::Sim::Json;
use Wizdata::Sim::Series;

# ---- ESG

use constant { MAX_UNIVERSE => 100 };

my @MEASURES = map { [ $_->[0], $_->[1], 'number' ] }
    ([ 'TR.CO2EmissionTotal', 'CO2 Equivalent Emissions Total' ],
    [ 'TR.EnergyUseTotal', 'Energy Use Total' ],
    [ 'TR.AnalyticBoardFemale', 'Board Gender Diversity, Percent' ]);

sub columns_of {
    my ($view) = @_;

    my @all = map { [ @{$_}{qw/ name title type /} ] }
        Wizdata::Sim::Figures::table('lseg-esg');
    my @key = @all[0, 1];
    return (@key, [ 'TR.TRESGScore', 'ESG Score', 'number' ],
        @all[2 .. $#all]) if $view =~ /^scores-/;
    return (@key, @MEASURES) if $view =~ /^measures-/;
    return @all;
}

sub esg {
    my ($self, $req) = @_;

    my $view = $req->{segments}[4] // '';
    return Wizdata::Sim::Lseg::error(404, 'Not Found',
        'The view is not found') if $view !~ /^(basic|(scores|measures)-
        (full|standard))$/x;
    my @universe = split /,/, $req->{query}{universe} // '';
    return Wizdata::Sim::Lseg::error(400, 'Bad Request',
        'Validation error: universe is missing') if !@universe;
    return Wizdata::Sim::Lseg::error(400, 'Bad Request',
        'Validation error: universe is too long') if @universe > MAX_UNIVERSE;
    my @known = grep { $self->{instruments}{$_} || $self->{any} } @universe;
    return Wizdata::Sim::Lseg::ok({ error => obj(code => num(412),
            description => 'Unable to resolve all requested identifiers.') })
        if !@known;
    return $self->esg_answer($req, $view, @known);
}

sub esg_answer {
    my ($self, $req, $view, @rics) = @_;

    my @columns = columns_of($view);
    my ($from, $to) = map { $req->{query}{$_} // 0 } qw/ start end /;
    my ($newest, $oldest) = $from >= $to ? ($from, $to) : ($to, $from);
    my @rows = map { my $ric = $_; map { $self->esg_row($ric, -$_, $view,
                @columns) } -$newest .. -$oldest } @rics;
    my $rows = spoil($req->{rows}, \@rows,
        \&number_cell);
    return Wizdata::Sim::Lseg::ok(obj(
        links => obj(count => num(scalar @$rows)),
        variability => $view eq 'basic' ? 'fixed' : 'variable',
        universe => [ map { obj(Instrument => $_, 'Company Common Name' =>
                    $self->{instruments}{$_}{name} // $_,
                'Organization PermID' => $self->{instruments}{$_}{permid}
                    // '4' . hash_of($_), 'Reporting Currency' => 'USD') }
                @rics ],
        data => $rows,
        messages => obj(
            codes => [ map { [ map { num(-1) } @columns ] } @$rows ],
            descriptions => [ obj(code => num(-1), description => 'ok') ]),
        headers => [ map { obj(name => $_->[0], title => $_->[1],
                type => $_->[2], $_->[2] eq 'number'
                ? (decimalChar => '.') : ()) } @columns ]));
}

# Fiscal years by how many there were since; 2020 is the newest one of IBM.N.
sub esg_row {
    my ($self, $ric, $back, $view, @columns) = @_;

    if ($ric eq 'IBM.N' && $back == 0 && $view eq 'basic') {
        return [ map { my $v = $_->{'IBM.N'}; $_->{type} eq 'number' ? num($v)
            : $v } Wizdata::Sim::Figures::table('lseg-esg') ];
    }
    my $year = ($ric eq 'IBM.N' ? 2020 : 2023) + $back;
    my $end = $ric eq 'VOD.L' ? "$year-03-31" : "$year-12-31";
    return [ $ric, $end, map { $_->[2] eq 'datetime'
            ? ($year + 1) . '-08-28T00:00:00'
            : num(price(hash_of($ric, $year, $_->[0]) % 10001)) }
            @columns[2 .. $#columns] ];
}

# ---- symbology

sub identifiers {
    my ($self, $ric) = @_;

    my @recorded = grep { $_->{RIC} eq $ric }
        Wizdata::Sim::Figures::table('lseg-symbology');
    return map { [ $_->{identifierType}, $_->{value} ] } @recorded
        if @recorded;
    my $number = sprintf '%010d', hash_of($ric);
    my @all = (['ISIN', "US${number}"], ['ExchangeTicker',
            $ric =~ s/\..*//r], ['LEI', "SYNTHETIC0$number"],
        ['PermID', "5$number"], ['CUSIP', substr $number, 1]);
    my $turn = hash_of($ric, 'order') % @all; # another order for each
    return @all[$turn .. $#all, 0 .. $turn - 1];
}

sub symbology {
    my ($self, $req) = @_;

    my $body = from_json($req->{body});
    my $from = ref $body eq 'HASH' && ref $body->{from} eq 'ARRAY'
        ? $body->{from} : [];
    my @values = map { my $types = $_->{identifierTypes} // [];
        map { [ $_, @$types ] } @{ $_->{values} // [] } } @$from;
    return Wizdata::Sim::Lseg::error(400, 'Bad Request',
        'Validation error: from is missing') if !@values;
    my %want = map { $_ => 1 } map { @{ $_->{identifierTypes} // [] } }
        @{ $body->{to} // [] };

    my (@data, @messages);
    for my $value (@values) {
        my ($ric, $type) = $self->resolve(@$value);
        if (!defined $ric) {
            push @messages, obj(code => 'not_found', message =>
                "$value->[0] is not resolved", values => [ $value->[0] ]);
            next;
        }
        my @output = grep { !%want || $want{ $_->[0] } }
            [ 'RIC', $ric ], $self->identifiers($ric);
        push @data, obj(input => [ obj(value => $value->[0],
                    identifierType => $type) ],
            output => [ map { obj(value => $_->[1],
                        identifierType => $_->[0]) }
                    grep { $_->[0] ne $type } @output ]);
    }
    return Wizdata::Sim::Lseg::ok(obj(data => \@data, requestId =>
            sprintf('00000000-0000-4000-9000-%012d', $req->{n}),
        effectiveAt => Wizdata::Sim::Lseg::Pricing::stamp(
            int $self->{server}->now()) =~ s/\.0{9}Z/.000Z/r,
        messages => \@messages));
}

sub resolve {
    my ($self, $value, @types) = @_;

    for my $ric (sort keys %{ $self->{instruments} }) {
        for (['RIC', $ric], $self->identifiers($ric)) {
            my ($type, $is) = @$_;
            next if $is ne $value;
            return ($ric, $type) if !@types || grep { $_ eq $type } @types;
        }
    }
    return;
}

# ---- search

my %VIEWS = map { $_ => 1 } qw/ CatalogItems Entities EquityQuotes Equities
    EquityInstruments Organisations SearchAll Instruments Quotes IndexQuotes
    FxQuotes /;

sub search {
    my ($self, $req) = @_;

    my $body = from_json($req->{body});
    return Wizdata::Sim::Lseg::error(400, 'Bad Request', 'Validation error')
        if ref $body ne 'HASH';
    return Wizdata::Sim::Lseg::error(400, 'Bad Request', 'Validation error',
        errors => [ obj(key => 'json', reason => 'json.View in body should be'
                . ' one of [' . join(' ', sort keys %VIEWS) . ']') ])
        if !$VIEWS{ $body->{View} // 'SearchAll' };

    my @hits = grep { found($_, $body) } map { $self->hit($_) }
        sort keys %{ $self->{instruments} };
    my $total = @hits;
    splice @hits, 0, $body->{Skip} // 0;
    my $top = $body->{Top} // 10;
    splice @hits, $top if @hits > $top;
    if (my $select = $body->{Select}) {
        my @names = split /\s*,\s*/, $select;
        @hits = map { my $hit = $_; +{ map { exists $hit->{$_}
                    ? ($_ => $hit->{$_}) : () } @names } } @hits;
    }
    return Wizdata::Sim::Lseg::ok(obj(Total => num($total), Hits => \@hits,
        $body->{Navigators} ? (Buckets => [ obj(Label => 'Synthetic Exchange',
                    Count => num($total)) ]) : ()));
}

sub hit {
    my ($self, $ric) = @_;

    return { BusinessEntity => 'QUOTExEQUITY', DocumentTitle =>
            "$self->{instruments}{$ric}{name}, Ordinary Share, Synthetic",
        PermID => '5' . hash_of($ric), PI => '' . hash_of($ric) % 10_000_000,
        RIC => $ric };
}

# A word of the title or the RIC; a filter of the form NAME eq 'VALUE'.
sub found {
    my ($hit, $body) = @_;

    my $query = $body->{Query};
    return 0 if defined $query && length $query
        && index(lc "$hit->{DocumentTitle} $hit->{RIC}", lc $query) < 0;
    my ($name, $value) = ($body->{Filter} // '') =~ /^\s*(\w+)\s+eq\s+'(.*)'/
        or return 1;
    return ($hit->{$name} // '') eq $value =~ s/''/'/gr;
}

1;
