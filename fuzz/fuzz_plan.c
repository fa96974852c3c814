/*
 * fuzz_plan.c - texts of plans: what is taken is within its bounds, what is
 * refused says why.
 */
#include "wd_plan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(bool ok)
{
    if (!ok) {
        abort();
    }
}


static void
check(const wd_plan_t *p)
{
    size_t                i;
    const wd_plan_rate_t *r;

    must(p->n_rates <= WD_PLAN_RATES);
    for (i = 0; i < p->n_rates; i++) {
        r = &p->rates[i];
        must(r->limit >= 1 && r->burst >= 1 && r->period >= 1 && r->unit >= 1
             && r->period <= WD_PLAN_PERIOD_MAX && r->name[0] != '\0');
    }
    must(p->concurrency <= WD_PLAN_CONCURRENCY_MAX);
    for (i = 0; i < WD_PLAN_QUOTAS; i++) {
        must(p->quotas[i] <= WD_PLAN_COUNT_MAX);
    }
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        must(wd_plan_cost(p, (wd_method_e) i, 0) <= WD_PLAN_COST_MAX);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_plan_t  p;
    wd_error_t err = {0};

    if (wd_plan_parse(wd_str((const char *) data, size), &p, &err) == WD_OK) {
        must(size <= WD_PLAN_TEXT_MAX);
        check(&p);
        wd_plan_windows(&p, 0);
        wd_plan_done(&p);
    } else {
        must(err.text[0] != '\0');
    }
    return 0;
}
