#!/bin/bash
#
# Proves the provider simulator: starts a private nginx on a free loopback
# port, asks it with curl and prints TAP.  Needs bash, curl, gzip, nginx and
# python3 (to read JSON).  Everything it writes is in a temporary folder.

here=$(cd "$(dirname "$0")" && pwd)
market=${MARKET:-$here/../market}
market=$(cd "$market" && pwd)
nginx=${NGINX:-$(command -v nginx || echo /usr/sbin/nginx)}
tmp=$(mktemp -d)
pid=

finish() {
    if [ -n "$pid" ]; then
        kill -QUIT "$pid" 2>/dev/null
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL "$pid" 2>/dev/null
    fi
    rm -rf "$tmp"
}
trap finish EXIT

# An unused port: bound to 0 and given back.  Another process may take it
# before nginx does; then nginx fails to start and the next one is tried.
free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

start() {
    port=$(free_port)
    base=http://127.0.0.1:$port
    sed -e "s|@LISTEN@|127.0.0.1:$port|g" -e "s|@MARKET@|$market|g" \
        -e "s|@ERRORS@|$here/errors|g" -e "s|@CACHE@|$tmp/cache|g" \
        -e "s|@LOG@|$tmp/access.log|g" \
        -e "s|@ALPHAVANTAGE@||g" -e "s|@WORLDBANK@||g" \
        "$here/simulator.conf.in" > "$tmp/simulator.conf"
    {
        # Started by root, the workers must still be able to read files
        # below folders that only root may enter.
        [ "$(id -u)" = 0 ] && echo "user root;"
        cat <<CONF
worker_processes 2;
daemon off;
pid $tmp/nginx.pid;
error_log $tmp/error.log info;
events { worker_connections 256; }
http {
    client_body_temp_path $tmp/body;
    proxy_temp_path $tmp/proxy;
    fastcgi_temp_path $tmp/fastcgi;
    uwsgi_temp_path $tmp/uwsgi;
    scgi_temp_path $tmp/scgi;
    include $tmp/simulator.conf;
}
CONF
    } > "$tmp/nginx.conf"
    "$nginx" -p "$tmp/" -c "$tmp/nginx.conf" 2> "$tmp/stderr" &
    pid=$!
    for _ in $(seq 100); do
        curl -s -o /dev/null "$base/" && return 0
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

tests=0
failed=0

ok() {                          # ok STATUS NAME
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $2"
    else
        failed=$((failed + 1))
        echo "not ok $tests - $2"
        [ -n "$3" ] && printf '%s\n' "$3" | head -c 600 | sed 's/^/# /'
        echo
    fi
}

get() {                         # get PATH [curl option...]: body, code
    local path=$1
    shift
    code=$(curl -s -m 20 -o "$tmp/out" -D "$tmp/head" -w '%{http_code}' \
           "$@" "$base$path")
    rc=$?
    # Without the bytes 0 that a shell variable cannot hold.
    out=$(tr -d '\000' < "$tmp/out")
}

like() {                        # like TEXT NAME: the body contains TEXT
    case $out in
        *"$1"*) ok 0 "$2" ;;
        *) ok 1 "$2" "$code $out" ;;
    esac
}

is() {                          # is GOT WANTED NAME
    [ "$1" = "$2" ]
    ok $? "$3" "got '$1', wanted '$2'"
}

json() {                        # json EXPRESSION NAME: true of the body d
    local why
    why=$(python3 - "$tmp/out" "$1" 2>&1 <<'PY'
import json, sys
d = json.load(open(sys.argv[1], encoding="utf-8"))
series = next((v for k, v in d.items() if k.startswith("Time Series")), {}) \
    if isinstance(d, dict) else {}
days = list(series)
sys.exit(0 if eval(sys.argv[2]) else "false: " + sys.argv[2])
PY
    )
    ok $? "$2" "$why"
}

plan=124
echo "1..$plan"
start || start || start || {
    sed 's/^/# /' "$tmp/stderr" "$tmp/error.log"
    echo "Bail out! nginx does not start"
    exit 1
}
k='apikey=sample-premium'

# -- Alpha Vantage: answers

get "/query?function=TIME_SERIES_DAILY&symbol=IBM&$k"
is "$code" 200 "daily: 200"
json 'len(days) == 100 and days[0] == "2021-03-31" and days == sorted(days, reverse=True)' "daily: compact is the default, newest first"
json 'list(d["Meta Data"]) == ["1. Information", "2. Symbol", "3. Last Refreshed", "4. Output Size", "5. Time Zone"] and d["Meta Data"]["5. Time Zone"] == "US/Eastern"' "daily: Meta Data"
json 'series[days[0]] == {"1. open": "134.5400", "2. high": "134.7100", "3. low": "132.7100", "4. close": "133.2600", "5. volume": "4630365"}' "daily: a row"
grep -qi '^content-type: application/json.$' "$tmp/head"
ok $? "daily: Content-Type" "$(cat "$tmp/head")"
! grep -qiE '^(etag|last-modified|retry-after|cache-control|accept-ranges):' "$tmp/head"
ok $? "no validator, cache or limit header" "$(cat "$tmp/head")"
grep -qi '^vary: Cookie, Origin' "$tmp/head"
ok $? "Vary as the provider sends it"

get "/query?$k&outputsize=full&symbol=IBM&function=TIME_SERIES_DAILY"
json 'len(days) == 5849 and days[-1] == "1998-01-02"' "daily: full, arguments in another order"

get "/query?function=TIME_SERIES_DAILY&symbol=IBM&$k" -H 'Accept-Encoding: gzip'
grep -qi '^content-encoding: gzip' "$tmp/head"
ok $? "gzip when it is accepted"
[ "$(gzip -dc < "$tmp/out" | md5sum)" = "$(gzip -dc "$market/alphavantage/TIME_SERIES_DAILY/IBM.compact.json.gz" | md5sum)" ]
ok $? "gzip: the bytes of the file"

get "/query?function=TIME_SERIES_DAILY&symbol=ibm&$k"
json 'd["Meta Data"]["2. Symbol"] == "IBM"' "symbol in lower case"

get "/query?function=TIME_SERIES_DAILY_ADJUSTED&symbol=IBM&outputsize=full&$k"
json 'len(series[days[0]]) == 8 and len(days) == 5849' "adjusted: full"
json 'series["2021-02-09"]["7. dividend amount"] == "1.6300" and series["1999-05-27"]["8. split coefficient"] == "2.0"' "adjusted: dividend and split on their ex-dates"
json 'float(series["1998-01-02"]["5. adjusted close"]) < 40 and series[days[0]]["5. adjusted close"] == series[days[0]]["4. close"]' "adjusted: close"

get "/query?function=TIME_SERIES_DAILY_ADJUSTED&symbol=MCD&$k"
like "Invalid API call" "adjusted: not held without known dividends"
get "/query?function=TIME_SERIES_DAILY&symbol=MCD&outputsize=full&$k"
json 'len(days) == 3019 and days[-1] == "2006-01-03"' "daily: MCD"

get "/query?function=TIME_SERIES_INTRADAY&symbol=IBM&interval=1min&month=2013-10&outputsize=full&$k"
json 'len(days) == 2566 and d["Meta Data"]["6. Time Zone"] == "US/Eastern" and "Time Series (1min)" in d and days[-1] == "2013-10-04 08:28:00"' "intraday: a month in full"
get "/query?function=TIME_SERIES_INTRADAY&symbol=IBM&interval=1min&$k"
json 'len(days) == 100 and days[0] == "2013-10-11 19:52:00"' "intraday: compact"
get "/query?function=TIME_SERIES_INTRADAY&symbol=IBM&interval=1min&month=2013-11&$k"
like "Invalid API call" "intraday: a month without data"
get "/query?function=TIME_SERIES_INTRADAY&symbol=IBM&interval=7min&$k"
like "Invalid API call" "intraday: an unknown interval"

get "/query?function=FX_DAILY&from_symbol=EUR&to_symbol=USD&outputsize=full&$k"
json 'len(days) == 3487 and "Time Series FX (Daily)" in d and list(series[days[0]].values()) == ["1.16629", "1.16819", "1.16307", "1.16571"]' "FX: full, five decimals"
get "/query?function=FX_DAILY&from_symbol=EUR&to_symbol=XXX&$k"
like "Invalid API call" "FX: unknown pair"

get "/query?function=GLOBAL_QUOTE&symbol=AAPL&$k"
json 'd["Global Quote"]["05. price"] == "122.1500" and d["Global Quote"]["10. change percent"] == "1.8766%"' "quote"
get "/query?function=GLOBAL_QUOTE&symbol=NOPE&$k"
json 'd == {"Global Quote": {}}' "quote: unknown symbol is an empty object"
get "/query?function=GLOBAL_QUOTE&$k"
like "Invalid API call" "quote: symbol missing"

get "/query?function=SYMBOL_SEARCH&keywords=International&$k"
json '[m["1. symbol"] for m in d["bestMatches"]] == ["IBM"] and len(d["bestMatches"][0]) == 9' "search"
get "/query?function=SYMBOL_SEARCH&keywords=bank%20of+america+corp&$k"
json 'd["bestMatches"][0]["1. symbol"] == "BAC" and d["bestMatches"][0]["9. matchScore"] == "1.0000"' "search: several words"
get "/query?function=SYMBOL_SEARCH&keywords=zzz&$k"
json 'd == {"bestMatches": []}' "search: no match"

get "/query?function=OVERVIEW&symbol=IBM&$k"
json 'len(d) == 55 and d["Symbol"] == "IBM" and d["52WeekHigh"] == "137.07" and d["EBITDA"] == "None"' "overview: derived figures, the rest None"
get "/query?function=OVERVIEW&symbol=SPY&$k"
json 'd == {}' "overview: empty for a fund"

get "/query?function=TIME_SERIES_DAILY&symbol=IBM&datatype=csv&$k"
[ "$(head -1 "$tmp/out")" = $'timestamp,open,high,low,close,volume\r' ] && [ "$(wc -l < "$tmp/out")" = 101 ]
ok $? "CSV: header, CRLF, 100 rows" "$out"
get "/query?function=TIME_SERIES_DAILY_ADJUSTED&symbol=IBM&datatype=csv&outputsize=full&$k"
[ "$(head -1 "$tmp/out")" = $'timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\r' ]
ok $? "CSV: adjusted"
get "/query?function=FX_DAILY&from_symbol=EUR&to_symbol=GBP&datatype=csv&$k"
[ "$(head -1 "$tmp/out")" = $'timestamp,open,high,low,close\r' ]
ok $? "CSV: FX"
get "/query?function=TIME_SERIES_INTRADAY&symbol=IBM&interval=1min&datatype=csv&$k"
[ "$(sed -n 2p "$tmp/out" | cut -c1-20)" = "2013-10-11 19:52:00," ]
ok $? "CSV: intraday" "$out"
get "/query?function=GLOBAL_QUOTE&symbol=IBM&datatype=csv&$k"
like "latestDay,previousClose" "CSV: quote"
get "/query?function=TIME_SERIES_DAILY&symbol=NOPE&datatype=csv&$k"
json '"Invalid API call" in d["Error Message"]' "CSV: an error is JSON"
get "/query?function=TIME_SERIES_DAILY&symbol=MCD&datatype=csv&outputsize=full&$k"
is "$code" 501 "CSV not held: the simulator says so"

# -- Alpha Vantage: refusals

get "/query?function=TIME_SERIES_DAILY&symbol=NOPE&$k"
is "$code" 200 "errors are 200"
json 'd == {"Error Message": "Invalid API call. Please retry or visit the documentation (https://www.alphavantage.co/documentation/) for TIME_SERIES_DAILY."}' "unknown symbol"
get "/query?function=CMO&symbol=IBM&$k"
like "Invalid API call. Please retry or visit the documentation (https://www.alphavantage.co/documentation/) for CMO." "unknown function"
get "/query?function=NEWS_SENTIMENT&tickers=IBM&$k"
like "Invalid API call" "a function for another simulator, without one"
get "/query?symbol=IBM&$k"
like "Invalid API call" "function missing"
get "/query?function=TIME_SERIES_DAILY&$k"
like "Invalid API call" "symbol missing"
get "/query?function=TIME_SERIES_DAILY&symbol=IBM&outputsize=big&$k"
like "Invalid API call" "unknown outputsize"
get "/query?function=%3Cb%3E&symbol=IBM&$k"
like "documentation/) for ." "odd bytes are not echoed"
get "/query?function=TIME_SERIES_DAILY&symbol=IBM"
like "the parameter apikey is invalid or missing" "key missing"
get "/query?function=TIME_SERIES_DAILY&symbol=IBM&apikey=nonsense"
like "the parameter apikey is invalid or missing" "key unknown"
get "/query?function=TIME_SERIES_DAILY&symbol=IBM&apikey=demo"
json 'list(d) == ["Information"] and "**demo** API key" in d["Information"]' "demo key"
get "/query?function=TIME_SERIES_DAILY&symbol=IBM&$k" -X POST
is "$code" 405 "POST is not allowed"

for symbol in ../IBM ..%2FIBM %2e%2e/%2e%2e/etc/passwd ../../LICENSES/README \
              .. . IBM/../IBM 'IBM%00' AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
do
    get "/query?function=TIME_SERIES_DAILY&symbol=$symbol&$k" --path-as-is
    like "Invalid API call" "symbol=$symbol goes nowhere"
done
get "/query?function=SYMBOL_SEARCH&keywords=../../instruments&$k"
json 'd == {"bestMatches": []}' "keywords go nowhere"
get "/_tier/premium?function=TIME_SERIES_DAILY&symbol=IBM"
is "$code" 404 "inner locations cannot be asked"

# -- Alpha Vantage: limits

get "/query?function=TIME_SERIES_DAILY&symbol=IBM&apikey=sample-free"
json 'len(days) == 100' "free: compact daily"
get "/query?function=TIME_SERIES_DAILY&symbol=IBM&apikey=sample-free"
is "$code" 200 "free: second call in a second is 200"
like "spreading out your free API requests more sparingly (1 request per second)" "free: one call a second"
like "(25 requests per day)" "free: that text names the daily limit too"

f='apikey=sample-free-2024'
get "/query?function=TIME_SERIES_DAILY&symbol=IBM&outputsize=full&$f"
like "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint" "free: outputsize=full"
get "/query?function=TIME_SERIES_DAILY_ADJUSTED&symbol=IBM&$f"
like "This is a premium endpoint" "free: premium endpoint"
get "/query?function=FX_DAILY&from_symbol=EUR&to_symbol=USD&$f"
json 'len(days) == 100' "free: FX"
get "/query?function=TIME_SERIES_DAILY&symbol=NOPE&$f"
like "Invalid API call" "free: unknown symbol"
good=0
for _ in $(seq 21); do
    get "/query?function=GLOBAL_QUOTE&symbol=IBM&$f"
    case $out in *'"05. price"'*) good=$((good + 1)) ;; esac
done
is "$good" 21 "free: calls 5 to 25 of the day"
get "/query?function=GLOBAL_QUOTE&symbol=IBM&$f"
is "$code" 200 "free: call 26 is 200"
like "We have detected your API key as sample-free-2024 and our standard API rate limit is 25 requests per day" "free: call 26 is refused and repeats the key"
get "/query?function=TIME_SERIES_DAILY_ADJUSTED&symbol=IBM&$f"
like "25 requests per day" "free: and so is the next"
sleep 1.1
get "/query?function=GLOBAL_QUOTE&symbol=IBM&apikey=sample-free"
like '"05. price"' "free: another key has a day of its own; a second later it is served"

good=0
for _ in 1 2 3 4 5; do
    get "/query?function=TIME_SERIES_DAILY_ADJUSTED&symbol=IBM&apikey=sample-legacy"
    case $out in *'Time Series'*) good=$((good + 1)) ;; esac
done
is "$good" 5 "legacy: five calls"
get "/query?function=GLOBAL_QUOTE&symbol=IBM&apikey=sample-legacy"
json 'list(d) == ["Note"] and "5 calls per minute and 500 calls per day" in d["Note"]' "legacy: the sixth is a Note"

# -- Alpha Vantage: faults by key

q='/query?function=TIME_SERIES_DAILY&symbol=IBM&apikey=sample'
get "$q-truncated"
! python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$tmp/out" 2>/dev/null && [ "$rc" = 0 ]
ok $? "truncated: complete transfer, half a document"
like '"Time Series (Daily)"' "truncated: begins well"
get "$q-cut"
[ "$rc" != 0 ]
ok $? "cut: the transfer breaks off (curl $rc)"
get "$q-cut" --compressed
[ "$rc" != 0 ] || ! python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$tmp/out" 2>/dev/null
ok $? "cut: compressed, the stream ends early (curl $rc)"
get "$q-html"
is "$code" 502 "html: 502"
like "<html>" "html: a page"
grep -qi '^content-type: text/html' "$tmp/head"
ok $? "html: Content-Type"
from=$(date +%s%N)
get "$q-slow"
took=$(( ($(date +%s%N) - from) / 1000000 ))
[ "$took" -ge 1000 ]
ok $? "slow: took $took ms"
json 'len(days) == 100' "slow: the answer is whole"
get "$q-artificial"
json '"ARTIFICIAL" in d["message"] and len(days) == 2' "artificial: message and rows"
get "$q-badrows"
python3 - "$tmp/out" <<'PY'
import json, sys
rows = json.load(open(sys.argv[1]), object_pairs_hook=list)[1][1]
def good(v):
    o, h, l, c, n = (float(x) for _, x in v)
    return 0 < l <= min(o, c) and h >= max(o, c) and n >= 0
bad = []
seen = set()
for day, v in rows:
    try:
        fine = good(v) and day < "2022" and day not in seen
    except ValueError:
        fine = False
    seen.add(day)
    if not fine:
        bad.append(day)
print("#", len(rows), "rows, bad:", *bad)
sys.exit(0 if len(rows) == 102 and len(bad) == 6 else 1)
PY
ok $? "badrows: 102 rows, 6 of them impossible"
get "$q-empty"
json 'd == {}' "empty"
get "$q-notjson"
[ "$code" = 200 ] && ! python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$tmp/out" 2>/dev/null
ok $? "notjson: 200 without JSON"
get "$q-wrongshape"
json 'isinstance(d["Time Series (Daily)"], list)' "wrongshape"

# -- World Bank

get "/v2/country/FRA/indicator/NY.GDP.MKTP.CD?format=json&per_page=1000"
json 'd[0] == {"page": 1, "pages": 1, "per_page": 1000, "total": 64, "sourceid": "2", "lastupdated": "2024-03-28"} and len(d[1]) == 64 and d[1][0]["value"] is None and d[1][0]["date"] == "2023"' "World Bank: one page, newest value null"
grep -qi '^content-type: application/json' "$tmp/head"
ok $? "World Bank: Content-Type"
get "/v2/country/fr/indicator/NY.GDP.MKTP.CD?per_page=1000&format=json"
json 'd[0]["total"] == 64' "World Bank: two-letter code, other order"
get "/v2/country/FRA/indicator/NY.GDP.MKTP.CD?format=json"
json 'd[0]["per_page"] == 50 and d[0]["pages"] == 2 and len(d[1]) == 50' "World Bank: 50 a page by default"
get "/v2/country/FRA/indicator/NY.GDP.MKTP.CD?format=json&page=2"
json 'd[0]["page"] == 2 and len(d[1]) == 14' "World Bank: page 2"
get "/v2/country/DEU/indicator/FP.CPI.TOTL.ZG?format=json&date=2000:2020"
json 'd[0]["total"] == 21 and d[1][0]["date"] == "2020" and d[1][-1]["date"] == "2000"' "World Bank: date range"
total=0
for page in 1 2 3 4 5 6 7 8 9 10; do
    get "/v2/country/all/indicator/FP.CPI.TOTL.ZG?format=json&per_page=1000&page=$page"
    total=$((total + $(python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(len(d[1]) if (d[0]["page"],d[0]["pages"],d[0]["total"]) == (int(sys.argv[2]),10,9984) else 0)' "$tmp/out" $page)))
done
is "$total" 9984 "World Bank: ten pages give the total"
get "/v2/country/all/indicator/FP.CPI.TOTL.ZG?format=json&per_page=1000&page=2"
json 'any(r["countryiso3code"] == "" for r in d[1]) and any(r["value"] is None for r in d[1])' "World Bank: nulls and aggregates without a code"
get "/v2/country/all/indicator/FP.CPI.TOTL.ZG?format=json&per_page=1000&page=11"
json 'd[0]["page"] == 0 and d[1] is None' "World Bank: past the last page"
get "/v2/country/FRA/indicator/NO.SUCH.SERIES?format=json"
json 'd == [{"message": [{"id": "120", "key": "Invalid value", "value": "The provided parameter value is not valid"}]}]' "World Bank: unknown series"
is "$code" 200 "World Bank: and that is 200"
get "/v2/country/QQQ/indicator/NY.GDP.MKTP.CD?format=json"
json 'd[0]["message"][0]["id"] == "120"' "World Bank: unknown country"
get "/v2/country/FRA/indicator/NY.GDP.MKTP.CD?format=json&page=zero"
json 'd[0]["message"][0]["id"] == "120"' "World Bank: page that is no number"
get "/v2/country/FRA/indicator/EN.ATM.CO2E.PC?format=json"
json 'd[0]["message"][0]["id"] == "175"' "World Bank: archived series"
get "/v2/country/FRA/indicator/NY.GDP.MKTP.CD?format=json&date=1900:1950"
json 'd == [{"page": 0, "pages": 0, "per_page": 0, "total": 0, "sourceid": None, "lastupdated": None}, None]' "World Bank: no data"
get "/v2/country/FRA/indicator/NY.GDP.MKTP.CD?format=json&per_page=1000&mrv=5"
is "$code" 501 "World Bank: an argument that files cannot follow"
get "/v2/country/FRA;DEU/indicator/NY.GDP.MKTP.CD?format=json"
is "$code" 501 "World Bank: a list of countries"
get "/v2/country/FRA/indicator/NY.GDP.MKTP.CD"
like '<wb:data page="1" pages="2" per_page="50" total="64"' "World Bank: XML is the default"
get "/v2/country/QQQ/indicator/NY.GDP.MKTP.CD"
like '<wb:message id="120"' "World Bank: error in XML"
get "/v3/country/FRA/indicator/NY.GDP.MKTP.CD?format=json"
is "$code" 400 "World Bank: wrong version is 400"
json 'd[0]["message"][0]["id"] == "150" and "v3" in d[0]["message"][0]["key"]' "World Bank: and taken for a language"
get "/v2/nothing?format=json"
json 'd[0]["message"][0]["id"] == "140"' "World Bank: unknown endpoint"
get "/v2/source?format=json"
json 'd[0]["message"][0]["id"] == "140"' "World Bank: a list for another simulator, without one"
get "/v2/country?format=json&per_page=500"
json 'd[0]["per_page"] == "500" and d[0]["total"] == 296 and len(d[1]) == 296' "World Bank: countries, per_page is a string"
get "/v2/country/all/indicator/GE.EST?format=json&per_page=5000&source=75"
json 'd[0]["sourceid"] == "75" and d[0]["total"] == 5218' "World Bank: a series of the ESG source"
get "/v2/country/..%2f..%2finstruments/indicator/GE.EST?format=json" --path-as-is
[ "$code" = 404 ] || case $out in *'"120"'*) true ;; *) false ;; esac
ok $? "World Bank: the country goes nowhere" "$code $out"

# -- faults by path

get "/fault/html/v2/country/FRA/indicator/NY.GDP.MKTP.CD?format=json"
is "$code" 502 "fault/html"
get "/fault/html-400/v2/country/FRA/indicator/NY.GDP.MKTP.CD?format=json"
is "$code" 400 "fault/html-400"
get "/fault/unavailable/v2/country?format=json"
[ "$code" = 503 ] && case $out in *'"105"'*) true ;; *) false ;; esac
ok $? "fault/unavailable"
get "/fault/short-page/v2/country/all/indicator/FP.CPI.TOTL.ZG?format=json&page=2"
json 'd[0]["page"] == 1 and d[0]["pages"] == 2 and len(d[1]) < d[0]["total"]' "fault/short-page"
get "/fault/no-progress/v2/country/all/indicator/FP.CPI.TOTL.ZG?format=json"
json 'd[0]["page"] == "1" and d[0]["pages"] == 0' "fault/no-progress"
get "/fault/unheard-of/query"
is "$code" 404 "fault: unknown"

# -- the 1200 calls of a minute, last because they use up the premium key

curl -s -m 60 "$base/query?function=GLOBAL_QUOTE&symbol=IBM&$k&n=[1-1500]" > "$tmp/many"
good=$(grep -c '"05. price"' "$tmp/many")
over=$(grep -c 'Minute-level rate limit exceed' "$tmp/many")
# Some of the 1200 went to the tests above, some came back meanwhile.
[ "$over" -gt 0 ] && [ "$((good + over))" = 1500 ] && [ "$good" -ge 1100 ]
ok $? "premium: 1200 a minute ($good served, $over refused)"

# -- what is left behind

! grep -q 'sample-' "$tmp/access.log"
ok $? "no key in the access log" "$(grep -m3 sample- "$tmp/access.log")"
! grep -E '\[(alert|crit|emerg)\]' "$tmp/error.log" > "$tmp/bad"
ok $? "no alert in the error log" "$(head -5 "$tmp/bad")"

if [ "$tests" != "$plan" ]; then
    echo "# planned $plan, ran $tests"
    exit 1
fi
[ "$failed" = 0 ] || { echo "# $failed of $tests failed"; exit 1; }
