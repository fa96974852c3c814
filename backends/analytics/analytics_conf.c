/*
 * analytics_conf.c - the table of configuration keys.
 */
#include "analytics_conf.h"

static const wd_conf_row_t rows[] = {
    WD_SERVICE_CONF_ROWS(analytics_conf_t, service, "analytics"),
    {"analytics", "ttl", wd_conf_ms, offsetof(analytics_conf_t, ttl_ms), "5s",
     0, 86400000, WD_CONF_RELOAD,
     "How long answers about the present may be cached"},
    {"analytics", "ttl_past", wd_conf_ms,
     offsetof(analytics_conf_t, ttl_past_ms), "1h", 0, 604800000,
     WD_CONF_RELOAD,
     "How long answers as of a time more than a day ago may be cached"},
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
