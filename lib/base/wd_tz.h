/*
 * wd_tz.h - local civil time of a zone to UTC, from the TZif files (RFC 8536).
 *
 * Immutable after loading; any thread.
 */
#ifndef WD_TZ_H
#define WD_TZ_H

#include "wd_time.h"

typedef struct wd_tz wd_tz_t;

#define WD_TZ_FILE_MAX (256 * 1024)

/*
 * "US/Eastern", "UTC": from $TZDIR or the system's zone files. WD_EINVAL for
 * a name that is none, WD_ENOTFOUND, WD_EPROTO for a file that is no TZif.
 */
wd_must_check int wd_tz_load(const char *name, wd_tz_t **ret);
wd_must_check int wd_tz_parse(wd_str_t tzif, wd_tz_t **ret);
void              wd_tz_destroy(wd_tz_t *tz);

/*
 * A local time that occurs twice is the first of the two; one that is
 * skipped is moved forward by the gap. WD_EOVERFLOW outside of wd_ns_t.
 */
wd_must_check int wd_tz_to_utc(const wd_tz_t *tz, const wd_civil_t *local,
                               wd_ns_t *ret);

/* Seconds east of UTC at an instant. */
int wd_tz_offset(const wd_tz_t *tz, wd_ns_t t);

#endif /* WD_TZ_H */
