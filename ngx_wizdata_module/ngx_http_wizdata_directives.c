/*
 * ngx_http_wizdata_directives.c - the table of directives. The comment above
 * each row is its documentation (docs/DIRECTIVES.md is made from it).
 */
#include "ngx_http_wizdata.h"
#include "ngx_http_wizdata_jwt.h"
#include "ngx_http_wizdata_slots.h"

#define NGX_HTTP_WIZDATA_DAY (86400 * 1000)


static const ngx_http_wizdata_range_t ngx_http_wizdata_zone_range = {
    256 * 1024, 64LL * 1024 * 1024 * 1024,
    "a size from 256k to 64g, such as 4m"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_ttl_range = {
    0, NGX_HTTP_WIZDATA_DAY, "a time from 0 to 1d, such as 60s"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_queue_range = {
    0, 65536, "a number from 0 to 65536, such as 512"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_body_range = {
    1, WD_BODY_MAX, "a size from 1 to 64k, such as 16k"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_cache_body_range = {
    1024, 16 * 1024 * 1024, "a size from 1k to 16m, such as 256k"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_stale_range = {
    0, NGX_HTTP_WIZDATA_DAY, "a time from 0 to 1d, such as 10s"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_lock_range = {
    0, 60 * 1000, "a time from 0 to 1m, such as 5s"};


static const ngx_http_wizdata_range_t ngx_http_wizdata_refresh_range = {
    1000, NGX_HTTP_WIZDATA_DAY, "a time from 1s to 1d, such as 5m"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_refetch_range = {
    1000, 3600 * 1000, "a time from 1s to 1h, such as 10s"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_rediscover_range = {
    1000, NGX_HTTP_WIZDATA_DAY, "a time from 1s to 1d, such as 1h"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_wait_range = {
    100, 30 * 1000, "a time from 100ms to 30s, such as 3s"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_fetch_range = {
    100, 60 * 1000, "a time from 100ms to 60s, such as 5s"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_poll_range = {
    100, 3600 * 1000, "a time from 100ms to 1h, such as 1s"};


ngx_command_t ngx_http_wizdata_commands[] = {

    /*
     * directive: wizdata_service;
     * syntax: name endpoint ... [option=value ...];
     * default: none;
     * context: http
     *
     * Names the endpoints of a backend service: auth, ingestion, processing
     * or analytics. An endpoint is unix:/path or host:port, resolved when
     * the configuration is read; at most 32. Each worker keeps one
     * connection to each endpoint. All figures below hold over all workers.
     *
     * Admission. max_inflight=number (1024; 1 to 65535) caps the calls in
     * flight; sys.* does not count. Reads leave reserve=share (20%; off, 1%
     * to 50%) of it free for writes and for what others depend on (auth.*);
     * writes leave a quarter of that share to the latter. Over the cap queue=number (that
     * of wizdata_queue; off, 0 to 65535) calls wait, at most
     * queue_timeout=time (250ms; 1ms to 60s), and are served in the order of
     * arrival, more important ones first; the rest is refused with 503 and a
     * Retry-After that follows from how fast calls end. While nobody waits
     * for less than shed_target=time (20ms; 1ms to 10s) for a whole
     * shed_interval=time (100ms; 10ms to 60s), one class of calls more is
     * refused instead of queued: cheap reads, then expensive ones, then
     * writes.
     *
     * Retries. A call to an idempotent method whose connection breaks, or
     * whose endpoint is full, is sent once more; such calls are at most
     * retry_budget=share (20%; off, 1% to 100%) of all, and 20 more.
     * connect_timeout=time (1s; 1ms to 60s) limits a connection attempt.
     *
     * Circuit breaker. An endpoint of whose calls at least breaker=share
     * (50%; off, 1% to 100%) failed within breaker_window=time (10s; 1s to
     * 10m), of breaker_volume=number (20; 1 to 1000000) or more, is not
     * asked for breaker_open=time (1s; 100ms to 10m), twice as long each
     * time it fails again, up to breaker_open_max=time (60s; 100ms to 1h).
     * The same happens to one whose slow calls (the 95th percentile, about)
     * take longer than breaker_latency=time (off; 1ms to 10m) or
     * outlier=factor (5; off, 2 to 100) times as long as those of the
     * others, and more than 50ms. At most half of the endpoints are taken
     * out at a time, and never the last one that works; with throttle=on
     * (off) calls to that one, while more than half of them fail, are
     * refused with 503 but for about twice as many as it answers well.
     * An endpoint that comes back
     * gets its full share of calls over slow_start=time (10s; off, 1ms to
     * 10m).
     *
     * Health. One worker asks every endpoint for sys.health each
     * health_interval=time (5s; off, 100ms to 1h) and waits
     * health_timeout=time (2s; 10ms to 60s, and not longer than
     * wizdata_timeout of sys.health). An endpoint that drains, or is
     * unhealthy, is asked only when no other one is connected.
     */
    { ngx_string("wizdata_service"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_wizdata_conf_service,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_zone;
     * syntax: size;
     * default: 4m;
     * context: http
     *
     * Shared memory for what is known about credentials: some 6700 API keys
     * or tokens per megabyte, and beside them keys that auth does not know,
     * and tokens that are revoked. The least recently used ones make room;
     * revoked tokens never do: when there is no room for one, auth is asked
     * about every token. It survives a reload, also with another size.
     */
    { ngx_string("wizdata_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_slot_size,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, zone_size),
      (void *) &ngx_http_wizdata_zone_range },

    /*
     * directive: wizdata_verdict_ttl;
     * syntax: time;
     * default: 60s;
     * context: http
     *
     * How long a verdict on an API key is used at most. Revocations do not
     * wait for it: they are pushed, and without a sign of life from auth for
     * a second every verdict that is older than a second is asked for again.
     */
    { ngx_string("wizdata_verdict_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_slot_msec,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, verdict_ttl),
      (void *) &ngx_http_wizdata_ttl_range },

    /*
     * directive: wizdata_jwt_revocation;
     * syntax: auth | off;
     * default: auth;
     * context: http
     *
     * auth: a token is let in while auth tells this gateway within a second
     * what is revoked, or has said within a second that this token is not;
     * needs wizdata_service auth. off: nobody is asked; what auth pushes
     * counts all the same.
     */
    { ngx_string("wizdata_jwt_revocation"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_jwt_revocation,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_negative_ttl;
     * syntax: time;
     * default: 2s;
     * context: http
     *
     * How long a key that auth does not know is refused without asking.
     */
    { ngx_string("wizdata_negative_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_slot_msec,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, negative_ttl),
      (void *) &ngx_http_wizdata_ttl_range },

    /*
     * directive: wizdata_queue;
     * syntax: number;
     * default: 512;
     * context: http
     *
     * Calls of a service, over all workers, that may wait for a connection
     * while none is ready, as at start or when a backend restarts; and for a
     * slot of max_inflight, unless the service has an option queue.
     */
    { ngx_string("wizdata_queue"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_slot_num,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, queue),
      (void *) &ngx_http_wizdata_queue_range },

    /*
     * directive: wizdata_timeout;
     * syntax: method time;
     * default: of the catalogue;
     * context: http
     *
     * Deadline of an RPC method (bars.query) from the request to the first
     * byte of the answer, and between the pieces of a long body. Of a method
     * that takes an upload (ingest.push) it counts from the last byte of the
     * body that was passed on, and until then from the last time that the
     * backend took some of it; client_body_timeout watches the client.
     */
    { ngx_string("wizdata_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_wizdata_conf_timeout,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_api;
     * syntax: on | off;
     * default: off;
     * context: location
     *
     * Answers requests by the catalogue of methods: finds the method by verb
     * and path, checks the API key, its permission and all arguments, and
     * calls the backend.
     */
    { ngx_string("wizdata_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_wizdata_conf_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, api),
      NULL },

    /*
     * directive: wizdata_access;
     * syntax: off | key | permission;
     * default: off;
     * context: http, server, location
     *
     * Protects a location whatever answers it, such as proxy_pass or files:
     * a request needs a credential (key), or one that has the permission
     * (resource:action). Decided in the access phase, so `satisfy` applies;
     * rewrite directives such as return run before it. Locations with
     * wizdata_api do the same by the catalogue's permissions.
     */
    { ngx_string("wizdata_access"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_access,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_jwt_issuer;
     * syntax: iss audience=text ... keys=source ... [option=value ...];
     * default: none;
     * context: http
     *
     * Takes JSON Web Tokens in Authorization: Bearer whose iss is exactly
     * this one. At most 16 issuers.
     *
     * - `audience=text`, 1 to 8 times: one of them must be in aud.
     * - `keys=source`, 1 to 4 times. A key is found by the token's kid and
     *   verifies one algorithm. Sources: `auth`, the service's own keys;
     *   `file:/path`, a JWK Set (RFC 7517), read again when it changes;
     *   `pem:KID:ALGORITHM:/path`, one PEM public key;
     *   `https://host/path`, a JWK Set that is fetched, of which secrets are
     *   not taken; `discovery`, the same from where an https issuer says
     *   itself (OpenID Connect Discovery): iss without its last slash and
     *   /.well-known/openid-configuration is fetched, and the set at the
     *   jwks_uri in it. When a set cannot be had the last one stays in force.
     *   At most 16 sources are fetched, of which discovery counts twice.
     * - `jwks_host=host` or host:port, up to 4 times: where jwks_uri may
     *   point to beside the host and port of iss.
     * - `leeway=time` (30s, from 0 to 60s) for exp, nbf and iat.
     * - `name=text`: principals are name, a colon and sub; by default the
     *   host of iss. With keys=auth alone and no name the principal is sub;
     *   beside other keys it needs a name, since those would speak for
     *   users of auth. Where the principal is longer than 255 bytes, `#`
     *   and a hash stand for sub.
     * - `plan=name` (default): the plan of tokens that name none in
     *   `plan_claim=claim` (plan).
     * - `permissions_claim=claim`: where permissions stand, as a list or as
     *   words; by default in permissions, scope and scp. Values that are not
     *   of the form resource:action are passed over. A claim inside of others
     *   is written /outer/inner or, where no claim has that very name,
     *   outer.inner.
     * - `grant=value=permission,...`, up to 32 times: values are names of the
     *   issuer's own, such as groups, and give these permissions only.
     * - `roles=direct`: values of `roles_claim=claim` (roles), a list or
     *   words, are names of roles of the service auth, and give the
     *   permissions that those have there now, beside the others.
     * - `role=value=name,...`, up to 32 times: a value of that claim stands
     *   for these roles of auth. A role that auth does not know gives
     *   nothing. Before auth has told of its roles, tokens that have some
     *   are answered with 503. More than 32 permissions in all are refused.
     * - `rsa_alg=algorithm`: what RSA keys without alg verify; without it
     *   such keys are left out.
     */
    { ngx_string("wizdata_jwt_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_wizdata_conf_jwt_issuer,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_jwks_refresh;
     * syntax: time;
     * default: 5m;
     * context: http
     *
     * How long a fetched key set is used before it is asked for again, 1s
     * to 1d. A shorter max-age of the issuer is respected, down to
     * wizdata_jwks_refetch.
     */
    { ngx_string("wizdata_jwks_refresh"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_jwks_msec,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_jwt_conf_t, refresh),
      (void *) &ngx_http_wizdata_refresh_range },

    /*
     * directive: wizdata_jwks_refetch;
     * syntax: time;
     * default: 10s;
     * context: http
     *
     * A token with a kid that is not known makes the key set be fetched at
     * once, but not more often than this per source and host, 1s to 1h.
     */
    { ngx_string("wizdata_jwks_refetch"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_jwks_msec,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_jwt_conf_t, refetch),
      (void *) &ngx_http_wizdata_refetch_range },

    /*
     * directive: wizdata_jwks_rediscover;
     * syntax: time;
     * default: 1h;
     * context: http
     *
     * How long the document of keys=discovery is used before it is asked
     * for again, 1s to 1d. It is asked for at once when there is no usable
     * key set at its jwks_uri any more. When the document itself cannot be
     * had, or may not be followed, its last jwks_uri stays in use.
     */
    { ngx_string("wizdata_jwks_rediscover"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_jwks_msec,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_jwt_conf_t, rediscover),
      (void *) &ngx_http_wizdata_rediscover_range },

    /*
     * directive: wizdata_jwks_wait;
     * syntax: time;
     * default: 3s;
     * context: http
     *
     * How long a request whose key is being fetched waits for it, 100ms to
     * 30s. Then, or when the fetch fails, the answer is 503, because nobody
     * can tell; when no fetch is due it is 401 at once.
     */
    { ngx_string("wizdata_jwks_wait"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_jwks_msec,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_jwt_conf_t, wait),
      (void *) &ngx_http_wizdata_wait_range },

    /*
     * directive: wizdata_jwks_timeout;
     * syntax: time;
     * default: 5s;
     * context: http
     *
     * Limits a fetch from an https issuer, from the look-up of its name to
     * the last byte, 100ms to 60s. Names are resolved by nginx's resolver
     * where the http block has one, else when the configuration is read.
     */
    { ngx_string("wizdata_jwks_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_jwks_msec,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_jwt_conf_t, timeout),
      (void *) &ngx_http_wizdata_fetch_range },

    /*
     * directive: wizdata_jwks_poll;
     * syntax: time;
     * default: 1s;
     * context: http
     *
     * How often files of keys are looked at for a change, 100ms to 1h. A
     * token with a kid that is not known has them looked at earlier.
     */
    { ngx_string("wizdata_jwks_poll"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_jwks_msec,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_jwt_conf_t, poll),
      (void *) &ngx_http_wizdata_poll_range },

    /*
     * directive: wizdata_jwks_trusted_certificate;
     * syntax: file;
     * default: those of the system;
     * context: http
     *
     * Certificates (PEM) of the authorities that https issuers have to be
     * certified by.
     */
    { ngx_string("wizdata_jwks_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_jwks_trusted,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_method;
     * syntax: method [permission=public | permission=key | permission=resource:action] [cost=number] [timeout=time];
     * default: of the catalogue;
     * context: http, server, location
     *
     * Changes a method of the API here: who may call it (public: anybody,
     * key: whoever has a credential, or a permission), what a call costs
     * against limits unless the plan says otherwise, and its deadline (at
     * http level only). What is not written stays as the level above or the
     * catalogue has it.
     */
    { ngx_string("wizdata_method"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_wizdata_conf_method,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_identity_headers;
     * syntax: name ...;
     * default: none;
     * context: http
     *
     * Headers that are removed from every request, beside all that begin
     * with X-Wizdata- (but X-Wizdata-Trace), because what stands behind a
     * location believes them. proxy_set_header may set them then.
     */
    { ngx_string("wizdata_identity_headers"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_wizdata_conf_identity,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_body_max;
     * syntax: size;
     * default: 64k;
     * context: http, server, location
     *
     * Largest JSON body of a request; a longer one is refused with 413. It
     * cannot exceed 64k.
     */
    { ngx_string("wizdata_body_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_slot_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, body_max),
      (void *) &ngx_http_wizdata_body_range },

    /*
     * directive: wizdata_errors;
     * syntax: on | off;
     * default: off;
     * context: http, server, location
     *
     * Replaces the built-in error pages of nginx by problem documents
     * (RFC 9457). At server level it also covers requests that never reach
     * a location, such as malformed ones. Pages set with error_page stay.
     */
    { ngx_string("wizdata_errors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, errors),
      NULL },

    /*
     * directive: wizdata_health;
     * syntax: ;
     * default: none;
     * context: location
     *
     * Tells whether this gateway takes requests: 200, or 503 while it
     * drains: nginx is going to exit, or its master was told so by
     * SIGRTMIN+1 (taken back by SIGRTMIN+2; wizdatactl gateway drain and
     * undrain send them). No backend is asked.
     */
    { ngx_string("wizdata_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_wizdata_conf_health,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_health_detailed;
     * syntax: [public];
     * default: none;
     * context: location
     *
     * Asks every backend for its health, with a limit of two seconds, and
     * answers 503 unless all of them and what they depend on are healthy.
     * Needs an API key with the permission status:read unless it is public.
     */
    { ngx_string("wizdata_health_detailed"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_detailed,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_status_services;
     * syntax: [public];
     * default: none;
     * context: location
     *
     * Asks every backend for its health and shows backends, database, Redis
     * and data providers, with an overall status: healthy when all are,
     * unhealthy when half of them or more are not, else degraded. Providers
     * count when they are configured and do not answer; asking does not cost
     * quota. Needs status:read unless it is public.
     */
    { ngx_string("wizdata_status_services"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_status_services,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_status_config;
     * syntax: [public];
     * default: none;
     * context: location
     *
     * Shows the configuration in force: of the gateway, and of every backend
     * as it says itself. Secrets are true or false. Needs status:read unless
     * it is public.
     */
    { ngx_string("wizdata_status_config"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_status_config,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_environment;
     * syntax: name;
     * default: production;
     * context: http
     *
     * What /api/status/config calls this installation.
     */
    { ngx_string("wizdata_environment"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, environment),
      NULL },

    /*
     * directive: wizdata_cache_zone;
     * syntax: size | off;
     * default: off;
     * context: http
     *
     * Shared memory for cached answers, from 1100k to 64g. An answer takes
     * its bytes and about 300 more, in pieces of 512 bytes. When the zone is
     * full, those used longest ago make room. It survives a reload; when its
     * size changes, what fits is taken over.
     */
    { ngx_string("wizdata_cache_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_cache_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_cache;
     * syntax: on | off;
     * default: off;
     * context: http, server, location
     *
     * Keeps the answers of methods that allow it, for as long as the answer
     * says (`ttl`) or until the data behind it changes, and gives them to
     * all who have the method's permission. Limits and keys are checked
     * first. Many requests for an answer that is not there make one call.
     * Needs wizdata_cache_zone.
     */
    { ngx_string("wizdata_cache"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_wizdata_conf_cache,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, cache.on),
      NULL },

    /*
     * directive: wizdata_cache_max_body;
     * syntax: size;
     * default: 256k, or a tenth of the zone;
     * context: http
     *
     * A longer body is not cached. At most a tenth of wizdata_cache_zone.
     */
    { ngx_string("wizdata_cache_max_body"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_slot_size,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, cache.body_max),
      (void *) &ngx_http_wizdata_cache_body_range },

    /*
     * directive: wizdata_cache_redis;
     * syntax: on | off;
     * default: off;
     * context: http
     *
     * A second level of the cache in the Redis of wizdata_redis, shared by all
     * gateways that use it with the same prefix: what one has fetched the
     * others need not. It may be slow, flushed or gone: after 20ms the backend
     * is asked. A gateway uses what was fetched since it connected to Redis.
     * What an operator clears is cleared on all of them within 250ms.
     */
    { ngx_string("wizdata_cache_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_http_wizdata_conf_cache_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, cache.second),
      NULL },

    /*
     * directive: wizdata_cache_ttl;
     * syntax: method time;
     * default: of the answer;
     * context: http
     *
     * How long answers of a method (bars.query) are fresh, instead of what
     * the backend says; in whole seconds, 0: they are not cached. An answer
     * without a time of its own is never cached, and a longer time than its
     * own is used only while the service tells of all changes of its data,
     * so that they still end at once when it changes.
     */
    { ngx_string("wizdata_cache_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_wizdata_conf_cache_ttl,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_cache_stale_while_revalidate;
     * syntax: time;
     * default: 10s;
     * context: http, server, location
     *
     * How long after its time an answer is still given while it is fetched
     * anew in the background. Never after its data changed, nor while the
     * service's purges do not arrive.
     */
    { ngx_string("wizdata_cache_stale_while_revalidate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_slot_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, cache.stale),
      (void *) &ngx_http_wizdata_stale_range },

    /*
     * directive: wizdata_cache_stale_if_error;
     * syntax: time;
     * default: 5m;
     * context: http, server, location
     *
     * How long after its time an answer is given when the backend fails, is
     * not reachable or too late. Never after its data is known to have
     * changed.
     */
    { ngx_string("wizdata_cache_stale_if_error"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_slot_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, cache.old),
      (void *) &ngx_http_wizdata_stale_range },

    /*
     * directive: wizdata_cache_lock_timeout;
     * syntax: time;
     * default: 5s;
     * context: http, server, location
     *
     * How long a request waits for another's call for the same answer before
     * it makes one of its own; 0: it does not wait.
     */
    { ngx_string("wizdata_cache_lock_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_slot_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, cache.lock_timeout),
      (void *) &ngx_http_wizdata_lock_range },

    /*
     * directive: wizdata_cache_client;
     * syntax: time;
     * default: 0;
     * context: http, server, location
     *
     * How long a client may use an answer again without asking, at most as
     * long as it is fresh here; in whole seconds. 0: Cache-Control says
     * no-cache, and a client that has the ETag asks with If-None-Match. A
     * client's own cache does not learn of changed data, so what it keeps is
     * up to this time too old. Answers after their time (STALE) are always
     * no-cache. Needs wizdata_cache.
     */
    { ngx_string("wizdata_cache_client"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_slot_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, cache.client),
      (void *) &ngx_http_wizdata_stale_range },

    /*
     * directive: wizdata_status_cache;
     * syntax: [public];
     * default: none;
     * context: location
     *
     * What the response cache holds and did (GET; needs status:read unless
     * it is public), and clearing it (POST; always needs cache:write): with
     * a JSON body {"tags": [...]}, {"method": "..."} or {"all": true}, or
     * by /clear and /clear/TYPE behind the location's path. TYPE is
     * market_data, api_responses, news, analytics, esg_data or static_data.
     * Acts on this gateway.
     */
    { ngx_string("wizdata_status_cache"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_status_cache,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_redis;
     * syntax: address [option=value] ...;
     * default: none;
     * context: http
     *
     * The Redis through which several gateways share their limits: unix:/path
     * or an IP address with a port; names are not looked up. Without it the
     * limits are those of one host, exactly. No request waits for Redis.
     * timeout=time (50ms) is how long a worker waits for an answer before it
     * connects anew and limits by its share. gateways=number is the least
     * number of gateways to share with, whatever Redis has said.
     * prefix=text (wizdata:limit:) begins every key. password_file=path:
     * the password is the first line of that file, which nginx's master
     * reads. user=name goes with it. db=number (0) is the database.
     */
    { ngx_string("wizdata_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_wizdata_conf_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_plan;
     * syntax: name [rate=number/period [burst=number]] ... [word] ...;
     * default: none;
     * context: http
     *
     * What a plan allows. Up to four rates, each with the burst that may come
     * at once (1): a bucket of that size that the rate fills; periods are s,
     * m, h, d or a number of them (rate=50/10s). In any time t at most
     * burst + rate x t is admitted. day=number and month=number are quotas of
     * the calendar in the time zone tz=name (UTC). concurrency=number is how
     * many requests there may be at a time. A request takes its cost
     * (docs/API.md) from all windows, or from none; one that costs 0 is not
     * held to them. cost=method:number (0 to 1000), as often as needed up to
     * 16 times, says what requests of that method cost with this plan, and
     * cost=*:number those of all others, whatever the catalogue and
     * wizdata_method say. With the word dry_run nothing is refused, only
     * counted and logged. Plans that auth pushes take the place of those of
     * the same name. Principals whose plan has no such line have the plan
     * `default`.
     */
    { ngx_string("wizdata_plan"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_wizdata_conf_plan,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_limit_anonymous;
     * syntax: [word of a plan] ... [ipv4_prefix=bits] [ipv6_prefix=bits];
     * default: none;
     * context: http
     *
     * What a client without a credential may do, by its address: all
     * addresses with the same first bits (32 of IPv4, 64 of IPv6) are one
     * client. A credential that is refused counts here, too; one that is
     * good is never held up by it.
     */
    { ngx_string("wizdata_limit_anonymous"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_wizdata_conf_anonymous,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_limit_group;
     * syntax: name method ...;
     * default: none;
     * context: http
     *
     * Methods that have a bucket of their own: each principal's limits hold
     * for each group by itself. A method is a name (bars.query) or the
     * beginning of names (bars.*). Methods without a group share one bucket.
     */
    { ngx_string("wizdata_limit_group"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_wizdata_conf_group,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_limit_zone;
     * syntax: size;
     * default: 8m;
     * context: http
     *
     * Shared memory for limits; about 9,000 active principals per megabyte.
     * The least recently used ones make room. It survives a reload, also one
     * that changes its size.
     */
    { ngx_string("wizdata_limit_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_limit_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_limit;
     * syntax: off | on | dry_run;
     * default: off;
     * context: http, server, location
     *
     * Holds requests to the limits of their principal's plan, or of their
     * address, and counts the usage of principals. Applies where access is
     * decided: with wizdata_api or wizdata_access. What is over a limit is
     * refused with 429; with dry_run it passes, and is counted and logged.
     * Of pages about the gateway only credentials that are refused count,
     * against the address.
     */
    { ngx_string("wizdata_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_limit_headers;
     * syntax: ietf | legacy | both | off;
     * default: ietf;
     * context: http, server, location
     *
     * How answers tell the client about its limits: RateLimit and
     * RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11), the older
     * X-RateLimit-Limit, -Remaining and -Reset (seconds since 1970), which
     * speak of the policy with the least left, or both. Retry-After is sent
     * with every refusal.
     */
    { ngx_string("wizdata_limit_headers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_limit_headers,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_status_rate_limit;
     * syntax: ;
     * default: none;
     * context: location
     *
     * Shows how the caller stands to its limits: its principal's with a
     * credential, its address's without. Asking takes nothing from them.
     */
    { ngx_string("wizdata_status_rate_limit"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_wizdata_conf_rate_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_metrics;
     * syntax: ;
     * default: none;
     * context: location
     *
     * Metrics of the gateway and of every backend in Prometheus text format,
     * or in OpenMetrics when Accept prefers that. Restrict access with
     * nginx's own means. A worker makes four such answers at a time; what
     * comes beyond is answered 503.
     */
    { ngx_string("wizdata_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_wizdata_conf_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_trace_ratio;
     * syntax: number;
     * default: 0.01;
     * context: http
     *
     * Share of the traces that are recorded, from 0 to 1. The choice is made
     * by the last 56 bits of the trace id, as OpenTelemetry does it, so all
     * gateways with the same ratio choose the same traces. A trace that is not
     * recorded costs nothing but its ids.
     */
    { ngx_string("wizdata_trace_ratio"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_trace_ratio,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_trace_parent;
     * syntax: trust | ignore | ratio;
     * default: trust;
     * context: http
     *
     * What the traceparent of a client is good for. trust: its trace goes on
     * and its sampled flag decides. ratio: its trace goes on and
     * wizdata_trace_ratio decides. ignore: every request begins a trace of
     * its own. An invalid traceparent is as good as none. What was decided is
     * in the flags that backends get. A header "X-Wizdata-Trace: 1" records
     * the trace of a request whose key has the permission trace:force, in any
     * case.
     */
    { ngx_string("wizdata_trace_parent"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_trace_parent,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_trace_export;
     * syntax: service [interval=time] [buffer=size] | off;
     * default: the first configured of ingestion, processing, analytics, auth;
     * context: http
     *
     * The backend whose exporter gets the spans of recorded traces (ingestion
     * is the one that the shipped sandbox gives a network). A worker
     * collects them in a buffer (256k, from 16k to 16m; a span takes about
     * 600 bytes) and sends it every interval (1s, from 10ms to 60s) or when
     * it is half full. No request waits for that: spans that find the buffer
     * full are dropped and counted. off: no spans are made, ids and flags
     * still go on to the backends.
     */
    { ngx_string("wizdata_trace_export"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_wizdata_conf_trace_export,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_trace_enduser;
     * syntax: on | off;
     * default: off;
     * context: http
     *
     * Whether spans say who asked: attribute enduser.id, the principal of the
     * key. Traces are often kept longer, and seen by more people, than the
     * access log, which has it in any case.
     */
    { ngx_string("wizdata_trace_enduser"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_trace_enduser,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_trace_response;
     * syntax: on | off;
     * default: off;
     * context: http, server, location
     *
     * Answers with the header traceparent: the trace and the gateway's span,
     * whose flags tell whether it is recorded.
     */
    { ngx_string("wizdata_trace_response"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, trace_response),
      NULL },

    /*
     * directive: wizdata_metrics_requests;
     * syntax: on | off;
     * default: on;
     * context: http
     *
     * Whether each request is counted: its status, bytes and latency, by
     * endpoint, class of status, plan and key. Off leaves these families
     * empty; it is there to measure what counting costs.
     */
    { ngx_string("wizdata_metrics_requests"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, metrics_requests),
      NULL },

      ngx_null_command
};
