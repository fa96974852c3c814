/*
 * ngx_http_wizdata_slots.h - setters of directives whose values have a range,
 * and say what to write when a value is outside of it.
 */
#ifndef NGX_HTTP_WIZDATA_SLOTS_H
#define NGX_HTTP_WIZDATA_SLOTS_H

#include <ngx_config.h>
#include <ngx_core.h>

/* Stands in the `post` field of a command. */
typedef struct {
    int64_t     min;
    int64_t     max;
    const char *want; /* "a size from 256k to 64g, such as 4m" */
} ngx_http_wizdata_range_t;

/* As ngx_conf_set_size_slot() and its kin; `post` is the range. */
char *ngx_http_wizdata_slot_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_slot_msec(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_slot_num(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * The same for one word of a directive with many. NGX_ERROR: the word is no
 * such value; it was said what to write instead.
 */
ngx_int_t ngx_http_wizdata_word_size(ngx_conf_t *cf, const ngx_str_t *word,
    const ngx_http_wizdata_range_t *range, size_t *ret);
ngx_int_t ngx_http_wizdata_word_msec(ngx_conf_t *cf, const ngx_str_t *word,
    const ngx_http_wizdata_range_t *range, ngx_msec_t *ret);
ngx_int_t ngx_http_wizdata_word_num(ngx_conf_t *cf, const ngx_str_t *word,
    const ngx_http_wizdata_range_t *range, ngx_uint_t *ret);

#endif /* NGX_HTTP_WIZDATA_SLOTS_H */
