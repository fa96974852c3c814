#!/usr/bin/perl

# HEAD and 304: no byte of a body where none may be, whatever the backend
# sends, and the connection stays in step.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = $req->{args}{symbol}[0];
    return reply('{"tagged":1}', meta => { etag => '"v1"', ttl => 60 })
        if $s eq 'TAG';
    return reply('{"weak":1}', meta => { etag => 'W/"w1"' }) if $s eq 'WEAK';
    return reply('{"odd":1}', meta => { etag => 'no quotes' }) if $s eq 'ODD';
    return stream(1_000_000, len => 0, meta => { etag => '"long"' })
        if $s eq 'LONG-X';
    return stream(1_000_000, meta => { etag => '"long"' }) if $s eq 'LONG';
    return '{"plain":1}';
});
$t->run();

sub path { return "/v1/bars?symbol=$_[0]" }
my $c = client();

# ---- HEAD ----

my $r = $c->head(path('PLAIN'));
is($r->status, 200, 'HEAD');
is($r->header('content-length'), 11, 'length');
is($c->get(path('PLAIN'))->body, '{"plain":1}', 'in step');

for my $s (qw/ LONG LONG-X /) {
    $r = $c->head(path($s));
    is($r->status, 200, "HEAD of $s");
    is($r->header('content-length'), 1_000_000, 'length of the whole body')
        if $s eq 'LONG';
    is($c->get(path('PLAIN'))->body, '{"plain":1}', 'in step');
    $t->wait_for('the body does not linger in the backend', sub {
        !@{ $t->backend_ctl('analytics', 'streams') } });
}

# ---- ETag ----

$r = $c->get(path('TAG'));
is($r->header('etag'), '"v1"', 'ETag');
is($r->count('etag'), 1, 'once');
is($c->get(path('WEAK'))->header('etag'), 'W/"w1"', 'a weak ETag');
is($c->get(path('PLAIN'))->header('etag'), undef, 'none is invented');

for my $case (
    [ 'TAG', '"v1"', 304 ], [ 'TAG', 'W/"v1"', 304 ], [ 'TAG', '*', 304 ],
    [ 'TAG', '"x", "v1"', 304 ], [ 'TAG', '"x","v1" , "y"', 304 ],
    [ 'WEAK', 'W/"w1"', 304 ], [ 'WEAK', '"w1"', 304 ],
    [ 'TAG', '"v2"', 200 ], [ 'TAG', 'v1', 200 ], [ 'TAG', '"v1', 200 ],
    [ 'TAG', '"v1"x', 200 ], [ 'TAG', '"V1"', 200 ], [ 'TAG', '""', 200 ],
    [ 'TAG', '', 200 ], [ 'TAG', 'W/', 200 ], [ 'TAG', ',', 200 ],
    [ 'PLAIN', '"v1"', 200 ])
{
    my ($s, $match, $status) = @$case;
    my $name = "$s, If-None-Match: $match";

    $r = $c->get(path($s), headers => ["If-None-Match: $match"]);
    is($r->status, $status, $name);
    if ($status == 304) {
        ok(defined $r->header('etag'), "$name: ETag");
        is($r->header('transfer-encoding'), undef, "$name: no body");
    }
    is($c->get(path('PLAIN'))->body, '{"plain":1}', "$name: in step");
}

$r = $c->head(path('TAG'), headers => ['If-None-Match: "v1"']);
is($r->status, 304, 'HEAD with a match');
is($c->get(path('PLAIN'))->body, '{"plain":1}', 'in step');

# A body that would have been long.
for my $s (qw/ LONG LONG-X /) {
    $r = $c->get(path($s), headers => ['If-None-Match: "long"']);
    is($r->status, 304, "a match of $s");
    is($c->get(path('PLAIN'))->body, '{"plain":1}', 'in step');
    $t->wait_for('the body does not linger in the backend', sub {
        !@{ $t->backend_ctl('analytics', 'streams') } });
}

# An entity tag that is none does not become a header.
$r = $c->get(path('ODD'));
isnt($r->header('etag') // '', 'no quotes', 'a tag without quotes');
