/*
 * wd_shed.c - classes, shares, the watch over the queue, the budget.
 */
#include "wd_shed.h"

#include "wd_str.h"


wd_class_e
wd_class_of(const wd_method_t *m)
{
    wd_str_t name = wd_str_z(m->name);

    if (m->service == WD_SVC_ANY || wd_str_starts(name, "auth.")) {
        return WD_CLASS_CRITICAL;
    }
    if (!(m->flags & WD_M_IDEMPOTENT)) {
        return WD_CLASS_WRITE;
    }
    return m->cost > 1 ? WD_CLASS_HEAVY : WD_CLASS_CHEAP;
}


unsigned
wd_shed_limit(unsigned cap, unsigned reserve, wd_class_e c)
{
    switch (c) {
    case WD_CLASS_CRITICAL:
        return cap;
    case WD_CLASS_WRITE:
        return cap - (unsigned) ((uint64_t) cap * reserve / 400);
    default:
        return cap - (unsigned) ((uint64_t) cap * reserve / 100);
    }
}


/* The level after the interval that has ended, and those empty since. */
static unsigned
wd_shed_next(const wd_shed_t *s, const wd_shed_conf_t *conf, wd_ns_t now)
{
    int64_t  n;
    unsigned level = atomic_load_explicit(&s->level, memory_order_relaxed);
    wd_ns_t  begun = atomic_load_explicit(&s->begun, memory_order_relaxed);

    n = begun == 0 ? 0 : (now - begun) / conf->interval;
    if (n <= 0) {
        return level;
    }

    if (atomic_load(&s->seen) != 0 && atomic_load(&s->least) > conf->target) {
        level = level < WD_CLASS_CHEAP ? level + 1 : level;
        n--;
    }
    return n < (int64_t) level ? level - (unsigned) n : 0;
}


void
wd_shed_waited(wd_shed_t *s, const wd_shed_conf_t *conf, wd_ns_t delay,
               wd_ns_t now)
{
    wd_ns_t begun = atomic_load_explicit(&s->begun, memory_order_relaxed);

    if (begun == 0 || now - begun >= conf->interval) {
        atomic_store(&s->level, wd_shed_next(s, conf, now));
        atomic_store(&s->begun, now);
        atomic_store(&s->seen, 0);
    }

    if (atomic_load(&s->seen) == 0 || delay < atomic_load(&s->least)) {
        atomic_store(&s->least, delay);
    }
    atomic_store(&s->seen, 1);
}


unsigned
wd_shed_level(const wd_shed_t *s, const wd_shed_conf_t *conf, wd_ns_t now)
{
    return wd_shed_next(s, conf, now);
}


bool
wd_shed_refuses(unsigned level, wd_class_e c)
{
    return c != WD_CLASS_CRITICAL && (unsigned) c + level >= WD_CLASSES;
}


void
wd_budget_call(wd_budget_t *b, unsigned percent)
{
    b->hundredths -= percent;
    if (b->hundredths < 0) {
        b->hundredths = 0;
    }
}


bool
wd_budget_take(wd_budget_t *b, unsigned percent)
{
    if (percent == 0 || b->hundredths + 100 > WD_BUDGET_STOCK * 100) {
        return false;
    }
    b->hundredths += 100;
    return true;
}
