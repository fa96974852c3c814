/*
 * ingestion_fetcher_land.c - a request has ended: its answer is judged, goes
 * to the lake, and says what becomes of the flight.
 */
#include "ingestion_fetcher_int.h"

#include "ingestion_headers.h"
#include "ingestion_publisher.h"

#include "wd_metrics.h"

#define SKEW_MIN (2 * WD_NS_PER_S) /* less is the network's */


/* ---- secrets in an answer ------------------------------------------------- */

/* "Authorization: Bearer X": X is said by us alone, and by nobody else. */
static int
know_proof(const ingestion_flight_t *fl, ingestion_secrets_t *ret)
{
    const char *at = fl->secret_header;

    *ret = (ingestion_secrets_t){NULL, 0};
    at = at != NULL ? strrchr(at, ' ') : NULL;
    return at != NULL ? ingestion_secrets_add(ret, wd_str_z(at + 1)) : WD_OK;
}


static bool
betrays(const ingestion_ask_t *ask, wd_str_t text)
{
    return ingestion_secrets_in(&ask->account->secrets, text)
           || ingestion_secrets_in(ask->proof, text);
}


/* What surrounds the body: lines with a secret are as good as not sent. */
static int
clean_headers(const ingestion_ask_t *ask, wd_http_res_t *res)
{
    wd_buf_t clean;
    wd_str_t line, rest = wd_buf_view(&res->headers);

    if (betrays(ask, wd_str_z(res->content_type))) {
        res->content_type[0] = '\0';
    }
    if (!betrays(ask, rest)) {
        return WD_OK;
    }
    wd_buf_init(&clean, WD_HTTP_HEADERS_MAX);
    while (rest.len != 0 && wd_str_split(&rest, '\n', &line)) {
        if (line.len != 0 && !betrays(ask, line)) {
            wd_buf_str(&clean, line);
            wd_buf_byte(&clean, '\n');
        }
    }
    if (clean.err != WD_OK) {
        wd_buf_done(&clean);
        return WD_ENOMEM;
    }
    wd_buf_done(&res->headers);
    res->headers = clean;
    return WD_OK;
}


/* Data are kept; what stands in them and is secret is not. */
static void
mask_body(ingestion_fetcher_t *f, ingestion_flight_t *fl,
          const ingestion_ask_t *ask)
{
    size_t    n;
    wd_buf_t *body = &fl->call.res.body;

    n = ingestion_secrets_mask(&ask->account->secrets, (char *) body->data,
                               body->len)
        + ingestion_secrets_mask(ask->proof, (char *) body->data, body->len);
    if (n != 0) {
        wd_log_warn(f->in->log,
                    "an answer held a secret, stars are kept instead",
                    "provider", f->p->name, "dataset", fl->dataset->name, "job",
                    fl->job.id);
    }
}


static void
count_call(ingestion_fetcher_t *f, const ingestion_flight_t *fl)
{
    wd_metric(WD_MX_EXTERNAL_CALLS, 1, f->p->name, fl->dataset->name,
              wd_answer_name(fl->v.answer.class));
    wd_metric(WD_MX_EXTERNAL_SECONDS,
              (double) (fl->call.ended - fl->call.asked) / 1e9, f->p->name,
              NULL, NULL);
}


/* ---- another attempt with another proof ----------------------------------- */

/* A signature holds a time: was ours wrong by the provider's clock? */
static bool
learnt_time(ingestion_fetcher_t *f, const ingestion_flight_t *fl)
{
    int64_t t;
    wd_ns_t skew;

    t = wd_http_date(wd_http_res_header(&fl->call.res, "date"));
    if (t < 0 || t > WD_NS_MAX / WD_NS_PER_S) {
        return false;
    }
    skew = t * WD_NS_PER_S - wd_now();
    if (skew - f->skew < SKEW_MIN && f->skew - skew < SKEW_MIN) {
        return false;
    }
    f->skew = skew;
    wd_log_warn(f->in->log, "the provider's clock differs from ours",
                "provider", f->p->name, "seconds", skew / WD_NS_PER_S);
    return true;
}


/* Refused, but not necessarily because of the account. */
static bool
may_prove_again(ingestion_fetcher_t *f, const ingestion_flight_t *fl)
{
    if (fl->v.answer.class != WD_ANSWER_AUTH || fl->renewed
        || f->p->sign == NULL) {
        return false;
    }
    if (f->p->needs_token != NULL && f->p->needs_token(fl->account)) {
        ingestion_keeper_void(f, fl->generation);
        return true;
    }
    return learnt_time(f, fl);
}


/* ---- the lake ------------------------------------------------------------- */

/* "Not modified": what is in the lake is what would have come. */
static void
seen_again(ingestion_flight_t *fl)
{
    memset(&fl->object, 0, sizeof(fl->object));
    fl->object.duplicate = true;
    fl->object.fetched_at = fl->object.since = wd_now();
    wd_str_copy(fl->object.sha256, sizeof(fl->object.sha256),
                wd_str_z(fl->fresh.sha256));
    fl->archived = true;
    fl->alone = true;
    fl->job.duplicates++;
}


static int
archive(ingestion_fetcher_t *f, ingestion_flight_t *fl, wd_error_t *err)
{
    int      rc;
    wd_buf_t headers = WD_BUF_INIT;

    fl->archived = false;
    if (!fl->v.keep) {
        return WD_OK;
    }
    rc = ingestion_headers_json(&fl->call.res, fl->account, &headers);
    if (rc == WD_OK) {
        rc = ingestion_archive_put(
            f->in->archive, f->p->name, fl->dataset->name, fl->args,
            wd_buf_cstr(&headers), &fl->call.res, &fl->object, err);
    }
    wd_buf_done(&headers);
    if (rc != WD_OK) {
        return rc;
    }
    fl->archived = true;
    if (fl->object.duplicate) {
        fl->job.duplicates++;
    } else {
        fl->job.objects++;
        ingestion_publisher_wake(f->in->publisher);
    }
    return WD_OK;
}


static void
not_archived(ingestion_fetcher_t *f, ingestion_flight_t *fl, int rc,
             const wd_error_t *err)
{
    wd_log_error(f->in->log, "lake takes nothing, payload is dropped",
                 "provider", f->p->name, "job", fl->job.id, "code", rc,
                 "reason", err->text);
    ingestion_fetcher_set_state(f, FETCHER_STORAGE, INGESTION_STORAGE_MS);
    ingestion_fetcher_give_back(f, fl, INGESTION_STORAGE_MS, "storage",
                                "The lake could not store the payload");
}


/* ---- what comes next ------------------------------------------------------ */

static void
next_page(ingestion_fetcher_t *f, ingestion_flight_t *fl,
          const ingestion_next_t *next)
{
    memcpy(fl->last_sha256, fl->object.sha256, sizeof(fl->last_sha256));
    fl->job.rows += fl->v.page.rows;
    fl->job.page++;
    wd_str_copy(fl->job.cursor, sizeof(fl->job.cursor), wd_str_z(next->cursor));
    if (ingestion_fetcher_progress(f, fl)) {
        fl->archived = false;
        fl->renewed = false;
        ingestion_flight_wait_turn(fl);
    }
}


static void
not_ready(ingestion_fetcher_t *f, ingestion_flight_t *fl,
          const ingestion_next_t *next)
{
    wd_str_copy(fl->job.cursor, sizeof(fl->job.cursor), wd_str_z(next->cursor));
    if (next->wait_ms > INGESTION_PATIENCE_MS) {
        ingestion_fetcher_give_back(f, fl, next->wait_ms, NULL,
                                    "Waiting for the provider's answer");
        return;
    }
    if (ingestion_fetcher_progress(f, fl)) {
        fl->archived = false;
        fl->renewed = false;
        ingestion_flight_wait_turn(fl);
        fl->state = FLIGHT_LATER;
        fl->at += next->wait_ms * WD_NS_PER_MS;
    }
}


/* The answer was OK or EMPTY. */
static void
accepted(ingestion_fetcher_t *f, ingestion_flight_t *fl, ingestion_ask_t *a)
{
    ingestion_next_t next;
    const char      *text = fl->v.answer.text;

    a->rows = fl->job.rows;
    a->same = fl->last_sha256[0] != '\0'
              && strcmp(fl->last_sha256, fl->object.sha256) == 0;
    if (ingestion_next(a, &fl->call.res, &fl->v, &next) != WD_OK) {
        ingestion_fetcher_give_back(f, fl, f->in->conf.retry_ms, NULL, NULL);
        return;
    }
    if (betrays(a, wd_str_z(next.cursor))) {
        next.what = INGESTION_NEXT_STUCK;
        next.text = "The address of the next page holds a secret";
    }
    switch (next.what) {
    case INGESTION_NEXT_MORE:
        next_page(f, fl, &next);
        break;
    case INGESTION_NEXT_LATER:
        not_ready(f, fl, &next);
        break;
    case INGESTION_NEXT_DONE:
        fl->alone = fl->job.page == 1;
        fl->job.rows += fl->v.page.rows;
        if (fl->job.page > 1 && fl->v.answer.class == WD_ANSWER_EMPTY) {
            wd_answer_set(&fl->v.answer, WD_ANSWER_OK, NULL); /* their end */
        }
        ingestion_fetcher_finish(f, fl, OUTCOME_DONE, fl->v.answer.class,
                                 text[0] != '\0' ? text : NULL);
        break;
    default:
        ingestion_fetcher_finish(f, fl, OUTCOME_FAILED, WD_ANSWER_PARTIAL,
                                 next.text);
    }
}


/* The answer was judged. */
static void
use(ingestion_fetcher_t *f, ingestion_flight_t *fl, ingestion_ask_t *a)
{
    int        rc;
    wd_error_t err = {0};

    count_call(f, fl);
    if (may_prove_again(f, fl)) {
        fl->renewed = true;
        ingestion_flight_wait_turn(fl);
        return;
    }
    if (fl->v.keep) {
        mask_body(f, fl, a);
    }
    rc = archive(f, fl, &err);
    if (rc != WD_OK) {
        not_archived(f, fl, rc, &err);
    } else if (fl->v.answer.class == WD_ANSWER_OK
               || fl->v.answer.class == WD_ANSWER_EMPTY) {
        accepted(f, fl, a);
    } else {
        ingestion_fetcher_refused(f, fl);
    }
}


static void
land(ingestion_fetcher_t *f, ingestion_flight_t *fl,
     const ingestion_secrets_t *proof)
{
    int             rc = fl->call.rc;
    ingestion_ask_t a = ingestion_flight_ask(fl);

    a.proof = proof;
    if (clean_headers(&a, &fl->call.res) != WD_OK) {
        rc = WD_ENOMEM;
    }
    if (rc == WD_OK && fl->call.res.status == 304
        && fl->fresh.sha256[0] != '\0') {
        memset(&fl->v, 0, sizeof(fl->v));
        count_call(f, fl);
        seen_again(fl);
        ingestion_fetcher_finish(f, fl, OUTCOME_DONE, WD_ANSWER_OK, NULL);
        return;
    }
    if (rc != WD_ECANCELED && rc != WD_ENOMEM && rc != WD_EAGAIN) {
        rc = ingestion_judge(&a, rc, &fl->call.err, &fl->call.res,
                             fl->job.attempts, &fl->v);
    }
    if (rc == WD_OK) {
        use(f, fl, &a);
    } else {
        ingestion_fetcher_give_back(
            f, fl, rc == WD_ECANCELED ? 0 : f->in->conf.retry_ms, NULL, NULL);
    }
}


static void
land_one(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    ingestion_secrets_t proof;

    if (fl->lost) {
        ingestion_flight_lose(fl);
        return;
    }
    if (know_proof(fl, &proof) == WD_OK) {
        land(f, fl, &proof);
    } else {
        ingestion_fetcher_give_back(f, fl, f->in->conf.retry_ms, NULL, NULL);
    }
    ingestion_secrets_done(&proof);
}


void
ingestion_fetcher_take_landed(ingestion_fetcher_t *f)
{
    ingestion_flight_t *fl;

    pthread_mutex_lock(&f->lock);
    while (!wd_list_empty(&f->landed)) {
        fl = wd_list_entry(f->landed.next, ingestion_flight_t, landing);
        wd_list_remove(&fl->landing);
        fl->state = FLIGHT_LANDED;
    }
    pthread_mutex_unlock(&f->lock);
}


void
ingestion_fetcher_land(ingestion_fetcher_t *f)
{
    wd_list_t          *at, *next;
    ingestion_flight_t *fl;

    ingestion_fetcher_take_landed(f);
    for (at = f->flights.next; at != &f->flights; at = next) {
        next = at->next;
        fl = wd_list_entry(at, ingestion_flight_t, link);
        if (fl->state == FLIGHT_LANDED) {
            land_one(f, fl);
        }
    }
}
