#!/usr/bin/perl

# Revocation: gateways of every instance hear of it within the deadline, and
# the heartbeat tells the truth about that, also when PostgreSQL goes away.

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

use constant {
    SOON => 5,          # for what must come; a loaded machine may be slow
    PROMISE => 0.25,    # seconds from revoke to push
    QUIET => 1.2,       # long enough for four beats
};

my $pg = Wizdata::Postgres->start();

sub auth {
    return Wizdata::Service->start('auth',
        WIZDATA_DATABASE_URL => $pg->url(),
        WIZDATA_AUTH_PEPPER => 'd4' x 32);
}

my @auth = (auth(), auth());
my @c = map { $_->connect() } @auth;
$ENV{WIZDATA_RUN_DIR} = $auth[0]->dir();

ctl('user', 'create', 'ada@example.com');

sub new_key {
    my $key = ctl('--json', 'key', 'create', 'ada@example.com')->{json};
    return ($key->{id}, blake2b_hex($key->{key}, 32));
}

# A push of exactly these digests, among whatever else is pushed.
sub pushed {
    my ($c, @digests) = @_;

    my $end = time + SOON;
    while (my $params = $c->notification('auth.revoke', $end - time)) {
        return 1 if "@{ $params->[0] }" eq "@digests";
    }
    return 0;
}

# ---- beats

# Of many the middle one: this process or the other may stand for a while, and
# what it missed comes late, or together.
sub middle { return (sort { $a <=> $b } @_)[ @_ / 2 ] }

for my $i (0, 1) {
    $c[$i]->forget();
    my $first = $c[$i]->notification('auth.beat', SOON);
    ok($first, "instance $i beats");
    my (@gaps, @numbers);
    for (1 .. 9) {
        my $at = $c[$i]->arrived();
        my $next = $c[$i]->notification('auth.beat', SOON) or last;
        push @gaps, $c[$i]->arrived() - $at;
        push @numbers, $next->[0];
    }
    is("@numbers", join(' ', map { $first->[0] + $_ } 1 .. 9),
        'its sequence grows');
    my $gap = middle(@gaps);
    ok($gap > 0.1 && $gap < 1, "every 250 ms ($gap)");
}

# ---- a revocation reaches both instances

my ($id, $digest, $r, @late);
use constant REVOKED => 7;
for (1 .. REVOKED) {
    ($id, $digest) = new_key();
    is($_->error('auth.verify', { digest => $digest }), undef,
        'the key is good') for @c;
    $_->forget() for @c;

    $r = ctl('--json', 'key', 'revoke', $id);
    my $answered = time;
    is($r->{rc}, 0, 'revoked') or diag $r->{out};
    is($r->{json}{id}, $id, 'the answer names it');
    like($r->{json}{revoked_at}, qr/^\d{4}-.*Z$/, 'and when');

    for my $i (0, 1) {
        ok(pushed($c[$i], $digest), "instance $i pushes the digest");
        push @{ $late[$i] }, $c[$i]->arrived() - $answered;
    }
    is($_->error('auth.verify', { digest => $digest })->[0], -3,
        'the key is void') for @c;

    # A verdict may have been under way: the push comes again with a later beat.
    ok(pushed($c[$_], $digest), "instance $_ pushes it again") for 0, 1;
}
for my $i (0, 1) {
    my $late = middle(@{ $late[$i] });
    ok($late < PROMISE, sprintf 'instance %d: in time (%.0f ms after the'
        . ' answer)', $i, $late * 1000);
}

# ---- once is like twice

is_deeply(ctl('--json', 'key', 'revoke', $id)->{json}, $r->{json},
    'revoking again answers the same');
is(ctl('--json', 'key', 'revoke', 987654321)->{json}{error}{code}, -5,
    'an unknown key is not found');
is($c[0]->error('keys.revoke', { id => 'x' })->[0], -2, 'no id');

my $metrics = ($c[0]->call('sys.metrics', {}))[2];
my $counted = REVOKED;
like($metrics, qr/^wizdata_key_revocations_total\{[^}]*\} $counted$/m,
    'each counted once');
like($metrics, qr/^wizdata_key_verifications_total\{[^}]*result="good"/m,
    'verdicts are counted');

# ---- an instance that never saw the key lets all be asked again

($id, $digest) = new_key();        # made by instance 0
$_->forget() for @c;
ctl('key', 'revoke', $id);
ok(pushed($c[0], $digest), 'who made the key knows its digest');
ok(pushed($c[1]), 'who never saw it says: all');

# ---- a verdict that crosses a revocation

my ($crossed, $missed) = (0, 0);
for (1 .. 20) {
    ($id, $digest) = new_key();
    $_->forget() for @c;
    my @ask = map { $c[0]->ask('auth.verify', { digest => $digest }) } 1 .. 8;
    my $revoke = $c[1]->ask('keys.revoke', { id => $id });
    push @ask, map { $c[0]->ask('auth.verify', { digest => $digest }) } 1 .. 8;
    $c[1]->answer($revoke);
    my @good = grep { !$c[0]->answer($_)->[2] } @ask;
    $crossed += @good;
    # Whatever was still good, a push has followed or follows.
    $missed++ unless pushed($c[0], $digest) || pushed($c[0]);
}
is($missed, 0, "each was pushed, while $crossed verdicts were still good");

# ---- PostgreSQL goes away: no beats, no verdicts, no pretending

($id, $digest) = new_key();
is($c[0]->error('auth.verify', { digest => $digest }), undef, 'a good key');
$pg->stop_server();
for my $i (0, 1) {
    my ($end, $quiet) = (time + SOON);
    $quiet = !$c[$i]->notification('auth.beat', QUIET) # some are on their way
        until $quiet || time > $end;
    ok($quiet, "instance $i does not beat");
}
my $error = $c[0]->error('auth.verify', { digest => $digest });
is($error->[0], -29, 'no verdict without the database');
is($error->[2]{retry}, 1, 'try again in a second');
unlike($error->[1], qr/sock|server|connection/, 'no internals');

my $health = JSON::PP->new->decode(($c[0]->call('sys.health', {}))[2]);
is($health->{status}, 'unhealthy', 'health says so');
is($health->{revocations}, 'not heard', 'and that revocations are missed');

# ---- and comes back

$pg->start_server();
for my $i (0, 1) {
    ok(pushed($c[$i]), "instance $i lets all verdicts be asked again");
    ok($c[$i]->notification('auth.beat', SOON), 'and beats');
}
my $end = time + SOON;
my $verdict;
do { $verdict = $c[0]->error('auth.verify', { digest => $digest }) }
    while ($verdict && time < $end);
is($verdict, undef, 'verdicts are given again');
$health = JSON::PP->new->decode(($c[0]->call('sys.health', {}))[2]);
is($health->{status}, 'healthy', 'health says so');

# ---- a server that hangs: the connection is there, but says nothing

my @backends = split ' ',
    $pg->psql("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity"
        . " WHERE application_name = 'wizdata-auth-push'");
is(scalar @backends, 2, 'each instance listens');
kill 'STOP', @backends;
$c[0]->call('sys.health', {});      # behind what was told before
$c[0]->forget();
{
    # In the order of what is told, whenever it is read here. The answer for
    # one beat may be there; before the connection is given up there were four.
    my ($beats, $all) = (0, 0);
    $c[0]->pump(sub {
        while (my $note = shift @{ $c[0]{notes} }) {
            $beats++ if $note->[0] eq 'auth.beat';
            return $all = 1 if $note->[0] eq 'auth.revoke'
                && !@{ $note->[1][0] };
        }
        return 0;
    }, SOON);
    cmp_ok($beats, '<=', 1, 'no beat without an answer');
    ok($all, 'another connection is made, what was missed is not known');
}
ok($c[0]->notification('auth.beat', SOON), 'beats again');
kill 'CONT', @backends;

# ---- drain

ok($c[0]->notification('auth.beat', SOON), 'beating');
kill 'TERM', $auth[0]->pid();
is_deeply($c[0]->notification('sys.goaway', SOON), [], 'going away is told');
is($auth[0]->stop(0), 0, 'a clean end');

# ---- killed and back: the database remembers

$auth[1]->stop('KILL');
my $again = auth();
is($again->connect()->error('auth.verify', { digest => $digest }), undef,
    'a good key is still good');
$again->stop();
unlike(join('', map { $_->log() } @auth, $again),
    qr/Sanitizer|runtime error/, 'no sanitizer errors');

done_testing();
