/*
 * processing_stages_store.c - stage store: the rows of a payload get the ids
 * of their instruments or series and are merged into their table.
 */
#include "processing_job.h"


/* First and last valid time, `cell` being the one that holds it. */
static void
span(processing_job_t *job, int cell)
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
add_counts(processing_job_t *job, const processing_counts_t *counts)
{
    job->o.counts.stored += counts->stored;
    job->o.counts.corrected += counts->corrected;
    job->o.counts.unchanged += counts->unchanged;
}


/* Something new is told to whoever listens. */
static void
tell_only(processing_job_t *job, const char *kind, const char *names_key,
          const wd_str_t *names, size_t n, const processing_counts_t *counts)
{
    processing_news_t *news;

    if (counts->stored + counts->corrected + counts->earlier == 0
        || job->n_news == PROCESSING_JOB_NEWS_MAX) {
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
    news->earlier = counts->earlier;
}


/* And counted as what the payload gave. */
static void
tell(processing_job_t *job, const char *kind, const char *names_key,
     const wd_str_t *names, size_t n, const processing_counts_t *counts)
{
    add_counts(job, counts);
    tell_only(job, kind, names_key, names, n, counts);
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


/* An instrument that facts make known is news, too, though no fact. */
static int
map_symbol(processing_job_t *job, int64_t *ret_id)
{
    int                     rc;
    processing_counts_t     counts = {0};
    processing_instrument_t inst = {.alias = job->symbol,
                                    .symbol = job->symbol};

    if (job->dataset->market != PROCESSING_EXCHANGE) {
        inst.alias = processing_job_pair(job, job->r.from_symbol,
                                         job->r.to_symbol, "/");
        inst.name = inst.alias;
        inst.currency = job->r.to_symbol;
        inst.type = job->dataset->market == PROCESSING_FX ? WD_STR("fx")
                                                          : WD_STR("crypto");
        if (inst.alias.data == NULL) {
            return WD_ENOMEM;
        }
    }
    rc = processing_store_instrument(job->c, &job->p, &inst, ret_id, &counts,
                                     job->err);
    if (rc == WD_OK) {
        tell_only(job, "instruments", "symbols", &job->symbol, 1, &counts);
    }
    return rc;
}


static int
map_record(processing_job_t *job, const wd_instrument_rec_t *rec,
           int64_t *ret_id, processing_counts_t *counts)
{
    const processing_instrument_t inst = {.alias = rec->symbol,
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
scope_of(const processing_job_t *job, const int64_t *ids, size_t n)
{
    return (processing_scope_t){
        ids, n, job->p.source, job->p.timeframe, job->o.from, job->o.to};
}


/* Whose rows they are, and what of the table they can touch. */
static int
place(processing_job_t *job, int time_cell, int64_t *ret_id,
      processing_scope_t *ret)
{
    int rc;

    rc = map_symbol(job, ret_id);
    if (rc != WD_OK) {
        return rc;
    }
    set_id(&job->rows, *ret_id);
    span(job, time_cell);
    *ret = scope_of(job, ret_id, 1);
    return WD_OK;
}


/* Rows of the job's symbol, which is told of them. */
static int
merge(processing_job_t *job, const processing_fact_t *fact,
      const processing_scope_t *scope, const processing_rows_t *rows,
      const char *kind)
{
    int                 rc;
    processing_counts_t counts = {0};

    rc = processing_store_merge(job->c, fact, scope, job->pool, rows, &counts,
                                job->err);
    if (rc == WD_OK) {
        tell(job, kind, "symbols", &job->symbol, 1, &counts);
    }
    return rc;
}


/* Splits and dividends of a payload that has them, then those of its days
 * that are known: what explains a jump. */
static int
store_actions(processing_job_t *job, const processing_scope_t *scope,
              processing_rows_t *ret_known)
{
    int               rc;
    processing_rows_t rows = {0}, known = {0};

    if (job->dataset->actions) {
        rc = processing_store_actions(job->c, &job->p, scope, job->pool, &known,
                                      job->err);
        if (rc == WD_OK) {
            rc = processing_rules_actions(&job->p, &job->r, &job->rows, &known,
                                          &rows);
        }
        if (rc != WD_OK) {
            return rc;
        }
        set_id(&rows, scope->ids[0]);
        rc = merge(job, &processing_action, scope, &rows, "actions");
        if (rc != WD_OK) {
            return rc;
        }
    }

    return processing_store_actions(job->c, &job->p, scope, job->pool,
                                    ret_known, job->err);
}


/* Daily bars: what jumps without a split that explains it. */
static int
flag_jumps(processing_job_t *job, const processing_scope_t *scope)
{
    int               rc;
    processing_rows_t actions = {0};
    processing_last_t last;

    rc = store_actions(job, scope, &actions);
    if (rc == WD_OK) {
        rc = processing_store_last(job->c, &job->p, scope, &last, job->err);
    }
    if (rc == WD_OK) {
        processing_rules_jumps(&job->rows, last, &actions);
    }
    return rc;
}


static int
store_bars(processing_job_t *job)
{
    int                rc;
    int64_t            id = 0;
    processing_scope_t scope;

    if (job->rows.n == 0) {
        return WD_OK;
    }
    rc = place(job, BAR_TS, &id, &scope);
    if (rc == WD_OK && job->p.timeframe == WD_TF_1D) {
        rc = flag_jumps(job, &scope);
    }
    if (rc != WD_OK) {
        return rc;
    }
    job->o.flagged = processing_rules_flagged(BAR_QUALITY, &job->rows);
    return merge(job, &processing_bar, &scope, &job->rows, "bars");
}


static int
store_quotes(processing_job_t *job)
{
    int                rc;
    int64_t            id = 0;
    processing_scope_t scope;

    if (job->rows.n == 0) {
        return WD_OK;
    }
    rc = place(job, QUOTE_TS, &id, &scope);
    if (rc != WD_OK) {
        return rc;
    }
    job->o.flagged = processing_rules_flagged(QUOTE_QUALITY, &job->rows);
    return merge(job, &processing_quote, &scope, &job->rows, "quotes");
}


/* Quotes of several instruments, each a row of its own. */
static int
store_bulk(processing_job_t *job)
{
    int                rc = WD_OK;
    size_t             i;
    int64_t            id;
    processing_rows_t  all = job->rows;
    processing_scope_t scope;

    for (i = 0; i < all.n && rc == WD_OK; i++) {
        job->rows = (processing_rows_t){.rows = &all.rows[i], .n = 1};
        job->symbol = ((const wd_quote_rec_t *) all.rows[i].rec)->symbol;
        rc = place(job, QUOTE_TS, &id, &scope);
        if (rc == WD_OK) {
            rc = merge(job, &processing_quote, &scope, &job->rows, "quotes");
        }
    }
    job->rows = all;
    job->o.flagged = processing_rules_flagged(QUOTE_QUALITY, &job->rows);
    return rc;
}


static int
store_action_list(processing_job_t *job)
{
    int                rc;
    int64_t            id = 0;
    processing_scope_t scope;

    if (job->rows.n == 0) {
        return WD_OK;
    }
    rc = place(job, ACTION_DATE, &id, &scope);
    return rc != WD_OK
               ? rc
               : merge(job, &processing_action, &scope, &job->rows, "actions");
}


static int
store_facts(processing_job_t *job)
{
    int                rc;
    int64_t            id = 0;
    processing_scope_t scope;

    if (job->rows.n == 0) {
        return WD_OK;
    }
    rc = map_symbol(job, &id);
    if (rc != WD_OK) {
        return rc;
    }
    set_id(&job->rows, id);
    scope = scope_of(job, &id, 1);
    scope.from = scope.to = job->p.known_at;
    return merge(job, &processing_field, &scope, &job->rows, "fundamentals");
}


static int
store_search(processing_job_t *job)
{
    int                 rc;
    size_t              i;
    int64_t             id;
    wd_str_t           *names;
    processing_counts_t counts = {0};

    names = wd_pool_alloc(job->pool,
                          (job->r.n_instruments + 1) * sizeof(*names));
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
store_overview(processing_job_t *job)
{
    int                 rc;
    int64_t             id = 0;
    processing_scope_t  scope;
    processing_counts_t inst = {0};

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
    return merge(job, &processing_field, &scope, &job->rows, "fundamentals");
}


static int
store_observations(processing_job_t *job)
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


int
processing_stage_store(processing_job_t *job)
{
    int rc = WD_EINTERNAL;

    switch (job->dataset->kind) {
    case PROCESSING_KIND_BARS:
        rc = store_bars(job);
        break;
    case PROCESSING_KIND_QUOTES:
        rc = store_quotes(job);
        break;
    case PROCESSING_KIND_BULK:
        rc = store_bulk(job);
        break;
    case PROCESSING_KIND_ACTIONS:
        rc = store_action_list(job);
        break;
    case PROCESSING_KIND_FACTS:
        rc = store_facts(job);
        break;
    case PROCESSING_KIND_SEARCH:
        rc = store_search(job);
        break;
    case PROCESSING_KIND_OVERVIEW:
        rc = store_overview(job);
        break;
    case PROCESSING_KIND_OBSERVATIONS:
        rc = store_observations(job);
        break;
    }
    if (rc != WD_OK) {
        return rc;
    }

    job->o.outcome = "stored";
    if (job->o.counts.stored + job->o.counts.corrected + job->o.counts.unchanged
        == 0) {
        /* Records, but none that held. */
        job->o.outcome = "rejected";
        job->o.reason = job->r.n_rejects != 0
                            ? wd_reason_name(job->r.rejects[0].reason)
                            : NULL;
    }
    return WD_OK;
}
