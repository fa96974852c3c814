/*
 * processing_stages_store.c - stage store: the rows of a payload get the ids
 * of their instruments or series and are merged into their tables.
 */
#include "processing_job.h"
#include "processing_map.h"
#include "processing_told.h"

/* How the rows of a kind are stored. */
typedef struct {
    const char              *name; /* in the event that tells of them */
    const processing_fact_t *fact;
    int                      time; /* the cell of their valid time; -1: none */
    int                      quality; /* the cell of their flags; -1: none */
    int (*store)(processing_job_t *job, processing_kind_e kind);
} kind_t;

static int store_rows(processing_job_t *job, processing_kind_e kind);
static int store_bars(processing_job_t *job, processing_kind_e kind);
static int store_observations(processing_job_t *job, processing_kind_e kind);
static int store_list(processing_job_t *job, processing_kind_e kind);
static int store_news(processing_job_t *job, processing_kind_e kind);

static const kind_t kinds[PROCESSING_KINDS] = {
    [PROCESSING_KIND_IDENTIFIERS] = {"identifiers", &processing_identifier, -1,
                                     -1, store_rows},
    [PROCESSING_KIND_ACTIONS] = {"actions", &processing_action, ACTION_DATE, -1,
                                 store_rows},
    [PROCESSING_KIND_BARS] = {"bars", &processing_bar, BAR_TS, BAR_QUALITY,
                              store_bars},
    [PROCESSING_KIND_QUOTES] = {"quotes", &processing_quote, QUOTE_TS,
                                QUOTE_QUALITY, store_rows},
    [PROCESSING_KIND_TRADES] = {"trades", &processing_trade, TRADE_TS,
                                TRADE_QUALITY, store_rows},
    [PROCESSING_KIND_FIELDS] = {"fundamentals", &processing_field, -1, -1,
                                store_rows},
    [PROCESSING_KIND_FACTS] = {"fundamentals", &processing_field, -1, -1,
                               store_rows},
    [PROCESSING_KIND_OBSERVATIONS] = {"observations", &processing_observation,
                                      OBS_TS, -1, store_observations},
    [PROCESSING_KIND_LIST] = {"lists", NULL, -1, -1, store_list},
    [PROCESSING_KIND_NEWS] = {"news", &processing_news, NEWS_TS, -1,
                              store_news},
    [PROCESSING_KIND_MENTIONS] = {"news", &processing_mention, -1, -1, NULL},
};


/* A provider's word for the kind of an instrument; NULL text: none of ours. */
static wd_str_t
instrument_type(wd_str_t word)
{
    size_t i;

    static const char *const words[][2] = {
        {"Equity", "equity"},       {"Common Stock", "equity"},
        {"Stock", "equity"},        {"ETF", "etf"},
        {"Mutual Fund", "fund"},    {"Fund", "fund"},
        {"Index", "index"},         {"Cryptocurrency", "crypto"},
        {"Commodity", "commodity"}, {"fx", "fx"},
        {"crypto", "crypto"},       {"other", "other"}};

    for (i = 0; i < wd_array_len(words); i++) {
        if (wd_str_ieq(word, wd_str_z(words[i][0]))) {
            return wd_str_z(words[i][1]);
        }
    }
    return WD_STR_NULL;
}


/* What of a table the rows can touch. */
static processing_scope_t
scope_of(const processing_job_t *job, const int64_t *ids, size_t n,
         processing_span_t span)
{
    if (span.to == WD_NS_MIN) {
        span.from = span.to = job->p.known_at;
    }
    return (processing_scope_t){.ids = ids,
                                .n_ids = n,
                                .source = job->p.source,
                                .timeframe = job->p.timeframe,
                                .from = span.from,
                                .to = span.to};
}


static int
merge(processing_job_t *job, const kind_t *kind, const processing_rows_t *rows,
      const char *names_key, const processing_names_t *names)
{
    int                 rc;
    processing_span_t   span = processing_span_of(rows, kind->time);
    processing_counts_t counts = {0};
    processing_scope_t  scope = scope_of(job, names->ids, names->n, span);

    rc = processing_store_merge(job->c, kind->fact, &scope, job->pool, rows,
                                &counts, job->err);
    if (rc == WD_OK) {
        processing_account(job, kind->name, names_key, names, span, &counts);
    }
    return rc;
}


static int
store_rows(processing_job_t *job, processing_kind_e kind)
{
    int                rc;
    processing_names_t names;
    processing_rows_t *rows = &job->rows[kind];

    rc = processing_map_rows(job, kinds[kind].fact, rows, &names);
    if (rc != WD_OK) {
        return rc;
    }
    if (kinds[kind].quality >= 0) {
        job->o.flagged += processing_rules_flagged(kinds[kind].quality, rows);
    }
    return merge(job, &kinds[kind], rows, "symbols", &names);
}


/* The bars of the next instrument; false behind the last one. */
static bool
next_bars(const processing_rows_t *all, size_t *at, processing_rows_t *ret)
{
    size_t from = *at;

    while (*at < all->n
           && all->rows[*at].cells[BAR_INSTRUMENT].i
                  == all->rows[from].cells[BAR_INSTRUMENT].i) {
        (*at)++;
    }
    *ret = (processing_rows_t){.rows = &all->rows[from], .n = *at - from};
    return ret->n != 0;
}


/* The days of an instrument's bars, and its splits and dividends in them. */
static int
known_actions(processing_job_t *job, const processing_rows_t *bars,
              processing_scope_t *ret_scope, processing_rows_t *ret)
{
    *ret_scope = scope_of(job, &bars->rows[0].cells[BAR_INSTRUMENT].i, 1,
                          processing_span_of(bars, BAR_TS));
    *ret = (processing_rows_t){0};
    return processing_store_actions(job->c, &job->p, ret_scope, job->pool, ret,
                                    job->err);
}


/* Splits and dividends that stand in the bars. */
static int
store_bar_actions(processing_job_t *job, const processing_rows_t *all,
                  const processing_names_t *names)
{
    int                rc = WD_OK;
    size_t             at = 0;
    processing_rows_t  bars, known, rows = {0};
    processing_scope_t scope;

    while (rc == WD_OK && next_bars(all, &at, &bars)) {
        rc = known_actions(job, &bars, &scope, &known);
        if (rc == WD_OK) {
            rc = processing_rules_actions(&job->p, &job->r, &bars, &known,
                                          &rows);
        }
    }
    return rc == WD_OK ? merge(job, &kinds[PROCESSING_KIND_ACTIONS], &rows,
                               "symbols", names)
                       : rc;
}


/* Of each instrument's bars the last close before them. */
static int
last_closes(processing_job_t *job, const processing_rows_t *all, size_t n,
            processing_last_t **ret)
{
    size_t            k = 0, at = 0;
    int64_t          *ids = wd_pool_alloc(job->pool, (n + 1) * sizeof(*ids));
    int64_t          *us = wd_pool_alloc(job->pool, (n + 1) * sizeof(*us));
    processing_rows_t bars;

    *ret = wd_pool_alloc(job->pool, (n + 1) * sizeof(**ret));
    if (ids == NULL || us == NULL || *ret == NULL) {
        return WD_ENOMEM;
    }
    while (next_bars(all, &at, &bars)) {
        ids[k] = bars.rows[0].cells[BAR_INSTRUMENT].i;
        us[k++] = bars.rows[0].cells[BAR_TS].i / WD_NS_PER_US;
    }
    return processing_store_last(job->c, &job->p, ids, us, k, *ret, job->err);
}


/* Those of the bars' instrument and days; *at moves over what is before. */
static processing_rows_t
actions_of(const processing_rows_t *bars, const processing_rows_t *all,
           size_t *at)
{
    size_t                   from;
    const processing_cell_t *c;
    const processing_cell_t *first = bars->rows[0].cells;
    const processing_cell_t *last = bars->rows[bars->n - 1].cells;

    for (; *at < all->n; (*at)++) {
        c = all->rows[*at].cells;
        if (c[ACTION_INSTRUMENT].i > first[BAR_INSTRUMENT].i
            || (c[ACTION_INSTRUMENT].i == first[BAR_INSTRUMENT].i
                && c[ACTION_DATE].i >= first[BAR_TS].i)) {
            break;
        }
    }
    for (from = *at; *at < all->n; (*at)++) {
        c = all->rows[*at].cells;
        if (c[ACTION_INSTRUMENT].i != first[BAR_INSTRUMENT].i
            || c[ACTION_DATE].i > last[BAR_TS].i) {
            break;
        }
    }
    return (processing_rows_t){.rows = all->rows + from, .n = *at - from};
}


/* Daily bars: what jumps without a split that explains it. */
static int
flag_jumps(processing_job_t *job, const processing_rows_t *all,
           const processing_names_t *names)
{
    int                rc;
    size_t             k = 0, at = 0, action = 0;
    processing_rows_t  bars, actions = {0}, some;
    processing_last_t *last;
    processing_scope_t scope = scope_of(job, names->ids, names->n,
                                        processing_span_of(all, BAR_TS));

    rc = processing_store_actions(job->c, &job->p, &scope, job->pool, &actions,
                                  job->err);
    if (rc == WD_OK) {
        rc = last_closes(job, all, names->n, &last);
    }
    while (rc == WD_OK && next_bars(all, &at, &bars)) {
        some = actions_of(&bars, &actions, &action);
        processing_rules_jumps(&bars, last[k++], &some);
    }
    return rc;
}


/* Bars of the job's length. */
static int
store_length(processing_job_t *job, processing_rows_t *rows)
{
    int                rc;
    processing_names_t names;

    rc = processing_map_rows(job, &processing_bar, rows, &names);
    if (rc == WD_OK
        && (job->dataset->flags & PROCESSING_ACTIONS_IN_BARS) != 0) {
        rc = store_bar_actions(job, rows, &names);
    }
    if (rc == WD_OK && job->p.timeframe == WD_TF_1D) {
        rc = flag_jumps(job, rows, &names);
    }
    if (rc != WD_OK) {
        return rc;
    }
    job->o.flagged += processing_rules_flagged(BAR_QUALITY, rows);
    return merge(job, &kinds[PROCESSING_KIND_BARS], rows, "symbols", &names);
}


/* Those of one length, in the order in which they are. */
static int
bars_of(processing_job_t *job, const processing_rows_t *all, wd_timeframe_e tf,
        processing_rows_t *ret)
{
    size_t i;

    *ret = (processing_rows_t){0};
    for (i = 0; i < all->n; i++) {
        if (all->rows[i].cells[BAR_TIMEFRAME].i == (int64_t) tf
            && processing_rows_push(ret, job->pool, &all->rows[i]) != WD_OK) {
            return WD_ENOMEM;
        }
    }
    return WD_OK;
}


static int
store_bars(processing_job_t *job, processing_kind_e kind)
{
    int                rc = WD_OK;
    wd_timeframe_e     tf;
    processing_rows_t  some;
    processing_rows_t *rows = &job->rows[kind];

    if (job->p.timeframe != WD_TF_NONE) {
        return store_length(job, rows);
    }
    for (tf = WD_TF_1M; tf <= WD_TF_1MO && rc == WD_OK; tf++) {
        rc = bars_of(job, rows, tf, &some);
        if (rc == WD_OK && some.n != 0) {
            job->p.timeframe = tf;
            rc = store_length(job, &some);
            rows->repeated += some.repeated;
        }
    }
    job->p.timeframe = WD_TF_NONE;
    return rc;
}


static int
store_observations(processing_job_t *job, processing_kind_e kind)
{
    int                rc;
    processing_names_t names = {0};
    processing_rows_t *rows = &job->rows[kind];

    rc = processing_store_series(job->c, &job->p, job->pool, rows, &names.ids,
                                 &names.names, &names.n, job->err);
    if (rc == WD_OK) {
        rc = processing_rules_finish(&processing_observation, &job->r, rows);
    }
    return rc == WD_OK ? merge(job, &kinds[kind], rows, "series", &names) : rc;
}


/* A list is told of by its name; its rows are looked for by their codes. */
static int
store_list(processing_job_t *job, processing_kind_e kind)
{
    int                            rc;
    size_t                         i;
    processing_names_t             codes, name;
    processing_scope_t             scope;
    processing_counts_t            counts = {0};
    const processing_fact_t       *fact = job->list->fact;
    const processing_rows_t       *rows = &job->rows[kind];
    static const processing_span_t none = {0, WD_NS_MIN};

    rc = processing_names_init(job, rows->n, &codes);
    if (rc == WD_OK) {
        rc = processing_names_init(job, 1, &name);
    }
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < rows->n; i++) {
        processing_names_add(&codes, 0,
                             rows->rows[i].cells[fact->n_keys - 1].s);
    }
    processing_names_add(&name, 0, wd_str_z(job->list->name));

    scope = scope_of(job, NULL, 0, none);
    scope.names = codes.names;
    scope.n_names = codes.n;
    rc = processing_store_merge(job->c, fact, &scope, job->pool, rows, &counts,
                                job->err);
    if (rc == WD_OK) {
        processing_account(job, kinds[kind].name, "lists", &name, none,
                           &counts);
    }
    return rc;
}


/* Mentions get the id of their item; those of an item that was rejected go. */
static void
map_mentions(const processing_rows_t *news, processing_rows_t *mentions)
{
    size_t  i, k = 0, n = 0;
    int32_t record;

    for (i = 0; i < mentions->n; i++) {
        record = mentions->rows[i].record;
        while (k < news->n && news->rows[k].record < record) {
            k++;
        }
        if (k < news->n && news->rows[k].record == record) {
            mentions->rows[n] = mentions->rows[i];
            mentions->rows[n++].cells[MENTION_NEWS].i
                = news->rows[k].cells[NEWS_ID].i;
        }
    }
    mentions->n = n;
}


/* Whom listeners are told of: each that is mentioned. */
static int
mentioned(processing_job_t *job, const processing_rows_t *news,
          const processing_rows_t *mentions, processing_names_t *ret)
{
    int       rc;
    size_t    i;
    wd_map_t *map;
    wd_str_t  symbol;

    rc = processing_names_init(job, wd_max(news->n, mentions->n), ret);
    map = wd_map_create();
    rc = rc == WD_OK && map == NULL ? WD_ENOMEM : rc;
    for (i = 0; i < mentions->n && rc == WD_OK; i++) {
        symbol = mentions->rows[i].cells[MENTION_SYMBOL].s;
        if (wd_map_get(map, symbol) == NULL) {
            rc = wd_map_set(map, symbol, job, NULL);
            ret->names[ret->n++] = symbol;
        }
    }
    wd_map_destroy(map);
    return rc;
}


/* Items, which count, and whom they are about, which is news of them. */
static int
store_news(processing_job_t *job, processing_kind_e kind)
{
    int                 rc;
    size_t              i;
    processing_names_t  names;
    processing_rows_t  *news = &job->rows[kind];
    processing_rows_t  *mentions = &job->rows[PROCESSING_KIND_MENTIONS];
    processing_span_t   span;
    processing_counts_t counts = {0}, about = {0};
    processing_scope_t  scope;

    rc = processing_store_news(job->c, &job->p, job->pool, news, job->err);
    if (rc != WD_OK) {
        return rc;
    }
    map_mentions(news, mentions);
    rc = processing_rules_finish(&processing_news, &job->r, news);
    if (rc == WD_OK) {
        rc = processing_rules_finish(&processing_mention, &job->r, mentions);
    }
    if (rc == WD_OK) {
        rc = mentioned(job, news, mentions, &names);
    }
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < news->n; i++) {
        names.ids[i] = news->rows[i].cells[NEWS_ID].i;
    }
    span = processing_span_of(news, NEWS_TS);
    scope = scope_of(job, names.ids, news->n, span);
    rc = processing_store_merge(job->c, &processing_news, &scope, job->pool,
                                news, &counts, job->err);
    if (rc == WD_OK) {
        rc = processing_store_merge(job->c, &processing_mention, &scope,
                                    job->pool, mentions, &about, job->err);
    }
    if (rc != WD_OK) {
        return rc;
    }
    processing_account(job, kinds[kind].name, "symbols", &names, span, &counts);
    if (counts.stored + counts.corrected + counts.earlier == 0) {
        processing_tell(job, kinds[kind].name, "symbols", &names, span, &about);
    }
    return WD_OK;
}


static int
store_instrument(processing_job_t *job, const wd_instrument_rec_t *rec,
                 processing_counts_t *counts, processing_names_t *names)
{
    int                  rc;
    processing_symbol_t *s
        = &job->symbols.v[processing_symbols_find(&job->symbols, rec->symbol)];
    const processing_instrument_t inst = {.alias = s->alias,
                                          .symbol = s->symbol,
                                          .type = instrument_type(rec->type),
                                          .name = rec->name,
                                          .exchange = rec->exchange,
                                          .currency = rec->currency,
                                          .country = rec->country,
                                          .sector = rec->sector,
                                          .industry = rec->industry,
                                          .zone = rec->zone};

    rc = processing_store_instrument(job->c, &job->p, &inst, &s->id, counts,
                                     job->err);
    processing_names_add(names, s->id, processing_map_name(s));
    return rc;
}


/* Descriptions, before anything else of those whom they describe. */
static int
store_instruments(processing_job_t *job)
{
    int                 rc;
    size_t              i;
    processing_names_t  names;
    processing_counts_t counts = {0};

    rc = processing_names_init(job, job->r.n_instruments, &names);
    for (i = 0; i < job->r.n_instruments && rc == WD_OK; i++) {
        rc = store_instrument(job, &job->r.instruments[i], &counts, &names);
    }
    if (rc == WD_OK) {
        processing_account(job, "instruments", "symbols", &names,
                           (processing_span_t){0, WD_NS_MIN}, &counts);
    }
    return rc;
}


static bool
gave_nothing(const processing_counts_t *counts)
{
    return counts->stored + counts->corrected + counts->unchanged == 0;
}


/* To who pushed them, records that say what others say are told. */
static void
count_repeated(processing_job_t *job)
{
    size_t i;

    for (i = 0; i < PROCESSING_KINDS; i++) {
        if (i != PROCESSING_KIND_MENTIONS) {
            job->o.counts.unchanged += (int64_t) job->rows[i].repeated;
        }
    }
}


int
processing_stage_store(processing_job_t *job)
{
    int    rc;
    size_t i;

    rc = store_instruments(job);
    for (i = 0; i < PROCESSING_KINDS && rc == WD_OK; i++) {
        if (job->rows[i].n != 0 && kinds[i].store != NULL) {
            rc = kinds[i].store(job, (processing_kind_e) i);
        }
    }
    if (rc != WD_OK) {
        return rc;
    }
    if ((job->dataset->flags & PROCESSING_PUSHED) != 0) {
        count_repeated(job);
    }

    job->o.outcome = "stored";
    if (gave_nothing(&job->o.counts)) { /* records, but none that held */
        job->o.outcome = "rejected";
        job->o.reason = job->r.n_rejects != 0
                            ? wd_reason_name(job->r.rejects[0].reason)
                            : NULL;
    }
    return WD_OK;
}
