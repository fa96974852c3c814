package Wizdata::Service;

# A real backend in a directory of the test's own, and a caller that speaks
# docs/PROTOCOL.md to it.
#
#     my $auth = Wizdata::Service->start('auth', WIZDATA_AUTH_PEPPER => $hex);
#     my $c = $auth->connect();
#     my ($status, $meta, $body) = $c->call('users.list', {});
#     my $error = $c->error('auth.verify', { digest => $hex });
#     my $params = $c->notification('auth.revoke', 5);
#     $auth->stop();
#
# Names with capitals are environment variables of the service. Everything
# that it writes to standard error is in log().
#
# Environment:
#     WIZDATA_BUILD   folder of the build; default: the newest one here
#     WIZDATA_LEAVE   keep the directories of the services

use warnings;
use strict;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw/ sleep time /;

use Wizdata::MessagePack;

use constant {
    WAIT => 20,         # seconds until something is given up
    POLL => 0.01,
};

my $ROOT = abs_path(dirname(abs_path(__FILE__)) . '/../../..');
my @SERVICES;
my $OWNER = $$;


# ---- the process ------------------------------------------------------------

# Started and listening; dies when it does not come up.
sub start {
    my ($class, $name, %env) = @_;

    my $dir = delete $env{dir} // tempdir('wd-svc-XXXXXXXX', TMPDIR => 1);
    my $self = bless { name => $name, dir => $dir, env => \%env }, $class;

    push @SERVICES, $self;
    $self->spawn();
    until (eval { $self->connect() }) {
        if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
            delete $self->{pid};
            die "$name ended at its start, $?: " . $self->log();
        }
        die "$name does not start: " . $self->log()
            if time > $self->{started} + WAIT;
        sleep POLL;
    }
    return $self;
}

sub spawn {
    my ($self) = @_;

    my $program = program($self->{name});

    $self->{started} = time;
    $self->{pid} = fork() // die "fork: $!";
    return if $self->{pid} != 0;

    open STDIN, '<', '/dev/null';
    open STDERR, '>>', "$self->{dir}/$self->{name}.log";
    open STDOUT, '>&', \*STDERR;
    $ENV{WIZDATA_SERVER_LISTEN} = $self->endpoint();
    $ENV{WIZDATA_LOG_FORMAT} = 'json';
    $ENV{$_} = $self->{env}{$_} for keys %{ $self->{env} };
    exec $program or POSIX::_exit(127);
}

sub program {
    my ($name) = @_;

    my @found = map { "$_/backends/$name/wizdata-$name" }
        $ENV{WIZDATA_BUILD} || glob "$ROOT/build*";
    my ($newest) = sort { -M $a <=> -M $b } grep { -x } @found;

    return $newest || die "no wizdata-$name was built; set WIZDATA_BUILD\n";
}

# Sends a signal (TERM; 0: none) and waits for the end; returns the exit
# status, or 128 + n after signal n.
sub stop {
    my ($self, $signal) = @_;

    my $pid = delete $self->{pid} or return $self->{status};
    kill $signal // 'TERM', $pid;

    my $end = time + WAIT;
    until (waitpid($pid, POSIX::WNOHANG()) == $pid) {
        if (time > $end) {
            kill 'KILL', $pid;
            waitpid $pid, 0;
            last;
        }
        sleep POLL;
    }
    return $self->{status} = status_of($?);
}

# True when it is not running any more, whoever ended it.
sub ended {
    my ($self) = @_;

    my $pid = $self->{pid} or return 1;
    return 0 if waitpid($pid, POSIX::WNOHANG()) != $pid;
    delete $self->{pid};
    $self->{status} = status_of($?);
    return 1;
}

sub status_of { $_[0] & 127 ? 128 + ($_[0] & 127) : $_[0] >> 8 }

sub endpoint { "unix:$_[0]->{dir}/$_[0]->{name}.sock" }

# What belongs into WIZDATA_RUN_DIR.
sub dir { $_[0]->{dir} }
sub pid { $_[0]->{pid} }

sub log {
    my ($self) = @_;

    open my $f, '<', "$self->{dir}/$self->{name}.log" or return '';
    local $/;
    return <$f> // '';
}

# Was this service built with one? It keeps memory, and wants to be the first
# that is preloaded.
sub has_sanitizer {
    my ($name) = @_;

    return `ldd @{[ program($name) ]}` =~ /lib(?:a|t|ub)san\.so/;
}

# What a sanitizer found, leaks at the end too, is shown and fails the file.
sub findings {
    my ($self) = @_;

    my @lines = split /^/, $self->log();
    my ($at) = grep { $lines[$_] =~ /\bruntime error: |: \w+Sanitizer: / }
        0 .. $#lines or return 0;
    my $end = $at + 80 < @lines ? $at + 80 : $#lines;
    print STDERR "# $self->{name}: $_" for @lines[ $at .. $end ];
    return 1;
}

END {
    my $status = $?;

    if ($$ == $OWNER) {
        for my $s (splice @SERVICES) {
            $s->stop();
            $status ||= 1 if $s->findings();
            remove_tree($s->{dir}) unless $ENV{WIZDATA_LEAVE};
        }
    }
    $? = $status;
}


# ---- the caller -------------------------------------------------------------

# A new connection that has exchanged hellos; dies when it cannot.
sub connect {
    my ($self) = @_;

    my $sock = IO::Socket::UNIX->new(Peer => "$self->{dir}/$self->{name}.sock")
        or die "connect: $!\n";
    my $c = bless { sock => $sock, in => '', id => 0, notes => [],
        answers => {} }, 'Wizdata::Service::Connection';

    $c->send_frame([ 2, 'sys.hello',
        [ { v => 1, service => 'gateway', instance => 'test' } ] ]);
    $c->notification('sys.hello', WAIT) or die "no hello\n";
    return $c;
}


package Wizdata::Service::Connection;

use Time::HiRes qw/ time /;

use Wizdata::MessagePack;

my %OPERATOR = (id => 'test', sub => 'operator', perm => ['*']);

sub send_frame {
    my ($c, $frame) = @_;

    my $bytes = mp_encode($frame);
    while (length $bytes) {
        my $n = syswrite $c->{sock}, $bytes;
        die "write: $!\n" unless defined $n;
        substr $bytes, 0, $n, '';
    }
}

# Takes frames in until $done->() or the deadline; false then, and at the end.
# What is there already is taken in even when the deadline has passed.
sub pump {
    my ($c, $done, $seconds) = @_;

    my $end = time + $seconds;
    my $select = IO::Select->new($c->{sock});

    until ($done->()) {
        my $left = $end - time;
        return 0 unless $select->can_read($left > 0 ? $left : 0);
        my $n = sysread $c->{sock}, $c->{in}, 65536, length $c->{in};
        return 0 unless $n;
        $c->take_frames();
    }
    return 1;
}

sub take_frames {
    my ($c) = @_;

    while (length $c->{in}) {
        my $at = 0;
        my $frame = eval { mp_decode_at($c->{in}, \$at) };
        return if !defined $frame && $@ eq $Wizdata::MessagePack::SHORT;
        die $@ if $@;
        substr $c->{in}, 0, $at, '';
        if ($frame->[0] == 1) {
            $c->{answers}{ $frame->[1] } = $frame;
        } else {
            push @{ $c->{notes} }, [ $frame->[1], $frame->[2], time ];
        }
    }
}

# Asks without waiting; the number that answer() takes.
sub ask {
    my ($c, $method, $args, %context) = @_;

    my $id = ++$c->{id};
    $c->send_frame([ 0, $id, $method, [ { %OPERATOR, %context }, $args ] ]);
    return $id;
}

# The response frame, or undef after the seconds.
sub answer {
    my ($c, $id, $seconds) = @_;

    $c->pump(sub { $c->{answers}{$id} }, $seconds // 20);
    return delete $c->{answers}{$id};
}

# (status, meta, body); dies when it is an error.
sub call {
    my ($c, $method, $args, %context) = @_;

    my $frame = $c->answer($c->ask($method, $args, %context))
        or die "$method: no answer\n";
    die "$method: $frame->[2][0] $frame->[2][1]\n" if $frame->[2];
    return @{ $frame->[3] };
}

# [code, text, detail], or undef when it succeeds.
sub error {
    my ($c, $method, $args, %context) = @_;

    my $frame = $c->answer($c->ask($method, $args, %context))
        or die "$method: no answer\n";
    return $frame->[2];
}

# A request with a body: text, or a function that returns the next piece and
# '' at the end. The response frame, or undef after the seconds without any
# progress. What the callee does not want of it is not sent.
sub upload {
    my ($c, $method, $args, $body, %context) = @_;

    my $seconds = delete $context{seconds} // 60;
    my $next = ref $body ? $body : do {
        my $at = 0;
        sub { $at >= length $body ? ''
            : substr $body, ($at += 65536) - 65536, 65536 };
    };
    my $id = $c->ask($method, $args, body => mp_true, %context);
    my $window = 262_144;
    my $piece = '';
    my $last = 0;

    until ($last || $c->{answers}{$id}) {
        $piece = $next->() // '' if $piece eq '';
        $last = $piece eq '';
        my $send = substr $piece, 0, $window < 65536 ? $window : 65536, '';
        $c->send_frame([ 2, 'rpc.chunk', [ $id, mp_bin($send),
            $last ? mp_true : mp_false ] ]) if $last || $send ne '';
        $window -= length $send;
        $c->pump(sub { $window += $c->credited($id);
            $window > 0 || $c->{answers}{$id} }, $window > 0 ? 0 : $seconds);
        return if $window <= 0 && !$c->{answers}{$id};
    }
    return $c->answer($id, $seconds);
}

# Bytes that were credited since the last question.
sub credited {
    my ($c, $id) = @_;

    my $n = 0;
    $c->{notes} = [ grep {
        my $ours = $_->[0] eq 'rpc.credit' && $_->[1][0] == $id;
        $n += $_->[1][1] if $ours;
        !$ours;
    } @{ $c->{notes} } ];
    return $n;
}

# Parameters of the next notification of that name, the others before it
# being dropped; undef after the seconds.
sub notification {
    my ($c, $name, $seconds) = @_;

    my $found;
    $c->pump(sub {
        while (my $note = shift @{ $c->{notes} }) {
            return $found = $note if $note->[0] eq $name;
        }
        return 0;
    }, $seconds) or return;
    $c->{at} = $found->[2];
    return $found->[1];
}

# When the notification that was returned last had arrived.
sub arrived { $_[0]->{at} }

# Drops what has arrived so far.
sub forget { $_[0]->pump(sub { 0 }, 0); $_[0]->{notes} = [] }

1;
