/*
 * wd_bbg_answer.c - Bloomberg's dialects: errors inside of good answers, a
 * bridge that says OK whatever happened, files that say themselves when they
 * are whole.
 */
#include "wd_bbg_answer.h"

#include "wd_bbg_dl.h"
#include "wd_bbg_record.h"
#include "wd_num.h"

#include <stdio.h>

#define NESTING_MAX 4 /* messages inside of envelopes */

/* What an answer of BLPAPI holds. */
typedef struct {
    size_t known; /* parts of messages that say something */
    size_t rows; /* securities with data */
    size_t errors; /* of the request, a security, a field */
    int    nesting;
    bool   partial; /* the last answer was a PARTIAL_RESPONSE */
    bool   limit; /* of the account */
    bool   refused; /* the whole request */
    wd_answer_e class; /* of the first error */
    char text[WD_ANSWER_TEXT_MAX];
} tally_t;

static const struct {
    const char *category;
    wd_answer_e class;
} categories[] = {
    {"BAD_SEC", WD_ANSWER_NOT_FOUND},
    {"BAD_FLD", WD_ANSWER_BAD_REQUEST},
    {"BAD_ARGS", WD_ANSWER_BAD_REQUEST},
    {"LIMIT", WD_ANSWER_LIMIT_LONG},
    {"NO_AUTH", WD_ANSWER_PERMISSION},
    {"NOT_AUTHORIZED", WD_ANSWER_PERMISSION},
};

static void tally_message(const json_t *m, tally_t *t);


wd_answer_e
wd_bbg_error_class(wd_str_t category, wd_str_t subcategory)
{
    size_t i;

    if (wd_str_eq_z(subcategory, "DAILY_LIMIT_REACHED")
        || wd_str_eq_z(subcategory, "MONTHLY_LIMIT_REACHED")) {
        return WD_ANSWER_LIMIT_LONG;
    }
    if (wd_str_eq_z(subcategory, "NOT_AUTHORIZED")) {
        return WD_ANSWER_PERMISSION;
    }
    for (i = 0; i < wd_array_len(categories); i++) {
        if (wd_str_eq_z(category, categories[i].category)) {
            return categories[i].class;
        }
    }
    return WD_ANSWER_UPSTREAM; /* TIMEOUT, IO_ERROR, UNCLASSIFIED, ... */
}


wd_answer_e
wd_bbg_status_class(int64_t status)
{
    switch (status) {
    case 401:
        return WD_ANSWER_AUTH;
    case 403:
        return WD_ANSWER_PERMISSION;
    case 404:
        return WD_ANSWER_NOT_FOUND;
    case 429:
        return WD_ANSWER_LIMIT_SHORT;
    default:
        return status >= 200 && status < 300   ? WD_ANSWER_OK
               : status >= 400 && status < 500 ? WD_ANSWER_BAD_REQUEST
                                               : WD_ANSWER_UPSTREAM;
    }
}


wd_str_t
wd_bbg_error_text(const wd_bbg_error_t *e, char out[WD_ANSWER_TEXT_MAX])
{
    wd_str_t cat = wd_bbg_cut(e->category, 32);
    wd_str_t sub = wd_bbg_cut(e->subcategory, 48);
    wd_str_t code = wd_bbg_cut(e->code, 12);
    wd_str_t text = wd_bbg_cut(e->message, 120);

    snprintf(out, WD_ANSWER_TEXT_MAX, "%.*s %.*s %.*s: %.*s", WD_STR_ARG(cat),
             WD_STR_ARG(sub), WD_STR_ARG(code), WD_STR_ARG(text));
    return wd_str_z(out);
}


static bool
has_members(const json_t *v)
{
    return json_object_size(v) != 0 || json_array_size(v) != 0;
}


/* A sequence of one element may stand there as that element. */
static size_t
sequence_size(const json_t *v)
{
    return json_is_array(v) ? json_array_size(v) : json_is_object(v);
}


static const json_t *
sequence_at(const json_t *v, size_t i)
{
    return json_is_array(v) ? json_array_get(v, i) : v;
}


static void
tally_error(const json_t *error, tally_t *t)
{
    char           code[24] = "";
    json_t        *n = json_object_get(error, "code");
    wd_bbg_error_t e = {.category = wd_answer_member(error, "category"),
                        .subcategory = wd_answer_member(error, "subcategory"),
                        .message = wd_answer_member(error, "message")};
    wd_answer_e class = wd_bbg_error_class(e.category, e.subcategory);

    if (json_is_integer(n)) {
        snprintf(code, sizeof(code), "%lld", (long long) json_integer_value(n));
    }
    e.code = wd_str_z(code);
    if (e.message.len == 0) {
        e.message = wd_answer_member(error, "description");
    }
    if (t->errors == 0 || (class == WD_ANSWER_LIMIT_LONG && !t->limit)) {
        t->class = class;
        wd_bbg_error_text(&e, t->text);
    }
    t->limit |= class == WD_ANSWER_LIMIT_LONG;
    t->errors++;
}


/* Fields that a security does not have: what is left counts. */
static void
tally_fields(const json_t *list, tally_t *t)
{
    size_t        i;
    const json_t *info;

    for (i = 0; i < sequence_size(list); i++) {
        info = json_object_get(sequence_at(list, i), "errorInfo");
        if (json_is_object(info)) {
            tally_error(info, t);
        }
    }
}


static void
tally_securities(const json_t *list, tally_t *t)
{
    size_t        i;
    const json_t *s, *error;

    t->known++;
    for (i = 0; i < sequence_size(list); i++) {
        s = sequence_at(list, i);
        error = json_object_get(s, "securityError");
        if (json_is_object(error)) {
            tally_error(error, t);
        }
        tally_fields(json_object_get(s, "fieldExceptions"), t);
        t->rows += has_members(json_object_get(s, "fieldData"));
    }
}


static void
tally_sequence(const json_t *list, tally_t *t)
{
    size_t i;

    if (t->nesting == NESTING_MAX) {
        return;
    }
    t->nesting++;
    for (i = 0; i < sequence_size(list); i++) {
        tally_message(sequence_at(list, i), t);
    }
    t->nesting--;
}


static void
tally_message(const json_t *m, tally_t *t)
{
    static const char *const envelopes[] = {
        "data", "messages", "HistoricalDataResponse", "ReferenceDataResponse"};
    static const char *const errors[] = {"responseError", "reason"};
    size_t                   i;
    wd_str_t                 event = wd_answer_member(m, "eventType");
    const json_t            *v;

    if (wd_str_eq_z(event, "PARTIAL_RESPONSE")) {
        t->partial = true;
    } else if (wd_str_eq_z(event, "RESPONSE")) {
        t->partial = false;
    }
    for (i = 0; i < wd_array_len(errors); i++) {
        v = json_object_get(m, errors[i]);
        if (json_is_object(v)) {
            t->known++;
            t->refused = true;
            tally_error(v, t);
        }
    }
    v = json_object_get(m, "securityData");
    if (json_is_object(v) || json_is_array(v)) {
        tally_securities(v, t);
    }
    for (i = 0; i < wd_array_len(envelopes); i++) {
        tally_sequence(json_object_get(m, envelopes[i]), t);
    }
}


static void
judge_tally(const tally_t *t, wd_answer_t *ret)
{
    if (t->errors != 0 && (t->limit || t->rows == 0)) {
        wd_answer_set_redacted(ret, t->class, wd_str_z(t->text));
    } else if (t->refused) {
        wd_answer_set_redacted(ret, WD_ANSWER_PARTIAL, wd_str_z(t->text));
    } else if (t->partial) {
        wd_answer_set(ret, WD_ANSWER_PARTIAL, "The last part is missing");
    } else if (t->rows == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY,
                      "The provider has no data for this");
    } else {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    }
}


/* The first of JSON:API's errors, whose status is that of HTTP, as text. */
static void
judge_errors(const json_t *list, wd_str_t text, wd_answer_t *ret)
{
    int64_t       status;
    const json_t *first = json_array_get(list, 0);

    if (text.len == 0) {
        text = wd_answer_member(first, "detail");
    }
    if (text.len == 0) {
        text = wd_answer_member(first, "title");
    }
    if (wd_int_parse(wd_answer_member(first, "status"), &status) != WD_OK
        || status < 400) {
        status = 400;
    }
    wd_answer_set_redacted(ret, wd_bbg_status_class(status), text);
}


/* What a bridge, the REST service or its token server says of a failure. */
static bool
judge_status(const json_t *root, wd_answer_t *ret)
{
    static const char *const numbers[] = {"statusCode", "status"};
    static const char *const texts[] = {"description", "detail", "message",
                                        "title", "error_description"};
    size_t                   i;
    wd_str_t                 text = WD_STR("");
    json_t                  *n = NULL;

    for (i = 0; i < wd_array_len(numbers) && !json_is_integer(n); i++) {
        n = json_object_get(root, numbers[i]);
    }
    for (i = 0; i < wd_array_len(texts) && text.len == 0; i++) {
        text = wd_answer_member(root, texts[i]);
    }
    if (json_is_integer(n)) {
        wd_answer_set_redacted(ret, wd_bbg_status_class(json_integer_value(n)),
                               text);
    } else if (wd_answer_member(root, "error").len != 0) {
        wd_answer_set_redacted(ret, WD_ANSWER_AUTH, text);
    } else if (json_is_array(json_object_get(root, "errors"))) {
        judge_errors(json_object_get(root, "errors"), text, ret);
    } else {
        return false;
    }
    if (ret->class == WD_ANSWER_OK) {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    }
    return true;
}


/*
 * A document of the REST service: a list of resources, or one resource. What
 * the service is asked with has neither of the three.
 */
static bool
judge_resource(const json_t *root, wd_answer_t *ret)
{
    const json_t *list = json_object_get(root, "contains");

    if (json_object_get(root, "@context") == NULL
        && json_object_get(root, "@id") == NULL
        && json_object_get(root, "totalItems") == NULL) {
        return false;
    }
    if (json_is_array(list) && json_array_size(list) == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY, "The list has no members");
        return true;
    }
    if (json_is_array(list) || wd_answer_member(root, "identifier").len != 0) {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
        return true;
    }
    return false;
}


void
wd_bbg_classify_json(const json_t *root, wd_answer_t *ret)
{
    tally_t       t = {0};
    const json_t *data = json_object_get(root, "data");
    const json_t *status = json_object_get(root, "status");

    if (json_is_array(root)) {
        tally_sequence(root, &t);
    } else {
        tally_message(root, &t);
    }
    if (t.known != 0
        || (json_is_array(data) && json_array_size(data) == 0
            && json_is_integer(status) && json_integer_value(status) == 0)) {
        judge_tally(&t, ret);
    } else if (!judge_status(root, ret) && !judge_resource(root, ret)) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer has none of the documented shapes");
    }
}


static void
classify_text(wd_str_t body, wd_answer_t *ret)
{
    switch (wd_bbg_dl_kind(body)) {
    case WD_BBG_DL_ROWS:
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
        break;
    case WD_BBG_DL_EMPTY:
        wd_answer_set(ret, WD_ANSWER_EMPTY, "The file has no rows");
        break;
    case WD_BBG_DL_CUT:
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The file is cut short: it has no END-OF-FILE");
        break;
    default:
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer is neither JSON nor a file of Data License");
    }
}


int
wd_bbg_classify(wd_str_t body, wd_answer_t *ret)
{
    int        rc;
    json_t    *root;
    wd_str_t   b = wd_answer_body(body);
    wd_error_t err;

    if (b.len != 0 && b.data[0] != '{' && b.data[0] != '['
        && b.data[0] != '<') {
        classify_text(b, ret);
        return WD_OK;
    }
    rc = wd_answer_json(b, &root, &err);
    if (rc != WD_OK) {
        return wd_answer_refused(rc, b, &err, ret);
    }
    wd_bbg_classify_json(root, ret);
    json_decref(root);
    return WD_OK;
}
