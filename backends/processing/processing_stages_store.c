/*
 * processing_stages_store.c - stage store: the rows of a payload get the ids
 * of their instruments or series and are merged into their tables.
 */
#include "processing_job.h"

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

static const kind_t kinds[PROCESSING_KINDS] = {
    [PROCESSING_KIND_ACTIONS] = {"actions", &processing_action, ACTION_DATE, -1,
                                 store_rows},
    [PROCESSING_KIND_BARS] = {"bars", &processing_bar, BAR_TS, BAR_QUALITY,
                              store_bars},
    [PROCESSING_KIND_QUOTES] = {"quotes", &processing_quote, QUOTE_TS,
                                QUOTE_QUALITY, store_rows},
    [PROCESSING_KIND_FIELDS] = {"fundamentals", &processing_field, -1, -1,
                                store_rows},
    [PROCESSING_KIND_FACTS] = {"fundamentals", &processing_field, -1, -1,
                               store_rows},
    [PROCESSING_KIND_OBSERVATIONS] = {"observations", &processing_observation,
                                      OBS_TS, -1, store_observations},
};

/* Times; `to` WD_NS_MIN: none. */
typedef struct {
    wd_ns_t from;
    wd_ns_t to;
} span_t;

/* Whose rows they are: ids, and names for those who are told of them. */
typedef struct {
    int64_t  *ids;
    wd_str_t *names;
    size_t    n;
} names_t;


static void
span_add(span_t *span, wd_ns_t from, wd_ns_t to)
{
    if (to == WD_NS_MIN) {
        return;
    }
    if (span->to == WD_NS_MIN || from < span->from) {
        span->from = from;
    }
    if (span->to == WD_NS_MIN || to > span->to) {
        span->to = to;
    }
}


/* First and last valid time of the rows, `cell` being the one with it. */
static span_t
span_of(const processing_rows_t *rows, int cell)
{
    size_t  i;
    wd_ns_t t;
    span_t  span = {0, WD_NS_MIN};

    for (i = 0; i < rows->n && cell >= 0; i++) {
        t = rows->rows[i].cells[cell].i;
        span_add(&span, t, t);
    }
    return span;
}


/* Something new is told to whoever listens. */
static void
tell(processing_job_t *job, const char *kind, const char *names_key,
     const names_t *names, span_t span, const processing_counts_t *counts)
{
    processing_notice_t *notice;

    if (counts->stored + counts->corrected + counts->earlier == 0
        || job->n_notices == PROCESSING_JOB_NOTICES_MAX) {
        return;
    }
    notice = &job->notices[job->n_notices++];
    notice->kind = kind;
    notice->names_key = names_key;
    notice->names = names->names;
    notice->n_names = names->n;
    notice->timeframe = job->p.timeframe != WD_TF_NONE
                            ? wd_timeframe_name(job->p.timeframe)
                            : NULL;
    notice->from = span.from;
    notice->to = span.to;
    notice->stored = counts->stored;
    notice->corrected = counts->corrected;
    notice->earlier = counts->earlier;
}


/* And counted as what the payload gave. */
static void
account(processing_job_t *job, const char *kind, const char *names_key,
        const names_t *names, span_t span, const processing_counts_t *counts)
{
    span_t all = {job->o.from, job->o.to};

    span_add(&all, span.from, span.to);
    job->o.from = all.from;
    job->o.to = all.to;
    job->o.counts.stored += counts->stored;
    job->o.counts.corrected += counts->corrected;
    job->o.counts.unchanged += counts->unchanged;
    tell(job, kind, names_key, names, span, counts);
}


static int
names_init(processing_job_t *job, size_t cap, names_t *ret)
{
    ret->n = 0;
    ret->ids = wd_pool_alloc(job->pool, (cap + 1) * sizeof(*ret->ids));
    ret->names = wd_pool_alloc(job->pool, (cap + 1) * sizeof(*ret->names));
    return ret->ids != NULL && ret->names != NULL ? WD_OK : WD_ENOMEM;
}


static void
names_add(names_t *names, int64_t id, wd_str_t name)
{
    names->ids[names->n] = id;
    names->names[names->n++] = name;
}


/* How events name an instrument: as its provider does, but for currencies. */
static wd_str_t
event_name(const processing_symbol_t *s)
{
    return s->type.data != NULL ? s->symbol : s->alias;
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


/* The instrument of a name; *fresh gets it when it was not known. */
static int
map_symbol(processing_job_t *job, processing_symbol_t *s,
           processing_counts_t *counts, names_t *fresh)
{
    int                           rc;
    processing_counts_t           one = {0};
    const processing_instrument_t inst = {.alias = s->alias,
                                          .symbol = s->symbol,
                                          .type = s->type,
                                          .name = s->name,
                                          .currency = s->currency};

    if (s->id != 0) {
        return WD_OK;
    }
    rc = processing_store_instrument(job->c, &job->p, &inst, &s->id, &one,
                                     job->err);
    if (rc == WD_OK && one.stored + one.corrected != 0) {
        counts->stored += one.stored;
        counts->corrected += one.corrected;
        names_add(fresh, s->id, event_name(s));
    }
    return rc;
}


/*
 * Ids in the place of the numbers of names. Two names of one instrument may
 * have said the same, so the rows are sorted anew. An instrument that rows
 * make known is news, too, though no fact.
 */
static int
map_rows(processing_job_t *job, const processing_fact_t *fact,
         processing_rows_t *rows, names_t *ret)
{
    int                  rc;
    size_t               i;
    int64_t              number = -1;
    names_t              fresh;
    processing_cell_t   *c;
    processing_counts_t  counts = {0};
    processing_symbol_t *s = NULL;

    rc = names_init(job, job->symbols.n, ret);
    if (rc == WD_OK) {
        rc = names_init(job, job->symbols.n, &fresh);
    }
    for (i = 0; i < rows->n && rc == WD_OK; i++) {
        c = rows->rows[i].cells;
        if (s == NULL || c[0].i != number) {
            number = c[0].i;
            s = &job->symbols.v[number];
            rc = map_symbol(job, s, &counts, &fresh);
            names_add(ret, s->id, event_name(s));
        }
        c[0].i = s->id;
    }
    if (rc != WD_OK) {
        return rc;
    }
    tell(job, "instruments", "symbols", &fresh, (span_t){0, WD_NS_MIN},
         &counts);
    return processing_rules_finish(fact, &job->r, rows);
}


/* What of a table the rows can touch. */
static processing_scope_t
scope_of(const processing_job_t *job, const int64_t *ids, size_t n, span_t span)
{
    if (span.to == WD_NS_MIN) {
        span.from = span.to = job->p.known_at;
    }
    return (processing_scope_t){
        ids, n, job->p.source, job->p.timeframe, span.from, span.to};
}


static int
merge(processing_job_t *job, const kind_t *kind, const processing_rows_t *rows,
      const char *names_key, const names_t *names)
{
    int                 rc;
    span_t              span = span_of(rows, kind->time);
    processing_counts_t counts = {0};
    processing_scope_t  scope = scope_of(job, names->ids, names->n, span);

    rc = processing_store_merge(job->c, kind->fact, &scope, job->pool, rows,
                                &counts, job->err);
    if (rc == WD_OK) {
        account(job, kind->name, names_key, names, span, &counts);
    }
    return rc;
}


static int
store_rows(processing_job_t *job, processing_kind_e kind)
{
    int                rc;
    names_t            names;
    processing_rows_t *rows = &job->rows[kind];

    rc = map_rows(job, kinds[kind].fact, rows, &names);
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
                          span_of(bars, BAR_TS));
    *ret = (processing_rows_t){0};
    return processing_store_actions(job->c, &job->p, ret_scope, job->pool, ret,
                                    job->err);
}


/* Splits and dividends that stand in the bars. */
static int
store_bar_actions(processing_job_t *job, const processing_rows_t *all,
                  const names_t *names)
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


/* Daily bars: what jumps without a split that explains it. */
static int
flag_jumps(processing_job_t *job, const processing_rows_t *all)
{
    int                rc = WD_OK;
    size_t             at = 0;
    processing_rows_t  bars, actions;
    processing_last_t  last;
    processing_scope_t scope;

    while (rc == WD_OK && next_bars(all, &at, &bars)) {
        rc = known_actions(job, &bars, &scope, &actions);
        if (rc == WD_OK) {
            rc = processing_store_last(job->c, &job->p, &scope, &last,
                                       job->err);
        }
        if (rc == WD_OK) {
            processing_rules_jumps(&bars, last, &actions);
        }
    }
    return rc;
}


static int
store_bars(processing_job_t *job, processing_kind_e kind)
{
    int                rc;
    names_t            names;
    processing_rows_t *rows = &job->rows[kind];

    rc = map_rows(job, &processing_bar, rows, &names);
    if (rc == WD_OK
        && (job->dataset->flags & PROCESSING_ACTIONS_IN_BARS) != 0) {
        rc = store_bar_actions(job, rows, &names);
    }
    if (rc == WD_OK && job->p.timeframe == WD_TF_1D) {
        rc = flag_jumps(job, rows);
    }
    if (rc != WD_OK) {
        return rc;
    }
    job->o.flagged += processing_rules_flagged(BAR_QUALITY, rows);
    return merge(job, &kinds[kind], rows, "symbols", &names);
}


static int
store_observations(processing_job_t *job, processing_kind_e kind)
{
    int                rc;
    names_t            names = {0};
    processing_rows_t *rows = &job->rows[kind];

    rc = processing_store_series(job->c, &job->p, job->pool, rows, &names.ids,
                                 &names.names, &names.n, job->err);
    if (rc == WD_OK) {
        rc = processing_rules_finish(&processing_observation, &job->r, rows);
    }
    return rc == WD_OK ? merge(job, &kinds[kind], rows, "series", &names) : rc;
}


static int
store_instrument(processing_job_t *job, const wd_instrument_rec_t *rec,
                 processing_counts_t *counts, names_t *names)
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
    names_add(names, s->id, event_name(s));
    return rc;
}


/* Descriptions, before anything else of those whom they describe. */
static int
store_instruments(processing_job_t *job)
{
    int                 rc;
    size_t              i;
    names_t             names;
    processing_counts_t counts = {0};

    rc = names_init(job, job->r.n_instruments, &names);
    for (i = 0; i < job->r.n_instruments && rc == WD_OK; i++) {
        rc = store_instrument(job, &job->r.instruments[i], &counts, &names);
    }
    if (rc == WD_OK) {
        account(job, "instruments", "symbols", &names, (span_t){0, WD_NS_MIN},
                &counts);
    }
    return rc;
}


static bool
gave_nothing(const processing_counts_t *counts)
{
    return counts->stored + counts->corrected + counts->unchanged == 0;
}


int
processing_stage_store(processing_job_t *job)
{
    int    rc;
    size_t i;

    rc = store_instruments(job);
    for (i = 0; i < PROCESSING_KINDS && rc == WD_OK; i++) {
        if (job->rows[i].n != 0) {
            rc = kinds[i].store(job, (processing_kind_e) i);
        }
    }
    if (rc != WD_OK) {
        return rc;
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
