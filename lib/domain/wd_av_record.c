/*
 * wd_av_record.c - fields of Alpha Vantage put together to bars, quotes and
 * instruments.
 */
#include "wd_av_record.h"

#include <math.h>


void
wd_av_bar_init(wd_bar_rec_t *bar)
{
    memset(bar, 0, sizeof(*bar));
    bar->open = bar->high = bar->low = bar->close = NAN;
    bar->volume = bar->adjusted_close = bar->dividend = bar->split = NAN;
}


void
wd_av_quote_init(wd_quote_rec_t *q)
{
    memset(q, 0, sizeof(*q));
    q->price = q->open = q->high = q->low = NAN;
    q->volume = q->previous_close = NAN;
    q->bid = q->ask = q->bid_size = q->ask_size = NAN;
    q->time = WD_NS_MIN;
    q->is_date = true;
}


void
wd_av_figure(double *figure, wd_str_t name, wd_str_t text, wd_av_bad_t *bad)
{
    if (wd_figure_parse(text, figure) != WD_OK && bad->name.len == 0) {
        bad->name = name;
        bad->text = text;
    }
}


void
wd_av_bar_set(wd_bar_rec_t *bar, wd_av_field_e field, wd_str_t name,
              wd_str_t text, wd_av_bad_t *bad)
{
    double *figure;

    switch (field) {
    case WD_AVF_OPEN:
        figure = &bar->open;
        break;
    case WD_AVF_HIGH:
        figure = &bar->high;
        break;
    case WD_AVF_LOW:
        figure = &bar->low;
        break;
    case WD_AVF_CLOSE:
        figure = &bar->close;
        break;
    case WD_AVF_VOLUME:
        figure = &bar->volume;
        break;
    case WD_AVF_ADJUSTED:
        figure = &bar->adjusted_close;
        break;
    case WD_AVF_DIVIDEND:
        figure = &bar->dividend;
        break;
    case WD_AVF_SPLIT:
        figure = &bar->split;
        break;
    default:
        return;
    }
    wd_av_figure(figure, name, text, bad);
}


void
wd_av_quote_set(wd_quote_rec_t *q, wd_av_field_e field, wd_str_t name,
                wd_str_t text, wd_av_bad_t *bad)
{
    wd_civil_t c;

    switch (field) {
    case WD_AVF_SYMBOL:
        q->symbol = text;
        break;
    case WD_AVF_OPEN:
        wd_av_figure(&q->open, name, text, bad);
        break;
    case WD_AVF_HIGH:
        wd_av_figure(&q->high, name, text, bad);
        break;
    case WD_AVF_LOW:
        wd_av_figure(&q->low, name, text, bad);
        break;
    case WD_AVF_PRICE:
        wd_av_figure(&q->price, name, text, bad);
        break;
    case WD_AVF_VOLUME:
        wd_av_figure(&q->volume, name, text, bad);
        break;
    case WD_AVF_PREVIOUS:
        wd_av_figure(&q->previous_close, name, text, bad);
        break;
    case WD_AVF_DAY:
        if (wd_civil_parse(text, &c, NULL) == WD_OK) {
            c.hour = c.minute = c.second = c.ns = 0;
            if (wd_time_from_civil(&c, &q->time) != WD_OK) {
                q->time = WD_NS_MIN;
            }
        }
        break;
    case WD_AVF_RATE:
        wd_av_figure(&q->price, name, text, bad);
        break;
    case WD_AVF_BID:
        wd_av_figure(&q->bid, name, text, bad);
        break;
    case WD_AVF_ASK:
        wd_av_figure(&q->ask, name, text, bad);
        break;
    case WD_AVF_REFRESHED:
        if (!wd_av_stamp(text, &q->time, &q->is_date)) {
            q->time = WD_NS_MIN;
        }
        break;
    default:
        break;
    }
}


void
wd_av_bulk_set(wd_quote_rec_t *q, wd_av_field_e field, wd_str_t name,
               wd_str_t text, wd_av_bad_t *bad)
{
    if (field == WD_AVF_CLOSE) {
        field = WD_AVF_PRICE;
    } else if (field == WD_AVF_TIME) {
        field = WD_AVF_REFRESHED;
    }
    wd_av_quote_set(q, field, name, text, bad);
}


int
wd_av_pair(wd_records_t *r)
{
    char *pair;

    if (r->from_symbol.data == NULL || r->to_symbol.data == NULL) {
        return WD_OK;
    }
    pair = wd_pool_alloc(r->pool, r->from_symbol.len + r->to_symbol.len);
    if (pair == NULL) {
        return WD_ENOMEM;
    }
    memcpy(pair, r->from_symbol.data, r->from_symbol.len);
    memcpy(pair + r->from_symbol.len, r->to_symbol.data, r->to_symbol.len);
    r->symbol = wd_str(pair, r->from_symbol.len + r->to_symbol.len);
    return WD_OK;
}


/* 0 for what is no day. */
static void
wd_av_listing_day(wd_str_t text, wd_ns_t *ret)
{
    bool is_date;

    if (!wd_av_stamp(text, ret, &is_date) || !is_date) {
        *ret = 0;
    }
}


void
wd_av_instrument_set(wd_instrument_rec_t *inst, wd_av_field_e field,
                     wd_str_t text)
{
    text = wd_str_trim(text);
    if (wd_missing(text) && field != WD_AVF_SYMBOL) {
        text = WD_STR_NULL;
    }

    switch (field) {
    case WD_AVF_SYMBOL:
        inst->symbol = text;
        break;
    case WD_AVF_NAME:
        inst->name = text;
        break;
    case WD_AVF_TYPE:
        inst->type = text;
        break;
    case WD_AVF_REGION:
        inst->country = text;
        break;
    case WD_AVF_ZONE:
        inst->zone = text;
        break;
    case WD_AVF_CURRENCY:
        inst->currency = text;
        break;
    case WD_AVF_EXCHANGE:
        inst->exchange = text;
        break;
    case WD_AVF_STATUS:
        inst->status = text;
        break;
    case WD_AVF_LISTED:
        wd_av_listing_day(text, &inst->listed);
        break;
    case WD_AVF_DELISTED:
        wd_av_listing_day(text, &inst->delisted);
        break;
    default:
        break;
    }
}


bool
wd_av_stamp(wd_str_t s, wd_ns_t *ret, bool *ret_is_date)
{
    wd_civil_t c;

    return wd_civil_parse(s, &c, ret_is_date) == WD_OK
           && wd_time_from_civil(&c, ret) == WD_OK;
}


int
wd_av_not_a_number(wd_records_t *r, int32_t record, wd_str_t sample,
                   const wd_av_bad_t *bad)
{
    return wd_records_reject(
        r, record, WD_REASON_NOT_A_NUMBER, sample, "%.*s is \"%.*s\"",
        (int) wd_min(bad->name.len, (size_t) 40), bad->name.data,
        (int) wd_min(bad->text.len, (size_t) 40), bad->text.data);
}


int
wd_av_bar_add(wd_records_t *r, wd_bar_rec_t *bar, wd_str_t stamp,
              const wd_av_bad_t *bad, wd_str_t sample)
{
    int32_t       record = r->n_records++;
    wd_bar_rec_t *slot;

    if (!wd_av_stamp(stamp, &bar->time, &bar->is_date)) {
        return wd_records_reject(
            r, record, WD_REASON_BAD_TIME, sample, "time stamp \"%.*s\"",
            (int) wd_min(stamp.len, (size_t) 40), stamp.data);
    }

    if (bad->name.len != 0) {
        return wd_av_not_a_number(r, record, sample, bad);
    }

    if (isnan(bar->open) || isnan(bar->high) || isnan(bar->low)
        || isnan(bar->close)) {
        return wd_records_reject(r, record, WD_REASON_MISSING_PRICE, sample,
                                 "no %s",
                                 isnan(bar->open)   ? "open"
                                 : isnan(bar->high) ? "high"
                                 : isnan(bar->low)  ? "low"
                                                    : "close");
    }

    slot = wd_records_bar(r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    *slot = *bar;
    slot->sample = sample;
    slot->record = record;
    return WD_OK;
}


int
wd_av_quote_add(wd_records_t *r, wd_quote_rec_t *q, const wd_av_bad_t *bad,
                wd_str_t sample)
{
    int32_t         record = r->n_records++;
    wd_str_t        symbol;
    wd_quote_rec_t *slot;

    symbol = wd_record_symbol(r->pool, q->symbol);
    if (symbol.data == NULL) {
        return wd_records_reject(r, record, WD_REASON_BAD_SYMBOL, sample,
                                 "no symbol in the quote");
    }
    if (q->time == WD_NS_MIN) {
        return wd_records_reject(r, record, WD_REASON_BAD_TIME, sample,
                                 "no trading day in the quote");
    }
    if (bad->name.len != 0) {
        return wd_av_not_a_number(r, record, sample, bad);
    }
    if (isnan(q->price)) {
        return wd_records_reject(r, record, WD_REASON_MISSING_PRICE, sample,
                                 "no price");
    }

    slot = wd_records_quote(r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    *slot = *q;
    slot->sample = sample;
    slot->symbol = symbol;
    slot->record = record;
    r->symbol = symbol;
    return WD_OK;
}


static bool
wd_av_texts_ok(const wd_instrument_rec_t *inst)
{
    size_t         i;
    const wd_str_t texts[] = {inst->type,     inst->name,    inst->exchange,
                              inst->currency, inst->country, inst->sector,
                              inst->industry, inst->zone};

    for (i = 0; i < wd_array_len(texts); i++) {
        if (!wd_record_text_ok(texts[i], WD_RECORD_FIELD_MAX)) {
            return false;
        }
    }
    return true;
}


int
wd_av_instrument_add(wd_records_t *r, wd_instrument_rec_t *inst,
                     wd_str_t sample)
{
    int32_t              record = r->n_records++;
    const char          *dot;
    wd_str_t             symbol;
    wd_instrument_rec_t *slot;

    symbol = wd_record_symbol(r->pool, inst->symbol);
    if (symbol.data == NULL) {
        return wd_records_reject(
            r, record, WD_REASON_BAD_SYMBOL, sample, "symbol \"%.*s\"",
            (int) wd_min(inst->symbol.len, (size_t) 40),
            inst->symbol.data != NULL ? inst->symbol.data : "");
    }

    if (!wd_av_texts_ok(inst)) {
        return wd_records_reject(r, record, WD_REASON_SYNTAX, sample,
                                 "a text that is no UTF-8, or too long");
    }

    slot = wd_records_instrument(r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    *slot = *inst;
    slot->symbol = symbol;
    slot->record = record;

    /* The search names no exchange; the suffix of a symbol stands for one. */
    if (slot->exchange.data == NULL) {
        dot = memrchr(symbol.data, '.', symbol.len);
        if (dot != NULL && symbol.data + symbol.len - dot > 2) {
            slot->exchange = wd_str(
                dot + 1, (size_t) (symbol.data + symbol.len - dot - 1));
        }
    }
    return WD_OK;
}
