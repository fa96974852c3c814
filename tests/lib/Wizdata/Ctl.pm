package Wizdata::Ctl;

# Runs wizdatactl and takes what it says apart.
#
#     my $r = ctl('--json', 'user', 'list');
#     is($r->{rc}, 0); is($r->{json}{users}[0]{email}, 'a@b.c');
#
# out, err: what was written; json: the document, undef when standard output
# is anything else than exactly one. ctl_in('text', ...) gives it an input.

use warnings;
use strict;

use File::Temp ();
use JSON::PP ();
use POSIX ();

use Wizdata::Postgres;

use Exporter 'import';

our @EXPORT = qw/ ctl ctl_in ctl_start ctl_end /;

sub ctl { return ctl_in('', @_) }

sub ctl_in {
    my ($input, @args) = @_;

    return ctl_end(ctl_start($input, @args));
}

# Without waiting for its end.
sub ctl_start {
    my ($input, @args) = @_;

    my %run = map { $_ => File::Temp->new() } qw/ in out err /;
    my $program = Wizdata::Postgres->ctl();

    $run{in}->print($input);
    $run{in}->flush();

    $run{pid} = fork() // die "fork: $!";
    return \%run if $run{pid} != 0;

    open STDIN, '<', $run{in}->filename;
    open STDOUT, '>', $run{out}->filename;
    open STDERR, '>', $run{err}->filename;
    exec $program, @args or POSIX::_exit(127);
}

sub ctl_end {
    my ($run) = @_;

    waitpid $run->{pid}, 0;

    my %r = (rc => $? & 127 ? 128 + ($? & 127) : $? >> 8);
    for my $stream (qw/ out err /) {
        open my $f, '<', $run->{$stream}->filename or die "open: $!";
        local $/;
        $r{$stream} = <$f> // '';
    }
    $r{json} = eval { JSON::PP->new->decode($r{out}) };
    return \%r;
}

1;
