/*
 * wd_lake.c - directory driver of the raw archive.
 */
#include "wd_lake_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define WD_LAKE_ZSTD_LEVEL 3


/* The folder of a key, or -1. */
static int
wd_lake_open_parent(int root_fd, const char *key)
{
    char        dir[sizeof(((wd_lake_row_t *) 0)->key)];
    const char *slash = strrchr(key, '/');

    wd_str_copy(dir, sizeof(dir), wd_str(key, (size_t) (slash - key)));
    return openat(root_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}


/*
 * mkdir -p for the folders of a key; syncs each that is new. Looking first
 * matters: mkdir() of a folder that exists waits for the file system's
 * journal, which is busy with somebody's fsync.
 */
static int
wd_lake_mkdirs(int root_fd, const char *path)
{
    int    fd;
    char   part[256];
    size_t i;

    fd = wd_lake_open_parent(root_fd, path);
    if (fd >= 0) {
        close(fd);
        return 0;
    }

    for (i = 1; path[i - 1] != '\0' && i < sizeof(part); i++) {
        if (path[i] != '/') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdirat(root_fd, part, 0750) == 0) {
            fd = openat(root_fd, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (fd >= 0) {
                fsync(fd);
                close(fd);
            }
        } else if (errno != EEXIST) {
            return -1;
        }
    }
    return 0;
}


static int
wd_lake_new(const char *root, wd_lake_t **ret, wd_error_t *err)
{
    wd_lake_t *lake;

    lake = calloc(1, sizeof(*lake));
    if (lake == NULL || (lake->root = strdup(root)) == NULL) {
        free(lake);
        return wd_error(err, WD_ENOMEM, "no memory for the lake");
    }

    pthread_mutex_init(&lake->lock, NULL);
    lake->root_fd = lake->lock_fd = lake->manifest = -1;
    memcpy(lake->last_hash, WD_LAKE_ZERO_HASH, sizeof(lake->last_hash));
    *ret = lake;
    return WD_OK;
}


/* Both locks: of this process's threads, and of the processes. */
static int
wd_lake_lock(wd_lake_t *lake, wd_error_t *err)
{
    pthread_mutex_lock(&lake->lock);
    if (flock(lake->lock_fd, LOCK_EX) != 0) {
        pthread_mutex_unlock(&lake->lock);
        return wd_lake_errno(err, "lake lock");
    }
    return WD_OK;
}


static void
wd_lake_unlock(wd_lake_t *lake)
{
    flock(lake->lock_fd, LOCK_UN);
    pthread_mutex_unlock(&lake->lock);
}


/* Up to date, and free of what somebody who died left. With both locks. */
static int
wd_lake_clean(wd_lake_t *lake, wd_error_t *err)
{
    int rc = wd_lake_refresh(lake, err);

    return rc == WD_OK ? wd_lake_sweep(lake, err) : rc;
}


int
wd_lake_open(const char *root, wd_lake_t **ret, wd_error_t *err)
{
    int        rc;
    wd_lake_t *lake;

    rc = wd_lake_new(root, &lake, err);
    if (rc != WD_OK) {
        return rc;
    }

    if (mkdir(root, 0750) == 0 || errno == EEXIST) {
        lake->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (lake->root_fd >= 0) {
        lake->lock_fd = openat(lake->root_fd, "lock",
                               O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    }
    if (lake->lock_fd >= 0) {
        lake->manifest = openat(lake->root_fd, "manifest.ndjson",
                                O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    }

    rc = lake->manifest < 0 ? wd_lake_errno(err, root)
                            : wd_lake_lock(lake, err);
    if (rc == WD_OK) {
        rc = wd_lake_clean(lake, err);
        wd_lake_unlock(lake);
    }
    if (rc != WD_OK) {
        wd_lake_close(lake);
        return rc;
    }

    *ret = lake;
    return WD_OK;
}


int
wd_lake_open_read(const char *root, wd_lake_t **ret, wd_error_t *err)
{
    int        rc;
    wd_lake_t *lake;

    rc = wd_lake_new(root, &lake, err);
    if (rc != WD_OK) {
        return rc;
    }

    lake->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lake->root_fd >= 0) {
        lake->manifest = openat(lake->root_fd, "manifest.ndjson",
                                O_RDONLY | O_CLOEXEC);
    }

    /* Without a manifest the lake is empty as yet. */
    if (lake->root_fd < 0 || (lake->manifest < 0 && errno != ENOENT)) {
        rc = wd_lake_errno(err, root);
    } else {
        rc = wd_lake_refresh(lake, err);
    }
    if (rc != WD_OK) {
        wd_lake_close(lake);
        return rc;
    }

    *ret = lake;
    return WD_OK;
}


void
wd_lake_close(wd_lake_t *lake)
{
    if (lake == NULL) {
        return;
    }

    if (lake->root_fd >= 0) {
        close(lake->root_fd);
    }
    if (lake->lock_fd >= 0) {
        close(lake->lock_fd);
    }
    if (lake->manifest >= 0) {
        close(lake->manifest);
    }
    pthread_mutex_destroy(&lake->lock);
    free(lake->root);
    free(lake);
}


static int
wd_lake_sync_parent(wd_lake_t *lake, const char *key)
{
    int fd, rc;

    fd = wd_lake_open_parent(lake->root_fd, key);
    if (fd < 0) {
        return -1;
    }
    rc = fsync(fd);
    close(fd);
    return rc;
}


/* Object first, under a temporary name, so that a key is whole or absent. */
static int
wd_lake_write_object(wd_lake_t *lake, const char *key, const wd_buf_t *z,
                     wd_error_t *err)
{
    int  fd, rc;
    char tmp[WD_LAKE_TMP_MAX];

    wd_lake_tmp(key, tmp);
    if (wd_lake_mkdirs(lake->root_fd, key) != 0) {
        return wd_lake_errno(err, "lake folder");
    }

    fd = openat(lake->root_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                0640);
    if (fd < 0) {
        return wd_lake_errno(err, "lake object");
    }

    if (wd_lake_write_all(fd, z->data, z->len) != 0) {
        rc = wd_lake_errno(err, "lake object");
        close(fd);
        unlinkat(lake->root_fd, tmp, 0);
        return rc;
    }

    if (fsync(fd) != 0) {
        rc = wd_lake_errno(err, "sync of a lake object");
        lake->poisoned = rc != WD_ESTORAGE;
        close(fd);
        unlinkat(lake->root_fd, tmp, 0);
        return rc;
    }
    close(fd);

    if (renameat(lake->root_fd, tmp, lake->root_fd, key) != 0) {
        rc = wd_lake_errno(err, "lake object");
        unlinkat(lake->root_fd, tmp, 0);
        return rc;
    }
    if (wd_lake_sync_parent(lake, key) != 0) {
        rc = wd_lake_errno(err, "sync of a lake folder");
        lake->poisoned = true;
        return rc;
    }
    return WD_OK;
}


/* The row is begun; nothing is kept of what fails. */
static int
wd_lake_put_object(wd_lake_t *lake, const wd_lake_row_t *row, const wd_buf_t *z,
                   const wd_buf_t *line, wd_error_t *err)
{
    int rc;

    rc = wd_lake_write_object(lake, row->key, z, err);
    if (rc == WD_OK) {
        rc = wd_lake_end_row(lake, row, line, err);
    }
    if (rc != WD_OK && !lake->poisoned) {
        unlinkat(lake->root_fd, row->key, 0);
        if (wd_lake_take_back(lake, NULL) != WD_OK) { /* poisoned now */
        }
    }
    return rc;
}


/* With both locks held. */
static int
wd_lake_put_locked(wd_lake_t *lake, wd_lake_row_t *row, const wd_buf_t *z,
                   wd_error_t *err)
{
    int        rc;
    wd_buf_t   line;
    wd_civil_t c;

    rc = wd_lake_clean(lake, err);
    if (rc != WD_OK) {
        return rc;
    }

    row->seq = lake->last + 1;
    memcpy(row->prev, lake->last_hash, sizeof(row->prev));
    wd_time_to_civil(row->fetched_at, &c);
    snprintf(row->key, sizeof(row->key),
             "raw/%s/%s/%04d/%02d/%02d/%lld-%.16s.zst", row->provider,
             row->dataset, c.year, c.month, c.day, (long long) row->seq,
             row->sha256);

    wd_buf_init(&line, WD_LAKE_ROW_MAX);
    rc = wd_lake_begin_row(lake, row, &line, err);
    if (rc == WD_OK) {
        rc = wd_lake_put_object(lake, row, z, &line, err);
    }
    wd_buf_done(&line);
    return rc;
}


static int
wd_lake_compress(wd_str_t bytes, wd_buf_t *out)
{
    size_t n, cap = ZSTD_compressBound(bytes.len);

    if (wd_buf_reserve(out, cap) == NULL) {
        return out->err;
    }
    n = ZSTD_compress(out->data, cap, bytes.data, bytes.len,
                      WD_LAKE_ZSTD_LEVEL);
    if (ZSTD_isError(n)) {
        return WD_EINTERNAL;
    }
    out->len = n;
    return WD_OK;
}


int
wd_lake_put(wd_lake_t *lake, wd_lake_row_t *row, wd_str_t bytes,
            wd_error_t *err)
{
    int      rc;
    wd_buf_t z;

    if (bytes.len > WD_LAKE_OBJECT_MAX) {
        return wd_error(err, WD_ETOOBIG, "the object is too long");
    }
    if (lake->lock_fd < 0) {
        return wd_error(err, WD_EIO, "the lake was opened for reading only");
    }

    row->size = (int64_t) bytes.len;
    wd_lake_sha256(bytes, row->sha256);

    wd_buf_init(&z, 0);
    rc = wd_lake_compress(bytes, &z);
    if (rc != WD_OK) {
        wd_buf_done(&z);
        return wd_error(err, rc, "the object cannot be compressed");
    }

    rc = wd_lake_lock(lake, err);
    if (rc == WD_OK) {
        rc = lake->poisoned ? wd_error(
                 err, WD_EIO, "an earlier sync failed; restart after a check")
                            : wd_lake_put_locked(lake, row, &z, err);
        wd_lake_unlock(lake);
    }

    wd_buf_done(&z);
    return rc;
}


static int
wd_lake_read_file(wd_lake_t *lake, const char *key, wd_buf_t *out,
                  wd_error_t *err)
{
    int     fd;
    ssize_t n = 0;

    if (key[0] == '/' || strstr(key, "..") != NULL) {
        return wd_error(err, WD_EINVAL, "not a lake key");
    }

    fd = openat(lake->root_fd, key, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT
                   ? wd_error(err, WD_ENOTFOUND, "no lake object %s", key)
                   : wd_lake_errno(err, key);
    }

    while (wd_buf_reserve(out, WD_LAKE_READ) != NULL
           && (n = read(fd, out->data + out->len, WD_LAKE_READ)) > 0) {
        out->len += (size_t) n;
    }
    close(fd);

    if (n < 0) {
        return wd_lake_errno(err, key);
    }
    return out->err != WD_OK ? wd_error(err, out->err, "object too long")
                             : WD_OK;
}


int
wd_lake_get(wd_lake_t *lake, const char *key, const char *sha256, wd_buf_t *out,
            wd_error_t *err)
{
    int                rc;
    char               hash[65];
    size_t             n;
    wd_buf_t           z;
    unsigned long long size;

    wd_buf_init(&z, WD_LAKE_OBJECT_MAX);
    rc = wd_lake_read_file(lake, key, &z, err);
    if (rc != WD_OK) {
        wd_buf_done(&z);
        return rc;
    }

    size = ZSTD_getFrameContentSize(z.data, z.len);
    if (size > WD_LAKE_OBJECT_MAX
        || (size != 0 && wd_buf_reserve(out, size) == NULL)) {
        wd_buf_done(&z);
        return wd_error(err, WD_EPROTO, "lake object %s is damaged", key);
    }

    n = ZSTD_decompress(out->data + out->len, size, z.data, z.len);
    wd_buf_done(&z);
    if (ZSTD_isError(n) || n != size) {
        return wd_error(err, WD_EPROTO, "lake object %s is damaged", key);
    }

    wd_lake_sha256(wd_str((char *) out->data + out->len, n), hash);
    out->len += n;
    if (strcmp(hash, sha256) != 0) {
        return wd_error(err, WD_EPROTO, "lake object %s was changed", key);
    }
    return WD_OK;
}
