/*
 * wd_buf.c - a byte buffer that grows by doubling.
 */
#include "wd_buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WD_BUF_FIRST 256


void
wd_buf_init(wd_buf_t *b, size_t max)
{
    memset(b, 0, sizeof(*b));
    b->max = max;
}


void
wd_buf_done(wd_buf_t *b)
{
    size_t max = b->max;

    free(b->data);
    wd_buf_init(b, max);
}


void
wd_buf_reset(wd_buf_t *b)
{
    b->len = 0;
    b->err = WD_OK;
}


uint8_t *
wd_buf_reserve(wd_buf_t *b, size_t n)
{
    size_t   cap;
    uint8_t *data;

    if (b->err != WD_OK) {
        return NULL;
    }

    /* One byte more than asked for, so that a zero fits behind max bytes. */
    if (n < b->cap - b->len && (b->max == 0 || n <= b->max - b->len)) {
        return b->data + b->len;
    }

    if (n > SIZE_MAX / 2 - b->len
        || (b->max != 0 && (b->len > b->max || n > b->max - b->len))) {
        b->err = WD_ETOOBIG;
        return NULL;
    }

    cap = wd_max(b->cap, (size_t) WD_BUF_FIRST);
    while (cap <= b->len + n) {
        cap *= 2;
    }

    data = realloc(b->data, cap);
    if (data == NULL) {
        b->err = WD_ENOMEM;
        return NULL;
    }

    b->data = data;
    b->cap = cap;
    return data + b->len;
}


void
wd_buf_append(wd_buf_t *b, const void *data, size_t n)
{
    uint8_t *p;

    if (n == 0) {
        return;
    }

    p = wd_buf_reserve(b, n);
    if (p != NULL) {
        memcpy(p, data, n);
        b->len += n;
    }
}


void
wd_buf_printf(wd_buf_t *b, const char *fmt, ...)
{
    int      n;
    uint8_t *p;
    va_list  ap;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);

    if (n < 0) {
        b->err = WD_EINVAL;
        return;
    }

    p = wd_buf_reserve(b, (size_t) n);
    if (p == NULL) {
        return;
    }

    va_start(ap, fmt);
    vsnprintf((char *) p, (size_t) n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t) n;
}


void
wd_buf_consume(wd_buf_t *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        return;
    }

    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}


const char *
wd_buf_cstr(wd_buf_t *b)
{
    uint8_t *p;

    p = wd_buf_reserve(b, 0);
    if (p == NULL) {
        return "";
    }

    *p = '\0';
    return (const char *) b->data;
}
