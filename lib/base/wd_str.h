/*
 * wd_str.h - a view of bytes that somebody else owns; not zero-terminated.
 */
#ifndef WD_STR_H
#define WD_STR_H

#include "wd_base.h"

#include <string.h>

typedef struct {
    const char *data;
    size_t      len;
} wd_str_t;

#define WD_STR(literal) ((wd_str_t){"" literal, sizeof(literal) - 1})
#define WD_STR_NULL ((wd_str_t){NULL, 0})

/* For printf's "%.*s". */
#define WD_STR_ARG(s) ((int) (s).len), ((s).data != NULL ? (s).data : "")


static inline wd_str_t
wd_str(const char *data, size_t len)
{
    return (wd_str_t){data, len};
}


static inline wd_str_t
wd_str_z(const char *z)
{
    return (wd_str_t){z, z != NULL ? strlen(z) : 0};
}


static inline bool
wd_str_eq(wd_str_t a, wd_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline bool
wd_str_eq_z(wd_str_t a, const char *z)
{
    return wd_str_eq(a, wd_str_z(z));
}


static inline bool
wd_str_starts(wd_str_t a, const char *z)
{
    size_t n = strlen(z);

    return a.len >= n && memcmp(a.data, z, n) == 0;
}


/* Copies into a zero-terminated array, cutting what does not fit. */
static inline void
wd_str_copy(char *dst, size_t cap, wd_str_t s)
{
    size_t n = wd_min(s.len, cap - 1);

    if (n != 0) {
        memcpy(dst, s.data, n);
    }
    dst[n] = '\0';
}


/* Case-insensitive for ASCII only, whatever the locale. */
bool wd_str_ieq(wd_str_t a, wd_str_t b);

/* The part before `sep`; *s moves behind it. Returns false at the end. */
bool wd_str_split(wd_str_t *s, char sep, wd_str_t *ret_part);

/* Without leading and trailing blanks and tabs, CR and LF. */
wd_str_t wd_str_trim(wd_str_t s);

/* True when the bytes are well-formed UTF-8 (RFC 3629). */
bool wd_utf8_valid(wd_str_t s);

/* Up to 4 bytes of a character below 0x110000, no surrogate; the length. */
size_t wd_utf8_encode(uint32_t v, char out[4]);

/* 1 to `max` letters, digits and - _ . : a word in nginx.conf, too. */
bool wd_name_valid(wd_str_t name, size_t max);

/* `out` holds 2 * n + 1 characters. */
void wd_hex_encode(const uint8_t *bytes, size_t n, char *out);

/* Returns false unless `s` is exactly 2 * n hexadecimal digits. */
bool wd_hex_decode(wd_str_t s, uint8_t *out, size_t n);

#endif /* WD_STR_H */
