#!/usr/bin/perl

# The streaming end of the LSEG simulator behaves as it says it does, over a
# WebSocket whose frames are made here.

use warnings;
use strict;
use feature 'state';

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Sim::Lseg;
use Wizdata::Sim::Probe;

my $sim = Wizdata::Sim::Lseg->start();
my ($ws, $m, $n, @frames);

sub token {
    my (@more) = @_;

    return json(curl($sim->url('/auth/oauth2/v1/token'), '-d',
            'grant_type=password', '-d', 'client_id=app-key', '-d',
            'scope=trapi', '-d', 'takeExclusiveSignOnControl=true', (map { (
                '--data-urlencode', $_) } "username=$sim->{username}",
                "password=$sim->{password}"), @more))->{access_token};
}

sub login {
    my ($token, $more) = @_;

    return '{"ID":1,"Domain":"Login","Key":{"NameType":"AuthnToken",'
        . '"Elements":{"AuthenticationToken":"' . $token . '",'
        . '"ApplicationId":"256","Position":"127.0.0.1"}}' . ($more // '')
        . '}';
}

sub connected {
    my $ws = Wizdata::Sim::Probe->connect($sim);
    $ws->upgrade('/WebSocket', 'tr_json2') // die 'no upgrade';
    return $ws;
}

sub logged_in {
    my $ws = connected();
    $ws->tell(login(token()));
    ($ws->messages())[0][0]{Type} eq 'Refresh' or die 'no login';
    return $ws;
}

# A message of a kind, or how the connection ended.
sub next_of {
    my ($ws) = @_;

    my ($messages) = $ws->messages();
    return ref $messages eq 'ARRAY' ? $messages->[0] : $messages;
}

# ---- discovery and handshake

my $discovery = $sim->url('/streaming/pricing/v1/');
is(curl($discovery)->{status}, 401, 'discovery wants a token');
my $d = json(curl($discovery, '-H', 'Authorization: Bearer ' . token()));
is_deeply([ sort keys %{ $d->{services}[0] } ], [qw/ dataFormat endpoint
    location port provider transport /], 'services');
is($d->{services}[0]{port}, $sim->port, 'that are here');
my $head = Wizdata::Sim::Probe->connect($sim)->upgrade('/WebSocket',
    'rdp_other, tr_json2');
like($head, qr/^Sec-WebSocket-Protocol: tr_json2\r$/m, 'the sub-protocol');
is(Wizdata::Sim::Probe->connect($sim)->upgrade('/WebSocket'), undef,
    'without one: refused');
is(curl($sim->url('/WebSocket'))->{status}, 400, 'without an upgrade too');

# ---- login

$ws = connected();
$ws->tell(login(token()));
$m = next_of($ws);
is("$m->{Type} $m->{Domain} $m->{State}{Stream} $m->{State}{Data}",
    'Refresh Login Open Ok', 'logged in');
is_deeply($m->{Elements}, { PingTimeout => 30, MaxMsgSize => 61440 },
    'what it tells');
for my $bad ('nonsense', '') {
    $ws = connected();
    $ws->tell(login($bad));
    $m = next_of($ws);
    is("$m->{Type} $m->{Domain} $m->{State}{Stream} $m->{State}{Data}",
        'Status Login Closed Suspect', "a bad token: '$bad'");
    is(next_of($ws), 'eof', 'and the end');
}
$ws = connected();
$ws->tell('{"ID":2,"Key":{"Name":"EUR="}}');
is(next_of($ws)->{State}{Stream}, 'Closed', 'an item without a login');
$ws = connected();
$ws->tell('{"ID":');
is(next_of($ws)->{Type}, 'Error', 'what is no JSON');
is(next_of($ws), 'eof', 'and the end');

# ---- items

$ws = logged_in();
$ws->tell('{"ID":2,"Key":{"Name":"EUR="}}');
$m = next_of($ws);
is("$m->{ID} $m->{Type} $m->{Key}{Name} $m->{State}{Stream}",
    '2 Refresh EUR= Open', 'an item');
ok(defined $m->{Fields}{BID} && defined $m->{Fields}{ASK}, 'its image');
is($sim->update('EUR=', { BID => '1.0567', ASK => undef }), 1,
    'an update goes to one');
$m = next_of($ws);
is("$m->{ID} $m->{Type} $m->{UpdateType}", '2 Update Unspecified', 'it came');
is_deeply($m->{Fields}, { BID => 1.0567, ASK => undef }, 'changed fields only');
is($sim->update('.SPX', { BID => 1 }), 0, 'nobody watches the other');
$sim->update('EUR=', { BID => 1 }, UpdateType => 'Quote');
is(next_of($ws)->{UpdateType}, 'Quote', 'of a kind that is named');
my @json = ('{"ID":5,"Key":{"Name":["IBM.N","NO.N","VOD.L"]},"View":["BID"]}');
$ws->tell($json[0]);
($m, $n) = $ws->messages();
is($n, 1, 'a batch: one frame');
is_deeply([ map { join ' ', $_->{ID}, $_->{Type}, $_->{State}{Stream},
            $_->{State}{Code} // '-' } @$m ], [ '5 Status Closed -',
        '6 Refresh Open -', '7 Status Closed NotFound', '8 Refresh Open -' ],
    'several messages in it');
is_deeply([ keys %{ $m->[1]{Fields} } ], ['BID'], 'a view');
$ws->tell('{"ID":9,"Key":{"Name":"BRKb.N"},"Streaming":false}');
is(next_of($ws)->{State}{Stream}, 'NonStreaming', 'a snapshot');
is(join(' ', sort map { $_->{name} } $sim->streams()), 'EUR= IBM.N VOD.L',
    'what is watched');
$ws->tell('{"ID":[6,8],"Type":"Close"}');
$ws->tell('{"Type":"Ping"}');
is(next_of($ws)->{Type}, 'Pong', 'a Ping is answered');
is(join(' ', map { $_->{name} } $sim->streams()), 'EUR=', 'closed');
$sim->set(entitled => ['EUR=']);
$ws->tell('{"ID":10,"Key":{"Name":"IBM.N"}}');
is(next_of($ws)->{State}{Code}, 'NotEntitled', 'not entitled');
$sim->set(entitled => undef);
$sim->refresh('EUR=', { BID => 2, ASK => 3 });
$m = next_of($ws);
ok($m->{Type} eq 'Refresh' && !$m->{Solicited}, 'an unsolicited image');
is_deeply($m->{Fields}, { BID => 2, ASK => 3 }, 'replaces the other');

# ---- states

$sim->status('EUR=', Stream => 'Open', Data => 'Suspect', Text => 'stale');
$m = next_of($ws);
is("$m->{Type} $m->{State}{Stream} $m->{State}{Data}", 'Status Open Suspect',
    'suspect');
is(scalar $sim->streams(), 1, 'and still open');
$sim->status('EUR=', Stream => 'ClosedRecover', Data => 'Suspect');
is(next_of($ws)->{State}{Stream}, 'ClosedRecover', 'closed, to recover');
is(scalar $sim->streams(), 0, 'gone');
$ws->tell('{"ID":2,"Key":{"Name":"EUR="}}');
is(next_of($ws)->{Type}, 'Refresh', 'asked again');
$sim->status('EUR=', Stream => 'Closed', Data => 'Suspect', Code =>
    'NotFound');
is(next_of($ws)->{State}{Stream}, 'Closed', 'closed');
$sim->status('Login', Stream => 'Open', Data => 'Suspect', Text => 'x');
$m = next_of($ws);
is("$m->{Domain} $m->{State}{Data}", 'Login Suspect', 'of the login');

# ---- tokens: renewed, or not

$ws = logged_in();
$sim->advance(300);
my $refresh = ($sim->sessions())[0]{refresh};
my $renewed = json(curl($sim->url('/auth/oauth2/v1/token'), '-d',
        'grant_type=refresh_token', '-d', 'client_id=app-key', '-d',
        "refresh_token=$refresh", '--data-urlencode',
        "username=$sim->{username}"))->{access_token};
$ws->tell(login($renewed, ',"Refresh":false'));
$sim->advance(400); # past the time of the first one
$ws->tell('{"Type":"Ping"}');
is(next_of($ws)->{Type}, 'Pong', 'renewed without a word');
$sim->advance(300);
$m = next_of($ws);
is("$m->{Domain} $m->{State}{Stream}", 'Login Closed', 'not renewed: closed');
is(next_of($ws), 'eof', 'and the end');
$ws = logged_in();
token(); # takes the session over
$m = next_of($ws);
is("$m->{Domain} $m->{State}{Stream}", 'Login Closed',
    'the session was taken over');
$ws = logged_in();
$ws->tell(login('nonsense', ',"Refresh":false'));
is(next_of($ws)->{State}{Stream}, 'Closed', 'renewed with a bad one');

# ---- pings

$sim->set(ws_pings => 5);
$ws = logged_in();
$sim->advance(5);
is(next_of($ws)->{Type}, 'Ping', 'it pings');
$ws->tell('{"Type":"Pong"}');
$sim->advance(5);
is(next_of($ws)->{Type}, 'Ping', 'again and again');
$sim->set(ws_pings => 0, ws_strict => 1, ping_timeout => 10);
$sim->advance(11);
my $last;
1 while ref($last = next_of($ws));
is($last, 'eof', 'who is silent is cut off');
$sim->set(ws_strict => 0, ws_pong => 0);
$ws = logged_in();
$ws->tell('{"Type":"Ping"}');
$ws->tell('{"ID":2,"Key":{"Name":"EUR="}}');
is(next_of($ws)->{Type}, 'Refresh', 'it may stop answering pings');
is(scalar(grep { ($_->{Type} // '') eq 'Ping' } $sim->heard()), 3,
    'although it heard them');
$sim->set(ws_pong => 1, ws_deaf => 1);
$ws->tell('{"Type":"Ping"}');
$ws->tell('raw', 9);
is($ws->frame()->{opcode}, 10, 'deaf: only the WebSocket answers');
$sim->set(ws_deaf => 0);

# ---- frames

$ws = logged_in();
$sim->set(ws_fragment => 7);
$ws->tell('{"ID":2,"Key":{"Name":"EUR="}}');
($m, $n) = $ws->messages();
is($m->[0]{Type}, 'Refresh', 'in fragments');
cmp_ok($n, '>', 10, 'many of them');
$sim->set(ws_fragment => 0);
$sim->ws(batch => [ [ 'EUR=', { BID => 1 } ], [ 'EUR=', { BID => 2 } ],
        [ 'NO', {} ] ]);
($m, $n) = $ws->messages();
is_deeply([ $n, map { $_->{Fields}{BID} } @$m ], [ 1, 1, 2 ],
    'two updates in a frame');
$sim->ws('ws_ping');
is_deeply($ws->frame(), { fin => 1, rsv => 0, opcode => 9,
        payload => 'are you there' }, 'a ping of the WebSocket');
$sim->ws('garbage');
is(next_of($ws), '<<< this is no JSON', 'garbage');
$sim->ws('object');
is(ref(($ws->messages())[0]), 'HASH', 'a message outside of an array');
$sim->ws(oversize => 3_000_000);
cmp_ok(length $ws->frame()->{payload}, '>', 3_000_000, 'a frame of 3 MB');
for my $case ([ bad_opcode => opcode => 3 ], [ rsv => rsv => 4 ],
    [ binary => opcode => 2 ], [ half => fin => 0 ]) {
    my ($what, $member, $value) = @$case;
    $sim->ws($what);
    is($ws->frame()->{$member}, $value, $what);
}
$sim->ws('bad_utf8');
like($ws->frame()->{payload}, qr/\xC3\x28/, 'text that is no UTF-8');
$sim->ws(raw => "\x81");
$sim->ws(raw => "\x01x");
is($ws->frame()->{payload}, 'x', 'raw bytes, one after the other');
$sim->ws(forged => 1 << 40);
$ws->{in} = '';
my ($bytes) = $ws->hear(11);
is(unpack('Q>', substr $bytes, 2, 8), 1 << 40, 'a frame that says a terabyte');

# ---- the end

for my $case ([ drop => 'eof' ], [ reset => 'reset' ]) {
    $ws = logged_in();
    $sim->ws($case->[0]);
    is(next_of($ws), $case->[1], $case->[0]);
}
$ws = logged_in();
$sim->ws(close => 1012);
$m = $ws->frame();
is($m->{opcode} . ' ' . unpack('n', $m->{payload}), '8 1012', 'a Close frame');
$ws = logged_in();
$ws->tell(pack('n', 1000), 8);
is($ws->frame()->{opcode}, 8, 'a Close is answered');
is($ws->frame(), 'eof', 'and the end');
$ws = connected();
$ws->say("\x81\x05hello");
is($ws->frame()->{opcode}, 8, 'frames of a client must be masked');

# ---- many

my @many = map { logged_in_again($_) } 1 .. 100;

sub logged_in_again {
    my ($n) = @_;

    my $ws = connected();
    $ws->tell(login(state $token = token()));
    $ws->tell('{"ID":2,"Key":{"Name":"EUR="}}');
    $ws->messages() for 1 .. 2;
    return $ws;
}
is($sim->update('EUR=', { BID => 7 }), 100, 'a hundred who watch');
is(scalar(grep { next_of($_)->{Fields}{BID} == 7 } @many), 100,
    'all are told');

done_testing();
