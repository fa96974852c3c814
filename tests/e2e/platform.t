#!/usr/bin/perl
# The newcomer's road: the platform is started below a folder of its own,
# fed through the provider simulator, asked over HTTPS, hurt, stopped.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my $top   = abs_path(dirname(__FILE__) . '/../..');
my $build = $ENV{WIZDATA_BUILD} || "$top/build";
my $dir   = tempdir('wd-e2e-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $run   = "$dir/run";
my $owner = $$;

chmod 0755, $dir;
$ENV{WIZDATA_RUN}   = $run;
$ENV{WIZDATA_BUILD} = $build;

for my $part (qw(nginx redis-server openssl curl)) {
    plan skip_all => "$part is not installed" unless have($part);
}
plan skip_all => 'PostgreSQL 15 is not installed'
    unless -x '/usr/lib/postgresql/15/bin/initdb';

END {
    if ($$ == $owner) {
        my $rc = $?;
        system("$top/dev/platform stop >/dev/null 2>&1");
        if (!Test::More->builder->is_passing && -d "$run/log") {
            diag(scalar `tail -n 15 $run/log/*.log 2>/dev/null`);
        }
        $? = $rc;
    }
}

my ($url, $cacert, $key);
first_start();
answers();
all_providers();
bad_requests();
formats_agree();
as_of();
status_pages();
as_described();
rejects_are_kept();
killed_backend();
database_stops();
replay();
second_start();
foreground();
simulator_ends();
killed_platform();
done_testing();


sub have { return grep { -x "$_/$_[0]" } split /:/, $ENV{PATH} }

sub sh {
    my ($command) = @_;
    my $out = `$command 2>&1`;
    return wantarray ? ($? >> 8, $out) : $out;
}

sub load_env {
    open my $f, '<', "$run/demo.env" or die "no demo.env";
    my %env = map { /^(\w+)='(.*)'$/ ? ($1, $2) : () } <$f>;
    ($url, $cacert, $key) = @env{qw(WIZDATA_URL WIZDATA_CACERT WIZDATA_KEY)};
}

# (status, headers, body) of one request; arguments go to curl.
sub ask {
    my ($path, @args) = @_;
    my $quoted = join ' ', map { s/'/'\\''/gr =~ s/^(.*)$/'$1'/sr } @args;
    my $out = `curl -s -i --max-time 20 --cacert $cacert $quoted '$url$path'`;
    my ($head, $body) = split /\r\n\r\n/, $out, 2;
    my ($status) = ($head // '') =~ m{^HTTP/[\d.]+ (\d+)};
    return ($status // 0, $head // '', $body // '');
}

sub with_key { return ask($_[0], '-H', "X-API-Key: $key", @_[1 .. $#_]) }

sub json_of {
    my ($status, undef, $body) = with_key(@_);
    my $doc = eval { decode_json($body) };
    diag("$_[0]: $status $body") unless $status == 200 && $doc;
    return $doc // {};
}

sub sql { return scalar `$top/dev/platform-psql $run "$_[0]"` =~ s/\n\z//r }

sub await {
    my ($seconds, $test) = @_;
    my $end = time + $seconds;
    while (time < $end) {
        return 1 if $test->();
        sleep 0.1;
    }
    return 0;
}

sub pids { return map { chomp; $_ } `cat $run/pid/* 2>/dev/null` }


sub first_start {
    my ($rc, $out) = sh("$top/dev/platform start");
    is($rc, 0, 'start') or do { diag($out); BAIL_OUT('no platform') };
    like($out, qr/\[ *\d+\/\d+\] PostgreSQL/, 'progress is shown in steps');
    like($out, qr/processed \d+ of \d+ payloads/, 'with counts');
    load_env();
    like($url, qr{^https://localhost:\d+$}, 'demo.env: URL');
    like($key, qr/^wd_live_\w{38}$/, 'demo.env: key');
    ok(-r $cacert, 'demo.env: certificate');
    my ($ctl_rc, $plans) = sh("( . $run/demo.env; wizdatactl plan list )");
    is($ctl_rc, 0, 'demo.env: wizdatactl, which finds the platform');
    like($plans, qr/^demo\b/m, 'and answers');

    my @lines = $out =~ /^\s+(curl .*)$/mg;
    is(scalar @lines, 6, 'five curl lines, and one that logs in');
    like($out, qr/^Simulators stand in for all providers/m,
        'and that nothing is real');
    like($out, qr/^Administrator: admin\@example\.com, password \S{24} /m,
        'the administrator, and the password');
    my ($password) = $out =~ /password (\S{24}) /;
    my (undef, $logged) = sh("grep -rlF '$password' $run/log");
    is($logged, '',
        'which is in no log');
    is(join('', glob "$run/secret/*password*"), '', 'nor kept');
    for my $line (@lines) {
        my ($curl_rc, $answer) = sh("$line -sf");
        is($curl_rc, 0, 'works when pasted') or diag("$line\n$answer");
    }
}


sub answers {
    my $bars = json_of('/v1/bars?symbol=IBM&from=2021-03-01&limit=3');
    is(scalar @{$bars->{data} // []}, 3, 'bars');
    is($bars->{data}[0]{symbol}, 'IBM', 'of the symbol');
    ok($bars->{next}, 'with a cursor');
    ok($bars->{data}[0]{source}, 'and their source');

    my $n = sql("SELECT count(DISTINCT instrument_id) FROM bar"
            . " WHERE timeframe = 6");
    cmp_ok($n, '>=', 20, 'daily bars of at least 20 instruments');
    cmp_ok(sql('SELECT count(*) FROM bar WHERE timeframe = 1'), '>', 1000,
        'minute bars');
    cmp_ok(sql('SELECT count(*) FROM observation'), '>', 1000, 'macro series');

    my $found = json_of('/v1/instruments?q=IBM');
    is($found->{data}[0]{symbol}, 'IBM', 'search');
    my $rsi = json_of('/v1/indicators/rsi?symbol=IBM&limit=2&order=desc');
    cmp_ok($rsi->{data}[0]{rsi}, '>', 0, 'indicator');
    my $macro = json_of('/v1/macro?indicator=FP.CPI.TOTL.ZG&country=FR');
    cmp_ok(scalar @{$macro->{data} // []}, '>', 50, 'macro');
}


# What a newcomer sees of each provider, and that it goes on.
sub all_providers {
    my %provider = map { $_->{provider} => $_ }
        @{json_of('/v1/providers')->{providers}};
    is(join(' ', map { $provider{$_}{succeeded} > 0 ? $_ : () }
            sort keys %provider),
        'alphavantage bloomberg lseg spglobal worldbank', 'all have answered');
    is(sql("SELECT string_agg(DISTINCT provider, ' ' ORDER BY provider)"
            . " FROM raw_object WHERE stored > 0"),
        'alphavantage bloomberg lseg spglobal worldbank', 'and that is stored');
    is(sql("SELECT count(*) FROM raw_object WHERE outcome <> 'stored' AND"
            . " (provider, dataset) <> ('alphavantage', 'search')"),
        '0', 'all of it, but for a search in vain');

    my $of = json_of('/v1/trades?symbol=VOD.L&source=lseg&limit=3');
    is(scalar @{$of->{data} // []}, 3, 'trades');
    my $news = json_of('/v1/news?symbol=IBM');
    like($news->{data}[0]{title}, qr/^Synthetic story \d+ about IBM$/, 'news');
    my $ids = json_of('/v1/instruments/IBM.N');
    cmp_ok(scalar @{$ids->{identifiers} // []}, '>', 2, 'identifiers');
    ok((grep { $_->{field} =~ /ESG/i } @{$ids->{fundamentals} // []}), 'ESG');
    my $capital = json_of('/v1/instruments/IBM:NYSE');
    ok((grep { $_->{field} eq 'IQ_TOTAL_REV' }
                @{$capital->{fundamentals} // []}), 'fundamentals of S&P');
    for my $list (qw(countries?country=FRA indicators databases
            groups?list=topics groups?list=regions groups?list=income_levels
            groups?list=lending_types))
    {
        my $rows = json_of("/v1/macro/$list");
        ok(@{$rows->{data} // []}, "lists: $list");
    }

    my $moved = sub { sql("SELECT count(*) FROM quote q JOIN source s ON"
                . " s.id = q.source WHERE s.name = 'lseg_stream'") };
    my $before = $moved->();
    ok(await(60, sub { $moved->() > $before }), 'quotes that move');
    ok(await(120, sub {
                my ($rc, $list) = ctl('ingest collections sample-minutes');
                return $rc == 0 && ($list->{backfill}{left} // 1) == 0;
            }), 'a history that was fetched');
}

sub ctl {
    my ($rc, $said) = sh("( . $run/demo.env; wizdatactl --json $_[0] )");
    return ($rc, eval { decode_json($said) } // {});
}


sub bad_requests {
    my @cases = (
        ['/v1/bars', 400, 'symbol'],
        ['/v1/bars?symbol=IBM&limit=0', 400, 'limit'],
        ['/v1/bars?symbol=IBM&nonsense=1', 400, 'nonsense'],
        ['/v1/bars?symbol=IBM&from=yesterday', 400, 'from'],
        ['/v1/nothing', 404, ''],
        ['/v1/bars?symbol=NOSUCH', 404, 'NOSUCH'],
    );
    for my $case (@cases) {
        my ($path, $want, $names) = @$case;
        my ($status, $head, $body) = with_key($path);
        is($status, $want, "$path: $want");
        like($head, qr{^content-type: application/problem\+json}mi,
            'is a problem');
        like($body, qr/\Q$names\E/, 'and names it');
    }

    my ($status) = ask('/v1/bars?symbol=IBM');
    is($status, 401, 'no key: 401');
    ($status) = ask('/v1/bars?symbol=IBM', '-H',
        'X-API-Key: wd_live_' . 'x' x 38);
    is($status, 401, 'bad key: 401');
    ($status) = with_key('/v1/ingest', '-X', 'POST', '-H',
        'Content-Type: application/json', '-d',
        '{"provider":"alphavantage","dataset":"daily","symbol":"IBM"}');
    is($status, 403, 'the demo key may not write');
}


sub formats_agree {
    my $path = '/v1/bars?symbol=IBM&from=2021-03-01&limit=5';
    my $json = json_of($path);
    my (undef, undef, $csv) = with_key($path, '-H', 'Accept: text/csv');
    my ($head, @lines) = split /\r?\n/, $csv;
    my @name = split /,/, $head;
    is(scalar @lines, 5, 'CSV has the rows of JSON');
    for my $i (0 .. $#lines) {
        my %row;
        @row{@name} = split /,/, $lines[$i];
        is("$row{c}", "$json->{data}[$i]{c}", 'and their values');
    }
    my ($status, $h) = with_key($path, '-o', "$dir/answer.mp", '-H',
        'Accept: application/vnd.msgpack');
    my ($s2, $h2) = with_key("$path&format=msgpack", '-I');
    is($s2, 200, 'HEAD');
    like($h2, qr{^content-type: application/vnd\.msgpack}mi, 'MessagePack');
}


sub as_of {
    my $past = json_of('/v1/bars?symbol=IBM&limit=1');
    my ($status, undef, $body) =
        with_key('/v1/bars?symbol=IBM&limit=1&as_of=2001-01-01T00:00:00Z');
    ok($status == 404 || $body =~ /"data":\[\]/,
        'nothing was known before the first fetch');
}


sub status_pages {
    my ($status, undef, $body) = ask('/health');
    is($status, 200, '/health');
    my $health = decode_json($body);
    is($health->{status}, 'healthy', 'status');
    like($health->{timestamp}, qr/^\d+(\.\d+)?$/, 'timestamp');
    ok($health->{version}, 'version');

    my $detailed = json_of('/health/detailed');
    is($detailed->{dependencies}{database}, 'healthy', 'database');
    is($detailed->{dependencies}{redis}, 'healthy', 'redis');
    is($detailed->{dependencies}{external_apis}{details}{alpha_vantage},
        JSON::PP::true, 'external APIs');

    my (undef, undef, $metrics) = with_key('/metrics');
    for my $name (qw(http_requests_total http_request_duration_seconds
            http_requests_active api_key_requests_total
            cache_operations_total rate_limit_hits_total
            database_operations_total external_api_calls_total
            application_errors_total)) {
        like($metrics, qr/^# TYPE $name /m, "metric $name");
    }

    my ($s, undef, $api) = ask('/openapi.json');
    is($s, 200, '/openapi.json');
    is(decode_json($api)->{openapi}, '3.1.0', 'is OpenAPI 3.1');
}


# What answers hold is what docs/openapi.json says, member by member.
sub as_described {
    my $tool = "$top/tests/openapi";
  SKIP: {
        skip 'npm is not installed', 1 unless have('npm');
        system("cd $tool && npm ci --no-audit --no-fund --ignore-scripts"
                . ' --cache ../../.cache/npm >/dev/null 2>&1')
            unless -e "$tool/node_modules/ajv";
        skip 'ajv cannot be installed from npm', 1
            unless -e "$tool/node_modules/ajv";

        my %schema = ('/v1/instruments?limit=5' => 'InstrumentList',
            '/v1/instruments/IBM' => 'Instrument',
            '/v1/bars?symbol=IBM,SPY&limit=5' => 'BarList',
            '/v1/bars?symbol=IBM&timeframe=1w&adjustment=all' => 'BarList',
            '/v1/quotes?symbol=IBM,BA,VOD.L' => 'QuoteList',
            '/v1/trades?symbol=VOD.L&limit=3' => 'TradeList',
            '/v1/news?limit=3' => 'NewsList',
            '/v1/ingest/collections' => 'CollectionList',
            '/v1/macro?indicator=FP.CPI.TOTL.ZG&country=FR&limit=3' =>
                'ObservationList',
            '/v1/indicators' => 'IndicatorList',
            '/v1/indicators/rsi?symbol=IBM&limit=30' => 'IndicatorValues',
            '/v1/indicators/macd?symbol=IBM&limit=3' => 'IndicatorValues',
            '/v1/ingest?limit=5' => 'IngestStatus',
            '/v1/providers' => 'ProviderList', '/v1/quality' => 'Quality',
            '/v1/quality/rejects?limit=5' => 'RejectList',
            '/v1/users' => 'UserList', '/v1/keys' => 'KeyList',
            '/v1/plans' => 'PlanList', '/v1/usage' => 'UsageList');
        my @answers = map { { name => $_, schema => $schema{$_},
            document => json_of($_) } } sort keys %schema;
        open my $f, '>', "$dir/answers.json" or die;
        print {$f} encode_json(\@answers);
        close $f;
        my $faults = `node $tool/validate.mjs $top/docs/openapi.json \\
            <$dir/answers.json 2>&1`;
        is($faults, '', 'answers are as they are described');
    }
}


# Faults of the sample market and planted ones are visible, not lost.
sub rejects_are_kept {
    my $flagged = sql("SELECT count(*) FROM bar WHERE quality & 1 <> 0");
    cmp_ok($flagged, '>', 0, 'bars with a close outside low..high are flagged');
    my $quality = json_of('/v1/quality');
    ok(keys %$quality, '/v1/quality');
    my $providers = json_of('/v1/providers');
    like(encode_json($providers), qr/alphavantage/, '/v1/providers');
}


sub killed_backend {
    chomp(my $pid = `cat $run/pid/analytics`);
    kill KILL => $pid;
    ok(await(15, sub {
                my ($status) = with_key('/v1/bars?symbol=IBM&limit=1');
                my $now = `cat $run/pid/analytics`;
                return $status == 200 && $now =~ /\d/ && $now != $pid;
            }), 'a killed backend is back');
    my ($status) = ask('/health');
    is($status, 200, 'and the gateway never left');
}


sub database_stops {
    chomp(my $pid = `cat $run/pid/postgres`);
    kill STOP => $pid;
    my @children = split ' ', `pgrep -P $pid`;
    kill STOP => @children;
    my ($status, $head) = with_key('/v1/bars?symbol=IBM&limit=1');
    if ($status == 200) {
        like($head, qr/^x-cache: (HIT|STALE)\b/im,
            'a hanging database: an answer that was given before');
    } else {
        ok($status == 503 || $status == 504, "a hanging database: $status");
    }
    ($status, $head) = with_key('/v1/bars?symbol=IBM&limit=17');
    kill CONT => @children, $pid;
    ok($status == 503 || $status == 504, "and for a new question: $status");
    like($head, qr{application/problem\+json}i, 'is a problem');
    ok(await(20, sub { (with_key('/v1/bars?symbol=IBM&limit=1'))[0] == 200 }),
        'and it recovers');
}


# Everything but ids of rejects, in an order that does not depend on storage.
sub fingerprint {
    my @tables = ('bar', 'bar_history', 'instrument', 'instrument_alias',
        'quote', 'observation', 'macro_series', 'corporate_action',
        'fundamental', 'instrument_identifier', 'trade', 'news',
        'news_mention', 'macro_country', 'macro_indicator', 'macro_database',
        'macro_group', 'raw_object');
    my %hash = map {
        $_ => sql("SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text,"
                . " E'\\n' ORDER BY t::text)), '') FROM $_ t")
    } @tables;
    $hash{reject} = sql("SELECT count(*) || ' ' || coalesce(md5(string_agg("
            . "concat(raw_id, record, reason, detail, sample, known_at), E'\\n'"
            . " ORDER BY raw_id, record, reason, detail)), '') FROM reject");
    return \%hash;
}


# Nothing is collected any more, and all that was is processed.
sub pause_collections {
    my (undef, $all) = ctl('ingest collections');
    my @names = map { $_->{name} } @{$all->{collections} // []};
    is("@{[ sort @names ]}", 'sample-minutes sample-news sample-stream',
        'sample collections');
    for my $name (@names) {
        my ($rc) = ctl("ingest pause $name");
        is($rc, 0, "$name is paused");
    }
    ok(await(60, sub {
                my ($lseg) = grep { $_->{provider} eq 'lseg' }
                    @{json_of('/v1/providers')->{providers}};
                my $lines = () = `cat $run/lake/manifest.ndjson` =~ /\n/g;
                return !$lseg->{stream}{items}{open}
                    && sql("SELECT count(*) FROM ingest_job WHERE status IN"
                        . " ('queued', 'running')") == 0
                    && sql('SELECT count(*) FROM raw_object') == $lines;
            }), 'nothing is on its way');
}


sub replay {
    pause_collections();
    my $before = fingerprint();
    my $objects = sql('SELECT count(*) FROM raw_object');
    my $bars = `curl -s --cacert $cacert -H 'X-API-Key: $key' '$url/v1/bars?symbol=IBM&limit=5000'`;

    # An empty database: every fact, cursor and event is gone.
    sql('TRUNCATE bar, bar_history, instrument_alias, quote, quote_history,'
            . ' observation, observation_history, macro_series,'
            . ' corporate_action, corporate_action_history, fundamental,'
            . ' fundamental_history, instrument, raw_object, reject,'
            . ' instrument_identifier, instrument_identifier_history,'
            . ' trade, trade_history, news, news_history, news_mention,'
            . ' news_mention_history, macro_country, macro_country_history,'
            . ' macro_indicator, macro_indicator_history, macro_database,'
            . ' macro_database_history, macro_group, macro_group_history,'
            . ' bus_event, bus_offset');
    sql('UPDATE bus_topic SET last = 0');
    sql('UPDATE lake_cursor SET seq = 0');

    ok(await(120, sub {
                sql('SELECT count(*) FROM raw_object') == $objects }),
        'the lake is replayed into an empty database');
    my $after = fingerprint();
    for my $table (sort keys %$before) {
        is($after->{$table}, $before->{$table}, "the same rows in $table");
    }
    my $again = `curl -s --cacert $cacert -H 'X-API-Key: $key' '$url/v1/bars?symbol=IBM&limit=5000'`;
    s/"(as_of|next)":"[^"]*"//g for $bars, $again;
    ok($again eq $bars, 'and the same answer');
}


sub second_start {
    my @before = pids();
    my ($rc) = sh("$top/dev/platform status");
    is($rc, 0, 'status: all is well');
    ($rc) = sh("$top/dev/platform stop");
    is($rc, 0, 'stop');
    is(scalar(grep { kill 0 => $_ } @before), 0, 'no process is left');
    ($rc) = sh("$top/dev/platform status");
    isnt($rc, 0, 'status after stop');

    my $jobs = "ls $run/lake/raw -R | wc -l";
    my $files = `$jobs`;
    my $own = "$run/collections.d/sample.conf";
    sh("echo '# mine' >>$own");
    ($rc, my $out) = sh("$top/dev/platform start");
    is($rc, 0, 'second start') or diag($out);
    unlike($out, qr/processed \d+ of/, 'it does not feed again');
    is(`$jobs`, $files, 'and keeps the lake as it was');
    like(`cat $own`, qr/^# mine$/m, 'and collections that were changed');
    load_env();
    my ($status) = with_key('/v1/bars?symbol=IBM&limit=1');
    is($status, 200, 'the same key still works');
    sh("$top/dev/platform stop");
}


# The script, and all that it has started.
sub run_foreground {
    my $pid = fork() // die;
    if (!$pid) {
        setpgrp(0, 0);
        $SIG{INT} = 'DEFAULT'; # ignored when the test runs in the background
        open STDOUT, '>', "$dir/foreground.log";
        open STDERR, '>&', \*STDOUT;
        exec "$top/dev/platform", 'run';
    }
    ok(await(60, sub { -e "$run/ready" }), 'run in the foreground');
    my @all = (pids(), simulators());
    cmp_ok(scalar @all, '>=', 15, 'starts its processes');
    return ($pid, @all);
}

# Processes of the simulators of the tests; the first one started the others.
sub simulators {
    chomp(my $first = `cat $run/pid/providers`);
    return ($first, split ' ', `pgrep -P $first`);
}

sub living { return join ' ', grep { kill 0 => $_ } @_ }


# Ctrl-C in a terminal: the whole foreground group gets the signal.
sub foreground {
    my ($pid, @all) = run_foreground();
    kill -2 => $pid;
    ok(await(40, sub { waitpid($pid, 1) == $pid }), 'Ctrl-C ends it');
    is(living(@all), '', 'and all that it started');
    ok(!-e "$run/demo.env", 'demo.env is gone');
    is(join(' ', glob "$run/sock/*.sock"), '', 'and no socket is left');
}


# One of the simulators ends by itself: so does all the rest, and says why.
sub simulator_ends {
    my ($pid, @all) = run_foreground();
    kill KILL => (simulators())[-1];
    ok(await(40, sub { waitpid($pid, 1) == $pid }), 'a simulator ends');
    isnt($?, 0, 'which is a failure');
    like(`cat $dir/foreground.log`, qr/^providers ended$/m, 'that is told');
    like(`cat $run/log/providers.log`, qr/^the simulator of \w+ has ended$/m,
        'and of which');
    is(living(@all), '', 'nothing is left');
}


# Nobody could stop anything: the next start does.
sub killed_platform {
    my ($pid, @all) = run_foreground();
    kill KILL => $pid;
    waitpid $pid, 0;
    isnt(living(@all), '', 'killed: its processes stay');
    my ($rc, $out) = sh("$top/dev/platform start");
    is($rc, 0, 'the next start') or diag($out);
    is(living(@all), '', 'has ended them');
    sh("$top/dev/platform stop");
}
