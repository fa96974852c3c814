/*
 * fuzz_processing.c - a payload on its way to rows: the first line is its
 * provider, its data set and what was asked for; the rest its body. What
 * becomes of it can be stored: keys once and in order, figures finite, texts
 * UTF-8.
 */
#include "fuzz.h"

#include "processing_job.h"

#include <math.h>
#include <stdlib.h>

#define FETCHED (1780000000 * WD_NS_PER_S)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    processing_kind_e        kind;
    const processing_fact_t *fact;
} kinds[] = {
    {PROCESSING_KIND_IDENTIFIERS, &processing_identifier},
    {PROCESSING_KIND_ACTIONS, &processing_action},
    {PROCESSING_KIND_BARS, &processing_bar},
    {PROCESSING_KIND_QUOTES, &processing_quote},
    {PROCESSING_KIND_TRADES, &processing_trade},
    {PROCESSING_KIND_FIELDS, &processing_field},
    {PROCESSING_KIND_FACTS, &processing_field},
    {PROCESSING_KIND_NEWS, &processing_news},
};

static processing_t service;


static void
check_cell(processing_type_e type, const processing_cell_t *cell)
{
    switch (type) {
    case PROCESSING_NUM:
        fuzz_require(isfinite(cell->num) || isnan(cell->num));
        break;
    case PROCESSING_TEXT:
        fuzz_require(cell->s.data == NULL
                     || (wd_utf8_valid(cell->s)
                         && memchr(cell->s.data, '\0', cell->s.len) == NULL));
        break;
    default:
        break;
    }
}


static void
check_rows(const processing_job_t *job, const processing_fact_t *fact,
           const processing_rows_t *rows)
{
    size_t i;
    int    k;

    for (i = 0; i < rows->n; i++) {
        fuzz_require(
            i == 0
            || processing_key_cmp(fact, &rows->rows[i - 1], &rows->rows[i])
                   < 0);
        fuzz_require(rows->rows[i].record < job->r.n_records);
        for (k = 0; k < fact->n_columns; k++) {
            check_cell(fact->types[k], &rows->rows[i].cells[k]);
        }
    }
}


static void
check(const processing_job_t *job)
{
    size_t i;

    for (i = 0; i < wd_array_len(kinds); i++) {
        check_rows(job, kinds[i].fact, &job->rows[kinds[i].kind]);
    }
    if (job->list != NULL) {
        check_rows(job, job->list->fact, &job->rows[PROCESSING_KIND_LIST]);
    }
    for (i = 0; i < job->r.n_rejects; i++) {
        fuzz_require(job->r.rejects[i].record
                     <= job->r.n_records); /* cut there */
        fuzz_require(wd_utf8_valid(job->r.rejects[i].detail));
        fuzz_require(wd_utf8_valid(job->r.rejects[i].sample));
    }
}


static void
walk(processing_job_t *job)
{
    size_t i;

    static int (*const stages[])(processing_job_t *) = {
        processing_stage_parse, processing_stage_name, processing_stage_clock,
        processing_stage_basis, processing_stage_validate};

    processing_job_prepare(job);
    for (i = 0; i < wd_array_len(stages); i++) {
        if (stages[i](job) != WD_OK) {
            return;
        }
        if (job->o.outcome != NULL) {
            fuzz_require(job->r.n_rejects != 0
                         || strcmp(job->o.outcome, "empty") == 0);
            return;
        }
    }
    check(job);
}


/* "lseg ticks {...}" */
static bool
read_event(wd_str_t line, processing_event_t *ev)
{
    wd_str_t provider, dataset, rest = line;

    if (!wd_str_split(&rest, ' ', &provider)
        || !wd_str_split(&rest, ' ', &dataset)
        || provider.len >= sizeof(ev->provider)
        || dataset.len >= sizeof(ev->dataset)) {
        return false;
    }
    wd_str_copy(ev->provider, sizeof(ev->provider), provider);
    wd_str_copy(ev->dataset, sizeof(ev->dataset), dataset);
    ev->seq = 1;
    ev->fetched_at = FETCHED;
    ev->args = json_loadb(rest.data, rest.len, 0, NULL);
    return json_is_object(ev->args);
}


static bool
begin(void)
{
    static bool begun;

    if (!begun) {
        begun = processing_zones_load(&service.zones, NULL) == WD_OK;
    }
    return begun;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    processing_job_t job;
    wd_error_t       err = {0};
    wd_str_t         line, body = wd_str((const char *) data, size);

    memset(&job, 0, sizeof(job));
    if (!begin() || !wd_str_split(&body, '\n', &line)) {
        return 0;
    }
    if (!read_event(line, &job.ev)) {
        json_decref(job.ev.args);
        return 0;
    }
    job.pr = &service;
    job.err = &err;
    job.provider = processing_provider(job.ev.provider);
    job.dataset = processing_dataset(job.ev.provider, job.ev.dataset);
    job.pool = wd_pool_create(65536);
    if (job.pool == NULL) {
        abort();
    }
    wd_records_init(&job.r, job.pool);
    wd_buf_init(&job.body, 0);
    wd_buf_str(&job.body, body);
    if (processing_symbols_init(&job.symbols, job.pool) == WD_OK
        && job.dataset != NULL && job.provider != NULL) {
        walk(&job);
    }
    processing_symbols_done(&job.symbols);
    wd_buf_done(&job.body);
    wd_pool_destroy(job.pool);
    json_decref(job.ev.args);
    return 0;
}
