/*
 * auth_login.c - auth.login, and what it shares with other methods that ask
 * for a password.
 *
 * Nobody is locked out: who fails waits longer each time, by network, so that
 * a stranger's failures are not the owner's. Failures from everywhere together
 * slow strangers down, and not the networks from which the owner came lately.
 * Unknown users are treated alike: same answer, same hash, same counts.
 */
#include "auth_login.h"

#include "auth_account.h"
#include "auth_answer.h"
#include "auth_check.h"
#include "auth_service.h"
#include "auth_session.h"
#include "auth_totp.h"

#include <sodium.h>

#define AUTH_ACCOUNT_LABEL "wizdata login accounts, 1"
#define AUTH_FREE_HERE 4 /* failures without a wait */
#define AUTH_FREE_ALL 20
#define AUTH_WAIT_HERE_MAX 300 /* seconds */
#define AUTH_WAIT_ALL_MAX 8


static int64_t
auth_backoff(int64_t n, int64_t free, int64_t max)
{
    int64_t over = n - free;

    if (over <= 0) {
        return 0;
    }
    return over >= 30 ? max : wd_min((int64_t) 1 << (over - 1), max);
}


int64_t
auth_backoff_here(int64_t n)
{
    return auth_backoff(n, AUTH_FREE_HERE, AUTH_WAIT_HERE_MAX);
}


int64_t
auth_backoff_all(int64_t n)
{
    return auth_backoff(n, AUTH_FREE_ALL, AUTH_WAIT_ALL_MAX);
}


/*
 * Seconds that are left to wait. Where a clock went back nobody waits for it:
 * the next failure is counted from its time on.
 */
static int64_t
auth_wait_left(int64_t wait_s, wd_ns_t age)
{
    wd_ns_t left = wait_s * WD_NS_PER_S - age;

    return age < 0 || left <= 0 ? 0 : (left + WD_NS_PER_S - 1) / WD_NS_PER_S;
}


static int64_t
auth_failures_wait(const auth_failures_t *f)
{
    int64_t here, all = 0;

    here = auth_wait_left(auth_backoff_here(f->here), f->here_age);
    if (!f->known) {
        all = auth_wait_left(auth_backoff_all(f->all), f->all_age);
    }
    return wd_max(here, all);
}


/*
 * An account is what was typed, in lower case as the database has it, whether
 * there is such a user or not.
 */
static void
auth_account(const auth_pepper_t *pepper, wd_str_t org, wd_str_t email,
             uint8_t ret[AUTH_HASH_LEN])
{
    uint8_t                  key[AUTH_SECRET_LEN];
    crypto_generichash_state state;

    auth_pepper_derive(pepper, AUTH_ACCOUNT_LABEL, key);
    crypto_generichash_init(&state, key, sizeof(key), AUTH_HASH_LEN);
    crypto_generichash_update(&state, (const unsigned char *) org.data,
                              org.len);
    crypto_generichash_update(&state, (const unsigned char *) "", 1);
    crypto_generichash_update(&state, (const unsigned char *) email.data,
                              email.len);
    crypto_generichash_final(&state, ret, AUTH_HASH_LEN);
    sodium_memzero(key, sizeof(key));
}


/* ---- an attempt --------------------------------------------------------- */

/*
 * Counts the attempt as a failure before it is known to be one, so that many
 * at once are not all tried; whoever passes is forgiven.
 */
static int
auth_attempt_count(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   auth_attempt_t *a)
{
    int        rc;
    wd_error_t err;

    rc = auth_store_failed(call->pg, a->account, wd_str_z(a->net), &err);
    if (rc == WD_OK) {
        rc = wd_pg_commit(call->pg, &err);
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


static int
auth_attempt_wait(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  auth_attempt_t *a)
{
    int             rc;
    int64_t         wait;
    wd_error_t      err;
    auth_failures_t failures;

    rc = auth_store_failures(call->pg, a->account, wd_str_z(a->net),
                             a->login.user_id, &failures, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wait = auth_failures_wait(&failures);
    if (wait == 0) {
        return auth_attempt_count(call, res, a);
    }
    a->note.refused = "back-off after failures";
    a->note.cheap = true;
    auth_audit_refused(call, &a->note);
    res->retry_s = (int) wait;
    return wd_rpc_fail(res, WD_ELIMIT,
                       "too many failures; try again in %lld seconds",
                       (long long) wait);
}


/* Whose failures count. */
static int
auth_attempt_account(const wd_rpc_call_t *call, auth_attempt_t *a,
                     wd_error_t *err)
{
    int      rc = WD_OK;
    char     id[AUTH_SUBJECT_MAX];
    auth_t  *svc = call->svc;
    wd_str_t typed;

    if (a->user_id != 0) {
        typed = auth_subject(id, "user", a->user_id);
    } else {
        rc = auth_store_lower(call->pg, a->email, call->pool, &typed, err);
    }
    if (rc == WD_OK) {
        auth_account(svc->pepper, a->org, typed, a->account);
    }
    return rc;
}


static int
auth_attempt_look(const wd_rpc_call_t *call, wd_rpc_res_t *res, void *arg)
{
    int             rc;
    wd_error_t      err;
    auth_attempt_t *a = arg;

    rc = auth_attempt_account(call, a, &err);
    if (rc == WD_OK) {
        rc = auth_store_login(call->pg, a->org, a->email, a->user_id,
                              call->pool, &a->login, &err);
    }
    if (rc == WD_ENOTFOUND) {
        memset(&a->login, 0, sizeof(a->login));
        rc = WD_OK;
    }
    if (rc == WD_OK) {
        rc = wd_pg_begin(call->pg, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    a->note.org_id = a->login.org_id;
    a->note.subject = a->login.user_id != 0
                          ? auth_subject(a->subject, "user", a->login.user_id)
                          : WD_STR("unknown");
    return auth_attempt_wait(call, res, a);
}


int
auth_attempt(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_str_t org,
             wd_str_t email, int64_t user_id, wd_str_t password,
             const char *action, auth_attempt_t *ret)
{
    int     rc;
    auth_t *svc = call->svc;

    memset(ret, 0, sizeof(*ret));
    ret->org = org;
    ret->email = email;
    ret->user_id = user_id;
    ret->note.action = action;
    auth_net(call->ctx.ip, ret->net);

    rc = auth_with_pg(call, res, auth_attempt_look, ret);
    if (rc != WD_OK) {
        return rc;
    }

    ret->right = auth_hasher_verify(svc->hasher, ret->login.hash, password)
                 && !ret->login.disabled;
    ret->stale = ret->right && auth_hasher_stale(svc->hasher, ret->login.hash);
    return WD_OK;
}


/* Noted, and answered in the same words for all reasons. */
static int
auth_attempt_failed(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                    auth_attempt_t *a, const char *why)
{
    a->note.refused = why;
    auth_audit_refused(call, &a->note);
    return wd_rpc_fail(res, WD_EUNAUTH,
                       "the address, the password or the code is wrong");
}


/* The words for the log; NULL: the factor is right. */
static int
auth_attempt_factor(const wd_rpc_call_t *call, const auth_attempt_t *a,
                    const char **ret_why, wd_error_t *err)
{
    int      rc;
    auth_t  *svc = call->svc;
    int64_t  step;
    uint8_t  secret[AUTH_TOTP_SECRET], hash[AUTH_HASH_LEN];
    wd_str_t code, recovery, sealed = a->login.totp_sealed;

    *ret_why = NULL;
    if (wd_rpc_arg_str(call, "recovery_code", &recovery) == WD_OK) {
        auth_ticket_hash(svc->pepper, recovery, hash);
        rc = auth_store_recovery_use(call->pg, a->login.user_id, hash, err);
        *ret_why = rc == WD_ENOTFOUND ? "wrong recovery code" : NULL;
        return rc == WD_ENOTFOUND ? WD_OK : rc;
    }

    if (wd_rpc_arg_str(call, "code", &code) != WD_OK) {
        return wd_error(err, WD_EFACTOR, "second factor needed");
    }

    if (sealed.data == NULL
        || !auth_unseal(svc->pepper, AUTH_TOTP_LABEL,
                        (const uint8_t *) sealed.data, sealed.len, secret)) {
        return wd_error(err, WD_EINTERNAL, "the second factor is damaged");
    }
    step = auth_totp_step(secret, code, wd_now());
    sodium_memzero(secret, sizeof(secret));
    if (step < 0) {
        *ret_why = "wrong code";
        return WD_OK;
    }

    rc = auth_store_totp_use(call->pg, a->login.user_id, step, false, err);
    *ret_why = rc == WD_ENOTFOUND ? "code was used before" : NULL;
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


int
auth_attempt_passed(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                    auth_attempt_t *a, bool factor)
{
    int         rc = WD_OK;
    const char *why = a->login.user_id == 0 ? "unknown user"
                      : a->login.disabled   ? "disabled"
                      : !a->right           ? "wrong password"
                                            : NULL;
    wd_error_t  err;

    if (why == NULL) {
        rc = auth_store_login_still(call->pg, &a->login, &err);
        why = rc == WD_ENOTFOUND ? "disabled or changed meanwhile" : NULL;
    }
    if (rc == WD_OK && why == NULL && factor && a->login.has_totp) {
        rc = auth_attempt_factor(call, a, &why, &err);
    }

    if (rc == WD_EFACTOR) {
        a->note.refused = "second factor needed";
        auth_audit_refused(call, &a->note);
        return wd_rpc_fail(res, WD_EFACTOR,
                           "send the code of your second factor, or a "
                           "recovery code");
    }
    if (why != NULL) {
        return auth_attempt_failed(call, res, a, why);
    }
    if (rc == WD_OK) {
        rc = auth_store_forgiven(call->pg, a->account, &err);
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


/* ---- auth.login --------------------------------------------------------- */

static int
auth_login_args(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_str_t *org,
                wd_str_t *email, wd_str_t *password)
{
    *org = WD_STR("main");
    if (wd_rpc_arg_str(call, "email", email) != WD_OK
        || !auth_text_valid(*email, AUTH_EMAIL_MAX)) {
        return wd_rpc_fail_param(res, "email", "email is required");
    }
    if (wd_rpc_arg_str(call, "org", org) == WD_EPARAM
        || !auth_text_valid(*org, AUTH_ORG_NAME_MAX)) {
        return wd_rpc_fail_param(res, "org", "org must be the name of one");
    }
    return auth_arg_password(call, res, "password", password);
}


static int
auth_login_finish(const wd_rpc_call_t *call, wd_rpc_res_t *res, void *arg)
{
    int             rc;
    char            actor[AUTH_SUBJECT_MAX];
    wd_error_t      err;
    auth_grant_t    grant = {0};
    auth_attempt_t *a = arg;

    rc = wd_pg_begin(call->pg, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_attempt_passed(call, res, a, true);
    if (rc != WD_OK) {
        return rc;
    }

    a->note.actor = auth_subject(actor, "user", a->login.user_id);
    rc = auth_store_logged_in(call->pg, a->login.user_id,
                              a->rehash[0] != '\0' ? a->rehash : NULL, &err);
    if (rc == WD_OK) {
        rc = auth_grant_begin(call, a->login.user_id, &grant, &err);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, &a->note, &err);
    }
    if (rc == WD_OK) {
        auth_grant_answer(res, &grant);
    }
    auth_grant_done(&grant);
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


int
auth_login(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int            rc;
    auth_t        *a = call->svc;
    wd_str_t       org, email, password;
    auth_attempt_t attempt;

    rc = auth_login_args(call, res, &org, &email, &password);
    if (rc == WD_OK) {
        rc = auth_attempt(call, res, org, email, 0, password, "auth.login",
                          &attempt);
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (attempt.stale
        && auth_hasher_hash(a->hasher, password, attempt.rehash) != WD_OK) {
        attempt.rehash[0] = '\0'; /* another time */
    }
    rc = auth_with_pg(call, res, auth_login_finish, &attempt);
    sodium_memzero(attempt.rehash, sizeof(attempt.rehash));
    return rc;
}
