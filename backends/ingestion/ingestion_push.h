/*
 * ingestion_push.h - data that clients push: received, cut into parts, put into
 * the lake, and what became of its records.
 */
#ifndef INGESTION_PUSH_H
#define INGESTION_PUSH_H

#include "ingestion_api.h"
#include "ingestion_store_push.h"

#include "wd_push.h"

/* Rejected records that an answer tells. */
#define INGESTION_PUSH_REJECTS_MAX 1000

/* Methods. */
int ingestion_push(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int ingestion_upload(const wd_rpc_call_t *call, wd_rpc_res_t *res);

/* ---- for the files ingestion_push*.c alone ------------------------------ */

/* What was received of a body. */
typedef struct {
    int64_t *parts; /* rows of the manifest; malloc() */
    size_t   n;
    size_t   cap;
    int64_t  bytes; /* decompressed */
    int64_t  records;
    char     sha256[65];
} ingestion_received_t;

/*
 * The body into the lake, as the upload `u` of `worker`; parts that a former
 * attempt left there (`again`) are not stored twice. *ret is zeroed, its parts
 * are to be freed, and are what is in the lake also after a failure.
 *
 * WD_EINVAL, WD_ETOOBIG, WD_EMEDIATYPE: the body's fault, *err is for the
 * client; WD_EEXIST: somebody took the upload over; WD_ECANCELED, WD_ESLOW of
 * wd_rpc_read(); codes of the lake and of wd_pg.
 */
wd_must_check int
ingestion_push_receive(const wd_rpc_call_t *call, const wd_push_dataset_t *d,
                       wd_push_format_e format, const ingestion_upload_t *u,
                       const char *worker, bool again,
                       ingestion_received_t *ret, wd_error_t *err);

/* The hash of a body that is not stored; the same codes. */
wd_must_check int ingestion_push_hash(const wd_rpc_call_t  *call,
                                      ingestion_received_t *ret,
                                      wd_error_t           *err);

/*
 * Waits until all records of a stored upload were handled, for `wait_s` at
 * most, and answers with what is known then.
 */
wd_must_check int ingestion_push_answer(const wd_rpc_call_t *call, int64_t id,
                                        int64_t wait_s, wd_rpc_res_t *res);

/* A connection for a moment; WD_EDB with res filled. */
wd_must_check int ingestion_push_pg(const wd_rpc_call_t *call,
                                    wd_rpc_res_t *res, wd_pg_conn_t **ret);

#endif /* INGESTION_PUSH_H */
