#!/usr/bin/perl

# wizdatactl gateway: the right process gets the right signal, and no other
# one gets any.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw/ tempdir /;
use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::Ctl;

use constant SOON => 10;

my $dir = tempdir('wd-ctl-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my @PIDS;
END { my $status = $?; kill 'KILL', @PIDS if @PIDS; $? = $status }

# A process of that name. With signals it writes down those it gets, as
# nginx's master with the module would.
sub process {
    my ($name, $file, $signals) = @_;

    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        $0 = $name;
        if ($signals) {
            for my $n (1, 2) {
                POSIX::sigaction(POSIX::SIGRTMIN() + $n,
                    POSIX::SigAction->new(sub {
                        open my $f, '>>', "$dir/got" or return;
                        print $f $n;
                        close $f;
                    }));
            }
        }
        open my $f, '>', $file or POSIX::_exit(1);
        print $f "$$\n";
        close $f;
        select undef, undef, undef, 60 while 1;
    }
    push @PIDS, $pid;
    my $end = time + SOON;
    sleep 0.01 until -s $file || time > $end;
    return $pid;
}

sub got {
    my ($want) = @_;
    my $end = time + SOON;
    my $got = '';
    until ($got eq $want || time > $end) {
        sleep 0.01;
        open my $f, '<', "$dir/got" or next;
        $got = <$f> // '';
    }
    return $got;
}

my $nginx = process('nginx: master process', "$dir/nginx.pid", 1);
my @file = ('--pid-file', "$dir/nginx.pid");

my $r = ctl('gateway', 'status', @file);
is($r->{rc}, 0, 'it runs') or diag $r->{err};
like($r->{out}, qr/^nginx \(pid $nginx\): the gateway runs$/, 'and is named');
is_deeply(ctl('--json', 'gateway', 'status', @file)->{json},
    { pid => $nginx, running => JSON::PP::true, gateway => JSON::PP::true,
      done => undef }, 'as JSON');

is(ctl('gateway', 'drain', @file)->{rc}, 0, 'drain');
is(got('1'), '1', 'is one signal');
is(ctl('gateway', 'undrain', @file)->{rc}, 0, 'undrain');
is(got('12'), '12', 'is another');

# ---- who must not be signalled

my $plain = process('nginx: master process', "$dir/plain.pid", 0);
for my $command (qw/ drain undrain status /) {
    $r = ctl('--json', 'gateway', $command, '--pid-file', "$dir/plain.pid");
    is($r->{rc}, 1, "$command: nginx without the module");
    like($r->{json}{error}{message}, qr/pid $plain.*module/, 'is told');
}
ok(kill(0, $plain), 'and lives');

my $other = process('postgres', "$dir/other.pid", 1);
$r = ctl('gateway', 'drain', '--pid-file', "$dir/other.pid");
is($r->{rc}, 1, 'another program with the number of an old pid file');
like($r->{err}, qr/no nginx runs/, 'is told');
is(got('12'), '12', 'and has got nothing');

for my $content ('', 'x', '0', '1', '-1', '99999999999999999999', '4194305') {
    open my $f, '>', "$dir/bad.pid";
    print $f $content;
    close $f;
    is(ctl('gateway', 'drain', '--pid-file', "$dir/bad.pid")->{rc}, 1,
        "a pid file with '$content'");
}
is(ctl('gateway', 'status', '--pid-file', "$dir/none.pid")->{rc}, 1,
    'no pid file');

kill 'KILL', $nginx;
waitpid $nginx, 0;
is(ctl('gateway', 'status', @file)->{rc}, 1, 'it has ended');

done_testing();
