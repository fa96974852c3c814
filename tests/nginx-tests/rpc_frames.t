#!/usr/bin/perl

# Replies however they are cut, joined, ordered or decorated within the
# protocol: each request gets its own answer.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# Unusual replies, asked for by symbol.
my %special = (
    NIL => sub { reply(undef) },
    EMPTY => sub { reply('') },
    STR => sub { raw(sub { mp_encode([ 1, $_[0]{msgid}, undef,
        [ 200, {}, 'text as str' ] ]) }) },
    FULL => sub { reply('f' x 65_536) },
    CREATED => sub { reply('{"id":1}', status => 201) },
    ACCEPTED => sub { reply('{}', status => 202) },
    NOCONTENT => sub { reply(undef, status => 204) },
    META => sub { reply('m', meta => { unknown => [ 1, { a => [ [] ] } ],
        zero => undef, ext => mp_ext(1, 'x' x 20), bin => mp_bin("\0"),
        num => 1.5, big => 18446744073709551615, ttl => 60,
        tags => [ 'a', 'b' ], next => 'abc', type => 'text/plain' }) },
    WIDE => sub { raw(sub { "\xdd\0\0\0\4\xd3\0\0\0\0\0\0\0\1\xcf"
        . pack('Q>', $_[0]{msgid}) . "\xc0\xdc\0\3\xcd\0\xc8\xdf\0\0\0\0"
        . "\xc6\0\0\0\4wide" }) },
    NOTES => sub { (raw(frame_notify('some.thing', [ 1, { a => [] } ])
        . frame_notify('other', [])), 'noted',
        raw(frame_notify('cache.purge', [ [ 'a', 'b' ] ]))) },
    TWICE => sub { my $r = reply('once', force => 1); ($r, $r) },
    STRANGER => sub { (raw(frame_response(4_000_000_000, 200, {}, 'lost')
        . frame_notify('rpc.chunk', [ 4_000_000_001, mp_bin('x'), mp_true ])
        . frame_notify('rpc.abort', [ 4_000_000_002, [ -1, 'x' ] ])),
        'mine') },
);

$t->backend('analytics', sub {
    my ($req) = @_;

    my $symbol = $req->{args}{symbol}[0];
    return $special{$symbol}->() if $special{$symbol};
    return split_writes(reply({ s => $symbol }), $1) if $symbol =~ /^SPLIT(\d+)/;
    return hold(reply({ s => $symbol })) if $symbol =~ /^HOLD/;
    return reply({ s => $symbol });
});
$t->run();

sub path { return "/v1/bars?symbol=$_[0]" }

# ---- cut ----

my $r = get(path('SPLIT1'));
is($r->body, '{"s":"SPLIT1"}', 'a reply split at every byte');
is($t->backend_calls('analytics'), 1, 'asked once');
is(get(path("SPLIT$_"))->body, "{\"s\":\"SPLIT$_\"}", "split at every $_ bytes")
    for 2, 3, 7, 20;

# ---- joined, and in another order ----

for my $order ([ 'in order', undef ], [ 'newest first', -1000 ]) {
    my @c = map { client() } 1 .. 50;
    $c[$_]->send_request('GET', path("HOLD$_")) for 0 .. 49;
    $t->poll(sub { $t->backend_ctl('analytics', 'held') == 50 });
    is($t->backend_ctl('analytics', 'release', $order->[1]), 50,
        "fifty replies in one write, $order->[0]");
    is(join(' ', grep { $c[$_]->response->body ne "{\"s\":\"HOLD$_\"}" }
        0 .. 49), '', 'each went to the request it belongs to');
}

my @c = map { client() } 1 .. 10;
$c[$_]->send_request('GET', path("HOLD$_")) for 0 .. 9;
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 10 });
$t->backend_ctl('analytics', 'release', -1) for 1 .. 10;
is(join(' ', grep { $c[$_]->response->body ne "{\"s\":\"HOLD$_\"}" } 0 .. 9),
    '', 'released one by one');

# ---- decorated ----

$r = get(path('NIL'));
is($r->status . $r->body, '200', 'no body');
$r = get(path('EMPTY'));
is($r->status . $r->body, '200', 'an empty body');
is(get(path('STR'))->body, 'text as str', 'a body as str');
is(length get(path('FULL'))->body, 65_536, 'the longest body in one frame');
is(get(path('CREATED'))->status, 201, 'status 201');
is(get(path('ACCEPTED'))->status, 202, 'status 202');
my $c = client();
$r = $c->get(path('NOCONTENT'));
is($r->status, 204, 'status 204');
is($c->get(path('A'))->body, '{"s":"A"}', 'leaves the connection in step');
is(get(path('META'))->body, 'm', 'meta that nobody knows is skipped');
is(get(path('WIDE'))->body, 'wide', 'the widest integers and lengths');
is(get(path('NOTES'))->body, 'noted', 'notifications that nobody knows');

# ---- not in the protocol: ignored or refused, but no harm to others ----

is(get(path('TWICE'))->body, 'once', 'a reply that comes twice');
$t->wait_for('is no answer to anybody else',
    sub { get(path('B'))->body eq '{"s":"B"}' });

my $other = client();
$other->send_request('GET', path('HOLD-OTHER'));
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 1 });
$r = get(path('STRANGER'));
unlike($r->body, qr/lost/, 'a reply to nobody goes to nobody');
like($r->status, qr/^(200|502)$/, 'and is ignored or refused');
# If the connection was refused for it, the other request is asked again.
$t->poll(sub { $t->backend_ctl('analytics', 'release')
    || IO::Select->new($other->{fh})->can_read(0) });
unlike($other->response->body, qr/lost/, 'nor to another request');
$t->wait_for('next request', sub { get(path('C'))->body eq '{"s":"C"}' });
