/*
 * wd_av_list.c - Alpha Vantage's lists of objects.
 */
#include "wd_av_json.h"

static const struct {
    wd_av_shape_e shape;
    const char   *key;
    int (*item)(wd_av_parse_t *a, wd_str_t key);
} wd_av_lists[] = {
    {WD_AV_SHAPE_SEARCH, "bestMatches", wd_av_match},
    {WD_AV_SHAPE_TABLE, "data", wd_av_table_row},
    {WD_AV_SHAPE_REPORTS, "annualReports", wd_av_report},
    {WD_AV_SHAPE_REPORTS, "quarterlyReports", wd_av_report},
    {WD_AV_SHAPE_REPORTS, "annualEarnings", wd_av_report},
    {WD_AV_SHAPE_REPORTS, "quarterlyEarnings", wd_av_report},
    {WD_AV_SHAPE_NEWS, "feed", wd_av_news_item},
};


static size_t
wd_av_list_of(const wd_av_parse_t *a, wd_str_t key)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_av_lists); i++) {
        if (wd_av_lists[i].shape == wd_av_shape(a->dataset)
            && wd_str_eq_z(key, wd_av_lists[i].key)) {
            break;
        }
    }
    return i;
}


bool
wd_av_is_list_key(const wd_av_parse_t *a, wd_str_t key)
{
    return wd_av_list_of(a, key) < wd_array_len(wd_av_lists);
}


static int
wd_av_list_item(wd_av_parse_t *a, wd_str_t key)
{
    if (a->r->n_records >= WD_RECORDS_MAX) {
        return WD_ETOOBIG;
    }
    return wd_av_lists[wd_av_list_of(a, key)].item(a, key);
}


int
wd_av_list(wd_av_parse_t *a, wd_str_t key, bool *ret_end)
{
    int         rc;
    bool        first = true;
    const char *mark;

    a->data_seen = true;
    rc = wd_json_scan_open(&a->s, '[');
    if (rc != WD_OK) {
        return rc;
    }

    while ((rc = wd_json_scan_item(&a->s, &first)) != WD_ENOTFOUND) {
        wd_json_scan_at_end(&a->s);
        mark = a->s.p;
        if (rc == WD_OK) {
            rc = wd_av_list_item(a, key);
        }
        if (rc == WD_OK) {
            continue;
        }
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETOOBIG) {
            *ret_end = true;
            return wd_records_reject(a->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                     "more than %d records", WD_RECORDS_MAX);
        }
        if (rc == WD_ETRUNC) {
            *ret_end = true;
            return wd_av_truncated(a, mark);
        }

        /* Most are flat objects: the next brace begins one. */
        a->s.p = wd_min(mark + 1, a->s.end);
        a->s.p = memchr(a->s.p, '{', (size_t) (a->s.end - a->s.p));
        *ret_end = a->s.p == NULL;
        a->s.p = *ret_end ? a->s.end : a->s.p;
        rc = wd_records_reject(a->r, a->r->n_records++, WD_REASON_SYNTAX,
                               wd_av_slice(mark, a->s.p),
                               "the entry cannot be read");
        if (rc != WD_OK || *ret_end) {
            return rc;
        }
        first = true;
    }

    a->r->empty = a->r->n_records == 0;
    return WD_OK;
}
