/*
 * ingestion_lseg_session_int.h - a session's inside; for
 * ingestion_lseg_*.c alone.
 */
#ifndef INGESTION_LSEG_SESSION_INT_H
#define INGESTION_LSEG_SESSION_INT_H

#include "ingestion_lseg_session.h"

#include "wd_list.h"
#include "wd_map.h"

#define LSEG_LOGIN_ID 1

typedef enum {
    LSEG_ITEM_READY, /* to be asked for with the next request */
    LSEG_ITEM_LATER, /* the same, from `due` on */
    LSEG_ITEM_ASKED, /* not answered; at `due` it is late */
    LSEG_ITEM_OPEN,
    LSEG_ITEM_SUSPECT,
    LSEG_ITEM_CLOSED, /* for good, but tried again from `due` on */
    LSEG_ITEM_STATES
} lseg_item_e;

typedef struct {
    wd_list_t       link; /* in the list of its state */
    lseg_item_e     state;
    wd_lseg_image_t image; /* with the RIC */
    int64_t         id; /* of its stream; 0: it has none */
    int64_t         batch; /* the request that asked for it; 0: it alone */
    uint64_t        object; /* the archive's text that knows its image */
    wd_ns_t         due;
    uint32_t        attempts; /* in vain, one after the other */
    wd_answer_e class; /* of the last trouble */
    char text[WD_ANSWER_TEXT_MAX];
    bool wanted;
} lseg_item_t;

struct ingestion_lseg_session {
    ingestion_lseg_conf_t  conf; /* texts are its own */
    ingestion_lseg_state_e state;
    uint64_t               random;

    wd_list_t lists[LSEG_ITEM_STATES];
    size_t    n[LSEG_ITEM_STATES];
    wd_map_t *by_ric;
    wd_map_t *by_id; /* eight bytes */
    wd_buf_t  leaving; /* ids of streams to be closed, int64_t each */
    int64_t   next_id;
    bool      singly; /* the server takes no batches */

    wd_buf_t token; /* until it is sent; wiped */
    bool     login_sent;
    bool     login_suspect;
    bool     pong; /* to be sent */
    bool     ping;
    wd_ns_t  opened;
    wd_ns_t  heard;
    wd_ns_t  pinged;
    wd_ns_t  silence; /* that the server announced as its longest */

    uint64_t object; /* of the archive, counted from 1 */
    bool     begun; /* it has a first line */
    uint64_t frames;
    uint64_t messages;
    uint64_t stray;
};

/* ---- ingestion_lseg_items.c ----------------------------------------------- */

wd_must_check int lseg_items_init(ingestion_lseg_session_t *s);
void              lseg_items_done(ingestion_lseg_session_t *s);

/* All streams are gone with the connection. */
void lseg_items_lost(ingestion_lseg_session_t *s);

/* NULL: no such stream. */
lseg_item_t *lseg_item_of(const ingestion_lseg_session_t *s, int64_t id);

/* After a message was applied to its image. */
void lseg_item_applied(ingestion_lseg_session_t *s, lseg_item_t *item,
                       const wd_lseg_event_t *event, wd_lseg_next_e next,
                       wd_ns_t now);

/* The server calls the request for it none. */
void lseg_item_refused(ingestion_lseg_session_t *s, lseg_item_t *item,
                       const wd_lseg_event_t *event, wd_ns_t now);

/* The same for a batch; false: there is none of that id. */
bool lseg_batch_refused(ingestion_lseg_session_t *s, int64_t id, wd_ns_t now);

/* What has waited long enough, and what was not answered. */
void lseg_items_tick(ingestion_lseg_session_t *s, wd_ns_t now);

/* The next close or request; false: there is none. */
bool lseg_items_take(ingestion_lseg_session_t *s, wd_ns_t now, wd_buf_t *out);

#endif /* INGESTION_LSEG_SESSION_INT_H */
