/*
 * wd_av_match.c - one instrument that Alpha Vantage's search found.
 */
#include "wd_av_json.h"


int
wd_av_match(wd_av_parse_t *a, wd_str_t list)
{
    int                 rc;
    bool                first = true, scalar;
    const char         *mark = a->s.p;
    wd_str_t            key, text;
    wd_instrument_rec_t inst;

    (void) list;
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
