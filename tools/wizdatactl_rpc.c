/*
 * wizdatactl_rpc.c - calls to the services as an operator.
 *
 * Who may open the socket is an operator: the context grants everything.
 */
#include "wizdatactl.h"

#include "wd_args.h"
#include "wd_ctx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define CTL_CONNECT_MS 2000
#define CTL_SLACK_MS 1000 /* for an answer that left in time */
#define CTL_RUN_DIR "/run/wizdata"


static int ctl_error(ctl_error_t *err, int code, const char *fmt, ...)
    wd_printf_like(3, 4);


static int
ctl_error(ctl_error_t *err, int code, const char *fmt, ...)
{
    va_list ap;

    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return code;
}


static const char *
ctl_env(const char *name, const char *otherwise)
{
    const char *v = getenv(name);

    return v != NULL && *v != '\0' ? v : otherwise;
}


void
ctl_endpoint(wd_service_e service, char out[CTL_ENDPOINT_MAX])
{
    char        name[64];
    size_t      i;
    const char *given;

    snprintf(name, sizeof(name), "WIZDATA_%s_ENDPOINT",
             wd_service_name(service));
    for (i = 0; name[i] != '\0'; i++) {
        if (name[i] >= 'a' && name[i] <= 'z') {
            name[i] = (char) (name[i] - 'a' + 'A');
        }
    }

    given = ctl_env(name, NULL);
    if (given != NULL) {
        wd_str_copy(out, CTL_ENDPOINT_MAX, wd_str_z(given));
        return;
    }
    snprintf(out, CTL_ENDPOINT_MAX, "unix:%s/%s.sock",
             ctl_env("WIZDATA_RUN_DIR", CTL_RUN_DIR), wd_service_name(service));
}


/* ---- arguments ---------------------------------------------------------- */

void
ctl_args_init(ctl_args_t *args, wd_method_e method)
{
    args->method = &wd_methods()[method];
    args->service = args->method->service;
    args->format = WD_FMT_JSON;
    args->n = 0;
}


static void
ctl_args_put(ctl_args_t *args, wd_str_t name, wd_str_t value)
{
    if (args->n < wd_array_len(args->pairs)) {
        args->pairs[args->n].name = name;
        args->pairs[args->n++].value = value;
    }
}


void
ctl_args_add(ctl_args_t *args, const char *name, const char *value)
{
    if (value != NULL) {
        ctl_args_put(args, wd_str_z(name), wd_str_z(value));
    }
}


/* --recovery-code is recovery_code. */
static bool
ctl_option_is(const char *option, const char *param)
{
    for (; *option != '\0'; option++, param++) {
        if (*option != *param && !(*option == '-' && *param == '_')) {
            return false;
        }
    }
    return *param == '\0';
}


static bool
ctl_args_have(const ctl_args_t *args, const char *name)
{
    size_t i;

    for (i = 0; i < args->n; i++) {
        if (wd_str_eq_z(args->pairs[i].name, name)) {
            return true;
        }
    }
    return false;
}


void
ctl_args_options(const ctl_t *ctl, ctl_args_t *args)
{
    size_t              i, k;
    const ctl_option_t *o = ctl->command->options;

    for (i = 0; i < CTL_OPTIONS_MAX && o[i].name != NULL; i++) {
        for (k = 0; o[i].value != NULL && k < args->method->n_params; k++) {
            if (ctl_option_is(o[i].name, args->method->params[k].name)
                && !ctl_args_have(args, args->method->params[k].name)) {
                ctl_args_add(args, args->method->params[k].name,
                             ctl->values[i]);
            }
        }
    }
}


bool
ctl_args_pair(ctl_args_t *args, wd_str_t pair)
{
    wd_str_t name;

    if (!wd_str_split(&pair, '=', &name) || pair.data == NULL
        || name.len == 0) {
        return false;
    }
    ctl_args_put(args, name, pair);
    return true;
}


int
ctl_args_words(const ctl_t *ctl, ctl_args_t *args, int first)
{
    int i;

    for (i = first; i < ctl->n_words; i++) {
        if (!ctl_args_pair(args, wd_str_z(ctl->words[i]))) {
            return ctl_misuse(ctl, "\"%s\" is not NAME=VALUE", ctl->words[i]);
        }
    }
    return CTL_OK;
}


/* What the gateway would send: checked, typed, defaults filled in. */
static int
ctl_args_encode(const ctl_args_t *args, wd_buf_t *out, ctl_error_t *err)
{
    int        rc = WD_OK;
    size_t     i;
    wd_args_t  checked;
    wd_error_t why = {0};

    wd_args_init(&checked, args->method);
    for (i = 0; rc == WD_OK && i < args->n; i++) {
        rc = wd_args_add(&checked, args->pairs[i].name, args->pairs[i].value,
                         &why);
    }
    if (rc == WD_OK) {
        rc = wd_args_encode(&checked, out, &why);
    }
    return rc == WD_OK ? WD_OK : ctl_error(err, rc, "%s", why.text);
}


/* ---- calls -------------------------------------------------------------- */

/* "cannot connect to ENDPOINT: REASON" without what is told anyway. */
static const char *
ctl_reason(const char *text, const char *endpoint)
{
    const char *at = strstr(text, endpoint);
    size_t      n = strlen(endpoint);

    return at != NULL && at[n] == ':' ? at + n + 2 : text;
}


static int
ctl_connect(ctl_t *ctl, wd_service_e service, ctl_error_t *err)
{
    int        rc;
    char       endpoint[CTL_ENDPOINT_MAX];
    wd_error_t why = {0};

    if (ctl->conns[service] != NULL) {
        return WD_OK;
    }

    ctl_endpoint(service, endpoint);
    rc = wd_rpc_client_connect(endpoint, "wizdatactl", CTL_CONNECT_MS,
                               &ctl->conns[service], &why);
    if (rc == WD_OK) {
        return WD_OK;
    }

    ctl->conns[service] = NULL;
    return ctl_error(err, rc,
                     "cannot reach %s at %s (%s): is it running? Try "
                     "`systemctl status wizdata-%s`, or set WIZDATA_RUN_DIR",
                     wd_service_name(service), endpoint,
                     ctl_reason(why.text, endpoint), wd_service_name(service));
}


static void
ctl_hang_up(ctl_t *ctl, wd_service_e service)
{
    if (ctl->conns[service] != NULL) {
        wd_rpc_client_close(ctl->conns[service]);
        ctl->conns[service] = NULL;
    }
}


void
ctl_disconnect(ctl_t *ctl)
{
    int service;

    for (service = 0; service < WD_SVC_COUNT; service++) {
        ctl_hang_up(ctl, service);
    }
}


/* "ctl-" and 16 hexadecimal digits: to be found in the services' logs. */
static void
ctl_request_id(char out[24])
{
    uint8_t bytes[8];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes)) {
        memset(bytes, 0, sizeof(bytes));
    }
    memcpy(out, "ctl-", 4);
    wd_hex_encode(bytes, sizeof(bytes), out + 4);
}


/* body NULL: there is none. */
static int
ctl_send(ctl_t *ctl, const ctl_args_t *args, wd_str_t encoded,
         const ctl_body_t *body, wd_rpc_answer_t *ret, ctl_error_t *err)
{
    int            rc;
    char           id[24];
    wd_ctx_t       ctx = {0};
    wd_error_t     why = {0};
    const uint32_t timeout_ms = args->method->timeout_ms;

    ctl_request_id(id);
    ctx.id = wd_str_z(id);
    ctx.principal = WD_STR("operator");
    ctx.perms = WD_STR("\x91\xa1*"); /* ["*"] */
    ctx.ms = timeout_ms;
    ctx.format = args->format;
    if (body != NULL) {
        ctx.body = true;
        ctx.body_len = -1;
        ctx.type = wd_str_z(body->type);
        ctx.enc = wd_str_z(body->coding);
        ctx.idem = wd_str_z(body->key != NULL ? body->key : "");
    }

    rc = wd_rpc_client_upload(ctl->conns[args->service], args->method->name,
                              &ctx, encoded, body != NULL ? body->fd : -1,
                              timeout_ms + CTL_SLACK_MS, ret, &why);
    if (rc == WD_OK) {
        return WD_OK;
    }

    /* The connection may be at fault; the next call opens another. */
    ctl_hang_up(ctl, args->service);
    return ctl_error(err, rc, "%s: %s", args->method->name, why.text);
}


static int
ctl_ask_with(ctl_t *ctl, const ctl_args_t *args, const ctl_body_t *with,
             wd_buf_t *ret, ctl_error_t *err)
{
    int             rc;
    wd_buf_t        encoded = WD_BUF_INIT;
    wd_rpc_answer_t answer;

    rc = ctl_args_encode(args, &encoded, err);
    if (rc == WD_OK) {
        rc = ctl_connect(ctl, args->service, err);
    }
    if (rc == WD_OK) {
        rc = ctl_send(ctl, args, wd_buf_view(&encoded), with, &answer, err);
    }

    if (encoded.data != NULL) { /* it may hold a password */
        explicit_bzero(encoded.data, encoded.cap);
    }
    wd_buf_done(&encoded);

    if (rc == WD_OK) {
        *ret = answer.body;
        answer.body = (wd_buf_t) WD_BUF_INIT;
        wd_rpc_answer_done(&answer);
    }
    return rc;
}


int
ctl_ask(ctl_t *ctl, const ctl_args_t *args, wd_buf_t *ret, ctl_error_t *err)
{
    return ctl_ask_with(ctl, args, NULL, ret, err);
}


static int
ctl_parse(const ctl_args_t *args, const wd_buf_t *body, json_t **ret,
          ctl_error_t *err)
{
    json_t      *doc;
    json_error_t why;

    doc = json_loadb((const char *) body->data, body->len, 0, &why);
    if (doc == NULL) {
        return ctl_error(err, WD_EPROTO, "%s answered with what is no JSON",
                         args->method->name);
    }
    *ret = doc;
    return WD_OK;
}


int
ctl_ask_json(ctl_t *ctl, const ctl_args_t *args, json_t **ret, ctl_error_t *err)
{
    return ctl_upload_json(ctl, args, NULL, ret, err);
}


int
ctl_upload_json(ctl_t *ctl, const ctl_args_t *args, const ctl_body_t *with,
                json_t **ret, ctl_error_t *err)
{
    int      rc;
    wd_buf_t body;

    rc = ctl_ask_with(ctl, args, with, &body, err);
    if (rc != WD_OK) {
        return rc;
    }

    rc = ctl_parse(args, &body, ret, err);
    wd_buf_done(&body);
    return rc;
}


/*
 * The body's own bytes: no number is rounded on its way. JSON is parsed all
 * the same, so that --json never shows half a document.
 */
static int
ctl_show_body(ctl_t *ctl, const ctl_args_t *args, const wd_buf_t *body)
{
    json_t     *doc = NULL;
    ctl_error_t err;

    if (args->format == WD_FMT_JSON) {
        if (ctl_parse(args, body, &doc, &err) != WD_OK) {
            return ctl_fail_error(ctl, &err);
        }
        json_decref(doc);
    }

    fwrite(body->data, 1, body->len, stdout);
    if (body->len != 0 && body->data[body->len - 1] != '\n') {
        putchar('\n');
    }
    return CTL_OK;
}


int
ctl_call_raw(ctl_t *ctl, const ctl_args_t *args)
{
    int         rc;
    wd_buf_t    body;
    ctl_error_t err;

    if (ctl_ask(ctl, args, &body, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }

    rc = ctl_show_body(ctl, args, &body);
    wd_buf_done(&body);
    return rc;
}


int
ctl_call_table(ctl_t *ctl, const ctl_args_t *args, const char *member,
               const ctl_column_t *columns, size_t n)
{
    json_t     *doc;
    const char *next;
    ctl_error_t err;

    if (ctl->json) {
        return ctl_call_raw(ctl, args);
    }

    if (ctl_ask_json(ctl, args, &doc, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }

    ctl_print_table(json_object_get(doc, member), columns, n);
    next = json_string_value(json_object_get(doc, "next"));
    if (next != NULL) {
        printf("More: --cursor %s\n", next);
    }
    json_decref(doc);
    return CTL_OK;
}


int
ctl_call_members(ctl_t *ctl, const ctl_args_t *args)
{
    json_t     *doc;
    ctl_error_t err;

    if (ctl->json) {
        return ctl_call_raw(ctl, args);
    }

    if (ctl_ask_json(ctl, args, &doc, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }

    ctl_print_members(doc);
    json_decref(doc);
    return CTL_OK;
}
