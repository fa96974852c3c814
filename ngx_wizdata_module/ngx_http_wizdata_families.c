/*
 * ngx_http_wizdata_families.c - the gateway's own metrics as text: the table
 * of what there is, and the writing of one series at a time.
 */
#include "ngx_http_wizdata_families.h"

#include "wd_num.h"

#include <stdarg.h>
#include <stdio.h>

#define NGX_HTTP_WIZDATA_LABELS_MAX 512 /* bytes of one series' labels */


typedef void (*ngx_http_wizdata_labels_pt)(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, wd_buf_t *out);

typedef void (*ngx_http_wizdata_call_pt)(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx);

/* Cells of a slot that lie `stride` bytes apart: one series each. */
struct ngx_http_wizdata_part_s {
    const char                     *name;
    ngx_http_wizdata_metric_type_e  type;
    const char                     *labels; /* of all of them */
    const char                     *help;
    ngx_http_wizdata_labels_pt      more; /* labels of one; NULL: none */
    ngx_http_wizdata_call_pt        call; /* gives the samples itself */
    size_t                          offset;
    size_t                          stride;
    unsigned                        n; /* 0: as many as there are series */
    unsigned                        from; /* the first that is shown */
    unsigned                        sparse; /* those that are 0 are left out */
};


static void ngx_http_wizdata_by_service(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, wd_buf_t *out);
static void ngx_http_wizdata_by_endpoint(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, wd_buf_t *out);
static void ngx_http_wizdata_by_client(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, wd_buf_t *out);
static void ngx_http_wizdata_by_result(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, wd_buf_t *out);
static void ngx_http_wizdata_by_request(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, wd_buf_t *out);
static void ngx_http_wizdata_by_verb(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, wd_buf_t *out);
static void ngx_http_wizdata_by_key(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, wd_buf_t *out);
static void ngx_http_wizdata_by_error(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, wd_buf_t *out);
static void ngx_http_wizdata_by_series(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, wd_buf_t *out);

#define METRIC(id, name, type, by, labels, help)
#define METRIC_RPC(field, name, type, help)
#define METRIC_CALL(name, type, labels, help, function)                       \
    void function(ngx_http_wizdata_samples_t *s, ngx_http_wizdata_ctx_t *ctx);
#include "ngx_http_wizdata_metrics.def"
#undef METRIC
#undef METRIC_RPC
#undef METRIC_CALL

/* Of a row's `by`: labels, the first row shown, whether zeros are left out. */
#define NGX_HTTP_WIZDATA_MORE_ONE NULL, 0, 0
#define NGX_HTTP_WIZDATA_MORE_SERVICE ngx_http_wizdata_by_service, 1, 0
#define NGX_HTTP_WIZDATA_MORE_ENDPOINT ngx_http_wizdata_by_endpoint, 0, 1
#define NGX_HTTP_WIZDATA_MORE_CLIENT ngx_http_wizdata_by_client, 0, 0
#define NGX_HTTP_WIZDATA_MORE_RESULT ngx_http_wizdata_by_result, 0, 0

#define NGX_HTTP_WIZDATA_PART_(name, type, labels, help, more, from, sparse,  \
                               offset, stride, n)                             \
    {name, NGX_HTTP_WIZDATA_##type, labels, help, more, NULL, offset, stride, \
     n, from, sparse},
#define NGX_HTTP_WIZDATA_PART(...) NGX_HTTP_WIZDATA_PART_(__VA_ARGS__)

#define NGX_HTTP_WIZDATA_AT(field)                                            \
    offsetof(ngx_http_wizdata_counters_t, field)


static const ngx_http_wizdata_part_t ngx_http_wizdata_table[] = {

    NGX_HTTP_WIZDATA_PART("http_requests_total", COUNTER, "",
        "HTTP requests answered", ngx_http_wizdata_by_request, 0, 1,
        NGX_HTTP_WIZDATA_AT(requests), sizeof(uint64_t),
        NGX_HTTP_WIZDATA_EPS * NGX_HTTP_WIZDATA_VERBS
            * NGX_HTTP_WIZDATA_STATUSES)
    NGX_HTTP_WIZDATA_PART("http_request_duration_seconds", SECONDS, "",
        "Time from a request's header to the last byte of its answer",
        ngx_http_wizdata_by_verb, 0, 1, NGX_HTTP_WIZDATA_AT(seconds),
        sizeof(ngx_http_wizdata_histogram_t),
        NGX_HTTP_WIZDATA_EPS * NGX_HTTP_WIZDATA_VERBS)
    NGX_HTTP_WIZDATA_PART("http_requests_active", GAUGE, "",
        "HTTP requests being worked on", NULL, 0, 0,
        NGX_HTTP_WIZDATA_AT(active), sizeof(uint64_t), 1)
    NGX_HTTP_WIZDATA_PART("api_key_requests_total", COUNTER, "",
        "Requests by id of the API key (the first 64 keys seen, then other)",
        ngx_http_wizdata_by_key, 0, 1, NGX_HTTP_WIZDATA_AT(keys),
        sizeof(uint64_t), (NGX_HTTP_WIZDATA_KEYS + 1) * NGX_HTTP_WIZDATA_EPS)
    NGX_HTTP_WIZDATA_PART("application_errors_total", COUNTER, "",
        "Answers with a status of 500 or more", ngx_http_wizdata_by_error, 0,
        1, NGX_HTTP_WIZDATA_AT(errors), sizeof(uint64_t),
        NGX_HTTP_WIZDATA_EPS * NGX_HTTP_WIZDATA_ERRORS)

#define NGX_HTTP_WIZDATA_PART_SERIES(name, type, labels, help, field)         \
    NGX_HTTP_WIZDATA_PART(name, type, labels, help,                           \
        ngx_http_wizdata_by_series, 0, 1, NGX_HTTP_WIZDATA_AT(series)         \
            + offsetof(ngx_http_wizdata_series_t, field),                     \
        sizeof(ngx_http_wizdata_series_t), 0)

    NGX_HTTP_WIZDATA_PART_SERIES("wizdata_requests_total", COUNTER, "",
        "Requests by endpoint, service, class of status and plan (the first "
        "64 plans seen, then other; the first 1023 combinations, then other)",
        requests)
    NGX_HTTP_WIZDATA_PART_SERIES("wizdata_request_bytes_total", COUNTER, "",
        "Bytes of requests, head and body", received)
    NGX_HTTP_WIZDATA_PART_SERIES("wizdata_response_bytes_total", COUNTER, "",
        "Bytes of answers, head and body", sent)
    NGX_HTTP_WIZDATA_PART_SERIES("wizdata_request_seconds", SECONDS,
        "part=\"auth\"", "Where a request's time went: parts that took place "
        "one after the other, and their total",
        parts[NGX_HTTP_WIZDATA_PART_AUTH])
    NGX_HTTP_WIZDATA_PART_SERIES("wizdata_request_seconds", SECONDS,
        "part=\"limit\"", "", parts[NGX_HTTP_WIZDATA_PART_LIMIT])
    NGX_HTTP_WIZDATA_PART_SERIES("wizdata_request_seconds", SECONDS,
        "part=\"cache\"", "", parts[NGX_HTTP_WIZDATA_PART_CACHE])
    NGX_HTTP_WIZDATA_PART_SERIES("wizdata_request_seconds", SECONDS,
        "part=\"backend\"", "", parts[NGX_HTTP_WIZDATA_PART_BACKEND])
    NGX_HTTP_WIZDATA_PART_SERIES("wizdata_request_seconds", SECONDS,
        "part=\"write\"", "", parts[NGX_HTTP_WIZDATA_PART_WRITE])
    NGX_HTTP_WIZDATA_PART_SERIES("wizdata_request_seconds", SECONDS,
        "part=\"total\"", "", parts[NGX_HTTP_WIZDATA_PART_TOTAL])

#define METRIC(id, name, type, by, labels, help)                              \
    NGX_HTTP_WIZDATA_PART(name, type, labels, help,                           \
        NGX_HTTP_WIZDATA_MORE_##by,                                           \
        NGX_HTTP_WIZDATA_AT(cells)                                            \
            + NGX_HTTP_WIZDATA_M_##id * sizeof(uint64_t),                     \
        NGX_HTTP_WIZDATA_T_##type * sizeof(uint64_t),                         \
        NGX_HTTP_WIZDATA_N_##by)
#define METRIC_RPC(field, name, type, help)                                   \
    NGX_HTTP_WIZDATA_PART(name, type, "", help,                               \
        NGX_HTTP_WIZDATA_MORE_SERVICE,                                        \
        NGX_HTTP_WIZDATA_AT(rpc)                                              \
            + offsetof(ngx_http_wizdata_rpc_counters_t, field),               \
        sizeof(ngx_http_wizdata_rpc_counters_t), WD_SVC_COUNT)
#define METRIC_CALL(name, type, labels, help, function)                       \
    {name, NGX_HTTP_WIZDATA_##type, "", help, NULL, function, 0, 0, 1, 0, 0},
#include "ngx_http_wizdata_metrics.def"
#undef METRIC
#undef METRIC_RPC
#undef METRIC_CALL
};


ngx_uint_t
ngx_http_wizdata_parts(void)
{
    return wd_array_len(ngx_http_wizdata_table);
}


const char *
ngx_http_wizdata_part_name(ngx_uint_t part)
{
    return ngx_http_wizdata_table[part].name;
}


wd_expo_type_e
ngx_http_wizdata_part_type(ngx_uint_t part)
{
    switch (ngx_http_wizdata_table[part].type) {
    case NGX_HTTP_WIZDATA_COUNTER:
        return WD_EXPO_COUNTER;
    case NGX_HTTP_WIZDATA_GAUGE:
        return WD_EXPO_GAUGE;
    default:
        return WD_EXPO_HISTOGRAM;
    }
}


const char *
ngx_http_wizdata_part_help(ngx_uint_t part)
{
    return ngx_http_wizdata_table[part].help;
}


ngx_uint_t
ngx_http_wizdata_part_units(const ngx_http_wizdata_samples_t *s,
    ngx_uint_t part)
{
    ngx_uint_t n = ngx_http_wizdata_table[part].n;

    return n != 0 ? n : s->zone->n_series + 1;
}


uint64_t
ngx_http_wizdata_parts_hash(uint64_t h, ngx_http_wizdata_hash_pt more)
{
    ngx_uint_t                     i;
    const ngx_http_wizdata_part_t *p;

    for (i = 0; i < wd_array_len(ngx_http_wizdata_table); i++) {
        p = &ngx_http_wizdata_table[i];
        h = more(h, p->name, strlen(p->name) + 1);
        h = more(h, p->labels, strlen(p->labels) + 1);
        h = more(h, &p->offset, sizeof(p->offset));
        h = more(h, &p->stride, sizeof(p->stride));
        h = more(h, &p->n, sizeof(p->n));
    }
    return h;
}


/* ---- labels ------------------------------------------------------------- */

static void
ngx_http_wizdata_label_add(wd_buf_t *out, const char *name, const char *value)
{
    if (out->len != 0) {
        wd_buf_byte(out, ',');
    }
    wd_buf_z(out, name);
    wd_buf_z(out, "=\"");
    wd_buf_z(out, value);
    wd_buf_byte(out, '"');
}


static void
ngx_http_wizdata_by_service(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_buf_t *out)
{
    ngx_http_wizdata_label_add(out, "service", wd_service_name(unit));
}


static void
ngx_http_wizdata_by_endpoint(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_buf_t *out)
{
    ngx_http_wizdata_label_add(out, "endpoint",
                               ngx_http_wizdata_endpoint_name(unit));
}


static void
ngx_http_wizdata_by_client(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_buf_t *out)
{
    static const char *const names[NGX_HTTP_WIZDATA_CLIENTS] = {
        "anonymous", "api_key", "jwt"};

    ngx_http_wizdata_label_add(out, "client_type", names[unit]);
}


static void
ngx_http_wizdata_by_result(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_buf_t *out)
{
    static const char *const names[NGX_HTTP_WIZDATA_CACHE_RESULTS] = {
        "hit", "miss", "stale", "negative"};

    ngx_http_wizdata_label_add(out, "result", names[unit]);
}


static void
ngx_http_wizdata_by_verb(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_buf_t *out)
{
    ngx_http_wizdata_label_add(
        out, "method",
        ngx_http_wizdata_verb_name(unit % NGX_HTTP_WIZDATA_VERBS));
    ngx_http_wizdata_label_add(
        out, "endpoint",
        ngx_http_wizdata_endpoint_name(unit / NGX_HTTP_WIZDATA_VERBS));
}


static void
ngx_http_wizdata_by_request(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_buf_t *out)
{
    char text[8];

    ngx_http_wizdata_by_verb(s, unit / NGX_HTTP_WIZDATA_STATUSES, out);
    ngx_http_wizdata_label_add(
        out, "status_code",
        ngx_http_wizdata_status_name(unit % NGX_HTTP_WIZDATA_STATUSES, text));
}


static void
ngx_http_wizdata_by_key(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_buf_t *out)
{
    char       text[2 * NGX_HTTP_WIZDATA_KEY_ID_MAX + 1];
    ngx_uint_t key = unit / NGX_HTTP_WIZDATA_EPS;

    ngx_http_wizdata_label_add(
        out, "api_key_hash",
        key == NGX_HTTP_WIZDATA_KEYS
            ? "other"
            : ngx_http_wizdata_label(wd_str_z(s->zone->keys[key]), text,
                                     sizeof(text)));
    ngx_http_wizdata_by_endpoint(s, unit % NGX_HTTP_WIZDATA_EPS, out);
}


static void
ngx_http_wizdata_by_error(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_buf_t *out)
{
    int code = -(int) (unit % NGX_HTTP_WIZDATA_ERRORS);

    ngx_http_wizdata_label_add(out, "error_type", wd_err_info(code)->slug);
    ngx_http_wizdata_by_endpoint(s, unit / NGX_HTTP_WIZDATA_ERRORS, out);
}


/* Number 0 stands for all that are not counted apart. */
static void
ngx_http_wizdata_by_series(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_buf_t *out)
{
    char                             text[2 * NGX_HTTP_WIZDATA_PLAN_MAX + 1];
    const ngx_http_wizdata_labels_t *l = &s->zone->series[unit];

    ngx_http_wizdata_label_add(
        out, "endpoint",
        unit == 0 ? "other" : ngx_http_wizdata_endpoint_name(l->endpoint));
    ngx_http_wizdata_label_add(
        out, "service",
        unit == 0 ? "other" : ngx_http_wizdata_owner_name(l->endpoint));
    ngx_http_wizdata_label_add(
        out, "class",
        unit == 0 ? "other" : ngx_http_wizdata_class_name(l->class));
    ngx_http_wizdata_label_add(
        out, "plan",
        unit == 0 ? "other"
                  : ngx_http_wizdata_label(
                        wd_str_z(ngx_http_wizdata_plan_name(s->zone, l->plan)),
                        text, sizeof(text)));
}


const char *
ngx_http_wizdata_label(wd_str_t text, char *out, size_t size)
{
    size_t  i, n = 0;
    uint8_t c;

    for (i = 0; i < text.len && n + 2 < size; i++) {
        c = (uint8_t) text.data[i];
        if (c == '"' || c == '\\') {
            out[n++] = '\\';
        }
        out[n++] = c < 0x20 || c >= 0x7f ? '?' : (char) c;
    }
    out[n] = '\0';
    return out;
}


/* ---- values ------------------------------------------------------------- */

static uint64_t
ngx_http_wizdata_cell(const ngx_http_wizdata_counters_zone_t *z,
    size_t offset)
{
    uint64_t   sum = 0;
    ngx_uint_t i, n = z->n_slots;

    for (i = 0; i < n; i++) {
        sum += __atomic_load_n((const uint64_t *) (const void *)
                               ((const u_char *) &z->slots[i] + offset),
                               __ATOMIC_RELAXED);
    }
    return sum;
}


static void
ngx_http_wizdata_int(wd_buf_t *out, int64_t v)
{
    char text[WD_NUM_TEXT_MAX];

    wd_buf_append(out, text, wd_int_format(v, text));
}


/* name suffix {labels} and a blank */
static void
ngx_http_wizdata_sample_head(wd_buf_t *out, const char *name,
    const char *suffix, wd_str_t labels)
{
    wd_buf_z(out, name);
    wd_buf_z(out, suffix);
    if (labels.len != 0) {
        wd_buf_byte(out, '{');
        wd_buf_str(out, labels);
        wd_buf_byte(out, '}');
    }
    wd_buf_byte(out, ' ');
}


void
ngx_http_wizdata_sample(ngx_http_wizdata_samples_t *s, int64_t value,
    const char *fmt, ...)
{
    int     n;
    char    labels[NGX_HTTP_WIZDATA_LABELS_MAX];
    va_list ap;

    va_start(ap, fmt);
    n = vsnprintf(labels, sizeof(labels), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t) n >= sizeof(labels)) {
        return;
    }

    ngx_http_wizdata_sample_head(s->out, s->part->name, "",
                                 wd_str(labels, (size_t) n));
    ngx_http_wizdata_int(s->out, value);
    wd_buf_byte(s->out, '\n');
}


static const char *const
    ngx_http_wizdata_le[NGX_HTTP_WIZDATA_BUCKETS] = {
        "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005",
        "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0",
        "10.0", "+Inf"};


/* The bounds that a histogram of this type shows, +Inf apart. */
static void
ngx_http_wizdata_shown(ngx_http_wizdata_metric_type_e type, ngx_uint_t *from,
    ngx_uint_t *to)
{
    *from = 0;
    *to = NGX_HTTP_WIZDATA_BOUNDS;
    if (type == NGX_HTTP_WIZDATA_SECONDS_PUSH) {
        *from = 4; /* 1 ms */
        *to = 14; /* behind 1 s */
    }
}


/* Nanoseconds as seconds, exactly. */
static void
ngx_http_wizdata_seconds(wd_buf_t *out, uint64_t ns)
{
    char       text[] = ".000000000";
    ngx_uint_t i;
    uint64_t   rest = ns % 1000000000;

    for (i = 9; i > 0; i--) {
        text[i] = (char) ('0' + rest % 10);
        rest /= 10;
    }
    ngx_http_wizdata_int(out, (int64_t) (ns / 1000000000));
    wd_buf_append(out, text, 10);
}


/* What another worker is writing is not taken. */
static ngx_uint_t
ngx_http_wizdata_exemplar_get(const ngx_http_wizdata_exemplar_t *from,
    ngx_uint_t verb, ngx_http_wizdata_exemplar_t *e)
{
    uint32_t seq = __atomic_load_n(&from->seq, __ATOMIC_ACQUIRE);

    *e = *from;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return !(seq & 1) && __atomic_load_n(&from->seq, __ATOMIC_RELAXED) == seq
           && e->seconds != 0 && e->verb == verb;
}


/* The newest of all workers. */
static void
ngx_http_wizdata_exemplar(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    ngx_uint_t bucket)
{
    ngx_uint_t                  i, verb, ep, found = 0;
    ngx_http_wizdata_exemplar_t e, best = {0, 0, 0, 0, ""};

    ep = unit / NGX_HTTP_WIZDATA_VERBS;
    verb = unit % NGX_HTTP_WIZDATA_VERBS;
    for (i = 0; i < s->zone->n_slots; i++) {
        if (ngx_http_wizdata_exemplar_get(
                &s->zone->slots[i].exemplars[ep][bucket], verb, &e)
            && e.seconds > best.seconds)
        {
            best = e;
            found = 1;
        }
    }
    if (!found) {
        return;
    }

    wd_buf_z(s->out, " # {trace_id=\"");
    wd_buf_append(s->out, best.trace, sizeof(best.trace));
    wd_buf_z(s->out, "\"} ");
    ngx_http_wizdata_seconds(s->out, best.ns);
    wd_buf_byte(s->out, ' ');
    ngx_http_wizdata_int(s->out, (int64_t) best.seconds);
}


static void
ngx_http_wizdata_bucket(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_str_t labels, ngx_uint_t i, uint64_t n)
{
    wd_buf_t *out = s->out;

    wd_buf_z(out, s->part->name);
    wd_buf_z(out, "_bucket{");
    wd_buf_str(out, labels);
    wd_buf_z(out, labels.len != 0 ? ",le=\"" : "le=\"");
    wd_buf_z(out, ngx_http_wizdata_le[i]);
    wd_buf_z(out, "\"} ");
    ngx_http_wizdata_int(out, (int64_t) n);
    if (s->openmetrics && s->part->offset == NGX_HTTP_WIZDATA_AT(seconds)) {
        ngx_http_wizdata_exemplar(s, unit, i);
    }
    wd_buf_byte(out, '\n');
}


static void
ngx_http_wizdata_write_histogram(ngx_http_wizdata_samples_t *s,
    ngx_uint_t unit, const ngx_http_wizdata_histogram_t *h, uint64_t count,
    wd_str_t labels)
{
    ngx_uint_t i, from, to;
    uint64_t   n = 0;

    ngx_http_wizdata_shown(s->part->type, &from, &to);
    for (i = 0; i < to; i++) {
        n += h->count[i];
        if (i >= from) {
            ngx_http_wizdata_bucket(s, unit, labels, i, n);
        }
    }
    ngx_http_wizdata_bucket(s, unit, labels, NGX_HTTP_WIZDATA_BOUNDS, count);

    ngx_http_wizdata_sample_head(s->out, s->part->name, "_sum", labels);
    ngx_http_wizdata_seconds(s->out, h->sum);
    wd_buf_byte(s->out, '\n');
    ngx_http_wizdata_sample_head(s->out, s->part->name, "_count", labels);
    ngx_http_wizdata_int(s->out, (int64_t) count);
    wd_buf_byte(s->out, '\n');
}


/* Adds the slots up; returns how often was counted. */
static uint64_t
ngx_http_wizdata_histogram_sum(const ngx_http_wizdata_counters_zone_t *z,
    size_t offset, ngx_http_wizdata_histogram_t *h)
{
    ngx_uint_t i;
    uint64_t   n = 0;

    for (i = 0; i < NGX_HTTP_WIZDATA_BUCKETS; i++) {
        h->count[i] = ngx_http_wizdata_cell(z, offset + i * sizeof(uint64_t));
        n += h->count[i];
    }
    h->sum = ngx_http_wizdata_cell(
        z, offset + offsetof(ngx_http_wizdata_histogram_t, sum));
    return n;
}


static wd_str_t
ngx_http_wizdata_unit_labels(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    wd_buf_t *b)
{
    wd_buf_z(b, s->part->labels);
    if (s->part->more != NULL) {
        s->part->more(s, unit, b);
    }
    return wd_buf_view(b);
}


static void
ngx_http_wizdata_write_series(ngx_http_wizdata_samples_t *s, ngx_uint_t unit,
    size_t offset, wd_buf_t *labels)
{
    uint64_t                     n;
    ngx_http_wizdata_histogram_t h;

    if (s->part->type == NGX_HTTP_WIZDATA_COUNTER
        || s->part->type == NGX_HTTP_WIZDATA_GAUGE)
    {
        n = ngx_http_wizdata_cell(s->zone, offset);
        if (n == 0 && s->part->sparse) {
            return;
        }
        ngx_http_wizdata_sample_head(
            s->out, s->part->name, "",
            ngx_http_wizdata_unit_labels(s, unit, labels));
        ngx_http_wizdata_int(s->out, (int64_t) n);
        wd_buf_byte(s->out, '\n');
        return;
    }

    n = ngx_http_wizdata_histogram_sum(s->zone, offset, &h);
    if (n != 0 || !s->part->sparse) {
        ngx_http_wizdata_write_histogram(
            s, unit, &h, n, ngx_http_wizdata_unit_labels(s, unit, labels));
    }
}


void
ngx_http_wizdata_part_write(ngx_http_wizdata_samples_t *s, ngx_uint_t part,
    ngx_uint_t unit)
{
    wd_buf_t *labels = &s->ctx->worker->scratch;

    s->part = &ngx_http_wizdata_table[part];
    if (s->part->call != NULL) {
        s->part->call(s, s->ctx);
        return;
    }
    if (unit < s->part->from) {
        return;
    }

    wd_buf_reset(labels);
    ngx_http_wizdata_write_series(s, unit,
                                  s->part->offset + unit * s->part->stride,
                                  labels);
    if (labels->err != WD_OK) {
        s->out->err = labels->err;
    }
}
