/*
 * processing_store_instruments.c - sources and instruments: which one a
 * provider's symbol is, and what is known about it.
 */
#include "processing_store.h"


int
processing_store_source(wd_pg_conn_t *c, const char *name, int *ret,
                        wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_text_z(name)};

    rc = wd_pg_exec(c, "SELECT id FROM source WHERE name = $1", params, 1, &res,
                    err);
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
    wd_pg_param_t params[] = {wd_pg_int(id),           wd_pg_text(i->type),
                              wd_pg_text(i->name),     wd_pg_text(i->exchange),
                              wd_pg_text(i->currency), wd_pg_text(i->country),
                              wd_pg_text(i->sector),   wd_pg_text(i->industry),
                              wd_pg_text(i->zone),     wd_pg_int(p->raw_id),
                              wd_pg_ts(p->known_at)};

#define MIX(col, n)                                                   \
    ", CASE WHEN o.known_at <= $11 THEN coalesce($" n ", o." col ") " \
    "ELSE coalesce(o." col ", $" n ") END AS " col
#define MIXED            \
    MIX("name", "3")     \
    MIX("exchange", "4") \
    MIX("currency", "5") \
    MIX("country", "6")  \
    MIX("sector", "7")   \
    MIX("industry", "8") \
    MIX("timezone", "9")
    rc = wd_pg_exec(
        c,
        "WITH n AS (SELECT o.id, CASE WHEN o.known_at <= $11 "
        "OR o.type = 'other' THEN coalesce($2, o.type) ELSE o.type END "
        "AS type" MIXED " FROM instrument o WHERE o.id = $1), "
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
#undef MIXED
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
