package Wizdata::Push;

# Ingestion and processing over one database and one lake, and a client that
# pushes.
#
#     my $p = Wizdata::Push->start();
#     my ($status, $answer) = $p->send('bars', csv => $text, key => 'a');
#     my ($code, $text, $detail) = $p->refused('bars', csv => $text);
#     $p->sql('SELECT count(*) FROM bar');
#
# A body is text or a function (Wizdata::Service::Connection::upload).

use warnings;
use strict;

use JSON::PP ();

use Wizdata::Ingestion;
use Wizdata::MessagePack;
use Wizdata::Postgres;
use Wizdata::Processing;

our %TYPE = (csv => 'text/csv', json => 'application/json',
    ndjson => 'application/x-ndjson', msgpack => 'application/msgpack');

my $json = JSON::PP->new->utf8->canonical;

# Names with capitals go to the ingestion.
sub start {
    my ($class, %env) = @_;

    my $pg = Wizdata::Postgres->start();
    my $in = Wizdata::Ingestion->start($pg, url => 'http://127.0.0.1:1', %env);
    return bless { pg => $pg, in => $in,
        pr => Wizdata::Processing->start($pg, lake => $in->{lake}) }, $class;
}

sub pg { $_[0]{pg} }
sub in { $_[0]{in} }
sub pr { $_[0]{pr} }
sub sql { $_[0]{pg}->psql($_[1]) }

# Options: key, enc, wait, sub (the principal), c (another connection).
sub frame {
    my ($self, $dataset, $format, $body, %o) = @_;

    my $c = delete $o{c} // $self->{in}->c;
    my %args = (dataset => $dataset, wait => delete $o{wait} // 30);
    my $key = delete $o{key};
    return $c->upload('ingest.push', \%args, $body,
        type => $TYPE{$format} // $format, defined $key ? (idem => $key) : (),
        %o) || die "push: no answer\n";
}

# (status, document); dies when it is refused.
sub send {
    my ($self, @what) = @_;

    my $frame = $self->frame(@what);
    die "push: $frame->[2][0] $frame->[2][1]\n" if $frame->[2];
    return ($frame->[3][0], $json->decode($frame->[3][2]));
}

# (code, text, detail); () when it is not.
sub refused {
    my ($self, @what) = @_;

    my $frame = $self->frame(@what);
    return $frame->[2] ? @{ $frame->[2] } : ();
}

sub upload { $json->decode(($_[0]{in}->c->call('ingest.upload',
    { id => $_[1] + 0 }, @_[ 2 .. $#_ ]))[2]) }

# "accepted duplicate rejected" and the rejects as "4 ohlc_order".
sub told {
    my ($answer) = @_;

    return join ' | ', join(' ', map { $_ // '?' }
        @$answer{qw/ accepted duplicate rejected /}),
        map { ($_->{line} // $_->{record} // '-') . " $_->{rule}" }
        @{ $answer->{rejects} };
}

# Objects of the lake that clients pushed.
sub objects { grep { $_->{provider} eq 'push' } $_[0]{in}->manifest() }

1;
