/*
 * wd_jwt_perms.c - what a token's claims permit, and the plan they name.
 */
#include "wd_jwt.h"

#include "wd_ctx.h"
#include "wd_mp.h"

typedef struct wd_jwt_perms_s wd_jwt_perms_t;

/* One value of a claim. */
typedef int (*wd_jwt_value_pt)(wd_jwt_perms_t *p, wd_str_t value);

struct wd_jwt_perms_s {
    wd_jwt_t              *t;
    const wd_jwt_policy_t *policy;
    const wd_roles_t      *roles; /* NULL: not known */
    wd_str_t               perms[WD_PERMS_MAX];
    uint32_t               n;
};


static int
wd_jwt_perms_refuse(wd_jwt_t *t)
{
    t->why = WD_JWT_WHY_PERMS;
    return WD_EUNAUTH;
}


static int
wd_jwt_perm_add(wd_jwt_perms_t *p, wd_str_t perm)
{
    uint32_t i;

    for (i = 0; i < p->n; i++) {
        if (wd_str_eq(p->perms[i], perm)) {
            return WD_OK;
        }
    }
    if (p->n == WD_PERMS_MAX) {
        return wd_jwt_perms_refuse(p->t);
    }
    p->perms[p->n++] = perm;
    return WD_OK;
}


/*
 * With grants the values are names of the issuer's own, and only grants give
 * permissions; else a value that has the form of a permission is one.
 */
static int
wd_jwt_perm_value(wd_jwt_perms_t *p, wd_str_t value)
{
    int                    rc = WD_OK;
    size_t                 i, k;
    const wd_jwt_grant_t  *g;
    const wd_jwt_policy_t *policy = p->policy;

    if (policy->n_grants == 0) {
        return wd_perm_valid(value) ? wd_jwt_perm_add(p, value) : WD_OK;
    }

    for (i = 0; i < policy->n_grants && rc == WD_OK; i++) {
        g = &policy->grants[i];
        for (k = 0; wd_str_eq(g->value, value) && k < g->n_perms && rc == WD_OK;
             k++) {
            rc = wd_jwt_perm_add(p, g->perms[k]);
        }
    }
    return rc;
}


static int
wd_jwt_role_add(wd_jwt_perms_t *p, wd_str_t name)
{
    int      i, n, rc = WD_OK;
    wd_str_t perms[WD_ROLE_PERMS_MAX];

    if (p->roles == NULL) {
        return WD_EAGAIN;
    }

    n = wd_roles_find(p->roles, name, perms);
    for (i = 0; i < n && rc == WD_OK; i++) {
        rc = wd_jwt_perm_add(p, perms[i]);
    }
    return rc;
}


static int
wd_jwt_role_value(wd_jwt_perms_t *p, wd_str_t value)
{
    int                    rc = WD_OK;
    size_t                 i, k;
    const wd_jwt_role_t   *r;
    const wd_jwt_policy_t *policy = p->policy;

    if (policy->roles_direct && wd_role_name_valid(value)) {
        rc = wd_jwt_role_add(p, value);
    }

    for (i = 0; i < policy->n_role_of && rc == WD_OK; i++) {
        r = &policy->role_of[i];
        for (k = 0; wd_str_eq(r->value, value) && k < r->n_roles && rc == WD_OK;
             k++) {
            rc = wd_jwt_role_add(p, r->roles[k]);
        }
    }
    return rc;
}


static int
wd_jwt_perm_words(wd_jwt_perms_t *p, wd_str_t words, wd_jwt_value_pt fn)
{
    int      rc = WD_OK;
    wd_str_t word;

    while (rc == WD_OK && wd_str_split(&words, ' ', &word)) {
        if (word.len != 0) {
            rc = fn(p, word);
        }
    }
    return rc;
}


static int
wd_jwt_perm_list(wd_jwt_perms_t *p, wd_str_t array, wd_jwt_value_pt fn)
{
    int      rc;
    wd_str_t value;

    for (;;) {
        rc = wd_jobj_next_text(&array, p->t->pool, &value);
        if (rc == WD_ENOTFOUND) {
            return WD_OK;
        }
        if (rc == WD_OK) {
            rc = fn(p, value);
        } else if (rc != WD_ENOMEM) {
            rc = wd_jwt_perms_refuse(p->t);
        }
        if (rc != WD_OK) {
            return rc;
        }
    }
}


static int
wd_jwt_perm_claim(wd_jwt_perms_t *p, const wd_jobj_member_t *m,
                  wd_jwt_value_pt fn)
{
    if (m == NULL) {
        return WD_OK;
    }

    switch (m->type) {
    case WD_JS_STRING:
        return wd_jwt_perm_words(p, m->text, fn);
    case WD_JS_ARRAY:
        return wd_jwt_perm_list(p, m->text, fn);
    default:
        return wd_jwt_perms_refuse(p->t);
    }
}


/* Through objects; *at becomes what has been found. */
static int
wd_jwt_find_inside(wd_jwt_t *t, wd_str_t path, char sep,
                   const wd_jobj_member_t **at)
{
    int       rc;
    char      name[WD_JWT_ISS_MAX + 1];
    wd_str_t  step;
    wd_jobj_t o = t->claims;

    while (wd_str_split(&path, sep, &step)) {
        wd_str_copy(name, sizeof(name), step);
        *at = wd_jobj_get(&o, name);
        if (*at == NULL || path.data == NULL) {
            return WD_OK;
        }
        if ((*at)->type != WD_JS_OBJECT) {
            *at = NULL;
            return WD_OK;
        }
        rc = wd_jobj_read(&o, t->pool, (*at)->text);
        if (rc != WD_OK) {
            return rc == WD_ENOMEM ? rc : wd_jwt_perms_refuse(t);
        }
    }
    return WD_OK;
}


/*
 * A claim by its name, or by the steps to it: "/realm_access/roles",
 * "realm_access.roles". A claim of that very name goes before the latter,
 * because names that are URLs have dots, too. NULL: nothing is there.
 */
static int
wd_jwt_find(wd_jwt_t *t, wd_str_t path, const wd_jobj_member_t **at)
{
    char name[WD_JWT_ISS_MAX + 1];

    *at = NULL;
    if (path.len == 0 || path.len >= sizeof(name)) {
        return WD_OK;
    }
    if (*path.data == '/') {
        return wd_jwt_find_inside(t, wd_str(path.data + 1, path.len - 1), '/',
                                  at);
    }

    wd_str_copy(name, sizeof(name), path);
    *at = wd_jobj_get(&t->claims, name);
    if (*at != NULL || memchr(path.data, '.', path.len) == NULL) {
        return WD_OK;
    }
    return wd_jwt_find_inside(t, path, '.', at);
}


static int
wd_jwt_perms_collect(wd_jwt_perms_t *p)
{
    int                     rc;
    wd_jwt_t               *t = p->t;
    const wd_jobj_member_t *m;

    if (p->policy->permissions.len != 0) {
        rc = wd_jwt_find(t, p->policy->permissions, &m);
        return rc == WD_OK ? wd_jwt_perm_claim(p, m, wd_jwt_perm_value) : rc;
    }

    rc = wd_jwt_perm_claim(p, wd_jobj_get(&t->claims, "permissions"),
                           wd_jwt_perm_value);
    if (rc == WD_OK) {
        rc = wd_jwt_perm_claim(p, wd_jobj_get(&t->claims, "scope"),
                               wd_jwt_perm_value);
    }
    if (rc == WD_OK) {
        rc = wd_jwt_perm_claim(p, wd_jobj_get(&t->claims, "scp"),
                               wd_jwt_perm_value);
    }
    return rc;
}


static int
wd_jwt_roles_collect(wd_jwt_perms_t *p)
{
    int                     rc;
    wd_str_t                claim = p->policy->roles;
    const wd_jobj_member_t *m;

    if (!wd_jwt_policy_has_roles(p->policy)) {
        return WD_OK;
    }

    rc = wd_jwt_find(p->t, claim.len != 0 ? claim : WD_STR("roles"), &m);
    return rc == WD_OK ? wd_jwt_perm_claim(p, m, wd_jwt_role_value) : rc;
}


int
wd_jwt_permissions(wd_jwt_t *t, const wd_jwt_policy_t *policy,
                   const wd_roles_t *roles, wd_buf_t *out)
{
    int            rc;
    uint32_t       i;
    wd_jwt_perms_t p = {.t = t, .policy = policy, .roles = roles};

    rc = wd_jwt_perms_collect(&p);
    if (rc == WD_OK) {
        rc = wd_jwt_roles_collect(&p);
    }
    if (rc != WD_OK) {
        return rc;
    }

    wd_mp_put_array(out, p.n);
    for (i = 0; i < p.n; i++) {
        wd_mp_put_str(out, p.perms[i]);
    }
    return out->err;
}


int
wd_jwt_plan(wd_jwt_t *t, const wd_jwt_policy_t *policy, wd_str_t *ret)
{
    int                     rc;
    const wd_jobj_member_t *m;

    rc = wd_jwt_find(t, policy->plan.len != 0 ? policy->plan : WD_STR("plan"),
                     &m);
    if (rc != WD_OK) {
        return rc;
    }

    *ret = WD_STR("");
    if (m == NULL) {
        return WD_OK;
    }
    if (m->type != WD_JS_STRING || !wd_jobj_printable(m->text, WD_PLAN_MAX)) {
        t->why = WD_JWT_WHY_CLAIM;
        return WD_EUNAUTH;
    }
    *ret = m->text;
    return WD_OK;
}
