package Wizdata::Chaos::Judge;

# What must have held in a storm, and what must hold after it. Each judge
# returns its complaints, in words.

use warnings;
use strict;

use List::Util qw/ max min /;
use Time::HiRes qw/ time sleep /;

use constant {
    REVOKE => 0.25, PURGE => 0.05, CUT => 1.0, AGAIN => 0.5,
    RECOVER => 3,       # seconds until a backend that was ill is trusted
};

# Faults by which a backend or auth is missed. One endpoint of two that is
# killed is no excuse for an error.
my @DATA = qw/ backend_kill backend_hang garbage /;
my @AUTH = qw/ auth_stop auth_kill /;
my @ILL = (qw/ backend_hang garbage /, @AUTH);
my @REDIS = qw/ redis_stop redis_kill redis_rubbish flush /;

my @JUDGES = qw/ revocation purge limit statuses answers healthy places
    counters log zones /;

sub names { return @JUDGES }

sub new {
    my ($class, $world) = @_;

    return bless { w => $world }, $class;
}

sub rows {
    my ($self, @kinds) = @_;

    my %want = map { $_ => 1 } @kinds;
    return grep { !@kinds || $want{ $_->{kind} } } @{ $self->{w}{ledger} };
}

# How late processes of this machine were woken between two times, at most.
sub stall {
    my ($self, $from, $to) = @_;

    return max 0, map { $_->[1] } grep {
        $_->[0] + $_->[1] >= $from && $_->[0] <= $to
    } @{ $self->{w}{stalls} || [] };
}

# The last fault of these kinds (at this gateway) between two times.
sub fault {
    my ($self, $from, $to, $g, @kinds) = @_;

    my %want = map { $_ => 1 } @kinds;
    for my $f (reverse @{ $self->{w}{faults} }) {
        return $f if $want{ $f->{kind} } && $f->{from} <= $to
            && $f->{to} >= $from && (!defined $f->{g} || $f->{g} == $g);
    }
    return;
}

# How long what was pushed may take: longer when its channel was cut.
sub allowed {
    my ($self, $event, $normal, $g, @kinds) = @_;

    my ($from, $to) = @$event{qw/ from to /};
    return CUT + AGAIN if !$event->{pushed}
        || $self->fault($from - 1.5, $to + 0.5, $g, 'kill', @kinds);
    return $normal;
}

# A row, and what was going on.
sub said {
    my ($self, $r) = @_;

    my %near;
    for my $f (@{ $self->{w}{faults} }) {
        next if $f->{to} < $r->{from} - 1 || $f->{from} > $r->{to}
            || defined $f->{g} && $f->{g} != $r->{g};
        $near{ $f->{kind} } = sprintf '%s %+.3f', $f->{kind},
            $f->{from} - $r->{from};
    }
    return join ' ', (map { "$_=" . ($r->{$_} // '-') }
        qw/ kind g who status cache v wrong from to /),
        '(' . join(', ', sort values %near) . ')';
}

# Nobody is let in who was revoked.
sub revocation {
    my ($self) = @_;

    my (%gone, @bad);
    $gone{ $_->{kind} }[ $_->{i} ] = $_ for @{ $self->{w}{revoked} };
    for my $r ($self->rows(qw/ key jwt /)) {
        next unless $r->{status} == 200;
        my $e = $gone{ $r->{kind} }[ $r->{who} ] or next;
        my $late = $r->{from} - $e->{to};
        my $may = $self->allowed($e, REVOKE, $r->{g}, @AUTH);
        my $word = $may == REVOKE ? 'worst_revoke' : 'worst_revoke_cut';
        $self->{w}{$word} = max $self->{w}{$word} // 0, $late;
        next if $late <= $may;
        next if $late <= $may + $self->stall($e->{from}, $r->{to});
        push @bad, sprintf 'let in %.0f ms after: %s', 1000 * $late,
            $self->said($r);
    }
    return @bad;
}

# No answer is older than the last commit before it.
sub purge {
    my ($self) = @_;

    my (%commits, @bad);
    push @{ $commits{ $_->{i} } }, $_ for @{ $self->{w}{purged} };
    for my $r ($self->rows(qw/ cached key jwt tight http2 /)) {
        next if $r->{status} != 200 || $r->{cache} eq 'STALE'
            || $r->{wrong} eq 'short'; # answers() looks at those
        my ($i) = $r->{symbol} =~ /^C(\d+)$/ or next;
        for my $e (@{ $commits{$i} || [] }) {
            next if $e->{v} <= $r->{v} || $e->{to} >= $r->{from};
            my $late = $r->{from} - $e->{to};
            my $may = $self->allowed($e, PURGE, $r->{g}, @DATA);
            my $word = $may == PURGE ? 'worst_purge' : 'worst_purge_cut';
            $self->{w}{$word} = max $self->{w}{$word} // 0, $late;
            next if $late <= $may + $self->stall($e->{from}, $r->{to});
            push @bad, sprintf 'older than %d, %.0f ms after: %s', $e->{v},
                1000 * $late, $self->said($r);
        }
    }
    return @bad;
}

# In any window of these lengths, whatever happened.
sub limit {
    my ($self) = @_;

    my (%at, @bad);
    for my $r ($self->rows('tight')) {
        push @{ $at{ $r->{who} } }, $r if $r->{status} == 200;
    }
    for my $who (sort keys %at) {
        my @r = sort { $a->{from} <=> $b->{from} } @{ $at{$who} };
        for my $length (0.5, 2, 1e6) {
            my $worst = $self->windows(\@r, $length);
            push @bad, "key $who: $worst" if $worst;
        }
    }
    return @bad;
}

sub windows {
    my ($self, $rows, $length) = @_;

    my ($rate, $burst) = (Wizdata::Chaos::TIGHT_RATE(),
        Wizdata::Chaos::TIGHT_BURST());
    my ($over, $said, $last) = (0, '', 0);
    for my $first (0 .. $#$rows) {
        my $end = $rows->[$first]{from} + $length;
        $last++ while $last < $#$rows && $rows->[ $last + 1 ]{from} <= $end;
        my $to = max map { $_->{to} } @$rows[ $first .. $last ];
        my $t = $to - $rows->[$first]{from};
        my $n = $last - $first + 1;
        my $may = ($burst + $rate * $t) * 1.01 + 2;
        if ($n - $may > $over) {
            $over = $n - $may;
            $said = sprintf '%d admitted in %.2f s from %.3f, at most %.1f',
                $n, $t, $rows->[$first]{from}, $may;
        }
        last if $length > 1e5;
    }
    return $said;
}

# Counted, and how long after the fault was over.
sub excuse {
    my ($self, $r, $fault) = @_;

    my $w = $self->{w};
    my $what = "$fault->{kind} $r->{status}";
    $w->{excused}{$what}++;
    $w->{excused}{"$what latest"} = max $w->{excused}{"$what latest"} // 0,
        sprintf '%.3f', $r->{from} - $fault->{to};
}

# Which status may be, by what was asked for and what was going on.
sub statuses {
    my ($self) = @_;

    my (@bad, %gone);
    my $w = $self->{w};
    $gone{ $_->{kind} }[ $_->{i} ] = $_ for @{ $w->{revoked} };
    for my $r ($self->rows) {
        my ($s, $kind) = @$r{qw/ status kind /};
        $w->{status}{"$kind $s"}++;
        next if $s == 200;
        next if $s == 429 && $kind =~ /^(tight|places)$/;
        next if $s == 401 && $kind =~ /^(stranger|hostile)$/;
        next if $s == 400 && $kind eq 'hostile';
        next if $s == 401 && $kind =~ /^(key|jwt)$/
            && $gone{$kind}[ $r->{who} ]
            && $gone{$kind}[ $r->{who} ]{from} <= $r->{to};
        next if $s == 503 && $kind eq 'health'
            && $self->fault($r->{from} - 1, $r->{to}, $r->{g}, 'drain');
        next if $s == 0 && $self->fault($r->{from} - 0.2, $r->{to} + 0.05,
            $r->{g}, 'kill');
        # Without Redis a gateway's share begins as if it were spent.
        if ($s == 429 && (my $why = $self->fault($r->{from} - RECOVER,
            $r->{to}, $r->{g}, @REDIS)))
        {
            $self->excuse($r, $why);
            next;
        }
        if ($s >= 500 && (my $why = $self->fault($r->{from} - RECOVER,
            $r->{to}, $r->{g}, @ILL)))
        {
            $self->excuse($r, $why);
            next;
        }
        push @bad, $self->said($r);
    }
    return @bad;
}

# Whole, and of who and what was asked for.
sub answers {
    my ($self) = @_;

    my @bad;
    for my $r (@{ $self->{w}{ledger} }) {
        if ($r->{from} eq 'died') {
            push @bad, "a client died: $r->{to}";
            next;
        }
        next if $r->{wrong} eq '-';
        next if $r->{wrong} eq 'short' && $self->fault($r->{from},
            $r->{to} + 0.05, $r->{g}, 'kill', @DATA);
        push @bad, $self->said($r);
    }
    return @bad;
}

# Soon after the last fault everything is answered again.
sub healthy {
    my ($self) = @_;

    my $w = $self->{w};
    my @bad;
    for my $g (0, 1) {
        my $seen = '';
        $w->{t}->poll(sub {
            my @s = map { $w->asks($g) } 1 .. 20;
            $seen = join ' ', @s;
            return !grep { $_ != 200 } @s;
        }, 5) or push @bad, "gateway $g: $seen";
        my $r = eval { Test::Wizdata::get('/health', key => undef,
            port => $w->http_port($g)) };
        push @bad, "gateway $g: /health " . ($r ? $r->status : '-')
            unless $r && $r->status == 200;
    }
    return @bad;
}

my @GAUGES = qw/ wizdata_limit_concurrent wizdata_cache_waiters
    wizdata_rpc_in_flight wizdata_endpoint_in_flight wizdata_service_in_flight
    wizdata_service_queue wizdata_limit_fallback wizdata_usage_rows
    wizdata_service_shed_level /;

# Nothing is held for requests that are over.
sub places {
    my ($self) = @_;

    my $w = $self->{w};
    my @bad;
    for my $g (0, 1) {
        my @left;
        $w->{t}->poll(sub {
            my $text = $w->metrics($g);
            @left = map { my $v = $w->metric($g, $_, $text);
                $v ? "$_ $v" : () } @GAUGES;
            my $active = $w->metric($g, 'http_requests_active', $text);
            push @left, "http_requests_active $active" if $active != 1;
            push @left, 'no metrics' unless length $text;
            my $cache = Test::Wizdata::get('/api/status/cache', key => undef,
                port => $w->http_port($g));
            push @left, "filling $1"
                if $cache->body =~ /"fill\w*":\s*([1-9]\d*)\b/;
            return !@left;
        }, 5) or push @bad, map { "gateway $g: $_" } @left;
    }
    return @bad;
}

# Each line of the access log was counted, but for clients that left before
# their request was complete and had no answer. A worker that is killed between
# the two may have done one of them.
sub counters {
    my ($self) = @_;

    my $w = $self->{w};
    my @bad;
    for my $g (0, 1) {
        my $kills = grep { $_->{kind} eq 'kill' && $_->{g} == $g }
            @{ $w->{faults} };
        my ($counted, $lines);
        $w->{t}->poll(sub {
            $counted = $w->metric($g, 'http_requests_total');
            $lines = () = $w->{gateways}[$g]->read_file('access.log')
                =~ /^\S+ - - \[.*?\] ".*" (?!400 0 )\d{3} /mg;
            return abs($counted - $lines) <= $kills + 1;
        }, 1) or push @bad, "gateway $g: $counted requests counted, "
            . "$lines logged, $kills workers killed";
    }
    return @bad;
}

sub log {
    my ($self) = @_;

    my @bad;
    for my $g (@{ $self->{w}{gateways} }) {
        push @bad, grep { /\[(alert|emerg|crit)\]/
            && !/worker process \d+ exited on signal 9/ }
            split /^/, $g->read_file('error.log');
        push @bad, $g->sanitizer_errors || ();
    }
    return @bad;
}

# Nothing fills up for good. A zone whose tables have their size from the
# beginning is as full as it was then.
sub zones {
    my ($self) = @_;

    my $w = $self->{w};
    my @bad;
    for my $g (0, 1) {
        my %z = $w->zone_bytes($g);
        for my $zone (sort keys %z) {
            my ($used, $size) = @{ $z{$zone} }{qw/ used size /};
            $w->{zone}{"$g $zone"} = "$used of $size";
            next if $used == ($w->{zone_before}{"$g $zone"} // -1);
            push @bad, "gateway $g: zone $zone: $used of $size bytes"
                if $used > 0.95 * $size;
        }
    }
    return @bad;
}


# ---- memory, which takes a while --------------------------------------------

use constant { RELOADS => 50, REQUESTS => 20_000, GROWTH => 1_500 };

# Kilobytes that a process shares with none.
sub private {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/smaps_rollup" or return 0;
    my $text = do { local $/; <$fh> };
    my $sum = 0;
    $sum += $1 while $text =~ /^(?:Private_Dirty|Private_Clean): +(\d+)/mg;
    return $sum;
}

# New workers that have done some work.
sub weigh {
    my ($self, $g) = @_;

    my $w = $self->{w};
    my $gw = $w->{gateways}[$g];
    $gw->renew;
    $self->work($g, 2000);
    my %kb = (master => private($gw->{pid}));
    my $i = 0;
    $kb{ 'worker ' . $i++ } = $_ for sort { $a <=> $b } map { private($_) }
        $gw->workers;
    return %kb;
}

sub work {
    my ($self, $g, $n) = @_;

    my $w = $self->{w};
    my $i = 0;
    my $c;
    while ($i < $n) {
        $c ||= Test::Wizdata::client(port => $w->http_port($g));
        my $key = $w->{principals}[ $i % 12 ]{key};
        my @path = ('/v1/bars?symbol=C' . $i % 20, '/v1/users',
            "/v1/quotes?symbol=V$i", '/v1/bars?bad=1');
        my $r = $c->get($path[ $i % 50 ? $i % 3 : 3 ], key => $key);
        undef $c if !$r->status || $r->short
            || ($r->header('connection') // '') eq 'close';
        $i++;
    }
}

sub memory {
    my ($self) = @_;

    my $w = $self->{w};
    my @bad;
    for my $g (0, 1) {
        my %before = $self->weigh($g);
        for my $i (1 .. ($w->{plant} ? 1 : RELOADS / 2)) {
            $w->{gateways}[$g]->renew;
            $self->work($g, $w->{plant} ? 1 : REQUESTS / RELOADS);
        }
        my %after = $self->weigh($g);
        $after{master} += 9_000 if $w->{plant};
        for my $who (sort keys %before) {
            my $grew = $after{$who} - $before{$who};
            $w->{memory}{"$g $who"} = "$before{$who} to $after{$who} kB";
            push @bad, "gateway $g: $who: private memory grew by $grew kB"
                if $grew > GROWTH;
        }
    }
    return @bad;
}

1;
