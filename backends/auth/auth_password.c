/*
 * auth_password.c - password hashing behind a small gate.
 */
#include "auth_password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

_Static_assert(crypto_pwhash_STRBYTES <= AUTH_PASSWORD_HASH_MAX,
               "room for libsodium's text");

struct auth_hasher {
    auth_hasher_conf_t conf;
    pthread_mutex_t    lock;
    pthread_cond_t     left; /* somebody finished */
    uint32_t           running;
    uint32_t           waiting;
};


void
auth_hasher_fit(auth_hasher_conf_t *conf, uint32_t threads)
{
    uint32_t spare = threads > 1 ? threads - 1 : 1;

    conf->parallel = wd_min(conf->parallel, spare);
    conf->queue = wd_min(conf->queue, spare - conf->parallel);
}


auth_hasher_t *
auth_hasher_create(const auth_hasher_conf_t *conf)
{
    auth_hasher_t     *h;
    pthread_condattr_t attr;

    h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return NULL;
    }

    h->conf = *conf;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->left, &attr);
    pthread_condattr_destroy(&attr);
    return h;
}


void
auth_hasher_destroy(auth_hasher_t *h)
{
    if (h == NULL) {
        return;
    }

    pthread_cond_destroy(&h->left);
    pthread_mutex_destroy(&h->lock);
    free(h);
}


static struct timespec
auth_timespec(wd_ns_t t)
{
    return (struct timespec){.tv_sec = t / WD_NS_PER_S,
                             .tv_nsec = t % WD_NS_PER_S};
}


/* With the lock held. */
static int
auth_hasher_wait(auth_hasher_t *h, wd_ns_t deadline)
{
    struct timespec until = auth_timespec(deadline);

    if (h->waiting >= h->conf.queue) {
        return WD_EUNAVAIL;
    }

    h->waiting++;
    while (h->running >= h->conf.parallel && wd_monotonic() < deadline) {
        pthread_cond_timedwait(&h->left, &h->lock, &until);
    }
    h->waiting--;

    return h->running < h->conf.parallel ? WD_OK : WD_ETIMEOUT;
}


static int
auth_hasher_enter(auth_hasher_t *h, wd_ns_t deadline)
{
    int rc = WD_OK;

    pthread_mutex_lock(&h->lock);
    if (h->running >= h->conf.parallel) {
        rc = auth_hasher_wait(h, deadline);
    }
    if (rc == WD_OK) {
        h->running++;
    }
    pthread_mutex_unlock(&h->lock);
    return rc;
}


static void
auth_hasher_leave(auth_hasher_t *h)
{
    pthread_mutex_lock(&h->lock);
    h->running--;
    pthread_cond_signal(&h->left);
    pthread_mutex_unlock(&h->lock);
}


int
auth_hasher_hash(auth_hasher_t *h, wd_str_t password, wd_ns_t deadline,
                 char out[AUTH_PASSWORD_HASH_MAX])
{
    int rc;

    rc = auth_hasher_enter(h, deadline);
    if (rc != WD_OK) {
        return rc;
    }

    /* It fails for want of memory only; the lengths were checked. */
    rc = crypto_pwhash_str_alg(out, password.data, password.len, h->conf.passes,
                               (size_t) h->conf.memory_bytes,
                               crypto_pwhash_ALG_ARGON2ID13)
                 == 0
             ? WD_OK
             : WD_ENOMEM;

    auth_hasher_leave(h);
    return rc;
}
