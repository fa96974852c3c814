/*
 * window.h - figures over the last `period` values of each bar.
 *
 * `out` gets n values; those before period - 1 are NaN. x and out are
 * different columns. A NaN in x makes NaN of the windows that hold it, of no
 * others. period is at least 1.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include "wd_base.h"

void window_mean(const double *x, size_t n, size_t period, double *out);

/* Plain sum, of values that are not negative. */
void window_sum(const double *x, size_t n, size_t period, double *out);

/* Weights 1 for the oldest value to `period` for the newest. */
void window_weighted_mean(const double *x, size_t n, size_t period,
                          double *out);

/* Population standard deviation, and the mean. */
void window_deviation(const double *x, size_t n, size_t period, double *out,
                      double *mean);

/* Mean of the distances to the mean, and the newest value minus the mean. */
void window_mean_deviation(const double *x, size_t n, size_t period,
                           double *out, double *diff);

/* `scratch` holds n values. */
void window_max(const double *x, size_t n, size_t period, double *scratch,
                double *out);
void window_min(const double *x, size_t n, size_t period, double *scratch,
                double *out);

#endif /* WINDOW_H */
