package Wizdata::Redis;

# A Redis server of the test's own, on a Unix socket, that can be stopped,
# continued, killed, emptied, and replaced by something that is no Redis.

use warnings;
use strict;

use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes ();

# Why the server cannot be had, or undef.
sub missing {
    my $version = `redis-server --version 2>/dev/null`;

    return $version =~ /v=(\d+)/ && $1 >= 6 ? undef : 'no redis-server';
}

# Options: dir, conf (further lines of its configuration).
sub new {
    my ($class, %o) = @_;

    return bless { socket => "$o{dir}/redis.sock", owner => $$, %o },
        $class;
}

sub socket { return $_[0]{socket} }

sub start {
    my ($self) = @_;

    my $conf = "$self->{dir}/redis.conf";
    open my $fh, '>', $conf or die "$conf: $!";
    print $fh "port 0\nunixsocket $self->{socket}\nsave \"\"\n"
        . "dir $self->{dir}\nlogfile $self->{dir}/redis.log\n"
        . ($self->{conf} // '');
    close $fh;

    unlink $self->{socket};
    $self->{pid} = fork // die "fork: $!";
    if ($self->{pid} == 0) {
        { exec 'redis-server', $conf; }
        POSIX::_exit(127);
    }
    for (1 .. 2000) {
        return $self if ($self->command('PING') // '') =~ /PONG|NOAUTH/;
        Time::HiRes::sleep(0.005);
    }
    die "redis did not start\n";
}

# One command; the reply as it came, or undef.
sub command {
    my ($self, @words) = @_;

    my $s = IO::Socket::UNIX->new(Peer => $self->{socket}) or return;
    print $s '*' . @words . "\r\n" . join '',
        map { '$' . length($_) . "\r\n$_\r\n" } @words;
    $s->flush;
    my $n = sysread $s, my $reply, 65536;
    return $n ? $reply : undef;
}

sub stop { kill 'STOP', $_[0]{pid} }
sub cont { kill 'CONT', $_[0]{pid} }

sub kill_it {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

# Something else on the socket: answers everything with those bytes.
sub rubbish {
    my ($self, $bytes) = @_;

    $self->kill_it;
    unlink $self->{socket};
    my $s = IO::Socket::UNIX->new(Local => $self->{socket}, Listen => 64)
        or die "listen: $!";
    $self->{pid} = fork // die "fork: $!";
    return $self if $self->{pid};

    my @open;
    my $sel = IO::Select->new($s);
    for (;;) {
        for my $fh ($sel->can_read) {
            if ($fh == $s) {
                my $c = $s->accept or next;
                $sel->add($c);
                next;
            }
            if (!sysread $fh, my $got, 65536) {
                $sel->remove($fh);
                close $fh;
                next;
            }
            local $SIG{PIPE} = 'IGNORE';
            syswrite $fh, $bytes;
        }
    }
}

sub DESTROY {
    my ($self) = @_;

    local $?;
    $self->kill_it if $self->{owner} == $$;
}

1;
