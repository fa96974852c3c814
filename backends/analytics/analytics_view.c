/*
 * analytics_view.c - reads, merges, adjusts and aggregates stored bars.
 */
#include "analytics_view.h"

#include <math.h>

/* Bit of the column quality: the period was not over. */
#define VIEW_UNFINISHED 4

static const char *const adjustments[] = {"raw", "split", "all"};


const char *
analytics_adjustment_name(analytics_adjustment_e a)
{
    return adjustments[a];
}


int
analytics_view_args(analytics_query_t *q, wd_timeframe_e *ret_tf,
                    analytics_adjustment_e *ret_adjustment)
{
    wd_str_t tf = WD_STR("1d"), adjustment = WD_STR("raw");
    size_t   i;
    int      rc;

    rc = analytics_query_str(q, "timeframe", false, &tf);
    if (rc == WD_OK) {
        rc = analytics_query_str(q, "adjustment", false, &adjustment);
    }
    if (rc != WD_OK) {
        return rc;
    }

    *ret_tf = wd_timeframe_by_name(tf);
    if (*ret_tf == WD_TF_NONE) {
        return wd_rpc_fail_param(q->res, "timeframe",
                                 "timeframe is not one of the values allowed");
    }

    for (i = 0; i < wd_array_len(adjustments); i++) {
        if (wd_str_eq_z(adjustment, adjustments[i])) {
            *ret_adjustment = (analytics_adjustment_e) i;
            return WD_OK;
        }
    }
    return wd_rpc_fail_param(q->res, "adjustment",
                             "adjustment is not one of the values allowed");
}


/* A zone that cannot be loaded counts as UTC. */
static void
view_timezone(analytics_query_t *q, analytics_instrument_t *one, wd_str_t name)
{
    char zone[64];

    if (name.len == 0 || name.len >= sizeof(zone) || wd_str_eq_z(name, "UTC")) {
        return;
    }

    wd_str_copy(zone, sizeof(zone), name);
    if (wd_tz_load(zone, &one->tz) != WD_OK) {
        one->tz = NULL;
        /* Asked for with every request, so no more than a debug line. */
        wd_log_debug(q->call->log, "time zone not found, UTC is used", "zone",
                     name, "symbol", one->symbol);
    }
}


/* Marks of one row of analytics_store_series(). */
static void
view_add_series(analytics_instrument_t *one, const PGresult *r, int row)
{
    one->stored |= 1u << wd_pg_get_int(r, row, ANALYTICS_SERIES_TIMEFRAME);
}


static int
view_add_source(analytics_query_t *q, analytics_sources_t *s, const PGresult *r,
                int row)
{
    wd_str_t name = wd_pg_get_str(r, row, ANALYTICS_SERIES_SOURCE_NAME);

    if ((int) s->timeframe != wd_pg_get_int(r, row, ANALYTICS_SERIES_TIMEFRAME)
        || s->n == ANALYTICS_SOURCES_MAX) {
        return WD_OK;
    }
    s->ids[s->n] = wd_pg_get_int(r, row, ANALYTICS_SERIES_SOURCE);
    s->names[s->n] = wd_pool_strdup(q->call->pool, name);
    if (s->names[s->n] == NULL) {
        return WD_ENOMEM;
    }

    /* One pointer for one name: resampling compares them. */
    s->n++;
    return WD_OK;
}


/* What bars are read from: what is there decides. */
static void
view_choose_series(analytics_instrument_t *one, wd_timeframe_e tf)
{
    one->base.timeframe = analytics_resample_base(tf, one->stored);
    one->own.timeframe = tf > WD_TF_1D && one->base.timeframe == WD_TF_1D
                                 && (one->stored & 1u << tf) != 0
                             ? tf
                             : WD_TF_NONE;
}


static analytics_instrument_t *
view_by_id(analytics_instrument_t *all, size_t n, int64_t id)
{
    size_t i;

    for (i = 0; i < n && all[i].id != id; i++) { /* void */
    }
    return i < n ? &all[i] : NULL;
}


/* Which timeframes and sources are stored of each instrument. */
static int
view_find_series(analytics_query_t *q, wd_timeframe_e tf,
                 analytics_instrument_t *all, size_t n)
{
    int64_t                *ids, timeframes[WD_TF_1MO];
    size_t                  i, n_timeframes;
    int                     row, rc, pass;
    PGresult               *r;
    wd_error_t              err;
    analytics_instrument_t *one;

    ids = wd_pool_alloc(q->call->pool, n * sizeof(*ids));
    if (ids == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < n; i++) {
        ids[i] = all[i].id;
    }

    n_timeframes = analytics_resample_candidates(tf, timeframes);
    rc = analytics_store_series(q->call->pg, ids, n, timeframes, n_timeframes,
                                q->as_of, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(q, rc, &err);
    }

    /* First what there is, then the sources of what is read. */
    for (pass = 0; pass < 2 && rc == WD_OK; pass++) {
        for (row = 0; row < PQntuples(r) && rc == WD_OK; row++) {
            one = view_by_id(
                all, n, wd_pg_get_int(r, row, ANALYTICS_SERIES_INSTRUMENT));
            if (one == NULL) {
                continue;
            }
            if (pass == 0) {
                view_add_series(one, r, row);
                continue;
            }
            rc = view_add_source(q, &one->base, r, row);
            if (rc == WD_OK) {
                rc = view_add_source(q, &one->own, r, row);
            }
        }
        for (i = 0; i < n; i++) {
            view_choose_series(&all[i], tf);
        }
    }

    PQclear(r);
    return rc;
}


/* Splits sorted symbols into those of the (sorted) rows and the others. */
static void
view_split_known(analytics_query_t *q, const wd_str_t *symbols, size_t n,
                 const PGresult *r, analytics_instrument_t *known,
                 size_t *ret_n, wd_str_t *unknown, size_t *ret_n_unknown)
{
    size_t i;
    int    row = 0, rows = PQntuples(r);

    for (i = 0; i < n; i++) {
        if (row == rows
            || !wd_str_eq(symbols[i],
                          wd_pg_get_str(r, row, ANALYTICS_SYMBOL))) {
            unknown[(*ret_n_unknown)++] = symbols[i];
            continue;
        }

        known[*ret_n].id = wd_pg_get_int(r, row, ANALYTICS_ID);
        known[*ret_n].symbol = symbols[i];
        view_timezone(q, &known[*ret_n],
                      wd_pg_get_str(r, row, ANALYTICS_TIMEZONE));
        (*ret_n)++;
        row++;
    }
}


int
analytics_instruments_find(analytics_query_t *q, const wd_str_t *symbols,
                           size_t n, wd_timeframe_e tf,
                           analytics_instrument_t **ret, size_t *ret_n,
                           wd_str_t **ret_unknown, size_t *ret_n_unknown)
{
    PGresult  *r;
    wd_error_t err;
    int        rc;

    *ret_n = *ret_n_unknown = 0;
    *ret = wd_pool_calloc(q->call->pool, n * sizeof(**ret));
    *ret_unknown = wd_pool_calloc(q->call->pool, n * sizeof(**ret_unknown));
    if (*ret == NULL || *ret_unknown == NULL) {
        return WD_ENOMEM;
    }

    rc = analytics_store_instruments(q->call->pg, symbols, n, q->asked_as_of,
                                     &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(q, rc, &err);
    }

    view_split_known(q, symbols, n, r, *ret, ret_n, *ret_unknown,
                     ret_n_unknown);
    PQclear(r);

    if (*ret_n == 0) {
        return analytics_query_unknown(q, "bars", symbols, n);
    }
    return view_find_series(q, tf, *ret, *ret_n);
}


void
analytics_instruments_done(analytics_instrument_t *all, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        wd_tz_destroy(all[i].tz);
    }
}


static bool
view_intraday(wd_timeframe_e tf)
{
    return tf < WD_TF_1D;
}


/* First instant of a day in the instrument's zone, for intraday bars. */
static wd_ns_t
view_day_start(const analytics_instrument_t *x, wd_ns_t date)
{
    wd_civil_t civil;
    wd_ns_t    t;

    if (!view_intraday(x->base.timeframe) || x->tz == NULL) {
        return date;
    }

    wd_time_to_civil(date, &civil);
    return wd_tz_to_utc(x->tz, &civil, &t) == WD_OK ? t : date;
}


int32_t
analytics_view_day(const analytics_instrument_t *x, wd_timeframe_e tf,
                   wd_ns_t t)
{
    int64_t s = t / WD_NS_PER_S;

    if (view_intraday(tf) && x->tz != NULL) {
        s += wd_tz_offset(x->tz, t);
    }
    return (int32_t) (s / 86400 - (s % 86400 < 0));
}


static double
view_num(const PGresult *r, int row, int col, double null)
{
    return wd_pg_is_null(r, row, col) ? null : wd_pg_get_num(r, row, col);
}


static int
view_load_actions(analytics_view_t *v, analytics_adjustment_e adjustment)
{
    analytics_query_t  *q = v->q;
    analytics_action_t *actions;
    PGresult           *r;
    wd_error_t          err;
    int                 i, n, rc;

    if (adjustment == ANALYTICS_RAW) {
        return WD_OK;
    }

    rc = analytics_store_actions(q->call->pg, v->instrument->id, q->as_of,
                                 q->known, adjustment == ANALYTICS_ALL, &r,
                                 &err);
    if (rc != WD_OK) {
        return analytics_query_fail(q, rc, &err);
    }

    n = PQntuples(r);
    actions = wd_pool_alloc(q->call->pool, ((size_t) n + 1) * sizeof(*actions));
    for (i = 0; actions != NULL && i < n; i++) {
        actions[i] = (analytics_action_t){
            .at = view_day_start(v->instrument,
                                 wd_pg_get_date(r, i, ANALYTICS_ACTION_DATE)),
            .split = view_num(r, i, ANALYTICS_ACTION_SPLIT, 1),
            .dividend = view_num(r, i, ANALYTICS_ACTION_DIVIDEND, 0),
            .previous_close = view_num(r, i, ANALYTICS_ACTION_CLOSE, NAN)};
    }

    PQclear(r);
    return actions == NULL ? WD_ENOMEM
                           : analytics_adjust_init(&v->adjust, q->call->pool,
                                                   actions, (size_t) n);
}


static wd_ns_t
view_later(wd_ns_t t, wd_ns_t by)
{
    return t > WD_NS_MAX - by ? WD_NS_MAX : t + by;
}


static wd_ns_t
view_earlier(wd_ns_t t, wd_ns_t by)
{
    return t < WD_NS_MIN + by ? WD_NS_MIN : t - by;
}


/*
 * The range of bars, to the microsecond, and that of their parts: all of
 * those bars that begin in it, and days around them where it must be seen
 * whether these cover a bar.
 */
static void
view_range(analytics_view_t *v, wd_ns_t from, wd_ns_t to, wd_ns_t *ret_from,
           wd_ns_t *ret_to)
{
    wd_ns_t start, rest;

    if (from != WD_NS_MIN) {
        rest = from % WD_NS_PER_US;
        if (rest != 0) {
            from += rest > 0 ? WD_NS_PER_US - rest : -rest;
        }
    }

    if (v->resampled && from != WD_NS_MIN) {
        start = wd_timeframe_floor(v->timeframe, from);
        from = start == from ? from
                             : analytics_resample_next(v->timeframe, from);
    }
    v->from = from;
    if (v->resampled && to != WD_NS_MAX) {
        to = analytics_resample_next(v->timeframe, to);
        to = to == WD_NS_MAX ? to : to - 1;
    }
    v->to = to;

    *ret_from = v->joined ? view_earlier(from, ANALYTICS_CLOSED_NS) : from;
    *ret_to = v->joined ? view_later(to, ANALYTICS_CLOSED_NS) : to;
}


int
analytics_view_open(analytics_view_t *v, analytics_query_t *q,
                    const analytics_instrument_t *instrument, wd_timeframe_e tf,
                    analytics_adjustment_e adjustment, wd_ns_t from, wd_ns_t to,
                    bool desc, size_t expected)
{
    size_t  parts;
    wd_ns_t parts_from, parts_to;

    memset(v, 0, sizeof(*v));
    v->q = q;
    v->instrument = instrument;
    v->timeframe = tf;
    v->desc = desc;
    v->resampled = instrument->base.timeframe != tf
                   && instrument->base.timeframe != WD_TF_NONE;
    v->joined = instrument->own.timeframe != WD_TF_NONE;
    v->kept.end = !v->joined;
    analytics_resample_init(&v->resample, tf);

    view_range(v, from, to, &parts_from, &parts_to);
    parts = v->resampled
                ? (size_t) (wd_timeframe_ns(tf)
                            / wd_timeframe_ns(instrument->base.timeframe))
                : 1;
    expected = wd_min(expected, (size_t) ANALYTICS_STREAM_MAX);
    analytics_stream_init(&v->parts, q, instrument->id, &instrument->base,
                          parts_from, parts_to, desc, expected * parts);
    analytics_stream_init(&v->stored, q, instrument->id, &instrument->own,
                          v->from, v->to, desc, expected);
    return view_load_actions(v, adjustment);
}


void
analytics_view_close(analytics_view_t *v)
{
    analytics_stream_done(&v->parts);
    analytics_stream_done(&v->stored);
}


/* A split within a stored week is behind its open, but before its close. */
static wd_ns_t
view_close(wd_timeframe_e tf, wd_ns_t t)
{
    return tf > WD_TF_1D ? analytics_resample_next(tf, t) - 1 : t;
}


/* The next bar that is read, adjusted. */
static int
view_read(analytics_view_t *v, analytics_stream_t *s, analytics_bar_t *ret)
{
    int rc;

    rc = analytics_stream_next(s, ret);
    if (rc == WD_OK) {
        analytics_adjust_bar(&v->adjust,
                             view_close(s->sources->timeframe, ret->t), ret);
    }
    return rc;
}


/* The next bar that is made of parts; v->resample.done is its reach. */
static int
view_make(analytics_view_t *v, analytics_bar_t *ret)
{
    analytics_bar_t part;
    int             rc;

    for (;;) {
        rc = view_read(v, &v->parts, &part);
        if (rc == WD_ENOTFOUND && analytics_resample_end(&v->resample, ret)) {
            return WD_OK;
        }
        if (rc != WD_OK || analytics_resample_push(&v->resample, &part, ret)) {
            return rc;
        }
    }
}


/* Of those outside of the range only their days mattered. */
static int
view_fill_made(analytics_view_t *v)
{
    analytics_next_t *n = &v->made;
    int               rc = WD_OK;

    while (!n->there && !n->end) {
        rc = view_make(v, &n->bar);
        if (rc != WD_OK) {
            n->end = true;
            break;
        }
        n->there = n->bar.t >= v->from && n->bar.t <= v->to;
        n->reach = v->resample.done;
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


static int
view_fill_kept(analytics_view_t *v)
{
    analytics_next_t *n = &v->kept;
    int               rc = WD_OK;

    if (!n->there && !n->end) {
        rc = view_read(v, &v->stored, &n->bar);
        n->there = rc == WD_OK;
        n->end = rc != WD_OK;
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


static int
view_take(analytics_next_t *n, analytics_bar_t *ret)
{
    *ret = n->bar;
    n->there = false;
    return WD_OK;
}


/* Both are of one period: the made one, unless its days are not all. */
static bool
view_prefers_made(const analytics_view_t *v)
{
    const analytics_bar_t *kept = &v->kept.bar, *made = &v->made.bar;

    if (analytics_resample_covers(v->timeframe, made->t, &v->made.reach)) {
        return true;
    }
    return (kept->quality & VIEW_UNFINISHED) != 0
           && made->known_at >= kept->known_at;
}


/* The next of what is made and what is stored. */
static int
view_join(analytics_view_t *v, analytics_bar_t *ret)
{
    int     rc;
    wd_ns_t made, kept;

    rc = view_fill_made(v);
    if (rc == WD_OK) {
        rc = view_fill_kept(v);
    }
    if (rc != WD_OK) {
        return rc;
    }
    if (!v->made.there || !v->kept.there) {
        return v->made.there   ? view_take(&v->made, ret)
               : v->kept.there ? view_take(&v->kept, ret)
                               : WD_ENOTFOUND;
    }

    made = v->made.bar.t;
    kept = v->kept.bar.t;
    if (made != kept) {
        return (made < kept) != v->desc ? view_take(&v->made, ret)
                                        : view_take(&v->kept, ret);
    }
    v->made.there = v->kept.there = false;
    *ret = view_prefers_made(v) ? v->made.bar : v->kept.bar;
    return WD_OK;
}


int
analytics_view_next(analytics_view_t *v, analytics_bar_t *ret)
{
    return v->joined      ? view_join(v, ret)
           : v->resampled ? view_make(v, ret)
                          : view_read(v, &v->parts, ret);
}
