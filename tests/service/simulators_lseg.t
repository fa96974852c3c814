#!/usr/bin/perl

# The simulator of the LSEG Data Platform behaves as it says it does: tokens
# and sessions, historical pricing, ESG, symbology, search; asked by curl.

use utf8;
use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Sim::Lseg;
use Wizdata::Sim::Probe;

my $sim = Wizdata::Sim::Lseg->start(today => '2024-06-04');
my ($r, $token, $other, @rows, @pages);

my @form = map { ('--data-urlencode', $_) } "username=$sim->{username}",
    "password=$sim->{password}", 'client_id=app-key', 'scope=trapi';

sub login { return curl($sim->url('/auth/oauth2/v1/token'), @_) }

sub sign_in {
    my (@more) = @_;

    return login('-d', 'grant_type=password', @form, @more);
}

sub refresh {
    my ($with) = @_;

    return login('-d', 'grant_type=refresh_token', '--data-urlencode',
        "username=$sim->{username}", '-d', 'client_id=app-key', '-d',
        "refresh_token=$with");
}

sub oauth { return join ' ', $_[0]{status}, json($_[0])->{error} // 'ok' }

sub get {
    my ($path, @more) = @_;

    return curl($sim->url($path), '-H', "Authorization: Bearer $token", @more);
}

my $pricing = '/data/historical-pricing/v1/views';

# The entry of one RIC.
sub entry {
    my ($view, $query) = @_;

    my $r = get("$pricing/$view-summaries/$query");
    return $r->{status} == 200 ? json($r)->[0] : $r->{status};
}

sub column {
    my ($entry, $name) = @_;

    my ($at) = grep { $entry->{headers}[$_]{name} eq $name }
        0 .. $#{ $entry->{headers} };
    return map { $_->[$at] } @{ $entry->{data} };
}

# ---- tokens, version 1

is(oauth(login('-d', 'grant_type=password', '-d', 'client_id=wrong')),
    '401 invalid_client', 'a wrong app key');
is(oauth(sign_in('-d', 'password=wrong')), '400 access_denied',
    'a wrong password');
is(oauth(login('-d', 'grant_type=magic', @form)),
    '400 unsupported_grant_type', 'a wrong grant');
is(oauth(login('-H', 'Content-Type: application/json', '-d', '{}')),
    '400 invalid_request', 'no form');
$r = sign_in();
is(oauth($r), '200 ok', 'signed in');
like($r->{body}, qr/"expires_in":"600"/, 'its lifetime is a text');
my $first = json($r);
is($first->{token_type}, 'Bearer', 'a bearer token');
is(oauth(sign_in()), '400 access_denied', 'a second session is refused');
is(json(sign_in())->{error_description}, 'Session quota is reached.', 'why');
$token = $first->{access_token};
is(get("$pricing/interday-summaries/IBM.N?count=1")->{status}, 200,
    'the first session lives');
$other = json(sign_in('-d', 'takeExclusiveSignOnControl=true'));
ok($other->{access_token}, 'with exclusive control it is not');
$r = get("$pricing/interday-summaries/IBM.N?count=1");
is($r->{status}, 401, 'and the first session is dead');
is_deeply([ sort keys %{ json($r)->{error} } ], [qw/ code id message status /],
    'in the shape of data paths');
is(json($r)->{error}{status}, 'Unauthorized', 'told so');
is(oauth(refresh($first->{refresh_token})), '400 invalid_grant',
    'its refresh token too');

$token = $other->{access_token};
my $next = json(refresh($other->{refresh_token}));
isnt($next->{access_token}, $token, 'refreshed: another token');
is(get("$pricing/interday-summaries/IBM.N?count=1")->{status}, 401,
    'the old one is not good any more');
is(oauth(refresh($other->{refresh_token})), '400 invalid_grant',
    'a used refresh token is refused');
$token = $next->{access_token};
is(get("$pricing/interday-summaries/IBM.N?count=1")->{status}, 200,
    'the new one is good');
$sim->advance(599);
is(get("$pricing/interday-summaries/IBM.N?count=1")->{status}, 200,
    'until its time is over');
$sim->advance(2);
$r = get("$pricing/interday-summaries/IBM.N?count=1");
is("$r->{status} " . json($r)->{error}{message}, '401 token expired',
    'then not');
$next = json(refresh($next->{refresh_token}));
ok($next->{access_token}, 'but it can be refreshed');
is(curl($sim->url('/auth/oauth2/v1/revoke'), '-u', 'app-key:', '-d',
        "token=$next->{access_token}")->{status}, 200, 'revoked');
$token = $next->{access_token};
is(get("$pricing/interday-summaries/IBM.N?count=1")->{status}, 401,
    'not good any more');
is(oauth(refresh($next->{refresh_token})), '400 invalid_grant',
    'with its session');

$sim->set(expires_in => 300, lifetime => 5);
$r = sign_in();
like($r->{body}, qr/"expires_in":300\b/, 'its lifetime as a number');
$token = json($r)->{access_token};
$sim->advance(6);
is(get("$pricing/interday-summaries/IBM.N?count=1")->{status}, 401,
    'shorter than it said');
$sim->set(lifetime => undef, expires_in => '600', logins_per_minute => 3);
$sim->advance(61);
$sim->drop_sessions();
is(join(' ', map { oauth(refresh('x')) } 1 .. 4), join(' ',
        ('400 invalid_grant') x 3, '429 too_many_requests'), 'too often');
$sim->set(logins_per_minute => 1000);

# ---- version 2

sub service { return curl($sim->url('/auth/oauth2/v2/token'), @_) }

is(oauth(service('-d', 'grant_type=client_credentials', '-d',
            'client_id=x', '-d', 'client_secret=y')), '401 invalid_client',
    'version 2: wrong');
$r = service('-d', 'grant_type=client_credentials', '-d',
    "client_id=$sim->{service_id}", '-d', "client_secret=$sim->{secret}");
is(oauth($r), '200 ok', 'version 2');
ok(!exists json($r)->{refresh_token}, 'without a refresh token');
like($r->{body}, qr/"expires_in":7199\b/, 'for two hours');
$token = json($r)->{access_token};
$r = service('-u', "$sim->{service_id}:$sim->{secret}", '-d',
    'grant_type=client_credentials');
is(oauth($r), '200 ok', 'by Basic authentication as well');
is(get("$pricing/interday-summaries/IBM.N?count=1")->{status}, 200,
    'no quota of sessions');
$sim->set(missing_scopes => ['trapi.data.x']);
$r = get("$pricing/interday-summaries/IBM.N");
is("$r->{status} " . json($r)->{error}{code}, '403 insufficient_scope',
    'a scope that is missing');
$sim->set(missing_scopes => [], per_second => 2);
$sim->advance(2);
is(join(' ', map { get("$pricing/interday-summaries/IBM.N?count=1")->{status} }
        1 .. 3), '200 200 429', 'too fast');
$sim->set(per_second => 0);

# ---- interday

my $e = entry(interday => 'IBM.N?count=3');
is_deeply([ column($e, 'DATE') ], [ '2024-06-03', '2024-05-31', '2024-05-30' ],
    'the newest three, newest first');
is($e->{summaryTimestampLabel}, 'endPeriod', 'labelled by their end');
is($e->{universe}{ric}, 'IBM.N', 'whose');
is_deeply($e->{meta}{blendingEntry}{data}, [ $e->{data}[0] ],
    'the newest row is repeated');
is(scalar @{ entry(interday => 'IBM.N')->{data} }, 20,
    'twenty rows unless told');
$e = entry(interday => 'IBM.N?start=2024-01-01T00:00:00Z&end=2024-03-29'
    . 'T23:59:59.000000000Z');
is(scalar @{ $e->{data} }, 65, 'all of a range with both ends');
is((column($e, 'DATE'))[0], '2024-03-29', 'the end is in it');
ok(!$e->{meta}, 'what does not reach the newest row repeats none');
is((column(entry(interday => 'IBM.N?start=2024-01-01&end=2024-03-29&count=2'),
            'DATE'))[1], '2024-03-28', 'count cuts the oldest');
$sim->set(end_inclusive => 0);
is((column(entry(interday => 'IBM.N?start=2024-01-01&end=2024-03-29'),
            'DATE'))[0], '2024-03-28', 'the end can be left out');
$sim->set(end_inclusive => 1, blending => 'preview');
is_deeply([ @{ entry(interday => 'IBM.N?count=1&fields=BID')->{meta}
            {blendingEntry}{data}[0] } ], [ '2024-06-04', undef ],
    'or an unfinished row');
$sim->set(blending => 'none');
ok(!entry(interday => 'IBM.N?count=1')->{meta}, 'or none');

$e = entry(interday => 'IBM.N?end=2024-03-29&count=2');
is_deeply([ column($e, 'DATE') ], [ '2024-03-29', '2024-03-28' ],
    'an end without a start');
$e = entry(interday => 'IBM.N?start=2024-05-30');
is_deeply([ column($e, 'DATE') ], [ '2024-06-03', '2024-05-31', '2024-05-30' ],
    'a start without an end');

# Pages: backwards by the end, with an overlap of one row.
$sim->set(max_interday => 10);
my $end = '2024-03-29';
while (1) {
    my @dates = column(entry(interday =>
            "IBM.N?start=2024-02-01&end=$end"), 'DATE');
    push @pages, scalar @dates;
    push @rows, grep { !@rows || $_ lt $rows[-1] } @dates;
    last if @dates < 10;
    $end = $dates[-1];
}
is_deeply(\@pages, [ 10, 10, 10, 10, 6 ], 'ten rows at most: five pages');
is(scalar @rows, 42, 'all of them');
is($rows[-1], '2024-02-01', 'to the first');
$sim->set(max_interday => 3000);

my %longer = (P1W => '2024-05-31', P1M => '2024-05-31', P3M => '2024-03-29',
    P1Y => '2023-12-29');
for my $interval (sort keys %longer) {
    $e = entry(interday => "IBM.N?interval=$interval&start=2020-01-01"
        . "&end=$longer{$interval}");
    is((column($e, 'DATE'))[0], $longer{$interval}, "$interval: its end");
}
my ($week) = grep { $_->[0] eq '2024-05-31' } @{ entry(interday =>
        'IBM.N?interval=P1W&fields=HIGH_1&start=2024-05-01&end=2024-05-31')
    ->{data} };
my ($high) = sort { $b <=> $a } column(entry(interday =>
        'IBM.N?fields=HIGH_1&start=2024-05-27&end=2024-05-31'), 'HIGH_1');
is($week->[1], $high, 'a week is made of its days');

$e = entry(interday => 'GBP%3D?fields=BID&count=10');
is_deeply($e->{data}[0], [ '2022-06-22', 1.2266 ], 'recorded figures');
is($e->{defaultPricingField}, 'BID', 'of a rate');
$e = entry(interday => 'AMZN.O?count=2');
is_deeply($e->{data}, [ [ '2026-02-27', 210, 209.99, 210.01 ],
        [ '2026-02-26', 207.92, 207.9, 207.92 ] ], 'of a share');
for my $ric ('A%2FB.N', 'S%20P.X', '%22Q%22.O', '100%25.L',
    '%C3%96%2B%C3%84.DE', '.SPX', 'US10YT%3DRR') {
    $e = entry(interday => "$ric?count=1");
    is(scalar @{ $e->{data} }, 1, "$e->{universe}{ric}");
}

# Errors of single RICs come with 200.
sub code_of { return entry(@_)->{status}{code} }

is(code_of(interday => 'NO.N'), 'TS.Interday.UserRequestError.70005',
    'not found');
is(code_of(intraday => 'NO.N'), 'TS.Intraday.UserRequestError.90001',
    'not found, intraday');
is(code_of(interday => 'ASML.AS'), 'TSCC.QS.UserNotPermission.92000',
    'no permission');
is(code_of(interday => 'ABN.AS'), 'TS.Interday.UserNotPermission.70112',
    'no permission, the other code');
$e = entry(interday => 'IBM.N?fields=BID,NONSENSE&count=2');
is($e->{status}{code}, 'TS.Interday.UserRequestError.70007',
    'an unsupported field');
is(scalar @{ $e->{data} }, 2, 'beside the data');
ok(!entry(interday => 'IBM.N?fields=NONSENSE')->{data},
    'none when there is no other');
ok(!entry(interday => 'IBM.N?fields=bid')->{data}, 'names have their case');
$e = entry(interday => 'IBM.N?adjustments=unadjusted&count=1');
like($e->{status}{code}, qr/^TS\.Interday\.Warning\./,
    'corrections cannot be left out');
is(scalar @{ $e->{data} }, 1, 'beside the data');
for my $query ('count=0', 'count=-1', 'count=x', 'interval=PT1M',
    'start=yesterday', 'start=2024-13-01', 'adjustments=XXX', 'fields=',
    'fields=A%20B') {
    is(entry(interday => "IBM.N?$query"), 400, "$query is 400");
}
$r = curl($sim->url("$pricing/interday-summaries"), '-H',
    "Authorization: Bearer $token", '-H', 'Content-Type: application/json',
    '-d', '{"universe":["IBM.N","NO.N","ASML.AS"],"count":1,"fields":["BID"]}');
my $list = json($r);
is_deeply([ map { $_->{status} ? $_->{status}{code} =~ s/.*\.//r
            : scalar @{ $_->{data} } } @$list ], [ 1, 70005, 92000 ],
    'several at once, some of them wrong');

# ---- intraday and ticks

$e = entry(intraday => 'AMD.O?interval=PT1M&count=5');
is_deeply($e->{data}[0], [ '2022-05-25T20:01:00.000000000Z', undef, undef,
        undef, undef, undef, 56358 ], 'recorded: a volume and no prices');
is($e->{summaryTimestampLabel}, 'startPeriod', 'labelled by their start');
$e = entry(intraday => 'IBM.N?interval=PT5M&count=2');
is_deeply([ column($e, 'DATE_TIME') ], [ '2024-06-03T20:55:00.000000000Z',
        '2024-06-03T20:50:00.000000000Z' ], 'five minutes');
$e = entry(intraday => 'IBM.N?start=2024-05-31T20:58:00.000000000Z'
    . '&end=2024-06-03T14:31:00.000000000Z');
is_deeply([ map { substr $_, 5, 11 } column($e, 'DATE_TIME') ],
    [qw/ 06-03T14:31 06-03T14:30 05-31T20:59 05-31T20:58 /],
    'over a weekend, both ends');
$e = entry(intraday => 'IBM.N?end=2024-06-03T14:30:00Z&count=2');
is_deeply([ map { substr $_, 5, 11 } column($e, 'DATE_TIME') ],
    [qw/ 06-03T14:30 05-31T20:59 /], 'an end without a start');
$sim->set(max_intraday => 100);
is(scalar @{ entry(intraday => 'IBM.N?start=2024-05-01T00:00:00Z'
            . '&end=2024-06-01T00:00:00Z')->{data} }, 100, 'a hundred at most');

sub ticks {
    my $entry = json(get("$pricing/events/VOD.L?$_[0]"))->[0];
    return map { "$_->[0] $_->[3]" } @{ $entry->{data} };
}

my @all = ticks('start=2024-06-03T20:55:00Z&end=2024-06-03T20:59:59Z');
my %stamps;
$stamps{ substr $_, 0, 30 }++ for @all;
is(scalar @all, 60, 'ticks');
is(scalar(grep { $_ == 2 } values %stamps), 10, 'some at the same time');
is_deeply([ sort { $b cmp $a } @all ], \@all, 'newest first');
$sim->set(max_events => 7);
@pages = ();
$end = '2024-06-03T20:59:59Z';
my %got;
while (1) {
    my @page = ticks("start=2024-06-03T20:55:00Z&end=$end");
    my $new = grep { !$got{$_}++ } @page;
    last if !$new;
    $end = substr $page[-1], 0, 30;
}
is(scalar keys %got, 60, 'page by page none is lost');
like((ticks('end=2024-06-03T15:00:00Z'))[0], qr/^2024-06-03T14:59/,
    'an end without a start');
is(scalar(ticks('count=5&eventTypes=trade')), 5, 'trades only');

# ---- hostile rows

$sim->fault('rows', duplicate => 2, shuffle => 1,
    path => qr{/interday-summaries/});
$r = get("$pricing/interday-summaries/IBM.N?count=9&fields=BID");
my @hostile = map { $_->[1] } @{ json($r)->[0]{data} };
is(scalar @hostile, 11, 'two rows twice');
for my $value ('"None"', '"-"', '"."', '"NaN"', '1e999', '""', 'null') {
    like($r->{body}, qr/,\Q$value\E\]/, "a row with $value");
}
$e = json($r)->[0];
isnt(join(' ', map { $_->[0] } @{ $e->{data} }), join(' ', sort { $b cmp $a }
        map { $_->[0] } @{ $e->{data} }), 'in another order');
$sim->clear();
$sim->fault('rows', values => ['NaN'], bare => 1, drop => 3);
$r = get("$pricing/interday-summaries/IBM.N?count=9&fields=BID");
like($r->{body}, qr/,NaN\]/, 'NaN that is no JSON');
is(scalar(() = $r->{body} =~ /\["20/g), 6, 'rows that are missing');
$sim->clear();

# ---- ESG

my $esg = '/data/environmental-social-governance/v2/views';
$r = json(get("$esg/basic?universe=IBM.N"));
is($r->{links}{count}, 1, 'ESG');
is($r->{data}[0][15], 73.3005404816844, 'recorded scores');
is($r->{headers}[15]{name}, 'TR.TRESGCScore', 'by their names');
$r = json(get("$esg/scores-full?universe=IBM.N,NO.N,VOD.L&start=0&end=-2"));
is(scalar @{ $r->{data} }, 6, 'three years of the two that are known');
is_deeply([ map { $_->[1] } @{ $r->{data} } ], [qw/ 2020-12-31 2019-12-31
    2018-12-31 2023-03-31 2022-03-31 2021-03-31 /], 'with ends of their own');
$r = get("$esg/basic?universe=NO.N");
is("$r->{status} " . json($r)->{error}{code}, '200 412', 'none is known');
is(get("$esg/nonsense?universe=IBM.N")->{status}, 404, 'no such view');

# ---- symbology and search

sub post {
    my ($path, $body) = @_;

    return get($path, '-H', 'Content-Type: application/json', '-d', $body);
}

$r = json(post('/discovery/symbology/v1/lookup', '{"from":[{"identifierTypes":'
        . '["RIC"],"values":["IBM.N","MSFT.O","NO.N"]}],"to":[{'
        . '"identifierTypes":["ISIN","LEI"]}]}'));
is_deeply([ map { join ' ', map { $_->{identifierType} } @{ $_->{output} } }
        @{ $r->{data} } ], [ 'ISIN LEI', 'LEI ISIN' ],
    'symbology: another order for each');
is($r->{data}[0]{output}[0]{value}, 'US4592001014', 'recorded');
is(scalar @{ $r->{messages} }, 1, 'and one is not resolved');
$r = json(post('/discovery/symbology/v1/lookup', '{"from":[{"identifierTypes":'
        . '["ISIN"],"values":["US5949181045"]}]}'));
is_deeply($r->{data}[0]{output}[0], { identifierType => 'RIC',
        value => 'MSFT.O' }, 'backwards');
$r = json(post('/discovery/search/v1/', '{"View":"SearchAll","Query":"odd",'
        . '"Top":2,"Skip":1,"Select":"RIC"}'));
is($r->{Total}, 6, 'search');
is_deeply([ map { join ',', keys %$_ } @{ $r->{Hits} } ], [ 'RIC', 'RIC' ],
    'two hits with one member');
$r = json(post('/discovery/search/v1/', '{"Filter":"RIC eq \'IBM.N\'",'
        . '"Navigators":"Exchange"}'));
is("$r->{Total} " . scalar @{ $r->{Buckets} }, '1 1', 'filter, navigators');
$r = post('/discovery/search/v1/', '{"View":"Nonsense"}');
is($r->{status}, 400, 'no such view');
like(json($r)->{error}{errors}[0]{reason}, qr/View/, 'told so');
is(get('/nothing')->{status}, 404, 'another path');

done_testing();
