/*
 * wd_cachectl.h - what a client asks of a cache: Cache-Control of a request
 * (RFC 9111 5.2.1), and If-None-Match (RFC 9110 13.1.2).
 */
#ifndef WD_CACHECTL_H
#define WD_CACHECTL_H

#include "wd_str.h"

#define WD_CACHECTL_AGE_MAX INT64_C(2147483648) /* seconds; more is this */

typedef struct {
    bool    no_cache; /* nothing stored without asking anew */
    bool    no_store; /* and the answer is not kept */
    bool    only_if_cached;
    int64_t max_age; /* seconds; -1: not said */
    int64_t min_fresh;
} wd_cachectl_t;

/*
 * Directives that are not known are skipped. A time that is no number counts
 * as 0 for max-age: better asked anew than wrongly served.
 */
void wd_cachectl_parse(wd_str_t value, wd_cachectl_t *ret);

/* Does the list name this entity tag (weak comparison), or is it `*`? */
bool wd_cachectl_match(wd_str_t if_none_match, wd_str_t etag);

#endif /* WD_CACHECTL_H */
