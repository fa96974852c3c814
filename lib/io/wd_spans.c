/*
 * wd_spans.c - the queue of the exporter, and what is put into it.
 */
#include "wd_spans_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>


static bool
wd_spans_name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}


/* "name=value" becomes "name: value" at `out`; false: it is none. */
static bool
wd_spans_header(wd_str_t pair, char *out)
{
    size_t i, n = 0;

    while (n < pair.len && wd_spans_name_char(pair.data[n])) {
        n++;
    }
    if (n == 0 || n == pair.len || pair.data[n] != '=') {
        return false;
    }
    for (i = n + 1; i < pair.len; i++) {
        if ((uint8_t) pair.data[i] < 0x20 || pair.data[i] == 0x7f) {
            return false;
        }
    }

    memcpy(out, pair.data, n);
    memcpy(out + n, ": ", 2);
    memcpy(out + n + 2, pair.data + n + 1, pair.len - n - 1);
    out[pair.len + 1] = '\0';
    return true;
}


static int
wd_spans_headers(wd_spans_t *s, wd_error_t *err)
{
    char    *p;
    wd_str_t rest = wd_str_z(s->conf->headers), pair;

    s->headers[s->n_headers++] = "Content-Type: application/json";
    s->headers[s->n_headers++] = "Expect:"; /* no round trip before the body */
    s->header_text = malloc(rest.len + 3 * (WD_SPANS_HEADERS_MAX + 1));
    if (s->header_text == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for headers");
    }

    p = s->header_text;
    while (wd_str_split(&rest, ',', &pair)) {
        pair = wd_str_trim(pair);
        if (pair.len == 0) {
            continue;
        }
        if (s->n_headers == wd_array_len(s->headers)
            || !wd_spans_header(pair, p)) {
            return wd_error(err, WD_ECONFIG,
                            "WIZDATA_TRACE_HEADERS must be name=value, "
                            "comma-separated, at most %d",
                            WD_SPANS_HEADERS_MAX);
        }
        s->headers[s->n_headers++] = p;
        p += strlen(p) + 1;
    }
    return WD_OK;
}


static int
wd_spans_start(wd_spans_t *s, wd_error_t *err)
{
    int rc;

    rc = wd_spans_headers(s, err);
    if (rc == WD_OK) {
        rc = wd_spans_out_open(s, err);
    }
    if (rc != WD_OK || !s->active) {
        s->active = false;
        return rc;
    }

    if (pthread_create(&s->thread, NULL, wd_spans_out_run, s) != 0) {
        s->active = false;
        return wd_error(err, WD_EINTERNAL, "cannot start a thread");
    }
    return WD_OK;
}


wd_spans_t *
wd_spans_create(const wd_spans_conf_t *conf, const char *service,
                const char *instance, wd_log_t *log, wd_error_t *err)
{
    wd_spans_t        *s;
    pthread_condattr_t attr;

    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        wd_error(err, WD_ENOMEM, "no memory for the exporter of spans");
        return NULL;
    }

    s->conf = conf;
    s->log = log;
    s->instance = instance;
    s->last = &s->first;
    s->fd = -1;
    snprintf(s->own_name, sizeof(s->own_name), "%s-%s", conf->service, service);
    snprintf(s->gateway_name, sizeof(s->gateway_name), "%s-gateway",
             conf->service);

    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->more, &attr);
    pthread_condattr_destroy(&attr);

    if (wd_spans_start(s, err) != WD_OK) {
        wd_spans_destroy(s);
        return NULL;
    }
    return s;
}


/* Two seconds for what is queued; then the request under way is given up. */
static void
wd_spans_end(wd_spans_t *s)
{
    struct timespec until;

    pthread_mutex_lock(&s->lock);
    s->quit = wd_monotonic();
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WD_SPANS_EXIT / WD_NS_PER_S;
    if (pthread_timedjoin_np(s->thread, NULL, &until) != 0) {
        __atomic_store_n(&s->cancel, true, __ATOMIC_RELAXED);
        pthread_join(s->thread, NULL);
    }
}


void
wd_spans_destroy(wd_spans_t *s)
{
    wd_span_item_t *item;

    if (s == NULL) {
        return;
    }

    if (s->active) {
        wd_spans_end(s);
    }
    wd_spans_count("exit", s->n);
    while ((item = s->first) != NULL) {
        s->first = item->next;
        free(item);
    }

    wd_spans_out_close(s);
    pthread_cond_destroy(&s->more);
    pthread_mutex_destroy(&s->lock);
    free(s->header_text);
    free(s);
}


/* With the lock held. */
static bool
wd_spans_push(wd_spans_t *s, wd_str_t bytes, wd_str_t instance, bool own)
{
    wd_span_item_t *item;

    if (s->n >= s->conf->queue) {
        return false;
    }
    item = malloc(sizeof(*item) + bytes.len);
    if (item == NULL) {
        return false;
    }

    item->next = NULL;
    item->len = bytes.len;
    item->own = own;
    wd_str_copy(item->instance, sizeof(item->instance), instance);
    memcpy(item + 1, bytes.data, bytes.len);

    *s->last = item;
    s->last = &item->next;
    s->n++;
    return true;
}


/* Does anybody have to be woken: the first span, or a batch is full? */
static void
wd_spans_wake(wd_spans_t *s, size_t before)
{
    wd_metric(WD_MX_SPANS_QUEUED, (double) s->n, NULL, NULL, NULL);
    if (before == 0 || s->n >= s->conf->batch) {
        pthread_cond_signal(&s->more);
    }
}


/* [[span, ...], instance] up to the first span. */
static int
wd_spans_open(wd_mp_t *c, wd_str_t params, uint32_t *ret_n,
              wd_str_t *ret_instance)
{
    uint32_t n;
    wd_mp_t  at;

    *c = wd_mp(params.data, params.len);
    *ret_instance = WD_STR_NULL;
    if (wd_mp_read_array(c, &n) != WD_OK || n == 0) {
        return WD_EPROTO;
    }

    at = *c;
    if (n > 1
        && (wd_mp_skip(&at) != WD_OK
            || wd_mp_read_str(&at, ret_instance) != WD_OK
            || ret_instance->len >= WD_METHOD_MAX)) {
        return WD_EPROTO;
    }
    return wd_mp_read_array(c, ret_n);
}


/* With the lock held; the first malformed span ends it. */
static int
wd_spans_push_all(wd_spans_t *s, wd_mp_t *c, uint32_t n, wd_str_t instance)
{
    size_t         dropped = 0;
    uint32_t       i;
    wd_span_t      span;
    const uint8_t *from;

    for (i = 0; i < n; i++) {
        from = c->p;
        if (wd_span_read(c, &span) != WD_OK) {
            break;
        }
        dropped += !wd_spans_push(
            s, wd_str((const char *) from, (size_t) (c->p - from)), instance,
            false);
    }

    wd_spans_count("received", i);
    wd_spans_count("queue_full", dropped);
    return i == n ? WD_OK : WD_EPROTO;
}


int
wd_spans_take(void *arg, wd_str_t params)
{
    int         rc;
    size_t      before;
    uint32_t    n;
    wd_mp_t     c;
    wd_str_t    instance;
    wd_spans_t *s = arg;

    if (wd_spans_open(&c, params, &n, &instance) != WD_OK) {
        return WD_EPROTO;
    }
    if (!s->active) {
        wd_spans_count("received", n);
        wd_spans_count("ignored", n);
        return WD_OK;
    }

    pthread_mutex_lock(&s->lock);
    before = s->n;
    rc = wd_spans_push_all(s, &c, n, instance);
    wd_spans_wake(s, before);
    pthread_mutex_unlock(&s->lock);
    return rc;
}


bool
wd_spans_wanted(const wd_spans_t *s, const wd_ctx_t *ctx)
{
    return s != NULL && s->active && ctx->traceparent.len != 0
           && wd_traceparent_sampled(ctx->traceparent);
}


static void
wd_spans_own_attrs(wd_buf_t *out, const char *service, const wd_ctx_t *ctx,
                   const char *method, int code)
{
    wd_mp_put_map(out, code != WD_OK ? 6 : 4);
    wd_mp_put_z(out, "rpc.system");
    wd_mp_put_z(out, "messagepack");
    wd_mp_put_z(out, "rpc.service");
    wd_mp_put_z(out, service);
    wd_mp_put_z(out, "rpc.method");
    wd_mp_put_z(out, method);
    wd_mp_put_z(out, "wizdata.request_id");
    wd_mp_put_str(out, ctx->id);
    if (code != WD_OK) {
        wd_mp_put_z(out, "error.type");
        wd_mp_put_z(out, wd_err_info(code)->slug);
        wd_mp_put_z(out, "wizdata.rpc.code");
        wd_mp_put_int(out, code);
    }
}


/* What failed for a reason of ours is an error, as it is in HTTP. */
static void
wd_spans_own(wd_span_t *span, const wd_traceparent_t *tp, int code,
             wd_ns_t start)
{
    wd_ns_t now = wd_monotonic(), epoch = wd_now() - now;

    span->trace = tp->trace;
    span->parent = tp->span;
    span->kind = WD_SPAN_SERVER;
    span->start = epoch + start;
    span->end = epoch + now;
    span->status = code != WD_OK && wd_err_info(code)->http >= 499
                       ? WD_SPAN_ERROR
                       : WD_SPAN_UNSET;
}


void
wd_spans_call(wd_spans_t *s, const wd_ctx_t *ctx, const char *method, int code,
              wd_ns_t start)
{
    char             id[WD_SPAN_ID_LEN + 1], name[2 * WD_METHOD_MAX];
    size_t           before;
    uint8_t          bytes[WD_SPAN_ID_LEN / 2];
    wd_buf_t         attrs = WD_BUF_INIT, out = WD_BUF_INIT;
    wd_span_t        span = {.state = ctx->tracestate};
    const char      *service = s->own_name + strlen(s->conf->service) + 1;
    wd_traceparent_t tp;

    if (!wd_traceparent_parse(ctx->traceparent, &tp)
        || getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes)) {
        return;
    }
    wd_hex_encode(bytes, sizeof(bytes), id);
    snprintf(name, sizeof(name), "%s/%s", service, method);

    wd_spans_own(&span, &tp, code, start);
    wd_spans_own_attrs(&attrs, service, ctx, method, code);
    span.id = wd_str(id, WD_SPAN_ID_LEN);
    span.name = wd_str_z(name);
    span.attrs = wd_mp(attrs.data, attrs.len);
    wd_span_put(&out, &span);

    pthread_mutex_lock(&s->lock);
    before = s->n;
    wd_spans_count("own", 1);
    if (attrs.err != WD_OK || out.err != WD_OK
        || !wd_spans_push(s, wd_buf_view(&out), wd_str_z(s->instance), true)) {
        wd_spans_count("queue_full", 1);
    }
    wd_spans_wake(s, before);
    pthread_mutex_unlock(&s->lock);

    wd_buf_done(&attrs);
    wd_buf_done(&out);
}
