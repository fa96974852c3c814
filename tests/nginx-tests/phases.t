#!/usr/bin/perl

# The module in nginx's phases: satisfy, error_page, internal redirects,
# wizdata_access before other handlers, identity headers, the drain switch.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { '{"a":1}' });
$t->config(workers => 2, server => <<'EOF', servers => <<'EOF');
        location /protected/ {
            wizdata_access key;
            proxy_set_header X-Key $wizdata_key_id;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location /needs/ {
            wizdata_access reports:read;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location /open/ {
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location /any/ {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            wizdata_access key;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location /lent/ {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            wizdata_access reports:read;
            proxy_set_header X-Key $wizdata_principal;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location /none/ {
            satisfy any;
            deny all;
            wizdata_access key;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
        location /v1/bars {
            satisfy any;
            deny all;
            wizdata_api on;
        }
        location /v1/quotes {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            wizdata_api on;
        }
        location /v1/macro {
            wizdata_api on;
            error_page 401 = @login;
            error_page 400 /oops;
        }
        location @login {
            return 200 "please log in: $wizdata_request_id";
        }
        location = /oops {
            internal;
            return 200 "oops: $wizdata_status_detail";
        }
        location /back/ {
            error_page 404 = /v1/bars?symbol=IBM;
            return 404;
        }
EOF
    server {
        listen 127.0.0.1:%%PORT_8082%%;
        underscores_in_headers on;
        location / {
            proxy_pass http://127.0.0.1:%%PORT_8081%%/echo/;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_8081%%;
        underscores_in_headers on;
        location /echo/ {
            return 200 "p=$http_x_wizdata_principal k=$http_x_key i=$http_x_wizdata_key_id q=$http_x_wizdata_anything c=$http_cookie f=$http_x_forwarded_for a=$http_user_agent h=$host x=$http_x_last t=$http_x_wizdata_trace";
        }
    }
EOF
$t->run();

my $other = $t->add_key(perm => ['bars:read']);
my $reports = $t->add_key(perm => ['reports:*']);

# ---- any handler, protected ----

is(get('/open/', key => undef)->status, 200, 'an open location');
is_problem(get('/protected/', key => undef), 401, 'unauthenticated',
    'a protected one without a key');
my $r = get('/protected/', key => undef);
is($r->count('www-authenticate'), 1, 'with one challenge');
is(get('/protected/', key => wd_apikey())->status, 401, 'with an unknown key');
$r = get('/protected/', key => $other);
is($r->status, 200, 'with a good key');
like($r->body, qr/ k=\d+ /, 'whose id reaches what stands behind');

is_problem(get('/needs/', key => $other), 403, 'forbidden',
    'a permission that the key lacks', qr/reports:read/);
is(get('/needs/', key => $reports)->status, 200, 'and has');
is(post('/protected/', '{}', key => $other)->status, 200, 'a body is passed');
is(post('/protected/', '{}', key => undef)->status, 401, 'or refused');

# ---- satisfy ----

is(get('/any/', key => undef)->status, 200, 'satisfy any: by address');
$r = get('/any/', key => $other);
is($r->status, 200, 'by address and key');
$r = get('/none/', key => undef);
is_problem($r, 401, 'unauthenticated', 'by neither');
$r = get('/none/', key => $other);
is($r->status, 200, 'by key alone');
is($r->header('www-authenticate'), undef, 'no challenge is left');
is(get('/v1/bars?symbol=IBM', key => $other)->status, 200, 'API by key');
is(get('/v1/bars?symbol=IBM', key => undef)->status, 401, 'API by neither');
is(get('/v1/quotes?symbol=IBM', key => undef)->status, 200,
    'API by address alone');
sub seen { return ($t->backend_requests('analytics', $_[0]))[-1]{ctx} }
is(seen('bars.query')->{sub}, 'user:2', 'of a principal');
is(seen('quotes.query')->{sub}, undef, 'without a principal');
is(get('/v1/quotes?symbol=MSFT', key => $other)->status, 200,
    'by address, with a key that may not');
is(seen('quotes.query')->{sub}, undef, 'and does not lend its name');
is_deeply(seen('quotes.query')->{perm} // [], [], 'nor its permissions');
is(get('/lent/', key => $other)->body =~ /k=(\S*)/ ? $1 : undef, '',
    'nor to another handler');
is(get('/lent/', key => $reports)->body =~ /k=(\S*)/ ? $1 : undef, 'user:3',
    'a key that may does');

# ---- error_page, internal redirects ----

$r = get('/v1/macro?indicator=X', key => undef,
    headers => ['X-Request-Id: mine']);
is($r->status, 200, 'error_page takes the refusal');
is($r->body, 'please log in: mine', 'in the same request');
$r = get('/v1/macro?nonsense=1');
is($r->status, 400, 'error_page keeps the status');
like($r->body, qr/^oops: .*nonsense/, 'and knows why');
is(get('/v1/macro?indicator=X')->status, 200, 'a good request');
is(get('/back/', key => undef)->status, 401,
    'an internal redirect into the API is checked');
is(get('/back/', key => $other)->status, 200, 'and answered');

# ---- identity headers ----

my @fake = ('X-Wizdata-Principal: root', 'x-wizdata-anything: yes',
    'X-WIZDATA-KEY-ID: 1');
for my $n (0, 1, 17, 18, 19, 20, 21, 40) {
    my @pad = map { "X-Pad-$_: $_" } 1 .. $n;
    my @real = ('Cookie: c1', 'X-Forwarded-For: 1.2.3.4', 'User-Agent: ua',
        'X-Last: l', 'X-Wizdata-Trace: 0');
    for my $order ([ @fake, @pad, @real ], [ @pad, @fake, @real ],
        [ @pad, @real, @fake ], [ map { ($_, @fake) } @pad, @real ])
    {
        $r = get('/open/', key => undef, headers => $order);
        is($r->body, 'p= k= i= q= c=c1 f=1.2.3.4 a=ua h=127.0.0.1 x=l t=0',
            "claims are removed, the rest stays ($n)");
    }
}
is(get('/open/', key => undef, headers => [ @fake, 'Cookie: a' ])->status,
    200, 'only claims');
is(get('/v1/bars?symbol=IBM', headers => [ @fake, 'Accept: text/csv' ])
    ->status, 200, 'the API reads what is left');

# With underscores it is the same header for whoever reads variables.
$r = get('/', key => undef, port => port(8082), headers => [
    'X_Wizdata_Principal: root', 'X-Wizdata_Anything: yes', 'X-Last: l',
    'X_Wizdata_Trace: 0', 'X_Wizdata: stays' ]);
is($r->body, 'p= k= i= q= c= f= a= h=127.0.0.1 x=l t=0',
    'claims with underscores, too');

# ---- drain ----

is(get('/health')->status, 200, 'healthy');

# A worker that is replaced is not the gateway, which goes on.
my $c = client();
$c->send("GET /health HTTP/1.1\r\nHost: localhost\r\n");
is(get('/health')->status, 200, 'the connection is accepted');
my $hellos = $t->backend_events('analytics', 'hello');
$t->reload;
$t->wait_for('its worker has left the backend', sub {
    $t->backend_events('analytics', 'hello') == $hellos + 2
        && $t->backend_ctl('analytics', 'conns') == 2 });
$c->send("\r\n");
is($c->response->status, 200, 'and is healthy');

# RTMIN is 34 where glibc keeps two for itself.
kill 35, $t->{pid};
$t->wait_for('drain: 503', sub { get('/health')->status == 503 });
like(get('/health')->body, qr/"status":"draining"/, 'with the reason');
is(get('/v1/bars?symbol=IBM', key => $other)->status, 200,
    'requests are still answered');
$t->renew;
is(get('/health')->status, 503, 'a reload does not forget it');
kill 36, $t->{pid};
$t->wait_for('undrain: 200', sub { get('/health')->status == 200 });
