/*
 * wd_http_int.h - one transfer, as both clients set it up and judge it; for
 * wd_http.c and wd_http_multi.c alone.
 */
#ifndef WD_HTTP_INT_H
#define WD_HTTP_INT_H

#include "wd_http.h"

#include <curl/curl.h>

/* Callbacks see it. What it points to must stay until the transfer's end. */
typedef struct {
    const wd_http_req_t *req;
    wd_http_res_t       *res;
    struct curl_slist   *headers;
    bool                 too_big;
    bool                 refused;
} wd_http_xfer_t;

/* WD_OK or WD_ENOMEM; then, too, wd_http_xfer_done(). */
wd_must_check int wd_http_setup(CURL *curl, wd_http_xfer_t *x, bool post);

/* After the transfer: the status and the rest of *x->res; its outcome. */
wd_must_check int wd_http_outcome(CURL *curl, CURLcode cc, wd_http_xfer_t *x,
                                  wd_error_t *err);

void wd_http_xfer_done(CURL *curl, wd_http_xfer_t *x);

#endif /* WD_HTTP_INT_H */
