/*
 * auth_service.c - start, health and stop of the auth service.
 */
#include "auth_service.h"

/*
 * What hashes a password takes its connections itself, for a moment each:
 * a hash takes long, and connections are few.
 */
static const wd_rpc_method_t auth_methods[] = {
    {"auth.login", auth_login, WD_RPC_SLOW},
    {"auth.accept", auth_accept, WD_RPC_SLOW},
    {"auth.password", auth_password, WD_RPC_SLOW},
    {"auth.totp_begin", auth_totp_begin, WD_RPC_SLOW},
    {"auth.totp_end", auth_totp_end, WD_RPC_SLOW},
    {"users.create", auth_users_create, WD_RPC_SLOW},
    {"auth.refresh", auth_refresh, WD_RPC_PG},
    {"auth.logout", auth_logout, WD_RPC_PG},
    {"auth.confirm", auth_confirm, WD_RPC_PG},
    {"auth.me", auth_me, WD_RPC_PG},
    {"auth.sessions", auth_sessions, WD_RPC_PG},
    {"auth.session_end", auth_session_end, WD_RPC_PG},
    {"auth.logout_all", auth_logout_all, WD_RPC_PG},
    {"auth.totp_confirm", auth_totp_confirm, WD_RPC_PG},
    {"users.invite", auth_users_invite, WD_RPC_PG},
    {"users.list", auth_users_list, WD_RPC_PG},
    {"users.get", auth_users_get, WD_RPC_PG},
    {"users.update", auth_users_update, WD_RPC_PG},
    {"users.delete", auth_users_delete, WD_RPC_PG},
    {"users.reset", auth_users_reset, WD_RPC_PG},
    {"users.verify", auth_users_verify, WD_RPC_PG},
    {"users.logout", auth_users_logout, WD_RPC_PG},
    {"users.totp_end", auth_users_totp_end, WD_RPC_PG},
    {"keys.create", auth_keys_create, WD_RPC_PG},
    {"keys.list", auth_keys_list, WD_RPC_PG},
    {"keys.get", auth_keys_get, WD_RPC_PG},
    {"keys.rotate", auth_keys_rotate, WD_RPC_PG},
    {"keys.revoke", auth_keys_revoke, WD_RPC_PG},
    {"roles.list", auth_roles_list, WD_RPC_PG},
    {"roles.set", auth_roles_set, WD_RPC_PG},
    {"roles.delete", auth_roles_delete, WD_RPC_PG},
    {"permissions.explain", auth_permissions_explain, WD_RPC_PG},
    {"scopes.list", auth_scopes_list, WD_RPC_PG},
    {"orgs.list", auth_orgs_list, WD_RPC_PG},
    {"orgs.set", auth_orgs_set, WD_RPC_PG},
    {"plans.list", auth_plans_list, WD_RPC_PG},
    {"plans.set", auth_plans_set, WD_RPC_PG},
    {"plans.delete", auth_plans_delete, WD_RPC_PG},
    {"tokens.issue", auth_tokens_issue, WD_RPC_PG},
    {"tokens.revoke", auth_tokens_revoke, WD_RPC_PG},
    {"usage.add", auth_usage_add, WD_RPC_PG},
    {"usage.get", auth_usage_get, WD_RPC_PG},
    {"audit.list", auth_audit_list, WD_RPC_PG},
    {"audit.verify", auth_audit_verify, WD_RPC_PG},
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


/*
 * Two, if that leaves a processor for what is short: where hashes run on all
 * of them others wait for the next tick of the clock, however low the
 * priority of the hashes.
 */
static uint32_t
auth_hash_threads(const auth_conf_t *conf)
{
    if (conf->hash_parallel != 0) {
        return conf->hash_parallel;
    }
    return uv_available_parallelism() > 2 ? 2 : 1;
}


/* A lane of its own: however many log in, verdicts are answered. */
static int
auth_start_hasher(auth_t *a, wd_error_t *err)
{
    a->hasher = auth_hasher_create(a->conf.hash_memory_bytes,
                                   a->conf.hash_passes);
    if (a->hasher == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a password hash");
    }

    a->lane = wd_lane_create(wd_service_loop(a->service),
                             auth_hash_threads(&a->conf), a->conf.hash_queue);
    if (a->lane == NULL) {
        return wd_error(err, WD_ENOMEM, "no threads for password hashes");
    }
    wd_rpc_server_lane(wd_service_rpc(a->service), a->lane);
    return WD_OK;
}


static int
auth_start_parts(auth_t *a, wd_error_t *err)
{
    wd_ns_t          rotate = (wd_ns_t) a->conf.rotate_ms * WD_NS_PER_MS;
    wd_rpc_server_t *rpc = wd_service_rpc(a->service);

    a->digests = auth_digests_create(AUTH_DIGESTS_MAX);
    a->refusals = auth_refusals_create(a->service, a->pepper);
    a->chores = auth_chores_start(a->service, a->pepper, a->refusals, rotate);
    if (a->digests == NULL || a->refusals == NULL || a->chores == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }

    wd_rpc_server_quick(rpc, "auth.verify", auth_verify_quick);
    wd_rpc_server_quick(rpc, "auth.token", auth_token_quick);
    return auth_push_start(a->service, a->conf.service.db.url, a->digests,
                           a->pepper, rotate, &a->push, err);
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
    return rc == WD_OK ? auth_start_parts(a, err) : rc;
}


static void
auth_stop(wd_service_t *s, void *svc)
{
    auth_t *a = svc;

    (void) s;
    auth_push_stop(a->push);
    auth_chores_stop(a->chores);
    a->chores = NULL;
    wd_lane_stop(a->lane);
    a->lane = NULL;
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
    auth_refusals_destroy(a->refusals);
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
        .summary = "users, sessions, API keys, permissions, audit",
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
