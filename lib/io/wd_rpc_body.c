/*
 * wd_rpc_body.c - the body of a request on its way from the loop, which
 * receives its chunks, to the thread of the lane that reads it.
 *
 * What arrived waits in a ring of one window. The thread takes from it and
 * counts what it took; the loop turns the count into credit for the caller.
 */
#include "wd_rpc_int.h"

#include <stdlib.h>
#include <time.h>

/* Credit is told in pieces of a quarter window. */
#define WD_RPC_CREDIT (WD_WINDOW / 4)

struct wd_rpc_body {
    /* loop thread */
    wd_list_t     node; /* in server->bodies */
    wd_rpc_req_t *req;
    size_t        outstanding; /* bytes received and not credited */

    /* the thread that reads: how long it waited, in all and in this window */
    wd_ns_t  waited;
    wd_ns_t  waited_window;
    uint64_t read_window; /* bytes */

    pthread_mutex_t lock;
    pthread_cond_t  news;
    uint8_t        *ring; /* WD_WINDOW bytes */
    size_t          from; /* of the first byte in it */
    size_t          len; /* bytes in it */
    size_t          taken; /* read, and not yet turned into credit */
    bool            last; /* no more will come */
    wd_ns_t         ended; /* since then */
    bool            gone; /* nor will anybody wait for an answer */
};


int
wd_rpc_body_create(wd_rpc_req_t *req)
{
    wd_rpc_body_t     *b;
    pthread_condattr_t attr;

    b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return WD_ENOMEM;
    }

    b->ring = malloc(WD_WINDOW);
    if (b->ring == NULL) {
        free(b);
        return WD_ENOMEM;
    }

    b->req = req;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&b->news, &attr);
    pthread_condattr_destroy(&attr);
    wd_list_push_back(&req->s->bodies, &b->node);
    req->body = b;
    return WD_OK;
}


void
wd_rpc_body_destroy(wd_rpc_body_t *b)
{
    if (b == NULL) {
        return;
    }

    wd_list_remove(&b->node);
    pthread_cond_destroy(&b->news);
    pthread_mutex_destroy(&b->lock);
    free(b->ring);
    free(b);
}


void
wd_rpc_body_leave(wd_rpc_body_t *b)
{
    pthread_mutex_lock(&b->lock);
    b->gone = true;
    pthread_cond_signal(&b->news);
    pthread_mutex_unlock(&b->lock);
}


/* With the lock held, and room for all of it. */
static void
wd_rpc_body_push(wd_rpc_body_t *b, wd_str_t bytes)
{
    size_t at = (b->from + b->len) % WD_WINDOW;
    size_t n = wd_min(bytes.len, WD_WINDOW - at);

    if (bytes.len == 0) {
        return;
    }
    memcpy(b->ring + at, bytes.data, n);
    memcpy(b->ring, bytes.data + n, bytes.len - n);
    b->len += bytes.len;
}


int
wd_rpc_body_put(wd_rpc_body_t *b, wd_str_t bytes, bool last)
{
    if (b->last || bytes.len > WD_WINDOW - b->outstanding) {
        return WD_EPROTO;
    }

    b->outstanding += bytes.len;
    pthread_mutex_lock(&b->lock);
    wd_rpc_body_push(b, bytes);
    b->last = last;
    b->ended = last ? wd_monotonic() : 0;
    pthread_cond_signal(&b->news);
    pthread_mutex_unlock(&b->lock);
    return WD_OK;
}


/* An end needs no credit, and who was answered gets none. */
static void
wd_rpc_body_credit(wd_rpc_body_t *b)
{
    size_t n;

    pthread_mutex_lock(&b->lock);
    n = b->taken;
    b->taken = 0;
    pthread_mutex_unlock(&b->lock);

    if (n != 0 && b->req->conn != NULL && !b->last) {
        b->outstanding -= n;
        wd_frame_put_credit(&b->req->conn->out, b->req->msgid, (uint32_t) n);
        wd_rpc_conn_dirty(b->req->conn);
    }
}


void
wd_rpc_body_credit_all(wd_rpc_server_t *s)
{
    wd_list_t *at;

    for (at = s->bodies.next; at != &s->bodies; at = at->next) {
        wd_rpc_body_credit(wd_list_entry(at, wd_rpc_body_t, node));
    }
}


/* ---- on the thread that reads ------------------------------------------- */

/* How long may be waited before the pace has to be looked at again. */
static wd_ns_t
wd_rpc_body_patience(const wd_rpc_body_t *b, const wd_rpc_pace_t *pace,
                     wd_ns_t silent)
{
    wd_ns_t left = wd_min(pace->silence - silent, pace->total - b->waited);

    return pace->rate == 0 ? left
                           : wd_min(left, pace->window - b->waited_window);
}


/* A window that is over must have brought as many bytes as were due. */
static int
wd_rpc_body_check_window(wd_rpc_body_t *b, const wd_rpc_pace_t *pace,
                         wd_error_t *err)
{
    double seconds = (double) b->waited_window / (double) WD_NS_PER_S;

    if (pace->rate == 0 || b->waited_window < pace->window) {
        return WD_OK;
    }
    if ((double) b->read_window < (double) pace->rate * seconds) {
        return wd_error(err, WD_ESLOW,
                        "the body comes with less than %llu bytes a second",
                        (unsigned long long) pace->rate);
    }
    b->waited_window = 0;
    b->read_window = 0;
    return WD_OK;
}


static int
wd_rpc_body_check(wd_rpc_body_t *b, const wd_rpc_pace_t *pace, wd_ns_t silent,
                  wd_error_t *err)
{
    if (silent >= pace->silence) {
        return wd_error(err, WD_ESLOW, "the body does not go on");
    }
    if (b->waited >= pace->total) {
        return wd_error(err, WD_ESLOW,
                        "the body was waited for longer than %lld s in all",
                        (long long) (pace->total / WD_NS_PER_S));
    }
    return wd_rpc_body_check_window(b, pace, err);
}


/* With the lock held: until there is something, or nothing to come, or `ns`. */
static void
wd_rpc_body_sleep(wd_rpc_body_t *b, wd_ns_t ns)
{
    wd_ns_t         from = wd_monotonic(), until = from + ns;
    struct timespec ts = {.tv_sec = (time_t) (until / WD_NS_PER_S),
                          .tv_nsec = (long) (until % WD_NS_PER_S)};

    while (!b->gone && b->len == 0 && !b->last && wd_monotonic() < until) {
        pthread_cond_timedwait(&b->news, &b->lock, &ts);
    }
    from = wd_monotonic() - from;
    b->waited += from;
    b->waited_window += from;
}


/* With the lock held, until there is something, or nothing to come. */
static int
wd_rpc_body_wait(wd_rpc_body_t *b, const wd_rpc_pace_t *pace, wd_error_t *err)
{
    int     rc = WD_OK;
    wd_ns_t before = b->waited;

    while (rc == WD_OK && !b->gone && b->len == 0 && !b->last) {
        wd_rpc_body_sleep(b, wd_rpc_body_patience(b, pace, b->waited - before));
        if (b->len == 0 && !b->last) {
            rc = wd_rpc_body_check(b, pace, b->waited - before, err);
        }
    }
    return b->gone ? wd_error(err, WD_ECANCELED, "the caller left") : rc;
}


/* With the lock held. */
static size_t
wd_rpc_body_pull(wd_rpc_body_t *b, uint8_t *to, size_t cap)
{
    size_t n = wd_min(cap, b->len);
    size_t first = wd_min(n, WD_WINDOW - b->from);

    memcpy(to, b->ring + b->from, first);
    memcpy(to + first, b->ring, n - first);
    b->from = (b->from + n) % WD_WINDOW;
    b->len -= n;
    b->taken += n;
    b->read_window += n;
    return n;
}


int
wd_rpc_read(const wd_rpc_call_t *call, void *buf, size_t cap, size_t *ret_n,
            wd_error_t *err)
{
    int            rc;
    bool           tell;
    wd_rpc_req_t  *req = wd_list_entry(call, wd_rpc_req_t, call);
    wd_rpc_body_t *b = req->body;

    *ret_n = 0;
    if (b == NULL) {
        return WD_OK; /* a request without a body */
    }

    pthread_mutex_lock(&b->lock);
    rc = wd_rpc_body_wait(b, &req->s->pace, err);
    if (rc == WD_OK) {
        *ret_n = wd_rpc_body_pull(b, buf, cap);
    }
    tell = b->taken >= WD_RPC_CREDIT && !b->last;
    pthread_mutex_unlock(&b->lock);

    if (rc != WD_OK) {
        return rc;
    }
    if (*ret_n == 0) { /* from its end on the caller counts */
        req->call.deadline = wd_rpc_deadline(&call->ctx, b->ended);
    }
    if (tell) {
        uv_async_send(&req->s->credit);
    }
    return WD_OK;
}
