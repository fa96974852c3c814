#!/usr/bin/perl

# Answers that are broken, endless, slow, elsewhere or none, of each provider:
# the job ends in the right class, what may be data is kept, the service goes
# on, and no secret comes to light.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw/ tempdir /;
use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time sleep /;

use Wizdata::Accounts qw/ account outcome /;
use Wizdata::Ingestion;
use Wizdata::Postgres;
use Wizdata::Sim::AlphaVantage;
use Wizdata::Sim::Blpapi;
use Wizdata::Sim::Bloomberg;
use Wizdata::Sim::CapitalIq;
use Wizdata::Sim::Lseg;
use Wizdata::Sim::WorldBank;

my $pg = Wizdata::Postgres->start();
my ($in, $round);

# A data set of each: where its data are, and how it is asked for. The files of
# Data License are compressed as they are: what is changed in them is no gzip.
my %PLAN = (
    alphavantage => { class => 'AlphaVantage', settings => { any => 1 },
        path => qr{^/query}, ask => sub { ('alphavantage', 'daily',
                symbol => "S$_[0]") } },
    worldbank => { class => 'WorldBank', settings => {}, path => qr{^/v2/},
        ask => sub { ('worldbank', 'indicator', country => 'all', indicator =>
                'NY.GDP.MKTP.CD', date => 1960 + $_[0] % 60) } },
    lseg => { class => 'Lseg', settings => { any => 1 }, path => qr{^/data/},
        ask => sub { ('lseg', 'interday', identifiers => "S$_[0].N",
                start => '2024-01-02', end => '2024-01-31') } },
    license => { class => 'Bloomberg', settings => { polls => 0 },
        path => qr{/responses/.+}, ask => sub { ('bloomberg', 'history',
                identifiers => "S$_[0] US Equity", fields => 'PX_LAST',
                start => '2024-01-02', end => '2024-01-31') } },
    bridge => { class => 'Blpapi', settings => {}, path => qr{^/request},
        ask => sub { ('bloomberg', 'bridge_history', identifiers =>
                "S$_[0] US Equity", fields => 'PX_LAST',
                start => '2024-01-02', end => '2024-01-31') } },
    spglobal => { class => 'CapitalIq', settings => {},
        path => qr{clientservice}, ask => sub { ('spglobal', 'history',
                identifiers => "S$_[0]:N", fields => 'IQ_EBITDA',
                period => 'IQ_FY') } },
);
my @names = sort keys %PLAN;
my %sim;

sub simulators {
    my (%o) = @_;

    for my $name (@names) {
        $sim{$name}->stop() if $sim{$name};
        $sim{$name} = "Wizdata::Sim::$PLAN{$name}{class}"->start(
            %{ $PLAN{$name}{settings} }, %o);
    }
}

sub service {
    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; DELETE FROM provider_quota));
    $in = Wizdata::Ingestion->start($pg, url => 'http://127.0.0.1:1',
        (map { account($sim{$_}) } @names),
        WIZDATA_WORLDBANK_PER_PAGE => 1000,
        WIZDATA_LSEG_EXCLUSIVE => 'true',
        WIZDATA_INGESTION_TIMEOUT => '1s',
        WIZDATA_INGESTION_MAX_BYTES => '96k',
        WIZDATA_INGESTION_ATTEMPTS => 1,
        WIZDATA_INGESTION_BREAKER_FAILURES => 1000, @_);
}

# Each provider is asked at the same time; name to job.
sub all_at_once {
    my ($done) = @_;

    $round++;
    my %id = map { $_ => scalar $in->run($PLAN{$_}{ask}->($round)) } @names;
    return map { $_ => $in->wait_job($id{$_}, $done) } @names;
}

simulators();
service();
my %job = all_at_once();
is(outcome($job{$_}), 'done - 1 1', "$_ is well") for @names;

# ---- what may happen, and the class that is right; "keeps": the raw bytes

my $away = Wizdata::Sim::AlphaVantage->start(any => 1);
my $page = '<html><body>Please log in</body></html>';
my @faults = (
    [ 'slow', [ bytes => 1, every => 0.2 ] => 'upstream|malformed' ],
    [ 'slow', [ bytes => 1, every => 0.2, body_only => 1 ]
        => 'malformed keeps|upstream' ],
    [ 'stall', [ at => 'start' ] => 'upstream' ],
    [ 'stall', [ at => 'head' ] => 'upstream' ],
    [ 'stall', [ at => 20 ] => 'malformed keeps|upstream' ],
    [ 'reset', [ at => 'start' ] => 'upstream' ],
    [ 'reset', [ at => 'head' ] => 'upstream' ],
    [ 'reset', [ at => 20 ] => 'malformed keeps|upstream' ],
    [ 'fin', [ at => 20 ] => 'malformed keeps|upstream' ],
    [ 'gone', [] => 'upstream' ],
    [ 'endless', [] => { license => 'upstream',
        others => 'malformed keeps' } ],
    [ 'bomb', [ encoding => 'gzip', megabytes => 64 ] => 'malformed keeps' ],
    [ 'bad_gzip', [] => 'malformed' ],
    [ 'cut_gzip', [] => 'malformed keeps' ],
    [ 'wrong_digest', [] => 'malformed' ],
    [ 'long_length', [] => 'upstream' ],
    [ 'short_length', [] => 'malformed keeps' ],
    [ 'bad_chunk', [ how => 'size' ] => 'malformed|upstream' ],
    [ 'bad_chunk', [ how => 'negative' ] => 'malformed|upstream' ],
    [ 'bad_chunk', [ how => 'huge' ] => 'malformed|upstream' ],
    [ 'bad_chunk', [ how => 'crlf' ] => 'malformed|upstream' ],
    [ 'bad_chunk', [ how => 'unfinished' ] => 'malformed keeps' ],
    [ 'bad_status', [ line => 'HELLO 7' ] => 'upstream' ],
    [ 'html', [ body => $page ] => 'malformed keeps' ],
    [ 'blank', [] => 'upstream' ],
    [ 'cut', [ keep => 0.5 ] => 'malformed keeps' ],
    [ 'nul', [ at => 3, n => 4 ] => { license => 'upstream',
        others => 'malformed keeps' } ],
    [ 'charset', [ to => 'UTF-16LE' ] => { license => 'upstream',
        others => 'malformed keeps' } ],
    [ 'status', [ status => 500, body => $page ] => 'upstream' ],
    [ 'status', [ status => 429, body => $page ] => 'limit_short' ],
    [ 'status', [ status => 404, body => $page ] => { license => undef,
        others => 'bad_request' } ],
    [ 'status', [ status => 403, body => $page ] => 'permission' ],
    [ 'redirect', [ to => $away->url('/query') ] => 'bad_request' ],
    [ 'redirect', [ status => 308, to => 'http://169.254.169.254/latest' ]
        => 'bad_request' ],
    [ 'redirect', [ to => 'file:///etc/passwd' ] => 'bad_request|upstream' ],
    [ 'big_header', [ bytes => 100_000 ] => 'upstream|ok' ],
    [ 'many_headers', [ n => 5000 ] => 'upstream|ok' ],
    [ 'bom', [] => { license => 'upstream', others => 'ok' } ],
    # Of Data License the digest says what should have come.
    [ 'gzip', [] => { license => 'malformed', others => 'ok' } ],
    [ 'wrong_digest', [ algorithm => 'crc32c' ] => 'ok' ],
    [ 'zstd', [] => 'upstream' ], # which nobody has asked for
    [ 'unframed', [] => 'ok' ],
    [ 'chunked', [] => 'ok' ],
    [ 'content_type', [ value => 'image/png' ] => 'ok' ],
    [ 'date', [ skew => 86400 * 400 ] => 'ok' ],
    [ 'date', [ value => 'yesterday' ] => 'ok' ],
    [ 'date', [] => 'ok' ],
    # Rows are not judged here, but must not spoil the rest of an answer.
    [ 'rows', [ values => [ 'None', 'NaN', '1e999', '-', '.', '', undef ],
            duplicate => 2, shuffle => 1 ] => 'ok' ],
    [ 'rows', [ values => [ 'NaN', '1e999' ], bare => 1, duplicate => 1 ]
        => 'ok' ],
);
for my $f (@faults) {
    my ($kind, $how, $expected) = @$f;
    my $said = join ' ', map { ref eq 'ARRAY' ? 'of ' . @$_ : $_ } @$how;
    # Of Data License 404 is "not yet".
    my @hit = grep { !ref $expected || !exists $expected->{$_}
            || $expected->{$_} } @names;
    $sim{$_}->fault($kind, path => $PLAN{$_}{path}, @$how) for @hit;
    %job = all_at_once();
    for my $name (@hit) {
        my $j = $job{$name};
        my $is = $j->{class} // 'ok';
        $is .= ' keeps' if $is eq 'malformed' && $j->{objects}
            + ($j->{duplicates} // 0);
        my @right = split /\|/, ref $expected ? $expected->{$name}
            // $expected->{others} : $expected;
        ok((grep { $is eq $_ || $is eq "$_ keeps" } @right)
            && $j->{status} eq ($is eq 'ok' ? 'done' : 'failed'),
            "$kind $said: $name: $is") or diag outcome($j), " ",
            $j->{reason} // '';
        $sim{$name}->clear();
    }
}
is($away->count(), 0, 'no redirect was followed');
%job = all_at_once();
is(outcome($job{$_}), 'done - 1 1', "$_ is well again") for @names;

# ---- a body that is not all of it is no data: the next attempt brings them

service(WIZDATA_INGESTION_ATTEMPTS => 3, WIZDATA_INGESTION_RETRY => '50ms');
for my $f ([ 'reset', at => 20 ], [ 'fin', at => 20 ],
    [ 'long_length' ], [ 'bad_chunk', how => 'unfinished' ],
    [ 'cut_gzip' ], [ 'wrong_digest' ]) {
    my ($kind, @how) = @$f;
    $sim{$_}->fault($kind, path => $PLAN{$_}{path}, times => 1, @how)
        for @names;
    %job = all_at_once();
    # Of what came before a cut some may be kept; what is not what was sent,
    # or did not end, is not.
    my $kept = $kind =~ /digest|length/ ? '1' : '[12]';
    for my $name (@names) {
        like(outcome($job{$name}), qr/^done - 2 $kept$/,
            "$kind @how: $name asks again");
        $sim{$name}->clear();
    }
}

# ---- odd names: each is refused in words, or asked for as it is

my %NAMED = (
    alphavantage => sub { ('alphavantage', 'daily', symbol => $_[0]) },
    worldbank => sub { ('worldbank', 'indicator', country => 'all',
            indicator => $_[0], date => 2000) },
    lseg => sub { ('lseg', 'interday', identifiers => $_[0], start =>
            '2024-01-02', end => '2024-01-31') },
    license => sub { ('bloomberg', 'history', identifiers => $_[0],
            fields => 'PX_LAST', start => '2024-01-02', end => '2024-01-31') },
    bridge => sub { ('bloomberg', 'bridge_history', identifiers => $_[0],
            fields => 'PX_LAST', start => '2024-01-02', end => '2024-01-31') },
    spglobal => sub { ('spglobal', 'history', identifiers => $_[0],
            fields => 'IQ_EBITDA', period => 'IQ_FY') },
);

# All texts in a request, as bytes: of its path, its query and its body.
sub texts_of {
    my ($v) = @_;

    return map { texts_of($_) } values %$v if ref $v eq 'HASH';
    return map { texts_of($_) } @$v if ref $v eq 'ARRAY';
    return if !defined $v || ref $v;
    my $bytes = "$v";
    utf8::encode($bytes) if utf8::is_utf8($bytes);
    return $bytes;
}

sub asked_of {
    my ($r) = @_;

    my @path = map { s/%([0-9A-Fa-f]{2})/chr hex $1/ger } split m{/},
        $r->{path};
    return texts_of([ \@path, $r->{query},
            eval { JSON::PP->new->utf8->decode($r->{body}) } // () ]);
}

for my $odd ('BRK.B', 'RDS/A', '^SPX', 'EUR=', "O'R", 'X%Y', 'A&B=C', 'A?B#C',
    'A+B', 'A B', '"Q"', 'A\\B', '../X', '%2e%2e', '<b>', '{A}', 'A;B',
    "A\nB", "A\r\nX-Odd: 1", "A\tB", 'é', '', ' ', 'x' x 300) {
    my %id;
    $_->forget() for values %sim;
    for my $name (@names) {
        $id{$name} = eval { scalar $in->run($NAMED{$name}->($odd)) };
        like($@, qr/symbol|indicator|identifiers/, "$name: refused in words")
            if !defined $id{$name};
    }
    for my $name (grep { defined $id{$_} } @names) {
        my $job = $in->wait_job($id{$name});
        ok((grep { /^\Q$odd\E$/i || $name eq 'spglobal' && /"\Q$odd\E"/ }
                map { asked_of($_) } $sim{$name}->log())
            || ($job->{class} // '') eq 'bad_request'
            && $job->{reason} =~ /identifier|instrument/
            && !$sim{$name}->count(),
            "$name: $odd: asked for as it is, or not at all")
            or diag outcome($job), " $job->{reason}";
        is_deeply([ grep { $_->{headers}{'x-odd'} } $sim{$name}->log() ], [],
            'no header came of it');
    }
}
%job = all_at_once();
is(outcome($job{$_}), 'done - 1 1', "$_ is well after odd names") for @names;

# ---- one is out of order, the others do not notice

$sim{lseg}->fault('stall', at => 'start');
$sim{spglobal}->fault('endless');
$round++;
$in->run($PLAN{$_}{ask}->($round)) for qw/ lseg spglobal /;
for my $name (qw/ alphavantage worldbank license bridge /) {
    is(outcome($in->wait_job(scalar $in->run($PLAN{$name}{ask}->($round)))),
        'done - 1 1', "$name works on");
}
$_->clear() for values %sim;

# ---- TLS

SKIP: {
    skip 'no IO::Socket::SSL', 1 unless Wizdata::Sim->has_tls;
    simulators(tls => 'good');
    my $dir = tempdir(CLEANUP => 1);
    open my $all, '>', "$dir/ca.pem" or die $!;
    for my $name (@names) {
        open my $f, '<', $sim{$name}->ca or die $!;
        print $all $_ while <$f>;
    }
    close $all;
    my ($cert, $key) = $sim{bridge}->client;
    my @tls = (WIZDATA_INGESTION_CA_FILE => "$dir/ca.pem",
        WIZDATA_BLOOMBERG_BRIDGE_CERT => $cert,
        WIZDATA_BLOOMBERG_BRIDGE_CERT_KEY => $key);
    for my $mode (qw/ expired wrong-host self-signed unknown-ca old no-alert
            garbage hang reset /) {
        service(@tls); # without what the last one has made it wait for
        $_->tls($mode) for values %sim;
        my %was = map { $_ => $sim{$_}->count() } @names;
        %job = all_at_once(sub { ($_[0]{class} // '') eq 'upstream' });
        for my $name (@names) {
            is($job{$name}{class}, 'upstream', "TLS $mode: $name");
            is($sim{$name}->count(), $was{$name}, 'it was told nothing');
        }
    }
    $_->tls('good') for values %sim;
    service(@tls);
    %job = all_at_once();
    is(outcome($job{$_}), 'done - 1 1', "TLS: $_ is well") for @names;
}

# ---- and nothing was betrayed

my $all = $in->everything();
my @secrets = map { $_ // () } 'premium-key', map { @{$_}{qw/ password
    client_secret secret app_key /} } values %sim;
unlike($all, qr/\Q$_\E/, 'a secret shows nowhere') for @secrets;
unlike($all, qr/x{40}/, 'nor does a token');
unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
