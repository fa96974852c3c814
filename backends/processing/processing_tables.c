/*
 * processing_tables.c - the tables of facts about instruments and series:
 * their columns and the statements that read and write them.
 */
#include "processing_tables.h"

#define OF_INSTRUMENTS " WHERE instrument_id = ANY ($1) AND source = $2 "

#define BAR_COLS                                                              \
    "instrument_id, timeframe, source, ts, quality, open, high, low, close, " \
    "volume, raw_id, known_at"
#define BAR_ORDER "instrument_id, timeframe, source, ts"
#define BAR_KEY \
    "instrument_id = $1 AND timeframe = $2 AND source = $3 AND ts = $4"

const processing_fact_t processing_bar = {
    PROCESSING_TABLE("bar", BAR_COLS,
                     OF_INSTRUMENTS
                     "AND timeframe = $5 AND ts BETWEEN $3 AND $4 ",
                     BAR_ORDER),
    PROCESSING_KEYS("bar", BAR_COLS, PROCESSING_KEYS_TIME, PROCESSING_AT_TIME,
                    "timeframe = $5 AND source = $2 ", BAR_ORDER),
    .n_keys = 4,
    .n_columns = 10,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_INT2, PROCESSING_TS,
              PROCESSING_INT2, PROCESSING_NUM, PROCESSING_NUM, PROCESSING_NUM,
              PROCESSING_NUM, PROCESSING_NUM},
    .update = "UPDATE bar SET quality = $5, open = $6, high = $7, low = $8, "
              "close = $9, volume = $10, raw_id = $11, known_at = $12 "
              "WHERE " BAR_KEY,
    .forget = "DELETE FROM bar_history WHERE " BAR_KEY};

#define ACTION_COLS \
    "instrument_id, source, ex_date, kind, value, raw_id, known_at"
#define ACTION_WHERE                                                  \
    OF_INSTRUMENTS                                                    \
    "AND ex_date BETWEEN ($3::timestamptz AT TIME ZONE 'UTC')::date " \
    "AND ($4::timestamptz AT TIME ZONE 'UTC')::date "
#define ACTION_ORDER "instrument_id, source, ex_date, kind COLLATE \"C\""
#define ACTION_KEY \
    "instrument_id = $1 AND source = $2 AND ex_date = $3 AND kind = $4"

const processing_fact_t processing_action = {
    PROCESSING_TABLE("corporate_action", ACTION_COLS, ACTION_WHERE,
                     ACTION_ORDER),
    .n_keys = 4,
    .n_columns = 5,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_DATE,
              PROCESSING_TEXT, PROCESSING_NUM},
    .select_known
    = "SELECT * FROM (SELECT " ACTION_COLS " FROM corporate_action" ACTION_WHERE
      "AND (known_at, raw_id) <= ($5, $6) UNION ALL SELECT " ACTION_COLS
      " FROM corporate_action_history" ACTION_WHERE
      "AND (known_at, raw_id) <= ($5, $6) AND superseded_at > $5) a "
      "ORDER BY " ACTION_ORDER,
    .update = "UPDATE corporate_action SET value = $5, raw_id = $6, "
              "known_at = $7 WHERE " ACTION_KEY,
    .forget = "DELETE FROM corporate_action_history WHERE " ACTION_KEY};

#define QUOTE_COLS                                                     \
    "instrument_id, source, ts, seq, price, open, high, low, volume, " \
    "previous_close, quality, bid, ask, bid_size, ask_size, raw_id, known_at"
#define MOMENT_KEY "instrument_id = $1 AND source = $2 AND ts = $3 AND seq = $4"
#define MOMENT_ORDER "instrument_id, source, ts, seq"

const processing_fact_t processing_quote = {
    PROCESSING_TABLE("quote", QUOTE_COLS,
                     OF_INSTRUMENTS "AND ts BETWEEN $3 AND $4 ", MOMENT_ORDER),
    PROCESSING_KEYS("quote", QUOTE_COLS, PROCESSING_KEYS_TIME,
                    PROCESSING_AT_TIME, "source = $2 ", MOMENT_ORDER),
    .n_keys = 4,
    .n_columns = 15,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_TS, PROCESSING_INT8,
              PROCESSING_NUM, PROCESSING_NUM, PROCESSING_NUM, PROCESSING_NUM,
              PROCESSING_NUM, PROCESSING_NUM, PROCESSING_INT2, PROCESSING_NUM,
              PROCESSING_NUM, PROCESSING_NUM, PROCESSING_NUM},
    .update = "UPDATE quote SET price = $5, open = $6, high = $7, low = $8, "
              "volume = $9, previous_close = $10, quality = $11, bid = $12, "
              "ask = $13, bid_size = $14, ask_size = $15, raw_id = $16, "
              "known_at = $17 WHERE " MOMENT_KEY,
    .forget = "DELETE FROM quote_history WHERE " MOMENT_KEY};

#define TRADE_COLS                                                   \
    "instrument_id, source, ts, seq, price, size, quality, raw_id, " \
    "known_at"

const processing_fact_t processing_trade = {
    PROCESSING_TABLE("trade", TRADE_COLS,
                     OF_INSTRUMENTS "AND ts BETWEEN $3 AND $4 ", MOMENT_ORDER),
    PROCESSING_KEYS("trade", TRADE_COLS, PROCESSING_KEYS_TIME,
                    PROCESSING_AT_TIME, "source = $2 ", MOMENT_ORDER),
    .n_keys = 4,
    .n_columns = 7,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_TS, PROCESSING_INT8,
              PROCESSING_NUM, PROCESSING_NUM, PROCESSING_INT2},
    .update = "UPDATE trade SET price = $5, size = $6, quality = $7, "
              "raw_id = $8, known_at = $9 WHERE " MOMENT_KEY,
    .forget = "DELETE FROM trade_history WHERE " MOMENT_KEY};

#define FIELD_COLS \
    "instrument_id, source, field, period, unit, value, raw_id, known_at"
#define FIELD_ORDER                                               \
    "instrument_id, source, field COLLATE \"C\", period COLLATE " \
    "\"C\", unit COLLATE \"C\""
#define FIELD_KEY                                                        \
    "instrument_id = $1 AND source = $2 AND field = $3 AND period = $4 " \
    "AND unit = $5"

const processing_fact_t processing_field = {
    PROCESSING_TABLE("fundamental", FIELD_COLS, OF_INSTRUMENTS, FIELD_ORDER),
    PROCESSING_KEYS(
        "fundamental", FIELD_COLS, "$1::bigint[], $6::text[]) u (id, name))",
        "instrument_id = k.id AND field = k.name", "source = $2 ", FIELD_ORDER),
    .n_keys = 5,
    .n_columns = 6,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_TEXT, PROCESSING_TEXT},
    .update = "UPDATE fundamental SET value = $6, raw_id = $7, known_at = $8 "
              "WHERE " FIELD_KEY,
    .forget = "DELETE FROM fundamental_history WHERE " FIELD_KEY};

#define IDENTIFIER_COLS "instrument_id, source, scheme, value, raw_id, known_at"
#define IDENTIFIER_KEY "instrument_id = $1 AND source = $2 AND scheme = $3"

const processing_fact_t processing_identifier = {
    PROCESSING_TABLE("instrument_identifier", IDENTIFIER_COLS, OF_INSTRUMENTS,
                     "instrument_id, source, scheme COLLATE \"C\""),
    .n_keys = 3,
    .n_columns = 4,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_TEXT,
              PROCESSING_TEXT},
    .update = "UPDATE instrument_identifier SET value = $4, raw_id = $5, "
              "known_at = $6 WHERE " IDENTIFIER_KEY,
    .forget = "DELETE FROM instrument_identifier_history "
              "WHERE " IDENTIFIER_KEY};

#define OBS_COLS \
    "series_id, ts, frequency, quality, value, status, raw_id, known_at"
#define OBS_READ \
    "series_id, ts, frequency::text, quality, value, status, raw_id, known_at"
#define OBS_WHERE                                                \
    " WHERE series_id = ANY ($1) "                               \
    "AND ts BETWEEN ($3::timestamptz AT TIME ZONE 'UTC')::date " \
    "AND ($4::timestamptz AT TIME ZONE 'UTC')::date "
#define OBS_KEY \
    "series_id = $1 AND ts = $2 AND frequency = ($3::text)::\"char\""

const processing_fact_t processing_observation = {
    PROCESSING_TABLE_READ("observation", OBS_COLS, OBS_READ, OBS_WHERE,
                          "series_id, ts, frequency"),
    .n_keys = 3,
    .n_columns = 6,
    .types = {PROCESSING_INT4, PROCESSING_DATE, PROCESSING_CHAR,
              PROCESSING_INT2, PROCESSING_NUM, PROCESSING_TEXT},
    .update = "UPDATE observation SET quality = $4, value = $5, status = $6, "
              "raw_id = $7, known_at = $8 WHERE " OBS_KEY,
    .forget = "DELETE FROM observation_history WHERE " OBS_KEY};
