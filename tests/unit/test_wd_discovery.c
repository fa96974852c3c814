/*
 * Descriptions of issuers: what is taken, and that everything else is refused
 * with a reason.
 */
#include "wd_test.h"

#include "wd_discovery.h"

#define ISS "https://login.example.com/realm/"


static void
test_urls(void **state)
{
    size_t             i;
    wd_error_t         err;
    wd_discovery_url_t u;

    static const struct {
        const char *url, *host;
        int         port;
        const char *path;
    } good[] = {
        {"https://a", "a", 443, ""},
        {"https://a/", "a", 443, "/"},
        {"https://Login.Example-1.com/x/y?z=1&u=https://b",
         "Login.Example-1.com", 443, "/x/y?z=1&u=https://b"},
        {"https://a:8443/k", "a", 8443, "/k"},
        {"https://a:65535", "a", 65535, ""},
        {"https://a:0443/", "a", 443, "/"},
        {"https://127.0.0.1:1/@", "127.0.0.1", 1, "/@"},
        {"https://[::1]/k", "::1", 443, "/k"},
        {"https://[2001:db8::1]:8443/k", "2001:db8::1", 8443, "/k"},
        {"https://[::ffff:1.2.3.4]", "::ffff:1.2.3.4", 443, ""},
    };

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        assert_ok(wd_discovery_url(wd_str_z(good[i].url), &u, &err));
        assert_view(u.host, good[i].host);
        assert_int_equal(u.port, good[i].port);
        assert_view(u.path, good[i].path);
    }
}


static void
test_urls_refused(void **state)
{
    size_t             i;
    char               big[WD_DISCOVERY_URL_MAX + 2];
    wd_error_t         err;
    wd_discovery_url_t u;

    static const char *const bad[] = {
        "",
        "https://",
        "https:///x",
        "https://?x",
        "https://a?x",
        "https://:443/",
        "https://a:/",
        "https://a:0/",
        "https://a:65536/",
        "https://a:443x/",
        "https://a:+443/",
        "https://a:000443/",
        "https://a:443:443/",
        "https://u@a/",
        "https://u:p@a/",
        "https://a#f",
        "https://a/x#f",
        "https://a/ x",
        "https://a/\r\nHost: b",
        "https://a\t/",
        "https://a\\b/",
        "https://a%2eb/",
        "https://\xc3\xa4/",
        "https://a/\xc3\xa4",
        "https://a/\x7f",
        "https://a_b/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[::1]:/",
        "https://[]/",
        "https://[::g]/",
        "https://[fe80::1%25eth0]/",
        "https://::1/",
        "https://]/",
        "http://a/",
        "HTTPS://a/",
        "ftp://a/",
        "//a/",
        "/x",
        "a",
        "https:a",
        "https:/a",
    };

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        err.text[0] = '\0';
        if (wd_discovery_url(wd_str_z(bad[i]), &u, &err) != WD_EINVAL) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_true(err.text[0] != '\0');
    }

    memset(big, 'a', sizeof(big));
    memcpy(big, "https://a/", 10);
    assert_ok(wd_discovery_url(wd_str(big, WD_DISCOVERY_URL_MAX), &u, NULL));
    assert_int_equal(
        wd_discovery_url(wd_str(big, WD_DISCOVERY_URL_MAX + 1), &u, &err),
        WD_EINVAL);
    assert_has(err.text, "2048");

    /* A byte of zero is no end. */
    assert_int_equal(wd_discovery_url(WD_STR("https://a\0b/"), &u, NULL),
                     WD_EINVAL);
    assert_int_equal(wd_discovery_url(WD_STR_NULL, &u, NULL), WD_EINVAL);
}


static void
test_same_host(void **state)
{
    wd_discovery_url_t a, b;

    (void) state;
    assert_ok(wd_discovery_url(WD_STR("https://Login.example/x"), &a, NULL));
    assert_ok(wd_discovery_url(WD_STR("https://login.EXAMPLE:443"), &b, NULL));
    assert_true(wd_discovery_same_host(&a, &b));

    assert_ok(wd_discovery_url(WD_STR("https://login.example:444"), &b, NULL));
    assert_false(wd_discovery_same_host(&a, &b));
    assert_ok(wd_discovery_url(WD_STR("https://login.example."), &b, NULL));
    assert_false(wd_discovery_same_host(&a, &b));
    assert_ok(wd_discovery_url(WD_STR("https://xlogin.example"), &b, NULL));
    assert_false(wd_discovery_same_host(&a, &b));
}


static void
test_document(void **state)
{
    size_t   len, i;
    char     out[WD_DISCOVERY_URL_MAX];
    wd_buf_t doc = WD_BUF_INIT;

    static const char *const good[] = {
        "{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://a/k\"}",
        " { \"x\": [1, {\"issuer\": \"b\"}], \"jwks_uri\":\"https:\\/\\/a\\/k\""
        ",\r\n\t\"issuer\":\"\\u0068ttps://login.example.com/realm/\" } ",
    };

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        assert_ok(
            wd_discovery_read(wd_str_z(good[i]), WD_STR(ISS), out, &len, NULL));
        assert_view(wd_str(out, len), "https://a/k");
    }

    /* As long as it may be, and a byte more. */
    wd_buf_z(&doc, good[0]);
    while (doc.len < WD_DISCOVERY_BYTES_MAX) {
        wd_buf_byte(&doc, ' ');
    }
    assert_ok(
        wd_discovery_read(wd_buf_view(&doc), WD_STR(ISS), out, &len, NULL));
    wd_buf_byte(&doc, ' ');
    assert_int_equal(
        wd_discovery_read(wd_buf_view(&doc), WD_STR(ISS), out, &len, NULL),
        WD_EINVAL);
    wd_buf_done(&doc);
}


static void
test_document_refused(void **state)
{
    size_t     i, len;
    char       out[WD_DISCOVERY_URL_MAX];
    wd_error_t err;

    static const struct {
        const char *json, *why;
    } bad[] = {
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"<html>", "not a JSON object"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://a/k\"",
         "not a JSON object"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://a/k\"} x",
         "not a JSON object"},
        {"\xef\xbb\xbf{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://a/k\"}",
         "not a JSON object"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://a/\\u0000k\"}",
         "not a JSON object"},
        {"{}", "issuer"},
        {"{\"jwks_uri\":\"https://a/k\"}", "issuer"},
        {"{\"issuer\":1,\"jwks_uri\":\"https://a/k\"}", "issuer"},
        {"{\"issuer\":null,\"jwks_uri\":\"https://a/k\"}", "issuer"},
        {"{\"issuer\":[\"" ISS "\"],\"jwks_uri\":\"https://a/k\"}", "issuer"},
        {"{\"issuer\":\"https://login.example.com/realm\","
         "\"jwks_uri\":\"https://a/k\"}",
         "issuer is not the one"},
        {"{\"issuer\":\"https://Login.example.com/realm/\","
         "\"jwks_uri\":\"https://a/k\"}",
         "issuer is not the one"},
        {"{\"issuer\":\"" ISS "\",\"x\":{\"jwks_uri\":\"https://a/k\"}}",
         "no jwks_uri"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":7}", "no jwks_uri"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":[\"https://a/k\"]}",
         "no jwks_uri"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"\"}", "no https URL"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"http://a/k\"}",
         "no https URL"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://a/\\r\\nX: y\"}",
         "no part of one"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://u@a/k\"}",
         "without a host"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://a/k\","
         "\"jwks_uri\":\"https://a/k\"}",
         "stands twice"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://a/k\","
         "\"jwks\\u005furi\":\"https://b/k\"}",
         "stands twice"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://a/k\","
         "\"x\":{\"a\":1,\"a\":2}}",
         "stands twice"},
        {"{\"issuer\":\"" ISS "\",\"jwks_uri\":\"https://a/k\","
         "\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",
         "too deeply"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        if (wd_discovery_read(wd_str_z(bad[i].json), WD_STR(ISS), out, &len,
                              &err)
            != WD_EINVAL) {
            fail_msg("taken: %s", bad[i].json);
        }
        assert_has(err.text, bad[i].why);
    }
}


int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_urls_refused),
        cmocka_unit_test(test_same_host),
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_document_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
