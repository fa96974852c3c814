package Wizdata::Blake2b;

# BLAKE2b (RFC 7693) in pure Perl with 64-bit integers, unkeyed. The fake auth
# backend knows keys by this digest, as the real one does.

use warnings;
use strict;
no warnings 'portable';    # 64-bit constants are meant

use Exporter 'import';

our @EXPORT_OK = qw/ blake2b blake2b_hex /;

my @IV = (
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
);

my @SIGMA = map { [ map { hex } split // ] } qw/
    0123456789abcdef ea489fd61c02b753 b8c052fdae367194 7931dcbe265a40f8
    905724afe1bc683d 2c6a0b834d75fe19 c51fed4a0763928b db7ec13950f4862a
    6fe9b308c2d714a5 a2847615fb9e3cd0
/;

# The rows are easy to mistype, so they are checked to be
# permutations before they are used.
for my $row (@SIGMA) {
    my %seen = map { $_ => 1 } @$row;
    die "blake2b: a row of sigma is not a permutation\n" if keys %seen != 16;
}

sub rotr {
    use integer;    # 64-bit wrap-around; >> then keeps the sign: mask it off
    my ($x, $n) = @_;

    return (($x >> $n) & ((1 << (64 - $n)) - 1)) | ($x << (64 - $n));
}

sub mix {
    use integer;
    my ($v, $i, $j, $k, $l, $x, $y) = @_;

    $v->[$i] = $v->[$i] + $v->[$j] + $x;
    $v->[$l] = rotr($v->[$l] ^ $v->[$i], 32);
    $v->[$k] = $v->[$k] + $v->[$l];
    $v->[$j] = rotr($v->[$j] ^ $v->[$k], 24);
    $v->[$i] = $v->[$i] + $v->[$j] + $y;
    $v->[$l] = rotr($v->[$l] ^ $v->[$i], 16);
    $v->[$k] = $v->[$k] + $v->[$l];
    $v->[$j] = rotr($v->[$j] ^ $v->[$k], 63);
}

sub compress {
    use integer;
    my ($h, $block, $count, $last) = @_;

    my @m = unpack 'q<16', $block;
    my @v = (@$h, @IV);

    $v[12] ^= $count;
    $v[14] ^= -1 if $last;

    for my $round (0 .. 11) {
        my $s = $SIGMA[ $round % 10 ];

        mix(\@v, 0, 4, 8,  12, $m[ $s->[0] ],  $m[ $s->[1] ]);
        mix(\@v, 1, 5, 9,  13, $m[ $s->[2] ],  $m[ $s->[3] ]);
        mix(\@v, 2, 6, 10, 14, $m[ $s->[4] ],  $m[ $s->[5] ]);
        mix(\@v, 3, 7, 11, 15, $m[ $s->[6] ],  $m[ $s->[7] ]);
        mix(\@v, 0, 5, 10, 15, $m[ $s->[8] ],  $m[ $s->[9] ]);
        mix(\@v, 1, 6, 11, 12, $m[ $s->[10] ], $m[ $s->[11] ]);
        mix(\@v, 2, 7, 8,  13, $m[ $s->[12] ], $m[ $s->[13] ]);
        mix(\@v, 3, 4, 9,  14, $m[ $s->[14] ], $m[ $s->[15] ]);
    }

    $h->[$_] ^= $v[$_] ^ $v[ $_ + 8 ] for 0 .. 7;
}

sub blake2b {
    my ($data, $len) = @_;

    $len = 64 unless defined $len;

    my @h = @IV;
    my $at = 0;

    { use integer; $h[0] ^= 0x01010000 ^ $len; }

    while (length($data) - $at > 128) {
        compress(\@h, substr($data, $at, 128), $at + 128, 0);
        $at += 128;
    }

    my $rest = substr $data, $at;
    compress(\@h, $rest . "\0" x (128 - length $rest), length $data, 1);

    return substr pack('q<8', @h), 0, $len;
}

sub blake2b_hex { return unpack 'H*', blake2b(@_) }

1;
