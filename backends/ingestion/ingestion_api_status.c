/*
 * ingestion_api_status.c - ingest.status and ingest.replay: jobs and the lake.
 */
#include "ingestion_api.h"
#include "ingestion_collections_api.h"
#include "ingestion_publisher.h"
#include "ingestion_store.h"


/* cursor: as the database has it; -1: as the publisher saw it last. */
void
ingestion_put_lake(const ingestion_t *in, int64_t cursor, wd_json_t *j)
{
    ingestion_archive_state_t   lake;
    ingestion_publisher_state_t pub;

    ingestion_archive_state(in->archive, &lake);
    ingestion_publisher_state(in->publisher, &pub);
    if (cursor >= 0) {
        pub.published = cursor;
    }
    wd_json_key(j, "lake");
    wd_json_obj(j);
    wd_json_key(j, "objects");
    wd_json_int(j, lake.objects);
    wd_json_key(j, "published");
    pub.published < 0 ? wd_json_null(j) : wd_json_int(j, pub.published);
    wd_json_key(j, "lag");
    pub.published < 0 ? wd_json_null(j)
                      : wd_json_int(j, lake.objects - pub.published);
    wd_json_key(j, "publishing");
    wd_json_bool(j, pub.healthy);
    wd_json_key(j, "writable");
    wd_json_bool(j, lake.writable && !lake.full);
    wd_json_key(j, "disk_full");
    wd_json_bool(j, lake.full);
    wd_json_key(j, "free_bytes");
    wd_json_int(j, lake.free_bytes);
    wd_json_key(j, "error");
    lake.error[0] == '\0' ? wd_json_null(j) : wd_json_z(j, lake.error);
    wd_json_end(j);
}


int
ingestion_api_status(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                rc;
    int64_t            job = 0, limit = 50, cursor;
    wd_json_t          j;
    wd_error_t         err = {0};
    const ingestion_t *in = call->svc;

    rc = wd_rpc_arg_int(call, "job", &job);
    if (rc == WD_EPARAM || job < 0) {
        return wd_rpc_fail_param(res, "job", "job: must be a job's number");
    }
    rc = wd_rpc_arg_int(call, "limit", &limit);
    if (rc == WD_EPARAM || limit < 1 || limit > 1000) {
        return wd_rpc_fail_param(res, "limit", "limit: must be 1 to 1000");
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    rc = ingestion_store_status(call->pg, job, limit, &j, &err);
    if (rc == WD_OK) {
        rc = ingestion_put_refused(call->pg, &j, &err);
    }
    if (rc == WD_OK) {
        rc = ingestion_store_cursor(call->pg, &cursor, &err);
    }
    if (rc != WD_OK) {
        wd_buf_reset(&res->body);
        return rc == WD_ENOTFOUND ? wd_rpc_fail(res, rc, "No such job")
                                  : ingestion_api_internal(call, res, rc, &err);
    }
    ingestion_put_lake(in, cursor, &j);
    wd_json_end(&j);
    return WD_OK;
}


int
ingestion_api_replay(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                       rc;
    int64_t                   from = 1, to = INT64_MAX, id;
    wd_json_t                 j;
    wd_error_t                err = {0};
    const ingestion_t        *in = call->svc;
    ingestion_archive_state_t lake;

    rc = wd_rpc_arg_int(call, "from_seq", &from);
    if (rc == WD_EPARAM || from < 1) {
        return wd_rpc_fail_param(res, "from_seq",
                                 "from_seq: must be 1 or more");
    }
    rc = wd_rpc_arg_int(call, "to_seq", &to);
    if (rc == WD_EPARAM || to < from) {
        return wd_rpc_fail_param(res, "to_seq",
                                 "to_seq: must not be before from_seq");
    }

    ingestion_archive_state(in->archive, &lake);
    to = wd_min(to, lake.objects);
    if (from > to) {
        return wd_rpc_fail_param(res, "from_seq",
                                 "from_seq: the lake has %lld objects",
                                 (long long) lake.objects);
    }
    rc = ingestion_store_replay_add(call->pg, from, to, call->ctx.principal,
                                    &id, &err);
    if (rc != WD_OK) {
        return ingestion_api_internal(call, res, rc, &err);
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "replay");
    wd_json_int(&j, id);
    wd_json_key(&j, "from_seq");
    wd_json_int(&j, from);
    wd_json_key(&j, "to_seq");
    wd_json_int(&j, to);
    wd_json_key(&j, "objects");
    wd_json_int(&j, to - from + 1);
    wd_json_end(&j);
    res->status = 202;
    return WD_OK;
}
