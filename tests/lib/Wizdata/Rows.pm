package Wizdata::Rows;

# Answers of tables, in any of the three formats, as the same Perl data.
#
#     my $a = rows($c, 'bars.query', { symbol => ['IBM'] }, 'csv');
#     $a->{rows}      list of hashes; what is missing is undef
#     $a->{rest}      the members beside "data"; empty for CSV
#     $a->{meta}, $a->{body}
#     my @all = pages($c, 'bars.query', { limit => 7, ... }, 'json');
#
# Texts are bytes; numbers are cut to 15 digits, so that they can be compared
# as text.

use warnings;
use strict;

use JSON::PP ();

use Wizdata::MessagePack;

use Exporter 'import';

our @EXPORT = qw/ rows pages body_of /;

# ($meta, $body) with the chunks of a long body joined and credited.
sub body_of {
    my ($c, $method, $args, $format) = @_;

    my $id = $c->ask($method, $args, fmt => $format // 'json');
    my $frame = $c->answer($id) or die "$method: no answer\n";
    die "$method: $frame->[2][0] $frame->[2][1]\n" if $frame->[2];

    my (undef, $meta, $body) = @{ $frame->[3] };
    my $last = !$meta->{more};
    until ($last) {
        my $note = $c->notification('rpc.chunk', 20)
            or die "$method: the body ends too early\n";
        next if $note->[0] != $id;
        $body .= $note->[1];
        $last = $note->[2];
        $c->send_frame([ 2, 'rpc.credit', [ $id, length $note->[1] ] ]);
    }
    return ($meta, "$body");
}

sub rows {
    my ($c, $method, $args, $format) = @_;

    my ($meta, $body) = body_of($c, $method, $args, $format // 'json');
    my $parse = { json => \&from_json, csv => \&from_csv,
        msgpack => \&from_msgpack }->{ $format // 'json' };
    my ($rows, $rest) = $parse->($body);
    return { meta => $meta, body => $body, rows => $rows, rest => $rest };
}

sub from_json {
    my $doc = JSON::PP->new->decode($_[0]);
    my $rows = delete $doc->{data};

    return ([ map { plain($_) } @$rows ], $doc);
}

sub from_msgpack {
    my $doc = mp_decode($_[0]);
    my $rows = delete $doc->{data};

    return ([ map { plain($_) } @$rows ], $doc);
}

sub from_csv {
    my ($head, @lines) = split /\r\n/, $_[0];
    my @names = cells($head);

    return ([ map {
        my @cells = cells($_);
        my %row;
        @row{@names} = map { length ? $_ : undef } @cells;
        plain(\%row);
    } @lines ], {});
}

sub cells {
    my ($line) = @_;
    my @cells;

    while ($line =~ /\G(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/g) {
        my ($quoted, $bare, $end) = ($1, $2, $3);
        push @cells, defined $quoted ? $quoted =~ s/""/"/gr : $bare;
        last if $end eq '';
    }
    return @cells;
}

# Values that mean the same look the same.
sub plain {
    my ($row) = @_;
    my %out;

    for my $name (keys %$row) {
        my $v = $row->{$name};
        if (ref $v || JSON::PP::is_bool($v)) {
            $v = $v ? 'true' : 'false';
        } elsif (defined $v && $v =~ /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/
            && $name !~ /^(?:symbol|t|name|period)$/)
        {
            $v = sprintf '%.15g', $v;
        }
        $out{$name} = $v;
    }
    return \%out;
}

# All pages as one list; dies after 1,000 of them.
sub pages {
    my ($c, $method, $args, $format) = @_;

    my (@all, $cursor);
    for (1 .. 1000) {
        my $a = rows($c, $method,
            { %$args, defined $cursor ? (cursor => $cursor) : () }, $format);
        push @all, @{ $a->{rows} };
        $cursor = $a->{meta}{next} // return @all;
    }
    die "$method: pages without end\n";
}

1;
