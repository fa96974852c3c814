/*
 * wd_breaker.h - whether an endpoint is fit to be asked: a circuit breaker
 * over its errors and its latency.
 *
 *   closed     asked as usual; errors are counted over a sliding window
 *   open       not asked until its time is over
 *   half-open  a few calls at a time try it; they close it or open it again
 *
 * Zeroed memory is a closed breaker. The caller holds a lock around all that
 * changes it; the functions that only read may be called without.
 */
#ifndef WD_BREAKER_H
#define WD_BREAKER_H

#include "wd_base.h"
#include "wd_time.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WD_BREAKER_BUCKETS 10 /* pieces of the window */
#define WD_BREAKER_WEIGHT 256 /* of an endpoint that is fully trusted */
#define WD_BREAKER_WEIGHT_MIN 26 /* where slow start begins: a tenth */

typedef enum {
    WD_BREAKER_CLOSED,
    WD_BREAKER_OPEN,
    WD_BREAKER_HALF_OPEN
} wd_breaker_state_e;

typedef struct {
    wd_ns_t  window; /* over which errors are counted */
    wd_ns_t  open; /* first time, doubled by each failed return */
    wd_ns_t  open_max;
    wd_ns_t  latency; /* slow calls above it are an outlier; 0: no limit */
    wd_ns_t  latency_min; /* never an outlier below it */
    wd_ns_t  slow_start; /* until a returned endpoint has its full share */
    unsigned errors; /* per cent that open it; 0: never */
    unsigned volume; /* calls in the window below which nothing is judged */
    unsigned outlier; /* times the latency of the others; 0: never */
    unsigned probes; /* good ones that close it, and how many at a time */
} wd_breaker_conf_t;

typedef struct {
    uint32_t calls;
    uint32_t faults;
} wd_breaker_bucket_t;

typedef struct {
    /* read without the lock */
    _Atomic uint32_t state; /* wd_breaker_state_e */
    _Atomic int64_t  until; /* end of `open` */
    _Atomic int64_t  returned; /* when slow start began; 0: full share */
    _Atomic int64_t  spared; /* should have opened, and was needed; 0: no */

    /* under the lock */
    wd_ns_t             closed_at;
    wd_ns_t             opened_for; /* the last time */
    uint32_t            opens; /* in a row */
    uint32_t            trying; /* probes under way */
    uint32_t            good; /* probes that went well */
    wd_ns_t             tried_at; /* the last probe's begin */
    wd_ns_t             limit; /* a slower probe has failed; 0: none */
    wd_ns_t             slow; /* what 19 of 20 calls take, about */
    wd_ns_t             slow_since; /* too much, without a break; 0: is not */
    int64_t             turn; /* number of the current bucket */
    wd_breaker_bucket_t buckets[WD_BREAKER_BUCKETS];
} wd_breaker_t;


/* Does this code of an answer speak of a fault of who answered? */
bool wd_breaker_fault_code(int code);

/* An open one whose time is over reads as half-open. */
wd_breaker_state_e wd_breaker_state(const wd_breaker_t *b, wd_ns_t now);

/* Share of the calls, of WD_BREAKER_WEIGHT; grows during slow start. */
unsigned wd_breaker_weight(const wd_breaker_t *b, const wd_breaker_conf_t *conf,
                           wd_ns_t now);

/* True: the caller may make one call to try it, and reports its outcome. */
wd_must_check bool wd_breaker_try(wd_breaker_t            *b,
                                  const wd_breaker_conf_t *conf, wd_ns_t now);

/* Outcomes of calls. True: that closed it, or opened it again. */
bool wd_breaker_ok(wd_breaker_t *b, const wd_breaker_conf_t *conf,
                   wd_ns_t latency, wd_ns_t now);
bool wd_breaker_fault(wd_breaker_t *b, const wd_breaker_conf_t *conf,
                      wd_ns_t now, uint32_t random);

/* A probe ended without an outcome, as when its client left. */
void wd_breaker_forget(wd_breaker_t *b);

/* Calls and faults in the window. */
void wd_breaker_window(const wd_breaker_t *b, const wd_breaker_conf_t *conf,
                       wd_ns_t now, uint32_t *ret_calls, uint32_t *ret_faults);

/* Should it open for its errors? */
bool wd_breaker_bad(const wd_breaker_t *b, const wd_breaker_conf_t *conf,
                    wd_ns_t now);

/*
 * Should it open for its latency beside that of the others (0: unknown)? Not
 * before that has been too much for a tenth of the window: when all become
 * slower, the answers of one come first. Called after each good call.
 */
bool wd_breaker_slow(wd_breaker_t *b, const wd_breaker_conf_t *conf,
                     wd_ns_t others, wd_ns_t now);

/*
 * For one that is spared: is this call refused, so that what is sent is about
 * twice what is answered well? A trickle always goes.
 */
bool wd_breaker_throttles(const wd_breaker_t *b, const wd_breaker_conf_t *conf,
                          wd_ns_t now, uint32_t random);

/* Opens it: for its latency when `limit` is not 0. */
void wd_breaker_open(wd_breaker_t *b, const wd_breaker_conf_t *conf,
                     wd_ns_t limit, wd_ns_t now, uint32_t random);

/* The endpoint came back from an outage: slow start. */
void wd_breaker_return(wd_breaker_t *b, wd_ns_t now);

#endif /* WD_BREAKER_H */
