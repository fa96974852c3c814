/*
 * processing_check.h - what the files of rules share; for them alone.
 *
 * A check returns WD_OK, WD_EINVAL when it rejected the record, or
 * WD_ENOMEM. A figure that is missing (NAN) is not wrong.
 */
#ifndef PROCESSING_CHECK_H
#define PROCESSING_CHECK_H

#include "processing_rules.h"

#define TEXT(v) ((processing_cell_t){.s = (v)})
#define NUM(v) ((processing_cell_t){.num = (v)})
#define INT(v) ((processing_cell_t){.i = (v)})

#define PROCESSING_ANCIENT (INT64_C(-25567) * WD_NS_PER_DAY) /* 1900-01-01 */

/* A new row of the record, or NULL without memory. */
processing_row_t *processing_rules_row(const processing_payload_t *p,
                                       const processing_fact_t    *fact,
                                       wd_records_t *r, int32_t record,
                                       wd_str_t sample, processing_rows_t *ret);

/* A moment as the database keeps it: whole microseconds, rounded down. */
static inline processing_cell_t
processing_moment(wd_ns_t t)
{
    wd_ns_t rest = t % WD_NS_PER_US;

    return INT(t - (rest < 0 ? rest + WD_NS_PER_US : rest));
}

/* Whom a record is about, as a cell. */
static inline processing_cell_t
processing_who(const processing_payload_t *p, wd_str_t symbol)
{
    return INT((int64_t) processing_symbols_find(p->symbols, symbol));
}

/* Rejects with two figures, "high 1 is below low 2", or with a time. */
wd_must_check int processing_reject2(wd_records_t *r, int32_t record,
                                     wd_reason_e reason, wd_str_t sample,
                                     const char *fmt, double a, double b);
wd_must_check int processing_reject_time(wd_records_t *r, int32_t record,
                                         wd_reason_e reason, wd_str_t sample,
                                         const char *fmt, wd_ns_t t);

/* Of days: not before 1900, not more than a day behind the fetch. */
wd_must_check int processing_check_time(const processing_payload_t *p,
                                        wd_records_t *r, int32_t record,
                                        wd_str_t sample, wd_ns_t ts);

/* Of moments: the same, and not behind the fetch by more than `ahead`. */
wd_must_check int processing_check_moment(const processing_payload_t *p,
                                          wd_records_t *r, int32_t record,
                                          wd_str_t sample, wd_ns_t ts,
                                          wd_ns_t ahead);
wd_must_check int processing_check_volume(const processing_payload_t *p,
                                          wd_records_t *r, int32_t record,
                                          wd_str_t sample, double volume);
wd_must_check int processing_check_positive(wd_records_t *r, int32_t record,
                                            wd_str_t sample, const char *name,
                                            double v);
wd_must_check int processing_check_order(wd_records_t *r, int32_t record,
                                         wd_str_t sample, double high,
                                         double low);

/* A size that is there: finite, not negative. */
wd_must_check int processing_check_size(const processing_payload_t *p,
                                        wd_records_t *r, int32_t record,
                                        wd_str_t sample, const char *name,
                                        double v);

/* false when one of them is missing */
bool processing_outside(double v, double low, double high);

#endif /* PROCESSING_CHECK_H */
