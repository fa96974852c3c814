/*
 * ngx_http_wizdata_spans.c - spans of traces that are recorded: written when
 * a request or a call ends, collected in a bounded buffer, and sent to a
 * backend, whose exporter knows the collector.
 *
 * The request path only appends to memory. A batch leaves by timer or when
 * the buffer is half full; what does not fit is counted and forgotten.
 */
#include "ngx_http_wizdata.h"

#include "wd_mask.h"
#include "wd_num.h"

#define NGX_HTTP_WIZDATA_SPANS_NOTE "trace.spans"

/* Bytes of the spans in one notification; well below WD_FRAME_MAX. */
#define NGX_HTTP_WIZDATA_SPANS_FRAME (128 * 1024)

/* A connection with more unsent bytes gets no spans on top. */
#define NGX_HTTP_WIZDATA_SPANS_OUT (512 * 1024)

#define NGX_HTTP_WIZDATA_SPAN_NAME 160
#define NGX_HTTP_WIZDATA_SPAN_TEXT 256 /* bytes of a client's text */

/* Kinds and status as OTLP numbers them. */
#define NGX_HTTP_WIZDATA_KIND_SERVER 2
#define NGX_HTTP_WIZDATA_KIND_CLIENT 3
#define NGX_HTTP_WIZDATA_STATUS_UNSET 0
#define NGX_HTTP_WIZDATA_STATUS_ERROR 2


struct ngx_http_wizdata_spans_conf_s {
    uint64_t   threshold;
    ngx_uint_t parent; /* ngx_http_wizdata_trace_parent_e */
    ngx_uint_t service; /* that exports; WD_SVC_COUNT: nobody does */
    ngx_msec_t interval;
    size_t     buffer;
    ngx_uint_t enduser;
    double     ratio;
    ngx_str_t  file; /* where wizdata_trace_export stands */
    ngx_uint_t line;
    unsigned   has_ratio:1;
    unsigned   has_parent:1;
    unsigned   has_export:1;
    unsigned   has_enduser:1;
};


struct ngx_http_wizdata_spans_s {
    ngx_http_wizdata_worker_t  *worker;
    ngx_http_wizdata_service_t *service; /* NULL: spans are not recorded */
    wd_buf_t                    buf; /* whole spans, one after the other */
    wd_buf_t                    attrs; /* of the span being written */
    uint32_t                    n_attrs;
    ngx_event_t                 timer;
    ngx_event_t                 now; /* half full */
};


/* The head of a span; its attributes are collected before. */
typedef struct {
    const u_char *trace;
    const u_char *id;
    wd_str_t      parent;
    ngx_uint_t    kind;
    const char   *name;
    int64_t       start;
    int64_t       end;
    ngx_uint_t    status;
    wd_str_t      state;
} ngx_http_wizdata_span_t;


static void ngx_http_wizdata_spans_flush(ngx_http_wizdata_spans_t *s);


/* In the order of ngx_http_wizdata_trace_parent_e. */
static const char *const ngx_http_wizdata_trace_parents[] = {
    "trust", "ignore", "ratio"};


/* ---- configuration ------------------------------------------------------ */

void *
ngx_http_wizdata_spans_create_conf(ngx_conf_t *cf)
{
    ngx_http_wizdata_spans_conf_t *sc;

    sc = ngx_pcalloc(cf->pool, sizeof(ngx_http_wizdata_spans_conf_t));
    if (sc == NULL) {
        return NULL;
    }

    sc->ratio = 0.01;
    sc->threshold = wd_trace_threshold(sc->ratio);
    sc->parent = NGX_HTTP_WIZDATA_TRACE_TRUST;
    sc->service = WD_SVC_ANY;
    sc->interval = 1000;
    sc->buffer = 256 * 1024;
    return sc;
}


/*
 * Unless one is named, the first of these that is configured exports.
 * Ingestion is the one whose sandbox has a network.
 */
char *
ngx_http_wizdata_spans_init_conf(ngx_conf_t *cf, void *main_conf)
{
    ngx_uint_t                     i;
    ngx_http_wizdata_main_conf_t  *wmcf = main_conf;
    ngx_http_wizdata_spans_conf_t *sc = wmcf->spans;
    static const wd_service_e      order[] = {
        WD_SVC_INGESTION, WD_SVC_PROCESSING, WD_SVC_ANALYTICS, WD_SVC_AUTH
    };

    if (sc->service == WD_SVC_COUNT) {
        return NGX_CONF_OK;
    }

    if (sc->service != WD_SVC_ANY) {
        if (wmcf->services[sc->service].endpoints == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "wizdata_trace_export names %s, which has no "
                          "endpoint; add \"wizdata_service %s ...\" in %V:%ui",
                          wd_service_name(sc->service),
                          wd_service_name(sc->service), &sc->file, sc->line);
            return NGX_CONF_ERROR;
        }
        return NGX_CONF_OK;
    }

    sc->service = WD_SVC_COUNT;
    for (i = 0; i < wd_array_len(order); i++) {
        if (wmcf->services[order[i]].endpoints != NULL) {
            sc->service = order[i];
            break;
        }
    }
    return NGX_CONF_OK;
}


static ngx_http_wizdata_spans_conf_t *
ngx_http_wizdata_spans_conf(void *conf)
{
    return ((ngx_http_wizdata_main_conf_t *) conf)->spans;
}


char *
ngx_http_wizdata_conf_trace_ratio(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    double                         ratio;
    ngx_str_t                     *value = cf->args->elts;
    ngx_http_wizdata_spans_conf_t *sc = ngx_http_wizdata_spans_conf(conf);

    if (sc->has_ratio) {
        return "is duplicate";
    }

    if (wd_num_parse(wd_str((char *) value[1].data, value[1].len), &ratio)
        != WD_OK || ratio < 0 || ratio > 1)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid ratio \"%V\"; it is a number from 0 to "
                           "1, such as 0.01 for one trace in a hundred",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    sc->has_ratio = 1;
    sc->ratio = ratio;
    sc->threshold = wd_trace_threshold(ratio);
    return NGX_CONF_OK;
}


char *
ngx_http_wizdata_conf_trace_parent(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_uint_t                     i;
    ngx_str_t                     *value = cf->args->elts;
    ngx_http_wizdata_spans_conf_t *sc = ngx_http_wizdata_spans_conf(conf);

    if (sc->has_parent) {
        return "is duplicate";
    }

    for (i = 0; i < wd_array_len(ngx_http_wizdata_trace_parents); i++) {
        if (ngx_strcmp(value[1].data, ngx_http_wizdata_trace_parents[i]) == 0)
        {
            sc->has_parent = 1;
            sc->parent = i;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\"; it is trust, ignore or ratio",
                       &value[1]);
    return NGX_CONF_ERROR;
}


char *
ngx_http_wizdata_conf_trace_enduser(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                     *value = cf->args->elts;
    ngx_http_wizdata_spans_conf_t *sc = ngx_http_wizdata_spans_conf(conf);

    if (sc->has_enduser) {
        return "is duplicate";
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") == 0) {
        sc->enduser = 1;
    } else if (ngx_strcasecmp(value[1].data, (u_char *) "off") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\"; it is on or off",
                           &value[1]);
        return NGX_CONF_ERROR;
    }
    sc->has_enduser = 1;
    return NGX_CONF_OK;
}


static char *
ngx_http_wizdata_conf_export_option(ngx_conf_t *cf,
    ngx_http_wizdata_spans_conf_t *sc, ngx_str_t *text)
{
    ssize_t   size;
    ngx_int_t ms;
    ngx_str_t value;

    if (ngx_strncmp(text->data, "interval=", 9) == 0) {
        value.data = text->data + 9;
        value.len = text->len - 9;
        ms = ngx_parse_time(&value, 0);
        if (ms < 10 || ms > 60000) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid interval in \"%V\"; it is a time from "
                               "10ms to 60s, such as interval=1s", text);
            return NGX_CONF_ERROR;
        }
        sc->interval = (ngx_msec_t) ms;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(text->data, "buffer=", 7) == 0) {
        value.data = text->data + 7;
        value.len = text->len - 7;
        size = ngx_parse_size(&value);
        if (size < 16 * 1024 || size > 16 * 1024 * 1024) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid buffer in \"%V\"; it is a size from "
                               "16k to 16m, such as buffer=256k", text);
            return NGX_CONF_ERROR;
        }
        sc->buffer = (size_t) size;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid option \"%V\"; options are interval=time and "
                       "buffer=size", text);
    return NGX_CONF_ERROR;
}


char *
ngx_http_wizdata_conf_trace_export(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                     *value = cf->args->elts;
    ngx_uint_t                     i;
    wd_service_e                   id;
    ngx_http_wizdata_spans_conf_t *sc = ngx_http_wizdata_spans_conf(conf);

    if (sc->has_export) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        id = WD_SVC_COUNT;
    } else if (!wd_service_by_name(wd_str((char *) value[1].data,
                                          value[1].len), &id)
               || id == WD_SVC_ANY)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown service \"%V\"; it is ingestion, "
                           "processing, analytics, auth, or off", &value[1]);
        return NGX_CONF_ERROR;
    }
    sc->has_export = 1;
    sc->service = id;
    sc->file = cf->conf_file->file.name;
    sc->line = cf->conf_file->line;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_wizdata_conf_export_option(cf, sc, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }
    return NGX_CONF_OK;
}


void
ngx_http_wizdata_spans_show(wd_json_t *j, const void *main_conf)
{
    const ngx_http_wizdata_main_conf_t  *wmcf = main_conf;
    const ngx_http_wizdata_spans_conf_t *sc = wmcf->spans;

    wd_json_key(j, "trace");
    wd_json_obj(j);
    wd_json_key(j, "ratio");
    wd_json_num(j, sc->ratio);
    wd_json_key(j, "parent");
    wd_json_z(j, ngx_http_wizdata_trace_parents[sc->parent]);
    wd_json_key(j, "export");
    wd_json_z(j, sc->service < WD_SVC_COUNT ? wd_service_name(sc->service)
                                            : NULL);
    wd_json_key(j, "interval_seconds");
    wd_json_num(j, (double) sc->interval / 1000);
    wd_json_key(j, "buffer_bytes");
    wd_json_int(j, (int64_t) sc->buffer);
    wd_json_key(j, "enduser");
    wd_json_bool(j, sc->enduser != 0);
    wd_json_end(j);
}


ngx_http_wizdata_trace_parent_e
ngx_http_wizdata_trace_policy(const ngx_http_wizdata_worker_t *w)
{
    return w->conf->spans->parent;
}


uint64_t
ngx_http_wizdata_trace_threshold(const ngx_http_wizdata_worker_t *w)
{
    return w->conf->spans->threshold;
}


/* ---- the buffer --------------------------------------------------------- */

/* A connection that takes a batch now, or NULL. */
static ngx_http_wizdata_conn_t *
ngx_http_wizdata_spans_conn(ngx_http_wizdata_service_t *service)
{
    ngx_uint_t               i;
    ngx_http_wizdata_conn_t *conn;

    for (i = 0; i < service->n_peers; i++) {
        conn = service->peers[i].conn;
        if (conn != NULL && conn->ready && !conn->goaway
            && conn->out.len - conn->out_pos < NGX_HTTP_WIZDATA_SPANS_OUT)
        {
            return conn;
        }
    }
    return NULL;
}


/* Spans from the front that fit into a frame; their number and bytes. */
static size_t
ngx_http_wizdata_spans_batch(const ngx_http_wizdata_spans_t *s, size_t from,
    uint32_t *ret_n)
{
    wd_mp_t        c;
    const uint8_t *begin = s->buf.data + from, *end = begin;

    *ret_n = 0;
    c = wd_mp(begin, s->buf.len - from);
    while (c.p < c.end && wd_mp_skip(&c) == WD_OK) {
        if (c.p - begin > NGX_HTTP_WIZDATA_SPANS_FRAME && *ret_n != 0) {
            break;
        }
        end = c.p;
        (*ret_n)++;
    }
    return (size_t) (end - begin);
}


/* [[span, ...], instance]; false without memory. */
static ngx_uint_t
ngx_http_wizdata_spans_put(ngx_http_wizdata_spans_t *s,
    ngx_http_wizdata_conn_t *conn, wd_str_t spans, uint32_t n)
{
    size_t    at = conn->out.len;
    wd_buf_t *params = &s->attrs;

    wd_buf_reset(params);
    wd_mp_put_array(params, 2);
    wd_mp_put_array(params, n);
    wd_buf_str(params, spans);
    wd_mp_put_z(params, s->worker->instance);
    wd_frame_put_notify(&conn->out, NGX_HTTP_WIZDATA_SPANS_NOTE,
                        wd_buf_view(params));

    if (params->err != WD_OK || conn->out.err != WD_OK) {
        conn->out.len = at;
        conn->out.err = WD_OK;
        return 0;
    }

    conn->queued += conn->out.len - at;
    ngx_http_wizdata_conn_flush_later(conn);
    return 1;
}


/* As many as the connection takes. */
static void
ngx_http_wizdata_spans_send(ngx_http_wizdata_spans_t *s,
    ngx_http_wizdata_conn_t *conn)
{
    size_t   from = 0, size;
    uint32_t n;

    while (from < s->buf.len
           && conn->out.len - conn->out_pos < NGX_HTTP_WIZDATA_SPANS_OUT)
    {
        size = ngx_http_wizdata_spans_batch(s, from, &n);
        if (size == 0
            || !ngx_http_wizdata_spans_put(
                   s, conn, wd_str((char *) s->buf.data + from, size), n))
        {
            break;
        }
        ngx_http_wizdata_count(s->worker, SPANS_SENT, n);
        from += size;
    }
    wd_buf_consume(&s->buf, from);
}


static void
ngx_http_wizdata_spans_flush(ngx_http_wizdata_spans_t *s)
{
    ngx_uint_t               i;
    ngx_http_wizdata_conn_t *conn;

    conn = ngx_http_wizdata_spans_conn(s->service);
    if (conn != NULL) {
        ngx_http_wizdata_spans_send(s, conn);

    } else if (!ngx_exiting) {
        for (i = 0; i < s->service->n_peers; i++) {
            ngx_http_wizdata_peer_connect(&s->service->peers[i]);
        }
    }

    if (s->buf.len != 0 && !s->timer.timer_set && !ngx_exiting) {
        ngx_add_timer(&s->timer, s->worker->conf->spans->interval);
    }
}


static void
ngx_http_wizdata_spans_event(ngx_event_t *ev)
{
    ngx_http_wizdata_spans_flush(ev->data);
}


/* A span more is in the buffer: when does it leave? */
static void
ngx_http_wizdata_spans_later(ngx_http_wizdata_spans_t *s)
{
    if (s->buf.len > s->buf.max / 2 || ngx_exiting) {
        if (!s->now.posted) {
            ngx_post_event(&s->now, &ngx_posted_events);
        }
    } else if (!s->timer.timer_set) {
        ngx_add_timer(&s->timer, s->worker->conf->spans->interval);
    }
}


ngx_int_t
ngx_http_wizdata_spans_init(ngx_http_wizdata_worker_t *w)
{
    ngx_event_t                   *ev[2];
    ngx_uint_t                     i;
    ngx_http_wizdata_spans_t      *s;
    ngx_http_wizdata_spans_conf_t *sc = w->conf->spans;

    s = ngx_pcalloc(w->cycle->pool, sizeof(ngx_http_wizdata_spans_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->worker = w;
    if (sc->service < WD_SVC_COUNT) {
        s->service = &w->services[sc->service];
    }
    wd_buf_init(&s->buf, sc->buffer);
    wd_buf_init(&s->attrs, 0);

    ev[0] = &s->timer;
    ev[1] = &s->now;
    for (i = 0; i < 2; i++) {
        ev[i]->data = s;
        ev[i]->handler = ngx_http_wizdata_spans_event;
        ev[i]->log = w->cycle->log;
        ev[i]->cancelable = 1;
    }

    w->spans = s;
    return NGX_OK;
}


void
ngx_http_wizdata_spans_leave(ngx_http_wizdata_conn_t *conn)
{
    ssize_t                   n;
    ngx_connection_t         *c = conn->connection;
    ngx_http_wizdata_spans_t *s = conn->peer->service->worker->spans;

    if (!ngx_exiting || s == NULL || conn->peer->service != s->service
        || !conn->ready || s->buf.len == 0)
    {
        return;
    }

    /* One try: what the socket does not take at once is lost with it. */
    ngx_http_wizdata_spans_send(s, conn);
    n = c->send(c, conn->out.data + conn->out_pos,
                conn->out.len - conn->out_pos);
    if (n > 0) {
        conn->out_pos += n;
        conn->written += n;
    }
}


void
ngx_http_wizdata_spans_done(ngx_http_wizdata_worker_t *w)
{
    size_t                    from = 0, size;
    uint32_t                  n;
    ngx_http_wizdata_conn_t  *conn;
    ngx_http_wizdata_spans_t *s = w->spans;

    if (s == NULL) {
        return;
    }

    conn = s->service != NULL ? ngx_http_wizdata_spans_conn(s->service) : NULL;
    if (conn != NULL) {
        ngx_http_wizdata_spans_leave(conn);
    }

    while (from < s->buf.len) {
        size = ngx_http_wizdata_spans_batch(s, from, &n);
        if (size == 0) {
            break;
        }
        ngx_http_wizdata_count(s->worker, SPANS_EXIT, n);
        from += size;
    }

    w->spans = NULL;
    wd_buf_done(&s->buf);
    wd_buf_done(&s->attrs);
}


/* ---- one span ----------------------------------------------------------- */

static void
ngx_http_wizdata_attr(ngx_http_wizdata_spans_t *s, const char *key,
    wd_str_t value)
{
    if (value.len != 0) {
        wd_mp_put_z(&s->attrs, key);
        wd_mp_put_str(&s->attrs, value);
        s->n_attrs++;
    }
}


static void
ngx_http_wizdata_attr_z(ngx_http_wizdata_spans_t *s, const char *key,
    const char *value)
{
    ngx_http_wizdata_attr(s, key, wd_str_z(value));
}


static void
ngx_http_wizdata_attr_int(ngx_http_wizdata_spans_t *s, const char *key,
    int64_t value)
{
    wd_mp_put_z(&s->attrs, key);
    wd_mp_put_int(&s->attrs, value);
    s->n_attrs++;
}


/* What a client wrote: valid UTF-8, without secrets, not too long. */
static void
ngx_http_wizdata_attr_client(ngx_http_wizdata_spans_t *s, const char *key,
    const ngx_str_t *value)
{
    char   text[NGX_HTTP_WIZDATA_SPAN_TEXT];
    size_t n;

    n = wd_mask(wd_str((char *) value->data, value->len), text, sizeof(text));
    ngx_http_wizdata_attr(s, key, wd_str(text, n));
}


static void
ngx_http_wizdata_attrs_begin(ngx_http_wizdata_spans_t *s)
{
    wd_buf_reset(&s->attrs);
    s->n_attrs = 0;
}


static void
ngx_http_wizdata_mp_optional(wd_buf_t *out, wd_str_t value)
{
    if (value.len != 0) {
        wd_mp_put_str(out, value);
    } else {
        wd_mp_put_nil(out);
    }
}


/* Head and collected attributes, docs/PROTOCOL.md, trace.spans. */
static void
ngx_http_wizdata_span_add(ngx_http_wizdata_spans_t *s,
    const ngx_http_wizdata_span_t *span)
{
    size_t    at = s->buf.len;
    wd_buf_t *out = &s->buf;

    wd_mp_put_array(out, 10);
    wd_mp_put_str(out, wd_str((char *) span->trace, WD_TRACE_ID_LEN));
    wd_mp_put_str(out, wd_str((char *) span->id, WD_SPAN_ID_LEN));
    ngx_http_wizdata_mp_optional(out, span->parent);
    wd_mp_put_int(out, span->kind);
    wd_mp_put_z(out, span->name);
    wd_mp_put_int(out, span->start);
    wd_mp_put_int(out, span->end);
    wd_mp_put_int(out, span->status);
    wd_mp_put_map(out, s->n_attrs);
    wd_buf_str(out, wd_buf_view(&s->attrs));
    ngx_http_wizdata_mp_optional(out, span->state);

    if (out->err == WD_OK && s->attrs.err == WD_OK) {
        ngx_http_wizdata_spans_later(s);
        return;
    }

    out->len = at;
    out->err = WD_OK;
    if (ngx_http_wizdata_spans_conn(s->service) != NULL) {
        ngx_http_wizdata_count(s->worker, SPANS_FULL, 1);
    } else {
        ngx_http_wizdata_count(s->worker, SPANS_DOWN, 1);
    }
}


/* ---- the span of a request ---------------------------------------------- */

/* A method that is none of HTTP's own is not repeated. */
static const char *
ngx_http_wizdata_span_method(const ngx_http_request_t *r)
{
    ngx_uint_t               i;
    static const struct {
        ngx_uint_t  bit;
        const char *name;
    } methods[] = {
        {NGX_HTTP_GET, "GET"}, {NGX_HTTP_HEAD, "HEAD"},
        {NGX_HTTP_POST, "POST"}, {NGX_HTTP_PUT, "PUT"},
        {NGX_HTTP_DELETE, "DELETE"}, {NGX_HTTP_OPTIONS, "OPTIONS"},
        {NGX_HTTP_PATCH, "PATCH"}, {NGX_HTTP_TRACE, "TRACE"},
    };

    for (i = 0; i < wd_array_len(methods); i++) {
        if (r->method == methods[i].bit) {
            return methods[i].name;
        }
    }
    return "_OTHER";
}


static const char *
ngx_http_wizdata_span_protocol(const ngx_http_request_t *r)
{
    switch (r->http_version) {
    case NGX_HTTP_VERSION_10:
        return "1.0";
    case NGX_HTTP_VERSION_11:
        return "1.1";
    case NGX_HTTP_VERSION_20:
        return "2";
    default:
        return NULL;
    }
}


static void
ngx_http_wizdata_span_error(ngx_http_wizdata_spans_t *s,
    const ngx_http_wizdata_ctx_t *ctx, ngx_uint_t status)
{
    char text[NGX_INT_T_LEN];

    if (ctx->problem.code != 0) {
        ngx_http_wizdata_attr_z(s, "error.type",
                                wd_err_info(ctx->problem.code)->slug);
    } else if (status >= 500) {
        snprintf(text, sizeof(text), "%d", (int) status);
        ngx_http_wizdata_attr_z(s, "error.type", text);
    }
}


static void
ngx_http_wizdata_span_http(ngx_http_wizdata_spans_t *s, ngx_http_request_t *r,
    const ngx_http_wizdata_ctx_t *ctx)
{
    const char *scheme = "http";

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        scheme = "https";
    }
#endif

    ngx_http_wizdata_attr_z(s, "http.request.method",
                            ngx_http_wizdata_span_method(r));
    ngx_http_wizdata_attr_z(s, "url.scheme", scheme);
    ngx_http_wizdata_attr_client(s, "url.path", &r->uri);
    ngx_http_wizdata_attr_client(s, "server.address", &r->headers_in.server);
    ngx_http_wizdata_attr_z(s, "network.protocol.version",
                            ngx_http_wizdata_span_protocol(r));

    if (r->headers_out.status != 0) {
        ngx_http_wizdata_attr_int(s, "http.response.status_code",
                                  (int64_t) r->headers_out.status);
    }
    if (ctx->method != NULL && ctx->method->path != NULL) {
        ngx_http_wizdata_attr_z(s, "http.route", ctx->method->path);
    }
    ngx_http_wizdata_span_error(s, ctx, r->headers_out.status);
}


/* What only this gateway knows; who asked is told by directive alone. */
static void
ngx_http_wizdata_span_wizdata(ngx_http_wizdata_spans_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_attr(s, "wizdata.request_id",
                          wd_str((char *) ctx->request_id.data,
                                 ctx->request_id.len));
    if (ctx->method != NULL) {
        ngx_http_wizdata_attr_z(s, "wizdata.method", ctx->method->name);
    }
    ngx_http_wizdata_attr(s, "wizdata.plan", ctx->verdict.plan);
    ngx_http_wizdata_attr_z(s, "wizdata.cache", ctx->cache_outcome);
    ngx_http_wizdata_attr_z(s, "wizdata.limit", ctx->limit_outcome);
    if (s->worker->conf->spans->enduser) {
        ngx_http_wizdata_attr(s, "enduser.id", ctx->verdict.principal);
    }
}


static void
ngx_http_wizdata_span_request(ngx_http_wizdata_spans_t *s,
    ngx_http_request_t *r, ngx_http_wizdata_ctx_t *ctx)
{
    char                    name[NGX_HTTP_WIZDATA_SPAN_NAME];
    const char             *verb = ngx_http_wizdata_span_method(r);
    const wd_method_t      *m = ctx->method;
    ngx_http_wizdata_span_t span;

    ngx_http_wizdata_attrs_begin(s);
    ngx_http_wizdata_span_http(s, r, ctx);
    ngx_http_wizdata_span_wizdata(s, ctx);

    snprintf(name, sizeof(name), "%s%s%s",
             verb[0] != '_' ? verb : "HTTP",
             m != NULL && m->path != NULL ? " " : "",
             m != NULL && m->path != NULL ? m->path : "");

    span.trace = ctx->traceparent_text + WD_TRACE_ID_AT;
    span.id = ctx->traceparent_text + WD_SPAN_ID_AT;
    span.parent = ctx->trace.parent;
    span.kind = NGX_HTTP_WIZDATA_KIND_SERVER;
    span.name = name;
    span.start = ctx->trace.epoch + (int64_t) ctx->times.start;
    span.end = ctx->trace.epoch + (int64_t) ngx_http_wizdata_clock();
    span.status = r->headers_out.status >= 500 ? NGX_HTTP_WIZDATA_STATUS_ERROR
                                               : NGX_HTTP_WIZDATA_STATUS_UNSET;
    span.state = ctx->trace.state;
    ngx_http_wizdata_span_add(s, &span);
}


ngx_int_t
ngx_http_wizdata_spans_handler(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_ctx_find(r);
    if (ctx == NULL || r != r->main) {
        return NGX_OK;
    }

    ngx_http_wizdata_trace_force(ctx); /* answered without a call */
    if (ctx->trace.sampled && ctx->worker->spans != NULL
        && ctx->worker->spans->service != NULL)
    {
        ngx_http_wizdata_span_request(ctx->worker->spans, r, ctx);
    }
    return NGX_OK;
}


/* ---- the span of a call ------------------------------------------------- */

void
ngx_http_wizdata_call_span(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_rpc_t *rpc, ngx_http_wizdata_call_span_t *span)
{
    if (!ctx->trace.sampled || ctx->worker->spans == NULL
        || ctx->worker->spans->service == NULL)
    {
        return;
    }

    ngx_memcpy(span->tp, ctx->traceparent_text, WD_TRACEPARENT_LEN);
    ngx_memcpy(span->parent, ctx->traceparent_text + WD_SPAN_ID_AT,
               WD_SPAN_ID_LEN);
    span->epoch = ctx->trace.epoch;
    span->attempt = 0;
    span->open = 0;
    rpc->span = span;
}


void
ngx_http_wizdata_call_span_begin(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_call_span_t *span = rpc->span;

    ngx_http_wizdata_random_hex(rpc->service->worker,
                                span->tp + WD_SPAN_ID_AT, WD_SPAN_ID_LEN);
    rpc->context.traceparent = wd_str((char *) span->tp, WD_TRACEPARENT_LEN);
    span->start = ngx_http_wizdata_clock();
    span->attempt++;
    span->open = 1;
}


static void
ngx_http_wizdata_span_endpoint(ngx_http_wizdata_spans_t *s,
    const ngx_http_wizdata_conn_t *conn)
{
    u_char                      *colon;
    ngx_int_t                    port;
    const ngx_str_t             *name;
    ngx_http_wizdata_endpoint_t *e = conn->peer->endpoint;

    name = &e->name;
    if (e->sockaddr->sa_family == AF_UNIX) {
        ngx_http_wizdata_attr(s, "server.address",
                              wd_str((char *) name->data + 5, name->len - 5));
        ngx_http_wizdata_attr_z(s, "network.transport", "unix");
        return;
    }

    colon = name->data + name->len;
    while (colon > name->data && *colon != ':') {
        colon--;
    }
    ngx_http_wizdata_attr(s, "server.address",
                          wd_str((char *) name->data, colon - name->data));
    port = ngx_atoi(colon + 1, name->data + name->len - colon - 1);
    if (port > 0) {
        ngx_http_wizdata_attr_int(s, "server.port", port);
    }
    ngx_http_wizdata_attr_z(s, "network.transport", "tcp");
}


static void
ngx_http_wizdata_span_rpc(ngx_http_wizdata_spans_t *s,
    const ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_attr_z(s, "rpc.system", "messagepack");
    ngx_http_wizdata_attr_z(s, "rpc.service",
                            wd_service_name(rpc->service->id));
    ngx_http_wizdata_attr_z(s, "rpc.method", rpc->method->name);
    ngx_http_wizdata_span_endpoint(s, rpc->conn);

    if (rpc->outcome != WD_OK) {
        ngx_http_wizdata_attr_z(s, "error.type",
                                wd_err_info(rpc->outcome)->slug);
        ngx_http_wizdata_attr_int(s, "wizdata.rpc.code", rpc->outcome);
    }
    if (rpc->span->attempt > 1) {
        ngx_http_wizdata_attr_int(s, "wizdata.rpc.resend_count",
                                  (int64_t) rpc->span->attempt - 1);
    }
}


void
ngx_http_wizdata_call_span_end(ngx_http_wizdata_rpc_t *rpc)
{
    char                          name[NGX_HTTP_WIZDATA_SPAN_NAME];
    ngx_http_wizdata_span_t       span;
    ngx_http_wizdata_spans_t     *s = rpc->service->worker->spans;
    ngx_http_wizdata_call_span_t *call = rpc->span;

    if (!call->open || s == NULL) {
        return;
    }
    call->open = 0;

    ngx_http_wizdata_attrs_begin(s);
    ngx_http_wizdata_span_rpc(s, rpc);
    snprintf(name, sizeof(name), "%s/%s", wd_service_name(rpc->service->id),
             rpc->method->name);

    span.trace = call->tp + WD_TRACE_ID_AT;
    span.id = call->tp + WD_SPAN_ID_AT;
    span.parent = wd_str((char *) call->parent, WD_SPAN_ID_LEN);
    span.kind = NGX_HTTP_WIZDATA_KIND_CLIENT;
    span.name = name;
    span.start = call->epoch + (int64_t) call->start;
    span.end = call->epoch + (int64_t) ngx_http_wizdata_clock();
    span.status = rpc->outcome != WD_OK ? NGX_HTTP_WIZDATA_STATUS_ERROR
                                        : NGX_HTTP_WIZDATA_STATUS_UNSET;
    span.state = WD_STR_NULL;
    ngx_http_wizdata_span_add(s, &span);
}
