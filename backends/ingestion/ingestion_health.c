/*
 * ingestion_health.c - the state of the lake and of the providers: for
 * sys.health, and in its meta for the gateway's status pages.
 */
#include "ingestion_fetcher.h"
#include "ingestion_planner.h"
#include "ingestion_publisher.h"


/*
 * The integrations that users of the platform know by name. Those without a
 * fetcher are not configured, and said so.
 */
static const char *const ingestion_known_apis[] = {
    "alpha_vantage", "bloomberg",  "refinitiv",
    "sp_global",     "world_bank", "openai",
};


static const ingestion_fetcher_state_t *
find_api(const ingestion_fetcher_state_t s[INGESTION_PROVIDERS],
         const char                     *name)
{
    int i;

    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        if (strcmp(s[i].health_name, name) == 0) {
            return &s[i];
        }
    }
    return NULL;
}


static bool
is_configured(const ingestion_fetcher_state_t *s)
{
    return s != NULL && s->configured;
}


/* {"configured_apis":n,"total_apis":n,"details":{name:bool}} */
static void
put_external(const ingestion_fetcher_state_t s[INGESTION_PROVIDERS],
             wd_rpc_res_t                   *res)
{
    int       n = 0;
    size_t    i;
    wd_buf_t  b;
    wd_json_t j;

    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        n += s[i].configured;
    }
    wd_buf_init(&b, 0);
    wd_json_init(&j, &b);
    wd_json_obj(&j);
    wd_json_key(&j, "configured_apis");
    wd_json_int(&j, n);
    wd_json_key(&j, "total_apis");
    wd_json_int(&j, INGESTION_PROVIDERS);
    wd_json_key(&j, "details");
    wd_json_obj(&j);
    for (i = 0; i < wd_array_len(ingestion_known_apis); i++) {
        wd_json_key(&j, ingestion_known_apis[i]);
        wd_json_bool(&j, is_configured(find_api(s, ingestion_known_apis[i])));
    }
    wd_json_end(&j);
    wd_json_end(&j);
    wd_rpc_meta_str(res, "external", wd_buf_view(&b));
    wd_buf_done(&b);
}


static void
put_time(wd_json_t *j, const char *key, wd_ns_t t)
{
    wd_json_key(j, key);
    t == 0 ? wd_json_null(j) : wd_json_time(j, t);
}


static void
put_left(wd_json_t *j, const char *key, uint32_t limit, int64_t left)
{
    wd_json_key(j, key);
    limit == 0 ? wd_json_null(j) : wd_json_int(j, wd_max(left, (int64_t) 0));
}


/* Nothing is asked of a provider for this: a probe would cost its quota. */
static void
put_api_state(wd_json_t *j, const ingestion_fetcher_state_t *s)
{
    wd_json_key(j, "state");
    wd_json_z(j, s->state_name);
    wd_json_key(j, "reachable");
    if (s->last_success == 0 && s->failures == 0) {
        wd_json_null(j); /* not tried yet */
    } else {
        wd_json_bool(j, s->failures == 0);
    }
    put_time(j, "last_success", s->last_success);
    put_time(j, "last_error_at", s->last_error_at);
    wd_json_key(j, "last_error");
    wd_json_z(j, s->last_error_at != 0 ? s->last_error_class : NULL);

    wd_json_key(j, "quota_left");
    wd_json_obj(j);
    put_left(j, "second", s->per_second, s->left_second);
    put_left(j, "minute", s->per_minute, s->left_minute);
    put_left(j, "day", s->per_day, s->left_day);
    wd_json_end(j);
}


/* {"alpha_vantage_api":{"status":...,"type":"external_api",...},...} */
static void
put_api_services(const ingestion_fetcher_state_t s[INGESTION_PROVIDERS],
                 wd_rpc_res_t                   *res)
{
    char                             name[40];
    size_t                           i;
    wd_buf_t                         b;
    wd_json_t                        j;
    const ingestion_fetcher_state_t *api;

    wd_buf_init(&b, 0);
    wd_json_init(&j, &b);
    wd_json_obj(&j);
    for (i = 0; i < wd_array_len(ingestion_known_apis); i++) {
        api = find_api(s, ingestion_known_apis[i]);
        snprintf(name, sizeof(name), "%s_api", ingestion_known_apis[i]);
        wd_json_key(&j, name);
        wd_json_obj(&j);
        wd_json_key(&j, "status");
        wd_json_z(&j, is_configured(api) ? "configured" : "not_configured");
        wd_json_key(&j, "type");
        wd_json_z(&j, "external_api");
        if (is_configured(api)) {
            put_api_state(&j, api);
        }
        wd_json_end(&j);
    }
    wd_json_end(&j);
    wd_rpc_meta_str(res, "apis", wd_buf_view(&b));
    wd_buf_done(&b);
}


void
ingestion_health(wd_service_t *svc, void *arg, wd_health_t *h)
{
    int                         i;
    ingestion_t                *in = arg;
    ingestion_archive_state_t   lake;
    ingestion_fetcher_state_t   s[INGESTION_PROVIDERS];
    ingestion_planner_state_t   plan;
    ingestion_publisher_state_t pub;

    (void) svc;
    ingestion_put_lake(in, -1, h->j);
    ingestion_archive_state(in->archive, &lake);
    ingestion_publisher_state(in->publisher, &pub);
    h->degraded |= !lake.writable || lake.full || !pub.healthy;

    ingestion_planner_state(in->planner, &plan);
    h->degraded |= !plan.healthy;
    wd_json_key(h->j, "collections");
    wd_json_obj(h->j);
    wd_json_key(h->j, "known");
    wd_json_int(h->j, (int64_t) plan.collections);
    wd_json_key(h->j, "files_refused");
    wd_json_int(h->j, (int64_t) plan.bad_files);
    wd_json_end(h->j);

    wd_json_key(h->j, "providers");
    wd_json_obj(h->j);
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_state(in->fetchers[i], &s[i]);
        wd_json_key(h->j, s[i].provider);
        wd_json_z(h->j, s[i].configured ? s[i].state_name : "not_configured");
        h->degraded |= s[i].configured
                       && (s[i].state == FETCHER_STOPPED
                           || s[i].state == FETCHER_BREAKER_OPEN);
    }
    wd_json_end(h->j);
    put_external(s, h->res);
    put_api_services(s, h->res);
}
