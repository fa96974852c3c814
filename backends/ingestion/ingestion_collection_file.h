/*
 * ingestion_collection_file.h - collections in files: those of one folder
 * whose names end in .conf, a section for each collection.
 *
 *     # comment
 *     [us-daily]
 *     provider    = alphavantage
 *     dataset     = daily
 *     instruments = IBM, AAPL
 *     instruments = MSFT
 *     every       = 1d
 */
#ifndef INGESTION_COLLECTION_FILE_H
#define INGESTION_COLLECTION_FILE_H

#include "ingestion_collection.h"

#define INGESTION_FILE_BYTES_MAX (1024u * 1024)
#define INGESTION_FILE_LINE_MAX 4096
#define INGESTION_FILES_MAX 500 /* of a folder */
#define INGESTION_SECTIONS_MAX 500 /* of a file */

typedef struct {
    ingestion_collection_t *v;
    size_t                  n;
} ingestion_collections_t;

void ingestion_collections_done(ingestion_collections_t *all);

/*
 * All collections of a file, each checked, its zone but for its existence.
 * WD_OK; or WD_ECONFIG, WD_ENOMEM with the line in *ret_line and *err: the
 * whole file counts for nothing then. *ret is to be done with either way.
 */
wd_must_check int ingestion_collection_read(wd_str_t                 text,
                                            ingestion_collections_t *ret,
                                            int *ret_line, wd_error_t *err);

/* One file of a folder. */
typedef struct {
    char                    name[256]; /* in the folder */
    ingestion_collections_t collections;
    bool                    bad;
    char                    error[400]; /* "name:line: what" */
} ingestion_file_t;

typedef struct {
    ingestion_file_t *v;
    size_t            n;
    bool              unreadable; /* nothing is known of the folder */
    char              error[400]; /* of the folder itself; "": none */
} ingestion_folder_t;

/*
 * Reads a folder, in the order of the names. One that is not there is empty.
 * What is wrong stands in *ret; WD_OK or WD_ENOMEM.
 */
wd_must_check int ingestion_folder_read(const char         *path,
                                        ingestion_folder_t *ret);
void              ingestion_folder_done(ingestion_folder_t *folder);

#endif /* INGESTION_COLLECTION_FILE_H */
