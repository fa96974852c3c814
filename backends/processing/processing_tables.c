/*
 * processing_tables.c - the tables of facts: their columns and the statements
 * that read and write them.
 */
#include "processing_rules.h"

/*
 * Of each table: $1 ids, $2 source, $3 from, $4 to, $5 timeframe; a
 * statement takes what it needs of them. Of select_known $5, $6 are known_at
 * and raw_id.
 */
#define BAR_COLS                                                              \
    "instrument_id, timeframe, source, ts, quality, open, high, low, close, " \
    "volume, raw_id, known_at"
#define BAR_WHERE                                                         \
    " WHERE instrument_id = ANY ($1) AND timeframe = $5 AND source = $2 " \
    "AND ts BETWEEN $3 AND $4 "

const processing_fact_t processing_bar = {
    .table = "bar",
    .columns = BAR_COLS,
    .n_keys = 4,
    .n_columns = 10,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_INT2, PROCESSING_TS,
              PROCESSING_INT2, PROCESSING_NUM, PROCESSING_NUM, PROCESSING_NUM,
              PROCESSING_NUM, PROCESSING_NUM},
    .select = "SELECT " BAR_COLS " FROM bar" BAR_WHERE
              "ORDER BY instrument_id, timeframe, source, ts",
    .select_history
    = "SELECT " BAR_COLS ", superseded_at FROM bar_history" BAR_WHERE
      "ORDER BY instrument_id, timeframe, source, ts, known_at, "
      "raw_id",
    .update = "UPDATE bar SET quality = $5, open = $6, high = $7, low = $8, "
              "close = $9, volume = $10, raw_id = $11, known_at = $12 "
              "WHERE instrument_id = $1 AND timeframe = $2 AND source = $3 "
              "AND ts = $4",
    .forget = "DELETE FROM bar_history WHERE instrument_id = $1 "
              "AND timeframe = $2 AND source = $3 AND ts = $4",
    .copy = "COPY bar (" BAR_COLS ") FROM STDIN (FORMAT binary)",
    .copy_history = "COPY bar_history (" BAR_COLS ", superseded_at) "
                    "FROM STDIN (FORMAT binary)"};

#define ACTION_COLS \
    "instrument_id, source, ex_date, kind, value, raw_id, known_at"
#define ACTION_WHERE                                                  \
    " WHERE instrument_id = ANY ($1) AND source = $2 "                \
    "AND ex_date BETWEEN ($3::timestamptz AT TIME ZONE 'UTC')::date " \
    "AND ($4::timestamptz AT TIME ZONE 'UTC')::date "

const processing_fact_t processing_action = {
    .table = "corporate_action",
    .columns = ACTION_COLS,
    .n_keys = 4,
    .n_columns = 5,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_DATE,
              PROCESSING_TEXT, PROCESSING_NUM},
    .select = "SELECT " ACTION_COLS " FROM corporate_action" ACTION_WHERE
              "ORDER BY instrument_id, source, ex_date, kind COLLATE \"C\"",
    .select_known
    = "SELECT * FROM (SELECT " ACTION_COLS " FROM corporate_action" ACTION_WHERE
      "AND (known_at, raw_id) <= ($5, $6) UNION ALL SELECT " ACTION_COLS
      " FROM corporate_action_history" ACTION_WHERE
      "AND (known_at, raw_id) <= ($5, $6) AND superseded_at > $5) a "
      "ORDER BY instrument_id, source, ex_date, kind COLLATE \"C\"",
    .select_history
    = "SELECT " ACTION_COLS
      ", superseded_at FROM corporate_action_history" ACTION_WHERE
      "ORDER BY instrument_id, source, ex_date, kind COLLATE \"C\", "
      "known_at, raw_id",
    .update = "UPDATE corporate_action SET value = $5, raw_id = $6, "
              "known_at = $7 WHERE instrument_id = $1 AND source = $2 "
              "AND ex_date = $3 AND kind = $4",
    .forget = "DELETE FROM corporate_action_history WHERE instrument_id = $1 "
              "AND source = $2 AND ex_date = $3 AND kind = $4",
    .copy = "COPY corporate_action (" ACTION_COLS
            ") FROM STDIN (FORMAT binary)",
    .copy_history = "COPY corporate_action_history (" ACTION_COLS
                    ", superseded_at) FROM STDIN (FORMAT binary)"};

#define QUOTE_COLS                                                \
    "instrument_id, source, ts, price, open, high, low, volume, " \
    "previous_close, quality, bid, ask, raw_id, known_at"
#define QUOTE_WHERE                                    \
    " WHERE instrument_id = ANY ($1) AND source = $2 " \
    "AND ts BETWEEN $3 AND $4 "

const processing_fact_t processing_quote = {
    .table = "quote",
    .columns = QUOTE_COLS,
    .n_keys = 3,
    .n_columns = 12,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_TS, PROCESSING_NUM,
              PROCESSING_NUM, PROCESSING_NUM, PROCESSING_NUM, PROCESSING_NUM,
              PROCESSING_NUM, PROCESSING_INT2, PROCESSING_NUM, PROCESSING_NUM},
    .select = "SELECT " QUOTE_COLS " FROM quote" QUOTE_WHERE
              "ORDER BY instrument_id, source, ts",
    .select_history = "SELECT " QUOTE_COLS
                      ", superseded_at FROM quote_history" QUOTE_WHERE
                      "ORDER BY instrument_id, source, ts, known_at, raw_id",
    .update = "UPDATE quote SET price = $4, open = $5, high = $6, low = $7, "
              "volume = $8, previous_close = $9, quality = $10, "
              "bid = $11, ask = $12, raw_id = $13, known_at = $14 WHERE "
              "instrument_id = $1 "
              "AND source = $2 AND ts = $3",
    .forget = "DELETE FROM quote_history WHERE instrument_id = $1 "
              "AND source = $2 AND ts = $3",
    .copy = "COPY quote (" QUOTE_COLS ") FROM STDIN (FORMAT binary)",
    .copy_history = "COPY quote_history (" QUOTE_COLS
                    ", superseded_at) FROM STDIN (FORMAT binary)"};

#define FIELD_COLS \
    "instrument_id, source, field, period, value, raw_id, known_at"
#define FIELD_WHERE " WHERE instrument_id = ANY ($1) AND source = $2 "

const processing_fact_t processing_field = {
    .table = "fundamental",
    .columns = FIELD_COLS,
    .n_keys = 4,
    .n_columns = 5,
    .types = {PROCESSING_INT4, PROCESSING_INT2, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_TEXT},
    .select = "SELECT " FIELD_COLS " FROM fundamental" FIELD_WHERE
              "ORDER BY instrument_id, source, field COLLATE \"C\", "
              "period COLLATE \"C\"",
    .select_history = "SELECT " FIELD_COLS
                      ", superseded_at FROM fundamental_history" FIELD_WHERE
                      "ORDER BY instrument_id, source, field COLLATE \"C\", "
                      "period COLLATE \"C\", known_at, raw_id",
    .update = "UPDATE fundamental SET value = $5, raw_id = $6, known_at = $7 "
              "WHERE instrument_id = $1 AND source = $2 AND field = $3 "
              "AND period = $4",
    .forget = "DELETE FROM fundamental_history WHERE instrument_id = $1 "
              "AND source = $2 AND field = $3 AND period = $4",
    .copy = "COPY fundamental (" FIELD_COLS ") FROM STDIN (FORMAT binary)",
    .copy_history = "COPY fundamental_history (" FIELD_COLS
                    ", superseded_at) FROM STDIN (FORMAT binary)"};

#define OBS_COLS "series_id, ts, frequency, quality, value, status, "
#define OBS_READ \
    "series_id, ts, frequency::text, quality, value, status, raw_id, known_at"
#define OBS_WHERE                                                \
    " WHERE series_id = ANY ($1) "                               \
    "AND ts BETWEEN ($3::timestamptz AT TIME ZONE 'UTC')::date " \
    "AND ($4::timestamptz AT TIME ZONE 'UTC')::date "

const processing_fact_t processing_observation = {
    .table = "observation",
    .columns = OBS_COLS "raw_id, known_at",
    .n_keys = 3,
    .n_columns = 6,
    .types = {PROCESSING_INT4, PROCESSING_DATE, PROCESSING_CHAR,
              PROCESSING_INT2, PROCESSING_NUM, PROCESSING_TEXT},
    .select = "SELECT " OBS_READ " FROM observation" OBS_WHERE
              "ORDER BY series_id, ts, frequency",
    .select_history = "SELECT " OBS_READ
                      ", superseded_at FROM observation_history" OBS_WHERE
                      "ORDER BY series_id, ts, frequency, known_at, raw_id",
    .update = "UPDATE observation SET quality = $4, value = $5, status = $6, "
              "raw_id = $7, known_at = $8 WHERE series_id = $1 AND ts = $2 "
              "AND frequency = ($3::text)::\"char\"",
    .forget = "DELETE FROM observation_history WHERE series_id = $1 "
              "AND ts = $2 AND frequency = ($3::text)::\"char\"",
    .copy = "COPY observation (" OBS_COLS
            "raw_id, known_at) FROM STDIN (FORMAT binary)",
    .copy_history = "COPY observation_history (" OBS_COLS
                    "raw_id, known_at, superseded_at) "
                    "FROM STDIN (FORMAT binary)"};
