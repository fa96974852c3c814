/*
 * fuzz_json.c - the JSON writer: whatever is written in whatever nesting, a
 * strict parser reads it, and numbers and texts come back as they were.
 *
 * The input is a program: a byte says what is written next, the bytes behind
 * it are its text or number.
 */
#include "wd_json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#define DEPTH_MAX 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t *p;
    const uint8_t *end;
} program_t;


static uint8_t
next_byte(program_t *p)
{
    return p->p < p->end ? *p->p++ : 0;
}


static wd_str_t
next_text(program_t *p)
{
    size_t   n = next_byte(p), left = (size_t) (p->end - p->p);
    wd_str_t s = wd_str((const char *) p->p, wd_min(n, left));

    p->p += s.len;
    return s;
}


/* Jansson refuses U+0000 in a key, which is well-formed all the same. */
static wd_str_t
next_key(program_t *p)
{
    wd_str_t s = next_text(p);

    return wd_str(s.data, strnlen(s.data, s.len));
}


static double
next_num(program_t *p)
{
    double v = 0;
    size_t i;

    for (i = 0; i < sizeof(v); i++) {
        ((uint8_t *) &v)[i] = next_byte(p);
    }
    return v;
}


static void
one_value(program_t *p, wd_json_t *j, uint8_t op)
{
    switch (op & 7) {
    case 0:
        wd_json_num(j, next_num(p));
        break;
    case 1:
        wd_json_str(j, next_text(p));
        break;
    case 2:
        wd_json_int(j, next_byte(p) - INT64_C(128));
        break;
    case 3:
        wd_json_bool(j, op & 8);
        break;
    case 4:
        wd_json_null(j);
        break;
    case 5:
        wd_json_time(j, (wd_ns_t) next_byte(p) * WD_NS_PER_DAY * 200);
        break;
    default:
        wd_json_date(j, (wd_ns_t) next_byte(p) * -WD_NS_PER_DAY * 200);
    }
}


/* A number alone: the same one comes back (0 for -0), or null for none. */
static void
check_num(double v)
{
    wd_buf_t  out = WD_BUF_INIT;
    wd_json_t j;
    double    back;

    wd_json_init(&j, &out);
    wd_json_num(&j, v);

    if (!isfinite(v)) {
        if (!wd_str_eq_z(wd_buf_view(&out), "null")) {
            abort();
        }
    } else if (wd_num_parse(wd_buf_view(&out), &back) != WD_OK || back != v) {
        abort();
    }
    wd_buf_done(&out);
}


/* A text alone: what was UTF-8 comes back, something else is replaced. */
static void
check_text(wd_str_t s)
{
    wd_buf_t out = WD_BUF_INIT;
    json_t  *doc;

    wd_json_escape(&out, s);
    doc = json_loadb((const char *) out.data, out.len,
                     JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (doc == NULL) {
        abort();
    }
    if (wd_utf8_valid(s)
        && (json_string_length(doc) != s.len
            || (s.len != 0
                && memcmp(json_string_value(doc), s.data, s.len) != 0))) {
        abort();
    }
    json_decref(doc);
    wd_buf_done(&out);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    program_t p = {data, data + size};
    wd_buf_t  out = WD_BUF_INIT;
    bool      map[DEPTH_MAX];
    int       depth = 0;
    uint8_t   op;
    wd_json_t j;
    json_t   *doc;

    check_text(wd_str((const char *) data, size));
    if (size >= 8) {
        check_num(next_num(&(program_t){data, data + size}));
    }

    wd_json_init(&j, &out);
    wd_json_arr(&j);
    map[depth++] = false;

    while (p.p < p.end) {
        op = next_byte(&p);
        if ((op >> 4) == 1 && depth > 1) {
            wd_json_end(&j);
            depth--;
            continue;
        }
        if (map[depth - 1]) {
            wd_json_key_str(&j, next_key(&p));
        }
        if ((op >> 4) == 2 && depth < DEPTH_MAX) {
            map[depth++] = op & 1;
            if (op & 1) {
                wd_json_obj(&j);
            } else {
                wd_json_arr(&j);
            }
            continue;
        }
        one_value(&p, &j, op);
    }
    while (depth-- > 0) {
        wd_json_end(&j);
    }

    doc = json_loadb((const char *) out.data, out.len, JSON_ALLOW_NUL, NULL);
    if (out.err != WD_OK || doc == NULL) {
        abort();
    }
    json_decref(doc);
    wd_buf_done(&out);
    return 0;
}
