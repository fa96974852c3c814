package Wizdata::Sim::Server;

# The process of a simulator: one loop over its listening socket, its
# connections, its timers and the line to the test.

use warnings;
use strict;

use IO::Poll qw/ POLLIN POLLOUT POLLERR POLLHUP /;
use IO::Socket::INET;
use Scalar::Util qw/ weaken /;
use Socket qw/ SOL_SOCKET SO_REUSEPORT INADDR_LOOPBACK pack_sockaddr_in
    PF_INET SOCK_STREAM /;
use Storable qw/ freeze thaw /;
use Time::HiRes qw/ time clock_gettime CLOCK_MONOTONIC /;

use Wizdata::Sim::Conn;
use Wizdata::Sim::Fault;

use constant { BACKLOG => 1024, TICK => 0.1 };

# Bound to a port of loopback that others may be bound to: so a port that is
# closed for a while is kept by a second socket.
sub bound {
    my ($port) = @_;

    my $s = IO::Socket::INET->new();
    socket $s, PF_INET, SOCK_STREAM, 6 or die "socket: $!";
    setsockopt $s, SOL_SOCKET, SO_REUSEPORT, 1 or die "SO_REUSEPORT: $!";
    bind $s, pack_sockaddr_in($port, INADDR_LOOPBACK) or die "bind: $!";
    return $s;
}

sub listener {
    my ($port) = @_;

    my $s = bound($port);
    listen $s, BACKLOG or die "listen: $!";
    $s->blocking(0);
    return $s;
}

sub new {
    my ($class, $sim, $listen, $control) = @_;

    my $self = bless { sim => $sim, listen => $listen, control => $control,
        keeper => bound($listen->sockport), poll => IO::Poll->new(),
        conns => {}, timers => [], log => [], faults => [], gates => {},
        waiting => {}, offset => 0, ever => 0, most => 0, told => '' }, $class;
    $sim->{server} = $self;
    weaken $sim->{server};
    return $self;
}

sub run {
    my ($self) = @_;

    $SIG{$_} = 'DEFAULT' for qw/ TERM INT CHLD /;
    $SIG{PIPE} = 'IGNORE';
    $self->{sim}->prepare();
    my $poll = $self->{poll};
    $poll->mask($self->{$_} => POLLIN) for qw/ listen control /;

    until ($self->{over}) {
        $poll->poll($self->next_timer());
        $self->run_timers();
        for my $fh ($poll->handles(POLLIN | POLLOUT | POLLERR | POLLHUP)) {
            $self->ready($fh, $poll->events($fh));
        }
    }
}

sub ready {
    my ($self, $fh, $events) = @_;

    if ($fh == $self->{control}) {
        $self->told();
    } elsif ($self->{listen} && $fh == $self->{listen}) {
        $self->take() for 1 .. 64;
    } elsif (my $conn = $self->{conns}{ fileno $fh // -1 }) {
        $conn->ready($events);
    }
}

sub take {
    my ($self) = @_;

    $self->{listen} or return;
    my $fh = $self->{listen}->accept() or return;
    $fh->blocking(0);
    my $conn = Wizdata::Sim::Conn->new($self, $fh, ++$self->{ever});
    $self->{conns}{ fileno $fh } = $conn;
    my $open = keys %{ $self->{conns} };
    $self->{most} = $open if $open > $self->{most};
    $conn->begin();
}

sub gone {
    my ($self, $conn) = @_;

    $self->{poll}->remove($conn->{fh});
    delete $self->{conns}{ $conn->{fileno} };
    $self->{sim}->left($conn) if $self->{sim}->can('left');
}

# ---- timers

sub mono { return clock_gettime(CLOCK_MONOTONIC) }

sub after {
    my ($self, $seconds, $code) = @_;

    my $at = mono() + $seconds;
    @{ $self->{timers} } = sort { $a->[0] <=> $b->[0] } @{ $self->{timers} },
        [ $at, $code ];
}

sub next_timer {
    my ($self) = @_;

    my $first = $self->{timers}[0] or return TICK;
    my $left = $first->[0] - mono();
    return $left < 0 ? 0 : $left > TICK ? TICK : $left;
}

sub run_timers {
    my ($self) = @_;

    my $now = mono();
    while (@{ $self->{timers} } && $self->{timers}[0][0] <= $now) {
        (shift @{ $self->{timers} })->[1]->();
    }
    $self->tick() if $now >= ($self->{tick_at} // 0);
}

# What goes by the simulator's clock is looked at now and then.
sub tick {
    my ($self) = @_;

    $self->{tick_at} = mono() + TICK;
    $self->{sim}->tick() if $self->{sim}->can('tick');
}

sub now { return time + $_[0]{offset} }

# ---- requests

sub request {
    my ($self, $conn, $req) = @_;

    my $sim = $self->{sim};
    $req->{n} = @{ $self->{log} } ? $self->{log}[-1]{n} + 1
        : ($self->{forgotten} // 0) + 1;
    $req->{at} = mono();
    $req->{conn} = $conn->{id};
    my @faults = Wizdata::Sim::Fault::chosen($self->{faults}, $req);
    $req->{faults} = [ map { $_->{name} } @faults ];
    push @{ $self->{log} }, $req;
    $req->{rows} = (grep { $_->{name} eq 'rows' } @faults)[0];

    my @steps = eval { $self->steps($conn, $req, \@faults) };
    return @steps if @steps;
    my $error = $@ || 'no answer';
    print STDERR "simulator: $req->{method} $req->{target}: $error\n";
    $req->{status} = 500;
    return Wizdata::Sim::Fault::plain(
        Wizdata::Sim::Answer->text(500, "simulator: $error"), $req);
}

sub steps {
    my ($self, $conn, $req, $faults) = @_;

    my $sim = $self->{sim};
    my $answer = Wizdata::Sim::Fault::instead($faults, $req, $sim)
        // $sim->answer($req, $conn) // return;
    $req->{status} = $answer->{status};
    push @$faults, Wizdata::Sim::Fault::make(0, @{ $answer->{also} })
        if $answer->{also}; # the simulator's own
    return Wizdata::Sim::Fault::steps($answer, $faults, $req, $sim);
}

# ---- the line to the test

sub told {
    my ($self) = @_;

    my $n = sysread $self->{control}, $self->{told}, 65536,
        length $self->{told};
    if (!$n) {
        $self->{over} = 1; # the test has left
        return;
    }
    while (length $self->{told} >= 4) {
        my $length = unpack 'N', $self->{told};
        last if length $self->{told} < 4 + $length;
        my $frame = substr $self->{told}, 4, $length;
        substr $self->{told}, 0, 4 + $length, '';
        $self->obey(@{ thaw($frame) });
    }
}

sub obey {
    my ($self, $method, @args) = @_;

    my $to = $self->can($method) && $method =~ /^do_/ ? $self : $self->{sim};
    my @result = eval { (1, $to->$method(@args)) };
    @result = (0, $@) if !@result;
    my $frame = freeze(\@result);
    Wizdata::Sim::write_all($self->{control},
        pack('N', length $frame) . $frame);
}

sub public {
    my ($req) = @_;

    my %seen = map { $_ => $req->{$_} } qw/ n at method target path query
        headers header_lines body conn peer status aborted /;
    $seen{fault} = $req->{faults};
    return \%seen;
}

sub do_log {
    my ($self, $which) = @_;

    return [ map { public($_) } grep { Wizdata::Sim::Fault::fits($which, $_) }
        @{ $self->{log} } ];
}

sub do_forget {
    my ($self) = @_;

    $self->{forgotten} = @{ $self->{log} } ? $self->{log}[-1]{n}
        : $self->{forgotten};
    $self->{log} = [];
    $self->{sim}->forgot() if $self->{sim}->can('forgot');
    return;
}

sub do_fault {
    my ($self, $name, %o) = @_;

    my $fault = Wizdata::Sim::Fault::make(++$self->{fault_id}, $name, %o);
    push @{ $self->{faults} }, $fault;
    return $fault->{id};
}

sub do_unfault {
    my ($self, $id) = @_;

    @{ $self->{faults} } = grep { $_->{id} != $id } @{ $self->{faults} };
    return;
}

sub do_clear {
    my ($self) = @_;

    $self->{faults} = [];
    return;
}

sub do_connections {
    my ($self) = @_;

    return { open => scalar keys %{ $self->{conns} }, most => $self->{most},
        ever => $self->{ever} };
}

sub do_cut {
    my ($self) = @_;

    $_->reset() for values %{ $self->{conns} };
    return;
}

sub do_refuse {
    my ($self, $refuse) = @_;

    if ($refuse && $self->{listen}) {
        $self->{poll}->remove($self->{listen});
        close delete $self->{listen};
    } elsif (!$refuse && !$self->{listen}) {
        $self->{listen} = listener($self->{sim}{port});
        $self->{poll}->mask($self->{listen} => POLLIN);
    }
    return;
}

sub do_advance {
    my ($self, $seconds) = @_;

    $self->{offset} += $seconds;
    $self->tick();
    return $self->now();
}

sub do_now { return $_[0]->now() }

sub do_gate {
    my ($self, $name, $open) = @_;

    $self->{gates}{$name} = $open;
    if ($open) {
        $_->() for @{ delete $self->{waiting}{$name} // [] };
    }
    return;
}

sub at_gate {
    my ($self, $name, $code) = @_;

    return $code->() if $self->{gates}{$name};
    push @{ $self->{waiting}{$name} }, $code;
}

sub do_get { return $_[0]{sim}{ $_[1] } }

sub do_set {
    my ($self, %new) = @_;

    my $sim = $self->{sim};
    for my $name (keys %new) {
        die "no setting '$name'\n" unless exists $sim->{$name};
        $sim->{$name} = $new{$name};
    }
    $sim->changed(%new) if $sim->can('changed');
    return;
}

1;
