/*
 * wd_perms.c - union and intersection of sets of permissions.
 */
#include "wd_perms.h"

#include <stdio.h>

#define WD_PERM_TEXT_MAX 64


int
wd_perms_init(wd_perms_t *set, wd_pool_t *pool, size_t max)
{
    set->v = wd_pool_alloc(pool, (max != 0 ? max : 1) * sizeof(*set->v));
    set->n = 0;
    set->max = max;
    set->pool = pool;
    return set->v != NULL ? WD_OK : WD_ENOMEM;
}


/* A member of its own: not covered, and everything it covers is gone. */
static int
wd_perms_insert(wd_perms_t *set, wd_str_t perm)
{
    int    order;
    size_t i, at = 0;

    if (set->n == set->max) {
        return WD_ETOOBIG;
    }

    while (at < set->n) {
        order = memcmp(set->v[at].data, perm.data,
                       wd_min(set->v[at].len, perm.len));
        if (order > 0 || (order == 0 && set->v[at].len > perm.len)) {
            break;
        }
        at++;
    }
    for (i = set->n; i > at; i--) {
        set->v[i] = set->v[i - 1];
    }
    set->v[at] = perm;
    set->n++;
    return WD_OK;
}


int
wd_perms_add(wd_perms_t *set, wd_str_t perm)
{
    size_t i, kept = 0;

    if (!wd_perm_valid(perm)) {
        return WD_EINVAL;
    }
    if (wd_str_eq(perm, WD_STR("*:*"))) {
        perm = WD_STR("*");
    }
    if (wd_perms_cover(set, perm)) {
        return WD_OK;
    }

    for (i = 0; i < set->n; i++) {
        if (!wd_perm_covers(perm, set->v[i])) {
            set->v[kept++] = set->v[i];
        }
    }
    set->n = kept;
    return wd_perms_insert(set, perm);
}


int
wd_perms_add_all(wd_perms_t *set, const wd_str_t *v, size_t n)
{
    int    rc = WD_OK;
    size_t i;

    for (i = 0; rc == WD_OK && i < n; i++) {
        rc = wd_perms_add(set, v[i]);
    }
    return rc;
}


/* "*" is both parts. */
static void
wd_perm_parts(wd_str_t perm, wd_str_t *resource, wd_str_t *action)
{
    if (wd_str_split(&perm, ':', resource) && perm.data != NULL) {
        *action = perm;
    } else {
        *resource = *action = WD_STR("*");
    }
}


/* False: they have nothing in common. */
static bool
wd_perm_part_meet(wd_str_t a, wd_str_t b, wd_str_t *ret)
{
    *ret = wd_str_eq(a, WD_STR("*")) ? b : a;
    return wd_str_eq(a, WD_STR("*")) || wd_str_eq(b, WD_STR("*"))
           || wd_str_eq(a, b);
}


static int
wd_perms_add_one_meet(wd_perms_t *set, wd_str_t a, wd_str_t b)
{
    char     text[WD_PERM_TEXT_MAX];
    wd_str_t resource_a, action_a, resource_b, action_b, resource, action;

    if (wd_perm_covers(a, b)) {
        return wd_perms_add(set, b);
    }
    if (wd_perm_covers(b, a)) {
        return wd_perms_add(set, a);
    }

    wd_perm_parts(a, &resource_a, &action_a);
    wd_perm_parts(b, &resource_b, &action_b);
    if (!wd_perm_part_meet(resource_a, resource_b, &resource)
        || !wd_perm_part_meet(action_a, action_b, &action)) {
        return WD_OK;
    }

    snprintf(text, sizeof(text), "%.*s:%.*s", WD_STR_ARG(resource),
             WD_STR_ARG(action));
    if (wd_perms_cover(set, wd_str_z(text))) {
        return WD_OK;
    }
    a = wd_str_z(wd_pool_strdup(set->pool, wd_str_z(text)));
    return a.data != NULL ? wd_perms_add(set, a) : WD_ENOMEM;
}


int
wd_perms_add_meet(wd_perms_t *set, const wd_perms_t *a, const wd_perms_t *b)
{
    int    rc = WD_OK;
    size_t i, k;

    for (i = 0; i < a->n; i++) {
        for (k = 0; rc == WD_OK && k < b->n; k++) {
            rc = wd_perms_add_one_meet(set, a->v[i], b->v[k]);
        }
    }
    return rc;
}


wd_str_t
wd_perms_covering(const wd_perms_t *set, wd_str_t perm)
{
    size_t i;

    for (i = 0; i < set->n; i++) {
        if (wd_perm_covers(set->v[i], perm)) {
            return set->v[i];
        }
    }
    return WD_STR_NULL;
}


bool
wd_perms_cover(const wd_perms_t *set, wd_str_t perm)
{
    return wd_perms_covering(set, perm).data != NULL;
}


bool
wd_perms_cover_all(const wd_perms_t *set, const wd_perms_t *of)
{
    size_t i;

    for (i = 0; i < of->n; i++) {
        if (!wd_perms_cover(set, of->v[i])) {
            return false;
        }
    }
    return true;
}
