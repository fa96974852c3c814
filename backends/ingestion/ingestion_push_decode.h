/*
 * ingestion_push_decode.h - the body of a push without its content coding:
 * gzip, zstd, or none.
 */
#ifndef INGESTION_PUSH_DECODE_H
#define INGESTION_PUSH_DECODE_H

#include "wd_err.h"
#include "wd_str.h"

/*
 * Bytes as they were sent: WD_OK with 1 to `cap` of them, or with *ret_n 0 at
 * the end; another code is passed on.
 */
typedef int (*ingestion_source_pt)(void *arg, void *buf, size_t cap,
                                   size_t *ret_n, wd_error_t *err);

typedef struct ingestion_decoder ingestion_decoder_t;

/*
 * coding: "", "gzip", "zstd". `max`: bytes of the body, coded and decoded.
 * WD_EMEDIATYPE: no such coding; WD_ENOMEM.
 */
wd_must_check int ingestion_decoder_create(wd_str_t coding, int64_t max,
                                           ingestion_source_pt source,
                                           void *arg, ingestion_decoder_t **ret,
                                           wd_error_t *err);
void ingestion_decoder_destroy(ingestion_decoder_t *d); /* NULL is accepted */

/*
 * As a source. WD_EINVAL: the body is damaged, cut, or goes on behind its
 * end. WD_ETOOBIG: longer than it may be. *err is for who sent it.
 */
wd_must_check int ingestion_decoder_read(ingestion_decoder_t *d, void *buf,
                                         size_t cap, size_t *ret_n,
                                         wd_error_t *err);

#endif /* INGESTION_PUSH_DECODE_H */
