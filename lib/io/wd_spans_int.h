/*
 * wd_spans_int.h - what wd_spans.c (the queue) and wd_spans_out.c (the thread
 * that empties it) share; for them alone.
 */
#ifndef WD_SPANS_INT_H
#define WD_SPANS_INT_H

#include "wd_frame.h"
#include "wd_http.h"
#include "wd_metrics.h"
#include "wd_otlp.h"
#include "wd_spans.h"

#include <pthread.h>

#define WD_SPANS_HEADERS_MAX 8
#define WD_SPANS_LINGER \
    (200 * WD_NS_PER_MS) /* to make a batch of single ones */
#define WD_SPANS_EXIT (2 * WD_NS_PER_S) /* to send what is left at the end */

/* A span in the queue; its bytes follow. */
typedef struct wd_span_item {
    struct wd_span_item *next;
    size_t               len;
    bool                 own;
    char                 instance[WD_METHOD_MAX]; /* of the gateway */
} wd_span_item_t;

struct wd_spans {
    const wd_spans_conf_t *conf;
    wd_log_t              *log;
    const char            *instance;
    char                   own_name[96];
    char                   gateway_name[96];
    char                  *header_text;
    const char            *headers[WD_SPANS_HEADERS_MAX + 2];
    size_t                 n_headers;
    bool                   active; /* there is somewhere to go */

    pthread_mutex_t  lock;
    pthread_cond_t   more; /* a span came, or the end */
    wd_span_item_t  *first;
    wd_span_item_t **last;
    size_t           n;
    wd_ns_t          quit; /* when the end was asked for; 0: not yet */

    /* of the thread */
    pthread_t     thread;
    volatile bool cancel; /* atomic: gives up the request under way */
    wd_http_t    *http;
    wd_http_res_t res;
    wd_buf_t      body;
    int           fd; /* of the file, or -1 */
    uint64_t      file_len;
    bool          post_failing; /* said so in the log */
    bool          file_failing;
};

static inline const void *
wd_span_item_bytes(const wd_span_item_t *item)
{
    return item + 1;
}

static inline void
wd_spans_count(const char *outcome, size_t n)
{
    if (n != 0) {
        wd_metric(WD_MX_SPANS, (double) n, outcome, NULL, NULL);
    }
}

/* wd_spans_out.c */

/* Opens what the configuration names. WD_OK or WD_ECONFIG, WD_ENOMEM. */
wd_must_check int wd_spans_out_open(wd_spans_t *s, wd_error_t *err);
void              wd_spans_out_close(wd_spans_t *s);

/* The thread: until wd_spans_t.quit and the queue is empty. */
void *wd_spans_out_run(void *arg);

#endif /* WD_SPANS_INT_H */
