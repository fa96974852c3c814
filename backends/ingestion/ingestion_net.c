/*
 * ingestion_net.c - requests come in from other threads, ends go out to them.
 */
#include "ingestion_net.h"

#include <pthread.h>
#include <stdlib.h>

struct ingestion_net {
    uv_loop_t        loop;
    uv_async_t       wake;
    wd_http_multi_t *multi;
    pthread_t        thread;
    bool             started;

    pthread_mutex_t lock; /* all below; `link` of calls that are listed */
    wd_list_t       asked; /* not begun */
    wd_list_t       running;
    bool            cancels; /* one of the running ones is to be canceled */
    bool            stop;
};


static void
on_end(void *arg, int rc, wd_http_res_t *res, const wd_error_t *err)
{
    ingestion_call_t *call = arg;
    ingestion_net_t  *net = call->net;

    pthread_mutex_lock(&net->lock);
    wd_list_remove(&call->link);
    pthread_mutex_unlock(&net->lock);

    call->rc = rc;
    call->err = *err;
    call->res = *res;
    wd_http_res_init(res);
    call->ended = wd_monotonic();
    call->done(call);
}


static void
not_begun(ingestion_call_t *call, int rc)
{
    wd_http_res_init(&call->res);
    call->rc = rc;
    call->ended = wd_monotonic();
    call->done(call);
}


static void
begin(ingestion_net_t *net, ingestion_call_t *call)
{
    int  rc;
    bool gone;

    pthread_mutex_lock(&net->lock);
    gone = call->canceled || net->stop;
    if (!gone) {
        wd_list_push_back(&net->running, &call->link);
    }
    pthread_mutex_unlock(&net->lock);
    if (gone) {
        not_begun(call, wd_error(&call->err, WD_ECANCELED, "canceled"));
        return;
    }

    rc = wd_http_multi_start(net->multi, &call->req, call->post, on_end, call,
                             &call->http, &call->err);
    if (rc != WD_OK) {
        pthread_mutex_lock(&net->lock);
        wd_list_remove(&call->link);
        pthread_mutex_unlock(&net->lock);
        not_begun(call, rc);
    }
}


/* The first of a list, taken off; NULL: it is empty. */
static ingestion_call_t *
take(ingestion_net_t *net, wd_list_t *list)
{
    ingestion_call_t *call = NULL;

    pthread_mutex_lock(&net->lock);
    if (!wd_list_empty(list)) {
        call = wd_list_entry(list->next, ingestion_call_t, link);
        wd_list_remove(&call->link);
    }
    pthread_mutex_unlock(&net->lock);
    return call;
}


/* One of the running calls that is to be canceled. */
static ingestion_call_t *
canceled(ingestion_net_t *net)
{
    wd_list_t        *at;
    ingestion_call_t *call = NULL;

    pthread_mutex_lock(&net->lock);
    if (net->cancels) {
        for (at = net->running.next; at != &net->running; at = at->next) {
            call = wd_list_entry(at, ingestion_call_t, link);
            if (call->canceled) {
                break;
            }
            call = NULL;
        }
        net->cancels = call != NULL;
    }
    pthread_mutex_unlock(&net->lock);
    return call;
}


static void
on_wake(uv_async_t *wake)
{
    bool              stop;
    ingestion_net_t  *net = wake->data;
    ingestion_call_t *call;

    while ((call = take(net, &net->asked)) != NULL) {
        begin(net, call);
    }
    while ((call = canceled(net)) != NULL) {
        wd_http_call_cancel(call->http);
    }

    pthread_mutex_lock(&net->lock);
    stop = net->stop;
    pthread_mutex_unlock(&net->lock);
    if (stop && net->multi != NULL) {
        wd_http_multi_stop(net->multi);
        net->multi = NULL;
        uv_close((uv_handle_t *) &net->wake, NULL);
    }
}


static void *
net_main(void *arg)
{
    ingestion_net_t *net = arg;

    uv_run(&net->loop, UV_RUN_DEFAULT);
    return NULL;
}


int
ingestion_net_start(uint32_t max, ingestion_net_t **ret, wd_error_t *err)
{
    ingestion_net_t *net;

    net = calloc(1, sizeof(*net));
    if (net == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the net");
    }
    *ret = net;
    pthread_mutex_init(&net->lock, NULL);
    wd_list_init(&net->asked);
    wd_list_init(&net->running);
    if (uv_loop_init(&net->loop) != 0) {
        return wd_error(err, WD_EINTERNAL, "a loop cannot be made");
    }
    if (uv_async_init(&net->loop, &net->wake, on_wake) != 0) {
        uv_loop_close(&net->loop);
        return wd_error(err, WD_EINTERNAL, "a loop cannot be made");
    }
    net->wake.data = net;
    net->multi = wd_http_multi_create(&net->loop, max, max);
    if (net->multi == NULL
        || pthread_create(&net->thread, NULL, net_main, net) != 0) {
        wd_http_multi_stop(net->multi);
        uv_close((uv_handle_t *) &net->wake, NULL);
        uv_run(&net->loop, UV_RUN_DEFAULT);
        uv_loop_close(&net->loop);
        return wd_error(err, WD_EINTERNAL, "a thread cannot be started");
    }
    net->started = true;
    return WD_OK;
}


void
ingestion_net_ask(ingestion_net_t *net, ingestion_call_t *call)
{
    call->net = net;
    call->asked = wd_monotonic();
    call->http = NULL;
    call->canceled = false;
    call->sent = false;
    call->req.sent = &call->sent;
    memset(&call->err, 0, sizeof(call->err));
    pthread_mutex_lock(&net->lock);
    wd_list_push_back(&net->asked, &call->link);
    pthread_mutex_unlock(&net->lock);
    uv_async_send(&net->wake);
}


bool
ingestion_net_sent(const ingestion_call_t *call)
{
    return __atomic_load_n(&call->sent, __ATOMIC_RELAXED);
}


void
ingestion_net_cancel(ingestion_net_t *net, ingestion_call_t *call)
{
    pthread_mutex_lock(&net->lock);
    call->canceled = true;
    net->cancels = true;
    pthread_mutex_unlock(&net->lock);
    uv_async_send(&net->wake);
}


void
ingestion_net_destroy(ingestion_net_t *net)
{
    if (net == NULL) {
        return;
    }
    if (net->started) {
        pthread_mutex_lock(&net->lock);
        net->stop = true;
        pthread_mutex_unlock(&net->lock);
        uv_async_send(&net->wake);
        pthread_join(net->thread, NULL);
        uv_loop_close(&net->loop);
    }
    pthread_mutex_destroy(&net->lock);
    free(net);
}
