/*
 * wd_num.c - shortest round-trip printing and strict parsing of numbers.
 *
 * Both have a fast path for what market data is made of (up to 15 digits,
 * few decimals). It is exact, not approximate: m / 10^k with m < 2^53 and
 * k <= 22 is a division of two exact doubles, hence correctly rounded
 * (Clinger 1990), which is what strtod() would return for the same text.
 */
#include "wd_num.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WD_NUM_EXACT 9007199254740992.0 /* 2^53 */
#define WD_NUM_FAST_DECIMALS 9
#define WD_NUM_PARSE_MAX 400 /* longest text that is looked at */

static const double wd_pow10[] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* printf() and strtod() follow the locale of the program; numbers do not. */
static locale_t wd_num_locale;


__attribute__((constructor)) static void
wd_num_init(void)
{
    wd_num_locale = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
}


static int
wd_num_print(char out[WD_NUM_TEXT_MAX], int prec, double v)
{
    int      n;
    locale_t was = uselocale(wd_num_locale);

    n = snprintf(out, WD_NUM_TEXT_MAX, "%.*g", prec, v);
    uselocale(was);
    return n;
}


static size_t
wd_uint_put(uint64_t v, char *out)
{
    char   tmp[24];
    size_t i, n = 0;

    do {
        tmp[n++] = (char) ('0' + v % 10);
        v /= 10;
    } while (v != 0);

    for (i = 0; i < n; i++) {
        out[i] = tmp[n - 1 - i];
    }
    return n;
}


size_t
wd_int_format(int64_t v, char out[WD_NUM_TEXT_MAX])
{
    size_t n = 0;

    if (v < 0) {
        out[n++] = '-';
    }
    n += wd_uint_put(v < 0 ? (uint64_t) 0 - (uint64_t) v : (uint64_t) v,
                     out + n);
    out[n] = '\0';
    return n;
}


bool
wd_num_not_finite(wd_str_t s)
{
    if (s.len != 0 && (s.data[0] == '-' || s.data[0] == '+')) {
        s = wd_str(s.data + 1, s.len - 1);
    }
    return wd_str_ieq(s, WD_STR("nan")) || wd_str_ieq(s, WD_STR("inf"))
           || wd_str_ieq(s, WD_STR("infinity"));
}


/* digits with `k` of them behind the point */
static size_t
wd_fixed_put(uint64_t digits, size_t k, char *out)
{
    char   tmp[24];
    size_t n, len = 0;

    n = wd_uint_put(digits, tmp);

    if (k == 0) {
        memcpy(out, tmp, n);
        return n;
    }

    if (n <= k) {
        out[len++] = '0';
        out[len++] = '.';
        memset(out + len, '0', k - n);
        len += k - n;
        memcpy(out + len, tmp, n);
        return len + n;
    }

    memcpy(out, tmp, n - k);
    out[n - k] = '.';
    memcpy(out + n - k + 1, tmp + n - k, k);
    return n + 1;
}


size_t
wd_num_format(double v, char out[WD_NUM_TEXT_MAX])
{
    int    prec;
    double a, m;
    size_t k, n = 0;

    a = fabs(v);

    if (a < 1e15) {
        for (k = 0; k <= WD_NUM_FAST_DECIMALS; k++) {
            m = nearbyint(a * wd_pow10[k]);
            if (m >= 1e15) {
                break; /* beyond 15 digits a shorter form may exist */
            }
            if (m / wd_pow10[k] == a) {
                if (v < 0) {
                    out[n++] = '-';
                }
                n += wd_fixed_put((uint64_t) m, k, out + n);
                out[n] = '\0';
                return n;
            }
        }
    }

    for (prec = 1; prec < 17; prec++) {
        /* Below 15 digits only tiny or huge values can round-trip. */
        if (prec < 15 && a >= 1e-5 && a < 1e15) {
            continue;
        }
        n = (size_t) wd_num_print(out, prec, v);
        if (strtod_l(out, NULL, wd_num_locale) == v) {
            return n;
        }
    }

    return (size_t) wd_num_print(out, 17, v);
}


typedef struct {
    bool     negative;
    uint64_t digits; /* valid while n_digits <= 19 */
    int      n_digits; /* significant, without leading zeros */
    int      n_fraction;
    bool     has_exponent;
} wd_decimal_t;


static size_t
wd_decimal_digits(wd_str_t s, size_t i, wd_decimal_t *d, bool fraction)
{
    for (; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++) {
        if (d->n_digits != 0 || s.data[i] != '0') {
            d->n_digits++;
            if (d->n_digits <= 19) {
                d->digits = d->digits * 10 + (uint64_t) (s.data[i] - '0');
            }
        }
        d->n_fraction += fraction;
    }
    return i;
}


/* Checks the grammar and gathers what the fast path needs. */
static bool
wd_decimal_scan(wd_str_t s, wd_decimal_t *d)
{
    size_t i = 0, from, whole;

    memset(d, 0, sizeof(*d));

    if (i < s.len && (s.data[i] == '-' || s.data[i] == '+')) {
        d->negative = s.data[i] == '-';
        i++;
    }

    from = i;
    i = wd_decimal_digits(s, i, d, false);
    whole = i - from;

    if (i < s.len && s.data[i] == '.') {
        from = ++i;
        i = wd_decimal_digits(s, i, d, true);
        whole += i - from;
    }

    if (whole == 0) {
        return false;
    }

    if (i < s.len && (s.data[i] == 'e' || s.data[i] == 'E')) {
        d->has_exponent = true;
        i++;
        if (i < s.len && (s.data[i] == '-' || s.data[i] == '+')) {
            i++;
        }
        from = i;
        while (i < s.len && s.data[i] >= '0' && s.data[i] <= '9') {
            i++;
        }
        if (i == from) {
            return false;
        }
    }

    return i == s.len;
}


int
wd_num_parse(wd_str_t s, double *ret)
{
    char         tmp[WD_NUM_PARSE_MAX + 1];
    double       v;
    wd_decimal_t d;

    if (s.len == 0 || s.len > WD_NUM_PARSE_MAX || !wd_decimal_scan(s, &d)) {
        return WD_EINVAL;
    }

    if (!d.has_exponent && d.n_digits <= 15 && d.n_fraction <= 22) {
        v = (double) d.digits / wd_pow10[d.n_fraction];
        *ret = d.negative ? -v : v;
        return WD_OK;
    }

    wd_str_copy(tmp, sizeof(tmp), s);
    v = strtod_l(tmp, NULL, wd_num_locale);
    if (!isfinite(v)) {
        return WD_EOVERFLOW;
    }

    *ret = v;
    return WD_OK;
}


int
wd_int_parse(wd_str_t s, int64_t *ret)
{
    bool    negative;
    size_t  i = 0;
    int64_t v = 0;

    negative = s.len != 0 && s.data[0] == '-';
    i += negative;

    if (i == s.len) {
        return WD_EINVAL;
    }

    for (; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return WD_EINVAL;
        }
        /* Negative all the way: INT64_MIN has no positive counterpart. */
        if (__builtin_mul_overflow(v, INT64_C(10), &v)
            || __builtin_sub_overflow(v, (int64_t) (s.data[i] - '0'), &v)) {
            return WD_EOVERFLOW;
        }
    }

    if (!negative) {
        if (v == INT64_MIN) {
            return WD_EOVERFLOW;
        }
        v = -v;
    }

    *ret = v;
    return WD_OK;
}
