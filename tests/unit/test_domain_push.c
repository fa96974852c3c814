/*
 * test_domain_push.c - pushed bodies: cut at the borders of records, whatever
 * the pieces they arrive in, and read; numbers of lines and records over the
 * borders of parts; what is no body at all; hostile records; columns and their
 * description.
 */
#include "wd_test_records.h"

#include "wd_mp.h"
#include "wd_push_parse.h"
#include "wd_push_scan.h"
#include "wd_push_split.h"

#include <math.h>

#define BARS "symbol,time,open,high,low,close,volume\n"
#define BAR(day) "IBM,2024-05-" day ",1,2,0.5,1.5,100\n"

/* A body through the splitter, its parts through the reader. */
typedef struct {
    const wd_push_dataset_t *d;
    wd_push_format_e         format;
    wd_pool_t               *pool;
    size_t                   n_parts;
    int64_t                  records; /* as counted by the splitter */
    wd_buf_t                 parts; /* one behind the other */
    wd_buf_t                 told; /* "line rule\n" of the rejects */
    wd_records_t             last; /* of the last part */
    int64_t                  first; /* of the last part */
    size_t                   n_good; /* in all parts */
    wd_error_t               err;
} pushed_t;


static int
take(const wd_push_part_t *part, void *arg, wd_error_t *err)
{
    size_t    i;
    char     *copy;
    pushed_t *p = arg;

    (void) err;
    assert_int_equal(part->number, ++p->n_parts);
    assert_true(part->records > 0);
    wd_buf_str(&p->parts, part->bytes);
    p->first = part->first;

    copy = wd_pool_strdup(p->pool, part->bytes);
    assert_non_null(copy);
    wd_records_init(&p->last, p->pool);
    assert_ok(wd_push_parse(p->d, p->format, wd_str(copy, part->bytes.len),
                            &p->last));
    assert_int_equal(p->last.n_records, part->records);
    assert_false(p->last.refused);
    p->records += part->records;
    p->n_good += wd_test_records_count(&p->last) - p->last.n_mentions;
    for (i = 0; i < p->last.n_rejects; i++) {
        wd_buf_printf(&p->told, "%lld %s\n",
                      (long long) (part->first + p->last.rejects[i].record),
                      wd_reason_name(p->last.rejects[i].reason));
    }
    return WD_OK;
}


/* In pieces of `piece` bytes; the code of the first failure. */
static int
push(pushed_t *p, const char *dataset, wd_push_format_e format, wd_str_t body,
     size_t piece, size_t part_bytes)
{
    int              rc = WD_OK;
    char            *exact;
    size_t           n;
    wd_push_split_t *s;

    memset(p, 0, sizeof(*p));
    p->d = wd_push_dataset_by_name(wd_str_z(dataset));
    assert_non_null(p->d);
    p->format = format;
    p->pool = wd_pool_create(4096);
    s = wd_push_split_create(p->d, format, part_bytes, take, p);
    assert_non_null(s);

    while (body.len != 0 && rc == WD_OK) {
        n = wd_min(piece, body.len);
        exact = malloc(n);
        memcpy(exact, body.data, n);
        rc = wd_push_split_feed(s, wd_str(exact, n), &p->err);
        free(exact);
        body.data += n;
        body.len -= n;
    }
    if (rc == WD_OK) {
        rc = wd_push_split_end(s, &p->err);
    }
    if (rc == WD_OK) {
        assert_int_equal(p->records, wd_push_split_records(s));
        assert_int_equal(p->n_good + wd_push_newlines(wd_buf_view(&p->told)),
                         p->records);
    } else {
        assert_int_equal(p->err.code, rc);
        assert_true(wd_utf8_valid(wd_str_z(p->err.text)));
    }
    wd_push_split_destroy(s);
    return rc;
}


static void
done(pushed_t *p)
{
    wd_buf_done(&p->parts);
    wd_buf_done(&p->told);
    wd_pool_destroy(p->pool);
}


static int
push_z(pushed_t *p, const char *dataset, wd_push_format_e format,
       const char *body)
{
    return push(p, dataset, format, wd_str_z(body), SIZE_MAX,
                WD_PUSH_PART_BYTES);
}


/* What is wrong with the body; nothing of it was taken. */
static void
assert_refused(const char *dataset, wd_push_format_e format, const char *body,
               const char *why)
{
    pushed_t p;

    assert_int_equal(push_z(&p, dataset, format, body), WD_EINVAL);
    assert_has(p.err.text, why);
    assert_int_equal(p.n_parts, 0);
    done(&p);
}


/* The records that were rejected, and nothing else is wrong. */
static void
assert_told(const char *dataset, wd_push_format_e format, const char *body,
            const char *told)
{
    pushed_t p;

    assert_ok(push_z(&p, dataset, format, body));
    assert_string_equal(wd_buf_cstr(&p.told), told);
    done(&p);
}


static void
test_bars(void **state)
{
    pushed_t            p;
    const wd_bar_rec_t *b;

    (void) state;
    assert_ok(push_z(&p, "bars", WD_PUSH_CSV,
                     "Symbol,timeframe,TIME,open,high,low,close,volume\r\n"
                     "ibm,5m,2024-05-02T09:30:00-04:00,1,2,0.5,1.5,\r\n"
                     "EUR/USD,,2024-05-03,1.07,1.08,1.06,1.075,None"));
    assert_int_equal(p.n_good, 2);
    assert_int_equal(p.first, 2);
    b = p.last.bars;
    assert_view(b[0].symbol, "IBM");
    assert_int_equal(b[0].timeframe, WD_TF_5M);
    assert_true(b[0].time == wd_test_time("2024-05-02T13:30:00Z"));
    assert_false(b[0].is_date);
    assert_true(b[0].close == 1.5 && isnan(b[0].volume));
    assert_int_equal(b[1].timeframe, WD_TF_1D);
    assert_true(b[1].is_date && isnan(b[1].volume));
    assert_int_equal(b[1].record, 1);
    assert_view(b[1].sample, "EUR/USD,,2024-05-03,1.07,1.08,1.06,1.075,None");
    done(&p);
}


static void
test_other_datasets(void **state)
{
    pushed_t p;

    (void) state;
    assert_ok(push_z(&p, "quotes", WD_PUSH_NDJSON,
                     "{\"symbol\":\"IBM\",\"time\":\"2024-05-02T20:00:00Z\","
                     "\"price\":219.3,\"bid\":\"219.2\",\"ask\":null}\n"));
    assert_true(p.last.quotes[0].price == 219.3 && p.last.quotes[0].bid == 219.2
                && isnan(p.last.quotes[0].ask));
    done(&p);

    assert_ok(push_z(&p, "observations", WD_PUSH_CSV,
                     "indicator,country,period,value,frequency\n"
                     "X.1,FR,2024-05,1,\nX.1,DEU,2024Q2,,\nX.1,WLD,2024-Q3,2,\n"
                     "X.1,FRA,2024-05-06,3,W\n"));
    assert_int_equal(p.n_good, 4);
    assert_view(p.last.observations[0].country, "FRA");
    assert_int_equal(p.last.observations[0].frequency, 'M');
    assert_true(isnan(p.last.observations[1].value));
    assert_true(p.last.observations[2].time == wd_test_day("2024-07-01"));
    assert_true(p.last.observations[2].aggregate);
    assert_int_equal(p.last.observations[3].frequency, 'W');
    done(&p);

    assert_ok(push_z(&p, "actions", WD_PUSH_JSON,
                     "[{\"symbol\":\"A\",\"kind\":\"Split\",\"date\":"
                     "\"2024-06-10\",\"value\":10},{\"symbol\":\"A\",\"kind\":"
                     "\"dividend\",\"date\":\"2024-05-01\",\"value\":0.25}]"));
    assert_int_equal(p.last.actions[0].kind, WD_ACTION_SPLIT);
    assert_true(p.last.actions[1].amount == 0.25);
    done(&p);

    assert_ok(push_z(&p, "instruments", WD_PUSH_JSON,
                     " { \"symbol\" : \"vow3.de\", \"type\":\"EQUITY\","
                     "\"name\":\"Volkswagen \\u00e4\" } "));
    assert_view(p.last.instruments[0].symbol, "VOW3.DE");
    assert_view(p.last.instruments[0].type, "equity");
    assert_view(p.last.instruments[0].name, "Volkswagen \xc3\xa4");
    assert_null(p.last.instruments[0].currency.data);
    done(&p);

    assert_ok(push_z(&p, "facts", WD_PUSH_CSV,
                     "symbol,item,period,value,unit\nIBM,rating,,A-,\n"
                     "IBM,income.revenue,annual 2023-12-31,6.18e10,USD\n"
                     "IBM,x,,None,\n"));
    assert_view(p.last.facts[0].text, "A-");
    assert_true(isnan(p.last.facts[0].value));
    assert_view(p.last.facts[0].period, "");
    assert_true(p.last.facts[1].value == 6.18e10);
    assert_view(p.last.facts[1].unit, "USD");
    assert_null(p.last.facts[2].text.data);
    done(&p);

    assert_ok(push_z(&p, "trades", WD_PUSH_CSV,
                     "symbol,time,price,size\n"
                     "IBM,2024-05-02T13:30:00.123456789Z,1.5,100\n"));
    assert_true(p.last.trades[0].size == 100);
    done(&p);

    assert_ok(push_z(&p, "news", WD_PUSH_JSON,
                     "[{\"time\":\"2024-05-02T13:30:00Z\",\"title\":\"T\","
                     "\"url\":\"https://x.example/1\",\"symbols\":[\"ibm\","
                     "\"SPY\"]},{\"time\":\"2024-05-02T13:31:00Z\",\"title\":"
                     "\"U\",\"url\":\"u\",\"symbols\":\"ibm;;spy\"},{\"time\":"
                     "\"2024-05-02T13:31:00Z\",\"title\":\"U\",\"url\":\"u\","
                     "\"symbols\":[\"a b\"]}]"));
    assert_int_equal(p.last.n_news, 2);
    assert_int_equal(p.last.n_mentions, 4);
    assert_view(p.last.mentions[3].symbol, "SPY");
    assert_int_equal(p.last.mentions[3].record, 1);
    assert_string_equal(wd_buf_cstr(&p.told), "3 bad_symbol\n");
    done(&p);
}


static void
test_lines(void **state)
{
    (void) state;
    /* Blank lines, both line ends, a quoted line end, a mark, no last end. */
    assert_told("facts", WD_PUSH_CSV,
                "\xef\xbb\xbf\r\n\nsymbol,item,value\r\n\r\n\nIBM,a,1\n"
                "IBM,\"two\nlines, and \"\"quotes\"\"\",2\r\n  \n?,b,3\n,c,4",
                "10 bad_symbol\n11 missing_field\n");
    /* A quote that nobody closes costs its line alone. */
    assert_told("facts", WD_PUSH_CSV,
                "symbol,item,value\nIBM,\"d\"e,1\nIBM,\"a,1\nIBM,b,2\nIBM,c\n",
                "2 syntax\n3 syntax\n5 syntax\n");
    assert_told("facts", WD_PUSH_NDJSON,
                "\n{\"symbol\":\"A\",\"item\":\"a\",\"value\":1}\r\n\r\n"
                "nonsense\n{\"symbol\":\"?\",\"item\":\"a\",\"value\":1}\n"
                "[]\n{\"symbol\":\"A\"\n{\"symbol\":\"A\",\"itme\":1}",
                "4 syntax\n5 bad_symbol\n6 syntax\n7 syntax\n8 "
                "unknown_field\n");
}


static void
test_records_of_json(void **state)
{
    (void) state;
    assert_told("facts", WD_PUSH_JSON,
                "[{\"symbol\":\"A\",\"item\":\"}]\\\"\",\"value\":1},null,"
                "{\"symbol\":\"A\",\"item\":\"a\",\"value\":NaN},17,"
                "{\"symbol\":\"A\",\"item\":\"a\",\"value\":{\"b\":[1]}},"
                "{\"symbol\":\"A\",\"symbol\":\"B\",\"item\":\"a\"},"
                "{\"symbol\":\"A\",\"item\":\"b\",\"value\":true}]",
                "2 syntax\n3 syntax\n4 syntax\n5 syntax\n6 syntax\n");
}


#define ROW(v) "IBM,2024-05-02,1," v ",0.5,1.5,1\n"

static void
test_hostile_values(void **state)
{
    (void) state;
    assert_told("bars", WD_PUSH_CSV,
                BARS ROW("NaN") ROW("1e999") ROW("-") ROW("None") ROW("0x10")
                    ROW("") ROW("inf") ROW("1,2") ROW("\"2\"") ROW("2 2"),
                "2 not_a_number\n3 not_a_number\n4 missing_price\n"
                "5 missing_price\n6 not_a_number\n7 missing_price\n"
                "8 not_a_number\n9 syntax\n11 not_a_number\n");
    assert_told("bars", WD_PUSH_CSV,
                BARS "IBM,2024-02-30,1,1,1,1,\nIBM,2024-05-02 09:30:00,1,1,1,"
                     "1,\nIBM,yesterday,1,1,1,1,\nIBM,,1,1,1,1,\n"
                     "I BM,2024-05-02,1,1,1,1,\n\xff,2024-05-02,1,1,1,1,\n",
                "2 bad_time\n3 bad_time\n4 bad_time\n5 missing_field\n"
                "6 bad_symbol\n7 bad_symbol\n");
    assert_told("bars", WD_PUSH_CSV,
                "symbol,time,timeframe,open,high,low,close\n"
                "A,2024-05-02,2d,1,1,1,1\n",
                "2 unknown_interval\n");
    assert_told("actions", WD_PUSH_CSV,
                "symbol,kind,date,value\nA,merger,2024-05-02,1\n"
                "A,split,2024-05-02T00:00:00Z,1\nA,split,2024-05-02,None\n",
                "2 bad_value\n3 bad_time\n4 missing_field\n");
    assert_told("facts", WD_PUSH_CSV, "symbol,item,value\nA,\xff,1\nA,b,\xc3\n",
                "2 syntax\n3 syntax\n");
}


static void
test_no_body(void **state)
{
    (void) state;
    assert_refused("bars", WD_PUSH_CSV, "", "empty");
    assert_refused("bars", WD_PUSH_CSV, "\n\n", "too early, at byte 2");
    assert_refused("bars", WD_PUSH_CSV, "\n\"symbol\":1,time\n",
                   "line 2: no header of CSV");
    assert_refused(
        "bars", WD_PUSH_CSV, "{\"a\":1}\n",
        "line 1: \"{\"a\":1}\" is not known; bars have symbol, time");
    assert_refused("bars", WD_PUSH_CSV, "symbol,time,open,high,low\n",
                   "line 1: bars need \"close\"");
    assert_refused("bars", WD_PUSH_CSV, "symbol,symbol\n",
                   "line 1: \"symbol\" stands there twice");
    assert_refused("bars", WD_PUSH_CSV, "symbol,time,date\n",
                   "\"date\" stands there twice");

    assert_refused("bars", WD_PUSH_JSON, "", "empty");
    assert_refused("bars", WD_PUSH_JSON, "symbol,time\n",
                   "neither an array nor an object at byte 0");
    assert_refused("bars", WD_PUSH_JSON, " [", "too early, at byte 2");
    assert_refused("bars", WD_PUSH_JSON, "[{\"symbol\":\"A\",\"price\":1}]",
                   "record 1: \"price\" is not known");
    assert_refused("bars", WD_PUSH_JSON, "[{\"symbol\":\"A\"}]",
                   "record 1: bars need \"time\"");
    assert_refused("bars", WD_PUSH_JSON, "[1]",
                   "record 1: a record must be an object");
    assert_refused("bars", WD_PUSH_JSON, "[}", "no record at byte 1");
    assert_refused("facts", WD_PUSH_JSON,
                   "[{\"symbol\":\"A\",\"item\":\"a\",\"value\":1};",
                   "record 2: no comma at byte 36");
    assert_refused("facts", WD_PUSH_JSON,
                   "[{\"symbol\":\"A\",\"item\":\"a\",\"value\":1},]",
                   "record 2: no record at byte 37");
    assert_refused("facts", WD_PUSH_JSON,
                   "[{\"symbol\":\"A\",\"item\":\"a\",\"value\":1}] x",
                   "something behind the end at byte 38");
    assert_refused("facts", WD_PUSH_JSON,
                   "[{\"symbol\":\"A\",\"item\":\"a\",\"value\":1},{",
                   "too early, at byte 38");

    assert_refused("bars", WD_PUSH_NDJSON, "hello\n",
                   "line 1: a record must be an object");
    assert_refused("bars", WD_PUSH_MSGPACK, "", "empty");
    assert_refused("bars", WD_PUSH_MSGPACK, "symbol",
                   "record 1: a record must be an object");
    assert_refused("bars", WD_PUSH_MSGPACK, "\xc1", "no MessagePack at byte 0");
    assert_refused("bars", WD_PUSH_MSGPACK, "\x81", "too early, at byte 1");
}


static void
test_nothing_in_it(void **state)
{
    (void) state;
    assert_told("bars", WD_PUSH_CSV, BARS, "");
    assert_told("bars", WD_PUSH_JSON, " [ ] ", "");
    assert_told("bars", WD_PUSH_MSGPACK, "\x90", "");
}


/* A map of a fact; `extra` is a value for a column more. */
static void
put_fact(wd_buf_t *out, const char *symbol, const char *item, double value)
{
    wd_mp_put_map(out, 3);
    wd_mp_put_z(out, "symbol");
    wd_mp_put_z(out, symbol);
    wd_mp_put_z(out, "item");
    wd_mp_put_z(out, item);
    wd_mp_put_z(out, "value");
    wd_mp_put_num(out, value);
}


static void
test_msgpack(void **state)
{
    int      array;
    pushed_t p;
    wd_buf_t b;

    (void) state;
    for (array = 0; array < 2; array++) {
        wd_buf_init(&b, 0);
        if (array) {
            wd_mp_put_array(&b, 5);
        }
        put_fact(&b, "A", "a", 0.1);
        put_fact(&b, "?", "a", 1);
        put_fact(&b, "A", "b", NAN);
        wd_mp_put_nil(&b);
        wd_mp_put_map(&b, 1);
        wd_mp_put_z(&b, "symbol");
        wd_mp_put_array(&b, 0);
        assert_ok(push(&p, "facts", WD_PUSH_MSGPACK, wd_buf_view(&b), 1, 1));
        assert_int_equal(p.n_parts, 5);
        assert_string_equal(wd_buf_cstr(&p.told),
                            "2 bad_symbol\n4 syntax\n5 syntax\n");
        done(&p);
        assert_ok(push(&p, "facts", WD_PUSH_MSGPACK, wd_buf_view(&b), SIZE_MAX,
                       WD_PUSH_PART_BYTES));
        assert_view(p.last.facts[0].text, "0.1");
        assert_view(p.last.facts[1].text, "nan");
        done(&p);

        /* One more, which an array has not announced. */
        put_fact(&b, "A", "c", 1);
        assert_int_equal(push(&p, "facts", WD_PUSH_MSGPACK, wd_buf_view(&b),
                              SIZE_MAX, WD_PUSH_PART_BYTES),
                         array ? WD_EINVAL : WD_OK);
        done(&p);
        wd_buf_done(&b);
    }
}


static void
test_msgpack_times(void **state)
{
    size_t   i;
    pushed_t p;
    wd_buf_t b;

    /* 2024-05-02T13:30:00Z in three widths; the last a second before 1970. */
    static const struct {
        const char *bytes;
        size_t      n;
        const char *time;
    } stamps[] = {
        {"\xd6\xff\x66\x33\x95\x38", 6, "2024-05-02T13:29:28Z"},
        {"\xd7\xff\x00\x00\x00\x04\x66\x33\x95\x38", 10,
         "2024-05-02T13:29:28.000000001Z"},
        {"\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", 15,
         "1969-12-31T23:59:59Z"},
    };

    (void) state;
    wd_buf_init(&b, 0);
    for (i = 0; i < wd_array_len(stamps); i++) {
        wd_mp_put_map(&b, 4);
        wd_mp_put_z(&b, "symbol");
        wd_mp_put_z(&b, "A");
        wd_mp_put_z(&b, "price");
        wd_mp_put_int(&b, -1);
        wd_mp_put_z(&b, "size");
        wd_mp_put_uint(&b, UINT64_MAX);
        wd_mp_put_z(&b, "time");
        wd_buf_append(&b, stamps[i].bytes, stamps[i].n);
    }
    assert_ok(push(&p, "trades", WD_PUSH_MSGPACK, wd_buf_view(&b), SIZE_MAX,
                   WD_PUSH_PART_BYTES));
    assert_int_equal(p.n_good, wd_array_len(stamps));
    for (i = 0; i < wd_array_len(stamps); i++) {
        assert_true(p.last.trades[i].time == wd_test_time(stamps[i].time));
        assert_true(p.last.trades[i].size == 18446744073709551615.0);
    }
    done(&p);
    wd_buf_done(&b);
}


/* The same is told of a body whatever its pieces and its parts are. */
static void
test_pieces_and_parts(void **state)
{
    size_t        i, k, piece;
    pushed_t      whole, p;
    static size_t pieces[] = {1, 2, 3, 7, 64, SIZE_MAX};
    static size_t parts[] = {1, 30, 100, SIZE_MAX};

    static const struct {
        wd_push_format_e format;
        const char      *body;
    } bodies[] = {
        {WD_PUSH_CSV, "\r\nsymbol,item,value\r\n\r\nA,\"a\nb\",1\r\n\r\n?,a,"
                      "1\n\n\nA,\"\"\"\","
                      "1\nA,\"c,1\nA,d,2\r\nA,e,\"3\n"},
        {WD_PUSH_NDJSON,
         "\n{\"symbol\":\"A\",\"item\":\"a\",\"value\":1}\n\n\nx\n"
         "{\"symbol\":\"?\",\"item\":\"a\",\"value\":1}\r\n  \n{}\n"},
        {WD_PUSH_JSON,
         " [ {\"symbol\":\"A\",\"item\":\"a\\\\\",\"value\":1} ,\n\"x\\\"]\" , "
         "1"
         ",null,{\"symbol\":\"A\",\"item\":\"]\",\"value\":[[{}]]}\n ] "},
    };

    (void) state;
    for (i = 0; i < wd_array_len(bodies); i++) {
        assert_ok(push_z(&whole, "facts", bodies[i].format, bodies[i].body));
        assert_int_equal(whole.n_parts, 1);
        for (k = 0; k < wd_array_len(parts); k++) {
            for (piece = 0; piece < wd_array_len(pieces); piece++) {
                assert_ok(push(&p, "facts", bodies[i].format,
                               wd_str_z(bodies[i].body), pieces[piece],
                               parts[k]));
                assert_int_equal(p.records, whole.records);
                assert_string_equal(wd_buf_cstr(&p.told),
                                    wd_buf_cstr(&whole.told));
                assert_true(parts[k] > 1
                            || p.n_parts == (size_t) whole.records);
                done(&p);
            }
        }
        done(&whole);
    }
}


static void
test_parts_as_they_come(void **state)
{
    pushed_t p;

    (void) state;
    assert_ok(push(&p, "bars", WD_PUSH_CSV,
                   wd_str_z(BARS BAR("01") "\n" BAR("02") "\r\n" BAR("03")),
                   SIZE_MAX, 60));
    assert_int_equal(p.n_parts, 3);
    assert_string_equal(wd_buf_cstr(&p.parts),
                        BARS BAR("01") BARS BAR("02") BARS BAR("03"));
    assert_int_equal(p.first, 6);
    done(&p);

    assert_ok(push(&p, "facts", WD_PUSH_JSON,
                   wd_str_z("[ {\"symbol\":\"A\",\"item\":\"a\",\"value\":1} , "
                            "{\"b\" : 1} ,2]"),
                   SIZE_MAX, 45));
    assert_string_equal(wd_buf_cstr(&p.parts),
                        "[{\"symbol\":\"A\",\"item\":\"a\",\"value\":1},"
                        "{\"b\" : 1}][2]");
    assert_int_equal(p.first, 3);
    done(&p);
}


/* By number of records, too. */
static void
test_many_records(void **state)
{
    int      i;
    pushed_t p;
    wd_buf_t b;

    (void) state;
    wd_buf_init(&b, 0);
    wd_buf_z(&b, "symbol,item,value\n");
    for (i = 0; i < 2 * WD_PUSH_PART_RECORDS + 10; i++) {
        wd_buf_z(&b, i == 2 * WD_PUSH_PART_RECORDS + 3 ? "?,a,1\n" : "A,a,1\n");
    }
    assert_ok(push(&p, "facts", WD_PUSH_CSV, wd_buf_view(&b), 65536,
                   WD_PUSH_PART_BYTES));
    assert_int_equal(p.n_parts, 3);
    assert_int_equal(p.first, 2 * WD_PUSH_PART_RECORDS + 2);
    assert_string_equal(wd_buf_cstr(&p.told), "200005 bad_symbol\n");
    done(&p);
    wd_buf_done(&b);
}


static void
fill(wd_buf_t *b, const char *what, size_t n)
{
    size_t i, len = strlen(what);

    for (i = 0; i < n; i += len) {
        wd_buf_z(b, what);
    }
}


static void
test_long_records(void **state)
{
    size_t   i;
    pushed_t p;
    wd_buf_t b;

    static size_t pieces[] = {1000, 65536, SIZE_MAX};

    (void) state;
    for (i = 0; i < wd_array_len(pieces); i++) {
        /* A long line; a quote that runs over all that is behind it. */
        wd_buf_init(&b, 0);
        wd_buf_z(&b, "symbol,item,value\nA,a,1\nA,");
        fill(&b, "x", 3 * WD_PUSH_RECORD_MAX);
        wd_buf_z(&b, "\nA,b,1\nA,\"open,1\nA,c,1\n");
        fill(&b, "A,d,1\n", 2 * WD_PUSH_RECORD_MAX);
        wd_buf_z(&b, "?,e,1\n");
        assert_ok(push(&p, "facts", WD_PUSH_CSV, wd_buf_view(&b), pieces[i],
                       WD_PUSH_PART_BYTES));
        assert_string_equal(wd_buf_cstr(&p.told),
                            "3 too_long\n5 syntax\n21853 bad_symbol\n");
        /* So much of the long one is kept. */
        assert_int_equal(p.parts.len,
                         b.len - 2 * WD_PUSH_RECORD_MAX - strlen("A,"));
        done(&p);
        wd_buf_done(&b);

        wd_buf_init(&b, 0);
        wd_buf_z(&b,
                 "[{\"symbol\":\"A\",\"item\":\"a\",\"value\":1},{\"x\":\"");
        fill(&b, "]},", 2 * WD_PUSH_RECORD_MAX);
        wd_buf_z(&b, "\"},{\"symbol\":\"?\",\"item\":\"a\",\"value\":1}]");
        assert_ok(push(&p, "facts", WD_PUSH_JSON, wd_buf_view(&b), pieces[i],
                       WD_PUSH_PART_BYTES));
        assert_string_equal(wd_buf_cstr(&p.told), "2 too_long\n3 bad_symbol\n");
        done(&p);
        wd_buf_done(&b);

        wd_buf_init(&b, 0);
        wd_buf_z(&b, "{\"symbol\":\"A\",\"item\":\"a\",\"value\":1}\n{");
        fill(&b, "x", WD_PUSH_RECORD_MAX);
        assert_ok(
            push(&p, "facts", WD_PUSH_NDJSON, wd_buf_view(&b), pieces[i], 1));
        assert_string_equal(wd_buf_cstr(&p.told), "2 too_long\n");
        done(&p);
        wd_buf_done(&b);

        wd_buf_init(&b, 0);
        put_fact(&b, "A", "a", 1);
        wd_buf_append(&b, "\xdf\xff\xff\xff\xff", 5); /* a map of 4 billion */
        assert_int_equal(push(&p, "facts", WD_PUSH_MSGPACK, wd_buf_view(&b),
                              pieces[i], WD_PUSH_PART_BYTES),
                         WD_EINVAL);
        assert_has(p.err.text, "record 2: longer than a record may be");
        done(&p);
        wd_buf_done(&b);
    }

    /* The first one tells what the body is: there is nothing without it. */
    wd_buf_init(&b, 0);
    wd_buf_z(&b, "[{\"symbol\":\"");
    fill(&b, "x", 2 * WD_PUSH_RECORD_MAX);
    assert_int_equal(push(&p, "facts", WD_PUSH_JSON, wd_buf_view(&b), 4096,
                          WD_PUSH_PART_BYTES),
                     WD_EINVAL);
    done(&p);
    fill(&b, "x", 10);
    assert_int_equal(push(&p, "facts", WD_PUSH_CSV, wd_buf_view(&b), 4096,
                          WD_PUSH_PART_BYTES),
                     WD_EINVAL);
    assert_has(p.err.text, "line 1 is longer than 65536 bytes");
    done(&p);
    wd_buf_done(&b);
}


/* What a part is when the lake gave something else. */
static void
test_damaged_parts(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        wd_push_format_e format;
        const char      *part;
        wd_reason_e      reason;
        bool             refused;
    } parts[] = {
        {WD_PUSH_CSV, "", WD_REASON_UNKNOWN_SHAPE, true},
        {WD_PUSH_CSV, "a,b\n1,2\n", WD_REASON_UNKNOWN_SHAPE, true},
        {WD_PUSH_JSON, "", WD_REASON_TRUNCATED, false},
        {WD_PUSH_JSON, "[{\"symbol\":", WD_REASON_TRUNCATED, false},
        {WD_PUSH_JSON, "[{} {}]", WD_REASON_MISSING_FIELD, false},
        {WD_PUSH_MSGPACK, "\x82\xa1", WD_REASON_TRUNCATED, false},
    };

    (void) state;
    for (i = 0; i < wd_array_len(parts); i++) {
        assert_ok(wd_push_parse(wd_push_dataset_by_name(WD_STR("facts")),
                                parts[i].format,
                                wd_test_copy_z(&p, parts[i].part), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_int_equal(p.r.rejects[0].reason, parts[i].reason);
        assert_int_equal(p.r.refused, parts[i].refused);
        wd_test_parsed_done(&p);
    }
}


static void
test_tables(void **state)
{
    char                     row[160];
    size_t                   i, k, n;
    wd_buf_t                 doc = WD_BUF_INIT;
    wd_push_format_e         format;
    const wd_push_dataset_t *d = wd_push_datasets(&n);

    (void) state;
    wd_test_read(WD_TEST_SOURCE "/docs/PUSH.md", &doc);
    for (i = 0; i < n; i++) {
        assert_true(d[i].n_columns <= WD_PUSH_COLUMNS_MAX);
        assert_ptr_equal(wd_push_dataset_by_name(wd_str_z(d[i].name)), &d[i]);
        snprintf(row, sizeof(row), "\n## `%s`\n", d[i].name);
        assert_has(wd_buf_cstr(&doc), row);
        for (k = 0; k < d[i].n_columns; k++) {
            assert_int_equal(
                wd_push_column(&d[i], wd_str_z(d[i].columns[k].name)), k);
            snprintf(row, sizeof(row), "\n| `%s`%s%s%s | %s |",
                     d[i].columns[k].name,
                     d[i].columns[k].alias != NULL ? ", `" : "",
                     d[i].columns[k].alias != NULL ? d[i].columns[k].alias : "",
                     d[i].columns[k].alias != NULL ? "`" : "",
                     d[i].columns[k].flags == 0               ? ""
                     : d[i].columns[k].flags == WD_PUSH_NAMED ? "named"
                                                              : "yes");
            assert_has(strstr(wd_buf_cstr(&doc), d[i].name), row);
        }
    }
    wd_buf_done(&doc);

    assert_null(wd_push_dataset_by_name(WD_STR("bar")));
    assert_true(
        wd_push_format_by_type(WD_STR("application/x-ndjson"), &format));
    assert_int_equal(format, WD_PUSH_NDJSON);
    assert_false(wd_push_format_by_type(WD_STR("text/html"), &format));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_other_datasets),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_records_of_json),
        cmocka_unit_test(test_hostile_values),
        cmocka_unit_test(test_no_body),
        cmocka_unit_test(test_nothing_in_it),
        cmocka_unit_test(test_msgpack),
        cmocka_unit_test(test_msgpack_times),
        cmocka_unit_test(test_pieces_and_parts),
        cmocka_unit_test(test_parts_as_they_come),
        cmocka_unit_test(test_many_records),
        cmocka_unit_test(test_long_records),
        cmocka_unit_test(test_damaged_parts),
        cmocka_unit_test(test_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
