/*
 * ingestion_archive.c - the lake and the memory of what it got last.
 */
#include "ingestion_archive.h"

#include "wd_map.h"
#include "wd_metrics.h"

#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Each attempt costs a call of a provider: after a failure few are made. */
#define FAILED_NS (30 * WD_NS_PER_S)

/* What the lake got last for a question. */
typedef struct {
    wd_ns_t fetched_at;
    char    sha256[65];
} last_t;

struct ingestion_archive {
    pthread_mutex_t lock; /* all below */
    wd_lake_t      *lake;
    char           *root;
    uint64_t        reserve;
    wd_map_t       *last; /* provider, dataset, args: last_t */
    int64_t         seen; /* manifest rows that `last` knows */
    wd_ns_t         failed_at; /* last put that failed; 0: it succeeded */
    int             failed_rc;
    char            error[WD_ERROR_TEXT_MAX];
};


int
ingestion_archive_open(const char *root, uint64_t reserve,
                       ingestion_archive_t **ret, wd_error_t *err)
{
    int                  rc;
    ingestion_archive_t *a;

    a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the archive");
    }
    pthread_mutex_init(&a->lock, NULL);
    a->reserve = reserve;
    a->root = strdup(root);
    a->last = wd_map_create();
    rc = a->root == NULL || a->last == NULL
             ? wd_error(err, WD_ENOMEM, "no memory for the archive")
             : wd_lake_open(root, &a->lake, err);
    if (rc != WD_OK) {
        ingestion_archive_close(a);
        return rc;
    }
    *ret = a;
    return WD_OK;
}


void
ingestion_archive_close(ingestion_archive_t *a)
{
    size_t   pos = 0;
    void    *v;
    wd_str_t key;

    if (a == NULL) {
        return;
    }
    wd_lake_close(a->lake);
    while (a->last != NULL && wd_map_next(a->last, &pos, &key, &v)) {
        free(v);
    }
    wd_map_destroy(a->last);
    free(a->root);
    pthread_mutex_destroy(&a->lock);
    free(a);
}


static wd_str_t
question(char *out, size_t cap, const char *provider, const char *dataset,
         const char *args)
{
    int n = snprintf(out, cap, "%s/%s/%s", provider, dataset, args);

    return wd_str(out, wd_min((size_t) n, cap - 1));
}


static void
remember(ingestion_archive_t *a, wd_str_t key, const wd_lake_row_t *row)
{
    void   *old = NULL;
    last_t *last = wd_map_get(a->last, key);

    if (last == NULL) {
        last = malloc(sizeof(*last));
        if (last == NULL || wd_map_set(a->last, key, last, &old) != WD_OK) {
            free(last); /* costs an object that could have been saved */
            return;
        }
    }
    last->fetched_at = row->fetched_at;
    wd_str_copy(last->sha256, sizeof(last->sha256), wd_str_z(row->sha256));
}


static bool
on_row(const wd_lake_row_t *row, void *arg)
{
    char                 key[1200];
    ingestion_archive_t *a = arg;

    a->seen = row->seq;
    if (strcmp(row->provider, INGESTION_PUSH) != 0) {
        remember(
            a,
            question(key, sizeof(key), row->provider, row->dataset, row->args),
            row);
    }
    return true;
}


static void
count(const char *provider, const char *dataset, const ingestion_archived_t *r,
      size_t bytes)
{
    if (r->duplicate) {
        wd_metric(WD_MX_LAKE_DUPLICATES, 1, provider, dataset, NULL);
        return;
    }
    wd_metric(WD_MX_LAKE_OBJECTS, 1, provider, dataset, NULL);
    wd_metric(WD_MX_LAKE_BYTES, (double) bytes, provider, NULL, NULL);
}


/* With the lock held. */
static int
put(ingestion_archive_t *a, wd_lake_row_t *row, wd_str_t bytes,
    ingestion_archived_t *ret, wd_error_t *err)
{
    int           rc;
    char          key[1200];
    wd_str_t      q;
    const last_t *last;
    unsigned char hash[crypto_hash_sha256_BYTES];

    /* Without the rows of others a payload may be stored twice: harmless. */
    rc = wd_lake_rows(a->lake, a->seen, on_row, a, err);
    if (rc != WD_OK) {
        return rc;
    }

    crypto_hash_sha256(hash, (const unsigned char *) bytes.data, bytes.len);
    wd_hex_encode(hash, sizeof(hash), ret->sha256);
    q = question(key, sizeof(key), row->provider, row->dataset, row->args);
    last = wd_map_get(a->last, q);
    ret->duplicate = last != NULL && strcmp(last->sha256, ret->sha256) == 0;
    ret->since = ret->duplicate ? last->fetched_at : ret->fetched_at;
    ret->seq = 0;
    if (ret->duplicate) {
        return WD_OK;
    }

    rc = wd_lake_put(a->lake, row, bytes, err);
    if (rc == WD_OK) {
        ret->seq = row->seq;
        remember(a, q, row);
    }
    return rc;
}


/* With the lock held: what came of a put. */
static void
note(ingestion_archive_t *a, int rc, const wd_error_t *err)
{
    a->failed_at = rc == WD_OK ? 0 : wd_monotonic();
    a->failed_rc = rc;
    wd_str_copy(a->error, sizeof(a->error),
                rc == WD_OK ? WD_STR("") : wd_str_z(err->text));
}


/* A row as the caller says; the rest is the lake's. */
static int
begin_row(wd_lake_row_t *row, const char *provider, const char *dataset,
          const char *args, const char *content_type, wd_error_t *err)
{
    memset(row, 0, sizeof(*row));
    row->fetched_at = wd_now();
    wd_str_copy(row->provider, sizeof(row->provider), wd_str_z(provider));
    wd_str_copy(row->dataset, sizeof(row->dataset), wd_str_z(dataset));
    wd_str_copy(row->content_type, sizeof(row->content_type),
                wd_str_z(content_type));
    wd_str_copy(row->args, sizeof(row->args), wd_str_z(args));
    return strlen(args) < sizeof(row->args)
               ? WD_OK
               : wd_error(err, WD_ETOOBIG, "the arguments are too long");
}


bool
ingestion_archive_has(ingestion_archive_t *a, const char *provider,
                      const char *dataset, const char *args, const char *sha256)
{
    bool          has = false;
    char          key[1200];
    wd_error_t    err = {0};
    const last_t *last;

    pthread_mutex_lock(&a->lock);
    if (wd_lake_rows(a->lake, a->seen, on_row, a, &err) == WD_OK) {
        last = wd_map_get(a->last,
                          question(key, sizeof(key), provider, dataset, args));
        has = last != NULL && strcmp(last->sha256, sha256) == 0;
    }
    pthread_mutex_unlock(&a->lock);
    return has;
}


int
ingestion_archive_put(ingestion_archive_t *a, const char *provider,
                      const char *dataset, const char *args,
                      const char *headers, const wd_http_res_t *res,
                      ingestion_archived_t *ret, wd_error_t *err)
{
    int           rc;
    wd_lake_row_t row;

    rc = begin_row(&row, provider, dataset, args, res->content_type, err);
    if (rc == WD_OK && strlen(headers) >= sizeof(row.headers)) {
        rc = wd_error(err, WD_ETOOBIG, "the arguments are too long");
    }
    if (rc != WD_OK) {
        return rc;
    }
    row.http_status = res->status;
    ret->fetched_at = row.fetched_at;
    wd_str_copy(row.headers, sizeof(row.headers), wd_str_z(headers));

    pthread_mutex_lock(&a->lock);
    rc = put(a, &row, wd_buf_view(&res->body), ret, err);
    note(a, rc, err);
    pthread_mutex_unlock(&a->lock);

    if (rc == WD_OK) {
        count(provider, dataset, ret, res->body.len);
    }
    return rc;
}


int
ingestion_archive_add(ingestion_archive_t *a, const char *dataset,
                      const char *args, const char *content_type,
                      wd_str_t bytes, int64_t *ret_seq, wd_error_t *err)
{
    int                  rc;
    wd_lake_row_t        row;
    ingestion_archived_t r = {0};

    rc = begin_row(&row, INGESTION_PUSH, dataset, args, content_type, err);
    if (rc != WD_OK) {
        return rc;
    }
    row.http_status = 200;

    rc = wd_lake_put(a->lake, &row, bytes, err);
    pthread_mutex_lock(&a->lock);
    note(a, rc, err);
    pthread_mutex_unlock(&a->lock);

    if (rc == WD_OK) {
        *ret_seq = row.seq;
        count(INGESTION_PUSH, dataset, &r, bytes.len);
    }
    return rc;
}


int
ingestion_archive_rows(ingestion_archive_t *a, int64_t after,
                       bool (*fn)(const wd_lake_row_t *row, void *arg),
                       void *arg, wd_error_t *err)
{
    return wd_lake_rows(a->lake, after, fn, arg, err);
}


void
ingestion_archive_state(ingestion_archive_t *a, ingestion_archive_state_t *ret)
{
    struct statvfs fs;

    memset(ret, 0, sizeof(*ret));
    pthread_mutex_lock(&a->lock);
    wd_str_copy(ret->error, sizeof(ret->error), wd_str_z(a->error));
    ret->writable = a->failed_at == 0
                    || wd_monotonic() - a->failed_at > FAILED_NS;
    ret->full = !ret->writable && a->failed_rc == WD_ESTORAGE;
    pthread_mutex_unlock(&a->lock);

    ret->objects = wd_lake_last(a->lake);
    ret->writable = ret->writable
                    && faccessat(AT_FDCWD, a->root, W_OK, AT_EACCESS) == 0;
    ret->free_bytes = -1;
    if (statvfs(a->root, &fs) == 0) {
        ret->free_bytes = (int64_t) fs.f_bavail * (int64_t) fs.f_frsize;
        ret->full |= (uint64_t) ret->free_bytes < a->reserve;
    }
}
