#!/usr/bin/perl

# Which traces are recorded: by ratio, by what the client says, by force of a
# key that may; what the flags tell backend and client; what becomes of spans
# that nobody takes.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { '{}' });
$t->auth(sub { '{}' });
my $forcing = $t->add_key(perm => [ 'bars:read', 'trace:force' ]);
my $simple = $t->add_key(perm => ['bars:read']);
my $trace = '0af7651916cd43dd8448eb211c80319c';
my $span = 'b7ad6b7169203331';

# Flags that the backend saw, and those of the answer, if it has them.
sub flags {
    my ($c, %o) = @_;

    my $r = $c->get('/v1/bars?symbol=IBM', %o);
    my $ctx = ($t->backend_requests('analytics', 'bars.query'))[-1]{ctx};
    my ($flags) = $ctx->{tp} =~ /-([0-9a-f]{2})$/;
    return ($flags, $r->header('traceparent'), $ctx->{tp});
}

sub restart {
    my (%config) = @_;

    $t->stop;
    $t->config(%config);
    $t->default_config;
    $t->run();
}

sub tp { return "traceparent: 00-$_[0]-$span-$_[1]" }

# Ids whose last 56 bits are the largest and the smallest.
my ($chosen, $other) = ('0' x 17 . '1' . 'f' x 14, 'f' x 18 . '0' x 14);

# ---- ratio 0.5 ---------------------------------------------------------------

$t->config(http => 'wizdata_trace_ratio 0.5; wizdata_trace_export off;',
    location => 'wizdata_trace_response on;');
$t->run();

my $c = client();
my (%n, @disagree);
my $all = 1500;
for (1 .. $all) {
    $c = client() if $_ % 500 == 0;    # keepalive_requests
    my ($flags, $answer, $tp) = flags($c);
    $n{$flags}++;
    push @disagree, $tp if ($answer // '') !~ /^00-[0-9a-f]{32}-[0-9a-f]{16}-$flags$/
        || substr($answer, 0, 35) ne substr($tp, 0, 35);
    my $high = $tp =~ /^00-[0-9a-f]{18}[89a-f]/ ? '01' : '00';
    push @disagree, $tp if $flags ne $high;
}
# Six standard deviations of a fair coin.
my $d = 6 * sqrt($all) / 2;
cmp_ok($n{'01'}, '>', $all / 2 - $d, 'a half is recorded');
cmp_ok($n{'01'}, '<', $all / 2 + $d, 'and not more');
is("@disagree[0 .. ($#disagree > 2 ? 2 : $#disagree)]", '', 'by the id; the answer says the same');
is(join(' ', sort keys %n), '00 01', 'with these flags');

# trust is the default.
is((flags($c, headers => [ tp($other, '01') ]))[0], '01', 'trust: 01');
is((flags($c, headers => [ tp($chosen, '00') ]))[0], '00', 'trust: 00');
is((flags($c, headers => [ tp($chosen, '02') ]))[0], '00', 'other bits: none');
is((flags($c, headers => [ tp($other, 'ff') ]))[0], '01', 'all bits: ours');

# An invalid one decides nothing, and its tracestate is of no trace.
my (undef, undef, $tp) = flags($c, headers => [ tp('0' x 32, '01'),
    'tracestate: foo=1' ]);
like($tp, qr/^00-(?!0{32})/, 'a trace of its own');
my $ctx = ($t->backend_requests('analytics', 'bars.query'))[-1]{ctx};
unlike($ctx->{ts} // '', qr/foo/, 'tracestate is dropped with it');

# Answers of every kind carry it, once.
for my $path ('/v1/bars', '/v1/nowhere', '/v1/bars?symbol=IBM') {
    my $r = $c->get($path, headers => [ tp($trace, '01') ]);
    is($r->count('traceparent'), 1, "the answer to $path has it");
    like($r->header('traceparent'), qr/^00-$trace-(?!$span)[0-9a-f]{16}-01$/,
        'with our span');
}
is($t->backend_events('analytics', 'notify'), 0, 'off: no spans are sent');

# ---- the other policies ------------------------------------------------------

restart(http => 'wizdata_trace_ratio 0.5; wizdata_trace_parent ratio;',
    location => '');
$c = client();
my ($flags, $answer);
($flags, $answer, $tp) = flags($c, headers => [ tp($chosen, '00') ]);
is($flags, '01', 'ratio: our choice');
like($tp, qr/^00-$chosen-/, 'of the same trace');
is($answer, undef, 'nothing is answered unless asked for');
is((flags($c, headers => [ tp($other, '01') ]))[0], '00', 'the other way, too');

restart(http => 'wizdata_trace_ratio 0; wizdata_trace_parent ignore;');
$c = client();
($flags, undef, $tp) = flags($c, headers => [ tp($trace, '01'),
    'tracestate: foo=1' ]);
is($flags, '00', 'ignore: our choice');
unlike($tp, qr/$trace/, 'of a trace of our own');
$ctx = ($t->backend_requests('analytics', 'bars.query'))[-1]{ctx};
ok(!exists $ctx->{ts}, 'tracestate is not passed on');

# ---- force -------------------------------------------------------------------

# Spans of requests so far.
sub requests {
    return scalar grep { $_->[3] == 2 } map { @{ $_->{params}[0] } }
        grep { $_->{method} eq 'trace.spans' }
            $t->backend_events('analytics', 'notify');
}

my $before = requests();
my @force = (headers => ['X-Wizdata-Trace: 1']);
is((flags($c, key => $forcing, @force))[0], '01', 'a key that may force');
is((flags($c, key => $forcing))[0], '00', 'only when it asks to');
is((flags($c, key => $simple, @force))[0], '00', 'a key that may not');
for my $not ('0', '', '11', 'true', '1, 1') {
    is((flags($c, key => $forcing, headers => ["X-Wizdata-Trace: $not"]))[0],
        '00', "not 1: $not");
}
is((flags($c, key => $forcing,
    headers => [ 'X-Wizdata-Trace: 1', 'X-Wizdata-Trace: 1' ]))[0], '00',
    'twice is none');
is((flags($c, key => $forcing,
    headers => [ 'X-Wizdata-Trace: 1', tp($trace, '00') ]))[0], '01',
    'over what the client said of its trace');
$t->wait_for('their spans come', sub { requests() >= 2 + $before });
is(requests(), 2 + $before, 'of the two alone');

# ---- nobody takes the spans --------------------------------------------------

# A buffer of 16k is full after some forty; nothing waits, nothing breaks.
$t->stop;
$t->config(http => <<'EOC');
    wizdata_trace_ratio 1;
    wizdata_trace_export ingestion interval=10ms buffer=16k;
EOC
$t->absent('ingestion');
$t->default_config;
$t->run();
$c = client();
my @status = map { $c->get('/v1/bars?symbol=IBM')->status } 1 .. 300;
is(scalar(grep { $_ == 200 } @status), 300, 'the exporter is away: all served');

# Counts of spans by what became of them.
sub outcomes {
    my $body = get('/metrics', key => undef)->body;
    return { $body =~ /^wizdata_spans_total\{outcome="(\w+)"\} (\d+)$/mg };
}

cmp_ok(outcomes()->{unreachable}, '>', 200, 'most of their spans are dropped');
is(outcomes()->{sent} // 0, 0, 'none is sent');

# One that comes back gets what waited, and whatever is new.
$t->backend('ingestion', sub { '{}' });
$t->{backends}{ingestion}->start;
$t->wait_for('it gets what waited', sub {
    grep { $_->{method} eq 'trace.spans' }
        $t->backend_events('ingestion', 'notify') });
my $dropped = outcomes()->{unreachable};
is($c->get('/v1/bars?symbol=IBM')->status, 200, 'one more');
$t->wait_for('and what is new', sub { outcomes()->{sent} >= 3 });
is(outcomes()->{unreachable}, $dropped, 'nothing is dropped any more');
