/*
 * wd_ws_int.h - a WebSocket connection's inside; for wd_ws*.c alone.
 *
 * wd_ws.c has the connection, the handshake and the end, wd_ws_frames.c the
 * frames. Memory that callbacks may still look at stays until the handles of
 * libuv are closed, which is never within a callback.
 */
#ifndef WD_WS_INT_H
#define WD_WS_INT_H

#include "wd_http_int.h"
#include "wd_ws.h"
#include "wd_ws_handshake.h"

#include <wslay/wslay.h>

typedef enum {
    WD_WS_CONNECTING, /* name, TCP, TLS: libcurl's */
    WD_WS_SHAKING, /* the request is on its way, or the answer */
    WD_WS_OPEN,
    WD_WS_CLOSING, /* asked for; nothing is handed out any more */
    WD_WS_ENDED /* on_close() was called, or it was destroyed */
} wd_ws_state_e;

/* What the frames came to, once they are no use any more. */
typedef struct {
    int      rc; /* WD_OK: nothing yet */
    uint16_t code; /* of the server's close; 0: none was said */
    char     reason[WD_ERROR_TEXT_MAX]; /* of it, for people */
} wd_ws_fate_t;

struct wd_ws {
    uv_loop_t    *loop;
    uv_timer_t    timer; /* the next of all deadlines */
    uv_idle_t     again; /* more is there than a turn may read */
    uv_poll_t     poll; /* once the connection stands */
    unsigned      handles; /* of libuv, not closed yet */
    bool          polled; /* `poll` is one of them */
    bool          destroyed;
    bool          paused;
    bool          canceled; /* before it was open */
    wd_ws_state_e state;

    const wd_ws_handler_t *handler;
    void                  *arg;
    wd_http_multi_t       *http;
    wd_http_call_t        *call;

    char    *subprotocol;
    uint32_t connect_timeout_ms;
    uint32_t ping_ms;
    uint32_t idle_timeout_ms;
    uint32_t close_timeout_ms;
    size_t   max_message;
    size_t   max_queue;

    wd_ws_hello_t hello; /* with what is left of the request */
    wd_buf_t      in; /* the head, then what came behind it */

    wslay_event_context_ptr frames;
    wd_buf_t                message; /* its fragments so far */
    bool                    control; /* this frame is none of a message */
    size_t                  budget; /* bytes that this turn may still read */
    wd_ws_fate_t            fate;

    /* On the loop's clock, ms. */
    uint64_t deadline; /* of opening, or closing */
    uint64_t heard; /* when the last bytes came */
    uint64_t pinged;
};

/* From what came with the head, then as wd_http_call_recv(). */
wd_must_check int wd_ws_read(wd_ws_t *ws, void *data, size_t n, size_t *ret);

wd_must_check int wd_ws_frames_init(wd_ws_t *ws);

/*
 * Reads and writes as far as it goes. WD_EAGAIN: more will come. Else it is
 * over, as on_close() tells.
 */
wd_must_check int wd_ws_frames_pump(wd_ws_t *ws, wd_error_t *err);

/* Nothing is read any more; only a close may still be sent. */
bool wd_ws_frames_over(const wd_ws_t *ws);

/* The time for that has passed: how it ends. */
wd_must_check int wd_ws_frames_give_up(wd_ws_t *ws, wd_error_t *err);

int wd_ws_frames_events(const wd_ws_t *ws); /* that uv_poll is to wait for */

/* WD_OK, WD_ENOMEM; WD_EUNAVAIL: a close is on its way. */
wd_must_check int wd_ws_frames_queue(wd_ws_t *ws, uint8_t opcode,
                                     wd_str_t text);

#endif /* WD_WS_INT_H */
