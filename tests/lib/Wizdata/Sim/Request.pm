package Wizdata::Sim::Request;

# A request as it is read off a connection.

use warnings;
use strict;

use Exporter 'import';

our @EXPORT_OK = qw/ unescape form /;

use constant { MAX_HEAD => 65536 };

# Takes one request from the bytes; nothing when it is not complete yet. What
# is no request closes the connection.
sub parse {
    my ($class, $in, $conn) = @_;

    my $end = index $$in, "\r\n\r\n";
    if ($end < 0) {
        $conn->close() if length $$in > MAX_HEAD;
        return;
    }
    my ($line, @lines) = split /\r\n/, substr $$in, 0, $end;
    my ($method, $target, $version) = ($line // '')
        =~ m{^([A-Z]+) (\S+) HTTP/1\.([01])$};
    if (!defined $version) {
        $conn->close();
        return;
    }
    my %headers;
    for (@lines) {
        my ($name, $value) = /^([^:\s]+):[ \t]*(.*?)[ \t]*$/ or next;
        $name = lc $name;
        $headers{$name} = defined $headers{$name}
            ? "$headers{$name}, $value" : $value;
    }
    my ($body, $taken) = body($in, $end + 4, \%headers, $conn);
    return if !defined $body;
    substr $$in, 0, $taken, '';

    my ($path, $query) = split /\?/, $target, 2;
    my $connection = lc($headers{connection} // '');
    return bless {
        method => $method, target => $target, path => $path,
        query => { form($query // '') }, headers => \%headers,
        header_lines => \@lines, body => $body,
        segments => [ map { unescape($_) } split m{/}, $path =~ s{^/}{}r, -1 ],
        last => $connection =~ /close/
            || ($version == 0 && $connection !~ /keep-alive/) ? 1 : 0,
    }, $class;
}

# The body and where it ends; nothing when it is not complete yet.
sub body {
    my ($in, $at, $headers, $conn) = @_;

    if (($headers->{expect} // '') =~ /100-continue/i && !$conn->{continued}) {
        $conn->{continued} = 1;
        $conn->{out} .= "HTTP/1.1 100 Continue\r\n\r\n";
    }
    my ($body, $end);
    if (($headers->{'transfer-encoding'} // '') =~ /chunked/i) {
        ($body, $end) = chunks($in, $at);
    } else {
        my $length = $headers->{'content-length'} // 0;
        $length = 0 unless $length =~ /^\d+$/;
        $end = $at + $length;
        $body = substr $$in, $at, $length if length $$in >= $end;
    }
    delete $conn->{continued} if defined $body;
    return ($body, $end);
}

sub chunks {
    my ($in, $at) = @_;

    my $body = '';
    while (1) {
        my $eol = index $$in, "\r\n", $at;
        return if $eol < 0;
        my ($hex) = substr($$in, $at, $eol - $at) =~ /^([0-9a-fA-F]+)/
            or return;
        my $size = hex $hex;
        $at = $eol + 2;
        return if length $$in < $at + $size + 2;
        $body .= substr $$in, $at, $size;
        $at += $size + 2;
        return ($body, $at) if $size == 0;
    }
}

# Percent signs and plus signs decoded; text, where it is UTF-8.
sub unescape {
    my ($text) = @_;

    $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    my $decoded = $text;
    return utf8::decode($decoded) ? $decoded : $text;
}

sub form {
    my ($text) = @_;

    return map {
        my ($name, $value) = split /=/, $_, 2;
        map { unescape(($_ // '') =~ tr/+/ /r) } $name, $value;
    } grep { length } split /&/, $text;
}

1;
