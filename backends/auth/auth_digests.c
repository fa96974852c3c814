/*
 * auth_digests.c - bounded maps from key id and from digest to what is known,
 * least recently used out.
 */
#include "auth_digests.h"

#include "wd_list.h"
#include "wd_map.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct {
    wd_list_t node; /* newest use first */
    int64_t   key_id;
    uint8_t   digest[AUTH_DIGEST_LEN];
    wd_ns_t   expires_at;
    char     *pairs; /* NULL: nothing is known */
    size_t    pairs_len;
    uint32_t  n_pairs;
} auth_digest_t;

struct auth_digests {
    pthread_mutex_t      lock;
    wd_map_t            *by_id;
    wd_map_t            *by_digest;
    wd_list_t            used;
    size_t               max;
    atomic_uint_fast64_t epoch;
};


static wd_str_t
auth_id_key(const int64_t *key_id)
{
    return wd_str((const char *) key_id, sizeof(*key_id));
}


static wd_str_t
auth_digest_key(const uint8_t digest[AUTH_DIGEST_LEN])
{
    return wd_str((const char *) digest, AUTH_DIGEST_LEN);
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
    d->by_digest = wd_map_create();
    if (d->by_id == NULL || d->by_digest == NULL) {
        auth_digests_destroy(d);
        return NULL;
    }
    return d;
}


static void
auth_digest_drop(auth_digests_t *d, auth_digest_t *entry)
{
    wd_map_del(d->by_id, auth_id_key(&entry->key_id));
    wd_map_del(d->by_digest, auth_digest_key(entry->digest));
    wd_list_remove(&entry->node);
    free(entry->pairs);
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
    wd_map_destroy(d->by_digest);
    pthread_mutex_destroy(&d->lock);
    free(d);
}


static void
auth_digest_touch(auth_digests_t *d, auth_digest_t *entry)
{
    wd_list_remove(&entry->node);
    wd_list_push_front(&d->used, &entry->node);
}


static void
auth_digest_add(auth_digests_t *d, int64_t key_id,
                const uint8_t digest[AUTH_DIGEST_LEN])
{
    auth_digest_t *entry;

    entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return;
    }

    entry->key_id = key_id;
    memcpy(entry->digest, digest, AUTH_DIGEST_LEN);
    wd_list_push_front(&d->used, &entry->node);
    if (wd_map_set(d->by_id, auth_id_key(&key_id), entry, NULL) != WD_OK
        || wd_map_set(d->by_digest, auth_digest_key(digest), entry, NULL)
               != WD_OK) {
        auth_digest_drop(d, entry);
    } else if (wd_map_len(d->by_id) > d->max) {
        auth_digest_drop(d, auth_digest_oldest(d));
    }
}


void
auth_digests_put(auth_digests_t *d, int64_t key_id,
                 const uint8_t digest[AUTH_DIGEST_LEN])
{
    auth_digest_t *entry;

    pthread_mutex_lock(&d->lock);
    entry = wd_map_get(d->by_id, auth_id_key(&key_id));
    if (entry != NULL && memcmp(entry->digest, digest, AUTH_DIGEST_LEN) != 0) {
        auth_digest_drop(d, entry);
        entry = NULL;
    }
    if (entry != NULL) {
        auth_digest_touch(d, entry);
    } else {
        auth_digest_add(d, key_id, digest);
    }
    pthread_mutex_unlock(&d->lock);
}


bool
auth_digests_get(auth_digests_t *d, int64_t key_id,
                 uint8_t ret[AUTH_DIGEST_LEN])
{
    auth_digest_t *entry;

    pthread_mutex_lock(&d->lock);
    entry = wd_map_get(d->by_id, auth_id_key(&key_id));
    if (entry != NULL) {
        auth_digest_touch(d, entry);
        memcpy(ret, entry->digest, AUTH_DIGEST_LEN);
    }
    pthread_mutex_unlock(&d->lock);
    return entry != NULL;
}


/* ---- verdicts ----------------------------------------------------------- */

uint64_t
auth_digests_epoch(const auth_digests_t *d)
{
    return atomic_load(&d->epoch);
}


void
auth_digests_know(auth_digests_t *d, const uint8_t digest[AUTH_DIGEST_LEN],
                  const auth_known_t *known, uint64_t epoch)
{
    char          *copy = malloc(known->pairs.len);
    auth_digest_t *entry;

    if (copy == NULL) {
        return;
    }
    memcpy(copy, known->pairs.data, known->pairs.len);

    /* Whoever announces grows the epoch before it waits for the lock. */
    pthread_mutex_lock(&d->lock);
    entry = wd_map_get(d->by_digest, auth_digest_key(digest));
    if (entry != NULL && atomic_load(&d->epoch) == epoch) {
        free(entry->pairs);
        entry->pairs = copy;
        entry->pairs_len = known->pairs.len;
        entry->n_pairs = known->n;
        entry->expires_at = known->expires_at;
        copy = NULL;
    }
    pthread_mutex_unlock(&d->lock);
    free(copy);
}


bool
auth_digests_known(auth_digests_t *d, const uint8_t digest[AUTH_DIGEST_LEN],
                   wd_ns_t now,
                   void (*fn)(const auth_known_t *known, void *arg), void *arg)
{
    bool           found;
    auth_known_t   known;
    auth_digest_t *entry;

    pthread_mutex_lock(&d->lock);
    entry = wd_map_get(d->by_digest, auth_digest_key(digest));
    found = entry != NULL && entry->pairs != NULL && entry->expires_at > now;
    if (found) {
        auth_digest_touch(d, entry);
        known.pairs = wd_str(entry->pairs, entry->pairs_len);
        known.n = entry->n_pairs;
        known.expires_at = entry->expires_at;
        fn(&known, arg);
    }
    pthread_mutex_unlock(&d->lock);
    return found;
}


static void
auth_digest_forget(auth_digest_t *entry)
{
    free(entry->pairs);
    entry->pairs = NULL;
}


void
auth_digests_void(auth_digests_t *d, int64_t key_id)
{
    wd_list_t     *at;
    auth_digest_t *entry;

    atomic_fetch_add(&d->epoch, 1);

    pthread_mutex_lock(&d->lock);
    if (key_id != 0) {
        entry = wd_map_get(d->by_id, auth_id_key(&key_id));
        if (entry != NULL) {
            auth_digest_forget(entry);
        }
    } else {
        for (at = d->used.next; at != &d->used; at = at->next) {
            auth_digest_forget(wd_list_entry(at, auth_digest_t, node));
        }
    }
    pthread_mutex_unlock(&d->lock);
}
