#!/usr/bin/perl

# How far data sets are behind their collections: of what a provider does not
# answer, of what cannot be asked at all, over several runs, and not of what
# is paused or was given up.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Collections;
use Wizdata::Ctl;

my $t = Wizdata::Collections->start(WIZDATA_INGESTION_BREAKER_FAILURES => 1000,
    WIZDATA_LSEG_URL => '');
my $pg = $t->pg;
$t->provider->market(from => '2020-01-01');

sub dataset {
    my ($provider, $name) = @_;

    my ($set) = grep { $_->{name} eq $name }
        @{ $t->in->provider($provider)->{datasets} };
    return $set;
}

sub metric {
    my ($provider, $name) = @_;

    return $t->in->metric('wizdata_provider_lag_seconds',
        provider => $provider, dataset => $name);
}

sub metric_is {
    my ($what, $provider, $name, $is) = @_;

    ok($t->in->wait_for(sub { my $v = metric($provider, $name);
                defined $v && $is->($v) }), "metric: $what")
        or diag metric($provider, $name) // 'none';
}

# As if this much had passed since the oldest run.
sub hours_pass {
    my ($name, $hours) = @_;

    $pg->psql("UPDATE collection_item SET due_since = due_since - interval
        '$hours hours' WHERE due_since IS NOT NULL AND collection = (SELECT id
        FROM collection WHERE name = '$name')");
}

# ---- nothing is wanted

is(dataset('alphavantage', 'daily')->{lag_seconds}, undef,
    'nobody wants it: no lag');
is(metric('alphavantage', 'daily'), undef, 'and no metric');

# ---- a provider that does not answer

$t->provider->hold();
$t->file('a.conf', <<'END');
[days]
provider = alphavantage
dataset = daily
instruments = IBM, AAPL
every = 1d
END
ok($t->in->wait_for(sub { $t->provider->requests() > 0 }), 'it is asked');
cmp_ok(dataset('alphavantage', 'daily')->{lag_seconds}, '<', 60,
    'late since it is wanted, not since its hour');
hours_pass('days', 5);
cmp_ok(dataset('alphavantage', 'daily')->{lag_seconds}, '>=', 5 * 3600,
    'the lag grows');
is(dataset('alphavantage', 'daily')->{collected}, 2, 'of two instruments');
metric_is('hours', 'alphavantage', 'daily', sub { $_[0] >= 5 * 3600 });

local $ENV{WIZDATA_RUN_DIR} = $t->in->svc->dir;
my $r = ctl('ingest', 'providers');
is($r->{rc}, 0, 'wizdatactl ingest providers');
like($r->{out}, qr/^alphavantage +daily +closed +\S+ +2 +18\d\d\d /m,
    'shows it') or diag $r->{out};
like(ctl('ingest', 'watch', '--once')->{out}, qr/^alphavantage .* 18\d\d\d /m,
    'and so does ingest watch');

# ---- the next run does not make the first one good

my $since = $pg->psql('SELECT min(due_since) FROM collection_item');
$pg->psql("UPDATE collection_slice SET job = NULL, not_before = now() +
    interval '1 day'; UPDATE ingest_job SET status = 'failed'");
$t->due('days');
ok($t->in->wait_for(sub { $pg->psql('SELECT count(*) FROM collection_item
    WHERE live_at > $$2000-01-01$$ AND EXISTS (SELECT 1 FROM collection_slice s
    WHERE s.item = collection_item.id AND s.job IS NOT NULL)') == 2 }),
    'a day later it is asked for again') or diag $t->in->log();
is($pg->psql('SELECT min(due_since) FROM collection_item'), $since,
    'late since the first run');

$t->provider->unhold();
ok($t->settled(), 'the answers come');
is(dataset('alphavantage', 'daily')->{lag_seconds}, 0, 'nothing is late');
metric_is('zero', 'alphavantage', 'daily', sub { $_[0] == 0 });

# ---- a provider that cannot be asked, a pause, an instrument given up

$t->file('b.conf', <<'END');
[uk]
provider = lseg
dataset = interday
instruments = VOD.L
every = 1d
END
ok($t->in->wait_for(sub { (dataset('lseg', 'interday')->{collected} // 0) == 1
        && $pg->psql("SELECT count(due_since) FROM collection_item
            WHERE provider = 'lseg'") == 1 }),
    'without an account: nobody plans, it is late all the same');
hours_pass('uk', 3);
metric_is('hours', 'lseg', 'interday', sub { $_[0] >= 3 * 3600 });
$t->in->get('collections.pause', name => 'uk');
is(dataset('lseg', 'interday')->{lag_seconds}, undef, 'paused: not wanted');
metric_is('zero', 'lseg', 'interday', sub { $_[0] == 0 });

$pg->psql("UPDATE collection_item SET due_since = now() - interval '9 days',
    stopped_class = 'not_found' WHERE instrument = 'AAPL'");
is(dataset('alphavantage', 'daily')->{lag_seconds}, 0,
    'a symbol that was given up is not waited for');

is($t->in->down(), 0, 'the ingestion ends');
is($t->pr->down(), 0, 'the processing ends');
done_testing();
