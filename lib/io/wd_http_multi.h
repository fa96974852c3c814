/*
 * wd_http_multi.h - many HTTP requests at once on a loop: those of wd_http.h
 * without a thread of their own.
 *
 * All rules of wd_http.h hold. Connections are kept and shared, over HTTP/2
 * by several requests at once. Loop thread only.
 */
#ifndef WD_HTTP_MULTI_H
#define WD_HTTP_MULTI_H

#include "wd_http.h"

#include <uv.h>

typedef struct wd_http_multi wd_http_multi_t;
typedef struct wd_http_call  wd_http_call_t;

/*
 * The end of a request, `rc` and *err as of wd_http_get(); *res is gone when
 * this returns. It may start and cancel requests.
 */
typedef void (*wd_http_call_pt)(void *arg, int rc, wd_http_res_t *res,
                                const wd_error_t *err);

/* At most `max` requests at once, `max_host` connections to a host. */
wd_http_multi_t *wd_http_multi_create(uv_loop_t *loop, uint32_t max,
                                      uint32_t max_host);

/*
 * Ends all requests with WD_ECANCELED, then itself; its handles close with
 * the next turns of the loop. NULL is accepted.
 */
void wd_http_multi_stop(wd_http_multi_t *m);

/*
 * *req is copied, with its texts; `stop` is not looked at. WD_EAGAIN: there
 * are `max` requests. WD_ENOMEM. After a failure `fn` is not called.
 */
wd_must_check int wd_http_multi_start(wd_http_multi_t     *m,
                                      const wd_http_req_t *req, bool post,
                                      wd_http_call_pt fn, void *arg,
                                      wd_http_call_t **ret, wd_error_t *err);

/* `fn` is called with WD_ECANCELED before this returns. */
void wd_http_call_cancel(wd_http_call_t *call);

uint32_t wd_http_multi_inflight(const wd_http_multi_t *m);

#endif /* WD_HTTP_MULTI_H */
