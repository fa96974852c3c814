/*
 * wd_http.h - one HTTP GET or POST through libcurl, for worker threads.
 *
 * No redirects, no cookies, no netrc, verified TLS; http:// only where the
 * caller allows it (simulators on loopback). Bounded in time and bytes.
 */
#ifndef WD_HTTP_H
#define WD_HTTP_H

#include "wd_buf.h"
#include "wd_time.h"

typedef struct {
    const char *url;
    const char *user_agent;
    uint32_t    connect_timeout_ms;
    uint32_t    timeout_ms;
    size_t      max_bytes; /* after decompression */
    bool        allow_http; /* else https only */
    bool        allow_private; /* loopback, link-local, private addresses */
    const char *ca_file; /* NULL or "": the system's */
    const char *cert_file; /* what this side shows, PEM; NULL: nothing */
    const char *cert_key_file;
    const volatile bool *stop; /* set: give up (may be NULL) */
    bool *sent; /* set, atomically, when connected (may be NULL) */

    const char *const *headers; /* "Name: value", no line breaks; or NULL */
    size_t             n_headers;
    wd_str_t           body; /* of a POST, with its type among the headers */
} wd_http_req_t;

typedef struct {
    int      status;
    char     content_type[64];
    int64_t  retry_after_s; /* from seconds or a date; -1: none was sent */
    wd_buf_t headers; /* "Name: value" lines that end with \n, in order */
    wd_buf_t body; /* unpacked; what arrived, also on WD_ETRUNC */
} wd_http_res_t;

#define WD_HTTP_HEADERS_MAX (32 * 1024) /* bytes of headers that are kept */

/* Once, before threads. */
wd_must_check int wd_http_init(void);
void              wd_http_done(void);

typedef struct wd_http wd_http_t; /* keeps connections; one thread at a time */

wd_http_t *wd_http_create(void);
void       wd_http_destroy(wd_http_t *h);

void wd_http_res_init(wd_http_res_t *res);
void wd_http_res_done(wd_http_res_t *res);

/* The first header of that name, without blanks around; NULL data: none. */
wd_str_t wd_http_res_header(const wd_http_res_t *res, const char *name);

/* Seconds since 1970 of an HTTP date; -1: it is none. */
int64_t wd_http_date(wd_str_t text);

/*
 * WD_OK for any complete HTTP answer, whatever its status. WD_ETIMEOUT,
 * WD_ETOOBIG (max_bytes), WD_ETRUNC (ended early), WD_EPROTO (not what was
 * sent: it cannot be unpacked, or is not what its header `Digest` says),
 * WD_EFORBIDDEN (address not allowed), WD_ECANCELED, WD_EUNAVAIL (no
 * connection, TLS failure), WD_EAGAIN (this process has no descriptor left).
 * err->text never contains the URL.
 */
wd_must_check int wd_http_get(wd_http_t *h, const wd_http_req_t *req,
                              wd_http_res_t *res, wd_error_t *err);

/* The same as POST. */
wd_must_check int wd_http_post(wd_http_t *h, const wd_http_req_t *req,
                               wd_http_res_t *res, wd_error_t *err);

#endif /* WD_HTTP_H */
