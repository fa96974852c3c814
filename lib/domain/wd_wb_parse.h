/*
 * wd_wb_parse.h - the World Bank's answers as records: pages of the
 * Indicators API as observations, lists of what it knows as facts. Pure.
 */
#ifndef WD_WB_PARSE_H
#define WD_WB_PARSE_H

#include "wd_records.h"

typedef enum {
    WD_WB_INDICATOR,
    WD_WB_COUNTRIES,
    WD_WB_SOURCES,
    WD_WB_INDICATORS,
    WD_WB_TOPICS,
    WD_WB_REGIONS,
    WD_WB_INCOME_LEVELS,
    WD_WB_LENDING_TYPES
} wd_wb_dataset_e;

/*
 * "indicator", "countries", "sources", "indicators", "topics", "regions",
 * "income_levels", "lending_types".
 */
bool wd_wb_dataset_by_name(wd_str_t name, wd_wb_dataset_e *ret);

/*
 * *ret was initialised; `body` must stay as long as *ret. WD_OK, whatever the
 * body holds: what is wrong with it stands in ret->rejects and ret->refused.
 * WD_ENOMEM. ret->refreshed is the provider's "lastupdated", the vintage of
 * all of the page.
 *
 * WD_WB_INDICATOR gives observations. It takes a page of /country/X/indicator/Y
 * in JSON or XML, also of several indicators ("A;B"), and the JSON of
 * /sources/N/country/X/series/Y/data. A row of the latter with a further
 * dimension is rejected: UNKNOWN_DIMENSION; only all creditors of a debt
 * ("Counterpart-Area" "WLD") are what the series itself says. Footnotes have no
 * place in an observation and are not kept.
 *
 * The others are JSON and give facts: the symbol is the code of the row (of a
 * country alpha-3, of a series up to 64 bytes), the item the provider's name
 * ("iso2Code", "sourceNote"), the text what stood there, without blanks around
 * it, NULL when it was empty. {"id":"LCN","value":"Latin America"} under
 * "region" becomes "region.id" and "region". Only longitude, latitude and
 * concepts have a value, too. A country also has "aggregate", "yes" or "no"; a
 * series has all of its topics as one text: "topics" "Trade;Poverty",
 * "topics.id" "21;11". Members not known here are ignored. An item that cannot
 * be used is rejected alone; without its code or name the row is.
 */
wd_must_check int wd_wb_parse_dataset(wd_wb_dataset_e dataset, wd_str_t body,
                                      wd_records_t *ret);

/* The same for WD_WB_INDICATOR. */
wd_must_check int wd_wb_parse(wd_str_t body, wd_records_t *ret);

/* "2010", "2012M08", "2013Q4", "2020-03-31": first day and frequency. */
bool wd_wb_period(wd_str_t s, wd_ns_t *ret, char *ret_frequency);

#endif /* WD_WB_PARSE_H */
