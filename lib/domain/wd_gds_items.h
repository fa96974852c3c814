/*
 * wd_gds_items.h - which items a data set of the Capital IQ client service
 * (GDS) asks for: what is asked and what is read must agree about it. Pure.
 */
#ifndef WD_GDS_ITEMS_H
#define WD_GDS_ITEMS_H

#include "wd_gds_request.h"
#include "wd_pool.h"

/* Lists are parted by commas, blanks around an item do not count. */
typedef struct {
    wd_str_t dataset; /* "values", "history", "series", "esg" */
    wd_str_t identifiers;
    wd_str_t fields; /* mnemonics */
    wd_str_t currency; /* the others as in wd_gds_item_t; "" or NULL: none */
    wd_str_t period;
    wd_str_t frequency;
    wd_str_t as_of;
    wd_str_t start;
    wd_str_t end;
} wd_gds_ask_t;

/*
 * All fields of the first identifier, then those of the second, and so on; of
 * values and esg GDSP, of history GDSHE, of series GDST. From the pool; texts
 * stay the caller's. WD_OK; WD_EINVAL: no such data set, or a list is empty;
 * WD_ETOOBIG: more than WD_GDS_ITEMS_MAX; WD_ENOMEM.
 */
wd_must_check int wd_gds_items(wd_pool_t *pool, const wd_gds_ask_t *ask,
                               wd_gds_item_t **ret, size_t *ret_n);

#endif /* WD_GDS_ITEMS_H */
