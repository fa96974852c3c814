package Wizdata::Sim::Conn;

# One connection of a simulator: TLS, requests read one after another, answers
# written as a list of steps. A step is bytes, or one of
#
#     [ wait => seconds ]          [ drip => bytes, how many, every seconds ]
#     [ endless => bytes ]         [ gate => name ]
#     [ reset ]  [ fin ]  [ hang ]
#     [ call => code ]             it is called with the connection
#
# A call may take the connection over: become($handler), whose feed() is given
# the bytes that come from then on.

use warnings;
use strict;

use Errno qw/ EAGAIN EWOULDBLOCK EINTR /;
use IO::Poll qw/ POLLIN POLLOUT POLLERR POLLHUP /;
use Socket qw/ SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY /;
use Time::HiRes ();

use Wizdata::Sim::Request;

use constant { CHUNK => 65536, MAX_IN => 8 << 20 };

sub new {
    my ($class, $server, $fh, $id) = @_;

    setsockopt $fh, IPPROTO_TCP, TCP_NODELAY, 1;
    return bless { server => $server, fh => $fh, fileno => fileno $fh,
        id => $id, in => '', out => '', steps => [] }, $class;
}

# ---- life

sub begin {
    my ($self) = @_;

    my $sim = $self->{server}{sim};
    if ($sim->{secure}) {
        $self->begin_tls($sim) or return;
    }
    $self->ready(POLLIN);
}

my %CONTEXT;

# What answers the client's greeting. The other modes are certificates.
my %GREETING = (
    hang => sub { 1 },
    garbage => sub { $_[0]->put("220 no TLS is spoken here\r\n", ['fin']) },
    reset => sub { $_[0]->reset() },
    'no-alert' => sub { $_[0]->close() },
);

# False: this connection never gets to talk TLS.
sub begin_tls {
    my ($self, $sim) = @_;

    my $mode = $sim->{tls};
    if (my $code = $GREETING{$mode}) {
        $self->{greeting} = $code;
        $self->{handler} = $self; # whatever comes
        $self->watch();
        return 0;
    }
    my $verify = $sim->{client_ca} ? 1 : 0;
    my $context = $CONTEXT{"$mode/$verify"} //= context($sim, $mode, $verify);
    IO::Socket::SSL->start_SSL($self->{fh}, SSL_server => 1,
        SSL_startHandshake => 0, SSL_reuse_ctx => $context)
        or die 'TLS: ' . IO::Socket::SSL::errstr();
    $self->{tls} = 'begun';
    return 1;
}

sub context {
    my ($sim, $mode, $verify) = @_;

    my $old = $mode eq 'old';
    my $name = $old ? 'good' : $mode;
    my $file = "$sim->{dir}/$name.pem";
    die "no TLS mode '$mode'\n" unless -e $file;
    return IO::Socket::SSL::SSL_Context->new(
        SSL_server => 1,
        SSL_cert_file => $file,
        SSL_key_file => "$file.key",
        SSL_version => $old ? 'TLSv1_1' : 'SSLv23:!SSLv2:!SSLv3',
        $old ? (SSL_cipher_list => 'ALL:@SECLEVEL=0') : (),
        SSL_ca_file => $sim->ca,
        SSL_verify_mode => $verify ? 3 : 0, # peer, and none is a failure
    ) || die 'TLS: ' . IO::Socket::SSL::errstr();
}

# For a greeting that is answered otherwise.
sub feed {
    my ($self) = @_;

    $self->{greeting}->($self);
}

sub close {
    my ($self) = @_;

    $self->{gone}++ and return;
    $self->{server}->gone($self);
    if (($self->{tls} // '') eq 'done') {
        $self->{fh}->close(SSL_no_shutdown => $self->{abrupt} ? 1 : 0);
    } else {
        CORE::close($self->{fh});
    }
}

sub reset {
    my ($self) = @_;

    return if $self->{gone};
    setsockopt $self->{fh}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    $self->{abrupt} = 1;
    $self->close();
}

# The other side went while it was being answered.
sub left {
    my ($self) = @_;

    $self->{req}{aborted} = 1 if $self->{req};
    $self->close();
}

# ---- events

sub ready {
    my ($self, $events) = @_;

    if (($self->{tls} // '') eq 'begun') {
        $self->shake() or return;
        $events |= POLLIN;
    }
    $self->read_in() if $events & (POLLIN | POLLHUP | POLLERR);
    $self->pump() if !$self->{gone};
}

sub shake {
    my ($self) = @_;

    if ($self->{fh}->accept_SSL()) {
        $self->{tls} = 'done';
        $self->{peer} = $self->{fh}->peer_certificate('commonName')
            if $self->{server}{sim}{client_ca};
        return 1;
    }
    no warnings 'once'; # the module is loaded only for TLS
    my $error = $IO::Socket::SSL::SSL_ERROR;
    if ($error == IO::Socket::SSL::SSL_WANT_READ()) {
        $self->watch(POLLIN);
    } elsif ($error == IO::Socket::SSL::SSL_WANT_WRITE()) {
        $self->watch(POLLOUT);
    } else {
        $self->close();
    }
    return 0;
}

sub read_in {
    my ($self) = @_;

    while (length $self->{in} < MAX_IN) {
        my $n = sysread $self->{fh}, $self->{in}, CHUNK, length $self->{in};
        if (!defined $n) {
            last if $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
            return $self->left();
        }
        if ($n == 0) {
            $self->{eof} = 1;
            last;
        }
        last if !$self->{tls} && $n < CHUNK;
    }
    $self->consume();
    $self->close() if length $self->{in} >= MAX_IN; # nobody asks so much
    $self->at_eof() if $self->{eof} && !$self->{gone};
}

# Half closed is enough to be answered, but nobody hangs for one who left.
sub at_eof {
    my ($self) = @_;

    return $self->close() if $self->{handler} || !$self->{busy};
    return $self->left() if $self->{idle};
    $self->watch();
}

sub consume {
    my ($self) = @_;

    if ($self->{handler}) {
        $self->{handler}->feed($self) if length $self->{in};
        return;
    }
    while (!$self->{busy} && !$self->{gone} && !$self->{handler}) {
        my $req = Wizdata::Sim::Request->parse(\$self->{in}, $self) or last;
        $req->{peer} = $self->{peer};
        $self->{busy} = 1;
        $self->{req} = $req;
        $self->put($self->{server}->request($self, $req), [ call => sub {
            $self->{busy} = 0;
            delete $self->{req};
            return $self->put(['fin']) if $req->{last};
            $self->consume() if length $self->{in};
        } ]);
    }
}

sub become {
    my ($self, $handler) = @_;

    $self->{handler} = $handler;
    $self->{busy} = 0;
    delete $self->{req};
}

# ---- writing

# A step that is waited for is not overtaken.
sub put {
    my ($self, @steps) = @_;

    return if $self->{gone};
    push @{ $self->{steps} }, @steps;
    $self->pump();
}

sub pump {
    my ($self) = @_;

    return if $self->{idle} || $self->{pumping};
    local $self->{pumping} = 1;
    while (!$self->{gone}) {
        last if length $self->{out} && !$self->flush();
        my $step = shift @{ $self->{steps} } // last;
        if (!ref $step) {
            $self->{out} .= $step;
            next;
        }
        my ($what, @with) = @$step;
        my $method = "step_$what";
        last if !$self->$method(@with);
    }
    $self->watch() if !$self->{gone};
}

# True when all is written.
sub flush {
    my ($self) = @_;

    while (length $self->{out}) {
        my $n = syswrite $self->{fh}, $self->{out}, CHUNK;
        if (!defined $n) {
            return 0 if $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
            $self->left();
            return 0;
        }
        substr $self->{out}, 0, $n, '';
    }
    return 1;
}

sub watch {
    my ($self, $events) = @_;

    return if $self->{gone};
    $events //= ($self->{eof} ? 0 : POLLIN)
        | (length $self->{out} || $self->{more} ? POLLOUT : 0);
    $self->{server}{poll}->mask($self->{fh} => $events);
}

# The steps: true when the next one may follow at once.

sub rest {
    my ($self) = @_;

    return $self->left() if $self->{eof};
    $self->{idle} = 1;
    return 0;
}

sub later {
    my ($self, $seconds) = @_;

    $self->rest();
    $self->{server}->after($seconds, sub { $self->go_on() });
    return 0;
}

sub go_on {
    my ($self) = @_;

    $self->{idle} = 0;
    $self->pump();
}

sub step_hang { return $_[0]->rest() }
sub step_wait { return $_[0]->later($_[1]) }

sub step_drip {
    my ($self, $bytes, $n, $every) = @_;

    $self->{out} = substr $bytes, 0, $n, '';
    return 1 if !length $bytes;
    $self->flush();
    unshift @{ $self->{steps} }, [ drip => $bytes, $n, $every ];
    return $self->later($every);
}

sub step_endless {
    my ($self, $bytes) = @_;

    unshift @{ $self->{steps} }, [ endless => $bytes ];
    $self->{out} = $bytes;
    $self->flush();
    $self->{more} = 1; # the others have their turn first
    return 0;
}

sub step_gate {
    my ($self, $name) = @_;

    $self->rest();
    $self->{server}->at_gate($name, sub { $self->go_on() });
    return 0;
}

sub step_reset { $_[0]->reset(); return 0 }
sub step_fin { $_[0]->close(); return 0 }
sub step_call { $_[1]->($_[0]); return 1 }

1;
