/*
 * test_ingestion_headers.c - which headers of an answer are archived.
 */
#include "wd_test.h"

#include "ingestion_headers.h"
#include "wd_json.h"

#include <jansson.h>


static const char *
kept(const char *headers, const char *key)
{
    static wd_buf_t          out;
    char                     copy[64];
    wd_http_res_t            res;
    ingestion_account_t     *account;
    ingestion_conf_account_t conf = {.key = NULL};

    if (key != NULL) {
        wd_str_copy(copy, sizeof(copy), wd_str_z(key));
        conf.key = copy;
    }
    account = ingestion_account_create(&conf);
    wd_buf_done(&out);
    wd_buf_init(&out, 0);
    wd_http_res_init(&res);
    wd_buf_z(&res.headers, headers);
    assert_ok(ingestion_headers_json(&res, account, &out));
    wd_http_res_done(&res);
    ingestion_account_release(account);
    assert_true(out.len < INGESTION_HEADERS_JSON_MAX);
    return wd_buf_cstr(&out);
}


static void
test_which(void **state)
{
    (void) state;
    assert_string_equal(kept("", NULL), "{}");
    assert_string_equal(
        kept("Date: Thu, 26 Nov 2026 10:00:00 GMT\nSet-Cookie: s=1\n"
             "ETag:  \"a\\b\" \nAuthorization: Bearer x\nX-Api-Key: k\n"
             "Location: /?apikey=k\nX-Request-ID: 7\ndate: second\n",
             NULL),
        "{\"date\":\"Thu, 26 Nov 2026 10:00:00 GMT\","
        "\"etag\":\"\\\"a\\\\b\\\"\",\"x-request-id\":\"7\"}");
    assert_string_equal(kept("Via: 1.1 proxy\nServer: SECRET1 inside\n"
                             "ETag:\nAge: \xff\nVary: a\tb\n",
                             "SECRET1"),
                        "{\"via\":\"1.1 proxy\"}");
    assert_string_equal(kept("Via: 1.1 proxy\n", ""),
                        "{\"via\":\"1.1 proxy\"}");
}


/* However long they are, the object is whole and fits its row. */
static void
test_long(void **state)
{
    char    text[8192], value[300];
    size_t  i, n = 0;
    json_t *o;

    static const char *const names[] = {
        "age",     "cache-control", "content-language", "date",   "etag",
        "expires", "last-modified", "retry-after",      "server", "vary",
        "via",     "x-request-id"};

    (void) state;
    memset(value, '"', sizeof(value));
    for (i = 0; i < wd_array_len(names); i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s: %.256s\n",
                               names[i], value);
    }
    o = json_loads(kept(text, NULL), 0, NULL);
    assert_non_null(o);
    assert_true(json_object_size(o) >= 2);
    json_decref(o);

    snprintf(text, sizeof(text), "Via: %.257s\n", value);
    assert_string_equal(kept(text, NULL), "{}");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which),
        cmocka_unit_test(test_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
