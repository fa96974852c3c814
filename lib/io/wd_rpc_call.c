/*
 * wd_rpc_call.c - life of a request: run inline or on a worker thread,
 * answer, send a long body against credit, cancel.
 */
#include "wd_metrics.h"
#include "wd_rpc_int.h"

#include <stdio.h>
#include <stdlib.h>

#define WD_RPC_POOL_BLOCK 4096


static void
wd_rpc_res_init(wd_rpc_res_t *res)
{
    memset(res, 0, sizeof(*res));
    res->status = 200;
    wd_buf_init(&res->meta, WD_META_MAX - 16);
    wd_buf_init(&res->body, 0);
}


static void
wd_rpc_res_done(wd_rpc_res_t *res)
{
    wd_buf_done(&res->meta);
    wd_buf_done(&res->body);
}


wd_ns_t
wd_rpc_deadline(const wd_ctx_t *ctx, wd_ns_t from)
{
    if (ctx->ms > 0 && ctx->ms < 86400000) {
        return from + ctx->ms * WD_NS_PER_MS;
    }
    return WD_NS_MAX;
}


static int
wd_rpc_call_init(wd_rpc_server_t *s, wd_rpc_call_t *call, wd_str_t context,
                 wd_str_t args)
{
    int rc;

    rc = wd_ctx_get(context, &call->ctx);
    if (rc != WD_OK) {
        return rc;
    }

    call->args = wd_mp(args.data, args.len);
    call->log = s->log;
    call->svc = s->svc;
    call->deadline = wd_rpc_deadline(&call->ctx, wd_monotonic());
    return WD_OK;
}


/* Error as a frame: the parameter and the wait go into the detail map. */
static void
wd_rpc_put_error(wd_rpc_conn_t *c, uint32_t msgid, int code,
                 const wd_rpc_res_t *res)
{
    uint32_t    n = 0;
    wd_buf_t   *detail = &c->s->scratch;
    const char *text = res->err.text;

    n = (res->err_param[0] != '\0') + (res->retry_s > 0);
    wd_buf_reset(detail);
    if (n != 0) {
        wd_mp_put_map(detail, n);
    }
    if (res->err_param[0] != '\0') {
        wd_mp_put_z(detail, "param");
        wd_mp_put_z(detail, res->err_param);
    }
    if (res->retry_s > 0) {
        wd_mp_put_z(detail, "retry");
        wd_mp_put_int(detail, res->retry_s);
    }

    if (text[0] == '\0') {
        text = wd_err_info(code)->text;
    }
    wd_frame_put_error(&c->out, msgid, code, wd_str_z(text),
                       wd_buf_view(detail));
}


/* The head of an answer; returns how much of the body it carried. */
static size_t
wd_rpc_put_result(wd_rpc_conn_t *c, uint32_t msgid, const wd_rpc_res_t *res)
{
    bool      more = res->body.len > WD_CHUNK_MAX;
    size_t    n = wd_min(res->body.len, (size_t) WD_CHUNK_MAX);
    wd_buf_t *meta = &c->s->scratch;

    wd_buf_reset(meta);
    wd_mp_put_map(meta, res->n_meta + (more ? 1 : 0));
    wd_buf_str(meta, wd_buf_view(&res->meta));
    if (more) {
        wd_mp_put_z(meta, "len");
        wd_mp_put_uint(meta, res->body.len);
    }

    /* "more" will be added: 6 bytes, and 2 when the map's head grows. */
    if (meta->err != WD_OK || (more && meta->len + 8 > WD_META_MAX)) {
        wd_frame_put_error(&c->out, msgid, WD_EINTERNAL,
                           WD_STR("the answer's head is too long"),
                           WD_STR_NULL);
        return res->body.len;
    }

    wd_frame_put_result(&c->out, msgid, res->status, wd_buf_view(meta),
                        wd_str((const char *) res->body.data, n), more);
    return n;
}


static int
wd_rpc_final_code(int rc, const wd_rpc_res_t *res)
{
    if (rc == WD_OK && (res->body.err != WD_OK || res->meta.err != WD_OK)) {
        return res->body.err == WD_ENOMEM ? WD_ENOMEM : WD_EINTERNAL;
    }
    return rc;
}


static void
wd_rpc_count(wd_rpc_entry_t *e, int rc)
{
    size_t i = (size_t) -rc;

    e->answered[i < WD_RPC_CODES ? i : WD_RPC_CODES - 1]++;
}


void
wd_rpc_tell_counts(wd_rpc_server_t *s)
{
    char   code[16];
    size_t i, k;

    for (i = 0; i < s->n_entries; i++) {
        for (k = 0; k < WD_RPC_CODES; k++) {
            if (s->entries[i].answered[k] == 0) {
                continue;
            }
            snprintf(code, sizeof(code), "%d", -(int) k);
            wd_metric(WD_MX_RPC_REQUESTS, (double) s->entries[i].answered[k],
                      s->entries[i].m->name, code, NULL);
            s->entries[i].answered[k] = 0;
        }
    }
    wd_metric(WD_MX_RPC_INFLIGHT, (double) s->inflight, NULL, NULL, NULL);
}


static void
wd_rpc_req_free(wd_rpc_req_t *req)
{
    wd_rpc_server_t *s = req->s;

    wd_list_remove(&req->node);
    wd_list_remove(&req->sending);
    wd_rpc_res_done(&req->res);
    wd_rpc_body_destroy(req->body);
    wd_pool_destroy(req->call.pool);
    free(req);

    s->inflight--;
    if (s->stopping && s->inflight == 0) {
        wd_rpc_server_stop(s);
    }
}


/*
 * When the database is away every request fails: a few lines a second say
 * that as well as all, and the counters have the rest. Loop thread.
 */
static bool
wd_rpc_may_log(wd_rpc_server_t *s)
{
    wd_ns_t second = wd_monotonic() / WD_NS_PER_S;

    if (s->log_second != second) {
        if (s->log_withheld != 0) {
            wd_log_warn(s->log, "more requests failed", "count",
                        s->log_withheld);
        }
        s->log_second = second;
        s->log_lines = 0;
        s->log_withheld = 0;
    }
    if (s->log_lines == WD_RPC_LOG_LINES) {
        s->log_withheld++;
        return false;
    }
    s->log_lines++;
    return true;
}


/* A failure of the platform is told to the log once, here. */
static void
wd_rpc_log_failure(wd_rpc_server_t *s, const wd_rpc_entry_t *e,
                   const wd_ctx_t *ctx, int rc, const char *why)
{
    if (wd_err_info(rc)->http >= 500 && wd_rpc_may_log(s)) {
        wd_log_warn(s->log, "request failed", "method", e->m->name,
                    "request_id", ctx->id, "trace_id", wd_ctx_trace_id(ctx),
                    "code", rc, "reason", why);
    }
}


/* `started` 0: it was not looked at, for the trace is not recorded. */
static void
wd_rpc_span(wd_rpc_server_t *s, const wd_rpc_entry_t *e, const wd_ctx_t *ctx,
            int rc, wd_ns_t started)
{
    if (started != 0 && wd_spans_wanted(s->spans, ctx)) {
        wd_spans_call(s->spans, ctx, e->m->name, rc, started);
    }
}


static void
wd_rpc_answer(wd_rpc_req_t *req)
{
    wd_rpc_conn_t *c = req->conn;

    req->rc = wd_rpc_final_code(req->rc, &req->res);
    wd_rpc_count(req->entry, req->rc);
    wd_metric(WD_MX_RPC_SECONDS, (double) (wd_monotonic() - req->started) / 1e9,
              req->entry->m->name, NULL, NULL);
    wd_rpc_span(req->s, req->entry, &req->call.ctx, req->rc, req->started);
    wd_rpc_conn_dirty(c);

    if (req->rc != WD_OK) {
        wd_rpc_log_failure(req->s, req->entry, &req->call.ctx, req->rc,
                           req->why[0] != '\0' ? req->why : req->res.err.text);
        wd_rpc_put_error(c, req->msgid, req->rc, &req->res);
        wd_rpc_req_free(req);
        return;
    }

    req->body_sent = wd_rpc_put_result(c, req->msgid, &req->res);
    if (req->body_sent == req->res.body.len) {
        wd_rpc_req_free(req);
        return;
    }
    req->window -= (int64_t) req->body_sent;
    wd_list_push_back(&c->sending, &req->sending);
}


/*
 * Round robin over the bodies of a connection, a chunk each, until the
 * socket has enough to do or no body has credit left.
 */
void
wd_rpc_pump(wd_rpc_conn_t *c)
{
    bool          last;
    size_t        n, idle = 0, bodies = 0;
    wd_list_t    *at;
    wd_rpc_req_t *req;

    for (at = c->sending.next; at != &c->sending; at = at->next) {
        bodies++;
    }

    while (idle < bodies && c->out.len < WD_RPC_OUT_HIGH) {
        req = wd_list_entry(c->sending.next, wd_rpc_req_t, sending);
        wd_list_remove(&req->sending);

        n = wd_min(req->res.body.len - req->body_sent, (size_t) WD_CHUNK_MAX);
        n = (size_t) wd_min((int64_t) n, wd_max(req->window, 0));
        if (n == 0) {
            wd_list_push_back(&c->sending, &req->sending);
            idle++;
            continue;
        }

        last = req->body_sent + n == req->res.body.len;
        wd_frame_put_chunk(
            &c->out, req->msgid,
            wd_str((const char *) req->res.body.data + req->body_sent, n),
            last);
        req->body_sent += n;
        req->window -= (int64_t) n;
        idle = 0;

        if (last) {
            wd_rpc_req_free(req);
            bodies--;
        } else {
            wd_list_push_back(&c->sending, &req->sending);
        }
    }
}


/* On a worker thread, or one of the lane. */
static void
wd_rpc_run(wd_rpc_req_t *req)
{
    if (__atomic_load_n(&req->canceled, __ATOMIC_RELAXED)) {
        req->rc = WD_ECANCELED;
        return;
    }

    if (wd_monotonic() > req->call.deadline) {
        req->rc = wd_rpc_fail(&req->res, WD_ETIMEOUT,
                              "the deadline passed before work could begin");
        return;
    }

    if ((req->entry->m->flags & WD_RPC_PG) == WD_RPC_PG) {
        wd_error_t err = {0};
        wd_ns_t    until = wd_min(req->call.deadline,
                                  wd_monotonic() + 5 * WD_NS_PER_S);

        req->rc = wd_pg_acquire(req->s->pool, until, &req->call.pg, &err);
        if (req->rc != WD_OK) {
            wd_str_copy(req->why, sizeof(req->why), wd_str_z(err.text));
            req->res.retry_s = 1;
            req->rc = wd_rpc_fail(&req->res, WD_EDB,
                                  "the database cannot answer now; try again");
            return;
        }
    }

    if (req->body != NULL) {
        req->call.deadline = WD_NS_MAX; /* it counts from the body's end */
    }
    req->rc = req->entry->m->fn(&req->call, &req->res);

    if (req->call.pg != NULL) {
        wd_pg_release(req->call.pg);
        req->call.pg = NULL;
    }
}


static void
wd_rpc_after_run(wd_rpc_req_t *req)
{
    if (req->s->before_answer != NULL) {
        req->s->before_answer(req->s->before_arg);
    }
    if (req->conn == NULL) {
        wd_rpc_count(req->entry, WD_ECANCELED);
        wd_rpc_span(req->s, req->entry, &req->call.ctx, WD_ECANCELED,
                    req->started);
        wd_rpc_req_free(req);
        return;
    }
    wd_rpc_answer(req);
}


static void
wd_rpc_work(uv_work_t *w)
{
    wd_rpc_run(w->data);
}


static void
wd_rpc_after_work(uv_work_t *w, int status)
{
    (void) status; /* UV_ECANCELED: then it is canceled, too */
    wd_rpc_after_run(w->data);
}


static void
wd_rpc_lane_work(wd_lane_job_t *job)
{
    wd_rpc_run(wd_list_entry(job, wd_rpc_req_t, job));
}


static void
wd_rpc_lane_done(wd_lane_job_t *job)
{
    wd_rpc_after_run(wd_list_entry(job, wd_rpc_req_t, job));
}


static wd_rpc_req_t *
wd_rpc_req_create(wd_rpc_conn_t *c, wd_rpc_entry_t *e, const wd_frame_t *f)
{
    char         *copy;
    wd_rpc_req_t *req;

    req = calloc(1, sizeof(*req));
    if (req == NULL) {
        return NULL;
    }

    req->call.pool = wd_pool_create(WD_RPC_POOL_BLOCK);
    copy = req->call.pool != NULL
               ? wd_pool_alloc(req->call.pool, f->context.len + f->args.len)
               : NULL;
    if (copy == NULL) {
        wd_pool_destroy(req->call.pool);
        free(req);
        return NULL;
    }

    memcpy(copy, f->context.data, f->context.len);
    memcpy(copy + f->context.len, f->args.data, f->args.len);

    req->s = c->s;
    req->conn = c;
    req->entry = e;
    req->msgid = f->msgid;
    req->work.data = req;
    req->window = WD_WINDOW;
    req->started = wd_monotonic();
    req->call.canceled = &req->canceled;
    wd_rpc_res_init(&req->res);
    wd_list_init(&req->sending);
    wd_list_push_back(&c->reqs, &req->node);
    c->s->inflight++;

    req->rc = wd_rpc_call_init(c->s, &req->call, wd_str(copy, f->context.len),
                               wd_str(copy + f->context.len, f->args.len));
    return req;
}


/* To a thread; what the lane has no room for is answered now. */
static void
wd_rpc_hand_over(wd_rpc_req_t *req)
{
    wd_rpc_server_t *s = req->s;

    if ((req->entry->m->flags & WD_RPC_SLOW) != WD_RPC_SLOW
        || s->lane == NULL) {
        uv_queue_work(wd_daemon_loop(s->d), &req->work, wd_rpc_work,
                      wd_rpc_after_work);
        return;
    }

    req->slow = true;
    req->job.work = wd_rpc_lane_work;
    req->job.done = wd_rpc_lane_done;
    if (!wd_lane_push(s->lane, &req->job)) {
        req->res.retry_s = 1;
        req->rc = wd_rpc_fail(&req->res, WD_EUNAVAIL,
                              "too many are waiting for this; try again");
        wd_rpc_answer(req);
    }
}


/* What comes of one that is not expected is ignored: the request is over. */
static int
wd_rpc_refuse_body(wd_rpc_res_t *res)
{
    return wd_rpc_fail(res, WD_EINVAL, "this method takes no body");
}


static int
wd_rpc_expect_body(wd_rpc_req_t *req)
{
    if (!req->call.ctx.body) {
        return WD_OK;
    }
    if ((req->entry->m->flags & WD_RPC_UPLOAD) != WD_RPC_UPLOAD) {
        return wd_rpc_refuse_body(&req->res);
    }
    return wd_rpc_body_create(req);
}


static int
wd_rpc_start_work(wd_rpc_conn_t *c, wd_rpc_entry_t *e, const wd_frame_t *f)
{
    int           rc;
    wd_rpc_req_t *req;
    wd_rpc_res_t  none = {0};

    req = wd_rpc_req_create(c, e, f);
    if (req == NULL) {
        wd_rpc_put_error(c, f->msgid, WD_ENOMEM, &none);
        wd_rpc_conn_dirty(c);
        return WD_OK;
    }

    if (req->rc != WD_OK) {
        rc = req->rc;
        wd_rpc_req_free(req);
        return rc;
    }

    req->rc = wd_rpc_expect_body(req);
    if (req->rc != WD_OK) {
        wd_rpc_answer(req);
        return WD_OK;
    }

    wd_rpc_hand_over(req);
    return WD_OK;
}


/*
 * Answers before the next frame is looked at: nothing needs to be kept.
 * WD_EAGAIN, with nothing answered: `quick` does not know.
 */
static int
wd_rpc_run_inline(wd_rpc_conn_t *c, wd_rpc_entry_t *e, const wd_frame_t *f)
{
    int           rc;
    bool          canceled = false;
    wd_ns_t       started;
    wd_rpc_req_t *req;
    wd_rpc_res_t  res;
    wd_rpc_call_t call = {.canceled = &canceled};

    wd_rpc_method_pt fn = e->quick != NULL ? e->quick : e->m->fn;

    rc = wd_rpc_call_init(c->s, &call, f->context, f->args);
    if (rc != WD_OK) {
        return rc;
    }

    started = wd_spans_wanted(c->s->spans, &call.ctx) ? wd_monotonic() : 0;
    call.pool = wd_pool_create(WD_RPC_POOL_BLOCK);
    wd_rpc_res_init(&res);
    if (call.ctx.body) {
        rc = wd_rpc_refuse_body(&res);
    } else {
        rc = call.pool != NULL ? fn(&call, &res) : WD_ENOMEM;
    }
    rc = wd_rpc_final_code(rc, &res);

    if (rc == WD_EAGAIN && e->quick != NULL) {
        wd_rpc_res_done(&res);
        wd_pool_destroy(call.pool);
        return WD_EAGAIN;
    }

    if (rc == WD_OK && res.body.len > WD_CHUNK_MAX
        && c->s->inflight >= c->s->max_inflight) {
        res.retry_s = 1;
        rc = wd_rpc_fail(&res, WD_EAGAIN, "too many answers are on their way");
    }

    if (rc == WD_OK && res.body.len > WD_CHUNK_MAX) {
        /* Rare: keep it as a request that only has to be sent. */
        req = wd_rpc_req_create(c, e, f);
        if (req != NULL) {
            wd_rpc_res_done(&req->res);
            req->res = res;
            req->rc = WD_OK;
            wd_pool_destroy(call.pool);
            wd_rpc_answer(req);
            return WD_OK;
        }
        rc = WD_ENOMEM;
    }

    wd_rpc_count(e, rc);
    wd_rpc_span(c->s, e, &call.ctx, rc, started);
    if (rc == WD_OK) {
        wd_rpc_put_result(c, f->msgid, &res);
    } else {
        wd_rpc_log_failure(c->s, e, &call.ctx, rc, res.err.text);
        wd_rpc_put_error(c, f->msgid, rc, &res);
    }

    wd_rpc_res_done(&res);
    wd_pool_destroy(call.pool);
    wd_rpc_conn_dirty(c);
    return WD_OK;
}


int
wd_rpc_on_request(wd_rpc_conn_t *c, const wd_frame_t *f)
{
    int             rc;
    wd_rpc_res_t    none = {0};
    wd_rpc_entry_t *e;

    e = wd_map_get(c->s->by_name, f->method);
    if (e == NULL) {
        wd_rpc_fail(&none, WD_ENOTFOUND, "no method of that name");
        wd_rpc_put_error(c, f->msgid, WD_ENOTFOUND, &none);
        wd_rpc_conn_dirty(c);
        return WD_OK;
    }

    if (e->m->flags == WD_RPC_INLINE || e->quick != NULL) {
        rc = wd_rpc_run_inline(c, e, f);
        if (rc != WD_EAGAIN) {
            return rc;
        }
    }

    if (c->s->inflight >= c->s->max_inflight) {
        none.retry_s = 1;
        wd_rpc_fail(&none, WD_EAGAIN, "too many requests are being worked on");
        wd_rpc_count(e, WD_EAGAIN);
        wd_rpc_put_error(c, f->msgid, WD_EAGAIN, &none);
        wd_rpc_conn_dirty(c);
        return WD_OK;
    }

    return wd_rpc_start_work(c, e, f);
}


static wd_rpc_req_t *
wd_rpc_find(wd_rpc_conn_t *c, uint32_t msgid)
{
    wd_list_t    *at;
    wd_rpc_req_t *req;

    for (at = c->reqs.next; at != &c->reqs; at = at->next) {
        req = wd_list_entry(at, wd_rpc_req_t, node);
        if (req->msgid == msgid) {
            return req;
        }
    }
    return NULL;
}


/* Nobody waits any more: ends at once, or when its thread comes back. */
static void
wd_rpc_req_drop(wd_rpc_req_t *req)
{
    bool sending = !wd_list_empty(&req->sending);

    wd_list_remove(&req->node);
    __atomic_store_n(&req->canceled, true, __ATOMIC_RELAXED);
    req->conn = NULL;
    if (req->body != NULL) {
        wd_rpc_body_leave(req->body);
    }

    if (sending) {
        wd_rpc_req_free(req);
    } else if (!req->slow) {
        uv_cancel((uv_req_t *) &req->work); /* if it has not begun */
    }
}


void
wd_rpc_on_cancel(wd_rpc_conn_t *c, uint32_t msgid)
{
    wd_rpc_req_t *req = wd_rpc_find(c, msgid);

    if (req != NULL) {
        wd_rpc_req_drop(req);
    }
}


void
wd_rpc_on_credit(wd_rpc_conn_t *c, uint32_t msgid, uint32_t bytes)
{
    wd_rpc_req_t *req = wd_rpc_find(c, msgid);

    if (req != NULL) {
        req->window = wd_min(req->window + (int64_t) bytes,
                             (int64_t) WD_WINDOW);
        wd_rpc_conn_dirty(c);
    }
}


/* Of a request that is not known it may have crossed the answer. */
int
wd_rpc_on_chunk(wd_rpc_conn_t *c, uint32_t msgid, wd_str_t bytes, bool last)
{
    wd_rpc_req_t *req = wd_rpc_find(c, msgid);

    if (req == NULL) {
        return WD_OK;
    }
    return req->body != NULL ? wd_rpc_body_put(req->body, bytes, last)
                             : WD_EPROTO;
}


void
wd_rpc_abandon(wd_rpc_conn_t *c)
{
    while (!wd_list_empty(&c->reqs)) {
        wd_rpc_req_drop(wd_list_entry(c->reqs.next, wd_rpc_req_t, node));
    }
}
