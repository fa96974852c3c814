/*
 * wd_push_split.h - a pushed body, as it arrives, into parts that can each be
 * read alone. Pure.
 *
 * CSV      a part is the header line and lines of the body as they came
 * NDJSON   lines of the body as they came
 * JSON     an array of records as they came
 * MessagePack  records as they came, one behind the other
 *
 * Nothing is judged but what makes a body one of its format and data set: the
 * header, or the names in the first record. Of a line without an end within
 * WD_PUSH_RECORD_MAX bytes so many are kept, and of such a JSON record the
 * text WD_PUSH_OVERLONG in its place: they are rejected when the part is read.
 */
#ifndef WD_PUSH_SPLIT_H
#define WD_PUSH_SPLIT_H

#include "wd_buf.h"
#include "wd_push.h"

typedef struct {
    wd_str_t bytes; /* end with the call */
    int64_t  number; /* of the part: 1, 2, 3, ... */
    int64_t  first; /* line or record, from 1, of what it begins with */
    int64_t  records;
} wd_push_part_t;

/* Takes a part. Another code than WD_OK ends the splitting. */
typedef int (*wd_push_part_pt)(const wd_push_part_t *part, void *arg,
                               wd_error_t *err);

typedef struct wd_push_split wd_push_split_t;

/*
 * `d` must stay. A part ends behind the record with which it has `part_bytes`
 * or WD_PUSH_PART_RECORDS. NULL without memory.
 */
wd_push_split_t *wd_push_split_create(const wd_push_dataset_t *d,
                                      wd_push_format_e         format,
                                      size_t part_bytes, wd_push_part_pt fn,
                                      void *arg);
void             wd_push_split_destroy(wd_push_split_t *s); /* or NULL */

/*
 * The next bytes. WD_EINVAL with *err: the body is not what it should be, and
 * where; parts that were taken before are whole. Codes of `fn`; WD_ENOMEM.
 */
wd_must_check int wd_push_split_feed(wd_push_split_t *s, wd_str_t bytes,
                                     wd_error_t *err);

/* The end of the body: the last part. The same codes. */
wd_must_check int wd_push_split_end(wd_push_split_t *s, wd_error_t *err);

/* Records so far. */
int64_t wd_push_split_records(const wd_push_split_t *s);

#endif /* WD_PUSH_SPLIT_H */
