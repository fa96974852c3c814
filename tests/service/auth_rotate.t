#!/usr/bin/perl

# API keys of users: replaced with an overlap, never wider than owner and
# caller, on the plans that they may have; when they were used last.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Auth;
use Wizdata::Blake2b qw/ blake2b_hex /;
use Wizdata::MessagePack;

use constant { SOON => 20, NS => 1_000_000_000 };

my $pg = auth_database();
my @auth = map { auth_start($pg) } 1 .. 2;
my @c = map { $_->connect() } @auth;
my ($c) = @c;
$_->notification('auth.beat', SOON) for @c;
my @secrets;

# The new key, or the error.
sub ask_key {
    my ($method, $args, %context) = @_;
    my $frame = $c->answer($c->ask($method, $args, %context));
    return $frame->[2] if $frame->[2];
    my $key = JSON::PP->new->decode($frame->[3][2]);
    push @secrets, $key->{key};
    return $key;
}
sub create { return ask_key('keys.create', @_) }
sub rotate { return ask_key('keys.rotate', @_) }
sub verdict { my ($key, $at) = @_;
    return ($at // $c)->error('auth.verify',
        { digest => blake2b_hex($key->{key}, 32) }) }
sub meta { return ($c->call('auth.verify',
    { digest => blake2b_hex($_[0]{key}, 32) }))[1] }
sub get { return ask_json($c, 'keys.get', { id => $_[0]{id} }, @_[1 .. $#_]) }
sub ends { $pg->psql("SELECT coalesce(extract(epoch FROM expires_at
    - now())::int::text, '') FROM api_key WHERE id = $_[0]{id}") }
sub refused_as {
    my ($got, $code, $param, $what) = @_;
    is_deeply(ref $got eq 'ARRAY' ? [ $got->[0], ($got->[2] // {})->{param} ]
        : $got, [ $code, $param ], $what);
}

$c->call('plans.set', { name => $_, limits => 'rate=9/s' })
    for qw/ gold silver /;
my $ada = user_add($c, 'ada@example.com', roles => ['admin'], plan => 'gold');
my $eve = user_add($c, 'eve@example.com');
my @ada = as(login($c, 'ada@example.com', PASSWORD));
my @eve = as(login($c, 'eve@example.com', PASSWORD));

# ---- replaced

my $old = create({ name => 'laptop', permissions => [ 'bars:read', 'news:read' ],
    networks => [ '203.0.113.0/24', '2001:db8::/32' ],
    methods => [ 'bars.query', 'quotes.query' ], mode => 'test',
    expires => 4_102_444_800 * NS }, @ada);
ok($old->{key}, 'a key of one\'s own') or diag explain $old;
my $before = time;
my $new = rotate({ id => $old->{id}, overlap => 3600 }, @ada);
like($new->{key}, qr/^wd_test_/, 'a new one of the same mode');
isnt($new->{key}, $old->{key}, 'another secret');
is($new->{rotated_from}, $old->{id}, 'which says in whose place');
is_deeply([ @$new{qw/ name permissions networks methods plan user_id
    expires_at scopes product /} ], [ @$old{qw/ name permissions networks
    methods plan user_id expires_at scopes product /} ], 'and is as narrow');
is_deeply({ %{ meta($new) }, key => 0 }, { %{ meta($new) }, key => 0,
    perm => [ 'bars:read', 'news:read' ], nets => [ '203.0.113.0/24',
    '2001:db8::/32' ], methods => [ 'bars.query', 'quotes.query' ],
    exp => 4_102_444_800 * NS }, 'so is its verdict');
is(verdict($old, $_), undef, 'the old one is good for a while') for @c;
cmp_ok(abs(ends($old) - 3600), '<=', 60, 'an hour');
cmp_ok(abs(meta($old)->{exp} / NS - time - 3600), '<=', 60,
    'which gateways are told');
ok(get($old)->{revoked_at} ? 0 : 1, 'it is not revoked');
$pg->psql("UPDATE api_key SET expires_at = now() WHERE id = $old->{id}");
ok(wait_for(sub { verdict($old, $_) }), 'then it has ended') for @c;
is(verdict($new, $_), undef, 'the new one goes on') for @c;

$_->forget() for @c;
my $third = rotate({ id => $new->{id}, overlap => 0 }, @ada);
ok($_->notification('auth.revoke', SOON), 'without overlap all are told')
    for @c;
ok(wait_for(sub { verdict($new, $_) }), 'it ends at once') for @c;
is(verdict($third), undef, 'the next one is good');
my $plain = create({}, @ada);
rotate({ id => $plain->{id} }, @ada);
cmp_ok(abs(ends($plain) - 86400), '<=', 60, 'a day unless said otherwise');
my $short = create({ expires => int(time + 120) * NS }, @ada);
rotate({ id => $short->{id}, overlap => 3600 }, @ada);
cmp_ok(ends($short), '<=', 120, 'nor does an overlap make a life longer');

refused_as(rotate({ id => $new->{id} }, @ada), -8, undef, 'one that ended');
my $gone = create({}, @ada);
$c->call('keys.revoke', { id => $gone->{id} }, @ada);
refused_as(rotate({ id => $gone->{id} }, @ada), -8, undef, 'a revoked one');
refused_as(rotate({ id => $third->{id}, overlap => $_ }, @ada), -2, 'overlap',
    "no overlap: $_") for -1, 7776001, 'x';
refused_as(rotate({ id => 999999 }, @ada), -5, undef, 'none');
refused_as(rotate({ id => $third->{id} }, @eve), -5, undef,
    'what is not one\'s own is not there');
is(verdict($third), undef, 'and stays');
is($pg->psql("SELECT count(*) FROM api_key WHERE rotated_from =
    $third->{id}"), '0', 'so nothing was made');

# two at the same moment: both are made, or one; never an old one that lives
for my $round (1 .. 10) {
    my $key = create({}, @ada);
    my @ids = map { $_->ask('keys.rotate', { id => $key->{id}, overlap => 0 },
        @ada) } @c;
    my @good = grep { !$_->[2] } map { $c[$_]->answer($ids[$_]) } 0, 1;
    is(scalar @good, 1, 'one of two replaces a key');
}

# ---- nobody hands on what they lack

my $wide = create({ permissions => [ 'bars:read', 'users:write' ] }, @ada);
my $maker = create({ permissions => ['bars:read'] }, @ada);
my @narrow = (@ada, key => "key:$maker->{id}", perm => [ 'account:write',
    'bars:read' ]);
refused_as(create({ permissions => ['users:write'] }, @narrow), -4, undef,
    'a key makes no wider key');
refused_as(rotate({ id => $wide->{id} }, @narrow), -4, undef,
    'nor gets one by replacing it');
is(ends($wide), '', 'which stays as it is');
my $same = create({ permissions => ['bars:read'] }, @ada);
ok(rotate({ id => $same->{id} }, @narrow)->{key}, 'one as narrow it replaces');
refused_as(rotate({ id => $same->{id} }, @ada, key => 'key:1',
    perm => ['bars:read']), -4, undef, 'not without account:write');
refused_as(rotate({ id => $wide->{id} }, perm => [ 'keys:write', 'bars:read' ]),
    -4, undef, 'nor does an administrator who has less');
ok(rotate({ id => $wide->{id} })->{key}, 'one who has all does');
refused_as(create({ permissions => ['users:read'] }, @eve), -2, 'permissions',
    'no more than the owner has');
refused_as(create({ user => 'ada@example.com' }, @eve), -4, undef,
    'none for others');

# a key makes none that may be used where, for what or when it may not
for my $limit ([ networks => ['203.0.113.0/24'] ], [ methods => ['bars.query'] ],
    [ expires => 4_102_444_800 * NS ])
{
    my ($name, $value) = @$limit;
    my $limited = create({ permissions => ['bars:read'], @$limit }, @ada);
    my @with = (@ada, key => "key:$limited->{id}",
        perm => [ 'account:write', 'bars:read' ]);
    my $ends = $name eq 'expires';
    refused_as(create({ permissions => ['bars:read'] }, @with), -4, undef,
        "$name: no key without");
    my $other = create({ permissions => ['bars:read'] }, @ada);
    refused_as(rotate({ id => $other->{id} }, @with), -4, undef,
        "$name: nor one in place of another");
    is(ends($other), '', 'which stays as it is');
    my $within = create({ permissions => ['bars:read'], @$limit }, @with);
    $ends ? is($within->{expires_at}, $limited->{expires_at},
            'one that ends as early')
        : refused_as($within, -4, undef, "$name: none at all");
    is_deeply(rotate({ id => $limited->{id} }, @with)->{$name} // $value,
        $value, "$name: its own successor is limited as it is");
}
my $stale = create({ permissions => ['bars:read'] }, @ada);
$c->call('keys.revoke', { id => $stale->{id} }, @ada);
refused_as(create({ permissions => ['bars:read'] }, @ada,
    key => "key:$stale->{id}", perm => [ 'account:write', 'bars:read' ]), -4,
    undef, 'a revoked key, of which the gateway has not heard, makes none');

# what the owner loses, keys lose
my $hers = create({ permissions => [ 'bars:read', 'news:read' ] }, @eve);
is_deeply(meta($hers)->{perm}, [ 'bars:read', 'news:read' ], 'eve\'s key');
$c->call('roles.set', { name => 'bars', permissions => ['bars:*'] });
$c->call('users.update', { id => $eve, roles => ['bars'] });
ok(wait_for(sub { "@{ meta($hers)->{perm} }" eq 'bars:read' }),
    'loses what she does');
@eve = as(login($c, 'eve@example.com', PASSWORD));
my $less = rotate({ id => $hers->{id} }, @eve);
is_deeply(meta($less)->{perm}, ['bars:read'], 'the next one has no more');
$c->call('users.update', { id => $eve, roles => ['reader'] });
@eve = as(login($c, 'eve@example.com', PASSWORD));

# ---- scopes and products

my %scope = map { $_->{name} => $_->{permissions} }
    @{ ask_json($c, 'scopes.list', {})->{scopes} };
my %product = map { $_->{name} => $_->{scopes} }
    @{ ask_json($c, 'scopes.list', {})->{products} };
is_deeply([ sort keys %product ], [ qw/ connect pulse trader vueon wealth / ],
    'products');
is($pg->psql('SELECT count(*) FROM scope'), scalar keys %scope, 'scopes');
my $key = create({ scopes => [ 'news', 'charting' ] }, @ada);
is_deeply($key->{scopes}, [ 'news', 'charting' ], 'a key of scopes');
is_deeply([ sort @{ $key->{permissions} } ], [ sort @{ $scope{news} },
    @{ $scope{charting} } ], 'has their permissions');
is_deeply(get($key)->{scopes}, [ 'news', 'charting' ], 'which it keeps');
is_deeply(rotate({ id => $key->{id} }, @ada)->{scopes}, [ 'news', 'charting' ],
    'and so does the next one');
for my $name (sort keys %product) {
    my $key = create({ product => $name }, @ada);
    my %want = map { map { $_ => 1 } @{ $scope{$_} } } @{ $product{$name} };
    is("$key->{product} @{ $key->{scopes} }", "$name @{ $product{$name} }",
        "a key of $name");
    is_deeply([ sort @{ $key->{permissions} } ], [ sort keys %want ],
        'has what its scopes have');
}
is_deeply([ sort @{ create({ scopes => ['news'], permissions =>
    ['bars:read'] }, @ada)->{permissions} } ], [ 'bars:read', 'news:read' ],
    'permissions beside scopes');
is_deeply(create({ scopes => ['admin'] }, @eve)->{permissions},
    [ sort split /\n/, $pg->psql("SELECT unnest(permissions) FROM role
        WHERE name = 'reader'") ], 'admin is what the owner has')
    or diag explain get($key);
is_deeply(create({ product => 'vueon', scopes => ['news'] }, @ada)
    ->{permissions}, ['news:read'], 'scopes of a product, if none are named');
refused_as(create({ scopes => ['nothing'] }, @ada), -2, 'scopes', 'no scope');
refused_as(create({ product => 'nothing' }, @ada), -2, 'product',
    'no product');
$c->call('users.update', { id => $eve, roles => ['bars'] });
@eve = as(login($c, 'eve@example.com', PASSWORD));
refused_as(create({ scopes => ['news'] }, @eve), -2, 'permissions',
    'scopes of which the owner has nothing');

# ---- plans

is(create({}, @ada)->{plan}, 'gold', 'the owner\'s plan');
is(create({ user => 'ada@example.com' })->{plan}, 'gold',
    'for an operator, too');
is(create({ plan => 'gold' }, @ada, perm => ['*:read'])->{plan}, 'gold',
    'by its name');
refused_as(create({ plan => 'silver' }, @ada, perm => ['*:read']), -4, undef,
    'another needs plans:write');
is(create({ plan => 'silver' }, @ada)->{plan}, 'silver', 'with it it is given');
refused_as(create({ plan => 'none' }, @ada), -2, 'plan', 'no such plan');
refused_as(create({ plan => 'gold' }, @eve), -4, undef,
    'nor may others take it');
is(create({ plan => 'default' }, @eve)->{plan}, 'default', 'their own');
my $silver = create({ plan => 'silver' }, @ada);
is(rotate({ id => $silver->{id} }, @ada, perm => ['*:read'])->{plan}, 'silver',
    'a new one keeps the plan');
is(meta($silver)->{plan}, 'silver', 'verdicts say it');
is($c->error('plans.delete', { name => 'silver' })->[0], -8,
    'a plan that a key has is not deleted');

# ---- when it was used last

sub used { $pg->psql("SELECT last_used_at FROM api_key WHERE id = $_[0]{id}") }
my $seq = 0;
sub report {
    my ($c, @keys) = @_;
    return ask_json($c, 'usage.add', { gateway => 'g', seq => ++$seq,
        rows => [ map { [ '2026-11-26', "user:$ada", $_, 'gold', 'bars.query',
        1, 1, 0 ] } @keys ] })->{added};
}
my @two = map { create({}, @ada) } 1 .. 2;
is(used($_), '', 'never') for @two;
is(get($two[0])->{last_used_at}, undef, 'as it is shown');
ok(report($c, "key:$two[0]{id}", '', 'key:x', 'key:99999999999999999999',
    'key:', 'other:1'), 'a report of all kinds of keys');
my $first = used($two[0]);
isnt($first, '', 'used');
is(used($two[1]), '', 'the other one was not');
like(get($two[0])->{last_used_at}, qr/^20\d\d-.*Z$/, 'as it is shown');
my $writes = "SELECT xmin FROM api_key WHERE id = $two[0]{id}";
my $xmin = $pg->psql($writes);
report($_ % 2 ? $c[0] : $c[1], "key:$two[0]{id}", "key:$two[1]{id}")
    for 1 .. 6;
is(used($two[0]), $first, 'within a minute it is not written again');
is($pg->psql($writes), $xmin, 'not at all');
isnt(used($two[1]), '', 'though others are');
# When the second that is left was enough for it.
my $last;
for (1 .. 10) {
    $pg->psql("UPDATE api_key SET last_used_at = now() - interval '59 s'
        WHERE id = $two[0]{id}");
    $first = used($two[0]);
    report($c, "key:$two[0]{id}");
    $last = used($two[0]);
    last if $pg->psql("SELECT '$first' > now() - interval '60 s'") eq 't';
}
is($last, $first, '59 seconds later neither');
$pg->psql("UPDATE api_key SET last_used_at = now() - interval '61 s'
    WHERE id = $two[0]{id}");
$first = used($two[0]);
$_->forget() for @c;
report($c, "key:$two[0]{id}");
isnt(used($two[0]), $first, '61 seconds later it is');
$first = used($two[0]);
$c->call('usage.add', { gateway => 'g', seq => $seq, rows => [ [ '2026-11-26',
    'x', "key:$two[1]{id}", '', '', 1, 1, 0 ] ] });
$c->call('keys.revoke', { id => $two[1]{id} });
my %told;
until ($told{ blake2b_hex($two[1]{key}, 32) }) {
    my $params = $c->notification('auth.revoke', SOON) or last;
    $told{$_} = 1 for @{ $params->[0] };
}
ok($told{ blake2b_hex($two[1]{key}, 32) }, 'of a revocation gateways are told');
ok(!$told{ blake2b_hex($two[0]{key}, 32) }, 'and not of a use');

# ---- get and list

is_deeply([ sort keys %{ get($silver) } ], [ qw/ created_at expires_at id last4
    last_used_at methods name networks permissions plan prefix product
    revoked_at rotated_from scopes user user_id / ], 'members of a key');
is(get($silver)->{prefix} . '..' . get($silver)->{last4},
    substr($silver->{key}, 0, 12) . '..' . substr($silver->{key}, -4),
    'prefix and last four');
is(get($silver, @ada)->{id}, $silver->{id}, 'one\'s own');
is($c->error('keys.get', { id => $silver->{id} }, @eve)->[0], -5,
    'not that of others');
is($c->error('keys.get', { id => $silver->{id} }, @eve, perm => ['keys:read']),
    undef, 'but with keys:read');
is($c->error('keys.get', { id => $silver->{id} }, @ada, key => 'key:1',
    perm => ['bars:read'])->[0], -4, 'a key sees no keys');
my $mine = ask_json($c, 'keys.list', { limit => 1000 }, @eve);
is_deeply([ map { $_->{user_id} } @{ $mine->{keys} } ],
    [ ($eve) x $pg->psql("SELECT count(*) FROM api_key WHERE
        user_id = $eve") ], 'a list of one\'s own');
is($c->error('keys.list', { user => 'ada@example.com' }, @eve)->[0], -4,
    'not of others');
is(scalar @{ ask_json($c, 'keys.list', { limit => 1000 })->{keys} },
    $pg->psql('SELECT count(*) FROM api_key'), 'an operator sees all');
my ($page, @paged);
do {
    $page = ask_json($c, 'keys.list', { limit => 3, $page
        ? (cursor => $page->{next}) : () }, @ada, perm => []);
    push @paged, map { $_->{id} } @{ $page->{keys} };
} while (defined $page->{next});
is("@paged", $pg->psql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM
    api_key WHERE user_id = $ada"), 'in pages');
like(($c->call('keys.list', { limit => 1 }, @ada, fmt => 'csv'))[2],
    qr/^id,prefix,last4,user,user_id,name,permissions,scopes,product,networks,
    methods,plan,created_at,expires_at,revoked_at,last_used_at,rotated_from
    \r?\n\d+,wd_test_/x, 'CSV');
my $all = join "\n", map { JSON::PP->new->encode($_) } $mine,
    ask_json($c, 'keys.list', { limit => 1000 });
$all .= join '', map { $_->log() } @auth;
ok(!(grep { defined && index($all, substr $_, 8, 32) >= 0 } @secrets),
    'no secret in a list or a log');
is(ask_json($c, 'audit.verify', {})->{ok}, JSON::PP::true,
    'the trail is in order');
is($_->stop(), 0, 'a clean end') for @auth;
unlike($all, qr/Sanitizer|runtime error/, 'no sanitizer errors');

done_testing();
