/*
 * ingestion_provider.c - what all providers share: look-up, URLs, the
 * judgement of a whole answer, the walk over pages.
 */
#include "provider.h"

#include <stdio.h>

/* A shorter key could be part of ordinary text. */
#define KEY_MIN 6

const ingestion_provider_t *const ingestion_providers[INGESTION_PROVIDERS] = {
    &ingestion_alphavantage,
    &ingestion_worldbank,
};


const ingestion_provider_t *
ingestion_provider_by_name(wd_str_t name)
{
    size_t i;

    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        if (wd_str_eq_z(name, ingestion_providers[i]->name)) {
            return ingestion_providers[i];
        }
    }
    return NULL;
}


const ingestion_dataset_t *
ingestion_dataset_by_name(const ingestion_provider_t *p, wd_str_t name)
{
    size_t i;

    for (i = 0; i < p->n_datasets; i++) {
        if (wd_str_eq_z(name, p->datasets[i].name)) {
            return &p->datasets[i];
        }
    }
    return NULL;
}


bool
ingestion_configured(const ingestion_provider_t *p,
                     const ingestion_account_t  *account)
{
    return account->url != NULL
           && (p->key_param == NULL
               || (account->key != NULL && account->key[0] != '\0'));
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


void
ingestion_escape(wd_buf_t *out, wd_str_t s, const char *keep)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t            i;
    unsigned char     c;

    for (i = 0; i < s.len; i++) {
        c = (unsigned char) s.data[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9')
            || (c != '\0' && (strchr("-._~", c) || strchr(keep, c)))) {
            wd_buf_byte(out, c);
        } else {
            wd_buf_byte(out, '%');
            wd_buf_byte(out, (uint8_t) hex[c >> 4]);
            wd_buf_byte(out, (uint8_t) hex[c & 15]);
        }
    }
}


void
ingestion_url_add_key(const ingestion_provider_t *p,
                      const ingestion_account_t *account, wd_buf_t *url)
{
    if (p->key_param == NULL || account->key == NULL) {
        return;
    }
    wd_buf_byte(url, '&');
    wd_buf_z(url, p->key_param);
    wd_buf_byte(url, '=');
    ingestion_escape(url, wd_str_z(account->key), "");
}


/* An answer whose body says nothing (a gateway's page), by its status. */
static void
judge_status(int status, wd_answer_t *answer)
{
    wd_answer_e class;
    char text[64];

    if (status == 429) {
        class = WD_ANSWER_LIMIT_SHORT;
    } else if (status == 401 || status == 407) {
        class = WD_ANSWER_AUTH;
    } else if (status == 403) {
        class = WD_ANSWER_PERMISSION;
    } else if (status >= 500 && status != 501) {
        class = WD_ANSWER_UPSTREAM;
    } else {
        class = WD_ANSWER_BAD_REQUEST;
    }
    snprintf(text, sizeof(text), "The provider answered with status %d",
             status);
    wd_answer_set(answer, class, text);
}


/* The request got no complete answer. */
static void
judge_transport(int rc, const wd_error_t *why, const wd_http_res_t *res,
                ingestion_verdict_t *ret)
{
    char text[WD_ANSWER_TEXT_MAX];

    snprintf(text, sizeof(text), "%s", why->text);
    switch (rc) {
    case WD_ETRUNC:
        if (res->body.len == 0) {
            wd_answer_set(&ret->answer, WD_ANSWER_UPSTREAM, text);
        } else {
            wd_answer_set(&ret->answer, WD_ANSWER_MALFORMED, text);
            ret->keep = true;
        }
        ret->retry = true;
        break;
    case WD_ETOOBIG:
        wd_answer_set(&ret->answer, WD_ANSWER_MALFORMED, text);
        ret->keep = true;
        break;
    case WD_EFORBIDDEN:
        wd_answer_set(&ret->answer, WD_ANSWER_BAD_REQUEST, text);
        break;
    default:
        wd_answer_set(&ret->answer, WD_ANSWER_UPSTREAM, text);
        ret->retry = true;
    }
}


static bool
holds(wd_str_t text, wd_str_t part)
{
    return memmem(text.data, text.len, part.data, part.len) != NULL;
}


/* Replaces the key in a text that redaction by form may have missed. */
static void
hide_key(char *text, const char *key)
{
    char  *at;
    size_t n = strlen(key);

    while ((at = strstr(text, key)) != NULL) {
        memset(at, '*', n);
    }
}


int
ingestion_judge(const ingestion_provider_t *p, const char *key, int rc,
                const wd_error_t *why, const wd_http_res_t *res, int attempt,
                ingestion_verdict_t *ret)
{
    wd_str_t     body = wd_buf_view(&res->body);
    wd_answer_t *a = &ret->answer;

    memset(ret, 0, sizeof(*ret));
    if (rc != WD_OK) {
        judge_transport(rc, why, res, ret);
    } else {
        rc = p->classify(body, a, &ret->page);
        if (rc != WD_OK) {
            return rc;
        }
        /* Errors in the provider's own words count whatever the status. */
        if ((res->status < 200 || res->status > 299)
            && (a->class == WD_ANSWER_OK || a->class == WD_ANSWER_EMPTY
                || a->class == WD_ANSWER_PARTIAL
                || a->class == WD_ANSWER_MALFORMED || body.len == 0)) {
            judge_status(res->status, a);
            /* Mornings of 400 for valid calls have been reported. */
            ret->retry = res->status == 400 && attempt == 1;
        }
        ret->keep = wd_answer_is_raw(a->class) && body.len != 0;
        ret->retry |= a->class == WD_ANSWER_UPSTREAM
                      || a->class == WD_ANSWER_LIMIT_SHORT;
    }

    if (key != NULL && strlen(key) >= KEY_MIN) {
        hide_key(a->text, key);
        if (ret->keep && a->class != WD_ANSWER_OK
            && holds(body, wd_str_z(key))) {
            ret->keep = false;
        }
    }
    ret->wait_s = wd_max(a->wait_s, res->retry_after_s);
    ret->wait_s = wd_max(ret->wait_s, 0);
    return WD_OK;
}


ingestion_pages_e
ingestion_pages_next(const ingestion_page_t *page, int asked, int64_t rows,
                     bool same)
{
    if (page->page == 0) {
        return INGESTION_PAGES_DONE;
    }
    if (rows + page->rows >= page->total && page->page == asked
        && !(same && asked > 1)) {
        return INGESTION_PAGES_DONE;
    }
    if (page->page != asked || page->rows == 0 || same || asked >= page->pages
        || asked >= INGESTION_PAGES_MAX) {
        return INGESTION_PAGES_STUCK;
    }
    return INGESTION_PAGES_MORE;
}
