/*
 * wd_pg_int.h - what the files wd_pg*.c share; for them alone.
 */
#ifndef WD_PG_INT_H
#define WD_PG_INT_H

#include "wd_pg.h"

#define WD_PG_PARAMS_MAX 32
#define WD_PG_STATEMENTS_MAX 128

struct wd_pg_conn {
    PGconn       *pg;
    wd_pg_pool_t *pool; /* NULL: outside of any */
    wd_pg_conn_t *next;
    const char   *prepared[WD_PG_STATEMENTS_MAX]; /* by address of the SQL */
    size_t        n_prepared;
    uint32_t      patience_ms; /* 0: for ever */
};

/* Memory for one execution's parameters. */
typedef struct {
    wd_buf_t    bytes;
    Oid         oid[WD_PG_PARAMS_MAX];
    size_t      at[WD_PG_PARAMS_MAX];
    int         len[WD_PG_PARAMS_MAX]; /* -1: null */
    const char *value[WD_PG_PARAMS_MAX];
    int         format[WD_PG_PARAMS_MAX];
} wd_pg_bind_t;

/* Fills all but `bytes`, which is initialised. WD_OK or WD_ENOMEM. */
int wd_pg_bind(wd_pg_bind_t *bind, const wd_pg_param_t *params, size_t n);

/*
 * What came of a query that was sent; NULL when the server did not answer
 * before `deadline` (wd_monotonic): then the connection is broken.
 */
PGresult *wd_pg_await(wd_pg_conn_t *c, wd_ns_t deadline);

/* Microseconds and days since PostgreSQL's epoch, 2000-01-01. */
int64_t wd_pg_us(wd_ns_t t);
int32_t wd_pg_days(wd_ns_t t);

#endif /* WD_PG_INT_H */
