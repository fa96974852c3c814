/*
 * processing_stages.c - a lake object through the stages: read, parse, name,
 * map, validate, store, publish.
 *
 * Each stage is a row of a table and a function of the job. A stage that
 * finds the payload unusable says so in job->outcome, which ends the walk;
 * rejects of single records are gathered in job->r on the way. The outcome is
 * recorded in any case.
 */
#include "processing_stages.h"

#include "processing_event.h"
#include "processing_rules.h"
#include "processing_store.h"
#include "wd_av_answer.h"
#include "wd_av_parse.h"
#include "wd_av_record.h"
#include "wd_metrics.h"
#include "wd_wb_answer.h"
#include "wd_wb_parse.h"

#define POOL_BLOCK (256 * 1024)
#define NEWS_MAX 4 /* kinds of facts of one payload */

typedef enum { KIND_BARS, KIND_QUOTES, KIND_SEARCH, KIND_OVERVIEW,
               KIND_OBSERVATIONS } kind_e;

typedef struct {
    processing_t          *pr;
    wd_pg_conn_t          *c;
    wd_pool_t             *pool;
    processing_event_t     ev;
    wd_buf_t               body;
    wd_records_t           r;
    processing_payload_t   p;
    const struct dataset  *dataset;
    wd_av_dataset_e        av;
    wd_str_t               symbol;
    processing_rows_t      rows;
    processing_outcome_t   o;
    processing_news_t      news[NEWS_MAX];
    size_t                 n_news;
    wd_error_t            *err;
} job_t;

/* What is known of each provider's data sets. */
struct dataset {
    const char    *provider;
    const char    *name;
    kind_e         kind;
    wd_timeframe_e timeframe; /* WD_TF_NONE: the payload says it */
    bool           fx;
    bool           actions; /* splits and dividends stand in the bars */
};

static const struct dataset datasets[] = {
    {"alphavantage", "daily", KIND_BARS, WD_TF_1D, false, false},
    {"alphavantage", "daily_adjusted", KIND_BARS, WD_TF_1D, false, true},
    {"alphavantage", "intraday", KIND_BARS, WD_TF_NONE, false, false},
    {"alphavantage", "fx_daily", KIND_BARS, WD_TF_1D, true, false},
    {"alphavantage", "quote", KIND_QUOTES, WD_TF_NONE, false, false},
    {"alphavantage", "search", KIND_SEARCH, WD_TF_NONE, false, false},
    {"alphavantage", "overview", KIND_OVERVIEW, WD_TF_NONE, false, false},
    {"worldbank", "indicator", KIND_OBSERVATIONS, WD_TF_NONE, false, false},
};


static bool
is_ended(const job_t *job)
{
    return job->o.outcome != NULL;
}


/* The payload gives nothing: outcome with a reason, and a reject that says
 * so, unless the parser wrote one. */
static int
refuse(job_t *job, const char *outcome, wd_reason_e reason, const char *detail)
{
    job->o.outcome = outcome;
    job->o.reason = wd_reason_name(reason);
    return wd_records_refuse(&job->r, reason, WD_STR(""), "%s", detail);
}


static int
stage_know(job_t *job)
{
    int    rc;
    size_t i;

    for (i = 0; i < wd_array_len(datasets); i++) {
        if (strcmp(datasets[i].provider, job->ev.provider) == 0
            && strcmp(datasets[i].name, job->ev.dataset) == 0) {
            job->dataset = &datasets[i];
        }
    }
    if (job->dataset == NULL) {
        return refuse(job, "error", WD_REASON_UNKNOWN_DATASET,
                      "nothing is known about this data set");
    }

    rc = processing_store_source(job->c, job->ev.provider, &job->p.source,
                                 job->err);
    if (rc == WD_ENOTFOUND) {
        return refuse(job, "error", WD_REASON_UNKNOWN_DATASET,
                      "the provider is not in the table of sources");
    }

    job->p.zones = &job->pr->zones;
    job->p.timeframe = job->dataset->timeframe;
    job->p.fx = job->dataset->fx;
    job->p.raw_id = job->ev.seq;
    job->p.known_at = job->ev.fetched_at;
    return rc;
}


/*
 * An object that is not there although the manifest has come so far is lost;
 * a lake that has not come so far is not the one that it should be, and will
 * be again.
 */
static int
stage_read(job_t *job)
{
    int rc;

    rc = wd_lake_get(job->pr->lake, job->ev.key, job->ev.sha256, &job->body,
                     job->err);
    switch (rc) {
    case WD_OK:
    case WD_EIO:
    case WD_ENOMEM:
        return rc;
    case WD_ENOTFOUND:
        if (wd_lake_last(job->pr->lake) < job->ev.seq) {
            return WD_EIO;
        }
        return refuse(job, "error", WD_REASON_LAKE_MISSING, job->err->text);
    default:
        return refuse(job, "error", WD_REASON_LAKE_DAMAGED, job->err->text);
    }
}


/* Why a payload is none: the class that the provider's answer has. */
static int
judge(job_t *job)
{
    int         rc;
    wd_answer_t a = {0};
    wd_reason_e reason;
    const char *detail;

    if (job->r.rejects[0].reason == WD_REASON_TRUNCATED) {
        job->o.outcome = "rejected";
        job->o.reason = wd_reason_name(WD_REASON_TRUNCATED);
        return WD_OK;
    }

    rc = job->dataset->kind == KIND_OBSERVATIONS
             ? wd_wb_classify(wd_buf_view(&job->body), &a)
             : wd_av_classify(wd_buf_view(&job->body), &a);
    if (rc != WD_OK) {
        return rc;
    }

    reason = job->r.rejects[0].reason;
    if (a.class == WD_ANSWER_ARTIFICIAL) {
        reason = WD_REASON_ARTIFICIAL;
    } else if (a.class != WD_ANSWER_OK && a.class != WD_ANSWER_MALFORMED
               && a.class != WD_ANSWER_PARTIAL) {
        reason = WD_REASON_PROVIDER_ERROR;
    }
    if (reason == job->r.rejects[0].reason
        && reason != WD_REASON_PROVIDER_ERROR) {
        job->o.outcome = "rejected";
        job->o.reason = wd_reason_name(reason);
        return WD_OK;
    }

    /* One reject with the class instead of the parser's guess. */
    job->r.n_rejects = job->r.n_rejected = 0;
    detail = a.text[0] != '\0' ? a.text : wd_answer_name(a.class);
    job->o.outcome = "rejected";
    job->o.reason = wd_reason_name(reason);
    return wd_records_refuse(&job->r, reason, WD_STR(""), "%s: %s",
                             wd_answer_name(a.class), detail);
}


static int
stage_parse(job_t *job)
{
    int      rc;
    wd_str_t body = wd_buf_view(&job->body);

    if (job->dataset->kind == KIND_OBSERVATIONS) {
        rc = wd_wb_parse(body, &job->r);
    } else if (wd_av_dataset_by_name(wd_str_z(job->dataset->name), &job->av)) {
        rc = wd_av_parse(job->av, body, &job->r);
    } else {
        rc = WD_EINTERNAL;
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (job->r.refused) {
        return judge(job);
    }
    if (job->r.n_records == 0) {
        if (job->r.n_rejects != 0) { /* cut, or damaged before any record */
            job->o.outcome = "rejected";
            job->o.reason = wd_reason_name(job->r.rejects[0].reason);
        } else {
            job->o.outcome = "empty";
        }
    }
    return WD_OK;
}


/* "EURUSD" of the arguments EUR and USD. */
static wd_str_t
pair_of(job_t *job, wd_str_t from, wd_str_t to, const char *between)
{
    char  *p;
    size_t n = strlen(between);

    p = wd_pool_alloc(job->pool, from.len + to.len + n + 1);
    if (p == NULL || from.len == 0 || to.len == 0) {
        return WD_STR_NULL;
    }
    memcpy(p, from.data, from.len);
    memcpy(p + from.len, between, n);
    memcpy(p + from.len + n, to.data, to.len);
    return wd_str(p, from.len + n + to.len);
}


static wd_str_t
upper_arg(job_t *job, const char *name)
{
    char    *p;
    size_t   i;
    wd_str_t v = processing_event_arg(&job->ev, name);

    p = wd_pool_strdup(job->pool, v);
    if (p == NULL) {
        return WD_STR("");
    }
    for (i = 0; i < v.len; i++) {
        p[i] = p[i] >= 'a' && p[i] <= 'z' ? (char) (p[i] & ~0x20) : p[i];
    }
    return wd_str(p, v.len);
}


/* Whose data it is: what was asked for, and what the payload says. */
static int
stage_name(job_t *job)
{
    char     detail[120];
    wd_str_t asked;

    if (job->dataset->kind == KIND_SEARCH
        || job->dataset->kind == KIND_OBSERVATIONS) {
        return WD_OK;
    }

    if (job->dataset->fx) {
        asked = pair_of(job, upper_arg(job, "from_symbol"),
                        upper_arg(job, "to_symbol"), "");
        if (job->r.from_symbol.data == NULL
            || job->r.to_symbol.data == NULL) {
            job->r.from_symbol = upper_arg(job, "from_symbol");
            job->r.to_symbol = upper_arg(job, "to_symbol");
        }
    } else {
        asked = upper_arg(job, "symbol");
    }

    job->symbol = job->r.symbol.len != 0 ? job->r.symbol
                                         : wd_av_symbol(job->pool, asked);
    if (job->symbol.len == 0) {
        return refuse(job, "rejected", WD_REASON_BAD_SYMBOL,
                      "neither the payload nor the request has a symbol");
    }
    if (asked.len != 0 && !wd_str_eq(asked, job->symbol)) {
        snprintf(detail, sizeof(detail), "asked for %.*s, the answer is %.*s",
                 (int) wd_min(asked.len, (size_t) 40), asked.data,
                 (int) wd_min(job->symbol.len, (size_t) 40),
                 job->symbol.data);
        return refuse(job, "rejected", WD_REASON_SYMBOL_MISMATCH, detail);
    }
    return WD_OK;
}


/* Bar length and time zone of an intraday payload. */
static int
stage_clock(job_t *job)
{
    int      rc;
    char     detail[120];
    wd_str_t asked, said = job->r.interval;

    if (job->dataset->kind != KIND_BARS) {
        return WD_OK;
    }

    if (job->dataset->timeframe == WD_TF_NONE) {
        asked = processing_event_arg(&job->ev, "interval");
        said = said.len != 0 ? said : asked;
        job->p.timeframe = processing_interval(said);
        if (job->p.timeframe == WD_TF_NONE
            || (asked.len != 0 && !wd_str_eq(asked, said))) {
            snprintf(detail, sizeof(detail),
                     "asked for \"%.*s\", the answer is \"%.*s\"",
                     (int) wd_min(asked.len, (size_t) 40), asked.data,
                     (int) wd_min(said.len, (size_t) 40), said.data);
            return refuse(job, "rejected", WD_REASON_UNKNOWN_INTERVAL, detail);
        }
    }

    rc = processing_zone_by_name(&job->pr->zones, job->r.zone,
                                 job->pr->zones.eastern, &job->p.zone);
    /* A date is a date in any zone. */
    if (rc == WD_ENOTFOUND && job->p.timeframe < WD_TF_1D) {
        snprintf(detail, sizeof(detail), "time zone \"%.*s\"",
                 (int) wd_min(job->r.zone.len, (size_t) 60),
                 job->r.zone.data);
        return refuse(job, "rejected", WD_REASON_UNKNOWN_ZONE, detail);
    }
    return WD_OK;
}


/* Does the list "A;B" hold the series? An empty one holds all. */
static bool
was_asked(wd_str_t list, wd_str_t indicator)
{
    wd_str_t part;

    if (list.len == 0) {
        return true;
    }
    while (wd_str_split(&list, ';', &part)) {
        if (wd_str_ieq(part, indicator)) {
            return true;
        }
    }
    return false;
}


static int
reject_strangers(job_t *job)
{
    int                   rc;
    size_t                i, n = 0;
    wd_str_t              asked = processing_event_arg(&job->ev, "indicator");
    wd_observation_rec_t *o = job->r.observations;

    for (i = 0; i < job->r.n_observations; i++) {
        if (was_asked(asked, o[i].indicator)) {
            o[n++] = o[i];
            continue;
        }
        rc = wd_records_reject(&job->r, o[i].record,
                               WD_REASON_SYMBOL_MISMATCH, o[i].sample,
                               "series %.*s was not asked for",
                               WD_STR_ARG(o[i].indicator));
        if (rc != WD_OK) {
            return rc;
        }
    }
    job->r.n_observations = n;
    return WD_OK;
}


static int
stage_validate(job_t *job)
{
    int rc;

    switch (job->dataset->kind) {
    case KIND_BARS:
        return processing_rules_bars(&job->p, &job->r, &job->rows);
    case KIND_QUOTES:
        return processing_rules_quotes(&job->p, &job->r, &job->rows);
    case KIND_OVERVIEW:
        return processing_rules_fields(&job->p, &job->r, &job->rows);
    case KIND_OBSERVATIONS:
        rc = reject_strangers(job);
        return rc != WD_OK ? rc
                           : processing_rules_observations(&job->p, &job->r,
                                                           &job->rows);
    case KIND_SEARCH:
        return WD_OK;
    }
    return WD_EINTERNAL;
}


/* First and last valid time, `cell` being the one that holds it. */
static void
span(job_t *job, int cell)
{
    size_t  i;
    wd_ns_t t;

    for (i = 0; i < job->rows.n; i++) {
        t = job->rows.rows[i].cells[cell].i;
        if (job->o.to == WD_NS_MIN || t < job->o.from) {
            job->o.from = t;
        }
        if (job->o.to == WD_NS_MIN || t > job->o.to) {
            job->o.to = t;
        }
    }
}


static void
add_counts(job_t *job, const processing_counts_t *counts)
{
    job->o.counts.stored += counts->stored;
    job->o.counts.corrected += counts->corrected;
    job->o.counts.unchanged += counts->unchanged;
}


/* Something new is told to whoever listens. */
static void
tell(job_t *job, const char *kind, const char *names_key,
     const wd_str_t *names, size_t n, const processing_counts_t *counts)
{
    processing_news_t *news;

    add_counts(job, counts);
    if (counts->stored + counts->corrected == 0 || job->n_news == NEWS_MAX) {
        return;
    }
    news = &job->news[job->n_news++];
    news->kind = kind;
    news->names_key = names_key;
    news->names = names;
    news->n_names = n;
    news->timeframe = job->p.timeframe != WD_TF_NONE
                          ? wd_timeframe_name(job->p.timeframe)
                          : NULL;
    news->from = job->o.from;
    news->to = job->o.to;
    news->stored = counts->stored;
    news->corrected = counts->corrected;
}


static void
set_id(processing_rows_t *rows, int64_t id)
{
    size_t i;

    for (i = 0; i < rows->n; i++) {
        rows->rows[i].cells[0].i = id;
    }
}


/* A provider's word for the kind of an instrument; NULL text: none of ours. */
static wd_str_t
instrument_type(wd_str_t word)
{
    size_t i;

    static const char *const words[][2] = {
        {"Equity", "equity"},      {"Common Stock", "equity"},
        {"Stock", "equity"},       {"ETF", "etf"},
        {"Mutual Fund", "fund"},   {"Fund", "fund"},
        {"Index", "index"},        {"Cryptocurrency", "crypto"},
        {"Commodity", "commodity"}};

    for (i = 0; i < wd_array_len(words); i++) {
        if (wd_str_ieq(word, wd_str_z(words[i][0]))) {
            return wd_str_z(words[i][1]);
        }
    }
    return WD_STR_NULL;
}


static int
map_symbol(job_t *job, int64_t *ret_id)
{
    processing_instrument_t inst = {.alias = job->symbol,
                                    .symbol = job->symbol};

    if (job->dataset->fx) {
        inst.alias = pair_of(job, job->r.from_symbol, job->r.to_symbol, "/");
        inst.name = inst.alias;
        inst.currency = job->r.to_symbol;
        inst.type = WD_STR("fx");
        if (inst.alias.data == NULL) {
            return WD_ENOMEM;
        }
    }
    return processing_store_instrument(job->c, &job->p, &inst, ret_id, NULL,
                                       job->err);
}


static int
map_record(job_t *job, const wd_instrument_rec_t *rec, int64_t *ret_id,
           processing_counts_t *counts)
{
    const processing_instrument_t inst = {
        .alias = rec->symbol,
        .symbol = rec->symbol,
        .type = instrument_type(rec->type),
        .name = rec->name,
        .exchange = rec->exchange,
        .currency = rec->currency,
        .country = rec->country,
        .sector = rec->sector,
        .industry = rec->industry,
        .zone = rec->zone};

    return processing_store_instrument(job->c, &job->p, &inst, ret_id, counts,
                                       job->err);
}


static processing_scope_t
scope_of(const job_t *job, const int64_t *ids, size_t n)
{
    return (processing_scope_t){
        ids,         n,        job->p.source, job->p.timeframe,
        job->o.from, job->o.to};
}


/* Splits and dividends of a payload that has them, then those of its days
 * that are known: what explains a jump. */
static int
store_actions(job_t *job, const processing_scope_t *scope,
              processing_rows_t *ret_known)
{
    int                 rc;
    processing_rows_t   rows = {0}, known = {0};
    processing_counts_t counts = {0};

    if (job->dataset->actions) {
        rc = processing_store_actions(job->c, &job->p, scope, job->pool,
                                      &known, job->err);
        if (rc == WD_OK) {
            rc = processing_rules_actions(&job->p, &job->r, &job->rows, &known,
                                          &rows);
        }
        if (rc != WD_OK) {
            return rc;
        }
        set_id(&rows, scope->ids[0]);
        rc = processing_store_merge(job->c, &processing_action, scope,
                                    job->pool, &rows, &counts, job->err);
        if (rc != WD_OK) {
            return rc;
        }
        tell(job, "actions", "symbols", &job->symbol, 1, &counts);
    }

    return processing_store_actions(job->c, &job->p, scope, job->pool,
                                    ret_known, job->err);
}


static int
store_bars(job_t *job)
{
    int                 rc;
    int64_t             id = 0;
    processing_rows_t   actions = {0};
    processing_last_t   last;
    processing_scope_t  scope;
    processing_counts_t counts = {0};

    if (job->rows.n == 0) {
        return WD_OK;
    }
    rc = map_symbol(job, &id);
    if (rc != WD_OK) {
        return rc;
    }

    set_id(&job->rows, id);
    span(job, BAR_TS);
    scope = scope_of(job, &id, 1);

    if (job->p.timeframe == WD_TF_1D) {
        rc = store_actions(job, &scope, &actions);
        if (rc == WD_OK) {
            rc = processing_store_last(job->c, &job->p, &scope, &last,
                                       job->err);
        }
        if (rc != WD_OK) {
            return rc;
        }
        processing_rules_jumps(&job->rows, last, &actions);
    }

    rc = processing_store_merge(job->c, &processing_bar, &scope, job->pool,
                                &job->rows, &counts, job->err);
    job->o.flagged = processing_rules_flagged(BAR_QUALITY, &job->rows);
    tell(job, "bars", "symbols", &job->symbol, 1, &counts);
    return rc;
}


static int
store_quotes(job_t *job)
{
    int                 rc;
    int64_t             id = 0;
    processing_scope_t  scope;
    processing_counts_t counts = {0};

    if (job->rows.n == 0) {
        return WD_OK;
    }
    rc = map_symbol(job, &id);
    if (rc != WD_OK) {
        return rc;
    }

    set_id(&job->rows, id);
    span(job, QUOTE_TS);
    scope = scope_of(job, &id, 1);
    rc = processing_store_merge(job->c, &processing_quote, &scope, job->pool,
                                &job->rows, &counts, job->err);
    job->o.flagged = processing_rules_flagged(QUOTE_QUALITY, &job->rows);
    tell(job, "quotes", "symbols", &job->symbol, 1, &counts);
    return rc;
}


static int
store_search(job_t *job)
{
    int                 rc;
    size_t              i;
    int64_t             id;
    wd_str_t           *names;
    processing_counts_t counts = {0};

    names = wd_pool_alloc(job->pool, (job->r.n_instruments + 1)
                                         * sizeof(*names));
    if (names == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < job->r.n_instruments; i++) {
        names[i] = job->r.instruments[i].symbol;
        rc = map_record(job, &job->r.instruments[i], &id, &counts);
        if (rc != WD_OK) {
            return rc;
        }
    }
    tell(job, "instruments", "symbols", names, job->r.n_instruments, &counts);
    return WD_OK;
}


static int
store_overview(job_t *job)
{
    int                 rc;
    int64_t             id = 0;
    processing_scope_t  scope;
    processing_counts_t inst = {0}, counts = {0};

    if (job->r.n_instruments == 0) {
        return WD_OK;
    }
    rc = map_record(job, &job->r.instruments[0], &id, &inst);
    if (rc != WD_OK) {
        return rc;
    }

    tell(job, "instruments", "symbols", &job->symbol, 1, &inst);
    set_id(&job->rows, id);
    scope = scope_of(job, &id, 1);
    scope.from = scope.to = job->p.known_at;
    rc = processing_store_merge(job->c, &processing_field, &scope, job->pool,
                                &job->rows, &counts, job->err);
    tell(job, "fundamentals", "symbols", &job->symbol, 1, &counts);
    return rc;
}


static int
store_observations(job_t *job)
{
    int                 rc;
    size_t              n = 0;
    int64_t            *ids;
    wd_str_t           *names;
    processing_scope_t  scope;
    processing_counts_t counts = {0};

    if (job->rows.n == 0) {
        return WD_OK;
    }
    rc = processing_store_series(job->c, &job->p, job->pool, &job->rows, &ids,
                                 &names, &n, job->err);
    if (rc == WD_OK) {
        rc = processing_rows_sort(&job->rows, &processing_observation,
                                  job->pool);
    }
    if (rc == WD_OK) {
        rc = processing_rules_unique(&processing_observation, &job->r,
                                     &job->rows);
    }
    if (rc != WD_OK) {
        return rc;
    }

    span(job, OBS_TS);
    scope = scope_of(job, ids, n);
    rc = processing_store_merge(job->c, &processing_observation, &scope,
                                job->pool, &job->rows, &counts, job->err);
    tell(job, "observations", "series", names, n, &counts);
    return rc;
}


static int
stage_store(job_t *job)
{
    int rc = WD_EINTERNAL;

    switch (job->dataset->kind) {
    case KIND_BARS:
        rc = store_bars(job);
        break;
    case KIND_QUOTES:
        rc = store_quotes(job);
        break;
    case KIND_SEARCH:
        rc = store_search(job);
        break;
    case KIND_OVERVIEW:
        rc = store_overview(job);
        break;
    case KIND_OBSERVATIONS:
        rc = store_observations(job);
        break;
    }
    if (rc != WD_OK) {
        return rc;
    }

    job->o.outcome = "stored";
    if (job->o.counts.stored + job->o.counts.corrected
            + job->o.counts.unchanged
        == 0) {
        /* Records, but none that held. */
        job->o.outcome = "rejected";
        job->o.reason = job->r.n_rejects != 0
                            ? wd_reason_name(job->r.rejects[0].reason)
                            : NULL;
    }
    return WD_OK;
}


static const struct {
    const char *name;
    int (*run)(job_t *job);
} stages[] = {
    {"know", stage_know},   {"read", stage_read},
    {"parse", stage_parse}, {"name", stage_name},
    {"clock", stage_clock}, {"validate", stage_validate},
    {"store", stage_store},
};


/* Failures that say nothing about the payload. */
static bool
is_outage(int rc, bool last_try)
{
    switch (rc) {
    case WD_EDB:
    case WD_ESTORAGE:
    case WD_EIO:
        return true;
    case WD_ETIMEOUT:
    case WD_ENOMEM:
        return !last_try;
    default:
        return false;
    }
}


static int
walk(job_t *job, bool last_try)
{
    int        rc;
    size_t     i;
    wd_error_t why;

    rc = processing_store_mark(job->c, job->err);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < wd_array_len(stages); i++) {
        rc = stages[i].run(job);
        if (rc != WD_OK || is_ended(job)) {
            break;
        }
    }

    if (rc == WD_OK) {
        return processing_store_keep(job->c, job->err);
    }
    if (is_outage(rc, last_try)) {
        return rc;
    }

    why = *job->err;
    wd_log_error(job->pr->log, "payload not stored", "raw_seq", job->ev.seq,
                 "stage", stages[i].name, "code", rc, "reason",
                 (const char *) why.text);
    rc = processing_store_back(job->c, job->err);
    if (rc != WD_OK) {
        return rc;
    }
    memset(&job->o.counts, 0, sizeof(job->o.counts));
    job->o.flagged = 0;
    job->n_news = 0;
    job->o.to = WD_NS_MIN;
    return refuse(job, "error", WD_REASON_STORE_FAILED, why.text);
}


/* One event for some hundreds of names each. */
static int
publish_news(job_t *job, const processing_news_t *news)
{
    int      rc = WD_OK;
    size_t   i, n;
    wd_buf_t out = WD_BUF_INIT;

    for (i = 0; i < news->n_names && rc == WD_OK; i += n) {
        n = wd_min(news->n_names - i, (size_t) PROCESSING_NEWS_NAMES_MAX);
        wd_buf_reset(&out);
        processing_event_valid(&out, &job->ev, news, i, n);
        rc = out.err != WD_OK
                 ? out.err
                 : wd_bus_publish(job->c, WD_TOPIC_VALID, wd_buf_view(&out),
                                  NULL, job->err);
    }
    wd_buf_done(&out);
    return rc;
}


/* Last of all: publishers of a topic wait for each other until commit. */
static int
publish(job_t *job)
{
    int      rc = WD_OK;
    size_t   i;
    wd_buf_t out = WD_BUF_INIT;

    if (job->r.n_rejected != 0) {
        processing_event_rejected(&out, &job->ev, &job->r);
        rc = out.err != WD_OK
                 ? out.err
                 : wd_bus_publish(job->c, WD_TOPIC_REJECTED,
                                  wd_buf_view(&out), NULL, job->err);
        wd_buf_done(&out);
    }
    for (i = 0; i < job->n_news && rc == WD_OK; i++) {
        rc = publish_news(job, &job->news[i]);
    }
    return rc;
}


static void
count(job_t *job)
{
    size_t i;

    const struct {
        const char *name;
        int64_t     n;
    } counts[] = {{"stored", job->o.counts.stored},
                  {"corrected", job->o.counts.corrected},
                  {"unchanged", job->o.counts.unchanged},
                  {"flagged", job->o.flagged},
                  {"rejected", (int64_t) job->r.n_rejected}};

    for (i = 0; i < wd_array_len(counts); i++) {
        if (counts[i].n != 0) {
            wd_metric(WD_MX_RECORDS, (double) counts[i].n, job->ev.dataset,
                      counts[i].name, NULL);
        }
    }
    for (i = 0; i < job->r.n_rejects; i++) {
        wd_metric(WD_MX_REJECTS, 1, job->ev.provider,
                  wd_reason_name(job->r.rejects[i].reason), NULL);
    }
    wd_metric(WD_MX_PAYLOADS, 1, job->ev.provider, job->ev.dataset,
              job->o.outcome);
    if (job->o.to != WD_NS_MIN) {
        wd_metric(WD_MX_DATA_TIME, (double) (job->o.to / WD_NS_PER_S),
                  job->ev.provider, job->ev.dataset, NULL);
    }
}


static int
record(job_t *job)
{
    int rc;

    rc = processing_store_outcome(job->c, &job->ev, &job->o, &job->r,
                                  job->err);
    return rc != WD_OK ? rc : publish(job);
}


/* The last resort: what cannot even be recorded is left to the log. */
static int
record_or_skip(job_t *job, bool last_try)
{
    int rc;

    rc = processing_store_mark(job->c, job->err);
    if (rc == WD_OK) {
        rc = record(job);
    }
    if (rc == WD_OK) {
        count(job);
        wd_log_info(job->pr->log, "payload processed", "raw_seq", job->ev.seq,
                    "dataset", (const char *) job->ev.dataset, "outcome",
                    job->o.outcome, "stored", job->o.counts.stored,
                    "corrected", job->o.counts.corrected, "unchanged",
                    job->o.counts.unchanged, "rejected",
                    (int64_t) job->r.n_rejected);
        return processing_store_keep(job->c, job->err);
    }
    if (is_outage(rc, last_try)) {
        return rc;
    }

    wd_log_error(job->pr->log, "outcome not recorded", "raw_seq", job->ev.seq,
                 "code", rc, "reason", (const char *) job->err->text);
    return processing_store_back(job->c, job->err);
}


static int
run_job(job_t *job, wd_str_t event, bool last_try)
{
    int rc;

    wd_records_init(&job->r, job->pool);
    job->o.to = WD_NS_MIN;

    rc = processing_event_parse(event, &job->ev, job->err);
    if (rc == WD_EPROTO) {
        /* Without a readable event there is no object to record it under. */
        wd_log_error(job->pr->log, "event cannot be read, skipped", "reason",
                     (const char *) job->err->text, "raw_seq", job->ev.seq);
        wd_metric(WD_MX_REJECTS, 1, "none",
                  wd_reason_name(WD_REASON_BAD_EVENT), NULL);
        return WD_OK;
    }
    if (rc == WD_OK) {
        rc = walk(job, last_try);
    }
    return rc != WD_OK ? rc : record_or_skip(job, last_try);
}


int
processing_object(processing_t *pr, wd_pg_conn_t *c, wd_str_t event,
                  bool last_try, wd_error_t *err)
{
    int        rc;
    job_t      job;
    wd_error_t none = {0};

    memset(&job, 0, sizeof(job));
    job.pr = pr;
    job.c = c;
    job.err = err != NULL ? err : &none;
    wd_buf_init(&job.body, WD_LAKE_OBJECT_MAX);

    job.pool = wd_pool_create(POOL_BLOCK);
    rc = job.pool != NULL ? run_job(&job, event, last_try) : WD_ENOMEM;

    processing_event_done(&job.ev);
    wd_buf_done(&job.body);
    wd_pool_destroy(job.pool);
    return rc;
}
