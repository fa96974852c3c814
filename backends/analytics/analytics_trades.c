/*
 * analytics_trades.c - trades.query.
 */
#include "analytics_service.h"

#include "analytics_query.h"
#include "analytics_store.h"
#include "wd_num.h"

#include <math.h>
#include <stdio.h>

static const wd_col_t cols[] = {
    {"symbol", WD_COL_STR}, {"t", WD_COL_TIME},       {"price", WD_COL_NUM},
    {"size", WD_COL_NUM},   {"seq", WD_COL_INT},      {"q", WD_COL_INT},
    {"source", WD_COL_STR}, {"known_at", WD_COL_TIME}};

typedef struct {
    analytics_query_t  q;
    wd_str_t           source; /* data NULL: all */
    wd_str_t          *symbols;
    size_t             n_symbols;
    const PGresult    *known; /* of analytics_store_traded() */
    wd_rows_t          rows;
    analytics_cursor_t next; /* the last row's place */
    bool               more; /* rows follow behind it */
} trades_t;


static wd_str_t
known_symbol(const trades_t *t, int i)
{
    return wd_pg_get_str(t->known, i, ANALYTICS_SYMBOL);
}


/* The cursor's key: symbol, source, number, parted by blanks. */
static int
trades_mark(trades_t *t, wd_str_t symbol, const PGresult *r, int row)
{
    char key[ANALYTICS_CURSOR_KEY_MAX + 1];
    int  n;

    n = snprintf(key, sizeof(key), "%.*s %lld %lld", WD_STR_ARG(symbol),
                 (long long) wd_pg_get_int(r, row, ANALYTICS_TRADE_SOURCE),
                 (long long) wd_pg_get_int(r, row, ANALYTICS_TRADE_SEQ));
    t->next.t = wd_pg_get_ts(r, row, ANALYTICS_TRADE_TS);
    return analytics_cursor_set_key(&t->next, wd_str(key, (size_t) n));
}


/* Behind the cursor if it stands at this symbol, else from the beginning. */
static int
trades_after(const trades_t *t, wd_str_t symbol, analytics_trades_key_t *key)
{
    wd_str_t number = WD_STR_NULL, source = WD_STR_NULL, name;
    wd_str_t rest = wd_str(t->q.cursor.key, t->q.cursor.key_len);

    key->after_ts = t->q.desc ? WD_NS_MAX : WD_NS_MIN;
    if (!t->q.resumed || !wd_str_split(&rest, ' ', &name)
        || !wd_str_eq(name, symbol)) {
        return WD_OK;
    }
    if (!wd_str_split(&rest, ' ', &source) || !wd_str_split(&rest, ' ', &number)
        || wd_int_parse(source, &key->after_source) != WD_OK
        || wd_int_parse(number, &key->after_seq) != WD_OK) {
        return WD_EPARAM;
    }
    key->after_ts = t->q.cursor.t;
    if (t->q.desc) {
        key->to = wd_min(key->to, key->after_ts);
    } else {
        key->from = wd_max(key->from, key->after_ts);
    }
    return WD_OK;
}


static void
trades_put(trades_t *t, wd_str_t symbol, const PGresult *r, int row)
{
    int64_t    seq = wd_pg_get_int(r, row, ANALYTICS_TRADE_SEQ);
    wd_rows_t *out = &t->rows;

    wd_rows_row(out);
    wd_rows_str(out, symbol);
    wd_rows_time(out, wd_pg_get_ts(r, row, ANALYTICS_TRADE_TS));
    wd_rows_num(out, wd_pg_get_num(r, row, ANALYTICS_TRADE_PRICE));
    wd_rows_num(out, wd_pg_is_null(r, row, ANALYTICS_TRADE_SIZE)
                         ? NAN
                         : wd_pg_get_num(r, row, ANALYTICS_TRADE_SIZE));
    if (seq > 0) {
        wd_rows_int(out, seq);
    } else {
        wd_rows_null(out); /* ours, of no meaning to others */
    }
    wd_rows_int(out, wd_pg_get_int(r, row, ANALYTICS_TRADE_QUALITY));
    wd_rows_str(out, wd_pg_get_str(r, row, ANALYTICS_TRADE_SOURCE_NAME));
    wd_rows_time(out, wd_pg_get_ts(r, row, ANALYTICS_TRADE_KNOWN_AT));
}


static int
trades_of_instrument(trades_t *t, int64_t instrument, wd_str_t symbol)
{
    PGresult              *r;
    wd_error_t             err;
    analytics_trades_key_t key = {.instrument = instrument,
                                  .source = t->source,
                                  .from = t->q.from,
                                  .to = t->q.to,
                                  .as_of = t->q.as_of,
                                  .desc = t->q.desc};
    int                    rc, row;

    rc = trades_after(t, symbol, &key);
    if (rc != WD_OK) {
        return wd_rpc_fail_param(t->q.res, "cursor",
                                 "cursor is not one that was given out");
    }
    if (*t->q.call->canceled) {
        return wd_rpc_fail(t->q.res, WD_ECANCELED, "canceled");
    }
    key.limit = (int64_t) (t->q.limit - t->rows.n_rows + 1);
    rc = analytics_store_trades(t->q.call->pg, &key, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(&t->q, rc, &err);
    }

    for (row = 0; row < PQntuples(r) && rc == WD_OK && !t->more; row++) {
        if (t->rows.n_rows == t->q.limit) {
            t->more = true;
            break;
        }
        trades_put(t, symbol, r, row);
        rc = trades_mark(t, symbol, r, row);
    }
    PQclear(r);
    return rc;
}


/* Symbols before the cursor's were shown on earlier pages. */
static bool
trades_shown(const trades_t *t, wd_str_t symbol)
{
    wd_str_t name, rest = wd_str(t->q.cursor.key, t->q.cursor.key_len);

    return t->q.resumed && wd_str_split(&rest, ' ', &name)
           && analytics_query_compare(symbol, name) < 0;
}


/* Sorted symbols that are not among the (sorted) known ones. */
static int
trades_put_unknown(trades_t *t)
{
    wd_str_t *unknown;
    size_t    i, n = 0;
    int       row = 0;

    unknown = wd_pool_alloc(t->q.call->pool, t->n_symbols * sizeof(*unknown));
    if (unknown == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < t->n_symbols; i++) {
        if (row < PQntuples(t->known)
            && wd_str_eq(t->symbols[i], known_symbol(t, row))) {
            row++;
        } else {
            unknown[n++] = t->symbols[i];
        }
    }
    analytics_query_put_unknown(&t->rows, unknown, n);
    return WD_OK;
}


static int
trades_answer(trades_t *t)
{
    int rc = WD_OK, i;

    if (PQntuples(t->known) == 0) {
        return analytics_query_unknown(&t->q, "trades", t->symbols,
                                       t->n_symbols);
    }

    wd_rows_begin(&t->rows, &t->q.res->body, t->q.format, cols,
                  wd_array_len(cols));
    for (i = 0; i < PQntuples(t->known) && rc == WD_OK && !t->more; i++) {
        if (!trades_shown(t, known_symbol(t, i))) {
            rc = trades_of_instrument(t,
                                      wd_pg_get_int(t->known, i, ANALYTICS_ID),
                                      known_symbol(t, i));
        }
    }
    if (rc != WD_OK) {
        return rc;
    }

    wd_rows_end(&t->rows);
    analytics_query_members(&t->q, &t->rows, t->more ? &t->next : NULL);
    wd_doc_member_z(t->rows.doc, "order", t->q.desc ? "desc" : "asc");
    rc = trades_put_unknown(t);
    wd_rows_finish(&t->rows);
    return rc != WD_OK
               ? rc
               : analytics_query_done(&t->q, ANALYTICS_TTL_MARKET, "trades",
                                      t->symbols, t->n_symbols);
}


int
analytics_trades_query(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    trades_t   t = {.source = WD_STR_NULL};
    PGresult  *r;
    wd_error_t err;
    int        rc;

    rc = analytics_query_init(&t.q, call, res, "trades.query");
    if (rc == WD_OK) {
        rc = analytics_query_str(&t.q, "source", false, &t.source);
    }
    if (rc == WD_OK) {
        rc = analytics_query_list(&t.q, "symbol", true, &t.symbols,
                                  &t.n_symbols);
    }
    if (rc != WD_OK) {
        return rc;
    }

    t.n_symbols = analytics_query_sort(t.symbols, t.n_symbols);
    rc = analytics_store_traded(call->pg, t.symbols, t.n_symbols, t.q.as_of, &r,
                                &err);
    if (rc != WD_OK) {
        return analytics_query_fail(&t.q, rc, &err);
    }

    t.known = r;
    rc = trades_answer(&t);
    PQclear(r);
    return rc;
}
