/*
 * fuzz_http_reply.c - a response of a foreign server means the same however
 * it is cut, and stays within its bounds.
 */
#include "wd_http_reply.h"

#include <stdlib.h>

#define BODY_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             rc, rc1 = WD_EAGAIN;
    size_t          i;
    wd_http_reply_t r, r1;

    wd_http_reply_init(&r, BODY_MAX);
    wd_http_reply_init(&r1, BODY_MAX);

    rc = size != 0 ? wd_http_reply_feed(&r, data, size) : WD_EAGAIN;
    for (i = 0; i < size && rc1 == WD_EAGAIN; i++) {
        rc1 = wd_http_reply_feed(&r1, data + i, 1);
    }

    if (rc != rc1 || r.status != r1.status || r.body.len > BODY_MAX
        || (rc == WD_OK
            && !wd_str_eq(wd_buf_view(&r.body), wd_buf_view(&r1.body)))
        || (rc == WD_OK && r.status < 200)
        || (rc == WD_EAGAIN
            && wd_http_reply_end(&r) != wd_http_reply_end(&r1))) {
        abort();
    }

    wd_http_reply_done(&r);
    wd_http_reply_done(&r1);
    return 0;
}
