/*
 * The catalogue and its routing, formats, permissions, contexts, API keys.
 */
#include "wd_test.h"

#include "wd_apikey.h"
#include "wd_ctx.h"
#include "wd_method.h"

#include <zlib.h>

static const wd_verb_e verbs[] = {WD_HTTP_GET, WD_HTTP_POST, WD_HTTP_DELETE};


static void
test_catalogue(void **state)
{
    size_t             i, k, n_path;
    wd_str_t           one, all;
    const wd_param_t  *p;
    const wd_method_t *m = wd_methods();

    (void) state;
    for (i = 0; i < WD_METHOD_COUNT; i++, m++) {
        assert_int_equal(m->id, i);
        assert_ptr_equal(wd_method_by_name(wd_str_z(m->name)), m);
        assert_true(m->service < WD_SVC_COUNT);
        assert_true(m->timeout_ms > 0);
        assert_true(m->formats != 0 && m->formats < 8);
        assert_true(m->n_params <= WD_PARAMS_MAX);
        assert_true(m->summary != NULL && m->summary[0] != '\0');
        if (m->permission != NULL && m->permission[0] != '\0') {
            assert_true(wd_perm_valid(wd_str_z(m->permission)));
        }
        if (m->verb == WD_HTTP_GET) {
            assert_false(m->flags & (WD_M_BODY | WD_M_UPLOAD));
        }
        assert_true((m->flags & (WD_M_BODY | WD_M_UPLOAD))
                    != (WD_M_BODY | WD_M_UPLOAD));

        n_path = 0;
        for (k = 0; k < m->n_params; k++) {
            p = &m->params[k];
            assert_true(p->help != NULL && p->help[0] != '\0');
            if (p->flags & WD_P_PATH) {
                assert_true(p->flags & WD_P_REQUIRED);
                assert_ptr_equal(wd_method_path_param(m, n_path), p);
                n_path++;
            }
            if (p->flags & WD_P_SECRET) { /* never in a query string */
                assert_true(m->flags & WD_M_BODY);
            }
            if (p->type == WD_P_ENUM) {
                assert_non_null(p->extra);
                all = wd_str_z(p->extra);
                while (wd_str_split(&all, '|', &one)) {
                    assert_true(one.len > 0);
                }
            } else if (p->type == WD_P_INT || p->type == WD_P_NUM
                       || p->type == WD_P_STR || p->type == WD_P_LIST) {
                assert_true(p->min <= p->max && p->max > 0);
            }
        }
        assert_null(wd_method_path_param(m, n_path));
        assert_true(n_path <= WD_PATH_VARS_MAX);
    }
    assert_null(wd_method_by_name(WD_STR("")));
    assert_null(wd_method_by_name(WD_STR("bars")));
    assert_null(wd_method_by_name(WD_STR("bars.query\0")));
}


/* The template with "x<i>" for its variables. */
static wd_str_t
fill(const char *path, char *out)
{
    size_t n = 0, vars = 0;

    for (; *path != '\0'; path++) {
        if (*path == '{') {
            out[n++] = 'x';
            out[n++] = (char) ('0' + vars++);
            path = strchr(path, '}');
        } else {
            out[n++] = *path;
        }
    }
    return wd_str(out, n);
}


static void
test_route(void **state)
{
    char               text[200];
    size_t             i, k, v;
    unsigned           allow, want;
    wd_str_t           path;
    wd_route_t         r;
    const wd_method_t *m = wd_methods();

    (void) state;
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (m[i].path == NULL) {
            continue;
        }
        path = fill(m[i].path, text);
        want = 0;
        for (k = 0; k < WD_METHOD_COUNT; k++) {
            if (m[k].path != NULL && strcmp(m[k].path, m[i].path) == 0) {
                want |= 1u << m[k].verb;
            }
        }

        for (v = 0; v < wd_array_len(verbs); v++) {
            allow = 99;
            if (want & 1u << verbs[v]) {
                assert_ok(wd_route(verbs[v], path, &r, &allow));
                assert_string_equal(r.method->path, m[i].path);
                assert_int_equal(r.method->verb, verbs[v]);
            } else {
                assert_int_equal(wd_route(verbs[v], path, &r, &allow),
                                 WD_EMETHOD);
            }
            assert_int_equal(allow, want);
        }

        assert_ok(wd_route(m[i].verb, path, &r, NULL));
        for (k = 0; k < r.n_vars; k++) {
            assert_int_equal(r.vars[k].len, 2);
            assert_int_equal(r.vars[k].data[1], '0' + k);
            assert_non_null(wd_method_path_param(&m[i], k));
        }

        /* a slash more, a segment more, the end cut */
        text[path.len] = '/';
        assert_int_equal(wd_route(m[i].verb, wd_str(text, path.len + 1), &r,
                                  NULL),
                         WD_ENOTFOUND);
        for (k = 0; k < path.len; k++) {
            if (wd_route(m[i].verb, wd_str(text, k), &r, NULL) == WD_OK) {
                if (k + 1 == path.len && m[i].path[strlen(m[i].path) - 1] == '}') {
                    continue; /* a shorter variable */
                }
                assert_string_not_equal(r.method->path, m[i].path);
            }
        }
    }
}


static void
test_route_known(void **state)
{
    static const char *const none[] = {
        "", "/", "/v1", "/v1/", "/v1/nothing", "v1/bars", "//v1/bars",
        "/v1//bars", "/v1/bars/", "/v1/Bars", "/v2/bars", "/v1/instruments/",
        "/v1/instruments/a/b", "/v1/keys/", "/v1/bars?x=1", "/v1/bars#",
        "/v1/./bars", "/v1/../v1/bars", "/v1/%62ars", "/v1/bars\n",
    };
    size_t     i;
    unsigned   allow;
    wd_route_t r;

    (void) state;
    for (i = 0; i < wd_array_len(none); i++) {
        allow = 1;
        if (wd_route(WD_HTTP_GET, wd_str_z(none[i]), &r, &allow)
            != WD_ENOTFOUND) {
            fail_msg("%s is routed", none[i]);
        }
        assert_int_equal(allow, 0);
    }

    assert_ok(wd_route(WD_HTTP_GET, WD_STR("/v1/instruments/BRK%2FB"), &r,
                       NULL));
    assert_string_equal(r.method->name, "instruments.get");
    assert_int_equal(r.n_vars, 1);
    assert_view(r.vars[0], "BRK%2FB");

    assert_int_equal(wd_route(WD_HTTP_POST, WD_STR("/v1/keys/5"), &r, &allow),
                     WD_EMETHOD);
    assert_int_equal(allow, 1u << WD_HTTP_GET | 1u << WD_HTTP_DELETE);
    assert_int_equal(wd_route(WD_HTTP_DELETE, WD_STR("/v1/keys"), &r, &allow),
                     WD_EMETHOD);
    assert_int_equal(allow, 1u << WD_HTTP_GET | 1u << WD_HTTP_POST);

    /* a name is not the value of the variable in its place */
    assert_ok(wd_route(WD_HTTP_POST, WD_STR("/v1/ingest/bars"), &r, &allow));
    assert_string_equal(r.method->name, "ingest.push");
    assert_int_equal(allow, 1u << WD_HTTP_POST);
    assert_ok(wd_route(WD_HTTP_POST, WD_STR("/v1/ingest/collections"), &r,
                       &allow));
    assert_string_equal(r.method->name, "collections.set");
    assert_int_equal(r.n_vars, 0);
    assert_int_equal(allow, 1u << WD_HTTP_GET | 1u << WD_HTTP_POST);
    assert_int_equal(wd_route(WD_HTTP_DELETE, WD_STR("/v1/ingest/collections"),
                              &r, &allow),
                     WD_EMETHOD);
    assert_int_equal(allow, 1u << WD_HTTP_GET | 1u << WD_HTTP_POST);
}


static void
test_names(void **state)
{
    size_t       i;
    wd_service_e s;
    unsigned     f[] = {WD_FMT_JSON, WD_FMT_CSV, WD_FMT_MSGPACK};

    (void) state;
    for (i = WD_SVC_AUTH; i < WD_SVC_COUNT; i++) {
        assert_true(wd_service_by_name(wd_str_z(wd_service_name(i)), &s));
        assert_int_equal(s, i);
    }
    assert_false(wd_service_by_name(WD_STR("gateway"), &s));
    assert_false(wd_service_by_name(WD_STR(""), &s));
    for (i = 0; i < 3; i++) {
        assert_int_equal(wd_format_by_name(wd_str_z(wd_format_name(f[i]))),
                         f[i]);
        assert_non_null(strchr(wd_format_mime(f[i]), '/'));
    }
    assert_int_equal(wd_format_by_name(WD_STR("xml")), 0);
    assert_int_equal(wd_format_by_name(WD_STR("JSON")), 0);
    assert_string_equal(wd_verb_name(WD_HTTP_DELETE), "DELETE");
}


static void
test_accept(void **state)
{
#define J WD_FMT_JSON
#define C WD_FMT_CSV
#define M WD_FMT_MSGPACK
    static const struct {
        const char *accept;
        unsigned    offered;
        unsigned    want;
    } rows[] = {
        {"", J | C | M, J},
        {" ", J | C, J},
        {"", C, C},
        {"*/*", J | C | M, J},
        {"*/*", C | M, C},
        {"application/json", J | C | M, J},
        {"APPLICATION/Json", J | C | M, J},
        {"application/json", C | M, 0},
        {"text/csv", J | C | M, C},
        {"text/csv", J, 0},
        {"text/csv;charset=utf-8", J | C, C},
        {"text/*", J | C | M, C},
        {"application/*", J | C | M, J},
        {"application/*", C | M, M},
        {"application/vnd.msgpack", J | M, M},
        {"application/msgpack", J | M, M},
        {"application/x-msgpack", J | M, M},
        {"text/html", J | C | M, 0},
        {"text/html,*/*", J | C, J},
        {"text/html, application/xhtml+xml, */*;q=0.8", J | C, J},
        {"text/csv,application/json;q=0.9", J | C, C},
        {"text/csv;q=0.1,application/json;q=0.9", J | C, J},
        {"text/csv; q=0.5 , application/json; q=0.4", J | C, C},
        {"application/json;q=0", J, 0},
        {"application/json;q=0, */*", J | C, C},
        {"*/*;q=0", J | C, 0},
        {"*/*;q=0.1, text/csv;q=0", C, 0},
        {"*/*, application/json;q=0.5", J | C, C},
        {"text/csv;Q=0.1, application/json;q=0.2", J | C, J},
        {"application/json;q=abc", J, 0},
        {",,application/json,,", J, J},
        {"application/jsonx", J, 0},
        {"application", J, 0},
        {"*", J, 0},
        {";q=1", J, 0},
        {"application/json;v=1;q=0", J, 0},
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        if (wd_accept_choose(wd_str_z(rows[i].accept), rows[i].offered)
            != rows[i].want) {
            fail_msg("Accept: %s gives %u", rows[i].accept,
                     wd_accept_choose(wd_str_z(rows[i].accept),
                                      rows[i].offered));
        }
    }
    assert_int_equal(wd_accept_choose(WD_STR_NULL, J | C), J);
    assert_int_equal(wd_accept_choose(WD_STR("*/*"), 0), 0);
}


static void
test_perms(void **state)
{
    static const struct {
        const char *granted, *needed;
        bool        covers;
    } rows[] = {
        {"bars:read", "bars:read", true},
        {"bars:*", "bars:read", true},
        {"*:read", "bars:read", true},
        {"*:*", "bars:read", true},
        {"*", "bars:read", true},
        {"bars:read", "bars:write", false},
        {"bars:read", "quotes:read", false},
        {"bars:*", "quotes:read", false},
        {"*:write", "bars:read", false},
        {"bars:rea", "bars:read", false},
        {"bars:read", "bars:rea", false},
        {"bar:read", "bars:read", false},
        {"b*:read", "bars:read", false},
        {"bars:r*", "bars:read", false},
        {"bars", "bars:read", false},
        {"bars:", "bars:read", false},
        {":read", "bars:read", false},
        {"", "bars:read", false},
        {":", "bars:read", false},
        {"BARS:READ", "bars:read", false},
        {"bars:read:x", "bars:read", false},
        {"**", "bars:read", false},
        {"bars:read", "*", false},
        {"bars:read", "bars:*", false},
    };
    static const struct {
        const char *perm;
        bool        valid;
    } forms[] = {
        {"bars:read", true},  {"*", true},          {"*:read", true},
        {"bars:*", true},     {"*:*", true},        {"a-b_c:d", true},
        {"", false},          {":", false},         {"bars", false},
        {"bars:", false},     {":read", false},     {"bars:read:x", false},
        {"b*:read", false},   {"bars:r*", false},   {"Bars:read", false},
        {"bars:read ", false}, {"bars:re ad", false}, {"bars:rea1", false},
        {"**", false},
        {"abcdefghijklmnopqrstuvwx:abcdefghijklmnopqrstuvwx", true},
        {"abcdefghijklmnopqrstuvwxy:read", false},
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        if (wd_perm_covers(wd_str_z(rows[i].granted), wd_str_z(rows[i].needed))
            != rows[i].covers) {
            fail_msg("'%s' for '%s'", rows[i].granted, rows[i].needed);
        }
    }
    for (i = 0; i < wd_array_len(forms); i++) {
        if (wd_perm_valid(wd_str_z(forms[i].perm)) != forms[i].valid) {
            fail_msg("'%s'", forms[i].perm);
        }
    }
}


static void
test_ctx(void **state)
{
    size_t   i;
    wd_buf_t b = WD_BUF_INIT, perms = WD_BUF_INIT;
    wd_ctx_t c = {0}, r;

    (void) state;
    wd_mp_put_array(&perms, 2);
    wd_mp_put_z(&perms, "bars:read");
    wd_mp_put_z(&perms, "quotes:*");
    c.id = WD_STR("id-1");
    c.traceparent =
        WD_STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    c.tracestate = WD_STR("wizdata=b7ad6b7169203331,a=1");
    c.principal = WD_STR("user:5");
    c.key = WD_STR("17");
    c.plan = WD_STR("default");
    c.perms = wd_buf_view(&perms);
    c.ip = WD_STR("2001:db8::7");
    c.ms = 4321;
    c.format = WD_FMT_MSGPACK;
    c.body = true;
    c.body_len = 1 << 30;
    c.type = WD_STR("text/csv");
    c.enc = WD_STR("zstd");
    c.idem = WD_STR("a b~");
    wd_ctx_put(&b, &c);

    memset(&r, 0xff, sizeof(r));
    assert_ok(wd_ctx_get(wd_buf_view(&b), &r));
    assert_view(r.id, "id-1");
    assert_true(wd_str_eq(r.traceparent, c.traceparent));
    assert_view(r.tracestate, "wizdata=b7ad6b7169203331,a=1");
    assert_view(wd_ctx_trace_id(&r), "0af7651916cd43dd8448eb211c80319c");
    assert_view(r.principal, "user:5");
    assert_view(r.key, "17");
    assert_view(r.plan, "default");
    assert_view(r.ip, "2001:db8::7");
    assert_int_equal(r.ms, 4321);
    assert_int_equal(r.format, WD_FMT_MSGPACK);
    assert_true(r.body);
    assert_int_equal(r.body_len, 1 << 30);
    assert_view(r.type, "text/csv");
    assert_view(r.enc, "zstd");
    assert_view(r.idem, "a b~");
    assert_true(wd_ctx_permits(&r, "bars:read"));
    assert_true(wd_ctx_permits(&r, "quotes:read"));
    assert_false(wd_ctx_permits(&r, "bars:write"));
    assert_false(wd_ctx_permits(&r, "keys:write"));
    assert_true(wd_ctx_permits(&r, NULL));

    for (i = 0; i < b.len; i++) { /* cut anywhere */
        assert_int_equal(wd_ctx_get(wd_str((char *) b.data, i), &r),
                         WD_EPROTO);
    }

    wd_buf_reset(&b);
    memset(&c, 0, sizeof(c));
    c.id = WD_STR("x");
    wd_ctx_put(&b, &c);
    assert_ok(wd_ctx_get(wd_buf_view(&b), &r));
    assert_int_equal(r.format, WD_FMT_JSON);
    assert_int_equal(r.ms, 0);
    assert_false(r.body);
    assert_int_equal(r.body_len, -1);
    assert_int_equal(r.principal.len + r.perms.len + r.tracestate.len
                         + r.ip.len + r.type.len + r.enc.len + r.idem.len,
                     0);
    assert_view(wd_ctx_trace_id(&r), "");
    assert_false(wd_ctx_permits(&r, "bars:read"));
    assert_true(wd_ctx_permits(&r, NULL));
    wd_buf_done(&b);
    wd_buf_done(&perms);
}


static void
put_long(wd_buf_t *b, const char *key, size_t n)
{
    char text[WD_PRINCIPAL_MAX + 1];

    assert_true(n <= sizeof(text));
    memset(text, 'x', sizeof(text));
    wd_buf_reset(b);
    wd_mp_put_map(b, 1);
    wd_mp_put_z(b, key);
    wd_mp_put_str(b, wd_str(text, n));
}


/* Lengths and types of PROTOCOL.md, section 4. */
static void
test_ctx_limits(void **state)
{
    static const struct {
        const char *key;
        size_t      max;
    } rows[] = {
        {"id", WD_REQUEST_ID_MAX},
        {"tp", WD_TRACEPARENT_LEN},
        {"sub", WD_PRINCIPAL_MAX},
        {"plan", WD_PLAN_MAX},
        {"ip", WD_IP_MAX},
        {"type", WD_MEDIA_TYPE_MAX},
        {"idem", WD_IDEM_MAX},
    };
#define MAP1(key, value) "\x81" key value
    static const char *const wrong[] = {
        MAP1("\xa2id", "\x05"),        MAP1("\xa2id", "\xc0"),
        MAP1("\xa2tp", "\x05"),        MAP1("\xa2tp", "\xa1x"),
        MAP1("\xa3sub", "\x90"),       MAP1("\xa3key", "\x05"),
        MAP1("\xa4plan", "\xc3"),      MAP1("\xa4perm", "\xa1x"),
        MAP1("\xa4perm", "\x80"),      MAP1("\xa4perm", "\x91\x05"),
        MAP1("\xa2ip", "\xc4\x01x"),  MAP1("\xa2ip", "\x01"),
        MAP1("\xa2ip", "\xc0"),       MAP1("\xa2ip", "\x91\xa1x"),
        MAP1("\xa2ms", "\xa1\x35"),    MAP1("\xa2ms", "\xca\x3f\x80\x01\x01"),
        MAP1("\xa3" "fmt", "\xa3xml"), MAP1("\xa3" "fmt", "\x05"),
        MAP1("\xa4" "body", "\x01"),   MAP1("\xa4" "body", "\xc0"),
        MAP1("\xa3len", "\xff"),       MAP1("\xa3len", "\xa1\x35"),
        MAP1("\xa4type", "\xa0"),      MAP1("\xa4type", "\x05"),
        MAP1("\xa3" "enc", "\xa2" "br"), MAP1("\xa3" "enc", "\xa0"),
        MAP1("\xa4idem", "\xa0"),      MAP1("\xa4idem", "\xa1\x1f"),
        MAP1("\xa4idem", "\xa1\x7f"), MAP1("\xa4idem", "\xa2\xc3\xa4"),
        MAP1("\x05", "\x05"),          "\x90",
        "\xc0",                        "\xa1x",
    };
    size_t   i, k;
    wd_buf_t b = WD_BUF_INIT;
    wd_ctx_t r;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        put_long(&b, rows[i].key, rows[i].max);
        assert_ok(wd_ctx_get(wd_buf_view(&b), &r));
        put_long(&b, rows[i].key, rows[i].max + 1);
        if (wd_ctx_get(wd_buf_view(&b), &r) != WD_EPROTO) {
            fail_msg("%s of %zu bytes", rows[i].key, rows[i].max + 1);
        }
    }
    for (i = 0; i < wd_array_len(wrong); i++) {
        if (wd_ctx_get(wd_str_z(wrong[i]), &r) != WD_EPROTO) {
            fail_msg("row %zu", i);
        }
    }
    for (i = WD_PERMS_MAX; i <= WD_PERMS_MAX + 1; i++) {
        wd_buf_reset(&b);
        wd_mp_put_map(&b, 1);
        wd_mp_put_z(&b, "perm");
        wd_mp_put_array(&b, (uint32_t) i);
        for (k = 0; k < i; k++) {
            wd_mp_put_z(&b, "a:b");
        }
        assert_int_equal(wd_ctx_get(wd_buf_view(&b), &r),
                         i == WD_PERMS_MAX ? WD_OK : WD_EPROTO);
    }
    /* unknown keys of any type are stepped over */
    assert_ok(wd_ctx_get(WD_STR("\x82\xa1z\x93\x01\x80\xc0\xa2id\xa1x"), &r));
    assert_view(r.id, "x");
    wd_buf_done(&b);
}


static void
test_apikey(void **state)
{
    int      c;
    char     key[WD_APIKEY_LEN + 1], other[WD_APIKEY_LEN + 2], check[7];
    size_t   i, k, n;
    uint32_t crc;
    static const char digits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    (void) state;
    assert_int_equal(WD_APIKEY_LEN, 46);
    for (k = 0; k < 62; k++) { /* all of base62, each once */
        assert_non_null(strchr(digits, wd_base62((unsigned) k)));
        for (i = 0; i < k; i++) {
            assert_int_not_equal(wd_base62((unsigned) i),
                                 wd_base62((unsigned) k));
        }
    }

    for (n = 0; n < 200; n++) {
        memcpy(key, n & 1 ? "wd_live_" : "wd_test_", WD_APIKEY_PREFIX);
        for (i = 0; i < WD_APIKEY_RANDOM; i++) {
            key[WD_APIKEY_PREFIX + i] = wd_base62(wd_test_below(62));
        }
        memset(key + 40, '#', 6);
        key[46] = '#';
        wd_apikey_seal(key);
        assert_int_equal(strlen(key), WD_APIKEY_LEN);
        assert_true(wd_apikey_wellformed(wd_str(key, WD_APIKEY_LEN)));

        /* the check is the CRC-32 that everybody knows */
        crc = (uint32_t) crc32(0, (const Bytef *) key, 40);
        for (i = 6; i-- > 0; crc /= 62) {
            check[i] = wd_base62(crc % 62);
        }
        check[6] = '\0';
        assert_string_equal(key + 40, check);

        for (i = 0; i < WD_APIKEY_LEN; i++) {
            for (c = 0; c < 256; c++) {
                memcpy(other, key, sizeof(key));
                other[i] = (char) c;
                if (wd_apikey_wellformed(wd_str(other, WD_APIKEY_LEN))
                    != ((char) c == key[i])) {
                    fail_msg("%s with %02x at %zu", key, (unsigned) c, i);
                }
                if (n > 1 && c == 127) {
                    break;
                }
            }
        }
        for (i = 0; i < WD_APIKEY_LEN; i++) {
            assert_false(wd_apikey_wellformed(wd_str(key, i)));
        }
        memcpy(other, key, sizeof(key));
        other[46] = 'a';
        assert_false(wd_apikey_wellformed(wd_str(other, 47)));
        /* neighbours exchanged */
        for (i = 8; i + 1 < WD_APIKEY_LEN; i++) {
            memcpy(other, key, sizeof(key));
            other[i] = key[i + 1];
            other[i + 1] = key[i];
            assert_int_equal(
                wd_apikey_wellformed(wd_str(other, WD_APIKEY_LEN)),
                key[i] == key[i + 1]);
        }
    }
    assert_false(wd_apikey_wellformed(WD_STR_NULL));
    assert_false(wd_apikey_wellformed(WD_STR("")));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalogue),   cmocka_unit_test(test_route),
        cmocka_unit_test(test_route_known), cmocka_unit_test(test_names),
        cmocka_unit_test(test_accept),      cmocka_unit_test(test_perms),
        cmocka_unit_test(test_ctx),         cmocka_unit_test(test_ctx_limits),
        cmocka_unit_test(test_apikey),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
