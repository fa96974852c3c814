/*
 * ngx_http_wizdata_auth.c - API keys: credential, verdict, permission.
 *
 * A verdict comes from shared memory while it is fresh, else from auth, which
 * is asked once per key and worker however many requests wait for it. When
 * auth cannot answer, nobody is let in.
 */
#include "ngx_http_wizdata.h"

#include "wd_apikey.h"
#include "wd_time.h"

#include <sodium.h>

/* An older verdict needs a push channel without a gap. */
#define NGX_HTTP_WIZDATA_FRESH 1000

/* Revoked while it was verified: asked again, but not for ever. */
#define NGX_HTTP_WIZDATA_VERIFY_TRIES 3


typedef struct {
    u_char                     digest[NGX_HTTP_WIZDATA_DIGEST];
    ngx_http_wizdata_rpc_t     rpc;
    ngx_http_wizdata_call_span_t span;
    ngx_http_wizdata_worker_t *worker;
    ngx_queue_t                link; /* of its bucket */
    ngx_queue_t                waiters; /* of ngx_http_wizdata_ctx_t */
    ngx_msec_t                 asked;
    ngx_uint_t                 tries;
    u_char                     args[128];
    u_char                     id[32];
    unsigned                   again:1; /* revoked since it was asked */
} ngx_http_wizdata_verify_t;


static void ngx_http_wizdata_verify_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta);
static void ngx_http_wizdata_verify_fail(ngx_http_wizdata_rpc_t *rpc,
    int code);
static void ngx_http_wizdata_verify_join(ngx_http_wizdata_ctx_t *ctx);


static const ngx_http_wizdata_rpc_ops_t ngx_http_wizdata_verify_ops = {
    ngx_http_wizdata_verify_reply, NULL, ngx_http_wizdata_verify_fail};


/* The token of "Authorization: Bearer <token>"; false: another form. */
static bool
ngx_http_wizdata_bearer(const ngx_str_t *value, wd_str_t *ret)
{
    wd_str_t v = wd_str((char *) value->data, value->len), scheme;

    if (!wd_str_split(&v, ' ', &scheme) || v.data == NULL
        || !wd_str_ieq(scheme, WD_STR("Bearer")))
    {
        return false;
    }

    *ret = wd_str_trim(v);
    return true;
}


/* Exactly one credential, in one of the two headers. */
static int
ngx_http_wizdata_credential(ngx_http_wizdata_ctx_t *ctx, wd_str_t *ret)
{
    ngx_http_wizdata_headers_t *in = &ctx->headers;

    if (in->duplicate
        || (in->api_key.data != NULL && in->authorization.data != NULL))
    {
        return ngx_http_wizdata_refuse(
            ctx, WD_EHEADER, "give the API key once: in X-API-Key or in "
            "Authorization: Bearer, not in both");
    }

    if (in->api_key.data != NULL) {
        *ret = wd_str((char *) in->api_key.data, in->api_key.len);
        return WD_OK;
    }

    if (in->authorization.data == NULL) {
        return ngx_http_wizdata_refuse(
            ctx, WD_EUNAUTH, "send an API key in X-API-Key or in "
            "Authorization: Bearer");
    }

    if (!ngx_http_wizdata_bearer(&in->authorization, ret)) {
        return ngx_http_wizdata_refuse(
            ctx, WD_EUNAUTH, "Authorization must be Bearer, followed by an "
            "API key");
    }
    return WD_OK;
}


#define NGX_HTTP_WIZDATA_BAD_KEY                                              \
    "the API key is unknown, expired or revoked"


static wd_ns_t
ngx_http_wizdata_now(void)
{
    ngx_time_t *tp = ngx_timeofday();

    return (wd_ns_t) tp->sec * WD_NS_PER_S + (wd_ns_t) tp->msec * WD_NS_PER_MS;
}


/* Can no revocation since `checked` have been missed? */
static bool
ngx_http_wizdata_covered(ngx_http_wizdata_worker_t *w, ngx_msec_t checked)
{
    ngx_uint_t                  i;
    ngx_http_wizdata_service_t *s = &w->services[WD_SVC_AUTH];

    for (i = 0; i < s->n_peers; i++) {
        if (s->peers[i].conn != NULL
            && ngx_http_wizdata_conn_covers(s->peers[i].conn, checked))
        {
            return true;
        }
    }
    return false;
}


static bool
ngx_http_wizdata_fresh(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_msec_t                  age;
    ngx_http_wizdata_verdict_t *v = &ctx->verdict;

    age = ngx_current_msec - v->checked;

    if (age >= ctx->worker->conf->verdict_ttl
        || (v->expires != 0 && v->expires <= ngx_http_wizdata_now()))
    {
        return false;
    }

    return age < NGX_HTTP_WIZDATA_FRESH
           || ngx_http_wizdata_covered(ctx->worker, v->checked);
}


static bool
ngx_http_wizdata_permitted(ngx_http_wizdata_ctx_t *ctx)
{
    wd_ctx_t c = {.perms = ctx->verdict.perms};

    if (ctx->need == NGX_HTTP_WIZDATA_BIT_NONE) {
        return wd_ctx_permits(&c, ctx->permission);
    }
    return ctx->verdict.bits >> ctx->need & 1;
}


/* The verdict is there: does it permit the request? */
void
ngx_http_wizdata_auth_known(ngx_http_wizdata_ctx_t *ctx)
{
    int   n;
    char *p;

    if (ngx_http_wizdata_permitted(ctx)) {
        ctx->next(ctx);
        return;
    }

    n = snprintf(ctx->error.text, sizeof(ctx->error.text),
                 "the key lacks the permission %s; ask its owner for one "
                 "that has it", ctx->permission);
    p = ctx->error.text;
    (void) ngx_http_wizdata_refuse_param(ctx, WD_EFORBIDDEN,
                                         wd_str(p, (size_t) n), WD_STR_NULL);
    ctx->refused(ctx);
}


void
ngx_http_wizdata_auth_refused(ngx_http_wizdata_ctx_t *ctx, const char *detail)
{
    (void) ngx_http_wizdata_refuse(ctx, WD_EUNAUTH, detail);
    ctx->refused(ctx);
}


void
ngx_http_wizdata_auth_unavailable(ngx_http_wizdata_ctx_t *ctx)
{
    (void) ngx_http_wizdata_refuse(
        ctx, WD_EUNAVAIL, "the credential cannot be verified now; try again "
        "after the time in Retry-After");
    ctx->refused(ctx);
}


void
ngx_http_wizdata_auth(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t need,
    const char *permission, ngx_http_wizdata_next_pt next,
    ngx_http_wizdata_next_pt refused)
{
    wd_str_t                    key;
    ngx_shm_zone_t             *zone = ctx->worker->conf->verdicts;
    ngx_http_wizdata_verdict_e  known;

    ctx->need = need;
    ctx->permission = permission;
    ctx->next = next;
    ctx->refused = refused;

    if (ngx_http_wizdata_credential(ctx, &key) != WD_OK) {
        refused(ctx);
        return;
    }

    crypto_generichash(ctx->digest, sizeof(ctx->digest), (u_char *) key.data,
                       key.len, NULL, 0);
    known = ngx_http_wizdata_verdict_get(zone, ctx->digest,
                                         ctx->request->pool, &ctx->verdict);

    if (known == NGX_HTTP_WIZDATA_GOOD && ngx_http_wizdata_fresh(ctx)) {
        ngx_http_wizdata_count_by(ctx, VERDICT_LOOKUPS,
                                  NGX_HTTP_WIZDATA_HIT, 1);
        ctx->has_digest = 1;
        ngx_http_wizdata_auth_known(ctx);
        return;
    }

    if (known == NGX_HTTP_WIZDATA_BAD || !wd_apikey_wellformed(key)) {
        ngx_http_wizdata_count_by(ctx, VERDICT_LOOKUPS,
                                  NGX_HTTP_WIZDATA_NEGATIVE, 1);
        ngx_http_wizdata_auth_refused(ctx, NGX_HTTP_WIZDATA_BAD_KEY);
        return;
    }

    ngx_http_wizdata_count_by(ctx, VERDICT_LOOKUPS,
                              known == NGX_HTTP_WIZDATA_GOOD
                                  ? NGX_HTTP_WIZDATA_STALE
                                  : NGX_HTTP_WIZDATA_MISS, 1);
    ngx_memzero(&ctx->verdict, sizeof(ctx->verdict));
    ctx->verdict.label = NGX_HTTP_WIZDATA_KEYS;
    ngx_http_wizdata_verify_join(ctx);
}


void
ngx_http_wizdata_auth_leave(ngx_http_wizdata_ctx_t *ctx)
{
    if (ctx->waiting) {
        ctx->waiting = 0;
        ngx_queue_remove(&ctx->waiter);
    }
}


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
    v->asked = ngx_current_msec;
    v->again = 0;
    v->tries++;
    return ngx_http_wizdata_rpc_start(&v->rpc);
}


static void
ngx_http_wizdata_verify_args(ngx_http_wizdata_verify_t *v)
{
    char      hex[2 * NGX_HTTP_WIZDATA_DIGEST + 1];
    wd_buf_t *out = &v->worker->scratch;

    wd_hex_encode(v->digest, sizeof(v->digest), hex);
    wd_buf_reset(out);
    wd_mp_put_map(out, 1);
    wd_mp_put_z(out, "digest");
    wd_mp_put_z(out, hex);

    if (out->err == WD_OK && out->len <= sizeof(v->args)) {
        ngx_memcpy(v->args, out->data, out->len);
        v->rpc.args = wd_str((char *) v->args, out->len);
    }
}


static ngx_http_wizdata_verify_t *
ngx_http_wizdata_verify_create(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_verify_t *v;
    ngx_http_wizdata_worker_t *w = ctx->worker;

    v = ngx_calloc(sizeof(ngx_http_wizdata_verify_t), w->cycle->log);
    if (v == NULL) {
        return NULL;
    }

    v->worker = w;
    ngx_memcpy(v->digest, ctx->digest, sizeof(v->digest));
    ngx_queue_init(&v->waiters);
    ngx_http_wizdata_verify_args(v);

    /* The request that asks first gives its name to the question. */
    v->rpc.ops = &ngx_http_wizdata_verify_ops;
    v->rpc.data = v;
    v->rpc.method = &wd_methods()[WD_METHOD_AUTH_VERIFY];
    v->rpc.service = &w->services[WD_SVC_AUTH];
    v->rpc.context.id = wd_str((char *) v->id,
                               ngx_min(ctx->request_id.len, sizeof(v->id)));
    ngx_memcpy(v->id, ctx->request_id.data, v->rpc.context.id.len);
    ngx_http_wizdata_call_span(ctx, &v->rpc, &v->span);

    if (v->rpc.args.len == 0) {
        ngx_free(v);
        return NULL;
    }

    ngx_queue_insert_tail(ngx_http_wizdata_verify_bucket(w, v->digest),
                          &v->link);
    w->n_verifies++;
    return v;
}


/* Waits for the verdict that another request asked for, or asks. */
static void
ngx_http_wizdata_verify_join(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_verify_t *v;

    v = ngx_http_wizdata_verify_find(ctx->worker, ctx->digest);

    if (v == NULL) {
        if (ctx->worker->n_verifies < NGX_HTTP_WIZDATA_VERIFY_MAX) {
            v = ngx_http_wizdata_verify_create(ctx);
        }
        if (v == NULL) {
            ngx_http_wizdata_auth_unavailable(ctx);
            return;
        }
        if (ngx_http_wizdata_verify_ask(v) != WD_OK) {
            ngx_http_wizdata_verify_close(v);
            ngx_free(v);
            ngx_http_wizdata_auth_unavailable(ctx);
            return;
        }
    }

    ctx->waiting = 1;
    ngx_queue_insert_tail(&v->waiters, &ctx->waiter);
    ngx_http_wizdata_watch_client(ctx->request);
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
    ngx_free(v);
}


static void
ngx_http_wizdata_verify_unknown(ngx_http_wizdata_verify_t *v)
{
    ngx_connection_t             *c;
    ngx_http_wizdata_ctx_t       *ctx;
    ngx_http_wizdata_main_conf_t *conf = v->worker->conf;

    ngx_http_wizdata_verdict_put_bad(conf->verdicts, v->digest, v->asked,
                                     conf->negative_ttl);
    ngx_http_wizdata_verify_close(v);

    while ((ctx = ngx_http_wizdata_verify_next(v)) != NULL) {
        c = ctx->request->connection;
        ngx_http_wizdata_auth_refused(ctx, NGX_HTTP_WIZDATA_BAD_KEY);
        ngx_http_run_posted_requests(c);
    }
    ngx_free(v);
}


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


/* Permissions as bits, so that a request needs no look at their texts. */
static uint64_t
ngx_http_wizdata_bits(wd_str_t perms)
{
    size_t             i;
    uint64_t           bits = 0;
    wd_ctx_t           c = {.perms = perms};
    const wd_method_t *m = wd_methods();

    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (wd_ctx_permits(&c, m[i].permission)) {
            bits |= UINT64_C(1) << i;
        }
    }
    if (wd_ctx_permits(&c, "status:read")) {
        bits |= UINT64_C(1) << NGX_HTTP_WIZDATA_BIT_STATUS;
    }
    return bits;
}


/* The verdict in the meta of an answer of auth.verify. */
static int
ngx_http_wizdata_verify_read(ngx_http_wizdata_verify_t *v,
    const wd_frame_t *f, ngx_http_wizdata_verdict_t *ret)
{
    wd_mp_t meta = wd_mp(f->meta.data, f->meta.len), at;

    ngx_memzero(ret, sizeof(*ret));

    if (ngx_http_wizdata_meta_text(meta, "sub", WD_PRINCIPAL_MAX,
                                   &ret->principal) != WD_OK
        || ret->principal.len == 0
        || ngx_http_wizdata_meta_text(meta, "key", NGX_HTTP_WIZDATA_KEY_ID_MAX,
                                      &ret->key) != WD_OK
        || ngx_http_wizdata_meta_text(meta, "plan", WD_PLAN_MAX, &ret->plan)
           != WD_OK
        || ngx_http_wizdata_meta_perms(meta, &ret->perms) != WD_OK)
    {
        return WD_EPROTO;
    }

    if (wd_mp_map_find(meta, "exp", &at) == WD_OK && !wd_mp_read_nil(&at)
        && wd_mp_read_int(&at, &ret->expires) != WD_OK)
    {
        return WD_EPROTO;
    }

    ret->bits = ngx_http_wizdata_bits(ret->perms);
    ret->checked = v->asked;
    ret->label = ngx_http_wizdata_counters_key(v->worker->conf->counters,
                                               ret->key);
    return WD_OK;
}


static ngx_int_t
ngx_http_wizdata_verdict_keep(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_verdict_t *v)
{
    size_t    i;
    u_char   *p;
    wd_str_t *views[4];

    ctx->verdict = *v;
    views[0] = &ctx->verdict.principal;
    views[1] = &ctx->verdict.key;
    views[2] = &ctx->verdict.plan;
    views[3] = &ctx->verdict.perms;

    p = ngx_pnalloc(ctx->request->pool, v->principal.len + v->key.len
                                        + v->plan.len + v->perms.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < 4; i++) {
        ngx_memcpy(p, views[i]->data, views[i]->len);
        views[i]->data = (char *) p;
        p += views[i]->len;
    }
    return NGX_OK;
}


static void
ngx_http_wizdata_verify_known(ngx_http_wizdata_verify_t *v,
    const ngx_http_wizdata_verdict_t *verdict)
{
    ngx_connection_t       *c;
    ngx_http_wizdata_ctx_t *ctx;

    ngx_http_wizdata_verdict_put(v->worker->conf->verdicts, v->digest,
                                 verdict);
    ngx_http_wizdata_verify_close(v);

    while ((ctx = ngx_http_wizdata_verify_next(v)) != NULL) {
        c = ctx->request->connection;
        ctx->has_digest = 1;
        if (ngx_http_wizdata_verdict_keep(ctx, verdict) == NGX_OK) {
            ngx_http_wizdata_auth_known(ctx);
        } else {
            ngx_http_wizdata_auth_unavailable(ctx);
        }
        ngx_http_run_posted_requests(c);
    }
    ngx_free(v);
}


static void
ngx_http_wizdata_verify_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    ngx_http_wizdata_verdict_t  verdict;
    ngx_http_wizdata_verify_t  *v = rpc->data;

    if (f->more) {
        ngx_http_wizdata_rpc_cancel(rpc); /* a verdict has no body */
    }

    if (v->again && v->tries < NGX_HTTP_WIZDATA_VERIFY_TRIES) {
        if (ngx_http_wizdata_verify_ask(v) != WD_OK) {
            ngx_http_wizdata_verify_fail(rpc, WD_EUNAVAIL);
        }
        return;
    }

    if (f->code == WD_EUNAUTH) {
        ngx_http_wizdata_verify_unknown(v);
        return;
    }

    if (v->again || f->code != WD_OK
        || ngx_http_wizdata_verify_read(v, f, &verdict) != WD_OK)
    {
        ngx_http_wizdata_verify_fail(rpc, WD_EUNAVAIL);
        return;
    }

    if (verdict.expires != 0 && verdict.expires <= ngx_http_wizdata_now()) {
        ngx_http_wizdata_verify_unknown(v);
        return;
    }
    ngx_http_wizdata_verify_known(v, &verdict);
}


static void
ngx_http_wizdata_revoke_all(ngx_http_wizdata_worker_t *w)
{
    ngx_uint_t                 i;
    ngx_queue_t               *q;
    ngx_http_wizdata_verify_t *v;

    ngx_http_wizdata_verdict_revoke(w->conf->verdicts, NULL);

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


static void
ngx_http_wizdata_revoke_one(ngx_http_wizdata_worker_t *w,
    const u_char *digest)
{
    ngx_http_wizdata_verify_t *v;

    ngx_http_wizdata_verdict_revoke(w->conf->verdicts, digest);

    v = ngx_http_wizdata_verify_find(w, digest);
    if (v != NULL) {
        v->again = 1;
    }
}


ngx_int_t
ngx_http_wizdata_auth_revoke(ngx_http_wizdata_worker_t *w, wd_str_t params)
{
    u_char   digest[NGX_HTTP_WIZDATA_DIGEST];
    uint32_t n;
    wd_mp_t  c = wd_mp(params.data, params.len);
    wd_str_t hex;

    if (wd_mp_read_array(&c, &n) != WD_OK || n != 1
        || wd_mp_read_array(&c, &n) != WD_OK)
    {
        return NGX_ERROR;
    }

    if (n == 0) {
        ngx_http_wizdata_revoke_all(w);
        return NGX_OK;
    }

    while (n-- != 0) {
        if (wd_mp_read_str(&c, &hex) != WD_OK
            || !wd_hex_decode(hex, digest, sizeof(digest)))
        {
            return NGX_ERROR;
        }
        ngx_http_wizdata_revoke_one(w, digest);
    }
    return NGX_OK;
}
