/*
 * ingestion_account.h - an account at a provider: where it is, who asks, and
 * how often he may.
 */
#ifndef INGESTION_ACCOUNT_H
#define INGESTION_ACCOUNT_H

#include "ingestion_secrets.h"

#define INGESTION_KEYS_MAX 16
#define INGESTION_CONCURRENCY_MAX 2000
#define INGESTION_KEY_ID 12 /* letters of the digest that stands for a key */

/* As configured. Texts may be NULL; which ones a provider uses is his. */
typedef struct {
    char *url; /* base address without a slash at its end */
    char *hosts; /* further ones that may be asked, separated by commas */
    char *key; /* one, or several separated by commas */
    char *user;
    char *secret;
    char *app; /* application or client */
    char *catalog;
    char *bridge; /* base address of a second service */
    char *cert; /* files: what a client shows at the bridge */
    char *cert_key;

    uint32_t per_second; /* calls of each key; 0: no limit */
    uint32_t per_minute;
    uint32_t per_day;
    uint32_t per_page;
    uint32_t concurrency; /* requests under way at a time */
    bool     exclusive; /* takes the session over from others */
    bool     basic; /* name and password with each request, no token */
} ingestion_conf_account_t;

typedef struct {
    char *text; /* NULL: the account has none; secret */
    char  id[INGESTION_KEY_ID + 1]; /* digest; "" without a key */
} ingestion_key_t;

/* The same, ready for use; each who keeps it holds a reference. */
typedef struct {
    ingestion_conf_account_t c;
    ingestion_key_t          keys[INGESTION_KEYS_MAX];
    size_t                   n_keys; /* at least 1; each one once */
    ingestion_secrets_t      secrets; /* keys and `secret` */
    unsigned                 refs;
} ingestion_account_t;

/* A copy with one reference; NULL without memory. */
ingestion_account_t *
ingestion_account_create(const ingestion_conf_account_t *conf);

/* One thread at a time. The last one wipes the secrets. */
ingestion_account_t *ingestion_account_ref(ingestion_account_t *a);
void ingestion_account_release(ingestion_account_t *a); /* NULL is accepted */

/* Does a token of `a` serve `b` as well: the same place, user and secrets? */
bool ingestion_account_logs_in_as(const ingestion_account_t *a,
                                  const ingestion_account_t *b);

/* Base address: https, or http where `allow_http`; no user, no query. */
bool ingestion_url_ok(const char *url, bool allow_http);

/*
 * May this URL be asked? It must begin as the account's url or bridge does,
 * up to the end of the host and its port, or have a host of its list.
 */
bool ingestion_account_allows(const ingestion_account_t *a, wd_str_t url);

/* How many keys a configured text holds. */
size_t ingestion_keys_count(const char *keys);

/* The key with this id, or n_keys. */
size_t ingestion_account_find_key(const ingestion_account_t *a, const char *id);

#endif /* INGESTION_ACCOUNT_H */
