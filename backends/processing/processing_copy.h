/*
 * processing_copy.h - rows of a payload to a table by COPY.
 */
#ifndef PROCESSING_COPY_H
#define PROCESSING_COPY_H

#include "wd_pg.h"

/*
 * `sql`: COPY ... FROM STDIN (FORMAT binary); `row` appends row i of n with
 * the wd_pg_copy_ functions. n 0: nothing is asked. The connection can be
 * used again after any failure but WD_EDB.
 */
wd_must_check int processing_copy(wd_pg_conn_t *c, const char *sql, size_t n,
                                  void (*row)(wd_buf_t *out, size_t i,
                                              const void *arg),
                                  const void *arg, wd_error_t *err);

#endif /* PROCESSING_COPY_H */
