/*
 * The classes of provider answers: every documented error body, the shapes
 * of data, and what no provider documents.
 */
#include "wd_av_answer.h"
#include "wd_bbg_answer.h"
#include "wd_gds_answer.h"
#include "wd_kf_answer.h"
#include "wd_lseg_answer.h"
#include "wd_wb_answer.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

typedef struct {
    const char *name;
    const char *body;
    const char *class;
    const char *text; /* part of it; NULL: not looked at */
} row_t;

#define BOM "\xef\xbb\xbf"
#define META "\"Meta Data\": {\"1. Information\": \"Daily Prices\"}"
#define SERIES                                                                 \
    "\"Time Series (Daily)\": {\"2021-03-31\": {\"1. open\": \"134.54\"}}"

static const row_t av_rows[] = {
    /* The ten notices of the service. */
    {"invalid call",
     "{\"Error Message\": \"Invalid API call. Please retry or visit the "
     "documentation for TIME_SERIES_DAILY.\"}",
     "not_found", "Invalid API call"},
    {"invalid key",
     "{\"Error Message\": \"the parameter apikey is invalid or missing. "
     "Please claim your free API key.\"}",
     "auth", "apikey is invalid"},
    {"5 a minute",
     "{\"Note\": \"Thank you! Our standard API call frequency is 5 calls per "
     "minute and 500 calls per day.\"}",
     "limit_short", "5 calls"},
    {"1 a second",
     "{\"Information\": \"Please consider spreading out your free API "
     "requests more sparingly (1 request per second). You may subscribe to "
     "lift the free key rate limit (25 requests per day), raise the "
     "per-second burst limit, and instantly unlock all premium endpoints\"}",
     "limit_short", "sparingly"},
    {"1 a second, without the bracket",
     "{\"Information\": \"Please consider spreading out your free API "
     "requests more sparingly. You may subscribe to any of the premium plans "
     "to lift the free key rate limit (25 requests per day)\"}",
     "limit_short", NULL},
    {"minute-level",
     "{\"Information\": \"Minute-level rate limit exceed. Please stay under "
     "the number of API requests for your premium subscription plan.\"}",
     "limit_short", NULL},
    {"25 a day, with the key",
     "{\"Information\": \"We have detected your API key as AB12CD34EF56GH78 "
     "and our standard API rate limit is 25 requests per day. Please "
     "subscribe to any of the premium plans\"}",
     "limit_long", "API key as [redacted] and"},
    {"25 a day, with a short key",
     "{\"Information\": \"We have detected your API key as my-key_1 and our "
     "standard API rate limit is 25 requests per day.\"}",
     "limit_long", "API key as [redacted] and"},
    {"25 a day",
     "{\"Information\": \"Our standard API rate limit is 25 requests per day. "
     "Please subscribe to instantly remove all daily rate limits.\"}",
     "limit_long", NULL},
    {"premium endpoint",
     "{\"Information\": \"Thank you! This is a premium endpoint. You may "
     "subscribe to instantly unlock all premium endpoints\"}",
     "permission", NULL},
    {"premium outputsize",
     "{\"Information\": \"The outputsize=full parameter value is a premium "
     "feature for the TIME_SERIES_DAILY endpoint.\"}",
     "permission", NULL},
    {"demo key",
     "{\"Information\": \"The **demo** API key is for demo purposes only. "
     "Please claim your free API key\"}",
     "permission", NULL},
    {"artificial rows",
     "{\"endpoint\": \"Daily\", \"message\": \"This is a premium endpoint. "
     "***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL***\", " META
     ", " SERIES "}",
     "artificial", "ARTIFICIAL"},
    {"artificial rows in a list",
     "{\"message\": \"This is a premium endpoint.\", \"data\": "
     "[{\"expiration\": \"2099-99-99\"}]}",
     "artificial", NULL},
    {"message without rows", "{\"message\": \"This is a premium endpoint.\"}",
     "permission", NULL},
    {"unknown notice", "{\"Information\": \"Hello\"}", "malformed", "Hello"},

    /* Nothing. */
    {"{}", "{}", "empty", NULL},
    {"empty quote", "{\"Global Quote\": {}}", "empty", NULL},
    {"empty search", "{\"bestMatches\": []}", "empty", NULL},
    {"empty series", "{" META ", \"Time Series (Daily)\": {}}", "empty", NULL},
    {"CSV head alone", "timestamp,open,high,low,close\r\n", "empty", NULL},
    {"no bytes", "", "upstream", "no bytes"},
    {"blanks", " \r\n", "upstream", "no bytes"},

    /* Data. */
    {"series", "{" META ", " SERIES "}", "ok", ""},
    {"series with BOM", BOM "{" META ", " SERIES "}", "ok", ""},
    {"quote", "{\"Global Quote\": {\"01. symbol\": \"IBM\"}}", "ok", ""},
    {"search", "{\"bestMatches\": [{\"1. symbol\": \"BA\"}]}", "ok", ""},
    {"overview", "{\"Symbol\": \"IBM\", \"Name\": \"x\"}", "ok", ""},
    {"CSV", "timestamp,open,high\r\n2026-05-15,1,2\r\n", "ok", ""},
    {"CSV of a quote",
     "symbol,open,high\r\n\"A,B\",1,2\r\n", "ok", ""},

    /* CSV asked for, JSON error given. */
    {"JSON error for CSV",
     "\r\n{\"Error Message\": \"Invalid API call.\"}", "not_found", NULL},

    /* What is none of these. */
    {"text", "Service is being updated, come back later\n", "malformed",
     "neither JSON nor CSV"},
    {"HTML", "<html><body>502</body></html>", "malformed", "HTML"},
    {"cut in a key", "{" META ", \"Time Ser", "malformed", "cut short"},
    {"cut in a row", "{" META ", \"Time Series (Daily)\": {\"2021-03-31\": {",
     "malformed", "cut short"},
    {"cut CSV", "timestamp,open,high\r\n2026-05-15,1,2\r\n2026-05-14,1",
     "malformed", "cut short"},
    {"no JSON", "{\"a\": nope}", "malformed", "not JSON"},
    {"rubbish behind", "{} {}", "malformed", NULL},
    {"an array", "[1, 2]", "malformed", NULL},
    {"series as array", "{" META ", \"Time Series (Daily)\": [1]}",
     "malformed", NULL},
    {"meta as array", "{\"Meta Data\": [1], " SERIES "}", "malformed", NULL},
    {"meta alone", "{" META "}", "malformed", "no series"},
    {"quote as array", "{\"Global Quote\": [1]}", "malformed", NULL},
    {"other members", "{\"error\": {\"code\": 1}}", "malformed", NULL},
    {"not UTF-8", "{\"Symbol\": \"\xff\xfe\"}", "malformed", NULL},
};

#define WB_ERROR(id, text)                                                     \
    "[{\"message\":[{\"id\":\"" id "\",\"key\":\"k\",\"value\":\"" text      \
    "\"}]}]"
#define WB_HEAD "{\"page\":1,\"pages\":1,\"per_page\":50,\"total\":1}"

static const row_t wb_rows[] = {
    {"120", WB_ERROR("120", "The provided parameter value is not valid"),
     "not_found", "120: The provided"},
    {"175", WB_ERROR("175", "The indicator was not found. It may have been "
                            "deleted or archived."),
     "archived", "archived"},
    {"170", WB_ERROR("170", "x"), "archived", NULL},
    {"105", WB_ERROR("105", "The requested service is unavailable"),
     "upstream", NULL},
    {"199", WB_ERROR("199", "x"), "upstream", NULL},
    {"110", WB_ERROR("110", "x"), "bad_request", NULL},
    {"111", WB_ERROR("111", "x"), "bad_request", NULL},
    {"112", WB_ERROR("112", "x"), "bad_request", NULL},
    {"115", WB_ERROR("115", "x"), "bad_request", NULL},
    {"140", WB_ERROR("140", "x"), "bad_request", NULL},
    {"150", WB_ERROR("150", "x"), "bad_request", NULL},
    {"160", WB_ERROR("160", "x"), "bad_request", NULL},
    {"an unknown number", WB_ERROR("998", "x"), "bad_request", NULL},
    {"no number", "[{\"message\":[{}]}]", "malformed", NULL},
    {"no message", "[{\"message\":[]}]", "malformed", NULL},

    {"page 0 and null",
     "[{\"page\":0,\"pages\":0,\"per_page\":0,\"total\":0},null]", "empty",
     NULL},
    {"page \"1\" of 0", "[{\"page\":\"1\",\"pages\":\"0\",\"total\":0},[]]",
     "empty", NULL},
    {"page object alone", "[{\"page\":0,\"pages\":0,\"total\":0}]", "empty",
     NULL},
    {"no bytes", "", "upstream", NULL},

    {"a row", "[" WB_HEAD ",[{\"value\":null}]]", "ok", ""},
    {"a row with BOM", BOM "[" WB_HEAD ",[{\"value\":1}]]", "ok", ""},
    {"numbers as text",
     "[{\"page\":\"1\",\"pages\":\"1\",\"total\":\"1\"},[{}]]", "ok", ""},
    {"rows without a total", "[{\"page\":1},[{}]]", "partial", NULL},

    {"HTML", "<!DOCTYPE html><html>Bad Request</html>", "malformed", "HTML"},
    {"XML with BOM", BOM "<?xml version=\"1.0\"?><wb:error/>", "malformed",
     NULL},
    {"cut", "[" WB_HEAD ",[{\"value\":1},", "malformed", "cut short"},
    {"object", "{}", "malformed", NULL},
    {"empty array", "[]", "malformed", NULL},
    {"three elements", "[" WB_HEAD ",[],[]]", "malformed", NULL},
    {"rows as object", "[" WB_HEAD ",{}]", "malformed", NULL},
    {"a row that is a number", "[" WB_HEAD ",[1]]", "malformed", NULL},
    {"text", "come back later", "malformed", NULL},
};


static void
check(const row_t *rows, size_t n,
      int (*classify)(wd_str_t body, wd_answer_t *ret))
{
    size_t      i;
    wd_answer_t a;

    for (i = 0; i < n; i++) {
        memset(&a, 0xff, sizeof(a));
        assert_int_equal(classify(wd_str_z(rows[i].body), &a), WD_OK);
        if (strcmp(wd_answer_name(a.class), rows[i].class) != 0
            || (rows[i].text != NULL
                && (rows[i].text[0] == '\0'
                        ? a.text[0] != '\0'
                        : strstr(a.text, rows[i].text) == NULL))) {
            fail_msg("%s: %s, \"%s\"", rows[i].name, wd_answer_name(a.class),
                     a.text);
        }
    }
}


static void
av_classes(void **state)
{
    (void) state;
    check(av_rows, wd_array_len(av_rows), wd_av_classify);
}


static void
wb_classes(void **state)
{
    (void) state;
    check(wb_rows, wd_array_len(wb_rows), wd_wb_classify);
}


/* Every prefix of a good answer is refused, or was whole before. */
static void
every_cut_is_seen(void **state)
{
    static const char av[] = "{" META ", " SERIES "}";
    static const char wb[] = "[" WB_HEAD ",[{\"value\":1}]]";
    size_t            n;
    wd_answer_t       a;

    (void) state;
    for (n = 1; n < sizeof(av) - 1; n++) {
        assert_int_equal(wd_av_classify(wd_str(av, n), &a), WD_OK);
        assert_int_equal(a.class, WD_ANSWER_MALFORMED);
    }
    for (n = 1; n < sizeof(wb) - 1; n++) {
        assert_int_equal(wd_wb_classify(wd_str(wb, n), &a), WD_OK);
        assert_int_equal(a.class, WD_ANSWER_MALFORMED);
    }
}


static void
wb_pages(void **state)
{
    wd_answer_t  a;
    wd_wb_page_t p;

    (void) state;
    assert_int_equal(
        wd_wb_classify_page(WD_STR("[{\"page\":2,\"pages\":\"7\","
                                   "\"total\":3.0},[{},{}]]"),
                            &a, &p),
        WD_OK);
    assert_int_equal(p.page, 2);
    assert_int_equal(p.pages, 7);
    assert_int_equal(p.total, 3);
    assert_int_equal(p.rows, 2);

    assert_int_equal(
        wd_wb_classify_page(WD_STR("[{\"page\":-1,\"pages\":1e300,"
                                   "\"total\":\"x\"},[{}]]"),
                            &a, &p),
        WD_OK);
    assert_int_equal(p.page, 0);
    assert_int_equal(p.pages, 0);
    assert_int_equal(p.total, 0);
    assert_int_equal(a.class, WD_ANSWER_PARTIAL);
}


/*
 * A figure that no number holds spoils its row and not the answer. Nothing
 * else that is no JSON is taken with it.
 */
static void
figures_that_are_none(void **state)
{
    static const struct {
        const char *name;
        int (*classify)(wd_str_t body, wd_answer_t *ret);
        const char *body; /* %s: a value */
    } shapes[] = {
        {"alphavantage", wd_av_classify,
         "{" META ", \"Time Series (Daily)\": {\"2021-03-31\": {\"1. open\": "
         "%s}, \"2021-03-30\": {\"1. open\": \"1\"}}}"},
        {"worldbank", wd_wb_classify,
         "[" WB_HEAD ",[{\"value\":%s},{\"value\":1}]]"},
        {"lseg", wd_lseg_classify,
         "[{\"universe\":{\"ric\":\"A\"},\"headers\":[{\"name\":\"DATE\"}],"
         "\"data\":[[%s],[1]]}]"},
        {"blpapi", wd_bbg_classify,
         "{\"data\":[{\"securityData\":{\"security\":\"A\",\"fieldData\":[{"
         "\"X\":%s},{\"X\":1}]}}],\"status\":0}"},
        {"gds", wd_gds_classify,
         "{\"GDSSDKResponse\":[{\"ErrMsg\":null,\"Function\":\"GDSP\","
         "\"Identifier\":\"A:\",\"Mnemonic\":\"X\",\"Rows\":[{\"Row\":[%s]}]}]}"},
        {"kfinance", wd_kf_classify,
         "{\"prices\":[{\"date\":\"2024-01-02\",\"close\":%s}]}"},
    };
    static const char *const none[] = {
        "NaN", "nan", "-nan", "Infinity", "-Infinity", "inf", "1e999",
        "-1.5E+400", "[NaN, 1e999 ]", "{\"a\":-Infinity\n}",
        "123456789012345678901234567890",
        "\"NaN, \\\" 1e999\", \"x\": NaN"};
    static const char *const broken[] = {
        "None", "NA", "undefined", "NaNa", "NaN5", "1NaN", "5 NaN", "+1",
        "NaN NaN", "Infinity1e999", "1e999x", "01", "NaN\"", "--Infinity",
        "1e999}", "NaN,", "'NaN'", "\"NaN", "NaN:1"};
    char        body[1000];
    size_t      i, k;
    wd_answer_t a;

    (void) state;
    for (i = 0; i < wd_array_len(shapes); i++) {
        for (k = 0; k < wd_array_len(none); k++) {
            if (none[k][0] == '"' && strchr(shapes[i].body, '[') != NULL
                && strstr(shapes[i].body, "[%s]") != NULL) {
                continue; /* a member, where there are none */
            }
            snprintf(body, sizeof(body), shapes[i].body, none[k]);
            assert_int_equal(shapes[i].classify(wd_str_z(body), &a), WD_OK);
            if (a.class != WD_ANSWER_OK) {
                fail_msg("%s, %s: %s, \"%s\"", shapes[i].name, none[k],
                         wd_answer_name(a.class), a.text);
            }
        }
        for (k = 0; k < wd_array_len(broken); k++) {
            snprintf(body, sizeof(body), shapes[i].body, broken[k]);
            assert_int_equal(shapes[i].classify(wd_str_z(body), &a), WD_OK);
            if (a.class != WD_ANSWER_MALFORMED) {
                fail_msg("%s, %s: %s, \"%s\"", shapes[i].name, broken[k],
                         wd_answer_name(a.class), a.text);
            }
        }
    }
}


/* A page number that is none is none. */
static void
page_numbers_that_are_none(void **state)
{
    wd_answer_t  a;
    wd_wb_page_t p;

    (void) state;
    assert_int_equal(
        wd_wb_classify_page(WD_STR("[{\"page\":NaN,\"pages\":1e999,"
                                   "\"total\":99999999999999999999},[{}]]"),
                            &a, &p),
        WD_OK);
    assert_int_equal(p.page, 0);
    assert_int_equal(p.pages, 0);
    assert_int_equal(p.total, 0);
    assert_int_equal(a.class, WD_ANSWER_PARTIAL);
}


static void
waits_of_limits(void **state)
{
    wd_answer_t a;

    (void) state;
    assert_int_equal(wd_av_classify(wd_str_z(av_rows[2].body), &a), WD_OK);
    assert_int_equal(a.wait_s, 60);
    assert_int_equal(wd_av_classify(wd_str_z(av_rows[3].body), &a), WD_OK);
    assert_int_equal(a.wait_s, 2);
}


static void
redacts(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"nothing here", "nothing here"},
        {"x?apikey=abc-1_%20&b=2", "x?apikey=[redacted]&b=2"},
        {"API key as k.", "API key as [redacted]."},
        {"key AB12CD34EF56GH78!", "key [redacted]!"},
        {"(25 requests per day)", "(25 requests per day)"},
        {"ILLUSTRATION PURPOSES", "ILLUSTRATION PURPOSES"},
        {"www.alphavantage.co/premium", "www.alphavantage.co/premium"},
        {"a\nb\tc", "a b c"},
        {"a\xff\xc3", "a??"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
    };
    size_t i;
    char   out[64], small[8];

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        wd_answer_redact(wd_str_z(rows[i].in), out, sizeof(out));
        assert_string_equal(out, rows[i].out);
    }

    /* A character is never cut in its middle. */
    wd_answer_redact(WD_STR("abcdef\xc3\xa9"), small, sizeof(small));
    assert_string_equal(small, "abcdef");
    wd_answer_redact(WD_STR("abc AB12CD34EF56GH78"), small, sizeof(small));
    assert_string_equal(small, "abc ");
}


/* A small document that would take gigabytes to hold. */
static void
brackets_are_bounded(void **state)
{
    size_t      n = 3 * 1024 * 1024;
    char       *body = malloc(n);
    wd_answer_t a;

    (void) state;
    assert_non_null(body);
    memset(body, '[', n);
    assert_int_equal(wd_wb_classify(wd_str(body, n), &a), WD_OK);
    assert_int_equal(a.class, WD_ANSWER_MALFORMED);
    assert_non_null(strstr(a.text, "too large"));
    assert_int_equal(wd_av_classify(wd_str(body, n), &a), WD_OK);
    assert_int_equal(a.class, WD_ANSWER_MALFORMED);

    memset(body, '[', 400000);
    assert_int_equal(wd_wb_classify(wd_str(body, 400000), &a), WD_OK);
    assert_int_equal(a.class, WD_ANSWER_MALFORMED);
    free(body);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(av_classes),
        cmocka_unit_test(wb_classes),
        cmocka_unit_test(every_cut_is_seen),
        cmocka_unit_test(wb_pages),
        cmocka_unit_test(figures_that_are_none),
        cmocka_unit_test(page_numbers_that_are_none),
        cmocka_unit_test(waits_of_limits),
        cmocka_unit_test(redacts),
        cmocka_unit_test(brackets_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
