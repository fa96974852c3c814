/*
 * ngx_http_wizdata_collect.c - one question to several backends.
 */
#include "ngx_http_wizdata_collect.h"


static void ngx_http_wizdata_answer_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta);
static void ngx_http_wizdata_answer_chunk(ngx_http_wizdata_rpc_t *rpc,
    wd_str_t bytes, bool last);
static void ngx_http_wizdata_answer_fail(ngx_http_wizdata_rpc_t *rpc,
    int code);


static const ngx_http_wizdata_rpc_ops_t ngx_http_wizdata_answer_ops = {
    ngx_http_wizdata_answer_reply, ngx_http_wizdata_answer_chunk,
    ngx_http_wizdata_answer_fail};


static void
ngx_http_wizdata_collect_cleanup(void *data)
{
    ngx_uint_t                  i;
    ngx_http_wizdata_collect_t *c = data;

    for (i = 0; i < c->n; i++) {
        ngx_http_wizdata_rpc_cancel(&c->answers[i].rpc);
        wd_buf_done(&c->answers[i].meta);
        wd_buf_done(&c->answers[i].body);
    }
}


/* One answer less is outstanding. */
static void
ngx_http_wizdata_collect_step(ngx_http_wizdata_collect_t *c)
{
    if (--c->left == 0) {
        c->done(c->ctx);
    }
}


static void
ngx_http_wizdata_answer_over(ngx_http_wizdata_answer_t *a, int code)
{
    ngx_http_request_t *r = a->collect->ctx->request;
    ngx_connection_t   *c = r->connection;

    a->code = code;
    a->latency = ngx_current_msec - a->asked;
    ngx_http_set_log_request(c->log, r);
    ngx_http_wizdata_collect_step(a->collect);
    ngx_http_run_posted_requests(c);
}


/* Bytes of the body; the answer is over with the last ones, or a failure. */
static void
ngx_http_wizdata_answer_take(ngx_http_wizdata_answer_t *a, wd_str_t bytes,
    bool last)
{
    int rc;

    if (a->collect->sink != NULL) {
        rc = a->collect->sink(a, bytes);
    } else {
        wd_buf_str(&a->body, bytes);
        rc = a->body.err;
        if (!last && rc == WD_OK) {
            ngx_http_wizdata_rpc_credit(&a->rpc, bytes.len);
        }
    }

    if (last || rc != WD_OK) {
        ngx_http_wizdata_rpc_cancel(&a->rpc);
        ngx_http_wizdata_answer_over(a, rc);
    }
}


static void
ngx_http_wizdata_answer_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    ngx_http_wizdata_answer_t *a = rpc->data;

    if (f->code != WD_OK) {
        ngx_http_wizdata_answer_over(a, f->code);
        return;
    }

    wd_buf_str(&a->meta, f->meta);
    ngx_http_wizdata_answer_take(a, f->body, !f->more);
}


static void
ngx_http_wizdata_answer_chunk(ngx_http_wizdata_rpc_t *rpc, wd_str_t bytes,
    bool last)
{
    ngx_http_wizdata_answer_take(rpc->data, bytes, last);
}


static void
ngx_http_wizdata_answer_fail(ngx_http_wizdata_rpc_t *rpc, int code)
{
    ngx_http_wizdata_answer_over(rpc->data, code);
}


ngx_uint_t
ngx_http_wizdata_ready(const ngx_http_wizdata_service_t *s)
{
    ngx_uint_t i, n = 0;

    for (i = 0; i < s->n_peers; i++) {
        n += s->peers[i].conn != NULL && s->peers[i].conn->ready;
    }
    return n;
}


static ngx_http_wizdata_collect_t *
ngx_http_wizdata_collect_create(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t all)
{
    ngx_uint_t                  i, n = 0;
    ngx_http_cleanup_t         *cln;
    ngx_http_wizdata_collect_t *c;

    for (i = WD_SVC_ANY + 1; i < WD_SVC_COUNT; i++) {
        n += all ? ctx->worker->services[i].n_peers : 1;
    }

    c = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_wizdata_collect_t));
    if (c == NULL) {
        return NULL;
    }

    c->answers = ngx_pcalloc(ctx->request->pool,
                             (n + 1) * sizeof(ngx_http_wizdata_answer_t));
    cln = ngx_http_cleanup_add(ctx->request, 0);
    if (c->answers == NULL || cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_wizdata_collect_cleanup;
    cln->data = c;
    c->ctx = ctx;
    ctx->collect = c;
    return c;
}


static void
ngx_http_wizdata_collect_add(ngx_http_wizdata_collect_t *c,
    ngx_http_wizdata_service_t *s, ngx_http_wizdata_peer_t *peer)
{
    ngx_http_wizdata_answer_t *a = &c->answers[c->n++];

    a->collect = c;
    a->service = s;
    a->peer = peer;
    wd_buf_init(&a->body, NGX_HTTP_WIZDATA_COLLECT_MAX);
    wd_buf_init(&a->meta, 0);
}


static void
ngx_http_wizdata_collect_ask(ngx_http_wizdata_answer_t *a, wd_method_e method)
{
    ngx_http_wizdata_ctx_t *ctx = a->collect->ctx;

    a->asked = ngx_current_msec;
    a->rpc.ops = &ngx_http_wizdata_answer_ops;
    a->rpc.data = a;
    a->rpc.method = &wd_methods()[method];
    a->rpc.service = a->service;
    a->rpc.only = a->peer;
    a->rpc.context.id = wd_str((char *) ctx->request_id.data,
                               ctx->request_id.len);
    a->rpc.args = WD_STR("\x80"); /* an empty map */

    /* Who is not connected is not waited for. */
    a->code = ngx_http_wizdata_ready(a->service) == 0
                  ? WD_EUNAVAIL
                  : ngx_http_wizdata_rpc_start(&a->rpc);
    if (a->code == WD_OK) {
        a->code = WD_EAGAIN;
        a->collect->left++;
    }
}


ngx_int_t
ngx_http_wizdata_collect(ngx_http_wizdata_ctx_t *ctx, wd_method_e method,
    ngx_uint_t all, ngx_http_wizdata_next_pt done)
{
    return ngx_http_wizdata_collect_into(ctx, method, all, NULL, done);
}


ngx_int_t
ngx_http_wizdata_collect_into(ngx_http_wizdata_ctx_t *ctx, wd_method_e method,
    ngx_uint_t all, ngx_http_wizdata_sink_pt sink,
    ngx_http_wizdata_next_pt done)
{
    ngx_uint_t                  i, k;
    ngx_http_wizdata_service_t *s;
    ngx_http_wizdata_collect_t *c;

    c = ngx_http_wizdata_collect_create(ctx, all);
    if (c == NULL) {
        return NGX_ERROR;
    }

    for (i = WD_SVC_ANY + 1; i < WD_SVC_COUNT; i++) {
        s = &ctx->worker->services[i];
        if (s->n_peers == 0) {
            continue;
        }
        if (!all) {
            ngx_http_wizdata_collect_add(c, s, NULL);
            continue;
        }
        for (k = 0; k < s->n_peers; k++) {
            ngx_http_wizdata_collect_add(c, s, &s->peers[k]);
        }
    }

    c->done = done;
    c->sink = sink;
    c->left = 1; /* nothing is done before all are asked */
    for (i = 0; i < c->n; i++) {
        ngx_http_wizdata_collect_ask(&c->answers[i], method);
    }

    if (c->left > 1) {
        ngx_http_wizdata_watch_client(ctx->request);
    }
    ngx_http_wizdata_collect_step(c);
    return NGX_OK;
}
