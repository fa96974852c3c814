/*
 * wd_breaker.c - the window, the estimate of latency, the three states.
 */
#include "wd_breaker.h"

#include "wd_err.h"

#include <string.h>

/* A probe whose outcome nobody reports, its worker being dead, ends so. */
#define WD_BREAKER_PROBE_MAX (10 * WD_NS_PER_S)

#define WD_BREAKER_DOUBLINGS 10


bool
wd_breaker_fault_code(int code)
{
    switch (code) {
    case WD_EINTERNAL:
    case WD_EUNAVAIL:
    case WD_ETIMEOUT:
    case WD_ENOMEM:
    case WD_EIO:
    case WD_EPROTO:
    case WD_ESTORAGE:
    case WD_ECONFIG:
    case WD_EDB:
        return true;
    default:
        /* Of the caller, of a third party, or load (WD_EAGAIN). */
        return false;
    }
}


wd_breaker_state_e
wd_breaker_state(const wd_breaker_t *b, wd_ns_t now)
{
    uint32_t state = atomic_load_explicit(&b->state, memory_order_relaxed);

    if (state == WD_BREAKER_OPEN
        && now >= atomic_load_explicit(&b->until, memory_order_relaxed)) {
        return WD_BREAKER_HALF_OPEN;
    }
    return (wd_breaker_state_e) state;
}


unsigned
wd_breaker_weight(const wd_breaker_t *b, const wd_breaker_conf_t *conf,
                  wd_ns_t now)
{
    int64_t  since;
    wd_ns_t  from = atomic_load_explicit(&b->returned, memory_order_relaxed);
    unsigned rest = WD_BREAKER_WEIGHT - WD_BREAKER_WEIGHT_MIN;

    since = now - from;
    if (from == 0 || since >= conf->slow_start) {
        return WD_BREAKER_WEIGHT;
    }
    if (since <= 0) {
        return WD_BREAKER_WEIGHT_MIN;
    }
    return WD_BREAKER_WEIGHT_MIN
           + (unsigned) ((double) rest * (double) since
                         / (double) conf->slow_start);
}


static int64_t
wd_breaker_turn(const wd_breaker_conf_t *conf, wd_ns_t now)
{
    return now / (conf->window / WD_BREAKER_BUCKETS);
}


/* The bucket of now, with those that left the window emptied. */
static wd_breaker_bucket_t *
wd_breaker_bucket(wd_breaker_t *b, const wd_breaker_conf_t *conf, wd_ns_t now)
{
    int64_t i, turn = wd_breaker_turn(conf, now);

    if (turn - b->turn >= WD_BREAKER_BUCKETS || turn < b->turn) {
        memset(b->buckets, 0, sizeof(b->buckets));
    } else {
        for (i = b->turn + 1; i <= turn; i++) {
            memset(&b->buckets[i % WD_BREAKER_BUCKETS], 0,
                   sizeof(b->buckets[0]));
        }
    }

    b->turn = turn;
    return &b->buckets[turn % WD_BREAKER_BUCKETS];
}


void
wd_breaker_window(const wd_breaker_t *b, const wd_breaker_conf_t *conf,
                  wd_ns_t now, uint32_t *ret_calls, uint32_t *ret_faults)
{
    int64_t                    i, turn = wd_breaker_turn(conf, now);
    const wd_breaker_bucket_t *p;

    *ret_calls = *ret_faults = 0;
    for (i = turn - WD_BREAKER_BUCKETS + 1; i <= b->turn; i++) {
        if (i < 0 || i <= b->turn - WD_BREAKER_BUCKETS) {
            continue;
        }
        p = &b->buckets[i % WD_BREAKER_BUCKETS];
        *ret_calls += p->calls;
        *ret_faults += p->faults;
    }
}


static void
wd_breaker_close(wd_breaker_t *b, wd_ns_t now)
{
    memset(b->buckets, 0, sizeof(b->buckets));
    b->closed_at = now;
    b->slow = 0;
    b->slow_since = 0;
    b->limit = 0;
    b->trying = 0;
    b->good = 0;
    atomic_store(&b->returned, now);
    atomic_store(&b->state, WD_BREAKER_CLOSED);
}


/* Trusted for long enough: the next failure is the first one again. */
static bool
wd_breaker_recovered(const wd_breaker_t *b, const wd_breaker_conf_t *conf,
                     wd_ns_t now)
{
    return atomic_load(&b->state) == WD_BREAKER_CLOSED
           && now - b->closed_at > 2 * b->opened_for + conf->window;
}


void
wd_breaker_open(wd_breaker_t *b, const wd_breaker_conf_t *conf, wd_ns_t limit,
                wd_ns_t now, uint32_t random)
{
    wd_ns_t  t;
    unsigned n;

    if (wd_breaker_recovered(b, conf, now)) {
        b->opens = 0;
    }

    n = b->opens < WD_BREAKER_DOUBLINGS ? b->opens : WD_BREAKER_DOUBLINGS;
    t = conf->open > conf->open_max >> n ? conf->open_max : conf->open << n;
    t = t / 100 * (75 + random % 51);

    b->opens++;
    b->opened_for = t;
    b->limit = limit;
    b->trying = 0;
    b->good = 0;
    atomic_store(&b->until, now + t);
    atomic_store(&b->state, WD_BREAKER_OPEN);
}


bool
wd_breaker_try(wd_breaker_t *b, const wd_breaker_conf_t *conf, wd_ns_t now)
{
    if (wd_breaker_state(b, now) != WD_BREAKER_HALF_OPEN) {
        return false;
    }

    atomic_store(&b->state, WD_BREAKER_HALF_OPEN);
    if (now - b->tried_at > WD_BREAKER_PROBE_MAX) {
        b->trying = 0;
    }
    if (b->trying >= conf->probes) {
        return false;
    }

    b->trying++;
    b->tried_at = now;
    return true;
}


void
wd_breaker_forget(wd_breaker_t *b)
{
    if (b->trying != 0) {
        b->trying--;
    }
}


/*
 * An expectile: up as 19 to 1 down, so that it settles where a call in
 * twenty is slower, and moves with a few dozen calls. It begins at 0, not
 * with the first call, so that those of all endpoints rise alike.
 */
static void
wd_breaker_measure(wd_breaker_t *b, wd_ns_t latency)
{
    if (latency > b->slow) {
        b->slow += (latency - b->slow) / 100 * 19;
    } else {
        b->slow -= (b->slow - latency) / 100;
    }
}


bool
wd_breaker_ok(wd_breaker_t *b, const wd_breaker_conf_t *conf, wd_ns_t latency,
              wd_ns_t now)
{
    if (atomic_load(&b->state) == WD_BREAKER_HALF_OPEN) {
        wd_breaker_forget(b);
        if (b->limit != 0 && latency > b->limit) {
            wd_breaker_open(b, conf, b->limit, now, 0);
            return true;
        }
        if (++b->good >= conf->probes) {
            wd_breaker_close(b, now);
            return true;
        }
        return false;
    }

    wd_breaker_bucket(b, conf, now)->calls++;
    wd_breaker_measure(b, latency);
    return false;
}


bool
wd_breaker_fault(wd_breaker_t *b, const wd_breaker_conf_t *conf, wd_ns_t now,
                 uint32_t random)
{
    wd_breaker_bucket_t *p;

    if (atomic_load(&b->state) == WD_BREAKER_HALF_OPEN) {
        wd_breaker_open(b, conf, b->limit, now, random);
        return true;
    }

    p = wd_breaker_bucket(b, conf, now);
    p->calls++;
    p->faults++;
    return false;
}


bool
wd_breaker_bad(const wd_breaker_t *b, const wd_breaker_conf_t *conf,
               wd_ns_t now)
{
    uint32_t calls, faults;

    if (conf->errors == 0) {
        return false;
    }
    wd_breaker_window(b, conf, now, &calls, &faults);
    return calls >= conf->volume
           && (uint64_t) faults * 100 >= (uint64_t) calls * conf->errors;
}


static bool
wd_breaker_beyond(const wd_breaker_t *b, const wd_breaker_conf_t *conf,
                  wd_ns_t others)
{
    if (b->slow <= conf->latency_min) {
        return false;
    }
    return (conf->latency != 0 && b->slow > conf->latency)
           || (conf->outlier != 0 && others != 0
               && b->slow / conf->outlier > others);
}


bool
wd_breaker_slow(wd_breaker_t *b, const wd_breaker_conf_t *conf, wd_ns_t others,
                wd_ns_t now)
{
    uint32_t calls, faults;

    if (!wd_breaker_beyond(b, conf, others)) {
        b->slow_since = 0;
        return false;
    }
    if (b->slow_since == 0) {
        b->slow_since = now;
    }
    if (now - b->slow_since < conf->window / WD_BREAKER_BUCKETS) {
        return false;
    }

    wd_breaker_window(b, conf, now, &calls, &faults);
    return calls >= conf->volume;
}


bool
wd_breaker_throttles(const wd_breaker_t *b, const wd_breaker_conf_t *conf,
                     wd_ns_t now, uint32_t random)
{
    uint32_t calls, faults;
    uint64_t wanted;

    wd_breaker_window(b, conf, now, &calls, &faults);
    wanted = 2 * (uint64_t) (calls - faults);
    return calls > wanted
           && (uint64_t) random % (calls + 1) < (uint64_t) calls - wanted;
}


void
wd_breaker_return(wd_breaker_t *b, wd_ns_t now)
{
    atomic_store(&b->returned, now);
}
