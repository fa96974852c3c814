/*
 * wd_metrics.h - counters, gauges and histograms of wd_metrics.def.
 *
 * One registry per process; any thread. Label values beyond
 * WD_METRIC_SERIES_MAX series of a metric are counted under "other".
 */
#ifndef WD_METRICS_H
#define WD_METRICS_H

#include "wd_buf.h"

#define WD_METRIC_SERIES_MAX 256
#define WD_METRIC_LABELS_MAX 3

typedef enum {
#define WD_METRIC(id, name, type, labels, help) WD_MX_##id,
#include "wd_metrics.def"
#undef WD_METRIC
    WD_METRIC_COUNT
} wd_metric_e;

/* `service` becomes a label of every series; must stay. */
void wd_metrics_init(const char *service);
void wd_metrics_done(void);

/*
 * Counter: adds v. Gauge: sets v. Histogram: observes v (seconds). As many
 * label values as wd_metrics.def names; NULL for the others.
 */
void wd_metric(wd_metric_e id, double v, const char *l1, const char *l2,
               const char *l3);

/* Prometheus text format, families in the order of wd_metrics.def. */
void wd_metrics_render(wd_buf_t *out);

/* A Markdown table for docs/METRICS.md. */
void wd_metrics_markdown(wd_buf_t *out);

#endif /* WD_METRICS_H */
