/*
 * wd_av_economy.h - Alpha Vantage's economic series and commodities: one
 * function each.
 */
#ifndef WD_AV_ECONOMY_H
#define WD_AV_ECONOMY_H

#include "wd_str.h"

typedef struct {
    const char *function; /* "CPI" */
    const char *country; /* "USA"; "WLD": prices of the world's market */
    const char *intervals; /* "monthly|semiannual", the default first */
    bool        maturity; /* there is one series of each maturity */
} wd_av_economy_t;

/* NULL: there is no such function. */
const wd_av_economy_t *wd_av_economy(wd_str_t function);

bool wd_av_economy_has(const wd_av_economy_t *e, wd_str_t interval);
bool wd_av_maturity_ok(wd_str_t maturity);

/* 'A', 'S', 'Q', 'M', 'W', 'D'; of another text that of the default. */
char wd_av_frequency(wd_str_t interval, const wd_av_economy_t *e);

#endif /* WD_AV_ECONOMY_H */
