package Wizdata::Sim::Probe;

# Asks a simulator by curl, by openssl and by plain sockets, for the tests of
# the simulators themselves: nothing of it is a client under test.
#
#     my $r = curl($url, '-H', 'X: y');      # exit, status, head, body
#     my $c = Wizdata::Sim::Probe->connect($sim);
#     $c->say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
#     my ($bytes, $end) = $c->hear($n);      # $n bytes, or up to eof or reset
#     $c->upgrade('/WebSocket', 'tr_json2'); # then tell($json), frame()

use warnings;
use strict;

use Digest::SHA qw/ sha1_base64 /;
use Errno qw/ ECONNRESET EPIPE /;
use Exporter 'import';
use File::Temp qw/ tempdir /;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw/ time /;

our @EXPORT = qw/ curl json bytes_of /;

use constant { WAIT => 30 };

my $dir = tempdir('wd-probe-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $reader = JSON::PP->new->utf8->allow_nonref;

sub json { return $reader->decode(ref $_[0] ? $_[0]{body} : $_[0]) }

sub slurp {
    my ($file) = @_;

    open my $f, '<:raw', $file or return '';
    local $/;
    return scalar <$f> // '';
}

sub bytes_of {
    my (@command) = @_;

    open my $out, '-|:raw', @command or die "@command: $!";
    local $/;
    my $bytes = <$out> // '';
    close $out;
    return $bytes;
}

sub curl {
    my ($url, @args) = @_;

    unlink "$dir/head", "$dir/body";
    my $status = bytes_of('curl', '-s', '-m', WAIT, '-D', "$dir/head", '-o',
        "$dir/body", '-w', '%{http_code}', @args, $url);
    my $exit = $? >> 8;
    return { exit => $exit, status => $status, head => slurp("$dir/head"),
        body => slurp("$dir/body") };
}

# ---- a plain socket

sub connect {
    my ($class, $sim) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $sim->port) or return;
    return bless { socket => $socket, in => '' }, $class;
}

sub say {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';
    return syswrite $self->{socket}, $bytes;
}

sub get {
    my ($self, $path, @headers) = @_;

    return $self->say(join "\r\n", "GET $path HTTP/1.1", 'Host: 127.0.0.1',
        @headers, '', '');
}

# So many bytes (all, when no number is given), and how it ended: enough, eof,
# reset, or waiting.
sub hear {
    my ($self, $n) = @_;

    my $end = time + WAIT;
    while (!defined $n || length $self->{in} < $n) {
        IO::Select->new($self->{socket})->can_read($end - time)
            or return ($self->{in}, 'waiting');
        my $got = sysread $self->{socket}, $self->{in}, 65536,
            length $self->{in};
        return ($self->{in}, $!{ECONNRESET} ? 'reset' : "$!")
            if !defined $got;
        return ($self->{in}, 'eof') if !$got;
    }
    return ($self->{in}, 'enough');
}

sub head {
    my ($self) = @_;

    my $n = 0;
    while ($self->{in} !~ /\r\n\r\n/) {
        my (undef, $end) = $self->hear(length($self->{in}) + 1);
        return if $end ne 'enough';
    }
    $self->{in} =~ s/^(.*?\r\n)\r\n//s;
    return $1;
}

sub close { CORE::close($_[0]{socket}) }

# ---- a WebSocket

sub upgrade {
    my ($self, $path, $protocol) = @_;

    my $key = 'dGhlIHNhbXBsZSBub25jZQ==';
    $self->get($path, 'Upgrade: websocket', 'Connection: Upgrade',
        "Sec-WebSocket-Key: $key", 'Sec-WebSocket-Version: 13',
        defined $protocol ? "Sec-WebSocket-Protocol: $protocol" : ());
    my $head = $self->head() // '';
    my $accept = sha1_base64("${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    return $head =~ /^HTTP\/1\.1 101 /
        && $head =~ /^Sec-WebSocket-Accept: \Q$accept\E=\r$/m ? $head : undef;
}

sub tell {
    my ($self, $text, $opcode) = @_;

    utf8::encode($text) if utf8::is_utf8($text);
    my $n = length $text;
    my $size = $n < 126 ? pack 'C', 128 | $n : pack 'Cn', 254, $n;
    my $mask = pack 'N', 0x1a2b3c4d;
    $self->say(pack('C', 128 | ($opcode // 1)) . $size . $mask
        . ($text ^ substr $mask x ($n / 4 + 1), 0, $n));
}

# { fin, rsv, opcode, payload }, or how the connection ended.
sub frame {
    my ($self) = @_;

    my $end = ($self->hear(2))[1];
    return $end if $end ne 'enough';
    my ($first, $second) = unpack 'CC', $self->{in};
    my ($n, $at) = ($second & 127, 2);
    if ($n > 125) {
        $at = $n == 126 ? 4 : 10;
        $self->hear($at);
        $n = unpack $at == 4 ? 'n' : 'Q>', substr $self->{in}, 2;
    }
    $end = ($self->hear($at + $n))[1];
    return $end if $end ne 'enough';
    my $payload = substr $self->{in}, $at, $n;
    substr $self->{in}, 0, $at + $n, '';
    return { fin => $first >> 7, rsv => $first >> 4 & 7,
        opcode => $first & 15, payload => $payload };
}

# The messages of the next whole text, and in how many frames they came.
sub messages {
    my ($self) = @_;

    my ($text, $frames) = ('', 0);
    while (1) {
        my $frame = $self->frame();
        return $frame if !ref $frame;
        $text .= $frame->{payload};
        $frames++;
        last if $frame->{fin};
    }
    my $data = eval { $reader->decode($text) };
    return ($data // $text, $frames);
}

1;
