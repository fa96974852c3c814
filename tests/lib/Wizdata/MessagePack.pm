package Wizdata::MessagePack;

# MessagePack in core Perl: an implementation of its own, so that the tests
# do not agree with the code under test merely by sharing a library with it.
#
# A plain scalar is encoded by what Perl last made of it: an integer as int,
# a floating number as float64, text as str. Everything else has a
# constructor: mp_bin, mp_ext, mp_float, mp_str, mp_raw, mp_true, mp_false.

use warnings;
use strict;
no warnings 'portable';    # 64-bit constants are meant

use B ();
use JSON::PP ();
use Exporter 'import';

our @EXPORT = qw/ mp_encode mp_decode mp_decode_at mp_dump mp_bin mp_str
    mp_float mp_ext mp_raw mp_true mp_false /;

# The one error that is not final: more bytes may complete the value.
our $SHORT = "mp: short\n";

sub mp_bin   { bless [ $_[0] ], 'Wizdata::MessagePack::Bin' }
sub mp_str   { bless [ $_[0] ], 'Wizdata::MessagePack::Str' }
sub mp_float { bless [ $_[0] ], 'Wizdata::MessagePack::Float' }
sub mp_ext   { bless [ @_[ 0, 1 ] ], 'Wizdata::MessagePack::Ext' }
sub mp_raw   { bless [ $_[0] ], 'Wizdata::MessagePack::Raw' }
sub mp_true  { JSON::PP::true }
sub mp_false { JSON::PP::false }

sub bytes_of {
    my ($s) = @_;

    utf8::encode($s) if utf8::is_utf8($s);
    return $s;
}

sub head {
    my ($n, $fix, $fix_max, $c8, $c16, $c32) = @_;

    return pack('C', $fix | $n) if $n <= $fix_max;
    return pack('CC', $c8, $n) if $n < 0x100 && defined $c8;
    return pack('Cn', $c16, $n) if $n < 0x10000;
    return pack('CN', $c32, $n);
}

sub encode_str {
    my $s = bytes_of($_[0]);

    return head(length $s, 0xa0, 31, 0xd9, 0xda, 0xdb) . $s;
}

sub encode_bin {
    my $s = bytes_of($_[0]);

    return head(length $s, 0, -1, 0xc4, 0xc5, 0xc6) . $s;
}

sub encode_int {
    my ($v) = @_;

    if ($v >= 0) {
        return pack('C', $v) if $v < 0x80;
        return pack('CC', 0xcc, $v) if $v < 0x100;
        return pack('Cn', 0xcd, $v) if $v < 0x10000;
        return pack('CN', 0xce, $v) if $v < 0x100000000;
        return pack('CQ>', 0xcf, $v);
    }

    return pack('c', $v) if $v >= -32;
    return pack('Cc', 0xd0, $v) if $v >= -0x80;
    return pack('Cs>', 0xd1, $v) if $v >= -0x8000;
    return pack('Cl>', 0xd2, $v) if $v >= -0x80000000;
    return pack('Cq>', 0xd3, $v);
}

sub encode_ext {
    my ($type, $s) = @_;

    my %fix = (1 => 0xd4, 2 => 0xd5, 4 => 0xd6, 8 => 0xd7, 16 => 0xd8);
    my $n = length $s;
    my $head = $fix{$n} ? pack('C', $fix{$n})
        : head($n, 0, -1, 0xc7, 0xc8, 0xc9);

    return $head . pack('c', $type) . $s;
}

sub encode_scalar {
    my ($v) = @_;

    my $flags = B::svref_2object(\$v)->FLAGS;

    return encode_str($v) if $flags & B::SVf_POK;
    return encode_int($v) if $flags & B::SVf_IOK;
    return pack('Cd>', 0xcb, $v) if $flags & B::SVf_NOK;
    return encode_str("$v");
}

sub mp_encode {
    my ($v) = @_;

    return "\xc0" unless defined $v;

    my $ref = ref $v;

    return encode_scalar($v) if $ref eq '';

    if ($ref eq 'ARRAY') {
        return head(scalar @$v, 0x90, 15, undef, 0xdc, 0xdd)
            . join '', map { mp_encode($_) } @$v;
    }

    if ($ref eq 'HASH') {
        return head(scalar keys %$v, 0x80, 15, undef, 0xde, 0xdf)
            . join '', map { encode_str($_), mp_encode($v->{$_}) }
            sort keys %$v;
    }

    return $v ? "\xc3" : "\xc2" if $ref eq 'JSON::PP::Boolean';
    return encode_bin($v->[0]) if $ref eq 'Wizdata::MessagePack::Bin';
    return encode_str($v->[0]) if $ref eq 'Wizdata::MessagePack::Str';
    return encode_ext(@$v) if $ref eq 'Wizdata::MessagePack::Ext';
    return pack('Cd>', 0xcb, $v->[0]) if $ref eq 'Wizdata::MessagePack::Float';
    return $v->[0] if $ref eq 'Wizdata::MessagePack::Raw';

    die "mp: cannot encode a $ref\n";
}

# Takes n bytes at the position that $_[1] refers to.
sub take {
    my $n = $_[2];
    my $at = ${ $_[1] };

    die $SHORT if length($_[0]) - $at < $n;
    ${ $_[1] } = $at + $n;
    return substr $_[0], $at, $n;
}

my %WIDTH = (
    0xcc => [ 1, 'C' ], 0xcd => [ 2, 'n' ], 0xce => [ 4, 'N' ],
    0xcf => [ 8, 'Q>' ], 0xd0 => [ 1, 'c' ], 0xd1 => [ 2, 's>' ],
    0xd2 => [ 4, 'l>' ], 0xd3 => [ 8, 'q>' ], 0xca => [ 4, 'f>' ],
    0xcb => [ 8, 'd>' ],
);

my %LENGTH = (
    0xc4 => [ 'bin', 1, 'C' ], 0xc5 => [ 'bin', 2, 'n' ],
    0xc6 => [ 'bin', 4, 'N' ], 0xd9 => [ 'str', 1, 'C' ],
    0xda => [ 'str', 2, 'n' ], 0xdb => [ 'str', 4, 'N' ],
    0xdc => [ 'array', 2, 'n' ], 0xdd => [ 'array', 4, 'N' ],
    0xde => [ 'map', 2, 'n' ], 0xdf => [ 'map', 4, 'N' ],
    0xc7 => [ 'ext', 1, 'C' ], 0xc8 => [ 'ext', 2, 'n' ],
    0xc9 => [ 'ext', 4, 'N' ],
);

# The head of a value: its kind and its number, or the value itself.
sub decode_head {
    my ($c, $w) = unpack 'C', take($_[0], $_[1], 1);

    return (int => $c) if $c < 0x80;
    return (map => $c & 15) if $c < 0x90;
    return (array => $c & 15) if $c < 0xa0;
    return (str => $c & 31) if $c < 0xc0;
    return (nil => undef) if $c == 0xc0;
    return (bool => $c == 0xc3 ? mp_true() : mp_false())
        if $c == 0xc2 || $c == 0xc3;
    return (int => $c - 256) if $c >= 0xe0;

    if ($w = $WIDTH{$c}) {
        return ($c < 0xcc ? 'float' : 'int',
            unpack $w->[1], take($_[0], $_[1], $w->[0]));
    }

    if ($w = $LENGTH{$c}) {
        return ($w->[0], unpack $w->[2], take($_[0], $_[1], $w->[1]));
    }

    return (ext => 1 << ($c - 0xd4)) if $c >= 0xd4 && $c <= 0xd8;
    die "mp: byte c1\n";
}

# The value at position ${$_[1]}, which moves behind it. Text comes back as
# bytes; bin as a Bin object when $_[2] (typed) is true, else as bytes, too.
sub mp_decode_at {
    my ($kind, $v) = decode_head($_[0], $_[1]);

    return $v if $kind =~ /^(int|nil|bool|float)$/;
    return take($_[0], $_[1], $v) if $kind eq 'str';

    if ($kind eq 'bin') {
        my $s = take($_[0], $_[1], $v);
        return $_[2] ? mp_bin($s) : $s;
    }

    if ($kind eq 'ext') {
        my $type = unpack 'c', take($_[0], $_[1], 1);
        return mp_ext($type, take($_[0], $_[1], $v));
    }

    if ($kind eq 'array') {
        my @a;
        push @a, scalar mp_decode_at($_[0], $_[1], $_[2]) for 1 .. $v;
        return \@a;
    }

    my %h;
    for (1 .. $v) {
        my $key = mp_decode_at($_[0], $_[1], $_[2]);
        $key = mp_dump_value($key) if ref $key || !defined $key;
        $h{$key} = mp_decode_at($_[0], $_[1], $_[2]);
    }
    return \%h;
}

# One value that is all of the bytes.
sub mp_decode {
    my ($bytes, $typed) = @_;

    my $at = 0;
    my $v = mp_decode_at($bytes, \$at, $typed);

    die "mp: bytes follow the value\n" if $at != length $bytes;
    return $v;
}

# A value as text that shows types: 1 is an int, 1.0 a float, "1" a str,
# h'31' a bin. Maps are sorted, so that texts can be compared.
sub mp_dump_value {
    my ($v) = @_;

    return 'nil' unless defined $v;

    my $ref = ref $v;

    return '[' . join(',', map { mp_dump_value($_) } @$v) . ']'
        if $ref eq 'ARRAY';
    return '{' . join(',', map { "\"$_\":" . mp_dump_value($v->{$_}) }
        sort keys %$v) . '}' if $ref eq 'HASH';
    return $v ? 'true' : 'false' if $ref eq 'JSON::PP::Boolean';
    return "h'" . unpack('H*', $v->[0]) . "'"
        if $ref eq 'Wizdata::MessagePack::Bin';
    return "ext($v->[0],h'" . unpack('H*', $v->[1]) . "')"
        if $ref eq 'Wizdata::MessagePack::Ext';

    my $flags = B::svref_2object(\$v)->FLAGS;

    return "\"$v\"" if $flags & B::SVf_POK;
    return "$v" if $flags & B::SVf_IOK;

    my $s = sprintf '%.17g', $v;
    $s = "$v" if $s != $v || "$v" == $v;
    return $s =~ /[.e]|inf|nan/i ? $s : "$s.0";
}

sub mp_dump {
    return mp_dump_value(mp_decode($_[0], 1));
}

1;
