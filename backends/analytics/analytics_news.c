/*
 * analytics_news.c - news.query.
 */
#include "analytics_service.h"

#include "analytics_query.h"
#include "analytics_store.h"
#include "wd_num.h"

#include <math.h>

#define NEWS_LIMIT_MAX 1000
#define NEWS_SYMBOLS_MAX 500 /* shown of one item */

static const wd_col_t cols[] = {{"t", WD_COL_TIME},
                                {"title", WD_COL_STR},
                                {"url", WD_COL_STR},
                                {"publisher", WD_COL_STR},
                                {"summary", WD_COL_STR},
                                {"sentiment", WD_COL_NUM},
                                {"symbols", WD_COL_LIST},
                                {"relevance", WD_COL_NUM},
                                {"symbol_sentiment", WD_COL_NUM},
                                {"source", WD_COL_STR},
                                {"known_at", WD_COL_TIME}};


static wd_str_t
news_text(const PGresult *r, int row, int col)
{
    return wd_pg_is_null(r, row, col) ? WD_STR_NULL
                                      : wd_pg_get_str(r, row, col);
}


static double
news_num(const PGresult *r, int row, int col)
{
    return wd_pg_is_null(r, row, col) ? NAN : wd_pg_get_num(r, row, col);
}


static void
news_put_symbols(wd_rows_t *out, const PGresult *r, int row)
{
    size_t   n = 0;
    wd_str_t names[NEWS_SYMBOLS_MAX], rest;

    rest = news_text(r, row, ANALYTICS_NEWS_SYMBOLS);
    while (n < NEWS_SYMBOLS_MAX && wd_str_split(&rest, ',', &names[n])) {
        n++;
    }
    wd_rows_list(out, names, n);
}


static void
news_put(wd_rows_t *out, const PGresult *r, int row)
{
    wd_rows_row(out);
    wd_rows_time(out, wd_pg_get_ts(r, row, ANALYTICS_NEWS_TS));
    wd_rows_str(out, wd_pg_get_str(r, row, ANALYTICS_NEWS_TITLE));
    wd_rows_str(out, wd_pg_get_str(r, row, ANALYTICS_NEWS_URL));
    wd_rows_str(out, news_text(r, row, ANALYTICS_NEWS_PUBLISHER));
    wd_rows_str(out, news_text(r, row, ANALYTICS_NEWS_SUMMARY));
    wd_rows_num(out, news_num(r, row, ANALYTICS_NEWS_SENTIMENT));
    news_put_symbols(out, r, row);
    wd_rows_num(out, news_num(r, row, ANALYTICS_NEWS_RELEVANCE));
    wd_rows_num(out, news_num(r, row, ANALYTICS_NEWS_SYMBOL_SENTIMENT));
    wd_rows_str(out, wd_pg_get_str(r, row, ANALYTICS_NEWS_SOURCE));
    wd_rows_time(out, wd_pg_get_ts(r, row, ANALYTICS_NEWS_KNOWN_AT));
}


/* Behind the last item that was shown: its time, and its id as the key. */
static int
news_after(analytics_query_t *q, analytics_news_key_t *key)
{
    key->after_ts = q->desc ? WD_NS_MAX : WD_NS_MIN;
    key->after_id = 0;
    if (!q->resumed) {
        return WD_OK;
    }
    if (wd_int_parse(wd_str(q->cursor.key, q->cursor.key_len), &key->after_id)
        != WD_OK) {
        return wd_rpc_fail_param(q->res, "cursor",
                                 "cursor is not one that was given out");
    }
    key->after_ts = q->cursor.t;
    return WD_OK;
}


static int
news_mark(const PGresult *r, int row, analytics_cursor_t *ret)
{
    char text[WD_NUM_TEXT_MAX];

    ret->t = wd_pg_get_ts(r, row, ANALYTICS_NEWS_TS);
    return analytics_cursor_set_key(
        ret, wd_str(text, wd_int_format(
                              wd_pg_get_int(r, row, ANALYTICS_NEWS_ID), text)));
}


static int
news_answer(analytics_query_t *q, const wd_str_t *symbols, size_t n_symbols,
            const PGresult *r)
{
    wd_rows_t          rows;
    analytics_cursor_t next = {.t = 0};
    size_t             i, n = (size_t) PQntuples(r);
    size_t             shown = wd_min(n, q->limit);
    int                rc = WD_OK;

    wd_rows_begin(&rows, &q->res->body, q->format, cols, wd_array_len(cols));
    for (i = 0; i < shown; i++) {
        news_put(&rows, r, (int) i);
    }
    wd_rows_end(&rows);

    if (n > shown) {
        rc = news_mark(r, (int) shown - 1, &next);
        if (rc != WD_OK) {
            return rc;
        }
    }
    analytics_query_members(q, &rows, n > shown ? &next : NULL);
    wd_doc_member_z(rows.doc, "order", q->desc ? "desc" : "asc");
    wd_rows_finish(&rows);
    return analytics_query_done(q, ANALYTICS_TTL_MARKET, "news", symbols,
                                n_symbols);
}


/* Newest first, unless it is asked for otherwise. */
static int
news_args(analytics_query_t *q, wd_str_t **ret_symbols, size_t *ret_n)
{
    wd_str_t order = WD_STR("desc");
    int      rc;

    rc = analytics_query_str(q, "order", false, &order);
    if (rc == WD_OK) {
        q->desc = !wd_str_eq_z(order, "asc");
        rc = analytics_query_list(q, "symbol", false, ret_symbols, ret_n);
    }
    if (rc == WD_OK && q->limit > NEWS_LIMIT_MAX) {
        return wd_rpc_fail_param(q->res, "limit", "limit is out of range");
    }
    return rc;
}


int
analytics_news_query(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    analytics_query_t    q;
    analytics_news_key_t key;
    wd_str_t            *symbols = NULL;
    size_t               n = 0;
    PGresult            *r;
    wd_error_t           err;
    int                  rc;

    rc = analytics_query_init(&q, call, res, "news.query");
    if (rc == WD_OK) {
        rc = news_args(&q, &symbols, &n);
    }
    if (rc != WD_OK) {
        return rc;
    }

    n = analytics_query_sort(symbols, n);
    key = (analytics_news_key_t){.symbols = symbols,
                                 .n_symbols = n,
                                 .from = q.from,
                                 .to = q.to,
                                 .as_of = q.as_of,
                                 .desc = q.desc,
                                 .limit = (int64_t) q.limit + 1};
    rc = news_after(&q, &key);
    if (rc != WD_OK) {
        return rc;
    }
    rc = analytics_store_news(call->pg, &key, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(&q, rc, &err);
    }

    rc = news_answer(&q, symbols, n, r);
    PQclear(r);
    return rc;
}
