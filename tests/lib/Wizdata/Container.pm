package Wizdata::Container;

# A Debian machine of its own, booted by real systemd, for a test: a
# systemd-nspawn container without network over a root made once by
# debootstrap. What the test changes goes to an overlay and is thrown away.
#
#     plan skip_all => $why if my $why = Wizdata::Container::missing();
#     my $c = Wizdata::Container->new();
#     $c->boot() or plan skip_all => $c->why;
#     my ($status, $output) = $c->run('systemctl', 'is-active', 'nginx');
#
# Environment:
#     WIZDATA_CACHE    folder of the root; default: .cache of the checkout

use warnings;
use strict;

use Fcntl qw/ :flock /;
use File::Path qw/ make_path remove_tree /;
use File::Temp qw/ tempdir /;
use POSIX ();
use Time::HiRes qw/ sleep time /;

use Wizdata::Stage qw/ top output have /;

use constant {
    BOOT    => 60,      # seconds, each only until the test gives up
    STOP    => 40,
    COMMAND => 60,
};

# What our programs need, and what they work with. The versions are those of
# the machine's own release, for which they were built.
my @PACKAGES = qw/ systemd-sysv dbus nginx-light postgresql redis-server
    libuv1 libpq5 libcurl4 libjansson4 libhiredis0.14 libsodium23 libzstd1
    zlib1g libwslay1 libmsgpackc2 libsystemd0 ca-certificates curl openssl tzdata /;

my $OWNER = $$;


# Why there can be no container here, if so.
sub missing {
    return 'only root can make a container' if $> != 0;
    for my $program (qw/ debootstrap systemd-nspawn nsenter mount apt-get /) {
        return "no $program" unless have($program);
    }
    return 'no release name in /etc/os-release' unless release();
    return;
}

sub release {
    open my $in, '<', '/etc/os-release' or return;
    my ($name) = map { /^VERSION_CODENAME="?(\w+)"?$/ } <$in>;
    return $name;
}

# The mirror that this machine's packages come from.
sub mirror {
    my $release = release();

    for my $line (split /\n/, output('apt-get', 'indextargets', '--format',
        '$(CODENAME) $(COMPONENT) $(REPO_URI)', 'Created-By: Packages'))
    {
        return $1 if $line =~ /^\Q$release\E main (\S+)$/;
    }
    return;
}


sub new {
    my ($class) = @_;

    return bless { name => "wizdata-test-$$", why => '' }, $class;
}

sub why { return $_[0]{why} }

# The folder that is the container's root, from outside.
sub root { return "$_[0]{dir}/root" }

# false with why(): no container can be had here.
sub boot {
    my ($self) = @_;

    my $base = $self->base() or return;
    $self->{dir} = tempdir('wd-container-XXXXXXXX', TMPDIR => 1);
    my $dir = $self->{dir};
    make_path(map { "$dir/$_" } qw/ root upper work /);

    my $said = output('mount', '-t', 'overlay', 'overlay', '-o',
        "lowerdir=$base,upperdir=$dir/upper,workdir=$dir/work", "$dir/root");
    return $self->fail("no overlay mount: $said") if $?;
    $self->{mounted} = 1;

    $self->start();
    my $until = time() + BOOT;
    while (time() < $until) {
        return $self->fail("systemd-nspawn ended: " . $self->console())
            if waitpid($self->{nspawn}, POSIX::WNOHANG) > 0;
        $self->{init} ||= $self->find_init();
        if ($self->{init}) {
            my ($status, $state) = $self->run('systemctl',
                'is-system-running');
            return 1 if $state =~ /^(running|degraded)$/m;
        }
        sleep 0.2;
    }
    return $self->fail('systemd did not come up: ' . $self->console());
}

sub start {
    my ($self) = @_;

    my $pid = fork() // die "cannot fork: $!";
    if ($pid == 0) {
        POSIX::setsid();
        # Containers that share a control group would stop each other.
        for my $tree (qw{ /sys/fs/cgroup/unified /sys/fs/cgroup/systemd
            /sys/fs/cgroup })
        {
            next unless -w "$tree/cgroup.procs" && mkdir "$tree/$self->{name}";
            open my $procs, '>', "$tree/$self->{name}/cgroup.procs" or next;
            print $procs $$;
            close $procs;
        }
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$self->{dir}/console";
        open STDERR, '>&', \*STDOUT;
        no warnings 'exec';
        exec 'systemd-nspawn', '--quiet', '-D', $self->root(), '-M',
            $self->{name}, '--boot', '--register=no', '--keep-unit',
            '--private-network', '--console=pipe';
        POSIX::_exit(127);
    }
    $self->{nspawn} = $pid;
}

# systemd-nspawn's child, once that runs init.
sub find_init {
    my ($self) = @_;

    open my $in, '<', "/proc/$self->{nspawn}/task/$self->{nspawn}/children"
        or return;
    for my $pid (split ' ', <$in> // '') {
        open my $comm, '<', "/proc/$pid/comm" or next;
        return $pid if <$comm> =~ /^(systemd|init)$/;
    }
    return;
}

sub fail {
    my ($self, $why) = @_;

    $self->{why} = $why =~ s/\s+/ /gr;
    $self->close();
    return;
}

sub console {
    my ($self) = @_;

    open my $in, '<', "$self->{dir}/console" or return '';
    local $/;
    return <$in> // '';
}


# ---- the root ----------------------------------------------------------------

# The folder of the pristine root, made now if it is not there.
sub base {
    my ($self) = @_;

    my $cache = $ENV{WIZDATA_CACHE} || top() . '/.cache';
    my $base = "$cache/debootstrap-" . release();
    make_path($cache);

    open my $lock, '>', "$base.lock" or return $self->fail("$base.lock: $!");
    flock $lock, LOCK_EX;
    return $base if -d $base && packages_of($base) eq "@PACKAGES";

    my $mirror = mirror()
        or return $self->fail('no package mirror is configured');
    remove_tree("$base.new", $base);
    my $said = output('debootstrap', '--variant=minbase',
        '--include=' . join(',', @PACKAGES), release(), "$base.new", $mirror);
    if ($?) {
        remove_tree("$base.new");
        return $self->fail('debootstrap failed: ' . substr($said, -300));
    }
    unlink glob "$base.new/var/cache/apt/archives/*.deb";
    open my $out, '>', "$base.new/etc/wizdata-test-packages" or die $!;
    print $out "@PACKAGES";
    close $out;
    rename "$base.new", $base or return $self->fail("$base: $!");
    return $base;
}

sub packages_of {
    my ($base) = @_;

    open my $in, '<', "$base/etc/wizdata-test-packages" or return '';
    return <$in> // '';
}


# ---- inside ------------------------------------------------------------------

# Runs a command inside; returns its status and both its outputs.
sub run {
    my ($self, @command) = @_;

    my $said = output('timeout', '-k', 5, COMMAND, 'nsenter', '-t',
        $self->{init}, '-m', '-u', '-i', '-p', '-n', '-C', '--', 'env', '-i',
        'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C.UTF-8', @command);
    return ($? >> 8 || $? & 127, $said);
}

# A shell's script; dies when it fails.
sub must {
    my ($self, $script) = @_;

    my ($status, $said) = $self->run('sh', '-euc', $script);
    die "status $status of: $script\n$said" if $status;
    return $said =~ s/\s+\z//r;
}

# Output of a script, whatever its status.
sub ask {
    my ($self, $script) = @_;

    my (undef, $said) = $self->run('sh', '-c', $script);
    return $said =~ s/\s+\z//r;
}

# Asks until the answer matches; returns the last one.
sub until_like {
    my ($self, $script, $like, $seconds) = @_;

    my $until = time() + $seconds;
    my $said = $self->ask($script);
    while ($said !~ $like && time() < $until) {
        sleep 0.1;
        $said = $self->ask($script);
    }
    return $said;
}

# Copies what is in a folder outside, or only those names of it, into one
# inside: / unless told.
sub copy_in {
    my ($self, $from, $to, @names) = @_;

    my $said = output('sh', '-euc', 'init=$1 from=$2 to=$3; shift 3; '
        . 'tar -C "$from" --owner=0 --group=0 -cf - "$@" '
        . '| nsenter -t "$init" -m -- tar -C "$to" --no-overwrite-dir -xf -',
        'sh', $self->{init}, $from, $to // '/', @names ? @names : '.');
    die "copy: $said" if $?;
}

# Writes a file inside.
sub write {
    my ($self, $path, $text) = @_;

    my $pid = open(my $to, '|-', 'nsenter', '-t', $self->{init}, '-m', '--',
        'sh', '-euc', 'mkdir -p "${1%/*}"; cat >"$1"', 'sh', $path)
        // die "cannot fork: $!";
    print $to $text;
    close $to or die "cannot write $path";
}


# ---- the end -----------------------------------------------------------------

sub close {
    my ($self) = @_;

    $self->power_off() if $self->{nspawn};
    if ($self->{mounted}) {
        output('umount', $self->root());
        output('umount', '-l', $self->root()) if $?;
    }
    remove_tree($self->{dir}) if $self->{dir};
    remove_groups("$_/$self->{name}")
        for qw{ /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup };
    delete @$self{qw/ nspawn init mounted dir /};
}

# Returns the seconds it took, or nothing when force was needed.
sub power_off {
    my ($self) = @_;

    my $pid = delete $self->{nspawn};
    my $from = time();
    $self->run('systemctl', 'poweroff') if $self->{init};
    while (time() < $from + ($self->{init} ? STOP : 0)) {
        return time() - $from if waitpid($pid, POSIX::WNOHANG) != 0;
        sleep 0.1;
    }
    kill 'KILL', grep { $_ } $pid, $self->{init};
    waitpid $pid, 0;
    return;
}

# Control groups, innermost first; only empty ones go.
sub remove_groups {
    my ($dir) = @_;

    -d $dir or return;
    opendir my $in, $dir or return;
    remove_groups("$dir/$_")
        for grep { !/^\.\.?$/ && -d "$dir/$_" && !-l "$dir/$_" } readdir $in;
    rmdir $dir;
}

sub DESTROY {
    my ($self) = @_;

    return unless $$ == $OWNER;
    local ($?, $@, $!);
    $self->close();
}

1;
