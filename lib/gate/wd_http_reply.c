/*
 * wd_http_reply.c - head, then a body by length, in chunks, or to the end.
 */
#include "wd_http_reply.h"

#include "wd_num.h"

#define WD_HTTP_LINE_MAX 4096 /* of a chunk's size with its extensions */

typedef struct {
    int64_t length; /* -1: not given */
    bool    chunked;
} wd_http_framing_t;


void
wd_http_reply_init(wd_http_reply_t *r, size_t body_max)
{
    *r = (wd_http_reply_t){.max_age = -1, .state = WD_HTTP_HEAD};
    wd_buf_init(&r->body, body_max);
    wd_buf_init(&r->line, WD_HTTP_REPLY_HEAD_MAX);
}


void
wd_http_reply_done(wd_http_reply_t *r)
{
    wd_buf_done(&r->body);
    wd_buf_done(&r->line);
}


/* The next line of *head without its CRLF; false: there is none. */
static bool
wd_http_line(wd_str_t *head, wd_str_t *ret)
{
    const char *p;

    p = head->len != 0 ? memchr(head->data, '\n', head->len) : NULL;
    if (p == NULL) {
        return false;
    }

    *ret = wd_str(head->data, (size_t) (p - head->data));
    head->len -= ret->len + 1;
    head->data = p + 1;
    if (ret->len != 0 && ret->data[ret->len - 1] == '\r') {
        ret->len--;
    }
    return true;
}


/* HTTP/1.x SP 3DIGIT, then a reason or nothing. */
static int
wd_http_status(wd_http_reply_t *r, wd_str_t line)
{
    int64_t status;

    if (line.len < 12 || !wd_str_starts(line, "HTTP/1.")
        || (line.data[7] != '0' && line.data[7] != '1') || line.data[8] != ' '
        || wd_int_parse(wd_str(line.data + 9, 3), &status) != WD_OK
        || status < 200 || status > 999
        || (line.len > 12 && line.data[12] != ' ')) {
        return WD_EPROTO;
    }
    r->status = (int) status;
    return WD_OK;
}


/* no-store and no-cache are an age of 0; others are not for us. */
static void
wd_http_cache_control(wd_http_reply_t *r, wd_str_t value)
{
    int      rc;
    int64_t  n;
    wd_str_t part;

    while (wd_str_split(&value, ',', &part)) {
        part = wd_str_trim(part);
        if (wd_str_ieq(part, WD_STR("no-store"))
            || wd_str_ieq(part, WD_STR("no-cache"))) {
            r->max_age = 0;
            return;
        }
        if (part.len > 8
            && wd_str_ieq(wd_str(part.data, 8), WD_STR("max-age="))) {
            rc = wd_int_parse(wd_str(part.data + 8, part.len - 8), &n);
            if (rc == WD_EOVERFLOW || (rc == WD_OK && n >= 0)) {
                n = rc == WD_OK ? n : WD_HTTP_REPLY_AGE_MAX;
                r->max_age = wd_min(n, (int64_t) WD_HTTP_REPLY_AGE_MAX);
            }
        }
    }
}


static int
wd_http_length(wd_http_framing_t *f, wd_str_t value)
{
    size_t  i;
    int64_t n;

    for (i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return WD_EPROTO;
        }
    }
    if (wd_int_parse(value, &n) != WD_OK || f->length != -1) {
        return WD_EPROTO;
    }
    f->length = n;
    return WD_OK;
}


static int
wd_http_header(wd_http_reply_t *r, wd_http_framing_t *f, wd_str_t line)
{
    wd_str_t name;

    /* A line that goes on the one before is obsolete and refused. */
    if (line.len == 0 || *line.data == ' ' || *line.data == '\t'
        || !wd_str_split(&line, ':', &name) || line.data == NULL
        || name.len == 0 || name.data[name.len - 1] == ' ') {
        return WD_EPROTO;
    }
    line = wd_str_trim(line);

    if (wd_str_ieq(name, WD_STR("content-length"))) {
        return wd_http_length(f, line);
    }
    if (wd_str_ieq(name, WD_STR("transfer-encoding"))) {
        if (f->chunked || !wd_str_ieq(line, WD_STR("chunked"))) {
            return WD_EPROTO;
        }
        f->chunked = true;
    }
    if (wd_str_ieq(name, WD_STR("content-encoding"))
        && !wd_str_ieq(line, WD_STR("identity"))) {
        return WD_EPROTO; /* nobody asked for one */
    }
    if (wd_str_ieq(name, WD_STR("cache-control"))) {
        wd_http_cache_control(r, line);
    }
    return WD_OK;
}


static int
wd_http_framing(wd_http_reply_t *r, const wd_http_framing_t *f)
{
    if (f->chunked && f->length != -1) {
        return WD_EPROTO;
    }
    if (f->length > (int64_t) r->body.max) {
        return WD_ETOOBIG;
    }

    if (r->status == 204 || r->status == 304) {
        r->state = WD_HTTP_DONE;
    } else if (f->chunked) {
        r->state = WD_HTTP_SIZE;
    } else if (f->length != -1) {
        r->left = (uint64_t) f->length;
        r->state = r->left != 0 ? WD_HTTP_LENGTH : WD_HTTP_DONE;
    } else {
        r->state = WD_HTTP_CLOSE;
    }
    wd_buf_done(&r->line);
    wd_buf_init(&r->line, WD_HTTP_LINE_MAX);
    return WD_OK;
}


static int
wd_http_head(wd_http_reply_t *r)
{
    int               rc;
    wd_str_t          head = wd_buf_view(&r->line), line;
    wd_http_framing_t f = {.length = -1};

    if (memchr(head.data, '\0', head.len) != NULL
        || !wd_http_line(&head, &line)) {
        return WD_EPROTO;
    }

    rc = wd_http_status(r, line);
    while (rc == WD_OK && wd_http_line(&head, &line) && line.len != 0) {
        rc = wd_http_header(r, &f, line);
    }
    return rc == WD_OK ? wd_http_framing(r, &f) : rc;
}


/* Is the line that is being read over? The head is, when an empty one is. */
static bool
wd_http_over(const wd_buf_t *b, bool head)
{
    size_t         n = b->len;
    const uint8_t *p = b->data;

    if (!head) {
        return n >= 1 && p[n - 1] == '\n';
    }
    return (n >= 2 && p[n - 1] == '\n' && p[n - 2] == '\n')
           || (n >= 4 && memcmp(p + n - 4, "\r\n\r\n", 4) == 0);
}


static int
wd_http_chunk_size(wd_http_reply_t *r, wd_str_t line)
{
    size_t   i;
    char     c;
    uint64_t n = 0;

    for (i = 0; i < line.len; i++) {
        c = line.data[i];
        if (c == ';' || c == ' ' || c == '\t') {
            break; /* extensions say nothing to us */
        }
        if (i == 8) {
            return WD_ETOOBIG;
        }
        if (c >= '0' && c <= '9') {
            n = n * 16 + (uint64_t) (c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            n = n * 16 + (uint64_t) ((c | 0x20) - 'a' + 10);
        } else {
            return WD_EPROTO;
        }
    }
    if (i == 0) {
        return WD_EPROTO;
    }

    r->left = n;
    r->state = n != 0 ? WD_HTTP_CHUNK : WD_HTTP_TRAILER;
    return WD_OK;
}


static int
wd_http_line_read(wd_http_reply_t *r)
{
    wd_str_t text = wd_buf_view(&r->line), line;

    if (r->state == WD_HTTP_HEAD) {
        return wd_http_head(r);
    }
    if (!wd_http_line(&text, &line)) {
        return WD_EPROTO;
    }

    r->lines += r->line.len;
    wd_buf_reset(&r->line);
    switch (r->state) {
    case WD_HTTP_SIZE:
        r->lines = 0;
        return wd_http_chunk_size(r, line);
    case WD_HTTP_CHUNK_END:
        r->state = WD_HTTP_SIZE;
        return line.len == 0 ? WD_OK : WD_EPROTO;
    default:
        if (line.len == 0) {
            r->state = WD_HTTP_DONE;
        }
        return r->lines <= WD_HTTP_REPLY_HEAD_MAX ? WD_OK : WD_ETOOBIG;
    }
}


static int
wd_http_byte(wd_http_reply_t *r, uint8_t c)
{
    wd_buf_byte(&r->line, c);
    if (r->line.err != WD_OK) {
        return r->line.err;
    }
    return wd_http_over(&r->line, r->state == WD_HTTP_HEAD)
               ? wd_http_line_read(r)
               : WD_OK;
}


/* As much of the body as there is; returns how much was taken. */
static size_t
wd_http_body(wd_http_reply_t *r, const uint8_t *p, size_t n)
{
    if (r->state != WD_HTTP_CLOSE && n > r->left) {
        n = (size_t) r->left;
    }

    wd_buf_append(&r->body, p, n);
    if (r->state == WD_HTTP_CLOSE) {
        return n;
    }

    r->left -= n;
    if (r->left == 0) {
        r->state = r->state == WD_HTTP_CHUNK ? WD_HTTP_CHUNK_END : WD_HTTP_DONE;
    }
    return n;
}


int
wd_http_reply_feed(wd_http_reply_t *r, const uint8_t *p, size_t n)
{
    int    rc;
    size_t taken;

    while (n != 0 && r->state != WD_HTTP_DONE) {
        switch (r->state) {
        case WD_HTTP_LENGTH:
        case WD_HTTP_CLOSE:
        case WD_HTTP_CHUNK:
            taken = wd_http_body(r, p, n);
            rc = r->body.err;
            break;
        default:
            taken = 1;
            rc = wd_http_byte(r, *p);
        }
        if (rc != WD_OK) {
            return rc;
        }
        p += taken;
        n -= taken;
    }
    return r->state == WD_HTTP_DONE ? WD_OK : WD_EAGAIN;
}


int
wd_http_reply_end(wd_http_reply_t *r)
{
    return r->state == WD_HTTP_DONE || r->state == WD_HTTP_CLOSE ? WD_OK
                                                                 : WD_ETRUNC;
}
