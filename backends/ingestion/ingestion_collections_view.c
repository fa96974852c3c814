/*
 * ingestion_collections_view.c - a stored collection as its definition says
 * that it is.
 */
#include "ingestion_collections_api.h"


static int
provider_index(const char *name)
{
    int i;

    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        if (strcmp(ingestion_providers[i]->name, name) == 0) {
            return i;
        }
    }
    return -1;
}


int
ingestion_view_open(const PGresult *res, int row, ingestion_view_t *ret)
{
    int         rc;
    wd_error_t  err = {0};
    const char *key;

    memset(ret, 0, sizeof(*ret));
    ret->provider = -1;
    ingestion_collection_init(&ret->def);
    wd_str_copy(ret->def.name, sizeof(ret->def.name),
                wd_pg_get_str(res, row, OVER_NAME));
    rc = ingestion_collection_parse(wd_pg_get_str(res, row, OVER_DEFINITION),
                                    &ret->def, &err);
    if (rc == WD_OK) {
        rc = ingestion_collection_check(&ret->def, &key, &err);
    }
    if (rc == WD_OK) {
        rc = ingestion_view_complete(ret);
    }
    ret->known = rc == WD_OK;
    return rc == WD_ENOMEM ? rc : WD_OK;
}


int
ingestion_view_complete(ingestion_view_t *v)
{
    int rc = WD_OK;

    v->provider = provider_index(v->def.provider);
    if (v->def.zone[0] != '\0') {
        rc = wd_tz_load(v->def.zone, &v->zone);
    }
    ingestion_collection_schedule(&v->def, v->zone, &v->schedule);
    return rc;
}


void
ingestion_view_close(ingestion_view_t *v)
{
    ingestion_collection_done(&v->def);
    wd_tz_destroy(v->zone);
}


double
ingestion_view_per_day(const ingestion_view_t *v, const PGresult *res, int row)
{
    if (!v->known || v->def.stream || wd_pg_get_bool(res, row, OVER_PAUSED)) {
        return 0;
    }
    return ingestion_schedule_per_day(&v->schedule)
           * (double) wd_pg_get_int(res, row, OVER_CALLS);
}
