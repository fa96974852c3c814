/*
 * wd_push.h - what clients push: the data sets with their columns, the
 * formats, and the limits. docs/PUSH.md tells clients the same.
 *
 * A pushed body is cut into parts at the borders of records (wd_push_split.h),
 * each part is an object of the lake, and what it says is read from there
 * (wd_push_parse.h). Both agree on where a record ends (wd_push_scan.h).
 */
#ifndef WD_PUSH_H
#define WD_PUSH_H

#include "wd_records.h"

/* Bytes of a body, decompressed. */
#define WD_PUSH_BODY_MAX (INT64_C(1024) * 1024 * 1024)

/* What a part of a body has at most, but for its last record. */
#define WD_PUSH_PART_BYTES (8u * 1024 * 1024)
#define WD_PUSH_PART_RECORDS 100000

/* Bytes of one record. */
#define WD_PUSH_RECORD_MAX (64u * 1024)

#define WD_PUSH_COLUMNS_MAX 16
#define WD_PUSH_TEXT_MAX 1024 /* bytes of a text in a column */
#define WD_PUSH_CODE_MAX 64

typedef enum {
    WD_PUSH_CSV,
    WD_PUSH_JSON, /* an array of objects, or one object */
    WD_PUSH_NDJSON,
    WD_PUSH_MSGPACK /* an array of maps, or maps one behind the other */
} wd_push_format_e;

/* By media type, one of those of wd_upload.h. */
bool wd_push_format_by_type(wd_str_t type, wd_push_format_e *ret);

const char *wd_push_format_name(wd_push_format_e format); /* "csv", ... */
const char *wd_push_format_type(wd_push_format_e format); /* "text/csv", ... */

/* Are records named by the lines of the body? Else by their number. */
bool wd_push_format_has_lines(wd_push_format_e format);

typedef enum {
    WD_PUSH_SYMBOL,
    WD_PUSH_FIGURE,
    WD_PUSH_NUMBER, /* whole, from 1 */
    WD_PUSH_TIME, /* RFC 3339, or a date */
    WD_PUSH_DAY,
    WD_PUSH_PERIOD, /* 2024, 2024Q1, 2024M05, 2024-05, 2024-05-02 */
    WD_PUSH_TEXT,
    WD_PUSH_CODE, /* letters, digits and . _ - : */
    WD_PUSH_WORD, /* one of a list */
    WD_PUSH_LIST /* symbols: "IBM;SPY", or a list of the format */
} wd_push_type_e;

#define WD_PUSH_NAMED 1u /* its name must be there */
#define WD_PUSH_SAID 3u /* and in each record a value */

typedef struct {
    const char    *name;
    const char    *alias; /* another name for it, or NULL */
    wd_push_type_e type;
    unsigned       flags;
    size_t         at; /* of the field in the record */
    const char    *words; /* WORD: "dividend|split" */
} wd_push_column_t;

/* Of which kind the records are. */
typedef enum {
    WD_PUSH_BARS,
    WD_PUSH_QUOTES,
    WD_PUSH_TRADES,
    WD_PUSH_OBSERVATIONS,
    WD_PUSH_ACTIONS,
    WD_PUSH_INSTRUMENTS,
    WD_PUSH_FACTS,
    WD_PUSH_NEWS
} wd_push_kind_e;

typedef struct {
    const char             *name; /* "bars", ... */
    wd_push_kind_e          kind;
    const wd_push_column_t *columns;
    size_t                  n_columns;
} wd_push_dataset_t;

/* NULL: there is none of that name. */
const wd_push_dataset_t *wd_push_dataset_by_name(wd_str_t name);

/* All of them. */
const wd_push_dataset_t *wd_push_datasets(size_t *ret_n);

/* Number of the column of that name, whatever its case; -1: none. */
int wd_push_column(const wd_push_dataset_t *d, wd_str_t name);

#endif /* WD_PUSH_H */
