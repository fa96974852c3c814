/*
 * wd_log.c - log lines as JSON or text, each with one write().
 */
#include "wd_log.h"

#include "wd_json.h"
#include "wd_metrics.h"

#include <stdlib.h>
#include <unistd.h>

#define WD_LOG_LINE_MAX (64 * 1024)

struct wd_log {
    const char *service;
    int         level; /* atomic: changed by a reload */
    bool        text;
};

static const char *const wd_log_names[] = {"debug", "info", "warn", "error"};


wd_log_t *
wd_log_create(const char *service, wd_log_e level, wd_log_format_e format)
{
    wd_log_t *log;

    log = calloc(1, sizeof(*log));
    if (log != NULL) {
        log->service = service;
        log->level = level;
        log->text = format == WD_LOG_TEXT
                    || (format == WD_LOG_AUTO && isatty(STDERR_FILENO));
    }
    return log;
}


void
wd_log_destroy(wd_log_t *log)
{
    free(log);
}


void
wd_log_set_level(wd_log_t *log, wd_log_e level)
{
    __atomic_store_n(&log->level, level, __ATOMIC_RELAXED);
}


bool
wd_log_level_by_name(wd_str_t name, wd_log_e *ret)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_log_names); i++) {
        if (wd_str_eq_z(name, wd_log_names[i])) {
            *ret = (wd_log_e) i;
            return true;
        }
    }
    return false;
}


static void
wd_log_json(wd_log_t *log, wd_log_e level, const char *msg,
            const wd_log_pair_t *pairs, size_t n, wd_buf_t *out)
{
    size_t    i;
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "time");
    wd_json_time(&j, wd_now());
    wd_json_key(&j, "level");
    wd_json_z(&j, wd_log_names[level]);
    wd_json_key(&j, "service");
    wd_json_z(&j, log->service);
    wd_json_key(&j, "pid");
    wd_json_int(&j, getpid());
    wd_json_key(&j, "msg");
    wd_json_z(&j, msg);

    for (i = 0; i < n; i++) {
        wd_json_key_str(&j, wd_str_z(pairs[i].key));
        switch (pairs[i].val.type) {
        case WD_V_STR:
            wd_json_str(&j, pairs[i].val.v.s);
            break;
        case WD_V_INT:
            wd_json_int(&j, pairs[i].val.v.i);
            break;
        case WD_V_NUM:
            wd_json_num(&j, pairs[i].val.v.f);
            break;
        case WD_V_BOOL:
            wd_json_bool(&j, pairs[i].val.v.b);
            break;
        }
    }

    wd_json_end(&j);
}


static void
wd_log_text_value(const wd_log_val_t *v, wd_buf_t *out)
{
    char text[WD_NUM_TEXT_MAX];

    switch (v->type) {
    case WD_V_STR:
        wd_json_escape(out, v->v.s);
        break;
    case WD_V_INT:
        wd_buf_append(out, text, wd_int_format(v->v.i, text));
        break;
    case WD_V_NUM:
        wd_buf_printf(out, "%g", v->v.f);
        break;
    case WD_V_BOOL:
        wd_buf_z(out, v->v.b ? "true" : "false");
        break;
    }
}


static void
wd_log_text(wd_log_t *log, wd_log_e level, const char *msg,
            const wd_log_pair_t *pairs, size_t n, wd_buf_t *out)
{
    static const char *const colour[] = {"\033[2m", "", "\033[33m", "\033[31m"};
    char                     when[WD_TIME_TEXT_MAX];
    size_t                   i;
    bool                     tty = isatty(STDERR_FILENO);

    wd_time_format(wd_now() / WD_NS_PER_MS * WD_NS_PER_MS, when);
    wd_buf_printf(out, "%s%s %-5s %s: %s", tty ? colour[level] : "", when,
                  wd_log_names[level], log->service, msg);

    for (i = 0; i < n; i++) {
        wd_buf_printf(out, " %s=", pairs[i].key);
        wd_log_text_value(&pairs[i].val, out);
    }

    if (tty) {
        wd_buf_z(out, "\033[0m");
    }
}


static void
wd_log_line(wd_log_t *log, wd_log_e level, const char *msg,
            const wd_log_pair_t *pairs, size_t n, wd_buf_t *out)
{
    if (log->text) {
        wd_log_text(log, level, msg, pairs, n, out);
    } else {
        wd_log_json(log, level, msg, pairs, n, out);
    }
    wd_buf_byte(out, '\n');
}


void
wd_log_write(wd_log_t *log, wd_log_e level, const char *msg,
             const wd_log_pair_t *pairs, size_t n)
{
    wd_buf_t                   line;
    static const wd_log_pair_t cut = {"cut", {WD_V_BOOL, {.b = true}}};

    if (log == NULL
        || (int) level < __atomic_load_n(&log->level, __ATOMIC_RELAXED)) {
        return;
    }

    if (level >= WD_LOG_WARN) {
        wd_metric(WD_MX_LOG_MESSAGES, 1, wd_log_names[level], NULL, NULL);
    }

    wd_buf_init(&line, WD_LOG_LINE_MAX);
    wd_log_line(log, level, msg, pairs, n, &line);
    if (line.err == WD_ETOOBIG) {
        /* The event counts more than its values. */
        wd_buf_reset(&line);
        wd_log_line(log, level, msg, &cut, 1, &line);
    }

    /* A log that cannot be written has nobody left to be told. */
    if (line.err == WD_OK
        && write(STDERR_FILENO, line.data, line.len) < 0) { /* void */
    }
    wd_buf_done(&line);
}
