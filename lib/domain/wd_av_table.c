/*
 * wd_av_table.c - one row of Alpha Vantage's lists "data": an action, an
 * observation, a quote.
 */
#include "wd_av_json.h"


static int
wd_av_table_quote(wd_av_parse_t *a)
{
    int            rc;
    bool           first = true, scalar;
    const char    *mark = a->s.p;
    wd_str_t       key, text;
    wd_av_bad_t    bad = {WD_STR_NULL, WD_STR_NULL};
    wd_quote_rec_t quote;

    rc = wd_json_scan_open(&a->s, '{');
    wd_av_quote_init(&quote);
    while (rc == WD_OK
           && (rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        wd_av_bulk_set(&quote, wd_av_field(key), key, text, &bad);
    }
    return rc != WD_ENOTFOUND
               ? rc
               : wd_av_quote_add(a->r, &quote, &bad, wd_av_slice(mark, a->s.p));
}


int
wd_av_table_row(wd_av_parse_t *a, wd_str_t list)
{
    int         rc;
    bool        first = true, scalar;
    const char *mark = a->s.p;
    wd_str_t    key, text, sample;
    wd_av_row_t row;

    (void) list;
    if (a->dataset == WD_AV_BULK_QUOTES) {
        return wd_av_table_quote(a);
    }

    wd_av_row_init(&row);
    rc = wd_json_scan_open(&a->s, '{');
    while (rc == WD_OK
           && (rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        wd_av_row_set(&row, wd_av_field(key), key, text);
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }

    sample = wd_av_slice(mark, a->s.p);
    return a->dataset == WD_AV_ECONOMY
               ? wd_av_observation_add(a->r, &row, sample)
               : wd_av_action_add(a->r, &row, sample);
}
