/*
 * wd_bbg_dl.h - files of Bloomberg Data License, and the tables that its REST
 * service hands out; both unpacked. Pure.
 *
 * A file goes from START-OF-FILE to END-OF-FILE; one without its end is
 * refused as a whole. Its rows are those of getdata,
 *
 *     SECURITY|return code|number of fields|value|...|
 *
 * or of gethistory,
 *
 *     START SECURITY|SECURITY|FIELD|
 *     SECURITY|date|value|
 *     END SECURITY|SECURITY|FIELD|return code|
 *
 * A table begins with the names of its columns, IDENTIFIER and RC among them,
 * between commas or bars; with a column DATE its rows are days of a history.
 * Nothing marks its end: whether it is whole only its digest tells.
 *
 * Records: a row, good or bad; a block of a history that has a return code.
 */
#ifndef WD_BBG_DL_H
#define WD_BBG_DL_H

#include "wd_records.h"

#define WD_BBG_DL_LINE_MAX (1024 * 1024) /* bytes */

typedef enum {
    WD_BBG_DL_NONE, /* neither an answer nor a table */
    WD_BBG_DL_CUT, /* a file without END-OF-FILE */
    WD_BBG_DL_EMPTY,
    WD_BBG_DL_ROWS
} wd_bbg_dl_kind_e;

/* From the first row on nothing is looked at. */
wd_bbg_dl_kind_e wd_bbg_dl_kind(wd_str_t body);

/*
 * *ret was initialised; `body` must stay as long as *ret. WD_OK, whatever the
 * body holds: what is wrong with it stands in ret->rejects and ret->refused.
 * WD_ENOMEM.
 */
wd_must_check int wd_bbg_dl_parse(wd_str_t body, wd_records_t *ret);

#endif /* WD_BBG_DL_H */
