/*
 * wd_lake_int.h - what wd_lake.c (objects) and wd_lake_manifest.c (rows)
 * share; for them alone.
 */
#ifndef WD_LAKE_INT_H
#define WD_LAKE_INT_H

#include "wd_lake.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/types.h>

#define WD_LAKE_READ (256 * 1024)

/* What stands as `prev` in the first row. */
#define WD_LAKE_ZERO_HASH \
    "0000000000000000000000000000000000000000000000000000000000000000"

struct wd_lake {
    pthread_mutex_t lock; /* the fields below; never held while calling out */
    char           *root;
    int             root_fd;
    int             lock_fd; /* flock: one writer at a time */
    int             manifest; /* read and append */
    bool            poisoned; /* a sync failed: what is on disk is unknown */

    off_t   tail; /* bytes of the manifest that were read */
    int64_t last; /* sequence number of the row before `tail` */
    char    last_hash[65];

    off_t   seen_at; /* where wd_lake_rows() stopped */
    int64_t seen;
};

/* Hexadecimal, with its zero. */
void wd_lake_sha256(wd_str_t bytes, char out[65]);

/* Fills *err from errno: WD_ESTORAGE when the disk is full, else WD_EIO. */
int wd_lake_errno(wd_error_t *err, const char *what);

/* 0, or -1 with errno. */
int wd_lake_write_all(int fd, const void *data, size_t n);

/* Takes in what other processes appended; with the lock held. */
wd_must_check int wd_lake_refresh(wd_lake_t *lake, wd_error_t *err);

/*
 * Adding an object, with both locks held and after a refresh: its row is
 * begun, written without its end of line; the object is stored; then the row
 * is ended and synced. A row counts when its line has ended. One that only
 * began names what a crash may have left beside it, for wd_lake_sweep().
 *
 * Where begin fails, nothing is left of the row. Where the object or the end
 * fails, it is taken back, unless the lake is poisoned.
 */
wd_must_check int wd_lake_begin_row(wd_lake_t *lake, const wd_lake_row_t *row,
                                    wd_buf_t *line, wd_error_t *err);
wd_must_check int wd_lake_end_row(wd_lake_t *lake, const wd_lake_row_t *row,
                                  const wd_buf_t *line, wd_error_t *err);
wd_must_check int wd_lake_take_back(wd_lake_t *lake, wd_error_t *err);

/*
 * Removes what somebody who died left behind the last whole row: the object
 * that was being added, then the begun row. With both locks held, after a
 * refresh.
 */
wd_must_check int wd_lake_sweep(wd_lake_t *lake, wd_error_t *err);

/* An object's name while it is written. */
#define WD_LAKE_TMP_MAX (sizeof(((wd_lake_row_t *) 0)->key) + 8)

static inline void
wd_lake_tmp(const char *key, char out[WD_LAKE_TMP_MAX])
{
    snprintf(out, WD_LAKE_TMP_MAX, "%s.tmp", key);
}

#endif /* WD_LAKE_INT_H */
