#!/usr/bin/perl

# Request id and W3C traceparent: made or taken over, answered, passed on.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { '{}' });
$t->run();

my $path = '/v1/bars?symbol=IBM';
my $c = client();

# The answer and the context that the backend got with it.
sub ask {
    my (@headers) = @_;

    my $r = $c->get($path, headers => [@headers]);
    $c = client() if $r->status == 0;
    return ($r, ($t->backend_requests('analytics'))[-1]{ctx});
}

# ---- request id ----

my (%seen, @bad);
for (1 .. 200) {
    my ($r, $ctx) = ask();
    my $id = $r->header('x-request-id') // '';
    $seen{$id}++;
    push @bad, $id unless $id =~ /^[0-9A-Za-z_.-]{8,64}$/ && $id eq $ctx->{id};
}
is("@bad", '', 'the id of the answer is the one of the context');
is(scalar keys %seen, 200, 'no id twice');

for my $id ('0123456789abcdef', 'a1b2c3d4-e5f6-7890-abcd-ef0123456789',
    'A.b_c-9x', 'x' x 64)
{
    my ($r, $ctx) = ask("X-Request-Id: $id");
    is($ctx->{id}, $id, "the client's id: $id");
    is($r->header('x-request-id'), $id, 'is answered');
}

for my $id ('', 'x' x 65, 'x' x 4000, 'a b', 'a"b', "a\tb", "a\x01b", "a\x7f",
    "\xc3\xa9", 'a,b', '<script>', '{{7*7}}', '%0d%0aSet-Cookie:x', "a'b",
    'a\\b')
{
    my ($r, $ctx) = ask("X-Request-Id: $id");
    my $name = substr($id, 0, 20) =~ s/[^ -~]/?/gr;
    # nginx may refuse control characters in a header by itself.
    like($r->status, qr/^(200|400)$/, "not an id: $name");
    isnt($r->header('x-request-id'), $id, 'is not repeated');
    like($r->header('x-request-id') // '', qr/^[0-9A-Za-z_.-]{8,64}$/,
        'another one is made');
    is($ctx->{id}, $r->header('x-request-id'), 'for the backend, too')
        if $r->status == 200;
}

my ($r) = ask('X-Request-Id: first-0001', 'X-Request-Id: second-0002');
is($r->status, 200, 'two ids');
is($r->count('x-request-id'), 1, 'are answered with one');

# A problem carries it as well.
$r = $c->get('/v1/bars', headers => ['X-Request-Id: my-own-id-17']);
is($r->header('x-request-id'), 'my-own-id-17', 'id of a problem');
like($r->body, qr/my-own-id-17/, 'in the document');

# ---- traceparent ----

my $trace = '0af7651916cd43dd8448eb211c80319c';
my $span = 'b7ad6b7169203331';
my $tp = qr/^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

for my $flags (qw/ 00 01 /) {
    my ($r, $ctx) = ask("traceparent: 00-$trace-$span-$flags");
    like($ctx->{tp} // '', $tp, "traceparent with flags $flags");
    my @part = ($ctx->{tp} // '') =~ $tp;
    is($part[0], $trace, 'the trace goes on');
    isnt($part[1], $span, 'with a span of its own');
    isnt($part[1], '0' x 16, 'that is not zero');
    is($part[2], $flags, 'and the same flags');
}

my %span;
for (1 .. 50) {
    my ($r, $ctx) = ask("traceparent: 00-$trace-$span-01");
    $span{ $ctx->{tp} }++;
}
is(scalar keys %span, 50, 'every request has a span of its own');

for my $bad ('', 'x', "00-$trace-$span", "00-$trace-$span-0",
    "00-$trace-$span-01-", "00-$trace-$span-01-x", "00-$trace-$span-0g",
    "ff-$trace-$span-01", "0-$trace-$span-01", "000-$trace-$span-01",
    '00-' . '0' x 32 . "-$span-01", "00-$trace-" . '0' x 16 . '-01',
    '00-' . uc($trace) . "-$span-01", "00-$trace-" . uc($span) . '-01',
    "00_${trace}_${span}_01", "00-$trace$span-01", "00 -$trace-$span-01",
    '00-' . substr($trace, 1) . "-$span-01", "00-${trace}0-$span-01",
    '00-g' . substr($trace, 1) . "-$span-01", 'x' x 4000)
{
    my ($r, $ctx) = ask("traceparent: $bad");
    is($r->status, 200, 'traceparent: ' . substr $bad, 0, 60);
    unlike($ctx->{tp} // '', qr/$trace|$span|^00-0{32}/i, 'is not taken over');
    like($ctx->{tp}, $tp, 'a new one is made') if defined $ctx->{tp};
}

my (undef, $ctx) = ask("traceparent: 00-$trace-$span-01",
    'traceparent: 00-' . '1' x 32 . "-$span-01");
unlike($ctx->{tp} // '', qr/^00-1{32}/, 'of two, the second is not believed');

# ---- tracestate ----

# What goes on behind our own member; undef: it is dropped.
for my $case (
    [ 'foo=1' => 'foo=1' ], [ 'foo=1,bar=2' => 'foo=1,bar=2' ],
    [ "foo=1 \t,  bar=2" => 'foo=1,bar=2' ], [ 'foo=1,,bar=2,' => 'foo=1,bar=2' ],
    [ 'fw529a3039@dt=FfTwqxC' => 'fw529a3039@dt=FfTwqxC' ],
    [ 'wizdata=0123456789abcdef,foo=1' => 'foo=1' ],
    [ 'foo=1,wizdata=x' => 'foo=1' ],
    [ join(',', map { "k$_=v" } 1 .. 31) => join ',', map { "k$_=v" } 1 .. 31 ],
    [ join(',', map { "k$_=v" } 1 .. 32) => join ',', map { "k$_=v" } 1 .. 31 ],
    map { [ $_ => undef ] } '', 'foo', 'foo=', '=1', 'FOO=1', 'foo=1,foo=2',
        'foo=1=2', 'foo =1', '@a=1', "foo=\xc3\xa9", 'foo=1,bar',
        join(',', map { "k$_=v" } 1 .. 33), 'k' x 257 . '=1',
        'k=' . 'v' x 257)
{
    my ($in, $out) = @$case;
    my ($r, $ctx) = ask("traceparent: 00-$trace-$span-00", "tracestate: $in");
    is($r->status, 200, 'tracestate: ' . substr $in, 0, 40);
    my $own = (split /-/, $ctx->{tp})[2];
    is($ctx->{ts}, length $in ? join(',', "wizdata=$own", $out // ()) : undef,
        defined $out ? 'goes on' : 'does not go on');
}

# Long members make room first, then the last ones.
my (undef, $long) = ask("traceparent: 00-$trace-$span-00",
    'tracestate: a=' . 'x' x 200 . ',b=1,c=' . 'y' x 200 . ',d=' . 'z' x 100);
like($long->{ts}, qr/^wizdata=[0-9a-f]{16},a=x{200},b=1,d=z{100}$/,
    'at most 512 bytes');

# Several lines are one list; of a trace that is not taken over there is none.
(undef, $ctx) = ask("traceparent: 00-$trace-$span-00", 'tracestate: a=1',
    'tracestate: b=2', 'TraceState: c=3');
like($ctx->{ts}, qr/^wizdata=[0-9a-f]{16},a=1,b=2,c=3$/, 'in three lines');
(undef, $ctx) = ask('tracestate: a=1');
unlike($ctx->{ts} // '', qr/a=1/, 'without a traceparent');
(undef, $ctx) = ask("traceparent: 00-$trace-$span-0", 'tracestate: a=1');
unlike($ctx->{ts} // '', qr/a=1/, 'with one that is none');
