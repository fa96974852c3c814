package Wizdata::Sim::Lseg::Pricing;

# Historical pricing of the simulated LSEG Data Platform; what of it is
# documented, recorded and synthetic is told in Wizdata::Sim::Lseg.

use warnings;
use strict;

use List::Util qw/ min max /;

use Wizdata::Sim::Answer;
use Wizdata::Sim::Figures;
use Wizdata::Sim::Json;
use Wizdata::Sim::Series;

my @CORAX = qw/ exchangeCorrection manualCorrection CCH CRE RTS RPO /;

use constant { OPEN_AT => 14 * 60 + 30, CLOSE_AT => 21 * 60,
    TICK_EVERY => 10, NS => 1_000_000_000 };

# ---- one RIC, or a list of them

sub interday { return each_ric(@_, 'interday_entry') }
sub intraday { return each_ric(@_, 'intraday_entry') }
sub events { return each_ric(@_, 'events_entry') }

sub each_ric {
    my ($self, $req, undef, $entry) = @_;

    my ($rics, $args) = $req->{method} eq 'POST' ? posted($req)
        : ([ $req->{segments}[5] // () ], $req->{query});
    return Wizdata::Sim::Lseg::error(400, 'Bad Request',
        'Validation error: universe is missing')
        if !@{ $rics // [] } || !length $rics->[0];
    my @entries = eval { map { $self->$entry($_, $args, $req) } @$rics };
    return Wizdata::Sim::Lseg::error(400, 'Bad Request', $@->{bad})
        if ref $@ && $@->{bad};
    die $@ if $@;
    return Wizdata::Sim::Lseg::ok(\@entries);
}

sub posted {
    my ($req) = @_;

    my $body = from_json($req->{body});
    return if ref $body ne 'HASH' || ref $body->{universe} ne 'ARRAY';
    my %args = map { $_ => ref $body->{$_} ? join ',', @{ $body->{$_} }
            : $body->{$_} } keys %$body;
    return ($body->{universe}, \%args);
}

sub bad { die { bad => "Validation error: $_[0]" } }

# The instrument, or the entry that tells what is wrong with it.
sub instrument {
    my ($self, $ric, $not_found) = @_;

    my $denied = $self->{denied}{$ric};
    return (undef, status_entry($ric, $denied, 'User has no permission.'))
        if $denied;
    my $instrument = $self->{instruments}{$ric} // ($self->{any} ? {} : undef);
    return (undef, status_entry($ric, $not_found,
            'The universe is not found.')) if !$instrument;
    return $instrument;
}

sub status_entry {
    my ($ric, $code, $message) = @_;

    return obj(universe => { ric => $ric },
        status => obj(code => $code, message => $message));
}

# ---- arguments

sub count_of {
    my ($args, $default) = @_;

    my $count = $args->{count} // return $default;
    bad('count must be a number from 1 on') if $count !~ /^[1-9]\d{0,8}$/;
    return $count;
}

sub interval_of {
    my ($args, $default, @known) = @_;

    my $interval = $args->{interval} // $default;
    bad("interval must be one of @known") if !grep { $_ eq $interval } @known;
    return $interval;
}

# A time as text of one length, so that texts compare as times do.
sub moment {
    my ($args, $name) = @_;

    my $text = $args->{$name} // return undef; # one of a list
    my ($date, $time, $nanos) = $text =~ m{^(\d{4}-\d\d-\d\d)
        (?:T(\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?Z?)?$}x;
    bad("$name must be ISO 8601") if !defined $date || !defined day($date);
    $time //= '00:00:00';
    $time .= ':00' if length $time == 5;
    return "${date}T$time." . substr(($nanos // '') . '0' x 9, 0, 9) . 'Z';
}

sub stamp {
    my ($seconds, $nanos) = @_;

    my @t = gmtime $seconds;
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02d.%09dZ', $t[5] + 1900,
        $t[4] + 1, @t[3, 2, 1, 0], $nanos // 0;
}

# Which are applied: all unless said otherwise. Of the two corrections all or
# none are, and none is not to be had of summaries; of the others all or none.
sub adjustments_of {
    my ($args) = @_;

    my @asked = split /,/, $args->{adjustments} // '';
    for my $name (@asked) {
        bad("adjustments: $name") if !grep { $_ eq $name } @CORAX,
            'unadjusted';
    }
    return @CORAX if !@asked || grep { /^[A-Z]{3}\z/ } @asked;
    return @CORAX[0, 1];
}

# ---- interday

my @INTERDAY = qw/ P1D P7D P1W P1M P3M P12M P1Y /;

# What kinds of instruments have, and how it is made of a bar.
my %COLUMNS = (
    equity => [qw/ TRDPRC_1 HIGH_1 LOW_1 ACVOL_UNS OPEN_PRC BID ASK
        TRNOVR_UNS VWAP NUM_MOVES /],
    index => [qw/ TRDPRC_1 HIGH_1 LOW_1 OPEN_PRC ACVOL_UNS /],
    fx => [qw/ BID ASK BID_HIGH_1 BID_LOW_1 OPEN_BID MID_PRICE NUM_BIDS /],
    bond => [qw/ BID ASK OPEN_BID MID_PRICE B_YLD_1 /],
);

my %OF_BAR = (
    TRDPRC_1 => 'close', HIGH_1 => 'high', LOW_1 => 'low',
    OPEN_PRC => 'open', BID => 'close', BID_HIGH_1 => 'high',
    BID_LOW_1 => 'low', OPEN_BID => 'open', VWAP => 'close',
    MID_PRICE => 'close',
);

sub cell_of {
    my ($name, $bar, $digits) = @_;

    return num($bar->{volume}) if $name eq 'ACVOL_UNS';
    return num(1 + int($bar->{volume} / 150)) if $name =~ /^NUM_/;
    return num(price($bar->{volume} * $bar->{close}))
        if $name eq 'TRNOVR_UNS';
    return num('4.125') if $name eq 'B_YLD_1';
    my $value = $bar->{ $OF_BAR{$name} // 'close' };
    $value += 2 if $name eq 'ASK';
    $value /= 100 if $digits == 4;
    return num(plain_number(price($value, $digits)));
}

# As the provider writes figures: without zeros at their end.
sub plain_number { return $_[0] =~ /\./ ? $_[0] =~ s/\.?0+$//r : $_[0] }

sub interday_entry {
    my ($self, $ric, $args, $req) = @_;

    my ($instrument, $refused) = $self->instrument($ric,
        'TS.Interday.UserRequestError.70005');
    return $refused if $refused;
    my $interval = interval_of($args, 'P1D', @INTERDAY);
    my ($start, $end) = map { moment($args, $_) } qw/ start end /;
    my $count = count_of($args, $start && $end ? undef : 20);
    adjustments_of($args);

    my $most = min($count // $self->{max_interday}, $self->{max_interday});
    my $series = $instrument->{recorded}
        ? recorded_days($ric) : $self->generated_days($ric, $instrument,
        $interval, $start, $end, $most);
    my $rows = in_range($series->{rows}, substr($start // '', 0, 10),
        substr($end // '', 0, 10), $self->{end_inclusive});
    splice @$rows, $most if @$rows > $most;
    my $newest = $instrument->{recorded} ? $series->{rows}[0][0]
        : date((week_days($self->day_now() - 7, $self->day_now() - 1))[-1]);
    my $reaches = @$rows && $rows->[0][0] eq $newest;
    return $self->entry($ric, $args, $req, { interval => $interval,
            label => 'endPeriod',
            columns => [ 'DATE', @{ $series->{columns} } ],
            rows => $rows, reaches => $reaches, what => 'Interday' });
}

sub recorded_days {
    my ($ric) = @_;

    my @rows = grep { $_->{RIC} eq $ric }
        Wizdata::Sim::Figures::table('lseg-interday');
    my @columns = grep { my $name = $_; grep { defined $_->{$name} } @rows }
        qw/ TRDPRC_1 BID ASK /;
    return { columns => \@columns, rows => [ map { my $row = $_;
            [ $row->{DATE}, map { num($row->{$_}) } @columns ] } @rows ] };
}

# Only as many days as may be wanted are made.
sub generated_days {
    my ($self, $ric, $instrument, $interval, $start, $end, $most) = @_;

    my $kind = $instrument->{kind} // 'equity';
    my $columns = $COLUMNS{$kind};
    my $digits = $kind eq 'fx' ? 4 : 2;
    my $last = $self->day_now() - 1;
    $last = min($last, day($end)) if $end;
    my $first = max(day($self->{first_day}), $start ? day($start) : 0);
    $first = max($first, $last - 2 * $most - 7) if $interval eq 'P1D';
    my @rows;
    for my $period (periods($interval, $first, $last)) {
        my ($label, $bar) = (date($period->[-1]), bar_of($ric, @$period));
        unshift @rows, [ $label, map { cell_of($_, $bar, $digits) } @$columns ];
    }
    return { columns => $columns, rows => \@rows };
}

# ---- intraday

my %MINUTES = (PT1M => 1, PT5M => 5, PT10M => 10, PT30M => 30, PT60M => 60,
    PT1H => 60);

sub intraday_entry {
    my ($self, $ric, $args, $req) = @_;

    my ($instrument, $refused) = $self->instrument($ric,
        'TS.Intraday.UserRequestError.90001');
    return $refused if $refused;
    my $interval = interval_of($args, 'PT1M', sort keys %MINUTES);
    my ($start, $end) = map { moment($args, $_) } qw/ start end /;
    my $count = count_of($args, $start && $end ? undef : 20);
    my $most = min($count // $self->{max_intraday}, $self->{max_intraday});

    my @columns = qw/ HIGH_1 LOW_1 OPEN_PRC TRDPRC_1 NUM_MOVES ACVOL_UNS /;
    my $rows = $instrument->{recorded} ? in_range(recorded_minutes($ric,
            @columns), $start, $end, $self->{end_inclusive})
        : $self->generated_minutes($ric, $MINUTES{$interval}, $start, $end,
        $most, \@columns);
    splice @$rows, $most if @$rows > $most;
    return $self->entry($ric, $args, $req, { interval => $interval,
            label => 'startPeriod', columns => [ 'DATE_TIME', @columns ],
            rows => $rows, reaches => 0, what => 'Intraday' });
}

sub recorded_minutes {
    my ($ric, @columns) = @_;

    return [ map { my $row = $_; [ $row->{DATE_TIME},
                map { defined $row->{$_} ? num($row->{$_}) : undef } @columns ]
        } grep { $_->{RIC} eq $ric }
            Wizdata::Sim::Figures::table('lseg-intraday') ];
}

# Newest first, day by day, until there are enough.
sub generated_minutes {
    my ($self, $ric, $step, $start, $end, $most, $columns) = @_;

    my @rows;
    $self->each_day($start, $end, sub {
        my ($day) = @_;
        my ($first, $last) = (OPEN_AT, CLOSE_AT - $step);
        for (my $minute = $last; $minute >= $first; $minute -= $step) {
            my $time = $day * 86400 + $minute * 60;
            my $stamp = stamp($time);
            next if $self->outside($stamp, $start, $end);
            my $bar = minute_bar($ric, $time);
            push @rows, [ $stamp, map { cell_of($_, $bar, 2) } @$columns ];
            return 0 if @rows >= $most;
        }
        return 1;
    });
    return \@rows;
}

# ---- ticks

my @TICK = (['EVENT_TYPE', 'string'], ['RTL', 'number'], ['SEQNUM', 'string'],
    ['TRDPRC_1', 'number'], ['TRDVOL_1', 'number'], ['BID', 'number'],
    ['BIDSIZE', 'number'], ['ASK', 'number'], ['ASKSIZE', 'number'],
    ['QUALIFIERS', 'string']);

sub events_entry {
    my ($self, $ric, $args, $req) = @_;

    my ($instrument, $refused) = $self->instrument($ric,
        'TS.Intraday.UserRequestError.90001');
    return $refused if $refused;
    my ($start, $end) = map { moment($args, $_) } qw/ start end /;
    my $count = count_of($args, $start && $end ? undef : 20);
    my $most = min($count // $self->{max_events}, $self->{max_events});
    my %types = map { $_ => 1 } split /,/, $args->{eventTypes} // 'trade,quote';

    my @rows;
    $self->each_day($start, $end, sub {
        my ($day) = @_;
        my $last = (CLOSE_AT - OPEN_AT) * 60 / TICK_EVERY - 1;
        for my $n (map { $last - $_ } 0 .. $last) {
            for my $event (reverse ticks($ric, $day, $n)) {
                next if $self->outside($event->[0], $start, $end)
                    || !$types{ $event->[1] };
                push @rows, $event;
                return 0 if @rows >= $most;
            }
        }
        return 1;
    });
    return $self->entry($ric, $args, $req, { columns => [ 'DATE_TIME',
                map { $_->[0] } @TICK ], rows => \@rows, reaches => 0,
            what => 'Intraday', types => { map { @$_ } @TICK } });
}

# A quote and a trade, oldest first; of every third pair at the same time.
sub ticks {
    my ($ric, $day, $n) = @_;

    my $time = $day * 86400 + OPEN_AT * 60 + $n * TICK_EVERY;
    my $bar = minute_bar($ric, $time);
    my $h = hash_of($ric, $time, 'tick');
    my $nanos = ($h % 900) * 1_000_000;
    my $later = $n % 3 ? $nanos + 50_000_000 : $nanos;
    my $number = 1000 + 2 * $n;
    my ($bid, $ask, $last) = map { num(plain_number(price($_))) }
        $bar->{close} - 1, $bar->{close} + 1, $bar->{close};
    return (
        [ stamp($time, $nanos), 'quote', num(16 * $number), "$number", undef,
            undef, $bid, num(100 + $h % 900), $ask, num(100 + $h % 700),
            '[ASK_TONE]' ],
        [ stamp($time, $later), 'trade', num(16 * $number + 16),
            $number + 1 . '', $last, num(1 + $h % 500), undef, undef, undef,
            undef, undef ],
    );
}

# ---- ranges

# Calls for the days of the range, newest first, until it has enough.
sub each_day {
    my ($self, $start, $end, $code) = @_;

    my $last = $self->day_now() - 1;
    $last = min($last, day($end)) if $end;
    my $first = max(day($self->{first_day}), $start ? day($start) : 0);
    for my $day (reverse week_days($first, $last)) {
        $code->($day) or return;
    }
}

sub outside {
    my ($self, $stamp, $start, $end) = @_;

    return 1 if $start && $stamp lt $start;
    return 0 if !$end;
    return $self->{end_inclusive} ? $stamp gt $end : $stamp ge $end;
}

sub in_range {
    my ($rows, $start, $end, $inclusive) = @_;

    return [ grep { (!$start || $_->[0] ge $start)
                && (!$end || ($inclusive ? $_->[0] le $end
                        : $_->[0] lt $end)) } @$rows ];
}

# ---- the entry of the answer

sub entry {
    my ($self, $ric, $args, $req, $o) = @_;

    my $instrument = $self->{instruments}{$ric} // {};
    my ($columns, $status) = $self->wanted($args, $o);
    my @at = map { my $name = $_;
        grep { $o->{columns}[$_] eq $name } 0 .. $#{ $o->{columns} } }
        @$columns;
    my $rows = spoil($req->{rows}, [ map { [ @$_[@at] ] } @{ $o->{rows} } ],
        \&number_cell);
    $status //= obj(code => 'TS.Interday.Warning.95000', message =>
            'Uncorrected summaries are currently not supported.')
        if ($args->{adjustments} // '') eq 'unadjusted'
        && $o->{what} eq 'Interday';
    return obj(universe => { ric => $ric }, status => $status)
        if @$columns == 1;

    my @headers = map { header($_, $o->{types}) } @$columns;
    my $blending = $self->blending($o, \@headers, $rows);
    return obj(
        universe => { ric => $ric },
        $o->{interval} ? (interval => $o->{interval},
            summaryTimestampLabel => $o->{label}) : (),
        adjustments => $o->{interval} ? [ adjustments_of($args) ]
        : [ @CORAX[0, 1] ],
        defaultPricingField => ($instrument->{kind} // '') =~ /^(fx|bond)$/
        ? 'BID' : 'TRDPRC_1',
        $o->{what} eq 'Intraday' ? (qos => { timeliness => 'delayed' }) : (),
        $status ? (status => $status) : (),
        headers => \@headers, data => $rows,
        $blending ? (meta => { blendingEntry => $blending }) : ());
}

# The columns asked for, and what is to be said of those that are not there.
sub wanted {
    my ($self, $args, $o) = @_;

    my @all = @{ $o->{columns} };
    my $fields = $args->{fields};
    return \@all if $o->{what} ne 'Interday' || !defined $fields;
    bad('fields') if $fields !~ /^\w+(,\w+)*$/;
    my %has = map { $_ => 1 } @all;
    my @asked = grep { $_ ne 'DATE' } split /,/, $fields;
    my @lacking = grep { !$has{$_} } @asked;
    return ([ 'DATE', grep { $has{$_} } @asked ], @lacking
        ? obj(code => 'TS.Interday.UserRequestError.70007',
            message => 'The universe does not support the following fields: ['
                . join(', ', @lacking) . '].') : undef);
}

sub header {
    my ($name, $types) = @_;

    return obj(name => $name, type => 'string') if $name =~ /^DATE/
        || ($types->{$name} // '') eq 'string';
    return obj(name => $name, type => 'number', decimalChar => '.');
}

sub blending {
    my ($self, $o, $headers, $rows) = @_;

    return if $self->{blending} eq 'none' || $o->{what} ne 'Interday'
        || !$o->{reaches} || !@$rows;
    my $row = $self->{blending} eq 'newest' ? $rows->[0]
        : [ date($self->day_now()), map { undef } 2 .. @$headers ];
    return obj(headers => $headers, data => [$row]);
}

1;
