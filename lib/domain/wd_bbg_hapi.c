/*
 * wd_bbg_hapi.c - JSON-LD documents of the Data License REST service.
 */
#include "wd_bbg_hapi.h"

#include "wd_num.h"

#include <stdio.h>

#define WD_BBG_ALGORITHM_MAX 16 /* bytes of a digest's name */

/* While a document is read; the first failure is kept. */
typedef struct {
    wd_pool_t *pool;
    wd_str_t   host;
    wd_str_t   base; /* path that relative links begin at */
    int        rc;
} reader_t;


/* A copy of a text of the document, cut at a character; NULL: missing. */
static wd_str_t
copy(reader_t *d, wd_str_t s)
{
    char *p;

    if (s.len == 0 || d->rc != WD_OK) {
        return WD_STR_NULL;
    }
    if (s.len > WD_BBG_TEXT_MAX) {
        for (s.len = WD_BBG_TEXT_MAX; !wd_utf8_valid(s); s.len--) {
        }
    }
    p = wd_pool_strdup(d->pool, s);
    if (p == NULL) {
        d->rc = WD_ENOMEM;
        return WD_STR_NULL;
    }
    return wd_str(p, s.len);
}


static wd_str_t
text(reader_t *d, const json_t *object, const char *key)
{
    return copy(d, wd_answer_member(object, key));
}


/* A link: its text, or an object with "@id". */
static wd_str_t
link_text(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return json_is_object(v) ? wd_answer_member(v, "@id")
                             : wd_answer_member(object, key);
}


static wd_str_t
path(reader_t *d, const json_t *object, const char *key)
{
    wd_str_t ret = WD_STR_NULL;

    if (d->rc == WD_OK && json_object_get(object, key) != NULL) {
        d->rc = wd_bbg_path(d->pool, d->host, d->base, link_text(object, key),
                            &ret);
    }
    return ret;
}


static int64_t
count(const json_t *object, const char *key, int64_t otherwise)
{
    int64_t       n;
    const json_t *v = json_object_get(object, key);

    if (json_is_integer(v)) {
        n = json_integer_value(v);
    } else if (wd_int_parse(wd_answer_member(object, key), &n) != WD_OK) {
        return otherwise;
    }
    return n >= 0 ? n : otherwise;
}


static void
find_base(reader_t *d, const json_t *root)
{
    const json_t *context = json_object_get(root, "@context");

    d->base = path(d, context, "@base");
}


static int
open_document(wd_str_t body, wd_str_t host, wd_pool_t *pool, reader_t *d,
              json_t **ret, wd_error_t *err)
{
    int rc = wd_answer_json(body, ret, err);

    *d = (reader_t){.pool = pool, .host = host};
    if (rc != WD_OK) {
        return rc;
    }
    if (!json_is_object(*ret)) {
        json_decref(*ret);
        return wd_error(err, WD_EPROTO, "no object");
    }
    find_base(d, *ret);
    return WD_OK;
}


/* "@type" is a text or a list of them, the most special one last. */
static wd_str_t
type_of(reader_t *d, const json_t *object)
{
    const json_t *v = json_object_get(object, "@type");

    if (json_is_array(v)) {
        v = json_array_get(v, json_array_size(v) - 1);
    }
    return json_is_string(v)
               ? copy(d, wd_str(json_string_value(v), json_string_length(v)))
               : WD_STR_NULL;
}


static bool
read_resource(reader_t *d, const json_t *object, wd_bbg_resource_t *ret)
{
    static const char *const values[] = {"identifierValue", "mnemonic",
                                         "cleanName"};
    size_t                   i;

    *ret = (wd_bbg_resource_t){
        .path = path(d, object, "@id"),
        .identifier = text(d, object, "identifier"),
        .type = type_of(d, object),
        .title = text(d, object, "title"),
        .scheme = text(d, object, "identifierType"),
    };
    for (i = 0; i < wd_array_len(values) && ret->value.data == NULL; i++) {
        ret->value = text(d, object, values[i]);
    }
    return ret->path.len != 0 || ret->identifier.len != 0
           || ret->value.len != 0;
}


static int
read_items(reader_t *d, const json_t *list, wd_bbg_page_t *ret, wd_error_t *err)
{
    size_t i, n = json_array_size(list);

    if (n > WD_BBG_PAGE_ITEMS_MAX) {
        return wd_error(err, WD_ETOOBIG, "%zu members on a page", n);
    }
    ret->items = wd_pool_calloc(d->pool, (n + 1) * sizeof(*ret->items));
    if (ret->items == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }
    for (i = 0; i < n; i++) {
        if (read_resource(d, json_array_get(list, i),
                          &ret->items[ret->n_items])) {
            ret->n_items++;
        } else {
            ret->n_bad++;
        }
    }
    return WD_OK;
}


static int
read_page(reader_t *d, const json_t *root, wd_bbg_page_t *ret, wd_error_t *err)
{
    int           rc;
    const json_t *list = json_object_get(root, "contains");
    const json_t *view = json_object_get(root, "view");

    if (json_object_get(root, "statusCode") != NULL
        || (list != NULL && !json_is_array(list))
        || (!read_resource(d, root, &ret->self) && list == NULL)) {
        return wd_error(err, WD_EPROTO, "neither a list nor a resource");
    }
    ret->total = count(root, "totalItems", -1);
    ret->pages = count(root, "pageCount", -1);
    rc = read_items(d, list, ret, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (link_text(view, "next").len != 0) {
        ret->next = path(d, view, "next");
        if (d->rc == WD_OK && ret->next.len == 0) {
            return wd_error(err, WD_EPROTO, "the next page is elsewhere");
        }
    }
    return d->rc == WD_OK ? WD_OK : wd_error(err, d->rc, "no memory");
}


int
wd_bbg_page_read(wd_str_t body, wd_str_t host, wd_pool_t *pool,
                 wd_bbg_page_t *ret, wd_error_t *err)
{
    int      rc;
    json_t  *root;
    reader_t d;

    memset(ret, 0, sizeof(*ret));
    ret->total = ret->pages = -1;
    rc = open_document(body, host, pool, &d, &root, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = read_page(&d, root, ret, err);
    json_decref(root);
    return rc;
}


static int
read_problems(reader_t *d, const json_t *list, wd_bbg_status_t *ret,
              wd_error_t *err)
{
    size_t            i, n;
    const json_t     *v;
    wd_bbg_problem_t *p;

    n = wd_min(json_array_size(list), (size_t) WD_BBG_PROBLEMS_MAX);
    ret->problems = wd_pool_calloc(d->pool, (n + 1) * sizeof(*ret->problems));
    if (ret->problems == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }
    for (i = 0; i < n; i++) {
        v = json_array_get(list, i);
        p = &ret->problems[ret->n_problems];
        p->detail = json_is_string(v) ? copy(
                        d, wd_str(json_string_value(v), json_string_length(v)))
                                      : text(d, v, "detail");
        if (p->detail.data == NULL) {
            p->detail = text(d, v, "title");
        }
        p->pointer = text(d, json_object_get(v, "source"), "pointer");
        ret->n_problems += p->detail.data != NULL || p->pointer.data != NULL;
    }
    return WD_OK;
}


/* "Bad Request: why; /universe: Invalid value provided." */
static void
status_text(const json_t *root, wd_bbg_status_t *ret)
{
    char     long_text[4 * WD_ANSWER_TEXT_MAX];
    size_t   i, n;
    wd_str_t title = wd_answer_member(root, "title");
    wd_str_t why = wd_answer_member(root, "description");

    if (why.len == 0) {
        why = wd_answer_member(root, "detail");
    }
    n = (size_t) snprintf(long_text, sizeof(long_text), "%.*s%s%.*s",
                          (int) wd_min(title.len, 60u), title.data,
                          why.len != 0 ? ": " : "", (int) wd_min(why.len, 100u),
                          why.data);
    for (i = 0; i < ret->n_problems && n < sizeof(long_text) - 1; i++) {
        const wd_bbg_problem_t *p = &ret->problems[i];

        n += (size_t) snprintf(long_text + n, sizeof(long_text) - n,
                               "; %.*s: %.*s",
                               (int) wd_min(p->pointer.len, 40u),
                               p->pointer.data != NULL ? p->pointer.data : "",
                               (int) wd_min(p->detail.len, 60u),
                               p->detail.data != NULL ? p->detail.data : "");
    }
    wd_answer_redact(wd_str(long_text, wd_min(n, sizeof(long_text) - 1)),
                     ret->text, sizeof(ret->text));
}


/* What a POST made: {"request": {"identifier": "x"}} below "@base". */
static void
find_made(reader_t *d, const json_t *root, wd_bbg_status_t *ret)
{
    static const char *const kinds[] = {"request", "universe", "fieldList",
                                        "trigger"};
    size_t                   i;
    char                     below[WD_BBG_NAME_MAX + 2];
    const json_t            *v;

    for (i = 0; i < wd_array_len(kinds); i++) {
        v = json_object_get(root, kinds[i]);
        if (json_is_object(v)) {
            ret->identifier = text(d, v, "identifier");
            ret->path = path(d, v, "@id");
            break;
        }
    }
    if (ret->path.data == NULL) {
        ret->path = path(d, root, "location");
    }
    if (ret->path.data == NULL && d->rc == WD_OK
        && wd_name_valid(ret->identifier, WD_BBG_NAME_MAX)) {
        snprintf(below, sizeof(below), "%.*s/", WD_STR_ARG(ret->identifier));
        d->rc = wd_bbg_path(d->pool, d->host, d->base, wd_str_z(below),
                            &ret->path);
    }
}


static int
read_status(reader_t *d, const json_t *root, wd_bbg_status_t *ret,
            wd_error_t *err)
{
    int           rc;
    const json_t *list = json_object_get(root, "errors");

    ret->code = count(root, "statusCode", 0);
    if (ret->code == 0) {
        ret->code = count(root, "status", 0);
    }
    if (ret->code == 0 && !json_is_array(list)) {
        return wd_error(err, WD_EPROTO, "no status");
    }
    rc = read_problems(d, list, ret, err);
    if (rc != WD_OK) {
        return rc;
    }
    status_text(root, ret);
    find_made(d, root, ret);
    return d->rc == WD_OK ? WD_OK : wd_error(err, d->rc, "no memory");
}


int
wd_bbg_status_read(wd_str_t body, wd_str_t host, wd_pool_t *pool,
                   wd_bbg_status_t *ret, wd_error_t *err)
{
    int      rc;
    json_t  *root;
    reader_t d;

    memset(ret, 0, sizeof(*ret));
    rc = open_document(body, host, pool, &d, &root, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = read_status(&d, root, ret, err);
    json_decref(root);
    return rc;
}


/* "SHA-512" and "sha512" are one. */
static wd_str_t
algorithm(reader_t *d, wd_str_t name)
{
    char   out[WD_BBG_ALGORITHM_MAX];
    size_t i, n = 0;

    for (i = 0; i < name.len; i++) {
        if (name.data[i] != '-') {
            if (n == sizeof(out)) {
                return WD_STR_NULL;
            }
            out[n++] = name.data[i] >= 'A' && name.data[i] <= 'Z'
                           ? (char) (name.data[i] | 0x20)
                           : name.data[i];
        }
    }
    return copy(d, wd_str(out, n));
}


/* "sha512=0123", or {"digestAlgorithm": "SHA-512", "digestValue": "0123"} */
static void
read_digest(reader_t *d, const json_t *about, wd_bbg_notice_t *ret)
{
    wd_str_t      name;
    const json_t *digest = json_object_get(about, "digest");
    wd_str_t      value = wd_answer_member(json_object_get(about, "headers"),
                                           "Digest");

    if (json_is_object(digest)) {
        ret->algorithm = algorithm(d,
                                   wd_answer_member(digest, "digestAlgorithm"));
        ret->digest = text(d, digest, "digestValue");
        return;
    }
    if (value.len == 0) {
        value = wd_answer_member(about, "digest");
    }
    if (wd_str_split(&value, '=', &name) && value.len != 0) {
        ret->algorithm = algorithm(d, name);
        ret->digest = copy(d, value);
    }
}


/* The part behind the last slash. */
static wd_str_t
last_part(wd_str_t s)
{
    const char *slash;

    if (s.len != 0 && s.data[s.len - 1] == '/') {
        s.len--;
    }
    slash = s.len != 0 ? memrchr(s.data, '/', s.len) : NULL;
    return slash != NULL
               ? wd_str(slash + 1, (size_t) (s.data + s.len - slash - 1))
               : s;
}


static int
read_notice(reader_t *d, const json_t *root, wd_bbg_notice_t *ret,
            wd_error_t *err)
{
    const json_t *about = json_object_get(root, "generated");
    const json_t *headers, *meta;
    wd_str_t      key;

    about = json_is_object(about) ? about : root;
    headers = json_object_get(about, "headers");
    meta = json_object_get(about, "metadata");

    key = wd_answer_member(about, "key");
    if (key.len == 0) {
        key = wd_answer_member(json_object_get(about, "data"), "key");
    }
    if (key.len == 0) {
        ret->path = path(d, about, "@id");
        key = ret->path.len != 0 ? ret->path
                                 : wd_answer_member(about, "identifier");
    }
    key = last_part(wd_bbg_without_query(key));
    if (key.len == 0) {
        return wd_error(err, WD_ENOTFOUND, "no distribution");
    }
    if (!wd_name_valid(key, WD_BBG_NAME_MAX) || key.data[0] == '.') {
        return wd_error(err, WD_EPROTO, "a distribution without a name");
    }
    ret->name = copy(d, key);
    ret->request = text(d, meta, "DL_REQUEST_ID");
    if (ret->request.data == NULL) {
        ret->request = text(
            d, json_object_get(json_object_get(about, "snapshot"), "dataset"),
            "identifier");
    }
    ret->request_type = text(d, meta, "DL_REQUEST_TYPE");
    ret->content_type = text(d, headers, "Content-Type");
    ret->length = count(headers, "Content-Length", -1);
    read_digest(d, about, ret);
    return d->rc == WD_OK ? WD_OK : wd_error(err, d->rc, "no memory");
}


int
wd_bbg_notice_read(wd_str_t data, wd_str_t host, wd_pool_t *pool,
                   wd_bbg_notice_t *ret, wd_error_t *err)
{
    int      rc;
    json_t  *root;
    reader_t d;

    memset(ret, 0, sizeof(*ret));
    ret->length = -1;
    rc = open_document(data, host, pool, &d, &root, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = read_notice(&d, root, ret, err);
    json_decref(root);
    return rc;
}
