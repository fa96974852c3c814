package Wizdata::Issuer;

# An https issuer that a test controls: a TLS end made by nginx with a
# certificate of the test's own authority, and behind it a small server that
# answers as it is told and counts what it is asked.
#
#     my $i = Wizdata::Issuer->new($dir);
#     $i->answer(body => $json);          # or status, headers, raw, mode
#     ... $i->certificates ...            # for the configuration
#     is($i->asked, 1);

use warnings;
use strict;

use IO::Select;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Time::HiRes ();

use Wizdata::Certificates qw/ sh /;

use parent -norequire, 'Wizdata::Certificates';

my $json = JSON::PP->new->canonical->latin1;

sub new {
    my ($class, $dir) = @_;

    my $self = bless { dir => $dir, owner => $$ }, $class;
    $self->authority('ca');
    $self->certificate('server', 'ca', 'DNS:localhost,IP:127.0.0.1');
    $self->answer(status => 503, body => '');
    $self->start;
    return $self;
}

# What is answered from now on: status, body, headers (lines), chunked (bytes
# of a chunk), raw (all of it), mode: hang (nothing), drop (closed at once),
# drip (a byte at a time). `paths` has the same for what begins with a path,
# the longest first.
sub answer {
    my ($self, %o) = @_;

    my $file = "$self->{dir}/issuer.answer";
    open my $fh, '>', "$file.new" or die $!;
    print $fh $json->encode(\%o);
    close $fh;
    rename "$file.new", $file or die $!;
}

# Requests so far.
sub asked {
    my ($self) = @_;

    return scalar(my @lines = $self->requests);
}

sub requests {
    my ($self) = @_;

    open my $fh, '<', "$self->{dir}/issuer.log" or return;
    my @lines = <$fh>;
    return @lines;
}

sub socket_path { return "$_[0]{dir}/issuer.sock" }

sub start {
    my ($self) = @_;

    my $server = IO::Socket::UNIX->new(Local => $self->socket_path,
        Listen => 128) or die "issuer: $!";
    my $pid = fork;
    die "fork: $!" unless defined $pid;
    if ($pid) {
        $self->{pid} = $pid;
        return;
    }
    $self->serve($server);
    POSIX::_exit(0);
}

sub serve {
    my ($self, $server) = @_;

    local $SIG{TERM} = 'DEFAULT';
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{CHLD} = 'IGNORE';
    while (my $c = $server->accept) {
        my $pid = fork;
        next if $pid;
        $self->exchange($c);
        POSIX::_exit(0);
    }
}

sub exchange {
    my ($self, $c) = @_;

    my $in = '';
    1 while $in !~ /\r\n\r\n/ && sysread $c, $in, 4096, length $in;
    return if $in !~ /\r\n\r\n/; # the other side left
    open my $log, '>>', "$self->{dir}/issuer.log" or die $!;
    syswrite $log, ($in =~ s/\r\n/|/gr) . "\n";

    open my $fh, '<', "$self->{dir}/issuer.answer" or die $!;
    my $o = $json->decode(do { local $/; <$fh> });
    my ($path) = $in =~ m{^\S+ ([^ ?]*)};
    for my $at (sort { length $b <=> length $a } keys %{ $o->{paths} || {} }) {
        next if index $path, $at;
        $o = $o->{paths}{$at};
        last;
    }
    my $mode = $o->{mode} // '';
    return if $mode eq 'drop';
    if ($mode eq 'hang') {
        sysread $c, $in, 1; # until the other side is tired of it
        return;
    }

    my $out = $o->{raw} // reply(%$o);
    if ($mode eq 'drip') {
        for my $byte (split //, $out) {
            syswrite $c, $byte or return;
        }
        return;
    }
    my $at = 0;
    while ($at < length $out) {
        my $n = syswrite $c, $out, 65536, $at or return;
        $at += $n;
    }
}

sub reply {
    my (%o) = @_;

    my $body = $o{body} // '';
    my @head = ('HTTP/1.1 ' . ($o{status} || 200) . ' x', @{ $o{headers}
        || ['Content-Type: application/json'] });

    if (my $size = $o{chunked}) {
        push @head, 'Transfer-Encoding: chunked';
        $body = join '', (map { sprintf("%x\r\n", length) . "$_\r\n" }
            unpack "(a$size)*", $body), "0\r\n\r\n";
    } else {
        push @head, 'Content-Length: ' . length $body;
    }
    return join("\r\n", @head, 'Connection: close', '', '') . $body;
}

# A server block for nginx that ends TLS before it; the stream module is not
# in every nginx, so http does, and passes on what is answered.
sub server {
    my ($self, %o) = @_;

    my $cert = $o{certificate} || 'server';
    my $d = $self->{dir};
    return <<"END";
    server {
        listen 127.0.0.1:$o{port} ssl;
        server_name $o{name};
        ssl_certificate $d/$cert.pem;
        ssl_certificate_key $d/$cert.pem.key;
        @{[ $o{more} // '' ]}
        location / {
            proxy_pass http://unix:@{[ $self->socket_path ]};
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_pass_request_headers on;
            proxy_set_header Host \$http_host;
        }
    }
END
}

sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;
    kill 'TERM', $pid;
    waitpid $pid, 0;
}

sub DESTROY {
    my ($self) = @_;

    local $?;
    $self->stop if $$ == $self->{owner};
}

1;
