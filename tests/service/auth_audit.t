#!/usr/bin/perl

# The audit trail: an event for each change and each refusal, found again by
# who, whom, what and when; nothing of it can be changed without that being
# found; and the refusals of gateways are part of it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Auth;
use Wizdata::MessagePack;

use constant { SOON => 20, NS => 1_000_000_000 };

my $pg = auth_database();
my @auth = map { auth_start($pg) } 1 .. 2;
my @c = map { $_->connect() } @auth;
my ($c) = @c;
$_->notification('auth.beat', SOON) for @c;

sub verify { return ask_json($c[0], 'audit.verify', { @_ }) }
sub list { return @{ ask_json($c, 'audit.list', { @_ })->{events} } }

is_deeply([ map { "$_->{seq} $_->{actor} $_->{action}" } events($pg) ],
    ['1 auth audit.begin'], 'it begins with its first event');

# ---- an event for each kind of change

my ($requests, %id) = (0);
my @by = (ip => '203.0.113.5');
my $trail = 1;

# Does it; whether it left exactly one event, and which.
sub leaves {
    my ($what, $want, $method, $args, %context) = @_;

    my $request = 'request-' . ++$requests;
    my $frame = $c->answer($c->ask($method, $args, @by, id => $request,
        %context));
    my @new = events($pg, "seq > $trail");
    $trail += @new;
    is(scalar @new, 1, "$what: one event") or diag explain \@new,
        $frame->[2];
    my $e = $new[0] // return;
    my %want = (actor => 'operator', action => $method, outcome => 'done',
        reason => '', request => $request, address => '203.0.113.5', via => '',
        org_id => 1, %$want);
    is_deeply({ map { $_ => $e->{$_} } keys %want }, \%want, "$what: says it");
    ok(eval { JSON::PP->new->decode($e->{detail}) }, "$what: has a detail");
    return $frame->[2] || $frame->[3][2] !~ /^\{/ ? $frame->[2]
        : JSON::PP->new->decode($frame->[3][2]);
}

my $u = leaves('a user is made', { subject => 'user:1' }, 'users.create',
    { email => 'ada@example.com', password => PASSWORD })->{id};
my $invited = leaves('invited', { subject => 'user:2' }, 'users.invite',
    { email => 'bob@example.com' });
leaves('accepted', { actor => 'user:2', subject => 'user:2' }, 'auth.accept',
    { token => $invited->{token}, password => PASSWORD }, nobody());
leaves('not accepted', { actor => 'anonymous', subject => '', org_id => undef,
    outcome => 'refused', reason => 'unknown or ended token' }, 'auth.accept',
    { token => $invited->{token}, password => PASSWORD }, nobody());
my $token = leaves('a proof is sent', { subject => "user:$u" },
    'users.verify', { id => $u })->{token};
leaves('proved', { actor => 'user:1', subject => "user:$u" }, 'auth.confirm',
    { token => $token }, nobody());
leaves('not proved', { actor => 'anonymous', org_id => undef, outcome =>
    'refused', reason => 'unknown or ended token' }, 'auth.confirm',
    { token => $token }, nobody());
leaves('a reset', { subject => "user:$u" }, 'users.reset', { id => $u });
leaves('changed', { subject => "user:$u" }, 'users.update', { id => $u,
    name => 'Ada', roles => ['admin'] });
my $grant = leaves('a login', { actor => "user:$u", subject => "user:$u" },
    'auth.login', { email => 'ada@example.com', password => PASSWORD },
    nobody());
leaves('a wrong password', { actor => 'anonymous', subject => "user:$u",
    outcome => 'refused', reason => 'wrong password' }, 'auth.login',
    { email => 'ada@example.com', password => 'wrong' }, nobody());
my $refreshed = leaves('a refresh', { actor => "user:$u",
    subject => "session:$grant->{session}" }, 'auth.refresh',
    { refresh_token => $grant->{refresh_token} }, nobody());
leaves('no refresh', { actor => 'anonymous', subject => '', org_id => undef,
    outcome => 'refused', reason => 'unknown token' }, 'auth.refresh',
    { refresh_token => 'x' }, nobody());
leaves('reuse', { actor => "user:$u", subject => "session:$grant->{session}",
    outcome => 'refused', reason => 'reuse: the token was used before' },
    'auth.refresh', { refresh_token => $grant->{refresh_token} }, nobody());
leaves('an ended session', { actor => "user:$u", outcome => 'refused',
    reason => 'the session has ended', subject =>
    "session:$grant->{session}" }, 'auth.refresh',
    { refresh_token => $refreshed->{refresh_token} }, nobody());
$grant = login($c, 'ada@example.com', PASSWORD);
$trail++;
my @me = as($grant);
my %me = (actor => "user:$u", subject => "user:$u");
my $begun = leaves('a factor is begun', { %me }, 'auth.totp_begin',
    { password => PASSWORD }, @me);
leaves('a wrong code', { %me, outcome => 'refused', reason => 'wrong code' },
    'auth.totp_confirm', { code => '000000' eq totp_code($begun->{secret},
    totp_step()) ? '000001' : '000000' }, @me);
my $confirmed = leaves('and confirmed', { %me }, 'auth.totp_confirm',
    { code => totp_code($begun->{secret}, totp_step()) }, @me);
leaves('a code is asked for', { actor => 'anonymous', subject => "user:$u",
    outcome => 'refused', reason => 'second factor needed' }, 'auth.login',
    { email => 'ada@example.com', password => PASSWORD }, nobody());
leaves('a wrong recovery code', { actor => 'anonymous', subject => "user:$u",
    outcome => 'refused', reason => 'wrong recovery code' }, 'auth.login',
    { email => 'ada@example.com', password => PASSWORD, recovery_code => 'x' },
    nobody());
leaves('and ended', { %me }, 'auth.totp_end', { password => PASSWORD,
    recovery_code => $confirmed->{recovery_codes}[0] }, @me);
leaves('taken away', { subject => 'user:2' }, 'users.totp_end', { id => 2 });
$grant = leaves('a password', { %me }, 'auth.password', { current => PASSWORD,
    password => 'another horse' }, @me);
leaves('a wrong one', { %me, outcome => 'refused', reason =>
    'wrong password' }, 'auth.password', { current => PASSWORD,
    password => 'one more horse' }, @me);
leaves('a session is ended', { %me, subject => "session:$grant->{session}" },
    'auth.session_end', { id => $grant->{session} }, @me);
leaves('all are', { %me }, 'auth.logout_all', {}, @me);
leaves('by somebody else', { subject => "user:$u" }, 'users.logout',
    { id => $u });
$grant = login($c, 'ada@example.com', 'another horse');
$trail++;
leaves('a logout', { %me, subject => "session:$grant->{session}" },
    'auth.logout', { refresh_token => $grant->{refresh_token} }, nobody());
leaves('no logout', { actor => 'anonymous', subject => '', org_id => undef,
    outcome => 'refused', reason => 'unknown token' }, 'auth.logout', { refresh_token => 'x' }, nobody());
my $key = leaves('a key', { subject => 'key:1' }, 'keys.create',
    { user => 'ada@example.com' });
my $second = leaves('one in its place', { subject => 'key:2' }, 'keys.rotate',
    { id => $key->{id} });
leaves('revoked', { %me, subject => 'key:1', via => 'key:2' }, 'keys.revoke',
    { id => $key->{id} }, @me, perm => ['*'], key => 'key:2');
leaves('a role', { subject => 'role:desk' }, 'roles.set', { name => 'desk',
    permissions => ['bars:read'] });
leaves('changed', { subject => 'role:desk' }, 'roles.set', { name => 'desk',
    permissions => ['quotes:read'] });
leaves('deleted', { subject => 'role:desk' }, 'roles.delete',
    { name => 'desk' });
leaves('an organisation', { subject => 'org:2', org_id => 2 }, 'orgs.set',
    { name => 'acme' });
leaves('a plan', { subject => 'plan:gold' }, 'plans.set',
    { name => 'gold', limits => 'rate=9/s' });
leaves('deleted', { subject => 'plan:gold' }, 'plans.delete',
    { name => 'gold' });
leaves('a token', { subject => 'user:7' }, 'tokens.issue',
    { sub => 'user:7' });
leaves('void', {}, 'tokens.revoke', { sub => 'user:7' });
leaves('a signing key', {}, 'jwks.rotate', {});
leaves('a user is deleted', { subject => 'user:2' }, 'users.delete',
    { id => 2 });

# Of all methods that change something, none is without an event here.
my %changing = map { $_ => 1 } grep { !/^(?:usage\.add|auth\.verify)$/ }
    grep { m/^auth\.|^users\.|^keys\.|^roles\.|^orgs\.|^plans\.|^tokens\.|^jwks\./ }
    map { /WD_METHOD\(\w+,\s*"([\w.]+)",\s*(?:POST|DELETE)/ ? $1 : () }
    split /(?=WD_METHOD\()/, do { local (@ARGV, $/) =
    "$FindBin::Bin/../../lib/wire/wd_methods.def"; <> };
my %seen = map { $_->{action} => 1 } events($pg, "outcome = 'done'");
is_deeply([ grep { !$seen{$_} } sort keys %changing ], [],
    'no method was left out: ' . keys %changing);

# what failed leaves nothing
for my $case ([ 'users.create', { email => 'ada@example.com' } ],
    [ 'users.update', { id => $u, plan => 'none' } ],
    [ 'keys.create', { user => 'nobody' } ], [ 'roles.delete',
    { name => 'nothing' } ], [ 'plans.delete', { name => 'default' } ],
    [ 'plans.set', { name => 'anonymous', limits => 'rate=9/s' } ])
{
    ok($c->error(@$case), "$case->[0] fails");
}
is($pg->psql('SELECT max(seq) FROM event'), $trail, 'and is no event');
my $all = join "\n", map { JSON::PP->new->encode($_) } events($pg);
unlike($all, qr/horse|wd_rt_|wd_ot_|\Q$begun->{secret}\E|argon|\Q$key->{key}\E/,
    'no secret is in it');
my $result = verify();
is_deeply({ %$result, hash => 0 }, { ok => JSON::PP::true, events => $trail,
    last => $trail, complete => JSON::PP::true, wrong => undef,
    wrong_after => undef, hash => 0 }, 'all in order');
is($result->{hash}, $pg->psql("SELECT encode(hash, 'hex') FROM event_head"),
    'to the last one');

# ---- questions

sub seqs { return join ' ', map { $_->{seq} } list(limit => 1000, @_) }
sub sql { $pg->psql("SELECT coalesce(string_agg(seq::text, ' ' ORDER BY seq
    DESC), '') FROM event WHERE $_[0]") }
my $mid = $pg->psql("SELECT (extract(epoch FROM at) * 1000000)::bigint
    FROM event WHERE seq = 20") * 1000;
for my $case (
    [ 'all', 'true' ],
    [ 'by whom', "actor = 'user:1'", actor => 'user:1' ],
    [ 'to whom', "subject = 'user:1'", subject => 'user:1' ],
    [ 'what', "action = 'auth.login'", action => 'auth.login' ],
    [ 'a part of names', "action LIKE 'users.%'", action => 'users' ],
    [ 'not of words', 'false', action => 'user' ],
    [ 'nor a pattern', 'false', action => 'auth.%' ],
    [ 'refused', "outcome = 'refused'", outcome => 'refused' ],
    [ 'from', 'seq >= 20', from => $mid ],
    [ 'to', 'seq <= 20', to => $mid ],
    [ 'one moment', 'seq = 20', from => $mid, to => $mid ],
    [ 'of one organisation', 'org_id = 1', org => 'main' ],
    [ 'of another', 'org_id = 2', org => 'acme' ],
    [ 'all together', "actor = 'anonymous' AND action = 'auth.login' AND"
        . " outcome = 'refused' AND subject = 'user:1' AND seq >= 20",
        actor => 'anonymous', action => 'auth.login', outcome => 'refused',
        subject => 'user:1', from => $mid ],
    [ 'rubbish', 'false', actor => "' OR true --" ])
{
    my ($what, $sql, %args) = @$case;
    is(seqs(%args), sql($sql), "found: $what");
}
my (@paged, $page);
do {
    $page = ask_json($c, 'audit.list', { limit => 7, action => 'auth',
        $page ? (cursor => $page->{next}) : () });
    push @paged, map { $_->{seq} } @{ $page->{events} };
} while (defined $page->{next});
is("@paged", sql("action LIKE 'auth.%'"), 'in pages, newest first');
my ($login) = list(action => 'auth.login', outcome => 'done', limit => 1);
is_deeply([ sort keys %$login ], [ qw/ action actor address at detail outcome
    reason request seq subject via / ], 'members of an event');
my ($made) = list(action => 'users.create');
is($made->{detail}{email}, 'ada@example.com', 'the detail is JSON');
is_deeply([ @$made{qw/ reason via /} ], [ undef, undef ], 'nothing is null');
like(($c->call('audit.list', { action => 'plans' }, fmt => 'csv'))[2],
    qr/^seq,at,actor,via,action,subject,outcome,reason,request,address,detail
    \r?\n\d+,20[^,]+,operator,,plans\.delete,plan:gold,done,,request-\d+,
    203\.0\.113\.5,/x, 'CSV');

# ---- what a client sends is a text, whatever it is

$c->error('auth.refresh', { refresh_token => 'x' }, nobody(id => "a\"b\\\n\xff",
    ip => "1.2.3.4\x00"));
$c->error('auth.logout', { refresh_token => 'x' }, nobody(
    id => "\xe2\x82", ip => "<script>"));
is($pg->psql('SELECT max(seq) FROM event'), $trail + 2, 'odd texts are kept');
$trail += 2;
ok(verify()->{ok}, 'and are in order');

# ---- only added to

for my $sql ("UPDATE event SET actor = 'x'", 'DELETE FROM event',
    'DELETE FROM event WHERE seq = 3', 'TRUNCATE event',
    'DELETE FROM event_head', 'TRUNCATE event_head')
{
    ok(!eval { $pg->psql($sql); 1 }, "refused: $sql");
}
is($pg->psql('SELECT count(*) FROM event'), $trail, 'all are there');

# ---- each kind of tampering is found

sub tampered {
    my ($what, $sql, $words, @args) = @_;
    $pg->psql('CREATE TABLE kept AS SELECT * FROM event; CREATE TABLE kept_head
        AS SELECT * FROM event_head');
    $pg->psql("SET session_replication_role = replica; $sql");
    my $r = verify(@args);
    ok(!$r->{ok} && ($r->{wrong} // '') =~ $words, "found: $what")
        or diag explain $r;
    $pg->psql('SET session_replication_role = replica; TRUNCATE event;
        INSERT INTO event SELECT * FROM kept; DROP TABLE kept;
        DELETE FROM event_head; INSERT INTO event_head SELECT * FROM kept_head;
        DROP TABLE kept_head');
    return $r;
}

my %edit = (
    at => "at + interval '1 microsecond'", org_id => 'coalesce(org_id, 0) + 1',
    actor => "actor || 'x'", via => "via || 'x'", action => "action || 'x'",
    subject => "subject || 'x'", outcome => "CASE outcome WHEN 'done' THEN
        'refused' ELSE 'done' END", reason => "reason || 'x'",
    request => "request || 'x'", address => "address || 'x'",
    detail => "detail || ' '", hash => "set_byte(hash, 0,
        get_byte(hash, 0) # 1)", seq => "seq + 100000",
);
my @columns = split /\n/, $pg->psql("SELECT column_name FROM
    information_schema.columns WHERE table_name = 'event'");
is_deeply([ sort keys %edit ], [ sort @columns ], 'every column is edited');
for my $column (sort keys %edit) {
    my $r = tampered("another $column",
        "UPDATE event SET $column = $edit{$column} WHERE seq = 12",
        qr/not what it was|missing/);
    is($r->{wrong_after}, 11, 'behind which event');
}
# moved from one text into the next
tampered('a byte moved to the next column', "UPDATE event SET
    actor = left(actor, -1), via = right(actor, 1) WHERE seq = 12",
    qr/not what/);
tampered('an organisation of nobody', 'UPDATE event SET org_id = 0
    WHERE seq = 1 AND false; UPDATE event SET org_id = NULL WHERE seq = 2',
    qr/not what/);
tampered('one missing in the middle', 'DELETE FROM event WHERE seq = 12',
    qr/missing/);
tampered('the first missing', 'DELETE FROM event WHERE seq = 1', qr/missing/);
tampered('the last missing', "DELETE FROM event WHERE seq = $trail",
    qr/last events are missing/);
tampered('several', "DELETE FROM event WHERE seq > $trail - 5",
    qr/last events are missing/);
tampered('all', 'DELETE FROM event', qr/missing/);
tampered('all, with the head', "DELETE FROM event; UPDATE event_head
    SET seq = 0, hash = '', seal = ''", qr/not even the first/);
tampered('two swapped', 'UPDATE event SET seq = -seq WHERE seq IN (12, 13);
    UPDATE event SET seq = 25 + seq WHERE seq < 0', qr/not what/);
tampered('one removed, the rest renumbered', 'DELETE FROM event
    WHERE seq = 12; UPDATE event SET seq = -seq WHERE seq > 12;
    UPDATE event SET seq = -seq - 1 WHERE seq < 0', qr/not what/);
tampered('one put in', "UPDATE event SET seq = -seq WHERE seq > 12;
    UPDATE event SET seq = -seq + 1 WHERE seq < 0; INSERT INTO event SELECT
    13, at, org_id, actor, via, action, subject, outcome, reason, request,
    address, detail, hash FROM event WHERE seq = 12", qr/not what/);
tampered('one appended', "INSERT INTO event SELECT $trail + 1, at, org_id,
    actor, via, action, subject, outcome, reason, request, address, detail,
    hash FROM event WHERE seq = 12", qr/not what/);
tampered('a head that is another', 'UPDATE event_head SET seq = seq - 1',
    qr/seal/);
tampered('its hash', "UPDATE event_head SET hash = set_byte(hash, 0,
    get_byte(hash, 0) # 1)", qr/seal/);
tampered('its seal', "UPDATE event_head SET seal = set_byte(seal, 5,
    get_byte(seal, 5) # 1)", qr/seal/);
tampered('no seal', "UPDATE event_head SET seal = ''", qr/seal/);
tampered('in a part that begins later', "UPDATE event SET actor = 'x'
    WHERE seq = 30", qr/not what/, after => 20, limit => 20);
tampered('a part that begins at what is missing', 'DELETE FROM event
    WHERE seq = 20', qr/missing/, after => 20);

# an old head, with all events or without those that it does not know
my $old = $pg->psql("SELECT format('UPDATE event_head SET seq = %s, hash = %L,
    seal = %L', seq, hash, seal) FROM event_head");
my $known = verify();
leaves('one more', { subject => "user:$u" }, 'users.logout', { id => $u });
tampered('an old head', $old, qr/older/);
my $was = $pg->psql("SELECT format('UPDATE event_head SET seq = %s, hash = %L,
    seal = %L', seq, hash, seal) FROM event_head");
{
    # another one is made in its place, and then its seal is put back
    $pg->psql("CREATE TABLE kept_one AS SELECT * FROM event
        WHERE seq = $trail; SET session_replication_role = replica;
        DELETE FROM event WHERE seq = $trail; $old");
    $c->call('users.logout', { id => $u });
    ok(verify()->{ok}, 'another event takes its place');
    isnt(verify()->{hash}, $was =~ /hash = E?'\\+x(\w+)'/ ? $1 : die($was),
        'which who keeps the last hash sees');
    tampered('the seal of the one that it replaced', $was, qr/another/);
    $pg->psql("SET session_replication_role = replica; DELETE FROM event
        WHERE seq = $trail; INSERT INTO event SELECT * FROM kept_one; $was;
        DROP TABLE kept_one");
    ok(verify()->{ok}, 'and back');
}
my $cut = "DELETE FROM event WHERE seq = $trail; $old";
tampered('an old head without the events after it', $cut, qr/missing/,
    after => $trail);
is(verify(after => $known->{last})->{events}, 1,
    'who keeps the last one looks at the rest only');
my $parts = verify(limit => 10);
is_deeply([ @$parts{qw/ ok last complete /} ], [ JSON::PP::true, 10,
    JSON::PP::false ], 'a part is no whole');
ok(verify()->{ok}, 'all is as it was');
is(ask_json($c[1], 'audit.verify', {})->{last}, $trail, 'at both');
my $other = auth_start($pg, WIZDATA_AUTH_PEPPER => 'b8' x 32);
ok(!ask_json($other->connect(), 'audit.verify', {})->{ok},
    'with another pepper nothing is right');
$other->stop();

# ---- refusals of gateways

$trail = $pg->psql('SELECT max(seq) FROM event');
sub reported { my ($n) = @_;
    return wait_for(sub { $pg->psql('SELECT max(seq) FROM event')
        >= $trail + $n }) }
my $g = $auth[0]->connect();
my $at = 1_700_000_000 * NS;
my @row = ($at, '198.51.100.4', "user:$u", 'key:2', 'bars.query', -4,
    'permission', 3);
$g->send_frame([ 2, 'auth.refusals', [ [ [ @row ], [ $at + 1000, '', '', '',
    '', -3, 'no-credential', 1 ], [ $at, '::1', '', '', 'auth.login', -3,
    'backend', 1 ] ], 0, 'gateway-1' ] ]);
ok(reported(2), 'they become events');
my @new = events($pg, "seq > $trail");
is(scalar @new, 2, 'but for what auth itself has noted');
my ($e) = @new;
is_deeply({ %$e, seq => 0, detail => JSON::PP->new->decode($e->{detail}) },
    { seq => 0, org_id => 1, actor => "user:$u", via => 'key:2', action =>
    'bars.query', subject => '', outcome => 'refused', reason => 'permission',
    request => '', address => '198.51.100.4', detail => { requests => 3,
    gateway => 'gateway-1' } }, 'as it was told');
is($new[1]{actor} . ' ' . $new[1]{action}, 'anonymous unrouted',
    'nobody, nowhere');
is($pg->psql("SELECT extract(epoch FROM at)::bigint FROM event WHERE
    seq = $e->{seq}"), 1_700_000_000, 'when it was');
$trail = $new[1]{seq};

my @odd = (
    [ 'no array', 7 ], [ 'no rows', [] ], [ 'two members', [ [], 0 ] ],
    [ 'rows that are none', [ [ 7 ], 0, 'g' ] ],
    [ 'seven members', [ [ [ @row[0 .. 6] ] ], 0, 'g' ] ],
    [ 'a code that is none', [ [ [ @row[0 .. 4], -5, @row[6, 7] ] ], 0, 'g' ] ],
    [ 'a number for a text', [ [ [ $at, 7, @row[2 .. 7] ] ], 0, 'g' ] ],
    [ 'no requests', [ [ [ @row[0 .. 6], 0 ] ], 0, 'g' ] ],
    [ 'no UTF-8', [ [ [ $at, "\xff", @row[2 .. 7] ] ], 0, 'g' ] ],
    [ 'a long text', [ [ [ $at, 'x' x 300, @row[2 .. 7] ] ], 0, 'g' ] ],
    [ 'a time before all', [ [ [ -1, @row[1 .. 7] ] ], 0, 'g' ] ],
    [ 'less than nothing lost', [ [], -1, 'g' ] ],
    [ 'no name', [ [], 0, 7 ] ],
    [ 'too many rows', [ [ map { [ @row ] } 1 .. 257 ], 0, 'g' ] ],
    [ 'more requests than there can be', [ [ [ @row[0 .. 6], 4611686018427387904 ] ], 0,
        'g' ] ],
    [ 'more lost than there can be', [ [], 4611686018427387904, 'g' ] ],
);
for my $case (@odd) {
    my ($what, $params) = @$case;
    my $g = $auth[0]->connect();
    $g->send_frame([ 2, 'auth.refusals', $params ]);
    ok(wait_for(sub { !$g->pump(sub { 0 }, 0.01)
        && eof_of($g) }), "closed: $what");
}
sub eof_of {
    my ($g) = @_;
    my $n = sysread $g->{sock}, my $bytes, 1 if IO::Select->new($g->{sock})
        ->can_read(0);
    return defined $n && $n == 0;
}
is($c->error('auth.verify', { digest => '0' x 64 })->[0], -3,
    'others are answered');
is($pg->psql('SELECT max(seq) FROM event'), $trail, 'none is an event');

# a flood: few events, and nothing is forgotten
my ($sent, $reports) = (0, 60);
for my $n (1 .. $reports) {
    $g->send_frame([ 2, 'auth.refusals', [ [ map { $sent += 2; [ $at + $_,
        "10.0.0.$_", '', '', 'bars.query', -3, 'bad-key', 2 ] } 1 .. 250 ], 5,
        'gateway-1' ] ]);
    $sent += 5;
}
sub told { $pg->psql("SELECT coalesce(sum((detail::json->>'requests')::bigint),
    0) FROM event WHERE seq > $trail") }
my $rounds = 0;
ok(wait_for(sub {
    # what was too much at a time is told with the next report
    $g->send_frame([ 2, 'auth.refusals', [ [], 0, 'gateway-1' ] ])
        if ++$rounds % 20 == 0;
    return told() >= $sent;
}), 'all refusals of a flood are counted');
is(told(), $sent, 'and no more');
my $events = $pg->psql("SELECT count(*) FROM event WHERE seq > $trail");
ok($events <= 33 * $reports, "in $events events for $reports reports of 250");
ok(verify()->{ok}, 'in order');

# ---- two instances at the same time

$trail = $pg->psql('SELECT max(seq) FROM event');
my @many = map { $auth[$_ % 2]->connect() } 1 .. 8;
my @ids = map { my $at = $many[$_ % 8]; [ $at, $at->ask('plans.set',
    { name => "plan-$_", limits => 'rate=1/s' }) ] } 1 .. 400;
my $good = grep { my $f = $_->[0]->answer($_->[1], 60); $f && !$f->[2] } @ids;
cmp_ok($good, '>=', 200, "several hundred changes at once: $good");
is($pg->psql("SELECT max(seq) - $trail FROM event"), $good, 'one event each');
is($pg->psql('SELECT max(seq) - count(*) FROM event'), '0', 'without a gap');
is($pg->psql("SELECT count(*) FROM plan WHERE name LIKE 'plan-%'"), $good,
    'each of what was done');
ok(verify(limit => 100000)->{ok}, 'one chain');

my $log = join '', map { $_->log() } @auth;
is($_->stop(), 0, 'a clean end') for @auth;
unlike($log, qr/Sanitizer|runtime error/, 'no sanitizer errors');

done_testing();
