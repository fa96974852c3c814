/*
 * wd_bbg_record.h - rows of Bloomberg's answers as bars and facts; shared by
 * the readers of BLPAPI answers and of Data License files.
 *
 * A row is what an answer says of one security, mostly of one day: cells with
 * the field's mnemonic and a text. A text that reads as a number has a value,
 * too: files tell numbers and texts not apart.
 */
#ifndef WD_BBG_RECORD_H
#define WD_BBG_RECORD_H

#include "wd_records.h"

#define WD_BBG_CELLS_MAX 512 /* a request may name 500 fields */
#define WD_BBG_ITEM_MAX 128 /* bytes of a field's name */

typedef enum {
    WD_BBG_NO_PRICE,
    WD_BBG_OPEN,
    WD_BBG_HIGH,
    WD_BBG_LOW,
    WD_BBG_LAST,
    WD_BBG_VOLUME,
    WD_BBG_ROLES
} wd_bbg_role_e;

typedef struct {
    wd_str_t      item;
    wd_str_t      text; /* NULL: missing */
    wd_str_t      sample;
    double        value; /* NAN: no number */
    int32_t       record;
    wd_bbg_role_e role;
} wd_bbg_cell_t;

typedef struct {
    wd_str_t      symbol;
    wd_ns_t       time; /* WD_NS_MIN: not of a day, hence no bar */
    size_t        n;
    wd_bbg_cell_t cells[WD_BBG_CELLS_MAX];
} wd_bbg_row_t;

/* At most n bytes of it, for a detail. */
static inline wd_str_t
wd_bbg_cut(wd_str_t s, size_t n)
{
    return wd_str(s.data, wd_min(s.len, n));
}

void wd_bbg_row_init(wd_bbg_row_t *row, wd_str_t symbol, wd_ns_t time);

/*
 * Adds a cell, or rejects it: a name that is none, a text that cannot be
 * stored, a price that is no number, any NaN and what is beyond double.
 * WD_OK or WD_ENOMEM.
 */
wd_must_check int wd_bbg_row_put(wd_records_t *r, wd_bbg_row_t *row,
                                 int32_t record, wd_str_t sample, wd_str_t item,
                                 wd_str_t text);

/*
 * A bar where open, high, low and last are there, with whatever else the row
 * has as facts; else facts only. Of a row that is not of a day those facts
 * that are names of the security are identifiers, too, and those that say what
 * it is its description. WD_OK or WD_ENOMEM.
 */
wd_must_check int wd_bbg_row_add(wd_records_t *r, const wd_bbg_row_t *row);

/* A security that the provider refuses, or one of its fields. */
wd_must_check int wd_bbg_reject(wd_records_t *r, int32_t record, wd_str_t about,
                                wd_str_t text);

/* The same by the return code that Data License gives for a row. */
wd_must_check int wd_bbg_return_code(wd_records_t *r, int32_t record,
                                     wd_str_t about, int64_t code);

/* wd_missing() and "N.A.", "N.D.", "N.S.": nothing is there. */
bool wd_bbg_missing(wd_str_t s);

/*
 * "IBM US Equity" in upper case from the pool; *ret has data NULL unless it
 * may be a security: 1 to WD_RECORD_SYMBOL_MAX printable characters but
 * quotes, brackets and the like. WD_OK or WD_ENOMEM.
 */
wd_must_check int wd_bbg_symbol(wd_pool_t *pool, wd_str_t text, wd_str_t *ret);

/*
 * A day as BLPAPI's bridges write one: "2012-01-03", the same with a time and
 * a zone, "20120103", the number 20120103.0.
 */
bool wd_bbg_day(wd_str_t s, wd_ns_t *ret);

/*
 * A day in a format such as "mm/dd/yyyy": letters stand for digits, anything
 * else for itself.
 */
bool wd_bbg_day_as(wd_str_t s, wd_str_t format, wd_ns_t *ret);

/* Is it a format with a year of four digits, a month and a day of two? */
bool wd_bbg_day_format_ok(wd_str_t format);

/* Fills r->symbol when all bars and facts are of one security. */
void wd_bbg_one_symbol(wd_records_t *r);

#endif /* WD_BBG_RECORD_H */
