/*
 * auth_refusals.c - reads what gateways report, and writes it on a worker
 * thread.
 *
 * A flood of refusals must not become a flood of events: of a report so many
 * rows are events of their own, the rest is one; and what cannot be written
 * in time is counted in the next one.
 */
#include "auth_refusals.h"

#include "auth_audit.h"
#include "auth_check.h"
#include "wd_metrics.h"

#include <pthread.h>
#include <stdlib.h>

#define AUTH_REFUSALS_EVENTS 32 /* of a report that are events of their own */
#define AUTH_REFUSALS_JOBS 4 /* that wait for the database */
#define AUTH_REFUSALS_TEXT_MAX 255
#define AUTH_REFUSALS_IP_MAX 45 /* of an address, as INET6_ADDRSTRLEN */
#define AUTH_REFUSALS_COUNT_MAX INT64_C(1000000000000) /* sums never wrap */
#define AUTH_REFUSALS_RATE 10 /* of our own, a second */
#define AUTH_REFUSALS_BURST 100
#define AUTH_REFUSALS_PATIENCE (5 * WD_NS_PER_S)

struct auth_refusals {
    wd_service_t        *service;
    const auth_pepper_t *pepper;

    /* loop thread */
    uint32_t jobs;
    int64_t  lost; /* not written, and not told of yet */

    pthread_mutex_t lock;
    wd_ns_t         full; /* monotonic: when there will be room for a burst */
    int64_t         untold; /* of our own, for which there was no room */
};

/* A report on its way into the database. */
typedef struct {
    uv_work_t        work;
    auth_refusals_t *r;
    wd_buf_t         params;
    int64_t          lost; /* of reports before */
    int              rc;
    wd_error_t       err;
} auth_report_t;


/* ---- reading ------------------------------------------------------------ */

static bool
auth_refusal_text(wd_mp_t *c, wd_str_t *ret)
{
    return wd_mp_read_str(c, ret) == WD_OK && ret->len <= AUTH_REFUSALS_TEXT_MAX
           && wd_utf8_valid(*ret);
}


static bool
auth_refusal_row(wd_mp_t *c, auth_refusal_t *row)
{
    uint32_t n;

    return wd_mp_read_array(c, &n) == WD_OK && n == 8
           && wd_mp_read_int(c, &row->at) == WD_OK && row->at >= 0
           && auth_refusal_text(c, &row->ip)
           && row->ip.len <= AUTH_REFUSALS_IP_MAX
           && auth_refusal_text(c, &row->sub) && auth_refusal_text(c, &row->key)
           && auth_refusal_text(c, &row->method)
           && wd_mp_read_int(c, &row->code) == WD_OK
           && (row->code == WD_EUNAUTH || row->code == WD_EFORBIDDEN)
           && auth_refusal_text(c, &row->reason)
           && wd_mp_read_int(c, &row->n) == WD_OK && row->n >= 1
           && row->n <= AUTH_REFUSALS_COUNT_MAX;
}


int
auth_refusals_read(wd_str_t params, auth_refusal_t rows[AUTH_REFUSALS_MAX],
                   size_t *ret_n, int64_t *ret_lost, wd_str_t *ret_gateway)
{
    size_t   i;
    uint32_t n, parts;
    wd_mp_t  c = wd_mp(params.data, params.len);

    if (wd_mp_read_array(&c, &parts) != WD_OK || parts != 3
        || wd_mp_read_array(&c, &n) != WD_OK || n > AUTH_REFUSALS_MAX) {
        return WD_EPROTO;
    }
    for (i = 0; i < n; i++) {
        if (!auth_refusal_row(&c, &rows[i])) {
            return WD_EPROTO;
        }
    }
    if (wd_mp_read_int(&c, ret_lost) != WD_OK || *ret_lost < 0
        || *ret_lost > AUTH_REFUSALS_COUNT_MAX
        || !auth_refusal_text(&c, ret_gateway)) {
        return WD_EPROTO;
    }
    *ret_n = n;
    return WD_OK;
}


/* ---- writing, on a worker thread ---------------------------------------- */

/* What auth itself answered to wrong passwords and tokens it has noted. */
static bool
auth_refusal_noted(const auth_refusal_t *row)
{
    const wd_method_t *m;

    if (row->code != WD_EUNAUTH || !wd_str_eq_z(row->reason, "backend")) {
        return false;
    }
    m = wd_method_by_name(row->method);
    return m != NULL && m->service == WD_SVC_AUTH;
}


static void
auth_refusal_detail(wd_buf_t *out, int64_t n, wd_str_t gateway)
{
    wd_json_t j;

    wd_buf_reset(out);
    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "requests");
    wd_json_int(&j, n);
    wd_json_key(&j, "gateway");
    wd_json_str(&j, gateway);
    wd_json_end(&j);
}


static int
auth_refusal_add(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                 const auth_refusal_t *row, wd_str_t detail, wd_error_t *err)
{
    int          rc = WD_OK;
    int64_t      id;
    auth_event_t e = {
        .at_us = row->at / WD_NS_PER_US,
        .actor = row->sub.len != 0 ? row->sub : WD_STR("anonymous"),
        .via = row->key,
        .action = row->method.len != 0 ? row->method : WD_STR("unrouted"),
        .outcome = WD_STR("refused"),
        .reason = row->reason,
        .address = row->ip,
        .detail = detail,
    };

    if (wd_str_starts(row->sub, "user:") && auth_user_id(row->sub, &id)) {
        rc = auth_store_org_of(c, id, &e.org_id, err);
    }
    return rc == WD_OK ? auth_audit_add(c, pepper, &e, err) : rc;
}


/* The rest of a report, as one event. */
static int
auth_refusal_rest(wd_pg_conn_t *c, const auth_report_t *report, int64_t rest,
                  wd_str_t gateway, wd_buf_t *detail, wd_error_t *err)
{
    const auth_refusal_t row = {
        .at = wd_now(),
        .method = WD_STR("various"),
        .reason = WD_STR("not told one by one"),
    };

    if (rest + report->lost == 0) {
        return WD_OK;
    }
    auth_refusal_detail(detail, rest + report->lost, gateway);
    return auth_refusal_add(c, report->r->pepper, &row, wd_buf_view(detail),
                            err);
}


static int
auth_report_write(auth_report_t *report, wd_pg_conn_t *c, wd_error_t *err)
{
    int            rc;
    size_t         i, n, events = 0;
    int64_t        rest;
    wd_buf_t       detail = WD_BUF_INIT;
    wd_str_t       gateway;
    auth_refusal_t rows[AUTH_REFUSALS_MAX];

    rc = auth_refusals_read(wd_buf_view(&report->params), rows, &n, &rest,
                            &gateway);
    if (rc == WD_OK) {
        rc = wd_pg_begin(c, err);
    }
    for (i = 0; rc == WD_OK && i < n; i++) {
        if (auth_refusal_noted(&rows[i])) {
            continue;
        }
        if (events++ >= AUTH_REFUSALS_EVENTS) {
            rest += rows[i].n;
            continue;
        }
        auth_refusal_detail(&detail, rows[i].n, gateway);
        rc = auth_refusal_add(c, report->r->pepper, &rows[i],
                              wd_buf_view(&detail), err);
    }
    if (rc == WD_OK) {
        rc = auth_refusal_rest(c, report, rest, gateway, &detail, err);
    }
    wd_buf_done(&detail);
    return rc == WD_OK ? wd_pg_commit(c, err) : rc;
}


static void
auth_report_work(uv_work_t *work)
{
    auth_report_t *report = work->data;
    wd_pg_conn_t  *c;

    report->rc = wd_pg_acquire(wd_service_pg(report->r->service),
                               wd_monotonic() + AUTH_REFUSALS_PATIENCE, &c,
                               &report->err);
    if (report->rc == WD_OK) {
        report->rc = auth_report_write(report, c, &report->err);
        wd_pg_release(c);
    }
}


/* ---- loop thread -------------------------------------------------------- */

static void
auth_report_destroy(auth_report_t *report)
{
    wd_buf_done(&report->params);
    free(report);
}


/* How many requests a report is about. */
static int64_t
auth_report_count(wd_str_t params)
{
    size_t         i, n;
    int64_t        sum = 0;
    wd_str_t       gateway;
    auth_refusal_t rows[AUTH_REFUSALS_MAX];

    if (auth_refusals_read(params, rows, &n, &sum, &gateway) != WD_OK) {
        return 0;
    }
    for (i = 0; i < n; i++) {
        sum += rows[i].n;
    }
    return sum;
}


static void
auth_report_done(uv_work_t *work, int status)
{
    auth_report_t   *report = work->data;
    auth_refusals_t *r = report->r;

    r->jobs--;
    if (status != 0 || report->rc != WD_OK) {
        r->lost += report->lost
                   + auth_report_count(wd_buf_view(&report->params));
        wd_log_warn(wd_service_log(r->service),
                    "refusals of gateways not in the audit trail yet",
                    "requests", r->lost, "reason",
                    (const char *) report->err.text);
    }
    auth_report_destroy(report);
}


static int
auth_refusals_heard(void *arg, wd_str_t params)
{
    size_t           n;
    int64_t          lost;
    wd_str_t         gateway;
    auth_report_t   *report;
    auth_refusals_t *r = arg;
    auth_refusal_t   rows[AUTH_REFUSALS_MAX];

    if (auth_refusals_read(params, rows, &n, &lost, &gateway) != WD_OK) {
        return WD_EPROTO;
    }

    report = r->jobs < AUTH_REFUSALS_JOBS ? calloc(1, sizeof(*report)) : NULL;
    if (report != NULL) {
        wd_buf_str(&report->params, params);
    }
    if (report == NULL || report->params.err != WD_OK) {
        r->lost += auth_report_count(params);
        if (report != NULL) {
            auth_report_destroy(report);
        }
        return WD_OK;
    }

    report->r = r;
    report->work.data = report;
    report->lost = r->lost;
    r->lost = 0;
    r->jobs++;
    uv_queue_work(wd_service_loop(r->service), &report->work, auth_report_work,
                  auth_report_done);
    return WD_OK;
}


/* ---- any thread --------------------------------------------------------- */

bool
auth_refusals_room(auth_refusals_t *r)
{
    bool    room;
    wd_ns_t one = WD_NS_PER_S / AUTH_REFUSALS_RATE, now = wd_monotonic();

    pthread_mutex_lock(&r->lock);
    r->full = wd_max(r->full, now);
    room = r->full - now + one <= AUTH_REFUSALS_BURST * one;
    if (room) {
        r->full += one;
    } else {
        r->untold++;
    }
    pthread_mutex_unlock(&r->lock);
    return room;
}


static int64_t
auth_refusals_untold(auth_refusals_t *r, int64_t add)
{
    int64_t n;

    pthread_mutex_lock(&r->lock);
    n = r->untold;
    r->untold += add;
    pthread_mutex_unlock(&r->lock);
    return n;
}


int
auth_refusals_settle(auth_refusals_t *r, wd_pg_conn_t *c, wd_error_t *err)
{
    int           rc;
    wd_buf_t      detail = WD_BUF_INIT;
    auth_report_t report = {.r = r, .lost = auth_refusals_untold(r, 0)};

    if (report.lost == 0) {
        return WD_OK;
    }
    rc = wd_pg_begin(c, err);
    if (rc == WD_OK) {
        rc = auth_refusal_rest(c, &report, 0, WD_STR("auth"), &detail, err);
    }
    if (rc == WD_OK) {
        rc = wd_pg_commit(c, err);
    }
    if (rc == WD_OK) {
        (void) auth_refusals_untold(r, -report.lost);
    }
    wd_buf_done(&detail);
    return rc;
}


/* ---- life --------------------------------------------------------------- */

auth_refusals_t *
auth_refusals_create(wd_service_t *service, const auth_pepper_t *pepper)
{
    auth_refusals_t *r = calloc(1, sizeof(*r));

    if (r != NULL) {
        r->service = service;
        r->pepper = pepper;
        pthread_mutex_init(&r->lock, NULL);
        wd_rpc_server_on_notify(wd_service_rpc(service), WD_N_REFUSALS,
                                auth_refusals_heard, r);
    }
    return r;
}


void
auth_refusals_destroy(auth_refusals_t *r)
{
    if (r != NULL) {
        pthread_mutex_destroy(&r->lock);
        free(r);
    }
}
