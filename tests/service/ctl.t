#!/usr/bin/perl

# wizdatactl: usage, complaints, one JSON document whatever happens, calls.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw/ tempdir /;
use Test::More;

use Wizdata::Backend;
use Wizdata::Ctl;

my $dir = tempdir('wd-ctl-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
$ENV{WIZDATA_RUN_DIR} = $dir;
delete @ENV{ grep { /^WIZDATA_.*_ENDPOINT$/ } keys %ENV };

# ---- usage

my $r = ctl('--help');
is($r->{rc}, 0, 'help');
my @commands = $r->{out} =~ /^  ((?:\w+ )+?)[A-Z \[]/mg;
like($r->{out}, qr/^  key revoke ID/m, 'commands');
like(ctl('key', '--help')->{out}, qr/key list/, 'help on a group');
unlike(ctl('key', '--help')->{out}, qr/user list/, 'of it alone');

my $all = ctl('--json', '--help')->{json}{commands};
cmp_ok(scalar @$all, '>=', 16, 'commands for programs');
for my $command (@$all) {
    my $help = ctl(split(' ', $command->{name}), '--help');
    is("$help->{rc}$help->{err}", '0', "$command->{name} --help");
    like($help->{out}, qr/^Usage: wizdatactl \Q$command->{name}\E/, 'usage');
}

is(ctl('--version')->{out}, "wizdatactl 0.1.0\n", 'version');
is(ctl('--version', '--json')->{json}{version}, '0.1.0', 'as JSON');

for my $case (
    [ [], qr/command is needed/ ],
    [ ['key'], qr/not complete/ ],
    [ ['fly'], qr/no command "fly"/ ],
    [ [ 'key', 'fly' ], qr/no command "key fly"/ ],
    [ [ 'key', 'create' ], qr/usage: wizdatactl key create USER/ ],
    [ [ 'key', 'revoke', '1', '2' ], qr/usage:/ ],
    [ [ 'user', 'list', '--limit' ], qr/--limit needs a value: N/ ],
    [ [ 'user', 'list', '--limit=1', '--limit=2' ], qr/given twice/ ],
    [ [ 'lake', 'verify', '--objects=1' ], qr/takes no value/ ],
    [ [ 'user', 'list', '--fly' ], qr/has no option --fly/ ],
    [ ['--fly'], qr/unknown option --fly/ ],
    [ ['-x'], qr/unknown option -x/ ],
    [ [ 'call', 'fly' ], qr/no method "fly"/ ],
    [ [ 'call', 'bars.query', 'symbol' ], qr/"symbol" is not NAME=VALUE/ ],
    [ [ 'call', 'sys.health' ], qr/--service/ ],
    [ [ 'call', 'sys.health', '--service', 'any' ], qr/no service "any"/ ],
    [ [ 'call', 'bars.query', 'symbol=X', '--format', 'xml' ], qr/--format/ ],
    [ [ 'ingest', 'backfill', 'alphavantage', 'intraday' ], qr/to_month/ ],
    [ [ 'status', map { "w$_" } 1 .. 40 ], qr/more than 32 words/ ])
{
    my ($args, $why) = @$case;
    $r = ctl(@$args);
    is($r->{rc}, 2, "wrong usage: @$args[0 .. ($#$args < 3 ? $#$args : 3)]");
    like($r->{err}, qr/^wizdatactl: .*\n\z/, 'one line');
    like($r->{err}, $why, 'that says why');
    is($r->{out}, '', 'and nothing else');
    $r = ctl('--json', @$args);
    is($r->{rc}, 2, 'as JSON');
    like($r->{json}{error}{message}, $why, 'says the same');
    is($r->{err}, '', 'and nothing else');
}

$r = ctl('--json', "\xff\xfe");
ok($r->{json}{error}, 'words that are not UTF-8 do not break the document');

# ---- nobody there

$r = ctl('user', 'list');
is($r->{rc}, 1, 'no service');
like($r->{err}, qr{^wizdatactl:\ cannot\ reach\ auth\ at\ unix:\Q$dir\E/auth\.sock
    \ \(No\ such\ file.*systemctl\ status\ wizdata-auth.*WIZDATA_RUN_DIR}x, 'what to do');
$r = ctl('user', 'list', '--json');
is($r->{json}{error}{type}, 'unavailable', 'as JSON');
{
    local $ENV{WIZDATA_AUTH_ENDPOINT} = '127.0.0.1:1';
    like(ctl('user', 'list')->{err}, qr/127\.0\.0\.1:1/, 'another endpoint');
}

$r = ctl('--json', 'status');
is($r->{rc}, 1, 'status fails');
is(join(' ', map { "$_->{service}:$_->{status}" } @{ $r->{json}{services} }),
    join(' ', map { "$_:unreachable" }
        qw/ auth ingestion processing analytics /), 'for all four');
is(ctl('status')->{rc}, 1, 'as text, too');

# ---- arguments are checked before anybody is asked

for my $case (
    [ [ 'call', 'bars.query' ], qr/'symbol'/ ],
    [ [ 'call', 'bars.query', 'symbol=IBM', 'limit=x' ], qr/'limit'/ ],
    [ [ 'call', 'bars.query', 'symbol=IBM', 'fly=1' ], qr/'fly'/ ],
    [ [ 'key', 'revoke', 'x' ], qr/'id' must be an integer/ ],
    [ [ 'user', 'list', '--limit', '0' ], qr/'limit'/ ],
    [ [ 'key', 'create', 'a@b.c', '--permissions', 'all' ], qr/permissions/ ],
    [ [ 'key', 'create', 'a@b.c', '--expires', 'soon' ], qr/'expires'/ ])
{
    $r = ctl('--json', @{ $case->[0] });
    is($r->{rc}, 1, "refused: @{ $case->[0] }");
    is($r->{json}{error}{code}, -2, 'as a parameter');
    like($r->{json}{error}{message}, $case->[1], 'which is named');
}

# ---- calls

my @backends = map {
    Wizdata::Backend->new(name => $_, listen => "$dir/$_.sock",
        log => "$dir/$_.log", methods => {
            'bars.query' => sub {
                $_[0]->{ctx}{fmt} eq 'csv' ? "a,b\n1,2\n"
                    : '{"rows":[0.1,12345678901234567,1e-7]}';
            },
            'quotes.query' => sub { 'no json' },
            'quality.status' => sub {
                '{"data":[{"provider":"x","dataset":"daily","payloads":3,'
                    . '"stored":1,"corrected":0,"unchanged":2,"flagged":0,'
                    . '"rejected":4,"reasons":{"bad_time":4},"newest":null}],'
                    . '"lag":7}';
            },
            'ingest.providers' => sub {
                '{"providers":[{"provider":"x","state":"ok","datasets":[]},'
                    . '{"provider":"y","state":"ok","datasets":[],"stream":'
                    . '{"phase":"waiting","host":"h:1","items":{"open":2,'
                    . '"waiting":3},"quotes":8,"trades":9,"last_error":'
                    . '{"text":"refused"}}}]}';
            },
            'ingest.plan' => sub {
                '{"collections":[],"providers":[{"provider":"x",'
                    . '"live_calls_per_day":0.14285714285714285,"quota":{}}],'
                    . '"questions":[],"not_shown":0}';
            },
            'quality.rejects' => sub {
                "{\"data\":[{\"id\":1,\"raw_seq\":7,\"reason\":\"a\\u001b[2Jb\"}]}";
            },
            'ingest.replay' => sub { error_reply(-4, 'not for you') },
            'audit.verify' => sub { readlink "$dir/verified" },
            'instruments.search' => sub { stream(300_000) },
        })->start();
} qw/ auth ingestion processing analytics /;
my $analytics = $backends[3];

$r = ctl('call', 'bars.query', 'symbol=ibm,aapl', 'from=2024-01-02');
is($r->{rc}, 0, 'a call');
is($r->{out}, qq!{"rows":[0.1,12345678901234567,1e-7]}\n!,
    'its body as it came');
my ($seen) = $analytics->calls('bars.query');
is_deeply($seen->{args}{symbol}, [ 'IBM', 'AAPL' ], 'typed arguments');
is($seen->{args}{from}, 1704153600000000000, 'times as integers');
is($seen->{args}{limit}, 1000, 'and defaults');
is($seen->{ctx}{sub}, 'operator', 'as operator');
is_deeply($seen->{ctx}{perm}, ['*'], 'who may everything');
is($seen->{ctx}{ms}, 10000, 'with the deadline of the catalogue');
like($seen->{ctx}{id}, qr/^ctl-[0-9a-f]{16}$/, 'and a request id');

is(ctl('call', 'bars.query', 'symbol=IBM', '--format', 'csv')->{out},
    "a,b\n1,2\n", 'CSV');
$r = ctl('--json', 'call', 'quotes.query', 'symbol=IBM');
is($r->{json}{error}{type}, 'protocol-error', 'no JSON is told as an error');
is(length ctl('call', 'instruments.search', '--format', 'csv')->{out},
    300_001, 'a long body');
$r = ctl('--json', 'replay', '--from', '7');
is_deeply([ @{ $r->{json}{error} }{qw/ code message /} ],
    [ -4, 'ingest.replay: not for you' ], 'an error of the service');
is(($backends[1]->calls('ingest.replay'))[0]{args}{from_seq}, 7, 'asked');

# What says less than that all is well is no good trail.
for my $case ([ 0, '"ok":true,"complete":true' ], [ 1, '"ok":false' ],
    [ 1, '"complete":true' ], [ 1, '"ok":null,"complete":true' ],
    [ 1, '"ok":true,"complete":false' ], [ 1, '"ok":true' ])
{
    my ($rc, $said) = @$case;
    unlink "$dir/verified";     # whose text a running backend can read
    symlink "{$said,\"events\":1,\"last\":1,\"hash\":\"00\"}",
        "$dir/verified" or die "symlink: $!";
    is(ctl('audit', 'verify', @$_)->{rc}, $rc, "audit verify: $said")
        for [], ['--json'];
}

$r = ctl('quality');
like($r->{out}, qr/^PROVIDER +DATASET .*\nx +daily +3 +1 +0 +2 +0 +4 +\{"bad_/,
    'quality: a table');
like($r->{out}, qr/^Not processed yet: 7$/m, 'and what waits');
like(ctl('ingest', 'providers')->{out},
    qr/^PROVIDER +STREAM .*\ny +waiting +- +h:1 +2 +- +- +3 +8 +9 +- +refused$/m,
    'providers: their streams');
like(ctl('ingest', 'plan')->{out}, qr/^x .* 0\.14 /m,
    'a plan: rounded calls');
$r = ctl('rejects', '--reason', 'bad');
like($r->{out}, qr/^1 .* a\.\[2Jb /m, 'a table that drives no terminal');

$r = ctl('--json', 'status');
is($r->{rc}, 0, 'all healthy') or diag $r->{out};
is(scalar @{ $r->{json}{services} }, 4, 'all four');
like(ctl('status')->{out}, qr/^auth +healthy/m, 'as text');
ok(ctl('call', 'sys.health', '--service', 'auth', '--json')->{json},
    'one of them');

is(join('', map { $_->{why} } map { $_->events('bad') } @backends), '',
    'nothing was against the protocol');
$_->stop() for @backends;

# ---- the archive

$r = ctl('--json', 'lake', 'verify', '--root', "$dir/none");
is($r->{rc}, 1, 'no archive there');
like($r->{json}{error}{message}, qr/--root/, 'what to do');
ok(!-e "$dir/none", 'and none was made');
mkdir "$dir/lake";
open my $f, '>', "$dir/lake/manifest.ndjson";
close $f;
is_deeply(ctl('--json', 'lake', 'verify', '--root', "$dir/lake")->{json},
    { root => "$dir/lake", rows => 0, objects => JSON::PP::false(),
      intact => JSON::PP::true() }, 'an empty archive is intact');
{
    local $ENV{WIZDATA_INGESTION_LAKE} = "$dir/lake";
    like(ctl('lake', 'verify', '--objects')->{out}, qr/0 rows and their/,
        'as text');
}
open $f, '>', "$dir/lake/manifest.ndjson";
print $f "{}\n";
close $f;
is(ctl('--json', 'lake', 'verify', '--root', "$dir/lake")->{rc}, 1,
    'a row that is none');

done_testing();
