/*
 * wd_push_row.c - fields of a pushed record to bars, quotes, observations and
 * all the others.
 */
#include "wd_push_row.h"

#include "wd_num.h"
#include "wd_timeframe.h"
#include "wd_wb_country.h"
#include "wd_wb_parse.h"

#include <math.h>
#include <stdio.h>

#define WD_PUSH_SHOWN 40 /* bytes of a client's text in an answer */
#define WD_PUSH_SHOW(s) (int) wd_min((s).len, (size_t) WD_PUSH_SHOWN), (s).data

typedef union {
    wd_bar_rec_t         bar;
    wd_quote_rec_t       quote;
    wd_trade_rec_t       trade;
    wd_observation_rec_t observation;
    wd_action_rec_t      action;
    wd_instrument_rec_t  instrument;
    wd_fact_rec_t        fact;
    wd_news_rec_t        news;
} wd_push_rec_t;

/* A record on its way. */
typedef struct {
    const wd_push_dataset_t *d;
    const wd_push_row_t     *row;
    wd_records_t            *r;
    int32_t                  number;
    wd_str_t                 sample;
    wd_push_rec_t            rec;
} wd_push_making_t;


void
wd_push_row_init(wd_push_row_t *row)
{
    memset(row, 0, sizeof(*row));
}


/* The first fault is the one that is told. */
static void
wd_push_note(wd_push_row_t *row, wd_push_fault_e fault, wd_str_t name)
{
    if (row->fault == WD_PUSH_SOUND) {
        row->fault = fault;
        row->name = name;
    }
}


int
wd_push_row_name(const wd_push_dataset_t *d, wd_push_row_t *row, wd_str_t name)
{
    int i = wd_push_column(d, name);

    if (i < 0 || (row->named & (1u << i))) {
        wd_push_note(row, i < 0 ? WD_PUSH_STRANGE : WD_PUSH_TWICE, name);
        return -1;
    }
    row->named |= 1u << i;
    return i;
}


void
wd_push_row_nested(wd_push_row_t *row, wd_str_t name)
{
    wd_push_note(row, WD_PUSH_NESTED, name);
}


/* "symbol, time, open": what there is. */
static const char *
wd_push_names_of(const wd_push_dataset_t *d, char *out, size_t cap)
{
    size_t i, n = 0;

    for (i = 0; i < d->n_columns && n < cap; i++) {
        n += (size_t) snprintf(out + n, cap - n, "%s%s", i != 0 ? ", " : "",
                               d->columns[i].name);
    }
    return out;
}


int
wd_push_row_names(const wd_push_dataset_t *d, const wd_push_row_t *row,
                  const char *where, wd_error_t *err)
{
    char   names[96];
    size_t i;

    if (row->fault == WD_PUSH_TWICE) {
        return wd_error(err, WD_EINVAL, "%s: \"%.*s\" stands there twice",
                        where, WD_PUSH_SHOW(row->name));
    }
    if (row->fault == WD_PUSH_STRANGE) {
        return wd_error(err, WD_EINVAL, "%s: \"%.*s\" is not known; %s have %s",
                        where, WD_PUSH_SHOW(row->name), d->name,
                        wd_push_names_of(d, names, sizeof(names)));
    }
    for (i = 0; i < d->n_columns; i++) {
        if ((d->columns[i].flags & WD_PUSH_NAMED)
            && !(row->named & (1u << i))) {
            return wd_error(err, WD_EINVAL, "%s: %s need \"%s\"", where,
                            d->name, d->columns[i].name);
        }
    }
    return WD_OK;
}


/* WD_EINVAL: rejected; or WD_ENOMEM. */
static int
wd_push_refuse(wd_push_making_t *m, wd_reason_e reason, const char *fmt,
               const char *name, wd_str_t text)
{
    int rc;

    rc = wd_records_reject(m->r, m->number, reason, m->sample, fmt, name,
                           WD_PUSH_SHOW(text));
    return rc != WD_OK ? rc : WD_EINVAL;
}


static int
wd_push_refuse_missing(wd_push_making_t *m, const wd_push_column_t *c)
{
    bool price = c->type == WD_PUSH_FIGURE
                 && (m->d->kind == WD_PUSH_BARS || m->d->kind == WD_PUSH_QUOTES
                     || m->d->kind == WD_PUSH_TRADES);

    return wd_push_refuse(
        m, price ? WD_REASON_MISSING_PRICE : WD_REASON_MISSING_FIELD,
        "no %s%.*s", c->name, WD_STR(""));
}


/* What is wrong with the record as a whole. */
static int
wd_push_check_fault(wd_push_making_t *m)
{
    switch (m->row->fault) {
    case WD_PUSH_STRANGE:
        return wd_push_refuse(m, WD_REASON_UNKNOWN_FIELD, "%s have no \"%.*s\"",
                              m->d->name, m->row->name);
    case WD_PUSH_TWICE:
        return wd_push_refuse(m, WD_REASON_SYNTAX,
                              "%s: \"%.*s\" stands there twice", m->d->name,
                              m->row->name);
    case WD_PUSH_NESTED:
        return wd_push_refuse(m, WD_REASON_SYNTAX,
                              "%s: \"%.*s\" is an object or a list", m->d->name,
                              m->row->name);
    case WD_PUSH_SOUND:
        break;
    }
    return WD_OK;
}


static int
wd_push_set_symbol(wd_push_making_t *m, const wd_push_column_t *c,
                   wd_str_t text, wd_str_t *ret)
{
    *ret = wd_record_symbol(m->r->pool, text);
    return ret->data != NULL ? WD_OK
                             : wd_push_refuse(m, WD_REASON_BAD_SYMBOL,
                                              "%s \"%.*s\"", c->name, text);
}


static int
wd_push_set_text(wd_push_making_t *m, const wd_push_column_t *c, wd_str_t text,
                 wd_str_t *ret)
{
    if (text.len > WD_PUSH_TEXT_MAX) {
        return wd_push_refuse(m, WD_REASON_TOO_LONG, "%s is too long: \"%.*s\"",
                              c->name, text);
    }
    if (!wd_record_text_ok(text, WD_PUSH_TEXT_MAX)) {
        return wd_push_refuse(m, WD_REASON_SYNTAX, "%s is no UTF-8: \"%.*s\"",
                              c->name, text);
    }
    *ret = text;
    return WD_OK;
}


static int
wd_push_set_code(wd_push_making_t *m, const wd_push_column_t *c, wd_str_t text,
                 wd_str_t *ret)
{
    if (!wd_record_code_ok(text, WD_PUSH_CODE_MAX)) {
        return wd_push_refuse(m, WD_REASON_BAD_VALUE, "%s \"%.*s\" is no code",
                              c->name, text);
    }
    *ret = text;
    return WD_OK;
}


/* The field that says whether a time was a date, if the record has one. */
static void
wd_push_set_is_date(wd_push_making_t *m, bool is_date)
{
    if (m->d->kind == WD_PUSH_BARS) {
        m->rec.bar.is_date = is_date;
    } else if (m->d->kind == WD_PUSH_QUOTES) {
        m->rec.quote.is_date = is_date;
    }
}


static int
wd_push_set_time(wd_push_making_t *m, const wd_push_column_t *c, wd_str_t text,
                 wd_ns_t *ret)
{
    bool is_date = false;

    if (wd_time_parse(text, ret, &is_date) != WD_OK
        || (c->type == WD_PUSH_DAY && !is_date)) {
        return wd_push_refuse(m, WD_REASON_BAD_TIME,
                              c->type == WD_PUSH_DAY
                                  ? "%s \"%.*s\" is no day like 2024-05-02"
                                  : "%s \"%.*s\" is no day like 2024-05-02 or "
                                    "time like 2024-05-02T09:30:00Z",
                              c->name, text);
    }
    wd_push_set_is_date(m, is_date);
    return WD_OK;
}


/* "2024-05" and "2024-Q1" beside what the World Bank writes. */
static int
wd_push_set_period(wd_push_making_t *m, const wd_push_column_t *c,
                   wd_str_t text, wd_ns_t *ret)
{
    char     plain[8];
    wd_str_t s = text;

    if (text.len == 7 && text.data[4] == '-') {
        memcpy(plain, text.data, 4);
        if (text.data[5] == 'Q') {
            memcpy(plain + 4, text.data + 5, 2);
            s = wd_str(plain, 6);
        } else {
            plain[4] = 'M';
            memcpy(plain + 5, text.data + 5, 2);
            s = wd_str(plain, 7);
        }
    }
    if (!wd_wb_period(s, ret, &m->rec.observation.frequency)) {
        return wd_push_refuse(m, WD_REASON_BAD_TIME,
                              "%s \"%.*s\" is no period like 2024, 2024-Q2 or "
                              "2024-05",
                              c->name, text);
    }
    return WD_OK;
}


/* Number of the word in "A|B|C", whatever its case; -1: none. */
static int
wd_push_word_of(const char *words, wd_str_t text, wd_str_t *ret)
{
    int      i;
    wd_str_t left = wd_str_z(words);

    for (i = 0; wd_str_split(&left, '|', ret); i++) {
        if (wd_str_ieq(*ret, text)) {
            return i;
        }
    }
    return -1;
}


static int
wd_push_set_word(wd_push_making_t *m, const wd_push_column_t *c, wd_str_t text)
{
    int      i;
    wd_str_t word;

    i = wd_push_word_of(c->words, text, &word);
    if (i < 0) {
        return wd_push_refuse(m,
                              m->d->kind == WD_PUSH_BARS
                                  ? WD_REASON_UNKNOWN_INTERVAL
                                  : WD_REASON_BAD_VALUE,
                              "%s \"%.*s\"", c->name, text);
    }

    switch (m->d->kind) {
    case WD_PUSH_BARS:
        m->rec.bar.timeframe = wd_timeframe_by_name(word);
        break;
    case WD_PUSH_OBSERVATIONS:
        m->rec.observation.frequency = word.data[0];
        break;
    case WD_PUSH_ACTIONS:
        m->rec.action.kind = i == 0 ? WD_ACTION_DIVIDEND : WD_ACTION_SPLIT;
        break;
    case WD_PUSH_INSTRUMENTS:
        m->rec.instrument.type = word;
        break;
    default:
        break;
    }
    return WD_OK;
}


static int
wd_push_set_figure(wd_push_making_t *m, const wd_push_column_t *c,
                   wd_str_t text, double *ret)
{
    if (wd_figure_parse(text, ret) != WD_OK) {
        return wd_push_refuse(m, WD_REASON_NOT_A_NUMBER, "%s is \"%.*s\"",
                              c->name, text);
    }
    return WD_OK;
}


static int
wd_push_set_number(wd_push_making_t *m, const wd_push_column_t *c,
                   wd_str_t text, int64_t *ret)
{
    if (wd_int_parse(text, ret) != WD_OK || *ret < 1) {
        return wd_push_refuse(m, WD_REASON_BAD_VALUE, "%s is \"%.*s\"", c->name,
                              text);
    }
    return WD_OK;
}


/* A text that is there. */
static int
wd_push_set_column(wd_push_making_t *m, const wd_push_column_t *c,
                   wd_str_t text)
{
    void *at = (char *) &m->rec + c->at;

    switch (c->type) {
    case WD_PUSH_FIGURE:
        return wd_push_set_figure(m, c, text, at);
    case WD_PUSH_NUMBER:
        return wd_push_set_number(m, c, text, at);
    case WD_PUSH_SYMBOL:
        return wd_push_set_symbol(m, c, text, at);
    case WD_PUSH_TIME:
    case WD_PUSH_DAY:
        return wd_push_set_time(m, c, text, at);
    case WD_PUSH_PERIOD:
        return wd_push_set_period(m, c, text, at);
    case WD_PUSH_TEXT:
        return wd_push_set_text(m, c, text, at);
    case WD_PUSH_CODE:
        return wd_push_set_code(m, c, text, at);
    case WD_PUSH_WORD:
        return wd_push_set_word(m, c, text);
    case WD_PUSH_LIST:
        return WD_OK; /* they are records of their own */
    }
    return WD_EINTERNAL;
}


static int
wd_push_set_columns(wd_push_making_t *m)
{
    int                     rc;
    size_t                  i;
    wd_str_t                text;
    const wd_push_column_t *c;

    for (i = 0; i < m->d->n_columns; i++) {
        c = &m->d->columns[i];
        text = wd_str_trim(m->row->cells[i]);
        if (text.len == 0 || (c->type == WD_PUSH_FIGURE && wd_missing(text))) {
            if ((c->flags & WD_PUSH_SAID) == WD_PUSH_SAID) {
                return wd_push_refuse_missing(m, c);
            }
            continue;
        }
        rc = wd_push_set_column(m, c, text);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return WD_OK;
}


static void
wd_push_blank(wd_push_making_t *m)
{
    memset(&m->rec, 0, sizeof(m->rec));
    switch (m->d->kind) {
    case WD_PUSH_BARS:
        m->rec.bar.open = m->rec.bar.high = m->rec.bar.low = NAN;
        m->rec.bar.close = m->rec.bar.volume = m->rec.bar.adjusted_close = NAN;
        m->rec.bar.dividend = m->rec.bar.split = NAN;
        m->rec.bar.timeframe = WD_TF_1D;
        break;
    case WD_PUSH_QUOTES:
        m->rec.quote.price = m->rec.quote.open = m->rec.quote.high = NAN;
        m->rec.quote.low = m->rec.quote.volume = NAN;
        m->rec.quote.previous_close = m->rec.quote.bid = NAN;
        m->rec.quote.ask = m->rec.quote.bid_size = m->rec.quote.ask_size = NAN;
        break;
    case WD_PUSH_TRADES:
        m->rec.trade.price = m->rec.trade.size = NAN;
        break;
    case WD_PUSH_OBSERVATIONS:
        m->rec.observation.value = NAN;
        break;
    case WD_PUSH_ACTIONS:
        m->rec.action.declared = m->rec.action.recorded = WD_NS_MIN;
        m->rec.action.paid = WD_NS_MIN;
        m->rec.action.amount = NAN;
        break;
    case WD_PUSH_FACTS:
        m->rec.fact.time = WD_NS_MIN;
        m->rec.fact.value = NAN;
        m->rec.fact.period = WD_STR("");
        break;
    case WD_PUSH_NEWS:
        m->rec.news.sentiment = NAN;
        break;
    case WD_PUSH_INSTRUMENTS:
        break;
    }
}


/* What follows from the other fields. */
static void
wd_push_conclude(wd_push_making_t *m)
{
    wd_observation_rec_t *o = &m->rec.observation;
    wd_fact_rec_t        *f = &m->rec.fact;

    if (m->d->kind == WD_PUSH_OBSERVATIONS) {
        o->country = wd_wb_country(o->country2, WD_STR(""), &o->aggregate);
    } else if (m->d->kind == WD_PUSH_FACTS) {
        if (wd_missing(f->text)) {
            f->text = WD_STR_NULL;
        } else if (wd_num_parse(f->text, &f->value) != WD_OK) {
            f->value = NAN;
        }
    }
}


/* Symbols that a news item is about; one that is none rejects the item. */
static int
wd_push_check_mentions(wd_push_making_t *m)
{
    int      rc;
    wd_str_t symbol, left = WD_STR_NULL, part;
    int      at = wd_push_column(m->d, WD_STR("symbols"));

    if (at >= 0) {
        left = m->row->cells[at];
    }
    while (wd_str_split(&left, ';', &part)) {
        if (wd_str_trim(part).len == 0) {
            continue;
        }
        rc = wd_push_set_symbol(m, &m->d->columns[at], part, &symbol);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return WD_OK;
}


static int
wd_push_add_mentions(wd_push_making_t *m)
{
    wd_str_t          left, part;
    wd_mention_rec_t *mention;

    left = m->row->cells[wd_push_column(m->d, WD_STR("symbols"))];
    while (wd_str_split(&left, ';', &part)) {
        if (wd_str_trim(part).len == 0) {
            continue;
        }
        mention = wd_records_mention(m->r);
        if (mention == NULL) {
            return WD_ENOMEM;
        }
        mention->symbol = wd_record_symbol(m->r->pool, part);
        mention->relevance = mention->sentiment = NAN;
        mention->record = m->number;
    }
    return WD_OK;
}


#define WD_PUSH_ADD(type)                    \
    do {                                     \
        slot.type = wd_records_##type(m->r); \
        if (slot.type == NULL) {             \
            return WD_ENOMEM;                \
        }                                    \
        *slot.type = m->rec.type;            \
        slot.type->record = m->number;       \
    } while (0)

static int
wd_push_add(wd_push_making_t *m)
{
    union {
        wd_bar_rec_t         *bar;
        wd_quote_rec_t       *quote;
        wd_trade_rec_t       *trade;
        wd_observation_rec_t *observation;
        wd_action_rec_t      *action;
        wd_instrument_rec_t  *instrument;
        wd_fact_rec_t        *fact;
        wd_news_rec_t        *news;
    } slot;

    switch (m->d->kind) {
    case WD_PUSH_BARS:
        WD_PUSH_ADD(bar);
        slot.bar->sample = m->sample;
        return WD_OK;
    case WD_PUSH_QUOTES:
        WD_PUSH_ADD(quote);
        slot.quote->sample = m->sample;
        return WD_OK;
    case WD_PUSH_TRADES:
        WD_PUSH_ADD(trade);
        slot.trade->sample = m->sample;
        return WD_OK;
    case WD_PUSH_OBSERVATIONS:
        WD_PUSH_ADD(observation);
        slot.observation->sample = m->sample;
        return WD_OK;
    case WD_PUSH_ACTIONS:
        WD_PUSH_ADD(action);
        slot.action->sample = m->sample;
        return WD_OK;
    case WD_PUSH_INSTRUMENTS:
        WD_PUSH_ADD(instrument);
        return WD_OK;
    case WD_PUSH_FACTS:
        WD_PUSH_ADD(fact);
        slot.fact->sample = m->sample;
        return WD_OK;
    case WD_PUSH_NEWS:
        WD_PUSH_ADD(news);
        return wd_push_add_mentions(m);
    }
    return WD_EINTERNAL;
}


int
wd_push_row_add(const wd_push_dataset_t *d, const wd_push_row_t *row,
                int32_t number, wd_str_t sample, wd_records_t *r)
{
    int              rc;
    wd_push_making_t m;

    m.d = d;
    m.row = row;
    m.r = r;
    m.number = number;
    m.sample = sample;
    r->n_records++;

    wd_push_blank(&m);
    rc = wd_push_check_fault(&m);
    if (rc == WD_OK) {
        rc = wd_push_set_columns(&m);
    }
    if (rc == WD_OK && d->kind == WD_PUSH_NEWS) {
        rc = wd_push_check_mentions(&m);
    }
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }
    wd_push_conclude(&m);
    return wd_push_add(&m);
}
