/*
 * test_domain_xml_scan.c - the XML cursor: events, what it refuses, bounds,
 * cuts at every byte, going on behind damage.
 */
#include "wd_test.h"

#include "wd_pool.h"
#include "wd_xml_scan.h"

#define MAX_BYTES 100000


/* The events as text: "<a k=v>", "text", "</a>", then how it ended. */
static void
events(const char *body, size_t len, char *out, size_t cap)
{
    int           rc;
    char         *copy = malloc(len != 0 ? len : 1);
    size_t        i, n = 0;
    wd_pool_t    *pool = wd_pool_create(1024);
    wd_xml_scan_t s;

    assert_non_null(copy);
    assert_non_null(pool);
    memcpy(copy, body, len);
    wd_xml_scan_init(&s, wd_str(copy, len));
    out[0] = '\0';
    while ((rc = wd_xml_scan_next(&s, pool)) == WD_OK && n + 200 < cap) {
        assert_true(s.at >= s.start && s.p <= s.end);
        switch (s.event) {
        case WD_XML_OPEN:
            n += (size_t) snprintf(out + n, cap - n, "<%.*s",
                                   WD_STR_ARG(s.name));
            for (i = 0; i < s.n_attrs; i++) {
                n += (size_t) snprintf(out + n, cap - n, " %.*s=%.*s",
                                       WD_STR_ARG(s.attrs[i].name),
                                       WD_STR_ARG(s.attrs[i].value));
            }
            n += (size_t) snprintf(out + n, cap - n, ">");
            break;
        case WD_XML_CLOSE:
            n += (size_t) snprintf(out + n, cap - n, "</%.*s>",
                                   WD_STR_ARG(s.name));
            break;
        default:
            n += (size_t) snprintf(out + n, cap - n, "%.*s",
                                   WD_STR_ARG(s.text));
        }
    }
    snprintf(out + n, cap - n, " %s",
             rc == WD_ENOTFOUND ? "end"
             : rc == WD_ETRUNC  ? "cut"
             : rc == WD_EPROTO  ? "bad"
                                : "?");
    wd_pool_destroy(pool);
    free(copy);
}


static void
test_events(void **state)
{
    char   out[1000];
    size_t i;

    static const struct {
        const char *body;
        const char *events;
    } rows[] = {
        {"<a/>", "<a></a> end"},
        {"<a></a>", "<a></a> end"},
        {"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a>x</a>\n",
         "<a>x</a> end"},
        {"<?xml version='1.0' encoding='UTF-8'?><a/>", "<a></a> end"},
        {"<a k=\"v\" l = 'w \"' >x<b:c/>y</a >",
         "<a k=v l=w \">x<b:c></b:c>y</a> end"},
        {"<!-- one --><a><!-- two -->x<!----></a><!-- three --> ",
         "<a>x</a> end"},
        {"<a t=\"&lt;&#65;&gt;\">&amp;&quot;&apos;&#x42;&#xe9;</a>",
         "<a t=<A>>&\"'B\xc3\xa9</a> end"},
        {"<a>&amp;lt;</a>", "<a>&lt;</a> end"}, /* once, never again */
        {"<a>&#x1F600;&#1114109;</a>",
         "<a>\xf0\x9f\x98\x80\xf4\x8f\xbf\xbd</a> end"},
        {"<a>]]></a>", "<a>]]></a> end"},
        {"", " cut"},
        {" \n", " cut"},
        {"<!-- x -->", " cut"},
        {"<a>", "<a> cut"},

        /* What the dialect has not. */
        {"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", " bad"},
        {"<a>&b;</a>", "<a> bad"},
        {"<a>&nbsp;</a>", "<a> bad"},
        {"<a><![CDATA[x]]></a>", "<a> bad"},
        {"<a><?php x?></a>", "<a> bad"},
        {" <?xml version=\"1.0\"?><a/>", " bad"},
        {"<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>", " bad"},
        {"<?xml version=\"1.0\" encoding=\"utf-80\"?><a/>", " bad"},
        {"<?xmlx version=\"1.0\"?><a/>", " bad"},
        {"<?xml version=\"1.0\"><a/>", " bad"},

        /* What no XML has. */
        {"x", " bad"},
        {"x<a/>", " bad"},
        {"<a/>x", "<a></a> bad"},
        {"<a/><b/>", "<a></a> bad"},
        {"</a>", " bad"},
        {"<a></b>", "<a> bad"},
        {"<a><b></a></b>", "<a><b> bad"},
        {"<a></a ", "<a> cut"},
        {"<a></a x>", "<a> bad"},
        {"< a/>", " bad"},
        {"<1/>", " bad"},
        {"<a/ >", " bad"},
        {"<a k/>", " bad"},
        {"<a k=v/>", " bad"},
        {"<a k=\"<\"/>", " bad"},
        {"<a k=\"1\"l=\"2\"/>", " bad"},
        {"<a k=\"1\" k=\"2\"/>", " bad"},
        {"<a k=\"&\"/>", " bad"},
        {"<a>&</a>", "<a> bad"},
        {"<a>&amp</a>", "<a> bad"},
        {"<a>&;</a>", "<a> bad"},
        {"<a>&#;</a>", "<a> bad"},
        {"<a>&#x;</a>", "<a> bad"},
        {"<a>&#xg;</a>", "<a> bad"},
        {"<a>&#0;</a>", "<a> bad"},
        {"<a>&#8;</a>", "<a> bad"},
        {"<a>&#xd800;</a>", "<a> bad"},
        {"<a>&#x110000;</a>", "<a> bad"},
        {"<a>&#4294967361;</a>", "<a> bad"},
        {"<a>&#xffff;</a>", "<a> bad"},
        {"<a>\x01</a>", "<a> bad"},
        {"<a><!-- a -- b --></a>", "<a> bad"},
        {"<a><!-", "<a> cut"},
        {"<a><!x", "<a> bad"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        events(rows[i].body, strlen(rows[i].body), out, sizeof(out));
        assert_string_equal(out, rows[i].events);
    }
}


static void
test_bounds(void **state)
{
    static char body[MAX_BYTES];
    char        out[4000];
    size_t      i, n;

    (void) state;
    for (i = 0, n = 0; i < WD_XML_SCAN_DEPTH_MAX; i++) {
        n += (size_t) sprintf(body + n, "<a>");
    }
    events(body, n, out, sizeof(out));
    assert_has(out, " cut");
    n += (size_t) sprintf(body + n, "<a>");
    events(body, n, out, sizeof(out));
    assert_has(out, " bad");

    for (i = 0, n = (size_t) sprintf(body, "<a"); i < WD_XML_SCAN_ATTRS_MAX;
         i++) {
        n += (size_t) sprintf(body + n, " k%zu=''", i);
    }
    memcpy(body + n, "/>", sizeof("/>"));
    events(body, n + 2, out, sizeof(out));
    assert_has(out, " end");
    memcpy(body + n, " l=''/>", sizeof(" l=''/>"));
    events(body, n + 7, out, sizeof(out));
    assert_string_equal(out, " bad");

    memset(body, 'a', MAX_BYTES);
    body[0] = '<';
    body[WD_XML_SCAN_NAME_MAX + 1] = '/';
    body[WD_XML_SCAN_NAME_MAX + 2] = '>';
    events(body, WD_XML_SCAN_NAME_MAX + 3, out, sizeof(out));
    assert_has(out, " end");
    memset(body + 1, 'a', MAX_BYTES - 1);
    events(body, MAX_BYTES, out, sizeof(out));
    assert_string_equal(out, " bad");
}


/* A cut text is never bad and never whole. */
static void
test_every_cut(void **state)
{
    char   out[1000];
    size_t n;

    static const char body[]
        = "<?xml version=\"1.0\" encoding=\"utf-8\"?><!-- x --><w:a k=\"v\" "
          "l='&amp;'>x<b/> &#65;<c d=\"\">y</c><!-- z --></w:a>";

    (void) state;
    for (n = 0; n < sizeof(body) - 1; n++) {
        events(body, n, out, sizeof(out));
        assert_string_equal(out + strlen(out) - 4, " cut");
    }
    events(body, n, out, sizeof(out));
    assert_string_equal(out, "<w:a k=v l=&>x<b></b> A<c d=>y</c></w:a> end");
}


static void
test_resume(void **state)
{
    wd_pool_t    *pool = wd_pool_create(1024);
    wd_xml_scan_t s;

    static const char body[] = "<r><rx/><r k='&bad;'/><r k='1'/></r>";

    (void) state;
    wd_xml_scan_init(&s, wd_str(body, sizeof(body) - 1));
    assert_ok(wd_xml_scan_next(&s, pool)); /* <r> */
    assert_ok(wd_xml_scan_next(&s, pool)); /* <rx> */
    assert_ok(wd_xml_scan_next(&s, pool)); /* </rx> */
    assert_int_equal(wd_xml_scan_next(&s, pool), WD_EPROTO);
    assert_ptr_equal(s.at, strstr(body, "<r k='&"));

    assert_true(wd_xml_scan_resume(&s, WD_STR("r"), s.at + 1));
    assert_ok(wd_xml_scan_next(&s, pool));
    assert_view(wd_xml_scan_attr(&s, "k"), "1");
    assert_true(wd_xml_scan_attr(&s, "l").data == NULL);
    assert_ok(wd_xml_scan_next(&s, pool)); /* its end */
    assert_ok(wd_xml_scan_next(&s, pool)); /* that of the root */
    assert_int_equal(wd_xml_scan_next(&s, pool), WD_ENOTFOUND);
    assert_false(wd_xml_scan_resume(&s, WD_STR("r"), s.p));

    /* Not the longer name. */
    assert_true(wd_xml_scan_resume(&s, WD_STR("r"), body + 1));
    assert_ptr_equal(s.p, strstr(body, "<r k='&"));
    wd_pool_destroy(pool);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_resume),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
