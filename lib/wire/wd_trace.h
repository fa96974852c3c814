/*
 * wd_trace.h - W3C Trace Context: traceparent, tracestate, and the choice of
 * the traces that are recorded.
 */
#ifndef WD_TRACE_H
#define WD_TRACE_H

#include "wd_str.h"

#define WD_TRACE_ID_LEN 32 /* hexadecimal digits */
#define WD_SPAN_ID_LEN 16
#define WD_TRACEPARENT_LEN 55

/* Offsets in a traceparent: 00-<trace id>-<span id>-<flags> */
#define WD_TRACE_ID_AT 3
#define WD_SPAN_ID_AT 36
#define WD_TRACE_FLAGS_AT 53

#define WD_TRACE_SAMPLED 1u

#define WD_TRACESTATE_MAX 512 /* bytes that are passed on */
#define WD_TRACESTATE_IN_MAX 4096 /* a longer one is not looked at */
#define WD_TRACESTATE_MEMBERS 32
#define WD_TRACESTATE_LONG 128 /* members above this make room first */
#define WD_TRACESTATE_KEY "wizdata" /* our own member */

/* Views into the text. */
typedef struct {
    wd_str_t trace;
    wd_str_t span;
    unsigned flags;
} wd_traceparent_t;

/*
 * False unless `s` is one: version ff is none, later versions than 00 may be
 * longer, ids of zeros are none.
 */
bool wd_traceparent_parse(wd_str_t s, wd_traceparent_t *ret);

/* The sampled flag of a traceparent that our gateway wrote. */
bool wd_traceparent_sampled(wd_str_t s);

/*
 * Traces are chosen by the last 56 bits of their id, as OpenTelemetry's
 * consistent sampling does, so that everybody with the same ratio records the
 * same ones. The threshold of a ratio (0 to 1) is computed once.
 */
uint64_t wd_trace_threshold(double ratio);
bool     wd_trace_chosen(wd_str_t trace, uint64_t threshold);

/*
 * Members of a tracestate in their order, the empty ones left out. False when
 * the grammar (level 2) or one of the limits is broken: more than 32 members,
 * a key given twice, more than WD_TRACESTATE_IN_MAX bytes.
 */
bool wd_tracestate_parse(wd_str_t s, wd_str_t members[WD_TRACESTATE_MEMBERS],
                         size_t *ret_n);

/*
 * What is passed on: "wizdata=<span>", then the members of `in` but an older
 * one of ours. An `in` that is none is dropped. Where the limits ask for it,
 * long members go first, then those at the end. Returns the length.
 */
size_t wd_tracestate_put(wd_str_t in, wd_str_t span,
                         char out[WD_TRACESTATE_MAX]);

#endif /* WD_TRACE_H */
