package Wizdata::Gateway;

# nginx with the module, before the real auth over a database of its own; the
# other services are peers that answer {}.
#
#     my $g = Wizdata::Gateway->start();
#     my $id = $g->user('ada@example.com', roles => ['admin']);
#     my $token = $g->token('ada@example.com');
#     my $r = $g->ask('GET', '/v1/users', $token);
#     is($r->status, 200);
#     my $doc = $g->rpc('roles.set', { name => 'x', ... });   as an operator
#     $g->sql('SELECT ...');
#
# What nginx has beside that comes from a function, which is given the test
# (Test::Wizdata), as parts of its configuration; `answer` among them is what
# those peers say instead. Other options are auth's environment:
#
#     Wizdata::Gateway->start(parts => sub { (workers => 2, http => '...') });
#
# Every password is $Wizdata::Gateway::PASSWORD. At the end come the checks of
# Test::Wizdata and done_testing(): the test calls neither.

use warnings;
use strict;

use JSON::PP ();

use Wizdata::Postgres;
use Wizdata::Service;
use Test::Wizdata ();           # last, so that nginx ends before the others

our $PASSWORD = 'correct horse battery';

my $JSON = JSON::PP->new->canonical;

sub start {
    my ($class, %env) = @_;

    my $parts = delete $env{parts} || sub { () };
    my $t = Test::Wizdata->new()->has(qw/ nginx module /);
    my $pg = Wizdata::Postgres->start();
    my $auth = Wizdata::Service->start('auth',
        WIZDATA_DATABASE_URL => $pg->url(),
        WIZDATA_AUTH_PEPPER => 'd4' x 32,
        WIZDATA_AUTH_HASH_MEMORY => '19m', %env);
    my $self = bless { t => $t, pg => $pg, auth => $auth,
        rpc => $auth->connect() }, $class;

    # What it beats is complete from now on.
    $self->{rpc}->notification('auth.beat', Wizdata::Service::WAIT())
        or die 'no beat: ' . $auth->log();

    my $endpoint = $auth->endpoint();
    $t->{no_auth} = 1;
    my %more = $parts->($t);
    my $answer = delete $more{answer} || sub { '{}' };
    $t->backend($_, $answer) for qw/ analytics ingestion processing /;
    $t->config(%more, http => <<"EOF" . ($more{http} // ''),
    wizdata_service auth $endpoint;
    wizdata_jwt_issuer wizdata audience=wizdata keys=auth;
EOF
        server => ($more{server} // '') . <<'EOF2');
        location = /.well-known/jwks.json {
            wizdata_api on;
        }
EOF2
    $t->run();
    return $self;
}

sub test { $_[0]{t} }
sub auth { $_[0]{auth} }
sub sql { $_[0]{pg}->psql($_[1]) }

# As an operator, past the gateway: the document that is answered.
sub rpc {
    my ($self, $method, $args, %context) = @_;

    return $JSON->decode(($self->{rpc}->call($method, $args, %context))[2]);
}

# Its failure: [code, text, detail], or undef.
sub rpc_error {
    my ($self, $method, $args, %context) = @_;

    return $self->{rpc}->error($method, $args, %context);
}

# Makes a user, with the password unless told otherwise; the id.
sub user {
    my ($self, $email, %o) = @_;

    $o{password} = $PASSWORD unless exists $o{password};
    delete $o{password} unless defined $o{password};
    return $self->rpc('users.create', { email => $email, %o })->{id};
}

# Logs in through the gateway: what that answers.
sub login {
    my ($self, $email, %o) = @_;

    my $r = $self->ask('POST', '/v1/auth/login', undef, { email => $email,
        password => $PASSWORD, %o });
    die "login of $email: " . $r->text . "\n" unless $r->status == 200;
    return $r->json;
}

sub token { my $self = shift; return $self->login(@_)->{access_token} }

# One request. The credential is a key, a token, or undef.
sub ask {
    my ($self, $verb, $target, $credential, $body) = @_;

    my @headers;
    push @headers, "Authorization: Bearer $credential" if defined $credential;
    if (defined $body) {
        $body = $JSON->encode($body) if ref $body;
        push @headers, 'Content-Type: application/json';
    }
    return Test::Wizdata::request($verb, $target, key => undef,
        headers => \@headers, defined $body ? (body => $body) : ());
}

# Until the function is true; its value.
sub wait_until {
    my ($self, $sub) = @_;

    return $self->{t}->poll($sub);
}

1;
