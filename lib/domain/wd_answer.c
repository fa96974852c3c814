/*
 * wd_answer.c - names of the classes, bounded JSON, text without secrets.
 */
#include "wd_answer.h"

#include "wd_num.h"

#include <stdio.h>
#include <stdlib.h>

#define REDACTED "[redacted]"

/* Runs of letters and digits from this length on may be a key. */
#define KEY_LIKE_MIN 12

static size_t utf8_len(const char *p, size_t left);
static size_t key_like(const char *p, size_t left);
static bool   is_alnum(char c);


const char *
wd_answer_name(wd_answer_e class)
{
    static const char *const names[] = {
#define WD_ANSWER(id, name, raw) name,
        WD_ANSWER_TABLE(WD_ANSWER)
#undef WD_ANSWER
    };

    return class < WD_ANSWER_COUNT ? names[class] : "unknown";
}


bool
wd_answer_is_raw(wd_answer_e class)
{
    static const bool raw[] = {
#define WD_ANSWER(id, name, raw) raw,
        WD_ANSWER_TABLE(WD_ANSWER)
#undef WD_ANSWER
    };

    return class < WD_ANSWER_COUNT && raw[class];
}


void
wd_answer_set(wd_answer_t *ret, wd_answer_e class, const char *text)
{
    ret->class = class;
    ret->wait_s = 0;
    snprintf(ret->text, sizeof(ret->text), "%s", text != NULL ? text : "");
}


void
wd_answer_set_redacted(wd_answer_t *ret, wd_answer_e class, wd_str_t text)
{
    ret->class = class;
    ret->wait_s = 0;
    wd_answer_redact(text, ret->text, sizeof(ret->text));
}


static bool
is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z');
}


/* Length of a run at p that looks like a key, or 0. */
static size_t
key_like(const char *p, size_t left)
{
    size_t n, digits = 0, upper = 0;

    for (n = 0; n < left && is_alnum(p[n]); n++) {
        digits += p[n] >= '0' && p[n] <= '9';
        upper += p[n] >= 'A' && p[n] <= 'Z';
    }
    if (n < KEY_LIKE_MIN) {
        return 0;
    }
    return digits != 0 || (n >= 16 && upper > 2) ? n : 0;
}


/* Bytes of the well-formed character at p, 0 when there is none. */
static size_t
utf8_len(const char *p, size_t left)
{
    unsigned char c = (unsigned char) *p;
    size_t        n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    return n <= left && wd_utf8_valid(wd_str(p, n)) ? n : 0;
}


/*
 * Bytes of a secret whose introduction ends right before p: "apikey=X",
 * "API key as X". It ends at the first character that no key holds.
 */
static size_t
introduced(const char *start, const char *p, size_t left)
{
    static const char *const before[] = {"apikey=", "api_key=", "api key as ",
                                         "api key is ", "token="};
    size_t                   i, n, len;

    for (i = 0; i < wd_array_len(before); i++) {
        len = strlen(before[i]);
        if ((size_t) (p - start) < len
            || !wd_str_ieq(wd_str(p - len, len), wd_str_z(before[i]))) {
            continue;
        }
        for (n = 0; n < left; n++) {
            if (!is_alnum(p[n]) && p[n] != '-' && p[n] != '_' && p[n] != '%') {
                break;
            }
        }
        return n;
    }
    return 0;
}


void
wd_answer_redact(wd_str_t text, char *out, size_t cap)
{
    size_t      i, n, at = 0;
    const char *p;

    for (i = 0; i < text.len; i += n) {
        p = text.data + i;
        n = introduced(text.data, p, text.len - i);
        if (n == 0 && (i == 0 || !is_alnum(p[-1]))) {
            n = key_like(p, text.len - i);
        }
        if (n != 0) {
            if (at + sizeof(REDACTED) > cap) {
                break;
            }
            memcpy(out + at, REDACTED, sizeof(REDACTED) - 1);
            at += sizeof(REDACTED) - 1;
            continue;
        }

        n = utf8_len(p, text.len - i);
        if (at + wd_max(n, (size_t) 1) + 1 > cap) {
            break;
        }
        if (n == 0) {
            out[at++] = '?';
            n = 1;
        } else if (n == 1 && ((unsigned char) *p < 0x20 || *p == 0x7f)) {
            out[at++] = ' ';
        } else {
            memcpy(out + at, p, n);
            at += n;
        }
    }
    out[at] = '\0';
}


wd_str_t
wd_answer_body(wd_str_t body)
{
    if (wd_str_starts(body, "\xef\xbb\xbf")) {
        body.data += 3;
        body.len -= 3;
    }
    return wd_str_trim(body);
}


/*
 * The parser takes some 100 bytes for each "[]" of a document; counting
 * brackets first, also those inside of text, bounds what a lying provider
 * can make it take.
 */
static bool
within_bounds(wd_str_t body)
{
    size_t i, containers = 0, values = 0;

    for (i = 0; i < body.len; i++) {
        containers += body.data[i] == '{' || body.data[i] == '[';
        values += body.data[i] == ',';
    }
    return body.len <= WD_ANSWER_JSON_MAX
           && containers <= WD_ANSWER_CONTAINERS_MAX
           && values <= WD_ANSWER_VALUES_MAX;
}


wd_json_scan_t
wd_answer_scan(wd_str_t body)
{
    return (wd_json_scan_t){body.data, body.data + body.len, true};
}


/* Beyond a double, or beyond the 64 bits that the parser has for integers. */
static bool
beyond(wd_str_t number)
{
    double  v;
    int64_t n;

    return memchr(number.data, '.', number.len) != NULL
                   || memchr(number.data, 'e', number.len) != NULL
                   || memchr(number.data, 'E', number.len) != NULL
               ? wd_num_parse(number, &v) != WD_OK
               : wd_int_parse(number, &n) != WD_OK;
}


/* Behind the string at p, or the end. */
static char *
behind_string(char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        p += *p == '\\' && p + 1 < end;
    }
    return p + (p < end);
}


/* The number at *p, which is moved behind it; data NULL: none, and *p is one
 * further. */
static wd_str_t
number_at(char **p, const char *begin, const char *end)
{
    wd_json_scan_t     s = wd_answer_scan(wd_str(*p, (size_t) (end - *p)));
    wd_json_scan_val_t v;

    if ((*p == begin || strchr("[,: \t\r\n", (*p)[-1]) != NULL)
        && memchr("+-0123456789NnIi", **p, 16) != NULL
        && wd_json_scan_value(&s, NULL, &v) == WD_OK && v.type == WD_JS_NUMBER
        && strchr(",]} \t\r\n", *s.p) != NULL) {
        *p += v.text.len;
        return v.text;
    }
    *p += 1;
    return WD_STR_NULL;
}


/*
 * Puts a zero of the same length in the place of each figure that the parser
 * would refuse the document for. Returns how many there were.
 */
static size_t
mask_figures(char *text, size_t len)
{
    char    *p = text, *end = text + len;
    size_t   n = 0;
    wd_str_t number;

    while (p < end) {
        if (*p == '"') {
            p = behind_string(p, end);
            continue;
        }
        number = number_at(&p, text, end);
        if (number.data != NULL && beyond(number)) {
            memset(p - number.len, '0', number.len);
            memcpy(p - number.len, "0e", 2);
            n++;
        }
    }
    return n;
}


/* Again, without them. WD_ENOTFOUND: there are none, it is no JSON. */
static int
load_masked(wd_str_t body, json_t **ret, json_error_t *at)
{
    int   rc = WD_OK;
    char *copy = malloc(body.len + 1);

    if (copy == NULL) {
        return WD_ENOMEM;
    }
    memcpy(copy, body.data, body.len);
    copy[body.len] = '\0';
    if (mask_figures(copy, body.len) != 0) {
        *ret = json_loadb(copy, body.len, 0, at);
    } else {
        rc = WD_ENOTFOUND;
    }
    free(copy);
    return rc;
}


int
wd_answer_json(wd_str_t body, json_t **ret, wd_error_t *err)
{
    json_error_t at;

    body = wd_answer_body(body);
    if (body.len == 0) {
        return wd_error(err, WD_ETRUNC, "no bytes");
    }
    if (!within_bounds(body)) {
        return wd_error(err, WD_ETOOBIG, "more than can be parsed");
    }

    *ret = json_loadb(body.data, body.len, 0, &at);
    if (*ret == NULL
        && (json_error_code(&at) == json_error_invalid_syntax
            || json_error_code(&at) == json_error_numeric_overflow)
        && load_masked(body, ret, &at) == WD_ENOMEM) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }
    if (*ret != NULL) {
        return WD_OK;
    }
    switch (json_error_code(&at)) {
    case json_error_out_of_memory:
        return wd_error(err, WD_ENOMEM, "no memory");
    case json_error_premature_end_of_input:
        return wd_error(err, WD_ETRUNC, "ends after %zu bytes", body.len);
    default:
        return wd_error(err, WD_EPROTO, "not JSON at line %d, column %d",
                        at.line, at.column);
    }
}


int
wd_answer_refused(int rc, wd_str_t body, const wd_error_t *err,
                  wd_answer_t *ret)
{
    char text[WD_ANSWER_TEXT_MAX];

    if (rc == WD_ENOMEM) {
        return rc;
    }
    body = wd_answer_body(body);
    if (body.len == 0) {
        wd_answer_set(ret, WD_ANSWER_UPSTREAM, "The answer has no bytes");
    } else if (body.data[0] == '<') {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer is HTML or XML instead of data");
    } else {
        snprintf(text, sizeof(text), "The answer %s%s",
                 rc == WD_ETRUNC    ? "is cut short: "
                 : rc == WD_ETOOBIG ? "is too large: "
                                    : "is ",
                 err->text);
        wd_answer_set(ret, WD_ANSWER_MALFORMED, text);
    }
    return WD_OK;
}


bool
wd_answer_contains(wd_str_t text, const char *lower)
{
    size_t i, n = strlen(lower);

    for (i = 0; i + n <= text.len; i++) {
        if (wd_str_ieq(wd_str(text.data + i, n), wd_str(lower, n))) {
            return true;
        }
    }
    return false;
}


wd_str_t
wd_answer_member(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    if (!json_is_string(v)) {
        return WD_STR("");
    }
    return wd_str(json_string_value(v), json_string_length(v));
}
