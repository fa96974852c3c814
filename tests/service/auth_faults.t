#!/usr/bin/perl

# What happens to auth, and what it makes of it: a database that is away,
# kill -9 in the middle of writes, another instance that dies, clocks that
# step; at last random changes of plans against a model.
#
# WIZDATA_SEED repeats a run, WIZDATA_ROUNDS makes it longer.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp ();
use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Auth;
use Wizdata::Blake2b qw/ blake2b_hex /;
use Wizdata::MessagePack;

use constant { SOON => 20, NS => 1_000_000_000 };

my $seed = $ENV{WIZDATA_SEED} // int(rand 2 ** 31);
my $rounds = $ENV{WIZDATA_ROUNDS} // 15;
srand $seed;
diag "seed $seed";

my $pg = auth_database();
my @auth = map { auth_start($pg) } 1 .. 2;
my @c = map { $_->connect() } @auth;
$_->notification('auth.beat', SOON) for @c;

sub pick { return $_[int rand @_] }
sub refresh { my ($c, $token) = @_;
    return $c->error('auth.refresh', { refresh_token => $token }, nobody()) }
sub verdict { my ($c, $key) = @_;
    return $c->error('auth.verify', { digest => blake2b_hex($key, 32) }) }
sub in_order { return ask_json($_[0], 'audit.verify', { limit => 100000 })
    ->{ok} }

# ---- PostgreSQL stopped, and back

my $id = user_add($c[0], 'ada@example.com', roles => ['admin']);
my $grant = login($c[0], 'ada@example.com', PASSWORD);
my $spare = login($c[0], 'ada@example.com', PASSWORD);
my $key = ask_json($c[0], 'keys.create', { user => 'ada@example.com' });
my $void = ask_json($c[0], 'keys.create', { user => 'ada@example.com' });
$c[0]->call('keys.revoke', { id => $void->{id} });
is(verdict($c[0], $key->{key}), undef, 'a good key');
# In order: this one does not sync, and would lose commits in a crash.
$pg->stop_server();

# The instances notice; from then on nothing is answered from memory.
ok(wait_for(sub { my $e = verdict($_, $key->{key}); $e && $e->[0] == -29 }),
    'no verdict from memory') for @c;
for my $c (@c) {
    for my $case (
        [ 'auth.verify', { digest => blake2b_hex($key->{key}, 32) } ],
        [ 'auth.verify', { digest => blake2b_hex($void->{key}, 32) } ],
        [ 'auth.verify', { digest => '0' x 64 } ],
        [ 'auth.token', { sub => "user:$id", iat => int(time) * NS } ],
        [ 'auth.refresh', { refresh_token => $grant->{refresh_token} },
            nobody() ],
        [ 'auth.logout', { refresh_token => $grant->{refresh_token} },
            nobody() ],
        [ 'auth.login', { email => 'ada@example.com', password => PASSWORD },
            nobody(ip => '192.0.2.1') ],
        [ 'auth.login', { email => 'no@example.com', password => PASSWORD },
            nobody(ip => '192.0.2.1') ],
        [ 'auth.accept', { token => 'x', password => PASSWORD }, nobody() ],
        [ 'auth.me', {}, as($grant) ],
        [ 'auth.jwks', {} ],
        [ 'users.create', { email => 'x@example.com', password => PASSWORD } ],
        [ 'users.list', {} ],
        [ 'keys.revoke', { id => $key->{id} } ],
        [ 'audit.list', {} ],
        [ 'audit.verify', {} ])
    {
        my ($method, @rest) = @$case;
        my $error = $c->error($method, @rest);
        is_deeply([ $error->[0], ($error->[2] // {})->{retry} ], [ -29, 1 ],
            "$method waits for the database");
    }
}
for my $c (@c) {
    my ($end, $quiet) = (time + SOON);
    $quiet = !$c->notification('auth.beat', 0.6) # some are on their way
        until $quiet || time > $end;
    ok($quiet, 'no beats');
}
$pg->start_server();
for my $c (@c) {
    ok($c->notification('auth.beat', SOON), 'it beats again');
    ok(wait_for(sub { !verdict($c, $key->{key}) }), 'the key is good');
    is(verdict($c, $void->{key})->[0], -3, 'the revoked one is not');
}
ok(!refresh($c[1], $grant->{refresh_token}), 'the session goes on');
ok(login($c[1], 'ada@example.com', PASSWORD), 'a login');
$_->forget() for @c;
$c[0]->call('keys.revoke', { id => $key->{id} });
ok($c[1]->notification('auth.revoke', SOON), 'LISTEN hears at the other');
ok(wait_for(sub { verdict($c[1], $key->{key}) }), 'and is obeyed');
ok(in_order($c[0]), 'the trail is in order');

# ---- one of two is killed in the middle of work

{
    my @busy = map { $auth[1]->connect() } 1 .. 3;
    my @ids = map { my $at = $busy[$_ % 3]; [ $at, $at->ask('plans.set',
        { name => "two-$_", limits => ' ' }) ] } 1 .. 60;
    my @mine = map { $c[0]->ask('plans.set', { name => "one-$_",
        limits => ' ' }) } 1 .. 60;
    $busy[0]->answer($ids[2][1]);
    $auth[1]->stop('KILL');
    my $good = grep { my $f = $c[0]->answer($_); $f && !$f->[2] } @mine;
    is($good, 60, 'the other one answers all');
    ok(in_order($c[0]), 'and the trail is in order');
    # In one look: what the server did for the killed one may still end.
    is($pg->psql("SELECT (SELECT count(*) FROM plan WHERE
        name ~ '^(one|two)-') - (SELECT count(*) FROM event WHERE
        action = 'plans.set' AND subject ~ '^plan:(one|two)-')"), '0',
        'a plan for each event');
    $pg->psql("DELETE FROM plan WHERE name ~ '^(one|two)-'");
}
is($auth[0]->stop(), 0, 'a clean end');

# ---- kill -9 in the middle of each kind of write

my (%asked, @acknowledged, %know);
my ($number, $began) = (0, $pg->psql('SELECT max(seq) FROM event'));
my $seen = "seq > $began";

sub fresh { return "kill" . ++$number }
my %write = (
    'users.create' => sub { { email => fresh() . '@example.com' } },
    'users.invite' => sub { { email => fresh() . '@example.com' } },
    'users.update' => sub { { id => pick(@{ $know{user} }), name => fresh(),
        roles => [ pick(qw/ reader analyst ingest /) ],
        disabled => pick(mp_true, mp_false, mp_false, mp_false) } },
    'users.delete' => sub { { id => pick(@{ $know{user} }) } },
    'users.reset' => sub { { id => pick(@{ $know{user} }) } },
    'users.logout' => sub { { id => pick(@{ $know{login} })->[0] } },
    'keys.create' => sub { { user => 'user:' . pick(@{ $know{user} }) } },
    'keys.rotate' => sub { { id => pick(@{ $know{key} }),
        overlap => pick(0, 60) } },
    'keys.revoke' => sub { { id => pick(@{ $know{key} }) } },
    'roles.set' => sub { { name => 'role' . pick(1 .. 9),
        permissions => [ pick(qw/ bars:read quotes:read news:read /) ] } },
    'plans.set' => sub { { name => 'plan' . pick(1 .. 9), limits => ' ' } },
    'orgs.set' => sub { { name => fresh() } },
    'tokens.revoke' => sub { { sub => fresh() } },
    'jwks.rotate' => sub { {} },
    'auth.login' => sub { ({ email => pick(@{ $know{login} })->[1],
        password => PASSWORD }, nobody()) },
    'auth.refresh' => sub { ({ refresh_token => pick(@{ $know{refresh} }) },
        nobody()) },
    'auth.logout' => sub { ({ refresh_token => pick(@{ $know{refresh} }) },
        nobody()) },
    'auth.accept' => sub { ({ token => pick(@{ $know{invite} }),
        password => PASSWORD }, nobody()) },
    'auth.password' => sub { ({ current => PASSWORD, password => PASSWORD },
        sub => 'user:' . pick(@{ $know{login} })->[0], perm => []) },
    'auth.totp_begin' => sub { ({ password => PASSWORD },
        sub => 'user:' . pick(@{ $know{login} })->[0], perm => []) },
);

# What an answer tells is what later rounds work with.
sub learn {
    my ($method, $body) = @_;
    push @{ $know{user} }, $body->{id} if $method eq 'users.create';
    push @{ $know{user} }, $body->{user_id} if $method eq 'users.invite';
    push @{ $know{invite} }, $body->{token} if $method eq 'users.invite';
    push @{ $know{key} }, $body->{id} if $method =~ /^keys\.(?:create|rotate)/;
    push @{ $know{refresh} }, $body->{refresh_token}
        if $body->{refresh_token};
}

my $life = auth_start($pg);
my $c = $life->connect();
$c->notification('auth.beat', SOON);
push @{ $know{login} }, map { [ user_add($c, "l$_\@example.com"),
    "l$_\@example.com" ] } 1 .. 4;
for my $method (qw/ users.create users.invite users.create /) {
    learn($method, ask_json($c, $method, ($write{$method}->())[0]));
}
learn('keys.create', ask_json($c, 'keys.create', ($write{'keys.create'}->())
    [0])) for 1 .. 3;
learn('auth.login', login($c, $_->[1], PASSWORD)) for @{ $know{login} };

my @kinds = sort keys %write;
my %killed;
for my $round (1 .. $rounds) {
    my @at = map { $life->connect() } 1 .. 4;
    my @ids = map {
        my ($method, $at) = (pick(@kinds), pick(@at));
        my ($args, %context) = $write{$method}->();
        my $request = "kill-$round-$_";
        $asked{$request} = $method;
        [ $at, $at->ask($method, $args, ip => "10.1.$round.$_", %context,
            id => $request), $method, $request ];
    } 1 .. 20;

    # when so many have been answered, and some more are under way
    my $enough = int rand 17;
    my $answered = sub { $_->pump(sub { 0 }, 0) for @at;
        return scalar grep { $_->[0]{answers}{ $_->[1] } } @ids };
    wait_for(sub { $answered->() >= $enough });
    $life->stop('KILL');
    for (@ids) {
        my ($at, $n, $method, $request) = @$_;
        my $frame = eval { $at->answer($n, 0.05) };
        $killed{$method}++ if !$frame;
        next if !$frame || $frame->[2];
        push @acknowledged, $request;
        learn($method, JSON::PP->new->decode($frame->[3][2]));
    }
    # its server processes end with what they are at
    wait_for(sub { $pg->psql("SELECT count(*) FROM pg_stat_activity WHERE
        datname = 'wizdata' AND backend_type = 'client backend'
        AND pid <> pg_backend_pid()") == 0 }) or die 'they do not end';
    is_whole("round $round");
    $life = auth_start($pg);
    $c = $life->connect();
    $c->notification('auth.beat', SOON);
    in_order($c) or fail("round $round: the trail");
}

# Queries that have rows only where something is half made.
sub is_whole {
    my ($when) = @_;
    my $done = "event WHERE outcome = 'done' AND $seen AND action";
    my %half = (
        'users and their events' => "(SELECT 'user:' || id FROM app_user
            WHERE created_at >= (SELECT at FROM event WHERE seq = $began))
            EXCEPT SELECT subject FROM $done IN ('users.create',
            'users.invite')",
        'events and their users' => "SELECT subject FROM $done IN
            ('users.create', 'users.invite') EXCEPT SELECT 'user:' || id
            FROM app_user",
        'keys and their events' => "(SELECT 'key:' || id FROM api_key)
            EXCEPT SELECT subject FROM event WHERE action IN ('keys.create',
            'keys.rotate')",
        'events and their keys' => "SELECT subject FROM event WHERE action IN
            ('keys.create', 'keys.rotate') EXCEPT SELECT 'key:' || id
            FROM api_key",
        'roles' => "(SELECT 'role:' || name FROM role WHERE org_id IS NOT NULL)
            EXCEPT SELECT subject FROM $done = 'roles.set'",
        'events and their roles' => "SELECT subject FROM $done = 'roles.set'
            EXCEPT SELECT 'role:' || name FROM role",
        'plans' => "(SELECT 'plan:' || name FROM plan WHERE name ~ '^plan')
            EXCEPT SELECT subject FROM $done = 'plans.set'",
        'events and their plans' => "SELECT subject FROM $done = 'plans.set'
            EXCEPT SELECT 'plan:' || name FROM plan",
        'organisations' => "(SELECT 'org:' || id FROM org WHERE id > 1)
            EXCEPT SELECT subject FROM $done = 'orgs.set'",
        'events and their organisations' => "SELECT subject FROM
            $done = 'orgs.set' EXCEPT SELECT 'org:' || id FROM org",
        'sessions and their events' => "SELECT coalesce(s.actor, e.actor),
            s.n, e.n FROM (SELECT 'user:' || user_id AS actor, count(*) AS n
            FROM session GROUP BY 1) s FULL JOIN (SELECT actor, count(*) AS n
            FROM event WHERE outcome = 'done' AND action IN ('auth.login',
            'auth.password') GROUP BY 1) e USING (actor)
            WHERE s.n IS DISTINCT FROM e.n",
        'refresh tokens and their events' => "SELECT s.n, e.n FROM (SELECT
            count(*) AS n FROM refresh_token) s, (SELECT count(*) AS n
            FROM event WHERE outcome = 'done' AND action IN ('auth.login',
            'auth.password', 'auth.refresh')) e WHERE s.n <> e.n",
        'one good refresh token of a session' => "SELECT session_id FROM
            refresh_token t JOIN session s ON s.id = session_id
            WHERE s.ended_at IS NULL GROUP BY 1
            HAVING count(*) FILTER (WHERE used_at IS NULL) <> 1",
        'sessions without tokens' => 'SELECT id FROM session s WHERE NOT EXISTS
            (SELECT FROM refresh_token WHERE session_id = s.id)',
        'ended sessions with access tokens' => "SELECT t.jti FROM refresh_token
            t JOIN session s ON s.id = session_id WHERE s.ended_at IS NOT NULL
            AND NOT EXISTS (SELECT FROM token_revocation WHERE kind = 'jti'
            AND value = t.jti)",
        'users without roles' => "SELECT id FROM app_user u WHERE
            deleted_at IS NULL AND NOT EXISTS (SELECT FROM user_role
            WHERE user_id = u.id)",
        # Whose roles became others after it may have lost it.
        'invitations without tokens' => "SELECT u.id FROM app_user u JOIN
            event e ON e.subject = 'user:' || u.id AND e.action =
            'users.invite' WHERE NOT EXISTS (SELECT FROM event c WHERE
            c.subject = e.subject AND c.action = 'users.update' AND
            c.seq > e.seq) AND u.deleted_at IS NULL AND u.password_hash
            IS NULL AND NOT EXISTS (SELECT FROM one_time_token t
            WHERE t.user_id = u.id AND kind = 'invite')",
        'accepted, and with a password' => "SELECT u.id FROM app_user u WHERE
            u.deleted_at IS NULL AND verified_at IS NOT NULL AND
            password_hash IS NULL",
        'deleted users' => "SELECT id FROM app_user u WHERE (deleted_at IS NOT
            NULL) <> EXISTS (SELECT FROM event WHERE action = 'users.delete'
            AND outcome = 'done' AND subject = 'user:' || u.id)",
        'what deleted users have' => "SELECT id FROM app_user u WHERE
            deleted_at IS NOT NULL AND (NOT disabled OR EXISTS (SELECT FROM
            user_role WHERE user_id = u.id) OR EXISTS (SELECT FROM api_key
            WHERE user_id = u.id AND revoked_at IS NULL) OR EXISTS (SELECT
            FROM session WHERE user_id = u.id AND ended_at IS NULL)
            OR EXISTS (SELECT FROM one_time_token WHERE user_id = u.id))",
        'sessions of disabled users' => "SELECT s.id FROM session s JOIN
            app_user u ON u.id = s.user_id WHERE u.disabled AND
            ended_at IS NULL",
        'revoked keys' => "SELECT k.id FROM api_key k JOIN app_user u ON
            u.id = k.user_id WHERE (k.revoked_at IS NOT NULL) <> (EXISTS
            (SELECT FROM event WHERE action = 'keys.revoke' AND subject =
            'key:' || k.id) OR u.deleted_at IS NOT NULL)",
        'keys that were replaced' => "SELECT k.id FROM api_key k WHERE EXISTS
            (SELECT FROM api_key n WHERE n.rotated_from = k.id) <>
            (k.expires_at IS NOT NULL AND k.rotated_from IS NULL)
            AND k.rotated_from IS NULL",
        'one key in use' => 'SELECT count(*) FROM signing_key WHERE active_from
            IS NOT NULL AND not_after IS NULL HAVING count(*) <> 1',
        'void subjects' => "SELECT subject FROM $done = 'tokens.revoke' AND
            subject <> '' EXCEPT SELECT value FROM token_revocation",
        'requests with several events' => "SELECT request FROM $done <> ''
            AND request LIKE 'kill-%' GROUP BY 1 HAVING count(*) > 1",
    );
    for my $what (sort keys %half) {
        my $rows = $pg->psql($half{$what});
        next if $rows eq '';
        fail("$when: $what");
        diag $rows;
    }
}
my %in_trail = map { $_->{request} => $_->{action} } events($pg,
    "outcome = 'done' AND request LIKE 'kill-%'");
is_deeply([ grep { !$in_trail{$_} } @acknowledged ], [],
    'what was acknowledged is there: ' . @acknowledged);
is_deeply([ grep { $in_trail{$_} ne ($asked{$_} // '') }
    sort keys %in_trail ], [], 'nothing is there that was not asked');
cmp_ok(keys %in_trail, '>=', @acknowledged, 'what was not acknowledged may be');
ok(in_order($c), "the trail is in order after $rounds kills");
diag "killed in the middle of $number writes: " . join ', ',
    map { "$_ $killed{$_}" } sort keys %killed;
is_deeply([ grep { !$killed{$_} } @kinds ], [], 'of each kind')
    if $rounds >= 40;
is($life->stop(), 0, 'a clean end');

# ---- clocks that step

my ($library) = grep { -e } glob
    '/usr/lib/*/faketime/libfaketimeMT.so.1';
my $sanitized = Wizdata::Service::has_sanitizer('auth');
SKIP: {
    skip 'faketime is not installed', 1 if !$library;
    skip 'a sanitizer wants to be first', 1 if $sanitized;

    my $clock = File::Temp->new();
    my $set = sub {
        seek $clock, 0, 0;
        truncate $clock, 0;
        print {$clock} $_[0];
        $clock->flush();
    };
    $set->('+0');
    my $odd = auth_start($pg, LD_PRELOAD => $library,
        FAKETIME_TIMESTAMP_FILE => "$clock", FAKETIME_NO_CACHE => 1,
        FAKETIME_DONT_FAKE_MONOTONIC => 1);
    my $even = auth_start($pg);
    my ($o, $e) = map { $_->connect() } $odd, $even;
    $_->notification('auth.beat', SOON) for $o, $e;
    $pg->psql('DELETE FROM login_failure');

    my $hour = 3600;
    my $user = user_add($e, 'clock@example.com');
    for my $step (0, $hour, -$hour, 2_190_000_000 - int(time), 0) {
        my $is = $step == 0 ? 'as it is' : $step > 1e6 ? 'in 2039'
            : ($step > 0 ? '+' : '') . $step / 3600 . ' h';
        my $before = login($o, 'clock@example.com', PASSWORD);
        my @running = map { login($_, 'clock@example.com', PASSWORD) } $o, $e;
        $set->(sprintf '%+d', $step);
        ok(wait_for(sub { login($o, 'clock@example.com', PASSWORD) }),
            "$is: a login");
        my $g = login($o, 'clock@example.com', PASSWORD);
        my $claims = claims($g->{access_token});
        cmp_ok(abs($claims->{iat} - time), '<', 60,
            "$is: the token is of the time of the database");
        is($claims->{exp} - int($claims->{iat}), 300, "$is: as long as ever");
        ok(!token_void($_, $g->{access_token}), "$is: it is good")
            for $o, $e;

        ok(!refresh($o, $before->{refresh_token}),
            "$is: a session of before goes on");
        is(refresh($o, $before->{refresh_token})->[0], -3,
            "$is: reuse is found");
        ok(wait_for(sub { token_void($_, $before->{access_token}) }),
            "$is: and ends it") for $o, $e;
        is(refresh($e, $before->{refresh_token})->[0], -3,
            "$is: at the other, too");

        # other roles, a logout: whoever has the token has it no more
        $e->call('users.update', { id => $user, roles =>
            [ pick(qw/ reader analyst /), 'ingest' ] });
        $e->call('users.update', { id => $user, roles => ['operator'] });
        ok(wait_for(sub { token_void($_, $g->{access_token}) }),
            "$is: other roles end it") for $o, $e;
        is($o->error('auth.logout', { refresh_token =>
            $running[1]{refresh_token} }, nobody()), undef, "$is: a logout");
        is($pg->psql("SELECT count(*) FROM token_revocation WHERE kind = 'jti'
            AND value = " . sql_text(claims($running[1]{access_token})->{jti})),
            '1', "$is: voids the access token");
        $o->call('tokens.revoke', { jti => "other $is", exp =>
            (int(time) + 300) * NS });
        is($pg->psql("SELECT count(*) FROM token_revocation WHERE kind = 'jti'
            AND value = " . sql_text(claims($running[1]{access_token})->{jti})),
            '1', "$is: which stays void");

        # what has ended has
        my $k = ask_json($o, 'keys.create', { user => "user:$user",
            expires => (time > 2e9 ? 3e9 : 2_300_000_000) * NS });
        is(verdict($o, $k->{key}), undef, "$is: a key");
        $pg->psql("UPDATE api_key SET expires_at = now() WHERE
            id = $k->{id}");
        ok(wait_for(sub { verdict($_, $k->{key}) }), "$is: that ends")
            for $o, $e;
        my $once = ask_json($o, 'users.reset', { id => $user });
        $pg->psql('UPDATE one_time_token SET expires_at = now()');
        is($o->error('auth.accept', { token => $once->{token}, password =>
            PASSWORD }, nobody())->[0], -3, "$is: a token that ended");
        $pg->psql("UPDATE session SET expires_at = now() WHERE
            id = $running[0]{session}");
        is(refresh($o, $running[0]{refresh_token})->[0], -3,
            "$is: a session that ended");

        # guessing is slow, and nobody waits for a clock
        my %ip = (ip => '10.9.9.' . (1 + abs($step) % 250));
        # As if the last failure was of this moment, however long it took.
        my $just_now = "UPDATE login_failure SET last_at = now()
            WHERE last_at > now() - interval '1 min'";
        my @codes = map { $pg->psql($just_now);
            refused($o, 'clock@example.com', 'wrong', %ip)->[0] } 1 .. 6;
        is_deeply(\@codes, [ (-3) x 5, -11 ], "$is: guesses are slowed down");
        $pg->psql($just_now);
        is(refused($o, 'clock@example.com', PASSWORD, %ip)->[2]{retry}, 1,
            "$is: by as much as ever");
        $pg->psql("UPDATE login_failure SET last_at = last_at
            - interval '2 s'");
        ok(login($o, 'clock@example.com', PASSWORD, %ip),
            "$is: and no longer");
    }

    # a second factor that was used by a clock ahead
    $set->('+0');
    $pg->psql('DELETE FROM login_failure');
    my $g = login($e, 'clock@example.com', PASSWORD);
    my $begun = ask_json($e, 'auth.totp_begin', { password => PASSWORD },
        as($g));
    ask_json($e, 'auth.totp_confirm', { code => totp_code($begun->{secret},
        totp_step()) }, as($g));
    $set->('+3600');
    my $ahead = totp_step() + 120;
    is(refused($o, 'clock@example.com', PASSWORD, code => totp_code(
        $begun->{secret}, totp_step() + 1))->[0], -3,
        'a clock that is wrong takes no right codes');
    my ($code) = map { totp_code($begun->{secret}, totp_step(time + 3600)) } 1;
    ok(login($o, 'clock@example.com', PASSWORD, code => $code),
        'but those of its time');
    is(refused($o, 'clock@example.com', PASSWORD, code => $code)->[0], -3,
        'once');
    $set->('+0');
    $pg->psql('DELETE FROM login_failure');
    $code = totp_code($begun->{secret}, totp_step() + 1);
    ok(wait_for(sub { login($o, 'clock@example.com', PASSWORD,
        code => $code) }), 'when it is right again nobody is locked out');
    is(refused($e, 'clock@example.com', PASSWORD, code => $code)->[0], -3,
        'and a code is good once');

    # a service that starts in another time; signing keys stay
    my $keys = $pg->psql('SELECT count(*) FROM signing_key');
    $set->('+' . (90 * 86400));
    is($odd->stop('KILL'), 128 + 9, 'an instance is killed');
    $odd = auth_start($pg, LD_PRELOAD => $library,
        FAKETIME_TIMESTAMP_FILE => "$clock", FAKETIME_NO_CACHE => 1,
        FAKETIME_DONT_FAKE_MONOTONIC => 1);
    $o = $odd->connect();
    ok($o->notification('auth.beat', SOON), 'it begins in three months');
    is($pg->psql('SELECT count(*) FROM signing_key'), $keys,
        'the signing keys are no older');
    ok(in_order($e), 'the trail is in order');
    is($_->stop(), 0, 'a clean end') for $odd, $even;
}

# ---- plans: what gateways are told is what is true

my @two = map { auth_start($pg) } 1 .. 2;
my @p = map { $_->connect() } @two;
my @hears = map { $_->connect() } @two;
$_->notification('auth.beat', SOON) for @p;
$pg->psql("DELETE FROM plan WHERE name <> 'default' AND NOT EXISTS (SELECT FROM
    app_user WHERE plan = plan.name) AND NOT EXISTS (SELECT FROM api_key WHERE
    plan = plan.name)");
my @names = map { "p$_" } 1 .. 5;
my (%limits, %of_user, @keys, %tables, %count);
$of_user{ user_add($p[0], "plan$_\@example.com", password => undef) } =
    'default' for 1 .. 3;

# The last table that each connection heard.
sub heard {
    my ($n) = @_;
    $hears[$n]->pump(sub { 0 }, 0);
    for my $note (splice @{ $hears[$n]{notes} }) {
        $tables{$n} = { map { @$_ } @{ $note->[1][0] } }
            if $note->[0] eq 'auth.plans';
    }
    return $tables{$n};
}
sub in_database {
    return JSON::PP->new->decode($pg->psql(
        "SELECT json_object_agg(name, limits) FROM plan"));
}
sub same { return JSON::PP->new->canonical->encode($_[0] // {})
    eq JSON::PP->new->canonical->encode($_[1]) }

my @limits = (' ', 'rate=5/s burst=10', 'rate=200/m', 'day=1000 month=20000',
    'concurrency=3 tz=Europe/Paris', 'dry_run rate=1/s');
my %change = (
    'plans.set' => sub {
        my ($c, $name) = @_;
        my $text = pick(@limits);
        my $error = $c->error('plans.set', { name => $name, limits => $text });
        $limits{$name} = 1 if !$error;
        return !$error;
    },
    'plans.delete' => sub {
        my ($c, $name) = @_;
        my $used = grep { $_ eq $name } values %of_user,
            map { $_->{plan} } @keys;
        my $want = !$limits{$name} ? -5 : $used ? -8 : 0;
        my $error = $c->error('plans.delete', { name => $name });
        delete $limits{$name} if $want == 0;
        return ($error ? $error->[0] : 0) == $want;
    },
    'users.update' => sub {
        my ($c, $name) = @_;
        my $user = pick(sort keys %of_user);
        my $error = $c->error('users.update', { id => 0 + $user,
            plan => $name });
        $of_user{$user} = $name if $limits{$name};
        return $limits{$name} ? !$error : $error
            && ($error->[2] // {})->{param} eq 'plan';
    },
    'keys.create' => sub {
        my ($c, $name) = @_;
        my $user = pick(sort keys %of_user);
        my %plan = rand() < 0.7 ? (plan => $name) : ();
        my $want = $plan{plan} // $of_user{$user};
        my $frame = $c->answer($c->ask('keys.create', { user => "user:$user",
            %plan }));
        return $frame->[2] && ($frame->[2][2] // {})->{param} eq 'plan'
            if $want ne 'default' && !$limits{$want};
        return 0 if $frame->[2];
        my $key = JSON::PP->new->decode($frame->[3][2]);
        push @keys, { key => $key->{key}, plan => $want };
        return $key->{plan} eq $want;
    },
);
my $steps = $ENV{WIZDATA_STEPS} // 150;
my ($wrong, @trace);
for my $n (1 .. $steps) {
    my $what = pick(qw/ plans.set plans.set plans.delete plans.delete
        users.update keys.create /);
    my $name = pick(@names);
    push @trace, "$what $name";
    $count{$what}++;
    my $ok = $change{$what}->(pick(@p), $name);
    my $db = in_database();
    my $told = wait_for(sub { same(heard(0), $db) && same(heard(1), $db) });
    my $plans = join(',', sort keys %$db) eq join ',', sort 'default',
        keys %limits, grep { /^(?!p\d$|default$)/ } keys %$db;
    my $judged = 1;
    if (@keys) {
        my $k = pick(@keys);
        my ($status, $meta) = pick(@p)->call('auth.verify',
            { digest => blake2b_hex($k->{key}, 32) });
        $judged = $meta->{plan} eq $k->{plan};
    }
    next if $ok && $told && $plans && $judged;
    diag "step $n: " . ($ok ? '' : 'answered otherwise; ') . ($told ? ''
        : 'told otherwise; ') . ($plans ? '' : 'stored otherwise; ')
        . ($judged ? '' : 'judged otherwise;') . "\n", join "\n",
        @trace[-(@trace < 12 ? @trace : 12) .. -1];
    $wrong = 1;
    last;
}
ok(!$wrong, "$steps changes of plans are told as they are");
is(scalar keys %count, scalar keys %change, 'of all kinds');
ok(in_order($p[0]), 'the trail is in order');
is($_->stop(), 0, 'a clean end') for @two;
unlike(join('', map { $_->log() } @auth, $life, @two),
    qr/Sanitizer|runtime error/, 'no sanitizer errors');

done_testing();
