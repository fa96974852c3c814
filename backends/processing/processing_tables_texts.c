/*
 * processing_tables_texts.c - the tables of news and of lists: their columns
 * and the statements that read and write them.
 */
#include "processing_tables.h"

#define NEWS_COLS                                                         \
    "id, source, url, ts, title, summary, publisher, sentiment, raw_id, " \
    "known_at"

/* What identifies an item never changes: the id stands for it. */
const processing_fact_t processing_news = {
    PROCESSING_TABLE("news", NEWS_COLS, " WHERE id = ANY ($1) ", "id"),
    .n_keys = 1,
    .n_columns = 8,
    .types = {PROCESSING_INT8, PROCESSING_INT2, PROCESSING_TEXT, PROCESSING_TS,
              PROCESSING_TEXT, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_NUM},
    .update = "UPDATE news SET source = $2, url = $3, ts = $4, title = $5, "
              "summary = $6, publisher = $7, sentiment = $8, raw_id = $9, "
              "known_at = $10 WHERE id = $1",
    .forget = "DELETE FROM news_history WHERE id = $1"};

#define MENTION_COLS "news_id, symbol, relevance, sentiment, raw_id, known_at"

const processing_fact_t processing_mention = {
    PROCESSING_TABLE("news_mention", MENTION_COLS, " WHERE news_id = ANY ($1) ",
                     "news_id, symbol COLLATE \"C\""),
    .n_keys = 2,
    .n_columns = 4,
    .types = {PROCESSING_INT8, PROCESSING_TEXT, PROCESSING_NUM, PROCESSING_NUM},
    .update = "UPDATE news_mention SET relevance = $3, sentiment = $4, "
              "raw_id = $5, known_at = $6 WHERE news_id = $1 AND symbol = $2",
    .forget = "DELETE FROM news_mention_history WHERE news_id = $1 "
              "AND symbol = $2"};

#define OF_CODES " WHERE source = $2 AND code = ANY ($6) "
#define CODE_ORDER "source, code COLLATE \"C\""
#define CODE_KEY "source = $1 AND code = $2"

#define COUNTRY_COLS                                                     \
    "source, code, name, iso2, aggregate, region_code, region, "         \
    "admin_region_code, admin_region, income_code, income_level, "       \
    "lending_code, lending_type, capital, longitude, latitude, raw_id, " \
    "known_at"

const processing_fact_t processing_country = {
    PROCESSING_TABLE("macro_country", COUNTRY_COLS, OF_CODES, CODE_ORDER),
    .n_keys = 2,
    .n_columns = 16,
    .types = {PROCESSING_INT2, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_BOOL, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_TEXT, PROCESSING_NUM, PROCESSING_NUM},
    .update = "UPDATE macro_country SET name = $3, iso2 = $4, aggregate = $5, "
              "region_code = $6, region = $7, admin_region_code = $8, "
              "admin_region = $9, income_code = $10, income_level = $11, "
              "lending_code = $12, lending_type = $13, capital = $14, "
              "longitude = $15, latitude = $16, raw_id = $17, known_at = $18 "
              "WHERE " CODE_KEY,
    .forget = "DELETE FROM macro_country_history WHERE " CODE_KEY};

#define INDICATOR_COLS                                          \
    "source, code, name, unit, database_code, database, note, " \
    "organization, topic_codes, topics, raw_id, known_at"

const processing_fact_t processing_indicator = {
    PROCESSING_TABLE("macro_indicator", INDICATOR_COLS, OF_CODES, CODE_ORDER),
    .n_keys = 2,
    .n_columns = 10,
    .types = {PROCESSING_INT2, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_TEXT},
    .update = "UPDATE macro_indicator SET name = $3, unit = $4, "
              "database_code = $5, database = $6, note = $7, "
              "organization = $8, topic_codes = $9, topics = $10, "
              "raw_id = $11, known_at = $12 WHERE " CODE_KEY,
    .forget = "DELETE FROM macro_indicator_history WHERE " CODE_KEY};

#define DATABASE_COLS                                                        \
    "source, code, name, short, description, url, updated, data_available, " \
    "metadata_available, concepts, raw_id, known_at"

const processing_fact_t processing_database = {
    PROCESSING_TABLE("macro_database", DATABASE_COLS, OF_CODES, CODE_ORDER),
    .n_keys = 2,
    .n_columns = 10,
    .types = {PROCESSING_INT2, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_DATE, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_NUM},
    .update = "UPDATE macro_database SET name = $3, short = $4, "
              "description = $5, url = $6, updated = $7, data_available = $8, "
              "metadata_available = $9, concepts = $10, raw_id = $11, "
              "known_at = $12 WHERE " CODE_KEY,
    .forget = "DELETE FROM macro_database_history WHERE " CODE_KEY};

#define GROUP_COLS "source, list, code, name, iso2, note, raw_id, known_at"
#define GROUP_KEY "source = $1 AND list = $2 AND code = $3"

/* Several lists may have a code. */
const processing_fact_t processing_group = {
    PROCESSING_TABLE("macro_group", GROUP_COLS, OF_CODES,
                     "source, list COLLATE \"C\", code COLLATE \"C\""),
    .n_keys = 3,
    .n_columns = 6,
    .types = {PROCESSING_INT2, PROCESSING_TEXT, PROCESSING_TEXT,
              PROCESSING_TEXT, PROCESSING_TEXT, PROCESSING_TEXT},
    .update = "UPDATE macro_group SET name = $4, iso2 = $5, note = $6, "
              "raw_id = $7, known_at = $8 WHERE " GROUP_KEY,
    .forget = "DELETE FROM macro_group_history WHERE " GROUP_KEY};
