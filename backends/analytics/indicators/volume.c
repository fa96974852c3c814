/*
 * volume.c - OBV, MFI, VWAP.
 */
#include "indicator.h"
#include "window.h"

#include <math.h>
#include <stdlib.h>


/* Begins with the first bar's volume. */
int
indicator_obv(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    const double *x = in->price;
    double        y = 0;
    size_t        i;

    (void) param;
    for (i = 0; i < in->n; i++) {
        if (i == 0 || x[i] > x[i - 1]) {
            y += in->volume[i];
        } else if (x[i] < x[i - 1]) {
            y -= in->volume[i];
        }
        out[0][i] = y;
    }
    return WD_OK;
}


static double
volume_typical(const indicator_bars_t *in, size_t i)
{
    return (in->high[i] + in->low[i] + in->close[i]) / 3;
}


/* Money flow of bars whose typical price rose (up) and fell (down). */
static void
volume_flows(const indicator_bars_t *in, double *up, double *down)
{
    double typical, flow, previous = NAN;
    size_t i;

    for (i = 0; i < in->n; i++) {
        typical = volume_typical(in, i);
        flow = typical * in->volume[i] + previous * 0; /* NaN passes */
        up[i] = typical > previous ? flow : flow * 0;
        down[i] = typical < previous ? flow : flow * 0;
        previous = typical;
    }
}


/* Over the last `period` changes; 0 when no money flowed. */
int
indicator_mfi(const indicator_bars_t *in, const double *param,
              double *const *out)
{
    size_t  i, n = in->n, skip = wd_min(n, 1), period = (size_t) param[0];
    double *up, *down, *sum;

    up = calloc(3 * n + 1, sizeof(double));
    if (up == NULL) {
        return WD_ENOMEM;
    }
    down = up + n;
    sum = down + n;

    volume_flows(in, up, down);
    window_sum(up + skip, n - skip, period, out[0] + skip);
    window_sum(down + skip, n - skip, period, sum + skip);

    for (i = skip; i < n; i++) {
        sum[i] += out[0][i];
        out[0][i] = sum[i] == 0 ? 0 : 100 * (out[0][i] / sum[i]);
    }

    free(up);
    return WD_OK;
}


/* From the first bar of each trading day; NaN while nothing was traded. */
int
indicator_vwap(const indicator_bars_t *in, const double *param,
               double *const *out)
{
    double money = 0, volume = 0;
    size_t i;

    (void) param;
    for (i = 0; i < in->n; i++) {
        if (i == 0 || in->session[i] != in->session[i - 1]) {
            money = volume = 0;
        }
        money += volume_typical(in, i) * in->volume[i];
        volume += in->volume[i];
        out[0][i] = volume == 0 ? NAN : money / volume;
    }
    return WD_OK;
}
