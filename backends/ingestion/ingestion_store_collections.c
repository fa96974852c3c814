/*
 * ingestion_store_collections.c - definitions: stored, retired, paused.
 */
#include "ingestion_store_collections.h"

#include <stdio.h>
#include <stdlib.h>

#define PUT_TRIES 5


int
ingestion_store_planner_session(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_script(c,
                        "SET statement_timeout = '30s'; "
                        "SET lock_timeout = '10s'; "
                        "SET idle_in_transaction_session_timeout = '60s'; "
                        "SET timezone = 'UTC'; LISTEN wizdata_plan",
                        err);
}


static int
wake_planners(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "SELECT pg_notify('wizdata_plan', '')", NULL, 0, NULL,
                      err);
}


/* ---- put ---------------------------------------------------------------- */

typedef struct {
    int64_t id;
    bool    exists;
    bool    retired;
    bool    paused;
    bool    api;
    char    file[256];
} found_t;


static int
find(wd_pg_conn_t *c, const char *name, found_t *ret, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(name)};

    rc = wd_pg_exec(c,
                    "SELECT id, retired_at IS NOT NULL, source, file, paused "
                    "FROM collection WHERE name = $1 FOR UPDATE",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    memset(ret, 0, sizeof(*ret));
    ret->exists = PQntuples(res) == 1;
    if (ret->exists) {
        ret->id = wd_pg_get_int(res, 0, 0);
        ret->retired = wd_pg_get_bool(res, 0, 1);
        ret->api = wd_str_eq_z(wd_pg_get_str(res, 0, 2), "api");
        wd_str_copy(ret->file, sizeof(ret->file), wd_pg_get_str(res, 0, 3));
        ret->paused = wd_pg_get_bool(res, 0, 4);
    }
    PQclear(res);
    return WD_OK;
}


/* An existing one is of the same source, or of none any more. */
static int
may_replace(const found_t *f, const ingestion_source_t *source, wd_error_t *err)
{
    if (f->retired || f->api == source->api) {
        return WD_OK;
    }
    if (f->api) {
        return wd_error(err, WD_EEXIST,
                        "there is one of that name, made by request; it has "
                        "to be deleted first");
    }
    return wd_error(err, WD_EEXIST, "it is defined by the file %.100s",
                    f->file);
}


static int
insert(wd_pg_conn_t *c, const ingestion_collection_t *def,
       const ingestion_source_t *source, wd_str_t json, int64_t *ret_id,
       wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(def->name),
                         wd_pg_text_z(source->api ? "api" : "file"),
                         wd_pg_text_z(source->origin),
                         wd_pg_text_z(source->file),
                         wd_pg_text_z(def->provider),
                         wd_pg_text_z(def->dataset),
                         wd_pg_json(json),
                         wd_pg_bool(def->paused),
                         wd_pg_text(source->by)};

    rc = wd_pg_exec(c,
                    "INSERT INTO collection (name, source, origin, file, "
                    "provider, dataset, definition, paused, changed_by) "
                    "VALUES ($1, $2, nullif($3, ''), nullif($4, ''), $5, $6, "
                    "$7, $8, $9) ON CONFLICT (name) DO NOTHING RETURNING id",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = WD_ENOTFOUND;
    if (PQntuples(res) == 1) {
        *ret_id = wd_pg_get_int(res, 0, 0);
        rc = WD_OK;
    }
    PQclear(res);
    return rc;
}


/*
 * `paused` of a definition is what it begins with: an operator's pause stays
 * until that key itself is changed. *ret_changed: the questions may be others.
 */
static int
update(wd_pg_conn_t *c, int64_t id, const ingestion_collection_t *def,
       const ingestion_source_t *source, wd_str_t json, bool *ret_changed,
       wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_int(id),
                         wd_pg_text_z(source->api ? "api" : "file"),
                         wd_pg_text_z(source->origin),
                         wd_pg_text_z(source->file),
                         wd_pg_text_z(def->provider),
                         wd_pg_text_z(def->dataset),
                         wd_pg_json(json),
                         wd_pg_bool(def->paused),
                         wd_pg_text(source->by)};

    rc = wd_pg_exec(
        c,
        "UPDATE collection SET source = $2, origin = nullif($3, ''), "
        "file = nullif($4, ''), provider = $5, dataset = $6, "
        "definition = $7, retired_at = NULL, "
        "paused = CASE WHEN retired_at IS NOT NULL "
        "OR (definition->'paused')::boolean <> $8 THEN $8 ELSE paused END, "
        "version = nextval('collection_version'), changed_at = now(), "
        "changed_by = $9 "
        "WHERE id = $1 AND (definition <> $7 OR retired_at IS NOT NULL "
        "OR (source, coalesce(origin, ''), coalesce(file, '')) "
        "<> ($2, coalesce($3, ''), coalesce($4, ''))) RETURNING id",
        p, wd_array_len(p), &res, err);
    if (rc == WD_OK) {
        *ret_changed = PQntuples(res) == 1;
        PQclear(res);
    }
    return rc;
}


void
ingestion_items_done(ingestion_items_t *items)
{
    free(items->names);
    free(items->args);
    wd_buf_done(&items->text);
}


int
ingestion_items_of(const ingestion_collection_t *def, ingestion_items_t *ret,
                   wd_error_t *err)
{
    int              rc = WD_OK;
    size_t           i = 0, n = wd_max(def->n_instruments, 1);
    wd_str_t         list = wd_buf_view(&def->instruments), one, rest;
    ingestion_args_t args;

    memset(ret, 0, sizeof(*ret));
    if (def->stream) {
        return WD_OK;
    }
    ret->names = calloc(n, sizeof(*ret->names));
    ret->args = calloc(n, sizeof(*ret->args));
    if (ret->names == NULL || ret->args == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the items");
    }
    while (rc == WD_OK && ingestion_collection_next(def, &list, &i, &one)) {
        rc = ingestion_collection_item(def, one, &args, err);
        ret->names[ret->n++] = one;
        ingestion_args_json(&args, 0, 0, &ret->text);
        wd_buf_byte(&ret->text, '\n');
    }
    if (rc == WD_OK && ret->text.err != WD_OK) {
        rc = wd_error(err, ret->text.err, "no memory for the items");
    }
    rest = wd_buf_view(&ret->text);
    for (i = 0; i < ret->n && rc == WD_OK; i++) {
        wd_str_split(&rest, '\n', &ret->args[i]);
    }
    return rc;
}


static int
put_items(wd_pg_conn_t *c, int64_t id, const ingestion_collection_t *def,
          wd_error_t *err)
{
    int               rc;
    ingestion_items_t items;

    rc = ingestion_items_of(def, &items, err);
    if (rc == WD_OK) {
        wd_pg_param_t p[] = {wd_pg_int(id), wd_pg_text_z(def->provider),
                             wd_pg_text_z(def->dataset),
                             wd_pg_texts(items.names, items.n),
                             wd_pg_texts(items.args, items.n)};

        /* A new definition is a new trial for what had stopped. */
        rc = wd_pg_exec(
            c,
            "WITH put AS (INSERT INTO collection_item (collection, provider, "
            "dataset, instrument, args) SELECT $1, $2, $3, u.i, u.a::jsonb "
            "FROM unnest($4::text[], $5::text[]) AS u(i, a) "
            "ON CONFLICT (collection, provider, dataset, args) DO UPDATE SET "
            "instrument = excluded.instrument, active = true, "
            "stopped_class = NULL, fill_class = NULL RETURNING id) "
            "UPDATE collection_item SET active = false "
            "WHERE collection = $1 AND active "
            "AND id NOT IN (SELECT id FROM put)",
            p, wd_array_len(p), NULL, err);
        if (rc == WD_OK) {
            rc = wd_pg_exec(c, "SELECT collection_drop($1, false)", p, 1, NULL,
                            err);
        }
    }
    ingestion_items_done(&items);
    return rc;
}


static int
put(wd_pg_conn_t *c, const ingestion_collection_t *def,
    const ingestion_source_t *source, wd_str_t json, ingestion_put_e *ret,
    wd_error_t *err)
{
    int     rc, i;
    bool    changed = true;
    found_t f;
    int64_t id;

    for (i = 0; i < PUT_TRIES; i++) {
        rc = find(c, def->name, &f, err);
        if (rc == WD_OK && f.exists) {
            rc = may_replace(&f, source, err);
            id = f.id;
            if (rc == WD_OK) {
                rc = update(c, id, def, source, json, &changed, err);
            }
        } else if (rc == WD_OK) {
            rc = insert(c, def, source, json, &id, err);
        }
        if (rc != WD_ENOTFOUND) {
            break; /* else somebody made it meanwhile */
        }
    }
    if (rc == WD_OK && changed) {
        rc = put_items(c, id, def, err);
    }
    if (rc == WD_OK && changed) {
        rc = wake_planners(c, err);
    }
    *ret = !changed ? PUT_SAME : f.exists && !f.retired ? PUT_CHANGED : PUT_NEW;
    return rc == WD_ENOTFOUND ? wd_error(err, WD_EAGAIN, "others put it, too")
                              : rc;
}


int
ingestion_store_put_one(wd_pg_conn_t *c, const ingestion_collection_t *def,
                        const ingestion_source_t *source, ingestion_put_e *ret,
                        wd_error_t *err)
{
    int       rc;
    wd_buf_t  json = WD_BUF_INIT;
    wd_json_t j;

    wd_json_init(&j, &json);
    ingestion_collection_json(def, &j);
    rc = json.err != WD_OK
             ? wd_error(err, json.err, "no memory for the definition")
             : put(c, def, source, wd_buf_view(&json), ret, err);
    wd_buf_done(&json);
    return rc;
}


int
ingestion_store_put(wd_pg_conn_t *c, const ingestion_collection_t *def,
                    const ingestion_source_t *source, ingestion_put_e *ret,
                    wd_error_t *err)
{
    int rc;

    rc = wd_pg_begin(c, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_store_put_one(c, def, source, ret, err);
    if (rc == WD_OK) {
        return wd_pg_commit(c, err);
    }
    wd_pg_rollback(c);
    return rc;
}


/* ---- files -------------------------------------------------------------- */

int
ingestion_store_mark(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "SAVEPOINT file", NULL, 0, NULL, err);
}


int
ingestion_store_back(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "ROLLBACK TO SAVEPOINT file", NULL, 0, NULL, err);
}


int
ingestion_store_retire_gone(wd_pg_conn_t *c, const char *origin,
                            const wd_str_t *names, size_t n_names,
                            const wd_str_t *bad, size_t n_bad, int64_t *ret_n,
                            wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(origin), wd_pg_texts(names, n_names),
                         wd_pg_texts(bad, n_bad)};

    rc = wd_pg_exec(
        c,
        "WITH gone AS (UPDATE collection SET retired_at = now(), "
        "version = nextval('collection_version') "
        "WHERE source = 'file' AND origin = $1 AND retired_at IS NULL "
        "AND name <> ALL($2::text[]) AND file <> ALL($3::text[]) "
        "RETURNING id) "
        "SELECT count(*), count(collection_drop(id, true)) FROM gone",
        p, wd_array_len(p), &res, err);
    if (rc == WD_OK) {
        *ret_n = wd_pg_get_int(res, 0, 0);
        PQclear(res);
    }
    return rc;
}


int
ingestion_store_files_lock(wd_pg_conn_t *c, const char *origin, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_text_z(origin)};

    return wd_pg_exec(c,
                      "SELECT pg_advisory_xact_lock(hashtext('collections'), "
                      "hashtext($1))",
                      p, wd_array_len(p), NULL, err);
}


int
ingestion_store_files_clear(wd_pg_conn_t *c, const char *origin,
                            wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_text_z(origin)};

    return wd_pg_exec(c, "DELETE FROM collection_file WHERE origin = $1", p,
                      wd_array_len(p), NULL, err);
}


int
ingestion_store_files_add(wd_pg_conn_t *c, const char *origin, const char *file,
                          const char *error, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_text_z(origin), wd_pg_text_z(file),
                         wd_pg_text_z(error)};

    return wd_pg_exec(c,
                      "INSERT INTO collection_file (origin, file, error) "
                      "VALUES ($1, $2, nullif($3, '')) "
                      "ON CONFLICT (origin, file) DO UPDATE SET "
                      "read_at = now(), error = excluded.error",
                      p, wd_array_len(p), NULL, err);
}


/* ---- by name ------------------------------------------------------------ */

/* Begins a transaction and finds it; without success, the end of both. */
static int
begin_with(wd_pg_conn_t *c, const char *name, found_t *ret, wd_error_t *err)
{
    int rc;

    rc = wd_pg_begin(c, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = find(c, name, ret, err);
    if (rc == WD_OK && (!ret->exists || ret->retired)) {
        rc = WD_ENOTFOUND;
    }
    if (rc != WD_OK) {
        wd_pg_rollback(c);
    }
    return rc;
}


static int
end_with(wd_pg_conn_t *c, int rc, wd_error_t *err)
{
    if (rc == WD_OK) {
        rc = wake_planners(c, err);
    }
    if (rc == WD_OK) {
        return wd_pg_commit(c, err);
    }
    wd_pg_rollback(c);
    return rc;
}


int
ingestion_store_retire(wd_pg_conn_t *c, const char *name, wd_error_t *err)
{
    int     rc;
    found_t f;

    rc = begin_with(c, name, &f, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (!f.api) {
        rc = wd_error(err, WD_EEXIST, "it is defined by the file %.100s",
                      f.file);
    } else {
        wd_pg_param_t p[] = {wd_pg_int(f.id)};

        rc = wd_pg_exec(c,
                        "UPDATE collection SET retired_at = now(), "
                        "version = nextval('collection_version') "
                        "WHERE id = $1",
                        p, wd_array_len(p), NULL, err);
        if (rc == WD_OK) {
            rc = wd_pg_exec(c, "SELECT collection_drop($1, true)", p,
                            wd_array_len(p), NULL, err);
        }
    }
    return end_with(c, rc, err);
}


int
ingestion_store_hold(wd_pg_conn_t *c, int64_t collection, bool paused,
                     wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(collection)};

    return wd_pg_exec(c,
                      paused ? "SELECT collection_hold($1)"
                             : "SELECT collection_release($1)",
                      p, wd_array_len(p), NULL, err);
}


int
ingestion_store_pause(wd_pg_conn_t *c, const char *name, bool paused,
                      wd_error_t *err)
{
    int     rc;
    found_t f;

    rc = begin_with(c, name, &f, err);
    if (rc == WD_OK) {
        wd_pg_param_t p[] = {wd_pg_int(f.id), wd_pg_bool(paused)};

        rc = wd_pg_exec(c, "UPDATE collection SET paused = $2 WHERE id = $1", p,
                        wd_array_len(p), NULL, err);
        if (rc == WD_OK) {
            rc = ingestion_store_hold(c, f.id, paused, err);
        }
        rc = end_with(c, rc, err);
    }
    return rc;
}


int
ingestion_store_run(wd_pg_conn_t *c, const char *name, int64_t *ret_n,
                    wd_error_t *err)
{
    int       rc;
    found_t   f;
    PGresult *res;

    rc = begin_with(c, name, &f, err);
    if (rc != WD_OK) {
        return rc;
    }

    wd_pg_param_t p[] = {wd_pg_int(f.id)};
    rc = wd_pg_exec(c,
                    "UPDATE collection_slice SET not_before = now() "
                    "WHERE collection = $1 AND job IS NULL",
                    p, wd_array_len(p), NULL, err);
    if (rc == WD_OK) {
        rc = wd_pg_exec(c,
                        "UPDATE collection_item SET live_at = NULL, "
                        "stopped_class = NULL, fill_class = NULL "
                        "FROM collection c WHERE c.id = $1 AND NOT c.paused "
                        "AND collection = c.id AND active RETURNING 1",
                        p, wd_array_len(p), &res, err);
    }
    if (rc == WD_OK) {
        *ret_n = PQntuples(res);
        PQclear(res);
        if (*ret_n == 0) {
            rc = wd_error(err, WD_EEXIST,
                          f.paused ? "it is paused: resume it first"
                                   : "it has no runs: a stream goes on by "
                                     "itself");
        }
    }
    return end_with(c, rc, err);
}


int
ingestion_collections_identifiers(wd_pg_conn_t *c, const char *provider,
                                  const char *dataset,
                                  void (*fn)(void *arg, wd_str_t identifier),
                                  void *arg, wd_error_t *err)
{
    int           rc, i;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider), wd_pg_text_z(dataset)};

    rc = wd_pg_exec(c,
                    "SELECT DISTINCT jsonb_array_elements_text("
                    "definition->'instruments') AS i FROM collection "
                    "WHERE provider = $1 AND dataset = $2 "
                    "AND retired_at IS NULL AND NOT paused ORDER BY i",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < PQntuples(res); i++) {
        fn(arg, wd_pg_get_str(res, i, 0));
    }
    PQclear(res);
    return WD_OK;
}
