/*
 * wd_tz.c - TZif version 2+ (RFC 8536): transitions and the footer's rule.
 */
#include "wd_tz.h"

#include "wd_buf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WD_TZ_TRANSITIONS_MAX 4096

/* A daylight-saving rule of the footer: Mm.w.d/time. */
typedef struct {
    int month;
    int week; /* 5: the last */
    int day; /* 0: Sunday */
    int time_s;
} wd_tz_rule_t;

struct wd_tz {
    size_t   n;
    int64_t *at; /* transitions, seconds since 1970 */
    int32_t *offset; /* from there on, seconds east */
    int32_t  first; /* before the first transition */

    /* behind the last transition */
    int          std;
    int          dst;
    bool         has_dst;
    wd_tz_rule_t start;
    wd_tz_rule_t end;
};

typedef struct {
    const uint8_t *p;
    size_t         left;
} wd_tz_in_t;


static int64_t
wd_tz_be(const uint8_t *p, size_t n)
{
    size_t   i;
    uint64_t v = 0;

    for (i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return (int64_t) (v << (64 - 8 * n)) >> (64 - 8 * n);
}


typedef struct {
    uint32_t isut, isstd, leap, time, type, chars;
} wd_tz_head_t;


static bool
wd_tz_head(wd_tz_in_t *in, wd_tz_head_t *h)
{
    const uint8_t *p = in->p;

    if (in->left < 44 || memcmp(p, "TZif", 4) != 0 || p[4] < '2') {
        return false;
    }

    h->isut = (uint32_t) wd_tz_be(p + 20, 4);
    h->isstd = (uint32_t) wd_tz_be(p + 24, 4);
    h->leap = (uint32_t) wd_tz_be(p + 28, 4);
    h->time = (uint32_t) wd_tz_be(p + 32, 4);
    h->type = (uint32_t) wd_tz_be(p + 36, 4);
    h->chars = (uint32_t) wd_tz_be(p + 40, 4);

    in->p += 44;
    in->left -= 44;
    return h->time <= WD_TZ_TRANSITIONS_MAX && h->type >= 1 && h->type <= 256
           && h->chars <= 4096 && h->leap <= 4096 && h->isut <= 256
           && h->isstd <= 256;
}


static size_t
wd_tz_block(const wd_tz_head_t *h, size_t time_size)
{
    return h->time * (time_size + 1) + h->type * 6 + h->chars
           + h->leap * (time_size + 4) + h->isstd + h->isut;
}


static int
wd_tz_transitions(wd_tz_t *tz, const wd_tz_in_t *in, const wd_tz_head_t *h)
{
    size_t         i;
    const uint8_t *types = in->p + h->time * 8;
    const uint8_t *infos = types + h->time;

    tz->at = calloc(h->time + 1, sizeof(*tz->at));
    tz->offset = calloc(h->time + 1, sizeof(*tz->offset));
    if (tz->at == NULL || tz->offset == NULL) {
        return WD_ENOMEM;
    }

    tz->first = (int32_t) wd_tz_be(infos, 4);
    if (tz->first < -93600 || tz->first > 93600) {
        return WD_EPROTO;
    }

    for (i = 0; i < h->time; i++) {
        tz->at[i] = wd_tz_be(in->p + i * 8, 8);
        if (types[i] >= h->type || (i != 0 && tz->at[i] <= tz->at[i - 1])) {
            return WD_EPROTO;
        }
        tz->offset[i] = (int32_t) wd_tz_be(infos + types[i] * 6, 4);
        if (tz->offset[i] < -93600 || tz->offset[i] > 93600) {
            return WD_EPROTO;
        }
    }

    tz->n = h->time;
    return WD_OK;
}


static bool
wd_tz_int(wd_str_t *s, int *ret)
{
    size_t n = 0;

    *ret = 0;
    while (n < s->len && n < 4 && s->data[n] >= '0' && s->data[n] <= '9') {
        *ret = *ret * 10 + (s->data[n++] - '0');
    }
    s->data += n;
    s->len -= n;
    return n != 0;
}


static bool
wd_tz_take(wd_str_t *s, char c)
{
    if (s->len == 0 || s->data[0] != c) {
        return false;
    }
    s->data++;
    s->len--;
    return true;
}


/* [+-]hh[:mm[:ss]] in seconds. */
static bool
wd_tz_hms(wd_str_t *s, int *ret)
{
    int  h, m = 0, sec = 0;
    bool minus = wd_tz_take(s, '-');

    if (!minus) {
        wd_tz_take(s, '+');
    }
    if (!wd_tz_int(s, &h) || h > 167
        || (wd_tz_take(s, ':') && !wd_tz_int(s, &m))
        || (wd_tz_take(s, ':') && !wd_tz_int(s, &sec)) || m > 59 || sec > 59) {
        return false;
    }

    *ret = (h * 3600 + m * 60 + sec) * (minus ? -1 : 1);
    return true;
}


static bool
wd_tz_name(wd_str_t *s)
{
    size_t n = 0;

    if (wd_tz_take(s, '<')) {
        while (s->len != 0 && s->data[0] != '>') {
            wd_tz_take(s, s->data[0]);
        }
        return wd_tz_take(s, '>');
    }

    while (s->len != 0
           && ((s->data[0] >= 'A' && s->data[0] <= 'Z')
               || (s->data[0] >= 'a' && s->data[0] <= 'z'))) {
        wd_tz_take(s, s->data[0]);
        n++;
    }
    return n >= 3;
}


static bool
wd_tz_rule(wd_str_t *s, wd_tz_rule_t *r)
{
    r->time_s = 7200;

    return wd_tz_take(s, ',') && wd_tz_take(s, 'M') && wd_tz_int(s, &r->month)
           && wd_tz_take(s, '.') && wd_tz_int(s, &r->week) && wd_tz_take(s, '.')
           && wd_tz_int(s, &r->day) && r->month >= 1 && r->month <= 12
           && r->week >= 1 && r->week <= 5 && r->day <= 6
           && (!wd_tz_take(s, '/') || wd_tz_hms(s, &r->time_s));
}


/* "EST5EDT,M3.2.0,M11.1.0"; Julian-day rules are not used by any zone. */
static int
wd_tz_footer(wd_tz_t *tz, wd_str_t s)
{
    if (s.len == 0) {
        tz->std = tz->n != 0 ? tz->offset[tz->n - 1] : tz->first;
        return WD_OK;
    }

    if (!wd_tz_name(&s) || !wd_tz_hms(&s, &tz->std)) {
        return WD_EPROTO;
    }
    tz->std = -tz->std;

    if (s.len == 0) {
        return WD_OK;
    }

    tz->has_dst = true;
    tz->dst = tz->std + 3600;
    if (!wd_tz_name(&s)) {
        return WD_EPROTO;
    }
    if (s.len != 0 && s.data[0] != ',') {
        if (!wd_tz_hms(&s, &tz->dst)) {
            return WD_EPROTO;
        }
        tz->dst = -tz->dst;
    }

    if (!wd_tz_rule(&s, &tz->start) || !wd_tz_rule(&s, &tz->end)
        || s.len != 0) {
        return WD_EPROTO;
    }
    return WD_OK;
}


int
wd_tz_parse(wd_str_t tzif, wd_tz_t **ret)
{
    int            rc = WD_EPROTO;
    size_t         size;
    wd_tz_t       *tz;
    wd_tz_in_t     in = {(const uint8_t *) tzif.data, tzif.len};
    wd_tz_head_t   h;
    const uint8_t *end;

    /* The first block repeats the data in 32 bits: step over it. */
    if (!wd_tz_head(&in, &h) || (size = wd_tz_block(&h, 4)) > in.left) {
        return WD_EPROTO;
    }
    in.p += size;
    in.left -= size;

    if (!wd_tz_head(&in, &h) || (size = wd_tz_block(&h, 8)) > in.left) {
        return WD_EPROTO;
    }

    tz = calloc(1, sizeof(*tz));
    if (tz == NULL) {
        return WD_ENOMEM;
    }

    rc = wd_tz_transitions(tz, &in, &h);
    in.p += size;
    in.left -= size;

    if (rc == WD_OK && in.left >= 2 && in.p[0] == '\n') {
        end = memchr(in.p + 1, '\n', in.left - 1);
        rc = end == NULL ? WD_EPROTO
                         : wd_tz_footer(tz, wd_str((const char *) in.p + 1,
                                                   (size_t) (end - in.p - 1)));
    } else if (rc == WD_OK) {
        rc = WD_EPROTO;
    }

    if (rc != WD_OK) {
        wd_tz_destroy(tz);
        return rc;
    }

    *ret = tz;
    return WD_OK;
}


void
wd_tz_destroy(wd_tz_t *tz)
{
    if (tz != NULL) {
        free(tz->at);
        free(tz->offset);
        free(tz);
    }
}


static bool
wd_tz_name_ok(const char *name)
{
    size_t i;

    for (i = 0; name[i] != '\0'; i++) {
        if (!((name[i] >= 'A' && name[i] <= 'Z')
              || (name[i] >= 'a' && name[i] <= 'z')
              || (name[i] >= '0' && name[i] <= '9')
              || strchr("_+-/", name[i]) != NULL)) {
            return false;
        }
    }
    return i != 0 && i <= 64 && name[0] != '/';
}


int
wd_tz_load(const char *name, wd_tz_t **ret)
{
    int         fd, rc;
    char        path[512];
    ssize_t     n;
    wd_buf_t    buf;
    const char *dir = getenv("TZDIR");

    if (!wd_tz_name_ok(name)) {
        return WD_EINVAL;
    }

    snprintf(path, sizeof(path), "%s/%s",
             dir != NULL ? dir : "/usr/share/zoneinfo", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return WD_ENOTFOUND;
    }

    wd_buf_init(&buf, WD_TZ_FILE_MAX);
    while (wd_buf_reserve(&buf, 4096) != NULL
           && (n = read(fd, buf.data + buf.len, 4096)) > 0) {
        buf.len += (size_t) n;
    }
    close(fd);

    rc = buf.err != WD_OK ? WD_EPROTO : wd_tz_parse(wd_buf_view(&buf), ret);
    wd_buf_done(&buf);
    return rc;
}


/* UTC second at which a rule strikes in a year, given the offset before. */
static int64_t
wd_tz_rule_at(const wd_tz_rule_t *r, int year, int offset)
{
    int     wday, day;
    int64_t first, next;

    first = wd_days_from_civil(year, r->month, 1);
    next = r->month == 12 ? wd_days_from_civil(year + 1, 1, 1)
                          : wd_days_from_civil(year, r->month + 1, 1);
    wday = (int) (((first + 4) % 7 + 7) % 7); /* 1970-01-01: Thursday */
    day = (r->day - wday + 7) % 7 + (r->week - 1) * 7;
    while (first + day >= next) {
        day -= 7;
    }
    return (first + day) * 86400 + r->time_s - offset;
}


/* The year of a local second; at the ends of the range, the last one in it. */
static int
wd_tz_year(int64_t s)
{
    wd_civil_t c;

    s = wd_min(wd_max(s, WD_NS_MIN / WD_NS_PER_S), WD_NS_MAX / WD_NS_PER_S);
    wd_time_to_civil(s * WD_NS_PER_S, &c);
    return c.year;
}


static int
wd_tz_offset_s(const wd_tz_t *tz, int64_t s)
{
    int     year;
    bool    north;
    size_t  lo = 0, hi = tz->n, mid;
    int64_t start, end;

    if (tz->n == 0 || s < tz->at[0]) {
        if (tz->n != 0) {
            return tz->first;
        }
    } else if (s < tz->at[tz->n - 1]) {
        while (hi - lo > 1) {
            mid = lo + (hi - lo) / 2;
            if (tz->at[mid] <= s) {
                lo = mid;
            } else {
                hi = mid;
            }
        }
        return tz->offset[lo];
    }

    if (!tz->has_dst) {
        return tz->std;
    }

    year = wd_tz_year(s + tz->std);
    start = wd_tz_rule_at(&tz->start, year, tz->std);
    end = wd_tz_rule_at(&tz->end, year, tz->dst);
    north = start < end;
    return (north ? s >= start && s < end : s >= start || s < end) ? tz->dst
                                                                   : tz->std;
}


int
wd_tz_offset(const wd_tz_t *tz, wd_ns_t t)
{
    int64_t s = t / WD_NS_PER_S;

    return wd_tz_offset_s(tz, s - (t % WD_NS_PER_S < 0));
}


int
wd_tz_to_utc(const wd_tz_t *tz, const wd_civil_t *local, wd_ns_t *ret)
{
    int     rc, before, after;
    wd_ns_t t;
    int64_t s;

    rc = wd_time_from_civil(local, &t);
    if (rc != WD_OK) {
        return rc;
    }

    /*
     * The offset in force a day earlier is the one before any change that
     * could make this local time ambiguous or skipped. If it fits, it is the
     * first of two readings; else the one after the change is taken, unless
     * that does not fit either (a skipped time), which keeps the earlier
     * offset and so moves the time forward by the gap.
     */
    s = t / WD_NS_PER_S;
    before = wd_tz_offset_s(tz, s - 86400);
    after = wd_tz_offset_s(tz, s + 86400);

    if (wd_tz_offset_s(tz, s - before) != before
        && wd_tz_offset_s(tz, s - after) == after) {
        before = after;
    }

    if (__builtin_sub_overflow(t, before * WD_NS_PER_S, ret)) {
        return WD_EOVERFLOW;
    }
    return WD_OK;
}
