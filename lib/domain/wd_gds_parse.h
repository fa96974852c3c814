/*
 * wd_gds_parse.h - answers of the Capital IQ client service (GDS) as facts.
 * Pure.
 */
#ifndef WD_GDS_PARSE_H
#define WD_GDS_PARSE_H

#include "wd_gds_request.h"
#include "wd_records.h"

/*
 * `items` is what was asked, at most WD_GDS_ITEMS_MAX. The n-th entry answers
 * the n-th item and must say so in its Function, Identifier and Mnemonic;
 * behind an entry that cannot be read, the next ones are told by these alone
 * and only where no two open items have the same.
 *
 * Facts have the identifier as symbol and the name of the column as item,
 * which of all functions but GDSG one must be the mnemonic. Each stays as it
 * came, in text; value is a number where the text is one. Money comes in
 * millions and is not multiplied: unit is the currency that the answer or the
 * item says, and the item's scale behind it ("USD millions"), since only
 * the caller knows which mnemonics are money. Texts have no unit.
 *
 * time: of GDST the day that heads the column; else the day of the period's
 * end or as-of day in the row, else the as-of day among the entry's
 * properties, else WD_NS_MIN. The rows of a history over periods may all
 * have one as-of day: their order is all that tells them apart.
 *
 * A record is one cell with a value, or an entry or a row that gives none.
 * Errors and texts in the place of figures are rejects, each with the names
 * of its item; items without an answer too. NumRows and NumCols are only
 * compared: fewer rows than announced are used and rejected as short_page.
 *
 * *ret was initialised; `body` and the texts of `items` must stay as long as
 * *ret. WD_OK, whatever the body holds; WD_ENOMEM.
 */
wd_must_check int wd_gds_parse(wd_str_t body, const wd_gds_item_t *items,
                               size_t n_items, wd_records_t *ret);

/* "1/31/2018", "01/02/2018": month, day, year; never otherwise. */
bool wd_gds_date(wd_str_t s, wd_ns_t *ret);

#endif /* WD_GDS_PARSE_H */
