/*
 * ngx_http_wizdata_route.c - path, format and arguments of a request, all by
 * the catalogue.
 */
#include "ngx_http_wizdata.h"


/* The path as the client wrote it, without the query string. */
static wd_str_t
ngx_http_wizdata_raw_path(ngx_http_request_t *r)
{
    u_char   *p;
    wd_str_t  path;

    path = wd_str((char *) r->unparsed_uri.data, r->unparsed_uri.len);
    p = ngx_strlchr(r->unparsed_uri.data,
                    r->unparsed_uri.data + r->unparsed_uri.len, '?');
    if (p != NULL) {
        path.len = (size_t) (p - r->unparsed_uri.data);
    }
    return path;
}


/* The next character of a raw path, decoded; false at its end. */
static bool
ngx_http_wizdata_raw_next(wd_str_t *raw, u_char *ret, bool *ret_encoded)
{
    u_char hex;

    *ret_encoded = false;
    if (raw->len == 0) {
        return false;
    }

    if (raw->data[0] == '%' && raw->len >= 3
        && wd_hex_decode(wd_str(raw->data + 1, 2), &hex, 1))
    {
        *ret_encoded = true;
        *ret = hex;
        *raw = wd_str(raw->data + 3, raw->len - 3);
        return true;
    }

    *ret = (u_char) raw->data[0];
    *raw = wd_str(raw->data + 1, raw->len - 1);
    return true;
}


/* Is r->uri nothing but the raw path decoded? */
static bool
ngx_http_wizdata_raw_agrees(wd_str_t raw, const ngx_str_t *uri)
{
    bool   encoded;
    size_t i;
    u_char c;

    for (i = 0; i < uri->len; i++) {
        if (!ngx_http_wizdata_raw_next(&raw, &c, &encoded)
            || c != uri->data[i])
        {
            return false;
        }
    }
    return raw.len == 0;
}


/*
 * nginx has decoded and normalised r->uri, and there an encoded slash in a
 * variable cannot be told from a separator. So the path that is routed is
 * r->uri with "%" and, where the client had encoded it, "/" encoded again.
 * When r->uri is more than the raw path decoded (dot segments, doubled
 * slashes, a rewrite), all its slashes are separators.
 */
static wd_str_t
ngx_http_wizdata_path(ngx_http_request_t *r)
{
    bool      encoded = false, agrees;
    size_t    i;
    u_char    c, *p, *from;
    wd_str_t  raw = ngx_http_wizdata_raw_path(r);

    if (wd_str_eq(raw, wd_str((char *) r->uri.data, r->uri.len))
        && memchr(raw.data, '%', raw.len) == NULL)
    {
        return raw;
    }

    agrees = ngx_http_wizdata_raw_agrees(raw, &r->uri);
    from = p = ngx_pnalloc(r->pool, 3 * r->uri.len + 1);
    if (p == NULL) {
        return WD_STR_NULL;
    }

    for (i = 0; i < r->uri.len; i++) {
        if (agrees) {
            (void) ngx_http_wizdata_raw_next(&raw, &c, &encoded);
        }
        c = r->uri.data[i];
        if (c == '%' || (c == '/' && encoded)) {
            p = ngx_cpymem(p, c == '%' ? "%25" : "%2F", 3);
        } else {
            *p++ = c;
        }
    }

    return wd_str((char *) from, (size_t) (p - from));
}


/* NGX_DECLINED: no method of the catalogue has such a verb. */
static ngx_int_t
ngx_http_wizdata_verb(ngx_http_request_t *r, wd_verb_e *ret)
{
    switch (r->method) {
    case NGX_HTTP_GET:
    case NGX_HTTP_HEAD:
        *ret = WD_HTTP_GET;
        return NGX_OK;
    case NGX_HTTP_POST:
        *ret = WD_HTTP_POST;
        return NGX_OK;
    case NGX_HTTP_DELETE:
        *ret = WD_HTTP_DELETE;
        return NGX_OK;
    default:
        *ret = WD_HTTP_GET;
        return NGX_DECLINED;
    }
}


int
ngx_http_wizdata_route(ngx_http_wizdata_ctx_t *ctx)
{
    int       rc;
    unsigned  allow;
    wd_verb_e verb;
    wd_str_t  path = ngx_http_wizdata_path(ctx->request);

    if (path.data == NULL) {
        return ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
    }

    rc = wd_route(WD_HTTP_GET, path, &ctx->route, &allow);
    if (rc == WD_ENOTFOUND) {
        return ngx_http_wizdata_refuse(
            ctx, rc, "no route has this path; /openapi.json lists them");
    }

    if (ngx_http_wizdata_verb(ctx->request, &verb) != NGX_OK) {
        rc = WD_EMETHOD;
    } else if (verb != WD_HTTP_GET) {
        rc = wd_route(verb, path, &ctx->route, NULL);
    }

    if (rc != WD_OK) {
        ctx->problem.allow = allow;
        return ngx_http_wizdata_refuse(
            ctx, WD_EMETHOD, "the path takes other methods only: see the "
            "Allow header");
    }

    ctx->method = ctx->route.method;
    ctx->endpoint = ctx->method->id;
    return WD_OK;
}


/* The value of the parameter `format`; the others remain in *query. */
static int
ngx_http_wizdata_format_cut(ngx_http_wizdata_ctx_t *ctx, wd_str_t *ret)
{
    u_char   *p;
    wd_str_t  rest = ctx->query, pair;

    p = ngx_pnalloc(ctx->request->pool, ctx->query.len + 1);
    if (p == NULL) {
        return ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
    }
    ctx->query = wd_str((char *) p, 0);

    while (rest.len != 0 && wd_str_split(&rest, '&', &pair)) {
        if (wd_str_starts(pair, "format=")) {
            if (ret->data != NULL) {
                return ngx_http_wizdata_refuse_param(
                    ctx, WD_EPARAM, WD_STR("parameter 'format' is given "
                                           "twice"), WD_STR("format"));
            }
            *ret = wd_str(pair.data + 7, pair.len - 7);
            continue;
        }
        p = ngx_cpymem(p, pair.data, pair.len);
        *p++ = '&';
    }

    ctx->query.len = (size_t) (p - (u_char *) ctx->query.data);
    return WD_OK;
}


static int
ngx_http_wizdata_format_named(ngx_http_wizdata_ctx_t *ctx, wd_str_t name)
{
    ctx->format = wd_format_by_name(name);
    if (ctx->format == 0) {
        return ngx_http_wizdata_refuse_param(
            ctx, WD_EPARAM,
            WD_STR("parameter 'format' must be one of json|csv|msgpack"),
            WD_STR("format"));
    }

    if (!(ctx->method->formats & ctx->format)) {
        return ngx_http_wizdata_refuse_param(
            ctx, WD_ENOTACCEPT,
            WD_STR("this route does not offer the format that 'format' "
                   "names; leave it out for JSON"), WD_STR("format"));
    }
    return WD_OK;
}


int
ngx_http_wizdata_format(ngx_http_wizdata_ctx_t *ctx)
{
    int       rc;
    wd_str_t  name = WD_STR_NULL;
    ngx_str_t *args = &ctx->request->args;

    if (args->len > WD_QUERY_MAX) {
        return ngx_http_wizdata_refuse(
            ctx, WD_EURITOOLONG, "the query string is longer than 8192 "
            "bytes; split the request");
    }

    ctx->query = wd_str((char *) args->data, args->len);
    if (args->len >= 7
        && ngx_strlcasestrn(args->data, args->data + args->len,
                            (u_char *) "format=", 7 - 1) != NULL)
    {
        rc = ngx_http_wizdata_format_cut(ctx, &name);
        if (rc != WD_OK) {
            return rc;
        }
        if (name.data != NULL) {
            return ngx_http_wizdata_format_named(ctx, name);
        }
    }

    ctx->format = wd_accept_choose(wd_str((char *) ctx->headers.accept.data,
                                          ctx->headers.accept.len),
                                   ctx->method->formats);
    if (ctx->format == 0) {
        return ngx_http_wizdata_refuse(
            ctx, WD_ENOTACCEPT, "the Accept header names no format that this "
            "route offers; application/json always is");
    }
    return WD_OK;
}


static int
ngx_http_wizdata_args_refuse(ngx_http_wizdata_ctx_t *ctx, wd_args_t *a,
    int rc)
{
    if (rc == WD_ENOMEM) {
        return ngx_http_wizdata_refuse(ctx, rc, NULL);
    }
    return ngx_http_wizdata_refuse_param(ctx, rc, wd_str_z(ctx->error.text),
                                         a->bad);
}


/* Path variables, then everything as the map that the backend receives. */
static int
ngx_http_wizdata_args_encode(ngx_http_wizdata_ctx_t *ctx, wd_args_t *a)
{
    int       rc;
    size_t    i;
    char     *p;
    wd_buf_t *out = &ctx->worker->scratch;

    for (i = 0; i < ctx->route.n_vars; i++) {
        p = ngx_pnalloc(ctx->request->pool, ctx->route.vars[i].len);
        if (p == NULL) {
            return ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
        }
        rc = wd_args_path(a, i, ctx->route.vars[i], p, &ctx->error);
        if (rc != WD_OK) {
            return ngx_http_wizdata_args_refuse(ctx, a, rc);
        }
    }

    wd_buf_reset(out);
    rc = wd_args_encode(a, out, &ctx->error);
    if (rc != WD_OK) {
        return ngx_http_wizdata_args_refuse(ctx, a, rc);
    }

    p = ngx_pnalloc(ctx->request->pool, out->len);
    if (p == NULL) {
        return ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
    }
    ngx_memcpy(p, out->data, out->len);
    ctx->rpc.args = wd_str(p, out->len);
    return WD_OK;
}


int
ngx_http_wizdata_query_args(ngx_http_wizdata_ctx_t *ctx)
{
    int       rc;
    char     *scratch;
    wd_args_t a;

    wd_args_init(&a, ctx->method);

    if (ctx->query.len != 0) {
        scratch = ngx_pnalloc(ctx->request->pool, ctx->query.len);
        if (scratch == NULL) {
            return ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
        }
        rc = wd_args_query(&a, ctx->query, scratch, &ctx->error);
        if (rc != WD_OK) {
            return ngx_http_wizdata_args_refuse(ctx, &a, rc);
        }
    }

    return ngx_http_wizdata_args_encode(ctx, &a);
}


int
ngx_http_wizdata_body_args(ngx_http_wizdata_ctx_t *ctx, wd_str_t body)
{
    int       rc;
    char     *scratch;
    wd_args_t a;

    if (ctx->query.len != 0) {
        return ngx_http_wizdata_refuse(
            ctx, WD_EINVAL, "this method takes its parameters in the JSON "
            "body, not in the query string");
    }
    if (body.len == 0) {
        body = WD_STR("{}"); /* no body, no parameters */
    }

    scratch = ngx_pnalloc(ctx->request->pool, body.len + 1);
    if (scratch == NULL) {
        return ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
    }

    wd_args_init(&a, ctx->method);
    rc = wd_args_json(&a, body, scratch, &ctx->error);
    if (rc != WD_OK) {
        return ngx_http_wizdata_args_refuse(ctx, &a, rc);
    }
    return ngx_http_wizdata_args_encode(ctx, &a);
}
