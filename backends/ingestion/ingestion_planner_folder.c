/*
 * ingestion_planner_folder.c - the files of collections, taken over into the
 * database.
 */
#include "ingestion_planner_int.h"

#include "ingestion_collection_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


static char *
make_origin(const char *folder)
{
    char host[256] = "", *origin = NULL;

    gethostname(host, sizeof(host) - 1);
    return asprintf(&origin, "%s:%s", host, folder) < 0 ? NULL : origin;
}


/*
 * A name that somebody made by request spoils the whole file, as any other
 * error does: half of a file would be a surprise.
 */
static int
put_file(ingestion_planner_t *p, ingestion_file_t *f, wd_error_t *err)
{
    int                      rc = WD_OK;
    size_t                   i;
    ingestion_put_e          what;
    const ingestion_source_t source = {
        .origin = p->origin, .file = f->name, .by = WD_STR("file")};

    rc = ingestion_store_mark(p->t.pg, err);
    for (i = 0; i < f->collections.n && rc == WD_OK; i++) {
        rc = ingestion_store_put_one(p->t.pg, &f->collections.v[i], &source,
                                     &what, err);
        if (rc == WD_OK && what != PUT_SAME) {
            wd_log_info(p->log, "collection is defined", "collection",
                        f->collections.v[i].name, "file", f->name, "change",
                        what == PUT_NEW ? "new" : "changed");
        }
    }
    if (rc == WD_EEXIST) {
        f->bad = true;
        snprintf(f->error, sizeof(f->error), "%s:%d: [%s] %s", f->name,
                 f->collections.v[i - 1].line, f->collections.v[i - 1].name,
                 err->text);
        rc = ingestion_store_back(p->t.pg, err);
    }
    return rc;
}


/* What no file names any more; of files that are bad, nothing is known. */
static int
retire_gone(ingestion_planner_t *p, const ingestion_folder_t *folder,
            wd_error_t *err)
{
    int       rc;
    size_t    f, i, n_names = 0, n_bad = 0, cap = 0;
    int64_t   n;
    wd_str_t *names, *bad;

    for (f = 0; f < folder->n; f++) {
        cap += folder->v[f].collections.n;
    }
    names = calloc(cap + 1, sizeof(*names));
    bad = calloc(folder->n + 1, sizeof(*bad));
    if (names == NULL || bad == NULL) {
        free(names);
        free(bad);
        return wd_error(err, WD_ENOMEM, "no memory");
    }
    for (f = 0; f < folder->n; f++) {
        if (folder->v[f].bad) {
            bad[n_bad++] = wd_str_z(folder->v[f].name);
            continue;
        }
        for (i = 0; i < folder->v[f].collections.n; i++) {
            names[n_names++] = wd_str_z(folder->v[f].collections.v[i].name);
        }
    }
    rc = ingestion_store_retire_gone(p->t.pg, p->origin, names, n_names, bad,
                                     n_bad, &n, err);
    if (rc == WD_OK && n != 0) {
        wd_log_info(p->log, "collections are in no file any more, retired",
                    "collections", n);
    }
    free(names);
    free(bad);
    return rc;
}


static int
note_files(ingestion_planner_t *p, const ingestion_folder_t *folder,
           wd_error_t *err)
{
    int    rc;
    size_t f;

    rc = ingestion_store_files_clear(p->t.pg, p->origin, err);
    if (rc == WD_OK && folder->error[0] != '\0') {
        rc = ingestion_store_files_add(p->t.pg, p->origin, "", folder->error,
                                       err);
    }
    for (f = 0; f < folder->n && rc == WD_OK; f++) {
        rc = ingestion_store_files_add(
            p->t.pg, p->origin, folder->v[f].name,
            folder->v[f].bad ? folder->v[f].error : "", err);
    }
    return rc;
}


static int
store_folder(ingestion_planner_t *p, ingestion_folder_t *folder,
             wd_error_t *err)
{
    int    rc = WD_OK;
    size_t f;

    for (f = 0; f < folder->n && rc == WD_OK; f++) {
        if (!folder->v[f].bad) {
            rc = put_file(p, &folder->v[f], err);
        }
    }
    if (rc == WD_OK && !folder->unreadable) {
        rc = retire_gone(p, folder, err);
    }
    return rc == WD_OK ? note_files(p, folder, err) : rc;
}


/* Told once for each reading, when it is known to all. */
static void
tell(ingestion_planner_t *p, const ingestion_folder_t *folder)
{
    size_t f, bad = folder->error[0] != '\0';

    if (folder->error[0] != '\0') {
        wd_log_error(p->log, "collections cannot be read, the old ones stay",
                     "reason", folder->error);
    }
    for (f = 0; f < folder->n; f++) {
        if (folder->v[f].bad) {
            bad++;
            wd_log_error(p->log,
                         "file of collections is refused, its old ones stay",
                         "reason", folder->v[f].error);
        }
    }
    pthread_mutex_lock(&p->lock);
    p->state.bad_files = bad;
    pthread_mutex_unlock(&p->lock);
}


static int
load(ingestion_planner_t *p, ingestion_folder_t *folder, wd_error_t *err)
{
    int rc;

    rc = wd_pg_begin(p->t.pg, err);
    if (rc == WD_OK) {
        rc = ingestion_store_files_lock(p->t.pg, p->origin, err);
    }
    if (rc == WD_OK) {
        rc = ingestion_folder_read(p->folder, folder);
    }
    if (rc == WD_OK) {
        rc = store_folder(p, folder, err);
    }
    if (rc == WD_OK) {
        return wd_pg_commit(p->t.pg, err);
    }
    wd_pg_rollback(p->t.pg);
    return rc;
}


int
planner_load(ingestion_planner_t *p, wd_error_t *err)
{
    int                rc;
    ingestion_folder_t folder = {.n = 0};

    if (p->origin == NULL) {
        p->origin = make_origin(p->folder);
    }
    rc = p->origin != NULL ? load(p, &folder, err)
                           : wd_error(err, WD_ENOMEM, "no memory");
    if (rc == WD_OK) {
        tell(p, &folder);
    }
    ingestion_folder_done(&folder);
    return rc;
}
