/*
 * ingestion_stream_batch.c - what a stream heard, on its way into the lake:
 * one object after the other, on worker threads.
 */
#include "ingestion_stream_int.h"

#include <stdlib.h>

/* Beyond this an object is closed even while another is being stored. */
#define STREAM_OBJECT_MAX (8u * 1024 * 1024)
#define STREAM_STORE_RETRY_MS 250 /* a full disk costs little to try */
#define STREAM_STORE_RETRY_MAX_MS 5000

static void
stream_batch_free(stream_batch_t *b)
{
    wd_http_res_done(&b->res);
    wd_pool_destroy(b->pool);
    free(b);
}


static stream_batch_t *
stream_batch_create(ingestion_stream_t *st)
{
    stream_batch_t *b;

    b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return NULL;
    }
    b->pool = wd_pool_create(64 * 1024);
    if (b->pool == NULL) {
        free(b);
        return NULL;
    }
    b->st = st;
    b->work.data = b;
    b->begun = wd_monotonic();
    wd_list_init(&b->link);
    wd_records_init(&b->records, b->pool);
    wd_http_res_init(&b->res);
    b->res.status = 200;
    wd_str_copy(b->res.content_type, sizeof(b->res.content_type),
                WD_STR("application/x-ndjson"));
    return b;
}


stream_batch_t *
stream_batch(ingestion_stream_t *st)
{
    if (st->batch == NULL) {
        st->batch = stream_batch_create(st);
        ingestion_lseg_session_border(st->session);
    }
    return st->batch;
}


size_t
stream_backlog(const ingestion_stream_t *st)
{
    size_t           n = st->batch != NULL ? st->batch->res.body.len : 0;
    const wd_list_t *l;

    for (l = st->sealed.next; l != &st->sealed; l = l->next) {
        n += wd_list_entry(l, const stream_batch_t, link)->res.body.len;
    }
    return n;
}


bool
stream_stored_all(const ingestion_stream_t *st)
{
    return st->batch == NULL && wd_list_empty(&st->sealed) && !st->storing;
}


void
stream_batches_free(ingestion_stream_t *st)
{
    stream_batch_t *b;

    while (!wd_list_empty(&st->sealed)) {
        b = wd_list_entry(st->sealed.next, stream_batch_t, link);
        wd_list_remove(&b->link);
        stream_batch_free(b);
    }
    if (st->batch != NULL) {
        stream_batch_free(st->batch);
        st->batch = NULL;
    }
}


/* Of frames that say nothing about items there is nothing to store. */
void
stream_seal(ingestion_stream_t *st)
{
    stream_batch_t *b = st->batch;

    st->batch = NULL;
    if (b == NULL) {
        return;
    }
    if (b->res.body.len == 0) {
        stream_batch_free(b);
        return;
    }
    wd_list_push_back(&st->sealed, &b->link);
}


/* ---- storing --------------------------------------------------------------- */

/* Worker thread. */
static void
stream_put(uv_work_t *work)
{
    stream_batch_t                *b = work->data;
    const ingestion_stream_conf_t *conf = &b->st->conf;

    memset(&b->err, 0, sizeof(b->err));
    b->rc = ingestion_archive_put(conf->archive, conf->provider, conf->dataset,
                                  "{}", "", &b->res, &b->row, &b->err);
}


static void
stream_put_good(ingestion_stream_t *st, stream_batch_t *b)
{
    if (st->now.lake_failing) {
        wd_log_info(st->conf.log, "the stream is stored again", "provider",
                    st->conf.provider);
    }
    st->now.lake_failing = false;
    st->store_attempts = 0;
    st->now.objects++;
    st->now.bytes += b->res.body.len;
    st->now.quotes += b->records.n_quotes;
    st->now.trades += b->records.n_trades;
    st->now.rejects += b->records.n_rejected;
    if (st->conf.stored != NULL) {
        st->conf.stored(st->conf.arg, &b->row, &b->records);
    }
}


/* It stays the oldest, and is put again. */
static void
stream_put_bad(ingestion_stream_t *st, const stream_batch_t *b)
{
    if (!st->now.lake_failing) {
        wd_log_warn(st->conf.log,
                    "the stream cannot be stored, it is kept and tried again",
                    "provider", st->conf.provider, "code", b->rc, "reason",
                    b->err.text);
    }
    st->now.lake_failing = true;
    st->store_at = wd_monotonic()
                   + stream_jitter(STREAM_STORE_RETRY_MS,
                                   STREAM_STORE_RETRY_MAX_MS,
                                   st->store_attempts++);
}


/* At a stop nobody waits for the lake any longer. */
static void
stream_give_up(ingestion_stream_t *st)
{
    st->now.lost += stream_backlog(st);
    wd_log_error(st->conf.log, "what the stream heard last is lost", "provider",
                 st->conf.provider, "bytes", st->now.lost);
    stream_batches_free(st);
}


static void
stream_put_done(uv_work_t *work, int status)
{
    stream_batch_t     *b = work->data;
    ingestion_stream_t *st = b->st;

    (void) status; /* nobody cancels it */
    st->storing = false;
    if (b->rc == WD_OK) {
        wd_list_remove(&b->link);
        stream_put_good(st, b);
        stream_batch_free(b);
    } else {
        stream_put_bad(st, b);
        if (st->stopping) {
            stream_give_up(st);
        }
    }
    stream_flush(st, wd_monotonic());
    stream_balance(st);
    stream_next(st);
}


static void
stream_store(ingestion_stream_t *st)
{
    stream_batch_t *b;

    b = wd_list_entry(st->sealed.next, stream_batch_t, link);
    st->storing = uv_queue_work(st->loop, &b->work, stream_put, stream_put_done)
                  == 0;
}


/* While one is being stored the next one grows, rather than many be made. */
void
stream_flush(ingestion_stream_t *st, wd_ns_t now)
{
    stream_batch_t *b = st->batch;
    size_t          n = b != NULL ? b->res.body.len : 0;
    bool            idle = !st->storing && wd_list_empty(&st->sealed);
    bool            due = st->stopping || n >= st->conf.flush_bytes
               || (b != NULL
                   && now - b->begun
                          >= (wd_ns_t) st->conf.flush_ms * WD_NS_PER_MS);

    if (b != NULL && (n >= STREAM_OBJECT_MAX || (idle && due))) {
        stream_seal(st);
    }
    if (!st->storing && !wd_list_empty(&st->sealed)
        && (now >= st->store_at || st->stopping)) {
        stream_store(st);
    }
}
