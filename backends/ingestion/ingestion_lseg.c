/*
 * ingestion_lseg.c - the LSEG (Refinitiv) Data Platform: one session for an
 * account, series that are asked for backwards.
 */
#include "provider.h"

#include "wd_json.h"
#include "wd_lseg_answer.h"
#include "wd_lseg_parse.h"

#include <stdio.h>
#include <stdlib.h>

#define BIT(arg) (1u << (arg))

/* The service gives no more at a time. */
#define LSEG_DAYS_MAX 3000
#define LSEG_TICKS_MAX 10000
#define LSEG_HITS_MAX 100

static ingestion_arg_e check_interday(const ingestion_args_t *args,
                                      const char            **ret_rule);
static ingestion_arg_e check_intraday(const ingestion_args_t *args,
                                      const char            **ret_rule);
static ingestion_arg_e check_one(const ingestion_args_t *args,
                                 const char            **ret_rule);
static ingestion_arg_e check_view(const ingestion_args_t *args,
                                  const char            **ret_rule);

#define WHOM BIT(ARG_IDENTIFIERS)
#define DAYS (BIT(ARG_START) | BIT(ARG_END))

static const ingestion_dataset_t datasets[] = {
    {"interday", "interday-summaries", WHOM,
     DAYS | BIT(ARG_INTERVAL) | BIT(ARG_FIELDS), check_interday, true, WHOM,
     WINDOW_RANGE, 0},
    {"intraday", "intraday-summaries", WHOM | BIT(ARG_INTERVAL), DAYS,
     check_intraday, true, WHOM, WINDOW_RANGE, 31},
    {"ticks", "events", WHOM, DAYS, check_one, true, WHOM, WINDOW_RANGE, 1},
    {"esg", NULL, WHOM, BIT(ARG_VIEW), check_view, false, WHOM, WINDOW_NONE, 0},
    {"symbology", NULL, WHOM, 0, NULL, false, WHOM, WINDOW_NONE, 0},
    {"search", NULL, BIT(ARG_KEYWORDS), 0, NULL, false, BIT(ARG_KEYWORDS),
     WINDOW_NONE, 0},
    {"stream", NULL, WHOM, 0, NULL, false, WHOM, WINDOW_NONE, 0},
};

static const struct {
    const char *interval, *name;
} intervals[] = {
    {"1min", "PT1M"},   {"5min", "PT5M"},     {"30min", "PT30M"},
    {"60min", "PT60M"}, {"daily", "P1D"},     {"weekly", "P1W"},
    {"monthly", "P1M"}, {"quarterly", "P3M"}, {"annual", "P1Y"},
};

static const char *const views[] = {
    "basic",         "scores_full",       "scores_standard",
    "measures_full", "measures_standard",
};


/* NULL: the service has not this one. */
static const char *
interval_name(const ingestion_args_t *args)
{
    size_t      i;
    const char *interval = ingestion_arg(args, ARG_INTERVAL);

    for (i = 0; i < wd_array_len(intervals); i++) {
        if (strcmp(intervals[i].interval, interval) == 0) {
            return intervals[i].name;
        }
    }
    return NULL;
}


static ingestion_arg_e
check_one(const ingestion_args_t *args, const char **ret_rule)
{
    if (strchr(ingestion_arg(args, ARG_IDENTIFIERS), ',') != NULL) {
        *ret_rule = "must be one RIC";
        return ARG_IDENTIFIERS;
    }
    if (args->at[ARG_END] != 0 && args->at[ARG_START] != 0
        && strcmp(ingestion_arg(args, ARG_START), ingestion_arg(args, ARG_END))
               > 0) {
        *ret_rule = "must not be before start";
        return ARG_END;
    }
    return ARG_COUNT;
}


static ingestion_arg_e
check_interday(const ingestion_args_t *args, const char **ret_rule)
{
    const char *name = interval_name(args);

    if (args->at[ARG_INTERVAL] != 0
        && (name == NULL || strncmp(name, "PT", 2) == 0)) {
        *ret_rule = "must be daily, weekly, monthly, quarterly or annual";
        return ARG_INTERVAL;
    }
    return check_one(args, ret_rule);
}


static ingestion_arg_e
check_intraday(const ingestion_args_t *args, const char **ret_rule)
{
    const char *name = interval_name(args);

    if (name == NULL || strncmp(name, "PT", 2) != 0) {
        *ret_rule = "must be 1min, 5min, 30min or 60min";
        return ARG_INTERVAL;
    }
    return check_one(args, ret_rule);
}


static ingestion_arg_e
check_view(const ingestion_args_t *args, const char **ret_rule)
{
    size_t      i;
    const char *view = ingestion_arg(args, ARG_VIEW);

    for (i = 0; i < wd_array_len(views); i++) {
        if (view[0] == '\0' || strcmp(views[i], view) == 0) {
            return ARG_COUNT;
        }
    }
    *ret_rule = "must be basic, scores_full, scores_standard, measures_full "
                "or measures_standard";
    return ARG_VIEW;
}


/* ---- questions ------------------------------------------------------------ */

static bool
is_series(const ingestion_dataset_t *dataset)
{
    return dataset->paged;
}


static unsigned
rows_max(const ingestion_dataset_t *dataset)
{
    return strcmp(dataset->name, "interday") == 0 ? LSEG_DAYS_MAX
                                                  : LSEG_TICKS_MAX;
}


/* A day of the range, for other series than days its midnight. */
static void
put_time(wd_buf_t *url, const char *name, const char *day, bool days)
{
    char text[64];

    if (day[0] == '\0') {
        return;
    }
    snprintf(text, sizeof(text), "%s%s", day,
             days ? "" : "T00:00:00.000000000Z");
    ingestion_url_param(url, name, wd_str_z(text));
}


/* Weeks and longer. */
static bool
is_longer(const ingestion_args_t *args)
{
    const char *name = interval_name(args);

    return name != NULL && strcmp(name, "P1D") != 0
           && strncmp(name, "PT", 2) != 0;
}


/*
 * The day behind the last one: so that comes whole whether the service counts
 * the end in or not. What else comes is stored as its own day will say it. Not
 * so of longer periods, where it would be the first day of the next one alone.
 */
static void
put_end(wd_buf_t *url, const ingestion_args_t *args, bool days)
{
    bool        is_date;
    char        next[WD_TIME_TEXT_MAX];
    wd_ns_t     t;
    const char *day = ingestion_arg(args, ARG_END);

    if (is_longer(args)) {
        put_time(url, "end", day, days);
    } else if (wd_time_parse(wd_str_z(day), &t, &is_date) == WD_OK) {
        t = wd_min(t, WD_NS_MAX - WD_NS_PER_DAY);
        wd_date_format(t + WD_NS_PER_DAY, next);
        put_time(url, "end", next, days);
    }
}


static void
ask_series(const ingestion_ask_t *ask, ingestion_question_t *ret)
{
    char        count[16];
    bool        days = strcmp(ask->dataset->name, "interday") == 0;
    wd_buf_t   *url = &ret->url;
    const char *interval = interval_name(ask->args);

    wd_buf_z(url, ask->account->c.url);
    wd_buf_z(url, "/data/historical-pricing/v1/views/");
    wd_buf_z(url, ask->dataset->function);
    wd_buf_byte(url, '/');
    ingestion_escape(url, wd_str_z(ingestion_arg(ask->args, ARG_IDENTIFIERS)),
                     "");
    if (strcmp(ask->dataset->name, "ticks") != 0) {
        ingestion_url_param(url, "interval",
                            wd_str_z(interval != NULL ? interval : "P1D"));
    }
    put_time(url, "start", ingestion_arg(ask->args, ARG_START), days);
    if (ask->cursor[0] != '\0') {
        ingestion_url_param(url, "end", wd_str_z(ask->cursor));
    } else {
        put_end(url, ask->args, days);
    }
    /*
     * Prices are kept as they were traded, and adjusted when they are read.
     * Corrections of errors are always made, and so they are asked for:
     * "unadjusted" is answered with a warning.
     */
    ingestion_url_param(url, "adjustments",
                        WD_STR("exchangeCorrection,manualCorrection"));
    ingestion_url_param(url, "fields",
                        wd_str_z(ingestion_arg(ask->args, ARG_FIELDS)));
    snprintf(count, sizeof(count), "%u", rows_max(ask->dataset));
    ingestion_url_param(url, "count", wd_str_z(count));
}


static void
ask_esg(const ingestion_ask_t *ask, ingestion_question_t *ret)
{
    const char *p, *view = ingestion_arg(ask->args, ARG_VIEW);

    wd_buf_z(&ret->url, ask->account->c.url);
    wd_buf_z(&ret->url, "/data/environmental-social-governance/v2/views/");
    for (p = view[0] != '\0' ? view : "basic"; *p != '\0'; p++) {
        wd_buf_byte(&ret->url, *p == '_' ? '-' : (uint8_t) *p);
    }
    ingestion_url_param(&ret->url, "universe",
                        wd_str_z(ingestion_arg(ask->args, ARG_IDENTIFIERS)));
    if (view[0] != '\0' && strcmp(view, "basic") != 0) {
        ingestion_url_param(&ret->url, "start", WD_STR("0")); /* fiscal years */
        ingestion_url_param(&ret->url, "end", WD_STR("-4"));
    }
}


/* Told by its length; all else is taken for a RIC. */
static const char *
scheme_of(wd_str_t name)
{
    size_t i;

    for (i = 0; i < name.len; i++) {
        char c = name.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))) {
            return "RIC";
        }
    }
    return name.len == 12 ? "ISIN" : name.len == 20 ? "LEI" : "RIC";
}


static void
put_names(wd_json_t *j, const char *scheme, wd_str_t names)
{
    bool     any = false;
    wd_str_t one;

    while (wd_str_split(&names, ',', &one)) {
        if (strcmp(scheme_of(one), scheme) != 0) {
            continue;
        }
        if (!any) {
            wd_json_obj(j);
            wd_json_key(j, "identifierTypes");
            wd_json_arr(j);
            wd_json_z(j, scheme);
            wd_json_end(j);
            wd_json_key(j, "values");
            wd_json_arr(j);
            any = true;
        }
        wd_json_str(j, one);
    }
    if (any) {
        wd_json_end(j);
        wd_json_end(j);
    }
}


static void
ask_symbology(const ingestion_ask_t *ask, ingestion_question_t *ret)
{
    static const char *const schemes[] = {"RIC",   "ISIN", "CUSIP",
                                          "SEDOL", "LEI",  "ExchangeTicker"};
    size_t                   i;
    wd_str_t  names = wd_str_z(ingestion_arg(ask->args, ARG_IDENTIFIERS));
    wd_json_t j;

    wd_buf_z(&ret->url, ask->account->c.url);
    wd_buf_z(&ret->url, "/discovery/symbology/v1/lookup");
    wd_json_init(&j, &ret->body);
    wd_json_obj(&j);
    wd_json_key(&j, "from");
    wd_json_arr(&j);
    put_names(&j, "RIC", names);
    put_names(&j, "ISIN", names);
    put_names(&j, "LEI", names);
    wd_json_end(&j);
    wd_json_key(&j, "to");
    wd_json_arr(&j);
    wd_json_obj(&j);
    wd_json_key(&j, "identifierTypes");
    wd_json_arr(&j);
    for (i = 0; i < wd_array_len(schemes); i++) {
        wd_json_z(&j, schemes[i]);
    }
    wd_json_end(&j);
    wd_json_end(&j);
    wd_json_end(&j);
    wd_json_key(&j, "type");
    wd_json_z(&j, "auto");
    wd_json_end(&j);
}


static void
ask_search(const ingestion_ask_t *ask, ingestion_question_t *ret)
{
    wd_json_t j;

    wd_buf_z(&ret->url, ask->account->c.url);
    wd_buf_z(&ret->url, "/discovery/search/v1/");
    wd_json_init(&j, &ret->body);
    wd_json_obj(&j);
    wd_json_key(&j, "Query");
    wd_json_z(&j, ingestion_arg(ask->args, ARG_KEYWORDS));
    wd_json_key(&j, "View");
    wd_json_z(&j, "SearchAll");
    wd_json_key(&j, "Top");
    wd_json_int(&j, LSEG_HITS_MAX);
    wd_json_end(&j);
}


static int
lseg_question(const ingestion_ask_t *ask, ingestion_question_t *ret,
              wd_error_t *err)
{
    if (is_series(ask->dataset)) {
        ask_series(ask, ret);
    } else if (strcmp(ask->dataset->name, "esg") == 0) {
        ask_esg(ask, ret);
    } else if (strcmp(ask->dataset->name, "stream") == 0) {
        return wd_error(err, WD_EPARAM,
                        "stream: subscribed to by a collection, not by a job");
    } else {
        ret->post = true;
        strcmp(ask->dataset->name, "search") == 0 ? ask_search(ask, ret)
                                                  : ask_symbology(ask, ret);
        ingestion_question_header(ret, "Content-Type: application/json");
    }
    ingestion_question_header(ret, "Accept: application/json");
    return WD_OK;
}


/* ---- answers -------------------------------------------------------------- */

/*
 * Rows beside a word on those that cannot be had (a field that is none, an
 * unknown instrument): asking again brings no more, and older pages are to
 * follow. A service that was out of order has more to give.
 */
static void
judge_partial(wd_answer_t *a)
{
    switch (wd_lseg_error_class(WD_STR(""), wd_str_z(a->text))) {
    case WD_ANSWER_AUTH:
    case WD_ANSWER_LIMIT_SHORT:
    case WD_ANSWER_LIMIT_LONG:
    case WD_ANSWER_UPSTREAM:
        break;
    default:
        a->class = WD_ANSWER_OK;
    }
}


static int
lseg_classify(const ingestion_ask_t *ask, const wd_http_res_t *res,
              ingestion_verdict_t *ret)
{
    int rc = wd_lseg_classify(wd_buf_view(&res->body), &ret->answer);

    (void) ask;
    if (rc == WD_OK && ret->answer.class == WD_ANSWER_PARTIAL) {
        judge_partial(&ret->answer);
    }
    return rc;
}


/* Times of the rows that came; *ret_oldest WD_NS_MAX: there were none. */
static int
oldest(const ingestion_ask_t *ask, wd_str_t body, wd_ns_t *ret_oldest,
       size_t *ret_n, bool *ret_days)
{
    int               rc;
    size_t            i;
    wd_pool_t        *pool = wd_pool_create(65536);
    wd_records_t      r;
    wd_lseg_dataset_e d = strcmp(ask->dataset->name, "interday") == 0
                              ? WD_LSEG_INTERDAY
                          : strcmp(ask->dataset->name, "ticks") == 0
                              ? WD_LSEG_EVENTS
                              : WD_LSEG_INTRADAY;

    if (pool == NULL) {
        return WD_ENOMEM;
    }
    wd_records_init(&r, pool);
    rc = wd_lseg_parse(d, body, &r);
    *ret_oldest = WD_NS_MAX;
    *ret_days = d == WD_LSEG_INTERDAY;
    for (i = 0; i < r.n_bars && rc == WD_OK; i++) {
        *ret_oldest = wd_min(*ret_oldest, r.bars[i].time);
    }
    for (i = 0; i < r.n_quotes && rc == WD_OK; i++) {
        *ret_oldest = wd_min(*ret_oldest, r.quotes[i].time);
    }
    for (i = 0; i < r.n_trades && rc == WD_OK; i++) {
        *ret_oldest = wd_min(*ret_oldest, r.trades[i].time);
    }
    *ret_n = (size_t) r.n_records;
    wd_pool_destroy(pool);
    return rc;
}


/*
 * Nothing before it can be missing: the range begins there. A day or two later
 * is not enough: an answer that was cut may end as near.
 */
static bool
is_begin(const ingestion_ask_t *ask, wd_ns_t t)
{
    bool    is_date;
    wd_ns_t start;

    return strcmp(ask->dataset->name, "interday") == 0
           && wd_time_parse(wd_str_z(ingestion_arg(ask->args, ARG_START)),
                            &start, &is_date)
                  == WD_OK
           && t <= start;
}


/*
 * How many rows an answer holds at most is the service's secret, and it does
 * not tell that there are more: on from the oldest time until nothing older
 * comes. What has that time comes twice then, and does no harm; the service
 * may or may not count the end in, so that it is one nanosecond behind.
 */
static int
lseg_next(const ingestion_ask_t *ask, const wd_http_res_t *res,
          const ingestion_verdict_t *v, ingestion_next_t *ret)
{
    int     rc;
    bool    days;
    char    text[WD_TIME_TEXT_MAX];
    size_t  n;
    wd_ns_t t;

    ret->what = INGESTION_NEXT_DONE;
    if (!is_series(ask->dataset) || v->answer.class == WD_ANSWER_EMPTY) {
        return WD_OK;
    }
    rc = oldest(ask, wd_buf_view(&res->body), &t, &n, &days);
    if (rc != WD_OK || t == WD_NS_MAX || is_begin(ask, t)) {
        return rc;
    }
    wd_time_format(days ? t : t + 1, text);
    if (days) {
        text[10] = '\0';
    }
    if (strcmp(text, ask->cursor) == 0) {
        if (n >= rows_max(ask->dataset)) {
            ret->what = INGESTION_NEXT_STUCK;
            ret->text = "More rows of one moment than an answer holds";
        }
        return WD_OK;
    }
    if (ask->page >= INGESTION_PAGES_MAX) {
        ret->what = INGESTION_NEXT_STUCK;
        ret->text = "More pages than are asked for";
        return WD_OK;
    }
    ret->what = INGESTION_NEXT_MORE;
    wd_str_copy(ret->cursor, sizeof(ret->cursor), wd_str_z(text));
    return WD_OK;
}


/* ---- the token ------------------------------------------------------------ */

static bool
lseg_needs_token(const ingestion_account_t *account)
{
    (void) account;
    return true;
}


static int
lseg_sign(const ingestion_sign_t *in, wd_buf_t *out)
{
    if (in->token != NULL) {
        wd_buf_z(out, "Authorization: Bearer ");
        wd_buf_z(out, in->token);
    }
    return out->err;
}


/* Version 1 with an application key, version 2 for service accounts. */
static int
lseg_grant(const ingestion_account_t *account, const ingestion_token_t *old,
           ingestion_question_t *ret)
{
    bool      v1 = account->c.app != NULL && account->c.app[0] != '\0';
    wd_buf_t *form = &ret->body;

    ret->post = true;
    wd_buf_z(&ret->url, account->c.url);
    wd_buf_z(&ret->url, v1 ? "/auth/oauth2/v1/token" : "/auth/oauth2/v2/token");
    if (!v1) {
        ingestion_form_param(form, "grant_type", "client_credentials");
        ingestion_form_param(form, "client_id", account->c.user);
        ingestion_form_param(form, "client_secret", account->c.secret);
        ingestion_form_param(form, "scope", "trapi");
    } else if (old->refresh != NULL) {
        ingestion_form_param(form, "grant_type", "refresh_token");
        ingestion_form_param(form, "username", account->c.user);
        ingestion_form_param(form, "refresh_token", old->refresh);
        ingestion_form_param(form, "client_id", account->c.app);
    } else {
        ingestion_form_param(form, "grant_type", "password");
        ingestion_form_param(form, "username", account->c.user);
        ingestion_form_param(form, "password", account->c.secret);
        ingestion_form_param(form, "client_id", account->c.app);
        ingestion_form_param(form, "scope", "trapi");
        ingestion_form_param(form, "takeExclusiveSignOnControl",
                             account->c.exclusive ? "true" : "false");
    }
    ingestion_question_header(
        ret, "Content-Type: application/x-www-form-urlencoded");
    ingestion_question_header(ret, "Accept: application/json");
    return WD_OK;
}


static int
lseg_granted(wd_str_t body, ingestion_token_t *ret, wd_answer_t *why)
{
    int              rc;
    wd_lseg_token_t *token = malloc(sizeof(*token));

    if (token == NULL) {
        return WD_ENOMEM;
    }
    rc = wd_lseg_token(body, token, why);
    if (rc == WD_OK && why->class == WD_ANSWER_OK) {
        rc = ingestion_token_set(ret, wd_str_z(token->access),
                                 wd_str_z(token->refresh), token->expires_s);
    }
    explicit_bzero(token, sizeof(*token));
    free(token);
    return rc;
}


/* Else the next login would find the session's quota used up. */
static int
lseg_revoke(const ingestion_account_t *account, const char *token,
            ingestion_question_t *ret, wd_buf_t *header)
{
    if (account->c.app == NULL || account->c.app[0] == '\0') {
        return WD_ENOTFOUND; /* version 2 has no sessions */
    }
    ret->post = true;
    wd_buf_z(&ret->url, account->c.url);
    wd_buf_z(&ret->url, "/auth/oauth2/v1/revoke");
    ingestion_form_param(&ret->body, "token", token);
    ingestion_question_header(
        ret, "Content-Type: application/x-www-form-urlencoded");
    return ingestion_basic_header(account->c.app, "", header);
}


const ingestion_provider_t ingestion_lseg = {
    .name = "lseg",
    .health_name = "refinitiv",
    .datasets = datasets,
    .n_datasets = wd_array_len(datasets),
    .exclusive = true,
    .secret_app = true,
    .lacks = ingestion_lacks_login,
    .question = lseg_question,
    .classify = lseg_classify,
    .next = lseg_next,
    .sign = lseg_sign,
    .needs_token = lseg_needs_token,
    .grant = lseg_grant,
    .granted = lseg_granted,
    .revoke = lseg_revoke,
};
