/*
 * ngx_http_wizdata_limit_conf.c - directives of limits, their zones, and the
 * life of their state in a worker.
 */
#include "ngx_http_wizdata_limit.h"
#include "ngx_http_wizdata_slots.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_LIMIT_ZONE (8 * 1024 * 1024)
#define NGX_HTTP_WIZDATA_USAGE_ZONE (2 * 1024 * 1024)

/* What nginx's slab pool takes for itself from a zone of that size. */
#define ngx_http_wizdata_slab_left(size) ((size) - (size) / 64 - 8 * 4096)

/* Principals whose keys are remembered, and how long their texts may be. */
#define NGX_HTTP_WIZDATA_LIMIT_KEYS 1024
#define NGX_HTTP_WIZDATA_LIMIT_KEY_BYTES 216


static const ngx_http_wizdata_range_t ngx_http_wizdata_zone_range = {
    1024 * 1024, INT64_C(64) << 30, "a size from 1m to 64g, such as 8m"};
static const ngx_http_wizdata_range_t ngx_http_wizdata_ipv4_range = {
    8, 32, "a number from 8 to 32, such as ipv4_prefix=32"};
static const ngx_http_wizdata_range_t ngx_http_wizdata_ipv6_range = {
    16, 128, "a number from 16 to 128, such as ipv6_prefix=64"};


static ngx_http_wizdata_limit_conf_t *
ngx_http_wizdata_limit_conf(ngx_conf_t *cf)
{
    ngx_http_wizdata_main_conf_t  *wmcf;
    ngx_http_wizdata_limit_conf_t *lc;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
    if (wmcf->limit == NULL) {
        lc = ngx_pcalloc(cf->pool, sizeof(ngx_http_wizdata_limit_conf_t));
        if (lc == NULL) {
            return NULL;
        }
        lc->ipv4_prefix = 32;
        lc->ipv6_prefix = 64;
        lc->zone_size = NGX_HTTP_WIZDATA_LIMIT_ZONE;
        wmcf->limit = lc;
    }
    return wmcf->limit;
}


static void
ngx_http_wizdata_plan_cleanup(void *data)
{
    wd_plan_done(data);
}


/* The words from `from` on, as one text that is checked here. */
static ngx_int_t
ngx_http_wizdata_conf_words(ngx_conf_t *cf, ngx_uint_t from,
    ngx_http_wizdata_plan_t *p)
{
    size_t              len = 0;
    ngx_str_t          *value = cf->args->elts;
    ngx_uint_t          i;
    wd_error_t          err;
    ngx_pool_cleanup_t *cln;

    for (i = from; i < cf->args->nelts; i++) {
        if (len + value[i].len + 1 > WD_PLAN_TEXT_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "a plan has at most %d characters",
                               WD_PLAN_TEXT_MAX);
            return NGX_ERROR;
        }
        if (len != 0) {
            p->text[len++] = ' ';
        }
        ngx_memcpy(p->text + len, value[i].data, value[i].len);
        len += value[i].len;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }
    if (wd_plan_parse(wd_str(p->text, len), &p->plan, &err) != WD_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", err.text);
        return NGX_ERROR;
    }
    p->there = 1;
    cln->handler = ngx_http_wizdata_plan_cleanup;
    cln->data = &p->plan;
    return NGX_OK;
}


static ngx_uint_t
ngx_http_wizdata_plan_name_ok(const ngx_str_t *name)
{
    size_t i;

    for (i = 0; i < name->len; i++) {
        if (!((name->data[i] >= 'a' && name->data[i] <= 'z')
              || (name->data[i] >= 'A' && name->data[i] <= 'Z')
              || (name->data[i] >= '0' && name->data[i] <= '9')
              || name->data[i] == '_' || name->data[i] == '-'
              || name->data[i] == '.'))
        {
            return 0;
        }
    }
    return name->len >= 1 && name->len <= 32;
}


char *
ngx_http_wizdata_conf_plan(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value = cf->args->elts;
    ngx_uint_t                     i;
    ngx_http_wizdata_plan_t       *p, **all;
    ngx_http_wizdata_limit_conf_t *lc = ngx_http_wizdata_limit_conf(cf);

    if (lc == NULL) {
        return NGX_CONF_ERROR;
    }
    if (!ngx_http_wizdata_plan_name_ok(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is no name of a "
                           "plan: write 1 to 32 letters, digits, \"_\", "
                           "\"-\", \".\", then its words, such as "
                           "wizdata_plan default rate=200/m burst=20",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (lc->plans == NULL) {
        lc->plans = ngx_array_create(cf->pool, 8,
                                     sizeof(ngx_http_wizdata_plan_t *));
        if (lc->plans == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    all = lc->plans->elts;
    for (i = 0; i < lc->plans->nelts; i++) {
        if (wd_str_eq_z(ngx_http_wizdata_limit_view_of(&value[1]),
                        all[i]->name))
        {
            return "is duplicate for this plan";
        }
    }
    if (lc->plans->nelts == NGX_HTTP_WIZDATA_PLANS_MAX / 2) {
        return "stands more than 256 times; keep further plans in auth";
    }

    p = ngx_pcalloc(cf->pool, sizeof(ngx_http_wizdata_plan_t));
    all = ngx_array_push(lc->plans);
    if (p == NULL || all == NULL) {
        return NGX_CONF_ERROR;
    }
    *all = p;
    wd_str_copy(p->name, sizeof(p->name),
                ngx_http_wizdata_limit_view_of(&value[1]));
    return ngx_http_wizdata_conf_words(cf, 2, p) == NGX_OK ? NGX_CONF_OK
                                                           : NGX_CONF_ERROR;
}


/* Takes the options out of the words; the others are a plan's. */
static ngx_int_t
ngx_http_wizdata_conf_prefixes(ngx_conf_t *cf,
    ngx_http_wizdata_limit_conf_t *lc)
{
    ngx_str_t  *value = cf->args->elts, v;
    ngx_uint_t  i, k = 1;

    for (i = 1; i < cf->args->nelts; i++) {
        v.data = value[i].data + 12;
        v.len = value[i].len - 12;
        if (ngx_strncmp(value[i].data, "ipv4_prefix=", 12) == 0) {
            if (ngx_http_wizdata_word_num(cf, &v, &ngx_http_wizdata_ipv4_range,
                                          &lc->ipv4_prefix) != NGX_OK)
            {
                return NGX_ERROR;
            }
        } else if (ngx_strncmp(value[i].data, "ipv6_prefix=", 12) == 0) {
            if (ngx_http_wizdata_word_num(cf, &v, &ngx_http_wizdata_ipv6_range,
                                          &lc->ipv6_prefix) != NGX_OK)
            {
                return NGX_ERROR;
            }
        } else {
            value[k++] = value[i];
        }
    }
    cf->args->nelts = k;
    return NGX_OK;
}


char *
ngx_http_wizdata_conf_anonymous(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wizdata_plan_t       *p;
    ngx_http_wizdata_limit_conf_t *lc = ngx_http_wizdata_limit_conf(cf);

    if (lc == NULL) {
        return NGX_CONF_ERROR;
    }
    if (lc->anonymous != NULL) {
        return "is duplicate";
    }

    p = ngx_pcalloc(cf->pool, sizeof(ngx_http_wizdata_plan_t));
    if (p == NULL || ngx_http_wizdata_conf_prefixes(cf, lc) != NGX_OK) {
        return NGX_CONF_ERROR;
    }
    lc->anonymous = p;
    wd_str_copy(p->name, sizeof(p->name), WD_STR("anonymous"));
    if (ngx_http_wizdata_conf_words(cf, 1, p) != NGX_OK) {
        return NGX_CONF_ERROR;
    }
    if (wd_plan_empty(&p->plan)) {
        return "limits nothing; write what it allows, such as rate=60/m "
               "burst=10";
    }
    return NGX_CONF_OK;
}


/* "bars.query", or "bars.*" for all that begin so. */
static ngx_uint_t
ngx_http_wizdata_group_has(const ngx_str_t *word, const char *method)
{
    if (word->len >= 2 && word->data[word->len - 1] == '*'
        && word->data[word->len - 2] == '.')
    {
        return ngx_strncmp(word->data, method, word->len - 1) == 0;
    }
    return wd_str_eq_z(ngx_http_wizdata_limit_view_of(word), method);
}


char *
ngx_http_wizdata_conf_group(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value = cf->args->elts;
    ngx_uint_t                     i, k, n;
    ngx_http_wizdata_limit_conf_t *lc = ngx_http_wizdata_limit_conf(cf);

    if (lc == NULL) {
        return NGX_CONF_ERROR;
    }
    if (!ngx_http_wizdata_plan_name_ok(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is no name of a "
                           "group: write 1 to 32 letters, digits, \"_\", "
                           "\"-\", \".\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        n = 0;
        for (k = 0; k < WD_METHOD_COUNT; k++) {
            if (!ngx_http_wizdata_group_has(&value[i], wd_methods()[k].name)) {
                continue;
            }
            n++;
            if (lc->groups[k] != NULL) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the method %s is "
                                   "in the group \"%s\" already; write it "
                                   "in one", wd_methods()[k].name,
                                   lc->groups[k]);
                return NGX_CONF_ERROR;
            }
            lc->groups[k] = (char *) value[1].data;
        }
        if (n == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown method \"%V\": "
                               "write one of docs/API.md, such as "
                               "bars.query, or bars.* for all of them",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }
    return NGX_CONF_OK;
}


char *
ngx_http_wizdata_conf_limit_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                     *value = cf->args->elts;
    ngx_http_wizdata_limit_conf_t *lc = ngx_http_wizdata_limit_conf(cf);

    if (lc == NULL) {
        return NGX_CONF_ERROR;
    }
    if (lc->zone_size != NGX_HTTP_WIZDATA_LIMIT_ZONE) {
        return "is duplicate";
    }
    return ngx_http_wizdata_word_size(cf, &value[1],
                                      &ngx_http_wizdata_zone_range,
                                      &lc->zone_size) == NGX_OK
               ? NGX_CONF_OK
               : NGX_CONF_ERROR;
}


typedef struct {
    const char *word;
    ngx_uint_t  value;
} ngx_http_wizdata_choice_t;


static char *
ngx_http_wizdata_choose(ngx_conf_t *cf, const ngx_http_wizdata_choice_t *c,
    const char *write, ngx_uint_t *ret)
{
    ngx_str_t *value = cf->args->elts;

    if (*ret != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }
    for (; c->word != NULL; c++) {
        if (ngx_strcmp(value[1].data, c->word) == 0) {
            *ret = c->value;
            return NGX_CONF_OK;
        }
    }
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown word \"%V\": write %s",
                       &value[1], write);
    return NGX_CONF_ERROR;
}


char *
ngx_http_wizdata_conf_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    static const ngx_http_wizdata_choice_t words[] = {
        {"off", NGX_HTTP_WIZDATA_LIMIT_OFF},
        {"on", NGX_HTTP_WIZDATA_LIMIT_ON},
        {"dry_run", NGX_HTTP_WIZDATA_LIMIT_DRY},
        {NULL, 0}};
    char                                  *rv;
    ngx_http_wizdata_loc_conf_t           *lcf = conf;
    ngx_http_wizdata_main_conf_t          *wmcf;

    rv = ngx_http_wizdata_choose(cf, words, "off, on or dry_run",
                                 &lcf->limit);
    if (rv == NGX_CONF_OK && lcf->limit != NGX_HTTP_WIZDATA_LIMIT_OFF) {
        wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
        wmcf->limited = 1;
        if (ngx_http_wizdata_limit_conf(cf) == NULL) {
            return NGX_CONF_ERROR;
        }
    }
    return rv;
}


char *
ngx_http_wizdata_conf_limit_headers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    static const ngx_http_wizdata_choice_t words[] = {
        {"ietf", NGX_HTTP_WIZDATA_LIMIT_IETF},
        {"legacy", NGX_HTTP_WIZDATA_LIMIT_LEGACY},
        {"both", NGX_HTTP_WIZDATA_LIMIT_IETF|NGX_HTTP_WIZDATA_LIMIT_LEGACY},
        {"off", 0},
        {NULL, 0}};
    ngx_http_wizdata_loc_conf_t *lcf = conf;

    return ngx_http_wizdata_choose(cf, words, "ietf, legacy, both or off",
                                   &lcf->limit_headers);
}


/* ---- zones -------------------------------------------------------------- */

/* The zone of that name in the configuration before this one. */
static void *
ngx_http_wizdata_zone_before(const ngx_shm_zone_t *zone)
{
    ngx_uint_t       i;
    ngx_shm_zone_t  *z;
    ngx_list_part_t *part;

    if (ngx_cycle == NULL || ngx_cycle->shared_memory.part.elts == NULL) {
        return NULL;
    }

    for (part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
         part != NULL; part = part->next)
    {
        z = part->elts;
        for (i = 0; i < part->nelts; i++) {
            if (z[i].tag == zone->tag && z[i].shm.name.len
                == zone->shm.name.len && z[i].shm.addr != zone->shm.addr
                && ngx_strncmp(z[i].shm.name.data, zone->shm.name.data,
                               zone->shm.name.len) == 0)
            {
                return z[i].data;
            }
        }
    }
    return NULL;
}


/* All that the pool gives in one piece, zeroed; kept in pool->data. */
static void *
ngx_http_wizdata_zone_memory(ngx_shm_zone_t *zone, size_t *ret_size)
{
    void            *p;
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *) zone->shm.addr;

    *ret_size = ngx_http_wizdata_slab_left(zone->shm.size);
    if (zone->shm.exists) {
        return pool->data;
    }

    pool->log_nomem = 0;
    p = ngx_slab_calloc(pool, *ret_size);
    pool->data = p;
    return p;
}


static ngx_int_t
ngx_http_wizdata_limit_zone_init(ngx_shm_zone_t *zone, void *data)
{
    void       *p, *before;
    u_char      seed[32];
    size_t      size;
    wd_limit_t *table;

    if (data != NULL) {
        zone->data = data;
        return NGX_OK;
    }

    p = ngx_http_wizdata_zone_memory(zone, &size);
    randombytes_buf(seed, sizeof(seed));
    if (p == NULL
        || wd_limit_init(p, size, seed, (wd_ns_t) ngx_http_wizdata_clock(),
                         &table) != WD_OK)
    {
        return NGX_ERROR;
    }
    zone->data = table;

    before = ngx_http_wizdata_zone_before(zone);
    if (before != NULL) {
        wd_limit_adopt(table, before);
    }
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_usage_zone_init(ngx_shm_zone_t *zone, void *data)
{
    void       *p;
    u_char      seed[32];
    size_t      size;
    wd_usage_t *usage;

    if (data != NULL) {
        zone->data = data;
        return NGX_OK;
    }

    p = ngx_http_wizdata_zone_memory(zone, &size);
    randombytes_buf(seed, sizeof(seed));
    if (p == NULL || wd_usage_init(p, size, seed, &usage) != WD_OK) {
        return NGX_ERROR;
    }
    zone->data = usage;
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_pushed_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL) {
        zone->data = data;
        return NGX_OK;
    }
    if (!zone->shm.exists) {
        pool->data = ngx_slab_calloc(pool, sizeof(ngx_http_wizdata_pushed_t));
    }
    zone->data = pool->data;
    return zone->data != NULL ? NGX_OK : NGX_ERROR;
}


/* Bytes that buckets take, for the metrics. */
static size_t
ngx_http_wizdata_limit_used(ngx_shm_zone_t *zone)
{
    uint64_t n, max;

    wd_limit_count(zone->data, &n, &max);
    return (size_t) n * (wd_limit_bucket_bytes() + WD_LIMIT_KEY);
}


ngx_int_t
ngx_http_wizdata_limit_zones(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_http_wizdata_limit_conf_t *lc = wmcf->limit;

    if (!wmcf->limited) {
        return NGX_OK;
    }

    lc->zone = ngx_http_wizdata_add_zone(
        cf, "wizdata_limits", lc->zone_size,
        ngx_http_wizdata_limit_zone_init);
    lc->usage = ngx_http_wizdata_add_zone(
        cf, "wizdata_usage", NGX_HTTP_WIZDATA_USAGE_ZONE,
        ngx_http_wizdata_usage_zone_init);
    lc->pushed = ngx_http_wizdata_add_zone(
        cf, "wizdata_plans",
        2 * sizeof(ngx_http_wizdata_pushed_t) + 16 * ngx_pagesize,
        ngx_http_wizdata_pushed_zone_init);

    if (lc->zone == NULL || lc->usage == NULL || lc->pushed == NULL) {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_zone_figure(cf, lc->zone,
                                        ngx_http_wizdata_limit_used);
}


/* ---- a worker ----------------------------------------------------------- */

/* The table knows nothing of workers that were killed; this one looks. */
ngx_int_t
ngx_http_wizdata_limit_init(ngx_http_wizdata_worker_t *w)
{
    ngx_http_wizdata_limits_t     *ls;
    ngx_http_wizdata_limit_conf_t *lc = w->conf->limit;

    if (w->conf->redis_conf != NULL) {
        w->redis = ngx_http_wizdata_redis_create(w->cycle,
                                                 w->conf->redis_conf, w);
        if (w->redis == NULL) {
            return NGX_ERROR;
        }
    }

    if (w->conf->limited) {
        ls = ngx_pcalloc(w->cycle->pool, sizeof(ngx_http_wizdata_limits_t));
        if (ls == NULL) {
            return NGX_ERROR;
        }
        ls->keys = wd_memo_create(NGX_HTTP_WIZDATA_LIMIT_KEYS,
                                  NGX_HTTP_WIZDATA_LIMIT_KEY_BYTES);
        if (ls->keys == NULL) {
            return NGX_ERROR;
        }
        ls->worker = w;
        ls->conf = lc;
        ls->table = lc->zone->data;
        ls->usage = lc->usage->data;
        ls->pushed = lc->pushed->data;
        w->limit = ls;

        wd_limit_reap(ls->table);
        ngx_http_wizdata_limit_plans_init(ls);
        if (ngx_http_wizdata_limit_sync_init(ls) != NGX_OK
            || ngx_http_wizdata_usage_init(ls) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_wizdata_limit_start(ngx_http_wizdata_worker_t *w)
{
    if (w->redis != NULL) {
        ngx_http_wizdata_redis_start(w->redis);
    }
}


void
ngx_http_wizdata_limit_exit(ngx_http_wizdata_worker_t *w)
{
    ngx_http_wizdata_limits_t *ls = w->limit;

    if (ls != NULL) {
        ngx_http_wizdata_usage_done(ls);
        wd_buf_done(&ls->text);
        wd_memo_destroy(ls->keys);
        ngx_http_wizdata_limit_fallback_leave(ls);
    }
    if (w->redis != NULL) {
        ngx_http_wizdata_redis_destroy(w->redis);
    }
}
