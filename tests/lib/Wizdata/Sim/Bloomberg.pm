package Wizdata::Sim::Bloomberg;

=encoding utf8

=head1 NAME

Wizdata::Sim::Bloomberg - a simulator of Bloomberg's Data License REST API

=head1 SYNOPSIS

    my $sim = Wizdata::Sim::Bloomberg->start(polls => 2);
    GET $sim->url('/eap/catalogs/')         # headers JWT, api-version: 2

    $sim->publish('myRequest');             # now, whatever was polled
    $sim->sse('heartbeat');  $sim->sse('drop');

The HTTP bridge of BLPAPI is L<Wizdata::Sim::Blpapi>.

=head1 AUTHENTICATION

Settings C<client_id>, C<client_secret> (hexadecimal), C<ip_refused> (0; 1:
403 whoever asks), C<leeway> (0 seconds), C<oauth> (1).

B<Documented> (Bloomberg's description of the API and its sample code): every
request has a token of its own in the header C<JWT>: HS256 with the secret
hex-decoded; iss is the client's id; iat, nbf, exp; jti, never used before;
path (without the query), method and host (without the port) are those of the
request, so a redirect needs a new token; region. All of it is verified here,
and what fails is 401. C<api-version: 2> is a must, else 400. Access is
restricted to known addresses: 403. Instead of the JWT a bearer token of OAuth2
client credentials (C<POST /ext/api/as/token.oauth2>; B<documented> by sample
code). Errors are JSON:API objects with a pointer into the document sent; their
words are B<synthetic>.

=head1 RESOURCES

    GET       /eap/catalogs/
    GET       /eap/catalogs/{c}/
    GET POST  /eap/catalogs/{c}/{universes,fieldLists,triggers,requests}/
    GET PATCH /eap/catalogs/{c}/{...}/{identifier}/
    GET       /eap/catalogs/bbg/fields/, .../fields/{name}/
    GET       /eap/catalogs/{c}/datasets/{d}/snapshots/[{day}|latest/]
                  [distributions/[{file}]]
    GET       /eap/catalogs/{c}/content/responses/[{file}]
    GET       /eap/notifications/sse

B<Documented>: JSON-LD with @context, @id, @type; POST is answered 201 with
Location and no body; identifiers are unique for ever (here: 409), a request's
has 21 characters at most; lists have totalItems, pageCount and a view with
first, last, and next and prev where there are such; a page past the last one
is empty; pageSize; C<latest> of snapshots redirects; results come later: 404
until then; compression and ranges are negotiated; 1200 requests a minute, then
429 (C<per_minute>); X-Request-ID and latest-api-version in the answer.
B<Synthetic>: catalogue C<12345> (setting C<catalog>), the names of data sets,
that a request's resource names its data set, DELETE is 405.

A request is ready after C<polls> (2) questions for its result that were
answered 404 (or an empty list), C<ready_after> seconds by the simulator's
clock (undef: never), or publish(). Results: C<text/csv> and
C<application/json> (formatting.outputMediaType) or, with formatting of type
DataFormat, Bloomberg's own file with its markers (C<truncated =E<gt> 1>: cut
before its end). C<Digest: sha-256=...> is of the bytes as they are encoded,
C<wrong_digest =E<gt> 1> makes it wrong. Securities that begin with C<unknown>
(BAD) have return code 10 and no values. The figures are B<synthetic>; the CSV
columns (DL_REQUEST_ID, ..., IDENTIFIER, RC) are from general knowledge.

=head1 NOTIFICATIONS

B<Documented>: text/event-stream; heartbeats without content; events of type
DistributionPublishedActivity; Last-Event-ID resumes; 16 connections, then
429. The members of an event are those that sample code reads (B<documented>)
and a digest (form B<synthetic>).

C<sse($what)>, to all listeners: heartbeat, drop (the end), again (the last
event once more, same id), split (the last event in several data lines, with
CR LF), garbage (an event whose data is no JSON), other (an event of another
type). C<listeners()>: how many.

=cut

use warnings;
use strict;

use Digest::SHA qw/ hmac_sha256 /;
use MIME::Base64 qw/ decode_base64 encode_base64url decode_base64url /;

use Wizdata::Sim;
use Wizdata::Sim::Answer;
use Wizdata::Sim::Bloomberg::Files;
use Wizdata::Sim::Json;
use Wizdata::Sim::Request qw/ form /;

use parent -norequire, 'Wizdata::Sim', 'Wizdata::Sim::Bloomberg::Files';

use constant { MAX_STREAMS => 16, MAX_REQUEST_NAME => 21 };

sub settings {
    return (client_id => 'c0ffee00c0ffee00c0ffee00c0ffee00',
        client_secret => '00112233445566778899aabbccddeeff' x 2,
        ip_refused => 0, leeway => 0, oauth => 1, catalog => '12345',
        page_size => 20, per_minute => 1200, polls => 2,
        ready_after => undef, unknown => 'BAD', truncated => 0,
        wrong_digest => 0, oauth_lifetime => 7199, today => undef);
}

# ---- for the test

sub publish { return shift->tell('publish_request', @_) }
sub sse { return shift->tell('sse_event', @_) }
sub listeners { return shift->tell('count_listeners') }

# A token as a client makes it; %claims replace what would be right.
sub token {
    my ($self, $method, $path, %claims) = @_;

    my $now = int $self->now();
    my $secret = delete $claims{secret} // pack 'H*', $self->{client_secret};
    my $head = delete $claims{header} // '{"alg":"HS256","typ":"JWT"}';
    my %all = (iss => $self->{client_id}, iat => num($now), nbf => num($now),
        exp => num($now + 25), region => 'default', path => $path,
        method => $method, host => $self->host,
        jti => sprintf('jti-%d-%d', $$, ++$self->{tokens}), %claims);
    delete @all{ grep { !defined $all{$_} } keys %all };
    my $signed = encode_base64url($head) . '.'
        . encode_base64url(to_json(\%all));
    return "$signed." . encode_base64url(hmac_sha256($signed, $secret));
}

# ---- in the server

sub prepare {
    my ($self) = @_;

    $self->{made} = { map { $_ => {} } qw/ universes fieldLists triggers
        requests / };
    $self->{jti} = {};
    $self->{bearers} = {};
    $self->{asked_at} = [];
    $self->{streams} = {};
    $self->{events} = [];
}

my %TITLE = (400 => 'Bad Request', 401 => 'Unauthorized', 403 => 'Forbidden',
    404 => 'Not Found', 405 => 'Method Not Allowed', 409 => 'Conflict',
    429 => 'Too Many Requests');

sub errors {
    my ($status, $detail, $pointer) = @_;

    return Wizdata::Sim::Answer->of_type('application/vnd.api+json', $status,
        to_json(obj(errors => [ obj(status => "$status",
                    title => $TITLE{$status}, detail => $detail,
                    $pointer ? (source => obj(pointer => $pointer)) : ()) ])));
}

sub answer {
    my ($self, $req) = @_;

    my $answer = $self->answer_to($req);
    return $answer->header('X-Request-ID' => sprintf('sim-%08d', $req->{n}))
        ->header('latest-api-version' => '2');
}

sub answer_to {
    my ($self, $req) = @_;

    return $self->oauth_token($req)
        if $req->{path} eq '/ext/api/as/token.oauth2';
    my $refusal = $self->refusal($req);
    return $refusal if $refusal;

    my ($root, $what, @more) = @{ $req->{segments} };
    return errors(404, 'no such resource') if $root ne 'eap';
    return $self->open_stream($req)
        if $req->{path} eq '/eap/notifications/sse';
    return errors(404, 'no such resource') if ($what // '') ne 'catalogs';
    return $self->catalogs($req) if !length($more[0] // '');
    my ($catalog, $kind, @rest) = @more;
    return errors(404, 'no such catalog')
        if $catalog ne 'bbg' && $catalog ne $self->{catalog};
    return $self->resource($req, $catalog, $kind // '', @rest);
}

# ---- who may ask

sub refusal {
    my ($self, $req) = @_;

    my ($bearer) = ($req->{headers}{authorization} // '') =~ /^Bearer (\S+)/;
    my $wrong = $self->{oauth} && defined $bearer ? $self->bad_bearer($bearer)
        : $self->bad_token($req);
    return errors(401, $wrong) if defined $wrong;
    return errors(403, 'the address is not on the allow list')
        if $self->{ip_refused};
    return errors(400, 'api-version must be 2')
        if ($req->{headers}{'api-version'} // '') ne '2';

    my $now = $self->{server}->now();
    @{ $self->{asked_at} } = grep { $_ > $now - 60 } @{ $self->{asked_at} };
    return errors(429, 'too many requests')
        if @{ $self->{asked_at} } >= $self->{per_minute};
    push @{ $self->{asked_at} }, $now;
    return;
}

# What is wrong with the token, or nothing.
sub bad_token {
    my ($self, $req) = @_;

    my $token = $req->{headers}{jwt} // return 'no token';
    my ($head, $claims, $mac, $more) = split /\./, $token, -1;
    return 'not a token' if !defined $mac || defined $more;
    my $header = from_json(decode_base64url($head));
    return 'not HS256' if ref $header ne 'HASH'
        || ($header->{alg} // '') ne 'HS256';
    my $secret = pack 'H*', $self->{client_secret};
    return 'the signature is wrong'
        if encode_base64url(hmac_sha256("$head.$claims", $secret)) ne $mac;
    my $c = from_json(decode_base64url($claims));
    return 'no claims' if ref $c ne 'HASH';
    return $self->bad_claims($c, $req);
}

sub bad_claims {
    my ($self, $c, $req) = @_;

    my $now = $self->{server}->now();
    my $leeway = $self->{leeway};
    my ($host) = ($req->{headers}{host} // '') =~ /^(.*?)(?::\d+)?$/;
    my %is = (iss => $self->{client_id}, method => $req->{method},
        path => $req->{path}, host => $host);
    for my $name (qw/ iss method path host /) {
        return "claim $name is wrong" if ($c->{$name} // '') ne $is{$name};
    }
    for my $name (qw/ iat nbf exp /) {
        return "claim $name is missing"
            if ($c->{$name} // '') !~ /^\d+(\.\d+)?$/;
    }
    return 'the token is not good yet'
        if $c->{iat} > $now + $leeway || $c->{nbf} > $now + $leeway;
    return 'the token has expired' if $c->{exp} <= $now - $leeway;
    my $jti = $c->{jti} // '';
    return 'claim jti is missing' if !length $jti;
    return 'the token was used before' if $self->{jti}{$jti}++;
    return;
}

sub bad_bearer {
    my ($self, $bearer) = @_;

    my $until = $self->{bearers}{$bearer} // return 'the token is unknown';
    return $until > $self->{server}->now() ? undef : 'the token has expired';
}

sub oauth_token {
    my ($self, $req) = @_;

    my %form = form($req->{body});
    my ($b64) = ($req->{headers}{authorization} // '') =~ /^Basic (\S+)/;
    my ($id, $secret) = defined $b64 ? split(/:/, decode_base64($b64), 2)
        : @form{qw/ client_id client_secret /};
    my $good = $req->{method} eq 'POST'
        && ($form{grant_type} // '') eq 'client_credentials'
        && ($id // '') eq $self->{client_id}
        && ($secret // '') eq $self->{client_secret};
    return Wizdata::Sim::Answer->json(401, to_json(obj(
        error => 'invalid_client',
        error_description => 'the client is not known'))) if !$good;
    my $token = sprintf 'bearer-%04d-%s', $req->{n}, 'x' x 200;
    $self->{bearers}{$token} = $self->{server}->now()
        + $self->{oauth_lifetime};
    return Wizdata::Sim::Answer->json(200, to_json(obj(access_token => $token,
        token_type => 'Bearer', expires_in => num($self->{oauth_lifetime}))));
}

# ---- resources

sub ld {
    my ($req, $type, @members) = @_;

    return Wizdata::Sim::Answer->of_type('application/ld+json', 200,
        to_json(obj('@context' => obj('@base' => $req->{path},
                    '@vocab' => 'https://api.bloomberg.com/eap/ontology#'),
                '@id' => '', '@type' => $type, @members)));
}

# A page of a list.
sub collection {
    my ($self, $req, @all) = @_;

    my $size = $req->{query}{pageSize} // $self->{page_size};
    my $page = $req->{query}{page} // 1;
    return errors(400, 'page and pageSize are numbers from 1 on')
        if grep { !/^[1-9]\d{0,5}$/ } $size, $page;
    my $total = @all; # a slice below may make it longer
    my $pages = int(($total + $size - 1) / $size) || 1;
    my %asked = %{ $req->{query} };
    my $link = sub { '?' . join '&', map { "$_=" . ($_ eq 'page' ? $_[0]
                : $asked{$_} =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger) }
            sort(grep({ $_ ne 'page' } keys %asked), 'page') };
    my $from = ($page - 1) * $size;
    my @items = grep { defined } @all[ $from .. $from + $size - 1 ];
    return ld($req, [ 'Collection', 'BasicContainer' ],
        totalItems => num($total), pageCount => num($pages),
        view => obj('@id' => $link->($page),
            '@type' => 'PartialCollectionView', first => $link->(1),
            last => $link->($pages),
            $page < $pages ? (next => $link->($page + 1)) : (),
            $page > 1 && $page <= $pages ? (previous => $link->($page - 1),
                prev => $link->($page - 1)) : ()),
        contains => \@items);
}

sub catalogs {
    my ($self, $req) = @_;

    return $self->collection($req, map { obj('@id' => "$_->[0]/",
                '@type' => 'Catalog', identifier => $_->[0],
                title => $_->[1], subscriptionType => $_->[2]) }
            ([ 'bbg', 'Bloomberg Catalog', 'none' ],
            [ $self->{catalog}, 'Account Catalog', 'scheduled' ]));
}

sub resource {
    my ($self, $req, $catalog, $kind, @rest) = @_;

    return ld($req, 'Catalog', identifier => $catalog) if $kind eq '';
    return $self->fields($req, @rest) if $kind eq 'fields';
    return $self->datasets($req, @rest) if $kind eq 'datasets';
    return $self->responses($req, @rest) if $kind eq 'content';
    my $made = $self->{made}{$kind} // return errors(404, 'no such resource');
    my $name = $rest[0] // '';
    if ($name eq '') {
        return $self->create($req, $catalog, $kind)
            if $req->{method} eq 'POST';
        return errors(405, 'GET or POST') if $req->{method} ne 'GET';
        return $self->collection($req, map { $self->shown($kind, $_, 0) }
                sort keys %$made);
    }
    return errors(404, 'no such resource') if !$made->{$name};
    if ($req->{method} eq 'PATCH') {
        my $patch = from_json($req->{body});
        return errors(400, 'not JSON') if ref $patch ne 'HASH';
        @{ $made->{$name} }{ keys %$patch } = values %$patch;
        return Wizdata::Sim::Answer->new(204);
    }
    return errors(405, 'GET or PATCH') if $req->{method} ne 'GET';
    my $shown = $self->shown($kind, $name, 1);
    return ld($req, $made->{$name}{'@type'}, @$shown[2 .. $#$shown]);
}

sub shown {
    my ($self, $kind, $name, $whole) = @_;

    my $it = $self->{made}{$kind}{$name};
    my @members = ('@id' => "$name/", identifier => $name,
        title => $it->{title}, '@type' => $it->{'@type'});
    return obj(@members) if !$whole;
    my %rest = %$it;
    delete @rest{qw/ identifier title @type _dataset _polls _at _ready /};
    push @members, map { $_ => plain_data($rest{$_}) } sort keys %rest;
    push @members, dataset => obj('@id' => "../../datasets/$it->{_dataset}/",
        identifier => $it->{_dataset}) if $it->{_dataset};
    return obj(@members);
}

# What a client sent, as it is shown again: its figures as texts would not do.
sub plain_data {
    my ($v) = @_;

    return [ map { plain_data($_) } @$v ] if ref $v eq 'ARRAY';
    return { map { $_ => plain_data($v->{$_}) } keys %$v }
        if ref $v eq 'HASH';
    return ref $v ? ($v ? true : false)
        : defined $v && $v =~ /^-?\d+$/ ? num($v) : $v;
}

my %TYPES = (universes => qr/^Universe$/,
    fieldLists => qr/^(Data|History|Entity|BvalSnapshot)FieldList$/,
    triggers => qr/Trigger$/, requests => qr/^(Data|History|Entity|Actions|
        PricingSnapshot|BvalSnapshot)Request$/x);

sub create {
    my ($self, $req, $catalog, $kind) = @_;

    return errors(403, 'this catalog is read only') if $catalog eq 'bbg';
    my $it = from_json($req->{body});
    return errors(400, 'not JSON', '') if ref $it ne 'HASH';
    return errors(400, 'the type is wrong', '/@type')
        if ($it->{'@type'} // '') !~ $TYPES{$kind};
    my $name = $it->{identifier} // '';
    return errors(400, 'letters and digits only', '/identifier')
        if $name !~ /^[A-Za-z0-9]{1,64}$/;
    return errors(400, 'at most 21 characters', '/identifier')
        if $kind eq 'requests' && length $name > MAX_REQUEST_NAME;
    return errors(400, 'is missing', '/title') if !length($it->{title} // '');
    return errors(409, 'the identifier is taken', '/identifier')
        if $self->{made}{$kind}{$name};
    my $wrong = $kind eq 'requests' ? $self->bad_request($it)
        : $kind eq 'triggers' || @{ $it->{contains} // [] } ? undef
        : '/contains';
    return errors(400, 'cannot be processed', $wrong) if $wrong;

    $self->{made}{$kind}{$name} = $it;
    $self->submit($name, $it) if $kind eq 'requests';
    return Wizdata::Sim::Answer->new(201)->header(
        Location => "/eap/catalogs/$catalog/$kind/$name/");
}

# The pointer to what a request refers to in vain.
sub bad_request {
    my ($self, $it) = @_;

    return '/universe' if !$self->refers($it->{universe}, 'universes');
    return '/fieldList' if $it->{'@type'} ne 'ActionsRequest'
        && !$self->refers($it->{fieldList}, 'fieldLists');
    my $trigger = $it->{trigger};
    return '/trigger' if !ref $trigger && ($trigger // '')
        !~ m{/triggers/(submit|executeNow|prodDataStreamTrigger)/?$}
        && !$self->refers($trigger, 'triggers');
    return;
}

# A link to what was made, or the thing itself.
sub refers {
    my ($self, $to, $kind) = @_;

    return $to if ref $to eq 'HASH';
    my ($name) = ($to // '') =~ m{/\Q$kind\E/(\w+)/?$} or return;
    return $self->{made}{$kind}{$name};
}

sub fields {
    my ($self, $req, $name) = @_;

    my @names = Wizdata::Sim::Bloomberg::Files::field_names();
    return $self->collection($req, map { field($_) } @names)
        if !length($name // '');
    my ($mnemonic) = grep { clean($_) eq $name } @names;
    return errors(404, 'no such field') if !defined $mnemonic;
    my $field = field($mnemonic);
    return ld($req, [ 'Collection', 'BasicContainer', 'Field' ],
        @$field[2 .. $#$field]);
}

# PX_LAST is pxLast.
sub clean { return lc($_[0]) =~ s/_(\w)/uc $1/ger }

sub field {
    my ($mnemonic) = @_;

    return obj('@id' => clean($mnemonic) . '/', identifier =>
            clean($mnemonic), Mnemonic => $mnemonic, cleanName =>
            clean($mnemonic), 'Field Type' => $mnemonic =~ /^PX_/ ? 'Price'
            : 'Character', 'DL:Bulk' => true, 'Old Mnemonic' => undef);
}

# ---- notifications

sub open_stream {
    my ($self, $req) = @_;

    return errors(429, 'too many streams')
        if keys %{ $self->{streams} } >= MAX_STREAMS;
    my $after = $req->{headers}{'last-event-id'};
    my $answer = Wizdata::Sim::Answer->of_type('text/event-stream', 200, '',
        'Cache-Control' => 'no-cache');
    $answer->{framing} = 'chunked';
    $answer->{then} = sub {
        my ($conn) = @_;
        $conn->become($self); # what it still says is not heard
        $self->{streams}{ $conn->{id} } = $conn;
        send_text($conn, ": connected\n\n");
        if (defined $after) {
            send_text($conn, event_text($_)) for grep { $_->{id} > $after }
                @{ $self->{events} };
        }
    };
    return $answer;
}

sub feed { $_[1]{in} = '' }

sub left {
    my ($self, $conn) = @_;

    delete $self->{streams}{ $conn->{id} };
}

sub send_text {
    my ($conn, $text) = @_;

    $conn->put(sprintf "%x\r\n%s\r\n", length $text, $text);
}

sub event_text {
    my ($event, $split) = @_;

    return "id: $event->{id}\ndata: $event->{data}\n\n" if !$split;
    my $data = $event->{data} =~ s/,"/,\r\ndata: "/gr;
    return "id: $event->{id}\r\nretry: 3000\r\ndata: $data\r\n\r\n";
}

sub to_all {
    my ($self, $text) = @_;

    send_text($_, $text) for values %{ $self->{streams} };
    return scalar keys %{ $self->{streams} };
}

sub notify {
    my ($self, $data) = @_;

    push @{ $self->{events} }, { id => 1 + @{ $self->{events} },
        data => $data };
    return $self->to_all(event_text($self->{events}[-1]));
}

sub sse_event {
    my ($self, $what) = @_;

    my $last = $self->{events}[-1];
    return $self->to_all("\n\n") if $what eq 'heartbeat';
    return $self->to_all(event_text($last)) if $what eq 'again';
    return $self->to_all(event_text($last, 1)) if $what eq 'split';
    return $self->notify('<no JSON>') if $what eq 'garbage';
    return $self->notify('{"@type":"OtherActivity","identifier":"x"}')
        if $what eq 'other';
    die "sse('$what')?\n" if $what ne 'drop';
    $_->put(['fin']) for values %{ $self->{streams} };
    return;
}

sub count_listeners { return scalar keys %{ $_[0]{streams} } }

sub tick {
    my ($self) = @_;

    my $after = $self->{ready_after} // return;
    my $now = $self->{server}->now();
    my $requests = $self->{made}{requests};
    for my $name (sort keys %$requests) {
        my $it = $requests->{$name};
        $self->publish_request($name)
            if !$it->{_ready} && $now >= $it->{_at} + $after;
    }
}

1;
