/*
 * wd_push_parse.h - a part of a pushed body as records. Pure.
 */
#ifndef WD_PUSH_PARSE_H
#define WD_PUSH_PARSE_H

#include "wd_push_row.h"

/*
 * `part` is what wd_push_split.h makes, and must stay as long as *ret, which
 * was initialised. A record's number is that of its line behind the header or
 * its own, from 0. What is wrong stands in ret->rejects and ret->refused.
 * WD_OK, whatever the part holds; WD_ENOMEM.
 */
wd_must_check int wd_push_parse(const wd_push_dataset_t *d,
                                wd_push_format_e format, wd_str_t part,
                                wd_records_t *ret);

/*
 * The fields of one record, for wd_push_row_names() or wd_push_row_add().
 * WD_EPROTO: it cannot be read, or is none (*ret_none). WD_ENOMEM.
 */
wd_must_check int wd_push_row_json(const wd_push_dataset_t *d, wd_str_t text,
                                   wd_pool_t *pool, wd_push_row_t *ret,
                                   bool *ret_none);
wd_must_check int wd_push_row_msgpack(const wd_push_dataset_t *d,
                                      wd_str_t bytes, wd_pool_t *pool,
                                      wd_push_row_t *ret, bool *ret_none);

/*
 * The header: names of the columns, and which one each cell of a line is
 * (-1: none). *ret_n: cells. WD_EPROTO: it cannot be read; WD_ENOMEM.
 */
typedef struct {
    int    at[WD_PUSH_COLUMNS_MAX];
    size_t n;
} wd_push_header_t;

wd_must_check int wd_push_row_header(const wd_push_dataset_t *d, wd_str_t line,
                                     wd_pool_t *pool, wd_push_row_t *row,
                                     wd_push_header_t *ret);

#endif /* WD_PUSH_PARSE_H */
