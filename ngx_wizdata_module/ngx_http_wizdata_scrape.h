/*
 * ngx_http_wizdata_scrape.h - an answer to /metrics on its way: what
 * prometheus.c, which makes the text, and scrape.c, which sends it, share.
 *
 * There may be a hundred thousand series, and other requests are not to wait
 * for them: the answer is made in slices of some ten microseconds, one in
 * each turn of the event loop, and leaves in small buffers as fast as the
 * client takes them. All scrapes of a worker share these slices.
 */
#ifndef NGX_HTTP_WIZDATA_SCRAPE_H
#define NGX_HTTP_WIZDATA_SCRAPE_H

#include "ngx_http_wizdata_collect.h"
#include "ngx_http_wizdata_families.h"

#include "wd_expo_merge.h"

#define NGX_HTTP_WIZDATA_SCRAPES 4 /* at a time, in a worker */
#define NGX_HTTP_WIZDATA_SLICE 50000 /* ns of work in a turn */
#define NGX_HTTP_WIZDATA_SCRAPE_MAX (16 * 1024 * 1024) /* bytes of a backend */
#define NGX_HTTP_WIZDATA_SCRAPE_BUF 8192 /* bytes given to the client at once */

/* Steps between two looks at the clock. */
#define NGX_HTTP_WIZDATA_INDEX_STEP 64
#define NGX_HTTP_WIZDATA_UNIT_STEP 32
#define NGX_HTTP_WIZDATA_LINE_STEP 16

#define NGX_HTTP_WIZDATA_SHRINK 4 /* pieces of memory given back in a turn */


typedef enum {
    NGX_HTTP_WIZDATA_SCRAPE_COLLECT, /* backends are answering */
    NGX_HTTP_WIZDATA_SCRAPE_INDEX, /* what they sent is sorted */
    NGX_HTTP_WIZDATA_SCRAPE_OWN, /* the gateway's own is written */
    NGX_HTTP_WIZDATA_SCRAPE_MERGED, /* and theirs */
    NGX_HTTP_WIZDATA_SCRAPE_LAST, /* the end is still to be sent */
    NGX_HTTP_WIZDATA_SCRAPE_DONE
} ngx_http_wizdata_scrape_e;


typedef struct {
    ngx_event_t turn;
    ngx_event_t hold; /* a worker with scrapes does not exit */
    ngx_queue_t ready; /* scrapes that have work to do */
    ngx_queue_t dead; /* memory to be given back */
    ngx_uint_t  n; /* scrapes */
} ngx_http_wizdata_scrapes_t;


typedef struct {
    ngx_queue_t      link;
    wd_expo_merge_t *merge;
} ngx_http_wizdata_dead_t;


typedef struct {
    ngx_queue_t                 link; /* in `ready` */
    ngx_http_wizdata_scrapes_t *all;
    ngx_http_wizdata_ctx_t     *ctx;
    ngx_http_wizdata_dead_t    *dead; /* holds `merge`, outlives the request */
    wd_expo_merge_t            *merge;
    ngx_http_wizdata_scrape_e   state;
    ngx_http_wizdata_samples_t  samples;
    wd_buf_t                    text; /* not yet given to the client */
    ngx_uint_t                  part; /* being written */
    ngx_uint_t                  unit;
    ngx_chain_t                *free;
    ngx_chain_t                *busy;
    unsigned                    queued:1;
    unsigned                    headed:1; /* the header is sent */
    unsigned                    blocked:1; /* the client takes no more */
} ngx_http_wizdata_scrape_t;


/* The worker's; NULL without memory. */
ngx_http_wizdata_scrapes_t *ngx_http_wizdata_scrapes(
    ngx_http_wizdata_worker_t *w);

/* There is work to do. */
void ngx_http_wizdata_scrape_ready(ngx_http_wizdata_scrape_t *s);

/* The request begins. */
void ngx_http_wizdata_scrape_enter(ngx_http_wizdata_scrape_t *s);

/* The request ends: the memory is given back little by little. */
void ngx_http_wizdata_scrape_leave(ngx_http_wizdata_scrape_t *s);

ngx_int_t ngx_http_wizdata_scrape_head(ngx_http_wizdata_scrape_t *s);

/*
 * Some more of the text; moves the state on when it is all there. A failure
 * is in text.err.
 */
void ngx_http_wizdata_scrape_step(ngx_http_wizdata_scrape_t *s);

#endif /* NGX_HTTP_WIZDATA_SCRAPE_H */
