/*
 * wd_av_economy.c - Alpha Vantage's economic series: countries, intervals.
 */
#include "wd_av_economy.h"

#define DAILY_OR_LESS "monthly|weekly|daily"
#define COMMODITY "monthly|quarterly|annual"

static const wd_av_economy_t wd_av_economies[] = {
    {"REAL_GDP", "USA", "annual|quarterly", false},
    {"REAL_GDP_PER_CAPITA", "USA", "quarterly", false},
    {"TREASURY_YIELD", "USA", DAILY_OR_LESS, true},
    {"FEDERAL_FUNDS_RATE", "USA", DAILY_OR_LESS, false},
    {"CPI", "USA", "monthly|semiannual", false},
    {"INFLATION", "USA", "annual", false},
    {"RETAIL_SALES", "USA", "monthly", false},
    {"DURABLES", "USA", "monthly", false},
    {"UNEMPLOYMENT", "USA", "monthly", false},
    {"NONFARM_PAYROLL", "USA", "monthly", false},
    {"WTI", "WLD", DAILY_OR_LESS, false},
    {"BRENT", "WLD", DAILY_OR_LESS, false},
    {"NATURAL_GAS", "WLD", DAILY_OR_LESS, false},
    {"COPPER", "WLD", COMMODITY, false},
    {"ALUMINUM", "WLD", COMMODITY, false},
    {"WHEAT", "WLD", COMMODITY, false},
    {"CORN", "WLD", COMMODITY, false},
    {"COTTON", "WLD", COMMODITY, false},
    {"SUGAR", "WLD", COMMODITY, false},
    {"COFFEE", "WLD", COMMODITY, false},
    {"ALL_COMMODITIES", "WLD", COMMODITY, false},
};


/* Is the word one of "a|b|c"? */
static bool
wd_av_one_of(wd_str_t word, const char *words)
{
    wd_str_t part, rest = wd_str_z(words);

    while (wd_str_split(&rest, '|', &part)) {
        if (wd_str_eq(part, word)) {
            return true;
        }
    }
    return false;
}


const wd_av_economy_t *
wd_av_economy(wd_str_t function)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_av_economies); i++) {
        if (wd_str_eq_z(function, wd_av_economies[i].function)) {
            return &wd_av_economies[i];
        }
    }
    return NULL;
}


bool
wd_av_economy_has(const wd_av_economy_t *e, wd_str_t interval)
{
    return wd_av_one_of(interval, e->intervals);
}


bool
wd_av_maturity_ok(wd_str_t maturity)
{
    return wd_av_one_of(maturity, "3month|2year|5year|7year|10year|30year");
}


char
wd_av_frequency(wd_str_t interval, const wd_av_economy_t *e)
{
    static const char        letters[] = "ASQMWD";
    static const char *const words[] = {"annual",  "semiannual", "quarterly",
                                        "monthly", "weekly",     "daily"};
    size_t                   i;

    for (i = 0; i < wd_array_len(words); i++) {
        if (wd_str_eq_z(interval, words[i])) {
            return letters[i];
        }
    }
    for (i = 0; i < wd_array_len(words); i++) {
        if (wd_str_starts(wd_str_z(e->intervals), words[i])) {
            return letters[i];
        }
    }
    return 'M';
}
