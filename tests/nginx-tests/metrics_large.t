#!/usr/bin/perl

# A hundred thousand series in one answer: complete and in order, for any
# client: one that reads slowly, one that leaves, one that asks for the head
# only, one that wants it compressed. Others are served meanwhile.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Prometheus;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

use constant SERIES => 50_000; # of each of two backends

sub text {
    my ($name) = @_;

    return join '', "# HELP big Many.\n# TYPE big gauge\n",
        map({ "big{service=\"$name\",symbol=\"S" . ($_ % 5000)
            . "\",field=\"f" . int($_ / 5000) . "\"} $_\n" } 1 .. SERIES),
        "# HELP last_total Last.\n# TYPE last_total counter\n",
        "last_total{service=\"$name\"} 1\n";
}

my %text = map { $_ => text($_) } qw/ analytics ingestion /;

for my $name (sort keys %text) {
    $t->backend($name, sub {
        my ($req) = @_;
        return (ref $req->{args}{symbol} ? $req->{args}{symbol}[0] : '')
            eq 'HOLD' ? hold('held') : 'x';
    }, methods => { 'sys.metrics' => sub {
        my ($req) = @_;
        my $mode = $req->{backend}{mode} // '';
        return reply("# HELP small A.\n# TYPE small gauge\n"
            . "small{service=\"$name\"} 1\n") if $mode eq 'small';
        return hold(reply('small 1')) if $mode eq 'hold';
        return stream(20_000_000) if $mode eq 'too much';
        my $text = $text{$name};
        return stream(length $text, text => $text,
            $mode =~ /^(\w+_at) (\d+)$/ ? ($1, $2) : ());
    } });
}
$t->config(http => 'wizdata_timeout sys.metrics 20s;',
    servers => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_8081%% sndbuf=32k;
        location = /metrics { wizdata_metrics; }
    }
    server {
        listen 127.0.0.1:%%PORT_8082%%;
        location = /metrics {
            wizdata_metrics;
            gzip on;
            gzip_types text/plain application/openmetrics-text;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_8083%% sndbuf=32k;
        send_timeout 300ms;
        location = /metrics { wizdata_metrics; }
    }
    server {
        listen 127.0.0.1:%%PORT_8084%%;
        limit_rate 20m;
        location = /metrics { wizdata_metrics; }
    }
    server {
        listen 127.0.0.1:%%PORT_8085%% http2;
        location = /metrics { wizdata_metrics; }
    }
EOF
$t->run();

my $OPEN = 'Accept: application/openmetrics-text';

sub mode {
    my ($mode, @names) = @_;
    $t->backend_ctl($_, 'set', 'mode', $mode) for @names ? @names
        : qw/ analytics ingestion /;
}

# The backends' lines as they were sent, one behind the other.
sub lines {
    my ($body, $name) = @_;
    return join '', map { "$_\n" } $body =~ /^(big\{service="$name".*)$/mg;
}

sub whole {
    my ($body) = @_;

    for my $name (keys %text) {
        my ($sent) = $text{$name} =~ /^((?:big.*\n)+)/m;
        return "$name differs" if lines($body, $name) ne $sent;
    }
    return 'two of last' if 2 != (() = $body =~ /^last_total\{.*\} 1$/mg);
    return 'heads' if 1 != (() = $body =~ /^# TYPE big gauge$/mg);
    return 'whole';
}

my $r;
$t->wait_for('backends are connected', sub {
    $r = get('/metrics', key => undef);
    return 2 == (() = $r->body =~ /^last_total\{/mg);
});
is(whole($r->body), 'whole', 'all of it');
my $f = prometheus_parse($r->body);
is(scalar @{ $f->{big}{samples} }, 2 * SERIES, 'an independent reader agrees');

$r = get('/metrics', key => undef, headers => [$OPEN]);
is(whole($r->body), 'whole', 'OpenMetrics');
like($r->body, qr/\n# EOF\n\z/, 'OpenMetrics: its end');
unlike($r->body, qr/\A.*# EOF.*# EOF/s, 'OpenMetrics: once');

# ---- HEAD, HTTP/1.0 ----

my $calls = $t->backend_calls('analytics', 'sys.metrics');
$r = head('/metrics', key => undef, headers => [$OPEN]);
is($r->status, 200, 'HEAD');
is($r->header('content-type'),
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
    'HEAD: the type');
is($r->body, '', 'HEAD: no body');
is($t->backend_calls('analytics', 'sys.metrics'), $calls,
    'HEAD: no backend is asked');
is(request('POST', '/metrics', key => undef)->status, 405, 'POST is refused');

my $old = http("GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n");
is(whole($old), 'whole', 'HTTP/1.0');
unlike($old, qr/^transfer-encoding/mi, 'HTTP/1.0: no chunks');

# ---- pipelined with others ----

my $c = client();
$c->send_request('GET', $_, key => $_ =~ /metrics/ ? undef : $t->key,
    keepalive => 1) for '/v1/bars?symbol=A', '/metrics', '/v1/bars?symbol=A',
    '/metrics';
my @answers = map { $c->response } 1 .. 4;
is(join(' ', map { $_->status } @answers), '200 200 200 200', 'pipelined');
is(whole($answers[$_]->body), 'whole', "pipelined: answer $_") for 1, 3;
is($answers[2]->body, 'x', 'pipelined: the one between');

# ---- compressed ----

SKIP: {
    skip 'no gzip of Perl', 2 unless eval { require IO::Uncompress::Gunzip };
    my $r = get('/metrics', port => port(8082), key => undef,
        headers => ['Accept-Encoding: gzip']);
    is($r->header('content-encoding'), 'gzip', 'compressed');
    my ($in, $out) = ($r->body);
    IO::Uncompress::Gunzip::gunzip(\$in, \$out);
    is(whole($out // ''), 'whole', 'compressed: whole');
}

is(whole(get('/metrics', port => port(8084), key => undef)->body), 'whole',
    'limit_rate');

SKIP: {
    skip 'curl without HTTP/2', 2 unless `curl --version 2>&1` =~ /HTTP2/;
    my $url = 'http://127.0.0.1:' . port(8085) . '/metrics';
    my $curl = 'curl -s --max-time 20 --http2-prior-knowledge';
    is(whole(scalar `$curl $url`), 'whole', 'HTTP/2');
    `$curl --limit-rate 100k --max-time 0.5 $url`;
    is(whole(scalar `$curl $url`), 'whole', 'HTTP/2, after one that left');
}

# ---- a client that does not read ----

my @slow = map { client(port => port(8081), rcvbuf => 16_384) } 1 .. 4;
$_->send_request('GET', '/metrics', key => undef) for @slow;
$t->wait_for('all four are being sent', sub {
    4 == grep { IO::Select->new($_->{fh})->can_read(0) } @slow });
is(join(' ', map { get('/v1/bars?symbol=A')->status } 1 .. 20),
    join(' ', (200) x 20), 'others are served');

$r = get('/metrics', key => undef);
is($r->status, 503, 'a fifth is refused');
is($r->header('retry-after'), 1, 'and told when to come again');

is(whole($slow[0]->response->body), 'whole', 'whole when it reads at last');
$slow[1]->reset;
$slow[2]->close;
is(whole($slow[3]->response->body), 'whole', 'and another one');
$t->wait_for('there is room again', sub {
    get('/metrics', key => undef)->status == 200 });

$c = client(port => port(8083), rcvbuf => 16_384);
$c->send_request('GET', '/metrics', key => undef);
$t->wait_for('send_timeout holds', sub {
    $t->read_file('error.log') =~ /client timed out/ });

# ---- a reload in the middle ----

@slow = map { client(port => port(8081), rcvbuf => 16_384) } 1 .. 3;
$_->send_request('GET', '/metrics', key => undef) for @slow;
$t->wait_for('three are being sent', sub {
    3 == grep { IO::Select->new($_->{fh})->can_read(0) } @slow });
my %old = map { $_ => 1 } $t->workers;
$t->reload;
$t->wait_for('other workers', sub { grep { !$old{$_} } $t->workers });
is(whole($_->response->body), 'whole', 'the old ones go on to the end')
    for @slow;
$t->wait_for('and end', sub { !grep { $old{$_} } $t->workers });
$t->wait_for('the backends are connected', sub {
    whole(get('/metrics', key => undef)->body) eq 'whole' });

# ---- clients that leave at any time ----

for my $when (qw/ asked answered read /) {
    mode('hold') if $when eq 'asked';
    my @c = map { client(port => port(8081), rcvbuf => 16_384) } 1 .. 3;
    $_->send_request('GET', '/metrics', key => undef) for @c;
    if ($when eq 'asked') {
        $t->poll(sub { $t->backend_ctl('analytics', 'held') == 3 });
    } else {
        $t->poll(sub {
            3 == grep { IO::Select->new($_->{fh})->can_read(0) } @c });
        for my $client ($when eq 'read' ? @c : ()) {
            $client->more(100_000) for 1 .. 5;
        }
    }
    $_->reset for @c;
    if ($when eq 'asked') {
        mode('');
        $t->backend_ctl($_, 'release') for qw/ analytics ingestion /;
    }
    $t->wait_for("left when $when: the next is served", sub {
        whole(get('/metrics', key => undef)->body) eq 'whole' });
}

# ---- backends that fail ----

for my $case ('abort_at 100000', 'hangup_at 2000000', 'too much') {
    mode($case, 'ingestion');
    my $r = get('/metrics', key => undef);
    is($r->status, 200, "$case: answered");
    is(lines($r->body, 'ingestion'), '', "$case: nothing of half a text");
    isnt(lines($r->body, 'analytics'), '', "$case: the other's is there");
    like($r->body, qr/^wizdata_backend_up\{service="ingestion".*\} 0$/m,
        "$case: and it is said");
    mode('', 'ingestion');
    $t->wait_for("$case: all of it again", sub {
        whole(get('/metrics', key => undef)->body) eq 'whole' });
}
mode('small');

# ---- what is counted ----

$f = prometheus_parse(get('/metrics', key => undef)->body);
cmp_ok(metric_value($f, 'wizdata_scrapes_total', outcome => 'complete'), '>=',
    15, 'complete ones are counted');
cmp_ok(metric_value($f, 'wizdata_scrapes_total', outcome => 'broken'), '>=',
    12, 'broken ones');
is(metric_value($f, 'wizdata_scrapes_total', outcome => 'refused'), 1,
    'those refused');
is(metric_value($f, 'http_requests_active'), 1, 'none is left');
