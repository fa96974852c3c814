/*
 * wd_metrics.c - the metric registry and its Prometheus text.
 */
#include "wd_metrics.h"

#include "wd_map.h"
#include "wd_num.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum { COUNTER, GAUGE, HISTOGRAM } wd_metric_type_e;

typedef struct {
    const char      *name;
    wd_metric_type_e type;
    const char      *labels;
    const char      *help;
} wd_metric_row_t;

static const wd_metric_row_t wd_metric_rows[] = {
#define WD_METRIC(id, name, type, labels, help) {name, type, labels, help},
#include "wd_metrics.def"
#undef WD_METRIC
};

static const double wd_metric_buckets[] = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

#define WD_BUCKETS wd_array_len(wd_metric_buckets)

typedef struct {
    char     labels[256]; /* method="x",code="0" */
    double   value; /* of a histogram the sum */
    uint64_t count;
    uint64_t bucket[WD_BUCKETS];
} wd_series_t;

static struct {
    pthread_mutex_t lock;
    const char     *service;
    wd_map_t       *maps[WD_METRIC_COUNT];
} wd_mx = {.lock = PTHREAD_MUTEX_INITIALIZER};


void
wd_metrics_init(const char *service)
{
    wd_mx.service = service;
}


void
wd_metrics_done(void)
{
    void  *series;
    size_t i, pos;

    pthread_mutex_lock(&wd_mx.lock);
    for (i = 0; i < WD_METRIC_COUNT; i++) {
        pos = 0;
        while (wd_mx.maps[i] != NULL
               && wd_map_next(wd_mx.maps[i], &pos, NULL, &series)) {
            free(series);
        }
        wd_map_destroy(wd_mx.maps[i]);
        wd_mx.maps[i] = NULL;
    }
    pthread_mutex_unlock(&wd_mx.lock);
}


/*
 * Label values are escaped as the text format wants it. The format is UTF-8,
 * values are cut: bytes that are not ASCII become question marks.
 */
static size_t
wd_metric_label(char *out, size_t cap, wd_str_t name, const char *value)
{
    size_t n, i;

    n = (size_t) snprintf(out, cap, "%.*s=\"", WD_STR_ARG(name));

    for (i = 0; value[i] != '\0' && n + 4 < cap; i++) {
        if (value[i] == '"' || value[i] == '\\') {
            out[n++] = '\\';
        }
        out[n++] = value[i] == '\n'                   ? ' '
                   : (unsigned char) value[i] >= 0x80 ? '?'
                                                      : value[i];
    }

    out[n++] = '"';
    out[n] = '\0';
    return n;
}


static void
wd_metric_labels(wd_metric_e id, const char *const values[], char *out,
                 size_t cap)
{
    size_t   i = 0, n = 0;
    wd_str_t names = wd_str_z(wd_metric_rows[id].labels), name;

    out[0] = '\0';
    while (names.len != 0 && wd_str_split(&names, ',', &name) && cap - n > 40) {
        if (i != 0) {
            out[n++] = ',';
        }
        n += wd_metric_label(out + n, wd_min(cap - n, (size_t) 84), name,
                             values[i] != NULL ? values[i] : "");
        i++;
    }
}


static wd_series_t *
wd_metric_series(wd_metric_e id, const char *labels)
{
    wd_map_t    *map;
    wd_series_t *s;

    if (wd_mx.maps[id] == NULL) {
        wd_mx.maps[id] = wd_map_create();
        if (wd_mx.maps[id] == NULL) {
            return NULL;
        }
    }

    map = wd_mx.maps[id];
    s = wd_map_get(map, wd_str_z(labels));
    if (s != NULL) {
        return s;
    }

    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    wd_str_copy(s->labels, sizeof(s->labels), wd_str_z(labels));
    if (wd_map_set(map, wd_str_z(labels), s, NULL) != WD_OK) {
        free(s);
        return NULL;
    }
    return s;
}


static void
wd_series_observe(wd_series_t *s, double v)
{
    size_t i;

    s->value += v;
    s->count++;
    for (i = 0; i < WD_BUCKETS; i++) {
        if (v <= wd_metric_buckets[i]) {
            s->bucket[i]++;
            return;
        }
    }
}


void
wd_metric(wd_metric_e id, double v, const char *l1, const char *l2,
          const char *l3)
{
    char         labels[256];
    wd_series_t *s;
    const char  *values[] = {l1, l2, l3};
    const char  *other[] = {"other", "other", "other"};

    wd_metric_labels(id, values, labels, sizeof(labels));

    pthread_mutex_lock(&wd_mx.lock);

    if (wd_mx.maps[id] != NULL
        && wd_map_len(wd_mx.maps[id]) >= WD_METRIC_SERIES_MAX
        && wd_map_get(wd_mx.maps[id], wd_str_z(labels)) == NULL) {
        wd_metric_labels(id, other, labels, sizeof(labels));
    }

    s = wd_metric_series(id, labels);
    if (s != NULL) {
        switch (wd_metric_rows[id].type) {
        case COUNTER:
            s->value += v;
            break;
        case GAUGE:
            s->value = v;
            break;
        case HISTOGRAM:
            wd_series_observe(s, v);
        }
    }

    pthread_mutex_unlock(&wd_mx.lock);
}


static void
wd_metric_sample(wd_buf_t *out, const char *name, const char *suffix,
                 const wd_series_t *s, const char *le, double v)
{
    char text[WD_NUM_TEXT_MAX];

    wd_buf_printf(out, "%s%s{service=\"%s\"%s%s", name, suffix,
                  wd_mx.service != NULL ? wd_mx.service : "",
                  s->labels[0] != '\0' ? "," : "", s->labels);
    if (le != NULL) {
        wd_buf_printf(out, ",le=\"%s\"", le);
    }
    wd_num_format(v, text);
    wd_buf_printf(out, "} %s\n", text);
}


static void
wd_metric_histogram(wd_buf_t *out, const char *name, const wd_series_t *s)
{
    char     le[WD_NUM_TEXT_MAX];
    size_t   i;
    uint64_t below = 0;

    for (i = 0; i < WD_BUCKETS; i++) {
        below += s->bucket[i];
        wd_num_format(wd_metric_buckets[i], le);
        wd_metric_sample(out, name, "_bucket", s, le, (double) below);
    }
    wd_metric_sample(out, name, "_bucket", s, "+Inf", (double) s->count);
    wd_metric_sample(out, name, "_sum", s, NULL, s->value);
    wd_metric_sample(out, name, "_count", s, NULL, (double) s->count);
}


static const char *
wd_metric_type_name(wd_metric_type_e type)
{
    static const char *const names[] = {"counter", "gauge", "histogram"};

    return names[type];
}


void
wd_metrics_render(wd_buf_t *out)
{
    void                  *s;
    size_t                 i, pos;
    const wd_metric_row_t *row;

    pthread_mutex_lock(&wd_mx.lock);

    for (i = 0; i < WD_METRIC_COUNT; i++) {
        if (wd_mx.maps[i] == NULL) {
            continue;
        }
        row = &wd_metric_rows[i];
        wd_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help,
                      row->name, wd_metric_type_name(row->type));
        pos = 0;
        while (wd_map_next(wd_mx.maps[i], &pos, NULL, &s)) {
            if (row->type == HISTOGRAM) {
                wd_metric_histogram(out, row->name, s);
            } else {
                wd_metric_sample(out, row->name, "", s, NULL,
                                 ((wd_series_t *) s)->value);
            }
        }
    }

    pthread_mutex_unlock(&wd_mx.lock);
}


void
wd_metrics_markdown(wd_buf_t *out)
{
    size_t i;

    wd_buf_z(out, "| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (i = 0; i < WD_METRIC_COUNT; i++) {
        wd_buf_printf(out, "| `%s` | %s | service%s%s | %s |\n",
                      wd_metric_rows[i].name,
                      wd_metric_type_name(wd_metric_rows[i].type),
                      wd_metric_rows[i].labels[0] != '\0' ? "," : "",
                      wd_metric_rows[i].labels, wd_metric_rows[i].help);
    }
}
