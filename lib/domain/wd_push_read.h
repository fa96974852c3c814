/*
 * wd_push_read.h - readers of the formats, for wd_push_parse.c, and what they
 * share.
 */
#ifndef WD_PUSH_READ_H
#define WD_PUSH_READ_H

#include "wd_push_row.h"

/* As wd_push_parse(). */
wd_must_check int wd_push_read_csv(const wd_push_dataset_t *d, wd_str_t part,
                                   wd_records_t *r);
wd_must_check int wd_push_read_ndjson(const wd_push_dataset_t *d, wd_str_t part,
                                      wd_records_t *r);
wd_must_check int wd_push_read_json(const wd_push_dataset_t *d, wd_str_t part,
                                    wd_records_t *r);
wd_must_check int wd_push_read_msgpack(const wd_push_dataset_t *d,
                                       wd_str_t part, wd_records_t *r);

/* May there be one more? WD_ETOOBIG: no, which is told; WD_ENOMEM. */
wd_must_check int wd_push_read_room(wd_records_t *r);

/*
 * Rejects the line that `*left` begins with, for its length, and steps over
 * it; *number is its own and becomes that of the next one.
 */
wd_must_check int wd_push_read_overlong(wd_str_t *left, int32_t *number,
                                        wd_records_t *r);

/* Rejects a record for its length. */
wd_must_check int wd_push_read_too_long(int32_t number, wd_str_t sample,
                                        wd_records_t *r);

/* A record that was read as `rc` tells: added, or rejected. */
wd_must_check int wd_push_read_add(const wd_push_dataset_t *d, int rc,
                                   const wd_push_row_t *row, bool none,
                                   int32_t number, wd_str_t sample,
                                   wd_records_t *r);

/* The part ends in the middle. */
wd_must_check int wd_push_read_cut(wd_records_t *r);

#endif /* WD_PUSH_READ_H */
