/*
 * processing_fact.c - merging a payload's rows into the versions of facts.
 */
#include "processing_fact.h"

#include <math.h>


/* Room for one more row; the arena keeps the smaller array. */
static processing_row_t *
processing_rows_slot(processing_rows_t *rows, wd_pool_t *pool)
{
    size_t            cap;
    processing_row_t *grown;

    if (rows->n == rows->cap) {
        cap = rows->cap != 0 ? rows->cap * 2 : 64;
        grown = wd_pool_alloc(pool, cap * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        if (rows->n != 0) {
            memcpy(grown, rows->rows, rows->n * sizeof(*grown));
        }
        rows->rows = grown;
        rows->cap = cap;
    }
    return &rows->rows[rows->n++];
}


processing_row_t *
processing_rows_add(processing_rows_t *rows, const processing_fact_t *fact,
                    wd_pool_t *pool)
{
    processing_row_t  *row;
    processing_cell_t *cells;

    cells = wd_pool_calloc(pool, (size_t) fact->n_columns * sizeof(*cells));
    row = cells != NULL ? processing_rows_slot(rows, pool) : NULL;
    if (row != NULL) {
        memset(row, 0, sizeof(*row));
        row->cells = cells;
    }
    return row;
}


int
processing_rows_push(processing_rows_t *rows, wd_pool_t *pool,
                     const processing_row_t *row)
{
    processing_row_t *slot;

    slot = processing_rows_slot(rows, pool);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    *slot = *row;
    return WD_OK;
}


/* As PostgreSQL's "C" collation: bytes, then length. */
static int
processing_text_cmp(wd_str_t a, wd_str_t b)
{
    int    c = 0;
    size_t n = wd_min(a.len, b.len);

    if (n != 0) {
        c = memcmp(a.data, b.data, n);
    }
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}


int
processing_key_cmp(const processing_fact_t *fact, const processing_row_t *a,
                   const processing_row_t *b)
{
    int                      c, i;
    const processing_cell_t *x = a->cells;
    const processing_cell_t *y = b->cells;

    for (i = 0; i < fact->n_keys; i++) {
        if (fact->types[i] == PROCESSING_TEXT
            || fact->types[i] == PROCESSING_CHAR) {
            c = processing_text_cmp(x[i].s, y[i].s);
        } else {
            c = (x[i].i > y[i].i) - (x[i].i < y[i].i);
        }
        if (c != 0) {
            return c;
        }
    }
    return 0;
}


bool
processing_values_equal(const processing_fact_t *fact,
                        const processing_row_t *a, const processing_row_t *b)
{
    int                      i;
    const processing_cell_t *x = a->cells;
    const processing_cell_t *y = b->cells;

    for (i = fact->n_keys; i < fact->n_columns; i++) {
        switch (fact->types[i]) {
        case PROCESSING_NUM:
            if (!(x[i].num == y[i].num
                  || (isnan(x[i].num) && isnan(y[i].num)))) {
                return false;
            }
            break;
        case PROCESSING_TEXT:
        case PROCESSING_CHAR:
            if ((x[i].s.data == NULL) != (y[i].s.data == NULL)
                || !wd_str_eq(x[i].s, y[i].s)) {
                return false;
            }
            break;
        default:
            if (x[i].i != y[i].i) {
                return false;
            }
        }
    }
    return true;
}


/* Payloads are newest first or oldest first: mostly one of two runs. */
static bool
processing_rows_ordered(const processing_rows_t *rows,
                        const processing_fact_t *fact)
{
    size_t i;

    for (i = 1; i < rows->n; i++) {
        if (processing_key_cmp(fact, &rows->rows[i - 1], &rows->rows[i]) > 0) {
            return false;
        }
    }
    return true;
}


static bool
processing_rows_falling(const processing_rows_t *rows,
                        const processing_fact_t *fact)
{
    size_t i;

    for (i = 1; i < rows->n; i++) {
        if (processing_key_cmp(fact, &rows->rows[i - 1], &rows->rows[i]) <= 0) {
            return false;
        }
    }
    return true;
}


/* Merge sort, bottom up: stable. */
static void
processing_rows_mergesort(processing_row_t *a, processing_row_t *tmp, size_t n,
                          const processing_fact_t *fact)
{
    size_t width, lo, mid, hi, i, j, k;

    for (width = 1; width < n; width *= 2) {
        for (lo = 0; lo < n; lo = hi) {
            mid = wd_min(lo + width, n);
            hi = wd_min(mid + width, n);
            for (i = lo, j = mid, k = lo; k < hi; k++) {
                if (i < mid
                    && (j == hi
                        || processing_key_cmp(fact, &a[i], &a[j]) <= 0)) {
                    tmp[k] = a[i++];
                } else {
                    tmp[k] = a[j++];
                }
            }
        }
        memcpy(a, tmp, n * sizeof(*a));
    }
}


int
processing_rows_sort(processing_rows_t *rows, const processing_fact_t *fact,
                     wd_pool_t *pool)
{
    size_t            i;
    processing_row_t  swap;
    processing_row_t *tmp;

    if (rows->n < 2 || processing_rows_ordered(rows, fact)) {
        return WD_OK;
    }

    if (processing_rows_falling(rows, fact)) {
        for (i = 0; i < rows->n / 2; i++) {
            swap = rows->rows[i];
            rows->rows[i] = rows->rows[rows->n - 1 - i];
            rows->rows[rows->n - 1 - i] = swap;
        }
        return WD_OK;
    }

    tmp = wd_pool_alloc(pool, rows->n * sizeof(*tmp));
    if (tmp == NULL) {
        return WD_ENOMEM;
    }
    processing_rows_mergesort(rows->rows, tmp, rows->n, fact);
    return WD_OK;
}


/* Order of versions: by the time they became known, then by payload. */
static bool
processing_before(wd_ns_t known_a, int64_t raw_a, wd_ns_t known_b,
                  int64_t raw_b)
{
    return known_a != known_b ? known_a < known_b : raw_a < raw_b;
}


bool
processing_is_late(const processing_rows_t *current, wd_ns_t known_at,
                   int64_t raw_id)
{
    size_t i;

    for (i = 0; i < current->n; i++) {
        if (processing_before(known_at, raw_id, current->rows[i].known_at,
                              current->rows[i].raw_id)) {
            return true;
        }
    }
    return false;
}


/* A different, newer version: the current one goes to the history. */
static int
processing_supersede(wd_pool_t *pool, const processing_row_t *in,
                     const processing_row_t *current, processing_change_t *ret)
{
    processing_row_t old = *current;

    old.until = in->known_at;
    ret->corrected++;
    if (processing_rows_push(&ret->history, pool, &old) != WD_OK) {
        return WD_ENOMEM;
    }
    return processing_rows_push(&ret->update, pool, in);
}


/* Versions of one key, oldest first, the current one last. */
typedef struct {
    processing_row_t *v;
    size_t            n;
} processing_versions_t;


/* Writes the history of a key anew, and the current row if it changed. */
static int
processing_rewrite(wd_pool_t *pool, const processing_versions_t *vs,
                   const processing_row_t *current, processing_change_t *ret)
{
    size_t                  i;
    processing_row_t        row;
    const processing_row_t *last = &vs->v[vs->n - 1];

    if (processing_rows_push(&ret->forget, pool, last) != WD_OK) {
        return WD_ENOMEM;
    }
    for (i = 0; i + 1 < vs->n; i++) {
        row = vs->v[i];
        row.until = vs->v[i + 1].known_at;
        if (processing_rows_push(&ret->history, pool, &row) != WD_OK) {
            return WD_ENOMEM;
        }
    }
    if (last->known_at != current->known_at
        || last->raw_id != current->raw_id) {
        return processing_rows_push(&ret->update, pool, last);
    }
    return WD_OK;
}


/* `in` is older than the current version; vs has room for one more. */
static int
processing_late(const processing_fact_t *fact, wd_pool_t *pool,
                const processing_row_t *in, const processing_row_t *current,
                processing_versions_t *vs, processing_change_t *ret)
{
    size_t            at = 0;
    processing_row_t *next;

    while (at < vs->n
           && !processing_before(in->known_at, in->raw_id, vs->v[at].known_at,
                                 vs->v[at].raw_id)) {
        at++;
    }

    if (at > 0 && processing_values_equal(fact, &vs->v[at - 1], in)) {
        ret->unchanged++;
        return WD_OK;
    }

    next = &vs->v[at];
    if (processing_values_equal(fact, next, in)) {
        next->known_at = in->known_at;
        next->raw_id = in->raw_id;
        ret->unchanged++;
        ret->earlier++;
    } else {
        memmove(next + 1, next, (vs->n - at) * sizeof(*next));
        *next = *in;
        vs->n++;
        ret->corrected++;
    }
    return processing_rewrite(pool, vs, current, ret);
}


/* The versions of current's key; *at moves through the sorted history. */
static int
processing_versions(const processing_fact_t *fact, wd_pool_t *pool,
                    const processing_rows_t *history, size_t *at,
                    const processing_row_t *current, processing_versions_t *ret)
{
    size_t from, to;

    while (*at < history->n
           && processing_key_cmp(fact, &history->rows[*at], current) < 0) {
        (*at)++;
    }
    from = to = *at;
    while (to < history->n
           && processing_key_cmp(fact, &history->rows[to], current) == 0) {
        to++;
    }
    *at = to;

    ret->v = wd_pool_alloc(pool, (to - from + 2) * sizeof(*ret->v));
    if (ret->v == NULL) {
        return WD_ENOMEM;
    }
    if (to != from) {
        memcpy(ret->v, &history->rows[from], (to - from) * sizeof(*ret->v));
    }
    ret->n = to - from;
    ret->v[ret->n++] = *current;
    return WD_OK;
}


static int
processing_merge_one(const processing_fact_t *fact, wd_pool_t *pool,
                     const processing_row_t  *in,
                     const processing_row_t  *current,
                     const processing_rows_t *history, size_t *hist_at,
                     processing_change_t *ret)
{
    int                   rc;
    processing_versions_t vs;

    if (processing_before(in->known_at, in->raw_id, current->known_at,
                          current->raw_id)) {
        rc = processing_versions(fact, pool, history, hist_at, current, &vs);
        return rc != WD_OK ? rc
                           : processing_late(fact, pool, in, current, &vs, ret);
    }

    if (processing_values_equal(fact, in, current)) {
        ret->unchanged++;
        return WD_OK;
    }
    return processing_supersede(pool, in, current, ret);
}


int
processing_merge(const processing_fact_t *fact, wd_pool_t *pool,
                 const processing_rows_t *in, const processing_rows_t *current,
                 const processing_rows_t *history, processing_change_t *ret)
{
    int    c, rc = WD_OK;
    size_t i, k = 0, h = 0;

    for (i = 0; i < in->n && rc == WD_OK; i++) {
        c = 1;
        while (
            k < current->n
            && (c = processing_key_cmp(fact, &current->rows[k], &in->rows[i]))
                   < 0) {
            k++;
        }
        if (k < current->n && c == 0) {
            rc = processing_merge_one(fact, pool, &in->rows[i],
                                      &current->rows[k], history, &h, ret);
        } else {
            rc = processing_rows_push(&ret->insert, pool, &in->rows[i]);
            ret->stored++;
        }
    }
    return rc;
}
