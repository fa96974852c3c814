/*
 * wd_gds_entry.h - one entry of a GDS answer; for the readers of such answers
 * alone.
 *
 * The members of an entry come in any order, its rows often before what they
 * mean, so an entry is read whole first and its rows in a second pass.
 */
#ifndef WD_GDS_ENTRY_H
#define WD_GDS_ENTRY_H

#include "wd_gds_request.h"
#include "wd_json_scan.h"
#include "wd_records.h"

typedef struct {
    wd_str_t       function;
    wd_str_t       identifier;
    wd_str_t       mnemonic;
    wd_str_t       error; /* ErrMsg; "" when all is well */
    wd_str_t       as_of; /* of the properties */
    wd_str_t       currency;
    wd_str_t       period;
    wd_json_scan_t headers; /* before the bracket; p NULL: there are none */
    wd_json_scan_t rows;
    int64_t        n_rows; /* as announced; -1: not said */
    int64_t        n_cols;
    const char    *bad; /* a member of a wrong type; NULL */
} wd_gds_entry_t;

/* Reads the entry at the cursor; errors are those of wd_json_scan_value(). */
wd_must_check int wd_gds_entry_read(wd_json_scan_t *s, wd_pool_t *pool,
                                    wd_gds_entry_t *ret);

/* A key that only an entry has: where one begins behind a damage. */
bool wd_gds_entry_key(wd_str_t key);

/* Elements of a list that was stepped over before. */
size_t wd_gds_count(wd_json_scan_t list);

/* Adds the facts of an entry that answers `item`. WD_OK or WD_ENOMEM. */
wd_must_check int wd_gds_entry_facts(const wd_gds_entry_t *e,
                                     const wd_gds_item_t  *item,
                                     wd_records_t         *r);

#endif /* WD_GDS_ENTRY_H */
