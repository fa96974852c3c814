/*
 * test_ingestion_collection.c - definitions of collections, from files and
 * from JSON: what is taken, what is refused, and with which words.
 */
#include "wd_test.h"

#include "ingestion_collection_file.h"

#include <sys/stat.h>
#include <unistd.h>

#define HEAD "[a]\nprovider = alphavantage\n"
#define DAILY HEAD "dataset = daily\nevery = 1d\n"


/* ---- helpers ------------------------------------------------------------ */

static ingestion_collections_t
read_ok(const char *text)
{
    int                     rc, line = 0;
    wd_error_t              err = {0};
    ingestion_collections_t all;

    rc = ingestion_collection_read(wd_str_z(text), &all, &line, &err);
    if (rc != WD_OK) {
        fail_msg("line %d: %s", line, err.text);
    }
    return all;
}


/* "line: what" */
static const char *
refused(const char *text)
{
    static char             out[256];
    int                     rc, line = 0;
    wd_error_t              err = {0};
    ingestion_collections_t all;

    rc = ingestion_collection_read(wd_str_z(text), &all, &line, &err);
    ingestion_collections_done(&all);
    if (rc == WD_OK) {
        return "nothing";
    }
    assert_int_equal(rc, WD_ECONFIG);
    snprintf(out, sizeof(out), "%d: %s", line, err.text);
    return out;
}


static const char *
json_of(const ingestion_collection_t *c)
{
    static wd_buf_t out;
    wd_json_t       j;

    wd_buf_done(&out);
    wd_buf_init(&out, 0);
    wd_json_init(&j, &out);
    ingestion_collection_json(c, &j);
    assert_ok(out.err);
    return wd_buf_cstr(&out);
}


/* Arguments of all items, one behind the other. */
static const char *
items_of(const ingestion_collection_t *c)
{
    static wd_buf_t  out;
    size_t           i = 0;
    wd_str_t         list = wd_buf_view(&c->instruments), one;
    wd_error_t       err = {0};
    ingestion_args_t args;

    wd_buf_done(&out);
    wd_buf_init(&out, 0);
    while (ingestion_collection_next(c, &list, &i, &one)) {
        assert_ok(ingestion_collection_item(c, one, &args, &err));
        wd_buf_str(&out, one);
        ingestion_args_json(&args, 0, 0, &out);
        wd_buf_byte(&out, ' ');
    }
    return wd_buf_cstr(&out);
}


/* ---- files -------------------------------------------------------------- */

static void
test_whole(void **state)
{
    ingestion_collection_t *c;
    ingestion_collections_t all;

    (void) state;
    all = read_ok("# what the desk needs\r\n\n"
                  "[us-daily]\r\n  provider = alphavantage\r\n"
                  "dataset=daily\n; and so on\n"
                  "instruments = IBM, AAPL ,\ninstruments = brk.b\n"
                  "every = 1d\nat = 22:30\ntz = America/New_York\n"
                  "weekdays = fri-mon, wed\nfrom = 2010-01-04\noverlap = 5d\n"
                  "priority = 20\npaused = true\n"
                  "[minutes]\nprovider = alphavantage\ndataset = intraday\n"
                  "interval = 5min\ninstruments = SPY\nevery = 15m");
    assert_int_equal(all.n, 2);
    c = &all.v[0];
    assert_string_equal(c->name, "us-daily");
    assert_int_equal(c->line, 3);
    assert_string_equal(
        json_of(c),
        "{\"provider\":\"alphavantage\",\"dataset\":\"daily\","
        "\"instruments\":[\"IBM\",\"AAPL\",\"brk.b\"],\"every\":\"1d\","
        "\"at\":\"22:30\",\"tz\":\"America/New_York\","
        "\"weekdays\":\"mon,wed,fri,sat,sun\",\"from\":\"2010-01-04\","
        "\"overlap\":\"5d\",\"priority\":20,\"paused\":true}");
    assert_string_equal(items_of(c), "IBM{\"symbol\":\"IBM\"} "
                                     "AAPL{\"symbol\":\"AAPL\"} "
                                     "brk.b{\"symbol\":\"BRK.B\"} ");

    c = &all.v[1];
    assert_int_equal(c->line, 17);
    assert_int_equal(c->every_s, 900);
    assert_int_equal(c->weekdays, INGESTION_WEEK);
    assert_int_equal(c->priority, 10);
    assert_false(c->paused);
    assert_int_equal(c->set->window, WINDOW_MONTH);
    assert_string_equal(items_of(c),
                        "SPY{\"interval\":\"5min\",\"symbol\":\"SPY\"} ");
    ingestion_collections_done(&all);

    all = read_ok("\n# nothing\n");
    assert_int_equal(all.n, 0);
    ingestion_collections_done(&all);

    all = read_ok("\xef\xbb\xbf" DAILY "instruments = 0#.SPX\n");
    assert_int_equal(all.n, 1);
    assert_string_equal(items_of(&all.v[0]), "0#.SPX{\"symbol\":\"0#.SPX\"} ");
    ingestion_collections_done(&all);
}


/* Names of two parts, joined lists, and questions without an instrument. */
static void
test_items(void **state)
{
    static const struct {
        const char *text;
        const char *items;
    } rows[] = {
        {HEAD "dataset = fx_daily\nevery = 1d\ninstruments = eur/usd, GBP/USD",
         "eur/usd{\"from_symbol\":\"EUR\",\"to_symbol\":\"USD\"} "
         "GBP/USD{\"from_symbol\":\"GBP\",\"to_symbol\":\"USD\"} "},
        {HEAD "dataset = fx_daily\nevery = 1d\nto_symbol = USD\n"
              "instruments = EUR",
         "EUR{\"from_symbol\":\"EUR\",\"to_symbol\":\"USD\"} "},
        {HEAD "dataset = crypto_daily\nevery = 1d\ninstruments = BTC/EUR",
         "BTC/EUR{\"market\":\"EUR\",\"symbol\":\"BTC\"} "},
        {HEAD "dataset = crypto_daily\nevery = 1d\nmarket = EUR\n"
              "instruments = BTC, ETH",
         "BTC{\"market\":\"EUR\",\"symbol\":\"BTC\"} "
         "ETH{\"market\":\"EUR\",\"symbol\":\"ETH\"} "},
        {HEAD "dataset = bulk_quotes\nevery = 5m\n"
              "instruments = IBM|MSFT, SPY",
         "IBM|MSFT{\"symbols\":\"IBM,MSFT\"} SPY{\"symbols\":\"SPY\"} "},
        {HEAD "dataset = listing\nevery = 1d\nstate = delisted",
         "{\"state\":\"delisted\"} "},
        {HEAD "dataset = economy\nevery = 1d\ninterval = monthly\n"
              "instruments = CPI",
         "CPI{\"indicator\":\"CPI\",\"interval\":\"monthly\"} "},
        {"[w]\nprovider = worldbank\ndataset = indicator\nevery = 1w\n"
         "instruments = DEU/NY.GDP.MKTP.CD, fra;ita/SP.POP.TOTL",
         "DEU/NY.GDP.MKTP.CD{\"country\":\"DEU\",\"indicator\":\"NY.GDP.MKTP."
         "CD\"} fra;ita/SP.POP.TOTL{\"country\":\"FRA;ITA\",\"indicator\":\"SP."
         "POP.TOTL\"} "},
        {"[w]\nprovider = worldbank\ndataset = indicator\nevery = 1w\n"
         "country = all\ninstruments = NY.GDP.MKTP.CD",
         "NY.GDP.MKTP.CD{\"country\":\"all\",\"indicator\":\"NY.GDP.MKTP.CD\"}"
         " "},
        {"[w]\nprovider = worldbank\ndataset = indicator\nevery = 1w\n"
         "country = all\nindicator = NY.GDP.MKTP.CD",
         "{\"country\":\"all\",\"indicator\":\"NY.GDP.MKTP.CD\"} "},
    };
    size_t                  i;
    ingestion_collections_t all;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        all = read_ok(rows[i].text);
        assert_int_equal(all.n, 1);
        assert_string_equal(items_of(&all.v[0]), rows[i].items);
        ingestion_collections_done(&all);
    }
}


static void
test_stream(void **state)
{
    ingestion_collections_t all = read_ok("[live]\nprovider = lseg\n"
                                          "dataset = stream\n"
                                          "instruments = EUR=, .SPX, TRI.N\n");

    (void) state;
    assert_true(all.v[0].stream);
    assert_string_equal(items_of(&all.v[0]), "EUR={} .SPX{} TRI.N{} ");
    ingestion_collections_done(&all);

    assert_string_equal(refused("[l]\nprovider = lseg\ndataset = stream\n"),
                        "1: instruments: are needed");
    assert_string_equal(refused("[l]\nprovider = lseg\ndataset = stream\n"
                                "instruments = A, A\n"),
                        "1: instruments: twice: A");
    assert_string_equal(refused("[l]\nprovider = lseg\ndataset = stream\n"
                                "instruments = A\nevery = 1d\n"),
                        "1: every: a stream has no runs");
    assert_string_equal(refused("[l]\nprovider = lseg\ndataset = stream\n"
                                "instruments = A\nsymbol = B\n"),
                        "1: symbol: not an argument of a stream");
}


static void
test_refused(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {"provider = alphavantage", "1: stands before the first [name]"},
        {"\n[a", "2: a section is [name]"},
        {"[a b]", "1: name: must be 1 to 64 letters, digits and - _ ."},
        {"[]", "1: name: must be 1 to 64 letters, digits and - _ ."},
        {"[a]", "1: provider: is needed"},
        {HEAD, "1: dataset: is needed"},
        {"[a]\nprovider = nobody\ndataset = daily", "1: provider: not known"},
        {HEAD "dataset = indicator",
         "1: dataset: alphavantage has no indicator, but daily, "
         "daily_adjusted, weekly, weekly_adjusted, monthly, monthly_adjusted, "
         "intraday, fx_daily, fx_weekly, ..."},
        {"[a]\nprovider = spglobal\ndataset = daily",
         "1: dataset: spglobal has no daily, but values, history, series, "
         "esg"},
        {HEAD "dataset = daily", "1: every: is needed"},
        {DAILY, "1: instruments: are needed"},
        {HEAD "dataset = listing\nevery = 1d\ninstruments = A",
         "1: instruments: the arguments name it already"},
        {DAILY "instruments = A, B, a", "1: instruments: twice: "
                                        "{\"symbol\":\"A\"}"},
        {DAILY "instruments A", "5: is not key = value"},
        {DAILY "colour = red", "5: colour: no such key"},
        {DAILY "instruments = A # the first",
         "5: a comment has a line of its own"},
        {HEAD "every = 1d\t# daily", "3: a comment has a line of its own"},
        {DAILY "name = red", "5: name: no such key"},
        {DAILY "every = 2d", "5: every: given twice"},
        {DAILY "interval = \x01", "5: interval: must be 1 to 640 bytes of "
                                  "text"},
        {DAILY "interval = 5min\ninstruments = A",
         "1: interval: not an argument of daily"},
        {DAILY "outputsize = full\ninstruments = A",
         "1: outputsize: is set by the collection itself"},
        {HEAD "dataset = intraday\nevery = 5m\ninstruments = A",
         "1: interval: needed for intraday"},
        {HEAD "dataset = fx_daily\nevery = 1d\ninstruments = EUR",
         "1: instruments: EUR: must be from_symbol/to_symbol"},
        {HEAD "dataset = fx_daily\nevery = 1d\ninstruments = A/B/C",
         "1: instruments: more than one slash"},
        {HEAD "dataset = fx_daily\nevery = 1d\ninstruments = EUR/U",
         "1: to_symbol: must be a currency code of three to five letters"},
        {HEAD "dataset = quote\nevery = 1d\ninstruments = A\n"
              "from = 2020-01-01",
         "1: from: not for this data set: its answers are always whole"},
        {HEAD "dataset = quote\nevery = 1d\ninstruments = A\noverlap = 1d",
         "1: overlap: not for this data set: its answers are always whole"},
        {HEAD "every = 59s", "3: every: must be 1m to 366d, as 15m, 4h or 1d; "
                             "from a day on in whole days"},
        {HEAD "every = 25h", "3: every: must be 1m to 366d, as 15m, 4h or 1d; "
                             "from a day on in whole days"},
        {HEAD "every = 999999999999d",
         "3: every: must be 1m to 366d, as 15m, 4h or 1d; from a day on in "
         "whole days"},
        {HEAD "at = 24:00", "3: at: must be an hour of the day, as 06:30"},
        {HEAD "at = -1:00", "3: at: must be an hour of the day, as 06:30"},
        {HEAD "tz = Mars/Olympus\ndataset = quote\nevery = 1d\n"
              "instruments = A",
         "1: tz: Mars/Olympus: no such time zone"},
        {HEAD "tz = ../../etc/passwd\ndataset = quote\nevery = 1d\n"
              "instruments = A",
         "1: tz: ../../etc/passwd: no such time zone"},
        {HEAD "weekdays = mon-funday",
         "3: weekdays: must be days, as mon-fri or mon,wed"},
        {HEAD "weekdays =", "3: weekdays: must be days, as mon-fri or mon,wed"},
        {HEAD "dataset = quote\nevery = 7d\nweekdays = mon\ninstruments = A",
         "1: weekdays: only where `every` is a day or less"},
        {HEAD "from = 2023-02-29",
         "3: from: must be a date from 1900 on, as 2010-01-31"},
        {HEAD "from = 2023-01-01T00:00:00Z",
         "3: from: must be a date from 1900 on, as 2010-01-31"},
        {HEAD "from = 1899-12-31",
         "3: from: must be a date from 1900 on, as 2010-01-31"},
        {HEAD "overlap = -1d", "3: overlap: must be a duration, as 0d, 90m or "
                               "10d, of at most 20 years"},
        {HEAD "priority = 0", "3: priority: must be 1 to 100; lower is first"},
        {HEAD "paused = maybe", "3: paused: must be true or false"},
        {"[a]\nprovider = al phavantage", "2: provider: must be a name"},
        {DAILY "instruments = A\n[b]\nprovider = worldbank\n[c]",
         "6: dataset: is needed"},
        {DAILY "instruments = A\n[a]\n", "6: [a] stands in line 1, too"},
        {"[a]\nprovider = \xff", "1: is no UTF-8 text"},
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        assert_string_equal(refused(rows[i].text), rows[i].why);
    }
}


static void
test_limits(void **state)
{
    int                     line;
    size_t                  i;
    wd_buf_t                b;
    wd_error_t              err = {0};
    ingestion_collections_t all;

    (void) state;
    wd_buf_init(&b, 0);
    wd_buf_z(&b, DAILY);
    for (i = 0; i < INGESTION_INSTRUMENTS_MAX; i++) {
        wd_buf_printf(&b, "instruments = S%zu\n", i);
    }
    all = read_ok(wd_buf_cstr(&b));
    assert_int_equal(all.v[0].n_instruments, INGESTION_INSTRUMENTS_MAX);
    ingestion_collections_done(&all);
    wd_buf_z(&b, "instruments = X");
    assert_string_equal(refused(wd_buf_cstr(&b)),
                        "5005: instruments: too many");

    wd_buf_reset(&b);
    wd_buf_z(&b, "#");
    for (i = 0; i < INGESTION_FILE_LINE_MAX; i++) {
        wd_buf_byte(&b, 'x');
    }
    assert_string_equal(refused(wd_buf_cstr(&b)), "1: longer than 4096 bytes");

    wd_buf_reset(&b);
    for (i = 0; i <= INGESTION_SECTIONS_MAX; i++) {
        wd_buf_printf(&b,
                      "[a%zu]\nprovider=alphavantage\ndataset=quote\n"
                      "every=1d\ninstruments=A\n",
                      i);
    }
    assert_string_equal(refused(wd_buf_cstr(&b)),
                        "2501: more than 500 collections");

    assert_int_equal(
        ingestion_collection_read(wd_str("[a]\0", 4), &all, &line, &err),
        WD_ECONFIG);
    ingestion_collections_done(&all);
    wd_buf_done(&b);
}


/* ---- JSON --------------------------------------------------------------- */

static void
test_json(void **state)
{
    static const char *const texts[] = {
        DAILY "instruments = IBM\nfrom = 1960-02-29\noverlap = 0d\n"
              "weekdays = sat,sun\nat = 00:05\n",
        HEAD "dataset = intraday\nevery = 90m\ninterval = 60min\n"
             "instruments = A, B\noverlap = 36h\ntz = Asia/Tokyo\n",
        HEAD "dataset = listing\nevery = 2w\npaused = true\npriority = 1\n",
        "[s]\nprovider = lseg\ndataset = stream\ninstruments = A \xc3\xa9\n",
    };
    char                   *first;
    size_t                  i;
    wd_error_t              err = {0};
    const char             *key;
    ingestion_collection_t  back;
    ingestion_collections_t all;

    (void) state;
    for (i = 0; i < wd_array_len(texts); i++) {
        all = read_ok(texts[i]);
        first = strdup(json_of(&all.v[0]));
        ingestion_collection_init(&back);
        assert_ok(ingestion_collection_parse(wd_str_z(first), &back, &err));
        assert_ok(ingestion_collection_check(&back, &key, &err));
        assert_string_equal(json_of(&back), first);
        ingestion_collection_done(&back);
        ingestion_collections_done(&all);
        free(first);
    }
}


static void
test_json_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{\"every\":1.5}",
        "{\"every\":null}",
        "{\"every\":{}}",
        "{\"instruments\":[1]}",
        "{\"instruments\":[\"a\\nb\"]}",
        "{\"every\":\"1d\",\"every\":\"2d\"}",
        "{\"every\":[\"1d\",\"2d\"]}",
        "{\"x\":\"1d\"}",
        "{\"symbol\":\"a\\u0000b\"}",
    };
    size_t                 i;
    wd_error_t             err;
    ingestion_collection_t c;

    (void) state;
    for (i = 0; i < wd_array_len(texts); i++) {
        ingestion_collection_init(&c);
        err = (wd_error_t){0};
        assert_int_not_equal(
            ingestion_collection_parse(wd_str_z(texts[i]), &c, &err), WD_OK);
        assert_true(err.text[0] != '\0');
        ingestion_collection_done(&c);
    }
}


static void
test_keys(void **state)
{
    size_t      i, n;
    wd_error_t  err;
    const char *key;

    (void) state;
    for (n = 0; ingestion_collection_key(n) != NULL; n++) { /* void */
    }
    assert_int_equal(n, 11 + ARG_COUNT);
    for (i = 0; i < n; i++) {
        ingestion_collection_t c;

        key = ingestion_collection_key(i);
        ingestion_collection_init(&c);
        err = (wd_error_t){0};
        (void) !ingestion_collection_set(&c, wd_str_z(key), WD_STR("\x01"),
                                         &err);
        assert_null(strstr(err.text, "no such key"));
        ingestion_collection_done(&c);
    }
}


/* ---- folders ------------------------------------------------------------ */

static void
put(const char *folder, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    wd_test_write(path, wd_str_z(text));
}


static void
test_folder(void **state)
{
    char               path[512];
    const char        *dir = wd_test_path("collections.d");
    ingestion_folder_t f;

    (void) state;
    assert_ok(ingestion_folder_read(dir, &f)); /* there is none */
    assert_int_equal(f.n, 0);
    assert_false(f.unreadable);
    ingestion_folder_done(&f);

    assert_int_equal(mkdir(dir, 0755), 0);
    put(dir, "b.conf", DAILY "instruments = A\n");
    put(dir, "a.conf", "[z]\nprovider = alphavantage\nwhat = now\n");
    put(dir, "c.conf",
        "[q]\nprovider = alphavantage\ndataset = quote\n"
        "every = 1d\ninstruments = A\n" DAILY "instruments = B\n");
    put(dir, "d.conf", "");
    put(dir, ".hidden.conf", "nonsense");
    put(dir, "b.conf~", "nonsense");
    put(dir, ".conf", "nonsense");
    snprintf(path, sizeof(path), "%s/e.conf", dir);
    assert_int_equal(symlink("nowhere", path), 0);
    snprintf(path, sizeof(path), "%s/f.conf", dir);
    assert_int_equal(mkdir(path, 0755), 0);

    assert_ok(ingestion_folder_read(dir, &f));
    assert_string_equal(f.error, "");
    assert_int_equal(f.n, 6);
    assert_true(f.v[0].bad);
    assert_string_equal(f.v[0].error, "a.conf:3: what: no such key");
    assert_string_equal(f.v[1].name, "b.conf");
    assert_false(f.v[1].bad);
    assert_int_equal(f.v[1].collections.n, 1);
    assert_true(f.v[2].bad);
    assert_string_equal(f.v[2].error, "c.conf:6: [a] stands in b.conf, too");
    assert_false(f.v[3].bad);
    assert_string_equal(f.v[4].error,
                        "e.conf: cannot be opened: No such file or directory");
    assert_string_equal(f.v[5].error, "f.conf: cannot be read: Is a directory");
    ingestion_folder_done(&f);

    assert_ok(ingestion_folder_read(wd_test_path("collections.d/b.conf"), &f));
    assert_true(f.unreadable);
    assert_has(f.error, "Not a directory");
    ingestion_folder_done(&f);
}


/* The file that is installed is read, and does nothing. */
static void
test_sample(void **state)
{
    char                    text[16384], *p;
    size_t                  n = 0;
    wd_buf_t                file;
    ingestion_collections_t all;

    (void) state;
    wd_buf_init(&file, sizeof(text) - 1);
    wd_test_read(WD_TEST_SOURCE "/conf/collections.d/example.conf", &file);
    all = read_ok(wd_buf_cstr(&file));
    assert_int_equal(all.n, 0);
    ingestion_collections_done(&all);

    /* What it shows is right: its examples stand behind one '#'. */
    for (p = (char *) file.data; *p != '\0'; p++) {
        if (*p == '#' && (p == (char *) file.data || p[-1] == '\n')
            && p[1] != ' ' && p[1] != '\n') {
            continue;
        }
        text[n++] = *p;
    }
    text[n] = '\0';
    all = read_ok(text);
    assert_true(all.n >= 4);
    ingestion_collections_done(&all);
    wd_buf_done(&file);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),        cmocka_unit_test(test_items),
        cmocka_unit_test(test_stream),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_refused), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_folder),       cmocka_unit_test(test_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
