/*
 * ngx_http_wizdata_roles.c - the table of roles that auth pushes, for all
 * workers and those that come.
 *
 * Its bytes are in shared memory, where a new table is written beside the one
 * that counts, so that a worker that dies over it leaves a whole one. Each
 * worker parses it for itself when its number has changed.
 */
#include "ngx_http_wizdata_jwt.h"

#include "wd_frame.h"
#include "wd_shlock.h"

#include <stdatomic.h>


typedef struct {
    wd_shlock_t      lock;
    _Atomic uint64_t generation; /* its lowest bit: which of the two counts;
                                    0: none was pushed */
    uint64_t         forgotten; /* the last of them for which verdicts of
                                   tokens were dropped */
    size_t           roles; /* in the table */
    size_t           len[2];
    u_char           bytes[2][WD_FRAME_MAX];
} ngx_http_wizdata_roles_t;


static ngx_http_wizdata_roles_t *
ngx_http_wizdata_roles_shared(const ngx_http_wizdata_main_conf_t *wmcf)
{
    return wmcf->jwt->roles != NULL ? wmcf->jwt->roles->data : NULL;
}


uint64_t
ngx_http_wizdata_roles_generation(ngx_http_wizdata_worker_t *w)
{
    ngx_http_wizdata_roles_t *shared = ngx_http_wizdata_roles_shared(w->conf);

    return shared != NULL ? atomic_load(&shared->generation) : 0;
}


/*
 * Under the lock. What was judged by the table before must not count; who
 * changed the table may have died before it could say so.
 */
static void
ngx_http_wizdata_roles_forget(ngx_http_wizdata_worker_t *w,
    ngx_http_wizdata_roles_t *shared)
{
    uint64_t generation = atomic_load(&shared->generation);

    if (shared->forgotten != generation) {
        ngx_http_wizdata_auth_forget(w);
        shared->forgotten = generation;
    }
}


static void
ngx_http_wizdata_roles_keep(ngx_http_wizdata_jwt_worker_t *jw,
    wd_roles_t *roles, uint64_t generation)
{
    wd_roles_destroy(jw->roles);
    jw->roles = roles;
    jw->roles_generation = generation;
}


/* Out of memory: the last table is dropped, and nobody is judged by it. */
static void
ngx_http_wizdata_roles_load(ngx_http_wizdata_worker_t *w,
    ngx_http_wizdata_roles_t *shared)
{
    wd_buf_t   *buf = &w->jwt->scratch;
    uint64_t    generation;
    wd_roles_t *roles = NULL;

    wd_buf_reset(buf);
    if (wd_buf_reserve(buf, WD_FRAME_MAX) == NULL) {
        ngx_http_wizdata_roles_keep(w->jwt, NULL, 0);
        return;
    }

    (void) !wd_shlock_lock(&shared->lock);
    generation = atomic_load(&shared->generation);
    ngx_memcpy(buf->data, shared->bytes[generation & 1],
               shared->len[generation & 1]);
    buf->len = shared->len[generation & 1];
    ngx_http_wizdata_roles_forget(w, shared);
    wd_shlock_unlock(&shared->lock);

    if (wd_roles_parse(wd_buf_view(buf), &roles) != WD_OK) {
        roles = NULL;
        generation = 0;
    }
    ngx_http_wizdata_roles_keep(w->jwt, roles, generation);
    wd_buf_done(buf);
}


const wd_roles_t *
ngx_http_wizdata_roles(ngx_http_wizdata_worker_t *w)
{
    uint64_t                  generation;
    ngx_http_wizdata_roles_t *shared = ngx_http_wizdata_roles_shared(w->conf);

    generation = ngx_http_wizdata_roles_generation(w);
    if (generation != w->jwt->roles_generation && generation != 0) {
        ngx_http_wizdata_roles_load(w, shared);
    }
    return w->jwt->roles;
}


void
ngx_http_wizdata_roles_missing(ngx_http_wizdata_worker_t *w)
{
    if (!w->jwt->roles_missed) {
        w->jwt->roles_missed = 1;
        ngx_log_error(NGX_LOG_WARN, w->cycle->log, 0,
                      "wizdata: tokens have roles, of which auth has not told "
                      "yet; they are answered with 503 until it does");
    }
}


/* False: the table is the one that counts already. */
static ngx_uint_t
ngx_http_wizdata_roles_store(ngx_http_wizdata_worker_t *w,
    ngx_http_wizdata_roles_t *shared, wd_str_t params, size_t n)
{
    ngx_uint_t news, at;
    uint64_t   generation;

    (void) !wd_shlock_lock(&shared->lock);
    generation = atomic_load(&shared->generation);
    at = generation & 1;
    news = generation == 0 || shared->len[at] != params.len
           || ngx_memcmp(shared->bytes[at], params.data, params.len) != 0;

    if (news) {
        at = !at;
        ngx_memcpy(shared->bytes[at], params.data, params.len);
        shared->len[at] = params.len;
        shared->roles = n;
        atomic_store(&shared->generation, generation + 1);
    }
    ngx_http_wizdata_roles_forget(w, shared);
    wd_shlock_unlock(&shared->lock);
    return news;
}


ngx_int_t
ngx_http_wizdata_roles_pushed(ngx_http_wizdata_worker_t *w, wd_str_t params)
{
    wd_roles_t               *roles;
    ngx_http_wizdata_roles_t *shared = ngx_http_wizdata_roles_shared(w->conf);

    /* Without memory for it, too: auth tells it anew on the next connection. */
    if (wd_roles_parse(params, &roles) != WD_OK) {
        return NGX_ERROR;
    }

    if (shared != NULL
        && ngx_http_wizdata_roles_store(w, shared, params,
                                        wd_roles_len(roles)))
    {
        ngx_http_wizdata_count(w, REVOKED_ROLES, 1);
        ngx_http_wizdata_open_check(w);
    }
    wd_roles_destroy(roles);
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_roles_known(const ngx_http_wizdata_main_conf_t *wmcf)
{
    size_t                    n;
    ngx_http_wizdata_roles_t *shared = ngx_http_wizdata_roles_shared(wmcf);

    if (shared == NULL) {
        return -1;
    }

    (void) !wd_shlock_lock(&shared->lock);
    n = shared->roles;
    wd_shlock_unlock(&shared->lock);
    return atomic_load(&shared->generation) != 0 ? (ngx_int_t) n : -1;
}


static ngx_int_t
ngx_http_wizdata_roles_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL) { /* reload: the table stays */
        zone->data = data;
        return NGX_OK;
    }
    if (!zone->shm.exists) {
        pool->data = ngx_slab_calloc(pool, sizeof(ngx_http_wizdata_roles_t));
    }
    zone->data = pool->data;
    return zone->data != NULL ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_wizdata_roles_postconfiguration(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_uint_t                 i;
    ngx_http_wizdata_issuer_t *s = wmcf->jwt->issuers.elts;

    for (i = 0; i < wmcf->jwt->issuers.nelts; i++) {
        if (!wd_jwt_policy_has_roles(&s[i].policy)) {
            continue;
        }
        if (wmcf->services[WD_SVC_AUTH].endpoints == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "role= and roles= need the service auth: write "
                          "wizdata_service auth with its endpoints, in "
                          "%V:%ui", &s[i].file, s[i].line);
            return NGX_ERROR;
        }
        wmcf->jwt->roles = ngx_http_wizdata_add_zone(
            cf, "wizdata_roles",
            ngx_align(sizeof(ngx_http_wizdata_roles_t)
                      + sizeof(ngx_http_wizdata_roles_t) / 64
                      + 8 * ngx_pagesize, ngx_pagesize),
            ngx_http_wizdata_roles_zone_init);
        return wmcf->jwt->roles != NULL ? NGX_OK : NGX_ERROR;
    }
    return NGX_OK;
}
