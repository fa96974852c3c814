/*
 * auth_store_row.c - cells of results as values of ours.
 */
#include "auth_store_row.h"


wd_str_t
auth_row_str(auth_row_t *row, int col)
{
    wd_str_t s;

    if (wd_pg_is_null(row->r, row->row, col)) {
        return WD_STR_NULL;
    }

    s = wd_pg_get_str(row->r, row->row, col);
    s.data = wd_pool_strdup(row->pool, s);
    if (s.data == NULL) {
        row->rc = WD_ENOMEM;
        return WD_STR_NULL;
    }
    return s;
}


wd_ns_t
auth_row_end(auth_row_t *row, int col)
{
    return wd_pg_is_null(row->r, row->row, col)
               ? WD_NS_MAX
               : wd_pg_get_ts(row->r, row->row, col);
}


static size_t
auth_words_count(wd_str_t text)
{
    size_t i, n = text.len != 0;

    for (i = 0; i < text.len; i++) {
        n += text.data[i] == ' ';
    }
    return n;
}


void
auth_row_words(auth_row_t *row, int col, size_t max, wd_str_t **ret,
               size_t *ret_n)
{
    size_t   n, i;
    wd_str_t text = auth_row_str(row, col), *words;

    *ret = NULL;
    *ret_n = 0;
    n = auth_words_count(text);
    if (n == 0) {
        return;
    }
    if (n > max) {
        row->rc = WD_ETOOBIG;
        return;
    }

    words = wd_pool_alloc(row->pool, n * sizeof(*words));
    if (words == NULL) {
        row->rc = WD_ENOMEM;
        return;
    }
    for (i = 0; i < n && wd_str_split(&text, ' ', &words[i]); i++) {
        /* void */
    }
    *ret = words;
    *ret_n = i;
}


wd_pg_param_t
auth_param_id(int64_t id)
{
    return id != 0 ? wd_pg_int(id) : ((wd_pg_param_t){.type = WD_PG_NULL_INT});
}


wd_pg_param_t
auth_param_bool(const bool *b)
{
    return b != NULL ? wd_pg_text_z(*b ? "t" : "f") : wd_pg_null();
}


wd_pg_param_t
auth_param_text(wd_str_t s)
{
    return s.data != NULL ? wd_pg_text(s) : wd_pg_null();
}


wd_pg_param_t
auth_param_texts(const wd_str_t *v, size_t n)
{
    return n != 0 ? wd_pg_texts(v, n)
                  : ((wd_pg_param_t){.type = WD_PG_NULL_TEXTS});
}


wd_pg_param_t
auth_param_end(wd_ns_t t)
{
    return t != WD_NS_MAX ? wd_pg_ts(t)
                          : ((wd_pg_param_t){.type = WD_PG_NULL_TS});
}


wd_pg_param_t
auth_param_bytes(const uint8_t *bytes, size_t n)
{
    return wd_pg_bytes(wd_str((const char *) bytes, n));
}


int
auth_exec_found(wd_pg_conn_t *c, const char *sql, const wd_pg_param_t *params,
                size_t n, PGresult **ret, wd_error_t *err)
{
    int       rc;
    PGresult *r;

    rc = wd_pg_exec(c, sql, params, n, &r, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (PQntuples(r) == 0) {
        PQclear(r);
        return wd_error(err, WD_ENOTFOUND, "no such row");
    }

    if (ret != NULL) {
        *ret = r;
    } else {
        PQclear(r);
    }
    return WD_OK;
}


int
auth_exec_int(wd_pg_conn_t *c, const char *sql, const wd_pg_param_t *params,
              size_t n, int64_t *ret, wd_error_t *err)
{
    int       rc;
    PGresult *r;

    rc = auth_exec_found(c, sql, params, n, &r, err);
    if (rc == WD_OK) {
        *ret = wd_pg_get_int(r, 0, 0);
        PQclear(r);
    }
    return rc;
}


int
auth_exec_time(wd_pg_conn_t *c, const char *sql, const wd_pg_param_t *params,
               size_t n, wd_ns_t *ret, wd_error_t *err)
{
    int       rc;
    PGresult *r;

    rc = auth_exec_found(c, sql, params, n, &r, err);
    if (rc == WD_OK) {
        *ret = wd_pg_get_ts(r, 0, 0);
        PQclear(r);
    }
    return rc;
}


int
auth_select_one(wd_pg_conn_t *c, const char *sql, const wd_pg_param_t *params,
                size_t n, wd_pool_t *pool, auth_get_pt get, void *ret,
                wd_error_t *err)
{
    int        rc;
    PGresult  *r;
    auth_row_t row = {.pool = pool};

    rc = auth_exec_found(c, sql, params, n, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    row.r = r;
    rc = get(&row, ret);
    PQclear(r);
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "a row");
}


int
auth_select(wd_pg_conn_t *c, const char *sql, const wd_pg_param_t *params,
            size_t n, wd_pool_t *pool, auth_get_pt get, size_t size,
            auth_rows_t *ret, wd_error_t *err)
{
    int        rc;
    PGresult  *r;
    auth_row_t row = {.pool = pool};

    rc = wd_pg_exec(c, sql, params, n, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    row.r = r;
    ret->n = (size_t) PQntuples(r);
    ret->v = wd_pool_calloc(pool, (ret->n + 1) * size);
    rc = ret->v != NULL ? WD_OK : WD_ENOMEM;
    for (; rc == WD_OK && row.row < (int) ret->n; row.row++) {
        rc = get(&row, (char *) ret->v + (size_t) row.row * size);
    }
    PQclear(r);
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "rows");
}
