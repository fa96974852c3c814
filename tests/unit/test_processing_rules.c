/*
 * test_processing_rules.c - each rule with what it must reject, flag and let
 * pass; real faults; zones and labels.
 */
#include "wd_test.h"

#include "processing_rules.h"
#include "wd_av_parse.h"

#include <math.h>

static processing_zones_t zones;

typedef struct {
    wd_pool_t           *pool;
    wd_records_t         r;
    processing_payload_t p;
    processing_rows_t    rows;
    wd_buf_t             body;
} job_t;


static wd_ns_t
at(const char *text)
{
    wd_ns_t t;

    assert_ok(wd_time_parse(wd_str_z(text), &t, NULL));
    return t;
}


static void
run(job_t *j, wd_av_dataset_e dataset, wd_timeframe_e tf,
    const char *fetched_at)
{
    j->pool = wd_pool_create(4096);
    wd_records_init(&j->r, j->pool);
    assert_ok(wd_av_parse(dataset, wd_buf_view(&j->body), &j->r));
    j->p.zones = &zones;
    j->p.zone.tz = zones.eastern;
    j->p.timeframe = tf;
    j->p.market = dataset == WD_AV_FX_DAILY ? PROCESSING_FX
                                            : PROCESSING_EXCHANGE;
    j->p.source = 1;
    j->p.raw_id = 7;
    j->p.known_at = at(fetched_at);
    assert_ok(processing_rules_bars(&j->p, &j->r, &j->rows));
}


static void
daily(job_t *j, const char *rows, const char *fetched_at)
{
    memset(j, 0, sizeof(*j));
    wd_buf_printf(&j->body,
                  "timestamp,open,high,low,close,volume,dividend_amount,"
                  "split_coefficient,adjusted_close\n%s",
                  rows);
    run(j, WD_AV_DAILY_ADJUSTED, WD_TF_1D, fetched_at);
}


static void
done(job_t *j)
{
    wd_buf_done(&j->body);
    wd_pool_destroy(j->pool);
}


static int64_t
quality(const job_t *j, size_t i)
{
    assert_true(i < j->rows.n);
    return j->rows.rows[i].cells[BAR_QUALITY].i;
}


static void
assert_rejected(const job_t *j, size_t i, const char *reason)
{
    assert_true(i < j->r.n_rejects);
    assert_string_equal(wd_reason_name(j->r.rejects[i].reason), reason);
}


#define LATER "2024-06-01T00:00:00Z"


static void
test_rejects(void **state)
{
    size_t i;
    job_t  j;

    static const char *const cases[][2] = {
        {"2024-05-02,10,9,11,10,5,0,1,1\n", "ohlc_order"},
        {"2024-05-02,0,11,9,10,5,0,1,1\n", "price_not_positive"},
        {"2024-05-02,10,11,-9,10,5,0,1,1\n", "price_not_positive"},
        {"2024-05-02,10,11,9,10,-1,0,1,1\n", "negative_volume"},
        {"2024-05-02,10,11,9,10,1.5,0,1,1\n", "absurd_volume"},
        {"2024-05-02,10,11,9,10,1e13,0,1,1\n", "absurd_volume"},
        {"2024-06-03,10,11,9,10,5,0,1,1\n", "future_time"},
        {"2099-01-02,10,11,9,10,5,0,1,1\n", "future_time"},
        {"1899-12-31,10,11,9,10,5,0,1,1\n", "ancient_time"},
        {"2023-02-29,10,11,9,10,5,0,1,1\n", "bad_time"},
        {"2024-05-02,x,11,9,10,5,0,1,1\n", "not_a_number"},
        {"2024-05-02,None,11,9,10,5,0,1,1\n", "missing_price"}};

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        daily(&j, cases[i][0], LATER);
        assert_int_equal(j.rows.n, 0);
        assert_int_equal(j.r.n_rejects, 1);
        assert_rejected(&j, 0, cases[i][1]);
        assert_true(j.r.rejects[0].detail.len != 0);
        assert_true(j.r.rejects[0].sample.len != 0);
        done(&j);
    }
}


/* A row of the week or month that holds 2024-05-15; was it taken? */
static bool
taken(wd_timeframe_e tf, const char *from, const char *to,
      const char *fetched_at)
{
    job_t j;
    bool  is;

    memset(&j, 0, sizeof(j));
    wd_buf_z(&j.body, "timestamp,open,high,low,close,volume\n"
                      "2024-05-15,10,11,9,10,5\n");
    if (from != NULL) {
        j.p.asked.has_from = true;
        j.p.asked.from = at(from);
    }
    if (to != NULL) {
        j.p.asked.has_to = true;
        j.p.asked.to = at(to);
    }
    run(&j, WD_AV_DAILY, tf, fetched_at);
    is = j.rows.n == 1;
    assert_int_equal(j.r.n_rejected, !is);
    if (!is) {
        assert_rejected(&j, 0, "partial_period");
    }
    done(&j);
    return is;
}


static void
test_parts(void **state)
{
    (void) state;
    assert_true(taken(WD_TF_1W, NULL, NULL, LATER));
    assert_true(taken(WD_TF_1W, "2024-05-13", "2024-05-17", LATER));
    assert_false(taken(WD_TF_1W, "2024-05-14", NULL, LATER));
    assert_false(taken(WD_TF_1W, NULL, "2024-05-16", LATER));
    /* it was not over */
    assert_true(taken(WD_TF_1W, NULL, "2024-05-16", "2024-05-17T12:00:00Z"));
    assert_false(
        taken(WD_TF_1W, "2024-05-14", "2024-05-16", "2024-05-17T12:00:00Z"));
    /* the last of May is a Friday, the first a Wednesday */
    assert_true(taken(WD_TF_1MO, "2024-05-01", "2024-05-31", LATER));
    assert_false(taken(WD_TF_1MO, "2024-05-02", NULL, LATER));
    assert_false(taken(WD_TF_1MO, NULL, "2024-05-30", LATER));
    assert_true(taken(WD_TF_1D, "2024-05-16", "2024-05-14", LATER));
}


static void
test_kept(void **state)
{
    job_t j;

    (void) state;
    daily(&j,
          "2024-06-02,10,11,9,10,5,0,1,1\n" /* tomorrow somewhere */
          "2024-05-03,12,11,9,10,5,0,1,1\n" /* open above high */
          "2024-05-02,10,11,9,8.5,5,0,1,1\n" /* close below low */
          "2024-05-01,10,10,10,10,0,0,1,1\n" /* no trade */
          "2024-04-30,10,11,9,10,None,0,1,1\n"
          "1900-01-01,10,11,9,10,1000000000000,0,1,1\n",
          LATER);
    assert_int_equal(j.r.n_rejected, 0);
    assert_int_equal(j.rows.n, 6);
    assert_int_equal(quality(&j, 0), 0);
    assert_int_equal(quality(&j, 1), 0);
    assert_true(isnan(j.rows.rows[1].cells[BAR_VOLUME].num));
    assert_int_equal(quality(&j, 2), PROCESSING_Q_NO_VOLUME);
    assert_int_equal(quality(&j, 3), PROCESSING_Q_OHLC);
    assert_int_equal(quality(&j, 4), PROCESSING_Q_OHLC);
    assert_int_equal(quality(&j, 5), PROCESSING_Q_UNFINISHED);
    assert_int_equal(processing_rules_flagged(BAR_QUALITY, &j.rows), 4);
    done(&j);
}


static void
test_duplicates(void **state)
{
    job_t j;

    (void) state;
    daily(&j,
          "2024-05-02,10,11,9,10,5,0,1,1\n2024-05-01,1,1,1,1,1,0,1,1\n"
          "2024-05-02,10.0,11,9,10,5,0,1,1\n" /* the same */
          "2024-05-02,10,11,9,10.5,5,0,1,1\n", /* not the same */
          LATER);
    assert_int_equal(j.rows.n, 2);
    assert_true(j.rows.rows[1].cells[BAR_CLOSE].num == 10);
    assert_int_equal(j.r.n_rejects, 1);
    assert_rejected(&j, 0, "duplicate");
    assert_int_equal(j.r.rejects[0].record, 3);
    done(&j);
}


static void
test_unfinished(void **state)
{
    size_t i;
    job_t  j;

    static const struct {
        const char *fetched_at;
        bool        unfinished;
    } cases[] = {{"2024-05-02T14:00:00Z", true}, /* 10:00 New York */
                 {"2024-05-02T19:59:59Z", true},
                 {"2024-05-02T20:00:00Z", false}, /* 16:00 */
                 {"2024-05-03T00:00:00Z", false}};

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        daily(&j, "2024-05-02,1,1,1,1,1,0,1,1\n2024-05-01,1,1,1,1,1,0,1,1\n",
              cases[i].fetched_at);
        assert_int_equal(quality(&j, 0), 0);
        assert_int_equal(quality(&j, 1) != 0, cases[i].unfinished);
        done(&j);
    }

    /* Winter time: 16:00 is an hour later. Currencies end with the day. */
    daily(&j, "2024-01-15,1,1,1,1,1,0,1,1\n", "2024-01-15T20:30:00Z");
    assert_int_equal(quality(&j, 0), PROCESSING_Q_UNFINISHED);
    done(&j);

    memset(&j, 0, sizeof(j));
    wd_buf_z(&j.body, "timestamp,open,high,low,close\n2024-05-02,1,1,1,1\n");
    run(&j, WD_AV_FX_DAILY, WD_TF_1D, "2024-05-02T23:00:00Z");
    assert_int_equal(quality(&j, 0), PROCESSING_Q_UNFINISHED);
    done(&j);
}


static void
intraday(job_t *j, const char *rows, wd_timeframe_e tf, const char *fetched_at)
{
    memset(j, 0, sizeof(*j));
    wd_buf_printf(&j->body, "timestamp,open,high,low,close,volume\n%s", rows);
    run(j, WD_AV_INTRADAY, tf, fetched_at);
}


static void
assert_first(const job_t *j, const char *time)
{
    char text[WD_TIME_TEXT_MAX];

    assert_true(j->rows.n != 0);
    wd_time_format(j->rows.rows[0].cells[BAR_TS].i, text);
    assert_string_equal(text, time);
}


static void
test_intraday(void **state)
{
    job_t j;

    (void) state;

    /* Start of the bar, summer and winter; both sides of the change. */
    intraday(&j, "2026-05-15 09:30:00,1,1,1,1,1\n", WD_TF_5M, "2026-06-01");
    assert_first(&j, "2026-05-15T13:30:00Z");
    done(&j);
    intraday(&j, "2026-01-15 09:30:00,1,1,1,1,1\n", WD_TF_5M, "2026-06-01");
    assert_first(&j, "2026-01-15T14:30:00Z");
    done(&j);
    intraday(&j, "2024-03-11 04:00:00,1,1,1,1,1\n2024-03-08 19:55,1,1,1,1,1\n",
             WD_TF_5M, "2024-06-01");
    assert_first(&j, "2024-03-09T00:55:00Z");
    assert_true(j.rows.rows[1].cells[BAR_TS].i == at("2024-03-11T08:00:00Z"));
    done(&j);

    /* Labelled by the end: 20:00 closes the last bar of the day. */
    intraday(&j,
             "2021-05-13 20:00:00,1,1,1,1,1\n"
             "2021-05-13 19:55:00,1,1,1,1,1\n",
             WD_TF_5M, "2021-05-14");
    assert_first(&j, "2021-05-13T23:50:00Z");
    done(&j);

    /* Regular session only, with 16:00 and without 09:30. */
    intraday(&j,
             "2018-04-10 16:00:00,1,1,1,1,1\n"
             "2018-04-10 09:45:00,1,1,1,1,1\n",
             WD_TF_15M, "2018-04-11");
    assert_first(&j, "2018-04-10T13:30:00Z");
    done(&j);

    /* The same while the late session may still come: the start. */
    intraday(&j,
             "2018-04-10 16:00:00,1,1,1,1,1\n"
             "2018-04-10 15:45:00,1,1,1,1,1\n",
             WD_TF_15M, "2018-04-10T20:10:00Z");
    assert_first(&j, "2018-04-10T19:45:00Z");
    assert_int_equal(quality(&j, 1), PROCESSING_Q_UNFINISHED);
    done(&j);

    /* A date is no time of day. */
    intraday(&j, "2018-04-10,1,1,1,1,1\n", WD_TF_15M, "2018-04-11");
    assert_rejected(&j, 0, "bad_time");
    done(&j);
}


static void
test_zones(void **state)
{
    size_t            i;
    wd_ns_t           t;
    processing_zone_t z;

    static const struct {
        const char *name;
        const char *noon; /* 2024-07-01 12:00 of the zone; NULL: unknown */
    } cases[] = {{"US/Eastern", "2024-07-01T16:00:00Z"},
                 {"US/Eastern Time", "2024-07-01T16:00:00Z"},
                 {"Eastern Time (US & Canada)", "2024-07-01T16:00:00Z"},
                 {"", "2024-07-01T16:00:00Z"},
                 {"UTC", "2024-07-01T12:00:00Z"},
                 {"GMT+8", "2024-07-01T04:00:00Z"},
                 {"UTC-04", "2024-07-01T16:00:00Z"},
                 {"UTC+05:30", "2024-07-01T06:30:00Z"},
                 {"UTC+99", NULL},
                 {"Mars/Olympus", NULL},
                 {"../../etc/passwd", NULL}};

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        int rc = processing_zone_by_name(&zones, wd_str_z(cases[i].name),
                                         zones.eastern, &z);

        if (cases[i].noon == NULL) {
            assert_int_equal(rc, WD_ENOTFOUND);
            continue;
        }
        assert_ok(rc);
        assert_ok(processing_to_utc(&z, at("2024-07-01T12:00:00Z"), &t));
        assert_true(t == at(cases[i].noon));
    }
}


static void
test_actions(void **state)
{
    job_t             j;
    processing_rows_t known = {0}, got = {0};
    processing_row_t *row;

    (void) state;
    daily(&j,
          "2024-05-06,1,1,1,1,1,-0.5,1.0,1\n2024-05-03,1,1,1,1,1,0,0,1\n"
          "2024-05-02,1,1,1,1,1,0.0000,1.0,1\n"
          "2024-05-01,1,1,1,1,1,0.25,2.0,1\n",
          LATER);

    /* The provider had told of a dividend on the 2nd. */
    row = processing_rows_add(&known, &processing_action, j.pool);
    row->cells[ACTION_DATE].i = at("2024-05-02");
    row->cells[ACTION_KIND].s = WD_STR("dividend");
    row->cells[ACTION_VALUE].num = 0.3;

    assert_ok(processing_rules_actions(&j.p, &j.r, &j.rows, &known, &got));
    assert_int_equal(got.n, 3);
    assert_view(got.rows[0].cells[ACTION_KIND].s, "dividend");
    assert_true(got.rows[0].cells[ACTION_VALUE].num == 0.25);
    assert_view(got.rows[1].cells[ACTION_KIND].s, "split");
    assert_true(got.rows[1].cells[ACTION_VALUE].num == 2);
    assert_true(got.rows[2].cells[ACTION_DATE].i == at("2024-05-02"));
    assert_true(got.rows[2].cells[ACTION_VALUE].num == 0);
    assert_int_equal(j.r.n_rejects, 2);
    assert_rejected(&j, 0, "bad_action");
    assert_rejected(&j, 1, "bad_action");
    done(&j);
}


static void
test_jumps(void **state)
{
    job_t             j;
    processing_last_t none = {WD_NS_MIN, 0};
    processing_last_t before = {at("2024-04-30"), 100};
    processing_rows_t actions = {0};

    (void) state;
    daily(&j,
          "2024-05-03,1,1,1,50,1,0,1,1\n2024-05-02,1,1,1,49,1,0,2,1\n"
          "2024-05-01,1,1,1,99,1,0,1,1\n",
          LATER);
    processing_rules_jumps(&j.rows, none, &actions);
    assert_int_equal(quality(&j, 1) & PROCESSING_Q_JUMP, PROCESSING_Q_JUMP);
    assert_int_equal(quality(&j, 2) & PROCESSING_Q_JUMP, 0);
    done(&j);

    /* The split explains it. */
    daily(&j,
          "2024-05-03,1,1,1,50,1,0,1,1\n2024-05-02,1,1,1,49,1,0,2,1\n"
          "2024-05-01,1,1,1,99,1,0,1,1\n",
          LATER);
    assert_ok(
        processing_rules_actions(&j.p, &j.r, &j.rows, &actions, &actions));
    assert_int_equal(actions.n, 1);
    processing_rules_jumps(&j.rows, before, &actions);
    assert_int_equal(quality(&j, 0) & PROCESSING_Q_JUMP, 0);
    assert_int_equal(quality(&j, 1) & PROCESSING_Q_JUMP, 0);
    done(&j);

    /* The close before the payload counts, unless it is long ago. */
    actions.n = 0;
    before.close = 10;
    daily(&j, "2024-05-01,1,1,1,99,1,0,1,1\n", LATER);
    processing_rules_jumps(&j.rows, before, &actions);
    assert_int_equal(quality(&j, 0) & PROCESSING_Q_JUMP, PROCESSING_Q_JUMP);
    done(&j);

    before.ts = at("2024-01-01");
    daily(&j, "2024-05-01,1,1,1,99,1,0,1,1\n", LATER);
    processing_rules_jumps(&j.rows, before, &actions);
    assert_int_equal(quality(&j, 0) & PROCESSING_Q_JUMP, 0);
    done(&j);
}


/* Each fault is found, and costs at most its own row. */
static void
test_real_faults(void **state)
{
    size_t            i;
    job_t             j;
    char              path[256];
    processing_last_t none = {WD_NS_MIN, 0};
    processing_rows_t actions = {0};

    static const struct {
        const char *symbol;
        size_t      rows;
        size_t      rejects;
        int64_t     flagged;
        int64_t     flag;
    } cases[] = {{"STI", 3, 1, 0, 0},
                 {"CBOE", 3, 0, 1, PROCESSING_Q_OHLC},
                 {"DIS", 3, 0, 1, PROCESSING_Q_OHLC},
                 {"COL", 5, 0, 2, PROCESSING_Q_JUMP}};

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        memset(&j, 0, sizeof(j));
        snprintf(path, sizeof(path), WD_FIXTURES "/processing/faulty-%s.csv",
                 cases[i].symbol);
        wd_test_read(path, &j.body);
        run(&j, WD_AV_DAILY, WD_TF_1D, "2020-01-11T00:00:00Z");
        processing_rules_jumps(&j.rows, none, &actions);

        assert_int_equal(j.rows.n, cases[i].rows);
        assert_int_equal(j.r.n_rejects, cases[i].rejects);
        assert_int_equal(processing_rules_flagged(BAR_QUALITY, &j.rows),
                         cases[i].flagged);
        if (cases[i].rejects != 0) {
            assert_rejected(&j, 0, "duplicate");
        }
        if (cases[i].flagged != 0) {
            assert_int_equal(quality(&j, 2) | quality(&j, 3 % j.rows.n),
                             cases[i].flag);
        }
        done(&j);
    }
}


/* Whatever order the rows come in, the result is the same. */
static void
test_shuffled(void **state)
{
    size_t      i, k, round;
    job_t       a, b;
    char        text[512];
    const char *rows[] = {
        "2024-05-02,10,11,9,10,5,0,1,1\n", "2024-05-01,12,11,9,10,0,0,1,1\n",
        "2024-04-30,9,10,8,9,5,0,1,1\n", "2024-04-29,9,8,10,9,5,0,1,1\n",
        "2024-04-26,8,9,7,8,5,0,1,1\n"};
    const char *swap;

    (void) state;
    text[0] = '\0';
    for (i = 0; i < wd_array_len(rows); i++) {
        strcat(text, rows[i]);
    }
    daily(&a, text, LATER);

    for (round = 0; round < 50; round++) {
        text[0] = '\0';
        for (i = wd_array_len(rows); i > 0; i--) {
            k = wd_test_below(i);
            swap = rows[i - 1];
            rows[i - 1] = rows[k];
            rows[k] = swap;
            strcat(text, rows[i - 1]);
        }
        daily(&b, text, LATER);
        assert_int_equal(a.rows.n, b.rows.n);
        assert_int_equal(a.r.n_rejected, b.r.n_rejected);
        for (i = 0; i < a.rows.n; i++) {
            assert_int_equal(processing_key_cmp(&processing_bar,
                                                &a.rows.rows[i],
                                                &b.rows.rows[i]),
                             0);
            assert_true(processing_values_equal(
                &processing_bar, &a.rows.rows[i], &b.rows.rows[i]));
        }
        done(&b);
    }
    done(&a);
}


static int
load(void **state)
{
    wd_error_t err = {0};

    (void) state;
    return processing_zones_load(&zones, &err);
}


static int
unload(void **state)
{
    (void) state;
    processing_zones_done(&zones);
    return 0;
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rejects),    cmocka_unit_test(test_parts),
        cmocka_unit_test(test_kept),       cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_unfinished), cmocka_unit_test(test_intraday),
        cmocka_unit_test(test_zones),      cmocka_unit_test(test_actions),
        cmocka_unit_test(test_jumps),      cmocka_unit_test(test_real_faults),
        cmocka_unit_test(test_shuffled),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
