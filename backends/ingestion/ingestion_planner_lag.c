/*
 * ingestion_planner_lag.c - how far each data set is behind its collections,
 * as metrics.
 */
#include "ingestion_fetcher.h" /* INGESTION_DATASETS_MAX */
#include "ingestion_planner_int.h"

#include "wd_metrics.h"

#include <stdlib.h>

#define LAG_S 5

_Static_assert(INGESTION_DATASETS_MAX <= 64, "bits of planner_lag_t");


/* Where the provider cannot be asked nobody plans, and runs are late, too. */
static int
mark_overdue(ingestion_planner_t *p, const ingestion_work_t *work, size_t n,
             wd_error_t *err)
{
    int    rc = WD_OK;
    size_t i;

    for (i = 0; i < n && rc == WD_OK; i++) {
        if (!work[i].plan) {
            rc = ingestion_store_overdue(p->t.pg, work[i].id, work[i].tick,
                                         err);
        }
    }
    return rc;
}


/* What was collected once keeps its metric: nothing is late any more. */
static void
tell(planner_lag_t *lag, int provider, const ingestion_dataset_row_t *rows,
     size_t n)
{
    size_t                         i;
    uint64_t                      *told = &lag->told[provider];
    const ingestion_provider_t    *p = ingestion_providers[provider];
    const ingestion_dataset_row_t *row;

    for (i = 0; i < p->n_datasets; i++) {
        row = ingestion_store_dataset(rows, n, p->name, p->datasets[i].name);
        if (row != NULL && row->items != 0) {
            *told |= UINT64_C(1) << i;
        }
        if ((*told & UINT64_C(1) << i) != 0) {
            wd_metric(WD_MX_PROVIDER_LAG, row != NULL ? (double) row->lag_s : 0,
                      p->name, p->datasets[i].name, NULL);
        }
    }
}


int
planner_lag(ingestion_planner_t *p, const ingestion_work_t *work, size_t n,
            wd_error_t *err)
{
    int                      rc, i;
    size_t                   n_rows = 0;
    const wd_ns_t            now = wd_monotonic();
    ingestion_dataset_row_t *rows = NULL;

    if (now < p->lag.next) {
        return WD_OK;
    }
    rc = mark_overdue(p, work, n, err);
    if (rc == WD_OK) {
        rc = ingestion_store_datasets(p->t.pg, &rows, &n_rows, err);
    }
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        tell(&p->lag, i, rows, n_rows);
    }
    free(rows);
    p->lag.next = now + LAG_S * WD_NS_PER_S;
    return WD_OK;
}
