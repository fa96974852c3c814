/*
 * wd_lseg_answer.c - LSEG's dialects: five shapes of errors, statuses beside
 * data, pages of proxies.
 */
#include "wd_lseg_answer.h"

#include "wd_num.h"

#include <stdio.h>

#define CODE_MAX 64 /* bytes of a code that are looked at */
#define PAGE_MAX 2048 /* bytes of an HTML page that are looked at */

/*
 * What texts say, whatever the code beside them. Quotas of a day stand before
 * those of a minute, whose words they contain. A session ends when its token
 * does, which takes some minutes.
 */
static const struct {
    const char *part; /* lower case */
    wd_answer_e class;
    int wait_s;
} limits[] = {
    {"per day", WD_ANSWER_LIMIT_LONG, 0},
    {"daily limit", WD_ANSWER_LIMIT_LONG, 0},
    {"daily quota", WD_ANSWER_LIMIT_LONG, 0},
    {"session quota", WD_ANSWER_LIMIT_SHORT, 60},
    {"too many", WD_ANSWER_LIMIT_SHORT, 0},
    {"rate limit", WD_ANSWER_LIMIT_SHORT, 0},
    {"limit exceeded", WD_ANSWER_LIMIT_SHORT, 0},
    {"quota exceeded", WD_ANSWER_LIMIT_SHORT, 0},
    {"throttl", WD_ANSWER_LIMIT_SHORT, 0},
};

/* Words of gateways and proxies, where there is no code. */
static const struct {
    const char *part;
    wd_answer_e class;
} words[] = {
    {"unauthorized", WD_ANSWER_AUTH},
    {"token expired", WD_ANSWER_AUTH},
    {"forbidden", WD_ANSWER_PERMISSION},
    {"bad gateway", WD_ANSWER_UPSTREAM},
    {"gateway time", WD_ANSWER_UPSTREAM},
    {"timed out", WD_ANSWER_UPSTREAM},
    {"service unavailable", WD_ANSWER_UPSTREAM},
    {"temporarily unavailable", WD_ANSWER_UPSTREAM},
    {"internal server error", WD_ANSWER_UPSTREAM},
};

/* Codes: those of HTTP, of ESG (412, 218) and of OAuth (RFC 6749). */
static const struct {
    const char *code;
    wd_answer_e class;
} codes[] = {
    {"400", WD_ANSWER_BAD_REQUEST},
    {"401", WD_ANSWER_AUTH},
    {"403", WD_ANSWER_PERMISSION},
    {"404", WD_ANSWER_NOT_FOUND},
    {"408", WD_ANSWER_UPSTREAM},
    {"412", WD_ANSWER_NOT_FOUND},
    {"429", WD_ANSWER_LIMIT_SHORT},
    {"218", WD_ANSWER_BAD_REQUEST},
    {"invalid_client", WD_ANSWER_AUTH},
    {"invalid_grant", WD_ANSWER_AUTH},
    {"invalid_token", WD_ANSWER_AUTH},
    {"access_denied", WD_ANSWER_AUTH},
    {"unauthorized_client", WD_ANSWER_PERMISSION},
    {"insufficient_scope", WD_ANSWER_PERMISSION},
    {"server_error", WD_ANSWER_UPSTREAM},
    {"temporarily_unavailable", WD_ANSWER_UPSTREAM},
};


/* The row of `limits` that the text speaks of, or -1. */
static int
limit_of(wd_str_t text)
{
    size_t i;

    for (i = 0; i < wd_array_len(limits); i++) {
        if (wd_answer_contains(text, limits[i].part)) {
            return (int) i;
        }
    }
    return -1;
}


/* By the words of the text; `otherwise` when it has none of them. */
static wd_answer_e
class_of_words(wd_str_t text, wd_answer_e otherwise)
{
    size_t i;

    for (i = 0; i < wd_array_len(words); i++) {
        if (wd_answer_contains(text, words[i].part)) {
            return words[i].class;
        }
    }
    return otherwise;
}


wd_answer_e
wd_lseg_error_class(wd_str_t code, wd_str_t text)
{
    int    limit = limit_of(text);
    size_t i;

    if (limit >= 0) {
        return limits[limit].class;
    }
    for (i = 0; i < wd_array_len(codes); i++) {
        if (wd_str_eq_z(code, codes[i].code)) {
            return codes[i].class;
        }
    }
    if (code.len == 3 && code.data[0] == '5') {
        return WD_ANSWER_UPSTREAM;
    }
    return class_of_words(text, WD_ANSWER_BAD_REQUEST);
}


/* "UserRequestError" of "TS.Interday.UserRequestError.70005" is a part. */
static bool
has_part(wd_str_t code, const char *part)
{
    wd_str_t one, rest = code;

    while (wd_str_split(&rest, '.', &one)) {
        if (wd_str_eq_z(one, part)) {
            return true;
        }
    }
    return false;
}


wd_answer_e
wd_lseg_status_class(wd_str_t code, wd_str_t message)
{
    int limit = limit_of(message);

    if (has_part(code, "Warning")) {
        return WD_ANSWER_OK;
    }
    if (has_part(code, "UserNotPermission")) {
        return WD_ANSWER_PERMISSION;
    }
    if (limit >= 0) {
        return limits[limit].class;
    }
    if (has_part(code, "UserRequestError")) {
        return has_part(code, "70005") || has_part(code, "90001")
                       || wd_answer_contains(message, "not found")
                   ? WD_ANSWER_NOT_FOUND
                   : WD_ANSWER_BAD_REQUEST;
    }
    if (wd_answer_contains(code, "server")
        || wd_answer_contains(code, "internal")
        || wd_answer_contains(code, "timeout")) {
        return WD_ANSWER_UPSTREAM;
    }
    return class_of_words(message, WD_ANSWER_MALFORMED);
}


/* A code, which is a number in one service and a text in the other. */
static wd_str_t
code_of(const json_t *object, char buf[WD_NUM_TEXT_MAX])
{
    wd_str_t      s = wd_answer_member(object, "code");
    const json_t *j = json_object_get(object, "code");

    if (json_is_integer(j)) {
        s = wd_str(buf, wd_int_format(json_integer_value(j), buf));
    }
    return wd_str(s.data, wd_min(s.len, (size_t) CODE_MAX));
}


void
wd_lseg_error_text(wd_str_t code, wd_str_t message,
                   char out[WD_ANSWER_TEXT_MAX])
{
    char     both[2 * WD_ANSWER_TEXT_MAX];
    wd_str_t part, rest = code;

    while (wd_str_split(&rest, '.', &part)) {
        code = part;
    }
    snprintf(both, sizeof(both), "%.*s%s%.*s",
             (int) wd_min(code.len, (size_t) CODE_MAX),
             code.len != 0 ? code.data : "",
             code.len != 0 && message.len != 0 ? ": " : "",
             (int) wd_min(message.len, (size_t) WD_ANSWER_TEXT_MAX),
             message.len != 0 ? message.data : "");
    wd_answer_redact(wd_str_z(both), out, WD_ANSWER_TEXT_MAX);
}


/* With the text for people, and how long a limit lasts. */
static void
set(wd_answer_t *ret, wd_answer_e class, wd_str_t code, wd_str_t text)
{
    int limit = limit_of(text);

    wd_answer_set(ret, class, NULL);
    wd_lseg_error_text(code, text, ret->text);
    if (limit >= 0 && class == WD_ANSWER_LIMIT_SHORT) {
        ret->wait_s = limits[limit].wait_s;
    }
}


/* "error" as an object or as a name, or a "state" that is none of success. */
static bool
is_error(const json_t *o, wd_answer_t *ret)
{
    char          buf[WD_NUM_TEXT_MAX];
    wd_str_t      code, text;
    const json_t *e = json_object_get(o, "error");
    const json_t *state = json_object_get(o, "state");

    if (json_is_string(e)) {
        code = wd_answer_member(o, "error");
        code.len = wd_min(code.len, (size_t) CODE_MAX);
        text = wd_answer_member(o, "error_description");
    } else if (json_is_object(e)) {
        code = code_of(e, buf);
        text = wd_answer_member(e, "message");
        if (text.len == 0) {
            text = wd_answer_member(e, "description");
        }
    } else if (json_is_object(state)) {
        code = code_of(state, buf);
        text = wd_answer_member(state, "message");
        if (code.len == 0 || code.data[0] == '2') {
            return false;
        }
    } else {
        return false;
    }

    set(ret, wd_lseg_error_class(code, text), code, text);
    return true;
}


/* Instruments that the service says it does not know, beside the others. */
static bool
has_unresolved(const json_t *universe)
{
    size_t i;

    for (i = 0; i < json_array_size(universe); i++) {
        if (wd_answer_contains(wd_answer_member(json_array_get(universe, i),
                                                "Organization PermID"),
                               "failed to resolve")) {
            return true;
        }
    }
    return false;
}


/* Headers and rows, and perhaps a status beside them. */
static void
classify_table(const json_t *o, wd_answer_t *ret)
{
    char     buf[WD_NUM_TEXT_MAX];
    wd_str_t code, message;
    wd_answer_e class = WD_ANSWER_OK;
    const json_t *status = json_object_get(o, "status");
    const json_t *data = json_object_get(o, "data");

    code = code_of(status, buf);
    message = wd_answer_member(status, "message");
    if (status != NULL) {
        class = wd_lseg_status_class(code, message);
    }

    if (class != WD_ANSWER_OK) {
        set(ret, json_array_size(data) != 0 ? WD_ANSWER_PARTIAL : class, code,
            message);
    } else if (!json_is_array(data)
               || !json_is_array(json_object_get(o, "headers"))) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The table has no headers or no rows");
    } else if (json_array_size(data) == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY,
                      "The provider has no data for this");
    } else if (has_unresolved(json_object_get(o, "universe"))) {
        wd_answer_set(ret, WD_ANSWER_PARTIAL,
                      "Some of the instruments are not known");
    } else {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    }
}


/* [{"input":[..],"output":[..]}, ..] */
static void
classify_lookup(const json_t *data, wd_answer_t *ret)
{
    size_t        i, found = 0, n = json_array_size(data);
    const json_t *item;

    for (i = 0; i < n; i++) {
        item = json_array_get(data, i);
        if (!json_is_array(json_object_get(item, "input"))) {
            wd_answer_set(ret, WD_ANSWER_MALFORMED,
                          "The rows have another shape than documented");
            return;
        }
        found += json_array_size(json_object_get(item, "output")) != 0;
    }

    if (n == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY,
                      "The provider has no data for this");
    } else if (found == 0) {
        wd_answer_set(ret, WD_ANSWER_NOT_FOUND,
                      "None of the identifiers is known");
    } else if (found < n) {
        wd_answer_set(ret, WD_ANSWER_PARTIAL,
                      "Some of the identifiers are not known");
    } else {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    }
}


static void
classify_search(const json_t *o, wd_answer_t *ret)
{
    const json_t *hits = json_object_get(o, "Hits");
    const json_t *matches = json_object_get(o, "Matches");

    if (!json_is_array(hits) && !json_is_object(matches)) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The rows have another shape than documented");
    } else if (json_array_size(hits) == 0 && json_object_size(matches) == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY,
                      "The provider has no data for this");
    } else {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    }
}


static void
classify_object(const json_t *o, wd_answer_t *ret)
{
    wd_str_t      text = wd_answer_member(o, "message");
    const json_t *data = json_object_get(o, "data");

    if (is_error(o, ret)) {
        if (json_array_size(data) != 0) {
            ret->class = WD_ANSWER_PARTIAL;
            ret->wait_s = 0;
        }
    } else if (json_object_get(o, "status") != NULL
               || json_object_get(o, "headers") != NULL) {
        classify_table(o, ret);
    } else if (json_object_get(o, "Hits") != NULL
               || json_object_get(o, "Matches") != NULL) {
        classify_search(o, ret);
    } else if (json_is_array(data)) {
        classify_lookup(data, ret);
    } else if (wd_answer_member(o, "access_token").len != 0) {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    } else if (text.len != 0) {
        set(ret,
            limit_of(text) >= 0 ? limits[limit_of(text)].class
                                : class_of_words(text, WD_ANSWER_MALFORMED),
            WD_STR(""), text);
    } else {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer has none of the documented shapes");
    }
}


/* One object for each instrument; some good ones among bad are PARTIAL. */
static void
classify_list(const json_t *list, wd_answer_t *ret)
{
    size_t      i, good = 0, bad = 0;
    wd_answer_t one;

    wd_answer_set(ret, WD_ANSWER_EMPTY, "The provider has no data for this");
    for (i = 0; i < json_array_size(list); i++) {
        classify_object(json_array_get(list, i), &one);
        if (one.class == WD_ANSWER_OK || one.class == WD_ANSWER_EMPTY) {
            good += one.class == WD_ANSWER_OK;
        } else if (bad++ == 0) {
            *ret = one;
        }
    }

    if (good != 0 && bad != 0) {
        ret->class = WD_ANSWER_PARTIAL;
        ret->wait_s = 0;
    } else if (good != 0) {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    }
}


void
wd_lseg_classify_json(const json_t *root, wd_answer_t *ret)
{
    if (json_is_array(root)) {
        classify_list(root, ret);
    } else {
        classify_object(root, ret);
    }
}


/* A page or a line of a proxy; false: it says nothing that is known. */
static bool
classify_page(wd_str_t page, wd_answer_t *ret)
{
    int limit;
    wd_answer_e class;

    page.len = wd_min(page.len, (size_t) PAGE_MAX);
    limit = limit_of(page);
    class = class_of_words(page, WD_ANSWER_MALFORMED);
    if (limit >= 0) {
        wd_answer_set(ret, limits[limit].class,
                      "A page instead of data: too many requests");
        ret->wait_s = limits[limit].wait_s;
        return true;
    }
    if (class != WD_ANSWER_MALFORMED) {
        wd_answer_set(ret, class, "A page of a proxy instead of data");
        return true;
    }
    return false;
}


int
wd_lseg_classify(wd_str_t body, wd_answer_t *ret)
{
    int        rc;
    json_t    *root;
    wd_str_t   b = wd_answer_body(body);
    wd_error_t err;

    if (b.len != 0 && b.data[0] != '{' && b.data[0] != '['
        && classify_page(b, ret)) {
        return WD_OK;
    }
    rc = wd_answer_json(b, &root, &err);
    if (rc != WD_OK) {
        return wd_answer_refused(rc, b, &err, ret);
    }
    wd_lseg_classify_json(root, ret);
    json_decref(root);
    return WD_OK;
}
