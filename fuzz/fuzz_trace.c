/*
 * fuzz_trace.c - trace context: what is passed on obeys the grammar and its
 * limits whatever came in, and passing it on again changes only our member.
 */
#include "wd_trace.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_tracestate(wd_str_t in)
{
    size_t   n, len, again;
    char     out[WD_TRACESTATE_MAX], twice[WD_TRACESTATE_MAX];
    wd_str_t members[WD_TRACESTATE_MEMBERS];
    wd_str_t a = WD_STR("00f067aa0ba902b7"), b = WD_STR("b7ad6b7169203331");

    len = wd_tracestate_put(in, a, out);
    if (len > sizeof(out) || !wd_tracestate_parse(wd_str(out, len), members, &n)
        || n == 0
        || !wd_str_eq(members[0], WD_STR("wizdata=00f067aa0ba902b7"))) {
        abort();
    }

    again = wd_tracestate_put(wd_str(out, len), b, twice);
    if (again != len || memcmp(out + 24, twice + 24, len - 24) != 0) {
        abort();
    }
}


static void
check_traceparent(wd_str_t in)
{
    wd_traceparent_t tp;

    if (!wd_traceparent_parse(in, &tp)) {
        return;
    }
    if (tp.trace.len != WD_TRACE_ID_LEN || tp.span.len != WD_SPAN_ID_LEN
        || tp.flags > 0xff || !wd_trace_chosen(tp.trace, wd_trace_threshold(1))
        || wd_trace_chosen(tp.trace, wd_trace_threshold(0))) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t in = wd_str((const char *) data, size);

    check_tracestate(in);
    check_traceparent(in);
    return 0;
}
