/*
 * wd_push_table.c - formats, data sets and columns of what is pushed.
 */
#include "wd_push.h"

#define WD_PUSH_AT(type, field) offsetof(wd_##type##_rec_t, field)
#define WD_PUSH_MUST(rec, name, type, field)                                   \
    {                                                                          \
        name, NULL, WD_PUSH_##type, WD_PUSH_SAID, WD_PUSH_AT(rec, field), NULL \
    }
#define WD_PUSH_CALL(rec, name, type, field)                               \
    {                                                                      \
        name, NULL, WD_PUSH_##type, WD_PUSH_NAMED, WD_PUSH_AT(rec, field), \
            NULL                                                           \
    }
#define WD_PUSH_MAY(rec, name, type, field)                         \
    {                                                               \
        name, NULL, WD_PUSH_##type, 0, WD_PUSH_AT(rec, field), NULL \
    }
#define WD_PUSH_WHEN(rec, name, alias, type, field)                        \
    {                                                                      \
        name, alias, WD_PUSH_##type, WD_PUSH_SAID, WD_PUSH_AT(rec, field), \
            NULL                                                           \
    }

static const wd_push_column_t wd_push_bars[] = {
    WD_PUSH_MUST(bar, "symbol", SYMBOL, symbol),
    {"timeframe", NULL, WD_PUSH_WORD, 0, WD_PUSH_AT(bar, timeframe),
     "1m|5m|15m|30m|1h|1d|1w|1mo"},
    WD_PUSH_WHEN(bar, "time", "date", TIME, time),
    WD_PUSH_MUST(bar, "open", FIGURE, open),
    WD_PUSH_MUST(bar, "high", FIGURE, high),
    WD_PUSH_MUST(bar, "low", FIGURE, low),
    WD_PUSH_MUST(bar, "close", FIGURE, close),
    WD_PUSH_MAY(bar, "volume", FIGURE, volume),
};

static const wd_push_column_t wd_push_quotes[] = {
    WD_PUSH_MUST(quote, "symbol", SYMBOL, symbol),
    WD_PUSH_WHEN(quote, "time", "date", TIME, time),
    WD_PUSH_MAY(quote, "price", FIGURE, price),
    WD_PUSH_MAY(quote, "bid", FIGURE, bid),
    WD_PUSH_MAY(quote, "ask", FIGURE, ask),
    WD_PUSH_MAY(quote, "bid_size", FIGURE, bid_size),
    WD_PUSH_MAY(quote, "ask_size", FIGURE, ask_size),
    WD_PUSH_MAY(quote, "open", FIGURE, open),
    WD_PUSH_MAY(quote, "high", FIGURE, high),
    WD_PUSH_MAY(quote, "low", FIGURE, low),
    WD_PUSH_MAY(quote, "volume", FIGURE, volume),
    WD_PUSH_MAY(quote, "previous_close", FIGURE, previous_close),
    WD_PUSH_MAY(quote, "seq", NUMBER, seq),
};

static const wd_push_column_t wd_push_trades[] = {
    WD_PUSH_MUST(trade, "symbol", SYMBOL, symbol),
    WD_PUSH_WHEN(trade, "time", NULL, TIME, time),
    WD_PUSH_MUST(trade, "price", FIGURE, price),
    WD_PUSH_MAY(trade, "size", FIGURE, size),
    WD_PUSH_MAY(trade, "seq", NUMBER, seq),
};

static const wd_push_column_t wd_push_observations[] = {
    WD_PUSH_MUST(observation, "indicator", CODE, indicator),
    WD_PUSH_MUST(observation, "country", CODE, country2),
    WD_PUSH_WHEN(observation, "period", "date", PERIOD, time),
    {"frequency", NULL, WD_PUSH_WORD, 0, WD_PUSH_AT(observation, frequency),
     "A|S|Q|M|W|D"},
    WD_PUSH_CALL(observation, "value", FIGURE, value),
    WD_PUSH_MAY(observation, "name", TEXT, indicator_name),
    WD_PUSH_MAY(observation, "country_name", TEXT, country_name),
    WD_PUSH_MAY(observation, "unit", TEXT, unit),
    WD_PUSH_MAY(observation, "status", TEXT, status),
};

static const wd_push_column_t wd_push_actions[] = {
    WD_PUSH_MUST(action, "symbol", SYMBOL, symbol),
    {"kind", NULL, WD_PUSH_WORD, WD_PUSH_SAID, WD_PUSH_AT(action, kind),
     "dividend|split"},
    WD_PUSH_WHEN(action, "date", NULL, DAY, effective),
    WD_PUSH_MUST(action, "value", FIGURE, amount),
};

static const wd_push_column_t wd_push_instruments[] = {
    WD_PUSH_MUST(instrument, "symbol", SYMBOL, symbol),
    {"type", NULL, WD_PUSH_WORD, 0, WD_PUSH_AT(instrument, type),
     "equity|etf|fund|fx|crypto|index|commodity|other"},
    WD_PUSH_MAY(instrument, "name", TEXT, name),
    WD_PUSH_MAY(instrument, "exchange", TEXT, exchange),
    WD_PUSH_MAY(instrument, "currency", TEXT, currency),
    WD_PUSH_MAY(instrument, "country", TEXT, country),
    WD_PUSH_MAY(instrument, "sector", TEXT, sector),
    WD_PUSH_MAY(instrument, "industry", TEXT, industry),
    WD_PUSH_MAY(instrument, "timezone", TEXT, zone),
};

static const wd_push_column_t wd_push_facts[] = {
    WD_PUSH_MUST(fact, "symbol", SYMBOL, symbol),
    WD_PUSH_MUST(fact, "item", TEXT, item),
    WD_PUSH_MAY(fact, "period", TEXT, period),
    WD_PUSH_CALL(fact, "value", TEXT, text),
    WD_PUSH_MAY(fact, "unit", TEXT, unit),
};

static const wd_push_column_t wd_push_news[] = {
    WD_PUSH_WHEN(news, "time", NULL, TIME, time),
    WD_PUSH_MUST(news, "title", TEXT, title),
    WD_PUSH_MUST(news, "url", TEXT, url),
    WD_PUSH_MAY(news, "summary", TEXT, summary),
    WD_PUSH_MAY(news, "publisher", TEXT, publisher),
    {"symbols", NULL, WD_PUSH_LIST, 0, 0, NULL},
};

#define WD_PUSH_SET(kind, name)                                   \
    {                                                             \
#name, kind, wd_push_##name, wd_array_len(wd_push_##name) \
    }

static const wd_push_dataset_t wd_push_sets[] = {
    WD_PUSH_SET(WD_PUSH_BARS, bars),
    WD_PUSH_SET(WD_PUSH_QUOTES, quotes),
    WD_PUSH_SET(WD_PUSH_TRADES, trades),
    WD_PUSH_SET(WD_PUSH_OBSERVATIONS, observations),
    WD_PUSH_SET(WD_PUSH_ACTIONS, actions),
    WD_PUSH_SET(WD_PUSH_INSTRUMENTS, instruments),
    WD_PUSH_SET(WD_PUSH_FACTS, facts),
    WD_PUSH_SET(WD_PUSH_NEWS, news),
};

/* In the order of wd_push_format_e. */
static const struct {
    const char *name;
    const char *type;
    bool        lines;
} wd_push_formats[] = {
    {"csv", "text/csv", true},
    {"json", "application/json", false},
    {"ndjson", "application/x-ndjson", true},
    {"msgpack", "application/msgpack", false},
};


bool
wd_push_format_by_type(wd_str_t type, wd_push_format_e *ret)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_push_formats); i++) {
        if (wd_str_eq_z(type, wd_push_formats[i].type)) {
            *ret = (wd_push_format_e) i;
            return true;
        }
    }
    return false;
}


const char *
wd_push_format_name(wd_push_format_e format)
{
    return wd_push_formats[format].name;
}


const char *
wd_push_format_type(wd_push_format_e format)
{
    return wd_push_formats[format].type;
}


bool
wd_push_format_has_lines(wd_push_format_e format)
{
    return wd_push_formats[format].lines;
}


const wd_push_dataset_t *
wd_push_dataset_by_name(wd_str_t name)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_push_sets); i++) {
        if (wd_str_eq_z(name, wd_push_sets[i].name)) {
            return &wd_push_sets[i];
        }
    }
    return NULL;
}


const wd_push_dataset_t *
wd_push_datasets(size_t *ret_n)
{
    *ret_n = wd_array_len(wd_push_sets);
    return wd_push_sets;
}


int
wd_push_column(const wd_push_dataset_t *d, wd_str_t name)
{
    size_t                  i;
    const wd_push_column_t *c;

    name = wd_str_trim(name);
    for (i = 0; i < d->n_columns; i++) {
        c = &d->columns[i];
        if (wd_str_ieq(name, wd_str_z(c->name))
            || (c->alias != NULL && wd_str_ieq(name, wd_str_z(c->alias)))) {
            return (int) i;
        }
    }
    return -1;
}
