/*
 * fuzz_resp.c - replies: any bytes, in pieces of any size, give the same
 * values as at once, and what is handed out lies in the bytes received.
 */
#include "fuzz.h"

#include "wd_lease.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    size_t   replies;
    uint64_t sum; /* of all values */
    int      end;
} fuzz_seen_t;


static void
fuzz_values(const wd_resp_value_t *v, size_t n, fuzz_seen_t *seen)
{
    size_t            i, k;
    wd_lease_head_t   head;
    wd_limit_sync_t   sync = {.n_rates = 2, .n_quotas = 1, .want = 10};
    wd_limit_synced_t synced;

    fuzz_require(n >= 1 && n <= WD_RESP_VALUES_MAX);
    for (i = 0; i < n; i++) {
        seen->sum = seen->sum * 31 + (uint64_t) v[i].type + (uint64_t) v[i].n;
        for (k = 0; k < v[i].text.len; k++) {
            seen->sum = seen->sum * 31 + (uint8_t) v[i].text.data[k];
        }
    }
    if (wd_lease_get(v, n, &sync, 1, &head, &synced) == WD_OK) {
        fuzz_require(synced.grant <= 10 && synced.tat[0] >= 0);
    }
    seen->replies++;
}


static fuzz_seen_t
fuzz_read(const uint8_t *data, size_t size, size_t step)
{
    size_t                 n;
    uint8_t               *p;
    fuzz_seen_t            seen = {0, 0, WD_EAGAIN};
    wd_resp_reader_t       r;
    const wd_resp_value_t *v;

    wd_resp_reader_init(&r, 4096);
    while (size != 0 && seen.end == WD_EAGAIN) {
        n = step != 0 ? wd_min(step, size) : size;
        p = wd_resp_reader_space(&r, n);
        fuzz_require(p != NULL);
        memcpy(p, data, n);
        wd_resp_reader_fed(&r, n);
        data += n;
        size -= n;
        while ((seen.end = wd_resp_reader_next(&r, &v, &n)) == WD_OK) {
            fuzz_values(v, n, &seen);
        }
    }
    wd_resp_reader_done(&r);
    return seen;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_seen_t whole = fuzz_read(data, size, 0);
    fuzz_seen_t bytes = fuzz_read(data, size, 1);
    fuzz_seen_t some = fuzz_read(data, size, 13);

    fuzz_require(whole.replies == bytes.replies && whole.sum == bytes.sum
                 && whole.end == bytes.end);
    fuzz_require(whole.replies == some.replies && whole.sum == some.sum
                 && whole.end == some.end);
    return 0;
}
