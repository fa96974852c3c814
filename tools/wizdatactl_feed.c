/*
 * wizdatactl_feed.c - collects everything that a file lists.
 */
#include "wizdatactl.h"

#include "wd_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
    ctl_t  *ctl;
    json_t *ids; /* of the jobs */
    json_t *failures; /* {"line" or "job", "error"} */
    size_t  lines; /* that asked for something */
    size_t  ended; /* jobs */
} ctl_feed_t;


static void
ctl_feed_failed(ctl_feed_t *feed, const char *what, json_int_t which,
                const char *why)
{
    json_array_append_new(feed->failures,
                          json_pack("{s:I, s:s}", what, which, "error", why));
    if (!feed->ctl->json) {
        fprintf(stderr, "%swizdatactl: %s %lld: %s\n",
                isatty(STDERR_FILENO) ? "\r\033[K" : "", what,
                (long long) which, why);
    }
}


/* A counter on a terminal; a log would only be longer. */
static void
ctl_feed_progress(const ctl_feed_t *feed)
{
    if (!feed->ctl->json && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r\033[K%zu of %zu jobs ended", feed->ended,
                json_array_size(feed->ids));
    }
}


/* "a=b&c=d"; `scratch` holds query.len bytes and must stay. */
static bool
ctl_feed_query(ctl_args_t *args, wd_str_t query, char *scratch)
{
    wd_str_t pair, plain;

    while (query.len != 0 && wd_str_split(&query, '&', &pair)) {
        if (wd_args_unescape(pair, true, scratch, &plain) != WD_OK
            || !ctl_args_pair(args, plain)) {
            return false;
        }
        scratch += plain.len;
    }
    return true;
}


static int
ctl_feed_ask(ctl_feed_t *feed, wd_str_t line, char *scratch, ctl_error_t *err)
{
    json_t    *answer;
    wd_str_t   provider = WD_STR_NULL, dataset = WD_STR_NULL;
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_INGEST_RUN);
    wd_str_split(&line, '\t', &provider);
    wd_str_split(&line, '\t', &dataset);
    args.pairs[0].name = WD_STR("provider");
    args.pairs[0].value = provider;
    args.pairs[1].name = WD_STR("dataset");
    args.pairs[1].value = dataset;
    args.n = 2;

    if (dataset.len == 0 || !ctl_feed_query(&args, line, scratch)) {
        err->code = WD_EINVAL;
        strcpy(err->text, "not provider, tab, dataset, tab, a=b&c=d");
        return err->code;
    }

    if (ctl_ask_json(feed->ctl, &args, &answer, err) != WD_OK) {
        return err->code;
    }
    ctl_job_ids(answer, feed->ids);
    json_decref(answer);
    return WD_OK;
}


static void
ctl_feed_line(ctl_feed_t *feed, wd_str_t line, json_int_t number)
{
    char       *scratch;
    ctl_error_t err;

    line = wd_str_trim(line);
    if (line.len == 0 || line.data[0] == '#') {
        return;
    }

    feed->lines++;
    scratch = malloc(line.len);
    if (scratch == NULL) {
        ctl_feed_failed(feed, "line", number, "no memory");
        return;
    }
    if (ctl_feed_ask(feed, line, scratch, &err) != WD_OK) {
        ctl_feed_failed(feed, "line", number, err.text);
    }
    free(scratch);
}


static void
ctl_feed_read(ctl_feed_t *feed, FILE *f)
{
    char      *line = NULL;
    size_t     cap = 0;
    ssize_t    n;
    json_int_t number = 0;

    while ((n = getline(&line, &cap, f)) >= 0) {
        ctl_feed_line(feed, wd_str(line, (size_t) n), ++number);
    }
    free(line);
}


static int
ctl_feed_wait(ctl_feed_t *feed, ctl_error_t *err)
{
    size_t        i;
    json_t       *job;
    const char   *why;
    json_int_t    number;
    const json_t *id;

    json_array_foreach(feed->ids, i, id)
    {
        ctl_feed_progress(feed);
        number = json_integer_value(id);
        if (ctl_job_wait(feed->ctl, number, &job, err) != WD_OK) {
            return err->code;
        }
        feed->ended++;
        if (ctl_job_failed(job)) {
            why = json_string_value(json_object_get(job, "reason"));
            ctl_feed_failed(feed, "job", number, why != NULL ? why : "failed");
        }
        json_decref(job);
    }

    ctl_feed_progress(feed);
    return WD_OK;
}


static int
ctl_feed_report(const ctl_feed_t *feed)
{
    size_t failed = json_array_size(feed->failures);

    if (feed->ctl->json) {
        ctl_print_json(json_pack("{s:I, s:O, s:I, s:O}", "lines",
                                 (json_int_t) feed->lines, "jobs", feed->ids,
                                 "ended", (json_int_t) feed->ended, "failures",
                                 feed->failures));
    } else {
        if (isatty(STDERR_FILENO)) {
            fputc('\n', stderr);
        }
        printf("%zu lines, %zu jobs, %zu ended, %zu failures\n", feed->lines,
               json_array_size(feed->ids), feed->ended, failed);
    }
    return failed == 0 ? CTL_OK : CTL_FAILED;
}


static int
ctl_feed_run(ctl_feed_t *feed, FILE *f)
{
    ctl_error_t err;

    ctl_feed_read(feed, f);
    if (ctl_option(feed->ctl, "no-wait") == NULL
        && ctl_feed_wait(feed, &err) != WD_OK) {
        return ctl_fail_error(feed->ctl, &err);
    }
    return ctl_feed_report(feed);
}


int
ctl_ingest_feed(ctl_t *ctl)
{
    int         rc;
    FILE       *f;
    const char *name = ctl->words[0];
    ctl_feed_t  feed = {.ctl = ctl};

    f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    if (f == NULL) {
        return ctl_fail(ctl, WD_ENOTFOUND, "%s: %s", name, strerror(errno));
    }

    feed.ids = json_array();
    feed.failures = json_array();
    rc = ctl_feed_run(&feed, f);
    json_decref(feed.ids);
    json_decref(feed.failures);
    if (f != stdin) {
        fclose(f);
    }
    return rc;
}
