/*
 * ingestion_collections_api.h - the methods about collections, and what their
 * files share.
 */
#ifndef INGESTION_COLLECTIONS_API_H
#define INGESTION_COLLECTIONS_API_H

#include "ingestion_left.h"
#include "ingestion_store_plan.h"

#include "wd_rpc.h"

/* All with WD_RPC_PG. */
int ingestion_collections_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_collections_get(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_collections_set(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_collections_delete(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_collections_pause(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_collections_resume(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_collections_run(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_plan(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_plan_try(const wd_rpc_call_t *call, wd_rpc_res_t *res);

/* Member "files_refused" of an open object: files of collections. */
wd_must_check int ingestion_put_refused(wd_pg_conn_t *pg, wd_json_t *j,
                                        wd_error_t *err);

/*
 * A failure as the caller is told of it: what the store refuses with its
 * words, and what is none of the caller's business without. Logged where
 * something is out of order.
 */
int ingestion_api_failed(const wd_rpc_call_t *call, wd_rpc_res_t *res, int rc,
                         const wd_error_t *err);

/* The argument `name`, zero-terminated; "" when it is not given. */
wd_must_check int
ingestion_api_name(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   const char *arg,
                   char        out[INGESTION_COLLECTION_NAME_MAX + 1]);

/* A definition from the arguments, checked, into an initialised *ret. */
wd_must_check int ingestion_api_definition(const wd_rpc_call_t    *call,
                                           wd_rpc_res_t           *res,
                                           ingestion_collection_t *ret);

/*
 * A collection as a row of ingestion_store_overview() describes it, with what
 * follows from its definition.
 */
typedef struct {
    ingestion_collection_t def;
    bool                   known; /* its definition is understood */
    wd_tz_t               *zone;
    ingestion_schedule_t   schedule;
    int                    provider; /* in ingestion_providers[]; -1: none */
} ingestion_view_t;

/* WD_OK also for what is not understood; WD_ENOMEM. */
wd_must_check int ingestion_view_open(const PGresult *res, int row,
                                      ingestion_view_t *ret);
void              ingestion_view_close(ingestion_view_t *v);

/* What follows from v->def, which was checked. WD_OK, or as wd_tz_load(). */
wd_must_check int ingestion_view_complete(ingestion_view_t *v);

/* Calls in a day that keep it up to date; 0 while it is paused. */
double ingestion_view_per_day(const ingestion_view_t *v, const PGresult *res,
                              int row);

#endif /* INGESTION_COLLECTIONS_API_H */
