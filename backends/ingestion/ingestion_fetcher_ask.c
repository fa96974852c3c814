/*
 * ingestion_fetcher_ask.c - one question to the provider, and its answer to the
 * lake.
 */
#include "ingestion_fetcher_int.h"

#include "ingestion_headers.h"
#include "ingestion_publisher.h"

#include "wd_metrics.h"

#include <sodium.h>


static void
count_call(ingestion_fetcher_t *f, const ingestion_try_t *pg, wd_ns_t from)
{
    wd_metric(WD_MX_EXTERNAL_CALLS, 1, f->p->name, pg->dataset->name,
              wd_answer_name(pg->v.answer.class));
    wd_metric(WD_MX_EXTERNAL_SECONDS, (double) (wd_monotonic() - from) / 1e9,
              f->p->name, NULL, NULL);
}


int
ingestion_fetcher_ask(ingestion_fetcher_t *f, ingestion_try_t *pg)
{
    int           rc;
    wd_ns_t       from;
    wd_buf_t      url;
    wd_error_t    err = {0};
    wd_http_req_t req = {
        .user_agent = "WizData/" WD_VERSION,
        .connect_timeout_ms = f->in->conf.connect_timeout_ms,
        .timeout_ms = f->in->conf.timeout_ms,
        .max_bytes = f->in->conf.max_bytes,
        .allow_http = f->in->conf.allow_http,
        .allow_private = f->in->conf.allow_http,
        .stop = &f->t.stop,
    };

    wd_buf_init(&url, 8192);
    f->p->url(&f->account, pg->dataset, &pg->job->args, pg->page, &url);
    ingestion_url_add_key(f->p, &f->account, &url);
    req.url = wd_buf_cstr(&url);
    if (url.err != WD_OK) {
        wd_buf_done(&url);
        return WD_ENOMEM;
    }

    from = f->last_call = wd_monotonic();
    rc = wd_http_get(f->http, &req, &pg->res, &err);
    sodium_memzero(url.data, url.cap);
    wd_buf_done(&url);
    if (rc == WD_ECANCELED || rc == WD_ENOMEM) {
        return rc;
    }

    rc = ingestion_judge(f->p, f->account.key, rc, &err, &pg->res,
                         pg->job->attempts, &pg->v);
    if (rc == WD_OK) {
        count_call(f, pg, from);
    }
    return rc;
}


int
ingestion_fetcher_archive(ingestion_fetcher_t *f, ingestion_try_t *pg,
                          wd_error_t *err)
{
    int      rc;
    wd_buf_t args, headers = WD_BUF_INIT;

    pg->archived = false;
    if (!pg->v.keep) {
        return WD_OK;
    }
    wd_buf_init(&args, sizeof(pg->args) - 1);
    ingestion_args_json(&pg->job->args, pg->page, (int) f->account.per_page,
                        &args);
    wd_str_copy(pg->args, sizeof(pg->args), wd_buf_view(&args));
    rc = args.err;
    wd_buf_done(&args);
    if (rc != WD_OK) {
        return wd_error(err, rc, "the arguments are too long");
    }

    rc = ingestion_headers_json(&pg->res, f->account.key, &headers);
    if (rc == WD_OK) {
        rc = ingestion_archive_put(
            f->in->archive, f->p->name, pg->dataset->name, pg->args,
            wd_buf_cstr(&headers), &pg->res, &pg->object, err);
    }
    wd_buf_done(&headers);
    if (rc != WD_OK) {
        return rc;
    }
    pg->archived = true;
    if (pg->object.duplicate) {
        pg->job->duplicates++;
    } else {
        pg->job->objects++;
        ingestion_publisher_wake(f->in->publisher);
    }
    return WD_OK;
}
