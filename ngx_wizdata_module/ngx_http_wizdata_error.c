/*
 * ngx_http_wizdata_error.c - problem documents (RFC 9457), for refusals of
 * the module and, by a filter, for those of nginx itself.
 *
 * The filter stands where nginx's built-in error pages pass on their way to
 * the client. It therefore also covers requests that never reach a location:
 * malformed request lines, headers that are too large, bodies over the limit.
 */
#include "ngx_http_wizdata.h"

#include "wd_json.h"

#define NGX_HTTP_WIZDATA_HEADERS_TOO_LARGE 431

#define NGX_HTTP_WIZDATA_PROBLEM_TYPE "application/problem+json"

/* Retry-After of a 503 whose cause names no time. */
#define NGX_HTTP_WIZDATA_RETRY 1


static ngx_http_output_header_filter_pt ngx_http_wizdata_next_header_filter;
static ngx_http_output_body_filter_pt   ngx_http_wizdata_next_body_filter;


/* What the catalogue of errors has no text for: HTTP's own cases. */
static const struct {
    ngx_uint_t  status;
    const char *title;
    const char *detail;
} ngx_http_wizdata_http_errors[] = {
    {400, "Bad Request", "the request is not valid HTTP: check its first "
     "line, its headers and its encoding"},
    {401, "Unauthorized", "credentials are needed here"},
    {403, "Forbidden", "access to this path is not permitted"},
    {404, "Not Found", "nothing is served at this path; /openapi.json lists "
     "the routes"},
    {405, "Method Not Allowed", "the path does not take this method"},
    {408, "Request Timeout", "the request did not arrive in time"},
    {409, "Conflict", "the request conflicts with the state of the resource"},
    {411, "Length Required", "give a Content-Length"},
    {412, "Precondition Failed", "a condition of the request does not hold"},
    {413, "Content Too Large", "the body is longer than this server takes"},
    {414, "URI Too Long", "the request line is longer than this server "
     "takes; shorten the query"},
    {415, "Unsupported Media Type", "the media type of the body is not taken "
     "here"},
    {416, "Range Not Satisfiable", "the range is outside of the resource"},
    {421, "Misdirected Request", "this server does not answer for that host"},
    {429, "Too Many Requests", "slow down and try again later"},
    {431, "Request Header Fields Too Large", "a header, or all of them "
     "together, is longer than this server takes"},
    {500, "Internal Server Error", "the server failed to handle the request"},
    {501, "Not Implemented", "the server does not know this method or "
     "transfer coding"},
    {502, "Bad Gateway", "a service behind this server gave no valid answer"},
    {503, "Service Unavailable", "the server cannot answer now; try again "
     "later"},
    {504, "Gateway Timeout", "a service behind this server did not answer in "
     "time"},
    {505, "HTTP Version Not Supported", "use HTTP/1.1 or HTTP/2"},
    {507, "Insufficient Storage", "the server cannot store more"},
};


static ngx_str_t
ngx_http_wizdata_ngx_str(const char *z)
{
    ngx_str_t s;

    s.data = (u_char *) z;
    s.len = z != NULL ? strlen(z) : 0;
    return s;
}


int
ngx_http_wizdata_refuse(ngx_http_wizdata_ctx_t *ctx, int code,
    const char *detail)
{
    ctx->problem.code = wd_err_info(code)->code;
    ctx->problem.status = wd_err_info(code)->http;
    ctx->problem.detail = ngx_http_wizdata_ngx_str(detail);
    ctx->problem.reason = NGX_HTTP_WIZDATA_REFUSAL_BACKEND;

    /* No client is there to see a 499, so a service cannot answer it. */
    if (ctx->problem.status == NGX_HTTP_CLIENT_CLOSED_REQUEST) {
        ctx->problem.code = WD_EBADGATEWAY;
        ctx->problem.status = NGX_HTTP_BAD_GATEWAY;
    }
    return code;
}


int
ngx_http_wizdata_refuse_for(ngx_http_wizdata_ctx_t *ctx, int code,
    ngx_http_wizdata_refusal_e reason, const char *detail)
{
    (void) ngx_http_wizdata_refuse(ctx, code, detail);
    ctx->problem.reason = reason;
    return code;
}


int
ngx_http_wizdata_refuse_param(ngx_http_wizdata_ctx_t *ctx, int code,
    wd_str_t detail, wd_str_t param)
{
    u_char *p;

    (void) ngx_http_wizdata_refuse(ctx, code, NULL);

    p = ngx_pnalloc(ctx->request->pool, detail.len + param.len + 1);
    if (p == NULL) {
        return code;
    }

    ctx->problem.detail.data = p;
    ctx->problem.detail.len = detail.len;
    p = ngx_cpymem(p, detail.data, detail.len);
    if (param.len != 0) {
        ctx->problem.param.data = p;
        ctx->problem.param.len = param.len;
        ngx_memcpy(p, param.data, param.len);
    }
    return code;
}


static wd_str_t
ngx_http_wizdata_view_of(const ngx_str_t *s)
{
    return wd_str((const char *) s->data, s->len);
}


/* Type, title and detail of HTTP's own cases, unless already known. */
static void
ngx_http_wizdata_problem_texts(const ngx_http_wizdata_problem_t *p,
    const char **slug, const char **title, const char **detail)
{
    size_t               i;
    const wd_err_info_t *info;

    info = p->code != 0 ? wd_err_info(p->code)
                        : wd_err_by_http((int) p->status);
    *slug = info != NULL ? info->slug : NULL;
    *title = info != NULL ? info->text : "Error";
    *detail = info != NULL ? info->text : "the request failed";

    for (i = 0; i < wd_array_len(ngx_http_wizdata_http_errors); i++) {
        if (ngx_http_wizdata_http_errors[i].status == p->status) {
            if (info == NULL) {
                *title = ngx_http_wizdata_http_errors[i].title;
            }
            if (p->code == 0) {
                *detail = ngx_http_wizdata_http_errors[i].detail;
            }
            return;
        }
    }
}


static void
ngx_http_wizdata_problem_write(ngx_http_wizdata_ctx_t *ctx, wd_buf_t *out)
{
    char                        urn[32 + WD_REQUEST_ID_MAX + 64];
    wd_json_t                   j;
    const char                 *slug, *title, *detail;
    ngx_http_wizdata_problem_t *p = &ctx->problem;

    ngx_http_wizdata_problem_texts(p, &slug, &title, &detail);
    if (p->detail.len == 0) {
        p->detail = ngx_http_wizdata_ngx_str(detail);
    }

    wd_buf_reset(out);
    wd_json_init(&j, out);
    wd_json_obj(&j);

    wd_json_key(&j, "type");
    if (slug != NULL) {
        snprintf(urn, sizeof(urn), "urn:wizdata:problem:%s", slug);
        wd_json_z(&j, urn);
    } else {
        wd_json_z(&j, "about:blank");
    }

    wd_json_key(&j, "title");
    wd_json_z(&j, title);
    wd_json_key(&j, "status");
    wd_json_int(&j, (int64_t) p->status);
    wd_json_key(&j, "detail");
    wd_json_str(&j, ngx_http_wizdata_view_of(&p->detail));
    wd_json_key(&j, "instance");
    snprintf(urn, sizeof(urn), "urn:wizdata:request:%.*s",
             (int) ctx->request_id.len, (char *) ctx->request_id.data);
    wd_json_z(&j, urn);
    wd_json_key(&j, "request_id");
    wd_json_str(&j, ngx_http_wizdata_view_of(&ctx->request_id));
    wd_json_key(&j, "trace_id");
    wd_json_str(&j, wd_str((char *) ctx->traceparent_text + WD_TRACE_ID_AT,
                           WD_TRACE_ID_LEN));

    if (p->param.len != 0) {
        wd_json_key(&j, "param");
        wd_json_str(&j, ngx_http_wizdata_view_of(&p->param));
    }
    if (p->policy.len != 0) {
        wd_json_key(&j, "policy");
        wd_json_str(&j, ngx_http_wizdata_view_of(&p->policy));
        wd_json_key(&j, "violated-policies"); /* the RateLimit draft's */
        wd_json_arr(&j);
        wd_json_str(&j, ngx_http_wizdata_view_of(&p->policy));
        wd_json_end(&j);
    }
    if (p->retry != 0) {
        wd_json_key(&j, "retry_after");
        wd_json_int(&j, (int64_t) p->retry);
    }

    wd_json_end(&j);
    wd_buf_byte(out, '\n');
}


/* The document as a buffer of the request. */
static ngx_buf_t *
ngx_http_wizdata_problem_buf(ngx_http_wizdata_ctx_t *ctx)
{
    wd_buf_t  *out = &ctx->worker->scratch;
    ngx_buf_t *b;

    ngx_http_wizdata_problem_write(ctx, out);
    if (out->err != WD_OK) {
        return NULL;
    }

    b = ngx_create_temp_buf(ctx->request->pool, out->len);
    if (b == NULL) {
        return NULL;
    }

    b->last = ngx_cpymem(b->last, out->data, out->len);
    b->last_buf = ctx->request == ctx->request->main;
    b->last_in_chain = 1;
    return b;
}


static ngx_int_t
ngx_http_wizdata_allow_header(ngx_http_request_t *r, unsigned allow)
{
    u_char *p, *from;

    from = p = ngx_pnalloc(r->pool, sizeof("GET, HEAD, POST, DELETE"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (allow & 1u << WD_HTTP_GET) {
        p = ngx_cpymem(p, "GET, HEAD, ", 11);
    }
    if (allow & 1u << WD_HTTP_POST) {
        p = ngx_cpymem(p, "POST, ", 6);
    }
    if (allow & 1u << WD_HTTP_DELETE) {
        p = ngx_cpymem(p, "DELETE, ", 8);
    }
    return ngx_http_wizdata_header(r, "Allow", from, (size_t) (p - from) - 2);
}


static ngx_int_t
ngx_http_wizdata_retry_header(ngx_http_request_t *r, ngx_uint_t seconds)
{
    u_char *p;

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_header(
        r, "Retry-After", p,
        (size_t) (ngx_sprintf(p, "%ui", seconds) - p));
}


ngx_int_t
ngx_http_wizdata_challenge(ngx_http_wizdata_ctx_t *ctx)
{
    static const char  token[] = "Bearer error=\"invalid_token\"";
    const ngx_str_t   *sent = &ctx->headers.authorization;

    if (sent->len >= sizeof("Bearer ") - 1
        && ngx_strncasecmp(sent->data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1) == 0)
    {
        return ngx_http_wizdata_header(ctx->request, "WWW-Authenticate",
                                       token, sizeof(token) - 1);
    }
    return ngx_http_wizdata_header(ctx->request, "WWW-Authenticate", "Bearer",
                                   sizeof("Bearer") - 1);
}


static ngx_int_t
ngx_http_wizdata_problem_headers(ngx_http_wizdata_ctx_t *ctx, ngx_buf_t *b)
{
    ngx_http_request_t         *r = ctx->request;
    ngx_http_wizdata_problem_t *p = &ctx->problem;

    ngx_str_set(&r->headers_out.content_type, NGX_HTTP_WIZDATA_PROBLEM_TYPE);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);
    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = b->last - b->pos;

    if (ngx_http_wizdata_header(r, "Cache-Control", "no-store",
                                sizeof("no-store") - 1) != NGX_OK
        || ngx_http_wizdata_header(r, "X-Request-Id", ctx->request_id.data,
                                   ctx->request_id.len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (p->allow != 0 && ngx_http_wizdata_allow_header(r, p->allow) != NGX_OK)
    {
        return NGX_ERROR;
    }
    if (p->retry != 0 && ngx_http_wizdata_retry_header(r, p->retry) != NGX_OK)
    {
        return NGX_ERROR;
    }
    if (p->status == NGX_HTTP_UNAUTHORIZED && p->code != 0
        && r->headers_out.www_authenticate == NULL)
    {
        return ngx_http_wizdata_challenge(ctx);
    }
    return NGX_OK;
}


/* A 503 or 429 always says when to come back. */
static void
ngx_http_wizdata_problem_retry(ngx_http_wizdata_problem_t *p)
{
    if (p->retry == 0
        && (p->status == NGX_HTTP_SERVICE_UNAVAILABLE
            || p->status == NGX_HTTP_TOO_MANY_REQUESTS))
    {
        p->retry = NGX_HTTP_WIZDATA_RETRY;
    }
}


ngx_int_t
ngx_http_wizdata_send_problem(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_int_t           rc;
    ngx_buf_t          *b;
    ngx_chain_t         out;
    ngx_http_request_t *r = ctx->request;

    if (r->header_sent) {
        return NGX_ERROR;
    }

    r->expect_tested = 1; /* who waits for 100 Continue need not send it */
    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_wizdata_problem_retry(&ctx->problem);
    b = ngx_http_wizdata_problem_buf(ctx);
    if (b == NULL || ngx_http_wizdata_problem_headers(ctx, b) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = ctx->problem.status;
    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;
    return ngx_http_output_filter(r, &out);
}


/*
 * nginx's special responses set err_status, and either its own HTML or, for
 * a status that it has no page for, no type at all. Pages that were
 * configured have a modification time or another type.
 */
static ngx_uint_t
ngx_http_wizdata_is_builtin(ngx_http_request_t *r)
{
    const ngx_str_t *type = &r->headers_out.content_type;

    return r->err_status >= NGX_HTTP_BAD_REQUEST && r == r->main
           && r->headers_out.last_modified_time == -1
           && (type->len == 0
               || (type->len == sizeof("text/html") - 1
                   && ngx_memcmp(type->data, "text/html", type->len) == 0));
}


/*
 * nginx answers headers that are too large with 400, which is told from its
 * other ones by the lingering close that it takes back for those. It has no
 * reason phrase for what they are.
 */
static void
ngx_http_wizdata_header_too_large(ngx_http_request_t *r)
{
    if (r->err_status == NGX_HTTP_BAD_REQUEST && r->lingering_close) {
        r->err_status = NGX_HTTP_WIZDATA_HEADERS_TOO_LARGE;
        r->headers_out.status = NGX_HTTP_WIZDATA_HEADERS_TOO_LARGE;
    }

    if (r->headers_out.status == NGX_HTTP_WIZDATA_HEADERS_TOO_LARGE) {
        ngx_str_set(&r->headers_out.status_line,
                    "431 Request Header Fields Too Large");
    }
}


/* Is the status the one that the module refused the request with? */
static ngx_uint_t
ngx_http_wizdata_is_noted(const ngx_http_wizdata_ctx_t *ctx,
    ngx_uint_t status)
{
    return ctx != NULL && ctx->problem.code != 0
           && ctx->problem.status == status;
}


static ngx_int_t
ngx_http_wizdata_next_header(ngx_http_request_t *r)
{
    if (ngx_http_wizdata_trace_header(r) != NGX_OK) {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_next_header_filter(r);
}


static ngx_int_t
ngx_http_wizdata_header_filter(ngx_http_request_t *r)
{
    ngx_buf_t                   *b;
    ngx_http_wizdata_ctx_t      *ctx;
    ngx_http_wizdata_loc_conf_t *lcf;

    ctx = ngx_http_wizdata_ctx_find(r);
    if (ctx != NULL && ngx_http_wizdata_limit_headers(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_http_wizdata_is_builtin(r)) {
        return ngx_http_wizdata_next_header(r);
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_wizdata_module);
    if (!ngx_http_wizdata_is_noted(ctx, r->headers_out.status)) {
        ctx = lcf->errors ? ngx_http_wizdata_ctx(r) : NULL;
        if (ctx == NULL) {
            return ngx_http_wizdata_next_header(r);
        }

        ngx_memzero(&ctx->problem, sizeof(ctx->problem));
        ngx_http_wizdata_header_too_large(r);
        ctx->problem.status = r->headers_out.status;
    }
    ngx_http_wizdata_problem_retry(&ctx->problem);

    b = ngx_http_wizdata_problem_buf(ctx);
    if (b == NULL || ngx_http_wizdata_problem_headers(ctx, b) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->problem_body = b;
    return ngx_http_wizdata_next_header(r);
}


/* What nginx wrote is dropped, once our document has taken its place. */
static ngx_int_t
ngx_http_wizdata_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t             out, *cl;
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_ctx_find(r);
    if (in == NULL || ctx == NULL || ctx->problem_body == NULL) {
        return ngx_http_wizdata_next_body_filter(r, in);
    }

    for (cl = in; cl != NULL; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    out.buf = ctx->problem_body;
    out.next = NULL;
    ctx->problem_body = NULL;
    return ngx_http_wizdata_next_body_filter(r, &out);
}


ngx_int_t
ngx_http_wizdata_filter_init(ngx_conf_t *cf)
{
    ngx_http_wizdata_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_wizdata_header_filter;

    ngx_http_wizdata_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_wizdata_body_filter;
    return NGX_OK;
}
