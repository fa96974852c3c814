/*
 * wd_jwks.c - from the JSON of a key set to keys that verify.
 */
#include "wd_jwks.h"

#include "wd_base64url.h"
#include "wd_jobj.h"

#include <sodium.h>
#include <stdlib.h>

#define WD_JWKS_BLOCK 4096

/* The longest number of a key, decoded, with a needless zero or two. */
#define WD_JWKS_NUMBER_MAX (WD_JWK_SIG_MAX + 2)

_Static_assert(WD_JWKS_NUMBER_MAX >= WD_JWK_SECRET_MAX,
               "secrets go through the same buffer");

typedef struct {
    size_t    kid_len;
    char      kid[WD_JWK_KID_MAX];
    wd_jwk_t *key;
} wd_jwks_entry_t;

struct wd_jwks {
    size_t          n;
    size_t          left_out;
    wd_error_t      why;
    wd_jwks_entry_t keys[WD_JWKS_KEYS_MAX];
};

typedef struct {
    size_t  len;
    uint8_t bytes[WD_JWKS_NUMBER_MAX];
} wd_jwks_number_t;


void
wd_jwks_destroy(wd_jwks_t *set)
{
    if (set == NULL) {
        return;
    }
    while (set->n != 0) {
        wd_jwk_destroy(set->keys[--set->n].key);
    }
    free(set);
}


size_t
wd_jwks_len(const wd_jwks_t *set)
{
    return set->n;
}


size_t
wd_jwks_left_out(const wd_jwks_t *set)
{
    return set->left_out;
}


const char *
wd_jwks_left_out_why(const wd_jwks_t *set)
{
    return set->why.text;
}


wd_jwk_t *
wd_jwks_find(const wd_jwks_t *set, wd_str_t kid)
{
    size_t                 i;
    const wd_jwks_entry_t *e;

    for (i = 0; i < set->n; i++) {
        e = &set->keys[i];
        if (wd_str_eq(kid, wd_str(e->kid, e->kid_len))) {
            return e->key;
        }
    }
    return NULL;
}


bool
wd_jwks_keeps(const wd_jwks_t *set, const wd_jwks_t *older)
{
    size_t                 i;
    const wd_jwk_t        *key;
    const wd_jwks_entry_t *e;

    for (i = 0; older != NULL && i < older->n; i++) {
        e = &older->keys[i];
        key = wd_jwks_find(set, wd_str(e->kid, e->kid_len));
        if (key == NULL || !wd_jwk_same(key, e->key)) {
            return false;
        }
    }
    return true;
}


/* Takes `key` over, also when it fails. */
static int
wd_jwks_add(wd_jwks_t *set, wd_str_t kid, wd_jwk_t *key, wd_error_t *err)
{
    wd_jwks_entry_t *e = &set->keys[set->n];

    if (wd_jwks_find(set, kid) != NULL) {
        wd_jwk_destroy(key);
        return wd_error(err, WD_EEXIST, "two keys have the kid \"%.*s\"",
                        WD_STR_ARG(kid));
    }

    memcpy(e->kid, kid.data, kid.len);
    e->kid_len = kid.len;
    e->key = key;
    set->n++;
    return WD_OK;
}


static const wd_jobj_member_t *
wd_jwks_text(const wd_jobj_t *o, const char *name)
{
    const wd_jobj_member_t *m = wd_jobj_get(o, name);

    return m != NULL && m->type == WD_JS_STRING ? m : NULL;
}


static int
wd_jwks_number(const wd_jobj_t *o, const char *name, wd_jwks_number_t *ret,
               wd_error_t *err)
{
    const wd_jobj_member_t *m = wd_jwks_text(o, name);

    if (m == NULL
        || wd_base64url_decode(m->text, ret->bytes, sizeof(ret->bytes),
                               &ret->len)
               != WD_OK) {
        return wd_error(err, WD_EINVAL, "\"%s\" is not base64url of a key",
                        name);
    }
    return WD_OK;
}


static int
wd_jwks_rsa(const wd_jobj_t *o, wd_jwa_e alg, wd_jwk_t **ret, wd_error_t *err)
{
    int              rc;
    wd_jwks_number_t n, e;

    rc = wd_jwks_number(o, "n", &n, err);
    if (rc == WD_OK) {
        rc = wd_jwks_number(o, "e", &e, err);
    }
    return rc == WD_OK
               ? wd_jwk_rsa(alg, n.bytes, n.len, e.bytes, e.len, ret, err)
               : rc;
}


static int
wd_jwks_ec(const wd_jobj_t *o, wd_jwa_e alg, wd_jwk_t **ret, wd_error_t *err)
{
    int              rc;
    wd_jwks_number_t x, y;

    rc = wd_jwks_number(o, "x", &x, err);
    if (rc == WD_OK) {
        rc = wd_jwks_number(o, "y", &y, err);
    }
    return rc == WD_OK
               ? wd_jwk_ec(alg, x.bytes, x.len, y.bytes, y.len, ret, err)
               : rc;
}


static int
wd_jwks_okp(const wd_jobj_t *o, wd_jwk_t **ret, wd_error_t *err)
{
    int              rc;
    wd_jwks_number_t x;

    rc = wd_jwks_number(o, "x", &x, err);
    return rc == WD_OK ? wd_jwk_ed25519(x.bytes, x.len, ret, err) : rc;
}


static int
wd_jwks_oct(const wd_jobj_t *o, wd_jwa_e alg, wd_jwk_t **ret, wd_error_t *err)
{
    int              rc;
    wd_jwks_number_t k;

    rc = wd_jwks_number(o, "k", &k, err);
    if (rc == WD_OK) {
        rc = wd_jwk_secret(alg, k.bytes, k.len, ret, err);
    }
    sodium_memzero(&k, sizeof(k));
    return rc;
}


static int
wd_jwks_make(const wd_jobj_t *o, wd_jwa_e alg, wd_jwk_t **ret, wd_error_t *err)
{
    switch (wd_jwa(alg)->family) {
    case WD_JWA_FAMILY_HMAC:
        return wd_jwks_oct(o, alg, ret, err);
    case WD_JWA_FAMILY_EC:
        return wd_jwks_ec(o, alg, ret, err);
    case WD_JWA_FAMILY_ED:
        return wd_jwks_okp(o, ret, err);
    default:
        return wd_jwks_rsa(o, alg, ret, err);
    }
}


/* `use` and `key_ops`, where given, must name verifying. */
static int
wd_jwks_purpose(const wd_jobj_t *o, wd_pool_t *pool, wd_error_t *err)
{
    int                     rc;
    wd_str_t                at, op;
    const wd_jobj_member_t *m;

    m = wd_jobj_get(o, "use");
    if (m != NULL
        && (m->type != WD_JS_STRING || !wd_str_eq(m->text, WD_STR("sig")))) {
        return wd_error(err, WD_EINVAL, "\"use\" is not \"sig\"");
    }

    m = wd_jobj_get(o, "key_ops");
    if (m == NULL) {
        return WD_OK;
    }
    at = m->text;
    rc = m->type == WD_JS_ARRAY ? WD_OK : WD_EPROTO;
    while (rc == WD_OK) {
        rc = wd_jobj_next_text(&at, pool, &op);
        if (rc == WD_OK && wd_str_eq(op, WD_STR("verify"))) {
            return WD_OK;
        }
    }
    return wd_error(err, WD_EINVAL, "\"key_ops\" has no \"verify\"");
}


/* The one algorithm of the key, by what it says or by its curve. */
static int
wd_jwks_alg(const wd_jobj_t *o, const wd_jwks_options_t *opt, wd_jwa_e *ret,
            wd_error_t *err)
{
    wd_str_t                crv = WD_STR("");
    wd_jwa_e                alg = WD_JWA_NONE;
    const wd_jobj_member_t *kty, *m;

    kty = wd_jwks_text(o, "kty");
    if (kty == NULL) {
        return wd_error(err, WD_EINVAL, "\"kty\" is missing");
    }

    m = wd_jwks_text(o, "crv");
    crv = m != NULL ? m->text : crv;

    m = wd_jobj_get(o, "alg");
    if (m == NULL) {
        alg = wd_str_eq_z(kty->text, "RSA") ? opt->rsa_alg
                                            : wd_jwa_of_curve(kty->text, crv);
    } else if (m->type == WD_JS_STRING) {
        alg = wd_jwa_find(m->text);
    }

    if (alg == WD_JWA_NONE) {
        return wd_error(err, WD_EINVAL, "no \"alg\" that is known here");
    }
    if (!wd_str_eq_z(kty->text, wd_jwa(alg)->kty)
        || (wd_jwa(alg)->crv != NULL && !wd_str_eq_z(crv, wd_jwa(alg)->crv))) {
        return wd_error(err, WD_EINVAL, "the key is not one of %s",
                        wd_jwa(alg)->name);
    }
    if (opt->public && wd_jwa(alg)->family == WD_JWA_FAMILY_HMAC) {
        return wd_error(err, WD_EINVAL, "a published secret");
    }

    *ret = alg;
    return WD_OK;
}


static int
wd_jwks_key(wd_jwks_t *set, const wd_jobj_t *o, wd_pool_t *pool,
            const wd_jwks_options_t *opt, wd_error_t *err)
{
    int                     rc;
    wd_jwa_e                alg = WD_JWA_NONE;
    wd_jwk_t               *key = NULL;
    const wd_jobj_member_t *kid = wd_jwks_text(o, "kid");

    if (kid == NULL || !wd_jobj_printable(kid->text, WD_JWK_KID_MAX)) {
        return wd_error(err, WD_EINVAL, "no \"kid\" of 1 to %d characters",
                        WD_JWK_KID_MAX);
    }
    if (wd_jobj_get(o, "d") != NULL) {
        return wd_error(err, WD_EINVAL, "a private key");
    }

    rc = wd_jwks_purpose(o, pool, err);
    if (rc == WD_OK) {
        rc = wd_jwks_alg(o, opt, &alg, err);
    }
    if (rc == WD_OK) {
        rc = wd_jwks_make(o, alg, &key, err);
    }
    return rc == WD_OK ? wd_jwks_add(set, kid->text, key, err) : rc;
}


/* One element of "keys"; only what refuses the whole set is an error. */
static int
wd_jwks_element(wd_jwks_t *set, wd_str_t json, wd_pool_t *pool,
                const wd_jwks_options_t *opt, wd_error_t *err)
{
    int        rc;
    wd_jobj_t  o;
    wd_error_t why = {.code = WD_OK};

    if (json.len == 0 || *json.data != '{') {
        rc = wd_error(&why, WD_EINVAL, "not an object");
    } else {
        rc = wd_jobj_read(&o, pool, json);
        if (rc == WD_OK) {
            rc = wd_jwks_key(set, &o, pool, opt, &why);
        }
    }

    if (rc == WD_EEXIST) {
        return wd_error(err, WD_EINVAL, "%s", why.text);
    }
    if (rc == WD_EINVAL && set->left_out++ == 0) {
        set->why = why;
    }
    return rc == WD_EINVAL ? WD_OK : rc;
}


static int
wd_jwks_elements(wd_jwks_t *set, wd_str_t array, wd_pool_t *pool,
                 const wd_jwks_options_t *opt, wd_error_t *err)
{
    int            rc;
    bool           first = true;
    const char    *from;
    wd_json_scan_t s = wd_json_scan(array);

    rc = wd_json_scan_open(&s, '[');
    while (rc == WD_OK) {
        rc = wd_json_scan_item(&s, &first);
        if (rc != WD_OK) {
            break;
        }
        if (set->n + set->left_out == WD_JWKS_KEYS_MAX) {
            return wd_error(err, WD_EINVAL, "more than %d keys",
                            WD_JWKS_KEYS_MAX);
        }

        (void) wd_json_scan_at_end(&s); /* over blanks */
        from = s.p;
        rc = wd_json_scan_skip(&s);
        if (rc == WD_OK) {
            rc = wd_jwks_element(set, wd_str(from, (size_t) (s.p - from)), pool,
                                 opt, err);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


static int
wd_jwks_document(wd_jwks_t *set, wd_str_t json, wd_pool_t *pool,
                 const wd_jwks_options_t *opt, wd_error_t *err)
{
    int                     rc;
    wd_jobj_t               doc;
    const wd_jobj_member_t *keys;

    rc = wd_jobj_read(&doc, pool, json);
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc != WD_OK) {
        return wd_error(err, WD_EINVAL,
                        rc == WD_EEXIST ? "a name stands twice in an object"
                                        : "not a JSON object");
    }

    keys = wd_jobj_get(&doc, "keys");
    if (keys == NULL || keys->type != WD_JS_ARRAY) {
        return wd_error(err, WD_EINVAL, "no array \"keys\"");
    }
    return wd_jwks_elements(set, keys->text, pool, opt, err);
}


int
wd_jwks_parse(wd_str_t json, const wd_jwks_options_t *o, wd_jwks_t **ret,
              wd_error_t *err)
{
    int        rc;
    wd_jwks_t *set;
    wd_pool_t *pool;

    if (json.len > WD_JWKS_BYTES_MAX) {
        return wd_error(err, WD_EINVAL, "longer than %u bytes",
                        WD_JWKS_BYTES_MAX);
    }

    set = calloc(1, sizeof(*set));
    pool = wd_pool_create(WD_JWKS_BLOCK);
    rc = set != NULL && pool != NULL ? wd_jwks_document(set, json, pool, o, err)
                                     : WD_ENOMEM;
    wd_pool_destroy(pool);

    if (rc != WD_OK) {
        wd_jwks_destroy(set);
        return rc;
    }
    *ret = set;
    return WD_OK;
}


int
wd_jwks_from_pem(wd_str_t kid, wd_jwa_e alg, wd_str_t pem, wd_jwks_t **ret,
                 wd_error_t *err)
{
    int        rc;
    wd_jwk_t  *key;
    wd_jwks_t *set;

    if (!wd_jobj_printable(kid, WD_JWK_KID_MAX)) {
        return wd_error(err, WD_EINVAL, "a kid has 1 to %d characters",
                        WD_JWK_KID_MAX);
    }

    rc = wd_jwk_pem(alg, pem, &key, err);
    if (rc != WD_OK) {
        return rc;
    }
    set = calloc(1, sizeof(*set));
    if (set == NULL) {
        wd_jwk_destroy(key);
        return WD_ENOMEM;
    }

    rc = wd_jwks_add(set, kid, key, err);
    *ret = set;
    return rc;
}
