#!/usr/bin/perl

# Collections: what a plan says and what is then asked; only what is new is
# asked for, with what may have been corrected; history comes behind it, and
# goes on after a crash; what was missed is caught up with.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use POSIX ();
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Collections;

# A question is asked again when its answer does not come, or its process does
# not say that it lives: not because the machine is busy.
my @patient = (WIZDATA_INGESTION_TIMEOUT => '30s',
    WIZDATA_INGESTION_LEASE => '60s');
my $t = Wizdata::Collections->start(@patient,
    WIZDATA_INGESTION_BREAKER_FAILURES => 1000);
my $pg = $t->pg;
my ($plan, @asked, @live, @fill, %items);

# Days and months around today, as UTC has them.
sub day { POSIX::strftime('%Y-%m-%d', gmtime(time - $_[0] * 86400)) }

sub months {
    my ($from, $to) = @_;

    my ($y, $m) = $from =~ /^(\d+)-(\d+)/;
    my @months;
    while (sprintf('%04d-%02d', $y, $m) le substr $to, 0, 7) {
        push @months, sprintf '%04d-%02d', $y, $m;
        ($y, $m) = $m == 12 ? ($y + 1, 1) : ($y, $m + 1);
    }
    return @months;
}

sub is_weekday { POSIX::strftime('%u', gmtime(time - $_[0] * 86400)) < 6 }

my $year = substr day(0), 0, 4;
my $since = substr day(3 * 365), 0, 4;      # a new series of years
my ($close) = grep { is_weekday($_) } 1 .. 4;   # days since the last one
my $half = substr(day(190), 0, 7) . '-01';
$t->provider->market(from => '2020-01-01');

# ---- a plan, and what comes of it

$t->file('all.conf', <<"END");
[daily]
provider = alphavantage
dataset = daily
instruments = IBM, AAPL
every = 1d
from = 2020-01-01
paused = true

[minutes]
provider = alphavantage
dataset = intraday
interval = 5min
instruments = SPY
every = 1d
from = $half
paused = true

[macro]
provider = worldbank
dataset = indicator
country = DEU
instruments = NY.GDP, SP.POP
every = 1w
from = 1990-01-01
paused = true
END

$plan = $t->in->get('ingest.plan', limit => 1000);
@live = $t->planned($plan, 'live');
@fill = $t->planned($plan, 'backfill');
my @minutes = months(day(3), day(0));
is_deeply([ sort @live ], [ sort
    'daily outputsize=compact symbol=AAPL',
    'daily outputsize=compact symbol=IBM',
    (map { "intraday interval=5min month=$_ outputsize=full symbol=SPY" }
        @minutes),
    map { "indicator country=DEU date=$since:$year indicator=$_" }
        qw/ NY.GDP SP.POP / ], 'live: the latest of each');
my @old = reverse grep { $_ lt $minutes[0] } months($half, day(0));
is_deeply([ grep { /^intraday/ } @fill ],
    [ map { "intraday interval=5min month=$_ outputsize=full symbol=SPY" }
        @old ], 'back-fill: the months before, newest first');
is_deeply([ sort grep { !/^intraday/ } @fill ], [
    'daily outputsize=full symbol=AAPL', 'daily outputsize=full symbol=IBM',
    map { 'indicator country=DEU date=1990:' . ($since - 1) . " indicator=$_" }
        qw/ NY.GDP SP.POP / ], 'in one question where one is enough');
my %cost = map { $_->{provider} => $_ } @{ $plan->{providers} };
is($cost{alphavantage}{live_calls}, 2 + @minutes, 'calls of live questions');
is($cost{alphavantage}{backfill_calls}, 2 + @old, 'of the back-fill');
is($cost{worldbank}{calls}, 4, 'of both');
is($plan->{not_shown}, 0, 'all are shown');
is(scalar @{ $t->in->get('ingest.plan', limit => 3)->{questions} }, 3,
    'or as many as are wanted');
is($t->in->get('ingest.plan', limit => 3)->{not_shown}, @live + @fill - 3,
    'and how many are not');
is(scalar $t->asked(), 0, 'paused, nothing is asked');

$t->in->get('collections.resume', name => $_) for qw/ daily minutes macro /;
ok($t->settled(), 'resumed, all is asked') or diag $t->in->log();
@asked = $t->asked();
is_deeply([ sort @asked ], [ sort @live, @fill ], 'what the plan said');
is($pg->psql('SELECT count(*) FROM ingest_job l JOIN ingest_job f
    ON f.provider = l.provider AND f.created_at >= l.created_at
    WHERE l.priority = 0 AND f.priority > 0 AND f.started_at < l.started_at'),
    0, 'live before back-fill');

is($pg->psql('SELECT count(*) FROM collection_slice'), 0, 'nothing failed');
is($t->collection('daily')->{backfill}{done}, 2, 'the back-fill is done');
is($t->collection('minutes')->{backfill}{slices}, scalar @old, 'slices');
is($t->collection('minutes')->{backfill}{left}, 0, 'none is left');
is($pg->psql("SELECT count(*) > 1500 FROM bar WHERE timeframe = 6 AND
    instrument_id = (SELECT id FROM instrument WHERE symbol = 'IBM')"), 't',
    'the history is there');
is($t->in->get('ingest.plan', limit => 100)->{providers}[0]{backfill_calls}, 0,
    'and is planned no more');

# ---- only what is new, and what may have changed

ok($t->in->wait_for(sub { my %i = $t->items('macro');
    ($i{'NY.GDP'}{data_to} // '') =~ /^@{[ $year - 2 ]}-01-01/ }),
    'the mark is what processing accepted');

# A row of last week, and one from before the overlap, are corrected.
my ($within) = grep { is_weekday($_) } 2 .. 5;
my ($before) = grep { is_weekday($_) } 500 .. 503;
$t->provider->market(close => { 'IBM ' . day($within) => 77,
    'IBM ' . day($before) => 88 });
$t->due($_) for qw/ daily minutes macro /;
ok($t->in->wait_for(sub { $t->provider->requests() >= $t->{seen} + @live }),
    'the next run');
ok($t->settled(), 'is done');
is_deeply([ sort $t->asked() ], [ sort
    'daily outputsize=compact symbol=AAPL',
    'daily outputsize=compact symbol=IBM',
    (map { "intraday interval=5min month=$_ outputsize=full symbol=SPY" }
        months(day($close + 3), day(0))),
    map { 'indicator country=DEU date=' . ($year - 5) . ":$year indicator=$_" }
        qw/ NY.GDP SP.POP / ], 'asks from the mark, less the overlap');

my $bar = "SELECT close FROM %s WHERE timeframe = 6 AND ts = '%s' AND
    instrument_id = (SELECT id FROM instrument WHERE symbol = 'IBM')";
is($pg->psql(sprintf $bar, 'bar', day($within)), 77, 'a late correction');
isnt($pg->psql(sprintf $bar, 'bar_history', day($within)), '',
    'beside what was known before');
isnt($pg->psql(sprintf $bar, 'bar', day($before)), 88,
    'what is older is not asked for');

# ---- a mark of the future, and one that somebody else has moved

$pg->psql("UPDATE collection_item SET high = now() + interval '30 years'
    WHERE dataset = 'intraday'");
$t->due('minutes', 70);
ok($t->in->wait_for(sub { $t->provider->requests() > $t->{seen} }),
    'after seventy days');
ok($t->settled(), 'settled');
is_deeply([ sort $t->asked() ], [
    map { "intraday interval=5min month=$_ outputsize=full symbol=SPY" }
        months(day(73), day(0)) ], 'from where it was covered');

# ---- three months without anybody: all of them are caught up with

$t->in->down();
$t->due($_, 95) for qw/ daily minutes macro /;
$t->in->up();
ok($t->in->wait_for(sub { $t->provider->requests() >= $t->{seen} + 8 }),
    'after an outage');
ok($t->settled(), 'it catches up');
@asked = $t->asked();
is_deeply([ sort grep { /^intraday/ } @asked ],
    [ map { "intraday interval=5min month=$_ outputsize=full symbol=SPY" }
        months(day(98), day(0)) ], 'month by month');
is_deeply([ sort grep { /^daily/ } @asked ], [ map {
    "daily outputsize=full symbol=$_" } qw/ AAPL IBM / ],
    'with all rows where the latest are not enough');
is($pg->psql("SELECT count(*) FROM collection_item WHERE covered_to <
    now() - interval '1 hour'"), 0, 'nothing is missing');

# ---- killed in the middle of a back-fill

$t->provider->hold();
$t->file('more.conf', <<"END");
[killed]
provider = alphavantage
dataset = intraday
interval = 5min
instruments = QQQ
every = 1d
from = $half
END
my $job = "SELECT id FROM ingest_job WHERE status = 'running'";
ok($t->in->wait_for(sub { $pg->psql($job) ne '' }), 'it is asked');
$t->provider->unhold();
ok($t->in->wait_for(sub { ($t->collection('killed')->{backfill}{done} // 0)
    >= 2 }), 'and has begun');
$t->provider->hold();
my $held = $t->provider->requests();
ok($t->in->wait_for(sub { $t->provider->requests() > $held }),
    'one is on its way');
my $lost = $pg->psql($job);
is($t->in->down('KILL'), 137, 'killed');
$t->provider->unhold();
$pg->psql("UPDATE ingest_job SET lease_until = now() - interval '1 s'
    WHERE status = 'running'");
$t->in->up();
ok($t->settled(), 'another process goes on');
is($pg->psql("SELECT status FROM ingest_job WHERE id = $lost"), 'done',
    'with the one that was lost');
@asked = $t->asked();
my @months = grep { /symbol=QQQ/ } @asked;
my %once = map { $_ => 1 } @months;
is_deeply([ sort keys %once ], [
    map { "intraday interval=5min month=$_ outputsize=full symbol=QQQ" }
        months($half, day(0)) ], 'no month is left out');
ok(@months <= keys(%once) + 1, 'none but the lost one is asked for twice');
is($t->collection('killed')->{backfill}{left}, 0, 'all of it is done');

# ---- what fails

$t->provider->market(say => [
    [ qr/symbol=NONE/, '{"Error Message": "Invalid API call. Please retry"}' ],
    [ qr/outputsize=full&symbol=DIS/, '{"Information": "The '
        . '**outputsize=full** parameter value is a premium feature for the '
        . 'TIME_SERIES_DAILY endpoint. You may subscribe to any of the premium '
        . 'plans to unlock it"}' ],
    [ qr/symbol=SICK/, '<html>down</html>', 503 ],
    [ qr/month=$old[-2]&outputsize=full&symbol=NEW/,
        '{"Error Message": "Invalid API call. Please retry"}' ] ]);
$t->file('bad.conf', <<"END");
[failing]
provider = alphavantage
dataset = daily
instruments = NONE, DIS, SICK, VZ
every = 1d
from = 2020-01-01
[listed]
provider = alphavantage
dataset = intraday
interval = 5min
instruments = NEW
every = 1d
from = $half
END
ok($t->in->wait_for(sub { my $c = $t->collection('failing');
    $c->{live}{waiting} >= 2 && $c->{instruments}{stopped} == 1
        && $c->{backfill}{stopped} == 2 && $t->collection('listed')->{backfill}
        {stopped} == 1 }, 40), 'each in its way') or diag explain
    $t->in->get('collections.list');
%items = $t->items('failing');
is($items{NONE}{stopped}{class}, 'not_found', 'what there is not, is not asked');
ok(!$items{DIS}{stopped}, 'what is not in the plan, neither,');
is($items{DIS}{backfill_stopped}{class}, 'permission', 'with the reason');
is($items{SICK}{class}, 'upstream', 'what is out of order waits');
ok($items{VZ}{answered_at}, 'all others go on');
%items = $t->items('listed');
is($items{NEW}{backfill_stopped}{class}, 'not_found',
    'where a history begins, the back-fill ends');
is(substr($items{NEW}{backfill_to}, 0, 7), $old[-3], 'with what there is');
@asked = $t->asked();
is((grep { /month=$old[-1].*symbol=NEW/ } @asked), 0, 'and does not go on');

# well again: what waits is asked when its time has come
$t->provider->market(say => []);
$pg->psql('UPDATE collection_slice SET not_before = now() WHERE job IS NULL;
    NOTIFY wizdata_plan');
ok($t->in->wait_for(sub { my %i = $t->items('failing');
    $i{SICK}{answered_at} }), 'after its failure');
ok($t->settled(), 'settled');
%items = $t->items('failing');
ok($items{NONE}{stopped} && !$items{NONE}{answered_at}, 'what stopped stays');
is($items{SICK}{class}, undef, 'and an error that has passed is forgotten');

# a person may try again
$t->asked();
$t->in->get('collections.run', name => 'failing');
ok($t->in->wait_for(sub { my %i = $t->items('failing');
    !grep { $_->{stopped} || $_->{backfill_stopped} || !$_->{answered_at} }
        values %i }), 'on request all is tried again');
ok($t->settled(), 'settled');
is(scalar(grep { /symbol=(?:NONE|DIS)/ && /outputsize=full/ } $t->asked()), 2,
    'their history, too');

# ---- two instances

my $other = Wizdata::Ingestion->start($pg, lake => $t->in->{lake},
    url => $t->provider->url('market'), @patient,
    WIZDATA_INGESTION_COLLECTIONS => $t->{dir});
my $symbols = join ', ', map { "S$_" } 1 .. 40;
my @names = map { "many$_" } 1 .. 4;
$t->write_file('many.conf', join '', map { <<"END" } 1 .. 4);
[many$_]
provider = alphavantage
dataset = daily
instruments = @{[ join ', ', map { my $s = $_; "S$s" } ($_ - 1) * 40 + 1 .. $_ * 40 ]}
every = 1d
from = 2020-01-01
END
kill 'HUP', $t->in->svc->pid, $other->svc->pid;
ok($t->in->wait_for(sub { $t->collection('many4')
    && $t->collection('many4')->{backfill}{since} }), 'both read the files');
ok($t->settled(), 'settled');
@asked = $t->asked();
is_deeply([ sort @asked ], [ sort map { ("daily outputsize=compact symbol=S$_",
    "daily outputsize=full symbol=S$_") } 1 .. 160 ],
    'two instances ask each question once');
is($pg->psql("SELECT count(DISTINCT worker) FROM ingest_job WHERE
    args->>'symbol' ~ '^S[0-9]'"), 2, 'together');
is($pg->psql('SELECT count(*) FROM (SELECT 1 FROM ingest_job WHERE
    args->>\'symbol\' ~ \'^S[0-9]\' GROUP BY args HAVING count(*) > 1) x'), 0,
    'no job is made twice');
$t->due($_) for @names;
ok($t->in->wait_for(sub { $t->provider->requests() >= $t->{seen} + 160 }),
    'a run of all');
ok($t->settled(), 'settled');
is_deeply([ sort $t->asked() ], [ sort map {
    "daily outputsize=compact symbol=S$_" } 1 .. 160 ], 'again each once');

unlike($t->in->log() . $other->log() . $t->pr->log(),
    qr/Sanitizer|runtime error/, 'no sanitizer findings');
unlike($t->in->log() . $other->log(), qr/"level":"error"/, 'no errors');

done_testing();
