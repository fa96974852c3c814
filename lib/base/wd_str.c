/*
 * wd_str.c - comparing, splitting and checking of byte strings.
 */
#include "wd_str.h"


static inline unsigned char
wd_lower(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') ? (unsigned char) (c | 0x20) : c;
}


bool
wd_str_ieq(wd_str_t a, wd_str_t b)
{
    size_t i;

    if (a.len != b.len) {
        return false;
    }

    for (i = 0; i < a.len; i++) {
        if (wd_lower((unsigned char) a.data[i])
            != wd_lower((unsigned char) b.data[i])) {
            return false;
        }
    }

    return true;
}


bool
wd_str_split(wd_str_t *s, char sep, wd_str_t *ret_part)
{
    const char *p;

    if (s->data == NULL) {
        return false;
    }

    p = s->len != 0 ? memchr(s->data, sep, s->len) : NULL;
    if (p == NULL) {
        *ret_part = *s;
        *s = WD_STR_NULL;
        return true;
    }

    *ret_part = wd_str(s->data, (size_t) (p - s->data));
    s->len -= ret_part->len + 1;
    s->data = p + 1;
    return true;
}


static inline bool
wd_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


wd_str_t
wd_str_trim(wd_str_t s)
{
    while (s.len != 0 && wd_is_blank(s.data[0])) {
        s.data++;
        s.len--;
    }

    while (s.len != 0 && wd_is_blank(s.data[s.len - 1])) {
        s.len--;
    }

    return s;
}


/* Length of the sequence that `c` opens and the bounds of its second byte. */
static size_t
wd_utf8_lead(unsigned char c, unsigned char *lo, unsigned char *hi)
{
    *lo = 0x80;
    *hi = 0xbf;

    if (c >= 0xc2 && c <= 0xdf) {
        return 2;
    }

    if (c >= 0xe0 && c <= 0xef) {
        *lo = (c == 0xe0) ? 0xa0 : 0x80; /* overlong */
        *hi = (c == 0xed) ? 0x9f : 0xbf; /* surrogates */
        return 3;
    }

    if (c >= 0xf0 && c <= 0xf4) {
        *lo = (c == 0xf0) ? 0x90 : 0x80;
        *hi = (c == 0xf4) ? 0x8f : 0xbf;
        return 4;
    }

    return 0;
}


bool
wd_utf8_valid(wd_str_t s)
{
    size_t               i, k, n;
    unsigned char        lo, hi;
    const unsigned char *p = (const unsigned char *) s.data;

    for (i = 0; i < s.len; i += n) {
        if (p[i] < 0x80) {
            n = 1;
            continue;
        }

        n = wd_utf8_lead(p[i], &lo, &hi);
        if (n == 0 || s.len - i < n || p[i + 1] < lo || p[i + 1] > hi) {
            return false;
        }

        for (k = 2; k < n; k++) {
            if ((p[i + k] & 0xc0) != 0x80) {
                return false;
            }
        }
    }

    return true;
}


size_t
wd_utf8_encode(uint32_t v, char out[4])
{
    if (v < 0x80) {
        out[0] = (char) v;
        return 1;
    }
    if (v < 0x800) {
        out[0] = (char) (0xc0 | v >> 6);
        out[1] = (char) (0x80 | (v & 0x3f));
        return 2;
    }
    if (v < 0x10000) {
        out[0] = (char) (0xe0 | v >> 12);
        out[1] = (char) (0x80 | (v >> 6 & 0x3f));
        out[2] = (char) (0x80 | (v & 0x3f));
        return 3;
    }
    out[0] = (char) (0xf0 | v >> 18);
    out[1] = (char) (0x80 | (v >> 12 & 0x3f));
    out[2] = (char) (0x80 | (v >> 6 & 0x3f));
    out[3] = (char) (0x80 | (v & 0x3f));
    return 4;
}


void
wd_hex_encode(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t            i;

    for (i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}


static int
wd_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}


bool
wd_hex_decode(wd_str_t s, uint8_t *out, size_t n)
{
    int    hi, lo;
    size_t i;

    if (s.len != 2 * n) {
        return false;
    }

    for (i = 0; i < n; i++) {
        hi = wd_hex_digit(s.data[2 * i]);
        lo = wd_hex_digit(s.data[2 * i + 1]);
        if (hi < 0 || lo < 0) {
            return false;
        }
        out[i] = (uint8_t) (hi << 4 | lo);
    }

    return true;
}


bool
wd_name_valid(wd_str_t name, size_t max)
{
    size_t i;
    char   c;

    for (i = 0; i < name.len; i++) {
        c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')) {
            return false;
        }
    }
    return name.len >= 1 && name.len <= max;
}
