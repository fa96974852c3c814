#!/usr/bin/perl

# What somebody tries who knows how auth works: rights by way of the ceiling,
# tokens that are issued while a role is being changed, one account under
# several spellings, locks in a circle, tokens that say less than their user.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IPC::Open2 qw/ open2 /;
use JSON::PP ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::Auth;

use constant SOON => 20;

my $pg = auth_database();
my $auth = auth_start($pg);
my $c = $auth->connect();
$c->notification('auth.beat', SOON);

sub rpc { return ask_json($c, @_) }

# A connection that stays, for transactions that last; sql() waits.
sub session {
    my ($database) = @_;

    my $pid = open2(my $out, my $in, "$pg->{bin}/psql", '-XAtq', '-d',
        $pg->url($database));
    $in->autoflush(1);
    return sub {
        print {$in} "$_[0];\n\\echo done\n";
        my @rows;
        while (defined(my $line = <$out>)) {
            chomp $line;
            return join "\n", @rows if $line eq 'done';
            push @rows, $line;
        }
        die 'psql ended';
    };
}

# Waits somebody for a lock?
sub waiting {
    return $pg->psql("SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock'");
}


# ---- a ceiling is raised by who has not what it permits ---------------------

rpc('roles.set', { name => 'founder',
    permissions => [qw/ orgs:write users:write bars:read /] });
user_add($c, 'founder@example.com', roles => ['founder']);
my %founder = as(login($c, 'founder@example.com', PASSWORD));

rpc('orgs.set', { name => 'shell', permissions => ['users:write'] },
    %founder);
my $puppet = ask_json($c, 'users.create', { org => 'shell',
    email => 'puppet@example.com', password => PASSWORD,
    roles => ['admin'] }, %founder)->{id};
my $error = $c->error('orgs.set', { name => 'shell', permissions => ['*'] },
    %founder);
is($error && $error->[0], -4, 'nobody permits an organisation what they lack');
is($pg->psql("SELECT ceiling FROM org WHERE name = 'shell'"),
    '{users:write}', 'it stays as it was');
is_deeply(claims(login($c, 'puppet@example.com', PASSWORD,
    org => 'shell')->{access_token})->{permissions}, ['users:write'],
    'and so do those in it');
is($c->error('orgs.set', { name => 'shell',
    permissions => [qw/ users:write bars:read /] }, %founder), undef,
    'what one has may be added');
rpc('orgs.set', { name => 'rich', permissions => [qw/ *:read jobs:* /] });
is($c->error('orgs.set', { name => 'rich', permissions => ['jobs:read'] },
    %founder), undef, 'and what one lacks be taken away');
is($c->error('orgs.set', { name => 'rich', title => 'Rich' }, %founder),
    undef, 'or left');
$error = $c->error('orgs.set', { name => 'rich',
    permissions => ['jobs:*'] }, %founder);
is($error && $error->[0], -4, 'and not be given back');


# ---- a token is issued while its user's role is being changed ---------------

rpc('roles.set', { name => 'moving', permissions =>
    [qw/ bars:read news:read /] });
user_add($c, 'mover@example.com', roles => ['moving']);
my $before = login($c, 'mover@example.com', PASSWORD);
my $hold = session();

# All changes wait for the head of the trail; the role is changed already.
$hold->('BEGIN; SELECT seq FROM event_head FOR UPDATE');
my $change = $c->ask('roles.set', { name => 'moving',
    permissions => ['bars:read'] });
ok(wait_for(sub { waiting() == 1 }), 'a change waits for the head');
my $refresh = $c->ask('auth.refresh',
    { refresh_token => $before->{refresh_token} }, nobody());
ok(wait_for(sub { waiting() == 2 }), 'and a refresh for something');
$hold->('COMMIT');
is($c->answer($change)->[2], undef, 'the role is changed');
my $after = JSON::PP::decode_json($c->answer($refresh)->[3][2]);
wait_for(sub { token_void($c, $before->{access_token}) });
ok(token_void($c, $before->{access_token}), 'the token before is void');
ok(token_void($c, $after->{access_token})
    || !grep({ $_ eq 'news:read' }
        @{ claims($after->{access_token})->{permissions} }),
    'no good token says what the role does not permit any more');


# ---- a session is ended while a token is issued for it ----------------------

$before = login($c, 'mover@example.com', PASSWORD);
$hold->('BEGIN; SELECT seq FROM event_head FOR UPDATE');
$refresh = $c->ask('auth.refresh',
    { refresh_token => $before->{refresh_token} }, nobody());
ok(wait_for(sub { waiting() == 1 }), 'a refresh has all but committed');
my $end = $c->ask('auth.session_end', { id => $before->{session} },
    as($before));
ok(wait_for(sub { waiting() == 2 }), 'and its session is ended');
$hold->('COMMIT');
$after = JSON::PP::decode_json($c->answer($refresh)->[3][2]);
is($c->answer($end)->[2], undef, 'the session is ended');
for my $grant ($before, $after) {
    ok(wait_for(sub { token_void($c, $grant->{access_token}) }),
        'with each of its tokens');
}


# ---- a refresh and a change of the same user --------------------------------

my $twice = login($c, 'mover@example.com', PASSWORD);
my $mover = $twice->{user_id};
$hold->("BEGIN; SELECT FROM app_user WHERE id = $mover FOR NO KEY UPDATE");
$refresh = $c->ask('auth.refresh',
    { refresh_token => $twice->{refresh_token} }, nobody());
ok(wait_for(sub { waiting() == 1 }), 'a refresh waits for the user');
$hold->("SET lock_timeout = '300ms'");
$hold->("UPDATE session SET last_at = now() WHERE user_id = $mover");
is($hold->("SELECT 'good'"), 'good',
    'and does not hold what the change needs next');
$hold->('ROLLBACK');
is($c->answer($refresh)->[2], undef, 'then it goes on');


my $reset = rpc('users.reset', { id => $mover })->{token};
$hold->("BEGIN; SELECT FROM app_user WHERE id = $mover FOR NO KEY UPDATE");
my $accept = $c->ask('auth.accept', { token => $reset,
    password => 'another battery horse' }, nobody());
ok(wait_for(sub { waiting() == 1 }), 'so does who chooses a password');
$hold->("DELETE FROM one_time_token WHERE user_id = $mover");
is($hold->("SELECT 'good'"), 'good', 'and holds no token meanwhile');
$hold->('COMMIT');
is($c->answer($accept)->[2][0], -3, 'which is gone then');


# ---- a token that says less than its user may -------------------------------

my $rich = user_add($c, 'rich@example.com', roles => ['admin']);
my $key = rpc('keys.create', { user => 'rich@example.com',
    permissions => ['*'] });
my @poor = (sub => "user:$rich", plan => 'default', perm => ['bars:read']);
$error = $c->error('keys.rotate', { id => $key->{id} }, @poor);
is($error && $error->[0], -4, 'gets no key that says more');
is($c->error('keys.rotate', { id => $key->{id} },
    as(login($c, 'rich@example.com', PASSWORD))), undef,
    'the user does');


# ---- one account under several spellings ------------------------------------

# In a database whose lower case is not only that of ASCII, as most have it.
$pg->psql("CREATE DATABASE unicode TEMPLATE template0 ENCODING 'UTF8'
    LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'", 'postgres');
{
    local $ENV{WIZDATA_DATABASE_URL} = $pg->url('unicode');
    system("$ENV{WIZDATA_BUILD}/tools/wizdatactl migrate --dir"
        . " $FindBin::Bin/../../db/migrations >/dev/null") == 0 or die;
}
my $other = auth_start($pg, WIZDATA_DATABASE_URL => $pg->url('unicode'));
my $d = $other->connect();
$d->notification('auth.beat', SOON);
user_add($d, "k\xc3\xa9vin\@example.com");
# e acute, its capital, and the sign for kelvin, whose lower case is k.
my @spelling = ("k\xc3\xa9vin\@example.com", "K\xc3\x89VIN\@example.com",
    "\xe2\x84\xaa\xc3\xa9vin\@example.com");
ok(login($d, $_, PASSWORD), 'the same user') for @spelling;
refused($d, $spelling[$_ % 3], 'wrong password') for 0 .. 4;
is($pg->psql('SELECT count(DISTINCT account) FROM login_failure', 'unicode'),
    1, 'is one account, however it is written');
$pg->psql('UPDATE login_failure SET n = 12, last_at = now()', 'unicode');
for (@spelling) {
    $error = refused($d, $_, PASSWORD);
    is($error && $error->[0], -11, 'and waits as one');
}
$other->stop();


# ---- text that PostgreSQL does not take -------------------------------------

for my $bad ("a\0b\@example.com", "a\xff\@example.com") {
    $error = refused($c, $bad, 'wrong password');
    ok($error && ($error->[0] == -2 || $error->[0] == -3),
        'an address that is no text is a client\'s mistake')
        or diag explain $error;
    $error = refused($c, 'ada@example.com', 'wrong password', org => $bad);
    ok($error && ($error->[0] == -2 || $error->[0] == -3),
        'so is such an organisation') or diag explain $error;
}


# ---- a token for a password, and its user is promoted then -------------------

rpc('roles.set', { name => 'helper', permissions => [qw/ users:write bars:read /] });
user_add($c, 'helper@example.com', roles => ['helper']);
my %helper = as(login($c, 'helper@example.com', PASSWORD));
for my $case ([ 'another role', sub { rpc('users.update', { id => $_[0],
        roles => [qw/ reader admin /] }) }, -3 ],
    [ 'one less', sub { rpc('users.update', { id => $_[0],
        roles => [] }) }, undef ],
    [ 'the same', sub { rpc('users.update', { id => $_[0], name => 'Same',
        roles => ['small'] }) }, undef ],
    [ 'a role with more', sub { rpc('roles.set', { name => 'small',
        permissions => [qw/ bars:read users:write tokens:write /] }) }, -3 ],
    [ 'a role with less', sub { rpc('roles.set', { name => 'small',
        permissions => ['bars:read'] }) }, undef ]) {
    my ($what, $change, $code) = @$case;

    rpc('roles.set', { name => 'small',
        permissions => [qw/ bars:read users:write /] });
    my $invited = ask_json($c, 'users.invite', { roles => ['small'],
        email => ($what =~ tr/ /-/r) . '@example.com' }, %helper);
    $change->($invited->{user_id});
    my $e = $c->error('auth.accept', { token => $invited->{token},
        password => PASSWORD }, nobody());
    is($e && $e->[0], $code, "after $what");
}


# ---- a role that many have ---------------------------------------------------

rpc('orgs.set', { name => 'crowd' });
rpc('roles.set', { org => 'crowd', name => $_, permissions => ['bars:read'] })
    for qw/ many other /;
$pg->psql("SET session_replication_role = replica;
    INSERT INTO app_user (email, org_id, plan)
    SELECT 'u' || i || '\@crowd.example', o.id, 'default'
    FROM org o, generate_series(1, 20000) i WHERE o.name = 'crowd';
    INSERT INTO user_role SELECT u.id, r.id FROM app_user u
    JOIN role r USING (org_id) JOIN org o ON o.id = u.org_id
    WHERE o.name = 'crowd'");
sub memory {
    open(my $f, '<', '/proc/' . $auth->pid() . '/status') or die;
    return (map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$f>)[0];
}
my $memory = memory();
is($c->error('roles.set', { org => 'crowd', name => 'many',
    permissions => ['news:read'] }), undef, 'is changed in time');
cmp_ok(memory() - $memory, '<', 100_000, 'and in little memory');
is($pg->psql("SELECT count(*) FROM token_revocation WHERE kind = 'all'"), 0,
    'and others keep their tokens');
is($pg->psql("SELECT count(*) FROM token_revocation t JOIN app_user u
    ON t.kind = 'sub' AND t.value = 'user:' || u.id
    WHERE u.email LIKE '%crowd.example'"), 20000, 'whose users lose theirs');


# ---- a ceiling that is raised over roles that had no effect ------------------

rpc('orgs.set', { name => 'asleep', permissions => ['bars:read'] });
my @resources = qw/ account audit backtests bars calendars esg events fx
    indicators ingest insights instruments keys macro models news orgs /;
for my $verb (qw/ read write /) {
    rpc('roles.set', { org => 'asleep', name => $verb,
        permissions => [ map { "$_:$verb" } @resources ] });
}
user_add($c, 'a@asleep.example', org => 'asleep', roles => [qw/ read write /]);
sub logs_in { ok(login($c, 'a@asleep.example', PASSWORD, org => 'asleep'),
    $_[0]) }
logs_in('two roles, of which little counts');
my $refused = $c->error('orgs.set', { name => 'asleep', permissions => ['*'] });
is_deeply([ $refused->[0], $refused->[2]{param} ], [ -2, 'permissions' ],
    'nobody gets more permissions than can be told of');
logs_in('and so goes on');
is($c->error('orgs.set', { name => 'asleep',
    permissions => [ map { "$_:*" } @resources[0 .. 15] ] }), undef,
    'as many as can be told of');
logs_in('the same');


# ---- the trail tells what was done ------------------------------------------

sub detail {
    return JSON::PP::decode_json((events($pg, "action = '$_[0]'"))[-1]{detail});
}
rpc('orgs.set', { name => 'told', permissions => ['bars:read'] });
rpc('orgs.set', { name => 'told', permissions => ['*'],
    disabled => JSON::PP::true });
is_deeply([ @{ detail('orgs.set') }{qw/ name permissions disabled /} ],
    [ 'told', ['*'], JSON::PP::true ], 'of an organisation');
rpc('tokens.issue', { sub => 'robot', permissions => ['bars:read'] });
is_deeply(detail('tokens.issue')->{permissions}, ['bars:read'], 'of a token');
rpc('tokens.revoke', { sub => 'robot' });
is(detail('tokens.revoke')->{kind}, 'sub', 'and of its end');


# ---- rubbish in plenty -------------------------------------------------------

sub refusals {
    return $pg->psql("SELECT count(*) FROM event WHERE outcome = 'refused'
        AND reason ~ 'unknown'");
}
my $refusals = refusals();
my @asked = map { $c->ask('auth.refresh', { refresh_token => "rubbish $_" },
    nobody()) } 1 .. 500;
is(scalar(grep { ($c->answer($_)->[2] // [0])->[0] != -3 } @asked), 0,
    'tokens that nobody made are refused');
cmp_ok(refusals() - $refusals, '>=', 90, 'some are events of their own');
cmp_ok(refusals() - $refusals, '<', 400, 'and a flood is none of events');
$refusals = refusals();
refused($c, 'ada@example.com', 'wrong password');
is(refusals() - $refusals, 1, 'what costs a hash is told all the same');


# ---- who may touch their own keys alone ---------------------------------------

user_add($c, $_) for qw/ reader@example.com there@example.com /;
my %reader = as(login($c, 'reader@example.com', PASSWORD));
for my $method (qw/ keys.list keys.create /) {
    my @same = map { JSON::PP->new->canonical->encode($c->error($method,
        { user => $_ }, %reader)) } qw/ there@example.com not@example.com
        user:1 user:999 /;
    is(scalar(keys %{{ map { $_ => 1 } @same }}), 1,
        "$method: does not tell who there is") or diag "@same";
    is($c->error($method, { user => 'Reader@example.com' }, %reader), undef,
        "$method: and takes oneself");
}


# ---- announcements of what is done by SQL -----------------------------------

my ($one, $two) = map { user_add($c, "$_\@example.com") } qw/ one two /;
$pg->psql("DELETE FROM token_revocation;
    UPDATE user_role SET user_id = $two,
        role_id = (SELECT id FROM role WHERE name = 'admin')
    WHERE user_id = $one");
is($pg->psql("SELECT string_agg(value, ' ' ORDER BY value)
    FROM token_revocation"), "user:$one user:$two",
    'a role that goes from one to another is of both');
$pg->psql('DELETE FROM token_revocation; TRUNCATE user_role');
is($pg->psql("SELECT count(*) FROM token_revocation WHERE kind = 'all'"), 1,
    'nobody has a role any more: all tokens');


# ---- nothing to void --------------------------------------------------------

$pg->psql('DELETE FROM token_revocation');
user_add($c, 'fresh@example.com');
is($pg->psql('SELECT count(*) FROM token_revocation'), 0,
    'a user who is new has no tokens');

$auth->stop();
is($auth->log() =~ /ERROR: (?:Address|Undefined)|runtime error/, '',
    'no memory errors');

done_testing();
