/*
 * analytics_store_commits.c - the SQL of what was committed: events of
 * valid.records.
 */
#include "analytics_store.h"


int
analytics_store_listen(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_script(c, "LISTEN wizdata_bus; SET jit = off", err);
}


int
analytics_store_commits(wd_pg_conn_t *c, int64_t after, int64_t limit,
                     analytics_commit_pt fn, void *arg, size_t *ret_n,
                     wd_error_t *err)
{
    int                  rc, i;
    PGresult            *r;
    analytics_commit_t row;
    const wd_pg_param_t  p[] = {wd_pg_int(after), wd_pg_int(limit)};

    /* Events name instruments as the provider does. */
    static const char sql[]
        = "SELECT e.\"offset\", e.at, e.event::text,"
          "       (SELECT string_agg(DISTINCT i.symbol, ' ')"
          "          FROM jsonb_array_elements_text("
          "               CASE jsonb_typeof(e.event->'symbols')"
          "               WHEN 'array' THEN e.event->'symbols' END) AS s"
          "          JOIN source p ON true"
          "          JOIN instrument_alias a"
          "            ON a.source = p.id AND a.symbol = s"
          "          JOIN instrument i"
          "            ON i.id = a.instrument_id AND i.symbol <> s)"
          "  FROM bus_event e"
          " WHERE e.topic = 'valid.records' AND e.\"offset\" > $1"
          " ORDER BY e.\"offset\" LIMIT $2";

    rc = wd_pg_exec(c, sql, p, wd_array_len(p), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    *ret_n = (size_t) PQntuples(r);
    for (i = 0; rc == WD_OK && i < PQntuples(r); i++) {
        row.offset = wd_pg_get_int(r, i, 0);
        row.at = wd_pg_get_ts(r, i, 1);
        row.event = wd_pg_get_str(r, i, 2);
        row.symbols = wd_pg_is_null(r, i, 3) ? WD_STR_NULL
                                             : wd_pg_get_str(r, i, 3);
        rc = fn(&row, arg);
    }
    PQclear(r);
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "no memory for events");
}


int
analytics_store_commits_last(wd_pg_conn_t *c, int64_t *ret, wd_error_t *err)
{
    int       rc;
    PGresult *r;

    rc = wd_pg_exec(c,
                    "SELECT coalesce(max(last), 0) FROM bus_topic"
                    " WHERE topic = 'valid.records'",
                    NULL, 0, &r, err);
    if (rc == WD_OK) {
        *ret = wd_pg_get_int(r, 0, 0);
        PQclear(r);
    }
    return rc;
}
