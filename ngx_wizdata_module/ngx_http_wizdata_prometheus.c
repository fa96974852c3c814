/*
 * ngx_http_wizdata_prometheus.c - /metrics: the gateway's counters and the
 * text of every backend, merged so that each family has one head.
 */
#include "ngx_http_wizdata_collect.h"
#include "ngx_http_wizdata_families.h"

#include "wd_map.h"

#define NGX_HTTP_WIZDATA_FAMILIES 2048 /* what comes beyond is dropped */


typedef struct {
    wd_buf_t head; /* HELP and TYPE lines, of who came first */
    wd_buf_t samples;
    bool     help;
    bool     type;
} ngx_http_wizdata_family_t;


typedef struct {
    wd_map_t                  *names;
    ngx_http_wizdata_family_t *families; /* in the order of appearance */
    size_t                     n;
    bool                       failed;
} ngx_http_wizdata_merge_t;


static ngx_http_wizdata_family_t *
ngx_http_wizdata_merge_family(ngx_http_wizdata_merge_t *m, wd_str_t name)
{
    ngx_http_wizdata_family_t *f;

    f = wd_map_get(m->names, name);
    if (f != NULL || m->n == NGX_HTTP_WIZDATA_FAMILIES) {
        return f;
    }

    f = &m->families[m->n];
    wd_buf_init(&f->head, 0);
    wd_buf_init(&f->samples, 0);
    if (wd_map_set(m->names, name, f, NULL) != WD_OK) {
        m->failed = true;
        return NULL;
    }
    m->n++;
    return f;
}


/* "# HELP name text" or "# TYPE name type"; NULL: some other comment. */
static ngx_http_wizdata_family_t *
ngx_http_wizdata_merge_head(ngx_http_wizdata_merge_t *m, wd_str_t line)
{
    bool                      *seen;
    wd_str_t                   rest, name;
    ngx_http_wizdata_family_t *f;

    if (!wd_str_starts(line, "# HELP ") && !wd_str_starts(line, "# TYPE ")) {
        return NULL;
    }

    rest = wd_str(line.data + 7, line.len - 7);
    if (!wd_str_split(&rest, ' ', &name) || name.len == 0) {
        return NULL;
    }

    f = ngx_http_wizdata_merge_family(m, name);
    if (f == NULL) {
        return NULL;
    }

    seen = line.data[2] == 'H' ? &f->help : &f->type;
    if (!*seen) {
        *seen = true;
        wd_buf_str(&f->head, line);
        wd_buf_byte(&f->head, '\n');
    }
    return f;
}


static size_t
ngx_http_wizdata_sample_name(wd_str_t line)
{
    size_t n;

    for (n = 0; n < line.len; n++) {
        if (line.data[n] == '{' || line.data[n] == ' ') {
            break;
        }
    }
    return n;
}


/* `label` (name="value") tells series of several instances apart. */
static void
ngx_http_wizdata_merge_sample(ngx_http_wizdata_family_t *f, wd_str_t line,
    const char *label)
{
    size_t n = ngx_http_wizdata_sample_name(line);

    wd_buf_append(&f->samples, line.data, n);
    if (label != NULL) {
        wd_buf_byte(&f->samples, '{');
        wd_buf_z(&f->samples, label);
        if (n < line.len && line.data[n] == '{') {
            n++;
            if (n < line.len && line.data[n] != '}') {
                wd_buf_byte(&f->samples, ',');
            }
        } else {
            wd_buf_byte(&f->samples, '}');
        }
    }
    wd_buf_append(&f->samples, line.data + n, line.len - n);
    wd_buf_byte(&f->samples, '\n');
}


static void
ngx_http_wizdata_merge(ngx_http_wizdata_merge_t *m, wd_str_t text,
    const char *label)
{
    wd_str_t                   line;
    ngx_http_wizdata_family_t *f = NULL, *head;

    while (text.len != 0 && wd_str_split(&text, '\n', &line)) {
        if (line.len == 0) {
            continue;
        }
        if (line.data[0] == '#') {
            head = ngx_http_wizdata_merge_head(m, line);
            f = head != NULL ? head : f;
            continue;
        }
        if (f == NULL) {
            f = ngx_http_wizdata_merge_family(
                m, wd_str(line.data, ngx_http_wizdata_sample_name(line)));
        }
        if (f != NULL) {
            ngx_http_wizdata_merge_sample(f, line, label);
        }
    }
}


static bool
ngx_http_wizdata_merge_init(ngx_http_wizdata_merge_t *m)
{
    ngx_memzero(m, sizeof(*m));
    m->names = wd_map_create();
    m->families = ngx_calloc(NGX_HTTP_WIZDATA_FAMILIES
                             * sizeof(ngx_http_wizdata_family_t),
                             ngx_cycle->log);
    return m->names != NULL && m->families != NULL;
}


static void
ngx_http_wizdata_merge_done(ngx_http_wizdata_merge_t *m)
{
    size_t i;

    for (i = 0; i < m->n; i++) {
        wd_buf_done(&m->families[i].head);
        wd_buf_done(&m->families[i].samples);
    }
    wd_map_destroy(m->names);
    if (m->families != NULL) {
        ngx_free(m->families);
    }
}


static bool
ngx_http_wizdata_merge_write(ngx_http_wizdata_merge_t *m, wd_buf_t *out)
{
    size_t i;

    for (i = 0; i < m->n; i++) {
        m->failed |= m->families[i].head.err != WD_OK
                     || m->families[i].samples.err != WD_OK;
        wd_buf_str(out, wd_buf_view(&m->families[i].head));
        wd_buf_str(out, wd_buf_view(&m->families[i].samples));
    }
    return !m->failed && out->err == WD_OK;
}


void
ngx_http_wizdata_backend_up_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    char                               name[128];
    ngx_uint_t                         i;
    ngx_http_wizdata_endpoint_t       *e;
    const ngx_http_wizdata_collect_t  *c = ctx->collect;

    for (i = 0; i < c->n; i++) {
        e = c->answers[i].peer->endpoint;
        ngx_http_wizdata_sample(
            s, c->answers[i].code == WD_OK, "service=\"%s\",address=\"%s\"",
            wd_service_name(c->answers[i].service->id),
            ngx_http_wizdata_label(wd_str((char *) e->name.data, e->name.len),
                                   name, sizeof(name)));
    }
}


static void
ngx_http_wizdata_own_text(ngx_http_wizdata_ctx_t *ctx, wd_buf_t *out)
{
    ngx_uint_t                 part, unit;
    const char                *name = "";
    ngx_http_wizdata_samples_t s = {ctx, ctx->worker->conf->counters->data,
                                    out, NULL, 0};

    for (part = 0; part < ngx_http_wizdata_parts(); part++) {
        if (ngx_strcmp(name, ngx_http_wizdata_part_name(part)) != 0) {
            name = ngx_http_wizdata_part_name(part);
            wd_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name,
                          ngx_http_wizdata_part_help(part), name,
                          ngx_http_wizdata_part_type(part));
        }
        for (unit = 0; unit < ngx_http_wizdata_part_units(part); unit++) {
            ngx_http_wizdata_part_write(&s, part, unit);
        }
    }
}


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


static bool
ngx_http_wizdata_metrics_text(ngx_http_wizdata_ctx_t *ctx, wd_buf_t *out)
{
    bool                        ok;
    char                        label[48];
    ngx_uint_t                  i;
    ngx_http_wizdata_merge_t    m;
    ngx_http_wizdata_collect_t *c = ctx->collect;

    ok = ngx_http_wizdata_merge_init(&m);

    ngx_http_wizdata_own_text(ctx, out);
    ok = ok && out->err == WD_OK;

    if (ok) {
        ngx_http_wizdata_merge(&m, wd_buf_view(out), NULL);
        for (i = 0; i < c->n; i++) {
            if (c->answers[i].code == WD_OK) {
                ngx_http_wizdata_merge(
                    &m, wd_buf_view(&c->answers[i].body),
                    ngx_http_wizdata_instance_label(&c->answers[i], label));
            }
        }
        wd_buf_reset(out);
        ok = ngx_http_wizdata_merge_write(&m, out);
    }

    ngx_http_wizdata_merge_done(&m);
    return ok;
}


static void
ngx_http_wizdata_metrics_done(ngx_http_wizdata_ctx_t *ctx)
{
    wd_buf_t  out = WD_BUF_INIT;
    ngx_int_t rc;

    if (!ngx_http_wizdata_metrics_text(ctx, &out)) {
        wd_buf_done(&out);
        (void) ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
        ngx_http_wizdata_finish_refused(ctx);
        return;
    }

    rc = ngx_http_wizdata_send_text(ctx, NGX_HTTP_OK,
                                    "text/plain; version=0.0.4; "
                                    "charset=utf-8", wd_buf_view(&out));
    wd_buf_done(&out);
    ngx_http_wizdata_finish(ctx, rc);
}


ngx_int_t
ngx_http_wizdata_metrics_handler(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        ctx->problem.allow = 1u << WD_HTTP_GET;
        (void) ngx_http_wizdata_refuse(ctx, WD_EMETHOD,
                                       "the path takes GET and HEAD only");
        ngx_http_wizdata_finish_refused(ctx);
    } else if (ngx_http_wizdata_collect(ctx, WD_METHOD_SYS_METRICS, 1,
                                        ngx_http_wizdata_metrics_done)
               != NGX_OK)
    {
        (void) ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
        ngx_http_wizdata_finish_refused(ctx);
    }
    return NGX_DONE;
}
