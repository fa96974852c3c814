/*
 * analytics_store_news.c - the SQL of news.
 */
#include "analytics_store.h"

/* clang-format off */
#define NOW_4 "known_at <= $4"
#define THEN_4 "known_at <= $4 AND superseded_at > $4"

#define NEWS_COLUMNS \
    "id, source, ts, title, url, summary, publisher, sentiment, known_at"

#define MENTION_PART(table, known, more)                   \
    "SELECT news_id, symbol, relevance, sentiment FROM " table \
    " WHERE " known " AND " more

/* Whom an item is about, the most relevant first. */
#define NEWS_SYMBOLS                                                        \
    "(SELECT string_agg(m.symbol, ','"                                      \
    " ORDER BY m.relevance DESC NULLS LAST, m.symbol COLLATE \"C\") FROM (" \
    MENTION_PART("news_mention", NOW_4, "news_id = n.id")                   \
    " UNION ALL "                                                           \
    MENTION_PART("news_mention_history", THEN_4, "news_id = n.id") ") m)"

#define NEWS_SELECT                                              \
    "SELECT n.id, n.ts, n.title, n.url, n.summary, n.publisher," \
    " n.sentiment, " NEWS_SYMBOLS ", "

/* In the range, and behind the last item that was shown. */
#define NEWS_RANGE(beyond) \
    "ts >= $2 AND ts <= $3 AND (ts, id) " beyond " ($5, $6::bigint)"

#define NEWS_ORDER(table, order) \
    " ORDER BY " table "ts " order ", " table "id " order " LIMIT $7"

/* All: along the index of times. */
#define NEWS_ALL_PART(table, known, order, beyond)           \
    "(SELECT " NEWS_COLUMNS " FROM " table " WHERE " known   \
    " AND " NEWS_RANGE(beyond) NEWS_ORDER("", order) ")"

#define NEWS_ALL(order, beyond)                                     \
    NEWS_SELECT                                                     \
    "NULL::double precision, NULL::double precision, s.name,"       \
    " n.known_at FROM ("                                            \
    NEWS_ALL_PART("news", NOW_4, order, beyond)                     \
    " UNION ALL "                                                   \
    NEWS_ALL_PART("news_history", THEN_4, order, beyond)            \
    ") n JOIN source s ON s.id = n.source"                          \
    " WHERE cardinality($1) = 0" NEWS_ORDER("n.", order)

/*
 * Of some: from those who are mentioned, by the names that they have with
 * each provider.
 */
#define NEWS_NAMES                                                         \
    "names AS (SELECT s.id AS source, x AS symbol FROM source s"           \
    " CROSS JOIN unnest($1) x UNION SELECT a.source, a.symbol"             \
    " FROM instrument_alias a JOIN instrument i ON i.id = a.instrument_id" \
    " WHERE i.symbol = ANY($1))"

#define NEWS_WANTED                                                        \
    "wanted AS (SELECT DISTINCT ON (m.news_id, a.source) m.news_id,"       \
    " a.source, m.relevance, m.sentiment"                                  \
    " FROM names a CROSS JOIN LATERAL ("                                   \
    MENTION_PART("news_mention", NOW_4, "symbol = a.symbol")               \
    " UNION ALL "                                                          \
    MENTION_PART("news_mention_history", THEN_4, "symbol = a.symbol")      \
    ") m ORDER BY m.news_id, a.source, m.relevance DESC NULLS LAST,"       \
    " m.symbol COLLATE \"C\")"

#define NEWS_SOME_PART(table, known, beyond)                      \
    "SELECT " NEWS_COLUMNS " FROM " table " WHERE id = w.news_id" \
    " AND source = w.source AND " known " AND " NEWS_RANGE(beyond)

#define NEWS_SOME(order, beyond)                              \
    "WITH " NEWS_NAMES ", " NEWS_WANTED " "                   \
    NEWS_SELECT                                               \
    "w.relevance, w.sentiment, s.name, n.known_at FROM wanted w" \
    " CROSS JOIN LATERAL ("                                   \
    NEWS_SOME_PART("news", NOW_4, beyond)                     \
    " UNION ALL "                                             \
    NEWS_SOME_PART("news_history", THEN_4, beyond)            \
    ") n JOIN source s ON s.id = n.source" NEWS_ORDER("n.", order)
/* clang-format on */


int
analytics_store_news(wd_pg_conn_t *c, const analytics_news_key_t *key,
                     PGresult **ret, wd_error_t *err)
{
    static const char *const sql[2][2] = {
        {NEWS_ALL("ASC", ">"), NEWS_ALL("DESC", "<")},
        {NEWS_SOME("ASC", ">"), NEWS_SOME("DESC", "<")}};

    const wd_pg_param_t p[] = {wd_pg_texts(key->symbols, key->n_symbols),
                               wd_pg_ts(key->from),
                               wd_pg_ts(key->to),
                               wd_pg_ts(key->as_of),
                               wd_pg_ts(key->after_ts),
                               wd_pg_int(key->after_id),
                               wd_pg_int(key->limit)};

    return wd_pg_exec(c, sql[key->n_symbols != 0][key->desc], p,
                      wd_array_len(p), ret, err);
}
