/*
 * wd_spans_out.c - the exporter's thread: batches as OTLP JSON to the
 * collector, with patience, and into the file.
 */
#include "wd_spans_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WD_SPANS_PATIENCE (60 * WD_NS_PER_S) /* for one batch */
#define WD_SPANS_DELAY_MIN (500 * WD_NS_PER_MS)
#define WD_SPANS_DELAY_MAX (15 * WD_NS_PER_S)
#define WD_SPANS_RETRY_AFTER_MAX 30 /* seconds */
#define WD_SPANS_ANSWER_MAX (64 * 1024)
#define WD_SPANS_CONNECT_MS 2000

typedef enum {
    WD_SPANS_TAKEN,
    WD_SPANS_LATER, /* the collector is away or busy */
    WD_SPANS_REFUSED /* asking again would not help */
} wd_spans_answer_e;


static int
wd_spans_file_open(wd_spans_t *s)
{
    struct stat st;

    s->fd = open(s->conf->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                 0640);
    if (s->fd < 0 || fstat(s->fd, &st) != 0) {
        return WD_EIO;
    }
    s->file_len = (uint64_t) st.st_size;
    return WD_OK;
}


int
wd_spans_out_open(wd_spans_t *s, wd_error_t *err)
{
    wd_str_t url = wd_str_z(s->conf->url);

    wd_buf_init(&s->body, 0);
    wd_http_res_init(&s->res);
    s->active = url.len != 0 || s->conf->file != NULL;

    if (url.len != 0 && !wd_str_starts(url, "http://")
        && !wd_str_starts(url, "https://")) {
        return wd_error(err, WD_ECONFIG,
                        "WIZDATA_TRACE_URL must begin with http:// or https://,"
                        " as http://127.0.0.1:4318/v1/traces");
    }
    if (s->conf->file != NULL && wd_spans_file_open(s) != WD_OK) {
        return wd_error(err, WD_ECONFIG,
                        "WIZDATA_TRACE_FILE cannot be written: %s",
                        strerror(errno));
    }
    if (url.len != 0) {
        if (wd_http_init() != WD_OK) {
            return wd_error(err, WD_EINTERNAL, "libcurl failed to start");
        }
        s->http = wd_http_create();
        if (s->http == NULL) {
            wd_http_done();
            return wd_error(err, WD_ENOMEM, "no memory for the HTTP client");
        }
    }
    return WD_OK;
}


void
wd_spans_out_close(wd_spans_t *s)
{
    if (s->http != NULL) {
        wd_http_destroy(s->http);
        wd_http_done();
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    wd_http_res_done(&s->res);
    wd_buf_done(&s->body);
}


static struct timespec
wd_spans_timespec(wd_ns_t t)
{
    return (struct timespec){.tv_sec = t / WD_NS_PER_S,
                             .tv_nsec = t % WD_NS_PER_S};
}


/* Sleeps until then or until the end is asked for; true: it is. */
static bool
wd_spans_wait(wd_spans_t *s, wd_ns_t until)
{
    bool            quit;
    struct timespec ts = wd_spans_timespec(until);

    pthread_mutex_lock(&s->lock);
    while (s->quit == 0 && wd_monotonic() < until) {
        pthread_cond_timedwait(&s->more, &s->lock, &ts);
    }
    quit = s->quit != 0;
    pthread_mutex_unlock(&s->lock);
    return quit;
}


/* With the lock held: until a batch is full, or was long enough under way. */
static void
wd_spans_gather(wd_spans_t *s)
{
    wd_ns_t         until;
    struct timespec ts;

    while (s->n == 0 && s->quit == 0) {
        pthread_cond_wait(&s->more, &s->lock);
    }

    until = wd_monotonic() + WD_SPANS_LINGER;
    ts = wd_spans_timespec(until);
    while (s->n < s->conf->batch && s->quit == 0 && wd_monotonic() < until) {
        pthread_cond_timedwait(&s->more, &s->lock, &ts);
    }
}


/* The next batch; NULL: the end. */
static wd_span_item_t *
wd_spans_batch(wd_spans_t *s, size_t *ret_n)
{
    size_t          n;
    wd_span_item_t *first, **at;

    pthread_mutex_lock(&s->lock);
    wd_spans_gather(s);

    at = &s->first;
    for (n = 0; n < s->conf->batch && *at != NULL; n++) {
        at = &(*at)->next;
    }

    first = n != 0 ? s->first : NULL;
    if (n != 0) {
        s->first = *at;
        *at = NULL;
        if (s->first == NULL) {
            s->last = &s->first;
        }
        s->n -= n;
    }
    wd_metric(WD_MX_SPANS_QUEUED, (double) s->n, NULL, NULL, NULL);
    pthread_mutex_unlock(&s->lock);

    *ret_n = n;
    return first;
}


static bool
wd_spans_same_origin(const wd_span_item_t *a, const wd_span_item_t *b)
{
    return a->own == b->own && strcmp(a->instance, b->instance) == 0;
}


static void
wd_spans_render_one(wd_json_t *j, const wd_span_item_t *item)
{
    wd_mp_t   c = wd_mp(wd_span_item_bytes(item), item->len);
    wd_span_t span;

    if (wd_span_read(&c, &span) == WD_OK) { /* it was when it came */
        wd_otlp_span(j, &span);
    }
}


/* One resource for each run of spans of the same origin. */
static void
wd_spans_render(wd_spans_t *s, const wd_span_item_t *batch)
{
    wd_json_t             j;
    const wd_span_item_t *item, *before = NULL;

    wd_buf_reset(&s->body);
    wd_otlp_begin(&j, &s->body);

    for (item = batch; item != NULL; item = item->next) {
        if (before == NULL || !wd_spans_same_origin(before, item)) {
            wd_otlp_resource_t r = {
                .service = item->own ? s->own_name : s->gateway_name,
                .instance = item->instance,
                .version = item->own ? WD_VERSION : NULL,
            };

            if (before != NULL) {
                wd_otlp_resource_end(&j);
            }
            wd_otlp_resource(&j, &r);
        }
        wd_spans_render_one(&j, item);
        before = item;
    }

    wd_otlp_resource_end(&j);
    wd_otlp_end(&j);
}


/* ---- the file ----------------------------------------------------------- */

/* The file becomes FILE.1, in whose place an older one was. */
static int
wd_spans_file_rotate(wd_spans_t *s)
{
    int    rc;
    char  *old;
    size_t len = strlen(s->conf->file) + sizeof(".1");

    old = malloc(len);
    if (old == NULL) {
        return WD_ENOMEM;
    }
    snprintf(old, len, "%s.1", s->conf->file);
    rc = rename(s->conf->file, old) == 0 || errno == ENOENT ? WD_OK : WD_EIO;
    free(old);

    if (rc == WD_OK) {
        close(s->fd);
        rc = wd_spans_file_open(s);
    }
    return rc;
}


static int
wd_spans_file_write(wd_spans_t *s)
{
    size_t  done = 0;
    ssize_t n;

    if (s->fd < 0 && wd_spans_file_open(s) != WD_OK) {
        return WD_EIO;
    }
    if (s->file_len != 0 && s->file_len + s->body.len > s->conf->file_bytes
        && wd_spans_file_rotate(s) != WD_OK) {
        return WD_EIO;
    }

    while (done < s->body.len) {
        n = write(s->fd, s->body.data + done, s->body.len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return WD_EIO;
        }
        done += (size_t) n;
        s->file_len += (uint64_t) n;
    }
    return WD_OK;
}


static void
wd_spans_to_file(wd_spans_t *s, size_t n)
{
    int rc;

    wd_buf_byte(&s->body, '\n');
    rc = s->body.err == WD_OK ? wd_spans_file_write(s) : WD_ENOMEM;
    if (rc != WD_OK && !s->file_failing) {
        wd_log_warn(s->log, "spans cannot be written and are dropped", "reason",
                    strerror(errno));
    }
    s->file_failing = rc != WD_OK;
    wd_spans_count(rc == WD_OK ? "written" : "file_failed", n);
}


/* ---- the collector ------------------------------------------------------ */

/* As OTLP says: these alone are worth another try. */
static wd_spans_answer_e
wd_spans_judge(int rc, const wd_http_res_t *res)
{
    if (rc == WD_EFORBIDDEN || rc == WD_ETOOBIG) {
        return WD_SPANS_REFUSED;
    }
    if (rc != WD_OK) {
        return WD_SPANS_LATER;
    }
    if (res->status >= 200 && res->status <= 299) {
        return WD_SPANS_TAKEN;
    }
    return res->status == 429 || (res->status >= 502 && res->status <= 504)
               ? WD_SPANS_LATER
               : WD_SPANS_REFUSED;
}


/* Milliseconds that a request may take; at the end there are few. */
static uint32_t
wd_spans_time(wd_spans_t *s)
{
    wd_ns_t left, quit;

    pthread_mutex_lock(&s->lock);
    quit = s->quit;
    pthread_mutex_unlock(&s->lock);

    if (quit == 0) {
        return s->conf->timeout_ms;
    }
    left = (quit + WD_SPANS_EXIT - wd_monotonic()) / WD_NS_PER_MS;
    return (uint32_t) wd_min(wd_max(left, 1), (wd_ns_t) s->conf->timeout_ms);
}


static wd_spans_answer_e
wd_spans_post(wd_spans_t *s, wd_error_t *err)
{
    int           rc;
    wd_http_req_t req = {
        .url = s->conf->url,
        .user_agent = "wizdata/" WD_VERSION,
        .connect_timeout_ms = WD_SPANS_CONNECT_MS,
        .timeout_ms = wd_spans_time(s),
        .max_bytes = WD_SPANS_ANSWER_MAX,
        .allow_http = true,
        .allow_private = true, /* the operator named it */
        .stop = &s->cancel,
        .headers = s->headers,
        .n_headers = s->n_headers,
        .body = wd_buf_view(&s->body),
    };

    rc = wd_http_post(s->http, &req, &s->res, err);
    if (rc == WD_OK && (s->res.status < 200 || s->res.status > 299)) {
        wd_error(err, WD_EUNAVAIL, "it answered %d", s->res.status);
    }
    return wd_spans_judge(rc, &s->res);
}


/* Said once, until it is different. */
static void
wd_spans_say(wd_spans_t *s, bool failing, const char *why)
{
    if (failing && !s->post_failing) {
        wd_log_warn(s->log,
                    "the trace collector does not take spans; they "
                    "wait, and are dropped when the queue is full",
                    "reason", why);
    } else if (!failing && s->post_failing) {
        wd_log_msg(s->log, WD_LOG_INFO, "the trace collector takes spans");
    }
    s->post_failing = failing;
}


/* With a quarter of jitter, so that many services do not come together. */
static wd_ns_t
wd_spans_delay(const wd_http_res_t *res, int attempt)
{
    wd_ns_t delay = WD_SPANS_DELAY_MIN << wd_min(attempt, 5);

    delay = wd_min(delay, WD_SPANS_DELAY_MAX);
    delay += wd_monotonic() % (delay / 4);
    if (res->retry_after_s > 0) {
        delay = wd_max(delay, wd_min(res->retry_after_s,
                                     (int64_t) WD_SPANS_RETRY_AFTER_MAX)
                                  * WD_NS_PER_S);
    }
    return delay;
}


static void
wd_spans_to_collector(wd_spans_t *s, size_t n)
{
    int               attempt;
    size_t            rejected;
    wd_ns_t           delay, give_up = wd_monotonic() + WD_SPANS_PATIENCE;
    wd_error_t        err = {0};
    wd_spans_answer_e answer;

    for (attempt = 0;; attempt++) {
        answer = wd_spans_post(s, &err);
        wd_spans_say(s, answer != WD_SPANS_TAKEN, err.text);
        if (answer != WD_SPANS_LATER) {
            break;
        }

        delay = wd_spans_delay(&s->res, attempt);
        if (wd_monotonic() + delay > give_up
            || wd_spans_wait(s, wd_monotonic() + delay)) {
            wd_spans_count("unreachable", n);
            return;
        }
    }

    if (answer == WD_SPANS_REFUSED) {
        wd_spans_count("rejected", n);
        return;
    }
    rejected = (size_t) wd_min(wd_otlp_rejected(wd_buf_view(&s->res.body)),
                               (int64_t) n);
    wd_spans_count("rejected", rejected);
    wd_spans_count("exported", n - rejected);
}


static void
wd_spans_free(wd_span_item_t *item)
{
    wd_span_item_t *next;

    for (; item != NULL; item = next) {
        next = item->next;
        free(item);
    }
}


void *
wd_spans_out_run(void *arg)
{
    size_t          n;
    wd_spans_t     *s = arg;
    wd_span_item_t *batch;

    while (!__atomic_load_n(&s->cancel, __ATOMIC_RELAXED)
           && (batch = wd_spans_batch(s, &n)) != NULL) {
        wd_spans_render(s, batch);
        if (s->conf->file != NULL) {
            wd_spans_to_file(s, n); /* first: a collector may be waited for */
        }
        if (s->http != NULL) {
            wd_spans_to_collector(s, n);
        }
        wd_spans_free(batch);
    }
    return NULL;
}
