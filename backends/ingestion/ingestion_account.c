/*
 * ingestion_account.c - copies of accounts, their keys, their secrets.
 */
#include "ingestion_account.h"

#include "wd_num.h"

#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>

/* A shorter one could be part of ordinary text. */
#define SECRET_MIN 6

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
    a->n_keys++;
    return true;
}


static bool
split_keys(ingestion_account_t *a)
{
    wd_str_t one, rest = wd_str_z(a->c.key != NULL ? a->c.key : "");

    while (a->n_keys < INGESTION_KEYS_MAX && rest.len != 0
           && wd_str_split(&rest, ',', &one)) {
        one = wd_str_trim(one);
        if (one.len != 0 && !add_key(a, one)) {
            return false;
        }
    }
    a->n_keys = wd_max(a->n_keys, (size_t) 1);
    return true;
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
    if (!ok || !split_keys(a)) {
        ingestion_account_release(a);
        return NULL;
    }
    return a;
}


ingestion_account_t *
ingestion_account_ref(ingestion_account_t *a)
{
    a->refs++;
    return a;
}


static void
forget(char *text)
{
    if (text != NULL) {
        sodium_memzero(text, strlen(text));
    }
    free(text);
}


void
ingestion_account_release(ingestion_account_t *a)
{
    size_t i;

    if (a == NULL || --a->refs != 0) {
        return;
    }
    for (i = 0; i < wd_array_len(texts); i++) {
        forget(*text_at(&a->c, i));
    }
    for (i = 0; i < a->n_keys; i++) {
        forget(a->keys[i].text);
    }
    free(a);
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


static bool
is_secret(const char *text)
{
    return text != NULL && strlen(text) >= SECRET_MIN;
}


static bool
holds(wd_str_t text, const char *secret)
{
    return is_secret(secret)
           && memmem(text.data, text.len, secret, strlen(secret)) != NULL;
}


bool
ingestion_account_betrayed(const ingestion_account_t *a, wd_str_t text)
{
    size_t i;

    for (i = 0; i < a->n_keys; i++) {
        if (holds(text, a->keys[i].text)) {
            return true;
        }
    }
    return holds(text, a->c.secret);
}


static void
hide(char *text, const char *secret)
{
    char *at;

    if (!is_secret(secret)) {
        return;
    }
    while ((at = strstr(text, secret)) != NULL) {
        memset(at, '*', strlen(secret));
    }
}


void
ingestion_account_hide(const ingestion_account_t *a, char *text)
{
    size_t i;

    hide(text, a->c.secret);
    for (i = 0; i < a->n_keys; i++) {
        hide(text, a->keys[i].text);
    }
}
