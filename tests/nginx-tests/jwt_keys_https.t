#!/usr/bin/perl

# Keys of an https issuer: fetched beside requests, once for all workers,
# kept when the issuer fails, rotated without a false 401, and not fetched
# more often however many unknown kids come.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Issuer;
use Wizdata::Jwt;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $d = $t->dir;

my $issuer = Wizdata::Issuer->new($d);
$issuer->authority('other');
$issuer->certificate('wrong_name', 'ca', 'DNS:elsewhere');
$issuer->certificate('wrong_ca', 'other', 'DNS:localhost');
$issuer->certificate('expired', 'ca', 'DNS:localhost', qw/ -days -1 /);

my %k = map { $_ => Wizdata::Jwt->new($d, 'ES256', kid => $_) } qw/ a b c d e
    f /;
my $secret = Wizdata::Jwt->new($d, 'HS256', kid => 'secret');
my $ed = Wizdata::Jwt->new($d, 'EdDSA', kid => 'ed');

sub url { my ($port, $path) = @_;
    return 'https://localhost:' . port($port) . ($path // '/jwks') }

my @more = map { [ $_->[0], "https://$_->[0].example", $_->[1] ] }
    [ wrong_name => 8445 ], [ wrong_ca => 8446 ], [ expired => 8447 ],
    [ old_tls => 8448 ], [ refused => 8449 ];

$t->config(workers => 2, http => join("\n",
    "wizdata_jwks_trusted_certificate $d/ca.pem;",
    'wizdata_jwks_refetch 1s; wizdata_jwks_refresh 1h;',
    'wizdata_jwks_wait 5s; wizdata_jwks_timeout 2s;',
    'wizdata_jwt_issuer https://login.example.com audience=wizdata keys='
        . url(8444, '/jwks?x=1') . ';',
    'wizdata_jwt_issuer https://ip.example audience=wizdata keys='
        . "https://127.0.0.1:" . port(8444) . '/ip;',
    map({ "wizdata_jwt_issuer $_->[1] audience=wizdata keys="
        . url($_->[2], "/$_->[0]") . ';' } @more)),
    servers => join '', map { $issuer->server(%$_) }
        { port => '%%PORT_8444%%', name => 'localhost' },
        { port => '%%PORT_8445%%', name => 'b', certificate => 'wrong_name' },
        { port => '%%PORT_8446%%', name => 'c', certificate => 'wrong_ca' },
        { port => '%%PORT_8447%%', name => 'd', certificate => 'expired' },
        { port => '%%PORT_8448%%', name => 'e', certificate => 'server',
            more => 'ssl_protocols TLSv1 TLSv1.1;' });

$t->backend('analytics', sub { '{}' });
$issuer->answer(body => jwks($k{a}, $ed, $secret));
$t->allow(qr/SSL_do_handshake|SSL_shutdown/);
$t->run();

my $path = '/v1/instruments?q=x';

sub bearer {
    my ($token, %o) = @_;

    return get($path, key => undef, headers => [
        "Authorization: Bearer $token" ], %o);
}

sub asked { return scalar grep { m{ $_[0]} } $issuer->requests }

# Sends all of them at once, over connections of their own; the statuses.
sub together {
    my (@tokens) = @_;

    my @clients = map {
        my $c = client();
        $c->send_request('GET', $path, key => undef, keepalive => 1,
            headers => [ "Authorization: Bearer $_" ]);
        $c;
    } @tokens;
    return map { $_->response->status } @clients;
}

sub counts {
    my %n;
    $n{$_}++ for @_;
    return join ' ', map { "$_:$n{$_}" } sort keys %n;
}

# What a worker has published another one may answer from before the first has
# said it.
sub logged {
    my ($re, $name) = @_;

    return $t->wait_for($name, sub { $t->read_file('error.log') =~ $re });
}

# ---- the first set ------------------------------------------------------

is(counts(together(map { $k{a}->token({ sub => "u$_" }) } 1 .. 20)), '200:20',
    'the first requests wait for the first set');
is(asked('/jwks'), 1, 'fetched once for two workers');
like(($issuer->requests)[0],
    qr{^GET /(jwks\?x=1|ip|\w+) HTTP/1\.1\|Host: }, 'a request that is HTTP');
like((grep { m{/jwks\?x=1} } $issuer->requests)[0],
    qr{\|Accept: application/jwk-set\+json}, 'asks for a key set');
is(bearer($ed->token)->status, 200, 'another key of the set');
is_problem(bearer($secret->token), 401, 'unauthenticated',
    'a published secret is none');
is(bearer($k{a}->token({ iss => 'https://ip.example' }))->status, 200,
    'by an address in the certificate');

# ---- rotation -----------------------------------------------------------

# The unknown kid above has used this second's fetch.
select undef, undef, undef, 1.1;
my $before = asked('/jwks');
$issuer->answer(body => jwks($k{a}, $k{b}));
is(counts(together(map { $k{b}->token({ sub => "u$_" }) } 1 .. 40)), '200:40',
    'a new key: everybody waits, nobody is refused');
is(asked('/jwks') - $before, 1, 'for one fetch');
is(bearer($k{a}->token({ sub => 'again' }))->status, 200,
    'the old key stays');

# ---- a flood of unknown kids --------------------------------------------

my $start = Time::HiRes::time();
$before = asked('/jwks');
my %seen;
for my $round (1 .. 15) {
    my @tokens = map { Wizdata::Jwt::token($k{f}, {}, { kid => "x$round-$_" })
        } 1 .. 4;
    $seen{$_}++ for together(@tokens);
}
my $took = Time::HiRes::time() - $start;
is(join(' ', keys %seen), '401', 'every one is refused');
my $fetched = asked('/jwks') - $before;
cmp_ok($fetched, '<=', 2 + $took, "at most one fetch a second ($fetched)");
is(bearer($k{b}->token({ sub => 'meanwhile' }))->status, 200,
    'good ones pass all the while');

# ---- the issuer fails ---------------------------------------------------

my @failures = (
    [ 'status 500', status => 500, body => '{}' ],
    [ 'a redirect', status => 302, body => jwks(values %k),
        headers => [ 'Location: ' . url(8444, '/elsewhere') ] ],
    [ 'HTML', body => '<html>hello</html>' ],
    [ 'an empty object', body => '{}' ],
    [ 'an empty set', body => '{"keys":[]}' ],
    [ 'keys that are of no use', body => '{"keys":[{"kty":"new"}]}' ],
    [ 'the same kid twice', body => jwks($k{c}, $k{c}) ],
    [ 'half of it', body => substr(jwks(values %k), 0, 100) ],
    [ 'too much', body => jwks(values %k) . ' ' x 300_000 ],
    [ 'too much in chunks', chunked => 1000,
        body => jwks(values %k) . ' ' x 300_000 ],
    [ 'a closed connection', mode => 'drop' ],
    [ 'no answer', mode => 'hang' ],
);

for my $case (@failures) {
    my ($name, %o) = @$case;
    $issuer->answer(%o);
    select undef, undef, undef, 1.1;
    my $n = asked('/jwks');
    my $r = bearer($k{c}->token({ sub => $name }));
    is($r->status, 503, "$name: nobody can tell") or diag($r->text);
    ok($r->header('retry-after'), "$name: Retry-After");
    # Workers try again by themselves, too: who waited for that asks once more.
    my $asked = asked('/jwks') - $n;
    ok($asked == 1 || $asked == 2, "$name: it was asked") or diag($asked);
    is(bearer($k{b}->token({ sub => $name }))->status, 200,
        "$name: the last keys stay");
}
is(asked('/elsewhere'), 0, 'no redirect was followed');
logged(qr/no keys from \S+jwks\S*: .*; the last ones stay/, 'said so');

# ---- and returns --------------------------------------------------------

for my $form ([ 'in chunks', chunked => 7 ], [ 'byte by byte',
    mode => 'drip' ], [ 'with max-age', headers => [
    'Cache-Control: max-age=3600' ] ])
{
    my ($name, %o) = @$form;
    my $new = Wizdata::Jwt->new($d, 'EdDSA', kid => $name);
    $issuer->answer(body => jwks($k{a}, $k{b}, $new), %o);
    $t->wait_for("$name: keys again", sub {
        select undef, undef, undef, 0.3;
        return bearer($new->token)->status == 200;
    });
}

# ---- one complains, another one has the keys ----------------------------

my ($one, $two) = $t->workers;

# How often a worker has said it.
sub said {
    my ($pid, $what) = @_;

    return scalar(() = $t->read_file('error.log')
        =~ /\] $pid#\d+: wizdata: $what/g);
}
sub complaints { return said($_[0], qr{no keys from \S+/jwks}) }
sub ends { return said($_[0], qr{keys from \S+/jwks\S* again}) }

# While the other worker stands, whoever asks meets this one.
sub beside {
    my ($name, $other, $sub) = @_;

    kill 'STOP', $other;
    $t->wait_for($name, sub {
        select undef, undef, undef, 0.3;
        return $sub->();
    });
    kill 'CONT', $other;
}

my ($complained, $ended) = (complaints($one), ends($one));
$issuer->answer(status => 500, body => '{}');
beside('one worker complains', $two, sub {
    bearer($k{f}->token({ sub => 's' . rand }));
    return complaints($one) > $complained;
});
my $later = Wizdata::Jwt->new($d, 'EdDSA', kid => 'later');
$issuer->answer(body => jwks($k{a}, $k{b}, $later));
beside('another one has the keys', $one, sub {
    return bearer($later->token({ sub => 's' . rand }))->status == 200;
});
$t->wait_for('who complained says that it is over', sub {
    return ends($one) > $ended });
$complained = complaints($one);
$issuer->answer(status => 500, body => '{}');
beside('and complains anew', $two, sub {
    bearer($k{f}->token({ sub => 's' . rand }));
    return complaints($one) > $complained;
});

# ---- a key is taken away ------------------------------------------------

my $token = $k{b}->token({ sub => 'gone' });
is(bearer($token)->status, 200, 'verified');
is(bearer($token)->status, 200, 'and remembered');
my $new = Wizdata::Jwt->new($d, 'ES384', kid => 'newest');
$issuer->answer(body => jwks($k{a}, $new));
$t->wait_for('a set without the key', sub {
    select undef, undef, undef, 0.3;
    return bearer($new->token)->status == 200;
});
is(counts(together(($token) x 20)), '401:20',
    'what it had signed does not count any more');

# ---- whom it does not believe -------------------------------------------

for my $case (@more) {
    my ($name, $iss) = @$case;
    is(bearer($k{a}->token({ iss => $iss }))->status, 503,
        "$name: no keys from there");
}
is(asked("/$_->[0]"), 0, "$_->[0]: nothing was said to it") for @more;
logged(qr{/wrong_name: its certificate is for another host},
    'the wrong name is named');
logged(qr{/wrong_ca: .*unable to (get|verify)},
    'the wrong authority is named');
logged(qr{/expired: certificate has expired}, 'the age is named');

# ---- workers die, configurations change ---------------------------------

$issuer->answer(mode => 'hang');
my @old = $t->workers;
select undef, undef, undef, 1.1;

# Clients that do not wait for the keys.
for my $how (qw/ close reset /) {
    my @gone = map { client() } 1 .. 10;
    $_->send_request('GET', $path, key => undef, headers => [
        'Authorization: Bearer ' . $k{c}->token({ sub => $how }) ]) for @gone;
    $_->$how for @gone;
}
is(bearer($k{a}->token({ sub => 'stays' }))->status, 200,
    'after clients that left while they waited');

select undef, undef, undef, 1.1;
my $c = client();
$c->send_request('GET', $path, key => undef, keepalive => 1, headers => [
    'Authorization: Bearer ' . $k{d}->token ]);
$t->poll(sub { asked('/jwks') > 0 });
kill 'KILL', @old;
$t->wait_for('new workers', sub {
    my @w = $t->workers;
    return @w == 2 && !grep { my $w = $_; grep { $_ == $w } @old } @w;
});
$t->allow(qr/exited on signal 9|worker process \d+ exited/);
is(bearer($k{a}->token({ sub => 'after' }))->status, 200,
    'the set outlives the workers');
$issuer->answer(body => jwks($k{a}, $k{d}));
$t->wait_for('fetched by another worker', sub {
    select undef, undef, undef, 0.3;
    return bearer($k{d}->token({ sub => 'x' . rand }))->status == 200;
});

$before = asked('/jwks');
$issuer->answer(mode => 'hang');
ok($t->renew, 'reload');
is(bearer($k{d}->token({ sub => 'reloaded' }))->status, 200,
    'the set survives a reload');
is(asked('/jwks'), $before, 'without a fetch');

like(get('/metrics', key => undef)->body,
    qr/^wizdata_jwks_fetches_total\{outcome="failed"\} [1-9]/m, 'counted');
