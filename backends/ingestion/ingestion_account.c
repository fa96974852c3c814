/*
 * ingestion_account.c - copies of accounts, their keys, their secrets.
 */
#include "ingestion_account.h"

#include "wd_num.h"

#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>

#define AT(field) offsetof(ingestion_conf_account_t, field)

static const size_t texts[] = {
    AT(url), AT(hosts),   AT(key),    AT(user), AT(secret),
    AT(app), AT(catalog), AT(bridge), AT(cert), AT(cert_key),
};


static char **
text_at(const ingestion_conf_account_t *c, size_t i)
{
    return (char **) ((char *) (uintptr_t) c + texts[i]);
}


static void
forget(char **text)
{
    if (*text != NULL) {
        sodium_memzero(*text, strlen(*text));
    }
    free(*text);
    *text = NULL;
}


static bool
add_key(ingestion_account_t *a, wd_str_t text)
{
    unsigned char    hash[crypto_hash_sha256_BYTES];
    char             hex[2 * sizeof(hash) + 1];
    ingestion_key_t *k = &a->keys[a->n_keys];

    k->text = strndup(text.data, text.len);
    if (k->text == NULL) {
        return false;
    }
    crypto_hash_sha256(hash, (const unsigned char *) text.data, text.len);
    wd_hex_encode(hash, sizeof(hash), hex);
    wd_str_copy(k->id, sizeof(k->id), wd_str(hex, INGESTION_KEY_ID));
    if (ingestion_account_find_key(a, k->id) != a->n_keys) {
        forget(&k->text); /* it stands there twice */
        return true;
    }
    a->n_keys++;
    return ingestion_secrets_add(&a->secrets, text) == WD_OK;
}


/* The next key of a list; false at its end. */
static bool
next_key(wd_str_t *rest, wd_str_t *ret)
{
    while (rest->len != 0 && wd_str_split(rest, ',', ret)) {
        *ret = wd_str_trim(*ret);
        if (ret->len != 0) {
            return true;
        }
    }
    return false;
}


size_t
ingestion_keys_count(const char *keys)
{
    size_t   n = 0;
    wd_str_t one, rest = wd_str_z(keys);

    while (next_key(&rest, &one)) {
        n++;
    }
    return n;
}


static bool
split_keys(ingestion_account_t *a)
{
    wd_str_t one, rest = wd_str_z(a->c.key);

    while (a->n_keys < INGESTION_KEYS_MAX && next_key(&rest, &one)) {
        if (!add_key(a, one)) {
            return false;
        }
    }
    return true;
}


size_t
ingestion_account_find_key(const ingestion_account_t *a, const char *id)
{
    size_t i;

    for (i = 0; i < a->n_keys; i++) {
        if (strcmp(a->keys[i].id, id) == 0) {
            break;
        }
    }
    return i;
}


ingestion_account_t *
ingestion_account_create(const ingestion_conf_account_t *conf)
{
    size_t               i;
    bool                 ok = true;
    char               **text;
    ingestion_account_t *a;

    a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return NULL;
    }
    a->refs = 1;
    a->c = *conf;
    for (i = 0; i < wd_array_len(texts); i++) {
        text = text_at(&a->c, i);
        if (*text != NULL) {
            *text = strdup(*text);
            ok &= *text != NULL;
        }
    }
    if (!ok || !split_keys(a)
        || ingestion_secrets_add(&a->secrets, wd_str_z(a->c.secret)) != WD_OK) {
        ingestion_account_release(a);
        return NULL;
    }
    a->n_keys = wd_max(a->n_keys, (size_t) 1);
    return a;
}


ingestion_account_t *
ingestion_account_ref(ingestion_account_t *a)
{
    a->refs++;
    return a;
}


void
ingestion_account_release(ingestion_account_t *a)
{
    size_t i;

    if (a == NULL || --a->refs != 0) {
        return;
    }
    for (i = 0; i < wd_array_len(texts); i++) {
        forget(text_at(&a->c, i));
    }
    for (i = 0; i < INGESTION_KEYS_MAX; i++) {
        forget(&a->keys[i].text);
    }
    ingestion_secrets_done(&a->secrets);
    free(a);
}


bool
ingestion_account_logs_in_as(const ingestion_account_t *a,
                             const ingestion_account_t *b)
{
    size_t      i;
    const char *x, *y;

    for (i = 0; i < wd_array_len(texts); i++) {
        x = *text_at(&a->c, i);
        y = *text_at(&b->c, i);
        if (strcmp(x != NULL ? x : "", y != NULL ? y : "") != 0) {
            return false;
        }
    }
    return a->c.exclusive == b->c.exclusive && a->c.basic == b->c.basic;
}


bool
ingestion_url_ok(const char *url, bool allow_http)
{
    size_t      n;
    const char *p, *host;

    if (url == NULL) {
        return false;
    }
    n = strlen(url);
    if (strncmp(url, "https://", 8) == 0) {
        host = url + 8;
    } else if (allow_http && strncmp(url, "http://", 7) == 0) {
        host = url + 7;
    } else {
        return false;
    }
    if (*host == '\0' || *host == '/' || n > 512 || url[n - 1] == '/') {
        return false;
    }
    for (p = host; *p != '\0'; p++) {
        if ((unsigned char) *p <= 0x20 || (unsigned char) *p >= 0x7f
            || strchr("?#@\\\"<>", *p) != NULL) {
            return false;
        }
    }
    return true;
}


/* "https://host:443" of "https://host:443/path"; empty: it is no URL. */
static wd_str_t
origin(wd_str_t url)
{
    size_t i, from;

    if (wd_str_starts(url, "https://")) {
        from = 8;
    } else if (wd_str_starts(url, "http://")) {
        from = 7;
    } else {
        return WD_STR("");
    }
    for (i = from; i < url.len && strchr("/?#", url.data[i]) == NULL; i++) {
        if (url.data[i] == '@' || url.data[i] == '\\') {
            return WD_STR("");
        }
    }
    return wd_str(url.data, i);
}


static bool
same_origin(const char *base, wd_str_t of)
{
    return base != NULL && wd_str_ieq(origin(wd_str_z(base)), of);
}


bool
ingestion_account_allows(const ingestion_account_t *a, wd_str_t url)
{
    wd_str_t one, host, of = origin(url);
    wd_str_t rest = wd_str_z(a->c.hosts != NULL ? a->c.hosts : "");

    if (of.len == 0) {
        return false;
    }
    if (same_origin(a->c.url, of) || same_origin(a->c.bridge, of)) {
        return true;
    }
    if (!wd_str_starts(of, "https://")) {
        return false;
    }
    host = wd_str(of.data + 8, of.len - 8);
    while (rest.len != 0 && wd_str_split(&rest, ',', &one)) {
        one = wd_str_trim(one);
        if (one.len != 0 && wd_str_ieq(one, host)) {
            return true;
        }
    }
    return false;
}
