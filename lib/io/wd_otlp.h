/*
 * wd_otlp.h - spans of the notification trace.spans (docs/PROTOCOL.md, 8) as
 * OTLP/HTTP JSON (opentelemetry-proto 1.x, ExportTraceServiceRequest).
 */
#ifndef WD_OTLP_H
#define WD_OTLP_H

#include "wd_json.h"
#include "wd_mp.h"
#include "wd_trace.h"

#define WD_SPAN_MEMBERS 10
#define WD_SPAN_MAX 8192 /* bytes of one span */
#define WD_SPAN_TEXT_MAX 1024 /* bytes of a name or of an attribute's text */
#define WD_SPAN_ATTRS_MAX 64

typedef enum { WD_SPAN_SERVER = 2, WD_SPAN_CLIENT = 3 } wd_span_kind_e;
typedef enum { WD_SPAN_UNSET = 0, WD_SPAN_ERROR = 2 } wd_span_status_e;

/* Views into the span's bytes. */
typedef struct {
    wd_str_t trace;
    wd_str_t id;
    wd_str_t parent; /* or empty */
    int64_t  kind;
    wd_str_t name;
    wd_ns_t  start;
    wd_ns_t  end;
    int64_t  status;
    wd_mp_t  attrs; /* at the map */
    wd_str_t state; /* or empty */
} wd_span_t;

/* The next span at the cursor; WD_OK or WD_EPROTO. */
wd_must_check int wd_span_read(wd_mp_t *c, wd_span_t *ret);

/* Writes the span as it is read; `attrs` is a whole map. */
void wd_span_put(wd_buf_t *out, const wd_span_t *span);

/* Who made the spans. */
typedef struct {
    const char *service; /* service.name */
    const char *instance; /* service.instance.id */
    const char *version;
} wd_otlp_resource_t;

/* {"resourceSpans":[ ... ]}: begin, any number of resources, end. */
void wd_otlp_begin(wd_json_t *j, wd_buf_t *out);
void wd_otlp_resource(wd_json_t *j, const wd_otlp_resource_t *r);
void wd_otlp_span(wd_json_t *j, const wd_span_t *span);
void wd_otlp_resource_end(wd_json_t *j);
void wd_otlp_end(wd_json_t *j);

/* Spans that a collector's answer says it has not taken; 0: all are. */
int64_t wd_otlp_rejected(wd_str_t answer);

#endif /* WD_OTLP_H */
