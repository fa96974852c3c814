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


static const ngx_http_wizdata_range_t ngx_http_wizdata_refresh_range = {
    1000, NGX_HTTP_WIZDATA_DAY, "a time from 1s to 1d, such as 5m"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_refetch_range = {
    1000, 3600 * 1000, "a time from 1s to 1h, such as 10s"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_wait_range = {
    100, 30 * 1000, "a time from 100ms to 30s, such as 3s"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_fetch_range = {
    100, 60 * 1000, "a time from 100ms to 60s, such as 5s"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_poll_range = {
    100, 3600 * 1000, "a time from 100ms to 1h, such as 1s"};


ngx_command_t ngx_http_wizdata_commands[] = {

    /*
     * directive: wizdata_service;
     * syntax: name endpoint ... [max_inflight=number] [connect_timeout=time];
     * default: none;
     * context: http
     *
     * Names the endpoints of a backend service: auth, ingestion, processing
     * or analytics. An endpoint is unix:/path or host:port, resolved when
     * the configuration is read. Each worker keeps one connection to each
     * endpoint and sends a request to the one with the fewest in flight.
     * max_inflight (1024) caps the requests in flight per worker and
     * service; beyond it the answer is 503 with Retry-After.
     * connect_timeout (1s) limits a connection attempt.
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
     * Shared memory for what auth said about API keys; about 900 keys per
     * megabyte, and twice as many unknown ones. The least recently used ones
     * make room. It survives a reload unless its size changes.
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
     * Requests per worker and service that may wait for a connection while
     * none is ready, as at start or when a backend restarts.
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
     * byte of the answer, and between the pieces of a long body.
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
     *   not taken. When a set cannot be had the last one stays in force.
     * - `leeway=time` (30s, from 0 to 60s) for exp, nbf and iat.
     * - `name=text`: principals are name, a colon and sub; by default the
     *   host of iss. With keys=auth and no name the principal is sub. Where
     *   that is longer than 255 bytes, `#` and a hash stand for sub.
     * - `plan=name` (default): the plan of tokens that name none in
     *   `plan_claim=claim` (plan).
     * - `permissions_claim=claim`: where permissions stand, as a list or as
     *   words; by default in permissions, scope and scp. Values that are not
     *   of the form resource:action are passed over. A claim inside of others
     *   is written /outer/inner.
     * - `grant=value=permission,...`, up to 32 times: values are names of the
     *   issuer's own, such as roles, and give these permissions only.
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
     * directive: wizdata_metrics;
     * syntax: ;
     * default: none;
     * context: location
     *
     * Metrics of the gateway and of every backend in Prometheus text format.
     * Restrict access with nginx's own means.
     */
    { ngx_string("wizdata_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_wizdata_conf_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};
