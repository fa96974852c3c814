/*
 * ingestion_planner_one.c - one collection: what became of its slices, and
 * which are asked for next.
 */
#include "ingestion_planner_int.h"

#include "wd_metrics.h"

/* A slice that failed is asked for again after a minute, two, four ... */
#define AGAIN_FIRST_S 60
#define AGAIN_MAX_S (6 * 3600)

/*
 * What a provider does not have or does not allow is left alone so long. Not
 * for ever: plans are bought, shares are listed, and providers err.
 */
#define STOPPED_DAYS 30

typedef struct {
    ingestion_planner_t    *p;
    const planner_known_t  *known;
    const ingestion_work_t *work;
    wd_ns_t                 now;
    int64_t                 live; /* questions made */
    int64_t                 fill;
    bool                    more; /* a limit was met */
} one_t;


/* ---- what has ended ----------------------------------------------------- */

typedef enum { ENDED_DONE, ENDED_AGAIN, ENDED_STOP } ended_e;


/*
 * "Not found" of something that answered before is a hole of the provider's,
 * as the month that has just begun; of a back-fill it is where history ends.
 */
static ended_e
judge(const ingestion_ended_t *s)
{
    if (s->done) {
        return ENDED_DONE;
    }
    if (strcmp(s->class, "permission") == 0
        || strcmp(s->class, "artificial") == 0
        || strcmp(s->class, "archived") == 0) {
        return ENDED_STOP;
    }
    if (strcmp(s->class, "not_found") == 0 && (s->fill || !s->answered)) {
        return ENDED_STOP;
    }
    return ENDED_AGAIN;
}


static int64_t
again_after_s(int attempts)
{
    int64_t s = AGAIN_FIRST_S;

    while (attempts-- > 0 && s < AGAIN_MAX_S) {
        s *= 2;
    }
    return wd_min(s, (int64_t) AGAIN_MAX_S);
}


static int
settle(const one_t *one, const ingestion_ended_t *s, wd_error_t *err)
{
    switch (judge(s)) {
    case ENDED_DONE:
        return ingestion_store_slice_done(one->p->t.pg, s, err);
    case ENDED_AGAIN:
        return ingestion_store_slice_again(one->p->t.pg, s,
                                           again_after_s(s->attempts), err);
    default:
        wd_log_warn(one->p->log, "a collection's item is not asked for",
                    "collection", one->known->def.name, "item", s->item,
                    "back_fill", s->fill, "class", s->class, "reason",
                    s->error);
        return ingestion_store_slice_stop(one->p->t.pg, s, STOPPED_DAYS, err);
    }
}


static int
settle_all(one_t *one, wd_error_t *err)
{
    int               rc;
    size_t            i, n = 0;
    ingestion_ended_t ended[PLANNER_ENDED];

    rc = ingestion_store_ended(one->p->t.pg, one->work->id, ended,
                               PLANNER_ENDED, &n, err);
    for (i = 0; i < n && rc == WD_OK; i++) {
        rc = settle(one, &ended[i], err);
    }
    if (rc == WD_OK) {
        rc = ingestion_store_covered(one->p->t.pg, one->work->id, err);
    }
    one->more |= n == PLANNER_ENDED;
    return rc;
}


/* ---- what is asked for -------------------------------------------------- */

static void
span_of(const one_t *one, const ingestion_item_t *item, ingestion_span_t *ret)
{
    ingestion_collection_span(&one->known->def, ret);
    ret->now = one->now;
    ret->zone_s = ingestion_schedule_zone_s(&one->known->schedule, one->now);
    ret->high = item->high;
    ret->covered = item->covered;
    ret->fill_to = item->fill_to;
}


static int
ask(one_t *one, int64_t item, bool fill, const ingestion_slice_t *slice,
    wd_str_t args, wd_error_t *err)
{
    int                    rc;
    const ingestion_want_t wanted = {.def = &one->known->def,
                                     .collection = one->work->id,
                                     .item = item,
                                     .fill = fill,
                                     .slice = *slice,
                                     .args = args};

    rc = ingestion_store_want(one->p->t.pg, &wanted, err);
    if (rc == WD_OK) {
        *(fill ? &one->fill : &one->live) += 1;
        wd_metric(WD_MX_PLANNED, 1, one->known->def.provider,
                  one->known->def.dataset, fill ? "backfill" : "live");
    }
    return rc;
}


/* A slice of an item as a question. */
static int
ask_slice(one_t *one, const ingestion_item_t *item, bool fill,
          const ingestion_slice_t *slice, wd_error_t *err)
{
    int              rc;
    wd_buf_t         json;
    ingestion_args_t args;

    if (ingestion_args_parse(item->args, &args) != WD_OK) {
        return wd_error(err, WD_EINTERNAL,
                        "an item has arguments that are "
                        "none");
    }
    wd_buf_init(&json, INGESTION_ARGS_JSON_MAX);
    if (ingestion_slice_args(one->known->def.set->window, slice, &args)) {
        ingestion_args_json(&args, 0, 0, &json);
    }
    rc = json.err != WD_OK || json.len == 0
             ? wd_error(err, WD_EINTERNAL, "the arguments are too long")
             : ask(one, item->id, fill, slice, wd_buf_view(&json), err);
    wd_buf_done(&json);
    return rc;
}


static int
plan_item(one_t *one, const ingestion_item_t *item, wd_error_t *err)
{
    int               rc = WD_OK;
    int64_t           i, n;
    ingestion_span_t  span;
    ingestion_slice_t slice;

    span_of(one, item, &span);
    n = ingestion_slices_live_n(&span);
    for (i = 0; i < n && rc == WD_OK; i++) {
        slice = ingestion_slices_live(&span, i);
        rc = ask_slice(one, item, false, &slice, err);
    }
    if (rc == WD_OK) {
        rc = ingestion_store_planned(one->p->t.pg, item, one->work->tick,
                                     one->now, err);
    }
    if (rc == WD_OK && item->fill_to == INGESTION_NO_DAY
        && span.from != INGESTION_NO_DAY) {
        rc = ingestion_store_fill_begin(
            one->p->t.pg, item->id, ingestion_slices_fill_begin(&span), err);
    }
    return rc;
}


static int
plan_live(one_t *one, wd_error_t *err)
{
    int              rc, i, n;
    PGresult        *res;
    ingestion_item_t item;

    rc = ingestion_store_due(one->p->t.pg, one->work->id, one->work->tick,
                             PLANNER_ITEMS, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    n = PQntuples(res);
    for (i = 0; i < n && one->live < PLANNER_QUESTIONS && rc == WD_OK; i++) {
        ingestion_store_item(res, i, &item);
        rc = plan_item(one, &item, err);
    }
    PQclear(res);
    one->more |= n == PLANNER_ITEMS;
    one->more &= one->live < PLANNER_QUESTIONS;
    return rc;
}


/* Slices that failed, and have waited. */
static int
plan_again(one_t *one, bool fill, int64_t limit, wd_error_t *err)
{
    int               rc, i, n;
    PGresult         *res;
    ingestion_slice_t slice = {0, 0, false};

    rc = ingestion_store_waiting(one->p->t.pg, one->work->id, fill, limit, &res,
                                 err);
    if (rc != WD_OK) {
        return rc;
    }
    n = PQntuples(res);
    for (i = 0; i < n && rc == WD_OK; i++) {
        slice.from = wd_pg_get_int(res, i, 2);
        slice.to = wd_pg_get_int(res, i, 3);
        rc = ask(one, wd_pg_get_int(res, i, 0), fill, &slice,
                 wd_pg_get_str(res, i, 1), err);
    }
    PQclear(res);
    one->more |= !fill && n == limit;
    return rc;
}


/* `from` was given, or moved, since the item was planned. */
static int
plan_fill_item(one_t *one, ingestion_item_t *item, wd_error_t *err)
{
    int               rc = WD_OK;
    ingestion_span_t  span;
    ingestion_slice_t slice;

    span_of(one, item, &span);
    if (item->fill_to == INGESTION_NO_DAY) {
        span.fill_to = ingestion_slices_fill_begin(&span);
        rc = ingestion_store_fill_begin(one->p->t.pg, item->id, span.fill_to,
                                        err);
    }
    if (rc == WD_OK && ingestion_slices_fill_n(&span) != 0) {
        slice = ingestion_slices_fill(&span, 0);
        rc = ask_slice(one, item, true, &slice, err);
    }
    return rc;
}


static int
plan_fill(one_t *one, wd_error_t *err)
{
    int              rc, i;
    int64_t          busy;
    PGresult        *res;
    ingestion_item_t item;

    rc = ingestion_store_filling(one->p->t.pg, one->work->id, &busy, err);
    if (rc == WD_OK && busy < PLANNER_FILLING_MAX) {
        rc = plan_again(one, true, PLANNER_FILLING_MAX - busy, err);
    }
    busy += one->fill;
    if (rc != WD_OK || one->work->from == INGESTION_NO_DAY
        || busy >= PLANNER_FILLING_MAX) {
        return rc;
    }
    rc = ingestion_store_unfilled(one->p->t.pg, one->work->id, one->work->from,
                                  PLANNER_FILLING_MAX - busy, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < PQntuples(res) && rc == WD_OK; i++) {
        ingestion_store_item(res, i, &item);
        rc = plan_fill_item(one, &item, err);
    }
    PQclear(res);
    return rc;
}


/* ---- all of it ---------------------------------------------------------- */

static int
work_on(one_t *one, bool paused, wd_error_t *err)
{
    int rc;

    rc = settle_all(one, err);
    if (rc == WD_OK) {
        rc = ingestion_store_hold(one->p->t.pg, one->work->id, paused, err);
    }
    if (rc != WD_OK || paused || !one->work->plan) {
        return rc;
    }
    rc = plan_again(one, false, PLANNER_ITEMS, err);
    if (rc == WD_OK) {
        rc = plan_live(one, err);
    }
    return rc == WD_OK ? plan_fill(one, err) : rc;
}


int
planner_one(ingestion_planner_t *p, const planner_known_t *known,
            const ingestion_work_t *work, bool *ret_more, wd_error_t *err)
{
    int     rc;
    bool    paused;
    one_t   one = {.p = p, .known = known, .work = work};
    int64_t version;

    *ret_more = false;
    rc = wd_pg_begin(p->t.pg, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_store_lock(p->t.pg, work->id, &version, &paused, &one.now,
                              err);
    if (rc == WD_OK && version != known->version) {
        rc = WD_ENOTFOUND; /* it has changed: the next round has it */
    }
    if (rc == WD_OK) {
        rc = work_on(&one, paused, err);
    }
    if (rc != WD_OK) {
        wd_pg_rollback(p->t.pg);
        return rc == WD_ENOTFOUND ? WD_OK : rc;
    }
    rc = wd_pg_commit(p->t.pg, err);
    if (rc == WD_OK && one.live + one.fill != 0) {
        wd_log_info(p->log, "collection asks", "collection", known->def.name,
                    "live", one.live, "back_fill", one.fill);
    }
    *ret_more = one.more;
    return rc;
}
