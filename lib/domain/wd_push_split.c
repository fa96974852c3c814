/*
 * wd_push_split.c - a pushed body into parts: what all formats share. Bytes
 * gather in `in` until a record is whole, whole records in `part`.
 */
#include "wd_push_split_int.h"

#include <stdlib.h>

#define WD_PUSH_POOL_BLOCK 4096


wd_push_split_t *
wd_push_split_create(const wd_push_dataset_t *d, wd_push_format_e format,
                     size_t part_bytes, wd_push_part_pt fn, void *arg)
{
    wd_push_split_t *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->d = d;
    s->format = format;
    s->part_bytes = part_bytes;
    s->fn = fn;
    s->arg = arg;
    s->at = 1;
    wd_buf_init(&s->in, 0);
    wd_buf_init(&s->part, 0);
    wd_buf_init(&s->header, 0);
    return s;
}


void
wd_push_split_destroy(wd_push_split_t *s)
{
    if (s == NULL) {
        return;
    }
    wd_buf_done(&s->in);
    wd_buf_done(&s->part);
    wd_buf_done(&s->header);
    free(s);
}


int64_t
wd_push_split_records(const wd_push_split_t *s)
{
    return s->records;
}


static int
wd_push_emit(wd_push_split_t *s, wd_error_t *err)
{
    int            rc;
    wd_push_part_t p;

    if (s->format == WD_PUSH_JSON) {
        wd_buf_byte(&s->part, ']');
    }
    if (s->part.err != WD_OK) {
        return wd_error(err, s->part.err, "no memory for a part");
    }
    p.bytes = wd_buf_view(&s->part);
    p.number = ++s->number;
    p.first = s->first;
    p.records = s->in_part;
    rc = s->fn(&p, s->arg, err);
    wd_buf_reset(&s->part);
    s->in_part = 0;
    return rc;
}


void
wd_push_split_open(wd_push_split_t *s)
{
    if (s->in_part == 0) {
        s->first = s->at;
        wd_buf_str(&s->part, wd_buf_view(&s->header));
    }
    if (s->format == WD_PUSH_JSON) {
        wd_buf_byte(&s->part, s->in_part == 0 ? '[' : ',');
    }
    s->in_part++;
    s->records++;
}


int
wd_push_split_close(wd_push_split_t *s, wd_error_t *err)
{
    if (s->part.err != WD_OK) {
        return wd_error(err, s->part.err, "no memory for a part");
    }
    return s->part.len >= s->part_bytes || s->in_part >= WD_PUSH_PART_RECORDS
               ? wd_push_emit(s, err)
               : WD_OK;
}


int
wd_push_split_first(wd_push_split_t *s, wd_str_t record, wd_error_t *err)
{
    int           rc;
    char          where[32];
    bool          none = false;
    wd_pool_t    *pool = wd_pool_create(WD_PUSH_POOL_BLOCK);
    wd_push_row_t row;

    if (pool == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a record");
    }
    snprintf(where, sizeof(where), "%s %lld",
             wd_push_format_has_lines(s->format) ? "line" : "record",
             (long long) s->at);
    rc = s->format == WD_PUSH_MSGPACK
             ? wd_push_row_msgpack(s->d, record, pool, &row, &none)
             : wd_push_row_json(s->d, record, pool, &row, &none);
    if (rc == WD_OK) {
        rc = wd_push_row_names(s->d, &row, where, err);
    } else if (rc == WD_ENOMEM) {
        rc = wd_error(err, rc, "no memory for a record");
    } else {
        rc = wd_error(err, WD_EINVAL, "%s: %s", where,
                      none ? "a record must be an object"
                           : "the first record cannot be read");
    }
    wd_pool_destroy(pool);
    return rc;
}


int
wd_push_split_take(wd_push_split_t *s, wd_str_t record, wd_error_t *err)
{
    int rc = WD_OK;

    if (s->records == 0) {
        rc = wd_push_split_first(s, record, err);
    }
    if (rc != WD_OK) {
        return rc;
    }
    wd_push_split_open(s);
    wd_buf_str(&s->part, record);
    s->at++;
    return wd_push_split_close(s, err);
}


int
wd_push_split_damaged(const wd_push_split_t *s, wd_str_t in, const char *what,
                      wd_error_t *err)
{
    return wd_error(err, WD_EINVAL, "record %lld: %s at byte %lld",
                    (long long) s->at, what,
                    (long long) (s->offset + (in.data - s->base)));
}


/* A mark that editors put before text. */
static void
wd_push_skip_mark(wd_push_split_t *s, wd_str_t *in)
{
    static const char mark[] = "\xef\xbb\xbf";

    if (s->offset == 0 && s->format != WD_PUSH_MSGPACK
        && wd_str_starts(*in, mark)) {
        in->data += sizeof(mark) - 1;
        in->len -= sizeof(mark) - 1;
    }
}


/* Moves over all that is whole in `in`. */
static int
wd_push_cut(wd_push_split_t *s, bool last, wd_error_t *err)
{
    int      rc = WD_OK;
    wd_str_t in = wd_buf_view(&s->in);

    if (!last && s->offset == 0 && in.len < 3) {
        return WD_OK; /* a mark may be on its way */
    }
    wd_push_skip_mark(s, &in);
    s->base = (const char *) s->in.data;
    switch (s->format) {
    case WD_PUSH_CSV:
    case WD_PUSH_NDJSON:
        rc = wd_push_cut_lines(s, &in, last, err);
        break;
    case WD_PUSH_JSON:
        rc = wd_push_cut_json(s, &in, err);
        break;
    case WD_PUSH_MSGPACK:
        rc = wd_push_cut_msgpack(s, &in, err);
        break;
    }
    s->offset += (int64_t) (s->in.len - in.len);
    wd_buf_consume(&s->in, s->in.len - in.len);
    return rc;
}


int
wd_push_split_feed(wd_push_split_t *s, wd_str_t bytes, wd_error_t *err)
{
    wd_buf_str(&s->in, bytes);
    if (s->in.err != WD_OK) {
        return wd_error(err, s->in.err, "no memory for a body");
    }
    return wd_push_cut(s, false, err);
}


int
wd_push_split_end(wd_push_split_t *s, wd_error_t *err)
{
    int rc;

    rc = wd_push_cut(s, true, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (s->state != WD_PUSH_CUT_DONE
        && (s->state != WD_PUSH_CUT_RECORDS || s->format == WD_PUSH_JSON
            || s->in.len != 0 || s->left != 0)) {
        return s->offset + (int64_t) s->in.len == 0
                   ? wd_error(err, WD_EINVAL, "the body is empty")
                   : wd_error(err, WD_EINVAL,
                              "the body ends too early, at byte %lld",
                              (long long) (s->offset + (int64_t) s->in.len));
    }
    return s->in_part != 0 ? wd_push_emit(s, err) : WD_OK;
}
