/*
 * wd_rpc_int.h - what wd_rpc.c (connections), wd_rpc_call.c (requests) and
 * wd_rpc_body.c (their bodies) share; for them alone.
 */
#ifndef WD_RPC_INT_H
#define WD_RPC_INT_H

#include "wd_list.h"
#include "wd_map.h"
#include "wd_rpc.h"
#include "wd_spans.h"

#define WD_RPC_OUT_HIGH (512 * 1024) /* chunks wait when more is unsent */
#define WD_RPC_NOTIFY_HIGH (4 * 1024 * 1024) /* unread: closed */
#define WD_RPC_CODES 40
#define WD_RPC_LOG_LINES 10 /* failed requests logged in a second */

typedef struct wd_rpc_conn wd_rpc_conn_t;
typedef struct wd_rpc_req  wd_rpc_req_t;
typedef struct wd_rpc_body wd_rpc_body_t;

/* A method with what was counted on the loop and not yet told. */
typedef struct {
    const wd_rpc_method_t *m;
    wd_rpc_method_pt       quick; /* or NULL */
    uint64_t               answered[WD_RPC_CODES]; /* by -code */
} wd_rpc_entry_t;

/* Who wants to hear a notification of peers. */
typedef struct {
    const char      *method;
    wd_rpc_notify_pt fn;
    void            *arg;
} wd_rpc_handler_t;

struct wd_rpc_server {
    wd_daemon_t      *d;
    wd_log_t         *log;
    void             *svc;
    wd_pg_pool_t     *pool;
    wd_lane_t        *lane; /* or NULL */
    uint32_t          max_inflight;
    wd_rpc_entry_t   *entries;
    size_t            n_entries;
    wd_map_t         *by_name;
    wd_rpc_handler_t  handlers[WD_RPC_HANDLERS_MAX];
    size_t            n_handlers;
    wd_rpc_connect_pt on_connect; /* or NULL */
    void             *connect_arg;
    void (*before_answer)(void *arg); /* of what ran on a worker, or NULL */
    void         *before_arg;
    wd_list_t     listeners;
    wd_list_t     conns;
    size_t        n_conns;
    size_t        inflight;
    wd_spans_t   *spans; /* or NULL */
    wd_buf_t      scratch; /* meta of the answer being written */
    uv_check_t    flush; /* end of a loop turn: one write each */
    uv_prepare_t  flush_timers; /* what timers said, before the loop waits */
    wd_list_t     dirty; /* connections with something to send */
    wd_list_t     bodies; /* of requests, being received */
    uv_async_t    credit; /* some of them were read */
    wd_rpc_pace_t pace; /* of those */
    wd_ns_t       log_second; /* failures are logged so many a second */
    uint32_t      log_lines;
    uint64_t      log_withheld;
    bool          draining;
    bool          stopping;
};

struct wd_rpc_conn {
    wd_list_t         node;
    wd_list_t         dirty;
    wd_rpc_server_t  *s;
    uv_poll_t         poll;
    int               fd;
    int               events;
    wd_frame_reader_t in;
    wd_buf_t          out;
    size_t            sent; /* of out */
    wd_list_t         reqs; /* all requests of this connection */
    wd_list_t         sending; /* those with a body on its way */
    size_t            greeting; /* bytes of what newcomers are told */
    bool              greeted;
    bool              held; /* frames wait until the peer reads */
    bool              closed;
};

/* A request that outlives the frame it came in. */
struct wd_rpc_req {
    wd_list_t        node; /* in conn->reqs */
    wd_list_t        sending; /* in conn->sending */
    wd_rpc_server_t *s;
    wd_rpc_conn_t   *conn; /* NULL: the caller left */
    wd_rpc_entry_t  *entry;
    uint32_t         msgid;
    uv_work_t        work;
    wd_lane_job_t    job; /* with WD_RPC_SLOW, instead of work */
    wd_ns_t          started;
    wd_rpc_call_t    call;
    wd_rpc_res_t     res;
    char             why[WD_ERROR_TEXT_MAX]; /* for the log, not for users */
    int              rc;
    bool             slow; /* on the lane */
    volatile bool    canceled; /* atomic */
    wd_rpc_body_t   *body; /* of the request; NULL: none */
    size_t           body_sent; /* of the answer */
    int64_t          window; /* body bytes that may be sent now */
};

/* wd_rpc_call.c */
int  wd_rpc_on_request(wd_rpc_conn_t *c, const wd_frame_t *f);
void wd_rpc_on_cancel(wd_rpc_conn_t *c, uint32_t msgid);
void wd_rpc_on_credit(wd_rpc_conn_t *c, uint32_t msgid, uint32_t bytes);
/* A chunk of a request's body. WD_EPROTO: malformed. */
int  wd_rpc_on_chunk(wd_rpc_conn_t *c, uint32_t msgid, wd_str_t bytes,
                     bool last);
void wd_rpc_pump(wd_rpc_conn_t *c); /* moves chunks into c->out */
void wd_rpc_abandon(wd_rpc_conn_t *c); /* the connection is gone */
void wd_rpc_tell_counts(wd_rpc_server_t *s); /* to the metrics */

/* When `ctx` wants its answer at the latest, counted from `from`. */
wd_ns_t wd_rpc_deadline(const wd_ctx_t *ctx, wd_ns_t from);

/* wd_rpc_body.c; loop thread */
int  wd_rpc_body_create(wd_rpc_req_t *req); /* WD_OK, WD_ENOMEM */
void wd_rpc_body_destroy(wd_rpc_body_t *b); /* nobody reads it any more */
int  wd_rpc_body_put(wd_rpc_body_t *b, wd_str_t bytes, bool last);
void wd_rpc_body_leave(wd_rpc_body_t *b); /* wakes who reads it */
void wd_rpc_body_credit_all(wd_rpc_server_t *s);

/* wd_rpc.c */
void wd_rpc_conn_dirty(wd_rpc_conn_t *c);

#endif /* WD_RPC_INT_H */
