package Wizdata::Sim::Series;

# Series that never were: synthetic prices, the same for a symbol and a day
# whenever and in whatever part they are asked for. Days are counted from
# 1970-01-01; prices are whole numbers of hundredths.
#
#     my $bar = day_bar('IBM', day('2024-01-02'));  # open high low close volume
#     price($bar->{close});                         # "123.45"
#     my @days = week_days(day('2024-01-01'), day('2024-01-31'));

use warnings;
use strict;

use Digest::MD5 qw/ md5 /;
use Exporter 'import';
use List::Util qw/ min max sum /;
use Time::Local qw/ timegm_modern /;

our @EXPORT = qw/ day date week_days day_bar minute_bar price hash_of periods
    bar_of spoil /;

sub day {
    my ($date) = @_;

    my ($y, $m, $d) = $date =~ /^(\d{4})-?(\d\d)-?(\d\d)/ or return;
    my $time = eval { timegm_modern(0, 0, 0, $d, $m - 1, $y) } // return;
    return $time / 86400;
}

sub date {
    my ($day) = @_;

    my @t = gmtime $day * 86400;
    return sprintf '%04d-%02d-%02d', $t[5] + 1900, $t[4] + 1, $t[3];
}

# 1970-01-01 was a Thursday.
sub is_week_day { return ($_[0] + 4) % 7 % 6 != 0 }
sub week_days { return grep { is_week_day($_) } $_[0] .. $_[1] }

# 32 bits of anything.
sub hash_of {
    my $text = join '/', @_;

    utf8::encode($text) if utf8::is_utf8($text);
    return unpack 'N', md5($text);
}

# Around a level of the symbol's own, up and down within 400 days, with noise.
sub close_of {
    my ($symbol, $day) = @_;

    my $level = 2000 + hash_of($symbol) % 30000;
    my $wave = 900 + abs($day % 400 - 200);
    my $noise = 980 + hash_of($symbol, $day) % 41;
    return int($level * $wave / 1000 * $noise / 1000);
}

sub day_bar {
    my ($symbol, $day) = @_;

    my $before = $day - 1;
    $before-- until is_week_day($before);
    my $close = close_of($symbol, $day);
    my $h = hash_of($symbol, $day, 'bar');
    my $open = close_of($symbol, $before) + $h % 21 - 10;
    my ($low, $high) = $open < $close ? ($open, $close) : ($close, $open);
    return { open => $open, high => $high + ($h >> 8) % 60,
        low => $low - ($h >> 14) % 60, close => $close,
        volume => 100_000 + ($h >> 4) % 9_000_000 };
}

# A minute (seconds since 1970) within the bar of its day.
sub minute_bar {
    my ($symbol, $time) = @_;

    my $bar = day_bar($symbol, int($time / 86400));
    my $range = $bar->{high} - $bar->{low};
    my $h = hash_of($symbol, $time, 'minute');
    my ($open, $close) = map { $bar->{low} + int($range * $_ / 1023) }
        $h & 1023, $h >> 10 & 1023;
    my ($low, $high) = $open < $close ? ($open, $close) : ($close, $open);
    return { open => $open, high => $high, low => $low, close => $close,
        volume => 100 + ($h >> 20) };
}

sub price {
    my ($hundredths, $digits) = @_;

    return sprintf '%.*f', $digits // 2, $hundredths / 100;
}

# ---- periods (ISO 8601 durations: P1D, P1W, P1M, ...)

# Lists of the days of each period, oldest first.
sub periods {
    my ($interval, $first, $last) = @_;

    my @days = week_days($first, $last);
    return map { [$_] } @days if $interval eq 'P1D';
    my ($before, @periods) = ('');
    for my $day (@days) {
        my $of = period_of($interval, $day);
        push @periods, [] if $of ne $before;
        push @{ $periods[-1] }, $day;
        $before = $of;
    }
    return @periods;
}

sub period_of {
    my ($interval, $day) = @_;

    return int(($day + 3) / 7) if $interval =~ /^P(7D|1W)$/; # from Monday on
    my ($year, $month) = split /-/, date($day);
    return $year if $interval =~ /^P(12M|1Y)$/;
    return $interval eq 'P3M' ? "$year/" . int(($month - 1) / 3)
        : "$year/$month";
}

sub bar_of {
    my ($symbol, @days) = @_;

    my @bars = map { day_bar($symbol, $_) } @days;
    return { open => $bars[0]{open}, close => $bars[-1]{close},
        high => max(map { $_->{high} } @bars),
        low => min(map { $_->{low} } @bars),
        volume => sum(map { $_->{volume} } @bars) };
}

# ---- what the fault `rows` makes of rows

# Rows are arrays whose first cells (one, unless `keep` says how many) say what
# they are of; `cell` makes a cell of a hostile text in the provider's way.
sub spoil {
    my ($fault, $rows, $cell, $keep) = @_;

    $fault or return $rows;
    $keep //= 1;
    my $o = $fault->{how} // {};
    my @rows = map { [@$_] } @$rows;
    my @values = exists $o->{values} ? @{ $o->{values} }
        : ('None', '-', '.', 'NaN', '1e999', '', undef);
    for my $i (0 .. ($#values < $#rows ? $#values : $#rows)) {
        my $width = @{ $rows[$i] } - $keep;
        next if $width < 1;
        $rows[$i][ $keep + $i % $width ] = $cell->($values[$i], $o->{bare});
    }
    splice @rows, -$o->{drop} if $o->{drop} && $o->{drop} <= @rows;
    doubled(\@rows, $o->{duplicate}) if $o->{duplicate};
    @rows = shuffled(@rows) if $o->{shuffle};
    return \@rows;
}

# The last rows come twice; the second time with a figure of another row.
sub doubled {
    my ($rows, $n) = @_;

    my $last = $#$rows;
    for my $i (map { $last - $_ } 0 .. $n - 1) {
        next if $i < 0;
        my @other = @{ $rows->[$i] };
        $other[-1] = $rows->[ $i - 1 ][-1];
        push @$rows, \@other;
    }
}

sub shuffled {
    my (@rows) = @_;

    my @order = sort { hash_of($a, 'order') <=> hash_of($b, 'order') }
        0 .. $#rows;
    return @rows[@order];
}

1;
