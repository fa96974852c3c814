/*
 * wd_av_parse.c - Alpha Vantage's answers: which kind they are, and the frame
 * around the data.
 */
#include "wd_av_parse.h"

#include "wd_answer.h"
#include "wd_av_csv.h"
#include "wd_av_json.h"

#define WD_AV_RATE_KEY "Realtime Currency Exchange Rate"

static const struct {
    const char   *name;
    wd_av_shape_e shape;
} wd_av_datasets[] = {
#define WD_AV(id, name, shape, key, tail) {name, WD_AV_SHAPE_##shape},
    WD_AV_DATASET_TABLE(WD_AV)
#undef WD_AV
};


bool
wd_av_dataset_by_name(wd_str_t name, wd_av_dataset_e *ret)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_av_datasets); i++) {
        if (wd_str_eq_z(name, wd_av_datasets[i].name)) {
            *ret = (wd_av_dataset_e) i;
            return true;
        }
    }
    return false;
}


wd_av_shape_e
wd_av_shape(wd_av_dataset_e dataset)
{
    return wd_av_datasets[dataset].shape;
}


static int
wd_av_meta(wd_av_parse_t *a)
{
    int      rc;
    bool     first = true, scalar;
    wd_str_t key, text;

    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return rc;
    }
    a->meta_seen = true;

    while ((rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        if (!scalar || text.len > WD_RECORD_FIELD_MAX) {
            continue;
        }
        switch (wd_av_field(key)) {
        case WD_AVF_SYMBOL:
            a->r->symbol = wd_record_symbol(a->r->pool, text);
            break;
        case WD_AVF_FROM:
            a->r->from_symbol = wd_record_symbol(a->r->pool, text);
            break;
        case WD_AVF_TO:
            a->r->to_symbol = wd_record_symbol(a->r->pool, text);
            break;
        case WD_AVF_ZONE:
            a->r->zone = text;
            break;
        case WD_AVF_INTERVAL:
            a->r->interval = text;
            break;
        case WD_AVF_REFRESHED:
            a->r->refreshed = text;
            break;
        default:
            break;
        }
    }

    if (rc != WD_ENOTFOUND) {
        return rc;
    }
    return wd_av_pair(a->r);
}


/* A rate names its pair and its zone beside its figures. */
static void
wd_av_quote_member(wd_av_parse_t *a, wd_quote_rec_t *quote, wd_str_t key,
                   wd_str_t text, wd_av_bad_t *bad)
{
    wd_av_field_e field = wd_av_field(key);

    switch (field) {
    case WD_AVF_FROM:
        a->r->from_symbol = wd_record_symbol(a->r->pool, text);
        break;
    case WD_AVF_TO:
        a->r->to_symbol = wd_record_symbol(a->r->pool, text);
        break;
    case WD_AVF_ZONE:
        a->r->zone = text;
        break;
    default:
        wd_av_quote_set(quote, field, key, text, bad);
    }
}


/* The quote of an instrument, or the rate of a pair, which is one of it. */
static int
wd_av_quote(wd_av_parse_t *a)
{
    int            rc;
    bool           first = true, scalar;
    const char    *mark = a->s.p;
    wd_str_t       key, text;
    wd_av_bad_t    bad = {WD_STR_NULL, WD_STR_NULL};
    wd_quote_rec_t quote;

    a->data_seen = true;
    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return rc;
    }

    wd_av_quote_init(&quote);
    while ((rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        wd_av_quote_member(a, &quote, key, text, &bad);
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }
    if (first) {
        a->r->empty = true; /* the answer for a symbol nobody knows */
        return WD_OK;
    }

    if (a->dataset == WD_AV_RATE) {
        rc = wd_av_pair(a->r);
        if (rc != WD_OK) {
            return rc;
        }
        quote.symbol = a->r->symbol;
    }
    return wd_av_quote_add(a->r, &quote, &bad, wd_av_slice(mark, a->s.p));
}


/* What a list without "Meta Data" says about itself. */
static void
wd_av_about(wd_av_parse_t *a, wd_str_t key, wd_str_t text)
{
    if (text.len > WD_RECORD_FIELD_MAX
        || !wd_record_text_ok(text, WD_RECORD_FIELD_MAX)) {
        return;
    }
    switch (wd_av_field(key)) {
    case WD_AVF_SYMBOL:
        a->r->symbol = wd_record_symbol(a->r->pool, text);
        break;
    case WD_AVF_INTERVAL:
        a->r->interval = text;
        break;
    case WD_AVF_NAME:
        a->r->name = text;
        break;
    case WD_AVF_UNIT:
        a->r->unit = text;
        break;
    default:
        break;
    }
}


/* The value of one key of the outermost object. */
static int
wd_av_top_value(wd_av_parse_t *a, wd_str_t key, bool *ret_end)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_json_scan_value(&a->s, a->r->pool, &v);
    if (rc != WD_OK) {
        return rc;
    }

    if (v.type != WD_JS_OBJECT && v.type != WD_JS_ARRAY) {
        a->notice_seen = a->notice_seen || wd_av_is_notice(key);
        wd_av_about(a, key, v.text);
        return WD_OK;
    }
    if (v.type == WD_JS_OBJECT && wd_str_eq_z(key, "Meta Data")) {
        return wd_av_meta(a);
    }
    if (v.type == WD_JS_OBJECT && wd_av_is_series(a) && !a->data_seen
        && wd_av_is_series_key(a, key) && !a->notice_seen) {
        return wd_av_series(a, ret_end);
    }
    if (v.type == WD_JS_OBJECT && a->dataset == WD_AV_QUOTE
        && wd_str_starts(key, "Global Quote")) {
        return wd_av_quote(a);
    }
    if (v.type == WD_JS_OBJECT && a->dataset == WD_AV_RATE
        && wd_str_eq_z(key, WD_AV_RATE_KEY)) {
        return wd_av_quote(a);
    }
    if (v.type == WD_JS_ARRAY && wd_av_is_list_key(a, key)) {
        return wd_av_list(a, key, ret_end);
    }
    return wd_json_scan_skip(&a->s);
}


/*
 * Damage outside of the rows. If they can still be found they are used: the
 * series is all that looks like a stamped row.
 */
static int
wd_av_top_damage(wd_av_parse_t *a, const char *mark)
{
    int rc;

    rc = wd_records_reject(a->r, -1, WD_REASON_SYNTAX,
                           wd_av_slice(mark, a->s.end),
                           "the payload's frame cannot be read");
    if (rc != WD_OK || a->data_seen || !wd_av_is_series(a)) {
        return rc;
    }
    return wd_av_series_anywhere(a);
}


static int
wd_av_top(wd_av_parse_t *a)
{
    int         rc;
    bool        first = true, end = false;
    wd_str_t    key;
    const char *mark;

    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return WD_OK; /* no object: judged by the caller */
    }

    for (;;) {
        mark = a->s.p;
        rc = wd_json_scan_member(&a->s, a->r->pool, &first, &key);
        if (rc == WD_ENOTFOUND) {
            a->r->empty = a->r->empty || first;
            break;
        }
        if (rc == WD_OK) {
            rc = wd_av_top_value(a, key, &end);
        }
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETRUNC) {
            return wd_av_truncated(a, mark);
        }
        if (rc != WD_OK) {
            return wd_av_top_damage(a, mark);
        }
        if (end) {
            return WD_OK;
        }
    }

    if (!wd_json_scan_at_end(&a->s)) {
        return wd_records_reject(a->r, -1, WD_REASON_SYNTAX,
                                 wd_av_slice(a->s.p, a->s.end),
                                 "text behind the payload");
    }
    return WD_OK;
}


static int
wd_av_json(wd_av_parse_t *a, wd_str_t body)
{
    int rc;

    rc = a->dataset == WD_AV_OVERVIEW ? wd_av_overview(a) : wd_av_top(a);
    if (rc != WD_OK || a->r->refused) {
        return rc;
    }

    if (a->notice_seen) {
        /* Never with a sample: such texts repeat the caller's key. The rows
         * beside a notice are made up. */
        a->r->n_bars = a->r->n_quotes = a->r->n_instruments = 0;
        a->r->n_fields = a->r->n_rejects = a->r->n_rejected = 0;
        a->r->n_facts = a->r->n_actions = a->r->n_observations = 0;
        a->r->n_news = a->r->n_mentions = 0;
        return wd_records_refuse(a->r, WD_REASON_PROVIDER_ERROR, WD_STR(""),
                                 "a text of the provider instead of data");
    }

    if (!a->data_seen && !a->r->empty && a->dataset != WD_AV_OVERVIEW) {
        return wd_records_refuse(
            a->r, WD_REASON_UNKNOWN_SHAPE,
            wd_str(body.data, wd_min(body.len, (size_t) 200)),
            "no %s in the answer", wd_av_datasets[a->dataset].name);
    }
    return WD_OK;
}


int
wd_av_parse(wd_av_dataset_e dataset, wd_str_t body, wd_records_t *ret)
{
    wd_av_parse_t a;

    if (wd_str_starts(body, "\xef\xbb\xbf")) {
        body.data += 3;
        body.len -= 3;
    }

    memset(&a, 0, sizeof(a));
    a.dataset = dataset;
    a.r = ret;
    a.s = wd_answer_scan(body);

    if (wd_json_scan_at_end(&a.s)) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, WD_STR(""),
                                 "nothing in the payload");
    }
    if (*a.s.p == '{' || *a.s.p == '[') {
        return wd_av_json(&a, body);
    }
    return wd_av_csv(dataset, body, ret);
}
