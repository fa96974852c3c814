/*
 * auth_store_usage.c - the SQL of usage.
 */
#include "auth_store_usage.h"

#include "auth_store_row.h"


/* Now and then those go that no gateway can still be repeating. */
static int
auth_forget_batches(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c,
                      "DELETE FROM usage_batch WHERE (gateway, seq) IN"
                      " (SELECT gateway, seq FROM usage_batch"
                      "  WHERE at < now() - interval '7 days'"
                      "  ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED)",
                      NULL, 0, NULL, err);
}


int
auth_store_usage_add(wd_pg_conn_t *c, wd_str_t gateway, int64_t seq,
                     const auth_usage_t *u, bool *ret_fresh, wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_text(gateway),
        wd_pg_int(seq),
        wd_pg_texts(u->texts[0], u->n),
        wd_pg_texts(u->texts[1], u->n),
        wd_pg_texts(u->texts[2], u->n),
        wd_pg_texts(u->texts[3], u->n),
        wd_pg_texts(u->texts[4], u->n),
        wd_pg_ints(u->requests, u->n),
        wd_pg_ints(u->cost, u->n),
        wd_pg_ints(u->refused, u->n),
    };

    /*
     * One statement is one transaction. The order of the rows is that of all
     * instances, so that they never wait for each other in a circle.
     */
    rc = wd_pg_exec(c,
                    "WITH fresh AS (INSERT INTO usage_batch (gateway, seq)"
                    " VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING seq),"
                    " added AS (INSERT INTO usage_day AS u (day, principal,"
                    " key, plan, method, requests, cost, refused)"
                    " SELECT d::date, p, k, n, m, sum(q), sum(c), sum(f)"
                    " FROM fresh, unnest($3::text[], $4::text[], $5::text[],"
                    " $6::text[], $7::text[], $8::bigint[], $9::bigint[],"
                    " $10::bigint[]) AS t(d, p, k, n, m, q, c, f)"
                    " GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"
                    " ON CONFLICT (day, principal, key, plan, method)"
                    " DO UPDATE SET requests = u.requests + excluded.requests,"
                    " cost = u.cost + excluded.cost,"
                    " refused = u.refused + excluded.refused)"
                    " SELECT count(*) FROM fresh",
                    params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    *ret_fresh = wd_pg_get_int(r, 0, 0) != 0;
    PQclear(r);
    return seq % 100 == 0 ? auth_forget_batches(c, err) : WD_OK;
}


int
auth_store_usage(wd_pg_conn_t *c, const auth_usage_key_t *key, PGresult **ret,
                 wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        auth_param_text(key->principal), auth_param_text(key->method),
        wd_pg_date(key->from),           wd_pg_date(key->to),
        wd_pg_date(key->after_day),      wd_pg_int(key->after_id),
        wd_pg_int(key->limit),           wd_pg_int(key->org_id),
    };

    return wd_pg_exec(c,
                      "SELECT id, day, principal, key, plan, method, requests,"
                      " cost, refused FROM usage_day"
                      " WHERE ($1::text IS NULL OR principal = $1)"
                      " AND ($2::text IS NULL OR method = $2)"
                      " AND ($8 = -1 OR principal IN (SELECT 'user:' || u.id"
                      " FROM app_user u WHERE u.org_id = $8))"
                      " AND day >= $3 AND day <= $4 AND (day, id) > ($5, $6)"
                      " ORDER BY day, id LIMIT $7",
                      params, wd_array_len(params), ret, err);
}
