#!/usr/bin/perl

# TLS of the provider simulators, and what may be wrong with it, seen by curl
# and openssl.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Sim;
use Wizdata::Sim::Probe;

plan(skip_all => 'no IO::Socket::SSL here') if !Wizdata::Sim->has_tls;

package Wizdata::Sim::Same {
    our @ISA = ('Wizdata::Sim');
    sub answer { return Wizdata::Sim::Answer->json(200, '"' . 'x' x 200_000
            . '"') }
}

my $sim = Wizdata::Sim::Same->start(tls => 'good', names => ['api.example']);
my ($r, $out);

sub ask { return curl($sim->url('/'), '--cacert', $sim->ca, @_) }

# What openssl says about a handshake.
sub shake {
    my (@args) = @_;

    return bytes_of('sh', '-c', 'openssl s_client -connect "$0" "$@" '
        . '</dev/null 2>&1', '127.0.0.1:' . $sim->port, '-CAfile', $sim->ca,
        @args);
}

like($sim->url('/'), qr{^https://localhost:\d+/$}, 'its URL');
$r = ask();
is("$r->{exit} $r->{status} " . length $r->{body}, '0 200 200002', 'good');
like(shake(), qr/Verify return code: 0/, 'openssl verifies it');
is(curl($sim->url('/'))->{exit}, 60, 'not known to the world');
is(curl('https://api.example:' . $sim->port . '/', '--cacert', $sim->ca,
        '--resolve', 'api.example:' . $sim->port . ':127.0.0.1')->{exit}, 0,
    'a further name');

for my $case ([ 'expired', 60, qr/certificate has expired/ ],
    [ 'wrong-host', 60, undef ],
    [ 'self-signed', 60, qr/self-signed certificate/ ],
    [ 'unknown-ca', 60, qr/unable to (get|verify)/ ]) {
    my ($mode, $exit, $words) = @$case;
    $sim->tls($mode);
    is(ask()->{exit}, $exit, "$mode: refused");
    is(ask('-k')->{exit}, 0, 'by its certificate only');
    like(shake(), $words, 'as openssl sees it') if $words;
}
$sim->tls('wrong-host');
like(shake('-verify_hostname', 'localhost'), qr/[Hh]ostname mismatch/,
    'wrong-host, as openssl sees it');

$sim->tls('old');
isnt(ask()->{exit}, 0, 'TLS 1.1: refused');
unlike(shake('-tls1_2'), qr/Cipher is [A-Z]{2}/, 'it speaks no TLS 1.2');
like(shake('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'),
    qr/Protocol *: TLSv1\.1.*Cipher is ECDHE|Cipher is ECDHE.*TLSv1\.1/s,
    'but TLS 1.1 with those who still do');
for my $mode (qw/ no-alert garbage reset /) {
    $sim->tls($mode);
    is(ask()->{exit}, 35, "$mode: no handshake");
}
$sim->tls('garbage');
my $c = Wizdata::Sim::Probe->connect($sim);
$c->say("\x16\x03\x01\x00\x05hello");
is_deeply([ $c->hear() ], [ "220 no TLS is spoken here\r\n", 'eof' ],
    'garbage in plain');
$sim->tls('reset');
$c = Wizdata::Sim::Probe->connect($sim);
$c->say("\x16\x03\x01\x00\x05hello");
is_deeply([ $c->hear() ], [ '', 'reset' ], 'a reset after the greeting');
$sim->tls('hang');
$c = Wizdata::Sim::Probe->connect($sim);
$c->say("\x16\x03\x01\x00\x05hello");
is(curl($sim->url('/'), '-m', 1)->{exit}, 28, 'hang: never');
is($sim->connections()->{open}, 1, 'and the connection stays');
$c->close();

# The faults of answers are the same behind TLS.
$sim->tls('good');
$sim->fault('reset', at => 10);
$r = ask();
is("$r->{exit} " . length $r->{body}, '56 10', 'a reset in the body');
$sim->clear();
$sim->fault('fin', at => 10);
is(length ask()->{body}, 10, 'an end in the body');
$sim->clear();
is(ask()->{exit}, 0, 'good again');
is($sim->connections()->{open}, 0, 'no connection is left');

# Nonsense where a greeting belongs ends that connection and no other.
$c = Wizdata::Sim::Probe->connect($sim);
$c->get('/');
isnt(($c->hear())[1], 'waiting', 'plain HTTP is cut off');
is(ask()->{exit}, 0, 'and it lives on');

my $many = 60;
my $gate = $sim->fault('gate', name => 'many');
my @pids = map {
    my $pid = fork() // die "fork: $!";
    if (!$pid) {
        my $exit = curl($sim->url('/many'), '--cacert', $sim->ca)->{exit};
        POSIX::_exit($exit);
    }
    $pid;
} 1 .. $many;
$sim->wait_log($many, path => '/many');
is($sim->connections()->{open}, $many, "$many at once");
$sim->open_gate('many');
my $failed = 0;
for (@pids) {
    waitpid $_, 0;
    $failed++ if $?;
}
is($failed, 0, 'all answered');
$sim->stop();

# ---- certificates of clients

$sim = Wizdata::Sim::Same->start(tls => 'good', client_ca => 1);
isnt(ask()->{exit}, 0, 'no certificate: refused');
my ($certificate, $key) = $sim->client('other');
isnt(ask('--cert', $certificate, '--key', $key)->{exit}, 0,
    'by an unknown authority: refused');
($certificate, $key) = $sim->client;
is(ask('--cert', $certificate, '--key', $key)->{exit}, 0, 'good');
is(($sim->log())[-1]{peer}, 'client', 'its subject is in the log');

done_testing();
