/*
 * analytics_instruments.c - instruments.search and instruments.get.
 */
#include "analytics_service.h"

#include "analytics_query.h"
#include "analytics_store.h"
#include "wd_timeframe.h"

#define SEARCH_LIMIT_DEFAULT 100

static const wd_col_t found_cols[] = {
    {"symbol", WD_COL_STR},   {"name", WD_COL_STR},
    {"type", WD_COL_STR},     {"exchange", WD_COL_STR},
    {"currency", WD_COL_STR}, {"country", WD_COL_STR},
    {"sector", WD_COL_STR},   {"industry", WD_COL_STR},
    {"timezone", WD_COL_STR}, {"source", WD_COL_STR},
    {"known_at", WD_COL_TIME}};

static const wd_col_t series_cols[] = {{"timeframe", WD_COL_STR},
                                       {"source", WD_COL_STR},
                                       {"from", WD_COL_TIME},
                                       {"to", WD_COL_TIME},
                                       {"bars", WD_COL_INT}};

static const wd_col_t fundamental_cols[] = {
    {"field", WD_COL_STR}, {"period", WD_COL_STR}, {"value", WD_COL_STR},
    {"unit", WD_COL_STR},  {"source", WD_COL_STR}, {"known_at", WD_COL_TIME}};

static const wd_col_t identifier_cols[] = {{"scheme", WD_COL_STR},
                                           {"value", WD_COL_STR},
                                           {"source", WD_COL_STR},
                                           {"known_at", WD_COL_TIME}};


static wd_str_t
instruments_text(const PGresult *r, int row, int col)
{
    return wd_pg_is_null(r, row, col) ? WD_STR_NULL
                                      : wd_pg_get_str(r, row, col);
}


static void
instruments_put(wd_rows_t *out, const PGresult *r, int row)
{
    int col;

    wd_rows_row(out);
    for (col = ANALYTICS_FOUND_SYMBOL; col <= ANALYTICS_FOUND_SOURCE; col++) {
        wd_rows_str(out, instruments_text(r, row, col));
    }
    wd_rows_time(out, wd_pg_get_ts(r, row, ANALYTICS_FOUND_KNOWN_AT));
}


static int
search_args(analytics_query_t *q, analytics_search_t *s)
{
    wd_str_t text = WD_STR_NULL;
    int      rc;

    rc = analytics_query_str(q, "q", false, &text);
    if (rc == WD_OK) {
        rc = analytics_query_str(q, "type", false, &s->type);
    }
    if (rc == WD_OK) {
        rc = analytics_query_str(q, "exchange", false, &s->exchange);
    }
    if (rc == WD_OK) {
        rc = analytics_query_str(q, "currency", false, &s->currency);
    }
    if (rc == WD_OK) {
        rc = analytics_query_str(q, "identifier", false, &s->identifier);
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (s->identifier.data != NULL) {
        s->identifier = analytics_query_upper(q, s->identifier);
        if (s->identifier.data == NULL) {
            return WD_ENOMEM;
        }
    }
    if (text.data != NULL) {
        s->prefix = analytics_query_pattern(q, text, true, false);
        s->inside = analytics_query_pattern(q, text, false, true);
        s->exact = analytics_query_upper(q, text);
        if (s->prefix.data == NULL || s->inside.data == NULL
            || s->exact.data == NULL) {
            return WD_ENOMEM;
        }
    }

    if (q->resumed) {
        s->after = wd_str(q->cursor.key, q->cursor.key_len);
        s->after_exact = s->exact.data != NULL && wd_str_eq(s->after, s->exact);
    }
    s->limit = (int64_t) q->limit + 1;
    return WD_OK;
}


static int
search_answer(analytics_query_t *q, const PGresult *r)
{
    wd_rows_t          rows;
    analytics_cursor_t next = {.t = 0};
    size_t             i, n = (size_t) PQntuples(r);
    size_t             shown = wd_min(n, q->limit);
    int                rc = WD_OK;

    wd_rows_begin(&rows, &q->res->body, q->format, found_cols,
                  wd_array_len(found_cols));
    for (i = 0; i < shown; i++) {
        instruments_put(&rows, r, (int) i);
    }
    wd_rows_end(&rows);

    if (n > shown) {
        rc = analytics_cursor_set_key(
            &next, wd_pg_get_str(r, (int) shown - 1, ANALYTICS_FOUND_SYMBOL));
        if (rc != WD_OK) {
            return rc;
        }
    }
    analytics_query_members(q, &rows, n > shown ? &next : NULL);
    wd_rows_finish(&rows);
    return analytics_query_done(q, ANALYTICS_TTL_REFERENCE, "instruments", NULL,
                                0);
}


int
analytics_instruments_search(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    analytics_query_t  q;
    analytics_search_t s = {.limit = SEARCH_LIMIT_DEFAULT};
    PGresult          *r;
    wd_error_t         err;
    int                rc;

    rc = analytics_query_init(&q, call, res, "instruments.search");
    if (rc == WD_OK) {
        rc = search_args(&q, &s);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = analytics_store_search(call->pg, &s, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(&q, rc, &err);
    }

    rc = search_answer(&q, r);
    PQclear(r);
    return rc;
}


static int
get_series(analytics_query_t *q, wd_doc_t *d, int64_t id)
{
    PGresult  *r;
    wd_rows_t  rows;
    wd_error_t err;
    int        rc, i;

    rc = analytics_store_stored(q->call->pg, id, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(q, rc, &err);
    }

    wd_doc_key(d, "series");
    wd_rows_inside(&rows, d, series_cols, wd_array_len(series_cols));
    for (i = 0; i < PQntuples(r); i++) {
        wd_rows_row(&rows);
        wd_rows_z(&rows, wd_timeframe_name((wd_timeframe_e) wd_pg_get_int(
                             r, i, ANALYTICS_STORED_TIMEFRAME)));
        wd_rows_str(&rows, wd_pg_get_str(r, i, ANALYTICS_STORED_SOURCE));
        wd_rows_time(&rows, wd_pg_get_ts(r, i, ANALYTICS_STORED_FROM));
        wd_rows_time(&rows, wd_pg_get_ts(r, i, ANALYTICS_STORED_TO));
        wd_rows_int(&rows, wd_pg_get_int(r, i, ANALYTICS_STORED_BARS));
    }
    wd_rows_end(&rows);

    PQclear(r);
    return WD_OK;
}


static int
get_fundamentals(analytics_query_t *q, wd_doc_t *d, int64_t id)
{
    PGresult  *r;
    wd_rows_t  rows;
    wd_error_t err;
    wd_str_t   period, unit;
    int        rc, i;

    rc = analytics_store_fundamentals(q->call->pg, id, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(q, rc, &err);
    }

    wd_doc_key(d, "fundamentals");
    wd_rows_inside(&rows, d, fundamental_cols, wd_array_len(fundamental_cols));
    for (i = 0; i < PQntuples(r); i++) {
        period = wd_pg_get_str(r, i, ANALYTICS_FUNDAMENTAL_PERIOD);
        wd_rows_row(&rows);
        wd_rows_str(&rows, wd_pg_get_str(r, i, ANALYTICS_FUNDAMENTAL_FIELD));
        wd_rows_str(&rows, period.len != 0 ? period : WD_STR_NULL);
        unit = wd_pg_get_str(r, i, ANALYTICS_FUNDAMENTAL_UNIT);
        wd_rows_str(&rows, instruments_text(r, i, ANALYTICS_FUNDAMENTAL_VALUE));
        wd_rows_str(&rows, unit.len != 0 ? unit : WD_STR_NULL);
        wd_rows_str(&rows, wd_pg_get_str(r, i, ANALYTICS_FUNDAMENTAL_SOURCE));
        wd_rows_time(&rows, wd_pg_get_ts(r, i, ANALYTICS_FUNDAMENTAL_KNOWN_AT));
    }
    wd_rows_end(&rows);

    PQclear(r);
    return WD_OK;
}


static int
get_identifiers(analytics_query_t *q, wd_doc_t *d, int64_t id)
{
    PGresult  *r;
    wd_rows_t  rows;
    wd_error_t err;
    int        rc, i;

    rc = analytics_store_identifiers(q->call->pg, id, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(q, rc, &err);
    }

    wd_doc_key(d, "identifiers");
    wd_rows_inside(&rows, d, identifier_cols, wd_array_len(identifier_cols));
    for (i = 0; i < PQntuples(r); i++) {
        wd_rows_row(&rows);
        wd_rows_str(&rows, wd_pg_get_str(r, i, ANALYTICS_IDENTIFIER_SCHEME));
        wd_rows_str(&rows, wd_pg_get_str(r, i, ANALYTICS_IDENTIFIER_VALUE));
        wd_rows_str(&rows, wd_pg_get_str(r, i, ANALYTICS_IDENTIFIER_SOURCE));
        wd_rows_time(&rows, wd_pg_get_ts(r, i, ANALYTICS_IDENTIFIER_KNOWN_AT));
    }
    wd_rows_end(&rows);

    PQclear(r);
    return WD_OK;
}


static int
get_answer(analytics_query_t *q, wd_str_t symbol, const PGresult *found)
{
    wd_doc_t d;
    int64_t  id;
    int      rc, col;

    if (PQntuples(found) == 0) {
        return wd_rpc_fail(q->res, WD_ENOTFOUND, "No instrument %.*s is known",
                           WD_STR_ARG(symbol));
    }

    id = wd_pg_get_int(found, 0, ANALYTICS_FOUND_ID);
    wd_doc_init(&d, &q->res->body, q->format);
    wd_doc_obj(&d);
    for (col = ANALYTICS_FOUND_SYMBOL; col <= ANALYTICS_FOUND_SOURCE; col++) {
        wd_doc_member_str(&d, found_cols[col].name,
                          instruments_text(found, 0, col));
    }
    wd_doc_member_time(&d, "known_at",
                       wd_pg_get_ts(found, 0, ANALYTICS_FOUND_KNOWN_AT));

    rc = get_series(q, &d, id);
    if (rc == WD_OK) {
        rc = get_identifiers(q, &d, id);
    }
    if (rc == WD_OK) {
        rc = get_fundamentals(q, &d, id);
    }
    if (rc != WD_OK) {
        return rc;
    }

    wd_doc_member_time(&d, "as_of", q->known);
    wd_doc_end(&d);
    return analytics_query_done(q, ANALYTICS_TTL_REFERENCE, "instrument",
                                &symbol, 1);
}


int
analytics_instruments_get(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    analytics_query_t q;
    wd_str_t          symbol = WD_STR_NULL;
    PGresult         *r;
    wd_error_t        err;
    int               rc;

    rc = analytics_query_init(&q, call, res, "instruments.get");
    if (rc == WD_OK) {
        rc = analytics_query_str(&q, "symbol", true, &symbol);
    }
    if (rc != WD_OK) {
        return rc;
    }
    if (q.format == WD_FMT_CSV) {
        return wd_rpc_fail(res, WD_ENOTACCEPT, "CSV is not offered here");
    }

    rc = analytics_store_instrument(call->pg, symbol, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(&q, rc, &err);
    }

    rc = get_answer(&q, symbol, r);
    PQclear(r);
    return rc;
}
