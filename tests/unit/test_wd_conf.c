/*
 * Configuration: environment, files, ranges, reload, what is shown.
 */
#include "wd_test.h"

#include "wd_conf.h"

#include <unistd.h>

typedef struct {
    char    *text;
    char    *secret;
    char    *needed;
    uint32_t n;
    uint32_t wait_ms;
    uint64_t size;
    double   ratio;
    bool     flag;
    char    *tail;
} conf_t;

static const wd_conf_row_t rows[] = {
    {"test", "text", wd_conf_str, offsetof(conf_t, text), "abc", 0, 0,
     WD_CONF_RELOAD, "a text"},
    {"test", "secret", wd_conf_str, offsetof(conf_t, secret), NULL, 0, 0,
     WD_CONF_SECRET | WD_CONF_RELOAD, "a secret"},
    {"test", "needed", wd_conf_str, offsetof(conf_t, needed), NULL, 0, 0,
     WD_CONF_REQUIRED, "must be"},
    {"test", "n", wd_conf_u32, offsetof(conf_t, n), "5", 1, 4294967295.0,
     WD_CONF_RELOAD, "a number"},
    {"test", "wait", wd_conf_ms, offsetof(conf_t, wait_ms), "250ms", 10,
     3600000, WD_CONF_RELOAD, "a time"},
    {"test", "size", wd_conf_bytes, offsetof(conf_t, size), "64k", 1, 1e15, 0,
     "a size"},
    {"test", "ratio", wd_conf_num, offsetof(conf_t, ratio), "0.5", 0, 1,
     WD_CONF_RELOAD, "a ratio"},
    {"test", "flag", wd_conf_bool, offsetof(conf_t, flag), "off", 0, 0,
     WD_CONF_RELOAD, "a flag"},
    {"test", "tail", wd_conf_str, offsetof(conf_t, tail), NULL, 0, 0,
     WD_CONF_RELOAD, "a text without default"},
};

#define N wd_array_len(rows)

static conf_t     conf;
static wd_error_t err;


static int
clean(void **state)
{
    size_t i;
    char   env[128];

    (void) state;
    for (i = 0; i < N; i++) {
        wd_conf_env_name(&rows[i], env, sizeof(env));
        unsetenv(env);
        strcat(env, "_FILE");
        unsetenv(env);
    }
    setenv("WIZDATA_TEST_NEEDED", "here", 1);
    wd_conf_done(rows, N, &conf);
    memset(&conf, 0, sizeof(conf));
    memset(&err, 0, sizeof(err));
    return 0;
}


static void
test_defaults(void **state)
{
    char env[64];

    (void) state;
    wd_conf_env_name(&rows[3], env, sizeof(env));
    assert_string_equal(env, "WIZDATA_TEST_N");

    assert_ok(wd_conf_load(rows, N, &conf, &err));
    assert_string_equal(conf.text, "abc");
    assert_null(conf.secret);
    assert_string_equal(conf.needed, "here");
    assert_int_equal(conf.n, 5);
    assert_int_equal(conf.wait_ms, 250);
    assert_int_equal(conf.size, 65536);
    assert_true(conf.ratio == 0.5);
    assert_false(conf.flag);
}


static void
test_required(void **state)
{
    (void) state;
    unsetenv("WIZDATA_TEST_NEEDED");
    assert_int_equal(wd_conf_load(rows, N, &conf, &err), WD_ECONFIG);
    assert_has(err.text, "WIZDATA_TEST_NEEDED");
    assert_has(err.text, "required");
    wd_conf_done(rows, N, &conf);
    setenv("WIZDATA_TEST_NEEDED", "", 1); /* empty counts as not set */
    assert_int_equal(wd_conf_load(rows, N, &conf, &err), WD_ECONFIG);
}


static void
test_values(void **state)
{
    static const struct {
        const char *env, *text;
        double      v; /* negative: refused */
    } table[] = {
        {"N", "1", 1},
        {"N", "4294967295", 4294967295.0},
        {"N", "0", -1},
        {"N", "4294967296", -1},
        {"N", "-1", -1},
        {"N", "1.5", -1},
        {"N", "x", -1},
        {"N", "99999999999999999999", -1},
        {"WAIT", "10ms", 10},
        {"WAIT", "9ms", -1},
        {"WAIT", "5s", 5000},
        {"WAIT", "1.5s", 1500},
        {"WAIT", "2m", 120000},
        {"WAIT", "1h", 3600000},
        {"WAIT", "2h", -1},
        {"WAIT", "100", -1},
        {"WAIT", "5 s", -1},
        {"WAIT", "s", -1},
        {"WAIT", "-5s", -1},
        {"WAIT", "5d", -1},
        {"WAIT", "1e3ms", -1},
        {"SIZE", "123", 123},
        {"SIZE", "64k", 65536},
        {"SIZE", "64K", 65536},
        {"SIZE", "16m", 16777216},
        {"SIZE", "1g", 1073741824},
        {"SIZE", "1t", -1},
        {"SIZE", "0", -1},
        {"SIZE", "1kb", -1},
        {"RATIO", "0", 0},
        {"RATIO", "1", 1},
        {"RATIO", "0.25", 0.25},
        {"RATIO", "1.01", -1},
        {"RATIO", "nan", -1},
        {"FLAG", "true", 1},
        {"FLAG", "on", 1},
        {"FLAG", "1", 1},
        {"FLAG", "false", 0},
        {"FLAG", "off", 0},
        {"FLAG", "0", 0},
        {"FLAG", "2", -1},
        {"FLAG", "tru", -1},
    };
    char   env[64];
    int    rc;
    size_t i;
    double v;

    for (i = 0; i < wd_array_len(table); i++) {
        clean(state);
        snprintf(env, sizeof(env), "WIZDATA_TEST_%s", table[i].env);
        setenv(env, table[i].text, 1);
        rc = wd_conf_load(rows, N, &conf, &err);
        if ((rc == WD_OK) != (table[i].v >= 0)) {
            fail_msg("%s=%s gives %d", env, table[i].text, rc);
        }
        if (rc != WD_OK) {
            assert_int_equal(rc, WD_ECONFIG);
            assert_has(err.text, env);
            assert_has(err.text, "must be");
            continue;
        }
        v = env[13] == 'N'   ? conf.n
            : env[13] == 'W' ? conf.wait_ms
            : env[13] == 'S' ? (double) conf.size
            : env[13] == 'R' ? conf.ratio
                             : conf.flag;
        if (v != table[i].v) {
            fail_msg("%s=%s is %g", env, table[i].text, v);
        }
    }
}


static void
test_file(void **state)
{
    const char *path = wd_test_path("secret");

    (void) state;
    wd_test_write(path, WD_STR("  s3cret\r\n\n"));
    setenv("WIZDATA_TEST_SECRET_FILE", path, 1);
    assert_ok(wd_conf_load(rows, N, &conf, &err));
    assert_string_equal(conf.secret, "s3cret");

    setenv("WIZDATA_TEST_SECRET", "direct", 1);
    assert_ok(wd_conf_reload(rows, N, &conf, &err));
    assert_string_equal(conf.secret, "direct");

    clean(state);
    setenv("WIZDATA_TEST_N_FILE", path, 1);
    wd_test_write(path, WD_STR("77\n"));
    assert_ok(wd_conf_load(rows, N, &conf, &err));
    assert_int_equal(conf.n, 77);

    clean(state);
    setenv("WIZDATA_TEST_SECRET_FILE", wd_test_path("missing"), 1);
    assert_int_equal(wd_conf_load(rows, N, &conf, &err), WD_ECONFIG);
    assert_has(err.text, "WIZDATA_TEST_SECRET");

    clean(state);
    setenv("WIZDATA_TEST_SECRET_FILE", wd_test_dir(), 1); /* a folder */
    assert_int_equal(wd_conf_load(rows, N, &conf, &err), WD_ECONFIG);

    /* endless: cut by the limit of a value */
    clean(state);
    setenv("WIZDATA_TEST_SECRET_FILE", "/dev/zero", 1);
    assert_int_equal(wd_conf_load(rows, N, &conf, &err), WD_ECONFIG);
}


/* A file without content is an empty value: as if it were not there. */
static void
test_empty_file(void **state)
{
    size_t                   i;
    const char              *path = wd_test_path("empty");
    static const char *const texts[] = {"", "\n", "  \r\n "};

    for (i = 0; i < wd_array_len(texts); i++) {
        clean(state);
        wd_test_write(path, wd_str_z(texts[i]));
        setenv("WIZDATA_TEST_TEXT_FILE", path, 1);
        setenv("WIZDATA_TEST_N_FILE", path, 1);
        setenv("WIZDATA_TEST_SECRET_FILE", path, 1);
        assert_ok(wd_conf_load(rows, N, &conf, &err));
        assert_string_equal(conf.text, "abc");
        assert_int_equal(conf.n, 5);
        assert_null(conf.secret);

        clean(state);
        unsetenv("WIZDATA_TEST_NEEDED");
        setenv("WIZDATA_TEST_NEEDED_FILE", path, 1);
        assert_int_equal(wd_conf_load(rows, N, &conf, &err), WD_ECONFIG);
        assert_has(err.text, "required");
        unsetenv("WIZDATA_TEST_NEEDED_FILE");
    }
}


static void
test_reload(void **state)
{
    (void) state;
    setenv("WIZDATA_TEST_TEXT", "one", 1);
    setenv("WIZDATA_TEST_TAIL", "end", 1);
    assert_ok(wd_conf_load(rows, N, &conf, &err));

    setenv("WIZDATA_TEST_TEXT", "two", 1);
    setenv("WIZDATA_TEST_N", "9", 1);
    setenv("WIZDATA_TEST_WAIT", "1s", 1);
    setenv("WIZDATA_TEST_RATIO", "0.75", 1);
    setenv("WIZDATA_TEST_FLAG", "on", 1);
    setenv("WIZDATA_TEST_SIZE", "1k", 1); /* not reloadable */
    setenv("WIZDATA_TEST_NEEDED", "gone", 1); /* not reloadable */
    assert_ok(wd_conf_reload(rows, N, &conf, &err));
    assert_string_equal(conf.text, "two");
    assert_int_equal(conf.n, 9);
    assert_int_equal(conf.wait_ms, 1000);
    assert_true(conf.ratio == 0.75);
    assert_true(conf.flag);
    assert_int_equal(conf.size, 65536);
    assert_string_equal(conf.needed, "here");
    assert_string_equal(conf.tail, "end");

    /* one bad value, in the last place: nothing is taken over */
    setenv("WIZDATA_TEST_TEXT", "three", 1);
    setenv("WIZDATA_TEST_N", "10", 1);
    setenv("WIZDATA_TEST_FLAG", "maybe", 1);
    assert_int_equal(wd_conf_reload(rows, N, &conf, &err), WD_ECONFIG);
    assert_has(err.text, "WIZDATA_TEST_FLAG");
    assert_string_equal(conf.text, "two");
    assert_int_equal(conf.n, 9);
    assert_true(conf.flag);

    /* back to the defaults; without one, to nothing */
    unsetenv("WIZDATA_TEST_TEXT");
    unsetenv("WIZDATA_TEST_N");
    unsetenv("WIZDATA_TEST_FLAG");
    unsetenv("WIZDATA_TEST_TAIL");
    assert_ok(wd_conf_reload(rows, N, &conf, &err));
    assert_string_equal(conf.text, "abc");
    assert_int_equal(conf.n, 5);
    assert_false(conf.flag);
    assert_null(conf.tail);
}


static void
test_show(void **state)
{
    wd_buf_t  b = WD_BUF_INIT;
    wd_json_t j;

    (void) state;
    setenv("WIZDATA_TEST_SECRET", "s3cret", 1);
    assert_ok(wd_conf_load(rows, N, &conf, &err));
    wd_json_init(&j, &b);
    wd_json_obj(&j);
    wd_conf_show(rows, N, &conf, &j);
    wd_json_end(&j);
    assert_true(wd_test_json_valid(wd_buf_view(&b)));
    assert_null(strstr(wd_buf_cstr(&b), "s3cret"));
    assert_has(wd_buf_cstr(&b), "\"test.secret\":true");
    assert_has(wd_buf_cstr(&b), "\"test.text\":\"abc\"");
    assert_has(wd_buf_cstr(&b), "\"test.n\":5");
    assert_has(wd_buf_cstr(&b), "\"test.size\":65536");
    assert_has(wd_buf_cstr(&b), "\"test.ratio\":0.5");
    assert_has(wd_buf_cstr(&b), "\"test.flag\":false");
    assert_has(wd_buf_cstr(&b), "\"test.tail\":null");

    wd_buf_reset(&b);
    wd_conf_help(rows, N, &b);
    assert_has(wd_buf_cstr(&b), "WIZDATA_TEST_WAIT");
    assert_has(wd_buf_cstr(&b), "a ratio");
    wd_buf_reset(&b);
    wd_conf_markdown(rows, N, &b);
    assert_has(wd_buf_cstr(&b), "| `WIZDATA_TEST_N` | integer |");
    wd_buf_done(&b);
}


/* What a secret's refusal says does not contain it. */
static void
test_secret_in_error(void **state)
{
    static const wd_conf_row_t row = {
        "test", "n", wd_conf_u32, offsetof(conf_t, n), NULL, 1, 5,
        WD_CONF_SECRET, "a secret number"};

    (void) state;
    setenv("WIZDATA_TEST_N", "7654321", 1);
    assert_int_equal(wd_conf_load(&row, 1, &conf, &err), WD_ECONFIG);
    assert_null(strstr(err.text, "7654321"));
}


/* Misspelt ones are found; what others read is not. */
static void
test_stranger(void **state)
{
    char   name[16];
    size_t at = 0;

    (void) state;
    setenv("WIZDATA_TEST_N", "4", 1);
    setenv("WIZDATA_TEST_SECRET_FILE", "/x", 1);
    setenv("WIZDATA_TESTS_N", "4", 1);
    setenv("WIZDATA_TEST_ENDPOINT", "unix:/x", 1);
    assert_false(wd_conf_stranger(rows, N, &at, name, sizeof(name)));

    setenv("WIZDATA_TEST_NN", "4", 1);
    at = 0;
    assert_true(wd_conf_stranger(rows, N, &at, name, sizeof(name)));
    assert_string_equal(name, "WIZDATA_TEST_NN");
    assert_false(wd_conf_stranger(rows, N, &at, name, sizeof(name)));

    unsetenv("WIZDATA_TEST_NN");
    setenv("WIZDATA_TEST_N_FILES", "4", 1);
    at = 0;
    assert_true(wd_conf_stranger(rows, N, &at, name, sizeof(name)));
    unsetenv("WIZDATA_TEST_N_FILES");
    unsetenv("WIZDATA_TEST_ENDPOINT");
    unsetenv("WIZDATA_TEST_SECRET_FILE");
    unsetenv("WIZDATA_TESTS_N");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, clean, clean),
        cmocka_unit_test_setup_teardown(test_required, clean, clean),
        cmocka_unit_test_setup_teardown(test_values, clean, clean),
        cmocka_unit_test_setup_teardown(test_file, clean, clean),
        cmocka_unit_test_setup_teardown(test_empty_file, clean, clean),
        cmocka_unit_test_setup_teardown(test_reload, clean, clean),
        cmocka_unit_test_setup_teardown(test_show, clean, clean),
        cmocka_unit_test_setup_teardown(test_secret_in_error, clean, clean),
        cmocka_unit_test_setup_teardown(test_stranger, clean, clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
