/*
 * auth_jwks.c - signing keys: made, sealed, published, changed.
 */
#include "auth_jwks.h"

#include "auth_answer.h"
#include "auth_audit.h"
#include "auth_service.h"
#include "auth_store_users.h"
#include "wd_base64url.h"

#include <sodium.h>

#define AUTH_JWKS_LABEL "wizdata signing keys, 1"
#define AUTH_JWKS_KEEP_S 86400 /* an old key stays published, by default */
#define AUTH_JWKS_KEEP_MAX_S (400 * 86400)
#define AUTH_JWKS_TTL_S 10

_Static_assert(AUTH_SIGN_SEALED == AUTH_SEAL_EXTRA + crypto_sign_SEEDBYTES,
               "a sealed key is its seed");
_Static_assert(AUTH_SIGN_SECRET == crypto_sign_SECRETKEYBYTES, "Ed25519");
_Static_assert(AUTH_SIGN_PUBLIC == crypto_sign_PUBLICKEYBYTES, "Ed25519");


/* ---- keys --------------------------------------------------------------- */

void
auth_signkey_make(const auth_pepper_t *pepper, auth_signkey_t *ret)
{
    uint8_t secret[AUTH_SIGN_SECRET], seed[crypto_sign_SEEDBYTES];
    uint8_t id[AUTH_KID_LEN / 2];

    memset(ret, 0, sizeof(*ret));
    randombytes_buf(seed, sizeof(seed));
    crypto_sign_seed_keypair(ret->public, secret, seed);
    crypto_generichash(id, sizeof(id), ret->public, sizeof(ret->public), NULL,
                       0);
    wd_hex_encode(id, sizeof(id), ret->kid);
    auth_seal(pepper, AUTH_JWKS_LABEL, seed, sizeof(seed), ret->sealed);
    ret->not_after = ret->active_from = WD_NS_MAX;

    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(secret, sizeof(secret));
}


bool
auth_signkey_open(const auth_pepper_t *pepper, const auth_signkey_t *key,
                  uint8_t secret[AUTH_SIGN_SECRET])
{
    uint8_t public[AUTH_SIGN_PUBLIC], seed[crypto_sign_SEEDBYTES];

    if (!auth_unseal(pepper, AUTH_JWKS_LABEL, key->sealed, sizeof(key->sealed),
                     seed)) {
        return false;
    }

    crypto_sign_seed_keypair(public, secret, seed);
    sodium_memzero(seed, sizeof(seed));
    return memcmp(public, key->public, sizeof(public)) == 0;
}


static void
auth_signer_try(const auth_signkey_t *key, void *arg)
{
    uint8_t        secret[AUTH_SIGN_SECRET];
    auth_signer_t *s = arg;

    if (key->not_after != WD_NS_MAX
        || !auth_signkey_open(s->pepper, key, secret)) {
        return;
    }

    if (key->active_from == WD_NS_MAX) {
        s->next = *key;
        s->found_next = true;
    } else if (!s->found || key->active_from > s->key.active_from) {
        s->key = *key;
        memcpy(s->secret, secret, sizeof(secret));
        s->found = true;
    }
    sodium_memzero(secret, sizeof(secret));
}


int
auth_signer_find(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                 auth_signer_t *ret, wd_error_t *err)
{
    memset(ret, 0, sizeof(*ret));
    ret->pepper = pepper;
    return auth_store_signkeys(c, auth_signer_try, ret, err);
}


/* Without the secret. */
static int
auth_signer_look(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                 auth_signer_t *ret, wd_error_t *err)
{
    int rc = auth_signer_find(c, pepper, ret, err);

    sodium_memzero(ret->secret, sizeof(ret->secret));
    return rc;
}


/* ---- changes ------------------------------------------------------------ */

static int
auth_jwks_add_next(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                   auth_signkey_t *ret, wd_error_t *err)
{
    auth_signkey_make(pepper, ret);
    return auth_store_signkey_add(c, ret, err);
}


/* Inside a transaction, with the lock. The next key takes its turn. */
static int
auth_jwks_turn(wd_pg_conn_t *c, const auth_pepper_t *pepper,
               const auth_signer_t *s, wd_ns_t keep_ns, char *ret_kid,
               wd_error_t *err)
{
    int            rc = WD_OK;
    auth_signkey_t next = s->next, after;

    if (!s->found_next) {
        rc = auth_jwks_add_next(c, pepper, &next, err);
    }
    if (rc == WD_OK) {
        rc = auth_store_signkey_use(c, next.kid, keep_ns, err);
    }
    if (rc == WD_OK && ret_kid != NULL) {
        wd_str_copy(ret_kid, AUTH_KID_LEN + 1, wd_str_z(next.kid));
    }
    return rc == WD_OK ? auth_jwks_add_next(c, pepper, &after, err) : rc;
}


static bool
auth_jwks_due(const auth_signer_t *s, wd_ns_t every_ns)
{
    return !s->found || (every_ns != 0 && s->key.in_use >= every_ns);
}


/* Inside a transaction. */
static int
auth_jwks_mend(wd_pg_conn_t *c, const auth_pepper_t *pepper, wd_ns_t every_ns,
               bool *ret_changed, wd_error_t *err)
{
    int            rc;
    auth_signer_t  s;
    auth_signkey_t next;

    *ret_changed = false;
    rc = auth_store_signkeys_lock(c, err);
    if (rc == WD_OK) {
        rc = auth_signer_look(c, pepper, &s, err);
    }
    if (rc != WD_OK) {
        return rc;
    }

    *ret_changed = auth_jwks_due(&s, every_ns);
    if (*ret_changed) {
        return auth_jwks_turn(c, pepper, &s, AUTH_JWKS_KEEP_S * WD_NS_PER_S,
                              NULL, err);
    }
    return s.found_next ? WD_OK : auth_jwks_add_next(c, pepper, &next, err);
}


/*
 * A look without a lock goes before: instances look often, and there is
 * seldom something to do.
 */
int
auth_jwks_ensure(wd_pg_conn_t *c, const auth_pepper_t *pepper, wd_ns_t every_ns,
                 wd_log_t *log, wd_error_t *err)
{
    int           rc;
    bool          changed = false;
    auth_signer_t s;

    rc = auth_signer_look(c, pepper, &s, err);
    if (rc != WD_OK || (s.found_next && !auth_jwks_due(&s, every_ns))) {
        return rc;
    }

    rc = wd_pg_begin(c, err);
    if (rc == WD_OK) {
        rc = auth_jwks_mend(c, pepper, every_ns, &changed, err);
    }
    if (rc == WD_OK) {
        rc = wd_pg_commit(c, err);
    }
    if (rc == WD_OK) {
        if (changed) {
            wd_log_msg(log, WD_LOG_INFO, "tokens are signed with a new key");
        }
        return WD_OK;
    }

    if (wd_pg_broken(c)) {
        return rc;
    }
    wd_log_warn(log, "signing keys not changed", "reason",
                (const char *) err->text);
    wd_pg_rollback(c);
    return WD_OK;
}


/* ---- methods ------------------------------------------------------------ */

static void
auth_put_jwk(const auth_signkey_t *key, void *arg)
{
    char       x[WD_BASE64URL_TEXT(AUTH_SIGN_PUBLIC)];
    wd_json_t *j = arg;

    wd_base64url_encode(key->public, sizeof(key->public), x);
    wd_json_obj(j);
    auth_json_str(j, "kty", WD_STR("OKP"));
    auth_json_str(j, "crv", WD_STR("Ed25519"));
    auth_json_str(j, "alg", WD_STR("EdDSA"));
    auth_json_str(j, "use", WD_STR("sig"));
    auth_json_str(j, "kid", wd_str_z(key->kid));
    auth_json_str(j, "x", wd_str(x, sizeof(x)));
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


/* Inside a transaction. */
static int
auth_jwks_turn_now(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                   wd_ns_t keep_ns, char *ret_kid, wd_error_t *err)
{
    int           rc;
    auth_signer_t s;

    rc = auth_store_signkeys_lock(c, err);
    if (rc == WD_OK) {
        rc = auth_signer_look(c, pepper, &s, err);
    }
    return rc == WD_OK ? auth_jwks_turn(c, pepper, &s, keep_ns, ret_kid, err)
                       : rc;
}


int
auth_jwks_rotate(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    char        kid[AUTH_KID_LEN + 1];
    auth_t     *a = call->svc;
    int64_t     keep_s = AUTH_JWKS_KEEP_S;
    wd_json_t   j;
    wd_error_t  err;
    auth_note_t note = {.org_id = AUTH_ORG_MAIN, .action = "jwks.rotate"};

    rc = auth_arg_int(call, res, "keep", 0, AUTH_JWKS_KEEP_MAX_S, &keep_s);
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_begin(call->pg, &err);
    if (rc == WD_OK) {
        rc = auth_jwks_turn_now(call->pg, a->pepper, keep_s * WD_NS_PER_S, kid,
                                &err);
    }
    if (rc == WD_OK) {
        note.subject = wd_str_z(kid);
        rc = auth_audit_commit(call, &note, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_log_info(call->log, "signing key changed", "request", call->ctx.id,
                "kid", (const char *) kid, "by", call->ctx.principal);
    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_str(&j, "kid", wd_str_z(kid));
    auth_json_end(&j, "old_not_after", wd_now() + keep_s * WD_NS_PER_S);
    wd_json_end(&j);
    return WD_OK;
}
