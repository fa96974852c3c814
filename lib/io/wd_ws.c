/*
 * wd_ws.c - a WebSocket client's connection: made by libcurl, watched by
 * libuv; the handshake, the deadlines, the end.
 */
#include "wd_ws_int.h"

#include <sodium.h>
#include <stdlib.h>

#define WD_WS_READ_BYTES 4096

static void wd_ws_on_idle(uv_idle_t *again);
static void wd_ws_on_poll(uv_poll_t *poll, int status, int events);
static void wd_ws_on_timer(uv_timer_t *timer);


/* ---- the end ---------------------------------------------------------------- */

static void
wd_ws_free(wd_ws_t *ws)
{
    if (!ws->destroyed || ws->handles != 0) {
        return;
    }
    if (ws->frames != NULL) {
        wslay_event_context_free(ws->frames);
    }
    wd_ws_hello_done(&ws->hello);
    wd_buf_done(&ws->in);
    wd_buf_done(&ws->message);
    free(ws->subprotocol);
    free(ws);
}


static void
wd_ws_on_handle_closed(uv_handle_t *handle)
{
    wd_ws_t *ws = handle->data;

    ws->handles--;
    wd_ws_free(ws);
}


/* The handles go before the socket that one of them watches. */
static void
wd_ws_tear_down(wd_ws_t *ws)
{
    if (ws->state == WD_WS_ENDED) {
        return;
    }
    ws->state = WD_WS_ENDED;
    uv_close((uv_handle_t *) &ws->timer, wd_ws_on_handle_closed);
    uv_close((uv_handle_t *) &ws->again, wd_ws_on_handle_closed);
    if (ws->polled) {
        uv_close((uv_handle_t *) &ws->poll, wd_ws_on_handle_closed);
    }
    wd_http_multi_stop(ws->http);
    ws->http = NULL;
    ws->call = NULL;
}


static void
wd_ws_end(wd_ws_t *ws, int rc, const wd_error_t *err)
{
    if (ws->state != WD_WS_ENDED) {
        wd_ws_tear_down(ws);
        ws->handler->on_close(ws->arg, rc, err);
    }
}


void
wd_ws_destroy(wd_ws_t *ws)
{
    if (ws == NULL) {
        return;
    }
    wd_ws_tear_down(ws);
    ws->destroyed = true;
    wd_ws_free(ws);
}


/* ---- waiting ---------------------------------------------------------------- */

static bool
wd_ws_is_open(const wd_ws_t *ws)
{
    return ws->state == WD_WS_OPEN || ws->state == WD_WS_CLOSING;
}


/* The next time at which something must happen; 0: there is none. */
static uint64_t
wd_ws_next(const wd_ws_t *ws)
{
    uint64_t next = ws->deadline;

    if (next != 0 || ws->paused) {
        return next;
    }
    if (ws->idle_timeout_ms != 0) {
        next = ws->heard + ws->idle_timeout_ms;
    }
    if (ws->ping_ms != 0) {
        uint64_t ping = wd_max(ws->heard, ws->pinged) + ws->ping_ms;

        next = next == 0 ? ping : wd_min(next, ping);
    }
    return next;
}


/* Waits for what comes next, whatever it is. */
static void
wd_ws_wait(wd_ws_t *ws)
{
    int      events;
    uint64_t next, now = uv_now(ws->loop);

    if (wd_ws_is_open(ws)) {
        events = wd_ws_frames_events(ws);
        if (events != 0) {
            uv_poll_start(&ws->poll, events, wd_ws_on_poll);
        } else {
            uv_poll_stop(&ws->poll);
        }
        if (ws->deadline == 0 && wd_ws_frames_over(ws)) {
            ws->deadline = now + ws->close_timeout_ms;
        }
    }

    next = wd_ws_next(ws);
    if (next == 0) {
        uv_timer_stop(&ws->timer);
    } else {
        uv_timer_start(&ws->timer, wd_ws_on_timer, next > now ? next - now : 0,
                       0);
    }
}


static void
wd_ws_pump(wd_ws_t *ws)
{
    int        rc;
    wd_error_t err = {0};

    rc = wd_ws_frames_pump(ws, &err);
    if (ws->state == WD_WS_ENDED) {
        return;
    }
    if (rc != WD_EAGAIN) {
        wd_ws_end(ws, rc, &err);
        return;
    }
    if (ws->budget == 0) { /* what TLS holds already wakes nobody */
        uv_idle_start(&ws->again, wd_ws_on_idle);
    }
    wd_ws_wait(ws);
}


static void
wd_ws_on_idle(uv_idle_t *again)
{
    uv_idle_stop(again);
    wd_ws_pump(again->data);
}


static void
wd_ws_late(wd_ws_t *ws)
{
    int        rc;
    wd_error_t err = {0};

    if (wd_ws_is_open(ws)) {
        rc = wd_ws_frames_give_up(ws, &err);
    } else if (ws->canceled) {
        rc = wd_error(&err, WD_ECANCELED, "closed before it was open");
    } else {
        rc = wd_error(&err, WD_ETIMEOUT, "not open within %u ms",
                      ws->connect_timeout_ms);
    }
    wd_ws_end(ws, rc, &err);
}


static void
wd_ws_silent(wd_ws_t *ws)
{
    wd_error_t err = {0};

    wd_ws_end(ws,
              wd_error(&err, WD_ETIMEOUT, "nothing was heard for %u ms",
                       ws->idle_timeout_ms),
              &err);
}


static void
wd_ws_on_timer(uv_timer_t *timer)
{
    wd_ws_t *ws = timer->data;
    uint64_t now = uv_now(ws->loop);

    if (ws->deadline != 0) {
        if (now >= ws->deadline) {
            wd_ws_late(ws);
            return;
        }
    } else if (ws->idle_timeout_ms != 0
               && now >= ws->heard + ws->idle_timeout_ms) {
        wd_ws_silent(ws);
        return;
    } else if (ws->ping_ms != 0
               && now >= wd_max(ws->heard, ws->pinged) + ws->ping_ms) {
        ws->pinged = now;
        /* Without memory, or closing: the deadlines hold anyway. */
        if (wd_ws_frames_queue(ws, WSLAY_PING, WD_STR("")) != WD_OK) {
        }
    }
    wd_ws_wait(ws);
}


int
wd_ws_read(wd_ws_t *ws, void *data, size_t n, size_t *ret)
{
    if (ws->in.len == 0) {
        return wd_http_call_recv(ws->call, data, n, ret);
    }
    *ret = wd_min(n, ws->in.len);
    memcpy(data, ws->in.data, *ret);
    wd_buf_consume(&ws->in, *ret);
    return WD_OK;
}


/* ---- the handshake ---------------------------------------------------------- */

/* WD_OK: all of it is sent. WD_EAGAIN, WD_ETRUNC. */
static int
wd_ws_ask(wd_ws_t *ws)
{
    int       rc = WD_OK;
    size_t    n;
    wd_buf_t *b = &ws->hello.request;

    while (b->len != 0
           && (rc = wd_http_call_send(ws->call, b->data, b->len, &n))
                  == WD_OK) {
        wd_buf_consume(b, n);
    }
    return rc;
}


/* WD_OK: *ret bytes are the head. WD_EAGAIN; WD_ETRUNC, WD_ETOOBIG. */
static int
wd_ws_hear(wd_ws_t *ws, size_t *ret)
{
    int      rc;
    size_t   n;
    uint8_t *at;

    while ((*ret = wd_ws_head_len(wd_buf_view(&ws->in))) == 0) {
        n = wd_min((size_t) WD_WS_READ_BYTES, WD_WS_HEAD_MAX - ws->in.len);
        if (n == 0) {
            return WD_ETOOBIG;
        }
        at = wd_buf_reserve(&ws->in, n);
        if (at == NULL) {
            return WD_ENOMEM;
        }
        rc = wd_http_call_recv(ws->call, at, n, &n);
        if (rc != WD_OK || n == 0) {
            return rc != WD_OK ? rc : WD_ETRUNC;
        }
        ws->in.len += n;
    }
    return WD_OK;
}


static int
wd_ws_shake_failed(int rc, wd_error_t *err)
{
    switch (rc) {
    case WD_ETOOBIG:
        return wd_error(err, WD_EPROTO, "the server's answer has no end");
    case WD_ENOMEM:
        return wd_error(err, rc, "no memory for the server's answer");
    default:
        return wd_error(err, rc, "the connection broke in the handshake");
    }
}


/* Sends the request, reads the answer and judges it; WD_OK: it is open. */
static int
wd_ws_shake(wd_ws_t *ws, wd_error_t *err)
{
    int    rc;
    size_t n = 0;

    rc = wd_ws_ask(ws);
    if (rc == WD_OK) {
        rc = wd_ws_hear(ws, &n);
    }
    if (rc != WD_OK) {
        return rc == WD_EAGAIN ? rc : wd_ws_shake_failed(rc, err);
    }

    rc = wd_ws_head_check(wd_str((const char *) ws->in.data, n),
                          ws->hello.accept, ws->subprotocol, err);
    if (rc == WD_OK && wd_ws_frames_init(ws) != WD_OK) {
        rc = wd_error(err, WD_ENOMEM, "no memory for a connection");
    }
    wd_buf_consume(&ws->in, n);
    return rc;
}


static void
wd_ws_on_shake(wd_ws_t *ws)
{
    int        rc;
    wd_error_t err = {0};

    rc = wd_ws_shake(ws, &err);
    if (rc == WD_EAGAIN) {
        uv_poll_start(&ws->poll,
                      UV_READABLE
                          | (ws->hello.request.len != 0 ? UV_WRITABLE : 0),
                      wd_ws_on_poll);
        return;
    }
    if (rc != WD_OK) {
        wd_ws_end(ws, rc, &err);
        return;
    }

    wd_ws_hello_done(&ws->hello);
    ws->state = WD_WS_OPEN;
    ws->deadline = 0;
    ws->heard = ws->pinged = uv_now(ws->loop);
    ws->handler->on_open(ws->arg);
    if (ws->state != WD_WS_ENDED) {
        wd_ws_pump(ws);
    }
}


static void
wd_ws_on_poll(uv_poll_t *poll, int status, int events)
{
    wd_ws_t *ws = poll->data;

    (void) status; /* reading tells more */
    (void) events;
    if (ws->state == WD_WS_SHAKING) {
        wd_ws_on_shake(ws);
    } else {
        wd_ws_pump(ws);
    }
}


static void
wd_ws_on_connected(void *arg, int rc, wd_http_res_t *res, const wd_error_t *err)
{
    wd_ws_t   *ws = arg;
    wd_error_t why = {0};

    (void) res;
    if (ws->state == WD_WS_ENDED) {
        return; /* the end of a connection that stood */
    }
    if (rc == WD_OK
        && uv_poll_init_socket(ws->loop, &ws->poll,
                               wd_http_call_socket(ws->call))
               != 0) {
        rc = wd_error(&why, WD_EINTERNAL, "the connection cannot be watched");
        err = &why;
    }
    if (rc != WD_OK) {
        wd_ws_end(ws, rc, err);
        return;
    }
    ws->poll.data = ws;
    ws->polled = true;
    ws->handles++;
    ws->state = WD_WS_SHAKING;
    wd_ws_on_shake(ws);
}


/* ---- our side --------------------------------------------------------------- */

static wd_ws_t *
wd_ws_create(uv_loop_t *loop, const wd_ws_req_t *req,
             const wd_ws_handler_t *handler, void *arg)
{
    wd_ws_t *ws;

    ws = calloc(1, sizeof(*ws));
    if (ws == NULL) {
        return NULL;
    }
    ws->loop = loop;
    ws->handler = handler;
    ws->arg = arg;
    ws->state = WD_WS_ENDED; /* as long as it has no handles */
    ws->connect_timeout_ms = req->connect_timeout_ms;
    ws->ping_ms = req->ping_ms;
    ws->idle_timeout_ms = req->idle_timeout_ms;
    ws->close_timeout_ms = req->close_timeout_ms;
    ws->max_message = req->max_message;
    ws->max_queue = req->max_queue;
    wd_buf_init(&ws->in, WD_WS_HEAD_MAX);
    wd_buf_init(&ws->message, 0);
    return ws;
}


static void
wd_ws_start_handles(wd_ws_t *ws)
{
    uv_timer_init(ws->loop, &ws->timer);
    uv_idle_init(ws->loop, &ws->again);
    ws->timer.data = ws->again.data = ws;
    ws->handles = 2;
    ws->state = WD_WS_CONNECTING;
    ws->deadline = uv_now(ws->loop) + ws->connect_timeout_ms;
    wd_ws_wait(ws);
}


/* The deadline is ours: libcurl's own would end before the handshake. */
static int
wd_ws_connect(wd_ws_t *ws, const wd_ws_req_t *req, wd_error_t *err)
{
    const wd_http_req_t http = {
        .url = ws->hello.origin,
        .user_agent = req->user_agent,
        .allow_http = req->allow_http,
        .allow_private = req->allow_private,
        .ca_file = req->ca_file,
    };

    ws->http = wd_http_multi_create(ws->loop, 1, 1);
    if (ws->http == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a connection");
    }
    return wd_http_multi_connect(ws->http, &http, wd_ws_on_connected, ws,
                                 &ws->call, err);
}


int
wd_ws_open(uv_loop_t *loop, const wd_ws_req_t *req,
           const wd_ws_handler_t *handler, void *arg, wd_ws_t **ret,
           wd_error_t *err)
{
    int      rc;
    uint8_t  nonce[WD_WS_NONCE_BYTES];
    wd_ws_t *ws;

    ws = wd_ws_create(loop, req, handler, arg);
    if (ws == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a connection");
    }
    randombytes_buf(nonce, sizeof(nonce));
    rc = wd_ws_hello_init(&ws->hello, req, nonce, err);
    if (rc == WD_OK && req->subprotocol != NULL
        && (ws->subprotocol = strdup(req->subprotocol)) == NULL) {
        rc = wd_error(err, WD_ENOMEM, "no memory for a connection");
    }
    if (rc == WD_OK) {
        wd_ws_start_handles(ws);
        rc = wd_ws_connect(ws, req, err);
    }
    if (rc != WD_OK) {
        wd_ws_destroy(ws);
        return rc;
    }
    *ret = ws;
    return WD_OK;
}


size_t
wd_ws_queued(const wd_ws_t *ws)
{
    return wd_ws_is_open(ws) ? wslay_event_get_queued_msg_length(ws->frames)
                             : 0;
}


int
wd_ws_send(wd_ws_t *ws, wd_str_t text)
{
    int    rc;
    size_t queued = wd_ws_queued(ws);

    if (ws->state != WD_WS_OPEN) {
        return WD_EUNAVAIL;
    }
    if (queued > ws->max_queue || text.len > ws->max_queue - queued) {
        return WD_EAGAIN;
    }
    rc = wd_ws_frames_queue(ws, WSLAY_TEXT_FRAME, text);
    wd_ws_wait(ws);
    return rc;
}


void
wd_ws_close(wd_ws_t *ws)
{
    uint64_t now = uv_now(ws->loop);

    if (ws->state == WD_WS_CLOSING || ws->state == WD_WS_ENDED) {
        return;
    }
    if (ws->state != WD_WS_OPEN) {
        ws->canceled = true;
        ws->deadline = now;
    } else {
        ws->paused = false; /* the server's close is to be heard */
        ws->state = WD_WS_CLOSING;
        ws->deadline = now + ws->close_timeout_ms;
        uv_idle_start(&ws->again, wd_ws_on_idle);
    }
    wd_ws_wait(ws);
}


void
wd_ws_pause(wd_ws_t *ws, bool paused)
{
    if (ws->state != WD_WS_OPEN || ws->paused == paused) {
        return;
    }
    ws->paused = paused;
    if (!paused) {
        ws->heard = uv_now(ws->loop);
        uv_idle_start(&ws->again, wd_ws_on_idle);
    }
    wd_ws_wait(ws);
}
