/*
 * wd_wb_parse.c - the envelope of the World Bank's JSON answers:
 * [page object, rows], or {page..., "source": {"data": rows}}, or an error.
 */
#include "wd_wb_parse.h"

#include "wd_answer.h"
#include "wd_wb_json.h"
#include "wd_wb_page.h"
#include "wd_wb_xml.h"

static const char *const wd_wb_datasets[] = {
    [WD_WB_INDICATOR] = "indicator",
    [WD_WB_COUNTRIES] = "countries",
    [WD_WB_SOURCES] = "sources",
    [WD_WB_INDICATORS] = "indicators",
    [WD_WB_TOPICS] = "topics",
    [WD_WB_REGIONS] = "regions",
    [WD_WB_INCOME_LEVELS] = "income_levels",
    [WD_WB_LENDING_TYPES] = "lending_types",
};


bool
wd_wb_dataset_by_name(wd_str_t name, wd_wb_dataset_e *ret)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_wb_datasets); i++) {
        if (wd_str_eq_z(name, wd_wb_datasets[i])) {
            *ret = (wd_wb_dataset_e) i;
            return true;
        }
    }
    return false;
}


static int
wd_wb_provider_error(wd_wb_json_t *w)
{
    return wd_records_refuse(w->r, WD_REASON_PROVIDER_ERROR, WD_STR(""),
                             "an error of the provider");
}


static int
wd_wb_behind(wd_wb_json_t *w)
{
    return wd_records_reject(w->r, -1, WD_REASON_SYNTAX,
                             wd_wb_slice(w->s.p, w->s.end),
                             "text behind the rows");
}


/* {"id":"75","name":...,"data":[rows]}; WD_OK and !whole: nothing is left. */
static int
wd_wb_source(wd_wb_json_t *w)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&w->s, '{');
    while (rc == WD_OK) {
        rc = wd_wb_json_member(w, &first, &key, &v);
        if (rc != WD_OK || !wd_wb_json_nested(&v)) {
            continue;
        }
        if (w->rows_seen || v.type != WD_JS_ARRAY
            || !wd_str_eq_z(key, "data")) {
            rc = wd_json_scan_skip(&w->s);
            continue;
        }
        w->s.p++;
        rc = wd_wb_json_rows(w, &wd_wb_rows_source);
        if (rc == WD_OK && !w->whole) {
            return WD_OK;
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* The page object; with `source` rows are looked for there, too. */
static int
wd_wb_page(wd_wb_json_t *w, bool source)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&w->s, '{');
    while (rc == WD_OK) {
        rc = wd_wb_json_member(w, &first, &key, &v);
        if (rc != WD_OK) {
            break;
        }
        if (!wd_wb_json_nested(&v)) {
            wd_wb_page_set(w->r, key, v.text);
        } else if (source && v.type == WD_JS_OBJECT
                   && wd_str_eq_z(key, "source")) {
            rc = wd_wb_source(w);
            if (rc == WD_OK && w->rows_seen && !w->whole) {
                return WD_OK;
            }
        } else {
            w->message = w->message || wd_str_eq_z(key, "message");
            rc = wd_json_scan_skip(&w->s);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* A page object alone. */
static int
wd_wb_no_rows(wd_wb_json_t *w)
{
    if (w->r->total != 0) {
        return wd_wb_page_refuse(w->r, "a page object without rows");
    }
    w->r->empty = true;
    return WD_OK;
}


/* Behind the last element of the list: its end, and that of the text. */
static int
wd_wb_list_end(wd_wb_json_t *w, const char *mark, bool *ret_ends)
{
    int  rc;
    bool first = false;

    *ret_ends = false;
    rc = wd_json_scan_item(&w->s, &first);
    if (rc == WD_ETRUNC) {
        return wd_wb_json_truncated(w, mark);
    }
    if (rc != WD_ENOTFOUND || !wd_json_scan_at_end(&w->s)) {
        return wd_wb_behind(w);
    }
    *ret_ends = true;
    return WD_OK;
}


/* The second element: rows, or null for none. */
static int
wd_wb_second(wd_wb_json_t *w)
{
    int                rc;
    bool               first = false, ends;
    const char        *mark = w->s.p;
    wd_json_scan_val_t v;

    rc = wd_json_scan_item(&w->s, &first);
    if (rc == WD_ENOTFOUND) {
        return wd_wb_no_rows(w);
    }
    if (rc == WD_OK) {
        rc = wd_json_scan_value(&w->s, w->r->pool, &v);
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc == WD_ETRUNC) {
        return wd_wb_json_truncated(w, mark);
    }
    if (rc == WD_OK && v.type == WD_JS_NULL) {
        rc = wd_wb_list_end(w, mark, &ends);
        w->r->empty = ends;
        return rc;
    }
    if (rc != WD_OK || v.type != WD_JS_ARRAY) {
        return wd_wb_page_refuse(w->r, "no rows behind the page object");
    }

    w->s.p++;
    rc = wd_wb_json_rows(w, w->dataset == WD_WB_INDICATOR ? &wd_wb_rows_series
                                                          : &wd_wb_rows_meta);
    if (rc != WD_OK || !w->whole) {
        return rc;
    }

    rc = wd_wb_list_end(w, mark, &ends);
    return rc == WD_OK && ends ? wd_wb_page_check(w->r) : rc;
}


/* [page object, rows] or [{"message":[...]}] */
static int
wd_wb_list(wd_wb_json_t *w)
{
    int         rc;
    bool        first = true;
    const char *mark = w->s.p;

    rc = wd_json_scan_open(&w->s, '[');
    if (rc == WD_OK) {
        rc = wd_json_scan_item(&w->s, &first);
    }
    if (rc == WD_OK) {
        rc = wd_wb_page(w, false);
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc == WD_ETRUNC) {
        return wd_wb_json_truncated(w, mark);
    }
    if (rc != WD_OK) {
        return wd_wb_page_refuse(w->r, "neither a page nor an error");
    }
    if (w->message) {
        return wd_wb_provider_error(w);
    }
    return wd_wb_page_seen(w->r) ? wd_wb_second(w)
                                 : wd_wb_page_refuse(w->r, "no page object");
}


/* {page..., "source": {...}} or {"message":[...]} */
static int
wd_wb_object(wd_wb_json_t *w)
{
    int         rc;
    const char *mark = w->s.p;

    rc = wd_wb_page(w, w->dataset == WD_WB_INDICATOR);
    if (rc == WD_ENOMEM || (rc == WD_OK && w->rows_seen && !w->whole)) {
        return rc;
    }
    if (rc == WD_ETRUNC) {
        return wd_wb_json_truncated(w, mark);
    }
    if (w->rows_seen) {
        return rc == WD_OK && wd_json_scan_at_end(&w->s)
                   ? wd_wb_page_check(w->r)
                   : wd_wb_behind(w);
    }
    if (rc == WD_OK && w->message) {
        return wd_wb_provider_error(w);
    }
    return rc == WD_OK && wd_wb_page_seen(w->r)
               ? wd_wb_no_rows(w)
               : wd_wb_page_refuse(w->r, "neither a page nor an error");
}


int
wd_wb_parse_dataset(wd_wb_dataset_e dataset, wd_str_t body, wd_records_t *ret)
{
    wd_wb_json_t w;

    wd_wb_page_init(ret);
    body = wd_answer_body(body);
    if (body.len == 0) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, WD_STR(""),
                                 "nothing in the payload");
    }
    if (body.data[0] == '<') {
        return wd_wb_xml_parse(dataset, body, ret);
    }

    memset(&w, 0, sizeof(w));
    w.dataset = dataset;
    w.r = ret;
    w.s = wd_answer_scan(body);
    return body.data[0] == '{' ? wd_wb_object(&w) : wd_wb_list(&w);
}


int
wd_wb_parse(wd_str_t body, wd_records_t *ret)
{
    return wd_wb_parse_dataset(WD_WB_INDICATOR, body, ret);
}
