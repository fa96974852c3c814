/*
 * processing.h - the processing service as one object.
 */
#ifndef PROCESSING_H
#define PROCESSING_H

#include "processing_time.h"
#include "wd_bus.h"
#include "wd_lake.h"
#include "wd_service.h"

typedef struct {
    wd_service_conf_t service;
    char             *lake;
} processing_conf_t;

extern const wd_conf_row_t processing_conf_rows[];
extern const size_t        processing_n_conf_rows;

#define PROCESSING_SOURCES_MAX 16 /* more are asked for each time */

typedef struct processing_ahead processing_ahead_t;

typedef struct {
    processing_conf_t   conf;
    wd_service_t       *service;
    wd_log_t           *log;
    wd_lake_t          *lake;
    processing_zones_t  zones;
    processing_ahead_t *ahead; /* of the consumer's thread; NULL: none */
    wd_bus_consumer_t  *consumer;

    /* Consumer's thread: failures of the event at hand. */
    int64_t  failed_offset;
    unsigned failures;

    /* And the ids of sources, which never change, by their first use. */
    struct {
        const char *name; /* of a description, which stays */
        int         id;
    } sources[PROCESSING_SOURCES_MAX];
    size_t n_sources;
} processing_t;

/* main() is: return processing_main(argc, argv); */
int processing_main(int argc, char **argv);

#endif /* PROCESSING_H */
