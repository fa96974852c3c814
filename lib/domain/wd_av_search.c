/*
 * wd_av_search.c - Alpha Vantage's search: instruments that match a word.
 */
#include "wd_av_json.h"


static int
wd_av_match(wd_av_parse_t *a)
{
    int                 rc;
    bool                first = true, scalar;
    const char         *mark = a->s.p;
    wd_str_t            key, text;
    wd_instrument_rec_t inst;

    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return rc;
    }

    memset(&inst, 0, sizeof(inst));
    while ((rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        if (scalar && text.len <= WD_RECORD_FIELD_MAX) {
            wd_av_instrument_set(&inst, wd_av_field(key), text);
        }
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }
    return wd_av_instrument_add(a->r, &inst, wd_av_slice(mark, a->s.p));
}


int
wd_av_matches(wd_av_parse_t *a, bool *ret_end)
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
            rc = wd_av_match(a);
        }
        if (rc == WD_OK) {
            continue;
        }
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETRUNC) {
            *ret_end = true;
            return wd_av_truncated(a, mark);
        }

        /* A match is a flat object: the next brace begins one. */
        a->s.p = wd_min(mark + 1, a->s.end);
        a->s.p = memchr(a->s.p, '{', (size_t) (a->s.end - a->s.p));
        *ret_end = a->s.p == NULL;
        a->s.p = *ret_end ? a->s.end : a->s.p;
        rc = wd_records_reject(a->r, a->r->n_records++, WD_REASON_SYNTAX,
                               wd_av_slice(mark, a->s.p),
                               "the match cannot be read");
        if (rc != WD_OK || *ret_end) {
            return rc;
        }
        first = true;
    }

    a->r->empty = a->r->n_records == 0;
    return WD_OK;
}
