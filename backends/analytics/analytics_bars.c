/*
 * analytics_bars.c - bars.query.
 */
#include "analytics_service.h"

#include "analytics_view.h"

static const wd_col_t cols_daily[] = {
    {"symbol", WD_COL_STR},   {"t", WD_COL_DATE}, {"o", WD_COL_NUM},
    {"h", WD_COL_NUM},        {"l", WD_COL_NUM},  {"c", WD_COL_NUM},
    {"v", WD_COL_NUM},        {"q", WD_COL_INT},  {"source", WD_COL_STR},
    {"known_at", WD_COL_TIME}};

static const wd_col_t cols_intraday[] = {
    {"symbol", WD_COL_STR},   {"t", WD_COL_TIME}, {"o", WD_COL_NUM},
    {"h", WD_COL_NUM},        {"l", WD_COL_NUM},  {"c", WD_COL_NUM},
    {"v", WD_COL_NUM},        {"q", WD_COL_INT},  {"source", WD_COL_STR},
    {"known_at", WD_COL_TIME}};

typedef struct {
    analytics_query_t       q;
    wd_timeframe_e          timeframe;
    analytics_adjustment_e  adjustment;
    wd_str_t               *symbols;
    size_t                  n_symbols;
    analytics_instrument_t *known;
    size_t                  n_known;
    wd_str_t               *unknown;
    size_t                  n_unknown;
    wd_rows_t               rows;
    analytics_cursor_t      next; /* the last row's place */
    bool                    more; /* rows follow behind it */
} bars_t;


static void
bars_put(bars_t *b, wd_str_t symbol, const analytics_bar_t *bar)
{
    wd_rows_t *r = &b->rows;

    wd_rows_row(r);
    wd_rows_str(r, symbol);
    wd_rows_time(r, bar->t);
    wd_rows_num(r, bar->open);
    wd_rows_num(r, bar->high);
    wd_rows_num(r, bar->low);
    wd_rows_num(r, bar->close);
    wd_rows_num(r, bar->volume);
    wd_rows_int(r, bar->quality);
    wd_rows_z(r, bar->source);
    wd_rows_time(r, bar->known_at);
}


/* Range of an instrument: behind the cursor if that stands here. */
static void
bars_range(const bars_t *b, wd_str_t symbol, wd_ns_t *from, wd_ns_t *to)
{
    *from = b->q.from;
    *to = b->q.to;

    if (!b->q.resumed || !wd_str_eq_z(symbol, b->q.cursor.key)) {
        return;
    }
    if (b->q.desc) {
        *to = b->q.cursor.t - 1;
    } else {
        *from = b->q.cursor.t + 1;
    }
}


static int
bars_of_instrument(bars_t *b, const analytics_instrument_t *x)
{
    analytics_view_t view;
    analytics_bar_t  bar;
    wd_ns_t          from, to;
    int              rc;

    bars_range(b, x->symbol, &from, &to);
    if (from > to) {
        return WD_OK;
    }

    rc = analytics_view_open(&view, &b->q, x, b->timeframe, b->adjustment, from,
                             to, b->q.desc, b->q.limit - b->rows.n_rows + 1);

    while (rc == WD_OK && !b->more) {
        rc = analytics_view_next(&view, &bar);
        if (rc != WD_OK) {
            break;
        }
        if (b->rows.n_rows == b->q.limit) {
            b->more = true;
            break;
        }

        bars_put(b, x->symbol, &bar);
        b->next.t = bar.t;
        rc = analytics_cursor_set_key(&b->next, x->symbol);
    }

    analytics_view_close(&view);
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* Instruments before the cursor's were shown on earlier pages. */
static bool
bars_shown(const bars_t *b, wd_str_t symbol)
{
    return b->q.resumed
           && analytics_query_compare(
                  symbol, wd_str(b->q.cursor.key, b->q.cursor.key_len))
                  < 0;
}


static int
bars_answer(bars_t *b)
{
    size_t i;
    int    rc = WD_OK;
    bool   daily = b->timeframe >= WD_TF_1D;

    wd_rows_begin(&b->rows, &b->q.res->body, b->q.format,
                  daily ? cols_daily : cols_intraday, wd_array_len(cols_daily));

    for (i = 0; i < b->n_known && rc == WD_OK && !b->more; i++) {
        if (!bars_shown(b, b->known[i].symbol)) {
            rc = bars_of_instrument(b, &b->known[i]);
        }
    }
    if (rc != WD_OK) {
        return rc;
    }

    wd_rows_end(&b->rows);
    analytics_query_members(&b->q, &b->rows, b->more ? &b->next : NULL);
    wd_doc_member_z(b->rows.doc, "timeframe", wd_timeframe_name(b->timeframe));
    wd_doc_member_z(b->rows.doc, "adjustment",
                    analytics_adjustment_name(b->adjustment));
    wd_doc_member_z(b->rows.doc, "order", b->q.desc ? "desc" : "asc");
    analytics_query_put_unknown(&b->rows, b->unknown, b->n_unknown);
    wd_rows_finish(&b->rows);

    return analytics_query_done(&b->q, ANALYTICS_TTL_MARKET, "bars", b->symbols,
                                b->n_symbols);
}


int
analytics_bars_query(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    bars_t b = {.n_known = 0};
    int    rc;

    rc = analytics_query_init(&b.q, call, res, "bars.query");
    if (rc == WD_OK) {
        rc = analytics_view_args(&b.q, &b.timeframe, &b.adjustment);
    }
    if (rc == WD_OK) {
        rc = analytics_query_list(&b.q, "symbol", true, &b.symbols,
                                  &b.n_symbols);
    }
    if (rc != WD_OK) {
        return rc;
    }

    b.n_symbols = analytics_query_sort(b.symbols, b.n_symbols);
    rc = analytics_instruments_find(&b.q, b.symbols, b.n_symbols, b.timeframe,
                                    &b.known, &b.n_known, &b.unknown,
                                    &b.n_unknown);
    if (rc == WD_OK) {
        rc = bars_answer(&b);
    }
    analytics_instruments_done(b.known, b.n_known);
    return rc;
}
