/*
 * analytics_lists.c - the lists behind macro-economic series: countries and
 * groups of them, indicators, databases, topics.
 */
#include "analytics_service.h"

#include "analytics_query.h"
#include "analytics_store.h"

#include <math.h>
#include <stdio.h>

#define LISTS_LIMIT_MAX 1000
#define LISTS_PARTS_MAX 64 /* texts of a cell */

/* Columns of the rows that are read: the place, those of the list, and last
 * the source and when it was known. */
#define LISTS_PLACE 0

static const wd_col_t country_cols[] = {
    {"country", WD_COL_STR},      {"name", WD_COL_STR},
    {"iso2", WD_COL_STR},         {"aggregate", WD_COL_BOOL},
    {"region_code", WD_COL_STR},  {"region", WD_COL_STR},
    {"admin_code", WD_COL_STR},   {"admin_region", WD_COL_STR},
    {"income_code", WD_COL_STR},  {"income_level", WD_COL_STR},
    {"lending_code", WD_COL_STR}, {"lending_type", WD_COL_STR},
    {"capital", WD_COL_STR},      {"longitude", WD_COL_NUM},
    {"latitude", WD_COL_NUM},     {"source", WD_COL_STR},
    {"known_at", WD_COL_TIME}};

static const wd_col_t indicator_cols[] = {
    {"indicator", WD_COL_STR},     {"name", WD_COL_STR},
    {"unit", WD_COL_STR},          {"database", WD_COL_STR},
    {"database_name", WD_COL_STR}, {"topics", WD_COL_LIST},
    {"topic_names", WD_COL_LIST},  {"note", WD_COL_STR},
    {"organization", WD_COL_STR},  {"source", WD_COL_STR},
    {"known_at", WD_COL_TIME}};

static const wd_col_t database_cols[] = {{"database", WD_COL_STR},
                                         {"name", WD_COL_STR},
                                         {"short", WD_COL_STR},
                                         {"description", WD_COL_STR},
                                         {"url", WD_COL_STR},
                                         {"updated", WD_COL_DATE},
                                         {"data_available", WD_COL_STR},
                                         {"metadata_available", WD_COL_STR},
                                         {"concepts", WD_COL_NUM},
                                         {"source", WD_COL_STR},
                                         {"known_at", WD_COL_TIME}};

static const wd_col_t group_cols[] = {
    {"list", WD_COL_STR},     {"code", WD_COL_STR}, {"name", WD_COL_STR},
    {"iso2", WD_COL_STR},     {"note", WD_COL_STR}, {"source", WD_COL_STR},
    {"known_at", WD_COL_TIME}};

/* One list: its columns, and by which arguments it is narrowed down. */
typedef struct {
    const char      *method;
    analytics_list_e list;
    const wd_col_t  *cols;
    size_t           n_cols;
    const char      *codes; /* NULL: none */
    bool             upper; /* codes are in upper case */
    const char      *part;
    const char      *topic;
} lists_t;


/* Texts with semicolons between them. */
static void
lists_put_parts(wd_rows_t *out, wd_str_t text)
{
    size_t   n = 0;
    wd_str_t parts[LISTS_PARTS_MAX];

    while (n < LISTS_PARTS_MAX && wd_str_split(&text, ';', &parts[n])) {
        parts[n] = wd_str_trim(parts[n]);
        n++;
    }
    wd_rows_list(out, parts, n);
}


static void
lists_put(wd_rows_t *out, wd_col_type_e type, const PGresult *r, int row,
          int col)
{
    if (wd_pg_is_null(r, row, col)) {
        wd_rows_str(out, WD_STR_NULL);
        return;
    }
    switch (type) {
    case WD_COL_NUM:
        wd_rows_num(out, wd_pg_get_num(r, row, col));
        break;
    case WD_COL_BOOL:
        wd_rows_bool(out, wd_pg_get_bool(r, row, col));
        break;
    case WD_COL_LIST:
        lists_put_parts(out, wd_pg_get_str(r, row, col));
        break;
    case WD_COL_DATE:
        wd_rows_time(out, wd_pg_get_date(r, row, col));
        break;
    case WD_COL_TIME:
        wd_rows_time(out, wd_pg_get_ts(r, row, col));
        break;
    default:
        wd_rows_str(out, wd_pg_get_str(r, row, col));
    }
}


/* The cursor's key: the source, a blank, the place. */
static int
lists_mark(const lists_t *l, const PGresult *r, int row,
           analytics_cursor_t *ret)
{
    char     key[ANALYTICS_CURSOR_KEY_MAX + 2];
    wd_str_t place = wd_pg_get_str(r, row, LISTS_PLACE);
    wd_str_t source = wd_pg_get_str(r, row, (int) l->n_cols - 1);

    return analytics_cursor_set_key(
        ret, wd_str(key, wd_min((size_t) snprintf(key, sizeof(key), "%.*s %.*s",
                                                  WD_STR_ARG(source),
                                                  WD_STR_ARG(place)),
                                sizeof(key) - 1)));
}


static int
lists_answer(analytics_query_t *q, const lists_t *l, const PGresult *r)
{
    wd_rows_t          rows;
    analytics_cursor_t next = {.t = 0};
    size_t             i, k, n = (size_t) PQntuples(r);
    size_t             shown = wd_min(n, q->limit);
    int                rc = WD_OK;

    wd_rows_begin(&rows, &q->res->body, q->format, l->cols, l->n_cols);
    for (i = 0; i < shown; i++) {
        wd_rows_row(&rows);
        for (k = 0; k < l->n_cols; k++) {
            lists_put(&rows, l->cols[k].type, r, (int) i, (int) k + 1);
        }
    }
    wd_rows_end(&rows);

    if (n > shown) {
        rc = lists_mark(l, r, (int) shown - 1, &next);
        if (rc != WD_OK) {
            return rc;
        }
    }
    analytics_query_members(q, &rows, n > shown ? &next : NULL);
    wd_rows_finish(&rows);
    return analytics_query_done(q, ANALYTICS_TTL_REFERENCE, "lists", NULL, 0);
}


static int
lists_codes(analytics_query_t *q, const lists_t *l, analytics_list_key_t *key)
{
    int       rc;
    size_t    i;
    wd_str_t *codes = NULL;

    if (l->codes == NULL) {
        return WD_OK;
    }
    rc = analytics_query_list(q, l->codes, false, &codes, &key->n_codes);
    for (i = 0; rc == WD_OK && l->upper && i < key->n_codes; i++) {
        codes[i] = analytics_query_upper(q, codes[i]);
        rc = codes[i].data != NULL ? WD_OK : WD_ENOMEM;
    }
    key->codes = codes;
    return rc;
}


static int
lists_args(analytics_query_t *q, const lists_t *l, analytics_list_key_t *key)
{
    wd_str_t text = WD_STR_NULL, rest;
    int      rc;

    rc = lists_codes(q, l, key);
    if (rc == WD_OK) {
        rc = analytics_query_str(q, "q", false, &text);
    }
    if (rc == WD_OK && l->part != NULL) {
        rc = analytics_query_str(q, l->part, false, &key->part);
    }
    if (rc == WD_OK && l->topic != NULL) {
        rc = analytics_query_str(q, l->topic, false, &key->topic);
    }
    if (rc == WD_OK && text.data != NULL) {
        key->like = analytics_query_pattern(q, text, false, true);
        rc = key->like.data != NULL ? WD_OK : WD_ENOMEM;
    }
    if (rc == WD_OK && q->limit > LISTS_LIMIT_MAX) {
        return wd_rpc_fail_param(q->res, "limit", "limit is out of range");
    }
    if (rc == WD_OK && q->resumed) {
        rest = wd_str(q->cursor.key, q->cursor.key_len);
        (void) wd_str_split(&rest, ' ', &key->after_source);
        key->after = rest;
    }
    key->as_of = q->as_of;
    key->limit = (int64_t) q->limit + 1;
    return rc;
}


static int
lists_query(const lists_t *l, const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    analytics_query_t    q;
    analytics_list_key_t key = {.list = l->list};
    PGresult            *r;
    wd_error_t           err;
    int                  rc;

    rc = analytics_query_init(&q, call, res, l->method);
    if (rc == WD_OK) {
        rc = lists_args(&q, l, &key);
    }
    if (rc != WD_OK) {
        return rc;
    }
    rc = analytics_store_list(call->pg, &key, &r, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(&q, rc, &err);
    }
    rc = lists_answer(&q, l, r);
    PQclear(r);
    return rc;
}


int
analytics_macro_countries(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    static const lists_t l = {.method = "macro.countries",
                              .list = ANALYTICS_COUNTRIES,
                              .cols = country_cols,
                              .n_cols = wd_array_len(country_cols),
                              .codes = "country",
                              .upper = true,
                              .part = "aggregate"};

    return lists_query(&l, call, res);
}


int
analytics_macro_indicators(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    static const lists_t l = {.method = "macro.indicators",
                              .list = ANALYTICS_INDICATORS,
                              .cols = indicator_cols,
                              .n_cols = wd_array_len(indicator_cols),
                              .codes = "indicator",
                              .part = "database",
                              .topic = "topic"};

    return lists_query(&l, call, res);
}


int
analytics_macro_databases(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    static const lists_t l = {.method = "macro.databases",
                              .list = ANALYTICS_DATABASES,
                              .cols = database_cols,
                              .n_cols = wd_array_len(database_cols)};

    return lists_query(&l, call, res);
}


int
analytics_macro_groups(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    static const lists_t l = {.method = "macro.groups",
                              .list = ANALYTICS_GROUPS,
                              .cols = group_cols,
                              .n_cols = wd_array_len(group_cols),
                              .part = "list"};

    return lists_query(&l, call, res);
}
