/*
 * wd_wb_page.h - what the World Bank's readers share about a page, be it JSON
 * or XML; for them alone.
 */
#ifndef WD_WB_PAGE_H
#define WD_WB_PAGE_H

#include "wd_records.h"

/* Nothing said yet: all counts -1. */
void wd_wb_page_init(wd_records_t *r);

/*
 * One member of the page object as text: "page", "pages", "per_page",
 * "total", "lastupdated". Others are ignored, as is what is no count or no
 * day; some answers hold counts as text, so the type says nothing.
 */
void wd_wb_page_set(wd_records_t *r, wd_str_t key, wd_str_t text);

/* Was there a page object at all? */
bool wd_wb_page_seen(const wd_records_t *r);

/*
 * Behind the last row: rejects SHORT_PAGE when fewer came than announced, for
 * a page that was cut is not a whole one. WD_OK or WD_ENOMEM, as all below.
 */
wd_must_check int wd_wb_page_check(wd_records_t *r);

/* Refuses the payload: UNKNOWN_SHAPE. */
wd_must_check int wd_wb_page_refuse(wd_records_t *r, const char *why);

/* The same when none of the rows was one; their rejects say nothing new. */
wd_must_check int wd_wb_page_strangers(wd_records_t *r, const char *why);

#endif /* WD_WB_PAGE_H */
