/*
 * auth_account.c - one's own account: who am I, password, second factor; and
 * what is done with a one-time token.
 */
#include "auth_answer.h"
#include "auth_check.h"
#include "auth_login.h"
#include "auth_service.h"
#include "auth_session.h"
#include "auth_totp.h"

#include <ctype.h>
#include <sodium.h>


/* ---- auth.me ------------------------------------------------------------ */

static void
auth_put_me(wd_rpc_res_t *res, const wd_rpc_call_t *call,
            const auth_actor_t *actor, const auth_user_t *user)
{
    wd_json_t j;

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_str(&j, "principal", call->ctx.principal);
    auth_json_str(&j, "key",
                  call->ctx.key.len != 0 ? call->ctx.key : WD_STR_NULL);
    auth_json_str(&j, "plan", call->ctx.plan);
    auth_json_strs(&j, "permissions", actor->perms.v, actor->perms.n);
    if (user != NULL) {
        auth_json_int(&j, "user_id", user->id);
        auth_json_str(&j, "org", user->org);
        auth_json_str(&j, "email", user->email);
        auth_json_str(&j, "name", user->name);
        auth_json_strs(&j, "roles", user->roles, user->n_roles);
        auth_json_bool(&j, "verified", user->verified_at != WD_NS_MAX);
        auth_json_bool(&j, "has_password", user->has_password);
        auth_json_bool(&j, "second_factor", user->has_totp);
        auth_json_end(&j, "last_login_at", user->last_login_at);
    }
    wd_json_end(&j);
}


int
auth_me(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    wd_error_t   err;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_actor(call, res, &actor);
    if (rc != WD_OK) {
        return rc;
    }
    if (actor.kind != AUTH_ACTOR_USER) {
        auth_put_me(res, call, &actor, NULL);
        return WD_OK;
    }

    rc = auth_store_user(call->pg, actor.user_id, call->pool, &user, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    auth_put_me(res, call, &actor, &user);
    return WD_OK;
}


/* ---- methods that ask for the password ---------------------------------- */

/*
 * Whose account it is; on the lane, so with a connection for this alone,
 * which is not kept while a password is hashed.
 */
static int
auth_own_account(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 auth_actor_t *ret, auth_user_t *ret_user)
{
    int           rc;
    auth_t       *a = call->svc;
    wd_error_t    err;
    wd_rpc_call_t with = *call;

    rc = wd_pg_acquire(wd_service_pg(a->service), call->deadline, &with.pg,
                       &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    rc = auth_actor_self(&with, res, ret);
    if (rc == WD_OK) {
        rc = auth_store_user(with.pg, ret->user_id, call->pool, ret_user, &err);
        if (rc != WD_OK) {
            rc = auth_fail_store(call, res, rc, &err);
        }
    }
    wd_pg_release(with.pg);
    return rc;
}


static int
auth_arg_password(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  const char *name, wd_str_t *ret)
{
    if (wd_rpc_arg_str(call, name, ret) != WD_OK || ret->len == 0
        || ret->len > AUTH_PASSWORD_MAX) {
        return wd_rpc_fail_param(res, name, "%s is required", name);
    }
    return WD_OK;
}


/* A password that is about to be chosen. */
static int
auth_arg_new_password(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                      wd_str_t email, wd_str_t *ret)
{
    int        rc;
    wd_error_t err;

    rc = auth_arg_password(call, res, "password", ret);
    if (rc == WD_OK && auth_password_check(*ret, email, &err) != WD_OK) {
        rc = wd_rpc_fail_param(res, "password", "%s", err.text);
    }
    return rc;
}


/* The rest, with a connection and inside a transaction. */
typedef int (*auth_passed_pt)(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                              wd_pg_conn_t *c, auth_attempt_t *attempt,
                              void *arg);


/*
 * Verifies the argument `name`, one's password; fn then does what it is
 * for, and commits.
 */
static int
auth_with_password(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   const char *name, const char *action, bool factor,
                   const auth_actor_t *actor, auth_passed_pt fn, void *arg)
{
    int            rc;
    auth_t        *a = call->svc;
    wd_str_t       password;
    wd_error_t     err;
    wd_pg_conn_t  *c;
    auth_attempt_t attempt;

    rc = auth_arg_password(call, res, name, &password);
    if (rc == WD_OK) {
        rc = auth_attempt(call, res, WD_STR(""), WD_STR(""), actor->user_id,
                          password, action, &attempt);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_acquire(wd_service_pg(a->service), call->deadline, &c, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = wd_pg_begin(c, &err);
    if (rc != WD_OK) {
        rc = auth_fail_store(call, res, rc, &err);
    } else {
        rc = auth_attempt_passed(call, res, c, &attempt, factor);
    }
    if (rc == WD_OK) {
        rc = fn(call, res, c, &attempt, arg);
    }
    wd_pg_release(c);
    return rc;
}


/* ---- auth.password ------------------------------------------------------ */

static int
auth_set_password(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_pg_conn_t *c,
                  auth_attempt_t *attempt, void *arg)
{
    int          rc;
    int64_t      n, id = attempt->login.user_id;
    const char  *hash = arg;
    wd_error_t   err;
    auth_grant_t grant = {0};

    rc = auth_store_password(c, id, hash, &err);
    if (rc == WD_OK) {
        rc = auth_store_sessions_end(c, id, 0, "password", &n, &err);
    }
    if (rc == WD_OK) {
        rc = auth_store_void_subject(c, id, &err);
    }
    if (rc == WD_OK) {
        rc = auth_grant_begin(call, c, id, &grant, &err);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, c, &attempt->note, &err);
    }
    if (rc == WD_OK) {
        auth_grant_answer(res, &grant);
    }
    auth_grant_done(&grant);
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


static int
auth_hash_new(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_str_t password,
              char hash[AUTH_PASSWORD_HASH_MAX])
{
    int     rc;
    auth_t *a = call->svc;

    rc = auth_hasher_hash(a->hasher, password, hash);
    if (rc != WD_OK) {
        res->retry_s = 1;
        return wd_rpc_fail(res, rc, "%s", wd_err_info(rc)->text);
    }
    return WD_OK;
}


int
auth_password(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    char         hash[AUTH_PASSWORD_HASH_MAX];
    wd_str_t     password;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_own_account(call, res, &actor, &user);
    if (rc == WD_OK) {
        rc = auth_arg_new_password(call, res, user.email, &password);
    }
    if (rc == WD_OK) {
        rc = auth_hash_new(call, res, password, hash);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_with_password(call, res, "current", "auth.password", false,
                            &actor, auth_set_password, hash);
    sodium_memzero(hash, sizeof(hash));
    return rc;
}


/* ---- second factor ------------------------------------------------------ */

static void
auth_uri_escape(wd_buf_t *out, wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (isalnum((unsigned char) s.data[i])
            || strchr("-._~@", s.data[i]) != NULL) {
            wd_buf_byte(out, (uint8_t) s.data[i]);
        } else {
            wd_buf_printf(out, "%%%02X", (unsigned char) s.data[i]);
        }
    }
}


static void
auth_put_totp(wd_rpc_res_t *res, const uint8_t secret[AUTH_TOTP_SECRET],
              wd_str_t email)
{
    char      text[AUTH_TOTP_BASE32 + 1];
    wd_buf_t  uri = WD_BUF_INIT;
    wd_json_t j;

    auth_base32(secret, text);
    wd_buf_z(&uri, "otpauth://totp/WizData:");
    auth_uri_escape(&uri, email);
    wd_buf_printf(&uri,
                  "?secret=%s&issuer=WizData&algorithm=SHA1&digits=6"
                  "&period=30",
                  text);

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_str(&j, "secret", wd_str_z(text));
    auth_json_str(&j, "uri", wd_buf_view(&uri));
    wd_json_end(&j);
    if (uri.err != WD_OK) {
        res->body.err = uri.err;
    }
    sodium_memzero(text, sizeof(text));
    if (uri.data != NULL) {
        sodium_memzero(uri.data, uri.cap);
    }
    wd_buf_done(&uri);
}


static int
auth_begin_totp(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_pg_conn_t *c,
                auth_attempt_t *attempt, void *arg)
{
    int        rc;
    auth_t    *a = call->svc;
    uint8_t    secret[AUTH_TOTP_SECRET], sealed[AUTH_TOTP_SEALED];
    wd_error_t err;

    (void) arg;
    randombytes_buf(secret, sizeof(secret));
    auth_seal(a->pepper, AUTH_TOTP_LABEL, secret, sizeof(secret), sealed);
    rc = auth_store_totp_begin(c, attempt->login.user_id, sealed, &err);
    if (rc == WD_ENOTFOUND) {
        rc = wd_rpc_fail(res, WD_EEXIST,
                         "there is a second factor in use; "
                         "end it first");
    } else if (rc == WD_OK) {
        rc = auth_audit_commit(call, c, &attempt->note, &err);
        if (rc == WD_OK) {
            auth_put_totp(res, secret, attempt->login.email);
        } else {
            rc = auth_fail_store(call, res, rc, &err);
        }
    } else {
        rc = auth_fail_store(call, res, rc, &err);
    }
    sodium_memzero(secret, sizeof(secret));
    return rc;
}


int
auth_totp_begin(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_own_account(call, res, &actor, &user);
    return rc == WD_OK
               ? auth_with_password(call, res, "password", "auth.totp_begin",
                                    false, &actor, auth_begin_totp, NULL)
               : rc;
}


/* New recovery codes, in the answer and, hashed, in the database. */
static int
auth_add_recovery(const wd_rpc_call_t *call, wd_json_t *j, int64_t user_id,
                  wd_error_t *err)
{
    int     rc = WD_OK, i;
    char    code[AUTH_RECOVERY_LEN + 1];
    auth_t *a = call->svc;
    uint8_t hash[AUTH_HASH_LEN];

    wd_json_key(j, "recovery_codes");
    wd_json_arr(j);
    for (i = 0; rc == WD_OK && i < AUTH_RECOVERY_CODES; i++) {
        auth_recovery_make(code);
        auth_ticket_hash(a->pepper, wd_str_z(code), hash);
        rc = auth_store_recovery_add(call->pg, user_id, hash, err);
        wd_json_z(j, code);
    }
    wd_json_end(j);
    sodium_memzero(code, sizeof(code));
    return rc;
}


/* The step of the code that was sent; -1: it is wrong. */
static int
auth_totp_sent(const wd_rpc_call_t *call, wd_rpc_res_t *res, int64_t user_id,
               int64_t *ret)
{
    int          rc;
    auth_t      *a = call->svc;
    uint8_t      secret[AUTH_TOTP_SECRET];
    wd_str_t     code;
    wd_error_t   err;
    auth_login_t login;

    *ret = -1;
    if (wd_rpc_arg_str(call, "code", &code) != WD_OK) {
        return wd_rpc_fail_param(res, "code", "code must be six digits");
    }

    rc = auth_store_login(call->pg, WD_STR(""), WD_STR(""), user_id, call->pool,
                          &login, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    if (login.totp_sealed.data != NULL
        && auth_unseal(a->pepper, AUTH_TOTP_LABEL,
                       (const uint8_t *) login.totp_sealed.data,
                       login.totp_sealed.len, secret)) {
        *ret = auth_totp_step(secret, code, wd_now());
        sodium_memzero(secret, sizeof(secret));
    }
    return WD_OK;
}


/* In a transaction. */
static int
auth_confirm_totp(const wd_rpc_call_t *call, wd_rpc_res_t *res, int64_t step,
                  const auth_actor_t *actor, auth_note_t *note)
{
    int        rc;
    wd_json_t  j;
    wd_error_t err;

    rc = step < 0
             ? WD_ENOTFOUND
             : auth_store_totp_use(call->pg, actor->user_id, step, true, &err);
    if (rc == WD_ENOTFOUND) {
        note->refused = "wrong code";
        auth_audit_refused(call, call->pg, note);
        return wd_rpc_fail_param(res, "code",
                                 "code is not what the second factor that was "
                                 "begun shows now");
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    if (rc == WD_OK) {
        rc = auth_add_recovery(call, &j, actor->user_id, &err);
    }
    wd_json_end(&j);
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, call->pg, note, &err);
    }
    if (rc != WD_OK) {
        wd_buf_reset(&res->body);
        return auth_fail_store(call, res, rc, &err);
    }
    return WD_OK;
}


int
auth_totp_confirm(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    char         subject[AUTH_SUBJECT_MAX];
    int64_t      step;
    wd_error_t   err;
    auth_note_t  note = {.action = "auth.totp_confirm"};
    auth_actor_t actor;

    rc = auth_actor_self(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_totp_sent(call, res, actor.user_id, &step);
    }
    if (rc != WD_OK) {
        return rc;
    }

    note.org_id = actor.org_id;
    note.subject = auth_subject(subject, "user", actor.user_id);
    rc = wd_pg_begin(call->pg, &err);
    return rc == WD_OK ? auth_confirm_totp(call, res, step, &actor, &note)
                       : auth_fail_store(call, res, rc, &err);
}


static int
auth_end_totp(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_pg_conn_t *c,
              auth_attempt_t *attempt, void *arg)
{
    int        rc;
    bool       was;
    wd_json_t  j;
    wd_error_t err;

    (void) arg;
    rc = auth_store_totp_end(c, attempt->login.user_id, &was, &err);
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, c, &attempt->note, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_bool(&j, "ended", was);
    wd_json_end(&j);
    return WD_OK;
}


int
auth_totp_end(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_own_account(call, res, &actor, &user);
    return rc == WD_OK
               ? auth_with_password(call, res, "password", "auth.totp_end",
                                    true, &actor, auth_end_totp, NULL)
               : rc;
}


/* ---- one-time tokens ---------------------------------------------------- */

static int
auth_once_refused(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_pg_conn_t *c,
                  auth_note_t *note)
{
    note->refused = "unknown or ended token";
    auth_audit_refused(call, c, note);
    return wd_rpc_fail(res, WD_EUNAUTH,
                       "the token is not valid: it was used, has ended, or "
                       "another took its place");
}


/* Of the kinds that `kinds` names; the others are for another method. */
static int
auth_once_look(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_pg_conn_t *c,
               const char *kinds, uint8_t hash[AUTH_HASH_LEN], auth_once_t *ret,
               auth_note_t *note)
{
    int        rc;
    auth_t    *a = call->svc;
    wd_str_t   token;
    wd_error_t err;

    if (wd_rpc_arg_str(call, "token", &token) != WD_OK || token.len > 128) {
        return wd_rpc_fail_param(res, "token", "token is required");
    }

    auth_ticket_hash(a->pepper, token, hash);
    rc = auth_store_once(c, hash, call->pool, ret, &err);
    if (rc == WD_ENOTFOUND
        || (rc == WD_OK && strstr(kinds, ret->kind.data) == NULL)) {
        return auth_once_refused(call, res, c, note);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    note->org_id = ret->org_id;
    return WD_OK;
}


/* In a transaction: the password is set, whatever there was has ended. */
static int
auth_accept_commit(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   wd_pg_conn_t *c, const auth_once_t *once,
                   const uint8_t hash[AUTH_HASH_LEN], const char *password,
                   auth_note_t *note)
{
    int        rc;
    int64_t    n;
    wd_str_t   name;
    wd_error_t err;

    rc = auth_arg_text(call, res, "name", AUTH_NAME_MAX, &name);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_once_use(c, hash, &err);
    if (rc == WD_ENOTFOUND) {
        return auth_once_refused(call, res, c, note);
    }
    if (rc == WD_OK) {
        rc = auth_store_password(c, once->user_id, password, &err);
    }
    if (rc == WD_OK && wd_str_eq_z(once->kind, "invite")) {
        rc = auth_store_user_update(c, once->user_id, name, WD_STR_NULL,
                                    WD_STR_NULL, NULL, &err);
        if (rc == WD_OK) {
            rc = auth_store_verified(c, once->user_id, &err);
        }
    }
    if (rc == WD_OK) {
        rc = auth_store_sessions_end(c, once->user_id, 0, "password", &n, &err);
    }
    if (rc == WD_OK) {
        rc = auth_store_void_subject(c, once->user_id, &err);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, c, note, &err);
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


static void
auth_put_once_done(wd_rpc_res_t *res, const auth_once_t *once)
{
    wd_json_t j;

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_int(&j, "user_id", once->user_id);
    auth_json_str(&j, "email", once->email);
    auth_json_str(&j, "done", once->kind);
    wd_json_end(&j);
}


/* Looks with a connection; hashes without one. */
static int
auth_accept_look(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_once_t *ret,
                 uint8_t hash[AUTH_HASH_LEN], auth_note_t *note)
{
    int           rc;
    auth_t       *a = call->svc;
    wd_error_t    err;
    wd_pg_conn_t *c;

    rc = wd_pg_acquire(wd_service_pg(a->service), call->deadline, &c, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_once_look(call, res, c, "invite reset", hash, ret, note);
    wd_pg_release(c);
    return rc;
}


static int
auth_accept_with(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 const auth_once_t *once, const uint8_t hash[AUTH_HASH_LEN],
                 const char *password, auth_note_t *note)
{
    int           rc;
    auth_t       *a = call->svc;
    wd_error_t    err;
    wd_pg_conn_t *c;

    rc = wd_pg_acquire(wd_service_pg(a->service), call->deadline, &c, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = wd_pg_begin(c, &err);
    rc = rc == WD_OK
             ? auth_accept_commit(call, res, c, once, hash, password, note)
             : auth_fail_store(call, res, rc, &err);
    wd_pg_release(c);
    return rc;
}


int
auth_accept(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    char        password[AUTH_PASSWORD_HASH_MAX];
    char        subject[AUTH_SUBJECT_MAX];
    uint8_t     hash[AUTH_HASH_LEN];
    wd_str_t    chosen;
    auth_once_t once;
    auth_note_t note = {.action = "auth.accept"};

    rc = auth_accept_look(call, res, &once, hash, &note);
    if (rc == WD_OK) {
        rc = auth_arg_new_password(call, res, once.email, &chosen);
    }
    if (rc == WD_OK) {
        rc = auth_hash_new(call, res, chosen, password);
    }
    if (rc != WD_OK) {
        return rc;
    }

    note.subject = note.actor = auth_subject(subject, "user", once.user_id);
    rc = auth_accept_with(call, res, &once, hash, password, &note);
    sodium_memzero(password, sizeof(password));
    if (rc == WD_OK) {
        auth_put_once_done(res, &once);
    }
    return rc;
}


int
auth_confirm(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    char        subject[AUTH_SUBJECT_MAX];
    uint8_t     hash[AUTH_HASH_LEN];
    wd_error_t  err;
    auth_once_t once;
    auth_note_t note = {.action = "auth.confirm"};

    rc = auth_once_look(call, res, call->pg, "verify", hash, &once, &note);
    if (rc != WD_OK) {
        return rc;
    }

    note.subject = note.actor = auth_subject(subject, "user", once.user_id);
    rc = wd_pg_begin(call->pg, &err);
    if (rc == WD_OK) {
        rc = auth_store_once_use(call->pg, hash, &err);
    }
    if (rc == WD_ENOTFOUND) {
        return auth_once_refused(call, res, call->pg, &note);
    }
    if (rc == WD_OK) {
        rc = auth_store_verified(call->pg, once.user_id, &err);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, call->pg, &note, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    auth_put_once_done(res, &once);
    return WD_OK;
}
