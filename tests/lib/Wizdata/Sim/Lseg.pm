package Wizdata::Sim::Lseg;

=encoding utf8

=head1 NAME

Wizdata::Sim::Lseg - a simulator of the LSEG (Refinitiv) Data Platform

=head1 SYNOPSIS

    my $sim = Wizdata::Sim::Lseg->start(expires_in => '60');
    # form: grant_type=password&username=...&password=...&client_id=...
    POST $sim->url('/auth/oauth2/v1/token')
    GET $sim->url('/data/historical-pricing/v1/views/interday-summaries/GBP%3D')

=head1 PATHS

    POST /auth/oauth2/v1/token      password, refresh_token
    POST /auth/oauth2/v1/revoke     Basic app key
    POST /auth/oauth2/v2/token      client_credentials
    GET  /data/historical-pricing/v1/views/interday-summaries/{ric}
    GET  /data/historical-pricing/v1/views/intraday-summaries/{ric}
    GET  /data/historical-pricing/v1/views/events/{ric}
    POST /data/historical-pricing/v1/views/{view}    {"universe": [...], ...}
    GET  /data/environmental-social-governance/v2/views/{view}?universe=
    POST /discovery/symbology/v1/lookup
    POST /discovery/search/v1/
    GET  /streaming/pricing/v1/     discovery; the socket is /WebSocket

=head1 AUTHENTICATION

Accounts (settings): C<username>, C<password>, C<app_key> of version 1,
C<service_id>, C<secret> of version 2, defaults as in the synopsis of
L<Wizdata::Sim::Lseg::Auth>.

B<Documented>: forms, parameters, member names; one session for a machine id:
a second login without takeExclusiveSignOnControl=true is refused (400,
access_denied, "Session quota is reached."), with it the first session and its
refresh token die; about 50 logins and refreshes a minute; version 2 has no
refresh token and C<expires_in> near 7200; data paths answer 401
C<{"error":{"id","code","message","status"}}> to a token that is missing,
unknown or past its time. C<expires_in> comes as a text or a number: a setting
that is passed on as it is (C<'600'> is a text, C<600> a number).
B<Synthetic>: the words of the other refusals; that the limit of logins is 429;
that a used refresh token is refused (C<rotate =E<gt> 0>: it stays good).

Settings: C<expires_in> ('600'), C<expires_in_v2> (7199), C<lifetime> (undef:
what expires_in says; else what is true, whatever was said), C<session_quota>
(1), C<logins_per_minute> (50), C<rotate> (1), C<missing_scopes> ([]: data
paths answer 403), C<per_second> (0: no limit; else 429),
C<token_bytes> (1200).

=head1 HISTORICAL PRICING

B<Documented>: the intervals; newest first; C<start> and C<end> of interday
summaries are dates, a time in them is ignored; of the others UTC with up to
nine digits; C<count> is the most rows, the oldest are not delivered; it is 20
unless both C<start> and C<end> are given, 1 at least; C<fields> is case
sensitive and works for interday only; unsupported fields are told in a status
beside the data (70007); corrections cannot be left out (a status beside the
data); the newest row may be repeated in C<meta.blendingEntry>. Both ends are
part of the range (the provider advises to page with C<end> = oldest timestamp
received and to drop the overlap); C<end_inclusive =E<gt> 0> leaves the end
out. Errors come with 200 in the list: 70005 (not found, interday), 90001
(intraday, events), 70112 and 92000 (permission).

More rows than C<max_interday> (3000), C<max_intraday> (50000), C<max_events>
(10000) are not delivered, without a word: the caller has to page. Weekly,
monthly and longer intervals are made of the days. Ticks: two share a
timestamp every now and then, SEQNUM tells them apart.

B<Recorded>: AMZN.O (20 days), GBP= (10 days), AMD.O (five minutes, the first
with a volume and no prices). These have only what was recorded.
B<Synthetic>: everything else; the days are Monday to Friday from
C<first_day> to the day before C<today> (undef: by the clock), minutes and
ticks 14:30 to 21:00 UTC.

C<instruments> (hash of hashes: kind equity, fx, index or bond, name, isin,
...) has, besides usual ones, C<A/B.N>, C<S P.X>, C<"Q".O>, C<100%.L>,
C<Ö+Ä.DE>, C<^OLD.N>. C<denied> (RIC to code): permission refused. C<any> (0;
1: every RIC is an equity). C<blending>: newest (the newest row again), preview
(an unfinished row), none.

=head1 ESG, SYMBOLOGY, SEARCH

ESG: views basic (B<recorded> columns; IBM.N 2020 B<recorded>), scores-full,
scores-standard, measures-full, measures-standard (B<synthetic>); universe up
to 100, start and end relative fiscal years (0 and -2: three). Unknown
identifiers: 200 and C<{"error":{"code":412,"description"}}> when none is
known, else rows of the known ones. Symbology: C<from>, C<to>; order of the
output differs per instrument (B<recorded> for IBM.N and MSFT.O). Search:
View, Query, Filter (an equality), Select, Top, Skip, Navigators; a bad View
is 400 as recorded.

=head1 STREAMING

See L<Wizdata::Sim::Lseg::Stream>.

=cut

use utf8;
use warnings;
use strict;

use Wizdata::Sim;
use Wizdata::Sim::Answer;
use Wizdata::Sim::Json;
use Wizdata::Sim::Lseg::Auth;
use Wizdata::Sim::Lseg::Content;
use Wizdata::Sim::Lseg::Pricing;
use Wizdata::Sim::Lseg::Stream;

use parent -norequire, 'Wizdata::Sim', 'Wizdata::Sim::Lseg::Auth',
    'Wizdata::Sim::Lseg::Content', 'Wizdata::Sim::Lseg::Pricing',
    'Wizdata::Sim::Lseg::Stream';

my %INSTRUMENTS = (
    'IBM.N' => { name => 'International Business Machines Corp',
        permid => '4295904307' },
    'MSFT.O' => { name => 'Microsoft Corp', permid => '4295907168' },
    'AMZN.O' => { name => 'Amazon.com Inc', recorded => 1 },
    'AMD.O' => { name => 'Advanced Micro Devices Inc', recorded => 1 },
    'VOD.L' => { name => 'Vodafone Group PLC' },
    'BRKb.N' => { name => 'Berkshire Hathaway Inc' },
    'GBP=' => { kind => 'fx', name => 'GBP/USD', recorded => 1 },
    'EUR=' => { kind => 'fx', name => 'EUR/USD' },
    '.SPX' => { kind => 'index', name => 'S&P 500 Index' },
    'US10YT=RR' => { kind => 'bond', name => 'US 10 year note' },
    map { $_ => { name => "Odd <$_>" } } 'A/B.N', 'S P.X', '"Q".O', '100%.L',
        'Ö+Ä.DE', '^OLD.N',
);

sub settings {
    return (
        username => 'GE-A-00000000-1-0001', password => 'pass word&+%',
        app_key => 'app-key', service_id => 'GE-000000000001',
        secret => 'service-secret',
        expires_in => '600', expires_in_v2 => 7199, lifetime => undef,
        session_quota => 1, logins_per_minute => 50, rotate => 1,
        missing_scopes => [], per_second => 0, token_bytes => 1200,
        instruments => {%INSTRUMENTS},
        denied => { 'ASML.AS' => 'TSCC.QS.UserNotPermission.92000',
            'ABN.AS' => 'TS.Interday.UserNotPermission.70112' },
        any => 0,
        today => undef, first_day => '2000-01-03', end_inclusive => 1,
        max_interday => 3000, max_intraday => 50_000, max_events => 10_000,
        blending => 'newest',
        Wizdata::Sim::Lseg::Stream::stream_settings(),
    );
}

sub prepare {
    my ($self) = @_;

    $self->prepare_auth();
    $self->prepare_stream();
}

# Path (the rest of it follows), method, whether a token is needed, who.
my $PRICING = '/data/historical-pricing/v1/views/';
my @ROUTES = (
    [ '/auth/oauth2/v1/token', 'POST', 0, 'token_v1' ],
    [ '/auth/oauth2/v1/revoke', 'POST', 0, 'revoke_v1' ],
    [ '/auth/oauth2/v2/token', 'POST', 0, 'token_v2' ],
    [ "${PRICING}interday-summaries", '', 1, 'interday' ],
    [ "${PRICING}intraday-summaries", '', 1, 'intraday' ],
    [ "${PRICING}events", '', 1, 'events' ],
    [ '/data/environmental-social-governance/v2/views/', 'GET', 1, 'esg' ],
    [ '/discovery/symbology/v1/lookup', 'POST', 1, 'symbology' ],
    [ '/discovery/search/v1', 'POST', 1, 'search' ],
    [ '/streaming/pricing/v1', 'GET', 1, 'discovery' ],
    [ '/WebSocket', 'GET', 0, 'web_socket' ],
);

sub answer {
    my ($self, $req, $conn) = @_;

    my ($route) = grep { index($req->{path}, $_->[0]) == 0 } @ROUTES;
    $route or return error(404, 'Not Found', 'The resource is not found');
    my (undef, $method, $token, $name) = @$route;
    return error(405, 'Method Not Allowed', 'The method is not allowed')
        if $method && $req->{method} ne $method;
    if ($token) {
        my $refusal = $self->refusal($req);
        return $refusal if $refusal;
    }
    return $self->$name($req, $conn);
}

# The shape of errors of data paths.
my $errors = 0;

sub error {
    my ($status, $title, $message, %more) = @_;

    my %error = (id => sprintf('00000000-0000-4000-8000-%012d', ++$errors),
        code => "$status", message => $message, status => $title, %more);
    return Wizdata::Sim::Answer->json($status, to_json({ error => \%error }));
}

sub ok { return Wizdata::Sim::Answer->json(200, to_json($_[0])) }

1;
