/*
 * analytics_service.c - methods and health of the analytics service.
 */
#include "analytics_service.h"

#include "analytics_conf.h"
#include "analytics_store.h"

#define ANALYTICS_HEALTH_WAIT_NS (500 * WD_NS_PER_MS)

static const wd_rpc_method_t methods[] = {
    {"instruments.search", analytics_instruments_search, WD_RPC_PG},
    {"instruments.get", analytics_instruments_get, WD_RPC_PG},
    {"bars.query", analytics_bars_query, WD_RPC_PG},
    {"quotes.query", analytics_quotes_query, WD_RPC_PG},
    {"macro.query", analytics_macro_query, WD_RPC_PG},
    {"indicators.list", analytics_indicators_list, WD_RPC_WORK},
    {"indicators.compute", analytics_indicators_compute, WD_RPC_PG},
};


static void
analytics_health(wd_service_t *s, void *svc, wd_health_t *h)
{
    wd_ns_t       newest = 0;
    wd_pg_conn_t *c;
    wd_error_t    err;

    (void) svc;
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


int
analytics_service_run(int argc, char **argv)
{
    static analytics_conf_t conf;
    wd_service_spec_t       spec = {
              .name = "analytics",
              .summary = "Answers queries about instruments, bars, quotes, "
                               "macro-economic series and indicators.",
              .conf = &conf,
              .methods = methods,
              .n_methods = wd_array_len(methods),
              .svc = &conf,
              .health = analytics_health,
    };

    spec.rows = analytics_conf_rows(&spec.n_rows);
    return wd_service_main(&spec, argc, argv);
}
