/*
 * fuzz_discovery.c - descriptions of issuers, and URLs: what is taken can be
 * asked for in one line of HTTP, and every refusal has a reason.
 */
#include "wd_discovery.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(bool ok)
{
    if (!ok) {
        abort();
    }
}


static bool
within(wd_str_t part, wd_str_t all)
{
    return part.data >= all.data && part.data + part.len <= all.data + all.len;
}


static void
check_url(wd_str_t url)
{
    size_t             i;
    wd_error_t         err = {0};
    wd_discovery_url_t u;

    if (wd_discovery_url(url, &u, &err) != WD_OK) {
        must(err.text[0] != '\0');
        return;
    }

    must(url.len <= WD_DISCOVERY_URL_MAX && u.port != 0);
    must(u.host.len != 0 && within(u.host, url) && within(u.path, url));
    must(u.path.len == 0 || *u.path.data == '/');
    must(u.path.data + u.path.len == url.data + url.len);
    must(memchr(u.host.data, '@', u.host.len) == NULL);
    for (i = 0; i < url.len; i++) {
        must((uint8_t) url.data[i] > ' ' && (uint8_t) url.data[i] < 0x7f);
    }
    must(wd_discovery_same_host(&u, &u));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t     len;
    char       out[WD_DISCOVERY_URL_MAX];
    wd_str_t   text = wd_str((const char *) data, size);
    wd_error_t err = {0};

    check_url(text);

    if (wd_discovery_read(text, WD_STR("https://a"), out, &len, &err)
        != WD_OK) {
        must(err.text[0] != '\0');
        return 0;
    }
    must(size <= WD_DISCOVERY_BYTES_MAX && len <= sizeof(out));
    must(wd_discovery_url(wd_str(out, len), &(wd_discovery_url_t){0}, NULL)
         == WD_OK);
    check_url(wd_str(out, len));
    return 0;
}
