/*
 * wd_ctx.c - encoding and decoding of the request context.
 */
#include "wd_ctx.h"


static void
wd_ctx_put_str(wd_buf_t *out, const char *key, wd_str_t v)
{
    if (v.len != 0) {
        wd_mp_put_z(out, key);
        wd_mp_put_str(out, v);
    }
}


static uint32_t
wd_ctx_body_pairs(const wd_ctx_t *c)
{
    if (!c->body) {
        return 0;
    }
    return 1 + (c->body_len >= 0) + (c->type.len != 0) + (c->enc.len != 0)
           + (c->idem.len != 0);
}


static void
wd_ctx_put_body(wd_buf_t *out, const wd_ctx_t *c)
{
    if (!c->body) {
        return;
    }

    wd_mp_put_z(out, "body");
    wd_mp_put_bool(out, true);
    if (c->body_len >= 0) {
        wd_mp_put_z(out, "len");
        wd_mp_put_int(out, c->body_len);
    }
    wd_ctx_put_str(out, "type", c->type);
    wd_ctx_put_str(out, "enc", c->enc);
    wd_ctx_put_str(out, "idem", c->idem);
}


void
wd_ctx_put(wd_buf_t *out, const wd_ctx_t *c)
{
    uint32_t n;

    n = (c->id.len != 0) + (c->traceparent.len != 0) + (c->tracestate.len != 0)
        + (c->principal.len != 0) + (c->key.len != 0) + (c->plan.len != 0)
        + (c->perms.len != 0) + (c->ip.len != 0) + (c->ms > 0)
        + (c->format != 0) + wd_ctx_body_pairs(c);

    wd_mp_put_map(out, n);
    wd_ctx_put_str(out, "id", c->id);
    wd_ctx_put_str(out, "tp", c->traceparent);
    wd_ctx_put_str(out, "ts", c->tracestate);
    wd_ctx_put_str(out, "sub", c->principal);
    wd_ctx_put_str(out, "key", c->key);
    wd_ctx_put_str(out, "plan", c->plan);
    if (c->perms.len != 0) {
        wd_mp_put_z(out, "perm");
        wd_buf_str(out, c->perms);
    }
    wd_ctx_put_str(out, "ip", c->ip);
    if (c->ms > 0) {
        wd_mp_put_z(out, "ms");
        wd_mp_put_int(out, c->ms);
    }
    if (c->format != 0) {
        wd_ctx_put_str(out, "fmt", wd_str_z(wd_format_name(c->format)));
    }
    wd_ctx_put_body(out, c);
}


bool
wd_idem_ok(wd_str_t key)
{
    size_t i;

    for (i = 0; i < key.len; i++) {
        if (key.data[i] < 0x20 || key.data[i] > 0x7e) {
            return false;
        }
    }
    return key.len >= 1 && key.len <= WD_IDEM_MAX;
}


static int
wd_ctx_get_perms(wd_mp_t *c, wd_str_t *ret)
{
    uint32_t       i, n;
    wd_str_t       perm;
    const uint8_t *from = c->p;

    if (wd_mp_read_array(c, &n) != WD_OK || n > WD_PERMS_MAX) {
        return WD_EPROTO;
    }
    for (i = 0; i < n; i++) {
        if (wd_mp_read_str(c, &perm) != WD_OK) {
            return WD_EPROTO;
        }
    }

    *ret = wd_str((const char *) from, (size_t) (c->p - from));
    return WD_OK;
}


/* Of the body alone. WD_ENOTFOUND: another key. */
static int
wd_ctx_get_body(wd_mp_t *c, wd_str_t key, wd_ctx_t *ret)
{
    if (wd_str_eq_z(key, "body")) {
        return wd_mp_read_bool(c, &ret->body);
    }
    if (wd_str_eq_z(key, "len")) {
        return wd_mp_read_int(c, &ret->body_len) == WD_OK && ret->body_len >= 0
                   ? WD_OK
                   : WD_EPROTO;
    }
    if (wd_str_eq_z(key, "enc")) {
        return wd_mp_read_str(c, &ret->enc) == WD_OK
                       && (wd_str_eq_z(ret->enc, "gzip")
                           || wd_str_eq_z(ret->enc, "zstd"))
                   ? WD_OK
                   : WD_EPROTO;
    }
    if (wd_str_eq_z(key, "idem")) {
        return wd_mp_read_str(c, &ret->idem) == WD_OK && wd_idem_ok(ret->idem)
                   ? WD_OK
                   : WD_EPROTO;
    }
    return WD_ENOTFOUND;
}


static int
wd_ctx_get_one(wd_mp_t *c, wd_str_t key, wd_ctx_t *ret)
{
    wd_str_t fmt;
    static const struct {
        const char *key;
        size_t      offset;
        size_t      min;
        size_t      max;
    } strings[] = {
        {"id", offsetof(wd_ctx_t, id), 0, WD_REQUEST_ID_MAX},
        {"tp", offsetof(wd_ctx_t, traceparent), WD_TRACEPARENT_LEN,
         WD_TRACEPARENT_LEN},
        {"ts", offsetof(wd_ctx_t, tracestate), 0, WD_TRACESTATE_MAX},
        {"sub", offsetof(wd_ctx_t, principal), 0, WD_PRINCIPAL_MAX},
        {"key", offsetof(wd_ctx_t, key), 0, SIZE_MAX},
        {"plan", offsetof(wd_ctx_t, plan), 0, WD_PLAN_MAX},
        {"ip", offsetof(wd_ctx_t, ip), 0, WD_IP_MAX},
        {"type", offsetof(wd_ctx_t, type), 1, WD_MEDIA_TYPE_MAX},
    };
    int       rc;
    size_t    i;
    wd_str_t *s;

    for (i = 0; i < wd_array_len(strings); i++) {
        if (wd_str_eq_z(key, strings[i].key)) {
            s = (wd_str_t *) (void *) ((char *) ret + strings[i].offset);
            if (wd_mp_read_str(c, s) != WD_OK || s->len < strings[i].min
                || s->len > strings[i].max) {
                return WD_EPROTO;
            }
            return WD_OK;
        }
    }

    if (wd_str_eq_z(key, "perm")) {
        return wd_ctx_get_perms(c, &ret->perms);
    }
    if (wd_str_eq_z(key, "ms")) {
        return wd_mp_read_int(c, &ret->ms);
    }
    if (wd_str_eq_z(key, "fmt")) {
        if (wd_mp_read_str(c, &fmt) != WD_OK) {
            return WD_EPROTO;
        }
        ret->format = wd_format_by_name(fmt);
        return ret->format != 0 ? WD_OK : WD_EPROTO;
    }

    rc = wd_ctx_get_body(c, key, ret);
    return rc == WD_ENOTFOUND ? wd_mp_skip(c) : rc;
}


int
wd_ctx_get(wd_str_t context, wd_ctx_t *ret)
{
    uint32_t i, n;
    wd_str_t key;
    wd_mp_t  c = wd_mp(context.data, context.len);

    memset(ret, 0, sizeof(*ret));
    ret->format = WD_FMT_JSON;
    ret->body_len = -1;

    if (wd_mp_read_map(&c, &n) != WD_OK) {
        return WD_EPROTO;
    }

    for (i = 0; i < n; i++) {
        if (wd_mp_read_str(&c, &key) != WD_OK
            || wd_ctx_get_one(&c, key, ret) != WD_OK) {
            return WD_EPROTO;
        }
    }

    return WD_OK;
}


wd_str_t
wd_ctx_trace_id(const wd_ctx_t *ctx)
{
    wd_traceparent_t tp;

    return wd_traceparent_parse(ctx->traceparent, &tp) ? tp.trace : WD_STR("");
}


bool
wd_ctx_permits(const wd_ctx_t *ctx, const char *needed)
{
    uint32_t i, n;
    wd_str_t granted;
    wd_mp_t  c = wd_mp(ctx->perms.data, ctx->perms.len);

    if (needed == NULL) {
        return true;
    }

    if (ctx->perms.len == 0 || wd_mp_read_array(&c, &n) != WD_OK) {
        return false;
    }

    for (i = 0; i < n; i++) {
        if (wd_mp_read_str(&c, &granted) == WD_OK
            && wd_perm_covers(granted, wd_str_z(needed))) {
            return true;
        }
    }
    return false;
}
