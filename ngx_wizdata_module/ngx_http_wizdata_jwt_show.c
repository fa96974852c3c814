/*
 * ngx_http_wizdata_jwt_show.c - issuers of JSON Web Tokens in
 * /api/status/config: where keys come from, never a key.
 */
#include "ngx_http_wizdata_jwt.h"


static void
ngx_http_wizdata_jwt_show_texts(wd_json_t *j, const char *key,
    const wd_str_t *texts, size_t n)
{
    size_t i;

    wd_json_key(j, key);
    wd_json_arr(j);
    for (i = 0; i < n; i++) {
        wd_json_str(j, texts[i]);
    }
    wd_json_end(j);
}


/* null: the default holds. */
static void
ngx_http_wizdata_jwt_show_text(wd_json_t *j, const char *key, wd_str_t text)
{
    wd_json_key(j, key);
    if (text.len == 0) {
        wd_json_null(j);
    } else {
        wd_json_str(j, text);
    }
}


/* The query of an address may be a secret. */
static wd_str_t
ngx_http_wizdata_jwt_show_address(wd_str_t text)
{
    wd_str_t before = WD_STR("");

    (void) wd_str_split(&text, '?', &before);
    return before;
}


/* Which document says where the keys are, what it said, and what it may. */
static void
ngx_http_wizdata_jwt_show_discovery(wd_json_t *j,
    const ngx_http_wizdata_jwt_conf_t *jcf,
    const ngx_http_wizdata_jwks_conf_t *s)
{
    wd_buf_t                uri = WD_BUF_INIT;
    ngx_uint_t              i;
    ngx_http_wizdata_get_t *hosts = s->hosts->elts;

    wd_json_key(j, "document");
    wd_json_str(j, ngx_http_wizdata_jwt_view(&s->from));

    ngx_http_wizdata_discovered(jcf->zone->data, s, &uri);
    ngx_http_wizdata_jwt_show_text(
        j, "jwks_uri", ngx_http_wizdata_jwt_show_address(wd_buf_view(&uri)));
    wd_buf_done(&uri);

    wd_json_key(j, "jwks_hosts");
    wd_json_arr(j);
    for (i = 0; i < s->hosts->nelts; i++) {
        wd_json_str(j, ngx_http_wizdata_jwt_view(&hosts[i].authority));
    }
    wd_json_end(j);
}


static void
ngx_http_wizdata_jwt_show_keys(wd_json_t *j,
    const ngx_http_wizdata_jwt_conf_t *jcf,
    const ngx_http_wizdata_issuer_t *issuer)
{
    ngx_uint_t                    i, *at = issuer->sources->elts;
    ngx_http_wizdata_jwks_conf_t *s, *all = jcf->sources.elts;

    wd_json_key(j, "keys");
    wd_json_arr(j);
    for (i = 0; i < issuer->sources->nelts; i++) {
        s = &all[at[i]];
        wd_json_obj(j);
        wd_json_key(j, "source");
        wd_json_str(j, ngx_http_wizdata_jwt_show_address(
                           ngx_http_wizdata_jwt_view(&s->text)));
        wd_json_key(j, "rsa_alg");
        wd_json_z(j, s->options.rsa_alg != WD_JWA_NONE
                         ? wd_jwa(s->options.rsa_alg)->name : NULL);
        if (s->kind == NGX_HTTP_WIZDATA_JWKS_DISCOVERY) {
            ngx_http_wizdata_jwt_show_discovery(j, jcf, s);
        }
        wd_json_end(j);
    }
    wd_json_end(j);
}


static void
ngx_http_wizdata_jwt_show_issuer(wd_json_t *j,
    const ngx_http_wizdata_jwt_conf_t *jcf,
    const ngx_http_wizdata_issuer_t *issuer)
{
    size_t                 i, n;
    char                   value[256];
    const wd_jwt_policy_t *p = &issuer->policy;

    n = issuer->prefix.len != 0 ? issuer->prefix.len - 1 : 0;

    wd_json_obj(j);
    wd_json_key(j, "issuer");
    wd_json_str(j, p->iss);
    ngx_http_wizdata_jwt_show_texts(j, "audiences", p->audiences,
                                    p->n_audiences);
    ngx_http_wizdata_jwt_show_keys(j, jcf, issuer);
    wd_json_key(j, "leeway_seconds");
    wd_json_num(j, (double) p->leeway / (double) WD_NS_PER_S);
    ngx_http_wizdata_jwt_show_text(j, "name",
                                   wd_str((char *) issuer->prefix.data, n));
    ngx_http_wizdata_jwt_show_text(j, "plan", issuer->plan);
    ngx_http_wizdata_jwt_show_text(j, "plan_claim", p->plan);
    ngx_http_wizdata_jwt_show_text(j, "permissions_claim", p->permissions);

    wd_json_key(j, "roles_direct");
    wd_json_bool(j, p->roles_direct);
    ngx_http_wizdata_jwt_show_text(j, "roles_claim", p->roles);
    wd_json_key(j, "roles");
    wd_json_obj(j);
    for (i = 0; i < p->n_role_of; i++) {
        wd_str_copy(value, sizeof(value), p->role_of[i].value);
        ngx_http_wizdata_jwt_show_texts(j, value, p->role_of[i].roles,
                                        p->role_of[i].n_roles);
    }
    wd_json_end(j);

    wd_json_key(j, "grants");
    wd_json_obj(j);
    for (i = 0; i < p->n_grants; i++) {
        wd_str_copy(value, sizeof(value), p->grants[i].value);
        ngx_http_wizdata_jwt_show_texts(j, value, p->grants[i].perms,
                                        p->grants[i].n_perms);
    }
    wd_json_end(j);
    wd_json_end(j);
}


static void
ngx_http_wizdata_jwt_show_time(wd_json_t *j, const char *key, ngx_msec_t ms)
{
    wd_json_key(j, key);
    wd_json_num(j, (double) ms / 1000);
}


void
ngx_http_wizdata_jwt_show(wd_json_t *j,
    const ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_int_t                          known;
    ngx_uint_t                         i;
    ngx_http_wizdata_issuer_t         *issuers = wmcf->jwt->issuers.elts;
    const ngx_http_wizdata_jwt_conf_t *jcf = wmcf->jwt;

    wd_json_key(j, "jwt");
    wd_json_obj(j);
    wd_json_key(j, "revocation");
    wd_json_z(j, wmcf->jwt_revocation == NGX_HTTP_WIZDATA_REVOCATION_AUTH
                     ? "auth" : "off");
    wd_json_key(j, "issuers");
    wd_json_arr(j);
    for (i = 0; i < jcf->issuers.nelts; i++) {
        ngx_http_wizdata_jwt_show_issuer(j, jcf, &issuers[i]);
    }
    wd_json_end(j);

    wd_json_key(j, "roles_known");
    known = ngx_http_wizdata_roles_known(wmcf);
    if (known < 0) {
        wd_json_null(j);
    } else {
        wd_json_int(j, known);
    }

    ngx_http_wizdata_jwt_show_time(j, "jwks_refresh_seconds", jcf->refresh);
    ngx_http_wizdata_jwt_show_time(j, "jwks_refetch_seconds", jcf->refetch);
    ngx_http_wizdata_jwt_show_time(j, "jwks_wait_seconds", jcf->wait);
    ngx_http_wizdata_jwt_show_time(j, "jwks_timeout_seconds", jcf->timeout);
    ngx_http_wizdata_jwt_show_time(j, "jwks_poll_seconds", jcf->poll);
    ngx_http_wizdata_jwt_show_time(j, "jwks_rediscover_seconds",
                                   jcf->rediscover);
    ngx_http_wizdata_jwt_show_text(j, "jwks_trusted_certificate",
                                   wd_str((char *) jcf->trusted.data,
                                          jcf->trusted.len));
    wd_json_end(j);
}
