/*
 * wd_shed.h - what is refused first when there is too much to do: classes of
 * work, their shares of the slots, a watch over the delay of the queue, and
 * the budget of repeated calls.
 *
 * The watch is like CoDel: a queue is no harm as long as it empties now and
 * then. When the shortest wait of a whole interval was above the target, one
 * class more is not queued any longer; when it was below, one less.
 */
#ifndef WD_SHED_H
#define WD_SHED_H

#include "wd_base.h"
#include "wd_method.h"
#include "wd_time.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* In the order in which they are kept; the last is refused first. */
typedef enum {
    WD_CLASS_CRITICAL, /* sys.*, auth.*: others depend on it; never shed */
    WD_CLASS_WRITE, /* not idempotent: who lost it cannot just ask again */
    WD_CLASS_HEAVY, /* a read that costs more than one */
    WD_CLASS_CHEAP, /* a read that is easily asked again */
    WD_CLASSES
} wd_class_e;

typedef struct {
    wd_ns_t target;
    wd_ns_t interval;
} wd_shed_conf_t;

/* Zeroed memory sheds nothing. Changed under the caller's lock. */
typedef struct {
    _Atomic uint32_t level; /* classes that are not queued, 0 to 3 */
    _Atomic int64_t  begun; /* of the interval; 0: nothing waited lately */
    _Atomic int64_t  least; /* wait in it */
    _Atomic uint32_t seen; /* some call waited in it */
} wd_shed_t;

wd_class_e wd_class_of(const wd_method_t *m);

/*
 * Of `cap` slots those that a class may fill: reads leave `reserve` per cent
 * to the rest, writes a quarter of that to what is critical.
 */
unsigned wd_shed_limit(unsigned cap, unsigned reserve, wd_class_e c);

/* A call waited so long, and was sent or gave up. */
void wd_shed_waited(wd_shed_t *s, const wd_shed_conf_t *conf, wd_ns_t delay,
                    wd_ns_t now);

/* Classes that are not queued now; needs no lock. */
unsigned wd_shed_level(const wd_shed_t *s, const wd_shed_conf_t *conf,
                       wd_ns_t now);

bool wd_shed_refuses(unsigned level, wd_class_e c);


/*
 * Repeated calls are paid from what first calls deposit, so that they stay a
 * share of them; a small stock lets a quiet service repeat at all.
 */
#define WD_BUDGET_STOCK 20 /* calls, at most saved up, and at the start */

typedef struct {
    int64_t hundredths; /* of a call, below the full stock */
} wd_budget_t;

void               wd_budget_call(wd_budget_t *b, unsigned percent);
wd_must_check bool wd_budget_take(wd_budget_t *b, unsigned percent);

#endif /* WD_SHED_H */
