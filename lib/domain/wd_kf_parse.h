/*
 * wd_kf_parse.h - answers of S&P Global's LLM-ready API (kfinance) as
 * records. Pure.
 */
#ifndef WD_KF_PARSE_H
#define WD_KF_PARSE_H

#include "wd_records.h"

typedef enum {
    /* Identifiers: COMPANY_ID, SECURITY_ID, TRADING_ITEM_ID, TICKER, ... */
    WD_KF_ID, /* /id/NAME, /isin/ID, /cusip/ID: those of one */
    WD_KF_IDS, /* POST /ids: by name, errors in the place of some */

    WD_KF_PRICES, /* /pricing/...: bars, the currency as a field */
    WD_KF_METADATA, /* /pricing/ID/metadata: an instrument, and fields */

    /* Facts; a list or an object among the members is no fact. */
    WD_KF_INFO, /* /info/ID: every member */
    WD_KF_MARKET_CAP, /* /market_cap/...: every figure of each day */
    WD_KF_STATEMENTS, /* /statements/, one company or many */
    WD_KF_LINE_ITEM, /* /line_item/, /segments/ and /estimates/ as well */

    /*
     * Not of this API: the list of companies behind the provider's pages of
     * ESG scores, as TICKER and facts with the names, by the list's own ids.
     * No answer with a score is documented anywhere, so none can be read.
     */
    WD_KF_ESG_COMPANIES
} wd_kf_dataset_e;

typedef struct {
    wd_str_t symbol; /* that was asked about; of many the answer names each */
    wd_str_t item; /* the line item that was asked for; may be NULL */
} wd_kf_asked_t;

/*
 * Figures are texts and stay so, in text. The unit is the currency that the
 * answer says for all of them, but for the numbers of shares beside market
 * values; which line items are no money only the caller knows. A period has
 * the provider's name, and the day of its end where the answer says it, else
 * WD_NS_MIN. Of segments, the item is "SEGMENT: ITEM". Where each figure came
 * from (sources) is not read.
 *
 * A bar, a fact or a company that failed is one record. A row of prices or
 * market values that cannot be read costs itself alone; elsewhere what stands
 * behind a damage is lost, and told of. A period that ends early and never
 * said its day is not used.
 *
 * *ret was initialised; `body` and the texts of `asked` must stay as long as
 * *ret. WD_OK, whatever the body holds; WD_ENOMEM.
 */
wd_must_check int wd_kf_parse(wd_kf_dataset_e dataset, wd_str_t body,
                              const wd_kf_asked_t *asked, wd_records_t *ret);

#endif /* WD_KF_PARSE_H */
