/*
 * Logs: each line one JSON object, whatever the values hold.
 */
#include "wd_test.h"

#include "wd_log.h"
#include "wd_metrics.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <unistd.h>

static int      saved;
static wd_buf_t lines;


/* Standard error goes to a file until captured() takes it. */
static void
capture(void)
{
    int fd = open(wd_test_path("log"),
                  O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);

    fflush(stderr);
    saved = dup(2);
    dup2(fd, 2);
    close(fd);
}


static const char *
captured(void)
{
    dup2(saved, 2);
    close(saved);
    wd_test_read(wd_test_path("log"), &lines);
    return wd_buf_cstr(&lines);
}


/* The only line, read by another parser. */
static json_t *
one_line(void)
{
    const char *text = captured();
    json_t     *o;

    assert_true(text[0] != '\0');
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    o = json_loadb(text, lines.len - 1, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                   NULL);
    if (o == NULL) {
        fail_msg("not JSON: %s", text);
    }
    return o;
}


static const char *
member(json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}


static void
test_json(void **state)
{
    bool        yes = true;
    json_t     *o;
    wd_ns_t     t;
    wd_log_t   *log = wd_log_create("tester", WD_LOG_INFO, WD_LOG_JSON);
    const char *null = NULL;

    (void) state;
    capture();
    wd_log_warn(log, "quota low", "provider", "a\"b", "left", 3, "ratio", 0.25,
                "flag", yes, "view", WD_STR("x\ny"), "none", null, "nan",
                (double) NAN, "big", UINT64_C(5));
    o = one_line();
    assert_string_equal(member(o, "msg"), "quota low");
    assert_string_equal(member(o, "level"), "warn");
    assert_string_equal(member(o, "service"), "tester");
    assert_int_equal(json_integer_value(json_object_get(o, "pid")), getpid());
    assert_ok(wd_time_parse(wd_str_z(member(o, "time")), &t, NULL));
    assert_string_equal(member(o, "provider"), "a\"b");
    assert_int_equal(json_integer_value(json_object_get(o, "left")), 3);
    assert_true(json_real_value(json_object_get(o, "ratio")) == 0.25);
    assert_true(json_is_true(json_object_get(o, "flag")));
    assert_string_equal(member(o, "view"), "x\ny");
    assert_string_equal(member(o, "none"), "(null)");
    assert_true(json_is_null(json_object_get(o, "nan")));
    assert_int_equal(json_integer_value(json_object_get(o, "big")), 5);
    json_decref(o);

    capture();
    wd_log_msg(log, WD_LOG_ERROR, "alone");
    o = one_line();
    assert_string_equal(member(o, "msg"), "alone");
    json_decref(o);
    wd_log_destroy(log);
}


/* Every byte, alone and in pairs, in both formats: one line each. */
static void
test_control_bytes(void **state)
{
    int         c, format;
    char        text[4];
    json_t     *o;
    wd_log_t   *log;

    (void) state;
    for (format = WD_LOG_JSON; format <= WD_LOG_TEXT; format++) {
        log = wd_log_create("tester", WD_LOG_INFO, (wd_log_format_e) format);
        for (c = 0; c < 256; c++) {
            text[0] = 'a';
            text[1] = (char) c;
            text[2] = '\n';
            text[3] = (char) c;
            capture();
            wd_log_info(log, "m", "v", wd_str(text, 4));
            if (format == WD_LOG_JSON) {
                o = one_line();
                if (c < 0x80) {
                    assert_int_equal(
                        json_string_length(json_object_get(o, "v")), 4);
                    assert_memory_equal(member(o, "v"), text, 4);
                }
                json_decref(o);
                continue;
            }
            captured();
            assert_ptr_equal(memchr(lines.data, '\n', lines.len),
                             lines.data + lines.len - 1);
            for (size_t i = 0; i + 1 < lines.len; i++) {
                if (lines.data[i] < 0x20) {
                    fail_msg("byte %02x gets through", lines.data[i]);
                }
            }
        }
        wd_log_destroy(log);
    }
}


static void
test_levels(void **state)
{
    int       i, k;
    wd_log_e  level = WD_LOG_DEBUG;
    wd_log_t *log = wd_log_create("tester", WD_LOG_DEBUG, WD_LOG_JSON);

    (void) state;
    for (i = WD_LOG_DEBUG; i <= WD_LOG_ERROR; i++) {
        wd_log_set_level(log, (wd_log_e) i);
        for (k = WD_LOG_DEBUG; k <= WD_LOG_ERROR; k++) {
            capture();
            wd_log_msg(log, (wd_log_e) k, "m");
            assert_int_equal(captured()[0] != '\0', k >= i);
        }
    }
    wd_log_destroy(log);
    wd_log_destroy(NULL);
    wd_log_msg(NULL, WD_LOG_ERROR, "nobody");

    assert_true(wd_log_level_by_name(WD_STR("warn"), &level));
    assert_int_equal(level, WD_LOG_WARN);
    assert_false(wd_log_level_by_name(WD_STR("WARN"), &level));
    assert_false(wd_log_level_by_name(WD_STR(""), &level));
}


/* An event with a value beyond all measure is told nevertheless. */
static void
test_long(void **state)
{
    char     *text = malloc(200000);
    json_t   *o;
    wd_log_t *log = wd_log_create("tester", WD_LOG_INFO, WD_LOG_JSON);

    (void) state;
    memset(text, 'x', 200000);
    capture();
    wd_log_error(log, "the event", "v", wd_str(text, 200000));
    o = one_line();
    assert_string_equal(member(o, "msg"), "the event");
    assert_true(lines.len <= 64 * 1024);
    json_decref(o);
    wd_log_destroy(log);
    free(text);
}


static void *
many(void *arg)
{
    int i;

    for (i = 0; i < 200; i++) {
        wd_log_info((wd_log_t *) arg, "m", "v", "0123456789012345678901234567");
    }
    return NULL;
}


/* Lines of several threads do not mix, while the level is changed. */
static void
test_threads(void **state)
{
    int       i;
    pthread_t t[4];
    wd_log_t *log = wd_log_create("tester", WD_LOG_INFO, WD_LOG_JSON);
    wd_str_t  rest, line;

    (void) state;
    capture();
    for (i = 0; i < 4; i++) {
        pthread_create(&t[i], NULL, many, log);
    }
    for (i = 0; i < 100; i++) {
        wd_log_set_level(log, i & 1 ? WD_LOG_INFO : WD_LOG_DEBUG);
    }
    for (i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
    }
    captured();
    rest = wd_buf_view(&lines);
    for (i = 0; wd_str_split(&rest, '\n', &line) && line.len != 0; i++) {
        assert_true(wd_test_json_valid(line));
    }
    assert_int_equal(i, 800);
    wd_log_destroy(log);
}


static int
done(void **state)
{
    (void) state;
    wd_buf_done(&lines);
    wd_metrics_done();
    return 0;
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),   cmocka_unit_test(test_control_bytes),
        cmocka_unit_test(test_levels), cmocka_unit_test(test_long),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
