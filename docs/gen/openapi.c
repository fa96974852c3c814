/*
 * openapi.c - OpenAPI 3.1 from the catalogue of methods and of errors.
 */
#include "docs.h"

#include "wd_ctx.h"
#include "wd_json.h"
#include "wd_method.h"
#include "wd_upload.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* Of requests and answers, by method name; docs_openapi()'s. */
static json_t *docs_examples;

/* Schema of the 200 answer's JSON body, by method name. */
static const char *const docs_answers[WD_METHOD_COUNT] = {
    [WD_METHOD_INSTRUMENTS_SEARCH] = "InstrumentList",
    [WD_METHOD_INSTRUMENTS_GET] = "Instrument",
    [WD_METHOD_BARS] = "BarList",
    [WD_METHOD_QUOTES] = "QuoteList",
    [WD_METHOD_TRADES] = "TradeList",
    [WD_METHOD_NEWS] = "NewsList",
    [WD_METHOD_MACRO] = "ObservationList",
    [WD_METHOD_MACRO_COUNTRIES] = "CountryList",
    [WD_METHOD_MACRO_INDICATORS] = "MacroIndicatorList",
    [WD_METHOD_MACRO_DATABASES] = "MacroDatabaseList",
    [WD_METHOD_MACRO_GROUPS] = "MacroGroupList",
    [WD_METHOD_INDICATORS_LIST] = "IndicatorList",
    [WD_METHOD_INDICATORS_COMPUTE] = "IndicatorValues",
    [WD_METHOD_INGEST_RUN] = "JobList",
    [WD_METHOD_INGEST_PUSH] = "PushResult",
    [WD_METHOD_INGEST_UPLOAD] = "PushResult",
    [WD_METHOD_INGEST_STATUS] = "IngestStatus",
    [WD_METHOD_PROVIDERS] = "ProviderList",
    [WD_METHOD_COLLECTIONS_LIST] = "CollectionList",
    [WD_METHOD_COLLECTIONS_GET] = "CollectionItems",
    [WD_METHOD_COLLECTIONS_SET] = "CollectionStored",
    [WD_METHOD_COLLECTIONS_DELETE] = "Deleted",
    [WD_METHOD_COLLECTIONS_PAUSE] = "CollectionPaused",
    [WD_METHOD_COLLECTIONS_RESUME] = "CollectionPaused",
    [WD_METHOD_COLLECTIONS_RUN] = "CollectionRun",
    [WD_METHOD_INGEST_PLAN] = "CollectionPlan",
    [WD_METHOD_INGEST_PLAN_TRY] = "CollectionPlan",
    [WD_METHOD_REJECTS] = "RejectList",
    [WD_METHOD_QUALITY] = "Quality",
    [WD_METHOD_AUTH_LOGIN] = "Grant",
    [WD_METHOD_AUTH_REFRESH] = "Grant",
    [WD_METHOD_AUTH_LOGOUT] = "Ended",
    [WD_METHOD_AUTH_ACCEPT] = "OnceDone",
    [WD_METHOD_AUTH_CONFIRM] = "OnceDone",
    [WD_METHOD_AUTH_ME] = "Me",
    [WD_METHOD_AUTH_PASSWORD] = "Grant",
    [WD_METHOD_AUTH_SESSIONS] = "SessionList",
    [WD_METHOD_AUTH_SESSION_END] = "Ended",
    [WD_METHOD_AUTH_LOGOUT_ALL] = "Ended",
    [WD_METHOD_AUTH_TOTP_BEGIN] = "TotpSecret",
    [WD_METHOD_AUTH_TOTP_CONFIRM] = "RecoveryCodes",
    [WD_METHOD_AUTH_TOTP_END] = "Ended",
    [WD_METHOD_USERS_CREATE] = "User",
    [WD_METHOD_USERS_INVITE] = "OnceToken",
    [WD_METHOD_USERS_LIST] = "UserList",
    [WD_METHOD_USERS_GET] = "User",
    [WD_METHOD_USERS_UPDATE] = "User",
    [WD_METHOD_USERS_DELETE] = "Deleted",
    [WD_METHOD_USERS_RESET] = "OnceToken",
    [WD_METHOD_USERS_VERIFY] = "OnceToken",
    [WD_METHOD_USERS_LOGOUT] = "Ended",
    [WD_METHOD_USERS_TOTP_END] = "Ended",
    [WD_METHOD_KEYS_CREATE] = "NewKey",
    [WD_METHOD_KEYS_LIST] = "KeyList",
    [WD_METHOD_KEYS_GET] = "Key",
    [WD_METHOD_KEYS_ROTATE] = "NewKey",
    [WD_METHOD_KEYS_REVOKE] = "KeyRevoked",
    [WD_METHOD_ROLES_LIST] = "RoleList",
    [WD_METHOD_ROLES_SET] = "Role",
    [WD_METHOD_ROLES_DELETE] = "Deleted",
    [WD_METHOD_PERMISSIONS_EXPLAIN] = "Explanation",
    [WD_METHOD_SCOPES_LIST] = "ScopeList",
    [WD_METHOD_ORGS_LIST] = "OrgList",
    [WD_METHOD_ORGS_SET] = "Org",
    [WD_METHOD_PLANS_LIST] = "PlanList",
    [WD_METHOD_PLANS_SET] = "Plan",
    [WD_METHOD_PLANS_DELETE] = "Deleted",
    [WD_METHOD_AUDIT_LIST] = "EventList",
    [WD_METHOD_TOKENS_REVOKE] = "TokensRevoked",
    [WD_METHOD_AUTH_JWKS] = "Jwks",
    [WD_METHOD_USAGE_GET] = "UsageList",
};


static void
docs_key_z(wd_json_t *j, const char *key, const char *value)
{
    wd_json_key(j, key);
    wd_json_z(j, value);
}


static void
docs_enum(wd_json_t *j, const char *values)
{
    wd_str_t all = wd_str_z(values), one;

    wd_json_key(j, "enum");
    wd_json_arr(j);
    while (wd_str_split(&all, '|', &one)) {
        wd_json_str(j, one);
    }
    wd_json_end(j);
}


static void
docs_range(wd_json_t *j, const char *min, const char *max, const wd_param_t *p)
{
    wd_json_key(j, min);
    wd_json_num(j, p->min);
    wd_json_key(j, max);
    wd_json_num(j, p->max);
}


static void
docs_default(wd_json_t *j, const wd_param_t *p)
{
    if (p->def == NULL) {
        return;
    }

    wd_json_key(j, "default");
    if (p->type == WD_P_LIST || p->type == WD_P_SYMBOLS) {
        wd_json_arr(j);
        wd_json_z(j, p->def);
        wd_json_end(j);
    } else if (p->type == WD_P_INT || p->type == WD_P_NUM
               || p->type == WD_P_BOOL) {
        wd_json_raw(j, wd_str_z(p->def));
    } else {
        wd_json_z(j, p->def);
    }
}


static void
docs_list_schema(wd_json_t *j, const wd_param_t *p)
{
    docs_key_z(j, "type", "array");
    wd_json_key(j, "items");
    wd_json_obj(j);
    docs_key_z(j, "type", "string");
    wd_json_key(j, "minLength");
    wd_json_int(j, 1);
    wd_json_key(j, "maxLength");
    wd_json_int(j, p->type == WD_P_SYMBOLS ? 32 : 64);
    wd_json_end(j);
    docs_range(j, "minItems", "maxItems", p);
}


static void
docs_schema(wd_json_t *j, const wd_param_t *p)
{
    wd_json_obj(j);

    switch (p->type) {
    case WD_P_STR:
        docs_key_z(j, "type", "string");
        docs_range(j, "minLength", "maxLength", p);
        break;
    case WD_P_SYMBOL:
        docs_key_z(j, "type", "string");
        docs_key_z(j, "pattern", "^[A-Za-z0-9./:^=_-]{1,32}$");
        break;
    case WD_P_ENUM:
        docs_key_z(j, "type", "string");
        docs_enum(j, p->extra);
        break;
    case WD_P_INT:
        docs_key_z(j, "type", "integer");
        docs_range(j, "minimum", "maximum", p);
        break;
    case WD_P_NUM:
        docs_key_z(j, "type", "number");
        docs_range(j, "minimum", "maximum", p);
        break;
    case WD_P_BOOL:
        docs_key_z(j, "type", "boolean");
        break;
    case WD_P_SYMBOLS:
    case WD_P_LIST:
        docs_list_schema(j, p);
        break;
    case WD_P_TIME:
    case WD_P_TIME_END:
        docs_key_z(j, "type", "string");
        docs_key_z(j, "pattern",
                   "^\\d{4}-\\d{2}-\\d{2}([Tt ]\\d{2}:\\d{2}:\\d{2}"
                   "(\\.\\d{1,9})?([Zz]|[+-]\\d{2}:\\d{2}))?$");
        break;
    case WD_P_PERIOD:
    case WD_P_PERIOD_END:
        docs_key_z(j, "type", "string");
        docs_key_z(j, "pattern", "^\\d{4}(Q[1-4]|[-M]\\d{2}|-\\d{2}-\\d{2})?$");
        break;
    }

    docs_default(j, p);
    if (p->flags & WD_P_SECRET) {
        docs_key_z(j, "format", "password");
    }
    wd_json_end(j);
}


static void
docs_parameter(wd_json_t *j, const wd_param_t *p)
{
    wd_json_obj(j);
    docs_key_z(j, "name", p->name);
    docs_key_z(j, "in", p->flags & WD_P_PATH ? "path" : "query");
    docs_key_z(j, "description", p->help);
    if (p->flags & WD_P_REQUIRED) {
        wd_json_key(j, "required");
        wd_json_bool(j, true);
    }
    if (p->type == WD_P_SYMBOLS || p->type == WD_P_LIST) {
        docs_key_z(j, "style", "form");
        wd_json_key(j, "explode");
        wd_json_bool(j, false);
    }
    wd_json_key(j, "schema");
    docs_schema(j, p);
    wd_json_end(j);
}


/* `format` is the gateway's own: it chooses what Accept would choose. */
static void
docs_format_parameter(wd_json_t *j, const wd_method_t *m)
{
    unsigned f;

    wd_json_obj(j);
    docs_key_z(j, "name", "format");
    docs_key_z(j, "in", "query");
    docs_key_z(j, "description", "Format of the answer, instead of Accept");
    wd_json_key(j, "schema");
    wd_json_obj(j);
    docs_key_z(j, "type", "string");
    wd_json_key(j, "enum");
    wd_json_arr(j);
    for (f = WD_FMT_JSON; f <= WD_FMT_MSGPACK; f <<= 1) {
        if (m->formats & f) {
            wd_json_z(j, wd_format_name(f));
        }
    }
    wd_json_end(j);
    wd_json_end(j);
    wd_json_end(j);
}


/* What a method was really sent and answered, from examples.json. */
static void
docs_example(wd_json_t *j, const char *method, const char *which)
{
    char   *text;
    json_t *example = json_object_get(json_object_get(docs_examples, method),
                                      which);

    if (example == NULL) {
        return;
    }
    text = json_dumps(example, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL) {
        j->out->err = WD_ENOMEM;
        return;
    }
    wd_json_key(j, "example");
    wd_json_raw(j, wd_str_z(text));
    free(text);
}


static bool
docs_in_body_required(const wd_param_t *p)
{
    return (p->flags & (WD_P_REQUIRED | WD_P_PATH)) == WD_P_REQUIRED;
}


static bool
docs_body_required(const wd_method_t *m)
{
    size_t i;

    for (i = 0; i < m->n_params; i++) {
        if (docs_in_body_required(&m->params[i])) {
            return true;
        }
    }
    return false;
}


static void
docs_body(wd_json_t *j, const wd_method_t *m)
{
    size_t i;

    wd_json_key(j, "requestBody");
    wd_json_obj(j);
    wd_json_key(j, "required");
    wd_json_bool(j, docs_body_required(m));
    wd_json_key(j, "content");
    wd_json_obj(j);
    wd_json_key(j, "application/json");
    wd_json_obj(j);
    wd_json_key(j, "schema");
    wd_json_obj(j);
    docs_key_z(j, "type", "object");
    wd_json_key(j, "additionalProperties");
    wd_json_bool(j, false);
    wd_json_key(j, "properties");
    wd_json_obj(j);
    for (i = 0; i < m->n_params; i++) {
        if (!(m->params[i].flags & WD_P_PATH)) {
            wd_json_key(j, m->params[i].name);
            docs_schema(j, &m->params[i]);
        }
    }
    wd_json_end(j);
    wd_json_key(j, "required");
    wd_json_arr(j);
    for (i = 0; i < m->n_params; i++) {
        if (docs_in_body_required(&m->params[i])) {
            wd_json_z(j, m->params[i].name);
        }
    }
    wd_json_end(j);
    wd_json_end(j);
    docs_example(j, m->name, "request");
    wd_json_end(j);
    wd_json_end(j);
    wd_json_end(j);
}


/* What an upload has beside its parameters. */
static void
docs_upload_headers(wd_json_t *j)
{
    wd_json_obj(j);
    docs_key_z(j, "name", "Idempotency-Key");
    docs_key_z(j, "in", "header");
    docs_key_z(j, "description",
               "Names this upload, so that it counts once however often it is "
               "sent: printable ASCII");
    wd_json_key(j, "schema");
    wd_json_obj(j);
    docs_key_z(j, "type", "string");
    wd_json_key(j, "minLength");
    wd_json_int(j, 1);
    wd_json_key(j, "maxLength");
    wd_json_int(j, WD_IDEM_MAX);
    wd_json_end(j);
    wd_json_end(j);

    wd_json_obj(j);
    docs_key_z(j, "name", "Content-Encoding");
    docs_key_z(j, "in", "header");
    docs_key_z(j, "description", "Coding of the body");
    wd_json_key(j, "schema");
    wd_json_obj(j);
    docs_key_z(j, "type", "string");
    docs_enum(j, "identity|gzip|zstd");
    docs_key_z(j, "default", "identity");
    wd_json_end(j);
    wd_json_end(j);
}


static void
docs_upload(wd_json_t *j, const wd_method_t *m)
{
    size_t      i;
    const char *type;

    wd_json_key(j, "requestBody");
    wd_json_obj(j);
    docs_key_z(j, "description",
               "The data, in UTF-8 where it is text. It is passed on while it "
               "is received: an answer may come before it has ended");
    wd_json_key(j, "required");
    wd_json_bool(j, true);
    wd_json_key(j, "content");
    wd_json_obj(j);
    for (i = 0; (type = wd_upload_types()[i]) != NULL; i++) {
        wd_json_key(j, type);
        wd_json_obj(j);
        if (strcmp(type, wd_format_mime(WD_FMT_JSON)) == 0) {
            docs_example(j, m->name, "request");
        }
        wd_json_end(j);
    }
    wd_json_end(j);
    wd_json_end(j);
}


static const char *
docs_success(wd_method_e id)
{
    if (id == WD_METHOD_INGEST_RUN || id == WD_METHOD_COLLECTIONS_RUN) {
        return "202";
    }
    return id == WD_METHOD_USERS_CREATE || id == WD_METHOD_USERS_INVITE
                   || id == WD_METHOD_KEYS_CREATE || id == WD_METHOD_KEYS_ROTATE
               ? "201"
               : "200";
}


/* Headers of answers, by the name in components and on the wire. */
static const struct {
    const char *id;
    const char *name;
    const char *type;
    const char *what;
    bool        cached; /* of methods whose answers are kept */
} docs_header_lines[] = {
    {"RateLimitPolicy", "RateLimit-Policy", "string",
     "The limits of the caller: draft-ietf-httpapi-ratelimit-headers-11",
     false},
    {"RateLimit", "RateLimit", "string", "What is left of each", false},
    {"ETag", "ETag", "string", "For If-None-Match", true},
    {"CacheControl", "Cache-Control", "string",
     "private, no-cache: ask again, with If-None-Match; or how long a client "
     "may use the answer",
     true},
    {"Age", "Age", "integer", "Seconds since the answer was made", true},
    {"XCache", "X-Cache", "string",
     "HIT, MISS, STALE, REVALIDATED or BYPASS; absent where nothing is kept",
     true},
    {"XCacheAge", "X-Cache-Age", "integer", "The same as Age", true},
    {"XCacheTTL", "X-Cache-TTL", "integer",
     "Seconds for which the answer is fresh from its beginning", true},
    {"RetryAfter", "Retry-After", "integer", "Seconds, with 429 and 503",
     false},
};


static void
docs_headers(wd_json_t *j)
{
    size_t i;

    wd_json_key(j, "headers");
    wd_json_obj(j);
    for (i = 0; i < wd_array_len(docs_header_lines); i++) {
        wd_json_key(j, docs_header_lines[i].id);
        wd_json_obj(j);
        docs_key_z(j, "description", docs_header_lines[i].what);
        wd_json_key(j, "schema");
        wd_json_obj(j);
        docs_key_z(j, "type", docs_header_lines[i].type);
        wd_json_end(j);
        wd_json_end(j);
    }
    wd_json_end(j);
}


static void
docs_answer_headers(wd_json_t *j, const wd_method_t *m)
{
    char   ref[64];
    size_t i;

    wd_json_key(j, "headers");
    wd_json_obj(j);
    for (i = 0; i < wd_array_len(docs_header_lines); i++) {
        if (strcmp(docs_header_lines[i].id, "RetryAfter") == 0
            || (docs_header_lines[i].cached && !(m->flags & WD_M_CACHE))) {
            continue;
        }
        snprintf(ref, sizeof(ref), "#/components/headers/%s",
                 docs_header_lines[i].id);
        wd_json_key(j, docs_header_lines[i].name);
        wd_json_obj(j);
        docs_key_z(j, "$ref", ref);
        wd_json_end(j);
    }
    wd_json_end(j);
}


static void
docs_good_answer(wd_json_t *j, const wd_method_t *m, const char *status,
                 const char *what)
{
    char     ref[96];
    unsigned f;

    wd_json_key(j, status);
    wd_json_obj(j);
    docs_key_z(j, "description", what);
    docs_answer_headers(j, m);
    wd_json_key(j, "content");
    wd_json_obj(j);
    for (f = WD_FMT_JSON; f <= WD_FMT_MSGPACK; f <<= 1) {
        if (!(m->formats & f)) {
            continue;
        }
        wd_json_key(j, f == WD_FMT_CSV ? "text/csv" : wd_format_mime(f));
        wd_json_obj(j);
        wd_json_key(j, "schema");
        wd_json_obj(j);
        if (f == WD_FMT_JSON) {
            snprintf(ref, sizeof(ref), "#/components/schemas/%s",
                     docs_answers[m->id]);
            docs_key_z(j, "$ref", ref);
        } else if (f == WD_FMT_CSV) {
            docs_key_z(j, "type", "string");
        }
        wd_json_end(j);
        if (f == WD_FMT_JSON) {
            docs_example(j, m->name, "response");
        }
        wd_json_end(j);
    }
    wd_json_end(j);
    wd_json_end(j);
}


static void
docs_answer(wd_json_t *j, const wd_method_t *m)
{
    docs_good_answer(j, m, docs_success(m->id), m->summary);
    if (m->id == WD_METHOD_INGEST_PUSH) {
        docs_good_answer(j, m, "202",
                         "All of it is safe, not all of it is handled yet");
    }

    if (m->flags & WD_M_CACHE) {
        wd_json_key(j, "304");
        wd_json_obj(j);
        docs_key_z(j, "$ref", "#/components/responses/NotModified");
        wd_json_end(j);
    }
    wd_json_key(j, "default");
    wd_json_obj(j);
    docs_key_z(j, "$ref", "#/components/responses/Problem");
    wd_json_end(j);
}


static void
docs_operation(wd_json_t *j, const wd_method_t *m)
{
    static const char *const verbs[] = {"get", "post", "delete"};
    size_t                   i;

    wd_json_key(j, verbs[m->verb]);
    wd_json_obj(j);
    docs_key_z(j, "operationId", m->name);
    docs_key_z(j, "summary", m->summary);
    wd_json_key(j, "tags");
    wd_json_arr(j);
    wd_json_z(j, wd_service_name(m->service));
    wd_json_end(j);
    docs_key_z(j, "x-wizdata-permission", m->permission);
    if (m->flags & WD_M_PUBLIC) {
        wd_json_key(j, "security");
        wd_json_arr(j);
        wd_json_end(j);
    }
    wd_json_key(j, "x-wizdata-cost");
    wd_json_int(j, m->cost);

    wd_json_key(j, "parameters");
    wd_json_arr(j);
    for (i = 0; i < m->n_params; i++) {
        if (!(m->flags & WD_M_BODY) || (m->params[i].flags & WD_P_PATH)) {
            docs_parameter(j, &m->params[i]);
        }
    }
    if (m->formats & (m->formats - 1)) {
        docs_format_parameter(j, m);
    }
    if (m->flags & WD_M_UPLOAD) {
        docs_upload_headers(j);
    }
    wd_json_end(j);
    if (m->flags & WD_M_BODY) {
        docs_body(j, m);
    }
    if (m->flags & WD_M_UPLOAD) {
        docs_upload(j, m);
    }

    wd_json_key(j, "responses");
    wd_json_obj(j);
    docs_answer(j, m);
    wd_json_end(j);
    wd_json_end(j);
}


/* A path once, with all its verbs. */
/*
 * The members of a file's JSON object, beside those of the object that is
 * open and has some already.
 */
static int
docs_splice(wd_json_t *j, const char *path)
{
    char   text[64 * 1024];
    FILE  *f;
    size_t n;

    f = fopen(path, "r");
    if (f == NULL) {
        return WD_EIO;
    }
    n = fread(text, 1, sizeof(text), f);
    fclose(f);

    while (n != 0 && text[n - 1] != '}') {
        n--;
    }
    if (n < 2 || n == sizeof(text)) {
        return WD_EIO;
    }

    wd_buf_byte(j->out, ',');
    wd_buf_append(j->out, text + 1, n - 2);
    return WD_OK;
}


static int
docs_paths(wd_json_t *j, const char *pages)
{
    int                rc;
    bool               first;
    size_t             i, k;
    const wd_method_t *all = wd_methods();

    wd_json_key(j, "paths");
    wd_json_obj(j);
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        first = all[i].path != NULL;
        for (k = 0; first && k < i; k++) {
            first = all[k].path == NULL
                    || strcmp(all[k].path, all[i].path) != 0;
        }
        if (!first) {
            continue;
        }
        wd_json_key(j, all[i].path);
        wd_json_obj(j);
        for (k = i; k < WD_METHOD_COUNT; k++) {
            if (all[k].path != NULL && strcmp(all[k].path, all[i].path) == 0) {
                docs_operation(j, &all[k]);
            }
        }
        wd_json_end(j);
    }
    rc = docs_splice(j, pages);
    wd_json_end(j);
    return rc;
}


static void
docs_problem_types(wd_json_t *j)
{
    char                 type[80];
    size_t               i, n;
    const wd_err_info_t *rows = wd_err_table(&n);

    wd_json_key(j, "ProblemType");
    wd_json_obj(j);
    docs_key_z(j, "type", "string");
    wd_json_key(j, "enum");
    wd_json_arr(j);
    for (i = 0; i < n; i++) {
        snprintf(type, sizeof(type), "urn:wizdata:problem:%s", rows[i].slug);
        wd_json_z(j, type);
    }
    wd_json_end(j);
    wd_json_end(j);
}


static int
docs_components(wd_json_t *j, const char *schemas)
{
    int rc;

    wd_json_key(j, "components");
    wd_json_obj(j);
    wd_json_key(j, "schemas");
    wd_json_obj(j);
    docs_problem_types(j);
    rc = docs_splice(j, schemas);
    wd_json_end(j);
    wd_json_key(j, "responses");
    wd_json_raw(
        j,
        WD_STR(
            "{\"NotModified\":{\"description\":\"The client has it already: "
            "If-None-Match names its ETag\"},"
            "\"Problem\":{\"description\":\"Anything but success (RFC 9457)\","
            "\"headers\":{\"Retry-After\":{\"$ref\":"
            "\"#/components/headers/RetryAfter\"},"
            "\"WWW-Authenticate\":{\"description\":\"With 401 (RFC 6750)\","
            "\"schema\":{\"type\":\"string\"}},"
            "\"RateLimit\":{\"$ref\":\"#/components/headers/RateLimit\"},"
            "\"RateLimit-Policy\":{\"$ref\":"
            "\"#/components/headers/RateLimitPolicy\"}},"
            "\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":"
            "\"#/components/schemas/Problem\"}}}}}"));
    docs_headers(j);
    wd_json_key(j, "securitySchemes");
    wd_json_raw(
        j, WD_STR("{\"key\":{\"type\":\"apiKey\",\"in\":\"header\","
                  "\"name\":\"X-API-Key\"},"
                  "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\","
                  "\"description\":\"An API key, or a JSON Web Token\"}}"));
    wd_json_end(j);
    return rc;
}


int
docs_openapi(const char *schemas, const char *pages, const char *examples,
             wd_buf_t *out)
{
    int       rc, rc_pages;
    wd_json_t j;

    docs_examples = json_load_file(examples, JSON_REJECT_DUPLICATES, NULL);
    if (docs_examples == NULL) {
        return WD_EIO;
    }

    wd_json_init(&j, out);
    wd_json_obj(&j);
    docs_key_z(&j, "openapi", "3.1.0");
    wd_json_key(&j, "info");
    wd_json_obj(&j);
    docs_key_z(&j, "title", "WizData");
    docs_key_z(&j, "version", WD_VERSION);
    docs_key_z(&j, "description",
               "Market data: bars, quotes, macro-economic series and "
               "indicators, with the provenance of every figure. Times are "
               "RFC 3339 in UTC; unknown parameters are refused; pages go on "
               "with `cursor`; every failure is an RFC 9457 problem.");
    wd_json_key(&j, "license");
    wd_json_raw(&j, WD_STR("{\"name\":\"Apache-2.0\","
                           "\"identifier\":\"Apache-2.0\"}"));
    wd_json_end(&j);
    wd_json_key(&j, "servers");
    wd_json_raw(&j, WD_STR("[{\"url\":\"/\"}]"));
    wd_json_key(&j, "security");
    wd_json_raw(&j, WD_STR("[{\"key\":[]},{\"bearer\":[]}]"));
    rc_pages = docs_paths(&j, pages);
    rc = docs_components(&j, schemas);
    wd_json_end(&j);
    wd_buf_byte(out, '\n');
    json_decref(docs_examples);
    if (rc == WD_OK) {
        rc = rc_pages;
    }
    return rc != WD_OK ? rc : out->err;
}
