#!/usr/bin/perl

# Spans: what is recorded of a request and of its calls, who is whose parent,
# and that a batch leaves without anybody waiting for it.

use warnings;
use strict;

use Time::HiRes qw/ time /;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $big = 600_000;
my %seen;

$t->backend('analytics', sub {
    my ($req) = @_;

    my ($s) = map { ref ? @$_ : $_ } $req->{args}{symbol} // '';
    return error_reply(-5, 'no such instrument') if $s eq 'NONE';
    return error_reply(-12, 'oh') if $s eq 'BROKEN';
    return ignore() if $s eq 'SLOW';
    return hold('{}') if $s eq 'HELD';
    return hangup() if $s eq 'DIES' && !$seen{ $req->{ctx}{id} }++;
    return stream($big) if $s eq 'BIG';
    return '{}';
});
$t->auth(sub { '{}' });
$t->config(http => <<'EOC');
    wizdata_trace_ratio 1;
    wizdata_trace_export analytics interval=20ms;
    wizdata_timeout bars.query 2s;
EOC
$t->run();

my $plain = $t->add_key(perm => ['*'], plan => 'gold', sub => 'user:secretive');
my $c = client();

# All spans that arrived so far.
sub spans {
    my @spans;
    for my $n (grep { $_->{method} eq 'trace.spans' }
        $t->backend_events('analytics', 'notify'))
    {
        my ($list, $instance) = @{ $n->{params} };
        like($instance, qr/^.+:\d+$/, 'the instance') if !$seen{instance}++;
        push @spans, map { {
            trace => $_->[0], id => $_->[1], parent => $_->[2],
            kind => $_->[3], name => $_->[4], start => $_->[5],
            end => $_->[6], status => $_->[7], attr => $_->[8],
            state => $_->[9], n => scalar @$_
        } } @$list;
    }
    return @spans;
}

# The spans of a trace, once the request's own is there: it, and its calls.
sub trace {
    my ($id) = @_;

    my @of;
    $t->poll(sub {
        @of = grep { $_->{trace} eq $id } spans();
        return grep { $_->{kind} == 2 } @of;
    });
    my ($server) = grep { $_->{kind} == 2 } @of;
    return ($server, sort { $a->{start} <=> $b->{start} }
        grep { $_->{kind} == 3 } @of);
}

# Asks, and gives the trace: without an own traceparent its id is that of the
# request.
sub ask {
    my ($path, %o) = @_;

    my $r = $c->get($path, %o);
    $c = client();
    return ($r, trace($r->header('x-request-id')));
}

# ---- a request and its calls ----

my $before = time() * 1e9;
my ($r, $server, @calls) = ask('/v1/bars?symbol=IBM', key => $plain);
my $after = time() * 1e9;

is($r->status, 200, 'answered');
ok($server, 'the span of the request');
is($server->{n}, 10, 'has ten members');
is($server->{name}, 'GET /v1/bars', 'its name');
is($server->{parent}, undef, 'without a parent');
is($server->{status}, 0, 'no error');
like($server->{id}, qr/^[0-9a-f]{16}$/, 'its id');
ok($server->{start} >= $before - 2e6 && $server->{end} <= $after + 2e6
    && $server->{start} < $server->{end}, 'its times');

my $at = $server->{attr};
is($at->{'http.request.method'}, 'GET', 'method');
is($at->{'http.route'}, '/v1/bars', 'route');
is($at->{'url.path'}, '/v1/bars', 'path, without the query');
is($at->{'url.scheme'}, 'http', 'scheme');
is($at->{'server.address'}, 'localhost', 'host');
is($at->{'network.protocol.version'}, '1.1', 'protocol');
is($at->{'http.response.status_code'}, 200, 'status');
is($at->{'wizdata.method'}, 'bars.query', 'RPC method');
is($at->{'wizdata.plan'}, 'gold', 'plan');
is($at->{'wizdata.request_id'}, $r->header('x-request-id'), 'request id');
ok(!exists $at->{'error.type'}, 'no error type');
unlike(join(' ', %$at), qr/secretive/, 'not who asked');

is(scalar @calls, 2, 'two calls');
is($calls[0]{name}, 'auth/auth.verify', 'the first asks about the key');
is($calls[1]{name}, 'analytics/bars.query', 'the second for the data');
for my $call (@calls) {
    is($call->{parent}, $server->{id}, 'child of the request');
    isnt($call->{id}, $server->{id}, 'with an id of its own');
    ok($call->{start} >= $server->{start} && $call->{end} <= $server->{end}
        && $call->{start} <= $call->{end}, 'within its time');
    is($call->{attr}{'rpc.system'}, 'messagepack', 'rpc.system');
    is($call->{attr}{'network.transport'}, 'unix', 'transport');
    ok(!exists $call->{attr}{'error.type'}, 'no error');
}
ok($calls[0]{end} <= $calls[1]{start}, 'one after the other');
is($calls[1]{attr}{'rpc.service'}, 'analytics', 'rpc.service');
is($calls[1]{attr}{'rpc.method'}, 'bars.query', 'rpc.method');
is($calls[1]{attr}{'server.address'}, $t->dir . '/analytics.sock', 'address');

my $req = ($t->backend_requests('analytics'))[-1];
is($req->{ctx}{tp}, "00-$server->{trace}-$calls[1]{id}-01",
    'the backend gets the span of the call');
is($req->{ctx}{ts}, "wizdata=$server->{id}", 'and ours in tracestate');

# The key is known now: no call to auth.
($r, $server, @calls) = ask('/v1/bars?symbol=IBM', key => $plain);
is(join(' ', map { $_->{name} } @calls), 'analytics/bars.query',
    'a known key is not asked for');

# ---- what comes in ----

my ($trace, $span) = ('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331');
$c->get('/v1/bars?symbol=IBM', headers => [ "traceparent: 00-$trace-$span-01",
    'tracestate: foo=1', 'tracestate: wizdata=0000000000000001,bar=2' ]);
($server, @calls) = trace($trace);
is($server->{parent}, $span, "the client's span is the parent");
is(($t->backend_requests('analytics'))[-1]{ctx}{ts},
    "wizdata=$server->{id},foo=1,bar=2", 'tracestate goes on');
is($server->{state}, "wizdata=$server->{id},foo=1,bar=2", 'and to the span');

# Not sampled by the client: nothing is recorded.
$trace =~ s/^0a/0b/;
$c->get('/v1/bars?symbol=IBM', headers => [ "traceparent: 00-$trace-$span-00",
    'tracestate: foo=1' ]);
$req = ($t->backend_requests('analytics'))[-1];
like($req->{ctx}{tp}, qr/^00-$trace-[0-9a-f]{16}-00$/, 'flags 00 go on');
like($req->{ctx}{ts}, qr/^wizdata=[0-9a-f]{16},foo=1$/, 'tracestate, too');
ask('/v1/bars?symbol=IBM'); # behind it
is(scalar(grep { $_->{trace} eq $trace } spans()), 0, 'not recorded');

# ---- failures ----

($r, $server, @calls) = ask('/v1/bars?symbol=NONE');
is($r->status, 404, 'the backend refuses');
is($server->{status}, 0, 'for a server that is no error');
is($calls[-1]{status}, 2, 'for the call it is');
is($calls[-1]{attr}{'error.type'}, 'not-found', 'of that type');
is($calls[-1]{attr}{'wizdata.rpc.code'}, -5, 'and code');
is($r->json->{trace_id}, $server->{trace}, 'the problem has the trace id');

($r, $server, @calls) = ask('/v1/bars?symbol=BROKEN');
is($r->status, 500, 'the backend fails');
is($server->{status}, 2, 'an error');
is($server->{attr}{'error.type'}, 'internal', 'of that type');
is($server->{attr}{'http.response.status_code'}, 500, 'with that status');

($r, $server, @calls) = ask('/v1/bars?symbol=SLOW');
is($r->status, 504, 'too late');
is($server->{attr}{'error.type'}, 'timeout', 'a timeout');
# In a second of waiting auth may be asked once more.
@calls = grep { $_->{name} =~ /^analytics/ } @calls;
is($calls[-1]{attr}{'error.type'}, 'timeout', 'of the call');
cmp_ok($calls[-1]{end} - $calls[-1]{start}, '>=', 1950e6, 'that long');

($r, $server, @calls) = ask('/v1/bars?symbol=DIES');
is($r->status, 200, 'asked again');
is(scalar @calls, 2, 'each attempt is a span');
is($calls[0]{status}, 2, 'the first failed');
is($calls[0]{attr}{'error.type'}, 'bad-gateway', 'with its connection');
ok(!exists $calls[0]{attr}{'wizdata.rpc.resend_count'}, 'it is the first');
is($calls[1]{status}, 0, 'the second did not');
is($calls[1]{attr}{'wizdata.rpc.resend_count'}, 1, 'it is the second');
isnt($calls[0]{id}, $calls[1]{id}, 'their ids differ');
ok($calls[0]{end} <= $calls[1]{start}, 'one after the other');

($r, $server, @calls) = ask('/v1/bars?symbol=IBM', key => undef);
is($r->status, 401, 'no key');
is($server->{attr}{'http.response.status_code'}, 401, 'recorded');
is(scalar @calls, 0, 'nobody was called');

($r, $server, @calls) = ask('/v1/nowhere/%FF%00x');
is($server->{name}, 'GET', 'no route');
ok(!exists $server->{attr}{'http.route'}, 'no template');

($r, $server) = ask('/v1/nowhere/' . $t->key);
is($server->{attr}{'url.path'}, '/v1/nowhere/wd_live_***', 'no key in a path');

# A client that leaves.
my $gone = client();
my $id = 'gone-' . time();
$gone->send_request('GET', '/v1/bars?symbol=HELD',
    headers => [ "X-Request-Id: $id" ]);
$t->wait_for('the call is made', sub {
    grep { $_->{ctx}{id} eq $id } $t->backend_requests('analytics') });
$gone->reset;
my ($call) = grep { $_->{ctx}{id} eq $id } $t->backend_requests('analytics');
($server, @calls) = trace((split /-/, $call->{ctx}{tp})[1]);
is($server->{attr}{'http.response.status_code'}, 499, 'the client left');
is($calls[-1]{attr}{'error.type'}, 'canceled', 'and its call with it');

# ---- long bodies, HEAD, pipelining ----

($r, $server, @calls) = ask('/v1/bars?symbol=BIG');
is(length $r->body, $big, 'a long body');
is($calls[-1]{status}, 0, 'its call ended well');

$c->send(join '', map { Test::Wizdata::build('GET', '/v1/bars?symbol=IBM',
    keepalive => 1) } 1 .. 20);
my @ids = map { $c->response->header('x-request-id') } 1 .. 20;
$t->wait_for('pipelined: a span each', sub {
    my %have = map { $_->{trace} => 1 } grep { $_->{kind} == 2 } spans();
    return @ids == grep { $have{$_} } @ids;
});

# Every span once, every call's parent is there.
my (%ids, @twice, @orphans);
my @all = spans();
$ids{ $_->{id} }++ for @all;
@twice = grep { $ids{$_} > 1 } keys %ids;
@orphans = grep { $_->{kind} == 3 && !$ids{ $_->{parent} } } @all;
is("@twice", '', 'no span twice');
is(scalar @orphans, 0, 'no orphans');
is(scalar(grep { length($_->{name}) == 0 || $_->{end} < $_->{start} } @all), 0,
    'all have names and times');

# ---- at the end of a worker nothing is lost ----

sub last_span {
    my ($end) = @_;

    my $last = join '-', 'last', time(), $t->workers;
    $c->get('/v1/bars?symbol=IBM', headers => [ "X-Request-Id: $last" ]);
    $c->close;
    $end->();
    return sub {
        grep { ($_->{attr}{'wizdata.request_id'} // '') eq $last } spans() };
}

my $last = last_span(sub { kill 'TERM', $t->workers });
$t->wait_for('the last span of one that ends at once came', $last);
$c = client();
$t->wait_for('another worker', sub {
    $c->get('/v1/bars?symbol=IBM', keepalive => 1)->status == 200 });
$last = last_span(sub { $t->stop });
$t->wait_for('the last span came', $last);
