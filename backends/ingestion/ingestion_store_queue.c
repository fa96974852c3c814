/*
 * ingestion_store_queue.c - the queue of jobs: put in, claimed together with a
 * call of the quota, queued again when a worker is gone.
 */
#include "ingestion_store.h"

#include <stdlib.h>

/* An equal job may end between insert and look-up. */
#define ENQUEUE_TRIES 5


int
ingestion_store_session(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_script(c,
                        "SET statement_timeout = '30s'; "
                        "SET lock_timeout = '10s'; "
                        "SET idle_in_transaction_session_timeout = '60s'; "
                        "SET timezone = 'UTC'; LISTEN wizdata_ingest",
                        err);
}


/*
 * An equal job of a collection's is theirs now who ask: it comes before the
 * back-fill, and neither waits nor goes with its collection.
 */
int
ingestion_store_enqueue(wd_pg_conn_t *c, const char *provider,
                        const char *dataset, wd_str_t args, wd_str_t asked_by,
                        int64_t *ret_id, char *ret_status, wd_error_t *err)
{
    int           rc, i;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider), wd_pg_text_z(dataset),
                         wd_pg_json(args), wd_pg_text(asked_by)};

    for (i = 0; i < ENQUEUE_TRIES; i++) {
        rc = wd_pg_exec(
            c,
            "WITH new AS (INSERT INTO ingest_job AS q (provider, dataset, "
            "args, asked_by) VALUES ($1, $2, $3, nullif($4, '')) "
            "ON CONFLICT (provider, dataset, args) "
            "WHERE status IN ('queued', 'running', 'paused') DO UPDATE SET "
            "priority = least(q.priority, excluded.priority), "
            "collection = NULL, status = CASE q.status WHEN 'paused' "
            "THEN 'queued' ELSE q.status END "
            "WHERE q.status <> 'running' AND q.collection IS NOT NULL "
            "RETURNING id, status, pg_notify('wizdata_ingest', provider)) "
            "SELECT id, status FROM new UNION ALL "
            "SELECT id, status FROM ingest_job WHERE provider = $1 "
            "AND dataset = $2 AND args = $3 "
            "AND status IN ('queued', 'running', 'paused') LIMIT 1",
            p, wd_array_len(p), &res, err);
        if (rc != WD_OK) {
            return rc;
        }
        if (PQntuples(res) == 1) {
            *ret_id = wd_pg_get_int(res, 0, 0);
            wd_str_copy(ret_status, 16, wd_pg_get_str(res, 0, 1));
            PQclear(res);
            return WD_OK;
        }
        PQclear(res);
    }
    return wd_error(err, WD_EAGAIN, "the same job is queued by others");
}


/* ---- quota ---------------------------------------------------------------- */

static int64_t
left(const PGresult *res, int col)
{
    return wd_pg_is_null(res, 0, col) ? -1 : wd_pg_get_int(res, 0, col);
}


static void
add_left(int64_t *sum, int64_t more)
{
    *sum = more < 0 ? -1 : *sum + more;
}


/* Up to `want` calls of one key, added to *take. */
static int
take_of_key(wd_pg_conn_t *c, const ingestion_quota_t *q, size_t key,
            int64_t want, ingestion_take_t *take, wd_error_t *err)
{
    int                             rc;
    int64_t                         granted, wait_ms;
    PGresult                       *res;
    const ingestion_conf_account_t *limits = &q->account->c;
    wd_pg_param_t                   p[] = {
                          wd_pg_text_z(q->provider),      wd_pg_text_z(q->account->keys[key].id),
                          wd_pg_int(limits->per_second),  wd_pg_int(limits->per_minute),
                          wd_pg_int(limits->per_day),     wd_pg_int(q->debt[key]),
                          wd_pg_int(want - take->granted)};

    rc = wd_pg_exec(c,
                    "SELECT granted, wait_ms, reason, left_second, "
                    "left_minute, left_day "
                    "FROM provider_take($1, $2, $3, $4, $5, $6, $7)",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    granted = wd_pg_get_int(res, 0, 0);
    wait_ms = wd_pg_get_int(res, 0, 1);
    if (granted != 0) {
        take->key = key;
    } else if (take->wait_ms == 0 || wait_ms < take->wait_ms) {
        take->wait_ms = wait_ms;
        wd_str_copy(take->reason, sizeof(take->reason),
                    wd_pg_get_str(res, 0, 2));
    }
    take->granted += granted;
    take->left_day_of[key] = left(res, 5);
    add_left(&take->left_second, left(res, 3));
    add_left(&take->left_minute, left(res, 4));
    add_left(&take->left_day, left(res, 5));
    PQclear(res);
    return WD_OK;
}


/*
 * Up to n calls, of one key after the other; of which, for job after job, in
 * jobs[].key. Those that are not needed are looked at all the same, for what
 * is left of them.
 */
static int
take_calls(wd_pg_conn_t *c, const ingestion_quota_t *q, ingestion_job_t *jobs,
           int64_t n, ingestion_take_t *take, wd_error_t *err)
{
    int     rc = WD_OK;
    size_t  key;
    int64_t done = 0;

    memset(take, 0, sizeof(*take));
    /* All instances in the same order, so that none waits for another. */
    for (key = 0; key < q->account->n_keys && rc == WD_OK; key++) {
        if (q->refused[key] && q->debt[key] == 0) {
            continue;
        }
        rc = take_of_key(c, q, key, q->refused[key] ? take->granted : n, take,
                         err);
        for (; done < take->granted && jobs != NULL; done++) {
            jobs[done].key = key;
        }
    }
    if (take->granted != 0) {
        take->wait_ms = 0;
        take->reason[0] = '\0';
    }
    return rc;
}


int
ingestion_store_take(wd_pg_conn_t *c, const ingestion_quota_t *quota, int64_t n,
                     ingestion_take_t *take, wd_error_t *err)
{
    int rc;

    rc = wd_pg_begin(c, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = take_calls(c, quota, NULL, n, take, err);
    if (rc == WD_OK) {
        return wd_pg_commit(c, err);
    }
    wd_pg_rollback(c);
    return rc;
}


/* ---- claim ---------------------------------------------------------------- */

static void
read_job(const PGresult *res, int row, ingestion_job_t *job)
{
    memset(job, 0, sizeof(*job));
    job->id = wd_pg_get_int(res, row, 0);
    wd_str_copy(job->dataset, sizeof(job->dataset), wd_pg_get_str(res, row, 1));
    /* Arguments that nobody checked are refused when the job runs. */
    if (ingestion_args_parse(wd_pg_get_str(res, row, 2), &job->args) != WD_OK) {
        memset(&job->args, 0, sizeof(job->args));
    }
    job->attempts = (int) wd_pg_get_int(res, row, 3) + 1;
    job->page = (int) wd_pg_get_int(res, row, 4);
    job->rows = wd_pg_get_int(res, row, 5);
    job->objects = (int) wd_pg_get_int(res, row, 6);
    job->duplicates = (int) wd_pg_get_int(res, row, 7);
    wd_str_copy(job->cursor, sizeof(job->cursor), wd_pg_get_str(res, row, 8));
    job->created = wd_pg_get_ts(res, row, 9);
}


/*
 * Calls that are left of the day for history: without those of live runs that
 * are to come on it. Just after midnight the planner's word is yesterday's.
 */
#define ROOM_FOR_HISTORY                                              \
    "CASE WHEN $5 > 0 THEN $5 * cardinality($6::text[]) "             \
    "- (SELECT coalesce(sum(used), 0) FROM provider_quota "           \
    "WHERE provider = $1 AND key = ANY($6) "                          \
    "AND day = (now() AT TIME ZONE 'UTC')::date) "                    \
    "- (SELECT coalesce(sum(CASE "                                    \
    "(now() AT TIME ZONE 'UTC')::date - ahead_day "                   \
    "WHEN 0 THEN ahead_calls WHEN 1 THEN ahead_next ELSE 0 END), 0) " \
    "FROM collection WHERE provider = $1 AND NOT paused "             \
    "AND retired_at IS NULL) ELSE $4 END::bigint"


/* Of jobs in the order of their priority: history only as far as it has room. */
static size_t
count_jobs(const PGresult *res)
{
    int     n;
    int64_t room, fill = 0;

    for (n = 0; n < PQntuples(res); n++) {
        room = wd_pg_get_int(res, n, 11) - (n - fill);
        if (wd_pg_get_int(res, n, 10) > 0 && ++fill > room) {
            break;
        }
    }
    return (size_t) n;
}


/* Locks jobs that are due, for this transaction. */
static int
lock_jobs(wd_pg_conn_t *c, const ingestion_claim_t *claim,
          ingestion_job_t *jobs, size_t *ret_n, wd_error_t *err)
{
    int                      rc;
    size_t                   i, n_keys = 0;
    PGresult                *res;
    wd_str_t                 keys[INGESTION_KEYS_MAX];
    const ingestion_quota_t *q = &claim->quota;

    for (i = 0; i < q->account->n_keys; i++) {
        if (!q->refused[i]) {
            keys[n_keys++] = wd_str_z(q->account->keys[i].id);
        }
    }
    wd_pg_param_t p[] = {wd_pg_text_z(q->provider),
                         wd_pg_texts(claim->skip, claim->n_skip),
                         wd_pg_text_z(claim->only != NULL ? claim->only : ""),
                         wd_pg_int((int64_t) claim->max),
                         wd_pg_int(q->account->c.per_day),
                         wd_pg_texts(keys, n_keys)};

    rc = wd_pg_exec(
        c,
        "SELECT id, dataset, args::text, attempts, page, rows, objects, "
        "duplicates, cursor, created_at, priority, " ROOM_FOR_HISTORY
        " FROM ingest_job WHERE provider = $1 "
        "AND status = 'queued' AND not_before <= now() "
        "AND NOT dataset = ANY($2) AND ($3 = '' OR dataset = $3) "
        "ORDER BY priority, not_before, id LIMIT $4 FOR UPDATE SKIP LOCKED",
        p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    *ret_n = count_jobs(res);
    for (i = 0; i < *ret_n; i++) {
        read_job(res, (int) i, &jobs[i]);
    }
    PQclear(res);
    return WD_OK;
}


static int
mark_running(wd_pg_conn_t *c, const ingestion_claim_t *claim,
             const ingestion_job_t *jobs, size_t n, wd_error_t *err)
{
    size_t        i;
    int64_t       ids[INGESTION_CLAIM_MAX];
    wd_pg_param_t p[] = {wd_pg_ints(ids, n), wd_pg_text_z(claim->worker),
                         wd_pg_int(claim->lease_ms)};

    for (i = 0; i < n; i++) {
        ids[i] = jobs[i].id;
    }
    return wd_pg_exec(
        c,
        "UPDATE ingest_job SET status = 'running', worker = $2, "
        "lease_until = clock_timestamp() + $3 * interval '1 millisecond', "
        "started_at = coalesce(started_at, now()), attempts = attempts + 1 "
        "WHERE id = ANY($1)",
        p, wd_array_len(p), NULL, err);
}


/* No job is due: are all keys blocked all the same? */
static int
look_at_block(wd_pg_conn_t *c, const ingestion_quota_t *q,
              ingestion_take_t *take, wd_error_t *err)
{
    int       rc;
    size_t    i, n = 0;
    PGresult *res;
    wd_str_t  ids[INGESTION_KEYS_MAX];

    memset(take, 0, sizeof(*take));
    for (i = 0; i < q->account->n_keys; i++) {
        if (!q->refused[i]) {
            ids[n++] = wd_str_z(q->account->keys[i].id);
        }
    }
    wd_pg_param_t p[] = {wd_pg_text_z(q->provider), wd_pg_texts(ids, n),
                         wd_pg_int((int64_t) n)};

    rc = wd_pg_exec(c,
                    "SELECT (extract(epoch FROM blocked_until - now()) "
                    "* 1000)::bigint, blocked_by FROM (SELECT blocked_until, "
                    "blocked_by, count(*) OVER () AS n FROM provider_quota "
                    "WHERE provider = $1 AND key = ANY($2) "
                    "AND blocked_until > now()) AS b WHERE n >= $3 "
                    "ORDER BY blocked_until LIMIT 1",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (PQntuples(res) == 1) {
        take->wait_ms = wd_pg_get_int(res, 0, 0);
        wd_str_copy(take->reason, sizeof(take->reason),
                    wd_pg_get_str(res, 0, 1));
    }
    PQclear(res);
    return WD_ENOTFOUND;
}


static int
claim_jobs(wd_pg_conn_t *c, const ingestion_claim_t *claim,
           ingestion_job_t *jobs, size_t *ret_n, ingestion_take_t *take,
           wd_error_t *err)
{
    int rc;

    rc = lock_jobs(c, claim, jobs, ret_n, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (*ret_n == 0) {
        return WD_ENOTFOUND;
    }
    rc = take_calls(c, &claim->quota, jobs, (int64_t) *ret_n, take, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (take->granted == 0) {
        return WD_ELIMIT;
    }
    *ret_n = (size_t) take->granted;
    return mark_running(c, claim, jobs, *ret_n, err);
}


int
ingestion_store_claim(wd_pg_conn_t *c, const ingestion_claim_t *claim,
                      ingestion_job_t *jobs, size_t *ret_n,
                      ingestion_take_t *take, wd_error_t *err)
{
    int rc;

    rc = wd_pg_begin(c, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = claim_jobs(c, claim, jobs, ret_n, take, err);
    if (rc == WD_OK) {
        return wd_pg_commit(c, err);
    }
    wd_pg_rollback(c);
    *ret_n = 0;
    return rc == WD_ENOTFOUND ? look_at_block(c, &claim->quota, take, err) : rc;
}


int
ingestion_store_session_lock(wd_pg_conn_t *c, const char *provider,
                             bool *ret_held, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider)};

    rc = wd_pg_exec(c,
                    "SELECT pg_try_advisory_lock(hashtext('wizdata session'), "
                    "hashtext($1))",
                    p, wd_array_len(p), &res, err);
    if (rc == WD_OK) {
        *ret_held = wd_pg_get_bool(res, 0, 0);
        PQclear(res);
    }
    return rc;
}


/* ---- leases --------------------------------------------------------------- */

int
ingestion_store_renew(wd_pg_conn_t *c, const char *worker, uint32_t lease_ms,
                      const int64_t *ids, size_t n, int64_t *lost,
                      size_t *ret_lost, wd_error_t *err)
{
    int           rc, i;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_ints(ids, n), wd_pg_text_z(worker),
                         wd_pg_int(lease_ms)};

    rc = wd_pg_exec(
        c,
        "WITH held AS (UPDATE ingest_job SET "
        "lease_until = clock_timestamp() + $3 * interval '1 millisecond' "
        "WHERE id = ANY($1) AND worker = $2 AND status = 'running' "
        "RETURNING id) "
        "SELECT id FROM unnest($1) AS id EXCEPT SELECT id FROM held",
        p, wd_array_len(p), &res, err);
    if (rc == WD_OK) {
        *ret_lost = (size_t) PQntuples(res);
        for (i = 0; i < PQntuples(res); i++) {
            lost[i] = wd_pg_get_int(res, i, 0);
        }
        PQclear(res);
    }
    return rc;
}


#define GIVEN_COLUMNS 5 /* of integers */

int
ingestion_store_give_back(wd_pg_conn_t *c, const char *worker,
                          const ingestion_job_t *const *jobs, size_t n,
                          wd_error_t *err)
{
    int                    rc;
    size_t                 i;
    int64_t               *v = calloc(n * GIVEN_COLUMNS + 1, sizeof(*v));
    wd_str_t              *cursors = calloc(n + 1, sizeof(*cursors));
    const ingestion_job_t *j;

    if (v == NULL || cursors == NULL) {
        free(v);
        free(cursors);
        return wd_error(err, WD_ENOMEM, "no memory for jobs");
    }
    for (i = 0; i < n; i++) {
        j = jobs[i];
        v[i] = j->id;
        v[n + i] = j->page;
        v[2 * n + i] = j->rows;
        v[3 * n + i] = j->objects;
        v[4 * n + i] = j->duplicates;
        cursors[i] = wd_str_z(j->cursor);
    }
    wd_pg_param_t p[] = {wd_pg_text_z(worker),     wd_pg_ints(v, n),
                         wd_pg_ints(v + n, n),     wd_pg_ints(v + 2 * n, n),
                         wd_pg_ints(v + 3 * n, n), wd_pg_ints(v + 4 * n, n),
                         wd_pg_texts(cursors, n)};

    rc = wd_pg_exec(
        c,
        "UPDATE ingest_job j SET status = 'queued', worker = NULL, "
        "lease_until = NULL, error_class = NULL, error = NULL, "
        "not_before = now(), attempts = j.attempts - 1, page = v.page, "
        "rows = v.rows, objects = v.objects, duplicates = v.duplicates, "
        "cursor = v.cursor "
        "FROM unnest($2, $3, $4, $5, $6, $7) "
        "AS v (id, page, rows, objects, duplicates, cursor) "
        "WHERE j.id = v.id AND j.worker = $1 AND j.status = 'running'",
        p, wd_array_len(p), NULL, err);
    free(v);
    free(cursors);
    return rc;
}


/*
 * Nothing is leased, waits or is blocked for longer than a day: moments that
 * are farther away were written before the clock was set back.
 */
#define OF_ANOTHER_CLOCK(column) column " > now() + interval '2 days'"

int
ingestion_store_reap(wd_pg_conn_t *c, const char *provider, int64_t *ret_n,
                     wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider)};

    rc = wd_pg_exec(
        c,
        "WITH waits AS (UPDATE ingest_job SET not_before = now() "
        "WHERE provider = $1 AND status = 'queued' AND " OF_ANOTHER_CLOCK(
            "not_before") "), "
                          "blocks AS (UPDATE provider_quota "
                          "SET blocked_until = '-infinity' WHERE provider = $1 "
                          "AND " OF_ANOTHER_CLOCK(
                              "blocked_until") ") "
                                               "UPDATE ingest_job SET status = "
                                               "'queued', worker = NULL, "
                                               "lease_until = NULL WHERE "
                                               "provider = $1 "
                                               "AND status = 'running' AND "
                                               "(lease_until < now() "
                                               "OR " OF_ANOTHER_CLOCK(
                                                   "lease_until") ") RETURNING "
                                                                  "id",
        p, wd_array_len(p), &res, err);
    if (rc == WD_OK) {
        *ret_n = PQntuples(res);
        PQclear(res);
    }
    return rc;
}
