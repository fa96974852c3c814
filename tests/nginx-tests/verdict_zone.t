#!/usr/bin/perl

# The zone of verdicts over reloads: the same size keeps it, another size
# takes its content over, and what is revoked stays revoked.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { '{}' });
$t->config(workers => 2, zone => '1m', http => 'wizdata_verdict_ttl 1h;');
$t->run();

my $path = '/v1/bars?symbol=IBM';

sub status { return get($path, key => $_[0])->status }
sub asked { return $t->backend_calls('auth', 'auth.verify') }
sub refused { return join ' ', grep { $_ != 200 } map { status($_) } @_ }

sub zone_of {
    my ($size) = @_;

    my $conf = $t->read_file('nginx.conf');
    $conf =~ s/wizdata_zone \w+;/wizdata_zone $size;/ or die;
    $t->write_file('nginx.conf', $conf);
}

sub resize {
    my ($size) = @_;

    zone_of($size);
    ok($t->renew, "reload with a zone of $size");
}

my @keys = map { $t->add_key(perm => ['*'], nets => ['127.0.0.0/8']) } 1 .. 40;
is(refused(@keys), '', 'known');
my $gone = $t->add_key(perm => ['*']);
status($gone);
$t->revoke($gone);
$t->wait_for('revoked', sub { status($gone) == 401 });

for my $size ('1m', '4m', '300k', '2m') {
    my $before = asked();
    resize($size);
    is(refused(@keys), '', 'every key is good');
    cmp_ok(asked() - $before, '<=', @keys, 'asked about at most once each');
    is(join(' ', map { status($gone) } 1 .. 6), join(' ', (401) x 6),
        'what is revoked stays so');
}

# What new workers find is there, if too old to be used without asking.
sub missed {
    my ($n) = get('/metrics')->body =~
        /^cache_operations_total\{operation="verdict",result="miss"\} (\d+)/m;
    die 'no such metric' unless defined $n;
    return $n;
}

for my $size ('3m', '1m') {
    is(refused(@keys), '', 'known again');
    my $before = missed();
    resize($size);
    is(refused(@keys), '', 'good');
    is(missed(), $before,
        'a zone of another size knows what the old one knew');
}

# ---- a spray in the smallest zone ----

resize('256k');
is(refused(@keys), '', 'known again');
my $c = client();
$c->get($path, key => wd_apikey(), keepalive => 1) for 1 .. 3000;
my $before = missed();
is(refused(@keys), '', 'good');
is(missed(), $before, 'a spray evicts no good key');

# ---- a worker that is killed ----

$t->allow(qr/exited on signal 9/);
for (1 .. 5) {
    my ($pid) = $t->workers;
    kill 'KILL', $pid;
    $t->poll(sub { my @w = $t->workers; @w == 2 && !grep { $_ == $pid } @w });
    $t->wait_for('goes on', sub { status($keys[0]) == 200 });
    is(status($gone), 401, 'revoked stays revoked');
}
