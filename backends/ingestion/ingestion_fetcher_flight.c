/*
 * ingestion_fetcher_flight.c - a flight's memory, its account, its turn.
 */
#include "ingestion_fetcher_int.h"

#include <sodium.h>
#include <stdlib.h>


ingestion_ask_t
ingestion_flight_ask(const ingestion_flight_t *fl)
{
    return (ingestion_ask_t){.provider = fl->f->p,
                             .account = fl->account,
                             .dataset = fl->dataset,
                             .args = &fl->job.args,
                             .page = fl->job.page,
                             .cursor = fl->job.cursor,
                             .key = fl->job.key,
                             .job = fl->job.id,
                             .created = fl->job.created,
                             .now = wd_now()};
}


ingestion_flight_t *
ingestion_flight_create(ingestion_fetcher_t *f, const ingestion_job_t *job)
{
    ingestion_flight_t *fl;

    fl = calloc(1, sizeof(*fl));
    if (fl == NULL) {
        return NULL;
    }
    fl->f = f;
    fl->account = ingestion_account_ref(f->account);
    fl->job = *job;
    fl->dataset = ingestion_dataset_by_name(f->p, wd_str_z(job->dataset));
    if (fl->dataset != NULL) {
        fl->endpoint = &f->endpoints[fl->dataset - f->p->datasets];
        fl->endpoint->inflight++;
    }
    ingestion_question_init(&fl->q);
    wd_http_res_init(&fl->call.res);
    wd_list_init(&fl->landing);
    wd_list_push_back(&f->flights, &fl->link);
    f->n_flights++;
    return fl;
}


void
ingestion_flight_clear(ingestion_flight_t *fl)
{
    ingestion_question_done(&fl->q);
    ingestion_question_init(&fl->q);
    if (fl->secret_header != NULL) {
        sodium_memzero(fl->secret_header, strlen(fl->secret_header));
        free(fl->secret_header);
        fl->secret_header = NULL;
    }
}


void
ingestion_flight_destroy(ingestion_flight_t *fl)
{
    wd_list_remove(&fl->link);
    fl->f->n_flights--;
    if (fl->endpoint != NULL) {
        fl->endpoint->inflight--;
    }
    ingestion_flight_clear(fl);
    wd_http_res_done(&fl->call.res);
    ingestion_account_release(fl->account);
    free(fl);
}


bool
ingestion_flight_connects(const ingestion_flight_t *fl)
{
    return fl->state == FLIGHT_READY
           || (fl->state == FLIGHT_ASKED && !ingestion_net_sent(&fl->call));
}


/* An answer may be large, and the wait for the next one long. */
static void
forget_answer(ingestion_flight_t *fl)
{
    wd_http_res_done(&fl->call.res);
    wd_http_res_init(&fl->call.res);
}


void
ingestion_flight_adopt(ingestion_flight_t *fl)
{
    size_t               key;
    ingestion_account_t *old = fl->account, *new = fl->f->account;

    if (old == new) {
        return;
    }
    key = ingestion_account_find_key(new, old->keys[fl->job.key].id);
    fl->account = ingestion_account_ref(new);
    fl->job.key = key < new->n_keys ? key : 0;
    if (fl->state == FLIGHT_READY && key == new->n_keys) {
        ingestion_flight_wait_turn(fl); /* its call was of another key */
    }
    ingestion_flight_clear(fl);
    ingestion_account_release(old);
}


void
ingestion_flight_wait_turn(ingestion_flight_t *fl)
{
    forget_answer(fl);
    fl->state = FLIGHT_TURN;
    fl->at = wd_monotonic();
    fl->until = fl->at + INGESTION_PATIENCE_MS * WD_NS_PER_MS;
    ingestion_flight_adopt(fl);
}


void
ingestion_flight_lose(ingestion_flight_t *fl)
{
    if (fl->state == FLIGHT_ASKED) {
        fl->lost = true;
        ingestion_net_cancel(fl->f->in->net, &fl->call);
        return;
    }
    wd_log_warn(fl->f->in->log, "job was taken over, it is let go", "provider",
                fl->f->p->name, "job", fl->job.id);
    ingestion_flight_destroy(fl);
}
