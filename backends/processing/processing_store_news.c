/*
 * processing_store_news.c - news: the ids of items.
 */
#include "processing_store.h"
#include "wd_map.h"


/* Those that the database has, by URL; *ret_max: the greatest id of all. */
static int
find_news(wd_pg_conn_t *c, const processing_payload_t *p, wd_pool_t *pool,
          const processing_rows_t *rows, wd_map_t *map, int64_t *ret_max,
          wd_error_t *err)
{
    int           i, rc;
    size_t        k;
    wd_str_t     *urls;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_int(p->source), wd_pg_null()};

    urls = wd_pool_alloc(pool, rows->n * sizeof(*urls));
    if (urls == NULL) {
        return WD_ENOMEM;
    }
    for (k = 0; k < rows->n; k++) {
        urls[k] = rows->rows[k].cells[NEWS_URL].s;
    }
    params[1] = wd_pg_texts(urls, rows->n);
    rc = wd_pg_exec(c,
                    "SELECT id, url, 0 FROM news WHERE source = $1 "
                    "AND url = ANY ($2) UNION ALL "
                    "SELECT 0, '', coalesce(max(id), 0) FROM news",
                    params, wd_array_len(params), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < PQntuples(res) && rc == WD_OK; i++) {
        if (wd_pg_get_int(res, i, 0) == 0) {
            *ret_max = wd_pg_get_int(res, i, 2);
            continue;
        }
        rc = wd_map_set(map, wd_pg_get_str(res, i, 1),
                        (void *) (uintptr_t) wd_pg_get_int(res, i, 0), NULL);
    }
    PQclear(res);
    return rc;
}


/* New ones in the order in which they stand in the payload. */
static int
number_news(processing_rows_t *rows, wd_map_t *map, int64_t max)
{
    int                rc = WD_OK;
    size_t             i;
    void              *id;
    processing_cell_t *cells;

    for (i = 0; i < rows->n && rc == WD_OK; i++) {
        cells = rows->rows[i].cells;
        id = wd_map_get(map, cells[NEWS_URL].s);
        if (id == NULL) {
            id = (void *) (uintptr_t) ++max;
            rc = wd_map_set(map, cells[NEWS_URL].s, id, NULL);
        }
        cells[NEWS_ID].i = (int64_t) (uintptr_t) id;
    }
    return rc;
}


int
processing_store_news(wd_pg_conn_t *c, const processing_payload_t *p,
                      wd_pool_t *pool, processing_rows_t *rows, wd_error_t *err)
{
    int       rc;
    int64_t   max = 0;
    wd_map_t *map = wd_map_create();

    if (map == NULL) {
        return WD_ENOMEM;
    }
    rc = find_news(c, p, pool, rows, map, &max, err);
    if (rc == WD_OK) {
        rc = number_news(rows, map, max);
    }
    wd_map_destroy(map);
    return rc;
}
