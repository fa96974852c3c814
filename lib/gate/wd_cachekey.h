/*
 * wd_cachekey.h - which requests have the same answer: the key of the
 * response cache.
 *
 * What an answer depends on is written with lengths, so that no two different
 * requests give the same bytes, and hashed. The bytes name the method and not
 * its number: gateways of different releases may share a cache.
 */
#ifndef WD_CACHEKEY_H
#define WD_CACHEKEY_H

#include "wd_buf.h"
#include "wd_memo.h"
#include "wd_method.h"

#define WD_CACHEKEY_LEN 32 /* BLAKE2b-256 */
#define WD_CACHEKEY_PART_MAX (1024 * 1024) /* bytes of a text in it */

typedef enum {
    WD_CACHEKEY_GROUP, /* all who have the permission see the same */
    WD_CACHEKEY_PRINCIPAL /* one principal's own */
} wd_cachekey_scope_e;

typedef struct {
    wd_str_t            method; /* its name */
    unsigned            format;
    wd_cachekey_scope_e kind;
    wd_str_t            scope; /* the permission, or the principal */
    wd_str_t            args; /* as wd_args_encode() writes them */
} wd_cachekey_t;

/* The bytes, added to `out`; failures stay in out->err. */
void wd_cachekey_put(wd_buf_t *out, const wd_cachekey_t *key);

/*
 * Their digest. `scratch` is emptied and used; `memo` (or NULL) remembers it.
 * WD_OK or WD_ENOMEM.
 */
wd_must_check int wd_cachekey_digest(const wd_cachekey_t *key,
                                     wd_buf_t *scratch, wd_memo_t *memo,
                                     uint8_t ret[WD_CACHEKEY_LEN]);

#endif /* WD_CACHEKEY_H */
