/*
 * ingestion_fetcher.c - the loop of a provider's thread.
 */
#include "ingestion_fetcher_int.h"

#include <stdlib.h>

#define JOIN_MS 3000


/* What is left of a window that nobody used; -1: no limit. */
static int64_t
whole(uint32_t limit)
{
    return limit != 0 ? (int64_t) limit : -1;
}


/* Of all keys together. */
static uint32_t
sum(uint32_t limit, size_t keys)
{
    return (uint32_t) wd_min((uint64_t) limit * keys, (uint64_t) UINT32_MAX);
}


/* With the lock held. */
static void
show_account(ingestion_fetcher_t *f)
{
    size_t                          i;
    const ingestion_conf_account_t *c = &f->account->c;
    uint32_t                        n = (uint32_t) f->account->n_keys;
    ingestion_fetcher_state_t      *s = &f->state;

    s->lacks = ingestion_lacks(f->p, c, NULL);
    s->configured = s->lacks == NULL;
    s->keys = f->p->key_param != NULL ? n : 0;
    s->n_ids = n;
    for (i = 0; i < n; i++) {
        memcpy(s->ids[i], f->account->keys[i].id, sizeof(s->ids[i]));
        f->left_day[i] = whole(c->per_day);
    }
    s->concurrency = c->concurrency;
    s->per_second = sum(c->per_second, n);
    s->per_minute = sum(c->per_minute, n);
    s->per_day = sum(c->per_day, n);
    s->left_second = whole(s->per_second);
    s->left_minute = whole(s->per_minute);
    s->left_day = whole(s->per_day);
    for (i = 0; i < f->p->n_datasets; i++) {
        s->endpoints[i].configured
            = ingestion_lacks(f->p, c, &f->p->datasets[i]) == NULL;
    }
}


/* What a key owes goes on under its new number. */
static void
move_debts(ingestion_fetcher_t *f, const ingestion_account_t *old)
{
    size_t  i, key;
    int64_t debt[INGESTION_KEYS_MAX] = {0};

    for (i = 0; old != NULL && i < old->n_keys; i++) {
        key = ingestion_account_find_key(f->account, old->keys[i].id);
        if (key < f->account->n_keys) {
            debt[key] = f->debt[i];
        }
    }
    memcpy(f->debt, debt, sizeof(debt));
}


/* What a request has not been made for yet, is asked with the new account. */
static void
adopt_all(ingestion_fetcher_t *f)
{
    wd_list_t          *at;
    ingestion_flight_t *fl;

    for (at = f->flights.next; at != &f->flights; at = at->next) {
        fl = wd_list_entry(at, ingestion_flight_t, link);
        if (fl->state == FLIGHT_READY || fl->state == FLIGHT_TURN
            || fl->state == FLIGHT_LATER) {
            ingestion_flight_adopt(fl);
        }
    }
}


/* A session that works is kept: a reload is mostly about collections. */
static bool
session_stays(const ingestion_fetcher_t *f, const ingestion_account_t *next)
{
    return f->account != NULL && !f->stopped && f->keeper.failures == 0
           && ingestion_account_logs_in_as(f->account, next);
}


/* The configuration of now, which is then the caller's; NULL: no other one. */
static ingestion_account_t *
next_account(ingestion_fetcher_t *f)
{
    ingestion_account_t *next;

    pthread_mutex_lock(&f->lock);
    next = f->next;
    f->next = NULL;
    pthread_mutex_unlock(&f->lock);
    return next;
}


/*
 * But for a session that stays, a new configuration is a new beginning. The
 * old session is given back, so that it is not in the way of the new one.
 */
static void
take_account(ingestion_fetcher_t *f)
{
    size_t               i;
    bool                 stays;
    ingestion_account_t *old = f->account, *next = next_account(f);

    if (next == NULL) {
        return;
    }
    stays = session_stays(f, next);
    if (!stays) {
        ingestion_keeper_revoke(f);
    }

    pthread_mutex_lock(&f->lock);
    f->account = next;
    show_account(f);
    pthread_mutex_unlock(&f->lock);

    move_debts(f, old);
    adopt_all(f);
    ingestion_account_release(old);
    f->stopped = false;
    f->skew = 0;
    f->outages = 0;
    memset(f->refused, 0, sizeof(f->refused));
    ingestion_breaker_success(&f->breaker);
    for (i = 0; i < f->p->n_datasets; i++) {
        ingestion_breaker_success(&f->endpoints[i].breaker);
    }
    if (!stays) {
        ingestion_keeper_reset(f);
    }
}


bool
ingestion_fetcher_in_session(const ingestion_fetcher_t *f)
{
    return !f->p->exclusive
           || (f->session != 0 && f->session == f->t.pg_number);
}


/* Where an account allows one session, one instance has it. */
static bool
has_session(ingestion_fetcher_t *f)
{
    int        rc;
    bool       held = false;
    wd_error_t err = {0};

    if (ingestion_fetcher_in_session(f)) {
        return true;
    }
    rc = ingestion_store_session_lock(f->t.pg, f->p->name, &held, &err);
    if (rc != WD_OK) {
        ingestion_thread_pg_failed(&f->t, rc, &err);
        return false;
    }
    f->session = held ? f->t.pg_number : 0;
    if (!held) {
        ingestion_fetcher_set_state(f, FETCHER_STANDBY, 0);
    }
    return held;
}


/* Nothing is asked for now: why, and for how long. 0: go on. */
static int64_t
held_up(ingestion_fetcher_t *f)
{
    int64_t                   ms;
    wd_ns_t                   now = wd_monotonic();
    ingestion_archive_state_t lake;

    if (!f->state.configured) {
        ingestion_fetcher_set_state(f, FETCHER_NOT_CONFIGURED, 0);
        return 60000;
    }
    if (f->stopped) {
        ingestion_fetcher_set_state(f, FETCHER_STOPPED, 0);
        return 60000;
    }
    if (ingestion_breaker_state(&f->breaker, now) == BREAKER_OPEN) {
        ms = (f->breaker.open_until - now) / WD_NS_PER_MS + 1;
        ingestion_fetcher_set_state(f, FETCHER_BREAKER_OPEN, ms);
        return ms;
    }
    if (f->keeper.failures != 0 && f->keeper.again_at > now) {
        ms = (f->keeper.again_at - now) / WD_NS_PER_MS + 1;
        ingestion_fetcher_set_state(f, FETCHER_LIMITED, ms);
        return ms;
    }
    ingestion_archive_state(f->in->archive, &lake);
    if (!lake.writable || lake.full) {
        ingestion_fetcher_set_state(f, FETCHER_STORAGE, INGESTION_STORAGE_MS);
        return INGESTION_STORAGE_MS;
    }
    return 0;
}


/* New jobs, or the wait for them in milliseconds. */
static int64_t
take_jobs(ingestion_fetcher_t *f)
{
    int64_t ms;

    ms = held_up(f);
    if (ms != 0) {
        return ms;
    }
    if (ingestion_thread_pg(&f->t) != WD_OK) {
        return INGESTION_FAILED_MS;
    }
    ingestion_fetcher_reap(f);
    if (f->t.pg == NULL) {
        return INGESTION_FAILED_MS;
    }
    if (!has_session(f)) {
        return INGESTION_IDLE_MS;
    }
    return ingestion_fetcher_claim(f);
}


/* Milliseconds until there may be more to do; 0: at once. */
static int64_t
step(ingestion_fetcher_t *f)
{
    int64_t ms, wait;

    take_account(f);
    ms = ingestion_keeper_tick(f);
    ingestion_fetcher_land(f);
    wait = ingestion_fetcher_write_down(f);
    ms = wd_min(ms, wait);
    ingestion_fetcher_renew(f);
    ingestion_fetcher_pay_debts(f);
    wait = take_jobs(f);
    ms = wd_min(ms, wait);
    wait = ingestion_fetcher_go_on(f);
    ingestion_fetcher_show(f);
    return wd_min(ms, wait);
}


static void *
fetcher_main(void *arg)
{
    int64_t              ms;
    ingestion_fetcher_t *f = arg;

    while (!ingestion_thread_stops(&f->t)) {
        ms = step(f);
        if (ms > 0) {
            ingestion_thread_wait(&f->t, ms);
        }
    }
    ingestion_fetcher_give_up(f);
    ingestion_thread_pg_close(&f->t);
    return NULL;
}


static void
init(ingestion_fetcher_t *f)
{
    size_t                  i;
    const ingestion_conf_t *conf = &f->in->conf;

    pthread_mutex_init(&f->lock, NULL);
    wd_list_init(&f->flights);
    wd_list_init(&f->landed);
    ingestion_keeper_init(&f->keeper);
    ingestion_retries_init(&f->retries, conf->retry_budget);
    ingestion_breaker_init(&f->breaker, conf->breaker_failures,
                           conf->breaker_open_ms);
    for (i = 0; i < INGESTION_DATASETS_MAX; i++) {
        ingestion_breaker_init(&f->endpoints[i].breaker, conf->breaker_failures,
                               conf->breaker_open_ms);
    }
    f->state.provider = f->p->name;
    f->state.health_name = f->p->health_name;
    f->state.state_name = "ok";
}


/* NULL without memory. */
static ingestion_account_t *
make_account(const ingestion_fetcher_t *f)
{
    ingestion_account_t *a;

    a = ingestion_account_create(&f->in->conf.accounts[f->index]);
    if (a != NULL && f->p->secret_app
        && ingestion_secrets_add(&a->secrets, wd_str_z(a->c.app)) != WD_OK) {
        ingestion_account_release(a);
        return NULL;
    }
    return a;
}


int
ingestion_fetcher_start(ingestion_t *in, size_t provider,
                        ingestion_fetcher_t **ret, wd_error_t *err)
{
    ingestion_fetcher_t *f;

    f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a fetcher");
    }
    *ret = f;
    f->in = in;
    f->index = provider;
    f->p = ingestion_providers[provider];
    init(f);
    f->next = make_account(f);
    if (f->next == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a fetcher");
    }
    take_account(f);
    ingestion_fetcher_show(f);
    return ingestion_thread_start(&f->t, in->conf.service.db.url, f->p->name,
                                  in->log, fetcher_main, f, err);
}


void
ingestion_fetcher_reload(ingestion_fetcher_t *f)
{
    ingestion_account_t *next, *unseen;

    next = make_account(f);
    if (next == NULL) {
        wd_log_warn(f->in->log, "no memory for the new account, the old stays",
                    "provider", f->p->name);
        return;
    }
    pthread_mutex_lock(&f->lock);
    unseen = f->next;
    f->next = next;
    pthread_mutex_unlock(&f->lock);
    ingestion_account_release(unseen);
    ingestion_thread_wake(&f->t);
}


void
ingestion_fetcher_ask_stop(ingestion_fetcher_t *f)
{
    if (f != NULL) {
        ingestion_thread_ask_stop(&f->t);
    }
}


void
ingestion_fetcher_join(ingestion_fetcher_t *f)
{
    if (f != NULL) {
        ingestion_thread_join(&f->t, JOIN_MS);
    }
}


void
ingestion_fetcher_destroy(ingestion_fetcher_t *f)
{
    if (f == NULL) {
        return;
    }
    ingestion_fetcher_join(f);
    ingestion_keeper_done(f);
    ingestion_account_release(f->next);
    ingestion_account_release(f->account);
    pthread_mutex_destroy(&f->lock);
    free(f);
}
