package Wizdata::Processing;

# The processing against a database and a lake of the test's own.
#
#     my $pr = Wizdata::Processing->start($pg);
#     my $seq = $pr->put('alphavantage', 'daily', { symbol => 'IBM' },
#         '2024-05-02T00:00:00Z', $body);
#     $pr->drained();                      # all events were consumed
#     is($pg->psql('SELECT count(*) FROM bar'), 3, 'bars');
#     $pr->publish(@events);               # the same once more

use warnings;
use strict;

use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use IPC::Open2 qw/ open2 /;
use JSON::PP ();
use Time::HiRes qw/ sleep time /;

use Wizdata::Service;

my @LAKES;
my $OWNER = $$;
my $json = JSON::PP->new->utf8->canonical;

use constant { WAIT => 30, POLL => 0.02 };

# Options: lake (shared with another one), up => 0; names with capitals go to
# the environment.
sub start {
    my ($class, $pg, %o) = @_;

    my $up = delete $o{up} // 1;
    my $self = bless { pg => $pg, lake => delete $o{lake}, events => [] },
        $class;
    if (!$self->{lake}) {
        $self->{lake} = tempdir('wd-lake-XXXXXXXX', TMPDIR => 1);
        push @LAKES, $self->{lake};
    }
    $self->{env} = {
        WIZDATA_DATABASE_URL => $pg->url(),
        WIZDATA_PROCESSING_LAKE => $self->{lake},
        %o,
    };
    $self->up() if $up;
    return $self;
}

sub up {
    my ($self) = @_;

    $self->{svc} = Wizdata::Service->start('processing', %{ $self->{env} });
    delete $self->{c};
    return $self;
}

sub down {
    my ($self, $signal) = @_;

    $self->{log} .= $self->{svc}->log();
    delete $self->{c};
    return $self->{svc}->stop($signal);
}

sub svc { $_[0]{svc} }
sub c { $_[0]{c} //= $_[0]{svc}->connect() }
sub lake { $_[0]{lake} }
sub log { ($_[0]{log} // '') . $_[0]{svc}->log() }

# All events that put() made, in their order.
sub events { @{ $_[0]{events} } }

# The answer as data.
sub get {
    my ($self, $method, %args) = @_;

    my ($status, $meta, $body) = $self->c->call($method, \%args);
    return $json->decode($body);
}

# Into the lake only; returns the event.
sub store {
    my ($self, $provider, $dataset, $args, $fetched_at, $body) = @_;

    my $tool = Wizdata::Service::program('processing');
    $tool =~ s{[^/]+$}{lake_put};
    my $pid = open2(my $out, my $in, $tool, $self->{lake}, $provider,
        $dataset, $json->encode($args), $fetched_at);
    binmode $in;
    print $in $body;
    close $in;
    my $event = do { local $/; <$out> };
    waitpid $pid, 0;
    die "lake_put: $?" if $? != 0;
    chomp $event;
    push @{ $self->{events} }, $event;
    return $event;
}

# Onto the bus, as the ingestion does it.
sub publish {
    my ($self, @events) = @_;

    my $sql = '';
    for my $event (@events) {
        (my $quoted = $event) =~ s/'/''/g;
        $sql .= "WITH t AS (UPDATE bus_topic SET last = last + 1 WHERE topic =
            'raw.object' RETURNING last) INSERT INTO bus_event (topic,
            \"offset\", event) SELECT 'raw.object', last, '$quoted' FROM t;\n";
    }
    $self->{pg}->psql("BEGIN; $sql SELECT pg_notify('wizdata_bus',
        'raw.object'); COMMIT");
    return;
}

# Both; returns the sequence number.
sub put {
    my ($self, @what) = @_;

    my $event = $self->store(@what);
    $self->publish($event);
    return $json->decode($event)->{seq};
}

# Waits until all events are consumed; false when they are not in time.
sub drained {
    my ($self, $seconds) = @_;

    my $end = time + ($seconds // WAIT);
    while (time < $end) {
        return 1 if $self->{pg}->psql("SELECT t.last - coalesce(o.\"offset\",
            0) FROM bus_topic t LEFT JOIN bus_offset o ON o.topic = t.topic
            AND grp = 'processing' WHERE t.topic = 'raw.object'") eq '0';
        sleep POLL;
    }
    return 0;
}

# The events that the processing published to a topic.
sub published {
    my ($self, $topic) = @_;

    return map { $json->decode($_) } split /\n/, $self->{pg}->psql(
        "SELECT event FROM bus_event WHERE topic = '$topic'
        ORDER BY \"offset\"");
}

END {
    if ($$ == $OWNER) {
        my $status = $?;
        remove_tree(@LAKES) if @LAKES && !$ENV{WIZDATA_LEAVE};
        $? = $status;
    }
}

1;
