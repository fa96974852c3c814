/*
 * ingestion_stream_state.c - how a stream is: for other threads, for status
 * and metrics.
 */
#include "ingestion_stream_int.h"

#include "wd_metrics.h"

static const char *const stream_phases[] = {
    [INGESTION_STREAM_IDLE] = "idle",
    [INGESTION_STREAM_TOKEN] = "token",
    [INGESTION_STREAM_DISCOVERING] = "discovering",
    [INGESTION_STREAM_CONNECTING] = "connecting",
    [INGESTION_STREAM_LOGIN] = "login",
    [INGESTION_STREAM_UP] = "up",
    [INGESTION_STREAM_WAITING] = "waiting",
    [INGESTION_STREAM_FULL] = "full",
    [INGESTION_STREAM_STOPPING] = "stopping",
    [INGESTION_STREAM_STOPPED] = "stopped",
};


const char *
ingestion_stream_phase_name(ingestion_stream_phase_e phase)
{
    return stream_phases[phase];
}


static void
stream_metrics(const ingestion_stream_t *st, uint64_t messages)
{
    size_t                         i;
    const char                    *provider = st->conf.provider;
    const ingestion_lseg_counts_t *c = &st->now.session;

    const struct {
        const char *state;
        size_t      n;
    } items[] = {
        {"open", c->open},   {"suspect", c->suspect}, {"closed", c->closed},
        {"asked", c->asked}, {"waiting", c->waiting},
    };

    for (i = 0; i < wd_array_len(items); i++) {
        wd_metric(WD_MX_STREAM_ITEMS, (double) items[i].n, provider,
                  items[i].state, NULL);
    }
    wd_metric(WD_MX_STREAM_BACKLOG, (double) st->now.backlog, provider, NULL,
              NULL);
    if (messages != 0) {
        wd_metric(WD_MX_STREAM_MESSAGES, (double) messages, provider, NULL,
                  NULL);
    }
}


void
stream_show(ingestion_stream_t *st)
{
    uint64_t before = st->now.session.messages;

    ingestion_lseg_session_counts(st->session, &st->now.session);
    st->now.n_troubles = ingestion_lseg_session_troubles(
        st->session, st->now.troubles, INGESTION_STREAM_TROUBLES);
    st->now.backlog = stream_backlog(st);
    stream_metrics(st, st->now.session.messages - before);
    pthread_mutex_lock(&st->lock);
    st->shown = st->now;
    pthread_mutex_unlock(&st->lock);
}


void
ingestion_stream_state(ingestion_stream_t *st, ingestion_stream_state_t *ret)
{
    pthread_mutex_lock(&st->lock);
    *ret = st->shown;
    pthread_mutex_unlock(&st->lock);
}


static void
stream_json_time(wd_json_t *j, const char *key, wd_ns_t t)
{
    wd_json_key(j, key);
    t == 0 ? wd_json_null(j) : wd_json_time(j, t);
}


static void
stream_json_count(wd_json_t *j, const char *key, uint64_t n)
{
    wd_json_key(j, key);
    wd_json_int(j, (int64_t) n);
}


static void
stream_json_items(const ingestion_stream_state_t *s, wd_json_t *j)
{
    size_t i;

    wd_json_key(j, "items");
    wd_json_obj(j);
    stream_json_count(j, "open", s->session.open);
    stream_json_count(j, "suspect", s->session.suspect);
    stream_json_count(j, "closed", s->session.closed);
    stream_json_count(j, "asked", s->session.asked);
    stream_json_count(j, "waiting", s->session.waiting);
    wd_json_end(j);
    wd_json_key(j, "troubles");
    wd_json_arr(j);
    for (i = 0; i < s->n_troubles; i++) {
        wd_json_obj(j);
        wd_json_key(j, "symbol");
        wd_json_z(j, s->troubles[i].ric);
        wd_json_key(j, "class");
        wd_json_z(j, wd_answer_name(s->troubles[i].class));
        wd_json_key(j, "text");
        wd_json_z(j, s->troubles[i].text);
        wd_json_end(j);
    }
    wd_json_end(j);
}


void
ingestion_stream_json(const ingestion_stream_state_t *s, wd_json_t *j)
{
    wd_json_key(j, "phase");
    wd_json_z(j, ingestion_stream_phase_name(s->phase));
    stream_json_time(j, "since", s->since);
    stream_json_time(j, "connected_at", s->connected_at);
    stream_json_time(j, "last_message", s->last_message);
    wd_json_key(j, "host");
    s->host[0] == '\0' ? wd_json_null(j) : wd_json_z(j, s->host);
    stream_json_items(s, j);
    stream_json_count(j, "messages", s->session.messages);
    stream_json_count(j, "quotes", s->quotes);
    stream_json_count(j, "trades", s->trades);
    stream_json_count(j, "connections", s->connections);
    stream_json_count(j, "objects", s->objects);
    stream_json_count(j, "backlog_bytes", s->backlog);
    wd_json_key(j, "paused");
    wd_json_bool(j, s->paused);
    wd_json_key(j, "storing");
    wd_json_bool(j, !s->lake_failing);
    wd_json_key(j, "last_error");
    if (s->error_code == WD_OK) {
        wd_json_null(j);
        return;
    }
    wd_json_obj(j);
    wd_json_key(j, "text");
    wd_json_z(j, s->error);
    stream_json_time(j, "at", s->error_at);
    wd_json_end(j);
}
