#!/usr/bin/perl

# Alpha Vantage and the World Bank as their simulators are: limits of keys,
# lists, pages that lie. What is hostile in the data goes through the
# processing, too.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw/ time sleep /;

use Wizdata::Accounts qw/ account outcome nowhere /;
use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Processing;
use Wizdata::Sim::AlphaVantage;
use Wizdata::Sim::WorldBank;

my $pg = Wizdata::Postgres->start();
my ($in, $av, $wb, $job, $id, @ids);

sub service {
    my (%o) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM provider_quota));
    $av->stop() if $av;
    $wb->stop() if $wb;
    $av = Wizdata::Sim::AlphaVantage->start(%{ delete $o{av} // {} });
    $wb = Wizdata::Sim::WorldBank->start(%{ delete $o{wb} // {} });
    return $in = Wizdata::Ingestion->start($pg, url => nowhere(),
        account($av), account($wb), WIZDATA_WORLDBANK_PER_PAGE => 50,
        WIZDATA_INGESTION_ATTEMPTS => 3, %o);
}

sub fetch {
    my ($provider, $dataset, %args) = @_;

    return $job = $in->wait_job(scalar $in->run($provider, $dataset, %args));
}

sub bank { return outcome(fetch('worldbank', @_)) }
sub quote { return scalar $in->run('alphavantage', 'quote', symbol => $_[0]) }
sub state { return $in->provider($_[0])->{state} }

# ---- the World Bank: lists and arguments

service();
for my $list (qw/ countries sources topics regions income_levels
        lending_types /) {
    like(bank($list), qr/^done - 1 [1-9]/, $list);
}
is(bank('indicators') =~ s/\d+$/n/r, 'done - 1 n', 'indicators');
cmp_ok($job->{objects}, '>=', 3, 'page by page');

my %GDP = (indicator => 'NY.GDP.MKTP.CD', country => 'FRA');
is(bank('indicator', %GDP, mrv => 5), 'done - 1 1', 'the newest five');
is(($wb->log(path => qr/indicator/))[-1]{query}{mrv}, 5, 'asked for');
like(bank('indicator', %GDP, source => 2), qr/^done - 1 [12]$/, 'of a source');
is(($wb->log(path => qr/indicator/))[-1]{query}{source}, 2, 'asked for');
is(bank('indicator', %GDP, source => 75), 'failed not_found 1 1',
    'of a source that has it not');
is(bank('indicator', indicator => 'NO.SUCH', country => 'all'),
    'failed not_found 1 1', 'an unknown series');

for my $trap ([ 'short', qr/^failed partial 1 / ],
    [ 'same', qr/^failed partial 1 / ]) {
    service(wb => { trap => $trap->[0] });
    like(bank('indicator', indicator => 'NY.GDP.MKTP.CD', country => 'all',
            date => '2000:2020'), $trap->[1], "trap: $trap->[0]");
    cmp_ok($wb->count(), '<=', 1 + 14 * 21 / 50 + 1, 'asked for what is there');
}
service(wb => { trap => 'pages0' });
is(bank('indicator', %GDP, date => '1900:1910'), 'done empty 1 1',
    'page 1 of 0');

service();
$wb->fault('status', status => 400, body => '<html></html>', times => 1);
is(bank('indicator', %GDP), 'done - 2 2', '400 for a valid call: once more');
$wb->fault('status', status => 400, body => '<html></html>');
is(bank('indicator', %GDP, date => '2001'), 'failed bad_request 2 0',
    'again and again: not for ever');
$wb->clear();
service(WIZDATA_WORLDBANK_PER_PAGE => 10);
$wb->fault('cut', nth => 2);
is(bank('indicator', %GDP), 'failed malformed 1 2',
    'a page that is half: kept, and told');

# ---- Alpha Vantage: limits of keys

service(av => { any => 1 }, WIZDATA_ALPHAVANTAGE_KEY => 'free-key',
    WIZDATA_ALPHAVANTAGE_PER_SECOND => 1);
@ids = map { quote("A$_") } 1 .. 3;
is(join(' ', map { outcome($in->wait_job($_)) } @ids), 'done - 1 1 ' x 2
    . 'done - 1 1', 'one call a second: as many as are allowed');
is($av->count(), 3, 'without a refusal');

service(av => { any => 1, free_per_second => 1000, free_per_day => 5 },
    WIZDATA_ALPHAVANTAGE_KEY => 'free-key',
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 1);
@ids = map { quote("B$_") } 1 .. 7;
ok($in->wait_for(sub { state('alphavantage') eq 'parked' }),
    'five a day: parked');
is(scalar(grep { $in->job($_)->{status} eq 'done' } @ids), 5, 'five are done');
is($av->count(), 6, 'one refusal was enough');
unlike($in->everything(), qr/free-key/, 'the key is told in it, and not kept');

service(WIZDATA_ALPHAVANTAGE_KEY => 'no-such-key-of-anybody');
$id = quote('IBM');
ok($in->wait_for(sub { state('alphavantage') eq 'stopped' }),
    'an unknown key: stopped');
sleep 0.5;
is($av->count(), 1, 'after one call');

service(WIZDATA_ALPHAVANTAGE_KEY => 'free-key');
is(outcome(fetch('alphavantage', 'daily_adjusted', symbol => 'IBM')),
    'failed permission 1 0', 'what only others may have');
service(WIZDATA_ALPHAVANTAGE_KEY => 'artificial-key');
is(outcome(fetch('alphavantage', 'daily', symbol => 'IBM')) =~ s/ \d$/ n/r,
    'failed artificial 1 n', 'rows that are none');

service();
for my $symbol ('BRK.B', 'RDS/A', "O'R", 'X%Y', 'A B') {
    my $answer = eval { quote($symbol) };
    defined $answer ? is(outcome($in->wait_job($answer)), 'done - 1 1',
        "$symbol: percent-encoded")
        : like($@, qr/symbol/, "$symbol is refused in words");
}

# ---- hostile rows, as far as the tables

$in->down();
undef $in;
$pg = Wizdata::Postgres->start();
service(av => { today => '2026-05-16' });
my $processing = Wizdata::Processing->start($pg, lake => $in->{lake});
$av->fault('rows', duplicate => 2, shuffle => 1);
my $bare = $wb->fault('rows', values => [ 'None', 'NaN', '1e999' ], bare => 1);
is(bank('indicator', %GDP, date => '1990:2020'), 'done - 1 1',
    'the World Bank, without quotes');
$wb->unfault($bare);
my $of_bare = q(raw_id = (SELECT min(id) FROM raw_object
    WHERE dataset = 'indicator'));
ok($in->wait_for(sub { $pg->psql("SELECT string_agg(reason, ' ') FROM reject
    WHERE $of_bare") eq 'not_a_number not_a_number' }),
    'two figures that are none cost their rows');
ok($in->wait_for(sub { $pg->psql("SELECT stored FROM raw_object WHERE id =
    (SELECT raw_id FROM reject WHERE $of_bare LIMIT 1)") > 20 }),
    'and no others');
$wb->fault('rows', values => [ 'None', '-', '.', '', undef ], shuffle => 1);
is(bank('indicator', %GDP) =~ s/\d+$/n/r, 'done - 1 n',
    'the World Bank, with quotes');
is(outcome(fetch('alphavantage', 'daily', symbol => 'MSFT')), 'done - 1 1',
    'Alpha Vantage: None, -, ., NaN, 1e999');
my $objects = $in->manifest();
ok($in->wait_for(sub { $pg->psql("SELECT count(*) FROM bus_event
    WHERE topic = 'raw.object'") >= $objects }), 'both are published');
ok($in->wait_for(sub { $pg->psql('SELECT count(*) FROM reject') > 0 }),
    'what is no figure is rejected');
ok($in->wait_for(sub { $pg->psql('SELECT count(*) FROM bar') > 80 }),
    'the good rows are there');
ok($in->wait_for(sub { $pg->psql('SELECT count(*) FROM observation') > 50 }),
    'of both');
is($pg->psql(q(SELECT count(*) FROM bar WHERE NOT (close > 0 AND close < 1e9))),
    0, 'and no others');

unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
