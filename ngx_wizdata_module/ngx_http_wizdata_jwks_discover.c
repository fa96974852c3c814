/*
 * ngx_http_wizdata_jwks_discover.c - keys of an issuer that says itself where
 * they are: its document is fetched, then the set at the jwks_uri in it.
 *
 * The jwks_uri lies in shared memory beside the sets. It counts until the
 * document is fetched again: when it is old, or when there is no usable set
 * where it said. All of that is one fetch of the source, under its lease.
 */
#include "ngx_http_wizdata_jwt.h"

#define NGX_HTTP_WIZDATA_DISCOVER_LEASE_MORE 2000


static void ngx_http_wizdata_discover_answer(void *data,
    const wd_http_reply_t *reply, const char *why);


static wd_ns_t
ngx_http_wizdata_discover_lease(const ngx_http_wizdata_jwks_t *s)
{
    return ngx_http_wizdata_jwks_ns(s->worker->conf->jwt->timeout
                                    + NGX_HTTP_WIZDATA_DISCOVER_LEASE_MORE);
}


static ngx_uint_t
ngx_http_wizdata_discover_is_on(const wd_discovery_url_t *url,
    const ngx_http_wizdata_get_t *get)
{
    wd_discovery_url_t host;

    host.host = wd_str((char *) get->host.data, get->host.len);
    host.port = get->port;
    return wd_discovery_same_host(url, &host);
}


/* The issuer's own host, or one that is allowed beside it; NULL: another. */
static const ngx_http_wizdata_get_t *
ngx_http_wizdata_discover_host(const ngx_http_wizdata_jwks_conf_t *conf,
    const wd_discovery_url_t *url)
{
    ngx_uint_t              i;
    ngx_http_wizdata_get_t *hosts = conf->hosts->elts;

    if (ngx_http_wizdata_discover_is_on(url, &conf->get)) {
        return &conf->get;
    }
    for (i = 0; i < conf->hosts->nelts; i++) {
        if (ngx_http_wizdata_discover_is_on(url, &hosts[i])) {
            return &hosts[i];
        }
    }
    return NULL;
}


/*
 * WD_OK: s->target is where the keys are. WD_EEXIST: it was there already.
 * WD_EINVAL with a reason: it may not be there.
 */
static int
ngx_http_wizdata_discover_target(ngx_http_wizdata_jwks_t *s, wd_str_t uri,
    wd_error_t *err)
{
    int                           rc;
    u_char                       *last;
    wd_discovery_url_t            url;
    const ngx_http_wizdata_get_t *on;
    ngx_http_wizdata_get_t       *t = &s->target, was = *t;

    rc = wd_discovery_url(uri, &url, err);
    if (rc != WD_OK) {
        return rc;
    }

    on = ngx_http_wizdata_discover_host(s->conf, &url);
    if (on == NULL) {
        return wd_error(err, WD_EINVAL, "its jwks_uri is on another host, "
                        "%.*s port %d: write jwks_host= to allow that",
                        (int) ngx_min(url.host.len, 64), url.host.data,
                        (int) url.port);
    }
    if (url.path.len == 0) {
        url.path = WD_STR("/");
    }

    if (was.host.data == on->host.data && was.port == on->port
        && wd_str_eq(wd_str((char *) was.uri.data, was.uri.len), url.path))
    {
        return WD_EEXIST;
    }

    *t = *on;
    last = ngx_cpymem(s->uri, url.path.data, url.path.len);
    t->uri.data = s->uri;
    t->uri.len = last - s->uri;
    t->accept = NGX_HTTP_WIZDATA_JWKS_ACCEPT;
    t->max = WD_JWKS_BYTES_MAX;
    return WD_OK;
}


void
ngx_http_wizdata_discovered(wd_keyshare_t *share,
    const ngx_http_wizdata_jwks_conf_t *conf, wd_buf_t *out)
{
    uint64_t generation;

    if (wd_keyshare_load(share, conf->document_slot, conf->document, out,
                         &generation)
        != WD_OK)
    {
        wd_buf_reset(out);
    }
}


/* The set where the document said last; NGX_DECLINED: it said nothing yet. */
static ngx_int_t
ngx_http_wizdata_discover_known(ngx_http_wizdata_jwks_t *s)
{
    int       rc = WD_EINVAL;
    wd_buf_t *buf = &s->worker->jwt->scratch;

    ngx_http_wizdata_discovered(ngx_http_wizdata_jwks_share(s), s->conf, buf);
    if (buf->len != 0) {
        rc = ngx_http_wizdata_discover_target(s, wd_buf_view(buf), NULL);
    }
    wd_buf_done(buf); /* as large as a set may be */

    if (rc != WD_OK && rc != WD_EEXIST) {
        return NGX_DECLINED;
    }
    return ngx_http_wizdata_jwks_get(s, &s->target);
}


/* The document's lease is ours, too. */
static ngx_int_t
ngx_http_wizdata_discover_ask(ngx_http_wizdata_jwks_t *s)
{
    s->described = 1;
    s->fetch = ngx_http_wizdata_fetch_start(
        s->worker->conf->jwt, &s->conf->get, s->worker->cycle->log,
        ngx_http_wizdata_discover_answer, s);
    if (s->fetch == NULL) {
        ngx_http_wizdata_discover_cancelled(s);
        return NGX_ERROR;
    }
    return NGX_OK;
}


void
ngx_http_wizdata_discover_cancelled(ngx_http_wizdata_jwks_t *s)
{
    wd_keyshare_failed(ngx_http_wizdata_jwks_share(s), s->conf->document_slot,
                       s->conf->document, wd_monotonic());
}


/* Out of turn: how often that is is up to the lease of the set. */
static ngx_uint_t
ngx_http_wizdata_discover_want(ngx_http_wizdata_jwks_t *s)
{
    wd_ns_t wait;

    return wd_keyshare_want(ngx_http_wizdata_jwks_share(s),
                            s->conf->document_slot, s->conf->document,
                            wd_monotonic(),
                            ngx_http_wizdata_discover_lease(s), 0, &wait)
           == WD_KEYSHARE_FETCH;
}


const char *
ngx_http_wizdata_discover(ngx_http_wizdata_jwks_t *s)
{
    ngx_int_t rc;

    s->described = 0;
    s->retry = 0;

    if (wd_keyshare_due(ngx_http_wizdata_jwks_share(s),
                        s->conf->document_slot, s->conf->document,
                        wd_monotonic(), ngx_http_wizdata_discover_lease(s))
        == WD_KEYSHARE_FETCH)
    {
        rc = ngx_http_wizdata_discover_ask(s);

    } else {
        rc = ngx_http_wizdata_discover_known(s);
        if (rc == NGX_DECLINED && ngx_http_wizdata_discover_want(s)) {
            rc = ngx_http_wizdata_discover_ask(s);
        }
    }

    if (rc == NGX_DECLINED) {
        return "another fetch of it has not ended";
    }
    return rc == NGX_OK ? NULL : "out of memory";
}


ngx_int_t
ngx_http_wizdata_discover_again(ngx_http_wizdata_jwks_t *s, const char *why)
{
    if (s->described || !ngx_http_wizdata_discover_want(s)
        || ngx_http_wizdata_discover_ask(s) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    s->retry = 1;
    wd_str_copy(s->why, sizeof(s->why), wd_str_z(why));
    return NGX_OK;
}


/* The document cannot be had, or says what it may not: the last one counts. */
static void
ngx_http_wizdata_discover_failed(ngx_http_wizdata_jwks_t *s, const char *why)
{
    ngx_int_t rc;

    ngx_http_wizdata_discover_cancelled(s);
    if (s->retry) {
        ngx_http_wizdata_jwks_fetch_failed(s, s->why);
        return;
    }

    rc = ngx_http_wizdata_discover_known(s);
    if (rc != NGX_OK) {
        ngx_http_wizdata_jwks_fetch_failed(s, rc == NGX_DECLINED
                                                  ? why : "out of memory");
        return;
    }
    if (!s->undescribed) {
        s->undescribed = 1;
        ngx_log_error(NGX_LOG_ERR, s->worker->cycle->log, 0,
                      "wizdata: %V is of no use: %s; its last jwks_uri stays",
                      &s->conf->from, why);
    }
}


/* `rc` as of ngx_http_wizdata_discover_target(). */
static void
ngx_http_wizdata_discover_found(ngx_http_wizdata_jwks_t *s, int rc,
    wd_str_t uri)
{
    wd_ns_t now = wd_monotonic();

    wd_keyshare_store(ngx_http_wizdata_jwks_share(s), s->conf->document_slot,
                      s->conf->document, uri, now,
                      now + ngx_http_wizdata_jwks_ns(
                                s->worker->conf->jwt->rediscover));
    if (s->undescribed) {
        s->undescribed = 0;
        ngx_log_error(NGX_LOG_NOTICE, s->worker->cycle->log, 0,
                      "wizdata: %V is of use again", &s->conf->from);
    }

    if (s->retry && rc == WD_EEXIST) {
        ngx_http_wizdata_jwks_fetch_failed(s, s->why);
    } else if (ngx_http_wizdata_jwks_get(s, &s->target) != NGX_OK) {
        ngx_http_wizdata_jwks_fetch_failed(s, "out of memory");
    }
}


static void
ngx_http_wizdata_discover_answer(void *data, const wd_http_reply_t *reply,
    const char *why)
{
    int                      rc;
    char                     uri[WD_DISCOVERY_URL_MAX];
    size_t                   len = 0;
    wd_error_t               err = {.text = "out of memory"};
    ngx_http_wizdata_jwks_t *s = data;

    s->fetch = NULL;
    if (reply == NULL) {
        ngx_http_wizdata_discover_failed(s, why);
        return;
    }

    if (reply->status != 200) {
        rc = wd_error(&err, WD_EINVAL, "it answered with status %d",
                      reply->status);
    } else {
        rc = wd_discovery_read(wd_buf_view(&reply->body), s->conf->iss, uri,
                               &len, &err);
    }
    if (rc == WD_OK) {
        rc = ngx_http_wizdata_discover_target(s, wd_str(uri, len), &err);
    }

    if (rc == WD_OK || rc == WD_EEXIST) {
        ngx_http_wizdata_discover_found(s, rc, wd_str(uri, len));
    } else {
        ngx_http_wizdata_discover_failed(s, err.text);
    }
}
