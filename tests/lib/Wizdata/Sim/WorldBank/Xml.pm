package Wizdata::Sim::WorldBank::Xml;

# The answers of the simulated World Bank in XML: the form of data is recorded,
# that of lists and errors from general knowledge.

use warnings;
use strict;

use Exporter 'import';

our @EXPORT = qw/ xml_of xml_error /;

my $HEAD = '<?xml version="1.0" encoding="utf-8"?>';
my $NAMESPACE = 'xmlns:wb="http://www.worldbank.org"';

my %ELEMENT = (data => 'data', countries => 'country',
    indicators => 'indicator', sources => 'source', topics => 'topic',
    regions => 'region', incomes => 'incomeLevel', lendings => 'lendingType');
my %ROOT = (incomes => 'IncomeLevels', lendings => 'lendingTypes');

sub escaped {
    my ($text) = @_;

    my %e = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
    return ($text // '') =~ s/([&<>"])/$e{$1}/gr;
}

sub xml_error {
    my ($id, $key, $text) = @_;

    return qq($HEAD<wb:error $NAMESPACE><wb:message id="$id" key=")
        . escaped($key) . '">' . escaped($text) . '</wb:message></wb:error>';
}

# A figure, a text or nothing.
sub plain {
    my ($v) = @_;

    return ref $v && ref $v ne 'ARRAY' && $v->isa('Wizdata::Sim::Json::Number')
        ? $$v : $v;
}

sub element {
    my ($name, $v) = @_;

    return join '', map { element($name, $_) } @$v if ref $v eq 'ARRAY';
    if (ref $v && $v->isa('Wizdata::Sim::Json::Object')) {
        my %of = @$v;
        return qq(<wb:$name id=") . escaped($of{id}) . '">'
            . escaped($of{value}) . "</wb:$name>";
    }
    my $text = plain($v);
    return defined $text && length $text
        ? "<wb:$name>" . escaped($text) . "</wb:$name>" : "<wb:$name/>";
}

sub xml_of {
    my ($what, $page, $rows) = @_;

    my %page = @$page;
    my $attributes = join ' ', map { qq($_=") . escaped(plain($page{$_}))
            . '"' } grep { exists $page{$_} && defined $page{$_} }
        qw/ page pages per_page total sourceid lastupdated /;
    my $root = $ROOT{$what} // $what;
    my $xml = join '', map { row($what, @$_) } @{ $rows // [] };
    utf8::encode($xml) if utf8::is_utf8($xml);
    return "$HEAD<wb:$root $attributes $NAMESPACE>$xml</wb:$root>";
}

sub row {
    my ($what, %row) = @_;

    my @names = grep { $_ ne 'id' || $what eq 'data' } sort keys %row;
    @names = qw/ indicator country countryiso3code date value unit obs_status
        decimal / if $what eq 'data';
    my $inner = join '', map { element($_, $row{$_}) } @names;
    my $name = $ELEMENT{$what};
    my $id = $what eq 'data' ? '' : ' id="' . escaped($row{id}) . '"';
    return "<wb:$name$id>$inner</wb:$name>";
}

1;
