#!/usr/bin/perl

# nginx -t finds what is wrong in a configuration, names its line, and says
# what to write instead; and takes every directive at its bounds.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
$t->{no_auth} = 1;

my $dir = $t->dir;

# nginx -t with one line in http, server or location: its status and output.
sub check {
    my ($where, $line) = @_;

    my %at = (http => '', server => '', location => '', main => '');
    $at{$where} = $line;
    my $base = '';
    $base = 'wizdata_service analytics unix:/tmp/none.sock;'
        unless $line =~ /wizdata_service\s+analytics/;

    my @lines = ($t->globals, 'events { }', $at{main}, 'http {',
        "client_body_temp_path $dir/b; proxy_temp_path $dir/p;",
        "fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u;",
        "scgi_temp_path $dir/s;", $base, $at{http}, 'server {',
        'listen 127.0.0.1:' . port(8080) . ';', $at{server},
        'location /v1/ {', $at{location} =~ /wizdata_api/ ? ''
        : 'wizdata_api on;', '}', 'location /x/ {', $at{location}, '}', '}',
        '}');
    my $text = join "\n", map { split /\n/, $_, -1 } @lines;
    $t->write_file('nginx.conf', "$text\n");

    my $n = 0;
    my @all = split /\n/, $text;
    for (@all) {
        $n++;
        last if length $line && $_ eq $line;
    }
    return ($t->test_config, $n);
}

# where, what is wrong, what the message says
my @bad = grep { ref } (
#BAD
    [ 'http', 'wizdata_service;', qr/number of arguments/ ],
    [ 'http', 'wizdata_service analytics;', qr/number of arguments/ ],
    [ 'http', 'wizdata_service nobody unix:/tmp/x;', qr/auth/ ],
    [ 'http', 'wizdata_service analytics nowhere;', qr/unix:.path|host:port/ ],
    [ 'http', 'wizdata_service analytics unix:;', qr/unix:.path/ ],
    [ 'http', 'wizdata_service analytics 127.0.0.1;', qr/host:port/ ],
    [ 'http', 'wizdata_service analytics 127.0.0.1:99999;', qr/host:port/ ],
    [ 'http', 'wizdata_service analytics unix:/a max_inflight=0;',
        qr/max_inflight/ ],
    [ 'http', 'wizdata_service analytics unix:/a max_inflight=x;',
        qr/max_inflight/ ],
    [ 'http', 'wizdata_service analytics unix:/a connect_timeout=0;',
        qr/connect_timeout/ ],
    [ 'http', 'wizdata_service analytics unix:/a connect_timeout=1y1;',
        qr/connect_timeout/ ],
    [ 'http', 'wizdata_service analytics unix:/a max_inflight=65536;',
        qr/from 1 to 65535/ ],
    [ 'http', 'wizdata_service analytics unix:/a reserve=51%;',
        qr/from 1% to 50%/ ],
    [ 'http', 'wizdata_service analytics unix:/a reserve=20;',
        qr/from 1% to 50%/ ],
    [ 'http', 'wizdata_service analytics unix:/a queue=-1;',
        qr/from 0 to 65535/ ],
    [ 'http', 'wizdata_service analytics unix:/a queue_timeout=0;',
        qr/from 1ms to 60s/ ],
    [ 'http', 'wizdata_service analytics unix:/a queue_timeout=61s;',
        qr/from 1ms to 60s/ ],
    [ 'http', 'wizdata_service analytics unix:/a shed_target=11s;',
        qr/from 1ms to 10s/ ],
    [ 'http', 'wizdata_service analytics unix:/a shed_interval=1ms;',
        qr/from 10ms to 60s/ ],
    [ 'http', 'wizdata_service analytics unix:/a retry_budget=101%;',
        qr/from 1% to 100%/ ],
    [ 'http', 'wizdata_service analytics unix:/a breaker=half;',
        qr/from 1% to 100%/ ],
    [ 'http', 'wizdata_service analytics unix:/a breaker_volume=0;',
        qr/from 1 to 1000000/ ],
    [ 'http', 'wizdata_service analytics unix:/a breaker_window=1ms;',
        qr/from 1s to 10m/ ],
    [ 'http', 'wizdata_service analytics unix:/a breaker_open=10ms;',
        qr/from 100ms to 10m/ ],
    [ 'http', 'wizdata_service analytics unix:/a breaker_open_max=2h;',
        qr/from 100ms to 1h/ ],
    [ 'http', 'wizdata_service analytics unix:/a breaker_latency=x;',
        qr/from 1ms to 10m/ ],
    [ 'http', 'wizdata_service analytics unix:/a outlier=1;',
        qr/from 2 to 100/ ],
    [ 'http', 'wizdata_service analytics unix:/a slow_start=1d;',
        qr/from 1ms to 10m/ ],
    [ 'http', 'wizdata_service analytics unix:/a health_interval=10ms;',
        qr/from 100ms to 1h/ ],
    [ 'http', 'wizdata_service analytics unix:/a health_timeout=off;',
        qr/from 10ms to 60s/ ],
    [ 'http', 'wizdata_service analytics unix:/a throttle=yes;',
        qr/give throttle=on or off/ ],
    [ 'http', 'wizdata_service analytics unix:/a max_inflght=4;',
        qr/options are max_inflight=, / ],
    [ 'http', 'wizdata_service analytics max_inflight=5;', qr/endpoint/ ],
    [ 'http', 'wizdata_service analytics'
        . join('', map { " unix:/$_" } 1 .. 33) . ';', qr/at most 32/ ],
    [ 'http', 'wizdata_service analytics unix:/' . 'e' x 128 . ';',
        qr/unix:.path|127 bytes/ ],
    [ 'http', 'wizdata_zone;', qr/number of arguments/ ],
    [ 'http', 'wizdata_zone 1k;', qr/from 256k to 64g, such as 4m/ ],
    [ 'http', 'wizdata_zone 65g;', qr/from 256k to 64g/ ],
    [ 'http', 'wizdata_zone -1;', qr/from 256k/ ],
    [ 'http', 'wizdata_zone four;', qr/from 256k/ ],
    [ 'http', 'wizdata_verdict_ttl 2d;', qr/from 0 to 1d, such as 60s/ ],
    [ 'http', 'wizdata_verdict_ttl x;', qr/from 0 to 1d/ ],
    [ 'http', 'wizdata_negative_ttl 1w;', qr/from 0 to 1d/ ],
    [ 'http', 'wizdata_negative_ttl -2s;', qr/from 0 to 1d/ ],
    [ 'http', 'wizdata_jwt_revocation on;', qr/write auth or off/ ],
    [ 'http', 'wizdata_jwt_revocation;', qr/number of arguments/ ],
    [ 'http', 'wizdata_identity_headers Host;', qr/such as X-User/ ],
    [ 'http', 'wizdata_identity_headers X-Us:er;', qr/such as X-User/ ],
    [ 'http', 'wizdata_identity_headers Authorization;', qr/such as X-User/ ],
    [ 'server', 'wizdata_identity_headers X-User;', qr/not allowed here/ ],
    [ 'http', 'wizdata_method bars.query;', qr/number of arguments/ ],
    [ 'http', 'wizdata_method bars cost=1;', qr/such as bars\.query/ ],
    [ 'http', 'wizdata_method auth.verify cost=1;', qr/such as bars\.query/ ],
    [ 'http', 'wizdata_method bars.query cost=-1;', qr/such as cost=5/ ],
    [ 'http', 'wizdata_method bars.query cost=1000001;', qr/such as cost=5/ ],
    [ 'http', 'wizdata_method bars.query timeout=0;', qr/timeout=10s/ ],
    [ 'http', 'wizdata_method bars.query price=5;',
        qr/write permission=, cost= or timeout=/ ],
    [ 'location', 'wizdata_method bars.query permission=bars;',
        qr/permission=public/ ],
    [ 'location', 'wizdata_method bars.query permission=*;',
        qr/permission=public/ ],
    [ 'location', 'wizdata_method bars.query timeout=5s;', qr/at http level/ ],
    [ 'http', 'wizdata_queue 65537;', qr/from 0 to 65536, such as 512/ ],
    [ 'http', 'wizdata_queue many;', qr/from 0 to 65536/ ],
    [ 'http', 'wizdata_timeout bars.query;', qr/number of arguments/ ],
    [ 'http', 'wizdata_timeout bars 1s;', qr/unknown method "bars"/ ],
    [ 'http', 'wizdata_timeout bars.query 0;', qr/from 1ms/ ],
    [ 'http', 'wizdata_timeout bars.query x;', qr/from 1ms/ ],
    [ 'server', 'wizdata_zone 4m;', qr/not allowed here/ ],
    [ 'server', 'wizdata_api on;', qr/not allowed here/ ],
    [ 'location', 'wizdata_api yes;', qr/must be "on" or "off"/ ],
    [ 'location', 'wizdata_body_max 65k;', qr/from 1 to 64k, such as 16k/ ],
    [ 'location', 'wizdata_body_max 0;', qr/from 1 to 64k/ ],
    [ 'server', 'wizdata_errors maybe;', qr/must be "on" or "off"/ ],
    [ 'location', 'wizdata_access;', qr/number of arguments/ ],
    [ 'location', 'wizdata_access bars;', qr/resource:action/ ],
    [ 'location', 'wizdata_access bars:*;', qr/resource:action/ ],
    [ 'location', 'wizdata_access Bars:Read!;', qr/resource:action/ ],
    [ 'location', 'wizdata_access on;', qr/off, key, or resource:action/ ],
    [ 'location', 'wizdata_health public;', qr/number of arguments/ ],
    [ 'location', 'wizdata_health_detailed private;', qr/"public"/ ],
    [ 'location', 'wizdata_status_services all;', qr/"public"/ ],
    [ 'location', 'wizdata_status_config all;', qr/"public"/ ],
    [ 'location', 'wizdata_metrics 1;', qr/number of arguments/ ],
    [ 'http', 'wizdata_cache_zone;', qr/number of arguments/ ],
    [ 'http', 'wizdata_cache_zone 1m;', qr/off, or a size from 1100k/ ],
    [ 'http', 'wizdata_cache_zone on;', qr/off, or a size from 1100k/ ],
    [ 'http', 'wizdata_cache_zone 65g;', qr/to 64g, such as 64m/ ],
    [ 'server', 'wizdata_cache_zone 64m;', qr/not allowed here/ ],
    [ 'http', 'wizdata_cache on;', qr/write wizdata_cache_zone 64m/ ],
    [ 'server', 'wizdata_cache on;', qr/write wizdata_cache_zone 64m/ ],
    [ 'location', 'wizdata_cache on;', qr/write wizdata_cache_zone 64m/ ],
    [ 'location', 'wizdata_cache maybe;', qr/must be "on" or "off"/ ],
    [ 'http', 'wizdata_cache_redis on;', qr/write wizdata_redis/ ],
    [ 'http', 'wizdata_cache_redis yes;', qr/must be "on" or "off"/ ],
    [ 'http', 'wizdata_cache_max_body 17m;', qr/from 1k to 16m/ ],
    [ 'http', 'wizdata_cache_max_body 0;', qr/from 1k to 16m, such as 256k/ ],
    [ 'http', 'wizdata_cache_ttl bars.query;', qr/number of arguments/ ],
    [ 'http', 'wizdata_cache_ttl bars 1s;', qr/such as bars.query/ ],
    [ 'http', 'wizdata_cache_ttl keys.create 1s;', qr/such as bars.query/ ],
    [ 'http', 'wizdata_cache_ttl bars.query 31d;', qr/from 0 to 30d/ ],
    [ 'http', 'wizdata_cache_ttl bars.query x;', qr/from 0 to 30d/ ],
    [ 'http', 'wizdata_cache_ttl bars.query 1s; wizdata_cache_ttl bars.query '
        . '2s;', qr/duplicate for this method/ ],
    [ 'server', 'wizdata_cache_stale_while_revalidate 2d;',
        qr/from 0 to 1d, such as 10s/ ],
    [ 'http', 'wizdata_cache_stale_if_error no;', qr/from 0 to 1d/ ],
    [ 'location', 'wizdata_cache_lock_timeout 61s;',
        qr/from 0 to 1m, such as 5s/ ],
    [ 'server', 'wizdata_cache_client 25h;', qr/from 0 to 1d, such as 10s/ ],
    [ 'http', 'wizdata_cache_client on;', qr/from 0 to 1d/ ],
    [ 'location', 'wizdata_cache_client 1s; wizdata_cache_client 1s;',
        qr/duplicate/ ],
    [ 'location', 'wizdata_status_cache all;', qr/"public"/ ],
    [ 'http', 'wizdata_health;', qr/not allowed here/ ],
    [ 'http', 'wizdata_environment;', qr/number of arguments/ ],
    [ 'main', 'wizdata_zone 4m;', qr/not allowed here/ ],
    (map { [ 'http', "wizdata_trace_ratio $_;",
        qr/from 0 to 1, such as 0.01/ ] }
        qw/ -0.1 1.1 x 1% nan inf 0x1 1e9 /),
    [ 'http', 'wizdata_trace_ratio;', qr/number of arguments/ ],
    [ 'http', 'wizdata_trace_parent maybe;', qr/trust, ignore or ratio/ ],
    [ 'http', 'wizdata_trace_parent TRUST;', qr/trust, ignore or ratio/ ],
    [ 'http', 'wizdata_trace_enduser 1;', qr/on or off/ ],
    [ 'http', 'wizdata_trace_response 1;', qr/must be "on" or "off"/ ],
    [ 'http', 'wizdata_trace_export nobody;', qr/ingestion, .*or off/ ],
    [ 'http', 'wizdata_trace_export ingestion;',
        qr/no endpoint; add "wizdata_service ingestion/ ],
    [ 'http', 'wizdata_trace_export analytics interval=9ms;',
        qr/10ms to 60s, such as interval=1s/ ],
    [ 'http', 'wizdata_trace_export analytics interval=2m;', qr/10ms to 60s/ ],
    [ 'http', 'wizdata_trace_export analytics interval=;', qr/10ms to 60s/ ],
    [ 'http', 'wizdata_trace_export analytics buffer=1k;', qr/16k to 16m/ ],
    [ 'http', 'wizdata_trace_export analytics buffer=17m;', qr/16k to 16m/ ],
    [ 'http', 'wizdata_trace_export analytics buffer=x;', qr/16k to 16m/ ],
    [ 'http', 'wizdata_trace_export analytics often;',
        qr/interval=time and buffer=size/ ],
    [ 'server', 'wizdata_trace_ratio 0.5;', qr/not allowed here/ ],
    [ 'http', 'wizdata_nothing 1;', qr/unknown directive/ ],
);

my @good = (
#GOOD
    [ 'http', 'wizdata_zone 256k;' ],
    [ 'http', 'wizdata_zone 1g;' ],
    [ 'http', 'wizdata_verdict_ttl 0;' ],
    [ 'http', 'wizdata_verdict_ttl 1d;' ],
    [ 'http', 'wizdata_queue 0;' ],
    [ 'http', 'wizdata_queue 65536;' ],
    [ 'http', 'wizdata_timeout bars.query 1ms;' ],
    [ 'http', 'wizdata_service analytics unix:/tmp/a 127.0.0.1:99 [::1]:98'
        . ' max_inflight=1 connect_timeout=10ms;' ],
    [ 'http', 'wizdata_service analytics unix:/a max_inflight=65535 reserve=off'
        . ' queue=off queue_timeout=1ms shed_target=1ms shed_interval=10ms'
        . ' retry_budget=off breaker=off breaker_volume=1 breaker_window=1s'
        . ' breaker_open=100ms breaker_open_max=1h breaker_latency=off'
        . ' outlier=off slow_start=off health_interval=off'
        . ' health_timeout=10ms;' ],
    [ 'http', 'wizdata_service analytics unix:/a reserve=50% queue=65535'
        . ' queue_timeout=60s shed_target=10s shed_interval=60s'
        . ' retry_budget=100% breaker=100% breaker_volume=1000000'
        . ' breaker_window=10m breaker_open=10m breaker_latency=10m throttle=on'
        . ' outlier=100 slow_start=10m health_interval=1h'
        . ' health_timeout=60s;' ],
    [ 'http', 'wizdata_trace_ratio 0;' ],
    [ 'http', 'wizdata_trace_ratio 1;' ],
    [ 'http', 'wizdata_trace_ratio 0.000001;' ],
    [ 'http', 'wizdata_trace_parent ignore;' ],
    [ 'http', 'wizdata_trace_export off;' ],
    [ 'http', 'wizdata_trace_export analytics interval=10ms buffer=16k;' ],
    [ 'http', 'wizdata_trace_export analytics interval=60s buffer=16m;' ],
    [ 'http', 'wizdata_trace_enduser on;' ],
    [ 'location', 'wizdata_trace_response on;' ],
    [ 'location', 'wizdata_body_max 1;' ],
    [ 'location', 'wizdata_body_max 64k;' ],
    [ 'location', 'wizdata_access off;' ],
    [ 'location', 'wizdata_access key;' ],
    [ 'location', 'wizdata_access bars:read;' ],
    [ 'location', 'wizdata_health_detailed public;' ],
    [ 'http', 'wizdata_cache_zone off;' ],
    [ 'http', 'wizdata_cache_zone 0;' ],
    [ 'http', 'wizdata_cache_zone 1100k;' ],
    [ 'http', 'wizdata_cache_zone 64m;' ],
    [ 'http', 'wizdata_cache_max_body 1k;' ],
    [ 'http', 'wizdata_cache_max_body 16m;' ],
    [ 'http', 'wizdata_cache_zone 64m; wizdata_cache on;'
        . ' wizdata_cache_max_body 6400k;' ],
    [ 'http', 'wizdata_cache off;' ],
    [ 'http', 'wizdata_cache_stale_if_error 0;' ],
    [ 'http', 'wizdata_cache_stale_while_revalidate 1d;' ],
    [ 'http', 'wizdata_cache_lock_timeout 0;' ],
    [ 'http', 'wizdata_cache_client 0;' ],
    [ 'location', 'wizdata_cache_client 1d;' ],
    [ 'location', 'wizdata_status_cache public;' ],
);

my ($rc, $out) = check('http', '');
is($rc, 0, 'the frame is good') or diag($out);

for my $case (@bad) {
    my ($where, $line, $re) = @$case;
    my ($status, $said, $n) = check($where, $line);
    my $ok = $status != 0 && $said =~ /\[emerg\].*$re/
        && $said =~ m{\Q$dir\E/nginx\.conf:$n\b};
    ok($ok, "$where: $line") or diag("line $n: $said");
}

# Twice is once too often.
for my $line (map { $_->[1] } grep { $_->[0] eq 'http'
        && $_->[1] !~ /wizdata_(timeout|service)/ } @good)
{
    my ($name) = $line =~ /^(\w+)/;
    my ($status, $said, $n) = check('http', "$line\n$line");
    ok($status != 0 && $said =~ /"$name" directive is duplicate/,
        "twice: $line") or diag($said);
}

for my $case (@good) {
    my ($status, $said) = check(@$case);
    is($status, 0, "good: $case->[1]") or diag($said);
}

unlink "$dir/error.log"; # it has what was provoked
