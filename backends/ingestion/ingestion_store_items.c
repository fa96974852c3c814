/*
 * ingestion_store_items.c - the planner's work: items that are due, slices on
 * their way, jobs.
 */
#include "ingestion_store_collections.h"

#include <stdio.h>
#include <stdlib.h>

/* Days in SQL: a number of days since 1970. */
#define EPOCH "date '1970-01-01'"
#define DAY(column) "(" column " - " EPOCH ")"

/* Why an item is left alone for now. */
#define NOT_STOPPED             \
    "(i.stopped_class IS NULL " \
    "OR NOT " INGESTION_STORE_STOPS("i.stopped_until") ")"
#define FILL_NOT_STOPPED     \
    "(i.fill_class IS NULL " \
    "OR NOT " INGESTION_STORE_STOPS("i.fill_until") ")"

/*
 * Due: not planned since the tick. A plan of the future was made before the
 * clock was set back.
 */
#define DUE(tick)                                                              \
    "i.active AND " NOT_STOPPED " AND (i.live_at IS NULL OR i.live_at < " tick \
    " OR i.live_at > now()) AND NOT EXISTS (SELECT 1 "                         \
    "FROM collection_slice o WHERE o.item = i.id AND NOT o.fill "              \
    "AND o.job IS NOT NULL)"

/* Nothing of its history is asked for at the moment, and some is left. */
#define UNFILLED(from)                                                       \
    "i.active AND " NOT_STOPPED " AND " FILL_NOT_STOPPED                     \
    " AND i.live_at IS NOT NULL AND (i.fill_to IS NULL OR i.fill_to > " from \
    ") AND NOT EXISTS (SELECT 1 FROM collection_slice o "                    \
    "WHERE o.item = i.id AND o.fill)"

#define MICROS(column) \
    "(timestamptz '1970-01-01 00:00:00Z' + " column " * interval '1 us')"


/* ---- the list ----------------------------------------------------------- */

int
ingestion_store_listed(wd_pg_conn_t *c, ingestion_listed_t **ret, size_t *ret_n,
                       wd_ns_t *ret_now, wd_error_t *err)
{
    int                 rc, i, n;
    PGresult           *res;
    ingestion_listed_t *v;

    rc = wd_pg_exec(c,
                    "SELECT c.id, c.version, c.paused, c.name, t.now "
                    "FROM (SELECT clock_timestamp() AS now) t "
                    "LEFT JOIN collection c ON c.retired_at IS NULL "
                    "ORDER BY c.id",
                    NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    *ret_now = wd_pg_get_ts(res, 0, 4);
    n = wd_pg_is_null(res, 0, 0) ? 0 : PQntuples(res);
    v = calloc((size_t) n + 1, sizeof(*v));
    for (i = 0; i < n && v != NULL; i++) {
        v[i].id = wd_pg_get_int(res, i, 0);
        v[i].version = wd_pg_get_int(res, i, 1);
        v[i].paused = wd_pg_get_bool(res, i, 2);
        wd_str_copy(v[i].name, sizeof(v[i].name), wd_pg_get_str(res, i, 3));
    }
    PQclear(res);
    *ret = v;
    *ret_n = (size_t) n;
    return v != NULL ? WD_OK : wd_error(err, WD_ENOMEM, "no memory");
}


int
ingestion_store_definition(wd_pg_conn_t *c, int64_t id,
                           ingestion_collection_t *def, int64_t *ret_version,
                           wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_int(id)};

    rc = wd_pg_exec(c,
                    "SELECT name, definition::text, version FROM collection "
                    "WHERE id = $1 AND retired_at IS NULL",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = WD_ENOTFOUND;
    if (PQntuples(res) == 1) {
        *ret_version = wd_pg_get_int(res, 0, 2);
        rc = ingestion_collection_name(def, wd_pg_get_str(res, 0, 0), err);
        if (rc == WD_OK) {
            rc = ingestion_collection_parse(wd_pg_get_str(res, 0, 1), def, err);
        }
    }
    PQclear(res);
    return rc;
}


/*
 * Cheap while there is nothing to do: asked each second by each instance.
 * $1 ids, $2 may be planned, $3 ticks in microseconds, $4 days.
 */
static int
find_work(wd_pg_conn_t *c, const int64_t *ids, const int64_t *plan,
          const int64_t *ticks, const int64_t *froms, size_t n, PGresult **ret,
          wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_ints(ids, n), wd_pg_ints(plan, n),
                         wd_pg_ints(ticks, n), wd_pg_ints(froms, n)};

    return wd_pg_exec(
        c,
        "SELECT w.id FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], "
        "$4::bigint[]) AS w(id, plan, tick, first) "
        "JOIN collection c ON c.id = w.id WHERE c.retired_at IS NULL AND ("
        "EXISTS (SELECT 1 FROM collection_slice s LEFT JOIN ingest_job j "
        "ON j.id = s.job WHERE s.collection = c.id AND s.job IS NOT NULL "
        "AND (j.id IS NULL OR j.status IN ('done', 'failed') "
        "OR (c.paused AND j.status = 'queued' AND j.collection = c.id) "
        "OR (NOT c.paused AND j.status = 'paused'))) "
        "OR EXISTS (SELECT 1 FROM collection_item i WHERE i.collection = c.id "
        "AND i.live_to IS NOT NULL AND NOT EXISTS (SELECT 1 "
        "FROM collection_slice o WHERE o.item = i.id AND NOT o.fill)) "
        "OR (NOT c.paused AND w.plan = 1 AND ("
        "EXISTS (SELECT 1 FROM collection_slice s JOIN collection_item i "
        "ON i.id = s.item WHERE s.collection = c.id AND s.job IS NULL "
        "AND " INGESTION_STORE_WAITED(
            "s.not_before") " AND " NOT_STOPPED
                            " AND (NOT s.fill OR " FILL_NOT_STOPPED ")) "
                            "OR EXISTS (SELECT 1 FROM collection_item i WHERE "
                            "i.collection = c.id "
                            "AND " DUE(MICROS(
                                "w.tick")) ") "
                                           "OR (w.first IS NOT NULL AND "
                                           "w.first > -100000 "
                                           "AND EXISTS (SELECT 1 FROM "
                                           "collection_item i "
                                           "WHERE i.collection = c.id "
                                           "AND " UNFILLED(
                                               "(" EPOCH
                                               " + w.first::int)") ")))))",
        p, wd_array_len(p), ret, err);
}


int
ingestion_store_work(wd_pg_conn_t *c, ingestion_work_t *work, size_t *n,
                     wd_error_t *err)
{
    int       rc, row;
    size_t    i, k = 0;
    int64_t  *v;
    PGresult *res;

    v = calloc(4 * *n + 1, sizeof(*v));
    if (v == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }
    for (i = 0; i < *n; i++) {
        v[i] = work[i].id;
        v[*n + i] = work[i].plan;
        v[2 * *n + i] = work[i].tick / WD_NS_PER_US;
        v[3 * *n + i] = wd_max(work[i].from, INT64_C(-200000));
    }
    rc = find_work(c, v, v + *n, v + 2 * *n, v + 3 * *n, *n, &res, err);
    free(v);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < *n; i++) {
        for (row = 0; row < PQntuples(res); row++) {
            if (wd_pg_get_int(res, row, 0) == work[i].id) {
                work[k++] = work[i];
                break;
            }
        }
    }
    *n = k;
    PQclear(res);
    return WD_OK;
}


int
ingestion_store_lock(wd_pg_conn_t *c, int64_t id, int64_t *ret_version,
                     bool *ret_paused, wd_ns_t *ret_now, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_int(id)};

    rc = wd_pg_exec(c,
                    "SELECT version, paused, now() FROM collection "
                    "WHERE id = $1 AND retired_at IS NULL "
                    "FOR UPDATE SKIP LOCKED",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = WD_ENOTFOUND;
    if (PQntuples(res) == 1) {
        *ret_version = wd_pg_get_int(res, 0, 0);
        *ret_paused = wd_pg_get_bool(res, 0, 1);
        *ret_now = wd_pg_get_ts(res, 0, 2);
        rc = WD_OK;
    }
    PQclear(res);
    return rc;
}


/* ---- what has ended ----------------------------------------------------- */

/*
 * Slices of a run end in any order: one that has come or may come yet is an
 * answer, too.
 */
#define OTHER_ANSWER                                                  \
    "EXISTS (SELECT 1 FROM collection_slice o JOIN ingest_job k "     \
    "ON k.id = o.job WHERE o.item = s.item AND o.id <> s.id AND NOT " \
    "o.fill AND k.status <> 'failed')"

int
ingestion_store_ended(wd_pg_conn_t *c, int64_t collection,
                      ingestion_ended_t *ret, size_t cap, size_t *ret_n,
                      wd_error_t *err)
{
    int           rc, i;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_int(collection), wd_pg_int((int64_t) cap)};

    rc = wd_pg_exec(
        c,
        "SELECT s.id, s.item, s.job, s.fill, "
        "coalesce(j.status = 'done', false), "
        "i.answered_at IS NOT NULL OR " OTHER_ANSWER ", "
        "s.attempts, coalesce(j.objects + j.duplicates, 0), "
        "coalesce(j.error_class, ''), "
        "coalesce(j.error, CASE WHEN j.id IS NULL THEN 'Its job is gone' "
        "ELSE '' END) "
        "FROM collection_slice s JOIN collection_item i ON i.id = s.item "
        "LEFT JOIN ingest_job j ON j.id = s.job WHERE s.collection = $1 "
        "AND s.job IS NOT NULL "
        "AND (j.id IS NULL OR j.status IN ('done', 'failed')) "
        "ORDER BY s.job LIMIT $2",
        p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < PQntuples(res); i++) {
        ingestion_ended_t *s = &ret[i];

        s->id = wd_pg_get_int(res, i, 0);
        s->item = wd_pg_get_int(res, i, 1);
        s->job = wd_pg_get_int(res, i, 2);
        s->fill = wd_pg_get_bool(res, i, 3);
        s->done = wd_pg_get_bool(res, i, 4);
        s->answered = wd_pg_get_bool(res, i, 5);
        s->attempts = (int) wd_pg_get_int(res, i, 6);
        s->calls = (int) wd_pg_get_int(res, i, 7);
        wd_str_copy(s->class, sizeof(s->class), wd_pg_get_str(res, i, 8));
        wd_str_copy(s->error, sizeof(s->error), wd_pg_get_str(res, i, 9));
    }
    *ret_n = (size_t) PQntuples(res);
    PQclear(res);
    return WD_OK;
}


/*
 * A slice that reaches down from the back-fill's edge moves it, whoever asked
 * for it. A good answer disproves that there is no such thing.
 */
int
ingestion_store_slice_done(wd_pg_conn_t *c, const ingestion_ended_t *s,
                           wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(s->id), wd_pg_int(s->calls),
                         wd_pg_bool(s->fill)};

    return wd_pg_exec(
        c,
        "WITH gone AS (DELETE FROM collection_slice WHERE id = $1 "
        "RETURNING item, slice_from, slice_to) "
        "UPDATE collection_item i SET answered_at = now(), last_at = now(), "
        "last_class = NULL, last_error = NULL, stopped_class = NULL, "
        "fill_class = CASE WHEN $3 THEN NULL ELSE i.fill_class END, "
        "calls = CASE WHEN $3 THEN i.calls ELSE greatest(1, $2) END, "
        "fill_to = CASE WHEN i.fill_to > g.slice_from "
        "AND i.fill_to <= g.slice_to + 1 THEN g.slice_from "
        "ELSE i.fill_to END, "
        "recount_at = now() + interval '3 seconds' "
        "FROM gone g WHERE i.id = g.item",
        p, wd_array_len(p), NULL, err);
}


int
ingestion_store_slice_again(wd_pg_conn_t *c, const ingestion_ended_t *s,
                            int64_t delay_s, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(s->id), wd_pg_int(delay_s),
                         wd_pg_text_z(s->class), wd_pg_text_z(s->error)};

    return wd_pg_exec(c,
                      "WITH again AS (UPDATE collection_slice SET job = NULL, "
                      "attempts = attempts + 1, error = $4, "
                      "not_before = now() + $2 * interval '1 second' "
                      "WHERE id = $1 RETURNING item) "
                      "UPDATE collection_item i SET last_at = now(), "
                      "last_class = nullif($3, ''), "
                      "last_error = $4 FROM again a WHERE i.id = a.item",
                      p, wd_array_len(p), NULL, err);
}


static int
stop_fill(wd_pg_conn_t *c, const ingestion_ended_t *s, int64_t days,
          wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(s->id), wd_pg_int(days),
                         wd_pg_text_z(s->class), wd_pg_text_z(s->error)};

    return wd_pg_exec(
        c,
        "WITH gone AS (DELETE FROM collection_slice WHERE id = $1 "
        "RETURNING item) "
        "UPDATE collection_item i SET fill_class = $3, fill_error = $4, "
        "fill_until = now() + $2 * interval '1 day' "
        "FROM gone g WHERE i.id = g.item",
        p, wd_array_len(p), NULL, err);
}


int
ingestion_store_slice_stop(wd_pg_conn_t *c, const ingestion_ended_t *s,
                           int64_t days, wd_error_t *err)
{
    int           rc;
    wd_pg_param_t p[] = {wd_pg_int(s->item), wd_pg_text_z(s->class),
                         wd_pg_int(days)};

    if (s->fill) {
        return stop_fill(c, s, days, err);
    }
    /* The slice stays: what it was to bring is still missing. */
    rc = ingestion_store_slice_again(c, s, 0, err);
    return rc != WD_OK
               ? rc
               : wd_pg_exec(c,
                            "UPDATE collection_item SET stopped_class = $2, "
                            "stopped_until = now() + $3 * interval '1 day' "
                            "WHERE id = $1",
                            p, wd_array_len(p), NULL, err);
}


int
ingestion_store_covered(wd_pg_conn_t *c, int64_t collection, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(collection)};

    return wd_pg_exec(
        c,
        "UPDATE collection_item i SET covered_to = i.live_to, "
        "live_to = NULL, due_since = NULL WHERE i.collection = $1 "
        "AND i.live_to IS NOT NULL AND NOT EXISTS (SELECT 1 "
        "FROM collection_slice o WHERE o.item = i.id "
        "AND NOT o.fill)",
        p, wd_array_len(p), NULL, err);
}


/* ---- what is to be asked for -------------------------------------------- */

/*
 * Of an item, in the order of ingestion_store_item(). The mark is what was
 * counted, and what has come since.
 */
#define ITEM_COLUMNS                                                    \
    "i.id, i.args::text, greatest(i.high, r.high), i.covered_to, " DAY( \
        "i.fill_to") " "
#define ITEM_MARK                                                         \
    "LEFT JOIN LATERAL (SELECT max(o.data_to) AS high FROM raw_object o " \
    "WHERE " INGESTION_STORE_ANSWERS "AND o.id > i.seen) r ON true "


int
ingestion_store_due(wd_pg_conn_t *c, int64_t collection, wd_ns_t tick,
                    int64_t limit, PGresult **ret, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(collection), wd_pg_ts(tick),
                         wd_pg_int(limit)};

    return wd_pg_exec(c,
                      "SELECT " ITEM_COLUMNS "FROM (SELECT * "
                      "FROM collection_item i WHERE i.collection = $1 "
                      "AND " DUE("$2") " ORDER BY i.id LIMIT $3) i " ITEM_MARK
                                       "ORDER BY i.id",
                      p, wd_array_len(p), ret, err);
}


int
ingestion_store_unfilled(wd_pg_conn_t *c, int64_t collection, int64_t from,
                         int64_t limit, PGresult **ret, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(collection), wd_pg_int(from),
                         wd_pg_int(limit)};

    return wd_pg_exec(
        c,
        "SELECT " ITEM_COLUMNS "FROM (SELECT * FROM collection_item i "
        "WHERE i.collection = $1 AND " UNFILLED(
            "(" EPOCH
            " + $2::int)") " ORDER BY i.fill_to DESC NULLS FIRST, i.id LIMIT "
                           "$3) i " ITEM_MARK
                           "ORDER BY i.fill_to DESC NULLS FIRST, i.id",
        p, wd_array_len(p), ret, err);
}


void
ingestion_store_item(const PGresult *res, int row, ingestion_item_t *ret)
{
    ret->id = wd_pg_get_int(res, row, 0);
    ret->args = wd_pg_get_str(res, row, 1);
    ret->high = wd_pg_is_null(res, row, 2) ? WD_NS_MIN
                                           : wd_pg_get_ts(res, row, 2);
    ret->covered = wd_pg_is_null(res, row, 3) ? WD_NS_MIN
                                              : wd_pg_get_ts(res, row, 3);
    ret->fill_to = wd_pg_is_null(res, row, 4) ? INGESTION_NO_DAY
                                              : wd_pg_get_int(res, row, 4);
}


int
ingestion_store_filling(wd_pg_conn_t *c, int64_t collection, int64_t *ret_n,
                        wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_int(collection)};

    rc = wd_pg_exec(c,
                    "SELECT count(*) FROM collection_slice "
                    "WHERE collection = $1 AND fill AND job IS NOT NULL",
                    p, wd_array_len(p), &res, err);
    if (rc == WD_OK) {
        *ret_n = wd_pg_get_int(res, 0, 0);
        PQclear(res);
    }
    return rc;
}


/*
 * An equal job is joined; if it waits with less urgency, or is held by a
 * collection that is paused, it does so no more.
 */
int
ingestion_store_want(wd_pg_conn_t *c, const ingestion_want_t *ask,
                     wd_error_t *err)
{
    char by[INGESTION_COLLECTION_NAME_MAX + 16];

    snprintf(by, sizeof(by), "collection:%s", ask->def->name);
    wd_pg_param_t p[] = {
        wd_pg_text_z(ask->def->provider),
        wd_pg_text_z(ask->def->dataset),
        wd_pg_json(ask->args),
        wd_pg_text_z(by),
        wd_pg_int(ask->fill ? ask->def->priority : 0),
        wd_pg_int(ask->collection),
        wd_pg_int(ask->item),
        wd_pg_bool(ask->fill),
        wd_pg_date(ask->slice.from * WD_NS_PER_DAY),
        wd_pg_date(ask->slice.to * WD_NS_PER_DAY),
    };

    return wd_pg_exec(
        c,
        "WITH j AS (INSERT INTO ingest_job AS q (provider, dataset, args, "
        "asked_by, priority, collection) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (provider, dataset, args) "
        "WHERE status IN ('queued', 'running', 'paused') DO UPDATE SET "
        "priority = least(q.priority, excluded.priority), "
        "collection = CASE q.status WHEN 'paused' THEN excluded.collection "
        "ELSE q.collection END, "
        "status = CASE q.status WHEN 'paused' THEN 'queued' ELSE q.status END "
        "RETURNING id) "
        "INSERT INTO collection_slice AS s (collection, item, fill, args, "
        "slice_from, slice_to, job) SELECT $6, $7, $8, $3, $9, $10, id FROM j "
        "ON CONFLICT (item, fill, args) DO UPDATE SET job = excluded.job, "
        "not_before = NULL, slice_from = least(s.slice_from, "
        "excluded.slice_from), slice_to = greatest(s.slice_to, "
        "excluded.slice_to)",
        p, wd_array_len(p), NULL, err);
}


int
ingestion_store_waiting(wd_pg_conn_t *c, int64_t collection, bool fill,
                        int64_t limit, PGresult **ret, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(collection), wd_pg_bool(fill),
                         wd_pg_int(limit)};

    return wd_pg_exec(
        c,
        "SELECT s.item, s.args::text, " DAY("s.slice_from") ", " DAY(
            "s.slice_to") " FROM collection_slice s JOIN collection_item i "
                          "ON i.id = s.item WHERE s.collection = $1 AND s.fill "
                          "= $2 "
                          "AND s.job IS NULL AND " INGESTION_STORE_WAITED(
                              "s.not_before") " AND "
                                              "i.active "
                                              "AND " NOT_STOPPED
                                              " AND (NOT s.fill "
                                              "OR " FILL_NOT_STOPPED ") "
                                              "ORDER BY s.not_before, s.id "
                                              "LIMIT $3",
        p, wd_array_len(p), ret, err);
}


int
ingestion_store_planned(wd_pg_conn_t *c, const ingestion_item_t *item,
                        wd_ns_t tick, wd_ns_t now, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(item->id), wd_pg_ts(tick), wd_pg_ts(now)};

    return wd_pg_exec(c,
                      "UPDATE collection_item SET live_at = $2, live_to = $3, "
                      "due_since = coalesce(due_since, CASE "
                      "WHEN live_at IS NULL THEN $3 ELSE $2 END) "
                      "WHERE id = $1",
                      p, wd_array_len(p), NULL, err);
}


int
ingestion_store_overdue(wd_pg_conn_t *c, int64_t collection, wd_ns_t tick,
                        wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(collection), wd_pg_ts(tick)};

    return wd_pg_exec(c,
                      "UPDATE collection_item i SET due_since = CASE "
                      "WHEN i.live_at IS NULL THEN now() ELSE $2 END "
                      "FROM collection c WHERE c.id = $1 AND NOT c.paused "
                      "AND i.collection = c.id AND i.due_since IS NULL "
                      "AND i.active AND (i.live_at IS NULL OR i.live_at < $2)",
                      p, wd_array_len(p), NULL, err);
}


int
ingestion_store_ahead(wd_pg_conn_t *c, const ingestion_ahead_t *ahead,
                      wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(ahead->collection), wd_pg_ts(ahead->tick),
                         wd_pg_int(ahead->runs), wd_pg_int(ahead->next),
                         wd_pg_date(ahead->day * WD_NS_PER_DAY)};

    return wd_pg_exec(
        c,
        "UPDATE collection c SET ahead_day = $5, ahead_calls = n.calls, "
        "ahead_next = n.next FROM ("
        "SELECT coalesce(sum(calls * ($3 + (live_at IS NULL "
        "OR live_at < $2)::int)), 0)::bigint AS calls, "
        "coalesce(sum(calls * $4), 0)::bigint AS next "
        "FROM collection_item WHERE collection = $1 AND active "
        "AND stopped_class IS NULL) n "
        "WHERE c.id = $1 AND (c.ahead_day, c.ahead_calls, c.ahead_next) "
        "IS DISTINCT FROM ($5, n.calls, n.next)",
        p, wd_array_len(p), NULL, err);
}


int
ingestion_store_fill_begin(wd_pg_conn_t *c, int64_t item, int64_t day,
                           wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(item), wd_pg_date(day * WD_NS_PER_DAY)};

    return wd_pg_exec(c,
                      "UPDATE collection_item SET fill_begin = $2, "
                      "fill_to = $2, fill_since = now() "
                      "WHERE id = $1 AND fill_to IS NULL",
                      p, wd_array_len(p), NULL, err);
}


int
ingestion_store_recount(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(
        c,
        "UPDATE collection_item u SET recount_at = NULL, "
        "rows = u.rows + r.rows, high = greatest(u.high, r.high), "
        "seen = greatest(u.seen, r.seen) FROM (SELECT id, provider, dataset, "
        "args, seen FROM collection_item WHERE recount_at <= now() "
        "ORDER BY recount_at LIMIT 50 FOR UPDATE SKIP LOCKED) i "
        "CROSS JOIN LATERAL (SELECT "
        "coalesce(sum(o.stored + o.corrected), 0) AS rows, "
        "max(o.data_to) AS high, max(o.id) AS seen FROM raw_object o "
        "WHERE " INGESTION_STORE_ANSWERS "AND o.id > i.seen) r "
        "WHERE u.id = i.id",
        NULL, 0, NULL, err);
}
