/*
 * test_domain_bbg_answer.c - the classes of Bloomberg's answers.
 */
#include "wd_test.h"

#include "wd_bbg_answer.h"

#define OK_ENVELOPE(m) "{\"data\":[" m "],\"status\":0,\"message\":\"OK\"}"
#define GOOD "{\"security\":\"A\",\"fieldData\":{\"X\":1}}"
#define ERROR(cat, sub)                                                     \
    "{\"source\":\"1::x\",\"code\":7,\"category\":\"" cat "\",\"message\":" \
    "\"why [nid:1]\",\"subcategory\":\"" sub "\"}"
#define BAD(cat, sub) \
    "{\"security\":\"B\",\"securityError\":" ERROR(cat, sub) "}"
#define REFUSED(cat, sub) "{\"responseError\":" ERROR(cat, sub) "}"
#define STATUS(code, title)                                                  \
    "{\"@type\":\"Status\",\"statusCode\":" code ",\"title\":\"" title "\"," \
    "\"description\":\"d of " title "\",\"errors\":[]}"
#define DL(rows)                                                              \
    "START-OF-FILE\nPROGRAMNAME=getdata\nSTART-OF-FIELDS\nX\nEND-OF-FIELDS\n" \
    "START-OF-DATA\n" rows "END-OF-DATA\nEND-OF-FILE"

static const struct {
    const char *name;
    const char *body;
    const char *class;
    const char *text; /* part of it; NULL: not looked at */
} rows[] = {
    /* BLPAPI. */
    {"reference", OK_ENVELOPE("{\"securityData\":[" GOOD "]}"), "ok", ""},
    {"one element", "{\"securityData\":" GOOD "}", "ok", ""},
    {"history",
     "[{\"securityData\":{\"security\":\"A\",\"fieldData\":"
     "[{\"date\":\"2020-01-01\"}]}}]",
     "ok", ""},
    {"one bad of two", "{\"securityData\":[" BAD("BAD_SEC", "X") "," GOOD "]}",
     "ok", ""},
    {"all bad", "{\"securityData\":[" BAD("BAD_SEC", "INVALID_SECURITY") "]}",
     "not_found", "BAD_SEC INVALID_SECURITY 7: why"},
    {"all forbidden",
     "{\"securityData\":[" BAD("NO_AUTH", "NOT_AUTHORIZED") "]}", "permission",
     NULL},
    {"an unknown reason", "{\"securityData\":[" BAD("IO_ERROR", "") "]}",
     "upstream", NULL},
    {"a bad field alone",
     "{\"securityData\":{\"security\":\"A\","
     "\"fieldExceptions\":[{\"fieldId\":\"F\",\"errorInfo\":" ERROR(
         "BAD_FLD", "NOT_APPLICABLE_TO_REF_DATA") "}],\"fieldData\":{}}}",
     "bad_request", "NOT_APPLICABLE_TO_REF_DATA"},
    {"daily limit", REFUSED("LIMIT", "DAILY_LIMIT_REACHED"), "limit_long",
     "DAILY_LIMIT_REACHED"},
    {"monthly limit", OK_ENVELOPE(REFUSED("LIMIT", "MONTHLY_LIMIT_REACHED")),
     "limit_long", NULL},
    {"limit behind rows",
     OK_ENVELOPE("{\"securityData\":[" GOOD
                 "]}," REFUSED("LIMIT", "DAILY_LIMIT_REACHED")),
     "limit_long", NULL},
    {"limit of one security",
     "{\"securityData\":[" GOOD
     "," BAD("BAD_SEC", "X") "," BAD("LIMIT", "DAILY_LIMIT_REACHED") "]}",
     "limit_long", "DAILY_LIMIT_REACHED"},
    {"not authorized", REFUSED("NO_AUTH", "NOT_AUTHORIZED"), "permission",
     NULL},
    {"not authorized by its category", REFUSED("NOT_AUTHORIZED", ""),
     "permission", NULL},
    {"too many fields", REFUSED("BAD_ARGS", "TOO_MANY_FIELDS"), "bad_request",
     NULL},
    {"bad security of the whole", REFUSED("BAD_SEC", "INVALID_SECURITY"),
     "not_found", NULL},
    {"timeout",
     "{\"reason\":{\"errorCode\":2,\"category\":\"TIMEOUT\","
     "\"description\":\"late\"}}",
     "upstream", "late"},
    {"an error behind rows",
     OK_ENVELOPE("{\"securityData\":[" GOOD "]}," REFUSED("IO_ERROR", "")),
     "partial", NULL},
    {"parts without the last",
     "[{\"eventType\":\"PARTIAL_RESPONSE\","
     "\"securityData\":[" GOOD "]}]",
     "partial", NULL},
    {"parts with the last",
     "[{\"eventType\":\"PARTIAL_RESPONSE\","
     "\"securityData\":[" GOOD "]},{\"eventType\":\"RESPONSE\","
     "\"securityData\":[]}]",
     "ok", ""},
    {"no rows", "{\"securityData\":{\"security\":\"A\",\"fieldData\":[]}}",
     "empty", NULL},
    {"no messages", OK_ENVELOPE(""), "empty", NULL},
    {"the bridge fails", "{\"status\":500,\"message\":\"no session\"}",
     "upstream", "no session"},

    /* The REST service. */
    {"created", STATUS("201", "Created"), "ok", ""},
    {"401", STATUS("401", "Unauthorized"), "auth", "d of Unauthorized"},
    {"403", STATUS("403", "Forbidden"), "permission", NULL},
    {"404", STATUS("404", "Not Found"), "not_found", NULL},
    {"400", STATUS("400", "Bad Request"), "bad_request", NULL},
    {"409", STATUS("409", "Conflict"), "bad_request", NULL},
    {"429", STATUS("429", "Too Many Requests"), "limit_short", NULL},
    {"503", STATUS("503", "Unavailable"), "upstream", NULL},
    {"a problem", "{\"title\":\"t\",\"status\":404,\"detail\":\"no such\"}",
     "not_found", "no such"},
    {"no number", "{\"title\":\"t\",\"errors\":[{\"detail\":\"x\"}]}",
     "bad_request", "t"},
    {"token server",
     "{\"error\":\"invalid_client\",\"error_description\":"
     "\"token=abc\"}",
     "auth", "token=[redacted]"},
    {"a list", "{\"@id\":\"\",\"contains\":[{\"identifier\":\"a\"}]}", "ok",
     ""},
    {"an empty list", "{\"totalItems\":0,\"contains\":[]}", "empty", NULL},
    {"a resource", "{\"@id\":\"\",\"identifier\":\"idBbGlobal\"}", "ok", ""},

    {"a request of the REST service",
     "{\"@type\":\"Universe\","
     "\"identifier\":\"a\",\"contains\":[{}]}",
     "malformed", NULL},

    /* Files. */
    {"a file", DL("A|0|1|2|\n"), "ok", ""},
    {"a file without rows", DL(""), "empty", NULL},
    {"a request", DL("IBM US Equity\n"), "malformed", NULL},
    {"a cut file", "START-OF-FILE\nSTART-OF-DATA\nA|0|1|2|\n", "malformed",
     "END-OF-FILE"},
    {"a table", "IDENTIFIER,RC,X\nA,0,1\n", "ok", ""},
    {"a table without rows", "IDENTIFIER,RC,X\r\n", "empty", NULL},

    {"nothing", "", "upstream", NULL},
    {"HTML", "<html>", "malformed", "HTML"},
    {"JSON:API 401",
     "{\"errors\":[{\"status\":\"401\",\"title\":\"Unauthorized\","
     "\"detail\":\"expired\"}]}",
     "auth", "expired"},
    {"JSON:API 403", "{\"errors\":[{\"status\":\"403\",\"title\":\"Nope\"}]}",
     "permission", "Nope"},
    {"JSON:API 429", "{\"errors\":[{\"status\":\"429\"}]}", "limit_short",
     NULL},
    {"JSON:API 503", "{\"errors\":[{\"status\":\"503\"}]}", "upstream", NULL},
    {"JSON:API without a status", "{\"errors\":[{\"detail\":\"no\"}]}",
     "bad_request", "no"},
    {"JSON:API with an odd status", "{\"errors\":[{\"status\":\"200\"},7]}",
     "bad_request", NULL},
    {"JSON:API empty", "{\"errors\":[]}", "bad_request", NULL},
    {"cut", "{\"securityData\":[", "malformed", "cut short"},
    {"text", "come back later", "malformed", NULL},
    {"number", "7", "malformed", NULL},
    {"object", "{}", "malformed", NULL},
    {"array", "[]", "malformed", NULL},
    {"null", "null", "malformed", NULL},
    {"wrong types", "{\"data\":7,\"securityData\":\"x\",\"responseError\":[]}",
     "malformed", NULL},
    {"wrong types inside", "{\"securityData\":[7,null,[{}],{\"fieldData\":3}]}",
     "empty", NULL},
    {"request", "{\"securities\":[\"A\"],\"fields\":[\"X\"]}", "malformed",
     NULL},
};


static void
test_classes(void **state)
{
    size_t      i;
    wd_answer_t a;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        memset(&a, 0xff, sizeof(a));
        assert_ok(wd_bbg_classify(wd_str_z(rows[i].body), &a));
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
test_every_cut(void **state)
{
    size_t      n;
    wd_answer_t a;

    static const char *const bodies[] = {
        OK_ENVELOPE("{\"securityData\":[" GOOD "]}"), DL("A|0|1|2|\n")};
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(bodies); i++) {
        for (n = 1; n < strlen(bodies[i]); n++) {
            assert_ok(wd_bbg_classify(wd_str(bodies[i], n), &a));
            assert_int_equal(a.class, WD_ANSWER_MALFORMED);
        }
    }
}


static void
test_nesting(void **state)
{
    size_t      i;
    char       *body = malloc(20000 * 8 + 1);
    wd_answer_t a;

    (void) state;
    assert_non_null(body);
    body[0] = '\0';
    for (i = 0; i < 1000; i++) {
        strcpy(body + 8 * i, "{\"data\":");
    }
    strcpy(body + 8000, "{\"securityData\":[" GOOD "]}");
    i = strlen(body);
    memset(body + i, '}', 1000);
    assert_ok(wd_bbg_classify(wd_str(body, i + 1000), &a));
    assert_int_equal(a.class, WD_ANSWER_MALFORMED);
    free(body);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_nesting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
