#!/usr/bin/perl

# Users: made by wizdatactl and by RPC, unique, listed in pages; passwords
# are kept as Argon2id and nowhere else.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Ctl;
use Wizdata::Postgres;
use Wizdata::Rows;
use Wizdata::Service;

my $pg = Wizdata::Postgres->start();
my $auth = Wizdata::Service->start('auth',
    WIZDATA_DATABASE_URL => $pg->url(),
    WIZDATA_AUTH_PEPPER => 'a1' x 32,
    WIZDATA_AUTH_HASH_MEMORY => '19m',
    WIZDATA_LOG_LEVEL => 'debug');
$ENV{WIZDATA_RUN_DIR} = $auth->dir();
my $c = $auth->connect();
my $json = JSON::PP->new;

# ---- wizdatactl

my $r = ctl('--json', 'user', 'create', 'Ada@Example.com', '--name', 'Ada L.');
is($r->{rc}, 0, 'a user was created') or diag $r->{out};
is($r->{json}{email}, 'Ada@Example.com', 'its address');
is($r->{json}{name}, 'Ada L.', 'its name');
ok($r->{json}{id} > 0, 'its id');
ok(!$r->{json}{has_password}, 'it has no password');
is_deeply($r->{json}{roles}, ['reader'], 'its role');
is($r->{json}{org}, 'main', 'its organisation');
is($r->{json}{plan}, 'default', 'its plan');
ok(!$r->{json}{second_factor}, 'no second factor');
is($r->{json}{verified_at}, undef, 'an address that was not confirmed');
is($r->{json}{last_login_at}, undef, 'it never logged in');
like($r->{json}{created_at}, qr/^\d{4}-\d\d-\d\dT.*Z$/, 'when');

$r = ctl('--json', 'user', 'create', 'aDA@example.COM');
is($r->{rc}, 1, 'the same address in other letters is refused');
is($r->{json}{error}{code}, -8, 'as a conflict');
is($r->{json}{error}{type}, 'conflict', 'by name');

my $password = 'correct horse battery';
$r = ctl_in("$password\n", '--json', 'user', 'create', 'bob@example.com',
    '--password-stdin');
is($r->{rc}, 0, 'a user with a password') or diag $r->{out};
ok($r->{json}{has_password}, 'which is known to be there');

like($pg->psql("SELECT password_hash FROM app_user WHERE email LIKE 'bob%'"),
    qr/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/, 'stored as Argon2id');
unlike($auth->log() . $r->{out} . $r->{err}, qr/horse/,
    'the password is neither logged nor shown');

$r = ctl_in("short\n", '--json', 'user', 'create', 'eve@example.com',
    '--password-stdin');
is($r->{rc}, 1, 'a short password is refused');
like($r->{json}{error}{message}, qr/password/, 'by name');
$r = ctl_in('', '--json', 'user', 'create', 'eve@example.com',
    '--password-stdin');
is($r->{rc}, 2, 'no password on standard input is wrong usage');

# ---- what is no address

for my $email (qw/ plain @example.com a@ a@b@c a..b@c.d .a@b.c a@-b.c a@b..c /,
    'a b@c.d', "a\@b.c\n", 'x' x 65 . '@b.c')
{
    my $error = $c->error('users.create', { email => $email });
    is($error->[0], -2, "no address: " . ($email =~ s/\n/\\n/r));
}
is_deeply($c->error('users.create', { email => 'x' })->[2],
    { param => 'email' }, 'the parameter is named');
is($c->error('users.create', { email => 7 })->[0], -2, 'a number is none');
is($c->error('users.create', {})->[0], -2, 'it must be there');
is($c->error('users.create', { email => 'c@d.e', name => "a\0b" })->[0], -2,
    'a name has no control characters');
is($c->error('users.create', { email => 'c@d.e', password => 'x' x 257 })->[0],
    -2, 'a password is not too long');

# ---- pages

$c->call('users.create', { email => "u$_\@example.com" }) for 1 .. 5;

my ($status, $meta, $body) = $c->call('users.list', { limit => 3 });
my $page = $json->decode($body);
is(scalar @{ $page->{users} }, 3, 'a page');
is($page->{next}, $meta->{next}, 'its next, in body and meta');

my @seen = map { $_->{email} } @{ $page->{users} };
while (defined $page->{next}) {
    (undef, undef, $body) = $c->call('users.list',
        { limit => 3, cursor => $page->{next} });
    $page = $json->decode($body);
    push @seen, map { $_->{email} } @{ $page->{users} };
}
is_deeply(\@seen, [ 'Ada@Example.com', 'bob@example.com',
    map { "u$_\@example.com" } 1 .. 5 ], 'all users, each once');
unlike($body, qr/argon2|hash/, 'no hash in the list');

my $csv = rows($c, 'users.list', {}, 'csv');
is_deeply([ map { $_->{email} } @{ $csv->{rows} } ], \@seen, 'CSV: all users');
is_deeply([ sort keys %{ $csv->{rows}[0] } ], [ sort keys %{ $json->decode(
    ($c->call('users.list', {}))[2])->{users}[0] } ], 'with the same members');
is($csv->{rows}[0]{roles}, 'reader', 'a list is words');

is($c->error('users.list', { cursor => 'x' })->[0], -2, 'a wrong cursor');
is($c->error('users.list', { limit => 0 })->[0], -2, 'a wrong limit');

$r = ctl('user', 'list', '--limit', '3');
like($r->{out}, qr{^ID +ORG +EMAIL .*\n\d+ +main +Ada\@Example\.com +Ada L\.}, 'a table');
like($r->{out}, qr/--cursor \d+/, 'and how to go on');

# ---- some of them

sub emails { return join ' ', map { $_->{email} }
    @{ $json->decode(($c->call('users.list', $_[0]))[2])->{users} } }

$c->call('users.create', { email => 'zed@example.com', name => 'Zed Adams',
    roles => [qw/ analyst ingest /] });
is(emails({ q => 'ADA' }), 'Ada@Example.com zed@example.com',
    'by a part of address or name');
is(emails({ role => 'ingest' }), 'zed@example.com', 'by a role');
is(emails({ role => 'nothing' }), '', 'which nobody may have');
$pg->psql("UPDATE app_user SET disabled = true WHERE email LIKE 'zed%'");
is(emails({ disabled => JSON::PP::true }), 'zed@example.com', 'disabled ones');
unlike(emails({ disabled => JSON::PP::false }), qr/zed/, 'or the others');

# ---- many hashes at once: all are answered, none starves a verdict

my @ids = map { $c->ask('users.create',
        { email => "h$_\@example.com", password => $password }) } 1 .. 12;
my $unknown = $c->ask('auth.verify', { digest => '0' x 64 });

my %codes;
for my $frame (map { $c->answer($_) } @ids) {
    my ($code, undef, $detail) = $frame->[2] ? @{ $frame->[2] } : 0;
    $codes{$code}++ if $code == 0 || $detail->{retry};
}
is($codes{0} + ($codes{-14} // 0), 12, 'made, or told when to try again');
ok($codes{0} >= 3, 'two at a time and one waiting were made');
is($c->answer($unknown)->[2][0], -3, 'a verdict meanwhile');

is($auth->stop(), 0, 'a clean end');
unlike($auth->log(), qr/Sanitizer|runtime error/, 'no sanitizer errors');

done_testing();
