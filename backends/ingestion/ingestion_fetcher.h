/*
 * ingestion_fetcher.h - one thread for each provider: takes queued jobs,
 * keeps to the quota, asks, archives, judges, tries again.
 *
 * The thread does what has to wait for disk and database; requests are under
 * way on the net, many at a time. A provider that hangs holds up nobody else.
 * Jobs stay in the database, so they survive restarts, and several instances
 * share them.
 */
#ifndef INGESTION_FETCHER_H
#define INGESTION_FETCHER_H

#include "ingestion.h"
#include "ingestion_breaker.h"

/*
 *     FETCHER_STATE(id, name)
 */
#define FETCHER_STATE_TABLE(FETCHER_STATE)                                   \
    FETCHER_STATE(OK, "ok")                                                  \
    FETCHER_STATE(LIMITED, "limited") /* seconds or minutes */               \
    FETCHER_STATE(PARKED, "parked") /* until the next day */                 \
    FETCHER_STATE(STOPPED, "stopped") /* refused; until a reload */          \
    FETCHER_STATE(BREAKER_OPEN, "breaker_open") /* outages in a row */       \
    FETCHER_STATE(STORAGE, "storage") /* the lake takes nothing */           \
    FETCHER_STATE(STANDBY, "standby") /* another instance has the session */ \
    FETCHER_STATE(NOT_CONFIGURED, "not_configured")

typedef enum {
#define FETCHER_STATE(id, name) FETCHER_##id,
    FETCHER_STATE_TABLE(FETCHER_STATE)
#undef FETCHER_STATE
} ingestion_fetcher_e;

#define INGESTION_DATASETS_MAX 64 /* of one provider */

/* What is known of a data set's endpoint. */
typedef struct {
    bool                configured;
    ingestion_breaker_e breaker;
    wd_ns_t             until; /* the end of BREAKER_OPEN */
    uint32_t            failures; /* outages in a row */
    uint32_t            inflight;
} ingestion_endpoint_state_t;

/* A copy of what a fetcher is doing. */
typedef struct {
    const char         *provider;
    const char         *health_name;
    ingestion_fetcher_e state;
    const char         *state_name;
    bool                configured;
    const char         *lacks; /* in the configuration; NULL: nothing */
    wd_ns_t             until; /* when the state is looked at again; 0: open */
    uint32_t            inflight;
    uint32_t            concurrency;
    ingestion_breaker_e breaker; /* of the host */
    uint32_t            keys;
    uint32_t            keys_refused;
    size_t              n_ids; /* of keys, also of the one that is none */
    char                ids[INGESTION_KEYS_MAX][INGESTION_KEY_ID + 1];
    int64_t             left_second; /* -1: no limit */
    int64_t             left_minute;
    int64_t             left_day;
    uint32_t            per_second; /* of all keys together */
    uint32_t            per_minute;
    uint32_t            per_day;
    uint32_t            failures; /* outages in a row */
    uint32_t            retries_left; /* of the budget */
    int64_t             succeeded; /* of this process */
    int64_t             failed;
    wd_ns_t             last_success; /* 0: none in this process */
    wd_ns_t             last_error_at;
    char                last_error_class[16];
    char                last_error[WD_ANSWER_TEXT_MAX];
    size_t              n_endpoints; /* in the order of the data sets */
    ingestion_endpoint_state_t endpoints[INGESTION_DATASETS_MAX];
} ingestion_fetcher_state_t;

/* *ret is to be destroyed also after a failure. */
wd_must_check int ingestion_fetcher_start(ingestion_t *in, size_t provider,
                                          ingestion_fetcher_t **ret,
                                          wd_error_t           *err);

/* New account, from in->conf; a stopped provider starts again. Loop thread. */
void ingestion_fetcher_reload(ingestion_fetcher_t *f);

/* Requests in flight are given up and their jobs queued again. */
void ingestion_fetcher_ask_stop(ingestion_fetcher_t *f);
void ingestion_fetcher_join(ingestion_fetcher_t *f);
void ingestion_fetcher_destroy(ingestion_fetcher_t *f); /* NULL is accepted */

/* Any thread. */
void ingestion_fetcher_state(ingestion_fetcher_t       *f,
                             ingestion_fetcher_state_t *ret);

/*
 * Any thread: the token that is good now, into out, and for how long; asked
 * for if there is none, and kept fresh for a while from then on. WD_OK;
 * WD_EAGAIN: not yet. *ret_generation differs for each.
 */
wd_must_check int ingestion_fetcher_borrow_token(ingestion_fetcher_t *f,
                                                 char *out, size_t cap,
                                                 wd_ns_t  *ret_life,
                                                 unsigned *ret_generation);

/* Any thread: the provider does not take the token of that generation. */
void ingestion_fetcher_refuse_token(ingestion_fetcher_t *f,
                                    unsigned             generation);

/* Any thread: may this instance talk to the provider? */
bool ingestion_fetcher_may_talk(ingestion_fetcher_t *f);

#endif /* INGESTION_FETCHER_H */
