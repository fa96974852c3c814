/*
 * ngx_http_wizdata_meta.h - the parts of a response beside its body, checked
 * as strictly as docs/PROTOCOL.md describes them.
 */
#ifndef NGX_HTTP_WIZDATA_META_H
#define NGX_HTTP_WIZDATA_META_H

#include "wd_frame.h"

/* Views point into the frame. */
typedef struct {
    wd_str_t type; /* .len 0: not given */
    wd_str_t etag;
    wd_str_t next; /* cursor of the next page */
    int64_t  len; /* -1: unknown */
    int64_t  ttl; /* seconds; 0: not given */
    wd_str_t tags; /* MessagePack of the array; .len 0: not given */
    wd_str_t param; /* of an error's detail */
    int64_t  retry; /* 0: not given */
} ngx_http_wizdata_meta_t;

/* WD_OK, or WD_EPROTO when a key that we know has another type. */
int ngx_http_wizdata_meta_read(const wd_frame_t *f,
                               ngx_http_wizdata_meta_t *ret);

#endif /* NGX_HTTP_WIZDATA_META_H */
