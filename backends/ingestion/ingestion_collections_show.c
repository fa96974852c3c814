/*
 * ingestion_collections_show.c - collections as they stand: next run,
 * progress of the back-fill, failures, the state of each instrument.
 */
#include "ingestion_collections_api.h"

#include <stdlib.h>


/* ---- rows --------------------------------------------------------------- */

static void
put_time(wd_json_t *j, const char *key, const PGresult *r, int row, int col)
{
    wd_json_key(j, key);
    wd_pg_is_null(r, row, col) ? wd_json_null(j)
                               : wd_json_time(j, wd_pg_get_ts(r, row, col));
}


static void
put_text(wd_json_t *j, const char *key, const PGresult *r, int row, int col)
{
    wd_json_key(j, key);
    wd_pg_is_null(r, row, col) ? wd_json_null(j)
                               : wd_json_str(j, wd_pg_get_str(r, row, col));
}


static void
put_int(wd_json_t *j, const char *key, int64_t v)
{
    wd_json_key(j, key);
    wd_json_int(j, v);
}


static void
put_col(wd_json_t *j, const char *key, const PGresult *r, int row, int col)
{
    put_int(j, key, wd_pg_get_int(r, row, col));
}


static void
put_date(wd_json_t *j, const char *key, const PGresult *r, int row, int col)
{
    wd_json_key(j, key);
    if (wd_pg_is_null(r, row, col)) {
        wd_json_null(j);
    } else {
        wd_json_date(j, wd_pg_get_int(r, row, col) * WD_NS_PER_DAY);
    }
}


static void
put_when(wd_json_t *j, const char *key, wd_ns_t t)
{
    wd_json_key(j, key);
    t == WD_NS_MIN || t == WD_NS_MAX ? wd_json_null(j) : wd_json_time(j, t);
}


/* ---- all of it ---------------------------------------------------------- */

typedef struct {
    PGresult         *over;
    PGresult         *progress;
    PGresult         *files;
    ingestion_view_t *views; /* of the rows of `over` */
    size_t            n_views;
    ingestion_left_t  quotas[INGESTION_PROVIDERS];
    wd_ns_t           now;
} shown_t;


static void
shown_done(shown_t *s)
{
    size_t i;

    for (i = 0; i < s->n_views; i++) {
        ingestion_view_close(&s->views[i]);
    }
    free(s->views);
    PQclear(s->over);
    PQclear(s->progress);
    PQclear(s->files);
}


static int
open_views(shown_t *s)
{
    int rc = WD_OK, i, n = PQntuples(s->over);

    s->views = calloc((size_t) n + 1, sizeof(*s->views));
    if (s->views == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < n && rc == WD_OK; i++) {
        rc = ingestion_view_open(s->over, i, &s->views[i]);
        s->n_views++;
    }
    for (i = 0; i < n && rc == WD_OK; i++) {
        if (s->views[i].provider >= 0) {
            s->quotas[s->views[i].provider].budget.live_per_day
                += ingestion_view_per_day(&s->views[i], s->over, i);
        }
    }
    return rc;
}


/* All collections, as the quota is that of all. To be done with either way. */
static int
shown_open(const wd_rpc_call_t *call, shown_t *s, wd_error_t *err)
{
    int    rc;
    size_t i;

    memset(s, 0, sizeof(*s));
    rc = ingestion_store_now(call->pg, &s->now, err);
    for (i = 0; i < INGESTION_PROVIDERS && rc == WD_OK; i++) {
        rc = ingestion_left(call->svc, call->pg, i, &s->quotas[i], err);
    }
    if (rc == WD_OK) {
        rc = ingestion_store_overview(call->pg, NULL, &s->over, err);
    }
    if (rc == WD_OK) {
        rc = ingestion_store_progress(call->pg, &s->progress, err);
    }
    if (rc == WD_OK) {
        rc = ingestion_store_files(call->pg, false, &s->files, err);
    }
    return rc == WD_OK ? open_views(s) : rc;
}


/* ---- progress of a back-fill -------------------------------------------- */

typedef struct {
    int64_t slices;
    int64_t done;
    int64_t left; /* of items that are not stopped */
    int64_t calls; /* that those need */
} progress_t;


static void
add_group(progress_t *p, ingestion_span_t *span, const PGresult *r, int row)
{
    int64_t total, left, items = wd_pg_get_int(r, row, PROGRESS_ITEMS);

    span->fill_to = wd_pg_is_null(r, row, PROGRESS_BEGIN)
                        ? INGESTION_NO_DAY
                        : wd_pg_get_int(r, row, PROGRESS_BEGIN);
    total = ingestion_slices_fill_n(span);
    if (!wd_pg_is_null(r, row, PROGRESS_TO)) {
        span->fill_to = wd_pg_get_int(r, row, PROGRESS_TO);
    }
    left = wd_min(ingestion_slices_fill_n(span), total);

    p->slices += total * items;
    p->done += (total - left) * items;
    if (!wd_pg_get_bool(r, row, PROGRESS_STOPPED)) {
        p->left += left * items;
        p->calls += left * wd_pg_get_int(r, row, PROGRESS_CALLS);
    }
}


static progress_t
progress_of(const shown_t *s, int row)
{
    int              i;
    int64_t          id = wd_pg_get_int(s->over, row, OVER_ID);
    progress_t       p = {0};
    ingestion_span_t span;

    ingestion_collection_span(&s->views[row].def, &span);
    span.now = s->now;
    for (i = 0; i < PQntuples(s->progress); i++) {
        if (wd_pg_get_int(s->progress, i, PROGRESS_COLLECTION) == id) {
            add_group(&p, &span, s->progress, i);
        }
    }
    return p;
}


static void
put_counts(wd_json_t *j, const PGresult *r, int row, int first)
{
    put_col(j, "queued", r, row, first);
    put_col(j, "running", r, row, first + 1);
    put_col(j, "paused", r, row, first + 2);
    put_col(j, "waiting", r, row, first + 3);
}


static void
put_backfill(wd_json_t *j, const shown_t *s, int row)
{
    wd_ns_t                 end = WD_NS_MAX;
    progress_t              p;
    const ingestion_view_t *v = &s->views[row];

    wd_json_key(j, "backfill");
    if (!v->known || v->def.from == INGESTION_NO_DAY) {
        wd_json_null(j);
        return;
    }
    p = progress_of(s, row);
    if (!wd_pg_get_bool(s->over, row, OVER_PAUSED) && v->provider >= 0
        && s->quotas[v->provider].configured && p.left != 0) {
        end = ingestion_budget_end(&s->quotas[v->provider].budget, s->now,
                                   p.calls + s->quotas[v->provider].row.queued,
                                   true);
    }
    wd_json_obj(j);
    wd_json_key(j, "from");
    wd_json_date(j, v->def.from * WD_NS_PER_DAY);
    put_int(j, "slices", p.slices);
    put_int(j, "done", p.done);
    put_int(j, "left", p.left);
    put_counts(j, s->over, row, OVER_FILL_QUEUED);
    put_col(j, "stopped", s->over, row, OVER_FILL_STOPPED);
    put_time(j, "since", s->over, row, OVER_FILL_SINCE);
    /* An estimate has no fractions of a second. */
    put_when(j, "ends",
             end == WD_NS_MAX ? end : end / WD_NS_PER_S * WD_NS_PER_S);
    wd_json_end(j);
}


/* ---- a collection ------------------------------------------------------- */

static const char *
state_of(const shown_t *s, int row)
{
    const ingestion_view_t *v = &s->views[row];

    if (!v->known) {
        return "not_understood";
    }
    if (wd_pg_get_bool(s->over, row, OVER_PAUSED)) {
        return "paused";
    }
    if (v->def.stream) {
        return "stream";
    }
    return s->quotas[v->provider].configured ? "ok" : "provider_not_configured";
}


static void
put_error(wd_json_t *j, const PGresult *r, int row)
{
    wd_json_key(j, "last_error");
    if (wd_pg_is_null(r, row, OVER_ERROR_AT)) {
        wd_json_null(j);
        return;
    }
    wd_json_obj(j);
    put_text(j, "instrument", r, row, OVER_ERROR_OF);
    put_text(j, "class", r, row, OVER_ERROR_CLASS);
    put_text(j, "text", r, row, OVER_ERROR);
    put_time(j, "at", r, row, OVER_ERROR_AT);
    wd_json_end(j);
}


static void
put_runs(wd_json_t *j, const shown_t *s, int row)
{
    wd_ns_t                 next = WD_NS_MAX;
    const ingestion_view_t *v = &s->views[row];

    if (v->known && !v->def.stream
        && !wd_pg_get_bool(s->over, row, OVER_PAUSED)) {
        next = ingestion_schedule_next(&v->schedule, s->now);
    }
    put_time(j, "last_run", s->over, row, OVER_LIVE_AT);
    put_when(j, "next_run", next);
    wd_json_key(j, "live");
    wd_json_obj(j);
    put_counts(j, s->over, row, OVER_LIVE_QUEUED);
    wd_json_end(j);
}


/* Members of an open object. */
static void
put_collection(wd_json_t *j, const shown_t *s, int row)
{
    const PGresult *r = s->over;

    put_text(j, "name", r, row, OVER_NAME);
    wd_json_key(j, "provider");
    wd_json_z(j, s->views[row].def.provider);
    wd_json_key(j, "dataset");
    wd_json_z(j, s->views[row].def.dataset);
    wd_json_key(j, "state");
    wd_json_z(j, state_of(s, row));
    wd_json_key(j, "paused");
    wd_json_bool(j, wd_pg_get_bool(r, row, OVER_PAUSED));
    put_text(j, "source", r, row, OVER_SOURCE);
    put_text(j, "file", r, row, OVER_FILE);
    put_time(j, "changed_at", r, row, OVER_CHANGED_AT);
    put_text(j, "changed_by", r, row, OVER_CHANGED_BY);
    put_runs(j, s, row);
    wd_json_key(j, "instruments");
    wd_json_obj(j);
    put_int(j, "all",
            s->views[row].known && s->views[row].def.stream
                ? (int64_t) s->views[row].def.n_instruments
                : wd_pg_get_int(r, row, OVER_ACTIVE));
    put_col(j, "answered", r, row, OVER_ANSWERED);
    put_col(j, "stopped", r, row, OVER_STOPPED);
    wd_json_end(j);
    put_backfill(j, s, row);
    put_col(j, "rows", r, row, OVER_ROWS);
    put_time(j, "data_to", r, row, OVER_HIGH);
    put_time(j, "covered_to", r, row, OVER_COVERED_TO);
    put_error(j, r, row);
}


static void
put_files(wd_json_t *j, const char *key, const PGresult *r)
{
    int i;

    wd_json_key(j, key);
    wd_json_arr(j);
    for (i = 0; i < PQntuples(r); i++) {
        wd_json_obj(j);
        put_text(j, "origin", r, i, FILE_ORIGIN);
        put_text(j, "file", r, i, FILE_NAME);
        put_time(j, "read_at", r, i, FILE_READ_AT);
        put_text(j, "error", r, i, FILE_ERROR);
        wd_json_end(j);
    }
    wd_json_end(j);
}


int
ingestion_put_refused(wd_pg_conn_t *pg, wd_json_t *j, wd_error_t *err)
{
    int       rc;
    PGresult *r;

    rc = ingestion_store_files(pg, true, &r, err);
    if (rc == WD_OK) {
        put_files(j, "files_refused", r);
        PQclear(r);
    }
    return rc;
}


int
ingestion_collections_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc, i;
    shown_t    s;
    wd_json_t  j;
    wd_error_t err = {0};

    rc = shown_open(call, &s, &err);
    if (rc == WD_OK) {
        wd_json_init(&j, &res->body);
        wd_json_obj(&j);
        wd_json_key(&j, "collections");
        wd_json_arr(&j);
        for (i = 0; i < PQntuples(s.over); i++) {
            wd_json_obj(&j);
            put_collection(&j, &s, i);
            wd_json_end(&j);
        }
        wd_json_end(&j);
        put_files(&j, "files", s.files);
        wd_json_end(&j);
    }
    shown_done(&s);
    return rc == WD_OK ? WD_OK : ingestion_api_failed(call, res, rc, &err);
}


/* ---- one, with its items ------------------------------------------------ */

static void
put_stop(wd_json_t *j, const char *key, const PGresult *r, int row, int class,
         int text, int until)
{
    wd_json_key(j, key);
    if (wd_pg_is_null(r, row, class)) {
        wd_json_null(j);
        return;
    }
    wd_json_obj(j);
    put_text(j, "class", r, row, class);
    put_text(j, "text", r, row, text);
    put_time(j, "until", r, row, until);
    wd_json_end(j);
}


static void
put_item(wd_json_t *j, const PGresult *r, int i)
{
    wd_json_obj(j);
    put_text(j, "instrument", r, i, STATE_INSTRUMENT);
    wd_json_key(j, "args");
    wd_json_raw(j, wd_pg_get_str(r, i, STATE_ARGS));
    put_time(j, "last_run", r, i, STATE_LIVE_AT);
    put_time(j, "covered_to", r, i, STATE_COVERED_TO);
    put_time(j, "data_to", r, i, STATE_HIGH);
    put_time(j, "answered_at", r, i, STATE_ANSWERED_AT);
    put_time(j, "ended_at", r, i, STATE_LAST_AT);
    put_text(j, "class", r, i, STATE_LAST_CLASS);
    put_text(j, "error", r, i, STATE_LAST_ERROR);
    put_stop(j, "stopped", r, i, STATE_STOPPED_CLASS, STATE_LAST_ERROR,
             STATE_STOPPED_UNTIL);
    put_date(j, "backfill_begin", r, i, STATE_FILL_BEGIN);
    put_date(j, "backfill_to", r, i, STATE_FILL_TO);
    put_stop(j, "backfill_stopped", r, i, STATE_FILL_CLASS, STATE_FILL_ERROR,
             STATE_FILL_UNTIL);
    put_col(j, "rows", r, i, STATE_ROWS);
    put_col(j, "jobs", r, i, STATE_JOBS);
    wd_json_end(j);
}


static int
put_items(const wd_rpc_call_t *call, int64_t id, int64_t after, int64_t limit,
          wd_json_t *j, wd_error_t *err)
{
    int       rc, i, n;
    PGresult *r;

    rc = ingestion_store_states(call->pg, id, after, limit + 1, &r, err);
    if (rc != WD_OK) {
        return rc;
    }
    n = (int) wd_min((int64_t) PQntuples(r), limit);
    wd_json_key(j, "items");
    wd_json_arr(j);
    for (i = 0; i < n; i++) {
        put_item(j, r, i);
    }
    wd_json_end(j);
    wd_json_key(j, "next");
    if (n == PQntuples(r)) {
        wd_json_null(j);
    } else {
        char text[WD_NUM_TEXT_MAX];

        wd_json_str(
            j, wd_str(text,
                      wd_int_format(wd_pg_get_int(r, n - 1, STATE_ID), text)));
    }
    PQclear(r);
    return WD_OK;
}


static int
find_row(const shown_t *s, const char *name)
{
    int i;

    for (i = 0; i < PQntuples(s->over); i++) {
        if (wd_str_eq_z(wd_pg_get_str(s->over, i, OVER_NAME), name)) {
            return i;
        }
    }
    return -1;
}


static int
show_one(const wd_rpc_call_t *call, wd_rpc_res_t *res, const shown_t *s,
         const char *name, int64_t after, int64_t limit, wd_error_t *err)
{
    int       rc, row = find_row(s, name);
    wd_json_t j;

    if (row < 0) {
        return WD_ENOTFOUND;
    }
    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    put_collection(&j, s, row);
    wd_json_key(&j, "definition");
    wd_json_raw(&j, wd_pg_get_str(s->over, row, OVER_DEFINITION));
    rc = put_items(call, wd_pg_get_int(s->over, row, OVER_ID), after, limit, &j,
                   err);
    wd_json_end(&j);
    return rc;
}


static int
take_page(const wd_rpc_call_t *call, wd_rpc_res_t *res, int64_t *ret_after,
          int64_t *ret_limit)
{
    wd_str_t cursor;

    *ret_after = 0;
    *ret_limit = 100;
    if (wd_rpc_arg_int(call, "limit", ret_limit) == WD_EPARAM || *ret_limit < 1
        || *ret_limit > 1000) {
        return wd_rpc_fail_param(res, "limit", "limit: must be 1 to 1000");
    }
    if (wd_rpc_arg_str(call, "cursor", &cursor) == WD_OK
        && wd_int_parse(cursor, ret_after) != WD_OK) {
        return wd_rpc_fail_param(res, "cursor",
                                 "cursor: must be the `next` of an answer");
    }
    return WD_OK;
}


int
ingestion_collections_get(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    char       name[INGESTION_COLLECTION_NAME_MAX + 1];
    int64_t    after, limit;
    shown_t    s;
    wd_error_t err = {0};

    rc = ingestion_api_name(call, res, "name", name);
    if (rc == WD_OK) {
        rc = take_page(call, res, &after, &limit);
    }
    if (rc != WD_OK) {
        return rc;
    }
    rc = shown_open(call, &s, &err);
    if (rc == WD_OK) {
        rc = show_one(call, res, &s, name, after, limit, &err);
    }
    shown_done(&s);
    return rc == WD_OK ? WD_OK : ingestion_api_failed(call, res, rc, &err);
}
