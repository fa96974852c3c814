/*
 * wd_spans.h - the exporter of a backend: spans of gateways and its own go to
 * a collector (OTLP/HTTP) or into a file.
 *
 * Whoever has a span only puts it into a bounded queue. A thread of its own
 * makes batches of them, posts, waits and tries again while the collector is
 * away; what the queue cannot hold meanwhile is dropped and counted
 * (wizdata_backend_spans_total).
 */
#ifndef WD_SPANS_H
#define WD_SPANS_H

#include "wd_conf.h"
#include "wd_ctx.h"
#include "wd_log.h"
#include "wd_time.h"

typedef struct {
    char    *url;
    char    *service;
    char    *headers;
    uint32_t batch;
    uint32_t queue;
    uint32_t timeout_ms;
    char    *file;
    uint64_t file_bytes;
} wd_spans_conf_t;

#define WD_SPANS_CONF_ROWS(type, member)                                       \
    {"trace",                                                                  \
     "url",                                                                    \
     wd_conf_str,                                                              \
     offsetof(type, member.url),                                               \
     NULL,                                                                     \
     0,                                                                        \
     0,                                                                        \
     0,                                                                        \
     "OpenTelemetry collector, OTLP/HTTP with JSON: "                          \
     "http://host:4318/v1/traces; empty: spans are counted and dropped"},      \
        {"trace",                                                              \
         "service",                                                            \
         wd_conf_str,                                                          \
         offsetof(type, member.service),                                       \
         "wizdata",                                                            \
         0,                                                                    \
         0,                                                                    \
         0,                                                                    \
         "What service.name begins with: wizdata-gateway, wizdata-auth, ..."}, \
        {"trace",                                                              \
         "headers",                                                            \
         wd_conf_str,                                                          \
         offsetof(type, member.headers),                                       \
         NULL,                                                                 \
         0,                                                                    \
         0,                                                                    \
         WD_CONF_SECRET,                                                       \
         "Headers for the collector: name=value, comma-separated"},            \
        {"trace",                                                              \
         "batch",                                                              \
         wd_conf_u32,                                                          \
         offsetof(type, member.batch),                                         \
         "512",                                                                \
         1,                                                                    \
         8192,                                                                 \
         0,                                                                    \
         "Most spans in one request to the collector"},                        \
        {"trace",                                                              \
         "queue",                                                              \
         wd_conf_u32,                                                          \
         offsetof(type, member.queue),                                         \
         "4096",                                                               \
         1,                                                                    \
         1048576,                                                              \
         0,                                                                    \
         "Spans that may wait for the collector; more are dropped"},           \
        {"trace",                                                              \
         "timeout",                                                            \
         wd_conf_ms,                                                           \
         offsetof(type, member.timeout_ms),                                    \
         "5s",                                                                 \
         100,                                                                  \
         60000,                                                                \
         0,                                                                    \
         "Longest wait for the collector's answer"},                           \
        {"trace",                                                              \
         "file",                                                               \
         wd_conf_str,                                                          \
         offsetof(type, member.file),                                          \
         NULL,                                                                 \
         0,                                                                    \
         0,                                                                    \
         0,                                                                    \
         "File that gets the batches, one OTLP JSON object a line, for "       \
         "machines without a collector"},                                      \
    {                                                                          \
        "trace", "file_size", wd_conf_bytes,                                   \
            offsetof(type, member.file_bytes), "64m", 65536, 1099511627776.0,  \
            0,                                                                 \
            "Size at which the file becomes FILE.1, instead of an older one"   \
    }

typedef struct wd_spans wd_spans_t;

/*
 * All pointers must stay. NULL with *err: no memory, or the configuration is
 * not valid (WD_ECONFIG). Without url and file no thread is started.
 */
wd_spans_t *wd_spans_create(const wd_spans_conf_t *conf, const char *service,
                            const char *instance, wd_log_t *log,
                            wd_error_t *err);

/*
 * What is queued is sent if that takes no longer than two seconds. No other
 * thread may be in a function of `s`. NULL is accepted.
 */
void wd_spans_destroy(wd_spans_t *s);

/* Handler of trace.spans: `arg` is a wd_spans_t. WD_OK or WD_EPROTO. */
wd_must_check int wd_spans_take(void *arg, wd_str_t params);

/* Is the caller's trace recorded, and would a span go anywhere? */
bool wd_spans_wanted(const wd_spans_t *s, const wd_ctx_t *ctx);

/* Our own span: `method` was called, and took from `start` (monotonic). */
void wd_spans_call(wd_spans_t *s, const wd_ctx_t *ctx, const char *method,
                   int code, wd_ns_t start);

#endif /* WD_SPANS_H */
