/*
 * auth_totp.c - one-time passwords and recovery codes.
 */
#include "auth_totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>

/* Without 0, 1, l and o, which are misread. */
static const char auth_recovery_alphabet[] = "23456789abcdefghijkmnpqrstuvwxyz";


void
auth_totp_code(const uint8_t secret[AUTH_TOTP_SECRET], int64_t step,
               char out[AUTH_TOTP_DIGITS + 1])
{
    size_t       i, at;
    uint8_t      counter[8], mac[EVP_MAX_MD_SIZE];
    uint32_t     number;
    unsigned int n = 0;

    for (i = 0; i < sizeof(counter); i++) {
        counter[i] = (uint8_t) ((uint64_t) step >> (8 * (7 - i)));
    }
    memset(mac, 0, sizeof(mac));
    HMAC(EVP_sha1(), secret, AUTH_TOTP_SECRET, counter, sizeof(counter), mac,
         &n);

    at = mac[19] & 0xf; /* RFC 4226 5.3 */
    number = ((uint32_t) (mac[at] & 0x7f) << 24)
             | ((uint32_t) mac[at + 1] << 16) | ((uint32_t) mac[at + 2] << 8)
             | mac[at + 3];
    snprintf(out, AUTH_TOTP_DIGITS + 1, "%06u", number % 1000000u);
}


int64_t
auth_totp_step(const uint8_t secret[AUTH_TOTP_SECRET], wd_str_t code,
               wd_ns_t now)
{
    char    right[AUTH_TOTP_DIGITS + 1];
    int64_t step, found = -1, at = now / AUTH_TOTP_STEP;

    if (code.len != AUTH_TOTP_DIGITS) {
        return -1;
    }
    for (step = at - 1; step <= at + 1; step++) {
        auth_totp_code(secret, step, right);
        if (sodium_memcmp(right, code.data, AUTH_TOTP_DIGITS) == 0) {
            found = step;
        }
    }
    return found;
}


void
auth_base32(const uint8_t secret[AUTH_TOTP_SECRET],
            char          out[AUTH_TOTP_BASE32 + 1])
{
    size_t            i, bit;
    unsigned          v;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    for (i = 0; i < AUTH_TOTP_BASE32; i++) {
        bit = 5 * i;
        v = (unsigned) secret[bit / 8] << 8;
        if (bit / 8 + 1 < AUTH_TOTP_SECRET) {
            v |= secret[bit / 8 + 1];
        }
        out[i] = digits[v >> (11 - bit % 8) & 31];
    }
    out[i] = '\0';
}


void
auth_recovery_make(char out[AUTH_RECOVERY_LEN + 1])
{
    size_t i;

    for (i = 0; i < AUTH_RECOVERY_LEN; i++) {
        out[i] = i % 5 == 4 ? '-'
                            : auth_recovery_alphabet[randombytes_uniform(32)];
    }
    out[i] = '\0';
}
