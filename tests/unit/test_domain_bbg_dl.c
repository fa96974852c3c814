/*
 * test_domain_bbg_dl.c - Data License files and tables as facts and bars:
 * getdata, gethistory, return codes, dates, delimiters, cuts, damage.
 */
#include "wd_test_records.h"

#include "wd_bbg_dl.h"

#include <math.h>

#define FILE_OF(head, fields, rows)                                     \
    "START-OF-FILE\n" head "START-OF-FIELDS\n" fields "END-OF-FIELDS\n" \
    "TIMESTARTED=Tue May 19 10:42:10 EDT 2009\nSTART-OF-DATA\n" rows    \
    "END-OF-DATA\nTIMEFINISHED=Tue May 19 10:42:12 EDT 2009\nEND-OF-FILE\n"
#define GETDATA(rows) FILE_OF("PROGRAMNAME=getdata\n", "PX_LAST\nNAME\n", rows)
#define GETHISTORY(head, rows) \
    FILE_OF("PROGRAMNAME=gethistory\n" head, "PX_OPEN\nPX_LAST\n", rows)
#define BLOCK(name, field, rows)                                               \
    "START SECURITY|" name "|" field "|\n" rows "END SECURITY|" name "|" field \
    "|0|\n"


static void
parse_z(wd_test_parsed_t *p, const char *text)
{
    assert_ok(wd_bbg_dl_parse(wd_test_copy_z(p, text), &p->r));
}


static void
test_getdata(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, "#a comment\r\n\r\n" GETDATA(
                    "IBM US Equity |0|2|105.230000|INTL BUSINESS|\r\n"
                    "\n"
                    "A|0|2|N.A.| |\n"
                    "B|0|2|N.D.||\n"
                    "C|0|2|N.S.|x|\n"
                    "BADONE|10|2| | |\n"
                    "SECRET US Equity|994|2|||\n"));
    assert_int_equal(p.r.n_facts, 8);
    assert_int_equal(p.r.n_bars, 0);
    wd_test_assert_fact(&p, 0, "IBM US EQUITY", "PX_LAST", "105.230000");
    assert_true(p.r.facts[0].value == 105.23);
    assert_true(p.r.facts[0].time == WD_NS_MIN);
    assert_view(p.r.facts[0].sample,
                "IBM US Equity |0|2|105.230000|INTL BUSINESS|");
    wd_test_assert_fact(&p, 1, "IBM US EQUITY", "NAME", "INTL BUSINESS");
    assert_true(isnan(p.r.facts[1].value));
    assert_int_equal(p.r.facts[1].record, 0);
    wd_test_assert_fact(&p, 2, "A", "PX_LAST", NULL);
    wd_test_assert_fact(&p, 3, "A", "NAME", NULL);
    wd_test_assert_fact(&p, 4, "B", "PX_LAST", NULL);
    wd_test_assert_fact(&p, 5, "B", "NAME", NULL);
    wd_test_assert_fact(&p, 6, "C", "PX_LAST", NULL);
    assert_int_equal(p.r.n_rejects, 2);
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, 4);
    assert_view(p.r.rejects[0].detail,
                "BADONE: return code 10, an unknown security");
    assert_rejected(&p, 1, WD_REASON_PROVIDER_ERROR, 5);
    assert_view(p.r.rejects[1].detail, "SECRET US Equity: return code 994");
    assert_null(p.r.symbol.data);
    wd_test_parsed_done(&p);
}


/* SPX on two days of May 2015 as a delivered file had it, a last added. */
static void
test_gethistory(void **state)
{
    wd_test_parsed_t    p;
    const wd_bar_rec_t *b;

    (void) state;
    parse_z(&p, GETHISTORY(
                    "DATERANGE=20150501|20150508\n",
                    BLOCK("SPX Index", "PX_OPEN",
                          "SPX Index|05/01/2015|2087.38|\n"
                          "SPX Index|05/04/2015|2110.23|\n")
                        BLOCK("SPX Index", "PX_HIGH",
                              "SPX Index|05/01/2015|2108.41|\n"
                              "SPX Index|05/04/2015|2120.95|\n")
                            BLOCK("SPX Index", "PX_LOW",
                                  "SPX Index|05/04/2015|2110.23|\n"
                                  "SPX Index|05/01/2015|2087.38|\n")
                                BLOCK("SPX Index", "PX_LAST",
                                      "SPX Index|05/01/2015|2100|\n"
                                      "SPX Index|05/04/2015| |\n")
                                    BLOCK("120421Q FP Equity", "PX_OPEN", "")));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_records, 8);
    assert_int_equal(p.r.n_bars, 1);
    b = &p.r.bars[0];
    assert_view(b->symbol, "SPX INDEX");
    assert_true(b->time == wd_test_day("2015-05-01") && b->is_date);
    assert_true(b->open == 2087.38 && b->high == 2108.41);
    assert_true(b->low == 2087.38 && b->close == 2100 && isnan(b->volume));
    assert_int_equal(b->record, 6);
    assert_int_equal(p.r.n_facts, 4); /* of the day without a last price */
    wd_test_assert_fact(&p, 0, "SPX INDEX", "PX_HIGH", "2120.95");
    assert_true(p.r.facts[0].time == wd_test_day("2015-05-04"));
    wd_test_assert_fact(&p, 1, "SPX INDEX", "PX_LAST", NULL);
    assert_view(p.r.symbol, "SPX INDEX");
    wd_test_parsed_done(&p);
}


static void
test_blocks(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, GETHISTORY(
                    "", BLOCK("A", "PX_LAST",
                              "A|05/01/2015|1|\n"
                              "A|05/02/2015|x|\n"
                              "B|05/03/2015|3|\n"
                              "A|13/01/2015|4|\n"
                              "A| |5|\n"
                              "A|05/01/2015|1|\n"
                              "A|05/01/2015|2|\n"
                              "A|05/06/2015|6|more|\n"
                              "A|05/07/2015|7\n") "A|05/08/2015|8|\n"
                                                  "START SECURITY|B|PX_LAST|\n"
                                                  "END SECURITY|B|PX_LAST|10|\n"
                                                  "START SECURITY|<>|PX_LAST|\n"
                                                  "<>|05/08/2015|8|\n"
                                                  "START SECURITY|C\n"
                                                  "START SECURITY|D|PX_LAST|\n"
                                                  "D|05/09/2015|9|\n"
                                                  "END SECURITY|D|PX_LAST|\n"));
    assert_int_equal(p.r.n_facts, 2);
    wd_test_assert_fact(&p, 0, "A", "PX_LAST", "1");
    wd_test_assert_fact(&p, 1, "D", "PX_LAST", "9");
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 2); /* B in A's block */
    assert_rejected(&p, 1, WD_REASON_BAD_TIME, 3);
    assert_rejected(&p, 2, WD_REASON_BAD_TIME, 4);
    assert_rejected(&p, 3, WD_REASON_SYNTAX, 7);
    assert_rejected(&p, 4, WD_REASON_SYNTAX, 8);
    assert_rejected(&p, 5, WD_REASON_SYNTAX, 9); /* in no block */
    assert_rejected(&p, 6, WD_REASON_PROVIDER_ERROR, 10);
    assert_rejected(&p, 7, WD_REASON_BAD_SYMBOL, 11);
    assert_rejected(&p, 8, WD_REASON_SYNTAX, 12);
    assert_rejected(&p, 9, WD_REASON_SYNTAX, 13);
    assert_rejected(&p, 10, WD_REASON_SYNTAX, 15); /* no return code */
    assert_rejected(&p, 11, WD_REASON_DUPLICATE, 6);
    assert_rejected(&p, 12, WD_REASON_NOT_A_NUMBER, 1);
    assert_int_equal(p.r.n_rejects, 13);
    wd_test_parsed_done(&p);
}


static void
test_dates_and_delimiters(void **state)
{
    size_t           i;
    char             body[600];
    wd_test_parsed_t p;

    static const struct {
        const char *head, *day;
        bool        good;
    } cases[] = {
        {"", "05/01/2015", true},
        {"", "20150501", true},
        {"", "2015-05-01", false},
        {"", "5/1/2015", false},
        {"DATEFORMAT=yyyymmdd\n", "20150501", true},
        {"DATEFORMAT=yyyymmdd\n", "05/01/2015", false},
        {"DATEFORMAT=ddmmyyyy\n", "01052015", true},
        {"DATEFORMAT=dd/mm/yyyy\r\n", "01/05/2015", true},
        {"DATEFORMAT=yyyy/mm/dd\n", "2015/05/01", true},
        {"DATEFORMAT=MM/DD/YYYY\n", "05/01/2015", true},
        {"DATEFORMAT=mm/dd/yy\n", "05/01/15", false},
        {"DATEFORMAT=\n", "05/01/2015", false},
        {"DATEFORMAT=yyyymmdd\n", "2015-501", false},
    };

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        snprintf(body, sizeof(body),
                 GETHISTORY("%s", BLOCK("A", "PX_LAST", "A|%s|1|\n")),
                 cases[i].head, cases[i].day);
        parse_z(&p, body);
        if (p.r.n_facts != cases[i].good) {
            fail_msg("%s %s", cases[i].head, cases[i].day);
        }
        if (cases[i].good) {
            assert_true(p.r.facts[0].time == wd_test_day("2015-05-01"));
        } else {
            assert_rejected(&p, 0, WD_REASON_BAD_TIME, 0);
        }
        wd_test_parsed_done(&p);
    }

    parse_z(&p, FILE_OF("DELIMITER=,\n", "PX_LAST\n", "A,0,1,2,\n"));
    assert_int_equal(p.r.n_facts, 1);
    assert_int_equal(p.r.n_rejected, 0);
    wd_test_parsed_done(&p);
    parse_z(&p, FILE_OF("DELIMITER=ab\n", "PX_LAST\n", "A,0,1,2,\n"));
    assert_true(p.r.refused);
    wd_test_parsed_done(&p);
}


static void
test_bad_rows(void **state)
{
    size_t           i;
    char             body[700];
    wd_test_parsed_t p;

    static const struct {
        const char *row;
        wd_reason_e reason;
        size_t      facts;
    } rows[] = {
        {"A", WD_REASON_SYNTAX, 0},
        {"A|", WD_REASON_SYNTAX, 0},
        {"A|0|2|1|x", WD_REASON_SYNTAX, 0}, /* the last value may be cut */
        {"A|0|2|1|x|y|", WD_REASON_SYNTAX, 0},
        {"A|0|2|1|", WD_REASON_SYNTAX, 0},
        {"A|0|1|1|", WD_REASON_SYNTAX, 0},
        {"A|0|3|1|x|y|", WD_REASON_SYNTAX, 0},
        {"A|x|2|1|x|", WD_REASON_SYNTAX, 0},
        {"A|0|x|1|x|", WD_REASON_SYNTAX, 0},
        {"A||2|1|x|", WD_REASON_SYNTAX, 0},
        {"A|0|99999999999999999999|1|x|", WD_REASON_SYNTAX, 0},
        {"A|-1|2|1|x|", WD_REASON_PROVIDER_ERROR, 0},
        {"|0|2|1|x|", WD_REASON_BAD_SYMBOL, 0},
        {"<A>|0|2|1|x|", WD_REASON_BAD_SYMBOL, 0},
        {"A|0|2|abc|x|", WD_REASON_NOT_A_NUMBER, 1},
        {"A|0|2|NaN|x|", WD_REASON_NOT_A_NUMBER, 1},
        {"A|0|2|1e999|x|", WD_REASON_NOT_A_NUMBER, 1},
        {"A|0|2|1|inf|", WD_REASON_NOT_A_NUMBER, 1},
        {"A|0|2|1|\xff|", WD_REASON_SYNTAX, 1},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        snprintf(body, sizeof(body), GETDATA("X|0|2|1|x|\n%s\nZ|0|2|2|z|\n"),
                 rows[i].row);
        parse_z(&p, body);
        if (p.r.n_facts != 4 + rows[i].facts || p.r.n_rejects != 1
            || p.r.rejects[0].reason != rows[i].reason
            || p.r.rejects[0].record != 1) {
            fail_msg("%s", rows[i].row);
        }
        wd_test_parsed_done(&p);
    }

    /* A second file inside of the first changes neither fields nor rules. */
    parse_z(&p, GETDATA("X|0|2|1|x|\nSTART-OF-FILE\nDELIMITER=ab\n"
                        "START-OF-FIELDS\nOTHER\nEND-OF-FIELDS\n"
                        "START-OF-DATA\nZ|0|2|2|z|\n"));
    assert_int_equal(p.r.n_facts, 4);
    wd_test_assert_fact(&p, 2, "Z", "PX_LAST", "2");
    assert_int_equal(p.r.n_rejects, 6);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 1);
    wd_test_parsed_done(&p);

    /* The place of a field whose name is damaged counts. */
    parse_z(&p, FILE_OF("", "A\xff\nB\n", "X|0|2|1|2|\n"));
    assert_int_equal(p.r.n_facts, 1);
    wd_test_assert_fact(&p, 0, "X", "B", "2");
    assert_rejected(&p, 0, WD_REASON_SYNTAX, -1);
    wd_test_parsed_done(&p);
}


static void
test_refused(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        const char *body;
        wd_reason_e reason;
    } cases[] = {
        {"", WD_REASON_TRUNCATED},
        {"\n \n", WD_REASON_TRUNCATED},
        {"START-OF-FILE\nSTART-OF-DATA\nA|0|0|\nEND-OF-DATA\n",
         WD_REASON_TRUNCATED},
        {"START-OF-FILE\nEND-OF-FILE\n", WD_REASON_UNKNOWN_SHAPE},
        {"END-OF-FILE\n", WD_REASON_UNKNOWN_SHAPE},
        {"<html></html>", WD_REASON_UNKNOWN_SHAPE},
        {"{\"a\":1}", WD_REASON_UNKNOWN_SHAPE},
        {"a,b,c\n1,2,3\n", WD_REASON_UNKNOWN_SHAPE},
        {FILE_OF("PROGRAMNAME=getdata\n", "X\n", "IBM US Equity\nA Index\n"),
         WD_REASON_UNKNOWN_SHAPE}, /* a request */
        {FILE_OF("PROGRAMNAME=gethistory\n", "X\n", "IBM US Equity\n"),
         WD_REASON_UNKNOWN_SHAPE},
        {FILE_OF("PROGRAMNAME=getactions\n", "X\n", "A|1|2|3|\n"),
         WD_REASON_UNKNOWN_DATASET},
        {"IDENTIFIER,RC,IDENTIFIER\nA,0,B\n", WD_REASON_UNKNOWN_SHAPE},
        {"IDENTIFIER,RC,P X\nA,0,B\n", WD_REASON_UNKNOWN_SHAPE},
        {"IDENTIFIER,RC,PX", WD_REASON_TRUNCATED},
    };

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        parse_z(&p, cases[i].body);
        if (!p.r.refused || p.r.n_rejects != 1
            || p.r.rejects[0].reason != cases[i].reason) {
            fail_msg("%s", cases[i].body);
        }
        assert_int_equal(p.r.n_facts + p.r.n_bars, 0);
        wd_test_parsed_done(&p);
    }
}


static void
test_empty(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const bodies[] = {
        GETDATA(""), GETHISTORY("", ""),
        GETHISTORY("", BLOCK("A", "PX_LAST", "")), "IDENTIFIER|RC|PX_LAST\n"};

    (void) state;
    for (i = 0; i < wd_array_len(bodies); i++) {
        parse_z(&p, bodies[i]);
        assert_true(p.r.empty && !p.r.refused);
        assert_int_equal(p.r.n_rejected, 0);
        wd_test_parsed_done(&p);
    }
}


#define TABLE_HEAD                                                         \
    "DL_REQUEST_ID,DL_REQUEST_NAME,DL_SNAPSHOT_START_TIME,DL_SNAPSHOT_TZ," \
    "IDENTIFIER,RC,"
#define TABLE_ROW(name, rc) "r1,n,2026-01-02T03:04:05,UTC," name "," rc ","

static void
test_table(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, TABLE_HEAD "NAME,PX_LAST\r\n" TABLE_ROW("BBG000BLNNH6", "0") "\"INTL, BUSINESS\",171.5\r\n" TABLE_ROW("NOPE", "10") ",\r\n" TABLE_ROW(
                    "US88160R1014",
                    "0") "N.A.,x\r\n" TABLE_ROW("A",
                                                "z") "n,1\r\n" TABLE_ROW("",
                                                                         "0") "n,1\r\n" TABLE_ROW("A",
                                                                                                  "0") "1\r\n" TABLE_ROW("\"A\"x",
                                                                                                                         "0") "n,1\r\n" TABLE_ROW("B",
                                                                                                                                                  "0") "n,2\r\n");
    assert_int_equal(p.r.n_facts, 5);
    wd_test_assert_fact(&p, 0, "BBG000BLNNH6", "NAME", "INTL, BUSINESS");
    wd_test_assert_fact(&p, 1, "BBG000BLNNH6", "PX_LAST", "171.5");
    assert_true(p.r.facts[1].value == 171.5);
    wd_test_assert_fact(&p, 2, "US88160R1014", "NAME", NULL);
    wd_test_assert_fact(&p, 4, "B", "PX_LAST", "2");
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, 1);
    assert_rejected(&p, 1, WD_REASON_NOT_A_NUMBER, 2);
    assert_rejected(&p, 2, WD_REASON_SYNTAX, 3);
    assert_rejected(&p, 3, WD_REASON_BAD_SYMBOL, 4);
    assert_rejected(&p, 4, WD_REASON_SYNTAX, 5);
    assert_rejected(&p, 5, WD_REASON_SYNTAX, 6);
    assert_int_equal(p.r.n_rejects, 6);
    wd_test_parsed_done(&p);

    /* A history: days with all prices are bars. */
    parse_z(&p, "\xef\xbb\xbfIDENTIFIER|RC|DATE|PX_OPEN|PX_HIGH|PX_LOW|PX_LAST|"
                "PX_VOLUME|\nSPX Index|0|20150501|2087.38|2108.41|2087.38|2100|"
                "5|\nSPX Index|0|2015-05-04|1|2|1| |6|\n"
                "SPX Index|0|05/05/2015|1|2|1|2|6|\n");
    assert_int_equal(p.r.n_bars, 1);
    assert_true(p.r.bars[0].time == wd_test_day("2015-05-01"));
    assert_true(p.r.bars[0].close == 2100 && p.r.bars[0].volume == 5);
    assert_int_equal(p.r.n_facts, 5);
    assert_true(p.r.facts[0].time == wd_test_day("2015-05-04"));
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 2);
    assert_view(p.r.symbol, "SPX INDEX");
    wd_test_parsed_done(&p);

    parse_z(&p, "SECURITIES|ERROR CODE|NUM FLDS|PX_LAST|\nA|0|1|2.5|\n");
    assert_int_equal(p.r.n_rejected, 0);
    wd_test_assert_fact(&p, 0, "A", "PX_LAST", "2.5");
    wd_test_parsed_done(&p);

    /* The last row may lack digits. */
    parse_z(&p, "IDENTIFIER,RC,PX_LAST\nA,0,1.25\nB,0,1.2");
    assert_int_equal(p.r.n_facts, 1);
    assert_rejected(&p, 0, WD_REASON_TRUNCATED, -1);
    wd_test_parsed_done(&p);
}


static void
test_bounds(void **state)
{
    size_t           i, n;
    char            *body;
    wd_test_parsed_t p;

    (void) state;
    body = malloc(3 * 1024 * 1024);
    assert_non_null(body);
    if (body == NULL) {
        return; /* never; gcc 12 warns of memset() under sanitizers */
    }
    i = (size_t) sprintf(body, "START-OF-FILE\nSTART-OF-FIELDS\n");
    for (n = 0; n < 513; n++) {
        i += (size_t) sprintf(body + i, "F%zu\n", n);
    }
    strcpy(body + i, "END-OF-FIELDS\nSTART-OF-DATA\nEND-OF-DATA\n"
                     "END-OF-FILE\n");
    parse_z(&p, body);
    assert_true(p.r.refused);
    assert_rejected(&p, 0, WD_REASON_TOO_MANY, -1);
    wd_test_parsed_done(&p);

    i = (size_t) sprintf(body, "START-OF-FILE\nSTART-OF-FIELDS\nX\nEND-OF-"
                               "FIELDS\nSTART-OF-DATA\nA|0|1|");
    memset(body + i, 'x', WD_BBG_DL_LINE_MAX);
    strcpy(body + i + WD_BBG_DL_LINE_MAX, "|\nB|0|1|1|\nEND-OF-DATA\n"
                                          "END-OF-FILE\n");
    parse_z(&p, body);
    assert_int_equal(p.r.n_facts, 1);
    assert_rejected(&p, 0, WD_REASON_TOO_LONG, 0);
    wd_test_parsed_done(&p);

    strcpy(body + i + WD_RECORD_FIELD_MAX + 1, "|\nB|0|1|1|\nEND-OF-DATA\n"
                                               "END-OF-FILE\n");
    parse_z(&p, body);
    assert_int_equal(p.r.n_facts, 1);
    assert_rejected(&p, 0, WD_REASON_TOO_LONG, 0);
    wd_test_parsed_done(&p);

    /* A table with more columns than a request can ask for. */
    i = (size_t) sprintf(body, "IDENTIFIER,RC");
    for (n = 0; n < 600; n++) {
        i += (size_t) sprintf(body + i, ",F%zu", n);
    }
    strcpy(body + i, "\nA,0\n");
    parse_z(&p, body);
    assert_true(p.r.refused);
    wd_test_parsed_done(&p);
    free(body);
}


static const char file[] = GETHISTORY(
    "DATEFORMAT=yyyymmdd\n",
    BLOCK("A", "PX_OPEN", "A|20200101|10.5|\nA|20200102|10.75|\n")
        BLOCK("A", "PX_HIGH", "A|20200101|12|\nA|20200102|12.5|\n")
            BLOCK("A", "PX_LOW", "A|20200101|9.25|\nA|20200102|9.5|\n") BLOCK(
                "A", "PX_LAST", "A|20200101|11.125|\nA|20200102|11.25|\n"));


static void
test_every_cut(void **state)
{
    size_t           n;
    wd_test_parsed_t p;

    static const char table[] = "IDENTIFIER,RC,PX_LAST\nA,0,1.25\nB,0,2.5\n";

    (void) state;
    parse_z(&p, file);
    assert_int_equal(p.r.n_bars, 2);
    assert_int_equal(p.r.n_facts + p.r.n_rejected, 0);
    wd_test_parsed_done(&p);
    for (n = 0; n < sizeof(file) - 2; n++) { /* its last line end is none */
        assert_ok(wd_bbg_dl_parse(wd_test_copy(&p, file, n), &p.r));
        assert_true(p.r.refused);
        assert_int_equal(p.r.n_bars + p.r.n_facts, 0);
        wd_test_parsed_done(&p);
    }

    for (n = 0; n < sizeof(table); n++) {
        assert_ok(wd_bbg_dl_parse(wd_test_copy(&p, table, n), &p.r));
        assert_true(p.r.n_facts <= 2);
        assert_true(p.r.n_facts < 1 || p.r.facts[0].value == 1.25);
        assert_true(p.r.n_facts < 2 || p.r.facts[1].value == 2.5);
        assert_true(p.r.n_facts == 2 || p.r.n_rejects != 0 || n == 31
                    || n == 22);
        wd_test_parsed_done(&p);
    }
}


/* Lines that are swallowed or damaged bring no figure that was not sent. */
static void
test_damage_anywhere(void **state)
{
    size_t           i, k;
    char             text[sizeof(file)];
    wd_test_parsed_t p;

    (void) state;
    for (i = 0; i < sizeof(file) - 1; i++) {
        memcpy(text, file, sizeof(file));
        text[i] = '\x01';
        assert_ok(
            wd_bbg_dl_parse(wd_test_copy(&p, text, sizeof(file) - 1), &p.r));
        assert_true(p.r.n_bars <= 2);
        for (k = 0; k < p.r.n_bars; k++) {
            const wd_bar_rec_t *b = &p.r.bars[k];

            assert_true(b->time == wd_test_day("2020-01-01")
                            ? b->open == 10.5 && b->high == 12 && b->low == 9.25
                                  && b->close == 11.125
                            : b->open == 10.75 && b->high == 12.5
                                  && b->low == 9.5 && b->close == 11.25);
        }
        wd_test_parsed_done(&p);
    }
}


static void
test_random_damage(void **state)
{
    size_t           i, k;
    char             text[sizeof(file)];
    wd_test_parsed_t p;

    (void) state;
    for (i = 0; i < 5000; i++) {
        memcpy(text, file, sizeof(file));
        for (k = 0; k <= wd_test_below(4); k++) {
            text[wd_test_below(sizeof(file) - 1)] = (char) wd_test_below(256);
        }
        assert_ok(
            wd_bbg_dl_parse(wd_test_copy(&p, text, sizeof(file) - 1), &p.r));
        for (k = 0; k < p.r.n_facts; k++) {
            assert_true(wd_utf8_valid(p.r.facts[k].item));
            assert_true(wd_utf8_valid(p.r.facts[k].text));
        }
        wd_test_parsed_done(&p);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_getdata),
        cmocka_unit_test(test_gethistory),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_dates_and_delimiters),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_damage_anywhere),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
