package Wizdata::Sim::WorldBank;

=encoding utf8

=head1 NAME

Wizdata::Sim::WorldBank - a simulator of the World Bank's Indicators API v2

=head1 SYNOPSIS

    my $sim = Wizdata::Sim::WorldBank->start();
    GET $sim->url('/v2/country/FRA/indicator/NY.GDP.MKTP.CD?format=json')

    $sim->set(trap => 'short');
    $sim->fault('status', status => 502, times => 1);
    $sim->fault('status', status => 400, times => 1);   # an HTML page

=head1 PATHS

    /v2/[fr/]country/{all|codes}/indicator/{codes}
    /v2/country[/{codes}], /indicator[/{code}], /source[/{id}], /topic,
    /region, /incomeLevel, /lendingType      (plurals as well)
    /v2/sources/{id}/country/{codes}/series/{codes}/time/{YR2010|all}

=head1 DESCRIPTION

B<Documented>: paths; XML unless C<format=json> (jsonP; others are error 111);
date (a year, a range, months, quarters), per_page (50 unless said), page, mrv
(periods, null ones too), mrnev (the newest that are not null), source,
footnote; at most 60 indicators in a call, with source then; 4,000 characters
of URL (else 414, HTML); the error ids. B<Recorded>: the shapes of JSON and XML;
per_page is a text on metadata and a number on data calls; sourceid is null
with several indicators; countryiso3code is empty for some aggregates and, in
source 15, for all, where country.id has three letters; null rows are
delivered; the newest year is null; newest first within a country; GDP of
France (NY.GDP.MKTP.CD, FRA); 14 countries and aggregates; six sources. Errors
120 and 175 come with 200, 111 with 404, 140 and 150 with 400, no data is a
page object of zeros and null. Clients report that footnote=y is 400 with HTML
where a source has no metadata (here: source 15), and jsonstat for all
countries 502.

B<Synthetic>: all other values, 120 indicators SYN.* to page through, errors in
XML, a page past the last one (null instead of rows), a source named explicitly
has one year more.

=head2 Settings

C<trap>: pages0 (an empty list says page "1" of "0"), short (the last page
lacks two of the rows that total counts), same (every page is page 1).
C<lastupdated> (2024-05-30); C<edition> (1: another number restates the last
two years), C<years> ('1960:2023'), C<per_page_max> (32500), C<lag> (1: newest
years that are null), C<archived> (list), C<indicators> (hash: code to name,
source, kind Y, Q or M, topics).

=cut

use warnings;
use strict;

use Wizdata::Sim;
use Wizdata::Sim::Answer;
use Wizdata::Sim::Figures;
use Wizdata::Sim::Json;
use Wizdata::Sim::Series;
use Wizdata::Sim::WorldBank::Xml;

use parent -norequire, 'Wizdata::Sim';

use constant { MAX_INDICATORS => 60, MAX_URL => 4000 };

sub settings {
    return (trap => undef, lastupdated => '2024-05-30', edition => 1,
        years => '1960:2023', per_page_max => 32_500, lag => 1,
        archived => ['EN.ATM.CO2E.PC'], indicators => { known() });
}

sub known {
    return (
        'NY.GDP.MKTP.CD' => { name => 'GDP (current US$)', source => 2,
            topics => [3] },
        'FP.CPI.TOTL.ZG' => { name => 'Inflation, consumer prices (annual %)',
            source => 2, topics => [ 3, 7 ] },
        'SP.POP.TOTL' => { name => 'Population, total', source => 2,
            also => 75, topics => [8] },
        'EG.FEC.RNEW.ZS' => { name => 'Renewable energy consumption (%)',
            source => 75, topics => [5] },
        'GOV_WGI_GE.EST' => { name => 'Government Effectiveness: Estimate',
            source => 3, also => 75, topics => [13] },
        'CPTOTSAXN' => { name => 'CPI Price, seas. adj.', source => 15,
            kind => 'M', topics => [3] },
        'NEER' => { name => 'Nominal Effective Exchange Rate', source => 15,
            kind => 'Q', topics => [3] },
        map { sprintf('SYN.%03d.ZS', $_) => { name => "Synthetic <$_> & \"co\"",
                source => 2, topics => [$_ % 20 + 1] } } 1 .. 120,
    );
}

my %MESSAGE = (
    105 => [ 503, 'Service currently unavailable',
        'The requested service is temporarily unavailable.' ],
    111 => [ 404, 'Invalid format', 'The requested format is not known' ],
    120 => [ 200, 'Invalid value',
        'The provided parameter value is not valid' ],
    140 => [ 400, 'Endpoint not found', 'The requested endpoint is not known' ],
    150 => [ 400, 'Language not supported',
        'The requested language is not supported' ],
    175 => [ 200, 'Invalid format', 'The indicator was not found. It may have'
            . ' been deleted or archived.' ],
);

sub failed {
    my ($req, $id) = @_;

    my ($status, $key, $text) = @{ $MESSAGE{$id} };
    return Wizdata::Sim::Answer->json($status, to_json([ { message =>
                [ obj(id => "$id", key => $key, value => $text) ] } ]))
        if ($req->{query}{format} // '') =~ /^json/i;
    return Wizdata::Sim::Answer->of_type('text/xml; charset=utf-8', $status,
        xml_error($id, $key, $text));
}

sub page { Wizdata::Sim::Answer->html($_[0],
        "<html><body><h1>$_[0]</h1></body></html>") }

# ---- paths

my %LIST = (country => 'countries', countries => 'countries',
    indicator => 'indicators', indicators => 'indicators',
    source => 'sources', sources => 'sources', topic => 'topics',
    topics => 'topics', region => 'regions', regions => 'regions',
    incomelevel => 'incomes', incomelevels => 'incomes',
    lendingtype => 'lendings', lendingtypes => 'lendings');

sub answer {
    my ($self, $req) = @_;

    return page(414) if length $req->{target} > MAX_URL;
    my ($version, @path) = @{ $req->{segments} };
    pop @path if @path && $path[-1] eq '';
    return failed($req, 150) if $version ne 'v2'; # taken for a language
    if (@path && $path[0] =~ /^[a-z]{2}$/) {
        return failed($req, 150)
            if shift(@path) !~ /^(en|es|fr|ar|zh|bg|de|hi|id|ja|km|mn|pl|pt|ro|
            ru|sq|th|tr|uk|vi)$/x;
    }
    my $format = lc($req->{query}{format} // 'xml');
    return page(502) if $format eq 'jsonstat';
    return failed($req, 111) if $format !~ /^(json|jsonp|xml)$/;
    my $kind = $LIST{ lc($path[0] // '') } // return failed($req, 140);
    return $self->data($req, @path[1, 3])
        if $kind eq 'countries' && ($path[2] // '') =~ /^indicators?$/i;
    return $self->advanced($req, @path) if $kind eq 'sources' && @path > 2;
    return failed($req, 140) if @path > 2;
    return $self->list($req, $kind, $path[1]);
}

# The part of the rows that was asked for, and the page object.
sub paged {
    my ($self, $req, $rows, %o) = @_;

    my $size = $req->{query}{per_page} // 50;
    my $n = $req->{query}{page} // 1;
    return failed($req, 120) if grep { !/^[1-9]\d{0,6}$/ } $size, $n;
    return failed($req, 120) if $size > $self->{per_page_max};
    my $total = @$rows;
    my $trap = $self->{trap} // '';
    my $pages = int(($total + $size - 1) / $size);
    my $from = ($trap eq 'same' ? 0 : $n - 1) * $size;
    my @part = grep { defined } @$rows[ $from .. $from + $size - 1 ];
    splice @part, -2 if $trap eq 'short' && $n >= $pages && @part > 2;
    my @page = $trap eq 'pages0' ? (page => '1', pages => '0',
        per_page => "$size", total => '0')
        : !$total ? map { $_ => num(0) } qw/ page pages per_page total /
        : (page => num($n), pages => num($pages), per_page => $o{metadata}
        ? "$size" : num($size), total => num($total));
    @part = () if $trap eq 'pages0';
    push @page, @{ $o{more} // [] };
    return $self->written($req, $o{what}, \@page, @part ? \@part : undef);
}

sub written {
    my ($self, $req, $what, $page, $rows) = @_;

    my $format = lc($req->{query}{format} // 'xml');
    if ($format eq 'xml') {
        return Wizdata::Sim::Answer->of_type('text/xml; charset=utf-8', 200,
            xml_of($what, $page, $rows));
    }
    my $json = to_json([ obj(@$page), $rows ]);
    return Wizdata::Sim::Answer->of_type('application/javascript', 200,
        ($req->{query}{prefix} // 'getdata') . "($json)")
        if $format eq 'jsonp';
    return Wizdata::Sim::Answer->of_type('application/json;charset=utf-8',
        200, $json);
}

# ---- lists

sub list {
    my ($self, $req, $kind, $codes) = @_;

    my @rows = $self->$kind();
    if (defined $codes && lc $codes ne 'all') {
        my @found;
        for my $code (split /;/, $codes) {
            my ($row) = grep { my %r = @$_; grep { lc($_ // '') eq lc $code }
                @r{qw/ id iso2Code code iso2code /} } @rows;
            return failed($req, $kind eq 'indicators' ? 175 : 120) if !$row;
            push @found, $row;
        }
        @rows = @found;
    }
    return $self->paged($req, \@rows, metadata => 1, what => $kind);
}

sub pair {
    my ($row, $name) = @_;

    return obj(id => $row->{$name} // '', iso2code => $row->{"${name}_iso2"}
            // '', value => $row->{"${name}_name"} // '');
}

sub countries {
    return map { obj(id => $_->{id}, iso2Code => $_->{iso2},
            name => $_->{name}, region => pair($_, 'region'),
            adminregion => obj(id => '', iso2code => '', value => ''),
            incomeLevel => pair($_, 'income'),
            lendingType => pair($_, 'lending'),
            map { my $name = $_->[0]; $name => $_->[1] } [ capitalCity =>
                $_->{capital} // '' ], [ longitude => $_->{longitude} // '' ],
            [ latitude => $_->{latitude} // '' ]) }
        Wizdata::Sim::Figures::table('worldbank-countries');
}

sub sources {
    return map { obj(id => $_->{id}, lastupdated => $_->{lastupdated},
            name => $_->{name}, code => $_->{code}, description => '',
            url => '', dataavailability => 'Y', metadataavailability =>
                $_->{id} eq '15' ? 'N' : 'Y', concepts => $_->{concepts}) }
        Wizdata::Sim::Figures::table('worldbank-sources');
}

sub topics {
    return map { obj(id => "$_", value => "Synthetic topic $_",
            sourceNote => "What topic $_ is about.") } 1 .. 21;
}

sub distinct {
    my ($name, @members) = @_;

    my %seen;
    return grep { !$seen{ join '/', @$_ }++ } map { my $row = $_;
        obj(map { ref $_ ? @$_ : () } [ id => $row->{$name} // '' ],
            map { [ $_->[0] => $row->{"${name}_$_->[1]"} // '' ] } @members) }
        Wizdata::Sim::Figures::table('worldbank-countries');
}

sub regions {
    return map { my %r = @$_; obj(id => '', code => $r{id},
            iso2code => $r{iso2code}, name => $r{name}) }
        distinct('region', [ iso2code => 'iso2' ], [ name => 'name' ]);
}

sub incomes { distinct('income', [ iso2code => 'iso2' ], [ value => 'name' ]) }

sub lendings {
    return distinct('lending', [ iso2code => 'iso2' ], [ value => 'name' ]);
}

sub source_name {
    my ($id) = @_;

    my ($row) = grep { $_->{id} eq $id }
        Wizdata::Sim::Figures::table('worldbank-sources');
    return $row ? $row->{name} : '';
}

sub indicators {
    my ($self) = @_;

    my $all = $self->{indicators};
    return map { my $it = $all->{$_}; obj(id => $_, name => $it->{name},
            unit => '', source => obj(id => "$it->{source}",
                value => source_name($it->{source})),
            sourceNote => "A note,\nin two lines.",
            sourceOrganization => 'Synthetic',
            topics => [ map { obj(id => "$_", value => "Synthetic topic $_") }
                    @{ $it->{topics} } ]) } sort keys %$all;
}

# ---- data

sub data {
    my ($self, $req, $places, $codes) = @_;

    my @codes = split /;/, $codes // '';
    return failed($req, 120) if !@codes || @codes > MAX_INDICATORS;
    my $source = $req->{query}{source};
    return failed($req, 120) if @codes > 1 && !defined $source;
    for my $code (@codes) {
        return failed($req, 175) if $code =~ /^\d+$/
            || grep { $_ eq $code } @{ $self->{archived} };
        my $it = $self->{indicators}{$code} // return failed($req, 120);
        return failed($req, 120) if defined $source && $source ne
            $it->{source} && $source ne ($it->{also} // '');
    }
    return page(400) if ($req->{query}{footnote} // '') =~ /^y/i
        && $self->source_of($codes[0], $source) == 15;
    my @places = $self->places($places // '');
    return failed($req, 120) if !@places;
    my $periods = $self->periods_of($codes[0], $source, $req->{query}{date});
    return failed($req, 120) if !$periods;

    my @rows = map { my $code = $_; map { $self->rows_of($code, $source, $_,
                $periods, $req) } @places } @codes;
    return $self->paged($req, \@rows, what => 'data', more => [
        sourceid => @codes > 1 || !@rows ? undef
            : $self->source_of($codes[0], $source) . '',
        lastupdated => @rows ? $self->{lastupdated} : undef ]);
}

sub source_of {
    my ($self, $code, $source) = @_;

    return $source // $self->{indicators}{$code}{source};
}

# Countries by their codes, of two letters or three, in any case.
sub places {
    my ($self, $codes) = @_;

    my @all = Wizdata::Sim::Figures::table('worldbank-countries');
    return @all if lc $codes eq 'all';
    my @found;
    for my $code (split /;/, $codes) {
        my ($place) = grep { lc $_->{id} eq lc $code
                || lc $_->{iso2} eq lc $code } @all;
        return if !$place;
        push @found, $place;
    }
    return @found;
}

# Newest first; nothing when the range cannot be read.
sub periods_of {
    my ($self, $code, $source, $range) = @_;

    my ($first, $last) = split /:/, $self->{years};
    $last++ if defined $source;
    my $kind = $self->{indicators}{$code}{kind} // 'Y';
    my @all = map { my $year = $_; $kind eq 'Y' ? $year
            : $kind eq 'Q' ? map({ "${year}Q$_" } 1 .. 4)
            : map({ sprintf '%dM%02d', $year, $_ } 1 .. 12) } $first .. $last;
    return [ reverse @all ] if !defined $range;
    my ($from, $to) = $range =~ /^(\d{4}(?:[MQ]\d+)?)
        (?::(\d{4}(?:[MQ]\d+)?))?$/x or return;
    $to //= $from;
    return [ reverse grep { $_ ge $from && substr($_, 0, length $to) le $to }
        @all ];
}

sub rows_of {
    my ($self, $code, $source, $place, $periods, $req) = @_;

    my @rows = map { [ $_, $self->value($code, $source, $place, $_) ] }
        @$periods;
    if (my $n = $req->{query}{mrnev}) {
        @rows = grep { defined $_->[1] } @rows;
        splice @rows, $n if @rows > $n;
    } elsif ($n = $req->{query}{mrv}) {
        splice @rows, $n if @rows > $n;
    }
    @rows = @{ spoil($req->{rows}, \@rows, \&number_cell) };
    my $short = $self->source_of($code, $source) == 15;
    return map { obj(
            indicator => obj(id => $code,
                value => $self->{indicators}{$code}{name}),
            country => obj(id => $short ? $place->{id} : $place->{iso2},
                value => $place->{name}),
            countryiso3code => $short || ($place->{id} eq 'AFE') ? ''
                : $place->{id},
            date => $_->[0], value => $_->[1], unit => '', obs_status => '',
            decimal => num(0)) } @rows;
}

# The newest years have none, and one in nine is missing.
sub value {
    my ($self, $code, $source, $place, $period) = @_;

    if ($code eq 'NY.GDP.MKTP.CD' && $place->{id} eq 'FRA') {
        my ($row) = grep { $_->{date} eq $period }
            Wizdata::Sim::Figures::table('worldbank-gdp-fra');
        return defined $row->{value} ? num($row->{value}) : undef if $row;
    }
    my $year = substr $period, 0, 4;
    my $newest = (split /:/, $self->{years})[1] + (defined $source ? 1 : 0);
    return undef if $year > $newest - $self->{lag};
    my $restated = $year > $newest - $self->{lag} - 2 ? $self->{edition} : 1;
    my $h = hash_of($code, $place->{id}, $period, $restated);
    return undef if $h % 9 == 0;
    return num(sprintf '%d.%d', $h % 100_000, $h % 9973);
}

# /sources/{id}/country/{codes}/series/{codes}/time/{YR2010;...|all}
sub advanced {
    my ($self, $req, undef, $source, %by) = @_;

    my @places = $self->places($by{country} // 'all');
    my @codes = split /;/, $by{series} // '';
    return failed($req, 120) if !@places || !@codes
        || grep { !$self->{indicators}{$_} } @codes;
    my $time = $by{time} // 'all';
    my %wanted = map { $_ => 1 } split /;/, $time;
    my @data;
    for my $code (@codes) {
        for my $place (@places) {
            push @data, map { obj(variable => [
                        obj(concept => 'Country', id => $place->{id},
                            value => $place->{name}),
                        obj(concept => 'Series', id => $code,
                            value => $self->{indicators}{$code}{name}),
                        obj(concept => 'Time', id => "YR$_", value => $_) ],
                    value => $self->value($code, $source, $place, $_)) }
                grep { $time eq 'all' || $wanted{"YR$_"} }
                @{ $self->periods_of($code, $source) };
        }
    }
    my $size = $req->{query}{per_page} // 50;
    my $n = $req->{query}{page} // 1;
    my $total = @data;
    @data = grep { defined } @data[ ($n - 1) * $size .. $n * $size - 1 ];
    return Wizdata::Sim::Answer->json(200, to_json(obj(page => num($n),
        pages => num(int(($total + $size - 1) / $size)),
        per_page => num($size), total => num($total), sourceid => undef,
        lastupdated => $self->{lastupdated}, source => obj(id => $source,
            name => source_name($source), data => \@data))));
}

1;
