#!/usr/bin/perl

# API keys: shown once, stored as a keyed hash, never wider than the hand
# that gives them; the verdicts that gateways get.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Blake2b qw/ blake2b_hex /;
use Wizdata::Ctl;
use Wizdata::Postgres;
use Wizdata::Rows;
use Wizdata::Service;

use constant {
    SOON => 10,
    FUTURE => 4_102_444_800,    # 2100-01-01
};

my $pg = Wizdata::Postgres->start();
my $pepper = 'b2' x 32;
my $auth = Wizdata::Service->start('auth',
    WIZDATA_DATABASE_URL => $pg->url(),
    WIZDATA_AUTH_PEPPER => $pepper,
    WIZDATA_LOG_LEVEL => 'debug');
$ENV{WIZDATA_RUN_DIR} = $auth->dir();
my $c = $auth->connect();
my $json = JSON::PP->new;
my @secrets;

sub create {
    my ($args, %context) = @_;

    my (undef, undef, $body) = $c->call('keys.create',
        { user => 'ada@example.com', %$args }, %context);
    my $key = $json->decode($body);
    push @secrets, $key->{key};
    return $key;
}

sub verify { return $c->error('auth.verify', { digest => $_[0] }) }

# Does it, and waits until the gateways are told that this key changed: then
# no verdict is from before.
sub changed {
    my ($digest, $do) = @_;

    $c->forget();
    $do->();
    my $end = time + SOON;
    while (my $params = $c->notification('auth.revoke', SOON)) {
        return if $params->[1] != 0 && grep { $_ eq $digest } @{ $params->[0] };
        last if time > $end;
    }
    fail('the change was told');
}

# Who may have whatever a key of theirs is given.
$c->call('users.create', { email => 'ada@example.com', roles => ['admin'] });
my $user = $pg->psql('SELECT id FROM app_user');

# ---- a key through wizdatactl

my $r = ctl('--json', 'key', 'create', 'ADA@example.com', '--name', 'laptop',
    '--permissions', 'bars:read,quotes:*', '--expires', '2100-01-01');
is($r->{rc}, 0, 'a key was created') or diag $r->{out}, $r->{err};
my $key = $r->{json};
push @secrets, $key->{key};
like($key->{key}, qr/^wd_live_[0-9A-Za-z]{38}$/, 'the key');
is($key->{prefix}, substr($key->{key}, 0, 12), 'its prefix');
is($key->{last4}, substr($key->{key}, -4), 'its end');
is($key->{user}, 'ada@example.com', 'its owner');
is($key->{name}, 'laptop', 'its name');
is_deeply($key->{permissions}, [ 'bars:read', 'quotes:*' ], 'permissions');
is($key->{plan}, 'default', 'plan');
is($key->{expires_at}, '2100-01-01T00:00:00Z', 'end');
like($key->{created_at}, qr/^\d{4}-.*Z$/, 'begin');

my $digest = blake2b_hex($key->{key}, 32);
my ($status, $meta, $body) = $c->call('auth.verify', { digest => $digest });
is($status, 200, 'the key is good');
is_deeply($meta, { sub => "user:$user", uid => "user:$user",
    key => "key:$key->{id}", plan => 'default', perm => [ 'bars:read', 'quotes:*' ],
    exp => FUTURE * 1_000_000_000 }, 'the verdict');
is($body // '', '', 'it has no body');
is($c->error('auth.verify', { digest => uc $digest }), undef,
    'digits of either case');

# ---- what is stored

my $row = $pg->psql("SELECT encode(hash, 'hex') FROM api_key");
is(length $row, 64, 'a hash of 32 bytes');
isnt($row, $digest, 'which is not the digest');
isnt($row, blake2b_hex(pack('H*', $digest), 32), 'and depends on the pepper');

# ---- the others

my $second = create({ mode => 'test', user => "user:$user" });
like($second->{key}, qr/^wd_test_/, 'a test key, for an id');
is_deeply($second->{permissions}, ['*:read'], 'default permissions');
is($second->{expires_at}, undef, 'it does not expire');
($status, $meta) = $c->call('auth.verify',
    { digest => blake2b_hex($second->{key}, 32) });
ok(!exists $meta->{exp}, 'nor does its verdict');

is(ctl('key', 'create', $user)->{rc}, 0, 'a bare id names a user, too');
push @secrets, $1 if ctl('key', 'create', $user)->{out} =~ /(wd_live_\w+)/;
is(scalar @secrets, 3, 'as text it is shown, too');

# ---- not wider than the caller

my @mine = (perm => [ 'bars:read', 'keys:write' ]);
is_deeply(create({ permissions => ['bars:read'] }, @mine)->{permissions},
    ['bars:read'], 'what the caller has can be given on');
for my $wish ('quotes:read', 'bars:*', '*:read', '*', 'bars:write') {
    is($c->error('keys.create', { user => 'ada@example.com',
        permissions => [ 'bars:read', $wish ] }, @mine)->[0], -4,
        "$wish cannot");
}
is($c->error('keys.create', { user => 'ada@example.com' }, @mine)->[0], -4,
    'nor the default');
is_deeply(create({ permissions => ['bars:read'] },
    perm => [ 'bars:*', 'keys:write' ])->{permissions}, ['bars:read'],
    'a part of a wildcard can');
is($c->error('keys.create', { user => 'ada@example.com',
    permissions => ['bars:read'] }, perm => ['bars:*'])->[0], -4,
    'keys of others need keys:write');
is($c->error('keys.create', { user => 'ada@example.com' }, perm => [])->[0],
    -4, 'who has nothing gives nothing');

# ---- not wider than the owner, whoever gives it

$c->call('users.create', { email => 'rita@example.com' });
for my $wish ('bars:*', '*:read', '*', 'bars:write', 'usage:read') {
    my $error = $c->error('keys.create', { user => 'rita@example.com',
        permissions => [ 'bars:read', $wish ] });
    is_deeply([ $error->[0], $error->[2]{param} ], [ -2, 'permissions' ],
        "$wish is not what a reader has");
}
is_deeply(create({ user => 'rita@example.com',
    permissions => [qw/ bars:read fx:read /] })->{permissions},
    [qw/ bars:read fx:read /], 'what a reader has');
is_deeply(create({ user => 'rita@example.com' })->{permissions},
    [ sort split ' ', $pg->psql("SELECT array_to_string(permissions, ' ')
        FROM role WHERE name = 'reader'") ],
    'by default all that the owner may read');

# A key is as narrow as its owner is now.
{
    my $key = create({ user => 'rita@example.com',
        permissions => [qw/ bars:read fx:read /] });
    my $digest = blake2b_hex($key->{key}, 32);
    my $verdict = sub {
        return ($c->call('auth.verify', { digest => $digest }))[1]{perm};
    };
    is_deeply($verdict->(), [qw/ bars:read fx:read /], 'as the key says');
    $c->call('roles.set', { name => 'bars', permissions => ['bars:*'] });
    my $id = 0 + $pg->psql("SELECT id FROM app_user
        WHERE email LIKE 'rita%'");
    changed($digest, sub {
        $c->call('users.update', { id => $id, roles => ['bars'] });
    });
    is_deeply($verdict->(), ['bars:read'], 'and as the owner has it');
    changed($digest, sub {
        $c->call('users.update', { id => $id, roles => [] });
    });
    is_deeply($verdict->(), [], 'who may end up with nothing');
}

# ---- refusals

for my $case (
    [ permissions => ['bars'], 'no resource:action' ],
    [ permissions => [], 'no permission at all' ],
    [ permissions => 'bars:read', 'no list' ],
    [ permissions => [ map { "a$_:read" } 1 .. 33 ], 'too many' ],
    [ plan => 'gold', 'no such plan' ],
    [ mode => 'dead', 'no such mode' ],
    [ expires => 1, 'a time that has passed' ],
    [ expires => 'x', 'no time' ],
    [ user => 'nobody@example.com', 'no such user' ],
    [ user => 'user:999999', 'no such id' ],
    [ user => "'; DROP TABLE api_key; --", 'no user at all' ],
    [ name => "a\x1bb", 'a name with control characters' ])
{
    my ($name, $value, $what) = @$case;
    my $error = $c->error('keys.create',
        { user => 'ada@example.com', $name => $value });
    is_deeply([ $error->[0], $error->[2]{param} ],
        [ $what =~ /^no such (?:user|id)$/ ? -5 : -2, $name ], $what);
}

# ---- who is refused, always in the same words

my $unknown = verify('0' x 64);
is($unknown->[0], -3, 'an unknown key');
is(verify('0' x 63)->[0], -2, 'no digest');
is($c->error('auth.verify', {})->[0], -2, 'nothing at all');

my $late = create({ expires => 1_000_000_000 * (time + 3600) });
$pg->psql("UPDATE api_key SET expires_at = now() - interval '1 s'"
    . " WHERE id = $late->{id}");
is_deeply(verify(blake2b_hex($late->{key}, 32)), $unknown, 'an expired key');

changed($digest, sub { $pg->psql('UPDATE app_user SET disabled = true') });
is_deeply(verify($digest), $unknown, 'a key of a disabled user');
changed($digest, sub { $pg->psql('UPDATE app_user SET disabled = false') });
is(verify($digest), undef, 'which is good again when the user is');

# ---- lists

my $list = ctl('--json', 'key', 'list', '--user', 'ada@example.com');
is(scalar @{ $list->{json}{keys} }, $pg->psql("SELECT count(*) FROM api_key
    WHERE user_id = $user"), 'all keys are listed');
is_deeply([ sort keys %{ $list->{json}{keys}[0] } ],
    [ qw/ created_at expires_at id last4 last_used_at methods name networks
        permissions plan prefix product revoked_at rotated_from scopes user
        user_id / ], 'with these members');
my $csv = rows($c, 'keys.list', {}, 'csv');
is_deeply([ map { "$_->{id} $_->{prefix} $_->{permissions}" }
        @{ $csv->{rows} } ],
    [ map { "$_->{id} $_->{prefix} @{ $_->{permissions} }" }
        @{ ctl('--json', 'key', 'list')->{json}{keys} } ], 'CSV has the same');
like(ctl('key', 'list')->{out}, qr/^ID +PREFIX .*\n\d+ +wd_live_/, 'a table');
is(ctl('--json', 'key', 'list', '--user', 'no@example.com')->{json}{error}
    {code}, -5, 'an unknown user is told');
($status, $meta, $body) = $c->call('keys.list', { limit => 1 });
is($json->decode($body)->{next}, $meta->{next}, 'pages');

# ---- shown once, kept nowhere

my $all = join "\n", $auth->log(), $pg->log(), $list->{out},
    $pg->psql('SELECT k::text, u::text FROM api_key k, app_user u');
ok(@secrets >= 6, 'several keys were made');
ok(!(grep { index($all, substr $_, 8, 32) >= 0 } @secrets),
    'none is in the log, a list or the database');
ok(index($all, $digest) < 0, 'nor is its digest');
ok(index($all . $c->call('sys.config', {}), $pepper) < 0,
    'nor the pepper in the log or the configuration');

# ---- another pepper

is($auth->stop(), 0, 'a clean end');
my $other = Wizdata::Service->start('auth', dir => $auth->dir(),
    WIZDATA_DATABASE_URL => $pg->url(), WIZDATA_AUTH_PEPPER => 'c3' x 32);
is($other->connect()->error('auth.verify', { digest => $digest })->[0], -3,
    'under another pepper no key is known');
$other->stop();
unlike($auth->log(), qr/Sanitizer|runtime error/, 'no sanitizer errors');

# ---- no pepper

for my $bad ('', 'zz' x 32, 'ab' x 31) {
    my $wrong = eval { Wizdata::Service->start('auth',
        WIZDATA_DATABASE_URL => $pg->url(), WIZDATA_AUTH_PEPPER => $bad) };
    like($@, qr/^auth ended at its start.*WIZDATA_AUTH_PEPPER/s,
        "it does not start with '$bad'");
}

done_testing();
