/*
 * range.c - true range and Wilder's indicators over it: TRANGE, ATR, PLUS_DI,
 * MINUS_DI, ADX.
 */
#include "indicator.h"

#include <math.h>


/* Of bar i > 0; NaN when one of its prices is. */
static double
range_true(const indicator_bars_t *in, size_t i)
{
    double range = in->high[i] - in->low[i];
    double up = fabs(in->high[i] - in->close[i - 1]);
    double down = fabs(in->low[i] - in->close[i - 1]);

    if (range != range || up != up || down != down) {
        return NAN;
    }
    return wd_max(range, wd_max(up, down));
}


int
indicator_trange(const indicator_bars_t *in, const double *param,
                 double *const *out)
{
    size_t i;

    (void) param;
    for (i = 1; i < in->n; i++) {
        out[0][i] = range_true(in, i);
    }
    return WD_OK;
}


/* Mean of the first `period` true ranges, then Wilder's average. */
int
indicator_atr(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    size_t i, period = (size_t) param[0];
    double p = param[0], y = 0;

    for (i = 1; i < in->n; i++) {
        if (i <= period) {
            y += range_true(in, i);
            y = i == period ? y / p : y;
        } else {
            y = (y * (p - 1) + range_true(in, i)) / p;
        }
        out[0][i] = y;
    }
    return WD_OK;
}


/* Smoothed sums of directional movement and true range. */
typedef struct {
    double plus;
    double minus;
    double range;
} range_direction_t;


/*
 * Bar i: a plain sum over the first period - 1 movements, from the next on
 * s - s / period + today's.
 */
static void
range_direction(const indicator_bars_t *in, size_t i, double p,
                range_direction_t *s)
{
    double up = in->high[i] - in->high[i - 1];
    double down = in->low[i - 1] - in->low[i];

    if ((double) i >= p) {
        s->plus -= s->plus / p;
        s->minus -= s->minus / p;
        s->range -= s->range / p;
    }

    if (up > 0 && up > down) {
        s->plus += up;
    } else if (down > 0 && down > up) {
        s->minus += down;
    }
    s->range += range_true(in, i);
}


int
indicator_plus_di(const indicator_bars_t *in, const double *param,
                  double *const *out)
{
    range_direction_t s = {0, 0, 0};
    size_t            i;

    for (i = 1; i < in->n; i++) {
        range_direction(in, i, param[0], &s);
        out[0][i] = s.range == 0 ? 0 : 100 * (s.plus / s.range);
    }
    return WD_OK;
}


int
indicator_minus_di(const indicator_bars_t *in, const double *param,
                   double *const *out)
{
    range_direction_t s = {0, 0, 0};
    size_t            i;

    for (i = 1; i < in->n; i++) {
        range_direction(in, i, param[0], &s);
        out[0][i] = s.range == 0 ? 0 : 100 * (s.minus / s.range);
    }
    return WD_OK;
}


/* False when there is no direction. */
static bool
range_dx(const range_direction_t *s, double *ret)
{
    double plus, minus;

    if (s->range == 0) {
        return false;
    }

    plus = 100 * (s->plus / s->range);
    minus = 100 * (s->minus / s->range);
    if (plus + minus == 0) {
        return false;
    }

    *ret = 100 * (fabs(minus - plus) / (plus + minus));
    return true;
}


/*
 * The mean of DX at bars period .. 2 * period - 1, then Wilder's average. A
 * bar without direction counts as 0 in the mean and later changes nothing.
 */
int
indicator_adx(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    range_direction_t s = {0, 0, 0};
    size_t            i, period = (size_t) param[0];
    double            p = param[0], y = 0, dx;

    for (i = 1; i < in->n; i++) {
        range_direction(in, i, p, &s);

        if (i >= period && range_dx(&s, &dx)) {
            y = i < 2 * period ? y + dx : (y * (p - 1) + dx) / p;
        }
        if (i + 1 == 2 * period) {
            y /= p;
        }
        out[0][i] = y;
    }
    return WD_OK;
}
