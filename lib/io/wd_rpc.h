/*
 * wd_rpc.h - the RPC server of the backends (docs/PROTOCOL.md).
 *
 * A method is one function. Inline methods run on the loop and must not
 * wait; the others run on a worker thread, with a database connection when
 * they ask for one, or, where they take long on purpose or read a long body,
 * on a thread of the server's lane. The function fills *res and returns WD_OK, or returns an
 * error code with res->err filled; the server does the rest: frames, chunks,
 * credit, cancel, deadlines, caps, metrics, logs.
 */
#ifndef WD_RPC_H
#define WD_RPC_H

#include "wd_ctx.h"
#include "wd_daemon.h"
#include "wd_frame.h"
#include "wd_lane.h"
#include "wd_pg.h"
#include "wd_pool.h"

typedef struct wd_rpc_server wd_rpc_server_t;

typedef struct {
    wd_ctx_t   ctx;
    wd_mp_t    args; /* at the arguments map */
    wd_pool_t *pool; /* lives as long as the request */
    /* wd_monotonic(); WD_NS_MAX: none, or the body has not ended yet */
    wd_ns_t       deadline;
    wd_log_t     *log;
    void         *svc; /* of wd_rpc_server_create() */
    wd_pg_conn_t *pg; /* with WD_RPC_PG */
    /* Set when the caller left: long work looks now and then. */
    const volatile bool *canceled;
} wd_rpc_call_t;

typedef struct {
    int        status; /* 200 unless the method sets another */
    uint32_t   n_meta;
    wd_buf_t   meta; /* pairs: put a key, put a value, n_meta++ */
    wd_buf_t   body;
    wd_error_t err; /* text is for the API's user */
    char       err_param[40]; /* "" or the offending parameter */
    int        retry_s; /* 0 or Retry-After */
} wd_rpc_res_t;

typedef int (*wd_rpc_method_pt)(const wd_rpc_call_t *call, wd_rpc_res_t *res);

#define WD_RPC_INLINE 0u
#define WD_RPC_WORK 1u /* on a worker thread */
#define WD_RPC_PG 3u /* on a worker thread, with a connection */
#define WD_RPC_SLOW 5u /* on a thread of the lane */
#define WD_RPC_UPLOAD 13u /* there, and reads a body: wd_rpc_read() */

typedef struct {
    const char      *name;
    wd_rpc_method_pt fn;
    unsigned         flags;
} wd_rpc_method_t;

/*
 * `methods` must stay; pool NULL: no method has WD_RPC_PG. The sockets are
 * taken over. NULL without memory.
 */
wd_rpc_server_t  *wd_rpc_server_create(wd_daemon_t           *d,
                                       const wd_rpc_method_t *methods, size_t n,
                                       wd_pg_pool_t *pool, void *svc,
                                       uint32_t max_inflight);
wd_must_check int wd_rpc_server_listen(wd_rpc_server_t *s, const int *fds,
                                       size_t n_fds, wd_error_t *err);
/*
 * Where methods with WD_RPC_SLOW run; without one they run on worker threads.
 * Methods with WD_RPC_UPLOAD must have one, before wd_rpc_server_listen().
 * What has no room in it is answered with unavailable. The lane is the
 * caller's, and to be stopped before the server.
 */
void wd_rpc_server_lane(wd_rpc_server_t *s, wd_lane_t *lane);

/*
 * The next bytes of the request's body (call->ctx.body), for methods with
 * WD_RPC_UPLOAD: waits for them. WD_OK with 1 to cap bytes, or with *ret_n 0:
 * the body is over, or there is none. WD_ECANCELED: the caller left, or the
 * server stops. WD_ESLOW: it comes too slowly (wd_rpc_pace_t). What is read is
 * credited to the caller, who sends more: as much as a window is kept for a
 * method that does not read. A method may answer before it has read all, or
 * anything. Only on the thread that the method runs on; `cap` is not 0.
 */
wd_must_check int wd_rpc_read(const wd_rpc_call_t *call, void *buf, size_t cap,
                              size_t *ret_n, wd_error_t *err);

/*
 * How slowly bodies may come. Only the time counts that their reader waits for
 * the next byte: who has sent as much as there is room for is not slow.
 */
typedef struct {
    wd_ns_t  silence; /* longest wait for the next byte */
    wd_ns_t  window; /* of waiting, for `rate` */
    uint64_t rate; /* bytes a second at least, in each window; 0: any */
    wd_ns_t  total; /* longest wait in all */
} wd_rpc_pace_t;

/*
 * Unless said otherwise. The silence is longer than gateways let their clients
 * pause (client_body_timeout): it is the gateway that ends those.
 */
#define WD_RPC_BODY_WAIT (10 * 60 * WD_NS_PER_S)
#define WD_RPC_BODY_TOTAL (24 * WD_NS_PER_HOUR)

/* Before wd_rpc_server_listen(). */
void wd_rpc_server_pace(wd_rpc_server_t *s, const wd_rpc_pace_t *pace);

/*
 * `quick` is tried first, on the loop; when it answers WD_EAGAIN, which it
 * has for nothing else, the method itself is asked. The method must be there.
 */
void wd_rpc_server_quick(wd_rpc_server_t *s, const char *method,
                         wd_rpc_method_pt quick);

void   wd_rpc_server_drain(wd_rpc_server_t *s); /* goaway on all */
size_t wd_rpc_server_inflight(const wd_rpc_server_t *s);
void   wd_rpc_server_stop(wd_rpc_server_t *s); /* frees when all is closed */

/*
 * To every connection whose peer has said hello. Loop thread. `params`:
 * MessagePack array. Notifications never get lost on a connection: one whose
 * peer leaves too much unread is closed.
 */
void wd_rpc_server_notify(wd_rpc_server_t *s, const char *method,
                          wd_str_t params);

/*
 * Calls fn(arg, params) for each notification `method` of a peer: on the loop
 * thread, without waiting; `params` is a MessagePack array and ends with the
 * call. WD_OK, or WD_EPROTO: malformed, the connection is closed. To be set
 * before wd_rpc_server_listen(), WD_RPC_HANDLERS_MAX methods at most; texts
 * must stay. Notifications that nobody handles are ignored.
 */
typedef int (*wd_rpc_notify_pt)(void *arg, wd_str_t params);

#define WD_RPC_HANDLERS_MAX 8

void wd_rpc_server_on_notify(wd_rpc_server_t *s, const char *method,
                             wd_rpc_notify_pt fn, void *arg);

/*
 * Calls of traces that are recorded become spans there; NULL: they do not.
 * Loop thread.
 */
struct wd_spans;
void wd_rpc_server_trace(wd_rpc_server_t *s, struct wd_spans *spans);

/* The other side of a connection. */
typedef struct wd_rpc_conn wd_rpc_peer_t;

/*
 * Calls fn(peer, arg) for each peer that said hello, on the loop thread and
 * before anything else is sent to it; `peer` ends with the call.
 * To be set before wd_rpc_server_listen().
 */
typedef void (*wd_rpc_connect_pt)(wd_rpc_peer_t *peer, void *arg);

void wd_rpc_server_on_connect(wd_rpc_server_t *s, wd_rpc_connect_pt fn,
                              void *arg);

/* That once more, for all who are connected. Loop thread. */
void wd_rpc_server_greet(wd_rpc_server_t *s);

/* As wd_rpc_server_notify(), to one peer. */
void wd_rpc_peer_notify(wd_rpc_peer_t *peer, const char *method,
                        wd_str_t params);

/* When a peer cannot be told: it will come again, and learn all anew. */
void wd_rpc_peer_close(wd_rpc_peer_t *peer);

/*
 * Arguments. WD_OK; WD_ENOTFOUND when absent (*ret untouched); WD_EPARAM when
 * of another type.
 */
wd_must_check int wd_rpc_arg_str(const wd_rpc_call_t *c, const char *name,
                                 wd_str_t *ret);
wd_must_check int wd_rpc_arg_int(const wd_rpc_call_t *c, const char *name,
                                 int64_t *ret);
wd_must_check int wd_rpc_arg_bool(const wd_rpc_call_t *c, const char *name,
                                  bool *ret);
wd_must_check int wd_rpc_arg_num(const wd_rpc_call_t *c, const char *name,
                                 double *ret);
/* From the call's pool. */
wd_must_check int wd_rpc_arg_list(const wd_rpc_call_t *c, const char *name,
                                  wd_str_t **ret, size_t *ret_n);

/* Fills res->err; returns code: `return wd_rpc_fail(res, WD_..., "...")`. */
int wd_rpc_fail(wd_rpc_res_t *res, int code, const char *fmt, ...)
    wd_printf_like(3, 4);
int wd_rpc_fail_param(wd_rpc_res_t *res, const char *param, const char *fmt,
                      ...) wd_printf_like(3, 4);

/* Meta pairs. */
void wd_rpc_meta_str(wd_rpc_res_t *res, const char *key, wd_str_t v);
void wd_rpc_meta_int(wd_rpc_res_t *res, const char *key, int64_t v);

#endif /* WD_RPC_H */
