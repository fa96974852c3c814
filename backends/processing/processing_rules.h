/*
 * processing_rules.h - what a record must fulfil to be taken over, and the
 * flags of those that are. Pure.
 *
 * A record that cannot be true is rejected with its reason; one that is
 * doubtful is kept and flagged. Nothing is corrected or filled in.
 */
#ifndef PROCESSING_RULES_H
#define PROCESSING_RULES_H

#include "processing_fact.h"
#include "processing_symbols.h"
#include "processing_time.h"
#include "wd_records.h"

/* Bits of the column quality (db/migrations/0001_core.sql, 0006, 0010). */
#define PROCESSING_Q_OHLC 1 /* open or close outside low..high */
#define PROCESSING_Q_NO_VOLUME 2 /* volume or size is zero */
#define PROCESSING_Q_UNFINISHED 4 /* newest row, its period was not over */
#define PROCESSING_Q_JUMP 8 /* jump without a split that explains it */
#define PROCESSING_Q_CROSSED 16 /* bid above ask */

/* Volumes above this are no volumes. */
#define PROCESSING_VOLUME_MAX 1e12

/* How far clocks may differ: a moment may lie so much behind the fetch. */
#define PROCESSING_CLOCKS_NS (5 * WD_NS_PER_MIN)

/* The same of news, whose times are those of their publishers. */
#define PROCESSING_NEWS_AHEAD_NS WD_NS_PER_HOUR

#define PROCESSING_URL_MAX 2048 /* bytes; part of an index */
#define PROCESSING_TITLE_MAX 1024
#define PROCESSING_IDENTIFIER_MAX 128

/* The smallest usual split, 3 for 2, moves the price by 1.5. */
#define PROCESSING_JUMP 1.45

/* Across a longer gap a price may have gone anywhere. */
#define PROCESSING_JUMP_GAP (31 * WD_NS_PER_DAY)

/* Tables, with their columns in this order. */
enum {
    BAR_INSTRUMENT,
    BAR_TIMEFRAME,
    BAR_SOURCE,
    BAR_TS,
    BAR_QUALITY,
    BAR_OPEN,
    BAR_HIGH,
    BAR_LOW,
    BAR_CLOSE,
    BAR_VOLUME
};
enum {
    ACTION_INSTRUMENT,
    ACTION_SOURCE,
    ACTION_DATE,
    ACTION_KIND,
    ACTION_VALUE
};
enum {
    QUOTE_INSTRUMENT,
    QUOTE_SOURCE,
    QUOTE_TS,
    QUOTE_SEQ,
    QUOTE_PRICE,
    QUOTE_OPEN,
    QUOTE_HIGH,
    QUOTE_LOW,
    QUOTE_VOLUME,
    QUOTE_PREVIOUS,
    QUOTE_QUALITY,
    QUOTE_BID,
    QUOTE_ASK,
    QUOTE_BID_SIZE,
    QUOTE_ASK_SIZE
};
enum {
    TRADE_INSTRUMENT,
    TRADE_SOURCE,
    TRADE_TS,
    TRADE_SEQ,
    TRADE_PRICE,
    TRADE_SIZE,
    TRADE_QUALITY
};
enum {
    FIELD_INSTRUMENT,
    FIELD_SOURCE,
    FIELD_NAME,
    FIELD_PERIOD,
    FIELD_UNIT,
    FIELD_VALUE
};
enum {
    IDENTIFIER_INSTRUMENT,
    IDENTIFIER_SOURCE,
    IDENTIFIER_SCHEME,
    IDENTIFIER_VALUE
};
enum {
    NEWS_ID,
    NEWS_SOURCE,
    NEWS_URL,
    NEWS_TS,
    NEWS_TITLE,
    NEWS_SUMMARY,
    NEWS_PUBLISHER,
    NEWS_SENTIMENT
};
enum { MENTION_NEWS, MENTION_SYMBOL, MENTION_RELEVANCE, MENTION_SENTIMENT };
enum { OBS_SERIES, OBS_TS, OBS_FREQUENCY, OBS_QUALITY, OBS_VALUE, OBS_STATUS };

extern const processing_fact_t processing_bar;
extern const processing_fact_t processing_action;
extern const processing_fact_t processing_quote;
extern const processing_fact_t processing_trade;
extern const processing_fact_t processing_field;
extern const processing_fact_t processing_identifier;
extern const processing_fact_t processing_observation;
extern const processing_fact_t processing_news;
extern const processing_fact_t processing_mention;
extern const processing_fact_t processing_country; /* lists: their columns */
extern const processing_fact_t processing_indicator; /* are named in */
extern const processing_fact_t processing_database; /* processing_lists.c */
extern const processing_fact_t processing_group;

/* What is known about a payload besides its records. */
typedef struct {
    const processing_zones_t   *zones;
    processing_zone_t           zone;
    wd_timeframe_e              timeframe;
    processing_labels_e         labels;
    processing_market_e         market;
    processing_asked_t          asked;
    const processing_symbols_t *symbols; /* NULL: all is about one */
    const char                 *prefix; /* of the names of facts; or NULL */
    wd_str_t                    every; /* "weekly": how often a figure comes */
    wd_str_t                    unit; /* of figures that do not say theirs */
    bool                        moments; /* quotes are of moments, not days */
    bool                        numbered; /* facts of one name are rows */
    int                         source;
    int64_t                     raw_id;
    wd_ns_t                     known_at; /* when it was fetched */
} processing_payload_t;

/*
 * Rows of all records that hold, sorted, each key once; rejects are added to
 * *r. In the place of an instrument stands its number in p->symbols, in that
 * of a series 0. WD_OK or WD_ENOMEM.
 */
wd_must_check int processing_rules_bars(const processing_payload_t *p,
                                        wd_records_t               *r,
                                        processing_rows_t          *ret);
wd_must_check int processing_rules_quotes(const processing_payload_t *p,
                                          wd_records_t               *r,
                                          processing_rows_t          *ret);
wd_must_check int processing_rules_trades(const processing_payload_t *p,
                                          wd_records_t               *r,
                                          processing_rows_t          *ret);
wd_must_check int processing_rules_identifiers(const processing_payload_t *p,
                                               wd_records_t               *r,
                                               processing_rows_t          *ret);
wd_must_check int processing_rules_fields(const processing_payload_t *p,
                                          wd_records_t               *r,
                                          processing_rows_t          *ret);

/*
 * Figures by name: fields "prefix.item" of periods "annual 2025-12-31". Of
 * several figures with one name and period and different values none is used,
 * as nothing tells them apart; where they are rows of a table (p->numbered)
 * their periods are "row 1", "row 2".
 */
wd_must_check int processing_rules_facts(const processing_payload_t *p,
                                         wd_records_t               *r,
                                         processing_rows_t          *ret);

/* Splits and dividends that are records of their own. */
wd_must_check int processing_rules_action_list(const processing_payload_t *p,
                                               wd_records_t               *r,
                                               processing_rows_t          *ret);

/*
 * Items, and whom they are about; the latter have the record of their item in
 * the place of its id. Not sorted: ids must be known first.
 */
wd_must_check int processing_rules_news(const processing_payload_t *p,
                                        wd_records_t               *r,
                                        processing_rows_t          *ret);
wd_must_check int processing_rules_mentions(const processing_payload_t *p,
                                            wd_records_t               *r,
                                            processing_rows_t          *ret);

/* Not sorted: the series must be known first. */
wd_must_check int processing_rules_observations(const processing_payload_t *p,
                                                wd_records_t               *r,
                                                processing_rows_t *ret);

/*
 * Drops the second of two rows with the same key, which must be neighbours;
 * rejects it when the values differ.
 */
wd_must_check int processing_rules_unique(const processing_fact_t *fact,
                                          wd_records_t            *r,
                                          processing_rows_t       *rows);

/*
 * Splits and dividends of one's bars. A bar that has none gives a row only when
 * `known` (sorted) has one of its date: the provider took it back.
 */
wd_must_check int processing_rules_actions(const processing_payload_t *p,
                                           wd_records_t               *r,
                                           const processing_rows_t    *bars,
                                           const processing_rows_t    *known,
                                           processing_rows_t          *ret);

/* Sorts, then processing_rules_unique(). WD_OK or WD_ENOMEM. */
wd_must_check int processing_rules_finish(const processing_fact_t *fact,
                                          wd_records_t            *r,
                                          processing_rows_t       *rows);

/* A close that the next bar is compared with; ts WD_NS_MIN: none. */
typedef struct {
    wd_ns_t ts;
    double  close;
} processing_last_t;

/* Flags jumps of one's daily bars; `actions`: sorted, of their dates. */
void processing_rules_jumps(const processing_rows_t *bars,
                            processing_last_t        before,
                            const processing_rows_t *actions);

/* Rows with any flag. */
int64_t processing_rules_flagged(int quality, const processing_rows_t *rows);

#endif /* PROCESSING_RULES_H */
