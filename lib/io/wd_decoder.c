/*
 * wd_decoder.c - gzip and zstd (by libzstd), in bounded memory: an input
 * buffer and the window of the coding.
 */
#include "wd_decoder.h"

#include "wd_base.h"
#include "wd_gunzip.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WD_DECODER_INPUT (64 * 1024)

/* 8 MiB: what RFC 8878 asks of every decoder, and `zstd -19` needs. */
#define WD_DECODER_WINDOW_LOG 23

struct wd_decoder {
    wd_decoder_source_pt source;
    void                *arg;
    int64_t              max;
    int64_t              taken; /* bytes from the source */
    int64_t              given; /* bytes to the reader */

    /* The next bytes; WD_OK with *ret_n 0 at the end of the body. */
    int (*read)(wd_decoder_t *d, void *buf, size_t cap, size_t *ret_n,
                wd_error_t *err);

    bool         inside; /* gzip member or zstd frame is not at its end */
    bool         full; /* the last output was: more may come without input */
    wd_gunzip_t *gzip;
    ZSTD_DCtx   *zstd;
    uint8_t     *in; /* with a coding */
    size_t       in_at;
    size_t       in_len;
};


/* From the source, which has no more than it may. */
static int
wd_decoder_pull(wd_decoder_t *d, void *buf, size_t cap, size_t *ret_n,
                wd_error_t *err)
{
    int rc;

    rc = d->source(d->arg, buf, cap, ret_n, err);
    if (rc != WD_OK) {
        return rc;
    }
    d->taken += (int64_t) *ret_n;
    return d->taken <= d->max
               ? WD_OK
               : wd_error(err, WD_ETOOBIG, "the body is longer than %lld bytes",
                          (long long) d->max);
}


/* Input that is there; *ret_end: the body has no more. */
static int
wd_decoder_fill(wd_decoder_t *d, bool *ret_end, wd_error_t *err)
{
    int rc = WD_OK;

    if (d->in_at == d->in_len) {
        d->in_at = 0;
        rc = wd_decoder_pull(d, d->in, WD_DECODER_INPUT, &d->in_len, err);
        if (rc != WD_OK) {
            d->in_len = 0;
        }
    }
    *ret_end = d->in_len == 0;
    return rc;
}


static int
wd_decoder_damaged(const wd_decoder_t *d, const char *coding, const char *what,
                   wd_error_t *err)
{
    return wd_error(err, WD_EINVAL, "%s: %s at byte %lld", coding, what,
                    (long long) (d->taken - (int64_t) (d->in_len - d->in_at)));
}


static int
wd_decoder_gzip_step(wd_decoder_t *d, void *buf, size_t cap, size_t *ret_n,
                     wd_error_t *err)
{
    int      rc;
    wd_str_t in = wd_str((const char *) d->in + d->in_at, d->in_len - d->in_at);

    rc = wd_gunzip_step(d->gzip, &in, buf, cap, ret_n);
    d->in_at = d->in_len - in.len;
    d->inside = !wd_gunzip_whole(d->gzip);
    d->full = *ret_n == cap;
    if (rc == WD_ENOMEM) {
        return wd_error(err, rc, "no memory for gzip");
    }
    return rc == WD_OK
               ? WD_OK
               : wd_decoder_damaged(d, "gzip", "damaged, or no gzip,", err);
}


static int
wd_decoder_zstd_step(wd_decoder_t *d, void *buf, size_t cap, size_t *ret_n,
                     wd_error_t *err)
{
    size_t         left;
    ZSTD_inBuffer  in = {d->in, d->in_len, d->in_at};
    ZSTD_outBuffer out = {buf, cap, 0};

    left = ZSTD_decompressStream(d->zstd, &out, &in);
    d->in_at = in.pos;
    *ret_n = out.pos;
    d->full = out.pos == cap && left != 0;
    if (!ZSTD_isError(left)) {
        d->inside = left != 0;
        return WD_OK;
    }
    switch (ZSTD_getErrorCode(left)) {
    case ZSTD_error_frameParameter_windowTooLarge:
        return wd_decoder_damaged(d, "zstd", "a window of more than 8 MiB",
                                  err);
    case ZSTD_error_memory_allocation:
        return wd_error(err, WD_ENOMEM, "no memory for zstd");
    default:
        return wd_decoder_damaged(d, "zstd", "damaged, or no zstd,", err);
    }
}


/* Steps until there is something, or the end. */
static int
wd_decoder_read_coded(wd_decoder_t *d, void *buf, size_t cap, size_t *ret_n,
                      wd_error_t *err)
{
    int  rc;
    bool end = false;
    bool gzip = d->gzip != NULL;

    for (*ret_n = 0; *ret_n == 0;) {
        rc = d->full ? WD_OK : wd_decoder_fill(d, &end, err);
        if (rc != WD_OK) {
            return rc;
        }
        if (end) {
            return d->inside || d->taken == 0 ? wd_decoder_damaged(
                       d, gzip ? "gzip" : "zstd", "the body ends", err)
                                              : WD_OK;
        }
        rc = gzip ? wd_decoder_gzip_step(d, buf, cap, ret_n, err)
                  : wd_decoder_zstd_step(d, buf, cap, ret_n, err);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return WD_OK;
}


static int
wd_decoder_open_gzip(wd_decoder_t *d)
{
    d->in = malloc(WD_DECODER_INPUT);
    d->gzip = wd_gunzip_create();
    d->read = wd_decoder_read_coded;
    return d->in != NULL && d->gzip != NULL ? WD_OK : WD_ENOMEM;
}


static int
wd_decoder_open_zstd(wd_decoder_t *d)
{
    d->in = malloc(WD_DECODER_INPUT);
    d->zstd = ZSTD_createDCtx();
    d->read = wd_decoder_read_coded;
    if (d->in == NULL || d->zstd == NULL) {
        return WD_ENOMEM;
    }
    return ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax,
                                               WD_DECODER_WINDOW_LOG))
               ? WD_EINTERNAL
               : WD_OK;
}


int
wd_decoder_create(wd_str_t coding, int64_t max, wd_decoder_source_pt source,
                  void *arg, wd_decoder_t **ret, wd_error_t *err)
{
    int           rc = WD_OK;
    wd_decoder_t *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a body");
    }
    d->source = source;
    d->arg = arg;
    d->max = max;
    d->read = wd_decoder_pull;
    if (wd_str_eq_z(coding, "gzip")) {
        rc = wd_decoder_open_gzip(d);
    } else if (wd_str_eq_z(coding, "zstd")) {
        rc = wd_decoder_open_zstd(d);
    } else if (coding.len != 0) {
        rc = WD_EMEDIATYPE;
    }
    if (rc != WD_OK) {
        wd_decoder_destroy(d);
        return wd_error(err, rc,
                        rc == WD_EMEDIATYPE ? "the coding is not known"
                                            : "no memory for a body");
    }
    *ret = d;
    return WD_OK;
}


void
wd_decoder_destroy(wd_decoder_t *d)
{
    if (d == NULL) {
        return;
    }
    wd_gunzip_destroy(d->gzip);
    ZSTD_freeDCtx(d->zstd);
    free(d->in);
    free(d);
}


int
wd_decoder_read(wd_decoder_t *d, void *buf, size_t cap, size_t *ret_n,
                wd_error_t *err)
{
    int rc;

    rc = d->read(d, buf, cap, ret_n, err);
    if (rc != WD_OK) {
        return rc;
    }
    d->given += (int64_t) *ret_n;
    return d->given <= d->max
               ? WD_OK
               : wd_error(err, WD_ETOOBIG,
                          "the body is longer than %lld bytes, decompressed",
                          (long long) d->max);
}
