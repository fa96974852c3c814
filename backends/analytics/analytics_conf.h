/*
 * analytics_conf.h - configuration of the analytics service.
 */
#ifndef ANALYTICS_CONF_H
#define ANALYTICS_CONF_H

#include "wd_service.h"

typedef struct {
    wd_service_conf_t service;
    uint32_t          ttl_ms; /* of answers about the present */
    uint32_t          ttl_past_ms; /* of answers about a past as_of */
    uint32_t          series_max; /* bars of one computation */
} analytics_conf_t;

const wd_conf_row_t *analytics_conf_rows(size_t *ret_n);

#endif /* ANALYTICS_CONF_H */
