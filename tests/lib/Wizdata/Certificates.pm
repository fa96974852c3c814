package Wizdata::Certificates;

# Certificates of a test's own authority, made by the openssl command while
# the test runs. A base class: its objects have {dir}.
#
#     my $c = Wizdata::Certificates->new($dir);
#     $c->authority('ca');                              # ca.pem, ca.pem.key
#     $c->certificate('server', 'ca', 'DNS:localhost'); # server.pem, .pem.key
#     $c->certificate('old', 'ca', 'DNS:localhost', qw/ -days -1 /);
#     $c->self_signed('lonely', 'DNS:localhost');

use warnings;
use strict;

use Exporter 'import';
use POSIX ();

our @EXPORT_OK = qw/ sh /;

sub new {
    my ($class, $dir) = @_;

    return bless { dir => $dir }, $class;
}

sub sh {
    my (@command) = @_;

    open my $null, '>', '/dev/null';
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        open STDOUT, '>&', $null;
        open STDERR, '>&', $null;
        exec @command or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    die "@command failed\n" if $?;
}

sub authority {
    my ($self, $name) = @_;

    sh(qw/ openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256
        -nodes -days 2 -subj /, "/CN=$name", '-keyout',
        "$self->{dir}/$name.pem.key", '-out', "$self->{dir}/$name.pem");
}

sub self_signed {
    my ($self, $name, $san) = @_;

    sh(qw/ openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256
        -nodes -days 2 -subj /, "/CN=$name", '-addext', "subjectAltName=$san",
        '-keyout', "$self->{dir}/$name.pem.key", '-out',
        "$self->{dir}/$name.pem");
}

sub certificate {
    my ($self, $name, $ca, $san, @more) = @_;

    my $d = $self->{dir};
    open my $fh, '>', "$d/$name.ext" or die $!;
    print $fh "subjectAltName=$san\n";
    close $fh;
    sh(qw/ openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
        -subj /, "/CN=$name", '-keyout', "$d/$name.pem.key", '-out',
        "$d/$name.csr");
    sh(qw/ openssl x509 -req -CAcreateserial -in /, "$d/$name.csr", '-CA',
        "$d/$ca.pem", '-CAkey', "$d/$ca.pem.key", '-extfile', "$d/$name.ext",
        '-out', "$d/$name.pem", @more ? @more : qw/ -days 2 /);
}

1;
