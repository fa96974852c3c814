/*
 * Arguments, URLs, the judgement of whole answers, paging, breaker, back-off.
 */
#include "ingestion_breaker.h"
#include "provider.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

static char url_av[] = "https://www.alphavantage.co";
static char url_wb[] = "http://127.0.0.1:1/x";
static char key[] = "K3Y/&=secret";

static const ingestion_conf_account_t av = {.url = url_av, .key = key};
static const ingestion_conf_account_t wb = {.url = url_wb, .per_page = 1000};


/* "symbol=IBM interval=1min" */
static void
set_args(ingestion_args_t *args, const char *text)
{
    int      i;
    wd_str_t rest = wd_str_z(text), part, name;

    memset(args, 0, sizeof(*args));
    while (text[0] != '\0' && wd_str_split(&rest, ' ', &part)) {
        wd_str_split(&part, '=', &name);
        for (i = 0; i < ARG_COUNT; i++) {
            if (wd_str_eq_z(name, ingestion_arg_name(i))) {
                assert_true(ingestion_arg_set(args, (ingestion_arg_e) i, part));
                break;
            }
        }
        assert_int_not_equal(i, ARG_COUNT);
    }
}


/* The question as it is asked, the key included; `url` is to be freed. */
static void
question(const ingestion_provider_t *p, const ingestion_conf_account_t *conf,
         const char *dataset, const char *args, int page, wd_buf_t *url)
{
    wd_error_t           err = {0};
    const char          *param;
    ingestion_args_t     a;
    ingestion_account_t *account = ingestion_account_create(conf);
    ingestion_question_t q;
    ingestion_ask_t      ask = {.provider = p,
                                .account = account,
                                .args = &a,
                                .page = page,
                                .cursor = ""};

    ask.dataset = ingestion_dataset_by_name(p, wd_str_z(dataset));
    set_args(&a, args);
    assert_int_equal(ingestion_args_check(ask.dataset, &a, &param, &err),
                     WD_OK);
    ingestion_question_init(&q);
    assert_int_equal(p->question(&ask, &q, &err), WD_OK);
    ingestion_url_add_key(&ask, &q.url);
    wd_buf_reset(url);
    wd_buf_str(url, wd_buf_view(&q.url));
    ingestion_question_done(&q);
    ingestion_account_release(account);
}


static void
urls(void **state)
{
    static const struct {
        const char *dataset, *args, *url;
    } rows[] = {
        {"daily", "symbol=IBM",
         "/query?function=TIME_SERIES_DAILY&outputsize=compact&symbol=IBM"
         "&datatype=json"},
        {"daily", "symbol=ibm outputsize=full",
         "/query?function=TIME_SERIES_DAILY&outputsize=full&symbol=IBM"
         "&datatype=json"},
        {"daily_adjusted", "symbol=BRK.B",
         "/query?function=TIME_SERIES_DAILY_ADJUSTED&outputsize=compact"
         "&symbol=BRK.B&datatype=json"},
        {"intraday", "symbol=IBM interval=5min",
         "/query?function=TIME_SERIES_INTRADAY&interval=5min"
         "&outputsize=compact&symbol=IBM&datatype=json"},
        {"intraday", "symbol=IBM interval=1min month=2013-10",
         "/query?function=TIME_SERIES_INTRADAY&interval=1min&month=2013-10"
         "&outputsize=full&symbol=IBM&datatype=json"},
        {"fx_daily", "from_symbol=eur to_symbol=usd",
         "/query?function=FX_DAILY&from_symbol=EUR&outputsize=compact"
         "&to_symbol=USD&datatype=json"},
        {"quote", "symbol=^GSPC&x=1",
         "/query?function=GLOBAL_QUOTE&symbol=%5EGSPC%26X%3D1&datatype=json"},
        {"search", "keywords=M\xc3\xbcller+#",
         "/query?function=SYMBOL_SEARCH&keywords=M%C3%BCller%2B%23"
         "&datatype=json"},
        {"overview", "symbol=IBM",
         "/query?function=OVERVIEW&symbol=IBM&datatype=json"},
    };
    size_t   i;
    wd_buf_t b = WD_BUF_INIT, want = WD_BUF_INIT;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        question(&ingestion_alphavantage, &av, rows[i].dataset, rows[i].args, 1,
                 &b);
        wd_buf_reset(&want); /* the key comes last and encoded */
        wd_buf_printf(&want, "%s%s&apikey=K3Y%%2F%%26%%3Dsecret", url_av,
                      rows[i].url);
        assert_string_equal(wd_buf_cstr(&b), wd_buf_cstr(&want));
    }
    wd_buf_done(&b);
    wd_buf_done(&want);
}


static void
worldbank_urls(void **state)
{
    wd_buf_t b = WD_BUF_INIT;

    (void) state;
    question(&ingestion_worldbank, &wb, "indicator",
             "indicator=ny.gdp.mktp.cd country=de;USA date=2000:2020", 3, &b);
    assert_string_equal(wd_buf_cstr(&b),
                        "http://127.0.0.1:1/x/v2/country/DE;USA/indicator/"
                        "NY.GDP.MKTP.CD?format=json&per_page=1000&page=3"
                        "&date=2000:2020");
    question(&ingestion_worldbank, &wb, "indicator",
             "indicator=A country=all mrv=5 source=75", 1, &b);
    assert_string_equal(wd_buf_cstr(&b),
                        "http://127.0.0.1:1/x/v2/country/all/indicator/A"
                        "?format=json&per_page=1000&page=1&mrv=5&source=75");
    question(&ingestion_worldbank, &wb, "income_levels", "", 2, &b);
    assert_string_equal(wd_buf_cstr(&b), "http://127.0.0.1:1/x/v2/incomeLevel"
                                         "?format=json&per_page=1000&page=2");
    wd_buf_done(&b);
}


static void
argument_rules(void **state)
{
    static const struct {
        const ingestion_provider_t *p;
        const char                 *dataset, *args, *param; /* NULL: good */
    } rows[] = {
        {&ingestion_alphavantage, "daily", "", "symbol"},
        {&ingestion_alphavantage, "daily", "symbol=IBM interval=1min",
         "interval"},
        {&ingestion_alphavantage, "daily", "symbol=IBM month=2020-01", "month"},
        {&ingestion_alphavantage, "daily", "symbol=IBM outputsize=all",
         "outputsize"},
        {&ingestion_alphavantage, "daily", "symbol=I\001M", "symbol"},
        {&ingestion_alphavantage, "intraday", "symbol=IBM", "interval"},
        {&ingestion_alphavantage, "intraday", "interval=1min", "symbol"},
        {&ingestion_alphavantage, "intraday", "symbol=IBM interval=2min",
         "interval"},
        {&ingestion_alphavantage, "intraday",
         "symbol=IBM interval=1min month=2013-13", "month"},
        {&ingestion_alphavantage, "intraday",
         "symbol=IBM interval=1min month=2013/10", "month"},
        {&ingestion_alphavantage, "intraday",
         "symbol=IBM interval=1min month=2013-10", NULL},
        {&ingestion_alphavantage, "fx_daily", "from_symbol=EUR", "to_symbol"},
        {&ingestion_alphavantage, "fx_daily", "to_symbol=EUR", "from_symbol"},
        {&ingestion_alphavantage, "fx_daily", "from_symbol=E1R to_symbol=USD",
         "from_symbol"},
        {&ingestion_alphavantage, "quote", "symbol=IBM outputsize=full",
         "outputsize"},
        {&ingestion_alphavantage, "search", "symbol=IBM", "keywords"},
        {&ingestion_alphavantage, "search", "keywords=x symbol=IBM", "symbol"},
        {&ingestion_worldbank, "indicator", "country=all", "indicator"},
        {&ingestion_worldbank, "indicator", "indicator=A.B", "country"},
        {&ingestion_worldbank, "indicator", "indicator=A;B country=all",
         "indicator"},
        {&ingestion_worldbank, "indicator",
         "indicator=A country=all mrv=3 date=2010", "mrv"},
        {&ingestion_worldbank, "indicator", "indicator=A country=all mrv=0",
         "mrv"},
        {&ingestion_worldbank, "indicator", "indicator=A country=GERM",
         "country"},
        {&ingestion_worldbank, "indicator", "indicator=A country=DE;",
         "country"},
        {&ingestion_worldbank, "indicator", "indicator=A country=../x",
         "country"},
        {&ingestion_worldbank, "indicator", "indicator=A country=ALL", NULL},
        {&ingestion_worldbank, "indicator", "indicator=A country=1W;XD", NULL},
        {&ingestion_worldbank, "indicator", "indicator=A country=all date=2010",
         NULL},
        {&ingestion_worldbank, "indicator",
         "indicator=A country=all date=2012m01:2012m08", NULL},
        {&ingestion_worldbank, "indicator",
         "indicator=A country=all date=2013Q1:2013Q4", NULL},
        {&ingestion_worldbank, "indicator",
         "indicator=A country=all date=2020:2000", "date"},
        {&ingestion_worldbank, "indicator",
         "indicator=A country=all date=2012M13", "date"},
        {&ingestion_worldbank, "indicator",
         "indicator=A country=all date=2012Q5", "date"},
        {&ingestion_worldbank, "indicator",
         "indicator=A country=all date=2012:2013Q1", "date"},
        {&ingestion_worldbank, "indicator", "indicator=A country=all date=12",
         "date"},
        {&ingestion_worldbank, "indicator",
         "indicator=A country=all date=2012:", "date"},
    };
    int                        rc;
    size_t                     i;
    wd_error_t                 err;
    const char                *param;
    ingestion_args_t           args;
    const ingestion_dataset_t *d;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        d = ingestion_dataset_by_name(rows[i].p, wd_str_z(rows[i].dataset));
        set_args(&args, rows[i].args);
        rc = ingestion_args_check(d, &args, &param, &err);
        if (rows[i].param == NULL) {
            assert_int_equal(rc, WD_OK);
            continue;
        }
        assert_int_equal(rc, WD_EPARAM);
        assert_string_equal(param, rows[i].param);
        assert_memory_equal(err.text, param, strlen(param));
    }

    assert_null(
        ingestion_dataset_by_name(&ingestion_worldbank, WD_STR("daily")));
    assert_null(ingestion_provider_by_name(WD_STR("nobody")));
}


static void
canonical_json(void **state)
{
    wd_buf_t         b = WD_BUF_INIT;
    ingestion_args_t args, back;

    (void) state;
    set_args(&args, "from_symbol=EUR outputsize=full to_symbol=USD");
    ingestion_args_json(&args, 0, 0, &b);
    assert_string_equal(wd_buf_cstr(&b),
                        "{\"from_symbol\":\"EUR\",\"outputsize\":\"full\","
                        "\"to_symbol\":\"USD\"}");
    assert_int_equal(ingestion_args_parse(wd_buf_view(&b), &back), WD_OK);
    assert_memory_equal(&args, &back, sizeof(args));

    wd_buf_reset(&b);
    set_args(&args, "indicator=A country=all");
    ingestion_args_json(&args, 2, 1000, &b);
    assert_string_equal(wd_buf_cstr(&b),
                        "{\"country\":\"all\",\"indicator\":\"A\",\"page\":2,"
                        "\"per_page\":1000}");
    wd_buf_done(&b);

    assert_int_equal(ingestion_args_parse(WD_STR("{\"x\":\"1\"}"), &back),
                     WD_EPROTO);
    assert_int_equal(ingestion_args_parse(WD_STR("{\"symbol\":1}"), &back),
                     WD_EPROTO);
    assert_int_equal(ingestion_args_parse(WD_STR("[]"), &back), WD_EPROTO);
    assert_int_equal(ingestion_args_parse(WD_STR(""), &back), WD_EPROTO);
}


static void
months(void **state)
{
    int         first, n;
    char        text[8];
    wd_error_t  err;
    const char *param;

    (void) state;
    assert_int_equal(
        ingestion_months("2019-11", "2020-02", &first, &n, &param, &err),
        WD_OK);
    assert_int_equal(n, 4);
    ingestion_month_format(first + 2, text);
    assert_string_equal(text, "2020-01");

    assert_int_equal(
        ingestion_months("1970-01", "2019-12", &first, &n, &param, &err),
        WD_OK);
    assert_int_equal(n, INGESTION_MONTHS_MAX);
    assert_int_equal(
        ingestion_months("1970-01", "2020-01", &first, &n, &param, &err),
        WD_EPARAM);
    assert_string_equal(param, "to_month");
    assert_int_equal(
        ingestion_months("2020-02", "2020-01", &first, &n, &param, &err),
        WD_EPARAM);
    assert_string_equal(param, "to_month");
    assert_int_equal(ingestion_months("", "2020-01", &first, &n, &param, &err),
                     WD_EPARAM);
    assert_string_equal(param, "month");
}


static void
base_addresses(void **state)
{
    (void) state;
    assert_true(ingestion_url_ok("https://api.worldbank.org", false));
    assert_true(ingestion_url_ok("https://host:8443/a/b", false));
    assert_false(ingestion_url_ok("http://127.0.0.1:1", false));
    assert_true(ingestion_url_ok("http://127.0.0.1:1", true));
    assert_false(ingestion_url_ok("ftp://host", true));
    assert_false(ingestion_url_ok("https://", true));
    assert_false(ingestion_url_ok("https:///x", true));
    assert_false(ingestion_url_ok("https://host/", true));
    assert_false(ingestion_url_ok("https://user@host", true));
    assert_false(ingestion_url_ok("https://host?x", true));
    assert_false(ingestion_url_ok("https://ho st", true));
    assert_false(ingestion_url_ok(NULL, true));
}


static int64_t retry_after_s = -1;

static void
judge(const ingestion_provider_t *p, const char *secret, int rc, int status,
      const char *body, int attempt, ingestion_verdict_t *v)
{
    char                     copy[64];
    wd_error_t               why = {rc, "the answer ended early"};
    wd_http_res_t            res;
    ingestion_conf_account_t conf = {.url = url_av};
    ingestion_account_t     *account;
    ingestion_ask_t          ask = {.provider = p, .page = 1, .cursor = ""};

    if (secret != NULL) {
        wd_str_copy(copy, sizeof(copy), wd_str_z(secret));
        conf.key = copy;
    }
    ask.account = account = ingestion_account_create(&conf);
    wd_http_res_init(&res);
    res.status = status;
    res.retry_after_s = retry_after_s;
    wd_buf_z(&res.body, body);
    assert_int_equal(ingestion_judge(&ask, rc, &why, &res, attempt, v), WD_OK);
    wd_http_res_done(&res);
    ingestion_account_release(account);
}


#define WB_DATA \
    "[{\"page\":1,\"pages\":1,\"per_page\":50,\"total\":1},[{\"value\":1}]]"
#define HTML "<html></html>"

static void
verdicts(void **state)
{
    static const struct {
        int         rc, status;
        const char *body;
        int         attempt;
        wd_answer_e class;
        bool keep, retry;
    } rows[] = {
        {WD_OK, 200, WB_DATA, 1, WD_ANSWER_OK, true, false},
        {WD_OK, 200, "", 1, WD_ANSWER_UPSTREAM, false, true},
        {WD_OK, 200, HTML, 1, WD_ANSWER_MALFORMED, true, false},
        {WD_OK, 400, HTML, 1, WD_ANSWER_BAD_REQUEST, false, true},
        {WD_OK, 400, HTML, 2, WD_ANSWER_BAD_REQUEST, false, false},
        {WD_OK, 401, HTML, 1, WD_ANSWER_AUTH, false, false},
        {WD_OK, 403, HTML, 1, WD_ANSWER_PERMISSION, false, false},
        {WD_OK, 404, "", 1, WD_ANSWER_BAD_REQUEST, false, false},
        {WD_OK, 429, HTML, 1, WD_ANSWER_LIMIT_SHORT, false, true},
        {WD_OK, 301, "", 1, WD_ANSWER_BAD_REQUEST, false, false},
        {WD_OK, 500, "", 1, WD_ANSWER_UPSTREAM, false, true},
        {WD_OK, 502, HTML, 1, WD_ANSWER_UPSTREAM, false, true},
        {WD_OK, 503, WB_DATA, 1, WD_ANSWER_UPSTREAM, false, true},
        {WD_OK, 501, "no", 1, WD_ANSWER_BAD_REQUEST, false, false},
        {WD_OK, 404, "[{\"message\":[{\"id\":\"120\",\"value\":\"x\"}]}]", 1,
         WD_ANSWER_NOT_FOUND, true, false},
        {WD_OK, 503, "[{\"message\":[{\"id\":\"105\",\"value\":\"x\"}]}]", 1,
         WD_ANSWER_UPSTREAM, false, true},
        {WD_ETRUNC, 200, "[{", 1, WD_ANSWER_MALFORMED, true, true},
        {WD_ETRUNC, 0, "", 1, WD_ANSWER_UPSTREAM, false, true},
        {WD_EPROTO, 200, "[{}]", 1, WD_ANSWER_MALFORMED, false, true},
        {WD_EPROTO, 200, "", 1, WD_ANSWER_UPSTREAM, false, true},
        {WD_ETOOBIG, 200, "[[[", 1, WD_ANSWER_MALFORMED, true, false},
        {WD_ETIMEOUT, 200, "[", 1, WD_ANSWER_UPSTREAM, false, true},
        {WD_EUNAVAIL, 0, "", 1, WD_ANSWER_UPSTREAM, false, true},
        {WD_EFORBIDDEN, 0, "", 1, WD_ANSWER_BAD_REQUEST, false, false},
    };
    size_t              i;
    ingestion_verdict_t v;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        judge(&ingestion_worldbank, NULL, rows[i].rc, rows[i].status,
              rows[i].body, rows[i].attempt, &v);
        if (v.answer.class != rows[i].class || v.keep != rows[i].keep
            || v.retry != rows[i].retry) {
            fail_msg("row %zu: %s keep %d retry %d", i,
                     wd_answer_name(v.answer.class), v.keep, v.retry);
        }
    }
}


static void
the_key_stays_here(void **state)
{
    ingestion_verdict_t v;

    (void) state;
    judge(&ingestion_alphavantage, "sample-free", WD_OK, 200,
          "{\"Information\": \"Dear sample-free, 25 requests per day\"}", 1,
          &v);
    assert_int_equal(v.answer.class, WD_ANSWER_LIMIT_LONG);
    assert_null(strstr(v.answer.text, "sample-free"));
    assert_false(v.keep);

    /* A body that would be kept, but repeats the key. */
    judge(&ingestion_alphavantage, "sample-free", WD_OK, 200,
          "{\"Error Message\": \"sample-free asked for nothing\"}", 1, &v);
    assert_int_equal(v.answer.class, WD_ANSWER_NOT_FOUND);
    assert_null(strstr(v.answer.text, "sample-free"));
    assert_false(v.keep);

    judge(&ingestion_alphavantage, "sample-free", WD_OK, 200,
          "{\"Error Message\": \"nothing\"}", 1, &v);
    assert_true(v.keep);
}


static void
retry_after(void **state)
{
    ingestion_verdict_t v;

    (void) state;
    retry_after_s = 17;
    judge(&ingestion_worldbank, NULL, WD_OK, 429, "", 1, &v);
    retry_after_s = -1;
    assert_int_equal(v.answer.class, WD_ANSWER_LIMIT_SHORT);
    assert_int_equal(v.wait_s, 17);
    judge(&ingestion_worldbank, NULL, WD_OK, 429, "", 1, &v);
    assert_int_equal(v.wait_s, 0);
}


static void
paging(void **state)
{
    static const struct {
        ingestion_page_t  page;
        int               asked;
        int64_t           rows;
        bool              same;
        ingestion_pages_e next;
    } rows[] = {
        {{0, 0, 0, 0}, 0, 0, false, INGESTION_PAGES_DONE}, /* no pages */
        {{1, 1, 64, 64}, 1, 0, false, INGESTION_PAGES_DONE},
        {{1, 2, 100, 64}, 1, 0, false, INGESTION_PAGES_MORE},
        {{2, 2, 100, 36}, 2, 64, false, INGESTION_PAGES_DONE},
        {{2, 2, 100, 30}, 2, 64, false, INGESTION_PAGES_STUCK}, /* 94 < 100 */
        {{1, 2, 100, 64}, 2, 64, false, INGESTION_PAGES_STUCK}, /* again 1 */
        {{2, 2, 100, 36}, 2, 64, true, INGESTION_PAGES_STUCK}, /* same bytes */
        {{1, 0, 100, 64}, 1, 0, false, INGESTION_PAGES_STUCK}, /* page 1 of 0 */
        {{2, 9, 900, 0}, 2, 100, false, INGESTION_PAGES_STUCK}, /* no rows */
        {{1000, 2000, 2000, 1}, 1000, 999, false, INGESTION_PAGES_STUCK},
        {{5, 9, 100, 60}, 5, 80, false, INGESTION_PAGES_DONE}, /* grew less */
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        if (ingestion_pages_next(&rows[i].page, rows[i].asked, rows[i].rows,
                                 rows[i].same)
            != rows[i].next) {
            fail_msg("row %zu", i);
        }
    }
}


static void
fail_at(ingestion_breaker_t *b, wd_ns_t t)
{
    ingestion_breaker_failure(b, t, t);
}


static void
breaker(void **state)
{
    wd_ns_t             t = 1000 * WD_NS_PER_S;
    ingestion_breaker_t b;

    (void) state;
    ingestion_breaker_init(&b, 3, 100);
    fail_at(&b, t);
    fail_at(&b, t);
    assert_int_equal(ingestion_breaker_state(&b, t), BREAKER_CLOSED);
    ingestion_breaker_success(&b);
    fail_at(&b, t);
    fail_at(&b, t);
    assert_int_equal(ingestion_breaker_state(&b, t), BREAKER_CLOSED);
    fail_at(&b, t);
    assert_int_equal(ingestion_breaker_state(&b, t), BREAKER_OPEN);

    t += 100 * WD_NS_PER_MS;
    assert_int_equal(ingestion_breaker_state(&b, t), BREAKER_HALF_OPEN);
    fail_at(&b, t); /* one is enough now, twice as long */
    assert_int_equal(ingestion_breaker_state(&b, t + 199 * WD_NS_PER_MS),
                     BREAKER_OPEN);
    t += 200 * WD_NS_PER_MS;
    assert_int_equal(ingestion_breaker_state(&b, t), BREAKER_HALF_OPEN);
    ingestion_breaker_success(&b);
    assert_int_equal(ingestion_breaker_state(&b, t), BREAKER_CLOSED);
}


/* A hundred requests that began before the first of them failed. */
static void
breaker_crowd(void **state)
{
    int                 i;
    wd_ns_t             asked = 1000 * WD_NS_PER_S;
    wd_ns_t             t = asked + 10 * WD_NS_PER_MS;
    ingestion_breaker_t b;

    (void) state;
    ingestion_breaker_init(&b, 3, 100);
    for (i = 0; i < 100; i++) {
        ingestion_breaker_failure(&b, asked, t);
    }
    assert_int_equal(b.failures, 100);
    assert_int_equal(b.open_until, t + 100 * WD_NS_PER_MS);

    /* Late ones do not speak for the one that is let through. */
    t += 150 * WD_NS_PER_MS;
    ingestion_breaker_failure(&b, asked, t);
    assert_int_equal(ingestion_breaker_state(&b, t), BREAKER_HALF_OPEN);
    fail_at(&b, t);
    assert_int_equal(b.open_until, t + 200 * WD_NS_PER_MS);
}


static void
breaker_held(void **state)
{
    wd_ns_t             t = 1000 * WD_NS_PER_S;
    ingestion_breaker_t b;

    (void) state;
    ingestion_breaker_init(&b, 3, 100);
    fail_at(&b, t);
    ingestion_breaker_hold(&b, t, t + WD_NS_PER_S);
    assert_int_equal(ingestion_breaker_state(&b, t + WD_NS_PER_S - 1),
                     BREAKER_OPEN);
    ingestion_breaker_hold(&b, t, t + 5); /* not shorter */
    ingestion_breaker_failure(&b, t - 1, t + 5);
    assert_int_equal(b.open_until, t + WD_NS_PER_S);
    t += WD_NS_PER_S;
    assert_int_equal(ingestion_breaker_state(&b, t), BREAKER_HALF_OPEN);
    ingestion_breaker_success(&b);
    assert_int_equal(ingestion_breaker_state(&b, t), BREAKER_CLOSED);
}


static void
retry_budget(void **state)
{
    int                i;
    ingestion_retries_t b;

    (void) state;
    ingestion_retries_init(&b, 20);
    for (i = 0; i < INGESTION_RETRIES_MAX; i++) {
        assert_true(ingestion_retries_take(&b));
    }
    assert_false(ingestion_retries_take(&b));
    for (i = 0; i < 50; i++) {
        ingestion_retries_answer(&b);
    }
    assert_int_equal(ingestion_retries_left(&b), 10);
    for (i = 0; i < 1000; i++) {
        ingestion_retries_answer(&b);
    }
    assert_int_equal(ingestion_retries_left(&b), INGESTION_RETRIES_MAX);
    ingestion_retries_init(&b, 0);
    ingestion_retries_answer(&b);
    assert_int_equal(ingestion_retries_left(&b), INGESTION_RETRIES_MAX);
}


static void
backoff(void **state)
{
    int      attempt;
    uint32_t ms, random;

    (void) state;
    for (attempt = 1; attempt < 40; attempt++) {
        for (random = 0; random < 5000; random += 977) {
            ms = ingestion_backoff_ms(1000, attempt, 0, random);
            assert_in_range(ms, attempt == 1 ? 500 : 1000,
                            INGESTION_BACKOFF_MAX_MS);
        }
    }
    assert_in_range(ingestion_backoff_ms(1000, 1, 60000, 12345), 60000, 75000);
    assert_in_range(ingestion_backoff_ms(1, 1, 0, 12345), 0, 1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),           cmocka_unit_test(worldbank_urls),
        cmocka_unit_test(argument_rules), cmocka_unit_test(canonical_json),
        cmocka_unit_test(months),         cmocka_unit_test(base_addresses),
        cmocka_unit_test(verdicts),       cmocka_unit_test(the_key_stays_here),
        cmocka_unit_test(retry_after),    cmocka_unit_test(paging),
        cmocka_unit_test(breaker),        cmocka_unit_test(breaker_crowd),
        cmocka_unit_test(breaker_held),   cmocka_unit_test(retry_budget),
        cmocka_unit_test(backoff),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
