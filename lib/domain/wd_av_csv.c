/*
 * wd_av_csv.c - CSV of series, quote and search; the header names the
 * columns. CSV carries neither symbol nor time zone: the caller knows what
 * was asked for.
 */
#include "wd_av_csv.h"

#include "wd_av_record.h"
#include "wd_csv_scan.h"

typedef struct {
    wd_av_dataset_e dataset;
    wd_records_t   *r;
    wd_csv_scan_t   s;
    size_t          n;
    wd_av_field_e   fields[WD_CSV_CELLS_MAX];
    wd_str_t        names[WD_CSV_CELLS_MAX];
} wd_av_csv_t;

#define WD_AV_NEEDED_MAX 8

/*
 * Columns without which a table is not what it should be. A weekly table is
 * told from an adjusted daily one by the missing split column; from a plain
 * daily one by nothing.
 */
#define WD_AV_OHLC \
    WD_AVF_TIME, WD_AVF_OPEN, WD_AVF_HIGH, WD_AVF_LOW, WD_AVF_CLOSE

static const wd_av_field_e wd_av_needed[WD_AV_DATASET_COUNT][WD_AV_NEEDED_MAX]
    = {
        [WD_AV_DAILY] = {WD_AV_OHLC, WD_AVF_VOLUME},
        [WD_AV_DAILY_ADJUSTED] = {WD_AV_OHLC, WD_AVF_VOLUME, WD_AVF_DIVIDEND,
                                  WD_AVF_SPLIT},
        [WD_AV_WEEKLY] = {WD_AV_OHLC, WD_AVF_VOLUME},
        [WD_AV_WEEKLY_ADJUSTED] = {WD_AV_OHLC, WD_AVF_VOLUME, WD_AVF_ADJUSTED,
                                   WD_AVF_DIVIDEND},
        [WD_AV_MONTHLY] = {WD_AV_OHLC, WD_AVF_VOLUME},
        [WD_AV_MONTHLY_ADJUSTED] = {WD_AV_OHLC, WD_AVF_VOLUME, WD_AVF_ADJUSTED,
                                    WD_AVF_DIVIDEND},
        [WD_AV_INTRADAY] = {WD_AV_OHLC, WD_AVF_VOLUME},
        [WD_AV_FX_DAILY] = {WD_AV_OHLC},
        [WD_AV_FX_WEEKLY] = {WD_AV_OHLC},
        [WD_AV_FX_MONTHLY] = {WD_AV_OHLC},
        [WD_AV_FX_INTRADAY] = {WD_AV_OHLC},
        [WD_AV_CRYPTO_DAILY] = {WD_AV_OHLC, WD_AVF_VOLUME},
        [WD_AV_CRYPTO_WEEKLY] = {WD_AV_OHLC, WD_AVF_VOLUME},
        [WD_AV_CRYPTO_MONTHLY] = {WD_AV_OHLC, WD_AVF_VOLUME},
        [WD_AV_CRYPTO_INTRADAY] = {WD_AV_OHLC, WD_AVF_VOLUME},
        [WD_AV_QUOTE] = {WD_AVF_SYMBOL, WD_AVF_PRICE, WD_AVF_DAY},
        [WD_AV_BULK_QUOTES] = {WD_AVF_SYMBOL, WD_AVF_TIME, WD_AVF_CLOSE},
        [WD_AV_SEARCH] = {WD_AVF_SYMBOL, WD_AVF_NAME, WD_AVF_REGION,
                          WD_AVF_CURRENCY},
        [WD_AV_LISTING] = {WD_AVF_SYMBOL, WD_AVF_NAME, WD_AVF_EXCHANGE,
                           WD_AVF_TYPE, WD_AVF_STATUS},
        [WD_AV_DIVIDENDS] = {WD_AVF_EFFECTIVE, WD_AVF_AMOUNT},
        [WD_AV_SPLITS] = {WD_AVF_EFFECTIVE, WD_AVF_FACTOR},
        [WD_AV_ECONOMY] = {WD_AVF_TIME, WD_AVF_VALUE},
};


static bool
wd_av_has_column(const wd_av_csv_t *a, wd_av_field_e field)
{
    size_t i;

    for (i = 0; i < a->n; i++) {
        if (a->fields[i] == field) {
            return true;
        }
    }
    return false;
}


static bool
wd_av_header(wd_av_csv_t *a)
{
    size_t i;

    a->n = a->s.n;
    for (i = 0; i < a->n; i++) {
        a->names[i] = a->s.cells[i];
        a->fields[i] = wd_av_field(wd_str_trim(a->s.cells[i]));
    }

    if (wd_av_needed[a->dataset][0] == WD_AVF_NONE) {
        return false; /* there is no such table */
    }
    for (i = 0;
         i < WD_AV_NEEDED_MAX && wd_av_needed[a->dataset][i] != WD_AVF_NONE;
         i++) {
        if (!wd_av_has_column(a, wd_av_needed[a->dataset][i])) {
            return false;
        }
    }
    return true;
}


static int
wd_av_csv_bar(wd_av_csv_t *a)
{
    size_t       i;
    wd_str_t     stamp = WD_STR_NULL;
    wd_av_bad_t  bad = {WD_STR_NULL, WD_STR_NULL};
    wd_bar_rec_t bar;

    wd_av_bar_init(&bar);
    for (i = 0; i < a->n; i++) {
        if (a->fields[i] == WD_AVF_TIME) {
            stamp = a->s.cells[i];
        } else {
            wd_av_bar_set(&bar, a->fields[i], a->names[i], a->s.cells[i], &bad);
        }
    }
    return wd_av_bar_add(a->r, &bar, stamp, &bad, a->s.line);
}


/* `set` takes a field of this table over. */
static int
wd_av_csv_quote(wd_av_csv_t *a,
                void (*set)(wd_quote_rec_t *quote, wd_av_field_e field,
                            wd_str_t name, wd_str_t text, wd_av_bad_t *bad))
{
    size_t         i;
    wd_av_bad_t    bad = {WD_STR_NULL, WD_STR_NULL};
    wd_quote_rec_t quote;

    wd_av_quote_init(&quote);
    for (i = 0; i < a->n; i++) {
        set(&quote, a->fields[i], a->names[i], a->s.cells[i], &bad);
    }
    return wd_av_quote_add(a->r, &quote, &bad, a->s.line);
}


static int
wd_av_csv_row(wd_av_csv_t *a)
{
    size_t      i;
    wd_av_row_t row;

    wd_av_row_init(&row);
    for (i = 0; i < a->n; i++) {
        wd_av_row_set(&row, a->fields[i], a->names[i], a->s.cells[i]);
    }
    return a->dataset == WD_AV_ECONOMY
               ? wd_av_observation_add(a->r, &row, a->s.line)
               : wd_av_action_add(a->r, &row, a->s.line);
}


static int
wd_av_csv_match(wd_av_csv_t *a)
{
    size_t              i;
    wd_instrument_rec_t inst;

    memset(&inst, 0, sizeof(inst));
    for (i = 0; i < a->n; i++) {
        if (a->s.cells[i].len <= WD_RECORD_FIELD_MAX) {
            wd_av_instrument_set(&inst, a->fields[i], a->s.cells[i]);
        }
    }
    return wd_av_instrument_add(a->r, &inst, a->s.line);
}


static int
wd_av_csv_record(wd_av_csv_t *a)
{
    if (a->s.n != a->n) {
        return wd_records_reject(a->r, a->r->n_records++, WD_REASON_SYNTAX,
                                 a->s.line, "%zu cells under a header of %zu",
                                 a->s.n, a->n);
    }

    switch (a->dataset) {
    case WD_AV_QUOTE:
        return wd_av_csv_quote(a, wd_av_quote_set);
    case WD_AV_BULK_QUOTES:
        return wd_av_csv_quote(a, wd_av_bulk_set);
    case WD_AV_SEARCH:
    case WD_AV_LISTING:
        return wd_av_csv_match(a);
    case WD_AV_DIVIDENDS:
    case WD_AV_SPLITS:
    case WD_AV_ECONOMY:
        return wd_av_csv_row(a);
    default:
        return wd_av_csv_bar(a);
    }
}


static int
wd_av_csv_rows(wd_av_csv_t *a)
{
    int rc;

    while ((rc = wd_csv_scan_line(&a->s, a->r->pool)) != WD_ENOTFOUND) {
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETRUNC) {
            /* The last figure may lack digits: one row is lost, not wrong. */
            return wd_records_reject(
                a->r, -1, WD_REASON_TRUNCATED, a->s.line,
                "the last line has no end; %d records before it",
                a->r->n_records);
        }
        if (a->r->n_records >= WD_RECORDS_MAX) {
            return wd_records_reject(a->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                     "more than %d records", WD_RECORDS_MAX);
        }
        rc = rc == WD_OK
                 ? wd_av_csv_record(a)
                 : wd_records_reject(a->r, a->r->n_records++, WD_REASON_SYNTAX,
                                     a->s.line, "the line is no CSV");
        if (rc != WD_OK) {
            return rc;
        }
    }

    a->r->empty = a->r->n_records == 0;
    return WD_OK;
}


int
wd_av_csv(wd_av_dataset_e dataset, wd_str_t body, wd_records_t *ret)
{
    int         rc;
    wd_av_csv_t a;

    memset(&a, 0, sizeof(a));
    a.dataset = dataset;
    a.r = ret;
    wd_csv_scan_init(&a.s, body);

    rc = wd_csv_scan_line(&a.s, ret->pool);
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if ((rc != WD_OK && rc != WD_ETRUNC) || !wd_av_header(&a)) {
        return wd_records_refuse(
            ret, WD_REASON_UNKNOWN_SHAPE,
            wd_str(body.data, wd_min(body.len, (size_t) 200)),
            "neither JSON nor the table of this data set");
    }
    if (rc == WD_ETRUNC) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, a.s.line,
                                 "the text ends in the header");
    }
    return wd_av_csv_rows(&a);
}
