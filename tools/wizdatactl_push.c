/*
 * wizdatactl_push.c - rows of a file into a data set, and what became of them.
 */
#include "wizdatactl.h"

#include "wd_num.h"
#include "wd_push.h"
#include "wd_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define CTL_PUSH_WAIT_S 300
#define CTL_PUSH_HELD_S 5 /* of it in the service, whose threads are few */

/* Ends of names, and what such files are. */
static const struct {
    const char      *end;
    wd_push_format_e format;
} ctl_push_names[] = {
    {".csv", WD_PUSH_CSV},         {".json", WD_PUSH_JSON},
    {".ndjson", WD_PUSH_NDJSON},   {".jsonl", WD_PUSH_NDJSON},
    {".msgpack", WD_PUSH_MSGPACK},
};

static const struct {
    const char *end;
    const char *coding;
} ctl_push_codings[] = {
    {".gz", "gzip"},
    {".zst", "zstd"},
};


/* ---- what is sent ------------------------------------------------------- */

/* Takes an end off the name. */
static bool
ctl_push_cut(wd_str_t *name, const char *end)
{
    size_t n = strlen(end);

    if (name->len <= n
        || !wd_str_ieq(wd_str(name->data + name->len - n, n), wd_str_z(end))) {
        return false;
    }
    name->len -= n;
    return true;
}


/* --coding, or what the file's name says, whose end is cut off. */
static int
ctl_push_coding(const ctl_t *ctl, wd_str_t *name, ctl_body_t *body)
{
    size_t      i;
    const char *given = ctl_option(ctl, "coding");

    body->coding = "";
    for (i = 0; i < wd_array_len(ctl_push_codings); i++) {
        if (ctl_push_cut(name, ctl_push_codings[i].end)) {
            body->coding = ctl_push_codings[i].coding;
        }
    }
    if (given == NULL) {
        return CTL_OK;
    }
    body->coding = strcmp(given, "none") == 0
                       ? ""
                       : wd_upload_coding(wd_str_z(given));
    return body->coding != NULL
               ? CTL_OK
               : ctl_misuse(ctl, "--coding must be gzip, zstd or none");
}


/* --format, or what the file's name says. */
static int
ctl_push_format(const ctl_t *ctl, wd_str_t name, ctl_body_t *body)
{
    size_t           i;
    const char      *given = ctl_option(ctl, "format");
    wd_push_format_e f;

    body->type = NULL;
    for (f = WD_PUSH_CSV; given != NULL && f <= WD_PUSH_MSGPACK; f++) {
        if (strcmp(given, wd_push_format_name(f)) == 0) {
            body->type = wd_push_format_type(f);
        }
    }
    for (i = 0; given == NULL && i < wd_array_len(ctl_push_names); i++) {
        if (ctl_push_cut(&name, ctl_push_names[i].end)) {
            body->type = wd_push_format_type(ctl_push_names[i].format);
        }
    }
    if (body->type != NULL) {
        return CTL_OK;
    }
    return given != NULL
               ? ctl_misuse(ctl,
                            "--format must be csv, json, ndjson or msgpack")
               : ctl_misuse(ctl,
                            "the name does not say what \"%s\" is: give "
                            "--format csv, json, ndjson or msgpack",
                            ctl->words[1]);
}


static int
ctl_push_open(const ctl_t *ctl, ctl_body_t *body)
{
    int         rc;
    wd_str_t    name = wd_str_z(ctl->words[1]);
    const char *file = ctl->words[1];

    rc = ctl_push_coding(ctl, &name, body);
    if (rc == CTL_OK) {
        rc = ctl_push_format(ctl, name, body);
    }
    if (rc != CTL_OK) {
        return rc;
    }
    body->key = ctl_option(ctl, "key");
    if (body->key != NULL && !wd_idem_ok(wd_str_z(body->key))) {
        return ctl_misuse(ctl, "--key must be 1 to %d printable characters",
                          WD_IDEM_MAX);
    }
    body->fd = strcmp(file, "-") == 0 ? STDIN_FILENO
                                      : open(file, O_RDONLY | O_CLOEXEC);
    return body->fd >= 0
               ? CTL_OK
               : ctl_fail(ctl, WD_ENOTFOUND, "%s: %s", file, strerror(errno));
}


/* ---- what became of it -------------------------------------------------- */

static const char *
ctl_push_state(const json_t *doc)
{
    const char *state = json_string_value(json_object_get(doc, "state"));

    return state != NULL ? state : "-";
}


static bool
ctl_push_is(const json_t *doc, const char *state)
{
    return strcmp(ctl_push_state(doc), state) == 0;
}


static bool
ctl_push_ended(const json_t *doc)
{
    return !ctl_push_is(doc, "stored") && !ctl_push_is(doc, "receiving");
}


static long long
ctl_push_int(const json_t *doc, const char *member)
{
    return (long long) json_integer_value(json_object_get(doc, member));
}


static void
ctl_push_print(const json_t *doc)
{
    long long     more = ctl_push_int(doc, "more_rejects");
    const char   *error = json_string_value(json_object_get(doc, "error"));
    const json_t *rejects = json_object_get(doc, "rejects");
    const bool    lines = json_object_get(json_array_get(rejects, 0), "line")
                       != NULL;
    const ctl_column_t columns[] = {
        {lines ? "LINE" : "RECORD", lines ? "line" : "record"},
        {"RULE", "rule"},
        {"DETAIL", "detail"},
    };

    printf("Upload %lld, %s: ", ctl_push_int(doc, "upload"),
           ctl_push_state(doc));
    if (json_is_integer(json_object_get(doc, "records"))) {
        printf("%lld records, ", ctl_push_int(doc, "records"));
    }
    printf("%lld accepted, %lld duplicate, %lld rejected\n",
           ctl_push_int(doc, "accepted"), ctl_push_int(doc, "duplicate"),
           ctl_push_int(doc, "rejected"));
    if (error != NULL) {
        ctl_print_text(error);
    }
    if (!ctl_push_ended(doc)) {
        printf("%lld of %lld parts are handled; what becomes of the others: "
               "wizdatactl ingest upload %lld\n",
               ctl_push_int(doc, "handled"), ctl_push_int(doc, "parts"),
               ctl_push_int(doc, "upload"));
    }
    if (json_array_size(rejects) != 0) {
        ctl_print_table(rejects, columns, wd_array_len(columns));
    }
    if (more > 0) {
        printf("And %lld more were rejected\n", more);
    }
}


/* Takes the document over. `waited`: to be still on its way is a failure. */
static int
ctl_push_show(const ctl_t *ctl, json_t *doc, bool waited)
{
    bool good = ctl_push_int(doc, "rejected") == 0
                && (ctl_push_is(doc, "done")
                    || (!waited && !ctl_push_ended(doc)));

    if (ctl->json) {
        ctl_print_json(doc);
    } else {
        ctl_push_print(doc);
        json_decref(doc);
    }
    return good ? CTL_OK : CTL_FAILED;
}


static int
ctl_push_ask(ctl_t *ctl, const char *id, int64_t wait_s)
{
    json_t     *doc;
    ctl_args_t  args;
    ctl_error_t err;

    ctl_args_init(&args, WD_METHOD_INGEST_UPLOAD);
    ctl_args_add(&args, "id", id);
    if (ctl_wait_for(ctl, &args, ctl_push_ended,
                     wd_monotonic() + wait_s * WD_NS_PER_S, &doc, &err)
        != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }
    return ctl_push_show(ctl, doc, wait_s > 0);
}


static int
ctl_push_wait_s(const ctl_t *ctl, int64_t otherwise, int64_t *ret)
{
    int         rc;
    char        text[16];
    const char *given;

    *ret = otherwise;
    rc = ctl_option_seconds(ctl, "wait", text, &given);
    if (rc == CTL_OK && given != NULL
        && wd_int_parse(wd_str_z(given), ret) != WD_OK) {
        return ctl_misuse(ctl, "--wait must be a time");
    }
    return rc;
}


static int
ctl_push_send(ctl_t *ctl, const ctl_body_t *body, int64_t wait_s)
{
    char        text[24];
    json_t     *doc;
    ctl_args_t  args;
    ctl_error_t err;

    snprintf(text, sizeof(text), "%lld",
             (long long) wd_min(wait_s, (int64_t) CTL_PUSH_HELD_S));
    ctl_args_init(&args, WD_METHOD_INGEST_PUSH);
    ctl_args_add(&args, "dataset", ctl->words[0]);
    ctl_args_add(&args, "wait", text);
    if (ctl_upload_json(ctl, &args, body, &doc, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }
    if (ctl_push_ended(doc) || wait_s <= CTL_PUSH_HELD_S) {
        return ctl_push_show(ctl, doc, wait_s > 0);
    }
    snprintf(text, sizeof(text), "%lld", ctl_push_int(doc, "upload"));
    json_decref(doc);
    return ctl_push_ask(ctl, text, wait_s - CTL_PUSH_HELD_S);
}


int
ctl_ingest_push(ctl_t *ctl)
{
    int        rc;
    int64_t    wait_s;
    ctl_body_t body;

    rc = ctl_push_wait_s(ctl, CTL_PUSH_WAIT_S, &wait_s);
    if (rc == CTL_OK) {
        rc = ctl_push_open(ctl, &body);
    }
    if (rc != CTL_OK) {
        return rc;
    }
    rc = ctl_push_send(ctl, &body, wait_s);
    if (body.fd != STDIN_FILENO) {
        close(body.fd);
    }
    return rc;
}


int
ctl_ingest_upload(ctl_t *ctl)
{
    int     rc;
    int64_t wait_s;

    rc = ctl_push_wait_s(ctl, 0, &wait_s);
    return rc == CTL_OK ? ctl_push_ask(ctl, ctl->words[0], wait_s) : rc;
}
