/*
 * Indicators against published and exact figures, and their properties:
 * lookback, gaps, scale, start, cancellation.
 */
#include "indicator.h"
#include "wd_num.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#define BARS_MAX 600

typedef struct {
    size_t  n;
    double  open[BARS_MAX];
    double  high[BARS_MAX];
    double  low[BARS_MAX];
    double  close[BARS_MAX];
    double  volume[BARS_MAX];
    int32_t session[BARS_MAX];
} table_t;

typedef struct {
    double v[INDICATOR_OUTPUTS_MAX][BARS_MAX];
} result_t;

static table_t spy; /* bars.csv */

/* The 33 closes of a published worked example of RSI. */
static const double closes[] = {
    44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08, 45.89,
    46.03, 45.61, 46.28, 46.28, 46.00, 46.03, 46.41, 46.22, 45.64, 46.21, 46.25,
    45.71, 46.45, 45.78, 45.35, 44.03, 44.18, 44.22, 44.57, 43.42, 42.66, 43.13};


/* Cells of a CSV line; returns how many. */
static size_t
cells(char *line, double *out, size_t cap)
{
    wd_str_t rest = wd_str_trim(wd_str_z(line)), part;
    size_t   n = 0;

    while (n < cap && wd_str_split(&rest, ',', &part)) {
        if (wd_num_parse(part, &out[n]) != WD_OK) {
            out[n] = NAN;
        }
        n++;
    }
    return n;
}


static FILE *
fixture(const char *name)
{
    char  path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/indicators/%s", WD_FIXTURES, name);
    f = fopen(path, "r");
    if (f == NULL) {
        fail_msg("%s is missing", path);
    }
    return f;
}


static int
setup(void **state)
{
    char   line[256];
    double v[6];
    FILE  *f;

    (void) state;
    f = fixture("bars.csv");
    assert_non_null(fgets(line, sizeof(line), f));

    while (fgets(line, sizeof(line), f) != NULL) {
        assert_int_equal(cells(line, v, 6), 6);
        assert_true(spy.n < BARS_MAX);
        spy.open[spy.n] = v[1];
        spy.high[spy.n] = v[2];
        spy.low[spy.n] = v[3];
        spy.close[spy.n] = v[4];
        spy.volume[spy.n] = v[5];
        spy.n++;
    }

    fclose(f);
    assert_int_equal(spy.n, 502);
    return 0;
}


static indicator_bars_t
bars_of(const table_t *t, const double *price, size_t from, size_t n)
{
    return (indicator_bars_t){n,
                              t->high + from,
                              t->low + from,
                              t->close + from,
                              t->volume + from,
                              price + from,
                              t->session + from};
}


static const indicator_t *
find(const char *name)
{
    const indicator_t *ind = indicator_by_name(wd_str_z(name));

    assert_non_null(ind);
    return ind;
}


static void
run(const indicator_t *ind, const indicator_bars_t *in, const double *param,
    result_t *ret)
{
    double *out[INDICATOR_OUTPUTS_MAX] = {ret->v[0], ret->v[1], ret->v[2]};
    size_t  i, k;

    for (k = 0; k < INDICATOR_OUTPUTS_MAX; k++) {
        for (i = 0; i < in->n; i++) {
            ret->v[k][i] = 12345.678; /* every cell must be written */
        }
    }
    assert_int_equal(indicator_run(ind, in, param, out), WD_OK);
}


static void
defaults(const indicator_t *ind, double *param)
{
    size_t k;

    for (k = 0; k < ind->n_params; k++) {
        param[k] = ind->params[k].def;
    }
}


static bool
close_to(double got, double want, double tolerance)
{
    if (isnan(want)) {
        return isnan(got);
    }
    return fabs(got - want) <= tolerance * fmax(1, fabs(want));
}


/* Compares with a fixture from bar `from` on; returns the rows compared. */
static size_t
compare(const char *file, const char *name, const double *price,
        const double *param, size_t from, double tolerance, double add)
{
    const indicator_t *ind = find(name);
    indicator_bars_t   in = bars_of(&spy, price, 0, spy.n);
    static result_t    r;
    char               line[256];
    double             v[1 + INDICATOR_OUTPUTS_MAX];
    size_t             k, i, n = 0;
    FILE              *f;

    run(ind, &in, param, &r);
    f = fixture(file);

    while (fgets(line, sizeof(line), f) != NULL) {
        assert_int_equal(cells(line, v, wd_array_len(v)), 1 + ind->n_outputs);
        i = (size_t) v[0];
        if (i < from) {
            continue;
        }
        n++;
        for (k = 0; k < ind->n_outputs; k++) {
            if (!close_to(r.v[k][i] + add, v[1 + k], tolerance)) {
                fail_msg("%s: %s[%zu] is %.17g, not %.17g", file,
                         ind->outputs[k], i, r.v[k][i] + add, v[1 + k]);
            }
        }
    }

    fclose(f);
    return n;
}


static void
test_exact(void **state)
{
    static const struct {
        const char *file;
        const char *name;
        double      param[3];
        bool        open;
    } rows[] = {
        {"exact-sma_20.csv", "sma", {20}, false},
        {"exact-ema_20.csv", "ema", {20}, false},
        {"exact-wma_14.csv", "wma", {14}, false},
        {"exact-rsi_14.csv", "rsi", {14}, false},
        {"exact-macd_12_26_9.csv", "macd", {12, 26, 9}, false},
        {"exact-macd_3_10_4.csv", "macd", {3, 10, 4}, true},
        {"exact-bbands_20_2_2.csv", "bbands", {20, 2, 2}, false},
        {"exact-stddev_5.csv", "stddev", {5}, false},
        {"exact-atr_14.csv", "atr", {14}, false},
        {"exact-trange.csv", "trange", {0}, false},
        {"exact-plus_di_14.csv", "plus_di", {14}, false},
        {"exact-minus_di_14.csv", "minus_di", {14}, false},
        {"exact-adx_14.csv", "adx", {14}, false},
        {"exact-mfi_14.csv", "mfi", {14}, false},
        {"exact-cci_20.csv", "cci", {20}, false},
        {"exact-stoch_5_3_3.csv", "stoch", {5, 3, 3}, false},
        {"exact-willr_14.csv", "willr", {14}, false},
        {"exact-obv.csv", "obv", {0}, false},
        {"exact-vwap.csv", "vwap", {0}, false},
        {"exact-mom_10.csv", "mom", {10}, false},
        {"exact-roc_10.csv", "roc", {10}, false},
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        assert_true(compare(rows[i].file, rows[i].name,
                            rows[i].open ? spy.open : spy.close, rows[i].param,
                            0, 1e-12, 0)
                    >= 20);
    }
}


static void
test_published(void **state)
{
    static const struct {
        const char *file;
        const char *name;
        double      param[3];
        size_t      from; /* other seeding: equal once it has faded */
        double      tolerance;
    } rows[] = {
        {"published-sma_20.csv", "sma", {20}, 0, 1e-12},
        {"published-ema_20.csv", "ema", {20}, 0, 1e-12},
        {"published-wma_14.csv", "wma", {14}, 0, 1e-12},
        {"published-rsi_14.csv", "rsi", {14}, 0, 1e-11},
        {"published-bbands_20_2_2.csv", "bbands", {20, 2, 2}, 0, 1e-12},
        {"published-atr_14.csv", "atr", {14}, 0, 1e-12},
        {"published-trange.csv", "trange", {0}, 0, 1e-12},
        {"published-mfi_14.csv", "mfi", {14}, 0, 1e-11},
        {"published-cci_20.csv", "cci", {20}, 0, 1e-10},
        {"published-willr_14.csv", "willr", {14}, 0, 1e-11},
        {"published-stoch_14_3_3.csv", "stoch", {14, 3, 3}, 18, 1e-11},
        {"published-vwap.csv", "vwap", {0}, 0, 1e-12},
        {"published-macd_12_26_9.csv", "macd", {12, 26, 9}, 250, 1e-10},
        {"published-plus_di_14.csv", "plus_di", {14}, 400, 1e-10},
        {"published-minus_di_14.csv", "minus_di", {14}, 400, 1e-10},
        {"published-adx_14.csv", "adx", {14}, 450, 1e-10},
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        assert_true(compare(rows[i].file, rows[i].name, spy.close,
                            rows[i].param, rows[i].from, rows[i].tolerance, 0)
                    >= 4);
    }

    /* begins at 0 instead of the first bar's volume */
    assert_true(compare("published-obv.csv", "obv", spy.close, NULL, 0, 1e-12,
                        -spy.volume[0])
                >= 40);
}


/* The vector with the digits of exact arithmetic. */
static void
test_golden(void **state)
{
    static result_t  r;
    indicator_bars_t in = {33, NULL, NULL, NULL, NULL, closes, NULL};

    (void) state;
    run(find("rsi"), &in, (double[]){14}, &r);
    assert_true(isnan(r.v[0][13]));
    assert_true(close_to(r.v[0][14], 70.46413502109705, 1e-14));
    assert_true(close_to(r.v[0][15], 66.24961855355508, 1e-14));
    assert_true(close_to(r.v[0][32], 37.78877198205780, 1e-14));

    run(find("ema"), &in, (double[]){10}, &r);
    assert_true(isnan(r.v[0][8]));
    assert_true(close_to(r.v[0][9], 44.779, 1e-15));
    assert_true(close_to(r.v[0][32], 44.11929901522182, 1e-15));

    run(find("sma"), &in, (double[]){20}, &r);
    assert_true(close_to(r.v[0][32], 45.241, 1e-15));

    run(find("stddev"), &in, (double[]){20}, &r);
    assert_true(close_to(r.v[0][32], 1.189575134239111, 1e-15));

    run(find("bbands"), &in, (double[]){20, 2, 2}, &r);
    assert_true(close_to(r.v[0][32], 47.62015026847822, 1e-15));
    assert_true(close_to(r.v[1][32], 45.241, 1e-15));
}


/* Exactly the bars before the lookback have no value, of all outputs. */
static void
test_lookback(void **state)
{
    static result_t    r;
    const indicator_t *all;
    indicator_bars_t   in;
    double             p[INDICATOR_PARAMS_MAX];
    size_t             n, i, k, b, len, look;

    (void) state;
    all = indicators(&n);
    assert_true(n >= 20);

    for (i = 0; i < n; i++) {
        defaults(&all[i], p);
        look = all[i].lookback(p);

        for (len = 0; len < look + 12; len++) {
            in = bars_of(&spy, spy.close, 0, len);
            run(&all[i], &in, p, &r);
            for (k = 0; k < all[i].n_outputs; k++) {
                for (b = 0; b < len; b++) {
                    if (isnan(r.v[k][b]) != (b < look)) {
                        fail_msg("%s[%zu] of %zu", all[i].name, b, len);
                    }
                }
            }
        }
    }

    assert_int_equal(find("macd")->lookback((double[]){12, 26, 9}), 33);
    assert_int_equal(find("adx")->lookback((double[]){14}), 27);
    assert_int_equal(find("rsi")->lookback((double[]){14}), 14);
    assert_int_equal(find("atr")->lookback((double[]){14}), 14);
    assert_int_equal(find("bbands")->lookback((double[]){20, 2, 2}), 19);
    assert_int_equal(find("obv")->lookback(NULL), 0);
}


/* Power by which the outputs grow with the prices. */
static int
degree(const char *name)
{
    static const char *const scale[] = {"bbands", "ema",  "sma",    "wma",
                                        "macd",   "mom",  "vwap",   "atr",
                                        "trange", "stddev"};
    size_t                   i;

    for (i = 0; i < wd_array_len(scale); i++) {
        if (strcmp(name, scale[i]) == 0) {
            return 1;
        }
    }
    return 0;
}


static void
test_scale(void **state)
{
    static const double factors[] = {0x1p-33, 1e-10, 1e-8, 1e-5, 1e-3, 7,
                                     1e3,     1e5,   1e8,  1e10, 0x1p33};
    static table_t      t;
    static result_t     a, b;
    const indicator_t  *all;
    indicator_bars_t    in, scaled;
    double              p[INDICATOR_PARAMS_MAX], k, want, unit;
    size_t              n, i, f, o, r;
    int                 exponent;

    (void) state;
    all = indicators(&n);
    in = bars_of(&spy, spy.close, 0, spy.n);

    for (f = 0; f < wd_array_len(factors); f++) {
        k = factors[f];
        for (r = 0; r < spy.n; r++) {
            t.high[r] = spy.high[r] * k;
            t.low[r] = spy.low[r] * k;
            t.close[r] = spy.close[r] * k;
            t.volume[r] = spy.volume[r];
        }
        scaled = bars_of(&t, t.close, 0, spy.n);

        for (i = 0; i < n; i++) {
            if (frexp(k, &exponent) != 0.5 && strcmp(all[i].name, "mfi") == 0) {
                continue; /* equal typical prices differ after rounding */
            }

            defaults(&all[i], p);
            run(&all[i], &in, p, &a);
            run(&all[i], &scaled, p, &b);
            unit = degree(all[i].name) == 1 ? k : 1;

            for (o = 0; o < all[i].n_outputs; o++) {
                for (r = 0; r < spy.n; r++) {
                    want = a.v[o][r];
                    /* a power of two changes no bit but the exponent */
                    if (!close_to(b.v[o][r] / unit, want,
                                  frexp(k, &exponent) == 0.5 ? 0 : 1e-9)) {
                        fail_msg("%s[%zu] x %g: %.17g, not %.17g",
                                 all[i].name, r, k, b.v[o][r] / unit, want);
                    }
                }
            }
        }
    }
}


/* One missing bar: a window's outputs while it is inside, one otherwise. */
static void
test_gaps(void **state)
{
    static table_t     t;
    static result_t    r, dense;
    const indicator_t *all;
    indicator_bars_t   in;
    double             p[INDICATOR_PARAMS_MAX];
    size_t             n, i, k, b, missing, window, gap = 200;

    (void) state;
    all = indicators(&n);

    for (i = 0; i < n; i++) {
        t = spy;
        t.high[gap] = t.low[gap] = t.close[gap] = t.volume[gap] = NAN;
        defaults(&all[i], p);
        in = bars_of(&t, t.close, 0, t.n);
        run(&all[i], &in, p, &r);

        missing = 0;
        for (b = 100; b < t.n; b++) {
            missing += isnan(r.v[0][b]);
            for (k = 1; k < all[i].n_outputs; k++) {
                if (strcmp(all[i].name, "stoch") != 0) {
                    assert_int_equal(isnan(r.v[k][b]), isnan(r.v[0][b]));
                }
            }
        }
        assert_true(isnan(r.v[0][gap]));
        assert_false(isinf(r.v[0][gap + 60]));

        if (!all[i].recursive) {
            window = strcmp(all[i].name, "mom") == 0
                             || strcmp(all[i].name, "roc") == 0
                             || strcmp(all[i].name, "trange") == 0
                         ? 2
                     : strcmp(all[i].name, "stoch") == 0 ? 7
                                                         : (size_t) p[0];
            window += strcmp(all[i].name, "mfi") == 0;
            if (missing != window) {
                fail_msg("%s: %zu missing, not %zu", all[i].name, missing,
                         window);
            }
            continue;
        }

        /* As if the bar were not there. */
        assert_int_equal(missing, 1);
        memmove(t.high + gap, t.high + gap + 1, (t.n - gap - 1) * 8);
        memmove(t.low + gap, t.low + gap + 1, (t.n - gap - 1) * 8);
        memmove(t.close + gap, t.close + gap + 1, (t.n - gap - 1) * 8);
        memmove(t.volume + gap, t.volume + gap + 1, (t.n - gap - 1) * 8);
        in = bars_of(&t, t.close, 0, t.n - 1);
        run(&all[i], &in, p, &dense);

        for (b = 100; b + 1 < t.n; b++) {
            if (dense.v[0][b] != r.v[0][b < gap ? b : b + 1]) {
                fail_msg("%s[%zu] after a gap", all[i].name, b);
            }
        }
    }

    /* nothing but gaps */
    for (b = 0; b < 100; b++) {
        t.high[b] = t.low[b] = t.close[b] = t.volume[b] = NAN;
    }
    in = bars_of(&t, t.close, 0, 100);
    for (i = 0; i < n; i++) {
        defaults(&all[i], p);
        run(&all[i], &in, p, &r);
        for (b = 0; b < 100; b++) {
            assert_true(isnan(r.v[0][b]));
        }
    }
}


/* Windows: the same bits wherever the series begins. */
static void
test_start(void **state)
{
    static result_t    a, b;
    const indicator_t *all;
    indicator_bars_t   in, later;
    double             p[INDICATOR_PARAMS_MAX];
    size_t             n, i, k, o, from;

    (void) state;
    all = indicators(&n);

    for (i = 0; i < n; i++) {
        defaults(&all[i], p);
        in = bars_of(&spy, spy.close, 0, spy.n);
        run(&all[i], &in, p, &a);

        for (from = 1; !all[i].recursive && from < 23; from++) {
            later = bars_of(&spy, spy.close, from, spy.n - from);
            run(&all[i], &later, p, &b);

            for (o = 0; o < all[i].n_outputs; o++) {
                for (k = all[i].lookback(p); k < later.n; k++) {
                    if (b.v[o][k] != a.v[o][k + from]) {
                        fail_msg("%s[%zu] from %zu", all[i].name, k, from);
                    }
                }
            }
        }

        /* More bars at the end change nothing that was there. */
        later = bars_of(&spy, spy.close, 0, spy.n - 7);
        run(&all[i], &later, p, &b);
        for (o = 0; o < all[i].n_outputs; o++) {
            assert_memory_equal(a.v[o], b.v[o], (spy.n - 7) * sizeof(double));
        }
    }
}


/* Bollinger bands far from zero: what E[x^2] - E[x]^2 would ruin. */
static void
test_cancellation(void **state)
{
    static double   near[BARS_MAX], far[BARS_MAX];
    static result_t a, b;
    unsigned        seed = 1;
    size_t          i;

    (void) state;
    for (i = 0; i < BARS_MAX; i++) {
        seed = seed * 1103515245u + 12345u;
        /* multiples of 2^-16: exact near 0 and near 50,000 */
        near[i] = (double) (seed >> 16 & 1023) / 65536;
        far[i] = 50000 + near[i];
    }

    run(find("stddev"),
        &(indicator_bars_t){BARS_MAX, NULL, NULL, NULL, NULL, near, NULL},
        (double[]){20}, &a);
    run(find("bbands"),
        &(indicator_bars_t){BARS_MAX, NULL, NULL, NULL, NULL, far, NULL},
        (double[]){20, 2, 2}, &b);

    for (i = 19; i < BARS_MAX; i++) {
        assert_true(fabs((b.v[0][i] - b.v[1][i]) / 2 - a.v[0][i])
                    <= 1e-9 * a.v[0][i]);
    }

    run(find("stddev"),
        &(indicator_bars_t){BARS_MAX, NULL, NULL, NULL, NULL, far, NULL},
        (double[]){20}, &b);
    for (i = 19; i < BARS_MAX; i++) {
        assert_true(fabs(b.v[0][i] - a.v[0][i]) <= 1e-12 * a.v[0][i]);
    }
}


static void
test_constant(void **state)
{
    static table_t     t;
    static result_t    r;
    const indicator_t *all;
    indicator_bars_t   in;
    double             p[INDICATOR_PARAMS_MAX];
    size_t             n, i, k, b;

    (void) state;
    for (b = 0; b < 100; b++) {
        t.high[b] = t.low[b] = t.close[b] = 0.1;
        t.volume[b] = 3;
    }
    in = bars_of(&t, t.close, 0, 100);
    all = indicators(&n);

    for (i = 0; i < n; i++) {
        defaults(&all[i], p);
        run(&all[i], &in, p, &r);
        for (k = 0; k < all[i].n_outputs; k++) {
            for (b = all[i].lookback(p); b < 100; b++) {
                assert_true(isfinite(r.v[k][b]));
                if (strcmp(all[i].name, "obv") == 0) {
                    assert_true(r.v[k][b] == 3);
                } else if (strcmp(all[i].name, "vwap") == 0) {
                    assert_true(close_to(r.v[k][b], 0.1, 1e-15));
                } else if (strcmp(all[i].group, "overlap") == 0) {
                    assert_true(r.v[k][b] == 0.1); /* the same bits */
                } else {
                    assert_true(r.v[k][b] == 0);
                }
            }
        }
    }
}


static void
test_period_one(void **state)
{
    static const char *const names[] = {"sma", "ema", "wma"};
    static result_t          r, range;
    indicator_bars_t         in = bars_of(&spy, spy.close, 0, spy.n);
    size_t                   i;

    (void) state;
    for (i = 0; i < wd_array_len(names); i++) {
        run(find(names[i]), &in, (double[]){1}, &r);
        assert_memory_equal(r.v[0], spy.close, spy.n * sizeof(double));
    }

    run(find("bbands"), &in, (double[]){1, 2, 2}, &r);
    assert_memory_equal(r.v[0], spy.close, spy.n * sizeof(double));
    assert_memory_equal(r.v[2], spy.close, spy.n * sizeof(double));

    run(find("atr"), &in, (double[]){1}, &r);
    run(find("trange"), &in, NULL, &range);
    assert_memory_equal(r.v[0] + 1, range.v[0] + 1,
                        (spy.n - 1) * sizeof(double));
}


/* VWAP begins anew with each day. */
static void
test_sessions(void **state)
{
    static table_t   t;
    static result_t  r;
    indicator_bars_t in;
    size_t           b;

    (void) state;
    t = spy;
    for (b = 0; b < t.n; b++) {
        t.session[b] = (int32_t) (b / 10);
    }
    in = bars_of(&t, t.close, 0, t.n);
    run(find("vwap"), &in, NULL, &r);

    for (b = 0; b < t.n; b += 10) {
        assert_true(close_to(r.v[0][b],
                             (t.high[b] + t.low[b] + t.close[b]) / 3, 1e-15));
    }
}


static void
test_registry(void **state)
{
    const indicator_t *all;
    const char        *rule;
    size_t             n, i, k;

    (void) state;
    all = indicators(&n);
    for (i = 0; i < n; i++) {
        assert_ptr_equal(indicator_by_name(wd_str_z(all[i].name)), &all[i]);
        for (k = 0; k < all[i].n_params; k++) {
            assert_true(all[i].params[k].min <= all[i].params[k].def);
            assert_true(all[i].params[k].def <= all[i].params[k].max);
        }
        for (k = 0; k < all[i].n_outputs; k++) {
            assert_non_null(all[i].outputs[k]);
        }
    }

    assert_ptr_equal(indicator_by_name(WD_STR("RSI")), find("rsi"));
    assert_null(indicator_by_name(WD_STR("nosuch")));
    assert_null(indicator_by_name(WD_STR("")));
    assert_int_equal(find("macd")->check((double[]){26, 12, 9}, &rule), 0);
    assert_int_equal(find("macd")->check((double[]){12, 26, 9}, &rule), -1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),        cmocka_unit_test(test_published),
        cmocka_unit_test(test_golden),       cmocka_unit_test(test_lookback),
        cmocka_unit_test(test_scale),        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_start),        cmocka_unit_test(test_cancellation),
        cmocka_unit_test(test_constant),     cmocka_unit_test(test_period_one),
        cmocka_unit_test(test_sessions),     cmocka_unit_test(test_registry),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
