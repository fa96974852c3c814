package Wizdata::Chaos;

# A storm: two gateways of two workers each, a real Redis, fake backends,
# mixed traffic, and faults by a schedule that a seed decides. What happened
# is judged by Wizdata::Chaos::Judge.
#
#     my $w = Wizdata::Chaos->new($t, seed => 7, seconds => 12);
#     $w->run;
#     is(@{ $w->complaints($_) }, 0, $_) for $w->judges;
#     $w->stop;
#
# Options: seed; seconds; clients; pause (of a client between two requests);
# phases (names, see below); plant (breaks each promise, so that every judge
# has to object).

use warnings;
use strict;

use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw/ time sleep /;

use Wizdata::Backend;
use Wizdata::Chaos::Board;
use Wizdata::Chaos::Client;
use Wizdata::Chaos::Judge;
use Wizdata::Issuer;
use Wizdata::Jwt;
use Wizdata::MessagePack;
use Wizdata::Redis;

use constant {
    TIGHT_RATE => 15, TIGHT_BURST => 8, LONG => 300_000,
    DRAIN => 35, UNDRAIN => 36,     # SIGRTMIN + 1, SIGRTMIN + 2
    MIXED => 7,     # the principal who is taken for another, if that is planted
};

# What may happen in a phase of the storm; calm: mixed traffic only.
our @PHASES = qw/ kill_a redis_stop kill_b backend_kill reload auth_stop
    kill_both redis_kill backend_hang flush garbage drain auth_kill calm
    redis_rubbish /;

# However the test ends: nothing is left running.
my $CURRENT;
END {
    local $?;
    $CURRENT->stop if $CURRENT && $$ == $CURRENT->{pid};
}

sub new {
    my ($class, $t, %o) = @_;

    my $self = bless {
        t => $t, seconds => 12, clients => 5, pause => 0.002, symbols => 20,
        faults => [], revoked => [], purged => [], waiting => {},
        count => {}, pid => $$, %o
    }, $class;
    $CURRENT = $self;
    $self->{seed} //= time() % 1_000_000;
    srand $self->{seed};

    my $dir = $t->dir;
    $t->allow(qr/worker process \d+ exited on signal 9/);
    $self->{board} = Wizdata::Chaos::Board->new("$dir/board");
    $self->{redis} = Wizdata::Redis->new(dir => $dir);
    $self->credentials;
    $self->backends;
    $self->configure;
    return $self;
}

sub run {
    my ($self) = @_;

    $self->begin;
    $self->storm;
    $self->calm;
    return unless $self->{plant};
    $self->provoke;
    $self->plant;
}

sub judges { return Wizdata::Chaos::Judge->names }

# What a judge has to say, in words.
sub complaints {
    my ($self, $judge) = @_;

    return [ Wizdata::Chaos::Judge->new($self)->$judge ];
}

# What the few requests of a short storm on a slow machine may not have met:
# each violation that was planted in it, once more, with nothing left to chance.
sub provoke {
    my ($self) = @_;

    my $t = $self->{t};
    my $file = $t->dir . '/rows.provoked';
    open my $out, '>', $file or die "$file: $!";
    my $c = Wizdata::Chaos::Client->new($self, 99, $out);

    $c->do_uncached(0, 'U7');
    $c->do_private(0, $self->{principals}[MIXED - 1]);
    $c->tight(0, 0) for 1 .. 100;
    $t->poll(sub {
        my $v = $c->cached(0, 'C1')->{v} // 'none';
        $self->commit(1, 0);
        sleep 0.5;
        return $v eq ($c->cached(0, 'C1')->{v} // '');
    });
    $t->poll(sub {
        my $i = $self->{board}->get($self->slot('next_key'));
        $c->key(0, $i);
        $self->revoke('key');
        return if told($i);
        sleep 0.5;
        return $c->key(0, $i)->{status} == 200;
    });
    close $out;
    $self->collect({ file => $file });
}

# Violations that no backend can make.
sub plant {
    my ($self) = @_;

    my ($t, $second) = @{ $self->{gateways} };
    kill DRAIN, $t->{pid};
    my $c = Test::Wizdata::client();
    $c->send_request('GET', '/v1/quotes?symbol=HOLD',
        key => $self->{places});
    $self->{held} = $c;
    open my $log, '>>', "$t->{dir}/access.log" or die $!;
    print $log qq{127.0.0.1 - - [x] "GET / HTTP/1.1" 200 0\n} x 20;
    close $log;
    open $log, '>>', "$second->{dir}/error.log" or die $!;
    print $log "[alert] a planted line\n";
    close $log;
}

# Slots of the board: versions of the symbols first.
sub slot {
    my ($self, $name, $i) = @_;

    my %base = (over => 100, next_key => 101, next_jwt => 102,
        key => 1000, jwt => 100_000);
    return $base{$name} + ($i // 0);
}

sub over { return $_[0]{board}->get($_[0]->slot('over')) }

sub long_body {
    my ($self, $symbol) = @_;

    return $self->{long}{$symbol} //= substr "$symbol|" x (LONG / 4), 0, LONG;
}


# ---- who asks ---------------------------------------------------------------

sub credentials {
    my ($self) = @_;

    my $t = $self->{t};
    my @may = (perm => [ '*', 'users:read' ]);
    my $n = 20 + 8 * $self->{seconds};
    $n = 4000 if $n > 4000;

    $self->{principals} = [ map { my $sub = "user:p$_";
        { sub => $sub, key => $t->add_key(sub => $sub, @may) } } 1 .. 12 ];
    $self->{tight} = [ map { $t->add_key(sub => "user:t$_", plan => 'tight',
        @may) } 1, 2 ];
    $self->{places} = $t->add_key(sub => 'user:c', plan => 'places', @may);
    $self->{strangers} = [ map { Test::Wizdata::wd_apikey() } 1 .. 20 ];

    $self->{key} = [ map { $t->add_key(sub => "user:k$_", @may) } 1 .. $n ];
    $self->{digest} = [ map { Test::Wizdata::key_digest($_) }
        @{ $self->{key} } ];
    $self->{row} = { map { $self->{digest}[$_] => $_ } 0 .. $n - 1 };

    my $k = Wizdata::Jwt->new($t->dir, 'HS256', kid => 'k');
    $t->write_file('keys.json', jwks($k));
    $self->{jwt} = [ map { $k->token({ iss => 'https://login.example.com',
        sub => "user:j$_", jti => "j$_", permissions => ['*'],
        exp => int(time) + 86_400 }) } 0 .. $n - 1 ];
}


# ---- who answers ------------------------------------------------------------

sub backends {
    my ($self) = @_;

    my $t = $self->{t};
    my @more = (greet => sub { $self->greet_data(@_) },
        commands => { purge => sub { $self->tell_purge(@_) } });
    $t->backend('analytics', sub { $self->answer(@_) }, @more);
    $t->backend('analytics.b', sub { $self->answer(@_) }, @more);
    $t->auth(undef, methods => $self->auth_methods,
        greet => sub { $self->greet_auth(@_) },
        commands => { revoke => sub { $self->tell_revoked(@_) } });
    # The breaker would hide a hanging endpoint for as long as it lasts.
    $t->service('analytics', 'breaker_open=100ms breaker_open_max=400ms'
        . ' health_interval=250ms health_timeout=500ms slow_start=off');
    $t->service('auth', 'breaker_open=100ms breaker_open_max=400ms'
        . ' health_interval=250ms health_timeout=500ms slow_start=off');
}

sub answer {
    my ($self, $req) = @_;

    my $s = $req->{args}{symbol}[0];
    return stream(LONG, text => $self->long_body($s), piece => 20_000)
        if $s =~ /^LONG/;
    return later(0.03, reply({ sym => $s })) if $s eq 'SLOW';

    return hold(reply({ sym => $s })) if $s eq 'HOLD';
    return error_reply(-14, 'planted') if $self->{plant} && $s =~ /^U.*7$/;

    my ($i) = $s =~ /^C(\d+)$/ or return reply({ sym => $s });
    my $v = $self->{board}->get($i);
    my $do = reply({ sym => $s, v => 0 + $v, pad => 'x' x rand 3000 },
        meta => { ttl => 600, tags => ["bars:$s"] });
    return rand() < 0.2 ? later(rand 0.02, $do) : $do;
}

# A service that tells of all its purges says so four times a second.
sub greet_data {
    my ($self, $conn) = @_;

    my $b = $conn->{backend};
    $conn->send(frame_notify('cache.beat', [ $b->{purges} // 0 ]));
    return if $b->{beating}++;
    my $beat;
    $beat = sub {
        $_->send(frame_notify('cache.beat', [ $b->{purges} // 0 ]))
            for values %{ $b->{conns} };
        $b->after(0.25, $beat);
    };
    $b->after(0.25, $beat);
}

sub tell_purge {
    my ($self, $b, $symbol, $at) = @_;

    $b->{purges}++;
    $_->send(frame_notify('cache.purge',
        [ ["bars:$symbol"], $at, $b->{purges} ])) for values %{ $b->{conns} };
    return 1;
}

sub auth_methods {
    my ($self) = @_;

    my $board = $self->{board};
    my $keys = $self->{t}{keys};
    return {
        'auth.verify' => sub {
            my ($req) = @_;
            my $digest = $req->{args}{digest} // '';
            my $row = $self->{row}{$digest};
            return error_reply(-3, 'no such key') if !$keys->{$digest}
                || defined $row && $board->get($self->slot(key => $row));
            return reply(undef, meta => $keys->{$digest});
        },
        'auth.token' => sub {
            my ($req) = @_;
            my ($i) = ($req->{args}{jti} // '') =~ /^j(\d+)$/;
            return error_reply(-3, 'void') if !defined $i
                || $board->get($self->slot(jwt => $i));
            return reply(undef);
        },
        'usage.add' => sub { return reply('{"added":true}') },
        'users.list' => sub {
            my ($req) = @_;
            my $sub = $req->{ctx}{sub};
            $sub = 'user:p0' if $self->{plant} && $sub eq 'user:p' . MIXED;
            return reply({ sub => $sub }, meta => { ttl => 1 });
        },
    };
}

# What is void is told on each connection before anything else, and keys that
# were revoked lately.
sub greet_auth {
    my ($self, $conn) = @_;

    $conn->send($_) for @{ $conn->{backend}{lately} || [] };
    my $n = $self->{board}->get($self->slot('next_jwt'));
    my @void = map { $self->void_row($_) } grep {
        $self->{board}->get($self->slot(jwt => $_)) } 0 .. $n;
    $conn->send(frame_notify('auth.revoke_token', [ \@void, 0 ])) if @void;
}

sub void_row {
    my ($self, $i) = @_;

    return [ 'jti', "j$i", (int(time) + 86_400) * 1_000_000_000 ];
}

# A verdict may cross a revocation on its way: each is said twice.
sub tell_revoked {
    my ($self, $b, $kind, $i, $at) = @_;

    my $frame = $kind eq 'key'
        ? frame_notify('auth.revoke', [ [ $self->{digest}[$i] ], $at ])
        : frame_notify('auth.revoke_token', [ [ $self->void_row($i) ], $at ]);
    my $say = sub { $_->send($frame) for values %{ $b->{conns} } };
    $say->();
    push @{ $b->{lately} }, $frame if $kind eq 'key';
    $b->after(0.5, sub {
        $say->();
        shift @{ $b->{lately} } if $kind eq 'key';
    });
    return 1;
}


# ---- the gateways -----------------------------------------------------------

sub configure {
    my ($self) = @_;

    my $t = $self->{t};
    my $dir = $t->dir;
    my ($rate, $wait) = $self->{plant} ? (400, '60s') : (TIGHT_RATE, '3s');
    my $burst = TIGHT_BURST;

    Wizdata::Issuer::sh(qw/ openssl req -x509 -newkey ec -pkeyopt
        ec_paramgen_curve:P-256 -nodes -days 2 -subj /, '/CN=localhost',
        '-keyout', "$dir/tls.key", '-out', "$dir/tls.pem");
    $t->config(workers => 2, zone => '4m', globals =>
            "worker_shutdown_timeout 5s;\nworker_rlimit_core 0;",
        location => 'wizdata_cache on; wizdata_limit on;'
            . ' wizdata_cache_stale_while_revalidate 0s;',
        server => 'listen 127.0.0.1:%%PORT_8081%% ssl http2;'
            . " ssl_certificate $dir/tls.pem; ssl_certificate_key"
            . " $dir/tls.key;"
            . ' keepalive_requests 1000000; location /api/status/cache'
            . ' { wizdata_status_cache public; }',
        http => <<"END");
wizdata_redis unix:@{[ $self->{redis}->socket ]} gateways=2;
    wizdata_cache_zone 4m;
    wizdata_cache_redis on;
    wizdata_limit_zone 2m;
    wizdata_plan default rate=100000/s burst=100000;
    wizdata_plan tight rate=$rate/s burst=$burst;
    wizdata_plan places rate=100000/s burst=100000 concurrency=4;
    wizdata_limit_anonymous rate=100000/s burst=100000;
    wizdata_timeout quotes.query $wait;
    wizdata_timeout bars.query 3s;
    wizdata_timeout users.list 3s;
    wizdata_timeout auth.verify 1s;
    wizdata_jwt_issuer https://login.example.com audience=wizdata
        keys=file:$dir/keys.json;
END
}

sub http_port  { return Test::Wizdata::port($_[1] ? 8090 : 8080) }
sub http2_port { return Test::Wizdata::port($_[1] ? 8091 : 8081) }

sub begin {
    my ($self) = @_;

    my $t = $self->{t};
    $self->{redis}->start;
    $t->run;

    my $second = bless { %$t, dir => "$t->{dir}/b", pid => undef }, ref $t;
    mkdir $second->{dir};
    my $conf = $t->read_file('nginx.conf');
    for my $pair ([ 8080, 8090 ], [ 8081, 8091 ]) {
        my ($a, $b) = map { Test::Wizdata::port($_) } @$pair;
        $conf =~ s/127\.0\.0\.1:$a\b/127.0.0.1:$b/g;
    }
    $conf =~ s{\Q$t->{dir}\E/(nginx\.pid|error\.log|access\.log|\w+_temp)}
        {$second->{dir}/$1}g;
    $second->write_file('nginx.conf', $conf);
    $second->start_nginx;
    $self->{gateways} = [ $t, $second ];

    for my $g (0, 1) {
        $t->poll(sub { $self->asks($g) == 200 })
            or die "gateway $g does not answer\n";
    }
    # Newcomers have a share of the limits only.
    $t->poll(sub { $self->metric(0, 'wizdata_limit_gateways') == 2
        && $self->metric(1, 'wizdata_limit_gateways') == 2 });
    for my $g (0, 1) {
        my %z = $self->zone_bytes($g);
        $self->{zone_before}{"$g $_"} = $z{$_}{used}
            for grep { $_ ne 'planted' } keys %z;
    }
    $self->{rows} = [ map { $self->fork_client($_) } 0 .. $self->{clients} ];
    $self->fork_metronome;
}

sub asks {
    my ($self, $g) = @_;

    my $r = eval { Test::Wizdata::get('/v1/bars?symbol=C0', port =>
        $self->http_port($g)) };
    return $r ? $r->status : 0;
}

sub stop {
    my ($self) = @_;

    kill 'CONT', map { $self->{t}{backends}{$_}{pid} // () }
        grep { $self->{stopped}{$_} } keys %{ $self->{stopped} };
    for my $pid (map { $_->{pid} } @{ $self->{rows} || [] }) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    my $second = ($self->{gateways} || [])->[1] or return;
    return $second->stop;
}

sub fork_client {
    my ($self, $n) = @_;

    my $file = $self->{t}->dir . "/rows.$n";
    my $pid = fork // die "fork: $!";
    return { pid => $pid, file => $file } if $pid;

    open my $out, '>', $file or POSIX::_exit(1);
    my $client = Wizdata::Chaos::Client->new($self, $n, $out);
    my $how = $n == 0 ? 'run_curl' : 'run';
    my $ok = eval { $client->$how; 1 };
    print $out "died\t$@" unless $ok;
    close $out;
    POSIX::_exit(0);
}

# How late a process is woken on this machine, so that no judge blames a
# gateway for it.
sub fork_metronome {
    my ($self) = @_;

    my $file = $self->{t}->dir . '/stalls';
    my $pid = fork // die "fork: $!";
    if ($pid) {
        push @{ $self->{rows} }, { pid => $pid, stalls => $file };
        return;
    }
    open my $out, '>', $file or POSIX::_exit(1);
    while (!$self->over) {
        my $at = time();
        sleep 0.004;
        my $late = time() - $at - 0.004;
        printf $out "%.6f %.6f\n", $at, $late if $late > 0.005;
    }
    close $out;
    POSIX::_exit(0);
}

sub metrics {
    my ($self, $g) = @_;

    my $r = eval { Test::Wizdata::get('/metrics', key => undef,
        port => $self->http_port($g)) };
    return $r && $r->status == 200 ? $r->body : '';
}

sub zone_bytes {
    my ($self, $g) = @_;

    my (%z, $text);
    $text = $self->metrics($g);
    $z{$1}{$2} = $3 while $text
        =~ /^wizdata_zone_bytes\{zone="(\w+)",state="(\w+)"\} (\d+)/mg;
    $z{planted} = { used => 99, size => 100 } if $self->{plant} && $g == 1;
    return %z;
}

# The sum of a family's samples.
sub metric {
    my ($self, $g, $name, $text) = @_;

    my $sum = 0;
    $text //= $self->metrics($g);
    $sum += $1 while $text =~ /^\Q$name\E(?:\{[^}]*\})? (\d+)/mg;
    return $sum;
}


# ---- the storm --------------------------------------------------------------

sub note_fault {
    my ($self, $kind, $from, $to, $g) = @_;

    push @{ $self->{faults} }, { kind => $kind, from => $from, to => $to,
        g => $g };
    $self->{count}{$kind}++;
}

# Every so many seconds, whatever else is going on.
my @TICKS = ([ revoke_key => 0.13 ], [ revoke_jwt => 0.13 ],
    [ purge => 0.05 ], [ reload => 1 ]);

sub storm {
    my ($self) = @_;

    my @phases = $self->{phases} ? @{ $self->{phases} } : @PHASES;
    my $length = $self->{seconds} / @phases;
    $length = 1.5 if $length > 1.5;
    my $end = time() + $self->{seconds};
    my %due = map { $_->[0] => time() + rand $_->[1] } @TICKS;
    my ($i, $change, $phase) = (0, 0, 'calm');

    while (time() < $end) {
        if (time() >= $change) {
            $self->phase_over($phase);
            $phase = $i < @phases ? $phases[$i] : $phases[ rand @phases ];
            $i++;
            $change = time() + $length * ($i > @phases ? 0.5 + rand : 1);
            $self->phase_begin($phase);
        }
        $self->phase_tick($phase);
        for my $tick (@TICKS) {
            my ($name, $every) = @$tick;
            next if time() < $due{$name};
            $due{$name} = time() + $every * (0.5 + rand);
            $self->$name;
        }
        sleep 0.005;
    }
    $self->phase_over($phase);
}

# Commits to a backend that is stopped arrive when it goes on; one that is
# dead learns of them from the data when it is started.
sub post {
    my ($self, $name, @command) = @_;

    my $b = $self->{t}{backends}{$name};
    return 0 unless $b->{pid};
    if ($self->{stopped}{$name}) {
        push @{ $self->{waiting}{$name} }, \@command;
        return 0;
    }
    return $self->{t}->backend_ctl($name, @command);
}

# In a storm with plants, some revocations reach nobody.
sub told { return $_[0] % 4 != 3 }

sub revoke_key { $_[0]->revoke('key') }
sub revoke_jwt { $_[0]->revoke('jwt') }

sub revoke {
    my ($self, $kind) = @_;

    my $board = $self->{board};
    my $i = $board->get($self->slot("next_$kind"));
    return if $i >= @{ $self->{$kind} } - 5;

    my $from = time();
    $board->set($self->slot($kind => $i), 1);
    $board->set($self->slot("next_$kind"), $i + 1);
    my $pushed = $self->{plant} && !told($i) ? 1
        : $self->post('auth', 'revoke', $kind, $i, int($from * 1e6) * 1000);
    push @{ $self->{revoked} }, { kind => $kind, i => $i, from => $from,
        to => time(), pushed => $pushed };
}

sub purge {
    my ($self) = @_;

    $self->commit(int rand $self->{symbols},
        !$self->{plant} || rand() >= 0.2);
}

# New data of a symbol. If nobody is told, it is said to have been.
sub commit {
    my ($self, $i, $told) = @_;

    my $v = $self->{board}->get($i) + 1;
    my $from = time();
    $self->{board}->set($i, $v);
    my $pushed = 0;
    if (!$told) {
        $pushed = 1;
    } else {
        $pushed += $self->post($_, 'purge', "C$i", int($from * 1e6) * 1000)
            for qw/ analytics analytics.b /;
    }
    push @{ $self->{purged} }, { i => $i, v => $v, from => $from,
        to => time(), pushed => $pushed };
}

# Either gateway; every other time with zones of other sizes.
sub reload {
    my ($self) = @_;

    my $i = int rand 2;
    my ($g, $kind) = ($self->{gateways}[$i], 'reload');
    if (rand() < 0.5) {
        my $conf = $g->read_file('nginx.conf');
        for my $zone (qw/ wizdata_zone wizdata_cache_zone
            wizdata_limit_zone /)
        {
            my $size = 3 + int rand 4;
            $conf =~ s/\b$zone \w+;/$zone ${size}m;/;
        }
        $g->write_file('nginx.conf', $conf);
        $kind = 'resize';
    }
    my $at = time();
    $g->reload;
    $self->note_fault($kind, $at, time(), $i);
}

sub phase_begin {
    my ($self, $phase) = @_;

    my ($redis, $t) = @$self{qw/ redis t /};
    $self->{phase_from} = time();
    $self->{count}{"phase $phase"}++;

    $redis->stop if $phase eq 'redis_stop';
    $redis->kill_it if $phase eq 'redis_kill';
    $redis->rubbish("+PONG\r\n") if $phase eq 'redis_rubbish';
    $self->{victim} = rand() < 0.5 ? 'analytics' : 'analytics.b';
    $self->signal($self->{victim}, 'STOP') if $phase eq 'backend_hang';
    $self->signal('auth', 'STOP') if $phase eq 'auth_stop';
    $t->backend_stop($self->{victim}) if $phase eq 'backend_kill';
    $t->backend_stop('auth') if $phase eq 'auth_kill';
    if ($phase eq 'drain') {
        $self->{count}{drain}++;
        kill DRAIN, $self->{gateways}[0]{pid};
    }
}

sub signal {
    my ($self, $name, $signal) = @_;

    kill $signal, $self->{t}{backends}{$name}{pid};
    $self->{stopped}{$name} = $signal eq 'STOP';
    return if $self->{stopped}{$name};
    $self->{t}->backend_ctl($name, @$_)
        for splice @{ $self->{waiting}{$name} ||= [] };
}

sub phase_tick {
    my ($self, $phase) = @_;

    return if time() < ($self->{next} // 0);
    my %every = (kill_a => 0.03, kill_b => 0.03, kill_both => 0.04,
        flush => 0.2, garbage => 0.2);
    $self->{next} = time() + ($every{$phase} // return) * (0.5 + rand);

    $self->kill_worker(0) if $phase eq 'kill_a';
    $self->kill_worker(1) if $phase eq 'kill_b';
    $self->kill_worker(int rand 2) if $phase eq 'kill_both';
    if ($phase eq 'flush') {
        $self->{redis}->command('FLUSHALL');
        $self->{count}{flush}++;
    }
    $self->post($self->{victim}, 'raw', join '', map { chr rand 256 }
        1 .. 1 + rand 200) if $phase eq 'garbage';
}

# Any of its children: new, old, shutting down.
sub kill_worker {
    my ($self, $g) = @_;

    my @pids = $self->{gateways}[$g]->workers or return;
    my $at = time();
    kill 'KILL', $pids[ rand @pids ];
    $self->note_fault('kill', $at, time(), $g);
}

sub phase_over {
    my ($self, $phase) = @_;

    my ($redis, $t) = @$self{qw/ redis t /};
    $redis->cont if $phase eq 'redis_stop';
    if ($phase eq 'redis_kill' || $phase eq 'redis_rubbish') {
        $redis->kill_it;
        $redis->start;
    }
    $self->signal($self->{victim}, 'CONT') if $phase eq 'backend_hang';
    $self->signal('auth', 'CONT') if $phase eq 'auth_stop';
    $t->backend_start($self->{victim}) if $phase eq 'backend_kill';
    $t->backend_start('auth') if $phase eq 'auth_kill';
    kill UNDRAIN, $self->{gateways}[0]{pid} if $phase eq 'drain';

    return if $phase =~ /^(?:kill|calm|reload)/;
    $self->note_fault($phase, $self->{phase_from}, time());
}

# What was done, in a few lines.
sub summary {
    my ($self) = @_;

    my $table = sub {
        my ($h) = @_;
        return join ', ', map { "$_: $h->{$_}" } sort keys %$h;
    };
    return (scalar(@{ $self->{ledger} }) . ' requests, '
        . scalar(@{ $self->{revoked} }) . ' revocations, '
        . scalar(@{ $self->{purged} }) . ' purges; '
        . $table->($self->{count}),
        'statuses: ' . $table->($self->{status} || {}),
        'excused: ' . $table->($self->{excused} || {}),
        'zones: ' . $table->($self->{zone} || {}),
        'latest seconds: ' . join ', ', map { sprintf '%s %.3f', $_,
            $self->{$_} // 0 } qw/ worst_revoke worst_revoke_cut worst_purge
            worst_purge_cut /, 'memory: ' . $table->($self->{memory} || {}));
}

# Ends the traffic and collects what the clients wrote.
sub calm {
    my ($self) = @_;

    $self->{board}->set($self->slot('over'), 1);
    for my $row (@{ $self->{rows} }) {
        waitpid $row->{pid}, 0;
        $self->collect($row);
    }
    $self->{rows} = [];
}

sub collect {
    my ($self, $row) = @_;

    open my $fh, '<', $row->{file} // $row->{stalls} or die "rows: $!";
    while (my $line = <$fh>) {
        chomp $line;
        if ($row->{stalls}) {
            push @{ $self->{stalls} }, [ split ' ', $line ];
            next;
        }
        my %r;
        @r{qw/ from to g kind who status cache v wrong symbol /} =
            split /\t/, $line;
        push @{ $self->{ledger} }, \%r;
    }
}

1;
