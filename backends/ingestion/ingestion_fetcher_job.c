/*
 * ingestion_fetcher_job.c - a job, page after page.
 */
#include "ingestion_fetcher_int.h"


/* false: the job has ended. */
static bool
next_page(ingestion_fetcher_t *f, ingestion_try_t *pg)
{
    int64_t ms;

    memcpy(pg->last_sha256, pg->object.sha256, sizeof(pg->last_sha256));
    pg->job->rows += pg->v.page.rows;
    pg->job->page++;
    pg->page++;
    ingestion_fetcher_progress(f, pg);
    pg->archived = false;

    switch (ingestion_fetcher_wait_turn(f, &ms)) {
    case WD_OK:
        return true;
    case WD_ELIMIT:
        ingestion_fetcher_give_back(f, pg, ms, "limit_short",
                                    "Waiting for the quota");
        return false;
    default:
        ingestion_fetcher_give_back(f, pg, 0, NULL, NULL);
        return false;
    }
}


/* The answer was OK or EMPTY. false: the job has ended. */
static bool
accept_rows(ingestion_fetcher_t *f, ingestion_try_t *pg)
{
    bool                    same;
    const ingestion_page_t *page = &pg->v.page;

    if (pg->page <= 1 && pg->v.answer.class == WD_ANSWER_EMPTY) {
        ingestion_fetcher_finish(f, pg, OUTCOME_DONE, WD_ANSWER_EMPTY,
                                 pg->v.answer.text);
        return false;
    }
    if (pg->page == 0) {
        ingestion_fetcher_finish(f, pg, OUTCOME_DONE, WD_ANSWER_OK, NULL);
        return false;
    }

    same = strcmp(pg->last_sha256, pg->object.sha256) == 0;
    switch (ingestion_pages_next(page, pg->page, pg->job->rows, same)) {
    case INGESTION_PAGES_MORE:
        return next_page(f, pg);
    case INGESTION_PAGES_DONE:
        pg->job->rows += page->rows;
        ingestion_fetcher_finish(f, pg, OUTCOME_DONE, WD_ANSWER_OK, NULL);
        return false;
    default:
        ingestion_fetcher_finish(
            f, pg, OUTCOME_FAILED, WD_ANSWER_PARTIAL,
            "The provider counts more rows than its pages hold");
        return false;
    }
}


static void
run_pages(ingestion_fetcher_t *f, ingestion_try_t *pg)
{
    int        rc;
    bool       more = true;
    wd_error_t err = {0};

    while (more) {
        rc = ingestion_fetcher_ask(f, pg);
        if (rc != WD_OK) {
            ingestion_fetcher_give_back(
                f, pg, rc == WD_ECANCELED ? 0 : f->in->conf.retry_ms, NULL,
                NULL);
            return;
        }
        rc = ingestion_fetcher_archive(f, pg, &err);
        if (rc != WD_OK) {
            wd_log_error(f->in->log, "lake takes nothing, payload is dropped",
                         "provider", f->p->name, "job", pg->job->id, "code", rc,
                         "reason", err.text);
            ingestion_fetcher_set_state(f, FETCHER_STORAGE,
                                        INGESTION_STORAGE_MS);
            ingestion_fetcher_give_back(f, pg, INGESTION_STORAGE_MS, "storage",
                                        "The lake could not store the payload");
            ingestion_thread_wait(&f->t, INGESTION_STORAGE_MS);
            return;
        }

        if (pg->v.answer.class != WD_ANSWER_OK
            && pg->v.answer.class != WD_ANSWER_EMPTY) {
            ingestion_fetcher_refused(f, pg);
            return;
        }
        more = accept_rows(f, pg);
    }
}


void
ingestion_fetcher_run(ingestion_fetcher_t *f, ingestion_job_t *job)
{
    ingestion_try_t pg = {.job = job};
    wd_error_t      err = {0};
    const char     *param;

    ingestion_fetcher_set_job(f, job->id);
    wd_http_res_init(&pg.res);
    pg.page = f->p->paged ? job->page : 0;
    pg.dataset = ingestion_dataset_by_name(f->p, wd_str_z(job->dataset));
    if (pg.dataset == NULL
        || ingestion_args_check(pg.dataset, &job->args, &param, &err)
               != WD_OK) {
        ingestion_result_t r = {.outcome = OUTCOME_FAILED,
                                .class = wd_answer_name(WD_ANSWER_BAD_REQUEST),
                                .text = pg.dataset == NULL ? "No such data set"
                                                           : err.text};
        ingestion_fetcher_end(f, &pg, &r);
    } else {
        run_pages(f, &pg);
    }
    wd_http_res_done(&pg.res);
    ingestion_fetcher_set_job(f, 0);
}
