/*
 * analytics_indicators.c - indicators.list and indicators.compute.
 *
 * An indicator is computed over the whole stored series, from its first bar
 * on, and the page is cut out of that: a bar's value does not depend on the
 * range asked for.
 */
#include "analytics_service.h"

#include "analytics_view.h"
#include "indicator.h"

#include <math.h>
#include <stdlib.h>

#define INDICATORS_COLS_MAX (1 + INDICATOR_OUTPUTS_MAX)
#define INDICATORS_FIRST 8192 /* bars of the first block of memory */

/* Arguments that only some indicators take. */
static const char *const indicator_args[] = {
    "time_period", "fastperiod",  "slowperiod",  "signalperiod", "nbdevup",
    "nbdevdn",     "fastkperiod", "slowkperiod", "slowdperiod"};

static const char *const series_types[] = {"open", "high", "low", "close"};

enum { SERIES_OPEN, SERIES_HIGH, SERIES_LOW, SERIES_CLOSE, SERIES_VOLUME };

#define SERIES_COLUMNS 5

/* Columns of all bars. */
typedef struct {
    size_t      n;
    size_t      cap;
    wd_ns_t    *t;
    int32_t    *session;
    double     *col[SERIES_COLUMNS];
    size_t      flagged; /* bars with quality flags */
    const char *source; /* name, or "mixed" */
} series_t;

typedef struct {
    analytics_query_t       q;
    wd_timeframe_e          timeframe;
    analytics_adjustment_e  adjustment;
    const indicator_t      *indicator;
    double                  param[INDICATOR_PARAMS_MAX];
    int                     series_type;
    wd_str_t                symbol;
    analytics_instrument_t *known;
    size_t                  n_known;
    series_t                series;
    double                 *out[INDICATOR_OUTPUTS_MAX];
    wd_rows_t               rows;
    wd_col_t                cols[INDICATORS_COLS_MAX];
} compute_t;


static void
list_indicator(wd_doc_t *d, const indicator_t *ind)
{
    double p[INDICATOR_PARAMS_MAX];
    size_t k;

    wd_doc_obj(d);
    wd_doc_member_z(d, "name", ind->name);
    wd_doc_member_z(d, "title", ind->title);
    wd_doc_member_z(d, "group", ind->group);

    wd_doc_key(d, "parameters");
    wd_doc_arr(d);
    for (k = 0; k < ind->n_params; k++) {
        p[k] = ind->params[k].def;
        wd_doc_obj(d);
        wd_doc_member_z(d, "name", ind->params[k].name);
        wd_doc_member_z(d, "type",
                        ind->params[k].integer ? "integer" : "number");
        wd_doc_member_num(d, "default", ind->params[k].def);
        wd_doc_member_num(d, "min", ind->params[k].min);
        wd_doc_member_num(d, "max", ind->params[k].max);
        wd_doc_end(d);
    }
    wd_doc_end(d);

    wd_doc_key(d, "outputs");
    wd_doc_arr(d);
    for (k = 0; k < ind->n_outputs; k++) {
        wd_doc_z(d, ind->outputs[k]);
    }
    wd_doc_end(d);

    wd_doc_key(d, "series_type");
    wd_doc_bool(d, (ind->inputs & INDICATOR_PRICE) != 0);
    wd_doc_key(d, "intraday_only");
    wd_doc_bool(d, (ind->inputs & INDICATOR_SESSION) != 0);
    wd_doc_member_int(d, "lookback", (int64_t) ind->lookback(p));
    wd_doc_end(d);
}


int
analytics_indicators_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    /* No time, no cursor: the answer changes with the program only. */
    analytics_query_t  q = {.call = call,
                            .res = res,
                            .conf = call->svc,
                            .asked_as_of = WD_NS_MAX,
                            .format = call->ctx.format == WD_FMT_MSGPACK
                                          ? WD_FMT_MSGPACK
                                          : WD_FMT_JSON};
    const indicator_t *all;
    wd_doc_t           d;
    size_t             i, n;

    if (call->ctx.format == WD_FMT_CSV) {
        return wd_rpc_fail(res, WD_ENOTACCEPT, "CSV is not offered here");
    }

    all = indicators(&n);
    wd_doc_init(&d, &res->body, q.format);
    wd_doc_obj(&d);
    wd_doc_key(&d, "data");
    wd_doc_arr(&d);
    for (i = 0; i < n; i++) {
        list_indicator(&d, &all[i]);
    }
    wd_doc_end(&d);
    wd_doc_member_int(&d, "count", (int64_t) n);
    wd_doc_end(&d);
    return analytics_query_done(&q, ANALYTICS_TTL_STATIC, "indicators", NULL,
                                0);
}


/* Index of the indicator's parameter with this name, or -1. */
static int
compute_param_index(const indicator_t *ind, const char *name)
{
    size_t k;

    for (k = 0; k < ind->n_params; k++) {
        if (strcmp(ind->params[k].name, name) == 0) {
            return (int) k;
        }
    }
    return -1;
}


static int
compute_param(compute_t *x, const char *name)
{
    wd_rpc_res_t            *res = x->q.res;
    const indicator_param_t *p;
    double                   v;
    int                      k, rc;

    rc = wd_rpc_arg_num(x->q.call, name, &v);
    if (rc == WD_ENOTFOUND) {
        return WD_OK;
    }
    if (rc != WD_OK) {
        return wd_rpc_fail_param(res, name, "%s has the wrong type", name);
    }

    k = compute_param_index(x->indicator, name);
    if (k < 0) {
        return wd_rpc_fail_param(res, name, "%s is no parameter of %s", name,
                                 x->indicator->name);
    }

    p = &x->indicator->params[k];
    if (!(v >= p->min && v <= p->max) || (p->integer && v != floor(v))) {
        return wd_rpc_fail_param(
            res, name, "%s of %s must be %s%g to %g", name, x->indicator->name,
            p->integer ? "an integer, " : "", p->min, p->max);
    }
    x->param[k] = v;
    return WD_OK;
}


static int
compute_params(compute_t *x)
{
    const indicator_t *ind = x->indicator;
    const char        *rule;
    size_t             i;
    int                rc, k;

    for (i = 0; i < ind->n_params; i++) {
        x->param[i] = ind->params[i].def;
    }
    for (i = 0; i < wd_array_len(indicator_args); i++) {
        rc = compute_param(x, indicator_args[i]);
        if (rc != WD_OK) {
            return rc;
        }
    }

    k = ind->check != NULL ? ind->check(x->param, &rule) : -1;
    return k < 0 ? WD_OK
                 : wd_rpc_fail_param(x->q.res, ind->params[k].name, "%s", rule);
}


static int
compute_series_type(compute_t *x)
{
    wd_str_t type = WD_STR("close");
    size_t   i;
    int      rc;

    rc = analytics_query_str(&x->q, "series_type", false, &type);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < wd_array_len(series_types); i++) {
        if (wd_str_eq_z(type, series_types[i])) {
            break;
        }
    }
    if (i == wd_array_len(series_types)) {
        return wd_rpc_fail_param(x->q.res, "series_type",
                                 "series_type is not one of the values "
                                 "allowed");
    }

    /* The default is always there: only another value tells a wish. */
    if (i != SERIES_CLOSE && !(x->indicator->inputs & INDICATOR_PRICE)) {
        return wd_rpc_fail_param(x->q.res, "series_type",
                                 "series_type is no parameter of %s",
                                 x->indicator->name);
    }
    x->series_type = (int) i;
    return WD_OK;
}


static int
compute_args(compute_t *x)
{
    wd_str_t name = WD_STR_NULL;
    int      rc;

    rc = analytics_query_str(&x->q, "name", true, &name);
    if (rc == WD_OK) {
        rc = analytics_query_str(&x->q, "symbol", true, &x->symbol);
    }
    if (rc == WD_OK) {
        rc = analytics_view_args(&x->q, &x->timeframe, &x->adjustment);
    }
    if (rc != WD_OK) {
        return rc;
    }

    x->indicator = indicator_by_name(name);
    if (x->indicator == NULL) {
        return wd_rpc_fail(x->q.res, WD_ENOTFOUND,
                           "No indicator %.*s is known: see /v1/indicators",
                           WD_STR_ARG(name));
    }
    if ((x->indicator->inputs & INDICATOR_SESSION)
        && x->timeframe >= WD_TF_1D) {
        return wd_rpc_fail_param(x->q.res, "timeframe",
                                 "%s needs a timeframe below a day",
                                 x->indicator->name);
    }

    rc = compute_params(x);
    return rc == WD_OK ? compute_series_type(x) : rc;
}


static int
series_grow(series_t *s)
{
    size_t cap = s->cap != 0 ? 2 * s->cap : INDICATORS_FIRST, k;
    void  *p;

    p = realloc(s->t, cap * sizeof(*s->t));
    if (p == NULL) {
        return WD_ENOMEM;
    }
    s->t = p;

    p = realloc(s->session, cap * sizeof(*s->session));
    if (p == NULL) {
        return WD_ENOMEM;
    }
    s->session = p;

    for (k = 0; k < SERIES_COLUMNS; k++) {
        p = realloc(s->col[k], cap * sizeof(double));
        if (p == NULL) {
            return WD_ENOMEM;
        }
        s->col[k] = p;
    }

    s->cap = cap;
    return WD_OK;
}


static double
series_value(double v)
{
    return isfinite(v) ? v : NAN;
}


static int
series_add(compute_t *x, const analytics_bar_t *bar)
{
    series_t *s = &x->series;
    size_t    i = s->n;

    if (i == x->q.conf->series_max) {
        return wd_rpc_fail(x->q.res, WD_ETOOBIG,
                           "The series has more bars than the %u that an "
                           "indicator is computed from",
                           x->q.conf->series_max);
    }
    if (i == s->cap && series_grow(s) != WD_OK) {
        return WD_ENOMEM;
    }

    s->t[i] = bar->t;
    s->session[i] = analytics_view_day(&x->known[0], x->timeframe, bar->t);
    s->col[SERIES_OPEN][i] = series_value(bar->open);
    s->col[SERIES_HIGH][i] = series_value(bar->high);
    s->col[SERIES_LOW][i] = series_value(bar->low);
    s->col[SERIES_CLOSE][i] = series_value(bar->close);
    s->col[SERIES_VOLUME][i] = series_value(bar->volume);
    s->flagged += bar->quality != 0;
    if (s->source != NULL && s->source != bar->source) {
        s->source = "mixed";
    } else {
        s->source = bar->source;
    }
    s->n++;
    return WD_OK;
}


/* From the first bar there is up to the last one asked for. */
static int
compute_load(compute_t *x)
{
    analytics_view_t view;
    analytics_bar_t  bar;
    int              rc;

    rc = analytics_view_open(&view, &x->q, &x->known[0], x->timeframe,
                             x->adjustment, WD_NS_MIN, x->q.to, false,
                             SIZE_MAX);
    while (rc == WD_OK) {
        rc = analytics_view_next(&view, &bar);
        if (rc == WD_OK) {
            rc = series_add(x, &bar);
        }
    }

    analytics_view_close(&view);
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


static int
compute_run(compute_t *x)
{
    const series_t  *s = &x->series;
    indicator_bars_t in = {.n = s->n,
                           .high = s->col[SERIES_HIGH],
                           .low = s->col[SERIES_LOW],
                           .close = s->col[SERIES_CLOSE],
                           .volume = s->col[SERIES_VOLUME],
                           .price = s->col[x->series_type],
                           .session = s->session};
    size_t           k;

    for (k = 0; k < x->indicator->n_outputs; k++) {
        x->out[k] = malloc((s->n + 1) * sizeof(double));
        if (x->out[k] == NULL) {
            return WD_ENOMEM;
        }
    }
    return indicator_run(x->indicator, &in, x->param, x->out);
}


/* First bar at or after t. */
static size_t
series_find(const series_t *s, wd_ns_t t)
{
    size_t low = 0, high = s->n, mid;

    while (low < high) {
        mid = low + (high - low) / 2;
        if (s->t[mid] < t) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}


static void
compute_put(compute_t *x, size_t i)
{
    size_t k;

    wd_rows_row(&x->rows);
    wd_rows_time(&x->rows, x->series.t[i]);
    for (k = 0; k < x->indicator->n_outputs; k++) {
        wd_rows_num(&x->rows, x->out[k][i]);
    }
}


/* The bars of the page are first..last - 1; returns the last one shown. */
static size_t
compute_page(compute_t *x, size_t first, size_t last)
{
    size_t i, n = wd_min(last - first, x->q.limit);

    for (i = 0; i < n; i++) {
        compute_put(x, x->q.desc ? last - 1 - i : first + i);
    }
    return n == 0 ? 0 : x->q.desc ? last - n : first + n - 1;
}


static void
compute_members(compute_t *x)
{
    const indicator_t *ind = x->indicator;
    wd_doc_t          *d = x->rows.doc;
    size_t             k;

    wd_doc_member_str(d, "symbol", x->symbol);
    wd_doc_member_z(d, "indicator", ind->name);
    wd_doc_key(d, "parameters");
    wd_doc_obj(d);
    for (k = 0; k < ind->n_params; k++) {
        wd_doc_member_num(d, ind->params[k].name, x->param[k]);
    }
    wd_doc_end(d);
    wd_doc_member_z(d, "series_type",
                    ind->inputs & INDICATOR_PRICE ? series_types[x->series_type]
                                                  : NULL);
    wd_doc_member_z(d, "timeframe", wd_timeframe_name(x->timeframe));
    wd_doc_member_z(d, "adjustment", analytics_adjustment_name(x->adjustment));
    wd_doc_member_z(d, "order", x->q.desc ? "desc" : "asc");
    wd_doc_member_int(d, "lookback", (int64_t) ind->lookback(x->param));
    wd_doc_member_int(d, "series_count", (int64_t) x->series.n);
    wd_doc_member_int(d, "flagged_count", (int64_t) x->series.flagged);
    wd_doc_member_z(d, "source", x->series.source);
}


static int
compute_answer(compute_t *x)
{
    const indicator_t *ind = x->indicator;
    analytics_cursor_t next = {.t = 0};
    size_t             k, first, last, shown;
    bool               more;

    x->cols[0] = (wd_col_t){"t", x->timeframe >= WD_TF_1D ? WD_COL_DATE
                                                          : WD_COL_TIME};
    for (k = 0; k < ind->n_outputs; k++) {
        x->cols[1 + k] = (wd_col_t){ind->outputs[k], WD_COL_NUM};
    }

    first = series_find(&x->series, x->q.from);
    last = x->series.n;
    if (x->q.resumed && x->q.desc) {
        last = wd_max(first, series_find(&x->series, x->q.cursor.t));
    } else if (x->q.resumed) {
        first = wd_max(first, series_find(&x->series, x->q.cursor.t + 1));
    }
    more = last - first > x->q.limit;

    wd_rows_begin(&x->rows, &x->q.res->body, x->q.format, x->cols,
                  1 + ind->n_outputs);
    shown = compute_page(x, first, last);
    wd_rows_end(&x->rows);

    if (more) {
        next.t = x->series.t[shown];
    }
    analytics_query_members(&x->q, &x->rows, more ? &next : NULL);
    compute_members(x);
    wd_rows_finish(&x->rows);
    return analytics_query_done(&x->q, ANALYTICS_TTL_COMPUTED, "bars",
                                &x->symbol, 1);
}


static void
compute_done(compute_t *x)
{
    size_t k;

    analytics_instruments_done(x->known, x->n_known);
    free(x->series.t);
    free(x->series.session);
    for (k = 0; k < SERIES_COLUMNS; k++) {
        free(x->series.col[k]);
    }
    for (k = 0; k < INDICATOR_OUTPUTS_MAX; k++) {
        free(x->out[k]);
    }
}


int
analytics_indicators_compute(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    compute_t x = {.n_known = 0};
    wd_str_t *unknown;
    size_t    n_unknown;
    int       rc;

    rc = analytics_query_init(&x.q, call, res, "indicators.compute");
    if (rc == WD_OK) {
        rc = compute_args(&x);
    }
    if (rc == WD_OK) {
        rc = analytics_instruments_find(&x.q, &x.symbol, 1, x.timeframe,
                                        &x.known, &x.n_known, &unknown,
                                        &n_unknown);
    }
    if (rc == WD_OK) {
        rc = compute_load(&x);
    }
    if (rc == WD_OK) {
        rc = compute_run(&x);
    }
    if (rc == WD_OK) {
        rc = compute_answer(&x);
    }
    compute_done(&x);
    return rc;
}
