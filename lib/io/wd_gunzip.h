/*
 * wd_gunzip.h - gzip (RFC 1952): files that their provider packed, and bodies
 * as they arrive. Pure.
 */
#ifndef WD_GUNZIP_H
#define WD_GUNZIP_H

#include "wd_buf.h"

/* By its first two bytes, which begin no text. */
bool wd_is_gzip(wd_str_t bytes);

/*
 * Appends what was packed to `out`, whose limit bounds it; a file may hold
 * several parts. WD_OK; WD_ETRUNC: it ends too early; WD_EPROTO: it is
 * damaged, or something else stands behind it; WD_ETOOBIG: it would be larger
 * than the limit; WD_ENOMEM. After an error `out` holds what came before it.
 */
wd_must_check int wd_gunzip(wd_str_t bytes, wd_buf_t *out);

/* The same in pieces. */
typedef struct wd_gunzip wd_gunzip_t;

wd_gunzip_t *wd_gunzip_create(void); /* NULL: no memory */
void         wd_gunzip_destroy(wd_gunzip_t *g); /* NULL is accepted */

/*
 * Unpacks from *in, which becomes what is left of it: *ret_n bytes, at most
 * `cap`. As many: there may be more, also without input; else on with what is
 * left, if anything is.
 * WD_OK, WD_EPROTO, WD_ENOMEM; then *ret_n bytes came before the error.
 */
wd_must_check int wd_gunzip_step(wd_gunzip_t *g, wd_str_t *in, void *buf,
                                 size_t cap, size_t *ret_n);

/* May the packed bytes end here? Not before the first one. */
bool wd_gunzip_whole(const wd_gunzip_t *g);

#endif /* WD_GUNZIP_H */
