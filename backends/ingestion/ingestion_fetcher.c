/*
 * ingestion_fetcher.c - the loop of a provider's thread.
 */
#include "ingestion_fetcher.h"

#include "ingestion_breaker.h"
#include "ingestion_publisher.h"
#include "ingestion_store.h"
#include "ingestion_wait.h"

#include "wd_metrics.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_MS 1000 /* a job whose wait is over is seen this late */
#define FAILED_MS 500
#define STORAGE_MS 2000
#define REAP_NS (5 * WD_NS_PER_S)
#define JOIN_MS 3000
#define TURN_MS 5000 /* a page waits so long for the quota, then the job does */
#define WAIT_MAX_S 86400

struct ingestion_fetcher {
    ingestion_thread_t          t;
    ingestion_t                *in;
    const ingestion_provider_t *p;
    size_t                      index;

    pthread_mutex_t           lock; /* next three */
    ingestion_account_t       next; /* account of the configuration */
    uint32_t                  generation;
    ingestion_fetcher_state_t state;

    /* The thread's own. */
    ingestion_account_t account;
    uint32_t            generation_used;
    wd_http_t          *http;
    ingestion_breaker_t breaker;
    bool                stopped; /* the key was refused */
    int64_t             debt; /* calls that the database does not know */
    wd_ns_t             last_call;
    wd_ns_t             reaped;
};

/* One page of a job on its way. */
typedef struct {
    ingestion_job_t           *job;
    const ingestion_dataset_t *dataset;
    int                        page; /* 0: no pages */
    wd_http_res_t              res;
    ingestion_verdict_t        v;
    bool                       archived;
    ingestion_archived_t       object;
    char                       last_sha256[65]; /* of the page before */
    char                       args[INGESTION_ARGS_JSON_MAX + 64];
} page_t;


static void
account_done(ingestion_account_t *a)
{
    free(a->url);
    if (a->key != NULL) {
        sodium_memzero(a->key, strlen(a->key));
    }
    free(a->key);
    memset(a, 0, sizeof(*a));
}


static void
account_copy(ingestion_account_t *to, const ingestion_account_t *from)
{
    account_done(to);
    *to = *from;
    to->url = from->url != NULL ? strdup(from->url) : NULL;
    to->key = from->key != NULL ? strdup(from->key) : NULL;
}


static void
set_state(ingestion_fetcher_t *f, ingestion_fetcher_e state, int64_t wait_ms)
{
    static const char *const names[] = {
#define FETCHER_STATE(id, name) name,
        FETCHER_STATE_TABLE(FETCHER_STATE)
#undef FETCHER_STATE
    };
    bool new;

    pthread_mutex_lock(&f->lock);
    new = f->state.state != state;
    f->state.state = state;
    f->state.state_name = names[state];
    f->state.until =
        wait_ms > 0 ? wd_now() + wait_ms * WD_NS_PER_MS : 0;
    f->state.failures = f->breaker.failures;
    pthread_mutex_unlock(&f->lock);

    if (new) {
        wd_log_info(f->in->log, "provider state", "provider", f->p->name,
                    "state", names[state]);
    }
}


static void
set_job(ingestion_fetcher_t *f, int64_t id)
{
    pthread_mutex_lock(&f->lock);
    f->state.job = id;
    pthread_mutex_unlock(&f->lock);
}


static void
tell_quota(ingestion_fetcher_t *f, const char *window, int64_t left)
{
    if (left >= 0) {
        wd_metric(WD_MX_PROVIDER_QUOTA, (double) left, f->p->name, window,
                  NULL);
    }
}


static void
set_quota(ingestion_fetcher_t *f, const ingestion_take_t *take)
{
    pthread_mutex_lock(&f->lock);
    f->state.left_second = take->left_second;
    f->state.left_minute = take->left_minute;
    f->state.left_day = take->left_day;
    pthread_mutex_unlock(&f->lock);

    tell_quota(f, "second", take->left_second);
    tell_quota(f, "minute", take->left_minute);
    tell_quota(f, "day", take->left_day);
}


static void
limited(ingestion_fetcher_t *f, const ingestion_take_t *take)
{
    bool day = strcmp(take->reason, "day") == 0
               || strcmp(take->reason, "limit_long") == 0;

    set_state(f, day ? FETCHER_PARKED : FETCHER_LIMITED, take->wait_ms);
}


/* What is left of a window that nobody used; -1: no limit. */
static int64_t
whole(uint32_t limit)
{
    return limit != 0 ? (int64_t) limit : -1;
}


/* A new configuration is a new beginning. */
static void
take_account(ingestion_fetcher_t *f)
{
    bool configured;

    pthread_mutex_lock(&f->lock);
    if (f->generation_used != f->generation) {
        account_copy(&f->account, &f->next);
        f->generation_used = f->generation;
        f->stopped = false;
        ingestion_breaker_success(&f->breaker);
        configured = ingestion_configured(f->p, &f->account);
        f->state.configured = configured;
        f->state.per_second = f->account.per_second;
        f->state.per_minute = f->account.per_minute;
        f->state.per_day = f->account.per_day;
        f->state.left_second = whole(f->account.per_second);
        f->state.left_minute = whole(f->account.per_minute);
        f->state.left_day = whole(f->account.per_day);
    }
    pthread_mutex_unlock(&f->lock);
}


/*
 * Without the database: as slow as the limits allow when nobody else calls,
 * and no more in the day than were left. The calls are added to the shared
 * count later.
 */
static int64_t
local_turn_ms(ingestion_fetcher_t *f)
{
    int64_t                    ms = 0, since;
    const ingestion_account_t *a = &f->account;

    if (a->per_second != 0) {
        ms = 1000 / a->per_second + 1;
    }
    if (a->per_minute != 0) {
        ms = wd_max(ms, (int64_t) 60000 / a->per_minute + 1);
    }
    since = (wd_monotonic() - f->last_call) / WD_NS_PER_MS;
    ms = f->last_call != 0 && since < ms ? ms - since : 0;
    if (a->per_day != 0 && f->state.left_day <= f->debt) {
        ms = 60000;
    }
    return ms;
}


/* WD_OK: ask. WD_ELIMIT: after *ret_ms. */
static int
take_turn(ingestion_fetcher_t *f, int64_t *ret_ms)
{
    int              rc;
    wd_error_t       err = {0};
    ingestion_take_t take;

    rc = ingestion_thread_pg(&f->t);
    if (rc == WD_OK) {
        rc = ingestion_store_take(f->t.pg, f->p->name, &f->account, f->debt,
                                  &take, &err);
        if (rc != WD_OK) {
            ingestion_thread_pg_failed(&f->t, rc, &err);
        }
    }
    if (rc == WD_OK) {
        f->debt = 0;
        set_quota(f, &take);
        *ret_ms = take.wait_ms;
        return take.granted ? WD_OK : WD_ELIMIT;
    }

    *ret_ms = local_turn_ms(f);
    if (*ret_ms > 0) {
        return WD_ELIMIT;
    }
    f->debt++;
    return WD_OK;
}


/* For pages behind the first. WD_ELIMIT: too long; WD_ECANCELED: stop. */
static int
wait_turn(ingestion_fetcher_t *f, int64_t *ret_ms)
{
    wd_ns_t until = wd_monotonic() + TURN_MS * WD_NS_PER_MS;

    while (!ingestion_thread_stops(&f->t)) {
        if (take_turn(f, ret_ms) == WD_OK) {
            return WD_OK;
        }
        if (wd_monotonic() + *ret_ms * WD_NS_PER_MS > until) {
            return WD_ELIMIT;
        }
        ingestion_thread_wait(&f->t, *ret_ms);
    }
    *ret_ms = 0;
    return WD_ECANCELED;
}


static void
count_call(ingestion_fetcher_t *f, const page_t *pg, wd_ns_t from)
{
    wd_metric(WD_MX_EXTERNAL_CALLS, 1, f->p->name, pg->dataset->name,
              wd_answer_name(pg->v.answer.class));
    wd_metric(WD_MX_EXTERNAL_SECONDS, (double) (wd_monotonic() - from) / 1e9,
              f->p->name, NULL, NULL);
}


/* Asks and judges. WD_OK whatever the answer; WD_ECANCELED, WD_ENOMEM. */
static int
ask(ingestion_fetcher_t *f, page_t *pg)
{
    int           rc;
    wd_ns_t       from;
    wd_buf_t      url;
    wd_error_t    err = {0};
    wd_http_req_t req = {
        .user_agent = "WizData/" WD_VERSION,
        .connect_timeout_ms = f->in->conf.connect_timeout_ms,
        .timeout_ms = f->in->conf.timeout_ms,
        .max_bytes = f->in->conf.max_bytes,
        .allow_http = f->in->conf.allow_http,
        .allow_private = f->in->conf.allow_http,
        .stop = &f->t.stop,
    };

    wd_buf_init(&url, 8192);
    f->p->url(&f->account, pg->dataset, &pg->job->args, pg->page, &url);
    ingestion_url_add_key(f->p, &f->account, &url);
    req.url = wd_buf_cstr(&url);
    if (url.err != WD_OK) {
        wd_buf_done(&url);
        return WD_ENOMEM;
    }

    from = f->last_call = wd_monotonic();
    rc = wd_http_get(f->http, &req, &pg->res, &err);
    sodium_memzero(url.data, url.cap);
    wd_buf_done(&url);
    if (rc == WD_ECANCELED || rc == WD_ENOMEM) {
        return rc;
    }

    rc = ingestion_judge(f->p, f->account.key, rc, &err, &pg->res,
                         pg->job->attempts, &pg->v);
    if (rc == WD_OK) {
        count_call(f, pg, from);
    }
    return rc;
}


static int
archive(ingestion_fetcher_t *f, page_t *pg, wd_error_t *err)
{
    int      rc;
    wd_buf_t args;

    pg->archived = false;
    if (!pg->v.keep) {
        return WD_OK;
    }
    wd_buf_init(&args, sizeof(pg->args) - 1);
    ingestion_args_json(&pg->job->args, pg->page, (int) f->account.per_page,
                        &args);
    wd_str_copy(pg->args, sizeof(pg->args), wd_buf_view(&args));
    rc = args.err;
    wd_buf_done(&args);
    if (rc != WD_OK) {
        return wd_error(err, rc, "the arguments are too long");
    }

    rc = ingestion_archive_put(f->in->archive, f->p->name, pg->dataset->name,
                               pg->args, &pg->res, &pg->object, err);
    if (rc != WD_OK) {
        return rc;
    }
    pg->archived = true;
    if (pg->object.duplicate) {
        pg->job->duplicates++;
    } else {
        pg->job->objects++;
        ingestion_publisher_wake(f->in->publisher);
    }
    return WD_OK;
}


/* For status without a database. */
static void
note_answer(ingestion_fetcher_t *f, const ingestion_result_t *r)
{
    pthread_mutex_lock(&f->lock);
    if (r->good) {
        f->state.succeeded++;
        f->state.last_success = wd_now();
    } else {
        f->state.failed++;
        f->state.last_error_at = wd_now();
        wd_str_copy(f->state.last_error_class,
                    sizeof(f->state.last_error_class), wd_str_z(r->class));
        wd_str_copy(f->state.last_error, sizeof(f->state.last_error),
                    wd_str_z(r->text));
    }
    f->state.failures = f->breaker.failures;
    pthread_mutex_unlock(&f->lock);
}


/*
 * Writes the result down, waiting for the database as long as it takes: the
 * lake has the payload, and there is no other work without it. Told to stop
 * meanwhile, the lease returns the job.
 */
static void
record(ingestion_fetcher_t *f, const ingestion_job_t *job,
       const ingestion_result_t *r)
{
    int        rc;
    wd_error_t err = {0};

    if (r->answered) {
        note_answer(f, r);
    }
    do {
        rc = ingestion_thread_pg(&f->t);
        if (rc == WD_OK) {
            rc = ingestion_store_result(f->t.pg, job, r, &err);
            if (rc == WD_OK) {
                ingestion_thread_pg_worked(&f->t);
                return;
            }
            if (rc == WD_ENOTFOUND) {
                wd_log_warn(f->in->log,
                            "job was taken over, its result is not recorded",
                            "provider", f->p->name, "job", job->id);
                return;
            }
            ingestion_thread_pg_failed(&f->t, rc, &err);
        }
        if (r->outcome == OUTCOME_PROGRESS) {
            return; /* the next page does not wait for it */
        }
        ingestion_thread_wait(&f->t, FAILED_MS);
    } while (!ingestion_thread_stops(&f->t));
}


/* A job has ended, for good or for now. */
static void
end_job(ingestion_fetcher_t *f, page_t *pg, ingestion_result_t *r)
{
    r->provider = f->p->name;
    r->worker = f->in->worker;
    r->lease_ms = f->in->conf.lease_ms;
    if (pg->archived) {
        r->page_args = pg->args;
        r->archived = &pg->object;
    }
    record(f, pg->job, r);

    if (r->outcome == OUTCOME_DONE || r->outcome == OUTCOME_FAILED) {
        wd_metric(WD_MX_JOBS, 1, f->p->name, pg->job->dataset,
                  r->outcome == OUTCOME_DONE ? "done" : "failed");
        wd_log_info(f->in->log, "job ended", "provider", f->p->name, "dataset",
                    pg->job->dataset, "job", pg->job->id, "outcome",
                    r->outcome == OUTCOME_DONE ? "done" : "failed", "class",
                    r->class != NULL ? r->class : "ok", "objects",
                    pg->job->objects);
    } else if (r->outcome == OUTCOME_AGAIN) {
        wd_log_info(f->in->log, "job waits for another attempt", "provider",
                    f->p->name, "job", pg->job->id, "class",
                    r->class != NULL ? r->class : "none", "attempts",
                    pg->job->attempts, "delay_ms", r->delay_ms);
    }
}


/* Gives the job back without blame. */
static void
give_back(ingestion_fetcher_t *f, page_t *pg, int64_t delay_ms,
          const char *class, const char *text)
{
    ingestion_result_t r = {.outcome = OUTCOME_AGAIN,
                            .refund = true,
                            .delay_ms = delay_ms,
                            .class = class,
                            .text = text};

    end_job(f, pg, &r);
}


/* Limits, outages: again, if attempts are left. */
static void
try_again(ingestion_fetcher_t *f, page_t *pg, ingestion_result_t *r)
{
    int64_t floor_ms = wd_min(pg->v.wait_s, (int64_t) WAIT_MAX_S) * 1000;

    r->outcome = pg->job->attempts < (int) f->in->conf.attempts
                     ? OUTCOME_AGAIN
                     : OUTCOME_FAILED;
    r->delay_ms = ingestion_backoff_ms(f->in->conf.retry_ms, pg->job->attempts,
                                       floor_ms, randombytes_random());
    if (pg->v.answer.class == WD_ANSWER_LIMIT_SHORT) {
        r->block = BLOCK_SHORT;
    }
}


/* An answer that is neither rows nor an honest "nothing". */
static void
refused(ingestion_fetcher_t *f, page_t *pg)
{
    wd_answer_e        class = pg->v.answer.class;
    ingestion_result_t r = {.outcome = OUTCOME_FAILED,
                            .answered = true,
                            .class = wd_answer_name(class),
                            .text = pg->v.answer.text};

    if (class == WD_ANSWER_UPSTREAM
        || (class == WD_ANSWER_MALFORMED && pg->v.retry)) {
        ingestion_breaker_failure(&f->breaker, wd_monotonic());
    } else {
        ingestion_breaker_success(&f->breaker);
    }

    if (class == WD_ANSWER_AUTH) {
        f->stopped = true;
        r.outcome = OUTCOME_AGAIN;
        r.refund = true;
    } else if (class == WD_ANSWER_LIMIT_LONG) {
        r.outcome = OUTCOME_AGAIN;
        r.refund = true;
        r.block = BLOCK_LONG;
    } else if (pg->v.retry) {
        try_again(f, pg, &r);
    }
    wd_log_warn(f->in->log, "provider did not deliver", "provider", f->p->name,
                "dataset", pg->dataset->name, "job", pg->job->id, "class",
                r.class, "status", pg->res.status, "reason", r.text);
    end_job(f, pg, &r);
}


static void
finish(ingestion_fetcher_t *f, page_t *pg, ingestion_outcome_e outcome,
       wd_answer_e class, const char *text)
{
    ingestion_result_t r = {.outcome = outcome,
                            .answered = true,
                            .good = outcome == OUTCOME_DONE,
                            .class = class == WD_ANSWER_OK
                                         ? NULL
                                         : wd_answer_name(class),
                            .text = text};

    ingestion_breaker_success(&f->breaker);
    end_job(f, pg, &r);
}


/* false: the job has ended. */
static bool
next_page(ingestion_fetcher_t *f, page_t *pg)
{
    int64_t            ms;
    ingestion_result_t r = {.outcome = OUTCOME_PROGRESS,
                            .provider = f->p->name,
                            .worker = f->in->worker,
                            .lease_ms = f->in->conf.lease_ms,
                            .answered = true,
                            .good = true};

    ingestion_breaker_success(&f->breaker);
    memcpy(pg->last_sha256, pg->object.sha256, sizeof(pg->last_sha256));
    pg->job->rows += pg->v.page.rows;
    pg->job->page++;
    pg->page++;
    if (pg->archived) {
        r.page_args = pg->args;
        r.archived = &pg->object;
    }
    record(f, pg->job, &r);
    pg->archived = false;

    switch (wait_turn(f, &ms)) {
    case WD_OK:
        return true;
    case WD_ELIMIT:
        give_back(f, pg, ms, "limit_short", "Waiting for the quota");
        return false;
    default:
        give_back(f, pg, 0, NULL, NULL);
        return false;
    }
}


/* The answer was OK or EMPTY. false: the job has ended. */
static bool
accept_rows(ingestion_fetcher_t *f, page_t *pg)
{
    bool                    same;
    const ingestion_page_t *page = &pg->v.page;

    if (pg->page <= 1 && pg->v.answer.class == WD_ANSWER_EMPTY) {
        finish(f, pg, OUTCOME_DONE, WD_ANSWER_EMPTY, pg->v.answer.text);
        return false;
    }
    if (pg->page == 0) {
        finish(f, pg, OUTCOME_DONE, WD_ANSWER_OK, NULL);
        return false;
    }

    same = strcmp(pg->last_sha256, pg->object.sha256) == 0;
    switch (ingestion_pages_next(page, pg->page, pg->job->rows, same)) {
    case INGESTION_PAGES_MORE:
        return next_page(f, pg);
    case INGESTION_PAGES_DONE:
        pg->job->rows += page->rows;
        finish(f, pg, OUTCOME_DONE, WD_ANSWER_OK, NULL);
        return false;
    default:
        finish(f, pg, OUTCOME_FAILED, WD_ANSWER_PARTIAL,
               "The provider counts more rows than its pages hold");
        return false;
    }
}


static void
run_pages(ingestion_fetcher_t *f, page_t *pg)
{
    int        rc;
    bool       more = true;
    wd_error_t err = {0};

    while (more) {
        rc = ask(f, pg);
        if (rc != WD_OK) {
            give_back(f, pg, rc == WD_ECANCELED ? 0 : f->in->conf.retry_ms,
                      NULL, NULL);
            return;
        }
        rc = archive(f, pg, &err);
        if (rc != WD_OK) {
            wd_log_error(f->in->log, "lake takes nothing, payload is dropped",
                         "provider", f->p->name, "job", pg->job->id, "code",
                         rc, "reason", err.text);
            set_state(f, FETCHER_STORAGE, STORAGE_MS);
            give_back(f, pg, STORAGE_MS, "storage",
                      "The lake could not store the payload");
            ingestion_thread_wait(&f->t, STORAGE_MS);
            return;
        }

        if (pg->v.answer.class != WD_ANSWER_OK
            && pg->v.answer.class != WD_ANSWER_EMPTY) {
            refused(f, pg);
            return;
        }
        more = accept_rows(f, pg);
    }
}


static void
run_job(ingestion_fetcher_t *f, ingestion_job_t *job)
{
    page_t      pg = {.job = job};
    wd_error_t  err = {0};
    const char *param;

    set_job(f, job->id);
    wd_http_res_init(&pg.res);
    pg.page = f->p->paged ? job->page : 0;
    pg.dataset = ingestion_dataset_by_name(f->p, wd_str_z(job->dataset));
    if (pg.dataset == NULL
        || ingestion_args_check(pg.dataset, &job->args, &param, &err)
               != WD_OK) {
        ingestion_result_t r = {
            .outcome = OUTCOME_FAILED,
            .class = wd_answer_name(WD_ANSWER_BAD_REQUEST),
            .text = pg.dataset == NULL ? "No such data set" : err.text};
        end_job(f, &pg, &r);
    } else {
        run_pages(f, &pg);
    }
    wd_http_res_done(&pg.res);
    set_job(f, 0);
}


/* Nothing is asked for now: why, and for how long. 0: go on. */
static int64_t
held_up(ingestion_fetcher_t *f)
{
    int64_t                   ms;
    wd_ns_t                   now = wd_monotonic();
    ingestion_archive_state_t lake;

    if (!ingestion_configured(f->p, &f->account)) {
        set_state(f, FETCHER_NOT_CONFIGURED, 0);
        return 60000;
    }
    if (f->stopped) {
        set_state(f, FETCHER_STOPPED, 0);
        return 60000;
    }
    if (ingestion_breaker_state(&f->breaker, now) == BREAKER_OPEN) {
        ms = (f->breaker.open_until - now) / WD_NS_PER_MS + 1;
        set_state(f, FETCHER_BREAKER_OPEN, ms);
        return ms;
    }
    ingestion_archive_state(f->in->archive, &lake);
    if (!lake.writable || lake.full) {
        set_state(f, FETCHER_STORAGE, STORAGE_MS);
        return STORAGE_MS;
    }
    return 0;
}


static void
reap(ingestion_fetcher_t *f)
{
    int        rc;
    int64_t    n = 0;
    wd_error_t err = {0};

    if (f->reaped != 0 && wd_monotonic() - f->reaped < REAP_NS) {
        return;
    }
    rc = ingestion_store_reap(f->t.pg, f->p->name, &n, &err);
    if (rc != WD_OK) {
        ingestion_thread_pg_failed(&f->t, rc, &err);
        return;
    }
    f->reaped = wd_monotonic();
    if (n != 0) {
        wd_log_warn(f->in->log, "jobs without a living process, queued again",
                    "provider", f->p->name, "jobs", n);
    }
}


/* One job, or the wait for it in milliseconds. */
static int64_t
step(ingestion_fetcher_t *f)
{
    int              rc;
    int64_t          ms;
    wd_error_t       err = {0};
    ingestion_job_t  job;
    ingestion_take_t take;

    take_account(f);
    ms = held_up(f);
    if (ms != 0) {
        return ms;
    }
    if (ingestion_thread_pg(&f->t) != WD_OK) {
        return FAILED_MS;
    }
    reap(f);
    if (f->t.pg == NULL) {
        return FAILED_MS;
    }

    rc = ingestion_store_claim(f->t.pg, f->p->name, f->in->worker,
                               f->in->conf.lease_ms, &f->account, f->debt,
                               &job, &take, &err);
    switch (rc) {
    case WD_OK:
        f->debt = 0;
        set_quota(f, &take);
        ingestion_thread_pg_worked(&f->t);
        set_state(f, FETCHER_OK, 0);
        run_job(f, &job);
        return 0;
    case WD_ENOTFOUND:
        ingestion_thread_pg_worked(&f->t);
        if (take.reason[0] != '\0') {
            limited(f, &take);
        } else {
            set_state(f, FETCHER_OK, 0);
        }
        return IDLE_MS;
    case WD_ELIMIT:
        ingestion_thread_pg_worked(&f->t);
        set_quota(f, &take);
        limited(f, &take);
        return take.wait_ms;
    default:
        ingestion_thread_pg_failed(&f->t, rc, &err);
        return FAILED_MS;
    }
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
    ingestion_thread_pg_close(&f->t);
    return NULL;
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
    pthread_mutex_init(&f->lock, NULL);
    f->state.provider = f->p->name;
    f->state.health_name = f->p->health_name;
    f->state.state_name = "ok";
    ingestion_breaker_init(&f->breaker, in->conf.breaker_failures,
                           in->conf.breaker_open_ms);
    account_copy(&f->next, &in->conf.accounts[provider]);
    f->generation = 1;
    take_account(f);

    f->http = wd_http_create();
    if (f->http == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a fetcher");
    }
    return ingestion_thread_start(&f->t, in->conf.service.db.url, f->p->name,
                                  in->log, fetcher_main, f, err);
}


void
ingestion_fetcher_reload(ingestion_fetcher_t *f)
{
    pthread_mutex_lock(&f->lock);
    account_copy(&f->next, &f->in->conf.accounts[f->index]);
    f->generation++;
    pthread_mutex_unlock(&f->lock);
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
    wd_http_destroy(f->http);
    account_done(&f->next);
    account_done(&f->account);
    pthread_mutex_destroy(&f->lock);
    free(f);
}


void
ingestion_fetcher_state(ingestion_fetcher_t       *f,
                        ingestion_fetcher_state_t *ret)
{
    pthread_mutex_lock(&f->lock);
    *ret = f->state;
    pthread_mutex_unlock(&f->lock);
}
