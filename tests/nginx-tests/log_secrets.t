#!/usr/bin/perl

# What a client puts into a query string does not reach nginx's own error
# messages, and a page that goes on says so in a header, in every format.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    return reply('a,b', meta => { next => 'AbC-_9' })
        if $_[0]{ctx}{fmt} eq 'csv';
    return reply('{}');
});
$t->run();

# ---- the error log ----

my $r = get('/v1/bars?apikey=wd_live_SECRETSECRET', body => 'x' x 2_000_000);
ok(!$r || $r->status == 413 || $r->status == 400, 'a body too large');

my $log = $t->read_file('error.log');
like($log, qr/too large body|request: "GET \/v1\/bars"/, 'is logged');
unlike($log, qr/SECRETSECRET/, 'without the query string');

# ---- the next page ----

$r = get('/v1/bars?symbol=IBM&format=csv');
is($r->header('x-next-cursor'), 'AbC-_9', 'CSV names the next page');
$r = get('/v1/bars?symbol=IBM');
is($r->header('x-next-cursor'), undef, 'the last page has none');
