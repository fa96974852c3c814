/*
 * auth_session.c - sessions: refresh with rotation, reuse, logout.
 */
#include "auth_session.h"

#include "auth_answer.h"
#include "auth_audit.h"
#include "auth_jwt.h"
#include "auth_service.h"
#include "wd_cidr.h"

#include <sodium.h>

#define AUTH_NET_V6_BITS 64


void
auth_net(wd_str_t address, char out[AUTH_NET_MAX])
{
    wd_cidr_t net;

    if (wd_cidr_parse(address, &net) != WD_OK) {
        wd_str_copy(out, AUTH_NET_MAX, WD_STR("local"));
        return;
    }
    if (net.v6 && net.bits > AUTH_NET_V6_BITS) {
        net.bits = AUTH_NET_V6_BITS;
        memset(net.addr + AUTH_NET_V6_BITS / 8, 0,
               sizeof(net.addr) - AUTH_NET_V6_BITS / 8);
    }
    out[wd_min(wd_cidr_format(&net, out), (size_t) AUTH_NET_MAX - 1)] = '\0';
}


/* ---- grants ------------------------------------------------------------- */

/*
 * What the token says: the user's rights as they are now. Tokens are void that
 * were issued before a time of the database, so that clock is theirs, too.
 */
static int
auth_grant_access(const wd_rpc_call_t *call, auth_grant_t *grant, char *jti,
                  wd_error_t *err)
{
    int           rc;
    char          sub[AUTH_SUBJECT_MAX];
    auth_t       *a = call->svc;
    auth_rights_t rights;
    auth_claims_t claims = {.jti = jti, .session = grant->session.id};

    rc = auth_store_rights(call->pg, grant->session.user_id, call->pool,
                           &rights, err);
    if (rc == WD_ENOTFOUND || (rc == WD_OK && rights.disabled)) {
        return wd_error(err, WD_EFORBIDDEN, "the user is disabled");
    }
    if (rc != WD_OK) {
        return rc;
    }

    auth_jti_make(jti);
    claims.sub = auth_subject(sub, "user", grant->session.user_id);
    claims.plan = rights.plan;
    claims.perms = rights.perms.v;
    claims.n_perms = rights.perms.n;
    claims.issued_at = rights.now;
    claims.expires_at = claims.issued_at
                        + (int64_t) a->conf.access_ttl_ms * WD_NS_PER_MS;
    claims.expires_at -= claims.expires_at % WD_NS_PER_S;
    grant->access_end = claims.expires_at;
    grant->access_life_s = (claims.expires_at - claims.issued_at) / WD_NS_PER_S;
    return auth_jwt_sign(call, &claims, &grant->access, err);
}


int
auth_grant_next(const wd_rpc_call_t *call, auth_grant_t *grant, wd_error_t *err)
{
    int            rc;
    char           jti[AUTH_JTI_LEN + 1];
    auth_t        *a = call->svc;
    auth_refresh_t token = {.jti = jti};

    rc = auth_grant_access(call, grant, jti, err);
    if (rc != WD_OK) {
        return rc;
    }

    auth_ticket_make(AUTH_TICKET_REFRESH, grant->refresh);
    auth_ticket_hash(a->pepper, wd_str_z(grant->refresh), token.hash);
    token.jti_end = grant->access_end;
    return auth_store_refresh_add(call->pg, grant->session.id, &token,
                                  a->conf.refresh_ttl_ms / 1000,
                                  &grant->refresh_end, err);
}


int
auth_grant_begin(const wd_rpc_call_t *call, int64_t user_id, auth_grant_t *ret,
                 wd_error_t *err)
{
    int     rc;
    char    net[AUTH_NET_MAX];
    auth_t *a = call->svc;

    memset(ret, 0, sizeof(*ret));
    auth_net(call->ctx.ip, net);
    ret->session.user_id = user_id;
    ret->session.address = wd_str_z(net);

    rc = auth_store_session_add(call->pg, &ret->session,
                                a->conf.session_ttl_ms / 1000, err);
    ret->session.address = WD_STR_NULL; /* `net` ends here */
    return rc == WD_OK ? auth_grant_next(call, ret, err) : rc;
}


void
auth_grant_answer(wd_rpc_res_t *res, const auth_grant_t *g)
{
    wd_json_t j;

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_str(&j, "access_token", wd_buf_view(&g->access));
    auth_json_str(&j, "token_type", WD_STR("Bearer"));
    auth_json_int(&j, "expires_in", g->access_life_s);
    auth_json_end(&j, "expires_at", g->access_end);
    auth_json_str(&j, "refresh_token", wd_str_z(g->refresh));
    auth_json_end(&j, "refresh_expires_at", g->refresh_end);
    auth_json_int(&j, "session", g->session.id);
    auth_json_int(&j, "user_id", g->session.user_id);
    wd_json_end(&j);
}


void
auth_grant_done(auth_grant_t *g)
{
    if (g->access.data != NULL) {
        sodium_memzero(g->access.data, g->access.cap);
    }
    wd_buf_done(&g->access);
    sodium_memzero(g->refresh, sizeof(g->refresh));
}


/* ---- auth.refresh and auth.logout --------------------------------------- */

static int
auth_arg_refresh(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 uint8_t hash[AUTH_HASH_LEN])
{
    auth_t  *a = call->svc;
    wd_str_t token;

    if (wd_rpc_arg_str(call, "refresh_token", &token) != WD_OK
        || token.len > 128) {
        return wd_rpc_fail_param(res, "refresh_token",
                                 "refresh_token is required");
    }
    auth_ticket_hash(a->pepper, token, hash);
    return WD_OK;
}


static void
auth_note_session(auth_note_t *note, char subject[AUTH_SUBJECT_MAX],
                  char actor[AUTH_SUBJECT_MAX], const auth_session_t *session)
{
    note->subject = auth_subject(subject, "session", session->id);
    note->actor = auth_subject(actor, "user", session->user_id);
}


/* Which of the reasons it is helps only thieves. */
static int
auth_refresh_refused(wd_rpc_res_t *res)
{
    return wd_rpc_fail(res, WD_EUNAUTH,
                       "the refresh token is not valid; log in again");
}


/* Somebody has a token that was used up: nobody keeps this session. */
static int
auth_refresh_stolen(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                    const auth_session_t *session, auth_note_t *note)
{
    int        rc;
    int64_t    n;
    wd_error_t err;

    note->refused = "reuse: the token was used before";
    rc = auth_store_sessions_end(call->pg, session->user_id, session->id,
                                 "reuse", &n, &err);
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, note, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_log_warn(call->log, "refresh token reused, session ended", "request",
                call->ctx.id, "session", session->id, "user", session->user_id);
    return auth_refresh_refused(res);
}


static int
auth_refresh_good(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  auth_grant_t *grant, auth_note_t *note)
{
    int        rc;
    wd_error_t err;

    rc = auth_grant_next(call, grant, &err);
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, note, &err);
    }
    if (rc == WD_OK) {
        auth_grant_answer(res, grant);
    }
    auth_grant_done(grant);
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


int
auth_refresh(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int            rc;
    char           subject[AUTH_SUBJECT_MAX], actor[AUTH_SUBJECT_MAX];
    uint8_t        hash[AUTH_HASH_LEN];
    wd_error_t     err;
    auth_note_t    note = {.action = "auth.refresh"};
    auth_grant_t   grant = {0};
    auth_refresh_e is = AUTH_REFRESH_ENDED;

    rc = auth_arg_refresh(call, res, hash);
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_begin(call->pg, &err);
    if (rc == WD_OK) {
        rc = auth_store_refresh_use(call->pg, hash, &is, &grant.session, &err);
    }
    if (rc == WD_OK) {
        auth_note_session(&note, subject, actor, &grant.session);
        rc = auth_store_org_of(call->pg, grant.session.user_id, &note.org_id,
                               &err);
    }
    if (rc != WD_OK && rc != WD_ENOTFOUND) {
        return auth_fail_store(call, res, rc, &err);
    }

    if (rc == WD_OK && is == AUTH_REFRESH_GOOD) {
        return auth_refresh_good(call, res, &grant, &note);
    }
    if (rc == WD_OK && is == AUTH_REFRESH_REUSED) {
        return auth_refresh_stolen(call, res, &grant.session, &note);
    }
    note.refused = rc == WD_OK ? "the session has ended" : "unknown token";
    note.cheap = true;
    auth_audit_refused(call, &note);
    return auth_refresh_refused(res);
}


/* The token may be one that was used up: whoever has it may end the session. */
int
auth_logout(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int            rc;
    char           subject[AUTH_SUBJECT_MAX], actor[AUTH_SUBJECT_MAX];
    uint8_t        hash[AUTH_HASH_LEN];
    int64_t        n = 0;
    wd_json_t      j;
    wd_error_t     err;
    auth_note_t    note = {.action = "auth.logout"};
    auth_refresh_e is;
    auth_session_t session;

    rc = auth_arg_refresh(call, res, hash);
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_begin(call->pg, &err);
    if (rc == WD_OK) {
        rc = auth_store_refresh_use(call->pg, hash, &is, &session, &err);
    }
    if (rc == WD_OK) {
        auth_note_session(&note, subject, actor, &session);
        rc = auth_store_org_of(call->pg, session.user_id, &note.org_id, &err);
    }
    if (rc == WD_OK) {
        rc = auth_store_sessions_end(call->pg, session.user_id, session.id,
                                     "logout", &n, &err);
    }
    if (rc == WD_ENOTFOUND) {
        note.refused = "unknown token";
        note.cheap = true;
        auth_audit_refused(call, &note);
        return auth_refresh_refused(res);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, &note, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_int(&j, "ended", n);
    wd_json_end(&j);
    return WD_OK;
}


/* ---- one's own sessions ------------------------------------------------- */

int
auth_sessions(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int             rc;
    size_t          i, n;
    wd_error_t      err;
    auth_page_t     page;
    auth_actor_t    actor;
    auth_session_t *s;

    static const wd_col_t cols[] = {
        {"id", WD_COL_INT},          {"network", WD_COL_STR},
        {"created_at", WD_COL_TIME}, {"last_at", WD_COL_TIME},
        {"expires_at", WD_COL_TIME},
    };

    rc = auth_actor_self(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_page_begin(&page, call, res, "sessions", cols,
                             wd_array_len(cols));
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_sessions(call->pg, actor.user_id, page.after,
                             page.limit + 1, call->pool, &s, &n, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    for (i = 0; i < n; i++) {
        if (auth_page_row(&page, s[i].id)) {
            wd_rows_row(&page.rows);
            wd_rows_int(&page.rows, s[i].id);
            wd_rows_str(&page.rows, s[i].address);
            wd_rows_time(&page.rows, s[i].created_at);
            wd_rows_time(&page.rows, s[i].last_at);
            wd_rows_time(&page.rows, s[i].expires_at);
        }
    }
    auth_page_end(&page, res);
    return WD_OK;
}


/*
 * Ends one session, or all and whatever tokens there are. In a transaction
 * that the caller has begun.
 */
static int
auth_end_sessions(const wd_rpc_call_t *call, wd_rpc_res_t *res, int64_t user_id,
                  int64_t session_id, const char *reason, auth_note_t *note)
{
    int        rc;
    int64_t    n;
    wd_json_t  j;
    wd_error_t err;

    rc = auth_store_sessions_end(call->pg, user_id, session_id, reason, &n,
                                 &err);
    if (rc == WD_OK && session_id != 0 && n == 0) {
        return wd_rpc_fail(res, WD_ENOTFOUND, "there is no session %lld",
                           (long long) session_id);
    }
    if (rc == WD_OK && session_id == 0) {
        rc = auth_store_void_subject(call->pg, user_id, &err);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, note, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_int(&j, "ended", n);
    wd_json_end(&j);
    return WD_OK;
}


int
auth_session_end(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    char         subject[AUTH_SUBJECT_MAX];
    int64_t      id;
    wd_error_t   err;
    auth_note_t  note = {.action = "auth.session_end"};
    auth_actor_t actor;

    rc = auth_actor_self(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_arg_id(call, res, &id);
    }
    if (rc != WD_OK) {
        return rc;
    }

    note.org_id = actor.org_id;
    note.subject = auth_subject(subject, "session", id);
    rc = wd_pg_begin(call->pg, &err);
    return rc == WD_OK ? auth_end_sessions(call, res, actor.user_id, id,
                                           "logout", &note)
                       : auth_fail_store(call, res, rc, &err);
}


int
auth_logout_all(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    char         subject[AUTH_SUBJECT_MAX];
    wd_error_t   err;
    auth_note_t  note = {.action = "auth.logout_all"};
    auth_actor_t actor;

    rc = auth_actor_self(call, res, &actor);
    if (rc != WD_OK) {
        return rc;
    }

    note.org_id = actor.org_id;
    note.subject = auth_subject(subject, "user", actor.user_id);
    rc = wd_pg_begin(call->pg, &err);
    return rc == WD_OK
               ? auth_end_sessions(call, res, actor.user_id, 0, "logout", &note)
               : auth_fail_store(call, res, rc, &err);
}


/* ---- users.logout ------------------------------------------------------- */

int
auth_users_logout(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    char         subject[AUTH_SUBJECT_MAX];
    int64_t      id;
    wd_error_t   err;
    auth_user_t  user;
    auth_note_t  note = {.action = "users.logout"};
    auth_actor_t actor;

    rc = auth_actor(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_arg_id(call, res, &id);
    }
    if (rc == WD_OK) {
        rc = auth_actor_over(call, res, &actor, id, &user);
    }
    if (rc != WD_OK) {
        return rc;
    }

    note.org_id = user.org_id;
    note.subject = auth_subject(subject, "user", id);
    rc = wd_pg_begin(call->pg, &err);
    return rc == WD_OK ? auth_end_sessions(call, res, id, 0, "admin", &note)
                       : auth_fail_store(call, res, rc, &err);
}
