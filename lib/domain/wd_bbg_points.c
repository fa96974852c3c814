/*
 * wd_bbg_points.c - single values of a history put together to days.
 */
#include "wd_bbg_points.h"

#include <stdlib.h>


int
wd_bbg_points_add(wd_bbg_points_t *a, wd_pool_t *pool,
                  const wd_bbg_point_t *point)
{
    size_t          want;
    wd_bbg_point_t *grown;

    if (a->n == a->cap) {
        want = a->cap != 0 ? a->cap * 2 : 64;
        grown = wd_pool_alloc(pool, want * sizeof(*grown));
        if (grown == NULL) {
            return WD_ENOMEM;
        }
        if (a->n != 0) {
            memcpy(grown, a->points, a->n * sizeof(*grown));
        }
        a->points = grown;
        a->cap = want;
    }
    a->points[a->n++] = *point;
    return WD_OK;
}


static int
by_symbol_day_item(const void *a, const void *b)
{
    const wd_bbg_point_t *p = a, *q = b;
    int                   c;

    c = memcmp(p->symbol.data, q->symbol.data,
               wd_min(p->symbol.len, q->symbol.len));
    if (c == 0) {
        c = (p->symbol.len > q->symbol.len) - (p->symbol.len < q->symbol.len);
    }
    if (c == 0) {
        c = (p->time > q->time) - (p->time < q->time);
    }
    if (c == 0) {
        c = memcmp(p->item.data, q->item.data,
                   wd_min(p->item.len, q->item.len));
    }
    if (c == 0) {
        c = (p->item.len > q->item.len) - (p->item.len < q->item.len);
    }
    return c != 0 ? c : (p->record > q->record) - (p->record < q->record);
}


/* The same value of the same day twice: said once, unless they differ. */
static int
add_cell(wd_records_t *r, wd_bbg_row_t *row, const wd_bbg_point_t *before,
         const wd_bbg_point_t *p)
{
    if (before != NULL && wd_str_eq(before->item, p->item)) {
        return wd_str_eq(before->text, p->text)
                   ? WD_OK
                   : wd_records_reject(r, p->record, WD_REASON_DUPLICATE,
                                       p->sample, "the value of record %d",
                                       before->record);
    }
    return wd_bbg_row_put(r, row, p->record, p->sample, p->item, p->text);
}


/* A file gives field after field: days are put together behind its end. */
int
wd_bbg_points_join(wd_bbg_points_t *a, wd_bbg_row_t *row, wd_records_t *r)
{
    int                   rc = WD_OK;
    size_t                i;
    const wd_bbg_point_t *p, *before = NULL;

    if (a->n == 0) {
        return WD_OK;
    }
    qsort(a->points, a->n, sizeof(*a->points), by_symbol_day_item);
    for (i = 0; i < a->n && rc == WD_OK; i++) {
        p = &a->points[i];
        if (before == NULL || before->time != p->time
            || !wd_str_eq(before->symbol, p->symbol)) {
            rc = before != NULL ? wd_bbg_row_add(r, row) : WD_OK;
            wd_bbg_row_init(row, p->symbol, p->time);
            before = NULL;
        }
        if (rc == WD_OK) {
            rc = add_cell(r, row, before, p);
        }
        before = p;
    }
    return rc == WD_OK ? wd_bbg_row_add(r, row) : rc;
}
