/*
 * ngx_http_wizdata_jwks_fetch.c - one GET over TLS: resolve, connect, shake
 * hands, ask, read.
 *
 * The server has to prove its name by a certificate of a trusted authority.
 * One deadline is for all of it. A redirect is an answer like any other that
 * is not 200.
 */
#include "ngx_http_wizdata_jwt.h"

#define NGX_HTTP_WIZDATA_FETCH_READ 16384
#define NGX_HTTP_WIZDATA_FETCH_POOL 4096


struct ngx_http_wizdata_fetch_s {
    ngx_http_wizdata_jwt_conf_t  *jcf;
    ngx_http_wizdata_get_t       *get;
    ngx_http_wizdata_fetch_pt     handler;
    void                         *data;
    ngx_pool_t                   *pool;
    ngx_log_t                    *log;
    ngx_event_t                   begin; /* posted, so that start returns */
    ngx_event_t                   deadline;
    ngx_resolver_ctx_t           *resolving;
    ngx_addr_t                   *addrs;
    ngx_uint_t                    naddrs;
    ngx_uint_t                    next; /* address */
    ngx_peer_connection_t         peer;
    ngx_str_t                     request;
    size_t                        sent;
    wd_http_reply_t               reply;
};


static void ngx_http_wizdata_fetch_connect(ngx_http_wizdata_fetch_t *f);
static void ngx_http_wizdata_fetch_send(ngx_event_t *wev);
static void ngx_http_wizdata_fetch_read(ngx_event_t *rev);


static void
ngx_http_wizdata_fetch_close(ngx_http_wizdata_fetch_t *f)
{
    ngx_connection_t *c = f->peer.connection;

    if (c == NULL) {
        return;
    }
    f->peer.connection = NULL;

#if (NGX_HTTP_SSL)
    if (c->ssl != NULL) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        (void) ngx_ssl_shutdown(c);
    }
#endif
    ngx_close_connection(c);
}


void
ngx_http_wizdata_fetch_cancel(ngx_http_wizdata_fetch_t *f)
{
    if (f->resolving != NULL) {
        ngx_resolve_name_done(f->resolving);
    }
    if (f->begin.posted) {
        ngx_delete_posted_event(&f->begin);
    }
    if (f->deadline.timer_set) {
        ngx_del_timer(&f->deadline);
    }
    ngx_http_wizdata_fetch_close(f);
    wd_http_reply_done(&f->reply);
    ngx_destroy_pool(f->pool);
}


static void
ngx_http_wizdata_fetch_failed(ngx_http_wizdata_fetch_t *f, const char *why)
{
    f->handler(f->data, NULL, why);
    ngx_http_wizdata_fetch_cancel(f);
}


static void
ngx_http_wizdata_fetch_done(ngx_http_wizdata_fetch_t *f)
{
    f->handler(f->data, &f->reply, NULL);
    ngx_http_wizdata_fetch_cancel(f);
}


/* A connection that did not come about, or broke before it answered. */
static void
ngx_http_wizdata_fetch_next(ngx_http_wizdata_fetch_t *f, const char *why)
{
    ngx_http_wizdata_fetch_close(f);
    if (f->next == f->naddrs) {
        ngx_http_wizdata_fetch_failed(f, why);
        return;
    }
    ngx_http_wizdata_fetch_connect(f);
}


static void
ngx_http_wizdata_fetch_timeout(ngx_event_t *ev)
{
    ngx_http_wizdata_fetch_failed(ev->data, "it did not answer in time");
}


/* ---- reading ------------------------------------------------------------ */

/* NGX_AGAIN: more is to come; else the fetch is over. */
static ngx_int_t
ngx_http_wizdata_fetch_feed(ngx_http_wizdata_fetch_t *f, u_char *p, ssize_t n)
{
    int rc;

    if (n > 0) {
        rc = wd_http_reply_feed(&f->reply, p, (size_t) n);
    } else {
        rc = n == 0 ? wd_http_reply_end(&f->reply) : WD_EIO;
    }

    switch (rc) {
    case WD_EAGAIN:
        return NGX_AGAIN;
    case WD_OK:
        ngx_http_wizdata_fetch_done(f);
        break;
    case WD_ETOOBIG:
        ngx_http_wizdata_fetch_failed(f, "its answer is too long");
        break;
    case WD_ETRUNC:
    case WD_EIO:
        ngx_http_wizdata_fetch_failed(f, "the connection broke");
        break;
    default:
        ngx_http_wizdata_fetch_failed(f, "its answer is malformed");
    }
    return NGX_DONE;
}


static void
ngx_http_wizdata_fetch_read(ngx_event_t *rev)
{
    u_char                    buf[NGX_HTTP_WIZDATA_FETCH_READ];
    ssize_t                   n;
    ngx_connection_t         *c = rev->data;
    ngx_http_wizdata_fetch_t *f = c->data;

    for (;;) {
        n = c->recv(c, buf, sizeof(buf));
        if (n == NGX_AGAIN) {
            break;
        }
        if (ngx_http_wizdata_fetch_feed(f, buf, n) != NGX_AGAIN) {
            return;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_wizdata_fetch_failed(f, "event failed");
    }
}


/* ---- asking ------------------------------------------------------------- */

static void
ngx_http_wizdata_fetch_send(ngx_event_t *wev)
{
    ssize_t                   n;
    ngx_connection_t         *c = wev->data;
    ngx_http_wizdata_fetch_t *f = c->data;

    while (f->sent < f->request.len) {
        n = c->send(c, f->request.data + f->sent, f->request.len - f->sent);
        if (n == NGX_AGAIN) {
            break;
        }
        if (n <= 0) {
            ngx_http_wizdata_fetch_failed(f, "the connection broke");
            return;
        }
        f->sent += (size_t) n;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_wizdata_fetch_failed(f, "event failed");
    }
}


static ngx_int_t
ngx_http_wizdata_fetch_request(ngx_http_wizdata_fetch_t *f)
{
    u_char *p;

    static const char format[] = "GET %V HTTP/1.1\r\n"
                                 "Host: %V\r\n"
                                 "Accept: %s\r\n"
                                 "User-Agent: wizdata\r\n"
                                 "Connection: close\r\n\r\n";

    p = ngx_pnalloc(f->pool, sizeof(format) + f->get->uri.len
                             + f->get->authority.len
                             + ngx_strlen(f->get->accept));
    if (p == NULL) {
        return NGX_ERROR;
    }
    f->request.data = p;
    f->request.len = ngx_sprintf(p, format, &f->get->uri,
                                 &f->get->authority, f->get->accept) - p;
    return NGX_OK;
}


#if (NGX_HTTP_SSL)

static ngx_uint_t
ngx_http_wizdata_fetch_is_ip(const ngx_str_t *host)
{
    u_char addr[16];

    return inet_pton(AF_INET, (char *) host->data, addr) == 1
           || inet_pton(AF_INET6, (char *) host->data, addr) == 1;
}


/* Is the certificate one of the host that was asked? */
static ngx_uint_t
ngx_http_wizdata_fetch_is_host(ngx_connection_t *c, ngx_str_t *host)
{
    X509       *cert;
    ngx_uint_t  is;

    if (!ngx_http_wizdata_fetch_is_ip(host)) {
        return ngx_ssl_check_host(c, host) == NGX_OK;
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return 0;
    }
    is = X509_check_ip_asc(cert, (char *) host->data, 0) == 1;
    X509_free(cert);
    return is;
}


static void
ngx_http_wizdata_fetch_secured(ngx_connection_t *c)
{
    long                      rc;
    ngx_http_wizdata_fetch_t *f = c->data;

    if (!c->ssl->handshaked) {
        ngx_http_wizdata_fetch_next(f, "the TLS handshake failed");
        return;
    }

    rc = SSL_get_verify_result(c->ssl->connection);
    if (rc != X509_V_OK) {
        ngx_http_wizdata_fetch_failed(f, X509_verify_cert_error_string(rc));
        return;
    }
    if (!ngx_http_wizdata_fetch_is_host(c, &f->get->host)) {
        ngx_http_wizdata_fetch_failed(f, "its certificate is for another "
                                      "host");
        return;
    }

    c->read->handler = ngx_http_wizdata_fetch_read;
    c->write->handler = ngx_http_wizdata_fetch_send;
    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
    ngx_http_wizdata_fetch_send(c->write);
}


static void
ngx_http_wizdata_fetch_secure(ngx_http_wizdata_fetch_t *f)
{
    ngx_int_t         rc;
    ngx_connection_t *c = f->peer.connection;

    c->pool = f->pool;
    if (ngx_ssl_create_connection(f->jcf->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK
        || (!ngx_http_wizdata_fetch_is_ip(&f->get->host)
            && SSL_set_tlsext_host_name(c->ssl->connection,
                                        (char *) f->get->host.data)
               == 0))
    {
        ngx_http_wizdata_fetch_failed(f, "TLS cannot be started");
        return;
    }

    rc = ngx_ssl_handshake(c);
    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_http_wizdata_fetch_secured;
        return;
    }
    ngx_http_wizdata_fetch_secured(c);
}

#else

static void
ngx_http_wizdata_fetch_secure(ngx_http_wizdata_fetch_t *f)
{
    ngx_http_wizdata_fetch_failed(f, "this nginx is built without TLS");
}

#endif


/* ---- connecting --------------------------------------------------------- */

/* The outcome of connect(), by either event. */
static void
ngx_http_wizdata_fetch_connected(ngx_event_t *ev)
{
    int                       err = 0;
    socklen_t                 len = sizeof(int);
    ngx_connection_t         *c = ev->data;
    ngx_http_wizdata_fetch_t *f = c->data;

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }
    if (err != 0) {
        ngx_http_wizdata_fetch_next(f, err == NGX_ECONNREFUSED
                                           ? "it refuses connections"
                                           : "it cannot be reached");
        return;
    }
    ngx_http_wizdata_fetch_secure(f);
}


static void
ngx_http_wizdata_fetch_nothing(ngx_event_t *ev)
{
}


static void
ngx_http_wizdata_fetch_connect(ngx_http_wizdata_fetch_t *f)
{
    ngx_int_t              rc;
    ngx_addr_t            *a = &f->addrs[f->next++];
    ngx_connection_t      *c;
    ngx_peer_connection_t *pc = &f->peer;

    ngx_memzero(pc, sizeof(ngx_peer_connection_t));
    pc->sockaddr = a->sockaddr;
    pc->socklen = a->socklen;
    pc->name = &f->get->authority;
    pc->get = ngx_event_get_peer;
    pc->log = f->log;
    pc->log_error = NGX_ERROR_INFO; /* who asked for it complains */

    rc = ngx_event_connect_peer(pc);
    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_http_wizdata_fetch_next(f, "it cannot be reached");
        return;
    }

    c = pc->connection;
    c->data = f;
    c->read->handler = ngx_http_wizdata_fetch_nothing;
    c->write->handler = ngx_http_wizdata_fetch_connected;
    c->read->cancelable = 1;
    c->write->cancelable = 1;

    if (rc == NGX_OK) {
        ngx_http_wizdata_fetch_secure(f);
    }
}


static void
ngx_http_wizdata_fetch_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t                i;
    ngx_http_wizdata_fetch_t *f = ctx->data;

    f->resolving = NULL;
    if (ctx->state || ctx->naddrs == 0) {
        ngx_resolve_name_done(ctx);
        ngx_http_wizdata_fetch_failed(f, "its name cannot be resolved");
        return;
    }

    f->addrs = ngx_pcalloc(f->pool, ctx->naddrs * sizeof(ngx_addr_t));
    for (i = 0; f->addrs != NULL && i < ctx->naddrs; i++) {
        f->addrs[i].sockaddr = ngx_pcalloc(f->pool, ctx->addrs[i].socklen);
        if (f->addrs[i].sockaddr == NULL) {
            break;
        }
        ngx_memcpy(f->addrs[i].sockaddr, ctx->addrs[i].sockaddr,
                   ctx->addrs[i].socklen);
        f->addrs[i].socklen = ctx->addrs[i].socklen;
        ngx_inet_set_port(f->addrs[i].sockaddr, f->get->port);
        f->naddrs++;
    }

    ngx_resolve_name_done(ctx);
    if (f->naddrs == 0) {
        ngx_http_wizdata_fetch_failed(f, "out of memory");
        return;
    }
    ngx_http_wizdata_fetch_connect(f);
}


static void
ngx_http_wizdata_fetch_resolve(ngx_http_wizdata_fetch_t *f)
{
    ngx_resolver_ctx_t *ctx, temp;

    temp.name = f->get->host;
    ctx = ngx_resolve_start(f->jcf->resolver, &temp);
    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_http_wizdata_fetch_failed(f, "no resolver");
        return;
    }

    ctx->name = f->get->host;
    ctx->handler = ngx_http_wizdata_fetch_resolved;
    ctx->data = f;
    ctx->timeout = f->jcf->resolver_timeout;
    ctx->cancelable = 1;
    f->resolving = ctx;

    /* It may call the handler at once, and the fetch may be over then. */
    if (ngx_resolve_name(ctx) != NGX_OK) {
        f->resolving = NULL;
        ngx_http_wizdata_fetch_failed(f, "its name cannot be resolved");
    }
}


static void
ngx_http_wizdata_fetch_begin(ngx_event_t *ev)
{
    ngx_http_wizdata_fetch_t *f = ev->data;

    if (f->get->addrs == NULL) {
        ngx_http_wizdata_fetch_resolve(f);
        return;
    }
    f->addrs = f->get->addrs;
    f->naddrs = f->get->naddrs;
    ngx_http_wizdata_fetch_connect(f);
}


ngx_http_wizdata_fetch_t *
ngx_http_wizdata_fetch_start(ngx_http_wizdata_jwt_conf_t *jcf,
    ngx_http_wizdata_get_t *get, ngx_log_t *log,
    ngx_http_wizdata_fetch_pt handler, void *data)
{
    ngx_pool_t               *pool;
    ngx_http_wizdata_fetch_t *f;

    pool = ngx_create_pool(NGX_HTTP_WIZDATA_FETCH_POOL, log);
    if (pool == NULL) {
        return NULL;
    }

    f = ngx_pcalloc(pool, sizeof(ngx_http_wizdata_fetch_t));
    if (f == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    f->jcf = jcf;
    f->get = get;
    f->handler = handler;
    f->data = data;
    f->pool = pool;
    f->log = log;
    wd_http_reply_init(&f->reply, get->max);

    if (ngx_http_wizdata_fetch_request(f) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    f->begin.data = f;
    f->begin.handler = ngx_http_wizdata_fetch_begin;
    f->begin.log = log;
    f->deadline.data = f;
    f->deadline.handler = ngx_http_wizdata_fetch_timeout;
    f->deadline.log = log;
    f->deadline.cancelable = 1;

    ngx_post_event(&f->begin, &ngx_posted_events);
    ngx_add_timer(&f->deadline, jcf->timeout);
    return f;
}
