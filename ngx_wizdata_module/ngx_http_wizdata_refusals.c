/*
 * ngx_http_wizdata_refusals.c - tells auth, which keeps an audit trail, of
 * requests that were refused with 401 or 403.
 *
 * A worker adds equal ones up for a second and sends them to whichever auth
 * is connected. Nobody waits for that, and nothing is sent again: what has no
 * room, or no connection when the worker ends, is counted as lost.
 */
#include "ngx_http_wizdata.h"
#include "ngx_http_wizdata_families.h"

#include "wd_refusals.h"

#define NGX_HTTP_WIZDATA_REFUSALS_EVERY 1000 /* ms */

/* A connection with more unsent bytes is not given these on top. */
#define NGX_HTTP_WIZDATA_REFUSALS_OUT (512 * 1024)


struct ngx_http_wizdata_refusals_s {
    ngx_http_wizdata_worker_t  *worker;
    ngx_http_wizdata_service_t *service;
    wd_refusals_t              *table;
    wd_buf_t                    params;
    ngx_event_t                 timer;
};


static const char *const ngx_http_wizdata_refusal_words[] = {
#define REFUSAL(id, word) word,
#include "ngx_http_wizdata_refusals.def"
#undef REFUSAL
};


/* ---- sending ------------------------------------------------------------ */

static void
ngx_http_wizdata_refusals_send(ngx_http_wizdata_refusals_t *s,
    ngx_http_wizdata_conn_t *conn)
{
    wd_buf_reset(&s->params);
    wd_refusals_put(s->table, s->worker->instance, &s->params);

    if (s->params.err == WD_OK
        && ngx_http_wizdata_conn_tell(conn, WD_N_REFUSALS,
                                        wd_buf_view(&s->params)))
    {
        wd_refusals_reset(s->table);
    }
    wd_buf_done(&s->params); /* a second is long */
}


static void
ngx_http_wizdata_refusals_event(ngx_event_t *ev)
{
    ngx_uint_t                   i;
    ngx_http_wizdata_conn_t     *conn;
    ngx_http_wizdata_refusals_t *s = ev->data;

    if (wd_refusals_total(s->table) == 0) {
        return; /* told when a connection was left */
    }

    conn = ngx_http_wizdata_pick_any(s->service,
                                     NGX_HTTP_WIZDATA_REFUSALS_OUT);
    if (conn != NULL) {
        ngx_http_wizdata_refusals_send(s, conn);

    } else if (!ngx_exiting) {
        for (i = 0; i < s->service->n_peers; i++) {
            ngx_http_wizdata_peer_connect(&s->service->peers[i]);
        }
    }

    if (wd_refusals_total(s->table) != 0) {
        ngx_add_timer(&s->timer, NGX_HTTP_WIZDATA_REFUSALS_EVERY);
    }
}


ngx_int_t
ngx_http_wizdata_refusals_init(ngx_http_wizdata_worker_t *w)
{
    ngx_http_wizdata_refusals_t *s;

    if (w->conf->services[WD_SVC_AUTH].endpoints == NULL) {
        return NGX_OK; /* nobody to tell */
    }

    s = ngx_pcalloc(w->cycle->pool, sizeof(ngx_http_wizdata_refusals_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->table = wd_refusals_create();
    if (s->table == NULL) {
        return NGX_ERROR;
    }

    s->worker = w;
    s->service = &w->services[WD_SVC_AUTH];
    wd_buf_init(&s->params, 0);
    s->timer.data = s;
    s->timer.handler = ngx_http_wizdata_refusals_event;
    s->timer.log = w->cycle->log;
    s->timer.cancelable = 1;

    w->refusals = s;
    return NGX_OK;
}


/* Later there is no connection, or no worker. */
static void
ngx_http_wizdata_refusals_last(ngx_http_wizdata_refusals_t *s,
    ngx_http_wizdata_conn_t *conn)
{
    if (wd_refusals_total(s->table) != 0) {
        ngx_http_wizdata_refusals_send(s, conn);
        ngx_http_wizdata_conn_push(conn);
    }
}


void
ngx_http_wizdata_refusals_leave(ngx_http_wizdata_conn_t *conn)
{
    ngx_http_wizdata_refusals_t *s = conn->peer->service->worker->refusals;

    if (ngx_exiting && s != NULL && conn->peer->service == s->service
        && conn->ready)
    {
        ngx_http_wizdata_refusals_last(s, conn);
    }
}


void
ngx_http_wizdata_refusals_done(ngx_http_wizdata_worker_t *w)
{
    uint64_t                     left;
    ngx_http_wizdata_conn_t     *conn;
    ngx_http_wizdata_refusals_t *s = w->refusals;

    if (s == NULL) {
        return;
    }

    conn = ngx_http_wizdata_pick_any(s->service,
                                     NGX_HTTP_WIZDATA_REFUSALS_OUT);
    if (conn != NULL) {
        ngx_http_wizdata_refusals_last(s, conn);
    }

    left = wd_refusals_total(s->table) - wd_refusals_lost(s->table);
    ngx_http_wizdata_count(w, REFUSALS_LOST, left);

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }
    w->refusals = NULL;
    wd_refusals_destroy(s->table);
    wd_buf_done(&s->params);
}


/* ---- what is told ------------------------------------------------------- */

/* The method's name, the path of a status page, or nothing. */
static const char *
ngx_http_wizdata_refusal_method(const wd_method_t *m, ngx_uint_t endpoint)
{
    if (m != NULL) {
        return m->name;
    }
    return endpoint != NGX_HTTP_WIZDATA_EP_OTHER
               ? ngx_http_wizdata_endpoint_name(endpoint)
               : "";
}


static void
ngx_http_wizdata_refusals_add(ngx_http_wizdata_worker_t *w,
    wd_refusal_t *one)
{
    ngx_http_wizdata_refusals_t *s = w->refusals;

    if (s == NULL) {
        return;
    }

    one->at = ngx_http_wizdata_now();
    if (!wd_refusals_add(s->table, one)) {
        ngx_http_wizdata_count(w, REFUSALS_LOST, 1);
    }
    if (!s->timer.timer_set) {
        ngx_add_timer(&s->timer, NGX_HTTP_WIZDATA_REFUSALS_EVERY);
    }
}


static ngx_uint_t
ngx_http_wizdata_refusal_is(const ngx_http_wizdata_ctx_t *ctx)
{
    return ctx->problem.code == WD_EUNAUTH
           || ctx->problem.code == WD_EFORBIDDEN;
}


static void
ngx_http_wizdata_refusal_tell(ngx_http_wizdata_ctx_t *ctx)
{
    wd_refusal_t one;

    ctx->refusal.told = 1;
    one.ip = ngx_http_wizdata_client_ip(ctx->request);
    one.principal = ctx->refusal.principal;
    one.key = ctx->refusal.key;
    one.method = ngx_http_wizdata_refusal_method(ctx->method, ctx->endpoint);
    one.reason = ngx_http_wizdata_refusal_words[ctx->problem.reason];
    one.code = ctx->problem.code;
    ngx_http_wizdata_refusals_add(ctx->worker, &one);
}


void
ngx_http_wizdata_refusal_note(ngx_http_wizdata_ctx_t *ctx)
{
    if (ngx_http_wizdata_refusal_is(ctx)) {
        ctx->refusal.principal = ctx->verdict.principal;
        ctx->refusal.key = ctx->verdict.key;
    }
}


void
ngx_http_wizdata_refusal_final(ngx_http_wizdata_ctx_t *ctx)
{
    if (ngx_http_wizdata_refusal_is(ctx) && !ctx->refusal.told) {
        ngx_http_wizdata_refusal_note(ctx);
        ngx_http_wizdata_refusal_tell(ctx);
    }
}


/* nginx's own rules: what is known may be no more than the location. */
static void
ngx_http_wizdata_refusal_server(ngx_http_request_t *r,
    ngx_http_wizdata_worker_t *w, ngx_http_wizdata_ctx_t *ctx,
    ngx_uint_t status)
{
    wd_refusal_t                 one;
    const wd_method_t           *m = ctx != NULL ? ctx->method : NULL;
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_wizdata_module);
    if (!lcf->api && lcf->endpoint == NGX_HTTP_WIZDATA_EP_OTHER && m == NULL) {
        return;
    }

    ngx_memzero(&one, sizeof(one));
    if (ctx != NULL) {
        ctx->refusal.told = 1;
        one.principal = ctx->verdict.principal;
        one.key = ctx->verdict.key;
    }
    one.ip = ngx_http_wizdata_client_ip(r);
    one.method = ngx_http_wizdata_refusal_method(m, lcf->endpoint);
    one.reason = ngx_http_wizdata_refusal_words[
                     NGX_HTTP_WIZDATA_REFUSAL_SERVER];
    one.code = status == NGX_HTTP_UNAUTHORIZED ? WD_EUNAUTH : WD_EFORBIDDEN;
    ngx_http_wizdata_refusals_add(w, &one);
}


ngx_int_t
ngx_http_wizdata_refusals_handler(ngx_http_request_t *r)
{
    ngx_uint_t                    status;
    ngx_http_wizdata_ctx_t       *ctx;
    ngx_http_wizdata_main_conf_t *wmcf;

    status = r->err_status ? r->err_status : r->headers_out.status;
    if ((status != NGX_HTTP_UNAUTHORIZED && status != NGX_HTTP_FORBIDDEN)
        || r != r->main)
    {
        return NGX_OK;
    }

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_wizdata_module);
    if (wmcf->worker == NULL) {
        return NGX_OK;
    }

    ctx = ngx_http_wizdata_ctx_find(r);
    if (ctx != NULL && ctx->refusal.told) {
        return NGX_OK;
    }

    if (ctx != NULL && ctx->problem.status == status
        && ngx_http_wizdata_refusal_is(ctx))
    {
        ngx_http_wizdata_refusal_tell(ctx);
    } else {
        ngx_http_wizdata_refusal_server(r, wmcf->worker, ctx, status);
    }
    return NGX_OK;
}
