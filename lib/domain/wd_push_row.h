/*
 * wd_push_row.h - one pushed record from its fields; shared by the readers of
 * all formats.
 */
#ifndef WD_PUSH_ROW_H
#define WD_PUSH_ROW_H

#include "wd_push.h"

/* What is wrong with a record whatever it says. */
typedef enum {
    WD_PUSH_SOUND,
    WD_PUSH_STRANGE, /* `name` is no column */
    WD_PUSH_TWICE, /* `name` stands there twice */
    WD_PUSH_NESTED /* the value of `name` is an object or a list */
} wd_push_fault_e;

/* A text for each column; data NULL: nothing is said. */
typedef struct {
    wd_str_t        cells[WD_PUSH_COLUMNS_MAX];
    unsigned        named; /* bit set of columns */
    wd_push_fault_e fault; /* the first one */
    wd_str_t        name;
} wd_push_row_t;

void wd_push_row_init(wd_push_row_t *row);

/*
 * Names a column, which has no value yet. Its number, or -1 when it cannot
 * be: then it is noted as the row's fault.
 */
int wd_push_row_name(const wd_push_dataset_t *d, wd_push_row_t *row,
                     wd_str_t name);

/* Notes that the value of a name is an object or a list. */
void wd_push_row_nested(wd_push_row_t *row, wd_str_t name);

/*
 * Do the names make a record of the data set? WD_OK, or WD_EINVAL with *err:
 * which one is none, or is not there. `where` begins the text: "line 1".
 */
wd_must_check int wd_push_row_names(const wd_push_dataset_t *d,
                                    const wd_push_row_t *row, const char *where,
                                    wd_error_t *err);

/*
 * Adds the record `number`, or rejects it. The texts of the row must stay as
 * long as *r. WD_OK, WD_ENOMEM.
 */
wd_must_check int wd_push_row_add(const wd_push_dataset_t *d,
                                  const wd_push_row_t *row, int32_t number,
                                  wd_str_t sample, wd_records_t *r);

#endif /* WD_PUSH_ROW_H */
