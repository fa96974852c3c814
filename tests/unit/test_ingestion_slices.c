/*
 * test_ingestion_slices.c - which questions keep a series up to date, and
 * which are left of its back-fill.
 */
#include "wd_test.h"

#include "ingestion_slices.h"
#include "provider.h"

#define DAYS(n) ((n) *WD_NS_PER_DAY)


static wd_ns_t
at(const char *text)
{
    wd_ns_t t = 0;

    assert_ok(wd_time_parse(wd_str_z(text), &t, NULL));
    return t;
}


static int64_t
day(const char *text)
{
    wd_ns_t t = at(text);

    return t / WD_NS_PER_DAY - (t % WD_NS_PER_DAY < 0);
}


static ingestion_span_t
span(ingestion_window_e kind, int window_days, int overlap_days,
     const char *now)
{
    return (ingestion_span_t){
        .kind = kind,
        .window_days = window_days,
        .row_ns = WD_NS_PER_DAY,
        .overlap_ns = DAYS(overlap_days),
        .from = INGESTION_NO_DAY,
        .now = at(now),
        .high = WD_NS_MIN,
        .covered = WD_NS_MIN,
        .fill_to = INGESTION_NO_DAY,
    };
}


/* "2024-01-01..2024-01-31 2024-02-01.." of all slices, "+" where full. */
static const char *
text_of(const ingestion_span_t *s, bool fill)
{
    static char       out[8192];
    char              a[WD_TIME_TEXT_MAX], b[WD_TIME_TEXT_MAX];
    size_t            n = 0;
    int64_t           i, count;
    ingestion_slice_t one;

    out[0] = '\0';
    count = fill ? ingestion_slices_fill_n(s) : ingestion_slices_live_n(s);
    for (i = 0; i < count; i++) {
        one = fill ? ingestion_slices_fill(s, i) : ingestion_slices_live(s, i);
        wd_date_format(DAYS(one.from), a);
        wd_date_format(DAYS(one.to), b);
        n += (size_t) snprintf(out + n, sizeof(out) - n, "%s%s..%s%s",
                               i != 0 ? " " : "", a, b, one.full ? "+" : "");
        assert_true(n < sizeof(out));
    }
    return out;
}


static const char *
live(const ingestion_span_t *s)
{
    return text_of(s, false);
}


static const char *
fill(const ingestion_span_t *s)
{
    return text_of(s, true);
}


/* ---- ranges ------------------------------------------------------------- */

static void
test_range(void **state)
{
    ingestion_span_t s = span(WINDOW_RANGE, 0, 7, "2024-03-10T12:00:00Z");

    (void) state;
    assert_string_equal(live(&s), "2024-03-03..2024-03-10"); /* new */

    s.high = at("2024-03-08");
    s.covered = at("2024-03-09T12:00:00Z");
    assert_string_equal(live(&s), "2024-03-01..2024-03-10");

    s.overlap_ns = 0;
    assert_string_equal(live(&s), "2024-03-08..2024-03-10");

    /* The calendar of a zone east of Greenwich is a day ahead at night. */
    s.now = at("2024-03-10T20:00:00Z");
    s.zone_s = 9 * 3600;
    assert_string_equal(live(&s), "2024-03-08..2024-03-11");
    s.zone_s = -21 * 3600;
    assert_string_equal(live(&s), "2024-03-08..2024-03-09");
}


/* A week or a month is never cut, neither by a run nor by the back-fill. */
static void
test_periods(void **state)
{
    ingestion_span_t s = span(WINDOW_RANGE, 0, 7, "2024-03-13T12:00:00Z");

    (void) state;
    s.from = day("2023-12-20");
    s.period = PERIOD_WEEK; /* 2024-03-13 is a Wednesday */
    assert_string_equal(live(&s), "2024-03-04..2024-03-13");
    assert_string_equal(fill(&s), "2023-12-18..2024-03-03");

    s.period = PERIOD_MONTH;
    assert_string_equal(live(&s), "2024-03-01..2024-03-13");
    assert_string_equal(fill(&s), "2023-12-01..2024-02-29");
    s.high = at("2024-03-01");
    s.covered = at("2024-03-12");
    assert_string_equal(live(&s), "2024-02-01..2024-03-13");

    s.period = PERIOD_QUARTER;
    assert_string_equal(live(&s), "2024-01-01..2024-03-13");
    assert_string_equal(fill(&s), "2023-10-01..2023-12-31");
    s.period = PERIOD_HALF;
    assert_string_equal(fill(&s), "2023-07-01..2023-12-31");
    s.period = PERIOD_YEAR;
    assert_string_equal(fill(&s), "2023-01-01..2023-12-31");

    /* Before 1970, and a slice that holds less than one. */
    s.from = day("1969-12-25"); /* a Thursday */
    s.period = PERIOD_WEEK;
    s.fill_to = day("1970-01-12");
    s.window_days = 3;
    assert_string_equal(fill(&s), "1970-01-05..1970-01-11 "
                                  "1969-12-29..1970-01-04 "
                                  "1969-12-22..1969-12-28");
    s.window_days = 31;
    assert_string_equal(fill(&s), "1969-12-22..1970-01-11");

    /* A mark in the middle of one: all of it is asked for. */
    s.fill_to = day("1970-01-07");
    assert_string_equal(fill(&s), "1969-12-22..1970-01-11");
    s.fill_to = day("1969-12-22");
    assert_string_equal(fill(&s), "");
}


/* Three months away: all of them are asked for, in slices as long as allowed. */
static void
test_range_outage(void **state)
{
    ingestion_span_t s = span(WINDOW_RANGE, 30, 2, "2024-04-01T08:00:00Z");

    (void) state;
    s.high = at("2024-01-03");
    s.covered = at("2024-01-04");
    assert_string_equal(live(&s),
                        "2024-01-01..2024-01-30 2024-01-31..2024-02-29 "
                        "2024-03-01..2024-03-30 2024-03-31..2024-04-01");

    s.window_days = 0;
    assert_string_equal(live(&s), "2024-01-01..2024-04-01");

    /* Somebody fetched the newest rows by hand: the gap is still a gap. */
    s.high = at("2024-03-31");
    assert_string_equal(live(&s), "2024-01-02..2024-04-01");

    /* The processing was away: what it has not accepted is asked for. */
    s.high = at("2024-03-01");
    s.covered = at("2024-03-31");
    assert_string_equal(live(&s), "2024-02-28..2024-04-01");
}


/* What has ended is asked about for a month and the overlap, not for ever. */
static void
test_range_quiet(void **state)
{
    ingestion_span_t s = span(WINDOW_RANGE, 10, 2, "2024-04-01T08:00:00Z");

    (void) state;
    s.high = at("2020-01-03");
    s.covered = at("2024-03-31");
    assert_string_equal(live(&s),
                        "2024-02-27..2024-03-07 2024-03-08..2024-03-17 "
                        "2024-03-18..2024-03-27 2024-03-28..2024-04-01");

    s.window_days = 0; /* one question either way */
    assert_string_equal(live(&s), "2020-01-01..2024-04-01");

    s.high = WD_NS_MIN; /* it never had anything */
    assert_string_equal(live(&s), "2024-03-29..2024-04-01");
}


/* A mark of the future, or a clock that was set back, is now. */
static void
test_range_clock(void **state)
{
    ingestion_span_t s = span(WINDOW_RANGE, 10, 3, "2024-03-10T12:00:00Z");

    (void) state;
    s.high = at("2099-01-01");
    assert_string_equal(live(&s), "2024-03-07..2024-03-10");
    s.covered = at("2098-01-01");
    assert_string_equal(live(&s), "2024-03-07..2024-03-10");

    s.now = at("1970-01-02");
    assert_string_equal(live(&s), "1969-12-30..1970-01-02");
}


static void
test_range_fill(void **state)
{
    ingestion_span_t s = span(WINDOW_RANGE, 10, 3, "2024-03-10T12:00:00Z");

    (void) state;
    assert_string_equal(fill(&s), ""); /* no `from` */

    s.from = day("2024-02-20");
    assert_int_equal(ingestion_slices_fill_begin(&s), day("2024-03-07"));
    assert_string_equal(fill(&s),
                        "2024-02-26..2024-03-06 2024-02-20..2024-02-25");

    /* The pointer stays where it is while time goes on. */
    s.fill_to = day("2024-02-26");
    s.now = at("2024-06-01");
    assert_string_equal(fill(&s), "2024-02-20..2024-02-25");

    s.fill_to = day("2024-02-20");
    assert_string_equal(fill(&s), "");

    /* `from` moved: earlier is more work, later is none. */
    s.from = day("2024-02-19");
    assert_string_equal(fill(&s), "2024-02-19..2024-02-19");
    s.from = day("2024-05-01");
    assert_string_equal(fill(&s), "");

    s.from = day("2020-02-28");
    s.fill_to = day("2020-03-02");
    s.window_days = 1;
    assert_string_equal(fill(&s), "2020-03-01..2020-03-01 "
                                  "2020-02-29..2020-02-29 "
                                  "2020-02-28..2020-02-28");
    s.window_days = 0;
    assert_string_equal(fill(&s), "2020-02-28..2020-03-01");

    s.from = day("1960-01-01");
    s.fill_to = day("1970-01-01");
    assert_string_equal(fill(&s), "1960-01-01..1969-12-31");
}


/* ---- months ------------------------------------------------------------- */

static void
test_month(void **state)
{
    ingestion_span_t s = span(WINDOW_MONTH, 0, 3, "2024-03-10T12:00:00Z");

    (void) state;
    assert_string_equal(live(&s), "2024-03-01..2024-03-31");

    /* At a month's beginning the one before is looked at again. */
    s.now = at("2024-03-01T00:00:00Z");
    assert_string_equal(live(&s),
                        "2024-02-01..2024-02-29 2024-03-01..2024-03-31");
    s.now = at("2023-03-03T23:59:59Z");
    assert_string_equal(live(&s),
                        "2023-02-01..2023-02-28 2023-03-01..2023-03-31");
    s.now = at("2023-03-04T00:00:00Z");
    assert_string_equal(live(&s), "2023-03-01..2023-03-31");

    s.overlap_ns = 0;
    s.now = at("2023-12-31T23:59:59.999999999Z");
    assert_string_equal(live(&s), "2023-12-01..2023-12-31");
    s.now = at("2024-01-01T00:00:00Z");
    assert_string_equal(live(&s), "2024-01-01..2024-01-31");
    s.high = at("2023-12-29T20:55:00Z");
    assert_string_equal(live(&s),
                        "2023-12-01..2023-12-31 2024-01-01..2024-01-31");
}


static void
test_month_outage(void **state)
{
    ingestion_span_t s = span(WINDOW_MONTH, 0, 3, "2024-02-29T12:00:00Z");

    (void) state;
    s.high = at("2023-11-29T20:59:00Z");
    s.covered = at("2023-11-30T01:00:00Z");
    assert_string_equal(live(&s),
                        "2023-11-01..2023-11-30 2023-12-01..2023-12-31 "
                        "2024-01-01..2024-01-31 2024-02-01..2024-02-29");

    /* Delisted years ago, asked about yesterday. */
    s.high = at("2019-05-03");
    s.covered = at("2024-02-28");
    assert_string_equal(live(&s),
                        "2024-01-01..2024-01-31 2024-02-01..2024-02-29");
}


static void
test_month_fill(void **state)
{
    ingestion_span_t s = span(WINDOW_MONTH, 0, 3, "2024-03-10T12:00:00Z");

    (void) state;
    s.from = day("2023-12-15");
    assert_int_equal(ingestion_slices_fill_begin(&s), day("2024-03-01"));
    assert_string_equal(fill(&s),
                        "2024-02-01..2024-02-29 2024-01-01..2024-01-31 "
                        "2023-12-01..2023-12-31");
    s.fill_to = day("2024-01-01");
    assert_string_equal(fill(&s), "2023-12-01..2023-12-31");
    s.fill_to = day("2023-12-01");
    assert_string_equal(fill(&s), "");

    /* Whatever the live run asks for, the back-fill does not. */
    s.fill_to = INGESTION_NO_DAY;
    s.now = at("2024-03-01");
    assert_string_equal(live(&s),
                        "2024-02-01..2024-02-29 2024-03-01..2024-03-31");
    assert_string_equal(fill(&s),
                        "2024-01-01..2024-01-31 2023-12-01..2023-12-31");

    s.from = day("2024-02-20");
    assert_string_equal(fill(&s), "");
}


/* ---- years -------------------------------------------------------------- */

static void
test_years(void **state)
{
    ingestion_span_t s = span(WINDOW_YEARS, 0, 3 * 365, "2024-03-10");

    (void) state;
    assert_string_equal(live(&s), "2021-01-01..2024-12-31");
    s.high = at("2022-01-01");
    s.covered = at("2024-03-09");
    assert_string_equal(live(&s), "2019-01-01..2024-12-31");

    s.from = day("1960-01-01");
    assert_string_equal(fill(&s), "1960-01-01..2018-12-31");
    s.fill_to = day("1960-01-01");
    assert_string_equal(fill(&s), "");

    s.window_days = 2 * 366;
    s.from = day("2014-07-01");
    s.fill_to = INGESTION_NO_DAY;
    s.overlap_ns = 0;
    s.covered = WD_NS_MIN;
    assert_string_equal(live(&s),
                        "2022-01-01..2023-12-31 2024-01-01..2024-12-31");
    assert_string_equal(fill(&s),
                        "2020-01-01..2021-12-31 2018-01-01..2019-12-31 "
                        "2016-01-01..2017-12-31 2014-01-01..2015-12-31");
    s.window_days = 30; /* a year is the least */
    assert_int_equal(ingestion_slices_live_n(&s), 3);
}


/* ---- sizes -------------------------------------------------------------- */

static void
test_size(void **state)
{
    ingestion_span_t s = span(WINDOW_SIZE, 0, 10, "2024-06-30T12:00:00Z");

    (void) state;
    assert_string_equal(live(&s), "2024-06-20..2024-06-30");

    s.high = at("2024-06-28");
    assert_string_equal(live(&s), "2024-06-18..2024-06-30");

    /* 100 rows lie at least 100 days apart: one day less than that fits. */
    s.high = at("2024-04-01T12:00:00Z");
    assert_string_equal(live(&s), "2024-03-22..2024-06-30");
    s.high = at("2024-04-01T11:59:59Z");
    assert_string_equal(live(&s), "2024-03-22..2024-06-30+");

    /* Minutes. */
    s.row_ns = WD_NS_PER_MIN;
    s.overlap_ns = 10 * WD_NS_PER_MIN;
    s.high = at("2024-06-30T10:30:00Z");
    assert_string_equal(live(&s), "2024-06-30..2024-06-30");
    s.high = at("2024-06-30T10:29:00Z");
    assert_string_equal(live(&s), "2024-06-30..2024-06-30+");

    /* At night there are no new rows: the latest ones are enough. */
    s.high = at("2024-06-29T20:00:00Z");
    s.covered = at("2024-06-30T11:45:00Z");
    assert_string_equal(live(&s), "2024-06-30..2024-06-30");
    s.covered = at("2024-06-30T10:29:00Z"); /* but not after an outage */
    assert_string_equal(live(&s), "2024-06-30..2024-06-30+");

    /* A share that is traded no more. */
    s.row_ns = WD_NS_PER_DAY;
    s.overlap_ns = DAYS(10);
    s.high = at("2021-03-31");
    s.covered = at("2024-06-29");
    assert_string_equal(live(&s), "2024-05-30..2024-06-30");
    s.covered = at("2024-02-01");
    assert_string_equal(live(&s), "2024-01-02..2024-06-30+");
}


static void
test_size_fill(void **state)
{
    ingestion_span_t s = span(WINDOW_SIZE, 0, 10, "2024-06-30T12:00:00Z");

    (void) state;
    s.from = day("2000-01-01");
    assert_int_equal(ingestion_slices_fill_begin(&s), day("2024-03-23"));
    assert_string_equal(fill(&s), "2000-01-01..2024-03-22+");
    s.fill_to = day("2000-01-01");
    assert_string_equal(fill(&s), "");

    /* The latest rows hold it already. */
    s.fill_to = INGESTION_NO_DAY;
    s.from = day("2024-03-23");
    assert_string_equal(fill(&s), "");
    s.from = day("2024-03-22");
    assert_string_equal(fill(&s), "2024-03-22..2024-03-22+");

    /* A live run that has to ask for all needs no back-fill beside it. */
    s.from = day("2000-01-01");
    s.high = at("2023-01-01");
    assert_string_equal(live(&s), "2000-01-01..2024-06-30+");
    assert_string_equal(fill(&s), "");
}


static void
test_none(void **state)
{
    ingestion_span_t s = span(WINDOW_NONE, 0, 0, "2024-06-30T12:00:00Z");

    (void) state;
    assert_string_equal(live(&s), "2024-06-30..2024-06-30");
    s.from = day("2000-01-01");
    assert_string_equal(fill(&s), "");
    s.high = at("2020-01-01");
    s.covered = at("2020-01-01");
    assert_string_equal(live(&s), "2024-06-30..2024-06-30");
}


/* ---- what holds of all -------------------------------------------------- */

static ingestion_span_t
any_span(void)
{
    static const ingestion_window_e kinds[] = {
        WINDOW_NONE, WINDOW_SIZE, WINDOW_MONTH, WINDOW_YEARS, WINDOW_RANGE};
    ingestion_span_t s = {.from = INGESTION_NO_DAY,
                          .high = WD_NS_MIN,
                          .covered = WD_NS_MIN,
                          .fill_to = INGESTION_NO_DAY};
    wd_ns_t          base = at("1980-01-01");

    s.kind = kinds[wd_test_below(5)];
    s.window_days = (int) wd_test_below(3) * (int) wd_test_below(900);
    s.row_ns = wd_test_below(2) ? WD_NS_PER_DAY : 5 * WD_NS_PER_MIN;
    s.overlap_ns = (wd_ns_t) wd_test_below(DAYS(60));
    s.now = base + (wd_ns_t) wd_test_below(DAYS(20000));
    s.zone_s = (int) wd_test_below(26 * 3600) - 12 * 3600;
    if (wd_test_below(3)) {
        s.high = base + (wd_ns_t) wd_test_below(DAYS(20000));
    }
    if (wd_test_below(3)) {
        s.covered = base + (wd_ns_t) wd_test_below(DAYS(20000));
    }
    if (wd_test_below(4)) {
        s.from = day("1975-01-01") + (int64_t) wd_test_below(20000);
    }
    return s;
}


/* One behind the other without gap or overlap, and not longer than allowed. */
static void
check_chain(const ingestion_span_t *s, bool back, int64_t n,
            ingestion_slice_t (*get)(const ingestion_span_t *, int64_t))
{
    int64_t           i;
    ingestion_slice_t one, last = {0, 0, false};

    for (i = 0; i < n; i++) {
        one = get(s, i);
        assert_true(one.from <= one.to);
        if (i != 0) {
            assert_int_equal(back ? one.to + 1 : last.to + 1,
                             back ? last.from : one.from);
        }
        if (s->kind == WINDOW_RANGE && s->window_days != 0) {
            assert_true(one.to - one.from < s->window_days);
        }
        if (s->kind == WINDOW_MONTH) {
            assert_true(one.to - one.from >= 27 && one.to - one.from <= 30);
        }
        last = one;
    }
}


static void
test_properties(void **state)
{
    int               i;
    int64_t           n, today;
    ingestion_span_t  s;
    ingestion_slice_t first, last;

    (void) state;
    for (i = 0; i < 200000; i++) {
        s = any_span();
        today = (s.now + s.zone_s * WD_NS_PER_S) / WD_NS_PER_DAY;

        n = ingestion_slices_live_n(&s);
        assert_true(n >= 1 && n <= INGESTION_SLICES_MAX);
        check_chain(&s, false, n, ingestion_slices_live);
        first = ingestion_slices_live(&s, 0);
        last = ingestion_slices_live(&s, n - 1);
        assert_true(last.from <= today && last.to >= today);
        assert_true(first.from <= wd_max(ingestion_slices_start(&s), today)
                    || s.kind == WINDOW_NONE || n == INGESTION_SLICES_MAX);

        if (s.from == INGESTION_NO_DAY || s.kind == WINDOW_NONE) {
            assert_int_equal(ingestion_slices_fill_n(&s), 0);
            continue;
        }
        /* Beside each other they reach from `from` to today. */
        s.fill_to = ingestion_slices_fill_begin(&s);
        n = ingestion_slices_fill_n(&s);
        check_chain(&s, true, n, ingestion_slices_fill);
        if (n != 0) {
            assert_int_equal(ingestion_slices_fill(&s, 0).to + 1, s.fill_to);
            assert_true(ingestion_slices_fill(&s, n - 1).from <= s.from);
            assert_true(s.kind == WINDOW_SIZE || s.fill_to == first.from);
        } else {
            assert_true(s.kind == WINDOW_SIZE || first.from <= s.from);
        }

        /* One done is one less, until none is left. */
        if (n != 0) {
            s.fill_to = ingestion_slices_fill(&s, 0).from;
            assert_int_equal(ingestion_slices_fill_n(&s), n - 1);
        }
    }
}


/* A year of daily runs asks for each day, whatever fails in between. */
static void
test_a_year(void **state)
{
    int64_t           i, k, d, asked[400] = {0};
    ingestion_span_t  s = span(WINDOW_RANGE, 14, 5, "2024-01-01T06:00:00Z");
    ingestion_slice_t one;

    (void) state;
    for (i = 0; i < 366; i++) {
        s.now = at("2024-01-01T06:00:00Z") + DAYS(i);
        if (wd_test_below(4) == 0) {
            continue; /* nobody was there */
        }
        for (k = 0; k < ingestion_slices_live_n(&s); k++) {
            one = ingestion_slices_live(&s, k);
            for (d = one.from; d <= one.to; d++) {
                if (d >= day("2024-01-01")) {
                    asked[d - day("2024-01-01")]++;
                }
            }
        }
        s.covered = s.now;
        if (wd_test_below(3)) {
            s.high = s.now - DAYS(1); /* the market's last close */
        }
    }
    for (i = 0; i < 360; i++) {
        assert_true(asked[i] >= 1);
    }
}


/* ---- arguments ---------------------------------------------------------- */

static const char *
question(ingestion_window_e kind, const char *from, const char *to, bool full)
{
    static wd_buf_t         out;
    ingestion_args_t        args = {0};
    const ingestion_slice_t s = {day(from), day(to), full};

    wd_buf_done(&out);
    wd_buf_init(&out, 0);
    assert_true(ingestion_arg_set(&args, ARG_SYMBOL, WD_STR("IBM")));
    assert_true(ingestion_slice_args(kind, &s, &args));
    ingestion_args_json(&args, 0, 0, &out);
    return wd_buf_cstr(&out);
}


static void
test_args(void **state)
{
    (void) state;
    assert_string_equal(
        question(WINDOW_NONE, "2024-01-01", "2024-01-01", false),
        "{\"symbol\":\"IBM\"}");
    assert_string_equal(
        question(WINDOW_SIZE, "2024-01-01", "2024-01-01", false),
        "{\"outputsize\":\"compact\",\"symbol\":\"IBM\"}");
    assert_string_equal(question(WINDOW_SIZE, "2024-01-01", "2024-01-01", true),
                        "{\"outputsize\":\"full\",\"symbol\":\"IBM\"}");
    assert_string_equal(
        question(WINDOW_MONTH, "2024-02-01", "2024-02-29", false),
        "{\"month\":\"2024-02\",\"outputsize\":\"full\","
        "\"symbol\":\"IBM\"}");
    assert_string_equal(
        question(WINDOW_YEARS, "1960-01-01", "2018-12-31", false),
        "{\"date\":\"1960:2018\",\"symbol\":\"IBM\"}");
    assert_string_equal(
        question(WINDOW_YEARS, "2018-01-01", "2018-12-31", false),
        "{\"date\":\"2018\",\"symbol\":\"IBM\"}");
    assert_string_equal(
        question(WINDOW_RANGE, "2024-02-28", "2024-03-01", false),
        "{\"end\":\"2024-03-01\",\"start\":\"2024-02-28\","
        "\"symbol\":\"IBM\"}");
}


/* Of every data set, what it cuts its questions by is an argument of it. */
static void
test_windows(void **state)
{
    size_t                     p, d;
    ingestion_args_t           args = {0};
    const ingestion_dataset_t *set;

    (void) state;
    for (p = 0; p < INGESTION_PROVIDERS; p++) {
        for (d = 0; d < ingestion_providers[p]->n_datasets; d++) {
            set = &ingestion_providers[p]->datasets[d];
            assert_int_equal(
                (set->per_instrument | ingestion_window_args(set->window))
                    & ~(set->required | set->optional),
                0);
            assert_true(ingestion_window_overlap_ns(set, &args) >= 0);
        }
    }

    assert_int_equal(ingestion_window_row_ns(&args), WD_NS_PER_DAY);
    assert_true(ingestion_arg_set(&args, ARG_INTERVAL, WD_STR("15min")));
    assert_int_equal(ingestion_window_row_ns(&args), 15 * WD_NS_PER_MIN);
    set = ingestion_dataset_by_name(&ingestion_alphavantage,
                                    WD_STR("fx_intraday"));
    assert_int_equal(ingestion_window_overlap_ns(set, &args),
                     150 * WD_NS_PER_MIN);
    assert_true(ingestion_arg_set(&args, ARG_INTERVAL, WD_STR("monthly")));
    assert_int_equal(ingestion_window_row_ns(&args), WD_NS_PER_DAY);

    assert_int_equal(ingestion_window_period(&args), PERIOD_MONTH);
    assert_true(ingestion_arg_set(&args, ARG_INTERVAL, WD_STR("daily")));
    assert_int_equal(ingestion_window_period(&args), PERIOD_NONE);

    set = ingestion_dataset_by_name(&ingestion_lseg, WD_STR("ticks"));
    assert_int_equal(ingestion_window_overlap_ns(set, &args), DAYS(1));
    assert_false(ingestion_dataset_streams(set));
    assert_true(ingestion_dataset_streams(
        ingestion_dataset_by_name(&ingestion_lseg, WD_STR("stream"))));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_range_outage),
        cmocka_unit_test(test_range_quiet),
        cmocka_unit_test(test_range_clock),
        cmocka_unit_test(test_range_fill),
        cmocka_unit_test(test_month),
        cmocka_unit_test(test_month_outage),
        cmocka_unit_test(test_month_fill),
        cmocka_unit_test(test_years),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_size_fill),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_a_year),
        cmocka_unit_test(test_args),
        cmocka_unit_test(test_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
