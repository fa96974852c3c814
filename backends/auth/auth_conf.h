/*
 * auth_conf.h - configuration of the auth service.
 */
#ifndef AUTH_CONF_H
#define AUTH_CONF_H

#include "wd_service.h"

typedef struct {
    wd_service_conf_t service; /* first: wd_service.h asks for it */
    char             *pepper; /* wiped by auth_pepper_create()'s caller */
    uint64_t          hash_memory_bytes;
    uint32_t          hash_passes;
    uint32_t          hash_parallel;
    uint32_t          hash_queue;
} auth_conf_t;

const wd_conf_row_t *auth_conf_rows(size_t *ret_n);

#endif /* AUTH_CONF_H */
