/*
 * analytics_purge.h - tells gateways which of their answers are outdated.
 *
 * Commits are heard of through the bus topic valid.records, by LISTEN, and
 * become cache.purge with the tags they outdate. Each sign of life of that
 * connection becomes a cache.beat; so a beat says: what was committed until
 * now has been purged. After a time without hearing everything is purged.
 */
#ifndef ANALYTICS_PURGE_H
#define ANALYTICS_PURGE_H

#include "wd_service.h"

#define ANALYTICS_BEAT_MS 250

typedef struct analytics_purge analytics_purge_t;

/* Starts the thread. WD_ENOMEM, WD_EINTERNAL. */
wd_must_check int analytics_purge_start(wd_service_t *service, const char *url,
                                        analytics_purge_t **ret,
                                        wd_error_t         *err);

/* Ends the thread and waits for it. Loop thread. NULL is accepted. */
void analytics_purge_stop(analytics_purge_t *p);

/* After the loop has ended. NULL is accepted. */
void analytics_purge_destroy(analytics_purge_t *p);

bool analytics_purge_hears(const analytics_purge_t *p);

#endif /* ANALYTICS_PURGE_H */
