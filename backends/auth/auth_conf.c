/*
 * auth_conf.c - the configuration table of the auth service.
 */
#include "auth_conf.h"

/* The floor is OWASP's: 19 MiB with 2 passes. */
static const wd_conf_row_t auth_rows[] = {
    WD_SERVICE_CONF_ROWS(auth_conf_t, service, "auth"),
    {"auth", "pepper", wd_conf_str, offsetof(auth_conf_t, pepper), NULL, 0, 0,
     WD_CONF_SECRET | WD_CONF_REQUIRED,
     "Key of the stored key hashes: 64 to 128 hexadecimal digits (openssl "
     "rand -hex 32); all API keys are void when it changes"},
    {"auth", "hash_memory", wd_conf_bytes,
     offsetof(auth_conf_t, hash_memory_bytes), "64m", 19922944, 4294967296.0,
     0, "Memory of one Argon2id password hash"},
    {"auth", "hash_passes", wd_conf_u32, offsetof(auth_conf_t, hash_passes),
     "2", 2, 16, 0, "Passes of one Argon2id password hash"},
    {"auth", "hash_parallel", wd_conf_u32,
     offsetof(auth_conf_t, hash_parallel), "2", 1, 64, 0,
     "Password hashes computed at a time"},
    {"auth", "hash_queue", wd_conf_u32, offsetof(auth_conf_t, hash_queue),
     "64", 0, 1024, 0,
     "Password hashes that may wait, never in the last of server.threads; "
     "more are answered with unavailable"},
};


const wd_conf_row_t *
auth_conf_rows(size_t *ret_n)
{
    *ret_n = wd_array_len(auth_rows);
    return auth_rows;
}
