/*
 * test_domain_gds_answer.c - classes of GDS answers: errors per entry, the
 * limit of a day, texts in the place of figures, tokens.
 */
#include "wd_test.h"

#include "wd_gds_answer.h"

#define LIST(entries) "{\"GDSSDKResponse\":[" entries "]}"
#define ENTRY(error, cell)                                                   \
    "{\"Headers\":[\"IQ_X\"],\"Rows\":[{\"Row\":[" cell "]}],\"NumRows\":1," \
    "\"Function\":\"GDSP\",\"Mnemonic\":\"IQ_X\",\"Identifier\":\"A:\","     \
    "\"ErrMsg\":" error "}"
#define GOOD ENTRY("null", "\"46.80\"")
#define NONE ENTRY("\"\"", "\"Data Unavailable\"")
#define FAILED(text) "{\"ErrMsg\":\"" text "\"}"

typedef struct {
    const char *body;
    const char *class;
    const char *text; /* part of it; NULL: not looked at */
} row_t;

static const row_t rows[] = {
    {LIST(GOOD), "ok", ""},
    {"\xef\xbb\xbf" LIST(GOOD "," GOOD), "ok", ""},
    {LIST(ENTRY("\" \"", "1")), "ok", ""},
    {LIST("{\"Rows\":[{\"Row\":[\"1\"]}]}"), "ok", ""},

    /* The only text that is known as the service writes it. */
    {LIST(FAILED("Daily Request Limit of 10000 Exceeded")), "limit_long",
     "Daily Request Limit of 10000"},
    {LIST(FAILED("Too many requests")), "limit_short", NULL},
    {LIST(FAILED("10 calls per second")), "limit_short", NULL},
    {LIST(FAILED("User is unauthorized")), "auth", NULL},
    {LIST(FAILED("The token has expired: AB12CD34EF56GH78")), "auth",
     "expired: [redacted]"},
    {LIST(FAILED("CapabilityNeeded")), "permission", NULL},
    {LIST(FAILED("Invalid Identifier")), "not_found", NULL},
    {LIST(FAILED("Service Unavailable")), "upstream", NULL},
    {LIST(FAILED("SOME ERROR")), "bad_request", "SOME ERROR"},
    {LIST(ENTRY("\"SOME ERROR\"", "\"46.80\"")), "bad_request", NULL},

    /* Some of it. */
    {LIST(GOOD "," ENTRY("\"SOME ERROR\"", "\"1\"")), "partial",
     "1 of 2 items failed: SOME ERROR"},
    {LIST(GOOD "," NONE), "partial", "1 of 2"},
    {LIST(NONE "," GOOD "," FAILED("Daily Request Limit of 5 Exceeded")),
     "partial", "2 of 3 items failed: Daily"},
    {LIST(GOOD ",7"), "partial", NULL},

    /* Nothing. */
    {LIST(NONE "," NONE), "empty", "unavailable"},
    {LIST(ENTRY("null", "null")), "empty", NULL},
    {LIST(ENTRY("null", "\"(Capability Needed)\"")), "permission", NULL},
    {LIST(ENTRY("null", "\"InvalidIdentifier\"")), "not_found", NULL},
    {LIST("{\"ErrMsg\":\"\",\"NumRows\":0}"), "empty", NULL},
    {LIST("{\"ErrMsg\":\"\",\"Rows\":[]}"), "empty", NULL},
    {LIST("{}"), "empty", NULL},
    {LIST(""), "empty", "no entries"},
    {"", "upstream", "no bytes"},

    /* The gravest of several. */
    {LIST(NONE "," FAILED("Invalid identifier") "," FAILED("no permission")),
     "permission", NULL},

    /* Other than documented. */
    {LIST("7"), "malformed", NULL},
    {LIST("{\"ErrMsg\":7}"), "malformed", NULL},
    {LIST("{\"ErrMsg\":{}}"), "malformed", NULL},
    {LIST("{\"Rows\":{}}"), "malformed", NULL},
    {"{\"GDSSDKResponse\":{}}", "malformed", NULL},
    {"{\"GDSSDKResponse\":null}", "malformed", NULL},
    {"{}", "malformed", NULL},
    {"[]", "malformed", NULL},
    {"7", "malformed", NULL},
    {"<html><body>Service error</body></html>", "malformed", "HTML"},
    {"Runtime Error", "malformed", "not JSON"},
    {LIST(GOOD) "x", "malformed", NULL},
    {"{\"GDSSDKResponse\":[" GOOD, "malformed", "cut short"},
    {LIST("{\"ErrMsg\":\"\xff\"}"), "malformed", NULL},

    /* Texts instead of a list. */
    {"{\"message\":\"Unauthorized\"}", "auth", "Unauthorized"},
    {"{\"error\":\"invalid_grant\",\"error_description\":\"Bad credentials\"}",
     "auth", "Bad credentials"},
    {"{\"ErrMsg\":\"Daily Request Limit of 9 Exceeded\"}", "limit_long", NULL},
    {"{\"message\":\"Hello\"}", "malformed", "Hello"},
};


static void
check(const row_t *row, const wd_answer_t *a)
{
    if (strcmp(wd_answer_name(a->class), row->class) != 0
        || (row->text != NULL
            && (row->text[0] == '\0' ? a->text[0] != '\0'
                                     : strstr(a->text, row->text) == NULL))) {
        fail_msg("%s: %s, \"%s\"", row->body, wd_answer_name(a->class),
                 a->text);
    }
}


static void
test_classes(void **state)
{
    size_t      i;
    wd_answer_t a;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        memset(&a, 0xff, sizeof(a));
        assert_ok(wd_gds_classify(wd_str_z(rows[i].body), &a));
        check(&rows[i], &a);
    }
}


static void
test_batch(void **state)
{
    wd_answer_t    a;
    wd_gds_batch_t b;

    (void) state;
    assert_ok(wd_gds_classify_batch(
        wd_str_z(LIST(GOOD "," NONE "," FAILED("5 per minute") "," GOOD)), &a,
        &b));
    assert_int_equal(a.class, WD_ANSWER_PARTIAL);
    assert_int_equal(a.wait_s, 60);
    assert_int_equal(b.entries, 4);
    assert_int_equal(b.good, 2);
    assert_int_equal(b.failed, 2);
    assert_int_equal(b.worst, WD_ANSWER_LIMIT_SHORT);

    assert_ok(wd_gds_classify_batch(WD_STR("[1]"), &a, &b));
    assert_int_equal(b.entries + b.good + b.failed, 0);
    assert_int_equal(b.worst, WD_ANSWER_OK);
}


static void
test_words(void **state)
{
    int wait_s = -1;
    wd_answer_e class;

    (void) state;
    assert_int_equal(wd_gds_error(WD_STR(""), &wait_s), WD_ANSWER_BAD_REQUEST);
    assert_int_equal(wait_s, 0);
    assert_int_equal(wd_gds_error(WD_STR("2 PER SECOND"), NULL),
                     WD_ANSWER_LIMIT_SHORT);

    assert_true(wd_gds_no_value(WD_STR("data unavailable"), &class));
    assert_int_equal(class, WD_ANSWER_EMPTY);
    assert_true(wd_gds_no_value(WD_STR("CapabilityNeeded"), &class));
    assert_int_equal(class, WD_ANSWER_PERMISSION);
    assert_false(wd_gds_no_value(WD_STR("Data Unavailable Inc."), &class));
    assert_false(
        wd_gds_no_value(WD_STR("Capability Needed For This Item"), &class));
    assert_false(wd_gds_no_value(WD_STR(""), &class));
    assert_false(wd_gds_no_value(WD_STR_NULL, &class));
}


static void
test_every_cut(void **state)
{
    static const char body[] = LIST(GOOD "," NONE);
    size_t            n;
    wd_answer_t       a;

    (void) state;
    for (n = 1; n < sizeof(body) - 1; n++) {
        assert_ok(wd_gds_classify(wd_str(body, n), &a));
        assert_int_equal(a.class, WD_ANSWER_MALFORMED);
    }
}


#define TOKEN(rest) "{\"access_token\":\"eyJh.b-c_d\"" rest "}"


static void
test_token(void **state)
{
    size_t         i;
    wd_pool_t     *pool = wd_pool_create(256);
    wd_answer_t    a;
    wd_gds_token_t t;

    static const struct {
        const char *body;
        int         life;
    } good[] = {
        {TOKEN(",\"expires_in_seconds\":3600"), 3600},
        {TOKEN(",\"expires_in_seconds\":\"3600\",\"token_type\":\"Bearer\""),
         3600},
        {TOKEN(",\"expires_in_seconds\":\" 600 \",\"token_type\":\"bearer\""),
         600},
        {TOKEN(",\"expires_in_seconds\":599.9"), 599},
        {TOKEN(",\"expires_in_seconds\":1e300"), WD_GDS_TOKEN_LIFE_MAX},
        {TOKEN(",\"expires_in_seconds\":\"999999999999\""),
         WD_GDS_TOKEN_LIFE_MAX},
        {TOKEN(",\"expires_in_seconds\":-5"), 0},
        {TOKEN(",\"expires_in_seconds\":0"), 0},
        {TOKEN(",\"expires_in_seconds\":\"NaN\""), 0},
        {TOKEN(",\"expires_in_seconds\":\"1e999\""), 0},
        {TOKEN(",\"expires_in_seconds\":\"soon\""), 0},
        {TOKEN(",\"expires_in_seconds\":[1]"), 0},
        {TOKEN(",\"expires_in_seconds\":null"), 0},
        {TOKEN(""), 0},
    };

    (void) state;
    assert_non_null(pool);
    for (i = 0; i < wd_array_len(good); i++) {
        assert_ok(wd_gds_classify_token(wd_str_z(good[i].body), pool, &a, &t));
        assert_int_equal(a.class, WD_ANSWER_OK);
        assert_view(t.access, "eyJh.b-c_d");
        assert_true(t.refresh.data == NULL);
        assert_int_equal(t.expires_s, good[i].life);
    }

    assert_ok(wd_gds_classify_token(
        WD_STR(TOKEN(",\"refresh_token\":\"r~1\",\"scope\":null")), pool, &a,
        &t));
    assert_view(t.refresh, "r~1");
    wd_pool_destroy(pool);
}


static void
test_token_refused(void **state)
{
    size_t         i;
    wd_buf_t       body = WD_BUF_INIT;
    wd_pool_t     *pool = wd_pool_create(256);
    wd_answer_t    a;
    wd_gds_token_t t;

    static const row_t refused[] = {
        {"{\"access_token\":\"a b\"}", "malformed", NULL},
        {"{\"access_token\":\"a\\r\\nX: y\"}", "malformed", NULL},
        {"{\"access_token\":\"caf\xc3\xa9\"}", "malformed", NULL},
        {TOKEN(",\"refresh_token\":\"a\\u0001\""), "malformed", NULL},
        {TOKEN(",\"token_type\":\"mac\""), "malformed", NULL},
        {"{\"access_token\":\"\"}", "malformed", NULL},
        {"{\"access_token\":7}", "malformed", NULL},
        {"{\"access_token\":\"abc\"", "malformed", "cut short"},
        {"{\"error\":\"invalid_client\"}", "auth", "invalid_client"},
        {LIST(FAILED("Invalid user name or password")), "auth", "password"},
        {LIST(GOOD), "malformed", "no token"},
        {"{\"message\":\"Wrong password for token=abc-1\"}", "auth",
         "token=[redacted]"},
        {"<html></html>", "malformed", "HTML"},
        {"[]", "malformed", NULL},
        {"", "upstream", NULL},
    };

    (void) state;
    assert_non_null(pool);
    for (i = 0; i < wd_array_len(refused); i++) {
        memset(&t, 0xff, sizeof(t));
        assert_ok(
            wd_gds_classify_token(wd_str_z(refused[i].body), pool, &a, &t));
        check(&refused[i], &a);
        assert_true(t.access.data == NULL && t.access.len == 0);
    }

    wd_buf_z(&body, "{\"access_token\":\"");
    for (i = 0; i <= WD_GDS_TOKEN_MAX; i++) {
        wd_buf_byte(&body, 'a');
    }
    wd_buf_z(&body, "\"}");
    assert_ok(wd_gds_classify_token(wd_buf_view(&body), pool, &a, &t));
    assert_int_equal(a.class, WD_ANSWER_MALFORMED);
    wd_buf_done(&body);
    wd_pool_destroy(pool);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes), cmocka_unit_test(test_batch),
        cmocka_unit_test(test_words),   cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_token),   cmocka_unit_test(test_token_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
