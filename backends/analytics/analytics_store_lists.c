/*
 * analytics_store_lists.c - the SQL of the lists behind macro-economic series.
 */
#include "analytics_store.h"

/* clang-format off */
#define COUNTRY_COLUMNS                                                   \
    "source, code, name, iso2, aggregate, region_code, region,"           \
    " admin_region_code, admin_region, income_code, income_level,"        \
    " lending_code, lending_type, capital, longitude, latitude, known_at"
#define INDICATOR_COLUMNS                                        \
    "source, code, name, unit, database_code, database, note,"   \
    " organization, topic_codes, topics, known_at"
#define DATABASE_COLUMNS                                                  \
    "source, code, name, short, description, url, updated, data_available," \
    " metadata_available, concepts, known_at"
#define GROUP_COLUMNS "source, list, code, name, iso2, note, known_at"

#define KNOWN(table, columns)                                              \
    "(SELECT " columns " FROM " table " WHERE known_at <= $1"              \
    " UNION ALL SELECT " columns " FROM " table "_history"                 \
    " WHERE known_at <= $1 AND superseded_at > $1) x"

/*
 * In the order of places, behind ($2, $3); $4 what the code or name contains,
 * $5 codes, $6 and $7 what a list has besides, $8 rows.
 */
#define LIST(table, columns, place, shown, codes, more)                    \
    "SELECT " place ", " shown ", s.name, x.known_at FROM "                \
    KNOWN(table, columns) " JOIN source s ON s.id = x.source"              \
    " WHERE ($2::text IS NULL OR (" place " COLLATE \"C\", s.name"         \
    " COLLATE \"C\") > ($2, $3::text))"                                    \
    " AND ($4::text IS NULL OR lower(x.code) LIKE $4"                      \
    " OR lower(x.name) LIKE $4)"                                           \
    " AND (cardinality($5::text[]) = 0 OR " codes ") AND " more            \
    " ORDER BY " place " COLLATE \"C\", s.name COLLATE \"C\" LIMIT $8"

#define OF_CODE "x.code = ANY($5)"
#define NO_MORE "$6::text IS NULL AND $7::text IS NULL"

static const char countries[] = LIST(
    "macro_country", COUNTRY_COLUMNS, "x.code",
    "x.code, x.name, x.iso2, x.aggregate, x.region_code, x.region,"
    " x.admin_region_code, x.admin_region, x.income_code, x.income_level,"
    " x.lending_code, x.lending_type, x.capital, x.longitude, x.latitude",
    "(x.code = ANY($5) OR x.iso2 = ANY($5))",
    "($6::text IS NULL OR x.aggregate = $6::boolean) AND $7::text IS NULL");

static const char indicators[] = LIST(
    "macro_indicator", INDICATOR_COLUMNS, "x.code",
    "x.code, x.name, x.unit, x.database_code, x.database, x.topic_codes,"
    " x.topics, x.note, x.organization", OF_CODE,
    "($6::text IS NULL OR x.database_code = $6)"
    " AND ($7::text IS NULL OR $7 = ANY(string_to_array(x.topic_codes, ';')))");

static const char databases[] = LIST(
    "macro_database", DATABASE_COLUMNS, "x.code",
    "x.code, x.name, x.short, x.description, x.url, x.updated,"
    " x.data_available, x.metadata_available, x.concepts", OF_CODE, NO_MORE);

static const char groups[] = LIST(
    "macro_group", GROUP_COLUMNS, "x.list || ' ' || x.code",
    "x.list, x.code, x.name, x.iso2, x.note", OF_CODE,
    "($6::text IS NULL OR x.list = $6) AND $7::text IS NULL");
/* clang-format on */


int
analytics_store_list(wd_pg_conn_t *c, const analytics_list_key_t *key,
                     PGresult **ret, wd_error_t *err)
{
    static const char *const sql[] = {[ANALYTICS_COUNTRIES] = countries,
                                      [ANALYTICS_INDICATORS] = indicators,
                                      [ANALYTICS_DATABASES] = databases,
                                      [ANALYTICS_GROUPS] = groups};

    const wd_pg_param_t p[] = {wd_pg_ts(key->as_of),
                               wd_pg_text(key->after),
                               wd_pg_text(key->after_source),
                               wd_pg_text(key->like),
                               wd_pg_texts(key->codes, key->n_codes),
                               wd_pg_text(key->part),
                               wd_pg_text(key->topic),
                               wd_pg_int(key->limit)};

    return wd_pg_exec(c, sql[key->list], p, wd_array_len(p), ret, err);
}
