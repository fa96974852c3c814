/*
 * wizdatactl_migration.c - reading and hashing migration files.
 */
#include "wizdatactl_migration.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define CTL_VERSION_DIGITS 4


bool
ctl_migration_version(const char *name, int32_t *ret)
{
    int     i;
    size_t  len = strlen(name);
    int32_t version = 0;

    for (i = 0; i < CTL_VERSION_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return false;
        }
        version = version * 10 + name[i] - '0';
    }

    *ret = version;
    return version > 0 && name[CTL_VERSION_DIGITS] == '_'
           && len > CTL_VERSION_DIGITS + 1 + 4
           && strcmp(name + len - 4, ".sql") == 0;
}


static int
ctl_migration_load(ctl_migration_t *m, const char *dir, wd_error_t *err)
{
    FILE   *f;
    char    path[4096];
    size_t  n;
    uint8_t hash[crypto_hash_sha256_BYTES], chunk[8192];

    snprintf(path, sizeof(path), "%s/%s", dir, m->name);
    f = fopen(path, "re");
    if (f == NULL) {
        return wd_error(err, WD_EIO, "%s: %s", path, strerror(errno));
    }

    while ((n = fread(chunk, 1, sizeof(chunk), f)) != 0) {
        wd_buf_append(&m->sql, chunk, n);
    }
    n = (size_t) ferror(f);
    fclose(f);

    if (n != 0 || m->sql.err != WD_OK) {
        return wd_error(err, n != 0 ? WD_EIO : m->sql.err,
                        "%s cannot be read as a whole", path);
    }
    if (m->sql.len != 0 && memchr(m->sql.data, '\0', m->sql.len) != NULL) {
        return wd_error(err, WD_EINVAL, "%s holds a zero byte", path);
    }

    crypto_hash_sha256(hash, m->sql.data, m->sql.len);
    wd_hex_encode(hash, sizeof(hash), m->sha256);
    wd_buf_cstr(&m->sql);
    return m->sql.err == WD_OK ? WD_OK : wd_error(err, m->sql.err, "no memory");
}


static int
ctl_migration_compare(const void *a, const void *b)
{
    const ctl_migration_t *x = a, *y = b;

    return (x->version > y->version) - (x->version < y->version);
}


/* The names that are migrations, sorted. */
static int
ctl_migrations_list(DIR *d, ctl_migration_t **ret, size_t *ret_n,
                    wd_error_t *err)
{
    size_t           n = 0;
    int32_t          version;
    struct dirent   *e;
    ctl_migration_t *all = NULL, *more;

    while ((e = readdir(d)) != NULL) {
        if (!ctl_migration_version(e->d_name, &version)
            || strlen(e->d_name) >= sizeof(all->name)) {
            continue;
        }
        more = realloc(all, (n + 1) * sizeof(*all));
        if (more == NULL) {
            ctl_migrations_free(all, n);
            return wd_error(err, WD_ENOMEM, "no memory");
        }
        all = more;
        memset(&all[n], 0, sizeof(*all));
        all[n].version = version;
        wd_str_copy(all[n].name, sizeof(all[n].name), wd_str_z(e->d_name));
        wd_buf_init(&all[n++].sql, CTL_MIGRATION_MAX);
    }

    if (n != 0) {
        qsort(all, n, sizeof(*all), ctl_migration_compare);
    }
    *ret = all;
    *ret_n = n;
    return WD_OK;
}


static int
ctl_migrations_load(ctl_migration_t *all, size_t n, const char *dir,
                    wd_error_t *err)
{
    int    rc = WD_OK;
    size_t i;

    for (i = 0; rc == WD_OK && i < n; i++) {
        if (i != 0 && all[i].version == all[i - 1].version) {
            return wd_error(err, WD_EEXIST, "%s and %s have the same number",
                            all[i - 1].name, all[i].name);
        }
        rc = ctl_migration_load(&all[i], dir, err);
    }
    return rc;
}


int
ctl_migrations_read(const char *dir, ctl_migration_t **ret, size_t *ret_n,
                    wd_error_t *err)
{
    DIR             *d;
    int              rc;
    size_t           n = 0;
    ctl_migration_t *all = NULL;

    d = opendir(dir);
    if (d == NULL) {
        return wd_error(err, WD_ENOTFOUND, "%s: %s", dir, strerror(errno));
    }
    rc = ctl_migrations_list(d, &all, &n, err);
    closedir(d);
    if (rc != WD_OK) {
        return rc;
    }

    rc = n != 0 ? ctl_migrations_load(all, n, dir, err)
                : wd_error(err, WD_ENOTFOUND,
                           "%s has no files named NNNN_name.sql", dir);
    if (rc != WD_OK) {
        ctl_migrations_free(all, n);
        return rc;
    }

    *ret = all;
    *ret_n = n;
    return WD_OK;
}


void
ctl_migrations_free(ctl_migration_t *m, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        wd_buf_done(&m[i].sql);
    }
    free(m);
}
