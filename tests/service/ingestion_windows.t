#!/usr/bin/perl

# What a collection gathers in pieces, by runs and a back-fill, is what one
# question for all of it gives: no week, month or year is made of a part.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw/ tempdir /;
use POSIX ();
use Test::More;

use Wizdata::Accounts qw/ account nowhere /;
use Wizdata::Collections;
use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Processing;
use Wizdata::Sim::Blpapi;
use Wizdata::Sim::Lseg;

my %LSEG = (week => 'weekly', month => 'monthly', day => 'daily');
my %BRIDGE = (bweek => 'weekly', bmonth => 'monthly');
my $FIELDS = 'PX_OPEN, PX_HIGH, PX_LOW, PX_LAST, PX_VOLUME';

sub day { POSIX::strftime('%Y-%m-%d', gmtime(time - $_[0] * 86400)) }

my $pg = Wizdata::Postgres->start();
my @sims = (Wizdata::Sim::Lseg->start(), Wizdata::Sim::Blpapi->start());
my $dir = tempdir('wd-col-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $in = Wizdata::Ingestion->start($pg, url => nowhere(),
    (map { account($_) } @sims), WIZDATA_INGESTION_COLLECTIONS => $dir);
my $pr = Wizdata::Processing->start($pg, lake => $in->{lake});
my $t = bless { pg => $pg, in => $in, pr => $pr, dir => $dir, seen => 0 },
    'Wizdata::Collections';

my $from = day(400);
$t->file('all.conf', join '', (map { <<"END" } sort keys %LSEG),
[$_]
provider = lseg
dataset = interday
interval = $LSEG{$_}
instruments = VOD.L
every = 1d
from = $from
END
    map { <<"END" } sort keys %BRIDGE);
[$_]
provider = bloomberg
dataset = bridge_history
interval = $BRIDGE{$_}
fields = $FIELDS
instruments = IBM US Equity
every = 1d
from = $from
END
ok($t->settled(), 'all is collected') or diag $in->log();
is($pg->psql("SELECT count(*) FROM collection_item WHERE
    fill_to > '$from'"), 0, 'back to the first day');
is($pg->psql("SELECT count(DISTINCT args->>'start') > 5 FROM ingest_job"), 't',
    'in pieces');

# Other days for the next run to begin at.
for my $days (1, 3, 11) {
    my $jobs = $pg->psql('SELECT count(*) FROM ingest_job');
    $t->due($_, $days) for keys %LSEG, keys %BRIDGE;
    ok($in->wait_for(sub { $pg->psql('SELECT count(*) FROM ingest_job')
        >= $jobs + keys(%LSEG) + keys(%BRIDGE) }), "$days days later");
    ok($t->settled(), 'settled');
}

my $bars = 'SELECT i.symbol, timeframe, ts, open, high, low, close, volume
    FROM bar JOIN instrument i ON i.id = instrument_id ORDER BY 1, 2, 3';
my $in_pieces = $pg->psql($bars);
is($pg->psql('SELECT count(*) FROM bar_history'), 0,
    'no piece contradicts another');

# One question for all of it, from the first day of a year.
(my $begin = $from) =~ s/-.*/-01-01/;
my @jobs = ((map { $in->run('lseg', 'interday', identifiers => 'VOD.L',
        interval => $_, start => $begin, end => day(0)) } values %LSEG),
    map { $in->run('bloomberg', 'bridge_history', interval => $_, identifiers
        => 'IBM US Equity', fields => $FIELDS =~ s/ //gr, start => $begin,
        end => day(0)) } values %BRIDGE);
is($in->wait_job($_)->{status}, 'done', 'asked at once') for @jobs;
ok($t->settled(), 'and processed');
is($pg->psql('SELECT count(*) FROM bar_history'), 0,
    'all at once corrects nothing');
my %at_once = map { $_ => 1 } split /\n/, $pg->psql($bars);
is_deeply([ grep { !$at_once{$_} } split /\n/, $in_pieces ], [],
    'each row is that of one question for all');

# Somebody asks for a part of it by hand.
my $seen = $pg->psql('SELECT max(id) FROM raw_object');
is($in->wait_job(scalar $in->run('lseg', 'interday', identifiers => 'VOD.L',
    interval => 'monthly', start => '2025-03-11', end => '2025-05-20'))
    ->{status}, 'done', 'from within a month to within one');
ok($t->settled(), 'and processed');
is($pg->psql("SELECT string_agg(DISTINCT reason || substr(sample, 2, 12), ' ')
    FROM reject WHERE raw_id > $seen"),
    'partial_period"2025-03-31" partial_period"2025-05-20"',
    'the parts are refused');
is($pg->psql('SELECT count(*) FROM bar_history'), 0, 'and overwrite nothing');

# ---- a collection of very many questions keeps no other one waiting

$in->get('collections.set', name => 'huge', provider => 'lseg',
    dataset => 'ticks', every => '1d', overlap => '3650d',
    instruments => [ map { "T$_.N" } 1 .. 40 ]);
$in->get('collections.set', name => 'small', provider => 'bloomberg',
    dataset => 'bridge_reference', every => '1d', fields => 'NAME',
    instruments => ['IBM US Equity']);
ok($in->wait_for(sub { $pg->psql("SELECT count(*) FROM ingest_job
    WHERE dataset = 'bridge_reference'") }), 'it is asked');
cmp_ok($pg->psql("SELECT count(live_at) FROM collection_item
    WHERE dataset = 'ticks'"), '<', 40, 'before all of the other one are');
$in->get('collections.delete', name => 'huge');
is($pg->psql("SELECT count(*) FROM ingest_job WHERE dataset = 'ticks'
    AND status = 'queued'"), 0, 'which goes at once');

unlike($in->log() . $pr->log(), qr/"level":"error"/, 'no errors');
done_testing();
