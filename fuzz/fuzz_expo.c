/*
 * fuzz_expo.c - metrics of backends: whatever they send, in whatever pieces,
 * what is written is well-formed, and reads the same when it is fed again.
 */
#include "wd_expo_merge.h"

#include <stdlib.h>

#define FUZZ_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
expo_merge(wd_str_t text, size_t piece, size_t step, bool openmetrics,
           const char *label, wd_buf_t *out)
{
    int              rc;
    size_t           n;
    wd_expo_merge_t *m = wd_expo_merge_create();

    if (m == NULL
        || wd_expo_merge_reserve(m, WD_STR("own_total"), WD_EXPO_COUNTER)
               != WD_OK) {
        abort();
    }
    while (text.len != 0) {
        n = wd_min(piece, text.len);
        if (wd_expo_merge_feed(m, 0, wd_str(text.data, n), FUZZ_MAX) != WD_OK) {
            break;
        }
        text = wd_str(text.data + n, text.len - n);
    }
    if (wd_expo_merge_end(m, 0, label) != WD_OK) {
        abort();
    }
    while (!wd_expo_merge_index(m, step, &rc)) {
        /* void */
    }
    if (rc != WD_OK) {
        abort();
    }
    while (!wd_expo_merge_write(m, openmetrics, step, out)) {
        /* void */
    }
    wd_expo_merge_destroy(m);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_buf_t one = WD_BUF_INIT, two = WD_BUF_INIT;
    wd_str_t text;

    if (size < 2) {
        return 0;
    }
    text = wd_str((const char *) data + 2, size - 2);
    (void) wd_expo_accept(text);

    expo_merge(text, data[0] + 1u, data[1] + 1u, true, "backend=\"1\"", &one);
    wd_buf_reset(&one);
    expo_merge(text, data[0] + 1u, data[1] + 1u, false, NULL, &one);
    expo_merge(wd_buf_view(&one), data[1] + 1u, data[0] + 1u, false, NULL,
               &two);
    if (!wd_str_eq(wd_buf_view(&one), wd_buf_view(&two))) {
        abort();
    }
    if (one.len != 0 && !wd_utf8_valid(wd_buf_view(&one))) {
        abort();
    }

    wd_buf_done(&one);
    wd_buf_done(&two);
    return 0;
}
