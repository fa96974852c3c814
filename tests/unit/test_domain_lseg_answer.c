/*
 * test_domain_lseg_answer.c - LSEG's answers: every shape of error, statuses
 * beside data, pages of proxies, tokens.
 */
#include "wd_test.h"

#include "wd_lseg_answer.h"

typedef struct {
    const char *name;
    const char *body;
    const char *class;
    const char *text; /* part of it; NULL: not looked at */
    int         wait_s;
} row_t;

#define STATUS(kind, number, message)                                  \
    "\"universe\":{\"ric\":\"ABC.N\"},\"status\":{\"code\":\"TS." kind \
    "." number "\",\"message\":\"" message "\"}"
#define HEADERS "\"headers\":[{\"name\":\"DATE\",\"type\":\"string\"}]"
#define ROWS HEADERS ",\"data\":[[\"2026-02-27\"]]"
#define ERROR(code, message) \
    "{\"error\":{\"id\":\"X\",\"code\":" code ",\"message\":\"" message "\"}}"

static const row_t rows[] = {
    /* OAuth. */
    {"client",
     "{\"error\":\"invalid_client\",\"error_description\":\"Invalid "
     "Application Credential.\"}",
     "auth", "invalid_client: Invalid Application", 0},
    {"grant", "{\"error\":\"invalid_grant\"}", "auth", "invalid_grant", 0},
    {"denied",
     "{\"error\":\"access_denied\",\"error_description\":\"Invalid username "
     "or password.\"}",
     "auth", NULL, 0},
    {"quota",
     "{\"error\":\"access_denied\",\"error_description\":\"Session quota is "
     "reached.\"}",
     "limit_short", "Session quota", 60},
    {"scope", "{\"error\":\"insufficient_scope\"}", "permission", NULL, 0},
    {"server", "{\"error\":\"server_error\"}", "upstream", NULL, 0},
    {"request", "{\"error\":\"invalid_request\"}", "bad_request", NULL, 0},
    {"logins",
     "{\"error\":\"invalid_request\",\"error_description\":\"Too many "
     "attempts, please try again later.\"}",
     "limit_short", "Too many", 0},

    /* Data services. */
    {"expired", ERROR("\"401\"", "token expired"), "auth", "401: token", 0},
    {"forbidden", ERROR("\"403\"", "no scope"), "permission", NULL, 0},
    {"missing", ERROR("404", "Resource not found"), "not_found", NULL, 0},
    {"validation", ERROR("\"400\"", "Validation error"), "bad_request",
     "400: Validation error", 0},
    {"too many", ERROR("\"429\"", "Too Many Requests"), "limit_short", NULL, 0},
    {"only a code", ERROR("429", ""), "limit_short", "429", 0},
    {"of the day", ERROR("429", "Daily limit of 10000 requests per day"),
     "limit_long", NULL, 0},
    {"internal", ERROR("500", "x"), "upstream", NULL, 0},
    {"gateway", ERROR("\"503\"", "x"), "upstream", NULL, 0},
    {"unknown code", ERROR("7", "x"), "bad_request", NULL, 0},
    {"no code", "{\"error\":{\"message\":\"Forbidden\"}}", "permission", NULL,
     0},
    {"odd code", "{\"error\":{\"code\":[1],\"message\":null}}", "bad_request",
     NULL, 0},
    {"a key in it", ERROR("400", "token=abcDEF123 is A1B2C3D4E5F6A7B8"),
     "bad_request", "token=[redacted] is [redacted]", 0},

    /* Pricing. */
    {"70005", "[{" STATUS("Interday.UserRequestError", "70005", "x") "}]",
     "not_found", "70005: x", 0},
    {"90001", "[{" STATUS("Intraday.UserRequestError", "90001", "x") "}]",
     "not_found", NULL, 0},
    {"not found by text",
     "[{" STATUS("Interday.UserRequestError", "1", "It is not found.") "}]",
     "not_found", NULL, 0},
    {"70007 alone",
     "[{" STATUS("Interday.UserRequestError", "70007", "fields") "}]",
     "bad_request", NULL, 0},
    {"70007 with rows",
     "[{" STATUS("Interday.UserRequestError", "70007", "fields") "," ROWS "}]",
     "partial", "70007: fields", 0},
    {"70007 with no rows",
     "[{" STATUS("Interday.UserRequestError", "70007",
                 "fields") "," HEADERS ",\"data\":[]}]",
     "bad_request", NULL, 0},
    {"70112", "[{" STATUS("Interday.UserNotPermission", "70112", "x") "}]",
     "permission", NULL, 0},
    {"TSCC",
     "[{\"universe\":{\"ric\":\"A\"},\"status\":{\"code\":"
     "\"TSCC.QS.UserNotPermission.92000\",\"message\":\"User has no "
     "permission.\"}}]",
     "permission", "92000: User has no permission.", 0},
    {"warning", "{" STATUS("Intraday.Warning", "95004", "x") "," ROWS "}", "ok",
     "", 0},
    {"warning alone", "[{" STATUS("Intraday.Warning", "95004", "x") "}]",
     "malformed", NULL, 0},
    {"server", "[{" STATUS("Interday.ServerError", "1", "x") "}]", "upstream",
     NULL, 0},
    {"unknown kind", "[{" STATUS("Interday.Novelty", "1", "x") "}]",
     "malformed", NULL, 0},
    {"no code", "[{\"status\":{}}]", "malformed", NULL, 0},
    {"status is null", "[{\"status\":null," ROWS "}]", "partial", NULL, 0},
    {"rows", "[{" ROWS "}]", "ok", "", 0},
    {"no rows", "[{" HEADERS ",\"data\":[]}]", "empty", NULL, 0},
    {"no headers", "[{\"data\":[[1]]}]", "malformed", NULL, 0},
    {"headers alone", "[{" HEADERS "}]", "malformed", NULL, 0},
    {"headers are none", "[{\"headers\":1,\"data\":[[1]]}]", "malformed", NULL,
     0},
    {"one of two",
     "[{" STATUS("Interday.UserRequestError", "70005", "x") "},{" ROWS "}]",
     "partial", "70005", 0},
    {"none of two",
     "[{" STATUS("Interday.UserRequestError", "70005",
                 "x") "},{" STATUS("Interday.UserNotPermission", "1", "y") "}]",
     "not_found", NULL, 0},
    {"empty list", "[]", "empty", NULL, 0},
    {"numbers", "[1,2]", "malformed", NULL, 0},

    /* ESG. */
    {"412",
     "{\"error\":{\"code\":412,\"description\":\"Unable to resolve all "
     "requested identifiers.\"},\"links\":{\"count\":0},\"data\":[]}",
     "not_found", "412: Unable", 0},
    {"error beside rows",
     "{\"error\":{\"code\":412,\"description\":\"x\"}," ROWS "}", "partial",
     NULL, 0},
    {"an unknown one",
     "{\"universe\":[{\"Instrument\":\"Q\",\"Organization PermID\":\"Failed "
     "to resolve identifier(s).\"}]," ROWS "}",
     "partial", NULL, 0},
    {"view", "{\"universe\":[{\"Instrument\":\"Q\"}]," ROWS "}", "ok", "", 0},

    /* Custom instruments. */
    {"state", "{\"state\":{\"code\":400,\"message\":\"bad\"},\"data\":[]}",
     "bad_request", "400: bad", 0},
    {"state in a list", "[{\"error\":{\"code\":\"404\",\"message\":\"m\"}}]",
     "not_found", NULL, 0},
    {"good state", "{\"state\":{\"code\":200}," ROWS "}", "ok", "", 0},

    /* Names. */
    {"lookup", "{\"data\":[{\"input\":[],\"output\":[{\"value\":\"1\"}]}]}",
     "ok", "", 0},
    {"lookup of nothing", "{\"data\":[]}", "empty", NULL, 0},
    {"nothing known", "{\"data\":[{\"input\":[],\"output\":[]}]}", "not_found",
     NULL, 0},
    {"some known", "{\"data\":[{\"input\":[],\"output\":[{}]},{\"input\":[]}]}",
     "partial", NULL, 0},
    {"other rows", "{\"data\":[1]}", "malformed", NULL, 0},
    {"hits", "{\"Total\":1,\"Hits\":[{}]}", "ok", "", 0},
    {"no hits", "{\"Total\":0,\"Hits\":[]}", "empty", NULL, 0},
    {"hits are none", "{\"Hits\":7}", "malformed", NULL, 0},
    {"matches", "{\"Matches\":{\"A\":{}}}", "ok", "", 0},
    {"no matches", "{\"Matches\":{}}", "empty", NULL, 0},
    {"token", "{\"access_token\":\"t\"}", "ok", "", 0},

    /* Gateways and proxies. */
    {"message", "{\"message\":\"Limit Exceeded\"}", "limit_short", NULL, 0},
    {"message 2", "{\"message\":\"Unauthorized\"}", "auth", NULL, 0},
    {"message 3", "{\"message\":\"Endpoint request timed out\"}", "upstream",
     NULL, 0},
    {"message 4", "{\"message\":\"Hello\"}", "malformed", "Hello", 0},
    {"429 page", "<html><title>429 Too Many Requests</title></html>",
     "limit_short", NULL, 0},
    {"429 line", "Too many attempts\n", "limit_short", NULL, 0},
    {"502 page", "\n<html><h1>502 Bad Gateway</h1></html>", "upstream", NULL,
     0},
    {"503 line", "Service Unavailable", "upstream", NULL, 0},
    {"some page", "<html><body>Welcome</body></html>", "malformed", "HTML", 0},
    {"some line", "hello", "malformed", NULL, 0},
    {"no bytes", "", "upstream", "no bytes", 0},
    {"cut", "[{" STATUS("Interday.UserRequestError", "70005", "x"), "malformed",
     "cut short", 0},
    {"no JSON", "{\"a\":nope}", "malformed", "not JSON", 0},
    {"nothing known", "{\"Buckets\":[]}", "malformed", NULL, 0},
    {"a number", "7", "malformed", NULL, 0},
    {"byte order mark", "\xef\xbb\xbf[{" ROWS "}]", "ok", "", 0},
    {"not UTF-8", "{\"error\":\"\xff\"}", "malformed", NULL, 0},
};


static void
test_classes(void **state)
{
    size_t      i;
    wd_answer_t a;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        assert_ok(wd_lseg_classify(wd_str_z(rows[i].body), &a));
        if (strcmp(wd_answer_name(a.class), rows[i].class) != 0
            || (rows[i].text != NULL && strstr(a.text, rows[i].text) == NULL)
            || (rows[i].text != NULL && rows[i].text[0] == '\0'
                && a.text[0] != '\0')
            || a.wait_s != rows[i].wait_s) {
            fail_msg("%s: %s (wait %d), \"%s\"", rows[i].name,
                     wd_answer_name(a.class), a.wait_s, a.text);
        }
    }
}


/* No cut makes a good answer of it, and nothing crashes. */
static void
test_every_cut(void **state)
{
    size_t      i, n;
    char       *copy;
    wd_answer_t a;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        for (n = 0; n < strlen(rows[i].body); n++) {
            copy = malloc(n != 0 ? n : 1);
            memcpy(copy, rows[i].body, n);
            assert_ok(wd_lseg_classify(wd_str(copy, n), &a));
            assert_true(a.class != WD_ANSWER_OK);
            free(copy);
        }
    }
}


static const char *
token(const char *body, wd_lseg_token_t *t, wd_answer_t *a)
{
    memset(t, 'x', sizeof(*t));
    assert_ok(wd_lseg_token(wd_str_z(body), t, a));
    return wd_answer_name(a->class);
}


static bool
is_wiped(const wd_lseg_token_t *t)
{
    size_t      i;
    const char *p = (const char *) t;

    for (i = 0; i < sizeof(*t); i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}


static void
test_tokens(void **state)
{
    wd_answer_t     a;
    wd_lseg_token_t t;

    (void) state;
    assert_string_equal(
        token("{\"access_token\":\"ey.a-b_c\",\"refresh_token\":\"r/1+2=\","
              "\"expires_in\":\"600\",\"scope\":\"trapi\",\"token_type\":"
              "\"Bearer\",\"more\":{\"a\":[1]}}",
              &t, &a),
        "ok");
    assert_string_equal(t.access, "ey.a-b_c");
    assert_string_equal(t.refresh, "r/1+2=");
    assert_int_equal(t.expires_s, 600);

    assert_string_equal(token("{\"expires_in\":7199.5,\"access_token\":\"A\","
                              "\"refresh_token\":null}",
                              &t, &a),
                        "ok");
    assert_string_equal(t.refresh, "");
    assert_int_equal(t.expires_s, 7199);
}


static void
test_bad_tokens(void **state)
{
    size_t          i;
    wd_answer_t     a;
    wd_lseg_token_t t;

    static const struct {
        const char *body;
        const char *class;
    } bad[] = {
        {"{\"access_token\":\"\",\"expires_in\":300}", "malformed"},
        {"{\"access_token\":null,\"expires_in\":300}", "malformed"},
        {"{\"access_token\":7,\"expires_in\":300}", "malformed"},
        {"{\"access_token\":[],\"expires_in\":300}", "malformed"},
        {"{\"access_token\":\"a b\",\"expires_in\":300}", "malformed"},
        {"{\"access_token\":\"a\\nb\",\"expires_in\":300}", "malformed"},
        {"{\"access_token\":\"a\",\"access_token\":\"b\",\"expires_in\":1}",
         "malformed"},
        {"{\"access_token\":\"a\",\"refresh_token\":7,\"expires_in\":300}",
         "malformed"},
        {"{\"access_token\":\"\xc3\xa4\",\"expires_in\":300}", "malformed"},
        {"{\"access_token\":\"a\"}", "malformed"},
        {"{\"access_token\":\"a\",\"expires_in\":0}", "malformed"},
        {"{\"access_token\":\"a\",\"expires_in\":-5}", "malformed"},
        {"{\"access_token\":\"a\",\"expires_in\":1e999}", "malformed"},
        {"{\"access_token\":\"a\",\"expires_in\":\"NaN\"}", "malformed"},
        {"{\"access_token\":\"a\",\"expires_in\":99999999}", "malformed"},
        {"{\"access_token\":\"a\",\"expires_in\":true}", "malformed"},
        {"{\"access_token\":\"a\",\"expires_in\":300,\"token_type\":\"mac\"}",
         "malformed"},
        {"{\"access_token\":\"a\",\"expires_in\":300", "malformed"},
        {"{\"access_token\":\"a\",\"expires_in\":300} x", "malformed"},
        {"{\"acces\\u0073_token\":\"a\",\"expires_in\":300}", "malformed"},
        {"[{" ROWS "}]", "malformed"},
        {"[]", "malformed"},
        {"{\"error\":\"invalid_client\"}", "auth"},
        {"{\"error\":\"x\",\"error_description\":\"Session quota is "
         "reached.\"}",
         "limit_short"},
        {"<html>504 Gateway Time-out</html>", "upstream"},
        {"", "upstream"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        if (strcmp(token(bad[i].body, &t, &a), bad[i].class) != 0) {
            fail_msg("%s: %s", bad[i].body, wd_answer_name(a.class));
        }
        assert_true(is_wiped(&t));
    }
}


static void
test_token_bounds(void **state)
{
    size_t          n;
    char            body[WD_LSEG_TOKEN_MAX + 200];
    char            value[WD_LSEG_TOKEN_MAX + 2];
    wd_answer_t     a;
    wd_lseg_token_t t;

    (void) state;
    for (n = WD_LSEG_TOKEN_MAX; n <= WD_LSEG_TOKEN_MAX + 1; n++) {
        memset(value, 'a', n);
        value[n] = '\0';
        snprintf(body, sizeof(body),
                 "{\"access_token\":\"%s\",\"expires_in\":300}", value);
        assert_string_equal(token(body, &t, &a),
                            n == WD_LSEG_TOKEN_MAX ? "ok" : "malformed");
        assert_null(strstr(a.text, "aaaa"));
    }
}


static void
test_token_cuts(void **state)
{
    size_t          n;
    wd_answer_t     a;
    wd_lseg_token_t t;

    static const char body[] = "{\"access_token\":\"abc\",\"expires_in\":300}";

    (void) state;
    for (n = 0; n < sizeof(body) - 1; n++) {
        assert_ok(wd_lseg_token(wd_str(body, n), &t, &a));
        assert_true(a.class != WD_ANSWER_OK);
        assert_true(is_wiped(&t));
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),      cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_tokens),       cmocka_unit_test(test_bad_tokens),
        cmocka_unit_test(test_token_bounds), cmocka_unit_test(test_token_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
