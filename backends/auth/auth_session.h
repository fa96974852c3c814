/*
 * auth_session.h - what a session gives: an access token and a refresh token.
 */
#ifndef AUTH_SESSION_H
#define AUTH_SESSION_H

#include "auth_key.h"
#include "auth_store_sessions.h"
#include "wd_buf.h"
#include "wd_rpc.h"

typedef struct {
    wd_buf_t       access;
    char           refresh[AUTH_TICKET_LEN + 1];
    wd_ns_t        access_end;
    int64_t        access_life_s;
    wd_ns_t        refresh_end;
    auth_session_t session;
} auth_grant_t;

/*
 * Inside a transaction: a new session of the user, with its first tokens.
 * The caller calls auth_grant_done() whatever is returned, also below.
 * WD_EFORBIDDEN: disabled. WD_EUNAVAIL: no signing key.
 */
wd_must_check int auth_grant_begin(const wd_rpc_call_t *call, int64_t user_id,
                                   auth_grant_t *ret, wd_error_t *err);

/* The next tokens of grant->session. */
wd_must_check int auth_grant_next(const wd_rpc_call_t *call,
                                  auth_grant_t *grant, wd_error_t *err);

/* The answer with the tokens. */
void auth_grant_answer(wd_rpc_res_t *res, const auth_grant_t *grant);
void auth_grant_done(auth_grant_t *grant); /* wipes */

/* The network of an address, by which failures are counted: IPv6 by /64. */
#define AUTH_NET_MAX 64

void auth_net(wd_str_t address, char out[AUTH_NET_MAX]);

#endif /* AUTH_SESSION_H */
