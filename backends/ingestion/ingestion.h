/*
 * ingestion.h - the ingestion service: its configuration and its parts.
 */
#ifndef INGESTION_H
#define INGESTION_H

#include "ingestion_archive.h"
#include "ingestion_net.h"
#include "provider.h"

#include "wd_service.h"

/* In the order of ingestion_providers[]. */
typedef struct {
    wd_service_conf_t service;

    char    *lake;
    char    *collections;
    uint64_t min_free;
    uint64_t max_bytes;
    uint32_t timeout_ms;
    uint32_t connect_timeout_ms;
    uint32_t attempts;
    uint32_t retry_ms;
    uint32_t lease_ms;
    uint32_t breaker_failures;
    uint32_t breaker_open_ms;
    uint32_t retry_budget;
    char    *ca_file;
    bool     allow_http;
    bool     allow_private;
    uint32_t pushes;
    uint64_t upload_rate; /* bytes a second */
    uint32_t upload_window_ms;
    uint32_t upload_time_ms;
    uint32_t uploads_keep_ms;
    uint32_t jobs_keep_ms;
    uint32_t events_keep_ms;

    ingestion_conf_account_t accounts[INGESTION_PROVIDERS];
} ingestion_conf_t;

extern const wd_conf_row_t ingestion_conf_rows[];
extern const size_t        ingestion_conf_n_rows;

/* What a single row cannot tell. WD_OK or WD_ECONFIG. */
wd_must_check int ingestion_conf_check(const ingestion_conf_t *conf,
                                       wd_error_t             *err);

typedef struct ingestion_fetcher   ingestion_fetcher_t;
typedef struct ingestion_publisher ingestion_publisher_t;
typedef struct ingestion_planner   ingestion_planner_t;
typedef struct ingestion_feed      ingestion_feed_t;
typedef struct ingestion_chores    ingestion_chores_t;

typedef struct {
    ingestion_conf_t       conf; /* loop thread; fixed keys: any thread */
    wd_log_t              *log;
    char                   worker[96]; /* name of this process in leases */
    wd_pg_pool_t          *pool;
    ingestion_archive_t   *archive;
    ingestion_publisher_t *publisher;
    ingestion_planner_t   *planner;
    ingestion_net_t       *net;
    ingestion_feed_t      *feed;
    ingestion_chores_t    *chores;
    ingestion_fetcher_t   *fetchers[INGESTION_PROVIDERS];
    wd_lane_t             *pushes;
    uint32_t               pushing; /* atomic: threads of the lane in use */
    bool                   draining; /* atomic: nobody waits any more */
} ingestion_t;

int ingestion_main(int argc, char **argv);

/* Member "lake" of an open object; cursor -1: not known. */
void ingestion_put_lake(const ingestion_t *in, int64_t cursor, wd_json_t *j);

/* Worker thread: what sys.health adds. */
void ingestion_health(wd_service_t *svc, void *arg, wd_health_t *h);

#endif /* INGESTION_H */
