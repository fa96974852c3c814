/*
 * wd_sf.h - writes structured fields (RFC 9651): lists of strings with
 * parameters, as RateLimit and RateLimit-Policy are.
 */
#ifndef WD_SF_H
#define WD_SF_H

#include "wd_buf.h"

#define WD_SF_INT_MAX INT64_C(999999999999999)
#define WD_SF_KEY_MAX 16 /* bytes of a key */

/*
 * A string item, with ", " before it unless the buffer is empty. Characters
 * that a structured string cannot hold are written as "?".
 */
void wd_sf_item(wd_buf_t *b, wd_str_t s);

/* `key` is a lower-case name; the value is cut to what the format holds. */
void wd_sf_param(wd_buf_t *b, const char *key, int64_t value);

/* A parameter that is a string, written as an item is. */
void wd_sf_text(wd_buf_t *b, const char *key, wd_str_t value);

#endif /* WD_SF_H */
