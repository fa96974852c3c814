package Wizdata::H2;

# HTTP/2 over plain TCP, as little as it takes: frames to be sent in any order,
# and what comes back of one stream.
#
#     my $h = Wizdata::H2->new(port(8082));
#     my $s = $h->start('POST', '/v1/x', [ 'x-api-key' => $key ]);
#     $h->data($s, $bytes);           as the server's windows allow
#     $h->data($s, '', end => 1);
#     my $r = $h->response($s);       { status, body, reset, end }
#     my $code = $h->reset_of($s);    of RST_STREAM, undef: none came
#
# $r->{reset} is the code of RST_STREAM when one came behind the answer, or
# instead of it; a response that never came has status 0.

use warnings;
use strict;

use IO::Select;
use IO::Socket::INET;

use Exporter 'import';

our @EXPORT = qw/ h2_frame h2_field h2_preface /;

use constant { DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4,
    PING => 6, GOAWAY => 7, WINDOW_UPDATE => 8, END_STREAM => 1, ACK => 1,
    END_HEADERS => 4, WAIT => 30, FRAME => 16_384 };

# What nginx sends :status by, RFC 7541 appendix A.
my %STATUS = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404,
    14 => 500);


# ---- frames -----------------------------------------------------------------

sub h2_frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}

# Literal, never indexed, no Huffman code; of at most 126 bytes each.
sub h2_field {
    my ($name, $value) = @_;

    return "\x10" . pack('C', length $name) . $name
        . pack('C', length $value) . $value;
}

sub h2_preface {
    return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . h2_frame(SETTINGS, 0, 0, '');
}


# ---- a connection -----------------------------------------------------------

sub new {
    my ($class, $port) = @_;

    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        or die "connect: $!";
    my $self = bless { fh => $fh, in => '', next => 1, window => 65_535,
        initial => 65_535, streams => {} }, $class;
    $self->send(h2_preface());
    return $self;
}

sub send {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $at = 0;
    while ($at < length $bytes) {
        my $n = syswrite $self->{fh}, $bytes, length($bytes) - $at, $at;
        return unless defined $n;
        $at += $n;
    }
    return 1;
}

# Opens a stream: its number.
sub start {
    my ($self, $method, $path, $headers, %o) = @_;

    my $stream = $self->{next};
    my @fields = (':method' => $method, ':scheme' => 'http', ':path' => $path,
        ':authority' => 'localhost', @{ $headers || [] });
    my $block = '';
    while (my ($name, $value) = splice @fields, 0, 2) {
        $block .= h2_field($name, $value);
    }

    $self->{next} += 2;
    $self->{streams}{$stream} = { window => $self->{initial}, status => 0,
        body => '' };
    $self->send(h2_frame(HEADERS,
        END_HEADERS | ($o{end} ? END_STREAM : 0), $stream, $block));
    return $stream;
}

# False when the stream ended before all was sent. Option: end.
sub data {
    my ($self, $stream, $bytes, %o) = @_;

    my $s = $self->{streams}{$stream};
    my $at = 0;
    while ($at < length $bytes) {
        $self->frames(0);
        return if $s->{end};
        my $n = length($bytes) - $at;
        for my $max (FRAME, $s->{window}, $self->{window}) {
            $n = $max if $n > $max;
        }
        if ($n <= 0) {
            return unless $self->frames(WAIT);
            next;
        }
        $self->send(h2_frame(DATA, 0, $stream, substr $bytes, $at, $n))
            or return;
        $at += $n;
        $s->{window} -= $n;
        $self->{window} -= $n;
    }
    return $o{end} ? $self->send(h2_frame(DATA, END_STREAM, $stream, '')) : 1;
}

sub reset {
    my ($self, $stream) = @_;

    return $self->send(h2_frame(RST_STREAM, 0, $stream, pack 'N', 8));
}

# Bytes that may be sent on the stream now.
sub window {
    my ($self, $stream) = @_;

    $self->frames(0);
    return $self->{streams}{$stream}{window};
}

sub response {
    my ($self, $stream) = @_;

    my $s = $self->{streams}{$stream};
    while (!$s->{end}) {
        last unless $self->frames(WAIT);
    }
    $self->frames(0);
    return $s;
}

# The code of the RST_STREAM that is to come, perhaps behind the answer.
sub reset_of {
    my ($self, $stream) = @_;

    my $s = $self->{streams}{$stream};
    while (!defined $s->{reset}) {
        last unless $self->frames(WAIT);
    }
    return $s->{reset};
}

# Reads what is there, or comes within that time; false: nothing came.
sub frames {
    my ($self, $seconds) = @_;

    my $some = 0;
    while (IO::Select->new($self->{fh})->can_read($some ? 0 : $seconds)) {
        last unless sysread $self->{fh}, $self->{in}, 262_144,
            length $self->{in};
        $some = 1;
        while (length $self->{in} >= 9) {
            my ($high, $low, $type, $flags, $stream) =
                unpack 'CnCCN', $self->{in};
            my $n = $high * 65_536 + $low;
            last if length $self->{in} < 9 + $n;
            my $payload = substr $self->{in}, 9, $n;
            substr $self->{in}, 0, 9 + $n, '';
            $self->frame($type, $flags, $stream & 0x7fffffff, $payload);
        }
    }
    return $some;
}

sub frame {
    my ($self, $type, $flags, $stream, $payload) = @_;

    my $s = $self->{streams}{$stream} || {};

    if ($type == SETTINGS && !($flags & ACK)) {
        my %set = unpack '(nN)*', $payload;
        $self->{initial} = $set{4} if exists $set{4};
        $_->{window} += $self->{initial} - 65_535
            for exists $set{4} ? values %{ $self->{streams} } : ();
        $self->send(h2_frame(SETTINGS, ACK, 0, ''));
    } elsif ($type == WINDOW_UPDATE) {
        ($stream ? $s : $self)->{window} += unpack 'N', $payload;
    } elsif ($type == HEADERS) {
        $payload =~ s/^\x20//;    # the size of a table that we have not
        $s->{status} = $payload =~ /^\x48\x03(\d{3})/ ? $1
            : $STATUS{ unpack('C', $payload) & 0x7f } || 0;
    } elsif ($type == DATA) {
        $s->{body} .= $payload;
        $self->send(h2_frame(WINDOW_UPDATE, 0, 0, pack 'N', length $payload)
            . h2_frame(WINDOW_UPDATE, 0, $stream, pack 'N', length $payload))
            if length $payload;
    } elsif ($type == RST_STREAM) {
        $s->{reset} = unpack 'N', $payload;
        $s->{end} = 1;
    } elsif ($type == GOAWAY) {
        $_->{end} = 1 for values %{ $self->{streams} };
    }
    $s->{end} = 1 if ($type == DATA || $type == HEADERS)
        && $flags & END_STREAM;
}

1;
