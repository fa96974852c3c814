/*
 * wd_pool.h - arena: request-shaped work allocates here and frees nothing.
 */
#ifndef WD_POOL_H
#define WD_POOL_H

#include "wd_base.h"
#include "wd_str.h"

typedef struct wd_pool wd_pool_t;

/* NULL when there is no memory. `block` is the usual block size in bytes. */
wd_pool_t *wd_pool_create(size_t block);
void       wd_pool_destroy(wd_pool_t *pool); /* NULL is accepted */

/* Aligned for any type; NULL when there is no memory. */
void *wd_pool_alloc(wd_pool_t *pool, size_t n);
void *wd_pool_calloc(wd_pool_t *pool, size_t n);

/* Zero-terminated copy, or NULL. */
char *wd_pool_strdup(wd_pool_t *pool, wd_str_t s);

#endif /* WD_POOL_H */
