/*
 * wd_lseg_stream.h - frames of LSEG's streaming service (WebSocket,
 * sub-protocol tr_json2) as a list of events. Pure.
 *
 * A frame is an array of messages. One that cannot be read is an event of its
 * own and spoils no other; damage of the JSON ends the frame, and whoever
 * reads the connection can only begin anew.
 */
#ifndef WD_LSEG_STREAM_H
#define WD_LSEG_STREAM_H

#include "wd_answer.h"
#include "wd_json_scan.h"

#define WD_LSEG_FRAME_MAX (4 * 1024 * 1024) /* bytes; a login says 60 kB */
#define WD_LSEG_MESSAGES_MAX 10000 /* of one frame */
#define WD_LSEG_FIELDS_MAX 4096 /* of one message */

typedef enum {
    WD_LSEG_EV_STRANGE, /* no message that can be read; text says why */
    WD_LSEG_EV_LOGIN_ACCEPTED, /* also a renewal; data may be suspect */
    WD_LSEG_EV_LOGIN_REFUSED, /* text and class say why */
    WD_LSEG_EV_LOGIN_STATUS, /* the login stays open */
    WD_LSEG_EV_REFRESH,
    WD_LSEG_EV_UPDATE,
    WD_LSEG_EV_STATUS,
    WD_LSEG_EV_PING, /* to be answered by {"Type":"Pong"} */
    WD_LSEG_EV_PONG,
    WD_LSEG_EV_ACK, /* nak: refused */
    WD_LSEG_EV_ERROR /* what we sent was none: the text says why */
} wd_lseg_event_e;

typedef enum {
    WD_LSEG_STREAM_NONE, /* not said: as before */
    WD_LSEG_STREAM_OPEN,
    WD_LSEG_STREAM_NON_STREAMING, /* complete, and no updates follow */
    WD_LSEG_STREAM_CLOSED_RECOVER, /* ask again later */
    WD_LSEG_STREAM_CLOSED, /* do not */
    WD_LSEG_STREAM_REDIRECTED
} wd_lseg_stream_e;

typedef enum {
    WD_LSEG_DATA_NONE, /* not said, or no change: as before */
    WD_LSEG_DATA_OK,
    WD_LSEG_DATA_SUSPECT
} wd_lseg_data_e;

/* A field as it came; nested ones have their brace as text. */
typedef struct {
    wd_str_t           name;
    wd_json_scan_val_t value;
} wd_lseg_field_t;

/* Views point into the frame or the pool; data NULL: not said. */
typedef struct {
    wd_lseg_event_e  kind;
    wd_str_t         raw; /* the message as it stands in the frame */
    int64_t          id; /* of the stream; -1: not said */
    wd_str_t         domain; /* "MarketPrice" unless said */
    wd_str_t         name; /* the RIC */
    wd_str_t         service;
    wd_str_t         update_type; /* "Trade", "Quote", "Unspecified", ... */
    wd_lseg_stream_e stream;
    wd_lseg_data_e   data;
    wd_str_t         code; /* "NotFound", ...; of an Ack its NakCode */
    wd_answer_e class; /* what the code means; OK when there is none */
    const char      *text; /* for people, without secrets; "" or more */
    int64_t          part; /* of a refresh in several parts, from 0; -1 */
    int64_t          sequence; /* -1; gaps mean nothing where it is conflated */
    int64_t          ack_id; /* -1 */
    int64_t          ping_timeout_s; /* of a login; 0: not said */
    int64_t          max_message; /* of a login; bytes; 0: not said */
    bool             complete; /* the last, or only, part of a refresh */
    bool             solicited;
    bool             clear_cache;
    bool             do_not_cache;
    bool             has_map; /* of a book: its entries are not read */
    wd_lseg_field_t *fields;
    size_t           n_fields;
} wd_lseg_event_t;

typedef struct {
    wd_lseg_event_t *events;
    size_t           n;
} wd_lseg_events_t;

/*
 * WD_OK; WD_ETOOBIG, WD_ETRUNC, WD_EPROTO: the frame is too large, ends too
 * early or is no JSON array; *ret holds the events before that place. `frame`
 * must stay as long as *ret. WD_ENOMEM.
 */
wd_must_check int wd_lseg_stream_parse(wd_str_t frame, wd_pool_t *pool,
                                       wd_lseg_events_t *ret, wd_error_t *err);

/* What a code of a state means: NOT_FOUND, PERMISSION, LIMIT_SHORT, ... */
wd_answer_e wd_lseg_state_class(wd_str_t code);

#endif /* WD_LSEG_STREAM_H */
