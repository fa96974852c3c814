/*
 * wd_base64url.h - base64url without padding (RFC 7515, appendix C), strict:
 * a run of bytes has exactly one text.
 */
#ifndef WD_BASE64URL_H
#define WD_BASE64URL_H

#include "wd_err.h"
#include "wd_str.h"

/* Characters of n bytes; bytes of n characters. */
#define WD_BASE64URL_TEXT(n) (((n) / 3) * 4 + ((n) % 3 * 4 + 2) / 3)
#define WD_BASE64URL_BYTES(n) (((n) / 4) * 3 + (n) % 4 * 3 / 4)

/*
 * WD_EINVAL for padding, a foreign character, a length that no bytes have, or
 * bits behind the last byte that are not 0; WD_ETOOBIG when `cap` is less
 * than WD_BASE64URL_BYTES(text.len).
 */
wd_must_check int wd_base64url_decode(wd_str_t text, uint8_t *out, size_t cap,
                                      size_t *ret_len);

/* `out` has room for WD_BASE64URL_TEXT(n); no zero. Returns the length. */
size_t wd_base64url_encode(const uint8_t *bytes, size_t n, char *out);

#endif /* WD_BASE64URL_H */
