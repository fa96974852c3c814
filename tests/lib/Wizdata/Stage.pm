package Wizdata::Stage;

# What `make install` would put on a machine, in a folder of the test's own.
#
# Environment:
#     WIZDATA_BUILD    build folder; default: build below the checkout

use warnings;
use strict;

use Cwd qw/ abs_path /;
use Exporter qw/ import /;
use File::Basename qw/ dirname /;
use File::Temp qw/ tempdir /;

our @EXPORT = qw/ top build_dir not_built stage output have /;

sub top { return abs_path(dirname(abs_path(__FILE__)) . '/../../..') }

sub build_dir { return $ENV{WIZDATA_BUILD} || top() . '/build' }

# Why nothing can be installed, if so.
sub not_built {
    my $build = build_dir();

    return 'no meson' unless have('meson');
    return "nothing is built in $build" unless -e "$build/build.ninja";
    for my $program (qw/ backends\/auth\/wizdata-auth
        backends\/ingestion\/wizdata-ingestion
        backends\/processing\/wizdata-processing
        backends\/analytics\/wizdata-analytics tools\/wizdatactl
        ngx_wizdata_module\/ngx_http_wizdata_module.so /)
    {
        return "$program is not built" unless -e "$build/$program";
    }
    return;
}

# Installs into a fresh folder, or that given, and returns it.
sub stage {
    my ($dir) = @_;

    $dir ||= tempdir('wd-stage-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $out = output('meson', 'install', '-C', build_dir(), '--no-rebuild',
        '--destdir', $dir);
    die "meson install failed:\n$out" if $?;
    return $dir;
}

# Both outputs of a command; $? is its status.
sub output {
    my (@command) = @_;

    my $pid = open(my $from, '-|') // die "cannot fork: $!";
    if ($pid == 0) {
        open(STDERR, '>&', \*STDOUT);
        no warnings "exec";
        exec { $command[0] } @command;
        print "cannot run $command[0]: $!\n";
        exit 127;
    }
    local $/;
    my $text = <$from> // '';
    close $from;
    return $text;
}

sub have {
    my ($program) = @_;

    return grep { -x "$_/$program" } split(/:/, $ENV{PATH}),
        '/usr/sbin', '/sbin';
}

1;
