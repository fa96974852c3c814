/*
 * analytics_view.c - reads, merges, adjusts and aggregates stored bars.
 */
#include "analytics_view.h"

#include <math.h>

#define VIEW_CHUNK_MAX 16384
#define VIEW_CHUNK_MIN 64

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
view_add_source(analytics_query_t *q, analytics_instrument_t *one,
                const PGresult *r, int row)
{
    size_t   i = one->n_sources;
    wd_str_t name;

    if ((int) one->base != wd_pg_get_int(r, row, ANALYTICS_SERIES_TIMEFRAME)
        || i == ANALYTICS_SOURCES_MAX) {
        return WD_OK;
    }

    name = wd_pg_get_str(r, row, ANALYTICS_SERIES_SOURCE_NAME);
    one->sources[i] = wd_pg_get_int(r, row, ANALYTICS_SERIES_SOURCE);
    one->names[i] = wd_pool_strdup(q->call->pool, name);
    if (one->names[i] == NULL) {
        return WD_ENOMEM;
    }

    /* One pointer for one name: resampling compares them. */
    one->n_sources++;
    return WD_OK;
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
            } else {
                rc = view_add_source(q, one, r, row);
            }
        }
        for (i = 0; i < n; i++) {
            all[i].base = analytics_resample_base(tf, all[i].stored);
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

    if (!view_intraday(x->base) || x->tz == NULL) {
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


/* Parts of the bars that begin in from..to, to the microsecond. */
static void
view_range(analytics_view_t *v, wd_timeframe_e tf, wd_ns_t from, wd_ns_t to)
{
    wd_ns_t start, rest;

    if (from != WD_NS_MIN) {
        rest = from % WD_NS_PER_US;
        if (rest != 0) {
            from += rest > 0 ? WD_NS_PER_US - rest : -rest;
        }
    }

    if (v->resampled && from != WD_NS_MIN) {
        start = wd_timeframe_floor(tf, from);
        from = start == from ? from : analytics_resample_next(tf, from);
    }
    if (v->resampled && to != WD_NS_MAX) {
        to = analytics_resample_next(tf, to);
        to = to == WD_NS_MAX ? to : to - 1;
    }

    v->key.from = from;
    v->key.to = to;
}


int
analytics_view_open(analytics_view_t *v, analytics_query_t *q,
                    const analytics_instrument_t *instrument, wd_timeframe_e tf,
                    analytics_adjustment_e adjustment, wd_ns_t from, wd_ns_t to,
                    bool desc, size_t expected)
{
    size_t i, parts;

    memset(v, 0, sizeof(*v));
    v->q = q;
    v->instrument = instrument;
    v->resampled = instrument->base != tf && instrument->base != WD_TF_NONE;
    analytics_resample_init(&v->resample, tf);

    view_range(v, tf, from, to);
    for (i = 0; i < instrument->n_sources; i++) {
        v->next_from[i] = v->key.from;
        v->next_to[i] = v->key.to;
    }

    parts = v->resampled ? (size_t) (wd_timeframe_ns(tf)
                                     / wd_timeframe_ns(instrument->base))
                         : 1;
    expected = wd_min(expected, (size_t) VIEW_CHUNK_MAX) * parts;
    v->key.instrument = instrument->id;
    v->key.timeframe = instrument->base;
    v->key.as_of = q->as_of;
    v->key.desc = desc;
    v->key.limit = (int64_t) wd_max(wd_min(expected, (size_t) VIEW_CHUNK_MAX),
                                    (size_t) VIEW_CHUNK_MIN);

    return view_load_actions(v, adjustment);
}


static void
feed_clear(analytics_feed_t *f)
{
    PQclear(f->rows); /* NULL is accepted */
    f->rows = NULL;
    f->row = 0;
}


void
analytics_view_close(analytics_view_t *v)
{
    size_t i;

    for (i = 0; i < ANALYTICS_SOURCES_MAX; i++) {
        feed_clear(&v->feeds[i]);
    }
}


/* The next chunk of source i. */
static int
view_fetch(analytics_view_t *v, size_t i)
{
    analytics_feed_t *f = &v->feeds[i];
    wd_error_t        err;
    wd_ns_t           last;
    int               rc, n;

    feed_clear(f);
    if (*v->q->call->canceled) {
        return wd_rpc_fail(v->q->res, WD_ECANCELED, "canceled");
    }
    if (wd_monotonic() > v->q->call->deadline) {
        return wd_rpc_fail(v->q->res, WD_ETIMEOUT, "%s",
                           wd_err_info(WD_ETIMEOUT)->text);
    }

    v->key.source = v->instrument->sources[i];
    v->key.from = v->next_from[i];
    v->key.to = v->next_to[i];
    rc = analytics_store_bars(v->q->call->pg, &v->key, &f->rows, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(v->q, rc, &err);
    }

    n = PQntuples(f->rows);
    f->end = n < v->key.limit;
    v->key.limit = VIEW_CHUNK_MAX; /* the guess was too low */
    if (n != 0) {
        last = wd_pg_get_ts(f->rows, n - 1, ANALYTICS_BAR_TS);
        v->next_from[i] = v->key.desc ? v->next_from[i] : last + WD_NS_PER_US;
        v->next_to[i] = v->key.desc ? last - WD_NS_PER_US : v->next_to[i];
    }
    return WD_OK;
}


/* Makes sure that feed i has a row, unless it has ended. */
static int
view_fill(analytics_view_t *v, size_t i)
{
    analytics_feed_t *f = &v->feeds[i];

    if (f->end || (f->rows != NULL && f->row < PQntuples(f->rows))) {
        return WD_OK;
    }
    return view_fetch(v, i);
}


static bool
feed_has(const analytics_feed_t *f)
{
    return f->rows != NULL && f->row < PQntuples(f->rows);
}


static wd_ns_t
feed_ts(const analytics_feed_t *f)
{
    return wd_pg_get_ts(f->rows, f->row, ANALYTICS_BAR_TS);
}


static void
feed_read(const analytics_feed_t *f, const char *source, analytics_bar_t *ret)
{
    const PGresult *r = f->rows;
    int             row = f->row;

    ret->t = wd_pg_get_ts(r, row, ANALYTICS_BAR_TS);
    ret->open = wd_pg_get_num(r, row, ANALYTICS_BAR_OPEN);
    ret->high = wd_pg_get_num(r, row, ANALYTICS_BAR_HIGH);
    ret->low = wd_pg_get_num(r, row, ANALYTICS_BAR_LOW);
    ret->close = wd_pg_get_num(r, row, ANALYTICS_BAR_CLOSE);
    ret->volume = view_num(r, row, ANALYTICS_BAR_VOLUME, NAN);
    ret->quality = (int) wd_pg_get_int(r, row, ANALYTICS_BAR_QUALITY);
    ret->known_at = wd_pg_get_ts(r, row, ANALYTICS_BAR_KNOWN_AT);
    ret->source = source;
}


/* The next bar of all sources; of equal times the first source's. */
static int
view_merge(analytics_view_t *v, analytics_bar_t *ret)
{
    size_t  i, best = SIZE_MAX;
    wd_ns_t t = 0, ts;
    int     rc;

    for (i = 0; i < v->instrument->n_sources; i++) {
        rc = view_fill(v, i);
        if (rc != WD_OK) {
            return rc;
        }
        if (!feed_has(&v->feeds[i])) {
            continue;
        }
        ts = feed_ts(&v->feeds[i]);
        if (best == SIZE_MAX || (v->key.desc ? ts > t : ts < t)) {
            best = i;
            t = ts;
        }
    }

    if (best == SIZE_MAX) {
        return WD_ENOTFOUND;
    }

    feed_read(&v->feeds[best], v->instrument->names[best], ret);
    for (i = best; i < v->instrument->n_sources; i++) {
        if (feed_has(&v->feeds[i]) && feed_ts(&v->feeds[i]) == t) {
            v->feeds[i].row++;
        }
    }
    return WD_OK;
}


/* A split within a stored week is behind its open, but before its close. */
static wd_ns_t
view_close(const analytics_view_t *v, wd_ns_t t)
{
    wd_timeframe_e tf = v->instrument->base;

    return tf > WD_TF_1D ? analytics_resample_next(tf, t) - 1 : t;
}


int
analytics_view_next(analytics_view_t *v, analytics_bar_t *ret)
{
    analytics_bar_t part;
    int             rc;

    for (;;) {
        rc = view_merge(v, &part);
        if (rc == WD_ENOTFOUND && v->resampled
            && analytics_resample_end(&v->resample, ret)) {
            return WD_OK;
        }
        if (rc != WD_OK) {
            return rc;
        }

        analytics_adjust_bar(&v->adjust, view_close(v, part.t), &part);
        if (!v->resampled) {
            *ret = part;
            return WD_OK;
        }
        if (analytics_resample_push(&v->resample, &part, ret)) {
            return WD_OK;
        }
    }
}
