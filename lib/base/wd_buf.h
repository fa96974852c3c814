/*
 * wd_buf.h - a byte buffer that grows.
 *
 * Appending never fails loudly: the first failure (no memory, or more than
 * `max` bytes) is kept in `err`, later appends do nothing, and the writer
 * looks once, at the end.
 */
#ifndef WD_BUF_H
#define WD_BUF_H

#include "wd_err.h"
#include "wd_str.h"

typedef struct {
    uint8_t *data;
    size_t   len;
    size_t   cap;
    size_t   max; /* 0: no bound */
    int      err; /* WD_OK, WD_ENOMEM or WD_ETOOBIG */
} wd_buf_t;

#define WD_BUF_INIT          \
    {                        \
        NULL, 0, 0, 0, WD_OK \
    }

void wd_buf_init(wd_buf_t *b, size_t max);
void wd_buf_done(wd_buf_t *b); /* frees; the buffer may be used again */
void wd_buf_reset(wd_buf_t *b); /* empties, keeps the memory, clears err */

/* Room for n more bytes at data + len, or NULL; the caller adds to len. */
uint8_t *wd_buf_reserve(wd_buf_t *b, size_t n);

void wd_buf_append(wd_buf_t *b, const void *data, size_t n);
void wd_buf_printf(wd_buf_t *b, const char *fmt, ...) wd_printf_like(2, 3);

/* Drops n bytes at the front. */
void wd_buf_consume(wd_buf_t *b, size_t n);

/* Zero-terminates without counting the zero; "" when there is no memory. */
const char *wd_buf_cstr(wd_buf_t *b);


static inline void
wd_buf_byte(wd_buf_t *b, uint8_t c)
{
    if (b->len < b->cap && b->err == WD_OK
        && (b->max == 0 || b->len < b->max)) {
        b->data[b->len++] = c;
        return;
    }
    wd_buf_append(b, &c, 1);
}


static inline void
wd_buf_str(wd_buf_t *b, wd_str_t s)
{
    wd_buf_append(b, s.data, s.len);
}


static inline void
wd_buf_z(wd_buf_t *b, const char *z)
{
    wd_buf_append(b, z, strlen(z));
}


static inline wd_str_t
wd_buf_view(const wd_buf_t *b)
{
    return wd_str((const char *) b->data, b->len);
}

#endif /* WD_BUF_H */
