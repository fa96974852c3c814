/*
 * analytics_quotes.c - quotes.query.
 */
#include "analytics_service.h"

#include "analytics_query.h"
#include "analytics_store.h"

#include <math.h>
#include <stdlib.h>

static const wd_col_t cols[] = {
    {"symbol", WD_COL_STR},  {"t", WD_COL_DATE},
    {"price", WD_COL_NUM},   {"open", WD_COL_NUM},
    {"high", WD_COL_NUM},    {"low", WD_COL_NUM},
    {"volume", WD_COL_NUM},  {"previous_close", WD_COL_NUM},
    {"change", WD_COL_NUM},  {"change_percent", WD_COL_NUM},
    {"stale", WD_COL_BOOL},  {"q", WD_COL_INT},
    {"source", WD_COL_STR},  {"known_at", WD_COL_TIME},
    {"bid", WD_COL_NUM},     {"ask", WD_COL_NUM},
    {"at", WD_COL_TIME},     {"bid_size", WD_COL_NUM},
    {"ask_size", WD_COL_NUM}};


static double
quotes_num(const PGresult *r, int row, int col)
{
    return wd_pg_is_null(r, row, col) ? NAN : wd_pg_get_num(r, row, col);
}


/* Digits behind the point of a price; 0 for one with an exponent. */
static int
quotes_decimals(double v)
{
    char        text[WD_NUM_TEXT_MAX];
    const char *point;

    text[wd_num_format(v, text)] = '\0';
    point = strchr(text, '.');
    return point == NULL || strchr(text, 'e') != NULL ? 0
                                                      : (int) strlen(point + 1);
}


/*
 * The difference as the decimals have it: 151.3 - 150.05 is 1.25, not
 * 1.25 and a rest of binary fractions.
 */
static double
quotes_change(double price, double previous)
{
    double d = price - previous, scale, rounded;
    int    decimals;

    if (!isfinite(d)) {
        return NAN;
    }

    decimals = wd_max(quotes_decimals(price), quotes_decimals(previous));
    if (decimals == 0 || decimals > 15) {
        return d;
    }

    scale = pow(10, decimals);
    rounded = round(d * scale);
    return fabs(rounded) < 0x1p53 ? rounded / scale : d;
}


/* Of many quotes only the day is known, which is their midnight. */
static void
quotes_put_moment(wd_rows_t *out, wd_ns_t ts)
{
    if (ts % WD_NS_PER_DAY == 0) {
        wd_rows_null(out);
    } else {
        wd_rows_time(out, ts);
    }
}


static void
quotes_put(wd_rows_t *out, const PGresult *r, int row)
{
    double  price = quotes_num(r, row, ANALYTICS_QUOTE_PRICE);
    double  before = quotes_num(r, row, ANALYTICS_QUOTE_PREVIOUS_CLOSE);
    double  change = quotes_change(price, before);
    wd_ns_t ts = wd_pg_get_ts(r, row, ANALYTICS_QUOTE_TS);
    bool    stale;

    stale = !wd_pg_is_null(r, row, ANALYTICS_QUOTE_NEWEST_BAR)
            && wd_pg_get_ts(r, row, ANALYTICS_QUOTE_NEWEST_BAR) > ts;

    wd_rows_row(out);
    wd_rows_str(out, wd_pg_get_str(r, row, ANALYTICS_QUOTE_SYMBOL));
    wd_rows_time(out, ts);
    wd_rows_num(out, price);
    wd_rows_num(out, quotes_num(r, row, ANALYTICS_QUOTE_OPEN));
    wd_rows_num(out, quotes_num(r, row, ANALYTICS_QUOTE_HIGH));
    wd_rows_num(out, quotes_num(r, row, ANALYTICS_QUOTE_LOW));
    wd_rows_num(out, quotes_num(r, row, ANALYTICS_QUOTE_VOLUME));
    wd_rows_num(out, before);
    wd_rows_num(out, change);
    wd_rows_num(out, before == 0 ? NAN : change / before * 100);
    wd_rows_bool(out, stale);
    wd_rows_int(out, wd_pg_get_int(r, row, ANALYTICS_QUOTE_QUALITY));
    wd_rows_str(out, wd_pg_get_str(r, row, ANALYTICS_QUOTE_SOURCE));
    wd_rows_time(out, wd_pg_get_ts(r, row, ANALYTICS_QUOTE_KNOWN_AT));
    wd_rows_num(out, quotes_num(r, row, ANALYTICS_QUOTE_BID));
    wd_rows_num(out, quotes_num(r, row, ANALYTICS_QUOTE_ASK));
    quotes_put_moment(out, ts);
    wd_rows_num(out, quotes_num(r, row, ANALYTICS_QUOTE_BID_SIZE));
    wd_rows_num(out, quotes_num(r, row, ANALYTICS_QUOTE_ASK_SIZE));
}


/* Sorted symbols that no row is about. */
static size_t
quotes_unknown(const wd_str_t *symbols, size_t n, const PGresult *r,
               wd_str_t *ret)
{
    size_t i, n_unknown = 0;
    int    row = 0;

    for (i = 0; i < n; i++) {
        if (row < PQntuples(r)
            && wd_str_eq(symbols[i],
                         wd_pg_get_str(r, row, ANALYTICS_QUOTE_SYMBOL))) {
            row++;
        } else {
            ret[n_unknown++] = symbols[i];
        }
    }
    return n_unknown;
}


static int
quotes_answer(analytics_query_t *q, const wd_str_t *symbols, size_t n,
              const PGresult *r)
{
    wd_rows_t rows;
    wd_str_t *unknown;
    size_t    n_unknown;
    int       row;

    if (PQntuples(r) == 0) {
        return analytics_query_unknown(q, "quotes", symbols, n);
    }

    unknown = wd_pool_alloc(q->call->pool, n * sizeof(*unknown));
    if (unknown == NULL) {
        return WD_ENOMEM;
    }
    n_unknown = quotes_unknown(symbols, n, r, unknown);

    wd_rows_begin(&rows, &q->res->body, q->format, cols, wd_array_len(cols));
    for (row = 0; row < PQntuples(r); row++) {
        quotes_put(&rows, r, row);
    }
    wd_rows_end(&rows);
    analytics_query_members(q, &rows, NULL);
    analytics_query_put_unknown(&rows, unknown, n_unknown);
    wd_rows_finish(&rows);

    return analytics_query_done(q, ANALYTICS_TTL_MARKET, "quotes", symbols, n);
}


int
analytics_quotes_query(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    analytics_query_t q;
    wd_str_t         *symbols = NULL;
    size_t            n = 0;
    PGresult         *r;
    wd_error_t        err;
    int               rc;

    rc = analytics_query_init(&q, call, res, "quotes.query");
    if (rc == WD_OK) {
        rc = analytics_query_list(&q, "symbol", true, &symbols, &n);
    }
    if (rc != WD_OK) {
        return rc;
    }

    n = analytics_query_sort(symbols, n);
    rc = analytics_store_quotes(call->pg, symbols, n, q.as_of, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(&q, rc, &err);
    }

    rc = quotes_answer(&q, symbols, n, r);
    PQclear(r);
    return rc;
}
