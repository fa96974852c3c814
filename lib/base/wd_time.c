/*
 * wd_time.c - clocks, calendar arithmetic and RFC 3339 text.
 */
#include "wd_time.h"

#include <time.h>


static wd_ns_t
wd_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (wd_ns_t) ts.tv_sec * WD_NS_PER_S + ts.tv_nsec;
}


wd_ns_t
wd_now(void)
{
    return wd_clock(CLOCK_REALTIME);
}


wd_ns_t
wd_monotonic(void)
{
    return wd_clock(CLOCK_MONOTONIC);
}


/* Howard Hinnant's public-domain algorithm: years begin in March. */
int64_t
wd_days_from_civil(int year, int month, int day)
{
    int64_t y = (int64_t) year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468;
}


static void
wd_civil_from_days(int64_t days, wd_civil_t *c)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    c->day = (int) (doy - (153 * mp + 2) / 5 + 1);
    c->month = (int) (mp < 10 ? mp + 3 : mp - 9);
    c->year = (int) (yoe + era * 400 + (c->month <= 2));
}


static int
wd_month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0)) {
        return 29;
    }
    return days[month - 1];
}


bool
wd_civil_valid(const wd_civil_t *c)
{
    return c->year >= 1 && c->year <= 9999 && c->month >= 1 && c->month <= 12
           && c->day >= 1 && c->day <= wd_month_days(c->year, c->month)
           && c->hour >= 0 && c->hour <= 23 && c->minute >= 0 && c->minute <= 59
           && c->second >= 0 && c->second <= 59 && c->ns >= 0
           && c->ns < WD_NS_PER_S;
}


/* In 128 bits: at the ends of the range the whole second is beyond it. */
static int
wd_time_at(const wd_civil_t *c, int offset, wd_ns_t *ret)
{
    __int128 t;

    t = wd_days_from_civil(c->year, c->month, c->day) * 86400 + c->hour * 3600
        + c->minute * 60 + c->second - offset;
    t = t * WD_NS_PER_S + c->ns;
    if (t < WD_NS_MIN || t > WD_NS_MAX) {
        return WD_EOVERFLOW;
    }

    *ret = (wd_ns_t) t;
    return WD_OK;
}


int
wd_time_from_civil(const wd_civil_t *c, wd_ns_t *ret)
{
    return wd_time_at(c, 0, ret);
}


void
wd_time_to_civil(wd_ns_t t, wd_civil_t *c)
{
    int64_t days, rest;

    days = t / WD_NS_PER_DAY;
    rest = t % WD_NS_PER_DAY;
    if (rest < 0) {
        rest += WD_NS_PER_DAY;
        days--;
    }

    wd_civil_from_days(days, c);
    c->ns = (int) (rest % WD_NS_PER_S);
    rest /= WD_NS_PER_S;
    c->hour = (int) (rest / 3600);
    c->minute = (int) (rest / 60 % 60);
    c->second = (int) (rest % 60);
}


/* Exactly n digits; moves *s behind them. */
static bool
wd_take_digits(wd_str_t *s, size_t n, int *ret)
{
    int    v = 0;
    size_t i;

    if (s->len < n) {
        return false;
    }

    for (i = 0; i < n; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return false;
        }
        v = v * 10 + (s->data[i] - '0');
    }

    s->data += n;
    s->len -= n;
    *ret = v;
    return true;
}


static bool
wd_take_char(wd_str_t *s, char c)
{
    if (s->len == 0 || s->data[0] != c) {
        return false;
    }
    s->data++;
    s->len--;
    return true;
}


static bool
wd_take_date(wd_str_t *s, wd_civil_t *c)
{
    return wd_take_digits(s, 4, &c->year) && wd_take_char(s, '-')
           && wd_take_digits(s, 2, &c->month) && wd_take_char(s, '-')
           && wd_take_digits(s, 2, &c->day);
}


/* One to nine digits behind the point; more is refused, not cut. */
static bool
wd_take_fraction(wd_str_t *s, int *ret_ns)
{
    int digit, n = 0, scale = 100000000;

    *ret_ns = 0;
    while (n < 9 && wd_take_digits(s, 1, &digit)) {
        *ret_ns += digit * scale;
        scale /= 10;
        n++;
    }
    return n != 0;
}


static bool
wd_take_offset(wd_str_t *s, int *ret_seconds)
{
    int  h, m;
    bool minus;

    *ret_seconds = 0;
    if (wd_take_char(s, 'Z') || wd_take_char(s, 'z')) {
        return true;
    }

    minus = s->len != 0 && s->data[0] == '-';
    /* In a query string an unescaped plus sign has become a blank. */
    if (!wd_take_char(s, '+') && !wd_take_char(s, '-')
        && !wd_take_char(s, ' ')) {
        return false;
    }

    if (!wd_take_digits(s, 2, &h) || !wd_take_char(s, ':')
        || !wd_take_digits(s, 2, &m) || h > 23 || m > 59) {
        return false;
    }

    *ret_seconds = (h * 3600 + m * 60) * (minus ? -1 : 1);
    return true;
}


int
wd_time_parse(wd_str_t s, wd_ns_t *ret, bool *ret_is_date)
{
    int        offset;
    wd_civil_t c = {0};

    if (!wd_take_date(&s, &c)) {
        return WD_EINVAL;
    }

    offset = 0;
    if (ret_is_date != NULL) {
        *ret_is_date = s.len == 0;
    }

    if (s.len != 0) {
        if ((!wd_take_char(&s, 'T') && !wd_take_char(&s, 't')
             && !wd_take_char(&s, ' '))
            || !wd_take_digits(&s, 2, &c.hour) || !wd_take_char(&s, ':')
            || !wd_take_digits(&s, 2, &c.minute) || !wd_take_char(&s, ':')
            || !wd_take_digits(&s, 2, &c.second)
            || (wd_take_char(&s, '.') && !wd_take_fraction(&s, &c.ns))
            || !wd_take_offset(&s, &offset) || s.len != 0) {
            return WD_EINVAL;
        }
    }

    if (!wd_civil_valid(&c)) {
        return WD_EINVAL;
    }

    return wd_time_at(&c, offset, ret);
}


int
wd_civil_parse(wd_str_t s, wd_civil_t *ret, bool *ret_is_date)
{
    wd_civil_t c = {0};

    if (!wd_take_date(&s, &c)) {
        return WD_EINVAL;
    }

    if (ret_is_date != NULL) {
        *ret_is_date = s.len == 0;
    }

    if (s.len != 0
        && ((!wd_take_char(&s, ' ') && !wd_take_char(&s, 'T'))
            || !wd_take_digits(&s, 2, &c.hour) || !wd_take_char(&s, ':')
            || !wd_take_digits(&s, 2, &c.minute)
            || (s.len != 0
                && (!wd_take_char(&s, ':') || !wd_take_digits(&s, 2, &c.second)
                    || (wd_take_char(&s, '.')
                        && !wd_take_fraction(&s, &c.ns)))))) {
        return WD_EINVAL;
    }

    if (s.len != 0 || !wd_civil_valid(&c)) {
        return WD_EINVAL;
    }

    *ret = c;
    return WD_OK;
}


static char *
wd_put_digits(char *p, int v, int n)
{
    int i;

    for (i = n - 1; i >= 0; i--) {
        p[i] = (char) ('0' + v % 10);
        v /= 10;
    }
    return p + n;
}


static char *
wd_put_date(char *p, const wd_civil_t *c)
{
    p = wd_put_digits(p, c->year, 4);
    *p++ = '-';
    p = wd_put_digits(p, c->month, 2);
    *p++ = '-';
    return wd_put_digits(p, c->day, 2);
}


size_t
wd_time_format(wd_ns_t t, char out[WD_TIME_TEXT_MAX])
{
    char      *p;
    wd_civil_t c;

    wd_time_to_civil(t, &c);

    p = wd_put_date(out, &c);
    *p++ = 'T';
    p = wd_put_digits(p, c.hour, 2);
    *p++ = ':';
    p = wd_put_digits(p, c.minute, 2);
    *p++ = ':';
    p = wd_put_digits(p, c.second, 2);

    if (c.ns != 0) {
        *p++ = '.';
        p = wd_put_digits(p, c.ns, 9);
        while (p[-1] == '0') {
            p--;
        }
    }

    *p++ = 'Z';
    *p = '\0';
    return (size_t) (p - out);
}


size_t
wd_date_format(wd_ns_t t, char out[WD_TIME_TEXT_MAX])
{
    char      *p;
    wd_civil_t c;

    wd_time_to_civil(t, &c);
    p = wd_put_date(out, &c);
    *p = '\0';
    return (size_t) (p - out);
}
