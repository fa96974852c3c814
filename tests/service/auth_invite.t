#!/usr/bin/perl

# One-time tokens: invitations, new passwords, proofs of an address; users
# that are deleted, and found in lists.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Auth;
use Wizdata::MessagePack;

use constant { SOON => 20, CHOSEN => 'a horse of my own' };

my $pg = auth_database();
my @auth = map { auth_start($pg) } 1 .. 2;
my @c = map { $_->connect() } @auth;
my ($c) = @c;
$_->notification('auth.beat', SOON) for @c;

sub invite { return ask_json($c, 'users.invite', { email => $_[0], @_[1 .. $#_] }) }
sub accept_ { my ($token, %args) = @_;
    return $c->error('auth.accept', { token => $token, password => CHOSEN,
        %args }, nobody()) }
sub confirm { return $c->error('auth.confirm', { token => $_[0] }, nobody()) }
sub user { return ask_json($c, 'users.get', { id => $_[0] }) }

# ---- an invitation

my $i = invite('ada@example.com', name => 'Ada', roles => [ 'analyst' ]);
like($i->{token}, qr/^wd_ot_[0-9A-Za-z]{43}$/, 'a one-time token');
is_deeply({ %$i, token => 0, expires_at => 0, user_id => 0 }, { kind =>
    'invite', email => 'ada@example.com', token => 0, expires_at => 0,
    user_id => 0 }, 'for an invitation');
is($pg->psql("SELECT expires_at > now() + interval '6 days 23 hours'
    AND expires_at <= now() + interval '7 days' FROM one_time_token"), 't',
    'good for a week');
my $u = user($i->{user_id});
is_deeply([ $u->{has_password}, $u->{verified_at}, $u->{name} ],
    [ JSON::PP::false, undef, 'Ada' ], 'the user has no password yet');
is($c->error('users.invite', { email => 'ADA@example.com' })->[0], -8,
    'nobody is invited twice');
is(accept_($i->{token}, password => 'short')->[2]{param}, 'password',
    'a password that is none does not use the token up');
is(accept_($i->{token}, name => "a\0b")->[2]{param}, 'name', 'nor a name');
is(confirm($i->{token})->[0], -3, 'it proves no address');
is_deeply([ map { "$_->{action} $_->{reason}" } events($pg,
    "outcome = 'refused'") ], ['auth.confirm unknown or ended token'],
    'which is noted');
is(accept_($i->{token}, name => 'Ada L.'), undef, 'accepted');
$u = user($i->{user_id});
is($u->{name}, 'Ada L.', 'with another name');
ok($u->{has_password}, 'and a password');
ok($u->{verified_at}, 'the address is proved');
ok(login($c, 'ada@example.com', CHOSEN), 'who logs in');
is(accept_($i->{token})->[0], -3, 'once only');
is(accept_($_)->[0], -3, 'no rubbish') for 'x', 'wd_ot_' . 'a' x 43;
my ($event) = events($pg, "action = 'auth.accept' AND outcome = 'done'");
is("$event->{actor} $event->{subject}",
    "user:$i->{user_id} user:$i->{user_id}", 'an event');

# ---- a new password

my $before = login($c, 'ada@example.com', CHOSEN);
my $r = ask_json($c, 'users.reset', { id => $i->{user_id} });
is($r->{kind}, 'reset', 'a token for a new password');
is($pg->psql("SELECT expires_at <= now() + interval '1 hour' FROM
    one_time_token WHERE kind = 'reset'"), 't', 'good for an hour');
ok(login($c, 'ada@example.com', CHOSEN), 'the one until now is good yet');
my $second = ask_json($c, 'users.reset', { id => $i->{user_id} });
is(accept_($r->{token})->[0], -3, 'another one takes its place');
is(accept_($second->{token}, password => 'another horse', name => 'Eve'),
    undef, 'accepted');
is(user($i->{user_id})->{name}, 'Ada L.', 'a name is for invitations');
is(refused($c, 'ada@example.com', CHOSEN)->[0], -3, 'the old one is no more');
my $grant = login($c, 'ada@example.com', 'another horse');
ok($grant, 'the new one is');
ok(wait_for(sub { token_void($c, $before->{access_token}) }),
    'sessions from before have ended');
is($c->error('auth.refresh', { refresh_token => $before->{refresh_token} },
    nobody())->[0], -3, 'all of them');

# ---- a proof of the address

$c->call('users.update', { id => $i->{user_id}, email => 'ada@example.org' });
is(user($i->{user_id})->{verified_at}, undef, 'another address is not proved');
my $v = ask_json($c, 'users.verify', { id => $i->{user_id} });
is("$v->{kind} $v->{email}", 'verify ada@example.org', 'a token for the proof');
is(accept_($v->{token})->[0], -3, 'it is for no password');
is(confirm($v->{token}), undef, 'proved');
ok(user($i->{user_id})->{verified_at}, 'since now');
is(confirm($v->{token})->[0], -3, 'once');
ok(login($c, 'ada@example.org', 'another horse'), 'the password stays');

# what was sent to an address proves nothing about another
$v = ask_json($c, 'users.verify', { id => $i->{user_id} });
$r = ask_json($c, 'users.reset', { id => $i->{user_id} });
$c->call('users.update', { id => $i->{user_id}, email => 'ada@example.net' });
is((confirm($v->{token}) // [0])->[0], -3,
    'a proof of the address before is none');
is((accept_($r->{token}) // [0])->[0], -3,
    'nor is a new password chosen by who reads its mail');
is(user($i->{user_id})->{verified_at}, undef, 'not proved');
my $lost = invite('typo@example.com');
$c->call('users.update', { id => $lost->{user_id}, email => 'right@example.com' });
is((accept_($lost->{token}) // [0])->[0], -3, 'nor an invitation');
$r = ask_json($c, 'users.reset', { id => $i->{user_id} });
$c->call('users.update', { id => $i->{user_id}, email => 'ADA@example.net',
    name => 'Ada' });
is(accept_($r->{token}, password => 'another horse'), undef,
    'other letters of the same address are no other address');

# a new password ends what was made for the old one
$r = ask_json($c, 'users.reset', { id => $i->{user_id} });
$grant = login($c, 'ada@example.net', 'another horse');
ask_json($c, 'auth.password', { current => 'another horse',
    password => CHOSEN }, as($grant));
is((accept_($r->{token}, password => 'a stolen horse') // [0])->[0], -3,
    'a password that was changed is not reset by what came before');
my $invited = invite('both@example.com');
$r = ask_json($c, 'users.reset', { id => $invited->{user_id} });
is(accept_($r->{token}), undef, 'invited and reset');
is((accept_($invited->{token}, password => 'a stolen horse') // [0])->[0], -3,
    'one of both is used');

# ---- time, and users who cannot

my $late = invite('late@example.com');
$pg->psql("UPDATE one_time_token SET expires_at = now()
    WHERE user_id = $late->{user_id}");
is(accept_($late->{token})->[0], -3, 'too late');
$late = ask_json($c, 'users.reset', { id => $late->{user_id} });
$c->call('users.update', { id => $late->{user_id}, disabled => mp_true });
is(accept_($late->{token})->[0], -3, 'a disabled user');
$c->call('users.update', { id => $late->{user_id}, disabled => mp_false });
is(accept_($late->{token}), undef, 'who may again');
is($c->error("users.$_", { id => 999999 })->[0], -5, "$_ of nobody")
    for qw/ reset verify /;

# ---- two at the same moment

my (%n, $passwords);
for my $round (1 .. 20) {
    my $i = invite("race$round\@example.com");
    my @ids = map { $c[$_]->ask('auth.accept', { token => $i->{token},
        password => "horse number $_" }, nobody()) } 0, 1;
    my @good = grep { !$c[$_]->answer($ids[$_])->[2] } 0, 1;
    $n{ scalar @good }++;
    $passwords++ if @good == 1 && login($c, "race$round\@example.com",
        "horse number $good[0]");
}
is_deeply(\%n, { 1 => 20 }, 'one of two is accepted');
is($passwords, 20, 'and its password is the one');

# ---- deleted

my $key = ask_json($c, 'keys.create', { user => 'ada@example.net' });
$c->call('usage.add', { gateway => 'g', seq => 1, rows => [ [ '2026-11-26',
    "user:$i->{user_id}", "key:$key->{id}", 'default', 'bars.query', 5, 5, 0
    ] ] });
$grant = login($c, 'ada@example.net', CHOSEN);
my $pending = ask_json($c, 'users.reset', { id => $i->{user_id} });
is($c->error('users.delete', { id => $i->{user_id} }, as($grant,
    perm => ['*']))->[0], -4, 'nobody deletes themselves');
is_deeply(ask_json($c, 'users.delete', { id => $i->{user_id} }),
    { id => $i->{user_id}, deleted => JSON::PP::true }, 'deleted');
is($c->error('users.get', { id => $i->{user_id} })->[0], -5, 'not there');
is($c->error('users.delete', { id => $i->{user_id} })->[0], -5, 'twice');
is($c->error("users.$_", { id => $i->{user_id} })->[0], -5, "no $_")
    for qw/ update reset verify logout totp_end /;
is(accept_($pending->{token})->[0], -3, 'no token is good');
is($c->error('auth.refresh', { refresh_token => $grant->{refresh_token} },
    nobody())->[0], -3, 'no session goes on');
ok(wait_for(sub { token_void($_, $grant->{access_token}) }), 'no access token')
    for @c;
isnt($pg->psql("SELECT revoked_at FROM api_key WHERE id = $key->{id}"), '',
    'the key is revoked');
unlike($pg->psql("SELECT u::text FROM app_user u WHERE id = $i->{user_id}"),
    qr/ada|Ada|argon/, 'nothing of the person is kept');
is(scalar(grep { $_->{principal} eq "user:$i->{user_id}" } @{ ask_json($c,
    'usage.get', { principal => '*' })->{data} }), 1, 'the usage is');
ok((grep { $_->{action} eq 'users.delete' } @{ ask_json($c, 'audit.list',
    { subject => "user:$i->{user_id}" })->{events} }), 'and the trail');
my $again = user_add($c, 'ADA@example.net');
isnt($again, $i->{user_id}, 'the address is free for another user');
ok(login($c, 'ada@example.net', PASSWORD), 'who logs in');

# ---- deleted, while something is made for the user

for my $case ([ 'users.reset', sub { { id => $_[0] } }, -5 ],
    [ 'users.verify', sub { { id => $_[0] } }, -5 ],
    [ 'users.update', sub { { id => $_[0], roles => ['analyst'] } }, -5 ],
    [ 'keys.create', sub { { user => "user:$_[0]" } }, -2 ])
{
    my ($method, $args, $code) = @$case;
    my $user = user_add($c, 'brief@example.com', password => undef);
    open my $sql, '|-', "$pg->{bin}/psql", '-XAtq', '-d', $pg->url() or die;
    $sql->autoflush(1);
    print {$sql} "BEGIN; UPDATE app_user SET deleted_at = now(), disabled =
        true, email = 'deleted:' || id WHERE id = $user;
        DELETE FROM user_role WHERE user_id = $user;
        SELECT pg_advisory_lock(77);\n";
    wait_for(sub { $pg->psql("SELECT count(*) FROM pg_locks
        WHERE locktype = 'advisory' AND objid = 77") }) or die;
    my $asked = $c->ask($method, $args->($user));
    wait_for(sub { $c->pump(sub { 0 }, 0); $c->{answers}{$asked}
        || $pg->psql("SELECT count(*) FROM pg_stat_activity
            WHERE wait_event_type = 'Lock'") }) or die;
    print {$sql} "COMMIT;\n";
    close $sql;
    my $frame = $c->answer($asked);
    is(($frame->[2] // [0])->[0], $code, "$method comes too late");
    is($pg->psql("SELECT (SELECT count(*) FROM one_time_token WHERE user_id =
        $user) + (SELECT count(*) FROM api_key WHERE user_id = $user)
        + (SELECT count(*) FROM user_role WHERE user_id = $user)"), '0',
        'and leaves nothing');
}

# ---- lists

sub names {
    my (%args) = @_;
    my (@all, $page);
    do {
        $page = ask_json($c, 'users.list', { limit => 2, %args,
            $page ? (cursor => $page->{next}) : () });
        ok(@{ $page->{users} } <= ($args{limit} // 2), 'a page')
            if @{ $page->{users} } > 2;
        push @all, map { $_->{email} } @{ $page->{users} };
    } while (defined $page->{next});
    return [ @all ];
}
$c->call('orgs.set', { name => 'list' });
my %who = map { my ($n, $name, $roles) = @$_;
    ($n => user_add($c, "$n\@list.example", name => $name, roles => $roles,
        org => 'list', password => undef)) }
    [ 'a1', 'Anna Smith', ['reader'] ], [ 'b2', 'Bob SMITHERS', ['analyst'] ],
    [ 'c3', "Zo\xc3\xab", [ 'analyst', 'ingest' ] ], [ 'd4', '100% _x', ['admin'] ],
    [ 'e5', "O'Hara", ['reader'] ];
$c->call('users.update', { id => $who{b2}, disabled => mp_true });
sub is_list {
    my ($what, $want, %args) = @_;
    is_deeply(names(org => 'list', %args),
        [ map { "$_\@list.example" } @$want ], $what);
}
is_list('all, in pages', [ qw/ a1 b2 c3 d4 e5 / ]);
is_list('by a part of the name', [ qw/ a1 b2 / ], q => 'smith');
is_list('of the address', ['c3'], q => 'C3@');
is_list('of UTF-8', ['c3'], q => "Zo\xc3\xab");
is_list('which is no pattern', ['d4'], q => '% _');
is_list('nor anything else', [], q => "'; DROP TABLE app_user; --");
is_list('with a quote', ['e5'], q => "O'H");
is_list('by role', [ qw/ b2 c3 / ], role => 'analyst');
is_list('no such role', [], role => 'nothing');
is_list('disabled', ['b2'], disabled => mp_true);
is_list('not disabled', [ qw/ a1 c3 d4 e5 / ], disabled => mp_false);
is_list('all of it together', ['b2'], q => 'smith', role => 'analyst',
    disabled => mp_true);
$c->call('users.delete', { id => $who{e5} });
is_list('without who was deleted', [ qw/ a1 b2 c3 d4 / ]);
is($c->error('users.list', { org => 'list', disabled => 'x' })->[2]{param},
    'disabled', 'a wrong argument');
my $csv = ($c->call('users.list', { org => 'list', q => 'smith' },
    fmt => 'csv'))[2];
is(scalar(() = $csv =~ /\n/g), 3, 'CSV: a head and two rows');
like($csv, qr/^id,org,email,name,roles,plan,has_password,second_factor,disabled,
    created_at,verified_at,last_login_at\r?\n\d+,list,a1\@list\.example,
    Anna\ Smith,reader,default,false,false,false,20[^,]+,,\r?\n/x, 'as it is');

my $log = join '', map { $_->log() } @auth;
unlike($log, qr/horse|wd_ot_/, 'no secret in the log');
is($pg->psql("SELECT position('wd_ot_' in coalesce(string_agg(t::text, ''), ''))
    FROM one_time_token t"), '0', 'nor in the database');
is(ask_json($c, 'audit.verify', {})->{ok}, JSON::PP::true,
    'the trail is in order');
is($_->stop(), 0, 'a clean end') for @auth;
unlike($log, qr/Sanitizer|runtime error/, 'no sanitizer errors');

done_testing();
