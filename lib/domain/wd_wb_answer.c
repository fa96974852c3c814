/*
 * wd_wb_answer.c - the World Bank's dialect: `[page, rows]`, errors as a
 * one-element array with status 200, no data as page 0 and null.
 */
#include "wd_wb_answer.h"

#include "wd_num.h"

#include <math.h>
#include <stdio.h>

/* Error ids of the documentation; the others are the caller's fault. */
static const struct {
    const char *id;
    wd_answer_e class;
} ids[] = {
    {"105", WD_ANSWER_UPSTREAM}, /* service unavailable */
    {"199", WD_ANSWER_UPSTREAM}, /* unexpected */
    {"120", WD_ANSWER_NOT_FOUND}, /* invalid value: series or country */
    {"170", WD_ANSWER_ARCHIVED}, /* invalid or archived indicator */
    {"175", WD_ANSWER_ARCHIVED},
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
    rc = wd_answer_json(body, &root, &err);
    if (rc != WD_OK) {
        return wd_answer_refused(rc, body, &err, ret);
    }
    wd_wb_classify_json(root, ret, ret_page);
    json_decref(root);
    return WD_OK;
}


static void
classify_message(const json_t *list, wd_answer_t *ret)
{
    size_t   i;
    char     text[WD_ANSWER_TEXT_MAX];
    wd_str_t id, value;
    wd_answer_e class = WD_ANSWER_BAD_REQUEST;
    const json_t *m = json_array_get(list, 0);

    id = wd_answer_member(m, "id");
    value = wd_answer_member(m, "value");
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


static void
classify_rows(const json_t *head, const json_t *rows, wd_answer_t *ret,
              wd_wb_page_t *page)
{
    size_t i, n = json_array_size(rows);

    page->page = page_number(head, "page");
    page->pages = page_number(head, "pages");
    page->total = page_number(head, "total");
    page->rows = (int64_t) n;

    if (n == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY,
                      "The provider has no data for this");
        return;
    }
    for (i = 0; i < n; i++) {
        if (!json_is_object(json_array_get(rows, i))) {
            wd_answer_set(ret, WD_ANSWER_MALFORMED, "A row is no object");
            memset(page, 0, sizeof(*page));
            return;
        }
    }
    if (page->page == 0 || page->total == 0) {
        wd_answer_set(ret, WD_ANSWER_PARTIAL,
                      "Rows without a page number or a total");
        return;
    }
    wd_answer_set(ret, WD_ANSWER_OK, NULL);
}


void
wd_wb_classify_json(const json_t *root, wd_answer_t *ret,
                    wd_wb_page_t *ret_page)
{
    wd_wb_page_t  page = {0, 0, 0, 0};
    const json_t *head = json_array_get(root, 0);
    const json_t *rows = json_array_get(root, 1);
    size_t        n = json_array_size(root);

    if (json_is_object(head) && n == 1
        && json_is_array(json_object_get(head, "message"))) {
        classify_message(json_object_get(head, "message"), ret);
    } else if (json_is_object(head) && n == 1
               && json_object_get(head, "total") != NULL
               && page_number(head, "total") == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY,
                      "The provider has no data for this");
    } else if (json_is_object(head) && n == 2
               && json_object_get(head, "page") != NULL
               && (json_is_array(rows) || json_is_null(rows))) {
        classify_rows(head, rows, ret, &page);
    } else {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer is not a page object and rows");
    }
    if (ret_page != NULL) {
        *ret_page = page;
    }
}
