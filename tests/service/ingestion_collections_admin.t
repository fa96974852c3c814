#!/usr/bin/perl

# Collections as their owner sees them: files and what is wrong with them,
# definitions by request, pausing, plans of what is not stored, and what
# wizdatactl shows.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp ();
use JSON::PP ();
use POSIX ();
use Test::More;

use Wizdata::Collections;
use Wizdata::Ctl;

# Questions are held for a while here.
my $t = Wizdata::Collections->start(WIZDATA_INGESTION_TIMEOUT => '60s',
    WIZDATA_INGESTION_LEASE => '90s');
my $pg = $t->pg;
my $json = JSON::PP->new->canonical;
my ($c, $e, $r, $plan, %items);

$ENV{WIZDATA_RUN_DIR} = $t->in->svc->dir;
$t->provider->market(from => '2020-01-01');

sub names {
    join ' ', map { $_->{name} }
        @{ $t->in->get('collections.list')->{collections} };
}

sub refused {
    join '; ', map { $_->{error} // () }
        @{ $t->in->get('collections.list')->{files} };
}

sub set {
    my ($name, %o) = @_;

    return $t->in->c->call('collections.set', { name => $name,
        provider => 'alphavantage', dataset => 'daily',
        instruments => ['IBM'], every => '1d', %o });
}

# ---- files

my $quotes = <<'END';
[quotes]
provider = alphavantage
dataset = daily
instruments = IBM, AAPL
every = 1d
at = 22:30
tz = America/New_York
weekdays = mon-fri
from = 2024-01-01
END
$t->file('a.conf', $quotes);
ok($t->settled(), 'a file is read, and its collection run');
$c = $t->collection('quotes');
is("$c->{source} $c->{file} $c->{state}", 'file a.conf ok', 'whose it is');
is($c->{backfill}{done}, 2, 'what it did');
like($c->{next_run}, qr/T0[23]:30:00Z$/, 'when it runs again');
is($t->in->get('collections.get', name => 'quotes')->{definition}{tz},
    'America/New_York', 'its definition');
$t->asked();

# A mistake: the old definition stays, and is said where people look.
$t->file('a.conf', $quotes =~ s/every = 1d/every = often/r);
is(names(), 'quotes', 'a file with a mistake takes nothing away');
like(refused(), qr/^a\.conf:5: every: must be/, 'it is named with its line');
is($t->in->get('ingest.status')->{files_refused}[0]{file}, 'a.conf',
    'in the status');
my $health = (($t->in->c->call('sys.health', {}))[2]);
is($json->decode($health)->{collections}{files_refused}, 1, 'in the health');
like($t->in->log(), qr/is refused, its old ones stay","reason":"a\.conf:5:/,
    'and in the log');
$t->due('quotes');
ok($t->in->wait_for(sub { $t->provider->requests() > $t->{seen} })
    && $t->settled(), 'it goes on');
ok(scalar(grep { /symbol=IBM/ } $t->asked()), 'as before');

$t->file('b.conf', "[quotes]\nprovider = alphavantage\ndataset = quote\n"
    . "every = 1d\ninstruments = SPY\n");
is($t->collection('quotes')->{file}, 'b.conf',
    'of a file that is refused, another may take a name over')
    or diag refused();
$t->file('a.conf', $quotes);
like(refused(), qr/^b\.conf:1: \[quotes\] stands in a\.conf, too$/,
    'a name stands in one file');
is($t->collection('quotes')->{dataset}, 'daily', 'which is the first');
$t->file('b.conf', undef);
is(refused(), '', 'mended');
ok($t->settled(), 'settled');
$t->asked();

# A file that goes: nothing is asked any more; when it returns, it goes on.
$t->file('a.conf', undef);
is(names(), '', 'no file, no collection');
$e = $t->in->c->error('collections.get', { name => 'quotes' });
is($e->[0], -5, 'it is not found');
is($pg->psql('SELECT count(*) FROM collection_slice'), 0, 'nothing waits');
$t->file('a.conf', $quotes);
ok($t->settled(), 'it returns');
is_deeply([ grep { /full/ } $t->asked() ], [], 'and what it had is not asked');
is($t->collection('quotes')->{backfill}{left}, 0, 'as its state was kept');

# An instrument more: only that one begins at its beginning.
$t->file('a.conf', $quotes =~ s/IBM, AAPL/IBM, MSFT/r);
ok($t->settled(), 'another instrument');
is_deeply([ sort $t->asked() ], [ 'daily outputsize=compact symbol=MSFT',
    'daily outputsize=full symbol=MSFT' ], 'is asked from its beginning');
%items = $t->items('quotes');
is(join(' ', sort keys %items), 'IBM MSFT', 'the one that left is not shown');

# Further back: only what is missing.
$t->file('a.conf', $quotes =~ s/2024-01-01/2022-01-01/r =~ s/, AAPL//r);
ok($t->settled(), 'further back');
is_deeply([ $t->asked() ], ['daily outputsize=full symbol=IBM'],
    'is a question more');

# ---- by request

(undef, undef, $r) = set('desk', instruments => [ 'SPY', 'QQQ' ],
    from => '2024-01-01', paused => JSON::PP::true);
is_deeply($json->decode($r), { name => 'desk', created => JSON::PP::true },
    'made');
(undef, undef, $r) = set('desk', instruments => ['SPY'], from => '2024-01-01',
    paused => JSON::PP::true);
is($json->decode($r)->{created}, JSON::PP::false, 'replaced');
$c = $t->collection('desk');
is("$c->{source} $c->{state} $c->{instruments}{all}", 'api paused 1',
    'as it is shown');
like($t->in->log(), qr/"collection":"desk","change":"new",
    "principal":"operator","request_id":"test"/x, 'who did it is logged');

for my $case ([ name => { name => 'a b' } ], [ provider => { provider => 'x' } ],
    [ dataset => { dataset => 'indicator' } ], [ every => { every => '7' } ],
    [ instruments => { instruments => [ 'A', 'a' ] } ],
    [ from => { from => '2023-02-30' } ], [ tz => { tz => 'No/Where' } ],
    [ interval => { interval => '5min' } ], [ symbol => { symbol => 'A' } ],
    [ weekdays => { every => '2d', weekdays => 'mon' } ],
    [ outputsize => { outputsize => 'full' } ],
    [ from => { dataset => 'quote', from => '2024-01-01' } ])
{
    my ($key, $o) = @$case;
    $e = $t->in->c->error('collections.set', { name => 'bad', provider =>
        'alphavantage', dataset => 'daily', instruments => ['A'],
        every => '1d', %$o });
    next if $key eq 'symbol' && is($e->[2]{param}, 'instruments',
        'refused: an instrument that the arguments name already');
    is_deeply([ $e->[0], $e->[2]{param} ], [ -2, $key ], "refused: $key")
        or diag explain $e;
}

for my $case ([ 'collections.set' => { name => 'quotes', provider =>
        'alphavantage', dataset => 'daily', instruments => ['A'],
        every => '1d' } ], [ 'collections.delete' => { name => 'quotes' } ])
{
    $e = $t->in->c->error(@$case);
    is($e->[0], -8, "$case->[0]: what a file defines is the file's");
    like($e->[1], qr/file a\.conf/, 'which is named');
}
$t->file('c.conf', "[desk]\nprovider = alphavantage\ndataset = daily\n"
    . "every = 1d\ninstruments = A\n");
like(refused(), qr/^c\.conf:1: \[desk\] there is one of that name/,
    'nor does a file take away what was made by request');
$t->file('c.conf', undef);

# ---- paused, nothing is asked; what was queued waits

$t->provider->hold();
$t->in->get('collections.resume', name => 'desk');
ok($t->in->wait_for(sub { $pg->psql("SELECT count(*) FROM ingest_job
    WHERE status = 'running' AND args->>'symbol' = 'SPY'") eq '2' }),
    'under way');
set('desk', instruments => [ map { "D$_" } 1 .. 60 ], from => '2024-01-01');
ok($t->in->wait_for(sub { $pg->psql("SELECT count(*) FROM ingest_job WHERE
    status IN ('queued', 'running') AND args->>'symbol' ~ '^D'") >= 60 }),
    'many are asked for');
my $running = sub { $pg->psql("SELECT count(*) FROM ingest_job
    WHERE status = 'running'") };
$t->in->get('collections.pause', name => 'desk');
my $held = $pg->psql("SELECT count(*) FROM ingest_job WHERE status = 'paused'");
is($pg->psql("SELECT count(*) FROM ingest_job WHERE status = 'queued'"), 0,
    'paused, nothing is queued');
my $jobs = $pg->psql('SELECT max(id) FROM ingest_job');
$t->provider->unhold();
ok($t->in->wait_for(sub { $running->() eq '0' }), 'what runs, ends');

# Whoever comes behind it in the planner's round shows that it had its turn.
$t->due('desk');
$pg->psql("UPDATE collection_item SET live_at = NULL WHERE collection = (SELECT
    id FROM collection WHERE name = 'desk')");
set('later', instruments => ['VZ']);
ok($t->in->wait_for(sub { my %i = $t->items('later');
    $i{VZ}{answered_at} }), 'others are asked for');
is($pg->psql("SELECT count(*) FROM ingest_job WHERE id > $jobs
    AND args->>'symbol' ~ '^D'"), 0, 'paused, nothing new is made');
is($pg->psql("SELECT count(*) FROM ingest_job WHERE status = 'paused'"), $held,
    'and what waits, waits');
$e = $t->in->c->error('collections.run', { name => 'desk' });
is($e->[0], -8, 'it is not run, either');
like($e->[1], qr/paused: resume/, 'and what to do is said');

# Another collection wants one of those: it does not wait for the pause.
my $shared = $pg->psql("SELECT min(args->>'symbol') FROM ingest_job
    WHERE status = 'paused' AND priority = 0") ||
    $pg->psql("SELECT min(args->>'symbol') FROM ingest_job
    WHERE status = 'paused'");
set('eager', instruments => [$shared], from => '2024-01-01');
ok($t->in->wait_for(sub { my %i = $t->items('eager');
    $i{$shared}{answered_at} && $t->collection('eager')->{backfill}{left} == 0
    }), 'a job that another one waits for is not held');

$t->in->get('collections.resume', name => 'desk');
ok($t->settled(), 'resumed, all is asked');
is($pg->psql("SELECT count(*) FROM ingest_job WHERE status = 'paused'"), 0,
    'nothing waits any more');
is($t->collection('desk')->{backfill}{done}, 60, 'and is done');

# ---- an operator's pause outlives files that say nothing new

$t->in->get('collections.pause', name => 'quotes');
$t->reload();
is($t->collection('quotes')->{state}, 'paused', 'reading the files again');
$t->file('a.conf', "$quotes\noverlap = 20d\n");
is($t->collection('quotes')->{state}, 'paused', 'another definition');
$t->file('a.conf', "$quotes\npaused = true\n");
$t->file('a.conf', "$quotes\npaused = false\n");
is($t->collection('quotes')->{state}, 'ok', 'until the file says otherwise');
ok($t->settled(), 'settled');

# ---- live questions go before the back-fill, also when they come later

$t->provider->hold();
set('history', dataset => 'intraday', interval => '5min',
    instruments => [ map { "H$_" } 1 .. 30 ], from => '2026-01-01');
ok($t->in->wait_for(sub { $pg->psql("SELECT count(*) FROM ingest_job WHERE
    status = 'queued' AND priority = 10") >= 5 }), 'history is queued');
$pg->psql("UPDATE collection_item SET live_at = NULL WHERE collection = (SELECT
    id FROM collection WHERE name = 'later'); NOTIFY wizdata_plan");
ok($t->in->wait_for(sub { $pg->psql("SELECT count(*) FROM ingest_job WHERE
    status IN ('queued', 'running') AND args->>'symbol' = 'VZ'") }),
    'then something new is due');
is($pg->psql("SELECT priority FROM ingest_job WHERE args->>'symbol' = 'VZ'
    ORDER BY id DESC LIMIT 1"), 0, 'which is more urgent');
my $before = $pg->psql("SELECT max(id) FROM ingest_job");
$t->provider->unhold();
ok($t->in->wait_for(sub { $pg->psql("SELECT status FROM ingest_job WHERE
    args->>'symbol' = 'VZ' ORDER BY id DESC LIMIT 1") eq 'done' }), 'it runs');
ok($pg->psql("SELECT count(*) FROM ingest_job h JOIN (SELECT * FROM ingest_job
    WHERE args->>'symbol' = 'VZ' ORDER BY id DESC LIMIT 1) v ON true
    WHERE h.priority = 10 AND h.id < v.id AND h.started_at > v.started_at"),
    'before history that was queued earlier');
$t->in->get('collections.delete', name => 'history');
is($pg->psql("SELECT count(*) FROM ingest_job WHERE status = 'queued' AND
    args->>'symbol' ~ '^H'"), 0, 'deleted, its jobs are gone');
is($pg->psql("SELECT count(*) > 0 FROM ingest_job WHERE error_class =
    'canceled'"), 't', 'and say why');
ok($t->settled(), 'settled');

# ---- plans of what is not stored

$plan = $t->in->get('ingest.plan_try', provider => 'lseg', dataset => 'ticks',
    instruments => [ 'TRI.N', 'EUR=' ], every => '1d', from =>
    POSIX::strftime('%Y-%m-%d', gmtime(time - 4 * 86400)));
my @days = map { POSIX::strftime('%Y-%m-%d', gmtime(time - $_ * 86400)) }
    0 .. 4;
is_deeply([ grep { /TRI/ } $t->planned($plan) ],
    [ map { "ticks end=$days[$_] identifiers=TRI.N start=$days[$_]" }
        1, 0, 2, 3, 4 ], 'days, one by one');
ok(!$plan->{providers}[0]{configured}, 'and what is missing for it');
is($plan->{providers}[0]{all_done}, undef, 'so that it is never done');
is(names(), 'desk eager later quotes', 'nothing is stored');
$e = $t->in->c->error('ingest.plan_try', { provider => 'lseg',
    dataset => 'ticks', every => '1d' });
is($e->[2]{param}, 'instruments', 'what is wrong is refused');
$e = $t->in->c->error('ingest.plan', { collection => 'nobody' });
is($e->[0], -5, 'a plan of nobody');

# ---- streams are lists

$t->file('s.conf', "[live]\nprovider = lseg\ndataset = stream\n"
    . "instruments = EUR=, .SPX\n");
$c = $t->collection('live');
is("$c->{state} $c->{instruments}{all}", 'stream 2', 'a stream');
is($c->{next_run}, undef, 'has no runs');
$e = $t->in->c->error('collections.run', { name => 'live' });
is($e->[0], -8, 'so it cannot be run');
like($e->[1], qr/no runs: a stream/, 'and why is said');
$t->file('s.conf', undef);

# ---- wizdatactl

$r = ctl('ingest', 'collections');
is($r->{rc}, 0, 'ingest collections');
like($r->{out}, qr/^NAME +PROVIDER .*\ndesk +alphavantage +daily +ok +60 /,
    'a row each') or diag $r->{out};
like(ctl('ingest', 'collections', 'quotes')->{out}, qr/^IBM +20/m,
    'its instruments');
is(scalar @{ ctl('--json', 'ingest', 'collections', 'desk', '--limit', 7)
    ->{json}{items} }, 7, 'as many as are wanted');
my $next = ctl('--json', 'ingest', 'collections', 'desk', '--limit', 59)
    ->{json}{next};
$r = ctl('--json', 'ingest', 'collections', 'desk', '--cursor', $next);
is(join(' ', map { $_->{instrument} } @{ $r->{json}{items} }), 'D60',
    'and the rest');
is($r->{json}{next}, undef, 'which is all');
is(ctl('--json', 'ingest', 'collections', 'nobody')->{json}{error}{code}, -5,
    'nobody');

is(ctl('--json', 'ingest', 'pause', 'later')->{json}{paused}, JSON::PP::true,
    'ingest pause');
is($t->collection('later')->{state}, 'paused', 'it is');
is(ctl('ingest', 'start', 'later')->{rc}, 1, 'not to be started');
is(ctl('ingest', 'resume', 'later')->{rc}, 0, 'ingest resume');
is(ctl('--json', 'ingest', 'start', 'later')->{json}{instruments}, 1,
    'ingest start');
ok($t->settled(), 'settled');

$r = ctl('ingest', 'plan', 'quotes');
like($r->{out}, qr/^live +new +quotes +alphavantage +daily +\{.*"IBM"/m,
    'ingest plan') or diag $r->{out};
like(ctl('ingest', 'plan', 'provider=alphavantage', 'dataset=quote',
    'instruments=' . join(',', map { "P$_" } 1 .. 30), 'every=1m')->{out},
    qr/P1"/, 'of a definition');
is(ctl('ingest', 'plan', 'a', 'b')->{rc}, 2, 'one name');

# Lines, as long as something changes; they reach a pipe at once.
sub lines {
    my ($run) = @_;

    open my $f, '<', $run->{out}->filename or die "open: $!";
    local $/;
    return scalar(<$f>) // '';
}

$t->provider->hold();
my $watch = ctl_start('', 'ingest', 'watch');
my $dumb = ctl_start('', '--json', 'ingest', 'watch');
ok($t->in->wait_for(sub { lines($watch) =~ /collection quotes ok: / }),
    'ingest watch tells how things are');
$t->in->get('collections.run', name => 'later');
ok($t->in->wait_for(sub { lines($watch)
    =~ /job \d+ running: alphavantage daily \{.*"VZ".*\} of later$/m }),
    'a job that runs')
    or diag lines($watch);
like(ctl('ingest', 'watch', '--once')->{out},
    qr/^JOB +PROVIDER .*\n\d+ +alphavantage +daily +\{.*VZ.*later +\d+s$/m,
    'a picture has it, too');
$t->provider->unhold();
ok($t->in->wait_for(sub { lines($watch) =~ /job \d+ done: .*"VZ"/ }),
    'and ends');
set('seen', instruments => ['T1'], from => '2024-01-01');
ok($t->in->wait_for(sub { lines($watch)
    =~ /collection seen ok: \d+ rows, back-fill 1\/1, 0 stopped$/m }),
    'progress');
$t->in->get('collections.pause', name => 'seen');
ok($t->in->wait_for(sub { lines($watch) =~ /collection seen paused: / }),
    'a change of state');
$t->in->down();
ok($t->in->wait_for(sub { lines($watch)
    =~ /Z (?:ingest\.\w+|collections\.list): |Z cannot reach ingestion/ }),
    'the service is away');
$t->in->up();
kill 'INT', $_->{pid} for $watch, $dumb;
$r = ctl_end($watch);
is($r->{rc}, 0, 'Ctrl-C ends it');
is($r->{err}, '', 'without a complaint');
my @docs = map { $json->decode($_) } split /\n/, ctl_end($dumb)->{out};
ok((grep { $_->{kind} eq 'job' && $_->{row}{status} eq 'done' } @docs),
    'for programs, a document a line');

$ENV{WIZDATA_RUN_DIR} = $t->in->svc->dir;
$r = ctl('--json', 'ingest', 'watch', '--once');
is_deeply([ sort keys %{ $r->{json} } ], [qw/ collections providers status /],
    'a picture as a document');
my $queues = $r->{json}{status}{queues};
is(ref $queues, 'ARRAY', 'with the queues');

# On a terminal the picture is drawn anew, and the screen is given back.
SKIP: {
    skip 'script is not installed', 2 unless grep { -x "$_/script" }
        split /:/, $ENV{PATH};
    my $to = File::Temp->new();
    my $program = Wizdata::Postgres->ctl();
    system("script -qec 'timeout -s INT 3 $program ingest watch' "
        . $to->filename . ' >/dev/null');
    my $screen = do { local (@ARGV, $/) = $to->filename; <> };
    cmp_ok(scalar(() = $screen =~ /COLLECTION +STATE/g), '>=', 2, 'redrawn');
    like($screen, qr/\e\[\?1049h.*\e\[\?25h\e\[\?7h\e\[\?1049l/s, 'and ended');
}

unlike($t->in->log() . $t->pr->log(), qr/Sanitizer|runtime error/,
    'no sanitizer findings');

done_testing();
