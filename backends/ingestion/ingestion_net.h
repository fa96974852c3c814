/*
 * ingestion_net.h - the loop on which all requests to providers are under
 * way, thousands of them in one thread.
 */
#ifndef INGESTION_NET_H
#define INGESTION_NET_H

#include "wd_http_multi.h"
#include "wd_list.h"
#include "wd_log.h"

typedef struct ingestion_net  ingestion_net_t;
typedef struct ingestion_call ingestion_call_t;

/*
 * A request. The caller fills the first four; it is the net's from
 * ingestion_net_ask() until done() is called.
 */
struct ingestion_call {
    wd_http_req_t req; /* with texts that stay */
    bool          post;
    void (*done)(ingestion_call_t *call); /* on the loop: must not wait */
    void *arg;

    /* The end, as of wd_http_get(). */
    int           rc;
    wd_error_t    err;
    wd_http_res_t res; /* the caller's, to be freed by him */
    wd_ns_t       asked; /* handed over: wd_monotonic() */
    wd_ns_t       ended;

    /* The net's own. */
    wd_list_t        link;
    ingestion_net_t *net;
    wd_http_call_t  *http; /* NULL: not begun */
    bool             canceled;
    bool             sent;
};

/*
 * At most `max` requests at once, and as many connections to one host. *ret
 * is to be destroyed also after a failure.
 */
wd_must_check int ingestion_net_start(uint32_t max, ingestion_net_t **ret,
                                      wd_error_t *err);

/* Any thread. */
void ingestion_net_ask(ingestion_net_t *net, ingestion_call_t *call);

/* Any thread: done() is called soon, with WD_ECANCELED unless it has ended. */
void ingestion_net_cancel(ingestion_net_t *net, ingestion_call_t *call);

/* Any thread: a connection was found for it. */
bool ingestion_net_sent(const ingestion_call_t *call);

/* All that is under way is canceled; waits for the end. NULL is accepted. */
void ingestion_net_destroy(ingestion_net_t *net);

#endif /* INGESTION_NET_H */
