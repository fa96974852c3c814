package Wizdata::Sim::Figures;

# The recorded figures of tests/fixtures/simulators, as lists of hashes.

use warnings;
use strict;

use File::Basename qw/ dirname /;

my $folder = dirname(__FILE__) . '/../../../fixtures/simulators';
my %TABLE;

sub table {
    my ($name) = @_;

    return @{ $TABLE{$name} //= read_table($name) };
}

sub read_table {
    my ($name) = @_;

    open my $f, '<:encoding(UTF-8)', "$folder/$name.tsv"
        or die "$folder/$name.tsv: $!";
    chomp(my @lines = <$f>);
    my @names = split /\t/, shift @lines;
    return [ map {
            my %row;
            @row{@names} = map { length ? $_ : undef } split /\t/, $_, -1;
            \%row;
        } @lines ];
}

1;
