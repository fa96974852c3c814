#!/usr/bin/perl

# Cached answers whatever the client and nginx do: requests byte by byte,
# pipelined, over HTTP/2, left in the middle; gzip, subrequests, redirects,
# satisfy any, error_page.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;
    my $s = $req->{args}{symbol}[0];
    my $b = $req->{backend};
    my %m = (ttl => 600, tags => ["bars:$s"]);
    return error_reply(-14, 'down') if $b->{down};
    my $do = $s eq 'LONG' ? stream(200_000, meta => \%m)
        : $s eq 'GZIP' ? reply({ n => ++$b->{n}, pad => 'x' x 5000 },
            meta => { %m, etag => '"g"' })
        : reply({ n => ++$b->{n}, s => $s }, meta => \%m);
    return $s =~ /^HELD/ ? hold($do) : $do;
});
my $dir = $t->dir;
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
    . "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
    . "-keyout $dir/key.pem -out $dir/cert.pem >/dev/null 2>&1") == 0
    or die 'no certificate';
$t->config(workers => 2, http => 'wizdata_cache_zone 8m; wizdata_cache on;'
        . 'gzip_types application/json; gzip_min_length 100;',
    server => <<'EOF', servers => <<'EOF');
        location /zip/ { gzip on; rewrite ^/zip(/.*) $1 break; wizdata_api on; }
        location /in/ { rewrite ^/in(/.*) /v1$1 last; }
        location /any/ { satisfy any; allow 127.0.0.1; deny all;
            rewrite ^/any(/.*) $1 break; wizdata_api on; }
        location /page/ { rewrite ^/page(/.*) $1 break; wizdata_api on;
            error_page 502 503 504 = @page; }
        location @page { return 200 "page\n"; }
        location = /check { internal; rewrite ^ /v1/bars?symbol=SUB break;
            wizdata_api on; }
        location /guarded { auth_request /check; proxy_pass
            http://127.0.0.1:%%PORT_8082%%; }
        location /try/ { rewrite ^/try(/.*) $1 break; wizdata_api on;
            error_page 503 = @again; }
        location @again { rewrite ^ /v1/bars?symbol=AGAIN? break;
            wizdata_api on; }
EOF
    server {
        listen 127.0.0.1:%%PORT_8082%%;
        location / { return 200 "inside\n"; }
    }
    server {
        listen 127.0.0.1:%%PORT_8083%% ssl http2;
        wizdata_errors on;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        location /v1/ { wizdata_api on; }
    }
EOF
$t->run();

sub path { return "/v1/bars?symbol=$_[0]" }
sub calls {
    my ($s) = @_;
    return scalar grep { $_->{args}{symbol}[0] eq $s }
        $t->backend_requests('analytics', 'bars.query');
}

my $body = get(path('A'))->body;
my $wire = Test::Wizdata::build('GET', path('A'), keepalive => 1);

# ---- split at every byte ----

my $c = client();
for my $at (1 .. length($wire) - 1) {
    $c->send(substr $wire, 0, $at);
    $c->send(substr $wire, $at);
    my $r = $c->response;
    next if $r->status == 200 && $r->body eq $body
        && $r->header('x-cache') eq 'HIT';
    fail("split at $at");
}
$c->send($_) for split //, $wire;
is($c->response->body, $body, 'byte by byte');
is(calls('A'), 1, 'one call');

# ---- pipelined: hits, misses, refusals in one write ----

$c = client();
my $bad = Test::Wizdata::build('GET', path('A'), keepalive => 1,
    key => wd_apikey());
my $head = Test::Wizdata::build('HEAD', path('A'), keepalive => 1);
my $cond = Test::Wizdata::build('GET', path('A'), keepalive => 1,
    headers => ['If-None-Match: *']);
my $miss = sub { Test::Wizdata::build('GET', path($_[0]), keepalive => 1) };
$c->send(join '', $wire, $bad, $head, $cond, $miss->('P1'), $wire,
    $miss->('P1'), $miss->('LONG'), $miss->('LONG'), $wire);
is($c->response->body, $body, 'a hit');
is($c->response->status, 401, 'a refusal');
is($c->response(head => 1)->header('content-length'), length $body, 'HEAD');
is($c->response->status, 304, 'not modified');
is($c->response->header('x-cache'), 'MISS', 'a miss');
is($c->response->body, $body, 'a hit');
is($c->response->header('x-cache'), 'HIT', 'what was missed before');
is($c->response->body, Wizdata::Backend::pattern(0, 200_000), 'a long miss');
my $r = $c->response;
is($r->header('x-cache'), 'HIT', 'a long hit');
is($r->body, Wizdata::Backend::pattern(0, 200_000), 'complete');
is($c->response->body, $body, 'in step');

# ---- clients that leave ----

for my $i (1 .. 20) {
    my $slow = client(rcvbuf => 4096);
    $slow->send($miss->('LONG'));
    $slow->more(1000) if $i % 2;
    $i % 3 ? $slow->reset : $slow->close;
}
is(get(path('LONG'))->body, Wizdata::Backend::pattern(0, 200_000),
    'after clients that left in the middle of a hit');

# ---- HTTP/2 ----

SKIP: {
    skip('no curl with HTTP/2', 4) unless `curl -V 2>/dev/null` =~ /HTTP2/;
    my $curl = "curl -s --http2 --cacert $dir/cert.pem -H 'X-API-Key: "
        . "$t->{key}'";
    my $url = 'https://127.0.0.1:' . port(8083);
    is(`$curl "$url/v1/bars?symbol=A"`, $body, 'HTTP/2: a hit');
    like(`$curl -I "$url/v1/bars?symbol=A"`, qr/^x-cache: HIT\r$/m, 'HEAD');
    # Streams of one connection: its first one must be over before.
    my $many = join ' ', ("$url/v1/bars?symbol=HELD2") x 20;
    open my $fh, '-|', "$curl -Z '$url/v1/bars?symbol=A' $many 2>/dev/null"
        or die;
    $t->poll(sub { get('/metrics')->body
        =~ /^wizdata_cache_waiters(\{\})? 19$/m });
    $t->backend_ctl('analytics', 'release');
    my $out = do { local $/; <$fh> };
    is(() = $out =~ /"s":"HELD2"/g, 20, '20 streams wait for one call');
    is(calls('HELD2'), 1, 'one call');
}

# ---- nginx's own means ----

get(path('GZIP'));
my $zip = sub { get('/zip' . path('GZIP'), headers =>
    ['Accept-Encoding: gzip', @_]) };
$r = $zip->();
is($r->header('content-encoding'), 'gzip', 'a hit is compressed');
is($r->header('etag'), 'W/"g"', 'its ETag is weak');
is($zip->('If-None-Match: W/"g"')->status, 304, 'and matches');
is(get('/in/bars?symbol=A')->body, $body, 'an internal redirect');
is(get('/any' . path('A'), key => undef)->body, $body, 'satisfy any');
is(get('/guarded')->body, "inside\n", 'a subrequest');
is(get('/guarded')->body, "inside\n", 'a subrequest, cached');
is(calls('SUB'), 1, 'one call');

# ---- failures and error_page ----

get(path('AGAIN'));
$t->backend_ctl('analytics', 'set', 'down', 1);
is(get('/page' . path('B'))->body, "page\n", 'an error page');
is(get('/page' . path('A'))->body, $body, 'none for a hit');
$r = get('/try' . path('B'));
is($r->header('x-cache'), 'HIT', 'an error page that is a cached answer');
is($r->json->{s}, 'AGAIN', 'another one');
$t->backend_ctl('analytics', 'set', 'down', undef);

my @waiting = map { client() } 1 .. 10;
$_->send_request('GET', '/page' . path('HELD3')) for @waiting;
$t->poll(sub { get('/metrics')->body
    =~ /^wizdata_cache_waiters(\{\})? 9$/m });
$t->backend_stop('analytics');
is(scalar(grep { ($_->response->body // '') eq "page\n" } @waiting), 10,
    'the backend dies: an error page for all who wait');
$t->backend_start('analytics');
$t->wait_for('back', sub { get(path('NEW'))->status == 200 });
