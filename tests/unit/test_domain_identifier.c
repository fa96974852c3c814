/*
 * test_domain_identifier.c - check digits of real identifiers, and every
 * single mistake in them.
 */
#include "wd_test.h"

#include "wd_identifier.h"

static const struct {
    const char *scheme;
    const char *value;
} good[] = {
    {"ISIN", "US4592001014"}, /* IBM */
    {"ISIN", "US0378331005"},
    {"ISIN", "GB00BH4HKS39"},
    {"ISIN", "DE000BAY0017"},
    {"CUSIP", "459200101"},
    {"CUSIP", "037833100"},
    {"CUSIP", "17275R102"},
    {"CUSIP", "38259P508"},
    {"SEDOL", "2005973"},
    {"SEDOL", "BH4HKS3"},
    {"SEDOL", "B0YBKJ7"},
    {"LEI", "VGRQXHF3J8VDLUA7XE92"},
    {"LEI", "INR2EJN1ERAN0W5ZP974"},
    {"LEI", "HWUPKR0MPOU8FGXBT394"},
    {"FIGI", "BBG000BLNNH6"},
    {"FIGI", "BBG000B9XRY4"},
    {"COMPOSITE_FIGI", "BBG000BLNNH6"},
    {"SHARE_CLASS_FIGI", "BBG001S5S399"},
    {"FIGI", "BBG000BVPV84"},
};


static void
test_good(void **state)
{
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        assert_int_equal(wd_identifier_check(wd_str_z(good[i].scheme),
                                             wd_str_z(good[i].value)),
                         WD_IDENTIFIER_OK);
    }
}


/* One digit that is another one is always seen. */
static void
test_mistakes(void **state)
{
    char   text[32];
    size_t i, k;
    int    d;

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        for (k = 0; good[i].value[k] != '\0'; k++) {
            for (d = '0'; d <= '9'; d++) {
                if (good[i].value[k] < '0' || good[i].value[k] > '9'
                    || good[i].value[k] == d) {
                    continue;
                }
                wd_str_copy(text, sizeof(text), wd_str_z(good[i].value));
                text[k] = (char) d;
                assert_int_equal(wd_identifier_check(wd_str_z(good[i].scheme),
                                                     wd_str_z(text)),
                                 WD_IDENTIFIER_CHECK_DIGIT);
            }
        }
    }
}


static void
test_bad(void **state)
{
    size_t i;

    static const struct {
        const char     *scheme;
        const char     *value;
        wd_identifier_e want;
    } cases[] = {{"ISIN", "", WD_IDENTIFIER_LENGTH},
                 {"ISIN", "US459200101", WD_IDENTIFIER_LENGTH},
                 {"ISIN", "US45920010144", WD_IDENTIFIER_LENGTH},
                 {"ISIN", "us4592001014", WD_IDENTIFIER_CHARACTER},
                 {"ISIN", "1S4592001014", WD_IDENTIFIER_CHARACTER},
                 {"ISIN", "US45920010-4", WD_IDENTIFIER_CHARACTER},
                 {"ISIN", "US459200101A", WD_IDENTIFIER_CHARACTER},
                 {"CUSIP", "4592001 1", WD_IDENTIFIER_CHARACTER},
                 {"SEDOL", "B0YBKA7", WD_IDENTIFIER_CHARACTER},
                 {"LEI", "VGRQXHF3J8VDLUA7XEX2", WD_IDENTIFIER_CHARACTER},
                 {"LEI", "VGRQXHF3J8VDLUA7XE29", WD_IDENTIFIER_CHECK_DIGIT},
                 {"FIGI", "BBX000BLNNH6", WD_IDENTIFIER_CHARACTER},
                 {"FIGI", "BBG000BLNAH6", WD_IDENTIFIER_CHARACTER},
                 {"RIC", "IBM.N", WD_IDENTIFIER_UNCHECKED},
                 {"", "", WD_IDENTIFIER_UNCHECKED}};

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        assert_int_equal(wd_identifier_check(wd_str_z(cases[i].scheme),
                                             wd_str_z(cases[i].value)),
                         cases[i].want);
        assert_true((wd_identifier_fault(cases[i].want)[0] != '\0')
                    == (cases[i].want > WD_IDENTIFIER_UNCHECKED));
    }
}


/* A CUSIP may hold * @ # (private numbers). */
static void
test_cusip_signs(void **state)
{
    char text[16] = "12345*@#0";
    int  d, n = 0;

    (void) state;
    for (d = '0'; d <= '9'; d++) {
        text[8] = (char) d;
        n += wd_identifier_check(WD_STR("CUSIP"), wd_str_z(text))
             == WD_IDENTIFIER_OK;
    }
    assert_int_equal(n, 1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_cusip_signs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
