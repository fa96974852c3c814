/*
 * provider.h - what the fetcher must know of a data provider: how to ask, how
 * to prove who asks, what an answer means and what comes after it. Pure: no
 * I/O, no clock, no state.
 */
#ifndef INGESTION_PROVIDER_H
#define INGESTION_PROVIDER_H

#include "ingestion_account.h"
#include "ingestion_args.h"

#include "wd_answer.h"
#include "wd_http.h"

#define INGESTION_HEADERS_MAX 6
#define INGESTION_CURSOR_MAX 512 /* bytes */
#define INGESTION_NONCE_LEN 16

typedef struct ingestion_provider ingestion_provider_t;

/* What is asked for, and how far that has come. */
typedef struct {
    const ingestion_provider_t *provider;
    const ingestion_account_t  *account;
    const ingestion_dataset_t  *dataset;
    const ingestion_args_t     *args;
    int                         page; /* 1, 2, ... */
    const char                 *cursor; /* of the answer before; "" at first */
    size_t                      key; /* of the account */
    int64_t                     rows; /* of the pages before */
    bool                        same; /* the body is that of the page before */
    const ingestion_secrets_t  *proof; /* what it was asked with, or NULL */
    int64_t                     job; /* number and birth: together unique */
    wd_ns_t                     created;
    wd_ns_t                     now;
} ingestion_ask_t;

/* A request, without what proves who asks. */
typedef struct {
    bool        post;
    wd_buf_t    url;
    wd_buf_t    body;
    const char *headers[INGESTION_HEADERS_MAX]; /* constants */
    size_t      n_headers;
    const char *cert; /* files of the account, or NULL */
    const char *cert_key;
} ingestion_question_t;

/* Heap texts, wiped by ingestion_token_done(). */
typedef struct {
    char   *access; /* NULL: there is none */
    char   *refresh; /* NULL: none was given */
    int64_t life_s; /* from the answer on */
} ingestion_token_t;

/* Where an answer stands in a list of pages. */
typedef struct {
    int64_t page; /* 0: this answer has no pages */
    int64_t pages;
    int64_t total;
    int64_t rows;
} ingestion_page_t;

/* What is to be done with an answer. */
typedef struct {
    wd_answer_t      answer;
    ingestion_page_t page;
    bool             step; /* on the way to the data: never kept */
    bool             data; /* rows beside an error: kept all the same */
    bool             keep; /* the body goes into the lake */
    bool             retry; /* worth another attempt */
    bool             transport; /* no whole answer of HTTP came */
    int64_t          wait_s; /* that the provider wants; 0: unknown */
} ingestion_verdict_t;

/* What comes after an answer. */
typedef enum {
    INGESTION_NEXT_DONE, /* all is here */
    INGESTION_NEXT_MORE, /* ask for the next page */
    INGESTION_NEXT_LATER, /* the same, after wait_ms: it is not ready */
    INGESTION_NEXT_STUCK /* promised rows do not come; `text` says why */
} ingestion_next_e;

typedef struct {
    ingestion_next_e what;
    int64_t          wait_ms;
    char             cursor[INGESTION_CURSOR_MAX + 1];
    const char      *text;
} ingestion_next_t;

/* What a signature is made of. */
typedef struct {
    const ingestion_account_t  *account;
    const ingestion_question_t *question;
    const char                 *token; /* NULL: none is needed */
    wd_ns_t        now; /* as far as known by the provider's clock */
    const uint8_t *nonce; /* INGESTION_NONCE_LEN random bytes */
} ingestion_sign_t;

struct ingestion_provider {
    const char                *name; /* in the API, the lake, the tables */
    const char                *health_name;
    const char                *key_param; /* NULL: no key in the URL */
    const ingestion_dataset_t *datasets;
    size_t                     n_datasets;
    bool                       exclusive; /* one session for all instances */
    bool                       secret_app; /* `app` shows nowhere, either */

    /* What the account lacks for this data set, NULL: for any; NULL: nothing.
     * Without the function: a URL, and a key where there is a key_param. */
    const char *(*lacks)(const ingestion_conf_account_t *account,
                         const ingestion_dataset_t      *dataset);

    /* WD_OK, WD_ENOMEM, or *err says why this cannot be asked. */
    int (*question)(const ingestion_ask_t *ask, ingestion_question_t *ret,
                    wd_error_t *err);

    /* Fills answer, page, step and data of a whole answer. WD_OK or WD_ENOMEM. */
    int (*classify)(const ingestion_ask_t *ask, const wd_http_res_t *res,
                    ingestion_verdict_t *ret);

    /* What comes after an answer of class OK or EMPTY. NULL: pages by number,
     * if it has any. WD_OK or WD_ENOMEM. */
    int (*next)(const ingestion_ask_t *ask, const wd_http_res_t *res,
                const ingestion_verdict_t *v, ingestion_next_t *ret);

    /* A header line "Authorization: ..." for *out; NULL: none. WD_OK,
     * WD_ENOMEM, or WD_ECONFIG: the account's secret is none. */
    int (*sign)(const ingestion_sign_t *in, wd_buf_t *out);

    /* Asks for a token, with old->refresh if there is one; NULL, or false for
     * an account: requests need none. */
    bool (*needs_token)(const ingestion_account_t *account);
    int (*grant)(const ingestion_account_t *account,
                 const ingestion_token_t *old, ingestion_question_t *ret);
    int (*granted)(wd_str_t body, ingestion_token_t *ret, wd_answer_t *why);

    /* Gives the session back, with a header line of its own for *header;
     * NULL: it ends by itself. WD_OK, WD_ENOMEM, WD_ENOTFOUND: this account
     * has none. */
    int (*revoke)(const ingestion_account_t *account, const char *token,
                  ingestion_question_t *ret, wd_buf_t *header);
};

extern const ingestion_provider_t ingestion_alphavantage;
extern const ingestion_provider_t ingestion_worldbank;
extern const ingestion_provider_t ingestion_bloomberg;
extern const ingestion_provider_t ingestion_lseg;
extern const ingestion_provider_t ingestion_spglobal;

/* In the order of this list are the accounts of the configuration. */
enum {
    INGESTION_ALPHAVANTAGE,
    INGESTION_WORLDBANK,
    INGESTION_BLOOMBERG,
    INGESTION_LSEG,
    INGESTION_SPGLOBAL,
    INGESTION_PROVIDERS
};

extern const ingestion_provider_t
    *const ingestion_providers[INGESTION_PROVIDERS];

const ingestion_provider_t *ingestion_provider_by_name(wd_str_t name);
const ingestion_dataset_t *
ingestion_dataset_by_name(const ingestion_provider_t *p, wd_str_t name);

/* WD_EPARAM, and in *err that the provider has it not, and what he has. */
int ingestion_dataset_unknown(const ingestion_provider_t *p, wd_str_t name,
                              wd_error_t *err);

/* What is missing in the configuration; NULL: nothing. dataset NULL: any. */
const char *ingestion_lacks(const ingestion_provider_t     *p,
                            const ingestion_conf_account_t *account,
                            const ingestion_dataset_t      *dataset);

/* For .lacks of those that a user and a password log in at. */
const char *ingestion_lacks_login(const ingestion_conf_account_t *account,
                                  const ingestion_dataset_t      *dataset);

/* Percent-encodes all but unreserved characters and those of `keep`. */
void ingestion_escape(wd_buf_t *out, wd_str_t s, const char *keep);

/* "?name=value" or "&name=value"; nothing for an empty value. */
void ingestion_url_param(wd_buf_t *url, const char *name, wd_str_t value);

/* The last thing before the request; the result must be wiped after it. */
void ingestion_url_add_key(const ingestion_ask_t *ask, wd_buf_t *url);

void ingestion_question_init(ingestion_question_t *q);
void ingestion_question_done(ingestion_question_t *q); /* wipes */
void ingestion_question_header(ingestion_question_t *q, const char *line);

/* "name=value" of a form, percent-encoded, behind an '&' but for the first. */
void ingestion_form_param(wd_buf_t *form, const char *name, const char *value);

/* "Authorization: Basic ..." of a user and a password, appended. WD_OK,
 * WD_ENOMEM, WD_ETOOBIG. */
wd_must_check int ingestion_basic_header(const char *user, const char *password,
                                         wd_buf_t *out);

/* Copies; refresh may be empty. WD_OK or WD_ENOMEM. */
wd_must_check int ingestion_token_set(ingestion_token_t *t, wd_str_t access,
                                      wd_str_t refresh, int64_t life_s);
void              ingestion_token_done(ingestion_token_t *t);

/*
 * The whole judgement: `rc` and `why` are those of wd_http_get(); `attempt`
 * is 1 for the first. The text names no secret and no URL. WD_OK or
 * WD_ENOMEM.
 */
wd_must_check int ingestion_judge(const ingestion_ask_t *ask, int rc,
                                  const wd_error_t    *why,
                                  const wd_http_res_t *res, int attempt,
                                  ingestion_verdict_t *ret);

/* What comes after an answer that was judged OK or EMPTY; as of the table. */
wd_must_check int ingestion_next(const ingestion_ask_t     *ask,
                                 const wd_http_res_t       *res,
                                 const ingestion_verdict_t *v,
                                 ingestion_next_t          *ret);

/* The same for pages that the provider counts. */
void ingestion_next_page(const ingestion_ask_t     *ask,
                         const ingestion_verdict_t *v, ingestion_next_t *ret);

/* What comes after a page that was judged OK. */
typedef enum {
    INGESTION_PAGES_MORE, /* ask for the next one */
    INGESTION_PAGES_DONE, /* all rows that the provider counts are here */
    INGESTION_PAGES_STUCK /* it promises rows that do not come */
} ingestion_pages_e;

#define INGESTION_PAGES_MAX 1000

/*
 * `asked` is the page asked for, `rows` those of the pages before, `same`
 * tells that the body equals that of the page before.
 */
ingestion_pages_e ingestion_pages_next(const ingestion_page_t *page, int asked,
                                       int64_t rows, bool same);

#endif /* INGESTION_PROVIDER_H */
