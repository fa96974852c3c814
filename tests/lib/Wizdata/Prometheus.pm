package Wizdata::Prometheus;

# A strict reader of the Prometheus text format: what real scrapers tolerate
# or refuse differently is refused here.

use warnings;
use strict;

use Exporter 'import';

our @EXPORT = qw/ prometheus_parse /;

my $NAME = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $LABEL = qr/[a-zA-Z_][a-zA-Z0-9_]*/;
my $VALUE = qr/[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Inf|NaN/;

sub labels {
    my ($text, $line) = @_;

    my %labels;
    while ($text =~ s/^($LABEL)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)//) {
        die "label $1 twice: $line\n" if exists $labels{$1};
        $labels{$1} = $2;
    }
    die "labels: $line\n" if length $text;
    return \%labels;
}

# The family that a sample of this name belongs to.
sub family_of {
    my ($families, $name) = @_;

    return $families->{$name} if $families->{$name};
    my ($base) = $name =~ /^(.*)_(?:bucket|sum|count)$/ or return;
    my $f = $families->{$base} or return;
    return ($f->{type} || '') =~ /^(histogram|summary)$/ ? $f : undef;
}

sub check_histogram {
    my ($f) = @_;

    my %series;
    for my $s (@{ $f->{samples} }) {
        my %l = %{ $s->{labels} };
        my $le = delete $l{le};
        my $key = join ',', map { "$_=$l{$_}" } sort keys %l;

        if ($s->{name} eq "$f->{name}_bucket") {
            die "$f->{name}: bucket without le\n" unless defined $le;
            my $last = $series{$key}{last};
            die "$f->{name}: buckets fall at le=$le\n"
                if defined $last && $s->{value} < $last;
            $series{$key}{last} = $s->{value};
            $series{$key}{inf} = $s->{value} if $le eq '+Inf';
        } else {
            $series{$key}{count} = $s->{value}
                if $s->{name} eq "$f->{name}_count";
            $series{$key}{sum} = $s->{value}
                if $s->{name} eq "$f->{name}_sum";
        }
    }

    for my $key (keys %series) {
        my $s = $series{$key};
        die "$f->{name}\{$key}: incomplete\n"
            if grep { !defined $s->{$_} } qw/ inf count sum /;
        die "$f->{name}\{$key}: +Inf bucket is not the count\n"
            if $s->{inf} != $s->{count};
    }
}

# Families by name: { type, help, samples => [ { name, labels, value } ] }.
# Dies with the reason when the text breaks the format.
sub prometheus_parse {
    my ($text) = @_;

    my (%families, %seen, $current);

    die "the last line does not end\n" unless $text =~ /\n\z/;
    die "a carriage return\n" if $text =~ /\r/;

    for my $line (split /\n/, $text) {
        next if $line eq '' || $line eq '# EOF';

        if ($line =~ /^# (HELP|TYPE) ($NAME) ?(.*)$/) {
            my ($what, $name, $rest) = (lc $1, $2, $3);
            my $f = $families{$name} ||= { name => $name, samples => [] };

            die "$what of $name twice\n" if defined $f->{$what};
            die "$what of $name after its samples\n" if @{ $f->{samples} };
            die "type of $name: $rest\n" if $what eq 'type'
                && $rest !~ /^(counter|gauge|histogram|summary|untyped)$/;
            $f->{$what} = $rest;
            $current = $f;
            next;
        }
        die "comment: $line\n" if $line =~ /^#/;

        $line =~ /^($NAME)(?:\{(.*)\})? ($VALUE)(?: (-?\d+))?$/
            or die "sample: $line\n";
        my ($name, $labels, $value) = ($1, labels($2 // '', $line), $3);

        my $f = family_of(\%families, $name)
            or die "no HELP and TYPE before $name\n";
        die "samples of $f->{name} stand apart\n" if $f != $current;
        my $key = join "\0", $name,
            map { "$_=$labels->{$_}" } sort keys %$labels;
        die "series twice: $line\n" if $seen{$key}++;

        push @{ $f->{samples} },
            { name => $name, labels => $labels, value => $value };
    }

    for my $f (values %families) {
        die "no type: $f->{name}\n" unless defined $f->{type};
        die "no help: $f->{name}\n" unless defined $f->{help};
        check_histogram($f) if $f->{type} eq 'histogram';
    }

    return \%families;
}

1;
