/*
 * ingestion_stream_int.h - a stream's inside; for ingestion_stream*.c alone.
 *
 * ingestion_stream.c connects, _token.c has the token, _hosts.c finds out
 * where, _batch.c stores what is heard, _state.c tells how it is.
 */
#ifndef INGESTION_STREAM_INT_H
#define INGESTION_STREAM_INT_H

#include "ingestion_stream.h"

#include "wd_http_multi.h"
#include "wd_list.h"
#include "wd_lseg_hosts.h"
#include "wd_ws.h"

#include <pthread.h>

/* What becomes one object. */
typedef struct {
    wd_list_t            link;
    ingestion_stream_t  *st;
    wd_http_res_t        res; /* body: the text */
    wd_pool_t           *pool;
    wd_records_t         records;
    wd_ns_t              begun; /* its first line; monotonic */
    uv_work_t            work;
    int                  rc;
    wd_error_t           err;
    ingestion_archived_t row;
} stream_batch_t;

struct ingestion_stream {
    ingestion_stream_conf_t conf; /* texts are its own */
    uv_loop_t              *loop;
    uv_timer_t              tick;
    bool                    closed; /* its handle is */
    bool                    stopping;
    bool                    leaving; /* the connection was told to close */

    ingestion_lseg_session_t *session;
    wd_ws_t                  *ws;
    wd_ns_t                   retry_at; /* no attempt before; monotonic */
    uint32_t                  attempts; /* one after the other, in vain */
    wd_ns_t                   up_at; /* monotonic; 0: not logged in */
    size_t                    rics;

    wd_http_multi_t *http; /* for the discovery; NULL: none is under way */
    wd_lseg_hosts_t  hosts;
    size_t           host; /* the next one to try */
    char             url[INGESTION_STREAM_URL_MAX]; /* of this connection */

    wd_buf_t token; /* wiped */
    wd_ns_t  token_until; /* monotonic */
    wd_ns_t  token_life;
    wd_ns_t  token_asked; /* monotonic; 0: never */
    bool     token_waits; /* for the answer */
    bool     token_refused; /* the one before */

    stream_batch_t *batch; /* being filled; NULL: nothing since the last */
    wd_list_t       sealed; /* to be stored, the oldest first */
    bool            storing; /* the oldest is with a worker thread */
    wd_ns_t         store_at; /* after a failure: not before; monotonic */
    uint32_t        store_attempts;

    pthread_mutex_t          lock; /* shown */
    ingestion_stream_state_t shown;
    ingestion_stream_state_t now; /* the loop's own */
};

/* ---- ingestion_stream.c ---- */

/* What is to be done next, if anything. */
void stream_next(ingestion_stream_t *st);

void stream_phase(ingestion_stream_t *st, ingestion_stream_phase_e phase);

/* An attempt was in vain: the next one is later. `long_wait`: much later. */
void stream_failed(ingestion_stream_t *st, int rc, const wd_error_t *err,
                   bool long_wait);

/* Says what the session has to say, as long as there is room for it. */
void stream_pump(ingestion_stream_t *st);

/* Half of the back-off for certain, the rest by chance. */
wd_ns_t stream_jitter(uint32_t ms, uint32_t max_ms, uint32_t attempts);

/* Pauses the connection, or lets it go on. */
void stream_balance(ingestion_stream_t *st);

/* ---- ingestion_stream_token.c ---- */

void stream_ask_token(ingestion_stream_t *st, wd_ns_t now);
bool stream_token_good(const ingestion_stream_t *st, wd_ns_t now);
void stream_token_refused(ingestion_stream_t *st);
void stream_renew_token(ingestion_stream_t *st, wd_ns_t now);
void stream_wipe_token(ingestion_stream_t *st);

/* ---- ingestion_stream_hosts.c ---- */

/* Fills st->url with the next host, or asks for hosts. False: asking. */
bool stream_host(ingestion_stream_t *st);
void stream_hosts_stop(ingestion_stream_t *st);

/* ---- ingestion_stream_batch.c ---- */

/* Where the next frame goes. NULL: no memory. */
stream_batch_t *stream_batch(ingestion_stream_t *st);

/* The next frame begins another object. */
void stream_seal(ingestion_stream_t *st);

/* Seals and stores what is due. */
void stream_flush(ingestion_stream_t *st, wd_ns_t now);

size_t stream_backlog(const ingestion_stream_t *st);
bool   stream_stored_all(const ingestion_stream_t *st);
void   stream_batches_free(ingestion_stream_t *st);

/* ---- ingestion_stream_state.c ---- */

void stream_show(ingestion_stream_t *st);

#endif /* INGESTION_STREAM_INT_H */
