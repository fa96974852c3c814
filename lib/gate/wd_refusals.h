/*
 * wd_refusals.h - requests that were refused for want of a credential or of a
 * right, until auth is told of them.
 *
 * Equal ones are one row with a number, so that who knocks a thousand times
 * takes the room of one. The table is bounded: what has no room in it is
 * counted only. One thread.
 */
#ifndef WD_REFUSALS_H
#define WD_REFUSALS_H

#include "wd_buf.h"
#include "wd_ctx.h"
#include "wd_time.h"
#include "wd_verdicts.h"

#define WD_REFUSALS_MAX 256 /* rows */

typedef struct wd_refusals_s wd_refusals_t;

/* `method` and `reason` are constants: the same text is the same pointer. */
typedef struct {
    wd_ns_t     at; /* wall */
    wd_str_t    ip; /* of at most WD_IP_MAX bytes; "": none */
    wd_str_t    principal; /* WD_VERDICT_PRINCIPAL_MAX; "": not known */
    wd_str_t    key; /* its id, WD_VERDICT_KEY_MAX */
    const char *method; /* WD_METHOD_MAX; "": not routed */
    const char *reason; /* WD_METHOD_MAX */
    int         code;
} wd_refusal_t;

/* NULL without memory. destroy() takes NULL. */
wd_refusals_t *wd_refusals_create(void);
void           wd_refusals_destroy(wd_refusals_t *t);

/* False: there is no room, or a text is too long; counted as lost. */
bool wd_refusals_add(wd_refusals_t *t, const wd_refusal_t *one);

/* Refusals since the last reset: all of them, and those that are in no row. */
uint64_t wd_refusals_total(const wd_refusals_t *t);
uint64_t wd_refusals_lost(const wd_refusals_t *t);

/*
 * Appends the parameters of auth.refusals, of less than WD_FRAME_MAX bytes:
 *     [[[at, ip, sub, key, method, code, reason, n], ...], lost, instance]
 */
void wd_refusals_put(const wd_refusals_t *t, const char *instance,
                     wd_buf_t *out);

void wd_refusals_reset(wd_refusals_t *t);

#endif /* WD_REFUSALS_H */
