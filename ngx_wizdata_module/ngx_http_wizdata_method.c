/*
 * ngx_http_wizdata_method.c - what nginx.conf says otherwise than the
 * catalogue about a method, per location: who may call it, what it costs.
 */
#include "ngx_http_wizdata.h"
#include "ngx_http_wizdata_slots.h"


struct ngx_http_wizdata_method_conf_s {
    const char *permission; /* NULL: any credential */
    ngx_uint_t  cost;
    unsigned    access_set:1;
    unsigned    public:1;
    unsigned    cost_set:1;
};


static const ngx_http_wizdata_range_t ngx_http_wizdata_cost_range = {
    0, 1000000, "cost= and a number from 0 to 1000000, such as cost=5"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_method_timeout = {
    1, 3600 * 1000, "timeout= and a time from 1ms to 1h, such as timeout=10s"};


static const ngx_http_wizdata_method_conf_t *
ngx_http_wizdata_method_conf(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_wizdata_module);
    return lcf->methods != NULL ? &lcf->methods[ctx->method->id] : NULL;
}


bool
ngx_http_wizdata_method_public(ngx_http_wizdata_ctx_t *ctx)
{
    const ngx_http_wizdata_method_conf_t *m;

    m = ngx_http_wizdata_method_conf(ctx);
    if (m != NULL && m->access_set) {
        return m->public;
    }
    return ctx->method->flags & WD_M_PUBLIC;
}


ngx_uint_t
ngx_http_wizdata_method_cost(ngx_http_wizdata_ctx_t *ctx)
{
    const ngx_http_wizdata_method_conf_t *m;

    m = ngx_http_wizdata_method_conf(ctx);
    return m != NULL && m->cost_set ? m->cost : ctx->method->cost;
}


void
ngx_http_wizdata_method_auth(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_next_pt next, ngx_http_wizdata_next_pt refused)
{
    const ngx_http_wizdata_method_conf_t *m;

    m = ngx_http_wizdata_method_conf(ctx);
    if (m != NULL && m->access_set) {
        ngx_http_wizdata_auth(ctx, NGX_HTTP_WIZDATA_BIT_NONE, m->permission,
                              next, refused);
        return;
    }

    /* The public ones of the catalogue have no bit that says who may. */
    if (ctx->method->flags & WD_M_PUBLIC) {
        ngx_http_wizdata_auth(ctx, NGX_HTTP_WIZDATA_BIT_NONE, NULL, next,
                              refused);
        return;
    }
    ngx_http_wizdata_auth(ctx, ctx->method->id, ctx->method->permission, next,
                          refused);
}


char *
ngx_http_wizdata_methods_merge(ngx_conf_t *cf,
    ngx_http_wizdata_method_conf_t *prev,
    ngx_http_wizdata_method_conf_t **conf)
{
    size_t                          i;
    ngx_http_wizdata_method_conf_t *m = *conf;

    if (m == NULL) {
        *conf = prev;
        return NGX_CONF_OK;
    }

    for (i = 0; prev != NULL && i < WD_METHOD_COUNT; i++) {
        if (!m[i].access_set) {
            m[i].access_set = prev[i].access_set;
            m[i].public = prev[i].public;
            m[i].permission = prev[i].permission;
        }
        if (!m[i].cost_set) {
            m[i].cost_set = prev[i].cost_set;
            m[i].cost = prev[i].cost;
        }
    }
    return NGX_CONF_OK;
}


static const char *
ngx_http_wizdata_method_access(const ngx_http_wizdata_method_conf_t *m)
{
    return m->public               ? "public"
           : m->permission != NULL ? m->permission
                                   : "key";
}


void
ngx_http_wizdata_methods_show(wd_json_t *j,
    const ngx_http_wizdata_method_conf_t *m)
{
    ngx_uint_t i;

    wd_json_key(j, "methods");
    wd_json_obj(j);
    for (i = 0; m != NULL && i < WD_METHOD_COUNT; i++) {
        if (!m[i].access_set && !m[i].cost_set) {
            continue;
        }
        wd_json_key(j, wd_methods()[i].name);
        wd_json_obj(j);
        if (m[i].access_set) {
            wd_json_key(j, "permission");
            wd_json_z(j, ngx_http_wizdata_method_access(&m[i]));
        }
        if (m[i].cost_set) {
            wd_json_key(j, "cost");
            wd_json_int(j, (int64_t) m[i].cost);
        }
        wd_json_end(j);
    }
    wd_json_end(j);
}


/* public, key or resource:action. */
static ngx_int_t
ngx_http_wizdata_conf_method_access(ngx_conf_t *cf, const ngx_str_t *word,
    ngx_http_wizdata_method_conf_t *m)
{
    ngx_str_t value;

    value.data = word->data + sizeof("permission=") - 1;
    value.len = word->len - (sizeof("permission=") - 1);
    m->access_set = 1;

    if (ngx_strcmp(value.data, "public") == 0) {
        m->public = 1;
        return NGX_OK;
    }
    if (ngx_strcmp(value.data, "key") == 0) {
        return NGX_OK;
    }

    if (!wd_perm_valid(wd_str((char *) value.data, value.len))
        || ngx_strlchr(value.data, value.data + value.len, '*') != NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no permission; write permission=public, "
                           "permission=key, or permission= and "
                           "resource:action such as bars:read", &value);
        return NGX_ERROR;
    }
    m->permission = (char *) value.data;
    return NGX_OK;
}


/* Calls of one method have one deadline, whichever location they are from. */
static ngx_int_t
ngx_http_wizdata_conf_method_timeout(ngx_conf_t *cf, const ngx_str_t *word,
    const wd_method_t *method)
{
    ngx_str_t                     value;
    ngx_http_wizdata_main_conf_t *wmcf;

    if (cf->cmd_type != NGX_HTTP_MAIN_CONF) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is for all locations: write it in a "
                           "wizdata_method at http level", word);
        return NGX_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
    value.data = word->data + sizeof("timeout=") - 1;
    value.len = word->len - (sizeof("timeout=") - 1);
    return ngx_http_wizdata_word_msec(cf, &value,
                                      &ngx_http_wizdata_method_timeout,
                                      &wmcf->timeouts[method->id]);
}


static ngx_int_t
ngx_http_wizdata_conf_method_word(ngx_conf_t *cf, const ngx_str_t *word,
    const wd_method_t *method, ngx_http_wizdata_method_conf_t *m)
{
    ngx_str_t value;

    if (ngx_strncmp(word->data, "permission=", 11) == 0) {
        return ngx_http_wizdata_conf_method_access(cf, word, m);
    }
    if (ngx_strncmp(word->data, "timeout=", 8) == 0) {
        return ngx_http_wizdata_conf_method_timeout(cf, word, method);
    }
    if (ngx_strncmp(word->data, "cost=", 5) == 0) {
        value.data = word->data + 5;
        value.len = word->len - 5;
        m->cost_set = 1;
        return ngx_http_wizdata_word_num(cf, &value,
                                         &ngx_http_wizdata_cost_range,
                                         &m->cost);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is not valid in \"wizdata_method\": write "
                       "permission=, cost= or timeout=", word);
    return NGX_ERROR;
}


char *
ngx_http_wizdata_conf_method(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value = cf->args->elts;
    ngx_uint_t                      i;
    const wd_method_t              *method;
    ngx_http_wizdata_loc_conf_t    *lcf = conf;
    ngx_http_wizdata_method_conf_t  m;

    method = wd_method_by_name(wd_str((char *) value[1].data, value[1].len));
    if (method == NULL || method->path == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown method \"%V\": "
                           "write one of docs/API.md, such as bars.query",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (lcf->methods == NULL) {
        lcf->methods = ngx_pcalloc(cf->pool,
                                   WD_METHOD_COUNT * sizeof(*lcf->methods));
        if (lcf->methods == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    m = lcf->methods[method->id];
    if (m.access_set || m.cost_set) {
        return "is duplicate for this method; write its words in one line";
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_wizdata_conf_method_word(cf, &value[i], method, &m)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }
    lcf->methods[method->id] = m;
    return NGX_CONF_OK;
}
