/*
 * ngx_http_wizdata_rpc.c - calls: numbers, deadlines, cancelling, retry.
 */
#include "ngx_http_wizdata.h"

/* Credit is told in pieces of a quarter window. */
#define NGX_HTTP_WIZDATA_CREDIT (WD_WINDOW / 4)


static ngx_http_wizdata_rpc_counters_t *
ngx_http_wizdata_rpc_counters(ngx_http_wizdata_rpc_t *rpc)
{
    return &rpc->service->worker->counters->rpc[rpc->service->id];
}


/* A number that was never used on this connection (but 2^20 rounds ago). */
static uint32_t
ngx_http_wizdata_rpc_number(ngx_http_wizdata_conn_t *conn,
    ngx_http_wizdata_rpc_t *rpc)
{
    uint32_t                 i = conn->free_slot;
    ngx_http_wizdata_slot_t *slot = &conn->slots[i];

    conn->free_slot = slot->next;
    slot->rpc = rpc;
    return slot->round * WD_INFLIGHT_MAX + i;
}


static ngx_http_wizdata_rpc_t *
ngx_http_wizdata_rpc_find(ngx_http_wizdata_conn_t *conn, uint32_t msgid)
{
    ngx_http_wizdata_rpc_t *rpc;

    rpc = conn->slots[msgid % WD_INFLIGHT_MAX].rpc;
    return rpc != NULL && rpc->msgid == msgid ? rpc : NULL;
}


/* Takes the call off its connection. */
static void
ngx_http_wizdata_rpc_detach(ngx_http_wizdata_rpc_t *rpc)
{
    uint32_t                 i = rpc->msgid % WD_INFLIGHT_MAX;
    ngx_http_wizdata_conn_t *conn = rpc->conn;

    if (rpc->span != NULL) {
        ngx_http_wizdata_call_span_end(rpc);
    }
    if (rpc->upload != NULL) {
        ngx_http_wizdata_rpc_upload_end(rpc);
    }

    conn->slots[i].rpc = NULL;
    conn->slots[i].round++;
    conn->slots[i].next = conn->free_slot;
    conn->free_slot = i;
    conn->in_flight--;
    rpc->service->in_flight--;
    wd_fleet_unsend(&rpc->service->fleet, conn->peer->index);
    ngx_http_wizdata_rpc_counters(rpc)->in_flight--;

    /* Without an outcome, as when the client left. */
    if (rpc->probe) {
        rpc->probe = 0;
        wd_fleet_forget(&rpc->service->fleet, conn->peer->index);
    }

    /* A connection that is being left closes at the end of the turn. */
    if (conn->in_flight == 0 && conn->ready && (conn->goaway || ngx_exiting)) {
        ngx_http_wizdata_conn_flush_later(conn);
    }
    rpc->conn = NULL;
}


static void
ngx_http_wizdata_rpc_arm(ngx_http_wizdata_worker_t *w, ngx_msec_t deadline)
{
    ngx_msec_int_t left = deadline - ngx_current_msec;

    if (w->timer.timer_set) {
        if ((ngx_msec_int_t) (deadline - w->timer.timer.key) >= 0) {
            return;
        }
        ngx_del_timer(&w->timer);
    }
    ngx_add_timer(&w->timer, ngx_max(left, 1));
}


/* Enters the queue of deadlines, at whose end this one always belongs. */
static void
ngx_http_wizdata_rpc_limit(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_queue_t               *q;
    ngx_http_wizdata_worker_t *w = rpc->service->worker;

    rpc->deadline = ngx_current_msec + w->conf->timeouts[rpc->method->id];
    q = &w->deadlines[rpc->method->id];

    if (ngx_queue_empty(q)) {
        ngx_http_wizdata_rpc_arm(w, rpc->deadline);
    }
    ngx_queue_insert_tail(q, &rpc->deadline_link);
}


/* The call is over. */
static void
ngx_http_wizdata_rpc_end(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_worker_t *w = rpc->service->worker;

    if (rpc->state == NGX_HTTP_WIZDATA_RPC_WAITING) {
        ngx_http_wizdata_admit_unwait(rpc);
    } else if (rpc->conn != NULL) {
        ngx_http_wizdata_rpc_detach(rpc);
    }

    ngx_http_wizdata_admit_exit(rpc);
    ngx_queue_remove(&rpc->deadline_link);
    rpc->state = NGX_HTTP_WIZDATA_RPC_IDLE;

    /* A timer without calls must not keep a worker from exiting. */
    if (!rpc->background && --w->pending == 0) {
        w->timer.cancelable = 1;
    }
}


int
ngx_http_wizdata_rpc_send(ngx_http_wizdata_conn_t *conn,
    ngx_http_wizdata_rpc_t *rpc)
{
    size_t                           at = conn->out.len;
    uint32_t                         msgid;
    wd_buf_t                        *context;
    ngx_msec_int_t                   left;
    ngx_http_wizdata_rpc_counters_t *m;

    if (rpc->upload != NULL) {
        ngx_http_wizdata_rpc_progress(rpc);
    }
    left = rpc->deadline - ngx_current_msec;
    rpc->context.ms = ngx_max(left, 1);
    rpc->outcome = WD_ECANCELED; /* unless something else is heard */
    if (rpc->span != NULL) {
        ngx_http_wizdata_call_span_begin(rpc);
    }

    context = &rpc->service->worker->context;
    wd_buf_reset(context);
    wd_ctx_put(context, &rpc->context);

    msgid = ngx_http_wizdata_rpc_number(conn, rpc);
    wd_frame_put_request(&conn->out, msgid, wd_str_z(rpc->method->name),
                         wd_buf_view(context), rpc->args);

    rpc->conn = conn;
    rpc->msgid = msgid;
    rpc->since = ngx_current_msec;
    rpc->state = NGX_HTTP_WIZDATA_RPC_SENT;
    rpc->frame_at = conn->queued;
    rpc->outstanding = rpc->uncredited = 0;
    conn->in_flight++;
    rpc->service->in_flight++;
    wd_fleet_send(&rpc->service->fleet, conn->peer->index);
    m = ngx_http_wizdata_rpc_counters(rpc);
    m->in_flight++;

    if (conn->out.err != WD_OK || context->err != WD_OK) {
        conn->out.len = at;
        conn->out.err = WD_OK;
        rpc->outcome = WD_ENOMEM;
        ngx_http_wizdata_rpc_detach(rpc);
        rpc->state = NGX_HTTP_WIZDATA_RPC_IDLE;
        return WD_ENOMEM;
    }

    m->requests++;
    conn->queued += conn->out.len - at;
    ngx_http_wizdata_conn_flush_later(conn);
    if (rpc->upload != NULL) {
        ngx_http_wizdata_rpc_upload_begin(rpc);
    }
    return WD_OK;
}


int
ngx_http_wizdata_rpc_start(ngx_http_wizdata_rpc_t *rpc)
{
    int                         rc;
    ngx_http_wizdata_service_t *s = rpc->service;
    ngx_http_wizdata_worker_t  *w = s->worker;

    if (s->n_peers == 0) {
        return WD_EUNAVAIL;
    }

    rpc->state = NGX_HTTP_WIZDATA_RPC_IDLE;
    rpc->retried = rpc->paused = rpc->entered = rpc->probe = 0;
    rpc->evicted = rpc->counted = 0;
    rpc->avoid = NULL;
    rpc->conn = NULL;
    rpc->ticket = 0;
    rpc->class = wd_class_of(rpc->method);
    ngx_http_wizdata_rpc_limit(rpc);

    rc = ngx_http_wizdata_admit(rpc);
    if (rc != WD_OK) {
        ngx_queue_remove(&rpc->deadline_link);
        ngx_http_wizdata_rpc_counters(rpc)->refused++;
        return rc;
    }

    if (!rpc->background) {
        w->pending++;
        w->timer.cancelable = 0;
    }
    return WD_OK;
}


void
ngx_http_wizdata_rpc_cancel(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_conn_t *conn = rpc->conn;

    if (rpc->state == NGX_HTTP_WIZDATA_RPC_IDLE) {
        return;
    }

    if (rpc->state != NGX_HTTP_WIZDATA_RPC_WAITING) {
        size_t at = conn->out.len;

        wd_frame_put_cancel(&conn->out, rpc->msgid);
        conn->queued += conn->out.len - at;
        ngx_http_wizdata_conn_flush_later(conn);
        ngx_http_wizdata_rpc_counters(rpc)->cancels++;
    }
    ngx_http_wizdata_rpc_end(rpc);
}


void
ngx_http_wizdata_rpc_credit(ngx_http_wizdata_rpc_t *rpc, size_t n)
{
    size_t                   at;
    ngx_http_wizdata_conn_t *conn = rpc->conn;

    if (rpc->state != NGX_HTTP_WIZDATA_RPC_BODY) {
        return;
    }

    rpc->uncredited += n;
    if (rpc->uncredited < NGX_HTTP_WIZDATA_CREDIT) {
        return;
    }

    at = conn->out.len;
    wd_frame_put_credit(&conn->out, rpc->msgid, (uint32_t) rpc->uncredited);
    conn->queued += conn->out.len - at;
    ngx_http_wizdata_conn_flush_later(conn);

    rpc->outstanding -= rpc->uncredited;
    rpc->uncredited = 0;
}


void
ngx_http_wizdata_rpc_drop(ngx_http_wizdata_rpc_t *rpc, int code)
{
    rpc->outcome = code;
    ngx_http_wizdata_rpc_end(rpc);
    rpc->ops->fail(rpc, code);
}


/* A call that is on no connection any more is sent again, or fails. */
static void
ngx_http_wizdata_rpc_reroute(ngx_http_wizdata_rpc_t *rpc)
{
    if (ngx_http_wizdata_admit(rpc) != WD_OK) {
        ngx_http_wizdata_rpc_drop(rpc, WD_EBADGATEWAY);
    }
}


void
ngx_http_wizdata_rpc_progress(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_queue_remove(&rpc->deadline_link);
    ngx_http_wizdata_rpc_limit(rpc);
}


/* NGX_ERROR: the callee exceeded its window. */
static ngx_int_t
ngx_http_wizdata_rpc_body(ngx_http_wizdata_rpc_t *rpc, size_t n, bool last)
{
    rpc->outstanding += n;
    if (rpc->outstanding > WD_WINDOW) {
        return NGX_ERROR;
    }

    if (last) {
        ngx_http_wizdata_rpc_end(rpc);
        return NGX_OK;
    }

    rpc->state = NGX_HTTP_WIZDATA_RPC_BODY;
    ngx_http_wizdata_rpc_progress(rpc);
    return NGX_OK;
}


/* An endpoint is full: another may have room for what is not yet begun. */
static ngx_uint_t
ngx_http_wizdata_rpc_elsewhere(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_conn_t *conn = rpc->conn;

    if (rpc->upload != NULL && rpc->upload->begun) {
        return 0;
    }

    rpc->avoid = conn->peer;
    if (rpc->only != NULL || !ngx_http_wizdata_pick_other(rpc)
        || !ngx_http_wizdata_admit_again(rpc))
    {
        return 0;
    }

    ngx_http_wizdata_rpc_detach(rpc);
    ngx_http_wizdata_rpc_reroute(rpc);
    return 1;
}


ngx_int_t
ngx_http_wizdata_rpc_response(ngx_http_wizdata_conn_t *conn,
    const wd_frame_t *f)
{
    ngx_http_wizdata_rpc_t  *rpc;
    ngx_http_wizdata_meta_t  meta;

    if (ngx_http_wizdata_meta_read(f, &meta) != WD_OK) {
        return NGX_ERROR;
    }

    rpc = ngx_http_wizdata_rpc_find(conn, f->msgid);
    if (rpc == NULL) {
        return NGX_OK; /* it crossed our cancel */
    }

    if (rpc->state != NGX_HTTP_WIZDATA_RPC_SENT) {
        return NGX_ERROR;
    }

    rpc->outcome = f->more ? WD_ECANCELED : f->code;
    ngx_http_wizdata_pick_outcome(rpc, conn->peer, f->code);
    if (f->code == WD_EAGAIN && ngx_http_wizdata_rpc_elsewhere(rpc)) {
        return NGX_OK;
    }

    if (rpc->upload != NULL) {
        ngx_http_wizdata_rpc_upload_end(rpc); /* however much there was */
    }
    if (ngx_http_wizdata_rpc_body(rpc, f->body.len, !f->more) != NGX_OK) {
        return NGX_ERROR;
    }

    rpc->ops->reply(rpc, f, &meta);
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_rpc_chunk(ngx_http_wizdata_conn_t *conn, wd_str_t params)
{
    bool                    last;
    uint32_t                msgid;
    wd_str_t                bytes;
    ngx_http_wizdata_rpc_t *rpc;

    if (wd_frame_get_chunk(params, &msgid, &bytes, &last) != WD_OK) {
        return NGX_ERROR;
    }

    rpc = ngx_http_wizdata_rpc_find(conn, msgid);
    if (rpc == NULL) {
        return NGX_OK;
    }

    rpc->outcome = last ? WD_OK : WD_ECANCELED;
    if (rpc->state != NGX_HTTP_WIZDATA_RPC_BODY
        || ngx_http_wizdata_rpc_body(rpc, bytes.len, last) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rpc->ops->chunk(rpc, bytes, last);
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_rpc_credited(ngx_http_wizdata_conn_t *conn, wd_str_t params)
{
    uint32_t                msgid, bytes;
    ngx_http_wizdata_rpc_t *rpc;

    if (wd_frame_get_credit(params, &msgid, &bytes) != WD_OK) {
        return NGX_ERROR;
    }

    rpc = ngx_http_wizdata_rpc_find(conn, msgid);
    return rpc != NULL ? ngx_http_wizdata_rpc_upload_credit(rpc, bytes)
                       : NGX_OK; /* it crossed the end of the call */
}


ngx_int_t
ngx_http_wizdata_rpc_abort(ngx_http_wizdata_conn_t *conn, wd_str_t params)
{
    int                     code;
    uint32_t                msgid;
    wd_str_t                text;
    ngx_http_wizdata_rpc_t *rpc;

    if (wd_frame_get_abort(params, &msgid, &code, &text) != WD_OK) {
        return NGX_ERROR;
    }

    rpc = ngx_http_wizdata_rpc_find(conn, msgid);
    if (rpc == NULL) {
        return NGX_OK;
    }

    if (rpc->state != NGX_HTTP_WIZDATA_RPC_BODY) {
        return NGX_ERROR;
    }

    if (code != WD_OK && wd_breaker_fault_code(code)) {
        ngx_http_wizdata_pick_outcome(rpc, conn->peer, code);
    }
    rpc->outcome = code;
    ngx_http_wizdata_rpc_end(rpc);
    rpc->ops->fail(rpc, code);
    return NGX_OK;
}


/*
 * May the call be made again? Freely when none of its bytes left, once when
 * it is idempotent and nothing of an answer was seen.
 */
static ngx_uint_t
ngx_http_wizdata_rpc_again(ngx_http_wizdata_conn_t *conn,
    ngx_http_wizdata_rpc_t *rpc)
{
    if (rpc->state != NGX_HTTP_WIZDATA_RPC_SENT || rpc->only != NULL
        || conn->malformed || (rpc->upload != NULL && rpc->upload->begun))
    {
        return 0;
    }

    if (conn->written <= rpc->frame_at) {
        return 1;
    }

    rpc->avoid = conn->peer;
    return ngx_http_wizdata_admit_again(rpc);
}


void
ngx_http_wizdata_rpc_lost(ngx_http_wizdata_conn_t *conn)
{
    uint32_t                i;
    ngx_http_wizdata_rpc_t *rpc;

    for (i = 0; i < WD_INFLIGHT_MAX && conn->in_flight != 0; i++) {
        rpc = conn->slots[i].rpc;
        if (rpc == NULL) {
            continue;
        }

        if (conn->written > rpc->frame_at) {
            ngx_http_wizdata_pick_outcome(rpc, conn->peer, WD_EPROTO);
        }
        if (!ngx_http_wizdata_rpc_again(conn, rpc)) {
            ngx_http_wizdata_rpc_drop(rpc, WD_EBADGATEWAY);
            continue;
        }

        rpc->outcome = WD_EBADGATEWAY;
        ngx_http_wizdata_rpc_detach(rpc);
        ngx_http_wizdata_rpc_reroute(rpc);
    }
}


/* The first of a queue is due; NULL: none is. */
static ngx_http_wizdata_rpc_t *
ngx_http_wizdata_rpc_due(ngx_queue_t *q)
{
    ngx_http_wizdata_rpc_t *rpc;

    if (ngx_queue_empty(q)) {
        return NULL;
    }

    rpc = ngx_queue_data(ngx_queue_head(q), ngx_http_wizdata_rpc_t,
                         deadline_link);
    return (ngx_msec_int_t) (rpc->deadline - ngx_current_msec) <= 0 ? rpc
                                                                    : NULL;
}


static void
ngx_http_wizdata_rpc_expire(ngx_http_wizdata_rpc_t *rpc)
{
    /* The client's own timeouts watch over who does not read or send. */
    if (rpc->paused) {
        ngx_http_wizdata_rpc_progress(rpc);
        return;
    }

    if (rpc->state == NGX_HTTP_WIZDATA_RPC_WAITING) {
        ngx_http_wizdata_rpc_drop(rpc, WD_EUNAVAIL);
        return;
    }

    ngx_http_wizdata_pick_outcome(rpc, rpc->conn->peer, WD_ETIMEOUT);
    ngx_http_wizdata_rpc_counters(rpc)->timeouts++;
    rpc->outcome = WD_ETIMEOUT;
    ngx_http_wizdata_rpc_cancel(rpc);
    rpc->ops->fail(rpc, WD_ETIMEOUT);
}


void
ngx_http_wizdata_rpc_deadline(ngx_event_t *ev)
{
    ngx_uint_t                 i;
    ngx_queue_t               *q;
    ngx_http_wizdata_rpc_t    *rpc;
    ngx_http_wizdata_worker_t *w = ev->data;

    for (i = 0; i < WD_METHOD_COUNT; i++) {
        q = &w->deadlines[i];

        while ((rpc = ngx_http_wizdata_rpc_due(q)) != NULL) {
            ngx_http_wizdata_rpc_expire(rpc);
        }

        if (!ngx_queue_empty(q)) {
            rpc = ngx_queue_data(ngx_queue_head(q), ngx_http_wizdata_rpc_t,
                                 deadline_link);
            ngx_http_wizdata_rpc_arm(w, rpc->deadline);
        }
    }
}
