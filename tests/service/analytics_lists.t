#!/usr/bin/perl

# The lists behind macro-economic series: narrowed down, page by page, in all
# formats, as they were known.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Postgres;
use Wizdata::Rows;
use Wizdata::Service;

use constant THEN => 1_717_372_800 * 1_000_000_000;     # 2024-06-03

my $pg = Wizdata::Postgres->start();

# Thirty indicators of two sources, three with the same codes.
$pg->psql(<<'SQL');
INSERT INTO macro_country VALUES
    (2, 'FRA', 'France', 'FR', false, 'ECS', 'Europe', NULL, NULL, 'HIC',
     'High income', 'LNX', 'Not classified', 'Paris', 2.35, 48.86, 1,
     '2024-06-01Z'),
    (2, 'DEU', 'Germany', 'DE', false, 'ECS', 'Europe', NULL, NULL, 'HIC',
     'High income', 'LNX', 'Not classified', 'Berlin', 13.4, 52.5, 1,
     '2024-06-01Z'),
    (2, 'WLD', 'World', '1W', true, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, 1, '2024-06-01Z'),
    (2, 'XXX', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, 1, '2024-06-01Z');
INSERT INTO macro_indicator
SELECT 2, 'AG.LND_' || lpad(n::text, 2, '0'), 'Land 100% of ' || n, NULL,
       CASE WHEN n % 3 = 0 THEN '75' ELSE '2' END, 'Database', 'A "note"',
       'Somebody', CASE WHEN n % 2 = 0 THEN '1;21' ELSE '11' END,
       CASE WHEN n % 2 = 0 THEN 'Rural; Trade, all' ELSE 'Poverty' END, 1,
       '2024-06-01Z'
  FROM generate_series(1, 27) n;
INSERT INTO macro_indicator
SELECT 1, 'AG.LND_' || lpad(n::text, 2, '0'), 'The same', NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, 1, '2024-06-01Z'
  FROM generate_series(25, 27) n;
INSERT INTO macro_database VALUES
    (2, '2', 'World Development Indicators', 'WDI', NULL,
     'https://example.com/', '2024-05-30', 'Y', 'N', 3, 1, '2024-06-01Z'),
    (2, '75', 'ESG', 'ESG', NULL, NULL, NULL, 'Y', NULL, NULL, 1,
     '2024-06-01Z');
INSERT INTO macro_group VALUES
    (2, 'topics', '21', 'Trade', NULL, 'What crosses', 1, '2024-06-01Z'),
    (2, 'regions', '21', 'Somewhere', 'S1', NULL, 1, '2024-06-01Z'),
    (2, 'topics', '1', 'Rural', NULL, NULL, 1, '2024-06-01Z');
SQL

my $svc = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => $pg->url());
my $c = $svc->connect();
my $json = JSON::PP->new;

sub list { my $what = shift; rows($c, "macro.$what", { @_ }) }
sub names { my ($key, $what, %a) = @_; [ map { $_->{$key} }
        @{ list($what, %a)->{rows} } ] }
sub error { my $what = shift; $c->error("macro.$what", { @_ }) }

# ---- a row of each

my ($meta, $body) = body_of($c, 'macro.countries', { country => ['fr'] });
my %frame = (next => undef, count => 1);
is_deeply($json->decode($body)->{data}, [ { country => 'FRA',
    name => 'France', iso2 => 'FR', aggregate => JSON::PP::false,
    region_code => 'ECS', region => 'Europe', admin_code => undef,
    admin_region => undef, income_code => 'HIC', income_level => 'High income',
    lending_code => 'LNX', lending_type => 'Not classified', capital => 'Paris',
    longitude => 2.35, latitude => 48.86, source => 'worldbank',
    known_at => '2024-06-01T00:00:00Z' } ], 'a country, by either of its codes');
is_deeply($meta->{tags}, ['lists'], 'tags');
is($meta->{ttl}, 300, 'ttl');

($meta, $body) = body_of($c, 'macro.indicators', { indicator => ['AG.LND_06'] });
is_deeply($json->decode($body)->{data}, [ { indicator => 'AG.LND_06',
    name => 'Land 100% of 6', unit => undef, database => '75',
    database_name => 'Database', topics => [qw/ 1 21 /],
    topic_names => [ 'Rural', 'Trade, all' ], note => 'A "note"',
    organization => 'Somebody', source => 'worldbank',
    known_at => '2024-06-01T00:00:00Z' } ], 'an indicator');
is_deeply(list('indicators', indicator => ['AG.LND_25'])->{rows}[0]{topics},
    undef, 'without topics: null');

($meta, $body) = body_of($c, 'macro.databases', {});
is_deeply($json->decode($body)->{data}[0], { database => '2',
    name => 'World Development Indicators', short => 'WDI',
    description => undef, url => 'https://example.com/',
    updated => '2024-05-30', data_available => 'Y',
    metadata_available => 'N', concepts => 3, source => 'worldbank',
    known_at => '2024-06-01T00:00:00Z' }, 'a database');

($meta, $body) = body_of($c, 'macro.groups', { list => 'topics' });
is_deeply($json->decode($body)->{data}, [ map { { list => 'topics',
    code => $_->[0], name => $_->[1], iso2 => undef, note => $_->[2],
    source => 'worldbank', known_at => '2024-06-01T00:00:00Z' } }
    [ '1', 'Rural', undef ], [ '21', 'Trade', 'What crosses' ] ], 'groups');

# ---- some of them

is_deeply(names(country => 'countries'), [qw/ DEU FRA WLD XXX /], 'by code');
is_deeply(names(country => 'countries', aggregate => 'true'), ['WLD'],
    'groups of countries');
is_deeply(names(country => 'countries', aggregate => 'false'),
    [qw/ DEU FRA /], 'economies: where it is known');
is_deeply(names(country => 'countries', country => [qw/ 1w DEU NONE /]),
    [qw/ DEU WLD /], 'some');
is_deeply(names(country => 'countries', q => 'RAN'), ['FRA'],
    'what the name contains');
is_deeply(names(country => 'countries', q => 'x'), ['XXX'],
    'or the code, where there is no name');
is(list('indicators', q => '100% of')->{rest}{count}, 27,
    'a text stands for itself');
is(list('indicators', q => '1__')->{rest}{count}, 0, 'and is no pattern');
is_deeply(names(indicator => 'indicators', database => '75', topic => '21'),
    [ map { "AG.LND_$_" } qw/ 06 12 18 24 / ], 'of a database and a topic');
is_deeply(names(indicator => 'indicators', topic => '2'), [],
    'a topic is a whole code');
is_deeply([ map { $_->{list} } @{ list('groups')->{rows} } ],
    [qw/ regions topics topics /], 'groups: by list');

# ---- page by page

for my $case ([ indicators => 7 ], [ indicators => 1 ], [ countries => 2 ],
    [ groups => 2 ], [ databases => 1 ]) {
    my ($what, $limit) = @$case;
    my $want = list($what, limit => 1000)->{rows};
    for my $format (qw/ json msgpack /) {
        is_deeply([ pages($c, "macro.$what", { limit => $limit }, $format) ],
            $want, "$what: pages of $limit in $format");
    }
    is(scalar(my @all = pages($c, "macro.$what", { limit => $limit }, 'csv')),
        @$want, "$what: in csv");
}
like((body_of($c, 'macro.indicators', { indicator => ['AG.LND_06'] },
    'csv'))[1], qr/,"?1 21"?,/, 'a list in a table');

is(error('indicators', limit => 1001)->[2]{param}, 'limit', 'too many');
is(error('groups', cursor => list('groups', list => 'topics',
    limit => 1)->{meta}{next})->[2]{param}, 'cursor',
    'a cursor of other parameters');

# ---- known when

my $past = { as_of => THEN };
my $before = (body_of($c, 'macro.countries', $past))[1];
$pg->psql(<<'SQL');
INSERT INTO macro_country_history
SELECT *, timestamptz '2024-06-10Z' FROM macro_country WHERE code = 'FRA';
UPDATE macro_country SET income_level = 'Low income', known_at = '2024-06-10Z'
 WHERE code = 'FRA';
INSERT INTO macro_country (source, code, raw_id, known_at)
VALUES (2, 'NEW', 2, '2024-06-10Z');
SQL
is((body_of($c, 'macro.countries', $past))[1], $before,
    'what was known before, byte for byte');
is_deeply([ map { $_->{income_level} } @{ list('countries',
        country => [qw/ FRA NEW /])->{rows} } ], [ 'Low income', undef ],
    'what is known now');

unlike($svc->log(), qr/Sanitizer|runtime error/, 'no sanitizer errors');
done_testing();
