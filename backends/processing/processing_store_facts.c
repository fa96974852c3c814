/*
 * processing_store_facts.c - facts with versions of any table: read, merged
 * with those of a payload, written.
 */
#include "processing_copy.h"
#include "processing_store.h"

#include <math.h>

/* So many statements of one row cost as much as one of many rows. */
#define BULK_MIN 16


/* A copy of a text of a result, which will be cleared. */
static int
pool_text(wd_pool_t *pool, const PGresult *res, int row, int col, wd_str_t *ret)
{
    char    *p;
    wd_str_t s;

    if (wd_pg_is_null(res, row, col)) {
        *ret = WD_STR_NULL;
        return WD_OK;
    }
    s = wd_pg_get_str(res, row, col);
    p = wd_pool_strdup(pool, s);
    if (p == NULL) {
        return WD_ENOMEM;
    }
    *ret = wd_str(p, s.len);
    return WD_OK;
}


static int
read_cell(processing_type_e type, const PGresult *res, int row, int col,
          wd_pool_t *pool, processing_cell_t *ret)
{
    switch (type) {
    case PROCESSING_BOOL:
        ret->i = wd_pg_is_null(res, row, col) ? -1
                                              : wd_pg_get_bool(res, row, col);
        return WD_OK;
    case PROCESSING_INT2:
    case PROCESSING_INT4:
    case PROCESSING_INT8:
        ret->i = wd_pg_get_int(res, row, col);
        return WD_OK;
    case PROCESSING_NUM:
        ret->num = wd_pg_is_null(res, row, col) ? NAN
                                                : wd_pg_get_num(res, row, col);
        return WD_OK;
    case PROCESSING_TS:
        ret->i = wd_pg_get_ts(res, row, col);
        return WD_OK;
    case PROCESSING_DATE:
        ret->i = wd_pg_is_null(res, row, col) ? WD_NS_MIN
                                              : wd_pg_get_date(res, row, col);
        return WD_OK;
    default:
        return pool_text(pool, res, row, col, &ret->s);
    }
}


static int
read_rows(const processing_fact_t *fact, const PGresult *res, bool history,
          wd_pool_t *pool, processing_rows_t *ret)
{
    int               i, k, rc, n = PQntuples(res);
    processing_row_t *row;

    for (i = 0; i < n; i++) {
        row = processing_rows_add(ret, fact, pool);
        if (row == NULL) {
            return WD_ENOMEM;
        }
        for (k = 0; k < fact->n_columns; k++) {
            rc = read_cell(fact->types[k], res, i, k, pool, &row->cells[k]);
            if (rc != WD_OK) {
                return rc;
            }
        }
        row->raw_id = wd_pg_get_int(res, i, k);
        row->known_at = wd_pg_get_ts(res, i, k + 1);
        row->until = history ? wd_pg_get_ts(res, i, k + 2) : 0;
    }
    return WD_OK;
}


/* The most rows that are read because they lie between those of a payload. */
static int64_t
most_between(size_t n)
{
    return (int64_t) n * 4 + 10000;
}


/* *ret_more: there are more than `most`, and none was read. */
static int
select_between(wd_pg_conn_t *c, const processing_fact_t *fact, bool history,
               const processing_scope_t *scope, int64_t most, wd_pool_t *pool,
               processing_rows_t *ret, bool *ret_more, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_ints(scope->ids, scope->n_ids),
                              wd_pg_int(scope->source),
                              wd_pg_ts(scope->from),
                              wd_pg_ts(scope->to),
                              wd_pg_int(scope->timeframe),
                              wd_pg_texts(scope->names, scope->n_names),
                              most < 0 ? (wd_pg_param_t){.type = WD_PG_NULL_INT}
                                       : wd_pg_int(most + 1)};

    rc = wd_pg_exec(c, history ? fact->select_history : fact->select, params,
                    wd_array_len(params), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    *ret_more = most >= 0 && PQntuples(res) > most;
    if (!*ret_more) {
        rc = read_rows(fact, res, history, pool, ret);
    }
    PQclear(res);
    return rc;
}


/* The keys of rows: instruments with times, or with names of figures. */
static int
keys_of(const processing_fact_t *fact, const processing_rows_t *rows,
        wd_pool_t *pool, int64_t **ret_ids, int64_t **ret_us,
        wd_str_t **ret_names)
{
    int    time = 1;
    size_t i;

    while (time < fact->n_keys && fact->types[time] != PROCESSING_TS) {
        time++;
    }
    *ret_ids = wd_pool_alloc(pool, rows->n * sizeof(**ret_ids));
    *ret_us = wd_pool_alloc(pool, rows->n * sizeof(**ret_us));
    *ret_names = wd_pool_alloc(pool, rows->n * sizeof(**ret_names));
    if (*ret_ids == NULL || *ret_us == NULL || *ret_names == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < rows->n; i++) {
        (*ret_ids)[i] = rows->rows[i].cells[0].i;
        (*ret_us)[i] = time < fact->n_keys
                           ? rows->rows[i].cells[time].i / WD_NS_PER_US
                           : 0;
        (*ret_names)[i] = time < fact->n_keys
                              ? WD_STR("")
                              : rows->rows[i].cells[FIELD_NAME].s;
    }
    return WD_OK;
}


static int
select_keys(wd_pg_conn_t *c, const processing_fact_t *fact, bool history,
            const processing_scope_t *scope, const processing_rows_t *rows,
            wd_pool_t *pool, processing_rows_t *ret, wd_error_t *err)
{
    int       rc;
    int64_t  *ids, *us;
    wd_str_t *names;
    PGresult *res;

    rc = keys_of(fact, rows, pool, &ids, &us, &names);
    if (rc != WD_OK) {
        return rc;
    }
    {
        wd_pg_param_t params[] = {
            wd_pg_ints(ids, rows->n),    wd_pg_int(scope->source),
            wd_pg_ints(us, rows->n),     wd_pg_null(),
            wd_pg_int(scope->timeframe), wd_pg_texts(names, rows->n)};

        rc = wd_pg_exec(c,
                        history ? fact->select_history_keys : fact->select_keys,
                        params, wd_array_len(params), &res, err);
    }
    if (rc != WD_OK) {
        return rc;
    }
    rc = read_rows(fact, res, history, pool, ret);
    PQclear(res);
    return rc;
}


/*
 * What is stored of the rows, and what else lies between them unless that
 * would be much: few rows may be far from each other.
 */
static int
select_rows(wd_pg_conn_t *c, const processing_fact_t *fact,
            const processing_scope_t *scope, const processing_rows_t *rows,
            wd_pool_t *pool, processing_rows_t *ret_current,
            processing_rows_t *ret_history, wd_error_t *err)
{
    int     rc;
    bool    more = false, unused;
    int64_t most = fact->select_keys != NULL ? most_between(rows->n) : -1;

    rc = select_between(c, fact, false, scope, most, pool, ret_current, &more,
                        err);
    if (rc == WD_OK && more) {
        rc = select_keys(c, fact, false, scope, rows, pool, ret_current, err);
    }
    if (rc != WD_OK
        || !processing_is_late(ret_current, rows->rows[0].known_at,
                               rows->rows[0].raw_id)) {
        return rc;
    }
    return more
               ? select_keys(c, fact, true, scope, rows, pool, ret_history, err)
               : select_between(c, fact, true, scope, -1, pool, ret_history,
                                &unused, err);
}


int
processing_store_actions(wd_pg_conn_t *c, const processing_payload_t *p,
                         const processing_scope_t *scope, wd_pool_t *pool,
                         processing_rows_t *ret, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_ints(scope->ids, scope->n_ids),
                              wd_pg_int(scope->source),
                              wd_pg_ts(scope->from),
                              wd_pg_ts(scope->to),
                              wd_pg_ts(p->known_at),
                              wd_pg_int(p->raw_id)};

    rc = wd_pg_exec(c, processing_action.select_known, params,
                    wd_array_len(params), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = read_rows(&processing_action, res, false, pool, ret);
    PQclear(res);
    return rc;
}


static void
copy_cell(wd_buf_t *out, processing_type_e type, const processing_cell_t *cell)
{
    switch (type) {
    case PROCESSING_BOOL:
        if (cell->i < 0) {
            wd_pg_copy_null(out);
        } else {
            wd_pg_copy_bool(out, cell->i != 0);
        }
        break;
    case PROCESSING_INT2:
        wd_pg_copy_int2(out, (int16_t) cell->i);
        break;
    case PROCESSING_INT4:
        wd_pg_copy_int4(out, (int32_t) cell->i);
        break;
    case PROCESSING_INT8:
        wd_pg_copy_int8(out, cell->i);
        break;
    case PROCESSING_NUM:
        if (isnan(cell->num)) {
            wd_pg_copy_null(out);
        } else {
            wd_pg_copy_num(out, cell->num);
        }
        break;
    case PROCESSING_TS:
        wd_pg_copy_ts(out, cell->i);
        break;
    case PROCESSING_DATE:
        if (cell->i == WD_NS_MIN) {
            wd_pg_copy_null(out);
        } else {
            wd_pg_copy_date(out, cell->i);
        }
        break;
    default:
        wd_pg_copy_str(out, cell->s);
        break;
    }
}


typedef struct {
    const processing_fact_t *fact;
    const processing_rows_t *rows;
    bool                     history;
} copy_t;


static void
copy_row(wd_buf_t *out, size_t i, const void *arg)
{
    int                     k;
    const copy_t           *cp = arg;
    const processing_row_t *row = &cp->rows->rows[i];

    wd_pg_copy_row(out, cp->fact->n_columns + (cp->history ? 3 : 2));
    for (k = 0; k < cp->fact->n_columns; k++) {
        copy_cell(out, cp->fact->types[k], &row->cells[k]);
    }
    wd_pg_copy_int8(out, row->raw_id);
    wd_pg_copy_ts(out, row->known_at);
    if (cp->history) {
        wd_pg_copy_ts(out, row->until);
    }
}


static int
copy_rows(wd_pg_conn_t *c, const char *sql, const processing_fact_t *fact,
          bool history, const processing_rows_t *rows, wd_error_t *err)
{
    const copy_t cp = {fact, rows, history};

    return processing_copy(c, sql, rows->n, copy_row, &cp, err);
}


static wd_pg_param_t
cell_param(processing_type_e type, const processing_cell_t *cell)
{
    switch (type) {
    case PROCESSING_BOOL:
        return cell->i < 0 ? (wd_pg_param_t){.type = WD_PG_NULL_BOOL}
                           : wd_pg_bool(cell->i != 0);
    case PROCESSING_INT2:
    case PROCESSING_INT4:
    case PROCESSING_INT8:
        return wd_pg_int(cell->i);
    case PROCESSING_NUM:
        return isnan(cell->num) ? (wd_pg_param_t){.type = WD_PG_NULL_NUM}
                                : wd_pg_num(cell->num);
    case PROCESSING_TS:
        return wd_pg_ts(cell->i);
    case PROCESSING_DATE:
        return cell->i == WD_NS_MIN ? (wd_pg_param_t){.type = WD_PG_NULL_DATE}
                                    : wd_pg_date(cell->i);
    default:
        return wd_pg_text(cell->s);
    }
}


static int
update_each(wd_pg_conn_t *c, const processing_fact_t *fact,
            const processing_rows_t *rows, wd_error_t *err)
{
    int                     k, rc = WD_OK;
    size_t                  i;
    const processing_row_t *row;
    wd_pg_param_t           params[PROCESSING_COLUMNS_MAX + 2];

    for (i = 0; i < rows->n && rc == WD_OK; i++) {
        row = &rows->rows[i];
        for (k = 0; k < fact->n_columns; k++) {
            params[k] = cell_param(fact->types[k], &row->cells[k]);
        }
        params[k] = wd_pg_int(row->raw_id);
        params[k + 1] = wd_pg_ts(row->known_at);
        rc = wd_pg_exec(c, fact->update, params, (size_t) k + 2, NULL, err);
    }
    return rc;
}


static int
forget_each(wd_pg_conn_t *c, const processing_fact_t *fact,
            const processing_rows_t *rows, wd_error_t *err)
{
    int           k, rc = WD_OK;
    size_t        i;
    wd_pg_param_t params[PROCESSING_COLUMNS_MAX];

    for (i = 0; i < rows->n && rc == WD_OK; i++) {
        for (k = 0; k < fact->n_keys; k++) {
            params[k] = cell_param(fact->types[k], &rows->rows[i].cells[k]);
        }
        rc = wd_pg_exec(c, fact->forget, params, (size_t) k, NULL, err);
    }
    return rc;
}


/* ---- many rows at once ---------------------------------------------------- */

/*
 * A session's own table with the rows, from which one statement takes them. It
 * is empty again after the transaction.
 */
static int
bulk_rows(wd_pg_conn_t *c, const processing_fact_t *fact,
          const processing_rows_t *rows, wd_error_t *err)
{
    int      rc;
    wd_buf_t sql = WD_BUF_INIT;

    wd_buf_printf(&sql,
                  "CREATE TEMP TABLE IF NOT EXISTS bulk_%s "
                  "ON COMMIT DELETE ROWS AS SELECT %s FROM %s WITH NO DATA; "
                  "DELETE FROM pg_temp.bulk_%s",
                  fact->table, fact->columns, fact->table, fact->table);
    rc = sql.err == WD_OK ? wd_pg_script(c, wd_buf_cstr(&sql), err) : sql.err;
    if (rc == WD_OK) {
        wd_buf_reset(&sql);
        wd_buf_printf(&sql,
                      "COPY pg_temp.bulk_%s (%s) FROM STDIN (FORMAT binary)",
                      fact->table, fact->columns);
        rc = sql.err == WD_OK
                 ? copy_rows(c, wd_buf_cstr(&sql), fact, false, rows, err)
                 : sql.err;
    }
    wd_buf_done(&sql);
    return rc;
}


/* "t.a = b.a AND ..." of the columns from one to another. */
static void
bulk_equal(wd_buf_t *sql, const processing_fact_t *fact, int from, int to,
           const char *left, const char *between)
{
    int      i;
    wd_str_t name, rest = wd_str_z(fact->columns);

    for (i = 0; i < to && wd_str_split(&rest, ',', &name); i++) {
        if (i >= from) {
            name = wd_str_trim(name);
            wd_buf_printf(sql, "%s%s%.*s = b.%.*s", i == from ? "" : between,
                          left, WD_STR_ARG(name), WD_STR_ARG(name));
        }
    }
}


/*
 * The rows are few beside those of the table, which the planner cannot know
 * of a table that was just made: it is not to read all of the other one.
 */
static int
bulk_run(wd_pg_conn_t *c, wd_buf_t *sql, wd_error_t *err)
{
    int      rc;
    wd_buf_t all = WD_BUF_INIT;

    wd_buf_printf(&all,
                  "SET LOCAL enable_hashjoin = off; "
                  "SET LOCAL enable_mergejoin = off; %s; "
                  "RESET enable_hashjoin; RESET enable_mergejoin",
                  wd_buf_cstr(sql));
    rc = sql->err != WD_OK  ? sql->err
         : all.err != WD_OK ? all.err
                            : wd_pg_script(c, wd_buf_cstr(&all), err);
    wd_buf_done(&all);
    return rc;
}


static int
update_rows(wd_pg_conn_t *c, const processing_fact_t *fact,
            const processing_rows_t *rows, wd_error_t *err)
{
    int      rc;
    wd_buf_t sql = WD_BUF_INIT;

    if (rows->n < BULK_MIN) {
        return update_each(c, fact, rows, err);
    }
    rc = bulk_rows(c, fact, rows, err);
    if (rc == WD_OK) {
        wd_buf_printf(&sql, "UPDATE %s AS t SET ", fact->table);
        bulk_equal(&sql, fact, fact->n_keys, fact->n_columns + 2, "", ", ");
        wd_buf_printf(&sql, " FROM pg_temp.bulk_%s AS b WHERE ", fact->table);
        bulk_equal(&sql, fact, 0, fact->n_keys, "t.", " AND ");
        rc = bulk_run(c, &sql, err);
    }
    wd_buf_done(&sql);
    return rc;
}


static int
forget_rows(wd_pg_conn_t *c, const processing_fact_t *fact,
            const processing_rows_t *rows, wd_error_t *err)
{
    int      rc;
    wd_buf_t sql = WD_BUF_INIT;

    if (rows->n < BULK_MIN) {
        return forget_each(c, fact, rows, err);
    }
    rc = bulk_rows(c, fact, rows, err);
    if (rc == WD_OK) {
        wd_buf_printf(&sql,
                      "DELETE FROM %s_history AS t USING pg_temp.bulk_%s AS b "
                      "WHERE ",
                      fact->table, fact->table);
        bulk_equal(&sql, fact, 0, fact->n_keys, "t.", " AND ");
        rc = bulk_run(c, &sql, err);
    }
    wd_buf_done(&sql);
    return rc;
}


static int
apply_change(wd_pg_conn_t *c, const processing_fact_t *fact,
             const processing_change_t *change, wd_error_t *err)
{
    int rc;

    rc = forget_rows(c, fact, &change->forget, err);
    if (rc == WD_OK) {
        rc = copy_rows(c, fact->copy_history, fact, true, &change->history,
                       err);
    }
    if (rc == WD_OK) {
        rc = update_rows(c, fact, &change->update, err);
    }
    return rc != WD_OK
               ? rc
               : copy_rows(c, fact->copy, fact, false, &change->insert, err);
}


int
processing_store_merge(wd_pg_conn_t *c, const processing_fact_t *fact,
                       const processing_scope_t *scope, wd_pool_t *pool,
                       const processing_rows_t *rows,
                       processing_counts_t *counts, wd_error_t *err)
{
    int                 rc;
    processing_rows_t   current = {0}, history = {0};
    processing_change_t change;

    if (rows->n == 0) {
        return WD_OK;
    }

    rc = select_rows(c, fact, scope, rows, pool, &current, &history, err);
    if (rc != WD_OK) {
        return rc;
    }

    memset(&change, 0, sizeof(change));
    rc = processing_merge(fact, pool, rows, &current, &history, &change);
    if (rc == WD_OK) {
        rc = apply_change(c, fact, &change, err);
    }
    counts->stored += change.stored;
    counts->corrected += change.corrected;
    counts->unchanged += change.unchanged;
    counts->earlier += change.earlier;
    return rc;
}


int
processing_store_last(wd_pg_conn_t *c, const processing_payload_t *p,
                      const int64_t *ids, const int64_t *before_us, size_t n,
                      processing_last_t *ret, wd_error_t *err)
{
    int           i, rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_ints(ids, n),
                              wd_pg_int(p->source),
                              wd_pg_ints(before_us, n),
                              wd_pg_int(p->timeframe),
                              wd_pg_int(PROCESSING_JUMP_GAP / WD_NS_PER_US),
                              wd_pg_ts(p->known_at),
                              wd_pg_int(p->raw_id)};

#define US(x) "timestamptz 'epoch' + (" x ") * interval '1 microsecond' "
#define LAST(table, more)                                                      \
    "(SELECT ts, close FROM " table " WHERE instrument_id = k.id "             \
    "AND timeframe = $4 AND source = $2 AND ts < " US("k.us") "AND ts >= " US( \
        "k.us - $5") "AND (known_at, raw_id) <= "                              \
                     "($6, $7) " more "ORDER BY ts DESC LIMIT 1)"
    rc = wd_pg_exec(c,
                    "SELECT k.n, l.ts, l.close FROM unnest($1::bigint[], "
                    "$3::bigint[]) WITH ORDINALITY k (id, us, n) CROSS JOIN "
                    "LATERAL (" LAST("bar", "") " UNION ALL " LAST(
                        "bar_history",
                        "AND superseded_at > $6 ") " ORDER BY ts DESC LIMIT 1) "
                                                   "l",
                    params, wd_array_len(params), &res, err);
#undef LAST
#undef US
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < (int) n; i++) {
        ret[i] = (processing_last_t){WD_NS_MIN, 0};
    }
    for (i = 0; i < PQntuples(res); i++) {
        ret[wd_pg_get_int(res, i, 0) - 1] = (processing_last_t){
            wd_pg_get_ts(res, i, 1), wd_pg_get_num(res, i, 2)};
    }
    PQclear(res);
    return WD_OK;
}
