/*
 * wd_gunzip.h - files that their provider packed with gzip (RFC 1952). Pure.
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

#endif /* WD_GUNZIP_H */
