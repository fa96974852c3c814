/*
 * ngx_http_wizdata_rpc_upload.c - the body of a call's request: chunks out,
 * credit in.
 *
 * The caller is told when there is room and passes bytes on as he has them.
 * Two things limit him: the window that the callee has opened, and what the
 * connection has not sent yet, because requests of others wait behind that.
 */
#include "ngx_http_wizdata.h"

/* Unsent bytes of a connection above which bodies wait. */
#define NGX_HTTP_WIZDATA_UPLOAD_OUT (WD_WINDOW / 2)


static void
ngx_http_wizdata_rpc_upload_wake(ngx_event_t *ev)
{
    ngx_http_wizdata_rpc_t *rpc = ev->data;

    rpc->upload->room(rpc);
}


static void
ngx_http_wizdata_rpc_upload_wake_later(ngx_http_wizdata_rpc_t *rpc)
{
    if (!rpc->upload->wake.posted) {
        ngx_post_event(&rpc->upload->wake, &ngx_posted_events);
    }
}


void
ngx_http_wizdata_rpc_upload_begin(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_rpc_upload_t *up = rpc->upload;

    up->outstanding = 0;
    up->wake.data = rpc;
    up->wake.handler = ngx_http_wizdata_rpc_upload_wake;
    up->wake.log = rpc->service->worker->cycle->log;
    rpc->paused = 0;
    ngx_http_wizdata_rpc_upload_wake_later(rpc);
}


void
ngx_http_wizdata_rpc_upload_end(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_rpc_upload_t *up = rpc->upload;

    rpc->paused = 0;
    if (up->linked) {
        up->linked = 0;
        ngx_queue_remove(&up->link);
    }
    if (up->wake.posted) {
        ngx_delete_posted_event(&up->wake);
    }
}


/* Bytes that nobody has sent yet stand before those of others. */
static ngx_uint_t
ngx_http_wizdata_rpc_upload_full(const ngx_http_wizdata_conn_t *conn)
{
    return conn->out.len - conn->out_pos >= NGX_HTTP_WIZDATA_UPLOAD_OUT;
}


size_t
ngx_http_wizdata_rpc_upload_room(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_rpc_upload_t *up = rpc->upload;

    if (rpc->state != NGX_HTTP_WIZDATA_RPC_SENT || up->last
        || up->outstanding == WD_WINDOW)
    {
        return 0;
    }

    if (ngx_http_wizdata_rpc_upload_full(rpc->conn)) {
        if (!up->linked) {
            up->linked = 1;
            ngx_queue_insert_tail(&rpc->conn->uploads, &up->link);
        }
        return 0;
    }
    return ngx_min(WD_WINDOW - up->outstanding, WD_CHUNK_MAX);
}


ngx_int_t
ngx_http_wizdata_rpc_upload_pass(ngx_http_wizdata_rpc_t *rpc, wd_str_t bytes,
    ngx_uint_t last)
{
    ngx_http_wizdata_conn_t       *conn = rpc->conn;
    ngx_http_wizdata_rpc_upload_t *up = rpc->upload;
    size_t                         at = conn->out.len;

    wd_frame_put_chunk(&conn->out, rpc->msgid, bytes, last);
    if (conn->out.err != WD_OK) {
        conn->out.len = at;
        conn->out.err = WD_OK;
        return NGX_ERROR;
    }

    up->begun = 1;
    up->last = last;
    up->outstanding += bytes.len;
    rpc->service->worker->counters->rpc[rpc->service->id].upload_bytes +=
        bytes.len;

    /* What the callee is measured by begins with the last byte it has. */
    rpc->paused = 0;
    rpc->since = ngx_current_msec;
    ngx_http_wizdata_rpc_progress(rpc);

    conn->queued += conn->out.len - at;
    ngx_http_wizdata_conn_flush_later(conn);
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_rpc_upload_credit(ngx_http_wizdata_rpc_t *rpc, uint32_t bytes)
{
    ngx_http_wizdata_rpc_upload_t *up = rpc->upload;

    if (up == NULL || bytes > up->outstanding) {
        return NGX_ERROR;
    }

    up->outstanding -= bytes;
    if (rpc->state == NGX_HTTP_WIZDATA_RPC_SENT && !up->last) {
        if (!rpc->paused) {
            ngx_http_wizdata_rpc_progress(rpc);
        }
        ngx_http_wizdata_rpc_upload_wake_later(rpc);
    }
    return NGX_OK;
}


void
ngx_http_wizdata_rpc_upload_drained(ngx_http_wizdata_conn_t *conn)
{
    ngx_queue_t                   *q;
    ngx_http_wizdata_rpc_upload_t *up;

    /* In turns: who has more than there is room for goes to the end. */
    while (!ngx_queue_empty(&conn->uploads)
           && !ngx_http_wizdata_rpc_upload_full(conn))
    {
        q = ngx_queue_head(&conn->uploads);
        up = ngx_queue_data(q, ngx_http_wizdata_rpc_upload_t, link);
        ngx_queue_remove(q);
        up->linked = 0;
        up->room(up->wake.data);
    }
}
