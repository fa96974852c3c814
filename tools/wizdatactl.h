/*
 * wizdatactl.h - commands, their options, how they ask and how they answer.
 */
#ifndef WIZDATACTL_H
#define WIZDATACTL_H

#include "wd_buf.h"
#include "wd_method.h"
#include "wd_rpc_client.h"
#include "wd_time.h"

#include <jansson.h>

/* Exit statuses, documented in wizdatactl(1). */
#define CTL_OK 0
#define CTL_FAILED 1
#define CTL_USAGE 2

#define CTL_OPTIONS_MAX 14 /* of one command */
#define CTL_WORDS_MAX 32 /* that are no options */
#define CTL_TEXT_MAX 768 /* of a complaint */
#define CTL_ENDPOINT_MAX 256

typedef struct ctl ctl_t;

typedef struct {
    const char *name; /* without -- */
    const char *value; /* what stands behind it; NULL: a flag */
    const char *help;
} ctl_option_t;

typedef struct {
    const char  *name; /* one or two words: "key create" */
    const char  *args; /* as usage shows them */
    int          min; /* words behind the name */
    int          max;
    const char  *summary;
    const char  *help; /* more of it, or NULL */
    ctl_option_t options[CTL_OPTIONS_MAX]; /* ends with a NULL name */
    int (*run)(ctl_t *ctl); /* returns the exit status */
} ctl_command_t;

/* A run of the program. Commands read it; all but conns is ctl_main()'s. */
struct ctl {
    const ctl_command_t *command;
    bool                 json; /* --json */
    int                  n_words; /* behind the command's name */
    const char          *words[CTL_WORDS_MAX];
    const char          *values[CTL_OPTIONS_MAX]; /* in command's order */
    wd_rpc_client_t     *conns[WD_SVC_COUNT]; /* opened when first needed */
};

/* Why something failed, and what to do about it. */
typedef struct {
    int  code;
    char text[CTL_TEXT_MAX];
} ctl_error_t;

/* The whole program. */
int ctl_main(int argc, char **argv);

/* All commands; ends with one whose name is NULL. */
extern const ctl_command_t ctl_commands[];

/* An option's value ("" for a flag), or NULL when it was not given. */
const char *ctl_option(const ctl_t *ctl, const char *name);

/*
 * WIZDATA_<SECTION>_<NAME>, or the content of the file that the variable
 * with _FILE behind it names, as for the services; else `def`. The caller
 * frees *ret. CTL_OK, or an exit status after the complaint was printed.
 */
wd_must_check int ctl_setting(const ctl_t *ctl, const char *section,
                              const char *name, const char *def, char **ret);

/* ---- answers (wizdatactl_out.c) ----------------------------------------- */

/*
 * The only ways to fail: one line on standard error, or with --json one
 * object on standard output. They return the exit status, CTL_FAILED, and
 * CTL_USAGE where the caller's words are at fault.
 */
int ctl_fail(const ctl_t *ctl, int code, const char *fmt, ...)
    wd_printf_like(3, 4);
int ctl_fail_error(const ctl_t *ctl, const ctl_error_t *err);
int ctl_misuse(const ctl_t *ctl, const char *fmt, ...) wd_printf_like(2, 3);

/* {"code", "type", "message"}; a new reference. */
json_t *ctl_error_json(const ctl_error_t *err);

/* A line; what could drive a terminal is shown as dots. */
void ctl_print_text(const char *text);

/* One document and a line end; takes the reference over. Returns CTL_OK. */
int ctl_print_json(json_t *doc);

typedef struct {
    const char *title;
    const char *member; /* of each row; may be a path: "args.symbol" */
} ctl_column_t;

/* Rows are objects; null and absent members are shown as "-". */
void ctl_print_table(const json_t *rows, const ctl_column_t *columns, size_t n);

/* Members of an object, one a line, nested ones with a dotted name. */
void ctl_print_members(const json_t *object);

/* ---- calls (wizdatactl_rpc.c) ------------------------------------------- */

/* Where a service listens. */
void ctl_endpoint(wd_service_e service, char out[CTL_ENDPOINT_MAX]);

/* Arguments of a call; the catalogue checks them when it is made. */
typedef struct {
    const wd_method_t *method;
    wd_service_e       service;
    unsigned           format;
    size_t             n;
    struct {
        wd_str_t name;
        wd_str_t value;
    } pairs[CTL_WORDS_MAX + CTL_OPTIONS_MAX];
} ctl_args_t;

void ctl_args_init(ctl_args_t *args, wd_method_e method);

/* value NULL: nothing is added. Texts must stay. */
void ctl_args_add(ctl_args_t *args, const char *name, const char *value);

/*
 * All options of the command that parameters of the method are named like,
 * but those that were added before.
 */
void ctl_args_options(const ctl_t *ctl, ctl_args_t *args);

/* One name=value; false when it has another form. */
bool ctl_args_pair(ctl_args_t *args, wd_str_t pair);

/*
 * The words from `first` on as name=value. CTL_OK, or an exit status after
 * the complaint was printed.
 */
wd_must_check int ctl_args_words(const ctl_t *ctl, ctl_args_t *args, int first);

/* WD_OK and the body in *ret, the caller's; or a code with *err. */
wd_must_check int ctl_ask(ctl_t *ctl, const ctl_args_t *args, wd_buf_t *ret,
                          ctl_error_t *err);

/* The same for a body that is a JSON object; a new reference. */
wd_must_check int ctl_ask_json(ctl_t *ctl, const ctl_args_t *args, json_t **ret,
                               ctl_error_t *err);

/* A body that is sent with a call. */
typedef struct {
    int         fd; /* read until its end */
    const char *type; /* media type */
    const char *coding; /* "gzip", "zstd" or "" */
    const char *key; /* Idempotency-Key, or NULL */
} ctl_body_t;

/* As ctl_ask_json(), with a body: no more than a piece of it is in memory. */
wd_must_check int ctl_upload_json(ctl_t *ctl, const ctl_args_t *args,
                                  const ctl_body_t *with, json_t **ret,
                                  ctl_error_t *err);

/*
 * Asks and shows, and returns the exit status. With --json, and for _raw
 * always, the body as it came; else the table of the rows in `member`, or
 * all members.
 */
int ctl_call_raw(ctl_t *ctl, const ctl_args_t *args);
int ctl_call_table(ctl_t *ctl, const ctl_args_t *args, const char *member,
                   const ctl_column_t *columns, size_t n);
int ctl_call_members(ctl_t *ctl, const ctl_args_t *args);

void ctl_disconnect(ctl_t *ctl);

/*
 * A duration as 90s, 5m or 24h in seconds, as text; *ret NULL when it was not
 * given. CTL_OK, or the exit status after the complaint was printed.
 */
wd_must_check int ctl_option_seconds(const ctl_t *ctl, const char *name,
                                     char out[16], const char **ret);

/* ---- waiting (wizdatactl_jobs.c) ---------------------------------------- */

/*
 * Asks again and again, until the answer has `ended` or the time has come
 * (wd_monotonic(); WD_NS_MAX: never); services may restart meanwhile. WD_OK and
 * the last answer, a new reference; or a code with *err.
 */
wd_must_check int ctl_wait_for(ctl_t *ctl, const ctl_args_t          *args,
                               bool (*ended)(const json_t *), wd_ns_t until,
                               json_t **ret, ctl_error_t *err);

/*
 * Appends the ids of the jobs that the answer of ingest.run names to the
 * array `ids`.
 */
void ctl_job_ids(const json_t *answer, json_t *ids);

/*
 * Waits until a job ended. WD_OK and *ret, its row (a new reference); or a
 * code with *err.
 */
wd_must_check int ctl_job_wait(ctl_t *ctl, json_int_t id, json_t **ret,
                               ctl_error_t *err);

bool ctl_job_failed(const json_t *job);

/* ---- commands ----------------------------------------------------------- */

int ctl_migrate(ctl_t *ctl); /* wizdatactl_migrate.c */
int ctl_user_create(ctl_t *ctl); /* wizdatactl_auth.c */
int ctl_user_list(ctl_t *ctl);
int ctl_user_show(ctl_t *ctl);
int ctl_user_set(ctl_t *ctl);
int ctl_user_disable(ctl_t *ctl);
int ctl_user_enable(ctl_t *ctl);
int ctl_user_delete(ctl_t *ctl);
int ctl_user_reset(ctl_t *ctl);
int ctl_user_verify(ctl_t *ctl);
int ctl_user_logout(ctl_t *ctl);
int ctl_user_totp_end(ctl_t *ctl);
int ctl_key_create(ctl_t *ctl);
int ctl_key_list(ctl_t *ctl);
int ctl_key_show(ctl_t *ctl);
int ctl_key_rotate(ctl_t *ctl);
int ctl_key_revoke(ctl_t *ctl);
int ctl_role_list(ctl_t *ctl); /* wizdatactl_access.c */
int ctl_role_set(ctl_t *ctl);
int ctl_role_delete(ctl_t *ctl);
int ctl_org_list(ctl_t *ctl);
int ctl_org_set(ctl_t *ctl);
int ctl_explain(ctl_t *ctl);
int ctl_audit_list(ctl_t *ctl);
int ctl_audit_verify(ctl_t *ctl);
int ctl_plan_list(ctl_t *ctl); /* wizdatactl_tokens.c */
int ctl_plan_set(ctl_t *ctl);
int ctl_plan_delete(ctl_t *ctl);
int ctl_token_issue(ctl_t *ctl);
int ctl_token_revoke(ctl_t *ctl);
int ctl_jwks_rotate(ctl_t *ctl);
int ctl_gateway_drain(ctl_t *ctl); /* wizdatactl_gateway.c */
int ctl_gateway_undrain(ctl_t *ctl);
int ctl_gateway_status(ctl_t *ctl);
int ctl_ingest_run(ctl_t *ctl); /* wizdatactl_ingest.c */
int ctl_ingest_backfill(ctl_t *ctl);
int ctl_ingest_status(ctl_t *ctl);
int ctl_ingest_feed(ctl_t *ctl); /* wizdatactl_feed.c */
int ctl_ingest_push(ctl_t *ctl); /* wizdatactl_push.c */
int ctl_ingest_upload(ctl_t *ctl);
int ctl_ingest_collections(ctl_t *ctl); /* wizdatactl_collections.c */
int ctl_ingest_pause(ctl_t *ctl);
int ctl_ingest_resume(ctl_t *ctl);
int ctl_ingest_start_now(ctl_t *ctl);
int ctl_ingest_plan(ctl_t *ctl);
int ctl_ingest_watch(ctl_t *ctl); /* wizdatactl_watch.c */
int ctl_ingest_providers(ctl_t *ctl); /* wizdatactl_providers.c */

/* lag_seconds of a provider: that of its data set that is most behind. */
void ctl_put_lag(json_t *provider);
int  ctl_replay(ctl_t *ctl); /* wizdatactl_data.c */
int  ctl_lake_verify(ctl_t *ctl);
int  ctl_quality(ctl_t *ctl);
int  ctl_rejects(ctl_t *ctl);
int  ctl_status(ctl_t *ctl); /* wizdatactl_status.c */
int  ctl_any(ctl_t *ctl); /* wizdatactl_data.c */

#endif /* WIZDATACTL_H */
