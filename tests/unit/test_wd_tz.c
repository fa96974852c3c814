/*
 * Time zones against the C library's reading of the same files.
 */
#include "wd_test.h"

#include "wd_tz.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STEP (4 * 86400)

static const char *const zones[] = {
    "US/Eastern",          "America/New_York", "America/Chicago",
    "Europe/Berlin",       "Europe/London",    "Europe/Dublin",
    "Asia/Tokyo",          "Asia/Kolkata",     "Asia/Kathmandu",
    "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Apia",
    "Pacific/Kiritimati",  "America/Sao_Paulo", "America/St_Johns",
    "Africa/Casablanca",   "America/Nuuk",     "Asia/Tehran",
    "Asia/Gaza",           "Pacific/Chatham",  "Antarctica/Troll",
    "Africa/Monrovia",     "UTC",              "Etc/GMT+12",
};


static wd_tz_t *
load(const char *name)
{
    wd_tz_t *tz = NULL;

    if (wd_tz_load(name, &tz) != WD_OK) {
        fail_msg("%s does not load", name);
    }
    return tz;
}


static wd_ns_t
utc(const wd_tz_t *tz, const char *local)
{
    wd_ns_t    t = 0;
    wd_civil_t c;

    assert_ok(wd_civil_parse(wd_str_z(local), &c, NULL));
    assert_ok(wd_tz_to_utc(tz, &c, &t));
    return t;
}


static const char *
utc_text(const wd_tz_t *tz, const char *local)
{
    static char text[WD_TIME_TEXT_MAX];

    wd_time_format(utc(tz, local), text);
    return text;
}


static void
test_known(void **state)
{
    static const struct {
        const char *zone, *local, *utc;
    } rows[] = {
        {"US/Eastern", "2024-01-31 19:55:00", "2024-02-01T00:55:00Z"},
        {"US/Eastern", "2024-07-01 09:30:00", "2024-07-01T13:30:00Z"},
        /* skipped: 02:00 to 03:00 do not exist */
        {"US/Eastern", "2024-03-10 01:59:59", "2024-03-10T06:59:59Z"},
        {"US/Eastern", "2024-03-10 02:00:00", "2024-03-10T07:00:00Z"},
        {"US/Eastern", "2024-03-10 02:30:00", "2024-03-10T07:30:00Z"},
        {"US/Eastern", "2024-03-10 02:59:59", "2024-03-10T07:59:59Z"},
        {"US/Eastern", "2024-03-10 03:00:00", "2024-03-10T07:00:00Z"},
        /* twice: the first of the two */
        {"US/Eastern", "2024-11-03 00:59:59", "2024-11-03T04:59:59Z"},
        {"US/Eastern", "2024-11-03 01:00:00", "2024-11-03T05:00:00Z"},
        {"US/Eastern", "2024-11-03 01:59:59", "2024-11-03T05:59:59Z"},
        {"US/Eastern", "2024-11-03 02:00:00", "2024-11-03T07:00:00Z"},
        /* far beyond the table, by the rule at the end of the file */
        {"US/Eastern", "2200-03-09 01:59:59", "2200-03-09T06:59:59Z"},
        {"US/Eastern", "2200-03-09 03:00:00", "2200-03-09T07:00:00Z"},
        {"US/Eastern", "2200-07-01 12:00:00", "2200-07-01T16:00:00Z"},
        {"US/Eastern", "2200-11-02 01:30:00", "2200-11-02T05:30:00Z"},
        {"US/Eastern", "2200-12-25 12:00:00", "2200-12-25T17:00:00Z"},
        {"US/Eastern", "2100-01-01 00:30:00", "2100-01-01T05:30:00Z"},
        {"US/Eastern", "1970-07-01 12:00:00", "1970-07-01T16:00:00Z"},
        {"US/Eastern", "1850-01-01 12:00:00", "1850-01-01T16:56:02Z"},
        {"Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31T01:30:00Z"},
        {"Europe/Berlin", "2024-10-27 02:30:00", "2024-10-27T00:30:00Z"},
        {"Europe/Berlin", "2099-03-29 01:59:59", "2099-03-29T00:59:59Z"},
        {"Europe/Berlin", "2099-03-29 03:00:00", "2099-03-29T01:00:00Z"},
        {"Europe/Berlin", "2024-06-30 12:00:00", "2024-06-30T10:00:00Z"},
        {"UTC", "2024-06-30 12:00:00", "2024-06-30T12:00:00Z"},
        {"Asia/Kolkata", "2024-06-30 12:00:00", "2024-06-30T06:30:00Z"},
        {"Australia/Sydney", "2150-01-15 12:00:00", "2150-01-15T01:00:00Z"},
        {"Australia/Sydney", "2150-07-15 12:00:00", "2150-07-15T02:00:00Z"},
        /* a whole day that did not exist */
        {"Pacific/Apia", "2011-12-29 23:59:59", "2011-12-30T09:59:59Z"},
        {"Pacific/Apia", "2011-12-31 00:00:00", "2011-12-30T10:00:00Z"},
    };
    size_t   i;
    wd_tz_t *tz;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        tz = load(rows[i].zone);
        if (strcmp(utc_text(tz, rows[i].local), rows[i].utc) != 0) {
            fail_msg("%s %s is %s, not %s", rows[i].zone, rows[i].local,
                     utc_text(tz, rows[i].local), rows[i].utc);
        }
        wd_tz_destroy(tz);
    }
}


static int
glibc_offset(int64_t s)
{
    struct tm tm;
    time_t    t = (time_t) s;

    localtime_r(&t, &tm);
    return (int) tm.tm_gmtoff;
}


static void
compare(const wd_tz_t *tz, const char *zone, int64_t s)
{
    int ours = wd_tz_offset(tz, s * WD_NS_PER_S), theirs = glibc_offset(s);

    if (ours != theirs) {
        fail_msg("%s at %lld: %d, the C library says %d", zone, (long long) s,
                 ours, theirs);
    }
}


/* Steps of days over 400 years, and each second around a change. */
static void
test_offsets(void **state)
{
    int      k;
    size_t   i;
    int64_t  s, lo, hi, mid;
    wd_tz_t *tz;

    (void) state;
    for (i = 0; i < wd_array_len(zones); i++) {
        tz = load(zones[i]);
        setenv("TZ", zones[i], 1);
        tzset();
        for (s = INT64_C(-6000000000); s < INT64_C(9200000000); s += STEP) {
            compare(tz, zones[i], s);
            if (glibc_offset(s) == glibc_offset(s + STEP)) {
                continue;
            }
            lo = s;
            hi = s + STEP;
            while (hi - lo > 1) {
                mid = lo + (hi - lo) / 2;
                if (glibc_offset(mid) == glibc_offset(lo)) {
                    lo = mid;
                } else {
                    hi = mid;
                }
            }
            for (k = -3; k <= 3; k++) {
                compare(tz, zones[i], hi + k);
            }
            /* fractions belong to the second that has begun */
            assert_int_equal(wd_tz_offset(tz, hi * WD_NS_PER_S - 1),
                             glibc_offset(hi - 1));
        }
        wd_tz_destroy(tz);
    }
}


static bool
reads_as(const wd_tz_t *tz, int64_t s, int64_t local)
{
    return s + wd_tz_offset(tz, s * WD_NS_PER_S) == local;
}


/*
 * Local times around each change: of all instants that read as it, the
 * first; when there is none, the offset before the gap.
 */
static void
check_local(const wd_tz_t *tz, const char *zone, int64_t local)
{
    int        k, o, best_known = 0;
    int64_t    s, best = 0, want;
    wd_ns_t    t;
    wd_civil_t c;

    /* an offset that fits holds somewhere near */
    for (k = -36; k <= 36; k += 3) {
        o = wd_tz_offset(tz, (local + k * 3600) * WD_NS_PER_S);
        s = local - o;
        if (wd_tz_offset(tz, s * WD_NS_PER_S) == o && reads_as(tz, s, local)
            && (!best_known || s < best)) {
            best_known = 1;
            best = s;
        }
    }
    if (!best_known) { /* skipped: by the offset that held before */
        best = local - wd_tz_offset(tz, (local - 129600) * WD_NS_PER_S);
    }
    want = best;

    wd_time_to_civil(local * WD_NS_PER_S, &c);
    assert_ok(wd_tz_to_utc(tz, &c, &t));
    if (t != want * WD_NS_PER_S) {
        fail_msg("%s %04d-%02d-%02d %02d:%02d:%02d is %lld, not %lld", zone,
                 c.year, c.month, c.day, c.hour, c.minute, c.second,
                 (long long) (t / WD_NS_PER_S), (long long) want);
    }
}


static void
test_to_utc(void **state)
{
    int      a, b;
    size_t   i;
    int64_t  s, k;
    wd_tz_t *tz;

    (void) state;
    for (i = 0; i < wd_array_len(zones); i++) {
        tz = load(zones[i]);
        /* since 1975, when all offsets are whole minutes */
        for (s = 157766400; s < INT64_C(2600000000); s += 86400) {
            a = wd_tz_offset(tz, s * WD_NS_PER_S);
            b = wd_tz_offset(tz, (s + 86400) * WD_NS_PER_S);
            if (a == b && s % (86400 * 97) != 0) {
                continue;
            }
            for (k = 0; k <= 172800; k += 1800) {
                check_local(tz, zones[i], s - 43200 + k);
            }
        }
        wd_tz_destroy(tz);
    }
}


/* At the ends of the range: an answer or WD_EOVERFLOW, no wrapping. */
static void
test_ends(void **state)
{
    size_t     i;
    wd_tz_t   *tz;
    wd_ns_t    t;
    wd_civil_t c;

    (void) state;
    for (i = 0; i < wd_array_len(zones); i++) {
        tz = load(zones[i]);
        (void) wd_tz_offset(tz, WD_NS_MIN);
        assert_int_equal(wd_tz_offset(tz, WD_NS_MAX),
                         wd_tz_offset(tz, WD_NS_MAX - WD_NS_PER_DAY));
        wd_time_to_civil(WD_NS_MAX, &c);
        if (wd_tz_to_utc(tz, &c, &t) == WD_OK) {
            assert_true(t > WD_NS_MAX - WD_NS_PER_DAY);
        } else {
            assert_true(wd_tz_offset(tz, WD_NS_MAX) < 0);
        }
        wd_time_to_civil(WD_NS_MIN, &c);
        if (wd_tz_to_utc(tz, &c, &t) == WD_OK) {
            assert_true(t < WD_NS_MIN + WD_NS_PER_DAY);
        }
        wd_tz_destroy(tz);
    }
}


static void
test_names(void **state)
{
    static const char *const bad[] = {
        "", "/etc/passwd", "../../../etc/passwd", "Europe/../../x", ".",
        "US/Eastern\n", "US Eastern", "\xc3\xa9",
    };
    size_t   i;
    wd_tz_t *tz = NULL;

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        if (wd_tz_load(bad[i], &tz) != WD_EINVAL) {
            fail_msg("'%s'", bad[i]);
        }
    }
    assert_int_equal(wd_tz_load("No/Such_Zone", &tz), WD_ENOTFOUND);
    assert_int_equal(wd_tz_load("Europe", &tz), WD_EPROTO); /* a folder */

    setenv("TZDIR", wd_test_dir(), 1);
    wd_test_write(wd_test_path("Short"), WD_STR("TZif2"));
    assert_int_equal(wd_tz_load("Short", &tz), WD_EPROTO);
    assert_int_equal(wd_tz_load("US/Eastern", &tz), WD_ENOTFOUND);
    unsetenv("TZDIR");
    assert_null(tz);
    wd_tz_destroy(NULL);
}


/* Every zone of the system is understood. */
static void
all_in(const char *dir, const char *prefix, size_t *n)
{
    DIR           *d;
    char           path[600], name[400];
    wd_tz_t       *tz;
    wd_buf_t       b = WD_BUF_INIT;
    struct stat    st;
    struct dirent *e;

    d = opendir(dir);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.' || strcmp(e->d_name, "right") == 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        snprintf(name, sizeof(name), "%s%s%s", prefix,
                 prefix[0] != '\0' ? "/" : "", e->d_name);
        if (stat(path, &st) != 0) {
            continue;
        }
        if (S_ISDIR(st.st_mode)) {
            all_in(path, name, n);
            continue;
        }
        wd_test_read(path, &b);
        if (b.len < 4 || memcmp(b.data, "TZif", 4) != 0) {
            continue;
        }
        if (wd_tz_load(name, &tz) != WD_OK) {
            fail_msg("%s does not load", name);
        }
        wd_tz_destroy(tz);
        (*n)++;
    }
    closedir(d);
    wd_buf_done(&b);
}


static void
test_all(void **state)
{
    size_t n = 0;

    (void) state;
    all_in("/usr/share/zoneinfo", "", &n);
    assert_true(n > 200);
}


/* Damaged files: an error or a zone that gives offsets, never a fault. */
static void
test_damaged(void **state)
{
    int        i;
    char      *copy;
    size_t     k, n;
    wd_tz_t   *tz;
    wd_ns_t    t;
    wd_buf_t   b = WD_BUF_INIT;
    wd_civil_t c = {2024, 3, 10, 2, 30, 0, 0};

    (void) state;
    wd_test_read("/usr/share/zoneinfo/US/Eastern", &b);
    for (n = 0; n < b.len; n++) {
        copy = malloc(n + 1);
        memcpy(copy, b.data, n);
        assert_int_equal(wd_tz_parse(wd_str(copy, n), &tz), WD_EPROTO);
        free(copy);
    }
    copy = malloc(b.len);
    for (i = 0; i < 20000; i++) {
        memcpy(copy, b.data, b.len);
        for (k = 0; k < 1 + wd_test_below(3); k++) {
            copy[wd_test_below(i & 1 ? b.len : 120)] = (char) wd_test_random();
        }
        if (wd_tz_parse(wd_str(copy, b.len), &tz) != WD_OK) {
            continue;
        }
        assert_true(wd_tz_offset(tz, (wd_ns_t) wd_test_random()) < 1000000);
        wd_tz_offset(tz, WD_NS_MAX);
        wd_tz_offset(tz, WD_NS_MIN);
        if (wd_tz_to_utc(tz, &c, &t) != WD_OK) { /* void */
        }
        wd_tz_destroy(tz);
    }
    free(copy);
    wd_buf_done(&b);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),  cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_to_utc), cmocka_unit_test(test_ends),
        cmocka_unit_test(test_names),  cmocka_unit_test(test_all),
        cmocka_unit_test(test_damaged),
    };

    if (access("/usr/share/zoneinfo/US/Eastern", R_OK) != 0) {
        fprintf(stderr, "skipped: no zone files (tzdata, tzdata-legacy)\n");
        return WD_TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
