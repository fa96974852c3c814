/*
 * wd_decoder.h - a body that arrives, without its content coding: gzip, zstd,
 * or none. Waits for its source and for nothing else.
 */
#ifndef WD_DECODER_H
#define WD_DECODER_H

#include "wd_err.h"
#include "wd_str.h"

/*
 * Bytes as they were sent: WD_OK with 1 to `cap` of them, or with *ret_n 0 at
 * the end; another code is passed on.
 */
typedef int (*wd_decoder_source_pt)(void *arg, void *buf, size_t cap,
                                    size_t *ret_n, wd_error_t *err);

typedef struct wd_decoder wd_decoder_t;

/*
 * coding: "", "gzip", "zstd". `max`: bytes of the body, coded and decoded.
 * WD_EMEDIATYPE: no such coding; WD_ENOMEM.
 */
wd_must_check int wd_decoder_create(wd_str_t coding, int64_t max,
                                    wd_decoder_source_pt source, void *arg,
                                    wd_decoder_t **ret, wd_error_t *err);
void              wd_decoder_destroy(wd_decoder_t *d); /* NULL is accepted */

/*
 * As a source. WD_EINVAL: the body is damaged, cut, or goes on behind its
 * end. WD_ETOOBIG: longer than it may be. *err is for who sent it.
 */
wd_must_check int wd_decoder_read(wd_decoder_t *d, void *buf, size_t cap,
                                  size_t *ret_n, wd_error_t *err);

#endif /* WD_DECODER_H */
