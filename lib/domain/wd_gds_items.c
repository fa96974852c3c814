/*
 * wd_gds_items.c - identifiers times fields.
 */
#include "wd_gds_items.h"

static const struct {
    const char *dataset;
    const char *function;
} wd_gds_functions[] = {
    {"values", "GDSP"},
    {"history", "GDSHE"},
    {"series", "GDST"},
    {"esg", "GDSP"},
};


/* NULL: no such data set. */
static const char *
wd_gds_function(wd_str_t dataset)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_gds_functions); i++) {
        if (wd_str_eq_z(dataset, wd_gds_functions[i].dataset)) {
            return wd_gds_functions[i].function;
        }
    }
    return NULL;
}


/* Items of a list; WD_ETOOBIG: more than an array of the maximum holds. */
static int
wd_gds_split(wd_str_t list, wd_str_t ret[WD_GDS_ITEMS_MAX], size_t *ret_n)
{
    wd_str_t part;

    *ret_n = 0;
    while (wd_str_split(&list, ',', &part)) {
        part = wd_str_trim(part);
        if (part.len == 0) {
            continue;
        }
        if (*ret_n == WD_GDS_ITEMS_MAX) {
            return WD_ETOOBIG;
        }
        ret[(*ret_n)++] = part;
    }
    return WD_OK;
}


int
wd_gds_items(wd_pool_t *pool, const wd_gds_ask_t *ask, wd_gds_item_t **ret,
             size_t *ret_n)
{
    size_t      i, k, n_ids, n_fields;
    wd_str_t    ids[WD_GDS_ITEMS_MAX], fields[WD_GDS_ITEMS_MAX];
    const char *function = wd_gds_function(ask->dataset);

    *ret_n = 0;
    if (wd_gds_split(ask->identifiers, ids, &n_ids) != WD_OK
        || wd_gds_split(ask->fields, fields, &n_fields) != WD_OK
        || n_ids * n_fields > WD_GDS_ITEMS_MAX) {
        return WD_ETOOBIG;
    }
    if (function == NULL || n_ids == 0 || n_fields == 0) {
        return WD_EINVAL;
    }

    *ret = wd_pool_calloc(pool, n_ids * n_fields * sizeof(**ret));
    if (*ret == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < n_ids; i++) {
        for (k = 0; k < n_fields; k++) {
            (*ret)[(*ret_n)++] = (wd_gds_item_t){.function = wd_str_z(function),
                                                 .identifier = ids[i],
                                                 .mnemonic = fields[k],
                                                 .currency = ask->currency,
                                                 .period = ask->period,
                                                 .frequency = ask->frequency,
                                                 .as_of = ask->as_of,
                                                 .start = ask->start,
                                                 .end = ask->end};
        }
    }
    return WD_OK;
}
