/*
 * Arguments: every parameter of the catalogue at its bounds, query strings,
 * paths and JSON bodies, good and bad.
 */
#include "wd_test.h"

#include "wd_args.h"
#include "wd_mp.h"

#include <ctype.h>

static wd_buf_t   out;
static wd_error_t err;
static wd_args_t  args;
static char       scratch[WD_BODY_MAX + 16];


static const wd_method_t *
method(const char *name)
{
    const wd_method_t *m = wd_method_by_name(wd_str_z(name));

    if (m == NULL) {
        fail_msg("no method %s", name);
    }
    return m;
}


static void
begin(const wd_method_t *m)
{
    wd_args_init(&args, m);
    wd_buf_reset(&out);
    memset(&err, 0, sizeof(err));
}


static int
encode_query(const char *name, const char *query)
{
    int rc;

    begin(method(name));
    rc = wd_args_query(&args, wd_str_z(query), scratch, &err);
    return rc != WD_OK ? rc : wd_args_encode(&args, &out, &err);
}


static int
encode_json(const char *name, wd_str_t body)
{
    int rc;

    begin(method(name));
    rc = wd_args_json(&args, body, scratch, &err);
    return rc != WD_OK ? rc : wd_args_encode(&args, &out, &err);
}


static wd_mp_t
argument(const char *name)
{
    wd_mp_t at = wd_mp("", 0);

    if (wd_mp_map_find(wd_mp(out.data, out.len), name, &at) != WD_OK) {
        fail_msg("no argument %s", name);
    }
    return at;
}


static int64_t
int_of(const char *name)
{
    int64_t v = 0;
    wd_mp_t at = argument(name);

    assert_ok(wd_mp_read_int(&at, &v));
    return v;
}


static wd_str_t
str_of(const char *name)
{
    wd_str_t v = WD_STR_NULL;
    wd_mp_t  at = argument(name);

    assert_ok(wd_mp_read_str(&at, &v));
    return v;
}


/* The items of a list, joined by blanks. */
static const char *
list_of(const char *name)
{
    uint32_t    n;
    wd_str_t    v;
    wd_mp_t     at = argument(name);
    static char text[4096];

    text[0] = '\0';
    assert_ok(wd_mp_read_array(&at, &n));
    while (n-- != 0) {
        assert_ok(wd_mp_read_str(&at, &v));
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s",
                 text[0] != '\0' ? " " : "", WD_STR_ARG(v));
    }
    return text;
}


static wd_ns_t
time_of(const char *text)
{
    wd_ns_t t;

    assert_ok(wd_time_parse(wd_str_z(text), &t, NULL));
    return t;
}


/* A value that the parameter takes; "" for a type without one. */
static wd_str_t
good_value(const wd_param_t *p)
{
    static char text[600];
    wd_str_t    all, one;

    switch (p->type) {
    case WD_P_ENUM:
        all = wd_str_z(p->extra);
        wd_str_split(&all, '|', &one);
        return one;
    case WD_P_INT:
    case WD_P_NUM:
        snprintf(text, sizeof(text), "%.0f", p->min);
        return wd_str_z(text);
    case WD_P_BOOL:
        return WD_STR("true");
    case WD_P_SYMBOL:
    case WD_P_SYMBOLS:
        return WD_STR("IBM");
    case WD_P_LIST:
        return p->extra != NULL && strcmp(p->extra, "perm") == 0
                   ? WD_STR("bars:read")
                   : WD_STR("a");
    case WD_P_TIME:
    case WD_P_TIME_END:
    case WD_P_PERIOD:
    case WD_P_PERIOD_END:
        return WD_STR("2024-01-31");
    default:
        memset(text, 'a', sizeof(text));
        return wd_str(text, (size_t) p->min);
    }
}


/* The method with this value; all other required ones are good. */
static int
try_value(const wd_method_t *m, const wd_param_t *p, wd_str_t value)
{
    size_t i;

    begin(m);
    assert_ok(wd_args_add(&args, wd_str_z(p->name), value, &err));
    for (i = 0; i < m->n_params; i++) {
        if (&m->params[i] != p && (m->params[i].flags & WD_P_REQUIRED)) {
            wd_str_t v = good_value(&m->params[i]);
            char    *copy = malloc(v.len + 1);

            memcpy(copy, v.data, v.len);
            assert_ok(wd_args_add(&args, wd_str_z(m->params[i].name),
                                  wd_str(copy, v.len), &err));
        }
    }
    return wd_args_encode(&args, &out, &err);
}


static void
drop_values(const wd_param_t *p)
{
    size_t i;

    for (i = 0; i < args.method->n_params; i++) {
        if (&args.method->params[i] != p
            && (args.method->params[i].flags & WD_P_REQUIRED)) {
            free((char *) (uintptr_t) args.values[i].data);
        }
    }
}


static void
takes(const wd_method_t *m, const wd_param_t *p, wd_str_t v)
{
    wd_mp_t c;

    if (try_value(m, p, v) != WD_OK) {
        fail_msg("%s.%s does not take '%.*s': %s", m->name, p->name,
                 WD_STR_ARG(v), err.text);
    }
    c = wd_mp(out.data, out.len);
    assert_ok(wd_mp_skip(&c));
    assert_ptr_equal(c.p, c.end);
    argument(p->name);
    drop_values(p);
}


/* The message names the parameter and says a rule. */
static void
refuses(const wd_method_t *m, const wd_param_t *p, wd_str_t v)
{
    if (try_value(m, p, v) != WD_EPARAM) {
        fail_msg("%s.%s takes '%.*s'", m->name, p->name, WD_STR_ARG(v));
    }
    assert_view(args.bad, p->name);
    assert_int_equal(err.code, WD_EPARAM);
    assert_has(err.text, p->name);
    assert_has(err.text, "must ");
    drop_values(p);
}


static void
check_number(const wd_method_t *m, const wd_param_t *p)
{
    char text[64];

    snprintf(text, sizeof(text), "%.0f", p->min);
    takes(m, p, wd_str_z(text));
    snprintf(text, sizeof(text), "%.0f", p->max);
    takes(m, p, wd_str_z(text));
    snprintf(text, sizeof(text), "%.0f", p->min - 1);
    refuses(m, p, wd_str_z(text));
    snprintf(text, sizeof(text), "%.0f", p->max + 1);
    refuses(m, p, wd_str_z(text));
    refuses(m, p, WD_STR(""));
    refuses(m, p, WD_STR("x"));
    refuses(m, p, WD_STR(" 1"));
    refuses(m, p, WD_STR("0x5"));
    refuses(m, p, WD_STR("nan"));
    refuses(m, p, WD_STR("inf"));
    refuses(m, p, WD_STR("99999999999999999999999999"));
    refuses(m, p, WD_STR("1e400"));
    if (p->type == WD_P_INT) {
        refuses(m, p, WD_STR("1.5"));
        refuses(m, p, WD_STR("1e0"));
    } else {
        takes(m, p, WD_STR("1.5"));
        snprintf(text, sizeof(text), "%.0f.0000001", p->max);
        refuses(m, p, wd_str_z(text));
    }
}


static void
check_text(const wd_method_t *m, const wd_param_t *p)
{
    char   text[2048];
    size_t min = (size_t) p->min, max = (size_t) p->max;

    assert_true(max < sizeof(text));
    memset(text, 'a', sizeof(text));
    takes(m, p, wd_str(text, min));
    takes(m, p, wd_str(text, max));
    refuses(m, p, wd_str(text, min - 1));
    refuses(m, p, wd_str(text, max + 1));
    text[0] = '\0';
    refuses(m, p, wd_str(text, min));
    text[0] = '\x1f';
    refuses(m, p, wd_str(text, min));
    text[0] = '\x7f';
    refuses(m, p, wd_str(text, min));
    text[0] = '\xff';
    refuses(m, p, wd_str(text, min));
    text[0] = ' ';
    if (p->extra == NULL) {
        takes(m, p, wd_str(text, min));
        if (min >= 2 || max >= 2) {
            memcpy(text, "\xc3\xa9", 2);
            takes(m, p, wd_str(text, wd_max(min, (size_t) 2)));
        }
    } else {
        refuses(m, p, wd_str(text, min));
        text[0] = '%';
        refuses(m, p, wd_str(text, min));
        text[0] = '-';
        takes(m, p, wd_str(text, min));
    }
}


static bool
is_value(const wd_param_t *p, wd_str_t v)
{
    wd_str_t all = wd_str_z(p->extra), one;

    while (wd_str_split(&all, '|', &one)) {
        if (wd_str_eq(one, v)) {
            return true;
        }
    }
    return false;
}


static void
check_enum(const wd_method_t *m, const wd_param_t *p)
{
    char     text[64];
    wd_str_t all = wd_str_z(p->extra), one;

    while (wd_str_split(&all, '|', &one)) {
        takes(m, p, one);
        if (!is_value(p, wd_str(one.data, one.len - 1))) {
            refuses(m, p, wd_str(one.data, one.len - 1));
        }
        memcpy(text, one.data, one.len);
        text[one.len] = 'x';
        refuses(m, p, wd_str(text, one.len + 1));
        text[0] = (char) toupper((unsigned char) text[0]);
        if (text[0] != one.data[0]) {
            refuses(m, p, wd_str(text, one.len));
        }
    }
    refuses(m, p, WD_STR(""));
    refuses(m, p, wd_str_z(p->extra));
}


static void
check_list(const wd_method_t *m, const wd_param_t *p)
{
    bool     perm = p->extra != NULL && strcmp(p->extra, "perm") == 0;
    bool     any = p->type == WD_P_LIST && p->extra == NULL;
    size_t   i, n;
    wd_buf_t v = WD_BUF_INIT;

    for (n = (size_t) p->max; n <= (size_t) p->max + 1; n++) {
        wd_buf_reset(&v);
        for (i = 0; i < n; i++) {
            wd_buf_printf(&v, "%s%s%c%c%c", i != 0 ? "," : "",
                          perm ? "x:" : "", (int) ('a' + i / 26 / 26),
                          (int) ('a' + i / 26 % 26), (int) ('a' + i % 26));
        }
        (n == (size_t) p->max ? takes : refuses)(m, p, wd_buf_view(&v));
    }
    refuses(m, p, WD_STR(""));
    refuses(m, p, WD_STR(","));
    refuses(m, p, perm ? WD_STR("a:b,") : WD_STR("a,"));
    refuses(m, p, perm ? WD_STR(",a:b") : WD_STR(",a"));
    refuses(m, p, perm ? WD_STR("a:b,,c:d") : WD_STR("a,,b"));
    (any ? takes : refuses)(m, p, WD_STR("a b"));
    (any ? takes : refuses)(m, p, WD_STR("\xc3\xa9"));
    refuses(m, p, WD_STR("a\0b"));
    refuses(m, p, WD_STR("a\x1f"));
    wd_buf_done(&v);
}


static void
check_symbol(const wd_method_t *m, const wd_param_t *p)
{
    char symbol[40];

    memset(symbol, 'z', sizeof(symbol));
    takes(m, p, wd_str(symbol, 1));
    takes(m, p, wd_str(symbol, 32));
    refuses(m, p, wd_str(symbol, 33));
    refuses(m, p, WD_STR(""));
    takes(m, p, WD_STR("BRK.B"));
    takes(m, p, WD_STR("EUR/USD"));
    takes(m, p, WD_STR("^GSPC"));
    takes(m, p, WD_STR("CL=F"));
    takes(m, p, WD_STR("a-b:c_d"));
    refuses(m, p, WD_STR("A B"));
    refuses(m, p, WD_STR("A%"));
    refuses(m, p, WD_STR("A\0B"));
    refuses(m, p, WD_STR("\xc3\x84"));
    refuses(m, p, WD_STR("A'"));
}


static void
check_time(const wd_method_t *m, const wd_param_t *p)
{
    takes(m, p, WD_STR("2024-01-31"));
    takes(m, p, WD_STR("2024-01-31T09:30:00Z"));
    takes(m, p, WD_STR("2024-01-31T09:30:00.25-05:00"));
    takes(m, p, WD_STR("1678-01-01"));
    takes(m, p, WD_STR("2261-12-31"));
    refuses(m, p, WD_STR("1600-01-01"));
    refuses(m, p, WD_STR("2300-01-01"));
    refuses(m, p, WD_STR(""));
    refuses(m, p, WD_STR("2024"));
    refuses(m, p, WD_STR("2024-02-30"));
    refuses(m, p, WD_STR("yesterday"));
    refuses(m, p, WD_STR("1706702400"));
}


static void
check_period(const wd_method_t *m, const wd_param_t *p)
{
    takes(m, p, WD_STR("2001"));
    takes(m, p, WD_STR("2001-07"));
    takes(m, p, WD_STR("2001M07"));
    takes(m, p, WD_STR("2001Q3"));
    takes(m, p, WD_STR("2001-07-05"));
    takes(m, p, WD_STR("2261"));
    refuses(m, p, WD_STR("1600"));
    refuses(m, p, WD_STR("2263"));
    refuses(m, p, WD_STR("9999"));
    refuses(m, p, WD_STR("0000"));
    refuses(m, p, WD_STR("2001Q0"));
    refuses(m, p, WD_STR("2001Q5"));
    refuses(m, p, WD_STR("2001-00"));
    refuses(m, p, WD_STR("2001-13"));
    refuses(m, p, WD_STR("2001-7"));
    refuses(m, p, WD_STR("200"));
    refuses(m, p, WD_STR("20011"));
    refuses(m, p, WD_STR(""));
    refuses(m, p, WD_STR("2001-07-05T00:00:00Z"));
}


static void
test_bounds(void **state)
{
    size_t             i, k;
    const wd_param_t  *p;
    const wd_method_t *m = wd_methods();

    (void) state;
    for (i = 0; i < WD_METHOD_COUNT; i++, m++) {
        for (k = 0; k < m->n_params; k++) {
            p = &m->params[k];
            switch (p->type) {
            case WD_P_STR:
                check_text(m, p);
                break;
            case WD_P_ENUM:
                check_enum(m, p);
                break;
            case WD_P_INT:
            case WD_P_NUM:
                check_number(m, p);
                break;
            case WD_P_BOOL:
                takes(m, p, WD_STR("false"));
                refuses(m, p, WD_STR("1"));
                refuses(m, p, WD_STR("TRUE"));
                refuses(m, p, WD_STR(""));
                break;
            case WD_P_SYMBOL:
                check_symbol(m, p);
                break;
            case WD_P_SYMBOLS:
                check_symbol(m, p);
                check_list(m, p);
                break;
            case WD_P_LIST:
                check_list(m, p);
                break;
            case WD_P_TIME:
            case WD_P_TIME_END:
                check_time(m, p);
                break;
            case WD_P_PERIOD:
            case WD_P_PERIOD_END:
                check_period(m, p);
                break;
            }
        }
    }
}


static void
test_required_and_defaults(void **state)
{
    int                rc;
    size_t             i, k;
    bool               required;
    uint32_t           n, want;
    wd_mp_t            c;
    const wd_method_t *m = wd_methods();

    (void) state;
    for (i = 0; i < WD_METHOD_COUNT; i++, m++) {
        required = false;
        want = 0;
        for (k = 0; k < m->n_params; k++) {
            required = required || (m->params[k].flags & WD_P_REQUIRED);
            want += m->params[k].def != NULL;
        }
        begin(m);
        rc = wd_args_encode(&args, &out, &err);
        if (required) {
            assert_int_equal(rc, WD_EPARAM);
            assert_has(err.text, "is required");
            assert_true(args.bad.len != 0);
        } else {
            assert_ok(rc);
            c = wd_mp(out.data, out.len);
            assert_ok(wd_mp_read_map(&c, &n));
            assert_int_equal(n, want);
        }
    }
}


static void
test_query(void **state)
{
    wd_mp_t at;

    (void) state;
    assert_ok(encode_query("bars.query",
                           "symbol=ibm,msft,IBM&from=2024-01-31&to=2024-01-31"
                           "&&limit=5&"));
    assert_string_equal(list_of("symbol"), "IBM MSFT");
    assert_true(int_of("from") == time_of("2024-01-31"));
    assert_true(int_of("to") == time_of("2024-02-01") - 1);
    assert_int_equal(int_of("limit"), 5);
    assert_view(str_of("timeframe"), "1d");
    assert_view(str_of("adjustment"), "raw");
    assert_int_equal(wd_mp_map_find(wd_mp(out.data, out.len), "cursor", &at),
                     WD_ENOTFOUND);

    assert_ok(encode_query("bars.query", "symbol=%49%62%4d%2CA%2fB&"
                                         "%6Cimit=7&from=2024-01-31T00:00:00%"
                                         "2B01:00&to=2024-01-31T00:00:00+01:00"
                           ));
    assert_string_equal(list_of("symbol"), "IBM A/B");
    assert_int_equal(int_of("limit"), 7);
    assert_true(int_of("from") == time_of("2024-01-30T23:00:00Z"));
    assert_true(int_of("to") == time_of("2024-01-30T23:00:00Z"));

    assert_ok(encode_query("instruments.search", "q=a+b%2Bc%20d%3D%26%25"));
    assert_view(str_of("q"), "a b+c d=&%");
    assert_ok(encode_query("instruments.search", "q=a=b=c"));
    assert_view(str_of("q"), "a=b=c");
    assert_ok(encode_query("instruments.search", ""));
    assert_ok(encode_query("instruments.search", "&&&"));

    assert_ok(encode_query("macro.query",
                           "indicator=A.B,C&country=DE;FR&from=2001Q3"
                           "&to=2001Q4"));
    assert_string_equal(list_of("indicator"), "A.B C");
    assert_true(int_of("from") == time_of("2001-07-01"));
    assert_true(int_of("to") == time_of("2002-01-01") - 1);
    assert_ok(encode_query("macro.query", "indicator=A&from=2000&to=2000"));
    assert_true(int_of("from") == time_of("2000-01-01"));
    assert_true(int_of("to") == time_of("2001-01-01") - 1);
    assert_ok(encode_query("macro.query", "indicator=A&from=2000-12"
                                          "&to=2000-12"));
    assert_true(int_of("from") == time_of("2000-12-01"));
    assert_true(int_of("to") == time_of("2001-01-01") - 1);
    assert_ok(encode_query("macro.query", "indicator=A&to=2000-02-29"));
    assert_true(int_of("to") == time_of("2000-03-01") - 1);
}


static void
test_query_bad(void **state)
{
    static const struct {
        const char *query;
        const char *param; /* in the message, and what was refused */
        const char *rule;
    } rows[] = {
        {"symbol=A&symbol=B", "symbol", "twice"},
        {"symbol=A&nothing=1", "nothing", "not known"},
        {"symbol=A&Limit=1", "Limit", "not known"},
        {"symbol=A&=1", "", "not known"},
        {"symbol=A&limit", "limit", "integer from 1 to 50000"},
        {"symbol=A&limit=0", "limit", "integer from 1 to 50000"},
        {"symbol=A&limit=%", "limit", "percent"},
        {"symbol=A&limit=%4", "limit", "percent"},
        {"symbol=A&limit=%4g", "limit", "percent"},
        {"symbol=A&limit=%g4", "limit", "percent"},
        {"symbol=A&%=1", NULL, "percent"},
        {"symbol=A&%ff=1", NULL, "percent"},
        {"symbol=A&x%00y=1", NULL, ""},
        {"limit=5", "symbol", "required"},
        {"symbol=", "symbol", "list of symbols"},
        {"symbol=A&from=2024-02-30", "from", "2024-01-31"},
        {"symbol=A&order=down", "order", "asc|desc"},
    };
    size_t             i, k;
    static const char *longest =
        "a_name_that_is_far_too_long_to_be_repeated_in_a_message=1";

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        if (encode_query("bars.query", rows[i].query) != WD_EPARAM) {
            fail_msg("%s is taken", rows[i].query);
        }
        if (rows[i].param != NULL) {
            assert_view(args.bad, rows[i].param);
            assert_has(err.text, rows[i].param);
        }
        assert_has(err.text, rows[i].rule);
    }

    assert_int_equal(encode_query("bars.query", longest), WD_EPARAM);
    assert_true(args.bad.len <= 40);

    /* what the client sent is printable before it is repeated */
    for (k = 1; k < 256; k++) {
        char query[64];

        snprintf(query, sizeof(query), "aa%%%02x=1", (unsigned) k);
        assert_int_equal(encode_query("bars.query", query), WD_EPARAM);
        for (i = 0; err.text[i] != '\0'; i++) {
            if ((unsigned char) err.text[i] < 0x20 || err.text[i] == 0x7f) {
                fail_msg("byte %02x in a message", (unsigned) k);
            }
        }
    }
    /* and not cut inside of a character */
    for (k = 0; k < 4; k++) {
        char query[128];

        snprintf(query, sizeof(query), "%.*s%s=1", (int) k, "aaaa",
                 "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                 "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                 "\xe2\x82\xac\xe2\x82\xac");
        assert_int_equal(encode_query("bars.query", query), WD_EPARAM);
        assert_true(wd_utf8_valid(wd_str_z(err.text)));
        assert_true(wd_utf8_valid(args.bad));
    }
}


/* Secrets do not stand in a query string. */
static void
test_query_secret(void **state)
{
    (void) state;
    assert_int_equal(encode_query("users.create",
                                  "email=a@b.c&password=correct+horse"),
                     WD_EPARAM);
    assert_view(args.bad, "password");
    assert_null(strstr(err.text, "correct"));
    assert_ok(encode_json("users.create",
                          WD_STR("{\"email\":\"a@b.c\","
                                 "\"password\":\"correct horse\"}")));
    assert_view(str_of("password"), "correct horse");
}


static void
test_query_size(void **state)
{
    wd_buf_t q = WD_BUF_INIT;

    (void) state;
    wd_buf_z(&q, "symbol=A");
    while (q.len < WD_QUERY_MAX) {
        wd_buf_byte(&q, '&');
    }
    begin(method("bars.query"));
    assert_ok(wd_args_query(&args, wd_buf_view(&q), scratch, &err));
    wd_buf_byte(&q, '&');
    begin(method("bars.query"));
    assert_int_equal(wd_args_query(&args, wd_buf_view(&q), scratch, &err),
                     WD_EURITOOLONG);
    wd_buf_done(&q);
}


static void
test_unescape(void **state)
{
    int      i;
    char     raw[4], dst[8];
    wd_str_t v;

    (void) state;
    for (i = 0; i < 256; i++) {
        snprintf(raw, sizeof(raw), "%%%02x", (unsigned) i);
        assert_ok(wd_args_unescape(wd_str(raw, 3), false, dst, &v));
        assert_int_equal(v.len, 1);
        assert_int_equal((unsigned char) v.data[0], i);
    }
    assert_ok(wd_args_unescape(WD_STR("a+b"), false, dst, &v));
    assert_view(v, "a+b");
    assert_ok(wd_args_unescape(WD_STR("a+b"), true, dst, &v));
    assert_view(v, "a b");
    assert_ok(wd_args_unescape(WD_STR(""), true, dst, &v));
    assert_int_equal(v.len, 0);
    assert_ok(wd_args_unescape(WD_STR("%2541"), true, dst, &v));
    assert_view(v, "%41"); /* once */
}


static void
test_path(void **state)
{
    (void) state;
    begin(method("instruments.get"));
    assert_ok(wd_args_path(&args, 0, WD_STR("brk%2Fb"), scratch, &err));
    assert_ok(wd_args_encode(&args, &out, &err));
    assert_view(str_of("symbol"), "BRK/B");

    begin(method("instruments.get"));
    assert_int_equal(wd_args_path(&args, 0, WD_STR("a%2"), scratch, &err),
                     WD_EPARAM);
    assert_view(args.bad, "symbol");
    begin(method("instruments.get"));
    assert_ok(wd_args_path(&args, 0, WD_STR("a+b"), scratch, &err));
    assert_int_equal(wd_args_encode(&args, &out, &err), WD_EPARAM);
    assert_int_not_equal(wd_args_path(&args, 1, WD_STR("a"), scratch, &err),
                         WD_OK);

    /* the query does not replace what the path says */
    begin(method("keys.revoke"));
    assert_ok(wd_args_path(&args, 0, WD_STR("5"), scratch, &err));
    assert_int_equal(wd_args_query(&args, WD_STR("id=6"), scratch + 10, &err),
                     WD_EPARAM);
    assert_has(err.text, "twice");
}


static void
test_json(void **state)
{
    wd_mp_t at;

    (void) state;
    assert_ok(encode_json(
        "ingest.run",
        WD_STR(" \r\n\t{ \"provider\" : \"worldbank\" ,\n\"dataset\":"
               "\"indicator\",\"symbol\":null,\"country\":\"\\u0061ll\"} ")));
    assert_view(str_of("country"), "all");
    assert_int_equal(wd_mp_map_find(wd_mp(out.data, out.len), "symbol", &at),
                     WD_ENOTFOUND);

    assert_ok(encode_json("keys.create",
                          WD_STR("{\"user\":\"a@b.c\",\"permissions\":[\"bars:"
                                 "read\" , \"*:*\",\"bars:read\"]}")));
    assert_string_equal(list_of("permissions"), "bars:read *:*");
    assert_ok(encode_json("keys.create",
                          WD_STR("{\"user\":\"a@b.c\",\"permissions\":"
                                 "\"a:b,c:d\"}")));
    assert_string_equal(list_of("permissions"), "a:b c:d");

    assert_ok(encode_json(
        "users.create",
        WD_STR("{\"email\":\"\\u00e9\\ud83d\\ude00@b.c\",\"name\":"
               "\"\\\"\\\\\\/ \\uFFFF\"}")));
    assert_view(str_of("email"), "\xc3\xa9\xf0\x9f\x98\x80@b.c");
    assert_view(str_of("name"), "\"\\/ \xef\xbf\xbf");

    /* a number or a truth value stands for its text */
    assert_ok(encode_json("users.create",
                          WD_STR("{\"email\":12345,\"name\":true}")));
    assert_view(str_of("email"), "12345");
    assert_view(str_of("name"), "true");
    assert_ok(encode_json("users.create", WD_STR("{\"email\":-1.5e+10}")));
    assert_view(str_of("email"), "-1.5e+10");
    assert_ok(encode_json("users.create", WD_STR("{\"email\":\"null\"}")));
    assert_view(str_of("email"), "null");
}


#define P "\"provider\":\"alphavantage\",\"dataset\":\"daily\""

static void
test_json_bad(void **state)
{
#define ROW(text) {text, sizeof(text) - 1}
    static const struct {
        const char *text;
        size_t      len;
    } rows[] = {
        ROW(""), ROW(" "), ROW("{"), ROW("}"), ROW("[]"), ROW("[{" P "}]"),
        ROW("null"), ROW("true"), ROW("1"), ROW("\"a\""), ROW("{}}"),
        ROW("{\"a\""), ROW("{\"a\"}"), ROW("{\"a\":"), ROW("{\"a\":}"),
        ROW("{:1}"), ROW("{,}"), ROW("{1:1}"), ROW("{" P ",}"),
        ROW("{," P "}"), ROW("{" P ",,\"symbol\":\"A\"}"),
        ROW("{" P " \"symbol\":\"A\"}"), ROW("{" P "}x"), ROW("{" P "}{}"),
        ROW("{" P "};"), ROW("{" P "} /* */"), ROW("// \n{" P "}"),
        ROW("{" P ",'symbol':'A'}"), ROW("{" P ",symbol:\"A\"}"),
        ROW("{" P ",\"symbol\":A}"), ROW("{" P ",\"symbol\":\"A}"),
        ROW("{" P ",\"symbol\":\"\\x41\"}"),
        ROW("{" P ",\"symbol\":\"\\u00\"}"),
        ROW("{" P ",\"symbol\":\"\\u00g0\"}"),
        ROW("{" P ",\"symbol\":\"\\ud800\"}"),
        ROW("{" P ",\"symbol\":\"\\udc00\"}"),
        ROW("{" P ",\"symbol\":\"\\ud800\\u0041\"}"),
        ROW("{" P ",\"symbol\":\"\\ud800x\"}"),
        ROW("{" P ",\"symbol\":\"\\ud800\\ud800\"}"),
        ROW("{" P ",\"symbol\":\"\\"), ROW("{" P ",\"symbol\":\"\\u"),
        ROW("{" P ",\"symbol\":\"\\\0\"}"),
        ROW("{" P ",\"symbol\":\"a\nb\"}"), ROW("{" P ",\"symbol\":\"\0\"}"),
        ROW("{" P ",\"symbol\":\"\xff\"}"),
        ROW("{" P ",\"symbol\":\"\xc0\x80\"}"),
        ROW("{" P ",\"symbol\":\"\xed\xa0\x80\"}"),
        ROW("{\"\xff\":1," P "}"), ROW("{" P ",\"symbol\":nul}"),
        ROW("{" P ",\"symbol\":nulll}"), ROW("{" P ",\"symbol\":True}"),
        ROW("{" P ",\"symbol\":NaN}"), ROW("{" P ",\"symbol\":Infinity}"),
        ROW("{" P ",\"symbol\":-Infinity}"), ROW("{" P ",\"symbol\":+1}"),
        ROW("{" P ",\"symbol\":01}"), ROW("{" P ",\"symbol\":-01}"),
        ROW("{" P ",\"symbol\":00}"), ROW("{" P ",\"symbol\":1.}"),
        ROW("{" P ",\"symbol\":.5}"), ROW("{" P ",\"symbol\":-.5}"),
        ROW("{" P ",\"symbol\":1e}"), ROW("{" P ",\"symbol\":1e+}"),
        ROW("{" P ",\"symbol\":1.e5}"), ROW("{" P ",\"symbol\":0x1}"),
        ROW("{" P ",\"symbol\":1_0}"), ROW("{" P ",\"symbol\":-}"),
        ROW("{" P ",\"symbol\":--1}"), ROW("{" P ",\"symbol\":{}}"),
        ROW("{" P ",\"symbol\":{\"a\":1}}"), ROW("{" P ",\"symbol\":[[]]}"),
        ROW("{" P ",\"symbol\":[1,]}"), ROW("{" P ",\"symbol\":[,1]}"),
        ROW("{" P ",\"symbol\":[1}"), ROW("{" P ",\"symbol\":[1"),
        ROW("{" P ",\"symbol\":[1 2]}"), ROW("{" P ",\"symbol\":[{}]}"),
        ROW("{" P ",\"symbol\":[null]}"), ROW("{" P ",\"symbol\":[1,null]}"),
        ROW("{" P ",\"symbol\":\"a\"\"b\"}"),
        ROW("\xef\xbb\xbf{" P "}"), ROW("{\0" P "}"), ROW("{" P "}\0"),
    };
    size_t   i;
    wd_str_t body;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        /* an allocation of its own, so that a sanitizer sees what is read */
        char *copy = malloc(rows[i].len + 1);

        memcpy(copy, rows[i].text, rows[i].len);
        body = wd_str(copy, rows[i].len);
        if (encode_json("ingest.run", body) != WD_EINVAL) {
            fail_msg("taken: %s", rows[i].text);
        }
        assert_has(err.text, "the body is not valid");
        free(copy);
    }
    assert_int_equal(encode_json("ingest.run", WD_STR_NULL), WD_EINVAL);
}


static void
test_json_refused(void **state)
{
    static const struct {
        const char *method, *body, *param, *rule;
    } rows[] = {
        {"ingest.run", "{}", "provider", "required"},
        {"ingest.run", "{\"provider\":\"alphavantage\"}", "dataset",
         "required"},
        {"ingest.run", "{\"provider\":\"x\",\"dataset\":\"daily\"}",
         "provider", "alphavantage"},
        {"ingest.run", "{" P ",\"nothing\":1}", "nothing", "not known"},
        {"ingest.run", "{" P ",\"nothing\":null}", "nothing", "not known"},
        {"ingest.run", "{" P ",\"provider\":\"worldbank\"}", "provider",
         "twice"},
        {"ingest.run", "{" P ",\"symbol\":\"a\\u0000b\"}", "symbol",
         "letters, digits"},
        {"ingest.run", "{" P ",\"symbol\":\"\"}", "symbol", "1 to 32"},
        {"ingest.run", "{" P ",\"symbol\":[\"A\"]}", "symbol", "list"},
        {"ingest.run", "{" P ",\"outputsize\":[\"full\"]}", "outputsize",
         "list"},
        {"ingest.run", "{" P ",\"month\":\"2024-001\"}", "month", "7 bytes"},
        {"keys.create", "{\"user\":\"a@b.c\",\"permissions\":[]}",
         "permissions", "list"},
        {"keys.create", "{\"user\":\"a@b.c\",\"permissions\":[\"\"]}",
         "permissions", "list"},
        {"keys.create", "{\"user\":\"a@b.c\",\"permissions\":[1,2]}",
         "permissions", "resource:action"},
        {"keys.create", "{\"user\":\"a@b.c\",\"expires\":true}", "expires",
         "RFC 3339"},
    };
    size_t i;
    int    rc;

    (void) state;
    /* an item is one item */
    assert_int_not_equal(
        encode_json("keys.create",
                    WD_STR("{\"user\":\"abc\",\"permissions\":[\"a:b,c:d\"]}")),
        WD_OK);
    for (i = 0; i < wd_array_len(rows); i++) {
        rc = encode_json(rows[i].method, wd_str_z(rows[i].body));
        if (rc != WD_EPARAM) {
            fail_msg("%s gives %d: %s", rows[i].body, rc, err.text);
        }
        assert_view(args.bad, rows[i].param);
        assert_has(err.text, rows[i].param);
        assert_has(err.text, rows[i].rule);
    }
}


static void
test_json_size(void **state)
{
    int      n;
    wd_buf_t b = WD_BUF_INIT;

    (void) state;
    wd_buf_z(&b, "{" P "}");
    while (b.len < WD_BODY_MAX) {
        wd_buf_byte(&b, ' ');
    }
    assert_ok(encode_json("ingest.run", wd_buf_view(&b)));
    wd_buf_byte(&b, ' ');
    assert_int_equal(encode_json("ingest.run", wd_buf_view(&b)), WD_ETOOBIG);

    /* as many items as fit: refused after the cap, not after all of them */
    wd_buf_reset(&b);
    wd_buf_z(&b, "{\"user\":\"abc\",\"permissions\":\"a:b");
    while (b.len < WD_BODY_MAX - 10) {
        wd_buf_z(&b, ",a:b");
    }
    wd_buf_z(&b, "\"}");
    assert_int_equal(encode_json("keys.create", wd_buf_view(&b)), WD_EPARAM);
    assert_has(err.text, "at most 32 items");

    /* deep */
    wd_buf_reset(&b);
    wd_buf_z(&b, "{\"user\":");
    for (n = 0; n < 60000; n++) {
        wd_buf_byte(&b, '[');
    }
    assert_int_equal(encode_json("keys.create", wd_buf_view(&b)), WD_EINVAL);
    wd_buf_done(&b);
}


/* Every prefix of a good body is refused and leaves the memory alone. */
static void
test_json_cut(void **state)
{
    static const char good[] =
        "{\"user\":\"\\u00e9\\ud83d\\ude00\\n@b\",\"permissions\":[\"a:b\" ,"
        "\"*:*\"],\"plan\":null,\"name\":-1.25e+3}";
    size_t n;
    char  *body, *room;

    (void) state;
    for (n = 0; n < sizeof(good); n++) {
        body = malloc(n + 1);
        room = malloc(n != 0 ? n : 1);
        memcpy(body, good, n);
        begin(method("keys.create"));
        assert_int_equal(
            wd_args_json(&args, wd_str(body, n), room, &err),
            n == sizeof(good) - 1 ? WD_OK : WD_EINVAL);
        free(body);
        free(room);
    }
}


static int
done(void **state)
{
    (void) state;
    wd_buf_done(&out);
    return 0;
}


/* A list of values that is longer than the text says that it goes on. */
static void
test_long_enum(void **state)
{
    size_t n;

    (void) state;
    assert_int_equal(
        encode_json("ingest.run",
                    WD_STR("{\"provider\":\"lseg\",\"dataset\":\"x\"}")),
        WD_EPARAM);
    n = strlen(err.text);
    assert_true(n > 3 && strcmp(err.text + n - 3, "...") == 0);
    assert_int_equal(
        encode_json("ingest.run",
                    WD_STR("{\"provider\":\"x\",\"dataset\":\"daily\"}")),
        WD_EPARAM);
    assert_non_null(strstr(err.text, "|spglobal"));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_required_and_defaults),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_query_bad),
        cmocka_unit_test(test_query_secret),
        cmocka_unit_test(test_query_size),
        cmocka_unit_test(test_unescape),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_bad),
        cmocka_unit_test(test_json_refused),
        cmocka_unit_test(test_json_size),
        cmocka_unit_test(test_json_cut),
        cmocka_unit_test(test_long_enum),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
