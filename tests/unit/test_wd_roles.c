/*
 * The table of roles: what is found in it, and tables that are refused whole.
 */
#include "wd_test.h"

#include "wd_mp.h"
#include "wd_roles.h"


/* "name perm perm;name perm": one row behind each semicolon. */
static void
put_table(wd_buf_t *out, const char *z)
{
    size_t   rows = 0, words;
    wd_str_t text = wd_str_z(z), at = text, row, word;

    while (at.len != 0 && wd_str_split(&at, ';', &row)) {
        rows++;
    }

    wd_buf_reset(out);
    wd_mp_put_array(out, 1);
    wd_mp_put_array(out, (uint32_t) rows);
    at = text;
    while (at.len != 0 && wd_str_split(&at, ';', &row)) {
        wd_str_t rest = row;

        for (words = 0; wd_str_split(&rest, ' ', &word); words++) {
        }
        wd_mp_put_array(out, 2);
        (void) wd_str_split(&row, ' ', &word);
        wd_mp_put_str(out, word);
        wd_mp_put_array(out, (uint32_t) words - 1);
        while (wd_str_split(&row, ' ', &word)) {
            wd_mp_put_str(out, word);
        }
    }
    assert_int_equal(out->err, WD_OK);
}


static int
parse(const char *z, wd_roles_t **ret)
{
    int      rc;
    wd_buf_t b = WD_BUF_INIT;

    put_table(&b, z);
    rc = wd_roles_parse(wd_buf_view(&b), ret);
    wd_buf_done(&b); /* the table keeps bytes of its own */
    return rc;
}


static void
assert_role(const wd_roles_t *r, const char *name, const char *want)
{
    int      i, n;
    wd_buf_t b = WD_BUF_INIT;
    wd_str_t perms[WD_ROLE_PERMS_MAX];

    n = wd_roles_find(r, wd_str_z(name), perms);
    if (want == NULL) {
        assert_int_equal(n, -1);
        return;
    }
    assert_true(n >= 0);
    for (i = 0; i < n; i++) {
        wd_buf_printf(&b, "%s%.*s", i == 0 ? "" : ",", WD_STR_ARG(perms[i]));
    }
    assert_view(wd_buf_view(&b), want);
    wd_buf_done(&b);
}


static void
test_find(void **state)
{
    wd_roles_t *r;

    (void) state;
    assert_ok(parse("reader bars:read quotes:read;Admin_2.x *;none", &r));
    assert_int_equal(wd_roles_len(r), 3);
    assert_role(r, "reader", "bars:read,quotes:read");
    assert_role(r, "Admin_2.x", "*");
    assert_role(r, "none", "");
    assert_role(r, "Reader", NULL);
    assert_role(r, "read", NULL);
    assert_role(r, "reader2", NULL);
    assert_role(r, "", NULL);
    wd_roles_destroy(r);

    assert_ok(parse("", &r));
    assert_int_equal(wd_roles_len(r), 0);
    assert_role(r, "reader", NULL);
    wd_roles_destroy(r);
    wd_roles_destroy(NULL);
}


static void
test_many(void **state)
{
    int         i, n;
    char        name[16];
    wd_buf_t    b = WD_BUF_INIT;
    wd_roles_t *r;

    (void) state;
    for (n = WD_ROLES_MAX; n <= WD_ROLES_MAX + 1; n++) {
        wd_buf_reset(&b);
        wd_mp_put_array(&b, 1);
        wd_mp_put_array(&b, (uint32_t) n);
        for (i = 0; i < n; i++) {
            snprintf(name, sizeof(name), "r%d", i);
            wd_mp_put_array(&b, 2);
            wd_mp_put_str(&b, wd_str_z(name));
            wd_mp_put_array(&b, 1);
            wd_mp_put_str(&b, i % 2 ? WD_STR("a:b") : WD_STR("c:d"));
        }
        if (n > WD_ROLES_MAX) {
            assert_int_equal(wd_roles_parse(wd_buf_view(&b), &r), WD_EPROTO);
            break;
        }
        assert_ok(wd_roles_parse(wd_buf_view(&b), &r));
        for (i = 0; i < n; i++) {
            snprintf(name, sizeof(name), "r%d", i);
            assert_role(r, name, i % 2 ? "a:b" : "c:d");
        }
        wd_roles_destroy(r);
    }
    wd_buf_done(&b);
}


static void
test_refused(void **state)
{
    size_t      i;
    char        text[400];
    wd_roles_t *r;

    static const char *const bad[] = {
        "a a:b;a c:d", "a a:b;b;c;a", "a a",     "a A:b",     "a a:b:c",
        "a :b",        "a a: b:c",    "a/b a:b", "a\xc3 a:b", " a:b",
        "a  ",         "a;;b",        "a \xff",  "a,b a:b",
    };

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        if (parse(bad[i], &r) != WD_EPROTO) {
            fail_msg("taken: %s", bad[i]);
        }
    }

    memset(text, 'x', sizeof(text));
    text[WD_ROLE_NAME_MAX] = '\0';
    assert_ok(parse(text, &r));
    wd_roles_destroy(r);
    text[WD_ROLE_NAME_MAX] = 'x';
    text[WD_ROLE_NAME_MAX + 1] = '\0';
    assert_int_equal(parse(text, &r), WD_EPROTO);

    /* 32 permissions, and 33. */
    strcpy(text, "a");
    for (i = 0; i < WD_ROLE_PERMS_MAX; i++) {
        strcat(text, " a:b");
    }
    assert_ok(parse(text, &r));
    wd_roles_destroy(r);
    strcat(text, " a:b");
    assert_int_equal(parse(text, &r), WD_EPROTO);
}


/* Values of other types, and a table cut at every byte. */
static void
test_malformed(void **state)
{
    size_t      i;
    wd_buf_t    b = WD_BUF_INIT;
    wd_roles_t *r;

    static const wd_str_t bad[] = {
        WD_STR("\x90"), /* [] */
        WD_STR("\xc0"), /* nil */
        WD_STR("\x80"), /* {} */
        WD_STR("\x91\xc0"), /* [nil] */
        WD_STR("\x91\x80"), /* [{}] */
        WD_STR("\x91\x91\xa1"
               "a"), /* [["a"]] */
        WD_STR("\x91\x91\x90"), /* [[[]]] */
        WD_STR("\x91\x91\x91\xa1"
               "a"), /* [[["a"]]] */
        WD_STR("\x91\x91\x92\xa1"
               "a\xc0"), /* [[["a", nil]]] */
        WD_STR("\x91\x91\x92\xa1"
               "a\xa3"
               "a:b"), /* [[["a", "a:b"]]] */
        WD_STR("\x91\x91\x92\xa1"
               "a\x91\x01"), /* [[["a", [1]]]] */
        WD_STR("\x91\x91\x92\x01\x90"), /* [[[1, []]]] */
        WD_STR("\x91\x91\x93\xa1"
               "a\x90\x90"), /* [[["a", [], []]]] */
        WD_STR("\x91\xdd\xff\xff\xff\xff"), /* 4 G roles */
        WD_STR("\x91\xdc\x03\xe8\x92\xa1"
               "a\x90"), /* 1000, one there */
    };

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        if (wd_roles_parse(bad[i], &r) != WD_EPROTO) {
            fail_msg("taken: case %zu", i);
        }
    }

    put_table(&b, "reader bars:read quotes:read;admin *");
    for (i = 0; i < b.len; i++) {
        assert_int_equal(wd_roles_parse(wd_str((const char *) b.data, i), &r),
                         WD_EPROTO);
    }
    wd_buf_done(&b);

    /* What comes later may have more. */
    assert_ok(wd_roles_parse(WD_STR("\x92\x90\x01"), &r));
    wd_roles_destroy(r);
}


int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
