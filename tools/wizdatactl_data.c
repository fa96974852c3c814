/*
 * wizdatactl_data.c - archive, quality, and calls of any method.
 */
#include "wizdatactl.h"

#include "wd_lake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define CTL_LAKE_ROOT "/var/lib/wizdata/lake"


int
ctl_replay(ctl_t *ctl)
{
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_INGEST_REPLAY);
    ctl_args_add(&args, "from_seq", ctl_option(ctl, "from"));
    ctl_args_add(&args, "to_seq", ctl_option(ctl, "to"));
    return ctl_call_members(ctl, &args);
}


int
ctl_quality(ctl_t *ctl)
{
    json_t                   *doc;
    json_int_t                lag;
    ctl_args_t                args;
    ctl_error_t               err;
    static const ctl_column_t columns[] = {
        {"PROVIDER", "provider"},   {"DATASET", "dataset"},
        {"PAYLOADS", "payloads"},   {"STORED", "stored"},
        {"CORRECTED", "corrected"}, {"UNCHANGED", "unchanged"},
        {"FLAGGED", "flagged"},     {"REJECTED", "rejected"},
        {"REASONS", "reasons"},     {"NEWEST", "newest"},
    };

    ctl_args_init(&args, WD_METHOD_QUALITY);
    if (ctl->json) {
        return ctl_call_raw(ctl, &args);
    }
    if (ctl_ask_json(ctl, &args, &doc, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }
    ctl_print_table(json_object_get(doc, "data"), columns,
                    wd_array_len(columns));
    lag = json_integer_value(json_object_get(doc, "lag"));
    if (lag != 0) {
        printf("Not processed yet: %lld\n", (long long) lag);
    }
    json_decref(doc);
    return CTL_OK;
}


int
ctl_rejects(ctl_t *ctl)
{
    size_t                    i;
    ctl_args_t                args;
    static const char *const  options[] = {"provider", "reason", "limit",
                                           "cursor"};
    static const ctl_column_t columns[] = {
        {"ID", "id"},           {"RAW", "raw_seq"},   {"PROVIDER", "provider"},
        {"DATASET", "dataset"}, {"RECORD", "record"}, {"REASON", "reason"},
        {"DETAIL", "detail"},
    };

    ctl_args_init(&args, WD_METHOD_REJECTS);
    for (i = 0; i < wd_array_len(options); i++) {
        ctl_args_add(&args, options[i], ctl_option(ctl, options[i]));
    }
    return ctl_call_table(ctl, &args, "data", columns, wd_array_len(columns));
}


/* Opening would create an archive where there is none. */
static int
ctl_lake_open(const ctl_t *ctl, const char *root, wd_lake_t **ret)
{
    char        path[4096];
    wd_error_t  err = {0};
    struct stat st;

    snprintf(path, sizeof(path), "%s/manifest.ndjson", root);
    if (stat(path, &st) != 0) {
        return ctl_fail(ctl, WD_ENOTFOUND,
                        "%s: %s; give the archive's directory with --root or "
                        "WIZDATA_INGESTION_LAKE",
                        path, strerror(errno));
    }

    if (wd_lake_open_read(root, ret, &err) != WD_OK) {
        return ctl_fail(ctl, err.code, "%s: %s", root, err.text);
    }
    return CTL_OK;
}


static int
ctl_lake_report(const ctl_t *ctl, const char *root, int64_t rows, bool objects)
{
    if (ctl->json) {
        return ctl_print_json(json_pack("{s:s, s:I, s:b, s:b}", "root", root,
                                        "rows", (json_int_t) rows, "objects",
                                        objects, "intact", true));
    }
    printf("%s: %lld rows%s are intact\n", root, (long long) rows,
           objects ? " and their objects" : "");
    return CTL_OK;
}


static int
ctl_lake_verify_at(const ctl_t *ctl, const char *root)
{
    int        rc;
    bool       objects = ctl_option(ctl, "objects") != NULL;
    int64_t    rows = 0, seq = 0;
    wd_lake_t *lake;
    wd_error_t err = {0};

    rc = ctl_lake_open(ctl, root, &lake);
    if (rc != CTL_OK) {
        return rc;
    }

    rc = wd_lake_verify(lake, objects, &rows, &seq, &err);
    wd_lake_close(lake);
    if (rc != WD_OK) {
        return ctl_fail(ctl, rc, "%s: row %lld: %s", root, (long long) seq,
                        err.text);
    }
    return ctl_lake_report(ctl, root, rows, objects);
}


int
ctl_lake_verify(ctl_t *ctl)
{
    int         rc;
    char       *set;
    const char *given = ctl_option(ctl, "root");

    if (given != NULL) {
        return ctl_lake_verify_at(ctl, given);
    }

    rc = ctl_setting(ctl, "ingestion", "lake", CTL_LAKE_ROOT, &set);
    if (rc == CTL_OK) {
        rc = ctl_lake_verify_at(ctl, set);
        free(set);
    }
    return rc;
}


/* Which service is asked, and in which format. */
static int
ctl_any_options(const ctl_t *ctl, ctl_args_t *args)
{
    const char *format = ctl_option(ctl, "format");
    const char *service = ctl_option(ctl, "service");

    if (service != NULL
        && (!wd_service_by_name(wd_str_z(service), &args->service)
            || args->service == WD_SVC_ANY)) {
        return ctl_misuse(ctl, "there is no service \"%s\"", service);
    }
    if (args->service == WD_SVC_ANY) {
        return ctl_misuse(ctl,
                          "every service has %s: say which with "
                          "--service",
                          args->method->name);
    }

    if (format != NULL) {
        args->format = wd_format_by_name(wd_str_z(format));
        if (args->format != WD_FMT_JSON
            && (args->format != WD_FMT_CSV || ctl->json)) {
            return ctl_misuse(ctl, "--format is json, or csv without --json");
        }
    }
    return CTL_OK;
}


int
ctl_any(ctl_t *ctl)
{
    int                rc;
    ctl_args_t         args;
    const wd_method_t *method = wd_method_by_name(wd_str_z(ctl->words[0]));

    if (method == NULL) {
        return ctl_misuse(ctl,
                          "there is no method \"%s\"; docs/API.md lists "
                          "them",
                          ctl->words[0]);
    }

    ctl_args_init(&args, method->id);
    rc = ctl_args_words(ctl, &args, 1);
    if (rc == CTL_OK) {
        rc = ctl_any_options(ctl, &args);
    }
    return rc == CTL_OK ? ctl_call_raw(ctl, &args) : rc;
}
