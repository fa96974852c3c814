package Wizdata::Prometheus;

# Strict readers of the Prometheus text format and of OpenMetrics 1.0: what
# real scrapers tolerate or refuse differently is refused here.

use warnings;
use strict;

use Exporter 'import';

our @EXPORT = qw/ prometheus_parse openmetrics_parse metric_value /;

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


# ---- OpenMetrics ------------------------------------------------------------

my $OM_VALUE = qr/[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|[+-]?\.\d+|[+-]Inf|NaN/;

my %SUFFIXES = (counter => [qw/ _total _created /], gauge => [''],
    unknown => [''], histogram => [qw/ _bucket _count _sum _created /],
    summary => [ '', qw/ _count _sum _created / ]);

sub om_family_of {
    my ($families, $name) = @_;

    for my $f (values %$families) {
        next unless defined $f->{type};
        return $f if grep { $name eq "$f->{name}$_" }
            @{ $SUFFIXES{ $f->{type} } };
    }
    return;
}

# Samples of one set of labels stand together.
sub om_group {
    my ($f, $s) = @_;

    my %l = %{ $s->{labels} };
    delete $l{le} if $f->{type} eq 'histogram';
    delete $l{quantile} if $f->{type} eq 'summary';
    my $group = join ',', map { "$_=$l{$_}" } sort keys %l;

    if (!defined $f->{group} || $f->{group} ne $group) {
        die "$f->{name}\{$group}: stands apart\n" if $f->{groups}{$group}++;
        $f->{group} = $group;
    }
}

sub om_exemplar {
    my ($text, $s) = @_;

    $text =~ /^\{(.*)\} ($OM_VALUE)(?: (\d+(?:\.\d+)?))?$/
        or die "exemplar: $text\n";
    my ($labels, $value) = (labels($1, $text), $2);
    my $length = 0;
    $length += length for %$labels;
    die "exemplar is too long: $text\n" if $length > 128;
    die "exemplar of $s->{name}\n"
        unless $s->{name} =~ /_(?:bucket|total)$/;
    die "exemplar beyond its bucket: $text\n"
        if defined $s->{labels}{le} && $s->{labels}{le} ne '+Inf'
        && $value > $s->{labels}{le};
    return { labels => $labels, value => $value };
}

sub om_check {
    my ($f, $s, $line) = @_;

    my $l = $s->{labels};
    for my $bound (grep { defined } map { $l->{$_} } qw/ le quantile /) {
        die "bound is no float: $line\n"
            unless $bound =~ /^(?:[+-]Inf|\d+\.\d+|\d+(?:\.\d+)?e[+-]\d\d)$/;
    }
    die "counts less than nothing: $line\n"
        if $s->{name} =~ /_(?:total|count|bucket)$/
        && $f->{type} =~ /^(?:counter|histogram)$/
        && $s->{value} !~ /^(?:\d|\+Inf)/;
}

# As prometheus_parse(); samples may have an exemplar.
sub openmetrics_parse {
    my ($text) = @_;

    my (%families, %seen, $current);

    die "no # EOF at the end\n" unless $text =~ s/^# EOF\n\z//m;

    die "the last line does not end\n"
        if length $text && $text !~ s/\n\z//;

    for my $line (split /\n/, $text, -1) {
        if ($line =~ /^# (HELP|TYPE|UNIT) ($NAME)(?: (.*))?$/) {
            my ($what, $name, $rest) = (lc $1, $2, $3 // '');
            my $f = $families{$name}
                ||= { name => $name, samples => [], groups => {} };

            die "$what of $name twice\n" if defined $f->{$what};
            die "$what of $name after its samples\n" if @{ $f->{samples} };
            die "type of $name: $rest\n"
                if $what eq 'type' && !$SUFFIXES{$rest};
            die "help of $name: $rest\n" if $what eq 'help'
                && $rest !~ /^(?:[^"\\]|\\["\\n])*$/;
            die "$name is called total\n"
                if $what eq 'type' && $rest eq 'counter'
                && $name =~ /_total$/;
            $f->{$what} = $rest;
            $current = $f;
            next;
        }
        die "an empty line\n" if $line eq '';
        die "comment: $line\n" if $line =~ /^#/;

        $line =~ /^($NAME)(?:\{(.*?)\})? ($OM_VALUE)(?: (-?\d+(?:\.\d+)?))?(?: # (.*))?$/
            or die "sample: $line\n";
        my ($name, $labels, $value, $exemplar) =
            ($1, labels($2 // '', $line), $3, $5);

        my $f = om_family_of($current ? { $current->{name} => $current } : {},
            $name) or die "$name is not of the family before it\n";
        my $key = join "\0", $name,
            map { "$_=$labels->{$_}" } sort keys %$labels;
        die "series twice: $line\n" if $seen{$key}++;

        my $s = { name => $name, labels => $labels, value => $value };
        $s->{exemplar} = om_exemplar($exemplar, $s) if defined $exemplar;
        om_check($f, $s, $line);
        om_group($f, $s);
        push @{ $f->{samples} }, $s;
    }

    for my $f (values %families) {
        die "no type: $f->{name}\n" unless defined $f->{type};
        check_histogram($f) if $f->{type} eq 'histogram';
        for my $suffix (qw/ _total _bucket _count _sum /) {
            my ($base) = $f->{name} =~ /^(.+)\Q$suffix\E$/ or next;
            die "$f->{name} clashes with $base\n" if $families{$base}
                && grep { $_ eq $suffix }
                @{ $SUFFIXES{ $families{$base}{type} } };
        }
    }

    return \%families;
}

# The sum of the samples of this name that have these labels (patterns).
sub metric_value {
    my ($families, $name, %labels) = @_;

    my $sum = 0;
    for my $f (values %$families) {
        for my $s (@{ $f->{samples} }) {
            next if $s->{name} ne $name;
            next if grep { ($s->{labels}{$_} // '') !~ /^(?:$labels{$_})$/ }
                keys %labels;
            $sum += $s->{value};
        }
    }
    return $sum;
}

1;
