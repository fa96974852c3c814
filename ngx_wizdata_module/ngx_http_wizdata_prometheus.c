/*
 * ngx_http_wizdata_prometheus.c - /metrics: the gateway's counters and the
 * text of every backend, in one answer.
 */
#include "ngx_http_wizdata_scrape.h"


/* ---- the text ----------------------------------------------------------- */

void
ngx_http_wizdata_backend_up_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    char                              name[128];
    ngx_uint_t                        i;
    ngx_http_wizdata_endpoint_t      *e;
    const ngx_http_wizdata_collect_t *c = ctx->collect;

    for (i = 0; i < c->n; i++) {
        e = c->answers[i].peer->endpoint;
        ngx_http_wizdata_sample(
            s, c->answers[i].code == WD_OK, "service=\"%s\",address=\"%s\"",
            wd_service_name(c->answers[i].service->id),
            ngx_http_wizdata_label(wd_str((char *) e->name.data, e->name.len),
                                   name, sizeof(name)));
    }
}


static wd_expo_family_t
ngx_http_wizdata_own_family(const ngx_http_wizdata_scrape_t *s)
{
    return (wd_expo_family_t) {
        .name = wd_str_z(ngx_http_wizdata_part_name(s->part)),
        .type = ngx_http_wizdata_part_type(s->part),
        .openmetrics = s->samples.openmetrics};
}


/* The first part of a family begins with its head. */
static void
ngx_http_wizdata_own_head(ngx_http_wizdata_scrape_t *s)
{
    wd_expo_family_t f = ngx_http_wizdata_own_family(s);

    if (s->part == 0
        || !wd_str_eq_z(f.name, ngx_http_wizdata_part_name(s->part - 1)))
    {
        wd_expo_write_head(&s->text, &f,
                           wd_str_z(ngx_http_wizdata_part_help(s->part)));
    }
}


/* Some units more; true when there is nothing left. */
static bool
ngx_http_wizdata_own_step(ngx_http_wizdata_scrape_t *s)
{
    ngx_uint_t i;

    for (i = 0; i < NGX_HTTP_WIZDATA_UNIT_STEP; i++) {
        if (s->part == ngx_http_wizdata_parts()) {
            return true;
        }
        if (s->unit == 0) {
            ngx_http_wizdata_own_head(s);
        }
        if (s->unit < ngx_http_wizdata_part_units(&s->samples, s->part)) {
            ngx_http_wizdata_part_write(&s->samples, s->part, s->unit++);
        } else {
            s->part++;
            s->unit = 0;
        }
        if (s->text.len >= NGX_HTTP_WIZDATA_SCRAPE_BUF) {
            return false;
        }
    }
    return false;
}


/* A step of what there is to do in this state; goes on to the next one. */
void
ngx_http_wizdata_scrape_step(ngx_http_wizdata_scrape_t *s)
{
    int rc;

    switch (s->state) {
    case NGX_HTTP_WIZDATA_SCRAPE_INDEX:
        if (wd_expo_merge_index(s->merge, NGX_HTTP_WIZDATA_INDEX_STEP, &rc)) {
            s->state = NGX_HTTP_WIZDATA_SCRAPE_OWN;
            s->text.err = rc;
        }
        break;

    case NGX_HTTP_WIZDATA_SCRAPE_OWN:
        if (ngx_http_wizdata_own_step(s)) {
            s->state = NGX_HTTP_WIZDATA_SCRAPE_MERGED;
        }
        break;

    case NGX_HTTP_WIZDATA_SCRAPE_MERGED:
        if (wd_expo_merge_write(s->merge, s->samples.openmetrics,
                                NGX_HTTP_WIZDATA_LINE_STEP, &s->text))
        {
            if (s->samples.openmetrics) {
                wd_buf_z(&s->text, "# EOF\n");
            }
            s->state = NGX_HTTP_WIZDATA_SCRAPE_LAST;
        }
        break;

    default:
        break;
    }
}


/* ---- the request -------------------------------------------------------- */

/* NULL: the only instance needs no name. */
static const char *
ngx_http_wizdata_instance_label(const ngx_http_wizdata_answer_t *a,
    char out[48])
{
    if (a->service->n_peers == 1) {
        return NULL;
    }
    snprintf(out, 48, "backend=\"%s/%d\"", wd_service_name(a->service->id),
             (int) (a->peer - a->service->peers) + 1);
    return out;
}


static int
ngx_http_wizdata_scrape_take(ngx_http_wizdata_answer_t *a, wd_str_t bytes)
{
    int                        rc;
    ngx_http_wizdata_scrape_t *s = a->collect->ctx->scrape;

    rc = wd_expo_merge_feed(s->merge, (size_t) (a - a->collect->answers),
                            bytes, NGX_HTTP_WIZDATA_SCRAPE_MAX);
    if (rc == WD_OK) {
        a->taken += bytes.len;
        ngx_http_wizdata_scrape_ready(s);
    }
    return rc;
}


/* All backends answered, or failed to. */
static void
ngx_http_wizdata_scrape_collected(ngx_http_wizdata_ctx_t *ctx)
{
    char                        label[48];
    ngx_uint_t                  i;
    ngx_http_wizdata_scrape_t  *s = ctx->scrape;
    ngx_http_wizdata_collect_t *c = ctx->collect;

    for (i = 0; i < c->n; i++) {
        if (c->answers[i].code == WD_OK
            && wd_expo_merge_end(
                   s->merge, i,
                   ngx_http_wizdata_instance_label(&c->answers[i], label))
                   != WD_OK)
        {
            c->answers[i].code = WD_ENOMEM;
        }
    }
    s->state = NGX_HTTP_WIZDATA_SCRAPE_INDEX;
    ngx_http_wizdata_scrape_ready(s);
}


/* The client left, or all is done. */
static void
ngx_http_wizdata_scrape_cleanup(void *data)
{
    ngx_http_wizdata_scrape_t *s = data;

    if (s->state == NGX_HTTP_WIZDATA_SCRAPE_DONE) {
        ngx_http_wizdata_count(s->ctx, SCRAPES, 1);
    } else {
        ngx_http_wizdata_count(s->ctx, SCRAPES_BROKEN, 1);
    }
    ngx_http_wizdata_count(s->ctx, SCRAPE_DROPPED,
                           wd_expo_merge_dropped(s->merge));

    s->ctx->scrape = NULL;
    ngx_http_wizdata_scrape_leave(s);
}


/* What the gateway has itself, no backend has. */
static ngx_int_t
ngx_http_wizdata_scrape_reserve(wd_expo_merge_t *merge)
{
    ngx_uint_t i;

    for (i = 0; i < ngx_http_wizdata_parts(); i++) {
        if (wd_expo_merge_reserve(merge,
                                  wd_str_z(ngx_http_wizdata_part_name(i)),
                                  ngx_http_wizdata_part_type(i)) != WD_OK)
        {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}


/* Owned by the request when its cleanup is set. */
static ngx_int_t
ngx_http_wizdata_scrape_memory(ngx_http_wizdata_scrape_t *s)
{
    ngx_http_cleanup_t *cln;

    s->dead = ngx_alloc(sizeof(ngx_http_wizdata_dead_t), ngx_cycle->log);
    s->merge = wd_expo_merge_create();
    cln = s->merge != NULL && s->dead != NULL
                  && ngx_http_wizdata_scrape_reserve(s->merge) == NGX_OK
              ? ngx_http_cleanup_add(s->ctx->request, 0)
              : NULL;
    if (cln == NULL) {
        wd_expo_merge_destroy(s->merge);
        if (s->dead != NULL) {
            ngx_free(s->dead);
        }
        return NGX_ERROR;
    }

    cln->handler = ngx_http_wizdata_scrape_cleanup;
    cln->data = s;
    ngx_http_wizdata_scrape_enter(s);
    s->ctx->scrape = s;
    return NGX_OK;
}


/* WD_OK, or a code. */
static int
ngx_http_wizdata_scrape_start(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_scrape_t **ret)
{
    ngx_http_wizdata_scrape_t  *s;
    ngx_http_wizdata_scrapes_t *all = ngx_http_wizdata_scrapes(ctx->worker);

    if (all == NULL) {
        return WD_ENOMEM;
    }
    if (all->n >= NGX_HTTP_WIZDATA_SCRAPES) {
        ngx_http_wizdata_count(ctx, SCRAPES_REFUSED, 1);
        return WD_EAGAIN;
    }

    s = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_wizdata_scrape_t));
    if (s == NULL) {
        return WD_ENOMEM;
    }
    s->all = all;
    s->ctx = ctx;
    s->samples.ctx = ctx;
    s->samples.zone = ctx->worker->conf->counters->data;
    ngx_http_wizdata_counters_bury(ctx->worker->conf->counters->data);
    s->samples.out = &s->text;
    s->samples.openmetrics = wd_expo_accept(
        wd_str((char *) ctx->headers.accept.data, ctx->headers.accept.len));
    wd_buf_init(&s->text, 0);
    *ret = s;

    return ngx_http_wizdata_scrape_memory(s) == NGX_OK ? WD_OK : WD_ENOMEM;
}


static void
ngx_http_wizdata_scrape_refuse(ngx_http_wizdata_ctx_t *ctx, int code)
{
    (void) ngx_http_wizdata_refuse(
        ctx, code, code == WD_EAGAIN ? "too many scrapes at a time" : NULL);
    ctx->problem.retry = 1;
    ngx_http_wizdata_finish_refused(ctx);
}


static void
ngx_http_wizdata_scrape_get(ngx_http_wizdata_ctx_t *ctx)
{
    int                        code;
    ngx_int_t                  rc;
    ngx_http_wizdata_scrape_t *s;

    code = ngx_http_wizdata_scrape_start(ctx, &s);
    if (code != WD_OK) {
        ngx_http_wizdata_scrape_refuse(ctx, code);
        return;
    }

    if (ctx->request->method & NGX_HTTP_HEAD) {
        s->state = NGX_HTTP_WIZDATA_SCRAPE_DONE;
        rc = ngx_http_wizdata_scrape_head(s);
        ngx_http_wizdata_finish(ctx, rc);
        return;
    }

    ngx_http_wizdata_watch_client(ctx->request);
    if (ngx_http_wizdata_collect_into(ctx, WD_METHOD_SYS_METRICS, 1,
                                      ngx_http_wizdata_scrape_take,
                                      ngx_http_wizdata_scrape_collected)
        != NGX_OK)
    {
        ngx_http_wizdata_scrape_refuse(ctx, WD_ENOMEM);
    }
}


ngx_int_t
ngx_http_wizdata_metrics_handler(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        ngx_http_wizdata_scrape_get(ctx);
    } else {
        ctx->problem.allow = 1u << WD_HTTP_GET;
        (void) ngx_http_wizdata_refuse(ctx, WD_EMETHOD,
                                       "the path takes GET and HEAD only");
        ngx_http_wizdata_finish_refused(ctx);
    }
    return NGX_DONE;
}
