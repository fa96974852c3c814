/*
 * fuzz_args.c - arguments of requests: the first byte chooses the method, the
 * second the form (query, path, JSON body). What is accepted must be a map
 * that names only parameters of the method, each in its declared type.
 */
#include "fuzz.h"

#include "wd_args.h"
#include "wd_mp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const wd_param_t *
fuzz_param(const wd_method_t *m, wd_str_t name)
{
    size_t i;

    for (i = 0; i < m->n_params; i++) {
        if (wd_str_eq_z(name, m->params[i].name)) {
            return &m->params[i];
        }
    }
    abort();
}


static void
fuzz_value(const wd_param_t *p, wd_mp_t *c)
{
    bool     b;
    double   num;
    int64_t  i;
    uint32_t k, n;
    wd_str_t s;

    switch (p->type) {
    case WD_P_STR:
    case WD_P_ENUM:
    case WD_P_SYMBOL:
        fuzz_require(wd_mp_read_str(c, &s) == WD_OK);
        fuzz_require(wd_utf8_valid(s) && memchr(s.data, 0, s.len) == NULL);
        return;
    case WD_P_INT:
        fuzz_require(wd_mp_read_int(c, &i) == WD_OK);
        fuzz_require((double) i >= p->min && (double) i <= p->max);
        return;
    case WD_P_NUM:
        fuzz_require(wd_mp_read_num(c, &num) == WD_OK);
        fuzz_require(num >= p->min && num <= p->max);
        return;
    case WD_P_BOOL:
        fuzz_require(wd_mp_read_bool(c, &b) == WD_OK);
        return;
    case WD_P_SYMBOLS:
    case WD_P_LIST:
        fuzz_require(wd_mp_read_array(c, &n) == WD_OK && n >= 1 && n <= p->max);
        for (k = 0; k < n; k++) {
            fuzz_require(wd_mp_read_str(c, &s) == WD_OK && s.len != 0);
        }
        return;
    case WD_P_TIME:
    case WD_P_TIME_END:
    case WD_P_PERIOD:
    case WD_P_PERIOD_END:
        fuzz_require(wd_mp_read_int(c, &i) == WD_OK);
        return;
    }
}


static void
fuzz_accepted(const wd_method_t *m, const wd_buf_t *map)
{
    uint32_t i, n;
    wd_str_t name;
    wd_mp_t  c = wd_mp(map->data, map->len);

    fuzz_require(wd_mp_read_map(&c, &n) == WD_OK && n <= m->n_params);
    for (i = 0; i < n; i++) {
        fuzz_require(wd_mp_read_str(&c, &name) == WD_OK);
        fuzz_value(fuzz_param(m, name), &c);
    }
    fuzz_require(c.p == c.end);
}


static int
fuzz_read(wd_args_t *a, unsigned form, wd_str_t text, char *scratch,
          wd_error_t *err)
{
    switch (form % 3) {
    case 0:
        return wd_args_query(a, text, scratch, err);
    case 1:
        return wd_args_json(a, text, scratch, err);
    default:
        return wd_method_path_param(a->method, 0) != NULL
                   ? wd_args_path(a, 0, text, scratch, err)
                   : wd_args_query(a, text, scratch, err);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                rc;
    char              *scratch;
    wd_buf_t           out = WD_BUF_INIT;
    wd_args_t          a;
    wd_str_t           text;
    wd_error_t         err = {0};
    wd_route_t         route;
    const wd_method_t *m;

    if (size < 2) {
        return 0;
    }

    m = &wd_methods()[data[0] % WD_METHOD_COUNT];
    text = wd_str((const char *) data + 2, size - 2);
    scratch = malloc(text.len + 1);
    fuzz_require(scratch != NULL);

    (void) !wd_route(WD_HTTP_GET, text, &route, NULL);
    (void) wd_accept_choose(text, m->formats);
    (void) wd_perm_covers(text, WD_STR("bars:read"));

    wd_args_init(&a, m);
    rc = fuzz_read(&a, data[1], text, scratch, &err);
    if (rc == WD_OK) {
        rc = wd_args_encode(&a, &out, &err);
    }
    if (rc == WD_OK) {
        fuzz_accepted(m, &out);
    } else {
        /* A refusal says why, in words that fit into a header or a log. */
        fuzz_require(err.text[0] != '\0');
        fuzz_require(strpbrk(err.text, "\r\n") == NULL || a.bad.data != NULL);
    }

    free(scratch);
    wd_buf_done(&out);
    return 0;
}
