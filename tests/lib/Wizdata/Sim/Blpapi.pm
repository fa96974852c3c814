package Wizdata::Sim::Blpapi;

=encoding utf8

=head1 NAME

Wizdata::Sim::Blpapi - a simulator of the HTTP bridge of BLPAPI

=head1 SYNOPSIS

    my $sim = Wizdata::Sim::Blpapi->start(tls => 'good');
    my ($certificate, $key) = $sim->client;    # a client needs them
    POST $sim->url('/request?ns=blp&service=refdata'
        . '&type=HistoricalDataRequest')

=head1 DESCRIPTION

B<Documented> (bloomberg/blpapi-http, its guide): the path and its three
arguments; the request's elements as JSON; the answer C<{data, status,
message}> with status 0 although errors are inside; a client certificate
(demanded when there is TLS at all; C<client_ca =E<gt> 0> does without);
HistoricalDataResponse: an element for each security, C<securityData> an
object, dates as ISO with a time; ReferenceDataResponse: C<securityData> an
array. securityError BAD_SEC/INVALID_SECURITY code 43, with a node number in
its text that changes; fieldExceptions BAD_FLD/NOT_APPLICABLE_TO_HIST_DATA (1)
and NOT_APPLICABLE_TO_REF_DATA (9); responseError BAD_ARGS/TOO_MANY_FIELDS (19;
more than 25 fields of history), BAD_ARGS/INVALID_OVERRIDE_FIELD (27),
LIMIT/DAILY_LIMIT_REACHED. eidData is there although nothing is wrong. Days
without data are omitted, a value that is missing is a key that is missing.

B<Recorded>: IBM US Equity and AAPL US Equity, 2012-01-03 to 05 (PX_LAST, OPEN)
and their reference data. B<Synthetic>: every other figure, the bodies of
limits, what is answered to a wrong ns, service or type (404, a status and a
message), bars and ticks.

=head2 Settings

C<daily_limit> (undef; a number of securities times fields, after which every
request is answered by DAILY_LIMIT_REACHED until its clock is a day older),
C<monthly> (0; 1: it is MONTHLY_LIMIT_REACHED), C<single_as_object> (0; 1: a
sequence of one element is an object, as some bridges write it), C<dates>
('iso'; 'float': 20120103.0, 'plain': 2012-01-03), C<unknown> ('BAD': how
unknown securities begin), C<empty> ('SPY Equity': a security without data and
without an error), C<bad_code> (43; older answers have 15), C<null_every> (0;
n: in every n-th row of history the last field is missing), C<holidays> (list
of days that history omits), C<split> ({}: of securities, C<[day, ratio]>: what
was before that day is divided, as the terminal is set to, unless the request
says otherwise).

=cut

use warnings;
use strict;

use Wizdata::Sim;
use Wizdata::Sim::Answer;
use Wizdata::Sim::Figures;
use Wizdata::Sim::Json;
use Wizdata::Sim::Series;

use parent -norequire, 'Wizdata::Sim';

use constant { MAX_FIELDS => 25, DAY => 86400 };

sub settings {
    return (daily_limit => undef, monthly => 0, single_as_object => 0,
        dates => 'iso', unknown => 'BAD', empty => 'SPY Equity',
        bad_code => 43, null_every => 0, holidays => ['2012-01-02'], split => {});
}

sub start {
    my ($class, %o) = @_;

    $o{client_ca} //= 1 if $o{tls};
    return $class->SUPER::start(%o);
}

my %OF_BAR = (PX_LAST => 'close', LAST_PRICE => 'close', PX_OPEN => 'open',
    OPEN => 'open', PX_HIGH => 'high', HIGH => 'high', PX_LOW => 'low',
    LOW => 'low', PX_VOLUME => 'volume', VOLUME => 'volume');
my %REFERENCE = (%OF_BAR, NAME => 1, CRNCY => 1, EPS_ANNUALIZED => 1,
    DVD_HIST_ALL => 1);

my %TYPES = (
    refdata => { HistoricalDataRequest => \&historical,
        ReferenceDataRequest => \&reference, IntradayBarRequest => \&bars,
        IntradayTickRequest => \&ticks },
    apiflds => { FieldInfoRequest => \&field_info },
);

sub said {
    my ($status, $code, $message) = @_;

    return Wizdata::Sim::Answer->json($status, to_json(obj(
        status => num($code), message => $message)));
}

sub answer {
    my ($self, $req) = @_;

    return said(404, 404, 'unknown path') if $req->{path} ne '/request';
    return said(405, 405, 'POST it') if $req->{method} ne 'POST';
    my ($ns, $service, $type) = @{ $req->{query} }{qw/ ns service type /};
    my $code = ($ns // '') eq 'blp' ? $TYPES{ $service // '' }{ $type // '' }
        : undef;
    return said(404, 404, 'unknown namespace, service or type') if !$code;
    my $body = from_json($req->{body});
    return said(400, 400, 'the body is not a JSON object')
        if ref $body ne 'HASH';
    my $data = $self->limit($body) // $code->($self, $body, $req);
    return Wizdata::Sim::Answer->json(200, to_json(obj(data => $data,
        status => num(0), message => 'OK')));
}

# ---- errors inside the answer

sub error_info {
    my ($self, $code, $category, $subcategory, $message) = @_;

    my $node = 100 + ++$self->{asked} * 37 % 9000;
    return obj(source => "$node\::bbdbh$code", code => num($code),
        category => $category, message => "$message [nid:$node]",
        subcategory => $subcategory);
}

sub response_error {
    my ($self, @info) = @_;

    return [ obj(responseError => $self->error_info(@info)) ];
}

sub limit {
    my ($self, $body) = @_;

    my $limit = $self->{daily_limit} // return;
    my $now = $self->{server}->now();
    my $day = int($now / DAY);
    $self->{spent} = 0 if $day != ($self->{spent_on} //= $day);
    $self->{spent_on} = $day;
    $self->{spent} += @{ $body->{securities} // [1] }
        * @{ $body->{fields} // [1] };
    return if $self->{spent} <= $limit;
    return $self->response_error(-4001, 'LIMIT', $self->{monthly}
        ? 'MONTHLY_LIMIT_REACHED' : 'DAILY_LIMIT_REACHED',
        'the limit of data is reached.');
}

sub security_error {
    my ($self) = @_;

    return $self->error_info($self->{bad_code}, 'BAD_SEC', 'INVALID_SECURITY',
        'Unknown/Invalid security ');
}

# A sequence, as this bridge writes it.
sub sequence {
    my ($self, @items) = @_;

    return $self->{single_as_object} && @items == 1 ? $items[0] : \@items;
}

sub exceptions {
    my ($self, $fields, $known, $code, $subcategory) = @_;

    return $self->sequence(map { obj(fieldId => $_, errorInfo =>
                $self->error_info($code, 'BAD_FLD', $subcategory,
                    'Field not valid')) } grep { !$known->{$_} } @$fields);
}

sub lists {
    my ($body) = @_;

    return map { ref $body->{$_} eq 'ARRAY' ? $body->{$_} : [] }
        qw/ securities fields /;
}

sub bad_arguments {
    my ($self, $body, $historical) = @_;

    my ($securities, $fields) = lists($body);
    return $self->response_error(19, 'BAD_ARGS', 'TOO_MANY_FIELDS',
        'too many fields') if $historical && @$fields > MAX_FIELDS;
    return $self->response_error(9, 'BAD_ARGS', 'INVALID_ARGUMENT',
        'securities and fields are needed') if !@$securities || !@$fields;
    my @wrong = grep { ($_->{fieldId} // '') !~ /^[A-Z][A-Z0-9_]*$/ }
        @{ $body->{overrides} // [] };
    return $self->response_error(27, 'BAD_ARGS', 'INVALID_OVERRIDE_FIELD',
        'invalid override field') if @wrong;
    return;
}

# ---- history

my %PERIOD = (DAILY => 'P1D', WEEKLY => 'P1W', MONTHLY => 'P1M',
    QUARTERLY => 'P3M', YEARLY => 'P1Y');

my %OF_HISTORY = map { $_ => 1 } qw/ securities fields startDate endDate
    periodicitySelection periodicityAdjustment currency overrides
    maxDataPoints nonTradingDayFillOption nonTradingDayFillMethod
    adjustmentFollowDPDF adjustmentNormal adjustmentAbnormal
    adjustmentSplit /;

sub historical {
    my ($self, $body, $req) = @_;

    my $wrong = $self->bad_arguments($body, 1);
    return $wrong if $wrong;
    my ($odd) = grep { !$OF_HISTORY{$_} } sort keys %$body;
    return $self->response_error(9, 'BAD_ARGS', 'INVALID_ARGUMENT',
        "no element $odd") if $odd;
    my $period = $PERIOD{ $body->{periodicitySelection} // 'DAILY' };
    my $first = day($body->{startDate} // '');
    my $last = day($body->{endDate} // '')
        // int($self->{server}->now() / DAY);
    return $self->response_error(9, 'BAD_ARGS', 'INVALID_ARGUMENT',
        'startDate is wrong') if !defined $first || !$period;
    my ($securities, $fields) = lists($body);
    my $n = 0;
    return [ map { obj(securityData => $self->history_of($_, $fields,
                    $period, $first, $last, $n++, $body, $req)) }
            @$securities ];
}

sub history_of {
    my ($self, $security, $fields, $period, $first, $last, $n, $body, $req)
        = @_;

    my $unknown = index($security, $self->{unknown}) == 0;
    my @rows = $unknown || $security eq $self->{empty} ? ()
        : $self->rows_of($security, $fields, $period, $first, $last);
    $self->adjust($security, $fields, $body, \@rows);
    my $most = $body->{maxDataPoints};
    splice @rows, 0, @rows - $most if $most && @rows > $most;
    my @known = grep { $OF_BAR{$_} } @$fields;
    my $rows = spoil($req->{rows}, \@rows, \&number_cell);
    return obj(security => $security, eidData => [],
        sequenceNumber => num($n),
        $unknown ? (securityError => $self->security_error()) : (),
        fieldExceptions => $unknown ? [] : $self->exceptions($fields, \%OF_BAR,
            1, 'NOT_APPLICABLE_TO_HIST_DATA'),
        fieldData => $self->sequence(map { $self->row($_, @known) } @$rows));
}

sub adjust {
    my ($self, $security, $fields, $body, $rows) = @_;

    my ($day, $ratio) = @{ $self->{split}{$security} // return };
    my ($follow, $split) = map { $body->{$_} // 1 }
        qw/ adjustmentFollowDPDF adjustmentSplit /;
    return if !$follow && !$split;
    my @known = grep { $OF_BAR{$_} } @$fields;
    for my $row (grep { $_->[0] lt $day } @$rows) {
        for my $i (grep { defined $row->[ $_ + 1 ] } 0 .. $#known) {
            my $v = ${ $row->[ $i + 1 ] };
            $row->[ $i + 1 ] = num($OF_BAR{ $known[$i] } eq 'volume'
                ? $v * $ratio : $v / $ratio);
        }
    }
}

# [day, values], oldest first.
sub rows_of {
    my ($self, $security, $fields, $period, $first, $last) = @_;

    my @known = grep { $OF_BAR{$_} } @$fields;
    my @recorded = grep { $_->{security} eq $security }
        Wizdata::Sim::Figures::table('bloomberg-history');
    my @periods = periods($period, $first, $last);
    my $n = 0;
    my @rows;
    for my $days (@periods) {
        my $date = date($days->[-1]);
        next if grep { $_ eq $date } @{ $self->{holidays} };
        my ($row) = grep { $_->{date} eq $date } @recorded;
        my $bar = bar_of($security, @$days);
        my @values = map { my $v = $row && $period eq 'P1D' && $row->{$_}
                // value_of($_, $bar); num($v) } @known;
        $values[-1] = undef if @values && $self->{null_every}
            && ++$n % $self->{null_every} == 0;
        push @rows, [ $date, @values ];
    }
    return @rows;
}

sub value_of {
    my ($field, $bar) = @_;

    my $v = $bar->{ $OF_BAR{$field} };
    return $field =~ /VOLUME/ ? $v : price($v);
}

sub row {
    my ($self, $row, @fields) = @_;

    my ($date, @values) = @$row;
    my %way = (iso => "${date}T00:00:00.000Z", plain => $date,
        float => num($date =~ tr/-//dr . '.0'));
    return obj(date => $way{ $self->{dates} }, map { defined $values[$_]
            ? ($fields[$_] => $values[$_]) : () } 0 .. $#fields);
}

# ---- reference data

sub reference {
    my ($self, $body) = @_;

    my $wrong = $self->bad_arguments($body, 0);
    return $wrong if $wrong;
    my ($securities, $fields) = lists($body);
    my $n = 0;
    return [ obj(securityData => $self->sequence(map {
                $self->reference_of($_, $fields, $n++) } @$securities)) ];
}

sub reference_of {
    my ($self, $security, $fields, $n) = @_;

    my $unknown = index($security, $self->{unknown}) == 0;
    my @known = $unknown || $security eq $self->{empty} ? ()
        : grep { $REFERENCE{$_} } @$fields;
    return obj(security => $security, eidData => [],
        $unknown ? (securityError => $self->security_error()) : (),
        fieldExceptions => $unknown ? [] : $self->exceptions($fields,
            \%REFERENCE, 9, 'NOT_APPLICABLE_TO_REF_DATA'),
        sequenceNumber => num($n),
        fieldData => obj(map { $_ => $self->now_of($security, $_) } @known));
}

sub now_of {
    my ($self, $security, $field) = @_;

    my ($row) = grep { $_->{security} eq $security }
        Wizdata::Sim::Figures::table('bloomberg-reference');
    my $v = $row && $row->{$field};
    return $field eq 'NAME' ? $v : num($v) if defined $v;
    return "SYNTHETIC $security" if $field eq 'NAME';
    return 'USD' if $field eq 'CRNCY';
    return num('1.23') if $field eq 'EPS_ANNUALIZED';
    return $self->sequence(map { obj('Declared Date' => "201$_-01-28",
                'Dividend Amount' => num("0.4$_")) } 1 .. 3)
        if $field eq 'DVD_HIST_ALL';
    return num(value_of($field, day_bar($security,
                int($self->{server}->now() / DAY))));
}

# ---- intraday

sub seconds_of {
    my ($text) = @_;

    my ($date, $h, $m, $s) = ($text // '')
        =~ /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d)(?::(\d\d))?/
        or return undef; # one of a list
    return day($date) * DAY + $h * 3600 + $m * 60 + ($s // 0);
}

sub iso_of {
    my @t = gmtime $_[0];

    return sprintf '%04d-%02d-%02dT%02d:%02d:%02d.000Z', $t[5] + 1900,
        $t[4] + 1, @t[3, 2, 1, 0];
}

# The times of the range, every so many seconds, of the session.
sub session_times {
    my ($body, $every) = @_;

    my ($from, $to) = map { seconds_of($body->{$_}) }
        qw/ startDateTime endDateTime /;
    return if !defined $from || !defined $to;
    $from += -$from % $every;
    my @times;
    for (my $t = $from; $t < $to && @times < 20_000; $t += $every) {
        my $minute = $t % DAY / 60;
        push @times, $t if $minute >= 14 * 60 + 30 && $minute < 21 * 60
            && (int($t / DAY) + 4) % 7 % 6;
    }
    return \@times;
}

sub bars {
    my ($self, $body) = @_;

    my $security = $body->{security} // '';
    my $times = session_times($body, 60 * ($body->{interval} || 1))
        // return $self->response_error(9, 'BAD_ARGS', 'INVALID_ARGUMENT',
        'startDateTime and endDateTime are needed');
    return $self->response_error($self->{bad_code}, 'BAD_SEC',
        'INVALID_SECURITY', 'Unknown/Invalid security ')
        if index($security, $self->{unknown}) == 0;
    return [ obj(barData => obj(eidData => [], barTickData => $self->sequence(
                    map { my $bar = minute_bar($security, $_);
                        obj(time => iso_of($_), (map { $_ => num(price(
                                        $bar->{$_})) }
                                qw/ open high low close /),
                            volume => num($bar->{volume}),
                            numEvents => num(1 + $bar->{volume} % 90),
                            value => num($bar->{volume} * 100)) }
                        $security eq $self->{empty} ? () : @$times))) ];
}

sub ticks {
    my ($self, $body) = @_;

    my $security = $body->{security} // '';
    my $times = session_times($body, 10)
        // return $self->response_error(9, 'BAD_ARGS', 'INVALID_ARGUMENT',
        'startDateTime and endDateTime are needed');
    return [ obj(tickData => obj(eidData => [], tickData => $self->sequence(
                    map { my $bar = minute_bar($security, $_);
                        obj(time => iso_of($_), type => 'TRADE',
                            value => num(price($bar->{close})),
                            size => num($bar->{volume})) } @$times))) ];
}

# ---- fields

sub field_info {
    my ($self, $body) = @_;

    return [ obj(fieldData => $self->sequence(map { $REFERENCE{$_}
                ? obj(id => 'SY' . hash_of($_) % 1000, fieldInfo => obj(
                    mnemonic => $_, description => lc,
                    datatype => $OF_BAR{$_} ? 'Double' : 'String',
                    categoryName => [], property => [], overrides => [],
                    ftype => $OF_BAR{$_} ? 'Price' : 'Character'))
                : obj(id => $_, fieldError => $self->error_info(5,
                        'BAD_FLD', 'INVALID_FIELD', 'Field not valid')) }
            @{ $body->{id} // [] })) ];
}

1;
