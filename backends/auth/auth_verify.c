/*
 * auth_verify.c - auth.verify: what a gateway may let a key do.
 */
#include "auth_answer.h"
#include "auth_service.h"
#include "auth_store_keys.h"
#include "wd_metrics.h"

#include <stdio.h>

#define AUTH_ROUNDS_MAX 4


/* "user:12", "key:34" */
static void
auth_meta_id(wd_rpc_res_t *res, const char *key, const char *kind, int64_t id)
{
    char text[40];

    snprintf(text, sizeof(text), "%s:%lld", kind, (long long) id);
    wd_rpc_meta_str(res, key, wd_str_z(text));
}


static void
auth_meta_strs(wd_rpc_res_t *res, const char *key, const wd_str_t *v, size_t n)
{
    size_t i;

    wd_mp_put_z(&res->meta, key);
    wd_mp_put_array(&res->meta, (uint32_t) n);
    for (i = 0; i < n; i++) {
        wd_mp_put_str(&res->meta, v[i]);
    }
    res->n_meta++;
}


static void
auth_meta_verdict(wd_rpc_res_t *res, const auth_verdict_t *v)
{
    auth_meta_id(res, "sub", "user", v->user_id);
    auth_meta_id(res, "uid", "user", v->user_id);
    auth_meta_id(res, "key", "key", v->key_id);
    wd_rpc_meta_str(res, "plan", v->plan);
    auth_meta_strs(res, "perm", v->perms.v, v->perms.n);
    if (v->networks != NULL) {
        auth_meta_strs(res, "nets", v->networks, v->n_networks);
    }
    if (v->methods != NULL) {
        auth_meta_strs(res, "methods", v->methods, v->n_methods);
    }
    if (v->expires_at != WD_NS_MAX) {
        wd_rpc_meta_int(res, "exp", v->expires_at);
    }
}


/*
 * A revocation that was pushed while the database was asked may have missed
 * this verdict: then it is asked again, some times. What is committed is
 * seen, so only the revocation of yet another key makes a third round.
 */
static int
auth_ask(auth_t *a, const wd_rpc_call_t *call,
         const uint8_t digest[AUTH_DIGEST_LEN], auth_verdict_t *ret,
         uint64_t *ret_epoch, wd_error_t *err)
{
    int      rc;
    uint8_t  hash[AUTH_HASH_LEN];
    unsigned left = AUTH_ROUNDS_MAX;

    auth_key_hash(a->pepper, digest, hash);
    do {
        *ret_epoch = auth_digests_epoch(a->digests);
        rc = auth_store_verify(call->pg, hash, call->pool, ret, err);
        if (rc == WD_OK) {
            /* Before the epoch is compared: a push from now on finds it. */
            auth_digests_put(a->digests, ret->key_id, digest);
        }
    } while (rc == WD_OK && *ret_epoch != auth_digests_epoch(a->digests)
             && --left != 0);
    return rc;
}


static int
auth_arg_digest(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                uint8_t digest[AUTH_DIGEST_LEN])
{
    wd_str_t hex;

    if (wd_rpc_arg_str(call, "digest", &hex) != WD_OK
        || !wd_hex_decode(hex, digest, AUTH_DIGEST_LEN)) {
        return wd_rpc_fail_param(res, "digest",
                                 "digest must be %d hexadecimal digits",
                                 2 * AUTH_DIGEST_LEN);
    }
    return WD_OK;
}


static void
auth_put_known(const auth_known_t *known, void *arg)
{
    wd_rpc_res_t *res = arg;

    wd_buf_str(&res->meta, known->pairs);
    res->n_meta = known->n;
}


/* Loop thread: from memory, as long as all that changes it is heard. */
int
auth_verify_quick(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int     rc;
    auth_t *a = call->svc;
    uint8_t digest[AUTH_DIGEST_LEN];

    if (!auth_push_complete(a->push)) {
        return WD_EAGAIN;
    }
    rc = auth_arg_digest(call, res, digest);
    if (rc != WD_OK) {
        return rc;
    }
    if (!auth_digests_known(a->digests, digest, wd_now(), auth_put_known,
                            res)) {
        return WD_EAGAIN;
    }
    wd_metric(WD_MX_KEYS_VERIFIED, 1, "good", NULL, NULL);
    return WD_OK;
}


int
auth_verify(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int            rc;
    auth_t        *a = call->svc;
    uint8_t        digest[AUTH_DIGEST_LEN];
    uint64_t       epoch;
    wd_error_t     err;
    auth_known_t   known;
    auth_verdict_t verdict;

    rc = auth_arg_digest(call, res, digest);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_ask(a, call, digest, &verdict, &epoch, &err);
    wd_metric(WD_MX_KEYS_VERIFIED, 1,
              rc == WD_OK          ? "good"
              : rc == WD_ENOTFOUND ? "refused"
                                   : "error",
              NULL, NULL);

    if (rc == WD_ENOTFOUND) {
        /* Which of unknown, revoked, expired it is helps only guessers. */
        return wd_rpc_fail(res, WD_EUNAUTH, "the API key is not valid");
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    auth_meta_verdict(res, &verdict);
    known = (auth_known_t){wd_buf_view(&res->meta), res->n_meta,
                           verdict.expires_at};
    if (res->meta.err == WD_OK) {
        auth_digests_know(a->digests, digest, &known, epoch);
    }
    return WD_OK;
}
