/*
 * auth_once.c - what is done with a one-time token: an invitation accepted, a
 * password chosen, an address proved.
 */
#include "auth_account.h"
#include "auth_answer.h"
#include "auth_check.h"
#include "auth_service.h"

#include <sodium.h>


static int
auth_once_refused(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  auth_note_t *note)
{
    note->refused = "unknown or ended token";
    note->cheap = true;
    auth_audit_refused(call, note);
    return wd_rpc_fail(res, WD_EUNAUTH,
                       "the token is not valid: it was used, has ended, or "
                       "another took its place");
}


/* Of the kinds that `kinds` names; the others are for another method. */
static int
auth_once_look(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *kinds,
               uint8_t hash[AUTH_HASH_LEN], auth_once_t *ret, auth_note_t *note)
{
    int        rc;
    auth_t    *a = call->svc;
    wd_str_t   token;
    wd_error_t err;

    if (wd_rpc_arg_str(call, "token", &token) != WD_OK || token.len > 128) {
        return wd_rpc_fail_param(res, "token", "token is required");
    }

    auth_ticket_hash(a->pepper, token, hash);
    rc = auth_store_once(call->pg, hash, call->pool, ret, &err);
    if (rc == WD_ENOTFOUND
        || (rc == WD_OK && strstr(kinds, ret->kind.data) == NULL)) {
        return auth_once_refused(call, res, note);
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
                   const auth_once_t *once, const uint8_t hash[AUTH_HASH_LEN],
                   const char *password, auth_note_t *note)
{
    int        rc;
    int64_t    n;
    wd_str_t   name;
    wd_error_t err;

    rc = auth_arg_text(call, res, "name", AUTH_NAME_MAX, &name);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_once_use(call->pg, hash, &err);
    if (rc == WD_ENOTFOUND) {
        return auth_once_refused(call, res, note);
    }
    if (rc == WD_OK) {
        rc = auth_store_password(call->pg, once->user_id, password, &err);
    }
    if (rc == WD_OK && wd_str_eq_z(once->kind, "invite")) {
        rc = auth_store_user_update(call->pg, once->user_id, name, WD_STR_NULL,
                                    WD_STR_NULL, NULL, &err);
        if (rc == WD_OK) {
            rc = auth_store_verified(call->pg, once->user_id, &err);
        }
    }
    if (rc == WD_OK) {
        rc = auth_store_sessions_end(call->pg, once->user_id, 0, "password", &n,
                                     &err);
    }
    if (rc == WD_OK) {
        rc = auth_store_void_subject(call->pg, once->user_id, &err);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, note, &err);
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


/* Looked at with a connection, hashed without, done with one. */
typedef struct {
    auth_once_t once;
    uint8_t     hash[AUTH_HASH_LEN]; /* of the token */
    char        password[AUTH_PASSWORD_HASH_MAX];
    char        subject[AUTH_SUBJECT_MAX];
    auth_note_t note;
} auth_accept_t;


static int
auth_accept_look(const wd_rpc_call_t *call, wd_rpc_res_t *res, void *arg)
{
    auth_accept_t *a = arg;

    return auth_once_look(call, res, "invite reset", a->hash, &a->once,
                          &a->note);
}


static int
auth_accept_finish(const wd_rpc_call_t *call, wd_rpc_res_t *res, void *arg)
{
    int            rc;
    wd_error_t     err;
    auth_accept_t *a = arg;

    rc = wd_pg_begin(call->pg, &err);
    return rc == WD_OK ? auth_accept_commit(call, res, &a->once, a->hash,
                                            a->password, &a->note)
                       : auth_fail_store(call, res, rc, &err);
}


int
auth_accept(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int           rc;
    wd_str_t      chosen;
    auth_accept_t a = {.note = {.action = "auth.accept"}};

    rc = auth_with_pg(call, res, auth_accept_look, &a);
    if (rc == WD_OK) {
        rc = auth_arg_new_password(call, res, a.once.email, &chosen);
    }
    if (rc == WD_OK) {
        rc = auth_hash_new(call, res, chosen, a.password);
    }
    if (rc != WD_OK) {
        return rc;
    }

    a.note.subject = a.note.actor = auth_subject(a.subject, "user",
                                                 a.once.user_id);
    rc = auth_with_pg(call, res, auth_accept_finish, &a);
    sodium_memzero(a.password, sizeof(a.password));
    if (rc == WD_OK) {
        auth_put_once_done(res, &a.once);
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

    rc = auth_once_look(call, res, "verify", hash, &once, &note);
    if (rc != WD_OK) {
        return rc;
    }

    note.subject = note.actor = auth_subject(subject, "user", once.user_id);
    rc = wd_pg_begin(call->pg, &err);
    if (rc == WD_OK) {
        rc = auth_store_once_use(call->pg, hash, &err);
    }
    if (rc == WD_ENOTFOUND) {
        return auth_once_refused(call, res, &note);
    }
    if (rc == WD_OK) {
        rc = auth_store_verified(call->pg, once.user_id, &err);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, &note, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    auth_put_once_done(res, &once);
    return WD_OK;
}
