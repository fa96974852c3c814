/*
 * auth_totp.h - time-based one-time passwords (RFC 6238: HMAC-SHA-1, 30 s, six
 * digits) and recovery codes. Pure.
 */
#ifndef AUTH_TOTP_H
#define AUTH_TOTP_H

#include "wd_err.h"
#include "wd_str.h"
#include "wd_time.h"

#define AUTH_TOTP_SECRET 20 /* bytes, as long as the hash */
#define AUTH_TOTP_BASE32 32 /* characters of it in base32 */
#define AUTH_TOTP_DIGITS 6
#define AUTH_TOTP_STEP (30 * WD_NS_PER_S)

#define AUTH_RECOVERY_CODES 10
#define AUTH_RECOVERY_LEN 19 /* "abcd-efgh-jkmn-pqrs" */

/* The code of a step (time / AUTH_TOTP_STEP). */
void auth_totp_code(const uint8_t secret[AUTH_TOTP_SECRET], int64_t step,
                    char out[AUTH_TOTP_DIGITS + 1]);

/*
 * The step of that code: now, or one before or after, for clocks that differ;
 * -1: none of them. Takes the same time for each.
 */
int64_t auth_totp_step(const uint8_t secret[AUTH_TOTP_SECRET], wd_str_t code,
                       wd_ns_t now);

void auth_base32(const uint8_t secret[AUTH_TOTP_SECRET],
                 char          out[AUTH_TOTP_BASE32 + 1]);

/* A random one: 80 bits. */
void auth_recovery_make(char out[AUTH_RECOVERY_LEN + 1]);

#endif /* AUTH_TOTP_H */
