/*
 * bench_answers.c - a price that walks, as a provider would tell it.
 */
#include "bench_answers.h"

#define FRIDAY (INT64_C(1616716800) * WD_NS_PER_S) /* 2021-03-26 */

static uint64_t random_state = 1;


uint32_t
bench_any(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005)
                   + UINT64_C(1442695040888963407);
    return (uint32_t) (random_state >> 33) % n;
}


/* A step of a price's walk. */
void
bench_next_day(bench_day_t *d)
{
    d->open = d->close + bench_any(20000) - 10000;
    d->close = d->open + bench_any(30000) - 15000;
    if (d->close < 100000) {
        d->close += 200000;
    }
    d->high = wd_max(d->open, d->close) + bench_any(9000);
    d->low = wd_min(d->open, d->close) - bench_any(9000);
    d->volume = 2000000 + bench_any(30000000);
}


bench_day_t
bench_first_day(void)
{
    return (bench_day_t){.close = 1500000};
}


void
bench_stamp(wd_buf_t *b, int n, bool minutes)
{
    wd_civil_t c;
    wd_ns_t    at = FRIDAY;

    if (minutes) {
        at -= n * 5 * 60 * WD_NS_PER_S;
    } else {
        at -= (n / 5 * 7 + n % 5) * WD_NS_PER_DAY;
    }
    wd_time_to_civil(at, &c);
    wd_buf_printf(b, "%04d-%02d-%02d", c.year, c.month, c.day);
    if (minutes) {
        wd_buf_printf(b, " %02d:%02d:00", c.hour, c.minute);
    }
}


void
bench_price(wd_buf_t *b, const char *before, uint32_t v, const char *after)
{
    wd_buf_printf(b, "%s%u.%04u%s", before, v / 10000, v % 10000, after);
}


void
bench_av(wd_buf_t *b, const char *symbol, int n, bool minutes)
{
    int         i;
    bench_day_t d = bench_first_day();

    wd_buf_z(b, "{\n    \"Meta Data\": {\n"
                "        \"1. Information\": \"Prices and Volumes\",\n");
    wd_buf_printf(b, "        \"2. Symbol\": \"%s\",\n", symbol);
    wd_buf_z(b, "        \"3. Last Refreshed\": \"2021-03-31\",\n");
    wd_buf_z(b, minutes ? "        \"4. Interval\": \"5min\",\n"
                          "        \"5. Output Size\": \"Full size\",\n"
                          "        \"6. Time Zone\": \"US/Eastern\"\n"
                          "    },\n    \"Time Series (5min)\": {"
                        : "        \"4. Output Size\": \"Full size\",\n"
                          "        \"5. Time Zone\": \"US/Eastern\"\n"
                          "    },\n    \"Time Series (Daily)\": {");
    for (i = 0; i < n; i++) {
        bench_next_day(&d);
        wd_buf_z(b, i == 0 ? "\n        \"" : ",\n        \"");
        bench_stamp(b, i, minutes);
        wd_buf_z(b, "\": {\n");
        bench_price(b, "            \"1. open\": \"", d.open, "\",\n");
        bench_price(b, "            \"2. high\": \"", d.high, "\",\n");
        bench_price(b, "            \"3. low\": \"", d.low, "\",\n");
        bench_price(b, "            \"4. close\": \"", d.close, "\",\n");
        wd_buf_printf(b, "            \"5. volume\": \"%u\"\n        }",
                      d.volume);
    }
    wd_buf_z(b, "\n    }\n}");
}
