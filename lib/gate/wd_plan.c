/*
 * wd_plan.c - the words of a plan, each with a refusal that says what to
 * write.
 */
#include "wd_plan.h"

#include "wd_num.h"

#include <stdio.h>

#define WD_PLAN_TZ_MAX 64

typedef struct {
    wd_plan_t  *plan;
    wd_error_t *err;
    wd_str_t    word; /* as written */
    bool        burst; /* the last rate has its burst */
    unsigned    n_costs;
    uint16_t    rest; /* of methods that are not named; as in the plan */
    char        tz[WD_PLAN_TZ_MAX];
} wd_plan_parse_t;

typedef struct {
    const char *name; /* with its "=" */
    int (*set)(wd_plan_parse_t *p, wd_str_t value);
} wd_plan_word_t;

typedef struct {
    char        letter;
    wd_ns_t     ns;
    const char *name;
} wd_plan_unit_t;

static const wd_plan_unit_t wd_plan_units[] = {
    {'s', WD_NS_PER_S, "second"},
    {'m', WD_NS_PER_MIN, "minute"},
    {'h', WD_NS_PER_HOUR, "hour"},
    {'d', WD_NS_PER_DAY, "day"},
};


static int
wd_plan_wrong(wd_plan_parse_t *p, const char *write)
{
    return wd_error(p->err, WD_EINVAL, "\"%.*s\": %s",
                    (int) wd_min(p->word.len, (size_t) 40), p->word.data,
                    write);
}


static bool
wd_plan_number(wd_str_t s, int64_t min, int64_t max, uint32_t *ret)
{
    int64_t n;

    if (s.len == 0 || s.data[0] < '0' || s.data[0] > '9'
        || wd_int_parse(s, &n) != WD_OK || n < min || n > max) {
        return false;
    }
    *ret = (uint32_t) n;
    return true;
}


static bool
wd_plan_count(wd_str_t s, int64_t max, uint32_t *ret)
{
    return wd_plan_number(s, 1, max, ret);
}


/* "m" or "10s" behind the slash. */
static bool
wd_plan_period(wd_str_t s, wd_ns_t *ret, const wd_plan_unit_t **ret_unit,
               uint32_t *ret_n)
{
    size_t   i;
    uint32_t n = 1;

    if (s.len == 0
        || (s.len > 1
            && !wd_plan_count(wd_str(s.data, s.len - 1), 86400, &n))) {
        return false;
    }

    for (i = 0; i < wd_array_len(wd_plan_units); i++) {
        if (wd_plan_units[i].letter == s.data[s.len - 1]) {
            *ret = wd_plan_units[i].ns * n;
            *ret_unit = &wd_plan_units[i];
            *ret_n = n;
            return *ret <= WD_PLAN_PERIOD_MAX;
        }
    }
    return false;
}


/* "minute", "10-second"; the second one of a period is "minute-2". */
static void
wd_plan_name(wd_plan_t *plan, wd_plan_rate_t *r, const wd_plan_unit_t *unit,
             uint32_t n)
{
    int      len;
    unsigned i, same = 1;

    for (i = 0; i < plan->n_rates; i++) {
        same += plan->rates[i].period == r->period;
    }

    len = n == 1 ? snprintf(r->name, sizeof(r->name), "%s", unit->name)
                 : snprintf(r->name, sizeof(r->name), "%u-%s", n, unit->name);
    if (same > 1) {
        snprintf(r->name + len, sizeof(r->name) - (size_t) len, "-%u", same);
    }
}


static int
wd_plan_set_rate(wd_plan_parse_t *p, wd_str_t value)
{
    uint32_t              n;
    wd_str_t              count;
    wd_plan_rate_t       *r;
    const wd_plan_unit_t *unit;

    if (p->plan->n_rates == WD_PLAN_RATES) {
        return wd_plan_wrong(p, "a plan has at most 4 rates; leave one out");
    }

    r = &p->plan->rates[p->plan->n_rates];
    if (!wd_str_split(&value, '/', &count)
        || !wd_plan_count(count, WD_PLAN_COUNT_MAX, &r->limit)
        || !wd_plan_period(value, &r->period, &unit, &n)) {
        return wd_plan_wrong(p, "write a rate as number/period with s, m, h "
                                "or d, such as rate=200/m or rate=50/10s");
    }
    if ((wd_ns_t) r->limit > r->period / WD_NS_PER_US) {
        return wd_plan_wrong(p, "a rate is at most 1000000/s");
    }

    r->unit = (r->period + r->limit - 1) / r->limit;
    r->burst = 1;
    p->burst = false;
    wd_plan_name(p->plan, r, unit, n);
    p->plan->n_rates++;
    return WD_OK;
}


static int
wd_plan_set_burst(wd_plan_parse_t *p, wd_str_t value)
{
    if (p->plan->n_rates == 0 || p->burst) {
        return wd_plan_wrong(p, "write one burst behind its rate, such as "
                                "rate=200/m burst=20");
    }
    if (!wd_plan_count(value, WD_PLAN_COUNT_MAX,
                       &p->plan->rates[p->plan->n_rates - 1].burst)) {
        return wd_plan_wrong(p, "write a number from 1 to 1000000000, such "
                                "as burst=20");
    }
    if (p->plan->rates[p->plan->n_rates - 1].burst
        > WD_PLAN_PERIOD_MAX / p->plan->rates[p->plan->n_rates - 1].unit) {
        return wd_plan_wrong(p, "the burst is more than the rate gives in 31 "
                                "days; write a smaller one");
    }
    p->burst = true;
    return WD_OK;
}


static int
wd_plan_quota(wd_plan_parse_t *p, wd_str_t value, unsigned i)
{
    if (p->plan->quotas[i] != 0) {
        return wd_plan_wrong(p, "it is given twice; leave one out");
    }
    if (!wd_plan_count(value, WD_PLAN_COUNT_MAX, &p->plan->quotas[i])) {
        return wd_plan_wrong(p, "write a number from 1 to 1000000000, such "
                                "as day=10000");
    }
    return WD_OK;
}


static int
wd_plan_set_day(wd_plan_parse_t *p, wd_str_t value)
{
    return wd_plan_quota(p, value, WD_WINDOW_DAY);
}


static int
wd_plan_set_month(wd_plan_parse_t *p, wd_str_t value)
{
    return wd_plan_quota(p, value, WD_WINDOW_MONTH);
}


static int
wd_plan_set_tz(wd_plan_parse_t *p, wd_str_t value)
{
    if (p->tz[0] != '\0') {
        return wd_plan_wrong(p, "it is given twice; leave one out");
    }

    wd_str_copy(p->tz, sizeof(p->tz), value);
    if (value.len >= sizeof(p->tz)
        || wd_tz_load(p->tz, &p->plan->tz) != WD_OK) {
        return wd_plan_wrong(p, "this host has no such time zone; write a "
                                "name such as tz=Europe/Paris or tz=UTC");
    }
    return WD_OK;
}


static int
wd_plan_set_concurrency(wd_plan_parse_t *p, wd_str_t value)
{
    if (p->plan->concurrency != 0) {
        return wd_plan_wrong(p, "it is given twice; leave one out");
    }
    if (!wd_plan_count(value, WD_PLAN_CONCURRENCY_MAX, &p->plan->concurrency)) {
        return wd_plan_wrong(p, "write a number from 1 to 1000000, such as "
                                "concurrency=32");
    }
    return WD_OK;
}


/* Where the cost of that method, or of the rest, stands; NULL: no method. */
static uint16_t *
wd_plan_cost_of(wd_plan_parse_t *p, wd_str_t name)
{
    const wd_method_t *m;

    if (wd_str_eq_z(name, "*")) {
        return &p->rest;
    }

    /* Methods without a path are between services: no plan is asked. */
    m = wd_method_by_name(name);
    return m != NULL && m->path != NULL ? &p->plan->costs[m->id] : NULL;
}


static int
wd_plan_set_cost(wd_plan_parse_t *p, wd_str_t value)
{
    uint16_t *cost;
    uint32_t  n;
    wd_str_t  name;

    if (p->n_costs == WD_PLAN_COSTS) {
        return wd_plan_wrong(p, "a plan has at most 16 costs; leave one out");
    }
    if (!wd_str_split(&value, ':', &name)
        || !wd_plan_number(value, 0, WD_PLAN_COST_MAX, &n)) {
        return wd_plan_wrong(p, "write a method and a number from 0 to 1000, "
                                "such as cost=bars.query:5 or cost=*:2");
    }

    cost = wd_plan_cost_of(p, name);
    if (cost == NULL) {
        return wd_plan_wrong(p, "no such method; write one of docs/API.md, "
                                "such as cost=bars.query:5, or cost=*:2 for "
                                "the rest");
    }
    if (*cost != 0) {
        return wd_plan_wrong(p, "the method has its cost already; leave one "
                                "out");
    }
    *cost = (uint16_t) (n + 1);
    p->n_costs++;
    return WD_OK;
}


static void
wd_plan_costs(wd_plan_parse_t *p)
{
    size_t i;

    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (p->plan->costs[i] == 0) {
            p->plan->costs[i] = p->rest;
        }
    }
}


static const wd_plan_word_t wd_plan_words[] = {
    {"rate=", wd_plan_set_rate}, {"burst=", wd_plan_set_burst},
    {"day=", wd_plan_set_day},   {"month=", wd_plan_set_month},
    {"tz=", wd_plan_set_tz},     {"concurrency=", wd_plan_set_concurrency},
    {"cost=", wd_plan_set_cost},
};


static int
wd_plan_word(wd_plan_parse_t *p)
{
    size_t i, n;

    if (wd_str_eq_z(p->word, "dry_run")) {
        p->plan->dry_run = true;
        return WD_OK;
    }

    for (i = 0; i < wd_array_len(wd_plan_words); i++) {
        if (wd_str_starts(p->word, wd_plan_words[i].name)) {
            n = strlen(wd_plan_words[i].name);
            return wd_plan_words[i].set(
                p, wd_str(p->word.data + n, p->word.len - n));
        }
    }
    return wd_plan_wrong(p, "no such word; write rate=, burst=, day=, "
                            "month=, tz=, concurrency=, cost= or dry_run");
}


/* FNV-1a. */
static uint16_t
wd_plan_tag(const wd_plan_t *plan)
{
    size_t   i, k;
    uint64_t h = UINT64_C(14695981039346656037);

    for (i = 0; i < plan->n_rates; i++) {
        const uint64_t numbers[] = {plan->rates[i].limit, plan->rates[i].burst,
                                    (uint64_t) plan->rates[i].period};

        for (k = 0; k < wd_array_len(numbers); k++) {
            h = (h ^ numbers[k]) * UINT64_C(1099511628211);
        }
    }
    return (uint16_t) (1 + (h >> 20) % WD_PLAN_TAG_MAX);
}


int
wd_plan_parse(wd_str_t text, wd_plan_t *plan, wd_error_t *err)
{
    int             rc;
    wd_str_t        word;
    wd_plan_parse_t p = {.plan = plan, .err = err};

    *plan = (wd_plan_t){.n_rates = 0};
    if (text.len > WD_PLAN_TEXT_MAX) {
        return wd_error(err, WD_EINVAL, "a plan has at most %d characters",
                        WD_PLAN_TEXT_MAX);
    }

    while (wd_str_split(&text, ' ', &word)) {
        p.word = word;
        rc = word.len != 0 ? wd_plan_word(&p) : WD_OK;
        if (rc != WD_OK) {
            wd_plan_done(plan);
            return rc;
        }
    }
    wd_plan_costs(&p);
    plan->tag = wd_plan_tag(plan);
    return WD_OK;
}


void
wd_plan_done(wd_plan_t *plan)
{
    wd_tz_destroy(plan->tz);
    plan->tz = NULL;
}


const char *
wd_plan_policy(const wd_plan_t *plan, unsigned policy)
{
    static const char *const names[] = {"day-quota", "month-quota",
                                        "concurrency"};

    return policy < WD_PLAN_RATES ? plan->rates[policy].name
                                  : names[policy - WD_PLAN_RATES];
}


void
wd_plan_windows(wd_plan_t *plan, wd_ns_t wall)
{
    unsigned i;

    for (i = 0; i < WD_PLAN_QUOTAS; i++) {
        if (plan->quotas[i] != 0
            && (wall >= plan->windows[i].end
                || wall < plan->windows[i].start)) {
            wd_window_at((wd_window_e) i, plan->tz, wall, &plan->windows[i]);
        }
    }
}


bool
wd_plan_empty(const wd_plan_t *plan)
{
    return plan->n_rates == 0 && plan->quotas[0] == 0 && plan->quotas[1] == 0
           && plan->concurrency == 0;
}
