/*
 * wd_base64url.c - six bits a character.
 */
#include "wd_base64url.h"

#define WD_B64_FOREIGN 0xff
#define X WD_B64_FOREIGN

static const uint8_t wd_b64_value[256] = {
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  62, X,  X,  52, 53, 54, 55, 56, 57, 58, 59, 60,
    61, X,  X,  X,  X,  X,  X,  X,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
    11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,  X,  X,  X,
    63, X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
    43, 44, 45, 46, 47, 48, 49, 50, 51, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,
};

#undef X

static const char wd_b64_char[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";


/* Two or three characters: one or two bytes, the bits behind them 0. */
static int
wd_b64_tail(const uint8_t *p, size_t n, uint8_t *out)
{
    uint8_t a, b, c;

    if (n == 0) {
        return WD_OK;
    }
    if (n == 1) {
        return WD_EINVAL;
    }

    a = wd_b64_value[p[0]];
    b = wd_b64_value[p[1]];
    c = n == 3 ? wd_b64_value[p[2]] : 0;
    if ((a | b | c) == WD_B64_FOREIGN || ((n == 2 ? b & 15 : c & 3) != 0)) {
        return WD_EINVAL;
    }

    out[0] = (uint8_t) (a << 2 | b >> 4);
    if (n == 3) {
        out[1] = (uint8_t) (b << 4 | c >> 2);
    }
    return WD_OK;
}


int
wd_base64url_decode(wd_str_t text, uint8_t *out, size_t cap, size_t *ret_len)
{
    uint8_t        a, b, c, d;
    size_t         i, whole = text.len / 4;
    const uint8_t *p = (const uint8_t *) text.data;

    if (WD_BASE64URL_BYTES(text.len) > cap) {
        return WD_ETOOBIG;
    }

    for (i = 0; i < whole; i++, p += 4, out += 3) {
        a = wd_b64_value[p[0]];
        b = wd_b64_value[p[1]];
        c = wd_b64_value[p[2]];
        d = wd_b64_value[p[3]];
        if ((a | b | c | d) == WD_B64_FOREIGN) {
            return WD_EINVAL;
        }
        out[0] = (uint8_t) (a << 2 | b >> 4);
        out[1] = (uint8_t) (b << 4 | c >> 2);
        out[2] = (uint8_t) (c << 6 | d);
    }

    *ret_len = WD_BASE64URL_BYTES(text.len);
    return wd_b64_tail(p, text.len % 4, out);
}


size_t
wd_base64url_encode(const uint8_t *bytes, size_t n, char *out)
{
    char    *from = out;
    unsigned bits = 0, have = 0;

    while (n-- != 0) {
        bits = (bits << 8 | *bytes++) & 0xffff;
        for (have += 8; have >= 6; have -= 6) {
            *out++ = wd_b64_char[bits >> (have - 6) & 63];
        }
    }
    if (have != 0) {
        *out++ = wd_b64_char[bits << (6 - have) & 63];
    }
    return (size_t) (out - from);
}
