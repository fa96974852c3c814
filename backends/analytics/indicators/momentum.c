/*
 * momentum.c - RSI, MOM, ROC, CCI, WILLR, STOCH.
 */
#include "indicator.h"
#include "window.h"

#include <math.h>
#include <stdlib.h>


/* Wilder's: 0 for a series that does not move. */
static double
momentum_strength(double gain, double loss)
{
    return gain + loss == 0 ? 0 : 100 * (gain / (gain + loss));
}


/*
 * Mean gain and mean loss of the first `period` changes, then Wilder's
 * average: (previous * (period - 1) + current) / period.
 */
int
indicator_rsi(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    const double *x = in->price;
    size_t        i, period = (size_t) param[0];
    double        p = param[0], gain = 0, loss = 0, up, down;

    for (i = 1; i < in->n; i++) {
        up = x[i] > x[i - 1] ? x[i] - x[i - 1] : 0;
        down = x[i] < x[i - 1] ? x[i - 1] - x[i] : 0;

        if (i <= period) {
            gain += up;
            loss += down;
            if (i == period) {
                gain /= p;
                loss /= p;
            }
        } else {
            gain = (gain * (p - 1) + up) / p;
            loss = (loss * (p - 1) + down) / p;
        }
        out[0][i] = momentum_strength(gain, loss);
    }
    return WD_OK;
}


int
indicator_mom(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    const double *x = in->price;
    size_t        i, period = (size_t) param[0];

    for (i = period; i < in->n; i++) {
        out[0][i] = x[i] - x[i - period];
    }
    return WD_OK;
}


/* In percent; 0 when the earlier price is 0. */
int
indicator_roc(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    const double *x = in->price;
    size_t        i, period = (size_t) param[0];

    for (i = period; i < in->n; i++) {
        out[0][i] = x[i - period] == 0
                        ? x[i] * 0
                        : (x[i] - x[i - period]) / x[i - period] * 100;
    }
    return WD_OK;
}


/* Distance of the typical price to its mean in mean deviations. */
int
indicator_cci(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    double *typical, *diff;
    size_t  i, n = in->n;

    typical = calloc(2 * n + 1, sizeof(double));
    if (typical == NULL) {
        return WD_ENOMEM;
    }
    diff = typical + n;

    for (i = 0; i < n; i++) {
        typical[i] = (in->high[i] + in->low[i] + in->close[i]) / 3;
    }
    window_mean_deviation(typical, n, (size_t) param[0], out[0], diff);

    for (i = 0; i < n; i++) {
        out[0][i] = out[0][i] == 0 ? 0 : diff[i] / (0.015 * out[0][i]);
    }

    free(typical);
    return WD_OK;
}


/*
 * Highest high and lowest low of the last `period` bars into columns of
 * n values each; *ret_block is to be freed.
 */
static int
momentum_extremes(const indicator_bars_t *in, size_t period, double **ret_block,
                  double **ret_high, double **ret_low)
{
    double *block;

    block = malloc((3 * in->n + 1) * sizeof(double));
    if (block == NULL) {
        return WD_ENOMEM;
    }

    window_max(in->high, in->n, period, block, block + in->n);
    window_min(in->low, in->n, period, block, block + 2 * in->n);

    *ret_block = block;
    *ret_high = block + in->n;
    *ret_low = block + 2 * in->n;
    return WD_OK;
}


/* 0 for a window without any range. */
int
indicator_willr(const indicator_bars_t *in, const double *param,
                double *const *out)
{
    double *block, *high, *low, range;
    size_t  i;

    if (momentum_extremes(in, (size_t) param[0], &block, &high, &low)
        != WD_OK) {
        return WD_ENOMEM;
    }

    for (i = 0; i < in->n; i++) {
        range = high[i] - low[i];
        out[0][i] = range == 0 ? in->close[i] * 0
                               : (in->close[i] - high[i]) / range * 100;
    }

    free(block);
    return WD_OK;
}


/* %K smoothed by a simple mean, %D a simple mean of that; fast %K is 0 for a
 * window without any range. */
int
indicator_stoch(const indicator_bars_t *in, const double *param,
                double *const *out)
{
    double *block, *high, *low, range;
    size_t  i, n = in->n, fast = (size_t) param[0];
    size_t  slow = (size_t) param[1], skip;

    if (momentum_extremes(in, fast, &block, &high, &low) != WD_OK) {
        return WD_ENOMEM;
    }

    for (i = 0; i < n; i++) {
        range = high[i] - low[i];
        low[i] = range == 0 ? in->close[i] * 0
                            : (in->close[i] - low[i]) / range * 100;
    }

    skip = wd_min(fast - 1, n);
    window_mean(low + skip, n - skip, slow, out[0] + skip);
    skip = wd_min(skip + slow - 1, n);
    window_mean(out[0] + skip, n - skip, (size_t) param[2], out[1] + skip);

    free(block);
    return WD_OK;
}
