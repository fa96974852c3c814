#!/usr/bin/perl

# nginx -t finds what is wrong in the directives of limits, names the line,
# and says what to write instead.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
$t->{no_auth} = 1;

my $dir = $t->dir;
$t->write_file('password', "secret\n")->write_file('empty', "\n");

# One line in http, behind a line that needs limits. The line is the fifth.
sub check {
    my (@lines) = @_;

    my $text = join "\n", $t->globals =~ s/\n+/ /gr, 'events { }', 'http {',
        "client_body_temp_path $dir/b; proxy_temp_path $dir/p; "
        . "fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; "
        . "scgi_temp_path $dir/s; wizdata_limit on; "
        . "wizdata_service analytics unix:/tmp/none.sock;",
        @lines, 'server { listen 127.0.0.1:' . port(8080) . ';',
        'location /v1/ { wizdata_api on; } } }', '';
    $t->write_file('nginx.conf', $text);
    return $t->test_config;
}

my @bad = (
    [ 'wizdata_redis;', qr/number of arguments/ ],
    [ 'wizdata_redis redis.example.com:6379;', qr/IP address with a port/ ],
    [ 'wizdata_redis unix:;', qr/unix:.path/ ],
    [ 'wizdata_redis 127.0.0.1:99999;', qr/IP address with a port/ ],
    [ 'wizdata_redis 127.0.0.1 db=x;', qr/such as db=1/ ],
    [ 'wizdata_redis 127.0.0.1 db=2000;', qr/such as db=1/ ],
    [ 'wizdata_redis 127.0.0.1 timeout=0;', qr/such as timeout=50ms/ ],
    [ 'wizdata_redis 127.0.0.1 timeout=1h;', qr/such as timeout=50ms/ ],
    [ 'wizdata_redis 127.0.0.1 gateways=0;', qr/such as gateways=2/ ],
    [ 'wizdata_redis 127.0.0.1 prefix=;', qr/such as prefix=/ ],
    [ 'wizdata_redis 127.0.0.1 password=x;', qr/write password_file=/ ],
    [ 'wizdata_redis 127.0.0.1 speed=fast;', qr/write password_file=/ ],
    [ 'wizdata_redis 127.0.0.1 user=;', qr/write password_file=/ ],
    [ 'wizdata_redis 127.0.0.1 user=x;', qr/write both or none/ ],
    [ 'wizdata_redis 127.0.0.1 password_file=;', qr/path of a file/ ],
    [ "wizdata_redis 127.0.0.1 password_file=$dir/none;",
        qr/that nginx's master can read/ ],
    [ "wizdata_redis 127.0.0.1 password_file=$dir/empty;",
        qr/no password in its first line/ ],
    [ 'wizdata_redis 127.0.0.1; wizdata_redis 127.0.0.2;', qr/duplicate/ ],
    [ 'wizdata_plan;', qr/number of arguments/ ],
    [ 'wizdata_plan a/b rate=1/s;', qr/such as wizdata_plan default/ ],
    [ 'wizdata_plan x rate=1/s; wizdata_plan x rate=2/s;', qr/duplicate/ ],
    [ 'wizdata_plan x rate=1;', qr/"rate=1": .*rate=200\/m/ ],
    [ 'wizdata_plan x burst=5;', qr/"burst=5": .*behind its rate/ ],
    [ 'wizdata_plan x day=many;', qr/"day=many": .*day=10000/ ],
    [ 'wizdata_plan x tz=Nowhere;', qr/"tz=Nowhere": .*Europe.Paris/ ],
    [ 'wizdata_plan x rate=1/s dry;', qr/"dry": no such word/ ],
    [ 'wizdata_plan x ' . 'concurrency=1 ' x 80 . ';', qr/characters/ ],
    [ 'wizdata_plan x cost=bars:5;', qr/"cost=bars:5": no such method.*bars\.query:5/ ],
    [ 'wizdata_plan x cost=bars.query:1001;', qr/from 0 to 1000.*cost=\*:2/ ],
    [ 'wizdata_plan x cost=sys.health:1;', qr/no such method/ ],
    [ 'wizdata_plan x cost=*:1 cost=*:1;', qr/has its cost already/ ],
    [ 'wizdata_limit_anonymous cost=*:5;', qr/limits nothing/ ],
    [ 'wizdata_limit_anonymous;', qr/number of arguments/ ],
    [ 'wizdata_limit_anonymous ipv6_prefix=64;', qr/such as rate=60\/m/ ],
    [ 'wizdata_limit_anonymous rate=1/s ipv6_prefix=8;', qr/from 16 to 128/ ],
    [ 'wizdata_limit_anonymous rate=1/s ipv4_prefix=33;', qr/from 8 to 32/ ],
    [ 'wizdata_limit_anonymous rate=1/s; wizdata_limit_anonymous rate=1/s;',
        qr/duplicate/ ],
    [ 'wizdata_limit_group x;', qr/number of arguments/ ],
    [ 'wizdata_limit_group x y.z;', qr/such as bars\.query/ ],
    [ 'wizdata_limit_group "a b" bars.query;', qr/letters, digits/ ],
    [ 'wizdata_limit_group x bars.*; wizdata_limit_group y bars.query;',
        qr/in the group "x" already/ ],
    [ 'wizdata_limit_zone 1k;', qr/from 1m to 64g/ ],
    [ 'wizdata_limit_zone lots;', qr/from 1m to 64g/ ],
    [ 'wizdata_limit_headers all;', qr/ietf, legacy, both or off/ ],
    [ 'wizdata_limit_headers off; wizdata_limit_headers off;',
        qr/duplicate/ ],
    [ 'wizdata_limit dry_run;', qr/duplicate/ ],
);

for my $case (@bad) {
    my ($line, $want) = @$case;
    my ($rc, $out) = check($line);
    my $ok = $rc != 0 && $out =~ $want && $out =~ /nginx\.conf:5\b/;
    ok($ok, substr $line, 0, 60) or diag($out);
}

my @good = (
    'wizdata_redis 127.0.0.1;',
    'wizdata_redis [::1]:6380 db=0 timeout=1ms gateways=1000 prefix=x:;',
    "wizdata_redis unix:/tmp/r.sock user=w password_file=$dir/password;",
    'wizdata_plan a rate=1000000/s burst=1000000 rate=1/31d concurrency=1;',
    'wizdata_plan b day=1000000000 month=1 tz=UTC dry_run;',
    'wizdata_plan unlimited dry_run;',
    'wizdata_plan c rate=1/s cost=bars.query:0 cost=*:1000;',
    'wizdata_limit_anonymous rate=60/m burst=10 ipv6_prefix=128 ipv4_prefix=8;',
    'wizdata_limit_group x bars.* macro.query; wizdata_limit_zone 1m;',
    'wizdata_limit_headers both;',
);
for my $line (@good) {
    my ($rc, $out) = check($line);
    is($rc, 0, substr $line, 0, 60) or diag($out);
}

unlike(join('', map { $t->read_file($_) } 'error.log'), qr/secret/,
    'no password in the log');
$t->allow(qr/nginx\.conf/);
