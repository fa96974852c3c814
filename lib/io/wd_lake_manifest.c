/*
 * wd_lake_manifest.c - the manifest of the lake: rows, their chain of hashes,
 * appending, tailing, verifying.
 */
#include "wd_json.h"
#include "wd_lake_int.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


void
wd_lake_sha256(wd_str_t bytes, char out[65])
{
    unsigned char hash[32];

    /* libcrypto's uses the processor's SHA instructions; this is hot. */
    if (EVP_Digest(bytes.data != NULL ? bytes.data : "", bytes.len, hash, NULL,
                   EVP_sha256(), NULL)
        != 1) {
        abort(); /* a fixed algorithm over memory cannot fail */
    }
    wd_hex_encode(hash, sizeof(hash), out);
}


int
wd_lake_errno(wd_error_t *err, const char *what)
{
    if (errno == ENOSPC || errno == EDQUOT) {
        return wd_error(err, WD_ESTORAGE, "%s: the disk is full", what);
    }
    return wd_error(err, WD_EIO, "%s: %s", what, strerror(errno));
}


int
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


static void
wd_lake_get_str(const json_t *o, const char *name, char *out, size_t cap)
{
    const json_t *v = json_object_get(o, name);

    wd_str_copy(out, cap, wd_str(json_string_value(v), json_string_length(v)));
}


/* As compact text; "" when there is none. */
static void
wd_lake_get_object(const json_t *o, const char *name, char *out, size_t cap)
{
    char *text = json_dumps(json_object_get(o, name), JSON_COMPACT);

    wd_str_copy(out, cap, wd_str_z(text));
    free(text);
}


static int
wd_lake_row_parse(wd_str_t line, wd_lake_row_t *row)
{
    int     rc;
    char    when[WD_TIME_TEXT_MAX];
    json_t *o;

    o = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
    if (o == NULL) {
        return WD_EPROTO;
    }

    memset(row, 0, sizeof(*row));
    row->seq = json_integer_value(json_object_get(o, "seq"));
    row->size = json_integer_value(json_object_get(o, "size"));
    row->http_status = (int) json_integer_value(
        json_object_get(o, "http_status"));
    wd_lake_get_str(o, "key", row->key, sizeof(row->key));
    wd_lake_get_str(o, "sha256", row->sha256, sizeof(row->sha256));
    wd_lake_get_str(o, "provider", row->provider, sizeof(row->provider));
    wd_lake_get_str(o, "dataset", row->dataset, sizeof(row->dataset));
    wd_lake_get_str(o, "content_type", row->content_type,
                    sizeof(row->content_type));
    wd_lake_get_str(o, "prev", row->prev, sizeof(row->prev));
    wd_lake_get_str(o, "fetched_at", when, sizeof(when));

    wd_lake_get_object(o, "args", row->args, sizeof(row->args));
    wd_lake_get_object(o, "headers", row->headers, sizeof(row->headers));
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
    if (row->headers[0] != '\0') { /* older rows have none */
        wd_json_key(&j, "headers");
        wd_json_raw(&j, wd_str_z(row->headers));
    }
    wd_json_key(&j, "prev");
    wd_json_z(&j, row->prev);
    wd_json_end(&j);
}


/*
 * Calls fn for every whole line behind *at, which moves. fn: false stops
 * behind that line. fd -1: no manifest yet, no lines.
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

    if (fd < 0) {
        return WD_OK;
    }

    wd_buf_init(&buf, 0);
    while (go && wd_buf_reserve(&buf, WD_LAKE_READ) != NULL) {
        n = pread(fd, buf.data + buf.len, WD_LAKE_READ, *at + (off_t) buf.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            /* Not the end: what we do not see must not be cut off. */
            wd_buf_done(&buf);
            return WD_EIO;
        }
        if (n == 0) {
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

        /* Of somebody who wants no more, whole rows are left. */
        if (go && buf.len > WD_LAKE_ROW_MAX) {
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
    off_t      good; /* end of the last row that was taken in */
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
    t->good += (off_t) line.len + 1;
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
int
wd_lake_refresh(wd_lake_t *lake, wd_error_t *err)
{
    int            rc;
    off_t          at = lake->tail;
    wd_lake_tail_t t = {lake, lake->tail, WD_OK};

    rc = wd_lake_lines(wd_lake_manifest(lake), &at, wd_lake_on_tail, &t);
    if (rc == WD_OK) {
        rc = t.rc;
    }
    lake->tail = t.good; /* a damaged row is met again, and again refused */
    if (rc == WD_EIO) {
        return wd_error(err, rc, "the manifest cannot be read");
    }
    if (rc != WD_OK) {
        return wd_error(err, rc,
                        "the manifest is damaged behind row %lld; run "
                        "`wizdatactl lake verify`",
                        (long long) lake->last);
    }
    return WD_OK;
}


int
wd_lake_take_back(wd_lake_t *lake, wd_error_t *err)
{
    if (ftruncate(lake->manifest, lake->tail) != 0) {
        lake->poisoned = true; /* a row may be there that nobody meant */
        return wd_lake_errno(err, "manifest");
    }
    return WD_OK;
}


/* The start of a row behind the last whole one; false: it names no object. */
static bool
wd_lake_begun(wd_lake_t *lake, wd_lake_row_t *row)
{
    char    line[WD_LAKE_ROW_MAX];
    ssize_t n;

    n = pread(lake->manifest, line, sizeof(line), lake->tail);
    return n > 0 && wd_lake_row_parse(wd_str(line, (size_t) n), row) == WD_OK
           && row->seq == lake->last + 1 && strncmp(row->key, "raw/", 4) == 0
           && strstr(row->key, "..") == NULL;
}


int
wd_lake_sweep(wd_lake_t *lake, wd_error_t *err)
{
    char          tmp[WD_LAKE_TMP_MAX];
    struct stat   st;
    wd_lake_row_t row;

    if (fstat(lake->manifest, &st) != 0) {
        return wd_lake_errno(err, "manifest");
    }
    if (st.st_size <= lake->tail) {
        return WD_OK;
    }

    if (wd_lake_begun(lake, &row)) {
        wd_lake_tmp(row.key, tmp);
        if ((unlinkat(lake->root_fd, tmp, 0) != 0 && errno != ENOENT)
            || (unlinkat(lake->root_fd, row.key, 0) != 0 && errno != ENOENT)) {
            return wd_lake_errno(err, row.key);
        }
    }
    return wd_lake_take_back(lake, err);
}


int
wd_lake_begin_row(wd_lake_t *lake, const wd_lake_row_t *row, wd_buf_t *line,
                  wd_error_t *err)
{
    int           rc;
    wd_lake_row_t back;

    wd_lake_row_write(row, line);
    if (line->err != WD_OK) {
        return wd_error(err, WD_ETOOBIG, "the manifest row is too long");
    }

    /* A row that cannot be read back would end the lake. */
    if (memchr(line->data, '\n', line->len) != NULL
        || wd_lake_row_parse(wd_buf_view(line), &back) != WD_OK) {
        return wd_error(err, WD_EINVAL, "the manifest row is not valid");
    }

    if (wd_lake_write_all(lake->manifest, line->data, line->len) != 0) {
        rc = wd_lake_errno(err, "manifest");
        return wd_lake_take_back(lake, NULL) == WD_OK ? rc : WD_EIO;
    }
    return WD_OK;
}


int
wd_lake_end_row(wd_lake_t *lake, const wd_lake_row_t *row, const wd_buf_t *line,
                wd_error_t *err)
{
    int rc;

    if (wd_lake_write_all(lake->manifest, "\n", 1) != 0) {
        return wd_lake_errno(err, "manifest");
    }
    if (fdatasync(lake->manifest) != 0) {
        rc = wd_lake_errno(err, "sync of the manifest");
        lake->poisoned = true;
        return rc;
    }

    lake->tail += (off_t) line->len + 1;
    lake->last = row->seq;
    wd_lake_sha256(wd_buf_view(line), lake->last_hash);
    return WD_OK;
}


int
wd_lake_sync(wd_lake_t *lake, wd_error_t *err)
{
    int fd;

    pthread_mutex_lock(&lake->lock);
    fd = wd_lake_manifest(lake);
    pthread_mutex_unlock(&lake->lock);
    return fd < 0 || fdatasync(fd) == 0
               ? WD_OK
               : wd_lake_errno(err, "sync of the manifest");
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
wd_lake_rows(wd_lake_t *lake, int64_t                               after,
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

    memcpy(c.hash, WD_LAKE_ZERO_HASH, sizeof(c.hash));
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
