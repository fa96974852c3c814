/*
 * wd_ws_frames.c - the frames of a WebSocket connection, by wslay: messages
 * out of fragments, pings, the closing.
 *
 * wslay collects no messages here: it would take memory for all that a frame
 * announces before any of it came.
 */
#include "wd_ws_int.h"

#include "wd_answer.h"

#include <sodium.h>

#define WD_WS_TURN_BYTES (256 * 1024) /* then others on the loop have theirs */
#define WD_WS_CONTROL_MAX 125 /* bytes of a ping */


/* The first reason counts. */
static void
wd_ws_broken(wd_ws_t *ws, int rc)
{
    if (ws->fate.rc == WD_OK) {
        ws->fate.rc = rc;
    }
}


/* Tells the server why, and reads no more. */
static void
wd_ws_refuse(wd_ws_t *ws, uint16_t code, int rc)
{
    wd_ws_broken(ws, rc);
    wslay_event_shutdown_read(ws->frames);
    if (wslay_event_queue_close(ws->frames, code, (const uint8_t *) "", 0)
        == WSLAY_ERR_NOMEM) {
        ws->fate.rc = WD_ENOMEM;
    }
}


/* ---- what wslay asks for --------------------------------------------------- */

static ssize_t
wd_ws_later(wslay_event_context_ptr frames)
{
    wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
    return -1;
}


static ssize_t
wd_ws_never(wslay_event_context_ptr frames, wd_ws_t *ws, int rc)
{
    wd_ws_broken(ws, rc);
    wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}


/* The server asks for more pongs than it takes. */
static bool
wd_ws_flooded(const wd_ws_t *ws)
{
    return wslay_event_get_queued_msg_length(ws->frames)
               > ws->max_queue + WD_WS_PINGS_MAX * WD_WS_CONTROL_MAX
           || wslay_event_get_queued_msg_count(ws->frames)
                  > ws->max_queue + WD_WS_PINGS_MAX;
}


static ssize_t
wd_ws_on_recv(wslay_event_context_ptr frames, uint8_t *buf, size_t len,
              int flags, void *arg)
{
    int      rc;
    size_t   n;
    wd_ws_t *ws = arg;

    (void) flags;
    if (ws->state == WD_WS_ENDED) {
        return wd_ws_never(frames, ws, WD_ECANCELED);
    }
    if (ws->paused || ws->budget == 0) {
        return wd_ws_later(frames);
    }
    if (wd_ws_flooded(ws)) {
        return wd_ws_never(frames, ws, WD_ELIMIT);
    }

    rc = wd_ws_read(ws, buf, wd_min(len, ws->budget), &n);
    if (rc == WD_EAGAIN) {
        return wd_ws_later(frames);
    }
    if (rc != WD_OK || n == 0) {
        return wd_ws_never(frames, ws, WD_ETRUNC);
    }
    ws->budget -= n;
    ws->heard = uv_now(ws->loop);
    return (ssize_t) n;
}


static ssize_t
wd_ws_on_send(wslay_event_context_ptr frames, const uint8_t *data, size_t len,
              int flags, void *arg)
{
    int      rc;
    size_t   n;
    wd_ws_t *ws = arg;

    (void) flags;
    rc = wd_http_call_send(ws->call, data, len, &n);
    if (rc == WD_EAGAIN) {
        return wd_ws_later(frames);
    }
    return rc == WD_OK ? (ssize_t) n : wd_ws_never(frames, ws, WD_ETRUNC);
}


static int
wd_ws_on_mask(wslay_event_context_ptr frames, uint8_t *buf, size_t len,
              void *arg)
{
    (void) frames;
    (void) arg;
    randombytes_buf(buf, len);
    return 0;
}


static void
wd_ws_on_frame(wslay_event_context_ptr                           frames,
               const struct wslay_event_on_frame_recv_start_arg *f, void *arg)
{
    wd_ws_t *ws = arg;

    (void) frames;
    ws->control = wslay_is_ctrl_frame(f->opcode);
    if (ws->control) {
        return;
    }
    if (f->opcode == WSLAY_BINARY_FRAME) {
        wd_ws_refuse(ws, WSLAY_CODE_UNSUPPORTED_DATA, WD_EPROTO);
    } else if (f->payload_length > ws->max_message - ws->message.len) {
        wd_ws_refuse(ws, WSLAY_CODE_MESSAGE_TOO_BIG, WD_ETOOBIG);
    }
}


static void
wd_ws_on_chunk(wslay_event_context_ptr                           frames,
               const struct wslay_event_on_frame_recv_chunk_arg *c, void *arg)
{
    wd_ws_t *ws = arg;

    (void) frames;
    if (ws->control || ws->fate.rc != WD_OK || c->data_length == 0) {
        return;
    }
    wd_buf_append(&ws->message, c->data, c->data_length);
    if (ws->message.err != WD_OK) {
        wd_ws_broken(ws, WD_ENOMEM);
        wslay_event_shutdown_read(ws->frames);
    }
}


static void
wd_ws_on_closed(wd_ws_t *ws, const struct wslay_event_on_msg_recv_arg *m)
{
    wd_str_t reason = WD_STR("");

    ws->fate.code = m->status_code;
    if (m->msg_length > 2) {
        reason = wd_str((const char *) m->msg + 2, m->msg_length - 2);
    }
    wd_answer_redact(reason, ws->fate.reason, sizeof(ws->fate.reason));
}


static void
wd_ws_on_msg(wslay_event_context_ptr                   frames,
             const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
    wd_ws_t *ws = arg;

    (void) frames;
    if (m->opcode == WSLAY_CONNECTION_CLOSE) {
        wd_ws_on_closed(ws, m);
        return;
    }
    if (wslay_is_ctrl_frame(m->opcode)) {
        return; /* pings are answered by wslay */
    }
    if (ws->state == WD_WS_OPEN && ws->fate.rc == WD_OK) {
        ws->handler->on_message(ws->arg, wd_buf_view(&ws->message));
    }
    wd_buf_reset(&ws->message);
}


/* ---- ours ------------------------------------------------------------------ */

int
wd_ws_frames_init(wd_ws_t *ws)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = wd_ws_on_recv,
        .send_callback = wd_ws_on_send,
        .genmask_callback = wd_ws_on_mask,
        .on_frame_recv_start_callback = wd_ws_on_frame,
        .on_frame_recv_chunk_callback = wd_ws_on_chunk,
        .on_msg_recv_callback = wd_ws_on_msg,
    };

    if (wslay_event_context_client_init(&ws->frames, &callbacks, ws) != 0) {
        ws->frames = NULL;
        return WD_ENOMEM;
    }
    wslay_event_config_set_no_buffering(ws->frames, 1);
    /* Lengths are judged when a frame begins, those before it included. */
    wslay_event_config_set_max_recv_msg_length(ws->frames, INT64_MAX);
    return WD_OK;
}


int
wd_ws_frames_queue(wd_ws_t *ws, uint8_t opcode, wd_str_t text)
{
    struct wslay_event_msg m = {opcode, (const uint8_t *) text.data, text.len};

    switch (wslay_event_queue_msg(ws->frames, &m)) {
    case 0:
        return WD_OK;
    case WSLAY_ERR_NOMEM:
        return WD_ENOMEM;
    default:
        return WD_EUNAVAIL;
    }
}


int
wd_ws_frames_events(const wd_ws_t *ws)
{
    return (!ws->paused && wslay_event_want_read(ws->frames) ? UV_READABLE : 0)
           | (wslay_event_want_write(ws->frames) ? UV_WRITABLE : 0);
}


/* In order: by the server, or because it was asked to. */
static int
wd_ws_closed(const wd_ws_t *ws, wd_error_t *err)
{
    if (ws->state == WD_WS_CLOSING) {
        (void) wd_error(err, WD_OK, "closed as asked for");
    } else {
        (void) wd_error(err, WD_OK, "closed by the server, code %u%s%s",
                        ws->fate.code, ws->fate.reason[0] != '\0' ? ": " : "",
                        ws->fate.reason);
    }
    return WD_OK;
}


static int
wd_ws_failed(const wd_ws_t *ws, int rc, wd_error_t *err)
{
    switch (rc) {
    case WD_ETOOBIG:
        return wd_error(err, rc, "a message is longer than %zu bytes",
                        ws->max_message);
    case WD_EPROTO:
        return wd_error(err, rc, "the server breaks the protocol");
    case WD_ELIMIT:
        return wd_error(err, rc, "the server takes no answers to its pings");
    case WD_ENOMEM:
        return wd_error(err, rc, "no memory for a message");
    default:
        return wd_error(err, rc, "the connection broke");
    }
}


static int
wd_ws_frames_judge(wd_ws_t *ws, wd_error_t *err)
{
    bool heard = wslay_event_get_close_received(ws->frames);
    bool told = wslay_event_get_close_sent(ws->frames);
    bool reads = wslay_event_want_read(ws->frames);
    bool writes = wslay_event_want_write(ws->frames);

    if (heard && (told || !writes)) {
        return wd_ws_closed(ws, err);
    }
    if (ws->fate.rc == WD_ETRUNC && ws->state == WD_WS_CLOSING && told) {
        return wd_ws_closed(ws, err); /* it hung up instead */
    }
    if (ws->fate.rc != WD_OK && !writes) {
        return wd_ws_failed(ws, ws->fate.rc, err);
    }
    if (!heard && !reads && !writes) {
        return wd_ws_failed(ws, WD_EPROTO, err); /* wslay said so */
    }
    return WD_EAGAIN;
}


int
wd_ws_frames_give_up(wd_ws_t *ws, wd_error_t *err)
{
    wslay_event_shutdown_write(ws->frames);
    if (ws->state == WD_WS_CLOSING
        && !wslay_event_get_close_received(ws->frames)) {
        return wd_error(err, WD_ETIMEOUT, "the server did not close in time");
    }
    return wd_ws_frames_judge(ws, err);
}


bool
wd_ws_frames_over(const wd_ws_t *ws)
{
    return !wslay_event_want_read(ws->frames);
}


/* A close overtakes all that waits, so ours is not queued before the rest is
 * gone. */
static int
wd_ws_send_queued(wd_ws_t *ws)
{
    int rc;

    rc = wslay_event_send(ws->frames);
    if (rc != 0 || ws->state != WD_WS_CLOSING
        || wslay_event_want_write(ws->frames)
        || wslay_event_get_close_sent(ws->frames)) {
        return rc;
    }
    rc = wslay_event_queue_close(ws->frames, WSLAY_CODE_NORMAL_CLOSURE,
                                 (const uint8_t *) "", 0);
    return rc == 0 ? wslay_event_send(ws->frames) : rc;
}


int
wd_ws_frames_pump(wd_ws_t *ws, wd_error_t *err)
{
    int rc = 0;

    ws->budget = WD_WS_TURN_BYTES;
    if (wslay_event_want_read(ws->frames)) {
        rc = wslay_event_recv(ws->frames);
    }
    if (ws->state == WD_WS_ENDED) {
        return WD_EAGAIN; /* destroyed by a callback */
    }
    if (rc == WSLAY_ERR_NOMEM) {
        return wd_ws_failed(ws, WD_ENOMEM, err);
    }
    if (ws->fate.rc == WD_ETRUNC || ws->fate.rc == WD_ELIMIT) {
        wslay_event_shutdown_write(ws->frames); /* nobody reads it */
    } else if (wd_ws_send_queued(ws) == WSLAY_ERR_NOMEM) {
        return wd_ws_failed(ws, WD_ENOMEM, err);
    }
    return wd_ws_frames_judge(ws, err);
}
