/*
 * wd_lseg_message.h - the members of one streaming message; for
 * wd_lseg_stream.c alone.
 */
#ifndef WD_LSEG_MESSAGE_H
#define WD_LSEG_MESSAGE_H

#include "wd_lseg_stream.h"

/* One message while it is read. */
typedef struct {
    wd_json_scan_t  s;
    wd_pool_t      *pool;
    wd_lseg_event_t e;
    wd_str_t        type;
    wd_str_t        text;
    const char     *strange; /* what is wrong with it; NULL: nothing */
    size_t          cap_fields;
} wd_lseg_msg_t;

/* The first thing that is wrong counts. */
void wd_lseg_strange(wd_lseg_msg_t *m, const char *why);

/*
 * All members of the object at the cursor, whatever their order. WD_OK, also
 * for a message that is a strange one; WD_ETRUNC, WD_EPROTO, WD_ENOMEM.
 */
wd_must_check int wd_lseg_msg_read(wd_lseg_msg_t *m);

#endif /* WD_LSEG_MESSAGE_H */
