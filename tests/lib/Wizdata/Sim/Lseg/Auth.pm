package Wizdata::Sim::Lseg::Auth;

# Tokens and sessions of the simulated LSEG Data Platform; see
# Wizdata::Sim::Lseg. The accounts, unless set otherwise:
#
#     username GE-A-00000000-1-0001, password "pass word&+%", app_key app-key
#     service_id GE-000000000001, secret service-secret
#
# For the test: sessions() lists the living ones, drop_sessions() ends all.

use warnings;
use strict;

use MIME::Base64 qw/ decode_base64 /;

use Wizdata::Sim::Answer;
use Wizdata::Sim::Json;
use Wizdata::Sim::Request qw/ form /;

sub sessions { return @{ shift->tell('list_sessions') } }
sub drop_sessions { return shift->tell('end_sessions') }

# ---- in the server

sub prepare_auth {
    my ($self) = @_;

    $self->{sessions} = []; # account, access, refresh, until, version
    $self->{logins} = [];
    $self->{asked_at} = [];
}

sub list_sessions {
    my ($self) = @_;

    return [ map { { %$_ } } @{ $self->{sessions} } ];
}

sub end_sessions { $_[0]{sessions} = []; return }

sub oauth_error {
    my ($status, $error, $text) = @_;

    return Wizdata::Sim::Answer->json($status, to_json(obj(error => $error,
        error_description => $text)));
}

# The app key is an argument, or the user of Basic authentication.
sub basic {
    my ($req) = @_;

    my ($b64) = ($req->{headers}{authorization} // '') =~ /^Basic (\S+)$/i
        or return;
    return split /:/, decode_base64($b64), 2;
}

sub too_many_logins {
    my ($self) = @_;

    my $now = $self->{server}->now();
    @{ $self->{logins} } = grep { $_ > $now - 60 } @{ $self->{logins} };
    push @{ $self->{logins} }, $now;
    return if @{ $self->{logins} } <= $self->{logins_per_minute};
    return oauth_error(429, 'too_many_requests',
        'Too many attempts. Please try again later.')
        ->header('Retry-After' => 60);
}

sub token_v1 {
    my ($self, $req) = @_;

    return oauth_error(400, 'invalid_request', 'Content type is not supported')
        if ($req->{headers}{'content-type'} // '')
        !~ m{^application/x-www-form-urlencoded}i;
    my $refusal = $self->too_many_logins();
    return $refusal if $refusal;

    my %form = form($req->{body});
    my ($key) = basic($req);
    $key = $form{client_id} if !length($key // '');
    return oauth_error(401, 'invalid_client',
        'Invalid Application Credential.')
        if ($key // '') ne $self->{app_key};
    my $grant = $form{grant_type} // '';
    return $self->by_password(\%form) if $grant eq 'password';
    return $self->by_refresh(\%form) if $grant eq 'refresh_token';
    return oauth_error(400, 'unsupported_grant_type',
        'The grant type is not supported');
}

sub by_password {
    my ($self, $form) = @_;

    return oauth_error(400, 'access_denied', 'Invalid username or password.')
        if ($form->{username} // '') ne $self->{username}
        || ($form->{password} // '') ne $self->{password};
    return oauth_error(400, 'invalid_scope', 'The scope is not valid')
        if ($form->{scope} // '') !~ /^trapi/;
    my @mine = $self->living($form->{username});
    if (@mine >= $self->{session_quota}) {
        return oauth_error(400, 'access_denied', 'Session quota is reached.')
            if lc($form->{takeExclusiveSignOnControl} // '') ne 'true';
        $self->end($_) for @mine;
    }
    return $self->tokens($self->session($form->{username}, 1));
}

# A session lives as long as its refresh token may be used: here for as long
# as nobody ends it.
sub living {
    my ($self, $account) = @_;

    return grep { $_->{account} eq $account } @{ $self->{sessions} };
}

sub end {
    my ($self, $session) = @_;

    @{ $self->{sessions} } = grep { $_ != $session } @{ $self->{sessions} };
}

sub by_refresh {
    my ($self, $form) = @_;

    my $token = $form->{refresh_token} // '';
    my ($session) = grep { ($_->{refresh} // '') eq $token
            && $_->{account} eq ($form->{username} // '') }
        @{ $self->{sessions} };
    return oauth_error(400, 'invalid_grant',
        'Invalid refresh token or session has ended.') if !$session;
    $self->renew($session);
    $session->{refresh} = $self->new_token('refresh') if $self->{rotate};
    return $self->tokens($session);
}

sub new_token {
    my ($self, $kind) = @_;

    return sprintf '%s-%s-%04d', $kind, 'x' x $self->{token_bytes},
        ++$self->{issued};
}

sub session {
    my ($self, $account, $version) = @_;

    my $now = $self->{server}->now();
    @{ $self->{sessions} } = grep { $_->{version} == 1 || $_->{until} > $now }
        @{ $self->{sessions} };
    my $session = { account => $account, version => $version };
    $session->{refresh} = $self->new_token('refresh') if $version == 1;
    $self->renew($session);
    push @{ $self->{sessions} }, $session;
    return $session;
}

sub renew {
    my ($self, $session) = @_;

    my $said = $session->{version} == 1 ? $self->{expires_in}
        : $self->{expires_in_v2};
    $session->{access} = $self->new_token("access$session->{version}");
    $session->{until} = $self->{server}->now() + ($self->{lifetime} // $said);
}

sub tokens {
    my ($self, $session) = @_;

    my $v1 = $session->{version} == 1;
    return Wizdata::Sim::Answer->json(200, to_json(obj(
        access_token => $session->{access},
        $v1 ? (refresh_token => $session->{refresh}) : (),
        expires_in => as_is($self->{ $v1 ? 'expires_in' : 'expires_in_v2' }),
        scope => 'trapi.data.historical-pricing.read trapi.streaming.pricing'
            . '.read',
        token_type => 'Bearer')), 'Cache-Control' => 'no-store');
}

sub revoke_v1 {
    my ($self, $req) = @_;

    my ($key) = basic($req);
    return oauth_error(401, 'invalid_client',
        'Invalid Application Credential.')
        if ($key // '') ne $self->{app_key};
    my %form = form($req->{body});
    my $token = $form{token} // '';
    $self->end($_) for grep { $_->{access} eq $token
            || ($_->{refresh} // '') eq $token } @{ $self->{sessions} };
    return Wizdata::Sim::Answer->json(200, '{}');
}

sub token_v2 {
    my ($self, $req) = @_;

    my $refusal = $self->too_many_logins();
    return $refusal if $refusal;
    my %form = form($req->{body});
    my ($id, $secret) = basic($req);
    $id //= $form{client_id};
    $secret //= $form{client_secret};
    return oauth_error(400, 'unsupported_grant_type',
        'The grant type is not supported')
        if ($form{grant_type} // '') ne 'client_credentials';
    return oauth_error(401, 'invalid_client', 'Invalid client credentials.')
        if ($id // '') ne $self->{service_id}
        || ($secret // '') ne $self->{secret};
    return $self->tokens($self->session($id, 2));
}

# The session of an access token that is good now.
sub session_of {
    my ($self, $token) = @_;

    my $now = $self->{server}->now();
    my ($session) = grep { $_->{access} eq $token && $_->{until} > $now }
        @{ $self->{sessions} };
    return $session;
}

# Why a data path is not answered, or nothing.
sub refusal {
    my ($self, $req) = @_;

    my ($token) = ($req->{headers}{authorization} // '') =~ /^Bearer (\S+)$/;
    return Wizdata::Sim::Lseg::error(401, 'Unauthorized', 'token is missing')
        if !defined $token;
    return Wizdata::Sim::Lseg::error(401, 'Unauthorized', 'token expired')
        if !$self->session_of($token);
    my @missing = @{ $self->{missing_scopes} };
    return Wizdata::Sim::Lseg::error(403, 'Forbidden',
        "access denied. Missing scopes: [@missing]",
        code => 'insufficient_scope') if @missing;
    return $self->{per_second} ? $self->too_fast() : ();
}

sub too_fast {
    my ($self) = @_;

    my $now = $self->{server}->now();
    @{ $self->{asked_at} } = grep { $_ > $now - 1 } @{ $self->{asked_at} };
    return Wizdata::Sim::Lseg::error(429, 'Too Many Requests',
        'Too many requests, please try again later.')
        if @{ $self->{asked_at} } >= $self->{per_second};
    push @{ $self->{asked_at} }, $now;
    return;
}

1;
