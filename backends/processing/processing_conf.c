/*
 * processing_conf.c - the configuration of the processing.
 */
#include "processing.h"

#define AT(field) offsetof(processing_conf_t, field)

const wd_conf_row_t processing_conf_rows[] = {
    WD_SERVICE_CONF_ROWS(processing_conf_t, service, "processing"),
    {"processing", "lake", wd_conf_str, AT(lake), "/var/lib/wizdata/lake", 0, 0,
     0, "Folder of the raw archive, which is only read"},
};

const size_t processing_n_conf_rows = wd_array_len(processing_conf_rows);
