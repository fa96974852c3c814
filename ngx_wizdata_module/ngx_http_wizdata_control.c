/*
 * ngx_http_wizdata_control.c - the drain switch: a flag in shared memory that
 * a signal to nginx's master sets and takes back.
 *
 * SIGRTMIN+1 drains, SIGRTMIN+2 undrains. A draining gateway works as before,
 * but /health answers 503, so that load balancers send their clients
 * elsewhere. The flag survives reloads.
 */
#include "ngx_http_wizdata.h"

#include <signal.h>

#define NGX_HTTP_WIZDATA_SIG_DRAIN (SIGRTMIN + 1)
#define NGX_HTTP_WIZDATA_SIG_UNDRAIN (SIGRTMIN + 2)


struct ngx_http_wizdata_control_s {
    volatile sig_atomic_t draining;
};


/* What a signal handler can reach; the one static of the module. */
static ngx_http_wizdata_control_t *volatile ngx_http_wizdata_signaled;


size_t
ngx_http_wizdata_control_size(void)
{
    return 8 * ngx_pagesize;
}


ngx_int_t
ngx_http_wizdata_control_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL) {
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    zone->data = ngx_slab_calloc(pool, sizeof(ngx_http_wizdata_control_t));
    pool->data = zone->data;
    return zone->data != NULL ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wizdata_control_signal(int signo)
{
    ngx_http_wizdata_control_t *c = ngx_http_wizdata_signaled;

    if (c != NULL) {
        c->draining = signo == NGX_HTTP_WIZDATA_SIG_DRAIN;
    }
}


/* In the master; workers inherit the handlers and the memory. */
ngx_int_t
ngx_http_wizdata_control_listen(ngx_cycle_t *cycle, ngx_shm_zone_t *zone)
{
    struct sigaction sa;

    ngx_http_wizdata_signaled = zone->data;

    ngx_memzero(&sa, sizeof(sa));
    sa.sa_handler = ngx_http_wizdata_control_signal;
    sigemptyset(&sa.sa_mask);

    if (sigaction(NGX_HTTP_WIZDATA_SIG_DRAIN, &sa, NULL) == -1
        || sigaction(NGX_HTTP_WIZDATA_SIG_UNDRAIN, &sa, NULL) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "wizdata: sigaction() failed");
        return NGX_ERROR;
    }
    return NGX_OK;
}


ngx_uint_t
ngx_http_wizdata_draining(const ngx_http_wizdata_worker_t *w)
{
    const ngx_http_wizdata_control_t *c = w->conf->control->data;

    return c->draining;
}
