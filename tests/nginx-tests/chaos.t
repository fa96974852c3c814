#!/usr/bin/perl

# Two gateways in a short storm of faults: killed workers, reloads with other
# zone sizes, a Redis and backends that stop, die, and talk rubbish. tests/chaos
# makes longer ones. The seed is printed, and may be given as
# WIZDATA_CHAOS_SEED.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Chaos;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
if (my $why = Wizdata::Redis->missing) {
    $t->{skipped} = 1;
    plan(skip_all => $why);
}

my $w = Wizdata::Chaos->new($t, seconds => 13,
    seed => $ENV{WIZDATA_CHAOS_SEED});
diag("seed $w->{seed}");
$w->run;

for my $judge ($w->judges) {
    my @bad = @{ $w->complaints($judge) };
    is(scalar @bad, 0, $judge)
        or diag(join "\n", splice @bad, 0, 10);
}
note($_) for $w->summary;
ok($w->stop, 'the second gateway ends when asked');
