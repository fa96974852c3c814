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
     "0", 0, 64, 0,
     "Requests with a password that are worked on at a time, each with the "
     "memory of a hash; 0: two, or one where there are no more than two "
     "processors"},
    {"auth", "hash_queue", wd_conf_u32, offsetof(auth_conf_t, hash_queue), "64",
     0, 1024, 0,
     "Requests with a password that may wait; more are answered with "
     "unavailable"},
    {"auth", "issuer", wd_conf_str, offsetof(auth_conf_t, issuer), "wizdata", 0,
     0, 0, "Issuer (iss) of the tokens that are made here"},
    {"auth", "audience", wd_conf_str, offsetof(auth_conf_t, audience),
     "wizdata", 0, 0, 0, "Audience (aud) of the tokens that are made here"},
    {"auth", "access_ttl", wd_conf_ms, offsetof(auth_conf_t, access_ttl_ms),
     "5m", 10000, 3600000, 0, "Life of an access token"},
    {"auth", "refresh_ttl", wd_conf_ms, offsetof(auth_conf_t, refresh_ttl_ms),
     "14d", 60000, 2592000000.0, 0,
     "Life of a refresh token: a session ends when it is not used for so long"},
    {"auth", "session_ttl", wd_conf_ms, offsetof(auth_conf_t, session_ttl_ms),
     "30d", 60000, 4233600000.0, 0,
     "Longest life of a session, however it is used"},
    {"auth", "invite_ttl", wd_conf_ms, offsetof(auth_conf_t, invite_ttl_ms),
     "7d", 60000, 2592000000.0, 0,
     "Life of a token with which a user accepts an invitation or proves an "
     "address"},
    {"auth", "reset_ttl", wd_conf_ms, offsetof(auth_conf_t, reset_ttl_ms), "1h",
     60000, 86400000, 0,
     "Life of a token with which a user chooses a new password"},
    {"auth", "rotate", wd_conf_ms, offsetof(auth_conf_t, rotate_ms), "30d", 0,
     4233600000.0, 0,
     "Tokens are signed with the next key when one was in use for so long; 0: "
     "only when told to"},
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
