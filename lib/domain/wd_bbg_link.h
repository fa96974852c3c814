/*
 * wd_bbg_link.h - links of Bloomberg's REST service as paths on its host.
 */
#ifndef WD_BBG_LINK_H
#define WD_BBG_LINK_H

#include "wd_err.h"
#include "wd_pool.h"

#define WD_BBG_URL_MAX 2048 /* bytes */

/* ASCII without blanks, quotes, fragments and "..", up to WD_BBG_URL_MAX. */
bool wd_bbg_link_ok(wd_str_t s);

/* What stands before the question mark. */
wd_str_t wd_bbg_without_query(wd_str_t url);

/*
 * *ret: the path and query of `url` when it is an https URL of `host`, a path
 * or relative to the path `base`; else data NULL. WD_OK or WD_ENOMEM.
 */
wd_must_check int wd_bbg_path(wd_pool_t *pool, wd_str_t host, wd_str_t base,
                              wd_str_t url, wd_str_t *ret);

#endif /* WD_BBG_LINK_H */
