/*
 * analytics_conf.c - the table of configuration keys.
 */
#include "analytics_conf.h"

/* Gateways purge what is outdated before; a week at most. */
#define ANALYTICS_TTL(name, kind, def, what)                                 \
    {                                                                        \
        "analytics", name, wd_conf_ms,                                       \
            offsetof(analytics_conf_t, ttl_ms[kind]), def, 0, 604800000,     \
            WD_CONF_RELOAD, "How long gateways may keep answers about " what \
    }

static const wd_conf_row_t rows[] = {
    WD_SERVICE_CONF_ROWS(analytics_conf_t, service, "analytics"),
    ANALYTICS_TTL("ttl_market", ANALYTICS_TTL_MARKET, "60s",
                  "bars and quotes of the present"),
    ANALYTICS_TTL("ttl_reference", ANALYTICS_TTL_REFERENCE, "5m",
                  "instruments and macro-economic series"),
    ANALYTICS_TTL("ttl_computed", ANALYTICS_TTL_COMPUTED, "30m", "indicators"),
    ANALYTICS_TTL("ttl_static", ANALYTICS_TTL_STATIC, "24h",
                  "what changes with the program only"),
    ANALYTICS_TTL("ttl_past", ANALYTICS_TTL_PAST, "24h",
                  "a time more than a day ago (as_of)"),
    {"analytics", "series_max", wd_conf_u32,
     offsetof(analytics_conf_t, series_max), "4000000", 1000, 100000000,
     WD_CONF_RELOAD,
     "Bars that one indicator may be computed from; 60 bytes of memory each"},
};


const wd_conf_row_t *
analytics_conf_rows(size_t *ret_n)
{
    *ret_n = wd_array_len(rows);
    return rows;
}
