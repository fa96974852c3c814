package Wizdata::Crowd;

# A data provider for many requests at once: one process that keeps its
# connections, holds requests back, knows what each key may ask, and answers
# by rules.
#
#     my $p = Wizdata::Crowd->start();
#     $env{WIZDATA_ALPHAVANTAGE_URL} = $p->url();
#     $p->rules({ match => 'GLOBAL_QUOTE', status => 503 }, { hold => 1 });
#     is($p->held(), 4);
#     $p->release(1);                       # the oldest; all without a number
#     my @asked = $p->requests();           # { at, target, key, conn, ... }
#     my $tls = $p->front();                # the same over TLS and HTTP/2
#
# Rules, of which the first that matches counts; without one, 200 and data:
#     match    a pattern for "GET /path?query"
#     times    so often, then the rule is gone
#     hold     answered when it is released
#     hang     never answered
#     status, type, headers (lines), body
#     etag     sent; a request that has it already gets 304
#     gzip     the body is sent compressed
#     zeros    so many zero bytes, compressed, instead of a body
#     close    the connection ends instead of an answer
#     budget   { day, window, seconds }: calls of each key in all, and within so
#              many seconds; beyond them the provider's own words
# Headers and body may hold %KEY% (as it was meant), %RAW% (as it was written),
# %TARGET%, %AUTH% (all of what proves who asks), %PROOF% (its last word),
# %FORM% (the request's body), %N% (the number of the request).

use warnings;
use strict;

use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use IO::Compress::Gzip qw/ gzip /;
use IO::Poll qw/ POLLIN POLLOUT POLLHUP POLLERR /;
use IO::Socket::INET;
use JSON::PP ();
use List::Util qw/ max /;
use POSIX ();
use Socket qw/ AF_UNIX PF_UNSPEC SOCK_STREAM /;
use Time::HiRes qw/ clock_gettime CLOCK_MONOTONIC sleep time /;

use Wizdata::Issuer;

use constant { WAIT => 20, POLL => 0.02, CHUNK => 65536, BACKLOG => 4096 };

my @SERVERS;
my $OWNER = $$;
my $json = JSON::PP->new->canonical->latin1;


# ---- the test's side --------------------------------------------------------

sub start {
    my ($class, @rules) = @_;

    my $listen = IO::Socket::INET->new(Listen => BACKLOG, ReuseAddr => 1,
        Blocking => 0, LocalAddr => '127.0.0.1') or die "listen: $!";
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!";
    my $pid = fork() // die "fork: $!";
    if ($pid == 0) {
        close $ours;
        eval { serve($listen, $theirs); 1 } or print STDERR "crowd: $@";
        POSIX::_exit(0);
    }
    close $theirs;

    my $self = bless { pid => $pid, port => $listen->sockport,
        control => $ours }, $class;
    close $listen;
    push @SERVERS, $self;
    $self->rules(@rules);
    return $self;
}

sub url { "http://127.0.0.1:$_[0]{port}" }

# One command, one answer.
sub tell {
    my ($self, @command) = @_;

    my $line = $json->encode(\@command) . "\n";
    syswrite $self->{control}, $line or die "crowd: $!";
    my $answer = readline $self->{control};
    die "crowd: it is gone\n" unless defined $answer;
    return $json->decode($answer)->{is};
}

sub rules { my ($self, @rules) = @_; $self->tell('rules', \@rules) }
sub held { $_[0]->tell('held') }
sub release { my ($self, $n) = @_; $self->tell('release', $n) }
sub requests { @{ $_[0]->tell('requests') } }
sub asked { scalar $_[0]->requests() }
sub connections { $_[0]->tell('connections') }

# The most requests that were ever unanswered at a time.
sub peak { $_[0]->tell('peak') }

# Forgets requests, connections, the peak, and what keys have used.
sub forget { $_[0]->tell('forget') }

# True as soon as it holds so many.
sub holds {
    my ($self, $n) = @_;

    my $end = time + WAIT;
    sleep POLL until $self->held() >= $n || time > $end;
    return $self->held() == $n;
}

# nginx with a certificate for localhost before it; the URL. The authority's
# certificate is in ca(). Requests then have `protocol`, and `conn` of nginx.
# Options: http2 (0: without), names of the certificate.
sub front {
    my ($self, %o) = @_;

    my $dir = $self->{dir} = tempdir('wd-crowd-XXXXXXXX', TMPDIR => 1);
    my $certs = bless { dir => $dir, owner => 0 }, 'Wizdata::Issuer';
    $certs->authority('ca');
    $certs->authority('other');
    $certs->certificate('server', 'ca', $o{names}
        // 'DNS:localhost,IP:127.0.0.1');

    my $probe = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    my $port = $probe->sockport;
    close $probe;
    my $http2 = $o{http2} // 1 ? 'http2' : '';
    my $user = $> == 0 ? 'user root;' : '';
    open my $f, '>', "$dir/nginx.conf" or die "nginx.conf: $!";
    print $f <<"END";
$user daemon off; master_process off; pid $dir/pid; error_log $dir/error.log;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
    access_log off; keepalive_requests 100000; http2_max_concurrent_streams 500;
    client_body_temp_path $dir/a; proxy_temp_path $dir/b;
    fastcgi_temp_path $dir/c; uwsgi_temp_path $dir/d; scgi_temp_path $dir/e;
    server {
        listen 127.0.0.1:$port ssl $http2 backlog=@{[ BACKLOG ]};
        ssl_certificate $dir/server.pem;
        ssl_certificate_key $dir/server.pem.key;
        location / {
            proxy_pass http://127.0.0.1:$self->{port};
            proxy_read_timeout 600s;
            proxy_buffering off;
            proxy_set_header X-Conn \$connection;
            proxy_set_header X-Protocol \$server_protocol;
        }
    }
}
END
    close $f;
    $self->{nginx} = fork() // die "fork: $!";
    if ($self->{nginx} == 0) {
        open STDERR, '>>', "$dir/nginx.log";
        exec 'nginx', '-e', "$dir/error.log", '-p', $dir, '-c',
            "$dir/nginx.conf" or POSIX::_exit(127);
    }
    my $end = time + WAIT;
    sleep POLL until time > $end || IO::Socket::INET->new(
        PeerAddr => "127.0.0.1:$port");
    return "https://localhost:$port";
}

sub ca { "$_[0]{dir}/ca.pem" }

# Of an authority that signed nothing here.
sub other_ca { "$_[0]{dir}/other.pem" }

sub stop {
    my ($self) = @_;

    for my $pid (grep { $_ } delete @$self{qw/ nginx pid /}) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    remove_tree($self->{dir}) if $self->{dir};
}

END {
    my $status = $?;

    if ($$ == $OWNER) {
        $_->stop() for splice @SERVERS;
    }
    $? = $status;
}


# ---- the server -------------------------------------------------------------

my (%conns, $poll, @rules, @log, @held, %used, $accepted, $busy, $peak);

sub serve {
    my ($listen, $control) = @_;

    $SIG{PIPE} = 'IGNORE';
    $poll = IO::Poll->new();
    $poll->mask($listen => POLLIN);
    $poll->mask($control => POLLIN);
    reset_all();
    my $commands = '';
    while (1) {
        $poll->poll();
        if ($poll->events($control)) {
            sysread $control, $commands, CHUNK, length $commands or return;
            while ($commands =~ s/^(.*)\n//) {
                my ($name, @args) = @{ $json->decode($1) };
                my $is = command($name, @args);
                put_all($control, $json->encode({ is => $is }) . "\n");
            }
        }
        accept_all($listen) if $poll->events($listen);
        for my $c (values %conns) {
            my $events = $poll->events($c->{sock}) or next;
            take_in($c) if $events & (POLLIN | POLLHUP | POLLERR);
            put_out($c) if $conns{ $c->{fd} } && $events & POLLOUT;
        }
    }
}

sub reset_all {
    @log = ();
    %used = ();
    $accepted = 0;
    $peak = $busy = grep { $_->{busy} } values %conns;
}

sub put_all {
    my ($sock, $bytes) = @_;

    while (length $bytes) {
        my $n = syswrite $sock, $bytes or return;
        substr $bytes, 0, $n, '';
    }
}

sub command {
    my ($name, @args) = @_;

    return scalar(@rules = @{ $args[0] }) if $name eq 'rules';
    return scalar @held if $name eq 'held';
    return \@log if $name eq 'requests';
    return $accepted if $name eq 'connections';
    return $peak if $name eq 'peak';
    if ($name eq 'forget') {
        reset_all();
        return 1;
    }
    if ($name eq 'release') {
        my $n = $args[0] // @held;
        for my $held (splice @held, 0, $n) {
            my ($c, $rule, $r) = @$held;
            answer($c, { %$rule, hold => 0 }, $r);
        }
        return scalar @held;
    }
    die "no such command: $name";
}

sub accept_all {
    my ($listen) = @_;

    while (my $sock = $listen->accept()) {
        $sock->blocking(0);
        my $fd = fileno $sock;
        $accepted++;
        $conns{$fd} = { sock => $sock, fd => $fd, in => '', out => '',
            n => $accepted };
        $poll->mask($sock => POLLIN);
    }
}

sub drop {
    my ($c) = @_;

    $busy-- if $c->{busy};
    @held = grep { $_->[0] != $c } @held;
    $poll->remove($c->{sock});
    delete $conns{ $c->{fd} };
    close $c->{sock};
}

sub take_in {
    my ($c) = @_;

    my $n = sysread $c->{sock}, $c->{in}, CHUNK, length $c->{in};
    if (!$n) {
        drop($c) unless !defined $n && $!{EAGAIN};
        return;
    }
    return if $c->{busy} || $c->{in} !~ /^(.*?)\r\n\r\n/s;
    my $head = $1;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    return if length $c->{in} < length($head) + 4 + ($length // 0);
    my $form = substr $c->{in}, length($head) + 4, $length // 0;
    substr $c->{in}, 0, length($head) + 4 + ($length // 0), '';

    my ($method, $target) = $head =~ /^(\S+) (\S+)/;
    my ($raw) = $target =~ /[?&]apikey=([^&]*)/;
    (my $key = $raw // '') =~ s/%([0-9A-F]{2})/chr hex $1/ge;
    my $header = sub { $head =~ /^$_[0]: (.*?)\r?$/mi ? $1 : undef };
    my $auth = $header->('Authorization') // $header->('JWT');
    my %r = (at => clock_gettime(CLOCK_MONOTONIC), target => $target,
        what => "$method $target", key => $key, raw => $raw // '',
        auth => $auth // '', form => $form, n => 1 + @log,
        conn => $header->('X-Conn') // $c->{n},
        protocol => $header->('X-Protocol') // 'HTTP/1.1',
        none_match => $header->('If-None-Match'),
        since => $header->('If-Modified-Since'));
    push @log, \%r;
    $c->{busy} = 1;
    $peak = max($peak, ++$busy);
    answer($c, rule_for(\%r), \%r);
}

sub rule_for {
    my ($r) = @_;

    for my $i (0 .. $#rules) {
        my $rule = $rules[$i];
        next if defined $rule->{match} && $r->{what} !~ /$rule->{match}/;
        splice @rules, $i, 1
            if defined $rule->{times} && --$rule->{times} <= 0;
        return $rule;
    }
    return {};
}

sub answer {
    my ($c, $rule, $r) = @_;

    return if $rule->{hang};
    if ($rule->{hold}) {
        push @held, [ $c, $rule, $r ];
        return;
    }
    return drop($c) if $rule->{close};
    $rule = { %$rule, over($rule->{budget}, $r) } if $rule->{budget};

    my $status = $r->{status} = $rule->{status} // 200;
    my @headers = map { filled($_, $r) } @{ $rule->{headers} // [] };
    my $body = filled($rule->{body} // data($r->{target}), $r);
    if (defined $rule->{etag}) {
        push @headers, "ETag: $rule->{etag}";
        if (($r->{none_match} // '') eq $rule->{etag}) {
            $status = $r->{status} = 304;
            $body = '';
        }
    }
    if ($rule->{gzip} || $rule->{zeros}) {
        $body = zeros($rule->{zeros}) if $rule->{zeros};
        gzip(\(my $plain = $body), \$body) if $rule->{gzip};
        push @headers, 'Content-Encoding: gzip';
    }
    my $type = $rule->{type} // 'application/json';
    push @headers, "Content-Type: " . filled($type, $r);
    push @headers, 'Content-Length: ' . length $body if $status != 304;
    $c->{out} .= join("\r\n", "HTTP/1.1 $status X", @headers, '', '') . $body;
    put_out($c);
}

sub filled {
    my ($text, $r) = @_;

    return $text unless $text =~ /%[A-Z]+%/;
    my %is = (KEY => $r->{key}, RAW => $r->{raw}, TARGET => $r->{target},
        AUTH => $r->{auth}, PROOF => (split ' ', $r->{auth})[-1] // '',
        FORM => $r->{form}, N => $r->{n});
    $text =~ s/%([A-Z]+)%/$is{$1} \/\/ "%$1%"/ge;
    return $text;
}

sub put_out {
    my ($c) = @_;

    while (length $c->{out}) {
        my $n = syswrite $c->{sock}, $c->{out}, CHUNK;
        if (!$n) {
            return drop($c) unless $!{EAGAIN};
            $poll->mask($c->{sock} => POLLIN | POLLOUT);
            return;
        }
        substr $c->{out}, 0, $n, '';
    }
    $poll->mask($c->{sock} => POLLIN);
    $busy-- if delete $c->{busy};
}

# What a key has used; beyond its budget, what is answered instead.
sub over {
    my ($budget, $r) = @_;

    my $at = $used{ $r->{key} } //= [];
    my $recent = grep { $_ > $r->{at} - ($budget->{seconds} // 0) } @$at;
    push @$at, $r->{at};
    if (defined $budget->{day} && @$at > $budget->{day}) {
        $r->{over} = 'day';
        return (status => 200, body => '{"Information": "We have detected your '
            . "API key as $r->{key} and our standard API rate limit is 25 "
            . 'requests per day. Please subscribe to any of the premium '
            . 'plans"}');
    }
    if (defined $budget->{window} && $recent >= $budget->{window}) {
        $r->{over} = 'window';
        return (status => 200, body => '{"Information": "Please consider '
            . 'spreading out your free API requests more sparingly (1 request '
            . 'per second)"}');
    }
    return ();
}

# A quote or days of Alpha Vantage, pages of the World Bank.
sub data {
    my ($target) = @_;

    if ($target =~ m{/indicator/}) {
        my ($page) = $target =~ /[?&]page=(\d+)/;
        my $row = sprintf '{"indicator":{"id":"A"},"country":{"id":"DE"},'
            . '"date":"20%02d","value":1.5}', $page;
        return sprintf '[{"page":%d,"pages":2,"per_page":2,"total":3},[%s]]',
            $page, join ',', ($row) x ($page == 1 ? 2 : 1);
    }
    my ($symbol) = $target =~ /[?&]symbol=([^&]+)/;
    $symbol //= 'EUR';
    return qq({"Global Quote": {"01. symbol": "$symbol", "05. price": "1.5", )
        . qq("07. latest trading day": "2024-01-02"}})
        if $target =~ /GLOBAL_QUOTE/;
    return qq({"Meta Data": {"2. Symbol": "$symbol"}, "Time Series (Daily)": )
        . qq({"2024-01-02": {"1. open": "1.5"}}});
}

# Zero bytes, compressed without ever being there.
sub zeros {
    my ($n) = @_;

    my $z = IO::Compress::Gzip->new(\my $out);
    my $block = "\0" x (1 << 20);
    for (my $left = $n; $left > 0; $left -= length $block) {
        $z->print($left < length $block ? substr $block, 0, $left : $block);
    }
    $z->close();
    return $out;
}

1;
