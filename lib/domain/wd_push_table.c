/*
 * wd_push_table.c - formats, data sets and columns of what is pushed.
 */
#include "wd_push.h"

#define AT(type, field) offsetof(wd_##type##_rec_t, field)
#define SAID(rec, name, type, field)                                   \
    {                                                                  \
        name, NULL, WD_PUSH_##type, WD_PUSH_SAID, AT(rec, field), NULL \
    }
#define NAMED(rec, name, type, field)                                   \
    {                                                                   \
        name, NULL, WD_PUSH_##type, WD_PUSH_NAMED, AT(rec, field), NULL \
    }
#define MAY(rec, name, type, field)                         \
    {                                                       \
        name, NULL, WD_PUSH_##type, 0, AT(rec, field), NULL \
    }
#define WHEN(rec, name, alias, type, field)                             \
    {                                                                   \
        name, alias, WD_PUSH_##type, WD_PUSH_SAID, AT(rec, field), NULL \
    }

static const wd_push_column_t bars[] = {
    SAID(bar, "symbol", SYMBOL, symbol),
    {"timeframe", NULL, WD_PUSH_WORD, 0, AT(bar, timeframe),
     "1m|5m|15m|30m|1h|1d|1w|1mo"},
    WHEN(bar, "time", "date", TIME, time),
    SAID(bar, "open", FIGURE, open),
    SAID(bar, "high", FIGURE, high),
    SAID(bar, "low", FIGURE, low),
    SAID(bar, "close", FIGURE, close),
    MAY(bar, "volume", FIGURE, volume),
};

static const wd_push_column_t quotes[] = {
    SAID(quote, "symbol", SYMBOL, symbol),
    WHEN(quote, "time", "date", TIME, time),
    SAID(quote, "price", FIGURE, price),
    MAY(quote, "bid", FIGURE, bid),
    MAY(quote, "ask", FIGURE, ask),
    MAY(quote, "open", FIGURE, open),
    MAY(quote, "high", FIGURE, high),
    MAY(quote, "low", FIGURE, low),
    MAY(quote, "volume", FIGURE, volume),
    MAY(quote, "previous_close", FIGURE, previous_close),
};

static const wd_push_column_t trades[] = {
    SAID(trade, "symbol", SYMBOL, symbol),
    WHEN(trade, "time", NULL, TIME, time),
    SAID(trade, "price", FIGURE, price),
    SAID(trade, "size", FIGURE, size),
};

static const wd_push_column_t observations[] = {
    SAID(observation, "indicator", CODE, indicator),
    SAID(observation, "country", CODE, country2),
    WHEN(observation, "period", "date", PERIOD, time),
    {"frequency", NULL, WD_PUSH_WORD, 0, AT(observation, frequency),
     "A|S|Q|M|W|D"},
    NAMED(observation, "value", FIGURE, value),
    MAY(observation, "name", TEXT, indicator_name),
    MAY(observation, "country_name", TEXT, country_name),
    MAY(observation, "unit", TEXT, unit),
    MAY(observation, "status", TEXT, status),
};

static const wd_push_column_t actions[] = {
    SAID(action, "symbol", SYMBOL, symbol),
    {"kind", NULL, WD_PUSH_WORD, WD_PUSH_SAID, AT(action, kind),
     "dividend|split"},
    WHEN(action, "date", NULL, DAY, effective),
    SAID(action, "value", FIGURE, amount),
};

static const wd_push_column_t instruments[] = {
    SAID(instrument, "symbol", SYMBOL, symbol),
    {"type", NULL, WD_PUSH_WORD, 0, AT(instrument, type),
     "equity|etf|fund|fx|crypto|index|commodity|other"},
    MAY(instrument, "name", TEXT, name),
    MAY(instrument, "exchange", TEXT, exchange),
    MAY(instrument, "currency", TEXT, currency),
    MAY(instrument, "country", TEXT, country),
    MAY(instrument, "sector", TEXT, sector),
    MAY(instrument, "industry", TEXT, industry),
    MAY(instrument, "timezone", TEXT, zone),
};

static const wd_push_column_t facts[] = {
    SAID(fact, "symbol", SYMBOL, symbol), SAID(fact, "item", TEXT, item),
    MAY(fact, "period", TEXT, period),    NAMED(fact, "value", TEXT, text),
    MAY(fact, "unit", TEXT, unit),
};

static const wd_push_column_t news[] = {
    WHEN(news, "time", NULL, TIME, time),
    SAID(news, "title", TEXT, title),
    SAID(news, "url", TEXT, url),
    MAY(news, "summary", TEXT, summary),
    MAY(news, "publisher", TEXT, publisher),
    {"symbols", NULL, WD_PUSH_LIST, 0, 0, NULL},
};

#define SET(kind, columns)                             \
    {                                                  \
#columns, kind, columns, wd_array_len(columns) \
    }

static const wd_push_dataset_t datasets[] = {
    SET(WD_PUSH_BARS, bars),       SET(WD_PUSH_QUOTES, quotes),
    SET(WD_PUSH_TRADES, trades),   SET(WD_PUSH_OBSERVATIONS, observations),
    SET(WD_PUSH_ACTIONS, actions), SET(WD_PUSH_INSTRUMENTS, instruments),
    SET(WD_PUSH_FACTS, facts),     SET(WD_PUSH_NEWS, news),
};

/* In the order of wd_push_format_e. */
static const struct {
    const char *name;
    const char *type;
    bool        lines;
} formats[] = {
    {"csv", "text/csv", true},
    {"json", "application/json", false},
    {"ndjson", "application/x-ndjson", true},
    {"msgpack", "application/msgpack", false},
};


bool
wd_push_format_by_type(wd_str_t type, wd_push_format_e *ret)
{
    size_t i;

    for (i = 0; i < wd_array_len(formats); i++) {
        if (wd_str_eq_z(type, formats[i].type)) {
            *ret = (wd_push_format_e) i;
            return true;
        }
    }
    return false;
}


const char *
wd_push_format_name(wd_push_format_e format)
{
    return formats[format].name;
}


const char *
wd_push_format_type(wd_push_format_e format)
{
    return formats[format].type;
}


bool
wd_push_format_has_lines(wd_push_format_e format)
{
    return formats[format].lines;
}


const wd_push_dataset_t *
wd_push_dataset_by_name(wd_str_t name)
{
    size_t i;

    for (i = 0; i < wd_array_len(datasets); i++) {
        if (wd_str_eq_z(name, datasets[i].name)) {
            return &datasets[i];
        }
    }
    return NULL;
}


const wd_push_dataset_t *
wd_push_datasets(size_t *ret_n)
{
    *ret_n = wd_array_len(datasets);
    return datasets;
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
