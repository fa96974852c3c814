/*
 * processing_tables.h - what the descriptions of tables share; for them
 * alone.
 *
 * Of each statement that reads: $1 ids, $2 source, $3 from, $4 to, $5
 * timeframe, $6 names, $7 most rows; it takes what it needs of them. Of select_known $5 and
 * $6 are known_at and raw_id.
 */
#ifndef PROCESSING_TABLES_H
#define PROCESSING_TABLES_H

#include "processing_rules.h"

/*
 * Tables that grow without bounds: what lies between the first and the last
 * row of a payload is read up to $7 rows; when it is more, the rows of the
 * keys alone are. `join`: of a row and a key k, which is (id, us): an
 * instrument and a time, microseconds from 1970; or (id, name). `where`: what
 * the rows have in common.
 */
#define PROCESSING_KEYS(name, cols, keys, join, where, order)                \
    .select_keys = PROCESSING_OF_KEYS(name, cols, keys, join, where, order), \
    .select_history_keys = PROCESSING_OF_KEYS(                               \
        name "_history", cols ", superseded_at", keys, join, where,          \
        order ", known_at, raw_id")
#define PROCESSING_OF_KEYS(name, cols, keys, join, where, order) \
    "SELECT " cols " FROM (SELECT DISTINCT * FROM unnest(" keys  \
    " k JOIN " name " ON " join " WHERE " where "ORDER BY " order

#define PROCESSING_KEYS_TIME "$1::bigint[], $3::bigint[]) u (id, us))"
#define PROCESSING_AT_TIME                                        \
    "instrument_id = k.id AND ts = timestamptz 'epoch' + k.us * " \
    "interval '1 microsecond'"

/*
 * Members of a processing_fact_t that follow from its table. `cols`: keys,
 * values, raw_id, known_at; `read`: the same as they are selected; `where`
 * with a blank at both ends; `order`: the keys, texts as bytes.
 */
#define PROCESSING_TABLE_READ(name, cols, read, where, order)                  \
    .table = name,                                                             \
    .columns = cols,                                                           \
    .select = "SELECT " read " FROM " name where "ORDER BY " order             \
              " LIMIT $7",                                                     \
    .select_history = "SELECT " read ", superseded_at FROM " name              \
                      "_history" where "ORDER BY " order ", known_at, raw_id", \
    .copy = "COPY " name " (" cols ") FROM STDIN (FORMAT binary)",             \
    .copy_history = "COPY " name "_history (" cols                             \
                    ", superseded_at) FROM STDIN (FORMAT binary)"

#define PROCESSING_TABLE(name, cols, where, order) \
    PROCESSING_TABLE_READ(name, cols, cols, where, order)

#endif /* PROCESSING_TABLES_H */
