/*
 * auth_store_audit.h - the audit trail: the SQL.
 *
 * Worker threads. Errors are those of wd_pg_exec(). Texts of what is returned
 * are in the pool.
 */
#ifndef AUTH_STORE_AUDIT_H
#define AUTH_STORE_AUDIT_H

#include "auth_key.h"
#include "auth_store_row.h"

typedef struct {
    int64_t  seq;
    int64_t  at_us; /* microseconds since 1970, as PostgreSQL keeps them */
    int64_t  org_id; /* 0: of the platform */
    wd_str_t actor;
    wd_str_t via;
    wd_str_t action;
    wd_str_t subject;
    wd_str_t outcome;
    wd_str_t reason;
    wd_str_t request;
    wd_str_t address;
    wd_str_t detail; /* JSON */
    wd_str_t hash;
} auth_event_t;

/* Of the last event; seq 0 and no hash: there is none. */
typedef struct {
    int64_t seq;
    size_t  hash_len;
    uint8_t hash[AUTH_HASH_LEN];
    size_t  seal_len;
    uint8_t seal[AUTH_HASH_LEN];
} auth_event_head_t;

typedef struct {
    int64_t  org_id; /* -1: of all */
    wd_str_t actor; /* .data NULL: any, as below */
    wd_str_t subject;
    wd_str_t action;
    wd_str_t outcome;
    wd_ns_t  from;
    wd_ns_t  to;
    int64_t  before; /* seq */
    int64_t  limit;
} auth_event_filter_t;

/* With `lock`, in a transaction: nobody else adds until its end. */
wd_must_check int auth_store_event_head(wd_pg_conn_t *c, bool lock,
                                        auth_event_head_t *ret,
                                        wd_error_t        *err);

/* The event, whose hash is head->hash, and its head. */
wd_must_check int auth_store_event_add(wd_pg_conn_t            *c,
                                       const auth_event_t      *event,
                                       const auth_event_head_t *head,
                                       wd_error_t              *err);

/* Newest first. */
wd_must_check int auth_store_events(wd_pg_conn_t              *c,
                                    const auth_event_filter_t *filter,
                                    wd_pool_t *pool, auth_event_t **ret,
                                    size_t *ret_n, wd_error_t *err);

/* Those with seq > after, in their order. */
wd_must_check int auth_store_events_after(wd_pg_conn_t *c, int64_t after,
                                          int64_t limit, wd_pool_t *pool,
                                          auth_event_t **ret, size_t *ret_n,
                                          wd_error_t *err);

/* The organisation of a user, also of a deleted one; 0: there is no such. */
wd_must_check int auth_store_org_of(wd_pg_conn_t *c, int64_t user_id,
                                    int64_t *ret, wd_error_t *err);

#endif /* AUTH_STORE_AUDIT_H */
