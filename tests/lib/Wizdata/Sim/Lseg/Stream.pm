package Wizdata::Sim::Lseg::Stream;

=encoding utf8

=head1 NAME

Wizdata::Sim::Lseg::Stream - streaming of the simulated LSEG Data Platform

=head1 SYNOPSIS

    $sim->update('EUR=', { BID => 1.0567 });        # to all who watch it
    $sim->refresh('EUR=', { BID => 1.05, ASK => 1.06 });
    $sim->status('EUR=', Stream => 'Open', Data => 'Suspect', Text => 'stale');
    $sim->ws(batch => [ [ 'EUR=', { BID => 1 } ], [ '.SPX', {} ] ]);
    $sim->ws('garbage');

=head1 DESCRIPTION

The socket is C</WebSocket>, sub-protocol C<tr_json2>; C<GET
/streaming/pricing/v1/> with a token names it.

B<Documented>: discovery (services with dataFormat, endpoint, location, port,
provider, transport); every frame holds an array of messages; Login with a
token in C<Key.Elements.AuthenticationToken>, answered by a Refresh with
PingTimeout and MaxMsgSize, or a Status whose stream is Closed; several names
in a request (a batch: a Status that closes it, then a Refresh with the next ID
for each); View; Close; Ping is answered by Pong by either side; a Login with
C<Refresh: false> renews the token and is not answered when all is well;
Refresh has all fields, Update the changed ones; Status Open/Suspect,
Closed/Suspect (NotFound, NotEntitled), ClosedRecover/Suspect. B<Recorded>: the
members of the Login Refresh, of Refresh, Update, and Status of an item.
B<Synthetic>: the texts; that the login is closed when its token is past its
time or its session was ended (C<ws_expire =E<gt> 0>: it is not); the fields'
values.

A first message that is no Login and a bad token are answered by a Status of
the login that is Closed, JSON that cannot be read by an Error, both then by
the end of the connection; a request without the sub-protocol by 400.

=head2 Settings

C<ping_timeout> (30), C<ws_pings> (0: seconds between Pings of the server; by
its clock), C<ws_strict> (0; 1: a client that was silent for ping_timeout is
cut off), C<ws_pong> (1; 0: Pings are not answered any more), C<ws_fragment>
(0: bytes of a fragment), C<ws_max> (61440, MaxMsgSize), C<ws_expire> (1),
C<ws_service> (ELEKTRON_DD), C<ws_deaf> (0; 1: nothing is answered at all),
C<entitled> (undef: all; a list of RICs: others are NotEntitled),
C<ws_images> (hash of RIC to fields: what a Refresh holds; others are made).

=head2 For the test

C<update($ric, \%fields, %more)>, C<refresh> (unsolicited), C<status($ric,
%state)>: return how many streams it went to. An update is of the UpdateType
Unspecified, unless C<%more> names one. Values of fields are written as
numbers when they look like one, C<undef> is null. C<status('Login', ...)>
is for the login stream. C<streams()>: what is watched (conn, id, name, view),
C<heard()>: all messages of clients, as they were decoded.

C<ws($what, ...)>, to every connection:

    batch => [[ric, \%fields], ...]   several Updates in one frame
    ping                              a Ping of the protocol
    ws_ping                           a Ping of the WebSocket
    garbage                           text that is no JSON
    object                            a message that is not in an array
    oversize => bytes                 one Update of that size (true)
    forged => bytes                   a frame that says it has so many bytes
    bad_opcode, rsv, binary, bad_utf8
    half                              the first fragment, the rest never
    drop, reset, close => code        the end: FIN, RST, Close frame
    raw => bytes

=cut

use warnings;
use strict;

use Wizdata::Sim::Answer;
use Wizdata::Sim::Json;
use Wizdata::Sim::Series;
use Wizdata::Sim::WebSocket;

sub stream_settings {
    return (ping_timeout => 30, ws_pings => 0, ws_strict => 0, ws_pong => 1,
        ws_fragment => 0, ws_max => 61440, ws_expire => 1,
        ws_service => 'ELEKTRON_DD', ws_deaf => 0, entitled => undef,
        ws_images => {});
}

# ---- for the test

sub update { return shift->tell('send_item', 'Update', @_) }
sub refresh { return shift->tell('send_item', 'Refresh', @_) }
sub status { return shift->tell('send_status', @_) }
sub ws { return shift->tell('misbehave', @_) }
sub streams { return @{ shift->tell('list_streams') } }
sub heard { return @{ shift->tell('list_heard') } }

# ---- in the server

sub prepare_stream {
    my ($self) = @_;

    $self->{clients} = {}; # by connection
    $self->{told} = [];
}

sub discovery {
    my ($self, $req) = @_;

    my $transport = $req->{query}{transport} // 'websocket';
    my $format = $req->{query}{dataformat} // 'tr_json2';
    my @services = $transport eq 'websocket' && $format eq 'tr_json2' ? map {
        obj(dataFormat => ['tr_json2'], endpoint => $self->host,
            location => $_, port => num($self->{port}), provider => 'aws',
            transport => 'websocket') }
        [ 'us-east-1a', 'us-east-1b' ], ['us-east-1b'] : ();
    return Wizdata::Sim::Lseg::ok({ services => \@services });
}

sub web_socket {
    my ($self, $req) = @_;

    my %offered = map { $_ => 1 } split /[\s,]+/,
        $req->{headers}{'sec-websocket-protocol'} // '';
    my $answer = $offered{tr_json2}
        ? Wizdata::Sim::WebSocket::handshake($req, 'tr_json2') : undef;
    return Wizdata::Sim::Answer->text(400, "Bad Request\n") if !$answer;
    $answer->{then} = sub {
        my ($conn) = @_;
        my $ws = Wizdata::Sim::WebSocket->new($conn,
            sub { $self->ws_message(@_) });
        $self->{clients}{ $conn->{id} } = { ws => $ws, items => {},
            heard_at => $self->{server}->now() };
    };
    return $answer;
}

sub left {
    my ($self, $conn) = @_;

    delete $self->{clients}{ $conn->{id} };
}

sub send_messages {
    my ($self, $client, @messages) = @_;

    return if $self->{ws_deaf};
    $client->{ws}{fragment} = $self->{ws_fragment};
    $client->{ws}->text(to_json(\@messages));
}

sub ws_message {
    my ($self, $ws, $bytes) = @_;

    my $client = $self->{clients}{ $ws->{conn}{id} } or return;
    return if !defined $bytes;
    $client->{heard_at} = $self->{server}->now();
    my $said = from_json($bytes);
    if (!ref $said) {
        $self->send_messages($client, obj(ID => num(0), Type => 'Error',
            Text => 'JSON parser error', Debug => obj(Message => $bytes)));
        return $ws->{conn}->put(['fin']);
    }
    for my $message (ref $said eq 'ARRAY' ? @$said : $said) {
        push @{ $self->{told} }, $message;
        $self->take_message($client, $message);
    }
}

sub take_message {
    my ($self, $client, $m) = @_;

    my $type = $m->{Type} // 'Request';
    if ($type eq 'Ping') {
        $self->send_messages($client, { Type => 'Pong' }) if $self->{ws_pong};
        return;
    }
    return if $type eq 'Pong';
    my $login = ($m->{Domain} // '') eq 'Login';
    return $self->log_in($client, $m) if $login && $type eq 'Request';
    return $self->refuse_login($client, $m, 'NotEntitled', 'Login first.')
        if !$client->{session};
    return $self->close_items($client, $m) if $type eq 'Close';
    return $self->ask_items($client, $m) if $type eq 'Request';
    $self->send_messages($client, obj(ID => num($m->{ID} // 0),
        Type => 'Error', Text => "Type '$type' is not supported"));
}

# ---- login

sub log_in {
    my ($self, $client, $m) = @_;

    my $elements = $m->{Key}{Elements} // {};
    my $token = $elements->{AuthenticationToken} // '';
    my $session = ($m->{Key}{NameType} // '') eq 'AuthnToken'
        ? $self->session_of($token) : undef;
    return $self->refuse_login($client, $m, 'NotEntitled',
        'The access token is not valid.') if !$session;
    $client->{session} = $session;
    $client->{login} = $m->{ID} // 1;
    $client->{pinged_at} //= $self->{server}->now();
    return if exists $m->{Refresh} && !$m->{Refresh};
    $self->send_messages($client, obj(ID => num($client->{login}),
        Type => 'Refresh', Domain => 'Login',
        Key => obj(Name => $session->{account}, Elements => obj(
            AllowSuspectData => num(1),
            ApplicationId => $elements->{ApplicationId} // '256',
            ApplicationName => 'RTO',
            Position => $elements->{Position} // '127.0.0.1',
            SingleOpen => num(1), SupportBatchRequests => num(7),
            SupportViewRequests => num(1))),
        State => obj(Stream => 'Open', Data => 'Ok',
            Text => 'Login accepted by host simulator.'),
        Elements => obj(PingTimeout => num($self->{ping_timeout}),
            MaxMsgSize => num($self->{ws_max}))));
}

sub refuse_login {
    my ($self, $client, $m, $code, $text) = @_;

    $self->send_messages($client, obj(ID => num($m->{ID} // 1),
        Type => 'Status', Domain => 'Login', State => obj(Stream => 'Closed',
            Data => 'Suspect', Code => $code, Text => $text)));
    $client->{ws}{deaf} = 1;
    $client->{ws}{conn}->put(['fin']);
}

# ---- items

sub ask_items {
    my ($self, $client, $m) = @_;

    my $names = $m->{Key}{Name};
    my $id = $m->{ID} // 0;
    my @names = ref $names ? @$names : ($names // '');
    my @messages;
    if (ref $names) {
        my $n = @names;
        push @messages, obj(ID => num($id), Type => 'Status', State => obj(
            Stream => 'Closed', Data => 'Ok',
            Text => "Processed $n total items from Batch Request. $n Ok."));
    }
    for my $i (0 .. $#names) {
        push @messages, $self->open_item($client, $m, $names[$i],
            ref $names ? $id + 1 + $i : $id);
    }
    $self->send_messages($client, @messages);
}

sub open_item {
    my ($self, $client, $m, $name, $id) = @_;

    my $item = { id => $id, name => $name, domain => $m->{Domain},
        view => $m->{View}, service => $m->{Key}{Service}
            // $self->{ws_service} };
    return $self->item_status($item, Stream => 'Closed', Data => 'Suspect',
        Code => 'NotFound', Text => 'The record could not be found')
        if !$self->{instruments}{$name} && !$self->{any};
    return $self->item_status($item, Stream => 'Closed', Data => 'Suspect',
        Code => 'NotEntitled', Text => 'Access denied')
        if $self->{entitled} && !grep { $_ eq $name } @{ $self->{entitled} };
    my $snapshot = exists $m->{Streaming} && !$m->{Streaming};
    $client->{items}{$id} = $item if !$snapshot;
    return $self->item_message('Refresh', $item, $self->image($name),
        State => obj(Stream => $snapshot ? 'NonStreaming' : 'Open',
            Data => 'Ok', Text => 'All is well'));
}

sub close_items {
    my ($self, $client, $m) = @_;

    my $ids = $m->{ID};
    delete @{ $client->{items} }{ ref $ids ? @$ids : ($ids // 0) };
}

# All fields of an item, as they are now.
sub image {
    my ($self, $name) = @_;

    return $self->{ws_images}{$name} //= do {
        my $bar = day_bar($name, int($self->{server}->now() / 86400));
        my $fx = ($self->{instruments}{$name}{kind} // '') eq 'fx';
        my %f = (BID => $bar->{close}, ASK => $bar->{close} + 2, HST_CLOSE =>
                $bar->{open}, $fx ? () : (TRDPRC_1 => $bar->{close},
                OPEN_PRC => $bar->{open}, HIGH_1 => $bar->{high},
                LOW_1 => $bar->{low}));
        $_ = $fx ? price($_ / 100, 4) : price($_) for values %f;
        $f{ACVOL_1} = $bar->{volume} if !$fx;
        +{ %f, TIMACT => '13:54:00', DSPLY_NAME => $name };
    };
}

sub field_value {
    my ($value) = @_;

    return defined $value && $value =~ /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/
        ? num($value) : $value;
}

sub item_message {
    my ($self, $type, $item, $fields, %more) = @_;

    my %shown = map { $_ => field_value($fields->{$_}) } grep {
        my $name = $_; !$item->{view} || grep { $_ eq $name }
            @{ $item->{view} } } keys %$fields;
    my $kind = delete $more{UpdateType} // 'Unspecified';
    return obj(ID => num($item->{id}), Type => $type,
        $item->{domain} ? (Domain => $item->{domain}) : (),
        $type eq 'Update' ? (UpdateType => $kind) : (),
        Key => obj(Service => $item->{service}, Name => $item->{name}),
        $type eq 'Refresh' ? (Qos => obj(Timeliness => 'Realtime',
                Rate => 'JitConflated'), PermData => 'AwD+Umw=') : (),
        SeqNumber => num($self->{sequence} += 16), %more,
        Fields => \%shown);
}

sub item_status {
    my ($self, $item, %state) = @_;

    return obj(ID => num($item->{id}), Type => 'Status',
        Key => obj(Service => $item->{service}, Name => $item->{name}),
        State => obj(map { exists $state{$_} ? ($_ => $state{$_}) : () }
                qw/ Stream Data Code Text /));
}

# Calls for each stream of that name.
sub each_stream {
    my ($self, $name, $code) = @_;

    my $n = 0;
    for my $client (values %{ $self->{clients} }) {
        for my $item (sort { $a->{id} <=> $b->{id} }
            grep { $_->{name} eq $name } values %{ $client->{items} }) {
            $self->send_messages($client, $code->($client, $item));
            $n++;
        }
    }
    return $n;
}

sub send_item {
    my ($self, $type, $name, $fields, %more) = @_;

    my $image = $self->image($name);
    %$image = () if $type eq 'Refresh';
    @{$image}{ keys %$fields } = values %$fields;
    my @state = $type eq 'Update' ? () : (Solicited => false, State =>
            obj(Stream => 'Open', Data => 'Ok', Text => 'New image'));
    return $self->each_stream($name, sub { $self->item_message($type, $_[1],
                $fields, @state, %more) });
}

sub send_status {
    my ($self, $name, %state) = @_;

    return $self->login_status(%state) if $name eq 'Login';
    my $over = ($state{Stream} // '') =~ /^Closed/;
    return $self->each_stream($name, sub {
        my ($client, $item) = @_;
        delete $client->{items}{ $item->{id} } if $over;
        return $self->item_status($item, %state);
    });
}

sub login_status {
    my ($self, %state) = @_;

    my @in = grep { $_->{session} } values %{ $self->{clients} };
    $self->send_messages($_, obj(ID => num($_->{login}), Type => 'Status',
            Domain => 'Login', State => { %state })) for @in;
    return scalar @in;
}

sub list_streams {
    my ($self) = @_;

    my $clients = $self->{clients};
    return [ map { my $conn = $_; map { { conn => $conn, %$_ } }
            values %{ $clients->{$conn}{items} } }
            sort { $a <=> $b } keys %$clients ];
}

sub list_heard { return $_[0]{told} }
sub forgot { $_[0]{told} = [] }

# ---- by the clock

sub tick {
    my ($self) = @_;

    my $now = $self->{server}->now();
    for my $client (values %{ $self->{clients} }) {
        $self->look_after($client, $now);
    }
}

sub look_after {
    my ($self, $client, $now) = @_;

    my $session = $client->{session};
    if ($self->{ws_expire} && $session && ($session->{until} <= $now
        || !grep { $_ == $session } @{ $self->{sessions} })) {
        return $self->refuse_login($client, { ID => $client->{login} },
            'NotEntitled', 'The session has ended.');
    }
    if ($self->{ws_strict}
        && $now - $client->{heard_at} > $self->{ping_timeout}) {
        return $client->{ws}{conn}->close();
    }
    if ($self->{ws_pings} && $session
        && $now - $client->{pinged_at} >= $self->{ws_pings}) {
        $client->{pinged_at} = $now;
        $self->send_messages($client, { Type => 'Ping' });
    }
}

# ---- misbehaviour

my %MISDEED = (
    ping => sub { $_[0]->text('[{"Type":"Ping"}]') },
    ws_ping => sub { $_[0]->frame(9, 'are you there') },
    garbage => sub { $_[0]->text('<<< this is no JSON') },
    object => sub { $_[0]->text('{"Type":"Ping"}') },
    oversize => sub { $_[0]->text('[{"ID":5,"Type":"Update","Fields":{"X":"'
            . 'x' x $_[1] . '"}}]') },
    forged => sub { $_[0]{conn}->put(Wizdata::Sim::WebSocket::framed(1,
                '[', length => $_[1])) },
    bad_opcode => sub { $_[0]->frame(3, 'what') },
    rsv => sub { $_[0]->frame(1, '[{"Type":"Ping"}]', rsv => 4) },
    binary => sub { $_[0]->frame(2, '[{"Type":"Ping"}]') },
    bad_utf8 => sub { $_[0]->frame(1, "[{\"Type\":\"\xC3\x28\"}]") },
    half => sub { $_[0]->frame(1, '[{"Type":', fin => 0) },
    drop => sub { $_[0]{conn}->put(['fin']) },
    reset => sub { $_[0]{conn}->put(['reset']) },
    close => sub { $_[0]->shut($_[1] // 1001, 'going away') },
    raw => sub { $_[0]{conn}->put($_[1]) },
);

sub misbehave {
    my ($self, $what, $with) = @_;

    my @clients = values %{ $self->{clients} };
    if ($what eq 'batch') {
        $self->send_messages($_, $self->updates_of($_, $with)) for @clients;
        return scalar @clients;
    }
    my $code = $MISDEED{$what} or die "ws('$what')?\n";
    $code->($_->{ws}, $with) for @clients;
    return scalar @clients;
}

sub updates_of {
    my ($self, $client, $updates) = @_;

    return map {
        my ($name, $fields) = @$_;
        my ($item) = grep { $_->{name} eq $name } values %{ $client->{items} };
        $item ? $self->item_message('Update', $item, $fields) : ();
    } @$updates;
}

1;
