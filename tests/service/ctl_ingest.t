#!/usr/bin/perl

# wizdatactl ingest: jobs are handed over, waited for, and counted.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw/ tempdir /;
use JSON::PP ();
use Test::More;

use Wizdata::Backend;
use Wizdata::Ctl;

my $dir = tempdir('wd-ctl-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
$ENV{WIZDATA_RUN_DIR} = $dir;
my $json = JSON::PP->new->canonical;

# Jobs end at their third look; those of the symbol BAD fail.
my (%jobs, $last);

sub run_jobs {
    my ($req) = @_;
    my $a = $req->{args};

    return error_reply(-2, 'symbol is required', { param => 'symbol' })
        unless $a->{symbol};
    my $n = $a->{to_month} ? 3 : 1;
    my @new = map { { id => ++$last, provider => $a->{provider},
            dataset => $a->{dataset}, args => { symbol => $a->{symbol} },
            status => 'queued' } } 1 .. $n;
    $jobs{ $_->{id} } = { %$_, looks => 0 } for @new;
    return reply($json->encode({ jobs => \@new }), status => 202);
}

sub job_status {
    my ($req) = @_;

    my @rows = defined $req->{args}{job} ? $jobs{ $req->{args}{job} } // ()
        : map { $jobs{$_} } sort { $b <=> $a } keys %jobs;

    return error_reply(-5, 'No such job') unless @rows;
    for my $job (@rows) {
        next if ++$job->{looks} < 3;
        my $bad = $job->{args}{symbol} eq 'BAD';
        $job->{status} = $bad ? 'failed' : 'done';
        $job->{reason} = $bad ? 'no such symbol' : undef;
    }
    return $json->encode({ jobs => \@rows });
}

my $b = Wizdata::Backend->new(name => 'ingestion', log => "$dir/log",
    listen => "$dir/ingestion.sock",
    methods => { 'ingest.run' => \&run_jobs, 'ingest.status' => \&job_status }
)->start();

# ---- run

my $r = ctl('--json', 'ingest', 'run', 'alphavantage', 'daily', 'symbol=ibm');
is($r->{rc}, 0, 'a job was handed over') or diag $r->{out};
is($r->{json}{jobs}[0]{status}, 'queued', 'and not waited for');
is(($b->calls('ingest.run'))[0]{args}{symbol}, 'IBM', 'arguments are checked');

$r = ctl('--json', 'ingest', 'run', 'alphavantage', 'daily', 'symbol=IBM',
    '--wait');
is($r->{rc}, 0, 'waited for');
is($r->{json}{jobs}[0]{status}, 'done', 'it is done');
is(scalar @{ $r->{json}{jobs} }, 1, 'only that one');

$r = ctl('ingest', 'run', 'alphavantage', 'daily', 'symbol=BAD', '--wait');
is($r->{rc}, 1, 'a job that fails');
like($r->{out}, qr/^\d+ +alphavantage +daily .* failed .* no such symbol$/m,
    'with its reason');

is(ctl('--json', 'ingest', 'run', 'nobody', 'daily')->{json}{error}{code}, -2,
    'an unknown provider');

# ---- backfill

$r = ctl('--json', 'ingest', 'backfill', 'alphavantage', 'intraday',
    'symbol=IBM', 'interval=5min', 'month=2013-01', 'to_month=2013-03',
    '--wait');
is($r->{rc}, 0, 'months') or diag $r->{out};
is(scalar @{ $r->{json}{jobs} }, 3, 'are jobs');
ctl('ingest', 'backfill', 'alphavantage', 'daily_adjusted', 'symbol=IBM');
is(($b->calls('ingest.run'))[-1]{args}{outputsize}, 'full', 'all history');
ctl('ingest', 'backfill', 'alphavantage', 'daily', 'symbol=IBM',
    'outputsize=compact');
is(($b->calls('ingest.run'))[-1]{args}{outputsize}, 'compact',
    'unless said otherwise');

# ---- status

like(ctl('ingest', 'status')->{out}, qr/^JOB +PROVIDER .*\n\d+ +alpha/, 'jobs');
is(scalar @{ ctl('--json', 'ingest', 'status', '1')->{json}{jobs} }, 1, 'one');
$r = ctl('--json', 'ingest', 'status', '999');
is($r->{json}{error}{code}, -5, 'an unknown one');

# ---- feed

sub feed {
    my ($text, @options) = @_;

    open my $f, '>', "$dir/feed.tsv" or die;
    print $f $text;
    close $f;
    return ctl('--json', 'ingest', 'feed', "$dir/feed.tsv", @options);
}

$r = feed("# comment\n\nalphavantage\tdaily\tsymbol=AAPL&outputsize=full\n"
    . "alphavantage\tquote\tsymbol=BRK%2EB\r\n");
is($r->{rc}, 0, 'a feed') or diag $r->{out}, $r->{err};
is($r->{json}{lines}, 2, 'its lines');
is($r->{json}{ended}, 2, 'whose jobs ended');
is_deeply($r->{json}{failures}, [], 'well');
is(($b->calls('ingest.run'))[-1]{args}{symbol}, 'BRK.B', 'percent-encoded');

$r = feed("alphavantage\tdaily\tsymbol=BAD\nnonsense\n"
    . "alphavantage\tdaily\tlimit=3\nalphavantage\tdaily\t\n"
    . "alphavantage\tdaily\tsymbol=IBM");
is($r->{rc}, 1, 'a feed with failures');
is_deeply([ map { $_->{line} // () } @{ $r->{json}{failures} } ], [ 2, 3, 4 ],
    'lines are named');
is((grep { $_->{job} } @{ $r->{json}{failures} })[0]{error}, 'no such symbol',
    'jobs, too');
is($r->{json}{ended}, 2, 'the others ran');

my $text = ctl('ingest', 'feed', "$dir/feed.tsv");
like($text->{out}, qr/^5 lines, 2 jobs, 2 ended, 4 failures$/, 'as text');
like($text->{err}, qr/^wizdatactl: line 2: not provider, tab/m, 'complaints');

$r = feed("alphavantage\tdaily\tsymbol=IBM\n", '--no-wait');
is($r->{json}{ended}, 0, 'only handed over');
$r = ctl_in("alphavantage\tdaily\tsymbol=IBM\n", '--json', 'ingest', 'feed',
    '-');
is($r->{json}{ended}, 1, 'from standard input');
is(ctl('ingest', 'feed', "$dir/none")->{rc}, 1, 'no such file');

# ---- the service is restarted meanwhile

my $looks = $b->calls('ingest.status');
my $run = ctl_start('', '--json', 'ingest', 'run', 'alphavantage', 'daily',
    'symbol=SLOW', '--wait');
my $end = time + 10;
select undef, undef, undef, 0.01        # it has its answer, and waits
    until $b->calls('ingest.status') > $looks || time > $end;
$b->stop();
$jobs{$_} = { id => $_, args => { symbol => 'SLOW' }, status => 'done',
    looks => 3 } for 1 .. 99;
$b->start();
$r = ctl_end($run);
is($r->{rc}, 0, 'a restart is waited out') or diag $r->{out};

is(join('', map { $_->{why} } $b->events('bad')), '',
    'nothing was against the protocol');
$b->stop();

done_testing();
