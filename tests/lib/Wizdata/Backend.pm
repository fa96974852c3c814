package Wizdata::Backend;

# A backend written from docs/PROTOCOL.md alone, for tests: a process of its
# own that speaks the protocol well, or breaks it exactly where a test asks.
#
# What it answers is a function per request (or per method) that returns what
# to do: text or data (the body), or actions made by reply(), stream(),
# hold(), split_writes() and the others below. Whatever it receives goes into
# a log that the test reads; whatever the caller does against the protocol
# goes there as a "bad" event.

use warnings;
use strict;

use Digest::MD5 ();
use Errno qw/ EAGAIN EINTR /;
use Fcntl;
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Socket;
use Time::HiRes qw/ time /;

use Wizdata::MessagePack;

use Exporter 'import';

our @EXPORT = qw/ reply reply_map error_reply stream hold later raw hangup
    ignore split_writes receive pattern frame_response frame_error frame_notify /;

use constant {
    VERSION    => 1,
    FRAME_MAX  => 262_144,
    CHUNK_MAX  => 65_536,
    WINDOW     => 262_144,
    SIOCOUTQ   => 0x5411,
    BEAT       => 0.25,
    CTL_WAIT   => 10,
};

my $json = JSON::PP->new->canonical->ascii;


# ---- frames ---------------------------------------------------------------

sub frame_response {
    my ($msgid, $status, $meta, $body) = @_;

    return mp_encode([ 1, $msgid, undef,
        [ $status, $meta, defined $body ? mp_bin($body) : undef ] ]);
}

sub frame_error {
    my ($msgid, $code, $text, $detail) = @_;

    my @error = ($code, mp_str($text));
    push @error, $detail if defined $detail;
    return mp_encode([ 1, $msgid, \@error, undef ]);
}

sub frame_notify {
    my ($method, $params) = @_;

    return mp_encode([ 2, $method, $params ]);
}


# ---- actions: what a handler may return -----------------------------------

sub action { return bless $_[0], 'Wizdata::Backend::Action' }

# A body that is one frame. Options: status, meta, force (also when cancelled).
sub reply {
    my ($body, %o) = @_;

    $body = $json->encode($body) if ref $body;
    return action(sub {
        my ($req) = @_;
        $req->send(frame_response($req->{msgid}, $o{status} || 200,
            $o{meta} || {}, $body), %o);
        $req->done;
    });
}

sub reply_map { return reply({@_}) }

sub error_reply {
    my ($code, $text, $detail) = @_;

    return action(sub {
        my ($req) = @_;
        $req->send(frame_error($req->{msgid}, $code, $text, $detail));
        $req->done;
    });
}

# Bytes as they are; a function gets the request and returns them.
sub raw {
    my ($bytes) = @_;

    return action(sub {
        my ($req) = @_;
        $req->{conn}{raw_sent} = 1;
        $req->send(ref $bytes ? $bytes->($req) : $bytes, force => 1);
    });
}

# A body of `total` bytes of pattern() in pieces, as credit allows. Options:
#   piece    bytes of one piece
#   window   how much to send beyond the credit (more: breaks the protocol)
#   len      false: do not announce the length
#   meta     more meta
#   text     the body's bytes, instead of pattern()
#   abort_at, hangup_at, stall_at   stop in this way after that many bytes
sub stream {
    my ($total, %o) = @_;

    return action(sub {
        my ($req) = @_;
        $req->{stream} = {
            total => 0 + $total, sent => 0, credit => 0, piece => CHUNK_MAX,
            window => WINDOW, len => 1, meta => {}, %o
        };
        $req->pump;
    });
}

# Nothing until the test says "release".
sub hold {
    my ($action) = @_;

    return action(sub {
        my ($req) = @_;
        push @{ $req->{backend}{held} }, [ $req, $action ];
    });
}

sub later {
    my ($seconds, $action) = @_;

    return action(sub {
        my ($req) = @_;
        $req->{backend}->after($seconds, sub { $req->run($action) });
    });
}

# Closes the connection when all that was sent before has left.
sub hangup {
    return action(sub { $_[0]{conn}{closing} = 1 });
}

sub ignore { return action(sub { }) }

# Takes the body of the request and gives credit for it; when all is here does
# `then`, which may be a function of the request. Options:
#   then     default: answers {"bytes": ..., "md5": ..., "chunks": ...}
#   hold     no credit until the test says "feed"
#   stop_at  does `then` after that many bytes, whatever comes
#   credit   function of the request and of the bytes to be credited: how much
#            to tell instead (more than came: breaks the protocol)
sub receive {
    my (%o) = @_;

    return action(sub {
        my ($req) = @_;
        my $up = $req->{up}
            or return error_reply(-1, 'no body')->($req);
        @$up{ keys %o } = values %o;
        $req->take;
    });
}

# What `action` sends leaves in pieces of n bytes; each but the first waits
# until the peer has read the one before.
sub split_writes {
    my ($action, $n) = @_;

    return action(sub {
        my ($req) = @_;
        local $req->{conn}{split} = $n;
        $req->run($action);
    });
}

my $pattern = join '', map { sprintf "%06d,", $_ } 0 .. 9362;    # 65541 bytes

# The bytes at an offset of the body that stream() sends.
sub pattern {
    my ($from, $n) = @_;

    my $len = length $pattern;
    my $s = substr($pattern, $from % $len)
        . $pattern x (int($n / $len) + 1);
    return substr $s, 0, $n;
}


# ---- the test's side ------------------------------------------------------

# Options:
#   name      service name in hello
#   listen    path of a Unix socket, or host:port
#   log       file for the log
#   handler   function of a request; or:
#   methods   handlers by method name (a value that is no function is a body)
#   hello     undef: a proper one; '': none; else bytes sent instead
#   greet     function of a connection, after its hello was sent
#   beat      true: auth.beat every 250 ms
#   deaf      true: accepts connections but never reads
#   commands  more control commands: name => sub { my ($backend, @args) = @_ }
sub new {
    my ($class, %o) = @_;

    return bless { methods => {}, commands => {}, offset => 0, %o }, $class;
}

# Listens before it forks, so the socket is there when start() returns.
sub start {
    my ($self) = @_;

    die "backend $self->{name} runs already" if $self->{pid};

    my $listen = $self->listener;
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0 or die "pair: $!";

    my $pid = fork;
    die "fork: $!" unless defined $pid;

    if ($pid == 0) {
        close $ours;
        @SIG{qw/ INT TERM /} = (sub { POSIX::_exit(0) }) x 2;
        $SIG{PIPE} = 'IGNORE';
        eval { $self->serve($listen, $theirs); 1 } or do {
            warn "backend $self->{name}: $@";
            $self->note({ e => 'bad', why => "died: $@" });
        };
        POSIX::_exit(0);
    }

    close $theirs;
    close $listen;
    $self->{pid} = $pid;
    $self->{ctl} = $ours;
    return $self;
}

sub listener {
    my ($self) = @_;

    my $at = $self->{listen};

    if ($at =~ /^([\d.]+):(\d+)$/) {
        return IO::Socket::INET->new(Proto => 'tcp', LocalAddr => $1,
            LocalPort => $2, Listen => 511, ReuseAddr => 1)
            || die "listen on $at: $!";
    }

    unlink $at;
    return IO::Socket::UNIX->new(Local => $at, Listen => 511)
        || die "listen on $at: $!";
}

# Ends the process; by default at once, as a crash would.
sub stop {
    my ($self, $signal) = @_;

    return unless $self->{pid};

    kill $signal || 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    close $self->{ctl};
    delete @$self{qw/ pid ctl /};
    unlink $self->{listen} if $self->{listen} =~ m{^/};
}

# One command to the process; returns its answer.
sub ctl {
    my ($self, @command) = @_;

    my $deadline = time() + CTL_WAIT;
    my $in = '';

    syswrite $self->{ctl}, mp_encode(\@command);
    for (;;) {
        my $left = $deadline - time();
        die "backend $self->{name}: no answer to $command[0]\n" if $left <= 0
            || !IO::Select->new($self->{ctl})->can_read($left)
            || !sysread $self->{ctl}, $in, 65536, length $in;

        my $answer = eval { mp_decode($in) };
        next unless $answer;
        die "backend $self->{name}: $command[0]: $answer->[1]\n"
            unless $answer->[0];
        return $answer->[1];
    }
}

# All events so far. Each is a map: e (event), c (connection), and more.
sub log {
    my ($self) = @_;

    open my $fh, '<:raw', $self->{log} or return [];
    seek $fh, $self->{offset}, 0;
    local $/;
    my $bytes = <$fh>;
    $bytes = '' unless defined $bytes;

    my $at = 0;
    while ($at < length $bytes) {
        my $from = $at;
        my $event = eval { mp_decode_at($bytes, \$at) };
        unless ($event) {    # the last one is being written
            $at = $from;
            last;
        }
        push @{ $self->{events} }, $event;
    }
    $self->{offset} += $at;

    return $self->{events} || [];
}

sub events {
    my ($self, $kind) = @_;

    return grep { $_->{e} eq $kind } @{ $self->log };
}

# Requests received, of one method or of all but those of every backend.
sub calls {
    my ($self, $method) = @_;

    return grep { defined $method ? $_->{method} eq $method
        : $_->{method} !~ /^sys\./ } $self->events('request');
}


# ---- the backend's side ---------------------------------------------------

sub note {
    my ($self, $event) = @_;

    sysopen my $fh, $self->{log}, O_WRONLY | O_APPEND | O_CREAT or return;
    syswrite $fh, mp_encode($event);
}

sub bad {
    my ($self, $conn, $why) = @_;

    $self->note({ e => 'bad', c => $conn->{id}, why => $why });
}

sub after {
    my ($self, $seconds, $sub) = @_;

    push @{ $self->{timers} }, [ time() + $seconds, $sub ];
}

sub serve {
    my ($self, $listen, $ctl) = @_;

    @$self{qw/ listener ctl_in conns timers held next_id /} =
        ($listen, '', {}, [], [], 1);
    $listen->blocking(0);
    $ctl->blocking(0);
    $self->{ctl} = $ctl;
    $self->beat if $self->{beat};

    for (;;) {
        $self->turn;
    }
}

sub beat {
    my ($self) = @_;

    if ($self->{beat}) {
        $_->send(frame_notify('auth.beat', [ ++$self->{seq} ]))
            for values %{ $self->{conns} };
    }
    $self->after(BEAT, sub { $self->beat });
}

sub turn {
    my ($self) = @_;

    my ($r, $w) = ('', '');
    my $wait = 3600;

    for my $fh (grep { defined } @$self{qw/ listener ctl /}) {
        vec($r, fileno $fh, 1) = 1;
    }
    for my $conn (values %{ $self->{conns} }) {
        vec($r, fileno $conn->{fh}, 1) = 1 unless $self->{deaf};
        if (@{ $conn->{out} }) {
            if ($conn->unread) {
                $wait = 0.0005;    # there is no event for "the peer has read"
            } else {
                vec($w, fileno $conn->{fh}, 1) = 1;
            }
        }
    }
    for my $timer (@{ $self->{timers} }) {
        my $left = $timer->[0] - time();
        $wait = $left if $left < $wait;
    }

    select $r, $w, undef, $wait < 0 ? 0 : $wait;
    $self->timers;

    $self->accept if defined $self->{listener}
        && vec $r, fileno $self->{listener}, 1;
    for my $conn (values %{ $self->{conns} }) {
        $conn->readable if vec $r, fileno $conn->{fh}, 1;
    }
    # Last: what a command causes must not overtake what was received before.
    $self->control if vec $r, fileno $self->{ctl}, 1;
    for my $conn (values %{ $self->{conns} }) {
        $conn->flush;
    }
}

sub timers {
    my ($self) = @_;

    my $now = time();
    my @due = grep { $_->[0] <= $now } @{ $self->{timers} };

    return unless @due;
    $self->{timers} = [ grep { $_->[0] > $now } @{ $self->{timers} } ];
    $_->[1]->() for @due;
}

sub accept {
    my ($self) = @_;

    while (my $fh = $self->{listener}->accept) {
        $fh->blocking(0);
        my $conn = bless {
            id => $self->{next_id}++, fh => $fh, backend => $self, in => '',
            out => [], flight => {}, cancelled => {}
        }, 'Wizdata::Backend::Connection';

        $self->{conns}{ $conn->{id} } = $conn;
        $self->note({ e => 'connect', c => $conn->{id} });

        $conn->send(defined $self->{hello} ? $self->{hello}
            : frame_notify('sys.hello', [ { v => VERSION,
                service => $self->{name}, instance => "test:$$" } ]));
        $self->{greet}->($conn) if $self->{greet};
    }
}

sub control {
    my ($self) = @_;

    my $n = sysread $self->{ctl}, $self->{ctl_in}, 65536,
        length $self->{ctl_in};
    POSIX::_exit(0) if defined $n && $n == 0;    # the test is gone

    my $command = eval { mp_decode($self->{ctl_in}) } or return;
    $self->{ctl_in} = '';

    my ($name, @args) = @$command;
    my $sub = $self->{commands}{$name} || $self->can("ctl_$name");
    my $result = eval { $sub ? $sub->($self, @args) : die "no such command\n" };

    my $answer = $@ ? [ 0, "$@" ] : [ 1, $result ];
    $_->flush for values %{ $self->{conns} };
    syswrite $self->{ctl}, mp_encode($answer);
}

# Sends what is held: all, or n of it, oldest first or (n < 0) newest first.
sub ctl_release {
    my ($self, $n) = @_;

    my @held = @{ $self->{held} };
    @held = reverse @held if defined $n && $n < 0;
    $n = @held unless defined $n;
    $n = abs $n;
    $n = @held if $n > @held;

    my @go = @held[ 0 .. $n - 1 ];
    my %gone = map { ($_->[0] + 0) => 1 } @go;
    $self->{held} = [ grep { !$gone{ $_->[0] + 0 } } @{ $self->{held} } ];
    $_->[0]->run($_->[1]) for @go;

    return scalar @go;
}

sub ctl_held { return scalar @{ $_[0]{held} } }

# States of the bodies under way, by connection and msgid.
sub ctl_streams {
    my ($self) = @_;

    my @list;
    for my $conn (values %{ $self->{conns} }) {
        for my $req (values %{ $conn->{flight} }) {
            my $s = $req->{stream} or next;
            push @list, { map { $_ => $s->{$_} } qw/ total sent credit / };
        }
    }
    return \@list;
}

# The same of the bodies that are received.
sub ctl_uploads {
    my ($self) = @_;

    my @list;
    for my $conn (values %{ $self->{conns} }) {
        for my $req (values %{ $conn->{flight} }) {
            my $up = $req->{up} or next;
            push @list, { id => $req->{msgid},
                map { $_ => 0 + $up->{$_} } qw/ got credited last / };
        }
    }
    return [ sort { $a->{id} <=> $b->{id} } @list ];
}

# Credit for bodies that are held: for n bytes, or for all and none is held
# any more.
sub ctl_feed {
    my ($self, $n) = @_;

    for my $conn (values %{ $self->{conns} }) {
        for my $req (values %{ $conn->{flight} }) {
            my $up = $req->{up} or next;
            if (defined $n) {
                $req->credit($n);
            } else {
                delete $up->{hold};
                $req->take;
            }
        }
    }
    return 1;
}

sub ctl_conns { return scalar keys %{ $_[0]{conns} } }

sub ctl_notify {
    my ($self, $method, $params) = @_;

    $_->send(frame_notify($method, $params)) for values %{ $self->{conns} };
    return scalar keys %{ $self->{conns} };
}

sub ctl_raw {
    my ($self, $bytes) = @_;

    $_->send($bytes) for values %{ $self->{conns} };
    return 1;
}

# Closes every connection at once.
sub ctl_close {
    my ($self) = @_;

    $_->close('asked') for values %{ $self->{conns} };
    return 1;
}

# Sets a field: beat, deaf, hello, or one that the handlers look at.
sub ctl_set {
    my ($self, $key, $value) = @_;

    $self->{$key} = $value;
    return 1;
}

sub ctl_ping { return 'pong' }


package Wizdata::Backend::Connection;

use Errno qw/ EAGAIN EINTR /;
use Wizdata::MessagePack;

sub send {
    my ($self, $bytes) = @_;

    return if !length $bytes || $self->{closed};

    if (my $n = $self->{split}) {
        push @{ $self->{out} }, [ $_, 1 ] for unpack "(a$n)*", $bytes;
        return;
    }

    my $last = $self->{out}[-1];
    if ($last && !$last->[1]) {
        $last->[0] .= $bytes;
    } else {
        push @{ $self->{out} }, [ $bytes, 0 ];
    }
}

# Does the next piece wait for the peer to read the one before it?
sub unread {
    my ($self) = @_;

    return 0 unless $self->{out}[0][1] && $self->{split_sent};

    my $n = pack 'i', 0;
    return 0 unless ioctl $self->{fh}, Wizdata::Backend::SIOCOUTQ, $n;
    return unpack('i', $n) > 0;
}

sub flush {
    my ($self) = @_;

    while (@{ $self->{out} }) {
        return if $self->unread;

        my ($bytes, $split) = @{ $self->{out}[0] };
        my $n = syswrite $self->{fh}, $bytes;

        if (!defined $n) {
            return if $! == EAGAIN || $! == EINTR;
            $self->close("write: $!");
            return;
        }

        $self->{split_sent} = $split;
        if ($n < length $bytes) {
            substr $self->{out}[0][0], 0, $n, '';
            return;
        }
        shift @{ $self->{out} };
    }

    $self->{split_sent} = 0;
    $self->close('asked') if $self->{closing};
}

sub close {
    my ($self, $why) = @_;

    return if $self->{closed}++;

    my $backend = $self->{backend};
    $backend->note({ e => 'close', c => $self->{id}, why => $why,
        flight => scalar keys %{ $self->{flight} } });
    $backend->{held} = [ grep { $_->[0]{conn} != $self }
        @{ $backend->{held} } ];
    delete $backend->{conns}{ $self->{id} };
    CORE::close $self->{fh};
    $self->{flight} = {};
    $self->{out} = [];
}

sub readable {
    my ($self) = @_;

    return if $self->{closed};

    my $n = sysread $self->{fh}, $self->{in}, 1 << 20, length $self->{in};

    if (!defined $n) {
        $self->close("read: $!") unless $! == EAGAIN || $! == EINTR;
        return;
    }
    if ($n == 0) {
        # Who is sent frames that are none closes at once.
        $self->{backend}->bad($self, 'the stream ended inside a frame')
            if length $self->{in} && !$self->{raw_sent};
        $self->close('eof');
        return;
    }

    my @frames = $self->frames;
    $self->{backend}->note({ e => 'read', c => $self->{id}, n => $n,
        requests => scalar grep { ref $_ eq 'ARRAY' && @$_ == 4 } @frames });

    for my $frame (@frames) {
        last if $self->{closed};
        $self->frame($frame);
    }
}

# Cuts what was received into whole frames.
sub frames {
    my ($self) = @_;

    my ($at, @frames) = (0);

    while ($at < length $self->{in}) {
        my $from = $at;
        my $frame = eval { mp_decode_at($self->{in}, \$at) };
        if ($@) {
            if ($@ ne $Wizdata::MessagePack::SHORT) {
                $self->{backend}->bad($self, "not MessagePack: $@");
                $self->close('malformed');
                return;
            }
            $at = $from;
            last;
        }
        $self->{backend}->bad($self, 'a frame is too long')
            if $at - $from > Wizdata::Backend::FRAME_MAX;
        push @frames, $frame;
        $self->{raw} = substr $self->{in}, $from, $at - $from;
        push @{ $self->{raws} }, $self->{raw};
    }

    substr $self->{in}, 0, $at, '';
    return @frames;
}

sub frame {
    my ($self, $f) = @_;

    my $raw = shift @{ $self->{raws} };
    my $b = $self->{backend};

    return $b->bad($self, 'a frame is not an array of 3 or 4')
        unless ref $f eq 'ARRAY' && (@$f == 3 || @$f == 4);

    if (!$self->{greeted}) {
        $self->{greeted} = 1;
        return $self->hello($f) if $f->[0] == 2 && $f->[1] eq 'sys.hello';
        $b->bad($self, 'the first frame is not a hello');
    }

    return $self->request($f, $raw) if @$f == 4 && $f->[0] == 0;
    return $self->notification($f) if @$f == 3 && $f->[0] == 2;
    $b->bad($self, 'neither a request nor a notification');
}

sub hello {
    my ($self, $f) = @_;

    my $h = ref $f->[2] eq 'ARRAY' ? $f->[2][0] : undef;

    $self->{backend}->bad($self, 'hello is not well formed')
        unless ref $h eq 'HASH' && ($h->{v} || 0) == 1
        && defined $h->{service} && defined $h->{instance};
    $self->{backend}->note({ e => 'hello', c => $self->{id},
        ref $h eq 'HASH' ? %$h : () });
}

# What PROTOCOL.md section 4 says of a context.
sub check_context {
    my ($ctx) = @_;

    return 'no id' unless defined $ctx->{id} && length $ctx->{id};
    return 'id is too long' if length $ctx->{id} > 64;
    return 'tp' if defined $ctx->{tp}
        && $ctx->{tp} !~ /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
    return 'ts' if defined $ctx->{ts}
        && ($ctx->{ts} !~ /^wizdata=[0-9a-f]{16}(,|$)/
            || length $ctx->{ts} > 512);
    return 'sub' if defined $ctx->{sub} && length $ctx->{sub} > 255;
    return 'plan' if defined $ctx->{plan} && length $ctx->{plan} > 32;
    return 'perm' if defined $ctx->{perm}
        && (ref $ctx->{perm} ne 'ARRAY' || @{ $ctx->{perm} } > 32);
    return 'ip' if exists $ctx->{ip} && (!defined $ctx->{ip}
            || $ctx->{ip} !~ /^[0-9a-f.:]{2,45}$/);
    return 'ms' if defined $ctx->{ms} && $ctx->{ms} !~ /^[0-9]+$/;
    return 'fmt' if defined $ctx->{fmt}
        && $ctx->{fmt} !~ /^(json|csv|msgpack)$/;
    return 'body' if exists $ctx->{body} && !JSON::PP::is_bool($ctx->{body});
    return 'of a body that is none'
        if !$ctx->{body} && grep { exists $ctx->{$_} } qw/ len type enc idem /;
    return 'len' if defined $ctx->{len} && $ctx->{len} !~ /^[0-9]+$/;
    return 'type' if $ctx->{body}
        && ($ctx->{type} // '') !~ m{^[a-z]+/[a-z.-]{1,120}$};
    return 'enc' if defined $ctx->{enc} && $ctx->{enc} !~ /^(gzip|zstd)$/;
    return 'idem' if defined $ctx->{idem}
        && $ctx->{idem} !~ /^[\x20-\x7e]{1,128}$/;
    return;
}

sub request {
    my ($self, $f, $raw) = @_;

    my (undef, $msgid, $method, $params) = @$f;
    my $b = $self->{backend};

    return $b->bad($self, 'a request is not well formed')
        unless defined $msgid && $msgid =~ /^[0-9]+$/ && $msgid < 2**32
        && defined $method && $method =~ /^[a-z._]{1,64}$/
        && ref $params eq 'ARRAY' && @$params == 2
        && ref $params->[0] eq 'HASH' && ref $params->[1] eq 'HASH';

    my $why = check_context($params->[0]);
    $b->bad($self, "context of $method: $why") if $why;
    $b->bad($self, "msgid $msgid is in flight already")
        if $self->{flight}{$msgid};
    $b->bad($self, "msgid $msgid was cancelled before")
        if $self->{cancelled}{$msgid};

    my $req = bless {
        backend => $b, conn => $self, msgid => $msgid, method => $method,
        ctx => $params->[0], args => $params->[1]
    }, 'Wizdata::Backend::Request';

    $self->{flight}{$msgid} = $req;
    if ($params->[0]{body}) {
        $req->{up} = { got => 0, credited => 0, chunks => 0, last => 0,
            md5 => Digest::MD5->new };
        $self->{uploads}{$msgid} = 1;
    }

    my $typed = mp_decode($raw, 1);
    $b->note({ e => 'request', c => $self->{id}, id => $msgid,
        method => $method, ctx => $params->[0], args => $params->[1],
        dump => mp_str(Wizdata::MessagePack::mp_dump_value($typed->[3][1])),
        flight => scalar keys %{ $self->{flight} } });

    $req->handle;
}

sub notification {
    my ($self, $f) = @_;

    my (undef, $method, $params) = @$f;
    my $b = $self->{backend};

    return $b->bad($self, 'a notification is not well formed')
        unless defined $method && length $method && ref $params eq 'ARRAY';

    if ($method eq 'rpc.cancel') {
        my ($msgid) = @$params;
        $b->note({ e => 'cancel', c => $self->{id}, id => $msgid });
        $self->{cancelled}{$msgid} = 1;
        my $req = delete $self->{flight}{$msgid} or return;
        $req->{cancelled} = 1;
        $b->{on_cancel}->($req) if $b->{on_cancel};
        return;
    }

    return $self->chunk(@$params) if $method eq 'rpc.chunk';

    if ($method eq 'rpc.credit') {
        my ($msgid, $n) = @$params;
        $b->note({ e => 'credit', c => $self->{id}, id => $msgid, n => $n });
        my $req = $self->{flight}{$msgid} or return;
        my $s = $req->{stream};
        return $b->bad($self, 'credit before the body') unless $s;
        $s->{credit} += $n;
        $b->bad($self, "credit $s->{credit} for $s->{sent} bytes sent")
            if $s->{credit} > $s->{sent};
        $req->pump;
        return;
    }

    if ($method eq 'auth.refusals') {
        my $why = check_refusals($params);
        $b->bad($self, "$method: $why") if $why;
    }
    $b->note({ e => 'notify', c => $self->{id}, method => $method,
        params => $params });
}

# A piece of a request's body.
sub chunk {
    my ($self, $msgid, $bytes, $last) = @_;

    my $b = $self->{backend};
    return $b->bad($self, 'a chunk is not well formed')
        unless @_ == 4 && defined $bytes && JSON::PP::is_bool($last);
    return $b->bad($self, "a chunk of a request without a body: $msgid")
        unless $self->{uploads}{$msgid};
    return $b->bad($self, 'a chunk after the cancel')
        if $self->{cancelled}{$msgid};

    my $req = $self->{flight}{$msgid} or return;    # it crossed the answer
    my $up = $req->{up};

    $b->bad($self, 'a chunk after the last') if $up->{last};
    $b->bad($self, 'a chunk is too long')
        if length $bytes > Wizdata::Backend::CHUNK_MAX;
    $up->{got} += length $bytes;
    $up->{chunks}++;
    $up->{last} = $last ? 1 : 0;
    $up->{md5}->add($bytes);
    $b->bad($self, "$up->{got} bytes sent for a credit of $up->{credited}")
        if $up->{got} > $up->{credited} + Wizdata::Backend::WINDOW;
    $req->take if $up->{then};
}

# What PROTOCOL.md section 8 says of auth.refusals.
sub check_refusals {
    my ($params) = @_;

    return 'not of three' unless @$params == 3;
    my ($rows, $lost, $instance) = @$params;
    return 'no rows' unless ref $rows eq 'ARRAY';
    return 'too many rows' if @$rows > 256;
    return 'nothing' unless @$rows || $lost;
    return 'lost' unless defined $lost && $lost =~ /^[0-9]+$/;
    return 'instance' unless defined $instance && length $instance;

    my %seen;
    for my $row (@$rows) {
        return 'a row is not of eight' unless ref $row eq 'ARRAY'
            && @$row == 8 && !grep { !defined || ref } @$row;
        my ($at, $ip, $sub, $key, $method, $code, $reason, $n) = @$row;
        return "at: $at" unless $at =~ /^[0-9]{19}$/;
        return "ip: $ip" unless $ip =~ /^([0-9a-f.:]{2,45})?$/;
        return "sub: $sub" if length $sub > 255;
        return "key: $key" if length $key > 64;
        return "method: $method" unless length $method <= 64
            && $method =~ m{^([a-z]+(\.[a-z_]+)+|/[a-z/-]+)?$};
        return "code: $code" unless $code == -3 || $code == -4;
        return "reason: $reason" unless length $reason <= 64
            && $reason =~ /^[a-z]+(-[a-z]+)*$/;
        return "n: $n" unless $n =~ /^[1-9][0-9]*$/;
        return 'two rows are equal'
            if $seen{ join "\0", @$row[ 1 .. 6 ] }++;
    }
    return;
}


package Wizdata::Backend::Request;

use Wizdata::MessagePack;

sub handle {
    my ($self) = @_;

    my $b = $self->{backend};
    my $name = $self->{method};
    my $what = exists $b->{methods}{$name} ? $b->{methods}{$name}
        : $name =~ /^sys\.(\w+)$/ ? $b->can("default_sys_$1")
        : $b->{handler};

    $what = Wizdata::Backend::error_reply(-5, 'no such method')
        unless defined $what;
    $self->run($what);
}

# Does an action, calls a handler, or answers with a body.
sub run {
    my ($self, $what) = @_;

    return if !defined $what || $self->{conn}{closed};

    if (ref $what eq 'Wizdata::Backend::Action') {
        $what->($self);
    } elsif (ref $what eq 'CODE') {
        $self->run($_) for $what->($self);
    } else {
        Wizdata::Backend::reply($what)->($self);
    }
}

sub send {
    my ($self, $bytes, %o) = @_;

    return if $self->{cancelled} && !$o{force};
    local $self->{conn}{split} = $o{split} || $self->{conn}{split};
    $self->{conn}->send($bytes);
}

sub done {
    my ($self) = @_;

    delete $self->{conn}{flight}{ $self->{msgid} };
}

# More of the body is here, or its end.
sub take {
    my ($self) = @_;

    my $up = $self->{up};
    my $over = $up->{last}
        || (defined $up->{stop_at} && $up->{got} >= $up->{stop_at});

    $up->{then} ||= sub {
        Wizdata::Backend::reply({ bytes => 0 + $up->{got},
            md5 => $up->{md5}->clone->hexdigest,
            chunks => 0 + $up->{chunks} });
    };
    return if $up->{hold} || $up->{over};
    if ($over) {
        $up->{over} = 1;
        return $self->run($up->{then});
    }

    my $left = $up->{got} - $up->{credited};
    $self->credit($left) if $left >= Wizdata::Backend::WINDOW / 4;
}

sub credit {
    my ($self, $n) = @_;

    my $up = $self->{up};
    if ($up->{credit}) {
        $self->{conn}{raw_sent} = 1;
        $n = $up->{credit}->($self, $n);
    }
    $up->{credited} += $n;
    $self->send(Wizdata::Backend::frame_notify('rpc.credit',
        [ $self->{msgid}, 0 + $n ])) if $n;
}

# Sends as much of the body as the window allows.
sub pump {
    my ($self) = @_;

    my $s = $self->{stream};
    my $stop = 0;

    while (!$self->{cancelled} && !$s->{over}) {
        my $n = $s->{window} - ($s->{sent} - $s->{credit});
        $n = $s->{piece} if $n > $s->{piece};
        $n = $s->{total} - $s->{sent} if $n > $s->{total} - $s->{sent};
        for my $at (grep { defined } @$s{qw/ abort_at hangup_at stall_at /}) {
            $n = $at - $s->{sent} if $n > $at - $s->{sent};
        }
        return $self->stop_early
            if grep { defined && $_ == $s->{sent} }
            @$s{qw/ abort_at hangup_at stall_at /};
        return if $n <= 0 && $s->{sent} < $s->{total};

        $self->piece(defined $s->{text} ? substr($s->{text}, $s->{sent}, $n)
            : Wizdata::Backend::pattern($s->{sent}, $n));
    }
}

sub piece {
    my ($self, $bytes) = @_;

    my $s = $self->{stream};
    my $first = $s->{sent} == 0;

    $s->{sent} += length $bytes;
    my $last = $s->{sent} == $s->{total};

    if ($first) {
        my %meta = %{ $s->{meta} };
        $meta{more} = mp_true unless $last;
        $meta{len} = $s->{total} if $s->{len} && !$last;
        $self->send(Wizdata::Backend::frame_response($self->{msgid}, 200,
            \%meta, $bytes));
    } else {
        $self->send(Wizdata::Backend::frame_notify('rpc.chunk',
            [ $self->{msgid}, mp_bin($bytes),
                $last ? mp_true : mp_false ]));
    }

    if ($last) {
        $s->{over} = 1;
        $self->done;
    }
}

sub stop_early {
    my ($self) = @_;

    my $s = $self->{stream};

    $s->{over} = 1;
    if (defined $s->{abort_at} && $s->{sent} == $s->{abort_at}) {
        $self->send(Wizdata::Backend::frame_notify('rpc.abort',
            [ $self->{msgid}, [ -12, 'the disk broke' ] ]));
        $self->done;
    } elsif (defined $s->{hangup_at} && $s->{sent} == $s->{hangup_at}) {
        $self->{conn}{closing} = 1;
    }
    $self->{backend}->note({ e => 'stopped', c => $self->{conn}{id},
        id => $self->{msgid}, sent => $s->{sent} });
}


package Wizdata::Backend;

# What every backend answers unless the test says otherwise (section 10).

sub default_sys_health {
    my ($req) = @_;

    my $b = $req->{backend};
    return reply({ service => $b->{name}, status => 'healthy',
        version => '1.0.0', uptime_seconds => 1, dependencies => {} },
        meta => { deps => {} });
}

sub default_sys_metrics {
    my ($req) = @_;

    return reply("# HELP test_up The backend runs.\n# TYPE test_up gauge\n"
        . "test_up{service=\"$req->{backend}{name}\"} 1\n");
}

sub default_sys_config { return reply({}) }

1;
