/*
 * wd_lseg_parse.h - answers of the LSEG Data Platform as records. Pure.
 *
 * interday, intraday
 *     Bars where the table has a full set of prices of trades: OPEN_PRC,
 *     HIGH_1, LOW_1 with TRDPRC_1, or with OFF_CLOSE where that is the
 *     default pricing field (London, whose last trade may lie outside of the
 *     order book's range); else the MKT_ set. Sets are never mixed. Tables
 *     without a full set (BID and ASK of a currency pair, a choice of fields)
 *     give quotes. meta.blendingEntry previews a row and is never one.
 *     ret->symbol, interval, label, zone "UTC" where times have one (days
 *     have none); adjusted unless the answer says that there are corrections
 *     at most, or nothing; a field "qos.timeliness".
 * events
 *     Trades and quotes, times in UTC, with the venue's numbers.
 * esg_*
 *     A fact for each cell: item is the column's name, time the period's end,
 *     unit that of the cell's attributes. null is a fact without text.
 * symbology
 *     Identifiers from a lookup, from the older table of conversions or from
 *     matches of the search.
 * search
 *     An instrument and its identifiers for each hit with a RIC.
 *
 * Symbols are RICs in upper case; the values of identifiers stay as they are.
 */
#ifndef WD_LSEG_PARSE_H
#define WD_LSEG_PARSE_H

#include "wd_records.h"

typedef enum {
    WD_LSEG_INTERDAY,
    WD_LSEG_INTRADAY,
    WD_LSEG_EVENTS,
    WD_LSEG_ESG_BASIC,
    WD_LSEG_ESG_SCORES_FULL,
    WD_LSEG_ESG_SCORES_STANDARD,
    WD_LSEG_ESG_MEASURES_FULL,
    WD_LSEG_ESG_MEASURES_STANDARD,
    WD_LSEG_SYMBOLOGY,
    WD_LSEG_SEARCH
} wd_lseg_dataset_e;

/* "interday", "esg_scores_full", ... */
bool wd_lseg_dataset_by_name(wd_str_t name, wd_lseg_dataset_e *ret);

/* JSON only. As wd_av_parse(). */
wd_must_check int wd_lseg_parse(wd_lseg_dataset_e dataset, wd_str_t body,
                                wd_records_t *ret);

#endif /* WD_LSEG_PARSE_H */
