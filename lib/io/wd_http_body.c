/*
 * wd_http_body.c - the body of an answer as it comes: unpacked, bounded, and
 * what its digest says. Not left to libcurl: that takes gzip which ends early
 * for whole, and a digest is of the bytes that were sent.
 */
#include "wd_http_int.h"

#define WD_HTTP_CHUNK 16384

enum { WD_HTTP_AS_SENT, WD_HTTP_UNPACKED };


static wd_http_coding_e
wd_http_coding(wd_str_t name)
{
    if (wd_str_ieq(name, WD_STR("gzip"))
        || wd_str_ieq(name, WD_STR("x-gzip"))) {
        return WD_HTTP_GZIP;
    }
    return name.len == 0 || wd_str_ieq(name, WD_STR("identity"))
               ? WD_HTTP_PLAIN
               : WD_HTTP_FOREIGN;
}


/* Several codings, of one line or of many, are foreign to us. */
void
wd_http_body_header(wd_http_body_t *b, wd_str_t line)
{
    wd_str_t         name;
    wd_http_coding_e coding;

    if (wd_str_starts(line, "HTTP/")) {
        b->coding = WD_HTTP_PLAIN; /* of the answer that begins here */
        return;
    }
    if (!wd_str_split(&line, ':', &name) || line.data == NULL
        || !wd_str_ieq(name, WD_STR("content-encoding"))) {
        return;
    }
    coding = wd_http_coding(wd_str_trim(line));
    if (coding != WD_HTTP_PLAIN) {
        b->coding = b->coding == WD_HTTP_PLAIN ? coding : WD_HTTP_FOREIGN;
    }
}


/* Of packed bytes both sums are made: some senders give that of the file. */
static int
wd_http_sum_begin(wd_http_body_t *b, wd_str_t header)
{
    size_t i, n = b->coding == WD_HTTP_GZIP ? 2 : 1;

    if (!wd_digest_read(header, &b->digest)) {
        return WD_OK;
    }
    for (i = 0; i < n; i++) {
        b->sums[i] = EVP_MD_CTX_new();
        if (b->sums[i] == NULL) {
            return WD_ENOMEM;
        }
        if (EVP_DigestInit_ex(b->sums[i], b->digest.md, NULL) != 1) {
            wd_http_body_done(b); /* forbidden here, as md5 may be */
            return WD_OK;
        }
    }
    return WD_OK;
}


static void
wd_http_sum_take(EVP_MD_CTX *sum, const void *data, size_t n)
{
    if (sum != NULL) {
        EVP_DigestUpdate(sum, data, n);
    }
}


static bool
wd_http_sum_holds(EVP_MD_CTX *sum, const wd_digest_t *digest)
{
    unsigned int n;
    uint8_t      is[EVP_MAX_MD_SIZE];

    return sum != NULL && EVP_DigestFinal_ex(sum, is, &n) == 1
           && memcmp(is, digest->sum, n) == 0;
}


static int
wd_http_body_open(wd_http_xfer_t *x)
{
    int             rc;
    wd_http_body_t *b = &x->body;

    b->open = true;
    if (b->coding == WD_HTTP_FOREIGN) {
        return wd_error(&b->why, WD_EPROTO,
                        "the answer has a coding that was not asked for");
    }
    rc = wd_http_sum_begin(b, wd_http_res_header(x->res, "digest"));
    if (rc == WD_OK && b->coding == WD_HTTP_GZIP) {
        b->gunzip = wd_gunzip_create();
        rc = b->gunzip != NULL ? WD_OK : WD_ENOMEM;
    }
    return rc == WD_OK ? WD_OK
                       : wd_error(&b->why, rc, "no memory for the answer");
}


/* MAXFILESIZE helps only when a length is announced: count what comes. */
static int
wd_http_body_keep(wd_http_xfer_t *x, const void *data, size_t n)
{
    size_t room = x->req->max_bytes - x->res->body.len;

    wd_http_sum_take(x->body.sums[WD_HTTP_UNPACKED], data, n);
    wd_buf_append(&x->res->body, data, wd_min(n, room));
    if (x->res->body.err != WD_OK) {
        return wd_error(&x->body.why, WD_ENOMEM, "no memory for the answer");
    }
    return n <= room ? WD_OK
                     : wd_error(&x->body.why, WD_ETOOBIG,
                                "the answer is longer than %zu bytes",
                                x->req->max_bytes);
}


static int
wd_http_body_unpack(wd_http_xfer_t *x, wd_str_t bytes)
{
    int     rc, kept;
    size_t  n;
    uint8_t chunk[WD_HTTP_CHUNK];

    do {
        rc = wd_gunzip_step(x->body.gunzip, &bytes, chunk, sizeof(chunk), &n);
        kept = wd_http_body_keep(x, chunk, n);
        if (kept != WD_OK) {
            return kept;
        }
    } while (rc == WD_OK && (bytes.len != 0 || n == sizeof(chunk)));
    return rc == WD_OK
               ? WD_OK
               : wd_error(&x->body.why, rc, "the answer cannot be unpacked");
}


int
wd_http_body_take(wd_http_xfer_t *x, wd_str_t bytes)
{
    int rc = x->body.open ? WD_OK : wd_http_body_open(x);

    if (rc != WD_OK) {
        return rc;
    }
    wd_http_sum_take(x->body.sums[WD_HTTP_AS_SENT], bytes.data, bytes.len);
    return x->body.gunzip != NULL ? wd_http_body_unpack(x, bytes)
                                  : wd_http_body_keep(x, bytes.data, bytes.len);
}


/* A part of the whole (206) has the digest of the whole. */
int
wd_http_body_end(wd_http_xfer_t *x)
{
    wd_http_body_t *b = &x->body;

    if (b->gunzip != NULL && !wd_gunzip_whole(b->gunzip)) {
        return wd_error(&b->why, WD_ETRUNC,
                        "the answer ended early: inside of gzip");
    }
    if (b->sums[WD_HTTP_AS_SENT] == NULL || x->res->status != 200
        || wd_http_sum_holds(b->sums[WD_HTTP_AS_SENT], &b->digest)
        || wd_http_sum_holds(b->sums[WD_HTTP_UNPACKED], &b->digest)) {
        return WD_OK;
    }
    return wd_error(&b->why, WD_EPROTO,
                    "the answer is not what its digest says");
}


void
wd_http_body_done(wd_http_body_t *b)
{
    size_t i;

    wd_gunzip_destroy(b->gunzip);
    b->gunzip = NULL;
    for (i = 0; i < wd_array_len(b->sums); i++) {
        EVP_MD_CTX_free(b->sums[i]);
        b->sums[i] = NULL;
    }
}
