/*
 * analytics_service.h - the service and its methods.
 */
#ifndef ANALYTICS_SERVICE_H
#define ANALYTICS_SERVICE_H

#include "wd_rpc.h"

/* main() of the daemon. */
int analytics_service_run(int argc, char **argv);

/* analytics_instruments.c */
int analytics_instruments_search(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int analytics_instruments_get(const wd_rpc_call_t *call, wd_rpc_res_t *res);

/* analytics_bars.c */
int analytics_bars_query(const wd_rpc_call_t *call, wd_rpc_res_t *res);

/* analytics_quotes.c */
int analytics_quotes_query(const wd_rpc_call_t *call, wd_rpc_res_t *res);

/* analytics_trades.c */
int analytics_trades_query(const wd_rpc_call_t *call, wd_rpc_res_t *res);

/* analytics_news.c */
int analytics_news_query(const wd_rpc_call_t *call, wd_rpc_res_t *res);

/* analytics_macro.c */
int analytics_macro_query(const wd_rpc_call_t *call, wd_rpc_res_t *res);

/* analytics_lists.c */
int analytics_macro_countries(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int analytics_macro_indicators(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int analytics_macro_databases(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int analytics_macro_groups(const wd_rpc_call_t *call, wd_rpc_res_t *res);

/* analytics_indicators.c */
int analytics_indicators_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int analytics_indicators_compute(const wd_rpc_call_t *call, wd_rpc_res_t *res);

#endif /* ANALYTICS_SERVICE_H */
