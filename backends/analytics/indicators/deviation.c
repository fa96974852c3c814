/*
 * deviation.c - STDDEV and BBANDS, with the population's deviation (divided
 * by n).
 */
#include "indicator.h"
#include "window.h"

#include <stdlib.h>


int
indicator_stddev(const indicator_bars_t *in, const double *param,
                 double *const *out)
{
    double *mean;

    mean = malloc((in->n + 1) * sizeof(double));
    if (mean == NULL) {
        return WD_ENOMEM;
    }

    window_deviation(in->price, in->n, (size_t) param[0], out[0], mean);
    free(mean);
    return WD_OK;
}


int
indicator_bbands(const indicator_bars_t *in, const double *param,
                 double *const *out)
{
    double *upper = out[0], *middle = out[1], *lower = out[2], sd;
    double  up = param[1], down = param[2];
    size_t  i;

    window_deviation(in->price, in->n, (size_t) param[0], lower, middle);

    for (i = 0; i < in->n; i++) {
        sd = lower[i];
        upper[i] = middle[i] + up * sd;
        lower[i] = middle[i] - down * sd;
    }
    return WD_OK;
}
