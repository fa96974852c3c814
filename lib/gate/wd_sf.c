/*
 * wd_sf.c - strings are quoted ASCII; backslash and quote are escaped.
 */
#include "wd_sf.h"

#include "wd_num.h"


static void
wd_sf_string(wd_buf_t *b, wd_str_t s)
{
    size_t  i;
    uint8_t c;

    wd_buf_byte(b, '"');
    for (i = 0; i < s.len; i++) {
        c = (uint8_t) s.data[i];
        if (c == '"' || c == '\\') {
            wd_buf_byte(b, '\\');
        } else if (c < 0x20 || c > 0x7e) {
            c = '?';
        }
        wd_buf_byte(b, c);
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
    char   text[WD_NUM_TEXT_MAX];
    size_t n;

    value = wd_min(value, WD_SF_INT_MAX);
    value = wd_max(value, -WD_SF_INT_MAX);
    n = wd_int_format(value, text);

    wd_buf_byte(b, ';');
    wd_buf_z(b, key);
    wd_buf_byte(b, '=');
    wd_buf_append(b, text, n);
}
