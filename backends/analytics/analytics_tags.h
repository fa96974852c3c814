/*
 * analytics_tags.h - cache tags: what an answer depends on, and what a commit
 * outdates. Pure.
 *
 *     tag                what changes under it
 *     bars:SYMBOL        bars, splits and dividends, the time zone
 *     quotes:SYMBOL      quotes, and bars: they make a quote stale
 *     trades:SYMBOL      trades
 *     news:SYMBOL        news that mentions it, and by which names it goes
 *     instrument:SYMBOL  the description, figures, identifiers, which bars are
 *                        stored
 *     instruments        the list of instruments
 *     macro:CODE         observations of an indicator
 *     lists              countries, indicators, databases, groups
 *     indicators         what can be computed; only a new program changes it
 *
 * An answer about more names than it may have tags has one for all of the
 * kind instead: bars, quotes, trades, news, macro. A commit outdates both. So
 * has one that was asked for without names.
 */
#ifndef ANALYTICS_TAGS_H
#define ANALYTICS_TAGS_H

#include "wd_buf.h"
#include "wd_pool.h"

#define ANALYTICS_TAGS_MAX 16 /* of an answer */
#define ANALYTICS_TAG_MAX 96 /* bytes of one */
#define ANALYTICS_TAG_EVERYTHING "*"

/* MessagePack array of an answer's tags. No names: the kind is the tag. */
void analytics_tags_put(wd_buf_t *out, const char *kind, const wd_str_t *names,
                        size_t n);

/*
 * Appends the tags that an event of valid.records outdates to `out`, as
 * MessagePack texts; *ret_n counts them. `more`: further symbols, parted by
 * blanks. WD_EPROTO: not understood, so everything is outdated. WD_ENOMEM.
 */
wd_must_check int analytics_tags_of_event(wd_str_t json, wd_str_t more,
                                          wd_pool_t *pool, wd_buf_t *out,
                                          uint32_t *ret_n);

#endif /* ANALYTICS_TAGS_H */
