/*
 * wizdatactl_migrate.c - brings the database's tables up to date.
 *
 * Forward only. Each file and its row in schema_migration are one
 * transaction, so a failure leaves whole steps. An applied file that has
 * changed since is refused: the database would not be what the files say.
 */
#include "wizdatactl.h"
#include "wizdatactl_migration.h"

#include "wd_pg.h"

#include <stdio.h>
#include <stdlib.h>

/* Of pg_advisory_lock(): "wizdata" as a number, so that nobody else has it. */
#define CTL_MIGRATE_LOCK INT64_C(0x77697a64617461)

typedef struct {
    const ctl_t     *ctl;
    const char      *dir;
    ctl_migration_t *files;
    size_t           n_files;
    wd_pg_conn_t    *conn;
    PGresult        *rows; /* applied: version, name, sha256, applied_at */
} ctl_migrate_t;


static int
ctl_migrate_open(ctl_migrate_t *m)
{
    int        rc;
    char      *url;
    wd_error_t err = {0};

    rc = ctl_setting(m->ctl, "database", "url", "postgresql:///wizdata", &url);
    if (rc != CTL_OK) {
        return rc;
    }

    rc = wd_pg_connect(url, "wizdatactl", &m->conn, &err);
    explicit_bzero(url, strlen(url));
    free(url);
    if (rc != WD_OK) {
        return ctl_fail(m->ctl, WD_EDB,
                        "cannot connect to the database: %s; set "
                        "WIZDATA_DATABASE_URL=postgresql://user@host/name",
                        err.text);
    }
    return CTL_OK;
}


/* Waits for another run, then sees what it did. */
static int
ctl_migrate_lock(ctl_migrate_t *m)
{
    wd_error_t          err = {0};
    const wd_pg_param_t key = wd_pg_int(CTL_MIGRATE_LOCK);

    if (wd_pg_exec(m->conn, "SELECT pg_advisory_lock($1)", &key, 1, NULL, &err)
            != WD_OK
        || wd_pg_script(m->conn,
                        "CREATE TABLE IF NOT EXISTS schema_migration ("
                        " version integer PRIMARY KEY,"
                        " name text NOT NULL,"
                        " sha256 text NOT NULL,"
                        " applied_at timestamptz NOT NULL DEFAULT now())",
                        &err)
               != WD_OK) {
        return ctl_fail(m->ctl, err.code, "cannot prepare the database: %s",
                        err.text);
    }
    return CTL_OK;
}


static int
ctl_migrate_read_rows(ctl_migrate_t *m)
{
    wd_error_t err = {0};

    if (wd_pg_exec(m->conn,
                   "SELECT version, name, sha256, applied_at"
                   " FROM schema_migration ORDER BY version",
                   NULL, 0, &m->rows, &err)
        != WD_OK) {
        return ctl_fail(m->ctl, err.code, "cannot read schema_migration: %s",
                        err.text);
    }
    return CTL_OK;
}


/* The row of a version, or -1. */
static int
ctl_migrate_row(const ctl_migrate_t *m, int32_t version)
{
    int row;

    for (row = 0; row < PQntuples(m->rows); row++) {
        if (wd_pg_get_int(m->rows, row, 0) == version) {
            return row;
        }
    }
    return -1;
}


static int32_t
ctl_migrate_last(const ctl_migrate_t *m)
{
    int n = PQntuples(m->rows);

    return n != 0 ? (int32_t) wd_pg_get_int(m->rows, n - 1, 0) : 0;
}


/* "applied", "pending", "changed" since it was applied, "late". */
static const char *
ctl_migrate_state(const ctl_migrate_t *m, const ctl_migration_t *file)
{
    int row = ctl_migrate_row(m, file->version);

    if (row < 0) {
        return file->version > ctl_migrate_last(m) ? "pending" : "late";
    }
    return wd_str_eq_z(wd_pg_get_str(m->rows, row, 2), file->sha256)
               ? "applied"
               : "changed";
}


static const ctl_migration_t *
ctl_migrate_file(const ctl_migrate_t *m, int64_t version)
{
    size_t i;

    for (i = 0; i < m->n_files; i++) {
        if (m->files[i].version == version) {
            return &m->files[i];
        }
    }
    return NULL;
}


/* ---- showing ------------------------------------------------------------ */

static json_t *
ctl_migrate_json(const ctl_migrate_t *m, int64_t version, wd_str_t name,
                 const char *state)
{
    int     row = ctl_migrate_row(m, (int32_t) version);
    char    at[WD_TIME_TEXT_MAX];
    json_t *applied_at;

    applied_at = json_null();
    if (row >= 0) {
        wd_time_format(wd_pg_get_ts(m->rows, row, 3), at);
        applied_at = json_string(at);
    }
    return json_pack("{s:I, s:o, s:s, s:o}", "version", (json_int_t) version,
                     "name", json_stringn(name.data, name.len), "state", state,
                     "applied_at", applied_at);
}


/* Rows without a file: a newer release was here. */
static bool
ctl_migrate_add_missing(const ctl_migrate_t *m, json_t *list)
{
    int     row;
    bool    any = false;
    int64_t version;

    for (row = 0; row < PQntuples(m->rows); row++) {
        version = wd_pg_get_int(m->rows, row, 0);
        if (ctl_migrate_file(m, version) == NULL) {
            any = true;
            json_array_append_new(
                list,
                ctl_migrate_json(m, version, wd_pg_get_str(m->rows, row, 1),
                                 "missing"));
        }
    }
    return any;
}


static int
ctl_migrate_show(const ctl_migrate_t *m)
{
    bool                      bad = false;
    size_t                    i;
    json_t                   *list = json_array();
    const char               *state;
    static const ctl_column_t columns[] = {
        {"VERSION", "version"},
        {"NAME", "name"},
        {"STATE", "state"},
        {"APPLIED", "applied_at"},
    };

    for (i = 0; i < m->n_files; i++) {
        state = ctl_migrate_state(m, &m->files[i]);
        bad = bad || strcmp(state, "changed") == 0
              || strcmp(state, "late") == 0;
        json_array_append_new(list, ctl_migrate_json(m, m->files[i].version,
                                                     wd_str_z(m->files[i].name),
                                                     state));
    }
    bad = ctl_migrate_add_missing(m, list) || bad;

    if (m->ctl->json) {
        ctl_print_json(json_pack("{s:o}", "migrations", list));
    } else {
        ctl_print_table(list, columns, wd_array_len(columns));
        json_decref(list);
    }
    return bad ? CTL_FAILED : CTL_OK;
}


/* ---- applying ----------------------------------------------------------- */

static int
ctl_migrate_refuse(const ctl_migrate_t *m)
{
    int         row;
    size_t      i;
    const char *state;

    for (i = 0; i < m->n_files; i++) {
        state = ctl_migrate_state(m, &m->files[i]);
        if (strcmp(state, "changed") == 0) {
            return ctl_fail(m->ctl, WD_EINVAL,
                            "%s has changed since it was applied; restore the "
                            "file and put the change into a new one",
                            m->files[i].name);
        }
        if (strcmp(state, "late") == 0) {
            return ctl_fail(m->ctl, WD_EINVAL,
                            "%s is new, but %04d was applied already; give it "
                            "a higher number",
                            m->files[i].name, (int) ctl_migrate_last(m));
        }
    }

    for (row = 0; row < PQntuples(m->rows); row++) {
        if (ctl_migrate_file(m, wd_pg_get_int(m->rows, row, 0)) == NULL) {
            return ctl_fail(m->ctl, WD_EINVAL,
                            "%.*s was applied, but is not in %s: the database "
                            "is newer than this release",
                            WD_STR_ARG(wd_pg_get_str(m->rows, row, 1)), m->dir);
        }
    }
    return CTL_OK;
}


static int
ctl_migrate_apply_in(wd_pg_conn_t *c, const ctl_migration_t *file,
                     wd_error_t *err)
{
    int                 rc;
    const wd_pg_param_t params[] = {
        wd_pg_int(file->version),
        wd_pg_text_z(file->name),
        wd_pg_text_z(file->sha256),
    };

    rc = wd_pg_begin(c, err);
    if (rc == WD_OK) {
        rc = wd_pg_script(c, (const char *) file->sql.data, err);
    }
    if (rc == WD_OK && PQtransactionStatus(wd_pg_raw(c)) != PQTRANS_INTRANS) {
        rc = wd_error(err, WD_EINVAL, "the file ends its own transaction");
    }
    if (rc == WD_OK) {
        rc = wd_pg_exec(c,
                        "INSERT INTO schema_migration (version, name, sha256)"
                        " VALUES ($1::bigint, $2, $3)",
                        params, wd_array_len(params), NULL, err);
    }
    return rc == WD_OK ? wd_pg_commit(c, err) : rc;
}


static int
ctl_migrate_apply(const ctl_migrate_t *m, const ctl_migration_t *file)
{
    bool       undone;
    wd_error_t err = {0};

    if (ctl_migrate_apply_in(m->conn, file, &err) == WD_OK) {
        if (!m->ctl->json) {
            printf("applied %s\n", file->name);
        }
        return CTL_OK;
    }

    undone = PQtransactionStatus(wd_pg_raw(m->conn)) == PQTRANS_INERROR;
    if (undone) {
        wd_pg_rollback(m->conn);
    }
    return ctl_fail(m->ctl, err.code, "%s: %s%s", file->name, err.text,
                    undone ? "; nothing of it was kept" : "");
}


static int
ctl_migrate_all(const ctl_migrate_t *m)
{
    int     rc;
    size_t  i;
    json_t *applied;

    rc = ctl_migrate_refuse(m);
    if (rc != CTL_OK) {
        return rc;
    }

    applied = json_array();
    for (i = 0; rc == CTL_OK && i < m->n_files; i++) {
        if (strcmp(ctl_migrate_state(m, &m->files[i]), "pending") == 0) {
            rc = ctl_migrate_apply(m, &m->files[i]);
            json_array_append_new(applied, json_string(m->files[i].name));
        }
    }

    if (rc == CTL_OK && m->ctl->json) {
        ctl_print_json(json_pack("{s:O, s:i}", "applied", applied, "version",
                                 (int) m->files[m->n_files - 1].version));
    } else if (rc == CTL_OK && json_array_size(applied) == 0) {
        printf("up to date at version %d\n",
               (int) m->files[m->n_files - 1].version);
    }
    json_decref(applied);
    return rc;
}


static int
ctl_migrate_run(ctl_migrate_t *m)
{
    int rc;

    rc = ctl_migrate_open(m);
    if (rc == CTL_OK) {
        rc = ctl_migrate_lock(m);
    }
    if (rc == CTL_OK) {
        rc = ctl_migrate_read_rows(m);
    }
    if (rc == CTL_OK) {
        rc = ctl_option(m->ctl, "status") != NULL ? ctl_migrate_show(m)
                                                  : ctl_migrate_all(m);
    }

    PQclear(m->rows);
    wd_pg_disconnect(m->conn); /* unlocks */
    return rc;
}


int
ctl_migrate(ctl_t *ctl)
{
    int           rc;
    wd_error_t    err = {0};
    ctl_migrate_t m = {.ctl = ctl, .dir = ctl_option(ctl, "dir")};

    if (m.dir == NULL) {
        m.dir = getenv("WIZDATA_MIGRATIONS");
    }
    if (m.dir == NULL || *m.dir == '\0') {
        m.dir = WIZDATA_MIGRATIONS_DIR;
    }

    if (ctl_migrations_read(m.dir, &m.files, &m.n_files, &err) != WD_OK) {
        return ctl_fail(ctl, err.code, "%s; give the directory with --dir",
                        err.text);
    }

    rc = ctl_migrate_run(&m);
    ctl_migrations_free(m.files, m.n_files);
    return rc;
}
