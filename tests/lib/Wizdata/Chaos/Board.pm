package Wizdata::Chaos::Board;

# Numbers that the processes of a run share: slots of a file, each read and
# written by one call.

use warnings;
use strict;

use Fcntl qw/ :DEFAULT SEEK_SET /;

use constant SLOT => 16;

sub new {
    my ($class, $path) = @_;

    return bless { path => $path, pid => 0 }, $class;
}

# A file of its own in every process: an offset is not to be shared.
sub file {
    my ($self) = @_;

    if ($self->{pid} != $$) {
        sysopen $self->{fh}, $self->{path}, O_RDWR | O_CREAT
            or die "$self->{path}: $!";
        $self->{pid} = $$;
    }
    return $self->{fh};
}

sub get {
    my ($self, $slot) = @_;

    my $fh = $self->file;
    sysseek $fh, $slot * SLOT, SEEK_SET;
    my $n = sysread $fh, my $text, SLOT;
    return $n && $text =~ /(\d+)/ ? $1 : 0;
}

sub set {
    my ($self, $slot, $value) = @_;

    my $fh = $self->file;
    sysseek $fh, $slot * SLOT, SEEK_SET;
    syswrite $fh, sprintf '%*d', SLOT, $value;
}

1;
