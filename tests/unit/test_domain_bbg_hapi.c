/*
 * test_domain_bbg_hapi.c - documents of the Data License REST service: lists,
 * what became of a request, notices, and the bodies of requests.
 */
#include "wd_test.h"

#include "wd_bbg_hapi.h"
#include "wd_bbg_request.h"

#define HOST WD_STR("api.bloomberg.com")
#define EAP "https://api.bloomberg.com/eap/"

typedef struct {
    wd_pool_t      *pool;
    wd_error_t      err;
    wd_bbg_page_t   page;
    wd_bbg_status_t status;
    wd_bbg_notice_t notice;
} read_t;


static void
begin(read_t *r)
{
    memset(r, 0, sizeof(*r));
    r->pool = wd_pool_create(4096);
    assert_non_null(r->pool);
}


static void
done(read_t *r)
{
    wd_pool_destroy(r->pool);
}


static int
page(read_t *r, const char *body)
{
    return wd_bbg_page_read(wd_str_z(body), HOST, r->pool, &r->page, &r->err);
}


static int
status(read_t *r, const char *body)
{
    return wd_bbg_status_read(wd_str_z(body), HOST, r->pool, &r->status,
                              &r->err);
}


static int
notice(read_t *r, const char *body)
{
    return wd_bbg_notice_read(wd_str_z(body), HOST, r->pool, &r->notice,
                              &r->err);
}


static void
test_paths(void **state)
{
    size_t   i;
    read_t   r;
    wd_str_t got;

    static const struct {
        const char *url, *path; /* NULL: elsewhere */
    } cases[] = {
        {EAP "catalogs/", "/eap/catalogs/"},
        {"https://API.bloomberg.COM/x?page=2", "/x?page=2"},
        {"/eap/catalogs/bbg/", "/eap/catalogs/bbg/"},
        {"", "/a/b/c?d=/e"},
        {"x/", "/a/b/x/"},
        {"?page=2", "/a/b/c?page=2"},
        {"x?u=http://y", "/a/b/x?u=http://y"},
        {"http://api.bloomberg.com/eap/", NULL},
        {"https://api.bloomberg.com", NULL},
        {"https://api.bloomberg.com.evil.org/", NULL},
        {"https://api.bloomberg.com:444/", NULL},
        {"https://api.bloomberg.com@evil.org/", NULL},
        {"https://u@api.bloomberg.com/", NULL},
        {"https://evil.org/api.bloomberg.com/", NULL},
        {"https://api.bloomberg.com//evil.org/", NULL},
        {"//evil.org/", NULL},
        {"javascript:x", NULL},
        {"../x", NULL},
        {"/a/../b", NULL},
        {"/a b", NULL},
        {"/a#b", NULL},
        {"/a\r\nHost: x", NULL},
        {"/a\"", NULL},
        {"/\xc3\xa9", NULL},
    };

    (void) state;
    begin(&r);
    for (i = 0; i < wd_array_len(cases); i++) {
        assert_ok(wd_bbg_path(r.pool, HOST, WD_STR("/a/b/c?d=/e"),
                              wd_str_z(cases[i].url), &got));
        if (cases[i].path == NULL ? got.data != NULL
                                  : !wd_str_eq_z(got, cases[i].path)) {
            fail_msg("%s: %.*s", cases[i].url, WD_STR_ARG(got));
        }
    }
    assert_ok(wd_bbg_path(r.pool, HOST, WD_STR_NULL, WD_STR("x"), &got));
    assert_null(got.data);
    assert_ok(wd_bbg_path(r.pool, HOST, WD_STR("/"), WD_STR_NULL, &got));
    assert_null(got.data);
    done(&r);
}


#define LIST(more)                                                             \
    "{\"@context\":{\"@base\":\"" EAP "catalogs/1234/requests/\","             \
    "\"@vocab\":\"" EAP "ontology#\"},\"@id\":\"\",\"@type\":[\"Collection\"," \
    "\"Requests\"],\"title\":\"Requests\",\"totalItems\":3,\"pageCount\":2,"   \
    "\"contains\":[{\"@id\":\"one/\",\"@type\":\"DataRequest\","               \
    "\"identifier\":\"one\",\"title\":\"First\"},{\"x\":1},7,"                 \
    "{\"@type\":\"Identifier\",\"identifierType\":\"ISIN\","                   \
    "\"identifierValue\":\"US88160R1014\"},{\"mnemonic\":\"PX_LAST\"},"        \
    "{\"@id\":\"https://evil.org/\",\"cleanName\":\"pxLast\"}]" more "}"

static void
test_page(void **state)
{
    read_t r;

    (void) state;
    begin(&r);
    assert_ok(page(&r, LIST(",\"view\":{\"@id\":\"?page=1\",\"next\":"
                            "\"?page=2\",\"last\":\"?page=2\"}")));
    assert_int_equal(r.page.total, 3);
    assert_int_equal(r.page.pages, 2);
    assert_view(r.page.next, "/eap/catalogs/1234/requests/?page=2");
    assert_view(r.page.self.path, "/eap/catalogs/1234/requests/");
    assert_view(r.page.self.type, "Requests");
    assert_int_equal(r.page.n_items, 4);
    assert_int_equal(r.page.n_bad, 2);
    assert_view(r.page.items[0].path, "/eap/catalogs/1234/requests/one/");
    assert_view(r.page.items[0].identifier, "one");
    assert_view(r.page.items[0].type, "DataRequest");
    assert_view(r.page.items[0].title, "First");
    assert_view(r.page.items[1].scheme, "ISIN");
    assert_view(r.page.items[1].value, "US88160R1014");
    assert_view(r.page.items[2].value, "PX_LAST");
    assert_view(r.page.items[3].value, "pxLast");
    assert_null(r.page.items[3].path.data);

    assert_ok(page(&r, LIST(",\"view\":{\"next\":{\"@id\":\"" EAP "x\"}}")));
    assert_view(r.page.next, "/eap/x");
    assert_ok(page(&r, LIST(",\"view\":{}")));
    assert_null(r.page.next.data);
    assert_ok(page(&r, LIST("")));
    assert_int_equal(page(&r, LIST(",\"view\":{\"next\":"
                                   "\"https://evil.org/\"}")),
                     WD_EPROTO);

    assert_ok(page(&r, "{\"contains\":[],\"totalItems\":\"0\",\"pageCount\":"
                       "-1}"));
    assert_int_equal(r.page.total, 0);
    assert_int_equal(r.page.pages, -1);
    assert_int_equal(r.page.n_items, 0);

    /* A resource alone, as the service describes a field. */
    assert_ok(page(&r, "{\"@context\":{\"@base\":\"" EAP
                       "catalogs/bbg/fields/idBbGlobal/\"},\"@id\":\"\","
                       "\"@type\":[\"Collection\",\"Field\"],\"Old Mnemonic\":"
                       "null,\"identifier\":\"idBbGlobal\"}"));
    assert_view(r.page.self.path, "/eap/catalogs/bbg/fields/idBbGlobal/");
    assert_view(r.page.self.type, "Field");
    assert_int_equal(r.page.total, -1);
    done(&r);
}


static void
test_no_page(void **state)
{
    size_t i;
    read_t r;

    static const struct {
        const char *body;
        int         rc;
    } cases[] = {
        {"", WD_ETRUNC},
        {"{\"contains\":[", WD_ETRUNC},
        {"[]", WD_EPROTO},
        {"7 7", WD_EPROTO},
        {"<html>", WD_EPROTO},
        {"{}", WD_EPROTO},
        {"{\"contains\":7}", WD_EPROTO},
        {"{\"contains\":{\"identifier\":\"a\"}}", WD_EPROTO},
        {"{\"identifier\":7}", WD_EPROTO},
        {"{\"identifier\":\"a\",\"statusCode\":201}", WD_EPROTO},
        {"{\"identifier\":\"\xff\"}", WD_EPROTO},
    };

    (void) state;
    begin(&r);
    for (i = 0; i < wd_array_len(cases); i++) {
        if (page(&r, cases[i].body) != cases[i].rc || r.err.text[0] == '\0') {
            fail_msg("%s: %s", cases[i].body, r.err.text);
        }
    }
    done(&r);
}


static void
test_large_page(void **state)
{
    size_t i, n;
    char  *body = malloc(30000 * 24);
    read_t r;

    (void) state;
    assert_non_null(body);
    begin(&r);
    n = (size_t) sprintf(body, "{\"contains\":[{\"identifier\":\"a\"}");
    for (i = 0; i < WD_BBG_PAGE_ITEMS_MAX; i++) {
        n += (size_t) sprintf(body + n, ",{\"identifier\":\"a\"}");
    }
    strcpy(body + n, "]}");
    assert_int_equal(page(&r, body), WD_ETOOBIG);

    n = (size_t) sprintf(body, "{\"identifier\":\"a\",\"title\":\"x");
    while (n < 20000) {
        n += (size_t) sprintf(body + n, "\xc3\xa9");
    }
    strcpy(body + n, "\"}");
    assert_ok(page(&r, body));
    assert_int_equal(r.page.self.title.len, WD_BBG_TEXT_MAX - 1);
    assert_true(wd_utf8_valid(r.page.self.title));
    done(&r);
    free(body);
}


static void
test_status(void **state)
{
    read_t r;

    (void) state;
    begin(&r);
    assert_ok(status(&r, "{\"@context\":{\"@base\":\"" EAP
                         "catalogs/1234/requests/\"},\"@type\":\"Status\","
                         "\"title\":\"Created\",\"statusCode\":201,"
                         "\"request\":{\"identifier\":\"eFGDJPCAdqm\"}}"));
    assert_int_equal(r.status.code, 201);
    assert_view(r.status.identifier, "eFGDJPCAdqm");
    assert_view(r.status.path, "/eap/catalogs/1234/requests/eFGDJPCAdqm/");
    assert_string_equal(r.status.text, "Created");

    assert_ok(status(&r, "{\"statusCode\":201,\"location\":\"/eap/x/\"}"));
    assert_view(r.status.path, "/eap/x/");
    assert_ok(status(&r, "{\"statusCode\":201,\"universe\":{\"@id\":\"" EAP
                         "u/\",\"identifier\":\"u\"}}"));
    assert_view(r.status.path, "/eap/u/");
    assert_ok(status(&r, "{\"statusCode\":201,\"universe\":{\"@id\":"
                         "\"https://evil.org/\",\"identifier\":\"../u\"}}"));
    assert_null(r.status.path.data);

    assert_ok(status(&r, "{\"statusCode\":400,\"title\":\"Bad Request\","
                         "\"description\":\"No.\",\"errors\":[{\"detail\":"
                         "\"Invalid value\",\"source\":{\"pointer\":"
                         "\"/universe\",\"location\":\"body\"}},\"plain\",7,"
                         "{\"title\":\"token=abc\"}]}"));
    assert_int_equal(r.status.code, 400);
    assert_int_equal(r.status.n_problems, 3);
    assert_view(r.status.problems[0].detail, "Invalid value");
    assert_view(r.status.problems[0].pointer, "/universe");
    assert_view(r.status.problems[1].detail, "plain");
    assert_string_equal(r.status.text,
                        "Bad Request: No.; /universe: Invalid value; : plain; "
                        ": token=[redacted]");

    assert_ok(status(&r, "{\"title\":\"t\",\"status\":404,\"detail\":\"d\"}"));
    assert_int_equal(r.status.code, 404);
    assert_ok(status(&r, "{\"errors\":[]}"));
    assert_int_equal(r.status.code, 0);
    assert_int_equal(status(&r, "{}"), WD_EPROTO);
    assert_int_equal(status(&r, "{\"errors\":{}}"), WD_EPROTO);
    assert_int_equal(status(&r, "[]"), WD_EPROTO);
    done(&r);
}


#define DELIVERED                                                      \
    "{\"key\":\"req1-20261231T000444.bbg\",\"headers\":{\"Digest\":"   \
    "\"sha512=a4ad70\",\"Content-Type\":\"text/vnd.blp.dl.std\","      \
    "\"Content-Length\":42},\"metadata\":{\"DL_REQUEST_ID\":\"req1\"," \
    "\"DL_REQUEST_TYPE\":\"HistoryRequest\"}}"

static void
test_notice(void **state)
{
    size_t i;
    read_t r;

    static const char *const others[] = {"{}", "{\"key\":\"\"}",
                                         "{\"generated\":{}}", "{\"x\":[]}"};
    static const char *const bad[] = {"{\"key\":\"a b\"}",
                                      "{\"key\":\"..\"}",
                                      "{\"key\":\".x\"}",
                                      "{\"key\":\"a\\nb\"}",
                                      "[]",
                                      "7 7"};

    (void) state;
    begin(&r);
    assert_ok(notice(&r, DELIVERED));
    assert_view(r.notice.name, "req1-20261231T000444.bbg");
    assert_view(r.notice.request, "req1");
    assert_view(r.notice.request_type, "HistoryRequest");
    assert_view(r.notice.algorithm, "sha512");
    assert_view(r.notice.digest, "a4ad70");
    assert_view(r.notice.content_type, "text/vnd.blp.dl.std");
    assert_int_equal(r.notice.length, 42);
    assert_null(r.notice.path.data);

    assert_ok(notice(&r, "{\"generated\":{\"event\":\"ContentDelivered\","
                         "\"data\":{\"key\":\"O2/catalogs/5/content/responses/"
                         "uc-20240613.json\"},\"metadata\":{\"DL_REQUEST_ID\":"
                         "\"uc\"}}}"));
    assert_view(r.notice.name, "uc-20240613.json");
    assert_view(r.notice.request, "uc");
    assert_null(r.notice.digest.data);
    assert_int_equal(r.notice.length, -1);

    assert_ok(notice(&r, "{\"generated\":{\"@id\":\"" EAP "catalogs/1/datasets/"
                         "r/snapshots/20200227/distributions/r.csv\","
                         "\"identifier\":\"r.csv\",\"digest\":{"
                         "\"digestAlgorithm\":\"SHA512\",\"digestValue\":"
                         "\"ab\"},\"snapshot\":{\"dataset\":{\"identifier\":"
                         "\"r\"}}}}"));
    assert_view(r.notice.path,
                "/eap/catalogs/1/datasets/r/snapshots/20200227/distributions/"
                "r.csv");
    assert_view(r.notice.name, "r.csv");
    assert_view(r.notice.request, "r");
    assert_view(r.notice.algorithm, "sha512");
    assert_view(r.notice.digest, "ab");

    for (i = 0; i < wd_array_len(others); i++) {
        assert_int_equal(notice(&r, others[i]), WD_ENOTFOUND);
    }
    for (i = 0; i < wd_array_len(bad); i++) {
        assert_int_equal(notice(&r, bad[i]), WD_EPROTO);
    }
    assert_int_equal(notice(&r, "{\"key\":"), WD_ETRUNC);
    done(&r);
}


static void
test_every_cut(void **state)
{
    size_t k, n;
    read_t r;

    static const char *const bodies[] = {LIST(",\"view\":{}"), DELIVERED};

    (void) state;
    begin(&r);
    for (k = 0; k < wd_array_len(bodies); k++) {
        for (n = 0; n < strlen(bodies[k]); n++) {
            wd_str_t cut = wd_str(bodies[k], n);

            assert_int_not_equal(
                wd_bbg_page_read(cut, HOST, r.pool, &r.page, &r.err), WD_OK);
            assert_int_not_equal(
                wd_bbg_status_read(cut, HOST, r.pool, &r.status, &r.err),
                WD_OK);
            assert_int_not_equal(
                wd_bbg_notice_read(cut, HOST, r.pool, &r.notice, &r.err),
                WD_OK);
        }
    }
    done(&r);
}


static void
test_identifiers(void **state)
{
    (void) state;
    assert_true(wd_bbg_identifier_ok(WD_STR("a")));
    assert_true(wd_bbg_identifier_ok(WD_STR("USERGetData0010000021")));
    assert_false(wd_bbg_identifier_ok(WD_STR("USERGetData00100000222")));
    assert_false(wd_bbg_identifier_ok(WD_STR("")));
    assert_false(wd_bbg_identifier_ok(WD_STR_NULL));
    assert_false(wd_bbg_identifier_ok(WD_STR("a-b")));
    assert_false(wd_bbg_identifier_ok(WD_STR("a b")));
    assert_false(wd_bbg_identifier_ok(WD_STR("\xc3\xa9")));
}


static void
test_lists_written(void **state)
{
    size_t     i;
    wd_buf_t   out;
    wd_error_t err;

    const wd_bbg_instrument_t list[] = {
        {WD_STR("BB_GLOBAL"), WD_STR("BBG009S3NB30")},
        {WD_STR("TICKER"), WD_STR("IBM US \"Equity")}};
    const wd_bbg_instrument_t bad[] = {
        {WD_STR(""), WD_STR("x")},       {WD_STR("ISIN"), WD_STR("")},
        {WD_STR("ISIN"), WD_STR("a\n")}, {WD_STR("IS IN"), WD_STR("a")},
        {WD_STR("ISIN"), WD_STR(" a")},  {WD_STR("ISIN"), WD_STR("\xc3\xa9")}};
    const wd_str_t fields[] = {WD_STR("PX_LAST"), WD_STR("pxLast")};
    const wd_str_t bad_field = WD_STR("PX LAST");

    (void) state;
    wd_buf_init(&out, 0);
    assert_ok(wd_bbg_write_universe(&out, WD_STR("u1"), WD_STR("My \"u\""),
                                    list, 2, &err));
    assert_view(wd_buf_view(&out),
                "{\"@type\":\"Universe\",\"identifier\":\"u1\",\"title\":"
                "\"My \\\"u\\\"\",\"description\":\"My \\\"u\\\"\","
                "\"contains\":[{\"@type\":\"Identifier\",\"identifierType\":"
                "\"BB_GLOBAL\",\"identifierValue\":\"BBG009S3NB30\"},"
                "{\"@type\":\"Identifier\",\"identifierType\":\"TICKER\","
                "\"identifierValue\":\"IBM US \\\"Equity\"}]}");
    wd_buf_reset(&out);
    assert_ok(wd_bbg_write_fields(&out, WD_STR("f1"), WD_STR(""), false, fields,
                                  2, &err));
    assert_view(wd_buf_view(&out),
                "{\"@type\":\"DataFieldList\",\"identifier\":\"f1\",\"title\":"
                "\"f1\",\"description\":\"f1\",\"contains\":[{\"mnemonic\":"
                "\"PX_LAST\"},{\"cleanName\":\"pxLast\"}]}");
    wd_buf_reset(&out);
    assert_ok(wd_bbg_write_fields(&out, WD_STR("f1"), WD_STR(""), true, fields,
                                  1, &err));
    assert_has(wd_buf_cstr(&out), "\"HistoryFieldList\"");
    wd_buf_reset(&out);

    for (i = 0; i < wd_array_len(bad); i++) {
        assert_int_equal(wd_bbg_write_universe(&out, WD_STR("u"), WD_STR(""),
                                               &bad[i], 1, &err),
                         WD_EINVAL);
    }
    assert_int_equal(wd_bbg_write_fields(&out, WD_STR("u"), WD_STR(""), true,
                                         &bad_field, 1, &err),
                     WD_EINVAL);
    assert_int_equal(wd_bbg_write_fields(&out, WD_STR("u-"), WD_STR(""), true,
                                         fields, 1, &err),
                     WD_EINVAL);
    assert_int_equal(wd_bbg_write_fields(&out, WD_STR("u"), WD_STR("\xff"),
                                         true, fields, 1, &err),
                     WD_EINVAL);
    assert_int_equal(
        wd_bbg_write_universe(&out, WD_STR("u"), WD_STR(""), NULL, 0, &err),
        WD_EINVAL);
    assert_int_equal(wd_bbg_write_universe(&out, WD_STR("u"), WD_STR(""), NULL,
                                           WD_BBG_LIST_MAX + 1, &err),
                     WD_ETOOBIG);
    assert_int_equal(out.len, 0);

    wd_buf_done(&out);
    wd_buf_init(&out, 20);
    assert_int_equal(
        wd_bbg_write_universe(&out, WD_STR("u"), WD_STR(""), list, 1, &err),
        WD_ETOOBIG);
    wd_buf_done(&out);
}


static void
test_requests_written(void **state)
{
    size_t           i;
    wd_buf_t         out;
    wd_error_t       err;
    wd_bbg_request_t bad;

    const wd_bbg_request_t q = {
        .identifier = WD_STR("r1"),
        .origin = WD_STR("https://api.bloomberg.com"),
        .universe = WD_STR("/eap/catalogs/1/universes/u/"),
        .field_list = WD_STR("/eap/catalogs/1/fieldLists/f/"),
        .trigger = WD_STR("/eap/catalogs/bbg/triggers/submit/"),
    };

    (void) state;
    wd_buf_init(&out, 0);
    assert_ok(wd_bbg_write_request(&out, &q, &err));
    assert_view(
        wd_buf_view(&out),
        "{\"@type\":\"DataRequest\",\"identifier\":\"r1\",\"title\":\"r1\","
        "\"description\":\"r1\",\"universe\":\"" EAP "catalogs/1/universes/u/\""
        ",\"fieldList\":\"" EAP "catalogs/1/fieldLists/f/\",\"trigger\":\"" EAP
        "catalogs/bbg/triggers/submit/\",\"formatting\":{\"@type\":"
        "\"DataFormat\",\"columnHeader\":true,\"dateFormat\":\"yyyymmdd\","
        "\"delimiter\":\"|\",\"fileType\":\"unixFileType\",\"outputFormat\":"
        "\"variableOutputFormat\"}}");

    wd_buf_reset(&out);
    bad = q;
    bad.history = true;
    bad.from = wd_days_from_civil(2026, 1, 2) * WD_NS_PER_DAY;
    bad.to = wd_days_from_civil(2026, 2, 3) * WD_NS_PER_DAY;
    assert_ok(wd_bbg_write_request(&out, &bad, &err));
    assert_true(wd_test_json_valid(wd_buf_view(&out)));
    assert_has(wd_buf_cstr(&out), "\"HistoryRequest\"");
    assert_has(wd_buf_cstr(&out), "\"startDate\":\"2026-01-02\",\"endDate\":"
                                  "\"2026-02-03\"");

    wd_buf_reset(&out);
    assert_ok(wd_bbg_write_trigger(
        &out, WD_STR("t1"), WD_STR(""),
        wd_days_from_civil(2026, 1, 2) * WD_NS_PER_DAY + 13 * WD_NS_PER_HOUR,
        &err));
    assert_has(wd_buf_cstr(&out), "\"ScheduledTrigger\",\"identifier\":\"t1\"");
    assert_has(wd_buf_cstr(&out), "\"startDate\":\"2026-01-02\",\"startTime\":"
                                  "\"13:00:00\"}");
    wd_buf_reset(&out);
    assert_ok(
        wd_bbg_write_trigger(&out, WD_STR("t1"), WD_STR(""), WD_NS_MIN, &err));
    assert_has(wd_buf_cstr(&out), "\"SubmitTrigger\"");

    wd_buf_reset(&out);
    for (i = 0; i < 9; i++) {
        bad = q;
        switch (i) {
        case 0:
            bad.identifier = WD_STR("HAPI2TrainingUniverseUSER");
            break;
        case 1:
            bad.universe = WD_STR_NULL;
            break;
        case 2:
            bad.field_list = WD_STR("eap/x");
            break;
        case 3:
            bad.trigger = WD_STR("/a b");
            break;
        case 4:
            bad.origin = WD_STR("ftp://api.bloomberg.com");
            break;
        case 5:
            bad.origin = WD_STR("https://x/y");
            break;
        case 6:
            bad.origin = WD_STR_NULL;
            break;
        case 7:
            bad.history = true;
            bad.from = WD_NS_MIN;
            break;
        default:
            bad.history = true;
            bad.from = 1;
            bad.to = 0;
        }
        assert_int_equal(wd_bbg_write_request(&out, &bad, &err), WD_EINVAL);
    }
    assert_int_equal(
        wd_bbg_write_trigger(&out, WD_STR("t 1"), WD_STR(""), 0, &err),
        WD_EINVAL);
    assert_int_equal(out.len, 0);
    wd_buf_done(&out);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_no_page),
        cmocka_unit_test(test_large_page),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_notice),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_lists_written),
        cmocka_unit_test(test_requests_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
