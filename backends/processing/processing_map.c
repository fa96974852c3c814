/*
 * processing_map.c - rows get the ids of the instruments that they are about.
 */
#include "processing_map.h"


wd_str_t
processing_map_name(const processing_symbol_t *s)
{
    return s->type.data != NULL ? s->symbol : s->alias;
}


static bool
is_described(const processing_symbol_t *s)
{
    return s->type.data != NULL || s->name.data != NULL
           || s->currency.data != NULL;
}


/* One about which the request says more than its name. */
static int
map_described(processing_job_t *job, processing_symbol_t *s,
              processing_counts_t *counts, processing_names_t *fresh)
{
    int                           rc;
    processing_counts_t           one = {0};
    const processing_instrument_t inst = {.alias = s->alias,
                                          .symbol = s->symbol,
                                          .type = s->type,
                                          .name = s->name,
                                          .currency = s->currency};

    rc = processing_store_instrument(job->c, &job->p, &inst, &s->id, &one,
                                     job->err);
    if (rc == WD_OK && one.stored + one.corrected != 0) {
        counts->stored += one.stored;
        counts->corrected += one.corrected;
        processing_names_add(fresh, s->id, processing_map_name(s));
    }
    return rc;
}


/* All others, at once. */
static int
map_plain(processing_job_t *job, processing_symbol_t *const *plain, size_t n,
          processing_counts_t *counts, processing_names_t *fresh)
{
    int       rc;
    bool     *is_fresh = wd_pool_alloc(job->pool, (n + 1) * sizeof(*is_fresh));
    size_t    i;
    int64_t  *ids = wd_pool_alloc(job->pool, (n + 1) * sizeof(*ids));
    wd_str_t *aliases = wd_pool_alloc(job->pool, (n + 1) * sizeof(*aliases));
    wd_str_t *symbols = wd_pool_alloc(job->pool, (n + 1) * sizeof(*symbols));

    if (is_fresh == NULL || ids == NULL || aliases == NULL || symbols == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < n; i++) {
        aliases[i] = plain[i]->alias;
        symbols[i] = plain[i]->symbol;
    }
    rc = n != 0
             ? processing_store_instruments(job->c, &job->p, job->pool, aliases,
                                            symbols, n, ids, is_fresh, job->err)
             : WD_OK;
    for (i = 0; i < n && rc == WD_OK; i++) {
        plain[i]->id = ids[i];
        if (is_fresh[i]) {
            counts->stored++;
            processing_names_add(fresh, ids[i], processing_map_name(plain[i]));
        }
    }
    return rc;
}


/* Whom the rows, sorted by the numbers of names, are about. */
static int
map_symbols(processing_job_t *job, const processing_rows_t *rows,
            processing_counts_t *counts, processing_names_t *fresh)
{
    int                   rc = WD_OK;
    size_t                i, n = 0;
    processing_symbol_t  *s, *before = NULL;
    processing_symbol_t **plain = wd_pool_alloc(
        job->pool, (job->symbols.n + 1) * sizeof(*plain));

    if (plain == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < rows->n && rc == WD_OK; i++) {
        s = &job->symbols.v[rows->rows[i].cells[0].i];
        if (s == before || s->id != 0) {
            continue;
        }
        if (is_described(s)) {
            rc = map_described(job, s, counts, fresh);
        } else {
            plain[n++] = s;
        }
        before = s;
    }
    return rc == WD_OK ? map_plain(job, plain, n, counts, fresh) : rc;
}


int
processing_map_rows(processing_job_t *job, const processing_fact_t *fact,
                    processing_rows_t *rows, processing_names_t *ret)
{
    int                        rc;
    size_t                     i;
    int64_t                    number = -1;
    processing_names_t         fresh;
    processing_cell_t         *c;
    processing_counts_t        counts = {0};
    const processing_symbol_t *s = NULL;

    rc = processing_names_init(job, job->symbols.n, ret);
    if (rc == WD_OK) {
        rc = processing_names_init(job, job->symbols.n, &fresh);
    }
    if (rc == WD_OK) {
        rc = map_symbols(job, rows, &counts, &fresh);
    }
    for (i = 0; i < rows->n && rc == WD_OK; i++) {
        c = rows->rows[i].cells;
        if (s == NULL || c[0].i != number) {
            number = c[0].i;
            s = &job->symbols.v[number];
            processing_names_add(ret, s->id, processing_map_name(s));
        }
        c[0].i = s->id;
    }
    if (rc != WD_OK) {
        return rc;
    }
    processing_tell(job, "instruments", "symbols", &fresh,
                    (processing_span_t){0, WD_NS_MIN}, &counts);
    return processing_rules_finish(fact, &job->r, rows);
}
