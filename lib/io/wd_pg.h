/*
 * wd_pg.h - PostgreSQL for worker threads: a pool of libpq connections.
 *
 * Everything here may wait for the server: call it on worker threads, never
 * on the loop. Statements are prepared once per connection; parameters and
 * results travel in binary. SQL text is always a constant of the program.
 */
#ifndef WD_PG_H
#define WD_PG_H

#include "wd_buf.h"
#include "wd_time.h"

#include <libpq-fe.h>

typedef struct wd_pg_pool wd_pg_pool_t;
typedef struct wd_pg_conn wd_pg_conn_t;

/* `size` connections at most, opened when first needed. */
wd_pg_pool_t *wd_pg_pool_create(const char *url, const char *app_name,
                                uint32_t size, uint32_t statement_timeout_ms);

/* All connections must be released. NULL is accepted. */
void wd_pg_pool_destroy(wd_pg_pool_t *pool);

/*
 * On WD_OK the caller owns one lease on *ret and returns it with
 * wd_pg_release(). WD_ETIMEOUT: none became free before `deadline`
 * (wd_monotonic). WD_EDB: the server cannot be reached; at most one attempt
 * per 250 ms is made, callers in between get the failure at once.
 */
wd_must_check int wd_pg_acquire(wd_pg_pool_t *pool, wd_ns_t deadline,
                                wd_pg_conn_t **ret, wd_error_t *err);

/* Rolls an open transaction back; a broken connection is closed. */
void wd_pg_release(wd_pg_conn_t *c);

/* A connection outside of any pool (LISTEN, COPY, migrations). */
wd_must_check int wd_pg_connect(const char *url, const char *app_name,
                                wd_pg_conn_t **ret, wd_error_t *err);
void              wd_pg_disconnect(wd_pg_conn_t *c); /* NULL is accepted */
PGconn           *wd_pg_raw(wd_pg_conn_t *c);
bool              wd_pg_broken(const wd_pg_conn_t *c);

/*
 * From now on wd_pg_exec() and wd_pg_script() wait so long, however the
 * server hangs: then WD_ETIMEOUT, and the connection is broken. 0: for ever.
 */
void wd_pg_patience(wd_pg_conn_t *c, uint32_t ms);

/* `SELECT 1` with a deadline of its own; for health. */
wd_must_check int wd_pg_ping(wd_pg_pool_t *pool, uint32_t timeout_ms,
                             wd_error_t *err);

typedef enum {
    WD_PG_NULL, /* text null */
    WD_PG_TEXT,
    WD_PG_INT, /* bigint */
    WD_PG_NUM, /* double precision */
    WD_PG_BOOL,
    WD_PG_TS, /* timestamptz from wd_ns_t; INT64_MIN, MAX are infinities */
    WD_PG_DATE, /* date from wd_ns_t */
    WD_PG_BYTES, /* bytea */
    WD_PG_TEXTS, /* text[] */
    WD_PG_INTS, /* bigint[] */
    WD_PG_JSON, /* jsonb from text */
    WD_PG_NULL_INT,
    WD_PG_NULL_NUM,
    WD_PG_NULL_TS,
    WD_PG_NULL_DATE,
    WD_PG_NULL_BOOL,
    WD_PG_NULL_TEXTS
} wd_pg_type_e;

typedef struct {
    wd_pg_type_e type;
    union {
        wd_str_t s;
        int64_t  i;
        double   f;
        bool     b;
        struct {
            const wd_str_t *v;
            size_t          n;
        } texts;
        struct {
            const int64_t *v;
            size_t         n;
        } ints;
    } v;
} wd_pg_param_t;

#define wd_pg_null() ((wd_pg_param_t){.type = WD_PG_NULL})
#define wd_pg_text(x) ((wd_pg_param_t){WD_PG_TEXT, {.s = (x)}})
#define wd_pg_text_z(x) wd_pg_text(wd_str_z(x))
#define wd_pg_int(x) ((wd_pg_param_t){WD_PG_INT, {.i = (x)}})
#define wd_pg_num(x) ((wd_pg_param_t){WD_PG_NUM, {.f = (x)}})
#define wd_pg_bool(x) ((wd_pg_param_t){WD_PG_BOOL, {.b = (x)}})
#define wd_pg_ts(x) ((wd_pg_param_t){WD_PG_TS, {.i = (x)}})
#define wd_pg_date(x) ((wd_pg_param_t){WD_PG_DATE, {.i = (x)}})
#define wd_pg_bytes(x) ((wd_pg_param_t){WD_PG_BYTES, {.s = (x)}})
#define wd_pg_json(x) ((wd_pg_param_t){WD_PG_JSON, {.s = (x)}})
#define wd_pg_texts(p, n) ((wd_pg_param_t){WD_PG_TEXTS, {.texts = {(p), (n)}}})
#define wd_pg_ints(p, n) ((wd_pg_param_t){WD_PG_INTS, {.ints = {(p), (n)}}})

/*
 * Runs one statement. On WD_OK *ret (may be NULL) is the caller's, to be
 * cleared with PQclear(). Errors: WD_EDB connection lost or server refuses
 * work, WD_ETIMEOUT statement_timeout, WD_EEXIST unique violation,
 * WD_ESTORAGE disk full, WD_EAGAIN a deadlock, WD_EINTERNAL other SQL errors.
 * err->text holds the SQLSTATE and primary message, for logs, not for users.
 */
wd_must_check int wd_pg_exec(wd_pg_conn_t *c, const char *sql,
                             const wd_pg_param_t *params, size_t n_params,
                             PGresult **ret, wd_error_t *err);

/* The code of a failed result, as wd_pg_exec() would give; fills *err. */
int wd_pg_error(wd_pg_conn_t *c, const PGresult *res, wd_error_t *err);

/* Several statements, simple protocol, no results (migrations). */
wd_must_check int wd_pg_script(wd_pg_conn_t *c, const char *sql,
                               wd_error_t *err);

wd_must_check int wd_pg_begin(wd_pg_conn_t *c, wd_error_t *err);
wd_must_check int wd_pg_commit(wd_pg_conn_t *c, wd_error_t *err);
void              wd_pg_rollback(wd_pg_conn_t *c);

/* Readers of binary results. The column must have the type named. */
static inline bool
wd_pg_is_null(const PGresult *r, int row, int col)
{
    return PQgetisnull(r, row, col);
}

int64_t  wd_pg_get_int(const PGresult *r, int row, int col); /* int2, 4, 8 */
double   wd_pg_get_num(const PGresult *r, int row, int col); /* float8 */
bool     wd_pg_get_bool(const PGresult *r, int row, int col);
wd_ns_t  wd_pg_get_ts(const PGresult *r, int row, int col); /* timestamptz */
wd_ns_t  wd_pg_get_date(const PGresult *r, int row, int col); /* date */
wd_str_t wd_pg_get_str(const PGresult *r, int row, int col); /* text, bytea */
/* jsonb must be selected as text. */

/*
 * COPY ... FROM STDIN (FORMAT binary): begin, rows into a buffer with the
 * put functions, send it now and then, end.
 */
wd_must_check int wd_pg_copy_begin(wd_pg_conn_t *c, const char *sql,
                                   wd_buf_t *out, wd_error_t *err);
void              wd_pg_copy_row(wd_buf_t *out, int n_fields);
void              wd_pg_copy_null(wd_buf_t *out);
void              wd_pg_copy_bool(wd_buf_t *out, bool v);
void              wd_pg_copy_int2(wd_buf_t *out, int16_t v);
void              wd_pg_copy_int4(wd_buf_t *out, int32_t v);
void              wd_pg_copy_int8(wd_buf_t *out, int64_t v);
void              wd_pg_copy_num(wd_buf_t *out, double v);
void              wd_pg_copy_ts(wd_buf_t *out, wd_ns_t t);
void              wd_pg_copy_date(wd_buf_t *out, wd_ns_t t);
void              wd_pg_copy_str(wd_buf_t *out, wd_str_t s);
/* Sends what `out` holds and empties it; WD_OK when it holds little. */
wd_must_check int wd_pg_copy_flush(wd_pg_conn_t *c, wd_buf_t *out,
                                   wd_error_t *err);
wd_must_check int wd_pg_copy_end(wd_pg_conn_t *c, wd_buf_t *out,
                                 int64_t *ret_rows, wd_error_t *err);

#endif /* WD_PG_H */
