package Wizdata::Sim::Bomb;

# Small bodies that unpack to very many zeros, put together without packing
# them all: each format allows for that in its own way.

use warnings;
use strict;

use Compress::Raw::Zlib;

use constant MB => 1 << 20;

my %MADE;

sub of {
    my ($encoding, $megabytes) = @_;

    my $code = { gzip => \&gzip_zeros, zstd => \&zstd_zeros,
        br => \&br_zeros }->{$encoding} or die "no bomb of '$encoding'\n";
    return $MADE{"$encoding/$megabytes"} //= $code->($megabytes);
}

# A flushed megabyte refers to nothing before it, and can be repeated; the
# checksum of the whole is put together from that of the part.
sub gzip_zeros {
    my ($megabytes) = @_;

    my $zeros = "\0" x MB;
    my ($z) = Compress::Raw::Zlib::Deflate->new(-WindowBits => -15,
        -Level => 9, -AppendOutput => 1);
    my ($part, $end) = ('', '');
    $z->deflate($zeros, $part);
    $z->flush($part, Z_FULL_FLUSH);
    $z->flush($end, Z_FINISH);

    my ($crc, $one) = (0, crc32($zeros));
    $crc = Compress::Raw::Zlib::crc32_combine($crc, $one, MB)
        for 1 .. $megabytes;
    return pack('C10', 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255)
        . $part x $megabytes . $end
        . pack('VV', $crc, $megabytes * MB & 0xffffffff);
}

use constant { ZSTD_MAGIC => 0xFD2FB528, WINDOW_128K => 0x38,
    RAW => 0, RLE => 1, BLOCK => 1 << 17 };

sub zstd_block {
    my ($last, $type, $size) = @_;

    return substr pack('V', $last | $type << 1 | $size << 3), 0, 3;
}

# Run-length blocks: four bytes each, for 128 KiB.
sub zstd_zeros {
    my ($megabytes) = @_;

    my $blocks = $megabytes * MB / BLOCK;
    return pack('VCC', ZSTD_MAGIC, 0, WINDOW_128K)
        . (zstd_block(0, RLE, BLOCK) . "\0") x ($blocks - 1)
        . zstd_block(1, RLE, BLOCK) . "\0";
}

# Stored blocks: no smaller, but a correct frame.
sub zstd_raw {
    my ($bytes) = @_;

    my @blocks = unpack '(a' . BLOCK . ')*', $bytes;
    @blocks = ('') if !@blocks;
    my $last = pop @blocks;
    return pack('VCC', ZSTD_MAGIC, 0, WINDOW_128K)
        . join('', map { zstd_block(0, RAW, length) . $_ } @blocks)
        . zstd_block(1, RAW, length $last) . $last;
}

# 256 MiB of zeros, as `brotli -q 11 -w 24` makes them.
sub br_zeros {
    return pack 'H*', join '', qw/
        cfffff7ff82700e2b14020f7fe9ffffffff04f00c4610180eefd3fffffffe19f0088
        c32200ddfb7ffeffffc33f0110870500baf7fffcffff877f02200e0b0074effff9ff
        ff0fff04401c1600e8defff3ffff1ffe0980382c00d0bdffe7ffff3ffc1300715800
        a07bffcfffff7ff82700e2b00040f7fe9ffffffff04f00c4610180eefd3fffffffe1
        9f0088c30200ddfb7ffeffffc33f0110870500baf7fffcffff877f02200e0b0074ef
        fff9ffff0fff04401c1600e8defff3ffff1ffe0980382c00d0bdffe7ffff3ffc1300
        715800a07bff3f
    /;
}

1;
