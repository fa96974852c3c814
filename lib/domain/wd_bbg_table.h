/*
 * wd_bbg_table.h - tables of Bloomberg's REST service; what wd_bbg_dl.h
 * promises of them, and what its reader shares.
 */
#ifndef WD_BBG_TABLE_H
#define WD_BBG_TABLE_H

#include "wd_records.h"

/* By its first line. */
bool wd_bbg_is_table(wd_str_t body);

/* As wd_bbg_dl_parse(), for what is known to be a table. */
wd_must_check int wd_bbg_table_parse(wd_str_t body, wd_records_t *ret);

#endif /* WD_BBG_TABLE_H */
