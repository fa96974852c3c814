/*
 * wd_wb_country.h - which code a World Bank row's country has, and whether it
 * is one.
 *
 * Aggregates (regions, groups of income) stand among the countries and would
 * be counted with them. Some rows have no alpha-3 code at all, and in some of
 * the Bank's databases the id itself holds three letters, so both are joined.
 */
#ifndef WD_WB_COUNTRY_H
#define WD_WB_COUNTRY_H

#include "wd_str.h"

/* Alpha-3 where one can be found, else `id`; a view of either or static. */
wd_str_t wd_wb_country(wd_str_t id, wd_str_t iso3, bool *ret_aggregate);

#endif /* WD_WB_COUNTRY_H */
