/*
 * processing_store.c - the SQL of the processing, and rows to and from it.
 */
#include "processing_store.h"

#include "wd_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Of each table: $1 ids, $2 source, $3 from, $4 to, $5 timeframe; a
 * statement takes what it needs of them.
 */
#define BAR_COLS                                                               \
    "instrument_id, timeframe, source, ts, quality, open, high, low, close, "  \
    "volume, raw_id, known_at"
#define BAR_WHERE                                                              \
    " WHERE instrument_id = ANY ($1) AND timeframe = $5 AND source = $2 "      \
    "AND ts BETWEEN $3 AND $4 "

const processing_fact_t processing_bar = {
    .table = "bar",
    .n_keys = 4,
    .n_columns = 10,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_INT2,
              PROCESSING_TS, PROCESSING_INT2, PROCESSING_NUM, PROCESSING_NUM,
              PROCESSING_NUM, PROCESSING_NUM, PROCESSING_NUM},
    .select = "SELECT " BAR_COLS " FROM bar" BAR_WHERE
              "ORDER BY instrument_id, timeframe, source, ts",
    .select_history = "SELECT " BAR_COLS ", superseded_at FROM bar_history"
        BAR_WHERE "ORDER BY instrument_id, timeframe, source, ts, known_at, "
                  "raw_id",
    .update = "UPDATE bar SET quality = $5, open = $6, high = $7, low = $8, "
              "close = $9, volume = $10, raw_id = $11, known_at = $12 "
              "WHERE instrument_id = $1 AND timeframe = $2 AND source = $3 "
              "AND ts = $4",
    .forget = "DELETE FROM bar_history WHERE instrument_id = $1 "
              "AND timeframe = $2 AND source = $3 AND ts = $4",
    .copy = "COPY bar (" BAR_COLS ") FROM STDIN (FORMAT binary)",
    .copy_history = "COPY bar_history (" BAR_COLS ", superseded_at) "
                    "FROM STDIN (FORMAT binary)"};

#define ACTION_COLS                                                            \
    "instrument_id, source, ex_date, kind, value, raw_id, known_at"
#define ACTION_WHERE                                                           \
    " WHERE instrument_id = ANY ($1) AND source = $2 "                         \
    "AND ex_date BETWEEN ($3::timestamptz AT TIME ZONE 'UTC')::date "          \
    "AND ($4::timestamptz AT TIME ZONE 'UTC')::date "

const processing_fact_t processing_action = {
    .table = "corporate_action",
    .n_keys = 4,
    .n_columns = 5,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_DATE,
              PROCESSING_TEXT, PROCESSING_NUM},
    .select = "SELECT " ACTION_COLS " FROM corporate_action" ACTION_WHERE
              "ORDER BY instrument_id, source, ex_date, kind COLLATE \"C\"",
    .select_history =
        "SELECT " ACTION_COLS
        ", superseded_at FROM corporate_action_history" ACTION_WHERE
        "ORDER BY instrument_id, source, ex_date, kind COLLATE \"C\", "
        "known_at, raw_id",
    .update = "UPDATE corporate_action SET value = $5, raw_id = $6, "
              "known_at = $7 WHERE instrument_id = $1 AND source = $2 "
              "AND ex_date = $3 AND kind = $4",
    .forget = "DELETE FROM corporate_action_history WHERE instrument_id = $1 "
              "AND source = $2 AND ex_date = $3 AND kind = $4",
    .copy = "COPY corporate_action (" ACTION_COLS
            ") FROM STDIN (FORMAT binary)",
    .copy_history = "COPY corporate_action_history (" ACTION_COLS
                    ", superseded_at) FROM STDIN (FORMAT binary)"};

#define QUOTE_COLS                                                             \
    "instrument_id, source, ts, price, open, high, low, volume, "              \
    "previous_close, quality, raw_id, known_at"
#define QUOTE_WHERE                                                            \
    " WHERE instrument_id = ANY ($1) AND source = $2 "                         \
    "AND ts BETWEEN $3 AND $4 "

const processing_fact_t processing_quote = {
    .table = "quote",
    .n_keys = 3,
    .n_columns = 10,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_TS, PROCESSING_NUM,
              PROCESSING_NUM, PROCESSING_NUM, PROCESSING_NUM, PROCESSING_NUM,
              PROCESSING_NUM, PROCESSING_INT2},
    .select = "SELECT " QUOTE_COLS " FROM quote" QUOTE_WHERE
              "ORDER BY instrument_id, source, ts",
    .select_history = "SELECT " QUOTE_COLS
                      ", superseded_at FROM quote_history" QUOTE_WHERE
                      "ORDER BY instrument_id, source, ts, known_at, raw_id",
    .update = "UPDATE quote SET price = $4, open = $5, high = $6, low = $7, "
              "volume = $8, previous_close = $9, quality = $10, "
              "raw_id = $11, known_at = $12 WHERE instrument_id = $1 "
              "AND source = $2 AND ts = $3",
    .forget = "DELETE FROM quote_history WHERE instrument_id = $1 "
              "AND source = $2 AND ts = $3",
    .copy = "COPY quote (" QUOTE_COLS ") FROM STDIN (FORMAT binary)",
    .copy_history = "COPY quote_history (" QUOTE_COLS
                    ", superseded_at) FROM STDIN (FORMAT binary)"};

#define FIELD_COLS                                                             \
    "instrument_id, source, field, period, value, raw_id, known_at"
#define FIELD_WHERE " WHERE instrument_id = ANY ($1) AND source = $2 "

const processing_fact_t processing_field = {
    .table = "fundamental",
    .n_keys = 4,
    .n_columns = 5,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_TEXT},
    .select = "SELECT " FIELD_COLS " FROM fundamental" FIELD_WHERE
              "ORDER BY instrument_id, source, field COLLATE \"C\", "
              "period COLLATE \"C\"",
    .select_history = "SELECT " FIELD_COLS
                      ", superseded_at FROM fundamental_history" FIELD_WHERE
                      "ORDER BY instrument_id, source, field COLLATE \"C\", "
                      "period COLLATE \"C\", known_at, raw_id",
    .update = "UPDATE fundamental SET value = $5, raw_id = $6, known_at = $7 "
              "WHERE instrument_id = $1 AND source = $2 AND field = $3 "
              "AND period = $4",
    .forget = "DELETE FROM fundamental_history WHERE instrument_id = $1 "
              "AND source = $2 AND field = $3 AND period = $4",
    .copy = "COPY fundamental (" FIELD_COLS ") FROM STDIN (FORMAT binary)",
    .copy_history = "COPY fundamental_history (" FIELD_COLS
                    ", superseded_at) FROM STDIN (FORMAT binary)"};

#define OBS_COLS "series_id, ts, frequency, quality, value, status, "
#define OBS_READ                                                               \
    "series_id, ts, frequency::text, quality, value, status, raw_id, known_at"
#define OBS_WHERE                                                              \
    " WHERE series_id = ANY ($1) "                                             \
    "AND ts BETWEEN ($3::timestamptz AT TIME ZONE 'UTC')::date "               \
    "AND ($4::timestamptz AT TIME ZONE 'UTC')::date "

const processing_fact_t processing_observation = {
    .table = "observation",
    .n_keys = 3,
    .n_columns = 6,
    .types = {PROCESSING_INT4, PROCESSING_DATE, PROCESSING_CHAR,
              PROCESSING_INT2, PROCESSING_NUM, PROCESSING_TEXT},
    .select = "SELECT " OBS_READ " FROM observation" OBS_WHERE
              "ORDER BY series_id, ts, frequency",
    .select_history = "SELECT " OBS_READ
                      ", superseded_at FROM observation_history" OBS_WHERE
                      "ORDER BY series_id, ts, frequency, known_at, raw_id",
    .update = "UPDATE observation SET quality = $4, value = $5, status = $6, "
              "raw_id = $7, known_at = $8 WHERE series_id = $1 AND ts = $2 "
              "AND frequency = ($3::text)::\"char\"",
    .forget = "DELETE FROM observation_history WHERE series_id = $1 "
              "AND ts = $2 AND frequency = ($3::text)::\"char\"",
    .copy = "COPY observation (" OBS_COLS
            "raw_id, known_at) FROM STDIN (FORMAT binary)",
    .copy_history = "COPY observation_history (" OBS_COLS
                    "raw_id, known_at, superseded_at) "
                    "FROM STDIN (FORMAT binary)"};


/* A copy of a text of a result, which will be cleared. */
static int
pool_text(wd_pool_t *pool, const PGresult *res, int row, int col,
          wd_str_t *ret)
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
    case PROCESSING_INT2:
    case PROCESSING_INT4:
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
        ret->i = wd_pg_get_date(res, row, col);
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
    wd_pg_param_t params[] = {
        wd_pg_ints(scope->ids, scope->n_ids), wd_pg_int(scope->source),
        wd_pg_ts(scope->from), wd_pg_ts(scope->to),
        wd_pg_int(scope->timeframe)};

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
    wd_pg_param_t params[] = {
        wd_pg_ints(scope->ids, scope->n_ids), wd_pg_int(scope->source),
        wd_pg_ts(scope->from), wd_pg_ts(scope->to), wd_pg_ts(p->known_at),
        wd_pg_int(p->raw_id)};

    rc = wd_pg_exec(
        c,
        "SELECT * FROM (SELECT " ACTION_COLS " FROM corporate_action"
        ACTION_WHERE "AND (known_at, raw_id) <= ($5, $6) UNION ALL SELECT "
        ACTION_COLS " FROM corporate_action_history" ACTION_WHERE
        "AND (known_at, raw_id) <= ($5, $6) AND superseded_at > $5) a "
        "ORDER BY instrument_id, source, ex_date, kind COLLATE \"C\"",
        params, wd_array_len(params), &res, err);
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
    case PROCESSING_INT2:
        wd_pg_copy_int2(out, (int16_t) cell->i);
        break;
    case PROCESSING_INT4:
        wd_pg_copy_int4(out, (int32_t) cell->i);
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
        wd_pg_copy_date(out, cell->i);
        break;
    default:
        wd_pg_copy_str(out, cell->s);
        break;
    }
}


static int
copy_rows(wd_pg_conn_t *c, const processing_fact_t *fact, bool history,
          const processing_rows_t *rows, wd_error_t *err)
{
    int                     k, rc;
    size_t                  i;
    wd_buf_t                out = WD_BUF_INIT;
    wd_error_t              end_err;
    const processing_row_t *row;

    if (rows->n == 0) {
        return WD_OK;
    }

    rc = wd_pg_copy_begin(c, history ? fact->copy_history : fact->copy, &out,
                          err);
    if (rc != WD_OK) {
        wd_buf_done(&out);
        return rc;
    }

    for (i = 0; i < rows->n && rc == WD_OK; i++) {
        row = &rows->rows[i];
        wd_pg_copy_row(&out, fact->n_columns + (history ? 3 : 2));
        for (k = 0; k < fact->n_columns; k++) {
            copy_cell(&out, fact->types[k], &row->cells[k]);
        }
        wd_pg_copy_int8(&out, row->raw_id);
        wd_pg_copy_ts(&out, row->known_at);
        if (history) {
            wd_pg_copy_ts(&out, row->until);
        }
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


static wd_pg_param_t
cell_param(processing_type_e type, const processing_cell_t *cell)
{
    switch (type) {
    case PROCESSING_INT2:
    case PROCESSING_INT4:
        return wd_pg_int(cell->i);
    case PROCESSING_NUM:
        return isnan(cell->num) ? (wd_pg_param_t){.type = WD_PG_NULL_NUM}
                                : wd_pg_num(cell->num);
    case PROCESSING_TS:
        return wd_pg_ts(cell->i);
    case PROCESSING_DATE:
        return wd_pg_date(cell->i);
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
    return rc;
}


int
processing_store_last(wd_pg_conn_t *c, const processing_payload_t *p,
                      const processing_scope_t *scope, processing_last_t *ret,
                      wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {
        wd_pg_int(scope->ids[0]),
        wd_pg_int(scope->source),
        wd_pg_ts(scope->from),
        wd_pg_int(scope->timeframe),
        wd_pg_ts(scope->from - PROCESSING_JUMP_GAP),
        wd_pg_ts(p->known_at),
        wd_pg_int(p->raw_id)};

#define LAST(table, more)                                                      \
    "(SELECT ts, close FROM " table " WHERE instrument_id = $1 "               \
    "AND timeframe = $4 AND source = $2 AND ts < $3 AND ts >= $5 "             \
    "AND (known_at, raw_id) <= ($6, $7) " more "ORDER BY ts DESC LIMIT 1)"
    ret->ts = WD_NS_MIN;
    ret->close = 0;
    rc = wd_pg_exec(c,
                    LAST("bar", "") " UNION ALL "
                    LAST("bar_history", "AND superseded_at > $6 ")
                    " ORDER BY ts DESC LIMIT 1",
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


int
processing_store_source(wd_pg_conn_t *c, const char *name, int *ret,
                        wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_text_z(name)};

    rc = wd_pg_exec(c, "SELECT id FROM source WHERE name = $1", params, 1,
                    &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (PQntuples(res) == 0) {
        rc = WD_ENOTFOUND;
    } else {
        *ret = (int) wd_pg_get_int(res, 0, 0);
    }
    PQclear(res);
    return rc;
}


static int
find_instrument(wd_pg_conn_t *c, const processing_payload_t *p,
                const processing_instrument_t *inst, int64_t *ret_id,
                bool *ret_aliased, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_int(p->source), wd_pg_text(inst->alias),
                              wd_pg_text(inst->symbol)};

    rc = wd_pg_exec(c,
                    "SELECT instrument_id, true FROM instrument_alias "
                    "WHERE source = $1 AND symbol = $2 UNION ALL "
                    "SELECT id, false FROM instrument WHERE symbol = $3 "
                    "ORDER BY 2 DESC LIMIT 1",
                    params, wd_array_len(params), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (PQntuples(res) == 0) {
        rc = WD_ENOTFOUND;
    } else {
        *ret_id = wd_pg_get_int(res, 0, 0);
        *ret_aliased = wd_pg_get_bool(res, 0, 1);
    }
    PQclear(res);
    return rc;
}


/* Ids in order of first sight, so that replaying the lake gives the same. */
static int
add_instrument(wd_pg_conn_t *c, const processing_payload_t *p,
               const processing_instrument_t *inst, int64_t *ret_id,
               wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_text(inst->symbol), wd_pg_int(p->source),
                              wd_pg_int(p->raw_id), wd_pg_ts(p->known_at)};

    rc = wd_pg_exec(c,
                    "INSERT INTO instrument "
                    "(id, symbol, source, raw_id, known_at) "
                    "SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4 "
                    "FROM instrument RETURNING id",
                    params, wd_array_len(params), &res, err);
    if (rc == WD_OK) {
        *ret_id = wd_pg_get_int(res, 0, 0);
        PQclear(res);
    }
    return rc;
}


static int
add_alias(wd_pg_conn_t *c, const processing_payload_t *p, wd_str_t alias,
          int64_t id, wd_error_t *err)
{
    wd_pg_param_t params[] = {wd_pg_int(p->source), wd_pg_text(alias),
                              wd_pg_int(id)};

    return wd_pg_exec(c,
                      "INSERT INTO instrument_alias VALUES ($1, $2, $3) "
                      "ON CONFLICT DO NOTHING",
                      params, wd_array_len(params), NULL, err);
}


static bool
describes(const processing_instrument_t *i)
{
    return i->type.data != NULL || i->name.data != NULL
           || i->exchange.data != NULL || i->currency.data != NULL
           || i->country.data != NULL || i->sector.data != NULL
           || i->industry.data != NULL || i->zone.data != NULL;
}


/*
 * A newer payload (w) fills and replaces, an older one only fills. The type
 * "other" is what an instrument has before anything described it.
 */
static int
describe(wd_pg_conn_t *c, const processing_payload_t *p,
         const processing_instrument_t *i, int64_t id, int64_t *ret_changed,
         wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {
        wd_pg_int(id),           wd_pg_text(i->type),
        wd_pg_text(i->name),     wd_pg_text(i->exchange),
        wd_pg_text(i->currency), wd_pg_text(i->country),
        wd_pg_text(i->sector),   wd_pg_text(i->industry),
        wd_pg_text(i->zone),     wd_pg_int(p->raw_id),
        wd_pg_ts(p->known_at)};

#define MIX(col, n)                                                            \
    "CASE WHEN o.known_at <= $11 THEN coalesce($" n ", o." col ") "            \
    "ELSE coalesce(o." col ", $" n ") END AS " col
    rc = wd_pg_exec(
        c,
        "WITH n AS (SELECT o.id, "
        "CASE WHEN o.known_at <= $11 OR o.type = 'other' "
        "THEN coalesce($2, o.type) ELSE o.type END AS type, " MIX("name", "3")
        ", " MIX("exchange", "4") ", " MIX("currency", "5") ", "
        MIX("country", "6") ", " MIX("sector", "7") ", "
        MIX("industry", "8") ", " MIX("timezone", "9")
        " FROM instrument o WHERE o.id = $1), "
        "u AS (UPDATE instrument i SET type = n.type, name = n.name, "
        "exchange = n.exchange, currency = n.currency, country = n.country, "
        "sector = n.sector, industry = n.industry, timezone = n.timezone, "
        "raw_id = CASE WHEN i.known_at <= $11 THEN $10 ELSE i.raw_id END, "
        "known_at = greatest(i.known_at, $11) "
        "FROM n WHERE i.id = n.id AND (i.type, i.name, i.exchange, "
        "i.currency, i.country, i.sector, i.industry, i.timezone) "
        "IS DISTINCT FROM (n.type, n.name, n.exchange, n.currency, "
        "n.country, n.sector, n.industry, n.timezone) RETURNING 1) "
        "SELECT count(*) FROM u",
        params, wd_array_len(params), &res, err);
#undef MIX
    if (rc == WD_OK) {
        *ret_changed = wd_pg_get_int(res, 0, 0);
        PQclear(res);
    }
    return rc;
}


int
processing_store_instrument(wd_pg_conn_t *c, const processing_payload_t *p,
                            const processing_instrument_t *inst,
                            int64_t *ret_id, processing_counts_t *counts,
                            wd_error_t *err)
{
    int     rc;
    bool    created = false, aliased = false;
    int64_t changed = 0;

    rc = find_instrument(c, p, inst, ret_id, &aliased, err);
    if (rc == WD_ENOTFOUND) {
        created = true;
        rc = add_instrument(c, p, inst, ret_id, err);
    }
    if (rc == WD_OK && !aliased) {
        rc = add_alias(c, p, inst->alias, *ret_id, err);
    }
    if (rc == WD_OK && describes(inst)) {
        rc = describe(c, p, inst, *ret_id, &changed, err);
    }
    if (rc != WD_OK || counts == NULL) {
        return rc;
    }

    counts->stored += created;
    counts->corrected += !created && changed != 0;
    counts->unchanged += !created && changed == 0;
    return WD_OK;
}


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
    wd_pg_param_t params[] = {
        wd_pg_int(s->id),
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


static wd_pg_param_t
time_or_null(wd_ns_t t)
{
    return t == WD_NS_MIN ? (wd_pg_param_t){.type = WD_PG_NULL_TS}
                          : wd_pg_ts(t);
}


/*
 * The first processing of an object is what its row tells. A later one that
 * changed nothing leaves it alone; one that did is added to it.
 */
static int
put_object(wd_pg_conn_t *c, const processing_event_t *ev,
           const processing_outcome_t *o, int64_t rejected, wd_error_t *err)
{
    int           rc;
    char         *args;
    wd_pg_param_t params[] = {
        wd_pg_int(ev->seq),
        wd_pg_text_z(ev->key),
        wd_pg_text_z(ev->sha256),
        wd_pg_text_z(ev->provider),
        wd_pg_text_z(ev->dataset),
        wd_pg_null(),
        wd_pg_int(ev->size),
        wd_pg_ts(ev->fetched_at),
        wd_pg_text_z(o->outcome),
        wd_pg_int(o->counts.stored),
        wd_pg_int(o->counts.corrected),
        wd_pg_int(o->counts.unchanged),
        wd_pg_int(o->flagged),
        wd_pg_int(rejected),
        wd_pg_text(wd_str_z(o->reason)),
        time_or_null(o->to == WD_NS_MIN ? WD_NS_MIN : o->from),
        time_or_null(o->to)};

    args = json_dumps(ev->args, JSON_COMPACT);
    if (args == NULL) {
        return WD_ENOMEM;
    }
    params[5] = wd_pg_json(wd_str_z(args));

    rc = wd_pg_exec(
        c,
        "INSERT INTO raw_object AS r (id, key, sha256, provider, dataset, "
        "args, size, fetched_at, outcome, stored, corrected, unchanged, "
        "flagged, rejected, reason, data_from, data_to) VALUES ($1, $2, $3, "
        "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) "
        "ON CONFLICT (id) DO UPDATE SET outcome = $9, "
        "stored = r.stored + $10, corrected = r.corrected + $11, "
        "unchanged = greatest(r.unchanged, $12::int), flagged = $13, "
        "rejected = $14, reason = $15, data_from = $16, data_to = $17 "
        "WHERE r.outcome <> $9 OR r.rejected <> $14 OR r.flagged <> $13 "
        "OR $10 + $11 > 0",
        params, wd_array_len(params), NULL, err);
    free(args);
    return rc;
}


static bool
same_rejects(const PGresult *res, const wd_records_t *r)
{
    size_t i;

    if ((size_t) PQntuples(res) != r->n_rejects) {
        return false;
    }
    for (i = 0; i < r->n_rejects; i++) {
        if (wd_pg_get_int(res, (int) i, 0) != r->rejects[i].record
            || !wd_str_eq_z(wd_pg_get_str(res, (int) i, 1),
                            wd_reason_name(r->rejects[i].reason))
            || !wd_str_eq(wd_pg_get_str(res, (int) i, 2),
                          r->rejects[i].detail)) {
            return false;
        }
    }
    return true;
}


static int
copy_rejects(wd_pg_conn_t *c, const processing_event_t *ev,
             const wd_records_t *r, wd_error_t *err)
{
    int                    rc;
    size_t                 i;
    wd_buf_t               out = WD_BUF_INIT;
    wd_error_t             end_err;
    const wd_reject_rec_t *rej;

    rc = wd_pg_copy_begin(c,
                          "COPY reject (raw_id, provider, dataset, record, "
                          "reason, detail, sample, known_at) FROM STDIN "
                          "(FORMAT binary)",
                          &out, err);
    if (rc != WD_OK) {
        wd_buf_done(&out);
        return rc;
    }

    for (i = 0; i < r->n_rejects && rc == WD_OK; i++) {
        rej = &r->rejects[i];
        wd_pg_copy_row(&out, 8);
        wd_pg_copy_int8(&out, ev->seq);
        wd_pg_copy_str(&out, wd_str_z(ev->provider));
        wd_pg_copy_str(&out, wd_str_z(ev->dataset));
        wd_pg_copy_int4(&out, rej->record);
        wd_pg_copy_str(&out, wd_str_z(wd_reason_name(rej->reason)));
        wd_pg_copy_str(&out, rej->detail);
        if (rej->sample.len == 0) {
            wd_pg_copy_null(&out);
        } else {
            wd_pg_copy_str(&out, rej->sample);
        }
        wd_pg_copy_ts(&out, ev->fetched_at);
        rc = wd_pg_copy_flush(c, &out, err);
    }

    if (rc == WD_OK) {
        rc = wd_pg_copy_end(c, &out, NULL, err);
    } else if (wd_pg_copy_end(c, &out, NULL, &end_err) == WD_EDB) {
        rc = WD_EDB;
    }
    wd_buf_done(&out);
    return rc;
}


static int
put_rejects(wd_pg_conn_t *c, const processing_event_t *ev,
            const wd_records_t *r, wd_error_t *err)
{
    int           rc, n;
    bool          same;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_int(ev->seq)};

    rc = wd_pg_exec(c,
                    "SELECT record, reason, detail FROM reject "
                    "WHERE raw_id = $1 ORDER BY id",
                    params, 1, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    n = PQntuples(res);
    same = same_rejects(res, r);
    PQclear(res);

    if (same) {
        return WD_OK;
    }
    if (n != 0) {
        rc = wd_pg_exec(c, "DELETE FROM reject WHERE raw_id = $1", params, 1,
                        NULL, err);
    }
    return rc != WD_OK || r->n_rejects == 0 ? rc
                                            : copy_rejects(c, ev, r, err);
}


int
processing_store_outcome(wd_pg_conn_t *c, const processing_event_t *ev,
                         const processing_outcome_t *o, const wd_records_t *r,
                         wd_error_t *err)
{
    int rc;

    rc = put_object(c, ev, o, (int64_t) r->n_rejected, err);
    return rc != WD_OK ? rc : put_rejects(c, ev, r, err);
}


int
processing_store_mark(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "SAVEPOINT payload", NULL, 0, NULL, err);
}


int
processing_store_back(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "ROLLBACK TO SAVEPOINT payload", NULL, 0, NULL, err);
}


int
processing_store_keep(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "RELEASE SAVEPOINT payload", NULL, 0, NULL, err);
}


int
processing_store_rejects(wd_pg_conn_t *c, wd_str_t provider, wd_str_t reason,
                         int64_t before, int64_t limit,
                         void (*fn)(const processing_reject_t *row, void *arg),
                         void *arg, int64_t *ret_n, wd_error_t *err)
{
    int                 i, rc;
    PGresult           *res;
    processing_reject_t row;
    wd_pg_param_t       params[] = {wd_pg_text(provider), wd_pg_text(reason),
                                    wd_pg_int(before), wd_pg_int(limit)};

    rc = wd_pg_exec(c,
                    "SELECT id, raw_id, provider, dataset, record, reason, "
                    "detail, sample, known_at FROM reject "
                    "WHERE id < $3 AND ($1::text IS NULL OR provider = $1) "
                    "AND ($2::text IS NULL OR reason = $2) "
                    "ORDER BY id DESC LIMIT $4",
                    params, wd_array_len(params), &res, err);
    if (rc != WD_OK) {
        return rc;
    }

    *ret_n = PQntuples(res);
    for (i = 0; i < PQntuples(res); i++) {
        row.id = wd_pg_get_int(res, i, 0);
        row.raw_id = wd_pg_get_int(res, i, 1);
        row.provider = wd_pg_get_str(res, i, 2);
        row.dataset = wd_pg_get_str(res, i, 3);
        row.record = wd_pg_get_int(res, i, 4);
        row.reason = wd_pg_get_str(res, i, 5);
        row.detail = wd_pg_get_str(res, i, 6);
        row.sample = wd_pg_is_null(res, i, 7) ? WD_STR_NULL
                                              : wd_pg_get_str(res, i, 7);
        row.known_at = wd_pg_get_ts(res, i, 8);
        fn(&row, arg);
    }
    PQclear(res);
    return WD_OK;
}


int
processing_store_status(wd_pg_conn_t *c,
                        void (*fn)(const processing_status_t *row, void *arg),
                        void *arg, wd_error_t *err)
{
    int                 i, k, rc;
    PGresult           *res;
    processing_status_t row;

    rc = wd_pg_exec(
        c,
        "SELECT provider, dataset, count(*), "
        "count(*) FILTER (WHERE outcome = 'stored'), "
        "count(*) FILTER (WHERE outcome = 'empty'), "
        "count(*) FILTER (WHERE outcome = 'rejected'), "
        "count(*) FILTER (WHERE outcome = 'error'), "
        "sum(stored)::bigint, sum(corrected)::bigint, sum(unchanged)::bigint, "
        "sum(flagged)::bigint, sum(rejected)::bigint, max(data_to), "
        "max(fetched_at), max(id) FROM raw_object "
        "GROUP BY provider, dataset ORDER BY provider, dataset",
        NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < PQntuples(res); i++) {
        row.provider = wd_pg_get_str(res, i, 0);
        row.dataset = wd_pg_get_str(res, i, 1);
        row.payloads = wd_pg_get_int(res, i, 2);
        for (k = 0; k < 4; k++) {
            row.outcomes[k] = wd_pg_get_int(res, i, 3 + k);
        }
        row.stored = wd_pg_get_int(res, i, 7);
        row.corrected = wd_pg_get_int(res, i, 8);
        row.unchanged = wd_pg_get_int(res, i, 9);
        row.flagged = wd_pg_get_int(res, i, 10);
        row.rejected = wd_pg_get_int(res, i, 11);
        row.newest = wd_pg_is_null(res, i, 12) ? WD_NS_MIN
                                               : wd_pg_get_ts(res, i, 12);
        row.fetched_at = wd_pg_get_ts(res, i, 13);
        row.raw_id = wd_pg_get_int(res, i, 14);
        fn(&row, arg);
    }
    PQclear(res);
    return WD_OK;
}


int
processing_store_reasons(wd_pg_conn_t *c,
                         void (*fn)(wd_str_t provider, wd_str_t dataset,
                                    wd_str_t reason, int64_t n, void *arg),
                         void *arg, wd_error_t *err)
{
    int       i, rc;
    PGresult *res;

    rc = wd_pg_exec(c,
                    "SELECT provider, dataset, reason, count(*) FROM reject "
                    "GROUP BY provider, dataset, reason "
                    "ORDER BY provider, dataset, reason",
                    NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < PQntuples(res); i++) {
        fn(wd_pg_get_str(res, i, 0), wd_pg_get_str(res, i, 1),
           wd_pg_get_str(res, i, 2), wd_pg_get_int(res, i, 3), arg);
    }
    PQclear(res);
    return WD_OK;
}
