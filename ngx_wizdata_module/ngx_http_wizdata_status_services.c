/*
 * ngx_http_wizdata_status_services.c - /api/status/services: every backend,
 * what they depend on, and the providers behind them.
 */
#include "ngx_http_wizdata_status.h"


typedef struct {
    wd_json_t  *j;
    wd_buf_t    bad; /* names of unhealthy ones, as JSON texts with commas */
    ngx_uint_t  n; /* that count for the whole */
    ngx_uint_t  n_bad;
    ngx_uint_t  n_degraded;
} ngx_http_wizdata_tally_t;


static void
ngx_http_wizdata_tally(ngx_http_wizdata_tally_t *t, wd_str_t name,
    const char *status)
{
    t->n++;

    if (strcmp(status, "unhealthy") == 0) {
        if (t->n_bad++ != 0) {
            wd_buf_byte(&t->bad, ',');
        }
        wd_json_escape(&t->bad, name);
    } else if (strcmp(status, "healthy") != 0) {
        t->n_degraded++;
    }
}


static void
ngx_http_wizdata_services_dep(ngx_http_wizdata_tally_t *t, const char *name,
    const char *type, const char *status)
{
    wd_json_key(t->j, name);
    wd_json_obj(t->j);
    wd_json_key(t->j, "status");
    wd_json_z(t->j, status);
    wd_json_key(t->j, "type");
    wd_json_z(t->j, type);
    if (strcmp(status, "unhealthy") == 0) {
        wd_json_key(t->j, "error");
        wd_json_z(t->j, "a backend cannot reach it");
    }
    wd_json_end(t->j);

    if (strcmp(status, "not_configured") != 0) {
        ngx_http_wizdata_tally(t, wd_str_z(name), status);
    }
}


static void
ngx_http_wizdata_services_backend(ngx_http_wizdata_tally_t *t,
    const ngx_http_wizdata_answer_t *a)
{
    wd_json_t  *j = t->j;
    const char *name = wd_service_name(a->service->id);
    const char *status = ngx_http_wizdata_answer_status(a);

    wd_json_key(j, name);
    wd_json_obj(j);
    wd_json_key(j, "status");
    wd_json_z(j, status);
    wd_json_key(j, "type");
    wd_json_z(j, "backend");
    ngx_http_wizdata_status_backend(j, a->collect->ctx->worker, a);
    if (a->code != WD_OK) {
        wd_json_key(j, "error");
        wd_json_z(j, ngx_http_wizdata_answer_error(a));
    }
    wd_json_end(j);
    ngx_http_wizdata_tally(t, wd_str_z(name), status);
}


/* The members of ingestion's object, each a service of its own. */
static void
ngx_http_wizdata_services_apis(ngx_http_wizdata_tally_t *t, wd_str_t apis)
{
    bool            first = true;
    char            name[64];
    wd_str_t        key, value;
    wd_pool_t      *pool;
    wd_json_scan_t  s = wd_json_scan(apis);

    pool = wd_pool_create(1024);
    if (pool == NULL || wd_json_scan_open(&s, '{') != WD_OK) {
        wd_pool_destroy(pool);
        return;
    }

    while (wd_json_scan_member(&s, pool, &first, &key) == WD_OK) {
        (void) wd_json_scan_at_end(&s); /* over blanks */
        value.data = s.p;
        if (wd_json_scan_skip(&s) != WD_OK) {
            break;
        }
        value.len = (size_t) (s.p - value.data);

        wd_str_copy(name, sizeof(name), key);
        wd_json_key(t->j, name);
        wd_json_raw(t->j, value);
        /* Configured, and it does not answer. */
        if (wd_str_eq(ngx_http_wizdata_json_member(value, "reachable"),
                      WD_STR("false")))
        {
            ngx_http_wizdata_tally(t, key, "unhealthy");
        }
    }
    wd_pool_destroy(pool);
}


/*
 * Healthy when all are; unhealthy when half of what counts or more is; else
 * degraded. A provider counts when it is configured and does not answer.
 */
static const char *
ngx_http_wizdata_overall(const ngx_http_wizdata_tally_t *t)
{
    if (t->n_bad == 0) {
        return t->n_degraded == 0 ? "healthy" : "degraded";
    }
    return 2 * t->n_bad >= t->n ? "unhealthy" : "degraded";
}


static void
ngx_http_wizdata_services_done(ngx_http_wizdata_ctx_t *ctx)
{
    wd_str_t                    apis;
    wd_json_t                   j;
    ngx_uint_t                  i;
    ngx_http_wizdata_tally_t    t = {.j = &j};
    ngx_http_wizdata_collect_t *c = ctx->collect;

    wd_buf_init(&t.bad, 0);
    wd_buf_reset(&ctx->worker->scratch);
    wd_json_init(&j, &ctx->worker->scratch);
    wd_json_obj(&j);
    wd_json_key(&j, "status");
    wd_json_z(&j, "success");
    ngx_http_wizdata_status_time(&j);

    wd_json_key(&j, "services");
    wd_json_obj(&j);
    ngx_http_wizdata_services_dep(&t, "database", "postgresql",
                                  ngx_http_wizdata_dep(c, "database"));
    ngx_http_wizdata_services_dep(&t, "redis", "redis",
                                  ngx_http_wizdata_dep(c, "redis"));
    for (i = 0; i < c->n; i++) {
        ngx_http_wizdata_services_backend(&t, &c->answers[i]);
    }
    apis = ngx_http_wizdata_ingestion_says(c, "apis");
    if (apis.data != NULL) {
        ngx_http_wizdata_services_apis(&t, apis);
    }
    wd_json_end(&j);

    wd_json_key(&j, "unhealthy_services");
    wd_json_arr(&j);
    if (t.n_bad != 0) {
        wd_json_raw(&j, wd_buf_view(&t.bad));
    }
    wd_json_end(&j);
    wd_json_key(&j, "overall_status");
    wd_json_z(&j, ngx_http_wizdata_overall(&t));
    wd_json_end(&j);

    wd_buf_done(&t.bad);
    ngx_http_wizdata_status_send(ctx, NGX_HTTP_OK);
}


static void
ngx_http_wizdata_services_ask(ngx_http_wizdata_ctx_t *ctx)
{
    if (ngx_http_wizdata_collect(ctx, WD_METHOD_SYS_HEALTH, 0,
                                 ngx_http_wizdata_services_done) != NGX_OK)
    {
        (void) ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
        ngx_http_wizdata_finish_refused(ctx);
    }
}


ngx_int_t
ngx_http_wizdata_services_handler(ngx_http_request_t *r)
{
    return ngx_http_wizdata_status_begin(r, ngx_http_wizdata_services_ask);
}
