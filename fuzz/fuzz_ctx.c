/*
 * fuzz_ctx.c - the context of a request: what is read is within its limits,
 * and is read again from what is written of it.
 */
#include "fuzz.h"

#include "wd_ctx.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_limits(const wd_ctx_t *c)
{
    fuzz_require(c->id.len <= WD_REQUEST_ID_MAX);
    fuzz_require(c->traceparent.len == 0
                 || c->traceparent.len == WD_TRACEPARENT_LEN);
    fuzz_require(c->tracestate.len <= WD_TRACESTATE_MAX);
    fuzz_require(c->principal.len <= WD_PRINCIPAL_MAX);
    fuzz_require(c->plan.len <= WD_PLAN_MAX);
    fuzz_require(c->ip.len <= WD_IP_MAX);
    fuzz_require(c->type.len <= WD_MEDIA_TYPE_MAX);
    fuzz_require(c->idem.len == 0 || wd_idem_ok(c->idem));
    fuzz_require(c->body_len >= -1);
    fuzz_require(wd_ctx_trace_id(c).len <= WD_TRACE_ID_LEN);
    fuzz_require(wd_ctx_permits(c, NULL));
    (void) wd_ctx_permits(c, "bars:read");
}


static void
check_same(const wd_ctx_t *a, const wd_ctx_t *b)
{
    fuzz_require(wd_str_eq(a->id, b->id));
    fuzz_require(wd_str_eq(a->traceparent, b->traceparent));
    fuzz_require(wd_str_eq(a->tracestate, b->tracestate));
    fuzz_require(wd_str_eq(a->principal, b->principal));
    fuzz_require(wd_str_eq(a->key, b->key));
    fuzz_require(wd_str_eq(a->plan, b->plan));
    fuzz_require(wd_str_eq(a->perms, b->perms));
    fuzz_require(wd_str_eq(a->ip, b->ip));
    fuzz_require(a->ms == b->ms || (a->ms <= 0 && b->ms == 0));
    fuzz_require(a->format == b->format);
    fuzz_require(a->body == b->body);
    if (a->body) {
        fuzz_require(a->body_len == b->body_len);
        fuzz_require(wd_str_eq(a->type, b->type));
        fuzz_require(wd_str_eq(a->enc, b->enc));
        fuzz_require(wd_str_eq(a->idem, b->idem));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_buf_t out = WD_BUF_INIT;
    wd_ctx_t c, again;

    if (wd_ctx_get(wd_str((const char *) data, size), &c) != WD_OK) {
        return 0;
    }
    check_limits(&c);

    wd_ctx_put(&out, &c);
    if (out.err == WD_OK) {
        fuzz_require(wd_ctx_get(wd_buf_view(&out), &again) == WD_OK);
        check_same(&c, &again);
    }
    wd_buf_done(&out);
    return 0;
}
