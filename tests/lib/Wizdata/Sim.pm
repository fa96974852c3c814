package Wizdata::Sim;

=encoding utf8

=head1 NAME

Wizdata::Sim - simulators of the providers, for tests

=head1 SYNOPSIS

    use Wizdata::Sim::Lseg;

    my $sim = Wizdata::Sim::Lseg->start(max_interday => 5);
    ... $sim->url('/data/...') ...          # http://127.0.0.1:PORT/data/...

    my @asked = $sim->log(path => qr{^/data/});
    is($asked[0]{headers}{authorization}, 'Bearer ...');

    $sim->fault('reset', path => qr{^/data/}, nth => 2, at => 40);
    $sim->fault('rows', values => [ '-', '1e999' ], duplicate => 1);
    $sim->clear();

    $sim->advance(600);                     # its clock; tokens grow old
    $sim->set(expires_in => '60');          # any of its settings

=head1 DESCRIPTION

One process answers, one event loop in it, for as many connections as there
are (the self-test holds 250 open). It is forked by C<start>, ends with
C<stop>, with the test, or when the test dies. What each provider does is in
L<Wizdata::Sim::Lseg>, L<Wizdata::Sim::Bloomberg>, L<Wizdata::Sim::CapitalIq>,
L<Wizdata::Sim::WorldBank> and L<Wizdata::Sim::AlphaVantage>. They were
written from the providers' documentation and from recorded answers, not from
the code that asks them: where the two disagree, somebody has to find out who is
right.

Marks in their documentation: B<documented> (the provider says so, or its
sample code), B<recorded> (figures of an answer that it really gave, see
F<tests/fixtures/simulators/README.md>), B<synthetic> (ours, because nothing
was found).

=head2 Life

=over

=item start(%settings)

Of every simulator: C<tls> (see below; default: plain HTTP), C<names> (further
host names in its certificate). All other settings are the simulator's own;
an unknown one dies.

=item url($path), port, host

Where it listens: C<127.0.0.1>, a port that the kernel chose. With TLS
C<url> has https and C<localhost>.

=item stop

=back

=head2 What it was asked

=over

=item log(%which)

All requests, oldest first, as hashes: C<n> (from 1), C<at> (monotonic
seconds), C<method>, C<target> (as it came), C<path>, C<query> (hash of the
decoded arguments; the last one of equal names), C<headers> (hash, names in
lower case), C<header_lines> (as they came), C<body>, C<conn> (number of the
connection), C<peer> (subject of the client's certificate), C<status> (what
was answered), C<fault> (names of the faults applied), C<aborted> (true: the
other side left before the end of the answer). C<%which> filters: C<path>,
C<target>, C<method>, C<status>, each a text or a pattern.

=item count(%which)

How many.

=item wait_log($n, %which)

Waits until there are that many and returns them; dies after 30 seconds.

=item forget

Empties the log, and what else is kept of what was heard.

=item connections

Numbers: C<open>, C<most> (at once, ever), C<ever>.

=back

=head2 Settings, clock, gates

C<set(name =E<gt> value, ...)> and C<get(name)>: while it runs.
C<advance($seconds)> moves its clock, which tokens, quotas and the C<Date>
header go by; C<now> tells it. C<open_gate($name)> and C<close_gate($name)>
are for the fault C<gate>.

=head2 TLS

C<tls =E<gt> MODE> at the start, C<tls(MODE)> later, for new connections:

    good          by the authority in the file ca()
    expired       by it, but past its time
    wrong-host    by it, for another name
    self-signed   by nobody
    unknown-ca    by an authority that nobody was told of
    old           good, but speaks TLS 1.1 only
    no-alert      closes after the greeting without a word
    garbage       answers the greeting with text
    hang          never answers the greeting
    reset         resets at the greeting

C<client_ca =E<gt> 1> demands a certificate of the client; C<client> returns
files (certificate, key) that are accepted, C<client('other')> some that are
not. It needs C<libio-socket-ssl-perl>: C<Wizdata::Sim-E<gt>has_tls>.

=head2 Faults

C<fault($name, %when, %how)> returns a number for C<unfault($number)>;
C<clear()> ends all. When: C<path>, C<target>, C<method> (text or pattern, as
in C<log>), C<nth> (a number or list of numbers: of the requests that match,
counted from the call), C<from> (that one and all later), C<times> (that many
at most). Faults of several kinds may hit one request; of those that answer
instead of the provider the first wins. The kinds are in
L<Wizdata::Sim::Fault>.

C<refuse(1)> closes the listening socket (connection refused), C<refuse(0)>
opens the same port again. C<cut> resets every connection that is open.

=cut

use warnings;
use strict;

use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use IO::Handle;
use IO::Socket::INET;
use POSIX ();
use Socket qw/ AF_UNIX SOCK_STREAM PF_UNSPEC /;
use Storable qw/ freeze thaw /;
use Time::HiRes qw/ sleep time /;

use Wizdata::Certificates;
use Wizdata::Sim::Series qw/ day /;
use Wizdata::Sim::Server;

use constant { WAIT => 30, POLL => 0.02 };

my @SERVERS;
my $OWNER = $$;

# ---- for the simulators: what they override

# Settings with their defaults.
sub settings { return () }

# In the server's process, before the first connection.
sub prepare { }

# The answer to a request: see Wizdata::Sim::Answer.
sub answer { die 'no answer' }

# The day it is there: by the clock, unless `today` is set.
sub day_now {
    my ($self) = @_;

    return defined $self->{today} ? day($self->{today})
        : int($self->{server}->now() / 86400);
}

# ---- life

sub has_tls { return eval { require IO::Socket::SSL; 1 } || 0 }

sub start {
    my ($class, %o) = @_;

    my $self = bless { tls => undef, client_ca => 0, names => [],
        $class->settings }, $class;
    for my $name (keys %o) {
        die "no setting '$name' in $class\n" unless exists $self->{$name};
        $self->{$name} = $o{$name};
    }
    $self->{dir} = tempdir('wd-sim-XXXXXXXX', TMPDIR => 1);
    $self->certificates() if $self->{tls};

    my $listen = Wizdata::Sim::Server::listener(0);
    $self->{port} = $listen->sockport;
    $self->{secure} = $self->{tls} ? 1 : 0;
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!";
    $_->autoflush(1) for $ours, $theirs;

    $self->{pid} = fork() // die "fork: $!";
    if ($self->{pid} == 0) {
        close $ours;
        my $ok = eval {
            Wizdata::Sim::Server->new($self, $listen, $theirs)->run();
            1;
        };
        print STDERR "simulator: $@" unless $ok;
        POSIX::_exit($ok ? 0 : 1);
    }
    close $theirs;
    close $listen;
    $self->{control} = $ours;
    push @SERVERS, $self;
    return $self;
}

sub certificates {
    my ($self) = @_;

    has_tls() or die "TLS needs IO::Socket::SSL\n";
    my $c = Wizdata::Certificates->new($self->{dir});
    my $san = join ',', map({ "DNS:$_" } 'localhost', @{ $self->{names} }),
        'IP:127.0.0.1';
    $c->authority($_) for qw/ ca other /;
    $c->certificate('good', 'ca', $san);
    $c->certificate('expired', 'ca', $san, qw/ -days -1 /);
    $c->certificate('wrong-host', 'ca', 'DNS:elsewhere.example');
    $c->certificate('unknown-ca', 'other', $san);
    $c->self_signed('self-signed', $san);
    $c->certificate('client', 'ca', 'DNS:client.example');
    $c->certificate('other-client', 'other', 'DNS:client.example');
}

sub port { return $_[0]{port} }
sub host { return $_[0]{secure} ? 'localhost' : '127.0.0.1' }
sub ca { return "$_[0]{dir}/ca.pem" }

sub client {
    my ($self, $which) = @_;

    my $file = "$self->{dir}/" . ($which ? "$which-client" : 'client') . '.pem';
    return ($file, "$file.key");
}

sub url {
    my ($self, $path) = @_;

    return sprintf '%s://%s:%d%s', $self->{secure} ? 'https' : 'http',
        $self->host, $self->port, $path // '';
}

sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;
    close delete $self->{control};
    kill 'KILL', $pid;
    waitpid $pid, 0;
    remove_tree($self->{dir});
}

END {
    my $status = $?;

    if ($$ == $OWNER) {
        $_->stop() for splice @SERVERS;
    }
    $? = $status;
}

# ---- talking to the server's process

# Calls a method of the simulator there. Its result must be plain data.
sub tell {
    my ($self, $method, @args) = @_;

    my $frame = freeze([ $method, @args ]);
    write_all($self->{control}, pack('N', length $frame) . $frame);
    my ($ok, @result) = @{ thaw(read_frame($self->{control})) };
    die "$method: $result[0]" unless $ok;
    return wantarray ? @result : $result[0];
}

sub write_all {
    my ($fh, $bytes) = @_;

    while (length $bytes) {
        my $n = syswrite $fh, $bytes;
        defined $n or die "the simulator is gone: $!\n";
        substr $bytes, 0, $n, '';
    }
}

sub read_frame {
    my ($fh) = @_;

    my $end = time + WAIT;
    my $bytes = '';
    my $want = 4;
    while (length $bytes < $want) {
        vec(my $in = '', fileno $fh, 1) = 1;
        select $in, undef, undef, $end - time > 0 ? $end - time : 0
            or die "the simulator does not answer\n";
        sysread $fh, $bytes, $want - length $bytes, length $bytes
            or die "the simulator is gone\n";
        $want = 4 + unpack 'N', $bytes if length $bytes == 4;
    }
    return substr $bytes, 4;
}

sub log {
    my ($self, %which) = @_;

    return @{ $self->tell('do_log', \%which) };
}

sub count { return scalar(my @all = shift->log(@_)) }

sub wait_log {
    my ($self, $n, %which) = @_;

    my $end = time + WAIT;
    while (time < $end) {
        my @all = $self->log(%which);
        return @all if @all >= $n;
        sleep POLL;
    }
    die "no $n requests came\n";
}

sub fault { return shift->tell('do_fault', @_) }
sub unfault { return shift->tell('do_unfault', @_) }
sub clear { return shift->tell('do_clear') }
sub forget { return shift->tell('do_forget') }
sub connections { return shift->tell('do_connections') }
sub cut { return shift->tell('do_cut') }
sub refuse { return shift->tell('do_refuse', @_) }
sub advance { return shift->tell('do_advance', @_) }
sub now { return shift->tell('do_now') }
sub open_gate { return shift->tell('do_gate', $_[0] // '', 1) }
sub close_gate { return shift->tell('do_gate', $_[0] // '', 0) }
sub get { return shift->tell('do_get', @_) }
sub set { return shift->tell('do_set', @_) }
sub tls { return shift->tell('do_set', tls => $_[0]) }

1;
