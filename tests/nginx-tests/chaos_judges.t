#!/usr/bin/perl

# The judges of the storms object: one violation of each promise is planted,
# and every judge has to see its own.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Chaos;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
if (my $why = Wizdata::Redis->missing) {
    $t->{skipped} = 1;
    plan(skip_all => $why);
}
$t->allow(qr/a planted line/);

my $w = Wizdata::Chaos->new($t, seconds => 3, plant => 1,
    phases => [qw/ calm drain /]);
$w->run;

my %want = (
    revocation => qr/^let in \d+ ms after: .*kind=key/,
    purge => qr/^older than \d+, \d+ ms after/,
    limit => qr/^key \d: \d+ admitted in /,
    statuses => qr/kind=uncached .*status=503/,
    answers => qr/kind=private .*wrong=mixed:user:p0 /,
    healthy => qr{^gateway 0: /health 503},
    places => qr/^gateway 0: wizdata_limit_concurrent 1$/,
    counters => qr/^gateway 0: \d+ requests counted, \d+ logged/,
    log => qr/a planted line/,
    zones => qr/^gateway 1: zone planted: 99 of 100 bytes/,
    memory => qr/^gateway 1: master: private memory grew by \d{4,} kB/,
);
for my $judge ($w->judges, 'memory') {
    my @bad = @{ $w->complaints($judge) };
    ok(scalar(grep { $_ =~ $want{$judge} } @bad), "$judge objects")
        or diag(join "\n", splice @bad, 0, 5);
}
$w->stop;
