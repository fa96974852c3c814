/*
 * ngx_http_wizdata_status.h - what the status pages share.
 */
#ifndef NGX_HTTP_WIZDATA_STATUS_H
#define NGX_HTTP_WIZDATA_STATUS_H

#include "ngx_http_wizdata_collect.h"

#include "wd_json.h"
#include "wd_json_scan.h"

/*
 * Begins a page that needs status:read unless its location is public, and
 * calls `next` when it may be shown. For content handlers.
 */
ngx_int_t ngx_http_wizdata_status_begin(ngx_http_request_t *r,
    ngx_http_wizdata_next_pt next);

/* For who refuses a credential there: that counts against the address. */
void ngx_http_wizdata_status_refused(ngx_http_wizdata_ctx_t *ctx);

/* GET and HEAD only: WD_OK, or a refusal that is noted. */
int ngx_http_wizdata_read_only(ngx_http_wizdata_ctx_t *ctx);

/* Member "timestamp": seconds since 1970 with milliseconds. */
void ngx_http_wizdata_status_time(wd_json_t *j);

/* The document in the worker's scratch buffer; finishes the request. */
void ngx_http_wizdata_status_send(ngx_http_wizdata_ctx_t *ctx,
    ngx_uint_t status);

/* One JSON object and nothing else: may stand in a document as it is. */
bool ngx_http_wizdata_is_object(wd_str_t v);

/* The value of a member as it stands there; NULL: none. */
wd_str_t ngx_http_wizdata_json_member(wd_str_t object, const char *name);

/* Bytes in the meta of an answer; NULL: none. */
wd_str_t ngx_http_wizdata_answer_meta(const ngx_http_wizdata_answer_t *a,
    const char *key);

/* "healthy", "degraded", "draining" or "unhealthy". */
const char *ngx_http_wizdata_answer_status(
    const ngx_http_wizdata_answer_t *a);

/* Why there is no answer; NULL: there is one. */
const char *ngx_http_wizdata_answer_error(const ngx_http_wizdata_answer_t *a);

/* Members that tell of a backend and of its endpoints. */
void ngx_http_wizdata_status_backend(wd_json_t *j,
    ngx_http_wizdata_worker_t *w, const ngx_http_wizdata_answer_t *a);

/* "healthy", "unhealthy" or "not_configured", over all backends. */
const char *ngx_http_wizdata_dep(const ngx_http_wizdata_collect_t *c,
    const char *name);

/* A JSON object in the meta of ingestion's sys.health; NULL: none. */
wd_str_t ngx_http_wizdata_ingestion_says(const ngx_http_wizdata_collect_t *c,
    const char *key);

#endif /* NGX_HTTP_WIZDATA_STATUS_H */
