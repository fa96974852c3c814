#!/usr/bin/perl

# Keys of an issuer that says itself where they are (OpenID Connect
# Discovery): what its document may say, that a changed one is followed, and
# what stays when it cannot be had.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Issuer;
use Wizdata::Jwt;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $d = $t->dir;
my $issuer = Wizdata::Issuer->new($d);
my %k = map { $_ => Wizdata::Jwt->new($d, 'ES256', kid => $_) } 'a' .. 'h';
my $well_known = '/.well-known/openid-configuration';

# Ports: the issuer, the same server under another name or number.
sub at { my ($path, $port, $host) = @_;
    return 'https://' . ($host // 'localhost') . ':' . port($port // 8444)
        . $path }

my $main = at('/realms/main/');    # with a slash
my $fresh = at('/fresh');
my $guest = at('/guest');
my $elsewhere = '127.0.0.1:' . port(8445);

sub conf {
    my (%o) = (rediscover => '1h', guest => "jwks_host=$elsewhere", @_);

    $t->config(workers => 2, http => <<"END",
    wizdata_jwks_trusted_certificate $d/ca.pem;
    wizdata_jwks_refetch 1s; wizdata_jwks_refresh 1h;
    wizdata_jwks_rediscover $o{rediscover};
    wizdata_jwks_wait 6s; wizdata_jwks_timeout 2s;
    wizdata_jwt_issuer $main name=main audience=wizdata keys=discovery;
    wizdata_jwt_issuer $fresh name=fresh audience=wizdata keys=discovery;
    wizdata_jwt_issuer $guest name=guest audience=wizdata keys=discovery
        $o{guest};
END
        server => 'location = /api/status/config {'
            . ' wizdata_status_config public; }',
        servers => join '', map { $issuer->server(%$_) }
            { port => '%%PORT_8444%%', name => 'localhost' },
            { port => '%%PORT_8445%%', name => 'b' });
    $t->default_config;
}

$t->backend('analytics', sub { '{}' });

# ---- what is answered where -----------------------------------------------

my %paths;

sub serve {
    my (%more) = @_;

    %paths = (%paths, %more);
    delete $paths{$_} for grep { !$paths{$_} } keys %paths;
    $issuer->answer(status => 404, body => 'no', paths => \%paths);
}

sub document {
    my ($iss, $jwks_uri, %more) = @_;

    return { body => JSON::PP->new->canonical->encode({ issuer => $iss,
        jwks_uri => $jwks_uri, token_endpoint => at('/token'), %more }) };
}

sub set { return { body => jwks(map { $k{$_} } @_) } }

serve("/realms/main$well_known" => document($main, at('/keys/main?v=1')),
    '/keys/main' => set('a'));

$t->allow(qr/SSL_do_handshake|SSL_shutdown/);
conf();
$t->run();

sub bearer {
    my ($iss, $key, %claims) = @_;

    my $token = $k{$key}->token({ iss => $iss, sub => 'u' . rand, %claims });
    return get('/v1/instruments?q=x', key => undef,
        headers => ["Authorization: Bearer $token"]);
}

sub together {
    my ($n, $iss, $key) = @_;

    my @clients = map {
        my $c = client();
        $c->send_request('GET', '/v1/instruments?q=x', key => undef,
            keepalive => 1, headers => [ 'Authorization: Bearer '
                . $k{$key}->token({ iss => $iss, sub => "u$_" }) ]);
        $c;
    } 1 .. $n;
    my %n;
    $n{ $_->response->status }++ for @clients;
    return join ' ', map { "$_:$n{$_}" } sort keys %n;
}

sub asked { my ($path) = @_;
    return scalar grep { m{^GET \Q$path\E[ ?]} } $issuer->requests }

# What a worker has published another one may answer from before the first has
# said it.
sub logged {
    my ($re, $name) = @_;

    return $t->wait_for($name, sub { $t->read_file('error.log') =~ $re });
}

# The next fetch that an unknown kid may cause.
sub interval { select undef, undef, undef, 1.1 }

sub until_good {
    my ($what, $iss, $key) = @_;

    $t->wait_for($what, sub {
        select undef, undef, undef, 0.3;
        return bearer($iss, $key)->status == 200;
    });
}

# ---- the first time ---------------------------------------------------------

is(together(20, $main, 'a'), '200:20', 'keys from where the issuer says');
is(asked("/realms/main$well_known"), 1,
    'the document of an issuer with a slash, once for two workers');
is(asked('/keys/main'), 1, 'and the set, once');
my ($get) = grep { m{^GET /realms/main} } $issuer->requests;
like($get, qr{^GET /realms/main\Q$well_known\E HTTP/1\.1\|Host: localhost:},
    'as HTTP asks for it');
like($get, qr{\|Accept: application/json\|}, 'a JSON document');
like((grep { m{^GET /keys/main} } $issuer->requests)[0],
    qr{/keys/main\?v=1 HTTP.*\|Accept: application/jwk-set\+json}, 'a set');

# A new key: the set is asked for, the document is not.
serve('/keys/main' => set('a', 'b'));
interval();
is(together(20, $main, 'b'), '200:20', 'rotation inside of the set');
is(asked("/realms/main$well_known"), 1, 'needs no other document');

# ---- what is shown ----------------------------------------------------------

my $c = get('/api/status/config', key => undef)->json->{gateway}{jwt};
my ($shown) = map { $_->{keys}[0] } grep { $_->{issuer} eq $main }
    @{ $c->{issuers} };
is($shown->{source}, 'discovery', 'shown: the source');
is($shown->{document}, at("/realms/main$well_known"), 'its document');
is($shown->{jwks_uri}, at('/keys/main'), 'its jwks_uri without the query');
($shown) = map { $_->{keys}[0] } grep { $_->{issuer} eq $guest }
    @{ $c->{issuers} };
is($shown->{jwks_uri}, undef, 'null while it is not known');
is_deeply($shown->{jwks_hosts}, [$elsewhere], 'who is allowed');
is($c->{jwks_rediscover_seconds}, 3600, 'the interval');

# ---- documents that are of no use -------------------------------------------

my $good = document($fresh, at('/keys/fresh'))->{body};
serve('/keys/fresh' => set('c'), '/keys/other' => set('c'));
my @bad = (
    [ 'another issuer', document("$fresh/", at('/keys/fresh')),
        qr/issuer is not the one/ ],
    [ 'a foreign host', document($fresh, at('/keys/fresh', 8445,
        '127.0.0.1')), qr/on another host, 127\.0\.0\.1 port \d+: write jwks/ ],
    [ 'another port', document($fresh, at('/keys/fresh', 8445)),
        qr/on another host, localhost port/ ],
    [ 'http', document($fresh, at('/keys/fresh') =~ s/^https/http/r),
        qr/jwks_uri is no https URL/ ],
    [ 'a user in it', document($fresh, at('/keys/fresh') =~ s{//}{//a@}r),
        qr/jwks_uri is a URL without a host/ ],
    [ 'no jwks_uri', { body => qq({"issuer":"$fresh"}) },
        qr/no jwks_uri/ ],
    [ 'a redirect', { status => 302, body => $good,
        headers => [ 'Location: ' . at('/moved') ] }, qr/with status 302/ ],
    [ 'an error', { status => 500, body => $good }, qr/with status 500/ ],
    [ 'a huge one', { body => $good . ' ' x 70_000 }, qr/too long/ ],
    [ 'garbage', { body => '<html>hello</html>' }, qr/not a JSON object/ ],
    [ 'a name twice', { body => $good =~ s/^\{/{"issuer":"x",/r },
        qr/stands twice/ ],
    [ 'a closed connection', { mode => 'drop' }, qr/status 50\d|broke/ ],
    [ 'one that never comes', { mode => 'hang' }, qr/did not answer in time/ ],
);

# Each reload lets the reason be logged anew.
my $sets = asked('/keys/fresh');
for my $case (@bad) {
    my ($name, $answer, $why) = @$case;

    serve("/fresh$well_known" => $answer);
    ok($t->renew, "$name: reload");
    interval();
    my $n = asked("/fresh$well_known");
    my $r = bearer($fresh, 'c');
    is($r->status, 503, "$name: nobody can tell") or diag($r->text);
    # Not at once, when new workers that were slow to begin have just asked.
    $t->wait_for("$name: it was asked for", sub {
        return 1 if asked("/fresh$well_known") > $n;
        bearer($fresh, 'c');
        return asked("/fresh$well_known") > $n;
    });
    is(bearer($main, 'a')->status, 200, "$name: others go on");
    logged(qr{
        no\ keys\ from\ \Q@{[ at("/fresh$well_known") ]}\E:\ [^\n]*$why}x,
        "$name: the reason");
}
is(asked('/keys/fresh'), $sets, 'no set was asked for');
is(asked('/moved'), 0, 'no redirect was followed');

# ---- and one that is good ---------------------------------------------------

serve("/fresh$well_known" => { body => $good, chunked => 9 });
interval();
until_good('a document that is right', $fresh, 'c');
is(asked('/keys/other'), 0, 'nothing else was asked for');
logged(qr/keys from \S+fresh\S+ again/, 'said so');

# ---- a host that is allowed -------------------------------------------------

serve("/guest$well_known" => document($guest, "https://$elsewhere/keys/g"),
    '/keys/g' => set('d'));
interval();
until_good('keys on a host that is allowed', $guest, 'd');
like((grep { m{^GET /keys/g } } $issuer->requests)[0],
    qr{\|Host: \Q$elsewhere\E\|}, 'asked there');

# ---- a set that cannot be had -----------------------------------------------

# The set moves: its old address fails, and the document is asked again.
my $documents = asked("/realms/main$well_known");
serve("/realms/main$well_known" => document($main, at('/keys/new')),
    '/keys/main' => undef, '/keys/new' => set('a', 'e'));
interval();
is(together(10, $main, 'e'), '200:10',
    'a set that moved: nobody is refused');
is(asked("/realms/main$well_known") - $documents, 1,
    'for one more document');
is(bearer($main, 'b')->status, 401, 'a key that is gone');

# It moves to where it may not be.
serve("/realms/main$well_known" => document($main, "https://$elsewhere/far"),
    '/keys/new' => undef, '/far' => set('f'));
interval();
is(bearer($main, 'f')->status, 503, 'a set that moved to a foreign host');
is(bearer($main, 'e')->status, 200, 'the last keys stay');
is(asked('/far'), 0, 'nobody went there');
logged(
    qr{main\S+: its jwks_uri: it answered with status 404; the last ones stay},
    'the log tells of the set');

# All is away, and comes back.
serve("/realms/main$well_known" => { status => 503 });
interval();
is(bearer($main, 'f')->status, 503, 'both are away');
is(bearer($main, 'e')->status, 200, 'the last keys stay still');
serve("/realms/main$well_known" => document($main, at('/keys/back')),
    '/keys/back' => set('e', 'f'));
interval();
until_good('both are back', $main, 'f');

# The document is away, the set is not.
serve("/realms/main$well_known" => { mode => 'hang' },
    '/keys/back' => set('f', 'g'));
interval();
is(together(10, $main, 'g'), '200:10',
    'rotation while the document cannot be had');

# ---- a document that is old -------------------------------------------------

conf(rediscover => '1s');
ok($t->renew, 'reload with a short interval');
is(bearer($main, 'g')->status, 200, 'what was known survives it');
serve("/realms/main$well_known" => document($main, at('/keys/later')),
    '/keys/later' => set('g', 'h'));
interval();
until_good('the set of the new document', $main, 'h');
cmp_ok(asked('/keys/back'), '>', 0, 'though the old one still was there');

# An old one that is no longer right: the last jwks_uri counts.
serve("/realms/main$well_known" => document('https://evil', at('/keys/evil')),
    '/keys/evil' => set('a'), '/keys/later' => set('g', 'h', 'b'));
interval();
until_good('the last jwks_uri while the document lies', $main, 'b');
is(asked('/keys/evil'), 0, 'a lie is not followed');
logged(
    qr{main\S+ is of no use: the document's issuer is not .*last jwks_uri stays},
    'said so');

# A configuration that does not allow the host any more.
serve("/guest$well_known" => document($guest, "https://$elsewhere/keys/g"));
conf(rediscover => '1s', guest => '');
ok($t->renew, 'reload without the host');
interval();
is(bearer($guest, 'd')->status, 503, 'keys from there count no more');

# ---- workers die ------------------------------------------------------------

serve("/realms/main$well_known" => { mode => 'hang' },
    '/keys/later' => { mode => 'hang' });
interval();
my $client = client();
$client->send_request('GET', '/v1/instruments?q=x', key => undef,
    keepalive => 1, headers => [ 'Authorization: Bearer '
        . $k{c}->token({ iss => $main }) ]);
my $before = asked("/realms/main$well_known");
my @old = $t->workers;
kill 'KILL', @old;
$t->allow(qr/exited on signal 9|worker process \d+ exited/);
$t->wait_for('new workers', sub {
    my @w = $t->workers;
    return @w == 2 && !grep { my $w = $_; grep { $_ == $w } @old } @w;
});
is(bearer($main, 'h')->status, 200, 'the set outlives the workers');
serve("/realms/main$well_known" => document($main, at('/keys/last')),
    '/keys/last' => set('c'));
until_good('another worker goes on', $main, 'c');
