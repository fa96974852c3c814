/*
 * processing_copy.c - rows of a payload to a table by COPY.
 */
#include "processing_copy.h"


int
processing_copy(wd_pg_conn_t *c, const char *sql, size_t n,
                void (*row)(wd_buf_t *out, size_t i, const void *arg),
                const void *arg, wd_error_t *err)
{
    int        rc;
    size_t     i;
    wd_buf_t   out = WD_BUF_INIT;
    wd_error_t end_err;

    if (n == 0) {
        return WD_OK;
    }

    rc = wd_pg_copy_begin(c, sql, &out, err);
    if (rc != WD_OK) {
        wd_buf_done(&out);
        return rc;
    }

    for (i = 0; i < n && rc == WD_OK; i++) {
        row(&out, i, arg);
        rc = wd_pg_copy_flush(c, &out, err);
    }

    /* The COPY must be ended in any case, or nothing else can be asked. */
    if (rc == WD_OK) {
        rc = wd_pg_copy_end(c, &out, NULL, err);
    } else if (wd_pg_copy_end(c, &out, NULL, &end_err) == WD_EDB) {
        rc = WD_EDB;
    }
    wd_buf_done(&out);
    return rc;
}
