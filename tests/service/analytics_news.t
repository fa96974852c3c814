#!/usr/bin/perl

# News: of whom, in which order, page by page, as it was known.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Postgres;
use Wizdata::Rows;
use Wizdata::Service;

use constant {
    NS => 1_000_000_000,
    MAY => 1_714_521_600 * 1_000_000_000,       # 2024-05-01
    THEN => 1_717_372_800 * 1_000_000_000,      # 2024-06-03
};

my $pg = Wizdata::Postgres->start();

# Items 1 to 120, two at each hour; AAPL in every third, IBM in every fourth
# by another name of its provider, BTC in one.
$pg->psql(<<'SQL');
INSERT INTO instrument (id, symbol, source, raw_id, known_at)
VALUES (1, 'AAPL', 1, 1, '2024-06-01Z'), (2, 'IBM', 1, 1, '2024-06-01Z');
INSERT INTO instrument_alias VALUES (1, 'AAPL', 1), (1, 'IBMX', 2),
                                    (6, 'IBMX', 1);
INSERT INTO news
SELECT n, 1, 'https://example.com/' || n,
       timestamptz '2024-05-01Z' + n / 2 * interval '1 hour', 'Title ' || n,
       CASE WHEN n % 2 = 0 THEN 'About ' || n END, 'Example',
       CASE WHEN n % 5 = 0 THEN n / 200.0 END, 1, '2024-06-01Z'
  FROM generate_series(1, 120) n;
INSERT INTO news_mention
SELECT n, 'AAPL', n / 120.0, -0.25, 1, '2024-06-01Z'
  FROM generate_series(3, 120, 3) n;
INSERT INTO news_mention
SELECT n, 'IBMX', 0.5, 0.125, 1, '2024-06-01Z' FROM generate_series(4, 120, 4) n;
INSERT INTO news_mention VALUES (12, 'CRYPTO:BTC', NULL, NULL, 1,
                                 '2024-06-01Z');
SQL

my $svc = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => $pg->url());
my $c = $svc->connect();

sub news { rows($c, 'news.query', { @_ }) }
sub titles { [ map { $_->{title} =~ s/Title //r } @{ news(@_)->{rows} } ] }
sub error { $c->error('news.query', { @_ }) }

my ($meta, $body) = body_of($c, 'news.query', { limit => 1, order => 'asc',
    symbol => ['AAPL'], from => MAY + 6 * 3600 * NS });
my $doc = JSON::PP->new->decode($body);
is_deeply($doc->{data}, [ { t => '2024-05-01T06:00:00Z', title => 'Title 12',
    url => 'https://example.com/12', publisher => 'Example',
    summary => 'About 12', sentiment => undef,
    symbols => [qw/ IBMX AAPL CRYPTO:BTC /], relevance => 0.1,
    symbol_sentiment => -0.25, source => 'alphavantage',
    known_at => '2024-06-01T00:00:00Z' } ], 'an item');
is_deeply($meta->{tags}, ['news:AAPL'], 'tags');
is($doc->{order}, 'asc', 'order');
is_deeply(news()->{meta}{tags}, ['news'], 'of all: one tag');

is_deeply(titles(limit => 3), [ 120, 119, 118 ], 'newest first');
is_deeply(titles(limit => 3, order => 'asc'), [ 1, 2, 3 ], 'or oldest first');
is(news(limit => 1)->{rows}[0]{relevance}, undef, 'relevant to nobody asked');
is_deeply(titles(symbol => ['IBM'], limit => 2), [ 120, 116 ],
    'by the name that its provider has for it');
is(news(symbol => ['IBM'], limit => 1)->{rows}[0]{symbol_sentiment}, '0.125',
    'with what is said of it');
is_deeply(titles(symbol => ['CRYPTO:BTC']), [12], 'who is no instrument');
is_deeply(titles(symbol => [qw/ IBM AAPL /], limit => 4), [ 120, 117, 116,
    114 ], 'any of several, each item once');
is(news(symbol => [qw/ IBM AAPL /], limit => 1)->{rows}[0]{relevance}, '1',
    'by the most relevant');
is(news(symbol => ['ZZZ'])->{rest}{count}, 0, 'nobody heard of');
is_deeply(titles(from => MAY + 2 * 3600 * NS, to => MAY + 3 * 3600 * NS),
    [ 7, 6, 5, 4 ], 'a range, both ends inclusive');

for my $case ([ 'all', limit => 7 ], [ 'all, oldest first', limit => 1,
        order => 'asc', to => MAY + 5 * 3600 * NS ],
    [ 'of some', limit => 5, symbol => [qw/ IBM AAPL /] ],
    [ 'of some, oldest first', limit => 5, symbol => [qw/ IBM AAPL /],
        order => 'asc' ])
{
    my ($name, %args) = @$case;
    my $want = news(%args, limit => 1000)->{rows};

    ok(@$want > 5, "$name: items");
    for my $format (qw/ json msgpack /) {
        is_deeply([ pages($c, 'news.query', \%args, $format) ], $want,
            "$name: all pages in $format");
    }
    is_deeply([ map { $_->{url} } pages($c, 'news.query', \%args, 'csv') ],
        [ map { $_->{url} } @$want ], "$name: all pages in csv");
}
like((body_of($c, 'news.query', { symbol => ['CRYPTO:BTC'] }, 'csv'))[1],
    qr/,IBMX AAPL CRYPTO:BTC,/, 'a list in a table');

is(error(limit => 1001)->[2]{param}, 'limit', 'too many');
is(error(symbol => [])->[2]{param}, 'symbol', 'no symbol');
my $cursor = news(limit => 3)->{meta}{next};
is(error(order => 'asc', cursor => $cursor)->[2]{param}, 'cursor',
    'a cursor of other parameters');

# ---- known when

my @past = ({ as_of => THEN, limit => 500 }, { as_of => THEN, limit => 500,
    symbol => ['AAPL'] }, { as_of => THEN, limit => 500, symbol => ['BRK'] });
my @before = map { (body_of($c, 'news.query', $_))[1] } @past;
$pg->psql(<<'SQL');
INSERT INTO news_history SELECT *, timestamptz '2024-06-10Z' FROM news
 WHERE id IN (3, 120);
UPDATE news SET title = 'Title 3, corrected', known_at = '2024-06-10Z'
 WHERE id = 3;
UPDATE news SET ts = '2024-05-01Z', known_at = '2024-06-10Z' WHERE id = 120;
INSERT INTO news_mention_history
SELECT *, timestamptz '2024-06-10Z' FROM news_mention
 WHERE news_id = 3 AND symbol = 'AAPL';
UPDATE news_mention SET relevance = 0.9, known_at = '2024-06-10Z'
 WHERE news_id = 3 AND symbol = 'AAPL';
INSERT INTO news_mention VALUES (5, 'AAPL', 0.1, 0, 2, '2024-06-10Z'),
                                (5, 'BRK', 0.1, 0, 2, '2024-06-10Z');
INSERT INTO news VALUES (121, 1, 'https://example.com/121', '2024-05-09Z',
    'Title 121', NULL, NULL, NULL, 2, '2024-06-10Z');
SQL
is((body_of($c, 'news.query', $past[$_]))[1], $before[$_],
    'what was known before, byte for byte') for 0 .. $#past;
is_deeply(titles(limit => 3), [ 121, 119, 118 ], 'what is known now');
is_deeply(titles(symbol => ['AAPL'], order => 'asc', limit => 4),
    [ 120, '3, corrected', 5, 6 ], 'of one');
is(news(symbol => ['AAPL'], order => 'asc', limit => 2)->{rows}[1]{relevance},
    '0.9', 'with its new score');

unlike($svc->log(), qr/Sanitizer|runtime error/, 'no sanitizer errors');
done_testing();
