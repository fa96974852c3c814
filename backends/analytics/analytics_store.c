/*
 * analytics_store.c - the SQL of the analytics service.
 *
 * Existence is asked for with (SELECT true ... ORDER BY ... LIMIT 1), not
 * with EXISTS: that may be planned as a hash of a whole table, and without an
 * order as a walk through it.
 */
#include "analytics_store.h"

/* Rows of table `t` known at parameter $n, and of its history. */
#define KNOWN(n) "known_at <= " n
#define KNOWN_THEN(n) "known_at <= " n " AND superseded_at > " n


int
analytics_store_begin(wd_pg_conn_t *c, wd_ns_t *ret_now, wd_error_t *err)
{
    static const char sql[] = "SELECT now()";

    PGresult *r;
    int       rc;

    /* Compiling takes longer than any of these statements runs. */
    rc = wd_pg_script(c,
                      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                      " SET LOCAL jit = off",
                      err);
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_exec(c, sql, NULL, 0, &r, err);
    if (rc == WD_OK) {
        *ret_now = wd_pg_get_ts(r, 0, 0);
        PQclear(r);
    }
    return rc;
}


int
analytics_store_newest(wd_pg_conn_t *c, wd_ns_t *ret, wd_error_t *err)
{
    static const char sql[]
        = "SELECT fetched_at FROM raw_object ORDER BY id DESC LIMIT 1";

    PGresult *r;
    int       rc;

    rc = wd_pg_exec(c, sql, NULL, 0, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    if (PQntuples(r) == 0) {
        rc = WD_ENOTFOUND;
    } else {
        *ret = wd_pg_get_ts(r, 0, 0);
    }
    PQclear(r);
    return rc;
}


int
analytics_store_instruments(wd_pg_conn_t *c, const wd_str_t *symbols, size_t n,
                            wd_ns_t as_of, PGresult **ret, wd_error_t *err)
{
    static const char sql[]
        = "SELECT i.id, i.symbol, i.timezone FROM instrument i"
          " WHERE i.symbol = ANY($1)"
          "   AND ($2 = 'infinity'"
          "        OR coalesce("
          "            (SELECT true FROM bar b WHERE b.instrument_id = i.id"
          "                AND b." KNOWN(
              "$2") "              ORDER BY b.timeframe, b.source, b.ts LIMIT "
                    "1),"
                    "            (SELECT true FROM bar_history b"
                    "              WHERE b.instrument_id = i.id AND b." KNOWN(
                        "$2") "              ORDER BY b.timeframe, b.source, "
                              "b.ts LIMIT 1),"
                              "            false))"
                              " ORDER BY i.symbol COLLATE \"C\"";

    const wd_pg_param_t p[] = {wd_pg_texts(symbols, n), wd_pg_ts(as_of)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}


int
analytics_store_series(wd_pg_conn_t *c, const int64_t *instruments,
                       size_t n_instruments, const int64_t *timeframes,
                       size_t n_timeframes, wd_ns_t as_of, PGresult **ret,
                       wd_error_t *err)
{
    static const char sql[]
        = "SELECT i.id, f.id, s.id, s.name"
          "  FROM unnest($1::integer[]) i(id)"
          " CROSS JOIN unnest($2::smallint[]) f(id) CROSS JOIN source s"
          " WHERE coalesce("
          "    (SELECT true FROM bar b WHERE b.instrument_id = i.id"
          "        AND b.timeframe = f.id AND b.source = s.id"
          "        AND b." KNOWN(
              "$3") " ORDER BY b.ts LIMIT 1),"
                    "    (SELECT true FROM bar_history b WHERE b.instrument_id "
                    "= i.id"
                    "        AND b.timeframe = f.id AND b.source = s.id"
                    "        AND b." KNOWN_THEN(
                        "$3") " ORDER BY b.ts LIMIT 1), false)"
                              " ORDER BY i.id, f.id, s.id";

    const wd_pg_param_t p[] = {wd_pg_ints(instruments, n_instruments),
                               wd_pg_ints(timeframes, n_timeframes),
                               wd_pg_ts(as_of)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}

/*
 * The present and the past of one series of bars. Each part is ordered and
 * cut on its own: that is a walk along its index, while the union as a whole
 * would be sorted.
 */
#define BARS_PART(table, known, order)                               \
    "(SELECT ts, open, high, low, close, volume, quality, known_at " \
    "FROM " table " WHERE instrument_id = $1::integer"               \
    "   AND timeframe = $2::smallint AND source = $3::smallint"      \
    "   AND ts >= $4 AND ts <= $5 AND " known " ORDER BY ts " order  \
    " LIMIT $7)"

#define BARS_SQL(order)                                      \
    BARS_PART("bar", KNOWN("$6"), order)                     \
    " UNION ALL " BARS_PART("bar_history", KNOWN_THEN("$6"), \
                            order) " ORDER BY ts " order " LIMIT $7"


int
analytics_store_bars(wd_pg_conn_t *c, const analytics_bars_key_t *key,
                     PGresult **ret, wd_error_t *err)
{
    static const char asc[] = BARS_SQL("ASC");
    static const char desc[] = BARS_SQL("DESC");

    const wd_pg_param_t p[] = {
        wd_pg_int(key->instrument), wd_pg_int(key->timeframe),
        wd_pg_int(key->source),     wd_pg_ts(key->from),
        wd_pg_ts(key->to),          wd_pg_ts(key->as_of),
        wd_pg_int(key->limit)};

    return wd_pg_exec(c, key->desc ? desc : asc, p, wd_array_len(p), ret, err);
}


#define CLOSE_PART(table, known)                            \
    "(SELECT ts, close FROM " table                         \
    "  WHERE instrument_id = $1::integer AND timeframe = 6" \
    "    AND source = s.id AND " known                      \
    "    AND ts < a.ex_date::timestamp AT TIME ZONE 'UTC'"  \
    "  ORDER BY ts DESC LIMIT 1)"


int
analytics_store_actions(wd_pg_conn_t *c, int64_t instrument, wd_ns_t as_of,
                        wd_ns_t until, bool dividends, PGresult **ret,
                        wd_error_t *err)
{
    static const char sql[] = "SELECT a.ex_date, a.split, a.dividend, p.close "
                              "FROM ("
                              "  SELECT ex_date, max(value) FILTER (WHERE kind "
                              "= 'split') AS split,"
                              "         max(value) FILTER (WHERE kind = "
                              "'dividend') AS dividend"
                              "    FROM (SELECT DISTINCT ON (ex_date, kind) "
                              "ex_date, kind, value"
                              "            FROM (SELECT source, ex_date, kind, "
                              "value"
                              "                    FROM corporate_action"
                              "                   WHERE instrument_id = "
                              "$1::integer"
                              "                     AND " KNOWN(
                                  "$2") "                   UNION ALL"
                                        "                  SELECT source, "
                                        "ex_date, kind, value"
                                        "                    FROM "
                                        "corporate_action_history"
                                        "                   WHERE "
                                        "instrument_id = $1::integer"
                                        "                     AND " KNOWN_THEN(
                                            "$2") ") v"
                                                  "           WHERE ex_date <= "
                                                  "$3 AND (kind = 'split' OR "
                                                  "$4)"
                                                  "           ORDER BY "
                                                  "ex_date, kind, source) d"
                                                  "   GROUP BY ex_date) a"
                                                  "  LEFT JOIN LATERAL ("
                                                  "    SELECT l.close FROM "
                                                  "source s CROSS JOIN LATERAL "
                                                  "("
                                                  "        SELECT ts, close "
                                                  "FROM (" CLOSE_PART("bar", KNOWN("$2")) " UNION ALL " CLOSE_PART(
                                                      "bar_history",
                                                      KNOWN_THEN(
                                                          "$2")) ") u"
                                                                 "         "
                                                                 "ORDER BY ts "
                                                                 "DESC LIMIT "
                                                                 "1) l"
                                                                 "     ORDER "
                                                                 "BY l.ts "
                                                                 "DESC, s.id "
                                                                 "LIMIT 1) p "
                                                                 "ON "
                                                                 "a.dividend "
                                                                 "IS NOT NULL"
                                                                 " ORDER BY "
                                                                 "a.ex_date";

    const wd_pg_param_t p[] = {wd_pg_int(instrument), wd_pg_ts(as_of),
                               wd_pg_date(until), wd_pg_bool(dividends)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}


int
analytics_store_macro(wd_pg_conn_t *c, const wd_str_t *indicators,
                      size_t n_indicators, const wd_str_t *countries,
                      size_t n_countries, wd_ns_t as_of, PGresult **ret,
                      wd_error_t *err)
{
    static const char sql[]
        = "SELECT m.id, m.indicator, m.country, m.country2, m.country_name,"
          "       m.unit, m.aggregate, s.name"
          "  FROM macro_series m JOIN source s ON s.id = m.source"
          " WHERE m.indicator = ANY($1)"
          "   AND CASE WHEN cardinality($2) = 0 THEN NOT m.aggregate"
          "            ELSE upper(m.country) = ANY($2)"
          "                 OR upper(m.country2) = ANY($2) END"
          "   AND ($3 = 'infinity'"
          "        OR coalesce("
          "            (SELECT true FROM observation o"
          "              WHERE o.series_id = m.id AND o." KNOWN(
              "$3") "              ORDER BY o.ts LIMIT 1),"
                    "            (SELECT true FROM observation_history o"
                    "              WHERE o.series_id = m.id AND o." KNOWN(
                        "$3") "              ORDER BY o.ts LIMIT 1), false))"
                              " ORDER BY m.indicator COLLATE \"C\", m.country "
                              "COLLATE \"C\","
                              "          m.source";

    const wd_pg_param_t p[] = {wd_pg_texts(indicators, n_indicators),
                               wd_pg_texts(countries, n_countries),
                               wd_pg_ts(as_of)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}

#define OBSERVATION_PART(table, known)                                   \
    "SELECT ts, frequency, value, status, quality, known_at FROM " table \
    " WHERE series_id = k.id AND ts >= $3 AND ts <= $4 AND " known

/* `beyond`: > forwards, < backwards */
#define OBSERVATIONS_SQL(order, beyond)                                        \
    "SELECT DISTINCT ON (k.place, o.ts, o.frequency)"                          \
    "       k.place, o.ts, o.frequency::text, o.value, o.status, o.quality,"   \
    "       o.known_at, k.id"                                                  \
    "  FROM unnest($1::integer[], $2::bigint[]) WITH ORDINALITY"               \
    "       AS k(id, place, best)"                                             \
    " CROSS JOIN LATERAL (" OBSERVATION_PART(                                  \
        "observation",                                                         \
        KNOWN(                                                                 \
            "$5")) " UNION ALL " OBSERVATION_PART("observation_history",       \
                                                  KNOWN_THEN(                  \
                                                      "$5")) ") o"             \
                                                             " WHERE k.place " \
                                                             "> $6 OR "        \
                                                             "o.ts " beyond    \
                                                             " $7"             \
                                                             "       OR "      \
                                                             "(o.ts = $7 AND " \
                                                             "o.frequency::"   \
                                                             "text COLLATE "   \
                                                             "\"C\" > $8)"     \
                                                             " ORDER BY "      \
                                                             "k.place, "       \
                                                             "o.ts " order     \
                                                             ", o.frequency, " \
                                                             "k.best LIMIT $9"


int
analytics_store_observations(wd_pg_conn_t                       *c,
                             const analytics_observations_key_t *key,
                             PGresult **ret, wd_error_t *err)
{
    static const char asc[] = OBSERVATIONS_SQL("ASC", ">");
    static const char desc[] = OBSERVATIONS_SQL("DESC", "<");

    const wd_pg_param_t p[] = {wd_pg_ints(key->series, key->n),
                               wd_pg_ints(key->place, key->n),
                               wd_pg_date(key->from),
                               wd_pg_date(key->to),
                               wd_pg_ts(key->as_of),
                               wd_pg_int(key->after_place),
                               wd_pg_date(key->after_ts),
                               wd_pg_text(key->after_frequency),
                               wd_pg_int(key->limit)};

    return wd_pg_exec(c, key->desc ? desc : asc, p, wd_array_len(p), ret, err);
}

#define INSTRUMENT_COLUMNS                                                   \
    "i.symbol, i.name, i.type, i.exchange, i.currency, i.country, i.sector," \
    " i.industry, i.timezone, s.name, i.known_at, i.id"


int
analytics_store_search(wd_pg_conn_t *c, const analytics_search_t *s,
                       PGresult **ret, wd_error_t *err)
{
    static const char sql[]
        = "SELECT " INSTRUMENT_COLUMNS
          "  FROM instrument i JOIN source s ON s.id = i.source"
          " WHERE ($1::text IS NULL OR i.symbol LIKE $1"
          "        OR lower(i.name) LIKE $2)"
          "   AND ($4::text IS NULL OR i.type = $4)"
          "   AND ($5::text IS NULL OR upper(i.exchange) = upper($5))"
          "   AND ($6::text IS NULL OR upper(i.currency) = upper($6))"
          "   AND ($7::text IS NULL"
          "        OR ((i.symbol = $3) IS NOT TRUE"
          "            AND ($8 OR i.symbol COLLATE \"C\" > $7)))"
          "   AND ($10::text IS NULL OR i.id IN (SELECT x.instrument_id"
          "        FROM instrument_identifier x WHERE x.value = $10))"
          " ORDER BY (i.symbol = $3) IS TRUE DESC, i.symbol COLLATE \"C\""
          " LIMIT $9";

    const wd_pg_param_t p[] = {
        wd_pg_text(s->prefix),   wd_pg_text(s->inside),
        wd_pg_text(s->exact),    wd_pg_text(s->type),
        wd_pg_text(s->exchange), wd_pg_text(s->currency),
        wd_pg_text(s->after),    wd_pg_bool(s->after_exact),
        wd_pg_int(s->limit),     wd_pg_text(s->identifier)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}


int
analytics_store_instrument(wd_pg_conn_t *c, wd_str_t symbol, PGresult **ret,
                           wd_error_t *err)
{
    static const char sql[]
        = "SELECT " INSTRUMENT_COLUMNS
          "  FROM instrument i JOIN source s ON s.id = i.source"
          " WHERE i.symbol = $1";

    const wd_pg_param_t p[] = {wd_pg_text(symbol)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}


int
analytics_store_stored(wd_pg_conn_t *c, int64_t instrument, PGresult **ret,
                       wd_error_t *err)
{
    static const char sql[]
        = "SELECT b.timeframe, s.name, min(b.ts), max(b.ts), count(*)"
          "  FROM bar b JOIN source s ON s.id = b.source"
          " WHERE b.instrument_id = $1::integer"
          " GROUP BY b.timeframe, s.id, s.name ORDER BY b.timeframe, s.id";

    const wd_pg_param_t p[] = {wd_pg_int(instrument)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}

/* What is told of days, weeks or months is many figures: of each the newest. */
#define FUNDAMENTAL_DAY \
    "regexp_replace(f.period, '^(weekly |monthly )?\\d.*', '\\1')"


int
analytics_store_fundamentals(wd_pg_conn_t *c, int64_t instrument,
                             PGresult **ret, wd_error_t *err)
{
    static const char sql[]
        = "SELECT DISTINCT ON (f.field COLLATE \"C\", " FUNDAMENTAL_DAY
          " COLLATE \"C\", f.source, f.unit)"
          "       f.field, f.period, f.value, f.unit, s.name, f.known_at"
          "  FROM fundamental f JOIN source s ON s.id = f.source"
          " WHERE f.instrument_id = $1::integer"
          " ORDER BY f.field COLLATE \"C\", " FUNDAMENTAL_DAY
          " COLLATE \"C\", f.source, f.unit, f.period COLLATE \"C\" DESC";

    const wd_pg_param_t p[] = {wd_pg_int(instrument)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}


int
analytics_store_identifiers(wd_pg_conn_t *c, int64_t instrument, PGresult **ret,
                            wd_error_t *err)
{
    static const char sql[]
        = "SELECT x.scheme, x.value, s.name, x.known_at"
          "  FROM instrument_identifier x JOIN source s ON s.id = x.source"
          " WHERE x.instrument_id = $1::integer"
          " ORDER BY x.scheme COLLATE \"C\", x.source";

    const wd_pg_param_t p[] = {wd_pg_int(instrument)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}
