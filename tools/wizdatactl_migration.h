/*
 * wizdatactl_migration.h - migration files: NNNN_name.sql in a directory.
 */
#ifndef WIZDATACTL_MIGRATION_H
#define WIZDATACTL_MIGRATION_H

#include "wd_buf.h"

#define CTL_MIGRATION_MAX (4 * 1024 * 1024) /* bytes of a file */

typedef struct {
    int32_t  version;
    char     name[128]; /* "0001_core.sql" */
    char     sha256[65];
    wd_buf_t sql; /* zero-terminated */
} ctl_migration_t;

/*
 * All migrations of a directory in order of version; other files are
 * skipped. WD_OK and the caller's *ret; WD_ENOTFOUND, WD_EEXIST (a version
 * twice), WD_EIO, WD_ETOOBIG, WD_ENOMEM with *err.
 */
wd_must_check int ctl_migrations_read(const char *dir, ctl_migration_t **ret,
                                      size_t *ret_n, wd_error_t *err);
void              ctl_migrations_free(ctl_migration_t *m, size_t n);

/* The version of "0001_core.sql"; false for names of another form. */
bool ctl_migration_version(const char *name, int32_t *ret);

#endif /* WIZDATACTL_MIGRATION_H */
