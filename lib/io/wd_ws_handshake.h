/*
 * wd_ws_handshake.h - how a WebSocket connection begins: the request that is
 * sent and what may be the answer. Pure; for wd_ws*.c alone.
 */
#ifndef WD_WS_HANDSHAKE_H
#define WD_WS_HANDSHAKE_H

#include "wd_buf.h"
#include "wd_ws.h"

#define WD_WS_NONCE_BYTES 16
#define WD_WS_ACCEPT_MAX 29 /* with its zero */

typedef struct {
    char     origin[300]; /* what is connected to: "https://host:port/" */
    char     accept[WD_WS_ACCEPT_MAX]; /* what the server must say */
    wd_buf_t request;
} wd_ws_hello_t;

/* WD_OK; WD_EINVAL, WD_EFORBIDDEN, WD_ENOMEM: also then wd_ws_hello_done(). */
wd_must_check int wd_ws_hello_init(wd_ws_hello_t *h, const wd_ws_req_t *req,
                                   const uint8_t nonce[WD_WS_NONCE_BYTES],
                                   wd_error_t   *err);
void wd_ws_hello_done(wd_ws_hello_t *h); /* wipes: headers may be secrets */

/* Bytes of the head with its blank line; 0: it is not whole yet. */
size_t wd_ws_head_len(wd_str_t in);

/* Judges a whole head. WD_OK, or why it is refused; see on_close(). */
wd_must_check int wd_ws_head_check(wd_str_t head, const char *accept,
                                   const char *subprotocol, wd_error_t *err);

#endif /* WD_WS_HANDSHAKE_H */
