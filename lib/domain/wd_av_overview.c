/*
 * wd_av_overview.c - Alpha Vantage's overview of a company: one flat object,
 * whose fields are the records.
 */
#include "wd_av_json.h"

#define WD_AV_NAME_MAX 64 /* bytes of a field's name */


/* Field names of the overview that describe the instrument. */
static void
wd_av_overview_field(wd_instrument_rec_t *inst, wd_str_t name, wd_str_t value)
{
    if (wd_str_eq_z(name, "Symbol")) {
        inst->symbol = value;
    } else if (wd_str_eq_z(name, "AssetType")) {
        inst->type = value;
    } else if (wd_str_eq_z(name, "Name")) {
        inst->name = value;
    } else if (wd_str_eq_z(name, "Exchange")) {
        inst->exchange = value;
    } else if (wd_str_eq_z(name, "Currency")) {
        inst->currency = value;
    } else if (wd_str_eq_z(name, "Country")) {
        inst->country = value;
    } else if (wd_str_eq_z(name, "Sector")) {
        inst->sector = value;
    } else if (wd_str_eq_z(name, "Industry")) {
        inst->industry = value;
    }
}


/* One field of the overview; its record is its position. */
static int
wd_av_overview_add(wd_av_parse_t *a, wd_instrument_rec_t *inst, wd_str_t key,
                   wd_str_t text, bool scalar)
{
    int32_t         record = a->r->n_records++;
    wd_field_rec_t *f;

    if (key.len == 0 || !wd_record_text_ok(key, WD_AV_NAME_MAX)
        || !wd_record_text_ok(text, SIZE_MAX)) {
        return wd_records_reject(a->r, record, WD_REASON_SYNTAX, key,
                                 "the field's name or text is none");
    }
    if (!scalar) {
        return wd_records_reject(a->r, record, WD_REASON_SYNTAX, key,
                                 "the field is no plain value");
    }
    if (text.len > WD_RECORD_FIELD_MAX) {
        return wd_records_reject(a->r, record, WD_REASON_TOO_LONG, key,
                                 "%zu bytes, the limit is %d", text.len,
                                 WD_RECORD_FIELD_MAX);
    }

    text = wd_str_trim(text);
    if (wd_missing(text)) {
        text = WD_STR_NULL;
    }
    wd_av_overview_field(inst, key, text);

    f = wd_records_field(a->r);
    if (f == NULL) {
        return WD_ENOMEM;
    }
    f->name = key;
    f->value = text;
    f->record = record;
    return WD_OK;
}


int
wd_av_overview(wd_av_parse_t *a)
{
    int                 rc;
    bool                first = true, scalar;
    const char         *mark = a->s.p;
    wd_str_t            key, text;
    wd_instrument_rec_t inst;

    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return wd_records_refuse(a->r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                                 "no object");
    }

    memset(&inst, 0, sizeof(inst));
    while ((rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        if (wd_av_is_notice(key)) {
            a->notice_seen = true;
            return WD_OK;
        }
        rc = wd_av_overview_add(a, &inst, key, text, scalar);
        if (rc != WD_OK) {
            return rc;
        }
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }

    if (rc == WD_ENOTFOUND && first) {
        a->r->empty = true;
        return WD_OK;
    }
    if (rc == WD_ETRUNC) {
        rc = wd_av_truncated(a, mark);
    } else if (rc == WD_EPROTO) {
        rc = wd_records_reject(a->r, -1, WD_REASON_SYNTAX,
                               wd_av_slice(a->s.p, a->s.end),
                               "the rest of the overview cannot be read");
    } else {
        rc = WD_OK;
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (inst.symbol.data == NULL) {
        a->r->n_fields = 0;
        return wd_records_refuse(a->r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                                 "an overview without Symbol");
    }

    rc = wd_av_instrument_add(a->r, &inst, WD_STR(""));
    if (a->r->n_instruments != 0) {
        a->r->symbol = a->r->instruments[0].symbol;
        a->r->n_records--; /* the fields are the records */
    }
    return rc;
}
