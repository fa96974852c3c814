/*
 * ingestion_stream.h - LSEG's real-time stream, running: it finds a host,
 * connects, subscribes, and puts what it hears into the lake before anybody
 * else sees it.
 *
 * Objects of the data set "stream" are texts of wd_lseg_capture.h, at most
 * one for each flush interval. Connections are made again with back-off for as
 * long as there is something to subscribe to; while the lake takes nothing,
 * only so much is read ahead.
 *
 * All functions are for the loop's thread, but where it says otherwise.
 */
#ifndef INGESTION_STREAM_H
#define INGESTION_STREAM_H

#include "ingestion_archive.h"
#include "ingestion_lseg_session.h"

#include "wd_json.h"
#include "wd_log.h"

#include <uv.h>

#define INGESTION_STREAM_TROUBLES 16 /* shown of items that are not open */
#define INGESTION_STREAM_TOKEN_MAX 8192
#define INGESTION_STREAM_URL_MAX 512

typedef struct ingestion_stream ingestion_stream_t;

/*
 * Asks for a token. The answer is a call of ingestion_stream_token() or
 * ingestion_stream_no_token(), from within or later, on the loop; without one
 * it is asked again some time. `refused`: the provider does not take the last
 * one, which is to be handed out no more.
 */
typedef void (*ingestion_stream_token_pt)(void *arg, ingestion_stream_t *st,
                                          bool refused);

/*
 * What was stored: the manifest's row, and the quotes and trades of the
 * object, gone when this returns.
 */
typedef void (*ingestion_stream_stored_pt)(void                       *arg,
                                           const ingestion_archived_t *row,
                                           const wd_records_t         *records);

typedef struct {
    const char *provider; /* in the lake: "lseg" */
    const char *dataset; /* "stream" */
    const char *discovery_url; /* asks for hosts; NULL: `url` is the only one */
    const char *url; /* wss://host:port/WebSocket */
    const char *region; /* hosts there come first: "us-east"; "": any */
    const char *user_agent;
    const char *ca_file; /* NULL: the system's */
    bool        allow_http; /* http:// and ws://, for simulators */
    bool        allow_private; /* addresses */
    uint32_t    connect_timeout_ms;
    uint32_t    retry_ms; /* the first back-off of a connection; it doubles */
    uint32_t    retry_max_ms;
    uint32_t    flush_ms; /* at most one object in this time, */
    size_t      flush_bytes; /* unless there are so many bytes */
    size_t      backlog_bytes; /* not stored yet; more is not read */
    ingestion_lseg_conf_t session;

    ingestion_archive_t       *archive; /* stays until _destroy */
    wd_log_t                  *log; /* NULL: none */
    ingestion_stream_token_pt  token;
    ingestion_stream_stored_pt stored; /* or NULL */
    void                      *arg; /* of both */
} ingestion_stream_conf_t;

typedef enum {
    INGESTION_STREAM_IDLE, /* nothing is subscribed */
    INGESTION_STREAM_TOKEN, /* waits for a token */
    INGESTION_STREAM_DISCOVERING, /* asks for hosts */
    INGESTION_STREAM_CONNECTING,
    INGESTION_STREAM_LOGIN,
    INGESTION_STREAM_UP,
    INGESTION_STREAM_WAITING, /* for the next attempt */
    INGESTION_STREAM_FULL, /* for the lake to take what was read */
    INGESTION_STREAM_STOPPING,
    INGESTION_STREAM_STOPPED
} ingestion_stream_phase_e;

/* A plain value. Times are UTC, 0: never. */
typedef struct {
    ingestion_stream_phase_e phase;
    wd_ns_t                  since; /* of the phase */
    wd_ns_t                  connected_at; /* logged in; 0: it is not */
    wd_ns_t                  last_message;
    char                     host[WD_ANSWER_TEXT_MAX]; /* "": none is known */
    ingestion_lseg_counts_t  session;
    uint64_t                 quotes;
    uint64_t                 trades;
    uint64_t                 rejects;
    uint64_t                 connections; /* that were logged in */
    uint64_t                 objects; /* stored */
    uint64_t                 bytes; /* of these */
    size_t                   backlog; /* bytes not stored yet */
    uint64_t                 lost; /* bytes that were given up at a stop */
    bool                     paused; /* more is not read */
    bool                     lake_failing;
    int                      error_code; /* of the last failure; WD_OK */
    char                     error[WD_ERROR_TEXT_MAX];
    wd_ns_t                  error_at;
    ingestion_lseg_trouble_t troubles[INGESTION_STREAM_TROUBLES];
    size_t                   n_troubles;
} ingestion_stream_state_t;

/* With defaults in all figures; texts and callbacks are NULL. */
void ingestion_stream_conf_init(ingestion_stream_conf_t *conf);

/*
 * Begins; *conf is copied, with its texts. Nothing happens until RICs are set.
 * WD_ENOMEM.
 */
wd_must_check int ingestion_stream_start(uv_loop_t                     *loop,
                                         const ingestion_stream_conf_t *conf,
                                         ingestion_stream_t           **ret);

/*
 * Logs out, stores what is left, and closes its handles with the next turns
 * of the loop, for which it waits no longer than for a connection's close and
 * a put. Twice is harmless; NULL is accepted.
 */
void ingestion_stream_stop(ingestion_stream_t *st);

/* After it has stopped, or the loop has ended. NULL is accepted. */
void ingestion_stream_destroy(ingestion_stream_t *st);

/* What is subscribed from now on, see ingestion_lseg_session_rics(). */
wd_must_check int ingestion_stream_rics(ingestion_stream_t *st,
                                        const wd_str_t *rics, size_t n,
                                        size_t *ret_bad);

/*
 * A token that is good for `life`: an answer, or the keeper has a new one
 * anyway. It is copied, and wiped when it is of no use any more.
 */
void ingestion_stream_token(ingestion_stream_t *st, wd_str_t token,
                            wd_ns_t life);

/* There is none now: asked again with back-off. */
void ingestion_stream_no_token(ingestion_stream_t *st, const wd_error_t *why);

/* Any thread: as it was half a second ago, or later. */
void ingestion_stream_state(ingestion_stream_t       *st,
                            ingestion_stream_state_t *ret);

const char *ingestion_stream_phase_name(ingestion_stream_phase_e phase);

/* Members of an open object. */
void ingestion_stream_json(const ingestion_stream_state_t *state, wd_json_t *j);

#endif /* INGESTION_STREAM_H */
