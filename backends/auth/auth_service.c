/*
 * auth_service.c - start, health and stop of the auth service.
 */
#include "auth_service.h"

/*
 * users.create takes its connection itself, after the password was hashed.
 */
static const wd_rpc_method_t auth_methods[] = {
    {"users.create", auth_users_create, WD_RPC_WORK},
    {"users.list", auth_users_list, WD_RPC_PG},
    {"keys.create", auth_keys_create, WD_RPC_PG},
    {"keys.list", auth_keys_list, WD_RPC_PG},
    {"keys.revoke", auth_keys_revoke, WD_RPC_PG},
    {"plans.list", auth_plans_list, WD_RPC_PG},
    {"plans.set", auth_plans_set, WD_RPC_PG},
    {"tokens.issue", auth_tokens_issue, WD_RPC_PG},
    {"tokens.revoke", auth_tokens_revoke, WD_RPC_PG},
    {"usage.add", auth_usage_add, WD_RPC_PG},
    {"usage.get", auth_usage_get, WD_RPC_PG},
    {"auth.verify", auth_verify, WD_RPC_PG},
    {"auth.token", auth_token, WD_RPC_PG},
    {"auth.jwks", auth_jwks, WD_RPC_PG},
    {"jwks.rotate", auth_jwks_rotate, WD_RPC_PG},
};


static int
auth_start_crypto(auth_t *a, wd_error_t *err)
{
    int rc;

    if (auth_crypto_init() != WD_OK) {
        return wd_error(err, WD_EINTERNAL, "libsodium does not start");
    }

    rc = auth_pepper_create(wd_str_z(a->conf.pepper), &a->pepper, err);
    auth_conf_hide_pepper(&a->conf);
    return rc;
}


static int
auth_start_hasher(auth_t *a, wd_error_t *err)
{
    auth_hasher_conf_t conf = {
        .memory_bytes = a->conf.hash_memory_bytes,
        .passes = a->conf.hash_passes,
        .parallel = a->conf.hash_parallel,
        .queue = a->conf.hash_queue,
    };

    auth_hasher_fit(&conf, a->conf.service.daemon.threads);
    a->hasher = auth_hasher_create(&conf);
    return a->hasher != NULL ? WD_OK : wd_error(err, WD_ENOMEM, "no memory");
}


static int
auth_start(wd_service_t *s, void *svc, wd_error_t *err)
{
    int     rc;
    auth_t *a = svc;

    a->service = s;

    rc = auth_start_crypto(a, err);
    if (rc == WD_OK) {
        rc = auth_start_hasher(a, err);
    }
    if (rc != WD_OK) {
        return rc;
    }

    a->digests = auth_digests_create(AUTH_DIGESTS_MAX);
    if (a->digests == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }

    return auth_push_start(s, a->conf.service.db.url, a->digests, a->pepper,
                           &a->push, err);
}


static void
auth_stop(wd_service_t *s, void *svc)
{
    auth_t *a = svc;

    (void) s;
    auth_push_stop(a->push);
}


/* Worker thread. Without LISTEN all works, but gateways ask for each call. */
static void
auth_health(wd_service_t *s, void *svc, wd_health_t *h)
{
    bool    listening;
    auth_t *a = svc;

    (void) s;
    listening = auth_push_listening(a->push);
    wd_json_key(h->j, "revocations");
    wd_json_z(h->j, listening ? "pushed" : "not heard");
    h->degraded = h->degraded || !listening;
}


/* Workers may outlive auth_stop(); now all of them have ended. */
static void
auth_done(auth_t *a)
{
    auth_push_destroy(a->push);
    auth_digests_destroy(a->digests);
    auth_hasher_destroy(a->hasher);
    auth_pepper_destroy(a->pepper);
    auth_conf_done(&a->conf);
}


int
auth_main(int argc, char **argv)
{
    int               rc;
    auth_t            auth = {0};
    wd_service_spec_t spec = {
        .name = "auth",
        .summary = "users, API keys and verdicts on them",
        .conf = &auth.conf,
        .methods = auth_methods,
        .n_methods = wd_array_len(auth_methods),
        .svc = &auth,
        .start = auth_start,
        .stop = auth_stop,
        .health = auth_health,
    };

    spec.rows = auth_conf_rows(&spec.n_rows);
    rc = wd_service_main(&spec, argc, argv);
    auth_done(&auth);
    return rc;
}
