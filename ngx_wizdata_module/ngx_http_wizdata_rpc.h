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
#include "wd_fleet.h"
#include "wd_frame.h"
#include "wd_method.h"

#include "ngx_http_wizdata_meta.h"

typedef struct ngx_http_wizdata_worker_s  ngx_http_wizdata_worker_t;
typedef struct ngx_http_wizdata_service_s ngx_http_wizdata_service_t;
typedef struct ngx_http_wizdata_peer_s    ngx_http_wizdata_peer_t;
typedef struct ngx_http_wizdata_conn_s    ngx_http_wizdata_conn_t;
typedef struct ngx_http_wizdata_rpc_s     ngx_http_wizdata_rpc_t;
typedef struct ngx_http_wizdata_health_s  ngx_http_wizdata_health_t;
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
    NGX_HTTP_WIZDATA_RPC_WAITING, /* for a connection, or for a slot */
    NGX_HTTP_WIZDATA_RPC_SENT, /* the request is with the peer */
    NGX_HTTP_WIZDATA_RPC_BODY /* the answer has begun, more is to come */
} ngx_http_wizdata_rpc_state_e;


/* A body that follows the request; the caller's memory. */
typedef struct {
    /* Set by the caller: bytes may be passed on, for the first time or again. */
    void      (*room)(ngx_http_wizdata_rpc_t *rpc);

    /* ngx_http_wizdata_rpc_upload.c's own */
    ngx_event_t wake; /* room() is to be called */
    ngx_queue_t link; /* of conn->uploads */
    size_t      outstanding; /* bytes passed on and not credited */
    unsigned    linked:1;
    unsigned    begun:1; /* something was passed on: not to be sent anew */
    unsigned    last:1; /* all was */
} ngx_http_wizdata_rpc_upload_t;


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
    ngx_http_wizdata_rpc_upload_t    *upload; /* NULL: no body follows */
    unsigned                          paused:1; /* the client does not read,
                                                   or has nothing to send */
    unsigned                          background:1; /* of no client: keeps
                                                       no worker alive */

    /* the client's own */
    int                               outcome; /* of the attempt: wd_err.def */
    unsigned                          retried:1;
    unsigned                          entered:1; /* has a slot of the cap */
    unsigned                          probe:1; /* tries a half-open peer */
    unsigned                          evicted:1; /* its place went to another */
    unsigned                          counted:1; /* as waiting */
    wd_class_e                        class;
    ngx_http_wizdata_peer_t          *avoid; /* another one if there is any */
    uint64_t                          ticket; /* order of those that wait */
    ngx_msec_t                        since; /* it waits, or was sent */
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
    ngx_queue_t              uploads; /* wait until less is unsent */
    ngx_msec_t               opened;
    ngx_msec_t               within_since; /* the end of a frame is missing */
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
    unsigned                 within:1; /* a frame */
};


struct ngx_http_wizdata_peer_s {
    ngx_http_wizdata_service_t *service;
    void                       *endpoint; /* ngx_http_wizdata_endpoint_t */
    ngx_http_wizdata_conn_t    *conn; /* current one; NULL: down */
    ngx_uint_t                  index; /* in the service, and its fleet */
    ngx_event_t                 retry;
    ngx_msec_t                  delay;
    ngx_msec_t                  tried; /* connect() was called */
    unsigned                    failed:1; /* since its last hello */
    unsigned                    logged:1; /* that it is down */
};


struct ngx_http_wizdata_service_s {
    ngx_http_wizdata_worker_t *worker;
    wd_service_e               id;
    ngx_http_wizdata_peer_t   *peers;
    ngx_uint_t                 n_peers;
    ngx_uint_t                 next; /* where the search begins */
    ngx_uint_t                 in_flight; /* of this worker */
    ngx_queue_t                conns; /* draining ones included */

    /* admission: ngx_http_wizdata_admit.c */
    void                      *conf; /* ngx_http_wizdata_service_conf_t */
    wd_fleet_group_t           fleet; /* what all workers know */
    wd_breaker_conf_t          breaker;
    wd_shed_conf_t             shed;
    wd_budget_t                budget; /* of calls made again */
    ngx_queue_t                waiting[WD_CLASSES];
    ngx_uint_t                 n_waiting;
    ngx_event_t                turn; /* looks at those who wait */

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
ngx_int_t ngx_http_wizdata_rpc_credited(ngx_http_wizdata_conn_t *conn,
    wd_str_t params);

/* The connection is gone: retries or fails what was in flight on it. */
void ngx_http_wizdata_rpc_lost(ngx_http_wizdata_conn_t *conn);

void ngx_http_wizdata_rpc_deadline(ngx_event_t *ev);

/* For admission: */

int ngx_http_wizdata_rpc_send(ngx_http_wizdata_conn_t *conn,
    ngx_http_wizdata_rpc_t *rpc);

/* The peer moves: its time begins anew. */
void ngx_http_wizdata_rpc_progress(ngx_http_wizdata_rpc_t *rpc);

/* The call is over, and has failed. */
void ngx_http_wizdata_rpc_drop(ngx_http_wizdata_rpc_t *rpc, int code);


/* ngx_http_wizdata_rpc_upload.c */

/*
 * Bytes of the body that may be passed on now; 0: none, and room() will be
 * called when there are, unless the call is over before.
 */
size_t ngx_http_wizdata_rpc_upload_room(ngx_http_wizdata_rpc_t *rpc);

/* So many at most, but for the end: it is `last`, with or without bytes. */
ngx_int_t ngx_http_wizdata_rpc_upload_pass(ngx_http_wizdata_rpc_t *rpc,
    wd_str_t bytes, ngx_uint_t last);

/* For calls: one was sent, one leaves its connection. */
void ngx_http_wizdata_rpc_upload_begin(ngx_http_wizdata_rpc_t *rpc);
void ngx_http_wizdata_rpc_upload_end(ngx_http_wizdata_rpc_t *rpc);

/* NGX_ERROR: more than was passed on. */
ngx_int_t ngx_http_wizdata_rpc_upload_credit(ngx_http_wizdata_rpc_t *rpc,
    uint32_t bytes);

/* For the connection: some of its bytes were sent. */
void ngx_http_wizdata_rpc_upload_drained(ngx_http_wizdata_conn_t *conn);


/* ngx_http_wizdata_admit.c */

void ngx_http_wizdata_admit_init(ngx_http_wizdata_service_t *s);

/* Sends the call, or lets it wait; else the code it is refused with. */
int ngx_http_wizdata_admit(ngx_http_wizdata_rpc_t *rpc);

/* The call leaves the queue, or gives its slot back. */
void ngx_http_wizdata_admit_unwait(ngx_http_wizdata_rpc_t *rpc);
void ngx_http_wizdata_admit_exit(ngx_http_wizdata_rpc_t *rpc);

/* The call may be made once more: idempotent, the first time, and paid for. */
ngx_uint_t ngx_http_wizdata_admit_again(ngx_http_wizdata_rpc_t *rpc);

/* A connection is ready, or none will be soon: serves those who wait. */
void ngx_http_wizdata_admit_wake(ngx_http_wizdata_service_t *s);

/* Seconds for Retry-After of a call refused with WD_EAGAIN. */
ngx_uint_t ngx_http_wizdata_retry_after(ngx_http_wizdata_service_t *s);


/* ngx_http_wizdata_pick.c */

/* The connection for a call; NULL: none is ready and has room. */
ngx_http_wizdata_conn_t *ngx_http_wizdata_pick(ngx_http_wizdata_rpc_t *rpc);

/* For a notification: whichever is ready and has less than that unsent. */
ngx_http_wizdata_conn_t *ngx_http_wizdata_pick_any(
    ngx_http_wizdata_service_t *s, size_t unsent);

/* That, or one of an endpoint that was taken out and is to be tried. */
ngx_http_wizdata_conn_t *ngx_http_wizdata_pick_probe(
    ngx_http_wizdata_rpc_t *rpc, ngx_http_wizdata_conn_t *conn);

/* An endpoint that may be asked instead of rpc->avoid? */
ngx_uint_t ngx_http_wizdata_pick_other(ngx_http_wizdata_rpc_t *rpc);

/* How a call to a peer went; `code` of an answer, or of its failure. */
void ngx_http_wizdata_pick_outcome(ngx_http_wizdata_rpc_t *rpc,
    ngx_http_wizdata_peer_t *peer, int code);


/* ngx_http_wizdata_health.c */

size_t ngx_http_wizdata_health_zone_size(void);
ngx_int_t ngx_http_wizdata_health_zone_init(ngx_shm_zone_t *zone, void *data);

/* Joins the fleet and begins to probe; before and after there are peers. */
ngx_int_t ngx_http_wizdata_health_join(ngx_http_wizdata_worker_t *w);
ngx_int_t ngx_http_wizdata_health_start(ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_health_done(ngx_http_wizdata_worker_t *w);

/* The peer is connected: probed at once by the worker whose turn it is. */
void ngx_http_wizdata_health_up(ngx_http_wizdata_peer_t *peer);

/* What an event of the fleet means for log and counters. */
void ngx_http_wizdata_health_event(ngx_http_wizdata_peer_t *peer,
    wd_fleet_event_e event);

typedef struct {
    ngx_str_t        name; /* as configured */
    wd_fleet_state_t at; /* of all workers */
    ngx_uint_t       connected; /* this worker is */
    ngx_uint_t       queue; /* calls that wait for the service, all workers */
} ngx_http_wizdata_health_read_t;

/* NGX_DECLINED: there is no such endpoint. */
ngx_int_t ngx_http_wizdata_health_read(ngx_http_wizdata_worker_t *w,
    wd_service_e service, ngx_uint_t endpoint,
    ngx_http_wizdata_health_read_t *out);


/* ngx_http_wizdata_peer.c */

ngx_int_t ngx_http_wizdata_peers_init(ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_peers_done(ngx_http_wizdata_worker_t *w);

/* Connects unless connected, connecting or backing off. */
void ngx_http_wizdata_peer_connect(ngx_http_wizdata_peer_t *peer);

/* For a call that found nobody: tries again before the back-off is over. */
void ngx_http_wizdata_service_knock(ngx_http_wizdata_service_t *s);

/* Tries those again that another worker has reached. */
void ngx_http_wizdata_service_follow(ngx_http_wizdata_service_t *s);

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

/* Closes those whose peer stopped in the middle of a frame. */
void ngx_http_wizdata_conn_look(ngx_http_wizdata_service_t *s);

/* Appended frames leave together at the end of the event loop's turn. */
void ngx_http_wizdata_conn_flush_later(ngx_http_wizdata_conn_t *conn);

/* Appends a notification; 0: no memory. */
ngx_uint_t ngx_http_wizdata_conn_tell(ngx_http_wizdata_conn_t *conn,
    const char *method, wd_str_t params);

/* Before it is closed: one try, what the socket does not take is lost. */
void ngx_http_wizdata_conn_push(ngx_http_wizdata_conn_t *conn);

/* `why` is a class of failure for logs and status; NULL: on purpose. */
void ngx_http_wizdata_conn_close(ngx_http_wizdata_conn_t *conn,
    const char *why);

#endif /* NGX_HTTP_WIZDATA_RPC_H */
