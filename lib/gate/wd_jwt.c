/*
 * wd_jwt.c - form, header, signature and the registered claims of a token.
 */
#include "wd_jwt.h"

#include "wd_base64url.h"
#include "wd_num.h"

#include <math.h>

#define WD_JWT_PARTS 3

static const char *const wd_jwt_why_texts[] = {
#define WD_JWT_WHY(name, text) text,
#include "wd_jwt_why.def"
#undef WD_JWT_WHY
};

static const char *const wd_jwt_why_names[] = {
#define WD_JWT_WHY(name, text) #name,
#include "wd_jwt_why.def"
#undef WD_JWT_WHY
};


const char *
wd_jwt_why_text(wd_jwt_why_e why)
{
    return wd_jwt_why_texts[why];
}


const char *
wd_jwt_why_name(wd_jwt_why_e why)
{
    return wd_jwt_why_names[why];
}


static int
wd_jwt_refuse(wd_jwt_t *t, wd_jwt_why_e why)
{
    t->why = why;
    return WD_EUNAUTH;
}


/* Exactly three, none of them empty: a JWE has five. */
static int
wd_jwt_split(wd_jwt_t *t, wd_str_t token, wd_str_t part[WD_JWT_PARTS])
{
    int      i;
    wd_str_t rest = token;

    if (token.len > WD_JWT_MAX) {
        return wd_jwt_refuse(t, WD_JWT_WHY_LENGTH);
    }

    for (i = 0; i < WD_JWT_PARTS; i++) {
        if (!wd_str_split(&rest, '.', &part[i]) || part[i].len == 0) {
            return wd_jwt_refuse(t, WD_JWT_WHY_FORM);
        }
    }
    if (rest.data != NULL) {
        return wd_jwt_refuse(t, WD_JWT_WHY_FORM);
    }

    t->signing = wd_str(token.data, token.len - part[2].len - 1);
    return WD_OK;
}


static int
wd_jwt_decode(wd_jwt_t *t, wd_str_t part, wd_str_t *ret)
{
    size_t   cap = WD_BASE64URL_BYTES(part.len), len;
    uint8_t *p = wd_pool_alloc(t->pool, cap + 1);

    if (p == NULL) {
        return WD_ENOMEM;
    }
    if (wd_base64url_decode(part, p, cap, &len) != WD_OK || len == 0) {
        return wd_jwt_refuse(t, WD_JWT_WHY_ENCODING);
    }
    *ret = wd_str((const char *) p, len);
    return WD_OK;
}


static int
wd_jwt_object(wd_jwt_t *t, wd_str_t part, wd_jobj_t *ret)
{
    int      rc;
    wd_str_t json;

    rc = wd_jwt_decode(t, part, &json);
    if (rc != WD_OK) {
        return rc;
    }

    switch (wd_jobj_read(ret, t->pool, json)) {
    case WD_OK:
        return WD_OK;
    case WD_ENOMEM:
        return WD_ENOMEM;
    case WD_EEXIST:
        return wd_jwt_refuse(t, WD_JWT_WHY_TWICE);
    case WD_ETOOBIG:
        return wd_jwt_refuse(t, WD_JWT_WHY_DEPTH);
    default:
        return wd_jwt_refuse(t, WD_JWT_WHY_JSON);
    }
}


/* A media type with or without "application/", whatever its case. */
static bool
wd_jwt_is_type(wd_str_t v, wd_str_t want)
{
    wd_str_t prefix = WD_STR("application/");

    if (v.len > prefix.len && wd_str_ieq(wd_str(v.data, prefix.len), prefix)) {
        v = wd_str(v.data + prefix.len, v.len - prefix.len);
    }
    return wd_str_ieq(v, want);
}


static int
wd_jwt_typ(wd_jwt_t *t, const wd_jobj_member_t *m)
{
    if (m->type != WD_JS_STRING
        || (!wd_jwt_is_type(m->text, WD_STR("JWT"))
            && !wd_jwt_is_type(m->text, WD_STR("at+jwt")))) {
        return wd_jwt_refuse(t, WD_JWT_WHY_TYP);
    }
    return WD_OK;
}


static int
wd_jwt_cty(wd_jwt_t *t, const wd_jobj_member_t *m)
{
    if (m->type != WD_JS_STRING || wd_jwt_is_type(m->text, WD_STR("JWT"))) {
        return wd_jwt_refuse(t, WD_JWT_WHY_NESTED);
    }
    return WD_OK;
}


static int
wd_jwt_alg(wd_jwt_t *t, const wd_jobj_member_t *m)
{
    t->alg = m->type == WD_JS_STRING ? wd_jwa_find(m->text) : WD_JWA_NONE;
    return t->alg != WD_JWA_NONE ? WD_OK : wd_jwt_refuse(t, WD_JWT_WHY_ALG);
}


static int
wd_jwt_kid(wd_jwt_t *t, const wd_jobj_member_t *m)
{
    if (m->type != WD_JS_STRING
        || !wd_jobj_printable(m->text, WD_JWK_KID_MAX)) {
        return wd_jwt_refuse(t, WD_JWT_WHY_KID);
    }
    t->kid = m->text;
    return WD_OK;
}


static int
wd_jwt_crit(wd_jwt_t *t, const wd_jobj_member_t *m)
{
    (void) m;
    return wd_jwt_refuse(t, WD_JWT_WHY_CRIT);
}


/* Changes what is signed, or offers the key to check it with. */
static int
wd_jwt_never(wd_jwt_t *t, const wd_jobj_member_t *m)
{
    (void) m;
    return wd_jwt_refuse(t, WD_JWT_WHY_HEADER);
}


/* Others, such as x5t, say nothing that is used. */
static const struct {
    const char *name;
    int (*read)(wd_jwt_t *t, const wd_jobj_member_t *m);
} wd_jwt_params[] = {
    {"alg", wd_jwt_alg},   {"kid", wd_jwt_kid},   {"typ", wd_jwt_typ},
    {"cty", wd_jwt_cty},   {"crit", wd_jwt_crit}, {"zip", wd_jwt_never},
    {"b64", wd_jwt_never}, {"enc", wd_jwt_never}, {"jku", wd_jwt_never},
    {"jwk", wd_jwt_never}, {"x5u", wd_jwt_never}, {"x5c", wd_jwt_never},
};


static int
wd_jwt_header(wd_jwt_t *t, wd_str_t part)
{
    int       rc;
    size_t    i, k;
    wd_jobj_t h;

    rc = wd_jwt_object(t, part, &h);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < wd_array_len(wd_jwt_params); i++) {
        for (k = 0; k < h.n; k++) {
            if (!wd_str_eq_z(h.members[k].name, wd_jwt_params[i].name)) {
                continue;
            }
            rc = wd_jwt_params[i].read(t, &h.members[k]);
            if (rc != WD_OK) {
                return rc;
            }
        }
    }

    if (t->alg == WD_JWA_NONE) {
        return wd_jwt_refuse(t, WD_JWT_WHY_ALG);
    }
    return t->kid.len != 0 ? WD_OK : wd_jwt_refuse(t, WD_JWT_WHY_KID);
}


/* Seconds with a fraction; what is beyond the range stops at its end. */
static int
wd_jwt_date(const wd_jobj_member_t *m, wd_ns_t *ret)
{
    int    rc;
    double v;

    if (m->type != WD_JS_NUMBER) {
        return WD_EINVAL;
    }

    rc = wd_num_parse(m->text, &v);
    if (rc == WD_EOVERFLOW) {
        v = *m->text.data == '-' ? -INFINITY : INFINITY;
    } else if (rc != WD_OK) {
        return rc;
    }

    v *= 1e9;
    if (v >= 0x1p63) {
        *ret = WD_NS_MAX;
    } else if (v <= -0x1p63) {
        *ret = WD_NS_MIN;
    } else {
        *ret = (wd_ns_t) v;
    }
    return WD_OK;
}


/* A text of at most `max`; absent: stays as it is. */
static int
wd_jwt_claim_text(wd_jwt_t *t, const char *name, size_t max, wd_jwt_why_e why,
                  wd_str_t *ret)
{
    const wd_jobj_member_t *m = wd_jobj_get(&t->claims, name);

    if (m == NULL) {
        return WD_OK;
    }
    if (m->type != WD_JS_STRING || !wd_jobj_printable(m->text, max)) {
        return wd_jwt_refuse(t, why);
    }
    *ret = m->text;
    return WD_OK;
}


static int
wd_jwt_claim_date(wd_jwt_t *t, const char *name, wd_ns_t *ret)
{
    const wd_jobj_member_t *m = wd_jobj_get(&t->claims, name);

    if (m != NULL && wd_jwt_date(m, ret) != WD_OK) {
        return wd_jwt_refuse(t, WD_JWT_WHY_CLAIM);
    }
    return WD_OK;
}


static int
wd_jwt_dates(wd_jwt_t *t)
{
    int rc;

    if (wd_jobj_get(&t->claims, "exp") == NULL) {
        return wd_jwt_refuse(t, WD_JWT_WHY_CLAIM);
    }

    t->nbf = WD_NS_MIN;
    t->iat = WD_NS_MIN;
    rc = wd_jwt_claim_date(t, "exp", &t->exp);
    if (rc == WD_OK) {
        rc = wd_jwt_claim_date(t, "nbf", &t->nbf);
    }
    if (rc == WD_OK) {
        rc = wd_jwt_claim_date(t, "iat", &t->iat);
    }
    return rc;
}


/* Present, and a text or an array of texts. */
static int
wd_jwt_aud(wd_jwt_t *t)
{
    int                     rc = WD_OK;
    wd_str_t                at, one;
    const wd_jobj_member_t *m = wd_jobj_get(&t->claims, "aud");

    if (m != NULL && m->type == WD_JS_STRING) {
        return WD_OK;
    }
    if (m == NULL || m->type != WD_JS_ARRAY) {
        return wd_jwt_refuse(t, WD_JWT_WHY_CLAIM);
    }

    at = m->text;
    while (rc == WD_OK) {
        rc = wd_jobj_next_text(&at, t->pool, &one);
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    return rc == WD_ENOTFOUND ? WD_OK : wd_jwt_refuse(t, WD_JWT_WHY_CLAIM);
}


static int
wd_jwt_claims(wd_jwt_t *t, wd_str_t part)
{
    int rc;

    rc = wd_jwt_object(t, part, &t->claims);
    if (rc == WD_OK) {
        rc = wd_jwt_claim_text(t, "iss", WD_JWT_ISS_MAX, WD_JWT_WHY_CLAIM,
                               &t->iss);
    }
    if (rc == WD_OK) {
        rc = wd_jwt_claim_text(t, "sub", WD_JWT_SUB_MAX, WD_JWT_WHY_SUB,
                               &t->sub);
    }
    if (rc == WD_OK) {
        rc = wd_jwt_claim_text(t, "jti", WD_JWT_JTI_MAX, WD_JWT_WHY_CLAIM,
                               &t->jti);
    }
    if (rc == WD_OK && (t->iss.len == 0 || t->sub.len == 0)) {
        rc = wd_jwt_refuse(t, WD_JWT_WHY_CLAIM);
    }
    if (rc == WD_OK) {
        rc = wd_jwt_dates(t);
    }
    return rc == WD_OK ? wd_jwt_aud(t) : rc;
}


int
wd_jwt_parse(wd_jwt_t *t, wd_pool_t *pool, wd_str_t token)
{
    int      rc;
    wd_str_t part[WD_JWT_PARTS], sig;

    *t = (wd_jwt_t){.pool = pool, .jti = WD_STR("")};

    rc = wd_jwt_split(t, token, part);
    if (rc == WD_OK) {
        rc = wd_jwt_decode(t, part[2], &sig);
    }
    if (rc == WD_OK && sig.len > WD_JWK_SIG_MAX) {
        rc = wd_jwt_refuse(t, WD_JWT_WHY_SIGNATURE);
    }
    if (rc != WD_OK) {
        return rc;
    }
    t->sig = (const uint8_t *) sig.data;
    t->sig_len = sig.len;

    rc = wd_jwt_header(t, part[0]);
    return rc == WD_OK ? wd_jwt_claims(t, part[1]) : rc;
}


int
wd_jwt_verify(wd_jwt_t *t, wd_jwk_t *key)
{
    if (t->alg != wd_jwk_alg(key)) {
        return wd_jwt_refuse(t, WD_JWT_WHY_ALG);
    }
    if (!wd_jwk_verify(key, t->signing, t->sig, t->sig_len)) {
        return wd_jwt_refuse(t, WD_JWT_WHY_SIGNATURE);
    }
    return WD_OK;
}


static bool
wd_jwt_audience_known(const wd_jwt_policy_t *p, wd_str_t aud)
{
    size_t i;

    for (i = 0; i < p->n_audiences; i++) {
        if (wd_str_eq(p->audiences[i], aud)) {
            return true;
        }
    }
    return false;
}


static int
wd_jwt_audience(wd_jwt_t *t, const wd_jwt_policy_t *p)
{
    int                     rc;
    wd_str_t                at, one;
    const wd_jobj_member_t *m = wd_jobj_get(&t->claims, "aud");

    if (m->type == WD_JS_STRING) {
        return wd_jwt_audience_known(p, m->text)
                   ? WD_OK
                   : wd_jwt_refuse(t, WD_JWT_WHY_AUD);
    }

    at = m->text;
    for (;;) {
        rc = wd_jobj_next_text(&at, t->pool, &one);
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc != WD_OK) {
            return wd_jwt_refuse(t, WD_JWT_WHY_AUD);
        }
        if (wd_jwt_audience_known(p, one)) {
            return WD_OK;
        }
    }
}


static wd_ns_t
wd_jwt_add(wd_ns_t a, wd_ns_t b)
{
    wd_ns_t sum;

    if (__builtin_add_overflow(a, b, &sum)) {
        return b > 0 ? WD_NS_MAX : WD_NS_MIN;
    }
    return sum;
}


wd_ns_t
wd_jwt_until(const wd_jwt_t *t, const wd_jwt_policy_t *p)
{
    return wd_jwt_add(t->exp, p->leeway);
}


/*
 * A token from the future is refused, too: one that says it is issued in 2100
 * would outlive every "issued before".
 */
int
wd_jwt_check(wd_jwt_t *t, const wd_jwt_policy_t *p, wd_ns_t now)
{
    int     rc;
    wd_ns_t ahead = wd_jwt_add(now, p->leeway);

    if (!wd_str_eq(t->iss, p->iss)) {
        return wd_jwt_refuse(t, WD_JWT_WHY_ISS);
    }
    rc = wd_jwt_audience(t, p);
    if (rc != WD_OK) {
        return rc;
    }
    if (wd_jwt_until(t, p) <= now) {
        return wd_jwt_refuse(t, WD_JWT_WHY_EXPIRED);
    }
    if (t->nbf > ahead || t->iat > ahead) {
        return wd_jwt_refuse(t, WD_JWT_WHY_EARLY);
    }
    return WD_OK;
}
