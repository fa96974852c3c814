/*
 * indicator.h - technical indicators: pure functions behind one registry.
 *
 * Rules that hold for all of them:
 * - Names, parameters and seeding are TA-Lib's (the classic functions), and
 *   the series begins at its first bar: the caller passes all bars there are,
 *   so that the value of a bar does not depend on the range asked for.
 * - Outputs before the lookback are NaN, all of an indicator's from the same
 *   bar on.
 * - NaN stands for a missing input. In a window it makes exactly the outputs
 *   NaN whose window holds it. Recursive indicators pass over a bar with a
 *   missing input: NaN there, the others as if that bar did not exist.
 * - No absolute epsilons: f(k * x) = k * f(x) for any scale of prices.
 * - Sums over windows are taken anew for each window, over the differences
 *   to its newest value: nothing accumulates from bar to bar, a constant
 *   series gives an exact mean and a deviation of 0, and the result depends
 *   on nothing outside the window. Relative error below 1e-12.
 */
#ifndef INDICATOR_H
#define INDICATOR_H

#include "wd_err.h"
#include "wd_str.h"

#define INDICATOR_PARAMS_MAX 4
#define INDICATOR_OUTPUTS_MAX 3

/* Columns of n bars. */
typedef struct {
    size_t         n;
    const double  *high;
    const double  *low;
    const double  *close;
    const double  *volume; /* NaN: not reported */
    const double  *price; /* the series that series_type chose */
    const int32_t *session; /* equal for the bars of one trading day */
} indicator_bars_t;

typedef enum {
    INDICATOR_PRICE = 1, /* takes series_type */
    INDICATOR_HIGH = 2,
    INDICATOR_LOW = 4,
    INDICATOR_CLOSE = 8,
    INDICATOR_VOLUME = 16,
    INDICATOR_SESSION = 32 /* only for timeframes below a day */
} indicator_input_e;

#define INDICATOR_HLC (INDICATOR_HIGH | INDICATOR_LOW | INDICATOR_CLOSE)

typedef struct {
    const char *name; /* of the request's argument */
    double      def;
    double      min;
    double      max;
    bool        integer;
} indicator_param_t;

/*
 * `out` holds one column of in->n values for each output. WD_OK or
 * WD_ENOMEM. Of a recursive indicator the inputs have no gaps.
 */
typedef int (*indicator_compute_pt)(const indicator_bars_t *in,
                                    const double *param, double *const *out);

typedef struct {
    const char       *name; /* lower case */
    const char       *title;
    const char       *group; /* TA-Lib's */
    unsigned          inputs;
    bool              recursive;
    size_t            n_params;
    indicator_param_t params[INDICATOR_PARAMS_MAX];
    size_t            n_outputs;
    const char       *outputs[INDICATOR_OUTPUTS_MAX];
    size_t (*lookback)(const double *param);
    indicator_compute_pt compute;
    /* NULL, or a rule between parameters: returns the offending one's index
     * and the rule, or -1. */
    int (*check)(const double *param, const char **ret_rule);
} indicator_t;

/* All of them, by group. */
const indicator_t *indicators(size_t *ret_n);

/* By name, whatever its case; NULL when there is none. */
const indicator_t *indicator_by_name(wd_str_t name);

/* compute() with the rule for gaps, and NaN before the lookback. */
wd_must_check int indicator_run(const indicator_t      *ind,
                                const indicator_bars_t *in, const double *param,
                                double *const *out);

/* Lookbacks (registry). */
size_t indicator_lookback_none(const double *param);
size_t indicator_lookback_one(const double *param);
size_t indicator_lookback_window(const double *param);
size_t indicator_lookback_period(const double *param);
size_t indicator_lookback_macd(const double *param);
size_t indicator_lookback_stoch(const double *param);
size_t indicator_lookback_adx(const double *param);
int    indicator_check_macd(const double *param, const char **ret_rule);

/* average.c */
int indicator_sma(const indicator_bars_t *, const double *, double *const *);
int indicator_ema(const indicator_bars_t *, const double *, double *const *);
int indicator_wma(const indicator_bars_t *, const double *, double *const *);
int indicator_macd(const indicator_bars_t *, const double *, double *const *);

/* deviation.c */
int indicator_bbands(const indicator_bars_t *, const double *, double *const *);
int indicator_stddev(const indicator_bars_t *, const double *, double *const *);

/* momentum.c */
int indicator_rsi(const indicator_bars_t *, const double *, double *const *);
int indicator_mom(const indicator_bars_t *, const double *, double *const *);
int indicator_roc(const indicator_bars_t *, const double *, double *const *);
int indicator_cci(const indicator_bars_t *, const double *, double *const *);
int indicator_willr(const indicator_bars_t *, const double *, double *const *);
int indicator_stoch(const indicator_bars_t *, const double *, double *const *);

/* range.c */
int indicator_trange(const indicator_bars_t *, const double *, double *const *);
int indicator_atr(const indicator_bars_t *, const double *, double *const *);
int indicator_adx(const indicator_bars_t *, const double *, double *const *);
int indicator_plus_di(const indicator_bars_t *, const double *,
                      double *const *);
int indicator_minus_di(const indicator_bars_t *, const double *,
                       double *const *);

/* volume.c */
int indicator_obv(const indicator_bars_t *, const double *, double *const *);
int indicator_mfi(const indicator_bars_t *, const double *, double *const *);
int indicator_vwap(const indicator_bars_t *, const double *, double *const *);

#endif /* INDICATOR_H */
