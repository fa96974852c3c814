/*
 * Metrics: the text format, read strictly, and the cap of series.
 */
#include "wd_test.h"

#include "wd_metrics.h"
#include "wd_num.h"

#include <math.h>
#include <pthread.h>

static wd_buf_t text;

typedef struct {
    char   name[100];
    char   labels[600];
    double v;
} sample_t;

static sample_t samples[20000];
static size_t   n_samples;


static bool
is_name(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (!((s.data[i] >= 'a' && s.data[i] <= 'z')
              || (s.data[i] >= 'A' && s.data[i] <= 'Z') || s.data[i] == '_'
              || (i != 0 && s.data[i] >= '0' && s.data[i] <= '9'))) {
            return false;
        }
    }
    return s.len != 0;
}


/* {a="b",c="d"} at the beginning of s, which moves behind it. */
static void
read_labels(wd_str_t *s, char *out, size_t cap)
{
    size_t   i = 1;
    wd_str_t name;

    assert_true(s->len > 1 && s->data[0] == '{');
    for (;;) {
        name = wd_str(s->data + i, 0);
        while (i < s->len && s->data[i] != '=') {
            i++;
            name.len++;
        }
        assert_true(is_name(name));
        assert_true(i + 1 < s->len && s->data[i + 1] == '"');
        for (i += 2; i < s->len && s->data[i] != '"'; i++) {
            if (s->data[i] == '\\') {
                i++;
                assert_true(i < s->len
                            && strchr("\\\"n", s->data[i]) != NULL);
            }
        }
        i++;
        assert_true(i < s->len);
        if (s->data[i] == '}') {
            break;
        }
        assert_int_equal(s->data[i], ',');
        i++;
    }
    assert_true(wd_utf8_valid(wd_str(s->data, i)));
    wd_str_copy(out, cap, wd_str(s->data, i + 1));
    *s = wd_str(s->data + i + 1, s->len - i - 1);
}


static void
read_sample(wd_str_t line, wd_str_t family)
{
    size_t    i = 0;
    sample_t *s = &samples[n_samples++];

    assert_true(n_samples < wd_array_len(samples));
    while (i < line.len && line.data[i] != '{' && line.data[i] != ' ') {
        i++;
    }
    wd_str_copy(s->name, sizeof(s->name), wd_str(line.data, i));
    assert_true(is_name(wd_str(line.data, i)));
    assert_true(i >= family.len
                && memcmp(line.data, family.data, family.len) == 0);
    line = wd_str(line.data + i, line.len - i);
    read_labels(&line, s->labels, sizeof(s->labels));
    assert_true(line.len > 1 && line.data[0] == ' ');
    line = wd_str(line.data + 1, line.len - 1);
    if (wd_num_parse(line, &s->v) != WD_OK) {
        fail_msg("not a number: %.*s", WD_STR_ARG(line));
    }
    for (i = 0; i + 1 < n_samples; i++) {
        if (strcmp(samples[i].name, s->name) == 0
            && strcmp(samples[i].labels, s->labels) == 0) {
            fail_msg("twice: %s%s", s->name, s->labels);
        }
    }
}


/* Blocks of # HELP, # TYPE, samples; no family twice. */
static void
read_all(void)
{
    size_t   i, n = 0;
    wd_str_t rest, line, part, families[100], family = WD_STR_NULL;

    wd_buf_reset(&text);
    wd_metrics_render(&text);
    assert_ok(text.err);
    n_samples = 0;
    rest = wd_buf_view(&text);
    assert_true(rest.len == 0 || rest.data[rest.len - 1] == '\n');

    while (rest.len != 0 && wd_str_split(&rest, '\n', &line)) {
        if (wd_str_starts(line, "# HELP ")) {
            line = wd_str(line.data + 7, line.len - 7);
            wd_str_split(&line, ' ', &family);
            assert_true(is_name(family) && line.len != 0);
            for (i = 0; i < n; i++) {
                assert_false(wd_str_eq(families[i], family));
            }
            families[n++] = family;
            assert_true(wd_str_split(&rest, '\n', &line));
            assert_true(wd_str_starts(line, "# TYPE "));
            line = wd_str(line.data + 7, line.len - 7);
            wd_str_split(&line, ' ', &part);
            assert_true(wd_str_eq(part, family));
            assert_true(wd_str_eq_z(line, "counter")
                        || wd_str_eq_z(line, "gauge")
                        || wd_str_eq_z(line, "histogram"));
            continue;
        }
        read_sample(line, family);
    }
}


static double
value(const char *name, const char *labels)
{
    size_t i;

    for (i = 0; i < n_samples; i++) {
        if (strcmp(samples[i].name, name) == 0
            && strcmp(samples[i].labels, labels) == 0) {
            return samples[i].v;
        }
    }
    fail_msg("no %s%s in\n%s", name, labels, wd_buf_cstr(&text));
    return 0;
}


static int
begin(void **state)
{
    (void) state;
    wd_metrics_done();
    wd_metrics_init("tester");
    return 0;
}


static void
test_types(void **state)
{
    (void) state;
    read_all();
    assert_int_equal(n_samples, 0);

    wd_metric(WD_MX_RPC_REQUESTS, 1, "bars.query", "0", NULL);
    wd_metric(WD_MX_RPC_REQUESTS, 2.5, "bars.query", "0", NULL);
    wd_metric(WD_MX_RPC_REQUESTS, 1, "bars.query", "-5", NULL);
    wd_metric(WD_MX_RPC_INFLIGHT, 7, NULL, NULL, NULL);
    wd_metric(WD_MX_RPC_INFLIGHT, 3, NULL, NULL, NULL);
    wd_metric(WD_MX_DB_OPERATIONS, 1, "select", NULL, "ok");
    read_all();
    assert_true(value("wizdata_backend_requests_total",
                      "{service=\"tester\",method=\"bars.query\",code=\"0\"}")
                == 3.5);
    assert_true(value("wizdata_backend_requests_total",
                      "{service=\"tester\",method=\"bars.query\",code=\"-5\"}")
                == 1);
    assert_true(value("wizdata_backend_requests_in_flight",
                      "{service=\"tester\"}")
                == 3);
    assert_true(value("database_operations_total",
                      "{service=\"tester\",operation=\"select\",table=\"\","
                      "status=\"ok\"}")
                == 1);
}


static void
test_histogram(void **state)
{
    double v, last = 0, edge;
    size_t i, buckets = 0;
    char  *le;

    (void) state;
    for (i = 0; i < 1000; i++) {
        wd_metric(WD_MX_DB_SECONDS, (double) i / 50, "select", NULL, NULL);
    }
    wd_metric(WD_MX_DB_SECONDS, 0.001, "select", NULL, NULL); /* on an edge */
    read_all();

    for (i = 0; i < n_samples; i++) {
        if (strcmp(samples[i].name, "wizdata_database_seconds_bucket") != 0) {
            continue;
        }
        buckets++;
        le = strstr(samples[i].labels, "le=\"") + 4;
        assert_true(samples[i].v >= last); /* cumulative, in order */
        last = samples[i].v;
        if (strcmp(le, "+Inf\"}") == 0) {
            assert_true(samples[i].v == 1001);
            continue;
        }
        edge = strtod(le, NULL);
        v = floor(edge * 50 + 1e-9) + 1 + (edge >= 0.001);
        if (samples[i].v != v) {
            fail_msg("le=%g holds %g, not %g", edge, samples[i].v, v);
        }
    }
    assert_true(buckets > 5);
    assert_true(value("wizdata_database_seconds_count",
                      "{service=\"tester\",operation=\"select\"}")
                == 1001);
    v = value("wizdata_database_seconds_sum",
              "{service=\"tester\",operation=\"select\"}");
    assert_true(fabs(v - (999 * 1000 / 2 / 50.0 + 0.001)) < 1e-6);
}


static void
test_label_values(void **state)
{
    int         i, c;
    char        v[400];
    const char *euro = "\xe2\x82\xac";

    (void) state;
    wd_metric(WD_MX_RPC_REQUESTS, 1, "a\"b\\c\nd", "0", NULL);
    memset(v, 'x', sizeof(v));
    v[sizeof(v) - 1] = '\0';
    wd_metric(WD_MX_DB_OPERATIONS, 1, v, v, v);
    memset(v, '"', sizeof(v) - 1);
    wd_metric(WD_MX_DB_OPERATIONS, 1, v, v, v);
    memset(v, '\\', sizeof(v) - 1);
    wd_metric(WD_MX_DB_OPERATIONS, 1, v, v, v);
    for (c = 1; c < 256; c++) {
        v[0] = (char) c;
        v[1] = '\0';
        wd_metric(WD_MX_JOBS, 1, v, "x", "y");
    }
    for (c = 0; c < 4; c++) { /* a cut in the middle of a character */
        memset(v, 'a', (size_t) c);
        for (i = 0; i < 100; i++) {
            memcpy(v + c + 3 * i, euro, 4);
        }
        wd_metric(WD_MX_BUS_PUBLISHED, 1, v, NULL, NULL);
    }
    read_all();
    value("wizdata_backend_requests_total",
          "{service=\"tester\",method=\"a\\\"b\\\\c d\",code=\"0\"}");
}


static void
test_cap(void **state)
{
    int    i;
    char   v[32];
    size_t k, n = 0;
    double sum = 0;

    (void) state;
    for (i = 0; i < 3 * WD_METRIC_SERIES_MAX; i++) {
        snprintf(v, sizeof(v), "t%d", i);
        wd_metric(WD_MX_BUS_PUBLISHED, 1, v, NULL, NULL);
    }
    wd_metric(WD_MX_BUS_PUBLISHED, 1, "t5", NULL, NULL); /* known: itself */
    wd_metric(WD_MX_RPC_INFLIGHT, 1, NULL, NULL, NULL); /* another metric */
    read_all();
    for (k = 0; k < n_samples; k++) {
        if (strcmp(samples[k].name, "wizdata_bus_published_total") == 0) {
            n++;
            sum += samples[k].v;
        }
    }
    assert_true(n >= WD_METRIC_SERIES_MAX && n <= WD_METRIC_SERIES_MAX + 1);
    assert_true(sum == 3 * WD_METRIC_SERIES_MAX + 1); /* nothing is lost */
    assert_true(value("wizdata_bus_published_total",
                      "{service=\"tester\",topic=\"t5\"}")
                == 2);
    assert_true(value("wizdata_bus_published_total",
                      "{service=\"tester\",topic=\"other\"}")
                >= 2 * WD_METRIC_SERIES_MAX - 1);
}


static void *
count(void *arg)
{
    int  i;
    char v[16];

    (void) arg;
    for (i = 0; i < 5000; i++) {
        snprintf(v, sizeof(v), "t%d", i % 50);
        wd_metric(WD_MX_BUS_PUBLISHED, 1, v, NULL, NULL);
        wd_metric(WD_MX_DB_SECONDS, 0.01, "select", NULL, NULL);
    }
    return NULL;
}


static void
test_threads(void **state)
{
    int       i;
    size_t    k;
    double    sum = 0;
    pthread_t t[4];

    (void) state;
    for (i = 0; i < 4; i++) {
        pthread_create(&t[i], NULL, count, NULL);
    }
    for (i = 0; i < 20; i++) {
        read_all(); /* while they count */
    }
    for (i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
    }
    read_all();
    for (k = 0; k < n_samples; k++) {
        if (strcmp(samples[k].name, "wizdata_bus_published_total") == 0) {
            sum += samples[k].v;
        }
    }
    assert_true(sum == 20000);
    assert_true(value("wizdata_database_seconds_count",
                      "{service=\"tester\",operation=\"select\"}")
                == 20000);
}


static void
test_markdown(void **state)
{
    (void) state;
    wd_buf_reset(&text);
    wd_metrics_markdown(&text);
    assert_has(wd_buf_cstr(&text), "| `wizdata_bus_lag` | gauge | ");
}


static int
done(void **state)
{
    (void) state;
    wd_buf_done(&text);
    wd_metrics_done();
    return 0;
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_types, begin),
        cmocka_unit_test_setup(test_histogram, begin),
        cmocka_unit_test_setup(test_label_values, begin),
        cmocka_unit_test_setup(test_cap, begin),
        cmocka_unit_test_setup(test_threads, begin),
        cmocka_unit_test_setup(test_markdown, begin),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
