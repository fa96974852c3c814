#!/usr/bin/perl

# Ten thousand requests wait for a backend that hangs, and all clients leave at
# once: everything that was held for them is free again, and a second time
# takes no more memory than the first.

use warnings;
use strict;

use Test::Wizdata;

use constant { CLIENTS => 10_000, SLACK => 4_000 };

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
system("prlimit --pid $$ --nofile=20000:20000 2>/dev/null") == 0
    or $t->{skipped} = 1, plan(skip_all => 'too few descriptors');

# Three, because a worker has at most 4096 calls on a connection.
my @endpoints = qw/ analytics analytics.b analytics.c /;
for my $name (@endpoints) {
    $t->backend($name, sub { $_[0]{args}{symbol}[0] eq 'A' ? '{}'
        : hold('held') });
}
$t->service('analytics', 'max_inflight=20000 reserve=off'
    . ' health_interval=off');
$t->auth;
$t->write_file_expand('nginx.conf', <<'EOT');
%%TEST_GLOBALS%%
worker_rlimit_nofile 20000;
events { worker_connections 15000; multi_accept on; }
http {
    %%TEST_GLOBALS_HTTP%%
    access_log off;
    wizdata_zone 4m;
    %%SERVICES%%
    wizdata_timeout quotes.query 60s;
    wizdata_plan default rate=100000/s burst=100000 concurrency=20000;
    server {
        listen 127.0.0.1:%%PORT_8080%% backlog=4096;
        wizdata_errors on;
        location /v1/ { wizdata_api on; wizdata_limit on; }
        location = /metrics { wizdata_metrics; }
    }
}
EOT
$t->run();

sub gauges {
    my $text = get('/metrics', key => undef)->body;
    my %g;
    for my $name (qw/ wizdata_rpc_in_flight wizdata_limit_concurrent
        wizdata_service_in_flight wizdata_endpoint_in_flight
        http_requests_active /)
    {
        $g{$name} = 0;
        $g{$name} += $1 while $text =~ /^$name(?:\{[^}]*\})? (\d+)/mg;
    }
    return %g;
}

# Kilobytes that are no other process's.
sub memory {
    my $sum = 0;
    for my $pid ($t->workers) {
        open my $fh, '<', "/proc/$pid/smaps_rollup" or next;
        my $text = do { local $/; <$fh> };
        $sum += $1 while $text =~ /^Private_(?:Dirty|Clean): +(\d+)/mg;
    }
    return $sum;
}

# Opens, asks, waits until all hang, leaves.
sub round {
    my ($name) = @_;

    my $request = Test::Wizdata::build('GET', '/v1/quotes?symbol=HANG',
        keepalive => 1);
    my @c = map { my $c = client(); $c->send($request); $c } 1 .. CLIENTS;
    my %g;
    my $all = $t->poll(sub { %g = gauges();
        $g{wizdata_rpc_in_flight} == CLIENTS }, 60);
    ok($all, "$name: all wait") or diag(join ' ', %g);
    is($g{wizdata_limit_concurrent}, CLIENTS, "$name: each holds a place");
    is(get('/v1/bars?symbol=A')->status, 200, "$name: others are served");
    $_->close for @c;
    my $left;
    $t->poll(sub {
        %g = gauges();
        $g{http_requests_active}--;    # the one that asks
        $left = join ' ', map { $g{$_} ? "$_=$g{$_}" : () } sort keys %g;
        return $left eq '';
    }, 30);
    is($left, '', "$name: nothing is held");
}

round('first');
my $first = memory();
round('second');
my $second = memory();
SKIP: {
    skip('a sanitizer keeps what was freed', 1) if $ENV{WIZDATA_ASAN_PRELOAD};
    cmp_ok($second, '<=', $first + SLACK,
        "memory: $first kB, then $second kB");
}
# A probe that was given up on a busy machine is none of those who left.
sub cancels {
    my @cancels;
    for my $name (@endpoints) {
        my %asked = map { ("$_->{c} $_->{id}" => 1) }
            $t->backend_requests($name, 'quotes.query');
        push @cancels, grep { $asked{"$_->{c} $_->{id}"} }
            $t->backend_events($name, 'cancel');
    }
    return @cancels;
}
$t->poll(sub { cancels() >= 2 * CLIENTS });
is(scalar(my @all = cancels()), 2 * CLIENTS, 'the backends are told of each');
