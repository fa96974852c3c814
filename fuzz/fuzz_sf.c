/*
 * fuzz_sf.c - structured fields: whatever names and numbers are written, a
 * reader of RFC 9651 finds the same items and parameters again.
 */
#include "fuzz.h"

#include "wd_num.h"
#include "wd_sf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ITEMS 8

typedef struct {
    wd_str_t name;
    int64_t  q;
    int64_t  w;
} fuzz_item_t;


static char
fuzz_char(wd_str_t *s)
{
    char c;

    fuzz_require(s->len != 0);
    c = s->data[0];
    *s = wd_str(s->data + 1, s->len - 1);
    return c;
}


/* sf-string, compared with what was asked to be written. */
static void
fuzz_string(wd_str_t *s, wd_str_t want)
{
    char   c;
    size_t i = 0;

    fuzz_require(fuzz_char(s) == '"');
    while ((c = fuzz_char(s)) != '"') {
        fuzz_require(c >= 0x20 && c <= 0x7e);
        if (c == '\\') {
            c = fuzz_char(s);
            fuzz_require(c == '"' || c == '\\');
        }
        fuzz_require(i < want.len);
        fuzz_require(c == want.data[i]
                     || (c == '?'
                         && ((uint8_t) want.data[i] < 0x20
                             || (uint8_t) want.data[i] > 0x7e)));
        i++;
    }
    fuzz_require(i == want.len);
}


static void
fuzz_param(wd_str_t *s, char key, int64_t want)
{
    size_t  n = 0;
    int64_t got;

    fuzz_require(fuzz_char(s) == ';' && fuzz_char(s) == key
                 && fuzz_char(s) == '=');
    while (n < s->len
           && (s->data[n] == '-' || (s->data[n] >= '0' && s->data[n] <= '9'))) {
        n++;
    }
    fuzz_require(n >= 1 && n <= 16);
    fuzz_require(wd_int_parse(wd_str(s->data, n), &got) == WD_OK);
    want = wd_max(wd_min(want, WD_SF_INT_MAX), -WD_SF_INT_MAX);
    fuzz_require(got == want);
    *s = wd_str(s->data + n, s->len - n);
}


static void
fuzz_text(wd_str_t *s, char key, wd_str_t want)
{
    fuzz_require(fuzz_char(s) == ';' && fuzz_char(s) == key
                 && fuzz_char(s) == '=');
    fuzz_string(s, want);
}


static void
fuzz_read(wd_str_t s, const fuzz_item_t *items, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (i != 0) {
            fuzz_require(fuzz_char(&s) == ',' && fuzz_char(&s) == ' ');
        }
        fuzz_string(&s, items[i].name);
        fuzz_param(&s, 'q', items[i].q);
        fuzz_param(&s, 'w', items[i].w);
        fuzz_text(&s, 'u', items[i].name);
    }
    fuzz_require(s.len == 0);
}


/* Each item: length, name, two numbers. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      n = 0, i, len;
    wd_buf_t    b = WD_BUF_INIT;
    fuzz_item_t items[FUZZ_ITEMS];

    while (n < FUZZ_ITEMS && size >= 17) {
        len = wd_min((size_t) data[0] % 64, size - 17);
        items[n].name = wd_str((const char *) data + 1, len);
        memcpy(&items[n].q, data + 1 + len, 8);
        memcpy(&items[n].w, data + 9 + len, 8);
        data += 17 + len;
        size -= 17 + len;
        n++;
    }

    for (i = 0; i < n; i++) {
        wd_sf_item(&b, items[i].name);
        wd_sf_param(&b, "q", items[i].q);
        wd_sf_param(&b, "w", items[i].w);
        wd_sf_text(&b, "u", items[i].name);
    }
    fuzz_require(b.err == WD_OK);
    fuzz_read(wd_buf_view(&b), items, n);
    wd_buf_done(&b);
    return 0;
}
