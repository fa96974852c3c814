/*
 * wd_wb_page.c - the World Bank's page object: which part of an answer this
 * is, and when the provider last changed it.
 */
#include "wd_wb_page.h"

#include "wd_num.h"


void
wd_wb_page_init(wd_records_t *r)
{
    r->page = r->pages = r->per_page = r->total = -1;
}


static int64_t
wd_wb_count(wd_str_t text)
{
    int64_t n;

    return wd_int_parse(wd_str_trim(text), &n) == WD_OK && n >= 0 ? n : -1;
}


void
wd_wb_page_set(wd_records_t *r, wd_str_t key, wd_str_t text)
{
    bool       is_date;
    wd_civil_t c;

    if (wd_str_eq_z(key, "page")) {
        r->page = wd_wb_count(text);
    } else if (wd_str_eq_z(key, "pages")) {
        r->pages = wd_wb_count(text);
    } else if (wd_str_eq_z(key, "per_page")) {
        r->per_page = wd_wb_count(text);
    } else if (wd_str_eq_z(key, "total")) {
        r->total = wd_wb_count(text);
    } else if (wd_str_eq_z(key, "lastupdated")) {
        text = wd_str_trim(text);
        if (wd_civil_parse(text, &c, &is_date) == WD_OK && is_date) {
            r->refreshed = text;
        }
    }
}


bool
wd_wb_page_seen(const wd_records_t *r)
{
    return r->page >= 0 || r->total >= 0;
}


int
wd_wb_page_check(wd_records_t *r)
{
    int64_t want;

    if (r->page < 1 || r->pages < r->page || r->per_page < 1 || r->total < 0
        || r->per_page > WD_RECORDS_MAX || r->pages > INT32_MAX) {
        return WD_OK; /* nothing to compare with */
    }

    want = r->page < r->pages ? r->per_page
                              : r->total - (r->pages - 1) * r->per_page;
    if (r->n_records >= want) {
        return WD_OK;
    }
    return wd_records_reject(r, -1, WD_REASON_SHORT_PAGE, WD_STR(""),
                             "%d rows on page %lld of %lld, %lld announced",
                             r->n_records, (long long) r->page,
                             (long long) r->pages, (long long) want);
}


int
wd_wb_page_refuse(wd_records_t *r, const char *why)
{
    r->refreshed = WD_STR_NULL;
    return wd_records_refuse(r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""), "%s", why);
}


int
wd_wb_page_strangers(wd_records_t *r, const char *why)
{
    r->n_rejects = r->n_rejected = 0;
    return wd_wb_page_refuse(r, why);
}
