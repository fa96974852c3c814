#!/usr/bin/perl

# The units as they are installed: systemd finds nothing wrong with them,
# their sandbox is tight, and enabling the target enables them all.

use warnings;
use strict;

use File::Copy qw/ copy /;
use File::Path qw/ make_path /;
use FindBin;
use Test::More;

use lib "$FindBin::Bin/../lib";
use Wizdata::Stage;

use constant EXPOSURE => 10;    # tenths

my @SERVICES = qw/ auth ingestion processing analytics /;

plan skip_all => 'no systemd-analyze' unless have('systemd-analyze');
plan skip_all => not_built() if not_built();

my $root = stage();
my $units = "$root/usr/lib/systemd/system";

complete_root();
my @units = map { s,.*/,,r } glob "$units/wizdata*.{service,socket,target}";
is_deeply([ sort @units ],
    [ sort 'wizdata.target', 'wizdata-migrate.service',
        map { ("wizdata-$_.service", "wizdata-$_.socket") } @SERVICES ],
    'units');

for my $unit (@units, 'nginx.service') {
    next if $unit eq 'nginx.service' && !-e "$units/$unit";
    my $said = output('systemd-analyze', 'verify', "--root=$root",
        '--man=no', $unit);
    is($said, '', "$unit: nothing to complain of");
}

for my $unit (grep { /\.service$/ } @units) {
    my $said = output('systemd-analyze', 'security', "--root=$root",
        '--offline=true', '--no-pager', '--threshold=' . EXPOSURE, $unit);
    is($?, 0, "$unit: exposure");
    my ($exposure) = $said =~ /Overall exposure level for \S+: ([\d.]+)/;
    diag($said =~ s/^\xe2\x9c\x93.*\n//mgr) unless defined $exposure
        && $exposure * 10 <= EXPOSURE;
    note("$unit: " . ($exposure // '?'));
}

my %enabled;
output('systemctl', "--root=$root", 'enable', 'wizdata.target');
is($?, 0, 'the target can be enabled');
for my $link (glob "$root/etc/systemd/system/*.wants/*") {
    my ($by, $unit) = $link =~ m,([^/]+)\.wants/([^/]+)$,;
    $enabled{$unit} = $by;
}
is_deeply(\%enabled,
    { (map { $_ => 'wizdata.target' } grep { $_ ne 'wizdata.target' } @units),
        'wizdata.target' => 'multi-user.target' },
    'with it, all units are');

for my $service (@SERVICES) {
    my %unit = settings("$units/wizdata-$service.service");
    my %socket = settings("$units/wizdata-$service.socket");

    is($unit{Restart}, 'always', "$service: comes back");
    like($unit{WatchdogSec}, qr/^\d+s$/, "$service: is watched");
    is($unit{PartOf} . $socket{PartOf}, 'wizdata.target' x 2,
        "$service: stops with the target, and so does its socket");
    is($socket{ListenStream}, "/run/wizdata/$service.sock",
        "$service: socket");
    is("$socket{SocketGroup} $socket{SocketMode}", 'www-data 0660',
        "$service: who may connect");
}

done_testing();


# The last value of each key.
sub settings {
    my ($file) = @_;

    open my $in, '<', $file or die "$file: $!";
    return map { /^(\w+)=(.*)$/ ? ($1, $2) : () } <$in>;
}

# What our units refer to: systemd's own units, nginx's, the shell.
sub complete_root {
    my ($from) = grep { -e "$_/sysinit.target" } '/usr/lib/systemd/system',
        '/lib/systemd/system';

    for my $file (glob "$from/*.{target,slice,socket,service,mount}") {
        my ($name) = $file =~ m,([^/]+)$,;
        next if $name =~ /@/ || -e "$units/$name" || !-f $file;
        next if $name =~ /\.service$/ && $name ne 'nginx.service';
        copy($file, "$units/$name");
    }
    make_path("$root/bin", "$root/usr/sbin", "$root/sbin");
    for my $program ('/bin/sh', '/usr/sbin/nginx', '/sbin/start-stop-daemon')
    {
        next unless -e $program && !-e "$root$program";
        copy($program, "$root$program");
        chmod 0755, "$root$program";
    }
}
