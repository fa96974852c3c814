#!/usr/bin/perl

# The ingestion is killed with SIGKILL at every step by which it changes the
# lake (before it, and in the middle of what it writes), and at steps of what it
# says to the database; then it is started again. Whatever the step: nothing is
# lost, nothing is there twice, and the database is the one that an undisturbed
# run makes.
#
# Before a step and half-way: all steps of the lake. Behind a step of the lake,
# which is before the next one but for what other threads do meanwhile, and at
# the database's, of which there are many more: every sixth. Which ones, the
# commit says, so that some commits in a row try (about) all.
# WIZDATA_CRASH_EVERY=1 tries each of them.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Find qw/ find /;
use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use Test::More;

use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Processing;
use Wizdata::Provider;

use constant {
    MANNER => 'whole',
    STEPS_MAX => 1000,      # a process that is still killed then, always is
    KILLED => 128 + 9,
};

# One after the other: what comes first in the lake is always the same.
my @JOBS = ([ 'worldbank', 'indicator', indicator => 'A', country => 'all' ],
    [ 'alphavantage', 'daily', symbol => 'IBM' ]);

# What ends up in the database; columns of time are those of the run.
my @TABLES = qw/ raw_object instrument instrument_alias bar bar_history
    macro_series observation observation_history reject bus_topic bus_offset
    bus_event lake_cursor /;
my @TIMES = qw/ fetched_at known_at at /;

$SIG{PIPE} = 'IGNORE';

my $pg = Wizdata::Postgres->start();
$pg->remember();
my $provider = Wizdata::Provider->start();
my $dir = tempdir('wd-crash-XXXXXXXX', TMPDIR => 1);
my $library = Wizdata::Service::program('ingestion')
    =~ s{backends/ingestion/[^/]+$}{tests/helpers/libwd_kill.so}r;
my $runs = 0;

END { remove_tree($dir) if defined $dir }


# What makes a process die at the n-th step of that kind.
sub kill_at {
    my ($lake, $log, $of, $when, $n) = @_;

    return (WD_KILL_OF => $of, WD_KILL_WHEN => $when, WD_KILL_AT => $n,
        WD_KILL_PATH => $lake, WD_KILL_LOG => $log,
        LD_PRELOAD => join ' ', grep { $_ } $ENV{WIZDATA_ASAN_PRELOAD},
            $library);
}


# ---- the lake alone: who dies while it puts, and while it cleans up ---------

sub lake_files {
    my ($lake) = @_;

    my @found;
    find(sub { push @found, $File::Find::name =~ s{^\Q$lake\E/}{}r if -f },
        "$lake/raw") if -d "$lake/raw";
    return join ' ', sort @found;
}

sub lake_rows {
    my ($lake) = @_;

    open my $f, '<', "$lake/manifest.ndjson" or return;
    return grep { /\n\z/ } <$f>;
}

# What is wrong with it; nothing: it is sound, and has nothing else in it than
# what its rows name.
sub lake_faults {
    my ($lake) = @_;

    my ($rc, $said) = Wizdata::Postgres::run(Wizdata::Postgres::ctl(), 'lake',
        'verify', '--root', $lake, '--objects');
    my $want = join ' ', sort map { /"key":"([^"]+)"/ } lake_rows($lake);
    my $files = lake_files($lake);
    return ($rc == 0 ? '' : $said)
        . ($files eq $want ? '' : "files: $files, rows: $want");
}

# true: it was killed.
sub lake_put {
    my ($lake, $body, @kill) = @_;

    my $tool = Wizdata::Service::program('processing') =~ s{[^/]+$}{lake_put}r;
    local %ENV = (%ENV, @kill ? kill_at($lake, "$dir/log", 'lake', @kill) : ());
    open my $in, '|-', "exec '$tool' '$lake' tester daily '{}' "
        . '2024-05-02T00:00:00Z >/dev/null' or die "$tool: $!";
    print $in $body;
    close $in;
    die "lake_put: $?" if $? != 0 && ($? & 127) != 9;
    return $? != 0;
}

# A put dies at its n-th step, the next one at its m-th (0: it does not), and
# then one is let. Other bytes each time: what the dead leave is not overwritten
# by chance.
sub lake_dies {
    my ($when, $n, $m) = @_;

    my $lake = "$dir/lake";
    remove_tree($lake);
    lake_put($lake, 'first');
    my $killed = lake_put($lake, 'second', $when, $n);
    my $left = lake_files($lake) =~ tr/ // + 1 > lake_rows($lake);
    my $again = $m && lake_put($lake, 'third', 'before', $m);
    lake_put($lake, 'fourth');
    my $rows = lake_rows($lake);
    my $faults = lake_faults($lake);
    $faults .= "$rows rows" if $rows < 2 || $rows > 4;
    return ($killed, $left, $again, $faults);
}

for my $when (qw/ before after torn /) {
    my ($kills, $lefts, $twice, @faults) = (0, 0, 0);
    for (my $n = 1; $n < STEPS_MAX; $n++) {
        my ($killed, $left, $again, $faults) = lake_dies($when, $n, 0);
        push @faults, "$n: $faults" if $faults;
        last if !$killed;
        $kills++;
        next if !$left;
        $lefts++;
        for (my $m = 1; $m < STEPS_MAX; $m++) {
            (undef, undef, $again, $faults) = lake_dies($when, $n, $m);
            push @faults, "$n, $m: $faults" if $faults;
            last if !$again;
            $twice++;
        }
    }
    is_deeply(\@faults, [], "$kills puts die $when a step, $twice more while"
        . ' they clean up');
    cmp_ok($lefts, '>=', 1, "$lefts of them leave something");
    cmp_ok($twice, '>=', $lefts * 5, 'and all is cleaned up');
}


# ---- a run ------------------------------------------------------------------

# An empty database, an empty lake, and a count of calls from 0.
sub new_run {
    $pg->reset();
    $runs++;
    return { lake => "$dir/lake$runs", log => "$dir/log$runs",
        asked => $provider->requests() // 0 };
}

sub end_run {
    my ($run) = @_;

    remove_tree($run->{lake});
    unlink $run->{log};
}

# Under the library when it is told which step of what is the last.
sub ingestion {
    my ($run, $of, $when, $n) = @_;

    return Wizdata::Ingestion->start($pg, url => $provider->url(MANNER),
        lake => $run->{lake},
        $of ? kill_at($run->{lake}, $run->{log}, $of, $when, $n) : ());
}

# Queues the jobs, each when the one before it is done; those that are there
# are not queued again.
sub collect {
    my ($run, $in) = @_;

    for (@JOBS) {
        my ($name, $dataset, %args) = @$_;
        my $id = $pg->psql("SELECT id FROM ingest_job WHERE provider =
            '$name' AND dataset = '$dataset'");
        $id = $in->run($name, $dataset, %args) if $id eq '';
        my $job = $in->wait_job(0 + $id, sub {
            $in->svc->ended() || $_[0]{status} =~ /^(done|failed)$/ });
        return if $in->svc->ended();
        die "job $id: $job->{status}\n" if $job->{status} ne 'done';
    }
    $in->wait_for(sub { $in->svc->ended() || published($run, $in) });
}

sub published {
    my ($run, $in) = @_;

    my @rows = $in->manifest();
    return $pg->psql('SELECT seq FROM lake_cursor') == @rows;
}

# Until it is killed, or has done all and ended as it was asked to. True: it
# was killed.
sub doomed {
    my ($run, $of, $when, $n) = @_;

    my $in = eval { ingestion($run, $of, $when, $n) };
    if (!$in) {
        return 1 if $@ =~ /ended at its start, 9:/;
        die $@;
    }
    eval { collect($run, $in) };
    my $why = $@;
    return 1 if ($in->svc->ended() ? $in->svc->stop() : $in->down()) == KILLED;
    die $why if $why;
    return 0;
}

sub last_step {
    my ($run) = @_;

    open my $f, '<', $run->{log} or return '';
    my @lines = <$f>;
    chomp(my $line = $lines[-1] // '');
    $line =~ s/\Q$run->{lake}\E/LAKE/;
    return substr $line, 0, 100;
}

# Nobody waits for the lease of a process that is known to be dead.
sub lease_over {
    $pg->psql(q(UPDATE ingest_job SET lease_until = now() - interval '1 s'
        WHERE status = 'running'));
}


# ---- what must be true in the end -------------------------------------------

# Used calls, less those that the provider saw.
sub overcount {
    my ($run) = @_;

    my @asked = $provider->requests();
    return $pg->psql('SELECT sum(used) FROM provider_quota')
        - (@asked - $run->{asked});
}

sub jobs {
    my ($run) = @_;

    return $pg->psql("SELECT string_agg(provider || ' ' || status || ' '
        || rows, ', ' ORDER BY id) FROM ingest_job");
}

# All rows without their times, each table in its own order.
sub database {
    my ($run) = @_;

    my $times = "ARRAY['" . join("', '", @TIMES) . "']";
    my $rows = $pg->psql(join(' UNION ALL ', map {
        my $event = $_ eq 'bus_event'
            ? "|| jsonb_build_object('event', event - 'fetched_at')" : '';
        "SELECT '$_ ' || ((to_jsonb(t) $event) - $times)::text AS line FROM $_ t"
        } @TABLES) . ' ORDER BY line');
    return $rows =~ s{(raw/\w+/\w+)/\d+/\d+/\d+/}{$1/DAY/}gr;
}

# Facts are known from when their payload was fetched.
sub odd_times {
    return $pg->psql('SELECT count(*) FROM (SELECT raw_id, known_at FROM
        bar UNION ALL SELECT raw_id, known_at FROM observation) f JOIN
        raw_object r ON r.id = raw_id WHERE known_at <> r.fetched_at');
}

# Payloads are as they are since they came first, and were seen since then.
sub odd_fresh {
    return $pg->psql('SELECT count(*) FROM lake_fresh f LEFT JOIN raw_object r
        ON r.sha256 = f.sha256 AND r.args = f.args WHERE f.changed_at IS
        DISTINCT FROM r.fetched_at OR f.checked_at <= f.changed_at');
}

# Starts it again and lets it finish; then all is asked for once more, which
# must add nothing. What was found, as one text.
sub outcome {
    my ($run) = @_;

    lease_over($run);
    my $in = ingestion($run);
    collect($run, $in);
    my $over = overcount($run);
    my $jobs = jobs($run);
    my @again = map { my ($p, $d, %args) = @$_; $in->wait_job(
        $in->run($p, $d, %args)) } @JOBS;
    my @rows = $in->manifest();
    my $pr = Wizdata::Processing->start($pg, lake => $run->{lake});
    my $drained = $pr->drained();

    my $found = join "\n",
        'lake ' . (lake_faults($run->{lake}) || 'sound'),
        'rows ' . join(' ', map { $_->{seq} } @rows),
        'distinct ' . keys %{ { map { $_->{sha256} => 1 } @rows } },
        'events ' . join(' ', map { $_->{seq} } $in->events()),
        "jobs $jobs",
        'again ' . join(' ', map { "$_->{status} $_->{objects}" } @again),
        'too many calls ' . ($over >= 0 && $over <= 1 ? 'no' : $over),
        "processed $drained",
        'odd times ' . odd_times() . ' ' . odd_fresh(),
        database($run);
    $_->down() for $in, $pr;
    return $found;
}


# ---- all of it --------------------------------------------------------------

my $run = new_run();
is(doomed($run, 'lake', 'before', 0), 0, 'a run that nothing disturbs');
my $want = outcome($run);
end_run($run);
like($want, qr/^lake sound$/m, 'its lake is sound');
like($want, qr/^rows 1 2 3$/m, 'three objects');
like($want, qr/^events 1 2 3$/m, 'three events');
like($want, qr/^jobs worldbank done 3, alphavantage done 0$/m, 'two jobs');
like($want, qr/"close": 4.5/, 'bars');
like($want, qr/"value": 1.3/, 'observations');

# What is in one of them only, ours with a plus.
sub unlike_lines {
    my ($got) = @_;

    my %want = map { $_ => 1 } split /\n/, $want;
    my %got = map { $_ => 1 } split /\n/, $got;
    return join "\n", (map { "- $_" } grep { !$got{$_} } sort keys %want),
        map { "+ $_" } grep { !$want{$_} } sort keys %got;
}

# Every k-th step, from that one on, until a process lives to its end; how many
# died. Stops at the third that is not made good.
sub kill_at_steps {
    my ($of, $when, $from, $every) = @_;

    my ($n, $died, $bad) = ($from, 0, 0);
    for (; $n <= STEPS_MAX && $bad < 3; $n += $every) {
        my $r = new_run();
        my $killed = doomed($r, $of, $when, $n);
        my $step = last_step($r);
        if (!$killed) {
            end_run($r);
            last;
        }
        $died++;
        my $got = outcome($r);
        $bad++ if $got ne $want;
        is(unlike_lines($got), '', "killed $when step $n of the $of: $step");
        end_run($r);
    }
    cmp_ok($n, '<', STEPS_MAX, "$died kills $when steps of the $of");
    return $died;
}

sub chosen {
    my ($every) = @_;

    my $commit = `git -C '$FindBin::Bin' rev-parse HEAD 2>/dev/null`;
    return ($commit =~ /^([0-9a-f]{7})/ ? hex $1 : int(time / 86400)) % $every;
}

cmp_ok(kill_at_steps('lake', 'before', 1, 1), '>=', 20, 'many steps');
cmp_ok(kill_at_steps('lake', 'torn', 1, 1), '>=', 6, 'each write is torn');

my $every = $ENV{WIZDATA_CRASH_EVERY} // 6;
my $first = 1 + chosen($every);
diag("the others: one step of $every, from step $first on");
cmp_ok(kill_at_steps('lake', 'after', $first, $every), '>=', 20 / $every,
    'some steps');
cmp_ok(kill_at_steps('db', $_, $first, $every), '>=', 40 / $every,
    'some steps') for qw/ before after /;

done_testing();
