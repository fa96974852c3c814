/*
 * ngx_http_wizdata_verdict.c - the verdict cache in shared memory.
 */
#include "ngx_http_wizdata_verdict.h"

#include <sodium.h>

/* The share of the zone that known keys get. */
#define NGX_HTTP_WIZDATA_GOOD_SHARE 8 / 10

#define NGX_HTTP_WIZDATA_REVOKED 1024 /* revocations remembered */

/*
 * The clocks of workers are cached per turn of their loops: times that are
 * closer than this count as equal, in favour of the revocation.
 */
#define NGX_HTTP_WIZDATA_SLACK 100


typedef struct {
    u_char     digest[NGX_HTTP_WIZDATA_DIGEST];
    uint64_t   used; /* turn of the last use, for LRU */
    ngx_uint_t valid;
    ngx_msec_t checked;
    uint64_t   bits;
    int64_t    expires;
    uint16_t   label;
    uint16_t   perms_len;
    uint8_t    principal_len;
    uint8_t    key_len;
    uint8_t    plan_len;
    char       principal[WD_PRINCIPAL_MAX];
    char       key[64];
    char       plan[WD_PLAN_MAX];
    u_char     perms[NGX_HTTP_WIZDATA_PERMS_CACHED];
} ngx_http_wizdata_good_t;


typedef struct {
    u_char     digest[NGX_HTTP_WIZDATA_DIGEST];
    uint64_t   used;
    ngx_uint_t valid;
    ngx_msec_t until;
} ngx_http_wizdata_bad_t;


typedef struct {
    u_char     digest[NGX_HTTP_WIZDATA_DIGEST];
    ngx_msec_t at;
} ngx_http_wizdata_revoked_t;


typedef struct {
    uint64_t                    turn;
    ngx_uint_t                  good_sets;
    ngx_uint_t                  bad_sets;
    ngx_http_wizdata_good_t    *good;
    ngx_http_wizdata_bad_t     *bad;

    /*
     * A verdict that was asked for before a revocation may arrive after it,
     * in another worker: it is not stored. What the ring forgot counts as
     * revoked for all who asked before `forgotten`.
     */
    ngx_uint_t                  n_revoked;
    ngx_msec_t                  forgotten;
    ngx_uint_t                  any_forgotten;
    ngx_http_wizdata_revoked_t  revoked[NGX_HTTP_WIZDATA_REVOKED];
} ngx_http_wizdata_verdicts_t;


ngx_int_t
ngx_http_wizdata_verdicts_init(ngx_shm_zone_t *zone, void *data)
{
    size_t                       left, set;
    ngx_slab_pool_t             *pool = (ngx_slab_pool_t *) zone->shm.addr;
    ngx_http_wizdata_verdicts_t *t;

    if (data != NULL) { /* reload: the table stays */
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    t = ngx_slab_calloc(pool, sizeof(ngx_http_wizdata_verdicts_t));
    if (t == NULL) {
        return NGX_ERROR;
    }

    left = pool->pfree * ngx_pagesize;
    set = NGX_HTTP_WIZDATA_WAYS * sizeof(ngx_http_wizdata_good_t);
    t->good_sets = left * NGX_HTTP_WIZDATA_GOOD_SHARE / set;
    left -= ngx_align(t->good_sets * set, ngx_pagesize);
    t->good = ngx_slab_calloc(pool, t->good_sets * set);

    set = NGX_HTTP_WIZDATA_WAYS * sizeof(ngx_http_wizdata_bad_t);
    t->bad_sets = left / set;
    t->bad = ngx_slab_calloc(pool, t->bad_sets * set);

    if (t->good_sets == 0 || t->bad_sets == 0 || t->good == NULL
        || t->bad == NULL)
    {
        return NGX_ERROR;
    }

    pool->data = t;
    pool->log_nomem = 0;
    zone->data = t;
    return NGX_OK;
}


/* The digest is uniform: its first bytes choose the set. */
static ngx_uint_t
ngx_http_wizdata_set(const u_char *digest, ngx_uint_t sets)
{
    uint64_t h;

    ngx_memcpy(&h, digest, sizeof(h));
    return h % sets * NGX_HTTP_WIZDATA_WAYS;
}


/* The tag keeps the full comparison to the one entry that may match. */
static ngx_uint_t
ngx_http_wizdata_same(const u_char *a, const u_char *b)
{
    uint64_t ta, tb;

    ngx_memcpy(&ta, a + NGX_HTTP_WIZDATA_DIGEST - sizeof(ta), sizeof(ta));
    ngx_memcpy(&tb, b + NGX_HTTP_WIZDATA_DIGEST - sizeof(tb), sizeof(tb));
    return ta == tb && sodium_memcmp(a, b, NGX_HTTP_WIZDATA_DIGEST) == 0;
}


static ngx_http_wizdata_good_t *
ngx_http_wizdata_good_find(ngx_http_wizdata_verdicts_t *t,
    const u_char *digest)
{
    ngx_uint_t               i;
    ngx_http_wizdata_good_t *e;

    e = &t->good[ngx_http_wizdata_set(digest, t->good_sets)];
    for (i = 0; i < NGX_HTTP_WIZDATA_WAYS; i++, e++) {
        if (e->valid && ngx_http_wizdata_same(e->digest, digest)) {
            return e;
        }
    }
    return NULL;
}


static ngx_http_wizdata_bad_t *
ngx_http_wizdata_bad_find(ngx_http_wizdata_verdicts_t *t,
    const u_char *digest)
{
    ngx_uint_t              i;
    ngx_http_wizdata_bad_t *e;

    e = &t->bad[ngx_http_wizdata_set(digest, t->bad_sets)];
    for (i = 0; i < NGX_HTTP_WIZDATA_WAYS; i++, e++) {
        if (e->valid && ngx_http_wizdata_same(e->digest, digest)) {
            return e;
        }
    }
    return NULL;
}


static u_char *
ngx_http_wizdata_view(u_char *p, const void *data, size_t n, wd_str_t *ret)
{
    *ret = wd_str((const char *) p, n);
    return ngx_cpymem(p, data, n);
}


static ngx_int_t
ngx_http_wizdata_good_copy(const ngx_http_wizdata_good_t *e,
    ngx_pool_t *pool, ngx_http_wizdata_verdict_t *ret)
{
    u_char *p;

    p = ngx_pnalloc(pool, (size_t) e->principal_len + e->key_len + e->plan_len
                          + e->perms_len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_wizdata_view(p, e->principal, e->principal_len,
                              &ret->principal);
    p = ngx_http_wizdata_view(p, e->key, e->key_len, &ret->key);
    p = ngx_http_wizdata_view(p, e->plan, e->plan_len, &ret->plan);
    ngx_http_wizdata_view(p, e->perms, e->perms_len, &ret->perms);

    ret->bits = e->bits;
    ret->expires = e->expires;
    ret->checked = e->checked;
    ret->label = e->label;
    return NGX_OK;
}


ngx_http_wizdata_verdict_e
ngx_http_wizdata_verdict_get(ngx_shm_zone_t *zone, const u_char *digest,
    ngx_pool_t *pool, ngx_http_wizdata_verdict_t *ret)
{
    ngx_slab_pool_t             *shm = (ngx_slab_pool_t *) zone->shm.addr;
    ngx_http_wizdata_bad_t      *bad;
    ngx_http_wizdata_good_t     *good, copy;
    ngx_http_wizdata_verdicts_t *t = zone->data;
    ngx_http_wizdata_verdict_e   rc = NGX_HTTP_WIZDATA_UNKNOWN;

    ngx_shmtx_lock(&shm->mutex);

    good = ngx_http_wizdata_good_find(t, digest);
    if (good != NULL) {
        good->used = ++t->turn;
        copy = *good;
        rc = NGX_HTTP_WIZDATA_GOOD;
    } else {
        bad = ngx_http_wizdata_bad_find(t, digest);
        if (bad != NULL
            && (ngx_msec_int_t) (bad->until - ngx_current_msec) > 0)
        {
            bad->used = ++t->turn;
            rc = NGX_HTTP_WIZDATA_BAD;
        }
    }

    ngx_shmtx_unlock(&shm->mutex);

    if (rc == NGX_HTTP_WIZDATA_GOOD
        && ngx_http_wizdata_good_copy(&copy, pool, ret) != NGX_OK)
    {
        return NGX_HTTP_WIZDATA_UNKNOWN;
    }
    return rc;
}


static ngx_uint_t
ngx_http_wizdata_before(ngx_msec_t asked, ngx_msec_t revoked)
{
    return (ngx_msec_int_t) (asked - revoked) <= NGX_HTTP_WIZDATA_SLACK;
}


static ngx_uint_t
ngx_http_wizdata_was_revoked(ngx_http_wizdata_verdicts_t *t,
    const u_char *digest, ngx_msec_t asked)
{
    ngx_uint_t                  i, n;
    ngx_http_wizdata_revoked_t *r;

    if (t->any_forgotten && ngx_http_wizdata_before(asked, t->forgotten)) {
        return 1;
    }

    /* Newest first: older ones than `asked` do not matter. */
    n = ngx_min(t->n_revoked, NGX_HTTP_WIZDATA_REVOKED);
    for (i = 1; i <= n; i++) {
        r = &t->revoked[(t->n_revoked - i) % NGX_HTTP_WIZDATA_REVOKED];
        if (!ngx_http_wizdata_before(asked, r->at)) {
            return 0;
        }
        if (ngx_http_wizdata_same(r->digest, digest)) {
            return 1;
        }
    }
    return 0;
}


/* The entry of that digest, a free one, or the one used longest ago. */
static ngx_http_wizdata_good_t *
ngx_http_wizdata_good_place(ngx_http_wizdata_verdicts_t *t,
    const u_char *digest)
{
    ngx_uint_t               i;
    ngx_http_wizdata_good_t *e, *best;

    best = ngx_http_wizdata_good_find(t, digest);
    if (best != NULL) {
        return best;
    }

    best = e = &t->good[ngx_http_wizdata_set(digest, t->good_sets)];
    for (i = 0; i < NGX_HTTP_WIZDATA_WAYS; i++, e++) {
        if (!e->valid) {
            return e;
        }
        if (e->used < best->used) {
            best = e;
        }
    }
    return best;
}


static void
ngx_http_wizdata_good_write(ngx_http_wizdata_good_t *e, const u_char *digest,
    const ngx_http_wizdata_verdict_t *v)
{
    e->valid = 0;
    ngx_memory_barrier();

    ngx_memcpy(e->digest, digest, NGX_HTTP_WIZDATA_DIGEST);
    e->checked = v->checked;
    e->bits = v->bits;
    e->expires = v->expires;
    e->label = (uint16_t) v->label;
    e->principal_len = (uint8_t) v->principal.len;
    e->key_len = (uint8_t) v->key.len;
    e->plan_len = (uint8_t) v->plan.len;
    e->perms_len = (uint16_t) v->perms.len;
    ngx_memcpy(e->principal, v->principal.data, v->principal.len);
    ngx_memcpy(e->key, v->key.data, v->key.len);
    ngx_memcpy(e->plan, v->plan.data, v->plan.len);
    ngx_memcpy(e->perms, v->perms.data, v->perms.len);

    ngx_memory_barrier();
    e->valid = 1;
}


void
ngx_http_wizdata_verdict_put(ngx_shm_zone_t *zone, const u_char *digest,
    const ngx_http_wizdata_verdict_t *v)
{
    ngx_slab_pool_t             *shm = (ngx_slab_pool_t *) zone->shm.addr;
    ngx_http_wizdata_good_t     *e;
    ngx_http_wizdata_verdicts_t *t = zone->data;

    if (v->principal.len > sizeof(e->principal) || v->key.len > sizeof(e->key)
        || v->plan.len > sizeof(e->plan) || v->perms.len > sizeof(e->perms))
    {
        return; /* rare and large: asked for every time */
    }

    ngx_shmtx_lock(&shm->mutex);

    if (!ngx_http_wizdata_was_revoked(t, digest, v->checked)) {
        e = ngx_http_wizdata_good_place(t, digest);
        ngx_http_wizdata_good_write(e, digest, v);
        e->used = ++t->turn;
    }

    ngx_shmtx_unlock(&shm->mutex);
}


static ngx_http_wizdata_bad_t *
ngx_http_wizdata_bad_place(ngx_http_wizdata_verdicts_t *t,
    const u_char *digest)
{
    ngx_uint_t              i;
    ngx_http_wizdata_bad_t *e, *best;

    best = ngx_http_wizdata_bad_find(t, digest);
    if (best != NULL) {
        return best;
    }

    best = e = &t->bad[ngx_http_wizdata_set(digest, t->bad_sets)];
    for (i = 0; i < NGX_HTTP_WIZDATA_WAYS; i++, e++) {
        if (!e->valid) {
            return e;
        }
        if (e->used < best->used) {
            best = e;
        }
    }
    return best;
}


void
ngx_http_wizdata_verdict_put_bad(ngx_shm_zone_t *zone, const u_char *digest,
    ngx_msec_t checked, ngx_msec_t ttl)
{
    ngx_slab_pool_t             *shm = (ngx_slab_pool_t *) zone->shm.addr;
    ngx_http_wizdata_bad_t      *e;
    ngx_http_wizdata_good_t     *good;
    ngx_http_wizdata_verdicts_t *t = zone->data;

    ngx_shmtx_lock(&shm->mutex);

    good = ngx_http_wizdata_good_find(t, digest);
    if (good != NULL && (ngx_msec_int_t) (checked - good->checked) >= 0) {
        good->valid = 0;
    }

    e = ngx_http_wizdata_bad_place(t, digest);
    e->valid = 0;
    ngx_memory_barrier();
    ngx_memcpy(e->digest, digest, NGX_HTTP_WIZDATA_DIGEST);
    e->until = checked + ttl;
    e->used = ++t->turn;
    ngx_memory_barrier();
    e->valid = 1;

    ngx_shmtx_unlock(&shm->mutex);
}


static void
ngx_http_wizdata_forget_all(ngx_http_wizdata_verdicts_t *t)
{
    ngx_uint_t i;

    for (i = 0; i < t->good_sets * NGX_HTTP_WIZDATA_WAYS; i++) {
        t->good[i].valid = 0;
    }
    for (i = 0; i < t->bad_sets * NGX_HTTP_WIZDATA_WAYS; i++) {
        t->bad[i].valid = 0;
    }
    t->forgotten = ngx_current_msec;
    t->any_forgotten = 1;
}


static void
ngx_http_wizdata_note_revoked(ngx_http_wizdata_verdicts_t *t,
    const u_char *digest)
{
    ngx_http_wizdata_revoked_t *r;

    r = &t->revoked[t->n_revoked % NGX_HTTP_WIZDATA_REVOKED];
    if (t->n_revoked >= NGX_HTTP_WIZDATA_REVOKED) {
        t->forgotten = r->at;
        t->any_forgotten = 1;
    }

    ngx_memcpy(r->digest, digest, NGX_HTTP_WIZDATA_DIGEST);
    r->at = ngx_current_msec;
    t->n_revoked++;
}


void
ngx_http_wizdata_verdict_revoke(ngx_shm_zone_t *zone, const u_char *digest)
{
    ngx_slab_pool_t             *shm = (ngx_slab_pool_t *) zone->shm.addr;
    ngx_http_wizdata_good_t     *e;
    ngx_http_wizdata_verdicts_t *t = zone->data;

    ngx_shmtx_lock(&shm->mutex);

    if (digest == NULL) {
        ngx_http_wizdata_forget_all(t);
    } else {
        e = ngx_http_wizdata_good_find(t, digest);
        if (e != NULL) {
            e->valid = 0;
        }
        ngx_http_wizdata_note_revoked(t, digest);
    }

    ngx_shmtx_unlock(&shm->mutex);
}
