/*
 * processing_store_series.c - macro series: ids of those that a payload's
 * observations belong to.
 */
#include "processing_store.h"
#include "wd_map.h"

#include <stdio.h>


/* A series while its id is looked for. */
typedef struct {
    int64_t                     id; /* 0: not in the database yet */
    wd_str_t                    name; /* INDICATOR/COUNTRY */
    const wd_observation_rec_t *rec;
} series_t;


static int
series_name(wd_pool_t *pool, wd_str_t indicator, wd_str_t country,
            wd_str_t *ret)
{
    char *p;

    p = wd_pool_alloc(pool, indicator.len + country.len + 1);
    if (p == NULL) {
        return WD_ENOMEM;
    }
    memcpy(p, indicator.data, indicator.len);
    p[indicator.len] = '/';
    memcpy(p + indicator.len + 1, country.data, country.len);
    *ret = wd_str(p, indicator.len + country.len + 1);
    return WD_OK;
}


/* Distinct series of the rows, in order of first sight. */
static int
gather_series(wd_pool_t *pool, processing_rows_t *rows, wd_map_t *map,
              series_t **ret, size_t *ret_n)
{
    int                         rc;
    char                        key[256];
    size_t                      i, n = 0;
    wd_str_t                    name;
    series_t                   *all, *s = NULL;
    const wd_observation_rec_t *o, *last = NULL;

    all = wd_pool_alloc(pool, rows->n * sizeof(*all));
    if (all == NULL) {
        return WD_ENOMEM;
    }

    for (i = 0; i < rows->n; i++) {
        o = rows->rows[i].rec;
        if (last == NULL || !wd_str_eq(last->country, o->country)
            || !wd_str_eq(last->indicator, o->indicator)) {
            snprintf(key, sizeof(key), "%.*s/%.*s", WD_STR_ARG(o->indicator),
                     WD_STR_ARG(o->country));
            s = wd_map_get(map, wd_str_z(key));
        }
        if (s == NULL) {
            rc = series_name(pool, o->indicator, o->country, &name);
            s = &all[n++];
            *s = (series_t){0, name, o};
            if (rc != WD_OK || wd_map_set(map, name, s, NULL) != WD_OK) {
                return WD_ENOMEM;
            }
        }
        rows->rows[i].cells[OBS_SERIES].i = s - all;
        last = o;
    }

    *ret = all;
    *ret_n = n;
    return WD_OK;
}


/* Ids that the database has; *ret_max: the greatest of all series. */
static int
find_series(wd_pg_conn_t *c, const processing_payload_t *p, wd_pool_t *pool,
            const series_t *all, size_t n, wd_map_t *map, int64_t *ret_max,
            wd_error_t *err)
{
    int       i, rc;
    size_t    k;
    wd_str_t *names;
    series_t *s;
    PGresult *res;

    names = wd_pool_alloc(pool, n * sizeof(*names));
    if (names == NULL) {
        return WD_ENOMEM;
    }
    for (k = 0; k < n; k++) {
        names[k] = all[k].rec->indicator;
    }

    {
        /* A page mostly has one indicator: neighbours are the same. */
        size_t        distinct = 0;
        wd_pg_param_t params[] = {wd_pg_int(p->source), wd_pg_null()};

        for (k = 0; k < n; k++) {
            if (distinct == 0 || !wd_str_eq(names[distinct - 1], names[k])) {
                names[distinct++] = names[k];
            }
        }
        params[1] = wd_pg_texts(names, distinct);
        rc = wd_pg_exec(c,
                        "SELECT id, indicator || '/' || country, "
                        "(SELECT coalesce(max(id), 0) FROM macro_series) "
                        "FROM macro_series WHERE source = $1 "
                        "AND indicator = ANY ($2) UNION ALL "
                        "SELECT 0, '', coalesce(max(id), 0) FROM macro_series",
                        params, wd_array_len(params), &res, err);
    }
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < PQntuples(res); i++) {
        *ret_max = wd_pg_get_int(res, i, 2);
        s = wd_map_get(map, wd_pg_get_str(res, i, 1));
        if (s != NULL) {
            s->id = wd_pg_get_int(res, i, 0);
        }
    }
    PQclear(res);
    return WD_OK;
}


static int
add_series(wd_pg_conn_t *c, const processing_payload_t *p, const series_t *s,
           wd_error_t *err)
{
    wd_pg_param_t params[] = {wd_pg_int(s->id),
                              wd_pg_int(p->source),
                              wd_pg_text(s->rec->indicator),
                              wd_pg_text(s->rec->country),
                              wd_pg_text(s->rec->country2),
                              wd_pg_text(s->rec->indicator_name),
                              wd_pg_text(s->rec->country_name),
                              wd_pg_text(s->rec->unit),
                              wd_pg_bool(s->rec->aggregate)};

    return wd_pg_exec(c,
                      "INSERT INTO macro_series (id, source, indicator, "
                      "country, country2, name, country_name, unit, "
                      "aggregate) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                      params, wd_array_len(params), NULL, err);
}


static int
map_series(wd_pg_conn_t *c, const processing_payload_t *p, wd_pool_t *pool,
           series_t *all, size_t n, wd_map_t *map, wd_error_t *err)
{
    int     rc;
    size_t  k;
    int64_t next = 0;

    rc = find_series(c, p, pool, all, n, map, &next, err);
    for (k = 0; k < n && rc == WD_OK; k++) {
        if (all[k].id == 0) {
            all[k].id = ++next;
            rc = add_series(c, p, &all[k], err);
        }
    }
    return rc;
}


int
processing_store_series(wd_pg_conn_t *c, const processing_payload_t *p,
                        wd_pool_t *pool, processing_rows_t *rows,
                        int64_t **ret_ids, wd_str_t **ret_names, size_t *ret_n,
                        wd_error_t *err)
{
    int       rc;
    size_t    i;
    wd_map_t *map;
    series_t *all = NULL;

    map = wd_map_create();
    if (map == NULL) {
        return WD_ENOMEM;
    }
    rc = gather_series(pool, rows, map, &all, ret_n);
    if (rc == WD_OK) {
        rc = map_series(c, p, pool, all, *ret_n, map, err);
    }
    wd_map_destroy(map);
    if (rc != WD_OK) {
        return rc;
    }

    *ret_ids = wd_pool_alloc(pool, *ret_n * sizeof(**ret_ids));
    *ret_names = wd_pool_alloc(pool, *ret_n * sizeof(**ret_names));
    if (*ret_ids == NULL || *ret_names == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < *ret_n; i++) {
        (*ret_ids)[i] = all[i].id;
        (*ret_names)[i] = all[i].name;
    }
    for (i = 0; i < rows->n; i++) {
        rows->rows[i].cells[OBS_SERIES].i
            = all[rows->rows[i].cells[OBS_SERIES].i].id;
    }
    return WD_OK;
}
