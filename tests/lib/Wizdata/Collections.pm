package Wizdata::Collections;

# Collections of a real ingestion and processing against a provider of the
# test's own.
#
#     my $t = Wizdata::Collections->start();
#     $t->file('a.conf', <<'END');           # written, and read at once
#     [us]
#     provider = alphavantage
#     ...
#     END
#     $t->settled();                         # all was asked and processed
#     my @questions = $t->asked();           # since the last asked()
#     $t->due('us');                         # as if a run's time had come
#
# A question is a text: "daily outputsize=full symbol=IBM".

use warnings;
use strict;

use File::Temp qw/ tempdir /;
use Time::HiRes qw/ sleep time /;

use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Processing;
use Wizdata::Provider;

use constant { WAIT => 40, POLL => 0.03 };

my %DATASETS = (TIME_SERIES_DAILY => 'daily',
    TIME_SERIES_INTRADAY => 'intraday', GLOBAL_QUOTE => 'quote');

# Options: env of the ingestion.
sub start {
    my ($class, %env) = @_;

    my $self = bless { seen => 0, dir => tempdir('wd-col-XXXXXXXX', TMPDIR => 1,
            CLEANUP => 1) }, $class;
    $self->{pg} = Wizdata::Postgres->start();
    $self->{provider} = Wizdata::Provider->start();
    $self->{in} = Wizdata::Ingestion->start($self->{pg},
        url => $self->{provider}->url('market'), WIZDATA_WORLDBANK_PER_PAGE =>
        50, WIZDATA_INGESTION_COLLECTIONS => $self->{dir}, %env);
    $self->{pr} = Wizdata::Processing->start($self->{pg},
        lake => $self->{in}{lake});
    return $self;
}

sub pg { $_[0]{pg} }
sub in { $_[0]{in} }
sub pr { $_[0]{pr} }
sub provider { $_[0]{provider} }

sub write_file {
    my ($self, $name, $text) = @_;

    open my $f, '>', "$self->{dir}/$name.new" or die "$name: $!";
    print $f $text;
    close $f;
    rename "$self->{dir}/$name.new", "$self->{dir}/$name" or die "$name: $!";
}

# Written, or without a text removed; and taken over.
sub file {
    my ($self, $name, $text) = @_;

    defined $text ? $self->write_file($name, $text)
        : unlink "$self->{dir}/$name";
    $self->reload();
}

# Waits until the files were read.
sub reload {
    my ($self) = @_;

    my $read = sub { $self->pg->psql(
        'SELECT max(read_at), count(*) FROM collection_file') };
    my $before = $read->();
    kill 'HUP', $self->in->svc->pid;
    $self->in->wait_for(sub { $read->() ne $before })
        or die 'the files are not read: ' . $self->in->log();
}

# Members of a collection, or undef.
sub collection {
    my ($self, $name) = @_;

    my ($c) = grep { $_->{name} eq $name }
        @{ $self->in->get('collections.list')->{collections} };
    return $c;
}

# Instruments of a collection by name.
sub items {
    my ($self, $name) = @_;

    return map { $_->{instrument} => $_ }
        @{ $self->in->get('collections.get', name => $name, limit => 1000)
            ->{items} };
}

# As if the time of the next run had come, `days` after the last one.
sub due {
    my ($self, $name, $days) = @_;

    $days //= 1;
    $self->pg->psql("UPDATE collection_item SET live_at = live_at - interval
        '$days days', covered_to = covered_to - interval '$days days'
        WHERE collection = (SELECT id FROM collection WHERE name = '$name');
        NOTIFY wizdata_plan");
}

# Nothing is on its way, due, or left of a back-fill.
sub idle {
    my ($self) = @_;

    return 0 if $self->pg->psql("SELECT count(*) FROM collection c
        WHERE NOT paused AND retired_at IS NULL AND (EXISTS (SELECT 1
            FROM collection_slice s JOIN collection_item i ON i.id = s.item
            WHERE s.collection = c.id AND (s.job IS NOT NULL
                OR s.not_before <= now() AND stopped_class IS NULL))
        OR EXISTS (SELECT 1 FROM collection_item i WHERE i.collection = c.id
            AND active AND stopped_class IS NULL AND (live_at IS NULL
            OR live_to IS NOT NULL AND NOT EXISTS (SELECT 1
                FROM collection_slice s WHERE s.item = i.id))))") ne '0';
    for my $c (@{ $self->in->get('collections.list')->{collections} }) {
        my $b = $c->{backfill};
        return 0 if $b && !$c->{paused} && $b->{left} > $b->{waiting};
    }
    return 1;
}

# Everything was asked and processed, failures aside; false: not in time.
sub settled {
    my ($self) = @_;

    my $ok = $self->in->wait_for(sub { $self->idle() }, WAIT);
    my $published = $self->in->wait_for(sub {
        $self->in->events() == $self->in->manifest() });
    return $ok && $published && $self->pr->drained();
}

sub question {
    my ($request) = @_;

    my ($path, $query) = $request =~ m{^\S+ ([^?]*)\?(.*)$} or return;
    my %q = map { split /=/, $_, 2 } split /&/, $query;
    if ($path =~ m{/country/([^/]+)/indicator/(.+)$}) {
        return unless $q{page} == 1;
        return "indicator country=$1 " . ($q{date} ? "date=$q{date} " : '')
            . "indicator=$2";
    }
    my $dataset = $DATASETS{ $q{function} } // $q{function};
    delete @q{qw/ function apikey datatype /};
    return join ' ', $dataset, map { "$_=$q{$_}" } sort keys %q;
}

# Since the last time, in the order in which they came to the provider.
sub asked {
    my ($self) = @_;

    my @all = map { question($_) } $self->provider->requests();
    my @new = @all[ $self->{seen} .. $#all ];
    $self->{seen} = @all;
    return @new;
}

# What a plan lists, of a kind or of both.
sub planned {
    my ($self, $plan, $kind) = @_;

    return map { my $q = $_;
        join ' ', $q->{dataset}, map { "$_=$q->{args}{$_}" }
        sort keys %{ $q->{args} } }
        grep { !$kind || $_->{kind} eq $kind } @{ $plan->{questions} };
}

1;
