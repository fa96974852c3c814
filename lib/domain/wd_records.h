/*
 * wd_records.h - what a provider's payload says, in the project's own types.
 *
 * Parsers fill a wd_records_t and judge nothing but the grammar: whether a
 * figure can be true is decided later. Memory comes from the pool; texts may
 * also point into the payload, which therefore must stay as long.
 *
 * A payload's records are counted from 0 in the order in which they stand
 * there, damaged ones included. Record -1 is the payload itself.
 */
#ifndef WD_RECORDS_H
#define WD_RECORDS_H

#include "wd_pool.h"
#include "wd_time.h"
#include "wd_timeframe.h"

#define WD_RECORDS_MAX (1024 * 1024) /* records of one payload */
#define WD_RECORD_FIELD_MAX (16 * 1024) /* bytes of one text field */
#define WD_RECORD_SYMBOL_MAX 32
#define WD_REJECTS_MAX 10000 /* kept of one payload; more are only counted */
#define WD_REJECT_DETAIL_MAX 200
#define WD_REJECT_SAMPLE_MAX 240

typedef enum {
#define WD_REASON(id, name, help) WD_REASON_##id,
#include "wd_reject.def"
#undef WD_REASON
    WD_REASON_COUNT
} wd_reason_e;

const char *wd_reason_name(wd_reason_e reason);
const char *wd_reason_help(wd_reason_e reason);

typedef struct {
    int32_t     record; /* -1: the payload */
    wd_reason_e reason;
    wd_str_t    detail;
    wd_str_t    sample; /* as it came, cut; may be empty */
} wd_reject_rec_t;

/* Missing figures are NAN, missing texts have data NULL. */
typedef struct {
    wd_str_t sample; /* the record as it stands in the payload */
    wd_str_t symbol; /* NULL: that of the payload */
    wd_ns_t  time; /* civil time of the payload's zone, read as UTC */
    double   open;
    double   high;
    double   low;
    double   close;
    double   volume;
    double   adjusted_close;
    double   dividend;
    double   split;
    int32_t  record;
    bool     is_date;

    wd_timeframe_e timeframe; /* WD_TF_NONE: that of the payload */
} wd_bar_rec_t;

typedef struct {
    wd_str_t sample;
    wd_str_t symbol;
    wd_ns_t  time; /* is_date: the trading day, else as that of a bar */
    double   price; /* NAN only where a bid or an ask is there */
    double   open;
    double   high;
    double   low;
    double   volume;
    double   previous_close;
    double   bid;
    double   ask;
    double   bid_size;
    double   ask_size;
    int64_t  seq; /* the provider's number of it; 0: none */
    int32_t  record;
    bool     is_date;
} wd_quote_rec_t;

typedef struct {
    wd_str_t sample;
    wd_str_t symbol;
    wd_ns_t  time; /* UTC */
    double   price;
    double   size;
    int64_t  seq; /* the provider's number of it; 0: none */
    int32_t  record;
} wd_trade_rec_t;

typedef enum { WD_ACTION_DIVIDEND, WD_ACTION_SPLIT } wd_action_e;

/* Days are WD_NS_MIN where they are not said. */
typedef struct {
    wd_str_t    sample;
    wd_str_t    symbol; /* NULL: that of the payload */
    wd_str_t    currency;
    wd_ns_t     effective; /* of a dividend the ex date */
    wd_ns_t     declared;
    wd_ns_t     recorded;
    wd_ns_t     paid;
    double      amount; /* money per share; of a split new shares for an old */
    int32_t     record;
    wd_action_e kind;
} wd_action_rec_t;

/*
 * A figure or a text about somebody: an item of a statement, a score, a field
 * of reference data.
 */
typedef struct {
    wd_str_t sample;
    wd_str_t symbol; /* NULL: that of the payload */
    wd_str_t item; /* as the provider names it: "totalRevenue", "PX_LAST" */
    wd_str_t text; /* as it came; NULL: missing, which is said, too */
    wd_str_t unit; /* a currency, or what else the provider says */
    wd_str_t period; /* as the provider names it: "annual", "IQ_FY" */
    wd_ns_t  time; /* the day it is about, an end of a period; WD_NS_MIN */
    double   value; /* NAN: no number */
    int32_t  record;
} wd_fact_rec_t;

/* One name of an instrument or an issuer beside another. */
typedef struct {
    wd_str_t symbol; /* as it was asked for */
    wd_str_t asked; /* the scheme of that; NULL: not said */
    wd_str_t scheme; /* upper case: "ISIN", "RIC", "FIGI", "LEI" */
    wd_str_t value;
    int32_t  record;
} wd_identifier_rec_t;

typedef struct {
    wd_str_t title;
    wd_str_t url;
    wd_str_t summary;
    wd_str_t publisher;
    wd_ns_t  time; /* UTC */
    double   sentiment; /* -1 to 1 */
    int32_t  record;
} wd_news_rec_t;

/* An instrument that a news item is about. */
typedef struct {
    wd_str_t symbol;
    double   relevance; /* 0 to 1 */
    double   sentiment;
    int32_t  record; /* that of the news item */
} wd_mention_rec_t;

typedef struct {
    wd_str_t symbol;
    wd_str_t type; /* as the provider names it */
    wd_str_t name;
    wd_str_t exchange;
    wd_str_t currency;
    wd_str_t country;
    wd_str_t sector;
    wd_str_t industry;
    wd_str_t zone;
    wd_str_t status; /* as the provider names it: "Active", "Delisted" */
    wd_ns_t  listed; /* 0: not said */
    wd_ns_t  delisted;
    int32_t  record;
} wd_instrument_rec_t;

typedef struct {
    wd_str_t name;
    wd_str_t value;
    int32_t  record;
} wd_field_rec_t;

typedef struct {
    wd_str_t sample;
    wd_str_t indicator;
    wd_str_t indicator_name;
    wd_str_t country; /* alpha-3 where one is known, else the provider's id */
    wd_str_t country2; /* the provider's id */
    wd_str_t country_name;
    wd_str_t unit;
    wd_str_t status;
    wd_ns_t  time; /* first day of the period */
    double   value;
    int32_t  record;
    char     frequency; /* A, S (half a year), Q, M, W, D */
    bool     aggregate;
} wd_observation_rec_t;

typedef struct {
    wd_pool_t *pool;

    /* About the payload. */
    wd_str_t symbol; /* of a currency pair both codes: EURUSD */
    wd_str_t from_symbol; /* of a currency pair */
    wd_str_t to_symbol;
    wd_str_t zone;
    wd_str_t interval;
    wd_str_t name; /* of a series */
    wd_str_t unit;
    wd_str_t label; /* the end of a bar that its time is: "startPeriod" */
    wd_str_t refreshed;
    int64_t  page;
    int64_t  pages;
    int64_t  per_page;
    int64_t  total; /* -1: not said */
    bool     adjusted; /* prices are not those as traded */
    bool     refused; /* nothing in it could be used; see rejects */
    bool     empty; /* the provider says that it has nothing */

    int32_t n_records; /* seen, good or bad */
    size_t  n_rejected; /* rejects, those beyond WD_REJECTS_MAX too */

    wd_bar_rec_t         *bars;
    wd_quote_rec_t       *quotes;
    wd_instrument_rec_t  *instruments;
    wd_field_rec_t       *fields;
    wd_observation_rec_t *observations;
    wd_trade_rec_t       *trades;
    wd_action_rec_t      *actions;
    wd_fact_rec_t        *facts;
    wd_identifier_rec_t  *identifiers;
    wd_news_rec_t        *news;
    wd_mention_rec_t     *mentions;
    wd_reject_rec_t      *rejects;
    size_t                n_bars;
    size_t                n_quotes;
    size_t                n_instruments;
    size_t                n_fields;
    size_t                n_observations;
    size_t                n_trades;
    size_t                n_actions;
    size_t                n_facts;
    size_t                n_identifiers;
    size_t                n_news;
    size_t                n_mentions;
    size_t                n_rejects;
    size_t                cap_bars;
    size_t                cap_quotes;
    size_t                cap_instruments;
    size_t                cap_fields;
    size_t                cap_observations;
    size_t                cap_trades;
    size_t                cap_actions;
    size_t                cap_facts;
    size_t                cap_identifiers;
    size_t                cap_news;
    size_t                cap_mentions;
    size_t                cap_rejects;
} wd_records_t;

void wd_records_init(wd_records_t *r, wd_pool_t *pool);

/* A zeroed slot at the end, or NULL when there is no memory. */
wd_bar_rec_t         *wd_records_bar(wd_records_t *r);
wd_quote_rec_t       *wd_records_quote(wd_records_t *r);
wd_instrument_rec_t  *wd_records_instrument(wd_records_t *r);
wd_field_rec_t       *wd_records_field(wd_records_t *r);
wd_observation_rec_t *wd_records_observation(wd_records_t *r);
wd_trade_rec_t       *wd_records_trade(wd_records_t *r);
wd_action_rec_t      *wd_records_action(wd_records_t *r);
wd_fact_rec_t        *wd_records_fact(wd_records_t *r);
wd_identifier_rec_t  *wd_records_identifier(wd_records_t *r);
wd_news_rec_t        *wd_records_news(wd_records_t *r);
wd_mention_rec_t     *wd_records_mention(wd_records_t *r);

/* WD_OK or WD_ENOMEM. detail and sample are copied, cut, made valid UTF-8. */
wd_must_check int wd_records_reject(wd_records_t *r, int32_t record,
                                    wd_reason_e reason, wd_str_t sample,
                                    const char *detail, ...)
    wd_printf_like(5, 6);

/* The same for the payload, which is refused as a whole. */
wd_must_check int wd_records_refuse(wd_records_t *r, wd_reason_e reason,
                                    wd_str_t sample, const char *detail, ...)
    wd_printf_like(4, 5);

/* May the text be stored: UTF-8, no zero bytes, not longer than `max`. */
bool wd_record_text_ok(wd_str_t s, size_t max);

/* A code (series, country): 1 to `max` letters, digits and . _ - : */
bool wd_record_code_ok(wd_str_t s, size_t max);

/* Upper case from the pool; data NULL unless it may be a symbol. */
wd_str_t wd_record_symbol(wd_pool_t *pool, wd_str_t text);

/* "None", "null", "-", "n/a", "", blanks, ".": the provider has no figure. */
bool wd_missing(wd_str_t s);

/*
 * Blanks around it are nothing, missing becomes NAN. WD_EINVAL, WD_EOVERFLOW
 * as wd_num_parse().
 */
wd_must_check int wd_figure_parse(wd_str_t s, double *ret);

#endif /* WD_RECORDS_H */
