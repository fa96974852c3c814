/*
 * processing_store_facts.c - facts with versions of any table: read, merged
 * with those of a payload, written.
 */
#include "processing_copy.h"
#include "processing_store.h"

#include <math.h>


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


static int
select_rows(wd_pg_conn_t *c, const processing_fact_t *fact, bool history,
            const processing_scope_t *scope, wd_pool_t *pool,
            processing_rows_t *ret, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_ints(scope->ids, scope->n_ids),
                              wd_pg_int(scope->source),
                              wd_pg_ts(scope->from),
                              wd_pg_ts(scope->to),
                              wd_pg_int(scope->timeframe),
                              wd_pg_texts(scope->names, scope->n_names)};

    rc = wd_pg_exec(c, history ? fact->select_history : fact->select, params,
                    wd_array_len(params), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = read_rows(fact, res, history, pool, ret);
    PQclear(res);
    return rc;
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
copy_rows(wd_pg_conn_t *c, const processing_fact_t *fact, bool history,
          const processing_rows_t *rows, wd_error_t *err)
{
    const copy_t cp = {fact, rows, history};

    return processing_copy(c, history ? fact->copy_history : fact->copy,
                           rows->n, copy_row, &cp, err);
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
update_rows(wd_pg_conn_t *c, const processing_fact_t *fact,
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
forget_rows(wd_pg_conn_t *c, const processing_fact_t *fact,
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


static int
apply_change(wd_pg_conn_t *c, const processing_fact_t *fact,
             const processing_change_t *change, wd_error_t *err)
{
    int rc;

    rc = forget_rows(c, fact, &change->forget, err);
    if (rc == WD_OK) {
        rc = copy_rows(c, fact, true, &change->history, err);
    }
    if (rc == WD_OK) {
        rc = update_rows(c, fact, &change->update, err);
    }
    return rc != WD_OK ? rc : copy_rows(c, fact, false, &change->insert, err);
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

    rc = select_rows(c, fact, false, scope, pool, &current, err);
    if (rc == WD_OK
        && processing_is_late(&current, rows->rows[0].known_at,
                              rows->rows[0].raw_id)) {
        rc = select_rows(c, fact, true, scope, pool, &history, err);
    }
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
                      const processing_scope_t *scope, processing_last_t *ret,
                      wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_int(scope->ids[0]),
                              wd_pg_int(scope->source),
                              wd_pg_ts(scope->from),
                              wd_pg_int(scope->timeframe),
                              wd_pg_ts(scope->from - PROCESSING_JUMP_GAP),
                              wd_pg_ts(p->known_at),
                              wd_pg_int(p->raw_id)};

#define LAST(table, more)                                          \
    "(SELECT ts, close FROM " table " WHERE instrument_id = $1 "   \
    "AND timeframe = $4 AND source = $2 AND ts < $3 AND ts >= $5 " \
    "AND (known_at, raw_id) <= ($6, $7) " more "ORDER BY ts DESC LIMIT 1)"
    ret->ts = WD_NS_MIN;
    ret->close = 0;
    rc = wd_pg_exec(c,
                    LAST("bar", "") " UNION ALL " LAST(
                        "bar_history",
                        "AND superseded_at > $6 ") " ORDER BY ts DESC LIMIT 1",
                    params, wd_array_len(params), &res, err);
#undef LAST
    if (rc != WD_OK) {
        return rc;
    }
    if (PQntuples(res) != 0) {
        ret->ts = wd_pg_get_ts(res, 0, 0);
        ret->close = wd_pg_get_num(res, 0, 1);
    }
    PQclear(res);
    return WD_OK;
}
