/*
 * wd_wb_answer.c - the World Bank's dialect: `[page, rows]`, errors as a
 * one-element array with status 200, no data as page 0 and null; the same
 * with rows inside of the page object, and as XML.
 */
#include "wd_wb_answer.h"

#include "wd_num.h"
#include "wd_wb_xml.h"

#include <math.h>
#include <stdio.h>

/*
 * Error ids of the documentation; any id may come with any HTTP status. Only
 * what ends up as UPSTREAM is worth asking again.
 */
static const struct {
    const char *id;
    wd_answer_e class;
} ids[] = {
    {"105", WD_ANSWER_UPSTREAM}, /* service unavailable */
    {"110", WD_ANSWER_BAD_REQUEST}, /* no such version of the API */
    {"111", WD_ANSWER_BAD_REQUEST}, /* no such format */
    {"112", WD_ANSWER_BAD_REQUEST}, /* no such method */
    {"115", WD_ANSWER_BAD_REQUEST}, /* a parameter is missing */
    {"120", WD_ANSWER_NOT_FOUND}, /* invalid value: series or country */
    {"140", WD_ANSWER_BAD_REQUEST}, /* no such endpoint */
    {"150", WD_ANSWER_BAD_REQUEST}, /* no such language, or a wrong prefix */
    {"160", WD_ANSWER_BAD_REQUEST}, /* a filter without a range of dates */
    {"170", WD_ANSWER_ARCHIVED}, /* invalid or archived indicator */
    {"175", WD_ANSWER_ARCHIVED},
    {"199", WD_ANSWER_UPSTREAM}, /* unexpected */
};


int
wd_wb_classify(wd_str_t body, wd_answer_t *ret)
{
    wd_wb_page_t page;

    return wd_wb_classify_page(body, ret, &page);
}


int
wd_wb_classify_page(wd_str_t body, wd_answer_t *ret, wd_wb_page_t *ret_page)
{
    int        rc;
    json_t    *root;
    wd_error_t err;

    memset(ret_page, 0, sizeof(*ret_page));
    body = wd_answer_body(body);
    if (body.len != 0 && body.data[0] == '<') {
        return wd_wb_xml_classify(body, ret, ret_page);
    }
    rc = wd_answer_json(body, &root, &err);
    if (rc != WD_OK) {
        return wd_answer_refused(rc, body, &err, ret);
    }
    wd_wb_classify_json(root, ret, ret_page);
    json_decref(root);
    return WD_OK;
}


void
wd_wb_classify_message(wd_str_t id, wd_str_t value, wd_answer_t *ret)
{
    size_t i;
    char   text[WD_ANSWER_TEXT_MAX];
    wd_answer_e class = WD_ANSWER_BAD_REQUEST;

    id = wd_str_trim(id);
    if (id.len == 0) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED, "An error without its number");
        return;
    }
    for (i = 0; i < wd_array_len(ids); i++) {
        if (wd_str_eq_z(id, ids[i].id)) {
            class = ids[i].class;
            break;
        }
    }
    snprintf(text, sizeof(text), "%.*s: %.*s", (int) wd_min(id.len, 8u),
             id.data, (int) wd_min(value.len, 150u),
             value.len != 0 ? value.data : "");
    wd_answer_set_redacted(ret, class, wd_str_z(text));
}


/* The first of the messages; its id is text, or a number. */
static void
classify_messages(const json_t *list, wd_answer_t *ret)
{
    char          number[WD_NUM_TEXT_MAX];
    wd_str_t      id;
    const json_t *m = json_array_get(list, 0);
    const json_t *v = json_object_get(m, "id");

    id = wd_answer_member(m, "id");
    if (json_is_integer(v)) {
        id = wd_str(number, wd_int_format(json_integer_value(v), number));
    }
    wd_wb_classify_message(id, wd_answer_member(m, "value"), ret);
}


/* A number of the page object: 2, "2" or null. */
static int64_t
page_number(const json_t *head, const char *key)
{
    int64_t  n;
    wd_str_t s;
    double   v;
    json_t  *j = json_object_get(head, key);

    if (json_is_integer(j)) {
        n = json_integer_value(j);
    } else if (json_is_real(j)) {
        v = json_real_value(j);
        n = v >= 0 && v < 1e9 && floor(v) == v ? (int64_t) v : 0;
    } else {
        s = wd_answer_member(head, key);
        if (wd_int_parse(s, &n) != WD_OK) {
            n = 0;
        }
    }
    return n > 0 ? n : 0;
}


void
wd_wb_classify_counts(const wd_wb_page_t *page, wd_answer_t *ret)
{
    if (page->rows == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY,
                      "The provider has no data for this");
    } else if (page->page == 0 || page->total == 0) {
        wd_answer_set(ret, WD_ANSWER_PARTIAL,
                      "Rows without a page number or a total");
    } else {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    }
}


static void
classify_rows(const json_t *head, const json_t *rows, wd_answer_t *ret,
              wd_wb_page_t *page)
{
    size_t i, n = json_array_size(rows);

    for (i = 0; i < n; i++) {
        if (!json_is_object(json_array_get(rows, i))) {
            wd_answer_set(ret, WD_ANSWER_MALFORMED, "A row is no object");
            return;
        }
    }
    page->page = page_number(head, "page");
    page->pages = page_number(head, "pages");
    page->total = page_number(head, "total");
    page->rows = (int64_t) n;
    wd_wb_classify_counts(page, ret);
}


/* The page object, and where its rows should be. */
static void
classify_page(const json_t *head, const json_t *rows, wd_answer_t *ret,
              wd_wb_page_t *page)
{
    if (rows == NULL && json_object_get(head, "total") != NULL
        && page_number(head, "total") == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY,
                      "The provider has no data for this");
    } else if (json_object_get(head, "page") != NULL
               && (json_is_array(rows) || json_is_null(rows))) {
        classify_rows(head, rows, ret, page);
    } else {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer is not a page object and rows");
    }
}


void
wd_wb_classify_json(const json_t *root, wd_answer_t *ret,
                    wd_wb_page_t *ret_page)
{
    wd_wb_page_t  page = {0, 0, 0, 0};
    const json_t *head = json_is_object(root) ? root : json_array_get(root, 0);
    const json_t *rows = json_array_get(root, 1);

    if (json_is_object(root)) { /* of /sources/N */
        rows = json_object_get(json_object_get(root, "source"), "data");
    }

    if (json_array_size(root) > 2 || !json_is_object(head)) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer is not a page object and rows");
    } else if (rows == NULL
               && json_is_array(json_object_get(head, "message"))) {
        classify_messages(json_object_get(head, "message"), ret);
    } else {
        classify_page(head, rows, ret, &page);
    }
    if (ret_page != NULL) {
        *ret_page = page;
    }
}
