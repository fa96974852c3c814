/*
 * wd_expo_accept.c - which text format of metrics an Accept header wants.
 */
#include "wd_expo.h"

#define WD_EXPO_RANGES_MAX 64 /* what comes beyond is not looked at */


/* "0" to "1" with three digits behind the point, as thousandths; -1: no. */
static int
wd_expo_quality(wd_str_t s)
{
    int    q = 0, unit = 100;
    size_t i;

    if (s.len == 0 || s.len > 5 || (s.data[0] != '0' && s.data[0] != '1')
        || (s.len > 1 && s.data[1] != '.')) {
        return -1;
    }
    for (i = 2; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return -1;
        }
        q += (s.data[i] - '0') * unit;
        unit /= 10;
    }
    q += s.data[0] == '1' ? 1000 : 0;
    return q <= 1000 ? q : -1;
}


typedef struct {
    wd_str_t type;
    wd_str_t version;
    int      q;
} wd_expo_range_t;


static bool
wd_expo_range(wd_str_t item, wd_expo_range_t *ret)
{
    wd_str_t part, name;

    ret->q = 1000;
    ret->version = WD_STR_NULL;
    if (!wd_str_split(&item, ';', &part)) {
        return false;
    }
    ret->type = wd_str_trim(part);

    while (item.len != 0 && wd_str_split(&item, ';', &part)) {
        part = wd_str_trim(part);
        if (!wd_str_split(&part, '=', &name)) {
            continue;
        }
        if (wd_str_ieq(wd_str_trim(name), WD_STR("q"))) {
            ret->q = wd_expo_quality(wd_str_trim(part));
            return ret->q >= 0;
        }
        if (wd_str_ieq(wd_str_trim(name), WD_STR("version"))) {
            ret->version = wd_str_trim(part);
        }
    }
    return true;
}


/* How exactly a range names a type: 0 not at all, 1 all types, 2, 3, 4. */
static int
wd_expo_matches(const wd_expo_range_t *r, const char *group, const char *type,
                const char *version)
{
    if (wd_str_eq_z(r->type, "*/*")) {
        return 1;
    }
    if (wd_str_ieq(r->type, wd_str_z(group))) {
        return 2;
    }
    if (!wd_str_ieq(r->type, wd_str_z(type))) {
        return 0;
    }
    if (r->version.len == 0) {
        return 3;
    }
    return wd_str_starts(r->version, version) ? 4 : 0;
}


static void
wd_expo_better(int matches, int q, int *best, int *ret_q)
{
    if (matches > *best || (matches == *best && matches != 0 && q > *ret_q)) {
        *best = matches;
        *ret_q = q;
    }
}


/*
 * The range that names a type most exactly says its quality. Plain text wins
 * a draw: it is what everybody reads; but a scraper that names OpenMetrics
 * and has plain text only among all others gets OpenMetrics.
 */
bool
wd_expo_accept(wd_str_t accept)
{
    int             i, om = 0, om_q = 0, text = 0, text_q = 0;
    wd_str_t        item;
    wd_expo_range_t r;

    for (i = 0; i < WD_EXPO_RANGES_MAX && accept.len != 0
                && wd_str_split(&accept, ',', &item);
         i++) {
        if (!wd_expo_range(item, &r)) {
            continue;
        }
        wd_expo_better(wd_expo_matches(&r, "application/*",
                                       "application/openmetrics-text", "1."),
                       r.q, &om, &om_q);
        wd_expo_better(wd_expo_matches(&r, "text/*", "text/plain", "0.0.4"),
                       r.q, &text, &text_q);
    }

    return om_q > text_q
           || (om_q == text_q && om_q != 0 && om > text && om > 2);
}
