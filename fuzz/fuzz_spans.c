/*
 * fuzz_spans.c - spans of another process: what is read as one becomes a JSON
 * object, and is written again as it was read.
 */
#include "wd_json_scan.h"
#include "wd_otlp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_json(const wd_buf_t *out)
{
    wd_json_scan_t s = wd_json_scan(wd_buf_view(out));

    if (out->err != WD_OK || wd_json_scan_skip(&s) != WD_OK
        || !wd_json_scan_at_end(&s) || !wd_utf8_valid(wd_buf_view(out))) {
        abort();
    }
}


static void
check_again(const wd_span_t *span)
{
    wd_buf_t  out = WD_BUF_INIT;
    wd_mp_t   c;
    wd_span_t again, one = *span;
    wd_mp_t   end = one.attrs;

    if (wd_mp_skip(&end) != WD_OK) {
        abort();
    }
    one.attrs.end = end.p;
    wd_span_put(&out, &one);
    c = wd_mp(out.data, out.len);
    if (wd_span_read(&c, &again) != WD_OK || c.p != c.end
        || !wd_str_eq(again.name, span->name) || again.end != span->end) {
        abort();
    }
    wd_buf_done(&out);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_buf_t           out = WD_BUF_INIT;
    wd_mp_t            c = wd_mp(data, size);
    wd_json_t          j;
    wd_span_t          span;
    wd_otlp_resource_t r = {"wizdata-gateway", "test:1", NULL};

    (void) wd_otlp_rejected(wd_str((const char *) data, size));

    wd_otlp_begin(&j, &out);
    wd_otlp_resource(&j, &r);
    while (c.p < c.end && wd_span_read(&c, &span) == WD_OK) {
        wd_otlp_span(&j, &span);
        check_again(&span);
    }
    wd_otlp_resource_end(&j);
    wd_otlp_end(&j);

    check_json(&out);
    wd_buf_done(&out);
    return 0;
}
