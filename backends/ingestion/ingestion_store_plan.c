/*
 * ingestion_store_plan.c - reads what is shown of collections and plans.
 */
#include "ingestion_store_plan.h"

#define DAY(column) "(" column " - date '1970-01-01')"
#define STOPPED                     \
    "(i.stopped_class IS NOT NULL " \
    "AND " INGESTION_STORE_STOPS("i.stopped_until") ")"
#define FILL_STOPPED             \
    "(i.fill_class IS NOT NULL " \
    "AND " INGESTION_STORE_STOPS("i.fill_until") ")"

/* Whether a slice has a job, and what that does. */
#define SLICE_COUNT(kind, state) \
    "count(*) FILTER (WHERE " kind " AND j.status = '" state "') AS " state
#define SLICE_WAITS(kind) \
    "count(*) FILTER (WHERE " kind " AND s.job IS NULL) AS waiting"
#define SLICE_COUNTS(kind)                              \
    SLICE_COUNT(kind, "queued")                         \
    ", " SLICE_COUNT(kind, "running") ", " SLICE_COUNT( \
        kind, "paused") ", " SLICE_WAITS(kind)


int
ingestion_store_overview(wd_pg_conn_t *c, const char *name, PGresult **ret,
                         wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_text_z(name != NULL ? name : "")};

    return wd_pg_exec(
        c,
        "SELECT c.id, c.name, c.source, c.file, c.definition::text, c.paused, "
        "c.changed_at, c.changed_by, i.active, i.answered, i.stopped, i.calls, "
        "i.live_at, i.covered_to, i.high, i.rows, i.fill_since, "
        "i.fill_stopped, l.queued, l.running, l.paused, l.waiting, f.queued, "
        "f.running, f.paused, f.waiting, e.instrument, e.last_class, "
        "e.last_error, e.last_at FROM collection c "
        "CROSS JOIN LATERAL (SELECT count(*) AS active, "
        "count(i.answered_at) AS answered, "
        "count(*) FILTER (WHERE " STOPPED ") AS stopped, "
        "count(*) FILTER (WHERE " FILL_STOPPED ") AS fill_stopped, "
        "coalesce(sum(i.calls), 0)::bigint AS calls, "
        "max(i.live_at) AS live_at, "
        "CASE WHEN bool_and(i.covered_to IS NOT NULL) "
        "THEN min(i.covered_to) END AS covered_to, max(i.high) AS high, "
        "coalesce(sum(i.rows), 0)::bigint AS rows, "
        "min(i.fill_since) AS fill_since "
        "FROM collection_item i WHERE i.collection = c.id AND i.active) i "
        "CROSS JOIN LATERAL (SELECT " SLICE_COUNTS(
            "NOT s.fill") " "
                          "FROM collection_slice s LEFT JOIN ingest_job j ON "
                          "j.id = s.job "
                          "WHERE s.collection = c.id) l "
                          "CROSS JOIN LATERAL (SELECT " SLICE_COUNTS(
                              "s.fill") " "
                                        "FROM collection_slice s LEFT JOIN "
                                        "ingest_job j ON j.id = s.job "
                                        "WHERE s.collection = c.id) f "
                                        "LEFT JOIN LATERAL (SELECT "
                                        "i.instrument, i.last_class, "
                                        "i.last_error, "
                                        "i.last_at FROM collection_item i "
                                        "WHERE i.collection = c.id "
                                        "AND i.active AND i.last_error IS NOT "
                                        "NULL "
                                        "ORDER BY i.last_at DESC LIMIT 1) e ON "
                                        "true "
                                        "WHERE c.retired_at IS NULL AND ($1 = "
                                        "'' OR c.name = $1) "
                                        "ORDER BY c.name",
        p, wd_array_len(p), ret, err);
}


int
ingestion_store_progress(wd_pg_conn_t *c, PGresult **ret, wd_error_t *err)
{
    return wd_pg_exec(c,
                      "SELECT i.collection, " DAY("i.fill_begin") ", " DAY(
                          "i.fill_to") ", " FILL_STOPPED
                                       ", count(*), sum(i.calls)::bigint "
                                       "FROM collection_item i JOIN collection "
                                       "c ON c.id = i.collection "
                                       "WHERE i.active AND c.retired_at IS "
                                       "NULL GROUP BY 1, 2, 3, 4",
                      NULL, 0, ret, err);
}


int
ingestion_store_files(wd_pg_conn_t *c, bool bad, PGresult **ret,
                      wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_bool(bad)};

    return wd_pg_exec(c,
                      "SELECT origin, file, read_at, error "
                      "FROM collection_file WHERE error IS NOT NULL OR NOT $1 "
                      "ORDER BY origin, file",
                      p, wd_array_len(p), ret, err);
}


int
ingestion_store_states(wd_pg_conn_t *c, int64_t collection, int64_t after,
                       int64_t limit, PGresult **ret, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(collection), wd_pg_int(after),
                         wd_pg_int(limit)};

    return wd_pg_exec(
        c,
        "SELECT i.id, i.instrument, i.args::text, i.live_at, i.covered_to, "
        "i.answered_at, i.last_at, i.last_class, i.last_error, "
        "CASE WHEN " STOPPED " THEN i.stopped_class END, i.stopped_until, " DAY(
            "i.fill_begin") ", " DAY("i.fill_to") ", "
                                                  "CASE WHEN " FILL_STOPPED
                                                  " THEN i.fill_class END, "
                                                  "i.fill_error, "
                                                  "i.fill_until, i.high, "
                                                  "i.rows, "
                                                  "(SELECT count(s.job) FROM "
                                                  "collection_slice s WHERE "
                                                  "s.item = i.id) "
                                                  "FROM collection_item i "
                                                  "WHERE i.collection = $1 AND "
                                                  "i.active "
                                                  "AND i.id > $2 ORDER BY i.id "
                                                  "LIMIT $3",
        p, wd_array_len(p), ret, err);
}


/* ---- plans -------------------------------------------------------------- */

#define MARK                                                              \
    "LEFT JOIN LATERAL (SELECT max(o.data_to) AS high FROM raw_object o " \
    "WHERE " INGESTION_STORE_ANSWERS "AND o.id > i.seen) r ON true "

/* Of questions that no item ever asked, the latest answers tell. */
#define MARK_OF_NONE                                                 \
    "LEFT JOIN LATERAL (SELECT max(n.data_to) AS high FROM (SELECT " \
    "o.data_to FROM raw_object o WHERE " INGESTION_STORE_ANSWERS     \
    "ORDER BY o.id DESC LIMIT 100) n) r ON true "

int
ingestion_store_plan_items(wd_pg_conn_t *c, int64_t collection, PGresult **ret,
                           wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(collection)};

    return wd_pg_exec(
        c,
        "SELECT i.id, i.args::text, greatest(i.high, r.high), "
        "i.covered_to, " DAY(
            "i.fill_to") ", i.instrument, i.calls, " STOPPED ", " FILL_STOPPED
                         ", "
                         "EXISTS (SELECT 1 FROM collection_slice o WHERE "
                         "o.item = i.id "
                         "AND NOT o.fill AND o.job IS NOT NULL), "
                         "s.args::text, " DAY(
                             "s.slice_from") ", "
                                             "coalesce(j.status, 'waiting'), "
                                             "s.not_before "
                                             "FROM collection_item i LEFT JOIN "
                                             "collection_slice s "
                                             "ON s.item = i.id AND s.fill LEFT "
                                             "JOIN ingest_job j ON j.id = "
                                             "s.job " MARK
                                             "WHERE i.collection = $1 AND "
                                             "i.active ORDER BY i.id",
        p, wd_array_len(p), ret, err);
}


int
ingestion_store_plan_try(wd_pg_conn_t *c, const ingestion_collection_t *def,
                         PGresult **ret, wd_error_t *err)
{
    int               rc;
    ingestion_items_t items;

    rc = ingestion_items_of(def, &items, err);
    if (rc == WD_OK) {
        wd_pg_param_t p[] = {wd_pg_text_z(def->provider),
                             wd_pg_text_z(def->dataset),
                             wd_pg_texts(items.names, items.n),
                             wd_pg_texts(items.args, items.n)};

        rc = wd_pg_exec(
            c,
            "SELECT 0::bigint, i.args::text, r.high, NULL::timestamptz, "
            "NULL::integer, i.instrument, 1, false, false, false, "
            "NULL::text, NULL::integer, NULL::text, NULL::timestamptz "
            "FROM (SELECT $1 AS provider, $2 AS dataset, u.n, u.i "
            "AS instrument, u.a::jsonb AS args "
            "FROM unnest($3::text[], $4::text[]) WITH ORDINALITY "
            "AS u(i, a, n)) i " MARK_OF_NONE "ORDER BY i.n",
            p, wd_array_len(p), ret, err);
    }
    ingestion_items_done(&items);
    return rc;
}


int
ingestion_store_plan_slices(wd_pg_conn_t *c, int64_t collection, PGresult **ret,
                            wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(collection)};

    return wd_pg_exec(
        c,
        "SELECT s.item, i.instrument, s.args::text, "
        "CASE WHEN s.job IS NULL THEN 'waiting' "
        "ELSE coalesce(j.status, 'waiting') END, s.not_before "
        "FROM collection_slice s JOIN collection_item i ON i.id = s.item "
        "LEFT JOIN ingest_job j ON j.id = s.job "
        "WHERE s.collection = $1 AND NOT s.fill AND i.active "
        "AND NOT " STOPPED " ORDER BY s.item, s.id",
        p, wd_array_len(p), ret, err);
}


int
ingestion_store_now(wd_pg_conn_t *c, wd_ns_t *ret, wd_error_t *err)
{
    int       rc;
    PGresult *res;

    rc = wd_pg_exec(c, "SELECT now()", NULL, 0, &res, err);
    if (rc == WD_OK) {
        *ret = wd_pg_get_ts(res, 0, 0);
        PQclear(res);
    }
    return rc;
}
