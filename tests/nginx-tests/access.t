#!/usr/bin/perl

# Who may call what: credentials of every length, permissions, methods that a
# key is limited to, wizdata_method, and what a location learns about it all.
# Each hostile request is followed by a good one on the same worker.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { '{"a":1}' });
$t->config(http => <<'EOF', server => <<'EOF2', servers => <<'EOF3');
    wizdata_identity_headers X-User Remote-User;
    wizdata_method quotes.query permission=special:read;
    wizdata_method macro.query cost=7 timeout=9s;
EOF
        wizdata_method instruments.search permission=key;
        location /v1/quotes {
            wizdata_api on;
            wizdata_method quotes.query permission=public;
        }
        location /v1/instruments {
            wizdata_api on;
            wizdata_method quotes.query cost=2;
        }
        location /who/ {
            wizdata_access key;
            proxy_set_header X-As $wizdata_principal;
            proxy_set_header X-Plan $wizdata_plan;
            proxy_set_header X-Key $wizdata_key_id;
            proxy_set_header X-Auth $wizdata_auth;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location /direct/ {
            return 200 "u=$http_x_user r=$http_remote_user o=$http_x_other";
        }
        location /open/ {
            proxy_set_header X-Auth $wizdata_auth;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location /early/ {
            wizdata_access key;
            return 200 "rewrite runs before access";
        }
        location /files/ {
            wizdata_access files:read;
            alias %%TESTDIR%%/;
        }
        location /both/ {
            auth_request /check;
            wizdata_access key;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location /either/ {
            satisfy any;
            auth_request /check;
            wizdata_access key;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location = /check {
            internal;
            if ($http_x_pass != yes) { return 403; }
            return 204;
        }
        location /mirrored/ {
            wizdata_access key;
            mirror /copy;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location = /copy {
            internal;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/copied/;
        }
        location /v1/macro {
            wizdata_api on;
            error_page 403 = @why;
        }
        location @why {
            wizdata_access key;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
EOF2
    server {
        listen 127.0.0.1:%%PORT_8081%%;
        location / {
            return 200 "u=$http_x_as p=$http_x_plan k=$http_x_key a=$http_x_auth";
        }
    }
    server {
        listen 127.0.0.1:%%PORT_8082%%;
        wizdata_errors on;
        location / { wizdata_api on; }
    }
EOF3
$t->write_file('file.txt', 'bytes');
$t->run();

my $good = $t->add_key(perm => ['*'], sub => 'somebody', plan => 'pro');
my $path = '/v1/bars?symbol=IBM';
my $c = client();

# On the connection of before, so on the same worker.
sub still_good {
    my ($name) = @_;

    my $r = $c->get($path, key => $good, keepalive => 1);
    is($r->status, 200, "a good request after $name") if $r->status != 200;
    return $r->status == 200;
}

sub hostile {
    my ($name, @headers) = @_;

    $c = client();
    my $r = $c->get($path, key => undef, keepalive => 1,
        headers => [@headers]);
    $c = client() if $r->status == 400;
    return $r->status . (still_good($name) ? '' : ' and then broken');
}

# ---- every length, every prefix ----

my @odd;
for my $n (0 .. 40) {
    for my $fill ('B', ' ', 'Bearer wd_live_', 'Bearer' . ' ' x 40,
        "wd_live_$good", "Bearer\t$good")
    {
        my $value = substr $fill x 41, 0, $n;
        my $got = hostile("$n of '$fill'", "Authorization: $value");
        push @odd, "$n:$fill:$got" unless $got eq '401';
        $got = hostile("key, $n of '$fill'", "X-API-Key: $value");
        push @odd, "key $n:$fill:$got" unless $got eq '401';
    }
}
is("@odd", '', 'Authorization and X-API-Key of every length from 0 to 40');

@odd = ();
my $scheme = 'Bearer ';
for my $n (0 .. length $scheme) {
    my $part = substr $scheme, 0, $n;
    for my $rest ('', ' ', "\t", 'x', $good, 'a.b.c', '.', '..', "\xff") {
        my $got = hostile("prefix '$part' and '$rest'",
            "Authorization: $part$rest");
        my $want = $part eq $scheme && $rest eq $good ? 200 : 401;
        push @odd, "$part$rest:$got" unless $got eq $want;
    }
}
is("@odd", '', 'every prefix of the scheme');

@odd = ();
for my $n (0 .. 46) {
    my $got = hostile("key cut at $n", 'X-API-Key: ' . substr $good, 0, $n);
    push @odd, "$n:$got" unless $got eq ($n == 46 ? 200 : 401);
}
is("@odd", '', 'a key cut at every place');
for my $row (
    [ 'basic', 'Authorization: Basic eDp5' ],
    [ 'lower-case scheme, two blanks', 'Authorization: bearer  x' ],
    [ 'a key and more', "Authorization: Bearer $good x" ],
    [ 'long', 'Authorization: Bearer ' . 'a' x 7000 ],
    [ 'long key', 'X-API-Key: ' . 'wd_live_' x 800 ])
{
    is(hostile(@$row), 401, $row->[0]);
}
is(hostile('two', "X-API-Key: $good", "Authorization: Bearer $good"), 400,
    'two credentials');
is(hostile('twice', "X-API-Key: $good", "X-API-Key: $good"), 400,
    'one twice');
is(get($path, key => undef, headers => ["Authorization: bearer   $good "])
    ->status, 200, 'the scheme in any case, blanks around the key');

# ---- permissions ----

my $bars = $t->add_key(perm => ['bars:read']);
is(get($path, key => $bars)->status, 200, 'a permission');
my $none = $t->add_key(perm => []);
is_problem(get($path, key => $none), 403, 'forbidden',
    'none: what is missing is named', qr/bars:read/);

# ---- wizdata_method ----

is(get('/v1/quotes?symbol=IBM', key => undef)->status, 200,
    'public by the location');
is(get('/v1/instruments?q=I', key => $none)->status, 200,
    'any key by the server');
is(get('/v1/instruments?q=I', key => undef)->status, 401, 'but a key');
my %other = (port => port(8082));
is(get('/v1/quotes?symbol=IBM', key => undef, %other)->status, 401,
    'another server: a key');
is_problem(get('/v1/quotes?symbol=IBM', key => $bars, %other), 403,
    'forbidden', 'with the permission of http level', qr/special:read/);
my $special = $t->add_key(perm => ['special:*']);
is(get('/v1/quotes?symbol=IBM', key => $special, %other)->status, 200,
    'which this one has');
is(get('/v1/instruments?q=I', key => $none, %other)->status, 403,
    'what one server says is not for another');

# ---- methods of a key ----

my $limited = $t->add_key(perm => ['*'],
    methods => [ 'bars.query', 'future.method' ]);
is(get($path, key => $limited)->status, 200, 'a method of the key');
is_problem(get('/v1/instruments?q=I', key => $limited, %other), 403,
    'forbidden', 'not another', qr/instruments\.search/);
is(get('/v1/quotes?symbol=IBM', key => $limited)->status, 200,
    'a public one is for all');
my $locked = $t->add_key(perm => ['*'], methods => []);
is(get($path, key => $locked)->status, 403, 'an empty list is no method');
is(get('/who/', key => $limited)->status, 200, 'other locations have none');

# ---- verdicts that are none ----

for my $row ([ nets => 'x' ], [ nets => ['x'] ], [ nets => [5] ],
    [ nets => [ ('10.0.0.0/8') x 33 ] ], [ nets => { a => 1 } ],
    [ methods => 'x' ], [ methods => [5] ], [ methods => [ ('a') x 129 ] ],
    [ uid => 5 ], [ uid => 'x' x 256 ], [ exp => 'soon' ])
{
    my $key = $t->add_key(perm => ['*'], @$row);
    $c = client();
    my $r = $c->get($path, key => $key, keepalive => 1);
    is($r->status, 503, "a verdict with a broken $row->[0] lets nobody in");
    ok(still_good($row->[0]), 'and hurts nobody else');
}

# ---- what a location learns ----

my $r = get('/who/', key => $good,
    headers => [ 'X-As: root', 'X-Key: 1' ]);
like($r->body, qr/^u=somebody p=pro k=\d+ a=key$/, 'principal, plan, key');
is(get('/open/', key => undef)->body, 'u= p= k= a=anonymous', 'nobody');
$r = get('/direct/', key => undef, headers => [ 'x-user: root', 'X-Other: o',
    'REMOTE-USER: root' ]);
is($r->body, 'u= r= o=o', 'claims of the client are gone');

is(get('/early/', key => undef)->status, 200,
    'return is of the rewrite phase, before access');
is(get('/files/file.txt', key => undef)->status, 401, 'files: a key');
is(get('/files/file.txt', key => $bars)->status, 403, 'with the permission');
is(get('/files/file.txt', key => $good)->body, 'bytes', 'the file');

# ---- with auth_request, satisfy, mirror, named locations ----

my @pass = (headers => ['X-Pass: yes']);
is(get('/both/', key => $good)->status, 403, 'all: one refuses');
is(get('/both/', key => undef, @pass)->status, 401, 'all: the other refuses');
is(get('/both/', key => $good, @pass)->status, 200, 'all: both allow');
is(get('/either/', key => undef)->status, 401, 'any: neither');
is(get('/either/', key => $good)->status, 200, 'any: the key');
is(get('/either/', key => undef, @pass)->status, 200, 'any: the other');
is(get('/mirrored/', key => $good)->status, 200, 'mirrored');
is(get('/mirrored/', key => undef)->status, 401, 'not without a key');
$r = get('/v1/macro?indicator=X', key => $bars);
is($r->status, 200, 'a named location for what is refused');
is(get('/v1/macro?indicator=X', key => undef)->status, 401,
    'nothing for what is not');
is(get('/v1/macro?indicator=X', key => $good)->body, '{"a":1}', 'and good');
