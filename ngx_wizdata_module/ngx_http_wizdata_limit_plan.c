/*
 * ngx_http_wizdata_limit_plan.c - plans by name: those of nginx.conf, and
 * over them those that auth pushes, which all workers share at once.
 *
 * The texts are in shared memory; each worker parses them for itself when
 * their generation has changed. Time zones are read then, not for a request.
 */
#include "ngx_http_wizdata_limit.h"

#include "wd_mp.h"


static ngx_http_wizdata_plan_t *
ngx_http_wizdata_limit_find(ngx_http_wizdata_limits_t *ls, wd_str_t name)
{
    ngx_uint_t i;

    for (i = 0; i < ls->n_plans; i++) {
        if (wd_str_eq_z(name, ls->plans[i]->name)) {
            return ls->plans[i];
        }
    }
    return NULL;
}


static ngx_http_wizdata_plan_t *
ngx_http_wizdata_limit_get(ngx_http_wizdata_limits_t *ls, wd_str_t name)
{
    ngx_http_wizdata_plan_t *p;

    p = ngx_http_wizdata_limit_find(ls, name);
    if (p != NULL || ls->n_plans == NGX_HTTP_WIZDATA_PLANS_MAX) {
        return p;
    }

    p = ngx_calloc(sizeof(ngx_http_wizdata_plan_t), ls->worker->cycle->log);
    if (p != NULL) {
        wd_str_copy(p->name, sizeof(p->name), name);
        ls->plans[ls->n_plans++] = p;
    }
    return p;
}


/* A text that cannot be read leaves the plan as it was. */
static void
ngx_http_wizdata_limit_set(ngx_http_wizdata_limits_t *ls, wd_str_t name,
    wd_str_t text)
{
    wd_plan_t                plan;
    wd_error_t               err;
    ngx_http_wizdata_plan_t *p;

    p = ngx_http_wizdata_limit_get(ls, name);
    if (p == NULL || (p->there && wd_str_eq_z(text, p->text))) {
        return;
    }

    if (wd_plan_parse(text, &plan, &err) != WD_OK) {
        ngx_log_error(NGX_LOG_ERR, ls->worker->cycle->log, 0,
                      "wizdata: the plan \"%*s\" of auth is left as it was: "
                      "%s", name.len, name.data, err.text);
        return;
    }

    wd_plan_done(&p->plan);
    p->plan = plan;
    wd_buf_reset(&p->policy);
    p->there = 1;
    wd_str_copy(p->text, sizeof(p->text), text);
}


static bool
ngx_http_wizdata_limit_is_pushed(const ngx_http_wizdata_pushed_t *shared,
    const char *name)
{
    uint32_t i;

    for (i = 0; i < shared->n; i++) {
        if (ngx_strcmp(shared->plans[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}


/* Plans of nginx.conf that are not pushed hold as they stand there. */
static void
ngx_http_wizdata_limit_configured(ngx_http_wizdata_limits_t *ls)
{
    ngx_uint_t               i;
    ngx_array_t             *a = ls->conf->plans;
    ngx_http_wizdata_plan_t *c, *p;

    for (i = 0; a != NULL && i < a->nelts; i++) {
        c = ((ngx_http_wizdata_plan_t **) a->elts)[i];
        p = ngx_http_wizdata_limit_find(ls, wd_str_z(c->name));
        if (p == NULL || !p->there) {
            ngx_http_wizdata_limit_set(ls, wd_str_z(c->name),
                                       wd_str_z(c->text));
        }
    }
}


static void
ngx_http_wizdata_limit_reload(ngx_http_wizdata_limits_t *ls)
{
    uint32_t                   i;
    ngx_uint_t                 k;
    ngx_http_wizdata_pushed_t *shared = ls->pushed;

    /* A push that died half way comes again on auth's next connection. */
    (void) !wd_shlock_lock(&shared->lock);
    ls->generation = atomic_load(&shared->generation);
    for (k = 0; k < ls->n_plans; k++) {
        if (!ngx_http_wizdata_limit_is_pushed(shared, ls->plans[k]->name)) {
            ls->plans[k]->there = 0;
        }
    }
    for (i = 0; i < shared->n; i++) {
        ngx_http_wizdata_limit_set(ls, wd_str_z(shared->plans[i].name),
                                   wd_str_z(shared->plans[i].text));
    }
    wd_shlock_unlock(&shared->lock);

    ngx_http_wizdata_limit_configured(ls);
    ls->fallback = ngx_http_wizdata_limit_find(ls, WD_STR("default"));
}


void
ngx_http_wizdata_limit_plans_init(ngx_http_wizdata_limits_t *ls)
{
    ngx_http_wizdata_limit_reload(ls);
}


ngx_http_wizdata_plan_t *
ngx_http_wizdata_limit_plan(ngx_http_wizdata_limits_t *ls, wd_str_t name)
{
    ngx_http_wizdata_plan_t *p;

    if (ls->generation != atomic_load(&ls->pushed->generation)) {
        ngx_http_wizdata_limit_reload(ls);
    }

    p = ngx_http_wizdata_limit_find(ls, name);
    if (p != NULL && p->there) {
        return p;
    }
    return ls->fallback != NULL && ls->fallback->there ? ls->fallback : NULL;
}


ngx_uint_t
ngx_http_wizdata_limit_of_auth(ngx_http_wizdata_limits_t *ls,
    const ngx_http_wizdata_plan_t *plan)
{
    ngx_uint_t yes;

    (void) !wd_shlock_lock(&ls->pushed->lock);
    yes = ngx_http_wizdata_limit_is_pushed(ls->pushed, plan->name);
    wd_shlock_unlock(&ls->pushed->lock);
    return yes;
}


/* Both passes read the same; the first one only looks. */
static int
ngx_http_wizdata_limit_read(wd_str_t params,
    ngx_http_wizdata_pushed_t *shared)
{
    wd_mp_t  c = wd_mp(params.data, params.len);
    uint32_t n, i, two;
    wd_str_t name, text;

    if (wd_mp_read_array(&c, &n) != WD_OK || n < 1
        || wd_mp_read_array(&c, &n) != WD_OK)
    {
        return WD_EPROTO;
    }

    for (i = 0; i < n; i++) {
        if (wd_mp_read_array(&c, &two) != WD_OK || two != 2
            || wd_mp_read_str(&c, &name) != WD_OK
            || wd_mp_read_str(&c, &text) != WD_OK)
        {
            return WD_EPROTO;
        }
        if (shared != NULL && i < NGX_HTTP_WIZDATA_PLANS_MAX) {
            wd_str_copy(shared->plans[i].name, sizeof(shared->plans[i].name),
                        name);
            wd_str_copy(shared->plans[i].text, sizeof(shared->plans[i].text),
                        text);
            shared->n = i + 1;
        }
    }
    return WD_OK;
}


ngx_int_t
ngx_http_wizdata_limit_pushed(ngx_http_wizdata_worker_t *w, wd_str_t params)
{
    ngx_http_wizdata_limits_t *ls = w->limit;
    ngx_http_wizdata_pushed_t *shared;

    if (ngx_http_wizdata_limit_read(params, NULL) != WD_OK) {
        return NGX_ERROR;
    }
    if (ls == NULL) {
        return NGX_OK; /* nothing is limited here */
    }

    shared = ls->pushed;
    (void) !wd_shlock_lock(&shared->lock);
    shared->n = 0;
    (void) !ngx_http_wizdata_limit_read(params, shared);
    atomic_fetch_add(&shared->generation, 1);
    wd_shlock_unlock(&shared->lock);

    ngx_http_wizdata_count(w, REVOKED_PLANS, 1);
    ngx_http_wizdata_limit_reload(ls);
    return NGX_OK;
}
