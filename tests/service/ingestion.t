#!/usr/bin/perl

# Collecting: a job from its request to the event on the bus; equal jobs and
# equal payloads; arguments; what status, providers and health tell.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Digest::SHA qw/ sha256_hex /;
use JSON::PP ();
use Test::More;

use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Provider;

my $pg = Wizdata::Postgres->start();
my $av = Wizdata::Provider->start();
my $in = Wizdata::Ingestion->start($pg, url => $av->url('ok'));
my ($job, $id, @ids, $e, @rows);

# ---- one job

my ($status, undef, $body) = $in->c->call('ingest.run',
    { provider => 'alphavantage', dataset => 'daily', symbol => 'IBM' });
is($status, 202, 'accepted');
my $queued = JSON::PP->new->decode($body)->{jobs};
is(@$queued, 1, 'one job');
is_deeply([ sort keys %{ $queued->[0] } ],
    [qw/ args dataset id provider status /], 'its members');
is_deeply($queued->[0]{args}, { symbol => 'IBM', outputsize => 'compact' },
    'its arguments with defaults');

$job = $in->wait_job($queued->[0]{id});
is($job->{status}, 'done', 'done');
is($job->{objects}, 1, 'one object');
is($job->{attempts}, 1, 'one attempt');
is($job->{asked_by}, 'operator', 'who asked');
is($job->{class}, undef, 'nothing wrong');

@rows = $in->manifest();
is(@rows, 1, 'one row in the manifest');
is($rows[0]{provider} . '/' . $rows[0]{dataset}, 'alphavantage/daily', 'whose');
is_deeply($rows[0]{args}, { symbol => 'IBM', outputsize => 'compact' },
    'what was asked for');
is_deeply($rows[0]{headers}, { date => 'Thu, 02 May 2024 00:00:00 GMT' },
    'headers of the answer, without its cookie');
is($in->object($rows[0]), Wizdata::Provider::body('?symbol=IBM'),
    'the bytes as they came');
is($rows[0]{sha256}, sha256_hex($in->object($rows[0])), 'their hash');

ok($in->wait_for(sub { $in->events() == 1 }), 'an event');
($e) = $in->events();
is_deeply([ sort keys %$e ], [ sort qw/ seq key sha256 provider dataset args
    size fetched_at http_status content_type / ], 'its members');
is($e->{$_}, $rows[0]{$_}, "event: $_")
    for qw/ seq key sha256 provider dataset size fetched_at http_status
    content_type /;
is_deeply($e->{args}, $rows[0]{args}, 'event: args');
is($pg->psql('SELECT seq FROM lake_cursor'), 1, 'the cursor');

# ---- the key was used, and shows nowhere

my $key = 'S3CRET-KEY-OF-THE-TEST';
like(($av->requests())[0], qr{^ok\ /query\?function=TIME_SERIES_DAILY
    &outputsize=compact&symbol=IBM&datatype=json&apikey=\Q$key\E$}x,
    'the request');
unlike($in->everything(), qr/S3CRET/, 'no trace of the key');
unlike($in->everything(), qr/S3SSION/, 'nor of a session');

# ---- the same again: asked, not stored

$id = $in->run('alphavantage', 'daily', symbol => 'ibm');
$job = $in->wait_job($id);
is("$job->{status} $job->{objects} $job->{duplicates}", 'done 0 1',
    'an equal payload is not stored twice');
is(scalar($in->manifest()), 1, 'manifest');
is($pg->psql(q(SELECT count(*) FROM lake_fresh WHERE sha256 = ')
    . $rows[0]{sha256} . q(' AND checked_at > changed_at)), 1, 'freshness');
like(($in->c->call('sys.metrics', {}))[2], qr/^wizdata_lake_duplicates_total
    \{[^}]*dataset="daily"[^}]*\}\s1$/mx, 'counted');

# ---- pages

$id = $in->run('worldbank', 'indicator', indicator => 'A', country => 'de');
$job = $in->wait_job($id);
is("$job->{status} $job->{objects}", 'done 2', 'two pages, two objects');
@rows = $in->manifest();
is_deeply($rows[1]{args}, { country => 'DE', indicator => 'A', page => 1,
    per_page => 2 }, 'page 1');
is($rows[2]{args}{page}, 2, 'page 2');

# ---- equal jobs are one

my $held = Wizdata::Ingestion->start($pg, url => $av->url('gate'),
    lake => $in->{lake});
$in->down();
my $first = $held->run('alphavantage', 'quote', symbol => 'SPY');
$held->wait_job($first, sub { $_[0]{status} eq 'running' });
is($held->run('alphavantage', 'quote', symbol => 'spy'), $first,
    'a running job is answered with');
my $waits = $held->run('alphavantage', 'quote', symbol => 'QQQ');
isnt($waits, $first, 'another symbol is another job');
is($held->run('alphavantage', 'quote', symbol => 'QQQ'), $waits,
    'a queued job is answered with');
$av->open_gate();
is($held->wait_job($waits)->{status}, 'done', 'both end');
isnt($held->run('alphavantage', 'quote', symbol => 'QQQ'), $waits,
    'an ended job is not answered with');
$held->down();
$in->up();

# ---- a back-fill

@ids = $in->run('alphavantage', 'intraday', symbol => 'IBM',
    interval => '1min', month => '2019-11', to_month => '2020-02');
is(@ids, 4, 'a job for each month');
is_deeply([ map { $in->wait_job($_)->{args}{month} } @ids ],
    [qw/ 2019-11 2019-12 2020-01 2020-02 /], 'their months');
is($in->job($ids[0])->{args}{outputsize}, 'full', 'whole months');
@ids = map { $_->{id} } @{ $in->get('ingest.status', limit => 3)->{jobs} };
is(@ids, 3, 'the latest three jobs');
ok($ids[0] > $ids[2], 'newest first');

# ---- what is refused

for my $bad (
    [ provider => { provider => 'x', dataset => 'daily', symbol => 'IBM' } ],
    [ provider => { dataset => 'daily', symbol => 'IBM' } ],
    [ provider => { provider => 5, dataset => 'daily' } ],
    [ dataset => { provider => 'worldbank', dataset => 'daily' } ],
    [ symbol => { provider => 'alphavantage', dataset => 'daily' } ],
    [ symbol => { provider => 'alphavantage', dataset => 'daily',
        symbol => [] } ],
    [ keywords => { provider => 'alphavantage', dataset => 'search' } ],
    [ to_symbol => { provider => 'alphavantage', dataset => 'fx_daily',
        from_symbol => 'EUR' } ],
    [ interval => { provider => 'alphavantage', dataset => 'daily',
        symbol => 'IBM', interval => '1min' } ],
    [ month => { provider => 'alphavantage', dataset => 'intraday',
        symbol => 'IBM', interval => '1min', to_month => '2020-01' } ],
    [ to_month => { provider => 'alphavantage', dataset => 'intraday',
        symbol => 'IBM', interval => '1min', month => '2020-02',
        to_month => '2020-01' } ],
    [ to_month => { provider => 'alphavantage', dataset => 'intraday',
        symbol => 'IBM', interval => '1min', month => '1950-01',
        to_month => '2020-01' } ],
    [ to_month => { provider => 'alphavantage', dataset => 'daily',
        symbol => 'IBM', to_month => '2020-01' } ],
    [ country => { provider => 'worldbank', dataset => 'indicator',
        indicator => 'A' } ],
    [ date => { provider => 'worldbank', dataset => 'indicator',
        indicator => 'A', country => 'all', date => '2020:2010' } ],
) {
    my ($param, $args) = @$bad;
    $e = $in->c->error('ingest.run', $args);
    is_deeply([ $e->[0], $e->[2]{param} ], [ -2, $param ], "refused: $param")
        or diag explain $e;
}
$e = $in->c->error('ingest.status', { job => 999999 });
is($e->[0], -5, 'no such job');
$e = $in->c->error('ingest.status', { limit => 0 });
is($e->[0], -2, 'no such limit');

# ---- status, providers, health

my $s = $in->get('ingest.status');
is($s->{queued} + $s->{running}, 0, 'nothing to do');
ok($in->wait_for(sub { $in->get('ingest.status')->{lake}{lag} == 0 }),
    'all is published');
$s = $in->get('ingest.status')->{lake};
is($s->{objects}, scalar($in->manifest()), 'objects');
is($s->{published}, $s->{objects}, 'published');
ok($s->{writable} && !$s->{disk_full}, 'writable');

my $p = $in->provider('alphavantage');
is($p->{state}, 'ok', 'state');
ok($p->{last_success}, 'last success');
is($p->{last_error}, undef, 'no error');
is($p->{quota}{day}, undef, 'no limit a day');

my (undef, $meta, $health) = $in->c->call('sys.health', {});
$health = JSON::PP->new->decode($health);
is($health->{status}, 'healthy', 'healthy');
is_deeply(JSON::PP->new->decode($meta->{external}), { configured_apis => 2,
    total_apis => 5, details => { alpha_vantage => JSON::PP::true,
        world_bank => JSON::PP::true, map { $_ => JSON::PP::false }
            qw/ bloomberg refinitiv sp_global openai / } }, 'external');
is_deeply($health->{providers}, { alphavantage => 'ok', worldbank => 'ok',
    map { $_ => 'not_configured' } qw/ bloomberg lseg spglobal / },
    'providers');

# ---- replay

my $before = $in->events();
$e = $in->get('ingest.replay', from_seq => 2, to_seq => 3);
is("$e->{from_seq} $e->{to_seq} $e->{objects}", '2 3 2', 'a replay');
ok($in->wait_for(sub { $in->events() == $before + 2 }), 'two events more');
is_deeply([ map { $_->{seq} } ($in->events())[ -2, -1 ] ], [ 2, 3 ],
    'those asked for');
$e = $in->c->error('ingest.replay', { from_seq => 1000 });
is($e->[0], -2, 'behind the end');
$in->get('ingest.replay');
ok($in->wait_for(sub { $in->events() == $before + 2 + $in->manifest() }),
    'the whole lake');
is($pg->psql('SELECT count(*) FROM lake_replay'), 0, 'the replays are done');

# ---- not configured

is($in->down(), 0, 'a clean end');
$in = Wizdata::Ingestion->start($pg, url => $av->url('ok'), key => '',
    lake => $in->{lake});
$e = $in->c->error('ingest.run',
    { provider => 'alphavantage', dataset => 'daily', symbol => 'IBM' });
is_deeply([ $e->[0], $e->[2]{param} ], [ -2, 'provider' ], 'not configured');
is($in->provider('alphavantage')->{state}, 'not_configured', 'state');
(undef, $meta) = $in->c->call('sys.health', {});
like($meta->{external}, qr/"configured_apis":1/, 'one of two');

# ---- an empty database: the lake is published again from its beginning

$in->down();
my $other = Wizdata::Postgres->start();
my $rebuilt = Wizdata::Ingestion->start($other, url => $av->url('ok'),
    lake => $in->{lake});
ok($rebuilt->wait_for(sub { $rebuilt->events() == $in->manifest() }),
    'as many events as objects');
is_deeply([ map { $_->{seq} } $rebuilt->events() ],
    [ 1 .. $in->manifest() ], 'in order');
unlike($in->log() . $rebuilt->log(), qr/Sanitizer|runtime error/,
    'no sanitizer findings');

done_testing();
