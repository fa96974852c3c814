/*
 * wd_otlp.c - reads spans strictly, for they come from another process, and
 * writes them as JSON.
 */
#include "wd_otlp.h"

#include "wd_json_scan.h"
#include "wd_num.h"

/* Flags of a span: sampled, and whether the parent is of another process. */
#define WD_OTLP_FLAGS_LOCAL 0x101
#define WD_OTLP_FLAGS_REMOTE 0x301

#define WD_OTLP_POOL 1024


static bool
wd_span_id_ok(wd_str_t id, size_t len)
{
    size_t i;
    bool   zero = true;

    for (i = 0; i < id.len; i++) {
        if (!((id.data[i] >= '0' && id.data[i] <= '9')
              || (id.data[i] >= 'a' && id.data[i] <= 'f'))) {
            return false;
        }
        zero = zero && id.data[i] == '0';
    }
    return id.len == len && !zero;
}


static int
wd_span_read_optional(wd_mp_t *c, wd_str_t *ret)
{
    *ret = WD_STR_NULL;
    return wd_mp_read_nil(c) ? WD_OK : wd_mp_read_str(c, ret);
}


/* Text keys; values are texts, numbers or booleans. */
static int
wd_span_read_attrs(wd_mp_t *c, wd_mp_t *ret)
{
    uint32_t    n;
    wd_str_t    key;
    wd_mp_val_t v;

    *ret = *c;
    if (wd_mp_read_map(c, &n) != WD_OK || n > WD_SPAN_ATTRS_MAX) {
        return WD_EPROTO;
    }

    while (n-- != 0) {
        if (wd_mp_read_str(c, &key) != WD_OK || key.len == 0
            || key.len > WD_SPAN_TEXT_MAX || wd_mp_next(c, &v) != WD_OK) {
            return WD_EPROTO;
        }
        if (!(v.type == WD_MP_BOOL || v.type == WD_MP_INT
              || v.type == WD_MP_FLOAT
              || (v.type == WD_MP_STR && v.v.s.len <= WD_SPAN_TEXT_MAX))) {
            return WD_EPROTO;
        }
    }
    return WD_OK;
}


static int
wd_span_read_members(wd_mp_t *c, wd_span_t *ret)
{
    uint32_t n;

    if (wd_mp_read_array(c, &n) != WD_OK || n != WD_SPAN_MEMBERS
        || wd_mp_read_str(c, &ret->trace) != WD_OK
        || wd_mp_read_str(c, &ret->id) != WD_OK
        || wd_span_read_optional(c, &ret->parent) != WD_OK
        || wd_mp_read_int(c, &ret->kind) != WD_OK
        || wd_mp_read_str(c, &ret->name) != WD_OK
        || wd_mp_read_int(c, &ret->start) != WD_OK
        || wd_mp_read_int(c, &ret->end) != WD_OK
        || wd_mp_read_int(c, &ret->status) != WD_OK
        || wd_span_read_attrs(c, &ret->attrs) != WD_OK) {
        return WD_EPROTO;
    }
    return wd_span_read_optional(c, &ret->state);
}


int
wd_span_read(wd_mp_t *c, wd_span_t *ret)
{
    const uint8_t *from = c->p;

    if (wd_span_read_members(c, ret) != WD_OK || c->p - from > WD_SPAN_MAX) {
        return WD_EPROTO;
    }

    if (!wd_span_id_ok(ret->trace, WD_TRACE_ID_LEN)
        || !wd_span_id_ok(ret->id, WD_SPAN_ID_LEN)
        || (ret->parent.len != 0 && !wd_span_id_ok(ret->parent, WD_SPAN_ID_LEN))
        || ret->kind < 1 || ret->kind > 5 || ret->status < 0 || ret->status > 2
        || ret->start < 0 || ret->end < ret->start || ret->name.len == 0
        || ret->name.len > WD_SPAN_TEXT_MAX
        || ret->state.len > WD_TRACESTATE_MAX) {
        return WD_EPROTO;
    }
    return WD_OK;
}


static void
wd_span_put_optional(wd_buf_t *out, wd_str_t s)
{
    if (s.len != 0) {
        wd_mp_put_str(out, s);
    } else {
        wd_mp_put_nil(out);
    }
}


void
wd_span_put(wd_buf_t *out, const wd_span_t *span)
{
    wd_mp_put_array(out, WD_SPAN_MEMBERS);
    wd_mp_put_str(out, span->trace);
    wd_mp_put_str(out, span->id);
    wd_span_put_optional(out, span->parent);
    wd_mp_put_int(out, span->kind);
    wd_mp_put_str(out, span->name);
    wd_mp_put_int(out, span->start);
    wd_mp_put_int(out, span->end);
    wd_mp_put_int(out, span->status);
    wd_buf_append(out, span->attrs.p,
                  (size_t) (span->attrs.end - span->attrs.p));
    wd_span_put_optional(out, span->state);
}


static void
wd_otlp_key(wd_json_t *j, wd_str_t key)
{
    wd_json_obj(j);
    wd_json_key(j, "key");
    wd_json_str(j, key);
    wd_json_key(j, "value");
    wd_json_obj(j);
}


static void
wd_otlp_key_end(wd_json_t *j)
{
    wd_json_end(j);
    wd_json_end(j);
}


static void
wd_otlp_text(wd_json_t *j, const char *key, const char *value)
{
    wd_otlp_key(j, wd_str_z(key));
    wd_json_key(j, "stringValue");
    wd_json_z(j, value);
    wd_otlp_key_end(j);
}


/* Whole numbers of 64 bits are texts in JSON. */
static void
wd_otlp_int(wd_json_t *j, const char *key, int64_t v)
{
    char text[WD_NUM_TEXT_MAX];

    wd_json_key(j, key);
    wd_json_str(j, wd_str(text, wd_int_format(v, text)));
}


static void
wd_otlp_value(wd_json_t *j, const wd_mp_val_t *v)
{
    switch (v->type) {
    case WD_MP_BOOL:
        wd_json_key(j, "boolValue");
        wd_json_bool(j, v->v.b);
        return;
    case WD_MP_INT:
        wd_otlp_int(j, "intValue", v->v.i);
        return;
    case WD_MP_FLOAT:
        wd_json_key(j, "doubleValue");
        wd_json_num(j, v->v.f);
        return;
    default:
        wd_json_key(j, "stringValue");
        wd_json_str(j, v->v.s);
        return;
    }
}


static void
wd_otlp_attrs(wd_json_t *j, wd_mp_t c)
{
    uint32_t    n;
    wd_str_t    key;
    wd_mp_val_t v;

    wd_json_key(j, "attributes");
    wd_json_arr(j);
    if (wd_mp_read_map(&c, &n) != WD_OK) {
        n = 0;
    }
    while (n-- != 0 && wd_mp_read_str(&c, &key) == WD_OK
           && wd_mp_next(&c, &v) == WD_OK) {
        wd_otlp_key(j, key);
        wd_otlp_value(j, &v);
        wd_otlp_key_end(j);
    }
    wd_json_end(j);
}


void
wd_otlp_span(wd_json_t *j, const wd_span_t *span)
{
    bool remote = span->kind == WD_SPAN_SERVER && span->parent.len != 0;

    wd_json_obj(j);
    wd_json_key(j, "traceId");
    wd_json_str(j, span->trace);
    wd_json_key(j, "spanId");
    wd_json_str(j, span->id);
    if (span->parent.len != 0) {
        wd_json_key(j, "parentSpanId");
        wd_json_str(j, span->parent);
    }
    if (span->state.len != 0) {
        wd_json_key(j, "traceState");
        wd_json_str(j, span->state);
    }
    wd_json_key(j, "flags");
    wd_json_int(j, remote ? WD_OTLP_FLAGS_REMOTE : WD_OTLP_FLAGS_LOCAL);
    wd_json_key(j, "name");
    wd_json_str(j, span->name);
    wd_json_key(j, "kind");
    wd_json_int(j, span->kind);
    wd_otlp_int(j, "startTimeUnixNano", span->start);
    wd_otlp_int(j, "endTimeUnixNano", span->end);
    wd_otlp_attrs(j, span->attrs);

    wd_json_key(j, "status");
    wd_json_obj(j);
    if (span->status != WD_SPAN_UNSET) {
        wd_json_key(j, "code");
        wd_json_int(j, span->status);
    }
    wd_json_end(j);
    wd_json_end(j);
}


void
wd_otlp_begin(wd_json_t *j, wd_buf_t *out)
{
    wd_json_init(j, out);
    wd_json_obj(j);
    wd_json_key(j, "resourceSpans");
    wd_json_arr(j);
}


void
wd_otlp_resource(wd_json_t *j, const wd_otlp_resource_t *r)
{
    wd_json_obj(j);
    wd_json_key(j, "resource");
    wd_json_obj(j);
    wd_json_key(j, "attributes");
    wd_json_arr(j);
    wd_otlp_text(j, "service.name", r->service);
    wd_otlp_text(j, "service.instance.id", r->instance);
    if (r->version != NULL) {
        wd_otlp_text(j, "service.version", r->version);
    }
    wd_json_end(j);
    wd_json_end(j);

    wd_json_key(j, "scopeSpans");
    wd_json_arr(j);
    wd_json_obj(j);
    wd_json_key(j, "scope");
    wd_json_obj(j);
    wd_json_key(j, "name");
    wd_json_z(j, "wizdata");
    wd_json_end(j);
    wd_json_key(j, "spans");
    wd_json_arr(j);
}


void
wd_otlp_resource_end(wd_json_t *j)
{
    wd_json_end(j); /* spans */
    wd_json_end(j);
    wd_json_end(j); /* scopeSpans */
    wd_json_end(j);
}


void
wd_otlp_end(wd_json_t *j)
{
    wd_json_end(j);
    wd_json_end(j);
}


/* To the value of a member, or false. */
static bool
wd_otlp_member(wd_json_scan_t *s, wd_pool_t *pool, const char *name)
{
    bool     first = true;
    wd_str_t key;

    if (wd_json_scan_open(s, '{') != WD_OK) {
        return false;
    }
    while (wd_json_scan_member(s, pool, &first, &key) == WD_OK) {
        if (wd_str_eq_z(key, name)) {
            return true;
        }
        if (wd_json_scan_skip(s) != WD_OK) {
            return false;
        }
    }
    return false;
}


int64_t
wd_otlp_rejected(wd_str_t answer)
{
    int64_t            n = 0;
    wd_pool_t         *pool;
    wd_json_scan_t     s = wd_json_scan(answer);
    wd_json_scan_val_t v;

    pool = answer.len != 0 ? wd_pool_create(WD_OTLP_POOL) : NULL;
    if (pool == NULL) {
        return 0;
    }

    if (!wd_otlp_member(&s, pool, "partialSuccess")
        || !wd_otlp_member(&s, pool, "rejectedSpans")
        || wd_json_scan_value(&s, pool, &v) != WD_OK
        || (v.type != WD_JS_STRING && v.type != WD_JS_NUMBER)
        || wd_int_parse(v.text, &n) != WD_OK || n < 0) {
        n = 0;
    }
    wd_pool_destroy(pool);
    return n;
}
