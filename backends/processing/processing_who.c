/*
 * processing_who.c - whose data a payload is: what was asked for, and what
 * the payload says.
 */
#include "processing_job.h"
#include "wd_av_economy.h"

#include <stdio.h>


/* Another one than was asked for: all of it is refused. */
static int
refuse_other(processing_job_t *job, wd_str_t asked, wd_str_t came)
{
    char detail[120];

    snprintf(detail, sizeof(detail), "asked for %.*s, the answer is %.*s",
             (int) wd_min(asked.len, (size_t) 40), asked.data,
             (int) wd_min(came.len, (size_t) 40), came.data);
    return processing_job_refuse(job, "rejected", WD_REASON_SYMBOL_MISMATCH,
                                 detail);
}


/* Asked for or not, nothing can be stored under that name. */
static int
refuse_name(processing_job_t *job, wd_str_t name)
{
    char detail[80];

    snprintf(detail, sizeof(detail), "\"%.*s\" is no symbol",
             (int) wd_min(name.len, (size_t) 40), name.data);
    return processing_job_refuse(job, "rejected", WD_REASON_BAD_SYMBOL, detail);
}


static int
refuse_nobody(processing_job_t *job)
{
    return processing_job_refuse(
        job, "rejected", WD_REASON_BAD_SYMBOL,
        "neither the payload nor the request has a symbol");
}


/* One instrument, which the payload mostly names. */
int
processing_who_symbol(processing_job_t *job)
{
    wd_str_t asked = processing_job_upper(job, "symbol");
    wd_str_t own = job->r.symbol.len != 0 ? job->r.symbol
                                          : wd_record_symbol(job->pool, asked);

    if (own.len == 0) {
        return refuse_nobody(job);
    }
    if (asked.len != 0 && !wd_str_eq(asked, own)) {
        return refuse_other(job, asked, own);
    }
    return processing_symbols_gather(&job->symbols, &job->r, own);
}


/* "EUR/USD" of EUR and USD, from the pool; data NULL if one is empty. */
static wd_str_t
pair_of(processing_job_t *job, wd_str_t from, wd_str_t to, const char *between)
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


/* A currency in another one: EURUSD, which the provider calls EUR/USD. */
static int
who_pair(processing_job_t *job, const char *base, const char *quote,
         const char *type)
{
    int                  rc;
    wd_str_t             asked, own;
    wd_str_t             from = processing_job_upper(job, base);
    wd_str_t             to = processing_job_upper(job, quote);
    processing_symbol_t *s;

    asked = pair_of(job, from, to, "");
    if (job->r.from_symbol.data == NULL || job->r.to_symbol.data == NULL) {
        job->r.from_symbol = from;
        job->r.to_symbol = to;
    }
    own = job->r.symbol.len != 0 ? job->r.symbol
                                 : wd_record_symbol(job->pool, asked);
    if (own.len == 0) {
        return refuse_nobody(job);
    }
    if (asked.len != 0 && !wd_str_eq(asked, own)) {
        return refuse_other(job, asked, own);
    }

    rc = processing_symbols_gather(&job->symbols, &job->r, own);
    if (rc != WD_OK) {
        return rc;
    }
    s = &job->symbols.v[0];
    s->alias = pair_of(job, job->r.from_symbol, job->r.to_symbol, "/");
    s->name = s->alias;
    s->currency = job->r.to_symbol;
    s->type = wd_str_z(type);
    return s->alias.data != NULL ? WD_OK : WD_ENOMEM;
}


int
processing_who_pair(processing_job_t *job)
{
    return who_pair(job, "from_symbol", "to_symbol", "fx");
}


int
processing_who_coin(processing_job_t *job)
{
    return who_pair(job, "symbol", "market", "crypto");
}


/* Those of a list; the payload may be about one, or its records about many. */
int
processing_who_listed(processing_job_t *job)
{
    int      rc;
    wd_str_t own = job->r.symbol;
    wd_str_t asked = processing_event_arg(&job->ev, "identifiers");

    rc = processing_symbols_want(&job->symbols, asked);
    if (rc != WD_OK) {
        return rc;
    }
    if (own.len != 0 && !processing_symbols_wanted(&job->symbols, own)) {
        return processing_symbol_make(job->pool, own).data != NULL
                   ? refuse_other(job, asked, own)
                   : refuse_name(job, own);
    }
    return processing_symbols_gather(&job->symbols, &job->r, own);
}


/* Whoever the records name. */
int
processing_who_all(processing_job_t *job)
{
    return processing_symbols_gather(&job->symbols, &job->r, job->r.symbol);
}


/*
 * Names that were looked up by another one than a RIC (an ISIN, say): it is
 * one more name of each RIC that was found. Others that came with it belong
 * to the RIC only where there is one.
 */
static int
name_rics(processing_job_t *job, const wd_identifier_rec_t *from, size_t n,
          wd_identifier_rec_t *out, size_t *ret_n)
{
    size_t   i, rics = 0;
    wd_str_t ric = WD_STR_NULL;

    for (i = 0; i < n; i++) {
        if (wd_str_eq_z(from[i].scheme, "RIC")) {
            ric = from[i].value;
            rics++;
            out[(*ret_n)++] = (wd_identifier_rec_t){.symbol = ric,
                                                    .scheme = from[i].asked,
                                                    .value = from[i].symbol,
                                                    .record = from[i].record};
        }
    }
    if (rics == 0) {
        return wd_records_reject(&job->r, from->record, WD_REASON_MISSING_FIELD,
                                 from->symbol, "no RIC among its names");
    }
    for (i = 0; i < n && rics == 1; i++) {
        if (!wd_str_eq_z(from[i].scheme, "RIC")) {
            out[*ret_n] = from[i];
            out[(*ret_n)++].symbol = ric;
        }
    }
    return WD_OK;
}


/* Instruments go by their RICs, whatever they were asked for by. */
int
processing_who_named(processing_job_t *job)
{
    int                        rc = WD_OK;
    size_t                     from, to, n = 0;
    wd_identifier_rec_t       *out;
    const wd_identifier_rec_t *ids = job->r.identifiers;

    out = wd_pool_alloc(job->pool, (job->r.n_identifiers + 1) * sizeof(*out));
    if (out == NULL) {
        return WD_ENOMEM;
    }
    for (from = 0; from < job->r.n_identifiers && rc == WD_OK; from = to) {
        to = from + 1;
        while (to < job->r.n_identifiers
               && ids[to].record == ids[from].record) {
            to++;
        }
        if (ids[from].asked.len == 0 || wd_str_eq_z(ids[from].asked, "RIC")) {
            memcpy(out + n, ids + from, (to - from) * sizeof(*out));
            n += to - from;
        } else {
            rc = name_rics(job, ids + from, to - from, out, &n);
        }
    }
    job->r.identifiers = out;
    job->r.n_identifiers = n;
    job->r.cap_identifiers = n;
    return rc == WD_OK
               ? processing_symbols_gather(&job->symbols, &job->r, WD_STR(""))
               : rc;
}


/* About no instruments. */
int
processing_who_none(processing_job_t *job)
{
    (void) job;
    return WD_OK;
}


/*
 * An economic series of Alpha Vantage says neither its code nor its country:
 * both follow from what was asked for. Maturities are series of their own.
 */
int
processing_who_economy(processing_job_t *job)
{
    char                   code[80];
    size_t                 i;
    wd_str_t               asked, maturity, indicator;
    const wd_av_economy_t *e;
    wd_observation_rec_t  *o = job->r.observations;

    asked = processing_job_upper(job, "indicator");
    e = wd_av_economy(asked);
    if (e == NULL) {
        return processing_job_refuse(job, "rejected", WD_REASON_BAD_SYMBOL,
                                     "the request names no series");
    }
    maturity = processing_event_arg(&job->ev, "maturity");
    snprintf(code, sizeof(code), "%s%s%.*s", e->function,
             maturity.len != 0 ? ":" : "",
             (int) wd_min(maturity.len, (size_t) 16), maturity.data);
    indicator = wd_str_z(wd_pool_strdup(job->pool, wd_str_z(code)));
    if (indicator.data == NULL) {
        return WD_ENOMEM;
    }

    for (i = 0; i < job->r.n_observations; i++) {
        o[i].indicator = indicator;
        o[i].indicator_name = job->r.name;
        o[i].unit = job->r.unit;
        o[i].country = o[i].country2 = wd_str_z(e->country);
        o[i].aggregate = strcmp(e->country, "WLD") == 0;
        o[i].frequency = wd_av_frequency(
            job->r.interval.len != 0
                ? job->r.interval
                : processing_event_arg(&job->ev, "interval"),
            e);
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


/* Observations name their series; those that were not asked for go. */
int
processing_who_indicator(processing_job_t *job)
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
        rc = wd_records_reject(&job->r, o[i].record, WD_REASON_SYMBOL_MISMATCH,
                               o[i].sample, "series %.*s was not asked for",
                               WD_STR_ARG(o[i].indicator));
        if (rc != WD_OK) {
            return rc;
        }
    }
    job->r.n_observations = n;
    return WD_OK;
}
