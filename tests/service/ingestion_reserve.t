#!/usr/bin/perl

# History does not spend the calls of a day that keep collections up to date:
# as many are left as the runs that are to come need.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Collections;

use constant { DAY => 25, LIVE => 3 };

# A day ends while this runs: another one is better.
sleep 1 while time % 86400 > 86400 - 120;

my $t = Wizdata::Collections->start(WIZDATA_ALPHAVANTAGE_PER_DAY => DAY);
my $pg = $t->pg;

sub used { return $pg->psql("SELECT coalesce(sum(used), 0) FROM provider_quota
    WHERE provider = 'alphavantage'") }
sub left { return $pg->psql("SELECT count(*) FROM ingest_job
    WHERE status = 'queued' AND priority > 0") }
sub live { return scalar grep { /^daily/ } $t->asked() }

# Its last run was yesterday's, a minute before midnight.
$t->provider->market(from => '2026-01-01');
$t->file('a.conf', <<'END');
[live]
provider = alphavantage
dataset = daily
instruments = A, B, C
every = 1d
at = 23:59
END
ok($t->in->wait_for(sub { live() == 0 && used() == LIVE }), 'a first run');
ok($t->settled(), 'is done');

$t->file('b.conf', <<'END');
[history]
provider = alphavantage
dataset = intraday
interval = 60min
instruments = SPY, QQQ
every = 1w
from = 2020-01-01
END
ok($t->in->wait_for(sub { used() == DAY - LIVE && left() }),
    'history until as many calls are left as the next run needs');

# What somebody asks for goes at once, and shows that history is passed over.
is($t->in->wait_job($t->in->run('alphavantage', 'quote', symbol => 'IBM'))
    ->{status}, 'done', 'a question by hand');
is(used(), DAY - LIVE + 1, 'is one more, and history has none');
$pg->psql("UPDATE provider_quota SET used = used - 1");

# The run of the day: nothing is kept for it any more.
$t->asked();
$pg->psql("UPDATE collection_item SET live_at = NULL WHERE dataset = 'daily';
    NOTIFY wizdata_plan");
ok($t->in->wait_for(sub { $pg->psql("SELECT count(*) FROM collection_item
    WHERE dataset = 'daily' AND live_to IS NULL AND live_at IS NOT NULL")
        == LIVE }), 'the next run comes through');
is(live(), LIVE, 'with all of its calls');
is(used(), DAY, 'the last of the day');
ok(left(), 'and history goes on tomorrow');

# A collection that is paused is not waited for.
$pg->psql("UPDATE provider_quota SET used = used - 2");
$t->in->get('collections.pause', name => 'live');
ok($t->in->wait_for(sub { used() == DAY }), 'or earlier, when it may');

# On its days off nothing is kept; of many runs, all that the day still sees.
my $today = (gmtime)[6];
my $other = (qw/ sun mon tue wed thu fri sat /)[($today + 3) % 7];
$t->in->get('collections.resume', name => 'live');
$pg->psql("UPDATE provider_quota SET used = used - 2");
sub live_every {
    my ($every, $days) = @_;

    $t->file('a.conf', <<"END");
[live]
provider = alphavantage
dataset = daily
instruments = A, B, C
every = $every
at = 23:59
$days
END
}
sub ahead { return $pg->psql("SELECT ahead_calls FROM collection
    WHERE name = 'live'") }
ok($t->in->wait_for(sub { ahead() == LIVE }), 'a run is ahead');
is(used(), DAY - 2, 'and its calls are kept');
live_every('1d', "weekdays = $other");
ok($t->in->wait_for(sub { ahead() == 0 && used() == DAY }),
    'none is, on a day without a run');
live_every('1m', '');
ok($t->in->wait_for(sub { ahead() == LIVE }), 'the last minute of the day');

unlike($t->in->log(), qr/"level":"error"/, 'no errors');
done_testing();
