/*
 * auth_login.h - passwords and second factors of a user who is about to prove
 * who they are: back-off, equal time for all, and what counts as a failure.
 */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H

#include "auth_audit.h"
#include "auth_password.h"
#include "auth_session.h"
#include "auth_store_sessions.h"

/* An attempt, from its arguments to its end. */
typedef struct {
    wd_str_t     org, email; /* who is meant, */
    int64_t      user_id; /* or, with another than 0, this one */
    auth_login_t login; /* user_id 0: there is no such user */
    bool         right; /* the password */
    bool         stale; /* its hash is of other parameters than today's */
    char         rehash[AUTH_PASSWORD_HASH_MAX]; /* then; or "" */
    char         net[AUTH_NET_MAX];
    uint8_t      account[AUTH_HASH_LEN];
    auth_note_t  note;
    char         subject[AUTH_SUBJECT_MAX];
} auth_attempt_t;

/*
 * Without a connection, on the lane: looks the user up, by address or (with
 * user_id) by id, waits for nobody, and verifies the password. WD_OK whether
 * it is right or not; else a failure with *res filled: WD_ELIMIT is back-off.
 */
wd_must_check int auth_attempt(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                               wd_str_t org, wd_str_t email, int64_t user_id,
                               wd_str_t password, const char *action,
                               auth_attempt_t *ret);

/*
 * In a transaction: the user is locked, still has this password and is not
 * disabled, and gives the second factor if there is one. `factor`: also ask
 * for it. A failure was noted and rolled back, with *res filled.
 */
wd_must_check int auth_attempt_passed(const wd_rpc_call_t *call,
                                      wd_rpc_res_t        *res,
                                      auth_attempt_t *attempt, bool factor);

/* How long after the last of n failures nothing is tried, in seconds. */
int64_t auth_backoff_here(int64_t n); /* from one network */
int64_t auth_backoff_all(int64_t n); /* from networks that are not known */

#endif /* AUTH_LOGIN_H */
