#!/usr/bin/perl

# Sessions: refresh tokens that rotate, reuse that ends the family, logouts;
# at last many random steps at two instances against a model.
#
# WIZDATA_SEED repeats a run of the model, WIZDATA_STEPS makes it longer.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Auth;
use Wizdata::MessagePack;

use constant { SOON => 20 };

my $pg = auth_database();
my @auth = map { auth_start($pg) } 1 .. 2;
my @c = map { $_->connect() } @auth;
my ($c) = @c;
$_->notification('auth.beat', SOON) for @c;

sub refresh {
    my ($c, $token) = @_;
    my $frame = $c->answer($c->ask('auth.refresh',
        { refresh_token => $token }, nobody(ip => '192.0.2.1')))
        or die "auth.refresh: no answer\n";
    return $frame->[2] ? $frame->[2][0]
        : JSON::PP->new->decode($frame->[3][2]);
}
sub logout { return $_[0]->error('auth.logout', { refresh_token => $_[1] },
    nobody()) }
# An instance that did not do it hears of it a moment later.
sub turns_void {
    my ($c, $token) = @_;
    return wait_for(sub { token_void($c, $token) });
}
sub ended_by { $pg->psql("SELECT coalesce(ended_by, '-') FROM session
    WHERE id = $_[0]{session}") }

# Is a void token told to the gateways of both instances?
sub told {
    my ($kind, $value) = @_;
    return 2 == grep {
        my ($c, $found) = ($_);
        until ($found) {
            my $params = $c->notification('auth.revoke_token', SOON) or last;
            $found = grep { $_->[0] eq $kind && $_->[1] eq $value }
                @{ $params->[0] };
        }
        $found;
    } @c;
}

my $id = user_add($c, 'ada@example.com');

# ---- rotation

my $g1 = login($c, 'ada@example.com', PASSWORD);
my $g2 = refresh($c[1], $g1->{refresh_token});
is($g2->{session}, $g1->{session}, 'the session goes on, at any instance');
isnt($g2->{refresh_token}, $g1->{refresh_token}, 'with another refresh token');
isnt($g2->{access_token}, $g1->{access_token}, 'and another access token');
ok(!token_void($c, $_->{access_token}), 'which is good') for $g1, $g2;
is(claims($g2->{access_token})->{sid}, $g1->{session}, 'sid is the session');
is(refresh($c, $_), -3, 'rubbish is refused')
    for 'x', 'wd_rt_' . 'a' x 43, uc $g2->{refresh_token},
    $g2->{refresh_token} . 'x';
is($c->error('auth.refresh', {}, nobody())->[2]{param}, 'refresh_token',
    'none is named');
my $g3 = refresh($c, $g2->{refresh_token});
is($g3->{session}, $g1->{session}, 'and so on');
is($pg->psql("SELECT position('wd_rt_' in string_agg(t::text, '')) FROM
    refresh_token t"), '0', 'none is in the database');

# rights are those of now
$c->call('users.update', { id => $id, roles => ['ingest'] });
ok(turns_void($c, $g3->{access_token}), 'other roles: the access token is void');
my $g4 = refresh($c, $g3->{refresh_token});
is_deeply([ sort @{ claims($g4->{access_token})->{permissions} } ],
    [ sort split /\n/, $pg->psql("SELECT unnest(permissions) FROM role
        WHERE name = 'ingest'") ], 'the next one says the roles of now');
ok(!token_void($_, $g4->{access_token}), 'and is good') for @c;

# ---- reuse ends the family

$_->forget() for @c;
my $other = login($c, 'ada@example.com', PASSWORD);
is(refresh($c[1], $g2->{refresh_token}), -3, 'a token that was used before');
is(ended_by($g1), 'reuse', 'ends its session');
ok(told('jti', claims($g4->{access_token})->{jti}), 'gateways are told');
ok(turns_void($_, $g4->{access_token}), 'its access token is void') for @c;
is(refresh($_, $g4->{refresh_token}), -3, 'its last refresh token, too')
    for @c;
ok(!token_void($c, $other->{access_token}), 'another session is not touched');
ok(ref refresh($c, $other->{refresh_token}), 'and goes on');
my ($event) = events($pg, "action = 'auth.refresh' AND reason LIKE 'reuse%'");
is("$event->{actor} $event->{subject} $event->{outcome} $event->{address}",
    "user:$id session:$g1->{session} refused 192.0.2.1", 'an event');
like(join('', map { $_->log() } @auth), qr/refresh token reused/, 'a warning');

# ---- two refreshes of one token at the same moment

my ($won, $both) = (0, 0);
for my $round (1 .. 30) {
    my $g = login($c[$round % 2], 'ada@example.com', PASSWORD);
    my @ids = map { $_->ask('auth.refresh',
        { refresh_token => $g->{refresh_token} }, nobody()) } @c;
    my @answers = map { $c[$_]->answer($ids[$_]) } 0, 1;
    my @good = grep { !$_->[2] } @answers;
    $won++ if @good == 1;
    $both++ if @good > 1;
    my ($left) = map { JSON::PP->new->decode($_->[3][2]) } @good;
    next if !$left || (ended_by($g) eq 'reuse'
        && turns_void($c, $left->{access_token})
        && refresh($c, $left->{refresh_token}) == -3);
    fail("round $round: a session that two had goes on");
}
is($both, 0, 'never do both win');
is($won, 30, 'one does, until the other is seen');

# ---- logout

my $g = login($c, 'ada@example.com', PASSWORD);
$_->forget() for @c;
is(logout($c[1], $g->{refresh_token}), undef, 'logged out');
is(ended_by($g), 'logout', 'ended');
ok(told('jti', claims($g->{access_token})->{jti}), 'gateways are told');
ok(turns_void($_, $g->{access_token}), 'the access token is void') for @c;
is(refresh($_, $g->{refresh_token}), -3, 'no refresh') for @c;
is(ended_by($g), 'logout', 'which is no reuse');
is(logout($c, $g->{refresh_token}), undef, 'twice is no error');
is(logout($c, 'wd_rt_' . 'b' x 43)->[0], -3, 'rubbish is');
$g = login($c, 'ada@example.com', PASSWORD);
my $next = refresh($c, $g->{refresh_token});
is(logout($c, $g->{refresh_token}), undef, 'with an old token of the session');
ok(turns_void($c, $next->{access_token}), 'it ends as well');

# a token that has just ended is taken by gateways for up to a minute more
for my $case ([ 30, 1 ], [ 90, 0 ]) {
    my ($ago, $n) = @$case;
    $g = login($c, 'ada@example.com', PASSWORD);
    $pg->psql("UPDATE refresh_token SET jti_end = (extract(epoch FROM now())
        - $ago) * 1000000000 WHERE session_id = $g->{session}");
    logout($c, $g->{refresh_token});
    is($pg->psql("SELECT count(*) FROM token_revocation WHERE value = '"
        . claims($g->{access_token})->{jti} . "'"), $n,
        "a token that ended $ago s ago " . ($n ? 'is void' : 'needs nothing'));
}

# ---- list and end

my $eve = user_add($c, 'eve@example.com');
my $hers = login($c, 'eve@example.com', PASSWORD);
$c->call('auth.logout_all', {}, as($other));
my @mine = map { login($c, 'ada@example.com', PASSWORD, ip => $_) }
    '198.51.100.7', '2001:db8:1:2:3:4:5:6', '198.51.100.9';
my $list = ask_json($c[1], 'auth.sessions', {}, as($mine[0]));
is_deeply([ map { $_->{id} } @{ $list->{sessions} } ],
    [ map { $_->{session} } @mine ], 'my sessions, not hers');
is_deeply([ map { $_->{network} } @{ $list->{sessions} } ], [ '198.51.100.7/32',
    '2001:db8:1:2::/64', '198.51.100.9/32' ], 'from which network');
is_deeply([ sort keys %{ $list->{sessions}[0] } ], [ qw/ created_at expires_at
    id last_at network / ], 'nothing else');
my ($page, @pages) = ({ next => undef });
do {
    $page = ask_json($c, 'auth.sessions', { limit => 1, defined $page->{next}
        ? (cursor => $page->{next}) : () }, as($mine[0]));
    push @pages, map { $_->{id} } @{ $page->{sessions} };
} while (defined $page->{next});
is_deeply(\@pages, [ map { $_->{session} } @mine ], 'in pages');
like(($c->call('auth.sessions', {}, as($mine[0]), fmt => 'csv'))[2],
    qr/^id,network,created_at,last_at,expires_at\r?\n\d+,198\.51\.100\.7\/32,/,
    'as CSV');
is($c->error('auth.session_end', { id => $_ }, as($mine[0]))->[0], -5,
    'what is not mine is not there') for $hers->{session}, 999999,
    $g->{session};
is($c->error('auth.session_end', { id => $mine[1]{session} }, as($mine[0])),
    undef, 'one of mine is ended');
ok(turns_void($c[1], $mine[1]{access_token}), 'with its token');
ok(!token_void($c, $_->{access_token}), 'others are not') for @mine[0, 2],
    $hers;
is($c->error('auth.sessions', {}, as($mine[0], key => 'key:1'))->[0], -4,
    'a key needs account:write');
is($c->error('auth.sessions', {}, as($mine[0], key => 'key:1',
    perm => ['account:write'])), undef, 'or sees them with it');
is($c->error('auth.sessions', {})->[0], -4, 'an operator has none');

# ---- everywhere

$_->forget() for @c;
is_deeply(ask_json($c, 'auth.logout_all', {}, as($mine[0])), { ended => 2 },
    'logged out everywhere');
ok(told('sub', "user:$id"), 'gateways are told');
ok(turns_void($_->[0], $_->[1]{access_token}), 'all tokens are void')
    for map { my $g = $_; map { [ $_, $g ] } @c } @mine;
is(refresh($c, $_->{refresh_token}), -3, 'none goes on') for @mine;
ok(!token_void($c, $hers->{access_token}), 'others are not touched');
$g = login($c, 'ada@example.com', PASSWORD);
ok(!token_void($_, $g->{access_token}), 'a login right after is good')
    for @c;
is_deeply(ask_json($c, 'users.logout', { id => $id }), { ended => 1 },
    'by an administrator');
is(ended_by($g), 'admin', 'who is named');
ok(turns_void($c[1], $g->{access_token}), 'void');

# ---- another password

@mine = map { login($c, 'ada@example.com', PASSWORD) } 1 .. 2;
is($c->error('auth.password', { current => 'wrong', password => 'a new horse' },
    as($mine[0]))->[0], -3, 'not without the one until now');
my $new = ask_json($c, 'auth.password', { current => PASSWORD,
    password => 'a new horse' }, as($mine[0]));
ok(turns_void($_, $mine[1]{access_token}), 'others are void') for @c;
is(ended_by($_), 'password', 'ended') for @mine;
is(refresh($c, $_->{refresh_token}), -3, 'over') for @mine;
ok(!token_void($_, $new->{access_token}), 'and the one that begins is good')
    for @c;
ok(ref refresh($c[1], $new->{refresh_token}), 'it goes on');
is(refused($c, 'ada@example.com', PASSWORD)->[0], -3, 'the old one is no more');
$g = login($c, 'ada@example.com', 'a new horse');
ok($g, 'the new one is');

# ---- disabled, and back

$_->forget() for @c;
$c->call('users.update', { id => $id, disabled => mp_true });
ok(told('sub', "user:$id"), 'gateways are told of a disabled user');
is(ended_by($g), 'disabled', 'the session ends');
is($c[1]->error('auth.me', {}, as($g))->[0], -4, 'nothing can be done');
is($c[1]->error('auth.logout_all', {}, as($g))->[0], -4, 'nothing at all');
$c->call('users.update', { id => $id, disabled => mp_false });
is(refresh($c, $g->{refresh_token}), -3, 'it does not begin again');
ok(turns_void($c, $g->{access_token}), 'nor does a token');
ok(login($c, 'ada@example.com', 'a new horse'), 'a login does');
ask_json($c, 'orgs.set', { name => 'guests' });
user_add($c, 'in@example.com', org => 'guests');
$g = login($c, 'in@example.com', PASSWORD, org => 'guests');
ask_json($c, 'orgs.set', { name => 'guests', disabled => mp_true });
ok(turns_void($c[1], $g->{access_token}), 'with the organisation, too');
is(refresh($c, $g->{refresh_token}), -3, 'and there is no next one');

# ---- time

$g = login($c, 'eve@example.com', PASSWORD);
$pg->psql("UPDATE refresh_token SET expires_at = now()
    WHERE session_id = $g->{session}");
is(refresh($c, $g->{refresh_token}), -3, 'a refresh token has an end');
is(ended_by($g), '-', 'which is no reuse');
$g = login($c, 'eve@example.com', PASSWORD);
$pg->psql("UPDATE session SET expires_at = now() WHERE id = $g->{session}");
is(refresh($c, $g->{refresh_token}), -3, 'so has a session');
$g = login($c, 'eve@example.com', PASSWORD);
$pg->psql("UPDATE session SET expires_at = now() + interval '90 s'
    WHERE id = $g->{session}");
$next = refresh($c, $g->{refresh_token});
is($pg->psql("SELECT count(*) FROM refresh_token t JOIN session s
    ON s.id = t.session_id WHERE s.id = $g->{session} AND used_at IS NULL
    AND t.expires_at > s.expires_at"), '0', 'beyond which no token reaches');

# ---- random steps against a model

my $seed = $ENV{WIZDATA_SEED} // int(rand 2 ** 31);
my $steps = $ENV{WIZDATA_STEPS} // 400;
srand $seed;
diag "seed $seed, $steps steps";

# A session: whose, alive, tokens of which the last is the good one.
my (@sessions, %users);
for my $name (map { "model$_\@example.com" } 1 .. 3) {
    $users{$name} = { id => user_add($c, $name), name => $name };
}
$pg->psql('DELETE FROM login_failure');

sub pick { return $_[int rand @_] }
sub end_all { $_->{alive} = 0 for grep { $_->{user} == $_[0] } @sessions }
sub begun {
    my ($user, $grant) = @_;
    push @sessions, { user => $user, alive => 1, id => $grant->{session},
        refresh => [ $grant->{refresh_token} ],
        access => [ $grant->{access_token} ] };
}

my %step = (
    login => sub {
        my ($c, $user) = @_;
        my $grant = login($c, $user->{name}, PASSWORD);
        begun($user, $grant) if $grant;
        # back-off is no part of the model
        $pg->psql('DELETE FROM login_failure') if !$grant;
        return !!$grant eq !$user->{disabled};
    },
    refresh => sub {
        my ($c, $user, $s) = @_;
        my $got = refresh($c, $s->{refresh}[-1]);
        return !ref $got && $got == -3 if !$s->{alive};
        return 0 if !ref $got || $got->{session} != $s->{id};
        push @{ $s->{refresh} }, $got->{refresh_token};
        push @{ $s->{access} }, $got->{access_token};
        return 1;
    },
    reuse => sub {
        my ($c, $user, $s) = @_;
        my @used = @{ $s->{refresh} }[0 .. $#{ $s->{refresh} } - 1];
        return 1 if !@used;
        my $got = refresh($c, pick(@used));
        $s->{alive} = 0;
        return !ref $got && $got == -3;
    },
    logout => sub {
        my ($c, $user, $s) = @_;
        $s->{alive} = 0;
        return !logout($c, pick(@{ $s->{refresh} }));
    },
    end => sub {
        my ($c, $user, $s) = @_;
        my $error = $c->error('auth.session_end', { id => $s->{id} },
            sub => "user:$s->{user}{id}", perm => []);
        my $want = $s->{user}{disabled} ? -4 : $s->{alive} ? 0 : -5;
        $s->{alive} = 0 if $want == 0;
        return ($error ? $error->[0] : 0) == $want;
    },
    logout_all => sub {
        my ($c, $user) = @_;
        my $error = $c->error('auth.logout_all', {},
            sub => "user:$user->{id}", perm => []);
        return $error && $error->[0] == -4 if $user->{disabled};
        end_all($user);
        return !$error;
    },
    disable => sub {
        my ($c, $user) = @_;
        $c->call('users.update', { id => $user->{id}, disabled => mp_true });
        end_all($user);
        $user->{disabled} = 1;
        return 1;
    },
    enable => sub {
        my ($c, $user) = @_;
        $c->call('users.update', { id => $user->{id}, disabled => mp_false });
        $user->{disabled} = 0;
        return 1;
    },
    password => sub {
        my ($c, $user) = @_;
        my $frame = $c->answer($c->ask('auth.password', { current => PASSWORD,
            password => PASSWORD }, sub => "user:$user->{id}", perm => []));
        return $frame->[2] && $frame->[2][0] == -4 if $user->{disabled};
        return 0 if $frame->[2];
        end_all($user);
        begun($user, JSON::PP->new->decode($frame->[3][2]));
        return 1;
    },
);
my @weights = ((qw/ login refresh refresh refresh refresh reuse logout end /)
    x 3, qw/ logout_all disable enable enable password /);
my (%done, @trace);
my $wrong = 0;

# What the database says of the living, and a few tokens as they are judged.
sub agrees {
    my %alive = map { $_->{id} => 1 } grep { $_->{alive} } @sessions;
    my $ids = join ',', 0, map { $_->{id} } @sessions;
    my $db = $pg->psql("SELECT string_agg(id::text, ',' ORDER BY id) FROM
        session WHERE ended_at IS NULL AND id IN ($ids)");
    return 0 if $db ne join ',', sort { $a <=> $b } keys %alive;
    for my $s (map { pick(@sessions) } 1 .. 4) {
        return 0 if $s->{alive} ? token_void(pick(@c), $s->{access}[-1])
            : !turns_void(pick(@c), pick(@{ $s->{access} }));
    }
    return 1;
}

for my $n (1 .. $steps) {
    my $name = pick(@weights);
    my $user = $users{ pick(sort keys %users) };
    my @his = grep { $_->{user} == $user } @sessions;
    next if !@his && $name =~ /^(?:refresh|reuse|logout|end)$/;
    my $s = @his && rand() < 0.8 ? pick(@his[($#his > 3 ? $#his - 3 : 0)
        .. $#his]) : pick(@his);
    push @trace, "$name user:$user->{id} session:" . ($s ? $s->{id} : '-');
    $done{$name}++;
    my $ok = $step{$name}->(pick(@c), $user, $s);
    next if $ok && (!@sessions || agrees());
    diag join "\n", "step $n " . ($ok ? 'left another state' : 'was answered'
        . ' otherwise') . ', the last ones:', @trace[-($n < 12 ? $n : 12) .. -1];
    $wrong = 1;
    last;
}
ok(!$wrong, 'the model was never wrong');
is(scalar keys %done, scalar keys %step, 'all kinds of steps were taken');
is(ask_json($c, 'audit.verify', {})->{ok}, JSON::PP::true,
    'the trail is in order');

my $log = join '', map { $_->log() } @auth;
unlike($log, qr/horse|wd_rt_/, 'no secret in the log');
is($_->stop(), 0, 'a clean end') for @auth;
unlike($log, qr/Sanitizer|runtime error/, 'no sanitizer errors');

done_testing();
