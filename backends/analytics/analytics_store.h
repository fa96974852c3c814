/*
 * analytics_store.h - all SQL of the analytics service.
 *
 * `as_of` is a knowledge time: what was known then is read, WD_NS_MAX is the
 * present. Of several sources for one fact the one with the lowest id wins.
 * On WD_OK the caller clears *ret with PQclear(). Errors are those of
 * wd_pg_exec(). Worker threads.
 */
#ifndef ANALYTICS_STORE_H
#define ANALYTICS_STORE_H

#include "wd_pg.h"

/*
 * Begins a transaction that sees one state of the database; *ret_now is its
 * time. It ends when the connection is released.
 */
wd_must_check int analytics_store_begin(wd_pg_conn_t *c, wd_ns_t *ret_now,
                                        wd_error_t *err);

/* When the newest payload that was processed had been fetched. */
wd_must_check int analytics_store_newest(wd_pg_conn_t *c, wd_ns_t *ret,
                                         wd_error_t *err);

enum { ANALYTICS_ID, ANALYTICS_SYMBOL, ANALYTICS_TIMEZONE };

/* The symbols that exist, with as_of those of which a bar was known then. */
wd_must_check int analytics_store_instruments(wd_pg_conn_t   *c,
                                              const wd_str_t *symbols, size_t n,
                                              wd_ns_t as_of, PGresult **ret,
                                              wd_error_t *err);

enum {
    ANALYTICS_SERIES_INSTRUMENT,
    ANALYTICS_SERIES_TIMEFRAME,
    ANALYTICS_SERIES_SOURCE,
    ANALYTICS_SERIES_SOURCE_NAME
};

/* Which series of bars exist, by instrument, timeframe, source. */
wd_must_check int analytics_store_series(wd_pg_conn_t  *c,
                                         const int64_t *instruments,
                                         size_t         n_instruments,
                                         const int64_t *timeframes,
                                         size_t n_timeframes, wd_ns_t as_of,
                                         PGresult **ret, wd_error_t *err);

typedef struct {
    int64_t instrument;
    int64_t timeframe;
    int64_t source;
    wd_ns_t from; /* inclusive */
    wd_ns_t to; /* inclusive */
    wd_ns_t as_of;
    bool    desc;
    int64_t limit;
} analytics_bars_key_t;

enum {
    ANALYTICS_BAR_TS,
    ANALYTICS_BAR_OPEN,
    ANALYTICS_BAR_HIGH,
    ANALYTICS_BAR_LOW,
    ANALYTICS_BAR_CLOSE,
    ANALYTICS_BAR_VOLUME,
    ANALYTICS_BAR_QUALITY,
    ANALYTICS_BAR_KNOWN_AT
};

wd_must_check int analytics_store_bars(wd_pg_conn_t               *c,
                                       const analytics_bars_key_t *key,
                                       PGresult **ret, wd_error_t *err);

enum {
    ANALYTICS_ACTION_DATE,
    ANALYTICS_ACTION_SPLIT,
    ANALYTICS_ACTION_DIVIDEND,
    ANALYTICS_ACTION_CLOSE
};

/*
 * Corporate actions with ex-date up to `until`: one row a date with its split
 * (null: none), dividend (null: none, or not asked for), and the raw daily
 * close before.
 */
wd_must_check int analytics_store_actions(wd_pg_conn_t *c, int64_t instrument,
                                          wd_ns_t as_of, wd_ns_t until,
                                          bool dividends, PGresult **ret,
                                          wd_error_t *err);

enum {
    ANALYTICS_QUOTE_SYMBOL,
    ANALYTICS_QUOTE_TS,
    ANALYTICS_QUOTE_PRICE,
    ANALYTICS_QUOTE_OPEN,
    ANALYTICS_QUOTE_HIGH,
    ANALYTICS_QUOTE_LOW,
    ANALYTICS_QUOTE_VOLUME,
    ANALYTICS_QUOTE_PREVIOUS_CLOSE,
    ANALYTICS_QUOTE_QUALITY,
    ANALYTICS_QUOTE_SOURCE,
    ANALYTICS_QUOTE_KNOWN_AT,
    ANALYTICS_QUOTE_NEWEST_BAR,
    ANALYTICS_QUOTE_BID,
    ANALYTICS_QUOTE_ASK,
    ANALYTICS_QUOTE_BID_SIZE,
    ANALYTICS_QUOTE_ASK_SIZE
};

/* The latest quote of each symbol that has one, by symbol. */
wd_must_check int analytics_store_quotes(wd_pg_conn_t   *c,
                                         const wd_str_t *symbols, size_t n,
                                         wd_ns_t as_of, PGresult **ret,
                                         wd_error_t *err);

/* The symbols of which a trade was known then, by symbol: id, symbol. */
wd_must_check int analytics_store_traded(wd_pg_conn_t   *c,
                                         const wd_str_t *symbols, size_t n,
                                         wd_ns_t as_of, PGresult **ret,
                                         wd_error_t *err);

/* Trades of one instrument; behind (after_ts, after_source, after_seq). */
typedef struct {
    int64_t  instrument;
    wd_str_t source; /* data NULL: all */
    wd_ns_t  from; /* inclusive */
    wd_ns_t  to; /* inclusive */
    wd_ns_t  as_of;
    bool     desc;
    int64_t  limit;
    wd_ns_t  after_ts; /* WD_NS_MIN, or of desc WD_NS_MAX: from the beginning */
    int64_t  after_source;
    int64_t  after_seq;
} analytics_trades_key_t;

enum {
    ANALYTICS_TRADE_TS,
    ANALYTICS_TRADE_SEQ,
    ANALYTICS_TRADE_PRICE,
    ANALYTICS_TRADE_SIZE,
    ANALYTICS_TRADE_QUALITY,
    ANALYTICS_TRADE_SOURCE,
    ANALYTICS_TRADE_SOURCE_NAME,
    ANALYTICS_TRADE_KNOWN_AT
};

wd_must_check int analytics_store_trades(wd_pg_conn_t                 *c,
                                         const analytics_trades_key_t *key,
                                         PGresult **ret, wd_error_t *err);

/* Lists behind macro-economic series: analytics_store_lists.c. */
typedef enum {
    ANALYTICS_COUNTRIES,
    ANALYTICS_INDICATORS,
    ANALYTICS_DATABASES,
    ANALYTICS_GROUPS
} analytics_list_e;

typedef struct {
    analytics_list_e list;
    wd_str_t         after; /* data NULL: from the beginning */
    wd_str_t         after_source;
    wd_str_t         like; /* pattern for code and name; data NULL: all */
    const wd_str_t  *codes; /* of countries and indicators; n 0: all */
    size_t           n_codes;
    wd_str_t part; /* "true" or "false": aggregates; a database; a list */
    wd_str_t topic; /* of indicators */
    wd_ns_t  as_of;
    int64_t  limit;
} analytics_list_key_t;

/* Its place in the order, the columns of the list, source, known_at. */
wd_must_check int analytics_store_list(wd_pg_conn_t               *c,
                                       const analytics_list_key_t *key,
                                       PGresult **ret, wd_error_t *err);

/* News, of symbols (n_symbols 0: all), behind (after_ts, after_id). */
typedef struct {
    const wd_str_t *symbols;
    size_t          n_symbols;
    wd_ns_t         from;
    wd_ns_t         to;
    wd_ns_t         as_of;
    bool            desc;
    int64_t         limit;
    wd_ns_t         after_ts;
    int64_t         after_id;
} analytics_news_key_t;

enum {
    ANALYTICS_NEWS_ID,
    ANALYTICS_NEWS_TS,
    ANALYTICS_NEWS_TITLE,
    ANALYTICS_NEWS_URL,
    ANALYTICS_NEWS_SUMMARY,
    ANALYTICS_NEWS_PUBLISHER,
    ANALYTICS_NEWS_SENTIMENT,
    ANALYTICS_NEWS_SYMBOLS,
    ANALYTICS_NEWS_RELEVANCE, /* of the one asked for that is most relevant */
    ANALYTICS_NEWS_SYMBOL_SENTIMENT,
    ANALYTICS_NEWS_SOURCE,
    ANALYTICS_NEWS_KNOWN_AT
};

wd_must_check int analytics_store_news(wd_pg_conn_t               *c,
                                       const analytics_news_key_t *key,
                                       PGresult **ret, wd_error_t *err);

enum {
    ANALYTICS_MACRO_ID,
    ANALYTICS_MACRO_INDICATOR,
    ANALYTICS_MACRO_COUNTRY,
    ANALYTICS_MACRO_COUNTRY2,
    ANALYTICS_MACRO_COUNTRY_NAME,
    ANALYTICS_MACRO_UNIT,
    ANALYTICS_MACRO_AGGREGATE,
    ANALYTICS_MACRO_SOURCE
};

/*
 * Series by indicator, country, source. Countries in upper case; none: all
 * that are no aggregates.
 */
wd_must_check int analytics_store_macro(wd_pg_conn_t   *c,
                                        const wd_str_t *indicators,
                                        size_t          n_indicators,
                                        const wd_str_t *countries,
                                        size_t n_countries, wd_ns_t as_of,
                                        PGresult **ret, wd_error_t *err);

enum {
    ANALYTICS_OBSERVATION_PLACE,
    ANALYTICS_OBSERVATION_TS,
    ANALYTICS_OBSERVATION_FREQUENCY,
    ANALYTICS_OBSERVATION_VALUE,
    ANALYTICS_OBSERVATION_STATUS,
    ANALYTICS_OBSERVATION_QUALITY,
    ANALYTICS_OBSERVATION_KNOWN_AT,
    ANALYTICS_OBSERVATION_SERIES
};

/*
 * Observations of series[i], which has place[i] in the answer; series of the
 * same place are sources of the same facts, the best first. By place, time
 * (or backwards), frequency; without the rows before (after_place, after_ts,
 * after_frequency), which stand at the last row that was shown. after_place
 * -1: from the beginning.
 */
typedef struct {
    const int64_t *series;
    const int64_t *place;
    size_t         n;
    wd_ns_t        from;
    wd_ns_t        to;
    wd_ns_t        as_of;
    bool           desc;
    int64_t        limit;
    int64_t        after_place;
    wd_ns_t        after_ts;
    wd_str_t       after_frequency;
} analytics_observations_key_t;

wd_must_check int
analytics_store_observations(wd_pg_conn_t                       *c,
                             const analytics_observations_key_t *key,
                             PGresult **ret, wd_error_t *err);

enum {
    ANALYTICS_FOUND_SYMBOL,
    ANALYTICS_FOUND_NAME,
    ANALYTICS_FOUND_TYPE,
    ANALYTICS_FOUND_EXCHANGE,
    ANALYTICS_FOUND_CURRENCY,
    ANALYTICS_FOUND_COUNTRY,
    ANALYTICS_FOUND_SECTOR,
    ANALYTICS_FOUND_INDUSTRY,
    ANALYTICS_FOUND_TIMEZONE,
    ANALYTICS_FOUND_SOURCE,
    ANALYTICS_FOUND_KNOWN_AT,
    ANALYTICS_FOUND_ID
};

/* Texts with data NULL: not asked for. */
typedef struct {
    wd_str_t prefix; /* LIKE pattern of the symbol, upper case */
    wd_str_t inside; /* LIKE pattern of the name, lower case */
    wd_str_t exact; /* this symbol comes first */
    wd_str_t type;
    wd_str_t exchange;
    wd_str_t currency;
    wd_str_t identifier; /* in any scheme, upper case */
    wd_str_t after; /* only symbols behind this one */
    bool     after_exact; /* `after` was the exact one */
    int64_t  limit;
} analytics_search_t;

wd_must_check int analytics_store_search(wd_pg_conn_t             *c,
                                         const analytics_search_t *s,
                                         PGresult **ret, wd_error_t *err);

/* One row like those of a search, or none. */
wd_must_check int analytics_store_instrument(wd_pg_conn_t *c, wd_str_t symbol,
                                             PGresult **ret, wd_error_t *err);

enum {
    ANALYTICS_STORED_TIMEFRAME,
    ANALYTICS_STORED_SOURCE,
    ANALYTICS_STORED_FROM,
    ANALYTICS_STORED_TO,
    ANALYTICS_STORED_BARS
};

wd_must_check int analytics_store_stored(wd_pg_conn_t *c, int64_t instrument,
                                         PGresult **ret, wd_error_t *err);

enum {
    ANALYTICS_FUNDAMENTAL_FIELD,
    ANALYTICS_FUNDAMENTAL_PERIOD,
    ANALYTICS_FUNDAMENTAL_VALUE,
    ANALYTICS_FUNDAMENTAL_UNIT,
    ANALYTICS_FUNDAMENTAL_SOURCE,
    ANALYTICS_FUNDAMENTAL_KNOWN_AT
};

/* Of figures that are told of days only those of the newest day. */
wd_must_check int analytics_store_fundamentals(wd_pg_conn_t *c,
                                               int64_t       instrument,
                                               PGresult **ret, wd_error_t *err);

enum {
    ANALYTICS_IDENTIFIER_SCHEME,
    ANALYTICS_IDENTIFIER_VALUE,
    ANALYTICS_IDENTIFIER_SOURCE,
    ANALYTICS_IDENTIFIER_KNOWN_AT
};

wd_must_check int analytics_store_identifiers(wd_pg_conn_t *c,
                                              int64_t       instrument,
                                              PGresult **ret, wd_error_t *err);

/* ---- what was committed; on a connection of one's own -------------------- */

/* From now on the bus is heard. */
wd_must_check int analytics_store_listen(wd_pg_conn_t *c, wd_error_t *err);

/* An event of valid.records; all views end with the callback. */
typedef struct {
    int64_t  offset;
    wd_ns_t  at;
    wd_str_t event; /* JSON */
    wd_str_t symbols; /* instruments that go by its symbols as aliases */
} analytics_commit_t;

typedef int (*analytics_commit_pt)(const analytics_commit_t *row, void *arg);

/* A failure of fn ends it and is returned. *ret_n counts the rows. */
wd_must_check int analytics_store_commits(wd_pg_conn_t *c, int64_t after,
                                          int64_t limit, analytics_commit_pt fn,
                                          void *arg, size_t *ret_n,
                                          wd_error_t *err);

/* Offset of the last event. */
wd_must_check int analytics_store_commits_last(wd_pg_conn_t *c, int64_t *ret,
                                               wd_error_t *err);

#endif /* ANALYTICS_STORE_H */
