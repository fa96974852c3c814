/*
 * ingestion_fetcher_request.c - a question and what proves who asks, as a
 * request for the net.
 */
#include "ingestion_fetcher_request.h"

#include "wd_spans.h"

#include <sodium.h>
#include <stdlib.h>


/* "" where the provider signs nothing. */
static int
signature(ingestion_fetcher_t *f, const ingestion_account_t *account,
          const ingestion_question_t *q, const char *token, char **ret)
{
    int              rc;
    wd_buf_t         line;
    uint8_t          nonce[INGESTION_NONCE_LEN];
    ingestion_sign_t in = {.account = account,
                           .question = q,
                           .token = token,
                           .now = wd_now() + f->skew,
                           .nonce = nonce};

    *ret = NULL;
    if (f->p->sign == NULL) {
        return WD_OK;
    }
    randombytes_buf(nonce, sizeof(nonce));
    wd_buf_init(&line, 2 * INGESTION_TOKEN_MAX);
    rc = f->p->sign(&in, &line);
    if (rc == WD_OK && line.len != 0) {
        *ret = strdup(wd_buf_cstr(&line));
        rc = *ret == NULL || line.err != WD_OK ? WD_ENOMEM : WD_OK;
    }
    if (line.data != NULL) {
        sodium_memzero(line.data, line.cap);
    }
    wd_buf_done(&line);
    return rc;
}


int
ingestion_request_make(ingestion_fetcher_t *f, ingestion_account_t *account,
                       ingestion_question_t *q, const char *token,
                       const char **headers, size_t n_headers,
                       char **ret_secret, ingestion_call_t *call)
{
    int                     rc;
    size_t                  i;
    const ingestion_conf_t *conf = &f->in->conf;

    if (q->url.err != WD_OK || q->body.err != WD_OK) {
        return WD_ENOMEM;
    }
    if (!ingestion_account_allows(account, wd_buf_view(&q->url))) {
        return WD_EFORBIDDEN;
    }
    rc = signature(f, account, q, token, ret_secret);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < q->n_headers; i++) {
        headers[n_headers++] = q->headers[i];
    }
    if (*ret_secret != NULL) {
        headers[n_headers++] = *ret_secret;
    }

    wd_http_res_done(&call->res);
    wd_http_res_init(&call->res);
    call->post = q->post;
    call->req = (wd_http_req_t){
        .url = wd_buf_cstr(&q->url),
        .user_agent = "WizData/" WD_VERSION,
        .connect_timeout_ms = conf->connect_timeout_ms,
        .timeout_ms = conf->timeout_ms,
        .max_bytes = conf->max_bytes,
        .allow_http = conf->allow_http,
        .allow_private = conf->allow_private || conf->allow_http,
        .ca_file = conf->ca_file,
        .cert_file = q->cert,
        .cert_key_file = q->cert_key,
        .headers = headers,
        .n_headers = n_headers,
        .body = wd_buf_view(&q->body),
    };
    f->last_call = wd_monotonic();
    return WD_OK;
}
