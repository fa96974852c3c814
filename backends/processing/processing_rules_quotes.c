/*
 * processing_rules_quotes.c - validity of quotes and of trades.
 */
#include "processing_check.h"

#include "wd_num.h"

#include <math.h>


static bool
is_moment(const processing_payload_t *p, const wd_quote_rec_t *q)
{
    return p->moments && !q->is_date;
}


/*
 * Of a day its midnight. A summary of minutes shows its end, whichever end it
 * is labelled by.
 */
static int
quote_time(const processing_payload_t *p, wd_records_t *r,
           const wd_quote_rec_t *q, wd_ns_t *ret)
{
    int rc;

    if (!is_moment(p, q)) {
        *ret = wd_timeframe_floor(WD_TF_1D, q->time);
        return processing_check_time(p, r, q->record, q->sample, q->time);
    }

    rc = processing_to_utc(&p->zone, q->time, ret);
    if (rc != WD_OK) {
        rc = wd_records_reject(r, q->record, WD_REASON_BAD_TIME, q->sample,
                               "a time that is out of range");
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    if (p->timeframe != WD_TF_NONE && p->timeframe < WD_TF_1D
        && p->labels != PROCESSING_LABELS_END) {
        *ret += wd_timeframe_ns(p->timeframe);
    }
    return processing_check_moment(p, r, q->record, q->sample, *ret,
                                   PROCESSING_CLOCKS_NS);
}


static int
check_prices(wd_records_t *r, const wd_quote_rec_t *q)
{
    int    rc = WD_OK;
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

    for (i = 0; i < wd_array_len(prices) && rc == WD_OK; i++) {
        rc = processing_check_positive(r, q->record, q->sample, prices[i].name,
                                       prices[i].v);
    }
    if (rc == WD_OK && isnan(q->price) && isnan(q->bid) && isnan(q->ask)) {
        rc = wd_records_reject(r, q->record, WD_REASON_MISSING_PRICE, q->sample,
                               "neither a price nor a side");
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    return rc == WD_OK ? processing_check_order(r, q->record, q->sample,
                                                q->high, q->low)
                       : rc;
}


static int
check_sizes(const processing_payload_t *p, wd_records_t *r,
            const wd_quote_rec_t *q)
{
    int rc;

    rc = processing_check_volume(p, r, q->record, q->sample, q->volume);
    if (rc == WD_OK) {
        rc = processing_check_size(p, r, q->record, q->sample, "bid size",
                                   q->bid_size);
    }
    return rc == WD_OK ? processing_check_size(p, r, q->record, q->sample,
                                               "ask size", q->ask_size)
                       : rc;
}


static int64_t
quote_quality(const processing_payload_t *p, const wd_quote_rec_t *q,
              wd_ns_t ts)
{
    int64_t quality = 0;

    if (processing_outside(q->open, q->low, q->high)
        || processing_outside(q->price, q->low, q->high)) {
        quality |= PROCESSING_Q_OHLC;
    }
    if (q->volume == 0) {
        quality |= PROCESSING_Q_NO_VOLUME;
    }
    if (q->bid > q->ask) {
        quality |= PROCESSING_Q_CROSSED;
    }
    if (!is_moment(p, q)
        && !processing_day_over(p->zones, p->market, ts, p->known_at)) {
        quality |= PROCESSING_Q_UNFINISHED;
    }
    return quality;
}


static int
add_quote(const processing_payload_t *p, wd_records_t *r,
          const wd_quote_rec_t *q, processing_rows_t *ret)
{
    int                rc;
    wd_ns_t            ts;
    processing_row_t  *row;
    processing_cell_t *c;

    rc = check_prices(r, q);
    if (rc == WD_OK) {
        rc = check_sizes(p, r, q);
    }
    if (rc == WD_OK) {
        rc = quote_time(p, r, q, &ts);
    }
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }

    row = processing_rules_row(p, &processing_quote, r, q->record, q->sample,
                               ret);
    if (row == NULL) {
        return WD_ENOMEM;
    }
    c = row->cells;
    c[QUOTE_INSTRUMENT] = processing_who(p, q->symbol);
    c[QUOTE_SOURCE] = INT(p->source);
    c[QUOTE_TS] = processing_moment(ts);
    c[QUOTE_SEQ] = INT(is_moment(p, q) ? q->seq : 0);
    c[QUOTE_PRICE] = NUM(q->price);
    c[QUOTE_OPEN] = NUM(q->open);
    c[QUOTE_HIGH] = NUM(q->high);
    c[QUOTE_LOW] = NUM(q->low);
    c[QUOTE_VOLUME] = NUM(q->volume);
    c[QUOTE_PREVIOUS] = NUM(q->previous_close);
    c[QUOTE_QUALITY] = INT(quote_quality(p, q, ts));
    c[QUOTE_BID] = NUM(q->bid);
    c[QUOTE_ASK] = NUM(q->ask);
    c[QUOTE_BID_SIZE] = NUM(q->bid_size);
    c[QUOTE_ASK_SIZE] = NUM(q->ask_size);
    return WD_OK;
}


int
processing_rules_quotes(const processing_payload_t *p, wd_records_t *r,
                        processing_rows_t *ret)
{
    int    rc;
    size_t i;

    for (i = 0; i < r->n_quotes; i++) {
        rc = add_quote(p, r, &r->quotes[i], ret);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return processing_rules_finish(&processing_quote, r, ret);
}


/*
 * The number of a trade that its provider gave none: negative, of its figures
 * and of how many alike came before it. So the same trade has the same number
 * in whichever payload it comes.
 */
static int64_t
trade_number(double price, double size, uint64_t nth)
{
    size_t   i;
    uint64_t h = 0, parts[3] = {0, 0, nth};

    price += 0.0; /* 0 equals -0 */
    size += 0.0;
    memcpy(&parts[0], &price, sizeof(price));
    if (!isnan(size)) {
        memcpy(&parts[1], &size, sizeof(size));
    } else {
        parts[1] = UINT64_MAX;
    }
    for (i = 0; i < wd_array_len(parts); i++) { /* splitmix64 */
        h += parts[i] + UINT64_C(0x9e3779b97f4a7c15);
        h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
        h ^= h >> 31;
    }
    return -1 - (int64_t) (h >> 1);
}


/* WD_EINVAL: rejected. */
static int
check_trade(const processing_payload_t *p, wd_records_t *r,
            const wd_trade_rec_t *t)
{
    int  rc;
    char text[WD_NUM_TEXT_MAX];

    if (isnan(t->price)) {
        rc = wd_records_reject(r, t->record, WD_REASON_MISSING_PRICE, t->sample,
                               "a trade without its price");
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    if (isinf(t->price)) {
        wd_num_format(t->price, text);
        rc = wd_records_reject(r, t->record, WD_REASON_NOT_A_NUMBER, t->sample,
                               "price is %s", text);
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    rc = processing_check_positive(r, t->record, t->sample, "price", t->price);
    if (rc == WD_OK) {
        rc = processing_check_size(p, r, t->record, t->sample, "size", t->size);
    }
    return rc == WD_OK ? processing_check_moment(p, r, t->record, t->sample,
                                                 t->time, PROCESSING_CLOCKS_NS)
                       : rc;
}


static int
add_trade(const processing_payload_t *p, wd_records_t *r,
          const wd_trade_rec_t *t, processing_rows_t *ret)
{
    int                rc;
    processing_row_t  *row;
    processing_cell_t *c;

    rc = check_trade(p, r, t);
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }
    row = processing_rules_row(p, &processing_trade, r, t->record, t->sample,
                               ret);
    if (row == NULL) {
        return WD_ENOMEM;
    }
    c = row->cells;
    c[TRADE_INSTRUMENT] = processing_who(p, t->symbol);
    c[TRADE_SOURCE] = INT(p->source);
    c[TRADE_TS] = processing_moment(t->time);
    c[TRADE_SEQ] = INT(t->seq > 0 ? t->seq
                                  : trade_number(t->price, t->size, 0));
    c[TRADE_PRICE] = NUM(t->price);
    c[TRADE_SIZE] = NUM(t->size);
    c[TRADE_QUALITY] = INT(t->size == 0 ? PROCESSING_Q_NO_VOLUME : 0);
    return WD_OK;
}


/* Equal trades of one moment are several trades, told apart by counting. */
static int
count_alike(wd_records_t *r, processing_rows_t *rows)
{
    size_t             i, nth = 0;
    processing_cell_t *c;
    processing_row_t  *first = NULL;

    for (i = 0; i < rows->n; i++) {
        if (first == NULL || first->cells[TRADE_SEQ].i >= 0
            || processing_key_cmp(&processing_trade, first, &rows->rows[i])
                   != 0) {
            first = &rows->rows[i];
            nth = 0;
            continue;
        }
        c = rows->rows[i].cells;
        c[TRADE_SEQ] = INT(
            trade_number(c[TRADE_PRICE].num, c[TRADE_SIZE].num, ++nth));
    }
    return processing_rules_finish(&processing_trade, r, rows);
}


int
processing_rules_trades(const processing_payload_t *p, wd_records_t *r,
                        processing_rows_t *ret)
{
    int    rc;
    size_t i;

    for (i = 0; i < r->n_trades; i++) {
        rc = add_trade(p, r, &r->trades[i], ret);
        if (rc != WD_OK) {
            return rc;
        }
    }
    rc = processing_rows_sort(ret, &processing_trade, r->pool);
    return rc == WD_OK ? count_alike(r, ret) : rc;
}
