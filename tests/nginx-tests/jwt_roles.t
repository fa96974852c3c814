#!/usr/bin/perl

# Roles of tokens: what auth says that they permit counts, at once and in all
# workers, also for answers that have begun.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Backend qw/ frame_notify /;
use Wizdata::Jwt;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $d = $t->dir;
my $k = Wizdata::Jwt->new($d, 'ES256', kid => 'k');
$t->write_file('keys.json', jwks($k));

sub conf {
    my (%o) = (direct => 'roles=direct', @_);

    $t->config(workers => 2, http => <<"END", server => <<'END2',
    wizdata_timeout bars.query 60s;
    wizdata_jwt_issuer direct name=d audience=wizdata
        keys=file:$d/keys.json $o{direct};
    wizdata_jwt_issuer mapped name=m audience=wizdata
        keys=file:$d/keys.json roles_claim=realm_access.roles
        "role=Data Team=reader,writer" role=a=b=reader role=ghost=nobody
        grant=base=macro:read permissions_claim=groups;
    wizdata_jwt_issuer plain name=p audience=wizdata
        keys=file:$d/keys.json;
END
        location = /api/status/config { wizdata_status_config public; }
        location /slow/ {
            wizdata_access bars:read;
            proxy_buffering off;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/;
        }
END2
        servers => <<'END');
    server {
        listen 127.0.0.1:%%PORT_8081%%;
        location / {
            limit_rate 20k;
            alias %%TESTDIR%%/;
        }
    }
END
    $t->default_config;
}

$t->write_file('large', 'x' x 4_000_000);
$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = ref $req->{args}{symbol} ? $req->{args}{symbol}[0] : '';
    return stream(1_000_000, stall_at => 200_000) if $s eq 'OPEN';
    return hold('{"held":1}') if $s eq 'HOLD';
    return '{}';
});

# Auth tells of the table on each new connection once it has one.
$t->auth(undef,
    methods => { 'auth.token' => sub {
        my ($req) = @_;
        return $req->{backend}{slow} ? hold(reply(undef)) : reply(undef);
    } },
    greet => sub {
        my ($conn) = @_;
        my $table = $conn->{backend}{roles};
        $conn->send(frame_notify('auth.roles', [$table])) if $table;
    },
    commands => { roles => sub {
        my ($b, $table) = @_;
        $b->{roles} = $table;
        $_->send(frame_notify('auth.roles', [$table]))
            for values %{ $b->{conns} };
        return 1;
    } });
conf();
$t->run();
$t->poll(sub { $t->backend_ctl('auth', 'conns') == 2 });

my %table;

# Changes of the table; undef takes a role away.
sub roles {
    my (%change) = @_;

    %table = (%table, %change);
    delete $table{$_} for grep { !$table{$_} } keys %table;
    $t->backend_ctl('auth', 'roles', [ map { [ $_, $table{$_} ] }
        sort keys %table ]);
}

my $n = 0;

sub token {
    my ($iss, %claims) = @_;

    return $k->token({ iss => $iss, sub => 'u' . ++$n, permissions => undef,
        %claims });
}

sub bearer {
    my ($token, $path) = @_;

    return get($path || '/v1/instruments?q=x', key => undef,
        headers => ["Authorization: Bearer $token"]);
}

# Of both workers.
sub statuses {
    my ($token, $path) = @_;

    my %n = map { bearer($token, $path)->status => 1 } 1 .. 10;
    return join ' ', sort keys %n;
}

# All of them, some time after a change: each worker has to hear of it.
sub becomes {
    my ($name, $want, $token, $path) = @_;

    return $t->wait_for($name, sub { statuses($token, $path) eq $want });
}

# The permissions that the backend saw.
sub perms {
    my ($token) = @_;

    my $r = bearer($token);
    return $r->status if $r->status != 200;
    my $ctx = ($t->backend_requests('analytics'))[-1]{ctx};
    return join ' ', @{ $ctx->{perm} };
}

# ---- nothing was told yet ---------------------------------------------------

my $reader = token('direct', roles => ['reader']);
my $team = token('mapped', realm_access => { roles => ['Data Team'] });
my $shown = '/api/status/config';
is(get($shown, key => undef)->json->{gateway}{jwt}{roles_known}, undef,
    'no role is known');
for my $case ([ 'a role' => $reader ], [ 'a role that is mapped' => $team ],
    [ 'a role beside permissions' => token('direct', permissions => ['*'],
        roles => 'x') ])
{
    my ($name, $token) = @$case;
    my $r = bearer($token);
    is($r->status, 503, "$name: nobody can tell") or diag($r->text);
    ok($r->header('retry-after'), "$name: Retry-After");
}
is(bearer(token('direct', permissions => ['*']))->status, 200,
    'a token without roles needs none');
is(bearer(token('direct', permissions => ['*'], roles => []))->status, 200,
    'nor one with an empty list');
is(bearer(token('plain', permissions => ['*'], roles => ['x']))->status, 200,
    'nor one of an issuer without');
is(bearer(token('direct', roles => 7))->status, 401, 'a number is none');
like($t->read_file('error.log'), qr/\[warn\].*tokens have roles, of which auth/,
    'the log tells');

roles(reader => [qw/ instruments:read bars:read /], idle => [],
    writer => [qw/ bars:read bars:write /]);
becomes('the table is told', '200', $reader);
becomes('to all', '200', $team);
is(get($shown, key => undef)->json->{gateway}{jwt}{roles_known}, 3,
    'three roles are known');

# ---- what roles give --------------------------------------------------------

my @cases = (
    [ 'a list', 'instruments:read bars:read', 'direct',
        roles => ['reader'] ],
    [ 'a text', 'instruments:read bars:read', 'direct', roles => 'reader' ],
    [ 'words', 'instruments:read bars:read bars:write', 'direct',
        roles => 'idle reader writer' ],
    [ 'beside permissions', 'quotes:read bars:read instruments:read', 'direct',
        permissions => [qw/ quotes:read bars:read /], roles => ['reader'] ],
    [ 'unknown roles give nothing', 'instruments:read bars:read', 'direct',
        roles => [ 'nobody', 'Reader', 'reader', 'a b', 'x/y' ] ],
    [ 'only unknown ones', 403, 'direct', roles => ['nobody'] ],
    [ 'a role without permissions', 403, 'direct', roles => ['idle'] ],
    [ 'no roles', 403, 'direct' ],
    [ 'a dotted claim, mapped', 'instruments:read bars:read bars:write',
        'mapped', realm_access => { roles => [ 'x', 'Data Team' ] } ],
    [ 'a claim of that very name', 'instruments:read bars:read', 'mapped',
        'realm_access.roles' => ['a=b'] ],
    [ 'a text there', 'instruments:read bars:read', 'mapped',
        realm_access => { roles => 'a=b' } ],
    [ 'with grants of another claim', 'macro:read instruments:read bars:read',
        'mapped', groups => ['base'], realm_access => { roles => ['a=b'] } ],
    [ 'mapped is not direct', 403, 'mapped',
        realm_access => { roles => [ 'reader', 'ghost' ] } ],
    [ 'another claim', 403, 'mapped', roles => ['Data Team'] ],
    [ 'roles where they do not count', 403, 'plain', roles => ['reader'] ],
);
for my $case (@cases) {
    my ($name, $want, $iss, %claims) = @$case;
    my $token = token($iss, %claims);
    is(perms($token), $want, $name);
    is(perms($token), $want, "$name: again");
}

# ---- hostile claims ---------------------------------------------------------

for my $case ([ 'null' => 'null' ], [ 'a number' => '7' ],
    [ 'true' => 'true' ], [ 'an object' => '{"reader":1}' ],
    [ 'a list with a number' => '["reader",1]' ],
    [ 'a list in a list' => '[["reader"]]' ], [ 'a null in it' => '[null]' ],
    [ 'a name twice' => '{"a":1,"a":2}' ],
    [ 'deep' => '[' x 30 . ']' x 30 ])
{
    my ($name, $json) = @$case;
    for my $form ([ direct => qq("roles":$json) ],
        [ mapped => qq("realm_access":{"roles":$json}) ])
    {
        my ($iss, $claim) = @$form;
        my $token = $k->token(qq({"iss":"$iss","aud":"wizdata","sub":"h",)
            . qq("exp":9999999999,$claim}));
        my $client = client();
        my $r = $client->get('/v1/instruments?q=x', key => undef,
            headers => ["Authorization: Bearer $token"]);
        is_problem($r, 401, 'unauthenticated', "$iss, $name");
        $r = $client->get('/v1/instruments?q=x', key => undef,
            headers => ["Authorization: Bearer $reader"]);
        is($r->status, 200, "$iss, $name: the next request");
        $client->close;
    }
}
is(perms(token('mapped', realm_access => 'Data Team')), 403,
    'no object on the way');
is(perms(token('direct', roles => [ map { "r$_" } 1 .. 300 ])), 403,
    'many of them');

# ---- too many permissions ---------------------------------------------------

my @many = map { "r:$_" } 'a' .. 'z', map { "s$_" } 'a' .. 'e';
roles(most => \@many);
my $most = token('direct', roles => ['most'],
    permissions => ['instruments:read']);
$t->wait_for('32 permissions', sub { perms($most) ne '403' });
is(perms($most), join(' ', 'instruments:read', @many), 'are let in');
is_problem(bearer(token('direct', roles => [ 'most', 'reader' ])), 401,
    'unauthenticated', 'and 33 refused', qr/more than 32 permissions/);

# ---- the table changes ------------------------------------------------------

roles(reader => ['bars:read']);
becomes('a permission is taken away', '403', $reader);
roles(reader => [qw/ bars:read instruments:read /]);
becomes('and added', '200', $reader);
roles(reader => undef);
becomes('the role is deleted', '403', $reader);
becomes('of a mapped one, too', '403', token('mapped',
    realm_access => { roles => ['a=b'] }));
roles(reader => [qw/ bars:read instruments:read /]);
becomes('and made anew', '200', $reader);

# The same table again: nothing is judged anew.
$t->wait_for('verdicts are kept', sub {
    bearer($reader) for 1 .. 4;
    return get('/metrics', key => undef)->body
        =~ /^wizdata_jwt_total\{outcome="cached"\} [1-9]/m;
});
sub changes {
    return get('/metrics', key => undef)->body
        =~ /^wizdata_revocations_total\{kind="role"\} (\d+)$/m ? $1 : -1;
}
my $changes = changes();
roles();
$t->backend_ctl('auth', 'ping');
is(statuses($reader), '200', 'the same table');
is(changes(), $changes, 'is no change');

# ---- answers that have begun ------------------------------------------------

sub begin {
    my ($path, $token) = @_;

    my $c = client();
    $c->send_request('GET', $path, key => undef, keepalive => 1,
        headers => ["Authorization: Bearer $token"]);
    like($c->until(qr/\r\n\r\n/), qr/^HTTP\S+ 200/, "$path has begun");
    return $c;
}

sub lives {
    my ($c) = @_;

    for (1 .. 100) {
        my $in = '';
        vec($in, fileno $c->{fh}, 1) = 1;
        return 1 unless select $in, undef, undef, 0.01;
        return 0 unless sysread $c->{fh}, my $bytes, 65536;
    }
    return 1;
}

my @open = map { begin($_, $reader) } ('/v1/bars?symbol=OPEN') x 4,
    ('/slow/large') x 4;
my $other = begin('/v1/bars?symbol=OPEN', token('direct',
    roles => ['writer']));
my $own = begin('/v1/bars?symbol=OPEN', token('plain',
    permissions => ['bars:read']));
my @held = map {
    my $c = client();
    $c->send_request('GET', '/v1/bars?symbol=HOLD', key => undef,
        keepalive => 1, headers => ["Authorization: Bearer $reader"]);
    $c;
} 1 .. 4;
$t->poll(sub { $t->backend_ctl('analytics', 'held') > 0 });

roles(reader => [qw/ bars:read quotes:read /]);
becomes('a change that allows them', '403', $reader);
is(scalar(grep { lives($_) } @open), 8, 'answers go on');

roles(reader => ['quotes:read']);
$t->wait_for('a change that does not: they end', sub {
    return !grep { lives($_) } @open;
});
is(join(' ', map { $_->response->status } @held), '403 403 403 403',
    'and calls that are awaited');
ok(lives($other), 'another role goes on');
ok(lives($own), 'and a token without');
$t->backend_ctl('analytics', 'release');
$_->close for $other, $own;

# ---- while auth is asked about the token ------------------------------------

# Without beats auth is asked about each token; the role goes meanwhile.
roles(reader => [qw/ bars:read instruments:read /]);
becomes('the role is back', '200', $reader);
$t->backend_ctl('auth', 'set', 'beat', 0);
$t->backend_ctl('auth', 'set', 'slow', 1);
my $late = token('direct', roles => ['reader']);
my @waiting;
$t->wait_for('auth is asked', sub {
    my $c = client();
    $c->send_request('GET', '/v1/instruments?q=x', key => undef,
        keepalive => 1, headers => [ 'Authorization: Bearer '
            . token('direct', roles => ['reader']) ]);
    push @waiting, $c;
    select undef, undef, undef, 0.1;
    return $t->backend_ctl('auth', 'held') > 0;
});
roles(reader => ['bars:read']);
$t->backend_ctl('auth', 'set', 'slow', 0);
$t->backend_ctl('auth', 'release');
is($waiting[-1]->response->status, 403, 'judged by what is true in the end');
$_->close for @waiting;
$t->backend_ctl('auth', 'set', 'beat', 1);
roles(reader => [qw/ bars:read instruments:read /]);
becomes('the role is back', '200', $late);

# ---- reload, workers, auth --------------------------------------------------

ok($t->renew, 'reload');
is(statuses($reader), '200', 'the table survives it');
conf(direct => 'role=boss=reader');
ok($t->renew, 'reload that maps otherwise');
is(statuses($reader), '403', 'what is no role any more');
is(statuses(token('direct', roles => ['boss'])), '200', 'and what is one');
conf();
ok($t->renew, 'and back');
is(statuses($reader), '200', 'as before');

my @old = $t->workers;
kill 'KILL', @old;
$t->allow(qr/exited on signal 9|worker process \d+ exited/);
$t->wait_for('new workers', sub {
    my @w = $t->workers;
    return @w == 2 && !grep { my $w = $_; grep { $_ == $w } @old } @w;
});
becomes('the table outlives the workers', '200', $reader);
roles(reader => ['bars:read']);
becomes('and changes afterwards', '403', $reader);

# ---- tables that are malformed ----------------------------------------------

roles(reader => [qw/ bars:read instruments:read /]);
becomes('a good table', '200', $reader);
sub connections { return scalar(my @all = $t->backend_events('auth',
    'connect')) }

my @long = map { [ "r$_", [] ] } 1 .. 1001;
for my $case ([ 'nil', [undef] ],
    [ 'a row of three', [ [ [ 'reader', ['*'], 1 ] ] ] ],
    [ 'a permission of another form', [ [ [ 'reader', ['bars'] ] ] ] ],
    [ '33 permissions', [ [ [ 'reader', [ ('*') x 33 ] ] ] ] ],
    [ 'a name twice', [ [ [ 'reader', [] ], [ 'reader', ['*'] ] ] ] ],
    [ '1001 roles', [ \@long ] ])
{
    my ($name, $params) = @$case;
    $t->poll(sub { $t->backend_ctl('auth', 'conns') == 2 });
    my $before = connections();
    $t->backend_ctl('auth', 'notify', 'auth.roles', $params);
    $t->wait_for("$name: both connections are closed", sub {
        return connections() >= $before + 2;
    });
    becomes("$name: nothing of it counts", '200', $reader);
}
is(get($shown, key => undef)->json->{gateway}{jwt}{roles_known},
    scalar keys %table, 'the last good one does');
pop @long;
$t->backend_ctl('auth', 'roles', [ @long[ 0 .. 998 ],
    [ 'reader', ['instruments:read'] ] ]);
$t->wait_for('1000 roles', sub { perms($reader) eq 'instruments:read' });

# ---- what is shown ----------------------------------------------------------

my $c = get($shown, key => undef)->json->{gateway}{jwt};
is($c->{roles_known}, 1000, 'roles are counted');
my %iss = map { $_->{issuer} => $_ } @{ $c->{issuers} };
ok($iss{direct}{roles_direct} && !$iss{mapped}{roles_direct}, 'shown: direct');
is($iss{mapped}{roles_claim}, 'realm_access.roles', 'the claim');
is_deeply($iss{mapped}{roles}, { 'Data Team' => [qw/ reader writer /],
    'a=b' => ['reader'], ghost => ['nobody'] }, 'the map');
