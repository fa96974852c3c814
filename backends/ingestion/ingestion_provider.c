/*
 * ingestion_provider.c - what all providers share: look-up, URLs, the
 * judgement of a whole answer, the walk over pages.
 */
#include "provider.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

const ingestion_provider_t *const ingestion_providers[INGESTION_PROVIDERS] = {
    [INGESTION_ALPHAVANTAGE] = &ingestion_alphavantage,
    [INGESTION_WORLDBANK] = &ingestion_worldbank,
    [INGESTION_BLOOMBERG] = &ingestion_bloomberg,
    [INGESTION_LSEG] = &ingestion_lseg,
    [INGESTION_SPGLOBAL] = &ingestion_spglobal,
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


int
ingestion_dataset_unknown(const ingestion_provider_t *p, wd_str_t name,
                          wd_error_t *err)
{
    size_t i, n;

    wd_error(err, WD_EPARAM, "dataset: %s has no %.*s, but", p->name,
             (int) wd_min(name.len, (size_t) 32), name.data);
    for (i = 0; i < p->n_datasets; i++) {
        n = strlen(err->text);
        if (n + strlen(p->datasets[i].name) + 8 > sizeof(err->text)) {
            snprintf(err->text + n, sizeof(err->text) - n, ", ...");
            break;
        }
        snprintf(err->text + n, sizeof(err->text) - n, "%s %s",
                 i == 0 ? "" : ",", p->datasets[i].name);
    }
    return WD_EPARAM;
}


const char *
ingestion_lacks(const ingestion_provider_t     *p,
                const ingestion_conf_account_t *account,
                const ingestion_dataset_t      *dataset)
{
    if (p->lacks != NULL) {
        return p->lacks(account, dataset);
    }
    if (account->url == NULL || account->url[0] == '\0') {
        return "a URL";
    }
    if (p->key_param != NULL
        && (account->key == NULL || account->key[0] == '\0')) {
        return "an API key";
    }
    return NULL;
}


const char *
ingestion_lacks_login(const ingestion_conf_account_t *account,
                      const ingestion_dataset_t      *dataset)
{
    (void) dataset;
    if (account->user == NULL || account->user[0] == '\0') {
        return "a user";
    }
    if (account->secret == NULL || account->secret[0] == '\0') {
        return "a password";
    }
    return NULL;
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
ingestion_url_param(wd_buf_t *url, const char *name, wd_str_t value)
{
    if (value.len == 0) {
        return;
    }
    wd_buf_byte(url,
                url->err == WD_OK && memchr(url->data, '?', url->len) != NULL
                    ? '&'
                    : '?');
    wd_buf_z(url, name);
    wd_buf_byte(url, '=');
    ingestion_escape(url, value, "");
}


void
ingestion_url_add_key(const ingestion_ask_t *ask, wd_buf_t *url)
{
    const char *key = ask->account->keys[ask->key].text;

    if (ask->provider->key_param != NULL && key != NULL) {
        ingestion_url_param(url, ask->provider->key_param, wd_str_z(key));
    }
}


void
ingestion_question_init(ingestion_question_t *q)
{
    memset(q, 0, sizeof(*q));
    wd_buf_init(&q->url, 8192);
    wd_buf_init(&q->body, 0);
}


static void
wipe(wd_buf_t *b)
{
    if (b->data != NULL) {
        sodium_memzero(b->data, b->cap);
    }
    wd_buf_done(b);
}


void
ingestion_question_done(ingestion_question_t *q)
{
    wipe(&q->url);
    wipe(&q->body);
}


void
ingestion_question_header(ingestion_question_t *q, const char *line)
{
    q->headers[q->n_headers++] = line;
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


void
ingestion_form_param(wd_buf_t *form, const char *name, const char *value)
{
    if (form->len != 0) {
        wd_buf_byte(form, '&');
    }
    wd_buf_z(form, name);
    wd_buf_byte(form, '=');
    ingestion_escape(form, wd_str_z(value), "");
}


int
ingestion_basic_header(const char *user, const char *password, wd_buf_t *out)
{
    int      rc;
    char     text[512];
    wd_buf_t pair;

    wd_buf_init(&pair, 340);
    wd_buf_printf(&pair, "%s:%s", user, password);
    rc = pair.err;
    if (rc == WD_OK) {
        sodium_bin2base64(text, sizeof(text), (unsigned char *) pair.data,
                          pair.len, sodium_base64_VARIANT_ORIGINAL);
        wd_buf_z(out, "Authorization: Basic ");
        wd_buf_z(out, text);
        rc = out->err;
        sodium_memzero(text, sizeof(text));
    }
    wipe(&pair);
    return rc;
}


int
ingestion_token_set(ingestion_token_t *t, wd_str_t access, wd_str_t refresh,
                    int64_t life_s)
{
    ingestion_token_done(t);
    t->access = strndup(access.data, access.len);
    t->refresh = refresh.len != 0 ? strndup(refresh.data, refresh.len) : NULL;
    t->life_s = life_s;
    if (t->access == NULL || (refresh.len != 0 && t->refresh == NULL)) {
        ingestion_token_done(t);
        return WD_ENOMEM;
    }
    return WD_OK;
}


void
ingestion_token_done(ingestion_token_t *t)
{
    forget(&t->access);
    forget(&t->refresh);
    t->life_s = 0;
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
    ret->transport = true;
    switch (rc) {
    case WD_ETRUNC:
    case WD_EPROTO:
        wd_answer_set(&ret->answer,
                      res->body.len == 0 ? WD_ANSWER_UPSTREAM
                                         : WD_ANSWER_MALFORMED,
                      text);
        /* What came before a cut is right; of what was changed nothing is. */
        ret->keep = rc == WD_ETRUNC && res->body.len != 0;
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
betrays(const ingestion_ask_t *ask, wd_str_t body)
{
    return ingestion_secrets_in(&ask->account->secrets, body)
           || (ask->proof != NULL && ingestion_secrets_in(ask->proof, body));
}


static void
hide(const ingestion_ask_t *ask, char *text)
{
    ingestion_secrets_hide(&ask->account->secrets, text, strlen(text));
    if (ask->proof != NULL) {
        ingestion_secrets_hide(ask->proof, text, strlen(text));
    }
}


int
ingestion_judge(const ingestion_ask_t *ask, int rc, const wd_error_t *why,
                const wd_http_res_t *res, int attempt, ingestion_verdict_t *ret)
{
    wd_str_t     body = wd_buf_view(&res->body);
    wd_answer_t *a = &ret->answer;

    memset(ret, 0, sizeof(*ret));
    if (rc != WD_OK) {
        judge_transport(rc, why, res, ret);
    } else {
        rc = ask->provider->classify(ask, res, ret);
        if (rc != WD_OK) {
            return rc;
        }
        /* Errors in the provider's own words count whatever the status. */
        if ((res->status < 200 || res->status > 299) && res->status != 304
            && !ret->step
            && (a->class == WD_ANSWER_OK || a->class == WD_ANSWER_EMPTY
                || a->class == WD_ANSWER_PARTIAL
                || a->class == WD_ANSWER_MALFORMED || body.len == 0)) {
            judge_status(res->status, a);
            /* Mornings of 400 for valid calls have been reported. */
            ret->retry = res->status == 400 && attempt == 1;
        }
        ret->keep = (wd_answer_is_raw(a->class) || ret->data) && body.len != 0
                    && !ret->step;
        ret->retry |= a->class == WD_ANSWER_UPSTREAM
                      || a->class == WD_ANSWER_LIMIT_SHORT;
    }

    if (ret->keep && a->class != WD_ANSWER_OK && a->class != WD_ANSWER_PARTIAL
        && betrays(ask, body)) {
        ret->keep = false;
    }
    hide(ask, a->text);
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


void
ingestion_next_page(const ingestion_ask_t *ask, const ingestion_verdict_t *v,
                    ingestion_next_t *ret)
{
    if (v->page.page == 0
        || (ask->page <= 1 && v->answer.class == WD_ANSWER_EMPTY)) {
        ret->what = INGESTION_NEXT_DONE;
        return;
    }
    switch (ingestion_pages_next(&v->page, ask->page, ask->rows, ask->same)) {
    case INGESTION_PAGES_MORE:
        ret->what = INGESTION_NEXT_MORE;
        break;
    case INGESTION_PAGES_DONE:
        ret->what = INGESTION_NEXT_DONE;
        break;
    default:
        ret->what = INGESTION_NEXT_STUCK;
        ret->text = "The provider counts more rows than its pages hold";
    }
}


int
ingestion_next(const ingestion_ask_t *ask, const wd_http_res_t *res,
               const ingestion_verdict_t *v, ingestion_next_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (ask->provider->next != NULL) {
        return ask->provider->next(ask, res, v, ret);
    }
    ingestion_next_page(ask, v, ret);
    return WD_OK;
}
