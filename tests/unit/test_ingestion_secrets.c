/*
 * test_ingestion_secrets.c - secrets are found and hidden in every form in
 * which they may be said back, and data stay data.
 */
#include "wd_test.h"

#include "ingestion_account.h"


static ingestion_secrets_t
secrets(const char *one)
{
    ingestion_secrets_t s = {NULL, 0};

    assert_ok(ingestion_secrets_add(&s, wd_str_z(one)));
    return s;
}


static const char *
hidden(const char *secret, const char *text)
{
    static char         out[256];
    ingestion_secrets_t s = secrets(secret);

    wd_str_copy(out, sizeof(out), wd_str_z(text));
    ingestion_secrets_hide(&s, out, strlen(out));
    ingestion_secrets_done(&s);
    return out;
}


static void
test_forms(void **state)
{
    (void) state;
    assert_string_equal(hidden("S3C/RET", "a S3C/RET b S3C/RET"),
                        "a ******* b *******");
    assert_string_equal(hidden("S3C/RET", "apikey=S3C%2FRET&x"),
                        "apikey=*********&x");
    assert_string_equal(hidden("S3C/RET", "apikey=S3C%2fRET&x"),
                        "apikey=*********&x");
    assert_string_equal(hidden("S3C/RET", "{\"k\":\"S3C\\/RET\"}"),
                        "{\"k\":\"********\"}");
    assert_string_equal(hidden("S3C\"R\\ET", "{\"k\":\"S3C\\\"R\\\\ET\"}"),
                        "{\"k\":\"**********\"}");
    assert_string_equal(hidden("S3C&RET<", "<b>S3C&amp;RET&lt;</b>"),
                        "<b>***************</b>");
    assert_string_equal(hidden("S3C/RET", "S3C/RES S3C-RET"),
                        "S3C/RES S3C-RET");
    assert_string_equal(hidden("short", "short"), "short");
    assert_string_equal(hidden("", "anything"), "anything");
    assert_string_equal(hidden("S3C/RET", ""), "");
}


/* A text that was cut may end in the middle of one. */
static void
test_cut(void **state)
{
    ingestion_secrets_t s = secrets("S3CRET-KEY-1");

    (void) state;
    assert_string_equal(hidden("S3CRET-KEY-1", "your key S3CRET-KEY"),
                        "your key **********");
    assert_string_equal(hidden("S3CRET-KEY-1", "your key S3CRET"),
                        "your key ******");
    assert_string_equal(hidden("S3CRET-KEY-1", "your key S3CRE"),
                        "your key S3CRE");
    assert_string_equal(hidden("S3CRET-KEY-1", "S3CRET-K"), "********");
    assert_string_equal(hidden("S3CRET-KEY-1", "S3CRET-KEY and more"),
                        "S3CRET-KEY and more");
    assert_true(ingestion_secrets_in(&s, WD_STR("x S3CRET-KEY-1 y")));
    assert_true(ingestion_secrets_in(&s, WD_STR("x S3CRET-KEY")));
    assert_false(ingestion_secrets_in(&s, WD_STR("x S3CRET-KEY y")));
    assert_false(ingestion_secrets_in(&s, WD_STR("")));
    assert_false(ingestion_secrets_in(&s, WD_STR_NULL));
    ingestion_secrets_done(&s);
    assert_false(ingestion_secrets_in(&s, WD_STR("S3CRET-KEY-1")));
}


static size_t
masked(const char *secret, char *data)
{
    size_t              n;
    ingestion_secrets_t s = secrets(secret);

    n = ingestion_secrets_mask(&s, data, strlen(data));
    ingestion_secrets_done(&s);
    return n;
}


static void
test_data(void **state)
{
    size_t                   i;
    char                     data[64];
    static const char *const figures[] = {"123456", "20240102", "12345678901",
                                          "volume", "ABCDEFGH"};

    (void) state;
    for (i = 0; i < wd_array_len(figures); i++) {
        snprintf(data, sizeof(data), "{\"x\": %s}", figures[i]);
        assert_int_equal(masked(figures[i], data), 0);
        assert_non_null(strstr(data, figures[i]));
    }
    strcpy(data, "{\"x\": \"pass-0001 pass-0001\"}");
    assert_int_equal(masked("pass-0001", data), 2);
    assert_string_equal(data, "{\"x\": \"********* *********\"}");
    strcpy(data, "123456789012");
    assert_int_equal(masked("123456789012", data), 1);
    strcpy(data, "pass-000"); /* a part of it may be data */
    assert_int_equal(masked("pass-0001", data), 0);
}


static ingestion_account_t *
account(const char *keys)
{
    static char              copy[256];
    ingestion_account_t     *a;
    ingestion_conf_account_t conf = {.key = copy};

    wd_str_copy(copy, sizeof(copy), wd_str_z(keys));
    a = ingestion_account_create(&conf);
    assert_non_null(a);
    return a;
}


static void
test_keys(void **state)
{
    ingestion_account_t *a = account(" key-one ,key-two,, key-one,key-three");
    ingestion_account_t *b = account("key-three,key-one");

    (void) state;
    assert_int_equal(a->n_keys, 3);
    assert_string_equal(a->keys[0].text, "key-one");
    assert_string_equal(a->keys[1].text, "key-two");
    assert_string_equal(a->keys[2].text, "key-three");
    assert_int_equal(ingestion_account_find_key(b, a->keys[0].id), 1);
    assert_int_equal(ingestion_account_find_key(b, a->keys[1].id), 2);
    assert_int_equal(ingestion_account_find_key(b, a->keys[2].id), 0);
    assert_true(ingestion_secrets_in(&a->secrets, WD_STR("my key-two is")));
    assert_false(ingestion_secrets_in(&b->secrets, WD_STR("my key-two is")));
    ingestion_account_release(a);
    ingestion_account_release(b);

    a = account("");
    assert_int_equal(a->n_keys, 1);
    assert_null(a->keys[0].text);
    assert_string_equal(a->keys[0].id, "");
    ingestion_account_release(a);

    assert_int_equal(ingestion_keys_count(NULL), 0);
    assert_int_equal(ingestion_keys_count(" , ,"), 0);
    assert_int_equal(ingestion_keys_count("a,b , c,"), 3);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
