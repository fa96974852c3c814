/*
 * wd_cachectl.c - reads Cache-Control and If-None-Match of a request.
 */
#include "wd_cachectl.h"


/* ---- lists -------------------------------------------------------------- */

/* The next element between commas; those in quotes do not count. */
static bool
wd_cachectl_next(wd_str_t *in, wd_str_t *ret)
{
    size_t i;
    bool   quoted = false;

    if (in->len == 0) {
        return false;
    }

    for (i = 0; i < in->len; i++) {
        if (in->data[i] == '"') {
            quoted = !quoted;
        } else if (in->data[i] == '\\' && quoted && i + 1 < in->len) {
            i++;
        } else if (in->data[i] == ',' && !quoted) {
            break;
        }
    }

    *ret = wd_str_trim(wd_str(in->data, i));
    i = i < in->len ? i + 1 : i;
    *in = wd_str(in->data + i, in->len - i);
    return true;
}


/* Seconds; -1: not a number. */
static int64_t
wd_cachectl_seconds(wd_str_t s)
{
    size_t  i;
    int64_t n = 0;

    if (s.len >= 2 && s.data[0] == '"' && s.data[s.len - 1] == '"') {
        s = wd_str(s.data + 1, s.len - 2);
    }
    if (s.len == 0) {
        return -1;
    }

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return -1;
        }
        n = wd_min(n * 10 + (s.data[i] - '0'), WD_CACHECTL_AGE_MAX);
    }
    return n;
}


/* ---- Cache-Control ------------------------------------------------------ */

static void
wd_cachectl_directive(wd_str_t name, wd_str_t value, wd_cachectl_t *ret)
{
    int64_t n;

    if (wd_str_ieq(name, WD_STR("no-cache"))) {
        ret->no_cache = true;
    } else if (wd_str_ieq(name, WD_STR("no-store"))) {
        ret->no_store = true;
    } else if (wd_str_ieq(name, WD_STR("only-if-cached"))) {
        ret->only_if_cached = true;
    } else if (wd_str_ieq(name, WD_STR("max-age"))) {
        /* Of two the stricter one. */
        n = wd_max(wd_cachectl_seconds(value), 0);
        ret->max_age = ret->max_age < 0 ? n : wd_min(ret->max_age, n);
    } else if (wd_str_ieq(name, WD_STR("min-fresh"))) {
        ret->min_fresh = wd_max(ret->min_fresh, wd_cachectl_seconds(value));
    }
}


void
wd_cachectl_parse(wd_str_t value, wd_cachectl_t *ret)
{
    wd_str_t    element;
    const char *eq;

    *ret = (wd_cachectl_t){.max_age = -1, .min_fresh = -1};

    while (wd_cachectl_next(&value, &element)) {
        eq = element.len != 0 ? memchr(element.data, '=', element.len) : NULL;
        if (eq == NULL) {
            wd_cachectl_directive(element, WD_STR_NULL, ret);
        } else {
            wd_cachectl_directive(
                wd_str(element.data, (size_t) (eq - element.data)),
                wd_str(eq + 1, (size_t) (element.data + element.len - eq - 1)),
                ret);
        }
    }
}


/* ---- If-None-Match ------------------------------------------------------ */

static wd_str_t
wd_cachectl_opaque(wd_str_t etag)
{
    return wd_str_starts(etag, "W/") ? wd_str(etag.data + 2, etag.len - 2)
                                     : etag;
}


bool
wd_cachectl_match(wd_str_t if_none_match, wd_str_t etag)
{
    wd_str_t element;

    if (etag.len == 0) {
        return false;
    }
    while (wd_cachectl_next(&if_none_match, &element)) {
        if (wd_str_eq(element, WD_STR("*"))
            || wd_str_eq(wd_cachectl_opaque(element),
                         wd_cachectl_opaque(etag))) {
            return true;
        }
    }
    return false;
}
