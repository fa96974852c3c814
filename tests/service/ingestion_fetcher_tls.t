#!/usr/bin/perl

# Whom the fetcher asks and how: TLS that is verified, HTTP/2, no redirects, no
# private addresses, no answer that is larger than allowed.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Crowd;
use Wizdata::Ingestion;
use Wizdata::Postgres;

my $pg = Wizdata::Postgres->start();
my $p = Wizdata::Crowd->start();
my $elsewhere = Wizdata::Crowd->start();
my $tls = $p->front();
my ($in, $job);

my %SAFE = (WIZDATA_INGESTION_ALLOW_HTTP => 'false',
    WIZDATA_INGESTION_CA_FILE => $p->ca());
my %OWN = (%SAFE, WIZDATA_INGESTION_ALLOW_PRIVATE => 'true');

sub service {
    my ($url, %env) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM lake_fresh));
    $_->rules() for $p, $elsewhere;
    $_->forget() for $p, $elsewhere;
    return $in = Wizdata::Ingestion->start($pg, url => $url,
        WIZDATA_INGESTION_ATTEMPTS => 1, WIZDATA_INGESTION_TIMEOUT => '20s',
        WIZDATA_INGESTION_LEASE => '40s', %env);
}

my $mark = 'A';

sub quote {
    $mark++;
    return $in->wait_job($in->run('alphavantage', 'quote', symbol => $mark));
}

sub outcome { join ' ', map { $_ // '-' } @{ $_[0] }{qw/ status class objects
    /} }

sub memory {
    my ($what) = @_;

    open my $f, '<', '/proc/' . $in->svc->pid . '/status' or die;
    my ($kib) = map { /^$what:\s+(\d+)/ } <$f>;
    return $kib / 1024;
}

# ---- HTTP/2, over a connection that stays

service($tls, %OWN, WIZDATA_ALPHAVANTAGE_CONCURRENCY => 40);
is(outcome(quote()), 'done - 1', 'over TLS');
is(($p->requests())[0]{protocol}, 'HTTP/2.0', 'HTTP/2');
$p->rules({ hold => 1 });
$pg->psql("INSERT INTO ingest_job (provider, dataset, args) SELECT
    'alphavantage', 'quote', jsonb_build_object('symbol', 'H' || g)
    FROM generate_series(1, 40) g; NOTIFY wizdata_ingest");
ok($p->holds(40), 'forty requests at once');
my %conns = map { $_->{conn} => 1 } $p->requests();
is(keys %conns, 1, 'share the connection');
$p->rules();
$p->release();
ok($in->wait_for(sub { $pg->psql("SELECT count(*) FROM ingest_job WHERE
    status = 'done'") == 41 }), 'all are answered');

# ---- certificates

service($tls, %OWN, WIZDATA_INGESTION_CA_FILE => $p->other_ca());
is(outcome($job = quote()), 'failed upstream 0', 'an authority that is not'
    . ' trusted');
like($job->{reason}, qr/certificate/i, 'the reason');
is($p->asked(), 0, 'nothing was told to it');
my $stranger = Wizdata::Crowd->start();
my $address = $stranger->front(names => 'DNS:example.org');
service($address, %OWN, WIZDATA_INGESTION_CA_FILE => $stranger->ca());
is(outcome($job = quote()), 'failed upstream 0',
    'a certificate of another host');
like($job->{reason}, qr/certificate|not OK/i, 'the reason');
is($stranger->asked(), 0, 'nothing was told to it');

# ---- addresses

service($tls, %SAFE);
is(outcome($job = quote()), 'failed bad_request 0',
    'a name with a private address');
like($job->{reason}, qr/private address/, 'the reason');
is($p->asked(), 0, 'is not asked');
($address = $tls) =~ s/localhost/127.0.0.1/;
service($address, %SAFE);
is(outcome(quote()), 'failed bad_request 0', 'a private address');
is($p->asked(), 0, 'is not asked');

# ---- http only where it is allowed

for my $url ($p->url(), 'ftp://example.com', 'https://user@example.com',
    'file:///etc/passwd', 'https://example.com?x=y') {
    $in->down() if $in;
    undef $in;
    ok(!eval { service($url, %OWN); 1 }, "refused at the start: $url");
    like($@, qr/must begin with https:/, 'and it is said why');
}

# ---- redirects are answers, and nothing else

my $there = $elsewhere->url() . '/stolen';
service($p->url());
for my $status (301, 302, 303, 307, 308) {
    for my $to ($there, "$tls/other", '/query?function=OTHER',
        '//localhost:1/x') {
        $p->rules({ times => 1, status => $status, body => 'moved',
                headers => ["Location: $to"] });
        is(outcome(quote()), 'failed bad_request 0', "$status to $to");
    }
}
is($elsewhere->asked(), 0, 'nothing was asked elsewhere');
is($p->asked(), 20, 'nor anything more here');

# ---- what is too long

service($p->url(), WIZDATA_INGESTION_MAX_BYTES => '1m');
is(outcome(quote()), 'done - 1', 'an answer');
my $before = memory('VmRSS');
my $at = $in->manifest();
$p->rules({ zeros => 1 << 28 });
is(outcome($job = quote()), 'failed malformed 1', 'a quarter of a gigabyte of'
    . ' zeros');
like($job->{reason}, qr/longer than 1048576 bytes/, 'the reason');
is(($in->manifest())[$at]{size}, 1 << 20, 'kept is what was allowed');
SKIP: {
    skip 'a sanitizer keeps memory that was freed', 1
        if Wizdata::Service::has_sanitizer('ingestion');
    cmp_ok(memory('VmHWM') - $before, '<', 24,
        'in memory, too, and never was more');
}
$p->rules({ body => 'x' x ((1 << 20) + 1) });
is(outcome(quote()), 'failed malformed 1', 'a byte too many, not compressed');
my $long = '{"Global Quote": {"01. symbol": "A", "05. price": "1", '
    . '"07. latest trading day": "2024-01-02"}}';
$p->rules({ body => $long . ' ' x ((1 << 20) - length $long) });
is(outcome(quote()), 'done - 1', 'as long as is allowed');
$p->rules({ gzip => 1, body => $long . ' ' x ((1 << 20) - length $long) });
is(outcome(quote()), 'done - 1', 'the same, compressed');
$p->rules({ body => $long, headers => [ map { "X-Header-$_: " . 'h' x 900 }
            1 .. 60 ] });
is(outcome(quote()), 'done - 1', 'headers beyond what is kept');
is(outcome(quote()), 'done - 1', 'and the next one is well');

unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
