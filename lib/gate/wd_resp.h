/*
 * wd_resp.h - RESP2, the protocol of Redis: commands out, replies in.
 *
 * The reader takes bytes in pieces of any size and survives any: what breaks
 * the protocol or a limit is an error of the connection, never of memory.
 */
#ifndef WD_RESP_H
#define WD_RESP_H

#include "wd_buf.h"

#define WD_RESP_LINE_MAX 1024 /* of a status, an error or a number */
#define WD_RESP_BULK_MAX (16 * 1024 * 1024)
#define WD_RESP_VALUES_MAX 4096 /* of one reply, arrays included */
#define WD_RESP_DEPTH_MAX 4 /* arrays in arrays */
#define WD_RESP_REPLY_MAX (WD_RESP_BULK_MAX + 1024 * 1024)

typedef enum {
    WD_RESP_NIL,
    WD_RESP_STATUS, /* text */
    WD_RESP_ERROR, /* text */
    WD_RESP_INT, /* n */
    WD_RESP_BULK, /* text */
    WD_RESP_ARRAY /* n values follow, each with what is in it */
} wd_resp_e;

typedef struct {
    wd_resp_e type;
    int64_t   n;
    wd_str_t  text;
} wd_resp_value_t;

typedef struct {
    wd_buf_t         in;
    size_t           done; /* of `in`, bytes of replies handed out */
    size_t           pos; /* parsed up to here */
    wd_resp_value_t *values; /* of the reply in work; text.data: an offset */
    size_t           n_values;
    size_t           cap_values;
    uint32_t         left[WD_RESP_DEPTH_MAX + 1]; /* values missing per level */
    unsigned         depth;
    size_t           bulk_max;
} wd_resp_reader_t;

/* `bulk_max` 0: WD_RESP_BULK_MAX. */
void wd_resp_reader_init(wd_resp_reader_t *r, size_t bulk_max);
void wd_resp_reader_done(wd_resp_reader_t *r);

/* Room for at least n bytes, or NULL; then says how many came. */
uint8_t *wd_resp_reader_space(wd_resp_reader_t *r, size_t n);
void     wd_resp_reader_fed(wd_resp_reader_t *r, size_t n);

/*
 * WD_OK: one whole reply; its values, the first is the outermost, are good
 * until the reader is used again. WD_EAGAIN: more bytes are needed.
 * WD_EPROTO, WD_ETOOBIG, WD_ENOMEM: the connection must be closed.
 */
wd_must_check int wd_resp_reader_next(wd_resp_reader_t       *r,
                                      const wd_resp_value_t **ret,
                                      size_t                 *ret_n);

/* A command is an array of bulks: its head, then each argument. */
void wd_resp_put_command(wd_buf_t *b, size_t argc);
void wd_resp_put_arg(wd_buf_t *b, wd_str_t arg);
void wd_resp_put_int(wd_buf_t *b, int64_t n);

#endif /* WD_RESP_H */
