/*
 * wd_resp.c - values are parsed once, in order, however the bytes arrive.
 */
#include "wd_resp.h"

#include "wd_num.h"

#include <stdlib.h>

#define WD_RESP_KEEP (256 * 1024) /* memory of an idle reader above is freed */


void
wd_resp_reader_init(wd_resp_reader_t *r, size_t bulk_max)
{
    memset(r, 0, sizeof(*r));
    wd_buf_init(&r->in, 0);
    r->bulk_max = bulk_max != 0 ? wd_min(bulk_max, (size_t) WD_RESP_BULK_MAX)
                                : WD_RESP_BULK_MAX;
    r->left[0] = 1;
}


void
wd_resp_reader_done(wd_resp_reader_t *r)
{
    wd_buf_done(&r->in);
    free(r->values);
    r->values = NULL;
    r->n_values = r->cap_values = 0;
}


/* Drops the replies that were handed out. */
static void
wd_resp_compact(wd_resp_reader_t *r)
{
    size_t i;

    if (r->done == 0) {
        return;
    }

    for (i = 0; i < r->n_values; i++) {
        if (r->values[i].text.data != NULL) {
            r->values[i].text.data -= r->done;
        }
    }
    wd_buf_consume(&r->in, r->done);
    r->pos -= r->done;
    r->done = 0;

    if (r->in.len == 0 && r->in.cap > WD_RESP_KEEP) {
        wd_buf_done(&r->in);
    }
}


uint8_t *
wd_resp_reader_space(wd_resp_reader_t *r, size_t n)
{
    wd_resp_compact(r);
    return wd_buf_reserve(&r->in, n);
}


void
wd_resp_reader_fed(wd_resp_reader_t *r, size_t n)
{
    r->in.len += n;
}


static wd_resp_value_t *
wd_resp_push(wd_resp_reader_t *r)
{
    size_t           cap;
    wd_resp_value_t *p;

    if (r->n_values == r->cap_values) {
        cap = r->cap_values != 0 ? 2 * r->cap_values : 16;
        p = realloc(r->values, cap * sizeof(*p));
        if (p == NULL) {
            return NULL;
        }
        r->values = p;
        r->cap_values = cap;
    }

    p = &r->values[r->n_values++];
    *p = (wd_resp_value_t){WD_RESP_NIL, 0, WD_STR_NULL};
    return p;
}


/* The line at pos without its end; *ret_next is behind it. */
static int
wd_resp_line(const wd_resp_reader_t *r, wd_str_t *ret, size_t *ret_next)
{
    size_t         have = r->in.len - r->pos;
    const uint8_t *p = r->in.data + r->pos, *end;

    if (have == 0) {
        return WD_EAGAIN;
    }

    end = memchr(p, '\n', wd_min(have, (size_t) WD_RESP_LINE_MAX));
    if (end == NULL) {
        return have >= WD_RESP_LINE_MAX ? WD_ETOOBIG : WD_EAGAIN;
    }
    if (end - p < 2 || end[-1] != '\r') {
        return WD_EPROTO;
    }

    *ret = wd_str((const char *) p, (size_t) (end - p) - 1);
    *ret_next = r->pos + (size_t) (end - p) + 1;
    return WD_OK;
}


/* Offsets stand in for pointers while the buffer may move; 0 is no offset. */
static wd_str_t
wd_resp_offset(size_t at, size_t len)
{
    return (wd_str_t){(const char *) (uintptr_t) (at + 1), len};
}


static int
wd_resp_bulk(wd_resp_reader_t *r, int64_t len, size_t at, size_t *ret_next)
{
    size_t           n;
    wd_resp_value_t *v;

    if (len < -1) {
        return WD_EPROTO;
    }
    if (len > (int64_t) r->bulk_max) {
        return WD_ETOOBIG;
    }

    n = len < 0 ? 0 : (size_t) len;
    if (len >= 0) {
        if (r->in.len - at < n + 2) {
            return WD_EAGAIN;
        }
        if (memcmp(r->in.data + at + n, "\r\n", 2) != 0) {
            return WD_EPROTO;
        }
    }

    v = wd_resp_push(r);
    if (v == NULL) {
        return WD_ENOMEM;
    }
    if (len >= 0) {
        v->type = WD_RESP_BULK;
        v->text = wd_resp_offset(at, n);
        at += n + 2;
    }
    *ret_next = at;
    return WD_OK;
}


static int
wd_resp_array(wd_resp_reader_t *r, int64_t n)
{
    wd_resp_value_t *v;

    if (n < -1) {
        return WD_EPROTO;
    }
    if (n > WD_RESP_VALUES_MAX || (n > 0 && r->depth == WD_RESP_DEPTH_MAX)) {
        return WD_ETOOBIG;
    }

    v = wd_resp_push(r);
    if (v == NULL) {
        return WD_ENOMEM;
    }
    if (n >= 0) {
        v->type = WD_RESP_ARRAY;
        v->n = n;
    }
    if (n > 0) {
        r->left[++r->depth] = (uint32_t) n;
    }
    return WD_OK;
}


static int
wd_resp_simple(wd_resp_reader_t *r, char type, wd_str_t line, size_t at)
{
    int64_t          n = 0;
    wd_resp_value_t *v;

    if (type == ':' && wd_int_parse(line, &n) != WD_OK) {
        return WD_EPROTO;
    }

    v = wd_resp_push(r);
    if (v == NULL) {
        return WD_ENOMEM;
    }

    v->n = n;
    v->type = type == ':' ? WD_RESP_INT
                          : (type == '+' ? WD_RESP_STATUS : WD_RESP_ERROR);
    if (type != ':') {
        v->text = wd_resp_offset(at, line.len);
    }
    return WD_OK;
}


/* One value, which may be the head of an array. */
static int
wd_resp_value(wd_resp_reader_t *r)
{
    int      rc;
    char     type;
    size_t   next = 0;
    int64_t  n;
    unsigned depth = r->depth;
    wd_str_t line = WD_STR_NULL;

    rc = wd_resp_line(r, &line, &next);
    if (rc != WD_OK) {
        return rc;
    }
    if (r->n_values == WD_RESP_VALUES_MAX) {
        return WD_ETOOBIG;
    }

    type = line.data[0];
    line = wd_str(line.data + 1, line.len - 1);

    switch (type) {
    case '+':
    case '-':
    case ':':
        rc = wd_resp_simple(r, type, line, r->pos + 1);
        break;
    case '$':
        rc = wd_int_parse(line, &n) == WD_OK ? wd_resp_bulk(r, n, next, &next)
                                             : WD_EPROTO;
        break;
    case '*':
        rc = wd_int_parse(line, &n) == WD_OK ? wd_resp_array(r, n) : WD_EPROTO;
        break;
    default:
        rc = WD_EPROTO;
    }

    if (rc != WD_OK) {
        return rc;
    }
    r->pos = next;
    r->left[depth]--;
    return WD_OK;
}


static void
wd_resp_finish(wd_resp_reader_t *r)
{
    size_t    i;
    uintptr_t at;

    for (i = 0; i < r->n_values; i++) {
        at = (uintptr_t) r->values[i].text.data;
        if (at != 0) {
            r->values[i].text.data = (const char *) r->in.data + at - 1;
        }
    }
}


int
wd_resp_reader_next(wd_resp_reader_t *r, const wd_resp_value_t **ret,
                    size_t *ret_n)
{
    int rc;

    if (r->left[0] == 0
        && r->depth == 0) { /* the last call handed out a reply */
        r->left[0] = 1;
        r->n_values = 0;
        r->done = r->pos;
    }

    while (r->left[0] != 0 || r->depth != 0) {
        rc = wd_resp_value(r);
        if (rc != WD_OK) {
            return rc == WD_EAGAIN && r->in.len - r->done > WD_RESP_REPLY_MAX
                       ? WD_ETOOBIG
                       : rc;
        }
        while (r->depth != 0 && r->left[r->depth] == 0) {
            r->depth--;
        }
    }

    wd_resp_finish(r);
    *ret = r->values;
    *ret_n = r->n_values;
    return WD_OK;
}


void
wd_resp_put_command(wd_buf_t *b, size_t argc)
{
    char   text[WD_NUM_TEXT_MAX];
    size_t n = wd_int_format((int64_t) argc, text);

    wd_buf_byte(b, '*');
    wd_buf_append(b, text, n);
    wd_buf_append(b, "\r\n", 2);
}


void
wd_resp_put_arg(wd_buf_t *b, wd_str_t arg)
{
    char   text[WD_NUM_TEXT_MAX];
    size_t n = wd_int_format((int64_t) arg.len, text);

    wd_buf_byte(b, '$');
    wd_buf_append(b, text, n);
    wd_buf_append(b, "\r\n", 2);
    wd_buf_str(b, arg);
    wd_buf_append(b, "\r\n", 2);
}


void
wd_resp_put_int(wd_buf_t *b, int64_t v)
{
    char text[WD_NUM_TEXT_MAX];

    wd_resp_put_arg(b, wd_str(text, wd_int_format(v, text)));
}
