/*
 * ingestion_bloomberg.c - Bloomberg: what can be asked, of its Data License
 * REST service and of a bridge that speaks BLPAPI over HTTP.
 */
#include "ingestion_bloomberg.h"

#include "wd_bbg_answer.h"
#include "wd_json.h"

#include <stdio.h>

#define BIT(arg) (1u << (arg))
#define WHOM (BIT(ARG_IDENTIFIERS) | BIT(ARG_FIELDS))

#define BLOOMBERG_FIELDS_MAX 25 /* of a history over BLPAPI */

static ingestion_arg_e check_days(const ingestion_args_t *args,
                                  const char            **ret_rule);
static ingestion_arg_e check_bridge(const ingestion_args_t *args,
                                    const char            **ret_rule);

static const ingestion_dataset_t datasets[] = {
    {"history", NULL, WHOM | BIT(ARG_START), BIT(ARG_END), check_days, false,
     BIT(ARG_IDENTIFIERS), WINDOW_RANGE, 0},
    {"reference", NULL, WHOM, 0, NULL, false, BIT(ARG_IDENTIFIERS), WINDOW_NONE,
     0},
    {"bridge_history", "HistoricalDataRequest", WHOM | BIT(ARG_START),
     BIT(ARG_END) | BIT(ARG_CURRENCY) | BIT(ARG_INTERVAL), check_bridge, false,
     BIT(ARG_IDENTIFIERS), WINDOW_RANGE, 0},
    {"bridge_reference", "ReferenceDataRequest", WHOM, 0, NULL, false,
     BIT(ARG_IDENTIFIERS), WINDOW_NONE, 0},
};

static const struct {
    const char *interval, *name;
} periodicities[] = {
    {"daily", "DAILY"},
    {"weekly", "WEEKLY"},
    {"monthly", "MONTHLY"},
    {"quarterly", "QUARTERLY"},
    {"semiannual", "SEMI_ANNUALLY"},
    {"annual", "YEARLY"},
};


static ingestion_arg_e
check_days(const ingestion_args_t *args, const char **ret_rule)
{
    if (args->at[ARG_END] != 0
        && strcmp(ingestion_arg(args, ARG_START), ingestion_arg(args, ARG_END))
               > 0) {
        *ret_rule = "must not be before start";
        return ARG_END;
    }
    return ARG_COUNT;
}


static ingestion_arg_e
check_bridge(const ingestion_args_t *args, const char **ret_rule)
{
    size_t      n = 1;
    const char *p;

    for (p = ingestion_arg(args, ARG_FIELDS); *p != '\0'; p++) {
        n += *p == ',';
    }
    if (n > BLOOMBERG_FIELDS_MAX) {
        *ret_rule = "at most 25 fields of a history";
        return ARG_FIELDS;
    }
    if (strstr(ingestion_arg(args, ARG_INTERVAL), "min") != NULL) {
        *ret_rule = "must be daily, weekly, monthly, quarterly, semiannual or "
                    "annual";
        return ARG_INTERVAL;
    }
    return check_days(args, ret_rule);
}


static bool
empty(const char *text)
{
    return text == NULL || text[0] == '\0';
}


static bool
is_bridge(const ingestion_dataset_t *dataset)
{
    return dataset->function != NULL;
}


static const char *
lacks_license(const ingestion_conf_account_t *a)
{
    return empty(a->app)       ? "a client"
           : empty(a->secret)  ? "a client's secret"
           : empty(a->catalog) ? "a catalog"
                               : NULL;
}


static const char *
bloomberg_lacks(const ingestion_conf_account_t *account,
                const ingestion_dataset_t      *dataset)
{
    const char *bridge = empty(account->bridge) ? "a bridge" : NULL;
    const char *license = lacks_license(account);

    if (dataset == NULL) {
        return bridge == NULL ? NULL : license;
    }
    return is_bridge(dataset) ? bridge : license;
}


/* ---- the bridge ----------------------------------------------------------- */

static void
put_list(wd_json_t *j, const char *key, const char *list)
{
    wd_str_t one, rest = wd_str_z(list);

    wd_json_key(j, key);
    wd_json_arr(j);
    while (wd_str_split(&rest, ',', &one)) {
        wd_json_str(j, wd_str_trim(one));
    }
    wd_json_end(j);
}


/* "2026-01-31" as "20260131" */
static void
put_day(wd_json_t *j, const char *key, const char *day)
{
    char text[32];

    if (day[0] != '\0') {
        snprintf(text, sizeof(text), "%.4s%.2s%.2s", day, day + 5, day + 8);
        wd_json_key(j, key);
        wd_json_z(j, text);
    }
}


/* Periods of the calendar, not such as end on the weekday of the last day. */
static void
put_periodicity(wd_json_t *j, const char *interval)
{
    size_t i;

    wd_json_key(j, "periodicityAdjustment");
    wd_json_z(j, "CALENDAR");
    for (i = 0; i < wd_array_len(periodicities); i++) {
        if (strcmp(periodicities[i].interval, interval) == 0) {
            wd_json_key(j, "periodicitySelection");
            wd_json_z(j, periodicities[i].name);
        }
    }
}


/*
 * As they were traded: left unsaid, prices come as somebody has set it at a
 * terminal (DPDF), and no answer says how that is.
 */
static void
put_unadjusted(wd_json_t *j)
{
    size_t i;

    static const char *const flags[] = {
        "adjustmentFollowDPDF", "adjustmentNormal", "adjustmentAbnormal",
        "adjustmentSplit"};

    for (i = 0; i < wd_array_len(flags); i++) {
        wd_json_key(j, flags[i]);
        wd_json_bool(j, false);
    }
}


static void
put_history(wd_json_t *j, const ingestion_args_t *args)
{
    put_day(j, "startDate", ingestion_arg(args, ARG_START));
    put_day(j, "endDate", ingestion_arg(args, ARG_END));
    put_periodicity(j, ingestion_arg(args, ARG_INTERVAL));
    if (args->at[ARG_CURRENCY] != 0) {
        wd_json_key(j, "currency");
        wd_json_z(j, ingestion_arg(args, ARG_CURRENCY));
    }
    put_unadjusted(j);
}


static int
ask_bridge(const ingestion_ask_t *ask, ingestion_question_t *ret)
{
    wd_json_t j;

    ret->post = true;
    ret->cert = ask->account->c.cert;
    ret->cert_key = ask->account->c.cert_key;
    wd_buf_z(&ret->url, ask->account->c.bridge);
    wd_buf_z(&ret->url, "/request");
    ingestion_url_param(&ret->url, "ns", WD_STR("blp"));
    ingestion_url_param(&ret->url, "service", WD_STR("refdata"));
    ingestion_url_param(&ret->url, "type", wd_str_z(ask->dataset->function));

    wd_json_init(&j, &ret->body);
    wd_json_obj(&j);
    put_list(&j, "securities", ingestion_arg(ask->args, ARG_IDENTIFIERS));
    put_list(&j, "fields", ingestion_arg(ask->args, ARG_FIELDS));
    if ((ask->dataset->required & BIT(ARG_START)) != 0) {
        put_history(&j, ask->args);
    }
    wd_json_end(&j);
    ingestion_question_header(ret, "Content-Type: application/json");
    ingestion_question_header(ret, "Accept: application/json");
    return WD_OK;
}


/* ---- the provider --------------------------------------------------------- */

static int
bloomberg_question(const ingestion_ask_t *ask, ingestion_question_t *ret,
                   wd_error_t *err)
{
    return is_bridge(ask->dataset) ? ask_bridge(ask, ret)
                                   : bloomberg_license_question(ask, ret, err);
}


static int
bloomberg_classify(const ingestion_ask_t *ask, const wd_http_res_t *res,
                   ingestion_verdict_t *ret)
{
    return is_bridge(ask->dataset)
               ? wd_bbg_classify(wd_buf_view(&res->body), &ret->answer)
               : bloomberg_license_classify(ask, res, ret);
}


static int
bloomberg_next(const ingestion_ask_t *ask, const wd_http_res_t *res,
               const ingestion_verdict_t *v, ingestion_next_t *ret)
{
    if (is_bridge(ask->dataset)) {
        ret->what = INGESTION_NEXT_DONE;
        return WD_OK;
    }
    return bloomberg_license_next(ask, res, v, ret);
}


static int
bloomberg_sign(const ingestion_sign_t *in, wd_buf_t *out)
{
    const char *bridge = in->account->c.bridge;

    /* There the certificate is the proof. */
    if (!empty(bridge)
        && wd_str_starts(wd_buf_view(&in->question->url), bridge)) {
        return WD_OK;
    }
    return bloomberg_license_sign(in, out);
}


const ingestion_provider_t ingestion_bloomberg = {
    .name = "bloomberg",
    .health_name = "bloomberg",
    .datasets = datasets,
    .n_datasets = wd_array_len(datasets),
    .lacks = bloomberg_lacks,
    .question = bloomberg_question,
    .classify = bloomberg_classify,
    .next = bloomberg_next,
    .sign = bloomberg_sign,
};
