#!/usr/bin/perl

# A reload under load: no request fails, the old workers end, counters and
# configuration go on.

use warnings;
use strict;

use POSIX ();

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;
    my $s = $req->{args}{symbol}[0];
    return stream(300_000) if $s eq 'LONG';
    return hold('held') if $s eq 'HOLD';
    return '{"small":1}';
});
$t->config(workers => 2);
$t->run();

get('/v1/bars?symbol=A') for 1 .. 10;

# Clients in processes of their own, until told to stop; each says what went
# wrong, and how much it did. They do not reuse connections: closing an idle
# one is a server's right, and would be no failure.
my @clients = map { load($_) } 1 .. 3;

sub load {
    my ($n) = @_;

    pipe my $r, my $w or die;
    my $pid = fork;
    die unless defined $pid;
    if ($pid) {
        close $w;
        return { pid => $pid, fh => $r };
    }

    my ($count, @wrong) = (0);
    until (-e "$t->{dir}/enough" && $count > 50) {
        my $long = $count++ % 5 == 0;
        my $r = get('/v1/bars?symbol=' . ($long ? 'LONG' : 'A'));
        push @wrong, $r->status . '/' . length $r->body
            if $r->status != 200 || $r->short
            || length $r->body != ($long ? 300_000 : 11);
    }
    syswrite $w, "$count @wrong\n";
    POSIX::_exit(0);
}

# One request that is open all the time.
my $c = client();
$c->send_request('GET', '/v1/bars?symbol=HOLD');
$t->poll(sub { $t->backend_ctl('analytics', 'held') });

my @old = $t->workers;
my @older;

for my $n (1 .. 3) {
    my %before = map { $_ => 1 } $t->workers;
    $t->reload;
    $t->wait_for("reload $n: new workers", sub {
        2 <= grep { !$before{$_} } $t->workers });
    push @older, keys %before;
}

$t->backend_ctl('analytics', 'release');
is($c->response->body, 'held', 'the open request is answered');

my %first = map { $_ => 1 } @older;
$t->wait_for('the old workers end',
    sub { !grep { $first{$_} } $t->workers });

$t->write_file('enough', '');
for my $client (@clients) {
    my $fh = $client->{fh};
    my $line = <$fh> // '';
    waitpid $client->{pid}, 0;
    my ($count, $wrong) = $line =~ /^(\d+) (.*)$/;
    is($wrong, '', 'no request failed');
    cmp_ok($count, '>=', 50, 'of more than fifty');
}

$t->wait_for('connections of old workers are closed',
    sub { $t->backend_ctl('analytics', 'conns') == 2 });
is(get('/v1/bars?symbol=A')->status, 200, 'all is well');

# ---- another configuration ----

my $conf = $t->read_file('nginx.conf');
$t->write_file('nginx.conf', $conf =~ s/wizdata_zone 4m/wizdata_zone 8m/r);
my %before = map { $_ => 1 } $t->workers;
$t->reload;
$t->wait_for('a zone of another size: new workers', sub {
    2 == grep { !$before{$_} } $t->workers });
is(get('/v1/bars?symbol=A')->status, 200, 'works');

# A mistake keeps the old one.
$t->allow(qr/\[emerg\]/);
for my $bad ('wizdata_service analytics;', 'wizdata_service nobody unix:/x;',
    'wizdata_timeout nothing.there 1s;', 'wizdata_timeout bars.query soon;',
    'wizdata_zone 1;')
{
    my $n = () = $t->read_file('error.log') =~ /\[emerg\]/g;
    $t->write_file('nginx.conf', $conf =~ s/(wizdata_zone \S+;)/$1 $bad/r);
    $t->reload;
    $t->wait_for("refused: $bad", sub {
        $n < (() = $t->read_file('error.log') =~ /\[emerg\]/g) });
    is(get('/v1/bars?symbol=A')->status, 200, 'the old one is kept');
}
