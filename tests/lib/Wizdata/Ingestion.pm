package Wizdata::Ingestion;

# The ingestion against a database and a provider of the test's own.
#
#     my $in = Wizdata::Ingestion->start($pg, url => $provider->url('ok'));
#     my $id = $in->run('alphavantage', 'daily', symbol => 'IBM');
#     my $job = $in->wait_job($id);        # done or failed
#     is_deeply([ map { $_->{key} } $in->manifest() ], [ ... ]);

use warnings;
use strict;

use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use JSON::PP ();
use Time::HiRes qw/ sleep time /;

use Wizdata::Service;

my @LAKES;
my $OWNER = $$;
my $json = JSON::PP->new->utf8;

use constant { WAIT => 20, POLL => 0.02 };

# Options: url (of both providers), key, lake; names with capitals go to the
# environment. Limits and waits are short unless said otherwise.
sub start {
    my ($class, $pg, %o) = @_;

    my $self = bless { pg => $pg, lake => delete $o{lake} }, $class;
    if (!$self->{lake}) {
        $self->{lake} = tempdir('wd-lake-XXXXXXXX', TMPDIR => 1);
        push @LAKES, $self->{lake};
    }
    my $url = delete $o{url};
    my $key = delete $o{key} // 'S3CRET-KEY-OF-THE-TEST';

    $self->{env} = {
        WIZDATA_DATABASE_URL => $pg->url(),
        WIZDATA_INGESTION_LAKE => $self->{lake},
        WIZDATA_INGESTION_COLLECTIONS => "$self->{lake}/collections.d",
        WIZDATA_INGESTION_ALLOW_HTTP => 'true',
        WIZDATA_INGESTION_TIMEOUT => '3s',
        WIZDATA_INGESTION_LEASE => '4s',
        WIZDATA_INGESTION_RETRY => '20ms',
        WIZDATA_INGESTION_MIN_FREE => '0',
        WIZDATA_ALPHAVANTAGE_URL => $url,
        WIZDATA_ALPHAVANTAGE_KEY => $key,
        WIZDATA_ALPHAVANTAGE_PER_SECOND => 0,
        WIZDATA_ALPHAVANTAGE_PER_MINUTE => 0,
        WIZDATA_ALPHAVANTAGE_PER_DAY => 0,
        WIZDATA_WORLDBANK_URL => $url,
        WIZDATA_WORLDBANK_PER_SECOND => 0,
        WIZDATA_WORLDBANK_PER_MINUTE => 0,
        WIZDATA_WORLDBANK_PER_PAGE => 2,
        WIZDATA_LOG_LEVEL => 'debug',
        %o,
    };
    return $self->up();
}

sub up {
    my ($self) = @_;

    $self->{svc} = Wizdata::Service->start('ingestion', %{ $self->{env} });
    delete $self->{c};
    return $self;
}

sub down {
    my ($self, $signal) = @_;

    delete $self->{c};
    my $status = $self->{svc}->stop($signal);
    $self->{log} .= $self->{svc}->log();
    die $self->{log} if $self->{log} =~ /Sanitizer|runtime error/;
    return $status;
}

sub svc { $_[0]{svc} }
sub c { $_[0]{c} //= $_[0]{svc}->connect() }
sub log { ($_[0]{log} // '') . $_[0]{svc}->log() }

# The answer as data.
sub get {
    my ($self, $method, %args) = @_;

    my ($status, $meta, $body) = $self->c->call($method, \%args);
    return $json->decode($body);
}

# Ids of the jobs; the first one in scalar context.
sub run {
    my ($self, $provider, $dataset, %args) = @_;

    my $answer = $self->get('ingest.run', provider => $provider,
        dataset => $dataset, %args);
    my @ids = map { $_->{id} } @{ $answer->{jobs} };
    return wantarray ? @ids : $ids[0];
}

sub job { $_[0]->get('ingest.status', job => $_[1])->{jobs}[0] }

# Waits until the condition about the job holds; by default: it has ended.
sub wait_job {
    my ($self, $id, $done) = @_;

    $done //= sub { $_[0]{status} =~ /^(done|failed)$/ };
    my $end = time + WAIT;
    my $job;
    while (time < $end) {
        $job = $self->job($id);
        return $job if $done->($job);
        sleep POLL;
    }
    return $job;
}

# Waits for any condition; its last value.
sub wait_for {
    my ($self, $done, $seconds) = @_;

    my $end = time + ($seconds // WAIT);
    my $value;
    while (time < $end) {
        $value = eval { $done->() };
        return $value if $value;
        sleep POLL;
    }
    return $value;
}

sub provider {
    my ($self, $name) = @_;

    my ($p) = grep { $_->{provider} eq $name }
        @{ $self->get('ingest.providers')->{providers} };
    return $p;
}

# One value, or undef when nothing was counted.
sub metric {
    my ($self, $name, %labels) = @_;

    my ($line) = grep { my $l = $_; /^\Q$name\E\{/
        && !grep { $l !~ /\b$_="$labels{$_}"/ } keys %labels }
        split /\n/, ($self->c->call('sys.metrics', {}))[2];
    return $line && $line =~ / (\S+)$/ ? $1 : undef;
}

# A row counts when its line has ended.
sub manifest {
    my ($self) = @_;

    open my $f, '<', "$self->{lake}/manifest.ndjson" or return;
    return map { $json->decode($_) } grep { /\n\z/ } <$f>;
}

# Bytes of a manifest row's object.
sub object {
    my ($self, $row) = @_;

    open my $f, '-|', 'zstd', '-dcq', "$self->{lake}/$row->{key}" or return;
    local $/;
    return scalar <$f>;
}

# Events on the bus, oldest first.
sub events {
    my ($self) = @_;

    return map { $json->decode($_) } split /\n/, $self->{pg}->psql(
        q(SELECT event::text FROM bus_event WHERE topic = 'raw.object'
          ORDER BY "offset"));
}

# All that the service wrote anywhere but to the provider.
sub everything {
    my ($self) = @_;

    my $lake = join '', map { $self->object($_) } $self->manifest();
    open my $f, '<', "$self->{lake}/manifest.ndjson";
    local $/;
    my $manifest = <$f> // '';
    my $tables = join '', map { $self->{pg}->psql(
            "SELECT t::text FROM $_ t") } qw/ ingest_job provider_state
        provider_quota lake_fresh bus_event /;
    return join "\n", $self->log(), $lake, $manifest, $tables,
        map { ($self->c->call($_, {}))[2] }
        qw/ ingest.status ingest.providers sys.config sys.health sys.metrics /;
}

END {
    my $status = $?;

    if ($$ == $OWNER) {
        remove_tree($_) for splice @LAKES;
    }
    $? = $status;
}

1;
