# The parts of the platform: how each is prepared and started. Sourced by
# dev/platform.

free_port() {
    perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1,
        LocalAddr => "127.0.0.1", Proto => "tcp")->sockport'
}

port_is_free() {
    perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(Listen => 1,
        LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Proto => "tcp",
        ReuseAddr => 1)' "$1"
}

load_ports() {
    https_port= simulator_port=
    # shellcheck disable=SC1091
    [ ! -e "$run/ports" ] || . "$run/ports"
    https_port=${WIZDATA_HTTPS_PORT:-$https_port}
    simulator_port=${WIZDATA_SIMULATOR_PORT:-$simulator_port}
}

# A port that was asked for is that port or an error.
asked_port_is_free() {
    [[ $2 =~ ^[0-9]{1,5}$ ]] && [ "$2" -le 65535 ] && port_is_free "$2" \
        || { echo "$1=$2 is no free port" >&2; exit 1; }
}

choose_ports() {
    local name
    for name in WIZDATA_HTTPS_PORT WIZDATA_SIMULATOR_PORT; do
        [ -z "${!name:-}" ] || asked_port_is_free $name "${!name}"
    done
    load_ports
    for name in https_port simulator_port; do
        if [ -z "${!name}" ] || ! port_is_free "${!name}"; then
            printf -v $name '%s' "$(free_port)"
        fi
    done
    printf '%s=%s\n' https_port "$https_port" \
        simulator_port "$simulator_port" >"$run/ports"
}

# fill FILE-IN FILE-OUT NAME=VALUE...: replaces @NAME@.
fill() {
    local in=$1 out=$2 pair args=()
    shift 2
    for pair in "$@"; do
        args+=(-e "s|@${pair%%=*}@|${pair#*=}|g")
    done
    sed "${args[@]}" "$in" >"$out"
}

prepare() {
    local old
    choose_user
    old=$(umask)
    umask 077
    mkdir -p "$run"/{log,pid,tls,secret,sock,conf,tmp,lake,redis,cache}
    mkdir -p "$run"/collections.d
    [ -e "$run/tls/key.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes \
        -days 825 -subj "/CN=localhost" \
        -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
        -keyout "$run/tls/key.pem" -out "$run/tls/cert.pem" 2>/dev/null
    [ -e "$run/secret/pepper" ] || openssl rand -hex 32 >"$run/secret/pepper"
    umask "$old"
    if [ "$(id -u)" = 0 ]; then
        chown "$user:$group" "$run"
        chown -R "$user:$group" "$run"/{log,tls,secret,sock,conf,tmp,lake} \
            "$run"/{redis,cache,collections.d}
    fi
    chmod 755 "$run" "$run/tls"
    chmod 644 "$run/tls/cert.pem"
    chmod 700 "$run/sock"
    choose_ports
    rm -rf "$run/tmp/providers" "$accounts"
}

start_postgres() {
    # Made aside, so that a run killed meanwhile leaves no half of one.
    if [ ! -e "$run/pg/PG_VERSION" ]; then
        rm -rf "$run/pg" "$run/pg.new"
        install -d -m 700 "$run/pg.new"
        [ "$(id -u)" != 0 ] || chown "$user:$group" "$run/pg.new"
        as_user "$pg_bin/initdb" -D "$run/pg.new" -U wizdata -A trust \
            -E UTF8 --locale=C.UTF-8 >>"$run/log/postgres.log" 2>&1 \
            || fail_with_log postgres
        mv "$run/pg.new" "$run/pg"
    fi
    # A socket's path must be short, so it may have to be given relatively:
    # clients get the same folder through the URL.
    launch postgres "$pg_bin/postgres" -D "$run/pg" -k "$run/sock" \
        -c listen_addresses= -c unix_socket_permissions=0700 \
        -c max_connections=60 -c shared_buffers=128MB \
        -c log_min_messages=warning
    until_true 30 as_user "$pg_bin/pg_isready" -h "$run/sock" -U wizdata \
        -d postgres || fail_with_log postgres
    as_user "$pg_bin/psql" -qAt -h "$run/sock" -U wizdata -d postgres -c \
        "SELECT 1 FROM pg_database WHERE datname = 'wizdata'" | grep -q 1 \
        || as_user "$pg_bin/createdb" -h "$run/sock" -U wizdata wizdata
}

start_redis() {
    launch redis redis-server --port 0 --unixsocket "$run/sock/redis.sock" \
        --unixsocketperm 700 --dir "$run/redis" --daemonize no --save "" \
        --appendonly no
    until_true 10 redis-cli -s "$run/sock/redis.sock" ping \
        || fail_with_log redis
}

# Environment of all our programs.
platform_env() {
    export WIZDATA_DATABASE_URL="postgresql://wizdata@/wizdata?host=$run/sock"
    export WIZDATA_REDIS_URL="unix:$run/sock/redis.sock"
    export WIZDATA_MIGRATIONS="$top/db/migrations"
    export WIZDATA_RUN_DIR="$run/sock"
    export WIZDATA_INGESTION_LAKE="$run/lake"
    export WIZDATA_INGESTION_COLLECTIONS="$run/collections.d"
    export WIZDATA_PROCESSING_LAKE="$run/lake"
    export WIZDATA_AUTH_PEPPER_FILE="$run/secret/pepper"
    export WIZDATA_INGESTION_ALLOW_HTTP=true
    export WIZDATA_ALPHAVANTAGE_URL="http://127.0.0.1:$simulator_port"
    export WIZDATA_ALPHAVANTAGE_KEY=sample-premium
    export WIZDATA_ALPHAVANTAGE_PER_SECOND=0
    export WIZDATA_ALPHAVANTAGE_PER_MINUTE=1200
    export WIZDATA_ALPHAVANTAGE_PER_DAY=0
    export WIZDATA_WORLDBANK_URL="http://127.0.0.1:$simulator_port"
    export WIZDATA_WORLDBANK_PER_SECOND=0
    export WIZDATA_WORLDBANK_PER_MINUTE=0
    accounts_env
}

# Accounts at the further simulators. What they hold is no shell's.
accounts_env() {
    local name value
    [ -e "$accounts" ] || return 0
    while IFS== read -r name value; do
        [[ $name != WIZDATA_* ]] || export "$name=$value"
    done <"$accounts"
}

ctl() {
    (platform_env; as_user "$build/tools/wizdatactl" "$@")
}

migrate() {
    ctl migrate >>"$run/log/migrate.log" 2>&1 || fail_with_log migrate
}

# nginx_start NAME: with the configuration conf/NAME.conf.
nginx_start() {
    mkdir -p "$run/tmp/$1"
    [ "$(id -u)" != 0 ] || chown "$user:$group" "$run/tmp/$1"
    as_user nginx -e stderr -t -q -p "$run/tmp/$1" -c "$run/conf/$1.conf" \
        >>"$run/log/$1.log" 2>&1 || fail_with_log "$1"
    launch "$1" nginx -e stderr -p "$run/tmp/$1" -c "$run/conf/$1.conf" \
        -g "daemon off;"
}

# The simulators of all providers but Alpha Vantage and the World Bank, and of
# what files cannot hold of these. Not waited for: others start meanwhile.
start_providers() {
    [ "$feed" != none ] || return 0
    mkdir -p "$run/tmp/providers"
    [ "$(id -u)" != 0 ] || chown "$user:$group" "$run/tmp/providers"
    launch providers env TMPDIR="$run/tmp/providers" \
        perl "$top/dev/simulator/providers" "$accounts"
}

await_providers() {
    [ "$feed" = none ] || until_true 20 test -e "$accounts" \
        || fail_with_log providers
}

# Where one of them listens; nothing: there is none.
address_of() {
    [ ! -e "$accounts" ] || sed -n "s/^SIMULATOR_$1=//p" "$accounts"
}

simulators() {
    echo simulator
    [ ! -e "$accounts" ] || echo providers
}

start_simulator() {
    fill "$top/dev/simulator/simulator.conf.in" "$run/conf/market.conf" \
        LISTEN="127.0.0.1:$simulator_port" MARKET="$top/dev/market" \
        ERRORS="$top/dev/simulator/errors" CACHE="$run/cache/simulator" \
        LOG="$run/log/simulator-access.log" \
        ALPHAVANTAGE="$(address_of ALPHAVANTAGE)" \
        WORLDBANK="$(address_of WORLDBANK)"
    fill "$top/dev/lib/simulator.conf.in" "$run/conf/simulator.conf" \
        RUN="$run"
    nginx_start simulator
    until_true 10 curl -fs -o /dev/null \
        "http://127.0.0.1:$simulator_port/query" || fail_with_log simulator
}

start_backend() {
    local service=$1
    (
        platform_env
        export WIZDATA_SERVER_LISTEN="unix:$run/sock/$service.sock"
        # A waiting password hash holds a thread.
        [ "$service" != auth ] || export WIZDATA_SERVER_THREADS=72
        launch "$service" "$build/backends/$service/wizdata-$service"
    )
    until_true 15 test -S "$run/sock/$service.sock" \
        || fail_with_log "$service"
}

start_gateway() {
    # What production includes, with the paths of this folder.
    sed "s|/run/wizdata/|$run/sock/|" "$top/conf/wizdata.conf" \
        >"$run/conf/wizdata.conf"
    sed "s|/usr/share/wizdata/openapi.json|$top/docs/openapi.json|" \
        "$top/conf/wizdata-server.conf" >"$run/conf/wizdata-server.conf"
    fill "$top/dev/lib/gateway.conf.in" "$run/conf/gateway.conf" \
        RUN="$run" \
        MODULE="$build/ngx_wizdata_module/ngx_http_wizdata_module.so" \
        HTTPS="$https_port"
    nginx_start gateway
    until_true 10 curl -fs -o /dev/null --cacert "$run/tls/cert.pem" \
        "https://localhost:$https_port/health" || fail_with_log gateway
}

demo_key() {
    local answer
    [ ! -s "$run/secret/demo-key" ] || return 0
    ctl user create demo@example.com --name Demo --roles operator \
        >>"$run/log/demo.log" 2>&1 \
        || :                    # there from a run that was cut short
    # Scripts and tests ask more than a person does.
    ctl plan set demo rate=1000/s burst=2000 --description "Trying out" \
        >>"$run/log/demo.log" 2>&1 || return 1
    answer=$(ctl --json key create demo@example.com --name demo --plan demo) || { echo "no demo key: $answer" >&2; exit 1; }
    (umask 077; printf '%s' "$answer" \
        | perl -ne 'print $1 if /"key"\s*:\s*"(wd_[A-Za-z0-9_]+)"/' \
        >"$run/secret/demo-key")
    [ -s "$run/secret/demo-key" ]
}

# Who logs in. The password is kept until greet_admin has shown it once.
first_admin() {
    local said file=$run/secret/admin-password kept=
    [ ! -e "$run/secret/admin-made" ] || return 0
    if [ -s "$file" ]; then
        kept=1                  # of a run that was cut short
    else
        (umask 077; openssl rand -base64 18 >"$file")
    fi
    if ! said=$(ctl user create admin@example.com --name Admin --roles admin \
        --password-stdin <"$file" 2>&1); then
        [[ $said = *"there is a user"* ]] \
            || { echo "no administrator: $said" >&2; exit 1; }
        [ -n "$kept" ] || rm "$file"    # it is not this one's
    fi
    touch "$run/secret/admin-made"
}

psql_value() {
    as_user "$pg_bin/psql" -qAt -h "$run/sock" -U wizdata -d wizdata -c "$1"
}

feed_sample() {
    if [ "$feed" = none ] || [ -e "$run/fed" ]; then
        echo "        $(psql_value 'SELECT count(*) FROM bar') bars are here"
        return
    fi
    # Not in the foreground, where it would keep signals from this script.
    (
        platform_env
        exec "${as[@]}" "$build/tools/wizdatactl" ingest feed "$(feed_file)"
    ) &
    echo $! >"$run/pid/feed"
    wait $! || { echo "the feed failed" >&2; exit 1; }
    rm "$run/pid/feed"
    await_processing
    keep_collecting
    echo "${feed:-sample}" >"$run/fed"
}

# What goes on by itself. A folder with collections is somebody's own.
keep_collecting() {
    [ -z "$feed" ] && [ -z "$(ls -A "$run/collections.d")" ] || return 0
    fill "$top/dev/simulator/collections.conf.in" \
        "$run/collections.d/sample.conf" FROM="$(date -ud '-2 years' +%F)"
    [ "$(id -u)" != 0 ] || chown "$user:$group" "$run/collections.d/sample.conf"
    kill -HUP "$(cat "$run/pid/ingestion")"
}

# First what the limits of the accounts make slow.
feed_file() {
    local file=${feed:-$run/conf/feed.tsv}
    [ -n "$feed" ] \
        || cat "$top"/dev/{simulator,market}/feed.tsv >"$file"
    echo "$file"
}

# Until processing has consumed all that was published of the lake.
await_processing() {
    local left=1 total
    total=$(wc -l <"$run/lake/manifest.ndjson")
    while [ "$left" != 0 ]; do
        left=$(psql_value "SELECT $total - count(*) FROM raw_object
            WHERE id <= $total")
        printf '\r        processed %d of %d payloads' $((total - left)) \
            "$total"
        [ "$left" = 0 ] || sleep 0.3
    done
    printf ', %s bars, %s observations\n' \
        "$(psql_value 'SELECT count(*) FROM bar')" \
        "$(psql_value 'SELECT count(*) FROM observation')"
}

write_demo_env() {
    (umask 077; cat >"$run/demo.env" <<END
WIZDATA_URL='https://localhost:$https_port'
WIZDATA_CACERT='$run/tls/cert.pem'
WIZDATA_KEY='$(cat "$run/secret/demo-key")'
export WIZDATA_RUN_DIR='$run/sock'
PATH='$build/tools':\$PATH
END
    )
}

# To a terminal, or whatever was asked to show it, and never into a log.
greet_admin() {
    local password
    [ -s "$run/secret/admin-password" ] || return 0
    password=$(cat "$run/secret/admin-password")
    cat <<END
Administrator: admin@example.com, password $password (shown this once)

  curl --cacert $WIZDATA_CACERT -H 'Content-Type: application/json' -d '{"email":"admin@example.com","password":"$password"}' $WIZDATA_URL/v1/auth/login

END
    rm "$run/secret/admin-password"
}

# Of what only the simulators of the sample hold.
greet_simulated() {
    [ "$(cat "$run/fed" 2>/dev/null)" = sample ] || return 0
    cat <<END
  curl --cacert $WIZDATA_CACERT -H 'X-API-Key: $WIZDATA_KEY' '$WIZDATA_URL/v1/trades?symbol=VOD.L&order=desc&limit=3'
  curl --cacert $WIZDATA_CACERT -H 'X-API-Key: $WIZDATA_KEY' '$WIZDATA_URL/v1/news?symbol=IBM&limit=3'
END
}

greet() {
    # shellcheck disable=SC1091
    . "$run/demo.env"
    cat <<END

WizData is ready at $WIZDATA_URL
Demo key (reads everything): $WIZDATA_KEY

Simulators stand in for all providers, and nothing here is real data of today:
bars such as those of IBM and SPY and the macro series are figures of the past,
all else (news, trades, what LSEG, Bloomberg and S&P say) is synthetic, or was
recorded once.

  curl --cacert $WIZDATA_CACERT -H 'X-API-Key: $WIZDATA_KEY' '$WIZDATA_URL/v1/bars?symbol=IBM,SPY&from=2021-03-01&limit=5'
  curl --cacert $WIZDATA_CACERT -H 'X-API-Key: $WIZDATA_KEY' -H 'Accept: text/csv' '$WIZDATA_URL/v1/indicators/rsi?symbol=IBM&time_period=14&order=desc&limit=5'
  curl --cacert $WIZDATA_CACERT -H 'X-API-Key: $WIZDATA_KEY' '$WIZDATA_URL/v1/macro?indicator=FP.CPI.TOTL.ZG&country=FRA&from=2015'
$(greet_simulated)

END
    [ -n "${WIZDATA_BACKGROUND:-}" ] || greet_admin
    cat <<END
Metrics: $WIZDATA_URL/metrics   API description: $WIZDATA_URL/openapi.json
The same for scripts, and wizdatactl in PATH: . ${run#"$top"/}/demo.env
What is collected, live: wizdatactl ingest watch
END
}
