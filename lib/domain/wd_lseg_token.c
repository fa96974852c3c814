/*
 * wd_lseg_token.c - the token service's answers, read in place so that no
 * copy of a token stays behind in freed memory.
 */
#include "wd_lseg_answer.h"

#include "wd_json_scan.h"
#include "wd_num.h"

#include <string.h>

typedef struct {
    wd_str_t access;
    wd_str_t refresh;
    wd_str_t expires;
    wd_str_t type;
    bool     seen; /* an access token, of whatever kind */
    bool     odd; /* a member is no plain text, or stands there twice */
} token_members_t;


/* Tokens travel in headers: printable, no blanks. */
static bool
token_ok(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f) {
            return false;
        }
    }
    return s.len <= WD_LSEG_TOKEN_MAX;
}


static void
token_member(token_members_t *m, wd_str_t key, const wd_json_scan_val_t *v)
{
    size_t    i;
    wd_str_t *at = NULL;

    const struct {
        const char *key;
        wd_str_t   *at;
    } members[] = {{"access_token", &m->access},
                   {"refresh_token", &m->refresh},
                   {"expires_in", &m->expires},
                   {"token_type", &m->type}};

    for (i = 0; i < wd_array_len(members); i++) {
        if (wd_str_eq_z(key, members[i].key)) {
            at = members[i].at;
        }
    }
    m->seen |= at == &m->access;
    if (at == NULL || v->type == WD_JS_NULL) {
        return;
    }
    m->odd |= at->data != NULL
              || (v->type != WD_JS_STRING
                  && !(at == &m->expires && v->type == WD_JS_NUMBER));
    *at = v->text;
}


/* Without a pool a text with escapes reads as "": no token has any. */
static bool
token_scan(wd_str_t body, token_members_t *m)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_t     s = wd_json_scan(body);
    wd_json_scan_val_t v;

    memset(m, 0, sizeof(*m));
    if (body.len == 0 || wd_json_scan_open(&s, '{') != WD_OK) {
        return false;
    }
    while ((rc = wd_json_scan_member(&s, NULL, &first, &key)) == WD_OK) {
        rc = wd_json_scan_value(&s, NULL, &v);
        if (rc != WD_OK) {
            return false;
        }
        token_member(m, key, &v);
        if ((v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY)
            && wd_json_scan_skip(&s) != WD_OK) {
            return false;
        }
    }
    return rc == WD_ENOTFOUND && wd_json_scan_at_end(&s);
}


/* Does an access token stand in the text, however damaged the rest is? */
static bool
token_inside(wd_str_t body)
{
    return wd_answer_contains(body, "\"access_token\"");
}


/* An error says so; anything else has no business in the place of a token. */
static int
token_refused(wd_str_t body, wd_answer_t *ret)
{
    int rc = wd_lseg_classify(body, ret);

    if (rc == WD_OK
        && (ret->class == WD_ANSWER_OK || ret->class == WD_ANSWER_EMPTY
            || ret->class == WD_ANSWER_PARTIAL)) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer is neither a token nor an error");
    }
    return rc;
}


int
wd_lseg_token(wd_str_t body, wd_lseg_token_t *ret_token, wd_answer_t *ret)
{
    double          life;
    token_members_t m;

    explicit_bzero(ret_token, sizeof(*ret_token));
    body = wd_answer_body(body);
    if (!token_scan(body, &m) || !m.seen) {
        if (token_inside(body)) {
            wd_answer_set(ret, WD_ANSWER_MALFORMED,
                          "The token answer cannot be read");
            return WD_OK;
        }
        return token_refused(body, ret);
    }

    if (m.odd || m.access.len == 0 || !token_ok(m.access)
        || !token_ok(m.refresh)) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The token is empty, too long or no text");
    } else if (m.type.data != NULL && !wd_str_ieq(m.type, WD_STR("bearer"))) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED, "The token is no bearer token");
    } else if (wd_num_parse(m.expires, &life) != WD_OK || life < 1
               || life > WD_LSEG_EXPIRES_MAX_S) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The token's life is missing or cannot be");
    } else {
        wd_str_copy(ret_token->access, sizeof(ret_token->access), m.access);
        wd_str_copy(ret_token->refresh, sizeof(ret_token->refresh), m.refresh);
        ret_token->expires_s = (int64_t) life;
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    }
    return WD_OK;
}
