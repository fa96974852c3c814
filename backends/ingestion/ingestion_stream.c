/*
 * ingestion_stream.c - a stream's life: a token, a host, a connection, again.
 */
#include "ingestion_stream_int.h"

#include "wd_metrics.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#define STREAM_TICK_MIN_MS 10u
#define STREAM_TICK_MAX_MS 250u
#define STREAM_CLOSE_MS 2000
#define STREAM_QUEUE_BYTES (1024u * 1024)
#define STREAM_MESSAGE_BYTES (256u * 1024) /* one of ours is shorter */
#define STREAM_STABLE_NS (60 * WD_NS_PER_S) /* then it is no vain attempt */


/* ---- small things ------------------------------------------------------------ */

void
stream_phase(ingestion_stream_t *st, ingestion_stream_phase_e phase)
{
    if (st->now.phase != phase) {
        st->now.phase = phase;
        st->now.since = wd_now();
        stream_show(st);
    }
}


wd_ns_t
stream_jitter(uint32_t ms, uint32_t max_ms, uint32_t attempts)
{
    uint64_t wait = (uint64_t) ms << wd_min(attempts, 20u);
    uint32_t half = (uint32_t) wd_min(wait, (uint64_t) max_ms) / 2;

    return (wd_ns_t) (half + randombytes_uniform(half + 1)) * WD_NS_PER_MS;
}


static void
stream_outcome(const ingestion_stream_t *st, const char *outcome)
{
    wd_metric(WD_MX_STREAM_CONNECTIONS, 1, st->conf.provider, outcome, NULL);
}


void
stream_failed(ingestion_stream_t *st, int rc, const wd_error_t *err,
              bool long_wait)
{
    wd_ns_t  wait;
    uint32_t ms = long_wait ? st->conf.retry_max_ms : st->conf.retry_ms;

    wait = stream_jitter(ms, st->conf.retry_max_ms, st->attempts++);
    st->retry_at = wd_monotonic() + wait;
    st->now.error_code = rc;
    st->now.error_at = wd_now();
    wd_str_copy(st->now.error, sizeof(st->now.error), wd_str_z(err->text));
    wd_log_warn(st->conf.log, "the stream is interrupted, it is tried again",
                "provider", st->conf.provider, "host", st->now.host, "code", rc,
                "reason", err->text, "wait_ms", wait / WD_NS_PER_MS);
}


/* ---- the connection -------------------------------------------------------------- */

/* It is gone, whoever ended it. */
static void
stream_lost(ingestion_stream_t *st)
{
    wd_ws_destroy(st->ws);
    st->ws = NULL;
    if (st->up_at != 0) {
        stream_outcome(st, "lost");
        st->attempts = wd_monotonic() - st->up_at >= STREAM_STABLE_NS
                           ? 0
                           : st->attempts;
    } else {
        stream_outcome(st, "failed");
    }
    st->up_at = 0;
    st->now.connected_at = 0;
    st->now.paused = false;
    st->leaving = false;
    ingestion_lseg_session_lost(st->session);
    stream_seal(st); /* numbers of streams begin anew */
}


static void
stream_drop(ingestion_stream_t *st, int rc, const wd_error_t *err)
{
    bool left = st->leaving;

    stream_lost(st);
    if (!left) {
        if (rc == WD_EUNAUTH) {
            stream_token_refused(st);
        }
        stream_failed(st, rc == WD_OK ? WD_EUNAVAIL : rc, err,
                      rc == WD_EFORBIDDEN || rc == WD_ELIMIT);
    }
    stream_next(st);
}


void
stream_pump(ingestion_stream_t *st)
{
    wd_buf_t out = WD_BUF_INIT;

    while (st->ws != NULL && !st->leaving
           && wd_ws_queued(st->ws) + STREAM_MESSAGE_BYTES < STREAM_QUEUE_BYTES
           && ingestion_lseg_session_take(st->session, wd_monotonic(), &out)) {
        if (out.err != WD_OK
            || wd_ws_send(st->ws, wd_buf_view(&out)) != WD_OK) {
            break; /* it is closing, and all is said again after that */
        }
        explicit_bzero(out.data, out.cap);
        wd_buf_reset(&out);
    }
    if (out.data != NULL) {
        explicit_bzero(out.data, out.cap);
    }
    wd_buf_done(&out);
}


static void
stream_on_open(void *arg)
{
    wd_error_t          err = {0};
    ingestion_stream_t *st = arg;

    if (ingestion_lseg_session_open(st->session, wd_buf_view(&st->token),
                                    wd_monotonic())
        != WD_OK) {
        stream_drop(st, wd_error(&err, WD_ENOMEM, "no memory for a login"),
                    &err);
        return;
    }
    stream_phase(st, INGESTION_STREAM_LOGIN);
    stream_pump(st);
}


static void
stream_became_up(ingestion_stream_t *st)
{
    st->up_at = wd_monotonic();
    st->host = 0; /* the best one again, should it be lost */
    st->now.connected_at = wd_now();
    st->now.connections++;
    stream_outcome(st, "up");
    wd_log_info(st->conf.log, "the stream is up", "provider", st->conf.provider,
                "host", st->now.host);
    stream_phase(st, INGESTION_STREAM_UP);
}


/* More is not read than can be stored, by and by. */
void
stream_balance(ingestion_stream_t *st)
{
    size_t backlog = stream_backlog(st);

    if (st->ws == NULL) {
        return;
    }
    if (!st->now.paused && backlog > st->conf.backlog_bytes) {
        st->now.paused = true;
        wd_ws_pause(st->ws, true);
    } else if (st->now.paused && backlog <= st->conf.backlog_bytes / 2) {
        st->now.paused = false;
        wd_ws_pause(st->ws, false);
    }
}


static void
stream_on_message(void *arg, wd_str_t text)
{
    int                     rc;
    wd_error_t              err = {0};
    stream_batch_t         *b;
    ingestion_stream_t     *st = arg;
    ingestion_lseg_counts_t c;

    b = stream_batch(st);
    if (b == NULL) {
        stream_drop(st, wd_error(&err, WD_ENOMEM, "no memory for a frame"),
                    &err);
        return;
    }
    st->now.last_message = wd_now();
    rc = ingestion_lseg_session_frame(st->session, text, st->now.last_message,
                                      wd_monotonic(), &b->res.body, &b->records,
                                      &err);
    if (rc != WD_OK) {
        stream_drop(st, rc, &err);
        return;
    }
    if (st->up_at == 0) {
        ingestion_lseg_session_counts(st->session, &c);
        if (c.state == INGESTION_LSEG_UP) {
            stream_became_up(st);
        }
    }
    stream_pump(st);
    if (b->res.body.len >= st->conf.flush_bytes) {
        stream_flush(st, wd_monotonic());
    }
    stream_balance(st);
}


static void
stream_on_close(void *arg, int rc, const wd_error_t *err)
{
    wd_error_t why = *err;

    stream_drop(arg, rc, &why);
}


static void
stream_connect(ingestion_stream_t *st)
{
    int                          rc;
    wd_error_t                   err = {0};
    static const wd_ws_handler_t handler = {stream_on_open, stream_on_message,
                                            stream_on_close};
    const wd_ws_req_t            req = {
                   .url = st->url,
                   .user_agent = st->conf.user_agent,
                   .subprotocol = "tr_json2",
                   .ca_file = st->conf.ca_file,
                   .connect_timeout_ms = st->conf.connect_timeout_ms,
                   .close_timeout_ms = STREAM_CLOSE_MS,
                   .max_message = WD_LSEG_FRAME_MAX,
                   .max_queue = STREAM_QUEUE_BYTES,
                   .allow_http = st->conf.allow_http,
                   .allow_private = st->conf.allow_private,
    };

    stream_phase(st, INGESTION_STREAM_CONNECTING);
    rc = wd_ws_open(st->loop, &req, &handler, st, &st->ws, &err);
    if (rc != WD_OK) {
        stream_outcome(st, "failed");
        stream_failed(st, rc, &err, false);
    }
}


/* In order: what is left to say, a logout, a close. */
static void
stream_leave(ingestion_stream_t *st)
{
    if (st->ws == NULL || st->leaving) {
        return;
    }
    st->leaving = true;
    if (st->up_at != 0
        && wd_ws_send(st->ws, WD_STR("{\"ID\":1,\"Domain\":\"Login\","
                                     "\"Type\":\"Close\"}"))
               != WD_OK) {
        /* the close says it as well */
    }
    wd_ws_close(st->ws);
}


/* ---- what is next ------------------------------------------------------------------ */

static void
stream_on_tick_closed(uv_handle_t *handle)
{
    ingestion_stream_t *st = handle->data;

    st->closed = true;
    stream_phase(st, INGESTION_STREAM_STOPPED);
}


static void
stream_stop_next(ingestion_stream_t *st)
{
    if (st->ws != NULL) {
        return;
    }
    stream_flush(st, wd_monotonic());
    if (stream_stored_all(st) && !uv_is_closing((uv_handle_t *) &st->tick)) {
        uv_close((uv_handle_t *) &st->tick, stream_on_tick_closed);
    }
}


void
stream_next(ingestion_stream_t *st)
{
    wd_ns_t now = wd_monotonic();

    if (st->stopping) {
        stream_stop_next(st);
        return;
    }
    if (st->ws != NULL || st->http != NULL) {
        return;
    }
    if (st->rics == 0) {
        stream_phase(st, INGESTION_STREAM_IDLE);
    } else if (now < st->retry_at) {
        stream_phase(st, INGESTION_STREAM_WAITING);
    } else if (stream_backlog(st) > st->conf.backlog_bytes) {
        stream_phase(st, INGESTION_STREAM_FULL);
    } else if (!stream_token_good(st, now)) {
        stream_phase(st, INGESTION_STREAM_TOKEN);
        stream_ask_token(st, now);
    } else if (stream_host(st)) {
        stream_connect(st);
    }
}


/* While nothing is read, nothing is silence. */
static void
stream_on_tick(uv_timer_t *tick)
{
    int                 rc;
    wd_ns_t             now = wd_monotonic();
    wd_error_t          err = {0};
    ingestion_stream_t *st = tick->data;

    if (st->ws != NULL && !st->leaving && !st->now.paused) {
        rc = ingestion_lseg_session_tick(st->session, now, &err);
        if (rc != WD_OK) {
            stream_drop(st, rc, &err);
        }
        stream_pump(st);
        stream_renew_token(st, now);
    }
    stream_flush(st, now);
    stream_balance(st);
    stream_next(st);
    stream_show(st);
}


/* ---- outside ------------------------------------------------------------------------ */

void
ingestion_stream_conf_init(ingestion_stream_conf_t *conf)
{
    *conf = (ingestion_stream_conf_t){
        .provider = "lseg",
        .dataset = "stream",
        .user_agent = "WizData/" WD_VERSION,
        .connect_timeout_ms = 10000,
        .retry_ms = 1000,
        .retry_max_ms = 120000,
        .flush_ms = 1000,
        .flush_bytes = 1024 * 1024,
        .backlog_bytes = 32u * 1024 * 1024,
        .session = {.application_id = "256",
                    .position = "127.0.0.1/net",
                    .batch = 100,
                    .window = 500,
                    .answer_ms = 30000,
                    .retry_ms = 2000,
                    .retry_max_ms = 300000,
                    .closed_ms = 3600000},
    };
}


/* Those of the session are copied by it. */
static const size_t stream_texts[] = {
    offsetof(ingestion_stream_conf_t, provider),
    offsetof(ingestion_stream_conf_t, dataset),
    offsetof(ingestion_stream_conf_t, discovery_url),
    offsetof(ingestion_stream_conf_t, url),
    offsetof(ingestion_stream_conf_t, region),
    offsetof(ingestion_stream_conf_t, user_agent),
    offsetof(ingestion_stream_conf_t, ca_file),
};


static int
stream_copy_conf(ingestion_stream_t *st, const ingestion_stream_conf_t *conf)
{
    int          rc = WD_OK;
    size_t       i;
    const char **text;

    st->conf = *conf;
    for (i = 0; i < wd_array_len(stream_texts); i++) {
        text = (const char **) ((char *) &st->conf + stream_texts[i]);
        if (*text != NULL && (*text = strdup(*text)) == NULL) {
            rc = WD_ENOMEM; /* the others are still the caller's */
        }
    }
    return rc;
}


static void
stream_free(ingestion_stream_t *st)
{
    size_t i;

    stream_batches_free(st);
    ingestion_lseg_session_destroy(st->session);
    stream_wipe_token(st);
    wd_buf_done(&st->token);
    for (i = 0; i < wd_array_len(stream_texts); i++) {
        free(*(char **) ((char *) &st->conf + stream_texts[i]));
    }
    pthread_mutex_destroy(&st->lock);
    free(st);
}


int
ingestion_stream_start(uv_loop_t *loop, const ingestion_stream_conf_t *conf,
                       ingestion_stream_t **ret)
{
    int                 rc;
    uint64_t            seed, tick;
    ingestion_stream_t *st;

    st = calloc(1, sizeof(*st));
    if (st == NULL) {
        return WD_ENOMEM;
    }
    st->loop = loop;
    wd_list_init(&st->sealed);
    wd_buf_init(&st->token, 0);
    pthread_mutex_init(&st->lock, NULL);
    randombytes_buf(&seed, sizeof(seed));
    rc = stream_copy_conf(st, conf);
    if (rc == WD_OK) {
        rc = ingestion_lseg_session_create(&conf->session, seed, &st->session);
    }
    if (rc != WD_OK) {
        stream_free(st);
        return rc;
    }

    uv_timer_init(loop, &st->tick);
    st->tick.data = st;
    tick = wd_max(wd_min(conf->flush_ms / 4, STREAM_TICK_MAX_MS),
                  STREAM_TICK_MIN_MS);
    uv_timer_start(&st->tick, stream_on_tick, tick, tick);
    st->now.since = wd_now();
    stream_show(st);
    *ret = st;
    return WD_OK;
}


void
ingestion_stream_stop(ingestion_stream_t *st)
{
    if (st == NULL || st->stopping) {
        return;
    }
    st->stopping = true;
    stream_phase(st, INGESTION_STREAM_STOPPING);
    stream_hosts_stop(st);
    stream_leave(st);
    stream_next(st);
}


void
ingestion_stream_destroy(ingestion_stream_t *st)
{
    if (st != NULL) {
        assert(st->closed);
        stream_free(st);
    }
}


int
ingestion_stream_rics(ingestion_stream_t *st, const wd_str_t *rics, size_t n,
                      size_t *ret_bad)
{
    int                     rc;
    ingestion_lseg_counts_t c;

    rc = ingestion_lseg_session_rics(st->session, rics, n, ret_bad);
    if (rc != WD_OK || st->stopping) {
        return rc;
    }
    ingestion_lseg_session_counts(st->session, &c);
    st->rics = c.items;
    if (st->rics == 0) {
        stream_leave(st);
    }
    stream_pump(st);
    stream_next(st); /* when it is gone, if it is just leaving */
    return WD_OK;
}
