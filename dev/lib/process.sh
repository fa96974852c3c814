# Processes of the platform: each has a file pid/NAME and a log log/NAME.log.
# Sourced by dev/platform.

# Is the process of a pid file alive?
running() {
    local pid
    [ -s "$1" ] && pid=$(cat "$1") && kill -0 "$pid" 2>/dev/null
}

wait_gone() {
    local pid=$1 tenths=$(($2 * 10))
    while kill -0 "$pid" 2>/dev/null; do
        [ $tenths -gt 0 ] || return 1
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

# until_true SECONDS COMMAND...: waits for a command to succeed.
until_true() {
    local tenths=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $tenths -gt 0 ] || return 1
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

# Everything but this script runs as an ordinary account. PostgreSQL insists,
# and nothing here needs more. When the checkout lies in a folder that the
# account may not pass through (/root), it gets the one capability for that.
as_user() {
    "${as[@]}" "$@"
}

choose_user() {
    user=$(id -un) group=$(id -gn) as=()
    if [ "$(id -u)" = 0 ]; then
        user=${WIZDATA_RUN_USER:-nobody}
        group=$(id -gn "$user")
        as=(setpriv --reuid="$user" --regid="$group" --clear-groups)
        "${as[@]}" test -x "$top" -a -r "$top/Makefile" \
            || as+=(--inh-caps=+dac_read_search
                    --ambient-caps=+dac_read_search)
    fi
}

# launch NAME COMMAND...: in a session of its own, so that Ctrl-C reaches only
# the script, which then stops things in order.
launch() {
    local name=$1
    shift
    # An array and not a function, so that $! is the program itself.
    "${as[@]}" setsid "$@" >>"$run/log/$name.log" 2>&1 </dev/null &
    echo $! >"$run/pid/$name"
}

fail_with_log() {
    echo "$1 does not start; the end of ${run#"$top"/}/log/$1.log:" >&2
    tail -n 15 "$run/log/$1.log" >&2
    exit 1
}

# stop NAME SIGNAL SECONDS
stop_one() {
    local pid
    running "$run/pid/$1" || { rm -f "$run/pid/$1"; return 0; }
    pid=$(cat "$run/pid/$1")
    # A number that another program has by now is not ours to signal.
    if is_ours "$1" "$pid"; then
        kill -"$2" "$pid" 2>/dev/null || :
        wait_gone "$pid" "$3" || kill -KILL "$pid" 2>/dev/null || :
    fi
    rm -f "$run/pid/$1"
}

is_ours() {
    local line
    line=$(tr '\0' ' ' <"/proc/$2/cmdline" 2>/dev/null) || return 1
    case $1 in
    postgres) [[ $line == *postgres* ]] ;;
    redis) [[ $line == *redis* ]] ;;
    simulator | gateway) [[ $line == *nginx* ]] ;;
    feed) [[ $line == *wizdatactl* ]] ;;
    providers) [[ $line == *simulator/providers* ]] ;;
    *) [[ $line == *wizdata-$1* ]] ;;
    esac
}

stop_all() {
    local name
    [ -d "$run/pid" ] || return 0
    stop_one feed TERM 5
    stop_one gateway QUIT 10
    for name in $backends; do
        stop_one "$name" TERM 15
    done
    stop_one simulator QUIT 5
    stop_one providers TERM 5
    stop_one redis TERM 10
    stop_one postgres INT 20
}

# Waits; a backend that ends by itself is started again, as systemd would.
supervise() {
    local name
    while :; do
        sleep 0.5 &
        wait $! || :
        for name in $backends; do
            if ! running "$run/pid/$name"; then
                echo "$name ended, starting it again"
                start_backend "$name" || :
            fi
        done
        for name in postgres redis $(simulators) gateway; do
            if ! running "$run/pid/$name"; then
                echo "$name ended" >&2
                exit 1
            fi
        done
    done
}
