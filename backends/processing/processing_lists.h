/*
 * processing_lists.h - lists of a provider of macro-economic series: which
 * table their rows go to, and which items are which columns. Pure.
 */
#ifndef PROCESSING_LISTS_H
#define PROCESSING_LISTS_H

#include "processing_rules.h"

#define PROCESSING_LIST_ITEMS_MAX 14

typedef struct {
    const char              *name; /* "countries" */
    const processing_fact_t *fact;
    struct {
        const char *item; /* as the provider names it */
        int         cell;
    } items[PROCESSING_LIST_ITEMS_MAX];
} processing_list_t;

/* NULL: no such list. */
const processing_list_t *processing_list(const char *name);

/*
 * A row for each record of facts, sorted, each code once; items that the table
 * has no column for are left out. WD_OK or WD_ENOMEM.
 */
wd_must_check int processing_rules_list(const processing_payload_t *p,
                                        const processing_list_t    *list,
                                        wd_records_t               *r,
                                        processing_rows_t          *ret);

#endif /* PROCESSING_LISTS_H */
