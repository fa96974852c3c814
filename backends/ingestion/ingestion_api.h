/*
 * ingestion_api.h - the methods of the catalogue, and what they share.
 */
#ifndef INGESTION_API_H
#define INGESTION_API_H

#include "ingestion.h"

int ingestion_api_run(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_api_status(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_api_providers(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_api_replay(const wd_rpc_call_t *call, wd_rpc_res_t *res);

/* A method's failure inside: logged here, told to nobody. */
int ingestion_api_internal(const wd_rpc_call_t *call, wd_rpc_res_t *res, int rc,
                           const wd_error_t *err);

/* A text argument, "" when absent. WD_OK, or *res is filled. */
wd_must_check int ingestion_api_text(const wd_rpc_call_t *call,
                                     wd_rpc_res_t *res, const char *name,
                                     char *out, size_t cap);

/* All arguments of a data set that are in the call; checked. */
wd_must_check int ingestion_api_args(const wd_rpc_call_t *call,
                                     wd_rpc_res_t *res, ingestion_args_t *ret);

/* A member "second", "minute" or "day": {"limit", "left"}; limit 0: null. */
void ingestion_put_window(wd_json_t *j, const char *window, uint32_t limit,
                          int64_t left);

#endif /* INGESTION_API_H */
