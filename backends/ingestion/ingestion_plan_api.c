/*
 * ingestion_plan_api.c - what collections would ask, before it is asked: the
 * questions, what they cost in quota, and when they would be answered.
 *
 * It is made with the same arithmetic as the jobs are (ingestion_slices.h),
 * so that it is what comes of it.
 */
#include "ingestion_collections_api.h"

typedef struct {
    int64_t live; /* calls */
    int64_t fill;
    bool    used;
} cost_t;

typedef struct {
    wd_ns_t          now;
    int64_t          limit; /* questions that are listed */
    int64_t          live; /* questions */
    int64_t          fill;
    wd_buf_t         live_text; /* those listed, a line of JSON each */
    wd_buf_t         fill_text;
    wd_buf_t         collections;
    wd_json_t        j; /* of `collections` */
    cost_t           costs[INGESTION_PROVIDERS];
    ingestion_left_t quotas[INGESTION_PROVIDERS];
} plan_t;

/* A collection that is being planned. */
typedef struct {
    plan_t                 *plan;
    const ingestion_view_t *v;
    int64_t                 live;
    int64_t                 fill;
    int64_t                 stopped; /* items */
    PGresult               *items;
    PGresult               *slices; /* NULL: of a definition not stored */
} part_t;


/* ---- a question --------------------------------------------------------- */

typedef struct {
    bool        fill;
    wd_str_t    instrument;
    wd_str_t    args;
    const char *state;
    wd_ns_t     not_before; /* 0: none */
    int64_t     calls;
} asked_t;


static void
put_question(wd_buf_t *out, const part_t *part, const asked_t *q)
{
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "collection");
    wd_json_z(&j, part->v->def.name[0] != '\0' ? part->v->def.name : NULL);
    wd_json_key(&j, "instrument");
    wd_json_str(&j, q->instrument);
    wd_json_key(&j, "provider");
    wd_json_z(&j, part->v->def.provider);
    wd_json_key(&j, "dataset");
    wd_json_z(&j, part->v->def.dataset);
    wd_json_key(&j, "args");
    wd_json_raw(&j, q->args);
    wd_json_key(&j, "kind");
    wd_json_z(&j, q->fill ? "backfill" : "live");
    wd_json_key(&j, "state");
    wd_json_z(&j, q->state);
    wd_json_key(&j, "not_before");
    q->not_before == 0 ? wd_json_null(&j) : wd_json_time(&j, q->not_before);
    wd_json_key(&j, "calls");
    wd_json_int(&j, q->calls);
    wd_json_end(&j);
    wd_buf_byte(out, '\n');
}


static void
add(part_t *part, const asked_t *q)
{
    plan_t  *p = part->plan;
    cost_t  *cost = &p->costs[part->v->provider];
    int64_t *n = q->fill ? &p->fill : &p->live;

    if (*n < p->limit) {
        put_question(q->fill ? &p->fill_text : &p->live_text, part, q);
    }
    ++*n;
    ++*(q->fill ? &part->fill : &part->live);
    *(q->fill ? &cost->fill : &cost->live) += q->calls;
    cost->used = true;
}


static void
add_slice(part_t *part, asked_t *q, const ingestion_args_t *args)
{
    wd_buf_t json;

    wd_buf_init(&json, INGESTION_ARGS_JSON_MAX);
    ingestion_args_json(args, 0, 0, &json);
    q->args = wd_buf_view(&json);
    add(part, q);
    wd_buf_done(&json);
}


/* ---- an item ------------------------------------------------------------ */

static bool
same_args(const ingestion_args_t *a, const ingestion_args_t *b)
{
    int i;

    for (i = 0; i < ARG_COUNT; i++) {
        if (strcmp(ingestion_arg(a, (ingestion_arg_e) i),
                   ingestion_arg(b, (ingestion_arg_e) i))
            != 0) {
            return false;
        }
    }
    return true;
}


/* The first slice of an item; they are in the order of their items. */
static int
first_slice(const part_t *part, int64_t item)
{
    int mid, lo = 0, hi = PQntuples(part->slices);

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        if (wd_pg_get_int(part->slices, mid, SLICE_ITEM) < item) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}


/* A slice that failed and waits is asked for again, not a second time. */
static bool
is_waiting(const part_t *part, int64_t item, const ingestion_args_t *args)
{
    int              i;
    ingestion_args_t other;

    if (part->slices == NULL) {
        return false;
    }
    for (i = first_slice(part, item);
         i < PQntuples(part->slices)
         && wd_pg_get_int(part->slices, i, SLICE_ITEM) == item;
         i++) {
        if (ingestion_args_parse(wd_pg_get_str(part->slices, i, SLICE_ARGS),
                                 &other)
                == WD_OK
            && same_args(args, &other)) {
            return true;
        }
    }
    return false;
}


static void
plan_live(part_t *part, asked_t *q, const ingestion_span_t *span,
          const ingestion_args_t *base, int64_t item)
{
    int64_t           i, n = ingestion_slices_live_n(span);
    ingestion_args_t  args;
    ingestion_slice_t slice;

    q->fill = false;
    q->state = "new";
    for (i = 0; i < n; i++) {
        slice = ingestion_slices_live(span, i);
        args = *base;
        if (ingestion_slice_args(span->kind, &slice, &args)
            && !is_waiting(part, item, &args)) {
            add_slice(part, q, &args);
        }
    }
}


/* The slice that is on its way, and those behind it. */
static void
plan_fill(part_t *part, asked_t *q, ingestion_span_t *span,
          const ingestion_args_t *base, int row)
{
    int64_t           i, n;
    const PGresult   *r = part->items;
    ingestion_args_t  args;
    ingestion_slice_t slice;

    q->fill = true;
    q->state = "new";
    if (!wd_pg_is_null(r, row, ITEM_FILL_ARGS)) {
        asked_t under_way = *q;
        char    state[16];

        wd_str_copy(state, sizeof(state),
                    wd_pg_get_str(r, row, ITEM_FILL_STATE));
        under_way.state = state;
        under_way.args = wd_pg_get_str(r, row, ITEM_FILL_ARGS);
        if (!wd_pg_is_null(r, row, ITEM_FILL_NOT_BEFORE)) {
            under_way.not_before = wd_pg_get_ts(r, row, ITEM_FILL_NOT_BEFORE);
        }
        add(part, &under_way);
        span->fill_to = wd_pg_get_int(r, row, ITEM_FILL_FROM);
    }
    n = ingestion_slices_fill_n(span);
    for (i = 0; i < n; i++) {
        slice = ingestion_slices_fill(span, i);
        args = *base;
        if (ingestion_slice_args(span->kind, &slice, &args)) {
            add_slice(part, q, &args);
        }
    }
}


static void
plan_item(part_t *part, int row)
{
    asked_t          q = {.not_before = 0};
    ingestion_args_t base;
    ingestion_item_t item;
    ingestion_span_t span;
    const PGresult  *r = part->items;

    ingestion_store_item(r, row, &item);
    if (wd_pg_get_bool(r, row, ITEM_STOPPED)
        || ingestion_args_parse(item.args, &base) != WD_OK) {
        part->stopped++;
        return;
    }
    ingestion_collection_span(&part->v->def, &span);
    span.now = part->plan->now;
    span.zone_s = ingestion_schedule_zone_s(&part->v->schedule, span.now);
    span.high = item.high;
    span.covered = item.covered;
    span.fill_to = item.fill_to;
    q.instrument = wd_pg_get_str(r, row, ITEM_INSTRUMENT);
    q.calls = wd_max(wd_pg_get_int(r, row, ITEM_CALLS), 1);

    if (!wd_pg_get_bool(r, row, ITEM_BUSY)) {
        plan_live(part, &q, &span, &base, item.id);
    }
    if (span.from != INGESTION_NO_DAY
        && !wd_pg_get_bool(r, row, ITEM_FILL_STOPPED)) {
        plan_fill(part, &q, &span, &base, row);
    }
}


/* ---- a collection ------------------------------------------------------- */

/* Live slices that are on their way or wait. */
static void
add_under_way(part_t *part)
{
    int       i;
    char      state[16];
    asked_t   q = {.calls = 1, .state = state};
    PGresult *r = part->slices;

    for (i = 0; r != NULL && i < PQntuples(r); i++) {
        wd_str_copy(state, sizeof(state), wd_pg_get_str(r, i, SLICE_STATE));
        q.instrument = wd_pg_get_str(r, i, SLICE_INSTRUMENT);
        q.args = wd_pg_get_str(r, i, SLICE_ARGS);
        q.not_before = wd_pg_is_null(r, i, SLICE_NOT_BEFORE)
                           ? 0
                           : wd_pg_get_ts(r, i, SLICE_NOT_BEFORE);
        add(part, &q);
    }
}


static void
put_part(const part_t *part, bool paused)
{
    wd_json_t *j = &part->plan->j;
    const bool runs = !paused && !part->v->def.stream;

    wd_json_obj(j);
    wd_json_key(j, "name");
    wd_json_z(j, part->v->def.name[0] != '\0' ? part->v->def.name : NULL);
    wd_json_key(j, "paused");
    wd_json_bool(j, paused);
    wd_json_key(j, "next_run");
    if (runs) {
        wd_json_time(
            j, ingestion_schedule_next(&part->v->schedule, part->plan->now));
    } else {
        wd_json_null(j);
    }
    wd_json_key(j, "live");
    wd_json_int(j, part->live);
    wd_json_key(j, "backfill");
    wd_json_int(j, part->fill);
    wd_json_key(j, "stopped");
    wd_json_int(j, part->stopped);
    wd_json_end(j);
}


/* The rows of `part` are there. */
static void
plan_part(part_t *part, bool paused)
{
    int i;

    add_under_way(part);
    for (i = 0; i < PQntuples(part->items); i++) {
        plan_item(part, i);
    }
    put_part(part, paused);
}


static int
plan_collection(const wd_rpc_call_t *call, plan_t *plan,
                const ingestion_view_t *v, const PGresult *over, int row,
                wd_error_t *err)
{
    int     rc;
    part_t  part = {.plan = plan, .v = v};
    int64_t id = wd_pg_get_int(over, row, OVER_ID);

    if (!v->known || v->def.stream) {
        return WD_OK;
    }
    rc = ingestion_store_plan_items(call->pg, id, &part.items, err);
    if (rc == WD_OK) {
        rc = ingestion_store_plan_slices(call->pg, id, &part.slices, err);
    }
    if (rc == WD_OK) {
        plan_part(&part, wd_pg_get_bool(over, row, OVER_PAUSED));
    }
    PQclear(part.items);
    PQclear(part.slices);
    return rc;
}


/* ---- the answer --------------------------------------------------------- */

static void
put_when(wd_json_t *j, const char *key, wd_ns_t t)
{
    wd_json_key(j, key);
    /* An estimate has no fractions of a second. */
    t == WD_NS_MAX ? wd_json_null(j)
                   : wd_json_time(j, t / WD_NS_PER_S * WD_NS_PER_S);
}


static void
put_provider(wd_json_t *j, const plan_t *p, size_t i)
{
    const cost_t           *cost = &p->costs[i];
    const ingestion_left_t *q = &p->quotas[i];
    wd_ns_t                 live = WD_NS_MAX, all = WD_NS_MAX;

    if (q->configured) {
        live = ingestion_budget_end(&q->budget, p->now, cost->live, false);
        all = ingestion_budget_end(&q->budget, p->now, cost->live + cost->fill,
                                   cost->fill != 0);
    }
    wd_json_obj(j);
    wd_json_key(j, "provider");
    wd_json_z(j, ingestion_providers[i]->name);
    wd_json_key(j, "configured");
    wd_json_bool(j, q->configured);
    wd_json_key(j, "calls");
    wd_json_int(j, cost->live + cost->fill);
    wd_json_key(j, "live_calls");
    wd_json_int(j, cost->live);
    wd_json_key(j, "backfill_calls");
    wd_json_int(j, cost->fill);
    wd_json_key(j, "live_calls_per_day");
    wd_json_num(j, q->budget.live_per_day);
    wd_json_key(j, "queued");
    wd_json_int(j, q->row.queued);
    ingestion_put_left(j, q);
    put_when(j, "live_done", live);
    put_when(j, "all_done", all);
    wd_json_end(j);
}


/* Returns how many of `limit` are left. */
static int64_t
put_lines(wd_json_t *j, const wd_buf_t *text, int64_t limit)
{
    wd_str_t rest = wd_buf_view(text), line;

    while (limit > 0 && wd_str_split(&rest, '\n', &line) && line.len != 0) {
        wd_json_raw(j, line);
        limit--;
    }
    return limit;
}


static void
put_plan(const plan_t *p, wd_buf_t *out)
{
    size_t    i;
    int64_t   left;
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "now");
    wd_json_time(&j, p->now);
    wd_json_key(&j, "collections");
    wd_json_raw(&j, wd_buf_view(&p->collections));
    wd_json_key(&j, "providers");
    wd_json_arr(&j);
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        if (p->costs[i].used) {
            put_provider(&j, p, i);
        }
    }
    wd_json_end(&j);
    wd_json_key(&j, "questions");
    wd_json_arr(&j);
    left = put_lines(&j, &p->live_text, p->limit);
    left = put_lines(&j, &p->fill_text, left);
    wd_json_end(&j);
    wd_json_key(&j, "not_shown");
    wd_json_int(&j, p->live + p->fill - (p->limit - left));
    wd_json_end(&j);
}


static int
plan_open(const wd_rpc_call_t *call, plan_t *p, wd_error_t *err)
{
    int    rc;
    size_t i;

    memset(p, 0, sizeof(*p));
    p->limit = 100;
    if (wd_rpc_arg_int(call, "limit", &p->limit) == WD_EPARAM) {
        p->limit = 100;
    }
    wd_json_init(&p->j, &p->collections);
    wd_json_arr(&p->j);
    rc = ingestion_store_now(call->pg, &p->now, err);
    for (i = 0; i < INGESTION_PROVIDERS && rc == WD_OK; i++) {
        rc = ingestion_left(call->svc, call->pg, i, &p->quotas[i], err);
    }
    return rc;
}


/* The answer, or why there is none. */
static int
plan_close(const wd_rpc_call_t *call, wd_rpc_res_t *res, plan_t *p, int rc,
           const wd_error_t *err)
{
    wd_json_end(&p->j);
    if (rc == WD_OK) {
        rc = p->live_text.err | p->fill_text.err | p->collections.err;
    }
    if (rc == WD_OK) {
        put_plan(p, &res->body);
    }
    wd_buf_done(&p->live_text);
    wd_buf_done(&p->fill_text);
    wd_buf_done(&p->collections);
    return rc == WD_OK ? WD_OK : ingestion_api_failed(call, res, rc, err);
}


/* What keeps collections up to date is a load of its provider's every day. */
static int
add_loads(plan_t *p, const PGresult *over)
{
    int              rc = WD_OK, i;
    ingestion_view_t v;

    for (i = 0; i < PQntuples(over) && rc == WD_OK; i++) {
        rc = ingestion_view_open(over, i, &v);
        if (rc == WD_OK && v.provider >= 0) {
            p->quotas[v.provider].budget.live_per_day += ingestion_view_per_day(
                &v, over, i);
        }
        ingestion_view_close(&v);
    }
    return rc;
}


/* name "": all. */
static int
plan_stored(const wd_rpc_call_t *call, plan_t *p, const PGresult *over,
            const char *name, wd_error_t *err)
{
    int              rc = WD_OK, i, found = 0;
    ingestion_view_t v;

    for (i = 0; i < PQntuples(over) && rc == WD_OK; i++) {
        if (name[0] != '\0'
            && !wd_str_eq_z(wd_pg_get_str(over, i, OVER_NAME), name)) {
            continue;
        }
        found++;
        rc = ingestion_view_open(over, i, &v);
        if (rc == WD_OK) {
            rc = plan_collection(call, p, &v, over, i, err);
        }
        ingestion_view_close(&v);
    }
    return rc == WD_OK && found == 0 && name[0] != '\0' ? WD_ENOTFOUND : rc;
}


int
ingestion_plan(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    char       name[INGESTION_COLLECTION_NAME_MAX + 1];
    plan_t     p;
    PGresult  *over = NULL;
    wd_error_t err = {0};

    name[0] = '\0';
    rc = ingestion_api_name(call, res, "collection", name);
    if (rc != WD_OK) {
        return rc;
    }
    rc = plan_open(call, &p, &err);
    if (rc == WD_OK) {
        rc = ingestion_store_overview(call->pg, NULL, &over, &err);
    }
    if (rc == WD_OK) {
        rc = add_loads(&p, over);
    }
    if (rc == WD_OK) {
        rc = plan_stored(call, &p, over, name, &err);
    }
    PQclear(over);
    return plan_close(call, res, &p, rc, &err);
}


/* ---- of a definition that is not stored --------------------------------- */

static int
plan_definition(const wd_rpc_call_t *call, plan_t *p, ingestion_view_t *v,
                wd_error_t *err)
{
    int    rc;
    part_t part = {.plan = p, .v = v};

    rc = ingestion_store_plan_try(call->pg, &v->def, &part.items, err);
    if (rc == WD_OK) {
        p->quotas[v->provider].budget.live_per_day
            += ingestion_schedule_per_day(&v->schedule) * PQntuples(part.items);
        plan_part(&part, v->def.paused);
    }
    PQclear(part.items);
    return rc;
}


static int
try_view(const wd_rpc_call_t *call, wd_rpc_res_t *res, ingestion_view_t *v)
{
    int        rc;
    plan_t     p;
    PGresult  *over = NULL;
    wd_error_t err = {0};

    rc = plan_open(call, &p, &err);
    if (rc == WD_OK) {
        rc = ingestion_store_overview(call->pg, NULL, &over, &err);
    }
    if (rc == WD_OK) {
        rc = add_loads(&p, over);
    }
    if (rc == WD_OK && !v->def.stream) {
        rc = plan_definition(call, &p, v, &err);
    }
    PQclear(over);
    return plan_close(call, res, &p, rc, &err);
}


int
ingestion_plan_try(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int              rc;
    ingestion_view_t v = {.known = true};

    ingestion_collection_init(&v.def);
    rc = ingestion_api_definition(call, res, &v.def);
    if (rc == WD_OK) {
        rc = ingestion_view_complete(&v);
        rc = rc == WD_OK ? try_view(call, res, &v)
                         : wd_rpc_fail(res, rc, "%s", wd_err_info(rc)->text);
    }
    ingestion_view_close(&v);
    return rc;
}
