/*
 * processing_rules.c - what the rules for all kinds of records share.
 */
#include "processing_check.h"

#include "wd_num.h"

#include <math.h>


/* "high 1 is below low 2" */
int
processing_reject2(wd_records_t *r, int32_t record, wd_reason_e reason,
                   wd_str_t sample, const char *fmt, double a, double b)
{
    char x[WD_NUM_TEXT_MAX], y[WD_NUM_TEXT_MAX];

    wd_num_format(a, x);
    wd_num_format(b, y);
    return wd_records_reject(r, record, reason, sample, fmt, x, y);
}


int
processing_reject_time(wd_records_t *r, int32_t record, wd_reason_e reason,
                       wd_str_t sample, const char *fmt, wd_ns_t t)
{
    char text[WD_TIME_TEXT_MAX];

    wd_time_format(t, text);
    return wd_records_reject(r, record, reason, sample, fmt, text);
}


int
processing_check_moment(const processing_payload_t *p, wd_records_t *r,
                        int32_t record, wd_str_t sample, wd_ns_t ts,
                        wd_ns_t ahead)
{
    int         rc;
    const char *fmt = ahead >= WD_NS_PER_DAY
                          ? "%s is more than a day behind the fetch"
                          : "%s is behind the fetch";

    if (ts < PROCESSING_ANCIENT) {
        rc = processing_reject_time(r, record, WD_REASON_ANCIENT_TIME, sample,
                                    "%s is before 1900", ts);
    } else if (ts > p->known_at + ahead) {
        rc = processing_reject_time(r, record, WD_REASON_FUTURE_TIME, sample,
                                    fmt, ts);
    } else {
        return WD_OK;
    }
    return rc != WD_OK ? rc : WD_EINVAL;
}


int
processing_check_time(const processing_payload_t *p, wd_records_t *r,
                      int32_t record, wd_str_t sample, wd_ns_t ts)
{
    return processing_check_moment(p, r, record, sample, ts, WD_NS_PER_DAY);
}


/* Where shares are traded there are no halves; what else is traded may have. */
static bool
is_volume(const processing_payload_t *p, double v)
{
    return isnan(v)
           || (v >= 0 && v <= PROCESSING_VOLUME_MAX
               && (v == floor(v) || p->market == PROCESSING_CRYPTO
                   || p->market == PROCESSING_WORLD));
}


int
processing_check_size(const processing_payload_t *p, wd_records_t *r,
                      int32_t record, wd_str_t sample, const char *name,
                      double v)
{
    int  rc;
    char text[WD_NUM_TEXT_MAX];

    if (is_volume(p, v)) {
        return WD_OK;
    }
    wd_num_format(v, text);
    rc = wd_records_reject(
        r, record, v < 0 ? WD_REASON_NEGATIVE_VOLUME : WD_REASON_ABSURD_VOLUME,
        sample, "%s %s", name, text);
    return rc != WD_OK ? rc : WD_EINVAL;
}


int
processing_check_volume(const processing_payload_t *p, wd_records_t *r,
                        int32_t record, wd_str_t sample, double volume)
{
    return processing_check_size(p, r, record, sample, "volume", volume);
}


int
processing_check_positive(wd_records_t *r, int32_t record, wd_str_t sample,
                          const char *name, double v)
{
    int  rc;
    char text[WD_NUM_TEXT_MAX];

    if (isnan(v) || v > 0) {
        return WD_OK;
    }
    wd_num_format(v, text);
    rc = wd_records_reject(r, record, WD_REASON_PRICE_NOT_POSITIVE, sample,
                           "%s is %s", name, text);
    return rc != WD_OK ? rc : WD_EINVAL;
}


int
processing_check_order(wd_records_t *r, int32_t record, wd_str_t sample,
                       double high, double low)
{
    int rc;

    if (!(high < low)) {
        return WD_OK;
    }
    rc = processing_reject2(r, record, WD_REASON_OHLC_ORDER, sample,
                            "high %s is below low %s", high, low);
    return rc != WD_OK ? rc : WD_EINVAL;
}


bool
processing_outside(double v, double low, double high)
{
    return v < low || v > high; /* false when one of them is missing */
}


processing_row_t *
processing_rules_row(const processing_payload_t *p,
                     const processing_fact_t *fact, wd_records_t *r,
                     int32_t record, wd_str_t sample, processing_rows_t *ret)
{
    processing_row_t *row = processing_rows_add(ret, fact, r->pool);

    if (row != NULL) {
        row->known_at = p->known_at;
        row->raw_id = p->raw_id;
        row->record = record;
        row->sample = sample;
    }
    return row;
}


int
processing_rules_unique(const processing_fact_t *fact, wd_records_t *r,
                        processing_rows_t *rows)
{
    int                     rc;
    size_t                  i, n = 0;
    const processing_row_t *row;

    for (i = 0; i < rows->n; i++) {
        row = &rows->rows[i];
        if (n == 0 || processing_key_cmp(fact, &rows->rows[n - 1], row) != 0) {
            rows->rows[n++] = *row;
            continue;
        }
        if (processing_values_equal(fact, &rows->rows[n - 1], row)) {
            rows->repeated++;
            continue;
        }
        rc = wd_records_reject(r, row->record, WD_REASON_DUPLICATE, row->sample,
                               "record %d says otherwise",
                               rows->rows[n - 1].record);
        if (rc != WD_OK) {
            return rc;
        }
    }

    rows->n = n;
    return WD_OK;
}


int
processing_rules_finish(const processing_fact_t *fact, wd_records_t *r,
                        processing_rows_t *rows)
{
    int rc;

    rc = processing_rows_sort(rows, fact, r->pool);
    return rc != WD_OK ? rc : processing_rules_unique(fact, r, rows);
}


int64_t
processing_rules_flagged(int quality, const processing_rows_t *rows)
{
    size_t  i;
    int64_t n = 0;

    for (i = 0; i < rows->n; i++) {
        n += rows->rows[i].cells[quality].i != 0;
    }
    return n;
}
