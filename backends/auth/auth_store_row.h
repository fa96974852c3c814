/*
 * auth_store_row.h - reading rows: texts are copied into a pool, and a lack
 * of memory is found once, at the end of a row.
 */
#ifndef AUTH_STORE_ROW_H
#define AUTH_STORE_ROW_H

#include "wd_pg.h"
#include "wd_pool.h"

typedef struct {
    const PGresult *r;
    wd_pool_t      *pool;
    int             row;
    int             rc; /* WD_OK or WD_ENOMEM */
} auth_row_t;

wd_str_t auth_row_str(auth_row_t *row, int col); /* null: .data NULL */
wd_ns_t  auth_row_end(auth_row_t *row, int col); /* null: WD_NS_MAX */

/*
 * Words with a blank between them: permissions, networks, methods and roles
 * travel as one text, whose grammars have no blank, which saves reading
 * arrays. Null, or no word: none, and *ret NULL. Those beyond `max` are
 * WD_ETOOBIG in row->rc.
 */
void auth_row_words(auth_row_t *row, int col, size_t max, wd_str_t **ret,
                    size_t *ret_n);

/* Optional parameters. */
wd_pg_param_t auth_param_id(int64_t id); /* 0: null */
wd_pg_param_t auth_param_bool(const bool *b); /* NULL: null; as text */
wd_pg_param_t auth_param_text(wd_str_t s); /* .data NULL: null */
wd_pg_param_t auth_param_texts(const wd_str_t *v, size_t n); /* none: null */
wd_pg_param_t auth_param_end(wd_ns_t t); /* WD_NS_MAX: null */
wd_pg_param_t auth_param_bytes(const uint8_t *bytes, size_t n);

/* For statements whose one row, or none, is what is asked for. */
wd_must_check int auth_exec_found(wd_pg_conn_t *c, const char *sql,
                                  const wd_pg_param_t *params, size_t n,
                                  PGresult **ret, wd_error_t *err);

/* The same for one integer, or one time. */
wd_must_check int auth_exec_int(wd_pg_conn_t *c, const char *sql,
                                const wd_pg_param_t *params, size_t n,
                                int64_t *ret, wd_error_t *err);
wd_must_check int auth_exec_time(wd_pg_conn_t *c, const char *sql,
                                 const wd_pg_param_t *params, size_t n,
                                 wd_ns_t *ret, wd_error_t *err);

/* Reads a row into *ret, whose type the caller knows; row->rc or another. */
typedef int (*auth_get_pt)(auth_row_t *row, void *ret);

/* The one row that is found, by `get`, into *ret. */
wd_must_check int auth_select_one(wd_pg_conn_t *c, const char *sql,
                                  const wd_pg_param_t *params, size_t n,
                                  wd_pool_t *pool, auth_get_pt get, void *ret,
                                  wd_error_t *err);

/* All rows, each by `get` into `size` bytes of the array in *ret. */
typedef struct {
    void  *v; /* in the pool */
    size_t n;
} auth_rows_t;

wd_must_check int auth_select(wd_pg_conn_t *c, const char *sql,
                              const wd_pg_param_t *params, size_t n,
                              wd_pool_t *pool, auth_get_pt get, size_t size,
                              auth_rows_t *ret, wd_error_t *err);

#endif /* AUTH_STORE_ROW_H */
