/*
 * ngx_http_wizdata_jwt_conf.c - wizdata_jwt_issuer and the directives of key
 * sets: every word is checked when the configuration is read, and so are the
 * files it names.
 */
#include "ngx_http_wizdata_jwt.h"
#include "ngx_http_wizdata_slots.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_JWT_AUDIENCES_MAX 8
#define NGX_HTTP_WIZDATA_JWT_GRANTS_MAX 32
#define NGX_HTTP_WIZDATA_JWT_SOURCES_MAX 4 /* of one issuer */
#define NGX_HTTP_WIZDATA_JWT_NAME_MAX 63
#define NGX_HTTP_WIZDATA_JWT_CLAIM_MAX 255
#define NGX_HTTP_WIZDATA_JWT_DEPTH 8 /* of a chain of certificates */


static const ngx_http_wizdata_range_t ngx_http_wizdata_leeway_range = {
    0, WD_JWT_LEEWAY_MAX / WD_NS_PER_MS, "a time from 0 to 60s, such as 30s"};


/* An issuer while its words are read. */
typedef struct {
    ngx_conf_t                  *cf;
    ngx_http_wizdata_jwt_conf_t *jcf;
    ngx_http_wizdata_issuer_t   *issuer;
    ngx_array_t                 *audiences; /* of wd_str_t */
    ngx_array_t                 *grants; /* of wd_jwt_grant_t */
    ngx_str_t                    name;
    wd_jwa_e                     rsa_alg;
    ngx_msec_t                   leeway;
    ngx_uint_t                   auth; /* one of the sources is auth */
} ngx_http_wizdata_jwt_words_t;


typedef struct {
    ngx_str_t   word; /* "audience=" */
    ngx_int_t (*read)(ngx_http_wizdata_jwt_words_t *w, ngx_str_t *value);
    ngx_uint_t  late; /* after all others */
} ngx_http_wizdata_jwt_word_t;


ngx_int_t
ngx_http_wizdata_jwt_create_conf(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_http_wizdata_jwt_conf_t *jcf;

    jcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_wizdata_jwt_conf_t));
    if (jcf == NULL
        || ngx_array_init(&jcf->issuers, cf->pool, 2,
                          sizeof(ngx_http_wizdata_issuer_t)) != NGX_OK
        || ngx_array_init(&jcf->sources, cf->pool, 2,
                          sizeof(ngx_http_wizdata_jwks_conf_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    jcf->refresh = NGX_CONF_UNSET_MSEC;
    jcf->refetch = NGX_CONF_UNSET_MSEC;
    jcf->wait = NGX_CONF_UNSET_MSEC;
    jcf->timeout = NGX_CONF_UNSET_MSEC;
    jcf->poll = NGX_CONF_UNSET_MSEC;
    wmcf->jwt = jcf;
    return NGX_OK;
}


uint64_t
ngx_http_wizdata_jwt_policy(const ngx_http_wizdata_main_conf_t *wmcf)
{
    uint64_t policy;

    ngx_memcpy(&policy, wmcf->jwt->policy, sizeof(policy));
    return policy;
}


/* One more text becomes part of it. */
static void
ngx_http_wizdata_jwt_policy_add(ngx_http_wizdata_jwt_conf_t *jcf,
    const ngx_str_t *text)
{
    u_char both[2 * NGX_HTTP_WIZDATA_JWT_POLICY];

    ngx_memcpy(both, jcf->policy, sizeof(jcf->policy));
    (void) crypto_generichash(both + sizeof(jcf->policy), sizeof(jcf->policy),
                              text->data, text->len, NULL, 0);
    (void) crypto_generichash(jcf->policy, sizeof(jcf->policy), both,
                              sizeof(both), NULL, 0);
}


void
ngx_http_wizdata_jwt_init_conf(ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_http_wizdata_jwt_conf_t *jcf = wmcf->jwt;

    ngx_conf_init_msec_value(jcf->refresh, 300000);
    ngx_conf_init_msec_value(jcf->refetch, 10000);
    ngx_conf_init_msec_value(jcf->wait, 3000);
    ngx_conf_init_msec_value(jcf->timeout, 5000);
    ngx_conf_init_msec_value(jcf->poll, 1000);
}


char *
ngx_http_wizdata_conf_jwks_msec(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    return ngx_http_wizdata_slot_msec(cf, cmd, wmcf->jwt);
}


char *
ngx_http_wizdata_conf_jwks_trusted(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                    *value = cf->args->elts;
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    if (wmcf->jwt->trusted.len != 0) {
        return "is duplicate";
    }
    wmcf->jwt->trusted = value[1];
    return ngx_conf_full_name(cf->cycle, &wmcf->jwt->trusted, 1) == NGX_OK
               ? NGX_CONF_OK
               : NGX_CONF_ERROR;
}


/* ---- words -------------------------------------------------------------- */

static ngx_int_t
ngx_http_wizdata_jwt_complain(ngx_http_wizdata_jwt_words_t *w,
    const ngx_str_t *value, const char *want)
{
    ngx_conf_log_error(NGX_LOG_EMERG, w->cf, 0, "\"%V\" is not valid in "
                       "\"wizdata_jwt_issuer\": write %s", value, want);
    return NGX_ERROR;
}


static wd_str_t
ngx_http_wizdata_jwt_view(const ngx_str_t *s)
{
    return wd_str((char *) s->data, s->len);
}


static ngx_int_t
ngx_http_wizdata_jwt_audience(ngx_http_wizdata_jwt_words_t *w,
    ngx_str_t *value)
{
    wd_str_t *a;

    if (!wd_jobj_printable(ngx_http_wizdata_jwt_view(value), WD_JWT_ISS_MAX)
        || w->audiences->nelts == NGX_HTTP_WIZDATA_JWT_AUDIENCES_MAX)
    {
        return ngx_http_wizdata_jwt_complain(
            w, value, "1 to 8 words audience= with the text of a token's "
            "aud, such as audience=wizdata");
    }

    a = ngx_array_push(w->audiences);
    if (a == NULL) {
        return NGX_ERROR;
    }
    *a = ngx_http_wizdata_jwt_view(value);
    return NGX_OK;
}


/* It becomes part of principals, before a colon. */
static ngx_int_t
ngx_http_wizdata_jwt_name(ngx_http_wizdata_jwt_words_t *w, ngx_str_t *value)
{
    size_t i;
    u_char c;

    for (i = 0; i < value->len; i++) {
        c = value->data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'))
        {
            break;
        }
    }

    if (i == 0 || i != value->len || i > NGX_HTTP_WIZDATA_JWT_NAME_MAX) {
        return ngx_http_wizdata_jwt_complain(
            w, value, "1 to 63 letters, digits, dots, dashes and "
            "underscores, such as name=login");
    }

    /* The principals of auth are user:1, user:2 and so on. */
    if (wd_str_eq(ngx_http_wizdata_jwt_view(value), WD_STR("user"))) {
        return ngx_http_wizdata_jwt_complain(
            w, value, "name= with another name than auth's own principals "
            "have, such as name=login");
    }
    w->name = *value;
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwt_leeway(ngx_http_wizdata_jwt_words_t *w, ngx_str_t *value)
{
    return ngx_http_wizdata_word_msec(w->cf, value,
                                      &ngx_http_wizdata_leeway_range,
                                      &w->leeway);
}


static ngx_int_t
ngx_http_wizdata_jwt_default_plan(ngx_http_wizdata_jwt_words_t *w,
    ngx_str_t *value)
{
    if (!wd_jobj_printable(ngx_http_wizdata_jwt_view(value), WD_PLAN_MAX)) {
        return ngx_http_wizdata_jwt_complain(
            w, value, "the name of a plan, 1 to 32 characters, such as "
            "plan=free");
    }
    w->issuer->plan = ngx_http_wizdata_jwt_view(value);
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwt_claim(ngx_http_wizdata_jwt_words_t *w, ngx_str_t *value,
    wd_str_t *ret)
{
    if (!wd_jobj_printable(ngx_http_wizdata_jwt_view(value),
                           NGX_HTTP_WIZDATA_JWT_CLAIM_MAX))
    {
        return ngx_http_wizdata_jwt_complain(
            w, value, "the name of a claim, or the steps to it behind "
            "slashes, such as /realm_access/roles");
    }
    *ret = ngx_http_wizdata_jwt_view(value);
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwt_plan_claim(ngx_http_wizdata_jwt_words_t *w,
    ngx_str_t *value)
{
    return ngx_http_wizdata_jwt_claim(w, value, &w->issuer->policy.plan);
}


static ngx_int_t
ngx_http_wizdata_jwt_permissions_claim(ngx_http_wizdata_jwt_words_t *w,
    ngx_str_t *value)
{
    return ngx_http_wizdata_jwt_claim(w, value,
                                      &w->issuer->policy.permissions);
}


static ngx_int_t
ngx_http_wizdata_jwt_grant_perms(ngx_http_wizdata_jwt_words_t *w,
    wd_str_t list, ngx_array_t *perms)
{
    wd_str_t perm, *p;

    while (wd_str_split(&list, ',', &perm)) {
        if (!wd_perm_valid(perm) || perms->nelts == WD_PERMS_MAX) {
            return NGX_DECLINED;
        }
        p = ngx_array_push(perms);
        if (p == NULL) {
            return NGX_ERROR;
        }
        *p = perm;
    }
    return NGX_OK;
}


/* value=permission,permission; the value may have an equals sign itself. */
static ngx_int_t
ngx_http_wizdata_jwt_grant(ngx_http_wizdata_jwt_words_t *w, ngx_str_t *value)
{
    const char     *eq;
    ngx_int_t       rc = NGX_DECLINED;
    ngx_array_t    *perms;
    wd_jwt_grant_t *g;

    perms = ngx_array_create(w->cf->pool, 2, sizeof(wd_str_t));
    if (perms == NULL) {
        return NGX_ERROR;
    }

    eq = memrchr(value->data, '=', value->len);
    if (eq != NULL && eq != (char *) value->data
        && w->grants->nelts < NGX_HTTP_WIZDATA_JWT_GRANTS_MAX)
    {
        rc = ngx_http_wizdata_jwt_grant_perms(
            w, wd_str(eq + 1, (size_t) ((char *) value->data + value->len
                                        - eq - 1)), perms);
    }
    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? rc : ngx_http_wizdata_jwt_complain(
            w, value, "at most 32 words grant=VALUE=permission,... such as "
            "grant=reader=bars:read,quotes:read");
    }

    g = ngx_array_push(w->grants);
    if (g == NULL) {
        return NGX_ERROR;
    }
    g->value = wd_str((char *) value->data,
                      (size_t) (eq - (char *) value->data));
    g->perms = perms->elts;
    g->n_perms = perms->nelts;
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwt_rsa_alg(ngx_http_wizdata_jwt_words_t *w,
    ngx_str_t *value)
{
    w->rsa_alg = wd_jwa_find(ngx_http_wizdata_jwt_view(value));
    if (w->rsa_alg == WD_JWA_NONE
        || ngx_strcmp(wd_jwa(w->rsa_alg)->kty, "RSA") != 0)
    {
        return ngx_http_wizdata_jwt_complain(
            w, value, "one of RS256, RS384, RS512, PS256, PS384 and PS512");
    }
    return NGX_OK;
}


/* ---- sources of keys ---------------------------------------------------- */

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
    ngx_http_wizdata_jwks_conf_t *s)
{
    u_char *p = s->authority.data, *end = p + s->authority.len, *last;

    if (p != end && *p == '[') {
        last = ngx_strlchr(++p, end, ']');
    } else {
        last = ngx_strlchr(p, end, ':');
        last = last != NULL ? last : end;
    }
    if (last == NULL || last == p) {
        return NGX_ERROR;
    }

    s->host.len = last - p;
    s->host.data = ngx_pnalloc(w->cf->pool, s->host.len + 1);
    if (s->host.data == NULL) {
        return NGX_ERROR;
    }
    ngx_cpystrn(s->host.data, p, s->host.len + 1);
    return NGX_OK;
}


/* "//host[:port][/path]"; addresses of names are looked up later. */
static ngx_int_t
ngx_http_wizdata_jwks_https(ngx_http_wizdata_jwt_words_t *w,
    ngx_http_wizdata_jwks_conf_t *s, wd_str_t rest)
{
    size_t    i;
    ngx_url_t u;
    wd_str_t  authority, at = wd_str(rest.data + 2, rest.len - 2);

    for (i = 0; i < at.len; i++) {
        if ((u_char) at.data[i] <= ' ' || (u_char) at.data[i] >= 0x7f
            || at.data[i] == '#' || at.data[i] == '@')
        {
            goto invalid;
        }
    }

    s->kind = NGX_HTTP_WIZDATA_JWKS_HTTPS;
    s->options.public = true;
    s->file = w->cf->conf_file->file.name;
    s->line = w->cf->conf_file->line;

    if (!wd_str_split(&at, '/', &authority) || authority.len == 0
        || memchr(authority.data, '?', authority.len) != NULL)
    {
        goto invalid;
    }
    s->authority.data = (u_char *) authority.data;
    s->authority.len = authority.len;
    ngx_str_set(&s->uri, "/");
    if (at.data != NULL) {
        s->uri.data = (u_char *) at.data - 1;
        s->uri.len = at.len + 1;
    }

    ngx_memzero(&u, sizeof(u));
    u.url = s->authority;
    u.default_port = 443;
    u.no_resolve = 1;
    if (ngx_parse_url(w->cf->pool, &u) != NGX_OK || u.family == AF_UNIX
        || ngx_http_wizdata_jwks_host(w, s) != NGX_OK)
    {
        goto invalid;
    }

    s->port = u.port;
    s->addrs = u.naddrs != 0 ? u.addrs : NULL;
    s->naddrs = u.naddrs;
    w->jcf->shared++;
    return NGX_OK;

invalid:

    return ngx_http_wizdata_jwt_complain(
        w, &s->text, "keys=https://host/path, such as "
        "keys=https://login.example.com/.well-known/jwks.json");
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
        w, &s->text, "keys=auth, keys=file:/path, keys=pem:KID:ALG:/path or "
        "keys=https://host/path");
}


/* The same source with the same meaning is read once for all issuers. */
static void
ngx_http_wizdata_jwks_hash(ngx_http_wizdata_jwks_conf_t *s)
{
    u_char                   alg = (u_char) s->options.rsa_alg;
    crypto_generichash_state st;

    (void) crypto_generichash_init(&st, NULL, 0, sizeof(s->name));
    (void) crypto_generichash_update(&st, &alg, 1);
    (void) crypto_generichash_update(&st, s->text.data, s->text.len);
    (void) crypto_generichash_final(&st, s->name, sizeof(s->name));
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


static ngx_int_t
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
    s.options.rsa_alg = w->rsa_alg;
    ngx_http_wizdata_jwks_hash(&s);

    known = ngx_http_wizdata_jwks_known(w->jcf, s.name);
    if (known == NULL) {
        if (ngx_http_wizdata_jwks_source(w, &s) != NGX_OK) {
            return NGX_ERROR;
        }
        if (w->jcf->shared > WD_KEYSHARE_SLOTS) {
            return ngx_http_wizdata_jwt_complain(
                w, value, "at most 16 sources that are fetched");
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


/* ---- the directive ------------------------------------------------------ */

static const ngx_http_wizdata_jwt_word_t ngx_http_wizdata_jwt_words[] = {
    {ngx_string("audience="), ngx_http_wizdata_jwt_audience, 0},
    {ngx_string("name="), ngx_http_wizdata_jwt_name, 0},
    {ngx_string("leeway="), ngx_http_wizdata_jwt_leeway, 0},
    {ngx_string("plan="), ngx_http_wizdata_jwt_default_plan, 0},
    {ngx_string("plan_claim="), ngx_http_wizdata_jwt_plan_claim, 0},
    {ngx_string("permissions_claim="),
     ngx_http_wizdata_jwt_permissions_claim, 0},
    {ngx_string("grant="), ngx_http_wizdata_jwt_grant, 0},
    {ngx_string("rsa_alg="), ngx_http_wizdata_jwt_rsa_alg, 0},
    {ngx_string("keys="), ngx_http_wizdata_jwt_keys, 1},
};


static ngx_int_t
ngx_http_wizdata_jwt_word(ngx_http_wizdata_jwt_words_t *w, ngx_str_t *word,
    ngx_uint_t late)
{
    ngx_str_t                          value;
    ngx_uint_t                         i;
    const ngx_http_wizdata_jwt_word_t *known;

    for (i = 0; i < wd_array_len(ngx_http_wizdata_jwt_words); i++) {
        known = &ngx_http_wizdata_jwt_words[i];
        if (word->len < known->word.len
            || ngx_strncmp(word->data, known->word.data, known->word.len)
               != 0)
        {
            continue;
        }
        if (known->late != late) {
            return NGX_OK;
        }
        value.data = word->data + known->word.len;
        value.len = word->len - known->word.len;
        return known->read(w, &value);
    }

    return ngx_http_wizdata_jwt_complain(
        w, word, "audience=, keys=, name=, leeway=, plan=, plan_claim=, "
        "permissions_claim=, grant= or rsa_alg=");
}


/*
 * Principals of auth are its own and stay as they are; those of others get a
 * name and a colon before them, by default the host of the issuer's URL.
 */
static ngx_int_t
ngx_http_wizdata_jwt_prefix(ngx_http_wizdata_jwt_words_t *w)
{
    wd_str_t   iss = w->issuer->policy.iss, host;
    ngx_str_t *p = &w->issuer->prefix;

    if (w->auth && w->name.len == 0) {
        return NGX_OK;
    }

    if (w->name.len == 0) {
        if (!wd_str_starts(iss, "https://")) {
            return NGX_DECLINED;
        }
        iss = wd_str(iss.data + 8, iss.len - 8);
        (void) wd_str_split(&iss, '/', &host);
        (void) wd_str_split(&host, ':', &iss);
        w->name.data = (u_char *) iss.data;
        w->name.len = iss.len;
        if (ngx_http_wizdata_jwt_name(w, &w->name) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    p->len = w->name.len + 1;
    p->data = ngx_pnalloc(w->cf->pool, p->len);
    if (p->data == NULL) {
        return NGX_ERROR;
    }
    ngx_memcpy(p->data, w->name.data, w->name.len);
    p->data[w->name.len] = ':';
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwt_unique(ngx_http_wizdata_jwt_words_t *w)
{
    ngx_uint_t                 i;
    ngx_http_wizdata_issuer_t *other = w->jcf->issuers.elts;

    for (i = 0; i < w->jcf->issuers.nelts; i++) {
        if (&other[i] == w->issuer) {
            continue;
        }
        if (wd_str_eq(other[i].policy.iss, w->issuer->policy.iss)) {
            ngx_conf_log_error(NGX_LOG_EMERG, w->cf, 0, "the issuer is there "
                               "already: write one wizdata_jwt_issuer with "
                               "all its words");
            return NGX_ERROR;
        }
        if (other[i].prefix.len == w->issuer->prefix.len
            && ngx_memcmp(other[i].prefix.data, w->issuer->prefix.data,
                          other[i].prefix.len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, w->cf, 0, "two issuers would "
                               "share principals: write name= with another "
                               "name");
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwt_finish(ngx_http_wizdata_jwt_words_t *w)
{
    ngx_int_t        rc;
    wd_jwt_policy_t *p = &w->issuer->policy;

    if (w->audiences->nelts == 0 || w->issuer->sources->nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, w->cf, 0, "\"wizdata_jwt_issuer\" "
                           "needs audience= and keys=, such as "
                           "audience=wizdata keys=auth");
        return NGX_ERROR;
    }

    rc = ngx_http_wizdata_jwt_prefix(w);
    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, w->cf, 0, "the issuer is no https "
                           "URL to take a name from: write name=");
    }
    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    p->audiences = w->audiences->elts;
    p->n_audiences = w->audiences->nelts;
    p->grants = w->grants->elts;
    p->n_grants = w->grants->nelts;
    p->leeway = (wd_ns_t) w->leeway * WD_NS_PER_MS;
    return ngx_http_wizdata_jwt_unique(w);
}


static ngx_int_t
ngx_http_wizdata_jwt_begin(ngx_http_wizdata_jwt_words_t *w, ngx_conf_t *cf,
    ngx_http_wizdata_jwt_conf_t *jcf)
{
    ngx_str_t *value = cf->args->elts;

    ngx_memzero(w, sizeof(*w));
    w->cf = cf;
    w->jcf = jcf;
    w->leeway = 30000;

    if (!wd_jobj_printable(ngx_http_wizdata_jwt_view(&value[1]),
                           WD_JWT_ISS_MAX)
        || jcf->issuers.nelts == NGX_HTTP_WIZDATA_JWT_ISSUERS_MAX)
    {
        return ngx_http_wizdata_jwt_complain(
            w, &value[1], "at most 16 issuers, each by the text of its "
            "tokens' iss");
    }

    w->issuer = ngx_array_push(&jcf->issuers);
    w->audiences = ngx_array_create(cf->pool, 2, sizeof(wd_str_t));
    w->grants = ngx_array_create(cf->pool, 2, sizeof(wd_jwt_grant_t));
    if (w->issuer == NULL || w->audiences == NULL || w->grants == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(w->issuer, sizeof(*w->issuer));
    w->issuer->policy.iss = ngx_http_wizdata_jwt_view(&value[1]);
    w->issuer->plan = WD_STR("default");
    w->issuer->sources = ngx_array_create(cf->pool, 2, sizeof(ngx_uint_t));
    return w->issuer->sources != NULL ? NGX_OK : NGX_ERROR;
}


char *
ngx_http_wizdata_conf_jwt_issuer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                    *value = cf->args->elts;
    ngx_uint_t                    i, late;
    ngx_http_wizdata_jwt_words_t  w;
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    if (sodium_init() == -1
        || ngx_http_wizdata_jwt_begin(&w, cf, wmcf->jwt) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < cf->args->nelts; i++) {
        ngx_http_wizdata_jwt_policy_add(wmcf->jwt, &value[i]);
    }

    for (late = 0; late < 2; late++) {
        for (i = 2; i < cf->args->nelts; i++) {
            if (ngx_http_wizdata_jwt_word(&w, &value[i], late) != NGX_OK) {
                return NGX_CONF_ERROR;
            }
        }
    }
    return ngx_http_wizdata_jwt_finish(&w) == NGX_OK ? NGX_CONF_OK
                                                     : NGX_CONF_ERROR;
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
ngx_http_wizdata_jwks_addresses(ngx_conf_t *cf,
    ngx_http_wizdata_jwt_conf_t *jcf, ngx_http_wizdata_jwks_conf_t *s)
{
    ngx_url_t u;

    if (s->kind != NGX_HTTP_WIZDATA_JWKS_HTTPS || s->addrs != NULL
        || jcf->resolver != NULL)
    {
        return NGX_OK;
    }

    ngx_memzero(&u, sizeof(u));
    u.url = s->authority;
    u.default_port = 443;
    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the host of \"%V\" is not found%s%s: write a host "
                      "that exists, or a resolver, in %V:%ui", &s->text,
                      u.err ? ": " : "", u.err ? u.err : "", &s->file,
                      s->line);
        return NGX_ERROR;
    }
    s->addrs = u.addrs;
    s->naddrs = u.naddrs;
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
        https |= s[i].kind == NGX_HTTP_WIZDATA_JWKS_HTTPS;
#endif
    }

#if (NGX_HTTP_SSL)
    if (https && ngx_http_wizdata_jwt_ssl(cf, jcf) != NGX_OK) {
        return NGX_ERROR;
    }
#endif
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
