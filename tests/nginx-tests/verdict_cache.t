#!/usr/bin/perl

# Verdicts of auth are cached, shared by all workers, and bounded in what they
# may hide: time to live, negative answers, auth's silence.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { '{}' });
$t->auth(undef, methods => {
    'auth.verify' => sub {
        my ($req) = @_;

        my $v = $t->{keys}{ $req->{args}{digest} };
        my $do = $v ? reply(undef, meta => $v) : error_reply(-3, 'unknown');
        return $req->{backend}{slow} ? hold($do) : $do;
    } });
$t->config(workers => 2,
    http => 'wizdata_verdict_ttl 60s; wizdata_negative_ttl 200ms;');
$t->run();

my $path = '/v1/bars?symbol=IBM';

sub status { return get($path, key => $_[0])->status }

sub asked {
    my ($key) = @_;
    my $digest = key_digest($key);
    return scalar grep { $_->{args}{digest} eq $digest }
        $t->backend_requests('auth', 'auth.verify');
}

# Wait until both workers know that auth can be trusted to push.
$t->poll(sub { $t->backend_ctl('auth', 'conns') == 2 });

# ---- one question for many requests, whichever worker ----

my $key = $t->add_key(perm => ['*']);
is(join(' ', map { status($key) } 1 .. 30), join(' ', (200) x 30),
    'thirty requests over connections of their own');
cmp_ok(asked($key), '<=', 2, 'no more than one question per worker');
cmp_ok(asked($key), '>=', 1, 'and auth was asked');

is(($t->backend_requests('auth', 'auth.verify'))[0]{dump},
    '{"digest":"' . key_digest($key) . '"}',
    'by the digest of the key, in hexadecimal');

my $other = $t->add_key(perm => ['*']);
is(status($other), 200, 'another key');
is(asked($other), 1, 'is another question');

# ---- one question for requests that come at the same time ----

$key = $t->add_key(perm => ['*']);
$t->backend_ctl('auth', 'set', 'slow', 1);
my @c = map { client() } 1 .. 10;
$_->send_request('GET', $path, key => $key) for @c;
$t->poll(sub { $t->backend_ctl('auth', 'held') > 0 });
# One more, so that what came before it has been looked at.
my $last = $t->add_key(perm => ['*']);
my $c = client();
$c->send_request('GET', $path, key => $last);
$t->poll(sub { asked($last) });
cmp_ok(asked($key), '<=', 2, 'one question per worker for a cold herd');
$t->backend_ctl('auth', 'set', 'slow', undef);
my @status;
for my $one (@c, $c) {
    $t->backend_ctl('auth', 'release');
    push @status, $one->response->status;
}
is("@status", join(' ', (200) x 11), 'all of it is answered');

# A client that leaves does not take the answer from those who wait with it.
$key = $t->add_key(perm => ['*']);
$t->backend_ctl('auth', 'set', 'slow', 1);
@c = map { client() } 1 .. 6;
$_->send_request('GET', $path, key => $key) for @c;
$t->poll(sub { $t->backend_ctl('auth', 'held') > 0 });
(shift @c)->reset for 1 .. 3;
$t->backend_ctl('auth', 'set', 'slow', undef);
@status = ();
for my $one (@c) {
    $t->backend_ctl('auth', 'release');
    push @status, $one->response->status;
}
is("@status", '200 200 200', 'others left while the question was open');

# ---- negative answers, for a while ----

my $unknown = wd_apikey();
is(status($unknown), 401, 'unknown key');
$t->wait_for('asked again when the negative answer is old', sub {
    status($unknown) == 401 && asked($unknown) > 2 });
$t->{backends}{auth}->ctl('know', key_digest($unknown),
    { sub => 'new', key => '9', plan => 'p', perm => ['*'] });
$t->wait_for('a key that was made since is accepted',
    sub { status($unknown) == 200 });

# ---- a spray of unknown keys does not push out the good ones ----

status($other);
my $before = asked($other);
my $spray = client();
for (1 .. 300) {
    $spray->get($path, key => wd_apikey());
}
is(status($other), 200, 'a good key after 300 unknown ones');
cmp_ok(asked($other) - $before, '<=', 1, 'is still known');

# ---- auth falls silent: the verdict is good for a second, then asked ----

$before = asked($other);
$t->backend_ctl('auth', 'set', 'beat', undef);
$t->wait_for('without heartbeats auth is asked again', sub {
    status($other) == 200 && asked($other) > $before });
$t->backend_ctl('auth', 'set', 'beat', 1);

# ---- auth is gone ----

$t->backend_stop('auth');
my %seen;
$t->wait_for('auth is down: 503 in the end', sub {
    my $r = get($path, key => $other);
    $seen{ $r->status }++;
    return $r->status == 503;
});
is(join(' ', grep { !/^(200|503)$/ } keys %seen), '',
    'and nothing but 200 before');
my $r = get($path, key => $other);
is_problem($r, 503, 'unavailable', 'a problem');
like($r->header('retry-after') // '', qr/^\d+$/, 'that says when to try again');
is(status(wd_apikey()), 503, 'an unknown key is not told from a known one');
is(get('/health')->status, 200, 'the gateway lives');

$t->backend_start('auth');
$t->wait_for('auth is back', sub { status($other) == 200 });
