/*
 * window.c - figures over windows.
 *
 * Each window is summed on its own, LANES neighbours at a time: lane j works
 * on the window that begins j bars later. For common periods that is about as
 * fast as running sums and has none of their cancellation and drift; the
 * order of additions in a lane is that of a plain loop, so a value does not
 * depend on where the series begins. Maxima take a block algorithm (van
 * Herk), which is exact.
 */
#include "window.h"

#include <math.h>

#define LANES 8

/* With a constant number of lanes the loops over them become vectors. */
#define window_block static inline __attribute__((always_inline)) void


static void
window_head(size_t n, size_t period, double *out)
{
    size_t i;

    for (i = 0; i < n && i + 1 < period; i++) {
        out[i] = NAN;
    }
}


/* x: oldest value of the first lane's window. */
window_block
window_mean_block(const double *x, size_t p, size_t lanes, double *out)
{
    double ref[LANES], acc[LANES];
    size_t j, k;

    for (j = 0; j < lanes; j++) {
        ref[j] = x[j + p - 1];
        acc[j] = 0;
    }

    for (k = 0; k + 1 < p; k++) {
        for (j = 0; j < lanes; j++) {
            acc[j] += x[j + k] - ref[j];
        }
    }

    for (j = 0; j < lanes; j++) {
        out[j] = ref[j] + acc[j] / (double) p;
    }
}


void
window_mean(const double *x, size_t n, size_t period, double *out)
{
    size_t i = period - 1;

    window_head(n, period, out);

    for (; i + LANES <= n; i += LANES) {
        window_mean_block(x + i + 1 - period, period, LANES, out + i);
    }
    for (; i < n; i++) {
        window_mean_block(x + i + 1 - period, period, 1, out + i);
    }
}


window_block
window_sum_block(const double *x, size_t p, size_t lanes, double *out)
{
    double acc[LANES];
    size_t j, k;

    for (j = 0; j < lanes; j++) {
        acc[j] = 0;
    }

    for (k = 0; k < p; k++) {
        for (j = 0; j < lanes; j++) {
            acc[j] += x[j + k];
        }
    }

    for (j = 0; j < lanes; j++) {
        out[j] = acc[j];
    }
}


void
window_sum(const double *x, size_t n, size_t period, double *out)
{
    size_t i = period - 1;

    window_head(n, period, out);

    for (; i + LANES <= n; i += LANES) {
        window_sum_block(x + i + 1 - period, period, LANES, out + i);
    }
    for (; i < n; i++) {
        window_sum_block(x + i + 1 - period, period, 1, out + i);
    }
}


window_block
window_weighted_block(const double *x, size_t p, size_t lanes, double *out)
{
    double ref[LANES], acc[LANES], w;
    double total = (double) p * ((double) p + 1) / 2;
    size_t j, k;

    for (j = 0; j < lanes; j++) {
        ref[j] = x[j + p - 1];
        acc[j] = 0;
    }

    for (k = 0; k + 1 < p; k++) {
        w = (double) (k + 1);
        for (j = 0; j < lanes; j++) {
            acc[j] += w * (x[j + k] - ref[j]);
        }
    }

    for (j = 0; j < lanes; j++) {
        out[j] = ref[j] + acc[j] / total;
    }
}


void
window_weighted_mean(const double *x, size_t n, size_t period, double *out)
{
    size_t i = period - 1;

    window_head(n, period, out);

    for (; i + LANES <= n; i += LANES) {
        window_weighted_block(x + i + 1 - period, period, LANES, out + i);
    }
    for (; i < n; i++) {
        window_weighted_block(x + i + 1 - period, period, 1, out + i);
    }
}


/* Two passes: the mean, then what lies around it. */
window_block
window_deviation_block(const double *x, size_t p, size_t lanes, double *out,
                       double *mean)
{
    double ref[LANES], acc[LANES], shift[LANES], d;
    size_t j, k;

    for (j = 0; j < lanes; j++) {
        ref[j] = x[j + p - 1];
        acc[j] = 0;
    }

    for (k = 0; k + 1 < p; k++) {
        for (j = 0; j < lanes; j++) {
            acc[j] += x[j + k] - ref[j];
        }
    }

    for (j = 0; j < lanes; j++) {
        shift[j] = acc[j] / (double) p;
        mean[j] = ref[j] + shift[j];
        acc[j] = 0;
    }

    for (k = 0; k < p; k++) {
        for (j = 0; j < lanes; j++) {
            d = (x[j + k] - ref[j]) - shift[j];
            acc[j] += d * d;
        }
    }

    for (j = 0; j < lanes; j++) {
        out[j] = sqrt(acc[j] / (double) p);
    }
}


void
window_deviation(const double *x, size_t n, size_t period, double *out,
                 double *mean)
{
    size_t i = period - 1;

    window_head(n, period, out);
    window_head(n, period, mean);

    for (; i + LANES <= n; i += LANES) {
        window_deviation_block(x + i + 1 - period, period, LANES, out + i,
                               mean + i);
    }
    for (; i < n; i++) {
        window_deviation_block(x + i + 1 - period, period, 1, out + i,
                               mean + i);
    }
}


window_block
window_mean_deviation_block(const double *x, size_t p, size_t lanes,
                            double *out, double *diff)
{
    double ref[LANES], acc[LANES], shift[LANES];
    size_t j, k;

    for (j = 0; j < lanes; j++) {
        ref[j] = x[j + p - 1];
        acc[j] = 0;
    }

    for (k = 0; k + 1 < p; k++) {
        for (j = 0; j < lanes; j++) {
            acc[j] += x[j + k] - ref[j];
        }
    }

    for (j = 0; j < lanes; j++) {
        shift[j] = acc[j] / (double) p;
        diff[j] = 0 - shift[j];
        acc[j] = 0;
    }

    for (k = 0; k < p; k++) {
        for (j = 0; j < lanes; j++) {
            acc[j] += fabs((x[j + k] - ref[j]) - shift[j]);
        }
    }

    for (j = 0; j < lanes; j++) {
        out[j] = acc[j] / (double) p;
    }
}


void
window_mean_deviation(const double *x, size_t n, size_t period, double *out,
                      double *diff)
{
    size_t i = period - 1;

    window_head(n, period, out);
    window_head(n, period, diff);

    for (; i + LANES <= n; i += LANES) {
        window_mean_deviation_block(x + i + 1 - period, period, LANES, out + i,
                                    diff + i);
    }
    for (; i < n; i++) {
        window_mean_deviation_block(x + i + 1 - period, period, 1, out + i,
                                    diff + i);
    }
}


/* The larger one; NaN when one of them is. */
static inline double
window_larger(double a, double b)
{
    return a >= b || a != a ? a : b;
}


/*
 * The values are cut into blocks of `period`. scratch[i]: maximum from i to
 * the end of its block; a running value: from the start of the block to i.
 * A window reaches over two blocks at most: the end of one, the start of the
 * next.
 */
void
window_max(const double *x, size_t n, size_t period, double *scratch,
           double *out)
{
    double run = 0;
    size_t i;

    window_head(n, period, out);

    for (i = n; i-- > 0;) {
        scratch[i] = (i + 1) % period == 0 || i + 1 == n
                         ? x[i]
                         : window_larger(x[i], scratch[i + 1]);
    }

    for (i = 0; i < n; i++) {
        run = i % period == 0 ? x[i] : window_larger(run, x[i]);
        if (i + 1 >= period) {
            out[i] = window_larger(scratch[i + 1 - period], run);
        }
    }
}


void
window_min(const double *x, size_t n, size_t period, double *scratch,
           double *out)
{
    double run = 0;
    size_t i;

    window_head(n, period, out);

    for (i = n; i-- > 0;) {
        scratch[i] = (i + 1) % period == 0 || i + 1 == n
                         ? x[i]
                         : -window_larger(-x[i], -scratch[i + 1]);
    }

    for (i = 0; i < n; i++) {
        run = i % period == 0 ? x[i] : -window_larger(-run, -x[i]);
        if (i + 1 >= period) {
            out[i] = -window_larger(-scratch[i + 1 - period], -run);
        }
    }
}
