/*
 * ngx_http_wizdata.h - what the files of the module share: configuration,
 * the state of a worker process, the context of a request.
 */
#ifndef NGX_HTTP_WIZDATA_H
#define NGX_HTTP_WIZDATA_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "wd_args.h"
#include "wd_buf.h"
#include "wd_ctx.h"
#include "wd_err.h"
#include "wd_frame.h"
#include "wd_json.h"
#include "wd_method.h"
#include "wd_time.h"

#include "ngx_http_wizdata_cache.h"
#include "ngx_http_wizdata_metrics.h"
#include "ngx_http_wizdata_refusals.h"
#include "ngx_http_wizdata_rpc.h"
#include "ngx_http_wizdata_spans.h"
#include "ngx_http_wizdata_verdict.h"

#define NGX_HTTP_WIZDATA_ENTROPY 4080 /* random bytes taken at once */
#define NGX_HTTP_WIZDATA_VERIFY_BUCKETS 64
#define NGX_HTTP_WIZDATA_VERIFY_MAX 1024 /* auth.verify at a time, per worker */

/* Bits of a verdict beside those of the catalogue's methods. */
#define NGX_HTTP_WIZDATA_BIT_STATUS (WD_METHOD_SET_MAX - 1) /* status:read */
#define NGX_HTTP_WIZDATA_BIT_NONE WD_METHOD_SET_MAX /* the permission is looked for by name */

_Static_assert((int) WD_METHOD_COUNT < NGX_HTTP_WIZDATA_BIT_STATUS,
               "a verdict has one bit per method");
_Static_assert((int) WD_METHOD_COUNT <= WD_RCACHE_METHODS,
               "the response cache tells methods apart");


typedef struct {
    ngx_str_t        name; /* as configured */
    struct sockaddr *sockaddr;
    socklen_t        socklen;
} ngx_http_wizdata_endpoint_t;


typedef struct {
    ngx_array_t *endpoints; /* of ngx_http_wizdata_endpoint_t; NULL: none */
    ngx_uint_t   max_inflight; /* over all workers */
    ngx_uint_t   reserve; /* per cent of them that reads leave free */
    ngx_uint_t   queue; /* NGX_CONF_UNSET_UINT: wizdata_queue */
    ngx_msec_t   queue_timeout;
    ngx_msec_t   shed_target;
    ngx_msec_t   shed_interval;
    ngx_msec_t   connect_timeout;
    ngx_uint_t   retry_budget; /* per cent of the calls */
    ngx_uint_t   breaker; /* per cent of errors; 0: off */
    ngx_uint_t   breaker_volume;
    ngx_msec_t   breaker_window;
    ngx_msec_t   breaker_open;
    ngx_msec_t   breaker_open_max;
    ngx_msec_t   breaker_latency; /* 0: off */
    ngx_uint_t   throttle; /* the last endpoint, when its calls fail */
    ngx_uint_t   outlier; /* times the others; 0: off */
    ngx_msec_t   slow_start;
    ngx_msec_t   health_interval; /* 0: off */
    ngx_msec_t   health_timeout;
} ngx_http_wizdata_service_conf_t;


typedef struct ngx_http_wizdata_control_s ngx_http_wizdata_control_t;
typedef struct ngx_http_wizdata_method_conf_s ngx_http_wizdata_method_conf_t;
typedef struct ngx_http_wizdata_ctx_s ngx_http_wizdata_ctx_t;

typedef void (*ngx_http_wizdata_next_pt)(ngx_http_wizdata_ctx_t *ctx);
typedef void (*ngx_http_wizdata_token_pt)(ngx_http_wizdata_ctx_t *ctx,
    wd_str_t token);

/* wizdata_jwt_revocation */
#define NGX_HTTP_WIZDATA_REVOCATION_AUTH 0
#define NGX_HTTP_WIZDATA_REVOCATION_OFF 1

/* Known to the files of their concern only. */
typedef struct ngx_http_wizdata_jwt_conf_s   ngx_http_wizdata_jwt_conf_t;
typedef struct ngx_http_wizdata_jwt_worker_s ngx_http_wizdata_jwt_worker_t;


typedef struct {
    ngx_http_wizdata_service_conf_t services[WD_SVC_COUNT];
    ngx_msec_t                      timeouts[WD_METHOD_COUNT];
    ngx_msec_t                      verdict_ttl;
    ngx_msec_t                      negative_ttl;
    ngx_uint_t                      jwt_revocation;
    ngx_array_t                    *identity; /* of ngx_str_t; may be NULL */
    ngx_array_t                    *places; /* of status_places.c, or NULL */
    ngx_uint_t                      queue;
    ngx_str_t                       environment; /* shown, nothing else */
    size_t                          zone_size;
    ngx_shm_zone_t                 *verdicts;
    ngx_shm_zone_t                 *counters;
    ngx_array_t                    *zone_figures; /* of metrics; may be NULL */
    ngx_flag_t                      metrics_requests;
    ngx_shm_zone_t                 *control;
    ngx_shm_zone_t                 *fleet; /* what is known of backends */
    ngx_http_wizdata_cache_main_t   cache;
    ngx_uint_t                      used; /* some location needs the module */
    ngx_http_wizdata_jwt_conf_t    *jwt;
    void                           *limit; /* ngx_http_wizdata_limit_conf_t */
    ngx_uint_t                      limited; /* some location has limits */
    void                           *redis_conf; /* or NULL */
    ngx_http_wizdata_spans_conf_t  *spans;

    /* State of this process; NULL outside of workers. */
    ngx_http_wizdata_worker_t      *worker;
} ngx_http_wizdata_main_conf_t;


/* wizdata_access of a location. */
#define NGX_HTTP_WIZDATA_ACCESS_OFF 0
#define NGX_HTTP_WIZDATA_ACCESS_ON 1


typedef struct {
    ngx_flag_t  api;
    ngx_flag_t  errors;
    ngx_flag_t  status_public; /* of a status page */
    ngx_flag_t  trace_response;
    ngx_uint_t  access;
    const char *permission; /* of wizdata_access; NULL: any credential */
    ngx_http_wizdata_method_conf_t *methods; /* NULL: as the catalogue says */
    size_t      body_max;
    ngx_uint_t  endpoint; /* label of the location's own handler in metrics */
    ngx_uint_t  limit; /* off, on, dry run */
    ngx_uint_t  limit_headers; /* bits */

    ngx_http_wizdata_cache_loc_t cache;
} ngx_http_wizdata_loc_conf_t;


struct ngx_http_wizdata_worker_s {
    ngx_cycle_t                  *cycle;
    ngx_http_wizdata_main_conf_t *conf;
    ngx_http_wizdata_service_t    services[WD_SVC_COUNT];
    ngx_http_wizdata_health_t    *health;

    /*
     * All calls of a method have the same timeout, so a queue per method is
     * in the order of deadlines and one timer serves the first of each.
     */
    ngx_queue_t                   deadlines[WD_METHOD_COUNT];
    ngx_event_t                   timer;
    ngx_uint_t                    pending; /* calls without a final answer */

    /* credentials: ngx_http_wizdata_auth.c, _verify.c, _revoke.c */
    wd_verdicts_t                *verdicts;
    wd_verdict_l1_t              *l1;
    wd_verdict_rules_t            rules;
    ngx_queue_t                   verifies[NGX_HTTP_WIZDATA_VERIFY_BUCKETS];
    ngx_uint_t                    n_verifies;
    ngx_queue_t                   open; /* requests that have a credential */
    ngx_event_t                   open_tick;
    ngx_event_t                   open_walk;
    uint64_t                      open_seq; /* wd_verdicts_seq() looked at */
    uint64_t                      open_roles; /* the table of roles, too */

    /*
     * Verifies a bearer token that is not of the form of an API key, and ends
     * in one of ngx_http_wizdata_auth_*(). NULL: tokens are not taken.
     */
    ngx_http_wizdata_token_pt     token_handler;

    ngx_http_wizdata_cache_worker_t *cache; /* NULL: none */
    ngx_http_wizdata_counters_t  *counters; /* this worker's slot */
    ngx_http_wizdata_spans_t     *spans;
    ngx_http_wizdata_refusals_t  *refusals; /* NULL: nobody is told */
    void                         *scrapes; /* of prometheus.c */
    wd_buf_t                      scratch; /* for one piece at a time */
    wd_buf_t                      context;
    char                          instance[WD_METHOD_MAX]; /* of sys.hello */

    ngx_http_wizdata_jwt_worker_t *jwt;

    u_char                        entropy[NGX_HTTP_WIZDATA_ENTROPY];
    size_t                        entropy_left;

    struct ngx_http_wizdata_redis_s *redis; /* or NULL */
    void                         *limit; /* ngx_http_wizdata_limits_t */
};


/* Why a request is refused: becomes a problem document. */
typedef struct {
    int        code; /* wd_err.def; 0: known by status only */
    ngx_uint_t status;
    ngx_str_t  detail;
    ngx_str_t  param;
    ngx_uint_t retry; /* seconds; 0: none */
    ngx_str_t  policy; /* of a limit */
    ngx_uint_t reason; /* ngx_http_wizdata_refusal_e, of a 401 or 403 */
    unsigned   allow; /* verbs, for 405 */
} ngx_http_wizdata_problem_t;


/* Header lines of a request that the module looks at. */
typedef struct {
    ngx_str_t accept;
    ngx_str_t api_key;
    ngx_str_t authorization;
    ngx_str_t cache_control;
    ngx_str_t content_encoding;
    ngx_str_t content_type;
    ngx_str_t idempotency_key;
    ngx_str_t request_id;
    ngx_str_t traceparent;
    ngx_str_t tracestate;
    ngx_str_t trace; /* X-Wizdata-Trace */
    unsigned  duplicate:1; /* a credential is given twice */
    unsigned  many_keys:1; /* so is Idempotency-Key */
} ngx_http_wizdata_headers_t;


typedef enum {
    NGX_HTTP_WIZDATA_ACCESS_IDLE = 0, /* not asked for yet */
    NGX_HTTP_WIZDATA_ACCESS_RUNNING, /* the outcome is awaited */
    NGX_HTTP_WIZDATA_ACCESS_DONE /* access_rc is the outcome */
} ngx_http_wizdata_access_e;


/* When a step was over, monotonic nanoseconds; 0: it did not take place. */
typedef struct {
    uint64_t start; /* the context was made: the headers are here */
    uint64_t auth; /* access granted or refused */
    uint64_t limit;
    uint64_t cache; /* the look-up in the response cache */
    uint64_t backend; /* the answer of the backend, or its failure */
} ngx_http_wizdata_times_t;


/* A body that is passed on in pieces. */
typedef struct {
    ngx_chain_t *pending; /* received, not yet given to the filters */
    ngx_chain_t *busy; /* given to the filters, not yet sent */
    ngx_chain_t *free;
    off_t        held; /* bytes received that got no credit yet */
    off_t        left; /* bytes still announced; below 0: unknown */
    unsigned     open:1; /* the answer's header is sent */
    unsigned     last:1; /* the whole body is here */
    unsigned     closed:1; /* last_buf is given to the filters */
} ngx_http_wizdata_stream_t;


/* A body that is passed on to the backend while it comes. */
typedef struct {
    ngx_http_wizdata_rpc_upload_t rpc;
    unsigned                      begun:1; /* the client was asked for it */
    unsigned                      waits:1; /* for the client */
    unsigned                      over:1; /* all is passed on, or no more is */
} ngx_http_wizdata_upload_t;


struct ngx_http_wizdata_ctx_s {
    ngx_http_request_t            *request;
    ngx_http_wizdata_worker_t     *worker;
    ngx_http_wizdata_counters_t   *counters;
    const wd_method_t             *method;
    wd_route_t                     route;
    ngx_http_wizdata_headers_t     headers;
    wd_str_t                       query; /* without `format` */
    unsigned                       format;
    ngx_uint_t                     endpoint; /* label in metrics */

    /* authentication */
    u_char                         digest[NGX_HTTP_WIZDATA_DIGEST];
    ngx_queue_t                    waiter; /* for a verify in flight, a key */
    ngx_msec_t                     wait_until; /* for a key */
    void                          *jwt; /* of a credential that is one */
    ngx_http_wizdata_next_pt       next; /* when the key is good */
    ngx_http_wizdata_next_pt       refused; /* the problem is noted */
    ngx_uint_t                     need; /* bit of the verdict */
    const char                    *permission; /* its name, NULL: any key */
    ngx_http_wizdata_verdict_t     verdict;
    ngx_queue_t                    open; /* in the worker's list */
    wd_ns_t                        seen; /* monotonic: known to be good */
    uint64_t                       looked; /* wd_verdicts_seq() of then */
    uint64_t                       roles; /* the table of roles of then */
    ngx_event_t                    expiry; /* of the credential */

    ngx_http_wizdata_rpc_t         rpc;
    ngx_http_wizdata_stream_t      stream;
    ngx_http_wizdata_upload_t     *upload; /* NULL: none */
    ngx_http_wizdata_problem_t     problem;
    ngx_http_wizdata_refusal_t     refusal;
    wd_error_t                     error;
    ngx_buf_t                     *problem_body; /* of the error filter */
    void                          *collect; /* of a status handler */
    void                          *limit; /* ngx_http_wizdata_limit_ctx_t */
    void                          *scrape; /* of prometheus.c */
    ngx_http_wizdata_cached_t     *cache; /* NULL: it has no part in this */
    void                          *status_health; /* its first collection */

    ngx_http_wizdata_access_e      access; /* of the access phase */
    ngx_int_t                      access_rc;
    ngx_http_wizdata_times_t       times;

    /* What happened there, for logs and spans: texts that stay, or NULL. */
    const char                    *cache_outcome;
    const char                    *limit_outcome;

    ngx_http_wizdata_trace_t       trace;

    ngx_str_t                      request_id;
    ngx_str_t                      traceparent;
    u_char                         request_id_text[WD_REQUEST_ID_MAX];
    u_char                         traceparent_text[WD_TRACEPARENT_LEN];

    unsigned                       waiting:1; /* `waiter` is in a queue */
    unsigned                       has_digest:1;
    unsigned                       listed:1; /* `open` is in the list */
    unsigned                       revoked:1; /* the credential, meanwhile */
    unsigned                       active:1; /* counted as active */
    unsigned                       access_starting:1; /* inside of its start */
};


extern ngx_module_t  ngx_http_wizdata_module;
extern ngx_command_t ngx_http_wizdata_commands[];


static ngx_inline uint64_t
ngx_http_wizdata_clock(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* Is the request's location one of the API? */
static ngx_inline ngx_uint_t
ngx_http_wizdata_is_api(ngx_http_request_t *r)
{
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_wizdata_module);
    return lcf->api == 1;
}


/* ngx_http_wizdata_request.c */

/*
 * Creates the context on first use; NULL without memory. An internal redirect
 * makes nginx forget the context: it is found again, with access to be
 * decided anew.
 */
ngx_http_wizdata_ctx_t *ngx_http_wizdata_ctx(ngx_http_request_t *r);

/* The context if there is one; it is not created nor brought back. */
ngx_http_wizdata_ctx_t *ngx_http_wizdata_ctx_find(ngx_http_request_t *r);

/*
 * For a content handler: the context, with the request held until
 * ngx_http_wizdata_finish(); the handler returns NGX_DONE.
 */
ngx_http_wizdata_ctx_t *ngx_http_wizdata_begin(ngx_http_request_t *r);

/*
 * Finalizes the request; ctx must not be used afterwards. Who is called by an
 * event of another connection runs ngx_http_run_posted_requests() then.
 */
void ngx_http_wizdata_finish(ngx_http_wizdata_ctx_t *ctx, ngx_int_t rc);

/*
 * Answers with the problem that was noted, or with the error_page that the
 * location has for its status, and finishes.
 */
void ngx_http_wizdata_finish_refused(ngx_http_wizdata_ctx_t *ctx);

/* Sets the read handler that notices a client's leaving. */
void ngx_http_wizdata_watch_client(ngx_http_request_t *r);

ngx_int_t ngx_http_wizdata_add_header(ngx_http_request_t *r,
    const char *name, size_t name_len, const char *value, size_t value_len);

#define ngx_http_wizdata_header(r, name, value, len)                          \
    ngx_http_wizdata_add_header(r, "" name, sizeof(name) - 1,                 \
                                (const char *) (value), len)

/* The line that was added last. */
ngx_table_elt_t *ngx_http_wizdata_last_header(ngx_http_request_t *r);

/*
 * The client's address as text, without port, as realip and the PROXY protocol
 * leave it; empty for a Unix socket. The view is good as long as the request.
 */
wd_str_t ngx_http_wizdata_client_ip(const ngx_http_request_t *r);

ngx_int_t ngx_http_wizdata_api_handler(ngx_http_request_t *r);

/* A JSON body: is it announced as one that is taken? Its bytes, when read. */
int ngx_http_wizdata_body_headers_ok(ngx_http_wizdata_ctx_t *ctx);
int ngx_http_wizdata_body(ngx_http_wizdata_ctx_t *ctx, wd_str_t *ret);


/* ngx_http_wizdata_access.c */

/* Handlers of the access and the post-read phase. */
ngx_int_t ngx_http_wizdata_access_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_wizdata_strip_handler(ngx_http_request_t *r);


/* ngx_http_wizdata_control.c */

size_t ngx_http_wizdata_control_size(void);
/* A zone of the module's, initialized by `init`; NULL: no memory. */
ngx_shm_zone_t *ngx_http_wizdata_add_zone(ngx_conf_t *cf, const char *text,
    size_t size, ngx_shm_zone_init_pt init);

ngx_int_t ngx_http_wizdata_control_init(ngx_shm_zone_t *zone, void *data);

/* Installs the signal handlers. */
ngx_int_t ngx_http_wizdata_control_listen(ngx_cycle_t *cycle,
    ngx_shm_zone_t *zone);

/* The gateway wants no new clients; a worker that is replaced is not it. */
ngx_uint_t ngx_http_wizdata_draining(const ngx_http_wizdata_worker_t *w);


/* ngx_http_wizdata_route.c */

/* All: WD_OK, or a code with the reason noted in ctx. */

/* Finds ctx->method by verb and path. */
int ngx_http_wizdata_route(ngx_http_wizdata_ctx_t *ctx);

/* Chooses ctx->format and leaves the other parameters in ctx->query. */
int ngx_http_wizdata_format(ngx_http_wizdata_ctx_t *ctx);

/* Checks and encodes path, query or JSON body into ctx->rpc.args. */
int ngx_http_wizdata_query_args(ngx_http_wizdata_ctx_t *ctx);
int ngx_http_wizdata_body_args(ngx_http_wizdata_ctx_t *ctx, wd_str_t body);


/* ngx_http_wizdata_auth.c */

/*
 * Checks the request's credential and calls `next` when it is known and has
 * the bit `need` (NGX_HTTP_WIZDATA_BIT_NONE: covers `permission`, if any);
 * else notes the problem and calls `refused`. May call either at once.
 */
void ngx_http_wizdata_auth(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t need,
    const char *permission, ngx_http_wizdata_next_pt next,
    ngx_http_wizdata_next_pt refused);

/*
 * Exactly one of these ends the check of a credential: ctx->verdict is
 * filled; it is not valid (`detail` is for the client); nobody can tell now.
 */
void ngx_http_wizdata_auth_known(ngx_http_wizdata_ctx_t *ctx);

/* WD_OK: the credential that the request has given, as it was looked up. */
int ngx_http_wizdata_credential(ngx_http_wizdata_ctx_t *ctx, wd_str_t *ret);
void ngx_http_wizdata_auth_refused(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_refusal_e reason, const char *detail);
void ngx_http_wizdata_auth_unavailable(ngx_http_wizdata_ctx_t *ctx);

/* A token whose signature is good says so; views are copied. */
typedef struct {
    wd_str_t principal;
    wd_str_t plan;
    wd_str_t perms; /* MessagePack array */
    wd_str_t kid;
    wd_str_t iss;
    wd_str_t sub;
    wd_str_t jti; /* "": none */
    wd_ns_t  iat; /* 0: unknown, so older than any */
    wd_ns_t  expires;
    uint16_t epoch; /* wd_verdicts_epoch() before it was judged */
} ngx_http_wizdata_token_t;

/*
 * The third end of the check of a credential: leads to one of the others. The
 * token may be revoked, auth may have to be asked; a token that is good is
 * remembered until it expires or is revoked.
 */
void ngx_http_wizdata_auth_token(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_token_t *token);

/* The same when auth has said that it is not revoked. */
void ngx_http_wizdata_token_granted(ngx_http_wizdata_ctx_t *ctx);

/* Tokens that were verified before must be verified anew. */
void ngx_http_wizdata_auth_forget(ngx_http_wizdata_worker_t *w);

/* Wall clock of the event loop's turn. */
wd_ns_t ngx_http_wizdata_now(void);

/*
 * Does ctx->verdict allow the request: network, methods, permission? Else the
 * problem is noted.
 */
int ngx_http_wizdata_auth_allowed(ngx_http_wizdata_ctx_t *ctx);

ngx_int_t ngx_http_wizdata_auth_init(ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_auth_done(ngx_http_wizdata_worker_t *w);

#define NGX_HTTP_WIZDATA_BAD_KEY                                              \
    "the API key is unknown, expired or revoked"
#define NGX_HTTP_WIZDATA_BAD_TOKEN "the token was revoked"
#define NGX_HTTP_WIZDATA_EXPIRED "the credential has expired"


/* ngx_http_wizdata_verify.c */

/* Asks auth, or waits for the answer to who asked before. */
void ngx_http_wizdata_verify_key(ngx_http_wizdata_ctx_t *ctx);
void ngx_http_wizdata_verify_token(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_token_t *token);

/*
 * Asks for the sake of requests that are being answered; strict: they end
 * when there is no answer. NGX_ERROR: nobody can be asked.
 */
ngx_int_t ngx_http_wizdata_verify_open(ngx_http_wizdata_ctx_t *ctx,
    unsigned strict);

/* Answers about it that are on their way are too old; NULL: about any. */
void ngx_http_wizdata_verify_crossed(ngx_http_wizdata_worker_t *w,
    const u_char *digest);

/* The request ends while its credential is being verified. */
void ngx_http_wizdata_auth_leave(ngx_http_wizdata_ctx_t *ctx);


/* ngx_http_wizdata_revoke.c */

/* Notifications of auth; NGX_ERROR when they are malformed. */
ngx_int_t ngx_http_wizdata_auth_revoke(ngx_http_wizdata_worker_t *w,
    wd_str_t params);
ngx_int_t ngx_http_wizdata_auth_revoke_token(ngx_http_wizdata_worker_t *w,
    wd_str_t params);

/* auth.beat on a connection that misses nothing since then. */
void ngx_http_wizdata_revoke_beat(ngx_http_wizdata_worker_t *w,
    ngx_msec_t since);

/* The list of requests that have a credential. */
void ngx_http_wizdata_open_init(ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_open_add(ngx_http_wizdata_ctx_t *ctx);
void ngx_http_wizdata_open_remove(ngx_http_wizdata_ctx_t *ctx);

/* The answer is long: it ends with the credential. */
void ngx_http_wizdata_open_expire(ngx_http_wizdata_ctx_t *ctx);

/* Looks through it for what was revoked or changed, when this turn ends. */
void ngx_http_wizdata_open_check(ngx_http_wizdata_worker_t *w);

/*
 * Auth was asked for them: the key is void, or good with that verdict, when
 * wd_verdicts_seq() was `asked`.
 */
void ngx_http_wizdata_open_refused(ngx_http_wizdata_worker_t *w,
    const u_char *digest);
void ngx_http_wizdata_open_known(ngx_http_wizdata_worker_t *w,
    const u_char *digest, const ngx_http_wizdata_verdict_t *verdict,
    uint64_t asked);


/* ngx_http_wizdata_method.c: the catalogue, or wizdata_method */

bool ngx_http_wizdata_method_public(ngx_http_wizdata_ctx_t *ctx);
ngx_uint_t ngx_http_wizdata_method_cost(ngx_http_wizdata_ctx_t *ctx);

/* ngx_http_wizdata_auth() for ctx->method. */
void ngx_http_wizdata_method_auth(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_next_pt next, ngx_http_wizdata_next_pt refused);

/* Member "methods": what a location says otherwise than the catalogue. */
void ngx_http_wizdata_methods_show(wd_json_t *j,
    const ngx_http_wizdata_method_conf_t *m);

char *ngx_http_wizdata_methods_merge(ngx_conf_t *cf,
    ngx_http_wizdata_method_conf_t *prev,
    ngx_http_wizdata_method_conf_t **conf);


/* ngx_http_wizdata_jwt.c, ngx_http_wizdata_jwt_conf.c,
   ngx_http_wizdata_jwks.c */

/* Ends in exactly one of ngx_http_wizdata_auth_*(), at once or later. */
void ngx_http_wizdata_jwt(ngx_http_wizdata_ctx_t *ctx, wd_str_t token);

/* Once more, because what it was judged by has changed; ends likewise. */
void ngx_http_wizdata_jwt_anew(ngx_http_wizdata_ctx_t *ctx);

/*
 * Does the token of a request that is being answered still allow it? WD_OK;
 * else ctx->error says why not.
 */
int ngx_http_wizdata_jwt_allowed(ngx_http_wizdata_ctx_t *ctx, wd_str_t token);


/* ngx_http_wizdata_roles.c */

/* auth.roles. NGX_ERROR: malformed. */
ngx_int_t ngx_http_wizdata_roles_pushed(ngx_http_wizdata_worker_t *w,
    wd_str_t params);

/* A number that changes with the table; 0: there is none. */
uint64_t ngx_http_wizdata_roles_generation(ngx_http_wizdata_worker_t *w);


/* The key set of auth is another one, or may be. */
void ngx_http_wizdata_jwks_changed(ngx_http_wizdata_worker_t *w);

ngx_int_t ngx_http_wizdata_jwks_init(ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_jwks_done(ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_jwks_claim(ngx_http_wizdata_main_conf_t *wmcf);

/*
 * What tokens are judged by: the issuers with all their words, and the files
 * of keys as they were read with the configuration.
 */
uint64_t ngx_http_wizdata_jwt_policy(
    const ngx_http_wizdata_main_conf_t *wmcf);
size_t ngx_http_wizdata_jwks_zone_size(void);
ngx_int_t ngx_http_wizdata_jwks_zone_init(ngx_shm_zone_t *zone, void *data);

ngx_int_t ngx_http_wizdata_jwt_create_conf(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf);
void ngx_http_wizdata_jwt_init_conf(ngx_http_wizdata_main_conf_t *wmcf);
ngx_int_t ngx_http_wizdata_jwt_postconfiguration(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf);
char *ngx_http_wizdata_conf_jwt_issuer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_jwks_msec(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_jwks_trusted(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_wizdata_reply.c, ngx_http_wizdata_stream.c */

extern const ngx_http_wizdata_rpc_ops_t ngx_http_wizdata_reply_ops;

void ngx_http_wizdata_reply_start(ngx_http_wizdata_ctx_t *ctx);

/* What the backend is told of the caller. */
void ngx_http_wizdata_call_context(ngx_http_wizdata_ctx_t *ctx, wd_ctx_t *c);

/* Type, etag, cursor and the headers of every answer; views must stay. */
ngx_int_t ngx_http_wizdata_answer_headers(ngx_http_wizdata_ctx_t *ctx,
    wd_str_t type, wd_str_t etag, wd_str_t next);

/* May these stand in headers? */
bool ngx_http_wizdata_meta_safe(const ngx_http_wizdata_meta_t *meta);

/* Notes why a call failed that has no text of the backend; returns `code`. */
int ngx_http_wizdata_refuse_call(ngx_http_wizdata_ctx_t *ctx, int code);

/* The first piece, behind the header; `len` of the whole or -1. */
void ngx_http_wizdata_stream_open(ngx_http_wizdata_ctx_t *ctx, wd_str_t piece,
    int64_t len);
void ngx_http_wizdata_stream_chunk(ngx_http_wizdata_rpc_t *rpc, wd_str_t bytes,
    bool last);

/* Ends the answer so that the client sees it is incomplete. */
void ngx_http_wizdata_stream_cut(ngx_http_wizdata_ctx_t *ctx);


/* ngx_http_wizdata_upload.c */

/* Checks the headers, then calls the backend. */
void ngx_http_wizdata_upload_start(ngx_http_wizdata_ctx_t *ctx);

/* The call is over: no more is passed on. Before the answer's header. */
void ngx_http_wizdata_upload_stop(ngx_http_wizdata_ctx_t *ctx);


/* ngx_http_wizdata_error.c */

/*
 * Note the reason; all return `code`. Of a 401 or 403 auth is told why: a
 * service said so, unless it is known better.
 */
int ngx_http_wizdata_refuse(ngx_http_wizdata_ctx_t *ctx, int code,
    const char *detail);
int ngx_http_wizdata_refuse_for(ngx_http_wizdata_ctx_t *ctx, int code,
    ngx_http_wizdata_refusal_e reason, const char *detail);
int ngx_http_wizdata_refuse_param(ngx_http_wizdata_ctx_t *ctx, int code,
    wd_str_t detail, wd_str_t param);

/* Answers with the noted reason; returns what the request is finalized with. */
ngx_int_t ngx_http_wizdata_send_problem(ngx_http_wizdata_ctx_t *ctx);

/* Adds WWW-Authenticate, which says whether a token was sent (RFC 6750). */
ngx_int_t ngx_http_wizdata_challenge(ngx_http_wizdata_ctx_t *ctx);

ngx_int_t ngx_http_wizdata_filter_init(ngx_conf_t *cf);


/* ngx_http_wizdata_variables.c */

ngx_int_t ngx_http_wizdata_add_variables(ngx_conf_t *cf);


/* ngx_http_wizdata_secrets.c */

ngx_int_t ngx_http_wizdata_secrets_init(ngx_conf_t *cf);


/* ngx_http_wizdata_status.c, ngx_http_wizdata_prometheus.c */

ngx_int_t ngx_http_wizdata_health_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_wizdata_detailed_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_wizdata_services_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_wizdata_config_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_wizdata_metrics_handler(ngx_http_request_t *r);

/* One answer of a size that is known; the bytes are copied. */
ngx_int_t ngx_http_wizdata_send_text(ngx_http_wizdata_ctx_t *ctx,
    ngx_uint_t status, const char *type, wd_str_t text);


/* ngx_http_wizdata_limit.c, ngx_http_wizdata_limit_conf.c */

/* Asks whether the request is within its limits; never waits. */
int ngx_http_wizdata_limit(ngx_http_wizdata_ctx_t *ctx);

/* A credential was refused: that counts against the client's address. */
void ngx_http_wizdata_limit_failed(ngx_http_wizdata_ctx_t *ctx);

/* The request ends: gives back its place of a concurrency limit. */
void ngx_http_wizdata_limit_done(ngx_http_wizdata_ctx_t *ctx);

/* Adds the header lines about limits; for the header filter. */
ngx_int_t ngx_http_wizdata_limit_headers(ngx_http_wizdata_ctx_t *ctx);

/* $wizdata_limit_policy, $wizdata_limit_remaining. */
wd_str_t ngx_http_wizdata_limit_policy_name(
    const ngx_http_wizdata_ctx_t *ctx);
wd_str_t ngx_http_wizdata_limit_remaining(const ngx_http_wizdata_ctx_t *ctx);

/* Member "rate_limit" of an object: how the caller stands. */
void ngx_http_wizdata_limit_json(ngx_http_wizdata_ctx_t *ctx, wd_json_t *j);

/* The same, of /api/status/config: "rate_limits", and "limits" in full. */
void ngx_http_wizdata_limit_show_rates(wd_json_t *j,
    ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_limit_show(wd_json_t *j, ngx_http_wizdata_worker_t *w);

/* Handler of the precontent phase, and that of /api/status/rate-limit. */
ngx_int_t ngx_http_wizdata_limit_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_wizdata_rate_limit_handler(ngx_http_request_t *r);

/* auth.plans; NGX_ERROR when it is malformed. */
ngx_int_t ngx_http_wizdata_limit_pushed(ngx_http_wizdata_worker_t *w,
    wd_str_t params);

ngx_int_t ngx_http_wizdata_limit_zones(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf);
ngx_int_t ngx_http_wizdata_limit_init(ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_limit_start(ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_limit_exit(ngx_http_wizdata_worker_t *w);

char *ngx_http_wizdata_conf_plan(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_anonymous(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_group(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_limit_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_limit_headers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* ngx_http_wizdata_redis_conf.c */

/* Member "redis": null when there is none; no password. */
void ngx_http_wizdata_redis_show(wd_json_t *j,
    const ngx_http_wizdata_main_conf_t *wmcf);

char *ngx_http_wizdata_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_wizdata_jwt_show.c */

/* Member "jwt" of /api/status/config. */
void ngx_http_wizdata_jwt_show(wd_json_t *j,
    const ngx_http_wizdata_main_conf_t *wmcf);


/* ngx_http_wizdata_status_places.c */

/* Notes a location whose configuration is merged, when it is one of ours. */
ngx_int_t ngx_http_wizdata_places_note(ngx_conf_t *cf,
    ngx_http_wizdata_loc_conf_t *lcf);

/* Is there a location with that page? */
ngx_uint_t ngx_http_wizdata_places_have(
    const ngx_http_wizdata_main_conf_t *wmcf, ngx_uint_t endpoint);

/* Member "locations" of /api/status/config. */
void ngx_http_wizdata_places_show(wd_json_t *j,
    const ngx_http_wizdata_main_conf_t *wmcf);


/* ngx_http_wizdata_service.c */

/* Before and after the directives were read. */
void ngx_http_wizdata_service_defaults(ngx_http_wizdata_service_conf_t *sc);
char *ngx_http_wizdata_service_check(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf);

/* Members of a JSON object: every option, times as *_seconds. */
void ngx_http_wizdata_service_options(wd_json_t *j,
    const ngx_http_wizdata_service_conf_t *sc);


/* ngx_http_wizdata_conf.c */

char *ngx_http_wizdata_conf_rate_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_http_wizdata_conf_service(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_timeout(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_access(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_identity(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_jwt_revocation(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_method(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_health(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_detailed(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_status_services(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_wizdata_conf_status_config(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_wizdata_conf_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

#endif /* NGX_HTTP_WIZDATA_H */
