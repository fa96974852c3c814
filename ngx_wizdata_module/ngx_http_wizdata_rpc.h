/*
 * ngx_http_wizdata_rpc.h - the RPC client of a worker process: one
 * multiplexed connection per endpoint (docs/PROTOCOL.md).
 *
 *   service  has peers, one per endpoint, and the calls that wait for one
 *   peer     keeps an endpoint connected: back-off, probing
 *   conn     a socket with its frames and the calls in flight on it
 *   rpc      a call; its memory is the caller's
 */
#ifndef NGX_HTTP_WIZDATA_RPC_H
#define NGX_HTTP_WIZDATA_RPC_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "wd_ctx.h"
#include "wd_frame.h"
#include "wd_method.h"

#include "ngx_http_wizdata_meta.h"

typedef struct ngx_http_wizdata_worker_s  ngx_http_wizdata_worker_t;
typedef struct ngx_http_wizdata_service_s ngx_http_wizdata_service_t;
typedef struct ngx_http_wizdata_peer_s    ngx_http_wizdata_peer_t;
typedef struct ngx_http_wizdata_conn_s    ngx_http_wizdata_conn_t;
typedef struct ngx_http_wizdata_rpc_s     ngx_http_wizdata_rpc_t;
typedef struct ngx_http_wizdata_call_span_s ngx_http_wizdata_call_span_t;


/* Exactly one of: reply without `more`, chunk with `last`, or fail is last. */
typedef struct {
    void (*reply)(ngx_http_wizdata_rpc_t *rpc, const wd_frame_t *f,
        const ngx_http_wizdata_meta_t *meta);
    void (*chunk)(ngx_http_wizdata_rpc_t *rpc, wd_str_t bytes, bool last);
    void (*fail)(ngx_http_wizdata_rpc_t *rpc, int code);
} ngx_http_wizdata_rpc_ops_t;


typedef enum {
    NGX_HTTP_WIZDATA_RPC_IDLE = 0, /* not started, or over */
    NGX_HTTP_WIZDATA_RPC_WAITING, /* no connection yet */
    NGX_HTTP_WIZDATA_RPC_SENT, /* the request is with the peer */
    NGX_HTTP_WIZDATA_RPC_BODY /* the answer has begun, more is to come */
} ngx_http_wizdata_rpc_state_e;


struct ngx_http_wizdata_rpc_s {
    /* set by the caller */
    const ngx_http_wizdata_rpc_ops_t *ops;
    void                             *data;
    const wd_method_t                *method;
    ngx_http_wizdata_service_t       *service;
    ngx_http_wizdata_peer_t          *only; /* this peer or none */
    wd_ctx_t                          context; /* `ms` is filled in */
    wd_str_t                          args; /* MessagePack map */
    ngx_http_wizdata_call_span_t     *span; /* NULL: not traced */
    unsigned                          paused:1; /* the client does not read */

    /* the client's own */
    int                               outcome; /* of the attempt: wd_err.def */
    unsigned                          retried:1;
    ngx_http_wizdata_rpc_state_e      state;
    ngx_http_wizdata_conn_t          *conn;
    uint32_t                          msgid;
    size_t                            outstanding; /* received, not credited */
    size_t                            uncredited; /* passed on, not told yet */
    uint64_t                          frame_at; /* in the stream of conn */
    ngx_msec_t                        deadline;
    ngx_queue_t                       deadline_link;
    ngx_queue_t                       wait_link;
};


typedef struct {
    ngx_http_wizdata_rpc_t *rpc; /* NULL: free */
    uint32_t                round; /* upper bits of the next msgid */
    uint32_t                next; /* free list */
} ngx_http_wizdata_slot_t;


struct ngx_http_wizdata_conn_s {
    ngx_http_wizdata_peer_t *peer;
    ngx_connection_t        *connection;
    wd_frame_reader_t        reader;
    wd_buf_t                 out;
    size_t                   out_pos; /* of the first byte not written */
    uint64_t                 queued; /* bytes ever appended to out */
    uint64_t                 written; /* of them, bytes the kernel took */
    ngx_http_wizdata_slot_t *slots;
    uint32_t                 free_slot;
    ngx_uint_t               in_flight;
    ngx_event_t              flush;
    ngx_msec_t               opened;
    ngx_queue_t              link; /* of the service's connections */
    uint64_t                 instance; /* hash of what the peer calls itself */

    /* Revocations are pushed here without a gap since `cover_since`. */
    ngx_msec_t               cover_since;
    ngx_msec_t               last_beat;

    unsigned                 connected:1;
    unsigned                 ready:1; /* hello seen, takes requests */
    unsigned                 goaway:1;
    unsigned                 covered:1; /* a beat was seen */
    unsigned                 malformed:1; /* nothing is asked again */
};


struct ngx_http_wizdata_peer_s {
    ngx_http_wizdata_service_t *service;
    void                       *endpoint; /* ngx_http_wizdata_endpoint_t */
    ngx_http_wizdata_conn_t    *conn; /* current one; NULL: down */
    ngx_event_t                 retry;
    ngx_msec_t                  delay;
    unsigned                    failed:1; /* since its last hello */
    unsigned                    logged:1; /* that it is down */
};


struct ngx_http_wizdata_service_s {
    ngx_http_wizdata_worker_t *worker;
    wd_service_e               id;
    ngx_http_wizdata_peer_t   *peers;
    ngx_uint_t                 n_peers;
    ngx_uint_t                 next; /* where the search begins */
    ngx_uint_t                 max_inflight;
    ngx_msec_t                 connect_timeout;
    ngx_uint_t                 in_flight;
    ngx_queue_t                conns; /* draining ones included */
    ngx_queue_t                waiting;
    ngx_uint_t                 n_waiting;
    const char                *last_error; /* class of failure, or NULL */
};


/*
 * WD_OK: one of rpc->ops will be called, never before this returns.
 * Otherwise the code that the caller has to answer with.
 */
int ngx_http_wizdata_rpc_start(ngx_http_wizdata_rpc_t *rpc);

/* The caller lost interest; nothing is called any more. Any state. */
void ngx_http_wizdata_rpc_cancel(ngx_http_wizdata_rpc_t *rpc);

/* `n` bytes of the body were passed on. */
void ngx_http_wizdata_rpc_credit(ngx_http_wizdata_rpc_t *rpc, size_t n);

/* For the connection: */

ngx_int_t ngx_http_wizdata_rpc_response(ngx_http_wizdata_conn_t *conn,
    const wd_frame_t *f);
ngx_int_t ngx_http_wizdata_rpc_chunk(ngx_http_wizdata_conn_t *conn,
    wd_str_t params);
ngx_int_t ngx_http_wizdata_rpc_abort(ngx_http_wizdata_conn_t *conn,
    wd_str_t params);

/* The connection is gone: retries or fails what was in flight on it. */
void ngx_http_wizdata_rpc_lost(ngx_http_wizdata_conn_t *conn);

/* A connection is ready, or none will be soon: serves those who wait. */
void ngx_http_wizdata_rpc_wake(ngx_http_wizdata_service_t *s);
void ngx_http_wizdata_rpc_deadline(ngx_event_t *ev);


/* ngx_http_wizdata_peer.c */

ngx_int_t ngx_http_wizdata_peers_init(ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_peers_done(ngx_http_wizdata_worker_t *w);

/* Connects unless connected, connecting or backing off. */
void ngx_http_wizdata_peer_connect(ngx_http_wizdata_peer_t *peer);

/* True when no peer is connected and all have failed for a while. */
ngx_uint_t ngx_http_wizdata_service_down(ngx_http_wizdata_service_t *s);

/* Told by conn: its hello was seen; it takes no requests any more. */
void ngx_http_wizdata_peer_ready(ngx_http_wizdata_peer_t *peer);
void ngx_http_wizdata_peer_goaway(ngx_http_wizdata_peer_t *peer);

/* Told by conn: it is gone after `lived` ms; `why` NULL: on purpose. */
void ngx_http_wizdata_peer_lost(ngx_http_wizdata_peer_t *peer,
    ngx_msec_t lived, const char *why);


/* ngx_http_wizdata_conn.c */

/* Takes over `c`, whose connect() is under way; NULL: c is closed. */
ngx_http_wizdata_conn_t *ngx_http_wizdata_conn_create(
    ngx_http_wizdata_peer_t *peer, ngx_connection_t *c);

/* connect() succeeded. */
void ngx_http_wizdata_conn_established(ngx_http_wizdata_conn_t *conn);

/* Appended frames leave together at the end of the event loop's turn. */
void ngx_http_wizdata_conn_flush_later(ngx_http_wizdata_conn_t *conn);

/* `why` is a class of failure for logs and status; NULL: on purpose. */
void ngx_http_wizdata_conn_close(ngx_http_wizdata_conn_t *conn,
    const char *why);

/* True when no revocation since `since` can have been missed. */
ngx_uint_t ngx_http_wizdata_conn_covers(const ngx_http_wizdata_conn_t *conn,
    ngx_msec_t since);

#endif /* NGX_HTTP_WIZDATA_RPC_H */
