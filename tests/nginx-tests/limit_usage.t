#!/usr/bin/perl

# Usage: what auth is told equals what was admitted, through errors, a dead
# auth, a reload and killed workers; each report counts once.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $answer = "$t->{dir}/answer";
$t->backend('analytics', sub { return '{"ok":1}' });
$t->auth(undef, methods => {
    'usage.add' => sub {
        return error_reply(-14, 'not now') if -e "$answer.no";
        return ignore() if -e "$answer.never";
        return reply('{"added":true}');
    },
});

my $a = $t->add_key(sub => 'user:1', key => 'k1', plan => 'wide',
    perm => ['*']);
my $b = $t->add_key(sub => 'user:2', key => 'k2', plan => 'small',
    perm => ['*']);

$t->config(workers => 2, location => 'wizdata_limit on;', http => <<'XY');
wizdata_timeout usage.add 300ms;
    wizdata_plan wide rate=1000/s burst=1000;
    wizdata_plan small rate=3/h burst=3;
    wizdata_limit_anonymous rate=1000/m burst=1000;
XY
$t->run();

# Reports by number, however often they were sent: sums of their rows.
my %seen;
my $conflict = 0;

sub usage {
    my (%sum, %known);
    for my $req ($t->backend_requests('auth', 'usage.add')) {
        my ($g, $seq, $rows) = @{ $req->{args} }{qw/ gateway seq rows /};
        my $text = join '|', sort map { join ',', @$_ } @$rows;
        $conflict++ if exists $seen{"$g/$seq"} && $seen{"$g/$seq"} ne $text;
        $seen{"$g/$seq"} = $text;
        next if $known{"$g/$seq"}++;
        for my $row (@$rows) {
            my ($day, $who, $key, $plan, $method, $n, $cost, $no) = @$row;
            my $s = $sum{"$who $key $plan $method"} ||= [ 0, 0, 0 ];
            $s->[0] += $n;
            $s->[1] += $cost;
            $s->[2] += $no;
        }
    }
    return join '; ', map { "$_ = @{ $sum{$_} }" } sort keys %sum;
}

sub ask {
    my ($key, $n) = @_;

    my %count;
    $count{ get('/v1/bars?symbol=A', key => $key)->status }++ for 1 .. $n;
    return \%count;
}

my ($wide, $small) = ([ 0, 0 ], [ 0, 0 ]);

sub more {
    my ($n) = @_;

    my ($c, $d) = (ask($a, $n), ask($b, $n));
    $wide->[0] += $c->{200} // 0;
    $wide->[1] += $c->{429} // 0;
    $small->[0] += $d->{200} // 0;
    $small->[1] += $d->{429} // 0;
}

sub equal {
    my ($name) = @_;

    my $want = sprintf 'user:1 k1 wide bars.query = %d %d %d; '
        . 'user:2 k2 small bars.query = %d %d %d', $wide->[0], $wide->[0],
        $wide->[1], $small->[0], $small->[0], $small->[1];
    my $got;
    $t->poll(sub { $got = usage(); $got eq $want });
    is($got, $want, $name);
}

more(10);
is($small->[0], 3, 'some were refused');
equal('usage equals what was admitted');
get('/v1/bars?symbol=A', key => undef) for 1 .. 3;
like((values %seen)[0], qr/^\d{4}-\d\d-\d\d,user:\d/, 'rows have their day');

# auth answers with errors, or not at all.
$t->write_file('answer.no', '');
more(5);
my $before = $t->backend_calls('auth', 'usage.add');
$t->wait_for('a report is sent again', sub {
    return $t->backend_calls('auth', 'usage.add') >= $before + 2;
});
$t->write_file('answer.never', '');
unlink "$answer.no";
more(5);
$t->wait_for('and again when nobody answers', sub {
    return $t->backend_calls('auth', 'usage.add') >= $before + 4;
});
unlink "$answer.never";
equal('all of it arrived');

# auth is gone. Verdicts are known, so requests go on.
$t->allow(qr/auth/);
more(1);
$t->backend_stop('auth');
more(7);
$t->backend_start('auth');
equal('nothing was lost while auth was down');

# A reload, and workers that are killed.
more(6);
$t->renew;
more(6);
equal('nor in a reload');

$t->allow(qr/worker process \d+ exited on signal 9/);
more(6);
kill 'KILL', $t->workers;
$t->poll(sub { my $r = eval { get('/health') }; $r && $r->status == 200 });
more(2);
equal('nor with killed workers');

is($conflict, 0, 'a report never changes');
