#!/usr/bin/perl

# Which format an answer has: Accept, format=, 406, Vary; the bytes of a
# backend are passed on untouched.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $every = join '', map { chr } 0 .. 255;

$t->backend('analytics', sub {
    my ($req) = @_;
    return reply($every) if $req->{method} eq 'indicators.list';
    return reply('x', meta => { type => 'text/x-own' })
        if $req->{method} eq 'instruments.get';
    return $req->{ctx}{fmt} // 'json';
});
$t->backend('ingestion', sub { $_[0]{ctx}{fmt} // 'json' });
$t->run();

my %type = (
    json => qr{^application/json(; ?charset=utf-8)?$},
    csv => qr{^text/csv; ?charset=utf-8$},
    msgpack => qr{^application/vnd\.msgpack$},
);

my $bars = '/v1/bars?symbol=IBM';

sub is_format {
    my ($r, $format, $name) = @_;
    is($r->status . ' ' . $r->body, "200 $format", $name);
    like($r->header('content-type'), $type{$format}, "$name: type");
}

# ---- Accept ----

is_format(get($bars), 'json', 'no Accept');

for my $case (
    [ '*/*', 'json' ], [ '', 'json' ],
    [ 'application/json', 'json' ], [ 'APPLICATION/JSON', 'json' ],
    [ 'text/csv', 'csv' ], [ 'text/*', 'csv' ], [ 'text/csv; charset=utf-8',
        'csv' ],
    [ 'application/vnd.msgpack', 'msgpack' ],
    [ 'application/msgpack', 'msgpack' ],
    [ 'application/x-msgpack', 'msgpack' ],
    [ 'application/*', 'json' ],
    [ 'text/html, application/xhtml+xml, */*;q=0.8', 'json' ],
    [ 'text/csv;q=0.5, application/json;q=0.4', 'csv' ],
    [ 'text/csv;q=0.4,application/json;q=0.5', 'json' ],
    [ 'application/json;q=0, */*', 'csv|msgpack' ],
    [ 'image/png, text/csv;q=0.001', 'csv' ],
    [ 'text/csv ; q=1.0 , application/json ; q=0.9', 'csv' ])
{
    my ($accept, $format) = @$case;
    my $r = get($bars, headers => ["Accept: $accept"]);
    like($r->status . ' ' . $r->body, qr/^200 ($format)$/, "Accept: $accept");
    like($r->header('content-type'), $type{ $r->body } // qr/^none$/,
        "Accept: $accept: type");
}

my $calls = $t->backend_calls('analytics');
is_problem(get($bars, headers => ["Accept: $_"]), 406, 'not-acceptable',
    "Accept: $_")
    for 'image/png', 'application/xml', 'application/json;q=0',
    'text/csv;q=0, image/*', 'garbage', '/', ';', ',,;q=1';
is_problem(get('/v1/providers', headers => ['Accept: text/csv']), 406,
    'not-acceptable', 'a format that the method does not offer');
is($t->backend_calls('analytics'), $calls, 'no backend was asked');

# Two lines of Accept are one list.
is_format(get($bars, headers => [ 'Accept: image/png', 'Accept: text/csv' ]),
    'csv', 'two Accept lines');

# ---- format= ----

is_format(get("$bars&format=$_"), $_, "format=$_") for qw/ json csv msgpack /;
is_format(get("$bars&format=csv", headers => ['Accept: application/json']),
    'csv', 'format= is stronger than Accept');
is_format(get("$bars&format=csv", headers => ['Accept: image/png']),
    'csv', 'format= makes Accept irrelevant');
unlike(($t->backend_requests('analytics'))[-1]{dump}, qr/format/,
    'format= is no argument of the method');

$calls = $t->backend_calls('analytics');
is_problem(get("$bars&format=$_"), 400, 'invalid-parameter', "format=$_",
    qr/format/) for '', 'xml', 'JSON', 'csv%00';
is_problem(get("$bars&format=csv&format=csv"), 400, 'invalid-parameter',
    'format twice', qr/format/);
like(get('/v1/providers?format=csv')->status, qr/^(400|406)$/,
    'format= that the method does not offer');
is($t->backend_calls('analytics'), $calls, 'no backend was asked');

# ---- Vary ----

like(get($bars)->header('vary') // '', qr/\bAccept\b/i, 'Vary');
like(get($bars, headers => ['Accept: text/csv'])->header('vary') // '',
    qr/\bAccept\b/i, 'Vary of csv');
like(head($bars)->header('vary') // '', qr/\bAccept\b/i, 'Vary of HEAD');

# ---- bytes and types of the backend ----

ok(get('/v1/indicators')->body eq $every, 'every byte is passed on');
is(get('/v1/instruments/A')->header('content-type'), 'text/x-own',
    'the type that the backend gives');
