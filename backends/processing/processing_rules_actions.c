/*
 * processing_rules_actions.c - validity of splits and dividends, those of bars
 * and those that are records of their own.
 */
#include "processing_check.h"
#include "wd_num.h"

#include <math.h>


/* Companies announce what is months ahead. */
#define ACTION_AHEAD_NS (366 * WD_NS_PER_DAY)

/* A split coefficient beyond is no split. */
#define SPLIT_MAX 10000.0


static bool
action_known(const processing_rows_t *known, wd_ns_t date, const char *kind)
{
    size_t lo = 0, hi = known->n, mid;
    int    c;

    while (lo < hi) {
        mid = (lo + hi) / 2;
        c = (known->rows[mid].cells[ACTION_DATE].i > date)
            - (known->rows[mid].cells[ACTION_DATE].i < date);
        if (c == 0) {
            c = strncmp(known->rows[mid].cells[ACTION_KIND].s.data, kind,
                        known->rows[mid].cells[ACTION_KIND].s.len);
        }
        if (c == 0) {
            return true;
        }
        if (c > 0) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return false;
}


static int
add_action(const processing_payload_t *p, wd_records_t *r, int64_t instrument,
           const wd_action_rec_t *a, processing_rows_t *ret)
{
    processing_row_t *row;
    const char       *kind = a->kind == WD_ACTION_SPLIT ? "split" : "dividend";

    row = processing_rules_row(p, &processing_action, r, a->record, a->sample,
                               ret);
    if (row == NULL) {
        return WD_ENOMEM;
    }
    row->cells[ACTION_INSTRUMENT] = INT(instrument);
    row->cells[ACTION_SOURCE] = INT(p->source);
    row->cells[ACTION_DATE] = INT(a->effective);
    row->cells[ACTION_KIND] = TEXT(wd_str_z(kind));
    row->cells[ACTION_VALUE] = NUM(a->amount);
    return WD_OK;
}


static int
bad_action(wd_records_t *r, int32_t record, wd_str_t sample, const char *what,
           double v)
{
    char text[WD_NUM_TEXT_MAX];

    wd_num_format(v, text);
    return wd_records_reject(r, record, WD_REASON_BAD_ACTION, sample,
                             "%s is %s", what, text);
}


static bool
split_possible(double v)
{
    return v > 0 && v <= SPLIT_MAX && v >= 1 / SPLIT_MAX;
}


/* One that stands in a bar. */
static int
add_of_bar(const processing_payload_t *p, wd_records_t *r,
           const processing_row_t *bar, wd_action_e kind, double amount,
           processing_rows_t *ret)
{
    const wd_bar_rec_t   *b = bar->rec;
    const wd_action_rec_t a = {.sample = b->sample,
                               .effective = bar->cells[BAR_TS].i,
                               .amount = amount,
                               .record = b->record,
                               .kind = kind};

    return add_action(p, r, bar->cells[BAR_INSTRUMENT].i, &a, ret);
}


static int
dividend_of(const processing_payload_t *p, wd_records_t *r,
            const processing_row_t *bar, const processing_rows_t *known,
            processing_rows_t *ret)
{
    const wd_bar_rec_t *b = bar->rec;

    if (isnan(b->dividend)
        || (b->dividend == 0
            && !action_known(known, bar->cells[BAR_TS].i, "dividend"))) {
        return WD_OK;
    }
    if (b->dividend < 0) {
        return bad_action(r, b->record, b->sample, "dividend", b->dividend);
    }
    return add_of_bar(p, r, bar, WD_ACTION_DIVIDEND, b->dividend, ret);
}


static int
split_of(const processing_payload_t *p, wd_records_t *r,
         const processing_row_t *bar, const processing_rows_t *known,
         processing_rows_t *ret)
{
    const wd_bar_rec_t *b = bar->rec;

    if (isnan(b->split)
        || (b->split == 1
            && !action_known(known, bar->cells[BAR_TS].i, "split"))) {
        return WD_OK;
    }
    if (!split_possible(b->split)) {
        return bad_action(r, b->record, b->sample, "split coefficient",
                          b->split);
    }
    return add_of_bar(p, r, bar, WD_ACTION_SPLIT, b->split, ret);
}


int
processing_rules_actions(const processing_payload_t *p, wd_records_t *r,
                         const processing_rows_t *bars,
                         const processing_rows_t *known, processing_rows_t *ret)
{
    int    rc;
    size_t i;

    for (i = 0; i < bars->n; i++) {
        rc = dividend_of(p, r, &bars->rows[i], known, ret);
        if (rc == WD_OK) {
            rc = split_of(p, r, &bars->rows[i], known, ret);
        }
        if (rc != WD_OK) {
            return rc;
        }
    }
    return WD_OK; /* sorted: dates rise, "dividend" is before "split" */
}


/* WD_EINVAL: rejected. Companies announce what is months ahead. */
static int
check_action(const processing_payload_t *p, wd_records_t *r,
             const wd_action_rec_t *a)
{
    int rc;

    if (a->effective > p->known_at + ACTION_AHEAD_NS) {
        rc = processing_reject_time(
            r, a->record, WD_REASON_FUTURE_TIME, a->sample,
            "%s is more than a year behind the fetch", a->effective);
    } else if (a->effective < PROCESSING_ANCIENT) {
        rc = processing_reject_time(r, a->record, WD_REASON_ANCIENT_TIME,
                                    a->sample, "%s is before 1900",
                                    a->effective);
    } else if (a->kind == WD_ACTION_SPLIT && !split_possible(a->amount)) {
        rc = bad_action(r, a->record, a->sample, "split factor", a->amount);
    } else if (a->kind == WD_ACTION_DIVIDEND && a->amount < 0) {
        rc = bad_action(r, a->record, a->sample, "dividend", a->amount);
    } else {
        return WD_OK;
    }
    return rc != WD_OK ? rc : WD_EINVAL;
}


int
processing_rules_action_list(const processing_payload_t *p, wd_records_t *r,
                             processing_rows_t *ret)
{
    int                    rc;
    size_t                 i;
    const wd_action_rec_t *a;

    for (i = 0; i < r->n_actions; i++) {
        a = &r->actions[i];
        rc = check_action(p, r, a);
        if (rc == WD_EINVAL) {
            continue;
        }
        if (rc == WD_OK) {
            rc = add_action(p, r, processing_who(p, a->symbol).i, a, ret);
        }
        if (rc != WD_OK) {
            return rc;
        }
    }
    return processing_rules_finish(&processing_action, r, ret);
}
