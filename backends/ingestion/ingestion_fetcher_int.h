/*
 * ingestion_fetcher_int.h - what the files of the fetcher share; for them
 * alone. All of it runs on the fetcher's thread unless said otherwise.
 *
 * A flight is a claimed job on its way. It is READY until a request can be
 * made (which may need a token), ASKED while the net has it, LANDED when that
 * has ended, and is then OVER, or waits for its TURN (a call of the quota) to
 * ask for what comes next. It is gone when its result is written down.
 */
#ifndef INGESTION_FETCHER_INT_H
#define INGESTION_FETCHER_INT_H

#include "ingestion_breaker.h"
#include "ingestion_fetcher.h"
#include "ingestion_net.h"
#include "ingestion_store.h"
#include "ingestion_wait.h"

#define INGESTION_FAILED_MS 500 /* until the database is tried again */
#define INGESTION_STORAGE_MS 2000 /* until the lake is tried again */
#define INGESTION_IDLE_MS 1000 /* a job whose wait is over is seen this late */
#define INGESTION_PATIENCE_MS 10000 /* longer waits are the queue's */
#define INGESTION_CONNECTS_MAX 64 /* at a time: each takes much memory */
#define INGESTION_CONNECT_MS 10 /* until that is looked at again */
#define INGESTION_WAIT_MAX_S 86400 /* of what a provider may ask for */

/* A data set's own part of the provider: its breaker. */
typedef struct {
    ingestion_breaker_t breaker;
    uint32_t            inflight;
} ingestion_endpoint_t;

/* The account's token: one is asked for at a time. */
typedef struct {
    ingestion_token_t    token;
    unsigned             generation; /* of the token; differs for each */
    wd_ns_t              renew_at; /* wd_monotonic() */
    wd_ns_t              ends_at;
    wd_ns_t              again_at; /* after a failure: not before */
    uint32_t             failures; /* in a row */
    wd_answer_t          why; /* of the last one */
    bool                 asking;
    bool                 refreshing; /* with the refresh token */
    unsigned             asked_for; /* generation that the answer follows */
    ingestion_account_t *account; /* that is asked for */
    ingestion_question_t q;
    const char          *headers[INGESTION_HEADERS_MAX + 1];
    ingestion_call_t     call;
} ingestion_keeper_t;

typedef enum {
    FLIGHT_READY,
    FLIGHT_ASKED,
    FLIGHT_LANDED,
    FLIGHT_TURN, /* waits for a call of the quota, from `at` on */
    FLIGHT_LATER, /* the provider is not ready: TURN from `at` on */
    FLIGHT_OVER /* its result is to be written down, from `at` on */
} ingestion_flight_e;

typedef struct {
    wd_list_t                  link; /* f->flights */
    wd_list_t                  landing; /* f->landed */
    ingestion_fetcher_t       *f;
    ingestion_account_t       *account;
    ingestion_job_t            job;
    const ingestion_dataset_t *dataset;
    ingestion_endpoint_t      *endpoint;
    ingestion_flight_e         state;
    bool                       lost; /* another process has the job */
    wd_ns_t                    at; /* wd_monotonic() */
    wd_ns_t                    until; /* of TURN: then the job goes back */

    ingestion_question_t q;
    char                *secret_header; /* heap */
    const char          *headers[INGESTION_HEADERS_MAX + 3];
    char                 condition[2][160]; /* If-None-Match and the like */
    ingestion_call_t     call;
    unsigned             generation; /* of the token it was asked with */
    bool                 renewed; /* asked once more with another token */

    ingestion_verdict_t  v;
    char                 args[INGESTION_ARGS_JSON_MAX + 64]; /* of the page */
    bool                 archived;
    ingestion_archived_t object;
    char                 last_sha256[65]; /* of the page before */
    bool                 alone; /* the answer is one page and all */
    ingestion_fresh_t    fresh; /* sha256 "": asked without a condition */
    ingestion_result_t   result; /* of OVER */
    char                 text[WD_ANSWER_TEXT_MAX]; /* of the result */
} ingestion_flight_t;

struct ingestion_fetcher {
    ingestion_thread_t          t;
    ingestion_t                *in;
    const ingestion_provider_t *p;
    size_t                      index;

    pthread_mutex_t           lock; /* all up to the blank line */
    ingestion_account_t      *next; /* of the configuration; NULL: none new */
    ingestion_fetcher_state_t state;
    wd_list_t                 landed; /* flights whose request has ended */
    bool                      token_landed;
    char                     *lent; /* copy of the token for borrowers */
    unsigned                  lent_generation;
    wd_ns_t                   lent_until; /* wd_monotonic() */
    unsigned                  lent_refused; /* generation; 0: none was */
    wd_ns_t                   borrowed; /* last time it was wanted */

    /* The thread's own. */
    ingestion_account_t *account;
    wd_list_t            flights;
    uint32_t             n_flights;
    ingestion_keeper_t   keeper;
    ingestion_breaker_t  breaker; /* of what all data sets share: the host */
    ingestion_retries_t  retries;
    ingestion_endpoint_t endpoints[INGESTION_DATASETS_MAX];
    uint32_t             outages; /* answers in a row, of any data set */
    bool                 refused[INGESTION_KEYS_MAX]; /* keys */
    bool                 stopped; /* all of them */
    int64_t  debt[INGESTION_KEYS_MAX]; /* calls that the database knows not */
    int64_t  left_day[INGESTION_KEYS_MAX]; /* as last told; -1: no limit */
    wd_ns_t  last_call;
    wd_ns_t  skew; /* the provider's clock minus ours */
    wd_ns_t  renewed; /* leases */
    wd_ns_t  reaped;
    uint64_t session; /* connection that holds the session lock; 0: none */
};

/* Requests may be made: no other instance has the account's one session. */
bool ingestion_fetcher_in_session(const ingestion_fetcher_t *f);

/* WD_OK: f->t.pg is usable. One that is to stop opens no connection. */
wd_must_check int ingestion_fetcher_pg(ingestion_fetcher_t *f);

/* What a flight asks. */
ingestion_ask_t ingestion_flight_ask(const ingestion_flight_t *fl);

/* What the status shows: ingestion_fetcher_state.c. */
void ingestion_fetcher_set_state(ingestion_fetcher_t *f,
                                 ingestion_fetcher_e state, int64_t wait_ms);
void ingestion_fetcher_show(ingestion_fetcher_t *f);
void ingestion_fetcher_set_quota(ingestion_fetcher_t    *f,
                                 const ingestion_take_t *take);
void ingestion_fetcher_limited(ingestion_fetcher_t    *f,
                               const ingestion_take_t *take);
void ingestion_fetcher_note(ingestion_fetcher_t      *f,
                            const ingestion_flight_t *fl,
                            const ingestion_result_t *r);

/*
 * Jobs from the queue, if there is room: ingestion_fetcher_claim.c. The
 * milliseconds until it is worth to try again; 0: at once.
 */
int64_t ingestion_fetcher_claim(ingestion_fetcher_t *f);

ingestion_quota_t ingestion_fetcher_quota(const ingestion_fetcher_t *f);

/* The database has been told what it did not know. */
void ingestion_fetcher_pay_debts(ingestion_fetcher_t *f);

/*
 * A call of the quota for a flight that waits for its turn. WD_OK; WD_ELIMIT:
 * not before *ret_ms. ingestion_fetcher_turn.c.
 */
wd_must_check int ingestion_fetcher_turn(ingestion_fetcher_t *f,
                                         ingestion_flight_t  *fl,
                                         int64_t             *ret_ms);

/*
 * Flights that wait: on with those that may. Milliseconds until the next one.
 * ingestion_fetcher_ask.c.
 */
int64_t ingestion_fetcher_go_on(ingestion_fetcher_t *f);

/* A new flight; NULL without memory. ingestion_fetcher_flight.c. */
ingestion_flight_t *ingestion_flight_create(ingestion_fetcher_t   *f,
                                            const ingestion_job_t *job);
void ingestion_flight_clear(ingestion_flight_t *fl); /* before it asks again */
void ingestion_flight_destroy(ingestion_flight_t *fl);

/* The net has not found a connection for it yet. */
bool ingestion_flight_connects(const ingestion_flight_t *fl);

/* What it asks next, it asks with the fetcher's account of now. */
void ingestion_flight_adopt(ingestion_flight_t *fl);

/* Another process has the job: the flight is gone, or ends soon. */
void ingestion_flight_lose(ingestion_flight_t *fl);

/* Waits for its turn from now on. */
void ingestion_flight_wait_turn(ingestion_flight_t *fl);

/* All flights whose request has ended: ingestion_fetcher_land.c. */
void ingestion_fetcher_take_landed(ingestion_fetcher_t *f);
void ingestion_fetcher_land(ingestion_fetcher_t *f);

/* Leases that end soon are made longer: ingestion_fetcher_lease.c. */
void ingestion_fetcher_renew(ingestion_fetcher_t *f);

/* Jobs of processes that are gone are queued again. */
void ingestion_fetcher_reap(ingestion_fetcher_t *f);

/* All flights end, their jobs are queued again. */
void ingestion_fetcher_give_up(ingestion_fetcher_t *f);

/* The token: ingestion_fetcher_token.c. */
void ingestion_keeper_init(ingestion_keeper_t *k);
void ingestion_keeper_done(ingestion_fetcher_t *f);
/* Lets the time do its work; milliseconds until it must be called again. */
int64_t ingestion_keeper_tick(ingestion_fetcher_t *f);
/* NULL: there is none now; one is being asked for. */
const char *ingestion_keeper_token(ingestion_fetcher_t *f);
/* The provider refused the token of that generation. */
void ingestion_keeper_void(ingestion_fetcher_t *f, unsigned generation);
/* Another account: the old token says nothing. */
void ingestion_keeper_reset(ingestion_fetcher_t *f);
/* At the end: gives the session back, and waits for that a little. */
void ingestion_keeper_revoke(ingestion_fetcher_t *f);
/* A request for a token is under way, and must end before the thread does. */
bool ingestion_keeper_busy(const ingestion_fetcher_t *f);

/*
 * How a page or a job ends: ingestion_fetcher_result.c. The result is written
 * down as soon as the database can be reached, until when the flight stays:
 * the lake has the payload. Told to stop meanwhile, the lease returns the job.
 */
void ingestion_fetcher_end(ingestion_fetcher_t *f, ingestion_flight_t *fl,
                           const ingestion_result_t *r);

/* Results that wait for that. Milliseconds until it is tried again. */
int64_t ingestion_fetcher_write_down(ingestion_fetcher_t *f);

/* A page is done and the job goes on. False: not here, the flight is gone. */
wd_must_check bool ingestion_fetcher_progress(ingestion_fetcher_t *f,
                                              ingestion_flight_t  *fl);

/* Gives the job back without blame; name: the class of the answer or NULL. */
void ingestion_fetcher_give_back(ingestion_fetcher_t *f, ingestion_flight_t *fl,
                                 int64_t delay_ms, const char *name,
                                 const char *text);

/* An answer that is neither rows nor an honest "nothing". */
void ingestion_fetcher_refused(ingestion_fetcher_t *f, ingestion_flight_t *fl);

void ingestion_fetcher_finish(ingestion_fetcher_t *f, ingestion_flight_t *fl,
                              ingestion_outcome_e outcome, wd_answer_e answer,
                              const char *text);

#endif /* INGESTION_FETCHER_INT_H */
