/*
 * fuzz_jwt.c - tokens. The input is tried as a whole token, and as claims
 * with a header and a right signature around them, so that what lies behind
 * the signature is reached, too. A token that is taken must be one for a
 * reader of another make as well, with the same claims.
 */
#include "wd_base64url.h"
#include "wd_jwt.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define HEADER "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(bool ok)
{
    if (!ok) {
        abort();
    }
}


static void
put_base64url(wd_buf_t *out, const void *bytes, size_t n)
{
    char *p = (char *) wd_buf_reserve(out, WD_BASE64URL_TEXT(n) + 1);

    must(p != NULL);
    out->len += wd_base64url_encode(bytes, n, p);
}


static bool
same_text(const json_t *o, const char *name, wd_str_t want)
{
    const json_t *v = json_object_get(o, name);

    return json_is_string(v)
           && wd_str_eq(wd_str(json_string_value(v), json_string_length(v)),
                        want);
}


/* Jansson refuses a name twice as well when it is told to. */
static void
check_taken(const wd_jwt_t *t, wd_str_t json)
{
    json_error_t e;
    json_t      *o = json_loadb(json.data, json.len,
                                JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
                                &e);

    if (o == NULL) {
        /* Numbers beyond double: here they stop at the end of the range. */
        must(json_error_code(&e) == json_error_numeric_overflow);
        return;
    }
    must(same_text(o, "iss", t->iss) && same_text(o, "sub", t->sub));
    must(json_is_number(json_object_get(o, "exp")));
    must(t->jti.len == 0 || same_text(o, "jti", t->jti));
    json_decref(o);
}


/* [[["a", ["a:b"]], ["b", ["*", "c:d"]]]] */
static const wd_roles_t *
roles(void)
{
    static wd_roles_t *r;

    if (r == NULL) {
        must(wd_roles_parse(WD_STR("\x91\x92\x92\xa1"
                                   "a\x91\xa3"
                                   "a:b\x92\xa1"
                                   "b\x92\xa1*\xa3"
                                   "c:d"),
                            &r)
             == WD_OK);
    }
    return r;
}


static void
judge(wd_str_t token, wd_jwk_t *key, wd_str_t claims)
{
    int             rc;
    wd_jwt_t        t;
    wd_buf_t        perms = WD_BUF_INIT;
    wd_str_t        plan, audience = WD_STR("a");
    wd_pool_t      *pool = wd_pool_create(512);
    wd_jwt_policy_t p = {.audiences = &audience, .n_audiences = 1};

    must(pool != NULL);
    rc = wd_jwt_parse(&t, pool, token);
    must((rc == WD_OK) == (t.why == WD_JWT_WHY_OK));

    if (rc == WD_OK) {
        must(token.len <= WD_JWT_MAX && t.iss.len != 0 && t.sub.len != 0
             && t.sub.len <= WD_JWT_SUB_MAX && t.kid.len != 0);
        if (claims.len != 0) {
            check_taken(&t, claims);
        }
        p.iss = t.iss;
        p.permissions = claims.len % 3 == 0 ? WD_STR("/r/p") : WD_STR("");
        p.roles_direct = claims.len % 2 == 0;
        p.roles = claims.len % 5 == 0 ? WD_STR("r.p") : WD_STR("");
        (void) !wd_jwt_permissions(&t, &p, NULL, &perms);
        (void) !wd_jwt_permissions(&t, &p, roles(), &perms);
        (void) !wd_jwt_plan(&t, &p, &plan);
        must(wd_jwt_until(&t, &p) == t.exp);
        t.why = WD_JWT_WHY_OK;
        rc = wd_jwt_check(&t, &p, 0);
        rc = rc != WD_OK ? rc : wd_jwt_verify(&t, key);
        must((rc == WD_OK) == (t.why == WD_JWT_WHY_OK));
    }
    wd_buf_done(&perms);
    wd_pool_destroy(pool);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t          sig[64];
    unsigned         n;
    wd_buf_t         token = WD_BUF_INIT;
    static wd_jwk_t *key;

    if (key == NULL) {
        must(wd_jwk_secret(WD_JWA_HS256, (const uint8_t *) SECRET,
                           strlen(SECRET), &key, NULL)
             == WD_OK);
    }

    judge(wd_str((const char *) data, size), key, WD_STR(""));

    wd_buf_z(&token, HEADER ".");
    put_base64url(&token, data, size);
    must(HMAC(EVP_sha256(), SECRET, (int) strlen(SECRET), token.data, token.len,
              sig, &n)
         != NULL);
    wd_buf_byte(&token, '.');
    put_base64url(&token, sig, n);
    judge(wd_buf_view(&token), key, wd_str((const char *) data, size));
    wd_buf_done(&token);

    /* The same bytes as a header. */
    put_base64url(&token, data, size);
    wd_buf_z(&token, ".e30.AAAA");
    judge(wd_buf_view(&token), key, WD_STR(""));
    wd_buf_done(&token);
    return 0;
}
