/*
 * processing_rules_quotes.c - validity of quotes.
 */
#include "processing_check.h"

#include <math.h>


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
        rc = processing_check_positive(r, q->record, q->sample, prices[i].name,
                                       prices[i].v);
        if (rc != WD_OK) {
            return rc;
        }
    }

    rc = processing_check_order(r, q->record, q->sample, q->high, q->low);
    if (rc == WD_OK) {
        rc = processing_check_volume(p, r, q->record, q->sample, q->volume);
    }
    return rc != WD_OK
               ? rc
               : processing_check_time(p, r, q->record, q->sample, q->time);
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
        row = rc == WD_OK ? processing_rules_row(p, &processing_quote, r,
                                                 q->record, q->sample, ret)
                          : NULL;
        if (row == NULL) {
            return WD_ENOMEM;
        }

        quality = processing_outside(q->open, q->low, q->high)
                          || processing_outside(q->price, q->low, q->high)
                      ? PROCESSING_Q_OHLC
                      : 0;
        quality |= q->volume == 0 ? PROCESSING_Q_NO_VOLUME : 0;
        quality |= q->bid > q->ask ? PROCESSING_Q_CROSSED : 0;
        day = wd_timeframe_floor(WD_TF_1D, q->time);
        quality |= processing_day_over(p->zones, p->market, day, p->known_at)
                       ? 0
                       : PROCESSING_Q_UNFINISHED;

        c = row->cells;
        c[QUOTE_INSTRUMENT] = processing_who(p, q->symbol);
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
    return processing_rules_finish(&processing_quote, r, ret);
}
