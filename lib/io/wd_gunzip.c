/*
 * wd_gunzip.c - gzip files by zlib.
 */
#include "wd_gunzip.h"

#include <zlib.h>

#define WD_GUNZIP_CHUNK 65536
#define WD_GUNZIP_WINDOW (MAX_WBITS + 16) /* a head and a tail of gzip */


bool
wd_is_gzip(wd_str_t bytes)
{
    return bytes.len >= 2 && memcmp(bytes.data, "\x1f\x8b", 2) == 0;
}


/* One part; *ret_end: its tail was read. */
static int
wd_gunzip_part(z_stream *z, wd_buf_t *out, bool *ret_end)
{
    int     rc;
    uint8_t chunk[WD_GUNZIP_CHUNK];

    do {
        z->next_out = chunk;
        z->avail_out = sizeof(chunk);
        rc = inflate(z, Z_NO_FLUSH);
        wd_buf_append(out, chunk, sizeof(chunk) - z->avail_out);
        if (out->err != WD_OK) {
            return out->err;
        }
    } while (rc == Z_OK);

    *ret_end = rc == Z_STREAM_END;
    switch (rc) {
    case Z_STREAM_END:
        return WD_OK;
    case Z_BUF_ERROR: /* no more input, and not at the end */
        return WD_ETRUNC;
    case Z_MEM_ERROR:
        return WD_ENOMEM;
    default:
        return WD_EPROTO;
    }
}


int
wd_gunzip(wd_str_t bytes, wd_buf_t *out)
{
    int      rc = WD_OK;
    bool     end = true;
    z_stream z = {0};

    if (!wd_is_gzip(bytes) || bytes.len > UINT32_MAX) {
        return bytes.len > UINT32_MAX ? WD_ETOOBIG : WD_EPROTO;
    }
    if (inflateInit2(&z, WD_GUNZIP_WINDOW) != Z_OK) {
        return WD_ENOMEM;
    }

    z.next_in = (Bytef *) (uintptr_t) bytes.data; /* which zlib only reads */
    z.avail_in = (uInt) bytes.len;
    while (rc == WD_OK && end && z.avail_in != 0) {
        rc = wd_gunzip_part(&z, out, &end);
        if (rc == WD_OK && inflateReset(&z) != Z_OK) {
            rc = WD_EPROTO;
        }
    }
    inflateEnd(&z);
    return rc;
}
