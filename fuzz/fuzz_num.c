/*
 * fuzz_num.c - numbers and times: our parser agrees with strtod(), what is
 * printed reads back as the same double, times survive the round trip.
 */
#include "fuzz.h"

#include "wd_num.h"
#include "wd_time.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_round_trip(double v)
{
    char   text[WD_NUM_TEXT_MAX];
    double again;
    size_t n;

    if (!isfinite(v)) {
        return;
    }
    n = wd_num_format(v, text);
    fuzz_require(n < WD_NUM_TEXT_MAX && text[n] == '\0');
    fuzz_require(wd_num_parse(wd_str(text, n), &again) == WD_OK && again == v);
}


static void
fuzz_text(wd_str_t s)
{
    char   z[512], *end;
    double ours;

    if (s.len >= sizeof(z) || wd_num_parse(s, &ours) != WD_OK) {
        return;
    }
    wd_str_copy(z, sizeof(z), s);
    fuzz_require(strtod(z, &end) == ours && *end == '\0');
    fuzz_round_trip(ours);
}


static void
fuzz_time(wd_str_t s)
{
    bool    is_date;
    char    text[WD_TIME_TEXT_MAX];
    size_t  n;
    wd_ns_t t, again;

    if (wd_time_parse(s, &t, &is_date) != WD_OK) {
        return;
    }
    n = wd_time_format(t, text);
    fuzz_require(wd_time_parse(wd_str(text, n), &again, NULL) == WD_OK
                 && again == t);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double     v;
    int64_t    i;
    wd_civil_t c;
    wd_str_t   s = wd_str((const char *) data, size);

    fuzz_text(s);
    fuzz_time(s);
    (void) !wd_civil_parse(s, &c, NULL);
    (void) !wd_int_parse(s, &i);

    if (size >= sizeof(v)) {
        memcpy(&v, data, sizeof(v));
        fuzz_round_trip(v);
    }
    return 0;
}
