/*
 * wd_ctx.h - the context that the gateway sends with every request.
 *
 * A map with these keys, all optional but "id"; unknown keys are skipped:
 *     id    request id             tp    W3C traceparent
 *     ts    W3C tracestate
 *     sub   principal              key   id of the API key
 *     plan  plan of the principal  perm  permissions, array of strings
 *     ip    client's address       ms    milliseconds left
 *     fmt   "json", "csv" or "msgpack"
 * and of a request whose body follows in chunks:
 *     body  true                   len   its bytes, when they are known
 *     type  media type             enc   "gzip" or "zstd"
 *     idem  header Idempotency-Key
 */
#ifndef WD_CTX_H
#define WD_CTX_H

#include "wd_method.h"
#include "wd_mp.h"
#include "wd_trace.h"

#define WD_REQUEST_ID_MAX 64
#define WD_PRINCIPAL_MAX 255
#define WD_PLAN_MAX 32
#define WD_PERMS_MAX 32
#define WD_IP_MAX 45 /* an IPv6 address that ends in an IPv4 address */
#define WD_MEDIA_TYPE_MAX 127 /* bytes of a body's media type */
#define WD_IDEM_MAX 128 /* printable ASCII characters of an Idempotency-Key */

typedef struct {
    wd_str_t id;
    wd_str_t traceparent;
    wd_str_t tracestate;
    wd_str_t principal;
    wd_str_t key;
    wd_str_t plan;
    wd_str_t perms; /* MessagePack of the array, or empty */
    wd_str_t ip; /* without port */
    int64_t  ms; /* 0: no deadline */
    unsigned format;

    /* without `body` the others mean nothing */
    bool     body; /* comes in chunks */
    int64_t  body_len; /* -1: not known */
    wd_str_t type; /* media type, in lower case and without parameters */
    wd_str_t enc; /* "gzip", "zstd", or empty */
    wd_str_t idem; /* or empty */
} wd_ctx_t;

void wd_ctx_put(wd_buf_t *out, const wd_ctx_t *ctx);

/* Views point into `context`. WD_OK or WD_EPROTO. */
wd_must_check int wd_ctx_get(wd_str_t context, wd_ctx_t *ret);

/* May it stand in `idem`? */
bool wd_idem_ok(wd_str_t key);

/* For logs; "" when there is none. */
wd_str_t wd_ctx_trace_id(const wd_ctx_t *ctx);

/* Does one of ctx->perms cover `needed`? NULL: true. */
bool wd_ctx_permits(const wd_ctx_t *ctx, const char *needed);

#endif /* WD_CTX_H */
