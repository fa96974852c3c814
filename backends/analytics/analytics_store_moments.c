/*
 * analytics_store_moments.c - the SQL of quotes and trades.
 *
 * As in analytics_store.c each part of a union is ordered and cut on its own:
 * that is a walk along its index.
 */
#include "analytics_store.h"

#define NOW_2 "known_at <= $2"
#define THEN_2 "known_at <= $2 AND superseded_at > $2"

#define QUOTE_PART(table, known)                                               \
    "(SELECT ts, seq, source, price, open, high, low, volume, previous_close," \
    " quality, known_at, bid, ask, bid_size, ask_size FROM " table             \
    " WHERE instrument_id = i.id AND source = x.id AND " known                 \
    " ORDER BY ts DESC, seq DESC LIMIT 1)"

#define DAILY_PART(table, known)                                             \
    "(SELECT ts FROM " table " WHERE instrument_id = i.id AND timeframe = 6" \
    " AND source = s.id AND " known " ORDER BY ts DESC LIMIT 1)"

#define QUOTES                 \
    QUOTE_PART("quote", NOW_2) \
    " UNION ALL " QUOTE_PART("quote_history", THEN_2)
#define DAYS                 \
    DAILY_PART("bar", NOW_2) \
    " UNION ALL " DAILY_PART("bar_history", THEN_2)


int
analytics_store_quotes(wd_pg_conn_t *c, const wd_str_t *symbols, size_t n,
                       wd_ns_t as_of, PGresult **ret, wd_error_t *err)
{
    static const char sql[]
        = "SELECT i.symbol, q.ts, q.price, q.open, q.high, q.low, q.volume,"
          " q.previous_close, q.quality, src.name, q.known_at, d.ts, q.bid,"
          " q.ask, q.bid_size, q.ask_size FROM instrument i"
          " CROSS JOIN LATERAL (SELECT u.* FROM source x"
          " CROSS JOIN LATERAL (" QUOTES ") u"
          " ORDER BY u.ts DESC, u.source, u.seq DESC LIMIT 1) q"
          " JOIN source src ON src.id = q.source"
          " LEFT JOIN LATERAL (SELECT max(l.ts) AS ts FROM source s"
          " CROSS JOIN LATERAL (SELECT ts FROM (" DAYS ") u"
          " ORDER BY ts DESC LIMIT 1) l) d ON true"
          " WHERE i.symbol = ANY($1) ORDER BY i.symbol COLLATE \"C\"";

    const wd_pg_param_t p[] = {wd_pg_texts(symbols, n), wd_pg_ts(as_of)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}

#define TRADED_PART(table, known)                                       \
    "(SELECT true FROM " table " WHERE instrument_id = i.id AND " known \
    " ORDER BY source, ts, seq LIMIT 1)"
#define TRADED                  \
    TRADED_PART("trade", NOW_2) \
    ", " TRADED_PART("trade_history", "known_at <= $2")


int
analytics_store_traded(wd_pg_conn_t *c, const wd_str_t *symbols, size_t n,
                       wd_ns_t as_of, PGresult **ret, wd_error_t *err)
{
    static const char sql[] = "SELECT i.id, i.symbol FROM instrument i"
                              " WHERE i.symbol = ANY($1)"
                              " AND coalesce(" TRADED ", false)"
                              " ORDER BY i.symbol COLLATE \"C\"";

    const wd_pg_param_t p[] = {wd_pg_texts(symbols, n), wd_pg_ts(as_of)};

    return wd_pg_exec(c, sql, p, wd_array_len(p), ret, err);
}

/* clang-format off */
/* `beyond`: > forwards, < backwards */
#define TRADE_PART(table, known, order, beyond)                           \
    "(SELECT ts, seq, price, size, quality, source, known_at FROM " table \
    " WHERE instrument_id = $1::integer AND source = s.id"                \
    " AND ts >= $3 AND ts <= $4 AND " known                               \
    " AND (ts " beyond " $5 OR (ts = $5 AND (source, seq) " beyond        \
    " ($6::smallint, $7::bigint)))"                                       \
    " ORDER BY ts " order ", seq " order " LIMIT $8)"

#define TRADES_SQL(order, beyond)                                       \
    "SELECT t.ts, t.seq, t.price, t.size, t.quality, t.source, s.name," \
    " t.known_at FROM source s CROSS JOIN LATERAL ("                    \
    TRADE_PART("trade", NOW_2, order, beyond)                           \
    " UNION ALL "                                                       \
    TRADE_PART("trade_history", THEN_2, order, beyond)                  \
    ") t WHERE $9::text IS NULL OR s.name = $9"                         \
    " ORDER BY t.ts " order ", t.source " order ", t.seq " order        \
    " LIMIT $8"
/* clang-format on */


int
analytics_store_trades(wd_pg_conn_t *c, const analytics_trades_key_t *key,
                       PGresult **ret, wd_error_t *err)
{
    static const char asc[] = TRADES_SQL("ASC", ">");
    static const char desc[] = TRADES_SQL("DESC", "<");

    const wd_pg_param_t p[] = {
        wd_pg_int(key->instrument), wd_pg_ts(key->as_of),
        wd_pg_ts(key->from),        wd_pg_ts(key->to),
        wd_pg_ts(key->after_ts),    wd_pg_int(key->after_source),
        wd_pg_int(key->after_seq),  wd_pg_int(key->limit),
        wd_pg_text(key->source)};

    return wd_pg_exec(c, key->desc ? desc : asc, p, wd_array_len(p), ret, err);
}
