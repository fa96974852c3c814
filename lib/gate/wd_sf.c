/*
 * wd_sf.c - strings are quoted ASCII; backslash and quote are escaped.
 */
#include "wd_sf.h"

#include "wd_num.h"

#include <string.h>


/* Bytes that stand for themselves. */
static size_t
wd_sf_plain(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] > 0x7e || s.data[i] == '"'
            || s.data[i] == '\\') {
            break;
        }
    }
    return i;
}


static void
wd_sf_string(wd_buf_t *b, wd_str_t s)
{
    char   c;
    size_t n;

    wd_buf_byte(b, '"');
    while (s.len != 0) {
        n = wd_sf_plain(s);
        wd_buf_append(b, s.data, n);
        if (n == s.len) {
            break;
        }
        c = s.data[n];
        if (c == '"' || c == '\\') {
            wd_buf_byte(b, '\\');
        } else {
            c = '?';
        }
        wd_buf_byte(b, (uint8_t) c);
        s = wd_str(s.data + n + 1, s.len - n - 1);
    }
    wd_buf_byte(b, '"');
}


void
wd_sf_item(wd_buf_t *b, wd_str_t s)
{
    if (b->len != 0) {
        wd_buf_z(b, ", ");
    }
    wd_sf_string(b, s);
}


void
wd_sf_text(wd_buf_t *b, const char *key, wd_str_t value)
{
    wd_buf_byte(b, ';');
    wd_buf_z(b, key);
    wd_buf_byte(b, '=');
    wd_sf_string(b, value);
}


void
wd_sf_param(wd_buf_t *b, const char *key, int64_t value)
{
    char   text[WD_SF_KEY_MAX + WD_NUM_TEXT_MAX + 2], *p = text;
    size_t n = strlen(key);

    value = wd_min(value, WD_SF_INT_MAX);
    value = wd_max(value, -WD_SF_INT_MAX);

    *p++ = ';';
    n = wd_min(n, (size_t) WD_SF_KEY_MAX);
    memcpy(p, key, n);
    p += n;
    *p++ = '=';
    p += wd_int_format(value, p);
    wd_buf_append(b, text, (size_t) (p - text));
}
