/*
 * wd_gds_answer.c - the dialect of the Capital IQ client service: errors per
 * entry, as text, in a status of 200.
 */
#include "wd_gds_answer.h"

#include "wd_num.h"

#include <math.h>
#include <stdio.h>

#define CELL_WORD_MAX 24 /* letters of a text that stands for no value */

/* The first row that matches decides; lower case. */
static const struct {
    const char *part;
    wd_answer_e class;
    int wait_s;
} words[] = {
    {"per second", WD_ANSWER_LIMIT_SHORT, 2},
    {"per minute", WD_ANSWER_LIMIT_SHORT, 60},
    {"too many", WD_ANSWER_LIMIT_SHORT, 0},
    {"throttl", WD_ANSWER_LIMIT_SHORT, 0},
    {"request limit", WD_ANSWER_LIMIT_LONG, 0},
    {"limit exceeded", WD_ANSWER_LIMIT_LONG, 0},
    {"quota", WD_ANSWER_LIMIT_LONG, 0},
    {"capability", WD_ANSWER_PERMISSION, 0},
    {"entitle", WD_ANSWER_PERMISSION, 0},
    {"permission", WD_ANSWER_PERMISSION, 0},
    {"permitted", WD_ANSWER_PERMISSION, 0},
    {"subscri", WD_ANSWER_PERMISSION, 0},
    {"not authorized", WD_ANSWER_PERMISSION, 0},
    {"forbidden", WD_ANSWER_PERMISSION, 0},
    {"unauthorized", WD_ANSWER_AUTH, 0},
    {"authenticat", WD_ANSWER_AUTH, 0},
    {"credential", WD_ANSWER_AUTH, 0},
    {"password", WD_ANSWER_AUTH, 0},
    {"token", WD_ANSWER_AUTH, 0},
    {"invalid_grant", WD_ANSWER_AUTH, 0},
    {"invalid_client", WD_ANSWER_AUTH, 0},
    {"data unavailable", WD_ANSWER_EMPTY, 0},
    {"dataunavailable", WD_ANSWER_EMPTY, 0},
    {"no data", WD_ANSWER_EMPTY, 0},
    {"identifier", WD_ANSWER_NOT_FOUND, 0},
    {"not found", WD_ANSWER_NOT_FOUND, 0},
    {"unavailable", WD_ANSWER_UPSTREAM, 0},
    {"timeout", WD_ANSWER_UPSTREAM, 0},
    {"timed out", WD_ANSWER_UPSTREAM, 0},
    {"internal", WD_ANSWER_UPSTREAM, 0},
    {"try again", WD_ANSWER_UPSTREAM, 0},
};

/* Whole cells, without blanks and brackets, in lower case. */
static const struct {
    const char *word;
    wd_answer_e class;
} cells[] = {
    {"dataunavailable", WD_ANSWER_EMPTY},
    {"capabilityneeded", WD_ANSWER_PERMISSION},
    {"invalididentifier", WD_ANSWER_NOT_FOUND},
};

static const char *const notices[] = {"ErrMsg", "error_description", "error",
                                      "message", "Message"};

/* Of classes that entries may fail with, the gravest first. */
static const wd_answer_e gravity[] = {
    WD_ANSWER_AUTH,        WD_ANSWER_LIMIT_LONG, WD_ANSWER_LIMIT_SHORT,
    WD_ANSWER_UPSTREAM,    WD_ANSWER_PERMISSION, WD_ANSWER_MALFORMED,
    WD_ANSWER_BAD_REQUEST, WD_ANSWER_NOT_FOUND,  WD_ANSWER_EMPTY};


/* The class of the first words that stand in the text. */
static wd_answer_e
known_words(wd_str_t text, wd_answer_e otherwise, int *ret_wait_s)
{
    size_t i;

    /* What is long is no notice but a page or a lie. */
    text.len = wd_min(text.len, (size_t) 4096);
    for (i = 0; i < wd_array_len(words); i++) {
        if (wd_answer_contains(text, words[i].part)) {
            *ret_wait_s = words[i].wait_s;
            return words[i].class;
        }
    }
    *ret_wait_s = 0;
    return otherwise;
}


wd_answer_e
wd_gds_error(wd_str_t text, int *ret_wait_s)
{
    int wait_s;
    wd_answer_e class = known_words(text, WD_ANSWER_BAD_REQUEST, &wait_s);

    if (ret_wait_s != NULL) {
        *ret_wait_s = wait_s;
    }
    return class;
}


bool
wd_gds_no_value(wd_str_t cell, wd_answer_e *ret)
{
    char   word[CELL_WORD_MAX];
    size_t i, n = 0;

    for (i = 0; i < cell.len; i++) {
        if (cell.data[i] == ' ' || cell.data[i] == '(' || cell.data[i] == ')') {
            continue;
        }
        if (n == sizeof(word)) {
            return false;
        }
        word[n++] = cell.data[i];
    }
    for (i = 0; i < wd_array_len(cells); i++) {
        if (wd_str_ieq(wd_str(word, n), wd_str_z(cells[i].word))) {
            *ret = cells[i].class;
            return true;
        }
    }
    return false;
}


bool
wd_gds_is_notice(wd_str_t key)
{
    size_t i;

    for (i = 0; i < wd_array_len(notices); i++) {
        if (wd_str_eq_z(key, notices[i])) {
            return true;
        }
    }
    return false;
}


/* Has one cell a value? Of a table only the first column is looked at. */
static bool
row_has_value(const json_t *row, bool all, wd_answer_e *why)
{
    size_t        i, n;
    wd_str_t      text;
    const json_t *v;

    row = json_object_get(row, "Row");
    n = json_array_size(row);
    for (i = 0; i < n && (all || i == 0); i++) {
        v = json_array_get(row, i);
        if (json_is_string(v)) {
            text = wd_str(json_string_value(v), json_string_length(v));
            if (wd_str_trim(text).len != 0 && !wd_gds_no_value(text, why)) {
                return true;
            }
        } else if (!json_is_null(v)) {
            return true;
        }
    }
    return false;
}


static wd_answer_e
classify_rows(const json_t *entry, const char **ret_text)
{
    size_t        i;
    bool          all;
    wd_str_t      function = wd_answer_member(entry, "Function");
    const json_t *rows = json_object_get(entry, "Rows");
    wd_answer_e   why = WD_ANSWER_EMPTY;

    if (rows != NULL && !json_is_null(rows) && !json_is_array(rows)) {
        *ret_text = "The rows are no list";
        return WD_ANSWER_MALFORMED;
    }
    all = wd_str_eq_z(function, "GDST") || wd_str_eq_z(function, "GDSG");
    for (i = 0; i < json_array_size(rows); i++) {
        if (row_has_value(json_array_get(rows, i), all, &why)) {
            *ret_text = "";
            return WD_ANSWER_OK;
        }
    }
    *ret_text = why == WD_ANSWER_PERMISSION  ? "Capability needed"
                : why == WD_ANSWER_NOT_FOUND ? "Invalid identifier"
                                             : "Data unavailable";
    return why;
}


/* One entry; *ret_text is what it says about its failure. */
static wd_answer_e
classify_entry(const json_t *entry, wd_str_t *ret_text, int *ret_wait_s)
{
    const char   *text;
    const json_t *error = json_object_get(entry, "ErrMsg");
    wd_answer_e class;

    *ret_wait_s = 0;
    if (!json_is_object(entry)
        || (error != NULL && !json_is_null(error) && !json_is_string(error))) {
        *ret_text = WD_STR("An entry is not what is documented");
        return WD_ANSWER_MALFORMED;
    }

    *ret_text = wd_str_trim(wd_answer_member(entry, "ErrMsg"));
    if (ret_text->len != 0) {
        return wd_gds_error(*ret_text, ret_wait_s);
    }
    class = classify_rows(entry, &text);
    *ret_text = wd_str_z(text);
    return class;
}


static size_t
rank(wd_answer_e class)
{
    size_t i;

    for (i = 0; i < wd_array_len(gravity) && gravity[i] != class; i++) {
    }
    return i;
}


static void
classify_entries(const json_t *entries, wd_answer_t *ret, wd_gds_batch_t *batch)
{
    int         wait_s;
    char        all[WD_ANSWER_TEXT_MAX];
    size_t      i;
    wd_str_t    text;
    wd_answer_t worst;
    wd_answer_e class;

    wd_answer_set(&worst, WD_ANSWER_OK, NULL);
    batch->entries = json_array_size(entries);
    for (i = 0; i < batch->entries; i++) {
        class = classify_entry(json_array_get(entries, i), &text, &wait_s);
        if (class == WD_ANSWER_OK) {
            batch->good++;
            continue;
        }
        batch->failed++;
        if (rank(class) < rank(worst.class)) {
            wd_answer_set_redacted(&worst, class, text);
            worst.wait_s = wait_s;
        }
    }

    batch->worst = worst.class;
    if (batch->entries == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY, "The answer has no entries");
    } else if (batch->good != 0 && batch->failed != 0) {
        snprintf(all, sizeof(all), "%zu of %zu items failed: %s", batch->failed,
                 batch->entries, worst.text);
        wd_answer_set_redacted(ret, WD_ANSWER_PARTIAL, wd_str_z(all));
        ret->wait_s = worst.wait_s;
    } else {
        *ret = worst;
    }
}


/* A text instead of entries; words that say nothing leave it to the status. */
static void
classify_notice(const json_t *root, wd_answer_t *ret)
{
    int      wait_s;
    size_t   i;
    wd_str_t text;
    wd_answer_e class;

    for (i = 0; i < wd_array_len(notices); i++) {
        text = wd_str_trim(wd_answer_member(root, notices[i]));
        if (text.len != 0) {
            class = known_words(text, WD_ANSWER_MALFORMED, &wait_s);
            wd_answer_set_redacted(ret, class, text);
            ret->wait_s = wait_s;
            return;
        }
    }
    wd_answer_set(ret, WD_ANSWER_MALFORMED,
                  "The answer has none of the documented shapes");
}


static void
classify_root(const json_t *root, wd_answer_t *ret, wd_gds_batch_t *batch)
{
    const json_t *entries = json_object_get(root, "GDSSDKResponse");

    if (json_is_array(entries)) {
        classify_entries(entries, ret, batch);
    } else {
        classify_notice(root, ret);
    }
}


/* Refusals may come in the shape of data, with status 200. */
static void
classify_no_token(const json_t *root, wd_answer_t *ret)
{
    wd_gds_batch_t batch = {0};

    classify_root(root, ret, &batch);
    if (ret->class == WD_ANSWER_OK || ret->class == WD_ANSWER_EMPTY
        || ret->class == WD_ANSWER_PARTIAL) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED, "The answer has no token");
    }
}


int
wd_gds_classify(wd_str_t body, wd_answer_t *ret)
{
    wd_gds_batch_t batch;

    return wd_gds_classify_batch(body, ret, &batch);
}


int
wd_gds_classify_batch(wd_str_t body, wd_answer_t *ret,
                      wd_gds_batch_t *ret_batch)
{
    int        rc;
    json_t    *root;
    wd_error_t err;

    memset(ret_batch, 0, sizeof(*ret_batch));
    rc = wd_answer_json(body, &root, &err);
    if (rc != WD_OK) {
        return wd_answer_refused(rc, body, &err, ret);
    }
    classify_root(root, ret, ret_batch);
    json_decref(root);
    return WD_OK;
}


static bool
token_ok(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f) {
            return false;
        }
    }
    return s.len <= WD_GDS_TOKEN_MAX;
}


/* 3600, "3600" or 3600.0; what is no time is not said. */
static int
token_life(const json_t *root)
{
    double        v = 0;
    const json_t *j = json_object_get(root, "expires_in_seconds");
    wd_str_t text = wd_str_trim(wd_answer_member(root, "expires_in_seconds"));

    if (json_is_number(j)) {
        v = json_number_value(j);
    } else if (wd_num_parse(text, &v) != WD_OK) {
        v = 0;
    }
    if (!(v >= 1)) {
        return 0;
    }
    return (int) wd_min(v, (double) WD_GDS_TOKEN_LIFE_MAX);
}


static int
take_token(const json_t *root, wd_pool_t *pool, wd_answer_t *ret,
           wd_gds_token_t *token)
{
    wd_str_t type = wd_answer_member(root, "token_type");
    wd_str_t access = wd_answer_member(root, "access_token");
    wd_str_t refresh = wd_answer_member(root, "refresh_token");

    if (!token_ok(access) || !token_ok(refresh)
        || (type.len != 0 && !wd_str_ieq(type, WD_STR("bearer")))) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The token is none that a header could hold");
        return WD_OK;
    }

    access.data = wd_pool_strdup(pool, access);
    if (access.data == NULL) {
        return WD_ENOMEM;
    }
    if (refresh.len == 0) {
        refresh = WD_STR_NULL;
    } else if ((refresh.data = wd_pool_strdup(pool, refresh)) == NULL) {
        return WD_ENOMEM;
    }
    token->access = access;
    token->refresh = refresh;
    token->expires_s = token_life(root);
    wd_answer_set(ret, WD_ANSWER_OK, NULL);
    return WD_OK;
}


int
wd_gds_classify_token(wd_str_t body, wd_pool_t *pool, wd_answer_t *ret,
                      wd_gds_token_t *ret_token)
{
    int        rc;
    json_t    *root;
    wd_error_t err;

    memset(ret_token, 0, sizeof(*ret_token));
    rc = wd_answer_json(body, &root, &err);
    if (rc != WD_OK) {
        return wd_answer_refused(rc, body, &err, ret);
    }
    if (wd_answer_member(root, "access_token").len != 0) {
        rc = take_token(root, pool, ret, ret_token);
    } else {
        classify_no_token(root, ret);
    }
    json_decref(root);
    return rc;
}
