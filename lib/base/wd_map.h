/*
 * wd_map.h - hash map from byte string to pointer (seeded, open addressing).
 *
 * Keys are copied; values stay the caller's.
 */
#ifndef WD_MAP_H
#define WD_MAP_H

#include "wd_err.h"
#include "wd_str.h"

typedef struct wd_map wd_map_t;

wd_map_t *wd_map_create(void); /* NULL when there is no memory */
void      wd_map_destroy(wd_map_t *map);

void *wd_map_get(const wd_map_t *map, wd_str_t key);

/* Replaces. WD_OK or WD_ENOMEM; *ret_old (may be NULL) is what stood there. */
wd_must_check int wd_map_set(wd_map_t *map, wd_str_t key, void *value,
                             void **ret_old);

/* Returns the removed value, or NULL. */
void *wd_map_del(wd_map_t *map, wd_str_t key);

size_t wd_map_len(const wd_map_t *map);

/*
 * Walks all entries in no order: start with *pos = 0, ends with false.
 * The map must not change meanwhile.
 */
bool wd_map_next(const wd_map_t *map, size_t *pos, wd_str_t *ret_key,
                 void **ret_value);

#endif /* WD_MAP_H */
