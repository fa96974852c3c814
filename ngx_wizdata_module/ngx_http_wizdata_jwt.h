/*
 * ngx_http_wizdata_jwt.h - what the files of JSON Web Tokens share: issuers
 * and the sources of their keys, as configured and as a worker has them.
 */
#ifndef NGX_HTTP_WIZDATA_JWT_H
#define NGX_HTTP_WIZDATA_JWT_H

#include "ngx_http_wizdata.h"

#include "wd_discovery.h"
#include "wd_http_reply.h"
#include "wd_jwks.h"
#include "wd_jwt.h"
#include "wd_keyshare.h"

#include <sys/stat.h>

#define NGX_HTTP_WIZDATA_JWT_ISSUERS_MAX 16
#define NGX_HTTP_WIZDATA_JWT_POLICY 16

/* What is asked for where a set is. */
#define NGX_HTTP_WIZDATA_JWKS_ACCEPT \
    "application/jwk-set+json, application/json"

_Static_assert(WD_KEYSHARE_BYTES == WD_JWKS_BYTES_MAX,
               "what is fetched fits into its slot");


typedef enum {
    NGX_HTTP_WIZDATA_JWKS_FILE,
    NGX_HTTP_WIZDATA_JWKS_PEM,
    NGX_HTTP_WIZDATA_JWKS_AUTH,
    NGX_HTTP_WIZDATA_JWKS_HTTPS,
    NGX_HTTP_WIZDATA_JWKS_DISCOVERY
} ngx_http_wizdata_jwks_kind_e;


/* A document that is fetched over TLS. */
typedef struct {
    ngx_str_t   authority; /* for the Host header */
    ngx_str_t   host; /* zero-terminated, no brackets */
    ngx_str_t   uri;
    in_port_t   port;
    ngx_addr_t *addrs; /* NULL: asked of the resolver */
    ngx_uint_t  naddrs;
    const char *accept;
    size_t      max; /* bytes of it */
} ngx_http_wizdata_get_t;


typedef struct {
    ngx_http_wizdata_jwks_kind_e kind;
    ngx_str_t                    text; /* as configured */
    ngx_str_t                    from; /* the same, as logs name it */
    u_char                       name[WD_KEYSHARE_NAME];
    size_t                       slot; /* in the key share */
    wd_jwks_options_t            options;

    /* FILE, PEM */
    ngx_str_t                    path; /* zero-terminated */
    ngx_str_t                    initial; /* what was read at first */
    wd_str_t                     kid; /* of PEM */
    wd_jwa_e                     alg;

    /* AUTH, HTTPS, DISCOVERY */
    ngx_str_t                    file; /* where it was configured */
    ngx_uint_t                   line;

    /* HTTPS: the set; DISCOVERY: the document that says where it is */
    ngx_http_wizdata_get_t       get;

    /* DISCOVERY */
    wd_str_t                     iss;
    ngx_array_t                 *hosts; /* of ngx_http_wizdata_get_t, beside
                                           its own; without uri */
    u_char                       document[WD_KEYSHARE_NAME];
    size_t                       document_slot;
} ngx_http_wizdata_jwks_conf_t;


typedef struct {
    wd_jwt_policy_t policy;
    ngx_str_t       prefix; /* of principals, with its colon; "": none */
    wd_str_t        plan; /* of a token that names none */
    ngx_array_t    *sources; /* of ngx_uint_t, index into the conf's */
    ngx_str_t       file; /* where it was configured */
    ngx_uint_t      line;
} ngx_http_wizdata_issuer_t;


struct ngx_http_wizdata_jwt_conf_s {
    ngx_array_t     issuers; /* of ngx_http_wizdata_issuer_t */
    ngx_array_t     sources; /* of ngx_http_wizdata_jwks_conf_t */
    ngx_msec_t      refresh;
    ngx_msec_t      refetch;
    ngx_msec_t      wait;
    ngx_msec_t      timeout;
    ngx_msec_t      poll;
    ngx_msec_t      rediscover;
    ngx_str_t       trusted; /* certificates; "": of the system */
    ngx_uint_t      shared; /* sources that are fetched */
    ngx_shm_zone_t *zone; /* NULL: none of them */
    ngx_shm_zone_t *roles; /* NULL: no issuer's tokens have roles */
    ngx_resolver_t *resolver; /* NULL: none */
    ngx_msec_t      resolver_timeout;
    u_char          policy[NGX_HTTP_WIZDATA_JWT_POLICY]; /* a hash of all */
#if (NGX_HTTP_SSL)
    ngx_ssl_t      *ssl; /* NULL: no https source */
#endif
};


typedef struct ngx_http_wizdata_fetch_s ngx_http_wizdata_fetch_t;

/* A source in a worker. */
typedef struct {
    ngx_http_wizdata_worker_t    *worker;
    ngx_http_wizdata_jwks_conf_t *conf;
    wd_jwks_t                    *set; /* NULL: none yet */
    ngx_event_t                   timer;
    ngx_queue_t                   waiters; /* of ngx_http_wizdata_ctx_t */

    /* FILE, PEM */
    struct stat                   seen; /* the file that was read last */

    /* AUTH, HTTPS, DISCOVERY */
    uint64_t                      generation; /* of `set` */
    uint64_t                      attempts; /* seen when last looked */
    ngx_http_wizdata_fetch_t     *fetch;
    ngx_http_wizdata_rpc_t        rpc;
    wd_buf_t                      body; /* of its answer */

    /* DISCOVERY */
    ngx_http_wizdata_get_t        target; /* jwks_uri */
    u_char                        uri[WD_DISCOVERY_URL_MAX]; /* of target */
    char                          why[WD_ERROR_TEXT_MAX]; /* with `retry` */

    unsigned                      calling:1; /* rpc is in flight */
    unsigned                      logged:1; /* that it fails */
    unsigned                      described:1; /* the document was asked for
                                                  in this fetch */
    unsigned                      retry:1; /* because there was no set where
                                              the last one said */
    unsigned                      undescribed:1; /* logged that it fails */
} ngx_http_wizdata_jwks_t;


struct ngx_http_wizdata_jwt_worker_s {
    ngx_http_wizdata_jwks_t *sources;
    ngx_uint_t               n_sources;
    wd_buf_t                 scratch;
    wd_roles_t              *roles; /* NULL: none is known */
    uint64_t                 roles_generation; /* of it */
    unsigned                 roles_missed:1; /* logged */
};


typedef enum {
    NGX_HTTP_WIZDATA_JWKS_WAITING, /* the request waits */
    NGX_HTTP_WIZDATA_JWKS_NOT_NOW, /* there is nothing to wait for */
    NGX_HTTP_WIZDATA_JWKS_FAILING /* the same, and the source does not work */
} ngx_http_wizdata_jwks_wait_e;


/* An issuer while its words are read. */
typedef struct {
    ngx_conf_t                  *cf;
    ngx_http_wizdata_jwt_conf_t *jcf;
    ngx_http_wizdata_issuer_t   *issuer;
    ngx_array_t                 *audiences; /* of wd_str_t */
    ngx_array_t                 *grants; /* of wd_jwt_grant_t */
    ngx_array_t                 *roles; /* of wd_jwt_role_t */
    ngx_array_t                 *jwks_hosts; /* of ngx_str_t */
    ngx_str_t                    name;
    wd_jwa_e                     rsa_alg;
    ngx_msec_t                   leeway;
    ngx_uint_t                   auth; /* one of the sources is auth */
    ngx_uint_t                   discovery; /* one of them is discovery */
} ngx_http_wizdata_jwt_words_t;


/* ngx_http_wizdata_jwt_conf.c */

/* Says what to write instead of `value`; NGX_ERROR. */
ngx_int_t ngx_http_wizdata_jwt_complain(ngx_http_wizdata_jwt_words_t *w,
    const ngx_str_t *value, const char *want);
wd_str_t ngx_http_wizdata_jwt_view(const ngx_str_t *s);

/* One more text becomes part of what tokens are judged by. */
void ngx_http_wizdata_jwt_policy_add(ngx_http_wizdata_jwt_conf_t *jcf,
    const ngx_str_t *text);


/* ngx_http_wizdata_jwks_conf.c */

/* One word jwks_host=: who may have the keys that are discovered. */
ngx_int_t ngx_http_wizdata_jwt_jwks_host(ngx_http_wizdata_jwt_words_t *w,
    ngx_str_t *value);

/* One word keys=, after all other words of its issuer. */
ngx_int_t ngx_http_wizdata_jwt_keys(ngx_http_wizdata_jwt_words_t *w,
    ngx_str_t *value);


/* ngx_http_wizdata_jwks.c */

/*
 * The key of a kid, with the newest set that any worker has fetched; NULL:
 * there is none. Good until control returns to the event loop.
 */
wd_jwk_t *ngx_http_wizdata_jwks_find(ngx_http_wizdata_jwks_t *s,
    wd_str_t kid);

/*
 * Makes the request wait for a newer set, until `until` at most;
 * ngx_http_wizdata_jwt_again() is called then.
 */
ngx_http_wizdata_jwks_wait_e ngx_http_wizdata_jwks_wait(
    ngx_http_wizdata_jwks_t *s, ngx_http_wizdata_ctx_t *ctx,
    ngx_msec_t until);

/*
 * Did the last fetch fail? Without one that was waited for that is asked
 * again first.
 */
ngx_uint_t ngx_http_wizdata_jwks_failing(ngx_http_wizdata_jwks_t *s,
    ngx_uint_t waited);

/* WD_OK; else err says why it is no set with a usable key. */
int ngx_http_wizdata_jwks_parse(const ngx_http_wizdata_jwks_conf_t *conf,
    wd_str_t bytes, wd_jwks_t **ret, wd_error_t *err);

/* A set takes the place of the last one, which may be NULL. */
void ngx_http_wizdata_jwks_replace(ngx_http_wizdata_jwks_t *s,
    wd_jwks_t *set);

/*
 * Fetches the set at *get: the lease is ours. What comes of it is a new set,
 * or the end of the fetch. NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_wizdata_jwks_get(ngx_http_wizdata_jwks_t *s,
    ngx_http_wizdata_get_t *get);

/* A fetch of this worker is over; the next is due in `next` milliseconds. */
void ngx_http_wizdata_jwks_fetched(ngx_http_wizdata_jwks_t *s,
    wd_str_t bytes, ngx_msec_t next);

/* The fetch is over without a set, inside of its start or later. */
void ngx_http_wizdata_jwks_fail(ngx_http_wizdata_jwks_t *s, const char *why);

/* The same, later only; who waits for it is told. */
void ngx_http_wizdata_jwks_fetch_failed(ngx_http_wizdata_jwks_t *s,
    const char *why);

wd_keyshare_t *ngx_http_wizdata_jwks_share(const ngx_http_wizdata_jwks_t *s);
wd_ns_t ngx_http_wizdata_jwks_ns(ngx_msec_t ms);

/* To the log, once until it works again. */
void ngx_http_wizdata_jwks_complain(ngx_http_wizdata_jwks_t *s,
    const char *why);
void ngx_http_wizdata_jwks_works(ngx_http_wizdata_jwks_t *s);


/* ngx_http_wizdata_jwks_auth.c */

/* Asks auth: the lease is ours. */
void ngx_http_wizdata_jwks_call(ngx_http_wizdata_jwks_t *s);


/* ngx_http_wizdata_jwks_discover.c */

/* A fetch by discovery begins. NULL, or why it ended at once. */
const char *ngx_http_wizdata_discover(ngx_http_wizdata_jwks_t *s);

/*
 * There is no set at s->target. NGX_OK: the document may be outdated and is
 * asked for; NGX_DECLINED: it is as new as can be.
 */
ngx_int_t ngx_http_wizdata_discover_again(ngx_http_wizdata_jwks_t *s,
    const char *why);

/* Its fetch was cancelled. */
void ngx_http_wizdata_discover_cancelled(ngx_http_wizdata_jwks_t *s);

/* The jwks_uri that counts now, appended to *out; nothing: none is known. */
void ngx_http_wizdata_discovered(wd_keyshare_t *share,
    const ngx_http_wizdata_jwks_conf_t *conf, wd_buf_t *out);


/* ngx_http_wizdata_jwks_file.c */

/*
 * Reads a file of keys whole. NGX_OK, NGX_DECLINED when it is the one of
 * *seen (may be NULL), NGX_ERROR with a reason.
 */
ngx_int_t ngx_http_wizdata_jwks_read(const u_char *path, struct stat *seen,
    wd_buf_t *out, const char **why);

/* Reads the file again when it is another one than last time. */
void ngx_http_wizdata_jwks_poll(ngx_http_wizdata_jwks_t *s);

/* The file as the master read it: a worker may not be allowed to. */
void ngx_http_wizdata_jwks_first(ngx_http_wizdata_jwks_t *s);


/* ngx_http_wizdata_jwt.c */

void ngx_http_wizdata_jwt_again(ngx_http_wizdata_ctx_t *ctx);


/* ngx_http_wizdata_roles.c */

/*
 * The table as auth pushed it last, NULL: none yet. Good until control
 * returns to the event loop.
 */
const wd_roles_t *ngx_http_wizdata_roles(ngx_http_wizdata_worker_t *w);

/* Somebody would have needed one: to the log, once. */
void ngx_http_wizdata_roles_missing(ngx_http_wizdata_worker_t *w);

/* Number of roles in the table; -1: there is none. */
ngx_int_t ngx_http_wizdata_roles_known(
    const ngx_http_wizdata_main_conf_t *wmcf);

ngx_int_t ngx_http_wizdata_roles_postconfiguration(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf);


/* ngx_http_wizdata_jwks_fetch.c */

/* `reply` is NULL when `why` is not. Never called inside of a start. */
typedef void (*ngx_http_wizdata_fetch_pt)(void *data,
    const wd_http_reply_t *reply, const char *why);

/*
 * NULL: out of memory. The handler ends it; or the cancel. *get stays as it is
 * until then.
 */
ngx_http_wizdata_fetch_t *ngx_http_wizdata_fetch_start(
    ngx_http_wizdata_jwt_conf_t *jcf, ngx_http_wizdata_get_t *get,
    ngx_log_t *log, ngx_http_wizdata_fetch_pt handler, void *data);
void ngx_http_wizdata_fetch_cancel(ngx_http_wizdata_fetch_t *f);

#endif /* NGX_HTTP_WIZDATA_JWT_H */
