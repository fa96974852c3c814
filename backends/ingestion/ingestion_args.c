/*
 * ingestion_args.c - rules of the arguments, data set by data set.
 */
#include "ingestion_args.h"

#include "wd_av_economy.h"
#include "wd_json.h"

#include <jansson.h>
#include <stdio.h>

#define BIT(arg) (1u << (arg))

typedef bool (*rule_pt)(wd_str_t value);

static bool is_country(wd_str_t s);
static bool is_currency(wd_str_t s);
static bool is_day(wd_str_t s);
static bool is_count(wd_str_t s);
static bool is_interval(wd_str_t s);
static bool is_maturity(wd_str_t s);
static bool is_month(wd_str_t s);
static bool is_outputsize(wd_str_t s);
static bool is_period_range(wd_str_t s);
static bool is_series(wd_str_t s);
static bool is_state(wd_str_t s);
static bool is_names(wd_str_t s);
static bool is_text(wd_str_t s);


static const struct {
    const char *name;
    bool        upper; /* providers write it in capitals */
    rule_pt     ok;
    const char *rule;
} arg_rows[ARG_COUNT] = {
    [ARG_COUNTRY] = {"country", true, is_country,
                     "must be `all`, or codes of two or three letters "
                     "separated by semicolons"},
    [ARG_CURRENCY] = {"currency", true, is_currency,
                      "must be a currency code of three to five letters"},
    [ARG_DATE] = {"date", true, is_period_range,
                  "must be a period, a day or a range: 2010, 2000:2020, "
                  "2012M01:2012M08, 2013Q1:2013Q4"},
    [ARG_END] = {"end", false, is_day, "must be a day: YYYY-MM-DD"},
    [ARG_FIELDS] = {"fields", false, is_names,
                    "must be 1 to 100 names separated by commas"},
    [ARG_FROM_SYMBOL] = {"from_symbol", true, is_currency,
                         "must be a currency code of three to five letters"},
    [ARG_IDENTIFIERS] = {"identifiers", false, is_names,
                         "must be 1 to 100 names separated by commas"},
    [ARG_INDICATOR] = {"indicator", true, is_series,
                       "must be one series code of letters, digits, dots and "
                       "underscores"},
    [ARG_INTERVAL] = {"interval", false, is_interval,
                      "must be 1min, 5min, 15min, 30min or 60min; of an "
                      "economic series daily, weekly, monthly, quarterly, "
                      "semiannual or annual"},
    [ARG_KEYWORDS] = {"keywords", false, is_text,
                      "must be 1 to 64 bytes of text"},
    [ARG_MARKET] = {"market", true, is_currency,
                    "must be a currency code of three to five letters"},
    [ARG_MATURITY] = {"maturity", false, is_maturity,
                      "must be 3month, 2year, 5year, 7year, 10year or 30year"},
    [ARG_MONTH] = {"month", false, is_month, "must be a month: YYYY-MM"},
    [ARG_MRV] = {"mrv", false, is_count, "must be a number from 1 to 500"},
    [ARG_OUTPUTSIZE] = {"outputsize", false, is_outputsize,
                        "must be compact or full"},
    [ARG_PERIOD] = {"period", true, is_series,
                    "must be a kind of period such as IQ_FY"},
    [ARG_SOURCE] = {"source", false, is_count,
                    "must be a number from 1 to 500"},
    [ARG_START] = {"start", false, is_day, "must be a day: YYYY-MM-DD"},
    [ARG_STATE] = {"state", false, is_state, "must be active or delisted"},
    [ARG_SYMBOL] = {"symbol", true, is_text, "must be 1 to 64 bytes of text"},
    [ARG_SYMBOLS] = {"symbols", true, is_names,
                     "must be 1 to 100 symbols separated by commas"},
    [ARG_TO_SYMBOL] = {"to_symbol", true, is_currency,
                       "must be a currency code of three to five letters"},
    [ARG_TOPICS] = {"topics", false, is_names,
                    "must be 1 to 100 names separated by commas"},
    [ARG_VIEW] = {"view", false, is_series, "must be the name of a view"},
};


const char *
ingestion_arg_name(ingestion_arg_e arg)
{
    return arg_rows[arg].name;
}


ingestion_arg_e
ingestion_arg_by_name(wd_str_t name)
{
    int i;

    for (i = 0; i < ARG_COUNT && !wd_str_eq_z(name, arg_rows[i].name); i++) {
        /* void */
    }
    return (ingestion_arg_e) i;
}


const char *
ingestion_arg(const ingestion_args_t *args, ingestion_arg_e arg)
{
    return args->at[arg] == 0 ? "" : args->text + args->at[arg] - 1;
}


static void
take_away(ingestion_args_t *args, ingestion_arg_e arg)
{
    int      i;
    uint16_t from = args->at[arg];
    size_t   n;

    if (from == 0) {
        return;
    }
    n = strlen(args->text + from - 1) + 1;
    memmove(args->text + from - 1, args->text + from - 1 + n,
            args->len - (from - 1 + n));
    args->len = (uint16_t) (args->len - n);
    args->at[arg] = 0;
    for (i = 0; i < ARG_COUNT; i++) {
        if (args->at[i] > from) {
            args->at[i] = (uint16_t) (args->at[i] - n);
        }
    }
}


bool
ingestion_arg_set(ingestion_args_t *args, ingestion_arg_e arg, wd_str_t value)
{
    size_t old = args->at[arg] != 0 ? strlen(ingestion_arg(args, arg)) + 1 : 0;

    if (value.len > INGESTION_ARG_MAX
        || args->len - old + value.len + 1 > sizeof(args->text)
        || (value.len != 0 && memchr(value.data, 0, value.len) != NULL)) {
        return false;
    }
    take_away(args, arg);
    if (value.len != 0) {
        memcpy(args->text + args->len, value.data, value.len);
        args->text[args->len + value.len] = '\0';
        args->at[arg] = (uint16_t) (args->len + 1);
        args->len = (uint16_t) (args->len + value.len + 1);
    }
    return true;
}


static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}


static bool
is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}


static bool
is_country(wd_str_t s)
{
    size_t   i;
    wd_str_t code;

    if (wd_str_ieq(s, WD_STR("all"))) {
        return true;
    }
    if (s.len == 0 || s.data[s.len - 1] == ';') {
        return false;
    }
    while (wd_str_split(&s, ';', &code)) {
        if (code.len < 2 || code.len > 3) {
            return false;
        }
        for (i = 0; i < code.len; i++) {
            if (!is_letter(code.data[i]) && !is_digit(code.data[i])) {
                return false;
            }
        }
    }
    return true;
}


static bool
is_currency(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (!is_letter(s.data[i])) {
            return false;
        }
    }
    return s.len >= 3 && s.len <= 5;
}


static bool
is_day(wd_str_t s)
{
    bool    date;
    wd_ns_t day;

    return s.len == 10 && wd_time_parse(s, &day, &date) == WD_OK && date;
}


static bool
is_count(wd_str_t s)
{
    int64_t n;

    return s.len <= 3 && wd_int_parse(s, &n) == WD_OK && n >= 1 && n <= 500;
}


static bool
is_interval(wd_str_t s)
{
    return wd_str_eq_z(s, "1min") || wd_str_eq_z(s, "5min")
           || wd_str_eq_z(s, "15min") || wd_str_eq_z(s, "30min")
           || wd_str_eq_z(s, "60min") || wd_str_eq_z(s, "daily")
           || wd_str_eq_z(s, "weekly") || wd_str_eq_z(s, "monthly")
           || wd_str_eq_z(s, "quarterly") || wd_str_eq_z(s, "semiannual")
           || wd_str_eq_z(s, "annual");
}


static bool
is_maturity(wd_str_t s)
{
    return wd_av_maturity_ok(s);
}


static bool
is_month(wd_str_t s)
{
    return ingestion_month_parse(s) >= 0;
}


static bool
is_outputsize(wd_str_t s)
{
    return wd_str_eq_z(s, "compact") || wd_str_eq_z(s, "full");
}


/* 2010, 2012M01, 2013Q1 */
static bool
is_period(wd_str_t s)
{
    int    n;
    size_t i;

    if (s.len < 4) {
        return false;
    }
    for (i = 0; i < s.len; i++) {
        if (!is_digit(s.data[i]) && i != 4) {
            return false;
        }
    }
    if (s.len == 4) {
        return true;
    }
    if (s.data[4] == 'M' && s.len == 7) {
        n = (s.data[5] - '0') * 10 + s.data[6] - '0';
        return n >= 1 && n <= 12;
    }
    return s.data[4] == 'Q' && s.len == 6 && s.data[5] >= '1'
           && s.data[5] <= '4';
}


static bool
is_period_range(wd_str_t s)
{
    wd_str_t a, b = s;

    if (!wd_str_split(&b, ':', &a) || a.len == s.len) {
        return is_period(s) || is_day(s);
    }
    return is_period(a) && is_period(b) && a.len == b.len
           && memcmp(a.data, b.data, a.len) <= 0;
}


static bool
is_series(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (!is_letter(s.data[i]) && !is_digit(s.data[i]) && s.data[i] != '.'
            && s.data[i] != '_') {
            return false;
        }
    }
    return s.len >= 1 && s.len <= 64;
}


static bool
is_state(wd_str_t s)
{
    return wd_str_eq_z(s, "active") || wd_str_eq_z(s, "delisted");
}


/* A list in which nothing is empty. */
static bool
is_names(wd_str_t s)
{
    size_t   n = 0;
    wd_str_t one;

    if (s.len == 0 || s.data[s.len - 1] == ',') {
        return false;
    }
    while (wd_str_split(&s, ',', &one)) {
        if (!is_text(one) || ++n > INGESTION_LIST_MAX) {
            return false;
        }
    }
    return true;
}


static bool
is_text(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if ((unsigned char) s.data[i] < 0x20 || s.data[i] == 0x7f) {
            return false;
        }
    }
    return wd_str_trim(s).len != 0 && s.len <= 64 && wd_utf8_valid(s);
}


static void
make_upper(char *s)
{
    for (; *s != '\0'; s++) {
        if (*s >= 'a' && *s <= 'z') {
            *s = (char) (*s - 'a' + 'A');
        }
    }
}


/* False: no room for what is filled in. */
static bool
normalise(const ingestion_dataset_t *dataset, ingestion_args_t *args)
{
    int i;

    for (i = 0; i < ARG_COUNT; i++) {
        if (arg_rows[i].upper && args->at[i] != 0) {
            make_upper(args->text + args->at[i] - 1);
        }
    }
    if (strcmp(ingestion_arg(args, ARG_COUNTRY), "ALL") == 0
        && !ingestion_arg_set(args, ARG_COUNTRY, WD_STR("all"))) {
        return false;
    }

    /* A month is back-filled: its latest 100 rows would not do. */
    return !(dataset->optional & BIT(ARG_OUTPUTSIZE))
           || args->at[ARG_OUTPUTSIZE] != 0
           || ingestion_arg_set(args, ARG_OUTPUTSIZE,
                                args->at[ARG_MONTH] != 0 ? WD_STR("full")
                                                         : WD_STR("compact"));
}


static int
check_together(const ingestion_dataset_t *dataset, const ingestion_args_t *args,
               const char **ret_param, wd_error_t *err)
{
    const char     *rule = "";
    ingestion_arg_e wrong = ARG_COUNT;

    if (dataset->check != NULL) {
        wrong = dataset->check(args, &rule);
    }
    if (wrong != ARG_COUNT) {
        *ret_param = arg_rows[wrong].name;
        return wd_error(err, WD_EPARAM, "%s: %s", *ret_param, rule);
    }
    *ret_param = "";
    return WD_OK;
}


int
ingestion_args_check(const ingestion_dataset_t *dataset, ingestion_args_t *args,
                     const char **ret_param, wd_error_t *err)
{
    int      i;
    bool     given;
    unsigned bit;

    *ret_param = "";
    if (!normalise(dataset, args)) {
        return wd_error(err, WD_EPARAM, "the arguments are too long");
    }
    for (i = 0; i < ARG_COUNT; i++) {
        bit = BIT(i);
        given = args->at[i] != 0;
        *ret_param = arg_rows[i].name;

        if (given && !((dataset->required | dataset->optional) & bit)) {
            return wd_error(err, WD_EPARAM, "%s: not an argument of %s",
                            arg_rows[i].name, dataset->name);
        }
        if (!given && (dataset->required & bit)) {
            return wd_error(err, WD_EPARAM, "%s: needed for %s",
                            arg_rows[i].name, dataset->name);
        }
        if (given && !arg_rows[i].ok(wd_str_z(ingestion_arg(args, i)))) {
            return wd_error(err, WD_EPARAM, "%s: %s", arg_rows[i].name,
                            arg_rows[i].rule);
        }
    }
    return check_together(dataset, args, ret_param, err);
}


int
ingestion_month_parse(wd_str_t text)
{
    size_t i;
    int    year, month;

    if (text.len != 7 || text.data[4] != '-') {
        return -1;
    }
    for (i = 0; i < 7; i++) {
        if (i != 4 && !is_digit(text.data[i])) {
            return -1;
        }
    }
    year = (text.data[0] - '0') * 1000 + (text.data[1] - '0') * 100
           + (text.data[2] - '0') * 10 + text.data[3] - '0';
    month = (text.data[5] - '0') * 10 + text.data[6] - '0';
    if (year < 1900 || month < 1 || month > 12) {
        return -1;
    }
    return year * 12 + month - 1;
}


void
ingestion_month_format(int month, char out[8])
{
    unsigned m = (unsigned) month;

    snprintf(out, 8, "%04u-%02u", m / 12 % 10000, m % 12 + 1);
}


int
ingestion_months(const char *first, const char *last, int *ret_first,
                 int *ret_n, const char **ret_param, wd_error_t *err)
{
    int a, b;

    *ret_param = "month";
    a = ingestion_month_parse(wd_str_z(first));
    if (a < 0) {
        return wd_error(err, WD_EPARAM, "month: %s",
                        first[0] == '\0' ? "needed beside to_month"
                                         : arg_rows[ARG_MONTH].rule);
    }

    *ret_param = "to_month";
    b = ingestion_month_parse(wd_str_z(last));
    if (b < 0) {
        return wd_error(err, WD_EPARAM, "to_month: %s",
                        arg_rows[ARG_MONTH].rule);
    }
    if (b < a) {
        return wd_error(err, WD_EPARAM, "to_month: must not be before month");
    }
    if (b - a >= INGESTION_MONTHS_MAX) {
        return wd_error(err, WD_EPARAM, "to_month: at most %d months at once",
                        INGESTION_MONTHS_MAX);
    }
    *ret_first = a;
    *ret_n = b - a + 1;
    return WD_OK;
}


void
ingestion_args_json(const ingestion_args_t *args, int page, int per_page,
                    wd_buf_t *out)
{
    int       i;
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    for (i = 0; i < ARG_COUNT; i++) {
        if (i == ARG_PERIOD && page != 0) { /* their place in the order */
            wd_json_key(&j, "page");
            wd_json_int(&j, page);
            if (per_page != 0) {
                wd_json_key(&j, "per_page");
                wd_json_int(&j, per_page);
            }
        }
        if (args->at[i] != 0) {
            wd_json_key(&j, arg_rows[i].name);
            wd_json_z(&j, ingestion_arg(args, i));
        }
    }
    wd_json_end(&j);
}


static int
take_member(ingestion_args_t *args, const char *key, const json_t *v)
{
    ingestion_arg_e i = ingestion_arg_by_name(wd_str_z(key));

    if (i == ARG_COUNT || !json_is_string(v)
        || !ingestion_arg_set(
            args, i, wd_str(json_string_value(v), json_string_length(v)))) {
        return WD_EPROTO;
    }
    return WD_OK;
}


int
ingestion_args_parse(wd_str_t json, ingestion_args_t *ret)
{
    int     rc = WD_OK;
    void   *it;
    json_t *root;

    memset(ret, 0, sizeof(*ret));
    root = json_loadb(json.data, json.len, 0, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return WD_EPROTO;
    }
    for (it = json_object_iter(root); it != NULL && rc == WD_OK;
         it = json_object_iter_next(root, it)) {
        rc = take_member(ret, json_object_iter_key(it),
                         json_object_iter_value(it));
    }
    json_decref(root);
    return rc;
}
