/*
 * wd_wb_xml.c - the World Bank's XML dialect, row by row, so that damage
 * costs only the row that it hit.
 */
#include "wd_wb_xml.h"

#include "wd_num.h"
#include "wd_wb_page.h"
#include "wd_wb_row.h"
#include "wd_xml_scan.h"

#include <stdio.h>

typedef struct {
    wd_xml_scan_t s;
    wd_records_t *r;
    wd_str_t      root; /* with its prefix: rows have the same name */
    int32_t       strangers;
} wd_wb_xml_t;


/* Without the provider's prefix. */
static wd_str_t
wd_wb_local(wd_str_t name)
{
    return wd_str_starts(name, "wb:") ? wd_str(name.data + 3, name.len - 3)
                                      : name;
}


static wd_str_t
wd_wb_xml_slice(const char *from, const char *to)
{
    return wd_str(from, (size_t) (to - from));
}


/*
 * The text of the element that was just opened, up to its end. What stands
 * inside of further elements is not it; *ret_nested tells that there were
 * any. Never beyond the begin of a row: its end was lost.
 */
static int
wd_wb_xml_text(wd_xml_scan_t *s, wd_pool_t *pool, wd_str_t row, wd_str_t *ret,
               bool *ret_nested)
{
    int rc, depth = s->depth;

    *ret = WD_STR("");
    *ret_nested = false;
    while ((rc = wd_xml_scan_next(s, pool)) == WD_OK) {
        if (s->event == WD_XML_CLOSE && s->depth < depth) {
            return WD_OK;
        }
        if (s->event == WD_XML_OPEN) {
            *ret_nested = true;
            if (wd_str_eq(s->name, row)) {
                return WD_EPROTO;
            }
        }
        if (s->event == WD_XML_TEXT && s->depth == depth
            && wd_str_trim(s->text).len != 0) {
            if (ret->len != 0) {
                return WD_EPROTO; /* parts, with something between them */
            }
            *ret = wd_str_trim(s->text);
        }
    }
    return rc;
}


/* One element of a row, opened already. */
static int
wd_wb_xml_field(wd_wb_xml_t *x, wd_wb_row_t *row)
{
    int      rc;
    bool     nested;
    wd_str_t name = wd_wb_local(x->s.name), text;
    wd_str_t id = wd_xml_scan_attr(&x->s, "id");

    rc = wd_wb_xml_text(&x->s, x->r->pool, x->root, &text, &nested);
    if (rc != WD_OK) {
        return rc;
    }

    if (wd_str_eq_z(name, "indicator")) {
        row->has_indicator = true;
        row->o.indicator = id;
        row->o.indicator_name = text;
    } else if (wd_str_eq_z(name, "country")) {
        row->o.country2 = id;
        row->o.country_name = text;
    } else if (wd_str_eq_z(name, "countryiso3code")) {
        row->iso3 = text;
    } else if (wd_str_eq_z(name, "date")) {
        row->has_date = true;
        row->date = text;
    } else if (wd_str_eq_z(name, "value")) {
        row->value = nested ? WD_STR("[...]") : text;
    } else if (wd_str_eq_z(name, "unit")) {
        row->o.unit = text;
    } else if (wd_str_eq_z(name, "obs_status")) {
        row->o.status = text;
    }
    return WD_OK;
}


/* Behind the opening tag of a row, at `mark`. */
static int
wd_wb_xml_row(wd_wb_xml_t *x, const char *mark)
{
    int         rc;
    wd_wb_row_t row;

    memset(&row, 0, sizeof(row));
    while ((rc = wd_xml_scan_next(&x->s, x->r->pool)) == WD_OK) {
        if (x->s.event == WD_XML_CLOSE) {
            x->strangers += wd_wb_row_strange(&row);
            return wd_wb_row_add(x->r, &row, wd_wb_xml_slice(mark, x->s.p));
        }
        if (x->s.event == WD_XML_TEXT) {
            rc = wd_str_trim(x->s.text).len == 0 ? WD_OK : WD_EPROTO;
        } else {
            rc = wd_str_eq(x->s.name, x->root) ? WD_EPROTO
                                               : wd_wb_xml_field(x, &row);
        }
        if (rc != WD_OK) {
            return rc;
        }
    }
    return rc;
}


/*
 * One thing among the rows. WD_ENOTFOUND: the document is whole; WD_ETOOBIG:
 * one row too many. Text or rows behind the root are damage: they came into
 * the page before some end tag did.
 */
static int
wd_wb_xml_item(wd_wb_xml_t *x, const char **ret_mark)
{
    int rc;

    rc = wd_xml_scan_next(&x->s, x->r->pool);
    *ret_mark = x->s.at;
    if (rc == WD_OK && x->s.event == WD_XML_CLOSE) {
        rc = wd_xml_scan_next(&x->s, x->r->pool);
    }
    if (rc != WD_OK) {
        return rc;
    }
    if (x->s.event == WD_XML_TEXT) {
        return wd_str_trim(x->s.text).len == 0 ? WD_OK : WD_EPROTO;
    }
    if (!wd_str_eq(x->s.name, x->root)) {
        return WD_EPROTO;
    }
    return x->r->n_records < WD_RECORDS_MAX ? wd_wb_xml_row(x, *ret_mark)
                                            : WD_ETOOBIG;
}


static int
wd_wb_xml_truncated(wd_wb_xml_t *x, const char *from)
{
    return wd_records_reject(
        x->r, -1, WD_REASON_TRUNCATED, wd_wb_xml_slice(from, x->s.end),
        "the text ends inside of an element after %d records", x->r->n_records);
}


/* The row at `mark` cannot be read; *ret_found: the next one was found. */
static int
wd_wb_xml_damage(wd_wb_xml_t *x, const char *mark, bool *ret_found)
{
    *ret_found = wd_xml_scan_resume(&x->s, x->root, wd_min(mark + 1, x->s.end));
    return wd_records_reject(
        x->r, x->r->n_records++, WD_REASON_SYNTAX,
        wd_wb_xml_slice(mark, *ret_found ? x->s.p : x->s.end),
        *ret_found ? "the row cannot be read"
                   : "the rest of the page cannot be read");
}


/* To the end of the document; *ret_whole: it was reached. */
static int
wd_wb_xml_rows(wd_wb_xml_t *x, bool *ret_whole)
{
    int         rc;
    bool        found = true;
    const char *mark;

    *ret_whole = false;
    do {
        rc = wd_wb_xml_item(x, &mark);
        switch (rc) {
        case WD_ENOTFOUND:
            *ret_whole = true;
            return WD_OK;
        case WD_ETOOBIG:
            return wd_records_reject(x->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                     "more than %d records", WD_RECORDS_MAX);
        case WD_ETRUNC:
            return wd_wb_xml_truncated(x, mark);
        case WD_EPROTO:
            rc = wd_wb_xml_damage(x, mark, &found);
            break;
        default:
            break;
        }
    } while (rc == WD_OK && found);
    return rc;
}


static int
wd_wb_xml_page(wd_wb_xml_t *x)
{
    int    rc;
    bool   whole;
    size_t i;

    for (i = 0; i < x->s.n_attrs; i++) {
        wd_wb_page_set(x->r, x->s.attrs[i].name, x->s.attrs[i].value);
    }
    if (!wd_wb_page_seen(x->r)) {
        return wd_wb_page_refuse(x->r, "no page in the first element");
    }

    x->root = x->s.name;
    rc = wd_wb_xml_rows(x, &whole);
    if (rc != WD_OK || !whole) {
        return rc;
    }
    if (x->r->n_records != 0 && x->strangers == x->r->n_records) {
        return wd_wb_page_strangers(x->r, "rows that are no observations");
    }
    x->r->empty = x->r->n_records == 0;
    return wd_wb_page_check(x->r);
}


int
wd_wb_xml_parse(wd_wb_dataset_e dataset, wd_str_t body, wd_records_t *ret)
{
    int         rc;
    wd_str_t    name;
    wd_wb_xml_t x;

    memset(&x, 0, sizeof(x));
    x.r = ret;
    wd_xml_scan_init(&x.s, body);
    rc = wd_xml_scan_next(&x.s, ret->pool);
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc == WD_ETRUNC) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, body,
                                 "the text ends before the page");
    }

    name = rc == WD_OK ? wd_wb_local(x.s.name) : WD_STR("");
    if (wd_str_eq_z(name, "error")) {
        return wd_records_refuse(ret, WD_REASON_PROVIDER_ERROR, WD_STR(""),
                                 "an error of the provider");
    }
    if (!wd_str_eq_z(name, "data") || dataset != WD_WB_INDICATOR) {
        return wd_wb_page_refuse(ret, "neither a page nor an error");
    }
    return wd_wb_xml_page(&x);
}


/* The first message of <wb:error>, which was opened. */
static int
wd_wb_xml_message(wd_xml_scan_t *s, wd_pool_t *pool, wd_answer_t *ret)
{
    int      rc;
    bool     nested, found = false;
    wd_str_t id = WD_STR(""), text, value = WD_STR("");

    while ((rc = wd_xml_scan_next(s, pool)) == WD_OK) {
        if (s->event != WD_XML_OPEN) {
            continue;
        }
        if (found || !wd_str_eq_z(wd_wb_local(s->name), "message")) {
            rc = wd_wb_xml_text(s, pool, WD_STR(""), &text, &nested);
        } else {
            found = true;
            id = wd_xml_scan_attr(s, "id");
            rc = wd_wb_xml_text(s, pool, WD_STR(""), &value, &nested);
        }
        if (rc != WD_OK) {
            return rc;
        }
    }
    if (rc == WD_ENOTFOUND) {
        wd_wb_classify_message(id, value, ret);
        rc = WD_OK;
    }
    return rc;
}


/* A count of the page's attributes; 0: missing, or none. */
static int64_t
wd_wb_xml_count(const wd_xml_scan_t *s, const char *name)
{
    int64_t n;

    return wd_int_parse(wd_str_trim(wd_xml_scan_attr(s, name)), &n) == WD_OK
                   && n > 0
               ? n
               : 0;
}


/* The page in <wb:data>, which was opened. */
static int
wd_wb_xml_judge_page(wd_xml_scan_t *s, wd_pool_t *pool, wd_answer_t *ret,
                     wd_wb_page_t *page)
{
    int      rc;
    bool     nested, strange = wd_xml_scan_attr(s, "page").data == NULL;
    wd_str_t root = s->name, text;

    page->page = wd_wb_xml_count(s, "page");
    page->pages = wd_wb_xml_count(s, "pages");
    page->total = wd_wb_xml_count(s, "total");
    while ((rc = wd_xml_scan_next(s, pool)) == WD_OK) {
        if (s->event == WD_XML_OPEN) {
            strange = strange || !wd_str_eq(s->name, root);
            page->rows++;
            rc = wd_wb_xml_text(s, pool, root, &text, &nested);
            if (rc != WD_OK) {
                return rc;
            }
            strange = strange || text.len != 0;
        } else if (s->event == WD_XML_TEXT) {
            strange = strange || wd_str_trim(s->text).len != 0;
        }
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }

    if (strange) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer is not a page with rows");
    } else {
        wd_wb_classify_counts(page, ret);
    }
    return WD_OK;
}


/* WD_ENOTFOUND: the document is another one, a web page for example. */
static int
wd_wb_xml_judge(wd_xml_scan_t *s, wd_pool_t *pool, wd_answer_t *ret,
                wd_wb_page_t *page)
{
    int      rc;
    wd_str_t name;

    rc = wd_xml_scan_next(s, pool);
    if (rc != WD_OK) {
        return rc == WD_ENOMEM ? rc : WD_ENOTFOUND;
    }
    name = wd_wb_local(s->name);
    if (wd_str_eq_z(name, "error")) {
        return wd_wb_xml_message(s, pool, ret);
    }
    return wd_str_eq_z(name, "data") ? wd_wb_xml_judge_page(s, pool, ret, page)
                                     : WD_ENOTFOUND;
}


int
wd_wb_xml_classify(wd_str_t body, wd_answer_t *ret, wd_wb_page_t *ret_page)
{
    int           rc;
    char          text[WD_ANSWER_TEXT_MAX];
    wd_pool_t    *pool;
    wd_error_t    err;
    wd_xml_scan_t s;

    memset(ret_page, 0, sizeof(*ret_page));
    pool = wd_pool_create(4096);
    if (pool == NULL) {
        return WD_ENOMEM;
    }
    wd_xml_scan_init(&s, body);
    rc = body.len <= WD_ANSWER_JSON_MAX
             ? wd_wb_xml_judge(&s, pool, ret, ret_page)
             : WD_ENOTFOUND;
    wd_pool_destroy(pool);

    if (rc == WD_ENOTFOUND) {
        rc = wd_error(&err, WD_EPROTO, "another document");
        return wd_answer_refused(rc, body, &err, ret);
    }
    if (rc == WD_ETRUNC || rc == WD_EPROTO) {
        snprintf(text, sizeof(text), "The answer is %s byte %zu",
                 rc == WD_ETRUNC ? "cut short: ends after" : "not XML at",
                 (size_t) ((rc == WD_ETRUNC ? s.end : s.at) - s.start));
        wd_answer_set(ret, WD_ANSWER_MALFORMED, text);
        rc = WD_OK;
    }
    if (rc == WD_OK && ret->class == WD_ANSWER_MALFORMED) {
        memset(ret_page, 0, sizeof(*ret_page));
    }
    return rc;
}
