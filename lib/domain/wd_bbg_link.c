/*
 * wd_bbg_link.c - what a link may be, and where it leads.
 */
#include "wd_bbg_link.h"


static bool
is_link_char(char c)
{
    return c > ' ' && c <= '~' && memchr("\"<>\\^`{|}#", c, 10) == NULL;
}


bool
wd_bbg_link_ok(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (!is_link_char(s.data[i])) {
            return false;
        }
    }
    return s.len <= WD_BBG_URL_MAX && memmem(s.data, s.len, "..", 2) == NULL;
}


wd_str_t
wd_bbg_without_query(wd_str_t s)
{
    const char *q = s.len != 0 ? memchr(s.data, '?', s.len) : NULL;

    return q != NULL ? wd_str(s.data, (size_t) (q - s.data)) : s;
}


static wd_str_t
folder(wd_str_t path)
{
    path = wd_bbg_without_query(path);
    while (path.len != 0 && path.data[path.len - 1] != '/') {
        path.len--;
    }
    return path;
}


static int
join(wd_pool_t *pool, wd_str_t a, wd_str_t b, wd_str_t *ret)
{
    char *p = wd_pool_alloc(pool, a.len + b.len + 1);

    if (p == NULL) {
        return WD_ENOMEM;
    }
    if (a.len != 0) {
        memcpy(p, a.data, a.len);
    }
    if (b.len != 0) {
        memcpy(p + a.len, b.data, b.len);
    }
    *ret = wd_str(p, a.len + b.len);
    return WD_OK;
}


int
wd_bbg_path(wd_pool_t *pool, wd_str_t host, wd_str_t base, wd_str_t url,
            wd_str_t *ret)
{
    static const char https[] = "https://";
    size_t            n = sizeof(https) - 1;
    wd_str_t          rest;

    *ret = WD_STR_NULL;
    if (url.data == NULL || !wd_bbg_link_ok(url)) {
        return WD_OK;
    }
    if (wd_str_starts(url, https)) {
        rest = wd_str(url.data + n, url.len - n);
        if (rest.len <= host.len || rest.data[host.len] != '/'
            || !wd_str_ieq(wd_str(rest.data, host.len), host)) {
            return WD_OK;
        }
        rest = wd_str(rest.data + host.len, rest.len - host.len);
        return wd_str_starts(rest, "//") ? WD_OK
                                         : join(pool, rest, WD_STR(""), ret);
    }
    if (wd_str_starts(url, "/")) {
        return wd_str_starts(url, "//") ? WD_OK
                                        : join(pool, url, WD_STR(""), ret);
    }
    if (base.len == 0 || memchr(url.data, ':', wd_bbg_without_query(url).len)) {
        return WD_OK;
    }
    base = url.len == 0         ? base
           : url.data[0] == '?' ? wd_bbg_without_query(base)
                                : folder(base);
    return base.len + url.len > WD_BBG_URL_MAX ? WD_OK
                                               : join(pool, base, url, ret);
}
