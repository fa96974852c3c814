/*
 * ngx_http_wizdata_secrets.c - keeps credentials out of nginx's own messages.
 *
 * nginx logs both lines of an Authorization header that is sent twice, with
 * what stands in them. A handler of ours takes the place of its own: the
 * answer is the same, the message has no value in it.
 */
#include "ngx_http_wizdata.h"


static ngx_int_t
ngx_http_wizdata_authorization(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_uint_t offset)
{
    if (r->headers_in.authorization == NULL) {
        r->headers_in.authorization = h;
#if (nginx_version >= 1023000)
        h->next = NULL;
#endif
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client sent Authorization twice");
    ngx_http_finalize_request(r, NGX_HTTP_BAD_REQUEST);
    return NGX_ERROR;
}


/* The place of a name in a hash of nginx, which only reads it. */
static ngx_hash_elt_t *
ngx_http_wizdata_hash_place(ngx_hash_t *hash, ngx_str_t *name)
{
    ngx_uint_t      key = ngx_hash_key(name->data, name->len);
    ngx_hash_elt_t *elt = hash->buckets[key % hash->size];

    while (elt != NULL && elt->value != NULL) {
        if (elt->len == name->len
            && ngx_memcmp(elt->name, name->data, name->len) == 0)
        {
            return elt;
        }
        elt = (ngx_hash_elt_t *) ngx_align_ptr(&elt->name[0] + elt->len,
                                               sizeof(void *));
    }
    return NULL;
}


/* The hash is of this configuration; nginx's table of headers is not. */
ngx_int_t
ngx_http_wizdata_secrets_init(ngx_conf_t *cf)
{
    ngx_str_t                  name = ngx_string("authorization");
    ngx_hash_elt_t            *elt;
    ngx_http_header_t         *ours;
    ngx_http_core_main_conf_t *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    elt = ngx_http_wizdata_hash_place(&cmcf->headers_in_hash, &name);
    if (elt == NULL) {
        return NGX_OK; /* not one of this nginx's, so not logged by it */
    }

    ours = ngx_palloc(cf->pool, sizeof(ngx_http_header_t));
    if (ours == NULL) {
        return NGX_ERROR;
    }
    *ours = *(ngx_http_header_t *) elt->value;
    ours->handler = ngx_http_wizdata_authorization;
    elt->value = ours;
    return NGX_OK;
}
