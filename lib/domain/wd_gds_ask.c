/*
 * wd_gds_ask.c - the items of a batch.
 */
#include "wd_gds_ask.h"

static const struct {
    const char *dataset, *function;
} functions[] = {
    {"values", "GDSP"},
    {"esg", "GDSP"},
    {"history", "GDSHE"},
    {"series", "GDST"},
};

static const struct {
    const char *interval, *frequency;
} frequencies[] = {
    {"daily", "Daily"},         {"weekly", "Weekly"}, {"monthly", "Monthly"},
    {"quarterly", "Quarterly"}, {"annual", "Yearly"},
};


static wd_str_t
wd_gds_function(wd_str_t dataset)
{
    size_t i;

    for (i = 0; i < wd_array_len(functions); i++) {
        if (wd_str_eq_z(dataset, functions[i].dataset)) {
            return wd_str_z(functions[i].function);
        }
    }
    return WD_STR("");
}


static wd_str_t
wd_gds_frequency(wd_str_t interval)
{
    size_t i;

    for (i = 0; i < wd_array_len(frequencies); i++) {
        if (wd_str_eq_z(interval, frequencies[i].interval)) {
            return wd_str_z(frequencies[i].frequency);
        }
    }
    return WD_STR("");
}


int
wd_gds_items(const wd_gds_ask_t *ask, wd_gds_item_t items[WD_GDS_ITEMS_MAX],
             size_t *ret_n)
{
    size_t        n = 0;
    wd_str_t      who, what, whos = ask->identifiers, whats;
    wd_gds_item_t item = {.function = wd_gds_function(ask->dataset),
                          .currency = ask->currency,
                          .period = ask->period,
                          .frequency = wd_gds_frequency(ask->interval),
                          .as_of = ask->date,
                          .start = ask->start,
                          .end = ask->end};

    if (item.function.len == 0 || ask->identifiers.len == 0
        || ask->fields.len == 0) {
        return WD_EINVAL;
    }
    while (wd_str_split(&whos, ',', &who)) {
        whats = ask->fields;
        while (wd_str_split(&whats, ',', &what)) {
            if (n == WD_GDS_ITEMS_MAX) {
                return WD_ETOOBIG;
            }
            item.identifier = wd_str_trim(who);
            item.mnemonic = wd_str_trim(what);
            items[n++] = item;
        }
    }
    *ret_n = n;
    return WD_OK;
}
