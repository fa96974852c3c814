#!/usr/bin/perl

# What requests cost with a plan: over the catalogue and nginx.conf, in every
# window, in what the client and auth are told, and from the moment the plan
# changes.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
$t->backend('analytics', sub { '{"ok":1}' });
$t->auth(undef, methods => { 'usage.add' => sub { '{"added":true}' } });

my $n = 0;
my %key = map { $_ => $t->add_key(sub => 'user:' . ++$n, key => "k$n",
    perm => ['*'], plan => $_) } qw/ plain priced rest big free small /;

$t->config(workers => 2, http => <<'END', location => 'wizdata_limit on;',
wizdata_plan plain rate=100/d burst=100;
    wizdata_plan priced rate=100/d burst=100 day=500 month=900
        cost=bars.query:7 cost=macro.query:0;
    wizdata_plan rest rate=100/d burst=100 cost=*:4 cost=bars.query:9
        cost=indicators.compute:0;
    wizdata_plan big rate=100/d burst=5 cost=bars.query:8;
    wizdata_plan free cost=bars.query:6;
    wizdata_plan small rate=3/d burst=3 cost=macro.query:0;
    wizdata_limit_anonymous rate=100/d burst=100 cost=quotes.query:10;
    wizdata_method bars.query cost=2;
    wizdata_method quotes.query permission=public;
END
    server => <<'END2');
        location = /file {
            wizdata_access key;
            wizdata_limit on;
            alias %%TESTDIR%%/file;
        }
END2
$t->default_config;
$t->write_file('file', "file\n");
$t->run();

my %path = (
    bars => '/v1/bars?symbol=A', macro => '/v1/macro?indicator=GDP',
    quotes => '/v1/quotes?symbol=A', compute => '/v1/indicators/sma?symbol=A',
    file => '/file');
my %told;    # requests and units that auth should hear of

sub ask {
    my ($plan, $what, $cost) = @_;

    if (defined $cost) {
        $told{"$plan $what"}[0]++;
        $told{"$plan $what"}[1] += $cost;
    }
    return get($path{$what}, key => $plan && $key{$plan});
}

sub left {
    my ($r) = @_;

    return join ' ', ($r->header('RateLimit') // '') =~ /r=(\d+)/g;
}

# ---- whose price it is --------------------------------------------------------

is(left(ask('plain', 'bars', 2)), '98', 'without a price: of nginx.conf');
is(left(ask('plain', 'compute', 2)), '96', 'or of the catalogue');
is(left(ask('plain', 'macro', 1)), '95', 'as for all');

my $r = ask('priced', 'bars', 7);
is(left($r), '93 493 893', 'the plan\'s price, of every window');
is($r->header('RateLimit-Policy') =~ s/w=\d+/w/gr,
    '"day";q=100;w, "day-quota";q=500;w, "month-quota";q=900;w',
    'a price is no policy');
is(left(ask('priced', 'compute', 2)), '91 491 891',
    'what it does not name costs what it does');
$r = ask('priced', 'macro', 0);
is($r->status, 200, 'what costs nothing');
is($r->header('RateLimit'), undef, 'is not held to the limits');
is(left(ask('priced', 'bars', 7)), '84 484 884', 'and took nothing');

is(left(ask('rest', 'macro', 4)), '96', 'the price of the rest');
is(left(ask('rest', 'bars', 9)), '87', 'but of those that are named');
is(left(ask('rest', 'compute', 0)), '', 'with 0, too');
is(left(ask('rest', 'file')), '86', 'a location that is no method costs 1');

is(ask('big', 'bars', 8)->status, 200, 'more than the burst, from rest');
$r = ask('big', 'bars');
is_problem($r, 429, 'rate-limited', 'is paid off');
cmp_ok($r->header('Retry-After'), '>', 8 * 864 - 100, 'all of it');

is(ask('free', 'bars', 6)->header('RateLimit'), undef,
    'prices alone limit nothing');

ask('small', 'bars', 2);
is(ask('small', 'bars')->status, 429, 'where too little is left');
is(ask('small', 'macro', 0)->status, 200, 'what costs nothing passes');

is(left(get($path{quotes}, key => undef)), '90', 'prices for addresses');

# ---- what auth is told --------------------------------------------------------

# The sums of what it heard, of all reports, each once.
sub heard {
    my (%sum, %known);
    for my $req ($t->backend_requests('auth', 'usage.add')) {
        my ($g, $seq, $rows) = @{ $req->{args} }{qw/ gateway seq rows /};
        next if $known{"$g $seq"}++;
        for my $row (@$rows) {
            my (undef, undef, undef, $plan, $method, $requests, $cost) = @$row;
            next unless $requests;
            $method =~ s/^indicators\.//;
            my $s = $sum{"$plan " . $method =~ s/\.query$//r} ||= [ 0, 0 ];
            $s->[0] += $requests;
            $s->[1] += $cost;
        }
    }
    return join '; ', map { "$_: @{ $sum{$_} }" } sort keys %sum;
}

sub told {
    my ($name) = @_;

    my $want = join '; ', map { "$_: @{ $told{$_} }" } sort keys %told;
    my $got;
    $t->poll(sub { $got = heard(); $got eq $want });
    is($got, $want, $name);
}

told('the usage is of the same units');

# ---- changes ------------------------------------------------------------------

# What one request takes, as often as both workers are sure to be asked.
sub price {
    my ($plan, $what) = @_;

    my ($before, %took);
    for (1 .. 8) {
        my $r = get($path{$what}, key => $key{$plan});
        return 'status ' . $r->status unless $r->status == 200;
        my $left = left($r) || 0;
        $took{ $before - $left } = 1 if defined $before;
        $before = $left;
    }
    return join ' ', sort keys %took;
}

sub push_plans {
    $t->backend_ctl('auth', 'notify', 'auth.plans', [ [ map { [ @$_ ] } @_ ] ]);
}

my $month = 'month=1000000';    # nothing comes back meanwhile
push_plans([ 'plain', "$month" ], [ 'priced', "$month cost=bars.query:11" ],
    [ 'rest', "$month cost=*:5" ]);
$t->wait_for('a changed price counts in every worker', sub {
    return price('priced', 'bars') eq '11';
});
is(price('priced', 'macro'), '1', 'and one that was taken away');
is(price('rest', 'bars'), '5', 'and one of the rest');
is(price('plain', 'bars'), '2', 'and none, as before');

push_plans([ 'plain', "$month cost=bars.query:3" ],
    [ 'priced', "$month cost=bars.query:12 cost=*:0" ], [ 'rest', "$month" ]);
$t->wait_for('once more', sub { return price('priced', 'bars') eq '12' });
is(price('priced', 'macro'), '0', 'the rest is free');
is(price('rest', 'bars'), '2', 'no price');
is(price('plain', 'bars'), '3', 'a first one');

# What cannot be read changes nothing, and is not cut to what can.
$t->allow(qr/the plan "(?:plain|priced|rest)" of auth is left as it was/);
push_plans([ 'plain', "$month cost=bars.query:4 " . ' ' x 1000 ],
    [ 'priced', "$month cost=quotes:1" ], [ 'rest', "$month cost=*:1001" ],
    [ 'big', "$month cost=bars.query:13" ]);
$t->wait_for('a good one beside', sub { return price('big', 'bars') eq '13' });
is(price('plain', 'bars'), '3', 'a text that is too long');
is(price('priced', 'bars'), '12', 'a method that nobody knows');
is(price('rest', 'bars'), '2', 'a price that is too high');
my $log = $t->read_file('error.log');
like($log, qr/"plain" of auth .*at most 960 characters/, 'the log says so');
like($log, qr/"priced" of auth .*"cost=quotes:1": no such method/, 'why');

push_plans();
$t->wait_for('those of nginx.conf again', sub {
    return 4 == grep { ($_->header('RateLimit-Policy') // '') =~ /^"day";q=100;/ }
        map { get($path{bars}, key => $key{plain}) } 1 .. 4;
});

# A reload with other prices.
my $conf = $t->read_file('nginx.conf');
$t->write_file('nginx.conf', $conf
    =~ s/plain rate=100.d burst=100/plain month=1000000 cost=bars.query:21/r);
$t->renew;
is(price('plain', 'bars'), '21', 'a reload changes prices');
