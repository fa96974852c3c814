/*
 * ingestion_fetcher_token.c - the account's token: asked for when something
 * needs it, one request at a time, renewed before it ends.
 */
#include "ingestion_fetcher_request.h"

#include "wd_metrics.h"

#include <sodium.h>
#include <stdlib.h>

#define MARGIN_NS (2 * WD_NS_PER_S) /* a request takes time, too */
#define REVOKE_NS WD_NS_PER_S
#define REVOKE_LOOK_MS 100
#define LIFE_MAX_S (7 * 86400)
#define BORROWED_NS (60 * WD_NS_PER_S) /* wanted so lately: kept fresh */


void
ingestion_keeper_init(ingestion_keeper_t *k)
{
    memset(k, 0, sizeof(*k));
    ingestion_question_init(&k->q);
    wd_http_res_init(&k->call.res);
}


/* Its copy for borrowers; NULL: there is none. */
static void
lend(ingestion_fetcher_t *f)
{
    const char *token = f->keeper.token.access;

    pthread_mutex_lock(&f->lock);
    if (f->lent != NULL) {
        sodium_memzero(f->lent, strlen(f->lent));
        free(f->lent);
    }
    f->lent = token != NULL ? strdup(token) : NULL;
    f->lent_generation = f->keeper.generation;
    f->lent_until = f->keeper.ends_at;
    pthread_mutex_unlock(&f->lock);
}


void
ingestion_keeper_done(ingestion_fetcher_t *f)
{
    ingestion_keeper_t *k = &f->keeper;

    ingestion_token_done(&k->token);
    ingestion_question_done(&k->q);
    wd_http_res_done(&k->call.res);
    ingestion_account_release(k->account);
    k->account = NULL;
    lend(f);
}


bool
ingestion_keeper_busy(const ingestion_fetcher_t *f)
{
    return f->keeper.asking;
}


static void
drop_access(ingestion_fetcher_t *f)
{
    ingestion_keeper_t *k = &f->keeper;

    if (k->token.access != NULL) {
        sodium_memzero(k->token.access, strlen(k->token.access));
        free(k->token.access);
        k->token.access = NULL;
        lend(f);
    }
}


void
ingestion_keeper_void(ingestion_fetcher_t *f, unsigned generation)
{
    if (f->keeper.generation == generation) {
        drop_access(f);
    }
}


void
ingestion_keeper_reset(ingestion_fetcher_t *f)
{
    ingestion_token_done(&f->keeper.token);
    f->keeper.failures = 0;
    f->keeper.again_at = 0;
    f->keeper.generation++; /* an answer on its way is of the old account */
    if (f->keeper.asking) {
        ingestion_net_cancel(f->in->net, &f->keeper.call);
    }
    lend(f);
}


/* Net thread. */
static void
on_done(ingestion_call_t *call)
{
    ingestion_fetcher_t *f = call->arg;

    /* Woken with the lock held: once it is free, f may be gone. */
    pthread_mutex_lock(&f->lock);
    f->token_landed = true;
    ingestion_thread_wake(&f->t);
    pthread_mutex_unlock(&f->lock);
}


static void
failed(ingestion_fetcher_t *f, const wd_answer_t *why, int64_t wait_s)
{
    int64_t             ms;
    ingestion_keeper_t *k = &f->keeper;

    k->failures++;
    k->why = *why;
    wait_s = wd_min(wait_s, (int64_t) INGESTION_WAIT_MAX_S);
    /* A refused refresh token is not tried again: who asks proves himself. */
    ingestion_token_done(&k->token);
    lend(f);
    ms = ingestion_backoff_ms(f->in->conf.retry_ms, (int) k->failures,
                              wait_s * 1000, randombytes_random());
    k->again_at = wd_monotonic() + ms * WD_NS_PER_MS;
    wd_log_warn(f->in->log, "no token", "provider", f->p->name, "class",
                wd_answer_name(why->class), "reason", why->text);
    if (why->class == WD_ANSWER_AUTH && !k->refreshing) {
        f->stopped = true;
        ingestion_fetcher_set_state(f, FETCHER_STOPPED, 0);
    }
}


static void
take_token(ingestion_fetcher_t *f, ingestion_token_t *token)
{
    wd_ns_t             life, now = wd_monotonic();
    ingestion_keeper_t *k = &f->keeper;

    ingestion_token_done(&k->token);
    k->token = *token;
    k->generation++;
    k->failures = 0;
    life = wd_min(wd_max(token->life_s, (int64_t) 1), (int64_t) LIFE_MAX_S)
           * WD_NS_PER_S;
    k->ends_at = now + life - wd_min(MARGIN_NS, life / 4);
    k->renew_at = now + life / 5 * 4;
    lend(f);
    wd_log_info(f->in->log, "token granted", "provider", f->p->name, "seconds",
                life / WD_NS_PER_S);
}


/* The provider may say back what it was asked with. */
static void
hide_secrets(const ingestion_keeper_t *k, wd_answer_t *why)
{
    size_t              len = strlen(why->text);
    ingestion_secrets_t refresh = {NULL, 0};

    ingestion_secrets_hide(&k->account->secrets, why->text, len);
    if (ingestion_secrets_add(&refresh, wd_str_z(k->token.refresh)) == WD_OK) {
        ingestion_secrets_hide(&refresh, why->text, len);
    } else {
        why->text[0] = '\0';
    }
    ingestion_secrets_done(&refresh);
}


static void
count_call(const ingestion_fetcher_t *f, const wd_answer_t *why)
{
    wd_metric(WD_MX_EXTERNAL_CALLS, 1, f->p->name, "token",
              wd_answer_name(why->class));
}


static void
judge(ingestion_fetcher_t *f, unsigned asked_for)
{
    int                 rc = WD_OK;
    int64_t             wait_s = 0;
    wd_answer_t         why = {.class = WD_ANSWER_UPSTREAM};
    ingestion_keeper_t *k = &f->keeper;
    ingestion_token_t   token = {0};

    if (k->call.rc == WD_OK) {
        rc = f->p->granted(wd_buf_view(&k->call.res.body), &token, &why);
        wait_s = wd_max(wd_max(k->call.res.retry_after_s, 0), why.wait_s);
    } else {
        wd_answer_set(&why, WD_ANSWER_UPSTREAM, k->call.err.text);
    }
    if (asked_for != k->generation || k->call.rc == WD_ECANCELED) {
        ingestion_token_done(&token);
        return;
    }
    count_call(f, &why);
    if (rc == WD_OK && why.class == WD_ANSWER_OK) {
        take_token(f, &token);
    } else {
        ingestion_token_done(&token);
        hide_secrets(k, &why);
        failed(f, &why, wait_s);
    }
}


static void
land(ingestion_fetcher_t *f)
{
    bool                landed;
    wd_buf_t           *body;
    ingestion_keeper_t *k = &f->keeper;

    pthread_mutex_lock(&f->lock);
    landed = f->token_landed;
    f->token_landed = false;
    pthread_mutex_unlock(&f->lock);
    if (!landed) {
        return;
    }
    k->asking = false;
    judge(f, k->asked_for);
    body = &k->call.res.body;
    if (body->data != NULL) {
        sodium_memzero(body->data, body->cap);
    }
    ingestion_question_done(&k->q);
    ingestion_account_release(k->account);
    k->account = NULL;
}


static void
ask(ingestion_fetcher_t *f)
{
    int                 rc;
    char               *secret = NULL;
    ingestion_keeper_t *k = &f->keeper;

    ingestion_question_done(&k->q);
    ingestion_question_init(&k->q);
    k->refreshing = k->token.refresh != NULL;
    rc = f->p->grant(f->account, &k->token, &k->q);
    if (rc == WD_OK) {
        k->account = ingestion_account_ref(f->account);
        rc = ingestion_request_make(f, k->account, &k->q, NULL, k->headers, 0,
                                    &secret, &k->call);
    }
    free(secret); /* without a token nothing is signed */
    if (rc != WD_OK) {
        wd_answer_t why = {.class = WD_ANSWER_BAD_REQUEST,
                           .text = "The request cannot be made"};

        ingestion_account_release(k->account);
        k->account = NULL;
        failed(f, &why, 0);
        return;
    }
    k->asking = true;
    k->asked_for = k->generation;
    k->call.done = on_done;
    k->call.arg = f;
    ingestion_net_ask(f->in->net, &k->call);
}


/* What borrowers said. */
static bool
wanted(ingestion_fetcher_t *f)
{
    bool     yes;
    unsigned refused;

    pthread_mutex_lock(&f->lock);
    refused = f->lent_refused;
    f->lent_refused = 0;
    yes = f->borrowed != 0 && wd_monotonic() - f->borrowed < BORROWED_NS;
    pthread_mutex_unlock(&f->lock);
    if (refused != 0) {
        ingestion_keeper_void(f, refused);
    }
    return yes;
}


/* Whatever the answer is, nothing follows from it. */
static void
wait_revoked(ingestion_fetcher_t *f)
{
    wd_ns_t             until = wd_monotonic() + REVOKE_NS;
    ingestion_keeper_t *k = &f->keeper;

    while (k->asking && wd_monotonic() < until) {
        ingestion_thread_wait_woken(&f->t, REVOKE_LOOK_MS);
        land(f);
    }
    if (k->asking) {
        ingestion_net_cancel(f->in->net, &k->call);
    }
    while (k->asking) {
        ingestion_thread_wait_woken(&f->t, REVOKE_LOOK_MS);
        land(f);
    }
}


void
ingestion_keeper_revoke(ingestion_fetcher_t *f)
{
    int                 rc;
    char               *secret = NULL;
    wd_buf_t            header = WD_BUF_INIT;
    ingestion_keeper_t *k = &f->keeper;

    if (f->p->revoke == NULL || k->token.access == NULL || k->asking) {
        return;
    }
    ingestion_question_done(&k->q);
    ingestion_question_init(&k->q);
    rc = f->p->revoke(f->account, k->token.access, &k->q, &header);
    if (rc == WD_OK) {
        k->account = ingestion_account_ref(f->account);
        k->headers[0] = wd_buf_cstr(&header);
        rc = ingestion_request_make(f, k->account, &k->q, NULL, k->headers, 1,
                                    &secret, &k->call);
    }
    free(secret); /* without a token nothing is signed */
    if (rc == WD_OK) {
        k->asking = true;
        k->asked_for = k->generation - 1; /* its answer is no token */
        k->call.done = on_done;
        k->call.arg = f;
        ingestion_net_ask(f->in->net, &k->call);
        wait_revoked(f);
    }
    ingestion_token_done(&k->token);
    if (header.data != NULL) {
        sodium_memzero(header.data, header.cap);
    }
    wd_buf_done(&header);
}


static bool
may_ask(const ingestion_fetcher_t *f)
{
    return !f->keeper.asking && !f->stopped && ingestion_fetcher_in_session(f)
           && wd_monotonic() >= f->keeper.again_at
           && !ingestion_thread_stops(&f->t);
}


int64_t
ingestion_keeper_tick(ingestion_fetcher_t *f)
{
    wd_ns_t             now = wd_monotonic();
    ingestion_keeper_t *k = &f->keeper;

    land(f);
    if (k->token.access != NULL && now >= k->ends_at) {
        drop_access(f);
    }
    if (wanted(f) && may_ask(f) && f->p->needs_token != NULL
        && f->p->needs_token(f->account)
        && (k->token.access == NULL || now >= k->renew_at)) {
        ask(f);
    }
    return k->token.access != NULL && k->ends_at > now
               ? (k->ends_at - now) / WD_NS_PER_MS + 1
               : INGESTION_IDLE_MS;
}


const char *
ingestion_keeper_token(ingestion_fetcher_t *f)
{
    ingestion_keeper_t *k = &f->keeper;
    wd_ns_t             now = wd_monotonic();

    if (may_ask(f) && (k->token.access == NULL || now >= k->renew_at)) {
        ask(f);
    }
    return k->token.access != NULL && now < k->ends_at ? k->token.access : NULL;
}


int
ingestion_fetcher_borrow_token(ingestion_fetcher_t *f, char *out, size_t cap,
                               wd_ns_t *ret_life, unsigned *ret_generation)
{
    int rc = WD_EAGAIN;

    pthread_mutex_lock(&f->lock);
    f->borrowed = wd_monotonic();
    if (f->lent != NULL && strlen(f->lent) < cap
        && f->lent_until > f->borrowed) {
        wd_str_copy(out, cap, wd_str_z(f->lent));
        *ret_life = f->lent_until - f->borrowed;
        *ret_generation = f->lent_generation;
        rc = WD_OK;
    }
    pthread_mutex_unlock(&f->lock);
    if (rc != WD_OK) {
        ingestion_thread_wake(&f->t);
    }
    return rc;
}


void
ingestion_fetcher_refuse_token(ingestion_fetcher_t *f, unsigned generation)
{
    pthread_mutex_lock(&f->lock);
    f->lent_refused = generation;
    pthread_mutex_unlock(&f->lock);
    ingestion_thread_wake(&f->t);
}


bool
ingestion_fetcher_may_talk(ingestion_fetcher_t *f)
{
    bool yes;

    pthread_mutex_lock(&f->lock);
    yes = f->state.configured && f->state.state != FETCHER_STOPPED
          && f->state.state != FETCHER_STANDBY;
    pthread_mutex_unlock(&f->lock);
    return yes;
}
