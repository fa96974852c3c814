/*
 * wd_lake.c - directory driver of the raw archive.
 */
#include "wd_lake.h"

#include "wd_json.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define WD_LAKE_ZSTD_LEVEL 3
#define WD_LAKE_READ (256 * 1024)

static const char wd_lake_zero_hash[65] =
    "0000000000000000000000000000000000000000000000000000000000000000";

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


static void
wd_lake_sha256(wd_str_t bytes, char out[65])
{
    unsigned char hash[32];

    /* libcrypto's uses the processor's SHA instructions; this is hot. */
    if (EVP_Digest(bytes.data != NULL ? bytes.data : "", bytes.len, hash,
                   NULL, EVP_sha256(), NULL)
        != 1) {
        abort(); /* a fixed algorithm over memory cannot fail */
    }
    wd_hex_encode(hash, sizeof(hash), out);
}


static int
wd_lake_errno(wd_error_t *err, const char *what)
{
    if (errno == ENOSPC || errno == EDQUOT) {
        return wd_error(err, WD_ESTORAGE, "%s: the disk is full", what);
    }
    return wd_error(err, WD_EIO, "%s: %s", what, strerror(errno));
}


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


static void
wd_lake_get_str(const json_t *o, const char *name, char *out, size_t cap)
{
    const json_t *v = json_object_get(o, name);

    wd_str_copy(out, cap,
                wd_str(json_string_value(v), json_string_length(v)));
}


static int
wd_lake_row_parse(wd_str_t line, wd_lake_row_t *row)
{
    int     rc;
    char    when[WD_TIME_TEXT_MAX], *args;
    json_t *o;

    o = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
    if (o == NULL) {
        return WD_EPROTO;
    }

    memset(row, 0, sizeof(*row));
    row->seq = json_integer_value(json_object_get(o, "seq"));
    row->size = json_integer_value(json_object_get(o, "size"));
    row->http_status =
        (int) json_integer_value(json_object_get(o, "http_status"));
    wd_lake_get_str(o, "key", row->key, sizeof(row->key));
    wd_lake_get_str(o, "sha256", row->sha256, sizeof(row->sha256));
    wd_lake_get_str(o, "provider", row->provider, sizeof(row->provider));
    wd_lake_get_str(o, "dataset", row->dataset, sizeof(row->dataset));
    wd_lake_get_str(o, "content_type", row->content_type,
                    sizeof(row->content_type));
    wd_lake_get_str(o, "prev", row->prev, sizeof(row->prev));
    wd_lake_get_str(o, "fetched_at", when, sizeof(when));

    args = json_dumps(json_object_get(o, "args"), JSON_COMPACT);
    wd_str_copy(row->args, sizeof(row->args), wd_str_z(args));
    free(args);
    json_decref(o);

    rc = wd_time_parse(wd_str_z(when), &row->fetched_at, NULL);
    if (rc != WD_OK || row->seq < 1 || row->key[0] == '\0'
        || strlen(row->sha256) != 64 || strlen(row->prev) != 64) {
        return WD_EPROTO;
    }
    return WD_OK;
}


static void
wd_lake_row_write(const wd_lake_row_t *row, wd_buf_t *out)
{
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "seq");
    wd_json_int(&j, row->seq);
    wd_json_key(&j, "key");
    wd_json_z(&j, row->key);
    wd_json_key(&j, "sha256");
    wd_json_z(&j, row->sha256);
    wd_json_key(&j, "size");
    wd_json_int(&j, row->size);
    wd_json_key(&j, "fetched_at");
    wd_json_time(&j, row->fetched_at);
    wd_json_key(&j, "provider");
    wd_json_z(&j, row->provider);
    wd_json_key(&j, "dataset");
    wd_json_z(&j, row->dataset);
    wd_json_key(&j, "args");
    wd_json_raw(&j, wd_str_z(row->args[0] != '\0' ? row->args : "{}"));
    wd_json_key(&j, "http_status");
    wd_json_int(&j, row->http_status);
    wd_json_key(&j, "content_type");
    wd_json_z(&j, row->content_type);
    wd_json_key(&j, "prev");
    wd_json_z(&j, row->prev);
    wd_json_end(&j);
}


/*
 * Calls fn for every whole line behind *at, which moves. fn: false stops
 * behind that line.
 */
static int
wd_lake_lines(int fd, off_t *at, bool (*fn)(wd_str_t line, void *arg),
              void *arg)
{
    ssize_t  n;
    uint8_t *p, *nl;
    size_t   used;
    wd_buf_t buf;
    bool     go = true;

    wd_buf_init(&buf, 0);
    while (go && wd_buf_reserve(&buf, WD_LAKE_READ) != NULL) {
        n = pread(fd, buf.data + buf.len, WD_LAKE_READ,
                  *at + (off_t) buf.len);
        if (n <= 0) {
            break;
        }
        buf.len += (size_t) n;

        used = 0;
        while (go
               && (nl = memchr(buf.data + used, '\n', buf.len - used))
                      != NULL) {
            p = buf.data + used;
            used = (size_t) (nl - buf.data) + 1;
            go = fn(wd_str((char *) p, (size_t) (nl - p)), arg);
        }
        *at += (off_t) used;
        wd_buf_consume(&buf, used);

        if (buf.len > WD_LAKE_ROW_MAX) {
            wd_buf_done(&buf);
            return WD_EPROTO;
        }
    }

    n = buf.err;
    wd_buf_done(&buf);
    return (int) n;
}


typedef struct {
    wd_lake_t *lake;
    int        rc;
} wd_lake_tail_t;


static bool
wd_lake_on_tail(wd_str_t line, void *arg)
{
    wd_lake_row_t   row;
    wd_lake_tail_t *t = arg;

    t->rc = wd_lake_row_parse(line, &row);
    if (t->rc == WD_OK && row.seq != t->lake->last + 1) {
        t->rc = WD_EPROTO;
    }
    if (t->rc != WD_OK) {
        return false;
    }

    t->lake->last = row.seq;
    wd_lake_sha256(line, t->lake->last_hash);
    return true;
}


/* A reader may have come before the writer made the manifest. */
static int
wd_lake_manifest(wd_lake_t *lake)
{
    if (lake->manifest < 0) {
        lake->manifest = openat(lake->root_fd, "manifest.ndjson",
                                O_RDONLY | O_CLOEXEC);
    }
    return lake->manifest;
}


/* Takes in what other processes appended. */
static int
wd_lake_refresh(wd_lake_t *lake, wd_error_t *err)
{
    int            rc;
    wd_lake_tail_t t = {lake, WD_OK};

    rc = wd_lake_lines(wd_lake_manifest(lake), &lake->tail, wd_lake_on_tail, &t);
    if (rc == WD_OK) {
        rc = t.rc;
    }
    if (rc != WD_OK) {
        return wd_error(err, rc,
                        "the manifest is damaged behind row %lld; run "
                        "`wizdatactl lake verify`",
                        (long long) lake->last);
    }
    return WD_OK;
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
    memcpy(lake->last_hash, wd_lake_zero_hash, sizeof(lake->last_hash));
    *ret = lake;
    return WD_OK;
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
                            : wd_lake_refresh(lake, err);
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
wd_lake_write_all(int fd, const void *data, size_t n)
{
    ssize_t     w;
    const char *p = data;

    while (n != 0) {
        w = write(fd, p, n);
        if (w < 0 && errno == EINTR) {
            continue;
        }
        if (w <= 0) {
            return -1;
        }
        p += w;
        n -= (size_t) w;
    }
    return 0;
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
    char tmp[256];

    snprintf(tmp, sizeof(tmp), "%s.tmp", key);
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

    if (renameat(lake->root_fd, tmp, lake->root_fd, key) != 0
        || wd_lake_sync_parent(lake, key) != 0) {
        return wd_lake_errno(err, "lake object");
    }
    return WD_OK;
}


static int
wd_lake_append_row(wd_lake_t *lake, const wd_lake_row_t *row, wd_error_t *err)
{
    int      rc = WD_OK;
    wd_buf_t line;

    wd_buf_init(&line, WD_LAKE_ROW_MAX);
    wd_lake_row_write(row, &line);
    wd_buf_byte(&line, '\n');
    if (line.err != WD_OK) {
        wd_buf_done(&line);
        return wd_error(err, WD_ETOOBIG, "the manifest row is too long");
    }

    if (wd_lake_write_all(lake->manifest, line.data, line.len) != 0) {
        rc = wd_lake_errno(err, "manifest");
        if (ftruncate(lake->manifest, lake->tail) != 0) {
            lake->poisoned = true;
        }
    } else if (fdatasync(lake->manifest) != 0) {
        rc = wd_lake_errno(err, "sync of the manifest");
        lake->poisoned = true;
    } else {
        lake->tail += (off_t) line.len;
        lake->last = row->seq;
        wd_lake_sha256(wd_str((char *) line.data, line.len - 1),
                       lake->last_hash);
    }

    wd_buf_done(&line);
    return rc;
}


/* With both locks held. */
static int
wd_lake_put_locked(wd_lake_t *lake, wd_lake_row_t *row, const wd_buf_t *z,
                   wd_error_t *err)
{
    int        rc;
    wd_civil_t c;

    rc = wd_lake_refresh(lake, err);
    if (rc != WD_OK) {
        return rc;
    }

    /* A torn last line is what a crash left of a row nobody was told of. */
    if (ftruncate(lake->manifest, lake->tail) != 0) {
        return wd_lake_errno(err, "manifest");
    }

    row->seq = lake->last + 1;
    memcpy(row->prev, lake->last_hash, sizeof(row->prev));
    wd_time_to_civil(row->fetched_at, &c);
    snprintf(row->key, sizeof(row->key),
             "raw/%s/%s/%04d/%02d/%02d/%lld-%.16s.zst", row->provider,
             row->dataset, c.year, c.month, c.day, (long long) row->seq,
             row->sha256);

    rc = wd_lake_write_object(lake, row->key, z, err);
    return rc != WD_OK ? rc : wd_lake_append_row(lake, row, err);
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

    pthread_mutex_lock(&lake->lock);
    if (lake->poisoned) {
        rc = wd_error(err, WD_EIO,
                      "an earlier sync failed; restart after a check");
    } else if (flock(lake->lock_fd, LOCK_EX) != 0) {
        rc = wd_lake_errno(err, "lake lock");
    } else {
        rc = wd_lake_put_locked(lake, row, &z, err);
        flock(lake->lock_fd, LOCK_UN);
    }
    pthread_mutex_unlock(&lake->lock);

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
wd_lake_get(wd_lake_t *lake, const char *key, const char *sha256,
            wd_buf_t *out, wd_error_t *err)
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


typedef struct {
    int64_t after;
    int64_t seen;
    int     rc;
    bool (*fn)(const wd_lake_row_t *row, void *arg);
    void *arg;
} wd_lake_walk_t;


static bool
wd_lake_on_row(wd_str_t line, void *arg)
{
    wd_lake_row_t   row;
    wd_lake_walk_t *w = arg;

    w->rc = wd_lake_row_parse(line, &row);
    if (w->rc != WD_OK) {
        return false;
    }
    w->seen = row.seq;
    return row.seq <= w->after || w->fn(&row, w->arg);
}


int
wd_lake_rows(wd_lake_t *lake, int64_t after,
             bool (*fn)(const wd_lake_row_t *row, void *arg), void *arg,
             wd_error_t *err)
{
    int            rc, fd;
    off_t          at = 0;
    wd_lake_walk_t w = {after, 0, WD_OK, fn, arg};

    pthread_mutex_lock(&lake->lock);
    if (lake->seen <= after) {
        at = lake->seen_at;
        w.seen = lake->seen;
    }
    fd = wd_lake_manifest(lake);
    pthread_mutex_unlock(&lake->lock);

    rc = wd_lake_lines(fd, &at, wd_lake_on_row, &w);
    if (rc == WD_OK) {
        rc = w.rc;
    }
    if (rc != WD_OK) {
        return wd_error(err, rc, "the manifest is damaged behind row %lld",
                        (long long) w.seen);
    }

    pthread_mutex_lock(&lake->lock);
    lake->seen_at = at;
    lake->seen = w.seen;
    pthread_mutex_unlock(&lake->lock);
    return WD_OK;
}


int64_t
wd_lake_last(wd_lake_t *lake)
{
    int64_t last;

    pthread_mutex_lock(&lake->lock);
    /* A damaged manifest is reported by whoever reads or writes it. */
    if (wd_lake_refresh(lake, NULL) != WD_OK) { /* void */
    }
    last = lake->last;
    pthread_mutex_unlock(&lake->lock);
    return last;
}


typedef struct {
    wd_lake_t  *lake;
    bool        objects;
    int64_t     rows;
    int64_t     bad;
    char        hash[65];
    wd_error_t *err;
} wd_lake_check_t;


static bool
wd_lake_on_check(wd_str_t line, void *arg)
{
    int              rc = WD_OK;
    wd_buf_t         bytes;
    wd_lake_row_t    row;
    wd_lake_check_t *c = arg;

    if (wd_lake_row_parse(line, &row) != WD_OK || row.seq != c->rows + 1
        || strcmp(row.prev, c->hash) != 0) {
        c->bad = c->rows + 1;
        wd_error(c->err, WD_EPROTO,
                 "row %lld does not continue the chain of hashes",
                 (long long) c->bad);
        return false;
    }

    if (c->objects) {
        wd_buf_init(&bytes, 0);
        rc = wd_lake_get(c->lake, row.key, row.sha256, &bytes, c->err);
        wd_buf_done(&bytes);
    }
    if (rc != WD_OK) {
        c->bad = row.seq;
        return false;
    }

    c->rows = row.seq;
    wd_lake_sha256(line, c->hash);
    return true;
}


int
wd_lake_verify(wd_lake_t *lake, bool objects, int64_t *ret_rows,
               int64_t *ret_seq, wd_error_t *err)
{
    int             rc;
    off_t           at = 0;
    wd_lake_check_t c = {lake, objects, 0, 0, "", err};

    memcpy(c.hash, wd_lake_zero_hash, sizeof(c.hash));
    rc = wd_lake_lines(lake->manifest, &at, wd_lake_on_check, &c);
    *ret_rows = c.rows;
    *ret_seq = c.bad;
    if (rc != WD_OK) {
        return wd_error(err, rc, "the manifest cannot be read");
    }
    return c.bad != 0 ? WD_EPROTO : WD_OK;
}


void
wd_lake_event(const wd_lake_row_t *row, wd_buf_t *out)
{
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "seq");
    wd_json_int(&j, row->seq);
    wd_json_key(&j, "key");
    wd_json_z(&j, row->key);
    wd_json_key(&j, "sha256");
    wd_json_z(&j, row->sha256);
    wd_json_key(&j, "provider");
    wd_json_z(&j, row->provider);
    wd_json_key(&j, "dataset");
    wd_json_z(&j, row->dataset);
    wd_json_key(&j, "args");
    wd_json_raw(&j, wd_str_z(row->args[0] != '\0' ? row->args : "{}"));
    wd_json_key(&j, "size");
    wd_json_int(&j, row->size);
    wd_json_key(&j, "fetched_at");
    wd_json_time(&j, row->fetched_at);
    wd_json_key(&j, "http_status");
    wd_json_int(&j, row->http_status);
    wd_json_key(&j, "content_type");
    wd_json_z(&j, row->content_type);
    wd_json_end(&j);
}
