/*
 * auth_conf.h - configuration of the auth service.
 */
#ifndef AUTH_CONF_H
#define AUTH_CONF_H

#include "wd_service.h"

typedef struct {
    wd_service_conf_t service; /* first: wd_service.h asks for it */
    char             *pepper; /* of a parser of ours, so freed by us */
    uint64_t          hash_memory_bytes;
    uint32_t          hash_passes;
    uint32_t          hash_parallel;
    uint32_t          hash_queue;
    char             *issuer; /* of tokens */
    char             *audience;
    uint32_t          access_ttl_ms;
    uint32_t          refresh_ttl_ms;
    uint32_t          session_ttl_ms;
    uint32_t          invite_ttl_ms;
    uint32_t          reset_ttl_ms;
    uint32_t          rotate_ms; /* of signing keys; 0: never */
} auth_conf_t;

const wd_conf_row_t *auth_conf_rows(size_t *ret_n);

/* sys.config shows secrets as set or not set, so their length may stay. */
void auth_conf_hide_pepper(auth_conf_t *conf);

/* What wd_conf_done() does not know. */
void auth_conf_done(auth_conf_t *conf);

#endif /* AUTH_CONF_H */
