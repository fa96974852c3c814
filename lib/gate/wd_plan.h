/*
 * wd_plan.h - what a plan allows, from its text.
 *
 *     rate=200/m burst=20 rate=5000/h burst=500 day=10000 month=300000
 *     tz=Europe/Paris concurrency=32 dry_run cost=macro.query:5 cost=*:2
 */
#ifndef WD_PLAN_H
#define WD_PLAN_H

#include "wd_method.h"
#include "wd_window.h"

#define WD_PLAN_RATES 4
#define WD_PLAN_QUOTAS 2
#define WD_PLAN_POLICIES (WD_PLAN_RATES + WD_PLAN_QUOTAS + 1)
#define WD_PLAN_NAME_MAX 64
#define WD_PLAN_TEXT_MAX 960 /* auth tells of 256 plans in one frame */
#define WD_PLAN_POLICY_MAX 24
#define WD_PLAN_COUNT_MAX 1000000000 /* of rates, bursts, quotas */
#define WD_PLAN_CONCURRENCY_MAX 1000000
#define WD_PLAN_PERIOD_MAX (31 * WD_NS_PER_DAY)
#define WD_PLAN_COSTS 16 /* words cost= */
#define WD_PLAN_COST_MAX 1000

/* Indexes of policies: rates first, then these. */
#define WD_PLAN_DAY WD_PLAN_RATES
#define WD_PLAN_MONTH (WD_PLAN_RATES + 1)
#define WD_PLAN_CONCURRENCY (WD_PLAN_RATES + 2)

#define WD_PLAN_TAG_MAX 4095

typedef struct {
    uint32_t limit; /* units per period */
    uint32_t burst; /* units at once from rest; at least 1 */
    wd_ns_t  period;
    wd_ns_t  unit; /* time in which one unit comes back, rounded up */
    char     name[WD_PLAN_POLICY_MAX];
} wd_plan_rate_t;

typedef struct {
    wd_plan_rate_t rates[WD_PLAN_RATES];
    unsigned       n_rates;
    uint32_t       quotas[WD_PLAN_QUOTAS]; /* day, month; 0: none */
    uint32_t       concurrency; /* 0: no bound */
    bool           dry_run;
    uint16_t       tag; /* other rates, another tag; 1 to WD_PLAN_TAG_MAX */
    wd_tz_t       *tz; /* NULL: UTC */

    /* Units of a request by method, and one more; 0: the plan says nothing. */
    uint16_t costs[WD_METHOD_COUNT];

    /* The windows of the last wd_plan_windows(). */
    wd_window_t windows[WD_PLAN_QUOTAS];
} wd_plan_t;

/*
 * WD_OK: *plan is filled, and wd_plan_done() frees its zone. WD_EINVAL with
 * a text that names the word and what to write instead. Reads zone files.
 */
wd_must_check int wd_plan_parse(wd_str_t text, wd_plan_t *plan,
                                wd_error_t *err);
void              wd_plan_done(wd_plan_t *plan);

/* "minute", "day-quota", "concurrency"; index as above. */
const char *wd_plan_policy(const wd_plan_t *plan, unsigned policy);

/* Brings plan->windows up to the wall clock; cheap within a window. */
void wd_plan_windows(wd_plan_t *plan, wd_ns_t wall);

/* Units of a request of that method; `otherwise` if the plan has none. */
static inline uint32_t
wd_plan_cost(const wd_plan_t *plan, wd_method_e method, uint32_t otherwise)
{
    return plan->costs[method] != 0 ? plan->costs[method] - 1u : otherwise;
}


/* Nothing is limited. */
bool wd_plan_empty(const wd_plan_t *plan);

#endif /* WD_PLAN_H */
