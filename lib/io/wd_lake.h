/*
 * wd_lake.h - the raw archive: put-once objects and a manifest that shows
 * tampering. Directory driver.
 *
 * Object:   <root>/raw/<provider>/<dataset>/<yyyy>/<mm>/<dd>/<seq>-<hash>.zst
 * Manifest: <root>/manifest.ndjson, one row per object, ended and synced
 * after its object. A row holds the SHA-256 of the row before it. The
 * sequence numbers are 1, 2, 3, ... without gaps. What a process that is
 * killed leaves of an object and its row counts for nobody; the next open or
 * put removes it.
 *
 * Several processes may put at the same time (file lock). All functions wait
 * for the disk: worker threads only.
 */
#ifndef WD_LAKE_H
#define WD_LAKE_H

#include "wd_buf.h"
#include "wd_time.h"

#define WD_LAKE_OBJECT_MAX (256u * 1024 * 1024) /* uncompressed bytes */
#define WD_LAKE_ROW_MAX 8192 /* bytes of a manifest row */

typedef struct wd_lake wd_lake_t;

typedef struct {
    int64_t seq;
    wd_ns_t fetched_at; /* knowledge time of everything in it */
    int64_t size; /* uncompressed bytes */
    char    key[200]; /* path below the root */
    char    sha256[65]; /* of the uncompressed bytes */
    char    provider[32];
    char    dataset[32];
    char    args[1024]; /* JSON object: what was asked for, no secrets */
    char    headers[2048]; /* JSON object of texts; "": none were kept */
    char    content_type[64];
    int     http_status;
    char    prev[65]; /* SHA-256 of the row before; 64 zeros for the first */
} wd_lake_row_t;

/* Creates what is missing. WD_ECONFIG, WD_EIO, WD_ESTORAGE with *err. */
wd_must_check int wd_lake_open(const char *root, wd_lake_t **ret,
                               wd_error_t *err);

/*
 * For those who only read: creates nothing, changes nothing. A folder without
 * a manifest is an empty lake.
 */
wd_must_check int wd_lake_open_read(const char *root, wd_lake_t **ret,
                                    wd_error_t *err);

void wd_lake_close(wd_lake_t *lake); /* NULL is accepted */

/*
 * Stores bytes; the caller fills fetched_at, provider, dataset, args, headers,
 * content_type, http_status of *row, the rest is filled here. When it
 * returns WD_OK both object and row are on disk (fsync). A failed sync makes
 * this handle refuse further puts. WD_ESTORAGE: disk full, nothing was kept.
 */
wd_must_check int wd_lake_put(wd_lake_t *lake, wd_lake_row_t *row,
                              wd_str_t bytes, wd_error_t *err);

/* The object's bytes; its hash is verified: WD_EPROTO when it differs. */
wd_must_check int wd_lake_get(wd_lake_t *lake, const char *key,
                              const char *sha256, wd_buf_t *out,
                              wd_error_t *err);

/*
 * Rows with seq > after, in order; fn returns false to stop. Reads from a
 * remembered position, so a tail costs only what is new.
 */
wd_must_check int wd_lake_rows(wd_lake_t *lake, int64_t after,
                               bool (*fn)(const wd_lake_row_t *row, void *arg),
                               void *arg, wd_error_t *err);

/*
 * Whoever tells others of rows that it read makes sure first that they are on
 * disk: a row can be seen while its writer syncs it, or has died before.
 */
wd_must_check int wd_lake_sync(wd_lake_t *lake, wd_error_t *err);

/* Sequence number of the last row; 0 for an empty lake. */
int64_t wd_lake_last(wd_lake_t *lake);

/* Walks the chain and, if `objects`, every object. *ret_seq: first bad row. */
wd_must_check int wd_lake_verify(wd_lake_t *lake, bool objects,
                                 int64_t *ret_rows, int64_t *ret_seq,
                                 wd_error_t *err);

/* The event that announces a row: what topic raw.object carries. */
void wd_lake_event(const wd_lake_row_t *row, wd_buf_t *out);

#endif /* WD_LAKE_H */
