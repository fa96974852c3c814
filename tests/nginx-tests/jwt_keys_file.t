#!/usr/bin/perl

# Keys in files: a change is seen without a reload and without a false 401, a
# bad file leaves the last keys in force, a key that is gone counts no more.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Jwt;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $d = $t->dir;
my %k = map { $_ => Wizdata::Jwt->new($d, 'EdDSA', kid => $_) } qw/ a b c /;
my @pem = map { Wizdata::Jwt->new($d, 'ES256', kid => 'pem') } 1, 2;
my $hs = Wizdata::Jwt->new($d, 'HS256', kid => 'hs');

# As an operator should: whole or not at all.
sub place {
    my ($name, $text) = @_;

    $t->write_file("$name.new", $text);
    rename "$d/$name.new", "$d/$name" or die $!;
}

place('keys.json', jwks($k{a}, $hs));
place('key.pem', $pem[0]->pem);
$t->config(workers => 2, http => <<"END");
    wizdata_jwks_poll 100ms;
    wizdata_jwt_issuer https://login.example.com audience=wizdata
        keys=file:$d/keys.json keys=pem:pem:ES256:$d/key.pem;
END
$t->backend('analytics', sub { '{}' });
$t->run();

my $path = '/v1/instruments?q=x';

sub bearer {
    my ($token, %o) = @_;

    return get($path, key => undef, headers => [
        "Authorization: Bearer $token" ], %o);
}

sub together {
    my (@tokens) = @_;

    my @clients = map {
        my $c = client();
        $c->send_request('GET', $path, key => undef, keepalive => 1,
            headers => [ "Authorization: Bearer $_" ]);
        $c;
    } @tokens;
    my %n;
    $n{ $_->response->status }++ for @clients;
    return join ' ', map { "$_:$n{$_}" } sort keys %n;
}

is(bearer($k{a}->token)->status, 200, 'a key of the file');
is(bearer($hs->token)->status, 200, 'a secret of the file');
is(bearer($pem[0]->token)->status, 200, 'a key of the PEM file');
is_problem(bearer($k{b}->token), 401, 'unauthenticated', 'an unknown key');

for my $round (1 .. 5) {
    my $new = Wizdata::Jwt->new($d, 'ES256', kid => "round$round");
    place('keys.json', jwks($k{a}, $new));
    is(together(map { $new->token({ sub => "u$_" }) } 1 .. 10), '200:10',
        "new keys at once, round $round");
}

# The same kid with another key.
my $old = $pem[0]->token;
is(bearer($old)->status, 200, 'verified and remembered');
place('key.pem', $pem[1]->pem);
$t->wait_for('another key of the same kid', sub {
    return bearer($pem[1]->token({ sub => 's' . rand }))->status == 200;
});
$t->wait_for('what the old one signed is void in every worker', sub {
    return together(($old) x 10) eq '401:10';
});

# Files that are no good.
for my $case ([ 'not JSON', 'oops' ], [ 'empty', '' ], [ 'no usable key',
    jwks({ kty => 'new' }) ], [ 'too long', jwks($k{a}) . ' ' x 300_000 ],
    [ 'twice the same kid', jwks($k{b}, $k{b}) ])
{
    my ($name, $text) = @$case;
    place('keys.json', $text);
    is(together(map { $k{b}->token({ sub => "$name$_" }) } 1 .. 4), '401:4',
        "$name: nothing new");
    is(together(map { $k{a}->token({ sub => "$name$_" }) } 1 .. 4), '200:4',
        "$name: the last keys stay");
}
unlink "$d/keys.json";
is(bearer($k{b}->token({ sub => 'none' }))->status, 401, 'no file');
is(bearer($k{a}->token({ sub => 'none' }))->status, 200,
    'no file: the last keys stay');
mkdir "$d/keys.json";
is(bearer($k{b}->token({ sub => 'dir' }))->status, 401, 'a folder');
rmdir "$d/keys.json";
POSIX::mkfifo("$d/keys.json", 0600);
is(bearer($k{b}->token({ sub => 'fifo' }))->status, 401,
    'a pipe that nobody writes to');
unlink "$d/keys.json";

place('keys.json', jwks($k{b}));
is(bearer($k{b}->token({ sub => 'back' }))->status, 200, 'a good file again');
$t->wait_for('the key that is gone', sub {
    return together(map { $k{a}->token({ sub => "x$_" }) } 1 .. 6)
        eq '401:6';
});

my @said = $t->read_file('error.log')
    =~ /no keys from file:\S+keys\.json: (.*); the last ones stay/g;
my %said;
$said{$_}++ for @said;
cmp_ok(scalar @said, '<=', 2 * 10, 'said, but not at every look');
$t->wait_for('and when it was over', sub {
    $t->read_file('error.log') =~ qr/keys from file:\S+keys\.json again/ });

ok($t->renew, 'reload');
is(bearer($k{b}->token({ sub => 'reloaded' }))->status, 200,
    'after a reload');
