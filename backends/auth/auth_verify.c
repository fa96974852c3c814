/*
 * auth_verify.c - auth.verify: what a gateway may let a key do.
 */
#include "auth_answer.h"
#include "auth_service.h"
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


/* An array of texts; none: nothing. */
static void
auth_meta_strs(wd_rpc_res_t *res, const char *key, const wd_str_t *v, size_t n)
{
    size_t i;

    if (n == 0) {
        return;
    }
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
    size_t i;

    auth_meta_id(res, "sub", "user", v->user_id);
    auth_meta_id(res, "uid", "user", v->user_id);
    auth_meta_id(res, "key", "key", v->key_id);
    wd_rpc_meta_str(res, "plan", v->plan);

    wd_mp_put_z(&res->meta, "perm");
    wd_mp_put_array(&res->meta, (uint32_t) v->n_perms);
    for (i = 0; i < v->n_perms; i++) {
        wd_mp_put_str(&res->meta, v->perms[i]);
    }
    res->n_meta++;

    auth_meta_strs(res, "nets", v->networks, v->n_networks);
    auth_meta_strs(res, "methods", v->methods, v->n_methods);
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
         wd_error_t *err)
{
    int      rc;
    uint8_t  hash[AUTH_HASH_LEN];
    uint64_t epoch;
    unsigned left = AUTH_ROUNDS_MAX;

    auth_key_hash(a->pepper, digest, hash);
    do {
        epoch = auth_push_epoch(a->push);
        rc = auth_store_verify(call->pg, hash, call->pool, ret, err);
        if (rc == WD_OK) {
            /* Before the epoch is compared: a push from now on finds it. */
            auth_digests_put(a->digests, ret->key_id, digest);
        }
    } while (rc == WD_OK && epoch != auth_push_epoch(a->push) && --left != 0);
    return rc;
}


int
auth_verify(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int            rc;
    uint8_t        digest[AUTH_DIGEST_LEN];
    wd_str_t       hex;
    wd_error_t     err;
    auth_verdict_t verdict;

    if (wd_rpc_arg_str(call, "digest", &hex) != WD_OK
        || !wd_hex_decode(hex, digest, sizeof(digest))) {
        return wd_rpc_fail_param(res, "digest",
                                 "digest must be %d hexadecimal digits",
                                 2 * AUTH_DIGEST_LEN);
    }

    rc = auth_ask(call->svc, call, digest, &verdict, &err);
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
    return WD_OK;
}
