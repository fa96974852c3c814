/*
 * wd_ws.h - one WebSocket connection as its client (RFC 6455) on a loop.
 *
 * The connection is made by the rules of wd_http.h: wss only unless allowed,
 * verified TLS, no private addresses, no redirects. Text messages only. No
 * extensions. Loop thread only; nothing blocks.
 */
#ifndef WD_WS_H
#define WD_WS_H

#include "wd_err.h"
#include "wd_str.h"

#include <uv.h>

#define WD_WS_URL_MAX 4096
#define WD_WS_HEADERS_MAX 32
#define WD_WS_HEAD_MAX (16 * 1024) /* bytes of the server's answer */
#define WD_WS_PINGS_MAX 256 /* of the server, that wait for their pong */

typedef struct {
    const char *url; /* no user and password in it */
    const char *user_agent;
    const char *subprotocol; /* the server must agree; NULL: none */
    const char *ca_file; /* NULL: the system's */

    const char *const *headers; /* "Name: value", no line breaks; or NULL */
    size_t             n_headers;

    uint32_t connect_timeout_ms; /* name, TCP, TLS and handshake together */
    uint32_t ping_ms; /* of silence, then the server is pinged; 0: never */
    uint32_t idle_timeout_ms; /* of silence, then it is dead; 0: never */
    uint32_t close_timeout_ms; /* for the server's part of the closing */

    size_t max_message; /* bytes, of all fragments together */
    size_t max_queue; /* bytes that wait to be sent */
    bool   allow_http; /* ws://, too */
    bool   allow_private; /* loopback, link-local, private addresses */
} wd_ws_req_t;

/* All of them may send, close and destroy. */
typedef struct {
    void (*on_open)(void *arg);

    /* A whole message, well-formed UTF-8; gone when this returns. */
    void (*on_message)(void *arg, wd_str_t text);

    /*
     * The end, exactly once, whether it was open or not; never from inside
     * one of the functions below. WD_OK: closed in order by either side, and
     * err->text tells by whom and why. WD_ECANCELED: closed before it was
     * open. WD_ETIMEOUT, WD_EUNAVAIL, WD_EFORBIDDEN: see wd_http_get().
     * Refused by the server: WD_EUNAUTH (401, 403), WD_ELIMIT (429),
     * WD_EUNAVAIL (5xx), WD_EPROTO (others, and all that is no WebSocket).
     * Broken: WD_ETRUNC, WD_EPROTO, WD_ETOOBIG (max_message), WD_ELIMIT (too
     * many pings), WD_ENOMEM. err->text never contains the URL or a header.
     */
    void (*on_close)(void *arg, int rc, const wd_error_t *err);
} wd_ws_handler_t;

typedef struct wd_ws wd_ws_t;

/*
 * *req is copied, with its texts; *handler must stay. WD_OK: *ret is the
 * caller's until wd_ws_destroy(). WD_EINVAL, WD_EFORBIDDEN: the request is
 * not allowed. WD_ENOMEM. After a failure nothing is called.
 */
wd_must_check int wd_ws_open(uv_loop_t *loop, const wd_ws_req_t *req,
                             const wd_ws_handler_t *handler, void *arg,
                             wd_ws_t **ret, wd_error_t *err);

/*
 * Nothing is called any more; its handles close with the next turns of the
 * loop. At any time, also from a callback. NULL is accepted.
 */
void wd_ws_destroy(wd_ws_t *ws);

/*
 * WD_OK: it is queued. WD_EAGAIN: `max_queue` would be exceeded. WD_EUNAVAIL:
 * not open, or closing. WD_ENOMEM.
 */
wd_must_check int wd_ws_send(wd_ws_t *ws, wd_str_t text);

size_t wd_ws_queued(const wd_ws_t *ws); /* bytes that wait to be sent */

/* Asks the server to close, after what is queued; on_close() follows. */
void wd_ws_close(wd_ws_t *ws);

/*
 * While paused nothing is read, so that the server is slowed down by TCP; a
 * few messages that had been read may still come. The time does not count as
 * its silence.
 */
void wd_ws_pause(wd_ws_t *ws, bool paused);

#endif /* WD_WS_H */
