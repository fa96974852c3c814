/*
 * ngx_http_wizdata_meta.c - reads the meta of a result and the detail of an
 * error.
 */
#include "ngx_http_wizdata_meta.h"


static int
ngx_http_wizdata_meta_tags(wd_mp_t *c, wd_str_t *ret)
{
    uint32_t n;
    wd_str_t tag;
    wd_mp_t  from = *c;

    if (wd_mp_read_array(c, &n) != WD_OK) {
        return WD_EPROTO;
    }
    while (n-- != 0) {
        if (wd_mp_read_str(c, &tag) != WD_OK) {
            return WD_EPROTO;
        }
    }
    *ret = wd_str((const char *) from.p, (size_t) (c->p - from.p));
    return WD_OK;
}


static int
ngx_http_wizdata_meta_positive(wd_mp_t *c, int64_t *ret)
{
    if (wd_mp_read_int(c, ret) != WD_OK || *ret < 0) {
        return WD_EPROTO;
    }
    return WD_OK;
}


static int
ngx_http_wizdata_meta_pair(wd_mp_t *c, wd_str_t key,
    ngx_http_wizdata_meta_t *ret)
{
    if (wd_str_eq(key, WD_STR("ttl"))) {
        return ngx_http_wizdata_meta_positive(c, &ret->ttl);
    }
    if (wd_str_eq(key, WD_STR("tags"))) {
        return ngx_http_wizdata_meta_tags(c, &ret->tags);
    }
    if (wd_str_eq(key, WD_STR("etag"))) {
        return wd_mp_read_str(c, &ret->etag);
    }
    if (wd_str_eq(key, WD_STR("type"))) {
        return wd_mp_read_str(c, &ret->type);
    }
    if (wd_str_eq(key, WD_STR("len"))) {
        return ngx_http_wizdata_meta_positive(c, &ret->len);
    }
    if (wd_str_eq(key, WD_STR("next"))) {
        return wd_mp_read_str(c, &ret->next);
    }
    return wd_mp_skip(c); /* `more` was read with the frame */
}


static int
ngx_http_wizdata_meta_detail_pair(wd_mp_t *c, wd_str_t key,
    ngx_http_wizdata_meta_t *ret)
{
    if (wd_str_eq(key, WD_STR("param"))) {
        return wd_mp_read_str(c, &ret->param);
    }
    if (wd_str_eq(key, WD_STR("retry"))) {
        return ngx_http_wizdata_meta_positive(c, &ret->retry);
    }
    return wd_mp_skip(c);
}


int
ngx_http_wizdata_meta_read(const wd_frame_t *f, ngx_http_wizdata_meta_t *ret)
{
    int      rc;
    uint32_t i, n = 0;
    wd_str_t key, map;
    wd_mp_t  c;

    memset(ret, 0, sizeof(*ret));
    ret->len = -1;

    map = f->code == WD_OK ? f->meta : f->detail;
    c = wd_mp(map.data, map.len);
    if (map.len != 0 && wd_mp_read_map(&c, &n) != WD_OK) {
        return WD_EPROTO;
    }

    for (i = 0; i < n; i++) {
        if (wd_mp_read_str(&c, &key) != WD_OK) {
            return WD_EPROTO;
        }
        rc = f->code == WD_OK
                 ? ngx_http_wizdata_meta_pair(&c, key, ret)
                 : ngx_http_wizdata_meta_detail_pair(&c, key, ret);
        if (rc != WD_OK) {
            return WD_EPROTO;
        }
    }
    return WD_OK;
}
