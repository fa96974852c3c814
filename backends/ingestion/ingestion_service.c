/*
 * ingestion_service.c - the service's life.
 */
#include "ingestion_api.h"
#include "ingestion_chores.h"
#include "ingestion_collections_api.h"
#include "ingestion_feed.h"
#include "ingestion_fetcher.h"
#include "ingestion_planner.h"
#include "ingestion_publisher.h"
#include "ingestion_push.h"

#include <stdio.h>

static const wd_rpc_method_t methods[] = {
    {"ingest.run", ingestion_api_run, WD_RPC_PG},
    {"ingest.status", ingestion_api_status, WD_RPC_PG},
    {"ingest.providers", ingestion_api_providers, WD_RPC_WORK},
    {"ingest.replay", ingestion_api_replay, WD_RPC_PG},
    {"ingest.push", ingestion_push, WD_RPC_UPLOAD},
    {"ingest.upload", ingestion_upload, WD_RPC_PG},
    {"collections.list", ingestion_collections_list, WD_RPC_PG},
    {"collections.get", ingestion_collections_get, WD_RPC_PG},
    {"collections.set", ingestion_collections_set, WD_RPC_PG},
    {"collections.delete", ingestion_collections_delete, WD_RPC_PG},
    {"collections.pause", ingestion_collections_pause, WD_RPC_PG},
    {"collections.resume", ingestion_collections_resume, WD_RPC_PG},
    {"collections.run", ingestion_collections_run, WD_RPC_PG},
    {"ingest.plan", ingestion_plan, WD_RPC_PG},
    {"ingest.plan_try", ingestion_plan_try, WD_RPC_PG},
};


/* Threads of their own: a push takes as long as its client. */
static int
start_pushes(wd_service_t *svc, ingestion_t *in, wd_error_t *err)
{
    const wd_rpc_pace_t pace = {
        .silence = WD_RPC_BODY_WAIT,
        .window = in->conf.upload_window_ms * WD_NS_PER_MS,
        .rate = in->conf.upload_rate,
        .total = in->conf.upload_time_ms * WD_NS_PER_MS};

    wd_rpc_server_pace(wd_service_rpc(svc), &pace);
    in->pushes = wd_lane_create(wd_service_loop(svc), in->conf.pushes, 0);
    if (in->pushes == NULL) {
        return wd_error(err, WD_ENOMEM, "no threads for pushes");
    }
    wd_rpc_server_lane(wd_service_rpc(svc), in->pushes);
    return WD_OK;
}


/* Any thread: do we have what it takes to ask for this data set? */
static bool
is_ready(void *arg, const char *provider, const char *dataset)
{
    size_t                     i, k;
    ingestion_t               *in = arg;
    ingestion_fetcher_state_t  state;
    const ingestion_dataset_t *sets;

    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        if (strcmp(ingestion_providers[i]->name, provider) != 0) {
            continue;
        }
        ingestion_fetcher_state(in->fetchers[i], &state);
        sets = ingestion_providers[i]->datasets;
        for (k = 0; k < state.n_endpoints; k++) {
            if (strcmp(sets[k].name, dataset) == 0) {
                return state.configured && state.endpoints[k].configured;
            }
        }
    }
    return false;
}


static int
ingestion_start(wd_service_t *svc, void *arg, wd_error_t *err)
{
    int          rc;
    size_t       i;
    ingestion_t *in = arg;
    const char  *url;

    in->log = wd_service_log(svc);
    in->pool = wd_service_pg(svc);
    url = in->conf.service.db.url;
    snprintf(in->worker, sizeof(in->worker), "%.70s/%llx",
             wd_daemon_instance(wd_service_daemon(svc)),
             (unsigned long long) wd_now());

    rc = ingestion_conf_check(&in->conf, err);
    if (rc == WD_OK) {
        rc = wd_http_init();
    }
    if (rc == WD_OK) {
        rc = ingestion_archive_open(in->conf.lake, in->conf.min_free,
                                    &in->archive, err);
    }
    if (rc == WD_OK) {
        rc = ingestion_publisher_start(url, in->conf.lake, in->log,
                                       &in->publisher, err);
    }
    if (rc == WD_OK) {
        rc = ingestion_net_start(INGESTION_PROVIDERS
                                     * (INGESTION_CONCURRENCY_MAX + 1),
                                 &in->net, err);
    }
    for (i = 0; i < INGESTION_PROVIDERS && rc == WD_OK; i++) {
        rc = ingestion_fetcher_start(in, i, &in->fetchers[i], err);
    }
    if (rc == WD_OK) {
        rc = ingestion_planner_start(url, in->conf.collections, is_ready, in,
                                     in->log, &in->planner, err);
    }
    if (rc == WD_OK) {
        rc = ingestion_feed_start(in, svc, &in->feed, err);
    }
    if (rc == WD_OK) {
        rc = ingestion_chores_start(in, &in->chores, err);
    }
    return rc == WD_OK ? start_pushes(svc, in, err) : rc;
}


static void
ingestion_reload(wd_service_t *svc, void *arg)
{
    size_t       i;
    wd_error_t   err = {0};
    ingestion_t *in = arg;

    (void) svc;
    ingestion_planner_reload(in->planner);
    if (ingestion_conf_check(&in->conf, &err) != WD_OK) {
        wd_log_warn(in->log, "reload refused, the old accounts stay", "reason",
                    err.text);
        return;
    }
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_reload(in->fetchers[i]);
    }
}


/* Requests in flight are given up at once: their jobs are durable. */
static void
ingestion_drain(wd_service_t *svc, void *arg)
{
    size_t       i;
    ingestion_t *in = arg;

    (void) svc;
    __atomic_store_n(&in->draining, true, __ATOMIC_RELAXED);
    ingestion_planner_ask_stop(in->planner);
    ingestion_feed_ask_stop(in->feed);
    ingestion_chores_ask_stop(in->chores);
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_ask_stop(in->fetchers[i]);
    }
}


static void
ingestion_stop(wd_service_t *svc, void *arg)
{
    size_t       i;
    ingestion_t *in = arg;

    ingestion_drain(svc, arg);
    wd_lane_stop(in->pushes);
    in->pushes = NULL;
    ingestion_planner_join(in->planner);
    ingestion_feed_join(in->feed);
    ingestion_chores_join(in->chores);
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_join(in->fetchers[i]);
    }
    /* Last, so that what the fetchers stored is still published. */
    ingestion_publisher_ask_stop(in->publisher);
    ingestion_publisher_join(in->publisher);
}


int
ingestion_main(int argc, char **argv)
{
    int                rc;
    size_t             i;
    static ingestion_t in; /* service calls outlive no frame of main() */
    wd_service_spec_t  spec = {
         .name = "ingestion",
         .summary = "collects data from providers into the raw archive",
         .rows = ingestion_conf_rows,
         .n_rows = ingestion_conf_n_rows,
         .conf = &in.conf,
         .methods = methods,
         .n_methods = wd_array_len(methods),
         .svc = &in,
         .start = ingestion_start,
         .reload = ingestion_reload,
         .drain = ingestion_drain,
         .stop = ingestion_stop,
         .health = ingestion_health,
    };

    rc = wd_service_main(&spec, argc, argv);

    ingestion_chores_destroy(in.chores);
    ingestion_feed_destroy(in.feed);
    ingestion_planner_destroy(in.planner);
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_destroy(in.fetchers[i]);
    }
    ingestion_net_destroy(in.net);
    ingestion_publisher_destroy(in.publisher);
    ingestion_archive_close(in.archive);
    wd_http_done();
    return rc;
}
