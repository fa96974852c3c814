package Wizdata::Auth;

# Instances of the service auth over one PostgreSQL, and what tests of them
# have in common: who calls, what a token says, codes of a second factor.
#
#     my $pg = auth_database();
#     my $auth = auth_start($pg, WIZDATA_AUTH_ACCESS_TTL => '1h');
#     my $c = $auth->connect();
#     my $ada = user_add($c, 'ada@example.com', password => $password);
#     my $grant = login($c, 'ada@example.com', $password);
#     my $me = ask_json($c, 'auth.me', {}, as($grant));
#
# Claims are read and signatures verified without anything of the product:
# by OpenSSL.

use warnings;
use strict;

use Digest::SHA qw/ hmac_sha1 /;
use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw/ decode_base64 encode_base64 /;

use Wizdata::Postgres;
use Wizdata::Service;

use Exporter 'import';

our @EXPORT = qw/ auth_database auth_start ask_json user_add login refused
    as nobody claims verified token_void sql_text events wait_for totp_code
    totp_step steady_step PASSWORD /;

use constant {
    PASSWORD => 'correct horse battery',
    WAIT => 20,
};

my $JSON = JSON::PP->new->canonical;

sub auth_database { return Wizdata::Postgres->start() }

# One more instance; its hashes are as small as they may be.
sub auth_start {
    my ($pg, %env) = @_;

    return Wizdata::Service->start('auth',
        WIZDATA_DATABASE_URL => $pg->url(),
        WIZDATA_AUTH_PEPPER => 'a7' x 32,
        WIZDATA_AUTH_HASH_MEMORY => '19m', %env);
}

# The answer's document; dies when it is an error.
sub ask_json {
    my ($c, $method, $args, %context) = @_;

    my ($status, $meta, $body) = $c->call($method, $args, %context);
    return $JSON->decode($body);
}

# Of the platform's own organisation; the id. Option password: NULL for none.
sub user_add {
    my ($c, $email, %args) = @_;

    $args{password} = PASSWORD unless exists $args{password};
    delete $args{password} unless defined $args{password};
    return ask_json($c, 'users.create', { email => $email, %args })->{id};
}

# Who has no credential.
sub nobody { return (sub => '', perm => [], @_) }

# The context in which a gateway calls for who has an access token.
sub as {
    my ($grant, %context) = @_;

    my $claims = claims($grant->{access_token});
    return (sub => $claims->{sub}, plan => $claims->{plan},
        perm => $claims->{permissions}, %context);
}

# Options: code and the like; ip. The grant, or undef.
sub login {
    my ($c, $email, $password, %o) = @_;

    my %context = nobody(ip => delete $o{ip} // '192.0.2.1');
    my $frame = $c->answer($c->ask('auth.login',
        { email => $email, password => $password, %o }, %context), 60)
        or die "auth.login: no answer\n";
    return $frame->[2] ? undef : $JSON->decode($frame->[3][2]);
}

# The error of a login, or undef.
sub refused {
    my ($c, $email, $password, %o) = @_;

    my %context = nobody(ip => delete $o{ip} // '192.0.2.1');
    my $frame = $c->answer($c->ask('auth.login',
        { email => $email, password => $password, %o }, %context), 60)
        or die "auth.login: no answer\n";
    return $frame->[2];
}


# ---- tokens -----------------------------------------------------------------

sub bytes_of {
    my ($text) = @_;

    $text =~ tr{-_}{+/};
    return decode_base64($text . '=' x (-length($text) % 4));
}

# Its claims, with those of the header in _head.
sub claims {
    my ($token) = @_;

    my ($head, $claims) = map { $JSON->decode(bytes_of($_)) }
        (split /\./, $token)[0, 1];
    return { %$claims, _head => $head };
}

# Does OpenSSL, who made none of it, agree with the signature?
sub verified {
    my ($token, $jwk) = @_;

    my ($signed, $signature) = $token =~ /^([\w-]+\.[\w-]+)\.([\w-]+)$/
        or return 0;
    my %file = map { $_ => File::Temp->new() } qw/ key text signature /;
    $file{key}->print("-----BEGIN PUBLIC KEY-----\n", encode_base64(
        pack('H*', '302a300506032b6570032100') . bytes_of($jwk->{x})),
        "-----END PUBLIC KEY-----\n");
    $file{text}->print($signed);
    $file{signature}->print(bytes_of($signature));
    $_->flush() for values %file;
    return system("openssl pkeyutl -verify -pubin -inkey $file{key} -rawin"
        . " -in $file{text} -sigfile $file{signature} >/dev/null 2>&1") == 0;
}

# Does auth say that this access token is void?
sub token_void {
    my ($c, $token) = @_;

    my $claims = claims($token);
    my $error = $c->error('auth.token', { jti => $claims->{jti},
        sub => $claims->{sub}, iss => $claims->{iss},
        iat => int($claims->{iat} * 1e6 + 0.5) * 1000 });
    return defined $error && $error->[0] == -3;
}


# ---- the database -----------------------------------------------------------

# As it stands in SQL.
sub sql_text { return "'" . ($_[0] =~ s/'/''/gr) . "'" }

# The trail's rows, oldest first: those that a condition names.
sub events {
    my ($pg, $where) = @_;

    my $rows = $pg->psql('SELECT coalesce(json_agg(e ORDER BY seq), \'[]\')'
        . ' FROM (SELECT seq, org_id, actor, via, action, subject, outcome,'
        . ' reason, request, address, detail FROM event WHERE '
        . ($where // 'true') . ') e');
    return @{ $JSON->decode($rows) };
}

# Until it is true, or the deadline.
sub wait_for {
    my ($what, $seconds) = @_;

    my $end = Time::HiRes::time() + ($seconds // WAIT);
    until ($what->()) {
        return 0 if Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.01);
    }
    return 1;
}


# ---- second factor ----------------------------------------------------------

sub totp_step { return int(($_[0] // time) / 30) }

# RFC 6238, of a secret in base32.
sub totp_code {
    my ($secret, $step) = @_;

    my $bits = join '', map { sprintf '%05b', index
        'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', $_ } split //, $secret;
    my $mac = hmac_sha1(pack('Q>', $step),
        pack('B*', substr $bits, 0, 8 * int(length($bits) / 8)));
    my $at = ord(substr $mac, -1) & 15;

    return sprintf '%06d',
        (unpack('N', substr $mac, $at, 4) & 0x7fffffff) % 1_000_000;
}

# Calls fn with the step of now until one call began and ended in it.
sub steady_step {
    my ($fn) = @_;

    for (;;) {
        my $step = totp_step();
        my @got = $fn->($step);
        return @got if totp_step() == $step;
    }
}

1;
