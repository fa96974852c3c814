/*
 * auth_refusals.h - what gateways refused becomes events of the audit trail.
 */
#ifndef AUTH_REFUSALS_H
#define AUTH_REFUSALS_H

#include "auth_key.h"
#include "wd_service.h"

typedef struct auth_refusals auth_refusals_t;

/* Hears auth.refusals. `pepper` must stay. Loop thread. NULL: no memory. */
auth_refusals_t *auth_refusals_create(wd_service_t        *service,
                                      const auth_pepper_t *pepper);

/* After the loop has ended. NULL is accepted. */
void auth_refusals_destroy(auth_refusals_t *r);

/*
 * Of refusals that cost nothing to get, as of a token that nobody ever made:
 * is there room for one more event? If not, it is counted. Any thread.
 */
bool auth_refusals_room(auth_refusals_t *r);

/* One event for those that were counted; on a connection without transaction.
 * On failure they are told of another time. */
wd_must_check int auth_refusals_settle(auth_refusals_t *r, wd_pg_conn_t *c,
                                       wd_error_t *err);

/* One row of the notification; texts are views. */
typedef struct {
    wd_ns_t  at;
    wd_str_t ip;
    wd_str_t sub;
    wd_str_t key;
    wd_str_t method;
    int64_t  code;
    wd_str_t reason;
    int64_t  n;
} auth_refusal_t;

#define AUTH_REFUSALS_MAX 256 /* rows of a notification */

/* WD_OK or WD_EPROTO. Rows are views into `params`. */
wd_must_check int auth_refusals_read(wd_str_t       params,
                                     auth_refusal_t rows[AUTH_REFUSALS_MAX],
                                     size_t *ret_n, int64_t *ret_lost,
                                     wd_str_t *ret_gateway);

#endif /* AUTH_REFUSALS_H */
