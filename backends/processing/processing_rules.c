/*
 * processing_rules.c - validity of bars, quotes, observations and actions.
 */
#include "processing_rules.h"

#include "wd_num.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT(v) ((processing_cell_t){.s = (v)})
#define NUM(v) ((processing_cell_t){.num = (v)})
#define INT(v) ((processing_cell_t){.i = (v)})

/* A split coefficient beyond is no split. */
#define ACTION_AHEAD_NS (366 * WD_NS_PER_DAY)
#define SPLIT_MAX 10000.0

/* Observations are projected, but not for ever. */
#define OBSERVATION_YEARS_AHEAD 150

#define ANCIENT (INT64_C(-25567) * WD_NS_PER_DAY) /* 1900-01-01 */


/* "high 1 is below low 2" */
static int
reject2(wd_records_t *r, int32_t record, wd_reason_e reason, wd_str_t sample,
        const char *fmt, double a, double b)
{
    char x[WD_NUM_TEXT_MAX], y[WD_NUM_TEXT_MAX];

    wd_num_format(a, x);
    wd_num_format(b, y);
    return wd_records_reject(r, record, reason, sample, fmt, x, y);
}


static int
reject_time(wd_records_t *r, int32_t record, wd_reason_e reason,
            wd_str_t sample, const char *fmt, wd_ns_t t)
{
    char text[WD_TIME_TEXT_MAX];

    wd_time_format(t, text);
    return wd_records_reject(r, record, reason, sample, fmt, text);
}


/* WD_EINVAL: rejected. */
static int
check_time(const processing_payload_t *p, wd_records_t *r, int32_t record,
           wd_str_t sample, wd_ns_t ts)
{
    int rc = WD_OK;

    if (ts < ANCIENT) {
        rc = reject_time(r, record, WD_REASON_ANCIENT_TIME, sample,
                         "%s is before 1900", ts);
    } else if (ts > p->known_at + WD_NS_PER_DAY) {
        rc = reject_time(r, record, WD_REASON_FUTURE_TIME, sample,
                         "%s is more than a day behind the fetch", ts);
    } else {
        return WD_OK;
    }
    return rc != WD_OK ? rc : WD_EINVAL;
}


static int
check_volume(const processing_payload_t *p, wd_records_t *r, int32_t record,
             wd_str_t sample, double volume)
{
    int  rc;
    char text[WD_NUM_TEXT_MAX];

    if (isnan(volume)
        || (volume >= 0 && volume <= PROCESSING_VOLUME_MAX
            && (volume == floor(volume) || p->market == PROCESSING_CRYPTO))) {
        return WD_OK;
    }

    wd_num_format(volume, text);
    rc = volume < 0 ? wd_records_reject(r, record, WD_REASON_NEGATIVE_VOLUME,
                                        sample, "volume %s", text)
                    : wd_records_reject(r, record, WD_REASON_ABSURD_VOLUME,
                                        sample, "volume %s", text);
    return rc != WD_OK ? rc : WD_EINVAL;
}


/* A missing figure is not wrong. */
static int
check_positive(wd_records_t *r, int32_t record, wd_str_t sample,
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


static int
check_order(wd_records_t *r, int32_t record, wd_str_t sample, double high,
            double low)
{
    int rc;

    if (!(high < low)) {
        return WD_OK;
    }
    rc = reject2(r, record, WD_REASON_OHLC_ORDER, sample,
                 "high %s is below low %s", high, low);
    return rc != WD_OK ? rc : WD_EINVAL;
}


/* Start of the bar in UTC; WD_EINVAL: rejected. */
static int
bar_time(const processing_payload_t *p, wd_records_t *r,
         const wd_bar_rec_t *bar, bool labels_end, wd_ns_t *ret)
{
    int rc;

    if (p->timeframe >= WD_TF_1D) {
        /* The newest daily row of old answers carried a time of day, and a
         * week is named by its last day of trade. */
        *ret = wd_timeframe_floor(p->timeframe, bar->time);
        return check_time(p, r, bar->record, bar->sample, *ret);
    }

    if (bar->is_date) {
        rc = wd_records_reject(r, bar->record, WD_REASON_BAD_TIME, bar->sample,
                               "an intraday row without a time of day");
        return rc != WD_OK ? rc : WD_EINVAL;
    }

    rc = processing_to_utc(&p->zone, bar->time, ret);
    if (rc == WD_OK && labels_end) {
        *ret -= wd_timeframe_ns(p->timeframe);
    }
    if (rc != WD_OK) {
        rc = wd_records_reject(r, bar->record, WD_REASON_BAD_TIME, bar->sample,
                               "a time that is out of range");
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    return check_time(p, r, bar->record, bar->sample, *ret);
}


static int
check_bar(const processing_payload_t *p, wd_records_t *r, const wd_bar_rec_t *b)
{
    int    rc;
    size_t i;

    const struct {
        const char *name;
        double      v;
    } prices[] = {{"open", b->open},
                  {"high", b->high},
                  {"low", b->low},
                  {"close", b->close}};

    for (i = 0; i < wd_array_len(prices); i++) {
        rc = check_positive(r, b->record, b->sample, prices[i].name,
                            prices[i].v);
        if (rc != WD_OK) {
            return rc;
        }
    }

    rc = check_order(r, b->record, b->sample, b->high, b->low);
    return rc != WD_OK ? rc
                       : check_volume(p, r, b->record, b->sample, b->volume);
}


static bool
outside(double v, double low, double high)
{
    return v < low || v > high; /* false when one of them is missing */
}


static int
add_bar(const processing_payload_t *p, wd_records_t *r, const wd_bar_rec_t *b,
        bool labels_end, processing_rows_t *ret)
{
    int                rc;
    int64_t            quality = 0;
    wd_ns_t            ts;
    processing_row_t  *row;
    processing_cell_t *c;

    rc = bar_time(p, r, b, labels_end, &ts);
    if (rc == WD_OK) {
        rc = check_bar(p, r, b);
    }
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }

    row = processing_rows_add(ret, &processing_bar, r->pool);
    if (row == NULL) {
        return WD_ENOMEM;
    }

    if (outside(b->open, b->low, b->high)
        || outside(b->close, b->low, b->high)) {
        quality |= PROCESSING_Q_OHLC;
    }
    if (b->volume == 0) {
        quality |= PROCESSING_Q_NO_VOLUME;
    }

    row->known_at = p->known_at;
    row->raw_id = p->raw_id;
    row->rec = b;
    c = row->cells;
    c[BAR_TIMEFRAME] = INT(p->timeframe);
    c[BAR_SOURCE] = INT(p->source);
    c[BAR_TS] = INT(ts);
    c[BAR_QUALITY] = INT(quality);
    c[BAR_OPEN] = NUM(b->open);
    c[BAR_HIGH] = NUM(b->high);
    c[BAR_LOW] = NUM(b->low);
    c[BAR_CLOSE] = NUM(b->close);
    c[BAR_VOLUME] = NUM(b->volume);
    return WD_OK;
}


/* The last row, when its period had not ended at the fetch. */
static void
flag_unfinished(const processing_payload_t *p, const processing_rows_t *rows)
{
    bool               over;
    wd_ns_t            ts;
    processing_cell_t *c;

    if (rows->n == 0) {
        return;
    }
    c = rows->rows[rows->n - 1].cells;
    ts = c[BAR_TS].i;
    over = p->timeframe < WD_TF_1D
               ? p->known_at >= ts + wd_timeframe_ns(p->timeframe)
               : processing_period_over(p->zones, p->market, p->timeframe, ts,
                                        p->known_at);
    if (!over) {
        c[BAR_QUALITY].i |= PROCESSING_Q_UNFINISHED;
    }
}


/* Index of the record and its text, whichever kind it is. */
static int32_t
row_record(const processing_fact_t *fact, const processing_row_t *row,
           wd_str_t *ret_sample)
{
    if (fact == &processing_bar) {
        *ret_sample = ((const wd_bar_rec_t *) row->rec)->sample;
        return ((const wd_bar_rec_t *) row->rec)->record;
    }
    if (fact == &processing_quote) {
        *ret_sample = ((const wd_quote_rec_t *) row->rec)->sample;
        return ((const wd_quote_rec_t *) row->rec)->record;
    }
    if (fact == &processing_observation) {
        *ret_sample = ((const wd_observation_rec_t *) row->rec)->sample;
        return ((const wd_observation_rec_t *) row->rec)->record;
    }
    if (fact == &processing_action) {
        *ret_sample = ((const wd_action_rec_t *) row->rec)->sample;
        return ((const wd_action_rec_t *) row->rec)->record;
    }
    *ret_sample = ((const wd_field_rec_t *) row->rec)->name;
    return ((const wd_field_rec_t *) row->rec)->record;
}


int
processing_rules_unique(const processing_fact_t *fact, wd_records_t *r,
                        processing_rows_t *rows)
{
    int      rc;
    size_t   i, n = 0;
    int32_t  record, kept;
    wd_str_t sample, unused;

    for (i = 0; i < rows->n; i++) {
        if (n == 0
            || processing_key_cmp(fact, &rows->rows[n - 1], &rows->rows[i])
                   != 0) {
            rows->rows[n++] = rows->rows[i];
            continue;
        }
        if (processing_values_equal(fact, &rows->rows[n - 1], &rows->rows[i])) {
            continue;
        }
        record = row_record(fact, &rows->rows[i], &sample);
        kept = row_record(fact, &rows->rows[n - 1], &unused);
        rc = wd_records_reject(r, record, WD_REASON_DUPLICATE, sample,
                               "record %d says otherwise", kept);
        if (rc != WD_OK) {
            return rc;
        }
    }

    rows->n = n;
    return WD_OK;
}


int
processing_rules_bars(const processing_payload_t *p, wd_records_t *r,
                      processing_rows_t *ret)
{
    int    rc;
    bool   labels_end = false;
    size_t i;

    if (p->timeframe < WD_TF_1D) {
        labels_end = processing_labels_end(r->bars, r->n_bars, &p->zone,
                                           p->known_at);
    }

    for (i = 0; i < r->n_bars; i++) {
        rc = add_bar(p, r, &r->bars[i], labels_end, ret);
        if (rc != WD_OK) {
            return rc;
        }
    }

    rc = processing_rows_sort(ret, &processing_bar, r->pool);
    if (rc == WD_OK) {
        rc = processing_rules_unique(&processing_bar, r, ret);
    }
    if (rc == WD_OK) {
        flag_unfinished(p, ret);
    }
    return rc;
}


/* WD_EINVAL: rejected. */
static int
check_quote(const processing_payload_t *p, wd_records_t *r,
            const wd_quote_rec_t *q)
{
    int    rc;
    size_t i;

    const struct {
        const char *name;
        double      v;
    } prices[] = {{"price", q->price},
                  {"open", q->open},
                  {"high", q->high},
                  {"low", q->low},
                  {"previous close", q->previous_close},
                  {"bid", q->bid},
                  {"ask", q->ask}};

    for (i = 0; i < wd_array_len(prices); i++) {
        rc = check_positive(r, q->record, q->sample, prices[i].name,
                            prices[i].v);
        if (rc != WD_OK) {
            return rc;
        }
    }

    rc = check_order(r, q->record, q->sample, q->high, q->low);
    if (rc == WD_OK) {
        rc = check_volume(p, r, q->record, q->sample, q->volume);
    }
    return rc != WD_OK ? rc : check_time(p, r, q->record, q->sample, q->time);
}


int
processing_rules_quotes(const processing_payload_t *p, wd_records_t *r,
                        processing_rows_t *ret)
{
    int                   rc;
    size_t                i;
    int64_t               quality;
    wd_ns_t               day;
    processing_row_t     *row;
    processing_cell_t    *c;
    const wd_quote_rec_t *q;

    for (i = 0; i < r->n_quotes; i++) {
        q = &r->quotes[i];
        rc = check_quote(p, r, q);
        if (rc == WD_EINVAL) {
            continue;
        }
        row = rc == WD_OK ? processing_rows_add(ret, &processing_quote, r->pool)
                          : NULL;
        if (row == NULL) {
            return WD_ENOMEM;
        }

        quality = outside(q->open, q->low, q->high)
                          || outside(q->price, q->low, q->high)
                      ? PROCESSING_Q_OHLC
                      : 0;
        quality |= q->volume == 0 ? PROCESSING_Q_NO_VOLUME : 0;
        quality |= q->bid > q->ask ? PROCESSING_Q_CROSSED : 0;
        day = wd_timeframe_floor(WD_TF_1D, q->time);
        quality |= processing_day_over(p->zones, p->market, day, p->known_at)
                       ? 0
                       : PROCESSING_Q_UNFINISHED;

        row->known_at = p->known_at;
        row->raw_id = p->raw_id;
        row->rec = q;
        c = row->cells;
        c[QUOTE_SOURCE] = INT(p->source);
        c[QUOTE_TS] = INT(day);
        c[QUOTE_PRICE] = NUM(q->price);
        c[QUOTE_OPEN] = NUM(q->open);
        c[QUOTE_HIGH] = NUM(q->high);
        c[QUOTE_LOW] = NUM(q->low);
        c[QUOTE_VOLUME] = NUM(q->volume);
        c[QUOTE_PREVIOUS] = NUM(q->previous_close);
        c[QUOTE_QUALITY] = INT(quality);
        c[QUOTE_BID] = NUM(q->bid);
        c[QUOTE_ASK] = NUM(q->ask);
    }
    return WD_OK;
}


int
processing_rules_fields(const processing_payload_t *p, wd_records_t *r,
                        processing_rows_t *ret)
{
    int               rc;
    size_t            i;
    processing_row_t *row;

    for (i = 0; i < r->n_fields; i++) {
        row = processing_rows_add(ret, &processing_field, r->pool);
        if (row == NULL) {
            return WD_ENOMEM;
        }
        row->known_at = p->known_at;
        row->raw_id = p->raw_id;
        row->rec = &r->fields[i];
        row->cells[FIELD_SOURCE] = INT(p->source);
        row->cells[FIELD_NAME] = TEXT(r->fields[i].name);
        row->cells[FIELD_PERIOD] = TEXT(WD_STR(""));
        row->cells[FIELD_VALUE] = TEXT(r->fields[i].value);
    }

    rc = processing_rows_sort(ret, &processing_field, r->pool);
    return rc != WD_OK ? rc
                       : processing_rules_unique(&processing_field, r, ret);
}


/* The fact as a field: the statement is part of the name, as some items stand
 * in several; the day is part of the period. */
static int
fact_field(wd_pool_t *pool, const wd_fact_rec_t *f, const char *prefix,
           wd_field_rec_t *ret, wd_str_t *ret_period)
{
    char      *name, *period;
    size_t     n = strlen(prefix) + 1 + f->item.len + 1;
    size_t     m = f->period.len + sizeof(" YYYY-MM-DD") + 8;
    wd_civil_t c;

    name = wd_pool_alloc(pool, n);
    period = wd_pool_alloc(pool, m);
    if (name == NULL || period == NULL) {
        return WD_ENOMEM;
    }
    wd_time_to_civil(f->time, &c);
    ret->name = wd_str(name, (size_t) snprintf(name, n, "%s.%.*s", prefix,
                                               WD_STR_ARG(f->item)));
    *ret_period = wd_str(period,
                         (size_t) snprintf(period, m, "%.*s %04d-%02d-%02d",
                                           WD_STR_ARG(f->period), c.year,
                                           c.month, c.day));
    ret->value = f->text;
    ret->record = f->record;
    return WD_OK;
}


int
processing_rules_facts(const processing_payload_t *p, wd_records_t *r,
                       const char *prefix, processing_rows_t *ret)
{
    int               rc;
    size_t            i;
    wd_str_t          period;
    wd_field_rec_t   *f;
    processing_row_t *row;

    for (i = 0; i < r->n_facts; i++) {
        rc = check_time(p, r, r->facts[i].record, r->facts[i].sample,
                        r->facts[i].time);
        if (rc == WD_EINVAL) {
            continue;
        }
        f = wd_pool_alloc(r->pool, sizeof(*f));
        row = rc == WD_OK && f != NULL
                  ? processing_rows_add(ret, &processing_field, r->pool)
                  : NULL;
        if (row == NULL
            || fact_field(r->pool, &r->facts[i], prefix, f, &period) != WD_OK) {
            return WD_ENOMEM;
        }
        row->known_at = p->known_at;
        row->raw_id = p->raw_id;
        row->rec = f;
        row->cells[FIELD_SOURCE] = INT(p->source);
        row->cells[FIELD_NAME] = TEXT(f->name);
        row->cells[FIELD_PERIOD] = TEXT(period);
        row->cells[FIELD_VALUE] = TEXT(f->value);
    }

    rc = processing_rows_sort(ret, &processing_field, r->pool);
    return rc != WD_OK ? rc
                       : processing_rules_unique(&processing_field, r, ret);
}


/* WD_EINVAL: rejected. */
static int
check_observation(const processing_payload_t *p, wd_records_t *r,
                  const wd_observation_rec_t *o)
{
    int        rc = WD_OK;
    wd_civil_t now, then;

    wd_time_to_civil(p->known_at, &now);
    wd_time_to_civil(o->time, &then);
    if (then.year > now.year + OBSERVATION_YEARS_AHEAD) {
        rc = reject_time(r, o->record, WD_REASON_FUTURE_TIME, o->sample,
                         "%s is beyond any projection", o->time);
    } else if (then.year < 1700) {
        rc = reject_time(r, o->record, WD_REASON_ANCIENT_TIME, o->sample,
                         "%s is before any statistics", o->time);
    } else {
        return WD_OK;
    }
    return rc != WD_OK ? rc : WD_EINVAL;
}


int
processing_rules_observations(const processing_payload_t *p, wd_records_t *r,
                              processing_rows_t *ret)
{
    int                         rc;
    size_t                      i;
    processing_row_t           *row;
    const wd_observation_rec_t *o;

    for (i = 0; i < r->n_observations; i++) {
        o = &r->observations[i];
        rc = check_observation(p, r, o);
        if (rc == WD_EINVAL) {
            continue;
        }
        row = rc == WD_OK
                  ? processing_rows_add(ret, &processing_observation, r->pool)
                  : NULL;
        if (row == NULL) {
            return WD_ENOMEM;
        }
        row->known_at = p->known_at;
        row->raw_id = p->raw_id;
        row->rec = o;
        row->cells[OBS_TS] = INT(o->time);
        row->cells[OBS_FREQUENCY] = TEXT(wd_str(&o->frequency, 1));
        row->cells[OBS_VALUE] = NUM(o->value);
        row->cells[OBS_STATUS] = TEXT(o->status);
    }
    return WD_OK;
}


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
add_action(const processing_payload_t *p, wd_records_t *r, wd_ns_t date,
           const char *kind, double value, processing_rows_t *ret)
{
    processing_row_t *row;

    row = processing_rows_add(ret, &processing_action, r->pool);
    if (row == NULL) {
        return WD_ENOMEM;
    }
    row->known_at = p->known_at;
    row->raw_id = p->raw_id;
    row->cells[ACTION_SOURCE] = INT(p->source);
    row->cells[ACTION_DATE] = INT(date);
    row->cells[ACTION_KIND] = TEXT(wd_str_z(kind));
    row->cells[ACTION_VALUE] = NUM(value);
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


static int
dividend_of(const processing_payload_t *p, wd_records_t *r,
            const wd_bar_rec_t *b, wd_ns_t date, const processing_rows_t *known,
            processing_rows_t *ret)
{
    if (isnan(b->dividend)
        || (b->dividend == 0 && !action_known(known, date, "dividend"))) {
        return WD_OK;
    }
    if (b->dividend < 0) {
        return bad_action(r, b->record, b->sample, "dividend", b->dividend);
    }
    return add_action(p, r, date, "dividend", b->dividend, ret);
}


static int
split_of(const processing_payload_t *p, wd_records_t *r, const wd_bar_rec_t *b,
         wd_ns_t date, const processing_rows_t *known, processing_rows_t *ret)
{
    if (isnan(b->split)
        || (b->split == 1 && !action_known(known, date, "split"))) {
        return WD_OK;
    }
    if (!split_possible(b->split)) {
        return bad_action(r, b->record, b->sample, "split coefficient",
                          b->split);
    }
    return add_action(p, r, date, "split", b->split, ret);
}


int
processing_rules_actions(const processing_payload_t *p, wd_records_t *r,
                         const processing_rows_t *bars,
                         const processing_rows_t *known, processing_rows_t *ret)
{
    int                 rc;
    size_t              i;
    wd_ns_t             date;
    const wd_bar_rec_t *b;

    for (i = 0; i < bars->n; i++) {
        b = bars->rows[i].rec;
        date = bars->rows[i].cells[BAR_TS].i;
        rc = dividend_of(p, r, b, date, known, ret);
        if (rc == WD_OK) {
            rc = split_of(p, r, b, date, known, ret);
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
        rc = reject_time(r, a->record, WD_REASON_FUTURE_TIME, a->sample,
                         "%s is more than a year behind the fetch",
                         a->effective);
    } else if (a->effective < ANCIENT) {
        rc = reject_time(r, a->record, WD_REASON_ANCIENT_TIME, a->sample,
                         "%s is before 1900", a->effective);
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
            rc = add_action(p, r, a->effective,
                            a->kind == WD_ACTION_SPLIT ? "split" : "dividend",
                            a->amount, ret);
        }
        if (rc != WD_OK) {
            return rc;
        }
        ret->rows[ret->n - 1].rec = a;
    }

    rc = processing_rows_sort(ret, &processing_action, r->pool);
    return rc != WD_OK ? rc
                       : processing_rules_unique(&processing_action, r, ret);
}


void
processing_rules_jumps(const processing_rows_t *bars, processing_last_t before,
                       const processing_rows_t *actions)
{
    size_t                   i, k = 0;
    double                   split, ratio;
    const processing_cell_t *a;
    processing_cell_t       *c;

    for (i = 0; i < bars->n; i++) {
        c = bars->rows[i].cells;
        split = 1;
        for (; k < actions->n
               && actions->rows[k].cells[ACTION_DATE].i <= c[BAR_TS].i;
             k++) {
            a = actions->rows[k].cells;
            if (a[ACTION_DATE].i > before.ts
                && wd_str_eq_z(a[ACTION_KIND].s, "split")) {
                split *= a[ACTION_VALUE].num;
            }
        }

        if (before.ts != WD_NS_MIN
            && c[BAR_TS].i - before.ts <= PROCESSING_JUMP_GAP) {
            ratio = c[BAR_CLOSE].num * split / before.close;
            if (ratio > PROCESSING_JUMP || ratio < 1 / PROCESSING_JUMP) {
                c[BAR_QUALITY].i |= PROCESSING_Q_JUMP;
            }
        }
        before = (processing_last_t){c[BAR_TS].i, c[BAR_CLOSE].num};
    }
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
