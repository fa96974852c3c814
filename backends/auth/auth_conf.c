/*
 * auth_conf.c - the configuration table of the auth service.
 */
#include "auth_conf.h"

#include "auth_key.h"

#include <stdlib.h>

static int auth_conf_pepper(const wd_conf_row_t *row, wd_str_t text,
                            void *field, wd_error_t *err);

/* The floor is OWASP's: 19 MiB with 2 passes. */
static const wd_conf_row_t auth_rows[] = {
    WD_SERVICE_CONF_ROWS(auth_conf_t, service, "auth"),
    {"auth", "pepper", auth_conf_pepper, offsetof(auth_conf_t, pepper), NULL, 0,
     0, WD_CONF_SECRET | WD_CONF_REQUIRED,
     "Key of the stored key hashes: 64 to 128 hexadecimal digits (openssl "
     "rand -hex 32); all API keys are void when it changes"},
    {"auth", "hash_memory", wd_conf_bytes,
     offsetof(auth_conf_t, hash_memory_bytes), "64m", 19922944, 4294967296.0, 0,
     "Memory of one Argon2id password hash"},
    {"auth", "hash_passes", wd_conf_u32, offsetof(auth_conf_t, hash_passes),
     "2", 2, 16, 0, "Passes of one Argon2id password hash"},
    {"auth", "hash_parallel", wd_conf_u32, offsetof(auth_conf_t, hash_parallel),
     "2", 1, 64, 0, "Password hashes computed at a time"},
    {"auth", "hash_queue", wd_conf_u32, offsetof(auth_conf_t, hash_queue), "64",
     0, 1024, 0,
     "Password hashes that may wait, never in the last of server.threads; "
     "more are answered with unavailable"},
    {"auth", "issuer", wd_conf_str, offsetof(auth_conf_t, issuer), "wizdata", 0,
     0, 0, "Issuer (iss) of the tokens that are made here"},
    {"auth", "audience", wd_conf_str, offsetof(auth_conf_t, audience),
     "wizdata", 0, 0, 0, "Audience (aud) of the tokens that are made here"},
};


/* Checked here, so that a wrong one is a failure of the configuration. */
static int
auth_conf_pepper(const wd_conf_row_t *row, wd_str_t text, void *field,
                 wd_error_t *err)
{
    int rc = auth_pepper_check(text, err);

    return rc == WD_OK ? wd_conf_str(row, text, field, err) : rc;
}


void
auth_conf_hide_pepper(auth_conf_t *conf)
{
    memset(conf->pepper, '*', strlen(conf->pepper));
}


void
auth_conf_done(auth_conf_t *conf)
{
    if (conf->pepper != NULL) {
        explicit_bzero(conf->pepper, strlen(conf->pepper));
    }
    free(conf->pepper);
    conf->pepper = NULL;
}


const wd_conf_row_t *
auth_conf_rows(size_t *ret_n)
{
    *ret_n = wd_array_len(auth_rows);
    return auth_rows;
}
