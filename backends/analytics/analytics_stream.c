/*
 * analytics_stream.c - reads stored bars in chunks and merges their sources.
 */
#include "analytics_stream.h"

#include <math.h>

#define STREAM_CHUNK_MIN 64


void
analytics_stream_init(analytics_stream_t *s, analytics_query_t *q,
                      int64_t instrument, const analytics_sources_t *sources,
                      wd_ns_t from, wd_ns_t to, bool desc, size_t expected)
{
    size_t i;

    memset(s, 0, sizeof(*s));
    s->q = q;
    s->sources = sources;
    for (i = 0; i < sources->n; i++) {
        s->feeds[i].next_from = from;
        s->feeds[i].next_to = to;
    }
    s->key.instrument = instrument;
    s->key.timeframe = sources->timeframe;
    s->key.as_of = q->as_of;
    s->key.desc = desc;
    s->key.limit = (int64_t) wd_max(
        wd_min(expected, (size_t) ANALYTICS_STREAM_MAX),
        (size_t) STREAM_CHUNK_MIN);
}


static void
feed_clear(analytics_feed_t *f)
{
    PQclear(f->rows); /* NULL is accepted */
    f->rows = NULL;
    f->row = 0;
}


void
analytics_stream_done(analytics_stream_t *s)
{
    size_t i;

    for (i = 0; i < ANALYTICS_SOURCES_MAX; i++) {
        feed_clear(&s->feeds[i]);
    }
}


/* The next chunk of source i. */
static int
stream_fetch(analytics_stream_t *s, size_t i)
{
    analytics_feed_t *f = &s->feeds[i];
    wd_error_t        err;
    wd_ns_t           last;
    int               rc, n;

    feed_clear(f);
    if (*s->q->call->canceled) {
        return wd_rpc_fail(s->q->res, WD_ECANCELED, "canceled");
    }
    if (wd_monotonic() > s->q->call->deadline) {
        return wd_rpc_fail(s->q->res, WD_ETIMEOUT, "%s",
                           wd_err_info(WD_ETIMEOUT)->text);
    }

    s->key.source = s->sources->ids[i];
    s->key.from = f->next_from;
    s->key.to = f->next_to;
    rc = analytics_store_bars(s->q->call->pg, &s->key, &f->rows, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(s->q, rc, &err);
    }

    n = PQntuples(f->rows);
    f->end = n < s->key.limit;
    s->key.limit = ANALYTICS_STREAM_MAX; /* the guess was too low */
    if (n != 0) {
        last = wd_pg_get_ts(f->rows, n - 1, ANALYTICS_BAR_TS);
        f->next_from = s->key.desc ? f->next_from : last + WD_NS_PER_US;
        f->next_to = s->key.desc ? last - WD_NS_PER_US : f->next_to;
    }
    return WD_OK;
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
    ret->volume = wd_pg_is_null(r, row, ANALYTICS_BAR_VOLUME)
                      ? NAN
                      : wd_pg_get_num(r, row, ANALYTICS_BAR_VOLUME);
    ret->quality = (int) wd_pg_get_int(r, row, ANALYTICS_BAR_QUALITY);
    ret->known_at = wd_pg_get_ts(r, row, ANALYTICS_BAR_KNOWN_AT);
    ret->source = source;
}


/* Makes sure that all feeds have a row, unless they have ended. */
static int
stream_fill(analytics_stream_t *s)
{
    size_t i;
    int    rc;

    for (i = 0; i < s->sources->n; i++) {
        if (s->feeds[i].end || feed_has(&s->feeds[i])) {
            continue;
        }
        rc = stream_fetch(s, i);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return WD_OK;
}


int
analytics_stream_next(analytics_stream_t *s, analytics_bar_t *ret)
{
    size_t  i, best = SIZE_MAX;
    wd_ns_t t = 0, ts;
    int     rc;

    rc = stream_fill(s);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < s->sources->n; i++) {
        if (!feed_has(&s->feeds[i])) {
            continue;
        }
        ts = feed_ts(&s->feeds[i]);
        if (best == SIZE_MAX || (s->key.desc ? ts > t : ts < t)) {
            best = i;
            t = ts;
        }
    }
    if (best == SIZE_MAX) {
        return WD_ENOTFOUND;
    }

    feed_read(&s->feeds[best], s->sources->names[best], ret);
    for (i = best; i < s->sources->n; i++) {
        if (feed_has(&s->feeds[i]) && feed_ts(&s->feeds[i]) == t) {
            s->feeds[i].row++;
        }
    }
    return WD_OK;
}
