/*
 * wd_discovery.c - from an issuer's own description to the URL of its keys.
 */
#include "wd_discovery.h"

#include "wd_jobj.h"

#define WD_DISCOVERY_BLOCK 4096
#define WD_DISCOVERY_SCHEME "https://"
#define WD_DISCOVERY_PORT 443
#define WD_DISCOVERY_HOST_MAX 253
#define WD_DISCOVERY_PORT_DIGITS 5


static bool
wd_discovery_is_digit(char c)
{
    return c >= '0' && c <= '9';
}


/* Of a name or an IPv4 address; `address`: of one in brackets. */
static bool
wd_discovery_is_host(wd_str_t host, bool address)
{
    size_t i;
    char   c;

    if (host.len == 0 || host.len > WD_DISCOVERY_HOST_MAX) {
        return false;
    }

    for (i = 0; i < host.len; i++) {
        c = host.data[i];
        if (wd_discovery_is_digit(c) || c == '.' || (c >= 'a' && c <= 'f')
            || (c >= 'A' && c <= 'F')) {
            continue;
        }
        if (address ? c == ':'
                    : c == '-' || (c >= 'g' && c <= 'z')
                          || (c >= 'G' && c <= 'Z')) {
            continue;
        }
        return false;
    }
    return true;
}


/* Digits only, from 1 to 65535. */
static bool
wd_discovery_port(wd_str_t text, uint16_t *ret)
{
    size_t   i;
    unsigned port = 0;

    if (text.len == 0 || text.len > WD_DISCOVERY_PORT_DIGITS) {
        return false;
    }

    for (i = 0; i < text.len; i++) {
        if (!wd_discovery_is_digit(text.data[i])) {
            return false;
        }
        port = port * 10 + (unsigned) (text.data[i] - '0');
    }
    *ret = (uint16_t) port;
    return port >= 1 && port <= UINT16_MAX;
}


/* host, host:port, [address] or [address]:port */
static bool
wd_discovery_authority(wd_str_t at, wd_discovery_url_t *ret)
{
    bool address = at.len != 0 && *at.data == '[';

    ret->port = WD_DISCOVERY_PORT;

    if (address) {
        at = wd_str(at.data + 1, at.len - 1);
        (void) wd_str_split(&at, ']', &ret->host);
        if (at.data == NULL) {
            return false;
        }
        if (at.len == 0) {
            at.data = NULL; /* no port */
        } else if (*at.data == ':') {
            at = wd_str(at.data + 1, at.len - 1);
        } else {
            return false;
        }
    } else if (!wd_str_split(&at, ':', &ret->host)) {
        return false;
    }

    return wd_discovery_is_host(ret->host, address)
           && (at.data == NULL || wd_discovery_port(at, &ret->port));
}


int
wd_discovery_url(wd_str_t url, wd_discovery_url_t *ret, wd_error_t *err)
{
    size_t      i;
    wd_str_t    rest;
    const char *slash;

    if (url.len > WD_DISCOVERY_URL_MAX) {
        return wd_error(err, WD_EINVAL, "longer than %d bytes",
                        WD_DISCOVERY_URL_MAX);
    }
    if (!wd_str_starts(url, WD_DISCOVERY_SCHEME)) {
        return wd_error(err, WD_EINVAL, "no https URL");
    }

    for (i = 0; i < url.len; i++) {
        if (url.data[i] <= ' ' || url.data[i] >= 0x7f || url.data[i] == '#') {
            return wd_error(err, WD_EINVAL,
                            "a URL with a fragment, or a character that is "
                            "no part of one");
        }
    }

    rest = wd_str(url.data + strlen(WD_DISCOVERY_SCHEME),
                  url.len - strlen(WD_DISCOVERY_SCHEME));
    slash = rest.len != 0 ? memchr(rest.data, '/', rest.len) : NULL;
    ret->path = wd_str(rest.data + rest.len, 0);
    if (slash != NULL) {
        ret->path = wd_str(slash, (size_t) (rest.data + rest.len - slash));
        rest.len -= ret->path.len;
    }
    if (!wd_discovery_authority(rest, ret)) {
        return wd_error(err, WD_EINVAL, "a URL without a host");
    }
    return WD_OK;
}


bool
wd_discovery_same_host(const wd_discovery_url_t *a, const wd_discovery_url_t *b)
{
    return a->port == b->port && wd_str_ieq(a->host, b->host);
}


static int
wd_discovery_json(wd_jobj_t *o, wd_pool_t *pool, wd_str_t json, wd_error_t *err)
{
    int rc;

    if (json.len > WD_DISCOVERY_BYTES_MAX) {
        return wd_error(err, WD_EINVAL, "the document is longer than 64k");
    }

    rc = wd_jobj_read(o, pool, json);
    switch (rc) {
    case WD_OK:
        return WD_OK;
    case WD_ENOMEM:
        return wd_error(err, rc, "out of memory");
    case WD_EEXIST:
        return wd_error(err, WD_EINVAL, "a name stands twice in the document");
    case WD_ETOOBIG:
        return wd_error(err, WD_EINVAL, "the document is nested too deeply");
    default:
        return wd_error(err, WD_EINVAL, "the document is not a JSON object");
    }
}


static int
wd_discovery_members(const wd_jobj_t *o, wd_str_t iss, wd_str_t *ret,
                     wd_error_t *err)
{
    wd_error_t              why;
    wd_discovery_url_t      url;
    const wd_jobj_member_t *m = wd_jobj_get(o, "issuer");

    if (m == NULL || m->type != WD_JS_STRING || !wd_str_eq(m->text, iss)) {
        return wd_error(err, WD_EINVAL,
                        "the document's issuer is not the one configured");
    }

    m = wd_jobj_get(o, "jwks_uri");
    if (m == NULL || m->type != WD_JS_STRING) {
        return wd_error(err, WD_EINVAL, "the document has no jwks_uri");
    }
    if (wd_discovery_url(m->text, &url, &why) != WD_OK) {
        return wd_error(err, WD_EINVAL, "the document's jwks_uri is %s",
                        why.text);
    }
    *ret = m->text;
    return WD_OK;
}


int
wd_discovery_read(wd_str_t json, wd_str_t iss, char *out, size_t *ret_len,
                  wd_error_t *err)
{
    int        rc;
    wd_str_t   uri = WD_STR("");
    wd_jobj_t  o;
    wd_pool_t *pool = wd_pool_create(WD_DISCOVERY_BLOCK);

    if (pool == NULL) {
        return wd_error(err, WD_ENOMEM, "out of memory");
    }

    rc = wd_discovery_json(&o, pool, json, err);
    if (rc == WD_OK) {
        rc = wd_discovery_members(&o, iss, &uri, err);
    }
    if (rc == WD_OK) {
        memcpy(out, uri.data, uri.len);
        *ret_len = uri.len;
    }
    wd_pool_destroy(pool);
    return rc;
}
