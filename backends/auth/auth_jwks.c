/*
 * auth_jwks.c - signing keys: made, sealed, published, changed; and JWTs.
 */
#include "auth_jwks.h"

#include "auth_answer.h"
#include "auth_service.h"

#include <sodium.h>

#define AUTH_JWKS_LABEL "wizdata signing keys, 1"
#define AUTH_JWKS_KEEP_S 86400 /* an old key stays published, by default */
#define AUTH_JWKS_KEEP_MAX_S (400 * 86400)
#define AUTH_JWKS_TTL_S 10

_Static_assert(AUTH_SIGN_SEALED
                   == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES
                          + crypto_sign_SEEDBYTES,
               "a sealed key is nonce, authenticator and seed");
_Static_assert(AUTH_SIGN_SECRET == crypto_sign_SECRETKEYBYTES, "Ed25519");
_Static_assert(AUTH_SIGN_PUBLIC == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(AUTH_SECRET_LEN == crypto_secretbox_KEYBYTES, "secretbox");


/* ---- keys --------------------------------------------------------------- */

void
auth_signkey_make(const auth_pepper_t *pepper, auth_signkey_t *ret)
{
    uint8_t box[AUTH_SECRET_LEN], secret[AUTH_SIGN_SECRET];
    uint8_t seed[crypto_sign_SEEDBYTES], id[AUTH_KID_LEN / 2];

    memset(ret, 0, sizeof(*ret));
    randombytes_buf(seed, sizeof(seed));
    crypto_sign_seed_keypair(ret->public, secret, seed);
    crypto_generichash(id, sizeof(id), ret->public, sizeof(ret->public), NULL,
                       0);
    wd_hex_encode(id, sizeof(id), ret->kid);

    auth_pepper_derive(pepper, AUTH_JWKS_LABEL, box);
    randombytes_buf(ret->sealed, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(ret->sealed + crypto_secretbox_NONCEBYTES, seed,
                          sizeof(seed), ret->sealed, box);
    ret->not_after = WD_NS_MAX;

    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(box, sizeof(box));
}


bool
auth_signkey_open(const auth_pepper_t *pepper, const auth_signkey_t *key,
                  uint8_t secret[AUTH_SIGN_SECRET])
{
    bool    ok;
    uint8_t box[AUTH_SECRET_LEN], public[AUTH_SIGN_PUBLIC];
    uint8_t seed[crypto_sign_SEEDBYTES];

    auth_pepper_derive(pepper, AUTH_JWKS_LABEL, box);
    ok = crypto_secretbox_open_easy(
             seed, key->sealed + crypto_secretbox_NONCEBYTES,
             sizeof(key->sealed) - crypto_secretbox_NONCEBYTES, key->sealed,
             box)
         == 0;
    sodium_memzero(box, sizeof(box));
    if (!ok) {
        return false;
    }

    crypto_sign_seed_keypair(public, secret, seed);
    sodium_memzero(seed, sizeof(seed));
    return memcmp(public, key->public, sizeof(public)) == 0;
}


/* The key that signs: the newest in use that this pepper opens. */
typedef struct {
    const auth_pepper_t *pepper;
    bool                 found;
    auth_signkey_t       key;
    uint8_t              secret[AUTH_SIGN_SECRET];
} auth_signer_t;


static void
auth_signer_try(const auth_signkey_t *key, void *arg)
{
    auth_signer_t *s = arg;

    if (!s->found && key->not_after == WD_NS_MAX
        && auth_signkey_open(s->pepper, key, s->secret)) {
        s->found = true;
        s->key = *key;
    }
}


static int
auth_signer_find(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                 auth_signer_t *ret, wd_error_t *err)
{
    memset(ret, 0, sizeof(*ret));
    ret->pepper = pepper;
    return auth_store_signkeys(c, auth_signer_try, ret, err);
}


/* Inside a transaction. */
static int
auth_jwks_first(wd_pg_conn_t *c, const auth_pepper_t *pepper, bool *ret_made,
                wd_error_t *err)
{
    int            rc;
    auth_signer_t  s;
    auth_signkey_t key;

    *ret_made = false;
    rc = auth_store_signkeys_lock(c, err);
    if (rc == WD_OK) {
        rc = auth_signer_find(c, pepper, &s, err);
        sodium_memzero(s.secret, sizeof(s.secret));
    }
    if (rc != WD_OK || s.found) {
        return rc;
    }

    auth_signkey_make(pepper, &key);
    *ret_made = true;
    return auth_store_signkey_add(c, &key, AUTH_JWKS_KEEP_S * WD_NS_PER_S, err);
}


/*
 * A look without a lock goes before: instances start often, and need a key
 * once.
 */
int
auth_jwks_ensure(wd_pg_conn_t *c, const auth_pepper_t *pepper, wd_log_t *log,
                 wd_error_t *err)
{
    int           rc;
    bool          made = false;
    auth_signer_t s;

    rc = auth_signer_find(c, pepper, &s, err);
    sodium_memzero(s.secret, sizeof(s.secret));
    if (rc != WD_OK || s.found) {
        return rc;
    }

    rc = wd_pg_begin(c, err);
    if (rc == WD_OK) {
        rc = auth_jwks_first(c, pepper, &made, err);
    }
    if (rc == WD_OK) {
        rc = wd_pg_commit(c, err);
    }
    if (rc == WD_OK) {
        if (made) {
            wd_log_msg(log, WD_LOG_INFO, "signing key made");
        }
        return WD_OK;
    }

    if (wd_pg_broken(c)) {
        return rc;
    }
    wd_log_warn(log, "no signing key, tokens cannot be issued", "reason",
                (const char *) err->text);
    wd_pg_rollback(c);
    return WD_OK;
}


/* ---- tokens ------------------------------------------------------------- */

static void
auth_base64url(wd_buf_t *out, const void *data, size_t n)
{
    size_t len = sodium_base64_ENCODED_LEN(
        n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    uint8_t *to = wd_buf_reserve(out, len);

    if (to != NULL) {
        sodium_bin2base64((char *) to, len, data, n,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        out->len += len - 1; /* without the zero */
    }
}


static void
auth_jwt_header(wd_buf_t *out, const char *kid)
{
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "alg");
    wd_json_z(&j, "EdDSA");
    wd_json_key(&j, "kid");
    wd_json_z(&j, kid);
    wd_json_key(&j, "typ");
    wd_json_z(&j, "at+jwt");
    wd_json_end(&j);
}


static void
auth_jwt_claims(wd_buf_t *out, const auth_claims_t *c)
{
    size_t    i;
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    auth_json_str(&j, "iss", wd_str_z(c->issuer));
    auth_json_str(&j, "aud", wd_str_z(c->audience));
    auth_json_str(&j, "sub", c->sub);
    auth_json_str(&j, "jti", wd_str_z(c->jti));
    wd_json_key(&j, "iat");
    wd_json_int(&j, c->issued_at / WD_NS_PER_S);
    wd_json_key(&j, "nbf");
    wd_json_int(&j, c->issued_at / WD_NS_PER_S);
    wd_json_key(&j, "exp");
    wd_json_int(&j, c->expires_at / WD_NS_PER_S);
    wd_json_key(&j, "permissions");
    wd_json_arr(&j);
    for (i = 0; i < c->n_perms; i++) {
        wd_json_str(&j, c->perms[i]);
    }
    wd_json_end(&j);
    auth_json_str(&j, "plan", c->plan);
    wd_json_end(&j);
}


void
auth_jwt_write(wd_buf_t *out, const auth_claims_t *claims, const char *kid,
               const uint8_t secret[AUTH_SIGN_SECRET])
{
    size_t   from = out->len;
    uint8_t  signature[crypto_sign_BYTES];
    wd_buf_t part = WD_BUF_INIT;

    auth_jwt_header(&part, kid);
    auth_base64url(out, part.data, part.len);
    wd_buf_byte(out, '.');
    wd_buf_reset(&part);
    auth_jwt_claims(&part, claims);
    auth_base64url(out, part.data, part.len);

    if (part.err != WD_OK) {
        out->err = part.err;
    }
    wd_buf_done(&part);
    if (out->err != WD_OK) {
        return;
    }

    crypto_sign_detached(signature, NULL, out->data + from, out->len - from,
                         secret);
    wd_buf_byte(out, '.');
    auth_base64url(out, signature, sizeof(signature));
}


/* ---- methods ------------------------------------------------------------ */

static void
auth_put_jwk(const auth_signkey_t *key, void *arg)
{
    char       x[64];
    wd_json_t *j = arg;

    sodium_bin2base64(x, sizeof(x), key->public, sizeof(key->public),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    wd_json_obj(j);
    auth_json_str(j, "kty", WD_STR("OKP"));
    auth_json_str(j, "crv", WD_STR("Ed25519"));
    auth_json_str(j, "alg", WD_STR("EdDSA"));
    auth_json_str(j, "use", WD_STR("sig"));
    auth_json_str(j, "kid", wd_str_z(key->kid));
    auth_json_str(j, "x", wd_str_z(x));
    wd_json_end(j);
}


int
auth_jwks(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    wd_json_t  j;
    wd_error_t err;

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "keys");
    wd_json_arr(&j);
    rc = auth_store_signkeys(call->pg, auth_put_jwk, &j, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    wd_json_end(&j);
    wd_json_end(&j);

    /* Short: a key is used as soon as it is published. */
    wd_rpc_meta_int(res, "ttl", AUTH_JWKS_TTL_S);
    return WD_OK;
}


static int
auth_jwks_add(wd_pg_conn_t *c, const auth_signkey_t *key, wd_ns_t keep_ns,
              wd_error_t *err)
{
    int rc;

    rc = wd_pg_begin(c, err);
    if (rc == WD_OK) {
        rc = auth_store_signkeys_lock(c, err);
    }
    if (rc == WD_OK) {
        rc = auth_store_signkey_add(c, key, keep_ns, err);
    }
    return rc == WD_OK ? wd_pg_commit(c, err) : rc;
}


int
auth_jwks_rotate(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int            rc;
    auth_t        *a = call->svc;
    int64_t        keep_s = AUTH_JWKS_KEEP_S;
    wd_json_t      j;
    wd_error_t     err;
    auth_signkey_t key;

    rc = wd_rpc_arg_int(call, "keep", &keep_s);
    if ((rc != WD_OK && rc != WD_ENOTFOUND) || keep_s < 0
        || keep_s > AUTH_JWKS_KEEP_MAX_S) {
        return wd_rpc_fail_param(res, "keep",
                                 "keep must be seconds from 0 to %d",
                                 AUTH_JWKS_KEEP_MAX_S);
    }

    auth_signkey_make(a->pepper, &key);
    rc = auth_jwks_add(call->pg, &key, keep_s * WD_NS_PER_S, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_log_info(call->log, "signing key changed", "request", call->ctx.id,
                "kid", (const char *) key.kid, "by", call->ctx.principal);
    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_str(&j, "kid", wd_str_z(key.kid));
    auth_json_end(&j, "old_not_after", wd_now() + keep_s * WD_NS_PER_S);
    wd_json_end(&j);
    return WD_OK;
}


/* The token's id: 128 random bits. */
static void
auth_jti_make(char out[33])
{
    uint8_t bytes[16];

    randombytes_buf(bytes, sizeof(bytes));
    wd_hex_encode(bytes, sizeof(bytes), out);
}


static void
auth_put_token(const wd_rpc_call_t *call, wd_rpc_res_t *res,
               const auth_signer_t *signer, auth_claims_t *claims)
{
    char      jti[33];
    auth_t   *a = call->svc;
    wd_buf_t  token = WD_BUF_INIT;
    wd_json_t j;

    auth_jti_make(jti);
    claims->jti = jti;
    claims->issuer = a->conf.issuer;
    claims->audience = a->conf.audience;
    auth_jwt_write(&token, claims, signer->key.kid, signer->secret);

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_str(&j, "token", wd_buf_view(&token));
    auth_json_str(&j, "token_type", WD_STR("Bearer"));
    auth_json_str(&j, "jti", wd_str_z(jti));
    auth_json_str(&j, "sub", claims->sub);
    auth_json_end(&j, "expires_at", claims->expires_at);
    wd_json_end(&j);
    if (token.err != WD_OK) {
        res->body.err = token.err;
    }
    if (token.data != NULL) {
        sodium_memzero(token.data, token.cap);
    }
    wd_buf_done(&token);
}


int
auth_tokens_issue(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int           rc;
    auth_t       *a = call->svc;
    int64_t       ttl_s = AUTH_TOKEN_TTL_S;
    wd_error_t    err;
    auth_claims_t claims = {0};
    auth_signer_t signer;

    rc = auth_arg_text(call, res, "sub", WD_PRINCIPAL_MAX, &claims.sub);
    if (rc == WD_OK && claims.sub.data == NULL) {
        rc = wd_rpc_fail_param(res, "sub", "sub is required");
    }
    if (rc == WD_OK) {
        rc = auth_arg_perms(call, res, &claims.perms, &claims.n_perms);
    }
    if (rc == WD_OK) {
        rc = auth_arg_plan(call, res, &claims.plan);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_rpc_arg_int(call, "ttl", &ttl_s);
    if ((rc != WD_OK && rc != WD_ENOTFOUND) || ttl_s < 1
        || ttl_s > AUTH_TOKEN_TTL_MAX_S) {
        return wd_rpc_fail_param(res, "ttl", "ttl must be seconds from 1 to %d",
                                 AUTH_TOKEN_TTL_MAX_S);
    }

    rc = auth_signer_find(call->pg, a->pepper, &signer, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    if (!signer.found) {
        return wd_rpc_fail(res, WD_EUNAVAIL, "there is no signing key");
    }

    claims.issued_at = wd_now();
    claims.expires_at = claims.issued_at + ttl_s * WD_NS_PER_S;
    claims.expires_at -= claims.expires_at % WD_NS_PER_S;
    auth_put_token(call, res, &signer, &claims);
    sodium_memzero(signer.secret, sizeof(signer.secret));

    wd_log_info(call->log, "token issued", "request", call->ctx.id, "sub",
                claims.sub, "seconds", ttl_s, "by", call->ctx.principal);
    return WD_OK;
}
