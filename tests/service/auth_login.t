#!/usr/bin/perl

# Logging in: what the token says, who is refused and in which words, how
# guessing slows down, second factors, and what many hashes at once cost.

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
$c->notification('auth.beat', SOON);

# So long after the failures of all accounts as if it were later.
sub later {
    my ($seconds) = @_;
    $pg->psql("UPDATE login_failure
        SET last_at = last_at - interval '$seconds s'");
}

# As if the last failures were of this moment, however long a hash took, and
# this machine stood: who has to wait for a second still has to.
sub just_now {
    $pg->psql("UPDATE login_failure SET last_at = now()
        WHERE last_at > now() - interval '1 min'");
}

# ---- the token

my $id = user_add($c, 'ada@example.com', roles => [ 'analyst' ]);
my $before = time;
my $grant = login($c, 'Ada@Example.com', PASSWORD);
ok($grant, 'a user logs in, however the address is written');
is($grant->{token_type}, 'Bearer', 'a bearer token');
like($grant->{refresh_token}, qr/^wd_rt_[0-9A-Za-z]{43}$/, 'a refresh token');
is($grant->{user_id}, $id, 'whose');
ok($grant->{expires_in} > 290 && $grant->{expires_in} <= 300, 'how long');

my $claims = claims($grant->{access_token});
my ($jwk) = grep { $_->{kid} eq $claims->{_head}{kid} }
    @{ ask_json($c, 'auth.jwks', {})->{keys} };
ok(verified($grant->{access_token}, $jwk), 'OpenSSL says that it is signed');
(my $forged = $grant->{access_token})
    =~ s/^([^.]+)\.(.{9})(.)/"$1.$2" . ($3 eq 'a' ? 'b' : 'a')/e;
ok(!verified($forged, $jwk), 'and that another is not');
is_deeply($claims->{_head}, { alg => 'EdDSA', kid => $jwk->{kid},
    typ => 'at+jwt' }, 'header');
is("$claims->{iss} $claims->{aud} $claims->{sub} $claims->{plan}",
    "wizdata wizdata user:$id default", 'iss, aud, sub, plan');
ok($claims->{iat} > $before - 0.001 && $claims->{iat} <= time, 'iat is now');
is($claims->{nbf}, int $claims->{iat}, 'nbf is the same second');
is($claims->{exp}, int($claims->{iat} + 300), 'exp is five minutes later');
like($claims->{jti}, qr/^[0-9a-f]{32}$/, 'jti');
is($claims->{sid}, $grant->{session}, 'sid is the session');
is_deeply([ sort @{ $claims->{permissions} } ], [ sort split /\n/,
    $pg->psql("SELECT unnest(permissions) FROM role WHERE name = 'analyst'") ],
    'permissions are those of the roles');
is_deeply([ sort keys %$claims ], [ sort qw/ _head iss aud sub jti iat nbf exp
    permissions plan sid / ], 'and nothing else');
isnt(claims(login($c, 'ada@example.com', PASSWORD)->{access_token})->{jti},
    $claims->{jti}, 'each token has its own id');
is(ask_json($c, 'auth.me', {}, as($grant))->{email}, 'ada@example.com',
    'who I am');

# ---- who is refused, in the same bytes

user_add($c, 'keys@example.com', password => undef);
my $off = user_add($c, 'off@example.com');
$c->call('users.update', { id => $off, disabled => mp_true });
ask_json($c, 'orgs.set', { name => 'closed' });
user_add($c, 'in@example.com', org => 'closed');
ask_json($c, 'orgs.set', { name => 'closed', disabled => mp_true });
my $gone = user_add($c, 'gone@example.com');
$c->call('users.delete', { id => $gone });

my %refused = (
    'a wrong password' => refused($c, 'ada@example.com', 'wrong password'),
    'an unknown user' => refused($c, 'no@example.com', PASSWORD),
    'no address' => refused($c, "no '; address", PASSWORD),
    'a user without password' => refused($c, 'keys@example.com', PASSWORD),
    'a disabled user' => refused($c, 'off@example.com', PASSWORD),
    'a deleted user' => refused($c, 'gone@example.com', PASSWORD),
    'what a deleted user is called' => refused($c, "deleted:$gone", PASSWORD),
    'a user of another organisation' => refused($c, 'in@example.com',
        PASSWORD),
    'a disabled organisation' => refused($c, 'in@example.com', PASSWORD,
        org => 'closed'),
    'an unknown organisation' => refused($c, 'ada@example.com', PASSWORD,
        org => 'nowhere'),
);
my $words = mp_encode($refused{'an unknown user'});
is($refused{'an unknown user'}[0], -3, 'an unknown user is refused');
is(unpack('H*', mp_encode($refused{$_})), unpack('H*', $words),
    "$_: the same bytes") for sort keys %refused;
my %reason = map { $_->{reason} => 1 }
    events($pg, "action = 'auth.login' AND outcome = 'refused'");
is_deeply([ sort keys %reason ], [ 'disabled', 'unknown user',
    'wrong password' ], 'the trail knows better');
is_deeply([ map { $_->{subject} } events($pg, "reason = 'unknown user'") ],
    [ ('unknown') x 6 ], 'and does not repeat what was typed');

# In the same time, too: shown, not judged.
later(7200);
my %took;
for my $i (1 .. 12) {
    for my $email ('ada@example.com', 'no@example.com', 'keys@example.com') {
        my $from = time;
        refused($c, $email, 'wrong password', ip => "192.0.2.$i");
        push @{ $took{$email} }, time - $from;
    }
}
diag join ', ', 'median time of a refusal', map { sprintf '%s %.1f ms', $_,
    1000 * (sort { $a <=> $b } @{ $took{$_} })[6] } sort keys %took;
$pg->psql('DELETE FROM login_failure');

for my $case (
    [ { password => PASSWORD }, 'email', 'no address' ],
    [ { email => 'ada@example.com' }, 'password', 'no password' ],
    [ { email => 'x' x 255, password => PASSWORD }, 'email', 'a long one' ],
    [ { email => 'ada@example.com', password => 'x' x 257 }, 'password',
        'a long password' ],
    [ { email => 'ada@example.com', password => PASSWORD, org => 7 }, 'org',
        'a number for an organisation' ])
{
    my ($args, $param, $what) = @$case;
    my $error = $c->error('auth.login', $args, nobody());
    is_deeply([ $error->[0], $error->[2]{param} ], [ -2, $param ], $what);
}

# ---- back-off: by network, by account, in both instances

later(7200);
user_add($c, 'bob@example.com');
my %here = (ip => '203.0.113.7');
my %home = (ip => '198.51.100.1');
ok(login($c, 'bob@example.com', PASSWORD, %home), 'bob logs in at home');

my @codes = map { refused($_ % 2 ? $c[0] : $c[1], 'bob@example.com',
    "wrong $_", %here)->[0] } 1 .. 5;
is_deeply(\@codes, [ (-3) x 5 ], 'five failures are answered as such');
just_now();
my $wait = refused($c[1], 'bob@example.com', PASSWORD, %here);
is($wait->[0], -11, 'then even the right password has to wait');
is_deeply($wait->[2], { retry => 1 }, 'with a hint');
just_now();
is(refused($c[0], 'bob@example.com', PASSWORD, %here)->[0], -11,
    'at either instance');
is(refused($c, 'nobody@example.com', PASSWORD, %here)->[0], -3,
    'another account is not held up');
ok(login($c, 'bob@example.com', PASSWORD, ip => '203.0.113.8'),
    'nor is another network');
is(refused($c, 'bob@example.com', 'wrong', %here)->[0], -3,
    'which forgives the failures of all');

sub fail_until_waiting {
    my ($email, %where) = @_;
    my $n = 0;
    for (; $n < 50; $n++) {
        just_now();
        last if refused($c, $email, 'wrong', %where)->[0] != -3;
    }
    return $n;
}

ok(fail_until_waiting('bob@example.com', %here) <= 5, 'bob waits again');
my @waits;
for (1 .. 10) {
    just_now();
    push @waits, refused($c, 'bob@example.com', 'wrong', %here)->[2]{retry};
    later($waits[-1]);
    is(refused($c, 'bob@example.com', 'wrong', %here)->[0], -3,
        "after $waits[-1] s it is tried again");
}
is_deeply(\@waits, [ 1, 2, 4, 8, 16, 32, 64, 128, 256, 300 ],
    'the wait doubles, up to five minutes');

# ---- it survives a restart

is($auth[1]->stop('KILL'), 128 + 9, 'an instance is killed');
$auth[1] = auth_start($pg);
$c[1] = $auth[1]->connect();
is(refused($c[1], 'bob@example.com', PASSWORD, %here)->[0], -11,
    'the next one knows');
later(300);
ok(login($c[1], 'bob@example.com', PASSWORD, %here), 'success forgives');
is($pg->psql('SELECT count(*) FROM login_failure f JOIN (SELECT account FROM
    login_failure GROUP BY account HAVING max(n) > 10) x USING (account)'),
    '0', 'all of it');
is(refused($c, 'bob@example.com', "wrong $_", %here)->[0], -3,
    'so failures are free again') for 1 .. 4;

# ---- strangers from everywhere do not hold up who is known

my $n = 0;
for (; $n < 40; $n++) {
    just_now();
    last if refused($c, 'bob@example.com', 'wrong',
        ip => sprintf '2001:db8:%x::%x', $n, $n)->[0] != -3;
}
ok($n > 10 && $n < 40, "strangers from everywhere wait together ($n)");
just_now();
is(refused($c, 'bob@example.com', 'wrong', ip => '2001:db8:ffff::1')->[0],
    -11, 'so does one who has not tried yet');
ok(login($c, 'bob@example.com', PASSWORD, %home),
    'the network from which the user came is not held up');
is(fail_until_waiting('bob@example.com', ip => "2001:db8:1:2::$_"), $_ == 1
    ? 5 : 0, 'addresses of one /64 are one network') for 1, 2;

# ---- an unknown account is slowed down like a known one

is(fail_until_waiting('ghost@example.com', %here), 5, 'a ghost waits');
just_now();
my ($ghost) = map { refused($c, 'ghost@example.com', 'x', %here) } 1;
later(7200);
is(fail_until_waiting('ada@example.com', %here), 5, 'as a user does');
just_now();
is_deeply(refused($c, 'ada@example.com', 'x', %here), $ghost,
    'in the same bytes');

# ---- parallel guesses are not all tried

later(7200);
my @both = map { $_->connect() } @auth;
my @asked = map { [ $both[$_ % 2], $both[$_ % 2]->ask('auth.login',
    { email => 'ada@example.com', password => $_ == 39 ? PASSWORD
        : "guess $_" }, nobody(ip => '203.0.113.9')) ] } 1 .. 40;
my %answers;
$answers{ ($_->[0]->answer($_->[1], 60)->[2] // [0])->[0] }++ for @asked;
ok(($answers{-3} // 0) <= 4 + 4 && !$answers{0},
    'of 40 guesses at once few are tried: ' . ($answers{-3} // 0));
is(($answers{-11} // 0) + ($answers{-3} // 0), 40,
    'the others have to wait, also the one that was right');

# ---- rehash when the parameters rise

later(7200);
is($auth[1]->stop(), 0, 'an instance ends');
$auth[1] = auth_start($pg, WIZDATA_AUTH_HASH_MEMORY => '20m',
    WIZDATA_AUTH_HASH_PASSES => '3');
$c[1] = $auth[1]->connect();
sub hash_of { $pg->psql("SELECT password_hash FROM app_user WHERE id = $id") }
my $old = hash_of();
like($old, qr/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/, 'an old hash');
refused($c[1], 'ada@example.com', 'wrong');
is(hash_of(), $old, 'stays when the password is wrong');
ok(login($c[1], 'ada@example.com', PASSWORD), 'and is good');
like(hash_of(), qr/^\$argon2id\$v=19\$m=20480,t=3,p=1\$/,
    'who logs in gets another');
$old = hash_of();
ok(login($c[1], 'ada@example.com', PASSWORD), 'which is good');
is(hash_of(), $old, 'and stays');
ok(login($c[0], 'ada@example.com', PASSWORD), 'at another instance, too');

# ---- which passwords may be chosen

sub invited {
    my ($email) = @_;
    return ask_json($c, 'users.invite', { email => $email })->{token};
}
my $invitation = invited('new@example.com');
$grant = login($c, 'ada@example.com', PASSWORD);
for my $bad (qw/ password 12345678 PassWord1 iloveyou qwertyuiop /,
    'new@example.com', '1234567', "\xc3\xa9" x 7, 'x' x 257, "bad\xffutf8",
    'ada@example.com')
{
    my $shown = $bad =~ s/[^ -~]/./gr;
    $shown = substr $shown, 0, 20;
    my $own = $bad eq 'new@example.com' ? 'new' : 'ada';
    is($c->error('users.create', { email => "$own\@example.com",
        password => $bad })->[2]{param}, 'password', "not made: $shown");
    is($c->error('auth.accept', { token => $invitation, password => $bad },
        nobody())->[2]{param}, 'password', "not accepted: $shown")
        unless $own eq 'ada' && $bad =~ /@/;
    is($c->error('auth.password', { current => PASSWORD, password => $bad },
        as($grant))->[2]{param}, 'password', "not changed to: $shown")
        unless $own eq 'new';
}
ok(login($c, 'ada@example.com', PASSWORD), 'so nothing has changed');

my $i = 0;
for my $good ("\xc3\xa9" x 8, 'x1 ' x 85 . 'y', "\xf0\x9f\x90\x8e" x 64,
    '        .', "tab\tand\nline")
{
    my $email = 'p' . ++$i . '@example.com';
    user_add($c, $email, password => $good);
    ok(login($c, $email, $good), 'a password of ' . length($good) . ' bytes');
    (my $other = $good) =~ s/(.)\z/$1 eq 'y' ? 'z' : chr(ord($1) ^ 1)/se;
    is(refused($c, $email, $other)->[0], -3, 'counts to its last one');
    is(refused($c, $email, substr $good, 0, -1)->[0], -3, 'which is needed');
    is(refused($c, $email, "$good ")->[0], -3, 'without more')
        if length $good < 256;
}

# ---- second factor

later(7200);
sub enrol {
    my ($email, $back) = @_;
    user_add($c, $email);
    my $grant = login($c, $email, PASSWORD);
    my $begun = ask_json($c, 'auth.totp_begin', { password => PASSWORD },
        as($grant));
    my $confirmed = ask_json($c, 'auth.totp_confirm', { code =>
        totp_code($begun->{secret}, totp_step() - ($back // 0)) },
        as($grant));
    return ($begun, $confirmed, $grant);
}

user_add($c, 'eve@example.com');
$grant = login($c, 'eve@example.com', PASSWORD);
is($c->error('auth.totp_begin', { password => 'wrong password' },
    as($grant))->[0], -3, 'a factor is begun with the password only');
is($c->error('auth.totp_confirm', { code => '123456' }, as($grant))->[2]
    {param}, 'code', 'one that was not begun is not confirmed');
my $begun = ask_json($c, 'auth.totp_begin', { password => PASSWORD },
    as($grant));
like($begun->{secret}, qr/^[A-Z2-7]{32}$/, 'a secret');
like($begun->{uri}, qr{^otpauth://totp/WizData:eve\@example\.com\?secret=
    $begun->{secret}&issuer=WizData&}x, 'as an application reads it');
ok(login($c, 'eve@example.com', PASSWORD), 'not in use before it is proved');
is($c->error('auth.totp_confirm', { code => totp_code($begun->{secret},
    totp_step() + 10) }, as($grant))->[2]{param}, 'code', 'a wrong proof');
my $again = ask_json($c, 'auth.totp_begin', { password => PASSWORD },
    as($grant));
isnt($again->{secret}, $begun->{secret}, 'it can be begun anew');
is($c->error('auth.totp_confirm', { code => totp_code($begun->{secret},
    totp_step()) }, as($grant))->[2]{param}, 'code', 'the first one is void');
my $step = totp_step();
my $confirmed = ask_json($c, 'auth.totp_confirm', { code =>
    totp_code($again->{secret}, $step) }, as($grant));
is(scalar @{ $confirmed->{recovery_codes} }, 10, 'ten recovery codes');
like($_, qr/^[a-z2-9]{4}(-[a-z2-9]{4}){3}$/, 'one')
    for $confirmed->{recovery_codes}[0];

is(refused($c, 'eve@example.com', PASSWORD)->[0], -31, 'a code is asked for');
is(refused($c, 'eve@example.com', 'wrong')->[0], -3,
    'not of who has not the password');
is(refused($c, 'eve@example.com', PASSWORD, code => totp_code(
    $again->{secret}, totp_step() + 10))->[0], -3, 'a wrong code');
is(refused($c, 'eve@example.com', PASSWORD, code => totp_code(
    $again->{secret}, $step))->[0], -3, 'the one that was the proof');
later(7200);
my $next = totp_code($again->{secret}, $step + 1);
ok(login($c, 'eve@example.com', PASSWORD, code => $next),
    'the next one is good, a step early or not');
is(refused($c[1], 'eve@example.com', PASSWORD, code => $next)->[0], -3,
    'once');
is(refused($c, 'eve@example.com', 'wrong', code => totp_code($again->{secret},
    totp_step() + 1))->[0], -3, 'and not without the password');

my @recovery = @{ $confirmed->{recovery_codes} };
ok(login($c, 'eve@example.com', PASSWORD, recovery_code => $recovery[0]),
    'a recovery code');
later(7200);
is(refused($c, 'eve@example.com', PASSWORD, recovery_code => $recovery[0])
    ->[0], -3, 'once');
is(refused($c, 'eve@example.com', PASSWORD, recovery_code => 'abcd-efgh')
    ->[0], -3, 'and no other');
for my $code (@recovery[1 .. 9]) {
    later(7200);
    ok(login($c, 'eve@example.com', PASSWORD, recovery_code => $code),
        'each of them');
}
is($pg->psql('SELECT count(*) FROM recovery_code'), '0', 'until none is left');
is($c->error('auth.totp_begin', { password => PASSWORD }, as($grant))->[0], -8,
    'a second one is not begun');
is($c->error('auth.totp_end', { password => PASSWORD }, as($grant))->[0], -31,
    'it is not ended without a code');

# a clock one step off, on either side, but not two
{
    my ($on, $off) = (0, 0);
    my ($begun) = steady_step(sub {
        my ($begun) = enrol('slow' . ++$on . '@example.com', 1);
        return $begun;
    });
    ok($begun, 'a clock one step behind');
    my ($code) = steady_step(sub {
        my ($begun) = enrol('fast' . ++$off . '@example.com', -1);
        return $begun;
    });
    ok($code, 'or ahead');
    for my $far (-2, 2) {
        my ($error) = steady_step(sub {
            my ($step) = @_;
            my ($begun, $confirmed) = eval { enrol("far$far" . ++$off
                . '@example.com', 1) } or return 'too late';
            later(7200);
            return refused($c, "far$far$off\@example.com", PASSWORD,
                code => totp_code($begun->{secret}, $step + $far));
        });
        is($error->[0], -3, "not $far steps");
    }
}

{
    my ($begun, $confirmed, $grant) = enrol('end@example.com', 1);
    my $end = ask_json($c, 'auth.totp_end', { password => PASSWORD,
        recovery_code => $confirmed->{recovery_codes}[3] }, as($grant));
    is_deeply($end, { ended => JSON::PP::true }, 'a factor is ended');
    ok(login($c, 'end@example.com', PASSWORD), 'and not asked for');
    ($begun, $confirmed, $grant) = enrol('lost@example.com', 1);
    ask_json($c, 'users.totp_end', { id => $grant->{user_id} });
    ok(login($c, 'lost@example.com', PASSWORD), 'an administrator can');
    is(refused($c, 'lost@example.com', 'wrong password')->[0], -3,
        'which is not for the password');
}
unlike($pg->psql("SELECT string_agg(u::text, '') FROM app_user u"),
    qr/$again->{secret}/, 'no secret in the database');
my $log = join '', map { $_->log() } @auth;
unlike($log, qr/horse|wd_rt_|$again->{secret}|$recovery[2]/,
    'no secret in the log');
is($_->stop(), 0, 'a clean end') for @auth;
unlike($log, qr/Sanitizer|runtime error/, 'no sanitizer errors');

# ---- five hundred at once, with hashes as large as in production

my $big = auth_start($pg, WIZDATA_AUTH_HASH_MEMORY => '64m',
    WIZDATA_AUTH_HASH_PARALLEL => 2);
my $sanitized = $big->log() =~ /Sanitizer/
    || Wizdata::Service::has_sanitizer('auth');
my @many = map { $big->connect() } 1 .. 10;
my $one = $big->connect();
$one->notification('auth.beat', SOON);
my $unknown = { digest => '0' x 64 };

sub latencies {
    my ($n, $busy) = @_;
    my @took;
    while (@took < $n && $busy->()) {
        my $from = time;
        my $error = $one->error('auth.verify', $unknown);
        push @took, time - $from;
        return if $error->[0] != -3;
    }
    return sort { $a <=> $b } @took;
}
sub p99 { return sprintf '%.1f ms', 1000 * $_[int 0.99 * $#_] }

my @quiet = latencies(300, sub { 1 });
my @logins = map { my $at = $many[$_ % 10]; [ $at, $at->ask('auth.login',
    { email => "m$_\@example.com", password => PASSWORD },
    nobody(ip => "10.0.0.1")) ] } 1 .. 500;
my $left = sub {
    $_->pump(sub { 0 }, 0) for @many;
    return grep { !$_->[0]{answers}{ $_->[1] } } @logins;
};
my @loaded = latencies(300, $left);
my (%code, $hint);
for (@logins) {
    my $frame = $_->[0]->answer($_->[1], 120);
    my $error = $frame ? $frame->[2] : [ 0 ];
    $code{ $error->[0] }++;
    $hint++ if $error->[0] != -3 && ($error->[2] // {})->{retry};
}
is(($code{-3} // 0) + ($code{-14} // 0), 500, 'all are answered');
ok($code{-3} >= 66, 'those that found room as what they are: ' . $code{-3});
is($hint, $code{-14}, 'the others with a hint when to come again');
ok(@loaded > 0, 'others are answered meanwhile: ' . @loaded);
open my $status, '<', '/proc/' . $big->pid() . '/status' or die;
my ($peak) = grep { s/^VmHWM:\s*(\d+) kB\n/$1/ } <$status>;
SKIP: {
    skip 'a sanitizer has memory of its own', 1 if $sanitized;
    ok($peak < 200 * 1024, 'in less than 200 MiB');
}
diag sprintf '500 logins: peak %.0f MiB, %d hashed; auth.verify p99 %s alone,'
    . ' %s beside them', $peak / 1024, $code{-3}, p99(@quiet), p99(@loaded);
is($big->stop(), 0, 'a clean end');

done_testing();
