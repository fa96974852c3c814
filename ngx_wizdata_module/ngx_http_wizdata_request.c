/*
 * ngx_http_wizdata_request.c - the context of a request and its way through
 * the gateway: route, key, arguments, call.
 */
#include "ngx_http_wizdata.h"


static void ngx_http_wizdata_api_args(ngx_http_wizdata_ctx_t *ctx);
static void ngx_http_wizdata_api_body_read(ngx_http_request_t *r);


/* The client left, or all is done: nobody may call back any more. */
static void
ngx_http_wizdata_cleanup(void *data)
{
    ngx_http_wizdata_ctx_t *ctx = data;

    if (ctx->active) {
        ctx->active = 0;
        ctx->counters->active--;
    }
    ngx_http_wizdata_auth_leave(ctx);
    ngx_http_wizdata_open_remove(ctx);
    ngx_http_wizdata_cache_leave(ctx);
    ngx_http_wizdata_rpc_cancel(&ctx->rpc);
    ngx_http_wizdata_limit_done(ctx);

    /* Logs come behind the cleanups, also when there was a redirect. */
    ngx_http_set_ctx(ctx->request, ctx, ngx_http_wizdata_module);
}


static ngx_uint_t
ngx_http_wizdata_is(const ngx_table_elt_t *h, const char *name)
{
    return ngx_memcmp(h->lowcase_key, name, h->key.len) == 0;
}


/* A header that may come in several lines is one list. */
static void
ngx_http_wizdata_header_join(ngx_pool_t *pool, ngx_str_t *all,
    const ngx_str_t *line)
{
    u_char *p;

    if (all->data == NULL) {
        *all = *line;
        return;
    }

    p = ngx_pnalloc(pool, all->len + 1 + line->len);
    if (p == NULL) {
        return;
    }
    ngx_memcpy(p, all->data, all->len);
    p[all->len] = ',';
    ngx_memcpy(p + all->len + 1, line->data, line->len);
    all->data = p;
    all->len += 1 + line->len;
}


static void
ngx_http_wizdata_header_once(ngx_http_wizdata_headers_t *in, ngx_str_t *value,
    const ngx_str_t *line)
{
    if (value->data != NULL) {
        in->duplicate = 1;
    }
    *value = *line;
}


static void
ngx_http_wizdata_header_idem(ngx_http_wizdata_headers_t *in,
    const ngx_str_t *line)
{
    in->many_keys = in->idempotency_key.data != NULL;
    in->idempotency_key = *line;
}


static void
ngx_http_wizdata_header_note(ngx_http_wizdata_ctx_t *ctx,
    const ngx_table_elt_t *h)
{
    ngx_http_wizdata_headers_t *in = &ctx->headers;

    switch (h->key.len) {
    case sizeof("accept") - 1:
        if (ngx_http_wizdata_is(h, "accept")) {
            ngx_http_wizdata_header_join(ctx->request->pool, &in->accept,
                                         &h->value);
        }
        break;
    case sizeof("x-api-key") - 1:
        if (ngx_http_wizdata_is(h, "x-api-key")) {
            ngx_http_wizdata_header_once(in, &in->api_key, &h->value);
        }
        break;
    case sizeof("traceparent") - 1:
        if (ngx_http_wizdata_is(h, "traceparent")) {
            /* Two make an invalid one, so that a new trace begins. */
            ngx_http_wizdata_header_join(ctx->request->pool, &in->traceparent,
                                         &h->value);
        }
        break;
    case sizeof("tracestate") - 1:
        if (ngx_http_wizdata_is(h, "tracestate")) {
            ngx_http_wizdata_header_join(ctx->request->pool, &in->tracestate,
                                         &h->value);
        }
        break;
    case sizeof("x-wizdata-trace") - 1:
        if (ngx_http_wizdata_is(h, "x-wizdata-trace")) {
            ngx_http_wizdata_header_join(ctx->request->pool, &in->trace,
                                         &h->value);
        } else if (ngx_http_wizdata_is(h, "idempotency-key")) {
            ngx_http_wizdata_header_idem(in, &h->value);
        }
        break;
    case sizeof("content-encoding") - 1:
        if (ngx_http_wizdata_is(h, "content-encoding")) {
            ngx_http_wizdata_header_join(ctx->request->pool,
                                         &in->content_encoding, &h->value);
        }
        break;
    case sizeof("content-type") - 1:
        if (ngx_http_wizdata_is(h, "content-type")) {
            ngx_http_wizdata_header_join(ctx->request->pool,
                                         &in->content_type, &h->value);
        } else if (ngx_http_wizdata_is(h, "x-request-id")) {
            ngx_http_wizdata_header_join(ctx->request->pool, &in->request_id,
                                         &h->value);
        }
        break;
    case sizeof("authorization") - 1:
        if (ngx_http_wizdata_is(h, "authorization")) {
            ngx_http_wizdata_header_once(in, &in->authorization, &h->value);
        } else if (ngx_http_wizdata_is(h, "cache-control")) {
            ngx_http_wizdata_header_join(ctx->request->pool,
                                         &in->cache_control, &h->value);
        }
        break;
    }
}


/* One walk over the headers: what else the client claims is not looked at. */
static void
ngx_http_wizdata_headers_read(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_uint_t       i;
    ngx_list_part_t *part;
    ngx_table_elt_t *h;

    part = &ctx->request->headers_in.headers.part;
    for ( ;; ) {
        h = part->elts;
        for (i = 0; i < part->nelts; i++) {
            if (h[i].lowcase_key != NULL) {
                ngx_http_wizdata_header_note(ctx, &h[i]);
            }
        }
        if (part->next == NULL) {
            return;
        }
        part = part->next;
    }
}


ngx_http_wizdata_ctx_t *
ngx_http_wizdata_ctx_find(ngx_http_request_t *r)
{
    ngx_http_cleanup_t     *cln;
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_wizdata_module);
    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    /* Cleanups are the main request's: a subrequest must not take its. */
    for (cln = r->main->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_wizdata_cleanup) {
            ctx = cln->data;
            if (ctx->request == r) {
                return ctx;
            }
        }
    }
    return NULL;
}


/* After an internal redirect: another location may have other rules. */
static ngx_http_wizdata_ctx_t *
ngx_http_wizdata_ctx_again(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_wizdata_module);
    ctx->access = NGX_HTTP_WIZDATA_ACCESS_IDLE;
    ctx->endpoint = lcf->endpoint;
    ctx->method = NULL;
    ngx_http_wizdata_open_remove(ctx);
    ngx_http_set_ctx(ctx->request, ctx, ngx_http_wizdata_module);
    return ctx;
}


ngx_http_wizdata_ctx_t *
ngx_http_wizdata_ctx(ngx_http_request_t *r)
{
    ngx_http_cleanup_t           *cln;
    ngx_http_wizdata_ctx_t       *ctx;
    ngx_http_wizdata_loc_conf_t  *lcf;
    ngx_http_wizdata_main_conf_t *wmcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_wizdata_module);
    if (ctx != NULL) {
        return ctx;
    }

    ctx = ngx_http_wizdata_ctx_find(r);
    if (ctx != NULL) {
        return ngx_http_wizdata_ctx_again(ctx);
    }

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_wizdata_module);
    if (wmcf->worker == NULL) {
        return NULL;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_wizdata_ctx_t));
    cln = ngx_http_cleanup_add(r, 0);
    if (ctx == NULL || cln == NULL) {
        return NULL;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_wizdata_module);
    ctx->request = r;
    ctx->worker = wmcf->worker;
    ctx->counters = wmcf->worker->counters;
    ctx->endpoint = lcf->endpoint;
    ctx->verdict.label = NGX_HTTP_WIZDATA_KEYS;
    ctx->times.start = ngx_http_wizdata_clock();
    ngx_http_wizdata_headers_read(ctx);
    ngx_http_wizdata_trace_init(ctx);

    ctx->active = 1;
    ctx->counters->active++;
    cln->handler = ngx_http_wizdata_cleanup;
    cln->data = ctx;
    ngx_http_set_ctx(r, ctx, ngx_http_wizdata_module);
    return ctx;
}


ngx_http_wizdata_ctx_t *
ngx_http_wizdata_begin(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_ctx(r);
    if (ctx != NULL) {
        r->main->count++;
    }
    return ctx;
}


void
ngx_http_wizdata_finish(ngx_http_wizdata_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_finalize_request(ctx->request, rc);
}


/* Has the location a page of its own for that status? */
static ngx_uint_t
ngx_http_wizdata_has_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                i;
    ngx_http_err_page_t      *page;
    ngx_http_core_loc_conf_t *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    if (clcf->error_pages == NULL) {
        return 0;
    }

    page = clcf->error_pages->elts;
    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (page[i].status == (ngx_int_t) status) {
            return 1;
        }
    }
    return 0;
}


void
ngx_http_wizdata_finish_refused(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_request_t *r = ctx->request;

    if (!r->header_sent) {
        ngx_http_wizdata_refusal_final(ctx);

        if (ngx_http_wizdata_has_page(r, ctx->problem.status)) {
            ngx_http_wizdata_finish(ctx, (ngx_int_t) ctx->problem.status);
            return;
        }
    }
    ngx_http_wizdata_finish(ctx, ngx_http_wizdata_send_problem(ctx));
}


void
ngx_http_wizdata_watch_client(ngx_http_request_t *r)
{
    ngx_event_t *rev = r->connection->read;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);
    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        rev->ready = 1; /* noticed with the next event at the latest */
    }
}


ngx_int_t
ngx_http_wizdata_add_header(ngx_http_request_t *r, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    ngx_table_elt_t *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = name_len;
    h->value.data = (u_char *) value;
    h->value.len = value_len;
    h->lowcase_key = NULL;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    return NGX_OK;
}


ngx_table_elt_t *
ngx_http_wizdata_last_header(ngx_http_request_t *r)
{
    ngx_list_part_t *part = r->headers_out.headers.last;

    return (ngx_table_elt_t *) part->elts + part->nelts - 1;
}


wd_str_t
ngx_http_wizdata_client_ip(const ngx_http_request_t *r)
{
    const ngx_connection_t *c = r->connection;

    switch (c->sockaddr->sa_family) {
    case AF_INET:
#if (NGX_HAVE_INET6)
    case AF_INET6:
#endif
        return wd_str((char *) c->addr_text.data,
                      ngx_min(c->addr_text.len, WD_IP_MAX));
    default:
        return WD_STR_NULL;
    }
}


/* A body has no meaning here and could hide a smuggled request. */
static int
ngx_http_wizdata_no_body(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_request_t *r = ctx->request;

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        return ngx_http_wizdata_refuse(
            ctx, WD_EINVAL, "this method takes no request body; give the "
            "parameters in the path and the query string");
    }
    return WD_OK;
}


/*
 * Was access decided before the content phase? With `satisfy any` another
 * module may have granted it. A subrequest has no access phase.
 */
static ngx_uint_t
ngx_http_wizdata_may_pass(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_request_t       *r = ctx->request;
    ngx_http_core_loc_conf_t *clcf;

    if (ngx_http_wizdata_method_public(ctx)) {
        return 1;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    if (r == r->main && clcf->satisfy == NGX_HTTP_SATISFY_ANY) {
        return 1;
    }

    return ctx->access == NGX_HTTP_WIZDATA_ACCESS_DONE
           && ctx->access_rc == NGX_OK;
}


ngx_int_t
ngx_http_wizdata_api_handler(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if ((ctx->method == NULL && ngx_http_wizdata_route(ctx) != WD_OK)
        || (!(ctx->method->flags & (WD_M_BODY|WD_M_UPLOAD))
            && ngx_http_wizdata_no_body(ctx) != WD_OK))
    {
        ngx_http_wizdata_finish_refused(ctx);
    } else if (ngx_http_wizdata_may_pass(ctx)) {
        ngx_http_wizdata_api_args(ctx);
    } else {
        ngx_http_wizdata_method_auth(ctx, ngx_http_wizdata_api_args,
                                     ngx_http_wizdata_finish_refused);
    }
    return NGX_DONE;
}


/* Is there to be a body? HTTP/2 without Content-Length counts as chunked. */
static bool
ngx_http_wizdata_body_follows(const ngx_http_request_t *r)
{
    return r->headers_in.chunked || r->headers_in.content_length_n > 0;
}


int
ngx_http_wizdata_body_headers_ok(ngx_http_wizdata_ctx_t *ctx)
{
    wd_str_t                     type, rest;
    ngx_http_wizdata_loc_conf_t *lcf;

    if (!ngx_http_wizdata_body_follows(ctx->request)) {
        return WD_OK;
    }

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_wizdata_module);
    rest = wd_str((char *) ctx->headers.content_type.data,
                  ctx->headers.content_type.len);
    if (!wd_str_split(&rest, ';', &type)
        || !wd_str_ieq(wd_str_trim(type), WD_STR("application/json")))
    {
        return ngx_http_wizdata_refuse(
            ctx, WD_EMEDIATYPE, "the body must be a JSON object, sent with "
            "Content-Type: application/json");
    }

    if (ctx->request->headers_in.content_length_n > (off_t) lcf->body_max) {
        return ngx_http_wizdata_refuse(
            ctx, WD_ETOOBIG, "the body is longer than this server takes");
    }
    return WD_OK;
}


/* The key is good: what is wanted? */
static void
ngx_http_wizdata_api_args(ngx_http_wizdata_ctx_t *ctx)
{
    int                 code;
    ngx_int_t           rc;
    ngx_http_request_t *r = ctx->request;

    code = ngx_http_wizdata_format(ctx);
    if (code == WD_OK) {
        code = ctx->method->flags & WD_M_BODY
                   ? ngx_http_wizdata_body_headers_ok(ctx)
                   : ngx_http_wizdata_query_args(ctx);
    }

    if (code != WD_OK) {
        ngx_http_wizdata_finish_refused(ctx);
        return;
    }

    if (ctx->method->flags & WD_M_UPLOAD) {
        ngx_http_wizdata_upload_start(ctx);
        return;
    }

    if (!(ctx->method->flags & WD_M_BODY)) {
        if (ngx_http_wizdata_cache(ctx) == NGX_DECLINED) {
            ngx_http_wizdata_reply_start(ctx);
        }
        return;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_wizdata_api_body_read);
    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_wizdata_finish(ctx, rc);
        return;
    }
    ngx_http_finalize_request(r, NGX_DONE); /* the reader held the request */
}


static off_t
ngx_http_wizdata_body_size(ngx_http_request_t *r)
{
    off_t        n = 0;
    ngx_chain_t *cl;

    if (r->request_body == NULL) {
        return 0;
    }
    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        n += ngx_buf_size(cl->buf);
    }
    return n;
}


/* From memory and temporary file into one piece. */
static ngx_int_t
ngx_http_wizdata_body_copy(ngx_http_request_t *r, u_char *p)
{
    size_t       n;
    ssize_t      got;
    ngx_buf_t   *b;
    ngx_chain_t *cl;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        b = cl->buf;
        n = ngx_buf_size(b);

        /* A chunked body ends with a buffer that has neither bytes nor file. */
        if (n == 0) {
            continue;
        }

        if (ngx_buf_in_memory(b)) {
            ngx_memcpy(p, b->pos, n);
        } else {
            got = ngx_read_file(b->file, p, n, b->file_pos);
            if (got != (ssize_t) n) {
                return NGX_ERROR;
            }
        }
        p += n;
    }
    return NGX_OK;
}


int
ngx_http_wizdata_body(ngx_http_wizdata_ctx_t *ctx, wd_str_t *ret)
{
    off_t                        n;
    u_char                      *p;
    ngx_http_request_t          *r = ctx->request;
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_wizdata_module);
    n = ngx_http_wizdata_body_size(r);

    if (n > (off_t) lcf->body_max) {
        return ngx_http_wizdata_refuse(
            ctx, WD_ETOOBIG, "the body is longer than this server takes");
    }

    p = ngx_pnalloc(r->pool, n + 1);
    if (p == NULL) {
        return ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
    }
    if (n != 0 && ngx_http_wizdata_body_copy(r, p) != NGX_OK) {
        return ngx_http_wizdata_refuse(ctx, WD_EINTERNAL, NULL);
    }

    *ret = wd_str((char *) p, n);
    return WD_OK;
}


static void
ngx_http_wizdata_api_body_read(ngx_http_request_t *r)
{
    wd_str_t                body;
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_wizdata_module);

    if (ngx_http_wizdata_body(ctx, &body) != WD_OK
        || ngx_http_wizdata_body_args(ctx, body) != WD_OK)
    {
        ngx_http_wizdata_finish_refused(ctx);
        return;
    }
    ngx_http_wizdata_reply_start(ctx);
}
