#!/usr/bin/perl

# Limits of one host: rates, quotas, groups, cost, concurrency, addresses,
# what the client is told, plans that are pushed, reloads, killed workers.

use warnings;
use strict;

use POSIX ();
use Time::HiRes qw/ time /;

use IO::Select;
use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;
    my $s = $req->{args}{symbol} ? $req->{args}{symbol}[0] : '';
    return hold('held') if $s eq 'HOLD';
    return '{"ok":1}';
});

my %key = map { $_ => $t->add_key(perm => ['*'], plan => $_) }
    qw/ small burst day dry multi conc cost pushed groups month pipe /;
my $stranger = $t->add_key(perm => ['*'], plan => 'never-heard-of');
my $weak = $t->add_key(perm => ['macro:read'], plan => 'small');

my $http = <<'END';
wizdata_plan default rate=1000/s burst=500;
    wizdata_plan small rate=3/h burst=3;
    wizdata_plan burst rate=2/s burst=4;
    wizdata_plan day day=5 tz=Asia/Kathmandu;
    wizdata_plan month month=2;
    wizdata_plan dry rate=1/h dry_run;
    wizdata_plan multi rate=5/h burst=5 rate=100/d burst=100 day=50;
    wizdata_plan conc concurrency=2;
    wizdata_plan cost rate=100/h burst=10;
    wizdata_plan groups rate=2/h burst=2;
    wizdata_plan pipe rate=30/h burst=30;
    wizdata_limit_anonymous rate=4/h burst=4 ipv6_prefix=48;
    wizdata_limit_group heavy macro.*;
    wizdata_limit_zone 2m;
    log_format limit '$status $wizdata_limit $wizdata_limit_policy '
                     '$wizdata_limit_remaining';
END

my $location = <<'END';
wizdata_limit on;
            access_log %%TESTDIR%%/limit.log limit;
END

my $servers = <<'END';
    server {
        listen 127.0.0.1:%%PORT_8081%% proxy_protocol;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        wizdata_errors on;

        location /v1/ {
            wizdata_api on;
            wizdata_limit on;
            wizdata_limit_headers both;
        }

        location /off/ {
            rewrite ^/off(.*)$ $1 break;
            wizdata_api on;
        }

        location = /api/status/rate-limit {
            wizdata_limit on;
            wizdata_status_rate_limit;
        }

        location = /health/detailed {
            wizdata_limit on;
            wizdata_health_detailed;
        }

        location /api/status/cache {
            wizdata_limit on;
            wizdata_status_cache;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8082%%;
        wizdata_errors on;

        location /v1/ {
            wizdata_api on;
            wizdata_limit dry_run;
            wizdata_limit_headers legacy;
        }

        location /any/ {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            rewrite ^/any(.*)$ $1 break;
            wizdata_api on;
            wizdata_limit on;
            wizdata_limit_headers off;
        }

        location = /file {
            wizdata_access key;
            wizdata_limit on;
            alias %%TESTDIR%%/file;
        }

        location /old/ {
            error_page 429 = @busy;
            rewrite ^/old(.*)$ $1 break;
            wizdata_api on;
            wizdata_limit on;
        }

        location @busy {
            return 503 "busy\n";
        }
    }
END

$t->config(workers => 2, http => $http, location => $location,
    servers => $servers);
$t->run();

sub bars {
    my ($key, %o) = @_;

    return get('/v1/bars?symbol=' . ($o{symbol} // 'A'), key => $key, %o);
}

# From an address, as the PROXY protocol says it.
sub from {
    my ($address, $path, %o) = @_;

    my $family = $address =~ /:/ ? 'TCP6' : 'TCP4';
    my $to = $address =~ /:/ ? '::1' : '127.0.0.1';
    my $c = client(port => port(8081));
    $c->send("PROXY $family $address $to 1000 80\r\n"
        . Test::Wizdata::build($o{method} || 'GET', $path, key => undef, %o));
    return $c->response;
}


# ---- one rate ---------------------------------------------------------------

my $began = time();
my $r = bars($key{small});
is($r->status, 200, 'within the limit');
is($r->header('RateLimit-Policy'), '"hour";q=3;w=3600', 'the policy');
like($r->header('RateLimit'), qr/^"hour";r=2;t=1(200|199)$/, 'what is left');
is($r->header('X-RateLimit-Limit'), undef, 'no older headers unasked');
is($r->header('Retry-After'), undef, 'nothing to wait for');

bars($key{small}) for 1 .. 2;
$r = bars($key{small});
is_problem($r, 429, 'rate-limited', 'over the limit');
cmp_ok($r->header('Retry-After'), '<=', 1200, 'when to come back');
cmp_ok($r->header('Retry-After'), '>=', 1199 - (time() - $began),
    'less what has gone by');
is($r->json->{policy}, 'hour', 'the problem names the policy');
is_deeply($r->json->{'violated-policies'}, ['hour'], 'as the draft does');
is($r->json->{retry_after}, $r->header('Retry-After'), 'the same in the body');
like($r->header('RateLimit'), qr/^"hour";r=0;t=3[56]\d\d$/, 'nothing is left');
is($t->backend_calls('analytics', 'bars.query'), 3,
    'no call for a refused one');

my @log;
$t->poll(sub { @log = split /\n/, $t->read_file('limit.log'); @log >= 4 });
# A worker logs after it has answered, so lines of two come in any order.
@log = sort @log;
is(join(', ', @log[ 0 .. $#log - 1 ]),
    '200 passed hour 0, 200 passed hour 1, 200 passed hour 2',
    'log of those that passed');
is($log[-1], '429 rejected hour 0', 'log of one that did not');

# A principal whose permission does not reach is not the limit's business.
is(bars($weak)->status, 403, 'no permission');


# ---- Retry-After is right to the second --------------------------------------

my $used = 0;
$used++ until ($r = bars($key{burst}))->status == 429 || $used > 1000;
cmp_ok($used, '>=', 4, 'the burst is used up');
is($r->header('Retry-After'), 1, 'half a second is said as one');
select undef, undef, undef, $r->header('Retry-After');
is(bars($key{burst})->status, 200, 'who waits as told is served');


# ---- several windows, all or none --------------------------------------------

$r = bars($key{multi});
is($r->header('RateLimit-Policy'),
    '"hour";q=5;w=3600, "day";q=100;w=86400, "day-quota";q=50;w=86400',
    'every policy');
bars($key{multi}) for 1 .. 9;
$r = bars($key{multi});
is($r->status, 429, 'one window is full');
like($r->header('RateLimit'),
    qr/^"hour";r=0;t=\d+, "day";r=95;t=\d+, "day-quota";r=45;t=\d+$/,
    'refusals took nothing from the others');


# ---- quotas of the calendar --------------------------------------------------

bars($key{day}) for 1 .. 5;
$r = bars($key{day});
is_problem($r, 429, 'quota-exceeded', 'the quota of the day');
is($r->json->{policy}, 'day-quota', 'its name');

# Midnight in Kathmandu is 18:15 in UTC.
my $left = 86400 - (time() - 18 * 3600 - 15 * 60) % 86400;
cmp_ok(abs($r->header('Retry-After') - $left), '<=', 3,
    'until midnight in its time zone');

bars($key{month}) for 1 .. 2;
$r = bars($key{month});
is($r->json->{policy}, 'month-quota', 'the quota of the month');
my @g = gmtime;
my $next = POSIX::mktime(0, 0, 0, 1, $g[4] + 1, $g[5]) - POSIX::mktime(@g);
cmp_ok(abs($r->header('Retry-After') - $next), '<=', 3, 'until the first');


# ---- who has no plan, dry run, cost, groups -----------------------------------

is(bars($stranger)->header('RateLimit-Policy'), '"second";q=1000;w=1',
    'an unknown plan is the default one');

my @dry = map { bars($key{dry}) } 1 .. 3;
is(join(' ', map { $_->status } @dry), '200 200 200',
    'a dry plan refuses nobody');
$t->wait_for('but says so', sub {
    return $t->read_file('limit.log') =~ /^200 dry_rejected hour 0$/m;
});

bars($key{groups}) for 1 .. 2;
is(bars($key{groups})->status, 429, 'a group is used up');
isnt(get('/v1/macro?code=GDP', key => $key{groups})->status, 429,
    'another group is not');

# keys.create costs five.
post('/v1/keys', { principal => 'x' }, key => $key{cost});
$r = bars($key{cost});
like($r->header('RateLimit'), qr/^"hour";r=4;/, 'a request takes its cost');


# ---- however requests arrive ---------------------------------------------------

my $one = Test::Wizdata::build('GET', '/v1/bars?symbol=A', key => $key{pipe},
    keepalive => 1);
my $c = client();
$c->send($one x 20);
my %count;
$count{ $c->response->status }++ for 1 .. 20;
is($count{200}, 20, 'pipelined requests are counted one by one');

$c = client();
$c->send($_) for split //, $one;
$r = $c->response;
like($r->header('RateLimit'), qr/^"hour";r=9;/, 'one that comes in bytes is one');

$c = client();
$c->send(substr $one, 0, 60);
$c->close;
$c = client();
$c->send($one x 12);
%count = ();
$count{ $c->response->status }++ for 1 .. 12;
is("$count{200} $count{429}", '9 3', 'one that never came is none');

# Locations that are not the API's.
$t->write_file('file', "file\n");
my @files = map { get('/file', key => $key{pipe}, port => port(8082))->status }
    1 .. 2;
is("@files", '429 429', 'the same limits for any location');
is(get('/file', port => port(8082))->body, "file\n", 'of another principal');


# ---- the other switches -------------------------------------------------------

my @legacy = map { bars($key{small}, port => port(8082)) } 1 .. 2;
is($legacy[1]->status, 200, 'dry_run of the location');
is($legacy[1]->header('X-RateLimit-Limit'), 3, 'older headers: limit');
is($legacy[1]->header('X-RateLimit-Remaining'), 0, 'remaining');
cmp_ok(abs($legacy[1]->header('X-RateLimit-Reset') - time() - 3600), '<', 60,
    'reset');
is($legacy[1]->header('RateLimit'), undef, 'not the newer ones');

$r = get('/any/v1/bars?symbol=A', key => undef, port => port(8082));
is($r->status, 200, 'satisfy any: by address');
is($r->header('RateLimit'), undef, 'headers are off');

$r = get('/old/v1/bars?symbol=A', key => $key{small}, port => port(8082));
is($r->status, 503, 'error_page of a refusal');
is($r->body, "busy\n", 'with its own text');

$r = from('10.9.9.9', '/off/v1/bars?symbol=A', key => $key{small});
is($r->status, 200, 'nothing is limited unasked');
is($r->header('RateLimit'), undef, 'nor told');


# ---- addresses ----------------------------------------------------------------

my @a = map { from('10.0.0.1', '/v1/bars?symbol=A') } 1 .. 5;
is(join(' ', map { $_->status } @a), '401 401 401 401 429',
    'refused credentials count against the address');
is_problem($a[4], 429, 'rate-limited', 'the refusal');
is(from('10.0.0.2', '/v1/bars?symbol=A')->status, 401, 'another address');
is(from('10.0.0.1', '/v1/bars?symbol=A', key => wd_apikey())->status, 429,
    'an invented key is throttled');
is(from('10.0.0.1', '/v1/bars?symbol=A', key => $t->key)->status, 200,
    'a good one never');
is(from('10.0.0.1', '/v1/bars?symbol=A', key => $t->key)
        ->header('RateLimit-Policy'), '"second";q=1000;w=1',
    'it has its own limits');

my @six = map { from("2001:db8:1:$_\::1", '/v1/bars?symbol=A') } 1 .. 5;
is(join(' ', map { $_->status } @six), '401 401 401 401 429',
    'IPv6 addresses of one prefix are one client');
is(from('2001:db8:2::1', '/v1/bars?symbol=A')->status, 401, 'another prefix');
is(from('::ffff:10.0.0.1', '/v1/bars?symbol=A')->status, 429,
    'IPv4 in IPv6 is IPv4');

# Pages that need a credential are no way around that.
for my $page ([ 1, 'GET', '/api/status/rate-limit' ],
    [ 2, 'GET', '/health/detailed' ], [ 3, 'GET', '/api/status/cache' ],
    [ 4, 'POST', '/api/status/cache/clear' ])
{
    my ($n, $method, $path) = @$page;
    @a = map { from("10.0.3.$n", $path, key => wd_apikey(),
        method => $method)->status } 1 .. 5;
    is("@a", '401 401 401 401 429', "refused credentials at $path");
    isnt(from("10.0.3.$n", $path, key => $t->key, method => $method)->status,
        429, 'a good one');
}


# ---- the status page ----------------------------------------------------------

my $s = from('10.0.0.2', '/api/status/rate-limit')->json;
is($s->{status}, 'enabled', 'status page');
is($s->{rate_limit}{client_id}, 'anonymous', 'of nobody');
is($s->{rate_limit}{limit}, 4, 'the limit');
is($s->{rate_limit}{remaining}, 3, 'what is left of it');
is($s->{rate_limit}{current_count}, 1, 'what is used of it');

$s = from('10.0.0.1', '/api/status/rate-limit', key => $key{multi})->json;
my $rl = $s->{rate_limit};
like($rl->{client_id}, qr/^user:\d+$/, 'of a principal, not its key');
is($rl->{remaining}, 0, 'the tightest window');
is($rl->{burst_limit}, 5, 'its burst');
cmp_ok(abs($rl->{reset} - time() - $rl->{reset_after}), '<', 3, 'reset');
is(join(' ', map { $_->{policy} } @{ $rl->{windows} }), 'hour day day-quota',
    'all windows');
is($rl->{windows}[2]{remaining}, 45, 'equal to the headers');
is(from('10.0.4.1', '/api/status/rate-limit', key => 'x')->status, 401,
    'a bad credential');


# ---- plans that auth pushes ---------------------------------------------------

like(bars($key{pushed})->header('RateLimit-Policy'), qr/"second"/,
    'before the push');
$t->backend_ctl('auth', 'notify', 'auth.plans',
    [ [ [ 'pushed', 'rate=70/h burst=70' ], [ 'small', 'rate=9/h burst=9' ],
        [ 'broken', 'rate=x' ] ] ]);
$t->wait_for('pushed plans are in force in every worker', sub {
    my @p = map { bars($key{pushed})->header('RateLimit-Policy') } 1 .. 3;
    return 3 == grep { defined && /^"hour";q=70;w=3600$/ } @p;
});
is(bars($key{small})->header('RateLimit-Policy'), '"hour";q=9;w=3600',
    'over those of nginx.conf');
$t->allow(qr/the plan "broken" of auth/);

# What was spent by the old numbers is no debt by the new ones.
$t->poll(sub { bars($key{small})->status == 429 }) or fail('small is spent');
$t->backend_ctl('auth', 'notify', 'auth.plans',
    [ [ [ 'small', 'rate=1000/s burst=1000' ] ] ]);
$t->wait_for('who may have more has it', sub {
    return 20 == grep { bars($key{small})->status == 200 } 1 .. 20;
});
$t->backend_ctl('auth', 'notify', 'auth.plans', [ [] ]);
$t->wait_for('and are taken back', sub {
    return bars($key{small})->header('RateLimit-Policy') =~ /q=3;/;
});


# ---- concurrency --------------------------------------------------------------

sub hold_one {
    my $c = client();
    $c->send(Test::Wizdata::build('GET', '/v1/bars?symbol=HOLD',
        key => $key{conc}));
    return $c;
}

# Two that are with the backend: asked for one by one, so that neither meets
# the place of another that is just over.
sub hold_two {
    my $before = $t->backend_ctl('analytics', 'held');
    my @c;
    $t->wait_for('two are held', sub {
        my $n = $t->backend_ctl('analytics', 'held') - $before;
        return 1 if $n >= 2;
        @c = grep { !IO::Select->new($_->{fh})->can_read(0) } @c; # refused
        push @c, hold_one() if $n >= @c;
        return;
    });
    return @c;
}

my @held = hold_two();
$r = bars($key{conc});
is_problem($r, 429, 'rate-limited', 'two at a time');
is($r->json->{policy}, 'concurrency', 'the policy');
is($r->header('RateLimit-Policy'), '"concurrency";q=2;qu="concurrent-requests"',
    'whose unit is no request of a window');

# Clients that go away give their places back.
$_->close for @held;
$t->wait_for('aborted requests hold nothing', sub {
    return bars($key{conc})->status == 200;
});
hold_one()->close for 1 .. 20;
$t->wait_for('however often', sub { bars($key{conc})->status == 200 });

# A worker that is killed takes its places with it.
@held = hold_two();
$t->allow(qr/worker process \d+ exited on signal 9/);
kill 'KILL', $t->workers;
$t->wait_for('places of killed workers are free', sub {
    my $r = eval { bars($key{conc}) };
    return $r && $r->status == 200;
});


# ---- metrics ------------------------------------------------------------------

my $m = get('/metrics')->body;
like($m, qr/^rate_limit_hits_total\{client_type="api_key"\} [1-9]/m,
    'refusals are counted');
like($m, qr/^rate_limit_hits_total\{client_type="anonymous"\} [1-9]/m,
    'of addresses, too');
like($m, qr/^wizdata_limit_admitted_total\{client_type="api_key"\} [1-9]/m,
    'and what passed');
like($m, qr/^wizdata_limit_dry_run_total\{client_type="api_key"\} [1-9]/m,
    'and dry runs');
$t->wait_for('no place is held any more', sub {
    return get('/metrics')->body =~ /^wizdata_limit_concurrent 0$/m;
});


# ---- reload -------------------------------------------------------------------

is(bars($key{day})->status, 429, 'before the reload');
$t->renew;
is(bars($key{day})->status, 429, 'limits survive a reload');

my $conf = $t->read_file('nginx.conf');
$t->write_file('nginx.conf', $conf =~ s/limit_zone 2m/limit_zone 4m/r);
$t->renew;
is(bars($key{day})->status, 429, 'and one that changes the size');
