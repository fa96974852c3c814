/*
 * wd_push_split_int.h - what wd_push_split.c and the cutters of the formats
 * share; for them alone.
 */
#ifndef WD_PUSH_SPLIT_INT_H
#define WD_PUSH_SPLIT_INT_H

#include "wd_mp.h"
#include "wd_push_parse.h"
#include "wd_push_scan.h"
#include "wd_push_split.h"

#include <stdio.h>

typedef enum {
    WD_PUSH_CUT_START, /* before the header, the bracket, the first record */
    WD_PUSH_CUT_RECORDS, /* where a record may begin */
    WD_PUSH_CUT_BEHIND, /* JSON: behind one, at a comma or the end */
    WD_PUSH_CUT_NEXT, /* JSON: behind a comma */
    WD_PUSH_CUT_LONG, /* in a record beyond the limit, which is dropped */
    WD_PUSH_CUT_DONE /* JSON, array of MessagePack: behind the end */
} wd_push_cut_e;

struct wd_push_split {
    const wd_push_dataset_t *d;
    wd_push_format_e         format;
    size_t                   part_bytes;
    wd_push_part_pt          fn;
    void                    *arg;

    wd_buf_t in; /* what has arrived and is not whole yet */
    wd_buf_t part;
    wd_buf_t header; /* of CSV, with a line end */
    int64_t  offset; /* bytes of the body before `in` */
    int64_t  at; /* line or record where `in` begins, from 1 */
    int64_t  first; /* where the part begins */
    int64_t  in_part; /* records of it */
    int64_t  records;
    int64_t  number; /* parts so far */

    wd_push_cut_e       state;
    wd_push_json_scan_t scan; /* JSON: of the record that is looked for */
    size_t              scanned; /* its bytes that were looked at */
    wd_mp_scan_t        mp; /* MessagePack: the same */
    bool                mp_begun;
    bool                single; /* JSON: one object; no array */
    bool                array; /* MessagePack: in an array ... */
    uint32_t            left; /* ... with so many records to come */
    const char         *base; /* of `in`, for offsets in errors */
};

/* A record begins: the part, its bracket or a comma. Its bytes follow. */
void wd_push_split_open(wd_push_split_t *s);

/* Its bytes are there: the part may be ready. */
wd_must_check int wd_push_split_close(wd_push_split_t *s, wd_error_t *err);

/* Is the first record one of the data set? WD_EINVAL with *err. */
wd_must_check int wd_push_split_first(wd_push_split_t *s, wd_str_t record,
                                      wd_error_t *err);

/* All that for a whole record of a format without lines. */
wd_must_check int wd_push_split_take(wd_push_split_t *s, wd_str_t record,
                                     wd_error_t *err);

/* WD_EINVAL: what stands at `in` ends the body, and where that is. */
int wd_push_split_damaged(const wd_push_split_t *s, wd_str_t in,
                          const char *what, wd_error_t *err);

/* Each moves *in over what is whole. */
wd_must_check int wd_push_cut_lines(wd_push_split_t *s, wd_str_t *in, bool last,
                                    wd_error_t *err);
wd_must_check int wd_push_cut_json(wd_push_split_t *s, wd_str_t *in,
                                   wd_error_t *err);
wd_must_check int wd_push_cut_msgpack(wd_push_split_t *s, wd_str_t *in,
                                      wd_error_t *err);

/* Drops n bytes at the front. */
static inline void
wd_push_step(wd_str_t *in, size_t n)
{
    in->data += n;
    in->len -= n;
}

#endif /* WD_PUSH_SPLIT_INT_H */
