/*
 * wd_identifier.h - identifiers of instruments and issuers, and what their
 * standards demand: length, characters, check digit. Pure.
 */
#ifndef WD_IDENTIFIER_H
#define WD_IDENTIFIER_H

#include "wd_str.h"

typedef enum {
    WD_IDENTIFIER_OK,
    WD_IDENTIFIER_UNCHECKED, /* of a scheme without rules here: RIC, ... */
    WD_IDENTIFIER_LENGTH,
    WD_IDENTIFIER_CHARACTER,
    WD_IDENTIFIER_CHECK_DIGIT
} wd_identifier_e;

/*
 * ISIN (ISO 6166), CUSIP, SEDOL, LEI (ISO 17442), FIGI; letters in upper
 * case. `scheme` in upper case.
 */
wd_identifier_e wd_identifier_check(wd_str_t scheme, wd_str_t value);

/* "its check digit does not fit", for a detail. */
const char *wd_identifier_fault(wd_identifier_e fault);

#endif /* WD_IDENTIFIER_H */
