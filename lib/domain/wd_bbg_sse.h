/*
 * wd_bbg_sse.h - a stream of events (text/event-stream), as the notifications
 * of Bloomberg's REST service come: HTML Living Standard, section 9.2.
 *
 * Chunks may end anywhere. Bounds keep what one event can take; an event
 * beyond them is stepped over.
 */
#ifndef WD_BBG_SSE_H
#define WD_BBG_SSE_H

#include "wd_buf.h"

#define WD_BBG_SSE_LINE_MAX (64 * 1024) /* bytes */
#define WD_BBG_SSE_DATA_MAX (256 * 1024)
#define WD_BBG_SSE_TYPE_MAX 64
#define WD_BBG_SSE_ID_MAX 256

typedef struct {
    wd_buf_t line;
    wd_buf_t data;
    char     type[WD_BBG_SSE_TYPE_MAX];
    char     id[WD_BBG_SSE_ID_MAX]; /* the last one: for Last-Event-ID */
    int64_t  retry_ms; /* -1: the server did not say */
    bool     has_data;
    bool     lost; /* the event is beyond a bound */
    bool     no_memory;
    bool     ended; /* the event was handed out */
    bool     after_cr; /* a LF belongs to the line end before it */
    bool     started; /* behind a byte order mark */
} wd_bbg_sse_t;

/* Views that hold until the next call. */
typedef struct {
    wd_str_t type; /* "message" unless the server says another */
    wd_str_t data; /* any bytes */
    wd_str_t id; /* "" until there is one */
} wd_bbg_event_t;

void wd_bbg_sse_init(wd_bbg_sse_t *s);
void wd_bbg_sse_done(wd_bbg_sse_t *s);

/* For a new connection: forgets half an event, keeps the last id. */
void wd_bbg_sse_restart(wd_bbg_sse_t *s);

/*
 * Takes bytes off *chunk until an event is complete: WD_OK. WD_ENOTFOUND: the
 * chunk is used up. WD_ETOOBIG: an event was stepped over. WD_ENOMEM: so was
 * one, for want of memory. Call again in all cases but WD_ENOTFOUND.
 */
wd_must_check int wd_bbg_sse_next(wd_bbg_sse_t *s, wd_str_t *chunk,
                                  wd_bbg_event_t *ret);

#endif /* WD_BBG_SSE_H */
