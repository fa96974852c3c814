/*
 * test_domain_lseg_capture.c - archived frames of LSEG's streaming: written,
 * read again, damaged at every place.
 */
#include "wd_test_records.h"

#include "wd_lseg_capture.h"

#include <math.h>

#define T (INT64_C(1655906041) * WD_NS_PER_S) /* 2022-06-22T13:54:01Z */
#define FIRST "{\"t\":1655906041000000000,\"v\":1}\n"
#define LINE(m) "{\"t\":1655906041000000000,\"m\":[" m "]}\n"
#define IMAGE(id, more)                                                       \
    "{\"t\":1655906041000000000,\"id\":" #id ",\"image\":{\"name\":\"EUR=\"," \
    "\"open\":true,\"complete\":true,\"stale\":false,\"part\":-1" more "}}\n"
#define REFRESH                                                             \
    "{\"ID\":5,\"Type\":\"Refresh\",\"Key\":{\"Name\":\"EUR=\"},\"State\":" \
    "{\"Stream\":\"Open\",\"Data\":\"Ok\"},\"Fields\":{\"BID\":1.5,"        \
    "\"ASK\":1.75}}"
#define UPDATE(fields) "{\"ID\":5,\"Type\":\"Update\",\"Fields\":{" fields "}}"


/* Of the one before nothing is kept; the first is all zeros. */
static void
parse(wd_test_parsed_t *p, const char *text)
{
    wd_str_t body;

    wd_test_parsed_done(p);
    body = wd_test_copy_z(p, text);
    assert_ok(wd_lseg_capture_parse(body, &p->r));
}


static void
test_written(void **state)
{
    wd_buf_t               out = WD_BUF_INIT;
    wd_pool_t             *pool = wd_pool_create(4096);
    wd_error_t             err;
    wd_lseg_image_t        image;
    wd_lseg_events_t       ev;
    const wd_lseg_event_t *kept[2];

    (void) state;
    assert_ok(wd_lseg_stream_parse(
        WD_STR("[ {\"Type\":\n\"Ping\"} ,\r\n" UPDATE(
            "\"BID\":\r\n1") "," UPDATE("\"ASK\":\"a\\nb\"") "]"),
        pool, &ev, &err));
    assert_int_equal(ev.n, 3);
    kept[0] = &ev.events[1];
    kept[1] = &ev.events[2];
    assert_true(wd_lseg_image_init(&image, WD_STR("a\"b")));
    image.figures[WD_LSEG_F_BID] = 0.1;
    image.figures[WD_LSEG_F_VOLUME] = 140869088;
    image.stale = true;
    image.part = 2;

    wd_lseg_capture_begin(&out, T);
    wd_lseg_capture_image(&out, T + 1, 5, &image);
    wd_lseg_capture_frame(&out, T + 2, kept, 2);
    wd_lseg_capture_bad(&out, T + 3, WD_STR("[\"\n"));
    assert_string_equal(
        wd_buf_cstr(&out),
        FIRST "{\"t\":1655906041000000001,\"id\":5,\"image\":{\"name\":"
              "\"a\\\"b\",\"open\":false,\"complete\":false,\"stale\":true,"
              "\"part\":2,\"fields\":{\"BID\":0.1,\"ACVOL_1\":140869088}}}\n"
              "{\"t\":1655906041000000002,\"m\":[{\"ID\":5,\"Type\":\"Update\","
              "\"Fields\":{\"BID\":  1}},{\"ID\":5,\"Type\":\"Update\","
              "\"Fields\":{\"ASK\":\"a\\nb\"}}]}\n"
              "{\"t\":1655906041000000003,\"bad\":\"[\\\"\\n\"}\n");
    assert_int_equal(out.err, WD_OK);
    wd_buf_done(&out);
    wd_pool_destroy(pool);
}


/* The image carries on what an earlier text began, and is no quote itself. */
static void
test_image(void **state)
{
    wd_test_parsed_t p = {0};

    (void) state;
    parse(&p, FIRST IMAGE(5, ",\"fields\":{\"BID\":1.5,\"ASK\":1.75}")
                  LINE(UPDATE("\"BID\":1.625")));
    assert_int_equal(p.r.n_quotes, 1);
    assert_int_equal(p.r.n_rejects, 0);
    assert_true(p.r.quotes[0].bid == 1.625 && p.r.quotes[0].ask == 1.75);
    assert_true(isnan(p.r.quotes[0].price));
    assert_int_equal(p.r.quotes[0].time, T);
    assert_view(p.r.quotes[0].symbol, "EUR=");

    parse(&p, FIRST LINE(REFRESH) LINE(UPDATE("\"BID\":1.625") "," UPDATE(
                  "\"TRDPRC_1\":1.7,\"TRDVOL_1\":100")));
    assert_int_equal(p.r.n_quotes, 2);
    assert_int_equal(p.r.n_trades, 1);
    assert_true(p.r.trades[0].price == 1.7 && p.r.trades[0].size == 100);
    assert_int_equal(p.r.n_records, 3);

    /* A second refresh of the number, under another name: a new image. */
    parse(&p, FIRST LINE(REFRESH) IMAGE(5, ""));
    assert_int_equal(p.r.n_quotes, 1);
    assert_int_equal(p.r.n_rejects, 0);

    parse(&p, FIRST); /* nothing was heard */
    assert_true(p.r.empty && !p.r.refused);
    parse(&p, FIRST LINE("{\"ID\":5,\"Type\":\"Refresh\",\"Domain\":"
                         "\"MarketByPrice\",\"Key\":{\"Name\":\"X\"}}"));
    assert_true(p.r.empty && !p.r.refused);
    assert_int_equal(p.r.n_rejects, 0);
    wd_test_parsed_done(&p);
}


static void
test_rejects(void **state)
{
    size_t           i;
    wd_test_parsed_t p = {0};

    static const struct {
        const char *text;
        wd_reason_e reason;
    } rows[] = {
        {FIRST "{\"t\":1,\"bad\":\"[{\"}\n", WD_REASON_SYNTAX},
        {FIRST "{\"t\":1}\n", WD_REASON_SYNTAX},
        {FIRST "\n", WD_REASON_TRUNCATED},
        {FIRST "7\n", WD_REASON_SYNTAX},
        {FIRST "{\"m\":[]}\n", WD_REASON_SYNTAX}, /* when? */
        {FIRST "{\"t\":\"1\",\"m\":[]}\n", WD_REASON_SYNTAX},
        {FIRST "{\"t\":1,\"m\":{}}\n", WD_REASON_SYNTAX},
        {FIRST "{\"t\":1,\"m\":[]} x\n", WD_REASON_SYNTAX},
        {FIRST "{\"t\":1,\"m\":[", WD_REASON_TRUNCATED},
        {FIRST LINE("{\"Type\":7}"), WD_REASON_SYNTAX},
        {FIRST LINE(UPDATE("\"BID\":1")), WD_REASON_MISSING_FIELD},
        {FIRST LINE("{\"ID\":5,\"Type\":\"Refresh\"}"),
         WD_REASON_MISSING_FIELD},
        {FIRST LINE("{\"ID\":5,\"Type\":\"Refresh\",\"Key\":{\"Name\":\"\"}}"),
         WD_REASON_BAD_SYMBOL},
        {FIRST LINE("{\"ID\":5,\"Type\":\"Refresh\",\"Key\":{\"Name\":"
                    "\"123456789012345678901234567890123\"}}"),
         WD_REASON_BAD_SYMBOL},
        {FIRST IMAGE(-5, ""), WD_REASON_SYNTAX},
        {FIRST IMAGE(5, ",\"fields\":{\"BID\":\"1\"}"), WD_REASON_SYNTAX},
        {FIRST IMAGE(5, ",\"fields\":{\"BID\":1e999}"), WD_REASON_SYNTAX},
        {FIRST IMAGE(5, ",\"fields\":{\"OTHER\":1}"), WD_REASON_SYNTAX},
        {FIRST IMAGE(5, ",\"fields\":7"), WD_REASON_SYNTAX},
        {FIRST IMAGE(5, ",\"part\":0"), WD_REASON_SYNTAX}, /* and complete */
        {FIRST IMAGE(5, ",\"open\":1"), WD_REASON_SYNTAX},
        {FIRST IMAGE(5, ",\"name\":\"\""), WD_REASON_SYNTAX},
        {FIRST IMAGE(5, ",\"other\":1"), WD_REASON_SYNTAX},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse(&p, rows[i].text);
        if (p.r.n_rejects != 1 || p.r.rejects[0].reason != rows[i].reason
            || p.r.refused) {
            fail_msg("row %zu: %zu rejects, %s", i, p.r.n_rejects,
                     p.r.n_rejects != 0 ? wd_reason_name(p.r.rejects[0].reason)
                                        : "");
        }
        assert_int_equal(wd_test_records_count(&p.r), 0);
    }

    /* One bad line or message spoils no other. */
    parse(&p, FIRST "{\"t\":1,\"m\":[{\"Type\"\n" LINE(
                  "{\"Type\":7}," REFRESH
                  "," UPDATE("\"BID\":\"x\"")) "{\n" LINE(UPDATE("\"ASK\":3")));
    assert_int_equal(p.r.n_quotes, 2);
    assert_int_equal(p.r.n_rejects, 4);
    assert_true(isnan(p.r.quotes[1].bid) && p.r.quotes[1].ask == 3);

    /* Nor does a figure that is none, though it is no JSON. */
    parse(&p, FIRST LINE(REFRESH "," UPDATE("\"BID\":NaN") "," UPDATE(
                  "\"BID\":-Infinity") "," UPDATE("\"BID\":1e999"))
                  LINE(UPDATE("\"ASK\":3")));
    assert_int_equal(p.r.n_quotes, 2);
    assert_int_equal(p.r.n_rejects, 3);
    for (i = 0; i < 3; i++) {
        assert_int_equal(p.r.rejects[i].reason, WD_REASON_NOT_A_NUMBER);
    }
    assert_true(isnan(p.r.quotes[1].bid) && p.r.quotes[1].ask == 3);
    wd_test_parsed_done(&p);
}


static void
test_refused(void **state)
{
    size_t           i;
    wd_test_parsed_t p = {0};

    static const char *const rows[] = {"",
                                       "\n",
                                       "x",
                                       "{}",
                                       "{\"t\":1}\n",
                                       "{\"t\":1,\"v\":2}\n",
                                       "{\"t\":1,\"v\":\"1\"}\n",
                                       LINE(REFRESH)};

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse(&p, rows[i]);
        assert_true(p.r.refused);
        assert_int_equal(p.r.n_rejects, 1);
        assert_int_equal(wd_test_records_count(&p.r), 0);
    }
    wd_test_parsed_done(&p);
}


/* Cut at every byte: what stands before is used, and one reject at most. */
static void
test_cut(void **state)
{
    size_t      n;
    const char *text = FIRST IMAGE(5, "") LINE(REFRESH)
        LINE(UPDATE("\"BID\":1.625") "," UPDATE("\"ASK\":2"));
    wd_test_parsed_t p = {0};

    (void) state;
    for (n = 0; n < strlen(text); n++) {
        wd_str_t body = wd_test_copy(&p, text, n);

        assert_ok(wd_lseg_capture_parse(body, &p.r));
        assert_true(p.r.n_rejects <= 1);
        assert_true(p.r.n_quotes <= 3);
        wd_test_parsed_done(&p);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written), cmocka_unit_test(test_image),
        cmocka_unit_test(test_rejects), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
