package Wizdata::Provider;

# A data provider that misbehaves: an HTTP server on loopback whose manner is
# the first part of the path.
#
#     my $p = Wizdata::Provider->start();
#     $env{WIZDATA_ALPHAVANTAGE_URL} = $p->url('endless');
#     my @asked = $p->requests();          # "manner path?query", in order
#     my @at = $p->times('down');          # when, by a clock that nobody sets
#     $p->open_gate();                     # for manner "gate"
#
# Manners: ok, changing, endless, reset, cut, slow, gzip, bad-gzip, hang,
# gate, down, flaky, retry-after, html400, daily, second, auth, echo, text,
# html, big, once-bad.

use warnings;
use strict;

use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use IO::Compress::Gzip qw/ gzip /;
use IO::Socket::INET;
use POSIX ();
use Socket qw/ SOL_SOCKET SO_LINGER /;
use Time::HiRes qw/ clock_gettime CLOCK_MONOTONIC sleep /;

my @SERVERS;
my $OWNER = $$;

sub start {
    my ($class) = @_;

    my $self = bless { dir => tempdir('wd-prov-XXXXXXXX', TMPDIR => 1) },
        $class;
    my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1,
        LocalAddr => '127.0.0.1') or die "listen: $!";

    $self->{port} = $listen->sockport;
    $self->{pid} = fork() // die "fork: $!";
    if ($self->{pid} == 0) {
        POSIX::setpgid(0, 0);
        $self->serve($listen);
        POSIX::_exit(0);
    }
    close $listen;
    push @SERVERS, $self;
    return $self;
}

sub url { "http://127.0.0.1:$_[0]{port}/$_[1]" }

sub requests {
    my ($self) = @_;

    open my $f, '<', "$self->{dir}/log" or return;
    chomp(my @lines = <$f>);
    return @lines;
}

sub times {
    my ($self, $manner) = @_;

    open my $f, '<', "$self->{dir}/times" or return;
    return map { /^\Q$manner\E (\S+)/ ? $1 : () } <$f>;
}

sub open_gate {
    my ($self) = @_;

    open my $f, '>', "$self->{dir}/gate" or die "gate: $!";
}

sub close_gate { unlink "$_[0]{dir}/gate" }

sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;
    kill 'KILL', -$pid;    # its group: only what it forked itself
    kill 'KILL', $pid;
    waitpid $pid, 0;
    remove_tree($self->{dir});
}

# ---- the server

sub serve {
    my ($self, $listen) = @_;

    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';
    while (1) {
        my $c = $listen->accept() or next;
        my $pid = fork();
        if (defined $pid && $pid == 0) {
            close $listen;
            eval { $self->answer($c) };
            POSIX::_exit(0);
        }
        close $c;
    }
}

sub answer {
    my ($self, $c) = @_;

    my $head = '';
    while ($head !~ /\r\n\r\n/) {
        sysread $c, $head, 4096, length $head or return;
    }
    my ($target) = $head =~ m{^GET (\S+)} or return;
    my ($manner, $rest) = $target =~ m{^/([^/]+)(/.*)$} or return;

    $self->note('times', sprintf '%s %.6f', $manner,
        clock_gettime(CLOCK_MONOTONIC));
    $self->note('log', "$manner $rest");

    my $count = grep { /^\Q$manner\E / } $self->requests();
    (my $name = $manner) =~ tr/-/_/;
    my $code = $self->can("manner_$name") or return reply($c, 404, 'no');
    $code->($self, $c, $rest, $count);
}

sub note {
    my ($self, $file, $line) = @_;

    open my $f, '>>', "$self->{dir}/$file" or die "$file: $!";
    syswrite $f, "$line\n";
}

sub reply {
    my ($c, $status, $body, @headers) = @_;

    my $head = join "\r\n", "HTTP/1.1 $status X",
        'Content-Type: application/json', 'Connection: close',
        'Date: Thu, 02 May 2024 00:00:00 GMT', 'Set-Cookie: id=S3SSION',
        'Content-Length: ' . length $body, @headers, '', '';
    put($c, $head . $body);
}

sub put {
    my ($c, $bytes) = @_;

    while (length $bytes) {
        my $n = syswrite $c, $bytes or return 0;
        substr $bytes, 0, $n, '';
    }
    return 1;
}

# Rows of Alpha Vantage, or two pages of three rows of the World Bank.
sub body {
    my ($rest, $value) = @_;

    $value //= '1.5000';
    if ($rest =~ m{/indicator/}) {
        my ($page) = $rest =~ /[?&]page=(\d+)/;
        my $row = sprintf '{"indicator":{"id":"A"},"country":{"id":"DE"},'
            . '"date":"20%02d","value":%s}', $page, $value;
        return sprintf '[{"page":%d,"pages":2,"per_page":2,"total":3},[%s]]',
            $page, join ',', ($row) x ($page == 1 ? 2 : 1);
    }
    my ($symbol) = $rest =~ /[?&]symbol=([^&]+)/;
    $symbol //= 'EUR';
    return qq({"Meta Data": {"2. Symbol": "$symbol"}, )
        . qq("Time Series (Daily)": {"2024-01-02": {"1. open": "$value"}}});
}

sub manner_ok { reply($_[1], 200, body($_[2])) }

sub manner_changing { reply($_[1], 200, body($_[2], "1.500$_[3]")) }

sub manner_endless {
    my ($self, $c) = @_;

    put($c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n") or return;
    my $chunk = '{"a": ' . '[' x 8000;
    1 while put($c, sprintf "%x\r\n%s\r\n", length $chunk, $chunk);
}

sub manner_reset {
    my ($self, $c, $rest) = @_;

    put($c, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
        . substr body($rest), 0, 40);
    sleep 0.1;
    setsockopt $c, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $c;
}

sub manner_cut {
    my ($self, $c, $rest, $count) = @_;

    return reply($c, 200, body($rest)) if $count > 1;
    put($c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        . "Content-Length: 5000\r\n\r\n" . substr body($rest), 0, 40);
}

sub manner_slow {
    my ($self, $c, $rest) = @_;

    put($c, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n") or return;
    while (put($c, ' ')) { sleep 1 }
}

sub manner_gzip {
    my ($self, $c, $rest) = @_;

    gzip(\body($rest), \my $z);
    reply($c, 200, $z, 'Content-Encoding: gzip');
}

sub manner_bad_gzip {
    my ($self, $c, $rest) = @_;

    gzip(\(body($rest) . ' ' x 9000 . join '', map { chr rand 256 } 1 .. 9000),
        \my $z);
    reply($c, 200, substr($z, 0, length($z) / 2), 'Content-Encoding: gzip');
}

sub manner_hang { sleep 60 }

sub manner_gate {
    my ($self, $c, $rest) = @_;

    sleep 0.02 until -e "$self->{dir}/gate";
    reply($c, 200, body($rest));
}

sub manner_down { reply($_[1], 503, '<html>down</html>') }

sub manner_flaky {
    my ($self, $c, $rest, $count) = @_;

    return reply($c, 502, '<html>bad gateway</html>') if $count <= 2;
    reply($c, 200, body($rest));
}

sub manner_retry_after {
    my ($self, $c, $rest, $count) = @_;

    return reply($c, 429, 'slow down', 'Retry-After: 1') if $count == 1;
    reply($c, 200, body($rest));
}

sub manner_html400 {
    my ($self, $c, $rest, $count) = @_;

    return reply($c, 400, '<html>Bad Request</html>') if $count == 1;
    reply($c, 200, body($rest));
}

sub key_of { $_[0] =~ /[?&]apikey=([^&]+)/ ? $1 : '' }

sub manner_daily {
    my ($self, $c, $rest) = @_;

    reply($c, 200, '{"Information": "We have detected your API key as '
        . key_of($rest) . ' and our standard API rate limit is 25 requests '
        . 'per day. Please subscribe to any of the premium plans"}');
}

sub manner_second {
    my ($self, $c, $rest, $count) = @_;

    return reply($c, 200, body($rest)) if $count > 1;
    reply($c, 200, '{"Information": "Please consider spreading out your free '
        . 'API requests more sparingly (1 request per second). ... (25 '
        . 'requests per day)"}');
}

sub manner_auth {
    my ($self, $c, $rest) = @_;

    return reply($c, 200, body($rest)) if key_of($rest) =~ /^good/;
    reply($c, 200,
        '{"Error Message": "the parameter apikey is invalid or missing."}');
}

sub manner_echo {
    my ($self, $c, $rest) = @_;

    reply($c, 200, '{"Error Message": "Invalid API call for '
        . key_of($rest) . '"}');
}

sub manner_text { reply($_[1], 200, "come back later\n") }

sub manner_html { reply($_[1], 200, '<html>maintenance</html>') }

END {
    my $status = $?;

    if ($$ == $OWNER) {
        $_->stop() for splice @SERVERS;
    }
    $? = $status;
}

1;
