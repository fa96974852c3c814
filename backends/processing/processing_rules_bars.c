/*
 * processing_rules_bars.c - validity of bars, and what is doubtful in them.
 */
#include "processing_check.h"

#include <math.h>


static wd_timeframe_e
length_of(const processing_payload_t *p, const wd_bar_rec_t *bar)
{
    return bar->timeframe != WD_TF_NONE ? bar->timeframe : p->timeframe;
}


/* A week, month: WD_EINVAL when it is made of a part of it. */
static int
check_whole(const processing_payload_t *p, wd_records_t *r,
            const wd_bar_rec_t *bar, wd_ns_t ts)
{
    int rc;

    if (!processing_period_cut(p->zones, p->market, length_of(p, bar), ts,
                               &p->asked, p->known_at)) {
        return WD_OK;
    }
    rc = wd_records_reject(r, bar->record, WD_REASON_PARTIAL_PERIOD,
                           bar->sample, "only a part of it was asked for");
    return rc != WD_OK ? rc : WD_EINVAL;
}


/* Start of the bar in UTC; WD_EINVAL: rejected. */
static int
bar_time(const processing_payload_t *p, wd_records_t *r,
         const wd_bar_rec_t *bar, bool labels_end, wd_ns_t *ret)
{
    int            rc;
    wd_timeframe_e tf = length_of(p, bar);

    if (tf >= WD_TF_1D) {
        /* The newest daily row of old answers carried a time of day, and a
         * week is named by its last day of trade. */
        *ret = wd_timeframe_floor(tf, bar->time);
        rc = processing_check_time(p, r, bar->record, bar->sample, *ret);
        return rc != WD_OK ? rc : check_whole(p, r, bar, *ret);
    }

    if (bar->is_date) {
        rc = wd_records_reject(r, bar->record, WD_REASON_BAD_TIME, bar->sample,
                               "an intraday row without a time of day");
        return rc != WD_OK ? rc : WD_EINVAL;
    }

    rc = processing_to_utc(&p->zone, bar->time, ret);
    if (rc == WD_OK && labels_end) {
        *ret -= wd_timeframe_ns(tf);
    }
    if (rc != WD_OK) {
        rc = wd_records_reject(r, bar->record, WD_REASON_BAD_TIME, bar->sample,
                               "a time that is out of range");
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    return processing_check_time(p, r, bar->record, bar->sample, *ret);
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
        rc = processing_check_positive(r, b->record, b->sample, prices[i].name,
                                       prices[i].v);
        if (rc != WD_OK) {
            return rc;
        }
    }

    rc = processing_check_order(r, b->record, b->sample, b->high, b->low);
    return rc != WD_OK
               ? rc
               : processing_check_volume(p, r, b->record, b->sample, b->volume);
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

    row = processing_rules_row(p, &processing_bar, r, b->record, b->sample,
                               ret);
    if (row == NULL) {
        return WD_ENOMEM;
    }

    if (processing_outside(b->open, b->low, b->high)
        || processing_outside(b->close, b->low, b->high)) {
        quality |= PROCESSING_Q_OHLC;
    }
    if (b->volume == 0) {
        quality |= PROCESSING_Q_NO_VOLUME;
    }

    row->rec = b;
    c = row->cells;
    c[BAR_INSTRUMENT] = processing_who(p, b->symbol);
    c[BAR_TIMEFRAME] = INT(length_of(p, b));
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


static void
flag_unfinished(const processing_payload_t *p, processing_cell_t *c)
{
    bool           over;
    wd_ns_t        ts = c[BAR_TS].i;
    wd_timeframe_e tf = (wd_timeframe_e) c[BAR_TIMEFRAME].i;

    over = tf < WD_TF_1D ? p->known_at >= ts + wd_timeframe_ns(tf)
                         : processing_period_over(p->zones, p->market, tf, ts,
                                                  p->known_at);
    if (!over) {
        c[BAR_QUALITY].i |= PROCESSING_Q_UNFINISHED;
    }
}


/* The last row of each length of each, when its period had not ended at the fetch. */
static void
flag_last(const processing_payload_t *p, const processing_rows_t *rows)
{
    size_t             i;
    processing_cell_t *c;

    for (i = 0; i < rows->n; i++) {
        c = rows->rows[i].cells;
        if (i + 1 == rows->n
            || rows->rows[i + 1].cells[BAR_INSTRUMENT].i != c[BAR_INSTRUMENT].i
            || rows->rows[i + 1].cells[BAR_TIMEFRAME].i != c[BAR_TIMEFRAME].i) {
            flag_unfinished(p, c);
        }
    }
}


static bool
labels_end(const processing_payload_t *p, const wd_records_t *r)
{
    return p->timeframe < WD_TF_1D
           && (p->labels == PROCESSING_LABELS_END
               || (p->labels == PROCESSING_LABELS_GUESSED
                   && processing_labels_end(r->bars, r->n_bars, &p->zone,
                                            p->known_at)));
}


int
processing_rules_bars(const processing_payload_t *p, wd_records_t *r,
                      processing_rows_t *ret)
{
    int    rc;
    bool   end = labels_end(p, r);
    size_t i;

    for (i = 0; i < r->n_bars; i++) {
        rc = add_bar(p, r, &r->bars[i], end, ret);
        if (rc != WD_OK) {
            return rc;
        }
    }

    rc = processing_rules_finish(&processing_bar, r, ret);
    if (rc == WD_OK) {
        flag_last(p, ret);
    }
    return rc;
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
