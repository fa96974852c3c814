/*
 * wd_perms.h - sets of permissions, in which no member covers another.
 *
 * A permission is resource:action, either part may be * for all, and * alone
 * is both. Resources and actions are open sets, so what a set covers one of
 * its members covers; sets of the same members permit the same.
 */
#ifndef WD_PERMS_H
#define WD_PERMS_H

#include "wd_method.h"
#include "wd_pool.h"

typedef struct {
    wd_str_t  *v; /* in the order of their bytes */
    size_t     n;
    size_t     max;
    wd_pool_t *pool; /* of texts that are made here */
} wd_perms_t;

/* Empty, with room for `max`. WD_OK, WD_ENOMEM. */
wd_must_check int wd_perms_init(wd_perms_t *set, wd_pool_t *pool, size_t max);

/*
 * Adds what is not covered yet and drops what it covers; the text is the
 * caller's. WD_EINVAL: it is no permission. WD_ETOOBIG: no room.
 */
wd_must_check int wd_perms_add(wd_perms_t *set, wd_str_t perm);
wd_must_check int wd_perms_add_all(wd_perms_t *set, const wd_str_t *v,
                                   size_t n);

/* Adds what both permit. Texts may be made in set->pool. */
wd_must_check int wd_perms_add_meet(wd_perms_t *set, const wd_perms_t *a,
                                    const wd_perms_t *b);

bool wd_perms_cover(const wd_perms_t *set, wd_str_t perm);
bool wd_perms_cover_all(const wd_perms_t *set, const wd_perms_t *of);

/* The member that covers it; .data NULL: none does. */
wd_str_t wd_perms_covering(const wd_perms_t *set, wd_str_t perm);

#endif /* WD_PERMS_H */
