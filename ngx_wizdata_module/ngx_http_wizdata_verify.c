/*
 * ngx_http_wizdata_verify.c - asks auth about a credential: auth.verify for a
 * key, auth.token for a token whose signature is good.
 *
 * Asked once per credential and worker however many requests wait for it. A
 * verdict that a revocation crossed is asked for again.
 */
#include "ngx_http_wizdata.h"

#include <sodium.h>

/* Revoked while it was verified: asked again, but not for ever. */
#define NGX_HTTP_WIZDATA_VERIFY_TRIES 3

/* Names of methods that a key is limited to. */
#define NGX_HTTP_WIZDATA_VERIFY_METHODS 128


typedef struct {
    u_char                     digest[NGX_HTTP_WIZDATA_DIGEST];
    ngx_http_wizdata_rpc_t     rpc;
    ngx_http_wizdata_call_span_t span;
    ngx_http_wizdata_worker_t *worker;
    ngx_queue_t                link; /* of its bucket */
    ngx_queue_t                waiters; /* of ngx_http_wizdata_ctx_t */
    wd_ns_t                    asked; /* monotonic */
    uint64_t                   asked_seq; /* wd_verdicts_seq() of then */
    ngx_uint_t                 tries;
    u_char                     id[WD_REQUEST_ID_MAX];
    unsigned                   again:1; /* revoked since it was asked */
    unsigned                   open:1; /* answers that are open want to know */
    unsigned                   strict:1; /* they end when nobody can tell */
    u_char                     args[];
} ngx_http_wizdata_verify_t;


static void ngx_http_wizdata_verify_key_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta);
static void ngx_http_wizdata_verify_token_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta);
static void ngx_http_wizdata_verify_fail(ngx_http_wizdata_rpc_t *rpc,
    int code);


static const ngx_http_wizdata_rpc_ops_t ngx_http_wizdata_verify_key_ops = {
    ngx_http_wizdata_verify_key_reply, NULL, ngx_http_wizdata_verify_fail};

static const ngx_http_wizdata_rpc_ops_t ngx_http_wizdata_verify_token_ops = {
    ngx_http_wizdata_verify_token_reply, NULL, ngx_http_wizdata_verify_fail};


/* ---- questions ---------------------------------------------------------- */

static ngx_queue_t *
ngx_http_wizdata_verify_bucket(ngx_http_wizdata_worker_t *w,
    const u_char *digest)
{
    return &w->verifies[digest[0] % NGX_HTTP_WIZDATA_VERIFY_BUCKETS];
}


static ngx_http_wizdata_verify_t *
ngx_http_wizdata_verify_find(ngx_http_wizdata_worker_t *w,
    const u_char *digest)
{
    ngx_queue_t               *q, *bucket;
    ngx_http_wizdata_verify_t *v;

    bucket = ngx_http_wizdata_verify_bucket(w, digest);
    for (q = ngx_queue_head(bucket); q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        v = ngx_queue_data(q, ngx_http_wizdata_verify_t, link);
        if (sodium_memcmp(v->digest, digest, NGX_HTTP_WIZDATA_DIGEST) == 0) {
            return v;
        }
    }
    return NULL;
}


/* Takes the question off the table; its waiters remain. */
static void
ngx_http_wizdata_verify_close(ngx_http_wizdata_verify_t *v)
{
    ngx_queue_remove(&v->link);
    v->worker->n_verifies--;
}


static int
ngx_http_wizdata_verify_ask(ngx_http_wizdata_verify_t *v)
{
    v->asked = ngx_http_wizdata_verdict_now().mono;
    v->asked_seq = wd_verdicts_seq(v->worker->verdicts);
    v->again = 0;
    v->tries++;
    return ngx_http_wizdata_rpc_start(&v->rpc);
}


static ngx_http_wizdata_verify_t *
ngx_http_wizdata_verify_create(ngx_http_wizdata_worker_t *w,
    const u_char *digest, const wd_buf_t *args)
{
    ngx_http_wizdata_verify_t *v;

    if (w->n_verifies >= NGX_HTTP_WIZDATA_VERIFY_MAX || args->err != WD_OK) {
        return NULL;
    }

    v = ngx_calloc(sizeof(ngx_http_wizdata_verify_t) + args->len,
                   w->cycle->log);
    if (v == NULL) {
        return NULL;
    }

    v->worker = w;
    ngx_memcpy(v->digest, digest, sizeof(v->digest));
    ngx_memcpy(v->args, args->data, args->len);
    ngx_queue_init(&v->waiters);
    v->rpc.data = v;
    v->rpc.args = wd_str((char *) v->args, args->len);
    v->rpc.service = &w->services[WD_SVC_AUTH];

    ngx_queue_insert_tail(ngx_http_wizdata_verify_bucket(w, v->digest),
                          &v->link);
    w->n_verifies++;
    return v;
}


/* NULL: nobody can be asked now. */
static ngx_http_wizdata_verify_t *
ngx_http_wizdata_verify_start(ngx_http_wizdata_ctx_t *ctx, wd_method_e method,
    const ngx_http_wizdata_rpc_ops_t *ops)
{
    ngx_http_wizdata_verify_t *v;

    v = ngx_http_wizdata_verify_create(ctx->worker, ctx->digest,
                                       &ctx->worker->scratch);
    if (v == NULL) {
        return NULL;
    }

    /* The request that asks first gives its name to the question. */
    v->rpc.ops = ops;
    v->rpc.method = &wd_methods()[method];
    v->rpc.context.id = wd_str((char *) v->id,
                               ngx_min(ctx->request_id.len, sizeof(v->id)));
    ngx_memcpy(v->id, ctx->request_id.data, v->rpc.context.id.len);
    ngx_http_wizdata_call_span(ctx, &v->rpc, &v->span);

    if (ngx_http_wizdata_verify_ask(v) != WD_OK) {
        ngx_http_wizdata_verify_close(v);
        ngx_free(v);
        return NULL;
    }
    return v;
}


static void
ngx_http_wizdata_verify_key_args(ngx_http_wizdata_worker_t *w,
    const u_char *digest)
{
    char      hex[2 * NGX_HTTP_WIZDATA_DIGEST + 1];
    wd_buf_t *out = &w->scratch;

    wd_hex_encode(digest, NGX_HTTP_WIZDATA_DIGEST, hex);
    wd_buf_reset(out);
    wd_mp_put_map(out, 1);
    wd_mp_put_z(out, "digest");
    wd_mp_put_z(out, hex);
}


static void
ngx_http_wizdata_verify_token_args(ngx_http_wizdata_worker_t *w,
    const ngx_http_wizdata_token_t *token)
{
    wd_buf_t *out = &w->scratch;

    wd_buf_reset(out);
    wd_mp_put_map(out, 2 + (token->jti.len != 0) + (token->iss.len != 0));
    if (token->jti.len != 0) {
        wd_mp_put_z(out, "jti");
        wd_mp_put_str(out, token->jti);
    }
    if (token->iss.len != 0) {
        wd_mp_put_z(out, "iss");
        wd_mp_put_str(out, token->iss);
    }
    wd_mp_put_z(out, "sub");
    wd_mp_put_str(out, token->sub);
    wd_mp_put_z(out, "iat");
    wd_mp_put_int(out, token->iat);
}


static void
ngx_http_wizdata_verify_wait(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_verify_t *v)
{
    if (v == NULL) {
        ngx_http_wizdata_auth_unavailable(ctx);
        return;
    }

    ctx->waiting = 1;
    ngx_queue_insert_tail(&v->waiters, &ctx->waiter);
    ngx_http_wizdata_watch_client(ctx->request);
}


/* The question about that key; NULL: nobody can be asked. */
static ngx_http_wizdata_verify_t *
ngx_http_wizdata_verify_key_of(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_verify_t *v;
    ngx_http_wizdata_worker_t *w = ctx->worker;

    v = ngx_http_wizdata_verify_find(w, ctx->digest);
    if (v != NULL) {
        return v;
    }

    ngx_http_wizdata_verify_key_args(w, ctx->digest);
    return ngx_http_wizdata_verify_start(ctx, WD_METHOD_AUTH_VERIFY,
                                         &ngx_http_wizdata_verify_key_ops);
}


void
ngx_http_wizdata_verify_key(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_verify_wait(ctx, ngx_http_wizdata_verify_key_of(ctx));
}


void
ngx_http_wizdata_verify_token(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_token_t *token)
{
    ngx_http_wizdata_verify_t *v;
    ngx_http_wizdata_worker_t *w = ctx->worker;

    v = ngx_http_wizdata_verify_find(w, ctx->digest);
    if (v == NULL) {
        ngx_http_wizdata_verify_token_args(w, token);
        v = ngx_http_wizdata_verify_start(ctx, WD_METHOD_AUTH_TOKEN,
                                          &ngx_http_wizdata_verify_token_ops);
    }
    ngx_http_wizdata_verify_wait(ctx, v);
}


ngx_int_t
ngx_http_wizdata_verify_open(ngx_http_wizdata_ctx_t *ctx, unsigned strict)
{
    unsigned                   asked;
    ngx_http_wizdata_verify_t *v;

    asked = ngx_http_wizdata_verify_find(ctx->worker, ctx->digest) != NULL;
    v = ngx_http_wizdata_verify_key_of(ctx);
    if (v == NULL) {
        return NGX_ERROR;
    }

    v->again |= asked & strict; /* perhaps before the revocation */
    v->open = 1;
    v->strict |= strict;
    return NGX_OK;
}


void
ngx_http_wizdata_verify_crossed(ngx_http_wizdata_worker_t *w,
    const u_char *digest)
{
    ngx_uint_t                 i;
    ngx_queue_t               *q;
    ngx_http_wizdata_verify_t *v;

    if (digest != NULL) {
        v = ngx_http_wizdata_verify_find(w, digest);
        if (v != NULL) {
            v->again = 1;
        }
        return;
    }

    for (i = 0; i < NGX_HTTP_WIZDATA_VERIFY_BUCKETS; i++) {
        for (q = ngx_queue_head(&w->verifies[i]);
             q != ngx_queue_sentinel(&w->verifies[i]);
             q = ngx_queue_next(q))
        {
            v = ngx_queue_data(q, ngx_http_wizdata_verify_t, link);
            v->again = 1;
        }
    }
}


/* ---- the verdict in the meta of an answer ------------------------------- */

static int
ngx_http_wizdata_meta_text(wd_mp_t meta, const char *key, size_t max,
    wd_str_t *ret)
{
    int     rc;
    wd_mp_t at;

    *ret = WD_STR("");
    rc = wd_mp_map_find(meta, key, &at);
    if (rc == WD_ENOTFOUND) {
        return WD_OK;
    }
    if (rc != WD_OK || wd_mp_read_str(&at, ret) != WD_OK || ret->len > max) {
        return WD_EPROTO;
    }
    return WD_OK;
}


static int
ngx_http_wizdata_meta_perms(wd_mp_t meta, wd_str_t *ret)
{
    uint32_t n;
    wd_str_t perm;
    wd_mp_t  at, from;

    if (wd_mp_map_find(meta, "perm", &at) != WD_OK) {
        return WD_EPROTO;
    }

    from = at;
    if (wd_mp_read_array(&at, &n) != WD_OK || n > WD_PERMS_MAX) {
        return WD_EPROTO;
    }
    while (n-- != 0) {
        if (wd_mp_read_str(&at, &perm) != WD_OK) {
            return WD_EPROTO;
        }
    }

    *ret = wd_str((const char *) from.p, (size_t) (at.p - from.p));
    return WD_OK;
}


/* Allowed networks, packed into `out`; absent or empty: any. */
static int
ngx_http_wizdata_meta_nets(wd_mp_t meta, u_char *out, wd_str_t *ret)
{
    int       rc;
    u_char   *p = out;
    uint32_t  n;
    wd_mp_t   at;
    wd_str_t  text;
    wd_cidr_t net;

    *ret = WD_STR("");
    rc = wd_mp_map_find(meta, "nets", &at);
    if (rc == WD_ENOTFOUND || (rc == WD_OK && wd_mp_read_nil(&at))) {
        return WD_OK;
    }
    if (rc != WD_OK || wd_mp_read_array(&at, &n) != WD_OK
        || n > WD_CIDR_LIST_MAX)
    {
        return WD_EPROTO;
    }

    while (n-- != 0) {
        if (wd_mp_read_str(&at, &text) != WD_OK
            || wd_cidr_parse(text, &net) != WD_OK)
        {
            return WD_EPROTO;
        }
        p += wd_cidr_pack(&net, p);
    }

    *ret = wd_str((char *) out, (size_t) (p - out));
    return WD_OK;
}


/*
 * Methods that the key is not for: all but those that are named. Names that
 * this gateway does not know may be of a newer catalogue.
 */
static int
ngx_http_wizdata_meta_methods(wd_mp_t meta, wd_method_set_t *ret_barred)
{
    int                rc;
    uint32_t           n;
    wd_mp_t            at;
    wd_str_t           name;
    const wd_method_t *m;

    ngx_memzero(ret_barred, sizeof(*ret_barred));
    rc = wd_mp_map_find(meta, "methods", &at);
    if (rc == WD_ENOTFOUND || (rc == WD_OK && wd_mp_read_nil(&at))) {
        return WD_OK;
    }
    if (rc != WD_OK || wd_mp_read_array(&at, &n) != WD_OK
        || n > NGX_HTTP_WIZDATA_VERIFY_METHODS)
    {
        return WD_EPROTO;
    }

    wd_method_set_fill(ret_barred);
    wd_method_set_remove(ret_barred, NGX_HTTP_WIZDATA_BIT_STATUS);
    while (n-- != 0) {
        if (wd_mp_read_str(&at, &name) != WD_OK) {
            return WD_EPROTO;
        }
        m = wd_method_by_name(name);
        if (m != NULL) {
            wd_method_set_remove(ret_barred, m->id);
        }
    }
    return WD_OK;
}


static int
ngx_http_wizdata_meta_owner(ngx_http_wizdata_worker_t *w, wd_mp_t meta,
    uint64_t *ret)
{
    wd_str_t uid;

    if (ngx_http_wizdata_meta_text(meta, "uid", WD_VERDICT_PRINCIPAL_MAX,
                                   &uid) != WD_OK)
    {
        return WD_EPROTO;
    }
    *ret = uid.len != 0 ? wd_verdicts_hash(w->verdicts, WD_REVOKE_OWNER, uid)
                        : 0;
    return WD_OK;
}


static int
ngx_http_wizdata_meta_expires(wd_mp_t meta, wd_ns_t *ret)
{
    wd_mp_t at;

    *ret = 0;
    if (wd_mp_map_find(meta, "exp", &at) == WD_OK && !wd_mp_read_nil(&at)
        && wd_mp_read_int(&at, ret) != WD_OK)
    {
        return WD_EPROTO;
    }
    return WD_OK;
}


/* `nets` is memory for the packed networks. */
static int
ngx_http_wizdata_verify_read(ngx_http_wizdata_verify_t *v,
    const wd_frame_t *f, u_char *nets, ngx_http_wizdata_verdict_t *ret)
{
    wd_mp_t meta = wd_mp(f->meta.data, f->meta.len);

    ngx_memzero(ret, sizeof(*ret));
    ret->kind = WD_VERDICT_KEY;

    if (ngx_http_wizdata_meta_text(meta, "sub", WD_PRINCIPAL_MAX,
                                   &ret->principal) != WD_OK
        || ret->principal.len == 0
        || ngx_http_wizdata_meta_text(meta, "key", NGX_HTTP_WIZDATA_KEY_ID_MAX,
                                      &ret->key) != WD_OK
        || ngx_http_wizdata_meta_text(meta, "plan", WD_PLAN_MAX, &ret->plan)
           != WD_OK
        || ngx_http_wizdata_meta_perms(meta, &ret->perms) != WD_OK
        || ngx_http_wizdata_meta_expires(meta, &ret->expires) != WD_OK
        || ngx_http_wizdata_meta_nets(meta, nets, &ret->nets) != WD_OK
        || ngx_http_wizdata_meta_methods(meta, &ret->barred) != WD_OK
        || ngx_http_wizdata_meta_owner(v->worker, meta, &ret->owner) != WD_OK)
    {
        return WD_EPROTO;
    }

    ret->bits = ngx_http_wizdata_verdict_bits(ret->perms);
    ret->checked = v->asked;
    ret->label = (uint16_t) ngx_http_wizdata_counters_key(
        v->worker->conf->counters, ret->key);
    return WD_OK;
}


/* ---- answers ------------------------------------------------------------ */

void
ngx_http_wizdata_auth_leave(ngx_http_wizdata_ctx_t *ctx)
{
    if (ctx->waiting) {
        ctx->waiting = 0;
        ngx_queue_remove(&ctx->waiter);
    }
}


/* The next who waits, taken off the queue; NULL: nobody. */
static ngx_http_wizdata_ctx_t *
ngx_http_wizdata_verify_next(ngx_http_wizdata_verify_t *v)
{
    ngx_http_wizdata_ctx_t *ctx;

    if (ngx_queue_empty(&v->waiters)) {
        return NULL;
    }

    ctx = ngx_queue_data(ngx_queue_head(&v->waiters), ngx_http_wizdata_ctx_t,
                         waiter);
    ngx_http_wizdata_auth_leave(ctx);
    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);
    return ctx;
}


static void
ngx_http_wizdata_verify_fail(ngx_http_wizdata_rpc_t *rpc, int code)
{
    ngx_connection_t          *c;
    ngx_http_wizdata_ctx_t    *ctx;
    ngx_http_wizdata_verify_t *v = rpc->data;

    ngx_http_wizdata_verify_close(v);
    while ((ctx = ngx_http_wizdata_verify_next(v)) != NULL) {
        c = ctx->request->connection;
        ngx_http_wizdata_auth_unavailable(ctx);
        ngx_http_run_posted_requests(c);
    }

    if (v->strict) {
        ngx_http_wizdata_open_refused(v->worker, v->digest);
    }
    ngx_free(v);
}


static void
ngx_http_wizdata_verify_refused(ngx_http_wizdata_verify_t *v,
    ngx_http_wizdata_refusal_e reason, const char *detail)
{
    ngx_connection_t          *c;
    ngx_http_wizdata_ctx_t    *ctx;
    ngx_http_wizdata_worker_t *w = v->worker;

    wd_verdicts_put_bad(w->verdicts, v->digest, v->asked,
                        (wd_ns_t) w->conf->negative_ttl * WD_NS_PER_MS);
    ngx_http_wizdata_verify_close(v);

    while ((ctx = ngx_http_wizdata_verify_next(v)) != NULL) {
        c = ctx->request->connection;
        ngx_http_wizdata_auth_refused(ctx, reason, detail);
        ngx_http_run_posted_requests(c);
    }

    if (v->open) {
        ngx_http_wizdata_open_refused(w, v->digest);
    }
    ngx_free(v);
}


static void
ngx_http_wizdata_verify_key_known(ngx_http_wizdata_verify_t *v,
    const ngx_http_wizdata_verdict_t *verdict)
{
    ngx_connection_t       *c;
    ngx_http_wizdata_ctx_t *ctx;

    (void) wd_verdicts_put(v->worker->verdicts, v->digest, verdict,
                           ngx_http_wizdata_verdict_now());
    ngx_http_wizdata_verify_close(v);

    while ((ctx = ngx_http_wizdata_verify_next(v)) != NULL) {
        c = ctx->request->connection;
        ctx->has_digest = 1;
        ctx->looked = v->asked_seq;
        if (ngx_http_wizdata_verdict_keep(ctx->request->pool, verdict,
                                          &ctx->verdict) == NGX_OK)
        {
            ngx_http_wizdata_auth_known(ctx);
        } else {
            ngx_http_wizdata_auth_unavailable(ctx);
        }
        ngx_http_run_posted_requests(c);
    }

    if (v->open) {
        ngx_http_wizdata_open_known(v->worker, v->digest, verdict,
                                    v->asked_seq);
    }
    ngx_free(v);
}


/* NGX_OK: look at the answer. Else the question was dealt with. */
static ngx_int_t
ngx_http_wizdata_verify_again(ngx_http_wizdata_verify_t *v, unsigned more)
{
    if (more) {
        ngx_http_wizdata_rpc_cancel(&v->rpc); /* a verdict has no body */
    }

    if (!v->again) {
        return NGX_OK;
    }

    if (v->tries >= NGX_HTTP_WIZDATA_VERIFY_TRIES
        || ngx_http_wizdata_verify_ask(v) != WD_OK)
    {
        ngx_http_wizdata_verify_fail(&v->rpc, WD_EUNAVAIL);
    }
    return NGX_DONE;
}


static void
ngx_http_wizdata_verify_key_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    u_char                      nets[WD_VERDICT_NETS_MAX];
    ngx_http_wizdata_verdict_t  verdict;
    ngx_http_wizdata_verify_t  *v = rpc->data;

    if (ngx_http_wizdata_verify_again(v, f->more) != NGX_OK) {
        return;
    }

    if (f->code == WD_EUNAUTH) {
        ngx_http_wizdata_verify_refused(v, NGX_HTTP_WIZDATA_REFUSAL_BAD_KEY,
                                        NGX_HTTP_WIZDATA_BAD_KEY);
        return;
    }

    if (f->code != WD_OK
        || ngx_http_wizdata_verify_read(v, f, nets, &verdict) != WD_OK)
    {
        ngx_http_wizdata_verify_fail(rpc, WD_EUNAVAIL);
        return;
    }

    if (verdict.expires != 0
        && verdict.expires <= ngx_http_wizdata_verdict_now().wall)
    {
        ngx_http_wizdata_verify_refused(v, NGX_HTTP_WIZDATA_REFUSAL_BAD_KEY,
                                        NGX_HTTP_WIZDATA_BAD_KEY);
        return;
    }
    ngx_http_wizdata_verify_key_known(v, &verdict);
}


/* Each who waits has verified the token and knows what is in it. */
static void
ngx_http_wizdata_verify_token_known(ngx_http_wizdata_verify_t *v)
{
    ngx_connection_t       *c;
    ngx_http_wizdata_ctx_t *ctx;

    ngx_http_wizdata_verify_close(v);
    while ((ctx = ngx_http_wizdata_verify_next(v)) != NULL) {
        c = ctx->request->connection;
        ctx->verdict.checked = v->asked;
        ngx_http_wizdata_token_granted(ctx);
        ngx_http_run_posted_requests(c);
    }
    ngx_free(v);
}


static void
ngx_http_wizdata_verify_token_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    ngx_http_wizdata_verify_t *v = rpc->data;

    if (ngx_http_wizdata_verify_again(v, f->more) != NGX_OK) {
        return;
    }

    if (f->code == WD_EUNAUTH) {
        ngx_http_wizdata_verify_refused(
            v, NGX_HTTP_WIZDATA_REFUSAL_TOKEN_REVOKED,
            NGX_HTTP_WIZDATA_BAD_TOKEN);
    } else if (f->code != WD_OK) {
        ngx_http_wizdata_verify_fail(rpc, WD_EUNAVAIL);
    } else {
        ngx_http_wizdata_verify_token_known(v);
    }
}
