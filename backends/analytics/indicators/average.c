/*
 * average.c - moving averages: SMA, EMA, WMA, and MACD, a difference of them.
 */
#include "indicator.h"
#include "window.h"

#include <math.h>
#include <stdlib.h>


int
indicator_sma(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    window_mean(in->price, in->n, (size_t) param[0], out[0]);
    return WD_OK;
}


int
indicator_wma(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    window_weighted_mean(in->price, in->n, (size_t) param[0], out[0]);
    return WD_OK;
}


/*
 * x from its first value on; the first output, at period - 1, is the mean of
 * the first `period` values. n >= period.
 */
static void
average_ema(const double *x, size_t n, size_t period, double *out)
{
    double y, k = 2 / ((double) period + 1);
    size_t i;

    for (i = 0; i + 1 < period; i++) {
        out[i] = NAN;
    }

    /* Only the first window: the mean of all would be wasted work. */
    window_mean(x, period, period, out);
    y = out[period - 1];

    for (i = period; i < n; i++) {
        /* k is 1 for period 1: no rounding may come in between */
        y = period == 1 ? x[i] : y + k * (x[i] - y);
        out[i] = y;
    }
}


static void
average_nan(double *out, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        out[i] = NAN;
    }
}


int
indicator_ema(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    size_t period = (size_t) param[0];

    if (in->n < period) {
        average_nan(out[0], in->n);
        return WD_OK;
    }

    average_ema(in->price, in->n, period, out[0]);
    return WD_OK;
}


/*
 * Both averages have their first value at the slow one's first bar: the fast
 * one is seeded with the `fast` values that end there, not with the first
 * ones of the series. The signal line is seeded with the mean of the first
 * `signal` differences.
 */
int
indicator_macd(const indicator_bars_t *in, const double *param,
               double *const *out)
{
    size_t  i, n = in->n;
    size_t  fast = (size_t) param[0], slow = (size_t) param[1];
    size_t  signal = (size_t) param[2], skip = slow - fast;
    double *macd = out[0], *line = out[1], *hist = out[2];

    average_nan(macd, n);
    average_nan(line, n);
    average_nan(hist, n);

    if (n < slow + signal - 1) {
        return WD_OK;
    }

    average_ema(in->price, n, slow, hist);
    average_ema(in->price + skip, n - skip, fast, macd + skip);

    for (i = slow - 1; i < n; i++) {
        macd[i] -= hist[i];
    }
    average_ema(macd + slow - 1, n - (slow - 1), signal, line + slow - 1);

    for (i = 0; i < n; i++) {
        hist[i] = macd[i] - line[i];
    }
    return WD_OK;
}
