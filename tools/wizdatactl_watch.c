/*
 * wizdatactl_watch.c - ingest watch: what the ingestion is doing, live. On a
 * terminal a picture that is drawn anew each second, else a line for each
 * change.
 */
#include "wizdatactl.h"

#include "wd_time.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define CTL_WATCH_JOBS "200" /* finished ones that are looked at */
#define CTL_WATCH_BAR 20
#define CTL_WATCH_ROWS 24 /* of a terminal that does not say */
#define CTL_WATCH_ERRORS 5

/* To the other screen, long lines cut, no cursor; and back. */
#define CTL_SCREEN "\033[?1049h\033[?7l\033[?25l"
#define CTL_SCREEN_END "\033[?25h\033[?7h\033[?1049l"
#define CTL_SCREEN_CLEAR "\033[H\033[2J"

typedef struct {
    json_t *status;
    json_t *providers;
    json_t *collections;
} ctl_picture_t;

static volatile sig_atomic_t ctl_watch_ends;

static const ctl_column_t ctl_watch_jobs[] = {
    {"JOB", "id"},    {"PROVIDER", "provider"},     {"DATASET", "dataset"},
    {"ARGS", "args"}, {"COLLECTION", "collection"}, {"AGE", "age"},
};

static const ctl_column_t ctl_watch_providers[] = {
    {"PROVIDER", "provider"}, {"STATE", "state"},
    {"RUNNING", "running"},   {"LIVE", "live"},
    {"BACK-FILL", "fill"},    {"PAUSED", "paused"},
    {"SECOND", "second"},     {"MINUTE", "minute"},
    {"DAY", "day"},           {"LAG S", "lag_seconds"},
    {"UNTIL", "until"},       {"LAST ERROR", "last_error.text"},
};

static const ctl_column_t ctl_watch_collections[] = {
    {"COLLECTION", "name"},
    {"STATE", "state"},
    {"LIVE", "at_work"},
    {"BACK-FILL", "bar"},
    {"ENDS", "backfill.ends"},
    {"NEXT RUN", "next_run"},
    {"ROWS", "rows"},
    {"STOPPED", "instruments.stopped"},
    {"ERROR", "last_error.text"},
};

static const ctl_column_t ctl_watch_errors[] = {
    {"FAILED", "finished_at"}, {"JOB", "id"},    {"PROVIDER", "provider"},
    {"DATASET", "dataset"},    {"ARGS", "args"}, {"CLASS", "class"},
    {"REASON", "reason"},
};


/* ---- asking ------------------------------------------------------------- */

static int
ctl_watch_ask(ctl_t *ctl, wd_method_e method, json_t **ret, ctl_error_t *err)
{
    ctl_args_t args;

    ctl_args_init(&args, method);
    if (method == WD_METHOD_INGEST_STATUS) {
        ctl_args_add(&args, "limit", CTL_WATCH_JOBS);
    }
    return ctl_ask_json(ctl, &args, ret, err);
}


static void
ctl_picture_done(ctl_picture_t *p)
{
    json_decref(p->status);
    json_decref(p->providers);
    json_decref(p->collections);
    memset(p, 0, sizeof(*p));
}


static int
ctl_picture_take(ctl_t *ctl, ctl_picture_t *p, ctl_error_t *err)
{
    int rc;

    memset(p, 0, sizeof(*p));
    rc = ctl_watch_ask(ctl, WD_METHOD_INGEST_STATUS, &p->status, err);
    if (rc == WD_OK) {
        rc = ctl_watch_ask(ctl, WD_METHOD_PROVIDERS, &p->providers, err);
    }
    if (rc == WD_OK) {
        rc = ctl_watch_ask(ctl, WD_METHOD_COLLECTIONS_LIST, &p->collections,
                           err);
    }
    if (rc != WD_OK) {
        ctl_picture_done(p);
    }
    return rc;
}


static const char *
ctl_text(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));

    return text != NULL ? text : "";
}


static json_int_t
ctl_int(const json_t *row, const char *key)
{
    return json_integer_value(json_object_get(row, key));
}


/* ---- the picture -------------------------------------------------------- */

static void
ctl_put_age(json_t *job)
{
    char        text[32];
    wd_ns_t     from;
    long long   s;
    const char *started = ctl_text(job, "started_at");

    if (wd_time_parse(wd_str_z(started), &from, NULL) != WD_OK) {
        return;
    }
    s = (long long) wd_max((wd_now() - from) / WD_NS_PER_S, (wd_ns_t) 0);
    if (s < 120) {
        snprintf(text, sizeof(text), "%llds", s);
    } else if (s < 7200) {
        snprintf(text, sizeof(text), "%lldm", s / 60);
    } else {
        snprintf(text, sizeof(text), "%lldh", s / 3600);
    }
    json_object_set_new(job, "age", json_string(text));
}


/*
 * Jobs of a status, at most `max`; a new reference. What nobody wanted any
 * more has not failed.
 */
static json_t *
ctl_jobs_of(const ctl_picture_t *p, const char *status, size_t max)
{
    size_t  i;
    json_t *job, *out = json_array();

    json_array_foreach(json_object_get(p->status, "jobs"), i, job)
    {
        if (strcmp(ctl_text(job, "status"), status) == 0
            && strcmp(ctl_text(job, "class"), "canceled") != 0
            && json_array_size(out) < max) {
            ctl_put_age(job);
            json_array_append(out, job);
        }
    }
    return out;
}


/* "4/5" of a window. */
static void
ctl_put_left(json_t *provider, const char *window)
{
    char          text[48];
    const json_t *w = json_object_get(json_object_get(provider, "quota"),
                                      window);

    if (json_is_object(w)) {
        snprintf(text, sizeof(text), "%lld/%lld",
                 (long long) ctl_int(w, "left"),
                 (long long) ctl_int(w, "limit"));
        json_object_set_new(provider, window, json_string(text));
    }
}


/* Sums of the queues: live, back-fill, running, paused. */
static void
ctl_put_queues(json_t *provider, const json_t *queues)
{
    size_t        i;
    json_int_t    sums[4] = {0, 0, 0, 0};
    const char   *status;
    const json_t *q;

    json_array_foreach(queues, i, q)
    {
        if (strcmp(ctl_text(q, "provider"), ctl_text(provider, "provider"))
            != 0) {
            continue;
        }
        status = ctl_text(q, "status");
        if (strcmp(status, "running") == 0) {
            sums[2] += ctl_int(q, "jobs");
        } else if (strcmp(status, "paused") == 0) {
            sums[3] += ctl_int(q, "jobs");
        } else {
            sums[ctl_int(q, "priority") > 0] += ctl_int(q, "jobs");
        }
    }
    json_object_set_new(provider, "live", json_integer(sums[0]));
    json_object_set_new(provider, "fill", json_integer(sums[1]));
    json_object_set_new(provider, "running", json_integer(sums[2]));
    json_object_set_new(provider, "paused", json_integer(sums[3]));
}


static json_t *
ctl_providers_of(const ctl_picture_t *p)
{
    size_t  i;
    json_t *row, *out = json_array();

    json_array_foreach(json_object_get(p->providers, "providers"), i, row)
    {
        if (strcmp(ctl_text(row, "state"), "not_configured") == 0) {
            continue;
        }
        ctl_put_left(row, "second");
        ctl_put_left(row, "minute");
        ctl_put_left(row, "day");
        ctl_put_lag(row);
        ctl_put_queues(row, json_object_get(p->status, "queues"));
        json_array_append(out, row);
    }
    return out;
}


/* "[#####---------------]  25% 3/12" */
static void
ctl_put_bar(json_t *row, const json_t *fill)
{
    char             text[CTL_WATCH_BAR + 64];
    const json_int_t all = ctl_int(fill, "slices"),
                     done = ctl_int(fill, "done");
    int i, n = all > 0 ? (int) (done * CTL_WATCH_BAR / all) : 0;

    if (all <= 0) {
        return;
    }
    text[0] = '[';
    for (i = 0; i < CTL_WATCH_BAR; i++) {
        text[i + 1] = i < n ? '#' : '-';
    }
    snprintf(text + CTL_WATCH_BAR + 1, sizeof(text) - CTL_WATCH_BAR - 1,
             "] %3lld%% %lld/%lld", (long long) (done * 100 / all),
             (long long) done, (long long) all);
    json_object_set_new(row, "bar", json_string(text));
}


static json_t *
ctl_collections_of(const ctl_picture_t *p, size_t max)
{
    size_t        i;
    json_t       *row, *out = json_array();
    const json_t *live;

    json_array_foreach(json_object_get(p->collections, "collections"), i, row)
    {
        live = json_object_get(row, "live");
        json_object_set_new(
            row, "at_work",
            json_integer(ctl_int(live, "queued") + ctl_int(live, "running")));
        ctl_put_bar(row, json_object_get(row, "backfill"));
        if (json_array_size(out) < max) {
            json_array_append(out, row);
        }
    }
    return out;
}


/* A table with its head, if it has rows; takes the reference over. */
static void
ctl_watch_table(json_t *rows, const ctl_column_t *columns, size_t n)
{
    if (json_array_size(rows) != 0) {
        putchar('\n');
        ctl_print_table(rows, columns, n);
    }
    json_decref(rows);
}


static void
ctl_print_picture(const ctl_picture_t *p, size_t room)
{
    char          now[WD_TIME_TEXT_MAX];
    size_t        i;
    json_t       *jobs = ctl_jobs_of(p, "running", room / 4);
    const json_t *file;

    wd_time_format(wd_now() / WD_NS_PER_S * WD_NS_PER_S, now);
    printf("%s  %lld running, %lld queued, %lld objects in the lake, %lld to "
           "be published\n",
           now, (long long) ctl_int(p->status, "running"),
           (long long) ctl_int(p->status, "queued"),
           (long long) ctl_int(json_object_get(p->status, "lake"), "objects"),
           (long long) ctl_int(json_object_get(p->status, "lake"), "lag"));
    ctl_watch_table(ctl_providers_of(p), ctl_watch_providers,
                    wd_array_len(ctl_watch_providers));
    ctl_watch_table(ctl_collections_of(p, room / 2), ctl_watch_collections,
                    wd_array_len(ctl_watch_collections));
    ctl_watch_table(jobs, ctl_watch_jobs, wd_array_len(ctl_watch_jobs));
    ctl_watch_table(ctl_jobs_of(p, "failed", CTL_WATCH_ERRORS),
                    ctl_watch_errors, wd_array_len(ctl_watch_errors));
    json_array_foreach(json_object_get(p->status, "files_refused"), i, file)
    {
        fputs("\nRefused: ", stdout);
        ctl_print_text(ctl_text(file, "error"));
    }
}


static size_t
ctl_terminal_rows(void)
{
    struct winsize w;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 8
               ? w.ws_row
               : CTL_WATCH_ROWS;
}


/* ---- changes ------------------------------------------------------------ */

/* One line, or one object with --json; takes `what` over. */
static void
ctl_print_change(const ctl_t *ctl, const char *kind, json_t *what,
                 const char *text)
{
    char now[WD_TIME_TEXT_MAX];

    wd_time_format(wd_now() / WD_NS_PER_MS * WD_NS_PER_MS, now);
    if (ctl->json) {
        ctl_print_json(
            json_pack("{s:s, s:s, s:o}", "at", now, "kind", kind, "row", what));
    } else {
        printf("%s ", now);
        ctl_print_text(text);
        json_decref(what);
    }
}


static void
ctl_print_job(const ctl_t *ctl, json_t *job)
{
    char       *args, text[1024];
    const char *reason = ctl_text(job, "reason"), *name;

    args = json_dumps(json_object_get(job, "args"), JSON_COMPACT);
    name = ctl_text(job, "collection");
    snprintf(text, sizeof(text), "job %lld %s: %s %s %s%s%s%s%s",
             (long long) ctl_int(job, "id"), ctl_text(job, "status"),
             ctl_text(job, "provider"), ctl_text(job, "dataset"),
             args != NULL ? args : "", name[0] != '\0' ? " of " : "", name,
             reason[0] != '\0' ? ": " : "", reason);
    free(args);
    ctl_print_change(ctl, "job", json_incref(job), text);
}


/* What tells a collection's state in a line. */
static void
ctl_collection_line(const json_t *row, char *out, size_t cap)
{
    char          done[64] = "";
    const char   *error = ctl_text(json_object_get(row, "last_error"), "text");
    const json_t *fill = json_object_get(row, "backfill");

    if (json_is_object(fill)) {
        snprintf(done, sizeof(done), ", back-fill %lld/%lld",
                 (long long) ctl_int(fill, "done"),
                 (long long) ctl_int(fill, "slices"));
    }
    snprintf(
        out, cap, "collection %s %s: %lld rows%s, %lld stopped%s%s",
        ctl_text(row, "name"), ctl_text(row, "state"),
        (long long) ctl_int(row, "rows"), done,
        (long long) ctl_int(json_object_get(row, "instruments"), "stopped"),
        error[0] != '\0' ? ", last error: " : "", error);
}


static void
ctl_provider_line(const json_t *row, char *out, size_t cap)
{
    snprintf(out, cap, "provider %s %s", ctl_text(row, "provider"),
             ctl_text(row, "state"));
}


/* Tells what is not as in `seen`, and remembers it there. */
static void
ctl_changes_of(const ctl_t *ctl, const json_t *rows, const char *kind,
               const char *key, void (*line)(const json_t *, char *, size_t),
               json_t     *seen)
{
    char    text[1024];
    size_t  i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        line(row, text, sizeof(text));
        if (strcmp(ctl_text(seen, ctl_text(row, key)), text) != 0) {
            json_object_set_new(seen, ctl_text(row, key), json_string(text));
            ctl_print_change(ctl, kind, json_incref(row), text);
        }
    }
}


/*
 * Jobs that run or ended since the last look. Of the first look only those
 * that run: what ended before was not watched.
 */
static void
ctl_changes_of_jobs(const ctl_t *ctl, const json_t *jobs, json_t **seen)
{
    char        id[32];
    size_t      i;
    json_t     *job, *next = json_object();
    const char *status;
    const bool  first = *seen == NULL;

    for (i = json_array_size(jobs); i-- > 0;) {
        job = json_array_get(jobs, i);
        status = ctl_text(job, "status");
        if (strcmp(status, "queued") == 0 || strcmp(status, "paused") == 0) {
            continue;
        }
        snprintf(id, sizeof(id), "%lld", (long long) ctl_int(job, "id"));
        json_object_set_new(next, id, json_string(status));
        if (strcmp(status, "running") == 0
                ? strcmp(ctl_text(*seen, id), status)
                : !first && strcmp(ctl_text(*seen, id), status)) {
            ctl_print_job(ctl, job);
        }
    }
    json_decref(*seen);
    *seen = next;
}


/* ---- the loop ----------------------------------------------------------- */

static void
ctl_watch_signal(int sig)
{
    (void) sig;
    ctl_watch_ends = 1;
}


static void
ctl_watch_second(void)
{
    struct timespec second = {1, 0};

    if (!ctl_watch_ends) {
        nanosleep(&second, NULL);
    }
}


/* The service may be away for a while: it is said, and waited for. */
static void
ctl_watch_screen(ctl_t *ctl)
{
    ctl_error_t   err;
    ctl_picture_t p;

    fputs(CTL_SCREEN, stdout);
    while (!ctl_watch_ends) {
        fputs(CTL_SCREEN_CLEAR, stdout);
        if (ctl_picture_take(ctl, &p, &err) == WD_OK) {
            ctl_print_picture(&p, ctl_terminal_rows());
            ctl_picture_done(&p);
        } else {
            ctl_print_text(err.text);
        }
        fflush(stdout);
        ctl_watch_second();
    }
    fputs(CTL_SCREEN_END, stdout);
}


static void
ctl_watch_lines(ctl_t *ctl)
{
    bool          away = false;
    json_t       *jobs = NULL, *others = json_object();
    ctl_error_t   err;
    ctl_picture_t p;

    while (!ctl_watch_ends && !ferror(stdout)) {
        if (ctl_picture_take(ctl, &p, &err) == WD_OK) {
            away = false;
            ctl_changes_of(ctl, json_object_get(p.providers, "providers"),
                           "provider", "provider", ctl_provider_line, others);
            ctl_changes_of(ctl, json_object_get(p.collections, "collections"),
                           "collection", "name", ctl_collection_line, others);
            ctl_changes_of_jobs(ctl, json_object_get(p.status, "jobs"), &jobs);
            ctl_picture_done(&p);
        } else if (!away && !ctl_watch_ends) {
            away = true;
            ctl_print_change(ctl, "away", ctl_error_json(&err), err.text);
        }
        fflush(stdout);
        ctl_watch_second();
    }
    json_decref(jobs);
    json_decref(others);
}


static int
ctl_watch_once(const ctl_t *ctl, ctl_picture_t *p)
{
    if (ctl->json) {
        ctl_print_json(
            json_pack("{s:O, s:O, s:O}", "status", p->status, "providers",
                      json_object_get(p->providers, "providers"), "collections",
                      json_object_get(p->collections, "collections")));
    } else {
        ctl_print_picture(p, 1000);
    }
    ctl_picture_done(p);
    return CTL_OK;
}


int
ctl_ingest_watch(ctl_t *ctl)
{
    ctl_error_t      err;
    ctl_picture_t    p;
    struct sigaction end = {.sa_handler = ctl_watch_signal};

    if (ctl_picture_take(ctl, &p, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }
    if (ctl_option(ctl, "once") != NULL) {
        return ctl_watch_once(ctl, &p);
    }
    ctl_picture_done(&p);

    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    if (isatty(STDOUT_FILENO) && !ctl->json) {
        ctl_watch_screen(ctl);
    } else {
        ctl_watch_lines(ctl);
    }
    return CTL_OK;
}
