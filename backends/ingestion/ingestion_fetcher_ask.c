/*
 * ingestion_fetcher_ask.c - flights that wait go on: their questions are put
 * to the provider.
 */
#include "ingestion_fetcher_request.h"

#include <stdio.h>


/* Net thread. */
static void
on_done(ingestion_call_t *call)
{
    ingestion_flight_t  *fl = call->arg;
    ingestion_fetcher_t *f = fl->f;

    /* Woken with the lock held: once it is free, f may be gone. */
    pthread_mutex_lock(&f->lock);
    wd_list_push_back(&f->landed, &fl->landing);
    ingestion_thread_wake(&f->t);
    pthread_mutex_unlock(&f->lock);
}


/* The canonical JSON of what is asked: the name of the answer in the lake. */
static int
name_question(ingestion_flight_t *fl)
{
    int      rc;
    wd_buf_t args;

    wd_buf_init(&args, sizeof(fl->args) - 1);
    ingestion_args_json(&fl->job.args, fl->dataset->paged ? fl->job.page : 0,
                        (int) fl->account->c.per_page, &args);
    rc = args.err;
    wd_str_copy(fl->args, sizeof(fl->args), wd_buf_view(&args));
    wd_buf_done(&args);
    return rc;
}


/*
 * What is known of the last answer goes along, so that an equal one need not
 * be sent. Headers of it in fl->headers: their number. To a POST, such a
 * condition would be one of another meaning.
 */
static size_t
conditions(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    int         rc;
    size_t      n = 0;
    wd_error_t  err = {0};
    const char *name[2] = {"If-None-Match", "If-Modified-Since"};
    const char *value[2] = {fl->fresh.etag, fl->fresh.modified};

    memset(&fl->fresh, 0, sizeof(fl->fresh));
    if (fl->job.page != 1 || fl->job.cursor[0] != '\0' || fl->q.post
        || ingestion_thread_pg(&f->t) != WD_OK) {
        return 0;
    }
    rc = ingestion_store_fresh(f->t.pg, f->p->name, fl->dataset->name, fl->args,
                               &fl->fresh, &err);
    if (rc != WD_OK) {
        if (rc != WD_ENOTFOUND) {
            ingestion_thread_pg_failed(&f->t, rc, &err);
        }
        memset(&fl->fresh, 0, sizeof(fl->fresh));
        return 0;
    }
    if (!ingestion_archive_has(f->in->archive, f->p->name, fl->dataset->name,
                               fl->args, fl->fresh.sha256)) {
        memset(&fl->fresh, 0, sizeof(fl->fresh)); /* the lake was lost */
        return 0;
    }
    for (size_t i = 0; i < 2; i++) {
        if (value[i][0] != '\0') {
            snprintf(fl->condition[n], sizeof(fl->condition[n]), "%s: %s",
                     name[i], value[i]);
            fl->headers[n] = fl->condition[n];
            n++;
        }
    }
    if (n == 0) {
        memset(&fl->fresh, 0, sizeof(fl->fresh));
    }
    return n;
}


/* Neither a token nor a request for one: another time. */
static void
no_token(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    ingestion_keeper_t *k = &f->keeper;
    ingestion_result_t  r = {
         .outcome = OUTCOME_AGAIN,
         .answered = k->failures != 0,
         .refund = true,
         .class = k->failures != 0 ? wd_answer_name(k->why.class) : NULL,
         .text = k->why.text};

    r.delay_ms = wd_max((k->again_at - wd_monotonic()) / WD_NS_PER_MS,
                        (int64_t) 0);
    ingestion_fetcher_end(f, fl, &r);
}


/* The net gets it, or the flight waits or is gone: 0, or milliseconds. */
static int64_t
ask(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    int             rc;
    wd_error_t      err = {0};
    const char     *token = NULL;
    ingestion_ask_t a = ingestion_flight_ask(fl);

    if (f->p->needs_token != NULL && f->p->needs_token(fl->account)) {
        token = ingestion_keeper_token(f);
        if (token == NULL && ingestion_keeper_busy(f)) {
            return INGESTION_IDLE_MS; /* still READY */
        }
        if (token == NULL) {
            no_token(f, fl);
            return 0;
        }
        fl->generation = f->keeper.generation;
    }

    ingestion_flight_clear(fl);
    rc = name_question(fl);
    if (rc == WD_OK) {
        rc = f->p->question(&a, &fl->q, &err);
    }
    if (rc == WD_OK) {
        ingestion_url_add_key(&a, &fl->q.url);
        rc = ingestion_request_make(f, fl->account, &fl->q, token, fl->headers,
                                    conditions(f, fl), &fl->secret_header,
                                    &fl->call);
    }
    switch (rc) {
    case WD_OK:
        fl->state = FLIGHT_ASKED;
        fl->call.done = on_done;
        fl->call.arg = fl;
        ingestion_net_ask(f->in->net, &fl->call);
        return 0;
    case WD_ENOMEM:
        ingestion_fetcher_give_back(f, fl, f->in->conf.retry_ms, NULL, NULL);
        return 0;
    case WD_EFORBIDDEN:
        wd_error(&err, rc, "The provider named a host that is not allowed");
        break;
    case WD_ECONFIG:
        wd_error(&err, rc, "The account's secret is not one of this provider");
        break;
    default:
        break;
    }
    ingestion_fetcher_finish(f, fl, OUTCOME_FAILED, WD_ANSWER_BAD_REQUEST,
                             err.text);
    return 0;
}


/* Milliseconds for which nothing of this kind is asked; 0: it may be. */
static int64_t
barred(const ingestion_fetcher_t *f, const ingestion_flight_t *fl)
{
    wd_ns_t until = 0, now = wd_monotonic();

    if (f->stopped || !ingestion_fetcher_in_session(f)
        || ingestion_lacks(f->p, &f->account->c, fl->dataset) != NULL) {
        return f->in->conf.retry_ms;
    }
    if (ingestion_breaker_state(&f->breaker, now) == BREAKER_OPEN) {
        until = f->breaker.open_until;
    }
    if (ingestion_breaker_state(&fl->endpoint->breaker, now) == BREAKER_OPEN) {
        until = wd_max(until, fl->endpoint->breaker.open_until);
    }
    return until != 0 ? (until - now) / WD_NS_PER_MS + 1 : 0;
}


/* The quota has nothing for *f before this time; 0: that is not known. */
typedef struct {
    wd_ns_t until;
} ingestion_drought_t;


/* Milliseconds until the flight can go on; 0: it has. */
static int64_t
wait_turn(ingestion_fetcher_t *f, ingestion_flight_t *fl,
          ingestion_drought_t *drought)
{
    int64_t ms = 0;
    wd_ns_t now = wd_monotonic();

    if (now < fl->at) {
        return (fl->at - now) / WD_NS_PER_MS + 1;
    }
    if (fl->state == FLIGHT_LATER) {
        fl->state = FLIGHT_TURN;
        fl->until = now + INGESTION_PATIENCE_MS * WD_NS_PER_MS;
    }
    if (drought->until > now) { /* what one was told, holds for all */
        ms = (drought->until - now) / WD_NS_PER_MS + 1;
    } else if (ingestion_fetcher_turn(f, fl, &ms) == WD_OK) {
        fl->state = FLIGHT_READY;
        return ask(f, fl);
    }
    fl->at = drought->until = now + ms * WD_NS_PER_MS;
    if (fl->at > fl->until) {
        ingestion_fetcher_give_back(f, fl, ms, "limit_short",
                                    "Waiting for the quota");
        return 0;
    }
    return ms;
}


/* The same of any flight that has something to ask. */
static int64_t
go_on(ingestion_fetcher_t *f, ingestion_flight_t *fl,
      ingestion_drought_t *drought)
{
    int64_t ms = barred(f, fl);

    if (ms != 0) {
        ingestion_fetcher_give_back(f, fl, ms, NULL,
                                    "The provider is left alone for a while");
        return 0;
    }
    if (fl->state == FLIGHT_READY && f->refused[fl->job.key]) {
        ingestion_flight_wait_turn(fl);
    }
    return fl->state == FLIGHT_READY ? ask(f, fl) : wait_turn(f, fl, drought);
}


int64_t
ingestion_fetcher_go_on(ingestion_fetcher_t *f)
{
    int64_t             ms = INGESTION_IDLE_MS, wait;
    wd_list_t          *at, *next;
    ingestion_flight_t *fl;
    ingestion_drought_t drought = {0};

    for (at = f->flights.next; at != &f->flights; at = next) {
        next = at->next;
        fl = wd_list_entry(at, ingestion_flight_t, link);
        if (fl->state == FLIGHT_READY || fl->state == FLIGHT_TURN
            || fl->state == FLIGHT_LATER) {
            wait = go_on(f, fl, &drought);
            ms = wait > 0 ? wd_min(ms, wait) : ms;
        }
    }
    return ms;
}
