package Wizdata::Sim::Answer;

# What a simulator answers: status, headers (pairs, in order), body, and how
# the body is framed: length, chunked, close (by the end of the connection).
# A stream (`then` instead of a body) goes on after the head: it is called
# with the connection. `compressed`: gzip and chunks, at the end.

use warnings;
use strict;

use IO::Compress::Gzip qw/ gzip /;

my %REASON = (101 => 'Switching Protocols', 200 => 'OK', 201 => 'Created',
    204 => 'No Content', 206 => 'Partial Content', 301 => 'Moved Permanently',
    302 => 'Found', 303 => 'See Other', 304 => 'Not Modified',
    307 => 'Temporary Redirect', 308 => 'Permanent Redirect',
    400 => 'Bad Request', 401 => 'Unauthorized', 403 => 'Forbidden',
    404 => 'Not Found', 405 => 'Method Not Allowed', 409 => 'Conflict',
    416 => 'Range Not Satisfiable', 429 => 'Too Many Requests',
    500 => 'Internal Server Error', 502 => 'Bad Gateway',
    503 => 'Service Unavailable', 504 => 'Gateway Timeout');

sub new {
    my ($class, $status, %o) = @_;

    return bless { status => $status, headers => [], body => '',
        framing => 'length', %o }, $class;
}

sub of_type {
    my ($class, $type, $status, $body, @headers) = @_;

    utf8::encode($body) if utf8::is_utf8($body);
    my $self = $class->new($status, body => $body);
    $self->header('Content-Type' => $type) if length $type;
    $self->header(splice @headers, 0, 2) while @headers;
    return $self;
}

sub text { return shift->of_type('text/plain; charset=utf-8', @_) }
sub html { return shift->of_type('text/html; charset=utf-8', @_) }
sub json { return shift->of_type('application/json', @_) }

sub header {
    my ($self, $name, $value) = @_;

    push @{ $self->{headers} }, [ $name, $value ];
    return $self;
}

sub unheader {
    my ($self, $name) = @_;

    @{ $self->{headers} } = grep { lc $_->[0] ne lc $name }
        @{ $self->{headers} };
    return $self;
}

# In place of all of that name.
sub set_header {
    my ($self, $name, $value) = @_;

    return $self->unheader($name)->header($name, $value);
}

sub get_header {
    my ($self, $name) = @_;

    my ($header) = grep { lc $_->[0] eq lc $name } @{ $self->{headers} };
    return $header ? $header->[1] : undef;
}

sub gzipped {
    my ($bytes) = @_;

    gzip(\$bytes, \my $z, -Minimal => 1) or die 'gzip';
    return $z;
}

# Unless a fault has made another encoding of it.
sub compress {
    my ($self) = @_;

    return if !$self->{compressed}
        || defined $self->get_header('Content-Encoding');
    $self->{body} = gzipped($self->{body});
    $self->header('Content-Encoding' => 'gzip');
    $self->{framing} = 'chunked';
}

sub http_date {
    my ($time) = @_;

    my @t = gmtime $time;
    return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT',
        (qw/ Sun Mon Tue Wed Thu Fri Sat /)[ $t[6] ], $t[3],
        (qw/ Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec /)[ $t[4] ],
        $t[5] + 1900, @t[2, 1, 0];
}

# Everything up to the empty line.
sub head {
    my ($self, $req) = @_;

    my $status = $self->{status};
    my @lines = ("HTTP/1.1 $status "
            . ($self->{reason} // $REASON{$status} // 'Status'),
        map { "$_->[0]: $_->[1]" } @{ $self->{headers} });
    if ($self->{framing} eq 'chunked') {
        push @lines, 'Transfer-Encoding: chunked';
    } elsif ($self->{framing} eq 'length' && $status != 204
        && $status != 304 && $status >= 200) {
        push @lines, 'Content-Length: '
            . ($self->{length} // length $self->{body});
    }
    push @lines, 'Connection: close' if $req->{last} && $status != 101;
    return join "\r\n", @lines, '', '';
}

# The body as it is framed.
sub framed {
    my ($self) = @_;

    return $self->{body} if $self->{framing} ne 'chunked';
    return join '', (map { sprintf("%x\r\n", length) . "$_\r\n" }
            unpack '(a4096)*', $self->{body}), "0\r\n\r\n";
}

1;
