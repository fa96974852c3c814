/*
 * wd_jwt.h - JSON Web Tokens (RFC 7519) in compact form, read by the rules of
 * RFC 8725: strict, bounded, and never trusted to say how they are checked.
 *
 * The order of use: wd_jwt_parse(); the policy of t->iss; the key of t->kid;
 * wd_jwt_verify(); wd_jwt_check(); wd_jwt_permissions(). What a step refuses
 * it notes in t->why. Until wd_jwt_verify() has said WD_OK all of it is what
 * a stranger claims.
 */
#ifndef WD_JWT_H
#define WD_JWT_H

#include "wd_buf.h"
#include "wd_jobj.h"
#include "wd_jwk.h"
#include "wd_roles.h"
#include "wd_time.h"

#define WD_JWT_MAX 8192
#define WD_JWT_SUB_MAX 255
#define WD_JWT_ISS_MAX 255
#define WD_JWT_JTI_MAX 255
#define WD_JWT_LEEWAY_MAX (60 * WD_NS_PER_S)

typedef enum {
#define WD_JWT_WHY(name, text) WD_JWT_WHY_##name,
#include "wd_jwt_why.def"
#undef WD_JWT_WHY
    WD_JWT_WHY_COUNT
} wd_jwt_why_e;

/* Texts are views into the token and the pool it was parsed with. */
typedef struct {
    wd_jwa_e       alg;
    wd_str_t       kid;
    wd_str_t       iss;
    wd_str_t       sub;
    wd_str_t       jti; /* "": none */
    wd_ns_t        exp;
    wd_ns_t        nbf; /* WD_NS_MIN: none */
    wd_ns_t        iat; /* WD_NS_MIN: none */
    wd_jobj_t      claims;
    wd_str_t       signing; /* what the signature is over */
    const uint8_t *sig;
    size_t         sig_len;
    wd_pool_t     *pool;
    wd_jwt_why_e   why;
} wd_jwt_t;

/* A value of the permissions claim that stands for permissions. */
typedef struct {
    wd_str_t        value; /* as in the token, such as a group's name */
    const wd_str_t *perms;
    size_t          n_perms;
} wd_jwt_grant_t;

/* A value of the roles claim that stands for roles of auth. */
typedef struct {
    wd_str_t        value;
    const wd_str_t *roles;
    size_t          n_roles;
} wd_jwt_role_t;

/*
 * What one issuer's tokens have to satisfy. Texts are the caller's. A claim
 * is a name or, inside of others, the steps to it: "/outer/inner" or, when
 * there is no claim of that very name, "outer.inner".
 */
typedef struct {
    wd_str_t              iss;
    const wd_str_t       *audiences; /* one of them must be in `aud` */
    size_t                n_audiences;
    wd_ns_t               leeway; /* 0 to WD_JWT_LEEWAY_MAX */
    wd_str_t              permissions; /* claim; "": permissions, scope, scp */
    wd_str_t              plan; /* claim; "": plan */
    const wd_jwt_grant_t *grants;
    size_t                n_grants;
    wd_str_t              roles; /* claim; "": roles */
    const wd_jwt_role_t  *role_of; /* what values of it stand for */
    size_t                n_role_of;
    bool                  roles_direct; /* a value is a role of that name */
} wd_jwt_policy_t;

/* Do roles count for its tokens? */
static inline bool
wd_jwt_policy_has_roles(const wd_jwt_policy_t *p)
{
    return p->roles_direct || p->n_role_of != 0;
}

/*
 * All return WD_OK, WD_EUNAUTH with the reason in t->why, or WD_ENOMEM.
 */

/* Everything that needs neither key nor policy. `pool` lives as long as *t. */
wd_must_check int wd_jwt_parse(wd_jwt_t *t, wd_pool_t *pool, wd_str_t token);

/* Algorithm equal to the key's, then the signature. */
wd_must_check int wd_jwt_verify(wd_jwt_t *t, wd_jwk_t *key);

/* Issuer, audience, exp, nbf and iat at the time `now`. */
wd_must_check int wd_jwt_check(wd_jwt_t *t, const wd_jwt_policy_t *p,
                               wd_ns_t now);

/*
 * Appends a MessagePack array of the permissions: those of the token's own
 * claims, and those of its roles by `roles`, each once. A value that is none,
 * such as the scope "openid", and a role that is not in the table are passed
 * over. WD_EAGAIN: it has roles, and `roles` is NULL.
 */
wd_must_check int wd_jwt_permissions(wd_jwt_t *t, const wd_jwt_policy_t *p,
                                     const wd_roles_t *roles, wd_buf_t *out);

/* The plan, or "" when the token names none. */
wd_must_check int wd_jwt_plan(wd_jwt_t *t, const wd_jwt_policy_t *p,
                              wd_str_t *ret);

/* When a verdict on the token ends: exp with the leeway, never wrapped. */
wd_ns_t wd_jwt_until(const wd_jwt_t *t, const wd_jwt_policy_t *p);

const char *wd_jwt_why_text(wd_jwt_why_e why);

/* Short and stable, for metrics and logs: "expired". */
const char *wd_jwt_why_name(wd_jwt_why_e why);

#endif /* WD_JWT_H */
