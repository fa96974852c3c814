package Wizdata::Sim::Json;

# Writes JSON with nothing left to chance: a text is a string, whatever it
# looks like; num() is a figure as it is written; obj() keeps its order.
#
#     to_json(obj(date => '2024-01-02', value => num('1.50'), gone => undef))
#     {"date":"2024-01-02","value":1.50,"gone":null}

use warnings;
use strict;

use Exporter 'import';
use JSON::PP ();

our @EXPORT = qw/ to_json from_json obj num true false
    as_is number_cell /;

my $reader = JSON::PP->new->utf8->allow_nonref;

# What a client sent; nothing when it is not JSON.
sub from_json { return scalar eval { $reader->decode($_[0]) } }

sub obj { return bless [@_], 'Wizdata::Sim::Json::Object' }
sub num { return bless \(my $text = $_[0]), 'Wizdata::Sim::Json::Number' }
sub true { return num('true') }
sub false { return num('false') }

my %ESCAPE = ("\n" => '\n', "\r" => '\r', "\t" => '\t', '"' => '\"',
    '\\' => '\\\\');

# A setting as it was given: a number stays a number, a text a text.
sub as_is {
    my ($value) = @_;

    return $reader->encode($value) =~ /^"/ ? $value : num($value);
}

# A hostile value where figures are numbers: what is no number is a text, unless
# it is to be written bare.
sub number_cell {
    my ($text, $bare) = @_;

    return undef if !defined $text;
    return num($text) if $text =~ /^-?\d/ || ($bare && $text eq 'NaN');
    return $text;
}

sub quoted {
    my ($text) = @_;

    $text =~ s/([\x00-\x1f"\\])/$ESCAPE{$1} \/\/ sprintf '\u%04x', ord $1/ge;
    return qq("$text");
}

# Bytes, in UTF-8.
sub to_json {
    my $text = written($_[0]);

    utf8::encode($text);
    return $text;
}

sub written {
    my ($v) = @_;

    return 'null' if !defined $v;
    my $kind = ref $v or return quoted($v);
    return $$v if $kind eq 'Wizdata::Sim::Json::Number';
    return '[' . join(',', map { written($_) } @$v) . ']' if $kind eq 'ARRAY';
    if ($kind eq 'HASH') {
        return '{' . join(',', map { quoted($_) . ':' . written($v->{$_}) }
                sort keys %$v) . '}';
    }
    my @out;
    for (my $i = 0; $i < @$v; $i += 2) {
        push @out, quoted($v->[$i]) . ':' . written($v->[ $i + 1 ]);
    }
    return '{' . join(',', @out) . '}';
}

1;
