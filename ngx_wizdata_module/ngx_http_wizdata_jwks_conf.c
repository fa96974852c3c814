/*
 * ngx_http_wizdata_jwks_conf.c - where the keys of an issuer come from: the
 * words keys= of wizdata_jwt_issuer, the files and hosts they name, and what
 * fetching needs.
 */
#include "ngx_http_wizdata_jwt.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_JWT_SOURCES_MAX 4 /* of one issuer */
#define NGX_HTTP_WIZDATA_JWT_HOSTS_MAX 4
#define NGX_HTTP_WIZDATA_JWT_DEPTH 8 /* of a chain of certificates */

#define NGX_HTTP_WIZDATA_JWKS_HOST_HELP                                     \
    "at most 4 words jwks_host=host or jwks_host=host:port, such as "       \
    "jwks_host=keys.example.com"


/* What is in the file must be usable now; what it is later is seen later. */
static ngx_int_t
ngx_http_wizdata_jwks_check_file(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_jwks_conf_t *s)
{
    wd_buf_t    buf = WD_BUF_INIT;
    ngx_int_t   rc = NGX_ERROR;
    wd_jwks_t  *set;
    wd_error_t  err = {.text = "out of memory"};
    const char *why = err.text;

    if (ngx_http_wizdata_jwks_read(s->path.data, NULL, &buf, &why) == NGX_OK)
    {
        if (ngx_http_wizdata_jwks_parse(s, wd_buf_view(&buf), &set, &err)
            == WD_OK)
        {
            wd_jwks_destroy(set);
            s->initial.data = ngx_pnalloc(w->cf->pool, buf.len);
            if (s->initial.data != NULL) {
                ngx_memcpy(s->initial.data, buf.data, buf.len);
                s->initial.len = buf.len;
                ngx_http_wizdata_jwt_policy_add(w->jcf, &s->initial);
                rc = NGX_OK;
            }
        }
    }

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, w->cf, 0, "no keys from \"%V\": "
                           "%s; write a file with a JWK Set (RFC 7517), or "
                           "with a PEM public key for pem:", &s->text, why);
    }
    wd_buf_done(&buf);
    return rc;
}


static ngx_int_t
ngx_http_wizdata_jwks_file(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_jwks_conf_t *s, wd_str_t path)
{
    s->path.data = (u_char *) path.data;
    s->path.len = path.len;
    if (path.len == 0 || ngx_conf_full_name(w->cf->cycle, &s->path, 1)
                         != NGX_OK)
    {
        return ngx_http_wizdata_jwt_complain(w, &s->text,
                                             "keys=file:/path");
    }
    return ngx_http_wizdata_jwks_check_file(w, s);
}


/* kid:algorithm:path */
static ngx_int_t
ngx_http_wizdata_jwks_pem(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_jwks_conf_t *s, wd_str_t rest)
{
    wd_str_t alg;

    if (wd_str_split(&rest, ':', &s->kid) && wd_str_split(&rest, ':', &alg)
        && rest.data != NULL && wd_jobj_printable(s->kid, WD_JWK_KID_MAX))
    {
        s->alg = wd_jwa_find(alg);
        if (s->alg != WD_JWA_NONE
            && wd_jwa(s->alg)->family != WD_JWA_FAMILY_HMAC)
        {
            return ngx_http_wizdata_jwks_file(w, s, rest);
        }
    }
    return ngx_http_wizdata_jwt_complain(
        w, &s->text, "keys=pem:KID:ALGORITHM:/path with RS, PS, ES or EdDSA, "
        "such as keys=pem:2026:ES256:/etc/keys/login.pem");
}


static ngx_int_t
ngx_http_wizdata_jwks_auth(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_jwks_conf_t *s)
{
    w->auth = 1;
    w->jcf->shared++;
    s->kind = NGX_HTTP_WIZDATA_JWKS_AUTH;
    s->file = w->cf->conf_file->file.name;
    s->line = w->cf->conf_file->line;
    return NGX_OK;
}


/* Of "host[:port]" or "[address][:port]" the host, zero-terminated. */
static ngx_int_t
ngx_http_wizdata_jwks_host(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_get_t *get)
{
    u_char *p = get->authority.data, *end = p + get->authority.len, *last;

    if (p != end && *p == '[') {
        last = ngx_strlchr(++p, end, ']');
    } else {
        last = ngx_strlchr(p, end, ':');
        last = last != NULL ? last : end;
    }
    if (last == NULL || last == p) {
        return NGX_ERROR;
    }

    get->host.len = last - p;
    get->host.data = ngx_pnalloc(w->cf->pool, get->host.len + 1);
    if (get->host.data == NULL) {
        return NGX_ERROR;
    }
    ngx_cpystrn(get->host.data, p, get->host.len + 1);
    return NGX_OK;
}


/* "host[:port][/path]"; addresses of names are looked up later. */
static ngx_int_t
ngx_http_wizdata_jwks_where(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_get_t *get, wd_str_t at)
{
    size_t    i;
    ngx_url_t u;
    wd_str_t  authority;

    for (i = 0; i < at.len; i++) {
        if ((u_char) at.data[i] <= ' ' || (u_char) at.data[i] >= 0x7f
            || at.data[i] == '#' || at.data[i] == '@')
        {
            return NGX_DECLINED;
        }
    }

    if (!wd_str_split(&at, '/', &authority) || authority.len == 0
        || memchr(authority.data, '?', authority.len) != NULL)
    {
        return NGX_DECLINED;
    }
    get->authority.data = (u_char *) authority.data;
    get->authority.len = authority.len;
    ngx_str_set(&get->uri, "/");
    if (at.data != NULL) {
        get->uri.data = (u_char *) at.data - 1;
        get->uri.len = at.len + 1;
    }

    ngx_memzero(&u, sizeof(u));
    u.url = get->authority;
    u.default_port = 443;
    u.no_resolve = 1;
    if (ngx_parse_url(w->cf->pool, &u) != NGX_OK || u.family == AF_UNIX
        || ngx_http_wizdata_jwks_host(w, get) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    get->port = u.port;
    get->addrs = u.naddrs != 0 ? u.addrs : NULL;
    get->naddrs = u.naddrs;
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwks_https(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_jwks_conf_t *s, wd_str_t rest)
{
    s->kind = NGX_HTTP_WIZDATA_JWKS_HTTPS;
    s->options.public = true;
    s->file = w->cf->conf_file->file.name;
    s->line = w->cf->conf_file->line;
    s->get.accept = NGX_HTTP_WIZDATA_JWKS_ACCEPT;
    s->get.max = WD_JWKS_BYTES_MAX;

    if (ngx_http_wizdata_jwks_where(w, &s->get,
                                    wd_str(rest.data + 2, rest.len - 2))
        != NGX_OK)
    {
        return ngx_http_wizdata_jwt_complain(
            w, &s->text, "keys=https://host/path, such as "
            "keys=https://login.example.com/.well-known/jwks.json");
    }
    w->jcf->shared++;
    return NGX_OK;
}


/* The issuer without its last slash, and the path of the document. */
static ngx_int_t
ngx_http_wizdata_jwks_document(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_jwks_conf_t *s)
{
    size_t             len = s->iss.len;
    u_char            *p;
    wd_discovery_url_t url;

    if (wd_discovery_url(s->iss, &url, NULL) != WD_OK
        || memchr(s->iss.data, '?', len) != NULL)
    {
        return NGX_DECLINED;
    }
    if (url.path.len != 0 && s->iss.data[len - 1] == '/') {
        len--;
    }

    s->from.len = len + sizeof(WD_DISCOVERY_PATH) - 1;
    p = ngx_pnalloc(w->cf->pool, s->from.len);
    if (p == NULL) {
        return NGX_ERROR;
    }
    s->from.data = p;
    p = ngx_cpymem(p, s->iss.data, len);
    ngx_memcpy(p, WD_DISCOVERY_PATH, sizeof(WD_DISCOVERY_PATH) - 1);

    s->get.accept = "application/json";
    s->get.max = WD_DISCOVERY_BYTES_MAX;
    return ngx_http_wizdata_jwks_where(
        w, &s->get, wd_str((char *) s->from.data + sizeof("https://") - 1,
                           s->from.len - (sizeof("https://") - 1)));
}


static ngx_int_t
ngx_http_wizdata_jwks_discovery(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_jwks_conf_t *s)
{
    ngx_int_t               rc;
    ngx_str_t              *name = w->jwks_hosts->elts;
    ngx_uint_t              i;
    ngx_http_wizdata_get_t *host;

    s->kind = NGX_HTTP_WIZDATA_JWKS_DISCOVERY;
    s->options.public = true;
    s->file = w->cf->conf_file->file.name;
    s->line = w->cf->conf_file->line;

    rc = ngx_http_wizdata_jwks_document(w, s);
    if (rc == NGX_DECLINED) {
        return ngx_http_wizdata_jwt_complain(
            w, &s->text, "keys=https://host/path: only an issuer that is an "
            "https URL without a query, such as https://login.example.com, "
            "can be asked where its keys are");
    }
    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    s->hosts = ngx_array_create(w->cf->pool, 2,
                                sizeof(ngx_http_wizdata_get_t));
    for (i = 0; s->hosts != NULL && i < w->jwks_hosts->nelts; i++) {
        host = ngx_array_push(s->hosts);
        if (host == NULL) {
            return NGX_ERROR;
        }
        ngx_memzero(host, sizeof(*host));
        if (ngx_http_wizdata_jwks_where(w, host,
                                        ngx_http_wizdata_jwt_view(&name[i]))
            != NGX_OK)
        {
            return ngx_http_wizdata_jwt_complain(
                w, &name[i], NGX_HTTP_WIZDATA_JWKS_HOST_HELP);
        }
    }
    w->jcf->shared += 2; /* the document and the set */
    return s->hosts != NULL ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_wizdata_jwt_jwks_host(ngx_http_wizdata_jwt_words_t *w,
    ngx_str_t *value)
{
    u_char             url[sizeof("https://") + WD_DISCOVERY_URL_MAX], *last;
    ngx_str_t         *host;
    wd_discovery_url_t at;

    last = ngx_snprintf(url, sizeof(url), "https://%V", value);
    if (wd_discovery_url(wd_str((char *) url, last - url), &at, NULL) != WD_OK
        || at.path.len != 0
        || w->jwks_hosts->nelts == NGX_HTTP_WIZDATA_JWT_HOSTS_MAX)
    {
        return ngx_http_wizdata_jwt_complain(
            w, value, NGX_HTTP_WIZDATA_JWKS_HOST_HELP);
    }

    host = ngx_array_push(w->jwks_hosts);
    if (host == NULL) {
        return NGX_ERROR;
    }
    *host = *value;
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwks_source(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_jwks_conf_t *s)
{
    wd_str_t kind, rest = ngx_http_wizdata_jwt_view(&s->text);

    (void) wd_str_split(&rest, ':', &kind);

    if (wd_str_eq_z(kind, "auth") && rest.data == NULL) {
        return ngx_http_wizdata_jwks_auth(w, s);
    }
    if (wd_str_eq_z(kind, "discovery") && rest.data == NULL) {
#if (NGX_HTTP_SSL)
        return ngx_http_wizdata_jwks_discovery(w, s);
#else
        return ngx_http_wizdata_jwt_complain(
            w, &s->text, "keys=file:/path: this nginx is built without TLS");
#endif
    }
    if (wd_str_eq_z(kind, "file") && rest.data != NULL) {
        s->kind = NGX_HTTP_WIZDATA_JWKS_FILE;
        return ngx_http_wizdata_jwks_file(w, s, rest);
    }
    if (wd_str_eq_z(kind, "pem") && rest.data != NULL) {
        s->kind = NGX_HTTP_WIZDATA_JWKS_PEM;
        return ngx_http_wizdata_jwks_pem(w, s, rest);
    }
    if (wd_str_eq_z(kind, "https") && wd_str_starts(rest, "//")) {
#if (NGX_HTTP_SSL)
        return ngx_http_wizdata_jwks_https(w, s, rest);
#else
        return ngx_http_wizdata_jwt_complain(
            w, &s->text, "keys=file:/path: this nginx is built without TLS");
#endif
    }
    return ngx_http_wizdata_jwt_complain(
        w, &s->text, "keys=auth, keys=file:/path, keys=pem:KID:ALG:/path, "
        "keys=https://host/path or keys=discovery");
}


static void
ngx_http_wizdata_jwks_hash_text(crypto_generichash_state *st, wd_str_t text)
{
    u_char len[2] = {(u_char) (text.len >> 8), (u_char) text.len};

    (void) crypto_generichash_update(st, len, sizeof(len));
    (void) crypto_generichash_update(st, (const u_char *) text.data,
                                     text.len);
}


/*
 * The same source with the same meaning is read once for all issuers. What is
 * discovered depends on the issuer, and on whom it may name.
 */
static void
ngx_http_wizdata_jwks_hash(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_jwks_conf_t *s)
{
    u_char                   alg = (u_char) s->options.rsa_alg;
    ngx_str_t               *host = w->jwks_hosts->elts;
    ngx_uint_t               i;
    crypto_generichash_state st;

    (void) crypto_generichash_init(&st, NULL, 0, sizeof(s->name));
    (void) crypto_generichash_update(&st, &alg, 1);
    (void) crypto_generichash_update(&st, s->text.data, s->text.len);
    if (wd_str_eq_z(ngx_http_wizdata_jwt_view(&s->text), "discovery")) {
        w->discovery = 1;
        ngx_http_wizdata_jwks_hash_text(&st, s->iss);
        for (i = 0; i < w->jwks_hosts->nelts; i++) {
            ngx_http_wizdata_jwks_hash_text(
                &st, ngx_http_wizdata_jwt_view(&host[i]));
        }
    }
    (void) crypto_generichash_final(&st, s->name, sizeof(s->name));
    (void) crypto_generichash(s->document, sizeof(s->document), s->name,
                              sizeof(s->name), NULL, 0);
}


static ngx_http_wizdata_jwks_conf_t *
ngx_http_wizdata_jwks_known(ngx_http_wizdata_jwt_conf_t *jcf,
    const u_char *name)
{
    ngx_uint_t                    i;
    ngx_http_wizdata_jwks_conf_t *sources = jcf->sources.elts;

    for (i = 0; i < jcf->sources.nelts; i++) {
        if (ngx_memcmp(sources[i].name, name, WD_KEYSHARE_NAME) == 0) {
            return &sources[i];
        }
    }
    return NULL;
}


ngx_int_t
ngx_http_wizdata_jwt_keys(ngx_http_wizdata_jwt_words_t *w, ngx_str_t *value)
{
    ngx_uint_t                   *index;
    ngx_http_wizdata_jwks_conf_t  s, *known;

    if (w->issuer->sources->nelts == NGX_HTTP_WIZDATA_JWT_SOURCES_MAX) {
        return ngx_http_wizdata_jwt_complain(
            w, value, "at most 4 words keys=");
    }

    ngx_memzero(&s, sizeof(s));
    s.text = *value;
    s.from = *value;
    s.iss = w->issuer->policy.iss;
    s.options.rsa_alg = w->rsa_alg;
    ngx_http_wizdata_jwks_hash(w, &s);

    known = ngx_http_wizdata_jwks_known(w->jcf, s.name);
    if (known == NULL) {
        if (ngx_http_wizdata_jwks_source(w, &s) != NGX_OK) {
            return NGX_ERROR;
        }
        if (w->jcf->shared > WD_KEYSHARE_SLOTS) {
            return ngx_http_wizdata_jwt_complain(
                w, value, "at most 16 sources that are fetched, of which "
                "discovery counts twice");
        }
        known = ngx_array_push(&w->jcf->sources);
        if (known == NULL) {
            return NGX_ERROR;
        }
        *known = s;
    }
    w->auth |= known->kind == NGX_HTTP_WIZDATA_JWKS_AUTH;

    index = ngx_array_push(w->issuer->sources);
    if (index == NULL) {
        return NGX_ERROR;
    }
    *index = known - (ngx_http_wizdata_jwks_conf_t *) w->jcf->sources.elts;
    return NGX_OK;
}


/* ---- when all is read --------------------------------------------------- */

#if (NGX_HTTP_SSL)

static ngx_int_t
ngx_http_wizdata_jwt_ssl(ngx_conf_t *cf, ngx_http_wizdata_jwt_conf_t *jcf)
{
    ngx_pool_cleanup_t *cln;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_ssl_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    jcf->ssl = cln->data;
    ngx_memzero(jcf->ssl, sizeof(ngx_ssl_t));
    jcf->ssl->log = cf->log;
    if (ngx_ssl_create(jcf->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }
    cln->handler = ngx_ssl_cleanup_ctx;

    if (jcf->trusted.len == 0
        && SSL_CTX_set_default_verify_paths(jcf->ssl->ctx) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the system has no trusted "
                           "certificates: write "
                           "wizdata_jwks_trusted_certificate");
        return NGX_ERROR;
    }
    return ngx_ssl_trusted_certificate(cf, jcf->ssl, &jcf->trusted,
                                       NGX_HTTP_WIZDATA_JWT_DEPTH);
}

#endif


/* Without a resolver addresses are looked up now, and never again. */
static ngx_int_t
ngx_http_wizdata_jwks_address(ngx_conf_t *cf,
    const ngx_http_wizdata_jwks_conf_t *s, ngx_http_wizdata_get_t *get,
    const ngx_str_t *text)
{
    ngx_url_t u;

    if (get->addrs != NULL) {
        return NGX_OK;
    }

    ngx_memzero(&u, sizeof(u));
    u.url = get->authority;
    u.default_port = 443;
    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the host of \"%V\" is not found%s%s: write a host "
                      "that exists, or a resolver, in %V:%ui", text,
                      u.err ? ": " : "", u.err ? u.err : "", &s->file,
                      s->line);
        return NGX_ERROR;
    }
    get->addrs = u.addrs;
    get->naddrs = u.naddrs;
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwks_addresses(ngx_conf_t *cf,
    ngx_http_wizdata_jwt_conf_t *jcf, ngx_http_wizdata_jwks_conf_t *s)
{
    ngx_uint_t              i;
    ngx_http_wizdata_get_t *hosts;

    if (jcf->resolver != NULL || s->get.authority.len == 0) {
        return NGX_OK;
    }
    if (ngx_http_wizdata_jwks_address(cf, s, &s->get, &s->from) != NGX_OK) {
        return NGX_ERROR;
    }

    hosts = s->hosts != NULL ? s->hosts->elts : NULL;
    for (i = 0; hosts != NULL && i < s->hosts->nelts; i++) {
        if (ngx_http_wizdata_jwks_address(cf, s, &hosts[i],
                                          &hosts[i].authority)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwks_service(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf, ngx_http_wizdata_jwks_conf_t *s)
{
    if (s->kind != NGX_HTTP_WIZDATA_JWKS_AUTH
        || wmcf->services[WD_SVC_AUTH].endpoints != NULL)
    {
        return NGX_OK;
    }
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "keys=auth needs the service auth: write wizdata_service "
                  "auth with its endpoints, in %V:%ui", &s->file, s->line);
    return NGX_ERROR;
}


static void
ngx_http_wizdata_jwt_resolver(ngx_conf_t *cf,
    ngx_http_wizdata_jwt_conf_t *jcf)
{
    ngx_http_core_loc_conf_t *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    if (clcf->resolver != NULL && clcf->resolver->connections.nelts != 0) {
        jcf->resolver = clcf->resolver;
    }
    jcf->resolver_timeout = jcf->timeout;
}


ngx_int_t
ngx_http_wizdata_jwt_postconfiguration(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_str_t                     name = ngx_string("wizdata_jwks");
    ngx_uint_t                    i;
#if (NGX_HTTP_SSL)
    ngx_uint_t                    https = 0;
#endif
    ngx_http_wizdata_jwt_conf_t  *jcf = wmcf->jwt;
    ngx_http_wizdata_jwks_conf_t *s = jcf->sources.elts;

    ngx_http_wizdata_jwt_resolver(cf, jcf);
    for (i = 0; i < jcf->sources.nelts; i++) {
        if (ngx_http_wizdata_jwks_service(cf, wmcf, &s[i]) != NGX_OK
            || ngx_http_wizdata_jwks_addresses(cf, jcf, &s[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
#if (NGX_HTTP_SSL)
        https |= s[i].get.authority.len != 0;
#endif
    }

#if (NGX_HTTP_SSL)
    if (https && ngx_http_wizdata_jwt_ssl(cf, jcf) != NGX_OK) {
        return NGX_ERROR;
    }
#endif
    if (ngx_http_wizdata_roles_postconfiguration(cf, wmcf) != NGX_OK) {
        return NGX_ERROR;
    }
    if (jcf->shared == 0) {
        return NGX_OK;
    }

    jcf->zone = ngx_shared_memory_add(cf, &name,
                                      ngx_http_wizdata_jwks_zone_size(),
                                      &ngx_http_wizdata_module);
    if (jcf->zone == NULL) {
        return NGX_ERROR;
    }
    jcf->zone->init = ngx_http_wizdata_jwks_zone_init;
    return NGX_OK;
}
