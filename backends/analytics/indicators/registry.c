/*
 * registry.c - the table of indicators, and what is common to running them.
 */
#include "indicator.h"

#include <math.h>
#include <stdlib.h>

#define PERIOD(def, min)                    \
    {                                       \
        "time_period", def, min, 1000, true \
    }
#define COUNT(name, def, min)      \
    {                              \
        name, def, min, 1000, true \
    }

static const indicator_t registry[] = {
    {"bbands",
     "Bollinger Bands",
     "overlap",
     INDICATOR_PRICE,
     false,
     3,
     {PERIOD(20, 1),
      {"nbdevup", 2, 0, 100, false},
      {"nbdevdn", 2, 0, 100, false}},
     3,
     {"upper", "middle", "lower"},
     indicator_lookback_window,
     indicator_bbands,
     NULL},
    {"ema",
     "Exponential Moving Average",
     "overlap",
     INDICATOR_PRICE,
     true,
     1,
     {PERIOD(30, 1)},
     1,
     {"ema"},
     indicator_lookback_window,
     indicator_ema,
     NULL},
    {"sma",
     "Simple Moving Average",
     "overlap",
     INDICATOR_PRICE,
     false,
     1,
     {PERIOD(30, 1)},
     1,
     {"sma"},
     indicator_lookback_window,
     indicator_sma,
     NULL},
    {"wma",
     "Weighted Moving Average",
     "overlap",
     INDICATOR_PRICE,
     false,
     1,
     {PERIOD(30, 1)},
     1,
     {"wma"},
     indicator_lookback_window,
     indicator_wma,
     NULL},
    {"adx",
     "Average Directional Movement Index",
     "momentum",
     INDICATOR_HLC,
     true,
     1,
     {PERIOD(14, 2)},
     1,
     {"adx"},
     indicator_lookback_adx,
     indicator_adx,
     NULL},
    {"cci",
     "Commodity Channel Index",
     "momentum",
     INDICATOR_HLC,
     false,
     1,
     {PERIOD(14, 2)},
     1,
     {"cci"},
     indicator_lookback_window,
     indicator_cci,
     NULL},
    {"macd",
     "Moving Average Convergence/Divergence",
     "momentum",
     INDICATOR_PRICE,
     true,
     3,
     {COUNT("fastperiod", 12, 1), COUNT("slowperiod", 26, 2),
      COUNT("signalperiod", 9, 1)},
     3,
     {"macd", "signal", "hist"},
     indicator_lookback_macd,
     indicator_macd,
     indicator_check_macd},
    {"mfi",
     "Money Flow Index",
     "momentum",
     INDICATOR_HLC | INDICATOR_VOLUME,
     false,
     1,
     {PERIOD(14, 2)},
     1,
     {"mfi"},
     indicator_lookback_period,
     indicator_mfi,
     NULL},
    {"minus_di",
     "Minus Directional Indicator",
     "momentum",
     INDICATOR_HLC,
     true,
     1,
     {PERIOD(14, 2)},
     1,
     {"minus_di"},
     indicator_lookback_period,
     indicator_minus_di,
     NULL},
    {"mom",
     "Momentum",
     "momentum",
     INDICATOR_PRICE,
     false,
     1,
     {PERIOD(10, 1)},
     1,
     {"mom"},
     indicator_lookback_period,
     indicator_mom,
     NULL},
    {"plus_di",
     "Plus Directional Indicator",
     "momentum",
     INDICATOR_HLC,
     true,
     1,
     {PERIOD(14, 2)},
     1,
     {"plus_di"},
     indicator_lookback_period,
     indicator_plus_di,
     NULL},
    {"roc",
     "Rate of Change, in percent",
     "momentum",
     INDICATOR_PRICE,
     false,
     1,
     {PERIOD(10, 1)},
     1,
     {"roc"},
     indicator_lookback_period,
     indicator_roc,
     NULL},
    {"rsi",
     "Relative Strength Index",
     "momentum",
     INDICATOR_PRICE,
     true,
     1,
     {PERIOD(14, 2)},
     1,
     {"rsi"},
     indicator_lookback_period,
     indicator_rsi,
     NULL},
    {"stoch",
     "Stochastic",
     "momentum",
     INDICATOR_HLC,
     false,
     3,
     {COUNT("fastkperiod", 5, 1), COUNT("slowkperiod", 3, 1),
      COUNT("slowdperiod", 3, 1)},
     2,
     {"slowk", "slowd"},
     indicator_lookback_stoch,
     indicator_stoch,
     NULL},
    {"willr",
     "Williams' %R",
     "momentum",
     INDICATOR_HLC,
     false,
     1,
     {PERIOD(14, 2)},
     1,
     {"willr"},
     indicator_lookback_window,
     indicator_willr,
     NULL},
    {"obv",
     "On Balance Volume",
     "volume",
     INDICATOR_PRICE | INDICATOR_VOLUME,
     true,
     0,
     {{0}},
     1,
     {"obv"},
     indicator_lookback_none,
     indicator_obv,
     NULL},
    {"vwap",
     "Volume Weighted Average Price of the day",
     "volume",
     INDICATOR_HLC | INDICATOR_VOLUME | INDICATOR_SESSION,
     true,
     0,
     {{0}},
     1,
     {"vwap"},
     indicator_lookback_none,
     indicator_vwap,
     NULL},
    {"atr",
     "Average True Range",
     "volatility",
     INDICATOR_HLC,
     true,
     1,
     {PERIOD(14, 1)},
     1,
     {"atr"},
     indicator_lookback_period,
     indicator_atr,
     NULL},
    {"trange",
     "True Range",
     "volatility",
     INDICATOR_HLC,
     false,
     0,
     {{0}},
     1,
     {"trange"},
     indicator_lookback_one,
     indicator_trange,
     NULL},
    {"stddev",
     "Standard Deviation of the population",
     "statistic",
     INDICATOR_PRICE,
     false,
     1,
     {PERIOD(5, 1)},
     1,
     {"stddev"},
     indicator_lookback_window,
     indicator_stddev,
     NULL},
};


const indicator_t *
indicators(size_t *ret_n)
{
    *ret_n = wd_array_len(registry);
    return registry;
}


const indicator_t *
indicator_by_name(wd_str_t name)
{
    size_t i;

    for (i = 0; i < wd_array_len(registry); i++) {
        if (wd_str_ieq(name, wd_str_z(registry[i].name))) {
            return &registry[i];
        }
    }
    return NULL;
}


size_t
indicator_lookback_none(const double *param)
{
    (void) param;
    return 0;
}


size_t
indicator_lookback_one(const double *param)
{
    (void) param;
    return 1;
}


/* A window of values. */
size_t
indicator_lookback_window(const double *param)
{
    return (size_t) param[0] - 1;
}


/* A window of changes. */
size_t
indicator_lookback_period(const double *param)
{
    return (size_t) param[0];
}


size_t
indicator_lookback_macd(const double *param)
{
    return (size_t) param[1] - 1 + (size_t) param[2] - 1;
}


size_t
indicator_lookback_stoch(const double *param)
{
    return (size_t) param[0] + (size_t) param[1] + (size_t) param[2] - 3;
}


size_t
indicator_lookback_adx(const double *param)
{
    return 2 * (size_t) param[0] - 1;
}


int
indicator_check_macd(const double *param, const char **ret_rule)
{
    if (param[0] < param[1]) {
        return -1;
    }
    *ret_rule = "fastperiod must be smaller than slowperiod";
    return 0;
}


/* The columns that the indicator reads, and where they stand in `in`. */
static size_t
registry_columns(const indicator_t *ind, indicator_bars_t *in,
                 const double ***ret)
{
    size_t n = 0;

    if (ind->inputs & INDICATOR_PRICE) {
        ret[n++] = &in->price;
    }
    if (ind->inputs & INDICATOR_HIGH) {
        ret[n++] = &in->high;
    }
    if (ind->inputs & INDICATOR_LOW) {
        ret[n++] = &in->low;
    }
    if (ind->inputs & INDICATOR_CLOSE) {
        ret[n++] = &in->close;
    }
    if (ind->inputs & INDICATOR_VOLUME) {
        ret[n++] = &in->volume;
    }
    return n;
}

#define REGISTRY_COLUMNS_MAX 5


static bool
registry_gap(const double **const *cols, size_t n_cols, size_t i)
{
    size_t k;

    for (k = 0; k < n_cols; k++) {
        if (isnan((*cols[k])[i])) {
            return true;
        }
    }
    return false;
}


/* compute(), then NaN before the lookback. */
static int
registry_compute(const indicator_t *ind, const indicator_bars_t *in,
                 const double *param, double *const *out)
{
    size_t i, k, head;
    int    rc;

    head = wd_min(ind->lookback(param), in->n);

    if (head < in->n) {
        rc = ind->compute(in, param, out);
        if (rc != WD_OK) {
            return rc;
        }
    }

    for (k = 0; k < ind->n_outputs; k++) {
        for (i = 0; i < head; i++) {
            out[k][i] = NAN;
        }
    }
    return WD_OK;
}


/* Columns without the bars that have a gap; `at` is where each bar stood. */
typedef struct {
    indicator_bars_t in;
    void            *block;
    size_t          *at;
    double          *out[INDICATOR_OUTPUTS_MAX];
} registry_dense_t;


static int
registry_dense(const indicator_t *ind, const indicator_bars_t *in,
               registry_dense_t *ret)
{
    const double   **from[REGISTRY_COLUMNS_MAX], **to[REGISTRY_COLUMNS_MAX];
    indicator_bars_t src = *in;
    size_t           i, k, n_cols, n = 0;
    double          *column;
    int32_t         *session;
    char            *block;

    block = malloc(
        in->n
            * ((REGISTRY_COLUMNS_MAX + INDICATOR_OUTPUTS_MAX) * sizeof(double)
               + sizeof(size_t) + sizeof(int32_t))
        + 1);
    if (block == NULL) {
        return WD_ENOMEM;
    }

    ret->block = block;
    ret->in = *in;
    column = (double *) block;
    n_cols = registry_columns(ind, &src, from);
    (void) registry_columns(ind, &ret->in, to);

    for (k = 0; k < ind->n_outputs; k++, column += in->n) {
        ret->out[k] = column;
    }
    for (k = 0; k < n_cols; k++, column += in->n) {
        *to[k] = column;
    }
    ret->at = (size_t *) column;
    session = (int32_t *) (ret->at + in->n);
    ret->in.session = in->session != NULL ? session : NULL;

    for (i = 0; i < in->n; i++) {
        if (registry_gap((const double **const *) from, n_cols, i)) {
            continue;
        }
        for (k = 0; k < n_cols; k++) {
            ((double *) *to[k])[n] = (*from[k])[i];
        }
        if (in->session != NULL) {
            session[n] = in->session[i];
        }
        ret->at[n++] = i;
    }

    ret->in.n = n;
    return WD_OK;
}


static int
registry_run_dense(const indicator_t *ind, const indicator_bars_t *in,
                   const double *param, double *const *out)
{
    registry_dense_t dense;
    size_t           i, k;
    int              rc;

    rc = registry_dense(ind, in, &dense);
    if (rc != WD_OK) {
        return rc;
    }

    rc = registry_compute(ind, &dense.in, param, dense.out);

    for (k = 0; rc == WD_OK && k < ind->n_outputs; k++) {
        for (i = 0; i < in->n; i++) {
            out[k][i] = NAN;
        }
        for (i = 0; i < dense.in.n; i++) {
            out[k][dense.at[i]] = dense.out[k][i];
        }
    }

    free(dense.block);
    return rc;
}


int
indicator_run(const indicator_t *ind, const indicator_bars_t *in,
              const double *param, double *const *out)
{
    const double   **cols[REGISTRY_COLUMNS_MAX];
    indicator_bars_t src = *in;
    size_t           i, n_cols;

    if (ind->recursive) {
        n_cols = registry_columns(ind, &src, cols);
        for (i = 0; i < in->n; i++) {
            if (registry_gap((const double **const *) cols, n_cols, i)) {
                return registry_run_dense(ind, in, param, out);
            }
        }
    }
    return registry_compute(ind, in, param, out);
}
