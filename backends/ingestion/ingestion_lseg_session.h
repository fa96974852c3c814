/*
 * ingestion_lseg_session.h - the conversation of one streaming connection of
 * LSEG (sub-protocol tr_json2): frames in; messages to send, lines for the
 * archive, quotes and trades out. No I/O and no clock: `now` is the caller's,
 * as that of wd_monotonic().
 *
 * A session lives longer than a connection: what is subscribed is kept, and
 * asked for again on the next one. One thread.
 */
#ifndef INGESTION_LSEG_SESSION_H
#define INGESTION_LSEG_SESSION_H

#include "wd_buf.h"
#include "wd_lseg_image.h"

#define INGESTION_LSEG_RICS_MAX 20000
#define INGESTION_LSEG_BATCH_MAX 1000 /* RICs of one request */

typedef struct {
    const char *application_id; /* LSEG's number for a program: "256" */
    const char *position; /* where it runs: an address */
    const char *service; /* NULL or "": the server's own choice */
    uint32_t    batch; /* RICs of a request */
    uint32_t    window; /* RICs asked for and not answered yet */
    uint32_t    answer_ms; /* a login or an item takes no longer */
    uint32_t    retry_ms; /* the first back-off of an item; it doubles */
    uint32_t    retry_max_ms;
    uint32_t    closed_ms; /* before what is closed for good is tried again */
} ingestion_lseg_conf_t;

typedef enum {
    INGESTION_LSEG_AWAY, /* there is no connection */
    INGESTION_LSEG_LOGIN, /* the login is on its way, or its answer */
    INGESTION_LSEG_UP
} ingestion_lseg_state_e;

/* Items are in one of five conditions; the rest counts from the beginning. */
typedef struct {
    ingestion_lseg_state_e state;
    bool                   login_suspect; /* the server says so of itself */
    size_t                 items;
    size_t                 waiting; /* to be asked for, now or later */
    size_t                 asked; /* not answered yet */
    size_t                 open;
    size_t                 suspect; /* open, but not to be relied upon */
    size_t                 closed; /* unknown, not permitted, ... */
    uint64_t               frames;
    uint64_t               messages;
    uint64_t               stray; /* about nothing that is subscribed */
} ingestion_lseg_counts_t;

/* Why an item is not open. */
typedef struct {
    char ric[WD_RECORD_SYMBOL_MAX + 1];
    wd_answer_e class;
    char text[WD_ANSWER_TEXT_MAX];
} ingestion_lseg_trouble_t;

typedef struct ingestion_lseg_session ingestion_lseg_session_t;

/* *conf is copied, with its texts. `seed` is for the jitter. WD_ENOMEM. */
wd_must_check int
ingestion_lseg_session_create(const ingestion_lseg_conf_t *conf, uint64_t seed,
                              ingestion_lseg_session_t **ret);
void ingestion_lseg_session_destroy(ingestion_lseg_session_t *s); /* or NULL */

/*
 * What is subscribed from now on; each RIC counts once. *ret_bad of them can
 * be none (empty, too long, control characters) and are left out.
 * WD_ETOOBIG, WD_ENOMEM: then all stays as it was, or has grown.
 */
wd_must_check int ingestion_lseg_session_rics(ingestion_lseg_session_t *s,
                                              const wd_str_t *rics, size_t n,
                                              size_t *ret_bad);

/* A connection stands: logs in. The token is copied until it is sent. */
wd_must_check int ingestion_lseg_session_open(ingestion_lseg_session_t *s,
                                              wd_str_t token, wd_ns_t now);

/* A newer token, before the old one expires: renews the login. */
wd_must_check int ingestion_lseg_session_renew(ingestion_lseg_session_t *s,
                                               wd_str_t                  token);

/* The connection is gone. What was subscribed is not reliable any more. */
void ingestion_lseg_session_lost(ingestion_lseg_session_t *s);

/*
 * A frame. Appends to *capture what belongs into the archive (see
 * wd_lseg_capture.h), to *r quotes and trades. WD_OK; else the connection is
 * to be ended: WD_EUNAUTH (the token is refused), WD_EFORBIDDEN, WD_ELIMIT (too
 * many logins), WD_EUNAVAIL (refused for now), WD_EPROTO; WD_ENOMEM. err->text
 * is for people, without secrets.
 */
wd_must_check int ingestion_lseg_session_frame(ingestion_lseg_session_t *s,
                                               wd_str_t frame, wd_ns_t received,
                                               wd_ns_t now, wd_buf_t *capture,
                                               wd_records_t *r,
                                               wd_error_t   *err);

/* The next capture begins a text that can be read alone. */
void ingestion_lseg_session_border(ingestion_lseg_session_t *s);

/*
 * To be called some times a second. WD_OK; WD_ETIMEOUT: the connection is to
 * be ended, it is silent or a login was not answered.
 */
wd_must_check int ingestion_lseg_session_tick(ingestion_lseg_session_t *s,
                                              wd_ns_t now, wd_error_t *err);

/*
 * Appends the next message to send; false: there is none. *out holds secrets
 * and is to be wiped.
 */
bool ingestion_lseg_session_take(ingestion_lseg_session_t *s, wd_ns_t now,
                                 wd_buf_t *out);

void ingestion_lseg_session_counts(const ingestion_lseg_session_t *s,
                                   ingestion_lseg_counts_t        *ret);

/* Closed items, and those closed before that wait: up to `max` of them. */
size_t ingestion_lseg_session_troubles(const ingestion_lseg_session_t *s,
                                       ingestion_lseg_trouble_t       *ret,
                                       size_t                          max);

#endif /* INGESTION_LSEG_SESSION_H */
