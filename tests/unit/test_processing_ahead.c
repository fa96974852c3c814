/*
 * test_processing_ahead.c - the next object, read ahead: taken for its own
 * event only, and only when nothing is wrong with it.
 */
#include "wd_test.h"

#include "processing_ahead.h"

#define DAY(date)                                                           \
    "\"" date "\":{\"1. open\":\"1.5\",\"2. high\":\"2\",\"3. low\":\"1\"," \
    "\"4. close\":\"1.75\",\"5. volume\":\"100\"}"
#define SERIES(days) \
    "{\"Meta Data\":{\"2. Symbol\":\"IBM\"},\"Time Series (Daily)\":{" days "}}"

static wd_lake_t          *lake;
static processing_t        pr;
static processing_ahead_t *ahead;


/* The event of an object that is now in the lake; forgotten at the end. */
static wd_str_t
stored(const char *dataset, const char *body)
{
    static wd_buf_t events[8];
    static size_t   n;
    wd_buf_t       *out = &events[n++ % wd_array_len(events)];
    wd_error_t      err = {0};
    wd_lake_row_t   row = {.http_status = 200,
                           .provider = "alphavantage",
                           .args = "{\"symbol\":\"IBM\"}",
                           .content_type = "application/json",
                           .fetched_at = INT64_C(1706702400000000000)};

    wd_str_copy(row.dataset, sizeof(row.dataset), wd_str_z(dataset));
    if (wd_lake_put(lake, &row, wd_str_z(body), &err) != WD_OK) {
        fail_msg("%s", err.text);
    }
    wd_buf_done(out);
    wd_lake_event(&row, out);
    return wd_str_z(wd_buf_cstr(out));
}


static int
begin(void **state)
{
    wd_error_t err = {0};

    (void) state;
    memset(&pr, 0, sizeof(pr));
    if (wd_lake_open(wd_test_path("lake"), &lake, &err) != WD_OK
        || processing_zones_load(&pr.zones, &err) != WD_OK) {
        return -1;
    }
    pr.lake = lake;
    return processing_ahead_start(&pr, &ahead, &err);
}


static int
end(void **state)
{
    (void) state;
    processing_ahead_stop(ahead);
    processing_zones_done(&pr.zones);
    wd_lake_close(lake);
    return 0;
}


/* Prepared, with so many bars. */
static void
gives(wd_str_t event, size_t bars)
{
    processing_job_t *job = processing_ahead_take(ahead, event);

    assert_non_null(job);
    assert_true(job->ahead);
    assert_int_equal(job->r.n_bars, bars);
    assert_int_equal(job->r.n_rejected, 0);
    assert_null(job->o.outcome);
    processing_job_destroy(job);
}


static void
test_taken_once(void **state)
{
    int      i;
    wd_str_t one = stored("daily", SERIES(DAY("2024-01-30")));
    wd_str_t two = stored("daily",
                          SERIES(DAY("2024-01-30") "," DAY("2024-01-29")));

    (void) state;
    assert_null(processing_ahead_take(ahead, one)); /* nobody asked */
    for (i = 0; i < 50; i++) {
        processing_ahead_want(ahead, one);
        gives(one, 1);
        assert_null(processing_ahead_take(ahead, one));
        processing_ahead_want(ahead, two);
        gives(two, 2);
    }
}


typedef struct {
    wd_str_t          event;
    processing_job_t *job;
} wish_t;


static bool
comes(void *arg)
{
    wish_t *w = arg;

    processing_ahead_want(ahead, w->event);
    w->job = processing_ahead_take(ahead, w->event);
    return w->job != NULL;
}


/* What came for another event is dropped, and holds nothing up. */
static void
test_other_event(void **state)
{
    wish_t   w = {.event = stored("daily", SERIES(DAY("2024-01-30")))};
    wd_str_t other = stored("daily", SERIES(DAY("2024-01-29")));

    (void) state;
    processing_ahead_want(ahead, other);
    assert_null(processing_ahead_take(ahead, w.event));
    assert_true(wd_test_until(comes, &w));
    assert_true(
        wd_str_eq(wd_str_z(w.job->ev.key),
                  wd_str(strstr(w.event.data, "raw/"), strlen(w.job->ev.key))));
    processing_job_destroy(w.job);
    processing_ahead_want(ahead, other); /* and is there at the end */
}


/* The same event with another size of its object. */
static const char *
resized(wd_str_t event, const char *size)
{
    static char out[1000];
    const char *at = strstr(event.data, "\"size\":") + strlen("\"size\":");

    snprintf(out, sizeof(out), "%.*s%s%s", (int) (at - event.data), event.data,
             size, at + strspn(at, "0123456789"));
    return out;
}


/* The same event with the name of an object that is not there. */
static const char *
missing(wd_str_t event)
{
    static char out[1000];

    wd_str_copy(out, sizeof(out), event);
    memcpy(strstr(out, ".zst"), ".abc", 4);
    return out;
}


static void
test_nothing_to_prepare(void **state)
{
    size_t         i;
    const wd_str_t good = stored("daily", SERIES(DAY("2024-01-30")));
    const wd_str_t none[] = {
        WD_STR("no JSON"),
        WD_STR("{}"),
        stored("no_such_dataset", SERIES(DAY("2024-01-30"))),
        stored("daily", "{\"Information\":\"25 requests per day\"}"),
        stored("daily", "{}"),
        stored("daily", ""),
        wd_str_z(missing(good)),
        wd_str_z(resized(good, "99000000")),
    };

    (void) state;
    for (i = 0; i < wd_array_len(none); i++) {
        processing_ahead_want(ahead, none[i]);
        assert_null(processing_ahead_take(ahead, none[i]));
    }
    processing_ahead_want(ahead, WD_STR(""));
    assert_null(processing_ahead_take(ahead, WD_STR("")));
    processing_ahead_want(NULL, good);
    assert_null(processing_ahead_take(NULL, good));
    processing_ahead_stop(NULL);

    processing_ahead_want(ahead, good);
    gives(good, 1);
    processing_ahead_want(ahead, wd_str_z(resized(good, "1000000")));
    gives(wd_str_z(resized(good, "1000000")), 1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken_once),
        cmocka_unit_test(test_other_event),
        cmocka_unit_test(test_nothing_to_prepare),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
