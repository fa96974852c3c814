/*
 * wd_gunzip.c - gzip by zlib, nowhere else called.
 */
#include "wd_gunzip.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define WD_GUNZIP_CHUNK 65536
#define WD_GUNZIP_WINDOW (MAX_WBITS + 16) /* a head and a tail of gzip */

struct wd_gunzip {
    z_stream z;
    bool     begun;
    bool     inside; /* a part is not at its end */
};


bool
wd_is_gzip(wd_str_t bytes)
{
    return bytes.len >= 2 && memcmp(bytes.data, "\x1f\x8b", 2) == 0;
}


wd_gunzip_t *
wd_gunzip_create(void)
{
    wd_gunzip_t *g = calloc(1, sizeof(*g));

    if (g != NULL && inflateInit2(&g->z, WD_GUNZIP_WINDOW) != Z_OK) {
        free(g);
        return NULL;
    }
    return g;
}


void
wd_gunzip_destroy(wd_gunzip_t *g)
{
    if (g != NULL) {
        inflateEnd(&g->z);
        free(g);
    }
}


bool
wd_gunzip_whole(const wd_gunzip_t *g)
{
    return g->begun && !g->inside;
}


/* As far as input and room reach, or to the end of a part. */
static int
wd_gunzip_part(wd_gunzip_t *g)
{
    int rc;

    if (!g->inside && inflateReset(&g->z) != Z_OK) {
        return WD_EPROTO;
    }
    g->begun = true;
    rc = inflate(&g->z, Z_NO_FLUSH);
    g->inside = rc != Z_STREAM_END;

    switch (rc) {
    case Z_OK:
    case Z_STREAM_END:
    case Z_BUF_ERROR: /* more input is needed, or more room */
        return WD_OK;
    case Z_MEM_ERROR:
        return WD_ENOMEM;
    default:
        return WD_EPROTO;
    }
}


int
wd_gunzip_step(wd_gunzip_t *g, wd_str_t *in, void *buf, size_t cap,
               size_t *ret_n)
{
    int    rc;
    size_t take = wd_min(in->len, (size_t) UINT_MAX);
    size_t room = wd_min(cap, (size_t) UINT_MAX);

    *ret_n = 0;
    if (take == 0 && !g->inside) {
        return WD_OK;
    }
    g->z.next_in = (Bytef *) (uintptr_t) in->data; /* which zlib only reads */
    g->z.avail_in = (uInt) take;
    g->z.next_out = buf;
    g->z.avail_out = (uInt) room;
    rc = wd_gunzip_part(g);
    *ret_n = room - g->z.avail_out;
    take -= g->z.avail_in;
    *in = wd_str(in->data + take, in->len - take);
    return rc;
}


int
wd_gunzip(wd_str_t bytes, wd_buf_t *out)
{
    int          rc;
    size_t       n;
    uint8_t      chunk[WD_GUNZIP_CHUNK];
    wd_gunzip_t *g;

    if (!wd_is_gzip(bytes)) {
        return WD_EPROTO;
    }
    g = wd_gunzip_create();
    if (g == NULL) {
        return WD_ENOMEM;
    }
    do {
        rc = wd_gunzip_step(g, &bytes, chunk, sizeof(chunk), &n);
        wd_buf_append(out, chunk, n);
    } while (rc == WD_OK && out->err == WD_OK
             && (bytes.len != 0 || n == sizeof(chunk)));
    if (out->err != WD_OK) {
        rc = out->err;
    } else if (rc == WD_OK && !wd_gunzip_whole(g)) {
        rc = WD_ETRUNC;
    }
    wd_gunzip_destroy(g);
    return rc;
}
