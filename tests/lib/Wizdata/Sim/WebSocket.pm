package Wizdata::Sim::WebSocket;

# The server's end of a WebSocket (RFC 6455) on a connection of a simulator:
# the handshake, frames in both directions, and frames that are wrong.
#
#     my $ws = Wizdata::Sim::WebSocket->new($conn, \&on_text, %limits);
#     $ws->text($bytes);            # fragmented by {fragment} bytes, if set
#     $ws->frame(opcode, $bytes, fin => 1, rsv => 0, length => forged);
#
# on_text($ws, $bytes) gets whole messages; on_text($ws, undef) the end.

use warnings;
use strict;

use Digest::SHA qw/ sha1_base64 /;

use constant { TEXT => 1, BINARY => 2, CLOSE => 8, PING => 9, PONG => 10 };

# The answer to the request, or nothing when it asks for something else.
sub handshake {
    my ($req, $protocol) = @_;

    my $h = $req->{headers};
    return if ($h->{upgrade} // '') !~ /\bwebsocket\b/i
        || ($h->{connection} // '') !~ /\bupgrade\b/i
        || ($h->{'sec-websocket-version'} // '') ne '13'
        || ($h->{'sec-websocket-key'} // '') !~ m{^[A-Za-z0-9+/]{22}==$};
    my $key = $h->{'sec-websocket-key'};
    my $answer = Wizdata::Sim::Answer->new(101, framing => 'upgrade');
    $answer->header(Upgrade => 'websocket')->header(Connection => 'Upgrade')
        ->header('Sec-WebSocket-Accept' => sha1_base64(
            "${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11") . '=');
    $answer->header('Sec-WebSocket-Protocol' => $protocol)
        if defined $protocol;
    return $answer;
}

sub new {
    my ($class, $conn, $on_text) = @_;

    my $self = bless { conn => $conn, on_text => $on_text, message => '',
        fragment => 0 }, $class;
    $conn->become($self);
    return $self;
}

# ---- from the client

sub feed {
    my ($self, $conn) = @_;

    while (!$conn->{gone} && !$self->{deaf}) {
        my ($fin, $opcode, $payload) = $self->next_frame() or last;
        $self->got($fin, $opcode, $payload);
    }
}

# Frames of a client are masked, or it is none.
sub next_frame {
    my ($self) = @_;

    my $in = \$self->{conn}{in};
    return if length $$in < 2;
    my ($first, $second) = unpack 'CC', $$in;
    my ($size, $at) = ($second & 127, 2);
    if ($size == 126) {
        return if length $$in < 4;
        ($size, $at) = (unpack('n', substr $$in, 2, 2), 4);
    } elsif ($size == 127) {
        return if length $$in < 10;
        ($size, $at) = (unpack('Q>', substr $$in, 2, 8), 10);
    }
    return $self->fail(1002, 'unmasked') if !($second & 128);
    return $self->fail(1009, 'too long') if $size > 4 << 20;
    return if length $$in < $at + 4 + $size;
    my $mask = substr $$in, $at, 4;
    my $payload = substr($$in, $at + 4, $size)
        ^ substr $mask x ($size / 4 + 1), 0, $size;
    substr $$in, 0, $at + 4 + $size, '';
    return ($first & 128, $first & 15, $payload);
}

sub fail {
    my ($self, $code, $why) = @_;

    $self->shut($code, $why);
    $self->{deaf} = 1;
    return;
}

sub got {
    my ($self, $fin, $opcode, $payload) = @_;

    return $self->frame(PONG, $payload) if $opcode == PING;
    return if $opcode == PONG;
    if ($opcode == CLOSE) {
        $self->{deaf} = 1;
        $self->{on_text}->($self, undef);
        $self->frame(CLOSE, substr $payload, 0, 2);
        return $self->{conn}->put(['fin']);
    }
    $self->{message} .= $payload;
    return if !$fin;
    my $message = $self->{message};
    $self->{message} = '';
    $self->{on_text}->($self, $message);
}

# ---- to the client

sub framed {
    my ($opcode, $payload, %o) = @_;

    my $n = $o{length} // length $payload;
    my $first = $opcode | ($o{fin} // 1 ? 128 : 0) | ($o{rsv} // 0) << 4;
    my $size = $n < 126 ? pack 'C', $n : $n < 65536 ? pack 'Cn', 126, $n
        : pack 'CQ>', 127, $n;
    return pack('C', $first) . $size . $payload;
}

sub frame {
    my ($self, @frame) = @_;

    $self->{conn}->put(framed(@frame));
}

sub text {
    my ($self, $bytes) = @_;

    my $size = $self->{fragment};
    return $self->frame(TEXT, $bytes) if !$size || length $bytes <= $size;
    my @parts = unpack "(a$size)*", $bytes;
    my $last = pop @parts;
    my $opcode = TEXT;
    for (@parts) {
        $self->frame($opcode, $_, fin => 0);
        $opcode = 0;
    }
    $self->frame(0, $last);
}

sub shut {
    my ($self, $code, $why) = @_;

    $self->frame(CLOSE, pack('n', $code) . ($why // ''));
}

1;
