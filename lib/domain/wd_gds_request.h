/*
 * wd_gds_request.h - what the Capital IQ client service (GDS) is asked: one
 * POST with a batch of items, each a function, somebody and a name of data.
 *
 * Functions: GDSP one value, GDSPV a list of values, GDSHE the history of
 * one value, GDSHV that of lists, GDST a series at a frequency, GDSG a group
 * of items. All names are case-sensitive.
 */
#ifndef WD_GDS_REQUEST_H
#define WD_GDS_REQUEST_H

#include "wd_buf.h"

#define WD_GDS_ITEMS_MAX 500 /* of one request; the service takes no more */
#define WD_GDS_NAME_MAX 128 /* bytes of a mnemonic or a property */

/* Texts are the caller's; what is optional has len 0 where it is not said. */
typedef struct {
    wd_str_t function;
    wd_str_t identifier; /* "IBM:NYSE", "TRIP:", "IQ112350", "I_US45..." */
    wd_str_t mnemonic; /* "IQ_TOTAL_REV" */
    wd_str_t currency; /* optional: currencyId */
    wd_str_t period; /* optional: periodType: "IQ_FY", "IQ_FY-4" */
    wd_str_t frequency; /* optional, of GDST: "Daily", "Monthly" */
    wd_str_t as_of; /* optional days: YYYY-MM-DD */
    wd_str_t start;
    wd_str_t end;
    wd_str_t scale; /* optional, never sent: see wd_gds_parse() */
} wd_gds_item_t;

/*
 * Appends the body of the request. WD_EINVAL: no items, a name that is
 * missing, too long or no text, a day that does not exist; WD_ETOOBIG: more
 * than WD_GDS_ITEMS_MAX items; both before anything is written. What the
 * buffer could not take stays in out->err, which is returned, too.
 */
wd_must_check int wd_gds_request(const wd_gds_item_t *items, size_t n,
                                 wd_buf_t *out);

#endif /* WD_GDS_REQUEST_H */
