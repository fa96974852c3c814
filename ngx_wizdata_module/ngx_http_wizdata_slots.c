/*
 * ngx_http_wizdata_slots.c - values of directives, checked against a range.
 */
#include "ngx_http_wizdata_slots.h"


/* cf->args->elts[0] is the directive. */
static ngx_int_t
ngx_http_wizdata_word_refuse(ngx_conf_t *cf, const ngx_str_t *word,
    const ngx_http_wizdata_range_t *range)
{
    ngx_str_t *name = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is not valid in \"%V\": write %s",
                       word, name, range->want);
    return NGX_ERROR;
}


static ngx_uint_t
ngx_http_wizdata_in_range(const ngx_http_wizdata_range_t *range, int64_t n)
{
    return n >= range->min && n <= range->max;
}


ngx_int_t
ngx_http_wizdata_word_size(ngx_conf_t *cf, const ngx_str_t *word,
    const ngx_http_wizdata_range_t *range, size_t *ret)
{
    off_t     n;
    ngx_str_t text = *word;

    n = ngx_parse_offset(&text); /* takes g, too */
    if (n == NGX_ERROR || !ngx_http_wizdata_in_range(range, n)) {
        return ngx_http_wizdata_word_refuse(cf, word, range);
    }
    *ret = (size_t) n;
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_word_msec(ngx_conf_t *cf, const ngx_str_t *word,
    const ngx_http_wizdata_range_t *range, ngx_msec_t *ret)
{
    ngx_int_t n;
    ngx_str_t text = *word;

    n = ngx_parse_time(&text, 0);
    if (n == NGX_ERROR || !ngx_http_wizdata_in_range(range, n)) {
        return ngx_http_wizdata_word_refuse(cf, word, range);
    }
    *ret = (ngx_msec_t) n;
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_word_num(ngx_conf_t *cf, const ngx_str_t *word,
    const ngx_http_wizdata_range_t *range, ngx_uint_t *ret)
{
    ngx_int_t n;

    n = ngx_atoi(word->data, word->len);
    if (n == NGX_ERROR || !ngx_http_wizdata_in_range(range, n)) {
        return ngx_http_wizdata_word_refuse(cf, word, range);
    }
    *ret = (ngx_uint_t) n;
    return NGX_OK;
}


char *
ngx_http_wizdata_slot_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    size_t    *field = (size_t *) (void *) ((char *) conf + cmd->offset);
    ngx_str_t *value = cf->args->elts;

    if (*field != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }
    return ngx_http_wizdata_word_size(cf, &value[1], cmd->post, field)
                   == NGX_OK
               ? NGX_CONF_OK
               : NGX_CONF_ERROR;
}


char *
ngx_http_wizdata_slot_msec(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value = cf->args->elts;
    ngx_msec_t *field = (ngx_msec_t *) (void *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }
    return ngx_http_wizdata_word_msec(cf, &value[1], cmd->post, field)
                   == NGX_OK
               ? NGX_CONF_OK
               : NGX_CONF_ERROR;
}


char *
ngx_http_wizdata_slot_num(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value = cf->args->elts;
    ngx_uint_t *field = (ngx_uint_t *) (void *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }
    return ngx_http_wizdata_word_num(cf, &value[1], cmd->post, field)
                   == NGX_OK
               ? NGX_CONF_OK
               : NGX_CONF_ERROR;
}
