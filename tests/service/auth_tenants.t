#!/usr/bin/perl

# Organisations: what belongs to another one is answered as what is not there,
# to the byte, and stays as it was; who reaches others; and that nobody hands
# on, or acts upon, more than they have themselves.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Blake2b qw/ blake2b_hex /;
use Wizdata::Catalogue;
use Wizdata::Gateway;

# Tokens live longer than the test.
my $g = Wizdata::Gateway->start(WIZDATA_AUTH_ACCESS_TTL => '1h');
my %method = map { $_->{name} => $_ } catalogue();
my $json = JSON::PP->new->canonical;
my $PASSWORD = $Wizdata::Gateway::PASSWORD;

# Ids of four digits, so that there are others as long that are nobody's.
$g->sql("ALTER TABLE app_user ALTER COLUMN id RESTART WITH 1000;
    ALTER TABLE api_key ALTER COLUMN id RESTART WITH 2000;
    ALTER TABLE session ALTER COLUMN id RESTART WITH 3000");
my %NOBODY = (user => 9876, key => 9875, session => 9874);

sub call {
    my ($name, $credential, $args) = @_;

    my ($verb, $target, $body) = call_of($method{$name} // die($name), $args);
    return $g->ask($verb, $target, $credential, $body);
}


# ---- two tenants, and the platform ------------------------------------------

my @CLERK = qw/ users:* roles:* keys:* bars:read audit:read usage:read /;

sub somebody {
    my ($org, $kind, @roles) = @_;

    my $email = "$kind\@$org.example";
    my $id = $g->user($email, org => $org, roles => \@roles);
    my $login = $g->login($email, org => $org);
    my $key = eval { $g->rpc('keys.create', { org => $org, user => $email }) };
    return { id => $id, email => $email, token => $login->{access_token},
        session => $login->{session}, key_id => $key->{id},
        key => $key->{key} };
}

sub tenant {
    my ($org) = @_;

    $g->rpc('orgs.set', { name => $org, title => "Title of $org" });
    $g->rpc('roles.set', { org => $org, name => 'clerk',
        permissions => \@CLERK });
    $g->rpc('roles.set', { org => $org, name => "${org}s-own",
        permissions => ['bars:read'] });

    my %t = (org => $org);
    $t{$_} = somebody($org, $_, $_)
        for qw/ admin operator analyst reader ingest clerk /;
    $t{off} = somebody($org, 'off', 'reader');
    $g->rpc('users.update', { id => $t{off}{id},
        disabled => JSON::PP::true });
    $t{invited} = { id => $g->rpc('users.invite', { org => $org,
        email => "invited\@$org.example" })->{user_id} };
    # A key with what its owner needs to administer.
    $t{admin}{strong} = $g->rpc('keys.create', { org => $org,
        user => $t{admin}{email}, permissions => [qw/ bars:read users:*
            keys:* roles:* orgs:read usage:read audit:read plans:read /]
        })->{key};
    return \%t;
}

my $alpha = tenant('alpha');
my $bravo = tenant('bravo');

# Of the platform's own organisation, with and without orgs:read, orgs:write.
$g->rpc('roles.set', { name => 'blind', permissions => \@CLERK });
$g->rpc('roles.set', { name => 'seeing', permissions => [ @CLERK,
    'orgs:read' ] });
$g->rpc('roles.set', { name => 'reaching', permissions => [ @CLERK,
    'orgs:*' ] });
my %main = map { $_ => somebody('main', $_, $_) }
    qw/ admin operator blind seeing reaching /;

$g->sql("INSERT INTO usage_day (day, principal, key, plan, method, requests,
    cost, refused) SELECT '2026-11-26', p, '', 'default', 'bars.query', 1, 1, 0
    FROM unnest(ARRAY['user:$alpha->{admin}{id}', 'user:$alpha->{reader}{id}',
    'user:$bravo->{admin}{id}', 'user:$bravo->{reader}{id}',
    'user:$main{admin}{id}', 'else:user:$alpha->{reader}{id}']) p");

# All that is kept, but for the trail and what counts failures.
my @TABLES = qw/ org app_user role user_role api_key session refresh_token
    one_time_token recovery_code plan usage_day token_revocation signing_key
    scope product /;

sub stored {
    return { map { split /\|/, $_, 2 } split /\n/, $g->sql(join ' UNION ALL ',
        map { "SELECT '$_', md5(string_agg(t::text, ',' ORDER BY t::text))
            FROM $_ t" } @TABLES) };
}

# Did it stay so?
sub unchanged {
    my ($before, $what) = @_;

    my $now = stored();
    my @other = grep { $before->{$_} ne $now->{$_} } @TABLES;
    is("@other", '', "$what: nothing has changed");
}


# ---- what is another's is not there -----------------------------------------

# What the values of a parameter are: of the other tenant, of nobody.
my $them = $alpha->{reader};
my @users = map { [ $alpha->{$_}{id}, $NOBODY{user} ] }
    qw/ admin operator analyst reader ingest clerk off invited /;
my @refs = ([ $them->{email}, 'nobody@alpha.example' ],
    [ "user:$them->{id}", "user:$NOBODY{user}" ],
    [ "$them->{id}", "$NOBODY{user}" ]);
my @subjects = ([ "user:$them->{id}", "user:$NOBODY{user}" ],
    [ "key:$them->{key_id}", "key:$NOBODY{key}" ]);

sub is_about {
    my ($m, $name) = @_;

    return [ [ 'alpha', 'gamma' ] ] if $name eq 'org';
    return \@refs if $name eq 'user';
    return [ @subjects, [ 'role:alphas-own', 'role:gammas-own' ],
        [ "session:$them->{session}", "session:$NOBODY{session}" ] ]
        if $m eq 'audit.list' && $name eq 'subject';
    return [ [ "user:$them->{id}", "user:$NOBODY{user}" ],
        [ "else:user:$them->{id}", "else:user:$NOBODY{user}" ] ]
        if $name =~ /^(?:principal|actor)$/;
    return \@subjects if $name eq 'subject';
    return \@users if $name eq 'id' && $m =~ /^users\./;
    return [ map { [ $alpha->{$_}{key_id}, $NOBODY{key} ] }
        qw/ admin reader off / ] if $name eq 'id' && $m =~ /^keys\./;
    return [ [ $them->{session}, $NOBODY{session} ] ]
        if $name eq 'id' && $m =~ /^auth\.session/;
    return [ [ 'alphas-own', 'gammas-own' ] ] if $name eq 'role'
        || $m eq 'roles.delete' && $name eq 'name';
    return [ [ ['alphas-own'], ['gammas-own'] ] ] if $name eq 'roles';
    return;
}

# The other arguments that are right.
my %ALSO = (
    'users.create' => { email => 'new@bravo.example' },
    'users.invite' => { email => 'new@bravo.example' },
    'users.update' => { name => 'X' },
    'keys.create' => { permissions => ['bars:read'] },
    'roles.set' => { name => 'fresh' }, 'roles.delete' => { name => 'none' },
    'permissions.explain' => { action => 'bars.query' },
    'usage.get' => { principal => '*' },
    'auth.login' => { email => $them->{email}, password => 'wrong password' },
);

my @CASES;                      # [ method, its name, theirs, nobody's ]
for my $m (sort { $a->{name} cmp $b->{name} } values %method) {
    next if $m->{service} ne 'auth';
    for my $p (@{ $m->{params} }) {
        push @CASES, map { [ $m->{name}, $p->{name}, @$_ ] }
            @{ is_about($m->{name}, $p->{name}) || [] };
    }
}

# No parameter that names somebody or something has been forgotten.
{
    my %known = map { ("$_->[0] $_->[1]" => 1) } @CASES;
    my @left;
    for my $m (grep { $_->{service} eq 'auth' } values %method) {
        push @left, grep { !$known{$_} } map { "$m->{name} $_->{name}" }
            grep { $_->{path} || $_->{name}
                =~ /^(?:id|user|org|subject|principal|actor|roles?)$/ }
            @{ $m->{params} };
    }
    is("@left", 'plans.delete name', 'all but plans are tried, which are'
        . ' the platform\'s');
    cmp_ok(scalar @CASES, '>=', 90, 'many cases');
}

# Status, headers and body but for what names the request; the value itself
# is not told apart.
sub plain {
    my ($r, $value) = @_;

    my $text = join "\n", $r->status, (map { "@$_" }
        grep { $_->[0] !~ /^(?:date|x-request-id|traceparent)$/ }
        @{ $r->{headers} }), $r->body;
    $text =~ s/"(instance|request_id|trace_id)":"[^"]*"/"$1":""/g;
    for my $v (ref $value ? @$value : $value) {
        $text =~ s/\Q$v\E/VALUE/g;
    }
    return $text;
}

my @ACTORS = (
    (map { [ "bravo's $_", $bravo->{$_}{token} ] }
        qw/ admin operator analyst reader ingest clerk /),
    [ "a key of bravo's admin", $bravo->{admin}{strong} ],
    [ "a key of bravo's reader", $bravo->{reader}{key} ],
    [ "a key of bravo's clerk", $bravo->{clerk}{key} ],
    [ "the platform's blind", $main{blind}{token} ],
);

my $before = stored();
my $trail = $g->sql("SELECT count(*) FROM event e JOIN org o ON o.id = e.org_id
    WHERE o.name = 'alpha' AND e.action <> 'auth.login'");
for my $actor (@ACTORS) {
    my ($who, $credential) = @$actor;
    for my $case (@CASES) {
        my ($name, $param, $theirs, $nobodys) = @$case;
        next if $method{$name}{public};
        my ($r, $none) = map { call($name, $credential,
            { %{ $ALSO{$name} || {} }, $param => $_ }) } $theirs, $nobodys;
        my $shown = ref $theirs ? "@$theirs" : $theirs;
        is(plain($r, $theirs), plain($none, $nobodys),
            "$who: $name $param=$shown is as nobody's");

        # Empty lists apart, that is a refusal.
        my $status = $r->status;
        if ($status == 200 && $method{$name}{verb} eq 'GET') {
            my ($rows) = grep { ref eq 'ARRAY' } values %{ $r->json };
            is(scalar @$rows, 0, 'and an empty list');
        } else {
            like($status, qr/^40[034]$/, 'and refused');
        }
    }
}
unchanged($before, 'whatever was tried');

# Those who may do it all at home are told 404, and nothing else.
for my $case (grep { $_->[1] =~ /^(?:id|org|name)$/ } @CASES) {
    my ($name, $param, $theirs) = @$case;
    next if $method{$name}{public};
    is(call($name, $bravo->{admin}{token}, { %{ $ALSO{$name} || {} },
        $param => $theirs })->status, 404, "bravo's admin: $name"
        . " $param=$theirs is not found");
}

# Without a credential: log in where one does not belong.
for my $pair (
    [ { email => $bravo->{reader}{email}, org => 'alpha' },
        { email => $bravo->{reader}{email}, org => 'gamma' } ],
    [ { email => $them->{email}, org => 'bravo' },
        { email => 'nobody@alpha.example', org => 'bravo' } ],
    [ { email => $them->{email}, org => 'alpha', password => 'wrong one' },
        { email => 'nobody@alpha.example', org => 'alpha' } ],
    [ { email => $alpha->{off}{email}, org => 'alpha' },
        { email => 'xyz@alpha.example', org => 'alpha' } ],
    [ { email => 'invited@alpha.example', org => 'alpha' },
        { email => 'nothing@alpha.example', org => 'alpha' } ],
) {
    my ($r, $none) = map { call('auth.login', undef,
        { password => $PASSWORD, %$_ }) } @$pair;
    is($r->status, 401, 'nobody logs in elsewhere');
    is(plain($r, $pair->[0]{email}), plain($none, $pair->[1]{email}),
        'and learns nothing');
}
unchanged($before, 'logins that fail');
is($g->sql("SELECT count(*) FROM event e JOIN org o ON o.id = e.org_id
    WHERE o.name = 'alpha' AND e.action <> 'auth.login'"), $trail,
    "nothing is added to alpha's trail");

# Somebody whom another issuer knows belongs nowhere, whatever they may.
for my $case (@CASES) {
    my ($name, $param, $theirs, $nobodys) = @$case;
    next if $method{$name}{public} || $param eq 'principal';
    my ($r, $none) = map { $json->encode($g->rpc_error($name,
        { %{ $ALSO{$name} || {} }, $param => $_ }, sub => 'else:joe',
        perm => ['*'])) =~ s/\Q@{[ ref $_ ? $_->[0] : $_ ]}\E/VALUE/r }
        $theirs, $nobodys;
    is($r, $none, "somebody else's: $name $param");
    isnt($r, 'null', 'and refused');
}
unchanged($before, 'a stranger');


# ---- lists show what is one's own -------------------------------------------

sub list_of {
    my ($name, $credential, $args) = @_;

    my $r = call($name, $credential, { limit => 1000, %{ $args || {} } });
    is($r->status, 200, "$name is listed") or diag $r->body;
    my ($rows) = grep { ref eq 'ARRAY' } values %{ $r->json };
    return ($rows, $r->body);
}

sub column { my $name = shift; join ' ', sort map { $_->{$name} } @_ }

sub ids_of {
    my ($sql) = @_;
    return join ' ', sort split /\n/, $g->sql($sql);
}

for my $pair ([ $bravo, 'alpha' ], [ $alpha, 'bravo' ]) {
    my ($t, $other) = @$pair;
    my $org = "(SELECT id FROM org WHERE name = '$t->{org}')";
    for my $credential (map { $t->{admin}{$_} } qw/ token strong /) {
        my ($rows, $body) = list_of('users.list', $credential);
        is(column('id', @$rows), ids_of("SELECT id FROM app_user
            WHERE org_id = $org"), "$t->{org}: its users");
        unlike($body, qr/$other/, 'and none else');
        ($rows, $body) = list_of('keys.list', $credential);
        is(column('id', @$rows), ids_of("SELECT k.id FROM api_key k
            JOIN app_user u ON u.id = user_id WHERE org_id = $org"),
            'its keys');
        unlike($body, qr/$other/, 'and none else');

        # The gateway reports refusals later, so it may grow meanwhile.
        my $trail_ids = "SELECT seq FROM event WHERE org_id = $org";
        my $first = ids_of($trail_ids);
        ($rows, $body) = list_of('audit.list', $credential);
        my %listed = map { $_->{seq} => 1 } @$rows;
        is(join(' ', grep { !$listed{$_} } split ' ', $first), '',
            'all of its trail');
        delete @listed{ split ' ', ids_of($trail_ids) };
        is(join(' ', sort keys %listed), '', 'and nothing but its trail');
        unlike($body, qr/$other/, 'and no other');
        ($rows) = list_of('usage.get', $credential, { principal => '*' });
        is(column('principal', @$rows), join(' ', sort map {
            "user:$t->{$_}{id}" } qw/ admin reader /), 'its usage');
        for my $name (qw/ roles.list orgs.list /) {
            my $r = call($name, $credential);
            is($r->status, 200, "$name");
            unlike($r->body, qr/$other/, 'has nothing of the other');
            like($r->body, qr/$t->{org}/, 'but its own');
        }
        is(call($_, $credential, { org => '*', $_ eq 'usage.get'
            ? (principal => '*') : () })->status, 404, "$_: not of all")
            for qw/ usage.get audit.list /;
    }
    for my $kind (qw/ admin reader /) {
        my ($rows) = list_of('auth.sessions', $t->{$kind}{token});
        is(column('id', @$rows), "$t->{$kind}{session}", "one's own session");
        ($rows) = list_of('usage.get', $t->{$kind}{token});
        is(column('principal', @$rows), "user:$t->{$kind}{id}",
            "one's own usage");
    }
    my ($rows) = list_of('keys.list', $t->{reader}{token});
    is(column('id', @$rows), "$t->{reader}{key_id}", "a reader's own key");
    my $all = call('users.list', $t->{admin}{token}, { limit => 1,
        cursor => $alpha->{admin}{id} - 1 });
    unlike($all->body, qr/$other/, 'a cursor leads nowhere else');
}

# What is the platform's.
for my $name (qw/ plans.set plans.delete orgs.set tokens.revoke ingest.run /) {
    my %args = (limits => 'rate=1/s', name => 'default', sub => 'user:1000',
        provider => 'worldbank', dataset => 'indicator', permissions => ['*']);
    my %takes = map { $_->{name} => 1 } @{ $method{$name}{params} };
    for my $credential ($bravo->{admin}{token}, $bravo->{admin}{strong}) {
        is(call($name, $credential, { map { $_ => $args{$_} }
            grep { $takes{$_} } keys %args })->status, 403,
            "a tenant's admin does not $name");
    }
}
unchanged($before, 'lists, and what is not for tenants');


# ---- who reaches others -----------------------------------------------------

# Operators on the host, and from the platform's own organisation those who
# have orgs:read, to look, and orgs:write, to change.
my @LOOKS = (
    [ 'users.list', { org => 'alpha' } ], [ 'keys.list', { org => 'alpha' } ],
    [ 'keys.list', { org => 'alpha', user => $them->{email} } ],
    [ 'roles.list', { org => 'alpha' } ], [ 'audit.list', { org => 'alpha' } ],
    [ 'audit.list', { org => '*' } ],
    [ 'usage.get', { org => 'alpha', principal => '*' } ],
    [ 'usage.get', { org => '*', principal => '*' } ],
    [ 'users.get', { id => $them->{id} } ],
    [ 'keys.get', { id => $them->{key_id} } ],
    [ 'permissions.explain', { subject => "user:$them->{id}",
        action => 'bars:read' } ],
);
for my $look (@LOOKS) {
    my ($name, $args) = @$look;
    my $shown = "$name " . $json->encode($args);
    for my $who (qw/ admin operator seeing reaching /) {
        my $r = call($name, $main{$who}{token}, $args);
        is($r->status, 200, "$who sees $shown") or diag $r->body;
        like($r->body, qr/alpha|user:$them->{id}/, 'that of alpha');
    }
    is($g->rpc_error($name, $args), undef, 'an operator on the host');
    is(call($name, $main{blind}{token}, $args)->status, 404, 'blind does not');
}

my $n = 0;
my @CHANGES = (
    sub { [ 'users.create', { org => 'alpha', roles => ['alphas-own'],
        email => 'n' . ++$n . '@alpha.example' } ] },
    sub { [ 'users.invite', { org => 'alpha', roles => ['alphas-own'],
        email => 'n' . ++$n . '@alpha.example' } ] },
    (map { my $name = $_; sub { [ $name, { id => little(), $name
        eq 'users.update' ? (name => 'N' . ++$n) : () } ] } } qw/ users.update
        users.reset users.verify users.logout users.totp_end users.delete /),
    sub { [ 'keys.create', { org => 'alpha', user => 'user:' . little(),
        permissions => ['bars:read'] } ] },
    (map { my $name = $_; sub { [ $name, { id => $g->rpc('keys.create',
        { org => 'alpha', user => 'user:' . little(),
            permissions => ['bars:read'] })->{id} } ] } }
        qw/ keys.rotate keys.revoke /),
    sub { [ 'roles.set', { org => 'alpha', name => 'r' . ++$n,
        permissions => ['bars:read'] } ] },
    sub { $g->rpc('roles.set', { org => 'alpha', name => 'gone',
        permissions => ['bars:read'] });
        return [ 'roles.delete', { org => 'alpha', name => 'gone' } ] },
);

# Somebody in alpha with next to nothing.
sub little {
    return $g->rpc('users.create', { org => 'alpha', roles => ['alphas-own'],
        email => 'l' . ++$n . '@alpha.example' })->{id};
}

for my $change (@CHANGES) {
    for my $who (qw/ admin reaching /) {
        my ($name, $args) = @{ $change->() };
        my $r = call($name, $main{$who}{token}, $args);
        like($r->status, qr/^20[01]$/, "$who may $name in alpha")
            or diag $r->body;
    }
    my ($name, $args) = @{ $change->() };
    my $now = stored();
    for my $who (qw/ blind seeing /) {
        is(call($name, $main{$who}{token}, $args)->status, 404,
            "$who may not $name there");
    }
    is(call($name, $main{operator}{token}, $args)->status,
        $name =~ /^keys\.(?:rotate|revoke)/ ? 404
            : $name eq 'keys.create' ? 404 : 403, 'nor whoever only looks');
    unchanged($now, $name);
    is($g->rpc_error($name, $args), undef, 'an operator on the host may');
}


# ---- nobody hands on what they lack -----------------------------------------

# As a key would have it: the user is bravo's admin, the permissions fewer.
my @SETS = (
    [qw/ users:write roles:write keys:write bars:read /],
    [qw/ users:* roles:* keys:* bars:* /],
    [qw/ users:write roles:write keys:write *:read /],
    [qw/ users:write roles:write keys:write fx:read quotes:read /],
);
my @WISHES = ([qw/ bars:read /], [qw/ bars:* /], [qw/ * /],
    [qw/ bars:read fx:read /], [qw/ users:write /], [qw/ users:read /],
    [qw/ tokens:write /], [qw/ quotes:read fx:read /], [qw/ roles:* /]);

sub covers {
    my ($set, $wish) = @_;

    return !grep { my $p = $_; !grep { permits($_, $p) } @$set } @$wish;
}

# What both permit, of two permissions; none: ().
sub meet {
    my @parts = map { $_ eq '*' ? [qw/ * * /] : [ split /:/ ] } @_;
    my @both;

    for my $i (0, 1) {
        my ($x, $y) = map { $_->[$i] } @parts;
        return () if $x ne '*' && $y ne '*' && $x ne $y;
        push @both, $x eq '*' ? $y : $x;
    }
    return join ':', @both;
}

my $owner = "user:$bravo->{admin}{id}";
my $maker = $g->rpc('keys.create', { org => 'bravo', user => $owner })->{id};
my @ceiling = split /\n/, $g->sql("SELECT unnest(ceiling) FROM org
    WHERE name = 'bravo'");
for my $set (@SETS) {
    my @as = (sub => $owner, key => "key:$maker", perm => $set);
    for my $wish (@WISHES) {
        my $may = covers($set, $wish);
        my $now = stored();
        my $error = $g->rpc_error('roles.set', { name => 'w' . ++$n,
            permissions => $wish }, @as);
        is($error && $error->[0], $may ? undef : -4, "(@$set) "
            . ($may ? 'makes' : 'does not make') . " a role of (@$wish)");
        unchanged($now, 'a role') unless $may;

        # Of a role counts what the organisation may have.
        my $role = 'g' . ++$n;
        $g->rpc('roles.set', { org => 'bravo', name => $role,
            permissions => $wish });
        my $given = covers($set, [ map { my $w = $_; map { meet($w, $_) }
            @ceiling } @$wish ]);
        $now = stored();
        for my $name (qw/ users.create users.invite /) {
            $error = $g->rpc_error($name, { roles => [$role],
                email => 'w' . ++$n . '@bravo.example' }, @as);
            is($error && $error->[0], $given ? undef : -4, "(@$set) "
                . ($given ? 'gives' : 'does not give') . " it: $name");
        }
        unchanged($now, 'a user') unless $given;

        # A key has no more than its owner and its maker.
        my $has = covers(\@ceiling, $wish);
        $now = stored();
        $error = $g->rpc_error('keys.create', { user => $owner,
            permissions => $wish }, @as);
        is($error && $error->[0], !$has ? -2 : $may ? undef : -4,
            "(@$set) and a key with (@$wish)");
        unchanged($now, 'a key') if $error;
    }
}

# An existing role, or key, with more is not changed to less either.
$g->rpc('roles.set', { org => 'bravo', name => 'strong',
    permissions => [qw/ users:write roles:write /] });
my $strong = $g->rpc('keys.create', { org => 'bravo', user => $owner,
    permissions => [qw/ users:write roles:write /] })->{id};
my $readers = $g->rpc('keys.create', { org => 'bravo',
    user => "user:$bravo->{reader}{id}" })->{id};
my @weak = (sub => "user:$bravo->{reader}{id}", key => "key:$readers",
    perm => [qw/ users:write roles:write keys:write bars:read /]);
my @weaker = (sub => "user:$bravo->{reader}{id}", key => "key:$readers",
    perm => [qw/ roles:write keys:write bars:read /]);
{
    my $now = stored();
    for my $case ([ 'roles.set', { name => 'strong',
        permissions => ['bars:read'] } ], [ 'roles.delete',
        { name => 'strong' } ], [ 'keys.rotate', { id => $strong } ])
    {
        my ($name, $args) = @$case;
        is(($g->rpc_error($name, $args, @weaker) || [0])->[0], -4,
            "$name of what is more than one has");
    }
    unchanged($now, 'refusals');
    is($g->rpc_error('keys.rotate', { id => $strong }, @weak), undef,
        'of what is no more');
    for my $built_in (qw/ reader admin /) {
        isnt($g->rpc_error('roles.set', { name => $built_in,
            permissions => ['bars:read'] }, sub => $owner, perm => ['*']),
            undef, "$built_in is built in");
        isnt($g->rpc_error('roles.delete', { name => $built_in },
            sub => $owner, perm => ['*']), undef, 'and stays');
    }
}

# ---- nobody acts on somebody who may do more --------------------------------

my @ACTS = ([ 'users.update', { name => 'X' } ],
    [ 'users.update', { email => 'taken@bravo.example' } ],
    [ 'users.update', { disabled => JSON::PP::true } ],
    [ 'users.update', { roles => ['bravos-own'] } ], [ 'users.reset', {} ],
    [ 'users.verify', {} ], [ 'users.logout', {} ], [ 'users.totp_end', {} ],
    [ 'users.delete', {} ]);
{
    my $now = stored();
    for my $act (@ACTS) {
        my ($name, $args) = @$act;
        for my $target (map { $bravo->{$_} } qw/ admin operator analyst
            reader ingest /)
        {
            my $r = call($name, $bravo->{clerk}{token},
                { %$args, id => $target->{id} });
            is($r->status, 403, "a clerk's $name of $target->{email}")
                or diag $r->body;
        }
        # A key that has less than its owner does not act on the owner.
        my $error = $g->rpc_error($name, { %$args, id => $bravo->{admin}{id} },
            sub => $owner, key => 'key:1', perm => ['users:write']);
        is($error && $error->[0], -4, "a narrow key's $name of its owner");
    }
    is(call('users.update', $bravo->{clerk}{token}, { id =>
        $bravo->{clerk}{id}, roles => [qw/ clerk reader /] })->status, 403,
        'nobody gives themselves more');
    is(call('users.update', $bravo->{clerk}{token}, { id =>
        $bravo->{clerk}{id}, plan => 'default' })->status, 403,
        'or another plan');
    is(call('users.delete', $bravo->{admin}{token}, { id =>
        $bravo->{admin}{id} })->status, 403, 'nobody deletes themselves');
    unchanged($now, 'refusals');
}
for my $act (@ACTS) {
    my ($name, $args) = @$act;
    my $id = $g->user('t' . ++$n . '@bravo.example', org => 'bravo',
        roles => ['bravos-own'], password => undef);
    my $r = call($name, $bravo->{clerk}{token},
        { %$args, id => $id, exists $args->{email}
            ? (email => "t$n\@other.example") : () });
    is($r->status, 200, "a clerk's $name of somebody with less")
        or diag $r->body;
}


# ---- less is less at once ---------------------------------------------------

# Asked until it is so, or for too long.
sub becomes {
    my ($want, $what, $sub) = @_;

    my $got;
    $g->wait_until(sub { ($got = $sub->()) eq $want });
    is($got, $want, $what);
}

sub verdict {
    my ($digest) = @_;

    my $frame = $g->{rpc}->answer($g->{rpc}->ask('auth.verify',
        { digest => $digest }));
    return $frame->[2] ? $frame->[2][0] : join ' ', sort
        @{ $frame->[3][1]{perm} };
}

my $zed = somebody('bravo', 'zed', 'clerk');
my $digest = blake2b_hex($zed->{key}, 32);

sub token_state { return call('auth.me', $zed->{token})->status }

sub narrows {
    my ($what, $do, $perms) = @_;

    my $was = $zed->{token};
    is(token_state(), 200, "$what: the token is good before");
    $do->();
    becomes($perms, "$what: the key has what is left", sub {
        verdict($digest) });
    becomes('401', 'and the token is void', \&token_state);
    my $may = grep { permits($_, 'users:read') } split ' ', $perms;
    becomes($may ? '200' : $perms eq '-3' ? '401' : '403',
        'and the gateway asks for it', sub {
            call('users.list', $zed->{key})->status });
}

sub again { $zed->{token} = $g->token($zed->{email}, org => 'bravo') }

is(verdict($digest), 'audit:read bars:read keys:read roles:read usage:read'
    . ' users:read', 'by default a key reads');
narrows('a role less', sub { $g->rpc('users.update', { id => $zed->{id},
    roles => ['bravos-own'] }) }, 'bars:read');
again();
narrows('a role more', sub { $g->rpc('users.update', { id => $zed->{id},
    roles => [qw/ bravos-own clerk /] }) }, 'audit:read bars:read keys:read'
    . ' roles:read usage:read users:read');
again();
narrows('a role of less', sub { $g->rpc('roles.set', { org => 'bravo',
    name => 'clerk', permissions => [qw/ users:read usage:read /] }) },
    'bars:read usage:read users:read');
again();
narrows('an organisation of less', sub { $g->rpc('orgs.set', {
    name => 'bravo', permissions => [qw/ bars:* users:* /] }) },
    'bars:read users:read');
again();
my $refresh = $g->login($zed->{email}, org => 'bravo')->{refresh_token};
narrows('a disabled organisation', sub { $g->rpc('orgs.set', {
    name => 'bravo', disabled => JSON::PP::true }) }, '-3');
isnt(call('auth.refresh', undef, { refresh_token => $refresh })->status, 200,
    'nobody in it gets new tokens');
isnt(call('auth.login', undef, { email => $zed->{email}, org => 'bravo',
    password => $PASSWORD })->status, 200, 'or logs in');
isnt($g->rpc_error('auth.me', {}, sub => "user:$zed->{id}", perm => ['*']),
    undef, 'or does anything with a token that has not been heard of');
is(call('auth.me', $alpha->{reader}{token})->status, 200,
    'others are not concerned');
$g->rpc('orgs.set', { name => 'bravo', disabled => JSON::PP::false });
becomes('bars:read users:read', 'and enabled: keys are good again', sub {
    verdict($digest) });
is(token_state(), 401, 'tokens are not');
again();
is(token_state(), 200, 'others are');
narrows('a disabled user', sub { $g->rpc('users.update', { id => $zed->{id},
    disabled => JSON::PP::true }) }, '-3');
$g->rpc('users.update', { id => $zed->{id}, disabled => JSON::PP::false });
again();
narrows('a deleted user', sub { $g->rpc('users.delete',
    { id => $zed->{id} }) }, '-3');
is($g->rpc_error('auth.token', { sub => "user:$zed->{id}", iat => 1 })->[0],
    -3, 'auth.token says so, too');
