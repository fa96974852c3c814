/*
 * analytics_cursor.h - where the next page begins, as opaque text.
 *
 * A cursor holds a hash of the arguments it belongs to, the knowledge time
 * that all pages are read at, and the last row's key. It is not a secret: a
 * forged one reaches nothing that a plain query would not, so its checksum
 * needs no key.
 */
#ifndef ANALYTICS_CURSOR_H
#define ANALYTICS_CURSOR_H

#include "wd_mp.h"
#include "wd_time.h"

#define ANALYTICS_CURSOR_KEY_MAX 255
#define ANALYTICS_CURSOR_TEXT_MAX 512 /* with its zero */

typedef struct {
    uint8_t args[8]; /* analytics_cursor_args() */
    wd_ns_t as_of;
    wd_ns_t t;
    size_t  key_len;
    char    key[ANALYTICS_CURSOR_KEY_MAX + 1]; /* zero-terminated */
} analytics_cursor_t;

/*
 * Hash of a method and its arguments map, whatever the order of keys, without
 * `cursor` and `limit`: the size of the pages may change. WD_OK or WD_EPARAM
 * when this is no map with text keys.
 */
wd_must_check int analytics_cursor_args(const char *method, wd_mp_t args,
                                        uint8_t ret[8]);

/* key: WD_ETOOBIG beyond ANALYTICS_CURSOR_KEY_MAX. */
wd_must_check int analytics_cursor_set_key(analytics_cursor_t *c, wd_str_t key);

/* base64url without padding; returns the length. */
size_t analytics_cursor_write(const analytics_cursor_t *c,
                              char out[ANALYTICS_CURSOR_TEXT_MAX]);

/* WD_OK, or WD_EPARAM for a text that analytics_cursor_write() never made. */
wd_must_check int analytics_cursor_read(wd_str_t text, analytics_cursor_t *ret);

#endif /* ANALYTICS_CURSOR_H */
