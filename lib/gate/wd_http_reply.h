/*
 * wd_http_reply.h - one HTTP/1.1 response, read as its bytes arrive.
 *
 * For a client that asks for a small document of somebody it does not quite
 * trust: everything is bounded, what may be understood in two ways is
 * refused, and nothing is done that the response asks for, such as a
 * redirect.
 */
#ifndef WD_HTTP_REPLY_H
#define WD_HTTP_REPLY_H

#include "wd_buf.h"

#define WD_HTTP_REPLY_HEAD_MAX (16u * 1024)
#define WD_HTTP_REPLY_AGE_MAX (365 * 86400) /* seconds; more is as much */

typedef enum {
    WD_HTTP_HEAD,
    WD_HTTP_LENGTH, /* so many bytes */
    WD_HTTP_CLOSE, /* up to the end of the connection */
    WD_HTTP_SIZE, /* the line before a chunk */
    WD_HTTP_CHUNK,
    WD_HTTP_CHUNK_END, /* the CRLF behind it */
    WD_HTTP_TRAILER,
    WD_HTTP_DONE
} wd_http_state_e;

typedef struct {
    int             status; /* 0: the head is not here yet */
    int64_t         max_age; /* of Cache-Control, seconds; -1: none */
    wd_buf_t        body; /* without the chunks' framing */
    wd_buf_t        line; /* the head, then lines of chunks */
    size_t          lines; /* bytes of the trailer */
    uint64_t        left; /* bytes of the body or chunk */
    wd_http_state_e state;
} wd_http_reply_t;

/* `body_max` bounds the body. */
void wd_http_reply_init(wd_http_reply_t *r, size_t body_max);
void wd_http_reply_done(wd_http_reply_t *r);

/*
 * WD_OK: the response is whole, what follows it is not looked at. WD_EAGAIN:
 * more is needed. WD_EPROTO, WD_ETOOBIG, WD_ENOMEM: it is no use.
 */
wd_must_check int wd_http_reply_feed(wd_http_reply_t *r, const uint8_t *p,
                                     size_t n);

/* The connection was closed in order: WD_OK, or WD_ETRUNC. */
wd_must_check int wd_http_reply_end(wd_http_reply_t *r);

#endif /* WD_HTTP_REPLY_H */
