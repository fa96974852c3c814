/*
 * analytics_query.c - the frame of requests and answers.
 */
#include "analytics_query.h"

#include "analytics_store.h"
#include "analytics_tags.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define QUERY_LIMIT_DEFAULT 1000
#define QUERY_LIMIT_MAX 50000

/* An as_of that is older is settled: what arrives late has arrived. */
#define QUERY_SETTLED_NS WD_NS_PER_DAY


static int
query_wrong_type(analytics_query_t *q, const char *name)
{
    return wd_rpc_fail_param(q->res, name, "%s has the wrong type", name);
}


static int
query_int(analytics_query_t *q, const char *name, int64_t *ret)
{
    int rc = wd_rpc_arg_int(q->call, name, ret);

    return rc == WD_OK || rc == WD_ENOTFOUND ? WD_OK
                                             : query_wrong_type(q, name);
}


int
analytics_query_str(analytics_query_t *q, const char *name, bool needed,
                    wd_str_t *ret)
{
    int rc = wd_rpc_arg_str(q->call, name, ret);

    if (rc == WD_OK || (rc == WD_ENOTFOUND && !needed)) {
        return WD_OK;
    }
    if (rc == WD_ENOTFOUND) {
        return wd_rpc_fail_param(q->res, name, "%s is required", name);
    }
    return query_wrong_type(q, name);
}


int
analytics_query_list(analytics_query_t *q, const char *name, bool needed,
                     wd_str_t **ret, size_t *ret_n)
{
    int rc = wd_rpc_arg_list(q->call, name, ret, ret_n);

    if ((rc == WD_OK && *ret_n != 0) || (rc == WD_ENOTFOUND && !needed)) {
        return WD_OK;
    }
    if (rc == WD_OK || rc == WD_ENOTFOUND) {
        return wd_rpc_fail_param(q->res, name, "%s is required", name);
    }
    return rc == WD_ENOMEM ? rc : query_wrong_type(q, name);
}


static int
query_page(analytics_query_t *q)
{
    int64_t  limit = QUERY_LIMIT_DEFAULT;
    wd_str_t order = WD_STR("asc");
    int      rc;

    rc = query_int(q, "limit", &limit);
    if (rc != WD_OK) {
        return rc;
    }
    if (limit < 1 || limit > QUERY_LIMIT_MAX) {
        return wd_rpc_fail_param(q->res, "limit", "limit is out of range");
    }
    q->limit = (size_t) limit;

    rc = analytics_query_str(q, "order", false, &order);
    if (rc != WD_OK) {
        return rc;
    }
    q->desc = wd_str_eq_z(order, "desc");
    return WD_OK;
}


static int
query_cursor(analytics_query_t *q, const char *method)
{
    uint8_t  args[8];
    wd_str_t text = WD_STR_NULL;
    int      rc;

    if (analytics_cursor_args(method, q->call->args, args) != WD_OK) {
        return wd_rpc_fail(q->res, WD_EPARAM, "the arguments are no map");
    }

    rc = analytics_query_str(q, "cursor", false, &text);
    if (rc != WD_OK || text.data == NULL) {
        memcpy(q->cursor.args, args, sizeof(args));
        return rc;
    }

    if (analytics_cursor_read(text, &q->cursor) != WD_OK) {
        return wd_rpc_fail_param(q->res, "cursor",
                                 "cursor is not one that was given out");
    }
    if (memcmp(q->cursor.args, args, sizeof(args)) != 0) {
        return wd_rpc_fail_param(
            q->res, "cursor",
            "cursor belongs to a request with other parameters");
    }
    q->resumed = true;
    return WD_OK;
}


/*
 * Without as_of the present is read, and what it was called is kept in the
 * cursor: all pages show one state.
 */
static int
query_knowledge(analytics_query_t *q)
{
    wd_ns_t    now;
    wd_error_t err;
    int        rc;

    q->asked_as_of = WD_NS_MAX;
    rc = query_int(q, "as_of", &q->asked_as_of);
    if (rc != WD_OK) {
        return rc;
    }

    rc = analytics_store_begin(q->call->pg, &now, &err);
    if (rc != WD_OK) {
        return analytics_query_fail(q, rc, &err);
    }

    if (q->asked_as_of != WD_NS_MAX) {
        if (q->asked_as_of > now) {
            return wd_rpc_fail_param(q->res, "as_of",
                                     "as_of must not lie in the future");
        }
        q->as_of = q->known = q->asked_as_of;
        return WD_OK;
    }

    q->as_of = q->resumed ? q->cursor.as_of : WD_NS_MAX;
    q->known = q->resumed ? q->cursor.as_of : now;
    return WD_OK;
}


int
analytics_query_init(analytics_query_t *q, const wd_rpc_call_t *call,
                     wd_rpc_res_t *res, const char *method)
{
    int rc;

    memset(q, 0, sizeof(*q));
    q->call = call;
    q->res = res;
    q->conf = call->svc;
    q->format = call->ctx.format != 0 ? call->ctx.format : WD_FMT_JSON;
    q->from = WD_NS_MIN;
    q->to = WD_NS_MAX;

    rc = query_page(q);
    if (rc == WD_OK) {
        rc = query_int(q, "from", &q->from);
    }
    if (rc == WD_OK) {
        rc = query_int(q, "to", &q->to);
    }
    if (rc == WD_OK && q->from > q->to) {
        rc = wd_rpc_fail_param(q->res, "from", "from lies behind to");
    }
    if (rc == WD_OK) {
        rc = query_cursor(q, method);
    }
    if (rc == WD_OK) {
        rc = query_knowledge(q);
    }
    return rc;
}


int
analytics_query_fail(analytics_query_t *q, int code, const wd_error_t *err)
{
    wd_log_warn(q->call->log, "query failed", "request_id", q->call->ctx.id,
                "trace_id", wd_ctx_trace_id(&q->call->ctx), "code", code,
                "reason", err->text);

    if (code == WD_EDB) {
        q->res->retry_s = 1;
    }
    /* The text of the code: what the database said is not the user's. */
    return wd_rpc_fail(q->res, code, "%s", wd_err_info(code)->text);
}


int
analytics_query_unknown(analytics_query_t *q, const char *what,
                        const wd_str_t *names, size_t n)
{
    char     list[WD_ERROR_TEXT_MAX - 64];
    size_t   i;
    wd_buf_t b;

    wd_buf_init(&b, 0);
    for (i = 0; i < n; i++) {
        if (b.len + names[i].len + 8 > sizeof(list)) {
            wd_buf_z(&b, ", ...");
            break;
        }
        wd_buf_z(&b, i != 0 ? ", " : "");
        wd_buf_str(&b, names[i]);
    }
    wd_str_copy(list, sizeof(list), wd_buf_view(&b));
    wd_buf_done(&b);

    return wd_rpc_fail(q->res, WD_ENOTFOUND, "No %s are known of %s%s", what,
                       list,
                       q->asked_as_of != WD_NS_MAX ? " at that time" : "");
}


void
analytics_query_members(analytics_query_t *q, wd_rows_t *rows,
                        analytics_cursor_t *next)
{
    char   text[ANALYTICS_CURSOR_TEXT_MAX];
    size_t n = 0;

    if (next != NULL) {
        memcpy(next->args, q->cursor.args, sizeof(next->args));
        next->as_of = q->known;
        n = analytics_cursor_write(next, text);
        wd_rpc_meta_str(q->res, "next", wd_str(text, n));
    }

    wd_doc_member_int(rows->doc, "count", (int64_t) rows->n_rows);
    wd_doc_member_str(rows->doc, "next",
                      next != NULL ? wd_str(text, n) : WD_STR_NULL);
    wd_doc_member_time(rows->doc, "as_of", q->known);
}


void
analytics_query_put_unknown(wd_rows_t *rows, const wd_str_t *names, size_t n)
{
    size_t i;

    if (n == 0) {
        return;
    }

    wd_doc_key(rows->doc, "unknown");
    wd_doc_arr(rows->doc);
    for (i = 0; i < n; i++) {
        wd_doc_str(rows->doc, names[i]);
    }
    wd_doc_end(rows->doc);
}


static void
query_etag(analytics_query_t *q)
{
    uint8_t digest[16];
    char    hex[2 * sizeof(digest) + 1], etag[sizeof(hex) + 2];

    crypto_generichash(digest, sizeof(digest), q->res->body.data,
                       q->res->body.len, NULL, 0);
    wd_hex_encode(digest, sizeof(digest), hex);
    snprintf(etag, sizeof(etag), "\"%.32s\"", hex);
    wd_rpc_meta_str(q->res, "etag", wd_str_z(etag));
}


int
analytics_query_done(analytics_query_t *q, analytics_ttl_e ttl,
                     const char *kind, const wd_str_t *names, size_t n)
{
    if (q->res->body.err != WD_OK) {
        return wd_rpc_fail(q->res, q->res->body.err, "%s",
                           wd_err_info(q->res->body.err)->text);
    }

    if (q->asked_as_of != WD_NS_MAX
        && q->asked_as_of < wd_now() - QUERY_SETTLED_NS) {
        ttl = ANALYTICS_TTL_PAST;
    }
    wd_rpc_meta_int(q->res, "ttl", q->conf->ttl_ms[ttl] / 1000);
    query_etag(q);
    wd_mp_put_z(&q->res->meta, "tags");
    analytics_tags_put(&q->res->meta, kind, names, n);
    q->res->n_meta++;
    return WD_OK;
}


int
analytics_query_compare(wd_str_t a, wd_str_t b)
{
    size_t n = wd_min(a.len, b.len);
    int    d = n != 0 ? memcmp(a.data, b.data, n) : 0;

    return d != 0 ? d : (a.len > b.len) - (a.len < b.len);
}


static int
query_compare(const void *a, const void *b)
{
    return analytics_query_compare(*(const wd_str_t *) a,
                                   *(const wd_str_t *) b);
}


size_t
analytics_query_sort(wd_str_t *names, size_t n)
{
    size_t i, kept = 0;

    if (n != 0) {
        qsort(names, n, sizeof(*names), query_compare);
    }

    for (i = 0; i < n; i++) {
        if (kept == 0 || !wd_str_eq(names[i], names[kept - 1])) {
            names[kept++] = names[i];
        }
    }
    return kept;
}


wd_str_t
analytics_query_dup(analytics_query_t *q, wd_str_t s)
{
    char *copy;

    if (s.data == NULL) {
        return s;
    }
    copy = wd_pool_strdup(q->call->pool, s);
    return wd_str(copy, copy != NULL ? s.len : 0);
}


wd_str_t
analytics_query_pattern(analytics_query_t *q, wd_str_t text, bool upper,
                        bool inside)
{
    char  *p;
    size_t i, n = 0;
    char   c;

    p = wd_pool_alloc(q->call->pool, 2 * text.len + 3);
    if (p == NULL) {
        return WD_STR_NULL;
    }

    if (inside) {
        p[n++] = '%';
    }
    for (i = 0; i < text.len; i++) {
        c = text.data[i];
        if (c == '%' || c == '_' || c == '\\') {
            p[n++] = '\\';
        }
        if (upper && c >= 'a' && c <= 'z') {
            c = (char) (c - 'a' + 'A');
        } else if (!upper && c >= 'A' && c <= 'Z') {
            c = (char) (c - 'A' + 'a');
        }
        p[n++] = c;
    }
    p[n++] = '%';
    return wd_str(p, n);
}


wd_str_t
analytics_query_upper(analytics_query_t *q, wd_str_t text)
{
    wd_str_t copy = analytics_query_dup(q, text);
    char    *p = (char *) copy.data;
    size_t   i;

    for (i = 0; i < copy.len; i++) {
        if (p[i] >= 'a' && p[i] <= 'z') {
            p[i] = (char) (p[i] - 'a' + 'A');
        }
    }
    return copy;
}
