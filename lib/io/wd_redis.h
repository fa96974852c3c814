/*
 * wd_redis.h - asks a Redis server whether it lives.
 */
#ifndef WD_REDIS_H
#define WD_REDIS_H

#include "wd_err.h"

/* PING. url: unix:/path or host:port. Worker threads. WD_OK or WD_EUNAVAIL. */
wd_must_check int wd_redis_ping(const char *url, uint32_t timeout_ms,
                                wd_error_t *err);

#endif /* WD_REDIS_H */
