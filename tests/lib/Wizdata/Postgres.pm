package Wizdata::Postgres;

# A PostgreSQL cluster of a test's own, gone when the test ends.
#
#     my $pg = Wizdata::Postgres->start();          # with the tables
#     $ENV{WIZDATA_DATABASE_URL} = $pg->url();
#     is($pg->psql('SELECT count(*) FROM api_key'), '0', 'no keys');
#     $pg->stop_server();                           # a fault; the data stay
#     $pg->start_server();
#
# It listens on a Unix socket only, does not sync, and runs as an
# unprivileged user when the test is root, because initdb refuses root.
#
# start(migrate => 0) leaves the database empty; with durable => 1 it syncs and
# has the buffers that it has without a configuration, as for a measurement.
#
# Environment:
#     WIZDATA_PG_BIN      folder of initdb and postgres; default: the newest
#                         of /usr/lib/postgresql
#     WIZDATA_BUILD       folder of the build; default: the newest one here
#     WIZDATA_LEAVE       keep the cluster's folder and say its name

use warnings;
use strict;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use IPC::Open3 qw/ open3 /;
use POSIX ();
use Time::HiRes qw/ sleep time /;

use constant {
    WAIT => 30,         # seconds until a start or stop is given up
    POLL => 0.02,
    PORT => 5432,       # only the name of the socket
    DATABASE => 'wizdata',
};

my $ROOT = abs_path(dirname(abs_path(__FILE__)) . '/../../..');
my @CLUSTERS;           # to be stopped at the end
my $OWNER = $$;


# ---- interface --------------------------------------------------------------

# A running cluster with an empty, or migrated, database; dies when it cannot.
sub start {
    my ($class, %option) = @_;

    my $self = bless { dir => tempdir('wd-pg-XXXXXXXX', TMPDIR => 1),
        durable => $option{durable} }, $class;

    $self->{bin} = $ENV{WIZDATA_PG_BIN} || newest_bin();
    $self->{user} = unprivileged();
    push @CLUSTERS, $self;

    $self->init_cluster();
    $self->start_server();
    $self->psql('CREATE DATABASE ' . DATABASE, 'postgres');
    $self->migrate() if $option{migrate} // 1;
    return $self;
}

# What belongs into WIZDATA_DATABASE_URL.
sub url {
    my ($self, $database) = @_;

    return sprintf 'postgresql:///%s?host=%s&port=%d&user=wizdata',
        $database // DATABASE, $self->{dir}, PORT;
}

# Runs SQL; returns its rows, columns parted by |, without the last line end.
sub psql {
    my ($self, $sql, $database) = @_;

    my ($rc, $out) = run("$self->{bin}/psql", '-XAtq', '-v', 'ON_ERROR_STOP=1',
        '-d', $self->url($database), '-c', $sql);

    die "psql: $out" if $rc != 0;
    chomp $out;
    return $out;
}

# Applies db/migrations; returns what wizdatactl said.
sub migrate {
    my ($self) = @_;

    local $ENV{WIZDATA_DATABASE_URL} = $self->url();
    my ($rc, $out) = run(ctl(), 'migrate', '--dir', "$ROOT/db/migrations");

    die "wizdatactl migrate: $out" if $rc != 0;
    return $out;
}

# Puts the tables back to what was in them at remember(), when nobody uses the
# database; faster than another database.
sub remember {
    my ($self) = @_;

    $self->psql(q(CREATE SCHEMA was; DO $$
        DECLARE t text;
        BEGIN
            FOR t IN SELECT tablename FROM pg_tables
                     WHERE schemaname = 'public' LOOP
                EXECUTE format('CREATE TABLE was.%1$I AS TABLE %1$I', t);
            END LOOP;
        END $$));
}

sub reset {
    my ($self) = @_;

    $self->psql(q(SET session_replication_role = replica; DO $$
        DECLARE t text;
        BEGIN
            FOR t IN SELECT tablename FROM pg_tables
                     WHERE schemaname = 'was' LOOP
                EXECUTE format('DELETE FROM %I', t);
            END LOOP;
            FOR t IN SELECT relname FROM pg_class JOIN pg_namespace n
                     ON n.oid = relnamespace AND nspname = 'public'
                     WHERE relkind IN ('r', 'p') AND NOT relispartition LOOP
                EXECUTE format('INSERT INTO %1$I OVERRIDING SYSTEM VALUE '
                               'TABLE was.%1$I', t);
            END LOOP;
            PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass,
                           start_value, false)
            FROM pg_sequences WHERE schemaname = 'public';
        END $$));
}

# Starts the server over the same data; returns when it takes connections.
sub start_server {
    my ($self) = @_;

    my $pid = fork();
    die "fork: $!" unless defined $pid;
    $self->exec_server() if $pid == 0;
    $self->{pid} = $pid;

    my $end = time + WAIT;
    while (time < $end) {
        my ($rc) = run("$self->{bin}/pg_isready", '-q', '-h', $self->{dir},
            '-p', PORT, '-d', 'postgres', '-U', 'wizdata');
        return $self if $rc == 0;
        last if waitpid($pid, POSIX::WNOHANG()) == $pid;
        sleep POLL;
    }
    die 'PostgreSQL does not start: ' . $self->log();
}

# Stops the server at once, as an operator would (default), or as a crash
# does: stop_server('QUIT').
sub stop_server {
    my ($self, $signal) = @_;

    my $pid = delete $self->{pid} or return $self;
    kill $signal // 'INT', $pid;

    my $end = time + WAIT;
    until (waitpid($pid, POSIX::WNOHANG()) == $pid) {
        die 'PostgreSQL does not stop: ' . $self->log() if time > $end;
        sleep POLL;
    }
    return $self;
}

# The server's log so far.
sub log {
    my ($self) = @_;

    open my $f, '<', "$self->{dir}/log" or return '';
    local $/;
    return <$f> // '';
}

# The folder of the cluster; the data are in its folder "data".
sub dir { $_[0]->{dir} }

# The wizdatactl that tests use.
sub ctl {
    return newest(map { "$_/tools/wizdatactl" }
            $ENV{WIZDATA_BUILD} || glob "$ROOT/build*")
        || die "no wizdatactl was built; set WIZDATA_BUILD\n";
}


# ---- the cluster ------------------------------------------------------------

sub init_cluster {
    my ($self) = @_;

    if ($self->{user}) {
        my (undef, undef, $uid, $gid) = getpwnam $self->{user};
        chown $uid, $gid, $self->{dir} or die "chown: $!";
    }
    # Others must reach the socket.
    chmod 0755, $self->{dir} or die "chmod: $!";

    my ($rc, $out) = run($self->as_user("$self->{bin}/initdb", '-D',
            "$self->{dir}/data", '-U', 'wizdata', '--auth=trust',
            '--encoding=UTF8', '--no-locale', '--no-sync'));
    die "initdb: $out" if $rc != 0;
}

# In the child: becomes the server.
sub exec_server {
    my ($self) = @_;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', "$self->{dir}/log";
    open STDERR, '>&', \*STDOUT;
    # A signal that a terminal sends to the test is not for the server: the
    # test stops it.
    POSIX::setsid();

    my %settings = (
        listen_addresses => '',
        unix_socket_directories => $self->{dir},
        unix_socket_permissions => '0777',
        port => PORT,
        fsync => 'off',
        synchronous_commit => 'off',
        full_page_writes => 'off',
        max_connections => 60,
        shared_buffers => '32MB',
    );
    if ($self->{durable}) {
        delete @settings{qw/ fsync synchronous_commit full_page_writes
            shared_buffers /};
    }
    my @settings = map { ('-c', "$_=$settings{$_}") } sort keys %settings;

    $self->become_user();
    exec "$self->{bin}/postgres", '-D', "$self->{dir}/data", @settings
        or POSIX::_exit(127);
}

# Not by runuser: the server's pid must be that of our child.
sub become_user {
    my ($self) = @_;

    return unless $self->{user};
    my (undef, undef, $uid, $gid) = getpwnam $self->{user};
    $( = $gid;
    $) = "$gid $gid";
    POSIX::setgid($gid);
    POSIX::setuid($uid) or POSIX::_exit(126);
    $ENV{HOME} = $self->{dir};
}

sub as_user {
    my ($self, @command) = @_;

    return @command unless $self->{user};
    return ('runuser', '-u', $self->{user}, '--', @command);
}

# The first account that may run a server, for root; '' for everybody else.
sub unprivileged {
    return '' if $> != 0;
    for my $name (qw/ postgres nobody /) {
        return $name if getpwnam $name;
    }
    die "neither postgres nor nobody is an account here\n";
}

sub newest_bin {
    my @bins = sort { version_of($b) <=> version_of($a) }
        grep { -x "$_/initdb" } glob '/usr/lib/postgresql/*/bin';

    return $bins[0] || die "no PostgreSQL server here; set WIZDATA_PG_BIN\n";
}

sub version_of { $_[0] =~ m{/(\d+)/bin$} ? $1 : 0 }

sub newest {
    my (@files) = @_;

    my ($newest) = sort { -M $a <=> -M $b } grep { -x } @files;
    return $newest;
}

# Exit status and everything that was said.
sub run {
    my (@command) = @_;

    my $pid = open3(my $in, my $out, undef, @command);
    close $in;
    my $said = do { local $/; <$out> } // '';
    waitpid $pid, 0;
    return ($? == 0 ? 0 : $? >> 8 || 128 + ($? & 127), $said);
}

sub clean {
    my ($self) = @_;

    eval { $self->stop_server('QUIT') };
    if ($ENV{WIZDATA_LEAVE}) {
        print STDERR "# left: $self->{dir}\n";
    } else {
        remove_tree($self->{dir});
    }
}

# In the process that made the cluster, not in its children.
END {
    my $status = $?;

    if ($$ == $OWNER) {
        $_->clean() for splice @CLUSTERS;
    }
    $? = $status;
}

1;
