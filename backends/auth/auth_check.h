/*
 * auth_check.h - rules for what users of the service write.
 */
#ifndef AUTH_CHECK_H
#define AUTH_CHECK_H

#include "wd_str.h"

#define AUTH_EMAIL_MAX 254
#define AUTH_NAME_MAX 128 /* of a user or a key, in bytes */
#define AUTH_ORG_NAME_MAX 32
#define AUTH_DESCRIPTION_MAX 256 /* of a role or a plan */

/*
 * local@domain: 1 to 64 characters of RFC 5322's dot-atom, or UTF-8 (RFC
 * 6531), before the @; a host name behind it. Quoted local parts and address
 * literals are refused: nobody has them, and they break display.
 */
bool auth_email_valid(wd_str_t email);

/* 1 to `max` bytes of UTF-8 without control characters. */
bool auth_text_valid(wd_str_t text, size_t max);

/* "user:12" or "12"; false for everything else. */
bool auth_user_id(wd_str_t ref, int64_t *ret);

/* "key:12"; false for everything else. */
bool auth_key_ref(wd_str_t ref, int64_t *ret);

/*
 * An address, or a prefix without bits beyond it: 203.0.113.7,
 * 203.0.113.0/24, 2001:db8::/32.
 */
bool auth_network_valid(wd_str_t text);

#endif /* AUTH_CHECK_H */
