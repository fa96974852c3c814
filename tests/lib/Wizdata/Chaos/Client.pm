package Wizdata::Chaos::Client;

# One client of a storm: asks for all kinds of things at both gateways, looks
# at every answer, and writes down what it asked for when, and what came.
#
# A row of its ledger: from, to, gateway, kind, who or what, status, word of
# the cache, version, what is wrong with it, symbol.

use warnings;
use strict;

use JSON::PP ();
use POSIX ();
use Time::HiRes qw/ time sleep /;

my $json = JSON::PP->new->utf8;

# How often each kind is asked for.
my @MIX = (
    [ cached => 30 ], [ uncached => 8 ], [ private => 12 ], [ key => 12 ],
    [ jwt => 12 ], [ tight => 14 ], [ places => 5 ], [ stream => 4 ],
    [ abort => 6 ], [ stranger => 3 ], [ hostile => 2 ], [ health => 1 ]
);

my @HOSTILE = (
    "GET /v1/bars?symbol=%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /v1/bars HTTP/1.1\r\nHost: localhost\r\nX-API-Key: "
        . 'wd_live_' . 'A' x 38 . "\r\n\r\n",
    "GET /v1/bars?symbol=A HTTP/1.1\r\nHost: localhost\r\n"
        . "Authorization: Bearer a.b.c\r\n\r\n",
    "GET /v1/bars?symbol=A HTTP/1.1\r\nHost: localhost\r\n"
        . "X-Wizdata-Principal: user:root\r\nX-API-Key: \x01\r\n\r\n",
);

sub new {
    my ($class, $world, $n, $out) = @_;

    my @deck = map { ($_->[0]) x $_->[1] } @MIX;
    return bless { world => $world, n => $n, out => $out, conns => [],
        deck => \@deck }, $class;
}

# Until the world says that it is enough.
sub run {
    my ($self) = @_;

    my $w = $self->{world};
    srand $w->{seed} * 1000 + $self->{n};
    $SIG{PIPE} = 'IGNORE';
    while (!$w->over) {
        my $kind = $self->{deck}[ rand @{ $self->{deck} } ];
        my $sub = "do_$kind";
        $self->$sub(int rand 2);
        sleep $w->{pause};
    }
    $self->{out}->flush;
}

sub note {
    my ($self, @row) = @_;

    my $fh = $self->{out};
    printf $fh "%.6f\t%.6f\t%s\n", @row[ 0, 1 ],
        join "\t", map { defined && length ? $_ : '-' } @row[ 2 .. 9 ];
}

# One exchange: the response, when it began, and when it ended. A connection
# that the server closed before any byte of an answer may be replaced once.
sub exchange {
    my ($self, $gateway, $bytes) = @_;

    for my $try (1, 2) {
        my $c = $self->{conns}[$gateway];
        my $used = defined $c;
        my $from = time();
        $c ||= eval { Test::Wizdata::client(port =>
            $self->{world}->http_port($gateway)) };
        if (!$c) {
            return (undef, $from, time());
        }
        $c->send($bytes);
        my $r = $c->response;
        my $dead = !$r->status || $r->short
            || ($r->header('connection') // '') eq 'close';
        $self->{conns}[$gateway] = $dead ? undef : $c;
        next if !$r->status && $used && $try == 1 && !length $c->{in};
        return ($r, $from, time());
    }
}

sub get {
    my ($self, $gateway, $kind, $what, $path, $head, $check, $symbol) = @_;

    my ($r, $from, $to) = $self->exchange($gateway, join("\r\n",
        "GET $path HTTP/1.1", 'Host: localhost', @$head, '', ''));
    my $status = $r ? $r->status : 0;
    my ($version, $wrong) = (undef, '');

    if ($r && $r->short) {
        $wrong = 'short';
    } elsif ($status == 200) {
        ($version, $wrong) = $check->($r);
    } elsif ($status >= 400) {
        my $p = $r->json;
        $wrong = 'problem' unless ref $p eq 'HASH'
            && ($p->{status} // 0) eq $status || $kind eq 'health';
        $version = $p->{detail} =~ s/\s/_/gr if $p && $p->{detail};
    }
    $self->note($from, $to, $gateway, $kind, $what, $status,
        $r && $r->header('x-cache'), $version, $wrong, $symbol);
    return { status => $status, v => $version };
}

# The answer is about the symbol that was asked for.
sub about {
    my ($symbol) = @_;

    return sub {
        my $j = $_[0]->json;
        return (undef, 'no JSON') unless ref $j eq 'HASH';
        return ($j->{v}, ($j->{sym} // '') eq $symbol ? ''
            : 'mixed:' . ($j->{sym} // '-'));
    };
}

sub bars {
    my ($self, $gateway, $kind, $what, $head, $s) = @_;

    $s //= 'C' . int rand $self->{world}{symbols};
    $self->get($gateway, $kind, $what // $s, "/v1/bars?symbol=$s", $head,
        about($s), $s);
}

sub with_key { return ["X-API-Key: $_[0]"] }

sub do_cached {
    my ($self, $gateway) = @_;

    $self->cached($gateway);
}

sub cached {
    my ($self, $gateway, $s) = @_;

    return $self->bars($gateway, 'cached', undef, with_key($self->any_key),
        $s);
}

sub any_key {
    my $keys = $_[0]{world}{principals};
    return $keys->[ rand @$keys ]{key};
}

sub do_uncached {
    my ($self, $gateway, $s) = @_;

    $s //= 'U' . int rand 1000;
    $self->get($gateway, 'uncached', $s, "/v1/quotes?symbol=$s",
        with_key($self->any_key), about($s));
}

# One's own: the answer names the principal.
sub do_private {
    my ($self, $gateway, $p) = @_;

    my $keys = $self->{world}{principals};
    $p //= $keys->[ rand @$keys ];
    $self->get($gateway, 'private', $p->{sub}, '/v1/users',
        with_key($p->{key}), sub {
            my $j = $_[0]->json;
            return (undef, 'no JSON') unless ref $j eq 'HASH';
            return (undef, ($j->{sub} // '') eq $p->{sub} ? ''
                : 'mixed:' . ($j->{sub} // '-'));
        });
}

# Some that are not revoked yet, some that were lately.
sub revocable {
    my ($self, $kind) = @_;

    my $w = $self->{world};
    my $list = $w->{$kind};
    my $i = $w->{board}->get($w->slot("next_$kind")) + int(rand 8) - 4;
    $i = $i < 0 ? 0 : $i > $#$list ? $#$list : $i;
    return ($i, $list->[$i]);
}

sub do_key {
    my ($self, $gateway) = @_;

    $self->key($gateway, ($self->revocable('key'))[0]);
}

sub key {
    my ($self, $gateway, $i) = @_;

    return $self->bars($gateway, 'key', $i,
        with_key($self->{world}{key}[$i]));
}

sub do_jwt {
    my ($self, $gateway) = @_;

    my ($i, $token) = $self->revocable('jwt');
    $self->bars($gateway, 'jwt', $i, ["Authorization: Bearer $token"]);
}

sub do_tight {
    my ($self, $gateway) = @_;

    $self->tight($gateway, int rand @{ $self->{world}{tight} });
}

sub tight {
    my ($self, $gateway, $i) = @_;

    return $self->bars($gateway, 'tight', $i,
        with_key($self->{world}{tight}[$i]));
}

# Few places, and calls that take a while.
sub do_places {
    my ($self, $gateway) = @_;

    $self->get($gateway, 'places', '-', '/v1/quotes?symbol=SLOW',
        with_key($self->{world}{places}), about('SLOW'));
}

sub do_stream {
    my ($self, $gateway) = @_;

    my $s = 'LONG' . int rand 10;
    my $want = $self->{world}->long_body($s);
    $self->get($gateway, 'stream', $s, "/v1/quotes?symbol=$s",
        with_key($self->any_key), sub {
            return (undef, $_[0]->body eq $want ? '' : 'mixed');
        });
}

# Leaves at any moment, politely or not.
sub do_abort {
    my ($self, $gateway) = @_;

    my $w = $self->{world};
    my $c = eval { Test::Wizdata::client(port => $w->http_port($gateway)) }
        or return;
    my ($path, $key) = @{ (
        [ '/v1/quotes?symbol=SLOW', $w->{places} ],
        [ '/v1/quotes?symbol=LONG1', $self->any_key ],
        [ '/v1/bars?symbol=C' . int rand $w->{symbols}, $self->any_key ],
        [ '/v1/users', $self->any_key ]
    )[ rand 4 ] };
    my $bytes = "GET $path HTTP/1.1\r\nHost: localhost\r\nX-API-Key: $key"
        . "\r\n\r\n";
    $c->send(rand() < 0.2 ? substr $bytes, 0, rand length $bytes : $bytes);
    sleep rand 0.02;
    rand() < 0.5 ? $c->close : $c->reset;
}

sub do_stranger {
    my ($self, $gateway) = @_;

    my $list = $self->{world}{strangers};
    $self->get($gateway, 'stranger', '-', '/v1/bars?symbol=C1',
        with_key($list->[ rand @$list ]), sub { return (undef, 'let in') });
}

sub do_hostile {
    my ($self, $gateway) = @_;

    my $c = eval { Test::Wizdata::client(port =>
        $self->{world}->http_port($gateway)) } or return;
    my $from = time();
    $c->send($HOSTILE[ rand @HOSTILE ]);
    my $r = $c->response;
    $self->note($from, time(), $gateway, 'hostile', '-', $r->status, undef,
        undef, $r->short ? 'short' : '');
}

sub do_health {
    my ($self, $gateway) = @_;

    $self->get($gateway, 'health', '-', '/health', [], sub { return });
}


# ---- HTTP/2, by curl --------------------------------------------------------

# Several requests over one connection.
sub run_curl {
    my ($self) = @_;

    my $w = $self->{world};
    srand $w->{seed} * 1000 + $self->{n};
    while (!$w->over) {
        my $gateway = int rand 2;
        my $p = $w->{principals}[ rand @{ $w->{principals} } ];
        my @s = map { 'C' . int rand $w->{symbols} } 1 .. 6;
        for my $row ($self->curl($gateway, $p->{key}, @s)) {
            # A connection that a server closes may be replaced once.
            ($row) = $self->curl($gateway, $p->{key}, $row->[3])
                unless $row->[4] =~ /^[^\x1f]*\x1f\d*[1-9]/;
            $self->note_curl(@$row);
        }
        sleep 0.05;
    }
    $self->{out}->flush;
}

sub curl {
    my ($self, $gateway, $key, @symbols) = @_;

    my $base = 'https://127.0.0.1:' . $self->{world}->http2_port($gateway);
    my $from = time();
    open my $fh, '-|', 'curl', '-sk', '--http2', '--max-time', 15, '-H',
        "X-API-Key: $key", '-w', "\x1f%{http_code}\x1f%header{x-cache}"
            . "\x1f%{exitcode}\x1e",
        map { "$base/v1/bars?symbol=$_" } @symbols or die "curl: $!";
    my $all = do { local $/; <$fh> } // '';
    close $fh;
    my $to = time();
    my @answers = split /\x1e/, $all;
    return map { [ $from, $to, $gateway, $_, shift(@answers) // '' ] }
        @symbols;
}

sub note_curl {
    my ($self, $from, $to, $gateway, $symbol, $answer) = @_;

    my ($body, $status, $cache, $failed) = split /\x1f/, $answer // '';
    my $j = eval { $json->decode($body // '') };
    my ($version, $wrong) = (undef, '');

    $status = 0 + ($status || 0);
    if ($status && $failed) { # the head came, the rest did not
        $wrong = 'short';
    } elsif ($status == 200 && ref $j eq 'HASH') {
        $version = $j->{v};
        $wrong = "mixed:$j->{sym}" if $j->{sym} ne $symbol;
    } elsif ($status) {
        $wrong = 'no JSON' if ref $j ne 'HASH';
        $version = $j->{detail} =~ s/\s/_/gr if $j && $j->{detail};
    }
    $self->note($from, $to, $gateway, 'http2', $symbol, $status, $cache,
        $version, $wrong, $symbol);
}

1;
