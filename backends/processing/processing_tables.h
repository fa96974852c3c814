/*
 * processing_tables.h - what the descriptions of tables share; for them
 * alone.
 *
 * Of each statement that reads: $1 ids, $2 source, $3 from, $4 to, $5
 * timeframe, $6 names; it takes what it needs of them. Of select_known $5 and
 * $6 are known_at and raw_id.
 */
#ifndef PROCESSING_TABLES_H
#define PROCESSING_TABLES_H

#include "processing_rules.h"

/*
 * Members of a processing_fact_t that follow from its table. `cols`: keys,
 * values, raw_id, known_at; `read`: the same as they are selected; `where`
 * with a blank at both ends; `order`: the keys, texts as bytes.
 */
#define PROCESSING_TABLE_READ(name, cols, read, where, order)                  \
    .table = name,                                                             \
    .select = "SELECT " read " FROM " name where "ORDER BY " order,            \
    .select_history = "SELECT " read ", superseded_at FROM " name              \
                      "_history" where "ORDER BY " order ", known_at, raw_id", \
    .copy = "COPY " name " (" cols ") FROM STDIN (FORMAT binary)",             \
    .copy_history = "COPY " name "_history (" cols                             \
                    ", superseded_at) FROM STDIN (FORMAT binary)"

#define PROCESSING_TABLE(name, cols, where, order) \
    PROCESSING_TABLE_READ(name, cols, cols, where, order)

#endif /* PROCESSING_TABLES_H */
