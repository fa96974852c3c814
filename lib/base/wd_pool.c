/*
 * wd_pool.c - arena of chained blocks.
 */
#include "wd_pool.h"

#include <stdlib.h>
#include <string.h>

#define WD_POOL_ALIGN 16

typedef struct wd_pool_block {
    struct wd_pool_block *next;
    size_t                cap;
    size_t                used;
    size_t                pad_; /* keeps data at a multiple of 16 */
    uint8_t               data[];
} wd_pool_block_t;

struct wd_pool {
    wd_pool_block_t *head;
    size_t           block;
};


wd_pool_t *
wd_pool_create(size_t block)
{
    wd_pool_t *pool;

    pool = calloc(1, sizeof(*pool));
    if (pool != NULL) {
        pool->block = wd_max(block, (size_t) 256);
    }

    return pool;
}


void
wd_pool_destroy(wd_pool_t *pool)
{
    wd_pool_block_t *b, *next;

    if (pool == NULL) {
        return;
    }

    for (b = pool->head; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    free(pool);
}


static wd_pool_block_t *
wd_pool_grow(wd_pool_t *pool, size_t n)
{
    size_t           cap;
    wd_pool_block_t *b;

    cap = wd_max(n, pool->block);
    b = malloc(sizeof(*b) + cap);
    if (b == NULL) {
        return NULL;
    }

    b->cap = cap;
    b->used = 0;
    b->next = pool->head;
    pool->head = b;
    return b;
}


void *
wd_pool_alloc(wd_pool_t *pool, size_t n)
{
    void            *p;
    wd_pool_block_t *b;

    if (n > SIZE_MAX / 2) {
        return NULL;
    }
    n = (n + WD_POOL_ALIGN - 1) & ~(size_t) (WD_POOL_ALIGN - 1);

    b = pool->head;
    if (b == NULL || b->cap - b->used < n) {
        b = wd_pool_grow(pool, n);
        if (b == NULL) {
            return NULL;
        }
    }

    p = b->data + b->used;
    b->used += n;
    return p;
}


void *
wd_pool_calloc(wd_pool_t *pool, size_t n)
{
    void *p;

    p = wd_pool_alloc(pool, n);
    if (p != NULL) {
        memset(p, 0, n);
    }

    return p;
}


char *
wd_pool_strdup(wd_pool_t *pool, wd_str_t s)
{
    char *p;

    p = wd_pool_alloc(pool, s.len + 1);
    if (p != NULL) {
        if (s.len != 0) {
            memcpy(p, s.data, s.len);
        }
        p[s.len] = '\0';
    }

    return p;
}
