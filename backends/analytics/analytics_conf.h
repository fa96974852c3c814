/*
 * analytics_conf.h - configuration of the analytics service.
 */
#ifndef ANALYTICS_CONF_H
#define ANALYTICS_CONF_H

#include "wd_service.h"

/* How long answers may be cached. What is outdated is purged before. */
typedef enum {
    ANALYTICS_TTL_MARKET, /* bars, quotes */
    ANALYTICS_TTL_REFERENCE, /* instruments, macro */
    ANALYTICS_TTL_COMPUTED,
    ANALYTICS_TTL_STATIC, /* changes with the program only */
    ANALYTICS_TTL_PAST, /* of a past as_of */
    ANALYTICS_TTL_COUNT
} analytics_ttl_e;

typedef struct {
    wd_service_conf_t service;
    uint32_t          ttl_ms[ANALYTICS_TTL_COUNT];
    uint32_t          series_max; /* bars of one computation */
} analytics_conf_t;

const wd_conf_row_t *analytics_conf_rows(size_t *ret_n);

#endif /* ANALYTICS_CONF_H */
