/*
 * wd_rpc.c - sockets of the RPC server: accept, read, one write per loop
 * turn, drain.
 */
#include "wd_metrics.h"
#include "wd_rpc_int.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WD_RPC_READS_PER_TURN 8 /* then other connections have their turn */
#define WD_RPC_READ_MIN (64 * 1024)
#define WD_RPC_OUT_KEEP (256 * 1024) /* an emptied buffer larger is freed */

typedef struct {
    wd_list_t        node;
    wd_rpc_server_t *s;
    uv_poll_t        poll;
    int              fd;
} wd_rpc_listener_t;


static void wd_rpc_on_poll(uv_poll_t *p, int status, int events);
static void wd_rpc_on_turn(uv_check_t *h);
static void wd_rpc_on_wait(uv_prepare_t *h);
static void wd_rpc_on_read(uv_async_t *h);
static void wd_rpc_conn_frames(wd_rpc_conn_t *c);


static int
wd_rpc_index(wd_rpc_server_t *s, const wd_rpc_method_t *methods, size_t n)
{
    size_t i;

    s->by_name = wd_map_create();
    s->entries = calloc(n, sizeof(*s->entries));
    if (s->by_name == NULL || s->entries == NULL) {
        return WD_ENOMEM;
    }

    s->n_entries = n;
    for (i = 0; i < n; i++) {
        s->entries[i].m = &methods[i];
        if (wd_map_set(s->by_name, wd_str_z(methods[i].name), &s->entries[i],
                       NULL)
            != WD_OK) {
            return WD_ENOMEM;
        }
    }
    return WD_OK;
}


wd_rpc_server_t *
wd_rpc_server_create(wd_daemon_t *d, const wd_rpc_method_t *methods, size_t n,
                     wd_pg_pool_t *pool, void *svc, uint32_t max_inflight)
{
    wd_rpc_server_t *s;

    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }

    s->d = d;
    s->log = wd_daemon_log(d);
    s->svc = svc;
    s->pool = pool;
    s->max_inflight = max_inflight;
    wd_list_init(&s->listeners);
    wd_list_init(&s->conns);
    wd_list_init(&s->dirty);
    wd_list_init(&s->bodies);
    s->pace = (wd_rpc_pace_t){.silence = WD_RPC_BODY_WAIT,
                              .total = WD_RPC_BODY_TOTAL};
    wd_buf_init(&s->scratch, WD_META_MAX);

    if (wd_rpc_index(s, methods, n) != WD_OK
        || uv_async_init(wd_daemon_loop(d), &s->credit, wd_rpc_on_read) != 0) {
        wd_map_destroy(s->by_name);
        free(s->entries);
        free(s);
        return NULL;
    }

    s->credit.data = s;
    uv_unref((uv_handle_t *) &s->credit);
    uv_check_init(wd_daemon_loop(d), &s->flush);
    s->flush.data = s;
    uv_check_start(&s->flush, wd_rpc_on_turn);
    uv_unref((uv_handle_t *) &s->flush);
    uv_prepare_init(wd_daemon_loop(d), &s->flush_timers);
    s->flush_timers.data = s;
    uv_prepare_start(&s->flush_timers, wd_rpc_on_wait);
    uv_unref((uv_handle_t *) &s->flush_timers);
    return s;
}


void
wd_rpc_server_quick(wd_rpc_server_t *s, const char *method,
                    wd_rpc_method_pt quick)
{
    wd_rpc_entry_t *e = wd_map_get(s->by_name, wd_str_z(method));

    assert(e != NULL);
    e->quick = quick;
}


void
wd_rpc_server_lane(wd_rpc_server_t *s, wd_lane_t *lane)
{
    s->lane = lane;
}


static void
wd_rpc_conn_free(uv_handle_t *h)
{
    wd_rpc_conn_t *c = h->data;

    close(c->fd);
    wd_frame_reader_done(&c->in);
    wd_buf_done(&c->out);
    free(c);
}


static void
wd_rpc_conn_close(wd_rpc_conn_t *c)
{
    if (c->closed) {
        return;
    }

    c->closed = true;
    wd_rpc_abandon(c);
    wd_list_remove(&c->node);
    wd_list_remove(&c->dirty);
    c->s->n_conns--;
    wd_metric(WD_MX_RPC_CONNECTIONS, (double) c->s->n_conns, NULL, NULL, NULL);
    uv_close((uv_handle_t *) &c->poll, wd_rpc_conn_free);
}


static void
wd_rpc_conn_malformed(wd_rpc_conn_t *c, const char *what)
{
    wd_metric(WD_MX_RPC_MALFORMED, 1, NULL, NULL, NULL);
    wd_log_warn(c->s->log, "connection closed", "reason", what);
    wd_rpc_conn_close(c);
}


static void
wd_rpc_conn_watch(wd_rpc_conn_t *c, int events)
{
    if (c->events != events) {
        c->events = events;
        uv_poll_start(&c->poll, events, wd_rpc_on_poll);
    }
}


void
wd_rpc_conn_dirty(wd_rpc_conn_t *c)
{
    if (!c->closed && wd_list_empty(&c->dirty)) {
        wd_list_push_back(&c->s->dirty, &c->dirty);
    }
}


/* Sends what there is; false when the connection was closed. */
static bool
wd_rpc_conn_send(wd_rpc_conn_t *c)
{
    ssize_t n;

    for (;;) {
        if (c->out.err != WD_OK) {
            wd_rpc_conn_malformed(c, "no memory for answers");
            return false;
        }

        if (c->sent == c->out.len) {
            wd_buf_reset(&c->out);
            c->sent = 0;
            wd_rpc_pump(c);
            if (c->out.len == 0) {
                break;
            }
        }

        n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
                 MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            /* A peer that does not read gets no more work done. */
            wd_rpc_conn_watch(c, c->out.len - c->sent < WD_RPC_OUT_HIGH
                                     ? UV_READABLE | UV_WRITABLE
                                     : UV_WRITABLE);
            return true;
        }
        if (n <= 0) {
            wd_rpc_conn_close(c);
            return false;
        }
        c->sent += (size_t) n;
    }

    if (c->out.cap > WD_RPC_OUT_KEEP) {
        wd_buf_done(&c->out);
    }
    wd_rpc_conn_watch(c, c->held ? UV_READABLE | UV_WRITABLE : UV_READABLE);
    return true;
}


/*
 * A peer that missed a notification would believe later ones in vain (a beat
 * says that all revocations arrived), so who does not read loses the
 * connection, and learns all anew on the next. True: it was closed.
 */
static bool
wd_rpc_conn_deaf(wd_rpc_conn_t *c)
{
    if (!c->closed
        && c->out.len - c->sent >= c->greeting + WD_RPC_NOTIFY_HIGH) {
        wd_log_warn(c->s->log, "connection closed", "reason",
                    "the peer does not read its notifications");
        wd_rpc_conn_close(c);
    }
    return c->closed;
}


static bool
wd_rpc_conn_full(const wd_rpc_conn_t *c)
{
    return c->out.len - c->sent >= WD_RPC_OUT_HIGH;
}


/*
 * Sends, and takes up the frames that waited for it: once a turn, so that
 * others have theirs. False when the connection was closed.
 */
static bool
wd_rpc_conn_flush(wd_rpc_conn_t *c)
{
    if (!wd_rpc_conn_send(c)) {
        return false;
    }
    if (!c->held || wd_rpc_conn_full(c)) {
        return true;
    }

    c->held = false;
    wd_rpc_conn_frames(c);
    return !c->closed && wd_rpc_conn_send(c);
}


static void
wd_rpc_flush_all(wd_rpc_server_t *s)
{
    wd_rpc_conn_t *c;

    while (!wd_list_empty(&s->dirty)) {
        c = wd_list_entry(s->dirty.next, wd_rpc_conn_t, dirty);
        wd_list_remove(&c->dirty);
        wd_rpc_conn_send(c);
    }
}


static void
wd_rpc_on_turn(uv_check_t *h)
{
    wd_rpc_flush_all(h->data);
}


static void
wd_rpc_on_wait(uv_prepare_t *h)
{
    wd_rpc_flush_all(h->data);
}


/* Threads have read of their requests' bodies. */
static void
wd_rpc_on_read(uv_async_t *h)
{
    wd_rpc_body_credit_all(h->data);
}


/* One that belongs to the service. */
static int
wd_rpc_on_handled(wd_rpc_conn_t *c, const wd_frame_t *f)
{
    size_t                  i;
    const wd_rpc_handler_t *h;

    for (i = 0; i < c->s->n_handlers; i++) {
        h = &c->s->handlers[i];
        if (wd_str_eq(f->method, wd_str_z(h->method))) {
            return h->fn(h->arg, f->params);
        }
    }
    return WD_OK;
}


static int
wd_rpc_on_notify(wd_rpc_conn_t *c, const wd_frame_t *f)
{
    bool     last;
    uint32_t msgid, bytes;
    wd_str_t piece;

    if (wd_str_eq(f->method, WD_STR(WD_N_CHUNK))) {
        if (wd_frame_get_chunk(f->params, &msgid, &piece, &last) != WD_OK) {
            return WD_EPROTO;
        }
        return wd_rpc_on_chunk(c, msgid, piece, last);
    }
    if (wd_str_eq(f->method, WD_STR(WD_N_CANCEL))) {
        if (wd_frame_get_cancel(f->params, &msgid) != WD_OK) {
            return WD_EPROTO;
        }
        wd_rpc_on_cancel(c, msgid);
    } else if (wd_str_eq(f->method, WD_STR(WD_N_CREDIT))) {
        if (wd_frame_get_credit(f->params, &msgid, &bytes) != WD_OK) {
            return WD_EPROTO;
        }
        wd_rpc_on_credit(c, msgid, bytes);
    } else {
        return wd_rpc_on_handled(c, f);
    }
    return WD_OK;
}


/* A greeting is as long as it is: only what comes on top is held against. */
static void
wd_rpc_greet(wd_rpc_conn_t *c)
{
    size_t before = c->out.len - c->sent;

    if (c->s->on_connect != NULL && !wd_rpc_conn_deaf(c)) {
        c->greeting = SIZE_MAX / 2;
        c->s->on_connect(c, c->s->connect_arg);
        c->greeting = c->out.len - c->sent - before;
    }
}


/*
 * From here on it is told what all are told. One that was accepted before a
 * drain and speaks only now has missed the farewell.
 */
static void
wd_rpc_greeted(wd_rpc_conn_t *c)
{
    wd_rpc_server_t *s = c->s;

    c->greeted = true;
    wd_rpc_greet(c);
    if (s->draining) {
        wd_rpc_peer_notify(c, WD_N_GOAWAY, WD_STR("\x90"));
    }
}


static int
wd_rpc_on_hello(wd_rpc_conn_t *c, const wd_frame_t *f)
{
    int64_t  version;
    wd_str_t service, instance;

    if (f->type != WD_FRAME_NOTIFY || !wd_str_eq(f->method, WD_STR(WD_N_HELLO))
        || wd_frame_get_hello(f->params, &version, &service, &instance) != WD_OK
        || version != WD_PROTO_VERSION) {
        return WD_EPROTO;
    }

    wd_log_debug(c->s->log, "connected", "peer", service, "instance", instance);
    wd_rpc_greeted(c);
    return WD_OK;
}


static int
wd_rpc_on_frame(wd_rpc_conn_t *c, const wd_frame_t *f)
{
    if (!c->greeted) {
        return wd_rpc_on_hello(c, f);
    }
    if (f->type == WD_FRAME_REQUEST) {
        return wd_rpc_on_request(c, f);
    }
    if (f->type == WD_FRAME_NOTIFY) {
        return wd_rpc_on_notify(c, f);
    }
    return WD_EPROTO; /* we ask nothing, so nothing can be answered */
}


static void
wd_rpc_conn_frames(wd_rpc_conn_t *c)
{
    int        rc;
    wd_frame_t f;

    while (!c->closed) {
        /* Who does not read his answers is not asked for more questions. */
        if (wd_rpc_conn_full(c)) {
            c->held = true;
            wd_rpc_conn_dirty(c);
            return;
        }
        rc = wd_frame_reader_next(&c->in, &f);
        if (rc == WD_EAGAIN) {
            return;
        }
        if (rc == WD_OK) {
            rc = wd_rpc_on_frame(c, &f);
        }
        if (rc != WD_OK) {
            wd_rpc_conn_malformed(c, "malformed frame");
        }
    }
}


static void
wd_rpc_conn_read(wd_rpc_conn_t *c)
{
    int      i;
    size_t   len = 0;
    ssize_t  n;
    uint8_t *p;

    for (i = 0; i < WD_RPC_READS_PER_TURN && !c->closed && !c->held; i++) {
        p = wd_frame_reader_space(&c->in, WD_RPC_READ_MIN, &len);
        if (p == NULL) {
            wd_rpc_conn_malformed(c, "no memory to receive");
            return;
        }

        n = recv(c->fd, p, len, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (n <= 0) {
            wd_rpc_conn_close(c);
            return;
        }

        wd_frame_reader_fed(&c->in, (size_t) n);
        wd_rpc_conn_frames(c);
        if ((size_t) n < len) {
            return; /* all that was there */
        }
    }
}


static void
wd_rpc_on_poll(uv_poll_t *p, int status, int events)
{
    wd_rpc_conn_t *c = p->data;

    if (status < 0) {
        wd_rpc_conn_close(c);
        return;
    }
    if ((events & UV_WRITABLE) && !wd_rpc_conn_flush(c)) {
        return;
    }
    if (events & UV_READABLE) {
        wd_rpc_conn_read(c);
    }
}


static void
wd_rpc_conn_open(wd_rpc_server_t *s, int fd)
{
    wd_rpc_conn_t *c;

    c = calloc(1, sizeof(*c));
    if (c == NULL || uv_poll_init(wd_daemon_loop(s->d), &c->poll, fd) != 0) {
        free(c);
        close(fd);
        return;
    }

    c->s = s;
    c->fd = fd;
    c->poll.data = c;
    wd_frame_reader_init(&c->in);
    wd_buf_init(&c->out, 0);
    wd_list_init(&c->dirty);
    wd_list_init(&c->reqs);
    wd_list_init(&c->sending);
    wd_list_push_back(&s->conns, &c->node);
    s->n_conns++;
    wd_metric(WD_MX_RPC_CONNECTIONS, (double) s->n_conns, NULL, NULL, NULL);

    wd_rpc_conn_watch(c, UV_READABLE);
    wd_frame_put_hello(&c->out, wd_daemon_service(s->d),
                       wd_daemon_instance(s->d));
    wd_rpc_conn_dirty(c);
}


static void
wd_rpc_on_accept(uv_poll_t *p, int status, int events)
{
    int                fd;
    wd_rpc_listener_t *l = p->data;

    (void) events;
    if (status < 0) {
        return;
    }

    for (;;) {
        fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            wd_rpc_conn_open(l->s, fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                wd_log_warn(l->s->log, "cannot accept", "reason",
                            strerror(errno));
            }
            return;
        }
    }
}


int
wd_rpc_server_listen(wd_rpc_server_t *s, const int *fds, size_t n_fds,
                     wd_error_t *err)
{
    size_t             i;
    wd_rpc_listener_t *l;

    for (i = 0; i < s->n_entries; i++) { /* else they took all the workers */
        assert(s->lane != NULL
               || (s->entries[i].m->flags & WD_RPC_UPLOAD) != WD_RPC_UPLOAD);
    }

    for (i = 0; i < n_fds; i++) {
        l = calloc(1, sizeof(*l));
        if (l == NULL
            || uv_poll_init(wd_daemon_loop(s->d), &l->poll, fds[i]) != 0) {
            free(l);
            return wd_error(err, WD_EINTERNAL, "cannot watch a socket");
        }
        l->s = s;
        l->fd = fds[i];
        l->poll.data = l;
        uv_poll_start(&l->poll, UV_READABLE, wd_rpc_on_accept);
        wd_list_push_back(&s->listeners, &l->node);
    }
    return WD_OK;
}


static void
wd_rpc_listener_free(uv_handle_t *h)
{
    free(h->data);
}


static void
wd_rpc_close_listeners(wd_rpc_server_t *s)
{
    wd_rpc_listener_t *l;

    while (!wd_list_empty(&s->listeners)) {
        l = wd_list_entry(s->listeners.next, wd_rpc_listener_t, node);
        wd_list_remove(&l->node);
        uv_close((uv_handle_t *) &l->poll, wd_rpc_listener_free);
        close(l->fd); /* before anybody is told to go away */
    }
}


void
wd_rpc_server_pace(wd_rpc_server_t *s, const wd_rpc_pace_t *pace)
{
    s->pace = *pace;
}


void
wd_rpc_server_trace(wd_rpc_server_t *s, wd_spans_t *spans)
{
    s->spans = spans;
}


void
wd_rpc_server_drain(wd_rpc_server_t *s)
{
    s->draining = true;
    wd_rpc_close_listeners(s);
    wd_rpc_server_notify(s, WD_N_GOAWAY, WD_STR("\x90")); /* [] */
}


size_t
wd_rpc_server_inflight(const wd_rpc_server_t *s)
{
    size_t               n = s->inflight;
    wd_list_t           *at;
    const wd_rpc_conn_t *c;

    for (at = s->conns.next; at != &s->conns; at = at->next) {
        c = wd_list_entry(at, wd_rpc_conn_t, node);
        n += c->out.len != c->sent; /* an answer that is not sent yet */
    }
    return n;
}


static void
wd_rpc_server_free(uv_handle_t *h)
{
    wd_rpc_server_t *s = h->data;

    wd_map_destroy(s->by_name);
    wd_buf_done(&s->scratch);
    free(s->entries);
    free(s);
}


static void
wd_rpc_server_on_prepare_closed(uv_handle_t *h)
{
    wd_rpc_server_t *s = h->data;

    uv_close((uv_handle_t *) &s->flush, wd_rpc_server_free);
}


static void
wd_rpc_server_on_credit_closed(uv_handle_t *h)
{
    wd_rpc_server_t *s = h->data;

    uv_close((uv_handle_t *) &s->flush_timers, wd_rpc_server_on_prepare_closed);
}


void
wd_rpc_server_stop(wd_rpc_server_t *s)
{
    if (s == NULL) {
        return;
    }

    s->stopping = true;
    wd_rpc_close_listeners(s);
    while (!wd_list_empty(&s->conns)) {
        wd_rpc_conn_close(wd_list_entry(s->conns.next, wd_rpc_conn_t, node));
    }

    /* Work that is still running holds the server; the loop waits for it. */
    if (s->inflight == 0 && !uv_is_closing((uv_handle_t *) &s->credit)) {
        uv_close((uv_handle_t *) &s->credit, wd_rpc_server_on_credit_closed);
    }
}


void
wd_rpc_peer_notify(wd_rpc_peer_t *c, const char *method, wd_str_t params)
{
    if (!wd_rpc_conn_deaf(c)) {
        wd_frame_put_notify(&c->out, method, params);
        wd_rpc_conn_dirty(c);
    }
}


void
wd_rpc_peer_close(wd_rpc_peer_t *peer)
{
    wd_rpc_conn_close(peer);
}


void
wd_rpc_server_notify(wd_rpc_server_t *s, const char *method, wd_str_t params)
{
    wd_list_t     *at, *next;
    wd_rpc_conn_t *c;

    for (at = s->conns.next; at != &s->conns; at = next) {
        next = at->next;
        c = wd_list_entry(at, wd_rpc_conn_t, node);
        if (c->greeted) {
            wd_rpc_peer_notify(c, method, params);
        }
    }
}


void
wd_rpc_server_greet(wd_rpc_server_t *s)
{
    wd_list_t     *at, *next;
    wd_rpc_conn_t *c;

    for (at = s->conns.next; at != &s->conns; at = next) {
        next = at->next;
        c = wd_list_entry(at, wd_rpc_conn_t, node);
        if (c->greeted) {
            wd_rpc_greet(c);
        }
    }
}


void
wd_rpc_server_on_notify(wd_rpc_server_t *s, const char *method,
                        wd_rpc_notify_pt fn, void *arg)
{
    assert(s->n_handlers < WD_RPC_HANDLERS_MAX);
    s->handlers[s->n_handlers++] = (wd_rpc_handler_t){method, fn, arg};
}


void
wd_rpc_server_on_connect(wd_rpc_server_t *s, wd_rpc_connect_pt fn, void *arg)
{
    s->on_connect = fn;
    s->connect_arg = arg;
}
