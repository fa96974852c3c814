/*
 * ngx_http_wizdata_access.c - the access phase: which method a request is
 * for, whose it is, and whether it may. Works for the API and, by
 * wizdata_access, for any other location.
 */
#include "ngx_http_wizdata.h"


static void ngx_http_wizdata_access_granted(ngx_http_wizdata_ctx_t *ctx);
static void ngx_http_wizdata_access_refused(ngx_http_wizdata_ctx_t *ctx);


/*
 * The outcome is known. Who waited for it goes on with the phases; else the
 * phase handler, which is still running, returns it.
 */
static void
ngx_http_wizdata_access_done(ngx_http_wizdata_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_request_t *r = ctx->request;

    ctx->access = NGX_HTTP_WIZDATA_ACCESS_DONE;
    ctx->access_rc = rc;
    ctx->times.auth = ngx_http_wizdata_clock();

    if (!ctx->access_starting) {
        r->read_event_handler = ngx_http_block_reading;
        r->write_event_handler = ngx_http_core_run_phases;
        ngx_http_core_run_phases(r);
    }
}


static void
ngx_http_wizdata_access_granted(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_access_done(ctx, NGX_OK);
}


/* For `satisfy any` nginx has to know the header that it may take back. */
static ngx_int_t
ngx_http_wizdata_access_challenge(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_request_t *r = ctx->request;

    if (r->headers_out.www_authenticate != NULL) {
        return NGX_OK;
    }

    if (ngx_http_wizdata_challenge(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.www_authenticate = ngx_http_wizdata_last_header(r);
    return NGX_OK;
}


/*
 * With `satisfy any` another module may still let the client in, but not as
 * the one whose credential was refused. Whether it did is seen when the
 * request is logged.
 */
static void
ngx_http_wizdata_access_nobody(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_core_loc_conf_t *clcf;

    clcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_core_module);
    if (clcf->satisfy != NGX_HTTP_SATISFY_ANY) {
        ngx_http_wizdata_refusal_final(ctx);
        return;
    }

    ngx_http_wizdata_refusal_note(ctx);
    ngx_memzero(&ctx->verdict, sizeof(ctx->verdict));
    ctx->verdict.label = NGX_HTTP_WIZDATA_KEYS;
    ctx->has_digest = 0;
}


static void
ngx_http_wizdata_access_refused(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_int_t rc;

    ngx_http_wizdata_limit_failed(ctx);
    ngx_http_wizdata_access_nobody(ctx);
    rc = (ngx_int_t) ctx->problem.status;

    if (rc == NGX_HTTP_UNAUTHORIZED
        && ngx_http_wizdata_access_challenge(ctx) != NGX_OK)
    {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    ngx_http_wizdata_access_done(ctx, rc);
}


static void
ngx_http_wizdata_access_start(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_loc_conf_t *lcf)
{
    if (!lcf->api) {
        ngx_http_wizdata_auth(ctx, NGX_HTTP_WIZDATA_BIT_NONE,
                              lcf->permission,
                              ngx_http_wizdata_access_granted,
                              ngx_http_wizdata_access_refused);
        return;
    }

    if (ngx_http_wizdata_route(ctx) != WD_OK) {
        ngx_http_wizdata_access_refused(ctx);
    } else if (ngx_http_wizdata_method_public(ctx)) {
        ngx_http_wizdata_access_granted(ctx);
    } else {
        ngx_http_wizdata_method_auth(ctx, ngx_http_wizdata_access_granted,
                                     ngx_http_wizdata_access_refused);
    }
}


ngx_int_t
ngx_http_wizdata_access_handler(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t      *ctx;
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_wizdata_module);
    if (!lcf->api && lcf->access != NGX_HTTP_WIZDATA_ACCESS_ON) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_wizdata_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->access == NGX_HTTP_WIZDATA_ACCESS_IDLE) {
        ctx->access = NGX_HTTP_WIZDATA_ACCESS_RUNNING;
        ctx->access_starting = 1;
        ngx_http_wizdata_access_start(ctx, lcf);
        ctx->access_starting = 0;
    }

    return ctx->access == NGX_HTTP_WIZDATA_ACCESS_DONE ? ctx->access_rc
                                                       : NGX_AGAIN;
}


/* ---- headers by which a client could claim to be somebody --------------- */

/*
 * With underscores_in_headers these may come as underscores, and variables
 * and CGI do not tell the two apart.
 */
static ngx_uint_t
ngx_http_wizdata_begins(const u_char *name, const u_char *with, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (name[i] != with[i]
            && !((name[i] == '-' || name[i] == '_')
                 && (with[i] == '-' || with[i] == '_')))
        {
            return 0;
        }
    }
    return 1;
}


/* One of those that wizdata_identity_headers names. */
static ngx_uint_t
ngx_http_wizdata_is_named(const ngx_array_t *names, const ngx_table_elt_t *h)
{
    ngx_str_t  *name;
    ngx_uint_t  i;

    if (names == NULL) {
        return 0;
    }

    name = names->elts;
    for (i = 0; i < names->nelts; i++) {
        if (h->key.len == name[i].len
            && ngx_http_wizdata_begins(h->lowcase_key, name[i].data,
                                       name[i].len))
        {
            return 1;
        }
    }
    return 0;
}


static ngx_uint_t
ngx_http_wizdata_is_identity(ngx_http_request_t *r, const ngx_table_elt_t *h)
{
    static const u_char prefix[] = "x-wizdata-";
    static const u_char trace[] = "x-wizdata-trace"; /* claims nothing */

    ngx_http_wizdata_main_conf_t *wmcf;

    if (h->lowcase_key == NULL) {
        return 0;
    }

    if (h->key.len >= sizeof(prefix) - 1
        && ngx_http_wizdata_begins(h->lowcase_key, prefix,
                                   sizeof(prefix) - 1))
    {
        return h->key.len != sizeof(trace) - 1
               || !ngx_http_wizdata_begins(h->lowcase_key, trace,
                                           h->key.len);
    }

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_wizdata_module);
    return ngx_http_wizdata_is_named(wmcf->identity, h);
}


#if (nginx_version < 1023000)

static void
ngx_http_wizdata_relocate_in(ngx_array_t *a, const ngx_table_elt_t *from,
    ngx_table_elt_t *to)
{
    ngx_uint_t        i;
    ngx_table_elt_t **p = a->elts;

    for (i = 0; i < a->nelts; i++) {
        if (p[i] == from) {
            p[i] = to;
        }
    }
}

#endif


/* A header line moves: all that points to it follows. */
static void
ngx_http_wizdata_relocate(ngx_http_request_t *r, ngx_table_elt_t *from,
    ngx_table_elt_t *to)
{
    u_char               *p, *end;
    ngx_table_elt_t      *at;
    ngx_http_headers_in_t *in = &r->headers_in;

    /* The known headers are pointers, one behind the other. */
    end = (u_char *) &in->user;
    for (p = (u_char *) &in->host; p + sizeof(at) <= end; p += sizeof(at)) {
        ngx_memcpy(&at, p, sizeof(at));
        if (at == from) {
            ngx_memcpy(p, &to, sizeof(to));
        }
    }

#if (nginx_version < 1023000)
    ngx_http_wizdata_relocate_in(&in->cookies, from, to);
#if (NGX_HTTP_X_FORWARDED_FOR)
    ngx_http_wizdata_relocate_in(&in->x_forwarded_for, from, to);
#endif
#else
    {
        ngx_uint_t       i;
        ngx_list_part_t *part;

        for (part = &in->headers.part; part != NULL; part = part->next) {
            for (i = 0; i < part->nelts; i++) {
                at = &((ngx_table_elt_t *) part->elts)[i];
                if (at->next == from) {
                    at->next = to;
                }
            }
        }
    }
#endif

    *to = *from;
}


/*
 * Removes lines from the list. The parts stay full but the last, because
 * nginx's loops do not expect an empty one before the end.
 */
static void
ngx_http_wizdata_headers_compact(ngx_http_request_t *r)
{
    ngx_uint_t       i, k = 0, full;
    ngx_list_t      *list = &r->headers_in.headers;
    ngx_list_part_t *part, *to = &list->part;
    ngx_table_elt_t *h;

    full = to->nelts;
    for (part = &list->part; part != NULL; part = part->next) {
        for (i = 0; i < part->nelts; i++) {
            h = &((ngx_table_elt_t *) part->elts)[i];
            if (ngx_http_wizdata_is_identity(r, h)) {
                continue;
            }
            if (k == full) {
                to = to->next;
                full = to->nelts;
                k = 0;
            }
            if (h != &((ngx_table_elt_t *) to->elts)[k]) {
                ngx_http_wizdata_relocate(
                    r, h, &((ngx_table_elt_t *) to->elts)[k]);
            }
            k++;
        }
    }

    to->nelts = k;
    to->next = NULL;
    list->last = to;
}


/* Always: who stands behind a location must be able to trust its headers. */
ngx_int_t
ngx_http_wizdata_strip_handler(ngx_http_request_t *r)
{
    ngx_uint_t       i;
    ngx_list_part_t *part;
    ngx_table_elt_t *h;

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next)
    {
        h = part->elts;
        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_wizdata_is_identity(r, &h[i])) {
                ngx_http_wizdata_headers_compact(r);
                return NGX_DECLINED;
            }
        }
    }
    return NGX_DECLINED;
}


char *
ngx_http_wizdata_conf_access(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value = cf->args->elts;
    ngx_http_wizdata_loc_conf_t  *lcf = conf;
    ngx_http_wizdata_main_conf_t *wmcf;

    if (lcf->access != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        lcf->access = NGX_HTTP_WIZDATA_ACCESS_OFF;
        return NGX_CONF_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
    wmcf->used = 1;
    lcf->access = NGX_HTTP_WIZDATA_ACCESS_ON;

    if (ngx_strcmp(value[1].data, "key") == 0) {
        return NGX_CONF_OK;
    }

    if (!wd_perm_valid(wd_str((char *) value[1].data, value[1].len))
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '*')
           != NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no permission; write off, key, or "
                           "resource:action such as bars:read", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->permission = (char *) value[1].data;
    return NGX_CONF_OK;
}


/* Without them nginx or the module could not do their work. */
static ngx_uint_t
ngx_http_wizdata_is_needed(const ngx_str_t *name)
{
    ngx_uint_t        i;
    static const char *needed[] = {
        "accept", "authorization", "connection", "content-length",
        "content-type", "expect", "host", "te", "trailer",
        "transfer-encoding", "upgrade", "x-api-key"};

    for (i = 0; i < wd_array_len(needed); i++) {
        if (wd_str_eq_z(wd_str((char *) name->data, name->len), needed[i])) {
            return 1;
        }
    }
    return 0;
}


static ngx_uint_t
ngx_http_wizdata_is_header_name(const ngx_str_t *name)
{
    size_t i;
    u_char c;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'
              || c == '_'))
        {
            return 0;
        }
    }
    return name->len != 0;
}


char *
ngx_http_wizdata_conf_identity(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value = cf->args->elts, *name, word;
    ngx_uint_t                    i;
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    if (wmcf->identity == NULL) {
        wmcf->identity = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
        if (wmcf->identity == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {
        word = value[i];
        ngx_strlow(word.data, word.data, word.len);

        if (!ngx_http_wizdata_is_header_name(&word)
            || ngx_http_wizdata_is_needed(&word))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" cannot be removed from requests: write "
                               "the name of a header that only trusted "
                               "parties may set, such as X-User", &word);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(wmcf->identity);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }
        *name = word;
    }
    wmcf->used = 1;
    return NGX_CONF_OK;
}
