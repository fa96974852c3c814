package Wizdata::Jwt;

# Signs JSON Web Tokens and writes key sets, by the openssl command and perl:
# nothing of it is the code under test.
#
#     my $k = Wizdata::Jwt->new($dir, 'ES256', kid => 'a');
#     my $token = $k->token({ sub => 'user' });
#     write_file(jwks($k));

use warnings;
use strict;

use Digest::SHA ();
use JSON::PP ();
use MIME::Base64 qw/ encode_base64url decode_base64url /;
use Time::HiRes ();

use Exporter 'import';

our @EXPORT = qw/ jwks jwt_algorithms b64u claims /;

my $json = JSON::PP->new->canonical->utf8;

my %SPEC = (
    HS => { kty => 'oct' },
    RS => { kty => 'RSA', gen => [qw/ -algorithm RSA -pkeyopt
        rsa_keygen_bits:2048 /] },
    ES256 => { kty => 'EC', crv => 'P-256', len => 32 },
    ES384 => { kty => 'EC', crv => 'P-384', len => 48 },
    ES512 => { kty => 'EC', crv => 'P-521', len => 66 },
    EdDSA => { kty => 'OKP', crv => 'Ed25519', gen => [qw/ -algorithm
        ed25519 /] },
);
$SPEC{PS} = $SPEC{RS};

sub jwt_algorithms {
    return map({ ("HS$_", "RS$_", "PS$_", "ES$_") } 256, 384, 512), 'EdDSA';
}

sub b64u { return encode_base64url($_[0]) }

sub run {
    my ($input, @command) = @_;

    open my $null, '>', '/dev/null';
    my $pid = open my $out, '-|';
    die "fork: $!" unless defined $pid;
    if (!$pid) {
        open STDERR, '>&', $null;
        open my $in, '|-', @command or exit 127;
        binmode $in;
        print $in $input;
        close $in;
        exit($? >> 8);
    }
    binmode $out;
    local $/;
    my $bytes = <$out>;
    close $out or die "@command failed\n";
    return $bytes;
}

# Options: kid.
sub new {
    my ($class, $dir, $alg, %o) = @_;

    my $spec = $SPEC{$alg} || $SPEC{ substr $alg, 0, 2 } or die $alg;
    my $self = bless { alg => $alg, kid => $o{kid} // $alg, spec => $spec,
        file => sprintf('%s/%s-%d-%d.key', $dir, $alg, $$, ++our $n) }, $class;

    if ($spec->{kty} eq 'oct') {
        $self->{secret} = join '', map { chr int rand 256 } 1 .. 64;
    } else {
        my @gen = $spec->{gen} ? @{ $spec->{gen} } : ('-algorithm', 'EC',
            '-pkeyopt', "ec_paramgen_curve:$spec->{crv}");
        run('', 'openssl', 'genpkey', @gen, '-out', $self->{file});
        $self->{der} = run('', qw/ openssl pkey -pubout -outform DER -in /,
            $self->{file});
    }
    return $self;
}

sub pem {
    my ($self) = @_;

    return run('', qw/ openssl pkey -pubout -in /, $self->{file});
}

# The public part as a hash.
sub jwk {
    my ($self, %more) = @_;

    my $spec = $self->{spec};
    my %jwk = (kty => $spec->{kty}, kid => $self->{kid}, alg => $self->{alg},
        use => 'sig');

    if ($spec->{kty} eq 'oct') {
        $jwk{k} = b64u($self->{secret});
    } elsif ($spec->{kty} eq 'OKP') {
        @jwk{qw/ crv x /} = ('Ed25519', b64u(substr $self->{der}, -32));
    } elsif ($spec->{kty} eq 'EC') {
        my $len = $spec->{len};
        $jwk{crv} = $spec->{crv};
        $jwk{x} = b64u(substr $self->{der}, -2 * $len, $len);
        $jwk{y} = b64u(substr $self->{der}, -$len);
    } else {
        # The two INTEGERs at the end of SubjectPublicKeyInfo.
        my $text = run('', qw/ openssl pkey -noout -text -in /,
            $self->{file});
        my ($hex) = $text =~ /modulus:\s*([0-9a-f:\s]+)/;
        $hex =~ s/[:\s]//g;
        $jwk{n} = b64u(pack('H*', $hex) =~ s/^\0//r);
        $jwk{e} = 'AQAB';
    }
    return { %jwk, %more };
}

sub jwks { return $json->encode({ keys => [ map { ref $_ eq 'HASH' ? $_
    : $_->jwk } @_ ] }) }

sub int_of {
    my ($der, $at, $len) = @_;

    die 'no INTEGER' if ord(substr $der, $$at, 1) != 2;
    my $n = ord substr $der, $$at + 1, 1;
    my $bytes = substr($der, $$at + 2, $n) =~ s/^\0+//r;
    $$at += 2 + $n;
    return "\0" x ($len - length $bytes) . $bytes;
}

sub sign {
    my ($self, $text) = @_;

    my ($kind, $bits) = $self->{alg} =~ /^(..)(\d*)/;
    if ($kind eq 'HS') {
        my $f = Digest::SHA->can("hmac_sha$bits");
        return $f->($text, $self->{secret});
    }
    if ($self->{alg} eq 'EdDSA') { # from a file: its length must be known
        my $file = "$self->{file}.in";
        open my $fh, '>:raw', $file or die $!;
        print $fh $text;
        close $fh;
        return run('', qw/ openssl pkeyutl -sign -rawin -inkey /,
            $self->{file}, '-in', $file);
    }

    my @pss = $kind eq 'PS' ? (qw/ -sigopt rsa_padding_mode:pss -sigopt
        rsa_pss_saltlen:digest /) : ();
    my $sig = run($text, qw/ openssl dgst -binary /, "-sha$bits", @pss,
        '-sign', $self->{file});
    return $sig if $kind ne 'ES';

    my $at = ord(substr $sig, 1, 1) & 0x80 ? 3 : 2;
    my $len = $self->{spec}{len};
    my $r = int_of($sig, \$at, $len);
    return $r . int_of($sig, \$at, $len);
}

# Claims that are good, with changes; undef takes one away.
sub claims {
    my (%more) = @_;

    my $now = int Time::HiRes::time();
    my %c = (iss => 'https://login.example.com', aud => 'wizdata',
        sub => 'user', exp => $now + 600, iat => $now, permissions => ['*'],
        %more);
    delete $c{$_} for grep { !defined $c{$_} } keys %c;
    return \%c;
}

# Changes of the claims (or their text), changes of the header (or its text).
sub token {
    my ($self, $claims, $header) = @_;

    if (ref $claims || !defined $claims) {
        $claims = $json->encode(claims(%{ $claims || {} }));
    }
    if (ref $header || !defined $header) {
        my %h = (alg => $self->{alg}, kid => $self->{kid}, typ => 'JWT',
            %{ $header || {} });
        delete $h{$_} for grep { !defined $h{$_} } keys %h;
        $header = $json->encode(\%h);
    }
    my $text = b64u($header) . '.' . b64u($claims);
    return "$text." . b64u($self->sign($text));
}

1;
