package Wizdata::Sim::CapitalIq;

=encoding utf8

=head1 NAME

Wizdata::Sim::CapitalIq - a simulator of S&P Capital IQ's GDS

=head1 SYNOPSIS

    my $sim = Wizdata::Sim::CapitalIq->start(daily_limit => 100);
    POST $sim->url('/gdsapi/rest/authenticate/api/v1/token')
    POST $sim->url('/gdsapi/rest/v3/clientservice.json')

=head1 PATHS

    POST /gdsapi/rest/authenticate/api/v1/token         username, password
    POST /gdsapi/rest/authenticate/api/v1/tokenRefresh  refresh_token
    POST /gdsapi/rest/v3/clientservice.json   (v4 as well)
    POST /gdssdk/rest/v2/clientservice.json   form: inputRequests=JSON
    POST /gdsapi/rest/v3/usageservice.json

=head1 DESCRIPTION

B<Documented>: the paths; token (form) or Basic authentication; the members of
token answers (C<expires_in_seconds>); C<inputRequests> of up to 500 entries
with function, identifier, mnemonic, properties; one entry of the answer for
each, in order, HTTP 200; GDST has the dates in Headers and the values in one
Row; identifiers are case-sensitive; values are texts with six decimals, money
in millions, dates M/D/YYYY. B<Recorded>: three answers for IBM:NYSE
(IQ_TOTAL_REV by GDSP; IQ_EBITDA by GDSHE; IQ_MARKETCAP by GDST of 2018), their
members, and the single entry with nothing but ErrMsg when the day's limit is
reached. Keys come and go between the entries and NumRows disagrees with Rows
in the third one, as recorded. Clients report: HTML pages instead of JSON, and
that a browser's Origin header is refused (here: 403, HTML).
B<Synthetic>: all other figures, that a batch of more than 500 is 400, the
bodies of 401, usage figures.

=head2 Settings

C<username>, C<password>; C<expires_in_seconds> ('3600'; passed on as it is),
C<lifetime> (undef: what was said), C<basic> (1: Basic is good at the service
too), C<daily_limit> (10000: entries a day, by its clock), C<max_batch> (500),
C<die_after> (undef; n: after n service requests all tokens are dead, once: a
token that expires in the middle of a run), C<unknown> ('BAD': how unknown
identifiers begin: their entry has an ErrMsg), C<unauthorized_as_200> (0; 1:
instead of 401 it is 200 with an ErrMsg), C<today>.

Mnemonics that begin with IQ_NA have C<Data Unavailable> in their rows,
IQ_SECRET has C<CapabilityNeeded>.

=cut

use warnings;
use strict;

use MIME::Base64 qw/ decode_base64 /;

use Wizdata::Sim;
use Wizdata::Sim::Answer;
use Wizdata::Sim::Figures;
use Wizdata::Sim::Json;
use Wizdata::Sim::Request qw/ form /;
use Wizdata::Sim::Series;

use parent -norequire, 'Wizdata::Sim';

use constant { DAY => 86400 };

sub settings {
    return (username => 'user@example.com', password => 'pass word&+%',
        expires_in_seconds => '3600', lifetime => undef, basic => 1,
        daily_limit => 10_000, max_batch => 500, die_after => undef,
        unknown => 'BAD', unauthorized_as_200 => 0, today => undef);
}

sub prepare {
    my ($self) = @_;

    $self->{tokens} = {}; # access to until
    $self->{refreshers} = {};
}

sub answer {
    my ($self, $req) = @_;

    return Wizdata::Sim::Answer->html(403, '<html><body><h1>403 Forbidden</h1>'
        . '</body></html>') if defined $req->{headers}{origin};
    return Wizdata::Sim::Answer->html(405, '<html><body>Method Not Allowed'
        . '</body></html>') if $req->{method} ne 'POST';
    my $path = $req->{path};
    return $self->login($req)
        if $path eq '/gdsapi/rest/authenticate/api/v1/token';
    return $self->refresh_token($req)
        if $path eq '/gdsapi/rest/authenticate/api/v1/tokenRefresh';
    return Wizdata::Sim::Answer->html(404, '<html><body>Not Found</body>'
        . '</html>') if $path !~ m{^/gds(api|sdk)/rest/v[234]/
        (client|usage)service\.json$}x;
    my $refusal = $self->refusal($req);
    return $refusal if $refusal;
    return $2 eq 'usage' ? $self->usage() : $self->service($req)
        if $path =~ m{(v\d)/(client|usage)};
}

# ---- tokens

sub unauthorized {
    my ($self, $text) = @_;

    return $self->{unauthorized_as_200}
        ? gds([ obj(ErrMsg => $text) ])
        : Wizdata::Sim::Answer->json(401, to_json(obj(error => 'unauthorized',
                message => $text)));
}

sub login {
    my ($self, $req) = @_;

    my %form = form($req->{body});
    return $self->unauthorized('Invalid user name or password')
        if ($form{username} // '') ne $self->{username}
        || ($form{password} // '') ne $self->{password};
    return $self->new_token();
}

sub refresh_token {
    my ($self, $req) = @_;

    my %form = form($req->{body});
    my ($bearer) = ($req->{headers}{authorization} // '') =~ /^Bearer (\S+)/;
    my $token = $form{refresh_token} // $bearer // '';
    return $self->unauthorized('Invalid refresh token')
        if !delete $self->{refreshers}{$token};
    return $self->new_token();
}

sub new_token {
    my ($self) = @_;

    my $n = ++$self->{issued};
    my ($access, $refresh) = map { sprintf '%s-%04d-%s', $_, $n, 'x' x 200 }
        qw/ access refresh /;
    my $lifetime = $self->{lifetime} // $self->{expires_in_seconds};
    $self->{tokens}{$access} = $self->{server}->now() + $lifetime;
    $self->{refreshers}{$refresh} = 1;
    return Wizdata::Sim::Answer->json(200, to_json(obj(
        access_token => $access, refresh_token => $refresh,
        token_type => 'Bearer', expires_in_seconds =>
            as_is($self->{expires_in_seconds}))));
}

sub refusal {
    my ($self, $req) = @_;

    my ($kind, $what) = split / /, $req->{headers}{authorization} // '', 2;
    if (lc($kind // '') eq 'basic' && $self->{basic}) {
        my ($user, $password) = split /:/, decode_base64($what // ''), 2;
        return if ($user // '') eq $self->{username}
            && ($password // '') eq $self->{password};
    }
    if (defined $self->{die_after} && $self->{die_after}-- == 0) {
        $self->{tokens} = {};
        $self->{die_after} = undef;
    }
    my $until = lc($kind // '') eq 'bearer' ? $self->{tokens}{ $what // '' }
        : undef;
    return if defined $until && $until > $self->{server}->now();
    return $self->unauthorized('Invalid or expired token');
}

# ---- the service

sub gds {
    my ($entries) = @_;

    return Wizdata::Sim::Answer->json(200,
        to_json({ GDSSDKResponse => $entries }));
}

sub spend {
    my ($self, $n) = @_;

    my $day = int($self->{server}->now() / DAY);
    $self->{spent} = 0 if $day != ($self->{spent_on} //= $day);
    $self->{spent_on} = $day;
    $self->{spent} += $n;
    return $self->{spent} <= $self->{daily_limit};
}

sub service {
    my ($self, $req) = @_;

    my $body = $req->{path} =~ /v2/
        ? { inputRequests => from_json({ form($req->{body}) }->{inputRequests}
                // '') } : from_json($req->{body});
    my $asked = ref $body eq 'HASH' ? $body->{inputRequests} : undef;
    return Wizdata::Sim::Answer->json(400, to_json(obj(error => 'bad_request',
        message => 'inputRequests is not a list')))
        if ref $asked ne 'ARRAY' || !@$asked;
    return Wizdata::Sim::Answer->json(400, to_json(obj(error => 'bad_request',
        message => "more than $self->{max_batch} requests")))
        if @$asked > $self->{max_batch};
    return gds([ obj(ErrMsg => "Daily Request Limit of $self->{daily_limit}"
                . ' Exceeded') ]) if !$self->spend(scalar @$asked);
    return gds([ map { $self->entry($_, $req) } @$asked ]);
}

sub usage {
    my ($self) = @_;

    return gds([ obj(Function => 'USAGE', Mnemonic => 'USAGE_METRICS',
                Headers => [ 'Daily Limit', 'Used Today' ],
                Rows => [ { Row => [ $self->{daily_limit} . '',
                            ($self->{spent} // 0) . '' ] } ],
                NumRows => num(1), NumCols => num(2), ErrMsg => '') ]);
}

my %FUNCTION = (GDSP => \&one_value, GDSPV => \&group, GDSHE => \&history,
    GDSHV => \&group, GDST => \&time_series, GDSG => \&group);

sub entry {
    my ($self, $asked, $req) = @_;

    my ($function, $identifier, $mnemonic) = map { $asked->{$_} // '' }
        qw/ function identifier mnemonic /;
    my $code = $FUNCTION{$function};
    my $error = !$code ? "Invalid function $function"
        : $identifier eq '' || index($identifier, $self->{unknown}) == 0
        ? 'InvalidIdentifier'
        : $mnemonic !~ /^[A-Z][A-Z0-9_]*$/ ? 'InvalidMnemonic' : undef;
    my %p = map { lc, $asked->{properties}{$_} }
        keys %{ $asked->{properties} // {} };
    my ($headers, @rows) = $error ? ([]) : $code->($self, $identifier,
        $mnemonic, \%p, $req->{rows});
    return obj(
        $function eq 'GDSHE' ? (EndDate => '') : (SnapType => ''),
        ErrMsg => $error // '', Headers => $headers,
        NumRows => num(scalar(@rows) + ($function eq 'GDST' ? 1 : 0)),
        Seniority => '', Properties => { map { $_ => defined $p{$_}
                    ? "$p{$_}" : undef } keys %p },
        CacheExpiryTime => '0', $function eq 'GDST' ? () : (StartDate => ''),
        Function => $function, Identifier => $identifier,
        NumCols => num(scalar @$headers), Mnemonic => $mnemonic,
        $function eq 'GDST' ? () : (Frequency => ''), Limit => '',
        Rows => [ map { { Row => $_ } } @rows ]);
}

# ---- figures

sub recorded {
    my ($function, $identifier, $mnemonic) = @_;

    return grep { $_->{function} eq $function
            && $_->{identifier} eq $identifier
            && $_->{mnemonic} eq $mnemonic }
        Wizdata::Sim::Figures::table('capitaliq-ibm');
}

sub value_of {
    my ($identifier, $mnemonic, $when) = @_;

    return 'Data Unavailable' if $mnemonic =~ /^IQ_NA/;
    return 'CapabilityNeeded' if $mnemonic eq 'IQ_SECRET';
    return "SYNTHETIC $identifier" if $mnemonic =~ /NAME/;
    my $h = hash_of($identifier, $mnemonic, $when);
    return sprintf '%d.%06d', 100 + $h % 90_000, $h % 1_000_000;
}

# M/D/YYYY
sub us_date {
    my ($y, $m, $d) = split /-/, date($_[0]);

    return join '/', $m + 0, $d + 0, $y;
}

sub day_of {
    my ($text) = @_;

    my ($m, $d, $y) = ($text // '') =~ m{^(\d+)/(\d+)/(\d{4})$}
        or return day($text // '');
    return day(sprintf '%04d-%02d-%02d', $y, $m, $d);
}

sub text_cell { return $_[0] // '' }

sub one_value {
    my ($self, $identifier, $mnemonic, $p) = @_;

    my ($row) = recorded('GDSP', $identifier, $mnemonic);
    my $value = $row && !$p->{asofdate} ? $row->{value}
        : value_of($identifier, $mnemonic, $p->{periodtype} // 'now');
    return ([$mnemonic], [$value]);
}

sub history {
    my ($self, $identifier, $mnemonic, $p, $fault) = @_;

    my @rows = map { [ $_->{value}, $_->{label} ] }
        recorded('GDSHE', $identifier, $mnemonic);
    @rows = map { [ value_of($identifier, $mnemonic, "-$_"),
            us_date($self->day_now() - 91 * $_) ] } 0 .. 4 if !@rows;
    my $spoiled = spoil($fault, [ map { [ $_->[1], $_->[0] ] } @rows ],
        \&text_cell);
    return ([ $mnemonic, 'AsOfDate' ], map { [ $_->[1], $_->[0] ] } @$spoiled);
}

my %FREQUENCY = (daily => 'P1D', weekly => 'P1W', monthly => 'P1M',
    quarterly => 'P3M', yearly => 'P1Y');

sub time_series {
    my ($self, $identifier, $mnemonic, $p, $fault) = @_;

    my $last = day_of($p->{enddate}) // $self->day_now() - 1;
    my $first = day_of($p->{startdate}) // $last - 30;
    my @recorded = grep { my $day = day_of($_->{label});
        $day >= $first && $day <= $last }
        recorded('GDST', $identifier, $mnemonic);
    my @points = @recorded && lc($p->{frequency} // '') eq 'monthly'
        ? map({ [ $_->{label}, $_->{value} ] } @recorded)
        : map({ my $day = $_->[-1]; [ us_date($day), value_of($identifier,
                    $mnemonic, $day) ] } periods($FREQUENCY{ lc(
                        $p->{frequency} // 'daily') } // 'P1D', $first,
                $last));
    my $spoiled = spoil($fault, \@points, \&text_cell);
    return ([ map { $_->[0] } @$spoiled ], [ map { $_->[1] } @$spoiled ]);
}

# Several members, each with its weight.
sub group {
    my ($self, $identifier, $mnemonic, $p, $fault) = @_;

    my $rows = spoil($fault, [ map { [ "IQT$_", value_of($identifier,
                    $mnemonic, $_) ] } 1 .. 4 ], \&text_cell);
    return ([ $mnemonic, 'Value' ], @$rows);
}

1;
