/*
 * ingestion_bloomberg_license.c - the steps of Bloomberg's Data License REST
 * service, each request signed on its own.
 *
 * The cursor says which step is to be asked, and of the last ones where:
 * "", "fieldList", "trigger", "request", "responses", "data PATH". Names of what is made hold the job's number and birth: a step
 * that is asked again finds what it made before, and that is as good.
 */
#include "ingestion_bloomberg.h"

#include "wd_bbg_answer.h"
#include "wd_bbg_hapi.h"
#include "wd_bbg_request.h"
#include "wd_json.h"

#include <sodium.h>
#include <stdio.h>

#define LICENSE_DAY_NS (86400 * WD_NS_PER_S)
#define LICENSE_WAIT_MAX_MS 60000
#define LICENSE_LIFE_S 300 /* of a signature */
#define LICENSE_SKEW_S 5 /* that two clocks may differ by */
#define LICENSE_SECRET_MAX 128 /* bytes */

typedef enum {
    STEP_UNIVERSE,
    STEP_FIELDS,
    STEP_TRIGGER,
    STEP_REQUEST,
    STEP_RESPONSES,
    STEP_DATA,
    STEP_COUNT
} step_e;

static const char *const step_names[STEP_COUNT] = {
    "", "fieldList", "trigger", "request", "responses", "data",
};


static step_e
step_of(const ingestion_ask_t *ask, wd_str_t *ret_path)
{
    int      i;
    wd_str_t name, rest = wd_str_z(ask->cursor);

    *ret_path = WD_STR("");
    if (rest.len == 0) {
        return STEP_UNIVERSE;
    }
    wd_str_split(&rest, ' ', &name);
    *ret_path = rest;
    for (i = STEP_FIELDS; i < STEP_COUNT; i++) {
        if (wd_str_eq_z(name, step_names[i])) {
            return (step_e) i;
        }
    }
    return STEP_UNIVERSE;
}


static char *
base36(uint64_t n, char *end)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

    do {
        *--end = digits[n % 36];
        n /= 36;
    } while (n != 0);
    return end;
}


/* Letters and digits, at most WD_BBG_IDENTIFIER_MAX; unique for ever. */
static void
identifier(const ingestion_ask_t *ask, char kind,
           char out[WD_BBG_IDENTIFIER_MAX + 1])
{
    char a[16], b[16];

    a[15] = b[15] = '\0';
    snprintf(out, WD_BBG_IDENTIFIER_MAX + 1, "%c%s%s", kind,
             base36((uint64_t) ask->created / 1000, a + 15),
             base36((uint64_t) ask->job, b + 15));
}


/* ---- questions ------------------------------------------------------------ */

/* "https://host" and what follows it. */
static wd_str_t
split_url(wd_str_t url, wd_str_t *ret_path)
{
    size_t n = 0, slashes = 0;

    while (n < url.len && (slashes < 2 || url.data[n] != '/')) {
        slashes += url.data[n++] == '/';
    }
    *ret_path = wd_str(url.data + n, url.len - n);
    return wd_str(url.data, n);
}


/* "host:443" of "https://host:443" */
static wd_str_t
host_of(wd_str_t origin)
{
    size_t n = 0;

    while (n < origin.len && origin.data[n] != '/') {
        n++;
    }
    n = wd_min(n + 2, origin.len);
    return wd_str(origin.data + n, origin.len - n);
}


static void
put_place(const ingestion_ask_t *ask, const char *collection, wd_buf_t *out)
{
    wd_buf_z(out, "/catalogs/");
    ingestion_escape(out, wd_str_z(ask->account->c.catalog), "");
    wd_buf_byte(out, '/');
    wd_buf_z(out, collection);
    wd_buf_byte(out, '/');
}


/* Told by its form; all else is a ticker. */
static const char *
type_of(wd_str_t name)
{
    size_t i;

    for (i = 0; i < name.len; i++) {
        char c = name.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))) {
            return "TICKER";
        }
    }
    if (name.len == 12) {
        return wd_str_starts(name, "BBG") ? "BB_GLOBAL" : "ISIN";
    }
    return "TICKER";
}


static int
write_universe(const ingestion_ask_t *ask, wd_buf_t *out, wd_error_t *err)
{
    char     id[WD_BBG_IDENTIFIER_MAX + 1];
    size_t   n = 0;
    wd_str_t one;
    wd_str_t rest = wd_str_z(ingestion_arg(ask->args, ARG_IDENTIFIERS));
    wd_bbg_instrument_t list[INGESTION_LIST_MAX];

    while (n < INGESTION_LIST_MAX && wd_str_split(&rest, ',', &one)) {
        one = wd_str_trim(one);
        list[n++] = (wd_bbg_instrument_t){wd_str_z(type_of(one)), one};
    }
    identifier(ask, 'u', id);
    return wd_bbg_write_universe(out, wd_str_z(id), WD_STR(""), list, n, err);
}


static bool
is_history(const ingestion_ask_t *ask)
{
    return strcmp(ask->dataset->name, "history") == 0;
}


static int
write_fields(const ingestion_ask_t *ask, wd_buf_t *out, wd_error_t *err)
{
    char     id[WD_BBG_IDENTIFIER_MAX + 1];
    size_t   n = 0;
    wd_str_t one, list[INGESTION_LIST_MAX];
    wd_str_t rest = wd_str_z(ingestion_arg(ask->args, ARG_FIELDS));

    while (n < INGESTION_LIST_MAX && wd_str_split(&rest, ',', &one)) {
        list[n++] = wd_str_trim(one);
    }
    identifier(ask, 'f', id);
    return wd_bbg_write_fields(out, wd_str_z(id), WD_STR(""), is_history(ask),
                               list, n, err);
}


static int
write_trigger(const ingestion_ask_t *ask, wd_buf_t *out, wd_error_t *err)
{
    char id[WD_BBG_IDENTIFIER_MAX + 1];

    identifier(ask, 't', id);
    return wd_bbg_write_trigger(out, wd_str_z(id), WD_STR(""), WD_NS_MIN, err);
}


/* The path of what an earlier step made. */
static wd_str_t
place_of(const ingestion_ask_t *ask, const char *collection, char kind,
         wd_buf_t *out)
{
    char     id[WD_BBG_IDENTIFIER_MAX + 1];
    wd_str_t base;

    split_url(wd_str_z(ask->account->c.url), &base);
    identifier(ask, kind, id);
    wd_buf_str(out, base);
    put_place(ask, collection, out);
    wd_buf_z(out, id);
    wd_buf_byte(out, '/');
    return wd_buf_view(out);
}


static wd_ns_t
day_of(const char *text, wd_ns_t otherwise)
{
    bool    is_date;
    wd_ns_t t;

    return wd_time_parse(wd_str_z(text), &t, &is_date) == WD_OK && is_date
               ? t
               : otherwise;
}


static int
write_request(const ingestion_ask_t *ask, wd_buf_t *out, wd_error_t *err)
{
    int              rc;
    char             id[WD_BBG_IDENTIFIER_MAX + 1];
    wd_str_t         path;
    wd_buf_t         u = WD_BUF_INIT, f = WD_BUF_INIT, t = WD_BUF_INIT;
    wd_bbg_request_t q = {
        .origin = split_url(wd_str_z(ask->account->c.url), &path),
        .universe = place_of(ask, "universes", 'u', &u),
        .field_list = place_of(ask, "fieldLists", 'f', &f),
        .trigger = place_of(ask, "triggers", 't', &t),
        .history = is_history(ask),
        .from = day_of(ingestion_arg(ask->args, ARG_START), WD_NS_MIN),
        .to = day_of(ingestion_arg(ask->args, ARG_END),
                     ask->now - ask->now % LICENSE_DAY_NS),
    };

    identifier(ask, 'r', id);
    q.identifier = wd_str_z(id);
    rc = u.err != WD_OK || f.err != WD_OK || t.err != WD_OK
             ? WD_ENOMEM
             : wd_bbg_write_request(out, &q, err);
    wd_buf_done(&u);
    wd_buf_done(&f);
    wd_buf_done(&t);
    return rc;
}


int
bloomberg_license_question(const ingestion_ask_t *ask,
                           ingestion_question_t *ret, wd_error_t *err)
{
    int      rc = WD_OK;
    char     id[WD_BBG_IDENTIFIER_MAX + 1];
    wd_str_t path, base,
        origin = split_url(wd_str_z(ask->account->c.url), &base);
    step_e step = step_of(ask, &path);

    ingestion_question_header(ret, "api-version: 2");
    wd_buf_str(&ret->url, origin);
    if (step == STEP_DATA) {
        wd_buf_str(&ret->url, path); /* of an answer: on the same host */
        return WD_OK;
    }
    wd_buf_str(&ret->url, base);
    if (step == STEP_RESPONSES) {
        identifier(ask, 'r', id);
        put_place(ask, "content/responses", &ret->url);
        ingestion_url_param(&ret->url, "requestIdentifier", wd_str_z(id));
        return WD_OK;
    }

    ret->post = true;
    ingestion_question_header(ret, "Content-Type: application/json");
    switch (step) {
    case STEP_FIELDS:
        put_place(ask, "fieldLists", &ret->url);
        rc = write_fields(ask, &ret->body, err);
        break;
    case STEP_TRIGGER:
        put_place(ask, "triggers", &ret->url);
        rc = write_trigger(ask, &ret->body, err);
        break;
    case STEP_REQUEST:
        put_place(ask, "requests", &ret->url);
        rc = write_request(ask, &ret->body, err);
        break;
    default:
        put_place(ask, "universes", &ret->url);
        rc = write_universe(ask, &ret->body, err);
    }
    return rc;
}


/* ---- answers -------------------------------------------------------------- */

static bool
is_made(int status)
{
    return status == 200 || status == 201 || status == 202 || status == 409;
}


int
bloomberg_license_classify(const ingestion_ask_t *ask, const wd_http_res_t *res,
                           ingestion_verdict_t *ret)
{
    int      rc = WD_OK;
    wd_str_t path;
    step_e   step = step_of(ask, &path);

    if (step <= STEP_REQUEST && is_made(res->status)) {
        ret->step = true; /* 201, or it was there already */
        wd_answer_set(&ret->answer, WD_ANSWER_OK, NULL);
        return WD_OK;
    }
    if (step > STEP_REQUEST && res->status == 404) {
        ret->step = true; /* not ready */
        wd_answer_set(&ret->answer, WD_ANSWER_EMPTY, NULL);
        return WD_OK;
    }
    rc = wd_bbg_classify(wd_buf_view(&res->body), &ret->answer);
    ret->step = step != STEP_DATA
                && (ret->answer.class == WD_ANSWER_OK
                    || ret->answer.class == WD_ANSWER_EMPTY);
    /* A file that is cut is whole in its store. */
    ret->retry = step == STEP_DATA && ret->answer.class == WD_ANSWER_MALFORMED;
    return rc;
}


static void
later(const ingestion_ask_t *ask, ingestion_next_t *ret)
{
    wd_ns_t age = ask->now - ask->created;

    if (age > LICENSE_DAY_NS) {
        ret->what = INGESTION_NEXT_STUCK;
        ret->text = "No data within a day of the request";
        return;
    }
    /* Back to the list: what it named may have gone again. */
    ret->what = INGESTION_NEXT_LATER;
    ret->wait_ms = wd_max(age / WD_NS_PER_MS / 8, (int64_t) 250);
    ret->wait_ms = wd_min(ret->wait_ms, (int64_t) LICENSE_WAIT_MAX_MS);
    wd_str_copy(ret->cursor, sizeof(ret->cursor),
                wd_str_z(step_names[STEP_RESPONSES]));
}


static void
go_to(step_e step, wd_str_t path, ingestion_next_t *ret)
{
    int n = snprintf(ret->cursor, sizeof(ret->cursor), "%s%s%.*s",
                     step_names[step], path.len != 0 ? " " : "", (int) path.len,
                     path.len != 0 ? path.data : "");

    if (n < 0 || n >= (int) sizeof(ret->cursor)) {
        ret->what = INGESTION_NEXT_STUCK;
        ret->text = "A link of the provider's is too long";
        return;
    }
    ret->what = INGESTION_NEXT_MORE;
}


/* The first file on the list leads on; there is one for each request. */
static int
follow(const ingestion_ask_t *ask, const wd_http_res_t *res,
       ingestion_next_t *ret)
{
    int           rc;
    size_t        i = 0;
    wd_str_t      base, host;
    wd_pool_t    *pool = wd_pool_create(16384);
    wd_error_t    err = {0};
    wd_bbg_page_t page;

    if (pool == NULL) {
        return WD_ENOMEM;
    }
    host = host_of(split_url(wd_str_z(ask->account->c.url), &base));
    rc = wd_bbg_page_read(wd_buf_view(&res->body), host, pool, &page, &err);
    if (rc == WD_OK) {
        while (i < page.n_items && page.items[i].path.len == 0) {
            i++;
        }
    }
    if (rc == WD_OK && i < page.n_items) {
        go_to(STEP_DATA, page.items[i].path, ret);
    } else if (rc != WD_ENOMEM) {
        later(ask, ret);
        rc = WD_OK;
    }
    wd_pool_destroy(pool);
    return rc;
}


int
bloomberg_license_next(const ingestion_ask_t *ask, const wd_http_res_t *res,
                       const ingestion_verdict_t *v, ingestion_next_t *ret)
{
    wd_str_t path;
    step_e   step = step_of(ask, &path);

    if (step > STEP_REQUEST && v->step && v->answer.class == WD_ANSWER_EMPTY) {
        later(ask, ret);
        return WD_OK;
    }
    switch (step) {
    case STEP_DATA:
        ret->what = INGESTION_NEXT_DONE;
        return WD_OK;
    case STEP_RESPONSES:
        return follow(ask, res, ret);
    default:
        go_to((step_e) (step + 1), WD_STR(""), ret);
        return WD_OK;
    }
}


/* ---- signatures ----------------------------------------------------------- */

static void
put_base64(wd_buf_t *out, const void *bytes, size_t n)
{
    char text[1024];

    if (n > 700) {
        out->err = WD_ETOOBIG;
        return;
    }
    sodium_bin2base64(text, sizeof(text), bytes, n,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    wd_buf_z(out, text);
}


static void
put_claims(const ingestion_sign_t *in, wd_buf_t *out)
{
    char      jti[2 * INGESTION_NONCE_LEN + 1];
    int64_t   now = in->now / WD_NS_PER_S;
    wd_str_t  path, origin, host, name;
    wd_json_t j;

    origin = split_url(wd_buf_view(&in->question->url), &path);
    wd_hex_encode(in->nonce, INGESTION_NONCE_LEN, jti);
    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "iss");
    wd_json_z(&j, in->account->c.app);
    wd_json_key(&j, "iat");
    wd_json_int(&j, now);
    wd_json_key(&j, "nbf");
    wd_json_int(&j, now - LICENSE_SKEW_S);
    wd_json_key(&j, "exp");
    wd_json_int(&j, now + LICENSE_LIFE_S);
    wd_json_key(&j, "jti");
    wd_json_z(&j, jti);
    wd_json_key(&j, "region");
    wd_json_z(&j, "default");
    wd_json_key(&j, "method");
    wd_json_z(&j, in->question->post ? "POST" : "GET");
    wd_json_key(&j, "path");
    wd_json_str(&j, wd_bbg_without_query(path));
    wd_json_key(&j, "host");
    host = host_of(origin);
    wd_str_split(&host, ':', &name);
    wd_json_str(&j, name);
    wd_json_end(&j);
}


int
bloomberg_license_sign(const ingestion_sign_t *in, wd_buf_t *out)
{
    static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"HS256\"}";
    static const char name[] = "JWT: ";
    size_t            n = 0;
    wd_buf_t          claims = WD_BUF_INIT;
    unsigned char     secret[LICENSE_SECRET_MAX];
    unsigned char     mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    const char                  *hex = in->account->c.secret;

    if (hex == NULL
        || sodium_hex2bin(secret, sizeof(secret), hex, strlen(hex), NULL, &n,
                          NULL)
               != 0
        || n == 0 || 2 * n != strlen(hex)) {
        return WD_ECONFIG;
    }
    put_claims(in, &claims);
    wd_buf_z(out, name);
    put_base64(out, header, sizeof(header) - 1);
    wd_buf_byte(out, '.');
    put_base64(out, claims.data, claims.len);
    if (claims.err == WD_OK && out->err == WD_OK) {
        crypto_auth_hmacsha256_init(&state, secret, n);
        crypto_auth_hmacsha256_update(
            &state, (const unsigned char *) out->data + sizeof(name) - 1,
            out->len - (sizeof(name) - 1));
        crypto_auth_hmacsha256_final(&state, mac);
        wd_buf_byte(out, '.');
        put_base64(out, mac, sizeof(mac));
    }
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(&state, sizeof(state));
    wd_buf_done(&claims);
    return claims.err != WD_OK ? claims.err : out->err;
}
