#!/usr/bin/perl

# Whatever changes a verdict is pushed, whoever changes it: keys, users,
# tokens, plans; what a gateway is told when it connects; two instances; a
# database that goes away and comes back.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Blake2b qw/ blake2b_hex /;
use Wizdata::Ctl;
use Wizdata::Postgres;
use Wizdata::Service;

# SLACK: a clock may be set while a test runs.
use constant { SOON => 10, NS => 1_000_000_000, SLACK => 5 };

my $pg = Wizdata::Postgres->start();
my $json = JSON::PP->new;

sub auth {
    return Wizdata::Service->start('auth',
        WIZDATA_DATABASE_URL => $pg->url(),
        WIZDATA_AUTH_PEPPER => 'd4' x 32);
}

my @auth = (auth(), auth());
my @c = map { $_->connect() } @auth;
$ENV{WIZDATA_RUN_DIR} = $auth[0]->dir();

# Both hear before anything is changed.
ok($_->notification('auth.beat', SOON), 'beats') for @c;

sub make_user { ctl('--json', 'user', 'create', $_[0])->{json}{id} }

# (id, digest), known to both instances.
sub make_key {
    my ($user, @options) = @_;

    my $key = ctl('--json', 'key', 'create', $user, @options)->{json};
    my $digest = blake2b_hex($key->{key}, 32);
    $_->call('auth.verify', { digest => $digest }) for @c;
    return ($key->{id}, $digest);
}

sub meta { ($c[0]->call('auth.verify', { digest => $_[0] }))[1] }

# The first auth.revoke with a time, so that no repetition is taken for it.
sub pushed {
    my ($c) = @_;

    my $end = time + SOON;
    while (my $params = $c->notification('auth.revoke', $end - time)) {
        return $params if $params->[1] != 0;
    }
    return;
}

# SQL, and the digests that must be pushed by both instances then.
sub change {
    my ($what, $sql, @digests) = @_;

    $_->forget() for @c;
    my $from = time;
    $pg->psql($sql);
    my $until = time;
    for my $i (0, 1) {
        my $params = pushed($c[$i]);
        is_deeply([ sort @{ $params->[0] } ], [ sort @digests ],
            "$what: pushed by instance $i");
        my $at = $params->[1] / NS;
        ok($at > $from - SLACK && $at < $until + SLACK, 'with its time');
    }
}

# Nothing but repetitions and beats within some beats.
sub silent {
    my ($what, $sql) = @_;

    $_->forget() for @c;
    $pg->psql($sql);
    my $told = 0;
    for (1 .. 3) {
        $c[0]->notification('auth.beat', SOON);
    }
    ok(!(grep { $_->[0] eq 'auth.revoke' && $_->[1][1] != 0 }
        @{ $c[0]->{notes} }), "$what: not pushed");
}

# ---- keys

my $ada = make_user('ada@example.com');
my ($id, $digest) = make_key('ada@example.com');
my ($other, $other_digest) = make_key('ada@example.com');
my $where = "WHERE id = $id";

change('permissions', "UPDATE api_key SET permissions = '{bars:read}' $where",
    $digest);
is_deeply(meta($digest)->{perm}, ['bars:read'], 'the new verdict has them');

$pg->psql("INSERT INTO plan (name, limits, description)
    VALUES ('big', 'rate=9/s', '')");
change('plan of a key', "UPDATE api_key SET plan = 'big' $where", $digest);
change('expiry', "UPDATE api_key SET expires_at = now() + interval '1 day'
    $where", $digest);

ok(!exists meta($digest)->{nets} && !exists meta($digest)->{methods},
    'no networks and methods, when there are none');
change('networks', "UPDATE api_key SET networks = '{10.0.0.0/8,::1/128}'
    $where", $digest);
is_deeply(meta($digest)->{nets}, [ '10.0.0.0/8', '::1/128' ],
    'the new verdict has them');
change('methods', "UPDATE api_key SET methods = '{bars.query}' $where",
    $digest);
is_deeply(meta($digest)->{methods}, ['bars.query'], 'and them');

change('revoked by SQL', "UPDATE api_key SET revoked_at = now() $where",
    $digest);
is($c[1]->error('auth.verify', { digest => $digest })->[0], -3, 'void');
change('and taken back', "UPDATE api_key SET revoked_at = NULL $where",
    $digest);
ok(meta($digest), 'good again');

change('many in one statement', "UPDATE api_key SET expires_at = now()
    + interval '2 days'", $digest, $other_digest);
silent('a change of nothing', "UPDATE api_key SET plan = plan");
silent('a name', "UPDATE api_key SET name = 'x'");
silent('what is rolled back', "BEGIN; DELETE FROM api_key; ROLLBACK");

# ---- a gateway that connects just after a key has changed

for my $plan (qw/ big default big default /) {
    $_->forget() for @c;
    $pg->psql("UPDATE api_key SET plan = '$plan' WHERE id = $other");
    pushed($c[0]);

    my $new = $auth[0]->connect();
    my @first;
    $new->pump(sub {
        push @first, splice @{ $new->{notes} };
        return grep { $_->[0] eq 'auth.beat' } @first;
    }, SOON);
    ok((grep { $_->[0] eq 'auth.revoke'
        && grep { $_ eq $other_digest } @{ $_->[1][0] } } @first),
        'told of a key before its first beat');
}

# ---- users

change('a disabled user', "UPDATE app_user SET disabled = true
    WHERE id = $ada", $digest, $other_digest);
my ($row) = grep { $_->[0] eq 'auth.revoke_token' } @{ $c[1]->{notes} };
$row = $row ? $row->[1] : $c[1]->notification('auth.revoke_token', SOON);
is_deeply([ @{ $row->[0][0] }[0, 1] ], [ 'sub', "user:$ada" ],
    'the tokens of the user are void, too');
is($c[0]->error('auth.verify', { digest => $digest })->[0], -3, 'void');
change('and enabled', "UPDATE app_user SET disabled = false
    WHERE id = $ada", $digest, $other_digest);
silent("a user's name", "UPDATE app_user SET name = 'Ada'");

change('a deleted key', "DELETE FROM api_key WHERE id = $other",
    $other_digest);
my $bob = make_user('bob@example.com');
my (undef, $bobs) = make_key('bob@example.com');
change('a deleted user', "BEGIN; DELETE FROM api_key WHERE user_id = $bob;
    DELETE FROM app_user WHERE id = $bob; COMMIT", $bobs);
change('all keys', 'TRUNCATE api_key');
is($c[0]->error('auth.verify', { digest => $digest })->[0], -3, 'all void');

# ---- a key is not made while its owner is being disabled

{
    my $eve = make_user('eve@example.com');
    my $id = $c[0]->ask('users.list', {});
    $c[0]->answer($id);
    open my $psql, '|-', 'psql', '-XAtq', '-d', $pg->url()
        or die "psql: $!";
    $psql->autoflush(1);
    print $psql "BEGIN; UPDATE app_user SET disabled = true WHERE id = $eve;\n";
    my $end = time + SOON;
    until ($pg->psql("SELECT count(*) FROM pg_stat_activity
        WHERE state = 'idle in transaction'
        AND query LIKE '%SET disabled%'") eq '1' || time > $end) { }
    my $ask = $c[0]->ask('keys.create', { user => "user:$eve" });
    ok(!$c[0]->answer($ask, 0.5), 'making a key waits for the disabling');
    print $psql "COMMIT;\n";
    close $psql;
    my $answer = $c[0]->answer($ask);
    my $key = $json->decode($answer->[3][2])->{key};
    is($c[0]->error('auth.verify', { digest => blake2b_hex($key, 32) })->[0],
        -3, 'and the key is not good');
}

# ---- tokens

# The first news of it, among whatever else is told.
sub told {
    my ($c, $kind, $value) = @_;

    my $end = time + SOON;
    while (my $params = $c->notification('auth.revoke_token', $end - time)) {
        return $params if $params->[1] != 0
            && "@{ $params->[0][0] }[0, 1]" eq "$kind $value";
    }
    return;
}

my $exp = int(time) + 3600;
my $began = int time;
for my $case (
    [ { jti => 'one', exp => $exp * NS }, 'jti', 'one', $exp * NS ],
    [ { sub => 'user:7', issued_before => $began * NS }, 'sub', 'user:7', $began * NS ],
    [ { sub => "a b\xc3\xa9" }, 'sub', "a b\xc3\xa9" ],
    [ { all => JSON::PP::true, issued_before => 3 * NS }, 'all', '', 3 * NS ],
) {
    my ($args, @entry) = @$case;
    $_->forget() for @c;
    my $ask = $c[0]->ask('tokens.revoke', $args);
    my $answer = $c[0]->answer($ask);
    is($answer->[2], undef, "$entry[0]: revoked");
    my ($first) = grep { $_->[0] eq 'auth.revoke_token' && $_->[1][1] != 0
        && $_->[1][0][0][1] eq $entry[1] } @{ $c[0]->{notes} };
    ok($first, 'told before the answer') or next;
    $first = $first->[1];
    for my $told ($first, told($c[1], @entry[0, 1])) {
        my $got = $told->[0][0];
        is_deeply([ @$got[0 .. $#entry] ], \@entry, 'as it is')
            or diag explain $told;
    }
    my $again = 0;
    my $end = time + SOON;
    until ($again || time > $end) {
        my $params = $c[1]->notification('auth.revoke_token', SOON);
        $again = 1 if $params && $params->[1] == 0
            && grep { "$_->[0] $_->[1]" eq "$entry[0] $entry[1]" }
                @{ $params->[0] };
    }
    ok($again, 'and once more');
}

for my $case ([ {} ], [ { jti => 'x' } ], [ { jti => 'x', sub => 'y',
        exp => 1 } ], [ { all => JSON::PP::false } ], [ { sub => '' } ],
    [ { sub => 'x', issued_before => (time + 100) * NS } ],
    [ { sub => 'x' x 256 } ], [ { sub => 5 } ])
{
    is($c[0]->error('tokens.revoke', $case->[0])->[0], -2,
        'refused: ' . JSON::PP->new->canonical->encode($case->[0]));
}

sub void { $c[1]->error('auth.token', { iss => 'x', @_ }) }

is(void(jti => 'one', sub => 's', iat => 9e9 * NS)->[0], -3, 'that token');
is(void(jti => 'two', sub => 's', iat => 9e9 * NS), undef, 'another');
is(void(sub => 'user:7', iat => $began * NS - 1)->[0], -3, 'of the subject');
is(void(sub => 'user:7', iat => $began * NS), undef, 'issued later');
is(void(sub => 'user:8', iat => 3 * NS - 1)->[0], -3, 'all, issued before');
is(void(sub => 'user:8', iat => 3 * NS), undef, 'issued later');
is($c[1]->error('auth.token', { iat => 5 })->[0], -2, 'no subject');
is($c[1]->error('auth.token', { sub => 'x' })->[0], -2, 'no time');

$pg->psql("INSERT INTO token_revocation SELECT 'jti', 'old-' || n, 1000
    FROM generate_series(1, 50) n");
is($c[0]->error('tokens.revoke', { jti => 'three', exp => $exp * NS }), undef,
    'one more');
is($pg->psql("SELECT count(*) FROM token_revocation
    WHERE value LIKE 'old-%'"), '0', 'those without effect are forgotten');

# ---- plans

# The table as it is told, once it is as the function wants it: what was told of
# the changes before may still be on its way.
sub plans {
    my ($c, $until) = @_;
    my ($plans, $end) = ({}, time + SOON);
    while (my $params = $c->notification('auth.plans', SOON)) {
        $plans = { map { $_->[0] => $_->[1] } @{ $params->[0] } };
        last if $until->($plans) || time > $end;
    }
    return $plans;
}

$_->forget() for @c;
my $r = ctl('--json', 'plan', 'set', 'gold', 'rate=10/s', 'burst=5',
    'day=1000 tz=Europe/Paris');
is($r->{json}{limits}, 'rate=10/s burst=5 day=1000 tz=Europe/Paris', 'made')
    or diag $r->{out}, $r->{err};
for my $i (0, 1) {
    is_deeply(plans($c[$i], sub { $_[0]{gold} }), {
        default => 'rate=200/m burst=20',
        big => 'rate=9/s', gold => $r->{json}{limits} },
        "instance $i tells the whole table");
}
$_->forget() for @c;
$pg->psql("DELETE FROM plan WHERE name = 'gold'");
is_deeply([ sort keys %{ plans($_, sub { !$_[0]{gold} }) } ],
    [qw/ big default /], 'a row less') for @c;

for my $bad ('rate=1', 'rate=0/s', 'rate=1/w', 'burst=1', 'rate=1/s burst',
    'rate=1/s burst=1 burst=2', 'day=0', 'day=1 day=2', 'tz=Mars/Base',
    'concurrency=0', 'dry_run=1', 'rat=1/s', 'rate=-1/s', 'rate=1/s  nonsense',
    'rate=1/s ' x 5, 'rate=+1/s', 'cost=bars:1', 'cost=bars.query:1001',
    'cost=sys.health:1', 'cost=*:1 cost=*:1', 'rate=1/s' . ' ' x 960)
{
    is($c[0]->error('plans.set', { name => 'x', limits => $bad })->[0], -2,
        "refused: $bad");
}
for my $good ('', 'dry_run', 'rate=1/s', 'rate=5/m rate=100/d burst=7 month=3',
    'concurrency=32 day=5 tz=UTC', ' rate=1/h ',
    'rate=1/s cost=bars.query:5 cost=macro.query:0 cost=*:1000',
    'rate=1/s' . ' ' x 952)
{
    is($c[0]->error('plans.set', { name => 'x', limits => $good }), undef,
        "taken: '$good'");
}
is($c[0]->error('plans.set', { name => 'a b', limits => '' })->[0], -2,
    'a name is a word');
# As many as there may be, each as long as it may be.
my $have = $pg->psql('SELECT count(*) FROM plan');
$_->forget() for @c;
$pg->psql("INSERT INTO plan (name, limits, description)
    SELECT rpad('full-' || n, 32, 'x'), rpad('rate=' || n || '/m', 960), ''
    FROM generate_series(1, 256 - $have) n");
for my $i (0, 1) {
    my $all = plans($c[$i], sub { keys %{ $_[0] } == 256 });
    is(scalar keys %$all, 256, "instance $i tells of all of them");
    is(scalar(grep { length $all->{$_} == 960 } keys %$all), 256 - $have + 1,
        'in full');
}
is($c[0]->error('plans.set', { name => 'more', limits => '' })->[0], -8,
    'one more is refused');
is($c[0]->error('plans.set', { name => 'big', limits => 'rate=9/s' }), undef,
    'one that is there may change');
$pg->psql("DELETE FROM plan WHERE name LIKE 'full-%'");
is(scalar(keys %{ plans($_, sub { keys %{ $_[0] } == $have }) }), $have,
    'as before') for @c;
like(ctl('plan', 'list')->{out}, qr/^default +rate=200\/m burst=20 /m,
    'a table');

# ---- roles

sub roles {
    my ($c, $until) = @_;
    my $end = time + SOON;
    while (my $params = $c->notification('auth.roles', SOON)) {
        my %roles = map { $_->[0] => "@{ $_->[1] }" } @{ $params->[0] };
        return \%roles if $until->(\%roles);
        last if time > $end;
    }
    return {};
}

$_->forget() for @c;
$c[0]->call('roles.set', { name => 'quant',
    permissions => [qw/ bars:read backtests:* /] });
for my $i (0, 1) {
    my $roles = roles($c[$i], sub { exists $_[0]{quant} });
    is($roles->{quant}, 'backtests:* bars:read', "instance $i tells a role");
    is($roles->{admin}, '*', 'beside those built in');
}
$_->forget() for @c;
$pg->psql("UPDATE role SET permissions = '{fx:read}' WHERE name = 'quant'");
is(roles($_, sub { ($_[0]{quant} // '') eq 'fx:read' })->{quant}, 'fx:read',
    'a change by SQL') for @c;
$_->forget() for @c;
$pg->psql("INSERT INTO org (name, ceiling) VALUES ('tenant', '{*}');
    INSERT INTO role (org_id, name, permissions)
    SELECT id, 'theirs', '{fx:read}' FROM org WHERE name = 'tenant';
    DELETE FROM role WHERE name = 'quant'");
for my $c (@c) {
    my $roles = roles($c, sub { !exists $_[0]{quant} });
    ok($roles->{admin} && !exists $roles->{theirs},
        'a role less, and none of a tenant');
}

# What a role permits is what its users may: their keys and tokens.
{
    $pg->psql("INSERT INTO role (org_id, name, permissions)
        VALUES (1, 'shared', '{bars:read,fx:read}')");
    my $id = make_user('zoe@example.com');
    $pg->psql("INSERT INTO user_role SELECT $id, id FROM role
        WHERE name = 'shared'");
    my (undef, $digest) = make_key('zoe@example.com', '--permissions',
        'bars:read,fx:read');
    my $changed = sub {
        my ($what, $sql, $perm) = @_;
        change($what, $sql, $digest);
        my ($row) = grep { $_->[0] eq 'auth.revoke_token' }
            @{ $c[1]->{notes} };
        $row = $row ? $row->[1]
            : $c[1]->notification('auth.revoke_token', SOON);
        is_deeply([ @{ $row->[0][0] }[0, 1] ], [ 'sub', "user:$id" ],
            'tokens of who has it are void, too');
        is_deeply(meta($digest)->{perm}, $perm, 'and the verdict is new');
    };
    $changed->('a role taken', "DELETE FROM user_role WHERE user_id = $id
        AND role_id <> (SELECT id FROM role WHERE name = 'shared')",
        [qw/ bars:read fx:read /]);
    $changed->('a role narrowed', "UPDATE role SET permissions = '{bars:read}'
        WHERE name = 'shared'", ['bars:read']);
    $changed->('a role given', "INSERT INTO user_role SELECT $id, id FROM role
        WHERE name = 'reader'", [qw/ bars:read fx:read /]);
    $changed->('an organisation narrowed', "INSERT INTO org (name, ceiling)
        VALUES ('narrow', '{fx:*}'); UPDATE app_user SET org_id = (SELECT id
        FROM org WHERE name = 'narrow') WHERE id = $id", ['fx:read']);
    $changed->('its ceiling', "UPDATE org SET ceiling = '{bars:*}'
        WHERE name = 'narrow'", ['bars:read']);
    silent("a role's text", "UPDATE role SET description = 'x'
        WHERE name = 'shared'");
    silent("an organisation's", "UPDATE org SET title = 'x'
        WHERE name = 'narrow'");
    change('an organisation disabled', "UPDATE org SET disabled = true
        WHERE name = 'narrow'", $digest);
    is($c[0]->error('auth.verify', { digest => $digest })->[0], -3, 'void');
}

# ---- what a new gateway is told, in which order

for my $c ($auth[1]->connect()) {
    $c->notification('auth.beat', SOON);
    ok(!@{ $c->{notes} } || 1, 'a beat');
    my $n = $auth[1]->connect();
    my @order;
    $n->pump(sub {
        push @order, shift @{ $n->{notes} } while @{ $n->{notes} };
        grep { $_->[0] eq 'auth.beat' } @order;
    }, SOON);
    is_deeply([ map { $_->[0] } @order[0 .. 2] ],
        [ 'auth.plans', 'auth.roles', 'auth.revoke_token' ],
        'first the plans, then the roles, then tokens');
    my %roles = map { ($_->[0] => "@{ $_->[1] }") } @{ $order[1][1][0] };
    is_deeply(\%roles, { map { split /\|/ } split /\n/, $pg->psql(
        "SELECT name, array_to_string(permissions, ' ') FROM role
        WHERE org_id IS NULL OR org_id = 1") }, 'those built in, and others');
    my %void = map { ("$_->[0] $_->[1]" => $_->[2]) }
        map { @{ $_->[1][0] } } grep { $_->[0] eq 'auth.revoke_token' } @order;
    is($void{'jti one'}, $exp * NS, 'a token');
    is($void{'sub user:7'}, $began * NS, 'a subject');
    is($void{'all '}, 3 * NS, 'all');
    is($order[2][1][1], 0, 'of which the time is not told');
    is($order[-1][0], 'auth.beat', 'then a beat');
}

# ---- thousands of them

$pg->psql("INSERT INTO token_revocation SELECT 'jti', 'many-' || n,
    ${exp}::bigint * 1000000000 FROM generate_series(1, 20000) n");
{
    my $end = time + 30;
    my %seen;
    until (keys %seen >= 20000 || time > $end) {
        my $params = $c[1]->notification('auth.revoke_token', SOON) or last;
        $seen{ $_->[1] }++ for grep { $_->[1] =~ /^many/ } @{ $params->[0] };
    }
    is(scalar keys %seen, 20000, 'all are told as they come');

    my $n = $auth[1]->connect();
    my %told;
    $n->pump(sub {
        for my $note (splice @{ $n->{notes} }) {
            return 1 if $note->[0] eq 'auth.beat';
            next if $note->[0] ne 'auth.revoke_token';
            $told{ $_->[1] }++ for @{ $note->[1][0] };
        }
        return 0;
    }, 30);
    is((scalar grep { /^many/ } keys %told), 20000,
        'and to a new gateway before its first beat');
}

# ---- so many that they cannot be told: all tokens are void, and auth goes on

{
    my $end = time - 86400 - 3600;
    $pg->psql("INSERT INTO token_revocation SELECT 'sub', 'user:' || n,
        ${end}::bigint * 1000000000 FROM generate_series(1000, 1100) n");
    my $late = auth();
    my $n = $late->connect();
    my %told;
    $n->pump(sub {
        for my $note (splice @{ $n->{notes} }) {
            return 1 if $note->[0] eq 'auth.beat';
            next if $note->[0] ne 'auth.revoke_token';
            $told{ $_->[1] }++ for @{ $note->[1][0] };
        }
        return 0;
    }, 30);
    is(scalar(grep { /^user:1\d\d\d$/ } keys %told), 0,
        'users whose last token ended long ago are not told of');
    $late->stop();
}
$pg->psql("ALTER TABLE token_revocation DISABLE TRIGGER token_revoked;
    INSERT INTO token_revocation SELECT 'sub', 'some-' || n, 1
        FROM generate_series(1, 200001) n;
    ALTER TABLE token_revocation ENABLE TRIGGER token_revoked");
{
    my $all = $pg->psql("SELECT number FROM token_revocation
        WHERE kind = 'all'");
    my $late = auth();
    my $n = $late->connect();
    ok($n->notification('auth.beat', 60), 'an instance that begins beats');
    cmp_ok($pg->psql("SELECT number FROM token_revocation WHERE kind = 'all'"),
        '>', $all || 0, 'all that was issued is void');
    is($pg->psql("SELECT count(*) FROM token_revocation WHERE kind <> 'all'"),
        0, 'in place of the others');
    like($late->log(), qr/too many void tokens/, 'which its log tells');
    is($late->stop(), 0, 'a clean end');
}

# ---- the database goes away and comes back: what was missed is told

$pg->stop_server();
for my $conn (@c) {
    my ($end, $quiet) = (time + SOON);
    $quiet = !$conn->notification('auth.beat', 1.2) # some are on their way
        until $quiet || time > $end;
    ok($quiet, 'no beats');
}
$_->forget() for @c;
{
    my $n = $auth[0]->connect();
    ok($n->notification('auth.plans', SOON), 'newcomers learn what is known');
    ok(!$n->notification('auth.beat', 0.6), 'but hear no beat');
}
# A change that nobody who listens can have heard.
kill 'STOP', map { $_->pid() } @auth;
$pg->start_server();
$pg->psql("INSERT INTO token_revocation VALUES ('sub', 'late', 1);
    UPDATE plan SET limits = 'rate=1/d' WHERE name = 'big'");
kill 'CONT', map { $_->pid() } @auth;
for my $i (0, 1) {
    my (@seen, %late);
    $c[$i]->pump(sub {
        push @seen, splice @{ $c[$i]->{notes} };
        grep { $_->[0] eq 'auth.beat' } @seen;
    }, SOON);
    for my $note (@seen) {
        last if $note->[0] eq 'auth.beat';
        $late{token} = 1 if $note->[0] eq 'auth.revoke_token'
            && grep { $_->[1] eq 'late' } @{ $note->[1][0] };
        $late{plan} = 1 if $note->[0] eq 'auth.plans'
            && grep { $_->[0] eq 'big' && $_->[1] eq 'rate=1/d' }
                @{ $note->[1][0] };
        $late{all} = 1 if $note->[0] eq 'auth.revoke' && !@{ $note->[1][0] };
    }
    is_deeply(\%late, { token => 1, plan => 1, all => 1 },
        "instance $i tells all of it before it beats");
}

# ---- an announcement that is not understood makes all be read anew

$_->forget() for @c;
$pg->psql("SELECT pg_notify('wizdata_auth', 'what is this')");
for my $i (0, 1) {
    my $params;
    my $end = time + SOON;
    do { $params = $c[$i]->notification('auth.revoke', SOON) }
        while ($params && @{ $params->[0] } && time < $end);
    ok($params, "instance $i lets all be asked again");
    ok($c[$i]->notification('auth.beat', SOON), 'and beats');
}

is($_->stop(), 0, 'a clean end') for @auth;
unlike(join('', map { $_->log() } @auth), qr/Sanitizer|runtime error/,
    'no sanitizer errors');

done_testing();
