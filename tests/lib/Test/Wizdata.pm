package Test::Wizdata;

# Runs nginx with the WizData module between a test and fake backends.
#
#     my $t = Test::Wizdata->new()->plan(2);
#     $t->backend('analytics', sub { reply_map(rsi => 61.2) });
#     $t->run();
#     like(http_get('/v1/indicators/rsi?symbol=IBM'), qr/61\.2/, 'answer');
#     is($t->backend_calls('analytics'), 1, 'asked once');
#
# Every test file gets four checks more, made at its end: no alerts in the
# error log, no sanitizer errors, no complaint of a backend about what it
# received, and every process ended when asked.
#
# Environment:
#     WIZDATA_NGINX          nginx binary; default: nginx of the PATH
#     WIZDATA_MODULE         the module; default: the newest one built here
#     WIZDATA_ASAN_PRELOAD   sanitizer runtimes to preload into nginx
#     WIZDATA_LEAVE          keep the directory of the test and say its name

use warnings;
use strict;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More ();
use Time::HiRes qw/ time /;

use Wizdata::Backend;
use Wizdata::Blake2b qw/ blake2b_hex /;
use Wizdata::MessagePack;

use constant {
    WAIT     => 30,         # seconds until a test gives up; never a measure
    POLL     => 0.005,
    AUTOMATIC => 4,         # checks added to every test file
};

our @EXPORT = (@Test::More::EXPORT, @Wizdata::Backend::EXPORT,
    @Wizdata::MessagePack::EXPORT, qw/ port http http_get http_post http_head
    http_keepalive client request get post head is_problem wd_apikey
    key_digest /);

my %PORTS;      # number in the test => [ port, the socket that reserves it ]
my ($CURRENT);  # the test object
my $OWNER = $$;

sub import {
    my ($class) = @_;

    my $to = caller;

    warnings->import;
    strict->import;
    no strict 'refs';
    for my $name (@EXPORT) {
        my $plain = $name =~ s/^[\$\@%]//r;
        next if $name =~ /^[\$\@%]/ && $name ne '$TODO';
        if ($name eq '$TODO') {
            *{"${to}::TODO"} = \${'Test::More::TODO'};
            next;
        }
        my ($from) = grep { defined &{"${_}::$plain"} } $class, 'Test::More',
            'Wizdata::Backend', 'Wizdata::MessagePack';
        *{"${to}::$plain"} = \&{"${from}::$plain"} if defined $from;
    }
}


# ---- life -------------------------------------------------------------------

sub new {
    my ($class) = @_;

    my $root = abs_path(dirname(abs_path(__FILE__)) . '/../../..');
    my $self = bless {
        root => $root, backends => {}, order => [], services => {},
        allowed => [], config => {}
    }, $class;

    $self->{dir} = tempdir('wd-test-XXXXXXXX', TMPDIR => 1);
    $self->{nginx} = $ENV{WIZDATA_NGINX} || 'nginx';
    # Not those that need a sanitizer preloaded, or another nginx.
    $self->{module} = $ENV{WIZDATA_MODULE} || newest(
        grep { !/asan|newer/ } glob("$root/build*/ngx_http_wizdata_module.so"),
        glob("$root/build*/*/ngx_http_wizdata_module.so"));

    $CURRENT = $self;

    # The key that requests carry unless they say otherwise.
    $self->{keys} = {};
    $self->{key} = $self->add_key(perm => ['*']);
    return $self;
}

sub newest {
    my (@files) = @_;

    my ($newest) = sort { -M $a <=> -M $b } grep { -f } @files;
    return $newest;
}

sub plan {
    my ($self, $n) = @_;

    Test::More::plan(tests => $n + AUTOMATIC);
    $self->{planned} = 1;
    return $self;
}

# Skips the whole file unless every component is there: nginx, module.
sub has {
    my ($self, @components) = @_;

    my $why;
    for my $what (@components) {
        $why ||= $self->missing($what);
    }
    if ($why) {
        $self->{skipped} = 1;
        remove_tree($self->{dir});
        Test::More::plan(skip_all => $why);
    }
    return $self;
}

sub missing {
    my ($self, $what) = @_;

    if ($what eq 'nginx') {
        my $version = `$self->{nginx} -v 2>&1`;
        return "no nginx" if $? != 0;
        return;
    }
    if ($what eq 'module') {
        return "the module is not built" unless $self->{module};
        return "no module at $self->{module}" unless -f $self->{module};
        return;
    }
    die "unknown component $what";
}

sub dir { return $_[0]{dir} }
sub key { return $_[0]{key} }

# A line of the error log that this test provokes.
sub allow {
    my ($self, $re) = @_;

    push @{ $self->{allowed} }, $re;
    return $self;
}

sub END_checks {
    my ($self) = @_;

    return if $self->{skipped};

    my $status = $?;

    my $ended = $self->stop;
    $self->stop_backends;

    # Without a plan there were no tests, or the test died before them.
    if (Test::More->builder->current_test || $self->{planned}) {
        my @alerts = $self->alerts;
        Test::More::is(join('', @alerts), '', 'no alerts');
        Test::More::is($self->sanitizer_errors, '', 'no sanitizer errors');
        Test::More::is(join("\n", $self->violations), '',
            'no complaint of a backend');
        Test::More::ok($ended, 'all processes ended');
        Test::More::done_testing() unless $self->{planned};
    }

    if ($ENV{WIZDATA_LEAVE}) {
        Test::More::diag("kept: $self->{dir}");
    } else {
        remove_tree($self->{dir});
    }
    $? = $status;
}

END {
    $CURRENT->END_checks if $CURRENT && $$ == $OWNER;
}

sub read_file {
    my ($self, $name) = @_;

    open my $fh, '<:raw', "$self->{dir}/$name" or return '';
    local $/;
    my $text = <$fh>;
    return defined $text ? $text : '';
}

sub alerts {
    my ($self) = @_;

    my @lines = grep { /\[(alert|emerg|crit)\]/ }
        split /^/, $self->read_file('error.log');

    for my $re (@{ $self->{allowed} }) {
        @lines = grep { !/$re/ } @lines;
    }
    return @lines;
}

sub sanitizer_errors {
    my ($self) = @_;

    my $text = '';
    for my $file (glob "$self->{dir}/san.*") {
        $text .= $self->read_file($file =~ s{.*/}{}r);
    }
    # With both runtimes preloaded they may write to where nginx has put its
    # standard error, whatever log_path says.
    for my $file (qw/ error.log stderr.log /) {
        my @lines = split /^/, $self->read_file($file);
        my @at = grep { $lines[$_] =~ /\bruntime error: |==ERROR: \w+Sanitizer/ }
            0 .. $#lines;
        $text .= join '', @lines[ $_ .. ($_ + 20 < @lines ? $_ + 20 : $#lines) ]
            for @at;
    }
    return $text;
}

sub violations {
    my ($self) = @_;

    my @list;
    for my $name (@{ $self->{order} }) {
        push @list, map { "$name: connection "
            . ($_->{c} // '-') . ": $_->{why}" }
            $self->{backends}{$name}->events('bad');
    }
    return @list;
}


# ---- nginx ------------------------------------------------------------------

# A loopback port for a number that the test uses as its name. The socket
# stays bound, not listening, so that nobody else is given the port; nginx may
# bind it all the same because both set SO_REUSEADDR.
sub port {
    my ($number) = @_;

    $PORTS{$number} ||= do {
        my $socket = IO::Socket::INET->new(Proto => 'tcp', ReuseAddr => 1,
            LocalAddr => '127.0.0.1', LocalPort => 0) or die "port: $!";
        [ $socket->sockport, $socket ];
    };
    return $PORTS{$number}[0];
}

sub write_file {
    my ($self, $name, $text) = @_;

    open my $fh, '>:raw', "$self->{dir}/$name" or die "$name: $!";
    print $fh $text;
    close $fh or die "$name: $!";
    return $self;
}

# Replaces %%TEST_GLOBALS%%, %%TEST_GLOBALS_HTTP%%, %%SERVICES%%,
# %%TESTDIR%%, %%PORT_n%%, and %%SOCKET_name%% of a backend.
sub write_file_expand {
    my ($self, $name, $text) = @_;

    $text =~ s/%%TEST_GLOBALS%%/$self->globals/ge;
    $text =~ s/%%TEST_GLOBALS_HTTP%%/$self->globals_http/ge;
    $text =~ s/%%SERVICES%%/$self->service_lines/ge;
    $text =~ s/%%PORT_(\d+)%%/port($1)/ge;
    $text =~ s/%%SOCKET_([\w.]+)%%/$self->endpoint($1)/ge;
    $text =~ s/%%TESTDIR%%/$self->{dir}/g;
    return $self->write_file($name, $text);
}

sub globals {
    my ($self) = @_;

    my $user = $> == 0 ? "user root;\n" : '';
    my $globals = $self->{config}{globals} || '';
    my $workers = $self->{config}{workers} || 1;

    return <<EOF;
${user}daemon off;
worker_processes $workers;
pid $self->{dir}/nginx.pid;
error_log $self->{dir}/error.log info;
load_module $self->{module};
$globals
EOF
}

sub globals_http {
    my ($self) = @_;

    my @temp = map { "${_}_temp_path $self->{dir}/${_}_temp;" }
        qw/ client_body proxy fastcgi uwsgi scgi /;
    return join("\n    ", @temp) . "\n    access_log $self->{dir}/access.log;";
}

sub endpoint {
    my ($self, $name) = @_;

    my $at = $self->{backends}{$name} ? $self->{backends}{$name}{listen}
        : "$self->{dir}/$name.sock";
    return $at =~ m{^/} ? "unix:$at" : $at;
}

sub service_lines {
    my ($self) = @_;

    my (%endpoints, @lines);
    for my $name (@{ $self->{order} }, @{ $self->{absent} || [] }) {
        push @{ $endpoints{ $name =~ s/\..*//r } }, $self->endpoint($name);
    }
    for my $service (sort keys %endpoints) {
        my $more = $self->{services}{$service};
        push @lines, join(' ', "wizdata_service $service",
            @{ $endpoints{$service} }, defined $more ? $more : ()) . ';';
    }
    return join "\n    ", @lines;
}

# Parts of the configuration that run() writes when the test wrote none:
# globals, workers, http, server, location (inside /v1/), zone, listen (more
# words of that line), servers (further blocks).
sub config {
    my ($self, %parts) = @_;

    $self->{config} = { %{ $self->{config} }, %parts };
    return $self;
}

# More words of a wizdata_service line.
sub service {
    my ($self, $service, $more) = @_;

    $self->{services}{$service} = $more;
    return $self;
}

# Names an endpoint nobody listens on (yet).
sub absent {
    my ($self, @names) = @_;

    push @{ $self->{absent} }, @names;
    return $self;
}

sub default_config {
    my ($self) = @_;

    my %c = (zone => '4m', http => '', server => '', location => '',
        listen => '', servers => '', %{ $self->{config} });

    $self->write_file_expand('nginx.conf', <<EOF);
%%TEST_GLOBALS%%
events {
    worker_connections 1024;
}

http {
    %%TEST_GLOBALS_HTTP%%

    wizdata_zone $c{zone};
    %%SERVICES%%
    $c{http}

    server {
        listen 127.0.0.1:%%PORT_8080%% $c{listen};
        server_name localhost;
        wizdata_errors on;
        $c{server}

        location /v1/ {
            wizdata_api on;
            $c{location}
        }

        location = /health {
            wizdata_health;
        }

        location = /health/detailed {
            wizdata_health_detailed public;
        }

        location = /metrics {
            wizdata_metrics;
        }
    }

$c{servers}
}
EOF
}

# Starts the backends and nginx, and waits until nginx answers connections.
sub run {
    my ($self) = @_;

    if (!$self->{planned}) {
        $self->has(qw/ nginx module /);
    } elsif (my $why = $self->missing('module')) {
        die "$why\n";
    }

    $self->auth unless $self->{backends}{auth} || $self->{no_auth};
    $self->default_config unless -f "$self->{dir}/nginx.conf";
    for my $name (@{ $self->{order} }) {
        $self->{backends}{$name}->start
            unless $self->{backends}{$name}{pid} || $self->{later}{$name};
    }

    $self->start_nginx;
    $self->wait_ready;
    return $self;
}

sub start_nginx {
    my ($self) = @_;

    my $pid = fork;
    die "fork: $!" unless defined $pid;
    return $self->{pid} = $pid if $pid;

    # One log file per process; a leak at nginx's own exit is not a finding.
    my $san = "log_path=$self->{dir}/san:detect_leaks=0";
    $ENV{ASAN_OPTIONS} = "$san:detect_odr_violation=0";
    $ENV{UBSAN_OPTIONS} = "$san:print_stacktrace=1";
    $ENV{LD_PRELOAD} = $ENV{WIZDATA_ASAN_PRELOAD}
        if $ENV{WIZDATA_ASAN_PRELOAD};

    open STDOUT, '>>', "$self->{dir}/stdout.log";
    open STDERR, '>>', "$self->{dir}/stderr.log";
    { exec $self->{nginx}, '-p', "$self->{dir}/", '-c',
        "$self->{dir}/nginx.conf", '-e', "$self->{dir}/error.log"; }
    POSIX::_exit(127);
}

# nginx -t of the configuration as it lies there: status and what it said.
sub test_config {
    my ($self) = @_;

    my $env = $ENV{WIZDATA_ASAN_PRELOAD} ? 'env ASAN_OPTIONS=detect_leaks=0'
        . " LD_PRELOAD='$ENV{WIZDATA_ASAN_PRELOAD}'" : '';
    my $dir = $self->{dir};
    my $out = `$env $self->{nginx} -t -p $dir/ -c $dir/nginx.conf -e $dir/error.log 2>&1`;
    return ($?, $out);
}

sub wait_ready {
    my ($self) = @_;

    my $ready = $self->poll(sub {
        if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
            delete $self->{pid};
            return 1;
        }
        return -s "$self->{dir}/nginx.pid" && $self->workers
            && IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                PeerPort => port(8080));
    });

    return if $ready && $self->{pid};
    Test::More::diag($self->read_file('stderr.log'));
    Test::More::diag($self->read_file('error.log'));
    die "nginx did not start\n";
}

# Ends nginx as an operator would. False when some process did not end.
sub stop {
    my ($self) = @_;

    my $pid = $self->{pid} or return 1;
    my @workers = $self->workers;

    kill 'QUIT', $pid;
    my $ended = $self->poll(sub {
        return waitpid($pid, POSIX::WNOHANG()) == $pid;
    });
    unless ($ended) {
        Test::More::diag('nginx did not end');
        kill 'KILL', $_ for $pid, $self->workers;
        waitpid $pid, 0;
    }
    delete $self->{pid};

    my @left = grep { kill 0, $_ } @workers;
    Test::More::diag("workers left: @left") if @left;
    kill 'KILL', $_ for @left;
    return $ended && !@left;
}

# Processes of the running workers.
sub workers {
    my ($self) = @_;

    my $pid = $self->{pid} or return;
    open my $fh, '<', "/proc/$pid/task/$pid/children"
        or return $self->workers_by_stat;
    my $line = <$fh>;
    return defined $line ? split ' ', $line : ();
}

sub workers_by_stat {
    my ($self) = @_;

    my @pids;
    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $fh, '<', $stat or next;
        my ($child, $parent) = (<$fh> // '') =~ /^(\d+) \(.*\) \S (\d+)/;
        push @pids, $child if defined $parent && $parent == $self->{pid};
    }
    return @pids;
}

sub reload {
    my ($self) = @_;

    kill 'HUP', $self->{pid};
}

# A reload that is over: new workers only. They know nothing of what the old
# ones met, such as how long to wait before a backend is tried again.
sub renew {
    my ($self) = @_;

    my %old = map { $_ => 1 } $self->workers;
    $self->reload;
    return $self->poll(sub {
        my @now = $self->workers;
        return @now && !grep { $old{$_} } @now;
    });
}

# Until the function is true: its value, or false after the deadline. Who
# names no deadline and does not look at the value relies on it: it is a failed
# test then, where it happened, and not what comes of it later.
sub poll {
    my ($self, $sub, $seconds) = @_;

    my $deadline = time() + ($seconds || WAIT);
    for (;;) {
        my $v = $sub->();
        return $v if $v;
        last if time() > $deadline;
        select undef, undef, undef, POLL;
    }
    waited_in_vain() unless defined wantarray || $seconds;
    return;
}

sub waited_in_vain {
    my $level = 1;
    $level++ while caller($level) eq __PACKAGE__;
    my (undef, $file, $line) = caller $level;
    Test::More::fail("waited in vain at $file line $line");
}

# The same as a test of its own.
sub wait_for {
    my ($self, $name, $sub) = @_;

    return Test::More::ok($self->poll($sub), $name);
}


# ---- backends ---------------------------------------------------------------

# Declares a backend; "analytics.b" is one more endpoint of analytics.
# The handler answers requests; options are those of Wizdata::Backend->new.
sub backend {
    my ($self, $name, $handler, %o) = @_;

    my $backend = Wizdata::Backend->new(
        name => $name =~ s/\..*//r, log => "$self->{dir}/$name.events",
        listen => "$self->{dir}/$name.sock", handler => $handler, %o);

    $self->{backends}{$name} = $backend;
    push @{ $self->{order} }, $name;
    $self->{later}{$name} = 1 if $o{later};
    return $backend;
}

sub backend_start { return $_[0]{backends}{ $_[1] }->start }
sub backend_stop  { return $_[0]{backends}{ $_[1] }->stop($_[2]) }
sub backend_log   { return $_[0]{backends}{ $_[1] }->log }

sub backend_calls {
    my ($self, $name, $method) = @_;

    return scalar(my @calls = $self->{backends}{$name}->calls($method));
}

# The requests themselves.
sub backend_requests {
    my ($self, $name, $method) = @_;

    return $self->{backends}{$name}->calls($method);
}

sub backend_events {
    my ($self, $name, $kind) = @_;

    return $self->{backends}{$name}->events($kind);
}

sub backend_ctl {
    my ($self, $name, @command) = @_;

    return $self->{backends}{$name}->ctl(@command);
}

sub stop_backends {
    my ($self) = @_;

    $_->stop for values %{ $self->{backends} };
}


# ---- keys -------------------------------------------------------------------

my @BASE62 = (0 .. 9, 'A' .. 'Z', 'a' .. 'z');

sub crc32 {
    my ($s) = @_;

    my $crc = 0xffffffff;
    for my $byte (unpack 'C*', $s) {
        $crc ^= $byte;
        $crc = $crc >> 1 ^ ($crc & 1 ? 0xedb88320 : 0) for 1 .. 8;
    }
    return $crc ^ 0xffffffff;
}

# A well-formed key that nobody knows.
sub wd_apikey {
    my ($mode) = @_;

    my $key = 'wd_' . ($mode || 'live') . '_'
        . join '', map { $BASE62[ rand 62 ] } 1 .. 32;
    my $crc = crc32($key);
    my $check = '';

    for (1 .. 6) {
        $check = $BASE62[ $crc % 62 ] . $check;
        $crc = int($crc / 62);
    }
    return $key . $check;
}

sub key_digest { return blake2b_hex($_[0], 32) }

# A key that auth knows. Options: sub, key (its id), plan, perm, exp, mode.
sub add_key {
    my ($self, %o) = @_;

    my $id = 1 + keys %{ $self->{keys} };
    my $key = wd_apikey(delete $o{mode});
    my $verdict = { sub => "user:$id", key => "$id", plan => 'default',
        perm => [], %o };

    $self->{keys}{ key_digest($key) } = $verdict;
    $self->{backends}{auth}->ctl('know', key_digest($key), $verdict)
        if $self->{backends}{auth} && $self->{backends}{auth}{pid};
    return $key;
}

# Auth forgets the key and, unless told otherwise, pushes that.
sub revoke {
    my ($self, $key, %o) = @_;

    $self->{backends}{auth}->ctl('forget', key_digest($key));
    $self->{backends}{auth}->ctl('notify', 'auth.revoke',
        [ [ key_digest($key) ] ]) unless $o{quietly};
}

# The auth backend. Options as for backend().
sub auth {
    my ($self, $handler, %o) = @_;

    my $keys = $self->{keys};
    my $methods = delete $o{methods} || {};

    return $self->backend('auth', $handler, beat => 1,
        methods => {
            'auth.verify' => sub {
                my ($req) = @_;

                my $v = $keys->{ $req->{args}{digest} // '' };
                return error_reply(-3, 'no such key') unless $v;
                return reply(undef, meta => $v);
            },
            # No token is revoked, unless the test says otherwise.
            'auth.token' => sub { return reply(undef) },
            %$methods
        },
        commands => {
            know => sub { $keys->{ $_[1] } = $_[2]; 1 },
            forget => sub { delete $keys->{ $_[1] }; 1 },
        },
        %o);
}


# ---- HTTP -------------------------------------------------------------------

# Options of all: key (undef: none), headers (array of lines), port, body.
sub build {
    my ($method, $path, %o) = @_;

    my $key = exists $o{key} ? $o{key} : $CURRENT->{key};
    my @head = ("$method $path HTTP/1.1", 'Host: localhost');

    push @head, "X-API-Key: $key" if defined $key;
    push @head, 'Connection: close' unless $o{keepalive};
    push @head, @{ $o{headers} || [] };
    push @head, 'Content-Length: ' . length $o{body} if defined $o{body};
    return join("\r\n", @head, '', '') . ($o{body} // '');
}

sub client { return Test::Wizdata::Client->new(@_) }

# Sends bytes over a new connection; everything that came back.
sub http {
    my ($bytes, %o) = @_;

    my $c = client(%o);
    $c->send($bytes);
    return $c->slurp;
}

sub http_get  { return http(build('GET', @_), @_[ 1 .. $#_ ]) }
sub http_head { return http(build('HEAD', @_), @_[ 1 .. $#_ ]) }

sub http_post {
    my ($path, $body, %o) = @_;

    return http(build('POST', $path, json_body($body, %o)), %o);
}

# A body that is no text becomes JSON, with its type.
sub json_body {
    my ($body, %o) = @_;

    $body = JSON::PP->new->canonical->encode($body) if ref $body;
    my @type = grep { /^content-type:/i } @{ $o{headers} || [] };
    return (%o, body => $body, headers => [ @{ $o{headers} || [] },
        @type || $o{no_type} ? () : 'Content-Type: application/json' ]);
}

# One exchange over a connection of its own; a parsed response. nginx counts
# and logs a request between its answer and the end of the connection: who has
# seen the end finds it counted, whichever worker tells the numbers.
sub request {
    my ($method, $path, %o) = @_;

    my $c = client(%o);
    $c->send(build($method, $path, %o));
    my $r = $c->response(head => $method eq 'HEAD');
    $c->slurp if ($r->header('connection') // '') eq 'close';
    return $r;
}

sub get  { return request('GET', @_) }
sub head { return request('HEAD', @_) }

sub post {
    my ($path, $body, %o) = @_;

    return request('POST', $path, json_body($body, %o));
}

# Requests one after the other over one connection; parsed responses. Each
# request is a path, or [ method, path, options ].
sub http_keepalive {
    my (@requests) = @_;

    my $c = client();
    return map { ref $_ ? $c->request(@$_) : $c->get($_) } @requests;
}

# One test: is this the problem document that it should be?
sub is_problem {
    my ($r, $status, $slug, $name, $detail) = @_;

    my @wrong;
    my $p = $r->json;

    push @wrong, "status is " . $r->status if $r->status != $status;
    push @wrong, "content type is " . ($r->header('content-type') // 'missing')
        if ($r->header('content-type') // '') !~
        m{^application/problem\+json(;|$)};

    if (ref $p ne 'HASH') {
        push @wrong, 'the body is no JSON object';
    } else {
        push @wrong, 'type: ' . ($p->{type} // '-')
            unless ($p->{type} // '') =~ m{(^|[/:\#])\Q$slug\E$};
        push @wrong, 'member status: ' . ($p->{status} // '-')
            unless ($p->{status} // 0) eq $status;
        push @wrong, 'no title' unless length($p->{title} // '');
        push @wrong, 'detail: ' . ($p->{detail} // '-')
            if $detail && ($p->{detail} // '') !~ $detail;
    }

    my $ok = Test::More::ok(!@wrong, $name);
    Test::More::diag(join "\n", @wrong, $r->text) unless $ok;
    return $ok;
}


package Test::Wizdata::Client;

# One client connection.

use IO::Select;
use IO::Socket::INET;
use Socket qw/ :DEFAULT IPPROTO_TCP TCP_NODELAY /;
use Time::HiRes qw/ time /;

# Options: port; rcvbuf (bytes, for a slow reader).
sub new {
    my ($class, %o) = @_;

    my $fh;
    socket $fh, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
    setsockopt $fh, SOL_SOCKET, SO_RCVBUF, pack 'i', $o{rcvbuf} if $o{rcvbuf};
    connect $fh, sockaddr_in($o{port} || Test::Wizdata::port(8080),
        inet_aton('127.0.0.1')) or die "connect: $!";
    setsockopt $fh, IPPROTO_TCP, TCP_NODELAY, pack 'i', 1;
    binmode $fh;

    return bless { fh => $fh, in => '' }, $class;
}

# False when the server closed first: it may answer before all is in.
sub send {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $at = 0;
    while ($at < length $bytes) {
        my $n = syswrite $self->{fh}, $bytes, 65536, $at;
        return unless defined $n;
        $at += $n;
    }
    return 1;
}

sub send_request { my $self = shift; $self->send(Test::Wizdata::build(@_)) }

sub request {
    my ($self, $method, $path, %o) = @_;

    $self->send(Test::Wizdata::build($method, $path, keepalive => 1, %o));
    return $self->response(head => $method eq 'HEAD');
}

sub get  { my $self = shift; return $self->request('GET', @_) }
sub head { my $self = shift; return $self->request('HEAD', @_) }

sub post {
    my ($self, $path, $body, %o) = @_;

    return $self->request('POST', $path,
        Test::Wizdata::json_body($body, %o));
}

# Reads more: bytes, 0 at the end of the stream, undef at the deadline.
sub more {
    my ($self, $max) = @_;

    return unless IO::Select->new($self->{fh})->can_read(Test::Wizdata::WAIT);
    my $n = sysread $self->{fh}, $self->{in}, $max || 262144,
        length $self->{in};
    return $n // 0;
}

sub slurp {
    my ($self) = @_;

    1 while $self->more;
    my $in = $self->{in};
    $self->{in} = '';
    return $in;
}

# True when the server closed the connection and sent nothing more.
sub closed {
    my ($self) = @_;

    my $n = $self->more;
    return defined $n && $n == 0 && !length $self->{in};
}

sub close { CORE::close $_[0]{fh} }

# With SO_LINGER 0: the server sees a reset.
sub reset {
    my ($self) = @_;

    setsockopt $self->{fh}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    CORE::close $self->{fh};
}

# The next response. Option: head (no body follows). A response that ends
# early has {short} true; one that never came has status 0.
sub response {
    my ($self, %o) = @_;

    my $r = bless { status => 0, headers => [], body => '', text => '' },
        'Test::Wizdata::Response';

    my $head = $self->until(qr/\r\n\r\n/) // return $r;
    $r->{text} = $head;
    ($r->{status}) = $head =~ m{^HTTP/1\.[01] (\d{3})};
    $r->{status} ||= 0;
    my (undef, @lines) = split /\r\n/, $head;
    $r->{headers} = [ map { /^([^:]+):[ \t]*(.*?)[ \t]*$/ ? [ lc $1, $2 ] : () }
        @lines ];

    return $r if $o{head} || $r->{status} =~ /^(1..|204|304)$/;

    if (($r->header('transfer-encoding') // '') =~ /chunked/i) {
        $self->chunked($r);
    } elsif (defined(my $n = $r->header('content-length'))) {
        $r->{short} = 1 unless $self->exactly($n);
        $r->{body} = substr $self->{in}, 0, $n, '';
    } else {
        $r->{body} = $self->slurp;
    }
    $r->{text} .= $r->{body};
    return $r;
}

sub until {
    my ($self, $re) = @_;

    for (;;) {
        if ($self->{in} =~ /$re/) {
            return substr $self->{in}, 0, $+[0], '';
        }
        return unless $self->more;
    }
}

sub exactly {
    my ($self, $n) = @_;

    while (length $self->{in} < $n) {
        return unless $self->more;
    }
    return 1;
}

sub chunked {
    my ($self, $r) = @_;

    for (;;) {
        my $line = $self->until(qr/\r\n/);
        if (!defined $line || $line !~ /^([0-9a-fA-F]+)/) {
            $r->{short} = 1;
            return;
        }
        my $n = hex $1;
        if (!$self->exactly($n + 2)) {
            $r->{short} = 1;
            $r->{body} .= $self->{in};
            return;
        }
        $r->{body} .= substr $self->{in}, 0, $n, '';
        substr $self->{in}, 0, 2, '';
        return if $n == 0;
    }
}


package Test::Wizdata::Response;

sub status { return $_[0]{status} }
sub body   { return $_[0]{body} }
sub text   { return $_[0]{text} }
sub short  { return $_[0]{short} }

# All values of a header, joined; undef when it is absent.
sub header {
    my ($self, $name) = @_;

    my @values = map { $_->[1] } grep { $_->[0] eq lc $name }
        @{ $self->{headers} };
    return @values ? join(', ', @values) : undef;
}

sub count {
    my ($self, $name) = @_;

    return scalar grep { $_->[0] eq lc $name } @{ $self->{headers} };
}

# The body as data, or undef when it is no JSON.
sub json {
    my ($self) = @_;

    return eval { JSON::PP->new->utf8->decode($self->{body}) };
}

1;
