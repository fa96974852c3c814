/*
 * auth_digests.c - bounded map from key id to digest, least recently used out.
 */
#include "auth_digests.h"

#include "wd_list.h"
#include "wd_map.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct {
    wd_list_t node; /* newest use first */
    int64_t   key_id;
    uint8_t   digest[AUTH_DIGEST_LEN];
} auth_digest_t;

struct auth_digests {
    pthread_mutex_t lock;
    wd_map_t       *by_id;
    wd_list_t       used;
    size_t          max;
};


static wd_str_t
auth_digest_key(const int64_t *key_id)
{
    return wd_str((const char *) key_id, sizeof(*key_id));
}


auth_digests_t *
auth_digests_create(size_t max)
{
    auth_digests_t *d;

    d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return NULL;
    }

    pthread_mutex_init(&d->lock, NULL);
    wd_list_init(&d->used);
    d->max = max;
    d->by_id = wd_map_create();
    if (d->by_id == NULL) {
        auth_digests_destroy(d);
        return NULL;
    }
    return d;
}


static void
auth_digest_drop(auth_digests_t *d, auth_digest_t *entry)
{
    wd_map_del(d->by_id, auth_digest_key(&entry->key_id));
    wd_list_remove(&entry->node);
    free(entry);
}


static auth_digest_t *
auth_digest_oldest(auth_digests_t *d)
{
    return wd_list_entry(d->used.prev, auth_digest_t, node);
}


void
auth_digests_destroy(auth_digests_t *d)
{
    if (d == NULL) {
        return;
    }

    while (!wd_list_empty(&d->used)) {
        auth_digest_drop(d, auth_digest_oldest(d));
    }
    wd_map_destroy(d->by_id);
    pthread_mutex_destroy(&d->lock);
    free(d);
}


static auth_digest_t *
auth_digest_add(auth_digests_t *d, int64_t key_id)
{
    auth_digest_t *entry;

    entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return NULL;
    }

    entry->key_id = key_id;
    wd_list_push_front(&d->used, &entry->node);
    if (wd_map_set(d->by_id, auth_digest_key(&key_id), entry, NULL) != WD_OK) {
        wd_list_remove(&entry->node);
        free(entry);
        return NULL;
    }

    if (wd_map_len(d->by_id) > d->max) {
        auth_digest_drop(d, auth_digest_oldest(d));
    }
    return entry;
}


static auth_digest_t *
auth_digest_find(auth_digests_t *d, int64_t key_id)
{
    auth_digest_t *entry = wd_map_get(d->by_id, auth_digest_key(&key_id));

    if (entry != NULL) {
        wd_list_remove(&entry->node);
        wd_list_push_front(&d->used, &entry->node);
    }
    return entry;
}


void
auth_digests_put(auth_digests_t *d, int64_t key_id,
                 const uint8_t digest[AUTH_DIGEST_LEN])
{
    auth_digest_t *entry;

    pthread_mutex_lock(&d->lock);
    entry = auth_digest_find(d, key_id);
    if (entry == NULL) {
        entry = auth_digest_add(d, key_id);
    }
    if (entry != NULL) {
        memcpy(entry->digest, digest, AUTH_DIGEST_LEN);
    }
    pthread_mutex_unlock(&d->lock);
}


bool
auth_digests_get(auth_digests_t *d, int64_t key_id,
                 uint8_t ret[AUTH_DIGEST_LEN])
{
    auth_digest_t *entry;

    pthread_mutex_lock(&d->lock);
    entry = auth_digest_find(d, key_id);
    if (entry != NULL) {
        memcpy(ret, entry->digest, AUTH_DIGEST_LEN);
    }
    pthread_mutex_unlock(&d->lock);
    return entry != NULL;
}
