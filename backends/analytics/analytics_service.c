/*
 * analytics_service.c - methods and health of the analytics service.
 */
#include "analytics_service.h"

#include "analytics_conf.h"
#include "analytics_purge.h"
#include "analytics_store.h"

#define ANALYTICS_HEALTH_WAIT_NS (500 * WD_NS_PER_MS)

static const wd_rpc_method_t methods[] = {
    {"instruments.search", analytics_instruments_search, WD_RPC_PG},
    {"instruments.get", analytics_instruments_get, WD_RPC_PG},
    {"bars.query", analytics_bars_query, WD_RPC_PG},
    {"quotes.query", analytics_quotes_query, WD_RPC_PG},
    {"trades.query", analytics_trades_query, WD_RPC_PG},
    {"news.query", analytics_news_query, WD_RPC_PG},
    {"macro.query", analytics_macro_query, WD_RPC_PG},
    {"macro.countries", analytics_macro_countries, WD_RPC_PG},
    {"macro.indicators", analytics_macro_indicators, WD_RPC_PG},
    {"macro.databases", analytics_macro_databases, WD_RPC_PG},
    {"macro.groups", analytics_macro_groups, WD_RPC_PG},
    {"indicators.list", analytics_indicators_list, WD_RPC_WORK},
    {"indicators.compute", analytics_indicators_compute, WD_RPC_PG},
};


/* What methods get as their service begins with the configuration. */
typedef struct {
    analytics_conf_t   conf;
    analytics_purge_t *purge;
} analytics_t;


/* Without LISTEN all works, but gateways ask for each answer. */
static void
analytics_health_purge(const analytics_t *a, wd_health_t *h)
{
    bool hears = analytics_purge_hears(a->purge);

    wd_json_key(h->j, "commits");
    wd_json_z(h->j, hears ? "pushed" : "not heard");
    h->degraded = h->degraded || !hears;
}


static void
analytics_health(wd_service_t *s, void *svc, wd_health_t *h)
{
    wd_ns_t       newest = 0;
    wd_pg_conn_t *c;
    wd_error_t    err;

    analytics_health_purge(svc, h);
    wd_json_key(h->j, "newest_data");

    if (wd_pg_acquire(wd_service_pg(s),
                      wd_monotonic() + ANALYTICS_HEALTH_WAIT_NS, &c, &err)
        != WD_OK) {
        wd_json_null(h->j);
        return;
    }

    if (analytics_store_newest(c, &newest, &err) == WD_OK) {
        wd_json_time(h->j, newest);
    } else {
        wd_json_null(h->j);
    }
    wd_pg_release(c);
}


static int
analytics_start(wd_service_t *s, void *svc, wd_error_t *err)
{
    analytics_t *a = svc;

    return analytics_purge_start(s, a->conf.service.db.url, &a->purge, err);
}


static void
analytics_stop(wd_service_t *s, void *svc)
{
    analytics_t *a = svc;

    (void) s;
    analytics_purge_stop(a->purge);
}


int
analytics_service_run(int argc, char **argv)
{
    int               rc;
    analytics_t       analytics = {.purge = NULL};
    wd_service_spec_t spec = {
        .name = "analytics",
        .summary = "Answers queries about instruments, bars, quotes, "
                   "macro-economic series and indicators.",
        .conf = &analytics.conf,
        .methods = methods,
        .n_methods = wd_array_len(methods),
        .svc = &analytics,
        .start = analytics_start,
        .stop = analytics_stop,
        .health = analytics_health,
    };

    spec.rows = analytics_conf_rows(&spec.n_rows);
    rc = wd_service_main(&spec, argc, argv);
    analytics_purge_destroy(analytics.purge);
    return rc;
}
