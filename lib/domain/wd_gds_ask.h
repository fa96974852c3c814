/*
 * wd_gds_ask.h - what the Capital IQ client service (GDS) is asked about a
 * list of somebodies and a list of names of data: the items of its batch.
 *
 * Who asks and who reads the answer make the same items of the same words.
 */
#ifndef WD_GDS_ASK_H
#define WD_GDS_ASK_H

#include "wd_gds_request.h"

/* Texts are the caller's; "" where nothing is said. */
typedef struct {
    wd_str_t dataset; /* values, esg: one value each; history: by period;
                         series: at a frequency */
    wd_str_t identifiers; /* separated by commas */
    wd_str_t fields; /* mnemonics, separated by commas */
    wd_str_t period;
    wd_str_t currency;
    wd_str_t interval; /* daily, weekly, monthly, quarterly, annual */
    wd_str_t date; /* as of */
    wd_str_t start;
    wd_str_t end;
} wd_gds_ask_t;

/*
 * Somebody by somebody, in the order of the lists; their texts are those of
 * *ask. WD_OK; WD_ETOOBIG: more than WD_GDS_ITEMS_MAX; WD_EINVAL: a list is
 * empty, or no such data set.
 */
wd_must_check int wd_gds_items(const wd_gds_ask_t *ask,
                               wd_gds_item_t       items[WD_GDS_ITEMS_MAX],
                               size_t             *ret_n);

#endif /* WD_GDS_ASK_H */
