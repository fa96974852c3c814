/*
 * ngx_http_wizdata_jwt_conf.c - wizdata_jwt_issuer and the directives of key
 * sets: every word is checked when the configuration is read.
 */
#include "ngx_http_wizdata_jwt.h"
#include "ngx_http_wizdata_slots.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_JWT_AUDIENCES_MAX 8
#define NGX_HTTP_WIZDATA_JWT_GRANTS_MAX 32
#define NGX_HTTP_WIZDATA_JWT_ROLES_MAX 32
#define NGX_HTTP_WIZDATA_JWT_ROLES_OF_MAX 32 /* of one value */
#define NGX_HTTP_WIZDATA_JWT_NAME_MAX 63
#define NGX_HTTP_WIZDATA_JWT_CLAIM_MAX 255


static const ngx_http_wizdata_range_t ngx_http_wizdata_leeway_range = {
    0, WD_JWT_LEEWAY_MAX / WD_NS_PER_MS, "a time from 0 to 60s, such as 30s"};


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
    jcf->rediscover = NGX_CONF_UNSET_MSEC;
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
void
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
    ngx_conf_init_msec_value(jcf->rediscover, 3600000);
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

ngx_int_t
ngx_http_wizdata_jwt_complain(ngx_http_wizdata_jwt_words_t *w,
    const ngx_str_t *value, const char *want)
{
    ngx_conf_log_error(NGX_LOG_EMERG, w->cf, 0, "\"%V\" is not valid in "
                       "\"wizdata_jwt_issuer\": write %s", value, want);
    return NGX_ERROR;
}


wd_str_t
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
    if (!wd_name_valid(ngx_http_wizdata_jwt_view(value),
                       NGX_HTTP_WIZDATA_JWT_NAME_MAX))
    {
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
            w, value, "the name of a claim, or the steps to it, such as "
            "/realm_access/roles or realm_access.roles");
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


/*
 * value=word,word; the value may have an equals sign itself. NGX_DECLINED:
 * another form.
 */
static ngx_int_t
ngx_http_wizdata_jwt_stands_for(ngx_http_wizdata_jwt_words_t *w,
    const ngx_str_t *text, bool (*valid)(wd_str_t word), ngx_uint_t max,
    wd_str_t *ret_value, ngx_array_t **ret_words)
{
    wd_str_t     list, word, *p;
    const char  *eq, *begin = (char *) text->data;
    ngx_array_t *words;

    eq = memrchr(begin, '=', text->len);
    if (eq == NULL || eq == begin) {
        return NGX_DECLINED;
    }

    words = ngx_array_create(w->cf->pool, 2, sizeof(wd_str_t));
    if (words == NULL) {
        return NGX_ERROR;
    }

    list = wd_str(eq + 1, (size_t) (begin + text->len - eq - 1));
    while (wd_str_split(&list, ',', &word)) {
        if (!valid(word) || words->nelts == max) {
            return NGX_DECLINED;
        }
        p = ngx_array_push(words);
        if (p == NULL) {
            return NGX_ERROR;
        }
        *p = word;
    }

    *ret_value = wd_str(begin, (size_t) (eq - begin));
    *ret_words = words;
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwt_grant(ngx_http_wizdata_jwt_words_t *w, ngx_str_t *value)
{
    wd_str_t        name = WD_STR_NULL;
    ngx_int_t       rc = NGX_DECLINED;
    ngx_array_t    *perms = NULL;
    wd_jwt_grant_t *g;

    if (w->grants->nelts < NGX_HTTP_WIZDATA_JWT_GRANTS_MAX) {
        rc = ngx_http_wizdata_jwt_stands_for(w, value, wd_perm_valid,
                                             WD_PERMS_MAX, &name, &perms);
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
    g->value = name;
    g->perms = perms->elts;
    g->n_perms = perms->nelts;
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwt_role(ngx_http_wizdata_jwt_words_t *w, ngx_str_t *value)
{
    wd_str_t       name = WD_STR_NULL;
    ngx_int_t      rc = NGX_DECLINED;
    ngx_array_t   *roles = NULL;
    wd_jwt_role_t *r;

    if (w->roles->nelts < NGX_HTTP_WIZDATA_JWT_ROLES_MAX) {
        rc = ngx_http_wizdata_jwt_stands_for(
            w, value, wd_role_name_valid, NGX_HTTP_WIZDATA_JWT_ROLES_OF_MAX,
            &name, &roles);
    }
    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? rc : ngx_http_wizdata_jwt_complain(
            w, value, "at most 32 words role=VALUE=role,... with names of "
            "roles of auth, such as role=staff=reader,uploader");
    }

    r = ngx_array_push(w->roles);
    if (r == NULL) {
        return NGX_ERROR;
    }
    r->value = name;
    r->roles = roles->elts;
    r->n_roles = roles->nelts;
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwt_roles(ngx_http_wizdata_jwt_words_t *w, ngx_str_t *value)
{
    if (!wd_str_eq_z(ngx_http_wizdata_jwt_view(value), "direct")) {
        return ngx_http_wizdata_jwt_complain(
            w, value, "roles=direct, or role=VALUE=role,... for values that "
            "stand for roles");
    }
    w->issuer->policy.roles_direct = true;
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_jwt_roles_claim(ngx_http_wizdata_jwt_words_t *w,
    ngx_str_t *value)
{
    return ngx_http_wizdata_jwt_claim(w, value, &w->issuer->policy.roles);
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
    {ngx_string("role="), ngx_http_wizdata_jwt_role, 0},
    {ngx_string("roles="), ngx_http_wizdata_jwt_roles, 0},
    {ngx_string("roles_claim="), ngx_http_wizdata_jwt_roles_claim, 0},
    {ngx_string("rsa_alg="), ngx_http_wizdata_jwt_rsa_alg, 0},
    {ngx_string("jwks_host="), ngx_http_wizdata_jwt_jwks_host, 0},
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
        "permissions_claim=, grant=, role=, roles=, roles_claim=, rsa_alg= "
        "or jwks_host=");
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
        if (w->issuer->sources->nelts == 1) {
            return NGX_OK;
        }
        /* Whoever has the other keys would be any user, or the operator. */
        ngx_conf_log_error(NGX_LOG_EMERG, w->cf, 0, "tokens of other keys "
                           "would be taken for users of auth: write keys=auth "
                           "alone and the others in an issuer of their own, "
                           "or name=");
        return NGX_ERROR;
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

    if (w->jwks_hosts->nelts != 0 && !w->discovery) {
        ngx_conf_log_error(NGX_LOG_EMERG, w->cf, 0, "jwks_host= is of no use "
                           "without keys=discovery: write that, or leave it "
                           "out");
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
    p->role_of = w->roles->elts;
    p->n_role_of = w->roles->nelts;
    if (p->roles.len != 0 && !wd_jwt_policy_has_roles(p)) {
        ngx_conf_log_error(NGX_LOG_EMERG, w->cf, 0, "roles_claim= is of no "
                           "use alone: write role= or roles=direct, too");
        return NGX_ERROR;
    }
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
    w->roles = ngx_array_create(cf->pool, 2, sizeof(wd_jwt_role_t));
    w->jwks_hosts = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
    if (w->issuer == NULL || w->audiences == NULL || w->grants == NULL
        || w->roles == NULL || w->jwks_hosts == NULL)
    {
        return NGX_ERROR;
    }

    ngx_memzero(w->issuer, sizeof(*w->issuer));
    w->issuer->policy.iss = ngx_http_wizdata_jwt_view(&value[1]);
    w->issuer->plan = WD_STR("default");
    w->issuer->file = cf->conf_file->file.name;
    w->issuer->line = cf->conf_file->line;
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
