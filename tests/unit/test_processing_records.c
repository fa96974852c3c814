/*
 * test_processing_records.c - rules for trades, quotes of moments, figures,
 * identifiers, news and lists; whose records they are.
 */
#include "wd_test.h"
#include "wd_test_records.h"

#include "processing_lists.h"
#include "processing_rules.h"

#include <math.h>

#define FETCHED "2026-05-20T12:00:00Z"

static processing_zones_t zones;

typedef struct {
    wd_pool_t           *pool;
    wd_records_t         r;
    processing_symbols_t symbols;
    processing_payload_t p;
    processing_rows_t    rows;
} job_t;


static void
begin(job_t *j)
{
    memset(j, 0, sizeof(*j));
    j->pool = wd_pool_create(65536);
    wd_records_init(&j->r, j->pool);
    assert_ok(processing_symbols_init(&j->symbols, j->pool));
    j->p.zones = &zones;
    j->p.market = PROCESSING_WORLD;
    j->p.labels = PROCESSING_LABELS_START;
    j->p.symbols = &j->symbols;
    j->p.source = 4;
    j->p.raw_id = 7;
    j->p.known_at = wd_test_time(FETCHED);
}


static void
done(job_t *j)
{
    processing_symbols_done(&j->symbols);
    wd_pool_destroy(j->pool);
}


static void
add_trade(job_t *j, const char *symbol, const char *time, double price,
          double size, int64_t seq)
{
    wd_trade_rec_t *t = wd_records_trade(&j->r);

    t->symbol = wd_str_z(symbol);
    t->time = wd_test_time(time);
    t->price = price;
    t->size = size;
    t->seq = seq;
    t->record = j->r.n_records++;
}


static void
trades(job_t *j)
{
    assert_ok(processing_symbols_gather(&j->symbols, &j->r, WD_STR("")));
    assert_ok(processing_rules_trades(&j->p, &j->r, &j->rows));
}


static void
test_trade_rejects(void **state)
{
    size_t i;
    job_t  j;

    static const struct {
        const char *time;
        double      price;
        double      size;
        const char *reason;
    } cases[] = {
        {"2026-05-20T11:00:00Z", 0, 1, "price_not_positive"},
        {"2026-05-20T11:00:00Z", -1, 1, "price_not_positive"},
        {"2026-05-20T11:00:00Z", NAN, 1, "missing_price"},
        {"2026-05-20T11:00:00Z", INFINITY, 1, "not_a_number"},
        {"2026-05-20T11:00:00Z", 1, -1, "negative_volume"},
        {"2026-05-20T11:00:00Z", 1, INFINITY, "absurd_volume"},
        {"2026-05-20T11:00:00Z", 1, 1e13, "absurd_volume"},
        {"2026-05-20T12:05:01Z", 1, 1, "future_time"},
        {"1899-12-31T00:00:00Z", 1, 1, "ancient_time"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        begin(&j);
        add_trade(&j, "A", cases[i].time, cases[i].price, cases[i].size, 1);
        trades(&j);
        assert_int_equal(j.rows.n, 0);
        assert_int_equal(j.r.n_rejects, 1);
        assert_string_equal(wd_reason_name(j.r.rejects[0].reason),
                            cases[i].reason);
        done(&j);
    }
}


static void
test_trade_kept(void **state)
{
    job_t j;

    (void) state;
    begin(&j);
    add_trade(&j, "B", "2026-05-20T12:04:59Z", 1, NAN, 0);
    add_trade(&j, "A", "2026-05-20T11:00:00.123456789Z", 1.5, 0, 9);
    add_trade(&j, "A", "2026-05-20T11:00:00Z", 1.5, 0.25, 8);
    trades(&j);
    assert_int_equal(j.r.n_rejected, 0);
    assert_int_equal(j.rows.n, 3);

    /* By number of the name, B having come first; whole microseconds. */
    assert_int_equal(j.rows.rows[0].cells[TRADE_INSTRUMENT].i, 0);
    assert_true(j.rows.rows[0].cells[TRADE_SEQ].i < 0);
    assert_true(isnan(j.rows.rows[0].cells[TRADE_SIZE].num));
    assert_int_equal(j.rows.rows[0].cells[TRADE_QUALITY].i, 0);
    assert_int_equal(j.rows.rows[1].cells[TRADE_SEQ].i, 8);
    assert_int_equal(j.rows.rows[2].cells[TRADE_TS].i,
                     wd_test_time("2026-05-20T11:00:00.123456Z"));
    assert_int_equal(j.rows.rows[2].cells[TRADE_QUALITY].i,
                     PROCESSING_Q_NO_VOLUME);
    done(&j);
}


/* Rows of both, in one order. */
static bool
same_keys(const processing_rows_t *a, const processing_rows_t *b)
{
    size_t i;

    for (i = 0; i < a->n && a->n == b->n; i++) {
        if (processing_key_cmp(&processing_trade, &a->rows[i], &b->rows[i])
            != 0) {
            return false;
        }
    }
    return a->n == b->n;
}


/* Without numbers: alike ones are counted, whatever their order. */
static void
test_trade_numbers(void **state)
{
    size_t i, k;
    job_t  j, again, part;
    bool   used[6];
    char   time[] = "2026-05-20T11:00:00Z";

    static const double list[6][2] = {{1.5, 100}, {1.5, 100}, {1.5, 200},
                                      {2, 100},   {1.5, 100}, {2, NAN}};

    (void) state;
    begin(&j);
    for (i = 0; i < 6; i++) {
        add_trade(&j, "A", time, list[i][0], list[i][1], 0);
    }
    trades(&j);
    assert_int_equal(j.rows.n, 6);
    assert_int_equal(j.r.n_rejected, 0);
    for (i = 0; i + 1 < j.rows.n; i++) {
        assert_true(j.rows.rows[i].cells[TRADE_SEQ].i
                    < j.rows.rows[i + 1].cells[TRADE_SEQ].i);
    }

    srand(3);
    for (k = 0; k < 20; k++) {
        begin(&again);
        memset(used, 0, sizeof(used));
        while (again.r.n_trades < 6) {
            i = (size_t) rand() % 6;
            if (!used[i]) {
                used[i] = true;
                add_trade(&again, "A", time, list[i][0], list[i][1], 0);
            }
        }
        trades(&again);
        assert_true(same_keys(&j.rows, &again.rows));
        done(&again);
    }

    /* A page that holds two of three alike has the keys of two of them. */
    begin(&part);
    add_trade(&part, "A", time, 1.5, 100, 0);
    add_trade(&part, "A", time, 1.5, 100, 0);
    trades(&part);
    assert_int_equal(part.rows.n, 2);
    for (k = 0; k < part.rows.n; k++) {
        for (i = 0; i < j.rows.n
                    && processing_key_cmp(&processing_trade, &j.rows.rows[i],
                                          &part.rows.rows[k])
                           != 0;
             i++) {
        }
        assert_true(i < j.rows.n);
    }
    done(&part);
    done(&j);
}


/* A number twice: the same is said once, another one is rejected. */
static void
test_trade_twice(void **state)
{
    job_t j;

    (void) state;
    begin(&j);
    add_trade(&j, "A", "2026-05-20T11:00:00Z", 1, 1, 5);
    add_trade(&j, "A", "2026-05-20T11:00:00Z", 1, 1, 5);
    add_trade(&j, "A", "2026-05-20T11:00:00Z", 1, 2, 5);
    trades(&j);
    assert_int_equal(j.rows.n, 1);
    assert_int_equal(j.r.n_rejects, 1);
    assert_int_equal(j.r.rejects[0].reason, WD_REASON_DUPLICATE);
    done(&j);
}


static wd_quote_rec_t *
add_quote(job_t *j, const char *time, double price, double bid, double ask)
{
    wd_quote_rec_t *q = wd_records_quote(&j->r);

    *q = (wd_quote_rec_t){.symbol = WD_STR("A"),
                          .time = wd_test_time(time),
                          .price = price,
                          .open = NAN,
                          .high = NAN,
                          .low = NAN,
                          .volume = NAN,
                          .previous_close = NAN,
                          .bid = bid,
                          .ask = ask,
                          .bid_size = NAN,
                          .ask_size = NAN,
                          .record = j->r.n_records++};
    return q;
}


static void
quotes(job_t *j)
{
    assert_ok(processing_symbols_gather(&j->symbols, &j->r, WD_STR("")));
    assert_ok(processing_rules_quotes(&j->p, &j->r, &j->rows));
}


static void
test_quote_moments(void **state)
{
    job_t j;

    (void) state;
    begin(&j);
    j.p.moments = true;
    add_quote(&j, "2026-05-20T11:00:00.000001999Z", NAN, 1, 2)->seq = 4;
    add_quote(&j, "2026-05-20T11:00:00.000001Z", NAN, 1, 3)->seq = 5;
    add_quote(&j, "2026-05-19T00:00:00Z", 2, NAN, NAN)->is_date = true;
    add_quote(&j, "2026-05-20T11:00:00Z", NAN, NAN, NAN);
    add_quote(&j, "2026-05-20T11:00:00Z", NAN, 1, NAN)->bid_size = -1;
    add_quote(&j, "2026-05-20T12:06:00Z", NAN, 1, NAN);
    quotes(&j);
    assert_int_equal(j.rows.n, 3);
    assert_int_equal(j.rows.rows[0].cells[QUOTE_TS].i,
                     wd_test_day("2026-05-19"));
    assert_int_equal(j.rows.rows[0].cells[QUOTE_SEQ].i, 0);
    assert_int_equal(j.rows.rows[1].cells[QUOTE_SEQ].i, 4);
    assert_int_equal(j.rows.rows[2].cells[QUOTE_SEQ].i, 5);
    assert_int_equal(j.rows.rows[2].cells[QUOTE_TS].i,
                     wd_test_time("2026-05-20T11:00:00.000001Z"));
    assert_int_equal(j.rows.rows[2].cells[QUOTE_QUALITY].i, 0);
    assert_true(isnan(j.rows.rows[2].cells[QUOTE_PRICE].num));
    assert_int_equal(j.r.n_rejects, 3);
    assert_int_equal(j.r.rejects[0].reason, WD_REASON_MISSING_PRICE);
    assert_int_equal(j.r.rejects[1].reason, WD_REASON_NEGATIVE_VOLUME);
    assert_int_equal(j.r.rejects[2].reason, WD_REASON_FUTURE_TIME);
    done(&j);
}


/* What minutes ended with is known at their end. */
static void
test_quote_summaries(void **state)
{
    job_t j;

    (void) state;
    begin(&j);
    j.p.moments = true;
    j.p.timeframe = WD_TF_1M;
    add_quote(&j, "2026-05-20T11:00:00Z", NAN, 1, 2);
    quotes(&j);
    assert_int_equal(j.rows.rows[0].cells[QUOTE_TS].i,
                     wd_test_time("2026-05-20T11:01:00Z"));
    done(&j);

    begin(&j);
    j.p.moments = true;
    j.p.timeframe = WD_TF_1M;
    j.p.labels = PROCESSING_LABELS_END;
    add_quote(&j, "2026-05-20T11:00:00Z", NAN, 1, 2);
    quotes(&j);
    assert_int_equal(j.rows.rows[0].cells[QUOTE_TS].i,
                     wd_test_time("2026-05-20T11:00:00Z"));
    done(&j);
}


static void
add_fact(job_t *j, const char *symbol, const char *item, const char *text,
         const char *period, const char *day, int32_t record)
{
    wd_fact_rec_t *f = wd_records_fact(&j->r);

    f->symbol = wd_str_z(symbol);
    f->item = wd_str_z(item);
    f->text = text != NULL ? wd_str_z(text) : WD_STR_NULL;
    f->period = wd_str_z(period);
    f->time = day != NULL ? wd_test_day(day) : WD_NS_MIN;
    f->value = text != NULL && text[0] >= '0' && text[0] <= '9' ? 1 : NAN;
    f->record = record;
}


static void
assert_fact(const job_t *j, size_t i, const char *name, const char *period,
            const char *unit, const char *value)
{
    const processing_cell_t *c;

    assert_true(i < j->rows.n);
    c = j->rows.rows[i].cells;
    assert_view(c[FIELD_NAME].s, name);
    assert_view(c[FIELD_PERIOD].s, period);
    assert_view(c[FIELD_UNIT].s, unit);
    assert_view(c[FIELD_VALUE].s, value);
}


static void
test_facts(void **state)
{
    job_t j;

    (void) state;
    begin(&j);
    j.p.unit = WD_STR("EUR");
    add_fact(&j, "A", "PX", "1", "", NULL, 0);
    add_fact(&j, "A", "NAME", "One", "", NULL, 1);
    add_fact(&j, "A", "REV", "7", "IQ_FY", "2025-12-31", 2);
    add_fact(&j, "A", "REV", "8", "IQ_FY", NULL, 3);
    j.r.facts[3].unit = WD_STR("USD millions");
    add_fact(&j, "A", "PX", "1", "", "2026-05-01", 4);
    add_fact(&j, "A", "PX", NULL, "", "2026-05-22", 5); /* not yet */
    assert_ok(processing_symbols_gather(&j.symbols, &j.r, WD_STR("")));
    assert_ok(processing_rules_facts(&j.p, &j.r, &j.rows));
    assert_int_equal(j.rows.n, 5);
    assert_fact(&j, 0, "NAME", "", "", "One");
    assert_fact(&j, 1, "PX", "", "EUR", "1");
    assert_fact(&j, 2, "PX", "2026-05-01", "EUR", "1");
    assert_fact(&j, 3, "REV", "IQ_FY", "USD millions", "8");
    assert_fact(&j, 4, "REV", "IQ_FY 2025-12-31", "EUR", "7");
    assert_int_equal(j.r.n_rejects, 1);
    assert_int_equal(j.r.rejects[0].reason, WD_REASON_FUTURE_TIME);
    done(&j);

    begin(&j);
    j.p.prefix = "earnings";
    add_fact(&j, "A", "EPS", "1", "annual", "2025-12-31", 0);
    assert_ok(processing_symbols_gather(&j.symbols, &j.r, WD_STR("")));
    assert_ok(processing_rules_facts(&j.p, &j.r, &j.rows));
    assert_fact(&j, 0, "earnings.EPS", "annual 2025-12-31", "", "1");
    done(&j);

    begin(&j);
    j.p.every = WD_STR("weekly");
    add_fact(&j, "A", "CAP", "1", "", "2025-12-26", 0);
    add_fact(&j, "A", "NAME", "One", "", NULL, 1);
    add_fact(&j, "A", "REV", "2", "IQ_FY", "2024-12-31", 2);
    assert_ok(processing_symbols_gather(&j.symbols, &j.r, WD_STR("")));
    assert_ok(processing_rules_facts(&j.p, &j.r, &j.rows));
    assert_fact(&j, 0, "CAP", "weekly 2025-12-26", "", "1");
    assert_fact(&j, 1, "NAME", "", "", "One");
    assert_fact(&j, 2, "REV", "IQ_FY 2024-12-31", "", "2");
    done(&j);
}


/* Five figures of one period: nobody knows which is which. */
static void
test_ambiguous(void **state)
{
    job_t j;

    (void) state;
    begin(&j);
    add_fact(&j, "A", "EBITDA", "1", "LTM", "2021-01-20", 0);
    add_fact(&j, "A", "EBITDA", "2", "LTM", "2021-01-20", 1);
    add_fact(&j, "B", "EBITDA", "2", "LTM", "2021-01-20", 2);
    add_fact(&j, "B", "EBITDA", "2", "LTM", "2021-01-20", 3); /* the same */
    add_fact(&j, "A", "EBITDA", "1", "LTM", "2021-01-20", 4);
    assert_ok(processing_symbols_gather(&j.symbols, &j.r, WD_STR("")));
    assert_ok(processing_rules_facts(&j.p, &j.r, &j.rows));
    assert_int_equal(j.rows.n, 1);
    assert_int_equal(j.rows.rows[0].cells[FIELD_INSTRUMENT].i, 1);
    assert_int_equal(j.r.n_rejects, 3);
    assert_int_equal(j.r.rejects[0].reason, WD_REASON_AMBIGUOUS);
    done(&j);
}


static void
test_numbered(void **state)
{
    job_t j;

    (void) state;
    begin(&j);
    j.p.numbered = true;
    add_fact(&j, "A", "DVD.Date", "x", "", NULL, 3);
    add_fact(&j, "A", "DVD.Amount", "1", "", NULL, 3);
    add_fact(&j, "A", "DVD.Date", "y", "", NULL, 4);
    add_fact(&j, "A", "DVD.Amount", "1", "", NULL, 4);
    add_fact(&j, "A", "TOP.Name", "z", "", NULL, 5);
    add_fact(&j, "B", "TOP.Name", "z", "", NULL, 6);
    add_fact(&j, "B", "PX_LAST", "9", "", NULL, 7);
    assert_ok(processing_symbols_gather(&j.symbols, &j.r, WD_STR("")));
    assert_ok(processing_rules_facts(&j.p, &j.r, &j.rows));
    assert_int_equal(j.r.n_rejected, 0);
    assert_int_equal(j.rows.n, 7);
    assert_fact(&j, 0, "DVD.Amount", "row 1", "", "1");
    assert_fact(&j, 1, "DVD.Amount", "row 2", "", "1");
    assert_fact(&j, 2, "DVD.Date", "row 1", "", "x");
    assert_fact(&j, 3, "DVD.Date", "row 2", "", "y");
    assert_fact(&j, 4, "TOP.Name", "row 1", "", "z");
    assert_fact(&j, 5, "PX_LAST", "", "", "9");
    assert_fact(&j, 6, "TOP.Name", "row 1", "", "z");
    done(&j);
}


static void
test_identifiers(void **state)
{
    size_t               i;
    job_t                j;
    wd_identifier_rec_t *id;

    static const struct {
        const char *scheme;
        const char *value;
        bool        good;
    } cases[] = {{"ISIN", "US4592001014", true},
                 {"ISIN", "US4592001015", false},
                 {"LEI", "VGRQXHF3J8VDLUA7XE92", true},
                 {"LEI", "VGRQXHF3J8VDLUA7XE93", false},
                 {"CUSIP", "459200102", false},
                 {"SEDOL", "2005974", false},
                 {"FIGI", "BBG000BLNNH7", false},
                 {"TICKER", "IBM", true},
                 {"", "IBM", false},
                 {"TICKER", "", false}};

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        begin(&j);
        id = wd_records_identifier(&j.r);
        id->symbol = WD_STR("IBM.N");
        id->scheme = wd_str_z(cases[i].scheme);
        id->value = wd_str_z(cases[i].value);
        assert_ok(processing_symbols_gather(&j.symbols, &j.r, WD_STR("")));
        assert_ok(processing_rules_identifiers(&j.p, &j.r, &j.rows));
        assert_int_equal(j.rows.n, cases[i].good);
        assert_int_equal(j.r.n_rejects, !cases[i].good);
        if (!cases[i].good) {
            assert_int_equal(j.r.rejects[0].reason, WD_REASON_BAD_IDENTIFIER);
        }
        done(&j);
    }
}


static wd_news_rec_t *
add_news(job_t *j, const char *url)
{
    wd_news_rec_t *n = wd_records_news(&j->r);

    *n = (wd_news_rec_t){.title = WD_STR("A title"),
                         .url = wd_str_z(url),
                         .time = wd_test_time("2026-05-20T11:00:00Z"),
                         .sentiment = NAN,
                         .record = j->r.n_records++};
    return n;
}


static void
test_news(void **state)
{
    size_t i;
    job_t  j;
    char   url[PROCESSING_URL_MAX + 2], title[PROCESSING_TITLE_MAX + 2];

    static const char *const bad[] = {"ftp://example.com/a",
                                      "javascript:alert(1)",
                                      "https:///a",
                                      "https://",
                                      "http://example.com/a b",
                                      "http://example.com/<a>",
                                      "http://example.com/\"a\"",
                                      "HTTP://example.com/a",
                                      "//example.com/a",
                                      "http://example.com/a\n"};

    (void) state;
    memset(url, 'a', sizeof(url) - 1);
    memset(title, 'a', sizeof(title) - 1);
    url[sizeof(url) - 1] = title[sizeof(title) - 1] = '\0';
    memcpy(url, "https://e.co/", 13);

    begin(&j);
    for (i = 0; i < wd_array_len(bad); i++) {
        add_news(&j, bad[i]);
    }
    add_news(&j, url);
    assert_ok(processing_rules_news(&j.p, &j.r, &j.rows));
    assert_int_equal(j.rows.n, 0);
    assert_int_equal(j.r.n_rejects, wd_array_len(bad) + 1);
    for (i = 0; i < j.r.n_rejects; i++) {
        assert_int_equal(j.r.rejects[i].reason, WD_REASON_BAD_URL);
    }
    done(&j);

    begin(&j);
    url[PROCESSING_URL_MAX] = '\0';
    add_news(&j, url)->summary = WD_STR(" ");
    add_news(&j, "http://e.co/1")->title = WD_STR("\n ");
    add_news(&j, "http://e.co/2")->title = wd_str_z(title);
    add_news(&j, "http://e.co/3")->sentiment = -1.01;
    add_news(&j, "http://e.co/4")->time = wd_test_time("2026-05-20T13:00:01Z");
    add_news(&j, "http://e.co/5")->time = wd_test_time("2026-05-20T13:00:00Z");
    assert_ok(processing_rules_news(&j.p, &j.r, &j.rows));
    assert_int_equal(j.rows.n, 2);
    assert_null(j.rows.rows[0].cells[NEWS_SUMMARY].s.data);
    assert_int_equal(j.r.n_rejects, 4);
    assert_int_equal(j.r.rejects[0].reason, WD_REASON_MISSING_FIELD);
    assert_int_equal(j.r.rejects[1].reason, WD_REASON_TOO_LONG);
    assert_int_equal(j.r.rejects[2].reason, WD_REASON_OUT_OF_SCALE);
    assert_int_equal(j.r.rejects[3].reason, WD_REASON_FUTURE_TIME);
    done(&j);
}


static void
test_mentions(void **state)
{
    size_t            i;
    job_t             j;
    wd_mention_rec_t *m;

    static const double scores[][2] = {{0.5, -1}, {1, 1},    {NAN, NAN},
                                       {1.5, 0},  {-0.1, 0}, {0.5, 1.1}};

    (void) state;
    begin(&j);
    for (i = 0; i < wd_array_len(scores); i++) {
        m = wd_records_mention(&j.r);
        m->symbol = WD_STR("A");
        m->relevance = scores[i][0];
        m->sentiment = scores[i][1];
        m->record = (int32_t) i;
    }
    assert_ok(processing_rules_mentions(&j.p, &j.r, &j.rows));
    assert_int_equal(j.rows.n, 3);
    assert_int_equal(j.rows.rows[1].cells[MENTION_NEWS].i, 1);
    assert_int_equal(j.r.n_rejects, 3);
    done(&j);
}


static void
test_list(void **state)
{
    job_t                    j;
    const processing_cell_t *c;
    const processing_list_t *list = processing_list("countries");

    (void) state;
    assert_null(processing_list("planets"));
    assert_non_null(list);
    begin(&j);
    add_fact(&j, "FRA", "name", "France", "", NULL, 0);
    add_fact(&j, "FRA", "aggregate", "no", "", NULL, 0);
    add_fact(&j, "FRA", "longitude", "2", "", NULL, 0);
    add_fact(&j, "FRA", "anthem", "of no column", "", NULL, 0);
    add_fact(&j, "ARB", "name", "Arab World", "", NULL, 1);
    add_fact(&j, "ARB", "aggregate", "yes", "", NULL, 1);
    add_fact(&j, "ARB", "region", NULL, "", NULL, 1);
    assert_ok(processing_rules_list(&j.p, list, &j.r, &j.rows));
    assert_int_equal(j.rows.n, 2);
    c = j.rows.rows[0].cells;
    assert_view(c[1].s, "ARB");
    assert_view(c[2].s, "Arab World");
    assert_int_equal(c[4].i, 1);
    assert_null(c[6].s.data);
    assert_true(isnan(c[14].num));
    c = j.rows.rows[1].cells;
    assert_view(c[1].s, "FRA");
    assert_int_equal(c[4].i, 0);
    assert_true(c[14].num == 1);
    done(&j);

    begin(&j);
    list = processing_list("sources");
    add_fact(&j, "2", "name", "Indicators", "", NULL, 0);
    add_fact(&j, "2", "lastupdated", "2026-04-30", "", NULL, 0);
    add_fact(&j, "3", "name", "Others", "", NULL, 1);
    assert_ok(processing_rules_list(&j.p, list, &j.r, &j.rows));
    assert_int_equal(j.rows.rows[0].cells[6].i, wd_test_day("2026-04-30"));
    assert_true(j.rows.rows[1].cells[6].i == WD_NS_MIN);
    done(&j);

    begin(&j);
    list = processing_list("topics");
    add_fact(&j, "21", "value", "Trade", "", NULL, 0);
    assert_ok(processing_rules_list(&j.p, list, &j.r, &j.rows));
    assert_view(j.rows.rows[0].cells[1].s, "topics");
    assert_view(j.rows.rows[0].cells[2].s, "21");
    assert_view(j.rows.rows[0].cells[3].s, "Trade");
    done(&j);
}


static void
test_symbols(void **state)
{
    size_t i;
    job_t  j;

    static const struct {
        const char *alias;
        const char *symbol; /* NULL: none */
    } cases[] = {{"IBM US Equity", "IBM_US_EQUITY"},
                 {" vod.l ", "VOD.L"},
                 {"BRK/B  US", "BRK/B_US"},
                 {"EUR=", "EUR="},
                 {"^SPX", "^SPX"},
                 {"IBM:NYSE", "IBM:NYSE"},
                 {"A&B", NULL},
                 {"", NULL},
                 {"   ", NULL},
                 {"\xc3\xa9", NULL},
                 {"THIRTY-TWO-CHARACTERS-ARE-FINE-1", ""},
                 {"THIRTY-THREE-CHARACTERS-ARE-NOT-1", NULL}};

    (void) state;
    begin(&j);
    for (i = 0; i < wd_array_len(cases); i++) {
        wd_str_t got = processing_symbol_make(j.pool, wd_str_z(cases[i].alias));

        if (cases[i].symbol == NULL) {
            assert_null(got.data);
        } else {
            assert_view(got, cases[i].symbol[0] != '\0' ? cases[i].symbol
                                                        : cases[i].alias);
        }
    }
    done(&j);
}


/* Who was not asked for, and nobody, are taken out of all kinds. */
static void
test_strangers(void **state)
{
    job_t j;

    (void) state;
    begin(&j);
    assert_ok(processing_symbols_want(&j.symbols,
                                      WD_STR("ibm us Equity, TICKER:AAPL US "
                                             "Equity,,BB_GLOBAL|XYZ")));
    assert_true(processing_symbols_wanted(&j.symbols, WD_STR("IBM US EQUITY")));
    assert_true(
        processing_symbols_wanted(&j.symbols, WD_STR("AAPL US EQUITY")));
    assert_true(processing_symbols_wanted(&j.symbols, WD_STR("XYZ")));
    assert_false(processing_symbols_wanted(&j.symbols, WD_STR("MSFT")));
    assert_false(processing_symbols_wanted(&j.symbols, WD_STR("")));

    add_trade(&j, "IBM US EQUITY", FETCHED, 1, 1, 1);
    add_trade(&j, "MSFT", FETCHED, 1, 1, 1);
    add_trade(&j, "XYZ", FETCHED, 1, 1, 1);
    add_trade(&j, "", FETCHED, 1, 1, 1);
    add_trade(&j, "A&B", FETCHED, 1, 1, 1);
    add_fact(&j, "MSFT", "PX", "1", "", NULL, 9);
    assert_ok(processing_symbols_gather(&j.symbols, &j.r, WD_STR("")));
    assert_int_equal(j.r.n_trades, 2);
    assert_view(j.r.trades[1].symbol, "XYZ");
    assert_int_equal(j.r.n_facts, 0);
    assert_int_equal(j.r.n_rejects, 4);
    assert_int_equal(j.r.rejects[0].reason, WD_REASON_SYMBOL_MISMATCH);
    assert_int_equal(j.r.rejects[0].record, 1);
    assert_int_equal(j.r.rejects[1].reason, WD_REASON_BAD_SYMBOL);
    assert_int_equal(j.r.rejects[2].reason, WD_REASON_BAD_SYMBOL);
    assert_int_equal(j.r.rejects[3].reason, WD_REASON_SYMBOL_MISMATCH);
    done(&j);

    /* Without a list all are, and without a name the payload's own. */
    begin(&j);
    assert_ok(processing_symbols_want(&j.symbols, WD_STR("")));
    add_trade(&j, "", FETCHED, 1, 1, 1);
    add_trade(&j, "B", FETCHED, 1, 1, 1);
    assert_ok(processing_symbols_gather(&j.symbols, &j.r, WD_STR("Own")));
    assert_int_equal(j.r.n_trades, 2);
    assert_int_equal(processing_symbols_find(&j.symbols, WD_STR_NULL), 0);
    assert_int_equal(processing_symbols_find(&j.symbols, WD_STR("B")), 1);
    assert_view(j.symbols.v[0].symbol, "OWN");
    done(&j);
}


/* Several at once: each with its own last row. */
static void
test_bars_of_many(void **state)
{
    size_t        i;
    job_t         j;
    wd_bar_rec_t *b;

    static const char *const list[][2] = {{"B", "2026-05-20"},
                                          {"A", "2026-05-19"},
                                          {"B", "2026-05-19"},
                                          {"A", "2026-05-18"}};

    (void) state;
    begin(&j);
    j.p.timeframe = WD_TF_1D;
    for (i = 0; i < wd_array_len(list); i++) {
        b = wd_records_bar(&j.r);
        *b = (wd_bar_rec_t){.symbol = wd_str_z(list[i][0]),
                            .time = wd_test_day(list[i][1]),
                            .open = 1,
                            .high = 1,
                            .low = 1,
                            .close = 1,
                            .volume = 0.5,
                            .record = (int32_t) i,
                            .is_date = true};
    }
    assert_ok(processing_symbols_gather(&j.symbols, &j.r, WD_STR("")));
    assert_ok(processing_rules_bars(&j.p, &j.r, &j.rows));
    assert_int_equal(j.rows.n, 4);
    assert_int_equal(j.rows.rows[1].cells[BAR_INSTRUMENT].i, 0); /* B */
    assert_int_equal(j.rows.rows[1].cells[BAR_QUALITY].i,
                     PROCESSING_Q_UNFINISHED);
    assert_int_equal(j.rows.rows[3].cells[BAR_INSTRUMENT].i, 1);
    assert_int_equal(j.rows.rows[3].cells[BAR_QUALITY].i, 0);
    done(&j);
}


int
main(void)
{
    int        rc;
    wd_error_t err;

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trade_rejects),
        cmocka_unit_test(test_trade_kept),
        cmocka_unit_test(test_trade_numbers),
        cmocka_unit_test(test_trade_twice),
        cmocka_unit_test(test_quote_moments),
        cmocka_unit_test(test_quote_summaries),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_ambiguous),
        cmocka_unit_test(test_numbered),
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_news),
        cmocka_unit_test(test_mentions),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_bars_of_many),
    };

    if (processing_zones_load(&zones, &err) != WD_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    processing_zones_done(&zones);
    return rc;
}
