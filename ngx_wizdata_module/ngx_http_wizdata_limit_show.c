/*
 * ngx_http_wizdata_limit_show.c - limits in /api/status/config, with the plans
 * that auth has pushed.
 */
#include "ngx_http_wizdata_limit.h"


/* The rate that is reached first by who keeps asking; NULL: none. */
static const wd_plan_rate_t *
ngx_http_wizdata_limit_tightest(const ngx_http_wizdata_plan_t *p)
{
    unsigned              i;
    const wd_plan_rate_t *r, *best = NULL;

    for (i = 0; p != NULL && i < p->plan.n_rates; i++) {
        r = &p->plan.rates[i];
        if (best == NULL
            || (double) r->limit * (double) best->period
               < (double) best->limit * (double) r->period)
        {
            best = r;
        }
    }
    return best;
}


static void
ngx_http_wizdata_limit_show_rate(wd_json_t *j, const char *rpm,
    const char *burst, const wd_plan_rate_t *r)
{
    wd_json_key(j, rpm);
    if (r == NULL) {
        wd_json_null(j);
    } else {
        wd_json_num(j, (double) r->limit * 60 * (double) WD_NS_PER_S
                       / (double) r->period);
    }

    wd_json_key(j, burst);
    if (r == NULL) {
        wd_json_null(j);
    } else {
        wd_json_int(j, r->burst);
    }
}


void
ngx_http_wizdata_limit_show_rates(wd_json_t *j, ngx_http_wizdata_worker_t *w)
{
    ngx_http_wizdata_limits_t *ls = w->limit;
    ngx_http_wizdata_plan_t   *plan = NULL, *anonymous = NULL;

    if (ls != NULL) {
        plan = ngx_http_wizdata_limit_plan(ls, WD_STR("default"));
        anonymous = ls->conf->anonymous;
    }

    wd_json_key(j, "rate_limits");
    wd_json_obj(j);
    ngx_http_wizdata_limit_show_rate(
        j, "default_rpm", "burst_size",
        ngx_http_wizdata_limit_tightest(anonymous));
    ngx_http_wizdata_limit_show_rate(
        j, "authenticated_rpm", "authenticated_burst_size",
        ngx_http_wizdata_limit_tightest(plan));
    wd_json_end(j);
}


static void
ngx_http_wizdata_limit_show_plans(wd_json_t *j, ngx_http_wizdata_limits_t *ls)
{
    ngx_uint_t               i;
    ngx_http_wizdata_plan_t *p;

    (void) ngx_http_wizdata_limit_plan(ls, WD_STR("default")); /* up to date */

    wd_json_key(j, "plans");
    wd_json_obj(j);
    for (i = 0; i < ls->n_plans; i++) {
        p = ls->plans[i];
        if (!p->there) {
            continue;
        }
        wd_json_key_str(j, wd_str_z(p->name));
        wd_json_obj(j);
        wd_json_key(j, "limits");
        wd_json_z(j, p->text);
        wd_json_key(j, "from");
        wd_json_z(j, ngx_http_wizdata_limit_of_auth(ls, p) ? "auth"
                                                           : "nginx.conf");
        wd_json_end(j);
    }
    wd_json_end(j);
}


/* Names are the same pointers for all methods of a group. */
static void
ngx_http_wizdata_limit_show_groups(wd_json_t *j,
    const ngx_http_wizdata_limit_conf_t *lc)
{
    ngx_uint_t  i, k;
    const char *name;

    wd_json_key(j, "groups");
    wd_json_obj(j);
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        name = lc->groups[i];
        for (k = 0; name != NULL && k < i; k++) {
            if (lc->groups[k] != NULL && strcmp(lc->groups[k], name) == 0) {
                name = NULL; /* shown */
            }
        }
        if (name == NULL) {
            continue;
        }

        wd_json_key_str(j, wd_str_z(name));
        wd_json_arr(j);
        for (k = i; k < WD_METHOD_COUNT; k++) {
            if (lc->groups[k] != NULL && strcmp(lc->groups[k], name) == 0) {
                wd_json_z(j, wd_methods()[k].name);
            }
        }
        wd_json_end(j);
    }
    wd_json_end(j);
}


void
ngx_http_wizdata_limit_show(wd_json_t *j, ngx_http_wizdata_worker_t *w)
{
    ngx_http_wizdata_limits_t     *ls = w->limit;
    ngx_http_wizdata_limit_conf_t *lc;

    wd_json_key(j, "limits");
    if (ls == NULL) {
        wd_json_null(j);
        return;
    }

    lc = ls->conf;
    wd_json_obj(j);
    wd_json_key(j, "zone_bytes");
    wd_json_int(j, (int64_t) lc->zone_size);
    wd_json_key(j, "anonymous");
    wd_json_z(j, lc->anonymous != NULL ? lc->anonymous->text : NULL);
    wd_json_key(j, "ipv4_prefix");
    wd_json_int(j, (int64_t) lc->ipv4_prefix);
    wd_json_key(j, "ipv6_prefix");
    wd_json_int(j, (int64_t) lc->ipv6_prefix);
    ngx_http_wizdata_limit_show_plans(j, ls);
    ngx_http_wizdata_limit_show_groups(j, lc);
    wd_json_end(j);
}
