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

#define NEWER "(o.known_at, o.raw_id) <= ($11, $10)"
#define MIX(col, n)                                           \
    ", CASE WHEN " NEWER " THEN coalesce($" n ", o." col ") " \
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
        "WITH n AS (SELECT o.id, " NEWER " AS newer, CASE WHEN " NEWER
        " OR o.type = 'other' THEN coalesce($2, o.type) ELSE o.type END "
        "AS type" MIXED " FROM instrument o WHERE o.id = $1), "
        "u AS (UPDATE instrument i SET type = n.type, name = n.name, "
        "exchange = n.exchange, currency = n.currency, country = n.country, "
        "sector = n.sector, industry = n.industry, timezone = n.timezone, "
        "raw_id = CASE WHEN n.newer THEN $10 ELSE i.raw_id END, "
        "known_at = greatest(i.known_at, $11) "
        "FROM n WHERE i.id = n.id AND (i.type, i.name, i.exchange, "
        "i.currency, i.country, i.sector, i.industry, i.timezone) "
        "IS DISTINCT FROM (n.type, n.name, n.exchange, n.currency, "
        "n.country, n.sector, n.industry, n.timezone) RETURNING 1) "
        "SELECT count(*) FROM u",
        params, wd_array_len(params), &res, err);
#undef MIXED
#undef MIX
#undef NEWER
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


/* Ids of those that are known; of others 0. *ret_aliased: by that name. */
static int
find_many(wd_pg_conn_t *c, const processing_payload_t *p,
          const wd_str_t *aliases, const wd_str_t *symbols, size_t n,
          int64_t *ret_ids, bool *ret_aliased, wd_error_t *err)
{
    int           i, rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_int(p->source), wd_pg_texts(aliases, n),
                              wd_pg_texts(symbols, n)};

    rc = wd_pg_exec(c,
                    "SELECT coalesce(a.instrument_id, i.id, 0), "
                    "a.instrument_id IS NOT NULL "
                    "FROM unnest($2::text[], $3::text[]) "
                    "WITH ORDINALITY k (alias, symbol, n) "
                    "LEFT JOIN instrument_alias a ON a.source = $1 "
                    "AND a.symbol = k.alias "
                    "LEFT JOIN instrument i ON i.symbol = k.symbol "
                    "ORDER BY k.n",
                    params, wd_array_len(params), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < PQntuples(res); i++) {
        ret_ids[i] = wd_pg_get_int(res, i, 0);
        ret_aliased[i] = wd_pg_get_bool(res, i, 1);
    }
    PQclear(res);
    return WD_OK;
}


/* Those without an id, in their order; of one symbol only the first. */
static int
add_many(wd_pg_conn_t *c, const processing_payload_t *p,
         const wd_str_t *symbols, size_t n, int64_t *ids, bool *ret_fresh,
         wd_pool_t *pool, wd_error_t *err)
{
    int       i, rc;
    size_t    k, missing = 0;
    wd_str_t *names;
    PGresult *res;

    names = wd_pool_alloc(pool, (n + 1) * sizeof(*names));
    if (names == NULL) {
        return WD_ENOMEM;
    }
    for (k = 0; k < n; k++) {
        ret_fresh[k] = false;
        if (ids[k] == 0) {
            names[missing++] = symbols[k];
        }
    }
    if (missing == 0) {
        return WD_OK;
    }
    {
        wd_pg_param_t params[] = {wd_pg_texts(names, missing),
                                  wd_pg_int(p->source), wd_pg_int(p->raw_id),
                                  wd_pg_ts(p->known_at)};

        rc = wd_pg_exec(c,
                        "WITH k AS (SELECT symbol, min(n) AS n FROM "
                        "unnest($1::text[]) WITH ORDINALITY u (symbol, n) "
                        "GROUP BY symbol), i AS (INSERT INTO instrument "
                        "(id, symbol, source, raw_id, known_at) SELECT "
                        "(SELECT coalesce(max(id), 0) FROM instrument) "
                        "+ row_number() OVER (ORDER BY n), symbol, $2, $3, $4 "
                        "FROM k RETURNING id, symbol) "
                        "SELECT i.id, u.n = k.n FROM unnest($1::text[]) "
                        "WITH ORDINALITY u (symbol, n) JOIN i "
                        "ON i.symbol = u.symbol JOIN k ON k.symbol = u.symbol "
                        "ORDER BY u.n",
                        params, wd_array_len(params), &res, err);
    }
    if (rc != WD_OK) {
        return rc;
    }
    for (k = 0, i = 0; k < n && i < PQntuples(res); k++) {
        if (ids[k] == 0) {
            ids[k] = wd_pg_get_int(res, i, 0);
            ret_fresh[k] = wd_pg_get_bool(res, i, 1);
            i++;
        }
    }
    PQclear(res);
    return WD_OK;
}


static int
alias_many(wd_pg_conn_t *c, const processing_payload_t *p,
           const wd_str_t *aliases, const int64_t *ids, const bool *aliased,
           size_t n, wd_pool_t *pool, wd_error_t *err)
{
    size_t    k, missing = 0;
    int64_t  *of = wd_pool_alloc(pool, (n + 1) * sizeof(*of));
    wd_str_t *names = wd_pool_alloc(pool, (n + 1) * sizeof(*names));

    if (of == NULL || names == NULL) {
        return WD_ENOMEM;
    }
    for (k = 0; k < n; k++) {
        if (!aliased[k]) {
            names[missing] = aliases[k];
            of[missing++] = ids[k];
        }
    }
    if (missing == 0) {
        return WD_OK;
    }
    {
        wd_pg_param_t params[] = {wd_pg_int(p->source),
                                  wd_pg_texts(names, missing),
                                  wd_pg_ints(of, missing)};

        return wd_pg_exec(
            c,
            "INSERT INTO instrument_alias SELECT $1, k.name, k.id "
            "FROM unnest($2::text[], $3::bigint[]) k (name, id) "
            "ON CONFLICT DO NOTHING",
            params, wd_array_len(params), NULL, err);
    }
}


int
processing_store_instruments(wd_pg_conn_t *c, const processing_payload_t *p,
                             wd_pool_t *pool, const wd_str_t *aliases,
                             const wd_str_t *symbols, size_t n,
                             int64_t *ret_ids, bool *ret_fresh, wd_error_t *err)
{
    int   rc;
    bool *aliased = wd_pool_alloc(pool, (n + 1) * sizeof(*aliased));

    if (aliased == NULL) {
        return WD_ENOMEM;
    }
    rc = find_many(c, p, aliases, symbols, n, ret_ids, aliased, err);
    if (rc == WD_OK) {
        rc = add_many(c, p, symbols, n, ret_ids, ret_fresh, pool, err);
    }
    return rc == WD_OK
               ? alias_many(c, p, aliases, ret_ids, aliased, n, pool, err)
               : rc;
}
