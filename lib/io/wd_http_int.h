/*
 * wd_http_int.h - one transfer, as both clients set it up and judge it, and
 * bare connections; for wd_http*.c and wd_ws*.c alone.
 */
#ifndef WD_HTTP_INT_H
#define WD_HTTP_INT_H

#include "wd_digest.h"
#include "wd_gunzip.h"
#include "wd_http_multi.h"

#include <curl/curl.h>

typedef enum {
    WD_HTTP_PLAIN,
    WD_HTTP_GZIP, /* what is asked for */
    WD_HTTP_FOREIGN
} wd_http_coding_e;

/* The body of an answer while it comes. */
typedef struct {
    wd_http_coding_e coding;
    bool             open; /* its first bytes are here */
    wd_gunzip_t     *gunzip; /* NULL: it is not packed */
    wd_digest_t      digest; /* with `sums` */
    EVP_MD_CTX      *sums[2]; /* as sent, and unpacked; NULL: not needed */
    wd_error_t       why; /* code WD_OK: nothing is wrong with it */
} wd_http_body_t;

/* Callbacks see it. What it points to must stay until the transfer's end. */
typedef struct {
    const wd_http_req_t *req;
    wd_http_res_t       *res;
    struct curl_slist   *headers;
    wd_http_body_t       body;
    bool                 refused;
    bool                 asked; /* the request was sent, or was to be */
    bool                 starved; /* there was no descriptor for it */
} wd_http_xfer_t;

/* A header line of an answer, or the one that it begins with. */
void wd_http_body_header(wd_http_body_t *b, wd_str_t line);

/*
 * More of the body, to res->body; its end, after all of it came; both fill
 * body.why. WD_OK; WD_ENOMEM; WD_ETOOBIG: max_bytes; WD_ETRUNC: more should
 * have come; WD_EPROTO: not what the sender had.
 */
wd_must_check int wd_http_body_take(wd_http_xfer_t *x, wd_str_t bytes);
wd_must_check int wd_http_body_end(wd_http_xfer_t *x);
void              wd_http_body_done(wd_http_body_t *b);

/* WD_OK or WD_ENOMEM; then, too, wd_http_xfer_done(). */
wd_must_check int wd_http_setup(CURL *curl, wd_http_xfer_t *x, bool post);

/* After the transfer: the status and the rest of *x->res; its outcome. */
wd_must_check int wd_http_outcome(CURL *curl, CURLcode cc, wd_http_xfer_t *x,
                                  wd_error_t *err);

void wd_http_xfer_done(CURL *curl, wd_http_xfer_t *x);

/*
 * A connection to the URL's host, TLS included, and no request: for another
 * protocol, by the rules of wd_http.h. `fn` is called with WD_OK when it
 * stands, once more with WD_ECANCELED at its end; or once with a failure.
 * It stays among those in flight until wd_http_call_cancel().
 */
wd_must_check int wd_http_multi_connect(wd_http_multi_t     *m,
                                        const wd_http_req_t *req,
                                        wd_http_call_pt fn, void *arg,
                                        wd_http_call_t **ret, wd_error_t *err);

/*
 * Of a connection that stands, and watched by nobody. WD_OK: *ret bytes, on
 * reading 0 is the end; WD_EAGAIN; WD_ETRUNC: it is broken.
 */
int               wd_http_call_socket(const wd_http_call_t *c);
wd_must_check int wd_http_call_recv(wd_http_call_t *c, void *data, size_t n,
                                    size_t *ret);
wd_must_check int wd_http_call_send(wd_http_call_t *c, const void *data,
                                    size_t n, size_t *ret);

#endif /* WD_HTTP_INT_H */
