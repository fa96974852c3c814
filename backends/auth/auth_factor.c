/*
 * auth_factor.c - one's own second factor: begun, confirmed, ended.
 */
#include "auth_account.h"
#include "auth_answer.h"
#include "auth_service.h"
#include "auth_totp.h"

#include <ctype.h>
#include <sodium.h>


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
auth_begin_totp(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                auth_attempt_t *attempt, void *arg)
{
    int        rc;
    auth_t    *a = call->svc;
    uint8_t    secret[AUTH_TOTP_SECRET], sealed[AUTH_TOTP_SEALED];
    wd_error_t err;

    (void) arg;
    randombytes_buf(secret, sizeof(secret));
    auth_seal(a->pepper, AUTH_TOTP_LABEL, secret, sizeof(secret), sealed);
    rc = auth_store_totp_begin(call->pg, attempt->login.user_id, sealed, &err);
    if (rc == WD_ENOTFOUND) {
        rc = wd_rpc_fail(res, WD_EEXIST,
                         "there is a second factor in use; "
                         "end it first");
    } else if (rc == WD_OK) {
        rc = auth_audit_commit(call, &attempt->note, &err);
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
        auth_audit_refused(call, note);
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
        rc = auth_audit_commit(call, note, &err);
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
auth_end_totp(const wd_rpc_call_t *call, wd_rpc_res_t *res,
              auth_attempt_t *attempt, void *arg)
{
    int        rc;
    bool       was;
    wd_json_t  j;
    wd_error_t err;

    (void) arg;
    rc = auth_store_totp_end(call->pg, attempt->login.user_id, &was, &err);
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, &attempt->note, &err);
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
