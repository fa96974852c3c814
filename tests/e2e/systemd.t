#!/usr/bin/perl

# The platform on a machine of its own, under real systemd, set up with the
# commands of docs/OPERATIONS.md: it serves over HTTPS, survives the death of
# each service, loses no request in restarts, keeps to its sandbox, drains.

use warnings;
use strict;

use FindBin;
use JSON::PP ();
use Test::More;

use lib "$FindBin::Bin/../lib";
use Wizdata::Container;
use Wizdata::Stage;

my @SERVICES = qw/ auth ingestion processing analytics /;
my $URL = 'https://localhost';

plan skip_all => Wizdata::Container::missing()
    if Wizdata::Container::missing();
plan skip_all => not_built() if not_built();

local $SIG{INT} = sub { exit 1 };
local $SIG{TERM} = sub { exit 1 };

my $c = Wizdata::Container->new();
$c->boot() or plan skip_all => 'no container here: ' . $c->why();


# ---- installation ------------------------------------------------------------

$c->copy_in(stage());
$c->must(<<'END');
systemd-sysusers wizdata.conf
systemd-tmpfiles --create wizdata.conf
(umask 077; openssl rand -hex 32 >/etc/wizdata/secrets/pepper)
until pg_isready -q; do sleep 0.1; done
runuser -u postgres -- psql -q -f /usr/share/wizdata/roles.sql
runuser -u postgres -- psql -q -f /usr/share/wizdata/roles.sql
systemctl daemon-reload
END
$c->must('systemctl enable --now wizdata.target 2>&1');

for my $service (@SERVICES, 'migrate') {
    is($c->until_like("systemctl is-active wizdata-$service.service",
        qr/^active$/, 20), 'active', "$service: active");
}
is($c->ask('systemctl show -P Result wizdata-migrate.service'), 'success',
    'migrated');
is($c->ask('systemctl --failed --plain --no-legend'), '', 'nothing failed');
is($c->ask('stat -c "%U %G %a" /run/wizdata/*.sock | sort -u'),
    'root www-data 660', 'sockets are for nginx');

my ($status, $said) = $c->run('wizdatactl', 'status');
is($status, 0, 'all services say that they are healthy') or diag($said);

configure_nginx();
$c->must('nginx -t -q && systemctl restart nginx');
is($c->ask('cp /etc/ssl/certs/api.example.com.pem '
    . '/etc/ssl/certs/ssl-cert-snakeoil.pem; '
    . 'cp /etc/ssl/private/api.example.com.key '
    . '/etc/ssl/private/ssl-cert-snakeoil.key; '
    . 'cp /usr/share/doc/wizdata/nginx.conf /etc/nginx/sample.conf; '
    . 'nginx -t -q -c /etc/nginx/sample.conf'), '',
    'the sample nginx.conf is right, too');


# ---- service -----------------------------------------------------------------

$c->must('wizdatactl user create ops@example.com --name Ops '
    . '--roles operator');
# What is shipped allows 200 requests a minute: too few for what follows.
$c->must('wizdatactl plan set trial rate=1000/s burst=5000');
my $key = JSON::PP::decode_json($c->must('wizdatactl --json key create '
    . 'ops@example.com --name test --plan trial'))
    ->{key};
like($key, qr/^wd_live_\w{38}$/, 'an API key');
$c->write('/root/key', "X-API-Key: $key\n");

is(code('/v1/instruments', '@/root/key'), 200, 'with the key');
is(code('/v1/instruments'), 401, 'without');
is(code('/health'), 200, 'health');
is(code('/metrics'), 200, 'metrics');
is(code('/openapi.json'), 200, 'the description of the API');
is(code('/health/detailed', '@/root/key'), 200, 'health of all');
like($c->ask("curl -sk -D - -o /dev/null $URL/v1/instruments"),
    qr,^content-type: application/problem\+json\r?$,im, 'a problem document');

# Data comes all the way: provider, lake, database, client. The provider's key
# is a secret as the manual says.
start_provider();
($status, $said) = $c->run('wizdatactl', 'ingest', 'run', 'alphavantage',
    'daily', 'symbol=IBM', 'outputsize=full', '--wait');
is($status, 0, 'collected') or diag($said);
like($c->until_like("curl -sk -H \@/root/key "
    . "'$URL/v1/bars?symbol=IBM&from=2021-03-01&to=2021-03-01'",
    qr/"t":"2021-03-01/, 20), qr/"t":"2021-03-01/, 'processed and served');
($status, $said) = $c->run('wizdatactl', 'lake', 'verify', '--objects');
is($status, 0, 'the lake is whole') or diag($said);


# ---- the sandbox, as the kernel sees it --------------------------------------

for my $service (@SERVICES) {
    my $pid = main_pid($service);
    my %is = map { /^(\w+):\s*(.*)$/ ? ($1, $2) : () }
        split /\n/, $c->ask("cat /proc/$pid/status");

    is($c->ask("stat -c %U /proc/$pid"), "wizdata-$service",
        "$service: its own user");
    like("$is{CapEff} $is{CapPrm} $is{CapBnd} $is{CapAmb}", qr/^[0 ]+$/,
        "$service: no capability");
    is($is{NoNewPrivs}, 1, "$service: no new privileges");
    is($is{Seccomp}, 2, "$service: system calls are filtered");
    is($c->ask("nsenter -t $pid -m -- touch /usr/x /etc/x 2>&1 "
        . '| grep -c Read-only'),
        2, "$service: the system is read-only");
    is($c->ask("test \$(readlink /proc/$pid/ns/net) = "
        . '$(readlink /proc/1/ns/net) && echo shared'),
        $service eq 'ingestion' ? 'shared' : '', "$service: network");
    like($c->ask("systemctl show -P WatchdogUSec wizdata-$service"),
        qr/^\d+s$/, "$service: watched");
    unlike($c->ask("tr '\\0' '\\n' </proc/$pid/environ"),
        qr/^WIZDATA_AUTH_PEPPER=/m, "$service: no secret in the environment");
}

is($c->ask('stat -c "%U %G %a" /var/lib/wizdata/lake'),
    'wizdata-ingestion wizdata 2750', 'lake');
is($c->ask('stat -c "%U %G %a" /var/lib/wizdata/lake/manifest.ndjson'),
    'wizdata-ingestion wizdata 640', 'its manifest');
for my $user (qw/ wizdata-processing wizdata-auth /) {
    my ($status) = $c->run('runuser', '-u', $user, '--', 'cat',
        '/var/lib/wizdata/lake/manifest.ndjson');
    is($status == 0, $user eq 'wizdata-processing', "$user and the lake");
}
my $object = $c->ask('find /var/lib/wizdata/lake/raw -name "*.zst" | head -n 1');
is($c->ask("stat -c '%U %G %a' $object"), 'wizdata-ingestion wizdata 640',
    'objects in it');
isnt(($c->run('runuser', '-u', 'wizdata-auth', '--', 'cat',
    '/etc/wizdata/secrets/pepper'))[0], 0, 'secrets are root\'s');


# ---- faults ------------------------------------------------------------------

for my $service (@SERVICES) {
    my $pid = main_pid($service);
    $c->must("kill -KILL $pid");
    like($c->until_like("systemctl show -P NRestarts wizdata-$service",
        qr/^[1-9]/, 10), qr/^[1-9]/, "$service killed: restarted");
    is($c->until_like("systemctl is-active wizdata-$service", qr/^active$/,
        10), 'active', "$service killed: active");
    isnt(main_pid($service), $pid, "$service killed: another process");
    is(code('/v1/instruments', '@/root/key'), 200,
        "$service killed: requests are answered");
}

# A process that hangs.
$c->write('/run/systemd/system/wizdata-processing.service.d/watchdog.conf',
    "[Service]\nWatchdogSec=2s\n");
$c->must('systemctl daemon-reload; systemctl restart wizdata-processing');
my %answered;
my $answers = sub {
    $answered{ $c->ask('systemctl show -P WatchdogTimestampMonotonic '
        . 'wizdata-processing') } = 1;
    return keys %answered;
};
my $until = time + 20;
1 until $answers->() >= 5 || time > $until;
cmp_ok(keys %answered, '>=', 5, 'the watchdog is answered');
is($c->ask('systemctl show -P NRestarts wizdata-processing'), 0,
    'and does not bite');
$c->must('kill -STOP ' . main_pid('processing'));
is($c->until_like('systemctl show -P NRestarts wizdata-processing',
    qr/^[1-9]/, 10), 1, 'a hanging service is restarted');
like($c->ask('journalctl --sync; journalctl -o cat -u wizdata-processing'),
    qr/Watchdog timeout/, 'by the watchdog');
$c->must('rm -r /run/systemd/system/wizdata-processing.service.d; '
    . 'systemctl daemon-reload; systemctl restart wizdata-processing');

is(during('kill -KILL $(systemctl show -P MainPID wizdata-analytics)'),
    '200', 'a kill between requests is not seen');

$c->must('systemctl restart postgresql');
is($c->until_like(request('/v1/instruments', '@/root/key'), qr/^200$/, 15),
    200, 'PostgreSQL restarted: requests are answered');
for my $service (@SERVICES) {
    is($c->until_like("wizdatactl --json call sys.health --service $service",
        qr/"status":\s*"healthy"/, 20) =~ /"status":\s*"healthy"/, 1,
        "PostgreSQL restarted: $service is healthy");
}


# The database over TCP, for one service: network and URL as the manual says.
$c->must(<<'END');
dropin=/etc/systemd/system/wizdata-analytics.service.d
mkdir -p $dropin
cp /usr/share/doc/wizdata/tcp.conf $dropin/50-tcp.conf
runuser -u postgres -- psql -qc "ALTER ROLE \"wizdata-analytics\" PASSWORD 'pw'"
echo 'postgresql://wizdata-analytics:pw@127.0.0.1/wizdata' \
    >/etc/wizdata/secrets/database-url
cat >$dropin/60-url.conf <<'UNIT'
[Service]
LoadCredential=url:/etc/wizdata/secrets/database-url
Environment=WIZDATA_DATABASE_URL_FILE=%d/url
UNIT
systemctl daemon-reload
systemctl restart wizdata-analytics
END
is(code('/v1/instruments?limit=2', '@/root/key'), 200, 'database over TCP');
is($c->ask('runuser -u postgres -- psql -Atc "SELECT DISTINCT client_addr '
    . 'FROM pg_stat_activity WHERE usename = \'wizdata-analytics\'"'),
    '127.0.0.1', 'over TCP indeed');
$c->must('rm -r /etc/systemd/system/wizdata-analytics.service.d; '
    . 'systemctl daemon-reload; systemctl restart wizdata-analytics');


# ---- reload, restart, stop ---------------------------------------------------

for my $service (@SERVICES) {
    my $pid = main_pid($service);
    $c->must("systemctl reload wizdata-$service");
    like($c->until_like("journalctl -o cat SYSLOG_IDENTIFIER=wizdata-$service "
        . "_PID=$pid", qr/"reloaded"/, 5), qr/"reloaded"/,
        "$service: reloaded");
    is(main_pid($service), $pid, "$service: the same process");
}

is(during("systemctl restart wizdata-$_"), '200',
    "$_ restarted: no request fails") for qw/ analytics auth /;
is(during('systemctl restart wizdata.target'), '200',
    'everything restarted: no request fails');
is(during('systemctl reload nginx'), '200', 'nginx reloaded: the same');

# Hashing a password can be made to take a while: two are in flight when auth
# is told to stop.
$c->must('echo WIZDATA_AUTH_HASH_PASSES=16 >>/etc/wizdata/auth.env; '
    . 'systemctl restart wizdata-auth');
my $draining = main_pid('auth');
is($c->ask(<<'END'), '0 0', 'requests in flight are finished');
in_flight() {
    curl -sk -m 10 https://localhost/metrics |
        sed -n 's/^wizdata_backend_requests_in_flight{service="auth"} //p'
}
idle=$(in_flight)
for i in 1 2; do
    (echo "correct horse $i" | wizdatactl user create "u$i@example.com" \
        --password-stdin >/tmp/user-$i 2>&1; echo $? >>/tmp/statuses) &
done
for i in $(seq 200); do
    [ "$(in_flight)" != $((idle + 2)) ] || break
done
systemctl stop wizdata-auth.service 2>/dev/null
wait
cat /tmp/statuses | tr '\n' ' '
END
like($c->ask("journalctl --sync; journalctl -o cat _PID=$draining"),
    qr/"draining".*"users.create".*"stopped"/s, 'while auth drains');
$c->must('systemctl start wizdata-auth');

$c->must('systemctl stop wizdata.target; journalctl --sync');
for my $service (@SERVICES) {
    is($c->ask("systemctl show -P ActiveState,Result,ExecMainStatus "
        . "wizdata-$service.service | tr '\\n' ' '"),
        'success 0 inactive', "$service: stopped well");
    is($c->ask("systemctl is-active wizdata-$service.socket"), 'inactive',
        "$service: its socket, too");
    my $log = $c->ask("journalctl -o cat SYSLOG_IDENTIFIER=wizdata-$service");
    like($log, qr/"draining".*\n.*"stopped"[^\n]*\z/s,
        "$service: drained first");
    is(join("\n", grep { !json_line($_) } split /\n/, $log), '',
        "$service: its log is JSON, line by line");
}
is($c->ask('ls /run/wizdata/*.sock 2>/dev/null'), '', 'no socket is left');
is(code('/health'), 200, 'nginx stands alone');
like(code('/v1/instruments', '@/root/key'), qr/^50[23]$/,
    'and says that it does');

$c->must('systemctl start wizdata.target');
is($c->until_like(request('/v1/instruments', '@/root/key'), qr/^200$/, 10),
    200, 'started again');
is($c->ask('systemctl --failed --plain --no-legend'), '', 'nothing failed');
unlike($c->ask("journalctl -o cat -b; cat /var/log/nginx/*.log"),
    qr/\Q$key\E/, 'no log knows the key');

diag($c->ask('journalctl -b -o short -u "wizdata*" | tail -n 60; '
    . 'tail -n 20 /var/log/nginx/error.log'))
    unless Test::More->builder->is_passing;
ok($c->power_off(), 'powered off');
done_testing();


sub main_pid {
    my ($service) = @_;

    return $c->ask("systemctl show -P MainPID wizdata-$service");
}

# The command that prints the status of a request.
sub request {
    my ($path, $header) = @_;

    return "curl -sk -m 10 -o /dev/null -w '%{http_code}' "
        . ($header ? "-H '$header' " : '') . "'$URL$path'";
}

sub code {
    return $c->ask(request(@_));
}

# Which statuses requests have that are made while a command runs.
sub during {
    my ($command) = @_;

    my $request = request('/v1/instruments?limit=1', '@/root/key');
    return $c->ask(<<"END");
(i=0; while [ \$i -lt 150 ]; do $request; echo; i=\$((i + 1)); done) >/tmp/codes &
sleep 0.3
$command
wait
sort -u /tmp/codes | tr '\\n' ' '
END
}

sub json_line {
    my ($line) = @_;

    my $doc = eval { JSON::PP::decode_json($line) };
    return ref $doc eq 'HASH' && defined $doc->{msg} && defined $doc->{level};
}

# The simulator of the providers, in the container's nginx.
sub start_provider {
    my $top = top();
    my $conf = content("$top/dev/simulator/simulator.conf.in");
    my %at = (LISTEN => '127.0.0.1:8090', MARKET => '/srv/sim/dev/market',
        ERRORS => '/srv/sim/dev/simulator/errors',
        CACHE => '/var/cache/simulator', LOG => '/var/log/nginx/sim.log',
        ALPHAVANTAGE => '', WORLDBANK => '');

    $conf =~ s/\@([A-Z]+)\@/$at{$1} \/\/ die $1/ge;
    $c->must('mkdir -p /srv/sim/dev');
    $c->copy_in($top, '/srv/sim', 'dev/market', 'dev/simulator/errors');
    $c->write('/etc/nginx/conf.d/simulator.conf', $conf);
    $c->write('/etc/wizdata/secrets/alphavantage', "sample-premium\n");
    $c->write('/etc/systemd/system/wizdata-ingestion.service.d/override.conf',
        <<'END');
[Service]
LoadCredential=alphavantage:/etc/wizdata/secrets/alphavantage
Environment=WIZDATA_ALPHAVANTAGE_KEY_FILE=%d/alphavantage
END
    $c->must(<<'END');
cat >>/etc/wizdata/ingestion.env <<'ENV'
WIZDATA_ALPHAVANTAGE_URL=http://127.0.0.1:8090
WIZDATA_INGESTION_ALLOW_HTTP=true
ENV
nginx -t -q && systemctl reload nginx
systemctl daemon-reload
systemctl restart wizdata-ingestion
END
}

sub content {
    my ($file) = @_;

    open my $in, '<', $file or die "$file: $!";
    local $/;
    return scalar <$in>;
}

# The site, with a name and a certificate.
sub configure_nginx {
    $c->must(<<'END');
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -keyout /etc/ssl/private/api.example.com.key \
    -out /etc/ssl/certs/api.example.com.pem 2>/dev/null
sed -i 's/server_name api.example.com/server_name localhost/' \
    /etc/nginx/sites-available/wizdata
ln -s /usr/share/nginx/modules-available/mod-http-wizdata.conf \
    /etc/nginx/modules-enabled/50-mod-http-wizdata.conf
ln -s ../sites-available/wizdata /etc/nginx/sites-enabled/
END
}
