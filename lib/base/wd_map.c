/*
 * wd_map.c - hash map with linear probing and tombstone-free deletion.
 */
#include "wd_map.h"

#include <stdlib.h>
#include <sys/random.h>

typedef struct {
    char    *key;
    size_t   len;
    uint64_t hash;
    void    *value;
} wd_map_slot_t;

struct wd_map {
    wd_map_slot_t *slots;
    size_t         cap; /* a power of two */
    size_t         len;
    uint64_t       seed; /* against keys chosen to collide */
};


wd_map_t *
wd_map_create(void)
{
    wd_map_t *map;

    map = calloc(1, sizeof(*map));
    if (map == NULL) {
        return NULL;
    }

    map->cap = 16;
    map->slots = calloc(map->cap, sizeof(*map->slots));
    if (map->slots == NULL) {
        free(map);
        return NULL;
    }

    if (getrandom(&map->seed, sizeof(map->seed), GRND_NONBLOCK) < 0) {
        map->seed = (uint64_t) (uintptr_t) map;
    }
    return map;
}


void
wd_map_destroy(wd_map_t *map)
{
    size_t i;

    if (map == NULL) {
        return;
    }

    for (i = 0; i < map->cap; i++) {
        free(map->slots[i].key);
    }
    free(map->slots);
    free(map);
}


/* FNV-1a with a seed and a final mix (the mixer of MurmurHash3). */
static uint64_t
wd_map_hash(const wd_map_t *map, wd_str_t key)
{
    size_t   i;
    uint64_t h = 0xcbf29ce484222325ULL ^ map->seed;

    for (i = 0; i < key.len; i++) {
        h = (h ^ (unsigned char) key.data[i]) * 0x100000001b3ULL;
    }

    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    return h;
}


/* The slot that holds the key, or the free one where it would go. */
static wd_map_slot_t *
wd_map_find(const wd_map_t *map, wd_str_t key, uint64_t hash)
{
    size_t         i;
    wd_map_slot_t *s;

    for (i = hash & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        s = &map->slots[i];
        if (s->key == NULL
            || (s->hash == hash && wd_str_eq(wd_str(s->key, s->len), key))) {
            return s;
        }
    }
}


static int
wd_map_grow(wd_map_t *map)
{
    size_t         i, old_cap;
    wd_map_slot_t *old, *s;

    old = map->slots;
    old_cap = map->cap;

    map->slots = calloc(old_cap * 2, sizeof(*map->slots));
    if (map->slots == NULL) {
        map->slots = old;
        return WD_ENOMEM;
    }
    map->cap = old_cap * 2;

    for (i = 0; i < old_cap; i++) {
        if (old[i].key != NULL) {
            s = wd_map_find(map, wd_str(old[i].key, old[i].len), old[i].hash);
            *s = old[i];
        }
    }

    free(old);
    return WD_OK;
}


void *
wd_map_get(const wd_map_t *map, wd_str_t key)
{
    return wd_map_find(map, key, wd_map_hash(map, key))->value;
}


int
wd_map_set(wd_map_t *map, wd_str_t key, void *value, void **ret_old)
{
    uint64_t       hash;
    wd_map_slot_t *s;

    if (ret_old != NULL) {
        *ret_old = NULL;
    }

    hash = wd_map_hash(map, key);
    s = wd_map_find(map, key, hash);
    if (s->key != NULL) {
        if (ret_old != NULL) {
            *ret_old = s->value;
        }
        s->value = value;
        return WD_OK;
    }

    if ((map->len + 1) * 4 > map->cap * 3) {
        if (wd_map_grow(map) != WD_OK) {
            return WD_ENOMEM;
        }
        s = wd_map_find(map, key, hash);
    }

    s->key = malloc(key.len + 1);
    if (s->key == NULL) {
        return WD_ENOMEM;
    }

    wd_str_copy(s->key, key.len + 1, key);
    s->len = key.len;
    s->hash = hash;
    s->value = value;
    map->len++;
    return WD_OK;
}


void *
wd_map_del(wd_map_t *map, wd_str_t key)
{
    void          *value;
    size_t         i, j, home;
    wd_map_slot_t *s;

    s = wd_map_find(map, key, wd_map_hash(map, key));
    if (s->key == NULL) {
        return NULL;
    }

    value = s->value;
    free(s->key);
    map->len--;

    /* Move back what probed past the hole, so that no tombstone is needed. */
    i = (size_t) (s - map->slots);
    for (j = (i + 1) & (map->cap - 1); map->slots[j].key != NULL;
         j = (j + 1) & (map->cap - 1)) {
        home = map->slots[j].hash & (map->cap - 1);
        if (((j - home) & (map->cap - 1)) >= ((j - i) & (map->cap - 1))) {
            map->slots[i] = map->slots[j];
            i = j;
        }
    }

    memset(&map->slots[i], 0, sizeof(map->slots[i]));
    return value;
}


size_t
wd_map_len(const wd_map_t *map)
{
    return map->len;
}


bool
wd_map_next(const wd_map_t *map, size_t *pos, wd_str_t *ret_key,
            void **ret_value)
{
    wd_map_slot_t *s;

    while (*pos < map->cap) {
        s = &map->slots[(*pos)++];
        if (s->key != NULL) {
            if (ret_key != NULL) {
                *ret_key = wd_str(s->key, s->len);
            }
            *ret_value = s->value;
            return true;
        }
    }

    return false;
}
